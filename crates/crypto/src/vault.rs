//! The vault: what a passphrase opens, and the keys that everything on disk hangs on.

mod cost;
mod key_file;

pub use cost::Cost;
pub use key_file::KeyFile;

use std::fmt;

use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    aead,
    hash::{derive, mac},
    key::{Secret, Secret32},
    tree::NodeKey,
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
    /// The passphrase opens another vault in this file already.
    #[error("this passphrase is in use already; choose another one")]
    PassphraseInUse,
    /// The vault was not opened from this key file.
    #[error("this key file belongs to another profile; nothing was changed")]
    OtherKeyFile,
    /// A block that was not written at this place of this segment, or was changed.
    #[error("this block of the log is damaged")]
    Unreadable,
}

/// What a passphrase has opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// The vault that the key file was made with.
    Own,
    /// A vault to be shown to who forces one to open something.
    Decoy {
        /// Whether opening it is to destroy the other vaults in the file.
        destroys: bool,
    },
}

/// An open vault: the root of the key tree, the secrets that never change, and what the log said last.
#[derive(Clone, Eq, PartialEq)]
pub struct Vault {
    slot: Option<SlotHold>,
    role: Role,
    store: u8,
    has_decoy: bool,
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
            role: Role::Own,
            store: 0,
            has_decoy: false,
            root: NodeKey::new(derive("M1/vault/seed-root/1", seed, &[])),
            fixed: derive("M1/vault/seed-fixed/1", seed, &[]),
            log: derive("M1/vault/seed-log/1", seed, &[]),
            head: 0,
            generation: 0,
        }
    }

    fn new(hold: SlotHold, role: Role, store: u8, rng: &mut dyn CryptoRng) -> Self {
        Self {
            slot: Some(hold),
            role,
            store,
            has_decoy: false,
            root: NodeKey::random(rng),
            fixed: Secret::random(rng),
            log: Secret::random(rng),
            head: 0,
            generation: 0,
        }
    }

    /// What the passphrase has opened.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Which of the stores beside the key file is this vault's: 0 the first one, 1 its decoy's.
    pub const fn store(&self) -> u8 {
        self.store
    }

    /// Whether a decoy was made from this vault and not removed.
    pub const fn has_decoy(&self) -> bool {
        self.has_decoy
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

    /// Version, flags, place set aside for a decoy, store, root, fixed, log, generation, head, zeros.
    fn write(&self) -> Zeroizing<[u8; SLOT_PLAIN]> {
        let mut plain = Zeroizing::new([0u8; SLOT_PLAIN]);
        plain[0] = SLOT_VERSION;
        plain[1] = self.flags();
        plain[2] = self.slot.as_ref().map_or(0, |hold| hold.spare as u8);
        plain[3] = self.store;
        plain[4..36].copy_from_slice(self.root.secret().as_bytes());
        plain[36..68].copy_from_slice(self.fixed.as_bytes());
        plain[68..100].copy_from_slice(self.log.as_bytes());
        plain[100..108].copy_from_slice(&self.generation.to_be_bytes());
        plain[108..116].copy_from_slice(&self.head.to_be_bytes());
        plain
    }

    fn flags(&self) -> u8 {
        let role = match self.role {
            Role::Own => 0,
            Role::Decoy { destroys: false } => IS_DECOY,
            Role::Decoy { destroys: true } => IS_DECOY | DESTROYS,
        };
        if self.has_decoy { role | HAS_DECOY } else { role }
    }

    fn read(mut hold: SlotHold, plain: &[u8]) -> Option<Self> {
        if plain.len() != SLOT_PLAIN || plain[0] != SLOT_VERSION || usize::from(plain[2]) >= SLOTS {
            return None;
        }
        let role = match plain[1] & !HAS_DECOY {
            0 => Role::Own,
            IS_DECOY => Role::Decoy { destroys: false },
            DECOY_THAT_DESTROYS => Role::Decoy { destroys: true },
            _ => return None,
        };
        hold.spare = usize::from(plain[2]);
        let secret = |at: usize| Secret::from_slice(&plain[at..at + 32]).ok();
        let number = |at: usize| plain[at..at + 8].try_into().ok().map(u64::from_be_bytes);
        Some(Self {
            slot: Some(hold),
            role,
            store: plain[3],
            has_decoy: plain[1] & HAS_DECOY != 0,
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
    /// The place that was set aside for a decoy.
    spare: usize,
    kek: Secret32,
    salt: [u8; SALT_BYTES],
}

const SALT_BYTES: usize = 32;
/// A slot of 256 bytes less nonce and authentication tag.
const SLOT_PLAIN: usize = 256 - 40;
const SLOT_VERSION: u8 = 1;
/// Flags of a slot.
const IS_DECOY: u8 = 1;
const DESTROYS: u8 = 2;
const DECOY_THAT_DESTROYS: u8 = IS_DECOY | DESTROYS;
const HAS_DECOY: u8 = 4;

fn block_nonce(number: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_of_another_version_length_or_role_is_none_of_ours() {
        let hold = || SlotHold { place: 0, spare: 1, kek: Secret::new([0; 32]), salt: [0; SALT_BYTES] };
        let mut plain = vec![0; SLOT_PLAIN];
        plain[0] = SLOT_VERSION;
        plain[2] = SLOTS as u8 - 1;
        let reads = |at: usize, byte: u8| {
            let mut changed = plain.clone();
            changed[at] = byte;
            Vault::read(hold(), &changed).is_some()
        };
        assert!(reads(0, SLOT_VERSION) && reads(1, HAS_DECOY) && reads(1, DECOY_THAT_DESTROYS));
        assert!(!reads(0, SLOT_VERSION + 1), "a later version");
        assert!(!reads(2, SLOTS as u8), "a place that is not there");
        assert!(!reads(1, DESTROYS) && !reads(1, 8), "a role that is not there");
        for other in [&plain[1..], &[&plain[..], &[0]].concat()] {
            assert!(Vault::read(hold(), other).is_none());
        }
    }
}
