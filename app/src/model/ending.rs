//! Why a profile closed although nobody asked for it.

use crate::i18n::T;

/// Why a profile closed by itself. The window starts anew then, so that the reason is handed on as an argument.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// The disk is full.
    Full,
    /// Something in it cannot be read.
    Damaged,
    /// It was destroyed.
    Wiped,
    /// The disk refused, or something else.
    Other,
}

impl Ending {
    const ALL: [Ending; 4] = [Ending::Full, Ending::Damaged, Ending::Wiped, Ending::Other];

    /// What the person is told.
    pub(crate) fn sentence(self) -> T {
        match self {
            Ending::Full => T::FailEndedFull,
            Ending::Damaged => T::FailEndedDamaged,
            Ending::Wiped => T::FailEndedWiped,
            Ending::Other => T::FailEnded,
        }
    }

    /// The word for it in an argument. It says nothing of whose profile it is.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Ending::Full => "full",
            Ending::Damaged => "damaged",
            Ending::Wiped => "wiped",
            Ending::Other => "other",
        }
    }

    /// The reason with this word.
    pub(crate) fn named(word: &str) -> Option<Ending> {
        Ending::ALL.into_iter().find(|ending| ending.word() == word)
    }
}
