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
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use crate::key::{X25519Public, X25519Secret};

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
pub(crate) fn initiator(pattern: &Pattern<'_>, to: &X25519Public, rng: &mut dyn CryptoRng) -> HandshakeState {
    builder(pattern, Resolver { source: Source::poured(rng), public: None })
        .remote_public_key(to.as_bytes())
        .and_then(Builder::build_initiator)
        .expect("pattern, prologue, psk and key are complete")
}

/// Builds the side that is spoken to; `source` is needed only if it will answer.
pub(crate) fn responder(pattern: &Pattern<'_>, secret: &X25519Secret, source: &Source) -> HandshakeState {
    let resolver = Resolver { source: source.clone(), public: Some(secret.public()) };
    let secret = secret.to_bytes();
    builder(pattern, resolver)
        .local_private_key(secret.as_bytes())
        .and_then(Builder::build_responder)
        .expect("pattern, prologue, psk and key are complete")
}

fn builder<'a>(pattern: &Pattern<'a>, resolver: Resolver) -> Builder<'a> {
    let params = pattern.name.parse().expect("the pattern's name is a constant");
    let builder = Builder::with_resolver(params, Box::new(resolver))
        .prologue(pattern.prologue)
        .expect("the prologue is set once");
    match pattern.psk {
        Some(psk) => builder.psk(0, psk).expect("the psk is set once"),
        None => builder,
    }
}

/// Snow's own hash and cipher, with our randomness and a curve that wipes its secrets.
struct Resolver {
    source: Source,
    /// The public half of the static key, where it is known.
    public: Option<X25519Public>,
}

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(self.source.clone()))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        let curve = Curve { secret: Zeroizing::new([0; 32]), public: [0; 32], known: self.public };
        matches!(choice, DHChoice::Curve25519).then(|| Box::new(curve) as Box<dyn Dh>)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}

/// X25519 as snow wants it. The public half of a static key is not worked out anew for each message: that would
/// be a quarter of what opening one costs.
struct Curve {
    secret: Zeroizing<[u8; 32]>,
    public: [u8; 32],
    known: Option<X25519Public>,
}

impl Curve {
    fn secret(&self) -> StaticSecret {
        StaticSecret::from(*self.secret)
    }
}

impl Dh for Curve {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    /// Snow sets static keys only.
    fn set(&mut self, privkey: &[u8]) {
        self.secret.copy_from_slice(privkey);
        self.public = match self.known {
            Some(known) => *known.as_bytes(),
            None => PublicKey::from(&self.secret()).to_bytes(),
        };
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), snow::Error> {
        rng.try_fill_bytes(self.secret.as_mut_slice())?;
        self.public = PublicKey::from(&self.secret()).to_bytes();
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        self.secret.as_slice()
    }

    fn dh(&self, pubkey: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        let public: [u8; 32] = pubkey.get(..32).and_then(|p| p.try_into().ok()).ok_or(snow::Error::Dh)?;
        let shared = self.secret().diffie_hellman(&PublicKey::from(public));
        out.get_mut(..32).ok_or(snow::Error::Dh)?.copy_from_slice(shared.as_bytes());
        Ok(())
    }
}

impl Random for Source {
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), snow::Error> {
        let mut source = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        source.as_mut().ok_or(snow::Error::Rng)?.fill_bytes(dest);
        Ok(())
    }
}
