//! What an index that fails while the store is open is replaced by: one that is made from the log.

use proto::store::StoreError;

use crate::error::{OpenError, OpenReport, Rebuilt};
use crate::sealed::SealedStore;

impl SealedStore {
    /// Tells the store which gaps of its log were acted on, by [`Gap::between`](crate::Gap::between).
    ///
    /// A start that believes its index does not find them. An index that fails later is built again from all of the log,
    /// where they are found once more: without this word they are taken for news, and the store says
    /// [`StoreError::Corrupt`] until it is opened anew. Those that the [`OpenReport`] of this start names are known.
    pub fn know_gaps(&mut self, names: impl IntoIterator<Item = [u8; 32]>) {
        self.known_gaps.extend(names);
    }

    /// Replaces an index that has failed while the store was open.
    pub(crate) fn heal_index(&mut self) -> Result<(), StoreError> {
        tracing::warn!("the index failed and is being built again from the log");
        self.settle_key_file(true)?;
        // The key file knows how far the log has come: an end that cannot be read is then kept, and noticed.
        if self.point.number > self.jobs.head_known {
            self.start_head();
            self.settle_key_file(true)?;
        }
        if let Some(job) = self.jobs.checkpoint.take() {
            drop(job.join());
        }
        // A segment that nothing was written to yet is not found again by reading the log.
        let writer = self.writer.take().filter(|writer| writer.salt.is_none());
        let next_number = self.next_number;
        let healed = self.read_log_anew(self.point.number);
        self.next_number = next_number;
        self.writer = writer;
        let whole = healed.map_err(|error| match error {
            OpenError::Store(error) => error,
            _ => StoreError::Corrupt("the index, and it cannot be built again"),
        });
        self.broken |= whole.is_err();
        whole
    }

    fn read_log_anew(&mut self, last: u64) -> Result<(), OpenError> {
        let mut report = OpenReport::default();
        self.renew_index(Rebuilt::Damaged)?;
        self.rebuild(&mut report)?;
        // Who holds the store believes in what is lost: the next start is told of it, and this one ends here.
        if self.is_news(&report) || self.point.number < last {
            return Err(StoreError::Corrupt("the log, and it is to be opened anew").into());
        }
        if report.is_loss() {
            // As at the start that told of it: the log alone is wrong about the leaves of what is lost.
            self.memory.take();
            self.doubt_leaves(true)?;
            self.load_leaves()?;
        }
        Ok(())
    }

    fn is_news(&self, report: &OpenReport) -> bool {
        let known = report.gaps.iter().filter(|gap| self.known_gaps.contains(&gap.between));
        report.missing_segments > 0 || report.lost_commits > known.map(|gap| gap.commits).sum()
    }
}

#[cfg(test)]
mod tests;
