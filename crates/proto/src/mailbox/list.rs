//! A relay's list: what has been deposited, in order, the same for every reader and signed as a chain.

use crypto::hash::{Hash32, hash};
use crypto::key::{SignPublic, SignSecret, Signature};
use crypto::seal::Class;

use crate::envelope::Blob;
use crate::id::Prefix;
use crate::limits;
use crate::wire::{Reader, WireError, Writer};

/// The name of one list. A relay that lost its list begins another under a new name.
pub type ListId = [u8; 16];

/// The value of the chain before the first entry of a list.
#[must_use]
pub fn chain_start(list: &ListId) -> Hash32 {
    hash("M1/list/0", &[list])
}

/// The value of the chain after one more entry.
#[must_use]
pub fn chain_next(chain: &Hash32, prefix: &Prefix, class: Class) -> Hash32 {
    hash("M1/list/1", &[chain, &prefix.0, &[class.code()]])
}

/// Consecutive entries of a list: eight bytes of the tag and the code of the class, nine bytes each.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Entries(Vec<u8>);

impl Entries {
    /// No entries, with room for `count`.
    #[must_use]
    pub fn with_capacity(count: usize) -> Self {
        Self(Vec::with_capacity(count * limits::LIST_ENTRY_BYTES))
    }

    /// Adds an entry at the end.
    pub fn push(&mut self, prefix: &Prefix, class: Class) {
        self.0.extend_from_slice(&prefix.0);
        self.0.push(class.code());
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len() / limits::LIST_ENTRY_BYTES
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The class of the entry at `offset`.
    #[must_use]
    pub fn class(&self, offset: usize) -> Option<Class> {
        let (entries, _) = self.0.as_chunks::<{ limits::LIST_ENTRY_BYTES }>();
        Class::from_code(entries.get(offset)?[8])
    }

    /// The entries in order.
    pub fn iter(&self) -> impl Iterator<Item = (Prefix, Class)> {
        let (entries, _) = self.0.as_chunks::<{ limits::LIST_ENTRY_BYTES }>();
        entries.iter().filter_map(|entry| {
            let (prefix, code) = entry.split_first_chunk::<8>()?;
            Some((Prefix(*prefix), Class::from_code(code[0])?))
        })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads entries; each has a known class, so that [`Entries::iter`] leaves none out.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let bytes = reader.bytes(limits::LIST_ENTRIES_MAX * limits::LIST_ENTRY_BYTES)?;
        let (entries, rest) = bytes.as_chunks::<{ limits::LIST_ENTRY_BYTES }>();
        let known = |entry: &[u8; 9]| Class::from_code(entry[8]).is_some();
        if !rest.is_empty() || !entries.iter().all(known) {
            return Err(WireError::Malformed);
        }
        Ok(Self(bytes.to_vec()))
    }
}

/// A relay's signed word on its list: after so many entries the chain has this value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Head {
    /// The list.
    pub list: ListId,
    /// How many entries the chain covers; the next entry has this number.
    pub position: u64,
    /// The value of the chain there.
    pub chain: Hash32,
    /// The relay's signature over these.
    pub signature: Signature,
}

impl Head {
    /// Signs the value of the chain at a position.
    #[must_use]
    pub fn sign(list: &ListId, position: u64, chain: &Hash32, key: &SignSecret) -> Self {
        Self {
            list: *list,
            position,
            chain: *chain,
            signature: key.sign(&head_message(list, position, chain)),
        }
    }

    /// Whether this relay has signed it.
    #[must_use]
    pub fn is_signed_by(&self, key: &SignPublic) -> bool {
        let message = head_message(&self.list, self.position, &self.chain);
        key.verify(&message, &self.signature).is_ok()
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer
            .array(4)
            .bytes(&self.list)
            .uint(self.position)
            .bytes(&self.chain)
            .bytes(self.signature.as_bytes());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        reader.array_of(4)?;
        let list = reader.fixed()?;
        let position = reader.u64()?;
        let chain = reader.fixed()?;
        let signature = reader.fixed::<64>()?;
        let signature = Signature::from_bytes(&signature).map_err(|_| WireError::Malformed)?;
        Ok(Self { list, position, chain, signature })
    }
}

fn head_message(list: &ListId, position: u64, chain: &Hash32) -> Vec<u8> {
    let signed = hash("M1/list/head/1", &[list, &position.to_be_bytes(), chain]);
    [HEAD_LABEL, &signed].concat()
}

/// What a follower is told: entries from `first` on, the small blobs among them, and the head after the last.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Batch {
    /// The position of the first entry.
    pub first: u64,
    /// The chain before the first entry, where the follower cannot know it.
    pub start: Option<Hash32>,
    /// The entries.
    pub entries: Entries,
    /// Blobs by their entry's place in this batch, ascending.
    pub blobs: Vec<(u16, Blob)>,
    /// The relay's word on the chain after the last entry.
    pub head: Head,
}

const HEAD_LABEL: &[u8] = b"M1/list/head/1";

#[cfg(test)]
mod tests {
    use super::*;
    use crypto::key::Secret32;

    #[test]
    fn a_head_is_one_relays_word_on_one_place() {
        let key = SignSecret::from_seed(Secret32::new([1; 32]));
        let other = SignSecret::from_seed(Secret32::new([2; 32]));
        let head = Head::sign(&[3; 16], 7, &[4; 32], &key);
        assert!(head.is_signed_by(&key.public()));
        assert!(!head.is_signed_by(&other.public()));
        let mut moved = head.clone();
        moved.position = 8;
        assert!(!moved.is_signed_by(&key.public()));
    }

    #[test]
    fn every_entry_changes_the_chain() {
        let start = chain_start(&[0; 16]);
        let one = chain_next(&start, &Prefix([1; 8]), Class::C0);
        assert_ne!(one, chain_next(&start, &Prefix([1; 8]), Class::C1));
        assert_ne!(one, chain_next(&start, &Prefix([2; 8]), Class::C0));
        assert_ne!(start, chain_start(&[1; 16]));
    }

    #[test]
    fn entries_with_a_class_that_does_not_exist_are_refused() {
        let mut writer = Writer::with_capacity(16);
        writer.bytes(&[0, 0, 0, 0, 0, 0, 0, 0, 9]);
        let bytes = writer.finish();
        let read = Entries::read(&mut Reader::new(&bytes));
        assert_eq!(read, Err(WireError::Malformed));
    }
}
