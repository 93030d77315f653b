//! Days of use: how long a profile has been open, over all its starts. No clock on the wall has a say in it.

use std::time::Duration;

use proto::id::Moment;

/// Milliseconds of use of a profile, since it was made.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Used(pub(crate) u64);

impl Used {
    /// Returns the use that has passed since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Returns the use after `more` of it.
    pub(crate) fn plus(self, more: Duration) -> Self {
        Self(self.0.saturating_add(more.as_millis() as u64))
    }
}

/// Counts use: what was written down, and what has passed since this start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Uptime {
    before: u64,
    started: Moment,
    written: u64,
}

impl Uptime {
    /// Goes on from what was written down, at the start of a life.
    pub(crate) fn new(written: u64, now: Moment) -> Self {
        Self { before: written, started: now, written }
    }

    /// Returns all use up to now.
    pub(crate) fn at(&self, now: Moment) -> Used {
        Used(self.before.saturating_add(now.since(self.started).as_millis() as u64))
    }

    /// Returns the moment of this life at which `used` will have been reached, never one that has passed.
    pub(crate) fn moment(&self, used: Used) -> Moment {
        self.started.plus(Duration::from_millis(used.0.saturating_sub(self.before)))
    }

    /// Returns when so much use has passed since it was written down.
    pub(crate) fn deadline(&self, every: Duration) -> Moment {
        self.moment(Used(self.written).plus(every))
    }

    /// Returns what is to be written down now.
    pub(crate) fn write(&mut self, now: Moment) -> Used {
        let used = self.at(now);
        self.written = used.0;
        used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn use_adds_up_over_starts_as_far_as_it_was_written_down() {
        let hour = Duration::from_secs(3_600);
        let mut first = Uptime::new(0, Moment(500));
        assert_eq!(first.deadline(hour), Moment(500).plus(hour));
        let written = first.write(Moment(500).plus(hour)).0;
        assert_eq!(first.deadline(hour), Moment(500).plus(2 * hour));
        assert_eq!(first.at(Moment(500).plus(3 * hour)).since(Used(0)), 3 * hour);
        let second = Uptime::new(written, Moment(0));
        assert_eq!(second.at(Moment(0).plus(hour)).since(Used(0)), 2 * hour);
        assert_eq!(second.moment(Used(written + 7)), Moment(7));
        assert_eq!(second.moment(Used(0)), Moment(0));
    }
}
