//! How a pair is kept: its own secrets, its stream, and two records for each generation.

use crypto::prekey::{BundleSecret, Offer, OfferSecret};
use crypto::ratchet::Session;
use crypto::renewal::RepairSecret;
use crypto::slot::Chain;
use crypto::{Secret32, X25519Public, X25519Secret};
use minicbor::{Decode, Encode};
use proto::id::{Moment, Party, Tag};
use proto::store::{Direction, Overlay, StoreError};
use zeroize::Zeroize;

use super::generation::{Generation, Opening, Phase};
use super::window::Window;
use super::{GENERATIONS_MAX, HELD_ASIDE, Keys, Pair, Said, Suspicion};
use crate::content::RepairName;
use crate::conversation::{decode, encode};
use crate::stream::{Receiver, Sender};
use crate::tables;
use crate::uptime::Used;

#[derive(Encode, Decode)]
#[cbor(array)]
struct PairRecord {
    #[cbor(n(0), with = "minicbor::bytes")]
    repair: [u8; 32],
    #[cbor(n(1), with = "minicbor::bytes")]
    repair_tags: Vec<u8>,
    #[cbor(n(2), with = "minicbor::bytes")]
    last_resort: Option<Vec<u8>>,
    #[cbor(n(3), with = "minicbor::bytes")]
    their_last_resort: Option<Vec<u8>>,
    #[cbor(n(4), with = "minicbor::bytes")]
    offer: Option<Vec<u8>>,
    #[n(5)]
    offer_given: u64,
    #[cbor(n(6), with = "minicbor::bytes")]
    their_offer: Option<Vec<u8>>,
    #[n(7)]
    next_offer: u32,
    #[cbor(n(8), with = "minicbor::bytes")]
    repairs: Vec<u8>,
    #[n(9)]
    next_generation: u32,
    #[n(10)]
    is_hasty: bool,
    #[n(11)]
    awaits_have: bool,
    #[n(12)]
    suspicion: Option<(u64, u32)>,
    #[n(13)]
    begun_anew: Option<u64>,
    #[n(14)]
    said: Option<(u64, bool)>,
    #[n(15)]
    have: Option<u64>,
}

