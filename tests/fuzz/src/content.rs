//! Any bytes as what stands inside an opened envelope: an item, a message, a segment of a stream.
#![no_main]

use libfuzzer_sys::fuzz_target;
use madang_core::content::{Content, Item};
use madang_core::stream::Segment;

fuzz_target!(|bytes: &[u8]| {
    let _ = Item::decode(bytes);
    let _ = Content::decode(bytes);
    let _ = Segment::decode(bytes);
});
