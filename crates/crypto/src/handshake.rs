//! HX1: three X25519 exchanges, one ML-KEM-768 and a shared secret become a session between two devices.

use std::fmt;

use hkdf::Hkdf;
use rand_core::CryptoRng;
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    cbor::{Malformed, Reader, Writer},
    hash::{Hash32, derive, expand, hash},
    identity::{DeviceCert, Identity},
    kem::{CIPHERTEXT_BYTES, KemPublic},
    key::{KeyError, Secret, Secret32, X25519Public, X25519Secret},
    prekey::{Bundle, BundleSecret, Offer, OfferSecret, PrekeySecrets, Prekeys},
    ratchet::{self, RatchetError, Session},
};

/// The only suite: X25519, ML-KEM-768, SHA-256, the Olm ratchet.
pub const SUITE: u8 = 1;

/// The most bytes that an encoded [`Init`] may have.
pub const INIT_BYTES_MAX: usize = 1_152;

/// Why no session comes of it.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum HandshakeError {
    /// Not in the form that this version reads.
    #[error("this is no first message that this version reads; ask for a new one, or update Madang")]
    Malformed,
    /// A key is not sound.
    #[error("a key is refused: {0}")]
    Key(#[from] KeyError),
    /// The bundle and the device, or the first message and the bundle, do not belong together.
    #[error("this belongs to another bundle or device; ask for a new invite")]
    OtherBundle,
    /// The first message does not open: another invite, other people than they say, or changed bytes.
    #[error("the first message does not open; it was changed or made for someone else, drop it")]
    Refused,
}

impl From<Malformed> for HandshakeError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// The device that a session is begun with.
#[derive(Clone, Copy, Debug)]
pub struct PeerKeys<'a> {
    /// Its certificate.
    pub cert: &'a DeviceCert,
    /// A bundle of that device.
    pub bundle: &'a Bundle,
}

/// What both sides know beside their keys.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Psk {
    /// The secret of an invite, from [`InviteSecret::psk`](crate::invite::InviteSecret::psk).
    Invite(Secret32),
    /// What an earlier session left for the next, [`Established::resume`].
    Resume(Secret32),
    /// What two devices that once met keep for meeting again, from [`RepairSecret::psk`](crate::renewal::RepairSecret::psk).
    Repair(Secret32),
    /// Nothing: a public card. Who stole the bundle's secret can then pose as anyone to its owner.
    None,
}

impl Psk {
    const fn code(&self) -> u8 {
        match self {
            Self::None => 0,
            Self::Invite(_) => 1,
            Self::Resume(_) => 2,
            Self::Repair(_) => 3,
        }
    }

    fn salt(&self) -> Secret32 {
        match self {
            Self::Invite(secret) | Self::Resume(secret) | Self::Repair(secret) => {
                derive("M1/HX1/psk/1", secret, &[&[self.code()]])
            }
            Self::None => Secret::new([0; 32]),
        }
    }
}

/// What the initiator sends beside its certificate and its first ratchet message.
#[derive(Clone, Eq, PartialEq)]
pub struct Init {
    eph: X25519Public,
    bundle_id: u32,
    ciphertext: Box<[u8; CIPHERTEXT_BYTES]>,
}

impl Init {
    /// Reads what [`Self::encode`] wrote, up to [`INIT_BYTES_MAX`], and checks the key in it.
    ///
    /// # Errors
    /// [`HandshakeError::Malformed`] or [`HandshakeError::Key`].
    pub fn parse(bytes: &[u8]) -> Result<Self, HandshakeError> {
        if bytes.len() > INIT_BYTES_MAX {
            return Err(HandshakeError::Malformed);
        }
        let mut reader = Reader::array(bytes, 4)?;
        if reader.u8()? != SUITE {
            return Err(HandshakeError::Malformed);
        }
        let eph = X25519Public::from_typed(reader.bytes()?)?;
        let bundle_id = reader.u32()?;
        let ciphertext = Box::new(*reader.exact()?);
        reader.end()?;
        Ok(Self { eph, bundle_id, ciphertext })
    }

    /// Writes CBOR `[1, 01‖EK, bundle id, ciphertext]`.
    pub fn encode(&self) -> Vec<u8> {
        Writer::array(4)
            .number(SUITE)
            .bytes(&self.eph.typed())
            .number(self.bundle_id)
            .bytes(self.ciphertext.as_slice())
            .end()
            .to_vec()
    }

    /// The number of the bundle or offer that it uses.
    pub const fn bundle_id(&self) -> u32 {
        self.bundle_id
    }
}

impl fmt::Debug for Init {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Init")
    }
}

/// What both sides hold when a session stands, beside the ratchet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Established {
    /// Names the session; the same on both sides. Of two begun at once the smaller one sends.
    pub sid: [u8; 32],
    /// The secret for the next handshake of these two.
    pub resume: Secret32,
    /// The drop that this side writes to.
    pub drop_send: Secret32,
    /// The drop that this side reads from.
    pub drop_recv: Secret32,
    /// The MAC key of the direct link's hello.
    pub link: Secret32,
    /// By which the two find each other again after a restored backup; kept from their first handshake.
    pub repair: Secret32,
}

