//! A new passphrase: typed twice, with an honest word about its strength.

use egui::{CornerRadius, Rect, Sense, Ui, Vec2};
use zeroize::Zeroizing;
use zxcvbn::Score;

use crate::{
    i18n::T,
    theme::{measure, radius, space},
    widget::{
        Cx, page,
        secret::{self, Secret},
    },
};

/// Guesses a second of someone who has copied the disk: the passphrase is stretched to about a second and 256 MiB each, with a thousand machines at work.
const GUESSES_PER_SECOND: u32 = 1_000;

const HOUR_S: u32 = 60 * 60;
const DAY_S: u32 = 24 * HOUR_S;
const YEAR_S: u32 = 365 * DAY_S;
/// Below this score a passphrase is not taken.
const SCORE_MIN: Score = Score::Three;
/// Only this much of a passphrase is judged, so that a keystroke never takes long.
const JUDGED_CHARS: usize = 64;

/// Two fields and what is thought of them.
#[derive(Default)]
pub(crate) struct NewPassphrase {
    passphrase: Secret,
    again: Secret,
    strength: Option<Strength>,
}

#[derive(Clone, Copy)]
struct Strength {
    score: Score,
    seconds: f64,
}

impl NewPassphrase {
    /// Draws the fields, with `label` over the first.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>, label: T) {
        if secret::show(ui, cx, label, Some(T::PassphraseHint), &mut self.passphrase).changed() {
            self.strength = judge(self.passphrase.as_str());
        }
        meter(ui, cx, self.strength);
        ui.add_space(space::S);
        secret::show(ui, cx, T::PassphraseAgain, None, &mut self.again);
    }

    /// What keeps it from being taken.
    pub(crate) fn wanting(&self) -> Option<T> {
        if self.strength.is_none_or(|s| s.score < SCORE_MIN) {
            Some(T::TooGuessable)
        } else if self.passphrase.as_str() != self.again.as_str() {
            Some(T::PassphrasesDiffer)
        } else {
            None
        }
    }

    /// Whether anything has been typed.
    pub(crate) fn is_empty(&self) -> bool {
        self.passphrase.as_str().is_empty()
    }

    /// Hands the passphrase on and leaves empty buffers.
    pub(crate) fn take(&mut self) -> Zeroizing<String> {
        std::mem::take(self).passphrase.take()
    }
}

fn judge(passphrase: &str) -> Option<Strength> {
    if passphrase.is_empty() {
        return None;
    }
    let judged: Zeroizing<String> = Zeroizing::new(passphrase.chars().take(JUDGED_CHARS).collect());
    let entropy = zxcvbn::zxcvbn(&judged, &[]);
    let seconds = 10_f64.powf(entropy.guesses_log10()) / 2.0 / f64::from(GUESSES_PER_SECOND);
    let score = if seconds < f64::from(HOUR_S) {
        Score::One
    } else if seconds < f64::from(30 * DAY_S) {
        Score::Two
    } else if seconds < f64::from(5 * YEAR_S) {
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
    let (rect, _) =
        ui.allocate_exact_size(Vec2::new(ui.available_width(), measure::METER + space::XXS), Sense::hover());
    let gap = space::XS;
    let width = (rect.width() - gap * 3.0) / 4.0;
    for part in 0_u8..4 {
        let left = rect.left() + f32::from(part) * (width + gap);
        let bar = Rect::from_min_size(egui::pos2(left, rect.top()), Vec2::new(width, measure::METER));
        ui.painter().rect_filled(
            bar,
            CornerRadius::same(radius::XS),
            if part < filled { colour } else { cx.c.quiet_hover },
        );
    }
    page::hint(ui, cx, &sentence);
}

fn span(seconds: f64) -> T {
    const STEPS: [(u32, T); 6] = [
        (60, T::Seconds),
        (HOUR_S, T::Minutes),
        (DAY_S, T::Hours),
        (30 * DAY_S, T::Days),
        (YEAR_S, T::Months),
        (100 * YEAR_S, T::Years),
    ];
    STEPS.iter().find(|(end, _)| seconds < f64::from(*end)).map_or(T::Centuries, |(_, word)| *word)
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
