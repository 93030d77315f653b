//! Proofs: a relay that moves is found again, nobody's word keeps it from being found, and no contact fills the table.

use std::time::Duration;

use crypto::key::{Secret32, SignSecret, X25519Secret};
use crypto::seal::Class;
use crypto::slot::Chain;
use proto::descriptor::{RelayDescriptor, RelayFacts};
use proto::envelope::{Blob, Envelope};
use proto::frame::Frame;
use proto::id::{Address, LinkId, Moment, Party, PeerName};
use proto::router::{Crossing, MailboxId};
use proto::store::{Batch, MemoryStore, Overlay, Store};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::seeking::CONNECTED_MAX;
use crate::contact::{ContactRecord, ContactState};
use crate::content::{Reach, RelayRef};
use crate::engine::{Answer, Command, Engine, Input, LinkKind, Now, Output, Ticket, Turn};

/// One device, and where its turns lead.
struct Life {
    store: MemoryStore,
    engine: Engine,
    now: Moment,
    rng: ChaCha20Rng,
    outputs: Vec<Output>,
}

impl Life {
    fn new() -> Self {
        let (mut store, mut rng) = (MemoryStore::new(), ChaCha20Rng::from_seed([5; 32]));
        let mut batch = Batch::new();
        Engine::create("alice", &mut Overlay::new(&store, &mut batch), &mut rng);
        store.commit(batch).expect("memory takes all");
        let now = Now { moment: Moment(0), label_ms: None };
        let engine = Engine::load(now, &Overlay::new(&store, &mut Batch::new())).expect("a profile is there");
        Self { store, engine, now: Moment(0), rng, outputs: Vec::new() }
    }

    fn turn<T>(&mut self, act: impl FnOnce(&mut Engine, &mut Turn<'_, '_>) -> T) -> T {
        let now = Now { moment: self.now, label_ms: None };
        let mut batch = Batch::new();
        let mut overlay = Overlay::new(&self.store, &mut batch);
        let done = act(&mut self.engine, &mut Turn { now, overlay: &mut overlay, rng: &mut self.rng });
        self.engine.settle(now, &mut overlay, &mut self.rng).expect("memory works");
        self.store.commit(batch).expect("memory takes all");
        self.outputs.extend(self.engine.take_outputs());
        done
    }

    fn input(&mut self, input: Input) {
        self.turn(|engine, turn| engine.handle(input, turn.now, turn.overlay, turn.rng))
            .expect("memory works");
    }

    fn add(&mut self, command: Command) -> MailboxId {
        self.input(Input::Command(Ticket(1), command));
        let added = self.outputs.iter().rev().find_map(|output| match output {
            Output::Answer(_, Ok(Answer::Relay(number))) => Some(MailboxId(number.0)),
            _ => None,
        });
        added.expect("it is a relay")
    }

    fn name(&mut self, id: [u8; 16], at: u8) -> MailboxId {
        let named = RelayRef { id, address: address(at).as_str().to_owned() };
        self.turn(|engine, turn| engine.know_relay(&named, turn)).expect("there is room")
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.plus(time);
        self.input(Input::Wake);
    }

    /// Where relays were looked for since this was last asked, each by the last part of its first address.
    fn dialled(&mut self) -> Vec<(MailboxId, Vec<Address>)> {
        let outputs = std::mem::take(&mut self.outputs);
        let connect = |output| match output {
            Output::Connect { mailbox, addresses, .. } => Some((mailbox, addresses)),
            _ => None,
        };
        outputs.into_iter().filter_map(connect).collect()
    }

    /// A contact for whom something waits.
    fn befriend(&mut self, party: u32) {
        let contact = ContactRecord {
            own_name: None,
            their_name: "mallory".into(),
            verified: false,
            state: ContactState::Live,
            account: vec![party as u8; 32],
            cert: None,
            list: None,
            mailboxes: Vec::new(),
            reach_number: None,
            conversation: None,
        };
        let blob = Blob::parse(vec![0; Class::C0.bytes()]).expect("a class");
        let slot = Chain::new(&Secret32::new([party as u8; 32])).next();
        let envelope = Envelope::seal_into(&slot, blob, 30, 0);
        let party = Party(party);
        self.turn(|engine, turn| {
            engine.contacts.insert(party, contact);
            let crossing = Crossing::Leaving {
                party,
                envelope: &envelope,
                deletion: None,
                mailboxes: &[],
                makes_room: false,
            };
            engine.router.accept(crossing, turn.now.moment, turn.overlay)
        })
        .expect("memory works");
    }
}

fn address(at: u8) -> Address {
    Address::parse(&format!("/ip4/10.0.0.{at}/tcp/4001")).expect("it is an address")
}

fn signed(sequence: u64, at: &[u8]) -> RelayDescriptor {
    let sign = SignSecret::from_seed(Secret32::new([1; 32]));
    let facts = RelayFacts {
        sign_key: sign.public(),
        request_key: X25519Secret::from_bytes([2; 32]).public(),
        peer: PeerName::new(&[3; 38]).expect("a name"),
        addresses: at.iter().map(|at| address(*at)).collect(),
        ttl_days_max: 30,
        sequence,
    };
    RelayDescriptor::sign(facts, &sign)
}

fn text(sequence: u64, at: &[u8]) -> Command {
    Command::RelayAdd(signed(sequence, at).to_text())
}

