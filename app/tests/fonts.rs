//! Hanja, emoji and symbols are no boxes: what the shipped fonts lack comes from the system's, by the way that a window
//! goes. A machine without such fonts reports the story as ignored, or as failed under `MADANG_MUST_RUN`; the standard
//! harness cannot ignore a test while it runs, so this has its own `main`.

use std::{
    collections::BTreeSet,
    process::{Command, ExitCode},
    sync::Arc,
};

use egui::{Color32, FontId, RawInput};
use egui_system_font_provider::SystemFontProvider;
use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// Signs of a kind, and the Debian package in which they are.
struct Kind {
    name: &'static str,
    signs: &'static str,
    package: &'static str,
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "hanja_are_drawn_by_a_font_of_the_system", signs: "漢字龘", package: "fonts-wqy-microhei"
    },
    Kind {
        name: "emoji_old_and_new_are_drawn", signs: "😀👍🧡🥲", package: "fonts-noto-color-emoji"
    },
    Kind { name: "symbols_are_drawn", signs: "☎☃♜∞", package: "fonts-noto-color-emoji" },
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = KINDS.into_iter().map(|kind| Trial::ignorable_test(kind.name, move || tell(&kind)));
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn tell(kind: &Kind) -> Result<Completion, Failed> {
    let lacking: String = kind.signs.chars().filter(|sign| !is_on_this_machine(*sign)).collect();
    if !lacking.is_empty() {
        let told =
            format!("no font of this machine has {lacking}; `apt install {}` brings one", kind.package);
        return match std::env::var_os("MADANG_MUST_RUN") {
            Some(_) => Err(told.into()),
            None => Ok(Completion::ignored_with(told)),
        };
    }
    let (alone, together) = (drawn(kind.signs, false), drawn(kind.signs, true));
    let mut places = BTreeSet::new();
    for ((sign, before), after) in kind.signs.chars().zip(&alone).zip(&together) {
        assert!(after.is_known, "{sign} has a glyph");
        assert!(after.inks, "{sign} is something that is seen");
        assert!(places.insert(after.place), "{sign} is drawn like another");
        if !before.is_known {
            assert!((before.wide - after.wide).abs() > 0.5, "{sign} is still its number in a frame");
        }
    }
    if kind.package == "fonts-wqy-microhei" {
        assert!(alone.iter().all(|sign| !sign.is_known), "nothing of it is shipped, so it was the system's");
    }
    Ok(Completion::Completed)
}

fn is_on_this_machine(sign: char) -> bool {
    let list = Command::new("fc-list").arg(format!(":charset={:x}", u32::from(sign))).output();
    list.is_ok_and(|list| !list.stdout.is_empty())
}

/// What a window draws for a sign.
struct Drawn {
    /// A font has it; the number in a frame does not count.
    is_known: bool,
    inks: bool,
    wide: f32,
    /// Where its picture lies.
    place: [u16; 2],
}

/// Draws signs as a window does, with the fonts of the system or the shipped ones alone.
fn drawn(signs: &str, system: bool) -> Vec<Drawn> {
    assert!(eframe::NativeOptions::default().system_font_fallback, "a window asks the system");
    let ctx = egui::Context::default();
    madang_app::dress(&ctx);
    if system {
        ctx.add_font_provider(Arc::new(SystemFontProvider::new()));
    }
    let mut all = Vec::new();
    let mut output = ctx.run_ui(RawInput::default(), |ui| {
        let font = FontId::proportional(20.0);
        all = signs
            .chars()
            .map(|sign| {
                ui.fonts_mut(|fonts| {
                    let is_known = fonts.has_glyph(&font, sign);
                    let galley = fonts.layout_no_wrap(sign.to_string(), font.clone(), Color32::WHITE);
                    let glyph = galley.rows[0].glyphs[0];
                    let inks = glyph.uv_rect.size.min_elem() > 1.0 && !glyph.uv_rect.is_nothing();
                    Drawn { is_known, inks, wide: glyph.advance_width, place: glyph.uv_rect.min }
                })
            })
            .collect();
    });
    output.textures_delta.clear();
    all
}
