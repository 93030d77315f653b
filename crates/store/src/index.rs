//! The index: sled, which says where in the log each record stands. It is never the truth and may be lost.
//!
//! sled keeps something in memory for every few rows it has, so many records share a row ([`rows`]). How far the index
//! has followed the log stands in the same atomic batch as the rows.

mod rows;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use proto::store::Direction;

use crate::bytes::{Reader, Writer};
use crate::recent::{Changes, Entry};
use crate::record::{Blind, Spot};
use crate::segment::Point;
use rows::{Bucket, Run};
use walk::Walk;

/// What sled may keep of its pages in memory, in bytes.
const CACHE_BYTES: u64 = 16 << 20;
/// How long to wait for sled's own threads to let go of its files: 3 s. Other processes are kept out before.
const LOCK_ATTEMPTS: u32 = 300;
const LOCK_PAUSE: Duration = Duration::from_millis(10);
/// The layout of the rows. Another one is rebuilt from the log.
const LAYOUT: u8 = 2;
/// The row that says how far the index has followed the log.
const STATE_KEY: &[u8] = &[0];
/// In front of the rows that tell the segments.
const SEGMENT_KEY: u8 = 1;

/// sled returned an error, panicked, or gave back what was never written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Trouble;

/// Why there is no index to go on with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unusable {
    /// It is damaged.
    Damaged,
    /// Another version wrote it, in another layout.
    OtherLayout,
}

impl From<Trouble> for Unusable {
    fn from(Trouble: Trouble) -> Self {
        Self::Damaged
    }
}

/// How far the index has followed the log, and the segments as they stood then.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct State {
    pub(crate) point: Point,
    pub(crate) segments: BTreeMap<u64, SegmentState>,
}

/// What is known about a segment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct SegmentState {
    pub(crate) blocks: u32,
    pub(crate) number: u64,
    pub(crate) link: [u8; 16],
    /// Bytes of records in it that are current, as of the last checkpoint.
    pub(crate) live: u64,
}

/// Bytes of current records that each segment has gained or lost.
pub(crate) type LiveChanges = BTreeMap<u64, i64>;

type Change = (Spot, Entry);

/// sled's database.
#[derive(Clone)]
pub(crate) struct Index {
    /// `None` once it was closed.
    db: Option<sled::Db>,
    file: PathBuf,
}

impl Index {
    /// Opens the database or makes an empty one. `None` stands for one that has followed no log yet.
    pub(crate) fn open(folder: &Path) -> Opened {
        let opened = guard(|| {
            let db = open_database(folder)?;
            let index = Self { db: Some(db), file: folder.join("db") };
            if index.layout()?.is_some_and(|layout| layout != LAYOUT) {
                return Ok(None);
            }
            let state = index.state()?;
            Ok(Some((index, state)))
        })?;
        opened.ok_or(Unusable::OtherLayout)
    }

    /// The layout of its rows, if it has any.
    fn layout(&self) -> Result<Option<u8>, Failure> {
        Ok(self.db()?.get(STATE_KEY)?.and_then(|bytes| bytes.first().copied()))
    }

    /// What the index says about a record.
    pub(crate) fn get(&self, spot: &Spot) -> Result<Option<Entry>, Trouble> {
        guard(|| {
            if spot.order == 0 {
                return Ok(Bucket::of(self.db()?, &spot.name)?.entries.get(&spot.name).copied());
            }
            let run = Run::under(self.db()?, &spot.name, spot.order)?;
            Ok(run.and_then(|run| run.entries.get(&spot.order).copied()))
        })
    }

    /// The records under one name, from one end on, row by row as the caller asks. Changes that are written meanwhile are
    /// seen or not; all else is seen once.
    pub(crate) fn range(
        &self,
        name: &Blind,
        orders: &RangeInclusive<u64>,
        direction: Direction,
    ) -> impl Iterator<Item = Result<(u64, Entry), Trouble>> + use<> {
        let mut walk = self.db.clone().map(|db| Walk::new(db, *name, orders.clone(), direction));
        let mut failed = false;
        std::iter::from_fn(move || {
            if failed {
                return None;
            }
            let next = guard(|| walk.as_mut().ok_or(Failure)?.next());
            failed = next.is_err();
            next.transpose()
        })
    }

