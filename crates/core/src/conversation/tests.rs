//! For tests: choices, what came late, parts of a conversation, and gaps in what the other side wrote.

use proto::store::{Batch, MemoryStore, Store as _};

use super::*;

#[test]
fn a_choice_stands_after_the_one_it_replaces_whatever_came_since() {
    let (store, mut batch) = (MemoryStore::new(), Batch::new());
    let mut talk = Conversation::new(ConversationId([1; 16]), 1);
    let mut overlay = Overlay::new(&store, &mut batch);
    let mut take = |talk: &mut Conversation, content: &Content, mine| {
        talk.insert(1, &content.encode(), content, mine, None, &mut overlay).expect("inserted")
    };
    // They choose at the end of a chain of their own, and then say many things that follow nothing.
    for n in 0..9 {
        let body = if n == 8 { Body::Fade(None) } else { Body::Unknown { kind: 9 } };
        let content = talk.compose([2; 16], body, None, [n; 32]);
        take(&mut talk, &content, false);
    }
    for n in 0..HEADS_MAX as u8 {
        let body = Body::Unknown { kind: 9 };
        let content = Content { deps: Vec::new(), ..talk.compose([2; 16], body, None, [100 + n; 32]) };
        take(&mut talk, &content, false);
    }
    let content = talk.compose([3; 16], Body::Fade(Some(60)), None, [7; 32]);
    take(&mut talk, &content, true);
    assert_eq!(talk.fade, Some(60));
}

#[test]
fn what_is_written_at_the_highest_number_can_be_read_and_so_can_what_stands_beside_rubbish() {
    let (store, mut batch) = (MemoryStore::new(), Batch::new());
    let mut talk = Conversation::new(ConversationId([1; 16]), 1);
    let mut overlay = Overlay::new(&store, &mut batch);
    talk.my_sequence = SEQUENCE_MAX - 1;
    for salt in 0..3 {
        let body = Body::Text { text: salt.to_string(), reply_to: None, fade: None };
        let content = talk.compose([2; 16], body, None, [salt; 32]);
        assert_eq!(content.sequence, SEQUENCE_MAX);
        talk.insert(1, &content.encode(), &content, true, None, &mut overlay).expect("inserted");
    }
    let rubbish = MessageRecord { mine: true, late: false, gap: false, label_ms: None, content: vec![0xff] };
    overlay.put(&tables::MESSAGE, &tables::name(1), u64::MAX >> 1, encode(&rubbish));
    let page = talk.read(1, Span::Newest, 10, &overlay).expect("it can be read");
    let texts: Vec<Option<&str>> = page.messages.iter().map(|message| message.text.as_deref()).collect();
    assert_eq!(texts, [Some("0"), Some("1"), Some("2"), None]);
    assert_eq!(newest(1, &overlay).expect("it can be read").expect("there").text, None);
    let (own, next) = own_after(1, SEQUENCE_MAX - 1, u64::MAX, 9, &overlay).expect("it can be read");
    assert_eq!((own.len(), next), (3, None));
}

