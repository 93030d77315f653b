//! For tests: an index fails under an open store whose log is whole, or lacks what is known, or lacks what is news.

use std::sync::Arc;

use proto::store::{Batch, LeafRule, Store, Table};

use super::*;
use crate::disk::{Disk as _, ModelDisk};
use crate::options::Options;

const EACH: Table = Table { id: 40, name: "each", leaf: LeafRule::PerRecord };
const NAME: &[u8] = b"n";
const BLOCK_BYTES: usize = 4_096;
/// Each is a commit of six blocks.
const VALUE_BYTES: usize = 20 << 10;

fn options() -> Options {
    Options { in_background: false, ..Options::default() }
}

fn open(disk: &ModelDisk, folder: &tempfile::TempDir) -> (SealedStore, OpenReport) {
    SealedStore::open_on(Arc::new(disk.clone()), folder.path(), b"p", options()).expect("it opens")
}

fn put(store: &mut SealedStore, order: u64) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    batch.put(&EACH, NAME, order, vec![order as u8; VALUE_BYTES]);
    store.commit(batch)
}

fn delete(store: &mut SealedStore, order: u64) {
    let mut batch = Batch::new();
    batch.delete(&EACH, NAME, order);
    store.commit(batch).expect("the disk works");
}

fn has(store: &SealedStore, order: u64) -> bool {
    let found = store.get(&EACH, NAME, order).expect("the disk works");
    found.inspect(|value| assert_eq!(*value, vec![order as u8; VALUE_BYTES])).is_some()
}

/// A closed store of twelve values.
fn filled(folder: &tempfile::TempDir) -> ModelDisk {
    let disk = ModelDisk::new();
    let shared = Arc::new(disk.clone());
    let mut store =
        SealedStore::create_on(shared, folder.path(), b"p", options(), &mut rand::rng()).expect("new");
    (0..12).for_each(|order| put(&mut store, order).expect("the disk works"));
    store.close().expect("the disk works");
    disk
}

fn damage(disk: &ModelDisk, block: usize) {
    let mut names = disk.list().expect("the disk works");
    names.retain(|name| name.ends_with(".log"));
    names.sort();
    let mut bytes = disk.read(&names[0]).expect("a file");
    bytes[block * BLOCK_BYTES + 77] ^= 1;
    disk.overwrite(&names[0], bytes);
}

/// The names of what is missing, found by a start without an index whose loss was then acted on.
fn known(disk: &ModelDisk, folder: &tempfile::TempDir) -> Vec<[u8; 32]> {
    std::fs::remove_dir_all(folder.path().join("index")).expect("a folder");
    let (mut store, report) = open(disk, folder);
    assert_eq!(report.lost_commits, 1);
    put(&mut store, 50).expect("the disk works");
    store.close().expect("the disk works");
    report.gaps.iter().map(|gap| gap.between).collect()
}

#[test]
fn an_index_that_fails_while_the_store_is_open_is_made_anew_and_nothing_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = filled(&folder);
    let (mut store, _) = open(&disk, &folder);
    store.index_failed.set(true);
    put(&mut store, 20).expect("it is made anew first");
    assert!((0..12).chain([20]).all(|order| has(&store, order)));
    store.close().expect("the disk works");
    let (store, report) = open(&disk, &folder);
    assert_eq!(report, OpenReport::default());
    assert!((0..12).chain([20]).all(|order| has(&store, order)));
}

#[test]
fn a_gap_that_was_acted_on_does_not_end_a_store_whose_index_fails_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = filled(&folder);
    damage(&disk, 30);
    let names = known(&disk, &folder);
    let (mut store, report) = open(&disk, &folder);
    assert_eq!(report, OpenReport::default(), "an index that is believed does not find it");
    store.know_gaps(names);
    let before: Vec<u64> = (0..60).filter(|order| has(&store, *order)).collect();
    assert_eq!(before.len(), 12, "one of thirteen is lost");
    for round in 0..3 {
        store.index_failed.set(true);
        put(&mut store, 20 + round).expect("what is known is no news");
        // A key that dies after it is none that a value needs.
        delete(&mut store, 20 + round);
        store.checkpoint().expect("the disk works");
        assert!(before.iter().all(|order| has(&store, *order)));
    }
    store.close().expect("the disk works");
    let (store, report) = open(&disk, &folder);
    assert_eq!(report, OpenReport::default());
    assert!((0..60).filter(|order| has(&store, *order)).eq(before));
}

