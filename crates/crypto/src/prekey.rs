//! Prekey bundles and offers: what one leaves behind so that others can begin a session alone.

use std::fmt;

use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    cbor::{Malformed, Reader, Writer},
    hash::{Hash32, framed, hash},
    identity::{DeviceCert, Identity, signed, split_signed},
    kem::{KemPublic, KemSecret},
    key::{KeyError, Secret, X25519Public, X25519Secret},
};

/// The most bytes that a bundle or an offer may have.
pub const BUNDLE_BYTES_MAX: usize = 2_048;

/// Why a bundle or an offer is refused.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum PrekeyError {
    /// Not in the form that this version reads, or longer than allowed.
    #[error("this is no bundle that this version reads; ask for a new invite, or update Madang")]
    Malformed,
    /// A key in it is not sound.
    #[error("a key in the bundle is refused: {0}")]
    Key(#[from] KeyError),
    /// It was made for another certificate.
    #[error("this bundle belongs to another device; ask for a new invite")]
    OtherDevice,
    /// The device did not sign it.
    #[error("the device did not sign this bundle; do not trust its sender")]
    Signature,
}

impl From<Malformed> for PrekeyError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// What a bundle was made for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum BundleKind {
    /// One invite; gone after the first session.
    Invite,
    /// One contact's device.
    Offer,
    /// A public card; anyone may use it, more than once.
    Card,
    /// One membership in a group.
    Group,
    /// One contact's device, as its last resort: for meeting again after a restored backup.
    Repair,
}

impl BundleKind {
    const fn code(self) -> u8 {
        match self {
            Self::Invite => 1,
            Self::Offer => 2,
            Self::Card => 3,
            Self::Group => 4,
            Self::Repair => 5,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        [Self::Invite, Self::Offer, Self::Card, Self::Group, Self::Repair]
            .into_iter()
            .find(|kind| kind.code() == code)
    }
}

/// The public half of a bundle. Holding one means that signature and keys were checked.
#[derive(Clone, Eq, PartialEq)]
pub struct Bundle {
    bytes: Vec<u8>,
    kind: BundleKind,
    cert_hash: Hash32,
    valid_days: u16,
    keys: Prekeys,
}

impl Bundle {
    /// Reads a bundle of this device, up to [`BUNDLE_BYTES_MAX`], and checks every key and the signature.
    ///
    /// # Errors
    /// [`PrekeyError`] says what is wrong.
    pub fn parse(bytes: &[u8], cert: &DeviceCert) -> Result<Self, PrekeyError> {
        let (body, signature) = split_signed(bytes, BUNDLE_BYTES_MAX)?;
        let mut reader = Reader::array(body, 8)?;
        if reader.u8()? != VERSION {
            return Err(PrekeyError::Malformed);
        }
        let kind = BundleKind::from_code(reader.u8()?).ok_or(PrekeyError::Malformed)?;
        let id = reader.u32()?;
        let cert_hash = *reader.exact()?;
        let spk = X25519Public::from_typed(reader.bytes()?)?;
        let kem = KemPublic::from_typed(reader.bytes()?)?;
        let seal = X25519Public::from_typed(reader.bytes()?)?;
        let valid_days = reader.u16()?;
        reader.end()?;
        if cert_hash != cert.hash() {
            return Err(PrekeyError::OtherDevice);
        }
        cert.sign_key()
            .verify(&framed(LABEL_BUNDLE, &[body]), &signature)
            .map_err(|_| PrekeyError::Signature)?;
        let keys = Prekeys { id, spk, kem, seal, hash: hash(LABEL_BUNDLE_HASH, &[bytes]) };
        Ok(Self { bytes: bytes.to_vec(), kind, cert_hash, valid_days, keys })
    }

    /// The bundle as it was received.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number by which its owner finds the secret half.
    pub const fn id(&self) -> u32 {
        self.keys.id
    }

    /// What it was made for.
    pub const fn kind(&self) -> BundleKind {
        self.kind
    }

    /// How many days its owner means to keep the secret half.
    pub const fn valid_days(&self) -> u16 {
        self.valid_days
    }

    /// The key that envelopes to its owner are sealed to.
    pub const fn seal(&self) -> X25519Public {
        self.keys.seal
    }

