//! How two devices that have met begin anew: the next generation by an offer, and a repair after a restored backup.
//!
//! A [`Rekey`] travels in the generation that it succeeds, and its handshake is chained to that one's secret. A
//! [`Repair`] travels in a drop of its own, which the [`RepairSecret`] of the first handshake gives; it uses the
//! bundle that each side keeps of the other as a last resort, and it is signed, because a person will be told of it.
//! The repair secret names places and proves acquaintance. It opens no content: that takes the bundle's secret.

use std::fmt;

use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    cbor::{Malformed, Reader, Writer},
    handshake::{self, Established, HandshakeError, Init, PeerKeys, Psk},
    hash::{derive, derive_bytes, framed},
    identity::{AccountId, DeviceCert, Identity},
    key::{KeyError, Secret, Secret32, Signature, X25519Public, X25519Secret},
    prekey::{BundleSecret, Offer, OfferSecret},
    ratchet::{MESSAGE_BYTES_MAX, Message, Session},
    slot::Slot,
};

/// Slots in which a device that was restored can say so, for each direction.
pub const REPAIR_SLOTS: u32 = 8;

/// Why bytes begin no generation.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum RenewalError {
    /// Not in the form that this version reads.
    #[error("this begins nothing that this version reads; drop it")]
    Malformed,
    /// The device did not sign it.
    #[error("the device did not sign this repair; do not trust its sender")]
    Signature,
    /// The handshake in it is refused.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
}

impl From<Malformed> for RenewalError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl From<KeyError> for RenewalError {
    fn from(error: KeyError) -> Self {
        Self::Handshake(error.into())
    }
}

/// What begins a generation, on the side that begins it.
pub struct Begun {
    /// The secrets of the generation.
    pub established: Established,
    /// Its ratchet, which has encrypted the first message.
    pub session: Session,
    /// The key to which the other side seals from now on.
    pub seal: X25519Secret,
}

/// What begins a generation, on the side that is spoken to.
pub struct Answered {
    /// The secrets of the generation.
    pub established: Established,
    /// Its ratchet, which has opened the first message.
    pub session: Session,
    /// What the first message said.
    pub plain: Vec<u8>,
}

/// The beginning of the next generation, made from an offer.
#[derive(Clone, Eq, PartialEq)]
pub struct Rekey {
    init: Init,
    seal: X25519Public,
    first: Vec<u8>,
}

impl Rekey {
    /// Begins the generation that follows `sid`, whose `resume` secret it is chained to, and says `plain` in it.
    ///
    /// # Errors
    /// [`HandshakeError::Key`] if a key of the offer is not sound.
    pub fn begin(
        me: &Identity,
        peer: &DeviceCert,
        offer: &Offer,
        sid: &[u8; 32],
        resume: &Secret32,
        plain: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, Begun), HandshakeError> {
        let seal = X25519Secret::generate(rng);
        let context = rekey_context(sid, &seal.public());
        let psk = Psk::Resume(resume.clone());
        let (init, established, mut session) =
            handshake::initiate_from_offer(me, peer, offer, &psk, &context, rng)?;
        let first = session.encrypt(plain);
        let rekey = Self { init, seal: seal.public(), first };
        Ok((rekey, Begun { established, session, seal }))
    }

    /// Takes it up, with the offer that it uses.
    ///
    /// # Errors
    /// [`RenewalError`]; nothing has changed then.
    pub fn answer(
        &self,
        me: &Identity,
        offer: &OfferSecret,
        peer: &DeviceCert,
        sid: &[u8; 32],
        resume: &Secret32,
    ) -> Result<Answered, RenewalError> {
        let first = Message::parse(&self.first).map_err(|_| RenewalError::Malformed)?;
        let context = rekey_context(sid, &self.seal);
        let psk = Psk::Resume(resume.clone());
        let (established, session, plain) =
            handshake::respond_to_offer(me, offer, peer, &self.init, &first, &psk, &context)?;
        Ok(Answered { established, session, plain })
    }

    /// The number of the offer that it uses.
    pub const fn offer_id(&self) -> u32 {
        self.init.bundle_id()
    }

    /// The key to which its sender's mail is sealed in the new generation.
    pub const fn seal(&self) -> X25519Public {
        self.seal
    }

    /// Writes CBOR `[init, 01‖seal, first message]`.
    pub fn encode(&self) -> Vec<u8> {
        opening(Writer::array(3), &self.init, &self.seal, &self.first).end().to_vec()
    }

    /// Reads what [`Self::encode`] wrote and checks the keys in it.
    ///
    /// # Errors
    /// [`RenewalError`] for anything else.
    pub fn parse(bytes: &[u8]) -> Result<Self, RenewalError> {
        let mut reader = Reader::array(bytes, 3)?;
        let (init, seal, first) = read_opening(&mut reader)?;
        reader.end()?;
        Ok(Self { init, seal, first })
    }
}

impl fmt::Debug for Rekey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rekey")
    }
}

/// What two devices keep from their first handshake on, to find each other again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RepairSecret(Secret32);

impl RepairSecret {
    /// Takes [`Established::repair`] of the first handshake, or what was kept of it.
    pub const fn new(secret: Secret32) -> Self {
        Self(secret)
    }

