//! The local time zone of this computer, for labels of time. Nothing is decided by them.

use std::sync::LazyLock;

/// Largest zone file that is read; real ones are below 4 KiB.
const ZONE_BYTES_MAX: usize = 64 * 1024;

/// The zone that the system is set to, read once: `/etc/localtime`, else UTC.
pub fn here() -> &'static Zone {
    static HERE: LazyLock<Zone> =
        LazyLock::new(|| Zone::parse(&std::fs::read("/etc/localtime").unwrap_or_default()));
    &HERE
}

/// A local time zone: when its offset from UTC changes.
#[derive(Clone, Debug, Default)]
pub struct Zone {
    /// From this second of UTC on, this many seconds east.
    changes: Vec<(i64, i32)>,
}

impl Zone {
    /// Reads a TZif file (RFC 9636, version 2 and above); anything else gives UTC.
    pub fn parse(bytes: &[u8]) -> Zone {
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
    pub fn local(&self, ms: u64) -> Local {
        let second = i64::try_from(ms / 1000).unwrap_or(i64::MAX / 2);
        let local = second.saturating_add(self.offset_at(second));
        let (day, within) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, of_month) = civil(day);
        Local {
            day,
            year,
            month,
            of_month,
            hour: within / 3600,
            minute: within % 3600 / 60,
            second: within % 60,
        }
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
pub struct Local {
    /// Days since 1970-01-01, local.
    pub day: i64,
    /// The year.
    pub year: i64,
    /// The month, from 1.
    pub month: usize,
    /// The day of the month, from 1.
    pub of_month: i64,
    /// The hour, from 0.
    pub hour: i64,
    /// The minute, from 0.
    pub minute: i64,
    /// The second, from 0.
    pub second: i64,
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
    fn a_wall_clock_shows_what_the_zone_says() {
        // Two blocks without changes and with one type; the second block's: nine hours east.
        let head = |types: u8| {
            let mut head = [0; Header::LEN];
            head[..5].copy_from_slice(b"TZif2");
            head[39] = types;
            head
        };
        let file = [&head(0)[..], &head(1), &32_400i32.to_be_bytes(), &[0, 0]].concat();
        let local = Zone::parse(&file).local(20_779 * 86_400_000 + 3_600_000 * 23 + 61_000);
        let day = (local.year, local.month, local.of_month);
        assert_eq!((day, local.hour, local.minute, local.second), ((2026, 11, 23), 8, 1, 1));
    }

    #[test]
    fn a_torn_zone_file_gives_utc() {
        for bytes in [&b""[..], b"TZif2", &[0xFF; 200]] {
            let local = Zone::parse(bytes).local(3_600_000);
            assert_eq!((local.hour, local.minute), (1, 0));
        }
    }
}
