//! Any bytes as a ratchet message, to be read and to be decrypted, and as a kept session.
#![no_main]

use std::sync::OnceLock;

use crypto::handshake::{PeerKeys, Psk, initiate};
use crypto::identity::Identity;
use crypto::prekey::{BundleKind, BundleSecret};
use crypto::ratchet::{Message, Session, peek};
use libfuzzer_sys::fuzz_target;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

static KEPT: OnceLock<Vec<u8>> = OnceLock::new();

fn session() -> Session {
    let kept = KEPT.get_or_init(|| {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (ari, bora) = (Identity::create(&mut rng), Identity::create(&mut rng));
        let (_, bundle) = BundleSecret::generate(BundleKind::Invite, 1, &bora, 30, &mut rng);
        let peer = PeerKeys { cert: bora.cert(), bundle: &bundle };
        let (_, _, session) = initiate(&ari, peer, &Psk::None, b"", &mut rng).expect("sound keys");
        session.to_bytes().to_vec()
    });
    Session::from_bytes(kept).expect("what it wrote, it reads")
}

fuzz_target!(|bytes: &[u8]| {
    let _ = peek(bytes);
    let _ = Message::parse(bytes);
    let mut session = session();
    let before = session.to_bytes();
    if session.decrypt(bytes).is_err() {
        assert_eq!(*session.to_bytes(), *before, "an error leaves no trace");
    }
    let _ = Session::from_bytes(bytes);
});
