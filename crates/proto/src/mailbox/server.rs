//! The relay's side of a mailbox: it keeps what slot keys have signed for, and shows everyone the same list.
//!
//! It owns no socket and no disk. A driver gathers frames, hands each to [`Server::on_frame`] with one overlay,
//! calls [`Server::cut`], commits the batch, and only then sends what [`Server::take_outputs`] gives. So nothing is
//! promised, listed or signed before it is durable. If a commit fails, drop the server and load it again.

mod followers;
mod ledger;
mod reserve;

use std::collections::BTreeMap;
use std::time::Duration;

use crypto::CryptoRng;
use crypto::hash::Hash32;
use crypto::key::{SignSecret, Signature, X25519Secret};
use crypto::request::{ReplySealer, open_request};
use crypto::seal::Class;
use crypto::slot;
use thiserror::Error;

use crate::descriptor::{RelayDescriptor, RelayFacts};
use crate::envelope::Envelope;
use crate::frame::Frame;
use crate::id::{Address, LinkId, Moment, PeerName, Tag};
use crate::limits;
use crate::mailbox::list::{Head, ListId};
use crate::mailbox::request::{DeleteOutcome, ListPart, PutOutcome, Reply, Request};
use crate::store::{Overlay, Store, StoreError};
use crate::wire::WireError;
use followers::Followers;
use ledger::{ENTRY_COST, Ledger, State};
use reserve::{Allowance, Room};
pub use reserve::{RESERVE_BURST, RESERVE_EVERY, RESERVE_NEW_LINK, RESERVE_SHARE};

/// The keys of a relay.
#[derive(Debug)]
pub struct RelayKeys {
    /// Signs the descriptor and the list.
    pub sign: SignSecret,
    /// Opens requests.
    pub request: X25519Secret,
    /// The relay's network identity.
    pub peer: PeerName,
}

/// What a relay gives, at most.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Quotas {
    /// Bytes of all that is kept: blobs, and 128 for each entry of the list. Beyond it the relay is full. The last
    /// one in [`RESERVE_SHARE`] is for the smallest class alone.
    pub bytes: u64,
    /// The longest time an envelope is kept, in days of uptime; longer wishes are cut to it.
    pub ttl_days: u8,
    /// What one link may ask in a second, in units of work: 1 for a request, 1 for each envelope in it.
    pub work_per_second: u32,
    /// What one link may ask at once, in the same units.
    pub work_burst: u32,
    /// How many links may follow the list.
    pub followers: usize,
    /// Follower frames in a second, over all followers: the pace of the list when many follow.
    pub fan_out_per_second: u32,
    /// A follower that lacks more entries than this gets prefixes alone until it has caught up.
    pub blob_backlog: u64,
    /// Bytes of follower frames that may wait for the driver at once, over all links.
    pub output_bytes: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            bytes: 20 << 30,
            ttl_days: limits::TTL_DAYS_MAX,
            work_per_second: 4_000,
            work_burst: 16_000,
            followers: 10_000,
            fan_out_per_second: 20_000,
            blob_backlog: 32_768,
            output_bytes: 32 << 20,
        }
    }
}

/// Why the server could not go on with a frame.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ServerError {
    /// The frame or the sealed request cannot be read.
    #[error("a link sent what cannot be read; close it")]
    Unreadable,
    /// The frame has no place on a link to a relay.
    #[error("a link sent a frame that does not belong here; close it")]
    OutOfPlace,
    /// The link goes on asking though it was told to wait.
    #[error("a link asks more than it may and does not wait; close it")]
    Flood,
    /// The store failed. The server is ahead of the disk now: drop it and load it again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<WireError> for ServerError {
    fn from(_: WireError) -> Self {
        Self::Unreadable
    }
}

