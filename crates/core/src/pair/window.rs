//! The reading end of one drop: slots that are waited for, slots that were used, and how far both go.

use std::collections::BTreeMap;

use crypto::slot::Chain;
use crypto::{Secret32, X25519Secret, seal};
use proto::id::Tag;
use proto::store::StoreError;
use zeroize::Zeroizing;

use super::{EARLY_SLOTS, SPENT_SLOTS, Unreadable, WINDOW_SLOTS};

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

/// The reading end of a drop.
pub(crate) struct Window {
    chain: Chain,
    /// One more than the highest slot that came.
    seen: u32,
    slots: BTreeMap<u32, Awaited>,
    spent: BTreeMap<u32, Tag>,
}

impl Window {
    /// Nothing is waited for until [`Window::widen`].
    pub(crate) fn new(secret: &Secret32) -> Self {
        Self::restore(Chain::new(secret), 0)
    }

    /// A window as it stood; its slots are put back with [`Window::put`].
    pub(crate) fn restore(chain: Chain, seen: u32) -> Self {
        Self { chain, seen, slots: BTreeMap::new(), spent: BTreeMap::new() }
    }

    /// Puts a slot back as it was kept. Returns its tag, and whether it is still waited for.
    pub(crate) fn put(&mut self, number: u32, kept: KeptSlot) -> (Tag, bool) {
        match kept {
            KeptSlot::Open(slot) => {
                let tag = slot.tag;
                self.slots.insert(number, slot);
                (tag, true)
            }
            KeptSlot::Spent(tag) => {
                self.spent.insert(number, tag);
                (tag, false)
            }
        }
    }

    pub(crate) fn chain(&self) -> &Chain {
        &self.chain
    }

    pub(crate) fn seen(&self) -> u32 {
        self.seen
    }

    pub(crate) fn slot(&self, number: u32) -> Option<&Awaited> {
        self.slots.get(&number)
    }

    pub(crate) fn opener(&self, number: u32, seal: &X25519Secret) -> Option<Opener> {
        let slot = self.slots.get(&number)?;
        Some(Opener { tag: slot.tag, psk: slot.psk.clone(), seal: seal.clone() })
    }

    /// Returns every tag of this window with its number, waited for or spent.
    pub(crate) fn tags(&self) -> impl Iterator<Item = (u32, Tag)> {
        let open = self.slots.iter().map(|(number, slot)| (*number, slot.tag));
        open.chain(self.spent.iter().map(|(number, tag)| (*number, *tag)))
    }

    /// For the thief of the tests: what opens the envelopes that are waited for.
    #[cfg(test)]
    pub(crate) fn waited_for(&self) -> impl Iterator<Item = (Tag, Secret32)> {
        self.slots.values().map(|slot| (slot.tag, slot.psk.clone()))
    }

    /// Derives slots until [`WINDOW_SLOTS`] beyond the newest that came are ready. Returns the new ones' numbers.
    pub(crate) fn widen(&mut self) -> Vec<u32> {
        let mut fresh = Vec::new();
        while self.chain.position() < self.seen.saturating_add(WINDOW_SLOTS) {
            let slot = self.chain.next();
            fresh.push(slot.number());
            self.slots.insert(slot.number(), Awaited { tag: Tag(slot.tag()), psk: slot.psk().clone() });
        }
        fresh
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
