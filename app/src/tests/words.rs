//! No control without a name, no letter without a shape, no sentence in the wrong language.

use crate::{
    i18n::{Lang, T},
    theme,
    widget::icon::Icon,
};

use egui_kittest::kittest::NodeT as _;

use super::{BOTH, everywhere, labels, wide, window};

#[test]
fn no_control_is_without_a_name_and_no_letter_is_a_box() {
    for lang in BOTH {
        for screen in everywhere() {
            for size in [[1366.0, 768.0], [700.0, 800.0]] {
                // The harness panics on an unnamed control and on a letter that no shipped font has.
                let w = window(screen, lang, size);
                w.check_accessibility();
                assert!(!labels(&w).is_empty(), "{screen}");
                for node in w.root().children_recursive() {
                    let node = node.accesskit_node();
                    let said = [node.label(), node.value()].into_iter().flatten().collect::<String>();
                    let sign = said.chars().find(|c| ('\u{E000}'..='\u{F8FF}').contains(c));
                    assert!(sign.is_none(), "{screen}: a sign of the icon font is read out in {said:?}");
                }
            }
        }
    }
}

#[test]
fn a_korean_window_says_nothing_in_english() {
    let names = [
        "Madang",
        "English",
        "Pretendard",
        "Phosphor",
        "MIT",
        "Apache",
        "SIL Open Font License",
        "Ctrl",
        "Shift",
        "Enter",
        "Backspace",
        "Caps Lock",
        "USB",
        "Alt",
        "Esc",
        "QR",
        "madang",
        "ip4",
        "tcp",
        "udp",
        "quic",
        "relay",
        "invite",
        "png",
        "PNG",
        "JPEG",
        "Cargo.lock",
        "deny.toml",
        "txt",
        "Page Up",
        "Page Down",
        "Tab",
        "Space",
        // Where a backup is to lie.
        "media",
        "backup",
    ];
    let mut found = Vec::new();
    for screen in everywhere() {
        for (role, label) in labels(&wide(screen, Lang::Ko)) {
            let mut rest = label.clone();
            for name in names {
                rest = rest.replace(name, "");
            }
            let group = |group: &str| group.len() == 8 && group.chars().all(|c| c.is_ascii_hexdigit());
            let account = rest.split_whitespace().all(group);
            let icon = rest.chars().all(|c| ('\u{e000}'..='\u{f8ff}').contains(&c));
            let latin = rest.chars().filter(char::is_ascii_alphabetic).count();
            if latin >= 3 && !account && !icon {
                found.push(format!("{screen}: {role:?} {label:?}"));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn an_english_window_says_nothing_in_korean() {
    for screen in everywhere() {
        for (role, label) in labels(&wide(screen, Lang::En)) {
            let hangul = label.chars().any(|c| ('가'..='힣').contains(&c));
            assert!(
                !hangul || label.contains("한국어") || label.contains("김하늘"),
                "{screen}: {role:?} {label:?}"
            );
        }
    }
}

#[test]
fn the_shipped_fonts_have_every_syllable_every_word_and_every_icon() {
    use egui::epaint::text::Fonts;
    let mut fonts = Fonts::new(Default::default(), theme::fonts());
    let mut has = |font: &egui::FontId, c: char| fonts.with_pixels_per_point(1.0).has_glyph(font, c);
    for font in [theme::regular(15.0), theme::strong(15.0)] {
        let missing: Vec<char> = ('가'..='힣').filter(|c| !has(&font, *c)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        for word in T::ALL {
            for lang in BOTH {
                let missing: Vec<char> = lang.tr(*word).chars().filter(|c| !has(&font, *c)).collect();
                assert!(missing.is_empty(), "{word:?}: {missing:?}");
            }
        }
    }
    let icons = egui::FontId::new(20.0, theme::icon_family());
    for icon in Icon::ALL {
        assert!(has(&icons, icon.letter()), "{icon:?}");
    }
}
