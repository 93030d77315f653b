//! Bits flip, files are cut short, put back or lost: the store says so or repairs itself, and never panics.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use common::{BY_RECORD, PASSPHRASE, SHARED, TABLES, content, files, random_batch, rng, small};
use crypto::vault::Cost;
use madang_store::{OpenError, OpenReport, Rebuilt, SealedStore};
use proto::store::{Batch, Direction, MemoryStore, Store, StoreError};
use rand::RngExt;

/// A closed store with a few segments, and what it holds.
fn filled(folder: &Path, batches: usize) -> MemoryStore {
    let mut rng = rng(3);
    let mut store =
        SealedStore::create(folder, PASSPHRASE, Cost::for_tests(), small(), &mut rng).expect("a new store");
    let mut model = MemoryStore::new();
    for _ in 0..batches {
        let batch = random_batch(&mut rng);
        model.commit(batch.clone()).expect("a batch within limits");
        store.commit(batch).expect("a batch within limits");
    }
    store.close().expect("the disk works");
    model
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file");
        }
    }
}

fn open(folder: &Path) -> Result<(SealedStore, OpenReport), OpenError> {
    SealedStore::open(folder, PASSPHRASE, small())
}

/// Every value is right or its reading is an error. Returns how many could not be read.
fn read_all(store: &SealedStore, model: &MemoryStore) -> usize {
    let mut unread = 0;
    for ((table, name, order), value) in model.iter() {
        let table = TABLES.into_iter().find(|found| found.id == *table).expect("one of the tables");
        match store.get(table, name, *order) {
            Ok(found) => assert_eq!(found.as_deref(), Some(value), "a wrong value is never told"),
            Err(StoreError::Corrupt(_)) => unread += 1,
            Err(other) => panic!("{other}"),
        }
        let _ = store.range(table, name, 0..=u64::MAX, Direction::Descending, 3);
    }
    unread
}

fn parts(folder: &Path) -> Vec<PathBuf> {
    let all = files(folder).into_iter();
    all.filter(|(_, bytes)| !bytes.is_empty()).map(|(path, _)| path).collect()
}

#[test]
fn a_flipped_bit_in_any_file_is_repaired_or_told() {
    let origin = common::folder();
    let model = filled(origin.path(), 120);
    let mut rng = rng(4);
    let (mut repaired, mut told) = (0, 0);
    for path in parts(origin.path()) {
        for without_index in [false, true] {
            for _ in 0..4 {
                let folder = common::folder();
                copy(origin.path(), folder.path());
                let target = folder.path().join(path.strip_prefix(origin.path()).expect("below it"));
                let mut bytes = fs::read(&target).expect("a file");
                let at = rng.random_range(0..bytes.len());
                bytes[at] ^= 1 << rng.random_range(0..8);
                fs::write(&target, bytes).expect("a file");
                if without_index {
                    fs::remove_dir_all(folder.path().join("index")).expect("a folder");
                }
                match open(folder.path()) {
                    Err(OpenError::WrongPassphrase | OpenError::Damaged(_)) => told += 1,
                    Err(other) => panic!("{other}: {}", target.display()),
                    Ok((store, report)) if report.is_loss() => {
                        content_or_error(&store);
                        told += 1;
                    }
                    Ok((store, _)) => match read_all(&store, &model) {
                        0 => repaired += 1,
                        _ => told += 1,
                    },
                }
            }
        }
    }
    assert!(repaired > 0 && told > 0, "{repaired} repaired, {told} told");
}

fn content_or_error(store: &SealedStore) {
    for table in TABLES {
        for name in 0..5 {
            let _ = store.range(table, &[b'n', name], 0..=u64::MAX, Direction::Ascending, usize::MAX);
        }
    }
}

