//! The store itself: a batch is sealed into the log and synced; the index hears of it later.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::sync::Arc;

use crypto::tree::{self, Node, NodeId};
use crypto::vault::{BLOCK_BYTES, BlockSealer, KeyFile};
use proto::store::{Batch, Direction, Store, StoreError, Table};
use rand::rngs::StdRng;
use rand_core::Rng;

use crate::cache::Cache;
use crate::destruction::Destruction;
use crate::disk::{Disk, DiskFile};
use crate::error::store_error;
use crate::index::{Index, SegmentState};
use crate::keys::{Keys, Run};
use crate::leaves::{Group, Leaves, Lot};
use crate::maintain::{Jobs, Sweep};
use crate::nodes::NODES_KEPT;
use crate::options::Options;
use crate::recent::{Entry, Layer, Recent, merge};
use crate::record::{Blind, Record, SegmentEnd, Spot, single};
use crate::segment::{BODY_BYTES_MAX, FIRST_BLOCK, Framed, Point, SALT_BYTES, Unread, file_name, frame};

/// Groups whose leaf is remembered without asking the index.
const GROUPS_KEPT: usize = 8192;
/// Names whose blinded form is remembered.
const BLINDS_KEPT: usize = 4096;
/// The version of the log's format.
pub(crate) const FORMAT: u8 = 1;

/// A durable store whose files tell nothing without the passphrase. One owner; see the crate's description.
///
/// When it is dropped it brings the index up to date as far as that is possible, and lets go of the folder.
pub struct SealedStore {
    pub(crate) disk: Arc<dyn Disk>,
    /// Where the key file lies: the profile's folder.
    pub(crate) key_disk: Arc<dyn Disk>,
    pub(crate) profile: PathBuf,
    pub(crate) keys: Keys,
    pub(crate) key_file: KeyFile,
    pub(crate) options: Options,
    pub(crate) folder: PathBuf,
    pub(crate) index: Index,
    /// An index that failed while it was read, or points to what is damaged; the next change rebuilds it.
    pub(crate) index_failed: Cell<bool>,
    pub(crate) recent: Recent,
    pub(crate) jobs: Jobs,
    pub(crate) sweep: Option<Sweep>,
    /// Segments in which something could not be read when they were emptied: they stay.
    pub(crate) damaged: BTreeSet<u64>,
    /// The end of the log.
    pub(crate) point: Point,
    /// The number of the next commit. Ahead of the log's end after a rollback, so that none is used twice.
    pub(crate) next_number: u64,
    pub(crate) segments: BTreeMap<u64, SegmentState>,
    pub(crate) writer: Option<SegmentWriter>,
    pub(crate) broken: bool,
    /// Something is lost, and nothing was committed yet by who was told: the next start must find it again.
    pub(crate) untold_loss: bool,
    /// Gaps of the log that who holds the store has heard of. At most [`GAPS_MAX`](crate::error::GAPS_MAX) by each call.
    pub(crate) known_gaps: BTreeSet<[u8; 32]>,
    /// A place that the disk cannot read: nothing that is cut off or removed while the log is replayed may be it.
    pub(crate) unread: Unread,
    pub(crate) reader: RefCell<Cache>,
    pub(crate) memory: RefCell<Memory>,
    pub(crate) leaves: Leaves,
    pub(crate) rng: StdRng,
    /// Held until the store is dropped.
    pub(crate) _lock: Option<File>,
}

/// The segment that commits are appended to: made by this process, never opened for writing again.
pub(crate) struct SegmentWriter {
    segment: u64,
    next: u32,
    file: Box<dyn DiskFile>,
    sealer: BlockSealer,
    /// Until the first commit is written.
    pub(crate) salt: Option<[u8; SALT_BYTES]>,
}

/// What was worked out before and is asked for again.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) groups: BTreeMap<Blind, Group>,
    pub(crate) nodes: BTreeMap<NodeId, Node>,
    blinds: BTreeMap<(u8, Vec<u8>), Blind>,
}

/// A commit while it is put together.
#[derive(Default)]
pub(crate) struct Draft {
    pub(crate) body: Vec<u8>,
    pub(crate) changes: Vec<(Spot, Change)>,
    /// Keys that die once this commit and then the key file are durable.
    pub(crate) destruction: Option<Destruction>,
}

/// What a commit will say about a record once its place in the log is known.
pub(crate) enum Change {
    At(Range<usize>),
    Number(u32),
    Gone,
}

