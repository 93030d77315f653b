//! What lives as long as a pair: by which it meets again, offers, and which repairs were said.

use crypto::identity::AccountId;
use crypto::prekey::{BundleSecret, Offer, OfferSecret};
use crypto::renewal::{REPAIR_SLOTS, RepairSecret};
use proto::id::Tag;

use crate::content::{REPAIRS_MAX, RepairName};
use crate::uptime::Used;

/// What lives as long as the pair, whatever generation it is in.
pub(crate) struct Keys {
    /// By which the two meet again after a restored backup. It opens no content.
    pub(crate) repair: RepairSecret,
    /// Where the other side would say that it was restored.
    pub(crate) repair_tags: Vec<Tag>,
    /// The secret half of what they keep of us for that.
    pub(crate) last_resort: Option<BundleSecret>,
    /// What we keep of them, as it came.
    pub(crate) their_last_resort: Option<Vec<u8>>,
    /// The secret half of the offer that they hold, and since when they may.
    pub(crate) offer: Option<OfferSecret>,
    pub(crate) offer_given: Used,
    /// The offer of theirs that we hold.
    pub(crate) their_offer: Option<Offer>,
    pub(crate) next_offer: u32,
    /// The repairs of both sides that are known, so that an old one says nothing again: those that the other side told of,
    /// then those that were said or read here, newest last.
    pub(super) repairs: Vec<RepairName>,
    /// The repair of ours that began the stream that runs, if one did.
    pub(crate) said: Option<Said>,
    /// The next generation is to begin as soon as an offer is at hand.
    pub(crate) is_hasty: bool,
    /// A repair was begun, and they have not told yet which of our messages they have.
    pub(crate) awaits_have: bool,
    /// They have told: what is numbered above this is being sent again.
    pub(crate) have: Option<u64>,
    /// A person suspects these keys, and nothing was heard yet that begins later.
    pub(crate) suspicion: Option<Suspicion>,
    /// When a suspicion that nobody answered was last said by a repair.
    pub(crate) begun_anew: Option<Used>,
}

/// A repair of ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Said {
    pub(crate) name: RepairName,
    /// Nothing was lost here before it.
    pub(crate) is_whole: bool,
}

/// A person's word that keys of a pair may be known to somebody else.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Suspicion {
    /// Since when an answer is waited for.
    pub(crate) since: Used,
    /// Generations from this number on begin later, and answer it once they are heard.
    pub(crate) from: u32,
}

impl Keys {
    /// What a first handshake leaves.
    pub(crate) fn new(repair: RepairSecret, them: &AccountId) -> Self {
        let repair_tags = (0..REPAIR_SLOTS).map(|number| Tag(repair.slot(them, number).tag())).collect();
        Self {
            repair,
            repair_tags,
            last_resort: None,
            their_last_resort: None,
            offer: None,
            offer_given: Used(0),
            their_offer: None,
            next_offer: 1,
            repairs: Vec::new(),
            said: None,
            is_hasty: false,
            awaits_have: false,
            have: None,
            suspicion: None,
            begun_anew: None,
        }
    }

    pub(crate) fn repairs(&self) -> &[RepairName] {
        &self.repairs
    }

    /// Notes a repair that was said or read. Returns whether it is new.
    pub(crate) fn note_repair(&mut self, name: RepairName) -> bool {
        if self.repairs.contains(&name) {
            return false;
        }
        if self.repairs.len() == REPAIRS_MAX {
            self.repairs.remove(0);
        }
        self.repairs.push(name);
        true
    }

    /// Notes repairs that the other side tells of. They take the room that is left beside those that were said or read.
    pub(crate) fn learn_repairs(&mut self, told: &[RepairName]) {
        for name in told.iter().rev() {
            if self.repairs.len() < REPAIRS_MAX && !self.repairs.contains(name) {
                self.repairs.insert(0, *name);
            }
        }
    }
}
