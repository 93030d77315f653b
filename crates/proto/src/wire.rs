//! Bounded CBOR: every length is checked before memory is taken, and one value has one encoding.
//!
//! The dialect is small: unsigned integers, byte strings, text strings, arrays of known length and null.
//! Integers and lengths stand in their shortest form, and nothing follows the outermost item.

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};
use thiserror::Error;

/// Why bytes are not what they should be.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum WireError {
    /// The bytes end too early or are no CBOR of this shape.
    #[error("the bytes are cut short or not in the expected form")]
    Malformed,
    /// A number, length or item is not in its only valid encoding.
    #[error("the bytes are not in their shortest form")]
    NotCanonical,
    /// Something announces more than its limit.
    #[error("the bytes announce more than the limit for this field")]
    TooLarge,
    /// Something follows the end.
    #[error("there is something after the end")]
    Trailing,
    /// A field has a value that this version does not know.
    #[error("a field has a value that this version does not know; a newer version may")]
    Unknown,
    /// A kind from 128 up: later versions use it for what may be left unread.
    #[error("a kind of a later version that may be left unread")]
    Skippable,
}

/// Writes the dialect. It cannot fail.
#[derive(Debug)]
pub struct Writer {
    encoder: Encoder<Vec<u8>>,
}

impl Writer {
    /// A writer with room for `bytes`.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        let encoder = Encoder::new(Vec::with_capacity(bytes));
        Self { encoder }
    }

    /// Begins an array of `items`.
    pub fn array(&mut self, items: usize) -> &mut Self {
        let _ = self.encoder.array(items as u64);
        self
    }

    /// An unsigned integer.
    pub fn uint(&mut self, value: impl Into<u64>) -> &mut Self {
        let _ = self.encoder.u64(value.into());
        self
    }

    /// A byte string.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let _ = self.encoder.bytes(bytes);
        self
    }

    /// One byte string made of two parts, without joining them first.
    pub fn bytes_joined(&mut self, first: &[u8], second: &[u8]) -> &mut Self {
        let _ = self.encoder.bytes_len((first.len() + second.len()) as u64);
        self.encoder.writer_mut().extend_from_slice(first);
        self.encoder.writer_mut().extend_from_slice(second);
        self
    }

    /// A text string.
    pub fn text(&mut self, text: &str) -> &mut Self {
        let _ = self.encoder.str(text);
        self
    }

    /// Nothing.
    pub fn null(&mut self) -> &mut Self {
        let _ = self.encoder.null();
        self
    }

    /// The bytes written.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.encoder.into_writer()
    }
}

/// Reads the dialect from outside bytes. It takes no memory by itself.
#[derive(Debug)]
pub struct Reader<'b> {
    decoder: Decoder<'b>,
}

impl<'b> Reader<'b> {
    /// Begins to read `bytes`.
    #[must_use]
    pub fn new(bytes: &'b [u8]) -> Self {
        let decoder = Decoder::new(bytes);
        Self { decoder }
    }

    /// The beginning of an array of at most `items_max`; gives how many items it announces.
    ///
    /// # Errors
    /// Any [`WireError`] of form or size.
    pub fn array(&mut self, items_max: usize) -> Result<usize, WireError> {
        let start = self.decoder.position();
        let items = self.decoder.array().map_err(|_| WireError::Malformed)?;
        let items = items.ok_or(WireError::NotCanonical)?;
        self.check_head(start, items)?;
        let items = usize::try_from(items).map_err(|_| WireError::TooLarge)?;
        let left = self.decoder.input().len() - self.decoder.position();
        if items > items_max {
            return Err(WireError::TooLarge);
        }
        // Each item takes a byte at least, so a short input cannot announce a long array.
        if items > left {
            return Err(WireError::Malformed);
        }
        Ok(items)
    }

    /// The beginning of an array of exactly `items`.
    ///
    /// # Errors
    /// Any [`WireError`] of form.
    pub fn array_of(&mut self, items: usize) -> Result<(), WireError> {
        match self.array(items)? {
            found if found == items => Ok(()),
            _ => Err(WireError::Malformed),
        }
    }

    /// An unsigned integer of up to 64 bits.
    ///
    /// # Errors
    /// Any [`WireError`] of form.
    pub fn u64(&mut self) -> Result<u64, WireError> {
        let start = self.decoder.position();
        let value = self.decoder.u64().map_err(|_| WireError::Malformed)?;
        self.check_head(start, value)?;
        Ok(value)
    }

    /// An unsigned integer of up to 32 bits.
    ///
    /// # Errors
    /// Any [`WireError`] of form or size.
    pub fn u32(&mut self) -> Result<u32, WireError> {
        u32::try_from(self.u64()?).map_err(|_| WireError::TooLarge)
    }

    /// An unsigned integer of up to 16 bits.
    ///
    /// # Errors
    /// Any [`WireError`] of form or size.
    pub fn u16(&mut self) -> Result<u16, WireError> {
        u16::try_from(self.u64()?).map_err(|_| WireError::TooLarge)
    }

    /// An unsigned integer of up to 8 bits.
    ///
    /// # Errors
    /// Any [`WireError`] of form or size.
    pub fn u8(&mut self) -> Result<u8, WireError> {
        u8::try_from(self.u64()?).map_err(|_| WireError::TooLarge)
    }

