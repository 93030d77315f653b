//! Where things stand: what the index says about a record, and the changes that it has not heard of yet.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use proto::store::Direction;

use crate::record::{Blind, Spot};

/// What is known about one record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Entry {
    /// It stands in the log: segment, byte in the file, length.
    Place { segment: u64, at: u32, bytes: u32 },
    /// It is a small number of the store's own.
    Number(u32),
    /// It was removed. Stands only among changes, never in the index.
    Gone,
}

/// Changes in the order of their names.
pub(crate) type Changes = BTreeMap<Spot, Entry>;

/// The changes since the last checkpoint, and those that a checkpoint is writing right now.
#[derive(Default)]
pub(crate) struct Recent {
    pub(crate) active: Changes,
    pub(crate) frozen: Option<Arc<Changes>>,
    /// Bytes of log behind the active changes.
    pub(crate) log_bytes: u64,
}

impl Recent {
    /// What these changes say about a record; `None` if they do not speak of it.
    pub(crate) fn get(&self, spot: &Spot) -> Option<Entry> {
        let frozen = || self.frozen.as_ref().and_then(|frozen| frozen.get(spot));
        self.active.get(spot).or_else(frozen).copied()
    }

    /// Makes the active changes the frozen ones. There must be none.
    pub(crate) fn freeze(&mut self) -> Arc<Changes> {
        debug_assert!(self.frozen.is_none());
        let frozen = Arc::new(std::mem::take(&mut self.active));
        self.frozen = Some(Arc::clone(&frozen));
        self.log_bytes = 0;
        frozen
    }

    /// The changes under one name, newest layer first, each in the given direction.
    pub(crate) fn layers<'a>(
        &'a self,
        name: &Blind,
        orders: &RangeInclusive<u64>,
        direction: Direction,
    ) -> Vec<Layer<'a>> {
        let low = Spot { name: *name, order: *orders.start() };
        let high = Spot { name: *name, order: *orders.end() };
        let both = [Some(&self.active), self.frozen.as_deref()];
        let layer = |changes: &'a Changes| -> Layer<'a> {
            let found = changes.range(low..=high).map(|(spot, entry)| (spot.order, *entry));
            match direction {
                Direction::Ascending => Box::new(found),
                Direction::Descending => Box::new(found.rev()),
            }
        };
        both.into_iter().flatten().map(layer).collect()
    }
}

/// Orders with their entries, sorted in one direction.
pub(crate) type Layer<'a> = Box<dyn Iterator<Item = (u64, Entry)> + 'a>;

/// Walks sorted layers as one; where two speak of an order, the earlier layer wins. Removed records are left out.
pub(crate) fn merge<'a>(
    layers: Vec<Layer<'a>>,
    direction: Direction,
) -> impl Iterator<Item = (u64, Entry)> + 'a {
    let mut layers: Vec<_> = layers.into_iter().map(Iterator::peekable).collect();
    std::iter::from_fn(move || {
        loop {
            let heads = layers.iter_mut().filter_map(|layer| layer.peek().map(|head| head.0));
            let order = match direction {
                Direction::Ascending => heads.min(),
                Direction::Descending => heads.max(),
            }?;
            let mut found = None;
            for layer in &mut layers {
                let here = layer.next_if(|head| head.0 == order);
                found = found.or(here);
            }
            match found {
                Some((_, Entry::Gone)) => {}
                found => return found,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_layer_wins_and_hides_what_was_removed() {
        let at = |order| Spot { name: [1; 16], order };
        let active = [(at(1), Entry::Number(1)), (at(2), Entry::Number(2))].into();
        let mut recent = Recent { active, ..Recent::default() };
        recent.freeze();
        recent.active = [(at(2), Entry::Gone), (at(3), Entry::Number(3))].into();
        recent.active.insert(Spot { name: [2; 16], order: 1 }, Entry::Number(9));
        let index: Layer<'_> = Box::new([(1, Entry::Number(0)), (4, Entry::Number(4))].into_iter());
        let mut layers = recent.layers(&[1; 16], &(0..=9), Direction::Ascending);
        layers.push(index);
        let seen: Vec<_> = merge(layers, Direction::Ascending).collect();
        assert_eq!(seen, [(1, Entry::Number(1)), (3, Entry::Number(3)), (4, Entry::Number(4))]);
        let layers = recent.layers(&[1; 16], &(0..=2), Direction::Descending);
        let seen: Vec<_> = merge(layers, Direction::Descending).collect();
        assert_eq!(seen, [(1, Entry::Number(1))]);
    }
}
