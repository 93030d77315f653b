//! What an invite's secret stands for: a seal for the bundle, slots for the answers, a psk for the handshake.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    hash::{derive, derive_bytes},
    key::{KeyError, Secret, Secret32, X25519Secret},
    slot::Slot,
};

/// Slots in which holders of one invite can answer.
pub const ANSWER_SLOTS: u32 = 16;

/// The 32 secret bytes of an invite. Whoever holds them can answer it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InviteSecret(Secret32);

impl InviteSecret {
    /// Draws a fresh secret.
    pub fn random(rng: &mut dyn CryptoRng) -> Self {
        Self(Secret::random(rng))
    }

    /// Takes the secret out of an invite.
    ///
    /// # Errors
    /// [`KeyError::Length`] for anything but 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        Secret::from_slice(bytes).map(Self)
    }

    /// The 32 bytes that stand in the invite.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// What both sides put into the handshake, as [`Psk::Invite`](crate::handshake::Psk::Invite).
    pub fn psk(&self) -> Secret32 {
        derive("M1/inv/psk/1", &self.0, &[])
    }

    /// The key that the inviter's bundle is sealed to, with [`seal_stranger`](crate::seal::seal_stranger).
    pub fn seal_key(&self) -> X25519Secret {
        X25519Secret::from_bytes(*derive("M1/inv/seal/1", &self.0, &[]).as_bytes())
    }

    /// The answer slot with this number, below [`ANSWER_SLOTS`]. What is put there is never deleted.
    ///
    /// # Panics
    /// If `number` is [`ANSWER_SLOTS`] or more.
    pub fn answer_slot(&self, number: u32) -> Slot {
        assert!(number < ANSWER_SLOTS, "an invite has {ANSWER_SLOTS} answer slots");
        let bytes: Zeroizing<[u8; 64]> =
            derive_bytes("M1/inv/answer/1", self.0.as_bytes(), &[&number.to_be_bytes()]);
        let secret = |at: usize| Secret::from_slice(&bytes[at..at + 32]).expect("64 bytes are two times 32");
        Slot::new(number, secret(0), secret(32))
    }

    /// The secret by which both sides know each other on a direct link before there is a session.
    pub fn link(&self) -> Secret32 {
        derive("M1/inv/link/1", &self.0, &[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_use_of_an_invite_has_its_own_secret() {
        let invite = InviteSecret::from_bytes(&[8; 32]).expect("32 bytes");
        let mut seen = std::collections::BTreeSet::new();
        seen.insert(*invite.psk().as_bytes());
        seen.insert(*invite.seal_key().to_bytes().as_bytes());
        seen.insert(*invite.link().as_bytes());
        for number in 0..ANSWER_SLOTS {
            let slot = invite.answer_slot(number);
            assert_eq!(slot.number(), number);
            seen.insert(slot.tag());
            seen.insert(*slot.psk().as_bytes());
        }
        assert_eq!(seen.len(), 3 + 2 * 16);
        assert_eq!(InviteSecret::from_bytes(&[8; 31]), Err(KeyError::Length));
    }
}
