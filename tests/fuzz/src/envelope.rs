//! Any bytes as an envelope.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::envelope::Envelope;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(envelope) = Envelope::decode(bytes) {
        assert_eq!(envelope.encode(), bytes);
        let _ = envelope.verify();
    }
});