    /// Its hash, as an invite carries it.
    pub const fn hash(&self) -> Hash32 {
        self.keys.hash
    }

    pub(crate) const fn cert_hash(&self) -> Hash32 {
        self.cert_hash
    }

    pub(crate) const fn keys(&self) -> &Prekeys {
        &self.keys
    }
}

impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bundle")
    }
}

/// The secret half of a bundle; shred it when the bundle is used up or out of date.
#[derive(Clone, Eq, PartialEq)]
pub struct BundleSecret {
    kind: BundleKind,
    keys: PrekeySecrets,
}

impl BundleSecret {
    /// Draws a bundle for this device and signs it.
    pub fn generate(
        kind: BundleKind,
        id: u32,
        me: &Identity,
        valid_days: u16,
        rng: &mut dyn CryptoRng,
    ) -> (Self, Bundle) {
        let (spk, kem, seal) = draw(rng);
        let mut secret = Self { kind, keys: PrekeySecrets { id, spk, kem, seal, hash: [0; 32] } };
        let bundle = secret.sign(me, valid_days);
        secret.keys.hash = bundle.hash();
        (secret, bundle)
    }

    /// Makes the public half again, to the byte what [`Self::generate`] gave. Nothing if that had another owner or number
    /// of days.
    pub fn bundle(&self, me: &Identity, valid_days: u16) -> Option<Bundle> {
        Some(self.sign(me, valid_days)).filter(|bundle| bundle.hash() == self.keys.hash)
    }

    fn sign(&self, me: &Identity, valid_days: u16) -> Bundle {
        let body = Writer::array(8)
            .number(VERSION)
            .number(self.kind.code())
            .number(self.keys.id)
            .bytes(&me.cert().hash())
            .bytes(&self.keys.spk.public().typed())
            .bytes(&self.keys.kem.public().typed())
            .bytes(&self.keys.seal.public().typed())
            .number(valid_days)
            .end();
        let bytes = signed(me.sign(), LABEL_BUNDLE, &body);
        Bundle::parse(&bytes, me.cert()).expect("what was just signed is sound")
    }

    /// Writes it down: CBOR `[1, kind, id, spk, kem seed, seal, hash of the bundle]`.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        self.keys.write(Writer::array(7).number(VERSION).number(self.kind.code()))
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`PrekeyError::Malformed`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PrekeyError> {
        let mut reader = Reader::array(bytes, 7)?;
        if reader.u8()? != VERSION {
            return Err(PrekeyError::Malformed);
        }
        let kind = BundleKind::from_code(reader.u8()?).ok_or(PrekeyError::Malformed)?;
        Ok(Self { kind, keys: PrekeySecrets::read(reader)? })
    }

    /// The number of the bundle.
    pub const fn id(&self) -> u32 {
        self.keys.id
    }

    /// What it was made for.
    pub const fn kind(&self) -> BundleKind {
        self.kind
    }

    /// The key that opens envelopes sealed to the bundle.
    pub const fn seal(&self) -> &X25519Secret {
        &self.keys.seal
    }

    pub(crate) const fn keys(&self) -> &PrekeySecrets {
        &self.keys
    }
}

impl fmt::Debug for BundleSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BundleSecret")
    }
}

/// The same keys without a signature: travels inside a session, which vouches for it and keeps it deniable.
#[derive(Clone, Eq, PartialEq)]
pub struct Offer {
    bytes: Vec<u8>,
    keys: Prekeys,
}

impl Offer {
    /// Reads an offer, up to [`BUNDLE_BYTES_MAX`], and checks every key.
    ///
    /// # Errors
    /// [`PrekeyError`] says what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, PrekeyError> {
        if bytes.len() > BUNDLE_BYTES_MAX {
            return Err(PrekeyError::Malformed);
        }
        let mut reader = Reader::array(bytes, 5)?;
        if reader.u8()? != VERSION {
            return Err(PrekeyError::Malformed);
        }
        let id = reader.u32()?;
        let spk = X25519Public::from_typed(reader.bytes()?)?;
        let kem = KemPublic::from_typed(reader.bytes()?)?;
        let seal = X25519Public::from_typed(reader.bytes()?)?;
        reader.end()?;
        let keys = Prekeys { id, spk, kem, seal, hash: hash(LABEL_OFFER_HASH, &[bytes]) };
        Ok(Self { bytes: bytes.to_vec(), keys })
    }

    /// The offer as it was received.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number by which its owner finds the secret half.
    pub const fn id(&self) -> u32 {
        self.keys.id
    }

    /// The key that envelopes to its owner are sealed to.
    pub const fn seal(&self) -> X25519Public {
        self.keys.seal
    }

    pub(crate) const fn keys(&self) -> &Prekeys {
        &self.keys
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Offer")
    }
}

