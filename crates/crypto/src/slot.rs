//! Drops: forward-secret chains of slots, each with one tag, one signing key and one envelope psk.

use std::fmt;

use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    hash::{Hash32, derive_bytes, framed},
    key::{KeyError, Secret, Secret32, SignSecret, Signature, verify_strict},
    seal::Class,
};

/// Why kept bytes are not a chain or a slot.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum SlotError {
    /// Not what [`Chain::to_bytes`] or [`Slot::to_bytes`] wrote.
    #[error("these bytes are no slot; the store is damaged, restore it from its log")]
    Malformed,
}

/// One direction of a drop, standing at its next unused slot.
///
/// Link `c(s)` gives slot `s` and link `c(s+1)`, by a one-way function. The link that was used is wiped,
/// so who takes the chain learns nothing about slots already given out.
#[derive(Clone, Eq, PartialEq)]
pub struct Chain {
    position: u32,
    link: Secret32,
}

impl Chain {
    /// Starts the chain of a drop secret at slot 0.
    pub fn new(secret: &Secret32) -> Self {
        Self { position: 0, link: Secret::new(*derive_bytes(LABEL_START, secret.as_bytes(), &[])) }
    }

    /// The number of the slot that [`Self::next`] gives.
    pub const fn position(&self) -> u32 {
        self.position
    }

    /// Gives the next slot and moves on; the chain can never give it again.
    ///
    /// # Panics
    /// After 2^32 − 1 slots, which is 136 years at one a second.
    #[expect(clippy::should_implement_trait, reason = "a chain has no end that an iterator could tell")]
    pub fn next(&mut self) -> Slot {
        let number = self.position;
        let bytes = derive_bytes::<96>(LABEL_SLOT, self.link.as_bytes(), &[&number.to_be_bytes()]);
        let [next, seed, psk] = thirds(&bytes);
        self.link = next;
        self.position = number.checked_add(1).expect("no drop lives for 136 years");
        Slot::new(number, seed, psk)
    }

    /// Writes the chain down: number (4 bytes, big-endian) and link.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(36));
        bytes.extend_from_slice(&self.position.to_be_bytes());
        bytes.extend_from_slice(self.link.as_bytes());
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`SlotError::Malformed`] for anything but 36 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SlotError> {
        let (number, link) = bytes.split_first_chunk::<4>().ok_or(SlotError::Malformed)?;
        let link = Secret::from_slice(link).map_err(|_| SlotError::Malformed)?;
        Ok(Self { position: u32::from_be_bytes(*number), link })
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chain")
    }
}

/// One place in a drop: who holds it may write there once, and can seal and open what lies there.
#[derive(Clone, Eq, PartialEq)]
pub struct Slot {
    number: u32,
    tag: [u8; 32],
    key: SignSecret,
    psk: Secret32,
}

impl Slot {
    /// Draws a slot that belongs to no chain, for the bundle that an invite points to.
    pub fn random(rng: &mut dyn CryptoRng) -> Self {
        let seed = Secret32::random(rng);
        Self::new(0, seed, Secret32::random(rng))
    }

    pub(crate) fn new(number: u32, seed: Secret32, psk: Secret32) -> Self {
        let key = SignSecret::from_seed(seed);
        Self { number, tag: *key.public().as_bytes(), key, psk }
    }

    /// Its number in its chain.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// The public name of the place: the slot key's public half.
    pub const fn tag(&self) -> [u8; 32] {
        self.tag
    }

    /// The psk of the envelope that lies here.
    pub const fn psk(&self) -> &Secret32 {
        &self.psk
    }

    /// The key that signs putting and deleting.
    pub const fn key(&self) -> &SignSecret {
        &self.key
    }

    /// Signs the right to put this blob here.
    pub fn sign_put(&self, class: Class, flags: u8, ttl_days: u8, blob: &Hash32) -> Signature {
        self.key.sign(&put_message(&self.tag, class, flags, ttl_days, blob))
    }

    /// Signs the right to delete what lies here.
    pub fn sign_delete(&self) -> Signature {
        self.key.sign(&delete_message(&self.tag))
    }

