//! Any line as a script's command to `madang-cli listen --stdin`: it is taken, or a sentence says what is wrong.
//!
//! The file is included as it stands: its crate brings a whole node, which is not searched here.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "only what reads a line is searched")]
#[path = "../../../crates/cli/src/command.rs"]
mod command;
#[allow(dead_code, reason = "only what reads a line is searched")]
#[path = "../../../crates/cli/src/failure.rs"]
mod failure;

fuzz_target!(|line: &str| {
    let (id, asked) = command::parse(line);
    match asked {
        Ok(command::Ask::Unlock { passphrase }) => {
            assert_eq!(format!("{passphrase:?}"), "Hidden", "a passphrase is never printed");
        }
        Ok(_) => {}
        Err(failure) => {
            assert_eq!(failure.kind, failure::Kind::Usage);
            // The answer that carries the failure is itself one line of JSON.
            let answer = serde_json::json!({ "id": id, "error": failure.to_json() }).to_string();
            assert!(!answer.contains('\n'));
        }
    }
});
