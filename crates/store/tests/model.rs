//! Random changes, reopenings, sweeps and power cuts, beside a store in memory that forgets nothing.

mod common;

use std::path::Path;

use common::{content, create, open, random_batch, rng, same};
use madang_store::disk::ModelDisk;
use proto::store::{Direction, MemoryStore, Store};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

#[test]
fn it_agrees_with_a_store_in_memory_through_reopenings_and_sweeps() {
    for seed in 0..12 {
        let mut rng = rng(seed);
        let folder = common::folder();
        let disk = ModelDisk::new();
        let mut store = create(&disk, folder.path());
        let mut model = MemoryStore::new();
        let mut freed = 0;
        for step in 0..400 {
            let batch = random_batch(&mut rng);
            model.commit(batch.clone()).expect("a batch within limits");
            store.commit(batch).expect("a batch within limits");
            match rng.random_range(0..40) {
                0 => {
                    drop(store);
                    let report;
                    (store, report) = open(&disk, folder.path());
                    assert_eq!(report, madang_store::OpenReport::default(), "seed {seed} step {step}");
                }
                1..=8 => freed += store.maintain(common::later()).expect("the disk works").freed_bytes,
                9 => assert!(same(&store, &model), "seed {seed} step {step}"),
                _ => one_question(&mut rng, &store, &model),
            }
        }
        assert!(same(&store, &model), "seed {seed}");
        assert!(freed > 0, "seed {seed}: space comes back");
    }
}

fn one_question(rng: &mut ChaCha8Rng, store: &dyn Store, model: &dyn Store) {
    let table = common::TABLES[rng.random_range(0..common::TABLES.len())];
    let name = [b'n', rng.random_range(0..5)];
    let (a, b) = (rng.random_range(0..400), rng.random_range(0..400));
    assert_eq!(store.get(table, &name, a), model.get(table, &name, a));
    let direction = [Direction::Ascending, Direction::Descending][rng.random_range(0..2)];
    let limit = rng.random_range(0..9);
    assert_eq!(
        store.range(table, &name, a..=b, direction, limit),
        model.range(table, &name, a..=b, direction, limit)
    );
}

/// What was there before a commit that failed, and what would be there after it.
struct Expected {
    before: MemoryStore,
    after: MemoryStore,
}

/// Works until the power goes after a random number of changes of the disk.
fn work_until_cut(rng: &mut ChaCha8Rng, disk: &ModelDisk, folder: &Path, model: MemoryStore) -> Expected {
    let (mut store, _) = open(disk, folder);
    disk.stop_after(rng.random_range(0..60));
    let mut before = model;
    loop {
        if rng.random_range(0..6) == 0 && store.maintain(common::later()).is_err() {
            return Expected { after: before.clone(), before };
        }
        let batch = random_batch(rng);
        let mut after = before.clone();
        after.commit(batch.clone()).expect("a batch within limits");
        if store.commit(batch).is_err() {
            return Expected { before, after };
        }
        before = after;
    }
}

/// What has become of the index when the power comes back: sled's own files obey no rule at all.
fn disturb_index(rng: &mut ChaCha8Rng, folder: &Path) {
    let index = folder.join("index");
    match rng.random_range(0..8) {
        0 => drop(std::fs::remove_dir_all(&index)),
        1 => {
            let db = index.join("db");
            if let Ok(mut bytes) = std::fs::read(&db) {
                let keep = rng.random_range(0..=bytes.len());
                bytes.truncate(keep);
                std::fs::write(&db, bytes).expect("the index is a real file");
            }
        }
        2 => {
            let db = index.join("db");
            if let Ok(mut bytes) = std::fs::read(&db) {
                for _ in 0..8 {
                    let at = rng.random_range(0..bytes.len().max(1));
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << rng.random_range(0..8);
                    }
                }
                std::fs::write(&db, bytes).expect("the index is a real file");
            }
        }
        _ => {}
    }
}

#[test]
fn a_power_cut_at_any_point_loses_nothing_acknowledged() {
    let (mut cuts, mut whole) = (0, 0);
    for seed in common::seeds("MADANG_POWER_ROUNDS", 24) {
        let mut rng = rng(1_000 + seed);
        let folder = common::folder();
        let mut disk = ModelDisk::new();
        drop(create(&disk, folder.path()));
        let mut model = MemoryStore::new();
        for cut in 0..25 {
            let expected = work_until_cut(&mut rng, &disk, folder.path(), model);
            disk =
                if rng.random_range(0..5) == 0 { disk.after_kill() } else { disk.after_power_cut(&mut rng) };
            disturb_index(&mut rng, folder.path());
            let (store, report) = open(&disk, folder.path());
            assert!(!report.is_loss(), "seed {seed} cut {cut}: {report:?}");
            let found = content(&store);
            let is_after = found == content(&expected.after);
            assert!(is_after || found == content(&expected.before), "seed {seed} cut {cut}: {report:?}");
            model = if is_after { expected.after } else { expected.before };
            whole += u32::from(is_after);
            cuts += 1;
        }
    }
    println!("{cuts} power cuts, the last batch whole after {whole} of them");
}

#[test]
fn a_power_cut_while_it_opens_is_survived() {
    for seed in 0..60 {
        let mut rng = rng(5_000 + seed);
        let folder = common::folder();
        let disk = ModelDisk::new();
        drop(create(&disk, folder.path()));
        let mut expected = work_until_cut(&mut rng, &disk, folder.path(), MemoryStore::new());
        let mut disk = disk.after_power_cut(&mut rng);
        for _ in 0..6 {
            disk.stop_after(rng.random_range(0..8));
            let shared: std::sync::Arc<dyn madang_store::disk::Disk> = std::sync::Arc::new(disk.clone());
            let opened = SealedStoreOpened(madang_store::SealedStore::open_on(
                shared,
                folder.path(),
                common::PASSPHRASE,
                common::small(),
            ));
            if let Ok((store, report)) = &opened.0 {
                assert!(!report.is_loss(), "{report:?}");
                if content(store) == content(&expected.after) {
                    expected.before = expected.after.clone();
                } else {
                    expected.after = expected.before.clone();
                }
            }
            drop(opened);
            disk = disk.after_power_cut(&mut rng);
        }
        let (store, report) = open(&disk, folder.path());
        assert!(!report.is_loss(), "seed {seed}: {report:?}");
        let found = content(&store);
        assert!(found == content(&expected.after) || found == content(&expected.before), "seed {seed}");
    }
}

struct SealedStoreOpened(
    Result<(madang_store::SealedStore, madang_store::OpenReport), madang_store::OpenError>,
);
