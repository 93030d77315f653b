//! Leaves of the key tree: which group of records each belongs to, and when one is doomed because nothing current is
//! sealed under it any more.

use std::collections::{BTreeMap, BTreeSet};

use crypto::tree::{self, NodeId};
use proto::store::{Direction, LeafRule, StoreError};

use crate::error::OpenError;
use crate::keys::Run;
use crate::recent::Entry;
use crate::record::{Blind, Record, Spot, records};
use crate::sealed::{Change, Draft, SealedStore, aad};
use crate::segment::FIRST_BLOCK;

/// Leaves of the key tree: 64 nodes of 64 nodes of 64 leaves.
pub(crate) const LEAVES_MAX: u32 = 64 * 64 * 64;
/// The last leaf has no owner. Groups that come when all others are taken share it, and it is never destroyed.
pub(crate) const COMMON: u32 = LEAVES_MAX - 1;

/// What is known about the leaves as a whole.
#[derive(Debug, Default)]
pub(crate) struct Leaves {
    /// Numbers below this one were given out at least once.
    next: u32,
    /// Leaves whose key was destroyed and that nobody has taken yet.
    free: BTreeSet<u32>,
    /// Leaves whose key is to be destroyed.
    doomed: BTreeSet<u32>,
    /// Leaves of which the log must hear that they are free.
    untold: Vec<u32>,
    /// The commit after which the oldest of them was doomed that is in no destruction yet.
    waiting_since: Option<u64>,
    /// Commits were lost once: which leaf a group has is asked of its records.
    doubted: bool,
}

impl Leaves {
    pub(crate) fn doomed(&self) -> &BTreeSet<u32> {
        &self.doomed
    }

    pub(crate) fn is_doomed(&self, leaf: u32) -> bool {
        self.doomed.contains(&leaf)
    }

    pub(crate) fn is_free(&self, leaf: u32) -> bool {
        self.free.contains(&leaf)
    }

    pub(crate) fn has_untold(&self) -> bool {
        !self.untold.is_empty()
    }

    /// The commit since which a destruction is wanted.
    pub(crate) fn waiting_since(&self) -> Option<u64> {
        self.waiting_since
    }

    /// Notes that a destruction has begun for all that are doomed.
    pub(crate) fn begin(&mut self) {
        self.waiting_since = None;
    }

    /// Lets a leaf rest that cannot be destroyed in this session; the next one tries again.
    pub(crate) fn put_off(&mut self, leaf: u32) {
        self.doomed.remove(&leaf);
    }

    /// Notes that the keys of these leaves are gone for good.
    pub(crate) fn destroyed(&mut self, leaves: &[u32]) {
        for leaf in leaves {
            self.doomed.remove(leaf);
            self.free.insert(*leaf);
            self.untold.push(*leaf);
        }
    }

    /// Takes a number: for what is soon overwritten the lowest free one, so that what is destroyed together lies
    /// together in the tree; for what stays a new one as long as there are any.
    fn take(&mut self, for_long: bool) -> u32 {
        let fresh = (self.next < COMMON).then_some(self.next);
        let taken = match for_long {
            true => fresh.or(self.free.last().copied()),
            false => self.free.first().copied().or(fresh),
        };
        let leaf = taken.unwrap_or(COMMON);
        self.free.remove(&leaf);
        if leaf == self.next && leaf != COMMON {
            self.next += 1;
        }
        leaf
    }
}

/// The leaf of a group, and what is known about the group's records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    leaf: u32,
    /// No record of the group has an order above this one, if that is known.
    top: Option<u64>,
}

/// The changes of one batch that concern one group, in the order of their orders.
pub(crate) struct Lot<'a> {
    pub(crate) table: u8,
    pub(crate) name: &'a [u8],
    pub(crate) blind: Blind,
    pub(crate) rule: LeafRule,
    pub(crate) run: Run,
    pub(crate) changes: Vec<(u64, Option<&'a [u8]>)>,
}

