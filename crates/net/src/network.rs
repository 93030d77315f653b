//! The handle of a running network: what its owner can ask.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use libp2p::identity::Keypair;
use proto::id::{Address, LinkId, PeerName};
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use zeroize::Zeroizing;

use crate::driver::{self, Command};
use crate::event::Events;
use crate::pulse::Patience;
use crate::queue::SendQueue;
use crate::{address, environment};

/// Commands waiting for the network task: far beyond what an owner asks for in one breath.
const COMMANDS_MAX: usize = 4096;

/// The 32 secret bytes that make a network identity. They wipe themselves and print as their kind.
///
/// Take them from a random generator and keep them as long as the identity shall live. Never derive them
/// from an account.
pub struct IdentitySeed(Zeroizing<[u8; 32]>);

impl IdentitySeed {
    /// Takes 32 random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The name under which a network with this seed is known.
    #[must_use]
    pub fn peer_name(&self) -> PeerName {
        address::name_of(&self.keypair().public().to_peer_id())
    }

    /// The key pair of the transport.
    pub(crate) fn keypair(&self) -> Keypair {
        let mut bytes = self.0.clone();
        Keypair::ed25519_from_bytes(&mut bytes[..]).expect("any 32 bytes are an Ed25519 seed")
    }
}

impl fmt::Debug for IdentitySeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentitySeed")
    }
}

/// What a network is and how it may behave.
#[derive(Debug)]
pub struct Config {
    /// Who it is.
    pub identity: IdentitySeed,
    /// Where it listens; nowhere if empty. See [`crate::any_addresses`].
    pub listen: Vec<Address>,
    /// Whether it announces itself and looks for others on the local network by mDNS. Everybody on that
    /// network then sees that a node is here.
    pub mdns: bool,
    /// The name of the protocol on its stream, such as `/madang/direct/1`. Only networks of one name link.
    pub protocol: &'static str,
    /// How much it may use.
    pub limits: Limits,
    /// How long it waits.
    pub patience: Patience,
}

impl Config {
    /// A network that listens nowhere and discovers nothing, with ordinary limits.
    #[must_use]
    pub fn new(identity: IdentitySeed, protocol: &'static str) -> Self {
        Self {
            identity,
            listen: Vec::new(),
            mdns: false,
            protocol,
            limits: Limits::default(),
            patience: Patience::default(),
        }
    }
}

/// How much a network may use.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections in all, both directions.
    pub links: u32,
    /// Connections that others dialled.
    pub links_incoming: u32,
    /// Connections that others dialled from one IPv4 address, or from one IPv6 network of 64 bits; loopback is exempt.
    pub links_per_address: u32,
    /// Incoming connections whose handshake is under way; a quarter of it for one such address or network.
    pub handshakes: u32,
    /// Bytes that wait in the queue of one link.
    pub queue_bytes: usize,
    /// Events that wait for the owner.
    pub events: usize,
    /// Physical memory of the process, in bytes, beyond which no further incoming connection is taken.
    pub memory_bytes: Option<usize>,
}

impl Default for Limits {
    /// For a device of a person. A relay raises `links`, `links_incoming` and perhaps `memory_bytes`.
    fn default() -> Self {
        Self {
            links: 1024,
            links_incoming: 768,
            links_per_address: 128,
            handshakes: 128,
            queue_bytes: 2 * 1024 * 1024,
            events: 256,
            memory_bytes: Some(1024 * 1024 * 1024),
        }
    }
}

/// Whom to dial, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// The identity that must answer; `None` takes whoever answers.
    pub peer: Option<PeerName>,
    /// Where to try, at most 16; further ones are ignored. TCP goes first, QUIC a second later.
    pub addresses: Vec<Address>,
}

