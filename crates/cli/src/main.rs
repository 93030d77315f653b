//! The terminal's program.

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Err(error) = madang_core::scrub_environment() {
        eprintln!("madang-cli: {error}");
        return ExitCode::FAILURE;
    }
    madang_core::raise_file_limit();
    // A kernel that refuses leaves us as we are.
    let _ = madang_core::lock::harden();
    madang_cli::main()
}
