//! Madang's core: people, conversations, and a node that carries them.
//!
//! With the feature `node` (on by default) this crate runs: [`Node`] keeps a profile on disk, links to contacts and
//! relays, and tells what happens. Without it the crate is pure: [`engine::Engine`] is the whole client as a state
//! machine over bytes, time and randomness that are handed to it.

#![deny(missing_docs)]

pub mod backup;
pub mod content;
pub mod event;

pub mod contact;
pub mod conversation;
pub mod draft;
pub mod glance;

pub mod stream;

mod pair;
mod tables;
mod uptime;

/// What is told of a record of ours that cannot be read.
pub(crate) const CORRUPT: proto::store::StoreError =
    proto::store::StoreError::Corrupt("a record of the profile");

pub mod engine;

#[cfg(feature = "node")]
pub mod node;

#[cfg(feature = "invent")]
pub mod invent;

pub use crypto::backup::{BackupError, BackupSecret};
pub use crypto::identity::AccountId;
pub use crypto::safety::{Comparison, SafetyNumber};
pub use crypto::vault::{Cost, VaultError};
pub use proto::id::{Address, PeerName};
pub use proto::store::StoreError;

pub use contact::{Contact, ContactState};
pub use content::{ConversationId, MessageId};
pub use conversation::{Choice, Message, Page, Span};
pub use draft::Draft;
pub use engine::{CommandError, RelayInfo, Takes, Whoami};
pub use event::{ContactId, Delivery, Event, Notice, Place, RelayNumber, Step, TrailStep};
pub use glance::Glance;
#[cfg(feature = "node")]
pub use net::{any_addresses, raise_file_limit, scrub_environment};
#[cfg(feature = "node")]
pub use node::{Config, Ended, Events, GiveUp, Node, NodeError, TransferError, lock, wipe};
#[cfg(feature = "node")]
pub use store::{OpenError, Wiped};
