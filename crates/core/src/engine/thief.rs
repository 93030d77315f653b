//! For tests: somebody who takes the whole state of a device at one instant and has all traffic on record.
//!
//! What they can read and whom they can link is measured here, and `docs/threat-model.md` says the same in its table
//! "When a whole device is copied": the numbers there are written from the constants that are used here. In this file
//! the copy is a device that is asked to open what was recorded; `by_hand` computes what no device would.

mod anew;
mod burnt;
mod by_hand;
mod links;
mod quantum;
mod repairs;

use std::collections::BTreeSet;
use std::time::Duration;

use proto::id::{LinkId, Moment, Party, Prefix, Tag};
use proto::router::{Crossing, Router};
use proto::store::{Batch, Direction, MemoryStore, Overlay};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::duo::{Duo, Recorded, open};
use super::receive::Road;
use super::{Command, Engine, Now, Policy, Turn};
use crate::content::Item;
use crate::pair::{GENERATIONS_MAX, SPENT_SLOTS, WINDOW_SLOTS};
use crate::tables;

const DOCS: &str = include_str!("../../../../docs/threat-model.md");

/// What a thief makes of a copy and a record.
struct Loot {
    /// Envelopes of the record that the thief could open and decrypt and that carried a message.
    read: BTreeSet<usize>,
    /// Envelopes of the record whose place the thief knows, and so whom they were between.
    linked: BTreeSet<usize>,
}

/// Plays the thief: a copy of the device is asked to open all that was recorded, and every tag that its keys
/// lead to is compared with every tag on record.
fn rob(copy: &MemoryStore, record: &[Recorded]) -> Loot {
    let mut engine = open(copy, Moment(0));
    let now = Now { moment: Moment(0), label_ms: None };
    let (mut batch, mut rng) = (Batch::new(), ChaCha20Rng::from_seed([9; 32]));
    let mut overlay = Overlay::new(copy, &mut batch);
    let turn = &mut Turn { now, overlay: &mut overlay, rng: &mut rng };
    let (mut known, mut generations) = (tags(&engine), numbers(&engine));
    // What waits to be acknowledged lies in the outbox, as it was sent.
    let outbox = copy.iter().filter(|(key, _)| key.0 == proto::tables::OUTBOX.id);
    known.extend(
        outbox.map(|(_, record)| Router::envelope_of(record).expect("one of the outbox").0.tag.prefix()),
    );
    let (mut read, mut before) = (BTreeSet::new(), held(turn));
    for (at, envelope) in record.iter().enumerate() {
        let road = Road::Link(LinkId(1));
        engine.arrive(Crossing::Arriving(envelope.prefix), &envelope.blob, road, turn).expect("memory works");
        let told = engine.take_outputs();
        // What could be decrypted and stands behind a gap is held, and read all the same.
        let holds = held(turn);
        let is_held = std::mem::replace(&mut before, holds) < holds;
        let is_message = |output: &super::Output| {
            matches!(output, super::Output::Event(crate::Event::Message { mine: false, .. }))
        };
        if is_held || told.iter().any(is_message) {
            read.insert(at);
        }
        // A generation that the thief could follow leads further.
        if numbers(&engine) != generations {
            generations = numbers(&engine);
            known.extend(tags(&engine));
        }
    }
    let linked =
        record.iter().enumerate().filter(|(_, e)| known.contains(&e.prefix)).map(|(at, _)| at).collect();
    Loot { read, linked }
}

/// How many messages were decrypted and wait for what comes before them.
fn held(turn: &Turn<'_, '_>) -> usize {
    let all = turn.overlay.range(&tables::HELD, &tables::name(1), 0..=u64::MAX, Direction::Ascending, 10_000);
    let is_message = |(_, item): &(u64, Vec<u8>)| matches!(Item::decode(item), Ok(Item::Message(_)));
    all.expect("memory works").iter().filter(|found| is_message(found)).count()
}

fn numbers(engine: &Engine) -> BTreeSet<u32> {
    engine.pairs.values().flat_map(|pair| pair.generations().map(|g| g.number)).collect()
}

/// Every tag that an engine's keys lead to, however far ahead.
/// The beginnings of all tags that its keys lead to.
fn tags(engine: &Engine) -> BTreeSet<Prefix> {
    let mut tags = BTreeSet::new();
    for pair in engine.pairs.values() {
        tags.extend(pair.keys().repair_tags.iter().copied());
        for generation in pair.generations() {
            tags.extend(generation.window.tags().map(|(_, tag)| tag));
            tags.extend(generation.slots_ahead(2 * WINDOW_SLOTS).into_iter().map(|(tag, _)| tag));
        }
    }
    tags.iter().map(Tag::prefix).collect()
}

