//! Any bytes as the body of a commit in a profile's log: records, or nothing. What is read is what was written.
//!
//! Blocks and bodies are sealed, so such bytes come from a holder of the keys or from a flaw; they must end in words
//! all the same. The codec is included as it stands: its crate brings a database, which is not searched here.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "only what reads records is searched")]
#[path = "../../../crates/store/src/bytes.rs"]
mod bytes;
#[allow(dead_code, reason = "only what reads records is searched")]
#[path = "../../../crates/store/src/record.rs"]
mod record;

fuzz_target!(|body: &[u8]| {
    let mut whole = 0;
    for found in record::records(body) {
        let Some((range, read)) = found else { break };
        assert_eq!(range.start, whole, "records stand one behind the other");
        whole = range.end;
        let mut again = Vec::new();
        read.write(&mut again);
        assert_eq!(record::single(&again), Some(read), "what is written is read as the same");
    }
    assert!(whole <= body.len());
    let _ = record::single(body);
});
