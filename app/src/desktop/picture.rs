//! What a file, a picture or a screenshot says: an invite, a relay or a safety number, as text or as a QR code.
//! Everything is bounded before it is decoded.

use std::{
    io::{Cursor, Read},
    path::Path,
};

use image::{ImageFormat, ImageReader};

/// Largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 24 * 1024 * 1024;
/// Largest text file, in bytes: an invite has some hundreds.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Most pixels of a picture: the photo of a good camera, two large screens side by side.
const PIXELS_MAX: usize = 50_000_000;
/// Widest and tallest picture, in pixels.
const SIDE_MAX: u32 = 16_384;
/// Memory that decoding may take, in bytes.
const DECODE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// A side that is large enough for any code of ours; larger pictures are looked at in this size too.
const SIDE_ENOUGH: usize = 1_400;
/// Codes in one picture that are looked at.
const CODES_MAX: usize = 16;

/// Why nothing was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// The file cannot be read, or is none.
    Unreadable,
    /// Larger than anything that is decoded.
    TooLarge,
    /// Neither text nor a picture of a known kind.
    Unknown,
    /// A picture, or text, that says nothing of the kind.
    Nothing,
}

/// Grey pixels, row after row.
struct Grey {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

/// Reads a file and returns the first text in it that begins with one of `heads`.
///
/// # Errors
/// [`Fault`].
pub(crate) fn read_file(path: &Path, heads: &[&str]) -> Result<String, Fault> {
    let about = std::fs::metadata(path).map_err(|_| Fault::Unreadable)?;
    if !about.is_file() {
        return Err(Fault::Unreadable);
    }
    if about.len() > FILE_BYTES_MAX {
        return Err(Fault::TooLarge);
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|_| Fault::Unreadable)?;
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(|_| Fault::Unreadable)?;
    read_bytes(&bytes, heads)
}

/// The same for bytes that are here already.
///
/// # Errors
/// [`Fault`].
pub(crate) fn read_bytes(bytes: &[u8], heads: &[&str]) -> Result<String, Fault> {
    match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg)) => find(&decode(bytes, format)?, heads),
        _ => {
            let text = bytes.get(..bytes.len().min(TEXT_BYTES_MAX)).unwrap_or_default();
            read_text(std::str::from_utf8(text).map_err(|_| Fault::Unknown)?, heads)
        }
    }
}

/// The same for text, of which the beginning is read.
///
/// # Errors
/// [`Fault::Nothing`].
pub(crate) fn read_text(text: &str, heads: &[&str]) -> Result<String, Fault> {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    pick(&text[..end], heads).ok_or(Fault::Nothing)
}

/// Looks at a picture from the clipboard: `rgb` gives the pixel of an index.
///
/// # Errors
/// [`Fault`].
pub(crate) fn read_pixels(
    width: usize,
    height: usize,
    rgb: impl Fn(usize) -> [u8; 3],
    heads: &[&str],
) -> Result<String, Fault> {
    let count = width.checked_mul(height).filter(|count| *count <= PIXELS_MAX).ok_or(Fault::TooLarge)?;
    let grey =
        |[r, g, b]: [u8; 3]| ((u32::from(r) * 299 + u32::from(g) * 587 + u32::from(b) * 114) / 1000) as u8;
    find(&Grey { width, height, pixels: (0..count).map(|at| grey(rgb(at))).collect() }, heads)
}

fn decode(bytes: &[u8], format: ImageFormat) -> Result<Grey, Fault> {
    let sized = ImageReader::with_format(Cursor::new(bytes), format);
    let (width, height) = sized.into_dimensions().map_err(|_| Fault::Unknown)?;
    if width > SIDE_MAX || height > SIDE_MAX || width as usize * height as usize > PIXELS_MAX {
        return Err(Fault::TooLarge);
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(DECODE_BYTES_MAX);
    reader.limits(limits);
    let grey = reader.decode().map_err(|_| Fault::Unknown)?.into_luma8();
    Ok(Grey { width: grey.width() as usize, height: grey.height() as usize, pixels: grey.into_raw() })
}

/// Looks for codes in the picture as it is and, where it is large, in a smaller one, in which noise is less.
fn find(grey: &Grey, heads: &[&str]) -> Result<String, Fault> {
    let step = grey.width.max(grey.height).div_ceil(SIDE_ENOUGH).max(1);
    let steps = if step > 1 { [step, 1] } else { [1, 1] };
    for step in steps.into_iter().take(if step > 1 { 2 } else { 1 }) {
        let (width, height) = (grey.width / step, grey.height / step);
        if width == 0 || height == 0 {
            continue;
        }
        let area = (step * step) as u32;
        let at = |x: usize, y: usize| {
            let rows = (0..step).map(|dy| (y * step + dy) * grey.width + x * step);
            let sum: u32 =
                rows.flat_map(|row| &grey.pixels[row..row + step]).map(|pixel| u32::from(*pixel)).sum();
            (sum / area) as u8
        };
        let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, height, at);
        for code in picture.detect_grids().into_iter().take(CODES_MAX) {
            if let Some(said) = code.decode().ok().and_then(|(_, said)| pick(&said, heads)) {
                return Ok(said);
            }
        }
    }
    Err(Fault::Nothing)
}

