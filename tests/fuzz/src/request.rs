//! Any bytes as what a relay is asked.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::mailbox::request::Request;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = Request::decode(bytes) {
        assert_eq!(request.encode(), bytes);
    }
});
