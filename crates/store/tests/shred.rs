//! What was destroyed stays destroyed: also for who has the passphrase and every byte that was ever written.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use common::thief::{Loot, steal};
use common::{BY_NAME, BY_RECORD, BY_RUN, ERASABLE, PASSPHRASE, SHARED, TABLES, content, create, open, rng};
use madang_store::disk::{Disk, ModelDisk};
use madang_store::{OpenError, Options, SealedStore};
use proto::store::{Batch, LeafRule, MemoryStore, Store, StoreError, Table};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

const NEEDLE_BYTES: usize = 64;

/// Everything on a disk: files, files whose names are gone, and sled's own.
fn remains(disk: &ModelDisk, folder: &Path) -> Vec<Vec<u8>> {
    let index = common::files(folder).into_iter().map(|(_, bytes)| bytes);
    disk.remains().into_iter().chain(index).collect()
}

fn loot(disk: &ModelDisk, folder: &Path, suspect: Option<usize>) -> (Loot, Vec<Vec<u8>>) {
    let remains = remains(disk, folder);
    (steal(&remains, PASSPHRASE, suspect), remains)
}

fn put(store: &mut SealedStore, table: &Table, name: &[u8], order: u64, value: &[u8]) {
    let mut batch = Batch::new();
    batch.put(table, name, order, value.to_vec());
    store.commit(batch).expect("the disk works");
}

fn delete(store: &mut SealedStore, table: &Table, name: &[u8], order: u64) {
    let mut batch = Batch::new();
    batch.delete(table, name, order);
    store.commit(batch).expect("the disk works");
}

fn needles(seed: u64) -> Vec<Vec<u8>> {
    let mut rng = rng(seed);
    (0..50).map(|_| (0..NEEDLE_BYTES).map(|_| rng.random()).collect()).collect()
}

/// Writes fifty needles in every way in which a record can die later.
fn write_needles(store: &mut SealedStore, needles: &[Vec<u8>]) {
    for (at, needle) in needles.iter().enumerate() {
        let (table, name, order) = needle_place(at);
        put(store, table, name, order, needle);
    }
    // Neighbours that share leaves with some of them and live on.
    for order in 0..40 {
        put(store, &ERASABLE, b"talk", 1_000 + order, b"a neighbour lives on");
    }
}

fn needle_place(at: usize) -> (&'static Table, &'static [u8], u64) {
    let order = at as u64;
    match at {
        0..10 => (&BY_RECORD, b"state", order),
        10..20 => (&BY_RECORD, b"prekey", order),
        20..30 => (&ERASABLE, b"talk", 1_000 + order * 3),
        30..38 => (&ERASABLE, b"edited", order),
        38..44 => (&BY_RUN, b"queue", order),
        _ => (&BY_NAME, b"held", order),
    }
}

/// Overwrites or deletes each of them.
fn kill_needles(store: &mut SealedStore) {
    for at in 0..50 {
        let (table, name, order) = needle_place(at);
        match at {
            0..10 | 30..38 => put(store, table, name, order, b"what came after"),
            _ => delete(store, table, name, order),
        }
    }
}

fn other_traffic(store: &mut SealedStore, rng: &mut ChaCha8Rng) {
    for _ in 0..30 {
        store.commit(common::random_batch(rng)).expect("the disk works");
    }
}

