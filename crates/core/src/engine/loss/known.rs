//! Which losses of the log are known already, and what the person is still to be told of them.
//!
//! What is missing in a log stays missing, so every start that reads all of it finds the same gaps. They are acted on
//! once: the first commit after they were found keeps their names, together with the mark that the profile is to be
//! cleared and with what the person must hear. That is told at each start until somebody says that it was.

use minicbor::{Decode, Encode};
use proto::store::{Batch, Store, StoreError};

use super::CLEARING;
use crate::conversation::{decode, encode};
use crate::engine::{Engine, ME_GAPS, ME_RESTORED, ME_UNTOLD};
use crate::tables;

const GAP_BYTES: usize = 32;
/// Gaps that are remembered, 32 KiB of them; beyond it the oldest is forgotten, and acted on again if it is found.
const GAPS_KEPT: usize = 1_024;

/// A place of the log where commits are missing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap {
    /// Its name, the same whenever it is found.
    pub(crate) name: [u8; GAP_BYTES],
    pub(crate) commits: u64,
}

/// What was found missing while a log was opened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loss {
    pub(crate) gaps: Vec<Gap>,
    /// Commits that are missing in all, those of further gaps included.
    pub(crate) commits: u64,
    /// Files that are not there. A start after the next commit misses them no more.
    pub(crate) files: u64,
    /// The log ends before what is known of it. So does this.
    pub(crate) rolled_back: bool,
}

impl Loss {
    pub(crate) fn is_any(&self) -> bool {
        self.commits > 0 || self.files > 0 || self.rolled_back
    }
}

/// What the person is to be told, summed up over all losses since they were told last.
#[derive(Clone, Copy, Debug, Decode, Default, Encode, Eq, PartialEq)]
#[cbor(array)]
pub(crate) struct Untold {
    #[n(0)]
    pub(crate) commits: u64,
    #[n(1)]
    pub(crate) files: u64,
    #[n(2)]
    pub(crate) rolled_back: bool,
}

impl Engine {
    /// Compares a loss with those that are known. If it is news, one commit keeps it, and the profile is half cleared
    /// from then on until [`Engine::survive_loss`] has ended. Returns whether it is.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) fn note_loss(store: &mut dyn Store, loss: &Loss) -> Result<bool, StoreError> {
        if !loss.is_any() {
            return Ok(false);
        }
        let mut known = gap_names(store)?;
        let is_known = |gap: &Gap| known.chunks_exact(GAP_BYTES).any(|name| name == gap.name);
        let fresh: Vec<&Gap> = loss.gaps.iter().filter(|gap| !is_known(gap)).collect();
        let named: u64 = loss.gaps.iter().map(|gap| gap.commits).sum();
        let news = Untold {
            commits: fresh.iter().map(|gap| gap.commits).sum::<u64>() + loss.commits.saturating_sub(named),
            files: loss.files,
            rolled_back: loss.rolled_back,
        };
        known.extend(fresh.iter().flat_map(|gap| gap.name));
        known.drain(..known.len().saturating_sub(GAPS_KEPT * GAP_BYTES));
        // Written also where it says nothing new: the store believes an index that was made anew from here on.
        let mut batch = Batch::new();
        batch.put(&tables::ME, b"", ME_GAPS, known);
        let is_news = news != Untold::default();
        if is_news {
            let before = Self::untold_loss(store)?.unwrap_or_default();
            let untold = Untold {
                commits: before.commits.saturating_add(news.commits),
                files: before.files.saturating_add(news.files),
                rolled_back: before.rolled_back || news.rolled_back,
            };
            batch.put(&tables::ME, b"", ME_UNTOLD, encode(&untold));
            batch.put(&tables::ME, b"", ME_RESTORED, vec![CLEARING]);
        }
        store.commit(batch)?;
        Ok(is_news)
    }

    /// Returns the names of the gaps that were acted on.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) fn known_gaps(store: &dyn Store) -> Result<Vec<[u8; GAP_BYTES]>, StoreError> {
        Ok(gap_names(store)?.as_chunks().0.to_vec())
    }

    /// Returns what the person has not been told yet.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) fn untold_loss(store: &dyn Store) -> Result<Option<Untold>, StoreError> {
        // That a loss was told once too often is better than a profile that does not open for it.
        Ok(readable(store, ME_UNTOLD)?.and_then(|bytes| decode(&bytes).ok()))
    }
}

fn gap_names(store: &dyn Store) -> Result<Vec<u8>, StoreError> {
    Ok(readable(store, ME_GAPS)?.unwrap_or_default())
}

/// A record that may be among what is lost: then it says nothing.
fn readable(store: &dyn Store, order: u64) -> Result<Option<Vec<u8>>, StoreError> {
    match store.get(&tables::ME, b"", order) {
        Err(StoreError::Corrupt(_)) => Ok(None),
        found => found,
    }
}
