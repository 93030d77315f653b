//! The one unit that is kept and carried: a sealed blob under the tag of its slot.

use std::fmt;

use crypto::hash::{Hash32, hash};
use crypto::key::Signature;
use crypto::seal::Class;
use crypto::slot::{self, Slot};
use thiserror::Error;

use crate::id::{EnvelopeId, Tag};
use crate::limits;
use crate::wire::{Reader, WireError, Writer};

/// The sealed bytes of an envelope: exactly 1 024, 4 096, 16 384 or 61 440 of them.
#[derive(Clone, Eq, PartialEq)]
pub struct Blob {
    class: Class,
    bytes: Vec<u8>,
}

impl Blob {
    /// Takes bytes whose number is that of a class.
    ///
    /// # Errors
    /// [`EnvelopeError::Size`] for any other number.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, EnvelopeError> {
        let class = Class::from_bytes_len(bytes.len()).ok_or(EnvelopeError::Size)?;
        Ok(Self { class, bytes })
    }

    /// The size class.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives the bytes away.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The hash that a slot's signature stands over.
    #[must_use]
    pub fn hash(&self) -> Hash32 {
        hash(LABEL_BLOB, &[&self.bytes])
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({})", self.bytes.len())
    }
}

/// What a depositor asks of a relay beyond keeping. One bit each; unknown bits are refused.
pub mod flags {
    /// Nobody may delete the envelope, not even who holds the slot's key.
    pub const KEEP: u8 = 1;
    /// All bits that are known.
    pub const ALL: u8 = KEEP;
}

/// A sealed blob under a tag, with the slot key's consent to keep it there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Envelope {
    /// The slot.
    pub tag: Tag,
    /// The sealed bytes.
    pub blob: Blob,
    /// For how many days of its uptime a relay is asked to keep it: 1 to 60.
    pub ttl_days: u8,
    /// See [`flags`].
    pub flags: u8,
    /// The slot key's signature over all of the above.
    pub signature: Signature,
}

impl Envelope {
    /// Puts a blob that was sealed for this slot into an envelope, and signs for it.
    #[must_use]
    pub fn seal_into(slot: &Slot, blob: Blob, ttl_days: u8, flags: u8) -> Self {
        let signature = slot.sign_put(blob.class(), flags, ttl_days, &blob.hash());
        Self { tag: Tag(slot.tag()), blob, ttl_days, flags, signature }
    }

    /// Checks the terms and that the slot's key has signed exactly this.
    ///
    /// # Errors
    /// [`EnvelopeError::Terms`] or [`EnvelopeError::Signature`].
    pub fn verify(&self) -> Result<(), EnvelopeError> {
        if self.flags & !flags::ALL != 0 || !(1..=limits::TTL_DAYS_MAX).contains(&self.ttl_days) {
            return Err(EnvelopeError::Terms);
        }
        let message = slot::put_message(
            self.tag.as_bytes(),
            self.blob.class(),
            self.flags,
            self.ttl_days,
            &self.blob.hash(),
        );
        slot::verify(self.tag.as_bytes(), &message, &self.signature).map_err(|_| EnvelopeError::Signature)
    }

    /// Its name, the same on every road: it covers tag and blob, not the terms.
    #[must_use]
    pub fn id(&self) -> EnvelopeId {
        envelope_id(&self.tag, &self.blob)
    }

    /// Its bytes as it is kept or carried: `[tag, flags, days, signature, blob]`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(self.blob.bytes().len() + 128);
        self.write(&mut writer);
        writer.finish()
    }

    /// Reads what [`Envelope::encode`] wrote. The signature is checked by [`Envelope::verify`] only.
    ///
    /// # Errors
    /// Any [`WireError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        let envelope = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(envelope)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer
            .array(5)
            .bytes(self.tag.as_bytes())
            .uint(self.flags)
            .uint(self.ttl_days)
            .bytes(self.signature.as_bytes())
            .bytes(self.blob.bytes());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        reader.array_of(5)?;
        let tag = Tag(reader.fixed()?);
        let flags = reader.u8()?;
        let ttl_days = reader.u8()?;
        let signature = reader.fixed::<64>()?;
        let signature = Signature::from_bytes(&signature).map_err(|_| WireError::Malformed)?;
        let blob = reader.bytes(limits::STRING_BYTES_MAX)?.to_vec();
        let blob = Blob::parse(blob).map_err(|_| WireError::Malformed)?;
        Ok(Self { tag, blob, ttl_days, flags, signature })
    }
}

/// The name of the envelope with this tag and blob.
#[must_use]
pub fn envelope_id(tag: &Tag, blob: &Blob) -> EnvelopeId {
    EnvelopeId(hash(LABEL_ID, &[tag.as_bytes(), blob.bytes()]))
}

/// Why something is no envelope, or not a genuine one.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum EnvelopeError {
    /// The number of bytes is not that of a class.
    #[error("an envelope holds exactly 1024, 4096, 16384 or 61440 bytes; this one was cut")]
    Size,
    /// The days or flags are out of bounds.
    #[error("an envelope is kept for 1 to 60 days and has no flags that are unknown")]
    Terms,
    /// The slot's key has not signed this.
    #[error("the slot's key has not signed this envelope; it was changed or is not theirs")]
    Signature,
}

const LABEL_BLOB: &str = "M1/blob/1";
const LABEL_ID: &str = "M1/envelope/1";

#[cfg(test)]
mod tests {
    use super::*;
    use crypto::key::Secret32;
    use crypto::slot::Chain;

    fn envelope() -> (Slot, Envelope) {
        let slot = Chain::new(&Secret32::new([4; 32])).next();
        let blob = Blob::parse(vec![5; 1024]).expect("a class");
        let envelope = Envelope::seal_into(&slot, blob, 30, 0);
        (slot, envelope)
    }

    #[test]
    fn an_envelope_is_read_as_it_was_written_and_verifies() {
        let (_, envelope) = envelope();
        let read = Envelope::decode(&envelope.encode()).expect("reads");
        assert_eq!(read, envelope);
        assert_eq!(read.verify(), Ok(()));
        assert_eq!(read.id(), envelope.id());
    }

    #[test]
    fn a_changed_or_readdressed_envelope_does_not_verify() {
        let (_, genuine) = envelope();
        let mut longer = genuine.clone();
        longer.ttl_days = 31;
        let mut kept = genuine.clone();
        kept.flags = flags::KEEP;
        let mut moved = genuine.clone();
        moved.tag = Tag(Chain::new(&Secret32::new([5; 32])).next().tag());
        let mut flipped = genuine.clone();
        flipped.blob.bytes[1023] ^= 1;
        for changed in [longer, kept, moved, flipped] {
            assert_eq!(changed.verify(), Err(EnvelopeError::Signature));
        }
    }

    #[test]
    fn terms_out_of_bounds_are_refused_even_when_signed() {
        let (slot, envelope) = envelope();
        for (ttl_days, flags) in [(0, 0), (61, 0), (30, 2), (30, 0x80)] {
            let odd = Envelope::seal_into(&slot, envelope.blob.clone(), ttl_days, flags);
            assert_eq!(odd.verify(), Err(EnvelopeError::Terms));
        }
    }

    #[test]
    fn only_class_sizes_are_blobs() {
        for size in [0, 1023, 1025, 4095, 61_441] {
            assert_eq!(Blob::parse(vec![0; size]), Err(EnvelopeError::Size));
        }
        for class in Class::ALL {
            let blob = Blob::parse(vec![0; class.bytes()]).expect("a class");
            assert_eq!(blob.class(), class);
        }
    }
}