#[test]
fn of_fifty_needles_none_is_left_after_shredding_and_all_are_before() {
    let mut rng = rng(20);
    let folder = common::folder();
    let disk = ModelDisk::new();
    let mut store = create_lazy(&disk, folder.path());
    let needles = needles(21);
    write_needles(&mut store, &needles);
    other_traffic(&mut store, &mut rng);
    kill_needles(&mut store);

    // The control: deleted, overwritten, and every one can be read by who has the passphrase.
    let (before, all) = loot(&disk, folder.path(), None);
    assert_eq!(before.count(&all, &needles), 50);

    store.shred().expect("the disk works");
    assert_eq!(store.usage().doomed, 0);
    let (after, all) = loot(&disk, folder.path(), Some(NEEDLE_BYTES));
    assert_eq!(after.count(&all, &needles), 0, "at once");
    assert!(after.closed > 50 && after.leaf_keys > 64, "the thief does read");

    drop(store);
    let (mut store, report) = open(&disk, folder.path());
    assert_eq!(report, madang_store::OpenReport::default());
    other_traffic(&mut store, &mut rng);
    while store.maintain(common::later()).expect("the disk works").more {}
    store.close().expect("the disk works");
    let (after, all) = loot(&disk, folder.path(), Some(NEEDLE_BYTES));
    assert_eq!(after.count(&all, &needles), 0, "and after more traffic, sweeps and a new start");

    let (store, _) = open(&disk, folder.path());
    for order in 0..40 {
        let is_needle = (1_000 + order) % 3 == 0 && (1_060..1_090).contains(&(1_000 + order));
        let found = store.get(&ERASABLE, b"talk", 1_000 + order).expect("it can be read");
        assert_eq!(found.is_some(), !is_needle || order % 3 != 0, "neighbour {order}");
    }
    assert_eq!(store.get(&BY_RECORD, b"state", 3), Ok(Some(b"what came after".to_vec())));
}

/// A store that destroys nothing by itself until it is asked to.
fn create_lazy(disk: &ModelDisk, folder: &Path) -> SealedStore {
    let options = Options { shred_commits: u64::MAX / 2, ..common::small() };
    SealedStore::create_on(Arc::new(disk.clone()), folder, PASSPHRASE, options, &mut rng(1))
        .expect("a new store")
}

#[test]
fn an_idle_store_destroys_at_once_and_a_busy_one_within_its_count_of_commits() {
    let folder = common::folder();
    let disk = ModelDisk::new();
    let mut store = create(&disk, folder.path());
    let needle = needles(22).remove(0);
    put(&mut store, &BY_RECORD, b"state", 1, &needle);
    put(&mut store, &BY_RECORD, b"state", 1, b"next");
    assert_eq!(store.usage().doomed, 1);
    let now = common::later();
    store.maintain(now).expect("the disk works");
    store.maintain(now).expect("the disk works");
    assert_eq!(store.usage().doomed, 0);

    // Again, less than two seconds later: it waits, and says until when.
    put(&mut store, &BY_RECORD, b"state", 1, b"and next");
    let due = store.maintain(now).expect("the disk works").due.expect("a key waits");
    assert!(due > now && due <= now + std::time::Duration::from_secs(2));
    assert_eq!(store.usage().doomed, 1);
    for order in 0..common::small().shred_commits {
        put(&mut store, &SHARED, b"n", order, b"other traffic");
    }
    put(&mut store, &SHARED, b"n", 99, b"other traffic");
    assert_eq!(store.usage().doomed, 0);
    let (loot, all) = loot(&disk, folder.path(), Some(NEEDLE_BYTES));
    assert_eq!(loot.count(&all, &[needle]), 0);
}

#[test]
fn numbers_of_destroyed_leaves_are_given_out_again() {
    let folder = common::folder();
    let disk = ModelDisk::new();
    let mut store = create(&disk, folder.path());
    for turn in 0..400_u64 {
        put(&mut store, &BY_RECORD, b"state", turn % 3, &turn.to_be_bytes());
    }
    store.close().expect("the disk works");
    let (loot, _) = loot(&disk, folder.path(), None);
    assert_eq!(loot.leaf_keys, 64, "four hundred keys came and went in one node");
}

/// A reference for what must be gone: every value that ever was, and what of it counts.
#[derive(Clone, Default)]
struct History {
    ever: BTreeMap<(u8, Vec<u8>, u64), BTreeSet<Vec<u8>>>,
    /// Values whose destruction was reported done.
    ashes: BTreeSet<Vec<u8>>,
}

