//! Measures the store beside its floors in the same run, and prints one JSON object.
//!
//! `store [FOLDER] [MILLION]`: FOLDER stands on the disk to measure (default: a temporary one); MILLION is the
//! size of the large set (default 1 000 000). Each part runs in a process of its own, so that its memory and its
//! written bytes are its own. The floor makes the same promise: each record sealed, each batch durable when the call
//! returns.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crypto::tree::{LeafKey, seal_record};
use crypto::vault::Cost;
use proto::store::{Batch, Direction, LeafRule, Store, Table};
use rand::rngs::StdRng;
use rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};
use store::{Options, SealedStore};

const HISTORY: Table = Table { id: 50, name: "history", leaf: LeafRule::PerRun(64) };
const PASSPHRASE: &[u8] = b"bench";
const VALUE_BYTES: usize = 400;
/// A batch of a few envelopes, and one of a turn in which much waits.
const SMALL_BATCH: u64 = 100;
const LARGE_BATCH: u64 = 500;
const CONVERSATIONS: u64 = 100;
/// Records of one round of the comparison, and how often ours and the floor take turns.
const ROUND: u64 = 50_000;
const ROUNDS: usize = 3;
const LONE: usize = 1_000;
/// A ratchet state and the record of a message, as one commit has them.
const STATE: Table = Table { id: 51, name: "state", leaf: LeafRule::PerRecord };
const STATE_KEPT: Table = Table { id: 52, name: "state kept", leaf: LeafRule::PerRun(64) };
const STATE_BYTES: usize = 1_500;
/// Contacts whose states take turns.
const STATES: u64 = 50;

/// What follows the word `store` on the command line.
pub(crate) fn main(args: &[String]) {
    if args.first().is_some_and(|part| part == "part") {
        let folder = PathBuf::from(&args[2]);
        let number = |at: usize| args[at].parse().expect("a count");
        println!("{}", part(&args[1], &folder, number(3), number(4)));
        return;
    }
    let temporary = tempfile::tempdir().expect("a folder");
    let base = args.first().map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let million = args.get(1).map_or(1_000_000, |count| count.parse().expect("a count"));
    println!("{:#}", report(&base, million));
}

pub(crate) fn report(base: &Path, million: u64) -> Value {
    let ingest = compare(base, SMALL_BATCH);
    let ingest_by_500 = compare(base, LARGE_BATCH);
    // On a disk in memory a sync costs nothing: what is left is the work itself.
    let memory = tempfile::tempdir_in("/dev/shm").ok();
    let in_memory = memory.map(|folder| compare(folder.path(), SMALL_BATCH));
    let large = base.join("large");
    let shredding: Vec<Value> = (0..ROUNDS).map(|round| run_pair(base, round)).collect();
    let unlock = [64, 128, 256].map(|mib| run("unlock", &base.join(format!("unlock-{mib}")), mib, 1));
    let result = json!({
        "ingest": ingest,
        "ingest_by_500": ingest_by_500,
        "ingest_in_memory": in_memory,
        "large": run("ours", &large, million, SMALL_BATCH),
        "read": run("read", &large, 20_000, SMALL_BATCH),
        "open_clean": run("open", &large, 0, 1),
        "open_after_kill": after_kill(base),
        "rebuild": rebuild(base),
        "lone": run("lone", &base.join("lone"), LONE as u64, 1),
        "shredding": shredding,
        "unlock": unlock,
    });
    for name in ["large", "killed", "rebuilt", "lone"] {
        let _ = fs::remove_dir_all(base.join(name));
    }
    result
}

/// Ours and the floors in turns, so that a mood of the disk meets all of them.
fn compare(base: &Path, batch: u64) -> Value {
    let (mut ours, mut floor, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        for (part, runs) in [("ours", &mut ours), ("sealed-in-sled", &mut floor), ("bare", &mut bare)] {
            let folder = base.join(format!("{part}-{round}"));
            runs.push(run(part, &folder, ROUND, batch));
            let _ = fs::remove_dir_all(folder);
        }
    }
    let middle = |runs: &[Value], name| median(runs.iter().map(|run| number(run, name)).collect());
    let rate = |runs: &[Value]| middle(runs, "per_second");
    let cpu = |runs: &[Value]| middle(runs, "cpu_us_each");
    json!({
        "records": ROUND, "rounds": ROUNDS, "batch": batch,
        "ours_per_second": rate(&ours), "sealed_in_sled_per_second": rate(&floor),
        "times_the_floor": rate(&ours) / rate(&floor), "bare_sync_per_second": rate(&bare),
        "ours_cpu_us_each": cpu(&ours), "sealed_in_sled_cpu_us_each": cpu(&floor),
        "times_the_floor_by_processor": cpu(&floor) / cpu(&ours),
        "ours_written_bytes_each": middle(&ours, "written_bytes_each"),
        "sealed_in_sled_written_bytes_each": middle(&floor, "written_bytes_each"),
    })
}

