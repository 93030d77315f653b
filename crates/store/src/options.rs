//! What an owner may choose about a store, with values that suit a phone as well as a relay.

use proto::store::{Batch, Store, StoreError};

/// One step from a version of the tables to the next: reads the old, returns the batch that makes the new.
///
/// The batch and the new version are one commit, so a step happens entirely or not at all.
pub type Migration = fn(&dyn Store) -> Result<Batch, StoreError>;

/// Choices about a store. [`Options::default`] is right for all but tests.
#[derive(Clone, Debug)]
pub struct Options {
    /// Steps between versions of the tables: the first leads from version 1 to 2. The newest version that this
    /// program knows is one more than there are steps.
    pub migrations: &'static [Migration],
    /// A segment that has reached this many bytes is followed by a new one.
    pub segment_bytes: u64,
    /// The index hears of changes once this many are waiting, in memory.
    pub checkpoint_records: usize,
    /// The index hears of changes once they fill this many bytes of log: the most that a start replays.
    pub checkpoint_bytes: u64,
    /// The key file learns how far the log has come after this many commits.
    pub head_commits: u64,
    /// Keys of what was overwritten or deleted are destroyed after this many commits at the latest.
    pub shred_commits: u64,
    /// Whether index and key file are written by a thread beside the commits.
    pub in_background: bool,
    /// Whether a block that does not open is a loss that the next start tells, with an index that is made anew. Who takes
    /// each record that cannot be read for one that is gone may go on without.
    pub tells_damage: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            migrations: &[],
            segment_bytes: 64 << 20,
            checkpoint_records: 32 * 1024,
            checkpoint_bytes: 32 << 20,
            head_commits: 64,
            shred_commits: 64,
            in_background: true,
            tells_damage: true,
        }
    }
}

impl Options {
    /// The newest version of the tables that this program knows.
    #[must_use]
    pub fn schema(&self) -> u32 {
        self.migrations.len() as u32 + 1
    }
}
