//! For tests: receipts that are shared, and gaps that close over much.

use super::super::duo::Duo;
use super::super::{Command, Policy};
use super::*;
use crate::content::{Body, TEXT_BYTES_MAX};

#[test]
fn a_busy_link_shares_receipts_and_a_burst_does_not_wait_for_one() {
    let mut duo = Duo::new(Policy { rekey_messages: u32::MAX, ..Policy::default() });
    duo.rest();
    let say = |duo: &mut Duo, text: String| {
        let conversation = duo.conversation();
        duo.ask(0, Command::Send { conversation, text, reply_to: None })
    };
    let receipts = |duo: &Duo| duo.recorded.iter().filter(|envelope| envelope.from == 1).count();
    let before = receipts(&duo);
    for number in 0..50 {
        say(&mut duo, format!("one of a hundred a second, {number}"));
        duo.pass(Duration::from_millis(10));
    }
    let shared = receipts(&duo) - before;
    assert!((1..=2).contains(&shared), "{shared} receipts in half a second");
    duo.rest();
    let before = receipts(&duo);
    for number in 0..4 * RECEIPT_ENVELOPES {
        say(&mut duo, format!("all at once, {number}"));
    }
    let hurried = receipts(&duo) - before;
    assert!((4..=5).contains(&hurried), "{hurried} receipts in no time");
    duo.rest();
    assert_eq!(duo.texts(1).len(), 50 + 4 * RECEIPT_ENVELOPES);
}

/// Texts of the second that the link has not carried, as items of the stream, each as long as it can be.
fn long_items(duo: &mut Duo, count: usize) -> Vec<Vec<u8>> {
    let engine = &mut duo.sides[1].engine;
    let device = engine.device_id();
    let conversation = engine.conversations.values_mut().next().expect("they have met");
    let mut previous = None;
    let item = |number: usize| {
        let text = format!("{number:05}").repeat(TEXT_BYTES_MAX / 5);
        let body = Body::Text { text, reply_to: None, fade: None };
        let content = Content { previous, ..conversation.compose(device, body, None, [7; 32]) }.encode();
        previous = Some(Content::id(&content));
        Item::Message(content).encode()
    };
    (0..count).map(item).collect()
}

#[test]
fn what_a_closed_gap_sets_free_is_read_over_turns_and_all_of_it_comes() {
    const HELD: usize = 900;
    let mut duo = Duo::new(Policy::default());
    let mut items = long_items(&mut duo, HELD + 1);
    let (closer, party) = (items.remove(0), Party(1));
    let pair = &duo.sides[0].engine.pairs[&party];
    let (generation, next, ack) = (pair.sending().number, pair.receiver.upto() + 1, Ack::default());
    let half = pair.receiver.half().expect("the stream has begun");
    let read = |duo: &Duo| duo.sides[0].engine.pairs[&party].receiver.upto() + 1 - next;
    let take = |duo: &mut Duo, first: u64, items: Vec<Vec<u8>>| {
        let segment = Segment { first, items, ack: ack.clone(), sealed: first, half };
        let mut sated = false;
        duo.act(0, |engine, turn| {
            let road = Road::Mailbox(MailboxId(1), 0);
            engine.take_segment(party, generation, segment, road, turn).expect("memory works");
            sated = engine.is_sated();
        });
        sated
    };
    assert!(!take(&mut duo, next + 1, items), "it is held");
    assert_eq!(read(&duo), 0);
    assert!(take(&mut duo, next, vec![closer]), "more inputs are for the next turn");
    let most = (RELEASED_BYTES_MAX / TEXT_BYTES_MAX + 1) as u64;
    assert!((most / 2..=most).contains(&read(&duo)), "{}", read(&duo));
    assert!(!duo.sides[0].engine.is_sated());
    // The rest goes on in another life.
    duo.start_again(0);
    duo.rest();
    assert_eq!(read(&duo), HELD as u64 + 1);
    assert_eq!(duo.texts(0).len(), HELD + 1);
}