    /// All numbers that stand at order 0 of a name.
    pub(crate) fn numbers(&self) -> Result<Vec<(Blind, u32)>, Trouble> {
        guard(|| {
            let mut found = Vec::new();
            for bucket in Bucket::all(self.db()?) {
                found.extend(bucket?.entries.into_iter().filter_map(|(name, entry)| match entry {
                    Entry::Number(number) => Some((name, number)),
                    _ => None,
                }));
            }
            Ok(found)
        })
    }

    /// Writes changes and how far they reach, in one atomic batch, and waits until the disk has them.
    pub(crate) fn apply(&self, changes: &Changes, state: &State) -> Result<LiveChanges, Trouble> {
        guard(|| {
            let mut batch = sled::Batch::default();
            let mut live = LiveChanges::new();
            let (firsts, rest): (Vec<Change>, Vec<Change>) =
                changes.iter().map(|(spot, entry)| (*spot, *entry)).partition(|(spot, _)| spot.order == 0);
            for same in
                firsts.chunk_by(|(one, _), (other, _)| Bucket::key(&one.name) == Bucket::key(&other.name))
            {
                self.put_firsts(same, &mut batch, &mut live)?;
            }
            for same in rest.chunk_by(|(one, _), (other, _)| one.name == other.name) {
                self.put_orders(same, &mut batch, &mut live)?;
            }
            self.put_state(&mut batch, state, &live)?;
            self.db()?.apply_batch(batch)?;
            self.sync()?;
            Ok(live)
        })
    }

    /// Lets go of the files, whatever state sled is in.
    pub(crate) fn close(&mut self) {
        let db = self.db.take();
        let _ = guard(|| {
            drop(db);
            Ok(())
        });
    }

    fn db(&self) -> Result<&sled::Db, Failure> {
        self.db.as_ref().ok_or(Failure)
    }

    /// Bytes that sled fills on disk.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.file.metadata().map_or(0, |found| found.len())
    }

    /// sled's own flush does not reach the disk: it starts the writing and never waits for it.
    fn sync(&self) -> Result<(), Failure> {
        self.db()?.flush()?;
        File::open(&self.file).and_then(|file| file.sync_all()).map_err(|_| Failure)
    }

    fn state(&self) -> Result<Option<State>, Failure> {
        let Some(bytes) = self.db()?.get(STATE_KEY)? else { return Ok(None) };
        let point = read_point(&bytes).ok_or(Failure)?;
        let mut segments = BTreeMap::new();
        for row in self.db()?.range([SEGMENT_KEY].as_slice()..[SEGMENT_KEY + 1].as_slice()) {
            let (key, value) = row?;
            if key.len() == 9 {
                let segment = key[1..].try_into().map(u64::from_be_bytes).map_err(|_| Failure)?;
                segments.insert(segment, read_segment(&value).ok_or(Failure)?);
            }
        }
        Ok(Some(State { point, segments }))
    }

    /// Changes at order 0 of names that share a bucket.
    fn put_firsts(
        &self,
        changes: &[Change],
        batch: &mut sled::Batch,
        live: &mut LiveChanges,
    ) -> Result<(), Failure> {
        let Some((first, _)) = changes.first() else { return Ok(()) };
        let mut bucket = Bucket::of(self.db()?, &first.name)?;
        for (spot, entry) in changes {
            put(&mut bucket.entries, spot.name, *entry, live);
        }
        bucket.write(batch);
        Ok(())
    }

    /// Changes at other orders of one name, lowest first.
    fn put_orders(
        &self,
        mut changes: &[Change],
        batch: &mut sled::Batch,
        live: &mut LiveChanges,
    ) -> Result<(), Failure> {
        let db = self.db()?;
        while let Some((first, _)) = changes.first() {
            let (mut run, next) = match Run::under(db, &first.name, first.order)? {
                Some(run) => {
                    let next = run.next(db)?;
                    (run, next)
                }
                // Below all that there are.
                None => {
                    let next = Run::from(db, &first.name, first.order, u64::MAX)?.map(|next| next.low);
                    (Run::new(first.name, first.order), next)
                }
            };
            let here = changes.partition_point(|(spot, _)| next.is_none_or(|next| spot.order < next));
            let (now, later) = changes.split_at(here);
            for (spot, entry) in now {
                put(&mut run.entries, spot.order, *entry, live);
            }
            run.write(next.is_none(), batch);
            changes = later;
        }
        Ok(())
    }

    fn put_state(&self, batch: &mut sled::Batch, state: &State, live: &LiveChanges) -> Result<(), Failure> {
        let Point { segment, last, next, number, link } = state.point;
        let mut bytes = Vec::new();
        Writer(&mut bytes).u8(LAYOUT).u64(segment).u32(last).u32(next).u64(number).bytes(&link);
        batch.insert(STATE_KEY, bytes);
        let known = self.state()?.unwrap_or_default().segments;
        for gone in known.keys().filter(|known| !state.segments.contains_key(known)) {
            batch.remove(&segment_key(*gone));
        }
        for (segment, after) in &state.segments {
            let mut after = *after;
            after.live = after.live.saturating_add_signed(live.get(segment).copied().unwrap_or(0));
            if known.get(segment) != Some(&after) {
                let mut bytes = Vec::new();
                Writer(&mut bytes).u32(after.blocks).u64(after.number).bytes(&after.link).u64(after.live);
                batch.insert(&segment_key(*segment), bytes);
            }
        }
        Ok(())
    }
}