/// The envelopes on record after which each generation began, as its first side saw it.
fn newest_generation(duo: &Duo, at: usize) -> u32 {
    duo.sides[at].engine.pairs[&Party(1)].generations().next_back().expect("one lives").number
}

fn talk(duo: &mut Duo, rounds: usize) {
    for round in 0..rounds {
        duo.write(0, &format!("to bob {round}"));
        duo.write(1, &format!("to alice {round}"));
    }
}

/// Runs a conversation with a theft in its middle and returns the loot, the instant, and the record.
fn theft(policy: Policy, before: usize, after: usize) -> (Loot, usize, Vec<Recorded>, Duo) {
    let mut duo = Duo::new(policy);
    talk(&mut duo, before);
    let copy = duo.sides[0].store.clone();
    let instant = duo.recorded.len();
    talk(&mut duo, after);
    let record = duo.recorded.clone();
    (rob(&copy, &record), instant, record, duo)
}

#[test]
fn a_copied_device_opens_nothing_that_had_come_before_and_one_answer_after() {
    let (loot, instant, record, _) = theft(Policy::default(), 30, 30);
    let earlier: Vec<_> = loot.read.range(..instant).collect();
    assert_eq!(earlier, Vec::<&usize>::new(), "messages that had come are closed to who copies the device");
    // The next thing that Bob writes is encrypted to what was copied. Alice's answer to it is not.
    let later: Vec<_> = loot.read.range(instant..).copied().collect();
    assert!(later.len() <= 1, "{later:?}");
    assert!(record.iter().skip(instant).filter(|e| e.from == 1).count() > 30);
    assert!(DOCS.contains("| before the copy, and had come | none, but for a return from a backup |"));
    assert!(DOCS.contains("| after it | what the others write until they have heard this device again |"));
}

#[test]
fn a_silent_victim_is_read_until_they_speak() {
    let mut duo = Duo::new(Policy::default());
    talk(&mut duo, 5);
    let copy = duo.sides[0].store.clone();
    let instant = duo.recorded.len();
    // Alice is silent: Bob hears nothing of her while he writes.
    duo.mute(0);
    for round in 0..10 {
        duo.write(1, &format!("to alice {round}"));
    }
    let loot = rob(&copy, &duo.recorded);
    assert_eq!(loot.read.range(instant..).count(), 10);
}

#[test]
fn a_generation_that_the_other_side_begins_is_read_until_they_hear_this_device_in_it() {
    let mut duo = Duo::new(Policy { rekey_messages: 9, ..Policy::default() });
    talk(&mut duo, 2);
    let copy = duo.sides[0].store.clone();
    let instant = duo.recorded.len();
    // They answer each other, until the next message of Bob's begins a generation: it rests on an offer of Alice's.
    let is_due = |duo: &Duo| {
        let pair = &duo.sides[1].engine.pairs[&Party(1)];
        pair.messages >= 9 && pair.keys().their_offer.is_some()
    };
    duo.write(0, "heard again");
    while !is_due(&duo) {
        duo.write(1, "to alice");
        duo.write(0, "to bob");
    }
    let healed = rob(&copy, &duo.recorded);
    assert!(healed.read.range(instant..).count() <= 1, "this generation has healed");
    let (before, begins) = (newest_generation(&duo, 1), duo.recorded.len());
    duo.mute(0);
    for round in 0..4 {
        duo.write(1, &format!("in the next one {round}"));
    }
    assert_eq!(newest_generation(&duo, 1), before + 1, "Bob has begun it");
    let heard = duo.recorded.len();
    duo.unmute(0);
    talk(&mut duo, 3);
    let loot = rob(&copy, &duo.recorded);
    assert_eq!(loot.read.range(begins..heard).count(), 4, "the copy holds what opens its beginning");
    assert!(loot.read.range(heard..).count() <= 1, "{:?}", loot.read.range(heard..).collect::<Vec<_>>());
    let row = "| after it, in a generation that the others begin with an offer from before the copy | the same once more: \
               what they write in it until they have heard this device there |";
    assert!(DOCS.contains(row));
}

