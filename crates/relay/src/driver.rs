//! The relay's one owner: it takes frames, asks the mailbox, keeps what was decided, and only then answers.
//!
//! Group commit comes by itself: while a commit is under way frames gather, and all of them share the next one.
//! A lone deposit waits for nothing.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use net::{Event, Events, Network, SendError};
use proto::{
    id::{Address, LinkId, Moment},
    mailbox::server::{Server, ServerError},
    store::{Batch, Overlay, Store, StoreError},
};
use store::SealedStore;
use tokio::sync::{oneshot, watch};

use crate::{
    RelayError,
    addresses::Addresses,
    descriptor,
    housework::Housework,
    machine::Machine,
    metrics::Counters,
    outbox::{Outbox, Taken},
};

/// Events that one commit may gather.
const GATHER_EVENTS_MAX: usize = 512;
/// Bytes of frames that one commit may gather: what a disk writes in a few milliseconds.
const GATHER_BYTES_MAX: usize = 4 << 20;
/// How often running time is counted and what is due is done. Time to live is counted in days.
const MINUTE: Duration = Duration::from_secs(60);
/// How long the list of own addresses must have been still before it is written into the descriptor.
const SETTLE: Duration = Duration::from_millis(250);

/// All that the owner owns.
pub(crate) struct Driver {
    pub(crate) machine: Machine,
    pub(crate) store: SealedStore,
    pub(crate) server: Server,
    pub(crate) network: Network,
    pub(crate) events: Events,
    pub(crate) addresses: Addresses,
    pub(crate) counters: Arc<Counters>,
    pub(crate) descriptor: watch::Sender<Option<String>>,
    pub(crate) listening: watch::Sender<Vec<Address>>,
    pub(crate) ttl_days: u8,
    pub(crate) tell_counters: Option<Duration>,
    pub(crate) tell_addresses: bool,
    pub(crate) outbox: Outbox,
    pub(crate) waiting_bytes_max: usize,
    pub(crate) links: BTreeSet<LinkId>,
    pub(crate) housework: Housework,
    pub(crate) began: Instant,
}

impl Driver {
    /// Serves until it is told to stop, or until disk or network fail.
    pub(crate) async fn run(mut self, mut stop: oneshot::Receiver<()>) -> Result<(), RelayError> {
        let served = self.serve(&mut stop).await;
        self.network.shutdown().await;
        served?;
        self.age()?;
        self.store.close().map_err(RelayError::from)
    }

    async fn serve(&mut self, stop: &mut oneshot::Receiver<()>) -> Result<(), RelayError> {
        let every = |span| tokio::time::interval_at(tokio::time::Instant::now() + span, span);
        let mut minute = every(MINUTE);
        let mut tell = self.tell_counters.map(every);
        self.age()?;
        loop {
            let (settles_at, cut_at) = (self.addresses.settles_at(), self.cut_at());
            let overdue_at = self.housework.overdue_at();
            tokio::select! {
                // What is rare goes first, so that a flood of frames cannot hold it up.
                biased;
                _ = &mut *stop => return Ok(()),
                _ = minute.tick() => self.age()?,
                () = next(&mut tell) => self.counters.tell(&self.server.stats(), self.waiting_bytes()),
                () = until(settles_at) => self.describe()?,
                () = until(cut_at) => self.finish(Batch::new())?,
                () = until(overdue_at) => self.catch_up()?,
                event = self.events.recv() => match event {
                    Some(event) => self.gather(event)?,
                    None => return Err(RelayError::NetworkGone),
                },
                () = std::future::ready(()), if self.housework.is_wanted() => self.tidy()?,
            }
        }
    }

    /// Takes one event and all that wait behind it, commits once, and answers.
    fn gather(&mut self, first: Event) -> Result<(), RelayError> {
        let mut batch = Batch::new();
        let mut bytes = frame_bytes(&first);
        self.take(first, &mut batch)?;
        for _ in 1..GATHER_EVENTS_MAX {
            if bytes >= GATHER_BYTES_MAX {
                break;
            }
            let Ok(event) = self.events.try_recv() else { break };
            bytes += frame_bytes(&event);
            self.take(event, &mut batch)?;
        }
        if !batch.is_empty() {
            self.housework.wrote(bytes);
        }
        self.finish(batch)
    }

    /// Closes the list's batch, makes what was decided durable, and then lets the answers go.
    fn finish(&mut self, mut batch: Batch) -> Result<(), RelayError> {
        let now = self.now();
        match self.server.cut(&mut Overlay::new(&self.store, &mut batch), now) {
            Ok(()) => {}
            Err(ServerError::Store(error)) => return Err(error.into()),
            Err(reason) => tracing::debug!(%reason, "the list could not be pushed"),
        }
        self.commit(batch)?;
        for (link, frame) in self.server.take_outputs() {
            let network = &self.network;
            if !self.outbox.push(link, frame, &mut |link, frame| send(network, link, frame)) {
                tracing::debug!(link = link.0, "a client asks for more than it reads");
                self.close(link);
            }
            self.shed();
        }
        Ok(())
    }

    /// Bytes that wait for clients to read them.
    fn waiting_bytes(&self) -> usize {
        self.outbox.bytes() + self.network.waiting_bytes()
    }

    /// While more waits than memory is meant for, sends away whoever has left most unread.
    fn shed(&mut self) {
        while self.waiting_bytes() > self.waiting_bytes_max {
            let held = |link: &LinkId| self.outbox.bytes_of(*link) + self.network.waiting_bytes_of(*link);
            let Some(most) = self.links.iter().copied().max_by_key(held) else { return };
            tracing::debug!(link = most.0, "too much waits, and most of it for this client");
            self.close(most);
            self.network.cut(most);
        }
    }

