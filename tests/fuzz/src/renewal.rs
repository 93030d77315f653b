//! Any bytes as what begins a later generation: a rekey, a repair.
#![no_main]

use crypto::renewal::{Rekey, Repair};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(rekey) = Rekey::parse(bytes) {
        assert_eq!(rekey.encode(), bytes);
    }
    if let Ok(repair) = Repair::parse(bytes) {
        assert_eq!(repair.encode(), bytes);
    }
});
