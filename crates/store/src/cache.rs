//! Opened blocks of the log that were read lately, so that a page of history opens each block once.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;

use proto::limits::VALUE_BYTES_MAX;

use crate::disk::Disk;
use crate::keys::Keys;
use crate::segment::{Segment, Unread, pieces};

/// Blocks kept: 4 MiB.
const BLOCKS_MAX: usize = 1024;
/// The longest record that is asked for by its place: a sealed value, with its padding and its head.
const RECORD_BYTES_MAX: usize = VALUE_BYTES_MAX + 1_024;
/// Segment files held open.
const FILES_MAX: usize = 64;

/// Reads pieces of the log through a bounded memory of blocks.
#[derive(Default)]
pub(crate) struct Cache {
    segments: BTreeMap<u64, Segment>,
    blocks: BTreeMap<(u64, u32), Arc<[u8]>>,
    arrived: VecDeque<(u64, u32)>,
}

impl Cache {
    /// The bytes of one record. `None` if the log does not hold them there.
    pub(crate) fn read(
        &mut self,
        disk: &dyn Disk,
        keys: &Keys,
        unread: &Unread,
        (segment, at, bytes): (u64, u32, u32),
    ) -> io::Result<Option<Vec<u8>>> {
        // The length is the word of an index that nobody has signed.
        if bytes as usize > RECORD_BYTES_MAX {
            return Ok(None);
        }
        let mut found = Vec::with_capacity(bytes as usize);
        for (block, within, count) in pieces(at, bytes) {
            let Some(content) = self.block(disk, keys, unread, (segment, block))? else { return Ok(None) };
            found.extend_from_slice(&content[within..within + count]);
        }
        Ok((found.len() == bytes as usize).then_some(found))
    }

    /// Lets go of a segment whose file is about to go.
    pub(crate) fn forget(&mut self, segment: u64) {
        self.segments.remove(&segment);
        self.blocks.retain(|key, _| key.0 != segment);
        self.arrived.retain(|key| key.0 != segment);
    }

    fn block(
        &mut self,
        disk: &dyn Disk,
        keys: &Keys,
        unread: &Unread,
        (segment, block): (u64, u32),
    ) -> io::Result<Option<Arc<[u8]>>> {
        if let Some(content) = self.blocks.get(&(segment, block)) {
            return Ok(Some(Arc::clone(content)));
        }
        if !self.segments.contains_key(&segment) {
            let Some(opened) = Segment::open(disk, segment, keys, unread)? else { return Ok(None) };
            if self.segments.len() >= FILES_MAX {
                self.segments.pop_first();
            }
            self.segments.insert(segment, opened);
        }
        let Some(content) = self.segments[&segment].block(block)? else { return Ok(None) };
        let content: Arc<[u8]> = content.into();
        if self.arrived.len() >= BLOCKS_MAX
            && let Some(oldest) = self.arrived.pop_front()
        {
            self.blocks.remove(&oldest);
        }
        self.arrived.push_back((segment, block));
        self.blocks.insert((segment, block), Arc::clone(&content));
        Ok(Some(content))
    }
}