impl Draft {
    pub(crate) fn add(&mut self, record: &Record<'_>) -> Range<usize> {
        let start = self.body.len();
        record.write(&mut self.body);
        start..self.body.len()
    }

    /// Whether one commit takes what is in it so far.
    pub(crate) fn fits(&self) -> Result<(), StoreError> {
        if self.body.len() > BODY_BYTES_MAX { Err(StoreError::TooLarge) } else { Ok(()) }
    }

    /// Adds a record that stands at a spot.
    pub(crate) fn place(&mut self, spot: Spot, record: &Record<'_>) {
        let range = self.add(record);
        self.changes.push((spot, Change::At(range)));
    }
}

/// What a new store starts with.
pub(crate) struct Parts {
    pub(crate) disk: Arc<dyn Disk>,
    /// Where the key file lies: the profile's folder.
    pub(crate) key_disk: Arc<dyn Disk>,
    pub(crate) profile: PathBuf,
    pub(crate) keys: Keys,
    pub(crate) key_file: KeyFile,
    pub(crate) options: Options,
    pub(crate) folder: PathBuf,
    pub(crate) index: Index,
    pub(crate) lock: Option<File>,
}

impl SealedStore {
    pub(crate) fn assemble(parts: Parts) -> Self {
        Self {
            disk: parts.disk,
            key_disk: parts.key_disk,
            profile: parts.profile,
            keys: parts.keys,
            key_file: parts.key_file,
            options: parts.options,
            folder: parts.folder,
            index: parts.index,
            index_failed: Cell::new(false),
            recent: Recent::default(),
            jobs: Jobs::default(),
            sweep: None,
            damaged: BTreeSet::new(),
            point: Point::default(),
            next_number: 1,
            segments: BTreeMap::new(),
            writer: None,
            broken: false,
            untold_loss: false,
            known_gaps: BTreeSet::new(),
            unread: Unread::default(),
            reader: RefCell::default(),
            memory: RefCell::default(),
            leaves: Leaves::default(),
            rng: rand::make_rng(),
            _lock: parts.lock,
        }
    }

    /// What is known about a record: from the changes, else from the index.
    pub(crate) fn entry(&self, spot: &Spot) -> Result<Option<Entry>, StoreError> {
        if let Some(entry) = self.recent.get(spot) {
            return Ok((entry != Entry::Gone).then_some(entry));
        }
        self.index.get(spot).map_err(|_| self.index_trouble())
    }

    /// What is known about the records under a name, from one end on.
    pub(crate) fn entries(
        &self,
        name: &Blind,
        orders: RangeInclusive<u64>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(u64, Entry)>, StoreError> {
        let failed = Cell::new(false);
        let index: Layer<'_> = Box::new(
            self.index
                .range(name, &orders, direction)
                .map_while(|found| found.inspect_err(|_| failed.set(true)).ok()),
        );
        let mut layers = self.recent.layers(name, &orders, direction);
        layers.push(index);
        let found = merge(layers, direction).take(limit).collect();
        if failed.get() { Err(self.index_trouble()) } else { Ok(found) }
    }

    fn index_trouble(&self) -> StoreError {
        self.index_failed.set(true);
        StoreError::Corrupt("the index; it is built again at the next change or start")
    }

    /// The record at a place of the log.
    ///
    /// Where none can be read the log is damaged, and an index that is believed hides it: one that is made anew does not
    /// point there, and finds the gap.
    pub(crate) fn record_bytes(&self, place: (u64, u32, u32)) -> Result<Vec<u8>, StoreError> {
        let mut reader = self.reader.borrow_mut();
        let found = reader.read(self.disk.as_ref(), &self.keys, &self.unread, place);
        found.map_err(|error| store_error(&error))?.ok_or_else(|| {
            self.index_failed.set(self.index_failed.get() || self.options.tells_damage);
            StoreError::Corrupt("a block of the log; it is looked at as a whole at the next start")
        })
    }

    fn value(&self, spot: &Spot, entry: Entry) -> Result<Vec<u8>, StoreError> {
        self.trim_memory();
        self.value_at(spot, entry)
    }

    pub(crate) fn value_at(&self, spot: &Spot, entry: Entry) -> Result<Vec<u8>, StoreError> {
        self.leaf_and_value(spot, entry).map(|(_, value)| value)
    }

