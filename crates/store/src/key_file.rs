//! The key file on its disk: read, replaced as a whole by one writer at a time, and the old copy overwritten.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crypto::vault::{KEY_FILE_BYTES, KeyFile, Vault};
use proto::store::StoreError;
use rand_core::Rng;

use crate::destruction::Pending;
use crate::disk::{Disk, DiskFile};
use crate::error::{OpenError, is_out_of_files, store_error};
use crate::sealed::SealedStore;

/// The file that the passphrase opens, what it is called until it is complete, and after it was replaced.
pub(crate) const KEY_NAME: &str = "key";
pub(crate) const NEW_KEY_NAME: &str = "key.new";
pub(crate) const OLD_KEY_NAME: &str = "key.old";

/// The key file while a thread writes it, and what is true once it is durable.
pub(crate) struct KeyJob {
    writing: Writing,
    vault: Vault,
    destruction: Option<Pending>,
}

enum Writing {
    Thread(JoinHandle<io::Result<KeyFile>>),
    Done(Box<io::Result<KeyFile>>),
}

impl KeyJob {
    fn is_finished(&self) -> bool {
        match &self.writing {
            Writing::Thread(thread) => thread.is_finished(),
            Writing::Done(_) => true,
        }
    }
}

impl SealedStore {
    /// Starts to write this state of the vault into the key file. Nothing else may be writing it.
    pub(crate) fn start_key_file(&mut self, mut vault: Vault, destruction: Option<Pending>) {
        vault.set_head(self.point.number);
        let mut file = self.key_file.clone();
        file.update(&vault, &mut self.rng).expect("the vault was opened from this file");
        let disk = Arc::clone(&self.key_disk);
        let own = vault.clone();
        let run = move || patiently(|| replace_key_file(disk.as_ref(), file.clone(), &own));
        let writing = if self.options.in_background {
            match std::thread::Builder::new().name("store-key".into()).spawn(run) {
                Ok(thread) => Writing::Thread(thread),
                Err(error) => Writing::Done(Box::new(Err(error))),
            }
        } else {
            Writing::Done(Box::new(run()))
        };
        self.jobs.key = Some(KeyJob { writing, vault, destruction });
    }

    /// Takes in a key file that was written; waits for it if `wait`.
    ///
    /// An error of a destruction ends the use of the store: which root the key file has is not known any more.
    pub(crate) fn settle_key_file(&mut self, wait: bool) -> Result<(), StoreError> {
        let Some(job) = self.jobs.key.take_if(|job| wait || job.is_finished()) else { return Ok(()) };
        let written = match job.writing {
            Writing::Thread(thread) => {
                thread.join().unwrap_or_else(|_| Err(io::Error::other("the writer of the key file panicked")))
            }
            Writing::Done(written) => *written,
        };
        match written {
            Ok(file) => {
                self.jobs.head_known = job.vault.head();
                (self.key_file, self.keys.vault) = (file, job.vault);
                if let Some(pending) = job.destruction {
                    self.finish_destruction(pending);
                }
                Ok(())
            }
            Err(error) => {
                self.broken |= job.destruction.is_some();
                Err(store_error(&error))
            }
        }
    }

    /// Starts to write how far the log has come, if the key file is not being written anyway.
    pub(crate) fn start_head(&mut self) {
        if self.settle_key_file(false).is_ok() && self.jobs.key.is_none() {
            self.start_key_file(self.keys.vault.clone(), None);
        }
    }
}

pub(crate) fn read_key_file(disk: &dyn Disk) -> Result<KeyFile, OpenError> {
    let file = match disk.open(KEY_NAME) {
        // A folder of that name is what a wipe leaves while somebody may still be writing.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => {
            return Err(OpenError::NoProfile);
        }
        file => file?,
    };
    Ok(KeyFile::parse(&content(file.as_ref())?)?)
}

/// Writes the first key file of a profile.
pub(crate) fn create_key_file(disk: &dyn Disk, file: &KeyFile) -> io::Result<()> {
    let _held = disk.hold()?;
    put_in_place(disk, file.bytes())
}

/// Puts a complete key file in the place of the one that is there, with all its slots.
pub(crate) fn put_key_file(disk: &dyn Disk, file: &KeyFile) -> io::Result<()> {
    let _held = disk.hold()?;
    let old = disk.open(KEY_NAME)?;
    put_over(disk, old.as_ref(), file)
}

