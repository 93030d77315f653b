//! One handshake and what grew from it: ratchet, drops, seals, and the way from its first word to its end.

use crypto::handshake::Established;
use crypto::ratchet::Session;
use crypto::seal::{self, Class};
use crypto::slot::Chain;
use crypto::{CryptoRng, Secret32, Signature, X25519Public, X25519Secret};
use proto::envelope::{Blob, Envelope};

use super::window::Window;
use super::{TTL_DAYS, Unreadable, WINDOW_SLOTS, inner};
use crate::content::RepairName;
use crate::stream::Segment;
use crate::uptime::Used;

/// Where a generation stands. `INIT_SENT`, `REKEY_SENT` and `REPAIR` of the protocol are [`Phase::Sent`], told apart by
/// the [`Opening`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// Begun here; the other side has not spoken in it.
    Sent,
    /// The other side has spoken in it.
    Live,
    /// A later one has taken its place: it only receives, until all has come.
    Drain {
        /// Since when.
        since: Used,
        /// The number of the last item that can have been sealed in it.
        upto: u64,
    },
}

/// What begins a generation on the other side; kept until they have spoken in it.
#[derive(Clone)]
pub(crate) enum Opening {
    /// The answer to an invite, which the join keeps.
    Init,
    /// Sealed into a slot of the generation before.
    Rekey {
        /// The offer that it uses.
        offer: u32,
        inner: Vec<u8>,
    },
    /// Sealed into a slot of the repair drop.
    Repair {
        inner: Vec<u8>,
        /// The slot tried first, and the one tried last.
        first_slot: u32,
        slot: u32,
    },
}

/// How a generation came to be.
pub(crate) struct Origin {
    /// The generation that it follows; none for the first and for a repair.
    pub(crate) parent: Option<u32>,
    /// What begins it on the other side, if it was begun here.
    pub(crate) opening: Option<Opening>,
    pub(crate) born: Used,
}

/// Where a generation stands among the others of its pair.
pub(super) struct Place {
    pub(super) number: u32,
    pub(super) stream: u32,
    pub(super) depth: u32,
}

/// One handshake and what grew from it.
pub(crate) struct Generation {
    pub(crate) number: u32,
    pub(crate) parent: Option<u32>,
    /// Which stream its segments belong to: a repair begins a new one.
    pub(crate) stream: u32,
    /// How many generations lie between it and the first of its stream.
    pub(crate) depth: u32,
    pub(crate) phase: Phase,
    pub(crate) opening: Option<Opening>,
    pub(crate) born: Used,
    pub(crate) sid: [u8; 32],
    pub(crate) resume: Secret32,
    pub(crate) link: Secret32,
    pub(super) our_seal: X25519Secret,
    pub(super) their_seal: X25519Public,
    pub(super) session: Session,
    pub(super) send: Chain,
    pub(crate) window: Window,
    /// One more than the highest slot of ours that they say came.
    pub(crate) seen_by_them: u32,
    /// Whether its records lag behind.
    pub(super) is_live_dirty: bool,
    pub(super) is_dirty: bool,
}

impl Generation {
    pub(super) fn new(
        place: Place,
        origin: Origin,
        established: Established,
        session: Session,
        (our_seal, their_seal): (X25519Secret, X25519Public),
    ) -> Self {
        Self {
            number: place.number,
            parent: origin.parent,
            stream: place.stream,
            depth: place.depth,
            phase: if origin.opening.is_some() { Phase::Sent } else { Phase::Live },
            opening: origin.opening,
            born: origin.born,
            sid: established.sid,
            resume: established.resume,
            link: established.link,
            our_seal,
            their_seal,
            session,
            send: Chain::new(&established.drop_send),
            window: Window::new(&established.drop_recv),
            seen_by_them: 0,
            is_live_dirty: true,
            is_dirty: true,
        }
    }

    /// Tells whether the other side has spoken in it.
    pub(crate) fn is_heard(&self) -> bool {
        self.phase != Phase::Sent
    }

    /// Tells whether it begins by a repair of ours that was not heard.
    pub(crate) fn says_repair(&self) -> bool {
        matches!(self.opening, Some(Opening::Repair { .. }))
    }

    /// What a repair that began it is called.
    pub(crate) fn repair_name(&self) -> RepairName {
        RepairName::of(&self.sid)
    }

    pub(crate) fn is_draining(&self) -> bool {
        matches!(self.phase, Phase::Drain { .. })
    }

