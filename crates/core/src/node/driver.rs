//! The one task that acts: it gathers inputs, lets the engine decide, commits once, and releases the outputs.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use net::Target;
use proto::id::{Address, LinkId, Moment};
use proto::store::{Batch, Overlay, Store as _, StoreError};
use store::SealedStore;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::ended::{Ended, Reason};
use super::networks::{Arrival, Networks, Origin};
use super::openers::{self, Opening};
use super::profile::{NodeError, Opened};
use super::{Config, Request};
use crate::engine::{Answer, CommandError, Input, Now, OpenedSeal, Output, Ticket};
use crate::event::Event;

/// Network events that wait for the driver; beyond it the wires wait.
const ARRIVALS_MAX: usize = 1_024;
/// Inputs that share one commit.
const GATHER_INPUTS: usize = 512;
/// Bytes of frames that share one commit: less than half of what a relay or a contact may have under way, so that
/// they go on working while this side decides and syncs.
const GATHER_BYTES: usize = 192 * 1024;
/// Bytes that wait for one slow link; beyond it the link is closed, and what it carried goes another way.
const BACKLOG_BYTES: usize = 16 * 1024 * 1024;

/// How long after a commit the store is tidied if nothing else is to be done: keys of what was overwritten die then.
const TIDY_AFTER: Duration = Duration::from_millis(250);
/// How long it waits if the system has no file to open for it: sockets give theirs back.
const TIDY_WITHOUT_FILES: Duration = Duration::from_secs(5);
/// How much later it is tidied even if there is always something else.
const TIDY_GRACE: Duration = Duration::from_secs(1);

pub(crate) fn spawn(
    opened: Opened,
    config: Config,
    requests: mpsc::Receiver<Request>,
    events: broadcast::Sender<Event>,
    ended: Reason,
) -> Result<(), NodeError> {
    let (arrivals, arriving) = mpsc::channel(ARRIVALS_MAX);
    let networks = Networks::start(config.listen, config.discovery, arrivals)?;
    let runtime = tokio::runtime::Handle::current();
    let driver = Driver {
        opened,
        networks,
        dials_relays: config.relays,
        requests,
        arriving,
        events,
        ended,
        tickets: BTreeMap::new(),
        next_ticket: 0,
        backlog: BTreeMap::new(),
        listening: Vec::new(),
        opening: None,
        ending: None,
        tidy_at: Some(Instant::now()),
        looked: Instant::now(),
    };
    std::thread::Builder::new()
        .name("madang-node".into())
        .spawn(move || {
            let _entered = runtime.enter();
            driver.run(&runtime);
        })
        .map(drop)
        .map_err(|_| NodeError::Stopped)
}

struct Driver {
    opened: Opened,
    networks: Networks,
    dials_relays: bool,
    requests: mpsc::Receiver<Request>,
    arriving: mpsc::Receiver<Arrival>,
    events: broadcast::Sender<Event>,
    ended: Reason,
    tickets: BTreeMap<Ticket, oneshot::Sender<Result<Answer, CommandError>>>,
    next_ticket: u64,
    backlog: BTreeMap<LinkId, VecDeque<Vec<u8>>>,
    listening: Vec<Address>,
    /// Inputs whose seals are being opened: they are decided next.
    opening: Option<(Vec<Input>, Opening)>,
    ending: Option<oneshot::Sender<()>>,
    /// When the store is to be tidied next.
    tidy_at: Option<Instant>,
    /// When it was last looked in the midst of work whether the profile is still there.
    looked: Instant,
}

/// How often it is looked whether the profile was wiped by somebody else: then everything is forgotten at once.
const LOOK_EVERY: Duration = Duration::from_millis(500);

enum Woken {
    /// Nobody was waited for: there is work already.
    Working,
    Wiped,
    Request(Option<Request>),
    Arrival(Arrival),
    Time,
    Idle,
}

impl Driver {
    fn run(mut self, runtime: &tokio::runtime::Handle) {
        for notice in std::mem::take(&mut self.opened.notices) {
            let _ = self.events.send(Event::Notice(notice));
        }
        // The first turn asks for the connections that the profile needs.
        let mut inputs = vec![Input::Wake];
        loop {
            if let Err(error) = self.work(std::mem::take(&mut inputs)) {
                self.fail(error.into());
                break;
            }
            if self.ending.is_some() {
                break;
            }
            if self.looked.elapsed() > LOOK_EVERY {
                self.looked = Instant::now();
                if !SealedStore::is_in(&self.opened.folder) {
                    self.fail(Ended::Wiped);
                    break;
                }
            }
            let woken = match self.opening {
                Some(_) if !self.tidy_is_overdue() => Woken::Working,
                _ => runtime.block_on(self.wait()),
            };
            if matches!(woken, Woken::Idle) {
                if let Err(error) = self.tidy() {
                    self.fail(error.into());
                    break;
                }
                continue;
            }
            if !self.gather(woken, &mut inputs) {
                break;
            }
        }
        runtime.block_on(self.networks.shutdown());
        let ending = self.ending.take();
        drop(self);
        if let Some(ending) = ending {
            let _ = ending.send(());
        }
    }

