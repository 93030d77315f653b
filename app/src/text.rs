//! Text from outside made fit to show: no direction tricks, no invisible signs, no floods of marks.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Longest name that is shown, in characters.
const NAME_CHARS_MAX: usize = 48;
/// Marks kept on one letter; more is decoration that stalls the layout.
const MARKS_MAX: usize = 4;
/// Joiners kept in a row of emoji.
const JOINERS_MAX: usize = 8;
/// Longest text of one message that is laid out whole, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// A name as it is shown: one line, visible signs only, composed (NFC).
pub(crate) fn name(raw: &str) -> String {
    let line: String = visible(raw)
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !is_joiner(*c))
        .collect();
    let mut words = String::new();
    for word in line.split(' ').filter(|w| !w.is_empty()) {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
    }
    if words.chars().count() > NAME_CHARS_MAX {
        words = words.chars().take(NAME_CHARS_MAX - 1).chain(std::iter::once('…')).collect();
    }
    words
}

/// The text of a message as it is shown; lines are kept.
pub(crate) fn body(raw: &str) -> String {
    let mut text = visible(raw);
    if text.len() > BODY_BYTES_MAX {
        let mut end = BODY_BYTES_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}

/// One line for lists and quotes, at most `chars` characters.
pub(crate) fn line(raw: &str, chars: usize) -> String {
    let mut flat = String::new();
    for c in raw.trim().chars().take(chars) {
        flat.push(if c.is_whitespace() { ' ' } else { c });
    }
    if raw.trim().chars().nth(chars).is_some() {
        flat.push('…');
    }
    flat
}

/// What is typed, as it is sent: composed (NFC), without blank edges.
pub(crate) fn typed(raw: &str) -> String {
    raw.trim().nfc().collect()
}

/// The letter on an avatar.
pub(crate) fn initial(name: &str) -> String {
    name.chars()
        .find(|c| c.is_alphanumeric())
        .map_or_else(|| "·".to_owned(), |c| c.to_uppercase().to_string())
}

/// Whether `needle` stands in `text`, capital letters or not.
pub(crate) fn contains(text: &str, needle: &str) -> bool {
    let fold = |s: &str| s.nfc().flat_map(char::to_lowercase).collect::<String>();
    fold(text).contains(&fold(needle.trim()))
}

fn visible(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len().min(BODY_BYTES_MAX * 2));
    let (mut marks, mut joiners) = (0, 0);
    for c in raw.nfc() {
        if out.len() > BODY_BYTES_MAX {
            out.push('…');
            break;
        }
        if is_hidden(c) {
            continue;
        }
        if is_joiner(c) {
            joiners += 1;
            if joiners <= JOINERS_MAX {
                out.push(c);
            }
            continue;
        }
        if is_combining_mark(c) {
            marks += 1;
            if marks <= MARKS_MAX {
                out.push(c);
            }
            continue;
        }
        marks = 0;
        if !('\u{1F000}'..='\u{1FAFF}').contains(&c) {
            joiners = 0;
        }
        out.push(c);
    }
    out
}

/// Signs that emoji need and nothing else: zero-width joiner and variation selectors.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200D}' | '\u{FE0E}' | '\u{FE0F}')
}

/// Controls, direction marks, tags and blanks without width.
fn is_hidden(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}' | '\u{200C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{3164}' | '\u{FE00}'..='\u{FE0D}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
            | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_turn_its_direction_or_hide_letters() {
        assert_eq!(name("ali\u{202E}ecila\u{200B}\u{2066}"), "aliecila");
        assert_eq!(name(" a\n\tb\u{3164} "), "a b");
        assert_eq!(name("\u{1112}\u{1161}\u{11AB}"), "한");
    }

    #[test]
    fn a_flood_of_marks_becomes_a_few() {
        let flood: String = std::iter::once('a').chain(std::iter::repeat_n('\u{0301}', 30_000)).collect();
        assert!(body(&flood).chars().count() <= MARKS_MAX + 1);
        let joiners: String = std::iter::repeat_n('\u{200D}', 30_000).collect();
        assert!(body(&joiners).chars().count() <= JOINERS_MAX);
        assert!(name(&"x".repeat(5000)).chars().count() <= NAME_CHARS_MAX);
        assert!(body(&"가".repeat(60_000)).len() <= BODY_BYTES_MAX + 8);
    }

    #[test]
    fn emoji_and_lines_stay() {
        assert_eq!(body("👩\u{200D}🚀 ok\nnext"), "👩\u{200D}🚀 ok\nnext");
        assert_eq!(line("a\nb c", 3), "a b…");
    }

    #[test]
    fn search_does_not_mind_capitals_or_decomposed_hangul() {
        assert!(contains("Hello 한글", "HELLO"));
        assert!(contains("한글", "\u{1112}\u{1161}\u{11AB}"));
    }
}
