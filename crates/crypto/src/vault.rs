//! The vault: what a passphrase opens, and the keys that everything on disk hangs on.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    aead,
    hash::{derive, hash, mac},
    key::{Secret, Secret32},
    tree::{self, NodeKey},
};

/// Length of a key file.
pub const KEY_FILE_BYTES: usize = 65_536;

/// Length of a sealed block of a log segment.
pub const BLOCK_BYTES: usize = 4_096;

/// What a block carries: its length less the authentication tag.
pub const BLOCK_PAYLOAD: usize = BLOCK_BYTES - 16;

/// Places for vaults in a key file.
pub const SLOTS: usize = 8;

/// Why a vault does not open or cannot be made.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum VaultError {
    /// No slot opens with this passphrase.
    #[error("this passphrase does not open the profile; try again, mind the keyboard layout")]
    WrongPassphrase,
    /// Wrong length, or a cost that cannot be.
    #[error("this is no key file, or it is damaged; put back the copy from your backup")]
    NotAKeyFile,
    /// The cost is below the floor or beyond what any device has.
    #[error("choose between 64 MiB and 4 GiB of memory and 1 to 64 passes")]
    Cost,
    /// The derivation could not get its memory.
    #[error("there is not enough free memory to open the profile; close other programs and try again")]
    OutOfMemory,
    /// The vault was not opened from this key file.
    #[error("this key file belongs to another profile; nothing was changed")]
    OtherKeyFile,
    /// A block that was not written at this place of this segment, or was changed.
    #[error("this block of the log is damaged")]
    Unreadable,
}

/// What deriving the key from a passphrase costs (Argon2id, one lane).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
}

impl Cost {
    /// 256 MiB, three passes.
    pub const DEFAULT: Self = Self { memory_kib: 256 * 1_024, passes: 3 };

    /// 64 MiB, three passes: the least that a real profile may have.
    pub const FLOOR: Self = Self { memory_kib: 64 * 1_024, passes: 3 };

    /// Chooses a cost.
    ///
    /// # Errors
    /// [`VaultError::Cost`] below the memory of [`Self::FLOOR`], above 4 GiB, or outside 1 to 64 passes.
    pub fn new(memory_kib: u32, passes: u32) -> Result<Self, VaultError> {
        let chosen = Self { memory_kib, passes };
        if memory_kib >= Self::FLOOR.memory_kib && chosen.is_possible() {
            Ok(chosen)
        } else {
            Err(VaultError::Cost)
        }
    }

    /// 8 KiB and one pass: protects nothing, lets tests run.
    pub const fn for_tests() -> Self {
        Self { memory_kib: 8, passes: 1 }
    }

    /// Memory in KiB.
    pub const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    pub const fn passes(self) -> u32 {
        self.passes
    }

    fn is_possible(self) -> bool {
        (8..=4 * 1_024 * 1_024).contains(&self.memory_kib) && (1..=64).contains(&self.passes)
    }

    fn stretch(self, passphrase: &[u8], salt: &[u8; SALT_BYTES]) -> Result<Secret32, VaultError> {
        let params = Params::new(self.memory_kib, self.passes, 1, Some(32)).map_err(|_| VaultError::Cost)?;
        let mut out = Zeroizing::new([0u8; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase, salt, out.as_mut_slice())
            .map_err(|error| match error {
                argon2::Error::OutOfMemory => VaultError::OutOfMemory,
                _ => VaultError::Cost,
            })?;
        Ok(derive("M1/vault/kek/1", &Secret::new(*out), &[]))
    }
}

impl Default for Cost {
    fn default() -> Self {
        Self::DEFAULT
    }
}

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
        let mut place = [0u8];
        rng.fill_bytes(&mut place);

