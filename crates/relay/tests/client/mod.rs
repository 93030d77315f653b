//! The barest client of a mailbox: sealed requests over a link, one by one.

use std::collections::BTreeMap;

use crypto::{Class, request::PendingReply};
use net::{Event, Events, Network, Target};
use proto::{
    descriptor::RelayDescriptor,
    envelope::Blob,
    frame::Frame,
    id::{Address, LinkId},
    mailbox::{
        list::{Batch, ListId},
        request::{Reply, Request},
    },
};

/// A blob of a class whose bytes depend on a number.
pub(crate) fn blob(class: Class, number: u32) -> Blob {
    let byte = |place: usize| (place as u32).wrapping_mul(2_654_435_761).wrapping_add(number) as u8;
    Blob::parse((0..class.bytes()).map(byte).collect()).expect("a class")
}

pub(crate) struct Client {
    network: Network,
    events: Events,
    link: LinkId,
    relay: RelayDescriptor,
    next: u32,
    pending: BTreeMap<u32, PendingReply>,
    batches: Vec<Batch>,
}

impl Client {
    pub(crate) async fn connect(descriptor: &str) -> Self {
        let relay = RelayDescriptor::parse_text(descriptor).expect("a descriptor");
        let addresses = relay.facts().addresses.clone();
        Self::connect_at(descriptor, addresses).await
    }

    pub(crate) async fn connect_at(descriptor: &str, addresses: Vec<Address>) -> Self {
        Self::connect_with(descriptor, addresses, net::Limits::default()).await
    }

    /// A client that reads nothing but what it is asked to: one event waits for it, and then the link.
    pub(crate) async fn connect_lazily(descriptor: &str) -> Self {
        let addresses =
            RelayDescriptor::parse_text(descriptor).expect("a descriptor").facts().addresses.clone();
        let limits = net::Limits { events: 1, ..net::Limits::default() };
        Self::connect_with(descriptor, addresses, limits).await
    }

    async fn connect_with(descriptor: &str, addresses: Vec<Address>, limits: net::Limits) -> Self {
        let relay = RelayDescriptor::parse_text(descriptor).expect("a descriptor");
        let seed = net::IdentitySeed::new(*crypto::Secret32::random(&mut rand::rng()).as_bytes());
        let config = net::Config { limits, ..net::Config::new(seed, madang_relay::PROTOCOL) };
        let (network, mut events) = Network::start(config).expect("a network");
        let peer = relay.facts().peer.clone();
        network.dial(Target { peer: Some(peer), addresses }).expect("dialled");
        let link = loop {
            match events.recv().await.expect("the network lives") {
                Event::LinkUp { link, .. } => break link,
                Event::DialFailed { reason, .. } => panic!("{reason}"),
                _ => {}
            }
        };
        Self { network, events, link, relay, next: 1, pending: BTreeMap::new(), batches: Vec::new() }
    }

    /// The name of this client on the wires, in hexadecimal digits.
    pub(crate) fn name(&self) -> String {
        self.network.local().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(crate) fn send(&self, frame: Vec<u8>) {
        self.network.send(self.link, frame).expect("the link takes it");
    }

    /// Sends a request without waiting. Returns its number.
    pub(crate) fn begin(&mut self, request: &Request) -> u32 {
        let key = &self.relay.facts().request_key;
        let (sealed, pending) =
            crypto::request::seal_request(key, &request.encode(), &mut rand::rng()).expect("it fits");
        let id = self.next;
        self.next += 1;
        self.pending.insert(id, pending);
        self.send(Frame::Request { id, sealed }.encode());
        id
    }

    /// Waits for the next answer; nothing if the link goes down first.
    pub(crate) async fn answer(&mut self) -> Option<(u32, Reply)> {
        loop {
            match self.events.recv().await? {
                Event::Frame { bytes, .. } => match Frame::decode(&bytes).expect("a frame") {
                    Frame::Reply { id, sealed } => {
                        let pending = self.pending.remove(&id).expect("an answer to what was asked");
                        let payload = pending.open(&sealed).expect("sealed by the relay");
                        return Some((id, Reply::decode(&payload).expect("a reply")));
                    }
                    Frame::Batch(batch) => self.batches.push(batch),
                    other => panic!("unexpected: {other:?}"),
                },
                Event::LinkDown { .. } => return None,
                _ => {}
            }
        }
    }

    pub(crate) async fn try_ask(&mut self, request: &Request) -> Option<Reply> {
        let id = self.begin(request);
        loop {
            let (answered, reply) = self.answer().await?;
            if answered == id {
                return Some(reply);
            }
        }
    }

    pub(crate) async fn ask(&mut self, request: &Request) -> Reply {
        self.try_ask(request).await.expect("the link holds")
    }

    /// Waits for the next pushed batch that has entries.
    pub(crate) async fn batch(&mut self) -> Batch {
        loop {
            if let Some(place) = self.batches.iter().position(|batch| !batch.entries.is_empty()) {
                return self.batches.remove(place);
            }
            match self.events.recv().await.expect("the network lives") {
                Event::Frame { bytes, .. } => match Frame::decode(&bytes).expect("a frame") {
                    Frame::Batch(batch) => self.batches.push(batch),
                    other => panic!("unexpected: {other:?}"),
                },
                Event::LinkDown { reason, .. } => panic!("{reason}"),
                _ => {}
            }
        }
    }

    /// The list's name and the positions at which something can be fetched.
    pub(crate) async fn positions(&mut self) -> (ListId, Vec<u64>) {
        let Reply::List(part) = self.ask(&Request::List { list: None, from: 0 }).await else {
            panic!("no list")
        };
        assert!(part.head.is_signed_by(&self.relay.facts().sign_key), "the list is signed");
        let list = part.head.list;
        let all: Vec<u64> = (part.first..part.end).collect();
        let mut live = Vec::new();
        for some in all.chunks(16) {
            let get = Request::Get { list, positions: some.to_vec(), bytes_max: u32::MAX };
            let Reply::Got(blobs) = self.ask(&get).await else { panic!("no blobs") };
            live.extend(blobs.into_iter().filter(|(_, blob)| blob.is_some()).map(|(position, _)| position));
        }
        (list, live)
    }

    pub(crate) async fn until_down(&mut self) {
        while let Some(event) = self.events.recv().await {
            if matches!(event, Event::LinkDown { .. }) {
                return;
            }
        }
    }
}
