//! Any bytes and any text as an invite.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::invite::Invite;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(invite) = Invite::decode(bytes) {
        assert_eq!(invite.encode(), bytes);
        assert_eq!(Invite::parse(&invite.to_text()), Ok(invite));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Invite::parse(text);
        let _ = Invite::parse(&format!("madang:{text}"));
    }
});