impl Lot<'_> {
    fn has_puts(&self) -> bool {
        self.changes.iter().any(|(_, value)| value.is_some())
    }

    fn changes_order(&self, order: u64) -> bool {
        self.changes.binary_search_by_key(&order, |(order, _)| *order).is_ok()
    }

    fn top(&self) -> u64 {
        self.changes.last().map_or(0, |(order, _)| *order)
    }
}

/// What a lot means for the leaf that its group has.
enum Fate {
    /// It stays.
    Kept,
    /// Nothing is left under it.
    Dropped,
    /// It is doomed; these records and what the lot writes go under another one.
    Renewed(Vec<(u64, Entry)>),
}

impl SealedStore {
    /// Learns from the index and the changes which leaves are free and which are doomed.
    pub(crate) fn load_leaves(&mut self) -> Result<(), StoreError> {
        let all = 0..=u64::from(LEAVES_MAX);
        let under = |name| -> Result<BTreeSet<u32>, StoreError> {
            let found = self.entries(&name, all.clone(), Direction::Ascending, usize::MAX)?;
            Ok(found.into_iter().map(|(order, _)| order as u32).collect())
        };
        let free = under(self.keys.free_spot(0).name)?;
        let doomed = under(self.keys.doomed_spot(0).name)?;
        let next = match self.entry(&self.keys.leaves_spot())? {
            Some(Entry::Number(next)) => next,
            _ => 0,
        };
        let waiting_since = (!doomed.is_empty()).then_some(0);
        let doubted = self.entry(&self.keys.doubt_spot())?.is_some();
        self.leaves = Leaves { next, free, doomed, untold: Vec::new(), waiting_since, doubted };
        Ok(())
    }

    /// After commits were lost the log may say of a leaf what was no longer true: a group seems to have one that another
    /// has taken since, or none though its records are sealed under one. From now on each group's records are asked.
    ///
    /// Leaves under which nothing opens are doomed if no group claims them; if `index_is_new`, so that it names nothing in
    /// a block that cannot be read, also those that are claimed by others than whole tables.
    pub(crate) fn doubt_leaves(&mut self, index_is_new: bool) -> Result<(), OpenError> {
        self.recent.active.insert(self.keys.doubt_spot(), Entry::Number(COMMON));
        self.load_leaves()?;
        let used = self.leaves_in_use()?;
        let claimed = self.claimed_leaves(index_is_new)?;
        let is_lost = |leaf: &u32| {
            !used.contains(leaf) && !claimed.contains(leaf) && !self.leaves.is_free(*leaf) && *leaf != COMMON
        };
        let lost: Vec<u32> = (0..self.leaves.next).filter(is_lost).collect();
        let doomed = lost.into_iter().map(|leaf| (self.keys.doomed_spot(leaf), Entry::Number(0)));
        self.recent.active.extend(doomed);
        Ok(())
    }

    /// The leaves under which current records open, by reading all of the log.
    fn leaves_in_use(&self) -> Result<BTreeSet<u32>, OpenError> {
        let mut used = BTreeSet::new();
        for (segment, state) in &self.segments {
            let Some(opened) = self.open_segment(*segment)? else { continue };
            let (mut at, mut number) = (FIRST_BLOCK, 0);
            loop {
                self.trim_memory();
                let Some(commit) = opened.commit(at, state.blocks, &self.keys.chain)? else {
                    match opened.find_start(at.saturating_add(1), state.blocks, number)? {
                        Some(next) => at = next,
                        None => break,
                    }
                    continue;
                };
                for (range, record) in records(&commit.body).flatten() {
                    let Record::Put { spot, leaf, sealed } = record else { continue };
                    let (place, bytes) = (commit.place(range.start), range.len() as u32);
                    let here = Entry::Place { segment: *segment, at: place, bytes };
                    if !used.contains(&leaf)
                        && self.entry(&spot)? == Some(here)
                        && let Ok(key) = self.leaf_key(leaf)
                        && tree::open_record(&key, &aad(&spot, leaf), sealed).is_ok()
                    {
                        used.insert(leaf);
                    }
                }
                (at, number) = (at + commit.blocks, commit.number);
            }
        }
        Ok(used)
    }

