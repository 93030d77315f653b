//! A small world of people and relays in one thread: told as stories, repeated from a seed.
//!
//! Each person is the real engine over a store in memory, each relay the real mailbox; only wires and disks are
//! simulated ([`proto::sim`]). Where a story asks for it, people have the sealed store on a disk whose power can be cut.
//! A turn is what a driver makes of it: inputs, settle, one commit, and then the outputs.
//! A machine can be made to die right before or right after a commit. While a world runs it watches four promises at
//! every commit: nobody is told *delivered* before the other side has the message on disk, no message is told twice in
//! one life, no slot of a drop ever takes two blobs in all lives of a device, and no blob is on a wire that was not on
//! disk before. What people did and heard is in the [`Journal`].

mod disk;
mod journal;
mod node;
mod relay;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use crypto::CryptoRng;
use madang_core::engine::{Answer, Command, CommandError};
use madang_core::{
    ContactId, ContactState, ConversationId, Delivery, Event, Message, MessageId, Notice, Step, TrailStep,
};
use proto::id::Address;
use proto::sim::{Host, HostId, Incoming, Port, Sever, Simulator, Wire};
use proto::store::{Direction, LeafRule, MemoryStore, Table};

use disk::Disk;

pub use journal::Journal;
pub use node::{Clock, Node};
pub use proto::mailbox::server::{Quotas, RESERVE_SHARE};
pub use relay::Relay;

/// A person or a relay.
pub type Who = HostId;

/// When a machine dies by its own hand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Doom {
    /// When it would commit the turn that comes after so many others: nothing of that turn happened.
    BeforeCommit(u32),
    /// Right after that commit: it happened, and nobody was told.
    AfterCommit(u32),
}

/// How often machines die in their turns, in turns of a million.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Frailty {
    /// Before the commit.
    pub before_per_million: u32,
    /// After it.
    pub after_per_million: u32,
}

/// Counts turns until a machine dies.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mortality {
    doom: Option<Doom>,
    frailty: Frailty,
}

impl Mortality {
    /// Judges one turn: does the machine die before its commit, or after it?
    fn judge(&mut self, rng: &mut dyn CryptoRng) -> (bool, bool) {
        match &mut self.doom {
            Some(Doom::BeforeCommit(0)) => {
                self.doom = None;
                return (true, false);
            }
            Some(Doom::AfterCommit(0)) => {
                self.doom = None;
                return (false, true);
            }
            Some(Doom::BeforeCommit(turns) | Doom::AfterCommit(turns)) => *turns -= 1,
            None => {}
        }
        let mut drawn = |per_million| per_million > 0 && rng.next_u32() % 1_000_000 < per_million;
        let before = drawn(self.frailty.before_per_million);
        (before, !before && drawn(self.frailty.after_per_million))
    }
}

/// How long a machine that died in its turn stays down.
const DOWN: Duration = Duration::from_secs(7);

/// A machine of this world.
pub enum Machine {
    /// A person's device.
    Node(Box<Node>),
    /// A relay.
    Relay(Box<Relay>),
}

impl Host for Machine {
    fn handle(&mut self, incoming: Vec<Incoming>, port: &mut Port<'_>) {
        match self {
            Self::Node(node) => node.handle(incoming, port),
            Self::Relay(relay) => relay.handle(incoming, port),
        }
    }

    fn crash(&mut self) {
        match self {
            Self::Node(node) => node.crash(),
            Self::Relay(relay) => relay.crash(),
        }
    }
}

/// The core's table of generations, as `docs/protocol/05-ratchet.md` numbers it.
const GENERATIONS: Table = Table { id: 49, name: "generation", leaf: LeafRule::PerRecord };

/// Where a machine listens.
pub(crate) fn address_of(host: HostId) -> Address {
    let [_, a, b, c] = host.0.to_be_bytes();
    Address::parse(&format!("/ip4/10.{a}.{b}.{c}/tcp/4001")).expect("it is an address")
}

/// Who listens there.
pub(crate) fn host_at(address: &Address) -> Option<HostId> {
    let mut parts = address.as_str().strip_prefix("/ip4/10.")?.split(['.', '/']);
    let mut next = || parts.next()?.parse::<u32>().ok();
    Some(HostId((next()? << 16) | (next()? << 8) | next()?))
}

/// Time for what takes one exchange.
pub const MOMENT: Duration = Duration::from_secs(2);
/// Time for receipts through relays and connections that are tried again.
pub const WHILE: Duration = Duration::from_secs(60);
/// A day.
pub const DAY: Duration = Duration::from_secs(24 * 3600);
/// The longest that a story waits for something that must happen.
pub const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// People, relays and the wires between them.
pub struct World {
    /// The network; its faults can be used at will.
    pub sim: Simulator<Machine>,
    journal: Rc<RefCell<Journal>>,
    /// Whether people's disks are modelled.
    on_model: bool,
}

