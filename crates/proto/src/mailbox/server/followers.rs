//! Who follows a relay's list, how far each has come, and what is pushed to whom.
//!
//! Nothing waits for a follower but a position and a credit: one that does not take what it gets is sent no more,
//! and goes on later from where it stood.

use std::collections::BTreeMap;
use std::time::Duration;

use crypto::key::SignSecret;
use crypto::seal::Class;

use crate::frame::Frame;
use crate::id::{LinkId, Moment};
use crate::limits;
use crate::mailbox::list::{Batch, Head};
use crate::mailbox::request::FollowMode;
use crate::store::{Overlay, StoreError};

use super::Quotas;
use super::ledger::Ledger;

/// All followers of one list.
#[derive(Debug)]
pub(super) struct Followers {
    links: BTreeMap<LinkId, Follower>,
    /// Followers with credit that got less than there is, and when they may be fed: at once, if only too much waited
    /// for the driver, or when they have asked no more than they may.
    hungry: BTreeMap<LinkId, Moment>,
    /// The list's end when it was last pushed.
    pushed: u64,
    next_cut: Moment,
    waiting_bytes: usize,
    /// Heads signed lately, by position. Signing again would give the same bytes.
    heads: BTreeMap<u64, Head>,
    /// The last batch made: followers that stand at one place get the same bytes.
    last: Option<Made>,
}

#[derive(Debug)]
struct Follower {
    position: u64,
    mode: FollowMode,
    credit: u32,
    /// A frame did not fit into the credit; nothing is made for it until there is room for any frame.
    stalled: bool,
}

#[derive(Clone, Debug)]
struct Made {
    from: u64,
    to: u64,
    end: u64,
    mode: FollowMode,
    frame: Vec<u8>,
}

/// Whom a cut feeds.
#[derive(Debug)]
pub(super) struct Cut {
    /// Those who asked for what they lack and had to wait, in order.
    pub(super) hungry: Vec<LinkId>,
    /// All others who take what is new.
    pub(super) all: Vec<LinkId>,
}

/// Heads remembered; beyond it they are signed anew.
const HEADS_MAX: usize = 256;

