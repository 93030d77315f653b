//! The thief: has every file, also those that were removed, and the passphrase; opens whatever any key still opens.
//!
//! Written from `docs/protocol/13-vault.md` and `15-log.md` alone, beside the store's own reading of its files.

use std::collections::BTreeMap;

use crypto::tree::{self, LeafKey, Node, NodeId, NodeKey};
use crypto::vault::{BLOCK_BYTES, BLOCK_PAYLOAD, BlockSealer, KEY_FILE_BYTES, KeyFile, Vault};

/// All that a thief can read.
#[derive(Default)]
pub struct Loot {
    /// Values of records that opened.
    pub values: Vec<Vec<u8>>,
    /// Bodies of commits, as the log's own key opens them.
    pub bodies: Vec<Vec<u8>>,
    /// Records that stand in the log and that no key opens.
    pub closed: usize,
    /// Leaf keys that can be reached.
    pub leaf_keys: usize,
}

impl Loot {
    /// How many of the needles can be read, in the raw bytes or behind any key.
    pub fn count(&self, remains: &[Vec<u8>], needles: &[Vec<u8>]) -> usize {
        let holds = |all: &[Vec<u8>], needle: &[u8]| {
            all.iter().any(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
        };
        let all = [&self.values[..], &self.bodies[..], remains];
        needles.iter().filter(|needle| all.iter().any(|all| holds(all, needle))).count()
    }
}

/// Opens everything. Records that may hold a value of `suspect` bytes are tried with every leaf key there is, not only
/// with those of the leaf they name.
pub fn steal(remains: &[Vec<u8>], passphrase: &[u8], suspect: Option<usize>) -> Loot {
    let is_key = |bytes: &&Vec<u8>| bytes.len() == KEY_FILE_BYTES;
    let open = |bytes: &Vec<u8>| KeyFile::parse(bytes).and_then(|file| file.unlock(passphrase)).ok();
    let vaults: Vec<Vault> = remains.iter().filter(is_key).filter_map(open).collect();
    let mut found = Found::default();
    // All vaults of a profile have one log key.
    if let Some(vault) = vaults.first() {
        remains.iter().for_each(|bytes| read_segment(bytes, vault, &mut found));
    }
    let mut leaves: BTreeMap<u32, Vec<LeafKey>> = BTreeMap::new();
    for vault in &vaults {
        let root = NodeId { level: 2, index: 0 };
        reach(root, vault.root_key(), &found.nodes, &mut leaves);
    }
    let mut loot = Loot { bodies: found.bodies, ..Loot::default() };
    loot.leaf_keys = leaves.values().map(Vec::len).sum();
    let is_suspect = |put: &Put| suspect.is_some_and(|len| put.sealed.len() == tree::sealed_record_len(len));
    for put in &found.puts {
        let own = leaves.get(&put.leaf).into_iter().flatten();
        let others = leaves.values().flatten().take_while(|_| is_suspect(put));
        match own.chain(others).find_map(|key| tree::open_record(key, &put.aad(), &put.sealed).ok()) {
            Some(value) => loot.values.push(value.to_vec()),
            None => loot.closed += 1,
        }
    }
    loot
}

#[derive(Default)]
struct Found {
    bodies: Vec<Vec<u8>>,
    nodes: BTreeMap<(u8, u32), Vec<Vec<u8>>>,
    puts: Vec<Put>,
}

struct Put {
    name: [u8; 16],
    order: [u8; 8],
    leaf: u32,
    sealed: Vec<u8>,
}

impl Put {
    fn aad(&self) -> Vec<u8> {
        [&[1], &self.name[..], &self.order, &self.leaf.to_be_bytes()].concat()
    }
}

/// Opens every version of a node that this key opens, and all below it.
fn reach(
    id: NodeId,
    key: &NodeKey,
    nodes: &BTreeMap<(u8, u32), Vec<Vec<u8>>>,
    leaves: &mut BTreeMap<u32, Vec<LeafKey>>,
) {
    let Some(versions) = nodes.get(&(id.level, id.index)) else { return };
    let open = |sealed: &Vec<u8>| tree::open_node(key, id, sealed).ok();
    let mut opened: Vec<Node> = versions.iter().filter_map(open).collect();
    opened.dedup();
    for node in opened {
        for place in 0..64 {
            let index = id.index * 64 + place;
            match id.level {
                0 => leaves.entry(index).or_default().push(node.leaf(place as usize)),
                level => {
                    reach(NodeId { level: level - 1, index }, &node.child(place as usize), nodes, leaves)
                }
            }
        }
    }
}

/// Opens every block that opens, in its place, and lays the commits together.
fn read_segment(bytes: &[u8], vault: &Vault, found: &mut Found) {
    let Some(salt) = bytes.first_chunk() else { return };
    let sealer = BlockSealer::new(&vault.segment_key(salt));
    let (mut body, mut wanted) = (Vec::new(), 0);
    for (number, block) in bytes.chunks_exact(BLOCK_BYTES).enumerate() {
        let mut block: [u8; BLOCK_BYTES] = block.try_into().expect("a block");
        if sealer.open_block(number as u64, &mut block).is_err() {
            continue;
        }
        let content = match block[0] {
            1 => {
                (body, wanted) =
                    (Vec::new(), u32::from_be_bytes(block[9..13].try_into().expect("four")) as usize);
                &block[29..BLOCK_PAYLOAD]
            }
            _ => &block[1..BLOCK_PAYLOAD],
        };
        body.extend_from_slice(&content[..content.len().min(wanted - body.len())]);
        if body.len() == wanted {
            read_body(&body, found);
            found.bodies.push(std::mem::take(&mut body));
            wanted = 0;
        }
    }
}

fn read_body(mut rest: &[u8], found: &mut Found) {
    fn take<'a>(rest: &mut &'a [u8], count: usize) -> &'a [u8] {
        let (taken, later) = rest.split_at(count);
        *rest = later;
        taken
    }
    fn number(rest: &mut &[u8]) -> u32 {
        u32::from_be_bytes(take(rest, 4).try_into().expect("four bytes"))
    }
    while !rest.is_empty() {
        match take(&mut rest, 1)[0] {
            1 => {
                let name = take(&mut rest, 16).try_into().expect("16 bytes");
                let order = take(&mut rest, 8).try_into().expect("8 bytes");
                let (leaf, count) = (number(&mut rest), number(&mut rest) as usize);
                found.puts.push(Put { name, order, leaf, sealed: take(&mut rest, count).to_vec() });
            }
            2 => drop(take(&mut rest, 24)),
            3 => drop(take(&mut rest, 20)),
            4 => {
                let (id, count) = (number(&mut rest), number(&mut rest) as usize);
                let place = ((id >> 24) as u8, id & 0xff_ffff);
                found.nodes.entry(place).or_default().push(take(&mut rest, count).to_vec());
            }
            5 => drop(take(&mut rest, 8)),
            6 | 9 | 10 => drop(take(&mut rest, 4)),
            7 => {
                take(&mut rest, 1);
                let count = number(&mut rest) as usize;
                take(&mut rest, count * 36);
            }
            8 => drop(take(&mut rest, 16)),
            other => panic!("a record of kind {other}"),
        }
    }
}
