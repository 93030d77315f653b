//! A small self-describing form for vodozemac's session state, whose serde shape needs names and types kept.
//!
//! Names come from a fixed list and become one byte, keys become 32 bytes. A name that is not in the list is
//! an error, so a new version of vodozemac with another shape fails its test instead of losing a session.

use std::fmt;

use serde::{
    Deserialize, Serialize,
    de::{
        self, DeserializeSeed, MapAccess, SeqAccess, Visitor,
        value::{BorrowedStrDeserializer, MapAccessDeserializer, U8Deserializer},
    },
    forward_to_deserialize_any,
    ser::{self, Impossible, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple},
};
use zeroize::Zeroizing;

/// A key that stands for "none is needed here" and takes no room.
pub(super) const UNUSED_KEY: [u8; 32] = {
    let mut key = [0; 32];
    key[0] = 9;
    key
};

/// The most bytes that a session can need: five chains with forty skipped keys each, and the rest.
const BYTES_MAX: usize = 16_384;

/// Writes a state down; wiped when dropped.
pub(super) fn write(state: &impl Serialize) -> Option<Zeroizing<Vec<u8>>> {
    // Room for all at once, so that no copy is left behind by growing.
    let mut bytes = Zeroizing::new(Vec::with_capacity(BYTES_MAX));
    bytes.push(FORM);
    state.serialize(&mut Writer(&mut bytes)).ok()?;
    bytes.shrink_to_fit_wiping();
    Some(bytes)
}

/// Reads a state; nothing if a byte is out of place or left over.
pub(super) fn read<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Option<T> {
    let (form, rest) = bytes.split_first()?;
    if *form != FORM || bytes.len() > BYTES_MAX {
        return None;
    }
    let mut reader = Reader { rest, depth: 0 };
    let state = T::deserialize(&mut reader).ok()?;
    reader.rest.is_empty().then_some(state)
}

trait ShrinkWiping {
    fn shrink_to_fit_wiping(&mut self);
}

impl ShrinkWiping for Zeroizing<Vec<u8>> {
    /// Moves into memory of the right size; the old memory wipes itself.
    fn shrink_to_fit_wiping(&mut self) {
        *self = Zeroizing::new(self.as_slice().to_vec());
    }
}

const FORM: u8 = 1;

const NOTHING: u8 = 0;
const NUMBER: u8 = 1;
const KEY: u8 = 2;
const NO_KEY: u8 = 3;
const LIST: u8 = 4;
const MAP: u8 = 5;
const NAME: u8 = 6;

const NAMES: [&str; 24] = [
    "session_keys",
    "identity_key",
    "base_key",
    "one_time_key",
    "sending_ratchet",
    "type",
    "active",
    "inactive",
    "parent_ratchet_key",
    "ratchet_count",
    "Known",
    "Unknown",
    "active_ratchet",
    "root_key",
    "ratchet_key",
    "symmetric_key_ratchet",
    "key",
    "index",
    "receiving_chains",
    "inner",
    "hkdf_ratchet",
    "skipped_message_keys",
    "config",
    "version",
];

/// `V1`, the only session version, stands behind the other names.
const VERSION_1: &str = "V1";

fn name_code(name: &str) -> Result<u8, Unfit> {
    NAMES
        .iter()
        .chain([&VERSION_1])
        .position(|known| *known == name)
        .and_then(|at| u8::try_from(at).ok())
        .ok_or(Unfit)
}

fn name_of(code: u8) -> Result<&'static str, Unfit> {
    NAMES.iter().chain([&VERSION_1]).nth(usize::from(code)).copied().ok_or(Unfit)
}

/// The state has a shape that this form does not know, or the bytes have none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unfit;

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the shape of a session")
    }
}

impl std::error::Error for Unfit {}

impl ser::Error for Unfit {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl de::Error for Unfit {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

struct Writer<'a>(&'a mut Vec<u8>);

impl Writer<'_> {
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(0x80 | (number & 0x7f) as u8);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn name(&mut self, name: &str) -> Result<(), Unfit> {
        self.0.push(name_code(name)?);
        Ok(())
    }

    fn map(&mut self, len: usize) -> Result<(), Unfit> {
        self.0.push(MAP);
        self.0.push(u8::try_from(len).map_err(|_| Unfit)?);
        Ok(())
    }
}

macro_rules! refuse {
    ($($method:ident($kind:ty)),*) => {
        $(fn $method(self, _: $kind) -> Result<(), Unfit> { Err(Unfit) })*
    };
}

