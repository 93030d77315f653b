//! Any bytes as a key file. Nothing in it is opened: that costs a derivation.
#![no_main]

use crypto::vault::KeyFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut whole = bytes.to_vec();
    let _ = KeyFile::parse(&whole);
    whole.resize(64 * 1024, 0);
    let _ = KeyFile::parse(&whole);
});