    /// The leaves that groups have by the word of the index; or only those of whole tables, which never lose theirs.
    fn claimed_leaves(&self, only_tables: bool) -> Result<BTreeSet<u32>, StoreError> {
        let trouble = |_| StoreError::Corrupt("the index, while the log was read");
        let mut claims: BTreeMap<Blind, u32> = self.index.numbers().map_err(trouble)?.into_iter().collect();
        for (spot, entry) in self.recent.active.iter().filter(|(spot, _)| spot.order == 0) {
            match entry {
                Entry::Number(leaf) => drop(claims.insert(spot.name, *leaf)),
                _ => drop(claims.remove(&spot.name)),
            }
        }
        let own = [self.keys.leaves_spot(), self.keys.doomed_spot(0), self.keys.free_spot(0)];
        claims.retain(|name, _| own.iter().all(|spot| spot.name != *name));
        if only_tables {
            let whole = Run::of(LeafRule::Shared, 0);
            let tables: BTreeSet<Blind> =
                (0..=u8::MAX).map(|table| self.keys.group(table, &[], whole)).collect();
            claims.retain(|name, _| tables.contains(name));
        }
        Ok(claims.into_values().collect())
    }

    /// Tells the log that leaves are doubted, in each segment from then on, and which are doomed.
    pub(crate) fn tell_doubt(&self, draft: &mut Draft) {
        if self.leaves.doubted {
            let spot = self.keys.doubt_spot();
            draft.add(&Record::Leaf { group: spot.name, leaf: COMMON });
            draft.changes.push((spot, Change::Number(COMMON)));
            for leaf in &self.leaves.doomed {
                draft.add(&Record::Doomed { leaf: *leaf });
                draft.changes.push((self.keys.doomed_spot(*leaf), Change::Number(0)));
            }
        }
    }

    /// Adds the changes of one group to a draft, and dooms its leaf where they leave nothing under it that counts.
    pub(crate) fn draft_lot(&mut self, lot: &Lot<'_>, draft: &mut Draft) -> Result<(), StoreError> {
        let group = self.keys.group(lot.table, lot.name, lot.run);
        let is_sure = !self.leaves.doubted || self.memory.borrow().groups.contains_key(&group);
        let (old, strays) = match is_sure || lot.rule == LeafRule::Shared {
            true => (self.group(&group)?, BTreeSet::new()),
            false => self.ask_records(&group, lot, draft)?,
        };
        let (fate, top) = match old {
            _ if !strays.is_empty() => (self.gather(lot)?, None),
            Some(old) => self.fate(lot, old)?,
            None => (Fate::Kept, Some(lot.top())),
        };
        strays.into_iter().for_each(|leaf| self.doom(leaf, draft));
        match (old, &fate) {
            (Some(old), Fate::Dropped) => {
                self.doom(old.leaf, draft);
                draft.add(&Record::Left { group });
                draft.changes.push((Spot { name: group, order: 0 }, Change::Gone));
                self.memory.borrow_mut().groups.remove(&group);
            }
            (Some(old), Fate::Kept) => self.remember(group, Group { top, ..old }),
            _ if lot.has_puts() || matches!(fate, Fate::Renewed(_)) => {
                if let Some(old) = old {
                    self.doom(old.leaf, draft);
                }
                self.new_leaf(group, lot, top, draft)?;
            }
            _ => {}
        }
        self.seal_lot(group, lot, fate, draft)
    }

    fn fate(&self, lot: &Lot<'_>, old: Group) -> Result<(Fate, Option<u64>), StoreError> {
        let top = old.top.map(|top| top.max(lot.top()));
        let fate = match lot.rule {
            LeafRule::Shared => Fate::Kept,
            LeafRule::PerRecord if lot.has_puts() => Fate::Renewed(Vec::new()),
            LeafRule::PerRecord => Fate::Dropped,
            LeafRule::PerName | LeafRule::PerRun(_) => match lot.has_puts() || self.has_others(lot)? {
                true => Fate::Kept,
                false => Fate::Dropped,
            },
            // Most of what is written stands above all that is there: then nothing is overwritten.
            LeafRule::Erasable(_) if old.top.is_some_and(|top| lot.changes[0].0 > top) => Fate::Kept,
            LeafRule::Erasable(_) => return self.fate_of_erasable(lot),
        };
        Ok((fate, top))
    }

