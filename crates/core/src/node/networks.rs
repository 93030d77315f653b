//! Network identities of one node: one for direct links, one for each relay; none is derived from the account.

use std::collections::{BTreeMap, VecDeque};

use net::{Events, IdentitySeed, Network, Target};
use proto::id::{Address, LinkId, PeerName};
use proto::link::Role;
use proto::router::MailboxId;
use tokio::sync::mpsc;

use crate::engine::LinkKind;

/// Protocol of links between devices.
const DIRECT: &str = "/madang/direct/1";
/// Protocol of links to relays.
const BOX: &str = "/madang/box/1";

/// Direct links that are dialled again when they are lost.
const KEPT_MAX: usize = 256;

/// Which of the node's networks an event comes from.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Origin {
    Direct,
    Relay(MailboxId),
}

/// An event with the network that it comes from.
pub(crate) type Arrival = (Origin, net::Event);

/// A link as the engine knows it, and the network that carries it.
#[derive(Clone)]
struct Carried {
    network: Network,
    link: LinkId,
    origin: Origin,
    /// Whom to dial again, for links that this side dialled.
    target: Option<Target>,
}

/// All networks of a node and the links they carry.
pub(crate) struct Networks {
    direct: Network,
    relays: BTreeMap<MailboxId, (Network, Target)>,
    links: BTreeMap<LinkId, Carried>,
    names: BTreeMap<(Origin, LinkId), LinkId>,
    next: u64,
    kept: VecDeque<Target>,
    arrivals: mpsc::Sender<Arrival>,
}

impl Networks {
    pub(crate) fn start(
        listen: Vec<Address>,
        discovery: bool,
        arrivals: mpsc::Sender<Arrival>,
    ) -> Result<Self, net::StartError> {
        let mut config = net::Config::new(fresh_identity(), DIRECT);
        config.listen = listen;
        config.mdns = discovery;
        let (direct, events) = Network::start(config)?;
        forward(Origin::Direct, events, arrivals.clone());
        Ok(Self {
            direct,
            relays: BTreeMap::new(),
            links: BTreeMap::new(),
            names: BTreeMap::new(),
            next: 1,
            kept: VecDeque::new(),
            arrivals,
        })
    }

    /// Returns the names of these identities: the one for direct links first.
    pub(crate) fn names(&self) -> Vec<PeerName> {
        [&self.direct]
            .into_iter()
            .chain(self.relays.values().map(|(network, _)| network))
            .map(Network::local)
            .collect()
    }

    /// Names a link that came up, and says what it leads to.
    pub(crate) fn link_up(
        &mut self,
        origin: Origin,
        link: LinkId,
        peer: PeerName,
        dialer: bool,
        remote: Address,
    ) -> Option<(LinkId, LinkKind)> {
        let network = match origin {
            Origin::Direct => self.direct.clone(),
            Origin::Relay(mailbox) => self.relays.get(&mailbox)?.0.clone(),
        };
        let kind = match origin {
            Origin::Direct => LinkKind::Direct {
                role: if dialer { Role::Dialer } else { Role::Listener },
                local: network.local(),
                remote: peer.clone(),
            },
            Origin::Relay(mailbox) => LinkKind::Relay(mailbox),
        };
        let name = LinkId(self.next);
        self.next += 1;
        let target = dialer.then(|| Target { peer: Some(peer), addresses: vec![remote] });
        self.links.insert(name, Carried { network, link, origin, target });
        self.names.insert((origin, link), name);
        Some((name, kind))
    }

    pub(crate) fn named(&self, origin: Origin, link: LinkId) -> Option<LinkId> {
        self.names.get(&(origin, link)).copied()
    }

    pub(crate) fn link_down(&mut self, origin: Origin, link: LinkId) -> Option<LinkId> {
        let name = self.names.remove(&(origin, link))?;
        self.links.remove(&name);
        Some(name)
    }

    pub(crate) fn send(&self, link: LinkId, frame: Vec<u8>) -> Result<(), net::SendError> {
        let carried = self.links.get(&link).ok_or(net::SendError::Gone)?;
        carried.network.send(carried.link, frame)
    }

    pub(crate) fn close(&self, link: LinkId) {
        if let Some(carried) = self.links.get(&link) {
            carried.network.close(carried.link);
        }
    }

    /// Keeps a direct link to somebody who turned out to be a contact, if this side dialled.
    pub(crate) fn keep(&mut self, link: LinkId) {
        let direct = self.links.get(&link).filter(|c| c.origin == Origin::Direct);
        let Some(target) = direct.and_then(|c| c.target.clone()) else { return };
        if self.kept.contains(&target) {
            return;
        }
        if self.kept.len() == KEPT_MAX {
            // Names change at every start: the oldest is most likely nobody's any more.
            if let Some(oldest) = self.kept.pop_front() {
                let _ = self.direct.release(oldest);
            }
        }
        let _ = self.direct.keep(target.clone());
        self.kept.push_back(target);
    }

    pub(crate) fn dial(&self, target: Target) {
        // A dial that is not taken now is made good by the next discovery, or by whoever asked.
        let _ = self.direct.dial(target);
    }

    /// Dials somebody who was heard nearby, when there is room.
    pub(crate) fn greet(&self, target: Target) {
        let _ = self.direct.greet(target);
    }

    /// Dials all who are heard nearby.
    pub(crate) fn greet_nearby(&self) {
        let _ = self.direct.greet_nearby();
    }

    /// Opens an identity of its own for a relay and keeps a link there. A relay that has one is looked for at these
    /// addresses from now on; a link that is up stays.
    pub(crate) fn connect(&mut self, mailbox: MailboxId, addresses: Vec<Address>, peer: Option<PeerName>) {
        let target = Target { peer, addresses };
        if let Some((network, before)) = self.relays.get_mut(&mailbox) {
            let _ = network.release(std::mem::replace(before, target.clone()));
            let _ = network.keep(target);
            return;
        }
        match Network::start(net::Config::new(fresh_identity(), BOX)) {
            Ok((network, events)) => {
                let _ = network.keep(target.clone());
                forward(Origin::Relay(mailbox), events, self.arrivals.clone());
                self.relays.insert(mailbox, (network, target));
            }
            Err(error) => tracing::warn!(%error, "a relay's network cannot be started"),
        }
    }

    pub(crate) fn disconnect(&mut self, mailbox: MailboxId) {
        if let Some((network, _)) = self.relays.remove(&mailbox) {
            tokio::spawn(async move { network.shutdown().await });
        }
    }

    pub(crate) async fn shutdown(&mut self) {
        let relays = std::mem::take(&mut self.relays);
        let closing = relays.into_values().map(|(network, _)| network).chain([self.direct.clone()]);
        let tasks: Vec<_> =
            closing.map(|network| tokio::spawn(async move { network.shutdown().await })).collect();
        for task in tasks {
            let _ = task.await;
        }
    }
}

fn fresh_identity() -> IdentitySeed {
    IdentitySeed::new(rand::random())
}

fn forward(origin: Origin, mut events: Events, arrivals: mpsc::Sender<Arrival>) {
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if arrivals.send((origin, event)).await.is_err() {
                return;
            }
        }
    });
}
