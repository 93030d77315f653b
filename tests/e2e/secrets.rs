//! Secrets that can die, in real processes: what stands after a lock, a kill, a wipe.

mod backup;
mod keys;
pub(crate) mod memory;
mod people;
mod wipe;

use std::time::{Duration, Instant};

use crypto::vault::KeyFile;
use madang_tests::lab::Missing;
use madang_tests::stories;
use madang_tests::story::Story;
use proto::store::{LeafRule, Store as _, Table};
use rand::RngExt as _;
use serde_json::json;
use store::{Options, SealedStore};

use backup::{
    a_backup_that_was_interrupted_is_the_old_one_or_the_new_one, a_broken_backup_says_so_and_makes_nothing,
    a_restored_profile_has_account_contacts_and_history,
    who_writes_first_after_a_restore_is_met_again_and_nothing_is_lost_or_doubled,
};
use keys::{
    a_node_that_rests_has_destroyed_its_earlier_keys_when_it_is_killed_and_robbed,
    keys_that_a_kill_left_are_destroyed_at_the_next_start,
};
use memory::Needles;
use people::{PASSPHRASE, Profile, two_who_talk};
use wipe::{
    a_duress_passphrase_opens_a_decoy_and_destroys_the_rest_if_so_set,
    a_panic_wipe_in_the_midst_of_a_sync_takes_the_keys_first_and_leaves_nothing_to_open,
};

pub(crate) const STORIES: &[Story] = stories![
    after_a_lock_nothing_of_the_profile_is_in_memory,
    a_passphrase_changes_whole_or_not_at_all_whenever_the_process_is_killed,
    a_node_that_rests_has_destroyed_its_earlier_keys_when_it_is_killed_and_robbed,
    keys_that_a_kill_left_are_destroyed_at_the_next_start,
    a_restored_profile_has_account_contacts_and_history,
    who_writes_first_after_a_restore_is_met_again_and_nothing_is_lost_or_doubled,
    a_broken_backup_says_so_and_makes_nothing,
    a_backup_that_was_interrupted_is_the_old_one_or_the_new_one,
    a_panic_wipe_in_the_midst_of_a_sync_takes_the_keys_first_and_leaves_nothing_to_open,
    a_duress_passphrase_opens_a_decoy_and_destroys_the_rest_if_so_set,
];

const SAID: &str = "the ladder stands behind the third house";
const HEARD: &str = "we come at nine with two blankets";

fn after_a_lock_nothing_of_the_profile_is_in_memory() -> Result<(), Missing> {
    let (ari, bora) = (Profile::new("Ari"), Profile::new("Bora"));
    let (mut ari_runs, mut bora_runs) = two_who_talk(&ari, &bora);
    ari_runs.ask(json!({ "do": "send", "contact": "Bora", "text": SAID }));
    ari_runs.wait("delivery", |line| line["delivery"] == "delivered");
    bora_runs.ask(json!({ "do": "send", "contact": "Ari", "text": HEARD }));
    ari_runs.wait("message", |line| line["text"] == HEARD);

    let Ok(before) = memory::of(ari_runs.id()) else {
        return Err(Missing::new("the right to read another process's memory"));
    };
    let vault = KeyFile::parse(&std::fs::read(ari.folder().join("key")).expect("readable"))
        .and_then(|file| file.unlock(PASSPHRASE.as_bytes()))
        .expect("it opens");
    ari_runs.ask(json!({ "do": "lock" }));
    ari_runs.wait("locked", |_| true);
    let after = memory::of(ari_runs.id()).expect("as before");

    // The profile is closed, so it can be looked into from here.
    let (store, _) =
        SealedStore::open(&ari.folder(), PASSPHRASE.as_bytes(), Options::default()).expect("free");
    let record = |id| {
        let table = Table { id, name: "a table of core", leaf: LeafRule::PerRecord };
        let records = store.range(&table, b"", 0..=u64::MAX, proto::store::Direction::Ascending, 16);
        records.expect("readable").into_iter().flat_map(|(_, bytes)| bytes).collect::<Vec<u8>>()
    };
    let (identity, pair, ratchet) = (record(32), record(34), record(35));
    assert!(identity.len() > 64 && pair.len() > 64 && ratchet.len() > 64);
    let chain = vault.fixed_key("M1/log-chain/1");
    // While the profile is open, these are there to be found: the control.
    let known: [(&str, &[u8]); 6] = [
        ("what was said", SAID.as_bytes()),
        ("what was heard", HEARD.as_bytes()),
        ("a key of the log", chain.as_bytes()),
        ("the identity", &identity),
        ("keys of the pair", &pair),
        ("the ratchet", &ratchet),
    ];
    let more: [(&str, &[u8]); 2] =
        [("root key", vault.root_key().secret().as_bytes()), ("passphrase", PASSPHRASE.as_bytes())];
    let needles = Needles::of(&[&known[..], &more].concat());
    let before = needles.found_in(&before);
    assert!(known.iter().all(|(name, _)| before.contains(name)), "the control finds only {before:?}");
    let after = needles.found_in(&after);
    assert!(after.is_empty(), "still in memory after the lock: {after:?}");
    drop(store);

    // It is the same process, and it opens again for who knows the passphrase.
    let error = ari_runs.ask_to_fail(json!({ "do": "contacts" }));
    assert_eq!(error["kind"], "locked");
    let error = ari_runs.ask_to_fail(json!({ "do": "unlock", "passphrase": "a guess" }));
    assert_eq!(error["kind"], "wrong-passphrase");
    ari_runs.ask(json!({ "do": "unlock", "passphrase": PASSPHRASE }));
    let history = ari_runs.ask(json!({ "do": "history", "contact": "Bora" }));
    assert_eq!((&history[0]["text"], &history[1]["text"]), (&json!(SAID), &json!(HEARD)));
    Ok(())
}

fn a_passphrase_changes_whole_or_not_at_all_whenever_the_process_is_killed() -> Result<(), Missing> {
    let rounds = std::env::var("MADANG_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    let mut ari = Profile::new("Ari");
    let account = ari.run(&["whoami"])["account"].clone();
    let begun = Instant::now();
    assert!(ari.change("a second bridge").wait().expect("waited").success());
    let usual = begun.elapsed();
    assert!(!ari.opens_with(PASSPHRASE), "the old one opens nothing any more");
    ari.passphrase = "a second bridge".into();
    let (mut old, mut new) = (0, 0);
    for round in 0..rounds {
        let next = format!("passphrase number {round}");
        let mut child = ari.change(&next);
        std::thread::sleep(Duration::from_micros(rand::rng().random_range(0..=usual.as_micros() as u64)));
        child.kill().expect("killed or ended");
        child.wait().expect("waited");
        match (ari.opens_with(&ari.passphrase.clone()), ari.opens_with(&next)) {
            (true, false) => old += 1,
            (false, true) => {
                new += 1;
                ari.passphrase = next;
            }
            both => panic!("round {round}: old and new passphrase open: {both:?}"),
        }
    }
    assert_eq!(ari.run(&["whoami"])["account"], account);
    println!(
        "{rounds} kills within {usual:?} of the start: {old} times the old passphrase held, {new} times the new"
    );
    Ok(())
}
