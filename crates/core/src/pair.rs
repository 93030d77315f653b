//! What two devices share: generations, one stream through all of them, and the envelopes under way.
//!
//! A pair seals segments on the generation it sends on, and opens what comes in any that lives. It knows the order of
//! generations: which one sends, which only drains, which of two begun at once wins. It decides nothing about roads;
//! the engine commits what [`Pair::save`] writes before anything leaves.

mod generation;
mod keys;
mod record;
mod repairs;
mod window;

use std::collections::{BTreeMap, BTreeSet};

use crypto::handshake::Established;
use crypto::identity::AccountId;
use crypto::ratchet::Session;
use crypto::renewal::{Rekey, RepairSecret};
use crypto::{CryptoRng, Signature, X25519Public, X25519Secret};
use minicbor::{Decode, Encode};
use proto::envelope::Envelope;
use proto::id::{Moment, Party, Tag};

use self::generation::Place;
pub(crate) use self::generation::{Generation, Opening, Origin, Phase};
pub(crate) use self::keys::{Keys, Said, Suspicion};
pub(crate) use self::record::{order, slots_name};
pub(crate) use self::repairs::{Again, RepairPace};
#[cfg(test)]
pub(crate) use self::repairs::{REPAIRS_SPAN, REPAIRS_TAKEN_MAX};
pub(crate) use self::window::{Awaited, KeptSlot, Opener};
use crate::stream::{Ack, Receiver, Segment, Sender};
use crate::uptime::Used;

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
/// Generations of one pair that live at once.
pub(crate) const GENERATIONS_MAX: usize = 4;

/// From this order on stands among what is held what a stream that has ended has left, until it is known whether it comes
/// again.
pub(crate) const HELD_ASIDE: u64 = 1 << 63;
/// The depth of a generation that is kept apart: deeper than all others.
pub(crate) const APART: u32 = u32::MAX;
/// Under this slot number stands the envelope that begins a generation: it lies outside the generation's drop.
pub(crate) const OPENING: u32 = u32::MAX;
/// Under this generation number stand the slots of the repair drop.
pub(crate) const REPAIR: u32 = u32::MAX;

/// The first byte inside a seal: what the rest is.
pub(crate) mod inner {
    /// First contact.
    pub(crate) const INIT: u8 = 1;
    /// A ratchet message.
    pub(crate) const MESSAGE: u8 = 2;
    /// The next generation.
    pub(crate) const REKEY: u8 = 3;
    /// The word of a device that was restored.
    pub(crate) const REPAIR: u8 = 4;
    /// The bundle under an invite.
    pub(crate) const BUNDLE: u8 = 7;
}

/// A slot of a pair: the local number of the generation, and the slot's in its drop.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct SlotId {
    pub(crate) generation: u32,
    pub(crate) slot: u32,
}

impl SlotId {
    /// The number under which router and tables know it.
    pub(crate) fn number(self) -> u64 {
        (u64::from(self.generation) << 32) | u64::from(self.slot)
    }

    pub(crate) fn from_number(number: u64) -> Self {
        Self { generation: (number >> 32) as u32, slot: number as u32 }
    }
}

/// An envelope under way: its number in the outbox, the items in it, and the use at which it was last posted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Flight {
    #[n(0)]
    pub(crate) number: u64,
    #[n(1)]
    pub(crate) first: u64,
    #[n(2)]
    pub(crate) count: u64,
    #[n(3)]
    pub(crate) posted: u64,
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

/// What stood inside a seal.
pub(crate) enum Opened {
    Segment(Segment),
    Rekey(Box<Rekey>),
}