#[test]
fn what_is_put_before_something_that_was_seen_or_written_here_is_marked_and_nothing_else() {
    let (store, mut batch) = (MemoryStore::new(), Batch::new());
    let mut talk = Conversation::new(ConversationId([1; 16]), 1);
    let mut overlay = Overlay::new(&store, &mut batch);
    let mut salt = 0;
    // A message that follows these, at a time that no rule asks for: the clock goes backwards all along.
    let mut say = |talk: &mut Conversation, mine: bool, after: &[MessageId]| {
        salt += 1;
        let body = Body::Text { text: salt.to_string(), reply_to: None, fade: None };
        let composed = talk.compose([2; 16], body, None, [salt; 32]);
        let content = match mine {
            true => composed,
            false => Content { previous: None, deps: after.to_vec(), ..composed },
        };
        let clock = Some(1_000_000 - u64::from(salt));
        match talk.insert(1, &content.encode(), &content, mine, clock, &mut overlay).expect("inserted") {
            Inserted::New(id, place) => {
                if mine {
                    talk.wrote_at(place);
                }
                (id, place, record_at(1, place, &overlay).expect("read").expect("there").late)
            }
            Inserted::Known => panic!("it is new"),
        }
    };
    let (first, ..) = say(&mut talk, false, &[]);
    let (second, seen, _) = say(&mut talk, false, &[first]);
    let (third, _, in_order) = say(&mut talk, false, &[second]);
    let (_, _, above_the_unseen) = say(&mut talk, false, &[]);
    assert_eq!((in_order, above_the_unseen), (false, false), "nobody had seen anything");

    talk.seen_up_to(seen);
    let (_, at, above_the_seen) = say(&mut talk, false, &[]);
    assert!(at < seen && above_the_seen);
    let (_, at, below_the_seen) = say(&mut talk, false, &[second]);
    assert!(at > seen && !below_the_seen, "it stands among what is still to be read");

    let (own, written, mine) = say(&mut talk, true, &[]);
    assert!(!mine, "one's own never comes late");
    let (_, at, above_the_own) = say(&mut talk, false, &[third]);
    assert_eq!(above_the_own, at < written);
    let (_, at, far_above_the_own) = say(&mut talk, false, &[second]);
    assert!(at > seen && at < written && far_above_the_own);
    let (.., answer) = say(&mut talk, false, &[own]);
    assert!(!answer);
}

/// All messages of a run are sealed anew when one of them is deleted, in one commit.
#[test]
fn many_that_follow_nothing_fill_no_run_and_all_of_them_are_there() {
    let (mut store, mut batch) = (MemoryStore::new(), Batch::new());
    let mut talk = Conversation::new(ConversationId([1; 16]), 1);
    let count = 5 * RUN_MESSAGES_MAX + 9;
    for n in 0..count {
        // A life ends now and then, and what was counted is forgotten.
        if n % 300 == 0 {
            talk = decode(&encode(&talk)).expect("its own record");
            store.commit(std::mem::take(&mut batch)).expect("kept");
        }
        let body = Body::Text { text: n.to_string(), reply_to: None, fade: None };
        let mut content = talk.compose([2; 16], body, None, [0; 32]);
        if n % 50 > 0 {
            (content.previous, content.deps) = (None, Vec::new());
        }
        let mine = n % 50 == 0;
        let mut overlay = Overlay::new(&store, &mut batch);
        let inserted = talk.insert(1, &content.encode(), &content, mine, None, &mut overlay);
        assert!(matches!(inserted, Ok(Inserted::New(..))));
    }
    store.commit(batch).expect("kept");
    let places = store.orders(&tables::MESSAGE, &tables::name(1), 0, usize::MAX).expect("memory works");
    assert_eq!(places.len(), count);
    let mut runs = std::collections::BTreeMap::new();
    for place in places {
        *runs.entry(run_of(Place(place).lamport())).or_insert(0) += 1;
    }
    let fullest = runs.values().max().expect("messages");
    assert!(*fullest <= RUN_MESSAGES_MAX + tables::RUN_DEPTHS as usize, "{runs:?}");
    assert!(*fullest >= RUN_MESSAGES_MAX, "the bound was met: {runs:?}");
}

#[test]
fn a_run_that_was_emptied_takes_messages_again() {
    let (store, mut batch) = (MemoryStore::new(), Batch::new());
    let mut talk = Conversation::new(ConversationId([1; 16]), 1);
    let mut overlay = Overlay::new(&store, &mut batch);
    let mut take = |talk: &mut Conversation, salt: u16| {
        let salt = [salt.to_be_bytes(); 16].concat().try_into().expect("32 bytes");
        let mut content = talk.compose([2; 16], Body::Unknown { kind: 9 }, None, salt);
        (content.previous, content.deps) = (None, Vec::new());
        match talk.insert(1, &content.encode(), &content, false, None, &mut overlay).expect("inserted") {
            Inserted::New(_, place) => {
                overlay.delete(&tables::MESSAGE, &tables::name(1), place.0);
                place.lamport()
            }
            Inserted::Known => panic!("it is new"),
        }
    };
    let depths: Vec<u64> = (0..2 * RUN_MESSAGES_MAX as u16).map(|salt| take(&mut talk, salt)).collect();
    assert!(depths.iter().all(|depth| *depth == 1), "each was deleted before the next one came");
}