#[test]
fn a_file_cut_short_or_lost_is_repaired_or_told() {
    let origin = common::folder();
    let model = filled(origin.path(), 120);
    let mut rng = rng(5);
    for path in parts(origin.path()) {
        for keep in [0, 1, 31, 4_096, usize::MAX, 0] {
            let folder = common::folder();
            copy(origin.path(), folder.path());
            let target = folder.path().join(path.strip_prefix(origin.path()).expect("below it"));
            let mut bytes = fs::read(&target).expect("a file");
            let keep = if keep == usize::MAX { rng.random_range(0..bytes.len()) } else { keep };
            if keep == 31 {
                fs::remove_file(&target).expect("a file");
            } else {
                bytes.truncate(keep.min(bytes.len() - 1));
                fs::write(&target, bytes).expect("a file");
            }
            match open(folder.path()) {
                Err(OpenError::NoProfile | OpenError::WrongPassphrase | OpenError::Damaged(_)) => {}
                Err(other) => panic!("{other}: {}", target.display()),
                Ok((store, report)) if report.is_loss() => content_or_error(&store),
                Ok((store, report)) => {
                    let unread = read_all(&store, &model);
                    let is_segment = target.extension().is_some_and(|end| end == "log");
                    assert!(unread == 0 || is_segment, "{report:?} {}", target.display());
                }
            }
        }
    }
}

#[test]
fn segments_and_blocks_that_changed_places_show_no_value_in_anothers_place() {
    const BLOCK: usize = 4_096;
    let origin = common::folder();
    let model = filled(origin.path(), 120);
    let is_log = |path: &PathBuf| path.extension().is_some_and(|end| end == "log");
    let logs: Vec<PathBuf> = parts(origin.path()).into_iter().filter(is_log).collect();
    assert!(logs.len() >= 3, "{} segments", logs.len());
    let mut rng = rng(9);
    let mut told = [0; 2];
    for round in 0..24 {
        let folder = common::folder();
        copy(origin.path(), folder.path());
        let here = |log: &PathBuf| folder.path().join(log.file_name().expect("a name"));
        let (blocks, without_index) = (round % 2, round % 4 < 2);
        let one = rng.random_range(0..logs.len());
        let other = (one + rng.random_range(1..logs.len())) % logs.len();
        let (mut a, mut b) = (fs::read(&logs[one]).expect("a file"), fs::read(&logs[other]).expect("a file"));
        if blocks == 1 {
            // One block of each, not the first, which holds the salt.
            let [at, to] = [&a, &b].map(|log| rng.random_range(1..log.len() / BLOCK) * BLOCK);
            a[at..at + BLOCK].swap_with_slice(&mut b[to..to + BLOCK]);
        } else {
            std::mem::swap(&mut a, &mut b);
        }
        fs::write(here(&logs[one]), a).expect("a file");
        fs::write(here(&logs[other]), b).expect("a file");
        if without_index {
            fs::remove_dir_all(folder.path().join("index")).expect("a folder");
        }
        match open(folder.path()) {
            Err(OpenError::Damaged(_)) => told[blocks] += 1,
            Err(other) => panic!("{other}"),
            Ok((store, report)) if report.is_loss() => {
                content_or_error(&store);
                told[blocks] += 1;
            }
            Ok((store, _)) => told[blocks] += usize::from(read_all(&store, &model) > 0),
        }
    }
    assert!(told.iter().all(|told| *told >= 4), "{told:?}");
}

#[test]
fn a_log_put_back_to_an_earlier_day_is_noticed() {
    let folder = common::folder();
    filled(folder.path(), 20);
    let earlier = common::folder();
    copy(folder.path(), earlier.path());
    let (mut store, report) = open(folder.path()).expect("it opens");
    assert_eq!(report, OpenReport::default());
    let mut rng = rng(6);
    for order in 0..20 {
        let mut batch = Batch::new();
        batch.put(&SHARED, b"new", order, vec![7; 100]);
        store.commit(batch).expect("a batch within limits");
    }
    store.close().expect("the disk works");
    let key = fs::read(folder.path().join("key")).expect("the key file");
    for with_index in [true, false] {
        let back = put_back(earlier.path(), &key, with_index);
        let (mut store, report) = open(back.path()).expect("it opens all the same");
        assert!(report.rolled_back, "{report:?}");
        store.commit(random_batch(&mut rng)).expect("it can be used");
        drop(store);
        let (_, report) = open(back.path()).expect("it opens");
        assert_eq!(report, OpenReport::default(), "it is told once");
    }
}

