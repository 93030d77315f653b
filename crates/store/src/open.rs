//! How a store opens: the lock, the key file, the index, then what of the log the index has not heard of.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use crypto::CryptoRng;
use crypto::key::Secret32;
use crypto::vault::{Cost, KeyFile};
use proto::store::{Batch, StoreError};

use crate::disk::{Disk, RealDisk};
use crate::doors::{store_disk, store_folder};
use crate::error::{OpenError, OpenReport, Rebuilt, store_error};
use crate::index::{Ahead, Index, Unusable};
use crate::key_file::{KEY_NAME, create_key_file, discard_leftovers, read_key_file};
use crate::keys::Keys;
use crate::nodes::ROOT;
use crate::options::Options;
use crate::recent::{Entry, Recent};
use crate::record::Record;
use crate::replay::segments_of;
use crate::sealed::{Change, Parts, SealedStore};
use crate::segment::{Point, parse_file_name};

pub(crate) const LOCK_NAME: &str = "lock";
pub(crate) const INDEX_NAME: &str = "index";
/// The newest index that was damaged, kept for a look.
const DAMAGED_NAME: &str = "index-damaged";
/// The index of another layout, until the new one is whole.
const FORMER_NAME: &str = "index-former";

impl SealedStore {
    /// Makes a new store in a folder, which is made too if it is not there.
    ///
    /// # Errors
    /// [`OpenError::AlreadyThere`], [`OpenError::Busy`], or what the disk reports.
    pub fn create(
        folder: &Path,
        passphrase: &[u8],
        cost: Cost,
        options: Options,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, OpenError> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let lock = lock(folder)?;
        Self::create_in(Arc::new(RealDisk::new(folder)), folder, passphrase, cost, options, rng, Some(lock))
    }

    /// Opens the store in a folder and repairs what a crash has left.
    ///
    /// # Errors
    /// [`OpenError::NoProfile`], [`OpenError::Busy`], [`OpenError::WrongPassphrase`], [`OpenError::Damaged`],
    /// [`OpenError::Newer`], or what the disk reports.
    pub fn open(folder: &Path, passphrase: &[u8], options: Options) -> Result<(Self, OpenReport), OpenError> {
        if !folder.is_dir() {
            return Err(OpenError::NoProfile);
        }
        let lock = lock(folder)?;
        Self::open_in(Arc::new(RealDisk::new(folder)), folder, passphrase, options, Some(lock))
    }

