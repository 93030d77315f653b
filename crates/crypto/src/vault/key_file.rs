//! The file that a passphrase opens: eight slots that look the same, each with room for a vault.

use std::fmt;
use std::ops::Range;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::cost::{COST_BYTES, cost_bytes, cost_of};
use super::{Cost, KEY_FILE_BYTES, Role, SALT_BYTES, SLOT_PLAIN, SLOTS, SlotHold, Vault, VaultError};
use crate::{hash::hash, key::Secret32, tree};

/// The 64 KiB file that a passphrase opens: salt, masked cost, eight slots of 256 bytes, filler.
///
/// It is random-looking from the first byte to the last, and eight slots look the same whether used or not.
/// Who knows this format can unmask the cost and so tell a key file from noise; it hides how many vaults
/// there are, not that there is a profile.
#[derive(Clone, Eq, PartialEq)]
pub struct KeyFile {
    bytes: Box<[u8; KEY_FILE_BYTES]>,
    cost: Cost,
}

impl KeyFile {
    /// Makes a key file with one vault in a slot chosen at random.
    ///
    /// # Errors
    /// [`VaultError::OutOfMemory`] if the derivation cannot get its memory.
    pub fn create(
        passphrase: &[u8],
        cost: Cost,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, Vault), VaultError> {
        let mut bytes = Box::new([0u8; KEY_FILE_BYTES]);
        rng.fill_bytes(bytes.as_mut_slice());
        let salt = salt_of(&bytes);
        bytes[COST_AT..SLOTS_AT].copy_from_slice(&mask(&salt, &cost_bytes(cost)));
        let mut file = Self { bytes, cost };
        let place = draw_place(&[], rng);
        let hold =
            SlotHold { place, spare: draw_place(&[place], rng), kek: cost.stretch(passphrase, &salt)?, salt };
        let vault = Vault::new(hold, Role::Own, 0, rng);
        file.write_slot(&vault, rng)?;
        Ok((file, vault))
    }

