//! Any bytes as what a relay answers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::mailbox::request::Reply;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(reply) = Reply::decode(bytes) {
        assert_eq!(reply.encode(), bytes);
    }
});
