//! For tests: where the other side was heard last is not given up, and gone back to by who may not be heard elsewhere.

use std::time::Duration;

use crypto::prekey::OfferSecret;
use proto::id::Party;

use super::super::duo::Duo;
use super::super::{Command, Policy};
use super::DAY;
use crate::pair::{GENERATIONS_MAX, Pair};

/// What each of the two calls the other.
const OTHER: Party = Party(1);

fn pair(duo: &Duo, at: usize) -> &Pair {
    &duo.sides[at].engine.pairs[&OTHER]
}

/// One begins the next generation on the present one.
fn begin(duo: &mut Duo, at: usize) {
    let base = pair(duo, at).sending().number;
    duo.act(at, |engine, turn| engine.rekey(OTHER, base, turn).expect("memory works"));
}

/// An offer of the second comes to the first.
fn offer(duo: &mut Duo, number: u32) {
    duo.act(0, |engine, turn| {
        let (_, offer) = OfferSecret::generate(number, turn.rng);
        engine.take_offer(OTHER, offer.bytes());
    });
}

/// All that one has sent since `start` comes to the other, and receipts that are due are sent.
fn bring(duo: &mut Duo, from: usize, start: usize) {
    for number in start..duo.recorded.len() {
        if duo.recorded[number].from == from {
            duo.deliver(number);
        }
    }
    duo.pass(Duration::from_secs(6));
}

fn say(duo: &mut Duo, at: usize, text: &str) {
    let conversation = duo.conversation();
    duo.ask(at, Command::Send { conversation, text: text.into(), reply_to: None });
}

/// The second has begun a generation, and both send on it; the one before drains. Returns the numbers of both, and nothing
/// comes from now on unless it is brought.
fn two_with_two() -> (Duo, u32, u32) {
    let mut duo = Duo::new(Policy::default());
    duo.write(0, "hello");
    duo.write(1, "hello");
    duo.mute(0);
    duo.mute(1);
    let old = pair(&duo, 0).sending().number;
    let start = duo.recorded.len();
    begin(&mut duo, 1);
    bring(&mut duo, 1, start);
    bring(&mut duo, 0, start);
    let new = pair(&duo, 1).sending().number;
    assert!(pair(&duo, 1).sending().is_heard() && new != old);
    (0..2).for_each(|at| assert!(pair(&duo, at).generation(old).expect("it drains").is_draining()));
    (duo, old, new)
}

#[test]
fn many_offers_in_one_turn_begin_one_generation() {
    let (mut duo, ..) = two_with_two();
    begin(&mut duo, 0);
    let newest = |duo: &Duo| pair(duo, 0).generations().map(|g| g.number).max().expect("there are some");
    let before = newest(&duo);
    duo.act(0, |engine, turn| {
        for number in 50..90 {
            let (_, offer) = OfferSecret::generate(number, turn.rng);
            engine.take_offer(OTHER, offer.bytes());
        }
    });
    assert_eq!(newest(&duo), before + 1);
}

#[test]
fn who_begins_again_and_again_goes_on_hearing_the_other_where_they_spoke_last() {
    let (mut duo, old, _) = two_with_two();
    // The second speaks in the old one again.
    duo.act(1, |engine, _| engine.pairs.get_mut(&OTHER).expect("they have met").send_on(old));
    let start = duo.recorded.len();
    say(&mut duo, 1, "do you hear me?");
    bring(&mut duo, 1, start);
    offer(&mut duo, 100);
    begin(&mut duo, 0);
    (101..108).for_each(|number| offer(&mut duo, number));
    assert_eq!(pair(&duo, 0).generations().count(), GENERATIONS_MAX);
    let start = duo.recorded.len();
    say(&mut duo, 1, "and now?");
    bring(&mut duo, 1, start);
    assert!(duo.texts(0).contains(&(false, "and now?".into())), "they are heard where they spoke last");
}

/// The second has gone back to what the first has given up, and hears the first elsewhere. Returns where, and where the
/// second sends, and from what number on all of both is on record.
fn two_who_miss_each_other() -> (Duo, u32, u32, usize) {
    let (mut duo, old, new) = two_with_two();
    duo.act(1, |engine, turn| {
        engine.pairs.get_mut(&OTHER).expect("they have met").send_on(old);
        engine.go_back(OTHER, new, turn.now.moment);
    });
    duo.act(0, |engine, turn| {
        let pair = engine.pairs.get_mut(&OTHER).expect("they have met");
        let given_up = pair.sending().number;
        pair.send_on(old);
        engine.bury(OTHER, given_up, turn).expect("memory works");
    });
    let start = duo.recorded.len();
    say(&mut duo, 0, "do you hear me?");
    bring(&mut duo, 0, start);
    say(&mut duo, 1, "yes");
    bring(&mut duo, 1, start);
    assert_eq!(duo.texts(0).len(), 3, "what the second says there is not heard");
    assert_eq!(pair(&duo, 1).sending().number, new);
    (duo, old, new, start)
}

#[test]
fn who_has_gone_back_to_what_the_other_gave_up_goes_on_to_where_they_hear_them() {
    let (mut duo, old, _, start) = two_who_miss_each_other();
    duo.pass(Duration::from_secs(900));
    bring(&mut duo, 1, start);
    assert_eq!(pair(&duo, 1).sending().number, old);
    assert_eq!(duo.texts(0)[3], (false, "yes".into()));
}

#[test]
fn who_suspects_does_not_go_back_for_a_day_and_then_only_where_no_repair_can_be_said() {
    let (mut duo, old, new, start) = two_who_miss_each_other();
    duo.act(1, |engine, turn| {
        let now = engine.used(turn.now.moment);
        let pair = engine.pairs.get_mut(&OTHER).expect("they have met");
        pair.note_suspicion(now);
        // The last repair was a moment ago, so the next one has to wait.
        pair.keys_mut().begun_anew = Some(now);
    });
    duo.pass(DAY - Duration::from_secs(60));
    bring(&mut duo, 1, start);
    assert_eq!((pair(&duo, 1).sending().number, duo.texts(0).len()), (new, 3), "the ground may be a thief's");
    duo.pass(DAY);
    bring(&mut duo, 1, start);
    assert_eq!(pair(&duo, 1).sending().number, old);
    assert_eq!(duo.texts(0)[3], (false, "yes".into()));
}