        let mut file = Self { bytes, cost };
        let vault = Vault {
            slot: Some(SlotHold {
                place: usize::from(place[0]) % SLOTS,
                kek: cost.stretch(passphrase, &salt)?,
                salt,
            }),
            root: NodeKey::random(rng),
            fixed: Secret::random(rng),
            log: Secret::random(rng),
            head: 0,
            generation: 0,
        };
        file.write_slot(&vault, rng)?;
        Ok((file, vault))
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
                let plain = tree::open(&kek, &self.slot_aad(place), &self.bytes[slot_range(place)]).ok()?;
                Vault::read(SlotHold { place, kek: kek.clone(), salt }, &plain)
            })
            .ok_or(VaultError::WrongPassphrase)
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
    /// [`VaultError::OtherKeyFile`] or [`VaultError::OutOfMemory`]; the vault then keeps its passphrase.
    pub fn change_passphrase(
        &mut self,
        vault: &mut Vault,
        passphrase: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        let salt = salt_of(&self.bytes);
        let place = vault.place_in(&salt)?;
        let kek = self.cost.stretch(passphrase, &salt)?;
        vault.slot = Some(SlotHold { place, kek, salt });
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

/// An open vault: the root of the key tree, the secrets that never change, and what the log said last.
#[derive(Clone, Eq, PartialEq)]
pub struct Vault {
    slot: Option<SlotHold>,
    root: NodeKey,
    fixed: Secret32,
    log: Secret32,
    head: u64,
    generation: u64,
}

impl Vault {
    /// The vault of a machine without a person, such as a relay: everything comes from one seed.
    ///
    /// It has no key file, so its root cannot be exchanged and nothing in it can be destroyed by key.
    pub fn from_seed(seed: &Secret32) -> Self {
        Self {
            slot: None,
            root: NodeKey::new(derive("M1/vault/seed-root/1", seed, &[])),
            fixed: derive("M1/vault/seed-fixed/1", seed, &[]),
            log: derive("M1/vault/seed-log/1", seed, &[]),
            head: 0,
            generation: 0,
        }
    }

    /// The key of the tree's root node.
    pub const fn root_key(&self) -> &NodeKey {
        &self.root
    }

    /// Puts a new root in place of the old one and counts the generation up; durable once the key file is.
    pub fn set_root_key(&mut self, root: NodeKey) {
        self.root = root;
        self.generation = self.generation.saturating_add(1);
    }

    /// How often the root was exchanged.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The log's head counter as the key file knows it: a log that ends before it was truncated or rolled back.
    pub const fn head(&self) -> u64 {
        self.head
    }

    /// Notes how far the log has come; durable once the key file is.
    pub const fn set_head(&mut self, head: u64) {
        self.head = head;
    }

    /// The key of the log segment that starts with this random salt.
    pub fn segment_key(&self, salt: &[u8; 32]) -> Secret32 {
        derive("M1/vault/segment/1", &self.log, &[salt])
    }

    /// The key that blinds names; the same for the life of the profile.
    pub fn name_key(&self) -> NameKey {
        NameKey(derive("M1/vault/names/1", &self.fixed, &[]))
    }

    /// A secret of one's own for another use that never changes, such as a keyed chain over the log.
    pub fn fixed_key(&self, purpose: &str) -> Secret32 {
        derive("M1/vault/fixed/1", &self.fixed, &[purpose.as_bytes()])
    }

    fn place_in(&self, salt: &[u8; SALT_BYTES]) -> Result<usize, VaultError> {
        self.slot
            .as_ref()
            .filter(|hold| hold.salt == *salt)
            .map(|hold| hold.place)
            .ok_or(VaultError::OtherKeyFile)
    }

    /// Version, flags, root, fixed, log, generation, head, zeros.
    fn write(&self) -> Zeroizing<[u8; SLOT_PLAIN]> {
        let mut plain = Zeroizing::new([0u8; SLOT_PLAIN]);
        plain[0] = SLOT_VERSION;
        plain[4..36].copy_from_slice(self.root.secret().as_bytes());
        plain[36..68].copy_from_slice(self.fixed.as_bytes());
        plain[68..100].copy_from_slice(self.log.as_bytes());
        plain[100..108].copy_from_slice(&self.generation.to_be_bytes());
        plain[108..116].copy_from_slice(&self.head.to_be_bytes());
        plain
    }

    fn read(hold: SlotHold, plain: &[u8]) -> Option<Self> {
        if plain.len() != SLOT_PLAIN || plain[0] != SLOT_VERSION {
            return None;
        }
        let secret = |at: usize| Secret::from_slice(&plain[at..at + 32]).ok();
        let number = |at: usize| plain[at..at + 8].try_into().ok().map(u64::from_be_bytes);
        Some(Self {
            slot: Some(hold),
            root: NodeKey::new(secret(4)?),
            fixed: secret(36)?,
            log: secret(68)?,
            generation: number(100)?,
            head: number(108)?,
        })
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

/// Blinds the names of records, so that the index on disk tells nobody what is looked up.
#[derive(Clone)]
pub struct NameKey(Secret32);

impl NameKey {
    /// The first 16 bytes of HMAC-SHA256 over the table's number and the name.
    pub fn blind(&self, table: u8, name: &[u8]) -> [u8; 16] {
        let full = mac("M1/name/1", &self.0, &[&[table], name]);
        full.first_chunk().copied().expect("32 bytes begin with 16")
    }
}

impl fmt::Debug for NameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NameKey")
    }
}

/// Seals and opens the blocks of one segment in place.
///
/// The nonce is the block's number: a number is sealed **once** under a segment key. Whoever opens a log
/// again begins a new segment with a new salt and never seals into an old one.
pub struct BlockSealer(Secret32);

impl BlockSealer {
    /// Takes the key of one segment, from [`Vault::segment_key`].
    pub fn new(key: &Secret32) -> Self {
        Self(key.clone())
    }

    /// Encrypts the first [`BLOCK_PAYLOAD`] bytes in place and writes the tag into the last 16.
    pub fn seal_block(&self, number: u64, block: &mut [u8; BLOCK_BYTES]) {
        let (payload, tag) = block.split_at_mut(BLOCK_PAYLOAD);
        let computed = aead::seal(self.0.as_bytes(), block_nonce(number), &[], payload);
        tag.copy_from_slice(&computed);
    }

    /// Decrypts the first [`BLOCK_PAYLOAD`] bytes in place.
    ///
    /// # Errors
    /// [`VaultError::Unreadable`] if it is not this block of this segment; the bytes then mean nothing.
    pub fn open_block(&self, number: u64, block: &mut [u8; BLOCK_BYTES]) -> Result<(), VaultError> {
        let (payload, tag) = block.split_at_mut(BLOCK_PAYLOAD);
        let tag = (&*tag).try_into().expect("a tag is 16 bytes");
        let opened = aead::open(self.0.as_bytes(), block_nonce(number), &[], payload, tag);
        if opened { Ok(()) } else { Err(VaultError::Unreadable) }
    }
}

impl fmt::Debug for BlockSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlockSealer")
    }
}

