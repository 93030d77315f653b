//! Any bytes as a device certificate, a device list, and a kept identity.
#![no_main]

use crypto::identity::{DeviceCert, DeviceList, Identity};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(cert) = DeviceCert::parse(bytes) {
        assert_eq!(cert.bytes(), bytes);
    }
    if let Ok(list) = DeviceList::parse(bytes) {
        assert_eq!(list.bytes(), bytes);
    }
    let _ = Identity::from_bytes(bytes);
});
