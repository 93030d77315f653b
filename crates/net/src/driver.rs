//! The network's task: owns the swarm, carries out commands, dials and retries.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, DialError, ListenError, StreamProtocol, Swarm, SwarmEvent};
use libp2p::{Multiaddr, PeerId, mdns};
use proto::id::Address;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::address::{self, ADDRESSES_MAX};
use crate::behaviour::{Change, Links, Shared, Whole, WholeEvent};
use crate::event::{DialFailure, Down, Event, Events};
use crate::keeper::{Keeper, Key};
use crate::network::{Config, Registry, StartError, Target};
use crate::transport;
use crate::waiting::Waiting;

/// The head start that TCP has over QUIC in a dial.
const QUIC_LATER: Duration = Duration::from_secs(1);

/// Dials under way at once, of every kind; further ones wait their turn.
const ATTEMPTS_MAX: usize = 64;

/// Of these, dials of peers that were merely heard nearby.
const GREETINGS_MAX: usize = 8;

/// Events that wait in the task because the owner lags; beyond it the swarm rests.
const BACKLOG_MAX: usize = 256;

/// For all links together to end in order when the network shuts down.
const SHUTDOWN_WITHIN: Duration = Duration::from_millis(800);

/// For the sockets of a network that has shut down to close, and how often one looks.
const PORTS_WITHIN: Duration = Duration::from_millis(300);
const PORTS_LOOK: Duration = Duration::from_millis(2);

/// How often a peer may ask for a stream at once on one connection.
const NEGOTIATING_MAX: usize = 4;

/// What the owner asks of the task.
#[derive(Debug)]
pub(crate) enum Command {
    Dial(Target),
    Greet(Target),
    GreetNearby,
    Keep(Target),
    Release(Target),
    Hurry,
    Shutdown,
}

/// Starts the task. Sockets are open when this returns.
pub(crate) fn spawn(
    config: Config,
    registry: Arc<Registry>,
    commands: mpsc::Receiver<Command>,
    end: watch::Sender<bool>,
) -> Result<Events, StartError> {
    let (driver, receiver) = Driver::new(&config, registry)?;
    tokio::spawn(async move {
        driver.run(commands).await;
        let _ = end.send(true);
    });
    Ok(receiver)
}

fn build(
    config: &Config,
    registry: &Arc<Registry>,
    events: mpsc::Sender<Event>,
) -> Result<Swarm<Whole>, StartError> {
    let keys = config.identity.keypair();
    let me = keys.public().to_peer_id();
    let transport = transport::build(&keys).map_err(|error| StartError::Transport(error.to_string()))?;
    if !config.protocol.starts_with('/') {
        return Err(StartError::Protocol);
    }
    let mdns = if config.mdns {
        Some(mdns::tokio::Behaviour::new(discovery(), me).map_err(StartError::Discovery)?)
    } else {
        None
    };
    let links = Links::new(Shared {
        me,
        protocol: StreamProtocol::new(config.protocol),
        limits: config.limits.clone(),
        patience: config.patience.clone(),
        events,
        registry: Arc::clone(registry),
    });
    let swarm_config = libp2p::swarm::Config::with_tokio_executor()
        .with_max_negotiating_inbound_streams(NEGOTIATING_MAX)
        .with_idle_connection_timeout(config.patience.link_within);
    let mut swarm = Swarm::new(transport, Whole::new(links, &config.limits, mdns), me, swarm_config);
    listen(&mut swarm, &config.listen)?;
    Ok(swarm)
}

/// An address lives for six minutes. In steady state one asks every two, so that two answers may be lost.
fn discovery() -> mdns::Config {
    mdns::Config { query_interval: Duration::from_secs(120), ..mdns::Config::default() }
}

/// Opens each address. A host without IPv6 is no error as long as another address works.
fn listen(swarm: &mut Swarm<Whole>, addresses: &[Address]) -> Result<(), StartError> {
    for wanted in addresses {
        refuse_port_in_use(wanted)?;
    }
    let mut opened = 0;
    let mut passed_over = None;
    for wanted in addresses {
        let multiaddr = address::to_multiaddr(wanted).ok_or_else(|| StartError::Address(wanted.clone()))?;
        match swarm.listen_on(multiaddr) {
            Ok(_) => opened += 1,
            Err(error) => {
                let failure = StartError::Listen(wanted.clone(), root_cause(&error));
                if !is_unspecified_ip6(wanted) {
                    return Err(failure);
                }
                passed_over = Some(failure);
            }
        }
    }
    match passed_over {
        Some(failure) if opened == 0 => Err(failure),
        _ => Ok(()),
    }
}

