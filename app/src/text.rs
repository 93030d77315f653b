//! Text from outside made fit to show: no direction tricks, no invisible signs, no floods. What is stored stays as it was sent.
//!
//! The rules, in order:
//! 1. all is composed (NFC), so that Hangul stands in syllable blocks;
//! 2. controls, direction marks, tags and blanks without width are left out, and Hangul fillers with them;
//! 3. of the marks on one letter [`MARKS_MAX`] stay, of the signs of one grapheme [`GRAPHEME_CHARS_MAX`];
//! 4. of empty lines in a row [`EMPTY_LINES_MAX`] stay, and a text ends after [`BODY_BYTES_MAX`] bytes with an ellipsis;
//! 5. a text of which nothing is seen then is an ellipsis;
//! 6. a name is one line without joiners, at most [`NAME_CHARS_MAX`] characters.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_segmentation::UnicodeSegmentation;

/// Longest name that is shown, in characters.
const NAME_CHARS_MAX: usize = 48;
/// Marks kept on one letter; more is decoration that stalls the layout.
const MARKS_MAX: usize = 4;
/// Joiners and selectors kept in a row: one of each is all that an emoji needs.
const JOINERS_MAX: usize = 2;
/// Signs of one grapheme: the largest family of emoji has eleven, a Hangul syllable in old spelling three.
const GRAPHEME_CHARS_MAX: usize = 16;
/// Empty lines in a row; more is a trick to push others out of sight.
const EMPTY_LINES_MAX: usize = 2;
/// Characters, and lines, of a message that are laid out before a reader asks for all of it.
const FOLD_CHARS: usize = 1_600;
const FOLD_LINES: usize = 32;
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
    if !text.chars().any(is_seen) {
        return "…".to_owned();
    }
    if text.matches('\n').count() > EMPTY_LINES_MAX { without_empty_lines(&text) } else { text }
}

fn without_empty_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.split('\n') {
        empty = if line.trim().is_empty() { empty + 1 } else { 0 };
        if empty <= EMPTY_LINES_MAX {
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(line);
        }
    }
    out
}

/// The beginning of a text that is too long to be shown at once, and whether there is more.
pub(crate) fn folded(text: &str) -> (&str, bool) {
    let by_chars = text.char_indices().nth(FOLD_CHARS).map_or(text.len(), |(at, _)| at);
    let by_lines = text.match_indices('\n').nth(FOLD_LINES - 1).map_or(text.len(), |(at, _)| at);
    let end = by_chars.min(by_lines);
    // What would only just not fit is shown.
    if text[end..].chars().nth(FOLD_CHARS / 8).is_none() && text[end..].lines().count() <= FOLD_LINES / 4 {
        return (text, false);
    }
    (&text[..end], true)
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

/// An address as people type it: `10.0.0.5:4470` for `/ip4/10.0.0.5/tcp/4470`; others stay as they are.
pub(crate) fn address(raw: &str) -> String {
    let parts: Vec<&str> = raw.split('/').collect();
    match parts.as_slice() {
        ["", "ip4" | "dns4", host, "tcp" | "udp", port, ..] => format!("{host}:{port}"),
        ["", "ip6", host, "tcp" | "udp", port, ..] => format!("[{host}]:{port}"),
        _ => name(raw),
    }
}

/// The letter on an avatar.
pub(crate) fn initial(name: &str) -> String {
    name.chars()
        .find(|c| c.is_alphanumeric())
        .map_or_else(|| "·".to_owned(), |c| c.to_uppercase().to_string())
}

/// What is left of a name when letters that look alike are taken for the same (Unicode TS 39), capitals and blanks
/// aside. Two names with the same likeness can be mistaken for each other.
pub(crate) fn likeness(name: &str) -> String {
    let alike = |text: &str| unicode_security::skeleton(text).collect::<String>();
    let bare: String =
        alike(&name.nfkc().collect::<String>()).chars().filter(|c| !c.is_whitespace()).collect();
    alike(&bare.to_lowercase())
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
        (marks, joiners) = (0, 0);
        out.push(c);
    }
    if out.is_ascii() { out } else { with_bounded_graphemes(out) }
}

/// A row of letters can be one grapheme without end, such as leading consonants of Hangul; none is laid out longer
/// than the longest that means something.
fn with_bounded_graphemes(text: String) -> String {
    if text.graphemes(true).all(|g| g.len() <= GRAPHEME_CHARS_MAX) {
        return text;
    }
    let bounded = text.graphemes(true).map(|g| match g.char_indices().nth(GRAPHEME_CHARS_MAX) {
        None => g.to_owned(),
        // The ellipsis also keeps what is left from growing together with what follows.
        Some(_) => g.chars().take(GRAPHEME_CHARS_MAX - 1).chain(['…']).collect(),
    });
    bounded.collect()
}

