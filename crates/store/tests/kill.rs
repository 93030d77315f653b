//! A real process is killed while it writes, again and again, on one growing store.

mod common;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crypto::vault::Cost;
use madang_store::{Options, SealedStore};
use rand::RngExt;

const WORKER: &str = "MADANG_STORE_WORKER";

/// Not a test of its own: what the parent below starts and kills. Does nothing without its folder.
#[test]
fn worker() {
    if let Some(folder) = std::env::var_os(WORKER) {
        common::work_forever(&PathBuf::from(folder));
    }
}

#[test]
fn sigkill_at_any_instant_loses_nothing_acknowledged() {
    let rounds = std::env::var("MADANG_KILL_ROUNDS").map_or(30, |rounds| rounds.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a folder");
    let rng = &mut common::rng(7);
    drop(
        SealedStore::create(folder.path(), common::PASSPHRASE, Cost::for_tests(), Options::default(), rng)
            .expect("a new store"),
    );
    let (mut kept, mut behind_ack, mut replayed) = (None, 0, 0);
    for round in 0..rounds {
        let acknowledged = kill_one(folder.path(), Duration::from_millis(rng.random_range(5..250))).max(kept);
        let (store, report) = SealedStore::open(folder.path(), common::PASSPHRASE, Options::default())
            .expect("it opens after a kill");
        assert!(!report.is_loss() && report.rebuilt.is_none(), "round {round}: {report:?}");
        kept = common::check_numbered(&store, acknowledged);
        behind_ack += u32::from(kept > acknowledged);
        replayed += report.replayed_commits;
    }
    assert!(kept > Some(rounds), "the worker worked: {kept:?}");
    println!(
        "{rounds} kills, {kept:?} batches, {replayed} replayed, {behind_ack} durable before they were told"
    );
}

/// Lets a worker work for a while, kills it, and returns the last number it told.
fn kill_one(folder: &Path, after: Duration) -> Option<u64> {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "worker", "--nocapture"])
        .env(WORKER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program runs");
    let out = BufReader::new(child.stdout.take().expect("it is piped"));
    let listener = std::thread::spawn(move || {
        let acks = out.lines().map_while(Result::ok);
        // The test harness writes to the same place, without ending its line.
        acks.filter_map(|line| line.rsplit_once("ACK ")?.1.parse().ok()).last()
    });
    std::thread::sleep(after);
    child.kill().expect("it can be killed");
    child.wait().expect("it is our child");
    listener.join().expect("the listener does not panic")
}
