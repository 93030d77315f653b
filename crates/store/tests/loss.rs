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
