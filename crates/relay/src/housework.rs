//! When the relay tidies up. In quiet moments; and where there are none, after a second, and then in step with what is
//! written: otherwise a flood would keep the log growing until the disk is full. Pure: time is an argument.

use std::time::{Duration, Instant};

/// How long housework waits for a quiet moment. Then it goes before all else, and again after as long.
const PATIENCE: Duration = Duration::from_secs(1);

/// What one piece of housework looks through, in bytes of the log; so much must have been written before the next piece
/// goes before all else.
const PIECE_BYTES: u64 = 1 << 20;

/// Pieces that are owed at most, so that clients are served in between.
const OWED_MAX: u64 = 4;

/// Whether there is housework, and since when it waits.
#[derive(Debug, Default)]
pub(crate) struct Housework {
    since: Option<Instant>,
    written: u64,
}

impl Housework {
    /// There may be something to do.
    pub(crate) fn wake(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// So many bytes of frames went into a commit.
    pub(crate) fn wrote(&mut self, bytes: usize) {
        self.written = self.written.saturating_add(bytes as u64).min(OWED_MAX * PIECE_BYTES);
    }

    /// Whether a quiet moment is of use.
    pub(crate) fn is_wanted(&self) -> bool {
        self.since.is_some()
    }

    /// When a piece goes before all else.
    pub(crate) fn overdue_at(&self) -> Option<Instant> {
        let patience = if self.written >= PIECE_BYTES { Duration::ZERO } else { PATIENCE };
        self.since.map(|since| since + patience)
    }

    /// A piece is done; `more` says whether there is another.
    pub(crate) fn did(&mut self, more: bool, now: Instant) {
        self.since = more.then_some(now);
        self.written = self.written.saturating_sub(PIECE_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds of a flood that leaves no quiet moment; gives how many pieces of housework were done.
    fn flood(seconds: u64, frame_bytes: usize) -> u64 {
        let mut now = Instant::now();
        let end = now + Duration::from_secs(seconds);
        let mut housework = Housework::default();
        housework.wake(now);
        let mut pieces = 0;
        while now < end {
            if housework.overdue_at().is_some_and(|at| at <= now) {
                pieces += 1;
                housework.did(true, now);
                continue;
            }
            housework.wrote(frame_bytes);
            now += Duration::from_millis(10);
        }
        pieces
    }

    #[test]
    fn a_flood_does_not_keep_the_relay_from_tidying() {
        assert!(flood(60, 0) >= 59, "a piece a second, if nothing is written");
        let written = 60 * 100 * (256 << 10);
        assert!(flood(60, 256 << 10) >= written / PIECE_BYTES - OWED_MAX, "and as much as is written");
    }

    #[test]
    fn who_has_much_to_tidy_serves_clients_in_between() {
        let now = Instant::now();
        let mut housework = Housework::default();
        housework.wrote(1 << 30);
        assert_eq!(housework.overdue_at(), None, "nothing is to be done");
        housework.wake(now);
        let mut pieces = 0;
        while housework.overdue_at().is_some_and(|at| at <= now) {
            pieces += 1;
            housework.did(true, now);
        }
        assert_eq!(pieces, OWED_MAX);
        assert!(housework.is_wanted(), "the rest waits for a quiet moment, or a second");
    }
}