impl<'w, 'a> ser::Serializer for &'w mut Writer<'a> {
    type Ok = ();
    type Error = Unfit;
    type SerializeSeq = Self;
    type SerializeTuple = KeyWriter<'w, 'a>;
    type SerializeTupleStruct = Impossible<(), Unfit>;
    type SerializeTupleVariant = Impossible<(), Unfit>;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Impossible<(), Unfit>;

    refuse!(
        serialize_bool(bool),
        serialize_i8(i8),
        serialize_i16(i16),
        serialize_i32(i32),
        serialize_i64(i64),
        serialize_f32(f32),
        serialize_f64(f64),
        serialize_char(char),
        serialize_bytes(&[u8])
    );

    fn serialize_u8(self, number: u8) -> Result<(), Unfit> {
        self.serialize_u64(number.into())
    }

    fn serialize_u16(self, number: u16) -> Result<(), Unfit> {
        self.serialize_u64(number.into())
    }

    fn serialize_u32(self, number: u32) -> Result<(), Unfit> {
        self.serialize_u64(number.into())
    }

    fn serialize_u64(self, number: u64) -> Result<(), Unfit> {
        self.0.push(NUMBER);
        self.number(number);
        Ok(())
    }

    fn serialize_str(self, text: &str) -> Result<(), Unfit> {
        self.0.push(NAME);
        self.name(text)
    }

