//! A person's device: the engine, its disk, and a driver that makes turns of what the network brings.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crypto::identity::AccountId;
use madang_core::engine::{
    Answer, Command, CommandError, Engine, Input, LinkKind, Now, Output, Policy, SealJob, Ticket,
};
use madang_core::{Contact, ConversationId, Event, Message, Span};
use proto::frame::Frame;
use proto::id::{Moment, PeerName};
use proto::router::MailboxId;
use proto::sim::{HostId, Incoming, Port};
use proto::store::{Batch, Key, MemoryStore, Overlay, Store};
use proto::tables;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::disk::Disk;
use super::{DOWN, Journal, Mortality, address_of, host_at};

/// What a device's clock says: a label for people, and as wrong as its owner likes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Clock {
    /// Right but for so many milliseconds.
    Off(i64),
    /// Jumps by years whenever it likes, also backwards, and sometimes does not know at all.
    Mad,
}

/// The first of January 2026, in milliseconds since 1970.
const EPOCH_MS: i64 = 1_767_225_600_000;
const YEAR_MS: i64 = 365 * 24 * 3_600_000;

/// A person's device.
pub struct Node {
    disk: Disk,
    /// None while the device is down. Looking at what is kept needs an engine, and changes nothing.
    engine: RefCell<Option<Engine>>,
    account: AccountId,
    /// Relays that the engine wants to be connected to, by who they are.
    relays: BTreeMap<HostId, MailboxId>,
    neighbours: BTreeSet<HostId>,
    clock: Clock,
    policy: Policy,
    /// What the simulation's clock said when this life began: devices count from their own zero.
    born: Moment,
    mortality: Mortality,
    /// What the person was told, over all lives.
    heard: Vec<Event>,
    answers: BTreeMap<Ticket, Result<Answer, CommandError>>,
    tickets: u64,
    journal: Rc<RefCell<Journal>>,
    /// A turn whose commit the power was cut in: nobody knows yet whether it is on disk.
    in_doubt: Option<Written>,
}

/// What a turn wrote, for the journal.
struct Written {
    who: HostId,
    events: Vec<Event>,
    /// Records of the outbox.
    sealed: Vec<Vec<u8>>,
}

impl Node {
    pub(super) fn new(name: &str, mut disk: Disk, journal: Rc<RefCell<Journal>>) -> Self {
        let mut batch = Batch::new();
        // A profile's keys come from its name, so that they are the same in each run.
        let mut rng = seeded(name);
        Engine::create(name, &mut Overlay::new(disk.store(), &mut batch), &mut rng);
        disk.commit(batch).expect("a new profile is small");
        let now = Now { moment: Moment(0), label_ms: None };
        let engine =
            Engine::load(now, &Overlay::new(disk.store(), &mut Batch::new())).expect("it was just written");
        Self {
            account: engine.account(),
            disk,
            engine: RefCell::new(None),
            relays: BTreeMap::new(),
            neighbours: BTreeSet::new(),
            clock: Clock::Off(0),
            policy: Policy::default(),
            born: Moment(0),
            mortality: Mortality::default(),
            heard: Vec::new(),
            answers: BTreeMap::new(),
            tickets: 0,
            journal,
            in_doubt: None,
        }
    }

    pub(super) fn account(&self) -> AccountId {
        self.account
    }

    pub(super) fn meet(&mut self, other: HostId) {
        self.neighbours.insert(other);
    }

    pub(super) fn mortality(&mut self) -> &mut Mortality {
        &mut self.mortality
    }

