//! What happens beside the commits: checkpoints of the index, the head counter, and space that comes back.

use std::collections::BTreeMap;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crypto::vault::BLOCK_BYTES;
use proto::store::StoreError;

use crate::error::store_error;
use crate::index::{LiveChanges, State, Trouble};
use crate::key_file::KeyJob;
use crate::recent::Entry;
use crate::record::{Record, Spot, records};
use crate::sealed::{Change, Draft, SealedStore};
use crate::segment::{FIRST_BLOCK, Point, file_name};

/// How often keys are destroyed at most where no count of commits asks for it.
const SHRED_INTERVAL: Duration = Duration::from_secs(2);
/// How often the key file is written at most where no count of commits asks for it.
const HEAD_INTERVAL: Duration = Duration::from_secs(2);
/// Blocks of an old segment that one call of [`SealedStore::maintain`] looks at: 1 MiB.
const SWEEP_BLOCKS: u32 = 256;
/// A segment with less than this share of current records, in percent, is worth emptying.
const SPARSE_PERCENT: u64 = 50;
/// Segments below this size are put together once there are [`SMALL_SEGMENTS`].
const SMALL_BYTES: u64 = 1 << 20;
const SMALL_SEGMENTS: usize = 16;

/// Work in the background and when it was last done.
#[derive(Default)]
pub(crate) struct Jobs {
    pub(crate) checkpoint: Option<JoinHandle<Result<LiveChanges, Trouble>>>,
    pub(crate) key: Option<KeyJob>,
    /// The point of the log that the index was told last.
    pub(crate) told: Point,
    /// The number that the key file knows.
    pub(crate) head_known: u64,
    head_at: Option<Instant>,
    shred_at: Option<Instant>,
}

/// An old segment that is being emptied, and how far that has come.
pub(crate) struct Sweep {
    segment: u64,
    next: u32,
    /// Whether older segments may hold what its removals hide.
    keep_removals: bool,
    /// Something in it could not be read.
    is_damaged: bool,
}

/// What one call of [`SealedStore::maintain`] did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Maintenance {
    /// Whether another call would find more to do.
    pub more: bool,
    /// Bytes that the disk got back.
    pub freed_bytes: u64,
    /// Bytes that were written again because they are still current.
    pub moved_bytes: u64,
    /// When to call again at the latest: keys wait to be destroyed, or the key file to hear of the log's end.
    pub due: Option<Instant>,
}

/// What the store fills, for a status page.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Usage {
    /// Segments of the log.
    pub segments: usize,
    /// Bytes of the log.
    pub log_bytes: u64,
    /// Bytes in it that are current records, as of the last checkpoint.
    pub live_bytes: u64,
    /// Bytes of the index.
    pub index_bytes: u64,
    /// Changes that wait in memory for a checkpoint.
    pub waiting: usize,
    /// Keys of overwritten or deleted records that are not destroyed yet.
    pub doomed: usize,
}

impl SealedStore {
    /// Does a bounded piece of housekeeping: keys are destroyed, the key file hears of the log's end, and at most about
    /// 1 MiB is read and as much written to give space back.
    ///
    /// Call it when idle, again at once while it says `more`, and when it is `due`. It is never part of a commit.
    /// Doomed keys are destroyed at the first call; after that no more often than every 2 s.
    ///
    /// # Errors
    /// Those of a commit; the store must then be opened again.
    pub fn maintain(&mut self, now: Instant) -> Result<Maintenance, StoreError> {
        if self.broken {
            return Err(StoreError::Broken);
        }
        if self.index_failed.get() {
            self.heal_index()?;
        }
        self.settle(false)?;
        // A sweep must not pass over nodes whose standing is not settled.
        self.settle_key_file(true)?;
        if self.leaves.waiting_since().is_some() && is_due(self.jobs.shred_at, SHRED_INTERVAL, now) {
            self.jobs.shred_at = Some(now);
            self.begin_destruction()?;
        } else if self.point.number > self.jobs.head_known && is_due(self.jobs.head_at, HEAD_INTERVAL, now) {
            self.jobs.head_at = Some(now);
            self.start_head();
        }
        let mut done = self.give_back()?;
        done.due = self.next_due(now);
        Ok(done)
    }