/// What opening an index has come to.
pub(crate) type Opened = Result<(Index, Option<State>), Unusable>;

/// The index of a profile's own store while it is opened on a thread of its own. That needs no key, and with much
/// history it takes a while: it goes on while the key is derived. Whoever drops it waits until the files are let go of.
pub(crate) struct Ahead(Option<JoinHandle<Opened>>);

impl Ahead {
    /// Begins, if there is an index.
    pub(crate) fn start(folder: &Path) -> Option<Self> {
        if !folder.exists() {
            return None;
        }
        let folder = folder.to_owned();
        let opening = std::thread::Builder::new().name("index".into()).spawn(move || Index::open(&folder));
        opening.ok().map(|opening| Self(Some(opening)))
    }

    /// Waits for the end of it.
    pub(crate) fn finish(mut self) -> Opened {
        let opened = self.0.take().and_then(|opening| opening.join().ok());
        opened.unwrap_or(Err(Unusable::Damaged))
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        if let Some(opening) = self.0.take() {
            drop(opening.join());
        }
    }
}

/// Opens sled's files. One that was just closed may be held by sled's own threads for a moment longer.
fn open_database(folder: &Path) -> Result<sled::Db, sled::Error> {
    let config = sled::Config::new().path(folder).cache_capacity(CACHE_BYTES).flush_every_ms(None);
    let mut attempts = 0;
    loop {
        match config.open() {
            Err(sled::Error::Io(error)) if attempts < LOCK_ATTEMPTS && is_lock(&error) => {
                attempts += 1;
                std::thread::sleep(LOCK_PAUSE);
            }
            opened => return opened,
        }
    }
}

/// sled wraps the lock's error into one of its own, whose words are all that is left of it.
fn is_lock(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::WouldBlock || error.to_string().contains("lock")
}

/// What went wrong inside sled; which of its errors makes no difference to what is done about it.
struct Failure;

impl From<sled::Error> for Failure {
    fn from(_: sled::Error) -> Self {
        Self
    }
}

/// Runs what touches sled: it reports some damage by a panic.
fn guard<T>(run: impl FnOnce() -> Result<T, Failure>) -> Result<T, Trouble> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(Failure)) | Err(_) => Err(Trouble),
    }
}

fn segment_key(segment: u64) -> [u8; 9] {
    let mut key = [SEGMENT_KEY; 9];
    key[1..].copy_from_slice(&segment.to_be_bytes());
    key
}

/// Takes a change into the entries of a row, and counts it.
fn put<Key: Ord>(entries: &mut BTreeMap<Key, Entry>, key: Key, entry: Entry, live: &mut LiveChanges) {
    let before = match entry {
        Entry::Gone => entries.remove(&key),
        entry => entries.insert(key, entry),
    };
    count(live, before, -1);
    count(live, Some(entry), 1);
}

fn count(live: &mut LiveChanges, entry: Option<Entry>, sign: i64) {
    if let Some(Entry::Place { segment, bytes, .. }) = entry {
        *live.entry(segment).or_default() += sign * i64::from(bytes);
    }
}

fn read_point(bytes: &[u8]) -> Option<Point> {
    let mut reader = Reader::new(bytes);
    if reader.u8()? != LAYOUT {
        return None;
    }
    Some(Point {
        segment: reader.u64()?,
        last: reader.u32()?,
        next: reader.u32()?,
        number: reader.u64()?,
        link: reader.array()?,
    })
}

fn read_segment(bytes: &[u8]) -> Option<SegmentState> {
    let mut reader = Reader::new(bytes);
    Some(SegmentState {
        blocks: reader.u32()?,
        number: reader.u64()?,
        link: reader.array()?,
        live: reader.u64()?,
    })
}