#[test]
fn a_log_put_back_to_before_keys_were_destroyed_brings_nothing_back() {
    let folder = common::folder();
    filled(folder.path(), 20);
    let earlier = common::folder();
    copy(folder.path(), earlier.path());
    let (mut store, _) = open(folder.path()).expect("it opens");
    let mut batch = Batch::new();
    batch.put(&BY_RECORD, b"n", 1, vec![1]);
    store.commit(batch.clone()).expect("small");
    store.commit(batch).expect("small");
    store.shred().expect("the disk works");
    store.close().expect("the disk works");
    let key = fs::read(folder.path().join("key")).expect("the key file");
    for with_index in [true, false] {
        let back = put_back(earlier.path(), &key, with_index);
        let before = files(back.path());
        let error = open(back.path()).err();
        assert!(matches!(error, Some(OpenError::Damaged(_))), "{error:?}");
        let logs = |files: Vec<(PathBuf, Vec<u8>)>| -> Vec<_> {
            files.into_iter().filter(|(path, _)| path.extension().is_some_and(|end| end == "log")).collect()
        };
        assert!(logs(files(back.path())) == logs(before), "nothing is written behind it");
    }
}

fn put_back(earlier: &Path, key: &[u8], with_index: bool) -> tempfile::TempDir {
    let back = common::folder();
    copy(earlier, back.path());
    fs::write(back.path().join("key"), key).expect("a file");
    if !with_index {
        fs::remove_dir_all(back.path().join("index")).expect("a folder");
    }
    back
}

#[test]
fn a_lost_log_is_told() {
    let folder = common::folder();
    filled(folder.path(), 20);
    for path in parts(folder.path()) {
        if path.extension().is_some_and(|end| end == "log") {
            fs::remove_file(path).expect("a file");
        }
    }
    let (store, report) = open(folder.path()).expect("it opens empty");
    assert!(report.rolled_back, "{report:?}");
    assert!(content(&store).is_empty());
}

#[test]
fn an_index_that_is_missing_empty_or_from_another_profile_is_made_again() {
    let (folder, other) = (common::folder(), common::folder());
    let model = filled(folder.path(), 60);
    filled(other.path(), 30);
    let index = folder.path().join("index");
    let setups: [&dyn Fn(); 3] = [&|| {}, &|| fs::create_dir(&index).expect("a folder"), &|| {
        copy(&other.path().join("index"), &index)
    }];
    for setup in setups {
        fs::remove_dir_all(&index).expect("a folder");
        setup();
        let (store, report) = open(folder.path()).expect("it opens");
        assert!(report.rebuilt.is_some() && !report.is_loss(), "{report:?}");
        assert!(common::same(&store, &model));
        drop(store);
        let (_, report) = open(folder.path()).expect("it opens");
        assert_eq!(report, OpenReport::default());
    }
}

#[test]
fn an_index_of_another_layout_is_made_again_as_no_damage_and_leaves_nothing_behind() {
    let folder = common::folder();
    let model = filled(folder.path(), 60);
    let index = folder.path().join("index");
    of_another_layout(&index);
    assert_renewed(folder.path(), &model);
}

#[test]
fn an_index_of_another_layout_whose_replacing_was_cut_off_is_no_damage_either() {
    let origin = common::folder();
    let model = filled(origin.path(), 60);
    // It lies aside and nothing stands in its place yet, or what stands there is empty, of earlier, or cannot be read.
    for cut in 0..4 {
        let folder = common::folder();
        copy(origin.path(), folder.path());
        let (index, former) = (folder.path().join("index"), folder.path().join("index-former"));
        copy(&index, &former);
        of_another_layout(&former);
        match cut {
            0 => fs::remove_dir_all(&index).expect("a folder"),
            1 => {
                fs::remove_dir_all(&index).expect("a folder");
                fs::create_dir(&index).expect("a folder");
            }
            2 => {
                let db = open_index(&index);
                db.clear().expect("a whole index");
            }
            _ => {
                fs::remove_file(index.join("db")).expect("a file");
                fs::create_dir(index.join("db")).expect("a folder");
            }
        }
        assert_renewed(folder.path(), &model);
    }
}

