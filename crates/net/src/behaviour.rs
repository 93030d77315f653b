//! Which of a peer's connections is its link, and how many connections an address may have.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::swarm::{
    CloseConnection, ConnectionClosed, ConnectionDenied, ConnectionId, FromSwarm, ListenFailure,
    NetworkBehaviour, NotifyHandler, StreamProtocol, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId, connection_limits, mdns, memory_connection_limits};
use proto::id::{Address, LinkId};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::address;
use crate::event::{Down, Event};
use crate::handler::{LinkHandler, Order, Part, Report};
use crate::network::{Limits, Registry};
use crate::pulse::Patience;

/// A second connection within this time after a link came up is the other half of a simultaneous dial,
/// and is refused. A later one means that the peer has lost the first, and takes its place.
const SETTLING: Duration = Duration::from_secs(10);

/// All that the swarm does. Limits stand first: what they refuse never reaches the rest.
#[derive(NetworkBehaviour)]
pub(crate) struct Whole {
    limits: connection_limits::Behaviour,
    mdns: Toggle<mdns::tokio::Behaviour>,
    pub(crate) links: Links,
}

impl Whole {
    pub(crate) fn new(links: Links, limits: &Limits, mdns: Option<mdns::tokio::Behaviour>) -> Self {
        let bounds = connection_limits::ConnectionLimits::default()
            .with_max_established(Some(limits.links))
            .with_max_established_incoming(Some(limits.links_incoming))
            .with_max_established_per_peer(Some(CONNECTIONS_PER_PEER))
            .with_max_pending_incoming(Some(limits.handshakes))
            .with_max_pending_outgoing(Some(DIALING_MAX));
        Self { limits: connection_limits::Behaviour::new(bounds), mdns: mdns.into(), links }
    }
}

/// Connections that are being dialled: a dial by name takes one for TCP and one for QUIC.
const DIALING_MAX: u32 = 128;

/// Connections with one peer at a time: the link, its successor, and two that are just closing.
const CONNECTIONS_PER_PEER: u32 = 4;

/// What the driver learns about connections.
#[derive(Debug)]
pub(crate) enum Change {
    /// A connection became its peer's link.
    Up { peer: PeerId, connection: ConnectionId },
    /// A connection has ended; `link` says how long it was a link, if it was one.
    Over { peer: PeerId, connection: ConnectionId, link: Option<Duration>, reason: Down },
}

/// What all connections of a network share.
pub(crate) struct Shared {
    pub(crate) me: PeerId,
    pub(crate) protocol: StreamProtocol,
    pub(crate) limits: Limits,
    pub(crate) patience: Patience,
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) registry: Arc<Registry>,
}

/// The connections of a network, by peer.
pub(crate) struct Links {
    shared: Shared,
    next_link: u64,
    peers: BTreeMap<PeerId, Peer>,
    connections: BTreeMap<ConnectionId, Connection>,
    /// Refuses what comes in while the process is too large. What goes out is the owner's own wish.
    memory: Option<memory_connection_limits::Behaviour>,
    /// Incoming connections by where they come from: those whose handshake is under way, and all.
    guests: BTreeMap<IpAddr, Guests>,
    arriving: BTreeMap<ConnectionId, IpAddr>,
    actions: VecDeque<ToSwarm<Change, Order>>,
}

#[derive(Debug, Default)]
struct Peer {
    live: Option<(ConnectionId, Instant)>,
    /// Takes the place of the live one as soon as that has ended.
    next: Option<ConnectionId>,
}

#[derive(Debug)]
struct Connection {
    peer: PeerId,
    guest: Option<IpAddr>,
    link: Option<(LinkId, Instant)>,
    gone: bool,
}

#[derive(Debug, Default)]
struct Guests {
    arriving: u32,
    present: u32,
}

/// Too many connections come from one address or network.
#[derive(Clone, Copy, Debug, Error)]
#[error("too many connections from one address")]
struct TooManyGuests;