    fn fate_of_erasable(&self, lot: &Lot<'_>) -> Result<(Fate, Option<u64>), StoreError> {
        let mut there = self.entries(&lot.blind, lot.run.orders(), Direction::Ascending, usize::MAX)?;
        let top = there.last().map_or(0, |(order, _)| *order).max(lot.top());
        let before = there.len();
        there.retain(|(order, _)| !lot.changes_order(*order));
        let fate = match (there.len() == before, there.is_empty() && !lot.has_puts()) {
            (true, _) => Fate::Kept,
            (false, true) => Fate::Dropped,
            (false, false) => Fate::Renewed(there),
        };
        Ok((fate, Some(top)))
    }

    /// Finds the leaf of a group by its records, and the other leaves under which some of them stand.
    ///
    /// A leaf changes hands only after its key was destroyed. So where a record opens, its leaf belongs to its group and
    /// to no other; and where none does, what the log says of the group's leaf may be said of another's.
    fn ask_records(
        &mut self,
        group: &Blind,
        lot: &Lot<'_>,
        draft: &mut Draft,
    ) -> Result<(Option<Group>, BTreeSet<u32>), StoreError> {
        let mut leaves = BTreeSet::new();
        for (order, entry) in self.entries(&lot.blind, lot.run.orders(), Direction::Ascending, usize::MAX)? {
            match self.leaf_and_value(&Spot { name: lot.blind, order }, entry) {
                Ok((leaf, _)) => drop(leaves.insert(leaf)),
                Err(StoreError::Corrupt(_)) if !self.index_failed.get() => {}
                Err(error) => return Err(error),
            }
        }
        let said = self.group(group)?.map(|group| group.leaf);
        let found = said.filter(|leaf| leaves.contains(leaf)).or(leaves.last().copied());
        leaves.retain(|leaf| Some(*leaf) != found && *leaf != COMMON);
        self.memory.borrow_mut().groups.remove(group);
        let Some(leaf) = found else { return Ok((None, leaves)) };
        if said != found {
            draft.add(&Record::Leaf { group: *group, leaf });
            draft.changes.push((Spot { name: *group, order: 0 }, Change::Number(leaf)));
        }
        let found = Group { leaf, top: None };
        self.remember(*group, found);
        Ok((Some(found), leaves))
    }

    /// All records of a group that a lot leaves there are sealed anew, under one leaf.
    fn gather(&self, lot: &Lot<'_>) -> Result<Fate, StoreError> {
        let mut there = self.entries(&lot.blind, lot.run.orders(), Direction::Ascending, usize::MAX)?;
        there.retain(|(order, _)| !lot.changes_order(*order));
        let is_empty = there.is_empty() && !lot.has_puts();
        Ok(if is_empty { Fate::Dropped } else { Fate::Renewed(there) })
    }

    /// Whether the group of a lot has records that the lot does not change.
    fn has_others(&self, lot: &Lot<'_>) -> Result<bool, StoreError> {
        let limit = lot.changes.len() + 1;
        let there = self.entries(&lot.blind, lot.run.orders(), Direction::Descending, limit)?;
        Ok(there.iter().any(|(order, _)| !lot.changes_order(*order)))
    }

