//! Time as people type and read it: spans as a number and its unit, moments as date and time of day.

use std::time::Duration;

use crate::{failure::Failure, zone::Zone};

/// Units, the longest first: letter, word, seconds.
const UNITS: [(&str, &str, u64); 5] = [
    ("w", "week", 604_800),
    ("d", "day", 86_400),
    ("h", "hour", 3_600),
    ("m", "minute", 60),
    ("s", "second", 1),
];

/// Reads a time after which messages disappear; nothing for `off`.
///
/// # Errors
/// [`crate::failure::Kind::Usage`] if it is neither.
pub(crate) fn read(text: &str) -> Result<Option<Duration>, Failure> {
    let text = text.trim();
    if text == "off" {
        return Ok(None);
    }
    let span = UNITS.iter().find_map(|(letter, _, seconds)| {
        let number: u64 = text.strip_suffix(letter)?.trim_end().parse().ok()?;
        number.checked_mul(*seconds).map(Duration::from_secs)
    });
    let usage =
        || Failure::usage("a time is a number with its unit, such as 30s, 5m, 1h, 1d or 4w, or `off`");
    span.map(Some).ok_or_else(usage)
}

/// Says a span in the longest unit that measures it.
pub(crate) fn say(seconds: u64) -> String {
    let fits = |(_, _, unit): &&(&str, &str, u64)| seconds >= *unit && seconds.is_multiple_of(*unit);
    let (_, word, unit) = UNITS.iter().find(fits).unwrap_or(&UNITS[4]);
    let number = seconds / unit;
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

/// Says a moment, in milliseconds since 1970, as a wall clock in a zone shows it.
pub(crate) fn label(zone: &Zone, ms: u64) -> String {
    let at = zone.local(ms);
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        at.year, at.month, at.of_month, at.hour, at.minute, at.second
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_said_by_date_and_time_of_day() {
        assert_eq!(label(&Zone::default(), 1_795_823_860_376), "2026-11-27 23:57:40");
    }

    #[test]
    fn a_time_is_read_and_said() {
        for (text, seconds, said) in [
            ("30s", 30, "30 seconds"),
            ("5m", 300, "5 minutes"),
            (" 1 h ", 3_600, "1 hour"),
            ("36h", 129_600, "36 hours"),
            ("48h", 172_800, "2 days"),
            ("4w", 2_419_200, "4 weeks"),
        ] {
            assert_eq!(read(text).expect(text), Some(Duration::from_secs(seconds)));
            assert_eq!(say(seconds), said);
        }
        assert_eq!(read("off").expect("off"), None);
        assert_eq!(say(0), "0 seconds");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "h", "5", "-5m", "1.5h", "5 y", "99999999999999999999s", "99999999999999999w", "OFF"]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
