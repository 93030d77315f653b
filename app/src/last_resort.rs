//! What stands for a sign that neither the shipped fonts nor the system's have: its number in a frame, so that a
//! reader sees that something stands there, and two of them are not the same.

use egui::{Color32, ColorImage, GlyphBitmap, GlyphRasterizer, GlyphRasterizerRequest, RasterizedGlyph};

/// Hexadecimal digits, three dots wide and five high, a row of dots in each three bits.
const DIGITS: [u16; 16] = [
    0b111_101_101_101_111,
    0b010_110_010_010_111,
    0b111_001_111_100_111,
    0b111_001_111_001_111,
    0b101_101_111_001_001,
    0b111_100_111_001_111,
    0b111_100_111_101_111,
    0b111_001_010_010_010,
    0b111_101_111_101_111,
    0b111_101_111_001_111,
    0b010_101_111_101_101,
    0b110_101_110_101_110,
    0b011_100_100_100_011,
    0b110_101_101_101_110,
    0b111_100_111_100_111,
    0b111_100_111_100_100,
];
const DIGIT: [usize; 2] = [3, 5];

/// A rasterizer that egui asks when no font has a sign.
pub(crate) fn rasterizer() -> GlyphRasterizer {
    GlyphRasterizer::new("madang::last_resort", draw)
}

/// egui asks each rasterizer whether it can; this one always can.
fn draw(request: &GlyphRasterizerRequest<'_>) -> Option<RasterizedGlyph> {
    let number = request.cluster.chars().next().map_or(0xFFFD, u32::from);
    let image = framed(number, request.font_size_px);
    let (wide, tall) = (image.width() as f32, image.height() as f32);
    // Stands on the line of the letters, a little below it as they do.
    let offset_px = egui::vec2(1.0, request.font_size_px * 0.12 - tall);
    Some(RasterizedGlyph {
        bitmap: GlyphBitmap { image, offset_px: offset_px.round(), is_color: false },
        advance_px: wide + 2.0,
    })
}

/// The number in two rows of digits within a frame about as tall as capital letters of this size.
fn framed(number: u32, font_size_px: f32) -> ColorImage {
    let digits: Vec<usize> = {
        let columns = if number > 0xFFFF { 3 } else { 2 };
        (0..columns * 2).rev().map(|at| (number >> (at * 4) & 0xF) as usize).collect()
    };
    let columns = digits.len() / 2;
    // Two rows of digits with dots between, and the frame with a dot of room: 15 dots high.
    let dot = ((font_size_px.clamp(1.0, 256.0) / 15.0).round() as usize).max(1);
    let size = [columns * (DIGIT[0] + 1) + 3, 2 * (DIGIT[1] + 1) + 3];
    let mut dots = vec![false; size[0] * size[1]];
    for x in 0..size[0] {
        dots[x] = true;
        dots[(size[1] - 1) * size[0] + x] = true;
    }
    for y in 0..size[1] {
        dots[y * size[0]] = true;
        dots[y * size[0] + size[0] - 1] = true;
    }
    for (at, digit) in digits.iter().enumerate() {
        let (left, top) = (2 + at % columns * (DIGIT[0] + 1), 2 + at / columns * (DIGIT[1] + 1));
        for y in 0..DIGIT[1] {
            for x in 0..DIGIT[0] {
                let bit = DIGIT[0] * DIGIT[1] - 1 - (y * DIGIT[0] + x);
                dots[(top + y) * size[0] + left + x] |= DIGITS[*digit] >> bit & 1 == 1;
            }
        }
    }
    let wide = size[0] * dot;
    let pixels = (0..wide * size[1] * dot).map(|i| {
        let (x, y) = (i % wide / dot, i / wide / dot);
        if dots[y * size[0] + x] { Color32::WHITE } else { Color32::TRANSPARENT }
    });
    ColorImage::new([wide, size[1] * dot], pixels.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_unknown_signs_look_different_and_both_are_seen() {
        let (one, other) = (framed(0xE123, 20.0), framed(0xE124, 20.0));
        assert_ne!(one.pixels, other.pixels);
        for image in [one, framed(0x10_FFFD, 20.0), framed(0, 0.0), framed(u32::MAX, 1e9)] {
            assert_eq!(image.pixels.len(), image.width() * image.height());
            assert!(image.pixels.iter().filter(|p| **p == Color32::WHITE).count() > 30);
            assert!(image.width() < 512 && image.height() < 512);
        }
    }
}