    /// The value at a place of the log, and the leaf that it is sealed under.
    pub(crate) fn leaf_and_value(&self, spot: &Spot, entry: Entry) -> Result<(u32, Vec<u8>), StoreError> {
        let Entry::Place { segment, at, bytes } = entry else {
            return Err(StoreError::Corrupt("an entry of the index"));
        };
        let bytes = self.record_bytes((segment, at, bytes))?;
        let Some(Record::Put { spot: found, leaf, sealed }) = single(&bytes) else {
            self.index_failed.set(true);
            return Err(StoreError::Corrupt("a place in the index"));
        };
        if found != *spot {
            self.index_failed.set(true);
            return Err(StoreError::Corrupt("a place in the index"));
        }
        tree::open_record(&self.leaf_key(leaf)?, &aad(spot, leaf), sealed)
            .map(|value| (leaf, value.to_vec()))
            .map_err(|_| StoreError::Corrupt("a sealed record"))
    }

    /// Forgets what can be read again. Never in the middle of a draft, whose new nodes are not in the log yet.
    pub(crate) fn trim_memory(&self) {
        let mut memory = self.memory.borrow_mut();
        if memory.nodes.len() > NODES_KEPT {
            memory.nodes.clear();
        }
        if memory.groups.len() > GROUPS_KEPT {
            memory.groups.clear();
        }
        if memory.blinds.len() > BLINDS_KEPT {
            memory.blinds.clear();
        }
    }

    pub(crate) fn blind(&self, table: u8, name: &[u8]) -> Blind {
        let mut memory = self.memory.borrow_mut();
        let key = (table, name.to_vec());
        if let Some(blind) = memory.blinds.get(&key) {
            return *blind;
        }
        let blind = self.keys.blind(table, name);
        memory.blinds.insert(key, blind);
        blind
    }

    /// What a batch writes. On an error nothing has changed.
    pub(crate) fn draft(&mut self, batch: &Batch) -> Result<Draft, StoreError> {
        self.trim_memory();
        let is_due = self.destruction_is_due();
        // A head counter that could not be written is tried again; an unfinished destruction is the end.
        self.settle_key_file(is_due).or_else(|error| if self.broken { Err(error) } else { Ok(()) })?;
        let draft = self.draft_lots(batch);
        if draft.is_err() {
            drop(self.memory.take());
            self.load_leaves()?;
        }
        draft
    }

    fn draft_lots(&mut self, batch: &Batch) -> Result<Draft, StoreError> {
        let mut draft = self.begin_draft()?;
        let mut place: Option<(u8, &[u8], Blind)> = None;
        let mut changes = batch.iter().peekable();
        while let Some(((table, name, order), rule, value)) = changes.next() {
            let known = place.filter(|(t, n, _)| t == table && n == name);
            let blind = known.map_or_else(|| self.blind(*table, name), |(_, _, blind)| blind);
            place = Some((*table, name, blind));
            let run = Run::of(rule, *order);
            let mut lot = Lot { table: *table, name, blind, rule, run, changes: vec![(*order, value)] };
            while let Some((key, _, value)) = changes
                .next_if(|(key, rule, _)| key.0 == *table && key.1 == *name && Run::of(*rule, key.2) == run)
            {
                lot.changes.push((key.2, value));
            }
            self.draft_lot(&lot, &mut draft)?;
            draft.fits()?;
        }
        if self.destruction_is_due() {
            self.draft_destruction(&mut draft)?;
        }
        Ok(draft)
    }

    /// A draft that begins with what a new segment must begin with, where one is due.
    pub(crate) fn begin_draft(&mut self) -> Result<Draft, StoreError> {
        if self.broken {
            return Err(StoreError::Broken);
        }
        if self.index_failed.get() {
            self.heal_index()?;
        }
        let full = self.options.segment_bytes / BLOCK_BYTES as u64;
        if self.writer.as_ref().is_none_or(|writer| u64::from(writer.next) >= full) {
            self.begin_segment().map_err(|error| store_error(&error))?;
        }
        let mut draft = Draft::default();
        if self.writer.as_ref().is_some_and(|writer| writer.salt.is_some()) {
            let segments = self.segments.iter().map(|(segment, state)| SegmentEnd {
                segment: *segment,
                blocks: state.blocks,
                number: state.number,
                link: state.link,
            });
            draft.add(&Record::Manifest { version: FORMAT, segments: segments.collect() });
            self.tell_doubt(&mut draft);
        }
        self.tell_free(&mut draft);
        Ok(draft)
    }

