//! One file of the log: sealed blocks of 4 KiB, and commits laid over them.
//!
//! Block 0 is random: its first 32 bytes are the salt from which the segment's key comes. All others are sealed.
//! A commit begins on a fresh block and fills as many as it needs, so a block is sealed exactly once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crypto::key::Secret32;
use crypto::vault::{BLOCK_BYTES, BLOCK_PAYLOAD, BlockSealer};

use crate::bytes::{Reader, Writer};
use crate::disk::{Disk, DiskFile};
use crate::keys::Keys;

/// The random start of each segment.
pub(crate) const SALT_BYTES: usize = 32;
/// The first block that holds a commit.
pub(crate) const FIRST_BLOCK: u32 = 1;
/// The largest body of one commit; a larger batch is refused before anything is written.
pub(crate) const BODY_BYTES_MAX: usize = 64 << 20;

/// The kind of a block, its first byte inside the seal.
const START: u8 = 1;
const MORE: u8 = 2;
/// kind, commit number, length of the body, hash chain before it.
const START_HEAD_BYTES: usize = 1 + 8 + 4 + 16;
const MORE_HEAD_BYTES: usize = 1;

/// The hash chain after a commit.
pub(crate) type Link = [u8; 16];

/// A point in the log: which commit is the last one, and where the next one begins.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Point {
    pub(crate) segment: u64,
    /// Where the last commit begins.
    pub(crate) last: u32,
    /// Where the next one will begin.
    pub(crate) next: u32,
    /// The number of the last commit, 0 for none.
    pub(crate) number: u64,
    pub(crate) link: Link,
}

/// The name of a segment's file.
pub(crate) fn file_name(segment: u64) -> String {
    format!("{segment:016x}.log")
}

/// The segment that a file name stands for.
pub(crate) fn parse_file_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log")?;
    let segment = u64::from_str_radix(digits, 16).ok()?;
    (file_name(segment) == name).then_some(segment)
}

/// Sealed blocks, ready to be written.
pub(crate) struct Framed {
    pub(crate) bytes: Vec<u8>,
    pub(crate) blocks: u32,
    pub(crate) link: Link,
    first: u32,
}

impl Framed {
    /// Where in the file the byte `offset` of the body stands.
    pub(crate) fn place(&self, offset: usize) -> u32 {
        place(self.first, offset)
    }
}

/// Seals a body into blocks from block `first` on, as the commit `number` after the chain `before`.
pub(crate) fn frame(
    body: &[u8],
    (first, number, before): (u32, u64, Link),
    sealer: &BlockSealer,
    chain: &Secret32,
) -> Framed {
    let blocks = blocks_for(body.len());
    let mut bytes = Vec::with_capacity(blocks as usize * BLOCK_BYTES);
    let mut tags = Vec::new();
    let mut rest = body;
    for index in first..first + blocks {
        let start = bytes.len();
        if index == first {
            Writer(&mut bytes).u8(START).u64(number).u32(body.len() as u32).bytes(&before);
        } else {
            Writer(&mut bytes).u8(MORE);
        }
        let (part, later) = rest.split_at(rest.len().min(room(first, index)));
        bytes.extend_from_slice(part);
        rest = later;
        bytes.resize(start + BLOCK_BYTES, 0);
        let block = bytes.last_chunk_mut().expect("it was resized by a block");
        sealer.seal_block(u64::from(index), block);
        tags.extend_from_slice(&block[BLOCK_PAYLOAD..]);
    }
    Framed { bytes, blocks, link: link_after(chain, &before, number, &tags), first }
}

/// "Input/output error", by its number on every Unix: the disk cannot read this place.
pub(crate) const EIO: i32 = 5;

/// Whether the disk could not read some place of the log. What stands there may be read another day.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unread(Arc<AtomicBool>);

impl Unread {
    pub(crate) fn is_met(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Takes a place that the disk cannot read for one where nothing opens, and remembers that there is one.
    pub(crate) fn note<T>(&self, read: io::Result<T>) -> io::Result<Option<T>> {
        match read {
            Err(error) if error.raw_os_error() == Some(EIO) => {
                self.0.store(true, Ordering::Relaxed);
                Ok(None)
            }
            read => read.map(Some),
        }
    }
}

/// An existing segment, open for reading.
pub(crate) struct Segment {
    file: Box<dyn DiskFile>,
    sealer: BlockSealer,
    unread: Unread,
}

/// A commit read back.
pub(crate) struct Commit {
    pub(crate) at: u32,
    pub(crate) blocks: u32,
    pub(crate) number: u64,
    pub(crate) link_before: Link,
    pub(crate) link: Link,
    pub(crate) body: Vec<u8>,
}

impl Commit {
    /// Where in the file the byte `offset` of the body stands.
    pub(crate) fn place(&self, offset: usize) -> u32 {
        place(self.at, offset)
    }

    /// The point of the log after this commit.
    pub(crate) fn point(&self, segment: u64) -> Point {
        Point { segment, last: self.at, next: self.at + self.blocks, number: self.number, link: self.link }
    }
}

impl Segment {
    /// Opens a segment's file. `None` if it is not there, cannot be read, or is too short to hold a salt.
    pub(crate) fn open(
        disk: &dyn Disk,
        segment: u64,
        keys: &Keys,
        unread: &Unread,
    ) -> io::Result<Option<Self>> {
        let file = match disk.open(&file_name(segment)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => unread.note(file)?,
        };
        let Some(file) = file else { return Ok(None) };
        let mut salt = [0; SALT_BYTES];
        if unread.note(file.read_at(&mut salt, 0))?.is_none_or(|read| read < SALT_BYTES) {
            return Ok(None);
        }
        Ok(Some(Self { file, sealer: keys.sealer(&salt), unread: unread.clone() }))
    }

