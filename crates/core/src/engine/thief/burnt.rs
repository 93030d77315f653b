//! For tests: a thief who speaks with what was copied, before or after suspicion has burnt an offer.

use std::time::Duration;

use proto::id::{Moment, Party};
use proto::router::{Crossing, MailboxId, Router};
use proto::store::{Batch, MemoryStore, Overlay, Store};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::super::duo::{Duo, Recorded, open};
use super::super::receive::Road;
use super::{DOCS, rob, talk};
use crate::contact::ContactState;
use crate::engine::{Command, Engine, Input, Now, Policy, Ticket, Turn};
use crate::event::{ContactId, Event, Notice};

/// What each of the two calls the other.
pub(super) const CONTACT: ContactId = ContactId(1);
pub(super) const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Time for all that is tried again.
const DAYS: Duration = Duration::from_secs(8 * DAY.as_secs());

/// A copy of a device that is used by somebody else.
pub(super) struct Impostor {
    store: MemoryStore,
    engine: Engine,
    rng: ChaCha20Rng,
}

impl Impostor {
    pub(super) fn new(copy: &MemoryStore, now: Moment, seed: u8) -> Self {
        let store = copy.reopen();
        Self { engine: open(&store, now), store, rng: ChaCha20Rng::from_seed([seed; 32]) }
    }

    /// The copy says that it comes out of a backup.
    pub(super) fn restored(copy: &MemoryStore, now: Moment, seed: u8) -> Self {
        let (mut store, mut batch) = (copy.reopen(), Batch::new());
        Engine::mark_restored(&mut Overlay::new(&store, &mut batch));
        store.commit(batch).expect("memory takes all");
        Self::new(&store, now, seed)
    }

    /// One turn of the copy.
    pub(super) fn act(&mut self, now: Moment, act: impl FnOnce(&mut Engine, &mut Turn<'_, '_>)) {
        let now = Now { moment: now, label_ms: None };
        let mut batch = Batch::new();
        let mut overlay = Overlay::new(&self.store, &mut batch);
        act(&mut self.engine, &mut Turn { now, overlay: &mut overlay, rng: &mut self.rng });
        self.engine.settle(now, &mut overlay, &mut self.rng).expect("memory works");
        self.engine.take_outputs();
        self.store.commit(batch).expect("memory takes all");
    }

    /// Reads what the other side has sent, as far as the copy can.
    pub(super) fn listen(&mut self, duo: &Duo) {
        for Recorded { prefix, blob, .. } in duo.recorded.iter().filter(|envelope| envelope.from == 1) {
            let road = Road::Mailbox(MailboxId(1), 0);
            self.act(duo.now, |engine, turn| {
                engine.arrive(Crossing::Arriving(*prefix), blob, road, turn).expect("memory works");
            });
        }
    }

    /// Does something with the copy, and hands what it would send to the other side.
    pub(super) fn speak(&mut self, duo: &mut Duo, commands: Vec<Command>) {
        self.act(duo.now, |engine, turn| {
            for command in commands {
                let input = Input::Command(Ticket(1), command);
                engine.handle(input, turn.now, turn.overlay, turn.rng).expect("memory works");
            }
        });
        bring(&self.store, duo, 0);
    }
}

/// Hands all that waits in an outbox to the other side, by a mailbox.
pub(super) fn bring(store: &MemoryStore, duo: &mut Duo, from: usize) {
    let outbox = store.iter().filter(|(key, _)| key.0 == proto::tables::OUTBOX.id);
    for (_, record) in outbox {
        let (envelope, _) = Router::envelope_of(record).expect("one of the outbox");
        let (prefix, blob) = (envelope.tag.prefix(), envelope.blob.bytes().to_vec());
        if duo.recorded.iter().all(|known| known.prefix != prefix || known.blob != blob) {
            duo.recorded.push(Recorded { from, prefix, blob });
            duo.deliver(duo.recorded.len() - 1);
        }
    }
}

