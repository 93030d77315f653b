//! What two devices share: ratchet, drops, stream and the envelopes under way between them.
//!
//! A pair seals segments into slots of its sending drop and opens what comes in slots of the other's. It decides
//! nothing about roads and writes nothing itself: the engine puts its records into the batch of the turn.

use std::collections::{BTreeMap, BTreeSet};

use crypto::ratchet::Session;
use crypto::seal::{self, Class};
use crypto::slot::Chain;
use crypto::{CryptoRng, Secret32, Signature, X25519Public, X25519Secret};
use minicbor::{Decode, Encode};
use proto::envelope::{Blob, Envelope};
use proto::id::{Moment, Party, Tag};
use proto::store::StoreError;
use zeroize::Zeroizing;

use crate::conversation::{decode, encode};
use crate::stream::{Ack, Receiver, Segment, Sender};

/// Slots of a drop that its reader keeps ready.
pub(crate) const WINDOW_SLOTS: u32 = 256;
/// Of these, slots that carry items; the rest is kept for receipts, so that two full drops can still speak.
pub(crate) const CONTENT_SLOTS: u32 = 224;
/// Slots behind the newest that are remembered, so that a second copy is known for one.
pub(crate) const SPENT_SLOTS: u32 = 64;
/// The ratchet keeps 40 skipped keys; beyond this an envelope waits for those before it.
pub(crate) const EARLY_SLOTS: u32 = 32;
/// Envelopes that wait so; then the oldest is opened and the gap given up.
pub(crate) const EARLY_MAX: usize = 256;
/// Days that a mailbox is asked to keep an envelope, of its own uptime.
pub(crate) const TTL_DAYS: u8 = 30;
/// Plaintext bytes in one segment: what the largest class holds beside the ratchet's and the seal's own.
pub(crate) const SEGMENT_BYTES_MAX: usize = 61_200;

/// Under this number stands the envelope of first contact, which has no slot in the pair's drop.
pub(crate) const FLIGHT_OF_INIT: u32 = u32::MAX;

/// The first byte inside a seal: what the rest is.
pub(crate) mod inner {
    /// First contact.
    pub(crate) const INIT: u8 = 1;
    /// A ratchet message.
    pub(crate) const MESSAGE: u8 = 2;
    /// The bundle under an invite.
    pub(crate) const BUNDLE: u8 = 7;
}

/// An envelope under way: its number in the outbox and the items in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Flight {
    #[n(0)]
    pub(crate) number: u64,
    #[n(1)]
    pub(crate) first: u64,
    #[n(2)]
    pub(crate) count: u64,
}

impl Flight {
    pub(crate) fn items(&self) -> std::ops::Range<u64> {
        self.first..self.first + self.count
    }
}

/// Why an envelope that somebody expected could not be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unreadable {
    /// Not sealed by who shares the slot, or not for this slot.
    Forged,
    /// Inside the seal, but not what this chapter allows.
    Malformed,
    /// The ratchet has moved on; the items will be sent again.
    Lost,
}

/// What opens the seal of one slot, apart from the ratchet: it changes nothing and may be used on another thread.
#[derive(Clone)]
pub(crate) struct Opener {
    tag: Tag,
    psk: Secret32,
    seal: X25519Secret,
}

