//! For tests: a thief who computes by hand with what was copied, beside what a device would still take, and who may be
//! able to break X25519.

use std::collections::{BTreeMap, BTreeSet};

use crypto::handshake::Established;
use crypto::identity::{DeviceCert, Identity};
use crypto::prekey::{BundleSecret, OfferSecret};
use crypto::ratchet::{Broken, Eavesdropper, Session};
use crypto::renewal::{REPAIR_SLOTS, Rekey, Repair, RepairSecret};
use crypto::slot::Chain;
use crypto::{Secret32, X25519Public, X25519Secret, seal};
use proto::id::{Moment, Party, Prefix, Tag};
use proto::store::MemoryStore;

use super::super::duo::{Duo, Recorded, open};
use super::Loot;
use crate::pair::{WINDOW_SLOTS, inner};

/// Slots of each direction that are derived for a generation: more than any of these tests uses.
const SLOTS: u32 = 2 * WINDOW_SLOTS;

/// What was copied, and what came of it since.
pub(super) struct Thief {
    /// Whose device it was.
    whose: usize,
    me: Identity,
    them: DeviceCert,
    repair: RepairSecret,
    last_resort: BundleSecret,
    offer: Option<OfferSecret>,
    broken: Broken,
    followed: Vec<Followed>,
    loot: Loot,
    plain: Vec<Vec<u8>>,
}

/// A generation that the thief knows the secrets of.
struct Followed {
    sid: [u8; 32],
    resume: Secret32,
    /// By what a push tells of a tag: the tag, and the psk.
    slots: BTreeMap<Prefix, (Tag, Secret32)>,
    our_seal: X25519Secret,
    their_seal: X25519Public,
    ratchet: Eavesdropper,
}

impl Thief {
    /// Copies the device of one of the two as it stands.
    pub(super) fn copy(duo: &Duo, whose: usize) -> Self {
        Self::of(&duo.sides[whose].store, whose)
    }

    /// Takes what a copy of the device of one of the two holds.
    pub(super) fn of(copy: &MemoryStore, whose: usize) -> Self {
        let engine = open(copy, Moment(0));
        let pair = &engine.pairs[&Party(1)];
        let keys = pair.keys();
        let again = "what is kept can be read";
        let followed = pair.generations().map(|generation| {
            let (ratchet, our_seal, their_seal) = generation.copied();
            let slots = generation.slots_ahead(SLOTS).into_iter();
            let slots = slots.map(|(tag, psk)| (tag.prefix(), (tag, psk))).collect();
            let (sid, resume) = (generation.sid, generation.resume.clone());
            Followed { sid, resume, slots, our_seal, their_seal, ratchet }
        });
        Self {
            whose,
            me: engine.me.clone(),
            them: engine.their_cert(Party(1)).expect("they have met"),
            repair: RepairSecret::new(Secret32::new(*keys.repair.as_bytes())),
            last_resort: keys.last_resort.clone().expect("one was given when they met"),
            offer: keys.offer.as_ref().map(|offer| OfferSecret::from_bytes(&offer.to_bytes()).expect(again)),
            broken: Broken::default(),
            followed: followed.collect(),
            loot: Loot { read: BTreeSet::new(), linked: BTreeSet::new() },
            plain: Vec::new(),
        }
    }

    /// From now on the thief can break X25519: has every secret that either side ever kept.
    pub(super) fn break_x25519(&mut self, duo: &Duo) {
        self.broken = broken(duo);
    }

    /// Adds a generation whose handshake the thief has computed as the one who was spoken to.
    pub(super) fn follow(
        &mut self,
        established: &Established,
        session: &Session,
        seals: (X25519Secret, X25519Public),
    ) {
        let (mut send, mut receive) =
            (Chain::new(&established.drop_send), Chain::new(&established.drop_recv));
        let slots = (0..SLOTS).flat_map(|_| [send.next(), receive.next()]);
        self.followed.push(Followed {
            sid: established.sid,
            resume: established.resume.clone(),
            slots: slots
                .map(|slot| (Tag(slot.tag()).prefix(), (Tag(slot.tag()), slot.psk().clone())))
                .collect(),
            our_seal: seals.0,
            their_seal: seals.1,
            ratchet: Eavesdropper::new(session),
        });
    }

    /// Knows nothing but what is added.
    pub(super) fn forget_generations(&mut self) {
        self.followed.clear();
        self.offer = None;
    }

