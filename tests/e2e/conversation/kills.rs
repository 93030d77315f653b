//! SIGKILL at random instants: of the relay, of the sender, of the receiver.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use madang_tests::lab::{Lab, Lan, Missing};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use serde_json::json;

use super::apart;
use super::cast::{Person, texts};

/// Messages that are said before each kill, and how many are made of those that have not come by then: what comes in
/// the instant of the kill leaves [`IN_FLIGHT_MIN`].
const SAID: usize = 12;
const IN_FLIGHT: usize = 16;
/// Messages at least that are not with the receiver when somebody is killed.
const IN_FLIGHT_MIN: usize = 10;
/// Kills of each role, if `MADANG_KILLS` names no other number.
const KILLS: usize = 5;
const ROLES: [&str; 3] = ["relay", "sender", "receiver"];

/// A message that the sender was asked to write: the number of the command, and the text.
type Said = (u64, String);

/// Has the sender write one more message in this round.
fn say(ari: &mut Person<'_>, round: usize, said: &mut Vec<Said>) {
    let text = format!("{round}.{}", said.len());
    said.push((ari.say(json!({ "do": "send", "contact": 1, "text": text })), text));
}

/// Those of this round that the receiver has not been shown. Nobody dies within a round, so all of them are on their way.
fn in_flight<'a>(said: &'a [Said], bora: &Person<'_>) -> Vec<&'a Said> {
    let shown: BTreeSet<String> = bora
        .told_since_start(|line| line["event"] == "message" && line["mine"] == false)
        .iter()
        .map(|line| line["text"].as_str().expect("a text").to_owned())
        .collect();
    said.iter().filter(|(_, text)| !shown.contains(text)).collect()
}

/// How far a message has come, as its sender was told so far.
fn step(ari: &Person<'_>, command: u64) -> String {
    let told = ari.told();
    let Some(answer) = told.iter().rfind(|line| line["answer"] == command) else {
        return "being written".to_owned();
    };
    let id = &answer["result"]["message"];
    let last = told.iter().rfind(|line| line["event"] == "delivery" && line["message"] == *id);
    last.map_or("written", |line| line["delivery"].as_str().expect("a word")).to_owned()
}

pub(super) fn kills_lose_nothing_kept_and_show_nothing_twice() -> Result<(), Missing> {
    let kills = std::env::var("MADANG_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let seed = std::env::var("MADANG_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let lab = Lab::new()?;
    let (mut keeper, mut ari, mut bora) = apart(&lab);
    // Everything goes through the relay.
    lab.cut(Lan::A, Lan::B);
    let mut histogram: BTreeMap<(&str, &str, String), usize> = BTreeMap::new();
    let mut least = usize::MAX;
    let mut all: Vec<Said> = Vec::new();
    for round in 0..kills * ROLES.len() {
        let role = ROLES[round % ROLES.len()];
        // A kill shall hit a conversation, not a search for the relay.
        ari.relay_up();
        bora.relay_up();
        let mut said = Vec::new();
        (0..SAID).for_each(|_| say(&mut ari, round, &mut said));
        let chance: f64 = rng.random();
        std::thread::sleep(Duration::from_secs_f64(0.6 * chance));
        // As many as have come meanwhile follow.
        let missing = IN_FLIGHT.saturating_sub(in_flight(&said, &bora).len());
        (0..missing).for_each(|_| say(&mut ari, round, &mut said));
        match role {
            "relay" => keeper.kill(),
            "sender" => ari.kill(),
            _ => bora.kill(),
        }
        // Counted after the kill: what is in flight now was so at the kill.
        let flying = in_flight(&said, &bora);
        assert!(flying.len() >= IN_FLIGHT_MIN, "{} in flight: {role} killed, round {round}", flying.len());
        least = least.min(flying.len());
        for (which, message) in [("oldest", flying[0]), ("newest", flying[flying.len() - 1])] {
            *histogram.entry((role, which, step(&ari, message.0))).or_default() += 1;
        }
        all.append(&mut said);
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
    let promised = all.iter().filter(|(command, _)| answered.contains(command));
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
        "{kills} kills of each role, seed {seed}, at least {least} messages in flight at each: {kept} answered as kept, \
         {} arrived",
        own.len()
    );
    for ((role, which, step), count) in &histogram {
        println!(
            "{role:>9} killed when the {which} in flight was {step:<14} {count:>3} {}",
            "#".repeat(*count)
        );
    }
    Ok(())
}
