//! How this floor asks for durable memory: records by table, name and order, changed in atomic batches.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::RangeInclusive;
use std::sync::Arc;

use thiserror::Error;

use crate::limits;

/// One table. A record in it is named by a name of at most 64 bytes and an order.
///
/// A range runs over the orders under one name; to list a map, use one name and numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Table {
    /// Its number, unique in the house: 0..=31 proto, 32..=95 core, 96..=127 a relay's mailbox.
    pub id: u8,
    /// Its name for people. It is never written to disk.
    pub name: &'static str,
    /// Which records die together.
    pub leaf: LeafRule,
}

/// Which records share one key, and when that key is destroyed: from then on nobody can read what was sealed under it,
/// whatever copies of it remain.
///
/// A store may destroy a moment later, together with other keys; see the store for how long that may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LeafRule {
    /// All records of the table share one key, which is never destroyed.
    Shared,
    /// The records under one name share a key. It is destroyed when the last of them is deleted.
    PerName,
    /// Each record has a key of its own, destroyed whenever the record is overwritten or deleted.
    PerRecord,
    /// Under one name, each run of so many orders shares a key. It is destroyed when the last of the run is deleted.
    PerRun(u32),
    /// As [`LeafRule::PerRun`], but whatever is overwritten or deleted is destroyed at once: what is left of its run
    /// is sealed anew under another key. For what people delete.
    Erasable(u32),
}

/// Which end of a range comes first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Direction {
    /// The lowest order first.
    Ascending,
    /// The highest order first.
    Descending,
}

/// Durable memory. One owner; a batch happens entirely or not at all, and in the order of the commits.
pub trait Store {
    /// The value under table, name and order.
    ///
    /// # Errors
    /// Any [`StoreError`] of reading.
    fn get(&self, table: &Table, name: &[u8], order: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// Up to `limit` orders with their values under one name, from the end that `direction` says.
    ///
    /// # Errors
    /// Any [`StoreError`] of reading.
    fn range(
        &self,
        table: &Table,
        name: &[u8],
        orders: RangeInclusive<u64>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError>;

    /// Up to `limit` orders under one name from `from` on, rising: also of records whose value cannot be read any more.
    ///
    /// # Errors
    /// Any [`StoreError`] of reading what there is.
    fn orders(&self, table: &Table, name: &[u8], from: u64, limit: usize) -> Result<Vec<u64>, StoreError> {
        let found = self.range(table, name, from..=u64::MAX, Direction::Ascending, limit)?;
        Ok(found.into_iter().map(|(order, _)| order).collect())
    }

    /// Makes the batch durable. When this returns `Ok`, it survives a loss of power.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] if a record breaks a limit: nothing has changed.
    /// After any other error the store may be opened again, with the batch either whole or absent.
    fn commit(&mut self, batch: Batch) -> Result<(), StoreError>;
}

/// The place of a record: table number, name, order.
pub type Key = (u8, Vec<u8>, u64);

/// Changes that happen together. The last change of a record wins.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    changes: BTreeMap<Key, Change>,
}

#[derive(Clone, Debug)]
struct Change {
    leaf: LeafRule,
    value: Option<Vec<u8>>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a value. Limits are checked by [`Batch::check`], which each store calls first.
    pub fn put(&mut self, table: &Table, name: &[u8], order: u64, value: Vec<u8>) {
        self.set(table, name, order, Some(value));
    }

    /// Removes a record; one that is not there is no error.
    pub fn delete(&mut self, table: &Table, name: &[u8], order: u64) {
        self.set(table, name, order, None);
    }

    /// Adds the later changes of `other` to these.
    pub fn merge(&mut self, other: Batch) {
        self.changes.extend(other.changes);
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// How many records it changes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// The bytes of its names and values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.changes.iter().map(|(key, change)| key.1.len() + change.value.as_ref().map_or(0, Vec::len)).sum()
    }

    /// The change of one record: `None` if untouched, `Some(None)` if removed.
    #[must_use]
    pub fn get(&self, table: &Table, name: &[u8], order: u64) -> Option<Option<&[u8]>> {
        self.changes.get(&(table.id, name.to_vec(), order)).map(|change| change.value.as_deref())
    }