    fn begin_segment(&mut self) -> std::io::Result<()> {
        let on_disk = self.disk.list()?;
        let taken = on_disk.iter().filter_map(|name| crate::segment::parse_file_name(name)).max();
        let segment = taken.unwrap_or(0).max(self.point.segment) + 1;
        let mut salt = [0; SALT_BYTES];
        self.rng.fill_bytes(&mut salt);
        let file = self.disk.create(&file_name(segment))?;
        let sealer = self.keys.sealer(&salt);
        self.writer = Some(SegmentWriter { segment, next: FIRST_BLOCK, file, sealer, salt: Some(salt) });
        Ok(())
    }

    /// Seals, writes and syncs a draft. On return it is durable and can be read.
    ///
    /// Where keys are to be destroyed with it, that has begun.
    pub(crate) fn append(&mut self, draft: Draft) -> Result<(), StoreError> {
        let framed = self.write(&draft).map_err(|error| {
            self.broken = true;
            store_error(&error)
        })?;
        if let Some(destruction) = draft.destruction {
            self.start_destruction(destruction, &framed);
        }
        Ok(())
    }

    fn write(&mut self, draft: &Draft) -> std::io::Result<Framed> {
        let writer = self.writer.as_mut().ok_or(std::io::ErrorKind::NotFound)?;
        let number = self.next_number;
        let (segment, last) = (writer.segment, writer.next);
        let start = (last, number, self.point.link);
        let mut framed = frame(&draft.body, start, &writer.sealer, &self.keys.chain);
        let salt = writer.salt.take();
        if let Some(salt) = salt {
            let mut head = vec![0; BLOCK_BYTES];
            self.rng.fill_bytes(&mut head);
            head[..SALT_BYTES].copy_from_slice(&salt);
            head.append(&mut framed.bytes);
            framed.bytes = head;
        }
        let first = if salt.is_some() { 0 } else { last };
        writer.file.write_at(&framed.bytes, u64::from(first) * BLOCK_BYTES as u64)?;
        writer.file.sync()?;
        if salt.is_some() {
            self.disk.sync_names()?;
        }
        writer.next += framed.blocks;
        for (spot, change) in &draft.changes {
            let entry = match change {
                Change::At(range) => {
                    Entry::Place { segment, at: framed.place(range.start), bytes: range.len() as u32 }
                }
                Change::Number(number) => Entry::Number(*number),
                Change::Gone => Entry::Gone,
            };
            self.recent.active.insert(*spot, entry);
        }
        self.recent.log_bytes += framed.bytes.len() as u64;
        self.point = Point { segment, last, next: last + framed.blocks, number, link: framed.link };
        self.next_number = number + 1;
        self.note_end();
        Ok(framed)
    }

    /// Notes the end of the newest segment among the segments.
    pub(crate) fn note_end(&mut self) {
        let Point { segment, next, number, link, .. } = self.point;
        let state = self.segments.entry(segment).or_default();
        *state = SegmentState { blocks: next, number, link, live: state.live };
    }
}

impl Store for SealedStore {
    fn get(&self, table: &Table, name: &[u8], order: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let spot = Spot { name: self.blind(table.id, name), order };
        self.entry(&spot)?.map(|entry| self.value(&spot, entry)).transpose()
    }

    fn range(
        &self,
        table: &Table,
        name: &[u8],
        orders: RangeInclusive<u64>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        if orders.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let name = self.blind(table.id, name);
        let found = self.entries(&name, orders, direction, limit)?.into_iter();
        found.map(|(order, entry)| Ok((order, self.value(&Spot { name, order }, entry)?))).collect()
    }

    fn orders(&self, table: &Table, name: &[u8], from: u64, limit: usize) -> Result<Vec<u64>, StoreError> {
        let name = self.blind(table.id, name);
        let found = self.entries(&name, from..=u64::MAX, Direction::Ascending, limit)?;
        Ok(found.into_iter().map(|(order, _)| order).collect())
    }

    fn commit(&mut self, batch: Batch) -> Result<(), StoreError> {
        batch.check()?;
        if self.broken {
            return Err(StoreError::Broken);
        }
        if batch.is_empty() {
            return Ok(());
        }
        if batch.bytes() > BODY_BYTES_MAX {
            return Err(StoreError::TooLarge);
        }
        let draft = self.draft(&batch)?;
        self.append(draft)?;
        self.untold_loss = false;
        self.after_commit();
        Ok(())
    }
}

