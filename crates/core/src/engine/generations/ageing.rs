//! For tests: what ends by days of use alone, because the other side is silent.

use std::time::Duration;

use proto::id::Party;

use super::super::duo::Duo;
use super::super::{Command, Policy};
use crate::pair::Pair;

const DAY: Duration = Duration::from_secs(24 * 3_600);
const YEARS: Duration = Duration::from_secs(10 * 365 * 24 * 3_600);

fn pair(duo: &Duo, at: usize) -> &Pair {
    &duo.sides[at].engine.pairs[&Party(1)]
}

/// How many envelopes with items are under way in a generation.
fn under_way(duo: &Duo, generation: u32) -> usize {
    pair(duo, 0).flights.iter().filter(|(at, flight)| at.generation == generation && flight.count > 0).count()
}

#[test]
fn a_generation_that_never_drains_ends_after_thirty_days_and_its_mail_is_sealed_anew() {
    // What is under way is not posted again for another reason meanwhile.
    let mut duo = Duo::new(Policy { repost: YEARS, ..Policy::default() });
    duo.write(0, "hello");
    let old = pair(&duo, 0).sending().number;
    let conversation = duo.conversation();
    // From here on neither is heard, but for what is brought by hand.
    (0..2).for_each(|at| duo.mute(at));
    for number in 0..20 {
        duo.ask(0, Command::Send { conversation, text: format!("waits {number}"), reply_to: None });
    }
    duo.ask(1, Command::Send { conversation, text: "never comes".into(), reply_to: None });
    let contact = crate::event::ContactId(1);
    let before = duo.recorded.len();
    duo.ask(1, Command::Suspect(contact));
    let rekeys: Vec<usize> = (before..duo.recorded.len()).filter(|at| duo.recorded[*at].from == 1).collect();
    rekeys.into_iter().for_each(|number| duo.deliver(number));
    let new = pair(&duo, 0).sending().number;
    assert!(new > old, "Bob has begun the next one, and is silent in it");
    duo.pass(DAY * 29);
    assert!(pair(&duo, 0).generation(old).is_some(), "something of it has not come yet");
    assert!(under_way(&duo, old) > 0, "nothing else has sealed it anew");
    duo.pass(DAY * 2);
    // Time alone wakes nobody: the next thing that is done sees to it.
    duo.ask(0, Command::Send { conversation, text: "and on".into(), reply_to: None });
    duo.pass(Duration::from_secs(60));
    assert!(pair(&duo, 0).generation(old).is_none(), "its keys are gone");
    assert_eq!(under_way(&duo, old), 0);
    assert!(pair(&duo, 0).lasting().flat_map(|(_, flight)| flight.items()).count() >= 21, "all is under way");
}

#[test]
fn an_offer_that_nobody_took_ends_after_sixty_days_of_use() {
    let mut duo = Duo::new(Policy { rekey_after: YEARS, ..Policy::default() });
    let given = |duo: &Duo| pair(duo, 0).keys().offer.as_ref().expect("one is out").id();
    let first = given(&duo);
    duo.pass(DAY * 59);
    duo.write(0, "nearly");
    assert_eq!(given(&duo), first);
    duo.pass(DAY * 2);
    duo.write(0, "over");
    assert!(given(&duo) > first, "its secret is gone, and another one is out");
    assert_eq!(pair(&duo, 1).keys().their_offer.as_ref().map(crypto::prekey::Offer::id), Some(given(&duo)));
}