    /// How many whole blocks the file has.
    pub(crate) fn blocks(&self) -> io::Result<u32> {
        Ok(u32::try_from(self.file.len()? / BLOCK_BYTES as u64).unwrap_or(u32::MAX))
    }

    /// The content of a block. `None` if it is not there or does not open.
    pub(crate) fn block(&self, index: u32) -> io::Result<Option<Vec<u8>>> {
        Ok(self.block_and_tag(index)?.map(|(content, _)| content))
    }

    /// The commit that begins at block `at` and ends before `limit`. `None` if none is whole there.
    pub(crate) fn commit(&self, at: u32, limit: u32, chain: &Secret32) -> io::Result<Option<Commit>> {
        let Some((content, tag)) = (if at < limit { self.block_and_tag(at)? } else { None }) else {
            return Ok(None);
        };
        let Some(head) = Head::read(&content) else { return Ok(None) };
        let blocks = blocks_for(head.body_bytes);
        if head.body_bytes > BODY_BYTES_MAX || blocks > limit - at {
            return Ok(None);
        }
        let mut body = Vec::with_capacity(head.body_bytes);
        body.extend_from_slice(&content[START_HEAD_BYTES..][..head.body_bytes.min(room(at, at))]);
        let mut tags = tag;
        for index in at + 1..at + blocks {
            let Some((content, tag)) = self.block_and_tag(index)? else { return Ok(None) };
            if content[0] != MORE {
                return Ok(None);
            }
            let part = (head.body_bytes - body.len()).min(room(at, index));
            body.extend_from_slice(&content[MORE_HEAD_BYTES..][..part]);
            tags.extend_from_slice(&tag);
        }
        let link = link_after(chain, &head.link, head.number, &tags);
        Ok(Some(Commit { at, blocks, number: head.number, link_before: head.link, link, body }))
    }

    /// The next block from `from` on, before `limit`, that begins a commit with a number above `number`.
    pub(crate) fn find_start(&self, from: u32, limit: u32, number: u64) -> io::Result<Option<u32>> {
        for index in from..limit {
            if let Some(content) = self.block(index)?
                && Head::read(&content).is_some_and(|head| head.number > number)
            {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    fn block_and_tag(&self, index: u32) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
        let mut bytes = vec![0; BLOCK_BYTES];
        let read = self.file.read_at(&mut bytes, u64::from(index) * BLOCK_BYTES as u64);
        if self.unread.note(read)?.is_none_or(|read| read < BLOCK_BYTES) || index < FIRST_BLOCK {
            return Ok(None);
        }
        let block = bytes.first_chunk_mut().expect("it is a block long");
        if self.sealer.open_block(u64::from(index), block).is_err() {
            return Ok(None);
        }
        let tag = bytes.split_off(BLOCK_PAYLOAD);
        Ok(Some((bytes, tag)))
    }
}

/// What stands at the start of a commit.
struct Head {
    number: u64,
    body_bytes: usize,
    link: Link,
}

impl Head {
    fn read(content: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(content);
        if reader.u8()? != START {
            return None;
        }
        Some(Self { number: reader.u64()?, body_bytes: reader.u32()? as usize, link: reader.array()? })
    }
}

/// The parts of blocks that hold a piece of a commit's body: block, where in its content, how many bytes.
pub(crate) fn pieces(place: u32, bytes: u32) -> impl Iterator<Item = (u32, usize, usize)> {
    let mut at = place as usize;
    let mut left = bytes as usize;
    std::iter::from_fn(move || {
        let within = at % BLOCK_BYTES;
        let count = left.min(BLOCK_PAYLOAD.saturating_sub(within));
        let block = at / BLOCK_BYTES;
        left -= count;
        at = (block + 1) * BLOCK_BYTES + MORE_HEAD_BYTES;
        (count > 0).then_some((block as u32, within, count))
    })
}

/// Bytes of body that block `index` takes when its commit begins at `first`.
fn room(first: u32, index: u32) -> usize {
    let head = if index == first { START_HEAD_BYTES } else { MORE_HEAD_BYTES };
    BLOCK_PAYLOAD - head
}

/// Blocks that a body fills.
fn blocks_for(body_bytes: usize) -> u32 {
    let rest = body_bytes.saturating_sub(room(0, 0));
    1 + rest.div_ceil(room(0, 1)) as u32
}

/// Where in the file the byte `offset` of a body stands whose commit begins at block `first`.
fn place(first: u32, offset: usize) -> u32 {
    let here = room(0, 0);
    if offset < here {
        return (first as usize * BLOCK_BYTES + START_HEAD_BYTES + offset) as u32;
    }
    let (blocks, within) = ((offset - here) / room(0, 1), (offset - here) % room(0, 1));
    ((first as usize + 1 + blocks) * BLOCK_BYTES + MORE_HEAD_BYTES + within) as u32
}

fn link_after(chain: &Secret32, before: &Link, number: u64, tags: &[u8]) -> Link {
    let mac = crypto::hash::mac("M1/log-link/1", chain, &[before, &number.to_be_bytes(), tags]);
    mac[..16].try_into().expect("a mac has 32 bytes")
}
