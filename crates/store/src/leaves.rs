//! Leaves of the key tree: which group of records each belongs to, and when one is doomed because nothing current is
//! sealed under it any more.

use std::collections::{BTreeMap, BTreeSet};

use crypto::tree::{self, NodeId};
use proto::store::{Direction, LeafRule, StoreError};

use crate::keys::Run;
use crate::recent::Entry;
use crate::record::{Blind, Record, Spot};
use crate::sealed::{Change, Draft, SealedStore, aad};

/// Leaves of the key tree: 64 nodes of 64 nodes of 64 leaves.
pub(crate) const LEAVES_MAX: u32 = 64 * 64 * 64;
/// The last leaf has no owner. Groups that come when all others are taken share it, and it is never destroyed.
const COMMON: u32 = LEAVES_MAX - 1;

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
        self.leaves = Leaves { next, free, doomed, untold: Vec::new(), waiting_since };
        Ok(())
    }

    /// After commits were lost: a group whose later leaf is not known any more would seem to have one that another has
    /// taken since. Whatever was then deleted would destroy what belongs to the other. Such groups have no leaf from
    /// now on, and the leaf is left to whoever else is sealed under it.
    pub(crate) fn distrust_leaves(&mut self) -> Result<(), StoreError> {
        let mut groups: BTreeMap<Blind, Entry> = self
            .index
            .numbers()
            .map_err(|_| StoreError::Corrupt("the index, while it was built again"))?
            .into_iter()
            .map(|(name, leaf)| (name, Entry::Number(leaf)))
            .collect();
        groups
            .extend(self.recent.active.iter().filter(|(spot, _)| spot.order == 0).map(|(s, e)| (s.name, *e)));
        let own =
            [self.keys.leaves_spot(), self.keys.doomed_spot(0), self.keys.free_spot(0)].map(|spot| spot.name);
        let mut owners: BTreeMap<u32, Vec<Blind>> = BTreeMap::new();
        for (name, entry) in groups.into_iter().filter(|(name, _)| !own.contains(name)) {
            if let Entry::Number(leaf) = entry {
                owners.entry(leaf).or_default().push(name);
            }
        }
        for (leaf, names) in owners {
            let is_free = self.entry(&self.keys.free_spot(leaf))?.is_some();
            if leaf != COMMON && (names.len() > 1 || is_free) {
                let gone = names.into_iter().map(|name| (Spot { name, order: 0 }, Entry::Gone));
                self.recent.active.extend(gone);
            }
        }
        Ok(())
    }

    /// Adds the changes of one group to a draft, and dooms its leaf where they leave nothing under it that counts.
    pub(crate) fn draft_lot(&mut self, lot: &Lot<'_>, draft: &mut Draft) -> Result<(), StoreError> {
        let group = self.keys.group(lot.table, lot.name, lot.run);
        let old = self.group(&group)?;
        let (fate, top) = match old {
            Some(old) => self.fate(lot, old)?,
            None => (Fate::Kept, Some(lot.top())),
        };
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