fn reach(number: u64, ids: impl Iterator<Item = u8>) -> Reach {
    let relay = |id| RelayRef { id: [id; 16], address: address(id).as_str().to_owned() };
    Reach { number, relays: ids.map(relay).collect() }
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn of_two_words_of_a_relay_the_one_with_the_higher_number_says_where_it_is() {
    let mut life = Life::new();
    let number = life.add(text(1, &[1]));
    assert_eq!(life.dialled(), [(number, vec![address(1)])]);
    assert_eq!(life.add(text(2, &[2, 3])), number);
    assert_eq!(life.dialled(), [(number, vec![address(2), address(3)])]);
    // An old text that somebody pastes replaces nothing.
    assert_eq!(life.add(text(1, &[1])), number);
    assert_eq!(life.dialled(), []);
    assert_eq!(life.engine.home_relays()[0].1.1, address(2));
    // Where it was is looked at when it is not where it says.
    life.pass(MINUTE);
    assert_eq!(life.dialled(), [(number, vec![address(1)])]);
    life.pass(MINUTE);
    assert_eq!(life.dialled(), [(number, vec![address(2), address(3)])]);
}

#[test]
fn a_relay_is_asked_at_each_link_where_it_is_and_believed() {
    let mut life = Life::new();
    let number = life.add(text(1, &[1]));
    let link = LinkId(9);
    life.input(Input::LinkUp(link, LinkKind::Relay(number)));
    let asks =
        |output: &Output| matches!(output, Output::Send(_, frame) if *frame == Frame::Describe.encode());
    assert!(life.outputs.iter().any(asks));
    life.dialled();
    for (sequence, at, moves) in [(1, 4, false), (2, 5, true)] {
        let bytes = signed(sequence, &[at]).bytes().to_vec();
        life.input(Input::Frame(link, Frame::Descriptor(bytes).encode()));
        assert_eq!(!life.dialled().is_empty(), moves);
    }
    assert_eq!(life.engine.home_relays()[0].1.1, address(5));
}

#[test]
fn a_false_address_that_a_contact_names_first_keeps_nobody_from_the_relay() {
    let mut life = Life::new();
    let id = signed(1, &[1]).id().0;
    let number = life.name(id, 66);
    assert_eq!(life.name(id, 1), number);
    life.turn(|engine, turn| engine.make_home(number, turn)).expect("memory works");
    let mut seen = life.dialled();
    life.pass(MINUTE);
    seen.extend(life.dialled());
    let each = [(number, vec![address(66)]), (number, vec![address(1)])];
    assert_eq!(seen, each, "whoever answers there is not known, so each is looked at by itself");
    // Once its own word is here it goes first.
    assert_eq!(life.add(text(1, &[1])), number);
    assert_eq!(life.dialled(), [(number, vec![address(1)])]);
    life.name(id, 77);
    assert_eq!(life.engine.home_relays()[0].1.1, address(1));
}

#[test]
fn an_address_that_others_named_under_a_false_name_is_free_for_the_relay_that_is_there() {
    let mut life = Life::new();
    let false_one = life.name([6; 16], 1);
    let added = life.add(text(1, &[1]));
    assert_ne!(added, false_one);
    assert_eq!(life.add(Command::RelayAddAt(vec![address(1)])), added, "that one has signed for it");
    let mut life = Life::new();
    let false_one = life.name([6; 16], 1);
    assert_ne!(life.add(Command::RelayAddAt(vec![address(1)])), false_one);
}

#[test]
fn a_contact_who_names_ever_new_relays_leaves_three_of_them_and_makes_three_dials_in_a_turn() {
    let mut life = Life::new();
    life.befriend(7);
    life.turn(|engine, _| {
        (1..80).for_each(|n| engine.take_reach(Party(7), reach(u64::from(n), (0..3).map(|k| 3 * n + k))));
    });
    assert_eq!(life.engine.relays.len(), 3);
    let dialled = life.dialled();
    assert!(dialled.len() <= 3, "{dialled:?}");
    let last = life.engine.relays.last_key_value().map(|(number, _)| number.0);
    for n in 1..40 {
        life.turn(|engine, _| {
            engine.take_reach(Party(7), reach(100 + u64::from(n), (0..3).map(|k| 3 * n + k)))
        });
    }
    assert_eq!((life.engine.relays.len(), life.engine.router.mailboxes_named().len()), (3, 3));
    assert!(life.engine.relays.first_key_value().map(|(number, _)| number.0) > last, "no number comes again");
    // What is forgotten is forgotten on disk.
    let now = Now { moment: Moment(0), label_ms: None };
    let again = Engine::load(now, &Overlay::new(&life.store, &mut Batch::new())).expect("a profile is there");
    assert_eq!(again.relays.len(), 3);
}

#[test]
fn not_more_than_64_relays_are_looked_for_at_once_and_each_gets_its_turn() {
    let mut life = Life::new();
    for n in 0..80 {
        life.befriend(u32::from(n) + 1);
        let reach = reach(1, std::iter::once(n + 1));
        life.turn(|engine, _| engine.take_reach(Party(u32::from(n) + 1), reach));
    }
    let mut seen: std::collections::BTreeSet<MailboxId> = life.dialled().into_iter().map(|d| d.0).collect();
    assert_eq!(seen.len(), CONNECTED_MAX);
    // An own one does not wait.
    let own = life.add(text(1, &[200]));
    assert_eq!(life.dialled(), [(own, vec![address(200)])]);
    life.pass(MINUTE);
    seen.extend(life.dialled().into_iter().map(|d| d.0));
    assert_eq!(seen.len(), 80);
}