/// How long a profile takes to open whose owner was killed in the middle of its work.
fn after_kill(base: &Path) -> Value {
    let folder = base.join("killed");
    run("ours-then-kill", &folder, ROUND, SMALL_BATCH);
    run("open", &folder, 0, 1)
}

/// How long the index takes to be built anew from the log.
fn rebuild(base: &Path) -> Value {
    let folder = base.join("rebuilt");
    run("ours", &folder, ROUND, SMALL_BATCH);
    fs::remove_dir_all(folder.join("index")).expect("a store has an index");
    let mut told = run("open", &folder, 0, 1);
    told["open_ms_per_100k"] = (number(&told, "open_ms") * 100_000.0 / ROUND as f64).into();
    told
}

/// The same commits with a state whose old key dies each time, and with one whose key stays.
fn run_pair(base: &Path, round: usize) -> Value {
    let [with, without] = ["with-shredding", "without-shredding"].map(|part| {
        let folder = base.join(format!("{part}-{round}"));
        let told = run(part, &folder, ROUND / 10, 1);
        let _ = fs::remove_dir_all(&folder);
        told
    });
    let times = number(&with, "commit_us_p50") / number(&without, "commit_us_p50");
    let more = number(&with, "cpu_us_each") - number(&without, "cpu_us_each");
    json!({ "with": with, "without": without, "times_p50": times, "cpu_us_more_each": more })
}

/// Runs one part in a process of its own. A part that ends by being killed has nothing to tell.
fn run(part: &str, folder: &Path, count: u64, batch: u64) -> Value {
    fs::create_dir_all(folder).expect("a folder for the part");
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["store", "part", part])
        .arg(folder)
        .args([count.to_string(), batch.to_string()])
        .output()
        .expect("this program runs");
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
}

fn part(part: &str, folder: &Path, count: u64, batch: u64) -> Value {
    match part {
        "ours" => ingest_ours(folder, count, batch, false),
        "ours-then-kill" => ingest_ours(folder, count, batch, true),
        "sealed-in-sled" => ingest_floor(folder, count, batch),
        "bare" => bare(folder, count, batch),
        "open" => open(folder),
        "read" => read(folder, count),
        "lone" => lone(folder, count),
        "with-shredding" => states(folder, count, &STATE),
        "without-shredding" => states(folder, count, &STATE_KEPT),
        "unlock" => unlock(folder, count),
        other => panic!("no part is called {other}"),
    }
}

/// The history of a hundred conversations as it arrives: a batch from one, then from the next.
fn place(number: u64, at: u64, batch: u64) -> ([u8; 32], u64) {
    let conversation = number % CONVERSATIONS;
    let mut name = [7; 32];
    name[..8].copy_from_slice(&conversation.to_be_bytes());
    (name, number / CONVERSATIONS * batch + at)
}

fn value(rng: &mut StdRng) -> Vec<u8> {
    let mut value = vec![0; VALUE_BYTES];
    rng.fill_bytes(&mut value);
    value
}

fn ingest_ours(folder: &Path, count: u64, size: u64, kill: bool) -> Value {
    let mut rng = StdRng::seed_from_u64(1);
    let mut store = SealedStore::create(folder, PASSPHRASE, Cost::for_tests(), Options::default(), &mut rng)
        .expect("a new store");
    let meter = Meter::start();
    let mut slowest = 0.0_f64;
    for number in 0..count / size {
        let mut batch = Batch::new();
        for at in 0..size {
            let (name, order) = place(number, at, size);
            batch.put(&HISTORY, &name, order, value(&mut rng));
        }
        let start = Instant::now();
        store.commit(batch).expect("the disk works");
        slowest = slowest.max(start.elapsed().as_secs_f64());
    }
    if kill {
        // What a kill leaves: no checkpoint, no last word to the key file.
        // SAFETY: a signal to this very process, which ends it.
        unsafe { libc::raise(libc::SIGKILL) };
    }
    let mut told = meter.stop(count);
    store.close().expect("the disk works");
    told["slowest_batch_ms"] = (slowest * 1e3).into();
    told["with_close"] = meter.stop(count);
    told["disk_bytes_each"] = (disk_bytes(folder) as f64 / count as f64).into();
    told["log_bytes_each"] = (log_bytes(folder) as f64 / count as f64).into();
    told
}