impl History {
    fn note(&mut self, batch: &Batch) {
        for ((table, name, order), _, value) in batch.iter() {
            // Short values are the same by chance.
            if let Some(value) = value.filter(|value| value.len() >= 16) {
                self.ever.entry((*table, name.clone(), *order)).or_default().insert(value.to_vec());
            }
        }
    }

    /// A destruction was reported done: whatever the rules say is gone.
    fn burn(&mut self, model: &MemoryStore) {
        let live: BTreeMap<_, _> = model.iter().collect();
        let group = |table: u8, name: &Vec<u8>, order: u64| match table {
            41 => Some((table, name.clone(), 0)),
            43 => Some((table, name.clone(), order / 4)),
            _ => None,
        };
        let alive: BTreeSet<_> =
            live.keys().filter_map(|(table, name, order)| group(*table, name, *order)).collect();
        for ((table, name, order), values) in &self.ever {
            let is_dead = match group(*table, name, *order) {
                Some(group) => !alive.contains(&group),
                None => *table != SHARED.id,
            };
            let current = live.get(&(*table, name.clone(), *order));
            let dead = values.iter().filter(|value| is_dead && current != Some(&&value[..]));
            self.ashes.extend(dead.cloned());
        }
    }
}

struct Life {
    model: MemoryStore,
    /// The model if the commit that was cut off is there after all.
    or: MemoryStore,
    history: History,
}

/// Commits, sweeps, destroys until the power goes.
fn live_until_cut(rng: &mut ChaCha8Rng, store: &mut SealedStore, life: &mut Life) -> StoreError {
    loop {
        life.or = life.model.clone();
        let done = match rng.random_range(0..10) {
            0 => store.maintain(common::later()).map(drop),
            1 => store.shred().map(|()| life.history.burn(&life.model)),
            _ => {
                let batch = common::random_batch(rng);
                life.or.commit(batch.clone()).expect("a batch within limits");
                life.history.note(&batch);
                store.commit(batch)
            }
        };
        match done {
            Ok(()) => life.model = life.or.clone(),
            Err(error) => return error,
        }
    }
}

#[test]
fn a_power_cut_at_any_point_brings_nothing_back_and_loses_nothing() {
    let (mut cuts, mut burnt) = (0, 0);
    for seed in common::seeds("MADANG_SHRED_ROUNDS", 3) {
        let mut rng = rng(9_000 + seed);
        let folder = common::folder();
        let mut disk = ModelDisk::new();
        drop(create(&disk, folder.path()));
        let mut life =
            Life { model: MemoryStore::new(), or: MemoryStore::new(), history: History::default() };
        for cut in 0..20 {
            let (mut store, report) = open(&disk, folder.path());
            assert!(!report.is_loss(), "seed {seed} cut {cut}: {report:?}");
            disk.stop_after(rng.random_range(0..120));
            live_until_cut(&mut rng, &mut store, &mut life);
            drop(store);
            disk =
                if rng.random_range(0..5) == 0 { disk.after_kill() } else { disk.after_power_cut(&mut rng) };
            if rng.random_range(0..4) == 0 {
                std::fs::remove_dir_all(folder.path().join("index")).expect("the index is a real folder");
            }
            let (store, report) = open(&disk, folder.path());
            assert!(!report.is_loss(), "seed {seed} cut {cut}: {report:?}");
            let found = content(&store);
            let is_after = found == content(&life.or);
            assert!(is_after || found == content(&life.model), "seed {seed} cut {cut}: {report:?}");
            if is_after {
                life.model = life.or.clone();
            }
            let all = remains(&disk, folder.path());
            let stolen: BTreeSet<_> = steal(&all, PASSPHRASE, None).values.into_iter().collect();
            let risen = life.history.ashes.iter().filter(|value| stolen.contains(*value)).count();
            assert_eq!(risen, 0, "seed {seed} cut {cut}");
            cuts += 1;
        }
        burnt += life.history.ashes.len();
    }
    assert!(burnt > 100, "values were destroyed: {burnt}");
    println!("{cuts} power cuts, {burnt} values destroyed, none came back");
}

