//! What a relay keeps: the list in order, the blobs under it, and the count of its own days.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crypto::CryptoRng;
use crypto::hash::Hash32;
use crypto::seal::Class;

use crate::envelope::{Blob, Envelope, flags};
use crate::id::{Prefix, Tag};
use crate::mailbox::list::{Entries, ListId, chain_next, chain_start};
use crate::store::{Direction, Overlay, Store, StoreError};
use crate::tables::{BOX_BLOB, BOX_ENTRY, BOX_STATE};
use crate::wire::{Reader, WireError, Writer};

/// The list and what lies under it. Positions count from the beginning of the list and never come again.
#[derive(Debug)]
pub(super) struct Ledger {
    list: ListId,
    /// Entries before this position are over and forgotten.
    base: u64,
    base_chain: Hash32,
    chain: Hash32,
    ring: VecDeque<Entry>,
    /// The chain at each multiple of [`MARK_EVERY`] that is in the ring.
    marks: BTreeMap<u64, Hash32>,
    /// Where tags with a prefix lie. Different tags may share one, so the entry on disk decides.
    index: BTreeSet<(Prefix, u64)>,
    bytes: u64,
    live: u64,
    /// Entries that are deleted or over and still have their place.
    gone: u64,
    uptime: Duration,
    uptime_saved: Duration,
    unsaved: bool,
    /// Where the search for expired entries goes on; `None` when this day's is over.
    sweep: Option<u64>,
    swept_day: u32,
    /// Entries that could not be read, and whether some are missing at the front.
    gaps: Vec<u64>,
    lost_front: bool,
}

/// What stands in the place of an entry that is lost.
const LOST: Entry =
    Entry { prefix: Prefix([0; 8]), expires: 0, class: Class::C0, state: State::Over, keep: false };

/// What is in memory of one deposit: 16 bytes.
#[derive(Clone, Copy, Debug)]
struct Entry {
    prefix: Prefix,
    expires: u32,
    class: Class,
    state: State,
    keep: bool,
}

/// What has become of a deposit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// It can be fetched.
    Live,
    /// It was deleted; its tag cannot be used again until its time ends.
    Deleted,
    /// Its time is over; only its place in the chain is left.
    Over,
}

/// Distance of the places where the chain is remembered.
const MARK_EVERY: u64 = 256;

/// What an entry costs beside its blob, in bytes, so that small ones cannot fill the memory.
pub(super) const ENTRY_COST: u64 = 128;

/// Uptime is written down at least this often.
const UPTIME_SAVED_EVERY: Duration = Duration::from_secs(600);

const DAY: Duration = Duration::from_secs(86_400);

/// Entries looked at, and ended, in one sweep step, so that no step takes long.
const SWEEP_LOOKED_MAX: u64 = 65_536;
const SWEEP_ENDED_MAX: usize = 1_024;

const LOAD_STEP: usize = 4_096;

impl Ledger {
    /// Continues with what the store holds, or begins a list. Entries that are missing or cannot be read are over, and
    /// stand in [`Ledger::gaps`] until the list is renewed.
    pub(super) fn load(store: &dyn Store, rng: &mut dyn CryptoRng) -> Result<Self, StoreError> {
        let state = readable(store.get(&BOX_STATE, b"", 0))?.and_then(|state| read_state(&state).ok());
        let is_known = state.is_some();
        let mut ledger = state.unwrap_or_else(|| Self::begin(rng));
        let mut from = ledger.base;
        loop {
            let (found, next) = page(store, from)?;
            for (position, entry) in found {
                if ledger.ring.is_empty() && (position > ledger.base || !is_known) {
                    // What stood before it is over as well, and no longer needs a place.
                    ledger.lost_front = true;
                    ledger.base = position;
                }
                while ledger.end() < position {
                    ledger.gaps.push(ledger.end());
                    ledger.append_entry(LOST);
                }
                if entry.is_none() {
                    ledger.gaps.push(position);
                }
                ledger.append_entry(entry.unwrap_or(LOST));
            }
            match next {
                Some(next) => from = next,
                None => return Ok(ledger),
            }
        }
    }

    /// Whether something of the list is missing: it must not go on under its name.
    pub(super) fn has_gaps(&self) -> bool {
        self.lost_front || !self.gaps.is_empty()
    }

    fn begin(rng: &mut dyn CryptoRng) -> Self {
        let mut list = [0; 16];
        rng.fill_bytes(&mut list);
        Self::at(list, 0, chain_start(&list), Duration::ZERO, true)
    }