pub(crate) struct Pair {
    pub(crate) party: Party,
    keys: Keys,
    generations: BTreeMap<u32, Generation>,
    /// The generation that is sent on.
    sending: u32,
    /// Whether we have gone back to it, and they have acknowledged nothing in it since.
    went_back: bool,
    /// The generation that the other side was heard in last.
    ground: Option<u32>,
    next_generation: u32,
    /// The stream that runs now: a repair begins a new one, with numbers from 1.
    stream: u32,
    pub(crate) sender: Sender,
    pub(crate) receiver: Receiver,
    /// Messages that went either way since the generation that is sent on began.
    pub(crate) messages: u32,
    pub(crate) flights: BTreeMap<SlotId, Flight>,
    /// Since when a flight is doubted: later slots came, it did not.
    pub(crate) doubted: BTreeMap<SlotId, Moment>,
    pub(crate) early: BTreeSet<SlotId>,
    pub(crate) early_since: Option<Moment>,
    /// Some of them can be opened, but were too much for one turn.
    pub(crate) early_goes_on: bool,
    pub(crate) ack_due: Option<Moment>,
    pub(crate) ack_sent: Option<Moment>,
    /// Envelopes that came by a direct link since then.
    pub(crate) unacknowledged: usize,
    /// When items that wait to share an envelope are sealed at the latest.
    pub(crate) gather_until: Option<Moment>,
    /// When the other side is asked anew for word of what is under way, and how often in a row it was.
    pub(crate) probe_at: Option<Moment>,
    pub(crate) probes: usize,
    /// Whether what begins a generation was sent for that the last time, and not the oldest of the rest.
    pub(crate) probed_opening: bool,
    /// How often in this life it was told that their lists of devices contradict each other.
    pub(crate) contradictions_told: u32,
    /// The same of repairs of theirs.
    pub(crate) repairs_told: u32,
    /// An offer of theirs came in this turn.
    pub(crate) offer_came: bool,
    /// Repairs of theirs that were taken in this life.
    pub(crate) repairs: RepairPace,
    /// Messages that are to be sent again and were found so far.
    pub(crate) again: Again,
    are_keys_dirty: bool,
}

impl Pair {
    /// Joins what a first handshake established. No slot is waited for yet: see [`Pair::widen`].
    pub(crate) fn new(
        party: Party,
        them: &AccountId,
        origin: Origin,
        established: Established,
        session: Session,
        seals: (X25519Secret, X25519Public),
    ) -> Self {
        let keys = Keys::new(RepairSecret::new(established.repair.clone()), them);
        let mut pair = Self::bare(party, keys);
        pair.add(origin, established, session, seals);
        pair
    }