impl Links {
    pub(crate) fn new(shared: Shared) -> Self {
        Self {
            memory: shared.limits.memory_bytes.map(memory_connection_limits::Behaviour::with_max_bytes),
            shared,
            next_link: 1,
            peers: BTreeMap::new(),
            connections: BTreeMap::new(),
            guests: BTreeMap::new(),
            arriving: BTreeMap::new(),
            actions: VecDeque::new(),
        }
    }

    /// Whether a peer has a link.
    pub(crate) fn is_linked(&self, peer: &PeerId) -> bool {
        self.peers.get(peer).is_some_and(|peer| peer.live.is_some())
    }

    /// Whether any connection is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// Asks every link whether it is still alive.
    pub(crate) fn ask_all(&mut self) {
        let live: Vec<_> =
            self.peers.iter().filter_map(|(peer, state)| Some((*peer, state.live?.0))).collect();
        for (peer, connection) in live {
            self.order(peer, connection, Order::Ask);
        }
    }

    /// Closes the connections that are no links; links are closed through their queues.
    pub(crate) fn close_all(&mut self) {
        let idle: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, connection)| connection.link.is_none())
            .map(|(id, connection)| (connection.peer, *id))
            .collect();
        for (peer, connection) in idle {
            self.order(peer, connection, Order::End(Down::Local));
        }
    }

    fn order(&mut self, peer_id: PeerId, connection: ConnectionId, event: Order) {
        self.actions.push_back(ToSwarm::NotifyHandler {
            peer_id,
            handler: NotifyHandler::One(connection),
            event,
        });
    }

    /// The chooser's side: a connection is ready to be the link.
    fn choose(&mut self, peer: PeerId, connection: ConnectionId) {
        match self.peers.get(&peer).and_then(|state| state.live) {
            Some((_, since)) if since.elapsed() < SETTLING => {
                self.order(peer, connection, Order::End(Down::Duplicate));
            }
            _ => self.succeed(peer, connection),
        }
    }

    /// Makes a connection the link, after the present one has ended.
    fn succeed(&mut self, peer: PeerId, connection: ConnectionId) {
        let state = self.peers.entry(peer).or_default();
        let Some((old, _)) = state.live else { return self.start(peer, connection) };
        let passed_over = state.next.replace(connection);
        self.order(peer, old, Order::End(Down::Replaced));
        if let Some(passed_over) = passed_over {
            self.order(peer, passed_over, Order::End(Down::Duplicate));
        }
    }

    fn start(&mut self, peer: PeerId, connection: ConnectionId) {
        let Some(entry) = self.connections.get_mut(&connection).filter(|entry| !entry.gone) else { return };
        let link = LinkId(self.next_link);
        self.next_link += 1;
        let now = Instant::now();
        entry.link = Some((link, now));
        self.peers.entry(peer).or_default().live = Some((connection, now));
        let queue = self.shared.registry.insert(link, self.shared.limits.queue_bytes);
        self.order(peer, connection, Order::Start { link, queue });
        self.actions.push_back(ToSwarm::GenerateEvent(Change::Up { peer, connection }));
    }

    /// A connection is no link any more, and never becomes one.
    fn over(&mut self, id: ConnectionId, reason: Down) {
        let Some(entry) = self.connections.get_mut(&id).filter(|entry| !entry.gone) else { return };
        entry.gone = true;
        let peer = entry.peer;
        let link = entry.link.map(|(link, since)| {
            self.shared.registry.remove(link);
            since.elapsed()
        });
        self.actions.push_back(ToSwarm::GenerateEvent(Change::Over { peer, connection: id, link, reason }));
        let Some(state) = self.peers.get_mut(&peer) else { return };
        if state.next == Some(id) {
            state.next = None;
        }
        if state.live.is_some_and(|(live, _)| live == id) {
            state.live = None;
            if let Some(next) = state.next.take() {
                self.start(peer, next);
            }
        }
        if self.peers.get(&peer).is_some_and(|state| state.live.is_none() && state.next.is_none()) {
            self.peers.remove(&peer);
        }
    }

    /// An incoming connection is no longer on its way in.
    fn arrived(&mut self, connection: ConnectionId) {
        if let Some(ip) = self.arriving.remove(&connection) {
            self.guest(ip, |guests| guests.arriving = guests.arriving.saturating_sub(1));
        }
    }

    fn guest(&mut self, ip: IpAddr, change: impl FnOnce(&mut Guests)) {
        let guests = self.guests.entry(ip).or_default();
        change(guests);
        if guests.arriving == 0 && guests.present == 0 {
            self.guests.remove(&ip);
        }
    }

    fn handler(&self, peer: PeerId, dialer: bool, remote: &Multiaddr) -> LinkHandler {
        let shared = &self.shared;
        let part = Part { dialer, chooser: shared.me.to_bytes() < peer.to_bytes() };
        LinkHandler::new(
            part,
            shared.protocol.clone(),
            address::name_of(&peer),
            address::from_multiaddr(remote).unwrap_or_else(unknown_address),
            shared.patience.clone(),
            shared.events.clone(),
        )
    }

    fn enter(&mut self, id: ConnectionId, peer: PeerId, guest: Option<IpAddr>) {
        self.connections.insert(id, Connection { peer, guest, link: None, gone: false });
    }

    fn leave(&mut self, id: ConnectionId) {
        self.over(id, Down::Lost);
        if let Some(Connection { guest: Some(ip), .. }) = self.connections.remove(&id) {
            self.guest(ip, |guests| guests.present = guests.present.saturating_sub(1));
        }
    }
}

