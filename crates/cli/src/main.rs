//! The terminal's program.

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Err(error) = madang_core::scrub_environment() {
        eprintln!("madang-cli: {error}");
        return ExitCode::FAILURE;
    }
    madang_cli::main()
}