/// Counts for the operator; they name nobody.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Stats {
    /// Envelopes that can be fetched.
    pub envelopes: u64,
    /// Bytes against the quota.
    pub bytes: u64,
    /// Open links.
    pub links: usize,
    /// Links that follow the list.
    pub followers: usize,
    /// Envelopes accepted since the start.
    pub accepted: u64,
    /// Envelopes refused since the start because the relay is full.
    pub full: u64,
    /// Envelopes accepted since the start that only the reserve had room for.
    pub reserved: u64,
    /// Envelopes refused since the start because they were not genuine.
    pub bad: u64,
    /// Requests put off since the start because a link asked too much.
    pub busy: u64,
    /// The position after the newest entry.
    pub position: u64,
    /// Uptime of all runs.
    pub uptime: Duration,
}

/// A relay's mailbox.
#[derive(Debug)]
pub struct Server {
    keys: RelayKeys,
    quotas: Quotas,
    ledger: Ledger,
    links: BTreeMap<LinkId, Budget>,
    followers: Followers,
    outputs: Vec<(LinkId, Vec<u8>)>,
    descriptor: Option<RelayDescriptor>,
    ticked: Option<Moment>,
    sweeping: bool,
    stats: Stats,
}

/// What a link may still ask, in thousandths of a unit of work. Below nothing it is a debt.
#[derive(Debug)]
struct Budget {
    left: i64,
    filled: Option<Moment>,
    put_off: u32,
    reserve: Allowance,
}

/// What the smallest envelope costs. The list has place for as many tombstones as envelopes of this size fit into the
/// room, for they lie in memory.
const SMALLEST: u64 = ENTRY_COST + Class::C0.bytes() as u64;

/// Tombstones that even a small relay has place for.
const GONE_MIN: u64 = 4_096;

/// How often a link may ask although it was told to wait, before it is closed.
const PUT_OFF_MAX: u32 = 256;

