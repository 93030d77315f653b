//! SIGKILL at random instants: of the relay, of the sender, of the receiver.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use madang_tests::lab::{Lab, Lan, Missing};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use serde_json::json;

use super::apart;
use super::cast::{Person, texts};

/// Messages that are in flight at each kill.
const IN_FLIGHT: usize = 12;
/// Kills of each role, if `MADANG_KILLS` names no other number.
const KILLS: usize = 5;
const ROLES: [&str; 3] = ["relay", "sender", "receiver"];

/// How far a message has come as its sender was told so far.
fn step(ari: &Person<'_>, command: u64) -> String {
    let told = ari.told();
    let Some(answer) = told.iter().find(|line| line["answer"] == command) else {
        return "being written".to_owned();
    };
    let id = &answer["result"]["message"];
    let mut steps = told.iter().filter(|line| line["event"] == "delivery" && line["message"] == *id);
    let last = steps.next_back().map_or("written", |line| line["delivery"].as_str().expect("a word"));
    last.to_owned()
}

pub(super) fn kills_lose_nothing_kept_and_show_nothing_twice() -> Result<(), Missing> {
    let kills = std::env::var("MADANG_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let seed = std::env::var("MADANG_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let lab = Lab::new()?;
    let (mut keeper, mut ari, mut bora) = apart(&lab);
    // Everything goes through the relay.
    lab.cut(Lan::A, Lan::B);
    let mut histogram: BTreeMap<(&str, String), usize> = BTreeMap::new();
    let mut said: Vec<(u64, String)> = Vec::new();
    for round in 0..kills * ROLES.len() {
        let role = ROLES[round % ROLES.len()];
        // A kill shall hit a conversation, not a search for the relay.
        ari.relay_up();
        bora.relay_up();
        for number in 0..IN_FLIGHT {
            let text = format!("{round}.{number}");
            said.push((ari.say(json!({ "do": "send", "contact": 1, "text": text })), text));
        }
        let chance: f64 = rng.random();
        std::thread::sleep(Duration::from_secs_f64(0.6 * chance));
        match role {
            "relay" => keeper.kill(),
            "sender" => ari.kill(),
            _ => bora.kill(),
        }
        let (last, _) = said.last().expect("something was said");
        *histogram.entry((role, step(&ari, *last))).or_default() += 1;
        match role {
            "relay" => keeper.start(),
            "sender" => ari.start(),
            _ => bora.start(),
        }
    }
    let told = ari.told();
    let answered: BTreeSet<u64> =
        told.iter().filter(|line| line["ok"] == true).filter_map(|line| line["answer"].as_u64()).collect();
    // The last round's answers may still be under way: they count by what is in the history.
    let own = texts(&ari.history(), true);
    let position: BTreeMap<&String, usize> = own.iter().enumerate().map(|(at, text)| (text, at)).collect();
    assert_eq!(position.len(), own.len(), "the sender sees a message twice");
    let promised = said.iter().filter(|(command, _)| answered.contains(command));
    let mut kept = 0;
    for (_, text) in promised {
        assert!(position.contains_key(text), "{text} was answered as kept, and is not in the history");
        kept += 1;
    }
    let received = bora.receives(own.len());
    assert_eq!(received, own, "all that was kept arrives in order, and nothing twice");
    let shown = bora.told();
    let shown = shown.iter().filter(|line| line["event"] == "message" && line["mine"] == false);
    for text in shown.filter_map(|line| line["text"].as_str()) {
        assert!(received.iter().any(|have| have == text), "{text} was shown, and is gone");
    }
    ari.was_told_each_once();
    bora.was_told_each_once();
    println!(
        "{kills} kills of each role, seed {seed}: {kept} messages answered as kept, {} arrived",
        own.len()
    );
    for ((role, step), count) in &histogram {
        println!("{role:>9} killed when the last message was {step:<14} {count:>3} {}", "#".repeat(*count));
    }
    Ok(())
}
