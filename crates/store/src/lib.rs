//! A profile on a disk: a sealed append-only log that is the truth, and sled as an index that may be lost.
//!
//! A batch is sealed into fixed blocks of the newest segment, written and synced; then it is acknowledged. The index
//! hears of it later, in large sorted batches, from a thread of its own; until then a table in memory answers. When
//! the index is missing, empty, damaged or ahead of the log, it is moved aside and built again; one of another layout is
//! deleted.
//!
//! ```
//! use proto::store::{Batch, LeafRule, Store, Table};
//! use madang_store::{Options, SealedStore};
//! # use crypto::vault::Cost;
//! # let folder = tempfile::tempdir()?;
//! const NOTES: Table = Table { id: 40, name: "notes", leaf: LeafRule::PerName };
//!
//! # let cost = Cost::for_tests();
//! let rng = &mut rand::rng();
//! let mut store = SealedStore::create(folder.path(), b"a passphrase", cost, Options::default(), rng)?;
//! let mut batch = Batch::new();
//! batch.put(&NOTES, b"diary", 1, b"the bridge is open".to_vec());
//! store.commit(batch)?;
//! drop(store);
//!
//! let (store, report) = SealedStore::open(folder.path(), b"a passphrase", Options::default())?;
//! assert!(!report.is_loss());
//! assert_eq!(store.get(&NOTES, b"diary", 1)?.as_deref(), Some(&b"the bridge is open"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it promises
//!
//! * A batch happens entirely or not at all; one that was acknowledged survives loss of power.
//! * Whatever a crash has left, the store opens and says in an [`OpenReport`] what it found.
//! * Without the passphrase the key file and the segments are random bytes. The index shows how many records there are
//!   under names that mean nothing, and where in the log they stand.
//! * A log that was cut short or put back to an earlier day is noticed, as far as the key file knew.
//! * What was overwritten or deleted is destroyed as its table's rule says: its key dies, soon after by itself
//!   ([`SealedStore::maintain`]) or at once ([`SealedStore::shred`]), and then nobody reads it, whoever has the
//!   passphrase and every byte that is on the disk.
//! * [`wipe`] destroys the keys of a whole profile in one small write, also while it is open.
//!
//! # What it does not promise
//!
//! Who kept an older copy of the key file and its passphrase can still open what it opened then; on a flash disk the
//! hardware may keep one. A whole folder put back to an earlier day, key file included, is not noticed.
//!
//! `docs/protocol/15-log.md` describes the files to the byte.

#![deny(missing_docs)]

mod bytes;
mod cache;
mod destruction;
pub mod disk;
mod doors;
mod error;
mod heal;
mod index;
mod key_file;
mod keys;
mod leaves;
mod maintain;
mod nodes;
mod open;
mod options;
mod recent;
mod record;
mod replay;
mod sealed;
mod segment;
mod wipe;

pub use crypto::vault::Role;
pub use doors::fitting_cost;
pub use error::{GAPS_MAX, Gap, OpenError, OpenReport, Rebuilt};
pub use maintain::{Maintenance, Usage};
pub use options::{Migration, Options};
pub use sealed::SealedStore;
pub use wipe::{Wiped, wipe};