#[test]
fn a_destruction_that_was_cut_off_is_made_up_for() {
    let mut unfinished = 0;
    for stop in 0..14 {
        let folder = common::folder();
        let disk = ModelDisk::new();
        let mut store = create_lazy(&disk, folder.path());
        let needle = needles(23).remove(0);
        put(&mut store, &BY_RECORD, b"state", 1, &needle);
        put(&mut store, &BY_RECORD, b"state", 1, b"next");
        disk.stop_after(stop);
        let done = store.shred().is_ok();
        drop(store);
        let disk = disk.after_power_cut(&mut rng(stop));
        let (mut store, _) = open(&disk, folder.path());
        unfinished += store.usage().doomed;
        assert!(!done || store.get(&BY_RECORD, b"state", 1).is_ok());
        store.shred().expect("the disk works");
        assert_eq!(store.get(&BY_RECORD, b"state", 1), Ok(Some(b"next".to_vec())));
        let (loot, all) = loot(&disk, folder.path(), Some(NEEDLE_BYTES));
        assert_eq!(loot.count(&all, &[needle]), 0, "cut after {stop}");
    }
    assert!(unfinished > 0, "some were cut off");
}

#[test]
fn a_power_cut_while_the_passphrase_changes_leaves_exactly_one_that_opens() {
    let (mut by_new, mut rounds) = (0, 0);
    for seed in common::seeds("MADANG_KEY_ROUNDS", 80) {
        rounds += 1;
        let mut rng = rng(700 + seed);
        let folder = common::folder();
        let disk = ModelDisk::new();
        let mut store = create(&disk, folder.path());
        put(&mut store, &BY_RECORD, b"state", 1, b"kept");
        store.checkpoint().expect("the disk works");
        disk.stop_after(rng.random_range(0..9));
        let changed = store.change_passphrase(b"new words").is_ok();
        drop(store);
        let disk = disk.after_power_cut(&mut rng);
        let open = |words: &[u8]| {
            let disk: Arc<dyn Disk> = Arc::new(disk.clone());
            SealedStore::open_on(disk, folder.path(), words, common::small())
        };
        let old = open(PASSPHRASE);
        assert!(!changed || old.is_err(), "seed {seed}");
        let (store, report) = match old {
            Ok(opened) => {
                assert_eq!(open(b"new words").err(), Some(OpenError::WrongPassphrase));
                opened
            }
            Err(error) => {
                assert_eq!(error, OpenError::WrongPassphrase);
                by_new += 1;
                open(b"new words").expect("one of the two opens")
            }
        };
        assert!(!report.is_loss(), "seed {seed}: {report:?}");
        assert_eq!(store.get(&BY_RECORD, b"state", 1), Ok(Some(b"kept".to_vec())));
    }
    assert!(by_new > 0 && by_new < rounds, "{by_new} of {rounds}");
}

