//! A deterministic network: hosts, links, latency, loss, partitions, crashes and restarts, all from one seed.
//!
//! It knows frames and hosts and nothing of what they mean, so it carries the engine above this floor, a relay, or a
//! toy. There is one queue of events and one virtual clock; time moves when the test moves it, and nothing waits.
//! Two runs with the same seed, the same hosts and the same calls are the same run: [`Simulator::fingerprint`] says
//! so in one number.
//!
//! What it models:
//!
//! * A **link** is ordered, as a stream is. A frame takes its [`Wire`]'s latency and a random part of its jitter.
//!   A lost frame breaks the link, and all that is under way in both directions is lost with it. Neither end hears
//!   of it at once: each is told after a random part of the wire's silence, and what it sends until then is lost too.
//! * **Duplication** comes as it does in life: a link breaks when frames have arrived and their acknowledgement has
//!   not ([`Simulator::sever`] with [`Sever::Towards`]), and the sender hands over the same again. A wire that echoes
//!   delivers a frame twice in a row, which an honest transport never does.
//! * A **cut** parts a set of hosts from all others for a while; several cuts may overlap.
//! * A **crash** takes from a host all that it had not committed ([`Host::crash`]); a host may also die in the middle
//!   of its own turn ([`Port::die`]). It starts again with [`Incoming::Started`].
//! * A **wish** to be connected ([`Port::keep`]) is tried again with growing patience until it is taken back.
//!
//! Bounds: a frame has at most [`limits::FRAME_BYTES_MAX`] bytes and a link carries at most [`LINK_FRAMES_MAX`] at
//! once; what passes them breaks the link and is counted in [`Counts::overruns`].

mod fabric;
mod host;

use std::collections::BTreeMap;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::chance;
use crate::id::{LinkId, Moment};
use crate::limits;
use fabric::{Fabric, Side};
use host::Act;
pub use host::{Host, Incoming, Port};

/// Frames under way on one link, both directions together: four windows of a direct link.
pub const LINK_FRAMES_MAX: usize = 4 * limits::LINK_UNACKED_MAX;
/// Things that happen to one host in one instant and are handed to it together, as a driver gathers them.
pub const GATHER_MAX: usize = 64;
/// The first and the longest wait before a connection is tried again.
const PATIENCE: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(30)];

/// A host of the simulated network, by its number from 0.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct HostId(pub u32);

/// A cut, by which it is healed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct CutId(u64);

/// How frames fare between two hosts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Wire {
    /// The least time a frame takes.
    pub latency: Duration,
    /// What chance may add to it.
    pub jitter: Duration,
    /// The longest time until an end notices that the link is broken.
    pub silence: Duration,
    /// Of a million frames, so many break the link.
    pub lost_per_million: u32,
    /// Of a million frames, so many arrive twice.
    pub echoed_per_million: u32,
}

impl Wire {
    /// A healthy cable in one house: 1 ms, no loss.
    pub const HOUSE: Self = Self {
        latency: Duration::from_millis(1),
        jitter: Duration::from_millis(1),
        silence: Duration::from_millis(500),
        lost_per_million: 0,
        echoed_per_million: 0,
    };
    /// A long road: 40 to 120 ms, no loss.
    pub const ROAD: Self = Self {
        latency: Duration::from_millis(40),
        jitter: Duration::from_millis(80),
        silence: Duration::from_secs(10),
        ..Self::HOUSE
    };
    /// A bad road: 100 to 400 ms, and one frame of fifty breaks the link.
    pub const BAD: Self = Self {
        latency: Duration::from_millis(100),
        jitter: Duration::from_millis(300),
        lost_per_million: 20_000,
        ..Self::ROAD
    };
}

/// Which frames still arrive when a link is severed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sever {
    /// None.
    Both,
    /// Those on their way to this host: it has what it was sent, and its acknowledgement is lost.
    Towards(HostId),
}

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Turns that hosts had.
    pub turns: u64,
    /// Frames that arrived.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Frames that were lost.
    pub lost: u64,
    /// Frames that arrived twice.
    pub echoed: u64,
    /// Links that came up.
    pub links: u64,
    /// Links that broke, other than by being closed.
    pub breaks: u64,
    /// Crashes.
    pub crashes: u64,
    /// Links broken because a named bound was passed.
    pub overruns: u64,
}

