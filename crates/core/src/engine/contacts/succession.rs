//! Whose conversation it is when somebody is met a second time.

use proto::id::Party;

use super::super::duo::Duo;
use super::super::{Answer, Command, Policy};
use crate::contact::ContactState;
use crate::conversation::encode;
use crate::event::ContactId;
use crate::tables;

/// The other one, as each of the two knows them.
const OTHER: Party = Party(1);
/// A contact from an earlier meeting that failed.
const FAILED: Party = Party(9);

#[test]
fn to_remove_a_failed_contact_takes_nothing_from_who_has_taken_the_conversation_over() {
    let mut duo = Duo::new(Policy::default());
    duo.write(1, "kept");
    duo.act(0, |engine, turn| {
        let mut failed = engine.contacts[&OTHER].clone();
        failed.state = ContactState::Failed;
        engine.contacts.insert(FAILED, failed);
        engine.put_contact(FAILED, turn);
    });
    duo.start_again(0);
    duo.ask(0, Command::RemoveContact(ContactId(FAILED.0)));
    duo.write(1, "comes here");
    duo.write(0, "goes there");
    assert_eq!(duo.texts(0), duo.texts(1).into_iter().map(|(mine, text)| (!mine, text)).collect::<Vec<_>>());
    assert_eq!(duo.texts(0).len(), 3);
}

/// So a profile stood in which a failed contact was removed before that was so.
#[test]
fn a_contact_whose_conversation_was_removed_or_is_another_ones_gets_one_of_its_own() {
    for other in [false, true] {
        let mut duo = Duo::new(Policy::default());
        duo.write(1, "lost");
        let ours = duo.conversation();
        duo.act(0, |engine, turn| {
            let number = engine.by_conversation.remove(&ours).expect("they have met");
            let mut conversation = engine.conversations.remove(&number).expect("it is there");
            let name = tables::name(number);
            for place in turn
                .overlay
                .range(&tables::MESSAGE, &name, 0..=u64::MAX, proto::store::Direction::Ascending, 9)
                .expect("memory works")
            {
                turn.overlay.delete(&tables::MESSAGE, &name, place.0);
            }
            turn.overlay.delete(&tables::CONVERSATION, b"", number.into());
            engine.dirty_conversations.clear();
            if other {
                conversation.id = crate::content::ConversationId([9; 16]);
                conversation.party = FAILED.0;
                turn.overlay.put(&tables::CONVERSATION, b"", number.into(), encode(&conversation));
            }
        });
        duo.start_again(0);
        duo.write(1, "comes here");
        duo.write(0, "goes there");
        assert_eq!(duo.texts(0), [(false, "comes here".into()), (true, "goes there".into())]);
        assert_eq!(duo.texts(1).len(), 3);
        let Answer::Contacts(contacts) = duo.ask(0, Command::Contacts) else { panic!("contacts") };
        assert_eq!(contacts[0].conversation, Some(ours));
        // And it is kept so.
        duo.start_again(0);
        assert_eq!(duo.texts(0).len(), 2);
    }
}

/// In the very life in which it happens, too: what is acknowledged has a place.
#[test]
fn nothing_that_comes_is_acknowledged_and_thrown_away_for_want_of_a_conversation() {
    let mut duo = Duo::new(Policy::default());
    let ours = duo.conversation();
    duo.act(0, |engine, turn| {
        let number = engine.by_conversation.remove(&ours).expect("they have met");
        engine.conversations.remove(&number);
        engine.dirty_conversations.clear();
        turn.overlay.delete(&tables::CONVERSATION, b"", number.into());
    });
    duo.write(1, "is not lost");
    assert_eq!(duo.texts(0), [(false, "is not lost".into())]);
}
