//! What a commit is made of: records that name, place and remove things, in the order in which they happened.

use std::ops::Range;

use crate::bytes::{Reader, Writer};

/// A blinded name: what stands for a table and a name everywhere on disk.
pub(crate) type Blind = [u8; 16];

/// The name of a record on disk: the blinded name and the order under it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Spot {
    pub(crate) name: Blind,
    pub(crate) order: u64,
}

/// One record of a commit, borrowed from its body.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Record<'a> {
    /// A value sealed under a leaf of the key tree.
    Put { spot: Spot, leaf: u32, sealed: &'a [u8] },
    /// The value there is gone.
    Delete { spot: Spot },
    /// These records share this leaf from now on.
    Leaf { group: Blind, leaf: u32 },
    /// A node of the key tree, sealed under its key.
    Node { node: u32, sealed: &'a [u8] },
    /// Everything that lives in this segment stands elsewhere; its file goes.
    Retired { segment: u64 },
    /// The version of what the tables mean.
    Schema { version: u32 },
    /// The segments before this one, as they are to be believed. First in each segment.
    Manifest { version: u8, segments: Vec<SegmentEnd> },
    /// These records have no leaf any more.
    Left { group: Blind },
    /// Nothing current is sealed under this leaf: its key is to be destroyed.
    Doomed { leaf: u32 },
    /// The key of this leaf was destroyed: its number is given out again.
    Free { leaf: u32 },
}

/// Where a finished segment ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct SegmentEnd {
    pub(crate) segment: u64,
    pub(crate) blocks: u32,
    /// The number of the last commit in it.
    pub(crate) number: u64,
    /// The hash chain after it.
    pub(crate) link: [u8; 16],
}

const PUT: u8 = 1;
const DELETE: u8 = 2;
const LEAF: u8 = 3;
const NODE: u8 = 4;
const RETIRED: u8 = 5;
const SCHEMA: u8 = 6;
const MANIFEST: u8 = 7;
const LEFT: u8 = 8;
const DOOMED: u8 = 9;
const FREE: u8 = 10;

impl Record<'_> {
    /// Appends the record to a commit's body.
    pub(crate) fn write(&self, body: &mut Vec<u8>) {
        let mut writer = Writer(body);
        match self {
            Record::Put { spot, leaf, sealed } => {
                writer.u8(PUT).bytes(&spot.name).u64(spot.order).u32(*leaf).long(sealed);
            }
            Record::Delete { spot } => {
                writer.u8(DELETE).bytes(&spot.name).u64(spot.order);
            }
            Record::Leaf { group, leaf } => {
                writer.u8(LEAF).bytes(group).u32(*leaf);
            }
            Record::Node { node, sealed } => {
                writer.u8(NODE).u32(*node).long(sealed);
            }
            Record::Retired { segment } => {
                writer.u8(RETIRED).u64(*segment);
            }
            Record::Left { group } => {
                writer.u8(LEFT).bytes(group);
            }
            Record::Doomed { leaf } => {
                writer.u8(DOOMED).u32(*leaf);
            }
            Record::Free { leaf } => {
                writer.u8(FREE).u32(*leaf);
            }
            Record::Schema { version } => {
                writer.u8(SCHEMA).u32(*version);
            }
            Record::Manifest { version, segments } => {
                writer.u8(MANIFEST).u8(*version).u32(segments.len() as u32);
                for end in segments {
                    writer.u64(end.segment).u32(end.blocks).u64(end.number).bytes(&end.link);
                }
            }
        }
    }
}

/// The records of a body, each with the range it fills. `None` stands for bytes that are no record.
pub(crate) fn records(body: &[u8]) -> impl Iterator<Item = Option<(Range<usize>, Record<'_>)>> {
    let mut reader = Reader::new(body);
    std::iter::from_fn(move || {
        let start = reader.position();
        (!reader.is_at_end()).then(|| {
            let record = read(&mut reader).map(|record| (start..reader.position(), record));
            if record.is_none() {
                reader.stop();
            }
            record
        })
    })
}

/// The one record that these bytes are.
pub(crate) fn single(bytes: &[u8]) -> Option<Record<'_>> {
    let (range, record) = records(bytes).next()??;
    (range.end == bytes.len()).then_some(record)
}

fn read<'a>(reader: &mut Reader<'a>) -> Option<Record<'a>> {
    Some(match reader.u8()? {
        PUT => Record::Put { spot: spot(reader)?, leaf: reader.u32()?, sealed: reader.long()? },
        DELETE => Record::Delete { spot: spot(reader)? },
        LEAF => Record::Leaf { group: reader.array()?, leaf: reader.u32()? },
        NODE => Record::Node { node: reader.u32()?, sealed: reader.long()? },
        RETIRED => Record::Retired { segment: reader.u64()? },
        SCHEMA => Record::Schema { version: reader.u32()? },
        LEFT => Record::Left { group: reader.array()? },
        DOOMED => Record::Doomed { leaf: reader.u32()? },
        FREE => Record::Free { leaf: reader.u32()? },
        MANIFEST => {
            let version = reader.u8()?;
            let count = reader.u32()?;
            let segments = (0..count).map(|_| end(reader)).collect::<Option<_>>()?;
            Record::Manifest { version, segments }
        }
        _ => return None,
    })
}

fn spot(reader: &mut Reader<'_>) -> Option<Spot> {
    Some(Spot { name: reader.array()?, order: reader.u64()? })
}

fn end(reader: &mut Reader<'_>) -> Option<SegmentEnd> {
    Some(SegmentEnd {
        segment: reader.u64()?,
        blocks: reader.u32()?,
        number: reader.u64()?,
        link: reader.array()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_record_reads_as_it_was_written() {
        let spot = Spot { name: [7; 16], order: 9 };
        let link = [5; 16];
        let end = SegmentEnd { segment: 3, blocks: 4, number: 5, link };
        let all = [
            Record::Put { spot, leaf: 70_000, sealed: b"sealed" },
            Record::Delete { spot },
            Record::Leaf { group: [1; 16], leaf: 2 },
            Record::Node { node: 3, sealed: b"node" },
            Record::Retired { segment: 8 },
            Record::Schema { version: 2 },
            Record::Manifest { version: 1, segments: vec![end, end] },
            Record::Left { group: [2; 16] },
            Record::Doomed { leaf: 5 },
            Record::Free { leaf: 262_143 },
        ];
        let mut body = Vec::new();
        all.iter().for_each(|record| record.write(&mut body));
        let read: Vec<_> = records(&body).map(|found| found.expect("it was written").1).collect();
        assert_eq!(read, all);
        for cut in 0..body.len() {
            let whole = records(&body[..cut]).take_while(Option::is_some).count();
            assert!(whole < all.len());
        }
    }
}