/// The first device is copied, and its owner or the other side may suspect so.
pub(super) struct Theft {
    pub(super) duo: Duo,
    pub(super) copy: MemoryStore,
    pub(super) thief: Impostor,
}

impl Theft {
    pub(super) fn new(seed: u8) -> Self {
        let mut duo = Duo::new(Policy::default());
        talk(&mut duo, 3);
        let copy = duo.sides[0].store.clone();
        let thief = Impostor::new(&copy, duo.now, seed);
        Self { duo, copy, thief }
    }

    pub(super) fn says(&self, text: &str) -> Command {
        Command::Send { conversation: self.duo.conversation(), text: text.into(), reply_to: None }
    }

    /// The thief takes new keys with the offer in the copy, and writes in them.
    pub(super) fn speaks(&mut self) {
        let words = self.says("the thief's");
        self.thief.speak(&mut self.duo, vec![Command::Suspect(CONTACT), words]);
        self.duo.rest();
    }

    /// The other side answers whoever spoke, and a thief who listens answers that.
    pub(super) fn goes_on(&mut self) {
        self.duo.write(1, "to the thief");
        self.thief.listen(&self.duo);
        let words = self.says("the thief's again");
        self.thief.speak(&mut self.duo, vec![words]);
        self.duo.rest();
    }

    pub(super) fn suspects(&mut self, who: usize) {
        self.duo.ask(who, Command::Suspect(CONTACT));
        self.duo.rest();
    }

    /// Both write, to whom it may concern.
    pub(super) fn write(&mut self) {
        self.duo.write(0, "the owner's");
        self.duo.write(1, "to whom?");
    }

    pub(super) fn has(&self, at: usize, text: &str) -> bool {
        self.duo.texts(at).iter().any(|(_, found)| found == text)
    }

    pub(super) fn told(&self, at: usize, wanted: &Notice) -> usize {
        let is_wanted = |event: &&Event| matches!(event, Event::Notice(notice) if notice == wanted);
        self.duo.sides[at].events.iter().filter(is_wanted).count()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.duo.sides[1].engine.contacts[&Party(1)].state == ContactState::Failed
    }

    /// A thief has spoken first and was answered; the owner suspects so, and both have met again.
    pub(super) fn healed(seed: u8) -> Self {
        let mut theft = Self::new(seed);
        theft.speaks();
        theft.goes_on();
        theft.suspects(0);
        theft.write();
        theft.duo.pass(DAY * 2);
        assert!(theft.has(1, "the owner's") && theft.has(0, "to whom?"), "{seed}");
        theft
    }
}

#[test]
fn an_offer_that_was_used_or_burnt_gives_who_copied_it_nothing() {
    for suspects in [0, 1] {
        for seed in 1..=4 {
            let mut theft = Theft::new(seed);
            theft.suspects(suspects);
            theft.speaks();
            theft.write();
            theft.duo.pass(DAYS);
            assert!(!theft.has(1, "the thief's"), "{suspects} suspected first");
            assert!(theft.has(1, "the owner's") && theft.has(0, "to whom?"));
            let anew = Notice::BeginsAnew(CONTACT);
            assert_eq!(theft.told(0, &anew) + theft.told(1, &anew), 0, "new keys were heard in time");
            theft.duo.ask(0, Command::CallBack);
            theft.duo.rest();
            assert!(theft.is_closed());
            assert_eq!(theft.told(1, &Notice::ContactRestored(CONTACT)), 0);
        }
    }
}

#[test]
fn a_thief_who_speaks_first_has_the_conversation_as_long_as_nobody_suspects() {
    for seed in 1..=4 {
        let mut theft = Theft::new(seed);
        theft.speaks();
        theft.write();
        theft.duo.pass(DAYS);
        // It is who was first that decides, whatever the names of the generations.
        assert!(theft.has(1, "the thief's") && !theft.has(1, "the owner's") && !theft.has(0, "to whom?"));
        // Only the repair drop lies outside of what the thief has taken over.
        theft.duo.lose_disk(0);
        theft.duo.pass(DAYS);
        assert!(theft.has(1, "the owner's") && theft.has(0, "to whom?"));
    }
    assert!(DOCS.contains(
        "A thief who *sends* with the offer in the copy before the owner does takes the conversation over"
    ));
}