    /// Reads and links what can be of a record. Read is what was decrypted, whatever it carried.
    pub(super) fn rob(&mut self, record: &[Recorded]) -> &Loot {
        loop {
            let before = (self.loot.read.len(), self.loot.linked.len(), self.followed.len());
            for (at, envelope) in record.iter().enumerate() {
                self.look(at, envelope);
            }
            // What was learnt from one may open an earlier one.
            if before == (self.loot.read.len(), self.loot.linked.len(), self.followed.len()) {
                return &self.loot;
            }
        }
    }

    /// Tells whether these words were among what was read.
    pub(super) fn has_read(&self, words: &str) -> bool {
        self.plain.iter().any(|plain| plain.windows(words.len()).any(|part| part == words.as_bytes()))
    }

    fn look(&mut self, at: usize, envelope: &Recorded) {
        if self.loot.read.contains(&at) {
            return;
        }
        if let Some(number) =
            self.followed.iter().position(|known| known.slots.contains_key(&envelope.prefix))
        {
            self.loot.linked.insert(at);
            if self.open(number, envelope) {
                self.loot.read.insert(at);
            }
        }
        let senders = [self.me.account_id(), self.them.account_id()];
        for slot in senders.iter().flat_map(|sender| (0..REPAIR_SLOTS).map(move |n| (sender, n))) {
            let place = self.repair.slot(slot.0, slot.1);
            if Tag(place.tag()).prefix() == envelope.prefix {
                self.loot.linked.insert(at);
                if self.open_repair(&envelope.blob, &place) {
                    self.loot.read.insert(at);
                }
            }
        }
    }

    fn open(&mut self, number: usize, envelope: &Recorded) -> bool {
        let known = &mut self.followed[number];
        let (tag, psk) = &known.slots[&envelope.prefix];
        let secret = match envelope.from == self.whose {
            true => self.broken.secret_of(&known.their_seal),
            false => Some(&known.our_seal),
        };
        let opened = secret.map(|secret| seal::open_contact(&envelope.blob, &tag.0, psk, secret));
        let Some(Ok(bytes)) = opened else { return false };
        match bytes.split_first() {
            Some((&inner::MESSAGE, rest)) => {
                let rest = rest.strip_prefix(&known.sid[..8]);
                let plain = rest.and_then(|message| known.ratchet.read(message, &self.broken));
                let is_read = plain.is_some();
                self.plain.extend(plain);
                is_read
            }
            Some((&inner::REKEY, rest)) => {
                let rekey = Rekey::parse(rest).expect("it was sent by one of the two");
                self.take_rekey(number, &rekey)
            }
            _ => false,
        }
    }

    fn take_rekey(&mut self, number: usize, rekey: &Rekey) -> bool {
        let base = &self.followed[number];
        let Some(offer) = &self.offer else { return false };
        let Ok(answered) = rekey.answer(&self.me, offer, &self.them, &base.sid, &base.resume) else {
            return false;
        };
        let seals = (offer.seal().clone(), rekey.seal());
        self.follow(&answered.established, &answered.session, seals);
        true
    }

    fn open_repair(&mut self, blob: &[u8], place: &crypto::slot::Slot) -> bool {
        let opened = seal::open_contact(blob, &place.tag(), place.psk(), self.last_resort.seal());
        let Some(Ok(repair)) =
            opened.ok().and_then(|bytes| bytes.strip_prefix(&[inner::REPAIR]).map(Repair::parse))
        else {
            return false;
        };
        let answered = repair.answer(&self.me, &self.last_resort, &self.them, &self.repair);
        let Ok(answered) = answered else { return false };
        let seals = (self.last_resort.seal().clone(), repair.seal());
        self.follow(&answered.established, &answered.session, seals);
        true
    }
}

/// Every X25519 secret that either side ever kept, found in their records by what stands before 32 bytes there. Those
/// that were not kept, of a handshake or a seal, are not needed: the other half of each exchange is among these.
pub(super) fn broken(duo: &Duo) -> Broken {
    let records = duo.sides.iter().flat_map(|side| &side.commits).flat_map(proto::store::Batch::iter);
    let mut candidates = BTreeSet::new();
    for record in records.filter_map(|(_, _, value)| value) {
        let after =
            (1..record.len()).filter(|at| record[at - 1] == 2 || record[..*at].ends_with(&[0x58, 32]));
        candidates.extend(after.filter_map(|at| record[at..].first_chunk::<32>().copied()));
    }
    let mut broken = Broken::default();
    candidates.into_iter().for_each(|bytes| broken.learn(X25519Secret::from_bytes(bytes)));
    broken
}