/// The plain way to the same promise: each record sealed alone, in sled, durable by hundreds.
fn ingest_floor(folder: &Path, count: u64, batch: u64) -> Value {
    let mut rng = StdRng::seed_from_u64(1);
    let config = sled::Config::new().path(folder.join("db")).cache_capacity(64 << 20);
    let db = config.flush_every_ms(None).open().expect("a new database");
    let file = File::open(folder.join("db/db")).expect("sled's file");
    let key = LeafKey::random(&mut rng);
    let meter = Meter::start();
    for number in 0..count / batch {
        let mut rows = Vec::new();
        for at in 0..batch {
            let (name, order) = place(number, at, batch);
            let spot = [&name[..16], &order.to_be_bytes()].concat();
            let sealed = seal_record(&key, &spot, &value(&mut rng), &mut rng);
            rows.push((spot, sealed));
        }
        db.transaction(|db| -> sled::transaction::ConflictableTransactionResult<()> {
            for (spot, sealed) in &rows {
                db.insert(spot.as_slice(), sealed.as_slice())?;
            }
            Ok(())
        })
        .expect("a transaction");
        db.flush().expect("the disk works");
        file.sync_all().expect("the disk works");
    }
    let mut told = meter.stop(count);
    drop(db);
    told["disk_bytes_each"] = (disk_bytes(folder) as f64 / count as f64).into();
    told
}

/// What the disk itself allows: the same number of bytes appended and synced as often, and nothing else done.
fn bare(folder: &Path, count: u64, batch: u64) -> Value {
    let file = File::create(folder.join("bare")).expect("a new file");
    // What a sealed batch fills, in blocks.
    let mut bytes = vec![0; (batch as usize * 530).div_ceil(4096) * 4096];
    StdRng::seed_from_u64(4).fill_bytes(&mut bytes);
    let meter = Meter::start();
    for number in 0..count / batch {
        file.write_all_at(&bytes, number * bytes.len() as u64).expect("the disk works");
        file.sync_data().expect("the disk works");
    }
    meter.stop(count)
}

fn open(folder: &Path) -> Value {
    let start = Instant::now();
    let (store, report) = SealedStore::open(folder, PASSPHRASE, Options::default()).expect("it opens");
    let open_ms = start.elapsed().as_secs_f64() * 1e3;
    let usage = store.usage();
    json!({ "open_ms": open_ms, "report": format!("{report:?}"), "rss_mib": memory("VmRSS"),
            "segments": usage.segments, "log_bytes": usage.log_bytes, "index_bytes": usage.index_bytes })
}

fn read(folder: &Path, count: u64) -> Value {
    let (store, _) = SealedStore::open(folder, PASSPHRASE, Options::default()).expect("it opens");
    let mut rng = StdRng::seed_from_u64(2);
    let mut of_one = Vec::new();
    for _ in 0..count {
        let (name, _) = place(rng.next_u64() % CONVERSATIONS, 0, 1);
        let order = rng.next_u64() % 400;
        let start = Instant::now();
        let found = store.get(&HISTORY, &name, order).expect("it can be read");
        of_one.push(start.elapsed().as_secs_f64() * 1e6);
        assert!(found.is_none_or(|value| value.len() == VALUE_BYTES));
    }
    let mut of_page = Vec::new();
    for page in 0..500 {
        let (name, _) = place(page % CONVERSATIONS, 0, 1);
        let start = Instant::now();
        let before = 0..=page * 7 + 100;
        let found = store.range(&HISTORY, &name, before, Direction::Descending, 50).expect("it can be read");
        of_page.push(start.elapsed().as_secs_f64() * 1e6);
        assert!(!found.is_empty());
    }
    json!({ "get_us_p50": median(of_one.clone()), "get_us_p99": quantile(of_one, 0.99),
            "page_of_50_us_p50": median(of_page), "rss_mib": memory("VmRSS") })
}

/// Lone commits, each beside a bare write and fdatasync of one block at the end of a file.
fn lone(folder: &Path, count: u64) -> Value {
    let mut rng = StdRng::seed_from_u64(3);
    let inside = folder.join("store");
    let mut store = SealedStore::create(&inside, PASSPHRASE, Cost::for_tests(), Options::default(), &mut rng)
        .expect("a new store");
    let bare_file = File::create(folder.join("bare")).expect("a new file");
    let (mut ours, mut bare, mut bytes) = (Vec::new(), Vec::new(), 0);
    for number in 0..count {
        let mut block = vec![0; 4096];
        rng.fill_bytes(&mut block);
        let start = Instant::now();
        bare_file.write_all_at(&block, number * 4096).expect("the disk works");
        bare_file.sync_data().expect("the disk works");
        bare.push(start.elapsed().as_secs_f64() * 1e6);
        let mut batch = Batch::new();
        let (name, order) = place(0, number, 1);
        batch.put(&HISTORY, &name, order, value(&mut rng));
        let before = written();
        let start = Instant::now();
        store.commit(batch).expect("the disk works");
        ours.push(start.elapsed().as_secs_f64() * 1e6);
        bytes += written() - before;
    }
    let (own, floor) = (median(ours.clone()), median(bare.clone()));
    json!({ "commits": count, "ours_us_p50": own, "ours_us_p99": quantile(ours, 0.99),
            "fdatasync_us_p50": floor, "fdatasync_us_p99": quantile(bare, 0.99),
            "times_fdatasync_p50": own / floor, "written_bytes_each": bytes as f64 / count as f64 })
}

