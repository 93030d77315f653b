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

    /// RFC 4231, test cases 1, 2 and 6: the keyed hash as we join it, under keys of any length.
    #[test]
    fn hmac_holds_the_published_vectors() {
        let cases: [(&[u8], &[u8], &str); 3] = [
            (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ];
        for (key, message, expected) in cases {
            let mut state = Hmac::<Sha256>::new_from_slice(key).expect("any length");
            state.update(message);
            let tag = data_encoding::HEXLOWER.encode(&state.finalize().into_bytes());
            assert_eq!(tag, expected);
        }
        // And ours is that one over the framed parts.
        let secret = Secret::new([7; 32]);
        let mut state = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
        state.update(&framed("M1/a/1", &[b"x"]));
        assert_eq!(mac("M1/a/1", &secret, &[b"x"])[..], state.finalize().into_bytes()[..]);
    }
}
