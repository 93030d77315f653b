//! The panic wipe: without its key file a profile is noise, whoever has the passphrase.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use crypto::vault::KEY_FILE_BYTES;
use rand_core::Rng;

use crate::key_file::{KEY_NAME, NEW_KEY_NAME, OLD_KEY_NAME};
use crate::open::LOCK_NAME;

/// How long a store that is just replacing its key file is waited for. It takes a few milliseconds.
const HOLD_MAX: Duration = Duration::from_millis(250);
const HOLD_PAUSE: Duration = Duration::from_millis(2);
/// How often the key file is wiped again if somebody makes it anew meanwhile.
const ATTEMPTS: u32 = 64;

/// Every name that a key file may have.
const NAMES: [&str; 3] = [KEY_NAME, NEW_KEY_NAME, OLD_KEY_NAME];

/// What a wipe has done beyond destroying the keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Wiped {
    /// Whether the other files are gone too. What remains of them cannot be read by anybody.
    pub is_empty: bool,
}

/// Destroys the keys of every vault in a profile's folder, then deletes what it can of the rest.
///
/// The key file is overwritten with noise, synced, removed and kept from being made again; that takes one sync of
/// 64 KiB, whatever the size of the profile. It works while the profile is open in this process or another one, which
/// then reports errors when it writes and should end. It needs no passphrase.
///
/// On flash memory an old copy of the key file may survive in the hardware, out of reach of any software.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] if there is no profile; any other error says that the keys may still be there.
pub fn wipe(folder: &Path) -> io::Result<Wiped> {
    if NAMES.iter().all(|name| !folder.join(name).exists()) {
        return Err(io::ErrorKind::NotFound.into());
    }
    destroy_keys(folder)?;
    Ok(Wiped { is_empty: delete_rest(folder).is_ok() })
}

fn destroy_keys(folder: &Path) -> io::Result<()> {
    let held = hold(folder);
    for _ in 0..ATTEMPTS {
        let names = NAMES.map(|name| folder.join(name));
        let take = |path: &Path| take_name(fs::create_dir(path), path, held.is_some());
        let done = names.iter().map(|path| shred_file(path).and_then(|()| take(path))).collect::<Vec<_>>();
        if done.iter().all(Result::is_ok) {
            return File::open(folder)?.sync_all();
        }
        // Made again between the two steps: once more. Anything else is an error that stays.
        for error in done.into_iter().filter_map(Result::err) {
            if error.kind() != io::ErrorKind::AlreadyExists {
                return Err(error);
            }
        }
    }
    Err(io::ErrorKind::ResourceBusy.into())
}

/// Keeps an open store from replacing the key file meanwhile. One that hangs is not waited for.
fn hold(folder: &Path) -> Option<File> {
    let folder = File::open(folder).ok()?;
    let start = Instant::now();
    while folder.try_lock().is_err() {
        if start.elapsed() > HOLD_MAX {
            return None;
        }
        std::thread::sleep(HOLD_PAUSE);
    }
    Some(folder)
}

/// Overwrites a file where it lies, waits for the disk, and removes its name.
fn shred_file(path: &Path) -> io::Result<()> {
    let mut file = match OpenOptions::new().write(true).open(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => {
            return Ok(());
        }
        file => file?,
    };
    let mut noise = vec![0; KEY_FILE_BYTES];
    rand::rng().fill_bytes(&mut noise);
    let overwritten = file.write_all(&noise).and_then(|()| file.sync_all());
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    overwritten
}

/// What came of taking the name, so that an open store can neither make the file again nor rename one into its place.
///
/// A disk that has no room for an empty folder is no error while no store can be replacing its key file: what was there is
/// noise, and a store that finds no key file makes none.
fn take_name(taken: io::Result<()>, path: &Path, is_held: bool) -> io::Result<()> {
    match taken {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists || !is_held => Err(error),
        _ => Ok(()),
    }
}

fn delete_rest(folder: &Path) -> io::Result<()> {
    let is_kept = |name: &str| name == LOCK_NAME || NAMES.contains(&name);
    let mut result = Ok(());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_kept) {
            continue;
        }
        let deleted = match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path()),
            false => fs::remove_file(entry.path()),
        };
        result = result.and(deleted);
    }
    result?;
    // While the profile is open somewhere, the names stay taken.
    let lock = File::options().write(true).open(folder.join(LOCK_NAME))?;
    lock.try_lock().map_err(io::Error::from)?;
    for name in NAMES {
        match fs::remove_dir(folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::remove_file(folder.join(LOCK_NAME))?;
    fs::remove_dir(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_noise_are_gone_also_where_the_disk_has_no_room_for_an_empty_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, none) = (folder.path().join("file"), folder.path().join("none"));
        fs::write(&file, b"made again").expect("the disk works");
        let after = |kind: io::ErrorKind, path: &Path, is_held| {
            take_name(Err(kind.into()), path, is_held).map_err(|error| error.kind())
        };
        let (full, exists) = (io::ErrorKind::StorageFull, io::ErrorKind::AlreadyExists);
        assert_eq!(after(full, &none, true), Ok(()));
        assert_eq!(after(full, &none, false), Err(full), "a store that hangs may put one there");
        assert_eq!(after(exists, folder.path(), false), Ok(()), "it was taken before");
        assert_eq!(after(exists, &file, true), Err(exists), "once more");
    }
}
