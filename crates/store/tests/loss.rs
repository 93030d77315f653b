//! After parts of the log were lost: what is deleted from then on is destroyed all the same, and nothing else is.

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use common::thief::steal;
use common::{BY_NAME, BY_RECORD, BY_RUN, ERASABLE, PASSPHRASE, SHARED, rng};
use madang_store::disk::{Disk, ModelDisk};
use madang_store::{OpenError, OpenReport, SealedStore};
use proto::store::{Batch, Store, StoreError, Table};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

const NEEDLE_BYTES: usize = 64;
const BLOCK_BYTES: usize = 4_096;
/// Two whole tables share a leaf each; in one of them nothing is left.
const SHARED_AND_EMPTY: Table = Table { id: 45, ..SHARED };
/// Tables whose records die; what stands in a shared one never does.
const MORTAL: [&Table; 4] = [&BY_NAME, &BY_RECORD, &BY_RUN, &ERASABLE];

/// Commits in which needles are written, overwritten and deleted, so that groups come and go and leaves change hands.
fn traffic(store: &mut SealedStore, commits: usize, rng: &mut ChaCha8Rng, needles: &mut Vec<Vec<u8>>) {
    for _ in 0..commits {
        let mut batch = Batch::new();
        for _ in 0..rng.random_range(1..6) {
            let table = MORTAL[rng.random_range(0..MORTAL.len())];
            let (name, order) = ([b'n', rng.random_range(0..6)], rng.random_range(0..12));
            if rng.random_range(0..3) == 0 {
                batch.delete(table, &name, order);
            } else {
                let needle: Vec<u8> = (0..NEEDLE_BYTES).map(|_| rng.random()).collect();
                batch.put(table, &name, order, needle.clone());
                needles.push(needle);
            }
        }
        store.commit(batch).expect("the disk works");
    }
}

