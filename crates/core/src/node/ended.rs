//! Why a node ended although nobody asked it to.

use std::sync::{Arc, OnceLock};

use proto::store::StoreError;

/// Why a node ended by itself. A commit that failed is as if it had not been begun: what was told as kept before it is kept.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Ended {
    /// The profile was wiped meanwhile.
    #[error("the profile was wiped")]
    Wiped,
    /// What was to be kept cannot be written, or what was kept cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The place where the driver leaves the reason, before the last of its events is gone.
pub(crate) type Reason = Arc<OnceLock<Ended>>;