    fn at(list: ListId, base: u64, chain: Hash32, uptime: Duration, unsaved: bool) -> Self {
        Self {
            list,
            base,
            base_chain: chain,
            chain,
            ring: VecDeque::new(),
            marks: BTreeMap::new(),
            index: BTreeSet::new(),
            bytes: 0,
            live: 0,
            gone: 0,
            uptime,
            uptime_saved: uptime,
            unsaved,
            sweep: None,
            swept_day: 0,
            gaps: Vec::new(),
            lost_front: false,
        }
    }

    /// Gives the list a new name, and each entry its place in the new chain. What was lost is over.
    pub(super) fn renew(&mut self, overlay: &mut Overlay<'_>, rng: &mut dyn CryptoRng) {
        for position in std::mem::take(&mut self.gaps) {
            overlay.put(&BOX_ENTRY, b"", position, write_over(&LOST));
            overlay.delete(&BOX_BLOB, b"", position);
        }
        rng.fill_bytes(&mut self.list);
        let start = chain_start(&self.list);
        let ring = std::mem::take(&mut self.ring);
        let old = Self::at(self.list, self.base, start, self.uptime, true);
        *self = old;
        for entry in ring {
            self.append_entry(entry);
        }
    }

    pub(super) fn list(&self) -> &ListId {
        &self.list
    }

    pub(super) fn base(&self) -> u64 {
        self.base
    }