    fn bare(party: Party, keys: Keys) -> Self {
        Self {
            party,
            keys,
            generations: BTreeMap::new(),
            sending: 0,
            went_back: false,
            ground: None,
            next_generation: 0,
            stream: 0,
            sender: Sender::default(),
            receiver: Receiver::default(),
            messages: 0,
            flights: BTreeMap::new(),
            doubted: BTreeMap::new(),
            early: BTreeSet::new(),
            early_since: None,
            early_goes_on: false,
            ack_due: None,
            ack_sent: None,
            unacknowledged: 0,
            gather_until: None,
            probe_at: None,
            probes: 0,
            probed_opening: false,
            contradictions_told: 0,
            repairs_told: 0,
            offer_came: false,
            repairs: RepairPace::default(),
            again: Again::default(),
            are_keys_dirty: true,
        }
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(crate) fn keys_mut(&mut self) -> &mut Keys {
        self.are_keys_dirty = true;
        &mut self.keys
    }

    // ---- generations ----

    /// Adds a generation. Returns its number.
    pub(crate) fn add(
        &mut self,
        origin: Origin,
        established: Established,
        session: Session,
        seals: (X25519Secret, X25519Public),
    ) -> u32 {
        let number = self.next_generation;
        self.next_generation += 1;
        self.are_keys_dirty = true;
        let parent = origin.parent.and_then(|number| self.generations.get(&number));
        let depth = parent.map_or(0, |parent| parent.depth.saturating_add(1));
        let place = Place { number, stream: self.stream, depth };
        let generation = Generation::new(place, origin, established, session, seals);
        self.generations.insert(number, generation);
        number
    }

    /// No word in another generation lets this one drain, though it is not sent on: only what begins it is sent.
    pub(crate) fn keep_apart(&mut self, number: u32) {
        if let Some(generation) = self.generations.get_mut(&number) {
            generation.depth = APART;
        }
    }

    /// Takes a generation out. Its records, tags and flights are the caller's to end.
    pub(crate) fn remove(&mut self, number: u32) -> Option<Generation> {
        self.early.retain(|at| at.generation != number);
        self.generations.remove(&number)
    }

    pub(crate) fn generation(&self, number: u32) -> Option<&Generation> {
        self.generations.get(&number)
    }

    pub(crate) fn generation_mut(&mut self, number: u32) -> Option<&mut Generation> {
        self.generations.get_mut(&number)
    }

    pub(crate) fn generations(&self) -> impl DoubleEndedIterator<Item = &Generation> {
        self.generations.values()
    }

    /// The generation that is sent on.
    pub(crate) fn sending(&self) -> &Generation {
        self.generations.get(&self.sending).expect("a pair sends on one of its generations")
    }

    pub(crate) fn sending_mut(&mut self) -> &mut Generation {
        self.generations.get_mut(&self.sending).expect("a pair sends on one of its generations")
    }

    /// From now on this generation is sent on; the count of its messages begins.
    pub(crate) fn send_on(&mut self, number: u32) {
        if let Some(generation) = self.generations.get_mut(&number).filter(|g| g.is_draining()) {
            generation.enter(Phase::Live);
        }
        self.sending = number;
        self.went_back = false;
        self.messages = 0;
        self.gather_until = None;
    }

    /// The other side was heard in a slot beyond all that had come in this generation, or has begun it: they have it.
    pub(crate) fn stand_on(&mut self, number: u32) {
        self.ground = Some(number);
    }

    /// The generation that they were heard in last, by arrival, and not by what came late: they had it then, and may speak
    /// nowhere else.
    fn ground(&self) -> Option<u32> {
        self.ground.filter(|number| self.is_current(*number))
    }

    /// From now on this generation is sent on, because they know it and may not know what we sent on.
    pub(crate) fn go_back(&mut self, number: u32) {
        if number != self.sending {
            self.send_on(number);
            self.went_back = true;
        }
    }

    /// They have acknowledged slots of ours that they had not before.
    pub(crate) fn note_answer(&mut self, number: u32) {
        self.went_back &= number != self.sending;
    }

    /// Tells whether they were heard last elsewhere than where we send, and it is not known that they can hear us there:
    /// we have begun it or gone back to it, and had no word in it since; or it and where they were heard last began at once in
    /// the same parent, and they have acknowledged nothing of what we sent on it.
    pub(crate) fn is_apart(&self) -> bool {
        let sending = self.sending();
        let Some(ground) = self.ground().filter(|ground| *ground != sending.number) else { return false };
        let parent = self.generation(ground).and_then(|ground| ground.parent);
        let is_rival = parent.is_some() && parent == sending.parent && sending.seen_by_them == 0;
        // Where our repair has begun the stream they may have given up what they took up before theirs came to them.
        let is_given_up = self.keys.said.is_some() && sending.seen_by_them == 0;
        self.went_back || !sending.is_heard() || is_rival || is_given_up
    }

    /// Returns the ground if they may not hear us where we send, unless that waits in the ground to be heard.
    pub(crate) fn retreat(&self) -> Option<u32> {
        let sending = self.sending();
        let waits = |ground: &u32| !sending.is_heard() && sending.parent == Some(*ground);
        self.ground().filter(|ground| self.is_apart() && !waits(ground))
    }

    /// What is under way may have passed them by: it is sealed anew if no word of it comes soon.
    pub(crate) fn doubt_all(&mut self, now: Moment) {
        for at in self.flights.keys().filter(|at| at.slot != OPENING) {
            self.doubted.entry(*at).or_insert(now);
        }
    }

    /// The other side has spoken: if something is still under way, it is waited for anew before it is asked for.
    pub(crate) fn note_word(&mut self) {
        self.probe_at = None;
        self.probes = 0;
    }

    /// Tells whether `rival` is to be sent on rather than what is sent on now: it lies further from the first of its
    /// stream, or as far and its name is the smaller. Both sides order all generations alike by this.
    pub(crate) fn is_better(&self, rival: &Generation) -> bool {
        let sending = self.sending();
        if rival.stream != self.stream {
            return false;
        }
        let rank = |generation: &Generation| (std::cmp::Reverse(generation.depth), generation.sid);
        sending.stream != self.stream || rank(rival) < rank(sending)
    }

    /// The other side has spoken in a generation, having sealed items up to `sealed` by then, if it said so. Once that is
    /// the one we send on, all others but younger ones only drain. Returns whether it is heard for the first time.
    pub(crate) fn hear(&mut self, number: u32, sealed: Option<u64>, now: Used) -> bool {
        let Some(generation) = self.generations.get_mut(&number) else { return false };
        let first = !generation.is_heard();
        if first {
            generation.enter(Phase::Live);
        }
        if let Some(sealed) = sealed.filter(|_| number == self.sending) {
            let is_counted = self.keys.said.is_none() || !self.sender.is_untouched();
            let (depth, is_confirmed) = (generation.depth, generation.seen_by_them > 0 && is_counted);
            let others = self.generations.values_mut().filter(|g| g.number != number && !g.is_draining());
            // Who has fallen back to an older one keeps the younger, in case the other side has taken one up. And a repair of
            // theirs that crosses ours may be an old one: until they have heard us in it, ours goes on being said.
            for other in others.filter(|g| g.depth <= depth && (is_confirmed || !g.says_repair())) {
                other.opening = None;
                other.enter(Phase::Drain { since: now, upto: sealed });
            }
        }
        first
    }

    /// Returns generations whose end has come: all that can have been sealed in them is here and the other side has
    /// heard us in the one we send on, or they have drained until `limit`.
    pub(crate) fn drained(&self, now: Used, limit: std::time::Duration) -> Vec<u32> {
        let sending = self.sending();
        let confirmed = sending.is_heard() && sending.seen_by_them > 0;
        // Of two repairs that cross each side may go to the other's at once: both are read until one has gone on.
        let may_cross = self.keys.said.is_some() && sending.depth == 0;
        let ended = |g: &&Generation| match g.phase {
            Phase::Drain { since, upto } => {
                let complete = g.stream == self.stream && self.receiver.upto() >= upto;
                (confirmed && complete && !(may_cross && g.depth == 0)) || now.since(since) >= limit
            }
            _ => false,
        };
        self.generations.values().filter(ended).map(|g| g.number).collect()
    }

    /// Returns the generation to give up if another one is to begin after `parent`: neither that nor the one that is sent
    /// on. Where they were heard last, and what the one that is sent on waits in to be heard, come last; else the oldest that
    /// drains comes first.
    pub(crate) fn surplus(&self, parent: Option<u32>) -> Option<u32> {
        if self.generations.len() < GENERATIONS_MAX {
            return None;
        }
        let sending = self.sending();
        let begun_in = sending.parent.filter(|_| !sending.is_heard());
        let worth = |g: &&Generation| {
            let is_needed = [self.ground(), begun_in].contains(&Some(g.number)) || g.says_repair();
            (is_needed, !g.is_draining(), g.number)
        };
        let free =
            self.generations.values().filter(|g| ![Some(self.sending), parent].contains(&Some(g.number)));
        free.min_by_key(worth).map(|g| g.number)
    }

    /// Begins a new stream: all is numbered from 1 again, in halves of new names. `theirs` is `None` where whatever they
    /// begin with will count. Older generations go on receiving apart from it.
    pub(crate) fn begin_stream(&mut self, half: u32, theirs: Option<u32>, now: Used) {
        self.stream += 1;
        self.keys_mut().said = None;
        self.sender = Sender::anew(half);
        self.receiver = Receiver::anew(theirs);
        for generation in self.generations.values_mut().filter(|g| !g.is_draining()) {
            generation.opening = None;
            generation.enter(Phase::Drain { since: now, upto: u64::MAX });
        }
    }

    /// Notes that a person suspects these keys: an answer is waited for. What was waited for before and has not come keeps
    /// its time.
    pub(crate) fn note_suspicion(&mut self, now: Used) {
        let unanswered = self.keys.suspicion.filter(|before| !self.has_answered(*before));
        let since = unanswered.map_or(now, |before| before.since);
        let from = self.next_generation;
        self.keys_mut().suspicion = Some(Suspicion { since, from });
    }

    /// Tells whether the other side has spoken in a generation that began after a suspicion.
    pub(crate) fn has_answered(&self, suspicion: Suspicion) -> bool {
        self.generations.values().any(|g| g.number >= suspicion.from && g.is_heard())
    }

    /// Tells whether segments of this generation belong to the stream that runs now.
    pub(crate) fn is_current(&self, number: u32) -> bool {
        self.generations.get(&number).is_some_and(|g| g.stream == self.stream)
    }

    /// Tells whether it is known that an envelope of ours came, or must have been lost: later ones came, or the other
    /// side has heard us in a later generation.
    pub(crate) fn has_passed(&self, at: SlotId) -> bool {
        let Some(generation) = self.generations.get(&at.generation) else { return true };
        if at.slot == OPENING {
            return generation.is_heard();
        }
        let overtaken = at.generation != self.sending && self.sending().seen_by_them > 0;
        at.slot < generation.seen_by_them || overtaken
    }

    /// Returns what is under way and must come, however long that takes: items, and what begins a generation.
    pub(crate) fn lasting(&self) -> impl Iterator<Item = (SlotId, Flight)> {
        let lasting = |(at, flight): &(&SlotId, &Flight)| flight.count > 0 || at.slot == OPENING;
        self.flights.iter().filter(lasting).map(|(at, flight)| (*at, *flight))
    }

    // ---- slots ----

    /// Derives the slots that are to be waited for. Returns the new ones' ids.
    pub(crate) fn widen(&mut self, generation: u32) -> Vec<SlotId> {
        let Some(found) = self.generations.get_mut(&generation) else { return Vec::new() };
        let fresh = found.window.widen();
        if !fresh.is_empty() {
            found.touch();
        }
        fresh.into_iter().map(|slot| SlotId { generation, slot }).collect()
    }

    /// Returns a slot that is waited for.
    pub(crate) fn awaited(&self, at: SlotId) -> Option<&Awaited> {
        self.generations.get(&at.generation)?.window.slot(at.slot)
    }

    /// Notes that a slot was used. Returns its tag, and the slots that may be forgotten now.
    pub(crate) fn spend(&mut self, at: SlotId) -> Option<(Tag, Vec<(u32, Tag)>)> {
        let generation = self.generations.get_mut(&at.generation)?;
        generation.touch();
        generation.window.spend(at.slot)
    }

    /// Tells whether a slot is too far ahead of what has come for the ratchet to be asked.
    pub(crate) fn is_early(&self, at: SlotId) -> bool {
        self.generations.get(&at.generation).is_some_and(|g| g.window.is_early(at.slot))
    }

    /// Returns what opens the seal of a slot that is waited for.
    pub(crate) fn opener(&self, at: SlotId) -> Option<Opener> {
        let generation = self.generations.get(&at.generation)?;
        generation.window.opener(at.slot, &generation.our_seal)
    }

    /// Reads what stood inside the seal of a slot of this generation. On an error nothing has changed.
    pub(crate) fn decrypt(&mut self, generation: u32, inner: &[u8]) -> Result<Opened, Unreadable> {
        let generation = self.generations.get_mut(&generation).ok_or(Unreadable::Malformed)?;
        match inner.split_first() {
            Some((&inner::MESSAGE, rest)) => generation.decrypt(rest).map(Opened::Segment),
            Some((&inner::REKEY, rest)) => {
                let rekey = Rekey::parse(rest).map_err(|_| Unreadable::Malformed)?;
                Ok(Opened::Rekey(Box::new(rekey)))
            }
            _ => Err(Unreadable::Malformed),
        }
    }

    // ---- sending ----

    /// Returns how many more envelopes the other side's window takes, of those that carry items.
    pub(crate) fn room_for_items(&self) -> u32 {
        self.sending().room_below(CONTENT_SLOTS)
    }

    /// Returns how many more envelopes the other side's window takes at all.
    pub(crate) fn room(&self) -> u32 {
        self.sending().room()
    }

    /// Returns how many slots are used and not known to have come.
    pub(crate) fn slots_in_doubt(&self) -> u32 {
        WINDOW_SLOTS.saturating_sub(self.room())
    }

    /// Returns the receipt that a segment carries which is sealed on the generation that is sent on.
    pub(crate) fn ack(&self) -> Ack {
        self.receiver.ack(self.sending().window.seen())
    }

    /// Returns the first word in a generation that begins now: what has come of the stream, and how much there is.
    pub(crate) fn first_word(&self) -> Segment {
        let (sealed, half) = (self.sender.sealed(), self.sender.half());
        Segment { first: 0, items: Vec::new(), ack: self.receiver.ack(0), sealed, half }
    }

    /// Encrypts a segment into the next slot. The pair's records must be on disk before the envelope leaves.
    pub(crate) fn seal(
        &mut self,
        segment: &Segment,
        rng: &mut dyn CryptoRng,
    ) -> (SlotId, Envelope, Signature) {
        let generation = self.sending;
        let (slot, envelope, deletion) = self.sending_mut().seal(segment, rng);
        (SlotId { generation, slot }, envelope, deletion)
    }

    /// Encrypts the first segment of an answer, which travels inside the handshake's envelope.
    pub(crate) fn encrypt(&mut self, segment: &Segment) -> Vec<u8> {
        self.sending_mut().encrypt(segment)
    }
}
