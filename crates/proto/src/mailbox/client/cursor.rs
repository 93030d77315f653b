//! Where a client stands in a relay's list, and what it has found there and not fetched yet.

use std::collections::BTreeMap;

use crypto::hash::Hash32;
use crypto::seal::Class;

use crate::id::Prefix;
use crate::limits;
use crate::mailbox::list::ListId;
use crate::wire::{Reader, WireError, Writer};

/// A place in a relay's list. The default stands before the beginning of a list that is not known yet.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Cursor {
    pub(super) list: Option<ListId>,
    /// The next entry to be read.
    pub(super) position: u64,
    /// The chain before it.
    pub(super) chain: Hash32,
    /// Wanted entries before it that have not been fetched.
    pub(super) hits: BTreeMap<u64, Hit>,
    /// From where the list is to be read again, up to the position.
    pub(super) again: Option<u64>,
    /// The chain there, if a part was read before.
    pub(super) again_chain: Option<Hash32>,
}

/// An entry that is wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Hit {
    pub(super) prefix: Prefix,
    pub(super) class: Class,
}

impl Cursor {
    /// The position of the next entry to be read.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// How many wanted entries were found and not fetched yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.hits.len()
    }

    /// The bytes to keep; at most 32 KiB.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(80 + self.hits.len() * 20);
        writer.array(6);
        optional(&mut writer, self.list.as_ref().map(<[u8; 16]>::as_slice));
        writer.uint(self.position).bytes(&self.chain);
        writer.array(self.hits.len() * 2);
        for (position, hit) in &self.hits {
            writer.uint(*position);
            writer.bytes_joined(&hit.prefix.0, &[hit.class.code()]);
        }
        match self.again {
            Some(again) => writer.uint(again),
            None => writer.null(),
        };
        optional(&mut writer, self.again_chain.as_ref().map(<[u8; 32]>::as_slice));
        writer.finish()
    }

    /// Reads what [`Cursor::encode`] wrote.
    ///
    /// # Errors
    /// Any [`WireError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        reader.array_of(6)?;
        let list = match reader.null()? {
            true => None,
            false => Some(reader.fixed()?),
        };
        let position = reader.u64()?;
        let chain = reader.fixed()?;
        let items = reader.array(limits::HITS_WAITING_MAX * 2)?;
        if items % 2 != 0 {
            return Err(WireError::Malformed);
        }
        let mut hits = BTreeMap::new();
        for _ in 0..items / 2 {
            let place = reader.u64()?;
            hits.insert(place, read_hit(&mut reader)?);
        }
        let again = match reader.null()? {
            true => None,
            false => Some(reader.u64()?),
        };
        let again_chain = match reader.null()? {
            true => None,
            false => Some(reader.fixed()?),
        };
        reader.finish()?;
        Ok(Self { list, position, chain, hits, again, again_chain })
    }

    pub(super) fn is_full(&self) -> bool {
        self.hits.len() >= limits::HITS_WAITING_MAX
    }

    /// Stands at a place of a list, with nothing found.
    pub(super) fn begin(&mut self, list: ListId, position: u64, chain: Hash32) {
        *self = Self { list: Some(list), position, chain, ..Self::default() };
    }

    /// Goes to a later place, because the relay no longer has what lies before it.
    pub(super) fn skip_to(&mut self, position: u64, chain: Hash32) {
        self.position = position;
        self.chain = chain;
    }
}

fn optional(writer: &mut Writer, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => writer.bytes(bytes),
        None => writer.null(),
    };
}

fn read_hit(reader: &mut Reader<'_>) -> Result<Hit, WireError> {
    let bytes = reader.fixed::<9>()?;
    let class = Class::from_code(bytes[8]).ok_or(WireError::Unknown)?;
    let mut prefix = Prefix([0; 8]);
    prefix.0.copy_from_slice(&bytes[..8]);
    Ok(Hit { prefix, class })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_even_when_full() {
        let mut cursor = Cursor::default();
        assert_eq!(Cursor::decode(&cursor.encode()), Ok(cursor.clone()));
        cursor.begin([1; 16], u64::MAX, [2; 32]);
        cursor.again = Some(7);
        cursor.again_chain = Some([3; 32]);
        let hit = Hit { prefix: Prefix([4; 8]), class: Class::C3 };
        for place in 0..limits::HITS_WAITING_MAX as u64 {
            cursor.hits.insert(u64::MAX - place, hit);
        }
        let bytes = cursor.encode();
        assert!(bytes.len() <= 32 * 1024 && bytes.len() <= limits::VALUE_BYTES_MAX);
        assert_eq!(Cursor::decode(&bytes), Ok(cursor));
    }
}