#[test]
fn what_is_under_way_when_a_device_is_copied_is_read_or_linked_and_own_words_are_not_read() {
    let mut duo = Duo::new(Policy::default());
    talk(&mut duo, 5);
    let before = duo.recorded.len();
    (0..2).for_each(|at| duo.mute(at));
    let conversation = duo.conversation();
    for (at, number) in [(1, 0), (1, 1), (1, 2), (0, 3), (0, 4), (0, 5), (0, 6)] {
        duo.ask(at, Command::Send { conversation, text: format!("{number}"), reply_to: None });
    }
    let loot = rob(&duo.sides[0].store, &duo.recorded);
    let of = |from: usize, found: &BTreeSet<usize>| -> Vec<usize> {
        found.iter().copied().filter(|at| duo.recorded[*at].from == from).collect()
    };
    let since = |from: usize| -> Vec<usize> {
        (before..duo.recorded.len()).filter(|at| duo.recorded[*at].from == from).collect()
    };
    assert_eq!(of(1, &loot.read), since(1), "what the device was waiting for");
    assert_eq!(since(1).len(), 3);
    assert_eq!(of(0, &loot.read), Vec::<usize>::new(), "none of its own, from the record");
    let own = of(0, &loot.linked);
    assert!(own.ends_with(&since(0)), "of its own, what was not acknowledged");
    assert!(
        own.len() <= since(0).len() + 1,
        "{own:?}: and the last receipt, which nobody acknowledges by itself"
    );
    for row in [
        "| before the copy, not yet come | those; they are what the device was waiting for |",
        "| written by this device, before or after | none from the record, but for who breaks X25519;",
        "| sent before the copy | those not yet acknowledged |",
    ] {
        assert!(DOCS.contains(row), "{row}");
    }
}

#[test]
fn who_writes_little_is_linked_for_no_more_than_two_generations_of_days() {
    let day = Duration::from_secs(24 * 3_600);
    let mut duo = Duo::new(Policy::default());
    let mut daily = |days: usize| -> (usize, MemoryStore) {
        for number in 0..days {
            duo.write(number % 2, "of the day");
            duo.pass(day);
        }
        (duo.recorded.len(), duo.sides[0].store.clone())
    };
    let (_, copy) = daily(10);
    // A message a day: the second generation after the copy has begun within 14 days of use, with the next message.
    let (fortnight, _) = daily(16);
    let (end, _) = daily(20);
    let loot = rob(&copy, &duo.recorded);
    assert!(end > fortnight + 20);
    assert_eq!(loot.linked.range(fortnight..).count(), 0);
    assert_eq!(loot.read.range(fortnight..).count(), 0);
}

#[test]
fn a_copied_device_links_few_envelopes_before_and_two_generations_after() {
    let messages = 10;
    let policy = Policy { rekey_messages: messages, ..Policy::default() };
    let (loot, instant, record, duo) = theft(policy, 40, 40);
    assert!(newest_generation(&duo, 0) >= 6, "generations have passed");
    let of = |from: usize, range: &mut dyn Iterator<Item = usize>| {
        range.filter(|at| record[*at].from == from).count()
    };
    let received = of(1, &mut loot.linked.range(..instant).copied());
    assert!(received <= SPENT_SLOTS as usize * GENERATIONS_MAX, "{received}");
    let sent = of(0, &mut loot.linked.range(..instant).copied());
    assert!(
        sent <= 1,
        "{sent}: a link of our own drop is gone once it is used; the last receipt waits for word"
    );
    // After the copy: what is sent in the present generation, and in the next if it rests on an offer that was copied.
    // A message makes at most four envelopes here: itself, a receipt, and what each generation costs, shared by ten.
    let last = loot.linked.range(instant..).next_back().copied().unwrap_or(instant);
    let messages_after = (last - instant) / 2;
    assert!(messages_after <= 2 * messages as usize + 4, "{messages_after} messages after the copy");
    assert!(record.len() - last > 40, "what came later cannot be linked");
}

#[test]
fn the_table_of_the_threat_model_names_these_numbers() {
    let policy = Policy::default();
    let days = policy.rekey_after.as_secs() / 86_400;
    for row in [
        format!("the last {SPENT_SLOTS} envelopes received in each live generation"),
        format!(
            "until two new generations have begun, at most {} messages or {} days of use",
            2 * policy.rekey_messages,
            2 * days
        ),
        format!("at most {GENERATIONS_MAX} generations"),
        format!("{} messages or {days} days of use", policy.rekey_messages),
    ] {
        assert!(DOCS.contains(&row), "docs/threat-model.md does not say: {row}");
    }
}
