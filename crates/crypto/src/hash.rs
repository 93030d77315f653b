//! The one hash, the one key derivation and the one keyed hash, all with labels and lengths in front.
//!
//! Every label reads `M1/<purpose>/<version>`. Every list is length-prefixed, so that no two lists of parts
//! give the same input: label as `u16` length and bytes, each part as `u32` length and bytes, big-endian.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::key::{Secret, Secret32};

/// A SHA-256 value.
pub type Hash32 = [u8; 32];

/// Returns SHA-256 over the label and the parts, each with its length in front.
///
/// ```
/// assert_ne!(crypto::hash("M1/example/1", &[b"ab", b"c"]), crypto::hash("M1/example/1", &[b"a", b"bc"]));
/// ```
pub fn hash(label: &str, parts: &[&[u8]]) -> Hash32 {
    let mut hasher = Sha256::new();
    frame(label, parts, |bytes| hasher.update(bytes));
    hasher.finalize().into()
}

/// Derives a 32-byte secret from another one: HKDF-SHA256 with `hash(label, [])` as salt
/// and the length-prefixed label and parts as info.
pub fn derive(label: &str, secret: &Secret32, parts: &[&[u8]]) -> Secret32 {
    Secret::new(*derive_bytes::<32>(label, secret.as_bytes(), parts))
}

/// Returns HMAC-SHA256 under `secret` over the label and the parts, each with its length in front.
pub fn mac(label: &str, secret: &Secret32, parts: &[&[u8]]) -> [u8; 32] {
    let mut state =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    frame(label, parts, |bytes| state.update(bytes));
    state.finalize().into_bytes().into()
}

/// As [`derive`], with as many bytes as are asked for, at most 8 160.
pub(crate) fn derive_bytes<const N: usize>(
    label: &str,
    secret: &[u8],
    parts: &[&[u8]],
) -> Zeroizing<[u8; N]> {
    expand(&Hkdf::new(Some(&hash(label, &[])), secret), label, parts)
}

/// One HKDF-Expand step under a key that was extracted before.
pub(crate) fn expand<const N: usize>(key: &Hkdf<Sha256>, label: &str, parts: &[&[u8]]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 255 * 32) };
    let mut out = Zeroizing::new([0u8; N]);
    key.expand(&framed(label, parts), out.as_mut_slice()).expect("the length is checked when compiling");
    out
}

/// The bytes that a signature stands over: label and parts, each with its length in front.
pub(crate) fn framed(label: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes =
        Vec::with_capacity(2 + label.len() + parts.iter().map(|part| 4 + part.len()).sum::<usize>());
    frame(label, parts, |piece| bytes.extend_from_slice(piece));
    bytes
}

fn frame(label: &str, parts: &[&[u8]], mut feed: impl FnMut(&[u8])) {
    feed(&u16::try_from(label.len()).expect("labels are short constants").to_be_bytes());
    feed(label.as_bytes());
    for part in parts {
        feed(&u32::try_from(part.len()).expect("parts are far below 4 GiB").to_be_bytes());
        feed(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_slide_into_each_other() {
        let secret = Secret::new([7; 32]);
        assert_ne!(hash("M1/a/1", &[b"ab", b""]), hash("M1/a/1", &[b"a", b"b"]));
        assert_ne!(hash("M1/a/1", &[b"ab"]), hash("M1/a/1", &[b"ab", b""]));
        assert_ne!(hash("M1/a/1", &[]), hash("M1/a/2", &[]));
        assert!(derive("M1/a/1", &secret, &[b"x"]) != derive("M1/b/1", &secret, &[b"x"]));
        assert_ne!(mac("M1/a/1", &secret, &[b"x"]), mac("M1/a/1", &secret, &[b"x", b""]));
    }
}
