//! The key tree: nodes of 64 keys, each sealed under its own key, with leaves that seal records.
//!
//! A node is born with all its keys. So adding a leaf changes nothing; only destroying one draws a new key
//! in its place and in every place above, up to the root that the key file keeps.

use std::fmt;

use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use crate::aead;
use crate::key::{Secret, Secret32};

/// Children of a node.
pub const FANOUT: usize = 64;

/// Length of a sealed node: nonce 24, keys 64 × 32, authentication tag 16.
pub const SEALED_NODE_BYTES: usize = NONCE_BYTES + FANOUT * 32 + TAG_BYTES;

/// Bytes that [`seal_record`] adds before padding: nonce 24, authentication tag 16.
pub const RECORD_OVERHEAD: usize = NONCE_BYTES + TAG_BYTES;

/// Why a sealed node or record does not open.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum TreeError {
    /// Another key, another place, or changed bytes. It is not said which.
    #[error("this record does not open with its key; the store is damaged here, rebuild it from the log")]
    Unreadable,
}

/// The key of one node of the tree.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NodeKey(Secret32);

impl NodeKey {
    /// Draws a fresh key.
    pub fn random(rng: &mut dyn CryptoRng) -> Self {
        Self(Secret::random(rng))
    }

    /// Takes a key that was kept.
    pub const fn new(secret: Secret32) -> Self {
        Self(secret)
    }

    /// The key, for keeping.
    pub const fn secret(&self) -> &Secret32 {
        &self.0
    }
}

/// The key of one leaf, under which records are sealed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeafKey(Secret32);

impl LeafKey {
    /// Draws a fresh key.
    pub fn random(rng: &mut dyn CryptoRng) -> Self {
        Self(Secret::random(rng))
    }

    /// Takes a key that was kept.
    pub const fn new(secret: Secret32) -> Self {
        Self(secret)
    }

    /// The key, for keeping.
    pub const fn secret(&self) -> &Secret32 {
        &self.0
    }
}

/// Where a node stands: its height above the leaves and its number at that height.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NodeId {
    /// 0 for a node whose children are leaves.
    pub level: u8,
    /// Counted from the left.
    pub index: u32,
}

impl NodeId {
    /// The node above and this one's place in it.
    pub const fn parent(self) -> (Self, usize) {
        let parent = Self { level: self.level.saturating_add(1), index: self.index / FANOUT as u32 };
        (parent, self.index as usize % FANOUT)
    }

    /// The node that holds this leaf's key and the leaf's place in it.
    pub const fn of_leaf(leaf: u32) -> (Self, usize) {
        (Self { level: 0, index: leaf / FANOUT as u32 }, leaf as usize % FANOUT)
    }

    fn aad(self) -> [u8; 14] {
        let mut aad = *b"M1/node/1\0\0\0\0\0";
        aad[9] = self.level;
        aad[10..].copy_from_slice(&self.index.to_be_bytes());
        aad
    }
}

/// The 64 keys of a node's children. Wiped when dropped.
#[derive(Clone, Eq, PartialEq)]
pub struct Node(Box<Secret<{ FANOUT * 32 }>>);

impl Node {
    /// Draws a node with all its keys.
    pub fn random(rng: &mut dyn CryptoRng) -> Self {
        Self(Box::new(Secret::random(rng)))
    }

    /// The key of the child node at `place`.
    ///
    /// # Panics
    /// If `place` is 64 or more.
    pub fn child(&self, place: usize) -> NodeKey {
        NodeKey(self.key(place))
    }

    /// The key of the leaf at `place`.
    ///
    /// # Panics
    /// If `place` is 64 or more.
    pub fn leaf(&self, place: usize) -> LeafKey {
        LeafKey(self.key(place))
    }

    /// Draws a new key for the child or leaf at `place`; what was sealed under the old one is gone
    /// as soon as no older copy of this node can be opened.
    ///
    /// # Panics
    /// If `place` is 64 or more.
    pub fn renew(&mut self, place: usize, rng: &mut dyn CryptoRng) {
        let mut bytes = Zeroizing::new(*self.0.as_bytes());
        rng.fill_bytes(&mut bytes[place * 32..(place + 1) * 32]);
        *self.0 = Secret::new(*bytes);
    }

    fn key(&self, place: usize) -> Secret32 {
        Secret::from_slice(&self.0.as_bytes()[place * 32..(place + 1) * 32]).expect("a key is 32 bytes")
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Node")
    }
}

/// Seals a node under its key; the result has [`SEALED_NODE_BYTES`] and opens only as this node.
pub fn seal_node(key: &NodeKey, id: NodeId, node: &Node, rng: &mut dyn CryptoRng) -> Vec<u8> {
    seal(&key.0, &id.aad(), node.0.as_bytes(), node.0.as_bytes().len(), rng)
}