    /// Sets the clock.
    pub fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// Sets when keys are made anew, from now on and in later lives.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
        if let Some(engine) = self.engine.get_mut() {
            engine.set_policy(policy);
        }
    }

    /// Puts back what was on disk earlier, as a backup does. The device must be down.
    pub fn restore(&mut self, backup: &MemoryStore) {
        self.put_disk(backup);
        let mut batch = Batch::new();
        Engine::mark_restored(&mut Overlay::new(self.disk.store(), &mut batch));
        self.disk.commit(batch).expect("a mark is small");
    }

    /// Puts another disk in place of the device's own. The device must be down.
    pub fn put_disk(&mut self, disk: &MemoryStore) {
        assert!(self.engine.get_mut().is_none(), "a profile in use cannot be put back");
        self.disk = Disk::Memory(disk.clone());
    }

    /// What the person was told, over all lives of the device.
    #[must_use]
    pub fn heard(&self) -> &[Event] {
        &self.heard
    }

    /// What is on disk, for devices that keep it in memory.
    ///
    /// # Panics
    /// If the device's disk is modelled.
    #[must_use]
    pub fn store(&self) -> &MemoryStore {
        match &self.disk {
            Disk::Memory(store) => store,
            Disk::Sealed(_) => panic!("a modelled disk is read through what is kept on it"),
        }
    }

    /// What is on disk, whatever disk it is.
    #[must_use]
    pub fn kept(&self) -> &dyn Store {
        self.disk.store()
    }

    /// Lets so many more changes reach a modelled disk; then its power is gone, and the device falls when it notices.
    pub fn cut_power_after(&mut self, changes: u64) {
        self.disk.cut_power_after(changes);
    }

    /// Changes the passphrase of a modelled disk. Returns whether the power was there for it.
    pub fn change_passphrase(&mut self) -> bool {
        self.disk.change_passphrase()
    }

    /// How often a modelled disk was found after a fall.
    #[must_use]
    pub fn cuts(&self) -> u32 {
        self.disk.cuts()
    }

    /// The messages of a conversation as they are on disk, in order.
    #[must_use]
    pub fn history(&self, conversation: ConversationId) -> Vec<Message> {
        let mut messages = Vec::new();
        let mut span = Span::Newest;
        loop {
            let command = Command::History { conversation, span, limit: 1_000 };
            let Ok(Answer::Page(page)) = self.look(command) else { return messages };
            let more = page.more;
            span = page.messages.first().map_or(span, |oldest| Span::Before(oldest.place));
            messages.splice(0..0, page.messages);
            if !more {
                return messages;
            }
        }
    }

    /// The contacts as they are on disk.
    #[must_use]
    pub fn contacts(&self) -> Vec<Contact> {
        match self.look(Command::Contacts) {
            Ok(Answer::Contacts(contacts)) => contacts,
            other => panic!("contacts were asked for, not {other:?}"),
        }
    }

    /// Asks what changes nothing: the engine that runs, or one that is made from the disk for it.
    fn look(&self, command: Command) -> Result<Answer, CommandError> {
        let mut batch = Batch::new();
        let mut overlay = Overlay::new(self.disk.store(), &mut batch);
        let now = Now { moment: Moment(0), label_ms: None };
        let mut running = self.engine.borrow_mut();
        let mut loaded = None;
        let engine = match &mut *running {
            Some(engine) => engine,
            None => loaded.insert(Engine::load(now, &overlay).expect("the profile opens")),
        };
        let ticket = Input::Command(Ticket(0), command);
        engine.handle(ticket, now, &mut overlay, &mut seeded("nothing is drawn")).expect("the store reads");
        let answer = engine.take_outputs().into_iter().find_map(|output| match output {
            Output::Answer(_, answer) => Some(answer),
            _ => None,
        });
        answer.expect("each command is answered")
    }

    /// Asks the engine that runs. Nothing comes back if the device dies over it.
    pub(super) fn ask(
        &mut self,
        command: Command,
        port: &mut Port<'_>,
    ) -> Option<Result<Answer, CommandError>> {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.turn(vec![Input::Command(ticket, command)], port);
        self.answers.remove(&ticket)
    }

    pub(super) fn handle(&mut self, incoming: Vec<Incoming>, port: &mut Port<'_>) {
        let inputs = incoming.into_iter().filter_map(|event| self.input(event, port)).collect();
        self.turn(inputs, port);
    }

    pub(super) fn crash(&mut self) {
        *self.engine.borrow_mut() = None;
        self.relays.clear();
        self.answers.clear();
        self.disk.fall();
        if let Some(written) = self.in_doubt.take().filter(|_| self.disk.has_last()) {
            self.note(&written, false);
        }
    }

    fn note(&self, written: &Written, told: bool) {
        let mut journal = self.journal.borrow_mut();
        journal.committed(written.who, &written.events.iter().collect::<Vec<_>>(), told);
        written.sealed.iter().for_each(|record| journal.sealed(written.who, record));
    }

    fn input(&mut self, event: Incoming, port: &mut Port<'_>) -> Option<Input> {
        match event {
            Incoming::Started => {
                self.born = port.now();
                let now = self.now(port);
                let engine = Engine::load(now, &Overlay::new(self.disk.store(), &mut Batch::new()));
                let mut engine = engine.expect("what was committed can be opened");
                engine.set_policy(self.policy);
                *self.engine.borrow_mut() = Some(engine);
                for neighbour in &self.neighbours {
                    port.keep(*neighbour);
                }
                None
            }
            Incoming::LinkUp { link, peer, role } => {
                let kind = match self.relays.get(&peer) {
                    Some(mailbox) => LinkKind::Relay(*mailbox),
                    None => LinkKind::Direct { role, local: peer_name(port.me()), remote: peer_name(peer) },
                };
                Some(Input::LinkUp(link, kind))
            }
            Incoming::Frame { link, bytes } => Some(Input::Frame(link, bytes)),
            Incoming::LinkDown { link } => Some(Input::LinkDown(link)),
            Incoming::Wake => Some(Input::Wake),
            Incoming::DialFailed { .. } => None,
        }
    }

    fn turn(&mut self, inputs: Vec<Input>, port: &mut Port<'_>) {
        let now = self.now(port);
        let Some(engine) = self.engine.get_mut() else { return };
        // As a driver with several cores does; a lone input is taken as it comes.
        if inputs.len() > 1 {
            let opened = engine.seal_jobs(&inputs).into_iter().map(SealJob::run).collect();
            engine.opened_ahead(opened);
        }
        let mut batch = Batch::new();
        let mut overlay = Overlay::new(self.disk.store(), &mut batch);
        for input in inputs {
            engine.handle(input, now, &mut overlay, port.rng()).expect("the store works");
        }
        engine.settle(now, &mut overlay, port.rng()).expect("the store works");
        let (dies_before, dies_after) = self.mortality.judge(port.rng());
        if dies_before {
            port.die(DOWN);
            return;
        }
        let outputs = engine.take_outputs();
        let wake = engine.next_wake(now.moment);
        let events = outputs.iter().filter_map(|output| match output {
            Output::Event(event) => Some(event.clone()),
            _ => None,
        });
        let written = Written { who: port.me(), events: events.collect(), sealed: sealed_in(&batch) };
        if !batch.is_empty() && self.disk.commit(batch).is_err() {
            self.in_doubt = Some(written);
            port.die(DOWN);
            return;
        }
        self.note(&written, !dies_after);
        if dies_after {
            port.die(DOWN);
            return;
        }
        for output in outputs {
            self.release(output, port);
        }
        port.wake_at(wake.map(|at| Moment(self.born.0.saturating_add(at.0))));
        if self.disk.maintain().is_err() {
            port.die(DOWN);
        }
    }

    fn release(&mut self, output: Output, port: &mut Port<'_>) {
        match output {
            Output::Send(link, frame) => {
                if let Ok(Frame::Push(push)) = Frame::decode(&frame) {
                    self.journal.borrow().leaves(push.blob.bytes());
                }
                port.send(link, frame);
            }
            Output::Close(link) => port.close(link),
            Output::Connect { mailbox, addresses, .. } => {
                let hosts: BTreeSet<HostId> = addresses.iter().filter_map(host_at).collect();
                self.leave_relay(mailbox, &hosts, port);
                for host in hosts {
                    self.relays.insert(host, mailbox);
                    port.keep(host);
                }
            }
            Output::Disconnect(mailbox) => self.leave_relay(mailbox, &BTreeSet::new(), port),
            Output::Dial(address) => {
                if let Some(host) = host_at(&address) {
                    port.dial(host);
                }
            }
            // Neighbours are dialled again by themselves.
            Output::Keep(_) | Output::Greet => {}
            Output::Event(event) => self.heard.push(event),
            Output::Answer(ticket, answer) => {
                self.answers.insert(ticket, answer);
            }
        }
    }

    /// Looks for a relay at these hosts only.
    fn leave_relay(&mut self, mailbox: MailboxId, but: &BTreeSet<HostId>, port: &mut Port<'_>) {
        let of_it = self.relays.iter().filter(|(host, m)| **m == mailbox && !but.contains(host));
        for host in of_it.map(|(host, _)| *host).collect::<Vec<_>>() {
            self.relays.remove(&host);
            port.release(host);
        }
    }

    fn now(&mut self, port: &mut Port<'_>) -> Now {
        let right = EPOCH_MS + port.now().0 as i64;
        let label = match self.clock {
            Clock::Off(by) => Some(right + by),
            Clock::Mad => {
                let drawn = port.rng().next_u64();
                (drawn % 5 > 0).then(|| right + ((drawn >> 8) % 200) as i64 * YEAR_MS - 50 * YEAR_MS)
            }
        };
        let label_ms = label.and_then(|ms| u64::try_from(ms).ok());
        Now { moment: Moment(port.now().since(self.born).as_millis() as u64), label_ms }
    }
}

/// The records of the outbox that a turn writes.
fn sealed_in(batch: &Batch) -> Vec<Vec<u8>> {
    let outbox = |(key, _, value): (&Key, _, Option<&[u8]>)| {
        value.filter(|_| key.0 == tables::OUTBOX.id).map(<[u8]>::to_vec)
    };
    batch.iter().filter_map(outbox).collect()
}

fn peer_name(host: HostId) -> PeerName {
    PeerName::new(address_of(host).as_str().as_bytes()).expect("an address of ours is short")
}

/// Randomness that belongs to a name.
pub(super) fn seeded(name: &str) -> ChaCha20Rng {
    ChaCha20Rng::from_seed(crypto::hash::hash("sim/name", &[name.as_bytes()]))
}