type Found = Vec<(&'static Table, u8, u64, Vec<u8>)>;

/// All that is there, and the places of what cannot be read.
fn all(store: &SealedStore) -> (Found, Vec<(&'static Table, u8, u64)>) {
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    for (table, name) in MORTAL.into_iter().flat_map(|table| (0..6).map(move |name| (table, name))) {
        for order in store.orders(table, &[b'n', name], 0, usize::MAX).expect("the index works") {
            match store.get(table, &[b'n', name], order) {
                Ok(value) => found.push((table, name, order, value.expect("it is there"))),
                Err(StoreError::Corrupt(_)) => unreadable.push((table, name, order)),
                Err(other) => panic!("{other}"),
            }
        }
    }
    (found, unreadable)
}

fn open(disk: &ModelDisk, index: &Path) -> Result<(SealedStore, OpenReport), OpenError> {
    SealedStore::open_on(Arc::new(disk.clone()), index, PASSPHRASE, common::small())
}

fn logs(disk: &ModelDisk) -> Vec<String> {
    let mut names = disk.list().expect("the disk works");
    names.retain(|name| name.ends_with(".log"));
    names.sort();
    names
}

/// Stores with one damaged block each, somewhere, as far as they still open and have lost something.
fn damaged(seed: u64, needles: &mut Vec<Vec<u8>>) -> Vec<ModelDisk> {
    let (disk, folder, mut rng) = (ModelDisk::new(), common::folder(), rng(seed));
    let mut store = common::create(&disk, folder.path());
    let mut batch = Batch::new();
    batch.put(&SHARED_AND_EMPTY, b"n", 0, vec![1]);
    (0..20).for_each(|order| batch.put(&SHARED, b"n", order, vec![2; 500]));
    store.commit(batch).expect("the disk works");
    let mut batch = Batch::new();
    batch.delete(&SHARED_AND_EMPTY, b"n", 0);
    store.commit(batch).expect("the disk works");
    traffic(&mut store, 120, &mut rng, needles);
    store.close().expect("the disk works");
    let mut damaged = Vec::new();
    for log in logs(&disk) {
        let bytes = disk.read(&log).expect("a file");
        for block in (1..bytes.len() / BLOCK_BYTES).step_by(3) {
            let found = disk.after_kill();
            let mut bytes = bytes.clone();
            bytes[block * BLOCK_BYTES + rng.random_range(0..BLOCK_BYTES)] ^= 1;
            found.overwrite(&log, bytes);
            damaged.push(found);
        }
    }
    damaged
}

#[test]
fn what_is_deleted_after_a_loss_is_destroyed_and_what_is_not_is_kept() {
    let (mut losses, mut closed) = (0, 0);
    for seed in common::seeds("MADANG_LOSS_SEEDS", 1) {
        let mut written = Vec::new();
        for (at, disk) in damaged(seed, &mut written).into_iter().enumerate() {
            let mut needles = written.clone();
            let (index, new_index) = (common::folder(), common::folder());
            let Ok((mut store, report)) = open(&disk, index.path()) else { continue };
            if !report.is_loss() {
                continue;
            }
            losses += 1;
            // Whoever holds the store takes out what cannot be read, as the engine does, and goes on for a while.
            let (_, unreadable) = all(&store);
            let mut batch = Batch::new();
            batch.put(&SHARED_AND_EMPTY, b"told", 0, b"of the loss".to_vec());
            let shared = store.orders(&SHARED, b"n", 0, usize::MAX).expect("the index works");
            unreadable.iter().for_each(|(table, name, order)| batch.delete(table, &[b'n', *name], *order));
            store.commit(batch).expect("the disk works");
            traffic(&mut store, 20, &mut rng(at as u64), &mut needles);
            store.shred().expect("the disk works");
            // Half of it is deleted. None of the rest may go with it.
            let (found, unreadable) = all(&store);
            assert_eq!(unreadable, [], "seed {seed}, block {at}");
            let (doomed, kept): (Found, Found) = found.into_iter().partition(|(.., order, _)| order % 2 == 0);
            let delete = |store: &mut SealedStore, what: &Found| {
                for (table, name, order, _) in what {
                    let mut batch = Batch::new();
                    batch.delete(table, &[b'n', *name], *order);
                    store.commit(batch).expect("the disk works");
                }
                store.shred().expect("the disk works");
            };
            delete(&mut store, &doomed);
            assert!(
                all(&store) == (kept.clone(), Vec::new()),
                "seed {seed}, block {at}: what is left is whole"
            );
            drop(store);
            // The same by an index that is made anew.
            let (mut store, _) = open(&disk, new_index.path()).expect("it opens");
            assert!(
                all(&store) == (kept.clone(), Vec::new()),
                "seed {seed}, block {at}: and after a rebuild"
            );
            delete(&mut store, &kept);
            assert_eq!(store.get(&SHARED_AND_EMPTY, b"told", 0), Ok(Some(b"of the loss".to_vec())));
            shared.iter().for_each(|order| {
                assert_eq!(
                    store.get(&SHARED, b"n", *order),
                    Ok(Some(vec![2; 500])),
                    "seed {seed}, block {at}"
                );
            });
            store.close().expect("the disk works");
            let loot = steal(&disk.remains(), PASSPHRASE, None);
            let opened: BTreeSet<Vec<u8>> = loot.values.into_iter().collect();
            let left = needles.iter().filter(|needle| opened.contains(*needle)).count();
            assert_eq!(left, 0, "seed {seed}, block {at}: {report:?}");
            closed += loot.closed;
        }
    }
    assert!(losses > 20 && closed > 1_000, "{losses} losses, {closed} records that nobody can open");
}

/// What stands in each file of the log.
fn content(disk: &ModelDisk) -> Vec<(String, Vec<u8>)> {
    let read = |name: String| disk.read(&name).map(|bytes| (name, bytes));
    logs(disk).into_iter().filter_map(read).collect()
}

#[test]
fn a_place_that_the_disk_cannot_read_is_damage_of_that_place_and_nothing_is_cut_off_or_removed() {
    let (disk, folder, mut rng) = (ModelDisk::new(), common::folder(), rng(5));
    let mut store = common::create(&disk, folder.path());
    traffic(&mut store, 60, &mut rng, &mut Vec::new());
    store.close().expect("the disk works");
    let whole = all(&open(&disk, common::folder().path()).expect("it opens").0);
    let (mut told, mut passed) = (0, 0);
    for (log, bytes) in content(&disk) {
        let blocks = bytes.len() / BLOCK_BYTES;
        for block in [0, blocks - 1].into_iter().chain((1..blocks).step_by(5)) {
            let found = disk.after_kill();
            found.make_unreadable(&log, block * BLOCK_BYTES + 7..block * BLOCK_BYTES + 8);
            let (before, index, new_index) = (content(&found), common::folder(), common::folder());
            match open(&found, index.path()) {
                Ok((store, report)) => {
                    told += usize::from(report.is_loss());
                    drop(store);
                }
                // The root of the keys stands there.
                Err(OpenError::Damaged(_)) => {}
                Err(other) => panic!("{log} {block}: {other}"),
            }
            assert!(content(&found).starts_with(&before), "{log} {block}: all of it is still there");
            found.make_unreadable(&log, 0..0);
            let (store, report) = open(&found, new_index.path()).expect("it has passed");
            assert!(!report.is_loss() && all(&store) == whole, "{log} {block}: {report:?}");
            passed += 1;
        }
    }
    assert!(told > 5 && passed > 10, "{told} told, {passed} passed");
}

/// Commits that a block of the damage may lie in, with a value each that stays.
const COMMITS: u64 = 120;

#[test]
fn after_a_loss_space_is_given_back_as_before_and_what_can_be_read_beside_the_damage_is_moved() {
    for is_sector in [false, true] {
        let (disk, folder) = (ModelDisk::new(), common::folder());
        let mut store = common::create(&disk, folder.path());
        for number in 0..COMMITS {
            let mut batch = Batch::new();
            batch.put(&SHARED, b"kept", number, vec![number as u8; 700]);
            (0..16).for_each(|order| batch.put(&SHARED, b"n", order, vec![number as u8; 1_000]));
            store.commit(batch).expect("the disk works");
        }
        store.close().expect("the disk works");
        let (before, log) = (logs(&disk).len(), logs(&disk)[3].clone());
        assert!(before > 24, "{before} segments");
        let at = 8 * BLOCK_BYTES;
        if is_sector {
            disk.make_unreadable(&log, at..at + 512);
        } else {
            let mut bytes = disk.read(&log).expect("a file");
            bytes[at] ^= 1;
            disk.overwrite(&log, bytes);
        }
        let index = common::folder();
        let (mut store, report) = open(&disk, index.path()).expect("it opens");
        assert_eq!(report.lost_commits, 1);
        let has = |store: &SealedStore, number: &u64| {
            let found = store.get(&SHARED, b"kept", *number).expect("it can be read");
            found.is_some_and(|value| value == vec![*number as u8; 700])
        };
        let lost = (0..COMMITS).find(|number| !has(&store, number)).expect("one is lost");
        // With one more gone, the damaged segment is the one with the least in it.
        let mut batch = Batch::new();
        batch.delete(&SHARED, b"kept", lost + 1);
        store.commit(batch).expect("the disk works");
        store.checkpoint().expect("the disk works");
        let mut calls = 0;
        while store.maintain(common::later()).expect("it steps over the damage").more {
            calls += 1;
            assert!(calls < 1_000, "it ends");
        }
        let after = logs(&disk);
        assert!(after.len() <= 20, "{} of {before} segments are left", after.len());
        assert!(after.contains(&log), "what cannot be read stays for a look");
        // Nothing in it is needed any more.
        disk.overwrite(&log, vec![0; 64]);
        store.close().expect("the disk works");
        let (store, _) = open(&disk, index.path()).expect("it opens");
        let kept = (0..COMMITS).filter(|number| ![lost, lost + 1].contains(number));
        assert!(kept.clone().all(|number| has(&store, &number)), "sector: {is_sector}");
    }
}