    /// Notes why the node ends by itself. What fails in a profile that was wiped fails because of that.
    fn fail(&self, why: Ended) {
        let why = if SealedStore::is_in(&self.opened.folder) { why } else { Ended::Wiped };
        tracing::error!(%why, "the node ends");
        let _ = self.ended.set(why);
    }

    async fn wait(&mut self) -> Woken {
        let due = self.opened.engine.next_wake(self.moment());
        let pause = due.map_or(Duration::from_secs(3600), |at| at.since(self.moment()));
        let idle =
            self.tidy_at.map_or(Duration::from_secs(3600), |at| at.saturating_duration_since(Instant::now()));
        if self.tidy_is_overdue() {
            return Woken::Idle;
        }
        tokio::select! {
            biased;
            request = self.requests.recv() => Woken::Request(request),
            Some(arrival) = self.arriving.recv() => Woken::Arrival(arrival),
            () = wiped(self.opened.folder.clone()) => Woken::Wiped,
            () = tokio::time::sleep(pause) => Woken::Time,
            () = tokio::time::sleep(idle) => Woken::Idle,
        }
    }

    fn tidy_is_overdue(&self) -> bool {
        self.tidy_at.is_some_and(|at| at.elapsed() > TIDY_GRACE)
    }

    /// Collects what is there already, without waiting for more. Returns false when nobody can ask any more.
    fn gather(&mut self, woken: Woken, inputs: &mut Vec<Input>) -> bool {
        let mut bytes = 0;
        match woken {
            Woken::Request(Some(request)) => self.request(request, inputs),
            Woken::Request(None) => return false,
            Woken::Wiped => {
                self.fail(Ended::Wiped);
                return false;
            }
            Woken::Arrival(arrival) => bytes += self.arrival(arrival, inputs),
            Woken::Time => inputs.push(Input::Wake),
            Woken::Idle | Woken::Working => {}
        }
        while inputs.len() < GATHER_INPUTS && bytes < GATHER_BYTES {
            if let Ok(request) = self.requests.try_recv() {
                self.request(request, inputs);
            } else if let Ok(arrival) = self.arriving.try_recv() {
                bytes += self.arrival(arrival, inputs);
            } else {
                break;
            }
        }
        true
    }

    fn request(&mut self, request: Request, inputs: &mut Vec<Input>) {
        match request {
            Request::Command(command, answer) => {
                let ticket = Ticket(self.next_ticket);
                self.next_ticket += 1;
                self.tickets.insert(ticket, answer);
                inputs.push(Input::Command(ticket, command));
            }
            Request::Addresses(answer) => {
                let _ = answer.send(self.listening.clone());
            }
            Request::Backup(path, sealer, give_up, answer) => {
                let Opened { store, folder, .. } = &self.opened;
                let is_there = || SealedStore::is_in(folder);
                let _ = answer.send(super::backup::write(store, &path, *sealer, &is_there, &give_up));
            }
            Request::Duress(decoy, answer) => {
                let _ = answer.send(super::profile::set_duress(&mut self.opened.store, decoy));
            }
            Request::Passphrase(passphrase, answer) => {
                let _ = answer.send(self.opened.store.change_passphrase(&passphrase));
            }
            Request::TransportNames(answer) => {
                let _ = answer.send(self.networks.names());
            }
            Request::Shutdown(done) => {
                self.ending = Some(done);
                inputs.push(Input::Closing);
            }
        }
    }

    fn arrival(&mut self, (origin, event): Arrival, inputs: &mut Vec<Input>) -> usize {
        match event {
            net::Event::LinkUp { link, peer, dialer, remote } => {
                if let Some((link, kind)) = self.networks.link_up(origin, link, peer, dialer, remote) {
                    inputs.push(Input::LinkUp(link, kind));
                }
            }
            net::Event::Frame { link, bytes } => {
                let size = bytes.len();
                if let Some(link) = self.networks.named(origin, link) {
                    inputs.push(Input::Frame(link, bytes));
                }
                return size;
            }
            net::Event::LinkDown { link, .. } => {
                if let Some(link) = self.networks.link_down(origin, link) {
                    self.backlog.remove(&link);
                    inputs.push(Input::LinkDown(link));
                }
            }
            net::Event::Writable { link } => {
                if let Some(link) = self.networks.named(origin, link) {
                    self.drain(link);
                }
            }
            net::Event::Listening(address) if origin == Origin::Direct => self.listening.push(address),
            net::Event::NotListening(address) => self.listening.retain(|a| *a != address),
            net::Event::Discovered { peer, addresses } => {
                self.networks.greet(Target { peer: Some(peer), addresses });
            }
            _ => {}
        }
        0
    }

