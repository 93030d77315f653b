//! One window for one profile: a second start raises the first and ends.
//!
//! The first holds a lock that the system frees with the process, and listens on a socket beside it. A call to the
//! socket carries nothing; all that it can do is raise the window, a few times a second at most.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::unix::{
        fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    time::Duration,
};

/// Pause after a call, so that a flood of them costs nothing.
const BETWEEN_CALLS: Duration = Duration::from_millis(300);

/// Who holds the place.
#[derive(Debug)]
pub(crate) enum Claim {
    /// This process; the place is freed when this is dropped, or with the process.
    First(Option<Held>),
    /// Another, which has been called.
    Called,
    /// Another, which does not answer.
    Silent,
}

/// A held place.
#[derive(Debug)]
pub(crate) struct Held {
    socket: PathBuf,
    lock_path: PathBuf,
    /// Closed last: only then is the place free.
    lock: Option<File>,
    listener: Option<UnixListener>,
}

/// Takes the place of `profile` in `folder`, or calls whoever holds it. Where the folder cannot be trusted or
/// written, nobody holds the place: the profile's own lock still keeps two from opening it.
pub(crate) fn claim(folder: &Path, profile: &Path) -> Claim {
    if prepare(folder).is_err() || !is_ours_alone(folder) {
        return Claim::First(None);
    }
    let name = format!("window-{:016x}", name_of(profile));
    let (lock_path, socket) = (folder.join(format!("{name}.lock")), folder.join(format!("{name}.socket")));
    let opened = OpenOptions::new().create(true).write(true).truncate(false).mode(0o600).open(&lock_path);
    let Ok(lock) = opened else { return Claim::First(None) };
    match lock.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => {
            return if UnixStream::connect(&socket).is_ok() { Claim::Called } else { Claim::Silent };
        }
        Err(std::fs::TryLockError::Error(_)) => return Claim::First(None),
    }
    // Whoever held the place before is gone; its socket is a leftover.
    let _ = std::fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).ok();
    Claim::First(Some(Held { socket, lock_path, lock: Some(lock), listener }))
}

impl Held {
    /// Calls `raise` whenever a second start asks for the window.
    pub(crate) fn answer(&mut self, raise: impl Fn() + Send + 'static) -> io::Result<()> {
        let Some(listener) = self.listener.take() else { return Ok(()) };
        let answer = move || {
            for call in listener.incoming() {
                drop(call);
                raise();
                std::thread::sleep(BETWEEN_CALLS);
            }
        };
        std::thread::Builder::new().name("second-start".into()).spawn(answer).map(drop)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
        let _ = std::fs::remove_file(&self.lock_path);
        // Goes only if nobody else is in it.
        if let Some(folder) = self.lock_path.parent() {
            let _ = std::fs::remove_dir(folder);
        }
        self.lock = None;
    }
}

fn prepare(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Whether a folder is this user's, and no other can write into it.
pub(crate) fn is_ours_alone(folder: &Path) -> bool {
    let me = rustix::process::getuid().as_raw();
    std::fs::symlink_metadata(folder)
        .is_ok_and(|there| there.is_dir() && there.uid() == me && there.mode() & 0o022 == 0)
}

/// A short name for a profile's path. It tells nothing and must only differ.
fn name_of(profile: &Path) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    profile.as_os_str().as_encoded_bytes().iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_second_start_raises_the_first_and_a_dead_one_leaves_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("runtime");
        let profile = Path::new("/home/somebody/profile");
        let Claim::First(Some(mut first)) = claim(&place, profile) else { panic!("nobody was there") };
        let (raised, raises) = channel();
        first.answer(move || raised.send(()).unwrap_or_default()).expect("a thread");
        assert!(matches!(claim(&place, profile), Claim::Called));
        raises.recv().expect("the first was called");
        assert!(matches!(claim(&place, Path::new("/another")), Claim::First(Some(_))));
        drop(first);
        assert!(matches!(claim(&place, profile), Claim::First(Some(_))));
    }

    #[test]
    fn a_folder_that_others_can_write_is_not_trusted() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).expect("ours");
        assert!(matches!(claim(folder.path(), Path::new("/p")), Claim::First(None)));
        assert_eq!(std::fs::read_dir(folder.path()).expect("there").count(), 0);
    }
}
