//! What a process does so that its memory stays its own, and how it forgets: by becoming a new process.
//!
//! Wiping what one knows of is not enough: libraries keep copies, the allocator keeps freed pages, text passes through
//! many hands. A process that replaces itself gets an empty memory from the kernel, and keeps its number, its terminal
//! and its window's place. What the operating system wrote elsewhere (swap, hibernation) is out of reach; `docs/threat-model.md` says so.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Keeps this process's memory from being read: no core dumps, and no debugger or look into its memory by other
/// programs of the same user. Call it first in `main`; it does not survive [`reexec`].
///
/// # Errors
/// What the kernel says if it refuses; the program can go on without.
pub fn harden() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Replaces this process by the same program with these arguments (without the program's name). Its memory is gone,
/// whatever lay in it; open files that are not standard input, output or error are closed.
///
/// End the node first ([`super::Node::shutdown`]), so that the profile is closed and free.
///
/// Returns only if that failed; then nothing has changed and the caller should end.
pub fn reexec(arguments: impl IntoIterator<Item = OsString>) -> io::Error {
    let mut command = Command::new("/proc/self/exe");
    if let Some(name) = std::env::args_os().next() {
        command.arg0(name);
    }
    command.args(arguments).exec()
}