#[test]
fn a_passphrase_whose_change_the_disk_refused_at_any_step_is_the_old_one_and_stays_so() {
    let (mut refused, mut at, mut is_reached) = (0, 0, true);
    while is_reached {
        let folder = common::folder();
        let disk = ModelDisk::new();
        let mut store = create(&disk, folder.path());
        put(&mut store, &BY_RECORD, b"state", 1, b"kept");
        store.checkpoint().expect("the disk works");
        let before = disk.changes();
        disk.fail_once_after(at);
        // A second name for the old file is made where the file system can; all other steps are told of.
        let changed = store.change_passphrase(b"new words").is_ok();
        is_reached = disk.changes() - before > at;
        if !is_reached {
            assert!(changed, "nothing was refused");
            break;
        }
        refused += u32::from(!changed);
        // What is written later changes nothing about it.
        put(&mut store, &BY_RECORD, b"state", 2, b"later");
        store.close().expect("the disk works");
        let open = |words: &[u8]| {
            let disk: Arc<dyn Disk> = Arc::new(disk.clone());
            SealedStore::open_on(disk, folder.path(), words, common::small()).map(drop)
        };
        let (holds, does_not): (&[u8], &[u8]) =
            if changed { (b"new words", PASSPHRASE) } else { (PASSPHRASE, b"new words") };
        assert_eq!(open(does_not), Err(OpenError::WrongPassphrase), "step {at}");
        assert_eq!(open(holds), Ok(()), "step {at}");
        at += 1;
    }
    assert!(refused >= 6, "{refused} steps");
}

#[test]
fn a_power_cut_while_a_decoy_is_made_leaves_the_own_profile_whole_and_the_decoy_there_or_not() {
    let (mut made_whole, mut there, mut rounds, mut earlier_there, mut neither) = (0, 0, 0, 0, 0);
    for seed in common::seeds("MADANG_KEY_ROUNDS", 80) {
        let mut rng = rng(41_000 + seed);
        let folder = common::folder();
        let disk = ModelDisk::new();
        let mut store = create(&disk, folder.path());
        put(&mut store, &BY_RECORD, b"state", 1, b"kept");
        store.checkpoint().expect("the disk works");
        // In every second life it takes the place of an earlier one.
        let replaces = seed % 2 == 0;
        if replaces {
            let mut earlier = store.create_duress(b"the earlier words", false).expect("the disk works");
            put(&mut earlier, &BY_RECORD, b"state", 1, b"seen before");
            earlier.checkpoint().expect("the disk works");
            earlier.close().expect("the disk works");
        }
        disk.stop_after(rng.random_range(0..if replaces { 56 } else { 44 }));
        let made = store.create_duress(b"under duress", false).map(|mut decoy| {
            let mut batch = Batch::new();
            batch.put(&BY_RECORD, b"state", 1, b"seen".to_vec());
            decoy.commit(batch).is_ok() && decoy.close().is_ok()
        });
        drop(store);
        let disk =
            if rng.random_range(0..3) == 0 { disk.after_kill() } else { disk.after_power_cut(&mut rng) };
        let open = |words: &[u8]| {
            let disk: Arc<dyn Disk> = Arc::new(disk.clone());
            SealedStore::open_on(disk, folder.path(), words, common::small())
        };
        let (store, report) = open(PASSPHRASE).expect("the own profile opens after every cut");
        assert!(!report.is_loss(), "seed {seed}: {report:?}");
        assert_eq!(store.get(&BY_RECORD, b"state", 1), Ok(Some(b"kept".to_vec())));
        drop(store);
        let seen = |words: &[u8]| match open(words) {
            Ok((decoy, report)) => {
                assert!(!report.is_loss(), "seed {seed}: {report:?}");
                Some(decoy.get(&BY_RECORD, b"state", 1).expect("it can be read"))
            }
            Err(error) => {
                assert_eq!(error, OpenError::WrongPassphrase, "seed {seed}");
                None
            }
        };
        let (new, earlier) = (seen(b"under duress"), seen(b"the earlier words"));
        assert!(new.is_some() || made.is_err(), "seed {seed}: it was said to be made");
        assert!(new.as_ref().is_none_or(|found| found.as_deref().is_none_or(|bytes| bytes == b"seen")));
        // The earlier one is whole or gone: none that is empty, and never both.
        assert!(earlier.as_ref().is_none_or(|found| found.as_deref() == Some(b"seen before")), "seed {seed}");
        assert!(new.is_none() || earlier.is_none(), "seed {seed}");
        there += u32::from(new.is_some());
        earlier_there += u32::from(earlier.is_some());
        neither += u32::from(replaces && new.is_none() && earlier.is_none());
        made_whole += u32::from(made == Ok(true));
        rounds += 1;
        let (store, report) = open(PASSPHRASE).expect("and after the decoy was looked at");
        assert!(!report.is_loss(), "seed {seed}: {report:?}");
        assert_eq!(store.get(&BY_RECORD, b"state", 1), Ok(Some(b"kept".to_vec())));
        let decoys = new.is_some() || earlier.is_some();
        assert_eq!(store.has_duress(), decoys, "seed {seed}: the person is told whether there is one");
        assert_eq!(folder.path().join("1").exists(), decoys, "seed {seed}: and no store is left of one");
    }
    assert!(
        made_whole > 0 && there > made_whole && there < rounds,
        "{there} of {rounds}, {made_whole} whole"
    );
    assert!(earlier_there > 0 && neither > 0, "{earlier_there} earlier ones left, {neither} times none");
    println!(
        "{rounds} cuts while a decoy was made: {there} there, {made_whole} of them whole; \
         {earlier_there} earlier ones still there, {neither} times neither"
    );
}

