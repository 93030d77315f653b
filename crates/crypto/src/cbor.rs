//! The little CBOR that keys and certificates need: fixed arrays, definite lengths, nothing after the end.

use minicbor::{Decoder, Encoder};
use zeroize::Zeroizing;

/// The bytes are not what was expected here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Malformed;

impl From<minicbor::decode::Error> for Malformed {
    fn from(_: minicbor::decode::Error) -> Self {
        Self
    }
}

/// Reads an array of known shape. Byte strings are borrowed, so nothing is allocated before it is checked.
pub(crate) struct Reader<'a>(Decoder<'a>);

impl<'a> Reader<'a> {
    /// Begins with an array of exactly `len` items.
    pub(crate) fn array(bytes: &'a [u8], len: u64) -> Result<Self, Malformed> {
        let mut reader = Self(Decoder::new(bytes));
        if reader.list(len)? == len { Ok(reader) } else { Err(Malformed) }
    }

    /// An inner array of at most `max` items; gives their number.
    pub(crate) fn list(&mut self, max: u64) -> Result<u64, Malformed> {
        self.0.array()?.filter(|len| *len <= max).ok_or(Malformed)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.0.u8()?)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(self.0.u16()?)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(self.0.u32()?)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        Ok(self.0.bytes()?)
    }

    pub(crate) fn exact<const N: usize>(&mut self) -> Result<&'a [u8; N], Malformed> {
        self.bytes()?.try_into().map_err(|_| Malformed)
    }

    /// Ends; whatever follows is refused.
    pub(crate) fn end(self) -> Result<(), Malformed> {
        if self.0.position() == self.0.input().len() { Ok(()) } else { Err(Malformed) }
    }
}

/// Writes an array of known shape into memory that wipes itself.
pub(crate) struct Writer(Encoder<Vec<u8>>);

impl Writer {
    pub(crate) fn array(len: u64) -> Self {
        // Room for the largest object, so that no half-written copy of a secret is left by growing.
        Self(Encoder::new(Vec::with_capacity(2_560))).list(len)
    }

    pub(crate) fn list(mut self, len: u64) -> Self {
        self.0.array(len).expect("memory takes all");
        self
    }

    pub(crate) fn number(mut self, number: impl Into<u64>) -> Self {
        self.0.u64(number.into()).expect("memory takes all");
        self
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.bytes(bytes).expect("memory takes all");
        self
    }

    pub(crate) fn end(self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.into_writer())
    }
}