impl Followers {
    pub(super) fn new(end: u64) -> Self {
        Self {
            links: BTreeMap::new(),
            hungry: BTreeMap::new(),
            pushed: end,
            next_cut: Moment(0),
            waiting_bytes: 0,
            heads: BTreeMap::new(),
            last: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.links.len()
    }

    /// Begins or begins again to push to a link; `false` if too many follow already.
    pub(super) fn add(
        &mut self,
        link: LinkId,
        position: u64,
        mode: FollowMode,
        credit: u32,
        most: usize,
    ) -> bool {
        if self.links.len() >= most && !self.links.contains_key(&link) {
            return false;
        }
        let credit = credit.min(limits::FOLLOW_CREDIT_BYTES);
        let follower = Follower { position, mode, credit, stalled: false };
        self.links.insert(link, follower);
        true
    }

    pub(super) fn remove(&mut self, link: LinkId) {
        self.links.remove(&link);
        self.hungry.remove(&link);
    }

    pub(super) fn grant(&mut self, link: LinkId, bytes: u32) {
        if let Some(follower) = self.links.get_mut(&link) {
            let credit = follower.credit.saturating_add(bytes);
            follower.credit = credit.min(limits::FOLLOW_CREDIT_BYTES);
            follower.stalled &= (follower.credit as usize) < limits::FRAME_BYTES_MAX;
        }
    }

    /// Feeds a link at a cut from that moment on, and not before.
    pub(super) fn put_off(&mut self, link: LinkId, at: Moment) {
        if self.links.contains_key(&link) {
            self.hungry.insert(link, at);
        }
    }

    pub(super) fn outputs_taken(&mut self) {
        self.waiting_bytes = 0;
    }

    /// When there is something to push, and the pace allows it.
    pub(super) fn due(&self, end: u64) -> Option<Moment> {
        let push = (end > self.pushed && !self.links.is_empty()).then_some(self.next_cut);
        self.hungry.values().copied().chain(push).min()
    }

    /// Whom to feed now. The next cut waits until the pace has paid for this one.
    pub(super) fn begin_cut(&mut self, end: u64, now: Moment, pace: u32) -> Cut {
        let waits = self.hungry.iter().filter(|(_, at)| **at > now).map(|(link, at)| (*link, *at)).collect();
        let fed = std::mem::replace(&mut self.hungry, waits);
        let hungry: Vec<LinkId> = fed.into_keys().filter(|link| !self.hungry.contains_key(link)).collect();
        if end == self.pushed || now < self.next_cut {
            return Cut { hungry, all: Vec::new() };
        }
        self.pushed = end;
        let pause_us = self.links.len() as u64 * 1_000_000 / u64::from(pace);
        self.next_cut = now.plus(Duration::from_micros(pause_us));
        let takes = |(link, follower): (&LinkId, &Follower)| {
            (!follower.stalled && !self.hungry.contains_key(link)).then_some(*link)
        };
        let all = self.links.iter().filter_map(takes).filter(|link| hungry.binary_search(link).is_err());
        Cut { all: all.collect(), hungry }
    }

    /// The relay's word on the chain at a position.
    pub(super) fn head(&mut self, position: u64, ledger: &Ledger, key: &SignSecret) -> Head {
        if let Some(head) = self.heads.get(&position) {
            return head.clone();
        }
        let chain = ledger.chain_at(position);
        let head = Head::sign(ledger.list(), position, &chain, key);
        if self.heads.len() >= HEADS_MAX {
            self.heads.clear();
        }
        self.heads.insert(position, head.clone());
        head
    }

    /// The frames for one follower, as far as its credit and the room for outputs go.
    pub(super) fn feed(
        &mut self,
        link: LinkId,
        ledger: &Ledger,
        key: &SignSecret,
        quotas: &Quotas,
        overlay: &Overlay<'_>,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut frames = Vec::new();
        while let Some(follower) = self.links.get(&link) {
            let (position, mode, credit) = (follower.position, follower.mode, follower.credit);
            if position >= ledger.end() || follower.stalled {
                break;
            }
            if self.waiting_bytes >= quotas.output_bytes {
                self.hungry.insert(link, Moment(0));
                break;
            }
            let behind = ledger.end() - position;
            let mode = match behind > quotas.blob_backlog {
                true => FollowMode::Prefixes,
                false => mode,
            };
            let made = self.make(position, mode, ledger, key, overlay)?;
            let fits = made.frame.len() <= credit as usize;
            if let Some(follower) = self.links.get_mut(&link).filter(|_| !fits) {
                follower.stalled = true;
                break;
            }
            self.waiting_bytes += made.frame.len();
            if let Some(follower) = self.links.get_mut(&link) {
                follower.credit -= made.frame.len() as u32;
                follower.position = made.to;
            }
            frames.push(made.frame);
        }
        Ok(frames)
    }

    fn make(
        &mut self,
        from: u64,
        mode: FollowMode,
        ledger: &Ledger,
        key: &SignSecret,
        overlay: &Overlay<'_>,
    ) -> Result<Made, StoreError> {
        let end = ledger.end();
        let same = |made: &&Made| (made.from, made.end, made.mode) == (from, end, mode);
        if let Some(made) = self.last.as_ref().filter(same) {
            return Ok(made.clone());
        }
        // Entries that ended before the follower came to them are left out; it is told the chain anew.
        let first = from.max(ledger.base());
        let start = (first > from).then(|| ledger.chain_at(first));
        let (to, blobs) = gather(first, mode, ledger, overlay)?;
        let batch = Batch {
            first,
            start,
            entries: ledger.entries(first, to),
            blobs,
            head: self.head(to, ledger, key),
        };
        let frame = Frame::Batch(batch).encode();
        let made = Made { from, to, end, mode, frame };
        self.last = Some(made.clone());
        Ok(made)
    }
}

type Blobs = Vec<(u16, crate::envelope::Blob)>;

/// How far a batch from `first` goes, and the blobs in it.
fn gather(
    first: u64,
    mode: FollowMode,
    ledger: &Ledger,
    overlay: &Overlay<'_>,
) -> Result<(u64, Blobs), StoreError> {
    let most = ledger.end().min(first + limits::LIST_ENTRIES_MAX as u64);
    let mut blobs = Vec::new();
    if mode == FollowMode::Prefixes {
        return Ok((most, blobs));
    }
    let mut bytes = 0;
    for position in first..most {
        let mut more = limits::LIST_ENTRY_BYTES;
        if ledger.class(position) == Some(Class::C0) && ledger.is_live(position) {
            more += Class::C0.bytes() + 8;
        }
        if bytes + more > limits::BATCH_BYTES_MAX || blobs.len() >= limits::BATCH_BLOBS_MAX {
            return Ok((position, blobs));
        }
        bytes += more;
        let pushed = more > limits::LIST_ENTRY_BYTES;
        if let Some(blob) = pushed.then(|| ledger.blob(position, overlay)).transpose()?.flatten() {
            blobs.push(((position - first) as u16, blob));
        }
    }
    Ok((most, blobs))
}