    /// All changes in the order of table, name and order, each with its table's leaf rule.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, LeafRule, Option<&[u8]>)> {
        self.changes.iter().map(|(key, change)| (key, change.leaf, change.value.as_deref()))
    }

    /// Checks the limits of names and values.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for the first record that breaks one.
    pub fn check(&self) -> Result<(), StoreError> {
        let fits = |(key, change): (&Key, &Change)| {
            key.1.len() <= limits::NAME_BYTES_MAX
                && change.value.as_ref().map_or(0, Vec::len) <= limits::VALUE_BYTES_MAX
        };
        if self.changes.iter().all(fits) { Ok(()) } else { Err(StoreError::TooLarge) }
    }

    fn set(&mut self, table: &Table, name: &[u8], order: u64, value: Option<Vec<u8>>) {
        let leaf = table.leaf;
        self.changes.insert((table.id, name.to_vec(), order), Change { leaf, value });
    }

    fn under(
        &self,
        table: &Table,
        name: &[u8],
        orders: &RangeInclusive<u64>,
    ) -> impl DoubleEndedIterator<Item = (u64, Option<&[u8]>)> {
        span(&self.changes, table, name, orders).map(|(key, change)| (key.2, change.value.as_deref()))
    }
}

/// A store seen through a batch that is still being written: reads see the batch's own writes.
pub struct Overlay<'a> {
    store: &'a dyn Store,
    batch: &'a mut Batch,
}

impl<'a> Overlay<'a> {
    /// Lays `batch` over `store`.
    pub fn new(store: &'a dyn Store, batch: &'a mut Batch) -> Self {
        Self { store, batch }
    }

    /// The value as it will be after the commit.
    ///
    /// # Errors
    /// Those of [`Store::get`].
    pub fn get(&self, table: &Table, name: &[u8], order: u64) -> Result<Option<Vec<u8>>, StoreError> {
        match self.batch.get(table, name, order) {
            Some(change) => Ok(change.map(<[u8]>::to_vec)),
            None => self.store.get(table, name, order),
        }
    }

    /// The range as it will be after the commit.
    ///
    /// # Errors
    /// Those of [`Store::range`].
    pub fn range(
        &self,
        table: &Table,
        name: &[u8],
        orders: RangeInclusive<u64>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let changes: BTreeMap<u64, Option<&[u8]>> = self.batch.under(table, name, &orders).collect();
        // Each removed record can hide one that the store would have returned.
        let hidden = changes.values().filter(|value| value.is_none()).count();
        let kept = self.store.range(table, name, orders, direction, limit.saturating_add(hidden))?;
        let mut seen: BTreeMap<u64, Vec<u8>> = kept.into_iter().collect();
        for (order, value) in changes {
            match value {
                Some(value) => {
                    seen.insert(order, value.to_vec());
                }
                None => {
                    seen.remove(&order);
                }
            }
        }
        Ok(match direction {
            Direction::Ascending => seen.into_iter().take(limit).collect(),
            Direction::Descending => seen.into_iter().rev().take(limit).collect(),
        })
    }

    /// The orders as they will be after the commit. No value is read.
    ///
    /// # Errors
    /// Those of [`Store::orders`].
    pub fn orders(
        &self,
        table: &Table,
        name: &[u8],
        from: u64,
        limit: usize,
    ) -> Result<Vec<u64>, StoreError> {
        let above = from..=u64::MAX;
        let changes = self.batch.under(table, name, &above);
        let changes: BTreeMap<u64, bool> = changes.map(|(order, value)| (order, value.is_some())).collect();
        let hidden = changes.values().filter(|is_there| !**is_there).count();
        let kept = self.store.orders(table, name, from, limit.saturating_add(hidden))?;
        let mut seen: BTreeSet<u64> = kept.into_iter().collect();
        for (order, is_there) in changes {
            if is_there {
                seen.insert(order);
            } else {
                seen.remove(&order);
            }
        }
        Ok(seen.into_iter().take(limit).collect())
    }

    /// Writes a value into the batch.
    pub fn put(&mut self, table: &Table, name: &[u8], order: u64, value: Vec<u8>) {
        self.batch.put(table, name, order, value);
    }

