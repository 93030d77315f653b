//! The first start: language, name, passphrase with an honest estimate, or a try without consequences.

use egui::{CornerRadius, Rect, RichText, ScrollArea, Sense, Ui, Vec2};
use zxcvbn::Score;

use crate::{
    action::{Action, Command},
    i18n::{Lang, T},
    model::{Model, Prefs, Task},
    text,
    theme::{self, measure, size, space},
    widget::{
        Cx, button, page,
        secret::{self, Secret},
    },
};

/// Longest name, in characters.
pub(crate) const NAME_CHARS_MAX: usize = 40;
/// Guesses a second of someone who has copied the disk: the passphrase is stretched to about a second and 256 MiB each, with a thousand machines at work.
const GUESSES_PER_SECOND: f64 = 1_000.0;
/// Below this score a profile is not made.
const SCORE_MIN: Score = Score::Three;
/// Only this much of a passphrase is judged, so that a keystroke never takes long.
const JUDGED_CHARS: usize = 64;

/// What the screen remembers.
#[derive(Default)]
pub(crate) struct Welcome {
    name: String,
    passphrase: Secret,
    again: Secret,
    understood: bool,
    strength: Option<Strength>,
    tried: bool,
}

#[derive(Clone, Copy)]
struct Strength {
    score: Score,
    seconds: f64,
}

/// Draws the screen.
pub(crate) fn show(ui: &mut Ui, cx: &Cx<'_>, model: &Model, state: &mut Welcome) -> Option<Action> {
    ScrollArea::vertical()
        .auto_shrink(false)
        .show(ui, |ui| {
            page::column(ui, measure::FORM + space::XXL * 2.0, |ui| {
                let mut asked = languages(ui, cx, model.prefs);
                ui.add_space(space::L);
                ui.label(
                    RichText::new(cx.tr(T::Madang)).font(theme::strong(size::HUGE)).color(cx.c.jade_ink),
                );
                page::prose(ui, cx, cx.tr(T::Tagline));
                ui.add_space(space::L);
                let made = page::card(ui, cx, |ui| form(ui, cx, model, state));
                asked = asked.or(made);
                ui.add_space(space::M);
                let tried = page::card(ui, cx, |ui| {
                    page::prose(ui, cx, cx.tr(T::DemoExplained));
                    ui.add_space(space::S);
                    let idle = model.busy.is_empty();
                    button::quiet(ui, cx, T::TryDemo, idle).clicked()
                });
                if tried {
                    asked = Some(Action::Do(Command::Practice {
                        name: cx.tr(T::PracticeName).to_owned(),
                        korean: cx.lang == Lang::Ko,
                    }));
                }
                ui.add_space(space::M);
                page::hint(ui, cx, cx.tr(T::Unaudited));
                asked
            })
        })
        .inner
}

/// The choice of language, in the languages' own names.
pub(crate) fn languages(ui: &mut Ui, cx: &Cx<'_>, prefs: Prefs) -> Option<Action> {
    let mut asked = None;
    ui.horizontal(|ui| {
        for lang in Lang::ALL {
            if button::choice(ui, cx, lang.own_name(), lang == prefs.language).clicked() {
                asked = Some(Action::Do(Command::Keep(Prefs { language: lang, ..prefs })));
            }
        }
    });
    asked
}

fn form(ui: &mut Ui, cx: &Cx<'_>, model: &Model, state: &mut Welcome) -> Option<Action> {
    ui.label(RichText::new(cx.tr(T::CreateProfile)).font(theme::strong(size::TITLE)).color(cx.c.ink));
    ui.add_space(space::S);
    button::field(ui, cx, T::ProfileName, Some(T::ProfileNameHint), &mut state.name, NAME_CHARS_MAX);
    if secret::show(ui, cx, T::Passphrase, Some(T::PassphraseHint), &mut state.passphrase).changed() {
        state.strength = judge(state.passphrase.as_str());
    }
    meter(ui, cx, state.strength);
    ui.add_space(space::S);
    secret::show(ui, cx, T::PassphraseAgain, None, &mut state.again);
    ui.add_space(space::S);
    page::info(ui, cx, cx.tr(T::NoRecovery));
    ui.add_space(space::S);
    button::tick(ui, cx, &mut state.understood, T::Understood);
    ui.add_space(space::S);
    if model.is_busy(Task::Create) {
        page::working(ui, cx, T::CreatingProfile);
        return None;
    }
    let pressed = button::primary(ui, cx, T::CreateProfile, true).clicked();
    state.tried |= pressed;
    let wanting = wanting(state);
    if let Some(word) = wanting.filter(|_| state.tried) {
        ui.add_space(space::S);
        page::warning(ui, cx, cx.tr(word));
        if pressed {
            ui.scroll_to_cursor(Some(egui::Align::BOTTOM));
        }
    }
    page::failure(ui, cx, model, Task::Create);
    if !pressed || wanting.is_some() {
        return None;
    }
    state.again = Secret::default();
    state.strength = None;
    state.understood = false;
    state.tried = false;
    Some(Action::Do(Command::Create { name: text::typed(&state.name), passphrase: state.passphrase.take() }))
}