    /// Makes a vault of its own behind a second passphrase, in the slot that was set aside for it when `own` was made;
    /// one that was made before is gone. Slots for it and without it look the same.
    ///
    /// Its passphrase opens a decoy with its own keys and its own store. Nothing in it leads back to `own`.
    /// `destroys` asks whoever opens it to call [`KeyFile::erase_others`].
    ///
    /// # Errors
    /// [`VaultError::PassphraseInUse`], [`VaultError::OtherKeyFile`] or [`VaultError::OutOfMemory`]; nothing changed.
    pub fn add_decoy(
        &mut self,
        own: &mut Vault,
        passphrase: &[u8],
        destroys: bool,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vault, VaultError> {
        let salt = salt_of(&self.bytes);
        let place = own.place_in(&salt)?;
        let kek = self.cost.stretch(passphrase, &salt)?;
        let hold = own.slot.as_mut().ok_or(VaultError::OtherKeyFile)?;
        if self.is_in_use(&kek, hold.spare) {
            return Err(VaultError::PassphraseInUse);
        }
        // What the decoy would set aside for a decoy of its own is neither of the two: it must not say which is which.
        let spare = draw_place(&[place, hold.spare], rng);
        let hold = SlotHold { place: hold.spare, spare, kek, salt };
        let decoy = Vault::new(hold, Role::Decoy { destroys }, own.store.saturating_add(1), rng);
        own.has_decoy = true;
        self.write_slot(&decoy, rng)?;
        self.update(own, rng)?;
        Ok(decoy)
    }

    /// Makes noise of the slot that was set aside for a decoy.
    ///
    /// # Errors
    /// [`VaultError::OtherKeyFile`] if the vault was not opened from this file.
    pub fn remove_decoy(&mut self, own: &mut Vault, rng: &mut dyn CryptoRng) -> Result<(), VaultError> {
        own.place_in(&salt_of(&self.bytes))?;
        let spare = own.slot.as_ref().map_or(0, |hold| hold.spare);
        rng.fill_bytes(&mut self.bytes[slot_range(spare)]);
        own.has_decoy = false;
        self.update(own, rng)
    }

    /// Makes noise of all slots but the vault's own. What they held is gone once this file stands on the disk and no
    /// older copy of it does.
    ///
    /// # Errors
    /// [`VaultError::OtherKeyFile`] if the vault was not opened from this file.
    pub fn erase_others(&mut self, vault: &Vault, rng: &mut dyn CryptoRng) -> Result<(), VaultError> {
        let own = vault.place_in(&salt_of(&self.bytes))?;
        for place in (0..SLOTS).filter(|place| *place != own) {
            rng.fill_bytes(&mut self.bytes[slot_range(place)]);
        }
        Ok(())
    }

    /// Takes over all slots but the vault's own from another copy of this file, in which they may be newer.
    ///
    /// # Errors
    /// [`VaultError::OtherKeyFile`] if it is no copy of this file or not the vault's.
    pub fn take_other_slots(&mut self, copy: &KeyFile, vault: &Vault) -> Result<(), VaultError> {
        let own = vault.place_in(&salt_of(&self.bytes))?;
        if copy.bytes[..SLOTS_AT] != self.bytes[..SLOTS_AT] {
            return Err(VaultError::OtherKeyFile);
        }
        for range in (0..SLOTS).filter(|place| *place != own).map(slot_range) {
            self.bytes[range.clone()].copy_from_slice(&copy.bytes[range]);
        }
        Ok(())
    }

    /// Reads a key file; nothing in it is opened yet.
    ///
    /// # Errors
    /// [`VaultError::NotAKeyFile`] for another length or an impossible cost.
    pub fn parse(bytes: &[u8]) -> Result<Self, VaultError> {
        let bytes: Box<[u8; KEY_FILE_BYTES]> =
            bytes.to_vec().into_boxed_slice().try_into().map_err(|_| VaultError::NotAKeyFile)?;
        let masked = bytes[COST_AT..SLOTS_AT].try_into().expect("the cost is 16 bytes");
        let cost = cost_of(&mask(&salt_of(&bytes), masked)).ok_or(VaultError::NotAKeyFile)?;
        Ok(Self { bytes, cost })
    }

    /// Opens the vault that this passphrase belongs to: one derivation, then eight cheap trials.
    ///
    /// # Errors
    /// [`VaultError::WrongPassphrase`] or [`VaultError::OutOfMemory`].
    pub fn unlock(&self, passphrase: &[u8]) -> Result<Vault, VaultError> {
        let salt = salt_of(&self.bytes);
        let kek = self.cost.stretch(passphrase, &salt)?;
        (0..SLOTS)
            .find_map(|place| {
                let plain = self.open_slot(&kek, place)?;
                Vault::read(SlotHold { place, spare: 0, kek: kek.clone(), salt }, &plain)
            })
            .ok_or(VaultError::WrongPassphrase)
    }

    fn open_slot(&self, kek: &Secret32, place: usize) -> Option<Zeroizing<Vec<u8>>> {
        tree::open(kek, &self.slot_aad(place), &self.bytes[slot_range(place)]).ok()
    }

    /// Whether a key opens any slot but the one that is about to be written.
    fn is_in_use(&self, kek: &Secret32, about_to_be_written: usize) -> bool {
        (0..SLOTS).any(|place| place != about_to_be_written && self.open_slot(kek, place).is_some())
    }

    /// Writes the vault's present state into its slot, draws new filler and leaves the other slots as they are.
    ///
    /// # Errors
    /// [`VaultError::OtherKeyFile`] if the vault was not opened from this file.
    pub fn update(&mut self, vault: &Vault, rng: &mut dyn CryptoRng) -> Result<(), VaultError> {
        self.write_slot(vault, rng)?;
        rng.fill_bytes(&mut self.bytes[FILLER_AT..]);
        Ok(())
    }

    /// Gives the vault a new passphrase, at the file's cost, and writes it into its slot.
    ///
    /// # Errors
    /// [`VaultError::PassphraseInUse`], [`VaultError::OtherKeyFile`] or [`VaultError::OutOfMemory`]; the vault then
    /// keeps its passphrase.
    pub fn change_passphrase(
        &mut self,
        vault: &mut Vault,
        passphrase: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        let salt = salt_of(&self.bytes);
        let place = vault.place_in(&salt)?;
        let kek = self.cost.stretch(passphrase, &salt)?;
        if self.is_in_use(&kek, place) {
            return Err(VaultError::PassphraseInUse);
        }
        if let Some(hold) = &mut vault.slot {
            hold.kek = kek;
        }
        self.update(vault, rng)
    }

    /// What opening this file costs.
    pub const fn cost(&self) -> Cost {
        self.cost
    }

    /// The whole file, [`KEY_FILE_BYTES`] long.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    fn write_slot(&mut self, vault: &Vault, rng: &mut dyn CryptoRng) -> Result<(), VaultError> {
        let place = vault.place_in(&salt_of(&self.bytes))?;
        let hold = vault.slot.as_ref().ok_or(VaultError::OtherKeyFile)?;
        let sealed = tree::seal(&hold.kek, &self.slot_aad(place), vault.write().as_slice(), SLOT_PLAIN, rng);
        self.bytes[slot_range(place)].copy_from_slice(&sealed);
        Ok(())
    }

    /// Salt, masked cost and place: a slot opens nowhere else.
    fn slot_aad(&self, place: usize) -> Vec<u8> {
        let place = [u8::try_from(place).expect("there are eight slots")];
        crate::hash::framed("M1/vault/slot/1", &[&self.bytes[..SLOTS_AT], &place])
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyFile")
    }
}

const COST_AT: usize = SALT_BYTES;
const SLOTS_AT: usize = COST_AT + COST_BYTES;
const SLOT_BYTES: usize = SLOT_PLAIN + 40;
const FILLER_AT: usize = SLOTS_AT + SLOTS * SLOT_BYTES;

fn slot_range(place: usize) -> Range<usize> {
    let start = SLOTS_AT + place * SLOT_BYTES;
    start..start + SLOT_BYTES
}

/// A slot's place at random, but none of those.
fn draw_place(taken: &[usize], rng: &mut dyn CryptoRng) -> usize {
    let free: Vec<usize> = (0..SLOTS).filter(|place| !taken.contains(place)).collect();
    let mut drawn = [0u8; 8];
    rng.fill_bytes(&mut drawn);
    free[(u64::from_be_bytes(drawn) % free.len() as u64) as usize]
}

fn salt_of(bytes: &[u8; KEY_FILE_BYTES]) -> [u8; SALT_BYTES] {
    bytes.first_chunk().copied().expect("a key file is longer than its salt")
}

fn mask(salt: &[u8; SALT_BYTES], bytes: &[u8; COST_BYTES]) -> [u8; COST_BYTES] {
    let stream = hash("M1/vault/cost/1", &[salt]);
    std::array::from_fn(|at| bytes[at] ^ stream[at])
}
