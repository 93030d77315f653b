//! Why a store does not open, and what was found while it opened.

use std::io;

use crypto::vault::VaultError;
use proto::store::StoreError;
use thiserror::Error;

/// Why a store cannot be opened or made.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum OpenError {
    /// Another process has the profile open.
    #[error("another program is using this profile; close it, then try again")]
    Busy,
    /// The passphrase or seed opens nothing in the key file.
    #[error("this passphrase does not open the profile; check it and try again")]
    WrongPassphrase,
    /// There is no key file in the folder.
    #[error("there is no profile in this folder; choose another folder or make a profile")]
    NoProfile,
    /// A profile, or the log of one, is already in the folder.
    #[error("this folder already holds a profile or parts of one; open it or choose an empty folder")]
    AlreadyThere,
    /// A file is not what was written.
    #[error("the profile is damaged ({0}); restore it from a backup")]
    Damaged(&'static str),
    /// The tables were written by a later version of the program.
    #[error(
        "the profile was written by a newer version ({found}, this one knows {known}); update the program"
    )]
    Newer {
        /// The version that was found.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// The cost of the passphrase is outside what this program takes, or memory is short.
    #[error("{0}")]
    Vault(VaultError),
    /// A read or write failed.
    #[error("the profile cannot be opened: {0}")]
    Store(#[from] StoreError),
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Store(store_error(&error))
    }
}

impl From<VaultError> for OpenError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::WrongPassphrase => Self::WrongPassphrase,
            VaultError::NotAKeyFile => Self::Damaged("its key file"),
            other => Self::Vault(other),
        }
    }
}

/// What was found and repaired while a store opened. All false and zero after a clean shutdown.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[must_use = "the person must hear of a rollback or of damage"]
pub struct OpenReport {
    /// The index was built again from the log, for this reason; the one before was moved aside or, if only its layout was
    /// another, deleted.
    pub rebuilt: Option<Rebuilt>,
    /// The end of the log held a commit that was never acknowledged; it was cut off.
    pub torn_tail: bool,
    /// The log ends before a commit that the key file knows of: files were put back to an earlier state.
    pub rolled_back: bool,
    /// Commits that can no longer be read because their blocks are damaged.
    pub lost_commits: u64,
    /// Segment files that should be there and are not.
    pub missing_segments: u64,
    /// Commits that the index had not heard of, as after a crash.
    pub replayed_commits: u64,
    /// Where the lost commits are missing, in the order of the log; at most [`GAPS_MAX`], and `lost_commits` counts what
    /// is missing in all.
    pub gaps: Vec<Gap>,
}

/// Gaps of a log that one report names.
pub const GAPS_MAX: usize = 1_024;

/// A place where the log goes on behind commits that are lost.
///
/// Every start that reads the log there finds it: the first one after the damage, and later one whose index was made
/// anew. Who has acted on a loss keeps its gaps, and knows by them what is news.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Gap {
    /// The chain after the last commit before the gap, and the chain that the first one behind it goes on from. A gap that
    /// has grown at either end is another one.
    pub between: [u8; 32],
    /// Commits that are missing there.
    pub commits: u64,
}

impl OpenReport {
    /// Whether something that had been acknowledged is gone or may be older than it was.
    #[must_use]
    pub fn is_loss(&self) -> bool {
        self.rolled_back || self.lost_commits > 0 || self.missing_segments > 0
    }
}

/// Why the index was built again. Nothing is lost by it.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Rebuilt {
    /// It was not there.
    #[error("the index was missing and has been built again from the log; nothing is lost")]
    Missing,
    /// It did not open, or reported an error, or panicked.
    #[error("the index was damaged and has been built again from the log; nothing is lost")]
    Damaged,
    /// Another version wrote it, in another layout: no damage.
    #[error(
        "the index had the layout of another version and has been built again from the log; nothing is lost"
    )]
    OtherLayout,
    /// It opened and was silently empty.
    #[error("the index was empty and has been built again from the log; nothing is lost")]
    Empty,
    /// It spoke of another log, or of commits that this log does not have.
    #[error("the index did not match the log and has been built again from it")]
    Mismatch,
}

/// Whether the system has no file free: ENFILE or EMFILE, which have no kind of their own.
pub(crate) fn is_out_of_files(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}

pub(crate) fn store_error(error: &io::Error) -> StoreError {
    match error.kind() {
        _ if is_out_of_files(error) => StoreError::NoFiles,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
        kind => StoreError::Io(kind),
    }
}
