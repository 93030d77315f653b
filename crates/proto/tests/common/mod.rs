//! A relay and its users without sockets: frames go from hand to hand, commits happen where a driver would make them.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "each test is a program of its own and uses a part of it"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crypto::key::{Secret32, SignSecret, X25519Secret};
use crypto::seal::Class;
use crypto::slot::{Chain, Slot};
use proto::descriptor::RelayDescriptor;
use proto::envelope::{Blob, Envelope};
use proto::frame::Frame;
use proto::id::{Address, LinkId, Moment, PeerName, Prefix, Tag};
use proto::mailbox::client::{Client, ClientError, ClientEvent, Cursor};
use proto::mailbox::server::{Quotas, RelayKeys, Server, ServerError};
use proto::store::{Batch, MemoryStore, Overlay, Store};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// The same randomness in each run.
pub fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

pub fn keys() -> RelayKeys {
    RelayKeys {
        sign: SignSecret::from_seed(Secret32::new([11; 32])),
        request: X25519Secret::from_bytes([12; 32]),
        peer: PeerName::new(&[13; 38]).expect("a name"),
    }
}

/// A slot of the chain that `seed` begins.
pub fn slots(seed: u8, count: usize) -> Vec<Slot> {
    let mut chain = Chain::new(&Secret32::new([seed; 32]));
    (0..count).map(|_| chain.next()).collect()
}

/// A blob of a class that is told from others by its number.
pub fn blob(class: Class, number: u64) -> Blob {
    let mut bytes = vec![0; class.bytes()];
    rng(number).fill_bytes(&mut bytes);
    Blob::parse(bytes).expect("a class")
}

pub fn envelope(slot: &Slot, class: Class, number: u64) -> Envelope {
    Envelope::seal_into(slot, blob(class, number), 30, 0)
}

/// A relay with a disk.
pub struct Relay {
    pub store: MemoryStore,
    pub server: Server,
    pub descriptor: RelayDescriptor,
    pub quotas: Quotas,
    pub now: Moment,
    pub rng: ChaCha20Rng,
}

impl Relay {
    pub fn new() -> Self {
        Self::with(Quotas::default())
    }

    pub fn with(quotas: Quotas) -> Self {
        let mut rng = rng(1);
        let store = MemoryStore::new();
        let (server, descriptor) = load(&store, &quotas, &mut rng);
        Self { store, server, descriptor, quotas, now: Moment(0), rng }
    }

    /// What a crash at this instant and a new start make of it.
    pub fn crash(&mut self) {
        self.store = self.store.reopen();
        (self.server, self.descriptor) = load(&self.store, &self.quotas, &mut self.rng);
    }

    /// One gather of a driver: frames in, cut, commit, outputs.
    pub fn gather(&mut self, frames: &[(LinkId, Vec<u8>)]) -> Gathered {
        let mut batch = Batch::new();
        let mut errors = Vec::new();
        for (link, frame) in frames {
            let mut overlay = Overlay::new(&self.store, &mut batch);
            let taken = self.server.on_frame(*link, frame, self.now, &mut overlay, &mut self.rng);
            if let Err(error) = taken {
                errors.push((*link, error));
            }
        }
        let mut overlay = Overlay::new(&self.store, &mut batch);
        self.server.cut(&mut overlay, self.now).expect("the store reads");
        let committed = batch.is_empty() || self.store.commit(batch).is_ok();
        let outputs = if committed { self.server.take_outputs() } else { Vec::new() };
        Gathered { outputs, errors, committed }
    }

    /// Lets days of uptime pass.
    pub fn live_through(&mut self, days: u64) {
        self.tick();
        self.now = self.now.plus(Duration::from_secs(86_400 * days));
        self.tick();
    }

    pub fn tick(&mut self) {
        loop {
            let mut batch = Batch::new();
            let mut overlay = Overlay::new(&self.store, &mut batch);
            let more = self.server.tick(self.now, &mut overlay);
            self.store.commit(batch).expect("the store writes");
            if !more {
                return;
            }
        }
    }
}

pub struct Gathered {
    pub outputs: Vec<(LinkId, Vec<u8>)>,
    pub errors: Vec<(LinkId, ServerError)>,
    pub committed: bool,
}

fn load(store: &MemoryStore, quotas: &Quotas, rng: &mut ChaCha20Rng) -> (Server, RelayDescriptor) {
    let mut server = Server::load(keys(), quotas.clone(), store, rng).expect("the store reads");
    let address = Address::parse("/ip4/192.0.2.1/tcp/4001").expect("an address");
    let descriptor = server.descriptor(vec![address], 1);
    (server, descriptor)
}