/// The secret half of an offer.
#[derive(Clone, Eq, PartialEq)]
pub struct OfferSecret {
    keys: PrekeySecrets,
}

impl OfferSecret {
    /// Draws an offer.
    pub fn generate(id: u32, rng: &mut dyn CryptoRng) -> (Self, Offer) {
        let (spk, kem, seal) = draw(rng);
        let bytes = Writer::array(5)
            .number(VERSION)
            .number(id)
            .bytes(&spk.public().typed())
            .bytes(&kem.public().typed())
            .bytes(&seal.public().typed())
            .end();
        let offer = Offer::parse(&bytes).expect("what was just written is sound");
        (Self { keys: PrekeySecrets { id, spk, kem, seal, hash: offer.keys.hash } }, offer)
    }

    /// Writes it down: CBOR `[1, id, spk, kem seed, seal, hash of the offer]`.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        self.keys.write(Writer::array(6).number(VERSION))
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`PrekeyError::Malformed`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PrekeyError> {
        let mut reader = Reader::array(bytes, 6)?;
        if reader.u8()? != VERSION {
            return Err(PrekeyError::Malformed);
        }
        Ok(Self { keys: PrekeySecrets::read(reader)? })
    }

    /// The number of the offer.
    pub const fn id(&self) -> u32 {
        self.keys.id
    }

    /// The key that opens envelopes sealed to the offer.
    pub const fn seal(&self) -> &X25519Secret {
        &self.keys.seal
    }

    pub(crate) const fn keys(&self) -> &PrekeySecrets {
        &self.keys
    }
}

impl fmt::Debug for OfferSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OfferSecret")
    }
}

/// What the handshake needs of a bundle or an offer.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Prekeys {
    pub(crate) id: u32,
    pub(crate) spk: X25519Public,
    pub(crate) kem: KemPublic,
    pub(crate) seal: X25519Public,
    pub(crate) hash: Hash32,
}

/// The secrets of a bundle or an offer, and the hash of what was given out.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct PrekeySecrets {
    pub(crate) id: u32,
    pub(crate) spk: X25519Secret,
    pub(crate) kem: KemSecret,
    pub(crate) seal: X25519Secret,
    pub(crate) hash: Hash32,
}

impl PrekeySecrets {
    fn write(&self, writer: Writer) -> Zeroizing<Vec<u8>> {
        writer
            .number(self.id)
            .bytes(self.spk.to_bytes().as_bytes())
            .bytes(self.kem.seed().as_bytes())
            .bytes(self.seal.to_bytes().as_bytes())
            .bytes(&self.hash)
            .end()
    }

    fn read(mut reader: Reader<'_>) -> Result<Self, Malformed> {
        let secrets = Self {
            id: reader.u32()?,
            spk: X25519Secret::from_bytes(*reader.exact()?),
            kem: KemSecret::from_seed(Secret::new(*reader.exact()?)),
            seal: X25519Secret::from_bytes(*reader.exact()?),
            hash: *reader.exact()?,
        };
        reader.end()?;
        Ok(secrets)
    }
}

const VERSION: u8 = 1;
const LABEL_BUNDLE: &str = "M1/bundle/1";
const LABEL_BUNDLE_HASH: &str = "M1/bundle-hash/1";
const LABEL_OFFER_HASH: &str = "M1/offer-hash/1";

fn draw(rng: &mut dyn CryptoRng) -> (X25519Secret, KemSecret, X25519Secret) {
    let spk = X25519Secret::generate(rng);
    let kem = KemSecret::generate(rng);
    (spk, kem, X25519Secret::generate(rng))
}
