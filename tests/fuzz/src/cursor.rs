//! Any bytes as a kept cursor.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::mailbox::client::Cursor;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(cursor) = Cursor::decode(bytes) {
        assert_eq!(Cursor::decode(&cursor.encode()), Ok(cursor));
    }
});
