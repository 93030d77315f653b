//! The double ratchet of vodozemac, begun by our handshake, written down compactly, unchanged by what it refuses.

mod compact;
#[cfg(feature = "thief")]
mod eavesdropper;

use std::fmt;

use serde::Deserialize;
use thiserror::Error;
use vodozemac::{
    Curve25519PublicKey,
    olm::{self, DecryptionError, OlmMessage, SessionConfig, SessionKeys, SessionPickle},
};
use zeroize::Zeroizing;

#[cfg(feature = "thief")]
pub use self::eavesdropper::{Broken, Eavesdropper};
use crate::key::{KeyError, Secret32, X25519Public, X25519Secret};

/// The most bytes that a message may have: the contents of the largest envelope.
pub const MESSAGE_BYTES_MAX: usize = 61_388;

/// The furthest that a chain jumps ahead for one message.
pub const GAP_MAX: u64 = 2_000;

/// Skipped messages of one chain whose keys are kept.
pub const SKIPPED_MAX: usize = 40;

/// Chains of the other side that are remembered, newest last.
pub const CHAINS_MAX: usize = 5;

/// Why a message does not decrypt. The session is as it was before.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum RatchetError {
    /// Not in the one valid form of a message, or with a key that is not sound.
    #[error("this is no message; drop it")]
    Malformed,
    /// Decrypted before, or so late that its key is gone.
    #[error("this message was read before or its key is gone; if it is missing, have it sent again")]
    AlreadyUsed,
    /// Further ahead than a chain jumps.
    #[error("this message is {gap} ahead of the last; bring the ones between first")]
    TooFarAhead {
        /// How many messages lie between.
        gap: u64,
    },
    /// Not from this session's other side, or changed on the way.
    #[error("this message does not belong to this session, or was changed; drop it")]
    Forged,
    /// Kept bytes that are no session.
    #[error("these bytes are no session; the store is damaged, restore it from its log")]
    Damaged,
}

/// What a message shows before it is decrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// The sender's ratchet key: names the chain.
    pub ratchet_key: X25519Public,
    /// The message's place in its chain, from 0.
    pub index: u64,
}

/// Reads a message's header, for deciding whether to wait for earlier ones.
///
/// # Errors
/// [`RatchetError::Malformed`] for anything that is not a message in its one valid form.
pub fn peek(bytes: &[u8]) -> Result<Header, RatchetError> {
    Message::parse(bytes).map(|message| message.header)
}

/// A message that has the right form; whose it is shows when it is decrypted.
#[derive(Clone, Eq, PartialEq)]
pub struct Message {
    header: Header,
    inner: olm::Message,
}

impl Message {
    /// Reads a message, up to [`MESSAGE_BYTES_MAX`], and checks its ratchet key.
    ///
    /// # Errors
    /// [`RatchetError::Malformed`], also for a message written in a second way.
    pub fn parse(bytes: &[u8]) -> Result<Self, RatchetError> {
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(RatchetError::Malformed);
        }
        let inner = olm::Message::from_bytes(bytes).map_err(|_| RatchetError::Malformed)?;
        // The MAC stands over a re-encoding: without this, one message would have many forms.
        if inner.version() != OLM_VERSION || inner.to_bytes() != bytes {
            return Err(RatchetError::Malformed);
        }
        let ratchet_key =
            X25519Public::from_bytes(inner.ratchet_key().as_bytes()).map_err(|_| RatchetError::Malformed)?;
        Ok(Self { header: Header { ratchet_key, index: inner.chain_index() }, inner })
    }

    /// What it shows before it is decrypted.
    pub const fn header(&self) -> Header {
        self.header
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Message")
    }
}

/// One end of a session that can send and receive.
///
/// Keep it in the same commit as what it encrypted or decrypted, before either leaves the device.
/// New ratchet keys come from the operating system, inside vodozemac; ciphertexts therefore differ from run to run.
pub struct Session {
    inner: olm::Session,
    /// Mirrors vodozemac's receiving chains, oldest first, at most [`CHAINS_MAX`].
    chains: Vec<Place>,
}