    fn next_due(&self, now: Instant) -> Option<Instant> {
        let at = |last: Option<Instant>, interval| last.map_or(now, |last| last + interval);
        let shred = self.leaves.waiting_since().map(|_| at(self.jobs.shred_at, SHRED_INTERVAL));
        let head = (self.point.number > self.jobs.head_known || self.jobs.key.is_some())
            .then(|| at(self.jobs.head_at, HEAD_INTERVAL));
        [shred, head].into_iter().flatten().min()
    }

    fn give_back(&mut self) -> Result<Maintenance, StoreError> {
        if self.sweep.is_none() {
            self.sweep = self.choose_sweep()?;
        }
        let Some(sweep) = self.sweep.take() else { return Ok(Maintenance::default()) };
        self.settle_key_file(true)?;
        self.sweep(sweep)
    }

    /// Destroys what is doomed, brings the index and the key file up to date and waits for it. A start after this
    /// replays nothing. Where something was lost and nothing committed since, it does nothing: the next start tells of
    /// the loss once more.
    ///
    /// # Errors
    /// Those of a commit.
    pub fn checkpoint(&mut self) -> Result<(), StoreError> {
        if self.broken {
            return Err(StoreError::Broken);
        }
        if self.untold_loss {
            return Ok(());
        }
        if self.index_failed.get() {
            self.heal_index()?;
        }
        self.shred()?;
        if self.leaves.has_untold() {
            let draft = self.begin_draft()?;
            self.append(draft)?;
        }
        self.settle(true)?;
        // A commit that changes no record, as one that retires a segment, is a point of the log all the same.
        if !self.recent.active.is_empty() || self.jobs.told != self.point {
            self.start_checkpoint();
            self.settle(true)?;
        }
        if self.point.number > self.jobs.head_known {
            self.start_head();
        }
        self.settle_key_file(true)
    }

