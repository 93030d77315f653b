//! A relay: the mailbox, a store in memory, and a driver that commits before it answers.

use std::time::Duration;

use crypto::CryptoRng;
use crypto::key::{SignSecret, X25519Secret};
use crypto::request::{open_request, seal_request};
use proto::descriptor::RelayDescriptor;
use proto::envelope::Envelope;
use proto::frame::Frame;
use proto::id::{LinkId, Moment, PeerName};
use proto::mailbox::request::{PutOutcome, Reply, Request};
use proto::mailbox::server::{Quotas, RelayKeys, Server, ServerError, Stats};
use proto::sim::{HostId, Incoming, Port};
use proto::store::{Batch, MemoryStore, Overlay, Store};

use super::node::seeded;
use super::{DOWN, Mortality, address_of};

/// How often the relay's own clock goes on.
const TICK: Duration = Duration::from_secs(300);

/// A relay's machine.
pub struct Relay {
    store: MemoryStore,
    quotas: Quotas,
    server: Option<Server>,
    descriptor: Option<RelayDescriptor>,
    next_tick: Moment,
    mortality: Mortality,
    lies: bool,
    /// Whose keys it has, if it stands in the place of another.
    born: Option<HostId>,
    /// Where it says that it is, if not where it stands.
    announced: Vec<HostId>,
    sequence: u64,
}

impl Relay {
    pub(super) fn new(quotas: Quotas) -> Self {
        Self {
            store: MemoryStore::new(),
            quotas,
            server: None,
            descriptor: None,
            next_tick: Moment(0),
            mortality: Mortality::default(),
            lies: false,
            born: None,
            announced: Vec::new(),
            sequence: 1,
        }
    }

    pub(super) fn mortality(&mut self) -> &mut Mortality {
        &mut self.mortality
    }

    /// What it hands out, as text.
    ///
    /// # Panics
    /// If the relay never ran.
    #[must_use]
    pub fn descriptor_text(&self) -> String {
        self.descriptor.as_ref().expect("a relay that runs has a descriptor").to_text()
    }

    /// What is on disk.
    #[must_use]
    pub fn store(&self) -> &MemoryStore {
        &self.store
    }

    /// Loses all that it kept, but not its keys; to be called while it is off.
    pub fn lose_disk(&mut self) {
        self.store = MemoryStore::new();
    }

    /// Another machine for the same relay: it has the keys and nothing else.
    pub(super) fn place_of(host: HostId, of: &Self) -> Self {
        Self { born: Some(of.born.unwrap_or(host)), sequence: of.sequence, ..Self::new(of.quotas.clone()) }
    }

    /// What goes along when it moves.
    pub(super) fn estate(&self) -> (MemoryStore, u64) {
        (self.store.clone(), self.sequence)
    }

    /// Takes over what another machine kept; both are off.
    pub(super) fn take_over(&mut self, store: MemoryStore, sequence: u64) {
        self.store = store;
        self.sequence = sequence + 1;
    }

    /// Says from its next start on that it is at these machines.
    pub(super) fn announce(&mut self, at: &[HostId]) {
        self.announced = at.to_vec();
        self.sequence += 1;
    }

    /// From now on it says of every deposit that it is kept, and forgets it.
    pub fn lie(&mut self) {
        self.lies = true;
    }

    /// Somebody whom nobody knows deposits an envelope, as fast as thought.
    pub fn deposit(&mut self, envelope: Envelope) {
        let (Some(server), Some(descriptor)) = (&mut self.server, &self.descriptor) else { return };
        let mut rng = seeded("a stranger");
        let payload = Request::Put(vec![envelope]).encode();
        let sealed = seal_request(&descriptor.facts().request_key, &payload, &mut rng).expect("it fits").0;
        let mut batch = Batch::new();
        let mut overlay = Overlay::new(&self.store, &mut batch);
        let link = LinkId(u64::MAX);
        server.link_up(link);
        let frame = Frame::Request { id: 1, sealed }.encode();
        server.on_frame(link, &frame, Moment(0), &mut overlay, &mut rng).expect("the request is well formed");
        self.store.commit(batch).expect("the store works");
        server.link_down(link);
    }

