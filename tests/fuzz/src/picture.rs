//! Any bytes as a file that a person opens to add a contact: text, PNG or JPEG with a QR code in it, or none of these.
//!
//! The file is included as it stands: its crate brings the whole window, which is not searched here. Pictures of more
//! than a million pixels are left out: they only cost time.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "only what reads bytes is searched")]
#[path = "../../../app/src/desktop/picture.rs"]
mod picture;

const HEADS: [&str; 2] = ["madang:", "madang-relay:"];

fuzz_target!(|bytes: &[u8]| {
    // A zero, a width and grey pixels: a picture from the clipboard, so that the search reaches the codes themselves.
    let said = match bytes {
        [0, width @ 1..=255, pixels @ ..] => {
            let width = usize::from(*width);
            picture::read_pixels(width, pixels.len() / width, |at| [pixels[at]; 3], &HEADS)
        }
        _ if is_large(bytes) => return,
        _ => picture::read_bytes(bytes, &HEADS),
    };
    if let Ok(said) = said {
        let said = said.to_ascii_lowercase();
        assert!(HEADS.iter().any(|head| said.starts_with(head)), "it says nothing of ours: {said}");
    }
});

fn is_large(bytes: &[u8]) -> bool {
    let sized = image::ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let size = sized.ok().and_then(|reader| reader.into_dimensions().ok());
    size.is_some_and(|(width, height)| u64::from(width) * u64::from(height) > 1_000_000)
}
