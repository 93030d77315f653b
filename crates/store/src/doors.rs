//! What a passphrase opens: it is changed, and a second one may open a decoy.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crypto::vault::{Cost, KeyFile, Role, Vault};

use crate::disk::{Disk, RealDisk};
use crate::error::OpenError;
use crate::index::Ahead;
use crate::key_file::{erase_others, put_key_file, read_key_file, replace_key_file};
use crate::keys::Keys;
use crate::open::INDEX_NAME;
use crate::sealed::SealedStore;
use crate::segment::parse_file_name;

impl SealedStore {
    /// Gives the profile another passphrase; the old one opens nothing any more. Nothing is sealed anew, so the size
    /// of the profile does not matter; deriving the key takes as long as opening.
    ///
    /// At every instant, one of the two opens the profile: the old one until the key file is in its place, the new one
    /// from then on.
    ///
    /// # Errors
    /// [`OpenError::Vault`] if memory is short or the passphrase opens another vault of this file, or what the disk
    /// reports: the old one then holds. If the disk refuses to put that back too, one of the two does.
    pub fn change_passphrase(&mut self, passphrase: &[u8]) -> Result<(), OpenError> {
        self.checkpoint()?;
        let (mut file, mut vault) = (self.key_file.clone(), self.keys.vault.clone());
        file.change_passphrase(&mut vault, passphrase, &mut self.rng)?;
        let error = match replace_key_file(self.key_disk.as_ref(), file.clone(), &vault) {
            Ok(file) => {
                (self.key_file, self.keys.vault) = (file, vault);
                return Ok(());
            }
            Err(error) => error,
        };
        self.put_passphrase_back(file, vault);
        Err(error.into())
    }

    /// The new passphrase may be in its place though something failed after that: then the old one is put back. Where that
    /// fails too, what is in its place holds from now on: what is written later must not change it once more.
    fn put_passphrase_back(&mut self, file: KeyFile, vault: Vault) {
        let disk = self.key_disk.as_ref();
        let is_in_place = || {
            let there = read_key_file(disk).ok()?;
            let mut wanted = file.clone();
            wanted.take_other_slots(&there, &vault).ok()?;
            (wanted.bytes() == there.bytes()).then_some(there)
        };
        if is_in_place().is_none() {
            return;
        }
        match replace_key_file(disk, self.key_file.clone(), &self.keys.vault) {
            Ok(old) => self.key_file = old,
            Err(_) => {
                if let Some(there) = is_in_place() {
                    (self.key_file, self.keys.vault) = (there, vault);
                }
            }
        }
    }

    /// Whether the passphrase has opened the profile itself or a decoy.
    #[must_use]
    pub fn role(&self) -> Role {
        self.keys.vault.role()
    }

    /// Whether there is a duress passphrase for this profile.
    #[must_use]
    pub fn has_duress(&self) -> bool {
        self.keys.vault.has_decoy()
    }

    /// Makes a duress passphrase and the empty store that it opens, in place of an earlier one.
    ///
    /// The earlier one is gone before the new one is there: if the power goes in between, there is none, and
    /// [`SealedStore::has_duress`] says so.
    ///
    /// The store is a profile of its own, with its own keys, in a folder below this one; fill it with what is to be
    /// seen, and close it before anything else is done with this one. If `destroys`, opening it makes noise of all
    /// other vaults of the key file before anything is shown, then deletes their files.
    ///
    /// Who holds the disk sees a second store and the size of each; see the threat model.
    ///
    /// # Errors
    /// [`OpenError::Vault`] if memory is short or the passphrase is in use already, or what the disk reports.
    pub fn create_duress(&mut self, passphrase: &[u8], destroys: bool) -> Result<SealedStore, OpenError> {
        self.checkpoint()?;
        let (mut file, mut vault) = (self.key_file.clone(), self.keys.vault.clone());
        let decoy = file.add_decoy(&mut vault, passphrase, destroys, &mut self.rng)?;
        // Its words first, then its store: a store whose log is gone would still open, empty, and tell of a rollback.
        self.remove_duress()?;
        put_key_file(self.key_disk.as_ref(), &file)?;
        (self.key_file, self.keys.vault) = (file.clone(), vault);
        let key_disk = Arc::clone(&self.key_disk);
        let (store, _) =
            Self::begin(key_disk, &self.profile, file, Keys::new(decoy), self.options.clone(), None, None)?;
        Ok(store)
    }

