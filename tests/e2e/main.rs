//! Stories through the whole house. Each module lists its own; a new module is added here twice.

mod conversation;
mod laboratory;
mod secrets;
mod wires;

use std::process::ExitCode;

fn main() -> ExitCode {
    let all = [conversation::STORIES, laboratory::STORIES, secrets::STORIES, wires::STORIES];
    madang_tests::story::tell_all(all.into_iter().flatten().copied())
}
