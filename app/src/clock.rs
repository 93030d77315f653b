//! Labels of time: what a clock said, told in the reader's zone. Nothing is decided by them.

use crate::i18n::{Lang, MONTHS_EN, T, WEEKDAYS};

/// Largest zone file that is read; real ones are below 4 KiB.
const ZONE_BYTES_MAX: usize = 64 * 1024;

/// The time at which the clock stands still, for images that stay the same; 0: it does not.
#[cfg(feature = "gallery")]
pub(crate) static STOPPED_AT_MS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// Milliseconds since 1970 by this computer's clock.
pub(crate) fn now_ms() -> u64 {
    #[cfg(feature = "gallery")]
    if let stopped @ 1.. = STOPPED_AT_MS.load(std::sync::atomic::Ordering::Relaxed) {
        return stopped;
    }
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// A local time zone: when its offset from UTC changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Zone {
    /// From this second of UTC on, this many seconds east.
    changes: Vec<(i64, i32)>,
}

impl Zone {
    /// Reads a TZif file (RFC 9636, version 2 and above); anything else gives UTC.
    pub(crate) fn parse(bytes: &[u8]) -> Zone {
        if bytes.len() > ZONE_BYTES_MAX {
            return Zone::default();
        }
        Zone::parse_second_block(bytes).unwrap_or_default()
    }

    fn parse_second_block(bytes: &[u8]) -> Option<Zone> {
        let first = Header::parse(bytes)?;
        let second = bytes.get(Header::LEN + first.body(4)..)?;
        let head = Header::parse(second)?;
        let body = second.get(Header::LEN..)?;
        let (times, rest) = body.split_at_checked(head.times * 8)?;
        let (kinds, rest) = rest.split_at_checked(head.times)?;
        let types = rest.get(..head.types * 6)?;
        let offset = |kind: usize| -> Option<i32> {
            Some(i32::from_be_bytes(types.get(kind * 6..kind * 6 + 4)?.try_into().ok()?))
        };
        let mut changes = vec![(i64::MIN, offset(0)?)];
        for (time, kind) in times.chunks_exact(8).zip(kinds) {
            changes.push((i64::from_be_bytes(time.try_into().ok()?), offset(usize::from(*kind))?));
        }
        Some(Zone { changes })
    }

    fn offset_at(&self, second: i64) -> i64 {
        let next = self.changes.partition_point(|(from, _)| *from <= second);
        next.checked_sub(1).and_then(|at| self.changes.get(at)).map_or(0, |(_, offset)| i64::from(*offset))
    }

    /// What a wall clock here shows at `ms` since 1970.
    pub(crate) fn local(&self, ms: u64) -> Local {
        let second = i64::try_from(ms / 1000).unwrap_or(i64::MAX / 2);
        let local = second.saturating_add(self.offset_at(second));
        let (day, within) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, of_month) = civil(day);
        Local { day, year, month, of_month, hour: within / 3600, minute: within % 3600 / 60 }
    }
}

struct Header {
    times: usize,
    types: usize,
    leaps: usize,
    chars: usize,
    std: usize,
    ut: usize,
}

impl Header {
    const LEN: usize = 44;

    fn parse(bytes: &[u8]) -> Option<Header> {
        let head = bytes.get(..Self::LEN)?;
        if &head[..4] != b"TZif" || head[4] < b'2' {
            return None;
        }
        let count = |at: usize| {
            usize::try_from(u32::from_be_bytes(head[at..at + 4].try_into().ok()?))
                .ok()
                .filter(|n| *n < ZONE_BYTES_MAX)
        };
        Some(Header {
            ut: count(20)?,
            std: count(24)?,
            leaps: count(28)?,
            times: count(32)?,
            types: count(36)?,
            chars: count(40)?,
        })
    }

    fn body(&self, time_size: usize) -> usize {
        self.times * (time_size + 1)
            + self.types * 6
            + self.chars
            + self.leaps * (time_size + 4)
            + self.std
            + self.ut
    }
}

/// A wall clock's reading.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Local {
    /// Days since 1970-01-01, local.
    pub(crate) day: i64,
    year: i64,
    month: usize,
    of_month: i64,
    hour: i64,
    minute: i64,
}

/// Year, month 1–12 and day of a count of days since 1970 (proleptic Gregorian).
fn civil(days: i64) -> (i64, usize, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (
        yoe + era * 400 + i64::from(month <= 2),
        usize::try_from(month).unwrap_or(1),
        doy - (153 * mp + 2) / 5 + 1,
    )
}

/// The hour and minute, as a label.
pub(crate) fn time(local: Local) -> String {
    format!("{:02}:{:02}", local.hour, local.minute)
}

/// A day as it stands on a line between messages.
pub(crate) fn day(lang: Lang, local: Local, today: i64) -> String {
    match today - local.day {
        0 => lang.tr(T::Today).to_owned(),
        1 => lang.tr(T::Yesterday).to_owned(),
        _ => {
            let weekday = usize::try_from((local.day + 4).rem_euclid(7)).unwrap_or(0);
            let month = MONTHS_EN[(local.month - 1) % 12];
            let date = lang.with(
                T::DateLong,
                &[&local.year.to_string(), &local.month.to_string(), &local.of_month.to_string(), month],
            );
            let name = WEEKDAYS[usize::from(lang == Lang::Ko)][weekday];
            lang.with(
                T::DayLine,
                &if lang == Lang::Ko { [date.as_str(), name] } else { [name, date.as_str()] },
            )
        }
    }
}

/// The shortest useful label: the time today, the day before that.
pub(crate) fn short(lang: Lang, local: Local, today: i64) -> String {
    match today - local.day {
        0 => time(local),
        1 => lang.tr(T::Yesterday).to_owned(),
        _ => lang.with(
            T::DateShort,
            &[&local.year.to_string(), &local.month.to_string(), &local.of_month.to_string()],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_the_calendar_does() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_779), (2026, 11, 22));
    }

    #[test]
    fn a_day_is_named_in_both_languages() {
        let local = Zone::default().local(20_779 * 86_400_000 + 3_600_000 * 14 + 300_000);
        assert_eq!(time(local), "14:05");
        assert_eq!(day(Lang::En, local, local.day + 3), "Sunday 22 November 2026");
        assert_eq!(day(Lang::Ko, local, local.day + 3), "2026년 11월 22일 일요일");
        assert_eq!(short(Lang::Ko, local, local.day + 1), "어제");
    }

    #[test]
    fn a_torn_zone_file_gives_utc() {
        for bytes in [&b""[..], b"TZif2", &[0xFF; 200]] {
            assert_eq!(time(Zone::parse(bytes).local(3_600_000)), "01:00");
        }
    }
}