#[test]
fn a_suspicion_that_nobody_answers_for_a_day_of_use_goes_by_the_repair_drop_and_the_two_meet_again() {
    for (who, seed) in [0, 1].into_iter().flat_map(|who| (1..=4).map(move |seed| (who, seed))) {
        let mut theft = Theft::new(seed);
        theft.speaks();
        theft.suspects(who);
        theft.write();
        theft.duo.pass(Duration::from_secs(23 * 3_600));
        assert!(!theft.has(1, "the owner's") && !theft.has(0, "to whom?"), "{who} suspects");
        theft.duo.pass(DAY);
        assert!(theft.has(1, "the owner's") && theft.has(0, "to whom?"), "{who} suspects");
        let [ours, theirs] = [0, 1].map(|at| theft.duo.texts(at).len());
        assert_eq!((ours, theirs), (8, 9), "all once, and the thief's one word");
        // Each of the two is told of it in one sentence.
        assert_eq!(theft.told(who, &Notice::BeginsAnew(CONTACT)), 1);
        assert_eq!(theft.told(who, &Notice::MetAgain(CONTACT)), 1);
        assert_eq!(theft.told(1 - who, &Notice::ContactRestored(CONTACT)), 1);
        // What is written from then on rests on nothing that was copied.
        theft.duo.rest();
        let from = theft.duo.recorded.len();
        talk(&mut theft.duo, 5);
        assert!(theft.has(1, "to bob 4") && theft.has(0, "to alice 4"));
        let loot = rob(&theft.copy, &theft.duo.recorded);
        assert_eq!(loot.read.range(from..).count() + loot.linked.range(from..).count(), 0, "{who} suspects");
    }
    assert!(DOCS.contains("once a suspicion has stood for a day of use without an answer"));
}

#[test]
fn a_suspicion_of_the_other_side_that_the_thief_answers_leaves_the_conversation_with_the_thief() {
    let mut theft = Theft::new(1);
    theft.speaks();
    theft.goes_on();
    theft.suspects(1);
    theft.thief.listen(&theft.duo);
    let words = theft.says("and with the new keys");
    theft.thief.speak(&mut theft.duo, vec![words]);
    theft.write();
    theft.duo.pass(DAYS);
    assert!(theft.has(1, "and with the new keys") && !theft.has(1, "the owner's"));
    assert_eq!(theft.told(1, &Notice::BeginsAnew(CONTACT)), 0);
    // The owner's own suspicion is another matter.
    theft.suspects(0);
    theft.duo.pass(DAY * 2);
    assert!(theft.has(1, "the owner's") && theft.has(0, "to whom?"));
    assert!(DOCS.contains("if a thief answers their new keys, they do not go that way at all"));
}

#[test]
fn a_suspicion_waits_a_day_over_starts_and_a_second_one_does_not_make_it_wait_longer() {
    let mut theft = Theft::new(1);
    theft.speaks();
    theft.suspects(0);
    theft.write();
    theft.duo.pass(DAY / 2);
    theft.duo.start_again(0);
    theft.suspects(0);
    theft.duo.pass(DAY / 2);
    assert_eq!(theft.told(0, &Notice::BeginsAnew(CONTACT)), 1);
    theft.duo.rest();
    assert!(theft.has(1, "the owner's"));
}

