//! What the tests of the store share: tables, batches, and a store in memory beside the real one.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "each test is a program of its own and uses a part of it"
)]

pub mod thief;

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use madang_store::disk::{Disk, ModelDisk};
use madang_store::{OpenReport, Options, SealedStore};
use proto::store::{Batch, Direction, LeafRule, MemoryStore, Store, Table};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

pub const PASSPHRASE: &[u8] = b"a passphrase of no worth";

pub const SHARED: Table = Table { id: 40, name: "shared", leaf: LeafRule::Shared };
pub const BY_NAME: Table = Table { id: 41, name: "by name", leaf: LeafRule::PerName };
pub const BY_RECORD: Table = Table { id: 42, name: "by record", leaf: LeafRule::PerRecord };
pub const BY_RUN: Table = Table { id: 43, name: "by run", leaf: LeafRule::PerRun(4) };
pub const ERASABLE: Table = Table { id: 44, name: "erasable", leaf: LeafRule::Erasable(8) };
pub const TABLES: [&Table; 5] = [&SHARED, &BY_NAME, &BY_RECORD, &BY_RUN, &ERASABLE];

/// Small limits, so that a short test crosses each of them, and no threads, so that a seed repeats itself.
pub fn small() -> Options {
    Options {
        segment_bytes: 64 << 10,
        checkpoint_records: 64,
        checkpoint_bytes: 1 << 20,
        head_commits: 8,
        shred_commits: 5,
        in_background: false,
        ..Options::default()
    }
}

/// An instant three seconds after the last one it gave: whatever waits for its time is due.
pub fn later() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let start = *START.get_or_init(Instant::now);
    start + Duration::from_secs(3) * CALLS.fetch_add(1, Ordering::Relaxed)
}

/// A folder in memory where there is one: these tests model the disk and need not wait for a real one.
pub fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let found = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    found.expect("a folder for a test")
}

/// The seeds of a test with chance: so many, or as many as the variable says, also as a range such as `40..90`.
pub fn seeds(variable: &str, usual: u64) -> std::ops::Range<u64> {
    let Ok(told) = std::env::var(variable) else { return 0..usual };
    let number = |text: &str| text.parse().expect("a number, or a range of numbers");
    told.split_once("..").map_or_else(|| 0..number(&told), |(from, to)| number(from)..number(to))
}

pub fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

pub fn create(disk: &ModelDisk, folder: &Path) -> SealedStore {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    SealedStore::create_on(disk, folder, PASSPHRASE, small(), &mut rng(1)).expect("the disk is new")
}

pub fn open(disk: &ModelDisk, folder: &Path) -> (SealedStore, OpenReport) {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    SealedStore::open_on(disk, folder, PASSPHRASE, small()).expect("it opens after every crash")
}

/// A batch of a few changes among few enough names that they meet again.
pub fn random_batch(rng: &mut ChaCha8Rng) -> Batch {
    let mut batch = Batch::new();
    for _ in 0..rng.random_range(1..12) {
        let table = TABLES[rng.random_range(0..TABLES.len())];
        let name = [b'n', rng.random_range(0..5)];
        let order = rng.random_range(0..200) * rng.random_range(1..3);
        if rng.random_range(0..4) == 0 {
            batch.delete(table, &name, order);
        } else {
            let bytes = if rng.random_range(0..20) == 0 {
                rng.random_range(0..20_000)
            } else {
                rng.random_range(0..600)
            };
            batch.put(table, &name, order, (0..bytes).map(|_| rng.random()).collect());
        }
    }
    batch
}

/// Everything that a store holds under the names the tests use.
pub fn content(store: &dyn Store) -> Vec<(u8, u8, u64, Vec<u8>)> {
    let mut all = Vec::new();
    for table in TABLES {
        for name in 0..5 {
            let found = store.range(table, &[b'n', name], 0..=u64::MAX, Direction::Ascending, usize::MAX);
            all.extend(
                found
                    .expect("it can be read")
                    .into_iter()
                    .map(|(order, value)| (table.id, name, order, value)),
            );
        }
    }
    all
}

pub fn same(store: &dyn Store, model: &MemoryStore) -> bool {
    content(store) == content(model)
}

/// All bytes of all files below a folder, each with its path.
pub fn files(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = std::fs::read(&path).expect("it can be read");
            found.push((path, bytes));
        }
    }
    found.sort();
    found
}

/// What a worker process does until it is killed: one batch after another, each told on standard output once durable.
///
/// Batch `n` writes record `n` of a run, the newest number in two tables, and removes what stands far behind.
pub fn work_forever(folder: &Path) -> ! {
    use std::io::Write;
    let options =
        Options { segment_bytes: 1 << 20, checkpoint_records: 300, head_commits: 16, ..Options::default() };
    let (mut store, report) = SealedStore::open(folder, PASSPHRASE, options).expect("it opens after a kill");
    assert!(!report.is_loss(), "{report:?}");
    let mut next = newest(&store).map_or(0, |newest| newest + 1);
    loop {
        store.commit(numbered_batch(next)).expect("the disk works");
        let mut out = std::io::stdout().lock();
        writeln!(out, "ACK {next}").and_then(|()| out.flush()).expect("the parent listens");
        drop(out);
        if next.is_multiple_of(5) {
            store.maintain(Instant::now()).expect("the disk works");
        }
        next += 1;
    }
}

/// How many numbers behind the newest one a record is removed.
pub const KEPT: u64 = 600;

pub fn numbered_batch(number: u64) -> Batch {
    let mut batch = Batch::new();
    batch.put(&BY_RUN, b"run", number, numbered_value(number));
    batch.put(&BY_RECORD, b"newest", 0, number.to_be_bytes().to_vec());
    batch.put(&SHARED, b"newest", 0, number.to_be_bytes().to_vec());
    if number >= KEPT {
        batch.delete(&BY_RUN, b"run", number - KEPT);
    }
    batch
}

pub fn numbered_value(number: u64) -> Vec<u8> {
    let mut rng = rng(number);
    let bytes = if number.is_multiple_of(50) { 30_000 } else { rng.random_range(0..900) };
    (0..bytes).map(|_| rng.random()).collect()
}

fn newest(store: &SealedStore) -> Option<u64> {
    let bytes = store.get(&SHARED, b"newest", 0).expect("it can be read")?;
    Some(u64::from_be_bytes(bytes.try_into().expect("eight bytes")))
}

/// Checks that the store holds exactly the batches up to one that is `acknowledged` or the one after it.
///
/// Returns the number of the last batch that is there.
pub fn check_numbered(store: &SealedStore, acknowledged: Option<u64>) -> Option<u64> {
    let found = newest(store);
    assert!(found >= acknowledged, "acknowledged {acknowledged:?}, found {found:?}");
    let record = store.get(&BY_RECORD, b"newest", 0).expect("it can be read");
    assert_eq!(record, found.map(|number| number.to_be_bytes().to_vec()), "a batch is whole or absent");
    let all =
        store.range(&BY_RUN, b"run", 0..=u64::MAX, Direction::Ascending, usize::MAX).expect("it can be read");
    let first = found.map_or(0, |number| (number + 1).saturating_sub(KEPT));
    let expected: Vec<_> = (first..found.map_or(0, |number| number + 1)).collect();
    assert_eq!(all.iter().map(|(order, _)| *order).collect::<Vec<_>>(), expected);
    for (order, value) in all {
        assert_eq!(value, numbered_value(order), "record {order}");
    }
    found
}