    /// Takes what was gathered. Where it brings many sealed blobs, other cores open them while this one decides what
    /// came before; all else is decided now.
    fn work(&mut self, inputs: Vec<Input>) -> Result<(), StoreError> {
        let jobs = self.opened.engine.seal_jobs(&inputs);
        let before = self.opening.take();
        let now = match Opening::start(jobs) {
            Ok(opening) if self.ending.is_none() => {
                self.opening = Some((inputs, opening));
                None
            }
            Ok(opening) => Some((inputs, opening.finish())),
            Err(jobs) => Some((inputs, openers::run(jobs))),
        };
        if let Some((inputs, opening)) = before {
            self.turn(inputs, opening.finish())?;
        }
        match now {
            Some((inputs, opened)) if !inputs.is_empty() => self.turn(inputs, opened),
            _ => Ok(()),
        }
    }

    fn turn(&mut self, inputs: Vec<Input>, opened: Vec<OpenedSeal>) -> Result<(), StoreError> {
        self.opened.engine.opened_ahead(opened);
        let mut inputs = inputs.into_iter();
        loop {
            self.commit_turn(&mut inputs)?;
            if inputs.len() == 0 {
                return Ok(());
            }
        }
    }

    /// One turn, of as many inputs as fit one commit.
    fn commit_turn(&mut self, inputs: &mut std::vec::IntoIter<Input>) -> Result<(), StoreError> {
        let now = self.now();
        let mut rng = rand::rng();
        let mut batch = Batch::new();
        let Opened { store, engine, .. } = &mut self.opened;
        let mut overlay = Overlay::new(store, &mut batch);
        while !engine.is_sated()
            && let Some(input) = inputs.next()
        {
            engine.handle(input, now, &mut overlay, &mut rng)?;
        }
        engine.settle(now, &mut overlay, &mut rng)?;
        if !batch.is_empty() {
            store.commit(batch)?;
            self.tidy_at.get_or_insert(Instant::now() + TIDY_AFTER);
        }
        for output in self.opened.engine.take_outputs() {
            self.release(output);
        }
        Ok(())
    }

    /// Destroys keys that are due and gives back space, a bounded piece at a time.
    fn tidy(&mut self) -> Result<(), StoreError> {
        let now = Instant::now();
        self.tidy_at = match self.opened.store.maintain(now) {
            Ok(done) if done.more => Some(now),
            Ok(done) => done.due,
            Err(StoreError::NoFiles) => {
                tracing::warn!("too many files are open: the profile is tidied later");
                Some(now + TIDY_WITHOUT_FILES)
            }
            Err(error) => return Err(error),
        };
        Ok(())
    }

    fn release(&mut self, output: Output) {
        match output {
            Output::Send(link, frame) => self.send(link, frame),
            Output::Close(link) => self.networks.close(link),
            Output::Keep(link) => self.networks.keep(link),
            Output::Connect { mailbox, addresses, peer } => {
                if self.dials_relays {
                    self.networks.connect(mailbox, addresses, peer);
                }
            }
            Output::Disconnect(mailbox) => self.networks.disconnect(mailbox),
            Output::Dial(address) => self.networks.dial(Target { peer: None, addresses: vec![address] }),
            Output::Greet => self.networks.greet_nearby(),
            Output::Event(event) => {
                let _ = self.events.send(event);
            }
            Output::Answer(ticket, answer) => {
                if let Some(asker) = self.tickets.remove(&ticket) {
                    let _ = asker.send(answer);
                }
            }
        }
    }

    fn send(&mut self, link: LinkId, frame: Vec<u8>) {
        if let Some(waiting) = self.backlog.get_mut(&link) {
            waiting.push_back(frame);
            if waiting.iter().map(Vec::len).sum::<usize>() > BACKLOG_BYTES {
                self.backlog.remove(&link);
                self.networks.close(link);
            }
            return;
        }
        if let Err(net::SendError::Full) = self.networks.send(link, frame.clone()) {
            self.backlog.entry(link).or_default().push_back(frame);
        }
    }

    fn drain(&mut self, link: LinkId) {
        let Some(mut waiting) = self.backlog.remove(&link) else { return };
        while let Some(frame) = waiting.front() {
            match self.networks.send(link, frame.clone()) {
                Err(net::SendError::Full) => {
                    self.backlog.insert(link, waiting);
                    return;
                }
                Ok(()) | Err(_) => drop(waiting.pop_front()),
            }
        }
    }

    fn moment(&self) -> Moment {
        Moment(self.opened.started.elapsed().as_millis() as u64)
    }

    fn now(&self) -> Now {
        let label = SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|d| d.as_millis() as u64);
        Now { moment: self.moment(), label_ms: label }
    }
}

/// Ends when the profile in a folder has been wiped.
async fn wiped(folder: std::path::PathBuf) {
    while SealedStore::is_in(&folder) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
