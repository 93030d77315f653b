//! A picture in memory and as a PNG file.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader, BufWriter},
    path::Path,
};

use png::{BitDepth, ColorType, Compression, Encoder, Filter};

use crate::differing;

/// Levels within which colours are merged when a picture is packed; the first is within the tolerance everywhere.
const MERGED_LEVELS: [u8; 5] = [4, 6, 8, 12, 16];

/// Three bytes a pixel: red, green, blue.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Picture {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// All pixels, row by row.
    pub rgb: Vec<[u8; 3]>,
}

impl Picture {
    /// Reads a PNG file of eight bits, in colours or with a palette.
    ///
    /// # Errors
    /// When the file cannot be read or is of another kind.
    pub fn read(path: &Path) -> io::Result<Picture> {
        let mut decoder = png::Decoder::new(BufReader::new(File::open(path)?));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info()?;
        let size = reader.output_buffer_size().ok_or_else(|| io::Error::other("too large"))?;
        let mut bytes = vec![0; size];
        let info = reader.next_frame(&mut bytes)?;
        if info.color_type != ColorType::Rgb || info.bit_depth != BitDepth::Eight {
            return Err(io::Error::other(format!(
                "{}: not red, green and blue of eight bits",
                path.display()
            )));
        }
        let (width, height) = (info.width as usize, info.height as usize);
        Ok(Picture { width, height, rgb: bytes.as_chunks().0.to_vec() })
    }

    /// Writes a PNG file to the bit.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut encoder = self.encoder(path)?;
        encoder.set_color(ColorType::Rgb);
        encoder.set_compression(Compression::Fast);
        encoder.write_header()?.write_image_data(self.rgb.as_flattened())?;
        Ok(())
    }

    /// Writes a PNG file as small as it can be for the next comparison: seldom colours of smoothed edges stand for each
    /// other, as far as the tolerance allows. A palette is used where one is large enough.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn pack(&self, path: &Path) -> io::Result<()> {
        let mut counted: HashMap<[u8; 3], usize> = HashMap::new();
        for pixel in &self.rgb {
            *counted.entry(*pixel).or_default() += 1;
        }
        let mut colours: Vec<[u8; 3]> = counted.keys().copied().collect();
        colours.sort_unstable_by_key(|colour| (std::cmp::Reverse(counted[colour]), *colour));
        let mut encoder = self.encoder(path)?;
        encoder.set_compression(Compression::High);
        encoder.set_filter(Filter::NoFilter);
        for levels in MERGED_LEVELS {
            let (palette, places) = merged(&colours, levels);
            let Ok(indices) =
                self.rgb.iter().map(|pixel| u8::try_from(places[pixel])).collect::<Result<Vec<u8>, _>>()
            else {
                continue;
            };
            let rgb = indices.iter().map(|at| palette[usize::from(*at)]).collect();
            if differing(&Picture { rgb, ..*self }, self).is_empty() {
                encoder.set_color(ColorType::Indexed);
                encoder.set_palette(palette.as_flattened().to_vec());
                return Ok(encoder.write_header()?.write_image_data(&indices)?);
            }
        }
        let (palette, places) = merged(&colours, MERGED_LEVELS[0]);
        let rgb: Vec<[u8; 3]> = self.rgb.iter().map(|pixel| palette[places[pixel]]).collect();
        encoder.set_color(ColorType::Rgb);
        Ok(encoder.write_header()?.write_image_data(rgb.as_flattened())?)
    }

    fn encoder(&self, path: &Path) -> io::Result<Encoder<'static, BufWriter<File>>> {
        let file = BufWriter::new(File::create(path)?);
        let mut encoder = Encoder::new(file, self.width as u32, self.height as u32);
        encoder.set_depth(BitDepth::Eight);
        Ok(encoder)
    }
}

/// Few colours, and which of them stands for each: the first one that is at most so many levels away. The most
/// frequent come first, so what fills an area keeps its colour.
fn merged(colours: &[[u8; 3]], levels: u8) -> (Vec<[u8; 3]>, HashMap<[u8; 3], usize>) {
    let near = |a: &[u8; 3], b: &[u8; 3]| a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) <= levels);
    let mut palette: Vec<[u8; 3]> = Vec::new();
    let mut places = HashMap::new();
    for colour in colours {
        let at = palette.iter().position(|kept| near(kept, colour)).unwrap_or_else(|| {
            palette.push(*colour);
            palette.len() - 1
        });
        places.insert(*colour, at);
    }
    (palette, places)
}
