//! The sealed append-only log, with sled as its index.

#![deny(missing_docs)]

mod bytes;
mod cache;
pub mod disk;
mod error;
mod index;
mod keys;
mod maintain;
mod open;
mod options;
mod recent;
mod record;
mod sealed;
mod segment;

pub use error::{OpenError, OpenReport, Rebuilt};
pub use maintain::{Maintenance, Usage};
pub use options::{Migration, Options};
pub use sealed::SealedStore;
