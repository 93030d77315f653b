//! For tests: a thief who speaks with what was copied, before or after suspicion has burnt an offer.

use std::time::Duration;

use proto::id::{Moment, Party};
use proto::router::Router;
use proto::store::{Batch, MemoryStore, Overlay, Store};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::super::duo::{Duo, Recorded, open};
use super::{DOCS, talk};
use crate::contact::ContactState;
use crate::engine::{Command, Engine, Input, Now, Policy, Ticket};
use crate::event::ContactId;

/// What each of the two calls the other.
const CONTACT: ContactId = ContactId(1);
/// Time for all that is tried again.
const DAYS: Duration = Duration::from_secs(8 * 24 * 3_600);

/// A copy of a device that is used by somebody else.
struct Impostor {
    store: MemoryStore,
    engine: Engine,
    rng: ChaCha20Rng,
}

impl Impostor {
    fn new(copy: &MemoryStore, now: Moment, seed: u8) -> Self {
        let store = copy.reopen();
        Self { engine: open(&store, now), store, rng: ChaCha20Rng::from_seed([seed; 32]) }
    }

    /// Does something with the copy, and hands what it would send to the other side.
    fn speak(&mut self, duo: &mut Duo, commands: Vec<Command>) {
        let now = Now { moment: duo.now, label_ms: None };
        let mut batch = Batch::new();
        let mut overlay = Overlay::new(&self.store, &mut batch);
        for command in commands {
            let input = Input::Command(Ticket(1), command);
            self.engine.handle(input, now, &mut overlay, &mut self.rng).expect("memory works");
        }
        self.engine.settle(now, &mut overlay, &mut self.rng).expect("memory works");
        self.engine.take_outputs();
        self.store.commit(batch).expect("memory takes all");
        let outbox = self.store.iter().filter(|(key, _)| key.0 == proto::tables::OUTBOX.id);
        for (_, record) in outbox {
            let (envelope, _) = Router::envelope_of(record).expect("one of the outbox");
            if duo.recorded.iter().all(|known| known.prefix != envelope.tag.prefix()) {
                let blob = envelope.blob.bytes().to_vec();
                duo.recorded.push(Recorded { from: 0, prefix: envelope.tag.prefix(), blob });
                duo.deliver(duo.recorded.len() - 1);
            }
        }
    }
}

/// The first device was copied. Its owner or the other side suspects so, or nobody does, and then the thief takes new
/// keys with the offer in the copy and writes; or the thief is first.
fn talked(suspects: Option<usize>, is_thief_first: bool, seed: u8) -> Duo {
    let mut duo = Duo::new(Policy::default());
    talk(&mut duo, 3);
    let mut thief = Impostor::new(&duo.sides[0].store, duo.now, seed);
    let text = "the thief's".into();
    let words = Command::Send { conversation: duo.conversation(), text, reply_to: None };
    let mut speak = |duo: &mut Duo| {
        thief.speak(duo, vec![Command::Suspect(CONTACT), words.clone()]);
        duo.rest();
    };
    if is_thief_first {
        speak(&mut duo);
    }
    if let Some(who) = suspects {
        duo.ask(who, Command::Suspect(CONTACT));
        duo.rest();
    }
    if !is_thief_first {
        speak(&mut duo);
    }
    duo.write(0, "the owner's");
    duo.write(1, "to whom?");
    duo.pass(DAYS);
    duo
}

fn has(duo: &Duo, at: usize, text: &str) -> bool {
    duo.texts(at).iter().any(|(_, found)| found == text)
}

fn is_closed(duo: &Duo) -> bool {
    duo.sides[1].engine.contacts[&Party(1)].state == ContactState::Failed
}

#[test]
fn an_offer_that_was_used_or_burnt_gives_who_copied_it_nothing() {
    for suspects in [0, 1] {
        for seed in 1..=4 {
            let mut duo = talked(Some(suspects), false, seed);
            assert!(!has(&duo, 1, "the thief's"), "{suspects} suspected first");
            assert!(has(&duo, 1, "the owner's") && has(&duo, 0, "to whom?"));
            duo.ask(0, Command::CallBack);
            duo.pass(DAYS);
            assert!(is_closed(&duo));
        }
    }
}

#[test]
fn a_thief_who_speaks_first_has_the_conversation_until_the_owner_comes_back_from_a_backup_and_calls_back() {
    for suspects in [None, Some(0), Some(1)] {
        for seed in 1..=4 {
            let mut duo = talked(suspects, true, seed);
            // It is who was first that decides, whatever the names of the generations.
            assert!(has(&duo, 1, "the thief's"), "{suspects:?}");
            assert!(!has(&duo, 1, "the owner's"), "{suspects:?}");
            assert!(!has(&duo, 0, "to whom?"), "{suspects:?}");
            // Only the repair drop lies outside of what the thief has taken over.
            duo.lose_disk(0);
            duo.ask(0, Command::CallBack);
            duo.pass(DAYS);
            assert!(is_closed(&duo), "{suspects:?}");
        }
    }
    assert!(DOCS.contains(
        "A thief who *sends* with the offer in the copy before the owner does takes the conversation over"
    ));
}

#[test]
fn what_the_owner_calls_back_on_the_device_does_not_pass_a_thief_who_spoke_first() {
    let mut duo = talked(Some(0), true, 1);
    duo.ask(0, Command::CallBack);
    duo.pass(DAYS);
    assert!(!is_closed(&duo));
    // A backup of the device that was called back brings the word along.
    duo.lose_disk(0);
    duo.pass(DAYS);
    assert!(is_closed(&duo));
}
