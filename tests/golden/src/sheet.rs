//! Several pictures on one sheet, to be looked at beside each other.

use crate::Picture;

/// Between pictures, and around them, in pixels.
const GAP: usize = 8;
/// What lies between pictures: a colour that no screen has.
const GROUND: [u8; 3] = [0xC0, 0x20, 0xC0];

/// The picture at half its width and height: each pixel is the mean of four.
pub fn halved(picture: &Picture) -> Picture {
    let (width, height) = (picture.width / 2, picture.height / 2);
    let mean = |at: usize| {
        let corner = at / width * 2 * picture.width + at % width * 2;
        let four = [0, 1, picture.width, picture.width + 1].map(|beside| picture.rgb[corner + beside]);
        [0, 1, 2].map(|channel| {
            let sum: u16 = four.iter().map(|pixel| u16::from(pixel[channel])).sum();
            u8::try_from((sum + 2) / 4).expect("a mean of bytes")
        })
    };
    Picture { width, height, rgb: (0..width * height).map(mean).collect() }
}

/// All pictures, two in a row. They are as large as the first, or are cut.
pub fn sheet(pictures: &[Picture]) -> Picture {
    let (wide, tall) = pictures.first().map_or((0, 0), |first| (first.width, first.height));
    let (width, height) = (2 * (wide + GAP) + GAP, pictures.len().div_ceil(2) * (tall + GAP) + GAP);
    let mut sheet = Picture { width, height, rgb: vec![GROUND; width * height] };
    for (at, picture) in pictures.iter().enumerate() {
        let (left, top) = (GAP + at % 2 * (wide + GAP), GAP + at / 2 * (tall + GAP));
        for (row, pixels) in picture.rgb.chunks(picture.width).take(tall).enumerate() {
            let from = (top + row) * width + left;
            let pixels = &pixels[..pixels.len().min(wide)];
            sheet.rgb[from..from + pixels.len()].copy_from_slice(pixels);
        }
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_holds_each_picture_in_its_place() {
        let plain = |level: u8| Picture { width: 3, height: 2, rgb: vec![[level; 3]; 6] };
        let sheet = sheet(&[plain(1), plain(2), plain(3)]);
        let at = |column: usize, row: usize| sheet.rgb[row * sheet.width + column];
        assert_eq!((sheet.width, sheet.height), (2 * 3 + 3 * GAP, 2 * 2 + 3 * GAP));
        assert_eq!([at(GAP, GAP), at(GAP + 2, GAP + 1)], [[1; 3]; 2]);
        assert_eq!(at(2 * GAP + 3, GAP), [2; 3]);
        assert_eq!(at(GAP, 2 * GAP + 2), [3; 3]);
        assert_eq!([at(GAP + 3, GAP), at(2 * GAP + 3, 2 * GAP + 2), at(0, 0)], [GROUND; 3]);
    }

    #[test]
    fn a_pixel_of_half_the_size_is_the_mean_of_four() {
        let rgb = [0, 4, 9, 8, 8, 9, 1, 1, 9].map(|level| [level; 3]).to_vec();
        assert_eq!(
            halved(&Picture { width: 3, height: 3, rgb }),
            Picture { width: 1, height: 1, rgb: vec![[5; 3]] }
        );
    }
}