#[test]
fn who_suspects_a_contact_that_is_away_begins_anew_each_week_and_nothing_is_lost_or_doubled() {
    let mut duo = Duo::new(Policy::default());
    talk(&mut duo, 3);
    duo.part();
    let conversation = duo.conversation();
    let send = |text: &str| Command::Send { conversation, text: text.into(), reply_to: None };
    duo.ask(0, send("before"));
    duo.ask(1, send("from afar"));
    for _ in 0..20 {
        duo.ask(0, Command::Suspect(CONTACT));
        duo.pass(DAY);
    }
    duo.ask(0, send("after"));
    duo.ask(1, send("and on"));
    let anew = |duo: &Duo| {
        let is_anew = |event: &&Event| matches!(event, Event::Notice(Notice::BeginsAnew(_)));
        duo.sides[0].events.iter().filter(is_anew).count()
    };
    assert_eq!(anew(&duo), 3, "after the first day, and the eighth, and the fifteenth");
    duo.meet();
    duo.pass(DAY);
    let texts = |at: usize| duo.texts(at).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
    assert_eq!(texts(0), texts(1));
    assert_eq!(texts(0).len(), 10);
    assert_eq!(anew(&duo), 3);
}

#[test]
fn the_repair_drop_is_used_for_suspicion_once_in_seven_days_of_use() {
    let mut theft = Theft::healed(1);
    let anew = Notice::BeginsAnew(CONTACT);
    assert_eq!(theft.told(0, &anew), 1);
    // Nobody hears the owner any more, who suspects every day.
    for day in 0..5 {
        let copy = theft.copy.clone();
        Impostor::restored(&copy, theft.duo.now, 100 + day).speak(&mut theft.duo, Vec::new());
        theft.suspects(0);
        theft.duo.pass(DAY);
    }
    assert_eq!(theft.told(0, &anew), 1);
    theft.duo.pass(DAY * 2);
    assert_eq!(theft.told(0, &anew), 2);
    theft.duo.write(0, "there again");
    assert!(theft.has(1, "there again"));
}

#[test]
fn what_the_thief_can_do_after_that_is_to_begin_anew_as_well_until_a_call_back() {
    let mut theft = Theft::healed(2);
    let restored = Notice::ContactRestored(CONTACT);
    assert_eq!(theft.told(1, &restored), 1);
    // The other side has given up the generation that the thief began.
    let words = theft.says("in the old keys");
    theft.thief.speak(&mut theft.duo, vec![words]);
    assert!(!theft.has(1, "in the old keys"));
    theft.duo.write(1, "to the owner");
    assert!(theft.has(0, "to the owner"));
    theft.thief.listen(&theft.duo);
    // The copy can say that it was restored: it takes the conversation over anew, and the other side is told so.
    let words = theft.says("restored");
    let copy = theft.copy.clone();
    Impostor::restored(&copy, theft.duo.now, 9).speak(&mut theft.duo, vec![words]);
    assert_eq!(theft.told(1, &restored), 2);
    assert!(theft.has(1, "restored"));
    theft.duo.write(1, "to the thief anew");
    assert!(!theft.has(0, "to the thief anew"));
    // A call-back ends it, whoever was last.
    theft.duo.ask(0, Command::CallBack);
    theft.duo.rest();
    assert!(theft.is_closed());
    for row in [
        "they give up all keys from before at once",
        "The thief can begin anew in the same way, as often as eight places and 30 days allow",
    ] {
        assert!(DOCS.contains(row), "{row}");
    }
}

#[test]
fn nobody_falls_back_to_the_keys_of_a_thief_after_a_return_from_a_backup() {
    let mut theft = Theft::new(3);
    theft.speaks();
    theft.goes_on();
    theft.duo.lose_disk(0);
    theft.duo.pass(DAY);
    // What comes late of the old device may matter, so the other side still reads it, and so the thief's.
    let words = theft.says("in the old keys");
    theft.thief.speak(&mut theft.duo, vec![words]);
    assert!(theft.has(1, "in the old keys"));
    // The other side begins the next generation, and has no word of it yet.
    theft.duo.mute(0);
    theft.duo.write(1, "muted");
    theft.duo.ask(1, Command::Suspect(CONTACT));
    theft.duo.rest();
    let pair = &theft.duo.sides[1].engine.pairs[&Party(1)];
    assert!(!pair.sending().is_heard(), "it waits for word");
    // The thief, who has an offer of theirs from before, begins one in the generation that was taken over.
    let before = theft.duo.recorded.len();
    theft.thief.speak(&mut theft.duo, vec![Command::Suspect(CONTACT)]);
    assert!(theft.duo.recorded.len() > before);
    let pair = &theft.duo.sides[1].engine.pairs[&Party(1)];
    assert!(pair.is_current(pair.sending().number));
    theft.duo.unmute(0);
    theft.duo.write(1, "to the owner alone");
    assert!(theft.has(0, "to the owner alone"));
}

