//! The relay's program.

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Err(error) = net::scrub_environment() {
        eprintln!("madang-relay: {error}");
        return ExitCode::FAILURE;
    }
    net::raise_file_limit();
    madang_relay::command::main()
}
