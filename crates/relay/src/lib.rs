//! A relay: a mailbox for others, on a machine that is always on. It holds mail for people who are away and cannot
//! read it.
//!
//! The same relay runs as a daemon (`madang-relay run`), inside the desktop app and inside tests:
//!
//! ```no_run
//! # async fn example() -> Result<(), madang_relay::RelayError> {
//! use madang_relay::{Relay, Settings};
//!
//! let relay = Relay::start(Settings::loopback("/tmp/relay")).await?;
//! println!("{}", relay.descriptor());
//! relay.shutdown().await?;
//! # Ok(())
//! # }
//! ```
//!
//! What it knows: blobs of four sizes, each under a tag of its own, and which connection brought or asked for it.
//! What it does not: who wrote, to whom, what, or which blobs belong together. It has no path to the crate that
//! opens envelopes. `docs/operating-a-relay.md` tells the operator's side.

#![deny(missing_docs)]

pub mod command;
pub mod config;
pub mod units;

mod addresses;
mod descriptor;
mod driver;
mod housework;
mod machine;
mod metrics;
mod outbox;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use net::{Limits, Network};
use proto::{
    id::Address,
    mailbox::server::{Quotas, Server},
    store::{Batch, Overlay, Store, StoreError},
};
use store::{OpenError, OpenReport, Options, SealedStore};
use tokio::sync::{oneshot, watch};

pub use machine::{Machine, MachineError};
pub use metrics::Snapshot;

use crate::{
    addresses::Addresses,
    config::{ConfigFile, Transport},
    driver::Driver,
    housework::Housework,
    metrics::Counters,
    outbox::Outbox,
};

/// The name of the protocol between a relay and its clients.
pub const PROTOCOL: &str = "/madang/box/1";

/// Bytes that wait in the network's queue of one link: two frames. What more is asked for waits in the outbox.
const QUEUE_BYTES: usize = 128 << 10;

/// Bytes that may wait for all clients together.
const WAITING_BYTES: usize = 256 << 20;

/// Files that the relay itself has open: the store's, sockets to listen at, those of the runtime, and room to spare.
const OWN_FILES: u64 = 256;

/// How long a start may take until the network says where it listens.
const START_WAIT: Duration = Duration::from_secs(10);

/// What a relay is and how much it may use.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The data directory.
    pub data: PathBuf,
    /// Whether a data directory without a machine key is made into a new relay's. A daemon says no: its disk may
    /// not be mounted.
    pub create: bool,
    /// Where to listen.
    pub listen: Vec<Address>,
    /// What to announce; if empty, what is listened at.
    pub announce: Vec<Address>,
    /// How much to keep.
    pub quotas: Quotas,
    /// Most connections at one time.
    pub connections: u32,
    /// Bytes that may wait for all clients together until they read them. Beyond it, whoever has left most unread is
    /// sent away.
    pub waiting_bytes: usize,
    /// How often the counters go to the log; never if `None`.
    pub counters: Option<Duration>,
    /// Whether addresses of clients may stand in the log.
    pub log_addresses: bool,
}

impl Settings {
    /// A relay for this machine alone, on ports that the system chooses, made if it does not exist: for tests and
    /// for the practice conversation.
    pub fn loopback(data: impl Into<PathBuf>) -> Self {
        let address = |text| Address::parse(text).expect("a well-formed address");
        Self {
            data: data.into(),
            create: true,
            listen: vec![address("/ip4/127.0.0.1/tcp/0")],
            announce: Vec::new(),
            quotas: Quotas::default(),
            connections: 256,
            waiting_bytes: WAITING_BYTES,
            counters: None,
            log_addresses: false,
        }
    }

    /// What an operator's file says.
    pub fn from_file(file: &ConfigFile) -> Self {
        let network = &file.network;
        Self {
            data: file.data.clone(),
            create: false,
            listen: spelled(&network.listen, &network.transports),
            announce: spelled(&network.announce, &network.transports),
            quotas: Quotas { followers: network.connections.0 as usize, ..file.keep.quotas() },
            connections: network.connections.0,
            waiting_bytes: WAITING_BYTES,
            counters: (!file.log.counters.0.is_zero()).then_some(file.log.counters.0),
            log_addresses: file.log.addresses,
        }
    }

    /// Files that the relay may have open at once: one for each connection, and its own.
    pub fn files(&self) -> u64 {
        u64::from(self.connections) + u64::from(self.handshakes()) + OWN_FILES
    }

    /// Half as many as connections: whoever makes handshakes and never ends them should need many of them.
    fn handshakes(&self) -> u32 {
        (self.connections / 2).max(128)
    }

    fn limits(&self) -> Limits {
        Limits {
            links: self.connections,
            links_incoming: self.connections,
            // Many clients may stand behind one address, but none of them may take all places.
            links_per_address: (self.connections / 4).max(16),
            handshakes: self.handshakes(),
            queue_bytes: QUEUE_BYTES,
            events: 1_024,
            // Places, windows and `waiting_bytes` bound what clients can make a relay keep in memory. A limit on
            // the whole process would turn everybody away because of what one client, or a cache, has taken.
            memory_bytes: None,
        }
    }
}

