//! All key material of Madang: identities, handshake, ratchet, seals, slots and the vault.
//!
//! Time and randomness are arguments: every function that draws takes `rng`. The one exception is the ratchet,
//! whose library asks the operating system for new ratchet keys itself.
//!
//! # Two people begin a conversation
//!
//! ```
//! use crypto::{Class, handshake, identity::Identity, invite::InviteSecret, prekey::{BundleKind, BundleSecret}};
//! use crypto::{ratchet, seal, slot::Chain};
//! # use rand_core::SeedableRng;
//! # let rng = &mut rand_chacha::ChaCha20Rng::from_seed([1; 32]);
//!
//! // Bora writes an invite: a secret, and a bundle that waits for whoever holds it.
//! let bora = Identity::create(rng);
//! let invite = InviteSecret::random(rng);
//! let (bundle_secret, bundle) = BundleSecret::generate(BundleKind::Invite, 1, &bora, 30, rng);
//!
//! // Ari holds the invite and has fetched Bora's certificate and bundle. Ari begins, and seals the first message
//! // into an answer slot of the invite.
//! let ari = Identity::create(rng);
//! let psk = handshake::Psk::Invite(invite.psk());
//! let peer = handshake::PeerKeys { cert: bora.cert(), bundle: &bundle };
//! let (init, of_ari, mut session_of_ari) = handshake::initiate(&ari, peer, &psk, b"", rng)?;
//! let first = session_of_ari.encrypt(b"the bridge is open");
//! let inner = [init.encode(), first.clone()].concat();
//! let slot = invite.answer_slot(0);
//! let blob = seal::seal_contact(Class::C1, &slot.tag(), slot.psk(), &bundle.seal(), &inner, rng)?;
//! assert_eq!(blob.len(), 4_096);
//!
//! // Bora opens it. The session comes together with what was said first.
//! let inner = seal::open_contact(&blob, &slot.tag(), slot.psk(), bundle_secret.seal())?;
//! let (init, first) = inner.split_at(init.encode().len());
//! let (of_bora, mut session_of_bora, said) = handshake::respond(
//!     &bora, &bundle_secret, ari.cert(),
//!     &handshake::Init::parse(init)?, &ratchet::Message::parse(first)?, &psk, b"",
//! )?;
//! assert_eq!(said, b"the bridge is open");
//! assert_eq!(of_ari.sid, of_bora.sid);
//!
//! // From now on each direction has a drop of its own, with one slot for each envelope.
//! let answer = session_of_bora.encrypt(b"I am coming");
//! assert_eq!(session_of_ari.decrypt(&answer)?, b"I am coming");
//! assert_eq!(Chain::new(&of_bora.drop_send).next(), Chain::new(&of_ari.drop_recv).next());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which part does what
//!
//! [`key`] and [`hash`](mod@hash) are the bricks. [`identity`] says who someone is, [`prekey`] is what they leave behind,
//! [`handshake`] makes a session of it, [`ratchet`] carries messages, [`seal`] closes envelopes, [`slot`] names the
//! places where they lie, [`invite`] is how strangers meet, [`renewal`] how those who have met begin anew, [`safety`] how
//! people make sure. [`request`] speaks to relays.
//! [`vault`] and [`tree`] keep everything on disk, [`backup`] carries it to another machine.
//!
//! No outside cryptographer has reviewed this crate. `docs/protocol/` describes it to the byte, `tests/vectors/` pins it.

#![deny(missing_docs)]
#![forbid(unsafe_code)]

pub mod backup;
pub mod handshake;
pub mod hash;
pub mod identity;
pub mod invite;
pub mod key;
pub mod prekey;
pub mod ratchet;
pub mod renewal;
pub mod request;
pub mod safety;
pub mod seal;
pub mod slot;
pub mod tree;
pub mod vault;

mod aead;
mod cbor;
mod kem;
mod noise;

pub use hash::{Hash32, derive, hash, mac};
pub use key::{KeyError, Secret, Secret32, SignPublic, SignSecret, Signature, X25519Public, X25519Secret};
pub use rand_core::CryptoRng;
pub use seal::Class;

#[cfg(test)]
mod official;