    /// The 32 bytes to keep.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The slot with this number, below [`REPAIR_SLOTS`], in which `sender` says that it was restored.
    ///
    /// # Panics
    /// If `number` is [`REPAIR_SLOTS`] or more.
    pub fn slot(&self, sender: &AccountId, number: u32) -> Slot {
        assert!(number < REPAIR_SLOTS, "a pair has {REPAIR_SLOTS} repair slots a direction");
        let bytes: Zeroizing<[u8; 64]> =
            derive_bytes("M1/repair/slot/1", self.0.as_bytes(), &[sender.as_bytes(), &number.to_be_bytes()]);
        let secret = |at: usize| Secret::from_slice(&bytes[at..at + 32]).expect("64 bytes are two times 32");
        Slot::new(number, secret(0), secret(32))
    }

    /// The secret by which a device that was restored is known again on a direct link.
    pub fn link(&self) -> Secret32 {
        derive("M1/repair/link/1", &self.0, &[])
    }

    /// What both sides put into the handshake of a repair: who does not hold it begins nothing.
    pub fn psk(&self) -> Secret32 {
        derive("M1/repair/psk/1", &self.0, &[])
    }
}

/// The word of a device that was restored from a backup, with a handshake to the other side's last resort.
#[derive(Clone, Eq, PartialEq)]
pub struct Repair {
    init: Init,
    seal: X25519Public,
    first: Vec<u8>,
    signature: Signature,
}

impl Repair {
    /// Begins a generation with a contact's last-resort bundle, says `plain` in it and signs the whole.
    ///
    /// # Errors
    /// [`HandshakeError`] if the bundle is not the device's or a key is not sound.
    pub fn begin(
        me: &Identity,
        peer: PeerKeys<'_>,
        secret: &RepairSecret,
        plain: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, Begun), HandshakeError> {
        let seal = X25519Secret::generate(rng);
        let psk = Psk::Repair(secret.psk());
        let context = repair_context(&seal.public());
        let (init, established, mut session) = handshake::initiate(me, peer, &psk, &context, rng)?;
        let first = session.encrypt(plain);
        let to = peer.cert.account_id();
        let signature = me.sign().sign(&signed_repair(&to, &init, &seal.public(), &first));
        let repair = Self { init, seal: seal.public(), first, signature };
        Ok((repair, Begun { established, session, seal }))
    }

    /// Takes it up: the signature first, then the handshake.
    ///
    /// # Errors
    /// [`RenewalError`]; nothing has changed then.
    pub fn answer(
        &self,
        me: &Identity,
        bundle: &BundleSecret,
        peer: &DeviceCert,
        secret: &RepairSecret,
    ) -> Result<Answered, RenewalError> {
        let signed = signed_repair(&me.account_id(), &self.init, &self.seal, &self.first);
        peer.sign_key().verify(&signed, &self.signature).map_err(|_| RenewalError::Signature)?;
        let first = Message::parse(&self.first).map_err(|_| RenewalError::Malformed)?;
        let psk = Psk::Repair(secret.psk());
        let context = repair_context(&self.seal);
        let (established, session, plain) =
            handshake::respond(me, bundle, peer, &self.init, &first, &psk, &context)?;
        Ok(Answered { established, session, plain })
    }

    /// The key to which its sender's mail is sealed in the new generation.
    pub const fn seal(&self) -> X25519Public {
        self.seal
    }

    /// Writes CBOR `[init, 01‖seal, first message, signature]`.
    pub fn encode(&self) -> Vec<u8> {
        opening(Writer::array(4), &self.init, &self.seal, &self.first)
            .bytes(self.signature.as_bytes())
            .end()
            .to_vec()
    }

    /// Reads what [`Self::encode`] wrote and checks the keys in it; the signature is checked by [`Self::answer`].
    ///
    /// # Errors
    /// [`RenewalError`] for anything else.
    pub fn parse(bytes: &[u8]) -> Result<Self, RenewalError> {
        let mut reader = Reader::array(bytes, 4)?;
        let (init, seal, first) = read_opening(&mut reader)?;
        let signature = Signature::from_bytes(reader.bytes()?).map_err(|_| RenewalError::Malformed)?;
        reader.end()?;
        Ok(Self { init, seal, first, signature })
    }
}

impl fmt::Debug for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Repair")
    }
}

fn opening(writer: Writer, init: &Init, seal: &X25519Public, first: &[u8]) -> Writer {
    writer.bytes(&init.encode()).bytes(&seal.typed()).bytes(first)
}

fn read_opening(reader: &mut Reader<'_>) -> Result<(Init, X25519Public, Vec<u8>), RenewalError> {
    let init = Init::parse(reader.bytes()?)?;
    let seal = X25519Public::from_typed(reader.bytes()?)?;
    let first = reader.bytes()?;
    if first.len() > MESSAGE_BYTES_MAX {
        return Err(RenewalError::Malformed);
    }
    Ok((init, seal, first.to_vec()))
}

fn rekey_context(sid: &[u8; 32], seal: &X25519Public) -> Vec<u8> {
    framed("M1/rekey/1", &[sid, &seal.typed()])
}

fn repair_context(seal: &X25519Public) -> Vec<u8> {
    framed("M1/repair/1", &[&seal.typed()])
}

fn signed_repair(to: &AccountId, init: &Init, seal: &X25519Public, first: &[u8]) -> Vec<u8> {
    framed("M1/repair/sign/1", &[to.as_bytes(), &init.encode(), &seal.typed(), first])
}
