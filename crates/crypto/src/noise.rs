//! The Noise messages behind envelopes and requests, with randomness given from outside.

use std::sync::{Arc, Mutex, PoisonError};

use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, Rng, SeedableRng};
use snow::{
    Builder, HandshakeState,
    params::{CipherChoice, DHChoice, HashChoice},
    resolvers::{CryptoResolver, DefaultResolver},
    types::{Cipher, Dh, Hash, Random},
};
use zeroize::Zeroizing;

/// What a one-message pattern needs beside its name.
pub(crate) struct Pattern<'a> {
    pub(crate) name: &'static str,
    pub(crate) prologue: &'a [u8],
    pub(crate) psk: Option<&'a [u8; 32]>,
}

/// Randomness for one handshake, poured in when it is known; before that nothing can be drawn.
#[derive(Clone, Default)]
pub(crate) struct Source(Arc<Mutex<Option<ChaCha20Rng>>>);

impl Source {
    pub(crate) fn pour(&self, rng: &mut dyn CryptoRng) {
        let mut seed = Zeroizing::new([0u8; 32]);
        rng.fill_bytes(seed.as_mut_slice());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(ChaCha20Rng::from_seed(*seed));
    }

    fn poured(rng: &mut dyn CryptoRng) -> Self {
        let source = Self::default();
        source.pour(rng);
        source
    }
}

/// Builds the side that speaks first, towards a key that has been checked.
pub(crate) fn initiator(
    pattern: &Pattern<'_>,
    to: &crate::key::X25519Public,
    rng: &mut dyn CryptoRng,
) -> HandshakeState {
    builder(pattern, &Source::poured(rng))
        .remote_public_key(to.as_bytes())
        .and_then(Builder::build_initiator)
        .expect("pattern, prologue, psk and key are complete")
}

/// Builds the side that is spoken to; `source` is needed only if it will answer.
pub(crate) fn responder(
    pattern: &Pattern<'_>,
    secret: &crate::key::X25519Secret,
    source: &Source,
) -> HandshakeState {
    let secret = secret.to_bytes();
    builder(pattern, source)
        .local_private_key(secret.as_bytes())
        .and_then(Builder::build_responder)
        .expect("pattern, prologue, psk and key are complete")
}

fn builder<'a>(pattern: &Pattern<'a>, source: &Source) -> Builder<'a> {
    let params = pattern.name.parse().expect("the pattern's name is a constant");
    let builder = Builder::with_resolver(params, Box::new(Resolver(source.clone())))
        .prologue(pattern.prologue)
        .expect("the prologue is set once");
    match pattern.psk {
        Some(psk) => builder.psk(0, psk).expect("the psk is set once"),
        None => builder,
    }
}

/// Snow's own primitives, with our randomness.
struct Resolver(Source);

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(self.0.clone()))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        DefaultResolver.resolve_dh(choice)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}

impl Random for Source {
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), snow::Error> {
        let mut source = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        source.as_mut().ok_or(snow::Error::Rng)?.fill_bytes(dest);
        Ok(())
    }
}