/// Which slot of which file a vault lives in, and the key that seals it there.
#[derive(Clone, Eq, PartialEq)]
struct SlotHold {
    place: usize,
    kek: Secret32,
    salt: [u8; SALT_BYTES],
}

const SALT_BYTES: usize = 32;
const COST_AT: usize = SALT_BYTES;
const COST_BYTES: usize = 16;
const SLOTS_AT: usize = COST_AT + COST_BYTES;
const SLOT_BYTES: usize = 256;
const FILLER_AT: usize = SLOTS_AT + SLOTS * SLOT_BYTES;
/// A slot less nonce and authentication tag.
const SLOT_PLAIN: usize = SLOT_BYTES - 40;
const SLOT_VERSION: u8 = 1;
const COST_VERSION: u8 = 1;

fn slot_range(place: usize) -> std::ops::Range<usize> {
    let start = SLOTS_AT + place * SLOT_BYTES;
    start..start + SLOT_BYTES
}

fn salt_of(bytes: &[u8; KEY_FILE_BYTES]) -> [u8; SALT_BYTES] {
    bytes.first_chunk().copied().expect("a key file is longer than its salt")
}

/// Version, one lane, two zeros, memory, passes, four zeros.
fn cost_bytes(cost: Cost) -> [u8; COST_BYTES] {
    let mut bytes = [0u8; COST_BYTES];
    bytes[0] = COST_VERSION;
    bytes[1] = 1;
    bytes[4..8].copy_from_slice(&cost.memory_kib.to_be_bytes());
    bytes[8..12].copy_from_slice(&cost.passes.to_be_bytes());
    bytes
}

fn cost_of(bytes: &[u8; COST_BYTES]) -> Option<Cost> {
    let number = |at: usize| bytes[at..at + 4].try_into().ok().map(u32::from_be_bytes);
    let cost = Cost { memory_kib: number(4)?, passes: number(8)? };
    (cost.is_possible() && cost_bytes(cost) == *bytes).then_some(cost)
}

fn mask(salt: &[u8; SALT_BYTES], bytes: &[u8; COST_BYTES]) -> [u8; COST_BYTES] {
    let stream = hash("M1/vault/cost/1", &[salt]);
    std::array::from_fn(|at| bytes[at] ^ stream[at])
}

fn block_nonce(number: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    nonce
}