#[test]
fn what_the_owner_calls_back_on_the_device_passes_a_thief_who_spoke_first() {
    for (is_suspected, seed) in [false, true].into_iter().flat_map(|is| (1..=4).map(move |seed| (is, seed))) {
        let mut theft = Theft::new(seed);
        theft.speaks();
        theft.goes_on();
        if is_suspected {
            theft.suspects(0);
        }
        theft.write();
        assert!(!theft.has(1, "the owner's"));
        theft.duo.ask(0, Command::CallBack);
        theft.duo.rest();
        assert!(theft.is_closed());
        assert_eq!(theft.told(1, &Notice::DeviceCalledBack(CONTACT)), 1);
        assert_eq!(theft.told(1, &Notice::ContactRestored(CONTACT)), 0, "one sentence is enough");
        let copy = theft.copy.clone();
        Impostor::restored(&copy, theft.duo.now, 9).speak(&mut theft.duo, Vec::new());
        assert!(theft.is_closed());
    }
    assert!(DOCS.contains("A call-back from the device itself goes by the repair drop too"));
}

#[test]
fn a_call_back_is_said_by_one_repair_that_stays_and_one_more_start_says_no_other() {
    let mut duo = Duo::new(Policy::default());
    talk(&mut duo, 3);
    duo.mute(0);
    let repairs = |duo: &Duo| -> std::collections::BTreeSet<proto::id::Prefix> {
        let tags = duo.sides[1].engine.pairs[&Party(1)].keys().repair_tags.clone();
        let tags: Vec<_> = tags.iter().map(proto::id::Tag::prefix).collect();
        duo.recorded.iter().map(|envelope| envelope.prefix).filter(|prefix| tags.contains(prefix)).collect()
    };
    duo.ask(0, Command::CallBack);
    duo.pass(DAYS);
    duo.start_again(0);
    duo.ask(0, Command::CallBack);
    duo.pass(DAYS * 4);
    assert_eq!(repairs(&duo).len(), 1);
    assert_eq!(
        duo.sides[0].engine.pairs[&Party(1)].generations().filter(|g| g.depth == crate::pair::APART).count(),
        1
    );
    // It is enough by itself.
    let alone = *repairs(&duo).first().expect("it was said");
    let number = duo.recorded.iter().position(|envelope| envelope.prefix == alone).expect("it was recorded");
    duo.deliver(number);
    assert_eq!(duo.sides[1].engine.contacts[&Party(1)].state, ContactState::Failed);
}

#[test]
fn a_call_back_counts_also_when_a_repair_of_the_thief_has_overtaken_it() {
    let mut theft = Theft::healed(4);
    theft.duo.mute(0);
    let from = theft.duo.recorded.len();
    theft.duo.ask(0, Command::CallBack);
    let said: Vec<usize> = (from..theft.duo.recorded.len()).collect();
    let copy = theft.copy.clone();
    Impostor::restored(&copy, theft.duo.now, 9).speak(&mut theft.duo, Vec::new());
    assert_eq!(theft.told(1, &Notice::ContactRestored(CONTACT)), 2);
    // Of what the owner said the list in the stream comes, and not the repair.
    let tags: Vec<_> = theft.duo.sides[1].engine.pairs[&Party(1)].keys().repair_tags.clone();
    let is_repair =
        |number: &usize| tags.iter().any(|tag| tag.prefix() == theft.duo.recorded[*number].prefix);
    let (repair, stream): (Vec<usize>, Vec<usize>) = said.into_iter().partition(is_repair);
    assert_eq!(repair.len(), 1);
    assert!(!theft.is_closed());
    stream.into_iter().for_each(|number| theft.duo.deliver(number));
    assert!(theft.is_closed());
}
