//! When two pictures are the same to somebody who looks at the screen.
//!
//! Drivers round colours alike only nearly, and edges are smoothed alike only nearly. So a pixel may differ by a few
//! levels anywhere, and besides by a part of the contrast that the accepted picture has around it. What moves by one
//! pixel, appears, vanishes or takes another colour differs by the whole of that contrast, or where there is none.

use crate::Picture;

/// Levels out of 255 by which a channel may differ anywhere.
const LEVELS: u8 = 4;
/// The part of the contrast around a pixel by which it may differ besides.
const CONTRAST_PART: u8 = 6;
/// Pixels of a picture that may differ more: fewer than the smallest letter or sign has.
pub const PIXELS_MAX: usize = 8;

/// The pixels in which `now` is another picture than `accepted`: column and row. All of them where sizes differ.
pub fn differing(accepted: &Picture, now: &Picture) -> Vec<(usize, usize)> {
    if (accepted.width, accepted.height) != (now.width, now.height) {
        return (0..now.rgb.len()).map(|at| (at % now.width, at / now.width)).collect();
    }
    let pairs = accepted.rgb.iter().zip(&now.rgb).enumerate();
    let differ = pairs.filter(|(at, (was, is))| {
        let far = far(was, is);
        far > LEVELS && far - LEVELS > contrast(accepted, *at) / CONTRAST_PART
    });
    differ.map(|(at, _)| (at % now.width, at / now.width)).collect()
}

/// The picture made pale, and what differs in red.
pub fn marked(now: &Picture, differing: &[(usize, usize)]) -> Picture {
    let pale = |pixel: &[u8; 3]| pixel.map(|level| 170 + level / 3);
    let mut marked = Picture { rgb: now.rgb.iter().map(pale).collect(), ..*now };
    for (column, row) in differing {
        marked.rgb[row * now.width + column] = [255, 0, 0];
    }
    marked
}

/// The largest difference of a channel.
fn far(a: &[u8; 3], b: &[u8; 3]) -> u8 {
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

/// The largest difference of a channel between a pixel and those around it.
fn contrast(picture: &Picture, at: usize) -> u8 {
    let (column, row) = (at % picture.width, at / picture.width);
    let columns = column.saturating_sub(1)..=(column + 1).min(picture.width - 1);
    let rows = row.saturating_sub(1)..=(row + 1).min(picture.height - 1);
    let around = rows.flat_map(|row| columns.clone().map(move |column| row * picture.width + column));
    around.map(|beside| far(&picture.rgb[at], &picture.rgb[beside])).max().unwrap_or(0)
}
