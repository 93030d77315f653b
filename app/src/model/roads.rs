//! The roads that work now, and the relays.

/// The roads that work now.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Roads {
    /// Open direct links.
    pub(crate) links: u32,
    /// Known relays.
    pub(crate) relays: Vec<Relay>,
}

/// A relay: a number of this session, given out by the bridge.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct RelayKey(pub(crate) u32);

/// A relay as the network page shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Relay {
    /// Which one.
    pub(crate) key: RelayKey,
    /// Its address or short id.
    pub(crate) label: String,
    /// Reached now.
    pub(crate) connected: bool,
    /// Keeps the own mail.
    pub(crate) home: bool,
    /// For how many seconds it is reached, or not any more, no finer than it is shown; unknown until it is reached for
    /// the first time.
    pub(crate) steady: Option<u64>,
    /// Envelopes that are to be left there and are not yet.
    pub(crate) waiting: usize,
    /// What it takes for now, as it said itself.
    pub(crate) takes: Takes,
}

/// What a relay takes for now.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Takes {
    /// It has not said otherwise.
    #[default]
    All,
    /// It is full, but for receipts and the like.
    MakingRoom,
    /// It is full.
    Nothing,
    /// It asks to wait, or for payment.
    Later,
}
