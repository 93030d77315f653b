//! Sealed envelopes: one Noise message of exactly one of four sizes, pinned to its slot, telling nothing of its sender.

use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    key::{Secret32, X25519Public, X25519Secret},
    noise::{self, Pattern, Source},
};

/// The four sizes that a blob can have.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Class {
    /// 1 024 bytes: a text.
    C0,
    /// 4 096 bytes: a first contact, an offer, a long text.
    C1,
    /// 16 384 bytes: many frames at once.
    C2,
    /// 61 440 bytes: a piece of a file.
    C3,
}

/// Why an envelope cannot be sealed or opened.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum SealError {
    /// The content is larger than the class holds.
    #[error("this is too long for its envelope; choose a larger class or split it")]
    TooLong,
    /// Not sealed for this slot and this key, or changed on the way. It is not said which.
    #[error("this envelope is not for this place and key, or was damaged; drop it")]
    Unreadable,
}

impl Class {
    /// All classes, smallest first.
    pub const ALL: [Self; 4] = [Self::C0, Self::C1, Self::C2, Self::C3];

    /// The exact size of a blob.
    pub const fn bytes(self) -> usize {
        match self {
            Self::C0 => 1_024,
            Self::C1 => 4_096,
            Self::C2 => 16_384,
            Self::C3 => 61_440,
        }
    }

    /// The most that fits inside: the size less 48 bytes of Noise and 4 of length.
    pub const fn capacity(self) -> usize {
        self.bytes() - NOISE_BYTES - LENGTH_BYTES
    }

    /// The smallest class that holds `inner_len` bytes, if any does.
    pub fn for_len(inner_len: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|class| inner_len <= class.capacity())
    }

    /// The class whose blobs are exactly this long, if there is one.
    pub fn from_bytes_len(len: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.bytes() == len)
    }

    /// The number that stands for the class on the wire: 0 to 3.
    pub const fn code(self) -> u8 {
        match self {
            Self::C0 => 0,
            Self::C1 => 1,
            Self::C2 => 2,
            Self::C3 => 3,
        }
    }

    /// The class with this number, if there is one.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.code() == code)
    }
}

/// Seals for a contact (`Noise_Npsk0`): only who holds the slot's psk and the secret of `to` opens it.
///
/// # Errors
/// [`SealError::TooLong`] if `inner` exceeds [`Class::capacity`].
pub fn seal_contact(
    class: Class,
    tag: &[u8; 32],
    psk: &Secret32,
    to: &X25519Public,
    inner: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, SealError> {
    seal(CONTACT, class, tag, Some(psk), to, inner, rng)
}

/// Opens what [`seal_contact`] sealed for this tag.
///
/// # Errors
/// [`SealError::Unreadable`] for whatever is wrong.
pub fn open_contact(
    blob: &[u8],
    tag: &[u8; 32],
    psk: &Secret32,
    secret: &X25519Secret,
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    open(CONTACT, blob, tag, Some(psk), secret)
}

/// Seals for someone with whom no secret is shared (`Noise_N`): who holds the secret of `to` opens it.
///
/// # Errors
/// [`SealError::TooLong`] if `inner` exceeds [`Class::capacity`].
pub fn seal_stranger(
    class: Class,
    tag: &[u8; 32],
    to: &X25519Public,
    inner: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, SealError> {
    seal(STRANGER, class, tag, None, to, inner, rng)
}

/// Opens what [`seal_stranger`] sealed for this tag.
///
/// # Errors
/// [`SealError::Unreadable`] for whatever is wrong.
pub fn open_stranger(
    blob: &[u8],
    tag: &[u8; 32],
    secret: &X25519Secret,
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    open(STRANGER, blob, tag, None, secret)
}

const CONTACT: &str = "Noise_Npsk0_25519_ChaChaPoly_SHA256";
const STRANGER: &str = "Noise_N_25519_ChaChaPoly_SHA256";

/// An ephemeral key and an authentication tag.
const NOISE_BYTES: usize = 48;
const LENGTH_BYTES: usize = 4;

fn seal(
    name: &'static str,
    class: Class,
    tag: &[u8; 32],
    psk: Option<&Secret32>,
    to: &X25519Public,
    inner: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, SealError> {
    if inner.len() > class.capacity() {
        return Err(SealError::TooLong);
    }
    let mut plain = Zeroizing::new(vec![0u8; class.bytes() - NOISE_BYTES]);
    let len = u32::try_from(inner.len()).expect("a capacity is far below 4 GiB");
    plain[..LENGTH_BYTES].copy_from_slice(&len.to_be_bytes());
    plain[LENGTH_BYTES..LENGTH_BYTES + inner.len()].copy_from_slice(inner);

    let prologue = prologue(class, tag);
    let pattern = Pattern { name, prologue: &prologue, psk: psk.map(Secret32::as_bytes) };
    let mut blob = vec![0u8; class.bytes()];
    let written = noise::initiator(&pattern, to, rng)
        .write_message(&plain, &mut blob)
        .expect("key and randomness are there and a class is shorter than a Noise message may be");
    debug_assert_eq!(written, class.bytes());
    Ok(blob)
}

fn open(
    name: &'static str,
    blob: &[u8],
    tag: &[u8; 32],
    psk: Option<&Secret32>,
    secret: &X25519Secret,
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let class = Class::from_bytes_len(blob.len()).ok_or(SealError::Unreadable)?;
    // Snow accepts an ephemeral key of small order; we do not.
    X25519Public::from_bytes(&blob[..32]).map_err(|_| SealError::Unreadable)?;
    let prologue = prologue(class, tag);
    let pattern = Pattern { name, prologue: &prologue, psk: psk.map(Secret32::as_bytes) };
    let mut plain = Zeroizing::new(vec![0u8; class.bytes() - NOISE_BYTES]);
    noise::responder(&pattern, secret, &Source::default())
        .read_message(blob, &mut plain)
        .map_err(|_| SealError::Unreadable)?;
    unpad(plain).ok_or(SealError::Unreadable)
}

/// What pins a blob to its place: label, class and tag.
fn prologue(class: Class, tag: &[u8; 32]) -> [u8; 41] {
    let mut bytes = [0u8; 41];
    bytes[..8].copy_from_slice(b"M1/env/1");
    bytes[8] = class.code();
    bytes[9..].copy_from_slice(tag);
    bytes
}

/// Takes away length and zeros. Only zeros may follow the content: one content, one padding.
pub(crate) fn unpad(mut plain: Zeroizing<Vec<u8>>) -> Option<Zeroizing<Vec<u8>>> {
    let (len, rest) = plain.split_first_chunk::<LENGTH_BYTES>()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    let padding = rest.get(len..)?;
    if padding.iter().fold(0, |all, byte| all | byte) != 0 {
        return None;
    }
    plain.truncate(LENGTH_BYTES + len);
    plain.drain(..LENGTH_BYTES);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_that_is_not_zero_is_refused_also_where_its_bytes_would_cancel_out() {
        let padded = |tail: &[u8]| {
            let head = 2_u32.to_be_bytes();
            unpad(Zeroizing::new([&head[..], b"ok", tail].concat())).map(|content| content.to_vec())
        };
        assert_eq!(padded(&[0; 7]), Some(b"ok".to_vec()));
        assert_eq!(padded(&[]), Some(b"ok".to_vec()));
        for tail in [&[1][..], &[0, 0, 1], &[1, 1], &[3, 1, 2], &[0x80, 0, 0x80]] {
            assert_eq!(padded(tail), None, "{tail:?}");
        }
    }
}
