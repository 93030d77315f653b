//! Settings that are no secret and hold before a profile is open.

use serde::{Deserialize, Serialize};

use crate::{i18n::Lang, theme::measure};

/// Which colours to use.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ThemeChoice {
    /// As the system says.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// How much a notice of the desktop says.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Notify {
    /// There is none.
    Off,
    /// That something came.
    #[default]
    Hidden,
    /// Who wrote.
    Named,
    /// Who wrote, and what.
    Full,
}

/// Settings that are no secret and hold before a profile is open.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct Prefs {
    /// Language of the interface.
    pub(crate) language: Lang,
    /// Colours.
    pub(crate) theme: ThemeChoice,
    /// Text size in percent.
    pub(crate) text_percent: u16,
    /// Enter sends and Shift+Enter breaks the line; otherwise Ctrl+Enter sends.
    pub(crate) enter_sends: bool,
    /// Minutes without input until the profile locks; 0 is never.
    pub(crate) auto_lock_minutes: u16,
    /// What notices say.
    pub(crate) notify: Notify,
    /// Contacts are told when their messages have been seen.
    pub(crate) tell_read: bool,
    /// Width of the list of chats, in points.
    pub(crate) list: f32,
    /// The window filled the screen at the last end.
    pub(crate) maximized: bool,
    /// Size of the window at the last end, in points.
    pub(crate) window: [f32; 2],
}

impl Prefs {
    /// Text sizes that can be chosen, in percent.
    pub(crate) const TEXT_SIZES: [u16; 6] = [85, 100, 115, 130, 150, 175];
    /// Minutes that can be chosen for the lock.
    pub(crate) const LOCK_MINUTES: [u16; 4] = [0, 5, 15, 60];
    /// Smallest window, in points.
    pub(crate) const WINDOW_MIN: [f32; 2] = [400.0, 480.0];

    /// The same within bounds, whatever a file said.
    pub(crate) fn bounded(mut self) -> Prefs {
        self.text_percent = self.text_percent.clamp(Self::TEXT_SIZES[0], Self::TEXT_SIZES[5]);
        self.auto_lock_minutes = self.auto_lock_minutes.min(24 * 60);
        self.list = if self.list.is_finite() {
            self.list.clamp(measure::LIST_MIN, measure::LIST_MAX)
        } else {
            measure::LIST
        };
        for (side, least) in self.window.iter_mut().zip(Self::WINDOW_MIN) {
            *side = if side.is_finite() { side.clamp(least, 8192.0) } else { least };
        }
        self
    }
}

impl Default for Prefs {
    fn default() -> Prefs {
        Prefs {
            language: Lang::default(),
            theme: ThemeChoice::default(),
            text_percent: 100,
            enter_sends: true,
            auto_lock_minutes: 15,
            notify: Notify::default(),
            tell_read: true,
            list: measure::LIST,
            maximized: false,
            window: [1120.0, 720.0],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_from_a_file_are_bounded() {
        let wild = Prefs {
            text_percent: 60_000,
            auto_lock_minutes: u16::MAX,
            window: [f32::NAN, 1e30],
            ..Prefs::default()
        }
        .bounded();
        assert_eq!((wild.text_percent, wild.auto_lock_minutes), (175, 1440));
        assert!(wild.window.iter().all(|side| *side <= 8192.0 && *side >= 400.0));
    }
}
