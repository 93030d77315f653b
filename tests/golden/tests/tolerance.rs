//! The tolerance lets noise pass and nothing else: shown on accepted pictures with one thing changed.

use madang_golden::{PIXELS_MAX, Picture, differing, here};

/// Colours of the day, as `app/src/theme.rs` names them.
const PAGE: [u8; 3] = [0xFB, 0xF9, 0xF5];
const RAISED: [u8; 3] = [0xFF, 0xFF, 0xFF];
const QUIET: [u8; 3] = [0xED, 0xE8, 0xDF];
const JADE: [u8; 3] = [0x1B, 0x6B, 0x57];
const JADE_HOVER: [u8; 3] = [0x15, 0x58, 0x47];
const PERSIMMON: [u8; 3] = [0xA2, 0x3F, 0x1A];

/// Left, top, right and bottom, all within.
type Area = [usize; 4];

#[test]
fn what_did_not_change_passes() {
    assert_eq!(changed("chat-ko-light", |_| ()), 0);
}

#[test]
fn other_rounding_and_other_smoothing_of_edges_pass() {
    for name in ["chat-ko-light", "add-en-dark"] {
        let count = changed(name, |now| {
            let was = now.clone();
            for (at, pixel) in now.rgb.iter_mut().enumerate() {
                let beside = was.rgb[if at % was.width == 0 { at } else { at - 1 }];
                for (channel, level) in pixel.iter_mut().enumerate() {
                    let smooth = (u16::from(*level) * 9 + u16::from(beside[channel])) / 10;
                    *level = (smooth as u8).saturating_add((at % 3) as u8);
                }
            }
        });
        assert!(count <= PIXELS_MAX, "{name}: {count} pixels");
    }
}

#[test]
fn a_button_that_moved_by_one_pixel_is_seen() {
    for (colour, ground) in [(JADE, RAISED), (QUIET, RAISED)] {
        for by in [[1, 0], [0, 1]] {
            let count = changed("welcome-en-light", |now| {
                let button = parts(now, |pixel| *pixel == colour).into_iter().max_by_key(size);
                shift(now, button.expect("a button"), by, ground);
            });
            assert!(count > PIXELS_MAX, "{colour:?} by {by:?}: {count} pixels");
        }
    }
}

#[test]
fn each_letter_and_sign_that_is_missing_is_seen() {
    let was = accepted("unlock-en-light");
    let letters = letters(&was);
    assert!(letters.len() >= 6, "{letters:?}");
    for letter in letters {
        let mut now = was.clone();
        paint(&mut now, letter, |_| PAGE);
        let count = differing(&was, &now).len();
        assert!(count > PIXELS_MAX, "the letter at {letter:?}: {count} pixels");
    }
}

#[test]
fn a_letter_of_another_colour_is_seen() {
    let was = accepted("unlock-en-light");
    for letter in letters(&was) {
        let mut now = was.clone();
        paint(&mut now, letter, |pixel| if pixel[0] < 0x90 { PERSIMMON } else { pixel });
        let count = differing(&was, &now).len();
        assert!(count > PIXELS_MAX, "the letter at {letter:?}: {count} pixels");
    }
}

#[test]
fn a_ground_of_nearly_the_same_colour_is_seen() {
    let repaint = |from: [u8; 3], to: [u8; 3]| {
        changed("welcome-en-light", |now| {
            now.rgb.iter_mut().filter(|pixel| **pixel == from).for_each(|pixel| *pixel = to);
        })
    };
    assert!(repaint(JADE, JADE_HOVER) > PIXELS_MAX);
    assert!(repaint(PAGE, PAGE.map(|level| level - 6)) > PIXELS_MAX);
}

#[test]
fn a_window_of_another_size_is_seen() {
    let count = changed("welcome-en-light", |now| {
        now.height -= 1;
        now.rgb.truncate(now.width * now.height);
    });
    assert!(count > PIXELS_MAX);
}

fn accepted(name: &str) -> Picture {
    Picture::read(&here().join(format!("accepted/1366x768/{name}.png"))).expect("an accepted picture")
}

/// How many pixels are seen to differ after a change.
fn changed(name: &str, change: impl FnOnce(&mut Picture)) -> usize {
    let was = accepted(name);
    let mut now = was.clone();
    change(&mut now);
    differing(&was, &now).len()
}

fn size([left, top, right, bottom]: &Area) -> usize {
    (right - left + 1) * (bottom - top + 1)
}

/// What stands on the page by itself, and is as large as a letter or a small sign; no dots.
fn letters(picture: &Picture) -> Vec<Area> {
    let mut letters = parts(picture, |pixel| *pixel != PAGE);
    letters.retain(|[left, top, right, bottom]| right - left < 30 && (6..30).contains(&(bottom - top)));
    letters
}

/// The areas of pixels that touch each other and are all `wanted`.
fn parts(picture: &Picture, wanted: impl Fn(&[u8; 3]) -> bool) -> Vec<Area> {
    let mut left_over: Vec<bool> = picture.rgb.iter().map(wanted).collect();
    let mut parts = Vec::new();
    for begin in 0..left_over.len() {
        let mut open = vec![begin];
        let mut area = [usize::MAX, usize::MAX, 0, 0];
        while let Some(at) = open.pop() {
            if !std::mem::take(&mut left_over[at]) {
                continue;
            }
            let (column, row) = (at % picture.width, at / picture.width);
            area = [area[0].min(column), area[1].min(row), area[2].max(column), area[3].max(row)];
            for beside_row in row.saturating_sub(1)..=(row + 1).min(picture.height - 1) {
                for beside in column.saturating_sub(1)..=(column + 1).min(picture.width - 1) {
                    open.push(beside_row * picture.width + beside);
                }
            }
        }
        if area[0] != usize::MAX {
            parts.push(area);
        }
    }
    parts
}

fn paint(picture: &mut Picture, [left, top, right, bottom]: Area, ink: impl Fn([u8; 3]) -> [u8; 3]) {
    for row in top..=bottom {
        for pixel in &mut picture.rgb[row * picture.width + left..=row * picture.width + right] {
            *pixel = ink(*pixel);
        }
    }
}

/// Moves an area, with a pixel around it for its smoothed edge; what it leaves is filled with `ground`.
fn shift(picture: &mut Picture, [left, top, right, bottom]: Area, by: [usize; 2], ground: [u8; 3]) {
    let was = picture.clone();
    let area = [left - 1, top - 1, right + 1, bottom + 1];
    paint(picture, area, |_| ground);
    for row in area[1]..=area[3] {
        for column in area[0]..=area[2] {
            picture.rgb[(row + by[1]) * was.width + column + by[0]] = was.rgb[row * was.width + column];
        }
    }
}
