//! Any bytes as the first message of a handshake.
#![no_main]

use crypto::handshake::Init;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(init) = Init::parse(bytes) {
        assert_eq!(init.encode(), bytes);
    }
});