/// A profile with a needle in it and a decoy that destroys, in a folder where the key file alone is on the model.
fn with_a_decoy_that_destroys(disk: &ModelDisk, folder: &Path, needle: &[u8]) {
    let mut store = create(disk, folder);
    put(&mut store, &BY_RECORD, b"state", 1, needle);
    let mut decoy = store.create_duress(b"under duress", true).expect("the disk works");
    put(&mut decoy, &BY_RECORD, b"state", 1, b"what is to be seen");
    decoy.close().expect("the disk works");
    store.close().expect("the disk works");
}

#[test]
fn a_power_cut_in_an_opening_that_destroys_leaves_the_decoy_whole_and_the_own_profile_whole_or_gone() {
    let (mut own_there, mut own_gone, mut leftovers) = (0, 0, 0);
    for seed in common::seeds("MADANG_KEY_ROUNDS", 60) {
        let mut rng = rng(51_000 + seed);
        let folder = common::folder();
        let disk = ModelDisk::new();
        let needle = needles(24).remove(0);
        with_a_decoy_that_destroys(&disk, folder.path(), &needle);
        let open = |disk: &ModelDisk, words: &[u8]| {
            SealedStore::open_on(Arc::new(disk.clone()), folder.path(), words, common::small())
        };
        // In every second life an earlier fall has left a second copy of the own keys lying about.
        let disk = if seed % 2 == 0 {
            let (mut store, _) = open(&disk, PASSPHRASE).expect("it opens");
            put(&mut store, &BY_RECORD, b"state", 2, b"for a while");
            put(&mut store, &BY_RECORD, b"state", 2, b"and no more");
            disk.stop_after(rng.random_range(2..12));
            let _ = store.shred();
            drop(store);
            disk.after_power_cut(&mut rng)
        } else {
            disk
        };
        leftovers += u32::from(["key.new", "key.old"].iter().any(|name| disk.read(name).is_some()));
        disk.stop_after(rng.random_range(0..9));
        let opened = open(&disk, b"under duress").map(|(decoy, _)| decoy.get(&BY_RECORD, b"state", 1));
        assert!(
            opened.as_ref().is_ok_and(|seen| *seen == Ok(Some(b"what is to be seen".to_vec())))
                || opened.is_err()
        );
        let disk =
            if rng.random_range(0..3) == 0 { disk.after_kill() } else { disk.after_power_cut(&mut rng) };
        // The own profile: as it was, or nothing that this passphrase opens.
        match open(&disk, PASSPHRASE) {
            Ok((store, report)) => {
                assert!(opened.is_err(), "seed {seed}: the decoy was shown, and the own profile opens");
                assert!(!report.is_loss(), "seed {seed}: {report:?}");
                assert_eq!(store.get(&BY_RECORD, b"state", 1), Ok(Some(needle.clone())), "seed {seed}");
                own_there += 1;
            }
            Err(error) => {
                assert_eq!(error, OpenError::WrongPassphrase, "seed {seed}");
                own_gone += 1;
            }
        }
        // The decoy opens after every cut, and from then on nothing else does.
        let (decoy, report) = open(&disk, b"under duress").expect("the decoy opens after every cut");
        assert!(!report.is_loss(), "seed {seed}: {report:?}");
        assert_eq!(decoy.get(&BY_RECORD, b"state", 1), Ok(Some(b"what is to be seen".to_vec())));
        drop(decoy);
        for disk in [&disk, &disk.after_power_cut(&mut rng)] {
            assert_eq!(open(disk, PASSPHRASE).err(), Some(OpenError::WrongPassphrase), "seed {seed}");
            let all = remains(disk, folder.path());
            let stolen = steal(&all, PASSPHRASE, None);
            assert_eq!(stolen.count(&all, std::slice::from_ref(&needle)), 0, "seed {seed}");
            assert!(open(disk, b"under duress").is_ok(), "seed {seed}: and it opens again");
        }
    }
    assert!(own_there > 0 && own_gone > own_there && leftovers > 0, "{own_there}, {own_gone}, {leftovers}");
    println!(
        "{} cuts in an opening that destroys: the own profile whole {own_there} times, gone {own_gone} times; \
         copies of its keys lay about {leftovers} times",
        own_there + own_gone
    );
}