/// Why a network could not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address to listen at is none.
    #[error("cannot listen at {0}: write it like /ip4/0.0.0.0/tcp/4001 or /ip4/0.0.0.0/udp/4001/quic-v1")]
    Address(Address),
    /// An address to listen at could not be opened.
    #[error("cannot listen at {0}: {1}; choose another port or stop what uses it")]
    Listen(Address, String),
    /// Local discovery could not be started.
    #[error("local discovery cannot start: {0}; switch it off or allow multicast")]
    Discovery(std::io::Error),
    /// The transport could not be made.
    #[error("the transport cannot start: {0}")]
    Transport(String),
    /// The protocol's name does not begin with a slash.
    #[error("a protocol name begins with a slash")]
    Protocol,
    /// The environment asks for session keys to be logged.
    #[error(transparent)]
    Environment(#[from] environment::EnvironmentError),
}

/// Why a command was not taken.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum NetworkError {
    /// Thousands of commands wait already.
    #[error("the network is busy; try again in a moment")]
    Busy,
    /// The network has been shut down.
    #[error("the network is shut down")]
    Gone,
}

/// Why a frame was not taken.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum SendError {
    /// The link's queue is full; [`crate::Event::Writable`] says when to go on.
    #[error("the link's queue is full; go on when it is writable")]
    Full,
    /// The link is no more.
    #[error("the link is gone; send again on the next one")]
    Gone,
    /// The frame is empty or longer than [`crate::FRAME_BYTES_MAX`].
    #[error("a frame has 1 to {limit} bytes", limit = crate::FRAME_BYTES_MAX)]
    Length,
}

/// The live links of a network by name; shared between its handle and its task.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    queues: Mutex<BTreeMap<LinkId, Arc<SendQueue>>>,
    waiting_bytes: Arc<AtomicUsize>,
}

impl Registry {
    /// Makes the queue of a new link.
    pub(crate) fn insert(&self, link: LinkId, bytes_max: usize) -> Arc<SendQueue> {
        let queue = Arc::new(SendQueue::new(bytes_max, Arc::clone(&self.waiting_bytes)));
        self.lock().insert(link, Arc::clone(&queue));
        queue
    }

    pub(crate) fn remove(&self, link: LinkId) {
        let removed = self.lock().remove(&link);
        if let Some(queue) = removed {
            queue.end();
        }
    }

    pub(crate) fn close_all(&self) {
        for queue in self.lock().values() {
            queue.close();
        }
    }