impl World {
    /// An empty world. All chance comes from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { sim: Simulator::new(seed), journal: Rc::default(), on_model: false }
    }

    /// From now on people get a sealed store on a disk whose power can be cut.
    #[must_use]
    pub fn on_modelled_disks(mut self) -> Self {
        self.on_model = true;
        self
    }

    // ---- how stories begin ----

    /// Two people who know nothing of each other, and no road between them.
    #[must_use]
    pub fn two_people(seed: u64) -> (Self, Who, Who) {
        let mut world = Self::new(seed);
        let (alice, bob) = (world.person("alice"), world.person("bob"));
        (world, alice, bob)
    }

    /// Two friends on one network, with no relay.
    #[must_use]
    pub fn friends_next_door(seed: u64) -> (Self, Who, Who) {
        let (mut world, alice, bob) = Self::two_people(seed);
        world.neighbours(alice, bob);
        world.befriend(alice, bob);
        (world, alice, bob)
    }

    /// Two people who know nothing of each other; the first reads their mail at a relay, and could invite.
    #[must_use]
    pub fn host_and_guest(seed: u64) -> (Self, Who, Who, Who) {
        let (mut world, alice, bob) = Self::two_people(seed);
        let relay = world.relay();
        world.use_relay(alice, relay);
        world.pass(WHILE);
        (world, alice, bob, relay)
    }

    /// Two friends who read their mail at one relay with room for all, and are on no common network.
    #[must_use]
    pub fn friends_by_relay(seed: u64) -> (Self, Who, Who, Who) {
        Self::friends_by_relay_with(seed, Quotas::default())
    }

    /// Two friends who read their mail at one relay that gives so much.
    #[must_use]
    pub fn friends_by_relay_with(seed: u64, quotas: Quotas) -> (Self, Who, Who, Who) {
        let (mut world, alice, bob) = Self::two_people(seed);
        let relay = world.relay_with(quotas);
        world.use_relay(alice, relay);
        world.use_relay(bob, relay);
        world.pass(WHILE);
        world.befriend(alice, bob);
        world.pass(WHILE);
        (world, alice, bob, relay)
    }

    /// Two friends, the first of whom reads their mail at the first relay and the second at the second.
    #[must_use]
    pub fn friends_by_two_relays(seed: u64) -> (Self, Who, Who, [Who; 2]) {
        let (mut world, alice, bob) = Self::two_people(seed);
        let relays = [world.relay(), world.relay()];
        world.use_relay(alice, relays[0]);
        world.use_relay(bob, relays[1]);
        world.pass(WHILE);
        world.befriend(alice, bob);
        (world, alice, bob, relays)
    }

    // ---- who there is ----

    /// Adds a person with a device that runs.
    pub fn person(&mut self, name: &str) -> Who {
        let disk = if self.on_model { Disk::sealed(name) } else { Disk::Memory(MemoryStore::new()) };
        let who = self.sim.add(Machine::Node(Box::new(Node::new(name, disk, self.journal.clone()))));
        self.sim.run_for(Duration::ZERO);
        who
    }

    /// Adds a relay with room for all.
    pub fn relay(&mut self) -> Who {
        self.relay_with(Quotas::default())
    }

    /// Adds a relay that gives so much.
    pub fn relay_with(&mut self, quotas: Quotas) -> Who {
        let who = self.sim.add(Machine::Relay(Box::new(Relay::new(quotas))));
        self.sim.run_for(Duration::ZERO);
        who
    }

    /// Adds a machine, which is off, to which a relay may move.
    pub fn place_for(&mut self, relay: Who) -> Who {
        let place = Relay::place_of(relay, self.relay_at(relay));
        let who = self.sim.add(Machine::Relay(Box::new(place)));
        self.sim.stop(who);
        who
    }

    /// A relay says from now on that it is at these machines.
    pub fn announce(&mut self, relay: Who, at: &[Who]) {
        self.off(relay);
        self.relay_mut(relay).announce(at);
        self.on(relay);
    }

    /// A relay moves to another machine with all that it keeps.
    pub fn move_relay(&mut self, from: Who, to: Who) {
        self.off(from);
        let (store, sequence) = self.relay_at(from).estate();
        self.relay_mut(to).take_over(store, sequence);
        self.on(to);
    }

    /// A person's device.
    #[must_use]
    pub fn node(&self, who: Who) -> &Node {
        match self.sim.host(who) {
            Machine::Node(node) => node,
            Machine::Relay(_) => panic!("{who:?} is a relay"),
        }
    }

    /// A person's device, to be changed by the story.
    pub fn node_mut(&mut self, who: Who) -> &mut Node {
        match self.sim.host_mut(who) {
            Machine::Node(node) => node,
            Machine::Relay(_) => panic!("{who:?} is a relay"),
        }
    }

    /// A relay's machine.
    #[must_use]
    pub fn relay_at(&self, who: Who) -> &Relay {
        match self.sim.host(who) {
            Machine::Relay(relay) => relay,
            Machine::Node(_) => panic!("{who:?} is a person"),
        }
    }

    /// A relay's machine, to be changed by the story.
    pub fn relay_mut(&mut self, who: Who) -> &mut Relay {
        match self.sim.host_mut(who) {
            Machine::Relay(relay) => relay,
            Machine::Node(_) => panic!("{who:?} is a person"),
        }
    }

    /// What was written and told so far.
    #[must_use]
    pub fn journal(&self) -> std::cell::Ref<'_, Journal> {
        self.journal.borrow()
    }

    // ---- what people do ----

    /// Asks a person's engine. Nothing comes back if the device is down, or dies over it.
    pub fn ask(&mut self, who: Who, command: Command) -> Option<Result<Answer, CommandError>> {
        self.sim.with(who, |machine, port| match machine {
            Machine::Node(node) => node.ask(command, port),
            Machine::Relay(_) => panic!("{who:?} is a relay"),
        })?
    }

    /// Asks what must succeed.
    pub fn must(&mut self, who: Who, command: Command) -> Answer {
        let asked = format!("{command:?}");
        match self.ask(who, command) {
            Some(Ok(answer)) => answer,
            other => panic!("{who:?} asked {asked} and got {other:?}"),
        }
    }

    /// Two devices that see each other on one network, from now on.
    pub fn neighbours(&mut self, a: Who, b: Who) {
        self.node_mut(a).meet(b);
        self.sim.with(a, |_, port| port.keep(b));
    }

    /// A person leaves their mail at a relay from now on, by its descriptor.
    pub fn use_relay(&mut self, who: Who, relay: Who) {
        let text = self.relay_mut(relay).descriptor_text();
        self.must(who, Command::RelayAdd(text));
    }

    /// A fresh invite of a person's.
    pub fn invite(&mut self, who: Who) -> String {
        self.invite_for(who, 30)
    }

    /// A fresh invite of a person's that is good for so many days.
    pub fn invite_for(&mut self, who: Who, expiry_days: u16) -> String {
        match self.must(who, Command::Invite { expiry_days }) {
            Answer::Invite(text) => text,
            other => panic!("an invite was asked for, not {other:?}"),
        }
    }

    /// A person takes up an invite.
    pub fn accept(&mut self, who: Who, invite: &str) -> ContactId {
        match self.must(who, Command::Accept { text: invite.to_owned(), name: None }) {
            Answer::Contact(contact) => contact,
            other => panic!("a contact was asked for, not {other:?}"),
        }
    }

    /// Two people become contacts, by whatever roads there are.
    pub fn befriend(&mut self, a: Who, b: Who) {
        let invite = self.invite(a);
        self.accept(b, &invite);
        assert!(self.run_until(PATIENCE, |world| world.are_friends(a, b)), "{a:?} and {b:?} never met");
    }

    /// Whether both know that the other is who they are.
    #[must_use]
    pub fn are_friends(&self, a: Who, b: Who) -> bool {
        let live = |x, y| self.state(x, y) == Some(ContactState::Live);
        live(a, b) && live(b, a)
    }

    /// How far a person has come with another.
    #[must_use]
    pub fn state(&self, who: Who, with: Who) -> Option<ContactState> {
        self.contact(who, with).map(|contact| contact.state)
    }

    /// What a person knows of another.
    #[must_use]
    pub fn contact(&self, who: Who, with: Who) -> Option<madang_core::Contact> {
        let account = self.node(with).account();
        let contacts = self.node(who).contacts().into_iter();
        contacts.filter(|c| c.account == Some(account)).max_by_key(|c| c.state == ContactState::Live)
    }

    /// The conversation of two people.
    #[must_use]
    pub fn conversation(&self, a: Who, b: Who) -> ConversationId {
        ConversationId::between(&self.node(a).account(), &self.node(b).account())
    }

    /// A person writes to another. Nothing comes back if the device is down, or dies over it.
    pub fn try_write(&mut self, from: Who, to: Who, text: &str) -> Option<MessageId> {
        let conversation = self.conversation(from, to);
        let known = self.journal.borrow().known_to(from, conversation);
        let command = Command::Send { conversation, text: text.to_owned(), reply_to: None };
        match self.ask(from, command)? {
            Ok(Answer::Sent(id)) => {
                self.journal.borrow_mut().wrote(from, to, conversation, id, known);
                Some(id)
            }
            other => panic!("{from:?} could not write to {to:?}: {other:?}"),
        }
    }

    /// A person writes to another.
    pub fn write(&mut self, from: Who, to: Who, text: &str) -> MessageId {
        self.try_write(from, to, text).expect("the device is up and does not die")
    }

    // ---- what people see ----

    /// All messages of two people as one of them sees them, in order.
    #[must_use]
    pub fn history(&self, who: Who, with: Who) -> Vec<Message> {
        self.node(who).history(self.conversation(who, with))
    }

    /// The words that one person has from another, in order.
    #[must_use]
    pub fn read(&self, who: Who, from: Who) -> Vec<String> {
        let theirs = self.history(who, from).into_iter().filter(|message| !message.mine);
        theirs.map(|message| message.text.unwrap_or_default()).collect()
    }

    /// The generations of two people that live on the device of one of them, by their numbers there, as they are on disk.
    #[must_use]
    pub fn generations(&self, who: Who, with: Who) -> Vec<u32> {
        let party = u64::from(self.contact(who, with).expect("they are contacts").id.0) << 32;
        let orders = party..=party | u64::from(u32::MAX);
        let found = self.node(who).kept().range(&GENERATIONS, b"", orders, Direction::Ascending, 64);
        found.expect("memory can be read").into_iter().map(|(order, _)| order as u32).collect()
    }

    /// How far a message is known to have come, by its author.
    #[must_use]
    pub fn delivery(&self, from: Who, to: Who, id: MessageId) -> Option<Delivery> {
        self.history(from, to).into_iter().find(|message| message.id == id)?.delivery
    }

    /// The steps of a message, by its author.
    pub fn trail(&mut self, from: Who, id: MessageId) -> Vec<Step> {
        match self.must(from, Command::Trail(id)) {
            Answer::Trail(steps) => steps.into_iter().map(|TrailStep { step, .. }| step).collect(),
            other => panic!("a trail was asked for, not {other:?}"),
        }
    }

    /// The notices that a person has had.
    #[must_use]
    pub fn notices(&self, who: Who) -> Vec<Notice> {
        let told = self.node(who).heard().iter();
        told.filter_map(|event| if let Event::Notice(notice) = event { Some(notice.clone()) } else { None })
            .collect()
    }

    // ---- roads and time ----

    /// Parts a person from everybody; their device runs on.
    pub fn away(&mut self, who: Who) -> proto::sim::CutId {
        self.sim.cut([who])
    }

    /// Switches a machine off as a power cut does.
    pub fn off(&mut self, who: Who) {
        self.sim.stop(who);
    }

    /// Switches a machine on.
    pub fn on(&mut self, who: Who) {
        self.sim.start(who);
        self.sim.run_for(Duration::ZERO);
    }

    /// Takes a backup of a person's profile: what is on their disk now.
    #[must_use]
    pub fn backup(&self, who: Who) -> MemoryStore {
        self.node(who).store().clone()
    }

    /// A person's disk is lost, and an earlier backup put in its place.
    pub fn restore(&mut self, who: Who, backup: &MemoryStore) {
        self.off(who);
        self.node_mut(who).restore(backup);
        let conversations: Vec<ConversationId> = self.journal.borrow().conversations().map(|c| c.0).collect();
        let here: BTreeSet<MessageId> =
            conversations.into_iter().flat_map(|id| self.node(who).history(id)).map(|m| m.id).collect();
        self.journal.borrow_mut().lost(who, &here);
        self.on(who);
    }

    /// Somebody goes on with a copy of a person's disk as if nothing had happened since, in place of the device: slots
    /// that were used are used again.
    pub fn resume(&mut self, who: Who, copy: &MemoryStore) {
        self.off(who);
        self.journal.borrow_mut().copied(who);
        self.node_mut(who).put_disk(copy);
        self.on(who);
    }

    /// Crashes a machine, which starts again at once.
    pub fn restart(&mut self, who: Who) {
        self.off(who);
        self.on(who);
    }

    /// Dooms a machine to die in one of its next turns.
    pub fn doom(&mut self, who: Who, doom: Doom) {
        self.mortality(who).doom = Some(doom);
    }

    /// A person gives their profile other words. If the power goes meanwhile, the device falls.
    pub fn change_passphrase(&mut self, who: Who) {
        if self.sim.is_up(who) && !self.node_mut(who).change_passphrase() {
            self.restart(who);
        }
    }

    /// Makes a machine frail from now on.
    pub fn make_frail(&mut self, who: Who, frailty: Frailty) {
        self.mortality(who).frailty = frailty;
    }

    fn mortality(&mut self, who: Who) -> &mut Mortality {
        match self.sim.host_mut(who) {
            Machine::Node(node) => node.mortality(),
            Machine::Relay(relay) => relay.mortality(),
        }
    }

    /// Breaks the direct link of two people after what was sent to the second has come: the word that it came is lost.
    pub fn lose_acks(&mut self, from: Who, to: Who) {
        self.sim.sever(from, to, Sever::Towards(to));
    }

    /// Sets how all wires are that nothing else was said for.
    pub fn wires(&mut self, wire: Wire) {
        self.sim.set_wire(wire);
    }

    /// Lets time pass.
    pub fn pass(&mut self, time: Duration) {
        self.sim.run_for(time);
    }

    /// Lets time pass until something is so, at most for `most`. Returns whether it is.
    pub fn run_until(&mut self, most: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.sim.now().plus(most);
        let mut stride = Duration::from_millis(500);
        loop {
            if done(self) {
                return true;
            }
            if self.sim.now() >= end {
                return false;
            }
            self.sim.run_for(stride);
            stride = (stride * 5 / 4).min(Duration::from_secs(120));
        }
    }

    /// Lets time pass until all that was written has come and all authors know it.
    ///
    /// # Panics
    /// If that does not happen within [`PATIENCE`].
    pub fn settle(&mut self) {
        let settled = self.run_until(PATIENCE, Self::is_settled);
        assert!(settled, "after {} h: {}", self.sim.now().0 / 3_600_000, self.unsettled());
    }

    fn is_settled(&self) -> bool {
        self.undelivered().next().is_none()
    }

    /// Messages that are in their author's history and not known to be delivered.
    fn undelivered(&self) -> impl Iterator<Item = (Who, MessageId)> {
        let kept = self.journal.borrow().undelivered();
        kept.into_iter()
    }

    fn unsettled(&self) -> String {
        let journal = self.journal.borrow();
        let open: Vec<(Who, MessageId)> = self.undelivered().collect();
        let arrived = open.iter().filter(|(who, id)| journal.has_come(*who, *id)).count();
        format!("{} messages are not known to be delivered, of which {arrived} have come", open.len())
    }

    /// Checks what must hold for every conversation once all is settled: both sides have the same messages in the
    /// same order, each once; nothing that was answered as kept is missing; and causes come before their effects.
    ///
    /// # Panics
    /// If it does not hold.
    pub fn check(&self) {
        let journal = self.journal.borrow();
        for (conversation, (a, b)) in journal.conversations() {
            let (mine, theirs) = (self.node(a).history(conversation), self.node(b).history(conversation));
            let ids = |page: &[Message]| page.iter().map(|m| m.id).collect::<Vec<_>>();
            let (order, same) = (ids(&mine), ids(&theirs));
            let once: BTreeSet<MessageId> = order.iter().copied().collect();
            assert_eq!(once.len(), order.len(), "{a:?} has a message twice");
            if order != same {
                let other: BTreeSet<MessageId> = same.iter().copied().collect();
                panic!(
                    "{a:?} and {b:?} see different conversations: {} and {} messages, {} in common",
                    once.len(),
                    other.len(),
                    once.intersection(&other).count(),
                );
            }
            let place: BTreeMap<MessageId, usize> =
                order.iter().enumerate().map(|(at, id)| (*id, at)).collect();
            for (id, causes) in journal.written_in(conversation) {
                let at = place.get(&id).unwrap_or_else(|| panic!("a message of {a:?} and {b:?} is lost"));
                for cause in causes {
                    assert!(
                        place.get(cause).is_some_and(|before| before < at),
                        "an effect stands before its cause"
                    );
                }
            }
            let own = |page: &[Message]| page.iter().map(|m| (m.id, m.mine)).collect::<BTreeMap<_, _>>();
            let (of_a, of_b) = (own(&mine), own(&theirs));
            assert!(of_a.iter().all(|(id, mine)| of_b[id] != *mine), "an author is mistaken");
        }
    }

    /// A number that differs when two runs differ: in who received how many bytes when, in events, ids or order.
    #[must_use]
    pub fn fingerprint(&self) -> (u64, [u8; 32]) {
        (self.sim.fingerprint(), self.journal.borrow().fingerprint())
    }
}