#[test]
fn files_whose_deletion_was_cut_off_when_their_keys_were_gone_go_at_the_next_opening() {
    let folder = common::folder();
    let needle = needles(25).remove(0);
    let options = Options { segment_bytes: 64 << 10, ..common::small() };
    let cost = crypto::vault::Cost::for_tests();
    let mut store = SealedStore::create(folder.path(), PASSPHRASE, cost, options, &mut rng(1)).expect("new");
    put(&mut store, &BY_RECORD, b"state", 1, &needle);
    (0..12).for_each(|order| put(&mut store, &SHARED, b"n", order, &[7; 30_000]));
    let mut decoy = store.create_duress(b"under duress", true).expect("the disk works");
    put(&mut decoy, &BY_RECORD, b"state", 1, b"what is to be seen");
    decoy.close().expect("the disk works");
    store.close().expect("the disk works");
    let before = common::files(folder.path());
    let open = |folder: &Path, words: &[u8]| SealedStore::open(folder, words, common::small());
    drop(open(folder.path(), b"under duress").expect("it opens"));
    let noise = std::fs::read(folder.path().join("key")).expect("there");
    let goes = |path: &Path| {
        let below = path.strip_prefix(folder.path()).expect("below").to_string_lossy().into_owned();
        below.starts_with("index") || below.ends_with(".log") && !below.starts_with('1')
    };
    let doomed: Vec<_> = before.iter().filter(|(path, _)| goes(path)).map(|(path, _)| path).collect();
    assert!(doomed.len() > 5, "{doomed:?}");
    for cut in 0..=doomed.len() {
        let found = common::folder();
        for (path, bytes) in before.iter().filter(|(path, _)| !doomed[..cut].contains(&path)) {
            let to = found.path().join(path.strip_prefix(folder.path()).expect("below"));
            std::fs::create_dir_all(to.parent().expect("a folder")).expect("made");
            std::fs::write(to, bytes).expect("written");
        }
        std::fs::write(found.path().join("key"), &noise).expect("written");
        assert_eq!(open(found.path(), PASSPHRASE).err(), Some(OpenError::WrongPassphrase), "cut {cut}");
        let (decoy, report) = open(found.path(), b"under duress").expect("the decoy opens");
        assert_eq!(report, madang_store::OpenReport::default(), "cut {cut}");
        assert_eq!(decoy.get(&BY_RECORD, b"state", 1), Ok(Some(b"what is to be seen".to_vec())));
        drop(decoy);
        let left = common::files(found.path());
        let left = left.iter().filter(|(path, _)| {
            let below = path.strip_prefix(found.path()).expect("below");
            below.starts_with("index") || below.parent() == Some(Path::new("")) && path.extension().is_some()
        });
        assert_eq!(left.count(), 0, "cut {cut}: all that was of the own profile is gone");
    }
}

