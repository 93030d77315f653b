//! Any bytes as a sealed envelope, from contacts and from strangers, and as a sealed request.
#![no_main]

use crypto::key::{Secret32, X25519Secret};
use crypto::request::open_request;
use crypto::seal::{open_contact, open_stranger};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let secret = X25519Secret::from_bytes([1; 32]);
    // Lengths that are no class are refused at once; fill up so that the search goes deeper.
    for size in [bytes.len(), 256, 1_024] {
        let mut blob = bytes.to_vec();
        blob.resize(size, 0);
        assert!(open_contact(&blob, &[2; 32], &Secret32::new([3; 32]), &secret).is_err());
        let _ = open_stranger(&blob, &[2; 32], &secret);
        let _ = open_request(&secret, &blob);
    }
});
