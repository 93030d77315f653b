//! Requests to a relay that only it can read, and its replies that only the asker can read: `Noise_NK`, two messages.
//!
//! The asker stays without a name, the relay is known by its key. Both directions are padded to one of five sizes.

use std::fmt;

use rand_core::CryptoRng;
use snow::HandshakeState;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    key::{X25519Public, X25519Secret},
    noise::{self, Pattern, Source},
    seal::unpad,
};

/// The sizes that a sealed request or reply can have, smallest first.
pub const REQUEST_SIZES: [usize; 5] = [256, 2_048, 6_144, 20_480, 64_512];

/// The most that a request or a reply can carry.
pub const REQUEST_CAPACITY: usize = REQUEST_SIZES[REQUEST_SIZES.len() - 1] - OVERHEAD;

/// Why a request or a reply cannot be sealed or opened.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum RequestError {
    /// Longer than [`REQUEST_CAPACITY`].
    #[error("this is too long for one request; split it")]
    TooLong,
    /// Not sealed for this key, or changed on the way. It is not said which.
    #[error("this request or reply is not for this key, or was damaged; ask again")]
    Unreadable,
}

/// Seals a request to the relay that holds `relay`.
///
/// # Errors
/// [`RequestError::TooLong`] if the payload exceeds [`REQUEST_CAPACITY`].
pub fn seal_request(
    relay: &X25519Public,
    payload: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<(Vec<u8>, PendingReply), RequestError> {
    let mut state = noise::initiator(&PATTERN, relay, rng);
    let sealed = write(&mut state, payload)?;
    Ok((sealed, PendingReply(Box::new(state))))
}

/// Opens a request at the relay.
///
/// # Errors
/// [`RequestError::Unreadable`] for whatever is wrong.
pub fn open_request(
    secret: &X25519Secret,
    sealed: &[u8],
) -> Result<(Zeroizing<Vec<u8>>, ReplySealer), RequestError> {
    let source = Source::default();
    let mut state = noise::responder(&PATTERN, secret, &source);
    let payload = read(&mut state, sealed)?;
    Ok((payload, ReplySealer { state: Box::new(state), source }))
}

/// What the asker keeps until the reply comes; it opens one reply.
pub struct PendingReply(Box<HandshakeState>);

impl PendingReply {
    /// Opens the reply to the request that this belongs to.
    ///
    /// # Errors
    /// [`RequestError::Unreadable`] for whatever is wrong.
    pub fn open(mut self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, RequestError> {
        read(&mut self.0, sealed)
    }
}

impl fmt::Debug for PendingReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PendingReply")
    }
}

/// What the relay keeps while it works on a request; it seals one reply.
pub struct ReplySealer {
    state: Box<HandshakeState>,
    source: Source,
}

impl ReplySealer {
    /// Seals the reply.
    ///
    /// # Errors
    /// [`RequestError::TooLong`] if the payload exceeds [`REQUEST_CAPACITY`].
    pub fn seal(mut self, payload: &[u8], rng: &mut dyn CryptoRng) -> Result<Vec<u8>, RequestError> {
        self.source.pour(rng);
        write(&mut self.state, payload)
    }
}

impl fmt::Debug for ReplySealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplySealer")
    }
}

const PATTERN: Pattern<'static> =
    Pattern { name: "Noise_NK_25519_ChaChaPoly_SHA256", prologue: b"M1/req/1", psk: None };

/// An ephemeral key and an authentication tag, in both directions.
const NOISE_BYTES: usize = 48;
const LENGTH_BYTES: usize = 4;
const OVERHEAD: usize = NOISE_BYTES + LENGTH_BYTES;

fn write(state: &mut HandshakeState, payload: &[u8]) -> Result<Vec<u8>, RequestError> {
    let size = REQUEST_SIZES
        .into_iter()
        .find(|size| payload.len() + OVERHEAD <= *size)
        .ok_or(RequestError::TooLong)?;
    let mut plain = Zeroizing::new(vec![0u8; size - NOISE_BYTES]);
    let len = u32::try_from(payload.len()).expect("the largest size is far below 4 GiB");
    plain[..LENGTH_BYTES].copy_from_slice(&len.to_be_bytes());
    plain[LENGTH_BYTES..LENGTH_BYTES + payload.len()].copy_from_slice(payload);
    let mut sealed = vec![0u8; size];
    let written = state
        .write_message(&plain, &mut sealed)
        .expect("key and randomness are there and the size is below that of a Noise message");
    debug_assert_eq!(written, size);
    Ok(sealed)
}

fn read(state: &mut HandshakeState, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, RequestError> {
    if !REQUEST_SIZES.contains(&sealed.len()) {
        return Err(RequestError::Unreadable);
    }
    // Snow accepts an ephemeral key of small order; we do not.
    X25519Public::from_bytes(&sealed[..32]).map_err(|_| RequestError::Unreadable)?;
    let mut plain = Zeroizing::new(vec![0u8; sealed.len() - NOISE_BYTES]);
    state.read_message(sealed, &mut plain).map_err(|_| RequestError::Unreadable)?;
    unpad(plain).ok_or(RequestError::Unreadable)
}
