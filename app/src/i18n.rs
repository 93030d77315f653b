//! Every word that the window shows, in each language.

mod words;

use serde::{Deserialize, Serialize};

pub(crate) use self::words::T;

/// A language of the interface.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Lang {
    /// English.
    #[default]
    En,
    /// Korean.
    Ko,
}

impl Lang {
    /// All languages, as offered.
    pub(crate) const ALL: [Lang; 2] = [Lang::Ko, Lang::En];

    /// The name of the language in itself.
    pub(crate) fn own_name(self) -> &'static str {
        match self {
            Lang::En => "English",
            Lang::Ko => "한국어",
        }
    }

    /// Guesses from a POSIX locale such as `ko_KR.UTF-8`.
    pub(crate) fn from_locale(locale: &str) -> Lang {
        if locale.to_ascii_lowercase().starts_with("ko") { Lang::Ko } else { Lang::En }
    }

    /// Says `word` in this language.
    pub(crate) fn tr(self, word: T) -> &'static str {
        match self {
            Lang::En => word.en(),
            Lang::Ko => word.ko(),
        }
    }

    /// Says `word` with `{0}`, `{1}` … replaced by `parts`.
    pub(crate) fn with(self, word: T, parts: &[&str]) -> String {
        let mut text = self.tr(word).to_owned();
        for (index, part) in parts.iter().enumerate() {
            text = text.replace(&format!("{{{index}}}"), part);
        }
        text
    }
}

/// Months as they stand in a date.
pub(crate) const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// Days of the week, from Sunday.
pub(crate) const WEEKDAYS: [[&str; 7]; 2] = [
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"],
    ["일요일", "월요일", "화요일", "수요일", "목요일", "금요일", "토요일"],
];

#[cfg(test)]
mod tests {
    use super::*;

    fn holes(text: &str) -> Vec<char> {
        let mut found: Vec<char> =
            text.match_indices('{').filter_map(|(at, _)| text[at + 1..].chars().next()).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    #[test]
    fn both_languages_say_everything_with_the_same_parts() {
        for word in T::ALL {
            let (en, ko) = (word.en(), word.ko());
            assert!(!en.trim().is_empty() && !ko.trim().is_empty(), "{word:?}");
            if *word != T::DateLong && *word != T::DateShort {
                assert_eq!(holes(en), holes(ko), "{word:?}");
            }
            let hangul = ko.chars().any(|c| ('가'..='힣').contains(&c));
            // Keys are named as they are printed on the keyboard.
            let key = format!("{word:?}").starts_with("Key") && en == ko;
            let bare =
                !en.chars().any(char::is_alphabetic) || key || matches!(word, T::VoiceTheirs | T::FoundCount);
            assert!(hangul || bare || *word == T::DateShort, "{word:?} is not translated: {ko}");
            assert!(!en.chars().any(|c| ('가'..='힣').contains(&c)), "{word:?}");
        }
    }
}