/// Writes each socket as one address for each transport.
fn spelled(sockets: &[config::Socket], transports: &[Transport]) -> Vec<Address> {
    let of = |socket: &config::Socket, transport: &Transport| {
        let ip = match socket.0.ip() {
            std::net::IpAddr::V4(ip) => format!("/ip4/{ip}"),
            std::net::IpAddr::V6(ip) => format!("/ip6/{ip}"),
        };
        let port = socket.0.port();
        let text = match transport {
            Transport::Tcp => format!("{ip}/tcp/{port}"),
            Transport::Quic => format!("{ip}/udp/{port}/quic-v1"),
        };
        Address::parse(&text).expect("a socket spelled as an address is far below the limit")
    };
    transports.iter().flat_map(|t| sockets.iter().map(move |s| of(s, t))).collect()
}

/// A running relay. It stops when it is told to, or when it is dropped.
pub struct Relay {
    descriptor: watch::Receiver<Option<String>>,
    addresses: watch::Receiver<Vec<Address>>,
    counters: Arc<Counters>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<Result<(), RelayError>>>,
    ended: watch::Receiver<bool>,
}

/// Why a relay could not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The data directory cannot be used.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// Another process holds the data directory.
    #[error("{path}: another relay runs on this directory; stop it first", path = .0.display())]
    Busy(PathBuf),
    /// The sealed store cannot be opened.
    #[error("{path}: the mail cannot be opened: {what}", path = path.display())]
    Store {
        /// The store's directory.
        path: PathBuf,
        /// What the store said.
        what: String,
    },
    /// The network cannot start.
    #[error(transparent)]
    Network(#[from] net::StartError),
    /// The network ended by itself.
    #[error("the network ended unexpectedly; start the relay again")]
    NetworkGone,
    /// Nothing could be listened at.
    #[error("no address could be listened at within ten seconds; check `network.listen`")]
    Deaf,
    /// The disk refused; nothing that was not durable has been acknowledged.
    #[error("the disk refused: {0}; make room or repair it and start again, nothing acknowledged is lost")]
    Disk(StoreError),
    /// The mail on the disk cannot be read as what was written; some of it may be lost.
    #[error(
        "the mail cannot be read: {0}; check the disk. If it comes again, move the directory `mail` away to begin with \
         an empty mailbox: senders put again what their contacts have not acknowledged"
    )]
    Damaged(&'static str),
    /// The owner thread died.
    #[error("the relay stopped by a fault of its own; please report it")]
    Fault,
}

impl From<StoreError> for RelayError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt(what) => Self::Damaged(what),
            _ => Self::Disk(error),
        }
    }
}

impl Relay {
    /// Makes a new relay in `data`: its machine key and its empty store.
    ///
    /// # Errors
    /// [`RelayError::Machine`] if a relay lives there already or the system refuses.
    pub fn init(data: &Path) -> Result<Machine, RelayError> {
        let machine = Machine::create(data, &mut rand::rng())?;
        drop(open_store(&machine)?);
        Ok(machine)
    }

    /// Opens the data directory, listens, and serves. Returns once the descriptor is known and clients are served.
    ///
    /// # Errors
    /// [`RelayError`]. Needs a tokio runtime with time and IO.
    pub async fn start(settings: Settings) -> Result<Self, RelayError> {
        let data = settings.data.clone();
        let create = settings.create;
        let quotas = settings.quotas.clone();
        let (machine, store, server) = tokio::task::spawn_blocking(move || open(&data, create, quotas))
            .await
            .map_err(|_| RelayError::Fault)??;
        let (network, events) = Network::start(net::Config {
            listen: settings.listen.clone(),
            mdns: false,
            limits: settings.limits(),
            ..net::Config::new(machine.transport_seed(), PROTOCOL)
        })?;
        let counters = Arc::new(Counters::default());
        let (descriptor_sender, descriptor) = watch::channel(None);
        let (addresses_sender, addresses) = watch::channel(Vec::new());
        let (stop, stopped) = oneshot::channel();
        let (end, ended) = watch::channel(false);
        let driver = Driver {
            machine,
            store,
            server,
            network,
            events,
            addresses: Addresses::new(settings.announce.clone(), &settings.listen),
            counters: Arc::clone(&counters),
            descriptor: descriptor_sender,
            listening: addresses_sender,
            ttl_days: settings.quotas.ttl_days,
            tell_counters: settings.counters,
            tell_addresses: settings.log_addresses,
            outbox: Outbox::default(),
            waiting_bytes_max: settings.waiting_bytes,
            links: Default::default(),
            housework: Housework::default(),
            began: Instant::now(),
        };
        let runtime = tokio::runtime::Handle::current();
        let thread = std::thread::Builder::new()
            .name("madang-relay".into())
            .spawn(move || {
                let result = runtime.block_on(driver.run(stopped));
                end.send_replace(true);
                result
            })
            .map_err(|_| RelayError::Fault)?;
        let mut relay =
            Self { descriptor, addresses, counters, stop: Some(stop), thread: Some(thread), ended };
        relay.wait_until_known().await?;
        Ok(relay)
    }