impl fmt::Debug for SealedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedStore")
    }
}

/// Where a sealed value belongs: it opens nowhere else.
pub(crate) fn aad(spot: &Spot, leaf: u32) -> [u8; 29] {
    let mut aad = [FORMAT; 29];
    aad[1..17].copy_from_slice(&spot.name);
    aad[17..25].copy_from_slice(&spot.order.to_be_bytes());
    aad[25..].copy_from_slice(&leaf.to_be_bytes());
    aad
}

#[cfg(test)]
mod tests {
    use proto::store::LeafRule;

    use super::*;
    use crate::disk::ModelDisk;
    use crate::leaves::LEAVES_MAX;

    const EACH: Table = Table { id: 40, name: "each", leaf: LeafRule::PerRecord };

    fn store(folder: &std::path::Path, disk: &ModelDisk) -> SealedStore {
        let options = Options { in_background: false, ..Options::default() };
        SealedStore::create_on(Arc::new(disk.clone()), folder, b"p", options, &mut rand::rng())
            .expect("a new store")
    }

    fn put(store: &mut SealedStore, orders: Range<u64>) {
        let mut batch = Batch::new();
        orders.for_each(|order| batch.put(&EACH, b"n", order, order.to_be_bytes().to_vec()));
        store.commit(batch).expect("small");
    }

    #[test]
    fn when_all_leaves_are_taken_newcomers_share_one_that_is_never_destroyed() {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = ModelDisk::new();
        let mut store = store(folder.path(), &disk);
        let count = store.keys.leaves_spot();
        // As after many years: all but the last two leaves have an owner.
        store.recent.active.insert(count, Entry::Number(LEAVES_MAX - 2));
        store.load_leaves().expect("the index works");
        put(&mut store, 0..5);
        assert_eq!(store.entry(&count), Ok(Some(Entry::Number(LEAVES_MAX - 1))));
        for _ in 0..3 {
            put(&mut store, 0..3);
            store.shred().expect("the disk works");
        }
        for order in 0..5 {
            assert_eq!(store.get(&EACH, b"n", order), Ok(Some(order.to_be_bytes().to_vec())));
        }
    }

    #[test]
    fn a_group_that_is_larger_than_a_commit_is_refused_before_it_is_put_together() {
        const RUN: Table = Table { id: 41, name: "run", leaf: LeafRule::Erasable(1 << 20) };
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = store(folder.path(), &ModelDisk::new());
        let value = vec![7; 60 << 10];
        // Half as much again as a commit takes.
        for start in (0..1_600).step_by(200) {
            let mut batch = Batch::new();
            (start..start + 200).for_each(|order| batch.put(&RUN, b"n", order, value.clone()));
            store.commit(batch).expect("small");
        }
        let mut batch = Batch::new();
        batch.delete(&RUN, b"n", 800);
        let name = store.blind(RUN.id, b"n");
        let run = Run::of(RUN.leaf, 0);
        let lot =
            Lot { table: RUN.id, name: b"n", blind: name, rule: RUN.leaf, run, changes: vec![(800, None)] };
        let mut draft = Draft::default();
        assert_eq!(store.draft_lot(&lot, &mut draft), Err(StoreError::TooLarge));
        assert!(draft.body.len() < BODY_BYTES_MAX + (128 << 10), "{} bytes", draft.body.len());
        // It is refused as a whole, and the store goes on as if nothing had been asked.
        drop(store.memory.take());
        store.load_leaves().expect("the index works");
        assert_eq!(store.commit(batch), Err(StoreError::TooLarge));
        assert_eq!(store.get(&RUN, b"n", 800), Ok(Some(value)));
        put(&mut store, 0..1);
    }

    #[test]
    fn a_batch_with_more_new_nodes_than_memory_keeps_can_be_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = ModelDisk::new();
        let mut store = store(folder.path(), &disk);
        for start in (0..80_000).step_by(20_000) {
            put(&mut store, start..start + 20_000);
        }
        assert!(store.memory.borrow().nodes.len() > NODES_KEPT);
        for order in (0..80_000).step_by(997) {
            assert_eq!(store.get(&EACH, b"n", order), Ok(Some(order.to_be_bytes().to_vec())));
        }
        assert!(store.memory.borrow().nodes.len() <= NODES_KEPT);
    }
}