/// The first word of a text that begins with one of `heads`, whatever its capitals.
fn pick(text: &str, heads: &[&str]) -> Option<String> {
    let begins = |word: &&str| {
        heads.iter().any(|head| word.get(..head.len()).is_some_and(|w| w.eq_ignore_ascii_case(head)))
    };
    text.split_whitespace().find(begins).map(str::to_owned)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const HEADS: &[&str] = &["madang:"];

    fn invite() -> String {
        format!("MADANG:{}", "AEAQ4MZRGU3DSOBQ".repeat(24))
    }

    /// A picture of `text` on a larger sheet, as in a screenshot.
    pub(crate) fn screenshot(text: &str, module: usize, margin: usize) -> image::GrayImage {
        let code = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::L).expect("fits");
        let (width, dark) = (code.width(), code.into_colors());
        let side = u32::try_from((width + 8) * module + 2 * margin).expect("small");
        image::GrayImage::from_fn(side, side, |x, y| {
            let on = |at: u32| (at as usize).checked_sub(margin).map(|at| at / module);
            let (Some(x), Some(y)) = (on(x), on(y)) else { return image::Luma([0xE8]) };
            let inside = (4..width + 4).contains(&x) && (4..width + 4).contains(&y);
            let black = inside && dark[(y - 4) * width + x - 4] == qrcode::Color::Dark;
            image::Luma([if black { 0 } else { 255 }])
        })
    }

    fn png(picture: &image::GrayImage) -> Vec<u8> {
        let mut bytes = Vec::new();
        picture.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).expect("room");
        bytes
    }

    #[test]
    fn an_invite_is_read_from_a_screenshot_small_or_large() {
        for (module, margin) in [(2, 40), (3, 300), (9, 700)] {
            let bytes = png(&screenshot(&invite(), module, margin));
            assert_eq!(read_bytes(&bytes, HEADS).as_deref(), Ok(invite().as_str()), "{module} {margin}");
        }
    }

    #[test]
    fn pixels_of_the_clipboard_are_read_like_a_file() {
        let shot = screenshot(&invite(), 3, 60);
        let (width, height) = (shot.width() as usize, shot.height() as usize);
        let rgb = |at: usize| [shot.as_raw()[at]; 3];
        assert_eq!(read_pixels(width, height, rgb, HEADS), Ok(invite()));
        assert_eq!(read_pixels(usize::MAX, 2, |_| [0; 3], HEADS), Err(Fault::TooLarge));
    }

    #[test]
    fn an_invite_is_read_from_a_text_file_among_other_words() {
        let text = format!("Hello!\n{}\n", invite());
        assert_eq!(read_bytes(text.as_bytes(), HEADS), Ok(invite()));
        assert_eq!(read_bytes(b"Hello!", HEADS), Err(Fault::Nothing));
        assert_eq!(read_bytes(&[0xFF, 0xFE, 0], HEADS), Err(Fault::Unknown));
    }

    #[test]
    fn a_picture_bomb_is_refused_by_its_head() {
        // A PNG of 60 000 by 60 000 grey pixels, said in its head; the rest is never looked at.
        let mut bytes = png(&image::GrayImage::new(8, 8));
        bytes[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
        bytes[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
        let sum = crc(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(read_bytes(&bytes, HEADS), Err(Fault::TooLarge));
    }

    fn crc(bytes: &[u8]) -> u32 {
        let step = |crc: u32, byte: &u8| {
            (0..8)
                .fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { (c >> 1) ^ 0xEDB8_8320 } else { c >> 1 })
        };
        !bytes.iter().fold(!0, step)
    }

    #[test]
    fn broken_pictures_end_in_a_fault_and_not_in_a_fall() {
        let whole = png(&screenshot(&invite(), 2, 10));
        for cut in (0..whole.len()).step_by(whole.len() / 40) {
            let _ = read_bytes(&whole[..cut], HEADS);
            let mut bent = whole.clone();
            bent[cut] ^= 0x55;
            let _ = read_bytes(&bent, HEADS);
        }
        assert_eq!(read_file(Path::new("/dev/null"), HEADS), Err(Fault::Unreadable));
        assert_eq!(read_file(Path::new("/"), HEADS), Err(Fault::Unreadable));
    }
}
