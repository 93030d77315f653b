//! ML-KEM-768 behind the little that the handshake needs of it; the library is named nowhere else.

use libcrux_ml_kem::mlkem768::{self, MlKem768Ciphertext, MlKem768PrivateKey, MlKem768PublicKey};
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use crate::key::{KIND_ML_KEM, KeyError, Secret, Secret32, untyped};

/// Length of a ciphertext.
pub(crate) const CIPHERTEXT_BYTES: usize = 1_088;

/// Length of a public key in its typed form.
pub(crate) const TYPED_BYTES: usize = 1 + PUBLIC_BYTES;

const PUBLIC_BYTES: usize = 1_184;

/// The 64 random bytes (FIPS 203: d and z) that a key pair is made of again whenever it is needed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct KemSecret(Secret<64>);

impl KemSecret {
    pub(crate) fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self(Secret::random(rng))
    }

    pub(crate) const fn from_seed(seed: Secret<64>) -> Self {
        Self(seed)
    }

    pub(crate) const fn seed(&self) -> &Secret<64> {
        &self.0
    }

    pub(crate) fn public(&self) -> KemPublic {
        KemPublic(Box::new(*self.pair().public.as_slice()))
    }

    /// Gives the shared secret; of a ciphertext that was tampered with, another one (implicit rejection).
    pub(crate) fn decapsulate(&self, ciphertext: &[u8; CIPHERTEXT_BYTES]) -> Secret32 {
        let pair = self.pair();
        let mut shared = mlkem768::decapsulate(&pair.secret, &MlKem768Ciphertext::from(ciphertext));
        let secret = Secret::new(shared);
        shared.zeroize();
        secret
    }

    fn pair(&self) -> Pair {
        let (secret, public) = mlkem768::generate_key_pair(*self.0.as_bytes()).into_parts();
        Pair { secret, public }
    }
}

/// Both halves as the library holds them; it does not wipe, so we do.
struct Pair {
    secret: MlKem768PrivateKey,
    public: MlKem768PublicKey,
}

impl Drop for Pair {
    fn drop(&mut self) {
        let end = self.secret.as_slice().len();
        self.secret[0..end].zeroize();
    }
}

/// A public key, checked when it entered: every coefficient is below the modulus.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct KemPublic(Box<[u8; PUBLIC_BYTES]>);

impl KemPublic {
    pub(crate) fn from_typed(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes: &[u8; PUBLIC_BYTES] =
            untyped(KIND_ML_KEM, bytes)?.try_into().map_err(|_| KeyError::Length)?;
        if !mlkem768::validate_public_key(&MlKem768PublicKey::from(bytes)) {
            return Err(KeyError::NotCanonical);
        }
        Ok(Self(Box::new(*bytes)))
    }

    pub(crate) fn typed(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(TYPED_BYTES);
        bytes.push(KIND_ML_KEM);
        bytes.extend_from_slice(self.0.as_slice());
        bytes
    }

    pub(crate) fn encapsulate(&self, rng: &mut dyn CryptoRng) -> (Box<[u8; CIPHERTEXT_BYTES]>, Secret32) {
        let mut randomness = Zeroizing::new([0u8; 32]);
        rng.fill_bytes(randomness.as_mut_slice());
        let (ciphertext, mut shared) = mlkem768::encapsulate(&MlKem768PublicKey::from(&*self.0), *randomness);
        let secret = Secret::new(shared);
        shared.zeroize();
        (Box::new(ciphertext.into()), secret)
    }
}

#[cfg(test)]
mod tests {
    use ml_kem::{
        MlKem768,
        kem::{Decapsulate, FromSeed, KeyExport},
    };
    use rand_chacha::ChaCha20Rng;
    use rand_core::{Rng, SeedableRng};

    use super::*;

    #[test]
    fn two_independent_libraries_agree_on_keys_ciphertexts_and_rejections() {
        let mut rng = ChaCha20Rng::from_seed([77; 32]);
        for key in 0..1_000 {
            let ours = KemSecret::generate(&mut rng);
            let public = ours.public();
            let (their_secret, their_public) = MlKem768::from_seed(&(*ours.seed().as_bytes()).into());
            assert_eq!(their_public.to_bytes().as_slice(), public.0.as_slice(), "key {key}");
            for case in 0..10 {
                let (mut ciphertext, shared) = public.encapsulate(&mut rng);
                // Every other one is tampered with: then both give the same other secret (implicit rejection).
                if case % 2 == 1 {
                    let bit = rng.next_u32() as usize % (8 * CIPHERTEXT_BYTES);
                    ciphertext[bit / 8] ^= 1 << (bit % 8);
                }
                let opened = ours.decapsulate(&ciphertext);
                let theirs = their_secret.decapsulate(&(*ciphertext).into());
                assert_eq!(theirs.as_slice(), opened.as_bytes(), "key {key}, case {case}");
                assert_eq!(opened == shared, case % 2 == 0, "key {key}, case {case}");
            }
        }
    }

    #[test]
    fn a_coefficient_beyond_the_modulus_is_refused() {
        let secret = KemSecret::generate(&mut ChaCha20Rng::from_seed([1; 32]));
        let mut typed = secret.public().typed();
        assert!(KemPublic::from_typed(&typed).is_ok());
        // The first two coefficients become 3 329, the modulus, which is zero written in a second way.
        typed[1..4].copy_from_slice(&[0x01, 0x1d, 0xd0]);
        assert_eq!(KemPublic::from_typed(&typed), Err(KeyError::NotCanonical));
        assert_eq!(KemPublic::from_typed(&typed[..1_184]), Err(KeyError::Length));
        typed[0] = 1;
        assert_eq!(KemPublic::from_typed(&typed), Err(KeyError::Kind));
    }
}