impl Opener {
    /// Opens a blob that came in this slot.
    ///
    /// # Errors
    /// [`Unreadable::Forged`] for whatever is wrong.
    pub(crate) fn open(&self, blob: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unreadable> {
        seal::open_contact(blob, self.tag.as_bytes(), &self.psk, &self.seal).map_err(|_| Unreadable::Forged)
    }
}

pub(crate) struct Pair {
    pub(crate) party: Party,
    pub(crate) sid: [u8; 32],
    resume: Secret32,
    pub(crate) link: Secret32,
    repair: Secret32,
    our_seal: X25519Secret,
    session: Session,
    send: Chain,
    receive: Chain,
    their_seal: X25519Public,
    pub(crate) sender: Sender,
    pub(crate) receiver: Receiver,
    /// One more than the highest slot of theirs that came.
    pub(crate) seen: u32,
    /// One more than the highest slot of ours that they say came.
    pub(crate) seen_by_them: u32,
    pub(crate) slots: BTreeMap<u32, Awaited>,
    pub(crate) spent: BTreeMap<u32, Tag>,
    pub(crate) flights: BTreeMap<u32, Flight>,
    /// Since when a flight is doubted: later slots came, it did not.
    pub(crate) doubted: BTreeMap<u32, Moment>,
    pub(crate) early: BTreeSet<u32>,
    pub(crate) early_since: Option<Moment>,
    pub(crate) ack_due: Option<Moment>,
    pub(crate) ack_sent: Option<Moment>,
    /// When items that wait to share an envelope are sealed at the latest.
    pub(crate) gather_until: Option<Moment>,
    /// When the other side is asked anew for word of what is under way, and how often in a row it was.
    pub(crate) probe_at: Option<Moment>,
    pub(crate) probes: usize,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct PairRecord {
    #[cbor(n(0), with = "minicbor::bytes")]
    sid: [u8; 32],
    #[cbor(n(1), with = "minicbor::bytes")]
    resume: [u8; 32],
    #[cbor(n(2), with = "minicbor::bytes")]
    link: [u8; 32],
    #[cbor(n(3), with = "minicbor::bytes")]
    repair: [u8; 32],
    #[cbor(n(4), with = "minicbor::bytes")]
    our_seal: [u8; 32],
}

impl Drop for PairRecord {
    fn drop(&mut self) {
        use zeroize::Zeroize;
        for secret in [&mut self.resume, &mut self.link, &mut self.repair, &mut self.our_seal] {
            secret.zeroize();
        }
    }
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct LiveRecord {
    #[cbor(n(0), with = "minicbor::bytes")]
    session: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    send: Vec<u8>,
    #[cbor(n(2), with = "minicbor::bytes")]
    receive: Vec<u8>,
    #[cbor(n(3), with = "minicbor::bytes")]
    their_seal: [u8; 32],
    #[n(4)]
    next: u64,
    #[n(5)]
    sealed: u64,
    #[n(6)]
    acked: u64,
    #[n(7)]
    acked_beyond: Vec<u64>,
    #[n(8)]
    upto: u64,
    #[n(9)]
    seen: u32,
    #[n(10)]
    seen_by_them: u32,
    /// A receipt is due that no envelope carries yet: a crash must not swallow it.
    #[n(11)]
    owes_receipt: bool,
}

impl Drop for LiveRecord {
    fn drop(&mut self) {
        use zeroize::Zeroize;
        self.session.zeroize();
        self.send.zeroize();
        self.receive.zeroize();
    }
}

/// A slot of theirs that is waited for: what its reader needs of it. The key that writes it is theirs alone to use,
/// and deriving it anew for each slot would make up most of the time to start.
pub(crate) struct Awaited {
    pub(crate) tag: Tag,
    psk: Secret32,
}

/// A slot as it is kept: waited for, or spent and only a tag.
pub(crate) enum KeptSlot {
    Open(Awaited),
    Spent(Tag),
}

impl KeptSlot {
    pub(crate) fn encode_open(slot: &Awaited) -> Vec<u8> {
        [&[1][..], slot.tag.as_bytes(), slot.psk.as_bytes()].concat()
    }

    pub(crate) fn encode_spent(tag: &Tag) -> Vec<u8> {
        [&[0][..], tag.as_bytes()].concat()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        match bytes.split_first() {
            Some((1, rest)) => {
                let (tag, psk) = rest.split_first_chunk::<32>().ok_or(crate::CORRUPT)?;
                let psk = Secret32::from_slice(psk).map_err(|_| crate::CORRUPT)?;
                Ok(Self::Open(Awaited { tag: Tag(*tag), psk }))
            }
            Some((0, rest)) => rest.try_into().map(|tag| Self::Spent(Tag(tag))).map_err(|_| crate::CORRUPT),
            _ => Err(crate::CORRUPT),
        }
    }
}

impl Pair {
    /// Joins what a handshake established. No slot is waited for yet: see [`Pair::widen`].
    pub(crate) fn new(
        party: Party,
        established: crypto::handshake::Established,
        session: Session,
        our_seal: X25519Secret,
        their_seal: X25519Public,
    ) -> Self {
        Self {
            party,
            sid: established.sid,
            resume: established.resume,
            link: established.link,
            repair: established.repair,
            our_seal,
            session,
            send: Chain::new(&established.drop_send),
            receive: Chain::new(&established.drop_recv),
            their_seal,
            sender: Sender::default(),
            receiver: Receiver::default(),
            seen: 0,
            seen_by_them: 0,
            slots: BTreeMap::new(),
            spent: BTreeMap::new(),
            flights: BTreeMap::new(),
            doubted: BTreeMap::new(),
            early: BTreeSet::new(),
            early_since: None,
            ack_due: None,
            ack_sent: None,
            gather_until: None,
            probe_at: None,
            probes: 0,
        }
    }