/// What keeps the profile from being made.
fn wanting(state: &Welcome) -> Option<T> {
    if text::name(&state.name).is_empty() {
        Some(T::NameMissing)
    } else if state.strength.is_none_or(|s| s.score < SCORE_MIN) {
        Some(T::TooGuessable)
    } else if state.passphrase.as_str() != state.again.as_str() {
        Some(T::PassphrasesDiffer)
    } else if !state.understood {
        Some(T::TickUnderstood)
    } else {
        None
    }
}

fn judge(passphrase: &str) -> Option<Strength> {
    if passphrase.is_empty() {
        return None;
    }
    let judged: zeroize::Zeroizing<String> =
        zeroize::Zeroizing::new(passphrase.chars().take(JUDGED_CHARS).collect());
    let entropy = zxcvbn::zxcvbn(&judged, &[]);
    let seconds = 10_f64.powf(entropy.guesses_log10()) / 2.0 / GUESSES_PER_SECOND;
    let score = if seconds < 3_600.0 {
        Score::One
    } else if seconds < 86_400.0 * 30.0 {
        Score::Two
    } else if seconds < 86_400.0 * 365.0 * 5.0 {
        Score::Three
    } else {
        Score::Four
    };
    Some(Strength { score, seconds })
}

fn meter(ui: &mut Ui, cx: &Cx<'_>, strength: Option<Strength>) {
    let (filled, colour, sentence) = match strength {
        None => (0, cx.c.line, cx.tr(T::StrengthNone).to_owned()),
        Some(Strength { score, seconds }) => {
            let (word, filled, colour) = match score {
                Score::Four => (T::StrengthStrong, 4, cx.c.jade_ink),
                Score::Three => (T::StrengthFair, 3, cx.c.jade_ink),
                Score::Two => (T::StrengthWeak, 2, cx.c.persimmon),
                _ => (T::StrengthWeak, 1, cx.c.danger),
            };
            (filled, colour, cx.with(word, &[cx.tr(span(seconds))]))
        }
    };
    let (rect, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), 6.0), Sense::hover());
    let gap = space::XS;
    let width = (rect.width() - gap * 3.0) / 4.0;
    for part in 0_u8..4 {
        let left = rect.left() + f32::from(part) * (width + gap);
        let bar = Rect::from_min_size(egui::pos2(left, rect.top()), Vec2::new(width, 4.0));
        ui.painter().rect_filled(bar, CornerRadius::same(2), if part < filled { colour } else { cx.c.line });
    }
    page::hint(ui, cx, &sentence);
}

fn span(seconds: f64) -> T {
    const STEPS: [(f64, T); 6] = [
        (60.0, T::Seconds),
        (3_600.0, T::Minutes),
        (86_400.0, T::Hours),
        (86_400.0 * 30.0, T::Days),
        (86_400.0 * 365.0, T::Months),
        (86_400.0 * 36_500.0, T::Years),
    ];
    STEPS.iter().find(|(end, _)| seconds < *end).map_or(T::Centuries, |(_, word)| *word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strength_is_told_honestly() {
        assert!(judge("password1").is_some_and(|s| s.score == Score::One));
        assert!(judge("").is_none());
        assert!(judge("orbit-lantern-walnut-39-river").is_some_and(|s| s.score >= SCORE_MIN));
        assert_eq!(span(30.0), T::Seconds);
        assert_eq!(span(1e12), T::Centuries);
    }
}
