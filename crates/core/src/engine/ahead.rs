//! Seals opened ahead of a turn: the dearest part of reading is pure, so that other cores can do it.
//!
//! [`Engine::seal_jobs`] finds the blobs in a turn's inputs that a slot waits for. Each [`SealJob`] runs wherever it
//! likes; what they give is laid beside the turn by [`Engine::opened_ahead`] and serves in place of the work. A turn
//! without it is the same turn, only slower: the engine stays one state machine on one thread.

use std::collections::BTreeMap;

use proto::frame::Frame;
use proto::id::{LinkId, Party, Prefix};
use proto::mailbox::list::Batch;
use zeroize::Zeroizing;

use super::{Engine, Input, LinkState};
use crate::pair::{Opener, SlotId, Unreadable};

/// A blob, and what opens its seal.
pub struct SealJob {
    place: (Party, u64),
    blob: Vec<u8>,
    opener: Opener,
}

/// What came of a [`SealJob`].
pub struct OpenedSeal {
    place: (Party, u64),
    seen: Seen,
}

/// What stands inside a blob, if it is sealed for its slot.
struct Seen {
    blob: Vec<u8>,
    inner: Inner,
}

type Inner = Result<Zeroizing<Vec<u8>>, Unreadable>;

impl SealJob {
    /// Does the work: about one Diffie-Hellman.
    #[must_use]
    pub fn run(self) -> OpenedSeal {
        let inner = self.opener.open(&self.blob);
        OpenedSeal { place: self.place, seen: Seen { blob: self.blob, inner } }
    }
}

impl std::fmt::Debug for SealJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealJob")
    }
}

impl std::fmt::Debug for OpenedSeal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenedSeal")
    }
}

/// What was opened ahead of this turn, by slot.
#[derive(Default)]
pub(super) struct Ahead(BTreeMap<(Party, u64), Seen>);

impl Ahead {
    /// Gives what came of opening this very blob for this slot, once, if that was done.
    pub(super) fn take(&mut self, place: (Party, u64), blob: &[u8]) -> Option<Inner> {
        self.0.get(&place).filter(|seen| seen.blob == blob)?;
        self.0.remove(&place).map(|seen| seen.inner)
    }

    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

impl Engine {
    /// Finds in the inputs of a turn the blobs whose seals can be opened before it.
    #[must_use]
    pub fn seal_jobs(&self, inputs: &[Input]) -> Vec<SealJob> {
        let mut jobs = Vec::new();
        for input in inputs {
            let Input::Frame(link, bytes) = input else { continue };
            if !self.carries_mail(*link) {
                continue;
            }
            match Frame::decode(bytes) {
                Ok(Frame::Batch(batch)) => self.jobs_of_batch(batch, &mut jobs),
                Ok(Frame::Push(push)) => self.job(&push.prefix, push.blob.into_bytes(), &mut jobs),
                _ => {}
            }
        }
        jobs
    }

    /// Lays beside the next turn what [`SealJob`]s gave. It is forgotten when the turn is settled.
    pub fn opened_ahead(&mut self, opened: Vec<OpenedSeal>) {
        self.ahead.0.extend(opened.into_iter().map(|opened| (opened.place, opened.seen)));
    }

    fn carries_mail(&self, link: LinkId) -> bool {
        match self.links.get(&link) {
            Some(LinkState::Direct { link, .. }) => link.party().is_some(),
            Some(LinkState::Relay(_)) => true,
            None => false,
        }
    }

    fn jobs_of_batch(&self, batch: Batch, jobs: &mut Vec<SealJob>) {
        let prefixes: Vec<Prefix> = batch.entries.iter().map(|(prefix, _)| prefix).collect();
        for (place, blob) in batch.blobs {
            if let Some(prefix) = prefixes.get(usize::from(place)) {
                self.job(prefix, blob.into_bytes(), jobs);
            }
        }
    }

    fn job(&self, prefix: &Prefix, blob: Vec<u8>, jobs: &mut Vec<SealJob>) {
        // Two slots under one prefix are a chance of one in 2^64: the turn itself sorts them out.
        let [expected] = self.router.expecting(prefix) else { return };
        if let Some(opener) =
            self.pairs.get(&expected.party).and_then(|pair| pair.opener(SlotId::from_number(expected.slot)))
        {
            jobs.push(SealJob { place: (expected.party, expected.slot), blob, opener });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_opened_serves_this_very_blob_and_slot_once() {
        let mut ahead = Ahead::default();
        let place = (Party(1), 7);
        let inner = Ok(Zeroizing::new(b"words".to_vec()));
        ahead.0.insert(place, Seen { blob: b"sealed".to_vec(), inner: inner.clone() });
        assert_eq!(ahead.take(place, b"forged"), None);
        assert_eq!(ahead.take((Party(1), 8), b"sealed"), None);
        assert_eq!(ahead.take(place, b"sealed"), Some(inner));
        assert_eq!(ahead.take(place, b"sealed"), None);
    }
}