/// One user of a relay: what it wants, and what it got.
pub struct User {
    pub client: Client,
    pub link: LinkId,
    pub wanted: BTreeSet<Prefix>,
    pub blobs: Vec<Blob>,
    pub events: Vec<ClientEvent>,
    pub outbox: Vec<Vec<u8>>,
    pub rng: ChaCha20Rng,
    pub error: Option<ClientError>,
}

impl User {
    pub fn new(relay: &Relay, link: u64, home: bool) -> Self {
        Self::at(relay, link, home, Cursor::default())
    }

    pub fn at(relay: &Relay, link: u64, home: bool, cursor: Cursor) -> Self {
        Self {
            client: Client::new(&relay.descriptor, cursor, home),
            link: LinkId(link),
            wanted: BTreeSet::new(),
            blobs: Vec::new(),
            events: Vec::new(),
            outbox: Vec::new(),
            rng: rng(100 + link),
            error: None,
        }
    }

    pub fn want(&mut self, slots: &[Slot]) {
        self.wanted.extend(slots.iter().map(|slot| Tag(slot.tag()).prefix()));
    }

    pub fn connect(&mut self, relay: &mut Relay) {
        relay.server.link_up(self.link);
        self.outbox.extend(self.client.on_link_up(&mut self.rng));
    }

    pub fn disconnect(&mut self, relay: &mut Relay) -> Vec<u64> {
        relay.server.link_down(self.link);
        self.outbox.clear();
        self.client.on_link_down()
    }

    pub fn put(&mut self, key: u64, envelope: &Envelope) {
        let frame = self.client.put(key, envelope, &mut self.rng).expect("there is room");
        self.outbox.push(frame);
    }

    pub fn delete(&mut self, slot: &Slot) {
        let order = [(Tag(slot.tag()), slot.sign_delete())];
        let frame = self.client.delete(&order, &mut self.rng).expect("there is room");
        self.outbox.push(frame);
    }

    pub fn take(&mut self, frame: &[u8], now: Moment) {
        let wanted = self.wanted.clone();
        let wants = move |prefix: &Prefix| wanted.contains(prefix);
        match self.client.on_frame(frame, &wants, now, &mut self.rng) {
            Ok(events) => self.note(events),
            Err(error) => self.error = Some(error),
        }
    }

    fn note(&mut self, events: Vec<ClientEvent>) {
        for event in events {
            match event {
                ClientEvent::Send(frame) => self.outbox.push(frame),
                ClientEvent::Blob { blob, .. } => self.blobs.push(blob),
                other => self.events.push(other),
            }
        }
    }

    pub fn stored(&self) -> Vec<u64> {
        let key = |event: &ClientEvent| match event {
            ClientEvent::Stored(key) => Some(*key),
            _ => None,
        };
        self.events.iter().filter_map(key).collect()
    }

    pub fn count(&self, event: &ClientEvent) -> usize {
        self.events.iter().filter(|found| *found == event).count()
    }
}

/// Carries frames to and fro until nobody has anything to say.
pub fn settle(relay: &mut Relay, users: &mut [&mut User]) {
    for _ in 0..10_000 {
        let mut frames = Vec::new();
        for user in users.iter_mut() {
            frames.extend(user.outbox.drain(..).map(|frame| (user.link, frame)));
        }
        if frames.is_empty() && relay.server.cut_due().is_none() {
            return;
        }
        relay.now = relay.now.plus(Duration::from_millis(1));
        let gathered = relay.gather(&frames);
        assert_eq!(gathered.errors, []);
        let mut by_link: BTreeMap<LinkId, Vec<Vec<u8>>> = BTreeMap::new();
        for (link, frame) in gathered.outputs {
            by_link.entry(link).or_default().push(frame);
        }
        for user in users.iter_mut() {
            for frame in by_link.remove(&user.link).unwrap_or_default() {
                user.take(&frame, relay.now);
            }
        }
    }
    panic!("the relay and its users never come to rest");
}

/// The kind of a frame, for tests that look at what crosses a link.
pub fn kind(frame: &[u8]) -> &'static str {
    match Frame::decode(frame).expect("a frame") {
        Frame::Nonce(_) => "nonce",
        Frame::Hello(_) => "hello",
        Frame::Push(_) => "push",
        Frame::Ack { .. } => "ack",
        Frame::Credit { .. } => "credit",
        Frame::Describe => "describe",
        Frame::Descriptor(_) => "descriptor",
        Frame::Request { .. } => "request",
        Frame::Reply { .. } => "reply",
        Frame::Batch(_) => "batch",
        Frame::Busy { .. } => "busy",
    }
}