    /// Moves on to another phase. What begins it is forgotten once the other side has spoken in it.
    pub(crate) fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.is_dirty = true;
        if phase == Phase::Live {
            self.opening = None;
        }
    }

    /// Changes what is kept of its opening.
    pub(crate) fn set_opening(&mut self, opening: Opening) {
        self.opening = Some(opening);
        self.is_dirty = true;
    }

    /// Returns how many more envelopes the other side's window takes at all.
    pub(crate) fn room(&self) -> u32 {
        self.room_below(WINDOW_SLOTS)
    }

    pub(super) fn room_below(&self, slots: u32) -> u32 {
        self.seen_by_them.saturating_add(slots).saturating_sub(self.send.position())
    }

    /// Notes the other side's word of the slots that came. Returns whether it is news.
    pub(crate) fn hear_of(&mut self, slots: u32) -> bool {
        let came = slots.min(self.send.position());
        let news = came > self.seen_by_them;
        self.seen_by_them = self.seen_by_them.max(came);
        self.is_live_dirty |= news;
        news
    }

    /// Encrypts a segment into the next slot.
    pub(super) fn seal(&mut self, segment: &Segment, rng: &mut dyn CryptoRng) -> (u32, Envelope, Signature) {
        let ciphertext = self.session.encrypt(&segment.encode());
        let mut bytes = Vec::with_capacity(9 + ciphertext.len());
        bytes.push(inner::MESSAGE);
        bytes.extend_from_slice(&self.sid[..8]);
        bytes.extend_from_slice(&ciphertext);
        self.seal_inner(&bytes, rng)
    }

    /// Seals bytes into the next slot. Records must be on disk before the envelope leaves.
    pub(crate) fn seal_inner(&mut self, bytes: &[u8], rng: &mut dyn CryptoRng) -> (u32, Envelope, Signature) {
        self.is_live_dirty = true;
        let slot = self.send.next();
        let class = Class::for_len(bytes.len()).expect("a segment is cut to fit the largest class");
        let blob = seal::seal_contact(class, &slot.tag(), slot.psk(), &self.their_seal, bytes, rng)
            .expect("the class was chosen for the length and the key was checked on entry");
        let blob = Blob::parse(blob).expect("a seal has the length of its class");
        let envelope = Envelope::seal_into(&slot, blob, TTL_DAYS, 0);
        (slot.number(), envelope, slot.sign_delete())
    }

    /// Decrypts what follows the kind inside the seal of a slot. On an error nothing has changed.
    pub(super) fn decrypt(&mut self, rest: &[u8]) -> Result<Segment, Unreadable> {
        let ciphertext = rest.strip_prefix(&self.sid[..8]).ok_or(Unreadable::Malformed)?;
        let plaintext = self.session.decrypt(ciphertext).map_err(|_| Unreadable::Lost)?;
        self.is_live_dirty = true;
        Segment::decode(&plaintext).map_err(|_| Unreadable::Malformed)
    }

    /// Encrypts the first segment, which travels inside the handshake's envelope.
    pub(super) fn encrypt(&mut self, segment: &Segment) -> Vec<u8> {
        self.is_live_dirty = true;
        self.session.encrypt(&segment.encode())
    }

    /// The key to which our envelopes are sealed.
    pub(crate) fn their_seal(&self) -> X25519Public {
        self.their_seal
    }

    /// For the thief of the tests: the slots of both drops that lead on from here, with what opens their envelopes.
    #[cfg(test)]
    pub(crate) fn slots_ahead(&self, count: u32) -> Vec<(proto::id::Tag, Secret32)> {
        let (mut send, mut receive) = (self.send.clone(), self.window.chain().clone());
        let ahead = (0..count).flat_map(|_| [send.next(), receive.next()]);
        let ahead = ahead.map(|slot| (proto::id::Tag(slot.tag()), slot.psk().clone()));
        ahead.chain(self.window.waited_for()).collect()
    }

    /// For the thief of the tests: the ratchet, and the keys to which both seal.
    #[cfg(test)]
    pub(crate) fn copied(&self) -> (crypto::ratchet::Eavesdropper, X25519Secret, X25519Public) {
        (crypto::ratchet::Eavesdropper::new(&self.session), self.our_seal.clone(), self.their_seal)
    }

    /// Notes that its window has changed.
    pub(super) fn touch(&mut self) {
        self.is_live_dirty = true;
    }
}