    /// Removes a record in the batch.
    pub fn delete(&mut self, table: &Table, name: &[u8], order: u64) {
        self.batch.delete(table, name, order);
    }
}

/// A store in memory that behaves like one on disk. A clone is what a crash would leave at this instant.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    records: BTreeMap<Key, Arc<[u8]>>,
    commits: u64,
    fail_at: Option<u64>,
    failed: bool,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many batches have been made durable.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits
    }

    /// How many records it holds.
    #[must_use]
    pub fn records(&self) -> usize {
        self.records.len()
    }

    /// The bytes of all names and values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.records.iter().map(|(key, value)| key.1.len() + value.len()).sum()
    }

    /// Every record, for tests that look at what is kept.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &[u8])> {
        self.records.iter().map(|(key, value)| (key, &value[..]))
    }

    /// Lets `successes` more commits happen and fails each one after them, changing nothing.
    pub fn fail_after(&mut self, successes: u64) {
        self.fail_at = Some(self.commits + successes);
    }

    /// The store as it is found after the crash: the same records, and commits succeed again.
    #[must_use]
    pub fn reopen(&self) -> Self {
        Self { fail_at: None, failed: false, ..self.clone() }
    }
}

impl Store for MemoryStore {
    fn get(&self, table: &Table, name: &[u8], order: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let key = (table.id, name.to_vec(), order);
        Ok(self.records.get(&key).map(|value| value.to_vec()))
    }

    fn range(
        &self,
        table: &Table,
        name: &[u8],
        orders: RangeInclusive<u64>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let found = span(&self.records, table, name, &orders).map(|(key, value)| (key.2, value.to_vec()));
        Ok(match direction {
            Direction::Ascending => found.take(limit).collect(),
            Direction::Descending => found.rev().take(limit).collect(),
        })
    }

    fn commit(&mut self, batch: Batch) -> Result<(), StoreError> {
        if self.failed {
            return Err(StoreError::Broken);
        }
        batch.check()?;
        if self.fail_at.is_some_and(|at| self.commits >= at) {
            self.failed = true;
            return Err(StoreError::Io(io::ErrorKind::Other));
        }
        for (key, change) in batch.changes {
            match change.value {
                Some(value) => {
                    self.records.insert(key, value.into());
                }
                None => {
                    self.records.remove(&key);
                }
            }
        }
        self.commits += 1;
        Ok(())
    }
}

/// Why the store could not do what was asked.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum StoreError {
    /// A name is longer than 64 bytes or a value larger than 64 KiB.
    #[error("a record is larger than the store takes (name 64 bytes, value 64 KiB)")]
    TooLarge,
    /// A record on disk is not what was written.
    #[error("the data on disk is damaged: {0}; restore a backup")]
    Corrupt(&'static str),
    /// No space is left.
    #[error("the disk is full; free some space and open again")]
    Full,
    /// The disk refused.
    #[error("the disk reports an error ({0}); check it and open again")]
    Io(io::ErrorKind),
    /// This process, or the system, has as many files open as it may. Unlike after other errors, what was asked may be
    /// asked again, unless the store is broken by it.
    #[error("too many files are open; raise the limit of open files (ulimit -n), or open again later")]
    NoFiles,
    /// An earlier commit failed, so that what is on disk is uncertain.
    #[error("an earlier write failed; open again")]
    Broken,
}

