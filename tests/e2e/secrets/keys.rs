//! Keys that a running node has used are destroyed by itself: who takes its folder and has the passphrase finds the
//! newest state of a ratchet, and none before it.

use std::path::Path;
use std::time::{Duration, Instant};

use madang_tests::lab::Missing;
use proto::store::{Direction, LeafRule, Store as _, Table};
use serde_json::json;
use store::{Options, SealedStore};

use super::people::{LONG, PASSPHRASE, Profile, Runs, address_of, two_who_talk};
use crate::thief::{Loot, steal};

/// What changes with each envelope: ratchet and chains, as `docs/protocol` numbers its table.
const LIVE: Table = Table { id: 35, name: "live", leaf: LeafRule::PerRecord };

/// Copies a folder as it is at this moment. A node that writes meanwhile may take away what was listed.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &target)?,
            false => std::fs::copy(entry.path(), target).map(drop)?,
        }
    }
    Ok(())
}

/// A copy of a profile's folder, as a robber takes it along.
struct Robbed(tempfile::TempDir);

impl Robbed {
    /// Of a node that runs, a copy may be of two instants: then it is taken again.
    fn of(profile: &Profile) -> Self {
        let begun = Instant::now();
        loop {
            let taken = Self(tempfile::tempdir().expect("a folder"));
            if copy(&profile.folder(), taken.0.path()).is_ok() && !taken.loot(None).values.is_empty() {
                return taken;
            }
            assert!(begun.elapsed() < LONG, "no copy of the folder can be read");
        }
    }

    fn files(&self) -> Vec<Vec<u8>> {
        fn below(folder: &Path, all: &mut Vec<Vec<u8>>) {
            for entry in std::fs::read_dir(folder).expect("readable") {
                let path = entry.expect("readable").path();
                match path.is_dir() {
                    true => below(&path, all),
                    false => all.push(std::fs::read(path).expect("readable")),
                }
            }
        }
        let mut all = Vec::new();
        below(self.0.path(), &mut all);
        all
    }

    fn loot(&self, suspect: Option<usize>) -> Loot {
        steal(&self.files(), PASSPHRASE.as_bytes(), suspect)
    }

    /// How many of these states can be read in it, by any way.
    fn holds(&self, states: &[Vec<u8>]) -> usize {
        let files = self.files();
        let suspect = states.first().map(Vec::len);
        steal(&files, PASSPHRASE.as_bytes(), suspect).count(&files, states)
    }

    /// The states as the profile has them: what its owner would go on with. Opening changes the copy.
    fn states(self) -> Option<Vec<Vec<u8>>> {
        let opened = SealedStore::open(self.0.path(), PASSPHRASE.as_bytes(), Options::default());
        let (store, report) = opened.ok()?;
        let records = store.range(&LIVE, b"", 0..=u64::MAX, Direction::Ascending, 16).ok()?;
        (!report.is_loss()).then(|| records.into_iter().map(|(_, state)| state).collect())
    }
}

/// The states of a node that runs and rests.
fn states(profile: &Profile) -> Vec<Vec<u8>> {
    let begun = Instant::now();
    loop {
        match Robbed::of(profile).states() {
            Some(states) if !states.is_empty() => return states,
            _ => assert!(begun.elapsed() < LONG, "no copy of the folder opens"),
        }
    }
}

/// One writes so many messages, each of which arrives before the next. Returns every state that was seen in between.
fn write(from: (&Profile, &mut Runs), texts: impl IntoIterator<Item = String>) -> Vec<Vec<u8>> {
    let (profile, runs) = from;
    let mut seen = Vec::new();
    for text in texts {
        runs.ask(json!({ "do": "send", "contact": "Bora", "text": text }));
        runs.wait("delivery", |line| line["delivery"] == "delivered");
        seen.extend(states(profile));
    }
    seen.sort();
    seen.dedup();
    seen
}

/// Waits until nothing of these states can be read any more, however long a busy machine takes, and returns how long.
fn until_gone(profile: &Profile, states: &[Vec<u8>]) -> Duration {
    let begun = Instant::now();
    while Robbed::of(profile).holds(states) > 0 {
        assert!(begun.elapsed() < LONG, "a node that rests has not destroyed its keys");
        std::thread::sleep(Duration::from_millis(100));
    }
    begun.elapsed()
}

/// Kills a node and takes its folder: of `earlier` nothing can be read, and the newest states can.
fn kill_and_rob(profile: &Profile, runs: Runs, earlier: &[Vec<u8>]) {
    runs.kill();
    let robbed = Robbed::of(profile);
    let (found, all) = (robbed.holds(earlier), robbed.files());
    let newest = robbed.states().expect("a killed profile opens");
    let control = steal(&all, PASSPHRASE.as_bytes(), None).count(&all, &newest);
    assert!(!newest.is_empty() && control == newest.len(), "the robber does read: {control}");
    assert_eq!(found, 0, "of {} earlier states", earlier.len());
}

pub(super) fn a_node_that_rests_has_destroyed_its_earlier_keys_when_it_is_killed_and_robbed()
-> Result<(), Missing> {
    let (ari, bora) = (Profile::new("Ari"), Profile::new("Bora"));
    let (mut ari_runs, _bora_runs) = two_who_talk(&ari, &bora);
    let seen = write((&ari, &mut ari_runs), (0..6).map(|number| format!("message {number}")));
    // It sends no more; what it still hears of may replace a state once again.
    std::thread::sleep(Duration::from_secs(3));
    let newest = states(&ari);
    let earlier: Vec<_> = seen.into_iter().filter(|state| !newest.contains(state)).collect();
    assert!(earlier.len() >= 4, "states were replaced: {}", earlier.len());
    let after = until_gone(&ari, &earlier);
    println!("{} earlier states, gone 3 s after the last message and {after:?} more", earlier.len());
    kill_and_rob(&ari, ari_runs, &earlier);
    Ok(())
}

pub(super) fn keys_that_a_kill_left_are_destroyed_at_the_next_start() -> Result<(), Missing> {
    let (ari, bora) = (Profile::new("Ari"), Profile::new("Bora"));
    let (mut ari_runs, mut bora_runs) = two_who_talk(&ari, &bora);
    // On a busy machine two seconds may pass between a message and the kill: then once more.
    for round in 0..20 {
        let earlier = states(&ari);
        ari_runs.ask(json!({ "do": "send", "contact": "Bora", "text": format!("message {round}") }));
        bora_runs.wait("message", |line| line["text"] == format!("message {round}"));
        ari_runs.kill();
        let robbed = Robbed::of(&ari);
        let lay = robbed.holds(&earlier);
        let newest = robbed.states().expect("a killed profile opens");
        ari_runs = ari.listen();
        if lay > 0 && earlier.iter().all(|state| !newest.contains(state)) {
            let after = until_gone(&ari, &earlier);
            println!("{lay} earlier states lay there after the kill, gone {after:?} after the next start");
            kill_and_rob(&ari, ari_runs, &earlier);
            return Ok(());
        }
        let address = address_of(&mut ari_runs);
        bora_runs.ask(json!({ "do": "dial", "address": address }));
    }
    panic!("no kill came before the keys were destroyed");
}