impl Server {
    /// Continues with what the store holds, or begins an empty mailbox.
    ///
    /// # Errors
    /// Any [`StoreError`] but [`StoreError::Corrupt`]: what cannot be read is left out, see [`Server::has_gaps`].
    pub fn load(
        keys: RelayKeys,
        quotas: Quotas,
        store: &dyn Store,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, StoreError> {
        let ledger = Ledger::load(store, rng)?;
        let followers = Followers::new(ledger.end());
        Ok(Self {
            keys,
            quotas,
            ledger,
            links: BTreeMap::new(),
            followers,
            outputs: Vec::new(),
            descriptor: None,
            ticked: None,
            sweeping: false,
            stats: Stats::default(),
        })
    }

    /// Whether entries of the list on disk are missing or cannot be read: it must begin anew, by
    /// [`Server::renew_list`].
    #[must_use]
    pub fn has_gaps(&self) -> bool {
        self.ledger.has_gaps()
    }

    /// Begins a new list over what is kept. For a relay whose disk was set back to an earlier state, or has lost some
    /// of it: going on with the old list would sign a second history. To be called before any link is up.
    pub fn renew_list(&mut self, overlay: &mut Overlay<'_>, rng: &mut dyn CryptoRng) {
        self.ledger.renew(overlay, rng);
        self.ledger.save(overlay);
        self.followers = Followers::new(self.ledger.end());
    }

    /// Signs and gives the relay's descriptor, which from now on answers who asks for it.
    pub fn descriptor(&mut self, addresses: Vec<Address>, sequence: u64) -> RelayDescriptor {
        let facts = RelayFacts {
            sign_key: self.keys.sign.public(),
            request_key: self.keys.request.public(),
            peer: self.keys.peer.clone(),
            addresses,
            ttl_days_max: self.quotas.ttl_days.clamp(1, limits::TTL_DAYS_MAX),
            sequence,
        };
        let descriptor = RelayDescriptor::sign(facts, &self.keys.sign);
        self.descriptor = Some(descriptor.clone());
        descriptor
    }

    /// Notes a new link.
    pub fn link_up(&mut self, link: LinkId) {
        let left = i64::from(self.quotas.work_burst) * 1_000;
        let budget = Budget { left, filled: None, put_off: 0, reserve: Allowance::new() };
        self.links.insert(link, budget);
    }

    /// Forgets a link and what waits for it.
    pub fn link_down(&mut self, link: LinkId) {
        self.links.remove(&link);
        self.followers.remove(link);
        self.outputs.retain(|(to, _)| *to != link);
    }

    /// Takes a frame from a link. Answers are collected until [`Server::take_outputs`].
    ///
    /// # Errors
    /// Any [`ServerError`]. All but [`ServerError::Store`] mean that this link is to be closed, and nothing else.
    pub fn on_frame(
        &mut self,
        link: LinkId,
        bytes: &[u8],
        now: Moment,
        overlay: &mut Overlay<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ServerError> {
        if !self.links.contains_key(&link) {
            return Err(ServerError::OutOfPlace);
        }
        self.ledger.save(overlay);
        match Frame::decode(bytes) {
            // Nobody is told to wait: it has no answer.
            Err(WireError::Skippable) => self.charge(link, 1, now).map(drop),
            Err(error) => Err(error.into()),
            Ok(Frame::Describe) => self.describe(link, now),
            Ok(Frame::Credit { bytes }) => {
                self.followers.grant(link, bytes);
                match self.charge(link, 1, now)? {
                    None => self.feed_asked(link, overlay),
                    Some(after_ms) => {
                        self.followers.put_off(link, now.plus(Duration::from_millis(after_ms.into())));
                        Ok(())
                    }
                }
            }
            Ok(Frame::Request { id, sealed }) => self.on_request(link, id, &sealed, now, overlay, rng),
            Ok(_) => Err(ServerError::OutOfPlace),
        }
    }

    /// Pushes what is new to the followers, unless many follow and the pace says to wait; see [`Server::cut_due`].
    ///
    /// Called once for each gather, before the commit.
    ///
    /// # Errors
    /// [`ServerError::Store`].
    pub fn cut(&mut self, overlay: &mut Overlay<'_>, now: Moment) -> Result<(), ServerError> {
        if self.cut_due().is_none_or(|due| due > now) {
            return Ok(());
        }
        let pace = self.quotas.fan_out_per_second.max(1);
        let cut = self.followers.begin_cut(self.ledger.end(), now, pace);
        for link in cut.hungry {
            match self.debt_until(link, now) {
                None => self.feed_asked(link, overlay)?,
                Some(at) => self.followers.put_off(link, at),
            }
        }
        for link in cut.all {
            self.feed(link, overlay)?;
        }
        Ok(())
    }

    /// When [`Server::cut`] has something to do; `None` if there is nothing.
    #[must_use]
    pub fn cut_due(&self) -> Option<Moment> {
        self.followers.due(self.ledger.end())
    }

    /// Lets the relay's own clock go on, and ends what has outlived its days. To be called each minute or so,
    /// and again at once, in another commit, while it returns `true`.
    pub fn tick(&mut self, now: Moment, overlay: &mut Overlay<'_>) -> bool {
        let gone_by = self.ticked.map_or(Duration::ZERO, |last| now.since(last));
        self.ticked = Some(now);
        self.ledger.age(gone_by);
        self.sweeping = self.ledger.sweep(overlay);
        self.ledger.save(overlay);
        self.sweeping
    }

    /// The frames to send, in order. To be called after the commit.
    pub fn take_outputs(&mut self) -> Vec<(LinkId, Vec<u8>)> {
        self.followers.outputs_taken();
        std::mem::take(&mut self.outputs)
    }

    /// Counts for the operator.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            envelopes: self.ledger.live(),
            bytes: self.ledger.bytes(),
            links: self.links.len(),
            followers: self.followers.len(),
            position: self.ledger.end(),
            uptime: self.ledger.uptime(),
            ..self.stats
        }
    }