/// libp2p lets several processes of one user share a TCP port, so that the system deals connections out
/// among them. Two nodes at one port by mistake would each miss half of what comes: better refused.
fn refuse_port_in_use(wanted: &Address) -> Result<(), StartError> {
    let socket = address::to_multiaddr(wanted).as_ref().and_then(address::tcp_socket);
    let Some(socket) = socket.filter(|socket| socket.port() != 0) else { return Ok(()) };
    match std::net::TcpListener::bind(socket) {
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            Err(StartError::Listen(wanted.clone(), error.to_string()))
        }
        _ => Ok(()),
    }
}

fn is_unspecified_ip6(address: &Address) -> bool {
    address.as_str().starts_with("/ip6/::/")
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Why a target is dialled.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Cause {
    /// The owner asked for it.
    Asked,
    /// It is kept.
    Kept(Key),
    /// It was heard nearby.
    Heard,
}

impl Cause {
    fn key(&self) -> Option<&Key> {
        match self {
            Self::Kept(key) => Some(key),
            Self::Asked | Self::Heard => None,
        }
    }
}

/// One try to reach a target by all its addresses.
#[derive(Debug)]
struct Attempt {
    target: Target,
    peer: Option<PeerId>,
    cause: Cause,
    connections: BTreeSet<ConnectionId>,
    /// The QUIC addresses, and when they join in.
    later: Vec<Multiaddr>,
    later_at: Instant,
    reason: DialFailure,
}

struct Driver {
    swarm: Swarm<Whole>,
    registry: Arc<Registry>,
    events: mpsc::Sender<Event>,
    backlog: VecDeque<Event>,
    keeper: Keeper,
    waiting: Waiting,
    attempts: BTreeMap<u64, Attempt>,
    next_attempt: u64,
    /// Refused connections that nobody has been told of.
    refused: u64,
}

impl Driver {
    fn new(config: &Config, registry: Arc<Registry>) -> Result<(Self, Events), StartError> {
        let (events, receiver) = mpsc::channel(config.limits.events.max(1));
        let driver = Self {
            swarm: build(config, &registry, events.clone())?,
            registry,
            events,
            backlog: VecDeque::new(),
            keeper: Keeper::default(),
            waiting: Waiting::default(),
            attempts: BTreeMap::new(),
            next_attempt: 0,
            refused: 0,
        };
        Ok((driver, receiver))
    }

    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let events = self.events.clone();
        loop {
            let due = self.next_due();
            tokio::select! {
                permit = events.reserve(), if !self.backlog.is_empty() => match permit {
                    Ok(permit) => if let Some(event) = self.backlog.pop_front() { permit.send(event) },
                    Err(_) => break,
                },
                () = events.closed(), if self.backlog.is_empty() => break,
                command = commands.recv() => match command {
                    None | Some(Command::Shutdown) => break,
                    Some(command) => self.on_command(command),
                },
                event = self.swarm.select_next_some(), if self.backlog.len() < BACKLOG_MAX => {
                    self.on_swarm_event(event);
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.on_due(),
            }
        }
        commands.close();
        self.shut_down().await;
    }

    /// Ends all links in order, for a bounded time; what remains is cut when the swarm is dropped.
    async fn shut_down(mut self) {
        self.keeper.clear();
        self.waiting.clear();
        self.attempts.clear();
        self.registry.close_all();
        self.swarm.behaviour_mut().links.close_all();
        let _ = timeout(SHUTDOWN_WITHIN, async {
            while !self.swarm.behaviour().links.is_empty() {
                self.swarm.select_next_some().await;
            }
        })
        .await;
        let ports: Vec<_> = self.swarm.listeners().filter_map(address::quic_socket).collect();
        drop(self);
        let _ = timeout(PORTS_WITHIN, given_back(ports)).await;
    }

    fn on_command(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Dial(target) => {
                if let Some(given_up) = self.waiting.ask(target) {
                    self.fail(given_up, &Cause::Asked, DialFailure::Refused);
                }
                self.start_due(now);
            }
            Command::Greet(target) => {
                if let Some(peer) = target.peer.as_ref().and_then(address::peer_of) {
                    self.waiting.greet(peer, target, now);
                }
            }
            Command::GreetNearby => {
                for (peer, addresses) in self.keeper.nearby() {
                    let target = Target { peer: Some(address::name_of(peer)), addresses: addresses.to_vec() };
                    self.waiting.greet_now(*peer, target, now);
                }
            }
            Command::Keep(target) => {
                let peer = target.peer.as_ref().and_then(address::peer_of);
                let linked = peer.filter(|peer| self.swarm.behaviour().links.is_linked(peer));
                self.keeper.keep(target, linked, now);
            }
            Command::Release(target) => self.keeper.release(&target),
            Command::Hurry => {
                self.keeper.hurry(now);
                self.swarm.behaviour_mut().links.ask_all();
            }
            Command::Shutdown => {}
        }
    }

    fn next_due(&self) -> Option<Instant> {
        let (room, room_for_heard) = self.room();
        let asked = self.waiting.is_asked().then(Instant::now).filter(|_| room > 0);
        let kept = self.keeper.next_due().filter(|_| room > 0);
        let heard = self.waiting.next_greeting().filter(|_| room_for_heard > 0);
        let later = self.attempts.values().filter(|attempt| !attempt.later.is_empty());
        later.map(|attempt| attempt.later_at).chain([asked, kept, heard].into_iter().flatten()).min()
    }

    /// How many dials may begin, and how many of them of peers that were merely heard.
    fn room(&self) -> (usize, usize) {
        let room = ATTEMPTS_MAX.saturating_sub(self.attempts.len());
        let heard = self.attempts.values().filter(|attempt| attempt.cause == Cause::Heard).count();
        (room, GREETINGS_MAX.saturating_sub(heard).min(room))
    }

    fn on_due(&mut self) {
        let now = Instant::now();
        let quic: Vec<u64> = self
            .attempts
            .iter()
            .filter(|(_, attempt)| !attempt.later.is_empty() && attempt.later_at <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in quic {
            self.dial_later(id);
        }
        self.start_due(now);
    }

    /// Begins what is due, as far as there is room: first what was asked for, then what is kept, then what was heard.
    fn start_due(&mut self, now: Instant) {
        while self.room().0 > 0
            && let Some(target) = self.waiting.take_asked()
        {
            self.attempt(target, Cause::Asked);
        }
        for (key, target) in self.keeper.take_due(self.room().0, now) {
            self.attempt(target, Cause::Kept(key));
        }
        for target in self.waiting.take_greetings(self.room().1, now) {
            self.attempt(target, Cause::Heard);
        }
    }

    /// Begins to dial a target: TCP now, QUIC soon after or when TCP has failed.
    fn attempt(&mut self, target: Target, cause: Cause) {
        let peer = match target.peer.as_ref().map(address::peer_of) {
            Some(None) => return self.fail(target, &cause, DialFailure::WrongPeer),
            Some(Some(peer)) => Some(peer),
            None => None,
        };
        if let Some(peer) = peer.filter(|peer| self.swarm.behaviour().links.is_linked(peer)) {
            return self.keeper.linked(peer, cause.key());
        }
        let places = self.keeper.places(&target);
        let usable = places.iter().filter_map(address::to_multiaddr);
        let (quic, tcp): (Vec<_>, Vec<_>) = usable.partition(address::is_quic);
        let (now, later) = if tcp.is_empty() { (quic, Vec::new()) } else { (tcp, quic) };
        let id = self.next_attempt;
        self.next_attempt += 1;
        self.attempts.insert(
            id,
            Attempt {
                target,
                peer,
                cause,
                connections: BTreeSet::new(),
                later,
                later_at: Instant::now() + QUIC_LATER,
                reason: DialFailure::NoAddress,
            },
        );
        self.dial(id, now);
        self.conclude(id);
    }

    fn dial_later(&mut self, id: u64) {
        let Some(attempt) = self.attempts.get_mut(&id) else { return };
        let later = std::mem::take(&mut attempt.later);
        self.dial(id, later);
        self.conclude(id);
    }

    /// Dials addresses of an attempt, all at once. Each dial has a port of its own: from the listening
    /// port two simultaneous dials would meet in one TCP connection on which both sides dialled.
    fn dial(&mut self, id: u64, addresses: Vec<Multiaddr>) {
        let Some(attempt) = self.attempts.get_mut(&id) else { return };
        let dials: Vec<DialOpts> = match attempt.peer {
            _ if addresses.is_empty() => Vec::new(),
            Some(peer) => vec![
                DialOpts::peer_id(peer)
                    .addresses(addresses)
                    .condition(PeerCondition::Always)
                    .allocate_new_port()
                    .build(),
            ],
            None => addresses
                .into_iter()
                .map(|address| DialOpts::unknown_peer_id().address(address).allocate_new_port().build())
                .collect(),
        };
        for dial in dials {
            let connection = dial.connection_id();
            match self.swarm.dial(dial) {
                Ok(()) => {
                    attempt.connections.insert(connection);
                }
                // The swarm passes over the addresses at which it listens itself.
                Err(DialError::NoAddresses) => attempt.reason = DialFailure::Myself,
                Err(error) => attempt.reason = failure_of(&error),
            }
        }
    }

    /// Ends an attempt that has nothing left to try.
    fn conclude(&mut self, id: u64) {
        let Some(attempt) = self.attempts.get(&id) else { return };
        if !attempt.connections.is_empty() {
            return;
        }
        if !attempt.later.is_empty() {
            return self.dial_later(id);
        }
        if let Some(attempt) = self.attempts.remove(&id) {
            self.fail(attempt.target, &attempt.cause, attempt.reason);
        }
    }

    fn fail(&mut self, target: Target, cause: &Cause, reason: DialFailure) {
        if let Some(key) = cause.key() {
            self.keeper.failed(key, Instant::now());
        }
        self.backlog.push_back(Event::DialFailed { target, reason });
    }

    /// A connection of an attempt has failed or ended before it was a link.
    fn lose(&mut self, connection: ConnectionId, reason: Option<DialFailure>) {
        let Some((&id, attempt)) =
            self.attempts.iter_mut().find(|(_, attempt)| attempt.connections.contains(&connection))
        else {
            return;
        };
        attempt.connections.remove(&connection);
        if let Some(reason) = reason {
            attempt.reason = reason;
        }
        self.conclude(id);
    }

    fn on_swarm_event(&mut self, event: SwarmEvent<WholeEvent>) {
        match event {
            SwarmEvent::Behaviour(WholeEvent::Links(change)) => self.on_change(change),
            SwarmEvent::Behaviour(WholeEvent::Mdns(mdns::Event::Discovered(found))) => self.on_found(found),
            SwarmEvent::Behaviour(WholeEvent::Mdns(mdns::Event::Expired(lapsed))) => {
                for (peer, multiaddr) in lapsed {
                    if let Some(address) = address::from_multiaddr(&multiaddr) {
                        self.keeper.unheard(&peer, &address);
                    }
                }
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                self.lose(connection_id, Some(failure_of(&error)));
            }
            SwarmEvent::IncomingConnectionError { error: ListenError::Denied { .. }, .. } => {
                self.refuse(Down::Limit);
            }
            SwarmEvent::IncomingConnectionError { .. } => self.refuse(Down::Lost),
            SwarmEvent::NewListenAddr { address, .. } if !address::is_link_local(&address) => {
                if let Some(address) = address::from_multiaddr(&address) {
                    self.backlog.push_back(Event::Listening(address));
                }
                self.keeper.hurry(Instant::now());
            }
            SwarmEvent::ExpiredListenAddr { address, .. } if !address::is_link_local(&address) => {
                if let Some(address) = address::from_multiaddr(&address) {
                    self.backlog.push_back(Event::NotListening(address));
                }
            }
            _ => {}
        }
    }

    fn on_change(&mut self, change: Change) {
        match change {
            Change::Up { peer, connection } => self.on_up(peer, connection),
            Change::Over { peer, link: Some(lived), .. } => {
                self.keeper.lost(peer, lived, Instant::now());
            }
            Change::Over { peer, connection, link: None, reason } => {
                let linked = self.swarm.behaviour().links.is_linked(&peer);
                if !linked && reason != Down::Local {
                    self.refuse(reason);
                }
                if linked {
                    self.on_up(peer, connection);
                } else {
                    self.lose(connection, Some(failure_after(reason)));
                }
            }
        }
    }

    /// Tells of a connection that was dropped before it became a link.
    fn refuse(&mut self, reason: Down) {
        self.refused += 1;
        if self.events.try_send(Event::Refused { reason, connections: self.refused }).is_ok() {
            self.refused = 0;
        }
    }

    /// A peer has a link: every attempt to reach it, or one that led to it, has succeeded.
    fn on_up(&mut self, peer: PeerId, connection: ConnectionId) {
        self.keeper.linked(peer, None);
        let keeper = &mut self.keeper;
        self.attempts.retain(|_, attempt| {
            let reached = attempt.peer == Some(peer) || attempt.connections.contains(&connection);
            if reached {
                keeper.linked(peer, attempt.cause.key());
            }
            !reached
        });
    }

    fn on_found(&mut self, found: Vec<(PeerId, Multiaddr)>) {
        let mut peers: BTreeMap<PeerId, Vec<Address>> = BTreeMap::new();
        for (peer, multiaddr) in found {
            let addresses = peers.entry(peer).or_default();
            if let Some(address) = address::from_multiaddr(&multiaddr)
                && addresses.len() < ADDRESSES_MAX
                && !address::is_link_local(&multiaddr)
            {
                addresses.push(address);
            }
        }
        for (peer, addresses) in peers {
            self.keeper.heard(peer, &addresses, Instant::now());
            if self.backlog.len() < BACKLOG_MAX {
                self.backlog.push_back(Event::Discovered { peer: address::name_of(&peer), addresses });
            }
        }
    }
}

/// Waits until the ports can be used again: a QUIC socket closes in a task of its own, a moment later.
async fn given_back(ports: Vec<SocketAddr>) {
    for port in ports {
        while std::net::UdpSocket::bind(port).is_err() {
            tokio::time::sleep(PORTS_LOOK).await;
        }
    }
}

fn failure_of(error: &DialError) -> DialFailure {
    match error {
        DialError::LocalPeerId { .. } => DialFailure::Myself,
        DialError::WrongPeerId { .. } => DialFailure::WrongPeer,
        DialError::NoAddresses => DialFailure::NoAddress,
        DialError::Denied { .. } => DialFailure::Refused,
        _ => DialFailure::Unreachable,
    }
}

fn failure_after(reason: Down) -> DialFailure {
    match reason {
        Down::OtherProtocol => DialFailure::OtherProtocol,
        Down::Lost | Down::NoStream | Down::Silent => DialFailure::Unreachable,
        _ => DialFailure::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IdentitySeed;

    /// Nothing is awaited in these tests, so that no dial comes to an end.
    fn driver() -> (Driver, Events) {
        let config = Config::new(IdentitySeed::new([1; 32]), "/madang/test/1");
        Driver::new(&config, Arc::default()).unwrap()
    }

    fn target(number: u8) -> Target {
        let peer = Some(IdentitySeed::new([number; 32]).peer_name());
        Target { peer, addresses: vec![Address::parse("/ip4/127.0.0.1/tcp/1").unwrap()] }
    }

    fn under_way(driver: &Driver, cause: &Cause) -> usize {
        driver.attempts.values().filter(|attempt| attempt.cause == *cause).count()
    }

    #[tokio::test]
    async fn dials_of_every_kind_share_their_places_and_the_rest_waits() {
        let (mut driver, _events) = driver();
        (2..202).for_each(|number| driver.on_command(Command::Dial(target(number))));
        (2..202).for_each(|number| driver.on_command(Command::Greet(target(number))));
        driver.on_due();
        assert_eq!(driver.attempts.len(), ATTEMPTS_MAX);
        assert_eq!(under_way(&driver, &Cause::Asked), ATTEMPTS_MAX, "what was asked for goes first");
        assert_eq!(driver.next_due(), None, "nothing begins before something ends");
        assert!(driver.swarm.network_info().connection_counters().num_pending_outgoing() <= 64);
        let (ended, _) = driver.attempts.pop_first().unwrap();
        driver.on_due();
        assert!(driver.attempts.len() == ATTEMPTS_MAX && !driver.attempts.contains_key(&ended), "the next");
    }

    #[tokio::test]
    async fn a_crowd_that_announces_itself_nearby_is_dialled_a_few_at_a_time() {
        let (mut driver, _events) = driver();
        for number in 2..202 {
            driver.on_command(Command::Greet(target(number)));
            driver.on_due();
        }
        assert_eq!(under_way(&driver, &Cause::Heard), GREETINGS_MAX);
        driver.on_command(Command::Dial(target(250)));
        assert_eq!(under_way(&driver, &Cause::Asked), 1, "there is room for all else");
    }
}