    /// Gives more or less from its next start on.
    pub fn set_quotas(&mut self, quotas: Quotas) {
        self.quotas = quotas;
    }

    /// Its own counts, while it runs.
    #[must_use]
    pub fn stats(&self) -> Option<Stats> {
        self.server.as_ref().map(Server::stats)
    }

    pub(super) fn crash(&mut self) {
        self.server = None;
        self.store = self.store.reopen();
    }

    pub(super) fn handle(&mut self, incoming: Vec<Incoming>, port: &mut Port<'_>) {
        let now = port.now();
        if incoming.contains(&Incoming::Started) {
            self.start(port);
        }
        let Some(server) = &mut self.server else { return };
        let mut batch = Batch::new();
        let mut overlay = Overlay::new(&self.store, &mut batch);
        for event in incoming {
            match event {
                Incoming::LinkUp { link, .. } => server.link_up(link),
                Incoming::LinkDown { link } => server.link_down(link),
                Incoming::Frame { link, bytes } => {
                    if let Some(lie) =
                        self.lies.then(|| lie(self.born.unwrap_or(port.me()), &bytes, port.rng())).flatten()
                    {
                        port.send(link, lie);
                        continue;
                    }
                    match server.on_frame(link, &bytes, now, &mut overlay, port.rng()) {
                        Ok(()) => {}
                        Err(ServerError::Store(error)) => panic!("the store works: {error}"),
                        Err(_) => close(server, link, port),
                    }
                }
                Incoming::Started | Incoming::Wake | Incoming::DialFailed { .. } => {}
            }
        }
        if self.next_tick <= now {
            server.tick(now, &mut overlay);
            self.next_tick = now.plus(TICK);
        }
        server.cut(&mut overlay, now).expect("the store works");
        let (dies_before, dies_after) = self.mortality.judge(port.rng());
        if dies_before {
            return port.die(DOWN);
        }
        if !batch.is_empty() {
            self.store.commit(batch).expect("the store works");
        }
        if dies_after {
            return port.die(DOWN);
        }
        for (link, frame) in server.take_outputs() {
            port.send(link, frame);
        }
        let wake = server.cut_due().map_or(self.next_tick, |due| due.min(self.next_tick));
        port.wake_at(Some(wake));
    }

    fn start(&mut self, port: &mut Port<'_>) {
        let me = port.me();
        let server =
            Server::load(keys(self.born.unwrap_or(me)), self.quotas.clone(), &self.store, port.rng());
        let mut server = server.expect("what was committed can be opened");
        let at = if self.announced.is_empty() { vec![me] } else { self.announced.clone() };
        let addresses = at.into_iter().map(address_of).collect();
        self.descriptor = Some(server.descriptor(addresses, self.sequence));
        self.server = Some(server);
        self.next_tick = port.now();
    }
}

fn close(server: &mut Server, link: LinkId, port: &mut Port<'_>) {
    server.link_down(link);
    port.close(link);
}

/// The answer of a relay that throws deposits away, if this is one.
fn lie(me: HostId, frame: &[u8], rng: &mut dyn CryptoRng) -> Option<Vec<u8>> {
    let Ok(Frame::Request { id, sealed }) = Frame::decode(frame) else { return None };
    let (payload, sealer) = open_request(&keys(me).request, &sealed).ok()?;
    let Ok(Request::Put(envelopes)) = Request::decode(&payload) else { return None };
    let reply = Reply::Put(vec![PutOutcome::Stored; envelopes.len()]);
    Some(Frame::Reply { id, sealed: sealer.seal(&reply.encode(), rng).ok()? }.encode())
}

/// A relay's keys come from its number, so that they outlive its disk.
fn keys(me: HostId) -> RelayKeys {
    let mut rng = seeded(&format!("relay {}", me.0));
    RelayKeys {
        sign: SignSecret::generate(&mut rng),
        request: X25519Secret::generate(&mut rng),
        peer: PeerName::new(address_of(me).as_str().as_bytes()).expect("an address of ours is short"),
    }
}
