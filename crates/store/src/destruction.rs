//! How keys die: the nodes above doomed leaves are written under new keys, then the key file takes the new root.
//!
//! The nodes stand in the log before the key file changes. Until it has changed, the old root reaches every leaf
//! through the old nodes; from then on, the new root reaches all but the doomed ones through the new. What is written
//! in between is sealed under keys that both know.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crypto::tree::{self, Node, NodeId, NodeKey, SEALED_NODE_BYTES};
use proto::store::StoreError;

use crate::nodes::{ROOT, node_number};
use crate::recent::Entry;
use crate::record::{Record, Spot};
use crate::sealed::{Draft, SealedStore};
use crate::segment::{BODY_BYTES_MAX, Framed};

/// What a node's record has in front of the sealed node: kind, number, length.
const NODE_HEAD_BYTES: usize = 9;

/// Keys that die together.
pub(crate) struct Destruction {
    leaves: Vec<u32>,
    root: NodeKey,
    nodes: Vec<Renewed>,
}

/// A node with new keys in the places of those that die, and where its record stands in a draft.
struct Renewed {
    id: NodeId,
    node: Node,
    record: Range<usize>,
}

/// A destruction whose nodes are durable, while the key file is being written.
pub(crate) struct Pending {
    leaves: Vec<u32>,
    nodes: Vec<(NodeId, Node, Spot, Entry)>,
}

/// The places of a node whose keys are to be drawn anew.
type Paths = BTreeMap<NodeId, BTreeSet<usize>>;

impl SealedStore {
    /// Destroys every key under which nothing current is sealed any more, and waits until it is done.
    ///
    /// When this returns `Ok`, what was overwritten or deleted before (as far as the tables' rules say so) cannot be
    /// read again by anybody, with the passphrase or without, unless an old copy of the key file was kept.
    ///
    /// # Errors
    /// Those of a commit. The store must then be opened again, and has destroyed all of it or nothing.
    pub fn shred(&mut self) -> Result<(), StoreError> {
        if self.broken {
            return Err(StoreError::Broken);
        }
        self.settle_key_file(true)?;
        if self.leaves.waiting_since().is_some() {
            self.begin_destruction()?;
            self.settle_key_file(true)?;
        }
        Ok(())
    }

    /// Writes the nodes of a destruction in a commit of their own and starts to write the key file.
    pub(crate) fn begin_destruction(&mut self) -> Result<(), StoreError> {
        self.trim_memory();
        let mut draft = self.begin_draft()?;
        self.draft_destruction(&mut draft)?;
        if draft.body.is_empty() { Ok(()) } else { self.append(draft) }
    }

    /// Whether so many commits have come since a leaf was doomed that the next one must destroy it.
    pub(crate) fn destruction_is_due(&self) -> bool {
        let since = self.leaves.waiting_since();
        since.is_some_and(|since| self.next_number >= since + self.options.shred_commits)
    }

    /// Adds to a draft what destroys every doomed leaf. No other destruction may be under way.
    pub(crate) fn draft_destruction(&mut self, draft: &mut Draft) -> Result<(), StoreError> {
        let (leaves, paths) = self.paths()?;
        let bytes = paths.len() * (SEALED_NODE_BYTES + NODE_HEAD_BYTES);
        if draft.body.len() + bytes > BODY_BYTES_MAX {
            // A batch that fills a commit alone; the next one has room.
            return Ok(());
        }
        self.leaves.begin();
        if leaves.is_empty() {
            return Ok(());
        }
        let root = NodeKey::random(&mut self.rng);
        let mut renewed: BTreeMap<NodeId, Node> = BTreeMap::new();
        let mut nodes = Vec::with_capacity(paths.len());
        for (id, places) in paths.iter().rev() {
            let Some(mut node) = self.with_node(*id, Node::clone)? else { continue };
            places.iter().for_each(|place| node.renew(*place, &mut self.rng));
            let (parent, place) = id.parent();
            let key = renewed.get(&parent).map_or_else(|| root.clone(), |parent| parent.child(place));
            let sealed = tree::seal_node(&key, *id, &node, &mut self.rng);
            let record = draft.add(&Record::Node { node: node_number(*id), sealed: &sealed });
            renewed.insert(*id, node.clone());
            nodes.push(Renewed { id: *id, node, record });
        }
        draft.destruction = Some(Destruction { leaves, root, nodes });
        Ok(())
    }

    /// The doomed leaves and every place on their ways to the root. Leaves that cannot be reached are put off.
    fn paths(&mut self) -> Result<(Vec<u32>, Paths), StoreError> {
        let mut paths = Paths::new();
        let mut leaves = Vec::new();
        for leaf in self.leaves.doomed().clone() {
            match self.path(leaf) {
                Ok(path) => {
                    path.into_iter().for_each(|(id, place)| {
                        paths.entry(id).or_default().insert(place);
                    });
                    leaves.push(leaf);
                }
                Err(StoreError::Corrupt(_)) if !self.index_failed.get() => self.leaves.put_off(leaf),
                Err(error) => return Err(error),
            }
        }
        Ok((leaves, paths))
    }

    fn path(&self, leaf: u32) -> Result<[(NodeId, usize); 3], StoreError> {
        let (low, place) = NodeId::of_leaf(leaf);
        let (middle, in_middle) = low.parent();
        let (_, in_root) = middle.parent();
        let path = [(low, place), (middle, in_middle), (ROOT, in_root)];
        for (id, _) in path {
            self.with_node(id, |_| ())?.ok_or(StoreError::Corrupt("a node of the key tree"))?;
        }
        Ok(path)
    }

    /// The nodes are durable: the key file may take the new root.
    pub(crate) fn start_destruction(&mut self, destruction: Destruction, framed: &Framed) {
        let segment = self.point.segment;
        let nodes = destruction.nodes.into_iter().map(|Renewed { id, node, record }| {
            let (at, bytes) = (framed.place(record.start), record.len() as u32);
            (id, node, self.keys.node_spot(node_number(id)), Entry::Place { segment, at, bytes })
        });
        let pending = Pending { leaves: destruction.leaves, nodes: nodes.collect() };
        let mut vault = self.keys.vault.clone();
        vault.set_root_key(destruction.root);
        self.start_key_file(vault, Some(pending));
    }

    /// The key file is durable: the old root, and with it the doomed keys, are no more.
    pub(crate) fn finish_destruction(&mut self, pending: Pending) {
        for (id, node, spot, entry) in pending.nodes {
            self.keep_node(id, node);
            self.recent.active.insert(spot, entry);
        }
        self.leaves.destroyed(&pending.leaves);
    }
}
