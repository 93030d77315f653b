//! Keys as types: each wipes itself, compares in constant time, prints as its kind only, and is checked where it enters.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use curve25519_dalek::edwards::CompressedEdwardsY;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use rand_core::CryptoRng;
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Why a key or a signature from outside is refused.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum KeyError {
    /// A key has a length of its own; this is another one.
    #[error("this key has the wrong length; ask for it again, it was cut or is of another kind")]
    Length,
    /// The key announces another kind than the one that belongs here.
    #[error("this is a key of another kind; ask for it again")]
    Kind,
    /// One of the few points that make every shared secret the same.
    #[error("this key would make a secret that anyone can guess; do not trust its sender")]
    SmallOrder,
    /// The same key can be written in another way; only one way is accepted.
    #[error("this key is not written in its one valid form; do not trust its sender")]
    NotCanonical,
    /// The bytes are no point of the curve.
    #[error("these bytes are no key; ask for it again, it was damaged")]
    NoPoint,
    /// The signature does not belong to these bytes and this key.
    #[error("the signature does not match; the object was changed or is not theirs")]
    Signature,
}

/// `N` secret bytes. Wiped when dropped, compared in constant time, never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret<const N: usize>([u8; N]);

/// Compiles only as long as whatever holds a secret wipes it.
const _: fn() = || {
    fn wipes<T: ZeroizeOnDrop>() {}
    wipes::<Secret32>();
    wipes::<StaticSecret>();
    wipes::<ed25519_dalek::SigningKey>();
};

/// The usual size of a secret.
pub type Secret32 = Secret<32>;

impl<const N: usize> Secret<N> {
    /// Takes the bytes; the caller wipes its own copy, if it kept one.
    pub const fn new(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// Draws a fresh secret.
    pub fn random(rng: &mut dyn CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0u8; N]);
        rng.fill_bytes(bytes.as_mut_slice());
        Self(*bytes)
    }

    /// Takes exactly `N` bytes.
    ///
    /// # Errors
    /// [`KeyError::Length`] for any other number of bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, KeyError> {
        bytes.try_into().map(Self).map_err(|_| KeyError::Length)
    }

    /// The bytes themselves; what is copied out of here no longer wipes itself.
    pub const fn as_bytes(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> ConstantTimeEq for Secret<N> {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.as_slice().ct_eq(other.0.as_slice())
    }
}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl<const N: usize> Eq for Secret<N> {}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret<{N}>")
    }
}

/// The secret half of an X25519 key. It and its clones remember their public half once that was asked for.
#[derive(Clone)]
pub struct X25519Secret {
    secret: StaticSecret,
    public: Arc<OnceLock<X25519Public>>,
}

impl X25519Secret {
    /// Draws a fresh key.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self::from_bytes(*Secret32::random(rng).as_bytes())
    }

    /// Takes 32 secret bytes; RFC 7748 clamping happens where they are used.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self { secret: StaticSecret::from(bytes), public: Arc::default() }
    }

    /// The public half.
    pub fn public(&self) -> X25519Public {
        *self.public.get_or_init(|| X25519Public(PublicKey::from(&self.secret).to_bytes()))
    }

    /// A copy of the secret bytes, for keeping.
    pub fn to_bytes(&self) -> Secret32 {
        Secret::new(self.secret.to_bytes())
    }

    /// The shared secret with `other`.
    ///
    /// # Errors
    /// [`KeyError::SmallOrder`] if the other key contributed nothing.
    pub fn diffie_hellman(&self, other: &X25519Public) -> Result<Secret32, KeyError> {
        let shared = self.secret.diffie_hellman(&PublicKey::from(other.0));
        if shared.was_contributory() { Ok(Secret::new(shared.to_bytes())) } else { Err(KeyError::SmallOrder) }
    }
}

impl PartialEq for X25519Secret {
    fn eq(&self, other: &Self) -> bool {
        self.secret.as_bytes().ct_eq(other.secret.as_bytes()).into()
    }
}

impl Eq for X25519Secret {}

impl fmt::Debug for X25519Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("X25519Secret")
    }
}

/// The public half of an X25519 key, checked when it entered: canonical and not of small order.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct X25519Public([u8; 32]);

impl X25519Public {
    /// Takes a key from outside.
    ///
    /// # Errors
    /// [`KeyError::Length`], [`KeyError::NotCanonical`] (2^255 − 19 or more) or [`KeyError::SmallOrder`]:
    /// between them the last two refuse all twelve encodings that give an all-zero secret.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| KeyError::Length)?;
        if !is_below_p(&bytes) {
            return Err(KeyError::NotCanonical);
        }
        if SMALL_ORDER_U.contains(&bytes) {
            return Err(KeyError::SmallOrder);
        }
        Ok(Self(bytes))
    }

    /// The 32 bytes of RFC 7748.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The typed form used inside signed and hashed objects: `01` and the key.
    pub fn typed(&self) -> [u8; 33] {
        typed(KIND_X25519, &self.0)
    }

    /// Takes the typed form.
    ///
    /// # Errors
    /// [`KeyError::Kind`] if another kind is announced, else as [`Self::from_bytes`].
    pub fn from_typed(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::from_bytes(untyped(KIND_X25519, bytes)?)
    }
}