struct Machine<H> {
    host: H,
    up: bool,
    rng: ChaCha20Rng,
    wake: Option<Moment>,
    /// Peers it wishes to be connected to, and how often in a row that failed.
    kept: BTreeMap<HostId, u32>,
    /// Grows with each crash: what was meant for an earlier life does not reach the next.
    life: u64,
}

enum Event {
    Started { host: HostId, life: u64 },
    Up { link: u64, side: Side },
    Frame { link: u64, side: Side, bytes: Vec<u8> },
    Down { link: u64, side: Side },
    Failed { host: HostId, life: u64, peer: HostId },
    Wake { host: HostId },
    Try { host: HostId, life: u64, peer: HostId },
    Heal { cut: CutId },
}

/// The network and all who are on it.
pub struct Simulator<H> {
    machines: Vec<Machine<H>>,
    fabric: Fabric,
    queue: BTreeMap<(Moment, u64), Event>,
    numbered: u64,
    now: Moment,
    seed: u64,
    rng: ChaCha20Rng,
    counts: Counts,
    fingerprint: u64,
}

impl<H> std::fmt::Debug for Simulator<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Simulator({} hosts, seed {}, at {} ms)", self.machines.len(), self.seed, self.now.0)
    }
}

impl<H: Host> Simulator<H> {
    /// An empty network. All chance comes from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            machines: Vec::new(),
            fabric: Fabric::new(Wire::HOUSE),
            queue: BTreeMap::new(),
            numbered: 0,
            now: Moment(0),
            seed,
            rng: ChaCha20Rng::seed_from_u64(seed),
            counts: Counts::default(),
            fingerprint: 0xcbf2_9ce4_8422_2325,
        }
    }

    /// Adds a host, which starts at once.
    pub fn add(&mut self, host: H) -> HostId {
        let id = HostId(self.machines.len() as u32);
        let rng =
            ChaCha20Rng::seed_from_u64(self.seed ^ (u64::from(id.0) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        self.machines.push(Machine { host, up: false, rng, wake: None, kept: BTreeMap::new(), life: 0 });
        self.at(self.now, Event::Started { host: id, life: 0 });
        id
    }

    /// The virtual time.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.now
    }

    /// A host as it stands.
    ///
    /// # Panics
    /// If there is no such host: ids come from [`Simulator::add`].
    #[must_use]
    pub fn host(&self, id: HostId) -> &H {
        &self.machines[id.0 as usize].host
    }

    /// A host, to be changed by the test outside of any turn.
    ///
    /// # Panics
    /// If there is no such host.
    pub fn host_mut(&mut self, id: HostId) -> &mut H {
        &mut self.machines[id.0 as usize].host
    }

    /// All hosts in the order of their numbers.
    pub fn hosts(&self) -> impl Iterator<Item = (HostId, &H)> {
        self.machines.iter().enumerate().map(|(number, machine)| (HostId(number as u32), &machine.host))
    }

    /// Whether a host runs.
    #[must_use]
    pub fn is_up(&self, id: HostId) -> bool {
        self.machines[id.0 as usize].up
    }

    /// Whether a link between two hosts is whole.
    #[must_use]
    pub fn is_linked(&self, a: HostId, b: HostId) -> bool {
        self.fabric.whole(a, b).is_some()
    }

    /// Gives a host a turn of its own now, if it runs.
    pub fn with<R>(&mut self, id: HostId, act: impl FnOnce(&mut H, &mut Port<'_>) -> R) -> Option<R> {
        if !self.is_up(id) {
            return None;
        }
        let machine = &mut self.machines[id.0 as usize];
        let mut port = Port::new(self.now, id, &mut machine.rng);
        let result = act(&mut machine.host, &mut port);
        let acts = port.into_acts();
        self.counts.turns += 1;
        self.apply(id, acts);
        Some(result)
    }

    /// What has happened so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// A number that differs when two runs differ in who received how many bytes when.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    // ---- faults ----

    /// Sets how frames fare between hosts for which nothing else is said. Links that are up keep their wire.
    pub fn set_wire(&mut self, wire: Wire) {
        self.fabric.set_wire(wire);
    }

    /// Sets how frames fare between two hosts, for their next link.
    pub fn set_wire_between(&mut self, a: HostId, b: HostId, wire: Wire) {
        self.fabric.set_wire_between(a, b, wire);
    }

    /// Parts `hosts` from all others until [`Simulator::heal`]. Links across break.
    pub fn cut(&mut self, hosts: impl IntoIterator<Item = HostId>) -> CutId {
        let cut = CutId(self.numbered);
        self.numbered += 1;
        self.fabric.cut(cut, hosts.into_iter().collect());
        for link in self.fabric.parted() {
            self.break_link(link, Sever::Both);
        }
        cut
    }

    /// Parts `hosts` from all others for a while.
    pub fn cut_for(&mut self, hosts: impl IntoIterator<Item = HostId>, time: Duration) -> CutId {
        let cut = self.cut(hosts);
        self.at(self.now.plus(time), Event::Heal { cut });
        cut
    }

    /// Ends a cut. One that has ended is no error.
    pub fn heal(&mut self, cut: CutId) {
        self.fabric.heal(cut);
    }

    /// How many hosts are parted from most others now.
    #[must_use]
    pub fn parted_hosts(&self) -> usize {
        self.fabric.parted_hosts()
    }

    /// Whether any cut parts this host from others now.
    #[must_use]
    pub fn is_parted(&self, host: HostId) -> bool {
        self.fabric.is_parted(host)
    }

    /// Breaks the link between two hosts, if there is one.
    pub fn sever(&mut self, a: HostId, b: HostId, which: Sever) {
        if let Some(link) = self.fabric.whole(a, b) {
            self.break_link(link, which);
        }
    }

    /// Crashes a host; it starts again after `down`. One that is down already stays down as it was.
    pub fn crash(&mut self, id: HostId, down: Duration) {
        if self.stop(id) {
            let life = self.machines[id.0 as usize].life;
            self.at(self.now.plus(down), Event::Started { host: id, life });
        }
    }

    /// Starts a host that is down.
    pub fn start(&mut self, id: HostId) {
        let life = self.machines[id.0 as usize].life;
        self.at(self.now, Event::Started { host: id, life });
    }

    /// Crashes a host, which stays down until [`Simulator::start`]. Returns whether it was up.
    pub fn stop(&mut self, id: HostId) -> bool {
        if !self.is_up(id) {
            return false;
        }
        self.counts.crashes += 1;
        let machine = &mut self.machines[id.0 as usize];
        machine.host.crash();
        machine.up = false;
        machine.life += 1;
        machine.wake = None;
        machine.kept.clear();
        for (link, side) in self.fabric.links_of(id) {
            self.break_link(link, Sever::Both);
            self.fabric.tell(link, side);
        }
        true
    }

    // ---- time ----

    /// Lets one instant's events of one host happen. Returns false if nothing is left to happen.
    pub fn step(&mut self) -> bool {
        let Some(((at, _), event)) = self.queue.pop_first() else { return false };
        self.now = self.now.max(at);
        let Some((host, incoming)) = self.deliver(event) else { return true };
        let mut gathered = vec![incoming];
        while gathered.len() < GATHER_MAX {
            match self.queue.first_key_value() {
                Some(((next, _), event)) if *next == at && self.addressee(event) == Some(host) => {}
                _ => break,
            }
            let Some((_, event)) = self.queue.pop_first() else { break };
            gathered.extend(self.deliver(event).map(|(_, incoming)| incoming));
        }
        self.with(host, |h, port| h.handle(gathered, port));
        true
    }

    /// Lets all happen that happens within `time`.
    pub fn run_for(&mut self, time: Duration) {
        let until = self.now.plus(time);
        while self.queue.first_key_value().is_some_and(|((at, _), _)| *at <= until) {
            self.step();
        }
        self.now = until;
    }

    /// Runs in strides until `done`, at most for `most`. Returns whether it was done.
    pub fn run_until(
        &mut self,
        stride: Duration,
        most: Duration,
        mut done: impl FnMut(&Self) -> bool,
    ) -> bool {
        let until = self.now.plus(most);
        loop {
            if done(self) {
                return true;
            }
            if self.now >= until {
                return false;
            }
            self.run_for(stride.min(until.since(self.now)));
        }
    }

    // ---- inside ----

    fn at(&mut self, at: Moment, event: Event) {
        self.queue.insert((at, self.numbered), event);
        self.numbered += 1;
    }

    fn addressee(&self, event: &Event) -> Option<HostId> {
        match event {
            Event::Frame { link, side, .. } => self.fabric.end(*link, *side),
            _ => None,
        }
    }

    fn deliver(&mut self, event: Event) -> Option<(HostId, Incoming)> {
        match event {
            Event::Started { host, life } => {
                let machine = &mut self.machines[host.0 as usize];
                if machine.up || machine.life != life {
                    return None;
                }
                machine.up = true;
                self.note(host, 1, 0);
                Some((host, Incoming::Started))
            }
            Event::Up { link, side } => {
                let (host, peer) = self.fabric.greet(link, side)?;
                self.note(host, 2, u64::from(peer.0));
                self.machines[host.0 as usize].kept.entry(peer).and_modify(|failed| *failed = 0);
                Some((host, Incoming::LinkUp { link: Fabric::name(link, side), peer, role: side.role() }))
            }
            Event::Frame { link, side, bytes } => {
                let Some(host) = self.fabric.arrive(link, side) else {
                    self.counts.lost += 1;
                    return None;
                };
                self.counts.frames += 1;
                self.counts.bytes += bytes.len() as u64;
                self.note(host, 3, bytes.len() as u64);
                Some((host, Incoming::Frame { link: Fabric::name(link, side), bytes }))
            }
            Event::Down { link, side } => {
                let (host, peer, greeted) = self.fabric.tell(link, side)?;
                self.note(host, 4, u64::from(peer.0));
                self.try_again(host, peer);
                greeted.then_some((host, Incoming::LinkDown { link: Fabric::name(link, side) }))
            }
            Event::Failed { host, life, peer } => {
                let machine = &self.machines[host.0 as usize];
                (machine.up && machine.life == life).then_some((host, Incoming::DialFailed { peer }))
            }
            Event::Wake { host } => {
                let now = self.now;
                let machine = &mut self.machines[host.0 as usize];
                machine.wake.take_if(|at| *at <= now)?;
                machine.up.then_some((host, Incoming::Wake))
            }
            Event::Try { host, life, peer } => {
                let machine = &self.machines[host.0 as usize];
                if machine.up
                    && machine.life == life
                    && machine.kept.contains_key(&peer)
                    && !self.connect(host, peer)
                {
                    self.machines[host.0 as usize].kept.entry(peer).and_modify(|failed| *failed += 1);
                    self.try_again(host, peer);
                }
                None
            }
            Event::Heal { cut } => {
                self.fabric.heal(cut);
                None
            }
        }
    }

    fn apply(&mut self, id: HostId, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Send(link, bytes) => self.send(link, bytes),
                Act::Close(link) => self.close(link),
                Act::Dial(peer) => {
                    if !self.connect(id, peer) {
                        let life = self.machines[id.0 as usize].life;
                        let at = self.now.plus(self.fabric.wire(id, peer).silence);
                        self.at(at, Event::Failed { host: id, life, peer });
                    }
                }
                Act::Keep(peer) => {
                    let machine = &mut self.machines[id.0 as usize];
                    if machine.kept.insert(peer, 0).is_none() {
                        let life = machine.life;
                        self.at(self.now, Event::Try { host: id, life, peer });
                    }
                }
                Act::Release(peer) => {
                    self.machines[id.0 as usize].kept.remove(&peer);
                }
                Act::WakeAt(at) => self.wake_at(id, at),
                Act::Die(down) => {
                    self.crash(id, down);
                    return;
                }
            }
        }
    }

    fn wake_at(&mut self, id: HostId, at: Option<Moment>) {
        let at = at.map(|at| at.max(self.now));
        let machine = &mut self.machines[id.0 as usize];
        if machine.wake != at {
            machine.wake = at;
            if let Some(at) = at {
                self.at(at, Event::Wake { host: id });
            }
        }
    }

    fn try_again(&mut self, host: HostId, peer: HostId) {
        let machine = &self.machines[host.0 as usize];
        let Some(failed) = machine.kept.get(&peer) else { return };
        let life = machine.life;
        let patience = PATIENCE[0].saturating_mul(1 << (*failed).min(8)).min(PATIENCE[1]);
        let wait = patience / 2 + self.some(patience / 2);
        self.at(self.now.plus(wait), Event::Try { host, life, peer });
    }

    /// Connects two hosts if nothing parts them. A link that is up already is good enough.
    fn connect(&mut self, dialer: HostId, peer: HostId) -> bool {
        if self.fabric.whole(dialer, peer).is_some() {
            return true;
        }
        if dialer == peer || !self.is_up(peer) || !self.fabric.reaches(dialer, peer) {
            return false;
        }
        if let Some(old) = self.fabric.broken(dialer, peer) {
            // The new connection is how its ends learn that the old one is dead.
            self.at(self.now, Event::Down { link: old, side: Side::Dialer });
            self.at(self.now, Event::Down { link: old, side: Side::Listener });
        }
        self.counts.links += 1;
        let wire = self.fabric.wire(dialer, peer);
        let there = self.now.plus(wire.latency + self.some(wire.jitter));
        let back = there.plus(wire.latency + self.some(wire.jitter));
        let link = self.fabric.join(dialer, peer, there, back);
        self.at(there, Event::Up { link, side: Side::Listener });
        self.at(back, Event::Up { link, side: Side::Dialer });
        true
    }

    fn send(&mut self, name: LinkId, bytes: Vec<u8>) {
        let (link, from) = Fabric::resolve(name);
        let Some(wire) = self.fabric.carries(link) else {
            self.counts.lost += 1;
            return;
        };
        let side = from.other();
        let overrun = bytes.len() > limits::FRAME_BYTES_MAX || self.fabric.under_way(link) >= LINK_FRAMES_MAX;
        if overrun || self.happens(wire.lost_per_million) {
            self.counts.overruns += u64::from(overrun);
            self.counts.lost += 1;
            self.break_link(link, Sever::Both);
            return;
        }
        let takes = wire.latency + self.some(wire.jitter);
        let at = self.fabric.depart(link, side, self.now.plus(takes));
        if self.happens(wire.echoed_per_million) {
            self.counts.echoed += 1;
            let at = self.fabric.depart(link, side, at);
            self.at(at, Event::Frame { link, side, bytes: bytes.clone() });
        }
        self.at(at, Event::Frame { link, side, bytes });
    }

    fn close(&mut self, name: LinkId) {
        let (link, side) = Fabric::resolve(name);
        let Some(last) = self.fabric.close(link, side) else { return };
        // What was sent before the closing still arrives, then the news.
        self.at(self.now, Event::Down { link, side });
        self.at(last, Event::Down { link, side: side.other() });
    }

    fn break_link(&mut self, link: u64, which: Sever) {
        let Some((wire, last)) = self.fabric.sever(link, which) else { return };
        self.counts.breaks += 1;
        for side in [Side::Dialer, Side::Listener] {
            let heard = self.now.plus(self.some(wire.silence)).max(last[side as usize]);
            self.at(heard, Event::Down { link, side });
        }
    }

    fn some(&mut self, most: Duration) -> Duration {
        Duration::from_millis(chance::below(most.as_millis() as u64 + 1, &mut self.rng))
    }

    fn happens(&mut self, per_million: u32) -> bool {
        per_million > 0 && self.rng.next_u32() % 1_000_000 < per_million
    }

    fn note(&mut self, host: HostId, kind: u64, what: u64) {
        for word in [self.now.0, u64::from(host.0), kind, what] {
            self.fingerprint = (self.fingerprint ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
        }
    }
}

#[cfg(test)]
mod tests;
