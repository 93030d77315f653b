//! What a process sets right before its first thread: no session keys written to disk, and files enough for sockets.

use rustix::process::{Resource, getrlimit, setrlimit};
use thiserror::Error;

/// The variable by which TLS libraries, and so QUIC, are told to log session keys.
const KEY_LOG: &str = "SSLKEYLOGFILE";

/// Why the environment could not be made safe.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum EnvironmentError {
    /// The variable is set, and other threads run already, so that it cannot be removed safely.
    #[error("SSLKEYLOGFILE is set, which would write session keys to disk; unset it and start again")]
    KeyLogSet,
}

/// Removes `SSLKEYLOGFILE`. Call it first in `main`, before any thread or runtime exists.
///
/// # Errors
/// [`EnvironmentError::KeyLogSet`] if the variable is set and the process has more than one thread.
pub fn scrub_environment() -> Result<(), EnvironmentError> {
    if !key_log_is_set() {
        return Ok(());
    }
    let threads = std::fs::read_dir("/proc/self/task").map(Iterator::count).unwrap_or(usize::MAX);
    if threads != 1 {
        return Err(EnvironmentError::KeyLogSet);
    }
    // SAFETY: the process has just been seen to have one thread, this one, so nobody reads the
    // environment while it changes.
    unsafe { std::env::remove_var(KEY_LOG) };
    Ok(())
}

/// Raises the number of files that this process may have open, sockets among them, as far as the system lets it. Gives
/// that number; `None` stands for no limit.
///
/// Shells start programs with a thousand, which links and dials of a busy hour can take up; then no file of the profile
/// could be opened either. Call it in `main`. A system that refuses leaves things as they are.
pub fn raise_file_limit() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, ..limit };
    if limit.current != limit.maximum && setrlimit(Resource::Nofile, raised).is_ok() {
        limit = raised;
    }
    limit.current
}

/// Whether the transport would log its keys.
pub(crate) fn key_log_is_set() -> bool {
    std::env::var_os(KEY_LOG).is_some()
}