    /// A byte string of at most `bytes_max`.
    ///
    /// # Errors
    /// Any [`WireError`] of form or size.
    pub fn bytes(&mut self, bytes_max: usize) -> Result<&'b [u8], WireError> {
        let start = self.decoder.position();
        self.announced(Type::Bytes, bytes_max)?;
        let bytes = self.decoder.bytes().map_err(|_| WireError::Malformed)?;
        self.check_string(start, bytes.len())?;
        Ok(bytes)
    }

    /// A byte string of exactly `N`.
    ///
    /// # Errors
    /// Any [`WireError`] of form or size.
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        self.bytes(N)?.try_into().map_err(|_| WireError::Malformed)
    }

    /// A text string of at most `bytes_max` bytes of UTF-8.
    ///
    /// # Errors
    /// Any [`WireError`] of form or size.
    pub fn text(&mut self, bytes_max: usize) -> Result<&'b str, WireError> {
        let start = self.decoder.position();
        self.announced(Type::String, bytes_max)?;
        let text = self.decoder.str().map_err(|_| WireError::Malformed)?;
        self.check_string(start, text.len())?;
        Ok(text)
    }

    /// Reads a null if one stands here, and says whether it did.
    ///
    /// # Errors
    /// [`WireError::Malformed`] if the bytes end here.
    pub fn null(&mut self) -> Result<bool, WireError> {
        match self.decoder.datatype() {
            Ok(Type::Null) => {
                self.decoder.null().map_err(|_| WireError::Malformed)?;
                Ok(true)
            }
            Ok(_) => Ok(false),
            Err(_) => Err(WireError::Malformed),
        }
    }

    /// Says that this must be the end.
    ///
    /// # Errors
    /// [`WireError::Trailing`] if it is not.
    pub fn finish(self) -> Result<(), WireError> {
        if self.decoder.position() == self.decoder.input().len() { Ok(()) } else { Err(WireError::Trailing) }
    }

    /// Compares the length that a string announces with its limit, before anything is read.
    fn announced(&self, kind: Type, bytes_max: usize) -> Result<(), WireError> {
        match self.decoder.datatype() {
            Ok(found) if found == kind => {}
            Ok(Type::BytesIndef | Type::StringIndef) => return Err(WireError::NotCanonical),
            _ => return Err(WireError::Malformed),
        }
        let rest = &self.decoder.input()[self.decoder.position()..];
        let length = match rest.first().map(|head| head & 0x1f) {
            Some(short @ 0..=23) => u64::from(short),
            Some(size @ 24..=27) => {
                let width = 1_usize << (size - 24);
                let digits = rest.get(1..=width).ok_or(WireError::Malformed)?;
                digits.iter().fold(0, |sum, digit| sum << 8 | u64::from(*digit))
            }
            _ => return Err(WireError::Malformed),
        };
        if length > bytes_max as u64 {
            return Err(WireError::TooLarge);
        }
        Ok(())
    }

    fn check_string(&self, start: usize, length: usize) -> Result<(), WireError> {
        let head = self.decoder.position() - start - length;
        if head == head_bytes(length as u64) { Ok(()) } else { Err(WireError::NotCanonical) }
    }

    fn check_head(&self, start: usize, value: u64) -> Result<(), WireError> {
        if self.decoder.position() - start == head_bytes(value) {
            Ok(())
        } else {
            Err(WireError::NotCanonical)
        }
    }
}

/// The bytes that the shortest encoding of a number takes.
fn head_bytes(value: u64) -> usize {
    match value {
        0..=23 => 1,
        24..=0xff => 2,
        0x100..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = Writer::with_capacity(64);
        writer
            .array(6)
            .uint(0_u8)
            .uint(u64::MAX)
            .bytes(&[1; 300])
            .text("안녕")
            .null()
            .bytes_joined(&[1, 2], &[3]);
        let bytes = writer.finish();
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.array_of(6), Ok(()));
        assert_eq!(reader.u8(), Ok(0));
        assert_eq!(reader.u64(), Ok(u64::MAX));
        assert_eq!(reader.bytes(300), Ok(&[1; 300][..]));
        assert_eq!(reader.text(6), Ok("안녕"));
        assert_eq!(reader.null(), Ok(true));
        assert_eq!(reader.fixed(), Ok([1, 2, 3]));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn a_string_that_announces_four_gigabytes_is_refused_by_its_head() {
        let huge = [0x5a, 0xff, 0xff, 0xff, 0xff, 0, 0];
        assert_eq!(Reader::new(&huge).bytes(64), Err(WireError::TooLarge));
        let array = [0x9a, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(Reader::new(&array).array(64), Err(WireError::TooLarge));
        let more_than_there_is = [0x98, 60, 1];
        assert_eq!(Reader::new(&more_than_there_is).array(64), Err(WireError::Malformed));
    }

    #[test]
    fn one_value_has_one_encoding() {
        for long in [&[0x18, 3][..], &[0x19, 0, 200], &[0x1a, 0, 0, 1, 0]] {
            assert_eq!(Reader::new(long).u64(), Err(WireError::NotCanonical));
        }
        assert_eq!(Reader::new(&[0x58, 1, 7]).bytes(9), Err(WireError::NotCanonical));
        assert_eq!(Reader::new(&[0x98, 1, 7]).array(9), Err(WireError::NotCanonical));
        assert_eq!(Reader::new(&[0x5f, 0x41, 7, 0xff]).bytes(9), Err(WireError::NotCanonical));
        assert_eq!(Reader::new(&[0x9f, 0xff]).array(9), Err(WireError::NotCanonical));
    }

    #[test]
    fn what_follows_the_end_is_refused() {
        let mut reader = Reader::new(&[1, 2]);
        assert_eq!(reader.u8(), Ok(1));
        assert_eq!(reader.finish(), Err(WireError::Trailing));
    }
}