/// Makes noise of all slots but the vault's own, where they lie: no copy of them remains that this program knows of.
pub(crate) fn erase_others(disk: &dyn Disk, mut file: KeyFile, own: &Vault) -> Result<KeyFile, OpenError> {
    let _held = disk.hold()?;
    file.erase_others(own, &mut rand::rng())?;
    discard_leftovers(disk)?;
    let there = disk.open(KEY_NAME)?;
    // The own slot and what is before it are written as they were, so that a torn write cannot hurt them.
    there.write_at(file.bytes(), 0)?;
    there.sync()?;
    Ok(file)
}

/// Puts a complete key file in the place of the one that is there, whose other slots it takes over as they are.
///
/// The old file's place on the disk is overwritten, as far as the disk allows: an old root must not outlive it. Where
/// there is no old file it was wiped, and none is made again.
pub(crate) fn replace_key_file(disk: &dyn Disk, mut file: KeyFile, own: &Vault) -> io::Result<KeyFile> {
    let _held = disk.hold()?;
    let old = disk.open(KEY_NAME)?;
    // What is there and cannot be read as this profile's is replaced by what is known.
    let _ = KeyFile::parse(&content(old.as_ref())?).and_then(|there| file.take_other_slots(&there, own));
    put_over(disk, old.as_ref(), &file)?;
    Ok(file)
}

/// How often, and how long after each other, the key file is tried while the system has no file free.
const FILE_TRIES: usize = 40;
const FILE_PAUSE: Duration = Duration::from_millis(250);

/// Tries again while the system has no file free, for ten seconds: half a destruction would end the use of the store,
/// and whoever takes many files, such as dials, gives them back.
fn patiently<T>(mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 1..FILE_TRIES {
        match act() {
            Err(error) if is_out_of_files(&error) => std::thread::sleep(FILE_PAUSE),
            done => return done,
        }
    }
    act()
}

/// The old file keeps a name until it is noise, so that a crash in between is made up for by the next start.
fn put_over(disk: &dyn Disk, old: &dyn DiskFile, file: &KeyFile) -> io::Result<()> {
    discard(disk, OLD_KEY_NAME)?;
    // Some file systems have no links: there, a crash at the wrong instant leaves the old file in free space.
    let is_linked = disk.link(KEY_NAME, OLD_KEY_NAME).is_ok();
    put_in_place(disk, file.bytes())?;
    make_noise(old)?;
    if is_linked { disk.remove(OLD_KEY_NAME) } else { Ok(()) }
}

/// Overwrites a key file that is no longer wanted. With noise: a newer key file would hold a root that is to die too.
fn make_noise(file: &dyn DiskFile) -> io::Result<()> {
    let mut noise = vec![0; KEY_FILE_BYTES];
    rand::rng().fill_bytes(&mut noise);
    file.write_at(&noise, 0)?;
    file.sync()
}

fn put_in_place(disk: &dyn Disk, bytes: &[u8]) -> io::Result<()> {
    discard(disk, NEW_KEY_NAME)?;
    let file = disk.create(NEW_KEY_NAME)?;
    file.write_at(bytes, 0)?;
    file.sync()?;
    disk.rename(NEW_KEY_NAME, KEY_NAME)?;
    disk.sync_names()
}

/// Removes what a crash has left of key files that are not in their place: roots stand in them too.
pub(crate) fn discard_leftovers(disk: &dyn Disk) -> io::Result<()> {
    discard(disk, NEW_KEY_NAME)?;
    discard(disk, OLD_KEY_NAME)
}

fn discard(disk: &dyn Disk, name: &str) -> io::Result<()> {
    let file = match disk.open(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    // A crash may leave this name on the very file that is in its place.
    let is_in_place = match disk.open(KEY_NAME) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        key => content(key?.as_ref())? == content(file.as_ref())?,
    };
    if !is_in_place {
        make_noise(file.as_ref())?;
    }
    disk.remove(name)
}

/// What stands in a file, up to a little more than a key file has.
fn content(file: &dyn DiskFile) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; KEY_FILE_BYTES + 1];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_waits_until_the_system_has_a_file_free() {
        let emfile = || io::Error::from_raw_os_error(24);
        let mut tries = 0;
        let done = patiently(|| {
            tries += 1;
            if tries < 3 { Err(emfile()) } else { Ok(()) }
        });
        assert!(done.is_ok() && tries == 3);
        assert_eq!(store_error(&emfile()), StoreError::NoFiles, "and who waited in vain is told so");
        let mut tries = 0;
        let refused = patiently::<()>(|| {
            tries += 1;
            Err(io::ErrorKind::PermissionDenied.into())
        });
        assert!(refused.is_err() && tries == 1, "nothing else is waited for");
    }
}
