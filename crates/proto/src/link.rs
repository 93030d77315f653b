//! One direct connection between two devices: a hello that tells a stranger nothing, then envelopes.
//!
//! Both ends send a nonce. The end that dialled then sends a hello: a code for each counterpart it would talk to,
//! made with the secret of that pair and bound to both names, both nonces and the direction, among random dummies.
//! The end that was dialled answers with a hello of the smallest size, whatever it found: one code that fits if it
//! knows the dialler, dummies alone if not. So a prober sees the same frames of the same sizes from every node.
//! A link that does not come up stays silent until its deadline and is closed then, whatever was sent.
//!
//! Once up, each side pushes envelopes. Acknowledgements are cumulative, mean *kept*, and free the window.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crypto::CryptoRng;
use crypto::hash::mac;
use crypto::key::Secret32;
use thiserror::Error;

use crate::envelope::Blob;
use crate::frame::{self, Frame, Push};
use crate::id::{Moment, Party, PeerName, Prefix, Tag};
use crate::limits;
use crate::wire::WireError;

/// Which end of a connection this is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// It opened the connection.
    Dialer,
    /// It was reached.
    Listener,
}

/// What a link asks its owner to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LinkEvent {
    /// Send this frame.
    Send(Vec<u8>),
    /// The other end is this counterpart, and proved it.
    Up(Party),
    /// An envelope came. Keep it, then call [`Link::kept`] or [`Link::acknowledge`].
    Received {
        /// The beginning of the tag of the slot it lies in.
        prefix: Prefix,
        /// Its bytes.
        blob: Blob,
    },
    /// The other end has kept the envelopes that were pushed under these keys.
    Acked(Vec<u64>),
    /// There is room to push again.
    Ready,
}

/// Why a link must be closed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum LinkError {
    /// A frame cannot be read.
    #[error("the other end sent a frame that cannot be read ({0}); close the link")]
    Unreadable(#[from] WireError),
    /// A frame that has no place on a direct link that is up.
    #[error("the other end sent a frame that does not belong on this link; close it")]
    OutOfPlace,
    /// Envelopes are numbered one by one; this one is not the next.
    #[error("the other end left out or repeated an envelope; close the link")]
    OutOfOrder,
    /// An acknowledgement of what was never pushed, or one taken back.
    #[error("the other end acknowledged what was never sent; close the link")]
    FalseAck,
    /// More than the window was sent.
    #[error("the other end sent more than it was granted; close the link")]
    Flood,
    /// A stranger sent more than a hello can be.
    #[error("a stranger sent more than a greeting; close the link")]
    Noise,
}

/// One direct connection. It owns no socket: bytes go in, events come out.
#[derive(Debug)]
pub struct Link {
    role: Role,
    dialer: PeerName,
    listener: PeerName,
    secrets: Vec<(Party, Secret32)>,
    nonce: [u8; 32],
    deadline: Moment,
    stranger_bytes: usize,
    state: State,
    sent: Sent,
    received: Received,
}

#[derive(Debug)]
enum State {
    AwaitsNonce,
    AwaitsHello { theirs: [u8; 32] },
    Silent,
    Up(Party),
}

/// What was pushed and is not acknowledged.
#[derive(Debug)]
struct Sent {
    number: u32,
    waiting: VecDeque<Waiting>,
    bytes: u64,
    window: u32,
    refused: bool,
}

#[derive(Debug)]
struct Waiting {
    number: u32,
    key: u64,
    bytes: u32,
}

/// What came: in all, what of it is kept, and what of that the other end was told.
#[derive(Debug)]
struct Received {
    came: Count,
    kept: Count,
    told: Count,
    window: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    number: u32,
    bytes: u64,
}