fn talk(count: u64) -> (Conversation, MemoryStore) {
    let (mut store, mut batch) = (MemoryStore::new(), Batch::new());
    let mut talk = Conversation::new(ConversationId([1; 16]), 1);
    let mut overlay = Overlay::new(&store, &mut batch);
    for n in 0..count {
        let body = Body::Text { text: n.to_string(), reply_to: None, fade: None };
        let content = talk.compose([2; 16], body, None, [0; 32]);
        talk.insert(1, &content.encode(), &content, n % 2 == 0, None, &mut overlay).expect("inserted");
    }
    store.commit(batch).expect("kept");
    (talk, store)
}

fn read(talk: &Conversation, store: &MemoryStore, span: Span) -> (Vec<u64>, bool, bool, Page) {
    let mut batch = Batch::new();
    let page = talk.read(1, span, 10, &Overlay::new(store, &mut batch)).expect("read");
    let numbers = page.messages.iter().filter_map(|m| m.text.as_ref()?.parse().ok()).collect();
    (numbers, page.more, page.newer, page)
}

#[test]
fn every_part_of_a_conversation_can_be_read_and_says_what_lies_beyond() {
    let (mut talk, store) = talk(100);
    let ten = |from: u64| (from..from + 10).collect::<Vec<_>>();
    let (numbers, more, newer, page) = read(&talk, &store, Span::Newest);
    assert_eq!((numbers, more, newer), (ten(90), true, false));
    let oldest = page.messages[0].place;
    assert_eq!(page.newest, page.messages[9].place);

    let (numbers, more, newer, page) = read(&talk, &store, Span::Before(oldest));
    assert_eq!((numbers, more, newer), (ten(80), true, true));
    let (numbers, more, newer, _) = read(&talk, &store, Span::After(page.messages[9].place));
    assert_eq!((numbers, more, newer), (ten(90), true, false));

    let fiftieth = read(&talk, &store, Span::Before(page.messages[0].place)).3.messages[0].clone();
    for span in [Span::Around(fiftieth.place), Span::Message(fiftieth.id)] {
        let (numbers, more, newer, _) = read(&talk, &store, span);
        assert_eq!((numbers, more, newer), (ten(65), true, true));
    }
    let (numbers, more, newer, _) = read(&talk, &store, Span::Around(Place(0)));
    assert_eq!((numbers, more, newer), (ten(0), false, true));
    let (numbers, more, newer, _) = read(&talk, &store, Span::Message(MessageId([0; 32])));
    assert_eq!((numbers, more, newer), (ten(90), true, false), "what is not here leads to the end");

    talk.seen_up_to(fiftieth.place);
    let (numbers, _, _, page) = read(&talk, &store, Span::Unread);
    assert_eq!((numbers, page.read), (ten(66), fiftieth.place));
}

#[test]
fn the_other_side_is_told_the_number_below_the_first_gap_whatever_the_order() {
    let run = |numbers: &[u64]| {
        let mut conversation = Conversation::new(ConversationId([1; 16]), 1);
        numbers.iter().for_each(|number| conversation.note_theirs(*number));
        (conversation.their_run(), conversation.their_sequence)
    };
    for (numbers, expected) in [
        (&[][..], (0, 0)),
        (&[1, 2, 3], (3, 3)),
        (&[3, 1], (1, 3)),
        (&[5, 1, 3, 2], (3, 5)),
        (&[5, 1, 3, 2, 4, 4], (5, 5)),
        (&[2, 0, 9, 1], (2, 9)),
        (&[u64::MAX], (0, u64::MAX)),
    ] {
        assert_eq!(run(numbers), expected, "{numbers:?}");
    }
    // Of more gaps than are kept none is forgotten: more is asked for than is missing.
    let odd: Vec<u64> = (0..4 * GAPS_MAX as u64).map(|number| 2 * number + 1).collect();
    let highest = 8 * GAPS_MAX as u64 - 1;
    assert_eq!(run(&odd), (1, highest));
    assert_eq!(run(&[odd, (1..=highest).collect()].concat()), (highest, highest));
}
