//! The nodes of the key tree as the log holds them: opened from the root down, and born when they are needed.

use std::collections::BTreeMap;

use crypto::tree::{self, LeafKey, Node, NodeId, NodeKey};
use proto::store::StoreError;

use crate::recent::Entry;
use crate::record::{Record, single};
use crate::sealed::{Draft, SealedStore};

/// Opened nodes of the key tree kept in memory: 2 MiB.
pub(crate) const NODES_KEPT: usize = 1024;
/// The node above all others.
pub(crate) const ROOT: NodeId = NodeId { level: 2, index: 0 };

const BAD_NODE: StoreError = StoreError::Corrupt("a node of the key tree");

/// Nodes that were read in the log, oldest first. Which of them stands is known once the end of the log is.
pub(crate) type Candidates = BTreeMap<u32, Vec<Entry>>;

impl SealedStore {
    /// Shows an opened node of the key tree. `None` if the tree has no such node yet.
    pub(crate) fn with_node<T>(
        &self,
        id: NodeId,
        show: impl FnOnce(&Node) -> T,
    ) -> Result<Option<T>, StoreError> {
        if let Some(node) = self.memory.borrow().nodes.get(&id) {
            return Ok(Some(show(node)));
        }
        let Some(entry) = self.entry(&self.keys.node_spot(node_number(id)))? else { return Ok(None) };
        let Some(key) = self.node_key(id)? else { return Ok(None) };
        let node = self.open_node_at(id, &key, entry)?;
        let shown = show(&node);
        self.keep_node(id, node);
        Ok(Some(shown))
    }

    fn open_node_at(&self, id: NodeId, key: &NodeKey, entry: Entry) -> Result<Node, StoreError> {
        let Entry::Place { segment, at, bytes } = entry else { return Err(BAD_NODE) };
        let bytes = self.record_bytes((segment, at, bytes))?;
        let Some(Record::Node { sealed, .. }) = single(&bytes) else { return Err(BAD_NODE) };
        tree::open_node(key, id, sealed).map_err(|_| BAD_NODE)
    }

    fn node_key(&self, id: NodeId) -> Result<Option<NodeKey>, StoreError> {
        if id == ROOT {
            return Ok(Some(self.keys.vault.root_key().clone()));
        }
        let (parent, place) = id.parent();
        self.with_node(parent, |parent| parent.child(place))
    }

    pub(crate) fn keep_node(&self, id: NodeId, node: Node) {
        self.memory.borrow_mut().nodes.insert(id, node);
    }

    /// The key of a leaf that was given out.
    pub(crate) fn leaf_key(&self, leaf: u32) -> Result<LeafKey, StoreError> {
        let (node, child) = NodeId::of_leaf(leaf);
        self.with_node(node, |node| node.leaf(child))?.ok_or(BAD_NODE)
    }

    /// Makes sure that the tree has this node and those above it; new ones join the draft.
    ///
    /// A new node is sealed under a key that its parent has had from birth and has never used, so it can be reached
    /// from the root before and after whatever is being destroyed meanwhile.
    pub(crate) fn ensure_node(&mut self, id: NodeId, draft: &mut Draft) -> Result<(), StoreError> {
        if self.with_node(id, |_| ())?.is_some() {
            return Ok(());
        }
        if id != ROOT {
            self.ensure_node(id.parent().0, draft)?;
        }
        let key = self.node_key(id)?.ok_or(StoreError::Corrupt("the key tree"))?;
        let node = Node::random(&mut self.rng);
        let sealed = tree::seal_node(&key, id, &node, &mut self.rng);
        let number = node_number(id);
        draft.place(self.keys.node_spot(number), &Record::Node { node: number, sealed: &sealed });
        self.keep_node(id, node);
        Ok(())
    }

    /// Finds among the nodes that the log tells of, from the root down, those that the present root reaches.
    ///
    /// A destruction writes nodes under new keys before the key file learns of the new root. If that never happened,
    /// the nodes before them stand. Each key seals a node once, so whatever opens is the right one.
    pub(crate) fn settle_nodes(&mut self, candidates: &Candidates) -> Result<(), StoreError> {
        for (number, entries) in candidates.iter().rev() {
            let id = node_id(*number);
            let Some(key) = self.node_key(id).or_else(unreadable)? else { continue };
            for entry in entries.iter().rev() {
                if let Some(node) = self.open_node_at(id, &key, *entry).map(Some).or_else(unreadable)? {
                    self.recent.active.insert(self.keys.node_spot(*number), *entry);
                    self.keep_node(id, node);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whether the root of the tree opens, and so anything at all.
    pub(crate) fn has_root(&self) -> Result<bool, StoreError> {
        Ok(self.with_node(ROOT, |_| ()).or_else(unreadable)?.is_some())
    }
}

pub(crate) fn node_number(id: NodeId) -> u32 {
    u32::from(id.level) << 24 | id.index
}

fn node_id(number: u32) -> NodeId {
    NodeId { level: (number >> 24) as u8, index: number & 0x00ff_ffff }
}

/// Takes what does not open as not being there.
fn unreadable<T>(error: StoreError) -> Result<Option<T>, StoreError> {
    match error {
        StoreError::Corrupt(_) => Ok(None),
        other => Err(other),
    }
}
