//! What the simulated network and a host on it say to each other: what happens to the host, and what it does about it.

use std::time::Duration;

use rand_chacha::ChaCha20Rng;

use super::HostId;
use crate::id::{LinkId, Moment};
use crate::link::Role;

/// What happens to a host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Incoming {
    /// It starts: the first time, or again after a crash, with nothing but what it had committed.
    Started,
    /// A link is up.
    LinkUp {
        /// This host's own name for the link; the other end has another.
        link: LinkId,
        /// Who is at the other end.
        peer: HostId,
        /// Who dialled.
        role: Role,
    },
    /// A frame came.
    Frame {
        /// On which link.
        link: LinkId,
        /// What.
        bytes: Vec<u8>,
    },
    /// A link is gone.
    LinkDown {
        /// Which.
        link: LinkId,
    },
    /// A single dial led nowhere.
    DialFailed {
        /// Whom it was to reach.
        peer: HostId,
    },
    /// The moment asked for with [`Port::wake_at`] has come.
    Wake,
}

/// One machine of the simulated network.
pub trait Host {
    /// Takes what happened in one instant, in order, and answers through `port`.
    fn handle(&mut self, incoming: Vec<Incoming>, port: &mut Port<'_>);

    /// Forgets all that is not committed.
    fn crash(&mut self);
}

/// What a host can do while it has its turn. Nothing of it happens before the turn is over.
#[derive(Debug)]
pub struct Port<'a> {
    now: Moment,
    me: HostId,
    rng: &'a mut ChaCha20Rng,
    acts: Vec<Act>,
}

/// What a host did in its turn, in order.
#[derive(Debug)]
pub(super) enum Act {
    Send(LinkId, Vec<u8>),
    Close(LinkId),
    Dial(HostId),
    Keep(HostId),
    Release(HostId),
    WakeAt(Option<Moment>),
    Die(Duration),
}

impl<'a> Port<'a> {
    /// Begins a turn.
    pub(super) fn new(now: Moment, me: HostId, rng: &'a mut ChaCha20Rng) -> Self {
        Self { now, me, rng, acts: Vec::new() }
    }

    /// Ends the turn: what the network is to do.
    pub(super) fn into_acts(self) -> Vec<Act> {
        self.acts
    }
}

impl Port<'_> {
    /// The virtual time, the same for all hosts.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.now
    }

    /// Whose turn it is.
    #[must_use]
    pub fn me(&self) -> HostId {
        self.me
    }

    /// This host's own randomness.
    pub fn rng(&mut self) -> &mut ChaCha20Rng {
        self.rng
    }

    /// Sends a frame. On a link that is gone it is lost without a word.
    pub fn send(&mut self, link: LinkId, bytes: Vec<u8>) {
        self.acts.push(Act::Send(link, bytes));
    }

    /// Closes a link: this end hears of it in its next turn, the other when the news has travelled.
    pub fn close(&mut self, link: LinkId) {
        self.acts.push(Act::Close(link));
    }

    /// Tries once to connect.
    pub fn dial(&mut self, peer: HostId) {
        self.acts.push(Act::Dial(peer));
    }

    /// Wishes to be connected from now on.
    pub fn keep(&mut self, peer: HostId) {
        self.acts.push(Act::Keep(peer));
    }

    /// Takes the wish back. A link that is up stays up.
    pub fn release(&mut self, peer: HostId) {
        self.acts.push(Act::Release(peer));
    }

    /// Asks for [`Incoming::Wake`] at a moment, or for none. The last call counts.
    pub fn wake_at(&mut self, at: Option<Moment>) {
        self.acts.push(Act::WakeAt(at));
    }

    /// The host dies here: what it sent before this in the turn has left, the rest has not. It starts again later.
    pub fn die(&mut self, down: Duration) {
        self.acts.push(Act::Die(down));
    }
}