    fn describe(&mut self, link: LinkId, now: Moment) -> Result<(), ServerError> {
        if let Some(after_ms) = self.charge(link, 1, now)? {
            self.outputs.push((link, Frame::Busy { id: 0, after_ms }.encode()));
            return Ok(());
        }
        if let Some(descriptor) = &self.descriptor {
            let frame = Frame::Descriptor(descriptor.bytes().to_vec());
            self.outputs.push((link, frame.encode()));
        }
        Ok(())
    }

    fn on_request(
        &mut self,
        link: LinkId,
        id: u32,
        sealed: &[u8],
        now: Moment,
        overlay: &mut Overlay<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ServerError> {
        // Counted before it is opened: opening is the dear part.
        if let Some(after_ms) = self.charge(link, 1, now)? {
            self.outputs.push((link, Frame::Busy { id, after_ms }.encode()));
            return Ok(());
        }
        let (payload, sealer) =
            open_request(&self.keys.request, sealed).map_err(|_| ServerError::Unreadable)?;
        let request = match Request::decode(&payload) {
            Ok(request) => request,
            Err(WireError::Unknown) => return self.reply(link, id, Reply::NotUnderstood, sealer, rng),
            Err(_) => return Err(ServerError::Unreadable),
        };
        self.spend(link, work(&request));
        let follows = matches!(request, Request::Follow { .. });
        let reply = self.answer(link, request, overlay)?;
        self.reply(link, id, reply, sealer, rng)?;
        match follows {
            true => self.feed_asked(link, overlay),
            false => Ok(()),
        }
    }

    fn reply(
        &mut self,
        link: LinkId,
        id: u32,
        reply: Reply,
        sealer: ReplySealer,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ServerError> {
        let sealed = sealer.seal(&reply.encode(), rng).map_err(|_| ServerError::Unreadable)?;
        self.outputs.push((link, Frame::Reply { id, sealed }.encode()));
        Ok(())
    }

    fn answer(
        &mut self,
        link: LinkId,
        request: Request,
        overlay: &mut Overlay<'_>,
    ) -> Result<Reply, ServerError> {
        Ok(match request {
            Request::Put(envelopes) => {
                let put = |envelope| self.put(link, envelope, overlay);
                Reply::Put(envelopes.into_iter().map(put).collect::<Result<_, _>>()?)
            }
            Request::Delete(slots) => {
                let delete = |(tag, signature)| self.delete(&tag, &signature, overlay);
                Reply::Deleted(slots.into_iter().map(delete).collect::<Result<_, _>>()?)
            }
            Request::List { list, from } => {
                let (first, start) = self.place(list.as_ref(), from);
                Reply::List(self.list_part(first, start))
            }
            Request::Get { list, .. } if list != *self.ledger.list() => Reply::OtherList(*self.ledger.list()),
            Request::Get { positions, bytes_max, .. } => {
                Reply::Got(self.get(&positions, bytes_max, overlay)?)
            }
            Request::Follow { list, from, mode, credit } => {
                let (first, start) = self.place(list.as_ref(), from);
                if !self.followers.add(link, first, mode, credit, self.quotas.followers) {
                    return Ok(Reply::NotUnderstood);
                }
                let head = self.head_at(self.ledger.end());
                Reply::Following { list: *self.ledger.list(), first, start, head }
            }
            Request::Unfollow => {
                self.followers.remove(link);
                Reply::Unfollowed
            }
        })
    }

    fn put(
        &mut self,
        link: LinkId,
        envelope: Envelope,
        overlay: &mut Overlay<'_>,
    ) -> Result<PutOutcome, StoreError> {
        let found = match self.ledger.find(&envelope.tag, overlay)? {
            Some((position, _)) if self.ledger.end_if_lost(position, overlay)? => None,
            found => found,
        };
        let room = self.room_for(&envelope);
        if found.is_none() && room == Room::Full {
            self.stats.full += 1;
            return Ok(PutOutcome::Full);
        }
        if envelope.verify().is_err() {
            self.stats.bad += 1;
            return Ok(PutOutcome::Bad);
        }
        match found {
            Some((position, State::Live)) => {
                let same = self.ledger.blob(position, overlay)?.as_ref() == Some(&envelope.blob);
                Ok(match same {
                    true => PutOutcome::Duplicate,
                    false => PutOutcome::Taken,
                })
            }
            Some(_) => Ok(PutOutcome::Gone),
            None if room == Room::Reserved => Ok(self.keep_in_reserve(link, envelope, overlay)),
            None => {
                self.keep(envelope, overlay);
                Ok(PutOutcome::Stored)
            }
        }
    }

    fn room_for(&self, envelope: &Envelope) -> Room {
        let class = envelope.blob.class();
        if self.ledger.gone() >= (self.quotas.bytes / SMALLEST).max(GONE_MIN) {
            return Room::Full;
        }
        Room::of(class, ENTRY_COST + class.bytes() as u64, self.ledger.bytes(), self.quotas.bytes)
    }

    fn keep(&mut self, envelope: Envelope, overlay: &mut Overlay<'_>) {
        let days = envelope.ttl_days.min(self.quotas.ttl_days.max(1));
        self.ledger.append(envelope, days, overlay);
        self.stats.accepted += 1;
    }

    fn keep_in_reserve(&mut self, link: LinkId, envelope: Envelope, overlay: &mut Overlay<'_>) -> PutOutcome {
        if !self.links.get_mut(&link).is_some_and(|budget| budget.reserve.draw()) {
            self.stats.full += 1;
            return PutOutcome::Full;
        }
        self.keep(envelope, overlay);
        self.stats.reserved += 1;
        PutOutcome::StoredInReserve
    }

    fn delete(
        &mut self,
        tag: &Tag,
        signature: &Signature,
        overlay: &mut Overlay<'_>,
    ) -> Result<DeleteOutcome, StoreError> {
        let Some((position, state)) = self.ledger.find(tag, overlay)? else {
            return Ok(DeleteOutcome::Absent);
        };
        let message = slot::delete_message(tag.as_bytes());
        if slot::verify(tag.as_bytes(), &message, signature).is_err() {
            return Ok(DeleteOutcome::Bad);
        }
        if state == State::Live && self.ledger.is_kept(position) {
            return Ok(DeleteOutcome::Kept);
        }
        if state == State::Live {
            self.ledger.delete(position, tag, overlay);
        }
        Ok(DeleteOutcome::Done)
    }

    fn get(
        &mut self,
        positions: &[u64],
        bytes_max: u32,
        overlay: &mut Overlay<'_>,
    ) -> Result<Vec<(u64, Option<crate::envelope::Blob>)>, StoreError> {
        let bytes_max = (bytes_max as usize).min(limits::BATCH_BYTES_MAX);
        let mut blobs = Vec::with_capacity(positions.len());
        let mut bytes = 0;
        for position in positions {
            if self.ledger.is_live(*position) && !self.ledger.end_if_lost(*position, overlay)? {
                let size = self.ledger.class(*position).map_or(0, |class| class.bytes());
                if bytes > 0 && bytes + size > bytes_max {
                    break;
                }
                bytes += size;
            }
            blobs.push((*position, self.ledger.blob(*position, overlay)?));
        }
        Ok(blobs)
    }

    /// Where a reader that stands at `from` in `list` goes on, and the chain there.
    fn place(&self, list: Option<&ListId>, from: u64) -> (u64, Hash32) {
        let base = self.ledger.base();
        let known = list == Some(self.ledger.list()) && from <= self.ledger.end();
        let first = match known {
            true => from.max(base),
            false => base,
        };
        (first, self.ledger.chain_at(first))
    }

    fn list_part(&mut self, first: u64, start: Hash32) -> ListPart {
        let end = self.ledger.end();
        let last = end.min(first + limits::LIST_ENTRIES_MAX as u64);
        ListPart { first, start, entries: self.ledger.entries(first, last), head: self.head_at(last), end }
    }

    fn head_at(&mut self, position: u64) -> Head {
        self.followers.head(position, &self.ledger, &self.keys.sign)
    }

    /// Gives a follower what it lacks; returns how many frames that took.
    fn feed(&mut self, link: LinkId, overlay: &Overlay<'_>) -> Result<u32, ServerError> {
        let frames = self.followers.feed(link, &self.ledger, &self.keys.sign, &self.quotas, overlay)?;
        let made = u32::try_from(frames.len()).unwrap_or(u32::MAX);
        self.outputs.extend(frames.into_iter().map(|frame| (link, frame)));
        Ok(made)
    }

    /// As [`Self::feed`], for what the link itself asked for: it pays for it. What others deposit costs it nothing.
    fn feed_asked(&mut self, link: LinkId, overlay: &Overlay<'_>) -> Result<(), ServerError> {
        let made = self.feed(link, overlay)?;
        self.spend(link, made.saturating_mul(FRAME_WORK));
        Ok(())
    }

    /// Lets time fill a link's budget.
    fn refill(&mut self, link: LinkId, now: Moment) -> Option<&mut Budget> {
        let (rate, burst) = (self.quotas.work_per_second, self.quotas.work_burst);
        let budget = self.links.get_mut(&link)?;
        let gone_by = budget.filled.map_or(Duration::ZERO, |last| now.since(last));
        let gained = i64::try_from(gone_by.as_millis()).unwrap_or(i64::MAX).saturating_mul(rate.into());
        budget.left = budget.left.saturating_add(gained).min(i64::from(burst) * 1_000);
        budget.filled = Some(now);
        budget.reserve.gain(gone_by);
        Some(budget)
    }

    /// Until when a link has asked more than it may; `None` if it has not.
    fn debt_until(&mut self, link: LinkId, now: Moment) -> Option<Moment> {
        let rate = u64::from(self.quotas.work_per_second.max(1));
        let left = self.refill(link, now)?.left;
        (left <= 0).then(|| now.plus(Duration::from_millis(left.unsigned_abs() / rate + 1)))
    }

    /// Takes work from a link's budget; if there is too little, says after how many milliseconds to ask again.
    fn charge(&mut self, link: LinkId, work: u32, now: Moment) -> Result<Option<u32>, ServerError> {
        let rate = self.quotas.work_per_second;
        let budget = self.refill(link, now).ok_or(ServerError::OutOfPlace)?;
        let price = i64::from(work) * 1_000;
        if budget.left >= price {
            budget.left -= price;
            budget.put_off = 0;
            return Ok(None);
        }
        budget.put_off += 1;
        let (left, put_off) = (budget.left, budget.put_off);
        self.stats.busy += 1;
        if put_off > PUT_OFF_MAX {
            return Err(ServerError::Flood);
        }
        let wait_ms = price.saturating_sub(left).unsigned_abs() / u64::from(rate.max(1)) + 1;
        Ok(Some(u32::try_from(wait_ms).unwrap_or(u32::MAX)))
    }

    /// Takes what a request turned out to be worth; a link may go below nothing by one request.
    fn spend(&mut self, link: LinkId, work: u32) {
        if let Some(budget) = self.links.get_mut(&link) {
            budget.left = budget.left.saturating_sub(i64::from(work) * 1_000);
        }
    }
}

/// What a frame costs that a follower is sent because it asked: up to 56 blobs are read and opened for it.
const FRAME_WORK: u32 = 16;

/// What a request costs beyond being opened.
fn work(request: &Request) -> u32 {
    match request {
        Request::Put(envelopes) => envelopes.len() as u32,
        Request::Delete(slots) => slots.len() as u32,
        Request::Get { positions, .. } => positions.len() as u32 / 4,
        Request::List { .. } | Request::Follow { .. } => 4,
        Request::Unfollow => 0,
    }
}