#[test]
fn an_index_that_replaced_one_of_another_layout_is_believed_though_that_one_still_lies_there() {
    let folder = common::folder();
    let model = filled(folder.path(), 60);
    let former = folder.path().join("index-former");
    copy(&folder.path().join("index"), &former);
    of_another_layout(&former);
    let (store, report) = open(folder.path()).expect("it opens");
    assert_eq!(report, OpenReport::default());
    assert!(common::same(&store, &model) && !former.exists());
}

/// sled lets go of its lock a moment after its last user has.
fn open_index(index: &Path) -> sled::Db {
    let tries = (0..500).map(|_| sled::open(index).inspect_err(|_| thread::sleep(Duration::from_millis(10))));
    tries.flatten().next().expect("a whole index")
}

fn of_another_layout(index: &Path) {
    let db = open_index(index);
    let mut state = db.get([0]).expect("a whole index").expect("it has followed a log").to_vec();
    state[0] = 1;
    db.insert([0], state).expect("a whole index");
    db.flush().expect("the disk works");
}

/// The next start makes the index anew, says so as of a new layout, and leaves nothing aside.
fn assert_renewed(folder: &Path, model: &MemoryStore) {
    let (store, report) = open(folder).expect("it opens");
    assert_eq!(report.rebuilt, Some(Rebuilt::OtherLayout));
    assert!(!report.is_loss() && common::same(&store, model));
    drop(store);
    for aside in ["index-damaged", "index-former"] {
        assert!(!folder.join(aside).exists(), "{aside}");
    }
    let (_, report) = open(folder).expect("it opens");
    assert_eq!(report, OpenReport::default());
}

#[test]
fn of_damaged_indexes_the_newest_is_kept() {
    let folder = common::folder();
    let model = filled(folder.path(), 60);
    for damage in ["first", "second", "third"] {
        let db = folder.path().join("index/db");
        fs::remove_file(&db).expect("a file");
        fs::create_dir_all(db.join(damage)).expect("a folder");
        let (store, report) = open(folder.path()).expect("it opens");
        assert_eq!(report.rebuilt, Some(Rebuilt::Damaged));
        assert!(common::same(&store, &model));
        drop(store);
        assert!(folder.path().join("index-damaged/db").join(damage).is_dir());
    }
}

#[test]
fn segments_that_go_one_after_the_other_leave_an_index_that_is_believed() {
    let folder = common::folder();
    let mut store = SealedStore::create(folder.path(), PASSPHRASE, Cost::for_tests(), small(), &mut rng(1))
        .expect("a new store");
    for value in (0..=u8::MAX).cycle().take(500) {
        let mut batch = Batch::new();
        batch.put(&SHARED, b"again", 1, vec![value; 2_000]);
        store.commit(batch).expect("small");
    }
    let before = store.usage().segments;
    store.checkpoint().expect("the disk works");
    while store.maintain(common::later()).expect("the disk works").more {}
    assert!(store.usage().segments + 2 <= before, "{} of {before} are left", store.usage().segments);
    store.close().expect("the disk works");
    let (_, report) = open(folder.path()).expect("it opens");
    assert_eq!(report.rebuilt, None);
}

#[test]
fn an_index_put_back_to_any_earlier_day_shows_nothing_of_that_day() {
    let folder = common::folder();
    let mut model = filled(folder.path(), 10);
    let mut rng = rng(8);
    let mut days = Vec::new();
    for _ in 0..14 {
        let (mut store, _) = open(folder.path()).expect("it opens");
        for _ in 0..12 {
            let batch = random_batch(&mut rng);
            model.commit(batch.clone()).expect("a batch within limits");
            store.commit(batch).expect("a batch within limits");
        }
        while store.maintain(common::later()).expect("the disk works").more {}
        store.close().expect("the disk works");
        let day = common::folder();
        copy(&folder.path().join("index"), day.path());
        days.push(day);
    }
    let mut rebuilt = 0;
    for day in &days {
        let back = common::folder();
        copy(folder.path(), back.path());
        fs::remove_dir_all(back.path().join("index")).expect("a folder");
        copy(day.path(), &back.path().join("index"));
        let (store, report) = open(back.path()).expect("it opens");
        assert!(!report.is_loss(), "{report:?}");
        assert!(common::same(&store, &model), "{report:?}");
        rebuilt += u32::from(report.rebuilt.is_some());
    }
    assert!(rebuilt > 0, "segments were retired in between");
}
