//! Texts of 64 KiB that are written to break, to fool or to stall whoever shows them.

/// The size of each, in bytes; a contact may send no more than a part of it, and a file or a name may hold all.
const FLOOD_BYTES: usize = 64 * 1024;

/// The texts: what each is, and itself as it comes from outside.
pub(crate) fn floods() -> Vec<(&'static str, String)> {
    let of = |sign: &str| sign.repeat(FLOOD_BYTES / sign.len());
    vec![
        ("marks on one letter", format!("a{}", of("\u{0301}"))),
        ("one grapheme of leading consonants", of("\u{1100}")),
        ("one family without end", of("👩\u{200D}")),
        ("marks that turn the direction", of("\u{202E}\u{2066}evil\u{202C}")),
        ("blanks without width", of("\u{200B}\u{2060}\u{FEFF}")),
        ("one word of Hangul", of("가")),
        ("empty lines", of("\n")),
        ("lines of one letter", of("a\n")),
        ("one word", of("x")),
        ("tabs", of("\t")),
        ("signs that few fonts have, all different", rare()),
        ("controls", of("\u{FFFF}\u{0}\u{1B}[31m")),
        ("the widest sign", of("﷽")),
        ("emoji, all different", emoji()),
    ]
}

fn rare() -> String {
    let signs = (0x2_0000..).filter_map(char::from_u32);
    signs.take(FLOOD_BYTES / 4).collect()
}

/// Pairs of emoji that are joined, none twice.
fn emoji() -> String {
    let one = |at: usize| char::from_u32(0x1_F300 + u32::try_from(at % 0x250).unwrap_or(0)).unwrap_or('👩');
    let pairs = (0..FLOOD_BYTES / 11).map(|at| [one(at), '\u{200D}', one(at / 0x250 + at)]);
    pairs.flatten().collect()
}