/// Signs that emoji need and nothing else: zero-width joiner and variation selectors.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200D}' | '\u{FE0E}' | '\u{FE0F}')
}

/// Whether a sign that is shown leaves something on the screen; the empty cell of Braille does not.
pub(crate) fn is_seen(c: char) -> bool {
    !c.is_whitespace() && !is_joiner(c) && c != '\u{2800}'
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
    fn a_text_of_which_nothing_is_seen_is_an_ellipsis_and_never_empty() {
        for text in
            ["", " \n\t", "\u{200B}", "\u{200D}\u{FE0F}", "\u{3164}\u{3164}", "\u{2800}", "\u{A0}\u{202E}"]
        {
            assert_eq!(body(text), "…", "{text:?}");
        }
        assert_eq!(body("\u{200B}."), ".");
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
    fn a_grapheme_without_end_becomes_a_short_one() {
        let kib64 = 64 * 1024;
        let endless = [
            "\u{1100}".repeat(kib64 / 3),                          // leading consonants
            "👩\u{200D}".repeat(kib64 / 7),                        // a family without end
            format!("e{}", "\u{0301}".repeat(kib64 / 2)),          // marks
            format!("क{}", "\u{094D}क".repeat(kib64 / 6)),         // conjuncts
            format!("\u{1F3F4}{}", "\u{E0067}".repeat(kib64 / 4)), // tags
            format!("a{}", "\u{200B}".repeat(kib64 / 3)),          // blanks without width
            format!("\u{0600}{}", "\u{0600}".repeat(kib64 / 2)),   // signs that stand before
        ];
        for text in endless {
            for shown in [body(&text), name(&text)] {
                let longest = shown.graphemes(true).map(|g| g.chars().count()).max().unwrap_or(0);
                assert!(longest <= GRAPHEME_CHARS_MAX, "{:?}… {longest}", text.chars().next());
                assert!(shown.len() <= BODY_BYTES_MAX + 8);
            }
        }
        for whole in [
            "👨\u{200D}👩\u{200D}👧\u{200D}👦",
            "👩🏽\u{200D}❤\u{FE0F}\u{200D}💋\u{200D}👨🏿",
            "ᄒᆞᆫ글",
            "각",
            "é",
            "🇰🇷",
        ] {
            assert_eq!(body(whole), whole.nfc().collect::<String>());
        }
    }

    #[test]
    fn empty_lines_push_nothing_out_of_sight() {
        assert_eq!(body("a\n\nb\nc"), "a\n\nb\nc");
        assert_eq!(body(&format!("a{}b", "\n \n".repeat(5_000))).matches('\n').count(), EMPTY_LINES_MAX + 1);
        assert!(body(&"\n".repeat(9_000)).len() <= EMPTY_LINES_MAX + 1);
    }

    #[test]
    fn a_long_text_is_folded_and_one_that_just_fits_is_not() {
        for (text, fold) in [
            ("x".repeat(FOLD_CHARS), false),
            ("가".repeat(FOLD_CHARS + 50), false),
            ("가".repeat(FOLD_CHARS * 2), true),
            ("a\n".repeat(FOLD_LINES + 2), false),
            ("a\n".repeat(FOLD_LINES * 2), true),
        ] {
            let (shown, more) = folded(&text);
            assert_eq!((more, shown.len() < text.len()), (fold, fold));
            assert!(shown.lines().count() <= FOLD_LINES + FOLD_LINES / 4);
        }
    }

    #[test]
    fn names_that_look_alike_have_one_likeness() {
        for (one, other) in [
            ("Alice", "AIice"),
            ("Alice", "Αlice"),   // Greek
            ("paypal", "раураl"), // Cyrillic
            ("Jisu Lee", "JisuLee"),
            ("Minho", "ｍｉｎｈｏ"),
            ("이지수", "이지수 "),
            ("O2", "02"),
        ] {
            assert_eq!(likeness(&name(one)), likeness(&name(other)), "{one} {other}");
        }
        for (one, other) in
            [("이지수", "이지우"), ("Minho", "Minhee"), ("서연", "세연"), ("김하늘", "김하는")]
        {
            assert_ne!(likeness(one), likeness(other), "{one} {other}");
        }
    }

    #[test]
    fn addresses_are_shown_as_they_are_typed() {
        assert_eq!(address("/ip4/10.0.0.5/tcp/4470"), "10.0.0.5:4470");
        assert_eq!(address("/ip6/fd00::1/udp/4470/quic-v1"), "[fd00::1]:4470");
        assert_eq!(address("10.0.0.5:4470"), "10.0.0.5:4470");
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
