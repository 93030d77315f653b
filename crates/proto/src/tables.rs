//! Every table of this floor: router 0..=31, a relay's mailbox 96..=127.

use crate::store::{LeafRule, Table};

/// The router: envelopes that leave, by their number.
pub const OUTBOX: Table = Table { id: 0, name: "outbox", leaf: LeafRule::PerRun(64) };

/// The router: which mailboxes keep a leaving envelope, by its number.
pub const OUTBOX_MARK: Table = Table { id: 1, name: "outbox-mark", leaf: LeafRule::Shared };

/// A relay's mailbox: one record with the list's name, its beginning and the uptime.
pub const BOX_STATE: Table = Table { id: 96, name: "box-state", leaf: LeafRule::Shared };

/// A relay's mailbox: what the list knows of each deposit, by its position.
pub const BOX_ENTRY: Table = Table { id: 97, name: "box-entry", leaf: LeafRule::Shared };

/// A relay's mailbox: the sealed bytes of each deposit, by its position.
pub const BOX_BLOB: Table = Table { id: 98, name: "box-blob", leaf: LeafRule::Shared };