/// How far a chain of the other side has been read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Place {
    key: X25519Public,
    next: u64,
}

impl Session {
    /// The side that speaks first: its first chain is derived from the root as the ratchet itself would.
    pub(crate) fn initiator(
        root: &Secret32,
        turn: &X25519Secret,
        spk: &X25519Public,
    ) -> Result<Self, KeyError> {
        let (root, chain) = step(root, &turn.diffie_hellman(spk)?);
        Ok(Self { inner: begin(root.as_bytes(), chain.as_bytes(), &turn.to_bytes()), chains: Vec::new() })
    }

    /// The side that is spoken to. Its own first chain is a dummy that is never used: the session exists
    /// only once it has decrypted, and decrypting puts a real one in its place.
    pub(crate) fn responder(
        root: &Secret32,
        spk: &X25519Secret,
        first: &Message,
    ) -> Result<(Self, Vec<u8>), RatchetError> {
        let inner = begin(root.as_bytes(), &[0; 32], &spk.to_bytes());
        let mut session = Self { inner, chains: Vec::new() };
        let plain = session.decrypt_parsed(first)?;
        Ok((session, plain))
    }

    /// Encrypts the next message: the text, 1 to 16 bytes of padding, and 47 to 50 bytes of header and MAC.
    pub fn encrypt(&mut self, plain: &[u8]) -> Vec<u8> {
        let message = self
            .inner
            .encrypt(plain)
            .expect("ratchet keys are checked when they enter and when a session is read");
        match message {
            OlmMessage::PreKey(message) => message.message().to_bytes(),
            OlmMessage::Normal(message) => message.to_bytes(),
        }
    }

    /// Decrypts a message of the other side; each only once, in nearly any order.
    ///
    /// # Errors
    /// [`RatchetError`]; the session is unchanged then.
    pub fn decrypt(&mut self, bytes: &[u8]) -> Result<Vec<u8>, RatchetError> {
        self.decrypt_parsed(&Message::parse(bytes)?)
    }

    /// The first index of this chain that was not read yet; nothing for a chain that is not known.
    ///
    /// A message whose index is far beyond it is better held back until the ones between have come.
    /// A chain that is not known begins at 0.
    pub fn next_index(&self, ratchet_key: &X25519Public) -> Option<u64> {
        self.chains.iter().find(|place| place.key == *ratchet_key).map(|place| place.next)
    }

    /// Writes the session down, in about 250 bytes and 100 for each chain of the other side that is remembered.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        compact::write(&self.inner.pickle()).expect("the shape of a session is pinned by a test")
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`RatchetError::Damaged`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RatchetError> {
        let pickle: SessionPickle = compact::read(bytes).ok_or(RatchetError::Damaged)?;
        let shape: Shape = compact::read(bytes).ok_or(RatchetError::Damaged)?;
        let chains = shape.places().ok_or(RatchetError::Damaged)?;
        Ok(Self { inner: olm::Session::from_pickle(pickle), chains })
    }

    fn decrypt_parsed(&mut self, message: &Message) -> Result<Vec<u8>, RatchetError> {
        let Header { ratchet_key, index } = message.header;
        let known = self.chains.iter().position(|place| place.key == ratchet_key);
        // Only a new chain while we have none of our own can touch the state before the MAC is checked.
        let before =
            (known.is_none() && self.inner.active_sending_state().is_none()).then(|| self.inner.pickle());
        match self.inner.decrypt(&OlmMessage::Normal(message.inner.clone())) {
            Ok(plain) => {
                self.note(known, ratchet_key, index);
                Ok(plain)
            }
            Err(error) => {
                if let Some(before) = before {
                    self.inner = olm::Session::from_pickle(before);
                }
                Err(reason(&error))
            }
        }
    }

