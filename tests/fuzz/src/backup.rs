//! Any bytes as what stands inside an opened backup, cut into chunks of any length.
#![no_main]

use libfuzzer_sys::fuzz_target;
use madang_core::backup::Reader;

fuzz_target!(|bytes: &[u8]| {
    let Some((cut, rest)) = bytes.split_first() else { return };
    let mut reader = Reader::default();
    let mut records = 0;
    for chunk in rest.chunks(usize::from(*cut).max(1) * 64) {
        match reader.take(chunk) {
            Ok(found) => records += found.len(),
            Err(_) => return,
        }
    }
    if reader.finish().is_ok() {
        assert!(records * 8 <= rest.len(), "a record takes more than eight bytes");
    }
});
