//! The desktop app; see the library for all of it.

fn main() -> std::process::ExitCode {
    madang_app::run()
}
