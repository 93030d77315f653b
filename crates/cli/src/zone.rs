//! The local time zone of this computer, for labels of time. Nothing is decided by them.

use std::sync::LazyLock;

use jiff::{Timestamp, tz::TimeZone};

/// The zone that the system is set to, read once; UTC where it tells none.
pub fn here() -> &'static Zone {
    static HERE: LazyLock<Zone> = LazyLock::new(|| Zone(TimeZone::try_system().unwrap_or(TimeZone::UTC)));
    &HERE
}

/// A local time zone: when its offset from UTC changes.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

/// UTC.
impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl Zone {
    /// What a wall clock here shows at `ms` since 1970; the end of the year 9999 for anything later.
    pub fn local(&self, ms: u64) -> Local {
        let at = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let at = at.unwrap_or(Timestamp::MAX);
        let offset = self.0.to_offset(at);
        let wall = offset.to_datetime(at);
        Local {
            day: (at.as_second() + i64::from(offset.seconds())).div_euclid(86_400),
            year: wall.year().into(),
            month: usize::from(wall.month().unsigned_abs()),
            of_month: wall.day().into(),
            hour: wall.hour().into(),
            minute: wall.minute().into(),
            second: wall.second().into(),
        }
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

#[cfg(test)]
mod tests {
    use jiff::tz::Offset;

    use super::*;

    #[test]
    fn a_wall_clock_shows_what_the_zone_says() {
        let seoul = Zone(TimeZone::fixed(Offset::constant(9)));
        let local = seoul.local(20_779 * 86_400_000 + 3_600_000 * 23 + 61_000);
        let day = (local.year, local.month, local.of_month, local.day);
        assert_eq!((day, local.hour, local.minute, local.second), ((2026, 11, 23, 20_780), 8, 1, 1));
    }

    #[test]
    fn any_number_that_somebody_claims_as_a_time_can_be_shown() {
        for ms in [0, 253_402_207_200_999, 253_402_207_201_000, u64::MAX / 2, u64::MAX] {
            for hours in [-12, 0, 14] {
                let local = Zone(TimeZone::fixed(Offset::constant(hours))).local(ms);
                assert!(local.month >= 1 && local.month <= 12 && local.year >= 1969, "{ms} {local:?}");
            }
        }
    }
}