impl NetworkBehaviour for Links {
    type ConnectionHandler = LinkHandler;
    type ToSwarm = Change;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        if let Some(memory) = &mut self.memory {
            memory.handle_pending_inbound_connection(connection, local, remote)?;
        }
        let Some(ip) = address::neighbourhood_of(remote) else { return Ok(()) };
        let guests = self.guests.get(&ip);
        let (arriving, present) = guests.map_or((0, 0), |guests| (guests.arriving, guests.present));
        let limits = &self.shared.limits;
        let crowded = arriving >= limits.handshakes.div_ceil(4) || present >= limits.links_per_address;
        if crowded && !ip.is_loopback() {
            return Err(ConnectionDenied::new(TooManyGuests));
        }
        self.guest(ip, |guests| guests.arriving += 1);
        self.arriving.insert(connection, ip);
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.arrived(connection);
        let guest = address::neighbourhood_of(remote);
        if let Some(ip) = guest {
            self.guest(ip, |guests| guests.present += 1);
        }
        self.enter(connection, peer, guest);
        Ok(self.handler(peer, false, remote))
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.enter(connection, peer, None);
        Ok(self.handler(peer, true, remote))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. }) => self.leave(connection_id),
            FromSwarm::ListenFailure(ListenFailure { connection_id, .. }) => {
                self.arrived(connection_id);
                self.leave(connection_id);
            }
            FromSwarm::NewListenAddr(_) | FromSwarm::ExpiredListenAddr(_) => self.ask_all(),
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        report: THandlerOutEvent<Self>,
    ) {
        match report {
            Report::Ready => self.choose(peer, connection),
            Report::Chosen => self.succeed(peer, connection),
            Report::Ended => self.actions.push_back(ToSwarm::CloseConnection {
                peer_id: peer,
                connection: CloseConnection::One(connection),
            }),
            Report::Gone(reason) => self.over(connection, reason),
        }
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        self.actions.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

/// Stands for the far end of a transport that has no plain address; ours all have one.
fn unknown_address() -> Address {
    Address::parse("/ip4/0.0.0.0").expect("a short IP address")
}
