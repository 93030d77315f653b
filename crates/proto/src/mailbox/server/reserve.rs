//! The room that a full relay keeps for small envelopes, so that receipts pass and senders can take back what has come.
//!
//! A relay cannot tell a receipt from a short text, and must not be able to. So the reserve is for the smallest class,
//! and each link draws from it slowly: whoever floods it needs many links and much time.

use std::time::Duration;

use crypto::seal::Class;

/// The part of the room that is kept for the smallest class: one in so many.
pub const RESERVE_SHARE: u64 = 16;

/// One envelope from the reserve costs a link so much time.
pub const RESERVE_EVERY: Duration = Duration::from_secs(5);

/// Envelopes that a link may draw when it is new. Few, or a flood would come by ever new links.
pub const RESERVE_NEW_LINK: u32 = 1;
/// Envelopes that a link may draw at once after long silence.
pub const RESERVE_BURST: u32 = 32;

/// What one link may still draw, as time that it has saved up.
#[derive(Debug)]
pub(super) struct Allowance(Duration);

impl Allowance {
    pub(super) fn new() -> Self {
        Self(RESERVE_EVERY * RESERVE_NEW_LINK)
    }

    pub(super) fn gain(&mut self, gone_by: Duration) {
        self.0 = self.0.saturating_add(gone_by).min(RESERVE_EVERY * RESERVE_BURST);
    }

    pub(super) fn draw(&mut self) -> bool {
        let left = self.0.checked_sub(RESERVE_EVERY);
        self.0 = left.unwrap_or(self.0);
        left.is_some()
    }
}

/// Whether a relay has room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Room {
    /// For anything of this size.
    Free,
    /// In the reserve alone.
    Reserved,
    /// None.
    Full,
}

impl Room {
    /// Judges where something would lie that costs so many bytes, beside what is kept.
    pub(super) fn of(class: Class, cost: u64, kept: u64, quota: u64) -> Self {
        let after = kept.saturating_add(cost);
        if after <= quota - quota / RESERVE_SHARE {
            Self::Free
        } else if after <= quota && class == Class::C0 {
            Self::Reserved
        } else {
            Self::Full
        }
    }
}