    /// Closes the store after a last checkpoint. Dropping it does the same, but can tell of no error.
    ///
    /// # Errors
    /// Those of [`SealedStore::checkpoint`]; what was committed is safe all the same.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.checkpoint()
    }

    /// What the store fills on disk and in memory.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let blocks: u64 = self.segments.values().map(|state| u64::from(state.blocks)).sum();
        Usage {
            segments: self.segments.len(),
            log_bytes: blocks * BLOCK_BYTES as u64,
            live_bytes: self.segments.values().map(|state| state.live).sum(),
            index_bytes: self.index.disk_bytes(),
            waiting: self.recent.active.len() + self.recent.frozen.as_ref().map_or(0, |frozen| frozen.len()),
            doomed: self.leaves.doomed().len(),
        }
    }

    /// Starts what is due after a commit. The commit is durable, so no trouble here is its error.
    pub(crate) fn after_commit(&mut self) {
        if self.point.number >= self.jobs.head_known + self.options.head_commits {
            self.start_head();
        }
        // Which root the key file has is not known: the index must not pass the nodes of either.
        if self.broken {
            return;
        }
        let waiting = self.recent.active.len();
        let due = waiting >= self.options.checkpoint_records
            || self.recent.log_bytes >= self.options.checkpoint_bytes;
        if !due {
            return;
        }
        // Memory stays bounded: with twice as much waiting, the commits wait for the index.
        let must = waiting >= 2 * self.options.checkpoint_records
            || self.recent.log_bytes >= 2 * self.options.checkpoint_bytes;
        // An index that has passed the nodes of a destruction must know which of them stand.
        let is_settled = self.settle_key_file(must).is_ok() && self.jobs.key.is_none();
        if is_settled && self.settle(must).is_ok() && self.recent.frozen.is_none() {
            self.start_checkpoint();
        }
    }

    /// Takes in what the checkpoint thread has finished; waits for it if `wait`.
    fn settle(&mut self, wait: bool) -> Result<(), StoreError> {
        let Some(job) = self.jobs.checkpoint.take_if(|job| wait || job.is_finished()) else { return Ok(()) };
        match job.join() {
            Ok(Ok(live)) => {
                self.count_live(&live);
                self.recent.frozen = None;
                Ok(())
            }
            // A panic of sled is one more way in which it reports damage.
            Ok(Err(Trouble)) | Err(_) => self.heal_index(),
        }
    }

    /// Gives the waiting changes to the index.
    pub(crate) fn start_checkpoint(&mut self) {
        let frozen = self.recent.freeze();
        self.jobs.told = self.point;
        let state = State { point: self.point, segments: self.segments.clone() };
        let index = self.index.clone();
        let job = std::thread::Builder::new().name("store-index".into());
        let run = move || index.apply(&frozen, &state);
        if !self.options.in_background {
            let done = run();
            self.jobs.checkpoint = None;
            match done {
                Ok(live) => {
                    self.count_live(&live);
                    self.recent.frozen = None;
                }
                Err(Trouble) => self.index_failed.set(true),
            }
            return;
        }
        match job.spawn(run) {
            Ok(job) => self.jobs.checkpoint = Some(job),
            Err(_) => self.index_failed.set(true),
        }
    }

    pub(crate) fn count_live(&mut self, live: &LiveChanges) {
        for (segment, change) in live {
            if let Some(state) = self.segments.get_mut(segment) {
                state.live = state.live.saturating_add_signed(*change);
            }
        }
    }

    /// The segment most worth emptying. The newest one never is.
    fn choose_sweep(&self) -> Result<Option<Sweep>, StoreError> {
        let newest = self.segments.keys().next_back().copied();
        let bytes = |blocks: u32| u64::from(blocks) * BLOCK_BYTES as u64;
        let old: BTreeMap<_, _> = self
            .segments
            .iter()
            .filter(|(segment, _)| Some(**segment) != newest && !self.damaged.contains(segment))
            .collect();
        let small = old.values().filter(|state| bytes(state.blocks) < SMALL_BYTES).count();
        let worth = |state: &crate::index::SegmentState| {
            let sparse = state.live * 100 < bytes(state.blocks) * SPARSE_PERCENT;
            let tiny = bytes(state.blocks) < SMALL_BYTES;
            if tiny { small >= SMALL_SEGMENTS } else { sparse }
        };
        let share = |state: &crate::index::SegmentState| {
            state.live.saturating_mul(1 << 20) / bytes(state.blocks).max(1)
        };
        // Live bytes are as old as the last checkpoint; what is chosen wrongly costs a little writing, no more.
        let chosen = old.into_iter().filter(|(_, state)| worth(state)).min_by_key(|(_, state)| share(state));
        Ok(chosen.map(|(segment, _)| Sweep {
            segment: *segment,
            next: FIRST_BLOCK,
            keep_removals: self.segments.keys().next() != Some(segment),
            is_damaged: false,
        }))
    }

    fn sweep(&mut self, mut sweep: Sweep) -> Result<Maintenance, StoreError> {
        let Some(state) = self.segments.get(&sweep.segment).copied() else {
            return Ok(Maintenance { more: true, ..Maintenance::default() });
        };
        let moved_bytes = match self.move_live(&mut sweep, state.blocks) {
            // The index fails; it is made anew first.
            Err(StoreError::Corrupt(_)) if self.index_failed.get() => {
                return Ok(Maintenance { more: true, ..Maintenance::default() });
            }
            moved => moved?,
        };
        if sweep.next < state.blocks {
            self.sweep = Some(sweep);
            return Ok(Maintenance { more: true, moved_bytes, ..Maintenance::default() });
        }
        if sweep.is_damaged {
            // What cannot be read stays where it is, for the person and a better day; all else stands elsewhere now.
            self.damaged.insert(sweep.segment);
            let more = self.choose_sweep()?.is_some();
            return Ok(Maintenance { more, moved_bytes, ..Maintenance::default() });
        }
        self.retire(sweep.segment)?;
        let freed_bytes = u64::from(state.blocks) * BLOCK_BYTES as u64;
        Ok(Maintenance { more: self.choose_sweep()?.is_some(), moved_bytes, freed_bytes, due: None })
    }

    /// Writes again what is current in the next part of a segment.
    fn move_live(&mut self, sweep: &mut Sweep, end: u32) -> Result<u64, StoreError> {
        let opened = self.open_segment(sweep.segment).map_err(|error| store_error(&error))?;
        let Some(segment) = opened else {
            (sweep.next, sweep.is_damaged) = (end, true);
            return Ok(0);
        };
        let stop = sweep.next.saturating_add(SWEEP_BLOCKS).min(end);
        let mut draft = Draft::default();
        while sweep.next < stop {
            let commit = segment.commit(sweep.next, end, &self.keys.chain);
            let Some(commit) = commit.map_err(|error| store_error(&error))? else {
                // As at a replay: the next commit that can be read goes on, here or in the next part.
                sweep.is_damaged = true;
                let next = segment.find_start(sweep.next.saturating_add(1), stop, 0);
                sweep.next = next.map_err(|error| store_error(&error))?.unwrap_or(stop);
                continue;
            };
            for found in records(&commit.body) {
                let Some((range, record)) = found else {
                    sweep.is_damaged = true;
                    break;
                };
                let here = Entry::Place {
                    segment: sweep.segment,
                    at: commit.place(range.start),
                    bytes: range.len() as u32,
                };
                self.move_record(&mut draft, &record, here, sweep.keep_removals)?;
            }
            sweep.next = commit.at + commit.blocks;
        }
        if draft.body.is_empty() {
            return Ok(0);
        }
        let mut whole = self.begin_draft()?;
        let shift = whole.body.len();
        let moved = draft.body.len() as u64;
        whole.body.append(&mut draft.body);
        whole.changes.extend(draft.changes.into_iter().map(|(spot, change)| match change {
            Change::At(range) => (spot, Change::At(range.start + shift..range.end + shift)),
            other => (spot, other),
        }));
        self.append(whole)?;
        self.after_commit();
        Ok(moved)
    }

    fn move_record(
        &self,
        draft: &mut Draft,
        record: &Record<'_>,
        here: Entry,
        keep_removals: bool,
    ) -> Result<(), StoreError> {
        match record {
            Record::Put { spot, .. } => {
                if self.entry(spot)? == Some(here) {
                    draft.place(*spot, record);
                }
            }
            Record::Node { node, .. } => {
                let spot = self.keys.node_spot(*node);
                if self.entry(&spot)? == Some(here) {
                    draft.place(spot, record);
                }
            }
            // A removal must outlive every older copy of what it removed.
            Record::Delete { spot } => {
                if keep_removals && self.entry(spot)?.is_none() {
                    draft.add(record);
                }
            }
            Record::Leaf { group, leaf } => {
                if self.entry(&Spot { name: *group, order: 0 })? == Some(Entry::Number(*leaf)) {
                    draft.add(record);
                }
            }
            Record::Left { group } => {
                if keep_removals && self.entry(&Spot { name: *group, order: 0 })?.is_none() {
                    draft.add(record);
                }
            }
            Record::Doomed { leaf } => {
                if self.leaves.is_doomed(*leaf) {
                    draft.add(record);
                }
            }
            Record::Free { leaf } => {
                if self.leaves.is_free(*leaf) {
                    draft.add(record);
                }
            }
            Record::Schema { version } => {
                if self.entry(&self.keys.schema_spot())? == Some(Entry::Number(*version)) {
                    draft.add(record);
                }
            }
            Record::Retired { .. } | Record::Manifest { .. } => {}
        }
        Ok(())
    }

    /// Says in the log that a segment is no longer part of it, then removes its file.
    fn retire(&mut self, segment: u64) -> Result<(), StoreError> {
        // An index that reaches past the moves never again asks for the old places.
        self.checkpoint()?;
        let mut draft = self.begin_draft()?;
        draft.add(&Record::Retired { segment });
        self.append(draft)?;
        self.segments.remove(&segment);
        self.reader.borrow_mut().forget(segment);
        let removed = self.disk.remove(&file_name(segment)).and_then(|()| self.disk.sync_names());
        removed.map_err(|error| {
            self.broken = true;
            store_error(&error)
        })
    }
}

impl Drop for SealedStore {
    fn drop(&mut self) {
        if !self.broken && self.checkpoint().is_err() {
            tracing::warn!("the store was closed without a last checkpoint; the next start replays its log");
        }
        // The folder is let go of only after the last thread that writes to it.
        if let Some(job) = self.jobs.checkpoint.take() {
            drop(job.join());
        }
        drop(self.settle_key_file(true));
    }
}

/// Whether something that was last done then is to be done now.
fn is_due(last: Option<Instant>, interval: Duration, now: Instant) -> bool {
    last.is_none_or(|last| now.saturating_duration_since(last) >= interval)
}
