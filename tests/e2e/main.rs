//! Stories through the whole house. Each module lists its own; a new module is added here twice.

mod conversation;
mod floods;
mod laboratory;
mod secrets;
mod strangers;
#[path = "../../crates/store/tests/common/thief.rs"]
#[expect(unreachable_pub, reason = "shared with the tests of the store")]
mod thief;
mod window;
mod wires;

use std::process::ExitCode;

fn main() -> ExitCode {
    let all = [
        conversation::STORIES,
        floods::STORIES,
        laboratory::STORIES,
        secrets::STORIES,
        strangers::STORIES,
        window::STORIES,
        wires::STORIES,
    ];
    madang_tests::story::tell_all(all.into_iter().flatten().copied())
}