/// Opens what [`seal_node`] sealed for this place.
///
/// # Errors
/// [`TreeError::Unreadable`] for whatever is wrong.
pub fn open_node(key: &NodeKey, id: NodeId, sealed: &[u8]) -> Result<Node, TreeError> {
    let plain = open(&key.0, &id.aad(), sealed)?;
    let keys = Secret::from_slice(&plain).map_err(|_| TreeError::Unreadable)?;
    Ok(Node(Box::new(keys)))
}

/// Seals a record under its leaf: nonce, ciphertext of the padded record, authentication tag.
///
/// The record is followed by `80` and zeros up to a multiple of 64 bytes. `aad` says where it belongs.
pub fn seal_record(key: &LeafKey, aad: &[u8], record: &[u8], rng: &mut dyn CryptoRng) -> Vec<u8> {
    seal(&key.0, aad, record, padded_len(record.len()), rng)
}

/// The length that [`seal_record`] gives for a record of `len` bytes.
pub const fn sealed_record_len(len: usize) -> usize {
    RECORD_OVERHEAD + padded_len(len)
}

/// Opens what [`seal_record`] sealed for the same `aad`.
///
/// # Errors
/// [`TreeError::Unreadable`] for whatever is wrong.
pub fn open_record(key: &LeafKey, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, TreeError> {
    let mut plain = open(&key.0, aad, sealed)?;
    let end = plain.iter().rposition(|byte| *byte != 0).ok_or(TreeError::Unreadable)?;
    if plain[end] != PADDING_MARK || padded_len(end) != plain.len() {
        return Err(TreeError::Unreadable);
    }
    plain.truncate(end);
    Ok(plain)
}

const NONCE_BYTES: usize = aead::LONG_NONCE_BYTES;
const TAG_BYTES: usize = aead::TAG_BYTES;
const PADDING_STEP: usize = 64;
const PADDING_MARK: u8 = 0x80;

const fn padded_len(len: usize) -> usize {
    (len / PADDING_STEP + 1) * PADDING_STEP
}

/// Nonce, ciphertext, tag. What lies between the end of `plain` and `len` is `80` and zeros.
pub(crate) fn seal(key: &Secret32, aad: &[u8], plain: &[u8], len: usize, rng: &mut dyn CryptoRng) -> Vec<u8> {
    let mut sealed = vec![0u8; NONCE_BYTES + len + TAG_BYTES];
    let (nonce, rest) = sealed.split_at_mut(NONCE_BYTES);
    let (body, tag) = rest.split_at_mut(len);
    rng.fill_bytes(nonce);
    body[..plain.len()].copy_from_slice(plain);
    if let Some(mark) = body.get_mut(plain.len()) {
        *mark = PADDING_MARK;
    }
    let nonce: &[u8; NONCE_BYTES] = (&*nonce).try_into().expect("a nonce is 24 bytes");
    let (key, nonce) = aead::extended(key.as_bytes(), nonce);
    let computed = aead::seal(&key, nonce, aad, body);
    tag.copy_from_slice(&computed);
    sealed
}

pub(crate) fn open(key: &Secret32, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, TreeError> {
    let (nonce, rest) = sealed.split_at_checked(NONCE_BYTES).ok_or(TreeError::Unreadable)?;
    let at = rest.len().checked_sub(TAG_BYTES).ok_or(TreeError::Unreadable)?;
    let (body, tag) = rest.split_at(at);
    let nonce: &[u8; NONCE_BYTES] = nonce.try_into().expect("a nonce is 24 bytes");
    let (key, nonce) = aead::extended(key.as_bytes(), nonce);
    let tag = tag.try_into().expect("a tag is 16 bytes");
    let mut plain = Zeroizing::new(body.to_vec());
    if !aead::open(&key, nonce, aad, &mut plain, tag) {
        plain.zeroize();
        return Err(TreeError::Unreadable);
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    #[test]
    fn a_record_with_another_end_than_its_padding_is_refused_by_who_has_its_key() {
        let rng = &mut ChaCha20Rng::from_seed([9; 32]);
        let key = LeafKey::random(rng);
        let mut opens = |plain: &[u8], len: usize| {
            let sealed = seal(&key.0, b"here", plain, len, rng);
            open_record(&key, b"here", &sealed).map(|record| record.len())
        };
        assert_eq!(opens(&[1; 7], 64), Ok(7));
        assert_eq!(opens(&[1; 63], 64), Ok(63));
        // No mark; nothing but zeros; a mark with more zeros behind it than the length asks for, or fewer.
        for (plain, len) in [(&[1; 64][..], 64), (&[0; 64], 64), (&[1; 7], 128), (&[1; 7], 8), (&[], 0)] {
            assert_eq!(opens(plain, len), Err(TreeError::Unreadable), "{} in {len}", plain.len());
        }
    }
}
