//! For tests: two engines and a wire between them, and everything that went over it on record.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use proto::frame::Frame;
use proto::id::{LinkId, Moment, PeerName, Prefix};
use proto::link::Role;
use proto::router::{Crossing, MailboxId};
use proto::store::{Batch, MemoryStore, Overlay, Store};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::receive::Road;
use super::{Answer, Command, Engine, Input, LinkKind, Now, Output, Policy, Ticket, Turn};
use crate::content::ConversationId;
use crate::conversation::Span;
use crate::event::Event;

/// One of the two.
pub(super) struct Side {
    pub(super) store: MemoryStore,
    pub(super) engine: Engine,
    pub(super) events: Vec<Event>,
    /// All that was ever committed.
    pub(super) commits: Vec<Batch>,
}

/// An envelope on the wire: who sent it, where it lay, what it was.
#[derive(Clone)]
pub(super) struct Recorded {
    pub(super) from: usize,
    pub(super) prefix: Prefix,
    pub(super) blob: Vec<u8>,
}

pub(super) struct Duo {
    pub(super) sides: [Side; 2],
    pub(super) now: Moment,
    pub(super) recorded: Vec<Recorded>,
    pub(super) rng: ChaCha20Rng,
    /// The last invite that was given out.
    pub(super) invite: String,
    /// Every frame that was sent, and by whom.
    pub(super) said: Vec<(usize, Vec<u8>)>,
    /// What left in each slot, over all lives of both.
    slots: BTreeMap<Prefix, Vec<u8>>,
    /// Frames on the wire, and to whom they go.
    wire: VecDeque<(usize, Vec<u8>)>,
    /// Whose words the wire swallows.
    muted: [bool; 2],
}

const LINK: LinkId = LinkId(1);
/// A direct link and two mailboxes.
pub(super) const ROADS: u32 = 3;

impl Side {
    fn new(name: &str, policy: Policy, rng: &mut ChaCha20Rng) -> Self {
        let mut store = MemoryStore::new();
        let mut batch = Batch::new();
        Engine::create(name, &mut Overlay::new(&store, &mut batch), rng);
        store.commit(batch.clone()).expect("memory takes all");
        let mut engine = open(&store, Moment(0));
        engine.set_policy(policy);
        Self { store, engine, events: Vec::new(), commits: vec![batch] }
    }
}

/// Opens what is in a store.
pub(super) fn open(store: &MemoryStore, now: Moment) -> Engine {
    let now = Now { moment: now, label_ms: None };
    Engine::load(now, &Overlay::new(store, &mut Batch::new())).expect("a profile is there")
}

impl Duo {
    /// Two people who met over the wire and have given each other all that they give.
    pub(super) fn new(policy: Policy) -> Self {
        let mut duo = Self::strangers(policy);
        let invite = duo.invite();
        duo.ask(1, Command::Accept { text: invite, name: None });
        duo.connect();
        duo.rest();
        duo
    }

    /// Two people who do not know each other.
    pub(super) fn strangers(policy: Policy) -> Self {
        let mut rng = ChaCha20Rng::from_seed([7; 32]);
        let sides = [Side::new("alice", policy, &mut rng), Side::new("bob", policy, &mut rng)];
        Self {
            sides,
            now: Moment(0),
            recorded: Vec::new(),
            rng,
            invite: String::new(),
            said: Vec::new(),
            slots: BTreeMap::new(),
            wire: VecDeque::new(),
            muted: [false; 2],
        }
    }

    /// The first of them invites somebody.
    pub(super) fn invite(&mut self) -> String {
        match self.ask(0, Command::Invite { expiry_days: 30 }) {
            Answer::Invite(text) => self.invite = text,
            other => panic!("an invite was asked for, not {other:?}"),
        }
        self.invite.clone()
    }

    fn connect(&mut self) {
        let names = [b"one", b"two"].map(|name| PeerName::new(name).expect("a name"));
        for at in 0..2 {
            let role = [Role::Dialer, Role::Listener][at];
            let kind = LinkKind::Direct { role, local: names[at].clone(), remote: names[1 - at].clone() };
            self.turn(at, vec![Input::LinkUp(LINK, kind)]);
        }
        self.carry();
    }