    fn get(&self, link: LinkId) -> Option<Arc<SendQueue>> {
        self.lock().get(&link).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<LinkId, Arc<SendQueue>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running network identity. Clones speak of the same one; it ends by [`Network::shutdown`] or when the
/// last clone is dropped.
#[derive(Clone)]
pub struct Network {
    local: PeerName,
    links: Arc<Registry>,
    commands: mpsc::Sender<Command>,
    ended: watch::Receiver<bool>,
}

impl Network {
    /// Opens the sockets and starts the network's task on the present tokio runtime.
    ///
    /// # Errors
    /// [`StartError`] if an address cannot be listened at, or discovery or transport cannot start. An IPv6
    /// address on a host without IPv6 is passed over as long as another address works.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(config: Config) -> Result<(Self, Events), StartError> {
        if environment::key_log_is_set() {
            return Err(environment::EnvironmentError::KeyLogSet.into());
        }
        let local = config.identity.peer_name();
        let links = Arc::new(Registry::default());
        let (commands, command_queue) = mpsc::channel(COMMANDS_MAX);
        let (end, ended) = watch::channel(false);
        let events = driver::spawn(config, Arc::clone(&links), command_queue, end)?;
        Ok((Self { local, links, commands, ended }, events))
    }

    /// The name under which others know this network.
    #[must_use]
    pub fn local(&self) -> PeerName {
        self.local.clone()
    }

    /// Tries once to reach a target. It ends in [`crate::Event::LinkUp`], in
    /// [`crate::Event::DialFailed`], or in nothing if the peer is linked already.
    ///
    /// At most 64 dials of all kinds are under way; further ones wait. Of more than 1 024 that wait the oldest is
    /// given up: it fails as refused.
    ///
    /// # Errors
    /// [`NetworkError`] if the command was not taken.
    pub fn dial(&self, target: Target) -> Result<(), NetworkError> {
        self.command(Command::Dial(target))
    }

    /// Tries once to reach a peer that was merely heard, as in [`crate::Event::Discovered`]. Anybody nearby can
    /// announce any name at any address: so at most eight such dials are under way, one name is dialled at most once
    /// a minute, and of more than 1 024 names that wait the oldest is forgotten. A target without a name is ignored.
    ///
    /// # Errors
    /// [`NetworkError`] if the command was not taken.
    pub fn greet(&self, target: Target) -> Result<(), NetworkError> {
        self.command(Command::Greet(target))
    }

    /// As [`Network::greet`], for everybody who is heard on the local network now, and without the minute's pause:
    /// for an owner who has a reason to look for somebody among them.
    ///
    /// # Errors
    /// [`NetworkError`] if the command was not taken.
    pub fn greet_nearby(&self) -> Result<(), NetworkError> {
        self.command(Command::GreetNearby)
    }

    /// Keeps a link to a target: dials now, and again after each failure or loss with growing pauses
    /// (half a second to a minute, with jitter), at once when a network or the peer appears.
    ///
    /// A target is known by its peer, or else by its addresses. Keeping it again replaces its addresses
    /// and dials at once if it is not linked.
    ///
    /// # Errors
    /// [`NetworkError`] if the command was not taken.
    pub fn keep(&self, target: Target) -> Result<(), NetworkError> {
        self.command(Command::Keep(target))
    }

    /// Stops keeping a target. A link to it stays until it is closed or lost.
    ///
    /// # Errors
    /// [`NetworkError`] if the command was not taken.
    pub fn release(&self, target: Target) -> Result<(), NetworkError> {
        self.command(Command::Release(target))
    }

    /// Dials every kept target that is not linked now, and asks every link whether it is still alive.
    /// For an owner who knows that the network has changed, for instance after sleep.
    ///
    /// # Errors
    /// [`NetworkError`] if the command was not taken.
    pub fn hurry(&self) -> Result<(), NetworkError> {
        self.command(Command::Hurry)
    }

    /// Puts a frame into a link's queue and wakes the link. Never blocks.
    ///
    /// # Errors
    /// [`SendError::Full`] if the queue holds too much (a lone frame always fits), [`SendError::Gone`] if
    /// the link has ended, [`SendError::Length`] if the frame is empty or too long.
    pub fn send(&self, link: LinkId, frame: Vec<u8>) -> Result<(), SendError> {
        let queue = self.links.get(link).ok_or(SendError::Gone)?;
        queue.push(frame)
    }

    /// Closes a link after what is in its queue has been written, for at most one second.
    pub fn close(&self, link: LinkId) {
        if let Some(queue) = self.links.get(link) {
            queue.close();
        }
    }

    /// Closes a link and forgets what is in its queue.
    pub fn cut(&self, link: LinkId) {
        if let Some(queue) = self.links.get(link) {
            queue.cut();
        }
    }

    /// Bytes that wait in the queues of all links.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.links.waiting_bytes.load(Relaxed)
    }

    /// Bytes that wait in the queue of a link.
    #[must_use]
    pub fn waiting_bytes_of(&self, link: LinkId) -> usize {
        self.links.get(link).map_or(0, |queue| queue.bytes())
    }

    /// Closes all links and sockets. Returns when it is done, within about a second.
    pub async fn shutdown(&self) {
        let _ = self.commands.send(Command::Shutdown).await;
        let mut ended = self.ended.clone();
        let _ = ended.wait_for(|ended| *ended).await;
    }

    fn command(&self, command: Command) -> Result<(), NetworkError> {
        self.commands.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NetworkError::Busy,
            mpsc::error::TrySendError::Closed(_) => NetworkError::Gone,
        })
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network")
    }
}