/// Commits as a message makes them: the state of one contact is overwritten, and a record is added.
fn states(folder: &Path, count: u64, table: &Table) -> Value {
    let mut rng = StdRng::seed_from_u64(5);
    let mut store = SealedStore::create(folder, PASSPHRASE, Cost::for_tests(), Options::default(), &mut rng)
        .expect("a new store");
    let mut state = vec![0; STATE_BYTES];
    let mut commits = Vec::new();
    let meter = Meter::start();
    for number in 0..count {
        rng.fill_bytes(&mut state);
        let mut batch = Batch::new();
        batch.put(table, b"", number % STATES, state.clone());
        let (name, order) = place(number % STATES, number / STATES, 1);
        batch.put(&HISTORY, &name, order, value(&mut rng));
        let start = Instant::now();
        store.commit(batch).expect("the disk works");
        commits.push(start.elapsed().as_secs_f64() * 1e6);
    }
    let mut told = meter.stop(count);
    let start = Instant::now();
    store.shred().expect("the disk works");
    told["shred_at_the_end_ms"] = (start.elapsed().as_secs_f64() * 1e3).into();
    told["commit_us_p50"] = median(commits.clone()).into();
    told["commit_us_p99"] = quantile(commits, 0.99).into();
    told["log_bytes_each"] = (log_bytes(folder) as f64 / count as f64).into();
    told
}

/// What a passphrase costs: the time to open an empty profile of so many MiB, and the memory at its height.
fn unlock(folder: &Path, mib: u64) -> Value {
    let cost = Cost::new(mib as u32 * 1024, 3).expect("a cost that may be chosen");
    let mut rng = StdRng::seed_from_u64(6);
    drop(SealedStore::create(folder, PASSPHRASE, cost, Options::default(), &mut rng).expect("a new store"));
    let before = memory("VmRSS");
    let start = Instant::now();
    let opened = SealedStore::open(folder, PASSPHRASE, Options::default());
    let open_ms = start.elapsed().as_secs_f64() * 1e3;
    drop(opened.expect("it opens"));
    let _ = fs::remove_dir_all(folder);
    json!({ "memory_mib": mib, "passes": 3, "open_ms": open_ms, "rss_before_mib": before,
            "rss_after_mib": memory("VmRSS"), "rss_peak_mib": memory("VmHWM") })
}

struct Meter {
    start: Instant,
    cpu: f64,
    written: u64,
}

impl Meter {
    fn start() -> Self {
        Self { start: Instant::now(), cpu: processor_seconds(), written: written() }
    }

    fn stop(&self, count: u64) -> Value {
        let seconds = self.start.elapsed().as_secs_f64();
        json!({
            "records": count,
            "seconds": seconds,
            "per_second": count as f64 / seconds,
            "cpu_us_each": (processor_seconds() - self.cpu) * 1e6 / count as f64,
            "written_bytes_each": (written() - self.written) as f64 / count as f64,
            "rss_mib": memory("VmRSS"),
            "rss_peak_mib": memory("VmHWM"),
        })
    }
}

fn processor_seconds() -> f64 {
    // SAFETY: getrusage fills the struct it is given; all zeros is a valid one.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

fn written() -> u64 {
    field("/proc/self/io", "write_bytes").unwrap_or(0)
}

fn memory(name: &str) -> f64 {
    field("/proc/self/status", name).unwrap_or(0) as f64 / 1024.0
}

fn field(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

fn disk_bytes(folder: &Path) -> u64 {
    bytes_of(folder, |_| true)
}

fn log_bytes(folder: &Path) -> u64 {
    bytes_of(folder, |path| path.extension().is_some_and(|end| end == "log"))
}

fn bytes_of(folder: &Path, counts: fn(&Path) -> bool) -> u64 {
    let mut bytes = 0;
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            bytes += bytes_of(&path, counts);
        } else if counts(&path) {
            bytes += entry.metadata().map_or(0, |found| found.len());
        }
    }
    bytes
}

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or(f64::NAN)
}

fn median(values: Vec<f64>) -> f64 {
    quantile(values, 0.5)
}

fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * share) as usize;
    values.get(at.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}