    /// The disk of one is lost, and what a backup holds of it is put in its place.
    pub(super) fn lose_disk(&mut self, at: usize) {
        let (mut batch, mut kept) = (Batch::new(), Vec::new());
        let overlay = Overlay::new(&self.sides[at].store, &mut batch);
        Engine::back_up(&overlay, |record| {
            kept.push(record);
            Ok::<_, proto::store::StoreError>(())
        })
        .expect("memory works");
        let (mut store, mut batch) = (MemoryStore::new(), Batch::new());
        let mut overlay = Overlay::new(&store, &mut batch);
        kept.iter().for_each(|record| Engine::restore(record, &mut overlay).expect("it was backed up"));
        Engine::finish_restore(&mut overlay).expect("a profile was backed up");
        store.commit(batch).expect("memory takes all");
        self.put_disk(at, store);
    }

    /// One of them goes on with another disk.
    pub(super) fn put_disk(&mut self, at: usize, store: MemoryStore) {
        self.open_again(at, &store);
        self.sides[at].store = store;
        self.turn(1 - at, vec![Input::LinkDown(LINK)]);
        self.connect();
        self.rest();
    }

    /// The link between the two breaks, and does not come back by itself.
    pub(super) fn part(&mut self) {
        (0..2).for_each(|at| drop(self.turn(at, vec![Input::LinkDown(LINK)])));
        self.wire.clear();
    }

    /// The two have a link again.
    pub(super) fn meet(&mut self) {
        self.connect();
        self.rest();
    }

    /// One of them ends in order and starts again.
    pub(super) fn start_again(&mut self, at: usize) {
        self.turn(at, vec![Input::Closing]);
        let store = self.sides[at].store.reopen();
        self.open_again(at, &store);
        self.turn(1 - at, vec![Input::LinkDown(LINK)]);
        self.connect();
    }

    fn open_again(&mut self, at: usize, store: &MemoryStore) {
        let policy = self.sides[at].engine.policy;
        self.sides[at].engine = open(store, self.now);
        self.sides[at].engine.set_policy(policy);
    }

    /// From now on nothing that one of them sends comes to the other.
    pub(super) fn mute(&mut self, at: usize) {
        self.muted[at] = true;
    }

    /// What one of them sends comes again, over a fresh link.
    pub(super) fn unmute(&mut self, at: usize) {
        self.muted[at] = false;
        (0..2).for_each(|at| drop(self.turn(at, vec![Input::LinkDown(LINK)])));
        self.wire.clear();
        self.connect();
        self.rest();
    }

    /// Hands an envelope on record to whom it was for, by the first mailbox.
    pub(super) fn deliver(&mut self, number: usize) {
        self.deliver_by(1, number);
    }

    /// Hands an envelope on record to whom it was for, out of all order, by one of [`ROADS`] roads: the direct link, which
    /// wants an answer soon, or a mailbox, whose list tells a position.
    pub(super) fn deliver_by(&mut self, road: u32, number: usize) {
        let Recorded { from, prefix, blob } = self.recorded[number].clone();
        let road = match road {
            0 => Road::Link(LINK),
            mailbox => Road::Mailbox(MailboxId(mailbox), self.recorded.len() as u64),
        };
        self.act(1 - from, |engine, turn| {
            engine.arrive(Crossing::Arriving(prefix), &blob, road, turn).expect("memory works");
        });
    }

    /// The texts of both in the order in which one of them sees them.
    pub(super) fn texts(&self, at: usize) -> Vec<(bool, String)> {
        let mut batch = Batch::new();
        let side = &self.sides[at];
        let overlay = Overlay::new(&side.store, &mut batch);
        let number = side.engine.by_conversation[&self.conversation()];
        let conversation = &side.engine.conversations[&number];
        let page = conversation.read(number, Span::Newest, 10_000, &overlay).expect("memory works");
        page.messages.into_iter().map(|m| (m.mine, m.text.unwrap_or_default())).collect()
    }