    /// Writes the slot down: number (4 bytes, big-endian), tag, seed, psk.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(100));
        bytes.extend_from_slice(&self.number.to_be_bytes());
        bytes.extend_from_slice(&self.tag);
        bytes.extend_from_slice(self.key.seed().as_bytes());
        bytes.extend_from_slice(self.psk.as_bytes());
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`SlotError::Malformed`] for anything but 100 bytes whose tag belongs to the seed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SlotError> {
        let (number, rest) = bytes.split_first_chunk::<4>().ok_or(SlotError::Malformed)?;
        let rest: &[u8; 96] = rest.try_into().map_err(|_| SlotError::Malformed)?;
        let (tag, secrets) = rest.split_at(32);
        let seed = Secret::from_slice(&secrets[..32]).map_err(|_| SlotError::Malformed)?;
        let psk = Secret::from_slice(&secrets[32..]).map_err(|_| SlotError::Malformed)?;
        let slot = Self::new(u32::from_be_bytes(*number), seed, psk);
        if slot.tag == tag { Ok(slot) } else { Err(SlotError::Malformed) }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}

/// What the slot key signs to put a blob: label, tag, class, flags, days to live, hash of the blob.
pub fn put_message(tag: &[u8; 32], class: Class, flags: u8, ttl_days: u8, blob: &Hash32) -> Vec<u8> {
    framed("M1/put/1", &[tag, &[class.code(), flags, ttl_days], blob])
}

/// What the slot key signs to delete what lies under its tag.
pub fn delete_message(tag: &[u8; 32]) -> Vec<u8> {
    framed("M1/del/1", &[tag])
}

/// Checks a slot's signature by its tag alone, in the strict way.
///
/// # Errors
/// [`KeyError::Signature`] if the tag is no sound key or the signature is not over these bytes.
pub fn verify(tag: &[u8; 32], message: &[u8], signature: &Signature) -> Result<(), KeyError> {
    verify_strict(tag, message, signature)
}

const LABEL_START: &str = "M1/drop/start/1";
const LABEL_SLOT: &str = "M1/drop/slot/1";

fn thirds(bytes: &[u8; 96]) -> [Secret32; 3] {
    let part = |at: usize| Secret::from_slice(&bytes[at..at + 32]).expect("96 bytes are three times 32");
    [part(0), part(32), part(64)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_walk_the_same_chain_and_no_two_slots_agree() {
        let secret = Secret::new([3; 32]);
        let (mut one, mut other) = (Chain::new(&secret), Chain::new(&secret));
        let slots: Vec<Slot> = (0..64).map(|_| one.next()).collect();
        assert!(slots.iter().all(|slot| *slot == other.next()));
        let tags: std::collections::BTreeSet<_> = slots.iter().map(Slot::tag).collect();
        assert_eq!(tags.len(), 64);
        assert_eq!(slots[63].number(), 63);
    }

    #[test]
    fn a_chain_and_a_slot_survive_being_written_down() {
        let mut chain = Chain::new(&Secret::new([9; 32]));
        chain.next();
        let slot = chain.next();
        assert_eq!(Slot::from_bytes(&slot.to_bytes()), Ok(slot.clone()));
        assert_eq!(Chain::from_bytes(&chain.to_bytes()), Ok(chain.clone()));
        assert_eq!(Slot::from_bytes(&slot.to_bytes()[1..]), Err(SlotError::Malformed));
        assert_eq!(Chain::from_bytes(&[0; 37]), Err(SlotError::Malformed));
        let mut swapped = slot.to_bytes();
        swapped[4] ^= 1;
        assert_eq!(Slot::from_bytes(&swapped), Err(SlotError::Malformed));
    }

    #[test]
    fn only_the_slot_key_writes_and_only_what_it_signed() {
        let slot = Chain::new(&Secret::new([1; 32])).next();
        let blob = [5; 32];
        let signature = slot.sign_put(Class::C0, 0, 30, &blob);
        let check = |class, flags, ttl, blob: &Hash32| {
            verify(&slot.tag(), &put_message(&slot.tag(), class, flags, ttl, blob), &signature)
        };
        assert_eq!(check(Class::C0, 0, 30, &blob), Ok(()));
        assert_eq!(check(Class::C1, 0, 30, &blob), Err(KeyError::Signature));
        assert_eq!(check(Class::C0, 1, 30, &blob), Err(KeyError::Signature));
        assert_eq!(check(Class::C0, 0, 31, &blob), Err(KeyError::Signature));
        assert_eq!(check(Class::C0, 0, 30, &[6; 32]), Err(KeyError::Signature));
        let delete = slot.sign_delete();
        assert_eq!(verify(&slot.tag(), &delete_message(&slot.tag()), &delete), Ok(()));
        assert_eq!(verify(&slot.tag(), &delete_message(&slot.tag()), &signature), Err(KeyError::Signature));
    }
}