    pub(crate) fn encode_pair(&self) -> Vec<u8> {
        encode(&PairRecord {
            sid: self.sid,
            resume: *self.resume.as_bytes(),
            link: *self.link.as_bytes(),
            repair: *self.repair.as_bytes(),
            our_seal: *self.our_seal.to_bytes().as_bytes(),
        })
    }

    pub(crate) fn encode_live(&self) -> Vec<u8> {
        encode(&LiveRecord {
            session: self.session.to_bytes().to_vec(),
            send: self.send.to_bytes().to_vec(),
            receive: self.receive.to_bytes().to_vec(),
            their_seal: *self.their_seal.as_bytes(),
            next: self.sender.next(),
            sealed: self.sender.sealed(),
            acked: self.sender.acked(),
            acked_beyond: self.sender.beyond().collect(),
            upto: self.receiver.upto(),
            seen: self.seen,
            seen_by_them: self.seen_by_them,
            owes_receipt: self.ack_due.is_some(),
        })
    }

    /// Reads what [`Pair::encode_pair`] and [`Pair::encode_live`] wrote; slots, flights and held items are added
    /// by the caller. A receipt that was owed is due at `now`.
    pub(crate) fn restore(
        party: Party,
        pair: &[u8],
        live: &[u8],
        held: impl IntoIterator<Item = u64>,
        now: Moment,
    ) -> Result<Self, StoreError> {
        let pair: PairRecord = decode(pair)?;
        let live: LiveRecord = decode(live)?;
        let corrupt = |_| crate::CORRUPT;
        Ok(Self {
            party,
            sid: pair.sid,
            resume: Secret32::new(pair.resume),
            link: Secret32::new(pair.link),
            repair: Secret32::new(pair.repair),
            our_seal: X25519Secret::from_bytes(pair.our_seal),
            session: Session::from_bytes(&live.session).map_err(|_| crate::CORRUPT)?,
            send: Chain::from_bytes(&live.send).map_err(|_| crate::CORRUPT)?,
            receive: Chain::from_bytes(&live.receive).map_err(|_| crate::CORRUPT)?,
            their_seal: X25519Public::from_bytes(&live.their_seal).map_err(corrupt)?,
            sender: Sender::restore(live.next, live.sealed, live.acked, live.acked_beyond.iter().copied()),
            receiver: Receiver::restore(live.upto, held),
            seen: live.seen,
            seen_by_them: live.seen_by_them,
            slots: BTreeMap::new(),
            spent: BTreeMap::new(),
            flights: BTreeMap::new(),
            doubted: BTreeMap::new(),
            early: BTreeSet::new(),
            early_since: None,
            ack_due: live.owes_receipt.then_some(now),
            ack_sent: None,
            gather_until: None,
            probe_at: None,
            probes: 0,
        })
    }

    /// Derives slots until [`WINDOW_SLOTS`] beyond the newest that came are ready. Returns the new ones' numbers.
    pub(crate) fn widen(&mut self) -> Vec<u32> {
        let mut fresh = Vec::new();
        while self.receive.position() < self.seen.saturating_add(WINDOW_SLOTS) {
            let slot = self.receive.next();
            fresh.push(slot.number());
            self.slots.insert(slot.number(), Awaited { tag: Tag(slot.tag()), psk: slot.psk().clone() });
        }
        fresh
    }