impl fmt::Debug for X25519Public {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("X25519Public")
    }
}

/// The secret half of an Ed25519 key.
#[derive(Clone)]
pub struct SignSecret(SigningKey);

impl SignSecret {
    /// Draws a fresh key.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self::from_seed(Secret32::random(rng))
    }

    /// Makes the key of an RFC 8032 seed.
    pub fn from_seed(seed: Secret32) -> Self {
        Self(SigningKey::from_bytes(seed.as_bytes()))
    }

    /// The public half.
    pub fn public(&self) -> SignPublic {
        SignPublic(self.0.verifying_key().to_bytes())
    }

    /// Signs the bytes as they are; labels are the caller's.
    pub fn sign(&self, bytes: &[u8]) -> Signature {
        Signature(self.0.sign(bytes).to_bytes())
    }

    /// A copy of the seed, for keeping.
    pub fn seed(&self) -> Secret32 {
        Secret::new(self.0.to_bytes())
    }
}

impl PartialEq for SignSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for SignSecret {}

impl fmt::Debug for SignSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignSecret")
    }
}

/// The public half of an Ed25519 key.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SignPublic([u8; 32]);

impl SignPublic {
    /// Takes a key from outside.
    ///
    /// # Errors
    /// [`KeyError::Length`], [`KeyError::NoPoint`], [`KeyError::NotCanonical`], or [`KeyError::SmallOrder`]
    /// for any key with a part of small order, so that no second key verifies the same signatures.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| KeyError::Length)?;
        let point = CompressedEdwardsY(bytes).decompress().ok_or(KeyError::NoPoint)?;
        if point.compress().0 != bytes {
            return Err(KeyError::NotCanonical);
        }
        if point.is_small_order() || !point.is_torsion_free() {
            return Err(KeyError::SmallOrder);
        }
        Ok(Self(bytes))
    }

    /// Checks a signature in the strict way: no small-order key or nonce, no second encoding.
    ///
    /// # Errors
    /// [`KeyError::Signature`] if it does not stand over exactly these bytes under this key.
    pub fn verify(&self, bytes: &[u8], signature: &Signature) -> Result<(), KeyError> {
        verify_strict(&self.0, bytes, signature)
    }

    /// The 32 bytes of RFC 8032.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The typed form used inside signed and hashed objects: `02` and the key.
    pub fn typed(&self) -> [u8; 33] {
        typed(KIND_ED25519, &self.0)
    }

    /// Takes the typed form.
    ///
    /// # Errors
    /// [`KeyError::Kind`] if another kind is announced, else as [`Self::from_bytes`].
    pub fn from_typed(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::from_bytes(untyped(KIND_ED25519, bytes)?)
    }
}

impl fmt::Debug for SignPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignPublic")
    }
}

/// An Ed25519 signature.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// Takes 64 bytes; whether they are a signature shows when they are verified.
    ///
    /// # Errors
    /// [`KeyError::Length`] for any other number of bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        bytes.try_into().map(Self).map_err(|_| KeyError::Length)
    }

    /// The 64 bytes of RFC 8032.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature")
    }
}

/// Verifies under a key that has not been checked before, such as a tag; `verify_strict` refuses weak ones.
pub(crate) fn verify_strict(key: &[u8; 32], bytes: &[u8], signature: &Signature) -> Result<(), KeyError> {
    VerifyingKey::from_bytes(key)
        .and_then(|key| key.verify_strict(bytes, &ed25519_dalek::Signature::from_bytes(&signature.0)))
        .map_err(|_| KeyError::Signature)
}

pub(crate) const KIND_X25519: u8 = 1;
pub(crate) const KIND_ED25519: u8 = 2;
pub(crate) const KIND_ML_KEM: u8 = 3;

fn typed(kind: u8, key: &[u8; 32]) -> [u8; 33] {
    let mut bytes = [kind; 33];
    bytes[1..].copy_from_slice(key);
    bytes
}

pub(crate) fn untyped(kind: u8, bytes: &[u8]) -> Result<&[u8], KeyError> {
    match bytes.split_first() {
        None => Err(KeyError::Length),
        Some((first, _)) if *first != kind => Err(KeyError::Kind),
        Some((_, key)) => Ok(key),
    }
}

/// The field's prime, 2^255 − 19, little-endian.
const P: [u8; 32] = {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xed;
    bytes[31] = 0x7f;
    bytes
};

fn is_below_p(bytes: &[u8; 32]) -> bool {
    bytes.iter().rev().lt(P.iter().rev())
}

/// The u-coordinates below p whose order divides eight, on the curve or its twist: 0, 1, p − 1 and two of order 8.
/// The other seven encodings in circulation are the same points written as p or more.
const SMALL_ORDER_U: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    {
        let mut minus_one = P;
        minus_one[0] = 0xec;
        minus_one
    },
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda,
        0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04,
        0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
];