#[test]
fn what_the_start_itself_has_told_of_is_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = filled(&folder);
    damage(&disk, 30);
    std::fs::remove_dir_all(folder.path().join("index")).expect("a folder");
    let (mut store, report) = open(&disk, &folder);
    assert!(report.is_loss());
    store.index_failed.set(true);
    put(&mut store, 20).expect("it was told");
    assert!(has(&store, 20));
}

#[test]
fn a_gap_that_nobody_has_heard_of_ends_the_store_and_the_next_start_tells_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = filled(&folder);
    damage(&disk, 30);
    let names = known(&disk, &folder);
    let (mut store, _) = open(&disk, &folder);
    store.know_gaps(names);
    damage(&disk, 50);
    store.index_failed.set(true);
    assert!(matches!(put(&mut store, 20), Err(StoreError::Corrupt(_))));
    assert_eq!(put(&mut store, 20), Err(StoreError::Broken), "nothing is written behind it");
    drop(store);
    let (_, report) = open(&disk, &folder);
    assert_eq!(report.lost_commits, 2);
}

#[test]
fn a_damaged_block_that_the_index_points_to_is_a_loss_that_the_next_start_tells() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = filled(&folder);
    damage(&disk, 30);
    let (mut store, report) = open(&disk, &folder);
    assert_eq!(report, OpenReport::default(), "an index that is believed hides it");
    let read = |store: &SealedStore| (0..12).filter(|order| store.get(&EACH, NAME, *order).is_ok()).count();
    assert_eq!(read(&store), 11);
    assert!(matches!(put(&mut store, 20), Err(StoreError::Corrupt(_))));
    assert_eq!(put(&mut store, 20), Err(StoreError::Broken), "nothing is written behind it");
    drop(store);
    let (mut store, report) = open(&disk, &folder);
    assert_eq!((report.lost_commits, report.gaps.len()), (1, 1));
    put(&mut store, 20).expect("it was told");
    assert_eq!(read(&store), 12, "what is lost is not there");
    drop(store);
    assert_eq!(open(&disk, &folder).1, OpenReport::default());
}

#[test]
fn closing_is_enough_for_the_next_start_to_find_damage_that_was_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = filled(&folder);
    damage(&disk, 30);
    let (store, _) = open(&disk, &folder);
    assert!((0..12).any(|order| store.get(&EACH, NAME, order).is_err()));
    drop(store);
    assert!(open(&disk, &folder).1.is_loss());
}

#[test]
fn an_end_that_cannot_be_read_while_the_store_is_open_is_not_cut_off_and_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = filled(&folder);
    let (mut store, _) = open(&disk, &folder);
    put(&mut store, 20).expect("the disk works");
    put(&mut store, 21).expect("the disk works");
    let last = {
        let mut names = disk.list().expect("the disk works");
        names.retain(|name| name.ends_with(".log"));
        names.pop().expect("a log")
    };
    let mut bytes = disk.read(&last).expect("a file");
    let at = bytes.len() - 2 * BLOCK_BYTES;
    bytes[at] ^= 1;
    disk.overwrite(&last, bytes.clone());
    assert!(matches!(store.get(&EACH, NAME, 21), Err(StoreError::Corrupt(_))));
    assert!(matches!(put(&mut store, 22), Err(StoreError::Corrupt(_))));
    drop(store);
    assert_eq!(disk.read(&last), Some(bytes), "it may be read another day");
    let (store, report) = open(&disk, &folder);
    assert!(report.rolled_back);
    assert!(has(&store, 20) && !has(&store, 21));
}
