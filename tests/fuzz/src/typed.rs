//! Any text as an address that a person typed: what is taken can be written out and read again, and is never a name.
//!
//! The file is included as it stands: its crate brings the transports, which are not searched here.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::id::{Address, PeerName};

#[allow(dead_code, reason = "only what reads typed text is searched")]
#[path = "../../../crates/net/src/address.rs"]
mod address;

/// Stands for the crate's own type of this name.
#[derive(Clone, Debug)]
pub struct Target {
    /// Who must answer.
    pub peer: Option<PeerName>,
    /// Where.
    pub addresses: Vec<Address>,
}

fuzz_target!(|text: &str| match address::parse_typed(text) {
    Ok(target) => {
        assert!((1..=2).contains(&target.addresses.len()));
        for one in &target.addresses {
            let again = address::parse_typed(one.as_str()).expect("what was taken is an address");
            assert_eq!(again.addresses, std::slice::from_ref(one));
            assert!(address::to_multiaddr(one).is_some(), "it can be dialled: {one:?}");
        }
    }
    Err(error) => assert!(!error.to_string().is_empty()),
});