impl Link {
    /// Begins a link, and gives the first frame to send.
    ///
    /// `secrets` are the pairs that may be at the other end, in the order of preference; those beyond
    /// the 1 024th are left out.
    #[must_use]
    pub fn new(
        role: Role,
        local: &PeerName,
        remote: &PeerName,
        mut secrets: Vec<(Party, Secret32)>,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> (Self, Vec<u8>) {
        secrets.truncate(limits::HELLO_SIZES[limits::HELLO_SIZES.len() - 1]);
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        let (dialer, listener) = match role {
            Role::Dialer => (local, remote),
            Role::Listener => (remote, local),
        };
        let link = Self {
            role,
            dialer: dialer.clone(),
            listener: listener.clone(),
            secrets,
            nonce,
            deadline: now.plus(Duration::from_millis(limits::LINK_HANDSHAKE_MS)),
            stranger_bytes: 0,
            state: State::AwaitsNonce,
            sent: Sent {
                number: 0,
                waiting: VecDeque::new(),
                bytes: 0,
                window: limits::LINK_WINDOW_BYTES,
                refused: false,
            },
            received: Received {
                came: Count::default(),
                kept: Count::default(),
                told: Count::default(),
                window: limits::LINK_WINDOW_BYTES,
            },
        };
        (link, Frame::Nonce(nonce).encode())
    }

    /// Takes a frame that came.
    ///
    /// # Errors
    /// Any [`LinkError`]: the link is to be closed. Before the link is up only [`LinkError::Noise`],
    /// so that a stranger cannot tell by the closing what it has hit.
    pub fn on_frame(
        &mut self,
        bytes: &[u8],
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<LinkEvent>, LinkError> {
        if let State::Up(_) = self.state {
            return match Frame::decode(bytes) {
                Err(WireError::Skippable) => Ok(Vec::new()),
                frame => self.on_peer_frame(frame?),
            };
        }
        self.stranger_bytes = self.stranger_bytes.saturating_add(bytes.len());
        if self.stranger_bytes > limits::LINK_STRANGER_BYTES_MAX {
            return Err(LinkError::Noise);
        }
        if now > self.deadline {
            self.state = State::Silent;
        }
        Ok(match (&self.state, Frame::decode(bytes)) {
            (State::AwaitsNonce, Ok(Frame::Nonce(theirs))) => self.on_nonce(theirs, rng),
            (State::AwaitsHello { theirs }, Ok(Frame::Hello(codes))) => self.on_hello(*theirs, &codes, rng),
            _ => {
                self.state = State::Silent;
                Vec::new()
            }
        })
    }

    /// Makes the frame that carries an envelope, under a key of the caller's choice.
    ///
    /// Gives `None` if the link is not up or the window is full: try again after [`LinkEvent::Ready`].
    /// The frame also acknowledges what is [kept](Link::kept).
    pub fn push(&mut self, key: u64, tag: &Tag, blob: &Blob) -> Option<Vec<u8>> {
        let bytes = blob.class().bytes() as u32;
        let full = self.sent.bytes + u64::from(bytes) > u64::from(self.sent.window)
            || self.sent.waiting.len() >= limits::LINK_UNACKED_MAX
            || self.sent.number == u32::MAX;
        if full || !matches!(self.state, State::Up(_)) {
            self.sent.refused = true;
            return None;
        }
        self.sent.number += 1;
        self.sent.bytes += u64::from(bytes);
        let number = self.sent.number;
        self.sent.waiting.push_back(Waiting { number, key, bytes });
        let acked = self.tell();
        Some(frame::encode_push(number, acked, &tag.prefix(), blob))
    }

    /// Notes that all that came so far is durable. The next push acknowledges it.
    ///
    /// It may be called before the commit if no frame made after the call leaves before the commit.
    pub fn kept(&mut self) {
        self.received.kept = self.received.came;
    }

    /// Notes that all that came so far is durable, and gives a frame that says so, unless that was said.
    pub fn acknowledge(&mut self) -> Option<Vec<u8>> {
        self.kept();
        if !self.owes_ack() {
            return None;
        }
        let upto = self.tell();
        Some(Frame::Ack { upto }.encode())
    }

    /// Whether something kept, or come, has not been acknowledged.
    #[must_use]
    pub fn owes_ack(&self) -> bool {
        self.received.came.number != self.received.told.number
    }

    /// Whether so much is unacknowledged that no more should wait for a push to ride on: a quarter of the window.
    #[must_use]
    pub fn is_ack_due(&self) -> bool {
        let untold = self.received.came.bytes - self.received.told.bytes;
        untold >= u64::from(self.received.window / 4)
    }

    /// Grants a larger window, at most 16 MiB, and gives the frame that says so.
    pub fn grant(&mut self, window_bytes: u32) -> Vec<u8> {
        let window = window_bytes.min(limits::LINK_WINDOW_BYTES_MAX);
        self.received.window = self.received.window.max(window);
        Frame::Credit { bytes: self.received.window }.encode()
    }

    /// Who is at the other end, once it has proved it.
    #[must_use]
    pub fn party(&self) -> Option<Party> {
        match self.state {
            State::Up(party) => Some(party),
            _ => None,
        }
    }

    /// When to close the link if it is not up; `None` once it is.
    #[must_use]
    pub fn deadline(&self) -> Option<Moment> {
        match self.state {
            State::Up(_) => None,
            _ => Some(self.deadline),
        }
    }

    /// The keys pushed and not acknowledged, oldest first: what to offer again on another road.
    pub fn unacked(&self) -> impl Iterator<Item = u64> {
        self.sent.waiting.iter().map(|waiting| waiting.key)
    }

    fn on_nonce(&mut self, theirs: [u8; 32], rng: &mut dyn CryptoRng) -> Vec<LinkEvent> {
        self.state = State::AwaitsHello { theirs };
        if self.role == Role::Listener {
            return Vec::new();
        }
        let codes = self.codes(Role::Dialer, &theirs);
        let codes = codes.into_iter().map(|(_, code)| code).collect();
        vec![LinkEvent::Send(hello(codes, rng))]
    }

    fn on_hello(&mut self, theirs: [u8; 32], codes: &[[u8; 16]], rng: &mut dyn CryptoRng) -> Vec<LinkEvent> {
        let codes: BTreeSet<&[u8; 16]> = codes.iter().collect();
        let (speaker, answers) = match self.role {
            Role::Dialer => (Role::Listener, false),
            Role::Listener => (Role::Dialer, true),
        };
        // Every code is computed, whether or not an earlier one fits.
        let own = self.codes(speaker, &theirs).into_iter().enumerate();
        let fitting: Vec<usize> =
            own.filter(|(_, (_, code))| codes.contains(code)).map(|(place, _)| place).collect();
        self.compute_in_vain(&theirs);
        // One party may be known by several secrets: the answer shows the one that fitted.
        let fits = fitting.first().and_then(|place| self.secrets.get(*place));
        let known = fits.map(|(party, _)| *party);
        let mut events = Vec::new();
        if answers {
            let secret = fits.map_or(&NOBODY, |(_, secret)| secret);
            let code = self.code(Role::Listener, secret, &theirs);
            let codes = known.map(|_| code).into_iter().collect();
            events.push(LinkEvent::Send(hello(codes, rng)));
        }
        self.state = known.map_or(State::Silent, State::Up);
        self.secrets.clear();
        if let Some(party) = known {
            events.push(LinkEvent::Up(party));
            events.push(LinkEvent::Ready);
            self.sent.refused = false;
        }
        events
    }

    /// The codes by which `speaker` shows each pair secret on this connection.
    fn codes(&self, speaker: Role, theirs: &[u8; 32]) -> Vec<(Party, [u8; 16])> {
        let code = |(party, secret): &(Party, Secret32)| (*party, self.code(speaker, secret, theirs));
        self.secrets.iter().map(code).collect()
    }

    /// Does the work of the pairs that are not there, so that the time of an answer does not count them:
    /// up to 256 pairs take as long as none, more as long as 1 024.
    fn compute_in_vain(&self, theirs: &[u8; 32]) {
        let like = if self.secrets.len() <= LIKE_FEW { LIKE_FEW } else { LIKE_MANY };
        for _ in self.secrets.len()..like {
            std::hint::black_box(self.code(self.role, &NOBODY, theirs));
        }
    }

    fn code(&self, speaker: Role, secret: &Secret32, theirs: &[u8; 32]) -> [u8; limits::HELLO_MAC_BYTES] {
        let (dialer_nonce, listener_nonce) = match self.role {
            Role::Dialer => (&self.nonce, theirs),
            Role::Listener => (theirs, &self.nonce),
        };
        let speaker: &[u8] = match speaker {
            Role::Dialer => &[0],
            Role::Listener => &[1],
        };
        let (dialer, listener) = (self.dialer.as_bytes(), self.listener.as_bytes());
        let whole = mac(LABEL, secret, &[speaker, dialer, listener, dialer_nonce, listener_nonce]);
        let mut code = [0; limits::HELLO_MAC_BYTES];
        code.copy_from_slice(&whole[..limits::HELLO_MAC_BYTES]);
        code
    }

    fn on_peer_frame(&mut self, frame: Frame) -> Result<Vec<LinkEvent>, LinkError> {
        match frame {
            Frame::Push(push) => self.on_push(push),
            Frame::Ack { upto } => self.on_ack(upto),
            Frame::Credit { bytes } => {
                let window = bytes.min(limits::LINK_WINDOW_BYTES_MAX);
                self.sent.window = self.sent.window.max(window);
                Ok(self.ready())
            }
            _ => Err(LinkError::OutOfPlace),
        }
    }

    fn on_push(&mut self, push: Push) -> Result<Vec<LinkEvent>, LinkError> {
        let received = &mut self.received;
        if received.came.number.checked_add(1) != Some(push.number) {
            return Err(LinkError::OutOfOrder);
        }
        received.came.number = push.number;
        received.came.bytes += push.blob.class().bytes() as u64;
        let untold = received.came.number - received.told.number;
        let untold_bytes = received.came.bytes - received.told.bytes;
        if untold_bytes > u64::from(received.window) || untold as usize > limits::LINK_UNACKED_MAX {
            return Err(LinkError::Flood);
        }
        let mut events = self.on_ack(push.acked)?;
        events.push(LinkEvent::Received { prefix: push.prefix, blob: push.blob });
        Ok(events)
    }

    fn on_ack(&mut self, upto: u32) -> Result<Vec<LinkEvent>, LinkError> {
        let sent = &mut self.sent;
        let oldest = sent.number - sent.waiting.len() as u32;
        if upto > sent.number || upto < oldest {
            return Err(LinkError::FalseAck);
        }
        let mut keys = Vec::new();
        while let Some(waiting) = sent.waiting.pop_front_if(|waiting| waiting.number <= upto) {
            sent.bytes -= u64::from(waiting.bytes);
            keys.push(waiting.key);
        }
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut events = vec![LinkEvent::Acked(keys)];
        events.extend(self.ready());
        Ok(events)
    }

    fn ready(&mut self) -> Vec<LinkEvent> {
        match std::mem::take(&mut self.sent.refused) {
            true => vec![LinkEvent::Ready],
            false => Vec::new(),
        }
    }

    fn tell(&mut self) -> u32 {
        self.received.told = self.received.kept;
        self.received.told.number
    }
}

/// A hello of these codes among dummies, filled up to the next size and shuffled.
fn hello(mut codes: Vec<[u8; 16]>, rng: &mut dyn CryptoRng) -> Vec<u8> {
    let size = limits::HELLO_SIZES
        .into_iter()
        .find(|size| codes.len() <= *size)
        .unwrap_or(limits::HELLO_SIZES[limits::HELLO_SIZES.len() - 1]);
    while codes.len() < size {
        let mut dummy = [0; limits::HELLO_MAC_BYTES];
        rng.fill_bytes(&mut dummy);
        codes.push(dummy);
    }
    crate::chance::shuffle(&mut codes, rng);
    Frame::Hello(codes).encode()
}

const LABEL: &str = "M1/link/hello/1";

/// Stands for a pair that is not there.
static NOBODY: Secret32 = Secret32::new([0; 32]);

const LIKE_FEW: usize = limits::HELLO_SIZES[2];
const LIKE_MANY: usize = limits::HELLO_SIZES[3];
