//! How a store opens: the lock, the key file, then the log from where the index left it to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crypto::CryptoRng;
use crypto::key::Secret32;
use crypto::vault::{BLOCK_BYTES, Cost, KeyFile};
use proto::store::{Batch, StoreError};

use crate::disk::{Disk, RealDisk};
use crate::doors::{store_disk, store_folder};
use crate::error::{OpenError, OpenReport, Rebuilt, store_error};
use crate::index::{Ahead, Index, State};
use crate::key_file::{KEY_NAME, create_key_file, discard_leftovers, read_key_file};
use crate::keys::Keys;
use crate::leaves::LEAVES_MAX;
use crate::nodes::{Candidates, ROOT};
use crate::options::Options;
use crate::recent::{Entry, Recent};
use crate::record::{Record, SegmentEnd, Spot, records};
use crate::sealed::{Change, FORMAT, Parts, SealedStore};
use crate::segment::{Commit, FIRST_BLOCK, Point, Segment, file_name, parse_file_name};

pub(crate) const LOCK_NAME: &str = "lock";
pub(crate) const INDEX_NAME: &str = "index";
const DAMAGED_NAME: &str = "index-damaged";
/// Damaged indexes that are kept for a look; the oldest goes first.
const DAMAGED_KEPT: u32 = 3;

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
        let has_log = !segments_of(disk.as_ref())?.is_empty();
        let mut report = OpenReport::default();
        let mut reason = None;
        let opened = match ahead.filter(|_| number == 0) {
            Some(ahead) => ahead.finish(),
            None => Index::open(&index_folder),
        };
        let (index, state) = match opened {
            Ok((index, state)) => (index, state),
            Err(_) => {
                reason = Some(Rebuilt::Damaged);
                (fresh_index(folder)?, None)
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
        }
        let index_number = state.as_ref().map_or(0, |state| state.point.number);
        match (reason, state) {
            (None, Some(state)) if has_log => {
                // An index that knows no root which opens has passed by the nodes that do; the log has them.
                if !store.follow_from(state, &mut report)? || !store.reaches_root()? {
                    report = OpenReport { rebuilt: Some(Rebuilt::Mismatch), ..OpenReport::default() };
                    store.rebuild(&mut report)?;
                }
            }
            (None, None) => {}
            // A log that is gone as a whole, or an index that is not to be believed.
            (reason, _) => {
                report.rebuilt = Some(reason.unwrap_or(Rebuilt::Mismatch));
                store.rebuild(&mut report)?;
            }
        }
        let known = store.keys.vault.head();
        report.rolled_back = known.max(index_number) > store.point.number;
        store.next_number = known.max(store.point.number).max(index_number) + 1;
        store.jobs.head_known = known;
        if report.is_loss() {
            store.distrust_leaves()?;
        }
        store.check_tree()?;
        store.untold_loss = report.is_loss();
        if store.point.number == 0 {
            store.write_first_commit()?;
        }
        store.migrate()?;
        Ok((store, report))
    }

    /// Makes sure that the keys of the log can be reached, and learns which of them are to be destroyed.
    fn check_tree(&mut self) -> Result<(), OpenError> {
        self.load_leaves()?;
        if !self.reaches_root()? {
            // Nothing is written behind what may be put right by bringing back a file.
            return Err(OpenError::Damaged("the root of its keys; its log may be older than its key file"));
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

    /// Takes the index's word up to its point, and the log's from there on.
    ///
    /// Returns whether the index can be believed. Before a segment is retired the index is brought up to date and
    /// synced; one that has not heard of a retirement, but for the very next commit, has forgotten what it knew.
    /// It may then hold what was removed by records that are gone with their segment.
    fn follow_from(&mut self, state: State, report: &mut OpenReport) -> Result<bool, OpenError> {
        let mut survey = self.survey()?;
        let first = state.point.segment;
        survey.believed.extend(state.segments.keys());
        for old in survey.present.iter().filter(|old| **old < first) {
            if !state.segments.contains_key(old) {
                // Its retirement was committed, and then the power went before its file did.
                self.disk.remove(&file_name(*old))?;
            }
        }
        let known: Vec<u64> = state.segments.keys().copied().collect();
        self.point = state.point;
        self.jobs.told = state.point;
        self.segments = state.segments;
        let retired = self.follow(&survey, report)?;
        let is_next = |number: &u64| *number == state.point.number + 1;
        let is_explained = |segment: &u64| survey.present.contains(segment) || retired.contains_key(segment);
        Ok(retired.values().all(is_next) && known.iter().all(is_explained))
    }

    /// Makes the index anew from the log alone.
    fn rebuild(&mut self, report: &mut OpenReport) -> Result<(), OpenError> {
        self.index.close();
        self.index = fresh_index(&self.folder)?;
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

    /// Replaces an index that has failed while the store was open.
    pub(crate) fn heal_index(&mut self) -> Result<(), StoreError> {
        tracing::warn!("the index failed and is being built again from the log");
        self.settle_key_file(true)?;
        if let Some(job) = self.jobs.checkpoint.take() {
            drop(job.join());
        }
        // A segment that nothing was written to yet is not found again by reading the log.
        let writer = self.writer.take().filter(|writer| writer.salt.is_none());
        let next_number = self.next_number;
        let mut report = OpenReport::default();
        let healed = self.rebuild(&mut report);
        self.next_number = next_number;
        self.writer = writer;
        let healed = healed.map_err(|error| match error {
            OpenError::Store(error) => error,
            _ => StoreError::Corrupt("the index, and it cannot be built again"),
        });
        // Who holds the store believes in what is lost: the next start is told of it, and this one ends here.
        let whole = healed.and_then(|()| match report.is_loss() {
            true => Err(StoreError::Corrupt("the log, and it is to be opened anew")),
            false => Ok(()),
        });
        self.broken |= whole.is_err();
        whole
    }

    /// Which segments there are and what the newest manifest says about them.
    fn survey(&self) -> Result<Survey, OpenError> {
        let present = segments_of(self.disk.as_ref())?;
        let mut survey = Survey::default();
        for segment in present.iter().rev() {
            let Some(opened) = self.open_segment(*segment)? else { continue };
            let Some(commit) = opened.commit(FIRST_BLOCK, opened.blocks()?, &self.keys.chain)? else {
                continue;
            };
            if let Some(Some((_, Record::Manifest { version, segments }))) = records(&commit.body).next() {
                if version != FORMAT {
                    return Err(OpenError::Newer { found: version.into(), known: FORMAT.into() });
                }
                survey.believed.extend(segments.iter().map(|end| end.segment));
                survey.believed.extend(present.iter().filter(|later| *later >= segment));
                survey.ends = segments.into_iter().map(|end| (end.segment, end)).collect();
                survey.has_manifest = true;
                break;
            }
        }
        survey.present = present;
        Ok(survey)
    }

    /// Replays every commit after the present point, mends the end of the log and removes what was retired.
    ///
    /// Returns the segments whose retirement it read, each with the number of the commit that says so.
    fn follow(&mut self, survey: &Survey, report: &mut OpenReport) -> Result<BTreeMap<u64, u64>, OpenError> {
        let first = self.point.segment;
        let mut unreadable = Vec::new();
        let mut walk = Walk { from: self.point, ..Walk::default() };
        let mut end_of_last = 0;
        for segment in survey.present.iter().filter(|segment| **segment >= first) {
            if survey.has_manifest && !survey.believed.contains(segment) {
                self.disk.remove(&file_name(*segment))?;
                continue;
            }
            let Some(opened) = self.open_segment(*segment)? else {
                unreadable.push(*segment);
                continue;
            };
            walk.segment = *segment;
            walk.at = if *segment == first { self.point.next } else { FIRST_BLOCK };
            walk.end = opened.blocks()?.min(survey.ends.get(segment).map_or(u32::MAX, |end| end.blocks));
            let before = self.point;
            self.follow_segment(&opened, &mut walk, survey, report)?;
            if self.point == before && *segment != first {
                unreadable.push(*segment);
            } else {
                end_of_last = walk.at;
            }
        }
        self.mend_tail(end_of_last, &unreadable, report)?;
        self.settle_nodes(&walk.nodes)?;
        for segment in walk.retired.keys() {
            self.segments.remove(segment);
            if survey.present.contains(segment) {
                self.disk.remove(&file_name(*segment))?;
            }
        }
        self.disk.sync_names()?;
        Ok(walk.retired)
    }

    fn follow_segment(
        &mut self,
        opened: &Segment,
        walk: &mut Walk,
        survey: &Survey,
        report: &mut OpenReport,
    ) -> Result<(), OpenError> {
        loop {
            let Some(commit) = opened.commit(walk.at, walk.end, &self.keys.chain)? else {
                // Later commits behind a bad block: it was durable once, so this is damage and no torn end.
                match opened.find_start(walk.at.saturating_add(1), walk.end, self.point.number)? {
                    Some(next) => walk.at = next,
                    None => return Ok(()),
                }
                continue;
            };
            if commit.number <= self.point.number {
                return Ok(());
            }
            report.lost_commits += self.lost_before(&commit, survey);
            walk.has_lost |= report.is_loss();
            report.replayed_commits += 1;
            self.replay(walk, &commit)?;
            walk.at += commit.blocks;
            let waiting = self.recent.active.len();
            if waiting >= self.options.checkpoint_records
                || self.recent.log_bytes >= self.options.checkpoint_bytes
            {
                self.replay_checkpoint(walk.from)?;
            }
        }
    }

    /// How many commits are missing between the present point and this commit.
    fn lost_before(&self, commit: &Commit, survey: &Survey) -> u64 {
        if commit.link_before == self.point.link {
            return 0;
        }
        // The one before it may stand in a segment that was retired, or is missing and counted as such.
        if let Some(Some((_, Record::Manifest { segments, .. }))) = records(&commit.body).next() {
            let before = segments.last().map(|end| end.segment);
            let known = |segment| survey.believed.contains(&segment) && survey.present.contains(&segment);
            if before.is_none_or(|before| !known(before)) {
                return 0;
            }
        }
        commit.number.saturating_sub(self.point.number + 1).max(1)
    }

    fn replay(&mut self, walk: &mut Walk, commit: &Commit) -> Result<(), OpenError> {
        for found in records(&commit.body) {
            let (range, record) = found.ok_or(OpenError::Damaged("a record of its log"))?;
            let place = Entry::Place {
                segment: walk.segment,
                at: commit.place(range.start),
                bytes: range.len() as u32,
            };
            let (spot, entry) = match record {
                Record::Put { spot, leaf, .. } => {
                    // That it was given out may be among what is lost.
                    if walk.has_lost {
                        self.replay_leaf(leaf)?;
                        self.recent.active.insert(self.keys.free_spot(leaf), Entry::Gone);
                    }
                    (spot, place)
                }
                Record::Delete { spot } => (spot, Entry::Gone),
                Record::Node { node, .. } => {
                    walk.nodes.entry(node).or_default().push(place);
                    continue;
                }
                Record::Schema { version } => (self.keys.schema_spot(), Entry::Number(version)),
                Record::Leaf { group, leaf } => {
                    self.replay_leaf(leaf)?;
                    self.recent.active.insert(self.keys.doomed_spot(leaf), Entry::Gone);
                    self.recent.active.insert(self.keys.free_spot(leaf), Entry::Gone);
                    (Spot { name: group, order: 0 }, Entry::Number(leaf))
                }
                Record::Left { group } => (Spot { name: group, order: 0 }, Entry::Gone),
                Record::Doomed { leaf } => {
                    self.replay_leaf(leaf)?;
                    self.recent.active.insert(self.keys.free_spot(leaf), Entry::Gone);
                    (self.keys.doomed_spot(leaf), Entry::Number(0))
                }
                Record::Free { leaf } => {
                    self.replay_leaf(leaf)?;
                    self.recent.active.insert(self.keys.doomed_spot(leaf), Entry::Gone);
                    (self.keys.free_spot(leaf), Entry::Number(0))
                }
                Record::Retired { segment } => {
                    walk.retired.insert(segment, commit.number);
                    continue;
                }
                Record::Manifest { .. } => continue,
            };
            self.recent.active.insert(spot, entry);
        }
        self.recent.log_bytes += u64::from(commit.blocks) * BLOCK_BYTES as u64;
        self.point = commit.point(walk.segment);
        self.note_end();
        Ok(())
    }

    fn replay_leaf(&mut self, leaf: u32) -> Result<(), OpenError> {
        let count = self.keys.leaves_spot();
        let taken = match self.entry(&count)? {
            Some(Entry::Number(taken)) => taken,
            _ => 0,
        };
        if leaf >= taken && leaf < LEAVES_MAX {
            self.recent.active.insert(count, Entry::Number(leaf + 1));
        }
        Ok(())
    }

    /// Gives the replayed changes to the index.
    ///
    /// In the midst of a replay its point stays where that began: which nodes stand is known only at the end, so a
    /// replay that is cut off begins there again.
    fn replay_checkpoint(&mut self, point: Point) -> Result<(), OpenError> {
        let frozen = self.recent.freeze();
        let state = State { point, segments: self.segments.clone() };
        let applied = self.index.apply(&frozen, &state);
        self.jobs.told = point;
        self.recent.frozen = None;
        let live = applied.map_err(|_| OpenError::Damaged("its index, which cannot be written"))?;
        self.count_live(&live);
        Ok(())
    }

    /// Cuts what was never acknowledged off the end and makes sure that the rest is durable.
    fn mend_tail(&mut self, end: u32, unreadable: &[u64], report: &mut OpenReport) -> Result<(), OpenError> {
        let head = self.keys.vault.head();
        for segment in unreadable {
            let name = file_name(*segment);
            report.torn_tail = true;
            // A segment that was being made when the power went; or, if commits are missing, one to look at.
            if head > self.point.number {
                self.disk.rename(&name, &format!("{name}-unreadable"))?;
            } else {
                self.disk.remove(&name)?;
            }
        }
        if self.point.number == 0 {
            return Ok(());
        }
        let file = self.disk.open(&file_name(self.point.segment))?;
        let bytes = u64::from(end.max(self.point.next)) * BLOCK_BYTES as u64;
        if file.len()? > bytes {
            report.torn_tail = true;
            // Where commits are known to be missing, what cannot be read stays: nothing is ever written behind it.
            if head <= self.point.number {
                file.set_len(bytes)?;
            }
        }
        // What a killed process wrote may still be on its way: nothing may be built on it before it is durable.
        file.sync()?;
        Ok(())
    }

    fn open_segment(&self, segment: u64) -> io::Result<Option<Segment>> {
        match self.disk.open(&file_name(segment)) {
            Ok(file) => Segment::open(file, &self.keys),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
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

/// What was found in the folder before the log is read.
#[derive(Default)]
struct Survey {
    present: Vec<u64>,
    /// Where the newest manifest says that older segments end.
    ends: BTreeMap<u64, SegmentEnd>,
    /// Segments that belong to the log.
    believed: BTreeSet<u64>,
    has_manifest: bool,
}

/// The log while it is read from front to back: where in which segment, and what was found on the way.
#[derive(Default)]
struct Walk {
    /// Where the reading began.
    from: Point,
    segment: u64,
    at: u32,
    end: u32,
    /// Commits before this place are lost.
    has_lost: bool,
    retired: BTreeMap<u64, u64>,
    nodes: Candidates,
}

fn segments_of(disk: &dyn Disk) -> io::Result<Vec<u64>> {
    let mut segments: Vec<u64> = disk.list()?.iter().filter_map(|name| parse_file_name(name)).collect();
    segments.sort_unstable();
    Ok(segments)
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

/// Moves an index out of the way, if there is one, and makes an empty one.
fn fresh_index(folder: &Path) -> Result<Index, OpenError> {
    let index = folder.join(INDEX_NAME);
    if index.exists() {
        let aside = |number: u32| -> PathBuf { folder.join(format!("{DAMAGED_NAME}-{number}")) };
        let taken = (1..u32::MAX).take_while(|number| aside(*number).exists()).count() as u32;
        if taken >= DAMAGED_KEPT {
            for number in 1..=taken {
                fs::remove_dir_all(aside(number))?;
                if number > 1 {
                    break;
                }
            }
        }
        let free = (1..u32::MAX).find(|number| !aside(*number).exists()).unwrap_or(1);
        fs::rename(&index, aside(free))?;
    }
    match Index::open(&index) {
        Ok((fresh, None)) => Ok(fresh),
        _ => Err(OpenError::Store(store_error(&io::Error::other("the index cannot be made")))),
    }
}
