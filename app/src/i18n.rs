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

    /// Says `word` with `{0}`, `{1}` … replaced by `parts`. Braces within a part are left as they are, so that nobody
    /// becomes another by the name `{1}`.
    pub(crate) fn with(self, word: T, parts: &[&str]) -> String {
        let mut pieces = self.tr(word).split('{');
        let mut text = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let hole = piece
                .split_once('}')
                .and_then(|(n, after)| Some((parts.get(n.parse::<usize>().ok()?)?, after)));
            match hole {
                Some((part, after)) => text.extend([*part, after]),
                None => text.extend(["{", piece]),
            }
        }
        text
    }
}

/// Units of a span, the longest first: seconds, one of it, several.
const SPANS: [(u32, T, T); 5] = [
    (604_800, T::SpanWeek, T::SpanWeeks),
    (86_400, T::SpanDay, T::SpanDays),
    (3_600, T::SpanHour, T::SpanHours),
    (60, T::SpanMinute, T::SpanMinutes),
    (1, T::SpanSecond, T::SpanSeconds),
];

impl Lang {
    /// Says a span of time in the longest unit that measures it.
    pub(crate) fn span(self, seconds: u32) -> String {
        let fits = |(unit, ..): &&(u32, T, T)| seconds >= *unit && seconds.is_multiple_of(*unit);
        let (unit, one, several) = SPANS.iter().find(fits).unwrap_or(&SPANS[4]);
        match seconds / unit {
            1 => self.tr(*one).to_owned(),
            number => self.with(*several, &[&number.to_string()]),
        }
    }
}

impl Lang {
    /// Says a span of time in the longest unit that it fills at least once, and no finer: for what has been going on.
    pub(crate) fn whole_span(self, seconds: u64) -> String {
        self.span(whole(seconds))
    }
}

/// Of a span of seconds, what [`Lang::whole_span`] says of it: two with the same are told alike.
pub(crate) fn whole(seconds: u64) -> u32 {
    let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
    let unit = SPANS.iter().map(|(unit, ..)| *unit).find(|unit| seconds >= *unit).unwrap_or(1);
    seconds / unit * unit
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
    fn a_span_is_said_in_the_longest_unit_that_measures_it() {
        for (seconds, en, ko) in [
            (5, "5 seconds", "5초"),
            (60, "1 minute", "1분"),
            (5_400, "90 minutes", "90분"),
            (3_600, "1 hour", "1시간"),
            (86_400, "1 day", "1일"),
            (2_419_200, "4 weeks", "4주"),
        ] {
            assert_eq!((Lang::En.span(seconds), Lang::Ko.span(seconds)), (en.into(), ko.into()));
        }
    }

    #[test]
    fn what_has_been_going_on_is_said_in_one_unit() {
        for (seconds, en, ko) in [
            (0, "0 seconds", "0초"),
            (119, "1 minute", "1분"),
            (5_399, "1 hour", "1시간"),
            (90_000, "1 day", "1일"),
            (u64::MAX, "7101 weeks", "7101주"),
        ] {
            assert_eq!((Lang::En.whole_span(seconds), Lang::Ko.whole_span(seconds)), (en.into(), ko.into()));
        }
    }

    #[test]
    fn what_stands_in_a_sentence_is_never_read_as_a_part_of_it() {
        for lang in Lang::ALL {
            let said = lang.with(T::VoiceTheirs, &["{2}", "{0}", "{1} {"]);
            assert!(said.contains("{2}") && said.contains("{0}") && said.ends_with("{1} {"), "{said}");
            assert_eq!(lang.with(T::MessageTo, &["{0}"]), lang.tr(T::MessageTo));
            assert_eq!(lang.with(T::MessageTo, &[]), lang.tr(T::MessageTo));
        }
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