    /// As [`SealedStore::create`] for a machine without a person. The seed is random, so it is not stretched.
    ///
    /// # Errors
    /// Those of [`SealedStore::create`].
    pub fn create_with_seed(
        folder: &Path,
        seed: &Secret32,
        options: Options,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, OpenError> {
        // Stretching is for what people choose; 32 random bytes gain nothing from it.
        Self::create(folder, seed.as_bytes(), Cost::for_tests(), options, rng)
    }

    /// As [`SealedStore::open`] for a machine without a person.
    ///
    /// # Errors
    /// Those of [`SealedStore::open`].
    pub fn open_with_seed(
        folder: &Path,
        seed: &Secret32,
        options: Options,
    ) -> Result<(Self, OpenReport), OpenError> {
        Self::open(folder, seed.as_bytes(), options)
    }

    /// As [`SealedStore::create`] on any disk; sled's index stands in the real folder. For tests.
    ///
    /// # Errors
    /// Those of [`SealedStore::create`].
    pub fn create_on(
        disk: Arc<dyn Disk>,
        folder: &Path,
        passphrase: &[u8],
        options: Options,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, OpenError> {
        Self::create_in(disk, folder, passphrase, Cost::for_tests(), options, rng, None)
    }

    /// As [`SealedStore::open`] on any disk; sled's index stands in the real folder. For tests.
    ///
    /// # Errors
    /// Those of [`SealedStore::open`].
    pub fn open_on(
        disk: Arc<dyn Disk>,
        folder: &Path,
        passphrase: &[u8],
        options: Options,
    ) -> Result<(Self, OpenReport), OpenError> {
        Self::open_in(disk, folder, passphrase, options, None)
    }

    /// Whether there is a store in this folder.
    #[must_use]
    pub fn is_in(folder: &Path) -> bool {
        folder.join(KEY_NAME).is_file()
    }

    fn create_in(
        disk: Arc<dyn Disk>,
        folder: &Path,
        passphrase: &[u8],
        cost: Cost,
        options: Options,
        rng: &mut dyn CryptoRng,
        lock: Option<File>,
    ) -> Result<Self, OpenError> {
        let names = disk.list()?;
        let ours = |name: &String| name == KEY_NAME || parse_file_name(name).is_some();
        if names.iter().any(ours) {
            return Err(OpenError::AlreadyThere);
        }
        let (key_file, vault) = KeyFile::create(passphrase, cost, rng)?;
        create_key_file(disk.as_ref(), &key_file)?;
        // An index without a key file belongs to nothing.
        if folder.join(INDEX_NAME).exists() {
            fs::remove_dir_all(folder.join(INDEX_NAME))?;
        }
        let (store, _) = Self::begin(disk, folder, key_file, Keys::new(vault), options, lock, None)?;
        Ok(store)
    }

    fn open_in(
        disk: Arc<dyn Disk>,
        folder: &Path,
        passphrase: &[u8],
        options: Options,
        lock: Option<File>,
    ) -> Result<(Self, OpenReport), OpenError> {
        let key_file = read_key_file(disk.as_ref())?;
        let mut ahead = Ahead::start(&folder.join(INDEX_NAME));
        let keys = Keys::new(key_file.unlock(passphrase)?);
        tracing::event!(name: "key_derived", tracing::Level::DEBUG, "the passphrase opens the profile");
        let key_file = Self::destroy_others(disk.as_ref(), folder, key_file, &keys, &mut ahead)?;
        let opened = Self::begin(disk, folder, key_file, keys, options, lock, ahead)?;
        // Their keys are gone: files that stay say no more than they said before.
        let _ = opened.0.clear_after_decoy();
        Ok(opened)
    }

    /// Opens the store of a vault whose key file is open. `key_disk` is the profile's folder; `ahead` is that folder's
    /// index, if somebody has begun to open it.
    pub(crate) fn begin(
        key_disk: Arc<dyn Disk>,
        profile: &Path,
        key_file: KeyFile,
        keys: Keys,
        options: Options,
        lock: Option<File>,
        ahead: Option<Ahead>,
    ) -> Result<(Self, OpenReport), OpenError> {
        discard_leftovers(key_disk.as_ref())?;
        let number = keys.vault.store();
        let (disk, folder) = (store_disk(&key_disk, profile, number), store_folder(profile, number));
        if number > 0 {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        }
        let folder = &folder;
        let index_folder = folder.join(INDEX_NAME);
        let was_there = index_folder.exists();
        // An index that was to replace one of another layout and was not finished is no damage either.
        let was_replacing = folder.join(FORMER_NAME).exists();
        let has_log = !segments_of(disk.as_ref())?.is_empty();
        let mut report = OpenReport::default();
        let mut reason = None;
        let opened = match ahead.filter(|_| number == 0) {
            Some(ahead) => ahead.finish(),
            None => Index::open(&index_folder),
        };
        let is_new = opened.is_err();
        let (index, state) = match opened {
            Ok((index, state)) => (index, state),
            Err(why) => {
                let is_other = was_replacing || why == Unusable::OtherLayout;
                let why = if is_other { Rebuilt::OtherLayout } else { Rebuilt::Damaged };
                reason = Some(why);
                (fresh_index(folder, why)?, None)
            }
        };
        let (folder, profile) = (folder.to_owned(), profile.to_owned());
        let mut store =
            Self::assemble(Parts { disk, key_disk, profile, keys, key_file, options, folder, index, lock });
        // Until it is known what stands in the log, letting go of the store must change nothing.
        store.broken = true;
        if reason.is_none() && has_log {
            reason = match &state {
                None if was_there => Some(Rebuilt::Empty),
                None => Some(Rebuilt::Missing),
                Some(state) if !store.log_holds(&state.point)? => Some(Rebuilt::Mismatch),
                Some(_) => None,
            };
            reason = reason.map(|why| if was_replacing { Rebuilt::OtherLayout } else { why });
        }
        let index_number = state.as_ref().map_or(0, |state| state.point.number);
        match (reason, state) {
            (None, Some(state)) if has_log => {
                // An index that knows no root which opens has passed by the nodes that do; the log has them.
                // One that points to what is damaged hides a loss.
                if !store.follow_from(state, &mut report)?
                    || !store.reaches_root()?
                    || store.index_failed.get()
                {
                    report = OpenReport { rebuilt: Some(Rebuilt::Mismatch), ..OpenReport::default() };
                    store.renew_index(Rebuilt::Mismatch)?;
                    store.rebuild(&mut report)?;
                }
            }
            (None, None) => {}
            // A log that is gone as a whole, or an index that is not to be believed.
            (reason, _) => {
                let why = reason.unwrap_or(Rebuilt::Mismatch);
                report.rebuilt = Some(why);
                if !is_new {
                    store.renew_index(why)?;
                }
                store.rebuild(&mut report)?;
            }
        }
        let known = store.keys.vault.head();
        report.rolled_back = known.max(index_number) > store.point.number;
        store.next_number = known.max(store.point.number).max(index_number) + 1;
        store.jobs.head_known = known;
        if report.is_loss() {
            store.doubt_leaves(report.rebuilt.is_some())?;
        }
        store.check_tree()?;
        store.untold_loss = report.is_loss();
        store.know_gaps(report.gaps.iter().map(|gap| gap.between));
        if store.point.number == 0 {
            store.write_first_commit()?;
        }
        store.migrate()?;
        if was_replacing || report.rebuilt == Some(Rebuilt::OtherLayout) {
            let _ = fs::remove_dir_all(store.folder.join(FORMER_NAME));
        }
        Ok((store, report))
    }

    /// Makes sure that the keys of the log can be reached, and learns which of them are to be destroyed.
    fn check_tree(&mut self) -> Result<(), OpenError> {
        self.load_leaves()?;
        if !self.reaches_root()? {
            // Nothing is written behind what may be put right by bringing back a file.
            return Err(OpenError::Damaged(
                "the root of its keys; if files were put back from an older copy, bring the newer ones back",
            ));
        }
        self.broken = false;
        Ok(())
    }

    /// Whether the root of the tree opens, where there is one and the index can be asked for it.
    fn reaches_root(&self) -> Result<bool, StoreError> {
        Ok(self.point.number == 0 || self.index_failed.get() || self.has_root()?)
    }

    /// Whether the log has, at this point, the very commit that the index followed last.
    fn log_holds(&self, point: &Point) -> io::Result<bool> {
        let Some(segment) = self.open_segment(point.segment)? else { return Ok(false) };
        let commit = segment.commit(point.last, point.next, &self.keys.chain)?;
        Ok(commit.is_some_and(|commit| commit.point(point.segment) == *point))
    }

    /// Puts an empty index in place of the one that is open.
    pub(crate) fn renew_index(&mut self, why: Rebuilt) -> Result<(), OpenError> {
        self.index.close();
        self.index = fresh_index(&self.folder, why)?;
        Ok(())
    }

    /// Fills an empty index from the log alone.
    pub(crate) fn rebuild(&mut self, report: &mut OpenReport) -> Result<(), OpenError> {
        self.index_failed.set(false);
        self.recent = Recent::default();
        self.segments.clear();
        self.point = Point::default();
        let survey = self.survey()?;
        let retired = self.follow(&survey, report)?;
        let is_missing = |known: &&u64| !survey.present.contains(known) && !retired.contains_key(known);
        report.missing_segments = survey.ends.keys().filter(is_missing).count() as u64;
        // What is lost must be found again at the next start, unless something was committed knowing of it.
        let told = if report.is_loss() { Point::default() } else { self.point };
        self.replay_checkpoint(told)
    }

    fn write_first_commit(&mut self) -> Result<(), OpenError> {
        let mut draft = self.begin_draft()?;
        self.ensure_node(ROOT, &mut draft)?;
        let version = self.options.schema();
        draft.add(&Record::Schema { version });
        draft.changes.push((self.keys.schema_spot(), Change::Number(version)));
        self.append(draft)?;
        self.checkpoint()?;
        Ok(())
    }

    fn migrate(&mut self) -> Result<(), OpenError> {
        let known = self.options.schema();
        let found = match self.entry(&self.keys.schema_spot())? {
            Some(Entry::Number(version)) if version > 0 => version,
            _ => return Err(OpenError::Damaged("the version of its tables")),
        };
        if found > known {
            return Err(OpenError::Newer { found, known });
        }
        for version in found..known {
            let step = self.options.migrations[version as usize - 1];
            let batch: Batch = step(self)?;
            batch.check()?;
            let mut draft = self.draft(&batch)?;
            draft.add(&Record::Schema { version: version + 1 });
            draft.changes.push((self.keys.schema_spot(), Change::Number(version + 1)));
            self.append(draft)?;
        }
        Ok(())
    }
}

/// Holds the folder for this process.
fn lock(folder: &Path) -> Result<File, OpenError> {
    let file = File::options().create(true).truncate(false).write(true).open(folder.join(LOCK_NAME))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Busy),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Moves an index out of the way, if there is one, and makes an empty one. What another version wrote is no damage to look
/// at: it lies aside until the new one is whole, and is deleted then.
fn fresh_index(folder: &Path, why: Rebuilt) -> Result<Index, OpenError> {
    let (index, former) = (folder.join(INDEX_NAME), folder.join(FORMER_NAME));
    if index.exists() && why == Rebuilt::OtherLayout && former.exists() {
        // Begun in its place, and not finished.
        fs::remove_dir_all(&index)?;
    } else if index.exists() {
        let aside = if why == Rebuilt::OtherLayout { former } else { folder.join(DAMAGED_NAME) };
        if aside.exists() {
            fs::remove_dir_all(&aside)?;
        }
        fs::rename(&index, &aside)?;
    }
    match Index::open(&index) {
        Ok((fresh, None)) => Ok(fresh),
        _ => Err(OpenError::Store(store_error(&io::Error::other("the index cannot be made")))),
    }
}
