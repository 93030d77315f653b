//! The keys of an open profile, each for its one use here.

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
}

impl Keys {
    pub(crate) fn new(vault: Vault) -> Self {
        let names = vault.name_key();
        Self {
            chain: vault.fixed_key("M1/log-chain/1"),
            nodes: names.blind(OWN_TABLE, b"nodes"),
            own: names.blind(OWN_TABLE, b"own"),
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

    /// What stands for the records that share a leaf with this one.
    pub(crate) fn group(&self, table: u8, name: &[u8], order: u64, rule: LeafRule) -> Blind {
        let mut group = vec![table];
        let run = match rule {
            LeafRule::Shared => return self.names.blind(GROUP_TABLE, &group),
            LeafRule::PerName => 0,
            LeafRule::PerRecord => order,
            LeafRule::PerRun(count) => order / u64::from(count.max(1)),
        };
        group.extend_from_slice(&run.to_be_bytes());
        group.extend_from_slice(name);
        self.names.blind(GROUP_TABLE, &group)
    }

    /// Where a node of the key tree is kept.
    pub(crate) fn node_spot(&self, node: u32) -> Spot {
        Spot { name: self.nodes, order: u64::from(node) }
    }

    /// Where the number of leaves that were given out is kept.
    pub(crate) fn leaves_spot(&self) -> Spot {
        Spot { name: self.own, order: 0 }
    }

    /// Where the version of the tables is kept.
    pub(crate) fn schema_spot(&self) -> Spot {
        Spot { name: self.own, order: 1 }
    }
}
