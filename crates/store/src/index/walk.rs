//! The records under one name in order, while a checkpoint may be dividing the very rows.
//!
//! Each step asks sled anew, and sled answers with its rows as they were before a batch or after it. A record moves only
//! when its run is divided, and then to a run with a higher key that is not above its order. So what is still to be met
//! stays beyond the key that was read last, in either direction, and what was met already is known by its order.

use std::ops::RangeInclusive;

use proto::store::Direction;

use super::Failure;
use super::rows::{Bucket, Run};
use crate::recent::Entry;
use crate::record::Blind;

pub(super) struct Walk {
    db: sled::Db,
    name: Blind,
    direction: Direction,
    /// Orders that are still wanted.
    wanted: Option<RangeInclusive<u64>>,
    /// The key of the run that was read last.
    at: Option<u64>,
    /// What was read of it and is not told yet; the next one is taken from the end.
    found: Vec<(u64, Entry)>,
}

impl Walk {
    pub(super) fn new(db: sled::Db, name: Blind, orders: RangeInclusive<u64>, direction: Direction) -> Self {
        let wanted = (!orders.is_empty()).then_some(orders);
        Self { db, name, direction, wanted, at: None, found: Vec::new() }
    }

    pub(super) fn next(&mut self) -> Result<Option<(u64, Entry)>, Failure> {
        while self.found.is_empty() {
            let Some(wanted) = self.wanted.clone() else { return Ok(None) };
            let (low, high) = wanted.into_inner();
            match self.direction {
                Direction::Ascending => self.ascend(low, high)?,
                Direction::Descending => self.descend(low, high)?,
            }
        }
        Ok(self.found.pop())
    }

    fn ascend(&mut self, low: u64, high: u64) -> Result<(), Failure> {
        if low == 0 {
            self.wanted = (high > 0).then_some(1..=high);
            return self.first();
        }
        let run = match self.at {
            None => match Run::under(&self.db, &self.name, low)? {
                None => Run::from(&self.db, &self.name, low, high)?,
                under => under,
            },
            Some(u64::MAX) => None,
            Some(at) => Run::from(&self.db, &self.name, at + 1, high)?,
        };
        let Some(run) = run else {
            self.wanted = None;
            return Ok(());
        };
        self.found = run.entries.range(low..=high).rev().map(|(order, entry)| (*order, *entry)).collect();
        self.at = Some(run.low);
        if let Some((last, _)) = self.found.first() {
            self.wanted = (*last < high).then(|| *last + 1..=high);
        }
        Ok(())
    }

    fn descend(&mut self, low: u64, high: u64) -> Result<(), Failure> {
        let lowest = low.max(1);
        let run = match self.at {
            _ if high < lowest => None,
            None => Run::under(&self.db, &self.name, high)?,
            Some(at) => Run::below(&self.db, &self.name, at)?,
        };
        let Some(run) = run else {
            self.wanted = None;
            return if low == 0 { self.first() } else { Ok(()) };
        };
        self.found = run.entries.range(lowest..=high).map(|(order, entry)| (*order, *entry)).collect();
        self.at = Some(run.low);
        // All from the key of this run on has been seen.
        self.wanted = match run.low > lowest {
            true => Some(low..=high.min(run.low - 1)),
            false => (low == 0).then_some(0..=0),
        };
        Ok(())
    }

    /// Order 0, which stands in a bucket.
    fn first(&mut self) -> Result<(), Failure> {
        let bucket = Bucket::of(&self.db, &self.name)?;
        self.found.extend(bucket.entries.get(&self.name).map(|entry| (0, *entry)));
        Ok(())
    }
}
