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

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    /// The cacophony vectors of our three patterns, a set that Noise libraries share. All have these keys.
    const PROLOGUE: &[u8] = b"John Galt";
    const PSK: &[u8; 32] = b"This is my Austrian perspective!";
    const EPHEMERAL: &str = "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a";
    const THEIRS: &str = "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b";
    const STATIC: &str = "4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893";
    const SAID: &[u8] = b"Ludwig von Mises";
    const ANSWERED: &[u8] = b"Murray Rothbard";

    struct Published {
        name: &'static str,
        psk: Option<&'static [u8; 32]>,
        message: &'static str,
        reply: Option<&'static str>,
        hash: &'static str,
    }

    const VECTORS: [Published; 3] = [
        Published {
            name: "Noise_N_25519_ChaChaPoly_SHA256",
            psk: None,
            message: "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944\
                      30db5925e72ccdb0333fb13bd1f920cc34627b8fe30f81383a15d67a9ba306ca",
            reply: None,
            hash: "6497ab83a10e5d03b42e6f770738f62f91584b0b589380fddff642b141af56b6",
        },
        Published {
            name: "Noise_Npsk0_25519_ChaChaPoly_SHA256",
            psk: Some(PSK),
            message: "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944\
                      ecdeee2b0f760b7dabd274df50ce1eec70bf1c286eb266cd7b2851ee15836c25",
            reply: None,
            hash: "ee775949deda7ae61c3bd3b400b71eb303cf74c532321d5931c565c58de24f09",
        },
        Published {
            name: "Noise_NK_25519_ChaChaPoly_SHA256",
            psk: None,
            message: "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944\
                      8134d00711fdb390a0d178fa008f6d47d2891e5ea18ae136c3b4c23ac384efb0",
            reply: Some(
                "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843\
                 8ea16e3701bc0d77744f117bee22451c9afa7f4cdbbcff00c04a8ee0913c88",
            ),
            hash: "2efa38a9c7c93ac98f3a097af25c2f58b9e7673787717bc27e98827118c2c1a5",
        },
    ];

    fn unhex(text: &str) -> Vec<u8> {
        HEXLOWER.decode(text.as_bytes()).expect("hexadecimal digits")
    }

    fn write(state: &mut HandshakeState, payload: &[u8]) -> Vec<u8> {
        let mut sealed = vec![0; payload.len() + 48];
        let written = state.write_message(payload, &mut sealed).expect("it has room");
        sealed.truncate(written);
        sealed
    }

    fn read(state: &mut HandshakeState, sealed: &[u8]) -> Vec<u8> {
        let mut payload = vec![0; sealed.len()];
        let len = state.read_message(sealed, &mut payload).expect("it is genuine");
        payload.truncate(len);
        payload
    }

    #[test]
    fn the_published_vectors_of_our_three_patterns_hold_on_our_curve() {
        for Published { name, psk, message, reply, hash } in VECTORS {
            let pattern = Pattern { name, prologue: PROLOGUE, psk };
            let secret = X25519Secret::from_bytes(unhex(STATIC).try_into().expect("32 bytes"));
            let resolver = |public| Resolver { source: Source::default(), public };
            let mut asks = builder(&pattern, resolver(None))
                .remote_public_key(secret.public().as_bytes())
                .expect("a key")
                .fixed_ephemeral_key_for_testing_only(&unhex(EPHEMERAL))
                .build_initiator()
                .expect("complete");
            // A fixed ephemeral key is set like a static one, which is otherwise the only key that is set.
            let known = reply.is_none().then(|| secret.public());
            let mut hears = builder(&pattern, resolver(known))
                .local_private_key(secret.to_bytes().as_bytes())
                .expect("a key")
                .fixed_ephemeral_key_for_testing_only(&unhex(THEIRS))
                .build_responder()
                .expect("complete");
            assert_eq!(write(&mut asks, SAID), unhex(message), "{name}");
            assert_eq!(read(&mut hears, &unhex(message)), SAID, "{name}");
            if let Some(reply) = reply {
                assert_eq!(write(&mut hears, ANSWERED), unhex(reply), "{name}");
                assert_eq!(read(&mut asks, &unhex(reply)), ANSWERED, "{name}");
            }
            for state in [&asks, &hears] {
                assert_eq!(state.get_handshake_hash(), unhex(hash), "{name}");
            }
        }
    }
}