    /// The conversation of the two.
    pub(super) fn conversation(&self) -> ConversationId {
        ConversationId::between(&self.sides[0].engine.account(), &self.sides[1].engine.account())
    }

    pub(super) fn ask(&mut self, at: usize, command: Command) -> Answer {
        let outputs = self.turn(at, vec![Input::Command(Ticket(1), command)]);
        self.carry();
        let answer = outputs.into_iter().find_map(|output| match output {
            Output::Answer(_, answer) => Some(answer),
            _ => None,
        });
        answer.expect("each command is answered").expect("it is granted")
    }

    /// One writes to the other, and both come to rest.
    pub(super) fn write(&mut self, at: usize, text: &str) {
        let conversation = self.conversation();
        self.ask(at, Command::Send { conversation, text: text.into(), reply_to: None });
        self.rest();
    }

    /// Lets a little time pass, with all that falls due within it.
    pub(super) fn rest(&mut self) {
        self.pass(Duration::from_secs(30));
    }

    /// Lets time pass, with all that falls due within it.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now.plus(time);
        loop {
            let due = self.sides.iter().filter_map(|side| side.engine.next_wake(self.now)).min();
            let Some(due) = due.filter(|at| *at <= end) else { break };
            self.now = self.now.max(due);
            (0..2).for_each(|at| drop(self.turn(at, vec![Input::Wake])));
            self.carry();
        }
        self.now = self.now.max(end);
    }

    /// Hands over what is on the wire, and what comes of it, in order.
    fn carry(&mut self) {
        while let Some((to, frame)) = self.wire.pop_front() {
            if !self.muted[1 - to] {
                self.turn(to, vec![Input::Frame(LINK, frame)]);
            }
        }
    }

    /// Somebody else brings something to one of them.
    pub(super) fn bring(&mut self, at: usize, input: Input) {
        self.turn(at, vec![input]);
        self.carry();
    }

    /// One turn. What it sends is on the wire then.
    fn turn(&mut self, at: usize, inputs: Vec<Input>) -> Vec<Output> {
        self.act(at, |engine, turn| {
            for input in inputs {
                engine.handle(input, turn.now, turn.overlay, turn.rng).expect("memory works");
            }
        })
    }

    /// One turn in which a test does what it likes. What it sends is on the wire then.
    pub(super) fn act(&mut self, at: usize, act: impl FnOnce(&mut Engine, &mut Turn<'_, '_>)) -> Vec<Output> {
        let of_them = self.sides[1 - at].engine.pairs.values();
        let repair_tags = of_them.flat_map(|pair| pair.keys().repair_tags.clone());
        let repair_tags: Vec<Prefix> = repair_tags.map(|tag| tag.prefix()).collect();
        let side = &mut self.sides[at];
        let now = Now { moment: self.now, label_ms: None };
        let mut batch = Batch::new();
        let mut overlay = Overlay::new(&side.store, &mut batch);
        act(&mut side.engine, &mut Turn { now, overlay: &mut overlay, rng: &mut self.rng });
        side.engine.settle(now, &mut overlay, &mut self.rng).expect("memory works");
        if !batch.is_empty() {
            side.commits.push(batch.clone());
        }
        side.store.commit(batch).expect("memory takes all");
        let mut kept = Vec::new();
        for output in side.engine.take_outputs() {
            match output {
                Output::Send(_, frame) => {
                    if let Ok(Frame::Push(push)) = Frame::decode(&frame) {
                        let blob = push.blob.bytes().to_vec();
                        // A second repair may take the slot of the first; nothing else takes one twice.
                        let of_repair = repair_tags.contains(&push.prefix);
                        let before = self.slots.entry(push.prefix).or_insert_with(|| blob.clone());
                        assert!(of_repair || *before == blob, "{at} has put two things into one slot");
                        self.recorded.push(Recorded { from: at, prefix: push.prefix, blob });
                    }
                    self.said.push((at, frame.clone()));
                    self.wire.push_back((1 - at, frame));
                }
                Output::Event(event) => side.events.push(event),
                other => kept.push(other),
            }
        }
        kept
    }
}
