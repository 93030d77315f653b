//! What an attacker tries against keys, identities, bundles, handshake, ratchet, envelopes and vault, each under its name.

mod common;
mod envelope;
mod handshake;
mod identity;
mod keys;
mod prekeys;
mod printing;
mod ratchet;
mod renewal;
mod request;
mod vault;