/// Begins a session with a device that left a bundle.
///
/// `context` is anything that both sides must agree on without sending it here; the session stands only if it is the same.
///
/// # Errors
/// [`HandshakeError::OtherBundle`] if the bundle is not the device's, [`HandshakeError::Key`] if a key is not sound.
pub fn initiate(
    me: &Identity,
    peer: PeerKeys<'_>,
    psk: &Psk,
    context: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<(Init, Established, Session), HandshakeError> {
    if peer.bundle.cert_hash() != peer.cert.hash() {
        return Err(HandshakeError::OtherBundle);
    }
    begin(me, peer.cert, peer.bundle.keys(), psk, context, rng)
}

/// Begins the next session with a device that sent an offer inside the present one.
///
/// # Errors
/// [`HandshakeError::Key`] if a key is not sound.
pub fn initiate_from_offer(
    me: &Identity,
    peer_cert: &DeviceCert,
    offer: &Offer,
    psk: &Psk,
    context: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<(Init, Established, Session), HandshakeError> {
    begin(me, peer_cert, offer.keys(), psk, context, rng)
}

/// Takes up a session that someone began with this bundle, and opens their first message.
///
/// Only a session that has received can send, so only such a one is ever given out. There is no other way to it:
///
/// ```compile_fail,E0624
/// use crypto::{Secret32, X25519Secret, ratchet::{Message, Session}};
///
/// fn speak_first(root: &Secret32, spk: &X25519Secret, nothing_yet: &Message) {
///     let _ = Session::responder(root, spk, nothing_yet);
/// }
/// ```
///
/// # Errors
/// [`HandshakeError`]; nothing has changed then.
pub fn respond(
    me: &Identity,
    bundle: &BundleSecret,
    peer_cert: &DeviceCert,
    init: &Init,
    first: &ratchet::Message,
    psk: &Psk,
    context: &[u8],
) -> Result<(Established, Session, Vec<u8>), HandshakeError> {
    take_up(me, bundle.keys(), peer_cert, init, first, psk, context)
}

/// Takes up a session that someone began with this offer, and opens their first message.
///
/// # Errors
/// [`HandshakeError`]; nothing has changed then.
pub fn respond_to_offer(
    me: &Identity,
    offer: &OfferSecret,
    peer_cert: &DeviceCert,
    init: &Init,
    first: &ratchet::Message,
    psk: &Psk,
    context: &[u8],
) -> Result<(Established, Session, Vec<u8>), HandshakeError> {
    take_up(me, offer.keys(), peer_cert, init, first, psk, context)
}

fn begin(
    me: &Identity,
    peer: &DeviceCert,
    prekeys: &Prekeys,
    psk: &Psk,
    context: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<(Init, Established, Session), HandshakeError> {
    let eph = X25519Secret::generate(rng);
    let turn = X25519Secret::generate(rng);
    let (ciphertext, kem_secret) = prekeys.kem.encapsulate(rng);

    let exchanges = [
        me.dh().diffie_hellman(&prekeys.spk)?,
        eph.diffie_hellman(peer.dh_key())?,
        eph.diffie_hellman(&prekeys.spk)?,
    ];
    let transcript = Transcript {
        initiator: me.cert(),
        responder: peer,
        eph: &eph.public(),
        turn: &turn.public(),
        prekey_id: prekeys.id,
        prekey_hash: &prekeys.hash,
        spk: &prekeys.spk,
        kem: &prekeys.kem,
        ciphertext: &ciphertext,
        psk,
        context,
    };
    let schedule = Schedule::new(psk, &exchanges, &kem_secret, &transcript.hash());
    let session = Session::initiator(&schedule.root(), &turn, &prekeys.spk)?;
    let init = Init { eph: eph.public(), bundle_id: prekeys.id, ciphertext };
    Ok((init, schedule.established(Side::Initiator), session))
}

fn take_up(
    me: &Identity,
    prekeys: &PrekeySecrets,
    peer: &DeviceCert,
    init: &Init,
    first: &ratchet::Message,
    psk: &Psk,
    context: &[u8],
) -> Result<(Established, Session, Vec<u8>), HandshakeError> {
    if init.bundle_id != prekeys.id {
        return Err(HandshakeError::OtherBundle);
    }
    let exchanges = [
        prekeys.spk.diffie_hellman(peer.dh_key())?,
        me.dh().diffie_hellman(&init.eph)?,
        prekeys.spk.diffie_hellman(&init.eph)?,
    ];
    let kem_secret = prekeys.kem.decapsulate(&init.ciphertext);
    let transcript = Transcript {
        initiator: peer,
        responder: me.cert(),
        eph: &init.eph,
        turn: &first.header().ratchet_key,
        prekey_id: prekeys.id,
        prekey_hash: &prekeys.hash,
        spk: &prekeys.spk.public(),
        kem: &prekeys.kem.public(),
        ciphertext: &init.ciphertext,
        psk,
        context,
    };
    let schedule = Schedule::new(psk, &exchanges, &kem_secret, &transcript.hash());
    let (session, plain) = Session::responder(&schedule.root(), &prekeys.spk, first)
        .map_err(|_: RatchetError| HandshakeError::Refused)?;
    Ok((schedule.established(Side::Responder), session, plain))
}

/// Everything that both sides must have seen alike.
struct Transcript<'a> {
    initiator: &'a DeviceCert,
    responder: &'a DeviceCert,
    eph: &'a X25519Public,
    turn: &'a X25519Public,
    prekey_id: u32,
    prekey_hash: &'a Hash32,
    spk: &'a X25519Public,
    kem: &'a KemPublic,
    ciphertext: &'a [u8; CIPHERTEXT_BYTES],
    psk: &'a Psk,
    context: &'a [u8],
}

impl Transcript<'_> {
    fn hash(&self) -> Hash32 {
        hash(
            "M1/HX1/1",
            &[
                &[SUITE, self.psk.code()],
                self.initiator.account_id().as_bytes(),
                &self.initiator.hash(),
                self.responder.account_id().as_bytes(),
                &self.responder.hash(),
                &self.initiator.dh_key().typed(),
                &self.eph.typed(),
                &self.turn.typed(),
                &self.responder.dh_key().typed(),
                &self.prekey_id.to_be_bytes(),
                self.prekey_hash,
                &self.spk.typed(),
                &hash("M1/HX1/ek/1", &[&self.kem.typed()]),
                &hash("M1/HX1/ct/1", &[self.ciphertext]),
                self.context,
            ],
        )
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Side {
    Initiator,
    Responder,
}

/// The key that all secrets of a session come from.
struct Schedule {
    key: Hkdf<Sha256>,
    transcript: Hash32,
}

impl Schedule {
    fn new(psk: &Psk, exchanges: &[Secret32; 3], kem: &Secret32, transcript: &Hash32) -> Self {
        let mut ikm = Zeroizing::new([0xff_u8; 32 * 5]);
        for (part, secret) in ikm[32..].chunks_exact_mut(32).zip(exchanges.iter().chain([kem])) {
            part.copy_from_slice(secret.as_bytes());
        }
        let key = Hkdf::new(Some(psk.salt().as_bytes()), ikm.as_slice());
        Self { key, transcript: *transcript }
    }

    fn root(&self) -> Secret32 {
        self.named("M1/HX1/root/1")
    }

    fn established(&self, side: Side) -> Established {
        let forth = self.named("M1/HX1/drop-ir/1");
        let back = self.named("M1/HX1/drop-ri/1");
        let (drop_send, drop_recv) = if side == Side::Initiator { (forth, back) } else { (back, forth) };
        Established {
            sid: *self.named("M1/HX1/sid/1").as_bytes(),
            resume: self.named("M1/HX1/resume/1"),
            drop_send,
            drop_recv,
            link: self.named("M1/HX1/link/1"),
            repair: self.named("M1/HX1/repair/1"),
        }
    }

    fn named(&self, label: &str) -> Secret32 {
        Secret::new(*expand::<32>(&self.key, label, &[&self.transcript]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Classical and quantum breaks alike: who has all inputs but one has nothing.
    #[test]
    fn every_single_input_of_the_schedule_changes_every_secret() {
        let secret = |byte| Secret::new([byte; 32]);
        let psk = || Psk::Invite(secret(1));
        let exchanges = || [secret(2), secret(3), secret(4)];
        let schedule = |psk: Psk, exchanges: [Secret32; 3], kem: u8, transcript: u8| {
            Schedule::new(&psk, &exchanges, &secret(kem), &[transcript; 32])
        };
        let all = [
            schedule(psk(), exchanges(), 5, 6),
            schedule(Psk::Invite(secret(9)), exchanges(), 5, 6),
            schedule(Psk::Resume(secret(1)), exchanges(), 5, 6),
            schedule(Psk::Repair(secret(1)), exchanges(), 5, 6),
            schedule(Psk::None, exchanges(), 5, 6),
            // The elliptic curve broken but for one exchange each ...
            schedule(psk(), [secret(9), secret(3), secret(4)], 5, 6),
            schedule(psk(), [secret(2), secret(9), secret(4)], 5, 6),
            schedule(psk(), [secret(2), secret(3), secret(9)], 5, 6),
            // ... or ML-KEM alone standing.
            schedule(psk(), exchanges(), 9, 6),
            schedule(psk(), exchanges(), 5, 9),
            // The same secrets in each other's place.
            schedule(psk(), [secret(3), secret(2), secret(4)], 5, 6),
        ];
        let mut seen = std::collections::BTreeSet::new();
        for schedule in &all {
            let made = schedule.established(Side::Initiator);
            seen.insert(*schedule.root().as_bytes());
            seen.insert(made.sid);
            for secret in [&made.resume, &made.drop_send, &made.drop_recv, &made.link, &made.repair] {
                seen.insert(*secret.as_bytes());
            }
        }
        assert_eq!(seen.len(), all.len() * 7);
    }
}
