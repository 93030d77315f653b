//! Any bytes as a prekey bundle, an offer, and their kept secrets.
#![no_main]

use std::sync::OnceLock;

use crypto::identity::Identity;
use crypto::prekey::{Bundle, BundleSecret, Offer, OfferSecret};
use libfuzzer_sys::fuzz_target;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

static OWNER: OnceLock<Identity> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    let owner = OWNER.get_or_init(|| Identity::create(&mut ChaCha20Rng::seed_from_u64(1)));
    if let Ok(bundle) = Bundle::parse(bytes, owner.cert()) {
        assert_eq!(bundle.bytes(), bytes);
    }
    if let Ok(offer) = Offer::parse(bytes) {
        assert_eq!(offer.bytes(), bytes);
    }
    let _ = BundleSecret::from_bytes(bytes);
    let _ = OfferSecret::from_bytes(bytes);
});