    /// The position that the next deposit gets.
    pub(super) fn end(&self) -> u64 {
        self.base + self.ring.len() as u64
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn gone(&self) -> u64 {
        self.gone
    }

    pub(super) fn live(&self) -> u64 {
        self.live
    }

    pub(super) fn uptime(&self) -> Duration {
        self.uptime
    }

    /// The relay's own day.
    fn day(&self) -> u32 {
        u32::try_from(self.uptime.as_secs() / DAY.as_secs()).unwrap_or(u32::MAX)
    }

    /// Writes the list's name and the uptime, if they are not on disk as they are.
    pub(super) fn save(&mut self, overlay: &mut Overlay<'_>) {
        if !std::mem::take(&mut self.unsaved) {
            return;
        }
        self.uptime_saved = self.uptime;
        let mut writer = Writer::with_capacity(96);
        writer
            .array(4)
            .bytes(&self.list)
            .uint(self.base)
            .bytes(&self.base_chain)
            .uint(self.uptime.as_secs() / 60);
        overlay.put(&BOX_STATE, b"", 0, writer.finish());
    }

    /// Where an envelope with this tag lies or lay.
    pub(super) fn find(&self, tag: &Tag, overlay: &Overlay<'_>) -> Result<Option<(u64, State)>, StoreError> {
        let prefix = tag.prefix();
        for (_, position) in self.index.range((prefix, 0)..=(prefix, u64::MAX)) {
            // One that cannot be read is found by nobody; the next start takes note of it.
            let Some(bytes) = readable(overlay.get(&BOX_ENTRY, b"", *position))? else { continue };
            let Ok((entry, found)) = read_entry(&bytes) else { continue };
            if found == Some(*tag) {
                return Ok(Some((*position, entry.state)));
            }
        }
        Ok(None)
    }

    /// Keeps an envelope for so many whole days of uptime.
    pub(super) fn append(&mut self, envelope: Envelope, days: u8, overlay: &mut Overlay<'_>) -> u64 {
        let position = self.end();
        let entry = Entry {
            prefix: envelope.tag.prefix(),
            // The day that has begun is not a whole one.
            expires: self.day().saturating_add(u32::from(days) + 1),
            class: envelope.blob.class(),
            state: State::Live,
            keep: envelope.flags & flags::KEEP != 0,
        };
        overlay.put(&BOX_ENTRY, b"", position, write_entry(&entry, &envelope.tag));
        overlay.put(&BOX_BLOB, b"", position, envelope.blob.into_bytes());
        self.append_entry(entry);
        position
    }

    fn append_entry(&mut self, entry: Entry) {
        let position = self.end();
        if position.is_multiple_of(MARK_EVERY) {
            self.marks.insert(position, self.chain);
        }
        self.chain = chain_next(&self.chain, &entry.prefix, entry.class);
        self.bytes += cost(&entry);
        self.live += u64::from(entry.state == State::Live);
        self.gone += u64::from(entry.state != State::Live);
        if entry.state != State::Over {
            self.index.insert((entry.prefix, position));
        }
        self.ring.push_back(entry);
    }

    /// Whether the deposit was put to be kept whatever its sender says later.
    pub(super) fn is_kept(&self, position: u64) -> bool {
        self.entry(position).is_some_and(|entry| entry.keep)
    }

    /// Forgets the blob of a live deposit, and leaves a tombstone.
    pub(super) fn delete(&mut self, position: u64, tag: &Tag, overlay: &mut Overlay<'_>) {
        let Some(mut entry) = self.entry(position).copied() else {
            return;
        };
        entry.state = State::Deleted;
        overlay.put(&BOX_ENTRY, b"", position, write_entry(&entry, tag));
        overlay.delete(&BOX_BLOB, b"", position);
        self.replace(position, entry);
    }

    /// The blob of a live deposit; nothing if it cannot be read.
    pub(super) fn blob(&self, position: u64, overlay: &Overlay<'_>) -> Result<Option<Blob>, StoreError> {
        if !self.is_live(position) {
            return Ok(None);
        }
        Ok(readable(overlay.get(&BOX_BLOB, b"", position))?.and_then(|bytes| Blob::parse(bytes).ok()))
    }

    /// Ends a deposit whose blob cannot be read, if it cannot: it may be put again.
    pub(super) fn end_if_lost(
        &mut self,
        position: u64,
        overlay: &mut Overlay<'_>,
    ) -> Result<bool, StoreError> {
        let lost = self.is_live(position) && self.blob(position, overlay)?.is_none();
        if lost {
            self.end_entry(position, overlay);
        }
        Ok(lost)
    }

    pub(super) fn is_live(&self, position: u64) -> bool {
        self.entry(position).is_some_and(|entry| entry.state == State::Live)
    }

    pub(super) fn class(&self, position: u64) -> Option<Class> {
        self.entry(position).map(|entry| entry.class)
    }

    /// The list's entries from one position up to before another.
    pub(super) fn entries(&self, from: u64, to: u64) -> Entries {
        let from = from.clamp(self.base, self.end());
        let to = to.clamp(from, self.end());
        let mut entries = Entries::with_capacity((to - from) as usize);
        let range = (from - self.base) as usize..(to - self.base) as usize;
        for entry in self.ring.range(range) {
            entries.push(&entry.prefix, entry.class);
        }
        entries
    }

    /// The chain before the entry at a position between base and end.
    pub(super) fn chain_at(&self, position: u64) -> Hash32 {
        if position >= self.end() {
            return self.chain;
        }
        let (from, chain) = self
            .marks
            .range(..=position)
            .next_back()
            .filter(|(mark, _)| **mark >= self.base)
            .map_or((self.base, self.base_chain), |(mark, chain)| (*mark, *chain));
        let range = (from - self.base) as usize..position.saturating_sub(self.base) as usize;
        self.ring.range(range).fold(chain, |chain, entry| chain_next(&chain, &entry.prefix, entry.class))
    }

    /// Lets time pass.
    pub(super) fn age(&mut self, gone_by: Duration) {
        self.uptime = self.uptime.saturating_add(gone_by);
        if self.uptime.saturating_sub(self.uptime_saved) >= UPTIME_SAVED_EVERY {
            self.unsaved = true;
        }
        if self.day() > self.swept_day && self.sweep.is_none() {
            self.swept_day = self.day();
            self.sweep = Some(self.base);
        }
    }

    /// Ends some of what has outlived its time; says whether there is more to do.
    pub(super) fn sweep(&mut self, overlay: &mut Overlay<'_>) -> bool {
        let Some(from) = self.sweep else {
            return false;
        };
        let from = from.max(self.base);
        let to = self.end().min(from.saturating_add(SWEEP_LOOKED_MAX));
        let mut ended = 0;
        let mut position = from;
        while position < to && ended < SWEEP_ENDED_MAX {
            ended += usize::from(self.end_if_expired(position, overlay));
            position += 1;
        }
        self.sweep = (position < self.end()).then_some(position);
        self.trim(overlay);
        self.sweep.is_some()
    }

    fn end_if_expired(&mut self, position: u64, overlay: &mut Overlay<'_>) -> bool {
        let today = self.day();
        let Some(entry) = self.entry(position) else {
            return false;
        };
        if entry.state == State::Over || entry.expires > today {
            return false;
        }
        self.end_entry(position, overlay);
        true
    }

    fn end_entry(&mut self, position: u64, overlay: &mut Overlay<'_>) {
        let Some(mut entry) = self.entry(position).copied() else { return };
        if entry.state == State::Live {
            overlay.delete(&BOX_BLOB, b"", position);
        }
        entry.state = State::Over;
        entry.keep = false;
        overlay.put(&BOX_ENTRY, b"", position, write_over(&entry));
        self.index.remove(&(entry.prefix, position));
        self.replace(position, entry);
    }

    /// Forgets the entries at the front that are over.
    fn trim(&mut self, overlay: &mut Overlay<'_>) {
        while let Some(entry) = self.ring.pop_front_if(|entry| entry.state == State::Over) {
            overlay.delete(&BOX_ENTRY, b"", self.base);
            self.base_chain = chain_next(&self.base_chain, &entry.prefix, entry.class);
            self.bytes -= cost(&entry);
            self.gone -= 1;
            self.base += 1;
            self.unsaved = true;
        }
        self.marks = self.marks.split_off(&self.base);
    }

    fn entry(&self, position: u64) -> Option<&Entry> {
        let place = position.checked_sub(self.base)?;
        self.ring.get(usize::try_from(place).ok()?)
    }

    fn replace(&mut self, position: u64, entry: Entry) {
        let place = usize::try_from(position - self.base).unwrap_or(usize::MAX);
        if let Some(old) = self.ring.get_mut(place) {
            self.bytes = self.bytes - cost(old) + cost(&entry);
            self.live -= u64::from(old.state == State::Live);
            self.live += u64::from(entry.state == State::Live);
            self.gone -= u64::from(old.state != State::Live);
            self.gone += u64::from(entry.state != State::Live);
            *old = entry;
        }
    }
}

fn cost(entry: &Entry) -> u64 {
    let blob = match entry.state {
        State::Live => entry.class.bytes() as u64,
        State::Deleted | State::Over => 0,
    };
    ENTRY_COST + blob
}

const LIVE: u8 = 0;
const LIVE_KEPT: u8 = 1;
const DELETED: u8 = 2;
const OVER: u8 = 3;

fn write_entry(entry: &Entry, tag: &Tag) -> Vec<u8> {
    let state = match (entry.state, entry.keep) {
        (State::Live, false) => LIVE,
        (State::Live, true) => LIVE_KEPT,
        _ => DELETED,
    };
    let mut writer = Writer::with_capacity(48);
    writer.array(4).uint(state).uint(entry.class.code()).uint(entry.expires).bytes(tag.as_bytes());
    writer.finish()
}

fn write_over(entry: &Entry) -> Vec<u8> {
    let mut writer = Writer::with_capacity(16);
    writer.array(3).uint(OVER).uint(entry.class.code()).bytes(&entry.prefix.0);
    writer.finish()
}

fn read_entry(bytes: &[u8]) -> Result<(Entry, Option<Tag>), WireError> {
    let mut reader = Reader::new(bytes);
    let items = reader.array(4)?;
    let state = reader.u8()?;
    let class = Class::from_code(reader.u8()?).ok_or(WireError::Unknown)?;
    if (state, items) == (OVER, 3) {
        let entry =
            Entry { prefix: Prefix(reader.fixed()?), expires: 0, class, state: State::Over, keep: false };
        reader.finish()?;
        return Ok((entry, None));
    }
    let expires = reader.u32()?;
    let tag = Tag(reader.fixed()?);
    reader.finish()?;
    let state_now = match state {
        LIVE | LIVE_KEPT => State::Live,
        DELETED => State::Deleted,
        _ => return Err(WireError::Unknown),
    };
    let entry = Entry { prefix: tag.prefix(), expires, class, state: state_now, keep: state == LIVE_KEPT };
    Ok((entry, Some(tag)))
}

fn read_state(bytes: &[u8]) -> Result<Ledger, WireError> {
    let mut reader = Reader::new(bytes);
    reader.array_of(4)?;
    let list = reader.fixed()?;
    let base = reader.u64()?;
    let chain = reader.fixed()?;
    let minutes = reader.u64()?;
    reader.finish()?;
    let uptime = Duration::from_secs(minutes.saturating_mul(60));
    Ok(Ledger::at(list, base, chain, uptime, false))
}

/// A record that does not open is as good as none: a relay goes on with all others.
fn readable<T>(found: Result<Option<T>, StoreError>) -> Result<Option<T>, StoreError> {
    match found {
        Err(StoreError::Corrupt(_)) => Ok(None),
        found => found,
    }
}

/// Some entries by their positions, nothing for one that cannot be read, and from where to go on.
type Page = (Vec<(u64, Option<Entry>)>, Option<u64>);

fn page(store: &dyn Store, from: u64) -> Result<Page, StoreError> {
    let parse = |bytes: &[u8]| read_entry(bytes).ok().map(|(entry, _)| entry);
    match store.range(&BOX_ENTRY, b"", from..=u64::MAX, Direction::Ascending, LOAD_STEP) {
        Ok(found) => {
            let next = found.last().filter(|_| found.len() == LOAD_STEP).map(|(last, _)| last + 1);
            Ok((found.iter().map(|(position, bytes)| (*position, parse(bytes))).collect(), next))
        }
        Err(StoreError::Corrupt(_)) => {
            let end = from.saturating_add(LOAD_STEP as u64);
            let mut found = Vec::new();
            for position in from..end {
                match store.get(&BOX_ENTRY, b"", position) {
                    Ok(Some(bytes)) => found.push((position, parse(&bytes))),
                    Ok(None) => {}
                    Err(StoreError::Corrupt(_)) => found.push((position, None)),
                    Err(error) => return Err(error),
                }
            }
            Ok((found, Some(end)))
        }
        Err(error) => Err(error),
    }
}