    /// Writes the changes of a lot, and seals anew what its group keeps beside them.
    fn seal_lot(
        &mut self,
        group: Blind,
        lot: &Lot<'_>,
        fate: Fate,
        draft: &mut Draft,
    ) -> Result<(), StoreError> {
        let mut under = None;
        for (order, value) in &lot.changes {
            let spot = Spot { name: lot.blind, order: *order };
            let Some(value) = value else {
                draft.add(&Record::Delete { spot });
                draft.changes.push((spot, Change::Gone));
                continue;
            };
            let (leaf, key) = match &under {
                Some(under) => under,
                None => under.insert(self.leaf_and_key(&group)?),
            };
            let sealed = tree::seal_record(key, &aad(&spot, *leaf), value, &mut self.rng);
            draft.place(spot, &Record::Put { spot, leaf: *leaf, sealed: &sealed });
            draft.fits()?;
        }
        let Fate::Renewed(others) = fate else { return Ok(()) };
        for (order, entry) in others {
            let spot = Spot { name: lot.blind, order };
            let value = match self.value_at(&spot, entry) {
                Ok(value) => zeroize::Zeroizing::new(value),
                // What is damaged cannot be sealed anew, and must not keep its neighbours from being erased.
                Err(StoreError::Corrupt(_)) if !self.index_failed.get() => continue,
                Err(error) => return Err(error),
            };
            let (leaf, key) = self.leaf_and_key(&group)?;
            let sealed = tree::seal_record(&key, &aad(&spot, leaf), &value, &mut self.rng);
            draft.place(spot, &Record::Put { spot, leaf, sealed: &sealed });
            // A group may be larger than any commit: it is not put together in memory to find that out.
            draft.fits()?;
        }
        Ok(())
    }

    fn leaf_and_key(&self, group: &Blind) -> Result<(u32, tree::LeafKey), StoreError> {
        let group = self.group(group)?.ok_or(StoreError::Corrupt("a group of records"))?;
        Ok((group.leaf, self.leaf_key(group.leaf)?))
    }

    fn group(&self, group: &Blind) -> Result<Option<Group>, StoreError> {
        if let Some(known) = self.memory.borrow().groups.get(group) {
            return Ok(Some(*known));
        }
        let found = match self.entry(&Spot { name: *group, order: 0 })? {
            Some(Entry::Number(leaf)) => Group { leaf, top: None },
            Some(_) => return Err(StoreError::Corrupt("an entry of the index")),
            None => return Ok(None),
        };
        self.remember(*group, found);
        Ok(Some(found))
    }

    fn remember(&self, group: Blind, known: Group) {
        self.memory.borrow_mut().groups.insert(group, known);
    }

    /// Gives a group a leaf of its own; that it is taken joins the draft.
    fn new_leaf(
        &mut self,
        group: Blind,
        lot: &Lot<'_>,
        top: Option<u64>,
        draft: &mut Draft,
    ) -> Result<(), StoreError> {
        let before = self.leaves.next;
        let leaf = self.leaves.take(!matches!(lot.rule, LeafRule::PerRecord));
        self.ensure_node(NodeId::of_leaf(leaf).0, draft)?;
        draft.add(&Record::Leaf { group, leaf });
        draft.changes.push((Spot { name: group, order: 0 }, Change::Number(leaf)));
        if self.leaves.next == before {
            draft.changes.push((self.keys.free_spot(leaf), Change::Gone));
        } else {
            draft.changes.push((self.keys.leaves_spot(), Change::Number(self.leaves.next)));
        }
        self.remember(group, Group { leaf, top });
        Ok(())
    }

    /// Notes that nothing current is sealed under a leaf once the draft is written.
    fn doom(&mut self, leaf: u32, draft: &mut Draft) {
        if leaf == COMMON {
            return;
        }
        draft.add(&Record::Doomed { leaf });
        draft.changes.push((self.keys.doomed_spot(leaf), Change::Number(0)));
        self.leaves.doomed.insert(leaf);
        self.leaves.waiting_since.get_or_insert(self.next_number);
    }

    /// Tells the log which leaves have become free.
    pub(crate) fn tell_free(&mut self, draft: &mut Draft) {
        for leaf in std::mem::take(&mut self.leaves.untold) {
            draft.add(&Record::Free { leaf });
            draft.changes.push((self.keys.free_spot(leaf), Change::Number(0)));
            draft.changes.push((self.keys.doomed_spot(leaf), Change::Gone));
        }
    }
}