/// The part of a map of records that lies under one name within the orders.
fn span<'m, V>(
    map: &'m BTreeMap<Key, V>,
    table: &Table,
    name: &[u8],
    orders: &RangeInclusive<u64>,
) -> impl DoubleEndedIterator<Item = (&'m Key, &'m V)> {
    // An empty range of orders would make BTreeMap::range panic.
    let (low, high) = if orders.is_empty() { (0, None) } else { (*orders.start(), Some(*orders.end())) };
    high.map(|high| map.range((table.id, name.to_vec(), low)..=(table.id, name.to_vec(), high)))
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTES: Table = Table { id: 1, name: "notes", leaf: LeafRule::Shared };

    #[allow(clippy::reversed_empty_ranges)]
    const EMPTY: RangeInclusive<u64> = 5..=1;

    fn with(orders: &[u64]) -> MemoryStore {
        let mut store = MemoryStore::new();
        let mut batch = Batch::new();
        for order in orders {
            batch.put(&NOTES, b"n", *order, vec![*order as u8]);
        }
        store.commit(batch).expect("the batch is small");
        store
    }

    fn orders(found: &[(u64, Vec<u8>)]) -> Vec<u64> {
        found.iter().map(|(order, _)| *order).collect()
    }

    #[test]
    fn a_range_stays_under_its_name_and_table() {
        let mut store = with(&[1, 2, 3]);
        let mut batch = Batch::new();
        batch.put(&NOTES, b"m", 2, vec![9]);
        batch.put(&NOTES, b"n2", 2, vec![9]);
        batch.put(&Table { id: 2, ..NOTES }, b"n", 2, vec![9]);
        store.commit(batch).expect("small");
        let up = store.range(&NOTES, b"n", 0..=u64::MAX, Direction::Ascending, 2);
        let down = store.range(&NOTES, b"n", 0..=u64::MAX, Direction::Descending, 2);
        assert_eq!(orders(&up.expect("reads")), [1, 2]);
        assert_eq!(orders(&down.expect("reads")), [3, 2]);
        let none = store.range(&NOTES, b"n", EMPTY, Direction::Ascending, 9);
        assert_eq!(none, Ok(vec![]));
    }

    #[test]
    fn an_overlay_reads_its_own_writes() {
        let store = with(&[1, 2, 3, 4]);
        let mut batch = Batch::new();
        let mut over = Overlay::new(&store, &mut batch);
        over.delete(&NOTES, b"n", 1);
        over.delete(&NOTES, b"n", 2);
        over.put(&NOTES, b"n", 4, vec![44]);
        over.put(&NOTES, b"n", 9, vec![99]);
        assert_eq!(over.get(&NOTES, b"n", 1), Ok(None));
        assert_eq!(over.get(&NOTES, b"n", 4), Ok(Some(vec![44])));
        assert_eq!(over.orders(&NOTES, b"n", 0, 9), Ok(vec![3, 4, 9]));
        assert_eq!(over.orders(&NOTES, b"n", 4, 1), Ok(vec![4]), "behind what is removed");
        let up = over.range(&NOTES, b"n", 0..=u64::MAX, Direction::Ascending, 2);
        assert_eq!(up, Ok(vec![(3, vec![3]), (4, vec![44])]));
        let down = over.range(&NOTES, b"n", 0..=8, Direction::Descending, 9);
        assert_eq!(down, Ok(vec![(4, vec![44]), (3, vec![3])]));
    }

    #[test]
    fn a_failed_commit_changes_nothing_and_the_crash_is_survived() {
        let mut store = with(&[1]);
        store.fail_after(0);
        let mut batch = Batch::new();
        batch.put(&NOTES, b"n", 2, vec![]);
        assert!(store.commit(batch.clone()).is_err());
        assert_eq!(store.commit(batch.clone()), Err(StoreError::Broken));
        let mut again = store.reopen();
        assert_eq!(again.records(), 1);
        assert_eq!(again.commit(batch), Ok(()));
        assert_eq!(again.records(), 2);
        assert_eq!(store.records(), 1, "a clone is a snapshot");
    }

    #[test]
    fn a_record_beyond_the_limits_is_refused_whole() {
        let mut store = MemoryStore::new();
        let mut batch = Batch::new();
        batch.put(&NOTES, b"fits", 0, vec![1]);
        batch.put(&NOTES, b"big", 0, vec![0; limits::VALUE_BYTES_MAX + 1]);
        assert_eq!(store.commit(batch), Err(StoreError::TooLarge));
        let mut batch = Batch::new();
        batch.put(&NOTES, &[0; limits::NAME_BYTES_MAX + 1], 0, vec![]);
        assert_eq!(store.commit(batch), Err(StoreError::TooLarge));
        assert_eq!(store.records(), 0);
    }

    #[test]
    fn a_merge_lets_the_later_change_win() {
        let mut first = Batch::new();
        first.put(&NOTES, b"n", 1, vec![1]);
        let mut later = Batch::new();
        later.delete(&NOTES, b"n", 1);
        first.merge(later);
        assert_eq!(first.get(&NOTES, b"n", 1), Some(None));
        assert_eq!(first.len(), 1);
    }
}
