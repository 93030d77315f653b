//! Labels of time: what a clock said, told in the reader's zone. Nothing is decided by them.

pub(crate) use crate::bridge::zone::{Local, Zone};
use crate::i18n::{Lang, MONTHS_EN, T, WEEKDAYS};

/// The time at which the clock stands still, for images and tests that stay the same; 0: it does not.
#[cfg(any(test, feature = "gallery"))]
pub(crate) static STOPPED_AT_MS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// Milliseconds since 1970 by this computer's clock.
pub(crate) fn now_ms() -> u64 {
    #[cfg(any(test, feature = "gallery"))]
    if let stopped @ 1.. = STOPPED_AT_MS.load(std::sync::atomic::Ordering::Relaxed) {
        return stopped;
    }
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// Seconds of a clock that never goes back and that goes on while the machine sleeps. Only differences mean anything.
pub(crate) fn steady_s() -> f64 {
    #[cfg(target_os = "linux")]
    let id = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let id = rustix::time::ClockId::Monotonic;
    let now = rustix::time::clock_gettime(id);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
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
        _ => {
            let month = &MONTHS_EN[(local.month - 1) % 12][..3];
            let numbers = [local.year.to_string(), local.month.to_string(), local.of_month.to_string()];
            lang.with(T::DateShort, &[&numbers[0], &numbers[1], &numbers[2], month])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_named_in_both_languages() {
        let local = Zone::default().local(20_779 * 86_400_000 + 3_600_000 * 14 + 300_000);
        assert_eq!(time(local), "14:05");
        assert_eq!(day(Lang::En, local, local.day + 3), "Sunday 22 November 2026");
        assert_eq!(day(Lang::Ko, local, local.day + 3), "2026년 11월 22일 일요일");
        assert_eq!(short(Lang::Ko, local, local.day + 1), "어제");
        assert_eq!(short(Lang::En, local, local.day + 3), "22 Nov");
        assert_eq!(short(Lang::Ko, local, local.day + 3), "11. 22.");
    }
}
