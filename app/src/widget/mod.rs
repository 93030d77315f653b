//! Pieces that several screens share. Each has a role and a name in the reader's language.

pub(crate) mod avatar;
pub(crate) mod button;
pub(crate) mod icon;
pub(crate) mod page;
pub(crate) mod paragraph;
pub(crate) mod path;
pub(crate) mod qr;
pub(crate) mod row;
pub(crate) mod secret;
pub(crate) mod stream;

use crate::{
    clock::{self, Zone},
    i18n::{Lang, T},
    theme::Palette,
};

/// What every view and widget needs to draw: language, colours and the reader's day.
#[derive(Clone, Copy)]
pub(crate) struct Cx<'a> {
    /// Language of the interface.
    pub(crate) lang: Lang,
    /// Colours in force.
    pub(crate) c: &'static Palette,
    /// Local time zone.
    pub(crate) zone: &'a Zone,
    /// Local day number of now.
    pub(crate) today: i64,
    /// One column only.
    pub(crate) narrow: bool,
}

impl Cx<'_> {
    /// Says a word.
    pub(crate) fn tr(&self, word: T) -> &'static str {
        self.lang.tr(word)
    }

    /// Says a sentence with parts.
    pub(crate) fn with(&self, word: T, parts: &[&str]) -> String {
        self.lang.with(word, parts)
    }

    /// The label of a time in a list.
    pub(crate) fn short_time(&self, ms: Option<u64>) -> String {
        ms.map_or_else(String::new, |ms| clock::short(self.lang, self.zone.local(ms), self.today))
    }

    /// The label of a time beside a message.
    pub(crate) fn clock_time(&self, ms: Option<u64>) -> String {
        ms.map_or_else(String::new, |ms| clock::time(self.zone.local(ms)))
    }

    /// The label of a day, with a time, as in "about".
    pub(crate) fn full_time(&self, ms: Option<u64>) -> String {
        ms.map_or_else(
            || self.tr(T::NoTime).to_owned(),
            |ms| {
                let local = self.zone.local(ms);
                self.with(T::DayAndTime, &[&clock::day(self.lang, local, self.today), &clock::time(local)])
            },
        )
    }
}