    fn commit(&mut self, batch: Batch) -> Result<(), RelayError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.store.commit(batch)?;
        self.counters.commit(&self.server.stats());
        Ok(())
    }

    fn take(&mut self, event: Event, batch: &mut Batch) -> Result<(), RelayError> {
        match event {
            Event::Frame { link, bytes } => return self.on_frame(link, &bytes, batch),
            Event::LinkUp { link, remote, .. } => {
                match self.tell_addresses {
                    true => tracing::debug!(link = link.0, %remote, "a client connected"),
                    false => tracing::debug!(link = link.0, "a client connected"),
                }
                self.counters.link_up();
                self.links.insert(link);
                self.server.link_up(link);
            }
            Event::LinkDown { link, reason } => {
                tracing::debug!(link = link.0, %reason, "a client is gone");
                self.forget(link);
            }
            Event::Writable { link } => {
                let network = &self.network;
                self.outbox.go_on(link, &mut |link, frame| send(network, link, frame));
            }
            Event::Listening(address) => self.on_listening(address, true),
            Event::NotListening(address) => self.on_listening(address, false),
            Event::Refused { reason, connections } => {
                tracing::debug!(%reason, connections, "connections were refused");
                self.counters.refused_connections(connections);
            }
            _ => {}
        }
        Ok(())
    }

    fn on_frame(&mut self, link: LinkId, bytes: &[u8], batch: &mut Batch) -> Result<(), RelayError> {
        if !self.links.contains(&link) {
            return Ok(());
        }
        let now = self.now();
        let mut overlay = Overlay::new(&self.store, batch);
        match self.server.on_frame(link, bytes, now, &mut overlay, &mut rand::rng()) {
            Ok(()) => Ok(()),
            Err(ServerError::Store(error)) => Err(error.into()),
            Err(reason) => {
                tracing::debug!(link = link.0, %reason, "a client is sent away");
                self.close(link);
                Ok(())
            }
        }
    }

    /// Closes a link from this side; its `LinkDown` comes later and finds nothing left.
    fn close(&mut self, link: LinkId) {
        self.counters.sent_away();
        self.forget(link);
        self.network.close(link);
    }

    fn forget(&mut self, link: LinkId) {
        self.outbox.forget(link);
        if self.links.remove(&link) {
            self.counters.link_down();
            self.server.link_down(link);
        }
    }

    /// Counts running time, and begins to forget what has outlived its days.
    fn age(&mut self) -> Result<(), RelayError> {
        let mut batch = Batch::new();
        let now = self.now();
        self.server.tick(now, &mut Overlay::new(&self.store, &mut batch));
        self.housework.wake(Instant::now());
        self.commit(batch)
    }

    /// Does a piece of the work that can wait a little: forgetting, and giving space back to the disk.
    fn tidy(&mut self) -> Result<(), RelayError> {
        let mut batch = Batch::new();
        let now = self.now();
        let forgets = self.server.tick(now, &mut Overlay::new(&self.store, &mut batch));
        self.commit(batch)?;
        let more = match self.store.maintain(Instant::now()) {
            Ok(done) => done.more,
            Err(StoreError::NoFiles) => {
                tracing::warn!("too many files are open, so tidying waits; raise the limit (LimitNOFILE)");
                false
            }
            Err(error) => return Err(error.into()),
        };
        self.housework.did(forgets || more, Instant::now());
        Ok(())
    }

    /// Does what cannot wait for a quiet moment any longer.
    fn catch_up(&mut self) -> Result<(), RelayError> {
        while self.housework.overdue_at().is_some_and(|at| at <= Instant::now()) {
            self.tidy()?;
        }
        Ok(())
    }

    fn on_listening(&mut self, address: Address, here: bool) {
        match here {
            true => tracing::info!(%address, "listening"),
            false => tracing::info!(%address, "no longer listening"),
        }
        self.addresses.note(address, here, Instant::now() + SETTLE);
        self.listening.send_replace(self.addresses.seen().cloned().collect());
    }

    /// Says who we are and where, with a new number only if that is not what was said before.
    fn describe(&mut self) -> Result<(), RelayError> {
        self.addresses.settled();
        let addresses = self.addresses.announced();
        if addresses.is_empty() {
            return Ok(());
        }
        let sequence = descriptor::sequence(&self.machine, &addresses, self.ttl_days)?;
        let text = self.server.descriptor(addresses, sequence).to_text();
        if self.machine.descriptor_text()?.as_deref() != Some(&text) {
            self.machine.keep_descriptor(&text)?;
        }
        self.descriptor.send_replace(Some(text));
        Ok(())
    }

    fn cut_at(&self) -> Option<Instant> {
        self.server.cut_due().map(|due| self.began + Duration::from_millis(due.0))
    }

    fn now(&self) -> Moment {
        Moment(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

fn frame_bytes(event: &Event) -> usize {
    match event {
        Event::Frame { bytes, .. } => bytes.len(),
        _ => 0,
    }
}

fn send(network: &Network, link: LinkId, frame: Vec<u8>) -> Taken {
    match network.send(link, frame) {
        Ok(()) => Taken::Yes,
        Err(SendError::Full) => Taken::Full,
        Err(SendError::Gone | SendError::Length) => Taken::Gone,
    }
}

async fn until(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when.into()).await,
        None => std::future::pending().await,
    }
}

async fn next(interval: &mut Option<tokio::time::Interval>) {
    match interval {
        Some(interval) => _ = interval.tick().await,
        None => std::future::pending().await,
    }
}
