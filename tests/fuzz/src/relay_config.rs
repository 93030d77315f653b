//! Any text as the configuration of a relay: it is taken, or a sentence says what is wrong and where.
//!
//! The file is included as it stands: its crate brings transport and disk, which are not searched here.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "only what reads the file is searched")]
#[path = "../../../crates/relay/src/config.rs"]
mod config;
#[allow(dead_code, reason = "only what reads the file is searched")]
#[path = "../../../crates/relay/src/units.rs"]
mod units;

fuzz_target!(|text: &str| {
    match config::ConfigFile::parse(Path::new("relay.toml"), text) {
        Ok(file) => assert!(!file.network.listen.is_empty()),
        Err(error) => {
            let sentence = error.to_string();
            assert!(sentence.starts_with("relay.toml"), "the file is named: {sentence}");
        }
    }
});