    async fn wait_until_known(&mut self) -> Result<(), RelayError> {
        let (mut descriptor, mut addresses) = (self.descriptor.clone(), self.addresses.clone());
        let known = async {
            descriptor.wait_for(Option::is_some).await?;
            addresses.wait_for(|addresses| !addresses.is_empty()).await.map(drop)
        };
        match tokio::time::timeout(START_WAIT, known).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.end().await.err().unwrap_or(RelayError::Fault)),
            Err(_) => {
                self.end().await?;
                Err(RelayError::Deaf)
            }
        }
    }

    /// Returns the descriptor as text, `madang-relay:…`, as it is to be handed out now.
    pub fn descriptor(&self) -> String {
        self.descriptor.borrow().clone().unwrap_or_default()
    }

    /// Returns the addresses that are listened at now.
    pub fn addresses(&self) -> Vec<Address> {
        self.addresses.borrow().clone()
    }

    /// Returns a look at the counters.
    pub fn counters(&self) -> Snapshot {
        self.counters.look()
    }

    /// Returns when the relay has stopped by itself: only a failing disk or network makes it. Can be cancelled.
    pub async fn stopped(&mut self) {
        let _ = self.ended.wait_for(|ended| *ended).await;
    }

    /// Closes all links, makes the last state durable and stops, within about two seconds.
    ///
    /// # Errors
    /// The [`RelayError`] that had stopped the relay before, or the disk's last word.
    pub async fn shutdown(mut self) -> Result<(), RelayError> {
        self.end().await
    }

    async fn end(&mut self) -> Result<(), RelayError> {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let Some(thread) = self.thread.take() else { return Ok(()) };
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        joined.map_err(|_| RelayError::Fault)?.map_err(|_| RelayError::Fault)?
    }
}

/// Opens key, store and mailbox; slow work for a blocking thread.
fn open(data: &Path, create: bool, quotas: Quotas) -> Result<(Machine, SealedStore, Server), RelayError> {
    let machine = match Machine::open(data) {
        Err(MachineError::Missing(_)) if create => Machine::create(data, &mut rand::rng())?,
        opened => opened?,
    };
    let (mut store, is_loss) = open_store(&machine)?;
    let keys = descriptor::keys(&machine);
    let mut server = Server::load(keys, quotas, &store, &mut rand::rng())?;
    if is_loss || server.has_gaps() {
        renew_list(&mut store, &mut server)?;
    }
    Ok((machine, store, server))
}

/// Begins a new list over what is left after a loss, before anybody is served.
fn renew_list(store: &mut SealedStore, server: &mut Server) -> Result<(), StoreError> {
    tracing::error!(
        envelopes = server.stats().envelopes,
        "mail is missing; clients are told that the list began anew, and senders leave again what they have"
    );
    let mut batch = Batch::new();
    server.renew_list(&mut Overlay::new(&*store, &mut batch), &mut rand::rng());
    store.commit(batch)?;
    store.checkpoint()
}

/// Opens the sealed store under the machine key, or makes it if it is not there. Tells whether it has lost something.
fn open_store(machine: &Machine) -> Result<(SealedStore, bool), RelayError> {
    let path = machine.store_dir();
    // The mailbox does without what cannot be read, and its list says so.
    let (seed, options) = (machine.store_seed(), Options { tells_damage: false, ..Options::default() });
    let opened = match SealedStore::is_in(&path) {
        true => SealedStore::open_with_seed(&path, &seed, options).map(|(store, report)| {
            tell_report(&report);
            (store, report.is_loss())
        }),
        false => {
            SealedStore::create_with_seed(&path, &seed, options, &mut rand::rng()).map(|store| (store, false))
        }
    };
    opened.map_err(|error| match error {
        OpenError::Busy => RelayError::Busy(path),
        OpenError::WrongPassphrase => RelayError::Store {
            path,
            what: "it was made under another machine key; put that key back".into(),
        },
        OpenError::Damaged(what) => RelayError::Store {
            path,
            what: format!("{what} is damaged; move the directory away to begin with an empty mailbox"),
        },
        other => RelayError::Store { path, what: other.to_string() },
    })
}

/// Tells the operator what was found while the store opened.
fn tell_report(report: &OpenReport) {
    if let Some(rebuilt) = report.rebuilt {
        tracing::warn!("{rebuilt}");
    }
    if report.torn_tail {
        tracing::info!("the last run ended within a commit that nobody had been told of; it was cut off");
    }
    if report.is_loss() {
        tracing::error!(
            rolled_back = report.rolled_back,
            lost_commits = report.lost_commits,
            missing_segments = report.missing_segments,
            "the mail directory is older or smaller than it was"
        );
    }
}
