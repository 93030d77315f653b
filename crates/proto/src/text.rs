//! How an invite or a descriptor becomes text that people can copy, read out or scan, and back.
//!
//! `name:` and base32 in small letters without padding over: length (two bytes), payload, checksum (four bytes).

use crypto::hash::hash;
use data_encoding::BASE32_NOPAD;
use thiserror::Error;

/// Why text is not what it should be.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum TextError {
    /// It begins with another word.
    #[error("this text is of another kind; it should begin with \"{0}\"")]
    OtherKind(&'static str),
    /// A character that never stands in such a text.
    #[error("the character at place {0} does not belong there; copy the text again")]
    Character(usize),
    /// The end is missing.
    #[error("the end of the text is missing; copy all of it")]
    CutShort,
    /// There is more than belongs to it.
    #[error("something follows the end of the text; copy only the text itself")]
    TooLong,
    /// The checksum does not fit.
    #[error("a character is wrong somewhere in the text; copy it again")]
    Mistyped,
}

const LENGTH_BYTES: usize = 2;
const CHECKSUM_BYTES: usize = 4;
const LABEL: &str = "M1/text/1";

/// Writes a payload of at most 64 KiB as text.
pub(crate) fn encode(name: &'static str, payload: &[u8]) -> String {
    let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
    let mut bytes = Vec::with_capacity(payload.len() + LENGTH_BYTES + CHECKSUM_BYTES);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes.extend_from_slice(&checksum(name, payload));
    let mut text = BASE32_NOPAD.encode(&bytes);
    text.make_ascii_lowercase();
    format!("{name}{text}")
}

/// Reads a payload back. Capitals, and white space within or around the text, do not matter.
pub(crate) fn decode(name: &'static str, text: &str, payload_max: usize) -> Result<Vec<u8>, TextError> {
    let text = text.trim();
    let begins = text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    if !begins {
        return Err(TextError::OtherKind(name));
    }
    let digits_max = (payload_max + LENGTH_BYTES + CHECKSUM_BYTES) * 8 / 5 + 1;
    let mut digits = Vec::new();
    for (place, character) in text.char_indices().skip(name.len()) {
        if character.is_whitespace() {
            continue;
        }
        match u8::try_from(character).map(|byte| byte.to_ascii_uppercase()) {
            Ok(digit @ (b'A'..=b'Z' | b'2'..=b'7')) => digits.push(digit),
            _ => return Err(TextError::Character(place + 1)),
        }
        if digits.len() > digits_max {
            return Err(TextError::TooLong);
        }
    }
    unwrap(name, &digits)
}

fn unwrap(name: &'static str, digits: &[u8]) -> Result<Vec<u8>, TextError> {
    // Whole bytes are found even where the last digits are missing, so that the length can say so.
    let bytes = whole_bytes(digits);
    let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>().ok_or(TextError::CutShort)?;
    let length = usize::from(u16::from_be_bytes(*length));
    let expected = (length + LENGTH_BYTES + CHECKSUM_BYTES) * 8;
    let digits_expected = expected.div_ceil(5);
    if digits.len() < digits_expected {
        return Err(TextError::CutShort);
    }
    if digits.len() > digits_expected {
        return Err(TextError::TooLong);
    }
    // With the right number of digits only set bits behind the last byte can make this fail.
    let exact = BASE32_NOPAD.decode(digits).map_err(|_| TextError::Mistyped)?;
    debug_assert_eq!(exact, bytes);
    let (payload, sum) = rest.split_at(length);
    if sum != checksum(name, payload) {
        return Err(TextError::Mistyped);
    }
    Ok(payload.to_vec())
}

fn whole_bytes(digits: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(digits.len() * 5 / 8);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            _ => digit - b'2' + 26,
        };
        held = (held << 5 | u32::from(value)) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
        }
    }
    bytes
}

fn checksum(name: &str, payload: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let whole = hash(LABEL, &[name.as_bytes(), payload]);
    [whole[0], whole[1], whole[2], whole[3]]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "test:";

    #[test]
    fn text_survives_capitals_and_line_breaks() {
        for length in 0..40 {
            let payload: Vec<u8> = (0..length).collect();
            let text = encode(NAME, &payload);
            assert_eq!(decode(NAME, &text, 64), Ok(payload.clone()));
            let broken = format!("  {}\n", text.to_uppercase().replace('A', "A\n "));
            assert_eq!(decode(NAME, &broken, 64), Ok(payload));
        }
    }

    #[test]
    fn each_mistake_is_named() {
        let text = encode(NAME, b"some payload that is long enough");
        let end = text.len();
        assert_eq!(decode(NAME, "other:abc", 64), Err(TextError::OtherKind(NAME)));
        assert_eq!(decode(NAME, "", 64), Err(TextError::OtherKind(NAME)));
        for cut in NAME.len()..end {
            assert_eq!(decode(NAME, &text[..cut], 64), Err(TextError::CutShort));
        }
        let longer = format!("{text}aa");
        assert_eq!(decode(NAME, &longer, 64), Err(TextError::TooLong));
        let odd = format!("{}0", &text[..end - 1]);
        assert_eq!(decode(NAME, &odd, 64), Err(TextError::Character(end)));
        for place in NAME.len() + 4..end {
            let mut bytes = text.clone().into_bytes();
            bytes[place] = if bytes[place] == b'a' { b'b' } else { b'a' };
            let changed = String::from_utf8(bytes).expect("ASCII");
            assert_eq!(decode(NAME, &changed, 64), Err(TextError::Mistyped));
        }
        assert_eq!(decode(NAME, &text, 8), Err(TextError::TooLong));
    }
}
