//! Any bytes as a frame: what is accepted has this one encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::frame::Frame;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(frame) = Frame::decode(bytes) {
        assert_eq!(frame.encode(), bytes);
    }
});
