//! Any bytes and any text as a relay's descriptor.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::descriptor::RelayDescriptor;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(descriptor) = RelayDescriptor::parse(bytes) {
        assert_eq!(descriptor.bytes(), bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = RelayDescriptor::parse_text(text);
        let _ = RelayDescriptor::parse_text(&format!("madang-relay:{text}"));
    }
});
