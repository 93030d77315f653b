//! The keys of an open profile, each for its one use here.

use std::ops::RangeInclusive;

use crypto::key::Secret32;
use crypto::vault::{BlockSealer, NameKey, Vault};
use proto::store::LeafRule;

use crate::record::{Blind, Spot};
use crate::segment::SALT_BYTES;

/// Tables above those that others may use, for what the store itself remembers.
const OWN_TABLE: u8 = 255;
const GROUP_TABLE: u8 = 254;

/// What the vault gives to the log and the index.
pub(crate) struct Keys {
    pub(crate) vault: Vault,
    /// Binds each commit to all before it.
    pub(crate) chain: Secret32,
    names: NameKey,
    nodes: Blind,
    own: Blind,
    doomed: Blind,
    free: Blind,
    doubt: Blind,
}

/// Which records under a name share a leaf, told apart by the kind of their table's rule.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Run {
    kind: u8,
    count: u32,
    number: u64,
}

/// The kind of a run that is a whole table.
const SHARED: u8 = 0;

impl Run {
    pub(crate) fn of(rule: LeafRule, order: u64) -> Self {
        let run = |kind, count: u32, number| Self { kind, count, number };
        let several = |kind, count: u32| run(kind, count.max(1), order / u64::from(count.max(1)));
        match rule {
            LeafRule::Shared => run(SHARED, 0, 0),
            LeafRule::PerName => run(1, 0, 0),
            LeafRule::PerRecord => run(2, 1, order),
            LeafRule::PerRun(count) => several(3, count),
            LeafRule::Erasable(count) => several(4, count),
        }
    }

    /// The orders that belong to it.
    pub(crate) fn orders(self) -> RangeInclusive<u64> {
        if self.count == 0 {
            return 0..=u64::MAX;
        }
        let count = u64::from(self.count);
        let first = self.number.saturating_mul(count);
        first..=first.saturating_add(count - 1)
    }
}

impl Keys {
    pub(crate) fn new(vault: Vault) -> Self {
        let names = vault.name_key();
        Self {
            chain: vault.fixed_key("M1/log-chain/1"),
            nodes: names.blind(OWN_TABLE, b"nodes"),
            own: names.blind(OWN_TABLE, b"own"),
            doomed: names.blind(OWN_TABLE, b"doomed"),
            free: names.blind(OWN_TABLE, b"free"),
            doubt: names.blind(OWN_TABLE, b"doubt"),
            names,
            vault,
        }
    }

    /// What seals the blocks of the segment with this salt.
    pub(crate) fn sealer(&self, salt: &[u8; SALT_BYTES]) -> BlockSealer {
        BlockSealer::new(&self.vault.segment_key(salt))
    }

    /// What stands for a table and a name on disk.
    pub(crate) fn blind(&self, table: u8, name: &[u8]) -> Blind {
        self.names.blind(table, name)
    }

    /// What stands for the records that share a leaf with this one. Another rule of a table makes other groups, so
    /// that no leaf is destroyed under records that an older rule has put there.
    pub(crate) fn group(&self, table: u8, name: &[u8], run: Run) -> Blind {
        let mut group = vec![table, run.kind];
        if run.kind != SHARED {
            group.extend_from_slice(&run.count.to_be_bytes());
            group.extend_from_slice(&run.number.to_be_bytes());
            group.extend_from_slice(name);
        }
        self.names.blind(GROUP_TABLE, &group)
    }

    /// Where a node of the key tree is kept.
    pub(crate) fn node_spot(&self, node: u32) -> Spot {
        Spot { name: self.nodes, order: u64::from(node) }
    }

    /// Where it is kept that a leaf's key is to be destroyed.
    pub(crate) fn doomed_spot(&self, leaf: u32) -> Spot {
        Spot { name: self.doomed, order: u64::from(leaf) }
    }

    /// Where it is kept that a leaf's number is given out again.
    pub(crate) fn free_spot(&self, leaf: u32) -> Spot {
        Spot { name: self.free, order: u64::from(leaf) }
    }

    /// Where the number of leaves that were given out is kept.
    pub(crate) fn leaves_spot(&self) -> Spot {
        Spot { name: self.own, order: 0 }
    }

    /// Where it is kept that commits were lost, so that what is known of leaves is doubted.
    pub(crate) fn doubt_spot(&self) -> Spot {
        Spot { name: self.doubt, order: 0 }
    }

    /// Where the version of the tables is kept.
    pub(crate) fn schema_spot(&self) -> Spot {
        Spot { name: self.own, order: 1 }
    }
}