    fn serialize_none(self) -> Result<(), Unfit> {
        self.0.push(NOTHING);
        Ok(())
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), Unfit> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Unfit> {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unfit> {
        self.serialize_none()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Unfit> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unfit> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Unfit> {
        self.map(1)?;
        self.name(variant)?;
        value.serialize(self)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self, Unfit> {
        self.0.push(LIST);
        self.number(len.ok_or(Unfit)? as u64);
        Ok(self)
    }

    fn serialize_tuple(self, len: usize) -> Result<KeyWriter<'w, 'a>, Unfit> {
        if len == 32 {
            Ok(KeyWriter { writer: self, key: Zeroizing::new([0; 32]), at: 0 })
        } else {
            Err(Unfit)
        }
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Impossible<(), Unfit>, Unfit> {
        Err(Unfit)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<(), Unfit>, Unfit> {
        Err(Unfit)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self, Unfit> {
        self.map(len.ok_or(Unfit)?)?;
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Self, Unfit> {
        self.map(len)?;
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<(), Unfit>, Unfit> {
        Err(Unfit)
    }
}

impl SerializeSeq for &mut Writer<'_> {
    type Ok = ();
    type Error = Unfit;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Unfit> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Unfit> {
        Ok(())
    }
}

impl SerializeStruct for &mut Writer<'_> {
    type Ok = ();
    type Error = Unfit;

    fn serialize_field<T: ?Sized + Serialize>(&mut self, name: &'static str, value: &T) -> Result<(), Unfit> {
        self.name(name)?;
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Unfit> {
        Ok(())
    }
}

impl SerializeMap for &mut Writer<'_> {
    type Ok = ();
    type Error = Unfit;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), Unfit> {
        // A name as a value is its mark and its code; as a key the code alone.
        let mark = self.0.len();
        key.serialize(&mut **self)?;
        if self.0.get(mark) != Some(&NAME) {
            return Err(Unfit);
        }
        self.0.remove(mark);
        Ok(())
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Unfit> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Unfit> {
        Ok(())
    }
}

/// The only tuples in a session are keys: 32 bytes.
struct KeyWriter<'w, 'a> {
    writer: &'w mut Writer<'a>,
    key: Zeroizing<[u8; 32]>,
    at: usize,
}

impl SerializeTuple for KeyWriter<'_, '_> {
    type Ok = ();
    type Error = Unfit;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Unfit> {
        let byte = self.key.get_mut(self.at).ok_or(Unfit)?;
        // Written behind what is there and taken back: the memory that it touches wipes itself.
        let end = self.writer.0.len();
        value.serialize(&mut *self.writer)?;
        *byte = match &self.writer.0[end..] {
            [NUMBER, low] | [NUMBER, low, 1] => *low,
            _ => return Err(Unfit),
        };
        self.writer.0.truncate(end);
        self.at += 1;
        Ok(())
    }

    fn end(self) -> Result<(), Unfit> {
        if *self.key == UNUSED_KEY {
            self.writer.0.push(NO_KEY);
        } else {
            self.writer.0.push(KEY);
            self.writer.0.extend_from_slice(self.key.as_slice());
        }
        Ok(())
    }
}

struct Reader<'de> {
    rest: &'de [u8],
    depth: u8,
}

/// No session nests deeper.
const DEPTH_MAX: u8 = 12;

impl<'de> Reader<'de> {
    fn byte(&mut self) -> Result<u8, Unfit> {
        let (first, rest) = self.rest.split_first().ok_or(Unfit)?;
        self.rest = rest;
        Ok(*first)
    }

    fn number(&mut self) -> Result<u64, Unfit> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                return Err(Unfit);
            }
            number |= part << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Unfit)
    }

    fn key(&mut self) -> Result<&'de [u8], Unfit> {
        let (key, rest) = self.rest.split_at_checked(32).ok_or(Unfit)?;
        self.rest = rest;
        Ok(key)
    }

    fn deeper<T>(&mut self, act: impl FnOnce(&mut Self) -> Result<T, Unfit>) -> Result<T, Unfit> {
        if self.depth == DEPTH_MAX {
            return Err(Unfit);
        }
        self.depth += 1;
        let result = act(self);
        self.depth -= 1;
        result
    }
}

impl<'de> de::Deserializer<'de> for &mut Reader<'de> {
    type Error = Unfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        match self.byte()? {
            NOTHING => visitor.visit_unit(),
            NUMBER => {
                let number = self.number()?;
                visitor.visit_u64(number)
            }
            KEY => visitor.visit_seq(KeyReader(self.key()?)),
            NO_KEY => visitor.visit_seq(KeyReader(&UNUSED_KEY)),
            LIST => {
                let left = usize::try_from(self.number()?).map_err(|_| Unfit)?;
                // Every item takes a byte at least.
                if left > self.rest.len() {
                    return Err(Unfit);
                }
                self.deeper(|reader| visitor.visit_seq(Items { reader, left }))
            }
            MAP => {
                let left = usize::from(self.byte()?);
                self.deeper(|reader| visitor.visit_map(Items { reader, left }))
            }
            NAME => visitor.visit_borrowed_str(name_of(self.byte()?)?),
            _ => Err(Unfit),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        if self.rest.first() == Some(&NOTHING) {
            self.byte()?;
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unfit> {
        match self.byte()? {
            NAME => {
                let name = name_of(self.byte()?)?;
                visitor.visit_enum(BorrowedStrDeserializer::new(name))
            }
            MAP => {
                let left = usize::from(self.byte()?);
                self.deeper(|reader| visitor.visit_enum(MapAccessDeserializer::new(Items { reader, left })))
            }
            _ => Err(Unfit),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// What is left of a list or a map.
struct Items<'r, 'de> {
    reader: &'r mut Reader<'de>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Unfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Unfit> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

impl<'de> MapAccess<'de> for Items<'_, 'de> {
    type Error = Unfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Unfit> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        let name = name_of(self.reader.byte()?)?;
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Unfit> {
        seed.deserialize(&mut *self.reader)
    }
}

/// A key, byte by byte.
struct KeyReader<'de>(&'de [u8]);

impl<'de> SeqAccess<'de> for KeyReader<'de> {
    type Error = Unfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Unfit> {
        let Some((byte, rest)) = self.0.split_first() else { return Ok(None) };
        self.0 = rest;
        seed.deserialize(U8Deserializer::new(*byte)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_are_read_as_they_were_written_and_have_one_end() {
        for number in [0, 1, 127, 128, 255, 300, 16_383, 16_384, u64::from(u32::MAX), 1 << 63, u64::MAX] {
            let mut bytes = Vec::new();
            Writer(&mut bytes).number(number);
            let mut reader = Reader { rest: &bytes, depth: 0 };
            assert_eq!((reader.number().ok(), reader.rest), (Some(number), &[][..]));
            let mut short = Reader { rest: &bytes[..bytes.len() - 1], depth: 0 };
            assert!(short.number().is_err());
        }
        let beyond = [&[0xff; 9][..], &[2]].concat();
        assert!(Reader { rest: &beyond, depth: 0 }.number().is_err(), "it has no place in 64 bits");
        let endless = [0x80; 11];
        assert!(Reader { rest: &endless, depth: 0 }.number().is_err());
    }

    #[test]
    fn another_form_is_not_read() {
        let bytes = write(&5_u64).expect("a number");
        assert_eq!(read::<u64>(&bytes), Some(5));
        let mut other = bytes.to_vec();
        other[0] = FORM + 1;
        assert_eq!(read::<u64>(&other), None);
    }
}