    /// Returns how many more envelopes the other side's window takes, of those that carry items.
    pub(crate) fn room_for_items(&self) -> u32 {
        self.seen_by_them.saturating_add(CONTENT_SLOTS).saturating_sub(self.send.position())
    }

    /// Returns how many more envelopes the other side's window takes at all.
    pub(crate) fn room(&self) -> u32 {
        self.seen_by_them.saturating_add(WINDOW_SLOTS).saturating_sub(self.send.position())
    }

    /// Returns how many slots are used and not known to have come.
    pub(crate) fn slots_in_doubt(&self) -> u32 {
        self.send.position().saturating_sub(self.seen_by_them)
    }

    /// Returns the next slot of our drop.
    pub(crate) fn position(&self) -> u32 {
        self.send.position()
    }

    pub(crate) fn ack(&self) -> Ack {
        self.receiver.ack(self.seen)
    }

    /// Encrypts a segment into the next slot. The pair's records must be on disk before the envelope leaves.
    pub(crate) fn seal(&mut self, segment: &Segment, rng: &mut dyn CryptoRng) -> (u32, Envelope, Signature) {
        let ciphertext = self.session.encrypt(&segment.encode());
        let mut bytes = Vec::with_capacity(9 + ciphertext.len());
        bytes.push(inner::MESSAGE);
        bytes.extend_from_slice(&self.sid[..8]);
        bytes.extend_from_slice(&ciphertext);
        let slot = self.send.next();
        let class = Class::for_len(bytes.len()).expect("a segment is cut to fit the largest class");
        let blob = seal::seal_contact(class, &slot.tag(), slot.psk(), &self.their_seal, &bytes, rng)
            .expect("the class was chosen for the length and the key was checked on entry");
        let blob = Blob::parse(blob).expect("a seal has the length of its class");
        let envelope = Envelope::seal_into(&slot, blob, TTL_DAYS, 0);
        (slot.number(), envelope, slot.sign_delete())
    }

    /// Encrypts the first segment of an answer, which travels inside the handshake's envelope.
    pub(crate) fn encrypt(&mut self, segment: &Segment) -> Vec<u8> {
        self.session.encrypt(&segment.encode())
    }

    /// Returns what opens the seal of a slot that is waited for.
    pub(crate) fn opener(&self, number: u32) -> Option<Opener> {
        let slot = self.slots.get(&number)?;
        Some(Opener { tag: slot.tag, psk: slot.psk.clone(), seal: self.our_seal.clone() })
    }

    /// Decrypts what stood inside the seal of a slot. On an error nothing has changed.
    pub(crate) fn decrypt(&mut self, inner: &[u8]) -> Result<Segment, Unreadable> {
        let rest = inner.strip_prefix(&[inner::MESSAGE]).ok_or(Unreadable::Malformed)?;
        let ciphertext = rest.strip_prefix(&self.sid[..8]).ok_or(Unreadable::Malformed)?;
        let plaintext = self.session.decrypt(ciphertext).map_err(|_| Unreadable::Lost)?;
        Segment::decode(&plaintext).map_err(|_| Unreadable::Malformed)
    }

    /// Notes that a slot was used. Returns its tag, and the slots that may be forgotten now.
    pub(crate) fn spend(&mut self, number: u32) -> Option<(Tag, Vec<(u32, Tag)>)> {
        let tag = self.slots.remove(&number)?.tag;
        self.spent.insert(number, tag);
        self.seen = self.seen.max(number + 1);
        let kept = self.spent.split_off(&self.seen.saturating_sub(SPENT_SLOTS));
        let old = std::mem::replace(&mut self.spent, kept).into_iter();
        // What a sender may still have under way lies within two windows; gaps behind them stay gaps.
        let kept = self.slots.split_off(&self.seen.saturating_sub(2 * WINDOW_SLOTS));
        let gaps = std::mem::replace(&mut self.slots, kept).into_iter();
        Some((tag, old.chain(gaps.map(|(number, slot)| (number, slot.tag))).collect()))
    }

    /// Tells whether slot `number` is too far ahead of what has come for the ratchet to be asked.
    pub(crate) fn is_early(&self, number: u32) -> bool {
        number >= self.seen.saturating_add(EARLY_SLOTS)
    }
}
