//! Running text laid out for reading: lines break between words, within a word only where none fits, and never within
//! what a reader takes for one sign.
//!
//! egui breaks Hangul between words, as its readers expect, and a word that is wider than the line between any two
//! characters. That is right as long as a sign is one glyph; only where a font draws one sign with several (a family
//! of emoji without a glyph of its own) the lines are broken here.

use std::sync::Arc;

use egui::{Color32, FontId, Galley, epaint::text::FontsView, text::LayoutJob};
use unicode_segmentation::UnicodeSegmentation;

use crate::theme::measure;

/// Lays `text` out in lines of `width` points.
pub(crate) fn layout(
    fonts: &mut FontsView<'_>,
    text: &str,
    font: FontId,
    colour: Color32,
    width: f32,
) -> Arc<Galley> {
    let job = |text: String, width: f32| {
        let mut job = LayoutJob::simple(text, font.clone(), colour, width);
        for section in &mut job.sections {
            section.format.line_height = Some(font.size * measure::LEADING);
        }
        job
    };
    let galley = fonts.layout_job(job(text.to_owned(), width));
    if text.is_ascii() || galley.rows.len() == text.split('\n').count() || breaks_between_signs(&galley, text)
    {
        return galley;
    }
    let unbroken = fonts.layout_job(job(text.to_owned(), f32::INFINITY));
    fonts.layout_job(job(with_breaks(&unbroken, text, width), f32::INFINITY))
}

/// Whether every line ends where a sign ends. Glyphs stand for characters one for one; where a font has swallowed
/// some nothing can be told, and the lines stay as they are.
fn breaks_between_signs(galley: &Galley, text: &str) -> bool {
    let glyphs: usize =
        galley.rows.iter().map(|row| row.glyphs.len() + usize::from(row.ends_with_newline)).sum();
    if glyphs != text.chars().count() {
        return true;
    }
    let mut ends = text.graphemes(true).scan(0, |at, sign| {
        *at += sign.chars().count();
        Some(*at)
    });
    let mut at = 0;
    galley.rows.iter().all(|row| {
        at += row.glyphs.len() + usize::from(row.ends_with_newline);
        at == 0 || ends.by_ref().find(|end| *end >= at) == Some(at)
    })
}

/// The text with line ends where lines of `width` break: after the last blank that fits, else after the last sign.
fn with_breaks(unbroken: &Galley, text: &str, width: f32) -> String {
    let mut widths = unbroken.rows.iter().flat_map(|row| row.glyphs.iter().map(|glyph| glyph.advance_width));
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    // The line so far, and how much of it stands up to its last blank.
    let (mut line, mut wide, mut blank) = (String::new(), 0.0, None);
    for sign in text.graphemes(true) {
        if sign == "\n" || sign == "\r\n" {
            out.push_str(&line);
            out.push('\n');
            (line, wide, blank) = (String::new(), 0.0, None);
            continue;
        }
        let sign_wide: f32 = sign.chars().map(|_| widths.next().unwrap_or(0.0)).sum();
        if wide + sign_wide > width && !line.is_empty() {
            let (kept, kept_wide) = blank.take().unwrap_or((line.len(), wide));
            out.push_str(&line[..kept]);
            out.push('\n');
            line.drain(..kept);
            wide -= kept_wide;
        }
        line.push_str(sign);
        wide += sign_wide;
        if sign.chars().all(char::is_whitespace) {
            blank = Some((line.len(), wide));
        }
    }
    out + &line
}