impl Drop for PairRecord {
    fn drop(&mut self) {
        self.repair.zeroize();
        self.last_resort.zeroize();
        self.offer.zeroize();
    }
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct StreamRecord {
    #[n(0)]
    stream: u32,
    #[n(1)]
    sending: u32,
    #[n(2)]
    next: u64,
    #[n(3)]
    sealed: u64,
    #[n(4)]
    acked: u64,
    #[n(5)]
    acked_beyond: Vec<u64>,
    #[n(6)]
    upto: u64,
    /// A receipt is due that no envelope carries yet: a crash must not swallow it.
    #[n(7)]
    owes_receipt: bool,
    #[n(8)]
    messages: u32,
    /// Left out by builds before it was kept: then it is known with their next word.
    #[n(9)]
    ground: Option<u32>,
    #[cbor(n(10), default)]
    went_back: bool,
    #[cbor(n(11), default)]
    half: u32,
    /// Their half that is read; none is 2^32.
    #[cbor(n(12), default)]
    their_half: u64,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct GenerationRecord {
    #[n(0)]
    parent: Option<u32>,
    #[n(1)]
    stream: u32,
    #[n(2)]
    phase: u8,
    #[n(3)]
    drain: Option<(u64, u64)>,
    #[n(4)]
    born: u64,
    #[cbor(n(5), with = "minicbor::bytes")]
    sid: [u8; 32],
    #[cbor(n(6), with = "minicbor::bytes")]
    resume: [u8; 32],
    #[cbor(n(7), with = "minicbor::bytes")]
    link: [u8; 32],
    #[cbor(n(8), with = "minicbor::bytes")]
    our_seal: [u8; 32],
    #[cbor(n(9), with = "minicbor::bytes")]
    their_seal: [u8; 32],
    #[n(10)]
    opening: Option<OpeningRecord>,
    #[n(11)]
    depth: u32,
}

impl Drop for GenerationRecord {
    fn drop(&mut self) {
        for secret in [&mut self.resume, &mut self.link, &mut self.our_seal] {
            secret.zeroize();
        }
    }
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct OpeningRecord {
    #[n(0)]
    kind: u8,
    #[cbor(n(1), with = "minicbor::bytes")]
    inner: Vec<u8>,
    #[n(2)]
    one: u32,
    #[n(3)]
    other: u32,
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
    #[n(3)]
    seen: u32,
    #[n(4)]
    seen_by_them: u32,
}

impl Drop for LiveRecord {
    fn drop(&mut self) {
        self.session.zeroize();
        self.send.zeroize();
        self.receive.zeroize();
    }
}

/// In place of a half of theirs, where none is read yet.
const NO_HALF: u64 = 1 << 32;

const SENT: u8 = 0;
const LIVE: u8 = 1;
const DRAIN: u8 = 2;

impl OpeningRecord {
    fn of(opening: &Opening) -> Self {
        match opening {
            Opening::Init => Self { kind: 0, inner: Vec::new(), one: 0, other: 0 },
            Opening::Rekey { offer, inner } => Self { kind: 1, inner: inner.clone(), one: *offer, other: 0 },
            Opening::Repair { inner, first_slot, slot } => {
                Self { kind: 2, inner: inner.clone(), one: *first_slot, other: *slot }
            }
        }
    }

    fn opening(&self) -> Result<Opening, StoreError> {
        let inner = self.inner.clone();
        match self.kind {
            0 => Ok(Opening::Init),
            1 => Ok(Opening::Rekey { offer: self.one, inner }),
            2 => Ok(Opening::Repair { inner, first_slot: self.one, slot: self.other }),
            _ => Err(crate::CORRUPT),
        }
    }
}

impl Generation {
    fn encode(&self) -> Vec<u8> {
        let (phase, drain) = match self.phase {
            Phase::Sent => (SENT, None),
            Phase::Live => (LIVE, None),
            Phase::Drain { since, upto } => (DRAIN, Some((since.0, upto))),
        };
        encode(&GenerationRecord {
            parent: self.parent,
            stream: self.stream,
            phase,
            drain,
            born: self.born.0,
            sid: self.sid,
            resume: *self.resume.as_bytes(),
            link: *self.link.as_bytes(),
            our_seal: *self.our_seal.to_bytes().as_bytes(),
            their_seal: *self.their_seal.as_bytes(),
            opening: self.opening.as_ref().map(OpeningRecord::of),
            depth: self.depth,
        })
    }

    fn encode_live(&self) -> Vec<u8> {
        encode(&LiveRecord {
            session: self.session.to_bytes().to_vec(),
            send: self.send.to_bytes().to_vec(),
            receive: self.window.chain().to_bytes().to_vec(),
            seen: self.window.seen(),
            seen_by_them: self.seen_by_them,
        })
    }

    fn decode(number: u32, bytes: &[u8], live: &[u8]) -> Result<Self, StoreError> {
        let record: GenerationRecord = decode(bytes)?;
        let live: LiveRecord = decode(live)?;
        let receive = Chain::from_bytes(&live.receive).map_err(|_| crate::CORRUPT)?;
        let phase = match (record.phase, record.drain) {
            (SENT, None) => Phase::Sent,
            (LIVE, None) => Phase::Live,
            (DRAIN, Some((since, upto))) => Phase::Drain { since: Used(since), upto },
            _ => return Err(crate::CORRUPT),
        };
        Ok(Self {
            number,
            parent: record.parent,
            stream: record.stream,
            depth: record.depth,
            phase,
            opening: record.opening.as_ref().map(OpeningRecord::opening).transpose()?,
            born: Used(record.born),
            sid: record.sid,
            resume: Secret32::new(record.resume),
            link: Secret32::new(record.link),
            our_seal: X25519Secret::from_bytes(record.our_seal),
            their_seal: X25519Public::from_bytes(&record.their_seal).map_err(|_| crate::CORRUPT)?,
            session: Session::from_bytes(&live.session).map_err(|_| crate::CORRUPT)?,
            send: Chain::from_bytes(&live.send).map_err(|_| crate::CORRUPT)?,
            window: Window::restore(receive, live.seen),
            seen_by_them: live.seen_by_them,
            is_live_dirty: false,
            is_dirty: false,
        })
    }
}

impl Keys {
    fn encode(&self, next_generation: u32) -> Vec<u8> {
        encode(&PairRecord {
            repair: *self.repair.as_bytes(),
            repair_tags: self.repair_tags.iter().flat_map(|tag| tag.0).collect(),
            last_resort: self.last_resort.as_ref().map(|b| b.to_bytes().to_vec()),
            their_last_resort: self.their_last_resort.clone(),
            offer: self.offer.as_ref().map(|o| o.to_bytes().to_vec()),
            offer_given: self.offer_given.0,
            their_offer: self.their_offer.as_ref().map(|o| o.bytes().to_vec()),
            next_offer: self.next_offer,
            repairs: self.repairs.iter().flat_map(|name| name.0).collect(),
            next_generation,
            is_hasty: self.is_hasty,
            awaits_have: self.awaits_have,
            suspicion: self.suspicion.map(|suspicion| (suspicion.since.0, suspicion.from)),
            begun_anew: self.begun_anew.map(|used| used.0),
            said: self.said.map(|said| (u64::from_be_bytes(said.name.0), said.is_whole)),
            have: self.have,
        })
    }

    /// Forgets what a repair makes anew, and times of use that may not be those of the profile in which it is read.
    #[cfg(feature = "node")]
    fn leave_behind(&mut self) {
        self.offer = None;
        self.their_offer = None;
        self.suspicion = None;
        self.begun_anew = None;
        self.said = None;
        self.have = None;
    }

    fn decode(bytes: &[u8]) -> Result<(Self, u32), StoreError> {
        let record: PairRecord = decode(bytes)?;
        let tags = record.repair_tags.chunks_exact(32).map(|tag| Tag(tag.try_into().expect("32 bytes")));
        let last_resort = record.last_resort.as_deref().map(BundleSecret::from_bytes).transpose();
        let offer = record.offer.as_deref().map(OfferSecret::from_bytes).transpose();
        let their_offer = record.their_offer.as_deref().map(Offer::parse).transpose();
        let keys = Self {
            repair: RepairSecret::new(Secret32::new(record.repair)),
            repair_tags: tags.collect(),
            last_resort: last_resort.map_err(|_| crate::CORRUPT)?,
            their_last_resort: record.their_last_resort.clone(),
            offer: offer.map_err(|_| crate::CORRUPT)?,
            offer_given: Used(record.offer_given),
            their_offer: their_offer.map_err(|_| crate::CORRUPT)?,
            next_offer: record.next_offer,
            repairs: record.repairs.as_chunks().0.iter().copied().map(RepairName).collect(),
            is_hasty: record.is_hasty,
            awaits_have: record.awaits_have,
            suspicion: record.suspicion.map(|(since, from)| Suspicion { since: Used(since), from }),
            begun_anew: record.begun_anew.map(Used),
            said: record.said.map(|(name, is_whole)| Said { name: RepairName(name.to_be_bytes()), is_whole }),
            have: record.have,
        };
        Ok((keys, record.next_generation))
    }
}

/// The order under which the records of one generation stand.
pub(crate) fn order(party: Party, generation: u32) -> u64 {
    (u64::from(party.0) << 32) | u64::from(generation)
}

/// The name under which the slots of one generation stand.
pub(crate) fn slots_name(party: Party, generation: u32) -> [u8; 8] {
    order(party, generation).to_be_bytes()
}

impl Pair {
    /// Writes what has changed since the last time.
    pub(crate) fn save(&mut self, overlay: &mut Overlay<'_>) {
        let party = u64::from(self.party.0);
        if std::mem::take(&mut self.are_keys_dirty) {
            overlay.put(&tables::PAIR, b"", party, self.keys.encode(self.next_generation));
        }
        let record = StreamRecord {
            stream: self.stream,
            sending: self.sending,
            next: self.sender.next(),
            sealed: self.sender.sealed(),
            acked: self.sender.acked(),
            acked_beyond: self.sender.beyond().collect(),
            upto: self.receiver.upto(),
            owes_receipt: self.ack_due.is_some(),
            messages: self.messages,
            ground: self.ground,
            went_back: self.went_back,
            half: self.sender.half(),
            their_half: self.receiver.half().map_or(NO_HALF, u64::from),
        };
        overlay.put(&tables::STREAM, b"", party, encode(&record));
        for generation in self.generations.values_mut() {
            let order = order(self.party, generation.number);
            if std::mem::take(&mut generation.is_dirty) {
                overlay.put(&tables::GENERATION, b"", order, generation.encode());
            }
            if std::mem::take(&mut generation.is_live_dirty) {
                overlay.put(&tables::LIVE, b"", order, generation.encode_live());
            }
        }
    }

    /// Returns what a backup keeps of a pair's record: what the two need to meet again.
    #[cfg(feature = "node")]
    pub(crate) fn keys_for_backup(bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
        let (mut keys, next_generation) = Keys::decode(bytes)?;
        keys.leave_behind();
        Ok(keys.encode(next_generation))
    }

    /// Returns what is kept of a pair's record that may be older than what was used, and the number of the generation
    /// that begins next: at least `leap` beyond both its own word and `next`.
    #[cfg(feature = "node")]
    pub(crate) fn keys_after_loss(bytes: &[u8], next: u32, leap: u32) -> Result<(Vec<u8>, u32), StoreError> {
        let (mut keys, next_generation) = Keys::decode(bytes)?;
        keys.leave_behind();
        let next = next.max(next_generation).saturating_add(leap);
        Ok((keys.encode(next), next))
    }

    /// Reads a pair of which only its own record was kept: it has no generation until a repair begins one.
    pub(crate) fn unmet(party: Party, bytes: &[u8]) -> Result<Self, StoreError> {
        let (keys, next_generation) = Keys::decode(bytes)?;
        let mut pair = Self::bare(party, keys);
        pair.next_generation = next_generation;
        Ok(pair)
    }

    /// Reads a pair without slots, flights and early envelopes, which the caller adds. A receipt that was owed is
    /// due at `now`.
    pub(crate) fn load(
        party: Party,
        bytes: &[u8],
        now: Moment,
        overlay: &Overlay<'_>,
    ) -> Result<Self, StoreError> {
        let (keys, next_generation) = Keys::decode(bytes)?;
        let stream = overlay.get(&tables::STREAM, b"", party.0.into())?.ok_or(crate::CORRUPT)?;
        let record: StreamRecord = decode(&stream)?;
        let mut held = Vec::new();
        crate::engine::each(&tables::HELD, &tables::name(party.0), overlay, |order, _| {
            held.extend(Some(order).filter(|order| *order < HELD_ASIDE));
            Ok(())
        })?;
        let mut pair = Self::bare(party, keys);
        pair.next_generation = next_generation;
        pair.are_keys_dirty = false;
        pair.stream = record.stream;
        pair.sending = record.sending;
        let beyond = record.acked_beyond.iter().copied();
        pair.sender = Sender::restore(record.half, record.next, record.sealed, record.acked, beyond);
        pair.receiver = Receiver::restore(u32::try_from(record.their_half).ok(), record.upto, held);
        pair.messages = record.messages;
        pair.ground = record.ground;
        pair.went_back = record.went_back;
        pair.ack_due = record.owes_receipt.then_some(now);
        let orders = order(party, 0)..=order(party, u32::MAX);
        let generations =
            overlay.range(&tables::GENERATION, b"", orders, Direction::Ascending, GENERATIONS_MAX)?;
        for (at, bytes) in &generations {
            let live = overlay.get(&tables::LIVE, b"", *at)?.ok_or(crate::CORRUPT)?;
            let generation = Generation::decode(*at as u32, bytes, &live)?;
            pair.generations.insert(generation.number, generation);
        }
        if pair.generations.contains_key(&pair.sending) { Ok(pair) } else { Err(crate::CORRUPT) }
    }
}
