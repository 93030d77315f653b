//! Envelopes that are lost or late at the ratchet's own limits, through the whole engine: what waits, what is given up,
//! and that all comes once and in order in the end.

use std::time::Duration;

use super::duo::Duo;
use super::receive::EARLY_PATIENCE;
use super::{Command, Policy};
use crate::pair::CONTENT_SLOTS;

const YEARS: Duration = Duration::from_secs(10 * 365 * 24 * 3_600);

/// Nothing else begins a generation while a gap is looked at.
const POLICY: Policy =
    Policy { rekey_messages: u32::MAX, rekey_after: YEARS, drain: YEARS, offer_life: YEARS, repost: YEARS };

/// Two people whose link swallows everything: envelopes come when the test brings them, and in its order.
fn apart() -> Duo {
    let mut duo = Duo::new(POLICY);
    duo.mute(0);
    duo.mute(1);
    duo
}

fn say(duo: &mut Duo, at: usize, text: &str) {
    let conversation = duo.conversation();
    duo.ask(at, Command::Send { conversation, text: text.into(), reply_to: None });
}

/// The first writes so many messages in no time. Returns the envelopes on record.
fn write(duo: &mut Duo, messages: usize) -> Vec<usize> {
    let before = duo.recorded.len();
    (0..messages).for_each(|number| say(duo, 0, &number.to_string()));
    (before..duo.recorded.len()).collect()
}

/// Everything from `at` on comes, with all that is said because of it.
fn bring(duo: &mut Duo, at: &mut usize) {
    while *at < duo.recorded.len() {
        duo.deliver(*at);
        *at += 1;
    }
}

/// From now on everything comes, until nobody has anything left to say.
fn heal(duo: &mut Duo) {
    let mut at = duo.recorded.len();
    for _ in 0..60 {
        duo.pass(Duration::from_secs(900));
        bring(duo, &mut at);
    }
}

fn read(duo: &Duo, at: usize) -> Vec<String> {
    duo.texts(at).into_iter().filter(|(mine, _)| !mine).map(|(_, text)| text).collect()
}

fn numbers(end: usize) -> Vec<String> {
    (0..end).map(|number| number.to_string()).collect()
}

#[test]
fn of_a_gap_of_forty_all_are_read_late_and_of_forty_one_all_but_the_first() {
    for gap in [40, 41] {
        let mut duo = apart();
        let written = write(&mut duo, gap + 1);
        assert_eq!(written.len(), gap + 1, "nobody is known to be away: each message leaves at once");
        let (late, newest) = written.split_at(gap);
        // Too far ahead: it waits, sealed, and the ratchet is not asked.
        duo.deliver(newest[0]);
        duo.pass(EARLY_PATIENCE / 2);
        assert!(read(&duo, 1).is_empty());
        // Its patience ends: the ratchet skips what is missing, and keeps the keys of forty.
        duo.pass(EARLY_PATIENCE);
        late.iter().rev().for_each(|number| duo.deliver(*number));
        let expected = if gap == 40 { numbers(gap + 1) } else { Vec::new() };
        assert_eq!(read(&duo, 1), expected, "gap of {gap}");
        // What could not be read is sealed anew, and what was read behind it is shown with it.
        heal(&mut duo);
        assert_eq!(read(&duo, 1), numbers(gap + 1));
    }
}

#[test]
fn two_thousand_and_one_messages_without_word_never_make_a_gap_that_the_ratchet_refuses() {
    for messages in [2_000, 2_001] {
        let mut duo = apart();
        let written = write(&mut duo, messages);
        // The ratchet refuses gaps above 2 000. A sender without word stops at its window, and the rest waits.
        assert!(written.len() <= CONTENT_SLOTS as usize, "{}", written.len());
        duo.deliver(*written.last().expect("some left"));
        duo.pass(EARLY_PATIENCE + Duration::from_secs(1));
        assert!(read(&duo, 1).is_empty(), "what stands behind a gap is held");
        heal(&mut duo);
        assert_eq!(read(&duo, 1), numbers(messages));
    }
}

#[test]
fn a_message_that_comes_four_turns_late_is_read_and_six_turns_late_is_asked_for_anew() {
    for turns in [4, 6] {
        let mut duo = apart();
        let late = write(&mut duo, 1)[0];
        let mut at = late + 1;
        for turn in 1..=turns {
            // Each turn changes the direction twice, and with it the ratchet's key on both sides.
            for who in [1, 0] {
                say(&mut duo, who, &turn.to_string());
                bring(&mut duo, &mut at);
            }
        }
        assert!(read(&duo, 1).is_empty(), "what follows is held");
        duo.deliver(late);
        let expected = if turns == 4 { numbers(turns + 1) } else { Vec::new() };
        assert_eq!(read(&duo, 1), expected, "after {turns} turns");
        heal(&mut duo);
        assert_eq!(read(&duo, 1), numbers(turns + 1));
        assert_eq!(read(&duo, 0).len(), turns);
    }
}