    fn note(&mut self, known: Option<usize>, key: X25519Public, index: u64) {
        let next = index.saturating_add(1);
        match known {
            Some(at) => self.chains[at].next = self.chains[at].next.max(next),
            None => {
                if self.chains.len() == CHAINS_MAX {
                    self.chains.remove(0);
                }
                self.chains.push(Place { key, next });
            }
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}

/// Olm's first version: MACs of 8 bytes, which is enough inside an authenticated envelope.
const OLM_VERSION: u8 = 3;

/// Turns a root and an exchange of two ratchet keys into the next root and a chain, as the ratchet itself does.
fn step(root: &Secret32, shared: &Secret32) -> (Secret32, Secret32) {
    let key = hkdf::Hkdf::<sha2::Sha256>::new(Some(root.as_bytes()), shared.as_bytes());
    let mut next = Zeroizing::new([0u8; 64]);
    key.expand(b"OLM_RATCHET", next.as_mut_slice()).expect("64 bytes are allowed");
    let part = |at: usize| Secret32::from_slice(&next[at..at + 32]).expect("64 bytes are two times 32");
    (part(0), part(32))
}

fn begin(root: &[u8; 32], chain: &[u8; 32], ratchet: &Secret32) -> olm::Session {
    // The session keys only feed Olm's own session id, which we never use; ours is the handshake's `sid`.
    let unused = Curve25519PublicKey::from_bytes(compact::UNUSED_KEY);
    let keys = SessionKeys { identity_key: unused, base_key: unused, one_time_key: unused };
    olm::Session::from_root_key_material(SessionConfig::version_1(), keys, *root, *chain, *ratchet.as_bytes())
}

fn reason(error: &DecryptionError) -> RatchetError {
    match error {
        DecryptionError::MissingMessageKey(_) => RatchetError::AlreadyUsed,
        DecryptionError::TooBigMessageGap(gap, _) => RatchetError::TooFarAhead { gap: *gap },
        DecryptionError::InvalidMAC(_)
        | DecryptionError::InvalidMACLength(..)
        | DecryptionError::InvalidPadding(_)
        | DecryptionError::NonContributoryKey => RatchetError::Forged,
    }
}

/// The parts of a kept session that we look at ourselves.
#[derive(Deserialize)]
struct Shape {
    sending_ratchet: SendingShape,
    receiving_chains: ListShape,
}

#[derive(Deserialize)]
struct SendingShape {
    /// The other side's key, while we have no chain of our own.
    ratchet_key: Option<[u8; 32]>,
}

#[derive(Deserialize)]
struct ListShape {
    inner: Vec<ChainShape>,
}

#[derive(Deserialize)]
struct ChainShape {
    ratchet_key: [u8; 32],
    hkdf_ratchet: IndexShape,
}

#[derive(Deserialize)]
struct IndexShape {
    index: u64,
}

impl Shape {
    /// The chains; nothing if a key is not sound or the session could not send.
    fn places(&self) -> Option<Vec<Place>> {
        if let Some(key) = &self.sending_ratchet.ratchet_key {
            X25519Public::from_bytes(key).ok()?;
        }
        self.receiving_chains
            .inner
            .iter()
            .map(|chain| {
                let key = X25519Public::from_bytes(&chain.ratchet_key).ok()?;
                Some(Place { key, next: chain.hkdf_ratchet.index })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::key::Secret;

    fn pair() -> (Session, Session) {
        let mut rng = ChaCha20Rng::from_seed([5; 32]);
        let root = Secret32::random(&mut rng);
        let (turn, spk) = (X25519Secret::generate(&mut rng), X25519Secret::generate(&mut rng));
        let mut one = Session::initiator(&root, &turn, &spk.public()).expect("sound keys");
        let first = Message::parse(&one.encrypt(b"first")).expect("our own message");
        let (other, plain) = Session::responder(&root, &spk, &first).expect("the same root");
        assert_eq!(plain, b"first");
        (one, other)
    }

    /// Pins what we rely on inside vodozemac: info string, order of the halves, chain and index.
    #[test]
    fn the_ratchet_derives_its_chains_as_our_handshake_does() {
        let mut rng = ChaCha20Rng::from_seed([6; 32]);
        let root = Secret32::random(&mut rng);
        let (turn, spk) = (X25519Secret::generate(&mut rng), X25519Secret::generate(&mut rng));

        // One side as the handshake makes it ...
        let ours = Session::initiator(&root, &turn, &spk.public()).expect("sound keys");
        let ours = ours.inner.active_sending_state().expect("the initiator can send");
        // ... and the same by hand, from HKDF and X25519 alone.
        let shared = turn.diffie_hellman(&spk.public()).expect("sound keys");
        let mut halves = [0u8; 64];
        hkdf::Hkdf::<sha2::Sha256>::new(Some(root.as_bytes()), shared.as_bytes())
            .expand(b"OLM_RATCHET", &mut halves)
            .expect("64 bytes");
        assert_eq!(*ours.root_key, halves[..32]);
        assert_eq!(*ours.chain_key, halves[32..]);
        assert_eq!(*ours.ratchet_key, *turn.to_bytes().as_bytes());
        assert_eq!(ours.chain_index, 0);

        // The other side's ratchet, stepping for itself, must come to the same chain: it reads the first message,
        // and after its answer both know the same root, from which the next chain is derived by the same rule.
        let mut one = Session::initiator(&root, &turn, &spk.public()).expect("sound keys");
        let first = Message::parse(&one.encrypt(b"1")).expect("our own message");
        let (mut other, _) = Session::responder(&root, &spk, &first).expect("the same root");
        let answer = other.encrypt(b"2");
        let state = other.inner.active_sending_state().expect("it has just sent");
        let answered = X25519Secret::from_bytes(*state.ratchet_key);
        assert_eq!(peek(&answer).expect("a message").ratchet_key, answered.public());
        let shared = answered.diffie_hellman(&turn.public()).expect("sound keys");
        hkdf::Hkdf::<sha2::Sha256>::new(Some(&halves[..32]), shared.as_bytes())
            .expand(b"OLM_RATCHET", &mut halves)
            .map(|()| assert_eq!(*state.root_key, halves[..32]))
            .expect("64 bytes");
        assert_eq!(state.chain_index, 1);
        assert_eq!(one.decrypt(&answer).expect("the same chain"), b"2");
    }

    #[test]
    fn only_the_inner_message_travels() {
        let (mut one, mut other) = pair();
        let short = one.encrypt(&[7; 100]);
        assert_eq!(short.len(), 159, "the text padded to 112, and 47 for header and MAC");
        assert_eq!(short[0], OLM_VERSION);
        assert_eq!(other.decrypt(&short).expect("in order"), [7; 100]);
    }

    #[test]
    fn a_kept_session_is_small_and_goes_on_where_it_stood() {
        let (mut one, mut other) = pair();
        assert!(one.to_bytes().len() < 250, "{}", one.to_bytes().len());
        for round in 0..8u8 {
            let skipped: Vec<_> = (0..3).map(|_| other.encrypt(&[round, 1])).collect();
            let answer = other.encrypt(&[round]);
            one = Session::from_bytes(&one.to_bytes()).expect("just written");
            assert_eq!(one.decrypt(&answer).expect("a new chain"), [round]);
            one = Session::from_bytes(&one.to_bytes()).expect("just written");
            assert_eq!(one.decrypt(&skipped[1]).expect("skipped before"), [round, 1]);
            let back = one.encrypt(&[round, 2]);
            other = Session::from_bytes(&other.to_bytes()).expect("just written");
            assert_eq!(other.decrypt(&back).expect("a new chain"), [round, 2]);
            let header = peek(&answer).expect("a message");
            assert_eq!(one.next_index(&header.ratchet_key), Some(4));
        }
        // Five chains with two keys left in each.
        assert!(one.to_bytes().len() < 1_200, "{}", one.to_bytes().len());
        assert!(other.to_bytes().len() < 750, "{}", other.to_bytes().len());
    }

    #[test]
    fn the_largest_session_fits_its_form() {
        let (mut one, mut other) = pair();
        for _ in 0..CHAINS_MAX {
            let burst: Vec<_> = (0..=SKIPPED_MAX).map(|_| other.encrypt(b"x")).collect();
            one.decrypt(burst.last().expect("forty-one")).expect("the gap is allowed");
            other.decrypt(&one.encrypt(b"y")).expect("in order");
        }
        let kept = one.to_bytes();
        assert!(kept.len() > 200 * 34 && kept.len() < 10_000, "{}", kept.len());
        assert!(Session::from_bytes(&kept).is_ok());
    }

    #[test]
    fn kept_bytes_that_were_damaged_are_refused_or_harmless_but_never_panic() {
        let (mut one, mut other) = pair();
        other.decrypt(&one.encrypt(b"x")).expect("in order");
        one.decrypt(&other.encrypt(b"y")).expect("in order");
        for kept in [one.to_bytes(), other.to_bytes()] {
            assert!(Session::from_bytes(&kept[..kept.len() - 1]).is_err());
            assert!(Session::from_bytes(&[kept.as_slice(), &[0]].concat()).is_err());
            for at in 0..kept.len() {
                for bit in 0..8 {
                    let mut damaged = kept.to_vec();
                    damaged[at] ^= 1 << bit;
                    if let Ok(mut session) = Session::from_bytes(&damaged) {
                        session.encrypt(b"still no panic");
                    }
                }
            }
        }
        assert_eq!(Session::from_bytes(&[]).map(drop), Err(RatchetError::Damaged));
        assert_eq!(Session::from_bytes(&[1; 20_000]).map(drop), Err(RatchetError::Damaged));
        assert_eq!(Session::from_bytes(&[4; 2_000]).map(drop), Err(RatchetError::Damaged));
    }

    #[test]
    fn what_is_refused_leaves_the_session_as_it_was_to_the_byte() {
        let (mut one, mut other) = pair();
        let answer = other.encrypt(b"answer");
        one.decrypt(&answer).expect("in order");
        // Now `one` has no chain of its own: a forged message with a new key would make it draw one.
        let mut stranger = pair().1;
        let forged = stranger.encrypt(b"forged");
        let before = one.to_bytes();
        assert_eq!(one.decrypt(&forged), Err(RatchetError::Forged));
        assert_eq!(one.decrypt(&answer), Err(RatchetError::AlreadyUsed));
        let mut flipped = other.encrypt(b"next");
        let last = flipped.len() - 1;
        flipped[last] ^= 1;
        assert_eq!(one.decrypt(&flipped), Err(RatchetError::Forged));
        assert_eq!(one.decrypt(&flipped[..40]), Err(RatchetError::Malformed));
        assert_eq!(*one.to_bytes(), *before);
        flipped[last] ^= 1;
        assert_eq!(one.decrypt(&flipped).expect("not used up"), b"next");
    }

    #[test]
    fn chains_are_mirrored_as_the_ratchet_keeps_them() {
        let (mut one, mut other) = pair();
        let mut keys = Vec::new();
        for _ in 0..7 {
            let message = other.encrypt(b"a");
            keys.push(peek(&message).expect("a message").ratchet_key);
            one.decrypt(&message).expect("in order");
            other.decrypt(&one.encrypt(b"b")).expect("in order");
            let read = Session::from_bytes(&one.to_bytes()).expect("just written");
            assert_eq!(read.chains, one.chains);
        }
        assert_eq!(one.next_index(&keys[1]), None, "only five chains are remembered");
        assert_eq!(one.next_index(&keys[2]), Some(1));
        assert_eq!(one.next_index(&keys[6]), Some(1));
        let unknown = X25519Secret::from_bytes(*Secret::new([4; 32]).as_bytes()).public();
        assert_eq!(one.next_index(&unknown), None);
    }
}