#[test]
fn a_cut_in_a_commit_that_destroys_and_brings_all_up_to_date_leaves_a_profile_that_opens() {
    // Each commit destroys a key, writes the head into the key file and gives its changes to the index.
    let options = Options { head_commits: 1, checkpoint_records: 1, shred_commits: 1, ..common::small() };
    let (mut cut_off, mut lives) = (0, 0);
    for seed in common::seeds("MADANG_KEY_ROUNDS", 80) {
        let mut rng = rng(31_000 + seed);
        let folder = common::folder();
        let disk = ModelDisk::new();
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let mut store = SealedStore::create_on(shared, folder.path(), PASSPHRASE, options.clone(), &mut rng)
            .expect("a new store");
        disk.stop_after(rng.random_range(0..60));
        let mut kept = None;
        for turn in 0..20_u64 {
            let mut batch = Batch::new();
            batch.put(&BY_RECORD, b"state", 1, turn.to_be_bytes().to_vec());
            if store.commit(batch).is_err() {
                cut_off += 1;
                break;
            }
            kept = Some(turn);
        }
        drop(store);
        // Whether the machine fell or only its disk failed for a while.
        let disk = if seed % 2 == 0 { disk.after_kill() } else { disk.after_power_cut(&mut rng) };
        let (store, report) = open(&disk, folder.path());
        assert!(!report.is_loss() && report.rebuilt.is_none(), "seed {seed}: {report:?}");
        let found = store.get(&BY_RECORD, b"state", 1).expect("it can be read");
        let found = found.map(|bytes| u64::from_be_bytes(bytes.try_into().expect("eight bytes")));
        assert!(found == kept || found == Some(kept.map_or(0, |kept| kept + 1)), "seed {seed}");
        lives += 1;
    }
    assert!(cut_off > lives / 2, "{cut_off} of {lives}");
    println!("{lives} lives, {cut_off} of them cut off in a commit");
}

#[test]
fn what_an_older_rule_of_its_table_has_kept_opens_and_can_be_deleted_under_another_rule() {
    let (folder, disk) = (common::folder(), ModelDisk::new());
    let mut store = create(&disk, folder.path());
    (1..4).for_each(|order| put(&mut store, &BY_RUN, b"n", order, &[order as u8]));
    store.close().expect("the disk works");
    let today = Table { leaf: LeafRule::PerRecord, ..BY_RUN };
    let (mut store, _) = common::open(&disk, folder.path());
    let value = |store: &SealedStore, order| store.get(&today, b"n", order).expect("it can be read");
    assert_eq!(value(&store, 1), Some(vec![1]));
    put(&mut store, &today, b"n", 1, b"anew");
    let mut batch = Batch::new();
    batch.delete(&today, b"n", 2);
    store.commit(batch).expect("the disk works");
    store.close().expect("the disk works");
    for index in [folder, common::folder()] {
        let (store, report) = common::open(&disk, index.path());
        assert!(!report.is_loss());
        assert_eq!(
            [1, 2, 3].map(|order| value(&store, order)),
            [Some(b"anew".to_vec()), None, Some(vec![3])]
        );
    }
}

#[test]
fn every_table_of_the_tests_has_a_rule_of_its_own() {
    let rules: Vec<_> = TABLES.iter().map(|table| format!("{:?}", table.leaf)).collect();
    assert_eq!(rules.iter().collect::<BTreeSet<_>>().len(), TABLES.len());
}