    /// Makes noise of the slot of the duress passphrase and deletes its store.
    ///
    /// # Errors
    /// What the disk reports.
    pub fn remove_duress(&mut self) -> Result<(), OpenError> {
        self.checkpoint()?;
        if self.has_duress() {
            let (mut file, mut vault) = (self.key_file.clone(), self.keys.vault.clone());
            file.remove_decoy(&mut vault, &mut self.rng)?;
            put_key_file(self.key_disk.as_ref(), &file)?;
            (self.key_file, self.keys.vault) = (file, vault);
        }
        self.clear_after_decoy()
    }

    /// Deletes the store of a decoy whose slot is noise: also one that a crash has left.
    pub(crate) fn clear_after_decoy(&self) -> Result<(), OpenError> {
        let folder = store_folder(&self.profile, self.keys.vault.store().saturating_add(1));
        if !self.has_duress() && folder.exists() {
            fs::remove_dir_all(folder)?;
            self.key_disk.sync_names()?;
        }
        Ok(())
    }

    /// Does what a decoy was told to do when it is opened. `ahead` is one of the indexes that go.
    pub(crate) fn destroy_others(
        disk: &dyn Disk,
        profile: &Path,
        file: KeyFile,
        keys: &Keys,
        ahead: &mut Option<Ahead>,
    ) -> Result<KeyFile, OpenError> {
        if keys.vault.role() != (Role::Decoy { destroys: true }) {
            return Ok(file);
        }
        let file = erase_others(disk, file, &keys.vault)?;
        // Who still opens an index writes to it.
        drop(ahead.take());
        // Their keys are gone: whether their files go too changes only what is seen.
        let _ = delete_other_stores(profile, keys.vault.store());
        Ok(file)
    }
}

/// Where a vault's store lies: beside the key file, or in a numbered folder below.
pub(crate) fn store_folder(profile: &Path, store: u8) -> std::path::PathBuf {
    match store {
        0 => profile.to_owned(),
        number => profile.join(number.to_string()),
    }
}

/// The disk of a vault's store.
pub(crate) fn store_disk(key_disk: &Arc<dyn Disk>, profile: &Path, store: u8) -> Arc<dyn Disk> {
    match store {
        0 => Arc::clone(key_disk),
        number => Arc::new(RealDisk::new(&store_folder(profile, number))),
    }
}

fn delete_other_stores(profile: &Path, own: u8) -> std::io::Result<()> {
    for entry in fs::read_dir(profile)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let is_log = name.split_once("-unreadable").map_or(name, |(name, _)| name);
        if name.starts_with(INDEX_NAME) || name.parse::<u8>().is_ok_and(|number| number != own) {
            fs::remove_dir_all(entry.path())?;
        } else if parse_file_name(is_log).is_some() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// What a new profile should cost to open on this machine: 256 MiB of memory where there is room for it, never less
/// than 64 MiB. Where the machine does not tell its free memory, the default.
#[must_use]
pub fn fitting_cost() -> Cost {
    let told = fs::read_to_string("/proc/meminfo").ok();
    told.as_deref().and_then(free_bytes).map_or(Cost::DEFAULT, Cost::fitting)
}

fn free_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_memory_is_read_as_the_kernel_tells_it() {
        let told = "MemTotal:       24051528 kB\nMemFree: 1 kB\nMemAvailable:    1048576 kB\n";
        assert_eq!(free_bytes(told), Some(1 << 30));
        assert_eq!(free_bytes("MemTotal: 5 kB\n"), None);
        assert_eq!(free_bytes("MemAvailable: much kB\n"), None);
    }
}
