//! What may be asked of a relay and what it answers. Both cross the link sealed; see `crypto::request`.

use crypto::hash::Hash32;
use crypto::key::Signature;

use crate::envelope::{Blob, Envelope};
use crate::id::Tag;
use crate::limits;
use crate::mailbox::list::{Entries, Head, ListId};
use crate::wire::{Reader, WireError, Writer};

/// A request: `[kind, …]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Request {
    /// Keep these envelopes.
    Put(Vec<Envelope>),
    /// Show the list from a position on.
    List {
        /// The list that the position belongs to, if one is known.
        list: Option<ListId>,
        /// The first position wanted.
        from: u64,
    },
    /// Give the blobs at these positions, in this order, as many as fit.
    Get {
        /// The list that the positions belong to.
        list: ListId,
        /// The positions.
        positions: Vec<u64>,
        /// The most bytes of blobs in the reply; one blob always fits.
        bytes_max: u32,
    },
    /// Forget these envelopes; each with its slot key's signature.
    Delete(Vec<(Tag, Signature)>),
    /// Push what is new, from a position on. A second follow on a link replaces the first.
    Follow {
        /// The list that the position belongs to, if one is known.
        list: Option<ListId>,
        /// The first position wanted.
        from: u64,
        /// What to push.
        mode: FollowMode,
        /// How many bytes of batches may be pushed before the follower grants more.
        credit: u32,
    },
    /// Push no more.
    Unfollow,
}

/// What a follower wants pushed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FollowMode {
    /// Entries only.
    Prefixes,
    /// Entries and the blobs of the smallest class, while the relay's budget allows.
    Blobs,
}

/// A reply: `[kind, …]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reply {
    /// What became of each envelope, in the order of the request.
    Put(Vec<PutOutcome>),
    /// A part of the list.
    List(ListPart),
    /// Blobs by position, in the order of the request; `None` where nothing lies any more.
    Got(Vec<(u64, Option<Blob>)>),
    /// What became of each deletion, in the order of the request.
    Deleted(Vec<DeleteOutcome>),
    /// The follow began; batches follow from the position `first`.
    Following {
        /// The list followed. If it is not the one asked for, that one no longer exists.
        list: ListId,
        /// The first position that will come, and the chain before it.
        first: u64,
        /// The chain before the first entry.
        start: Hash32,
        /// The relay's word on its list as it stands.
        head: Head,
    },
    /// No more is pushed.
    Unfollowed,
    /// The positions asked for belong to a list that no longer exists.
    OtherList(ListId),
    /// The relay does not know the request or cannot read it.
    NotUnderstood,
}

/// A part of the list, checkable by itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListPart {
    /// The position of the first entry.
    pub first: u64,
    /// The chain before it.
    pub start: Hash32,
    /// The entries.
    pub entries: Entries,
    /// The relay's word on the chain after the last entry.
    pub head: Head,
    /// The position after the newest entry of the whole list.
    pub end: u64,
}

/// What became of one envelope that was to be kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PutOutcome {
    /// It is kept.
    Stored,
    /// The same envelope was kept before.
    Duplicate,
    /// Another envelope lies under this tag.
    Taken,
    /// An envelope under this tag was deleted, and its time is not over.
    Gone,
    /// The relay is full. It forgets nothing it has accepted, so it accepts no more.
    Full,
    /// It is kept, in the room that a full relay has for small envelopes: only what makes room should follow.
    StoredInReserve,
    /// The relay asks for work of this difficulty first.
    Pay {
        /// Leading zero bits of the work.
        difficulty: u8,
    },
    /// Not signed by the slot's key, or out of bounds.
    Bad,
}

/// What became of one deletion.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DeleteOutcome {
    /// Nothing lies there any more.
    Done,
    /// Nothing lay there.
    Absent,
    /// What lies there was put to be kept.
    Kept,
    /// Not signed by the slot's key.
    Bad,
}

const PUT: u8 = 1;
const LIST: u8 = 2;
const GET: u8 = 3;
const DELETE: u8 = 4;
const FOLLOW: u8 = 5;
const UNFOLLOW: u8 = 6;
const OTHER_LIST: u8 = 7;
const NOT_UNDERSTOOD: u8 = 8;

impl Request {
    /// The payload to be sealed.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Put(envelopes) => {
                let envelopes: Vec<&Envelope> = envelopes.iter().collect();
                encode_put(&envelopes)
            }
            Self::List { list, from } => {
                let mut writer = begin(3, LIST, 32);
                write_list_id(&mut writer, list.as_ref());
                writer.uint(*from);
                writer.finish()
            }
            Self::Get { list, positions, bytes_max } => {
                let mut writer = begin(4, GET, 32 + positions.len() * 9);
                writer.bytes(list).array(positions.len());
                for position in positions {
                    writer.uint(*position);
                }
                writer.uint(*bytes_max);
                writer.finish()
            }
            Self::Delete(slots) => {
                let mut writer = begin(2, DELETE, slots.len() * 104);
                writer.array(slots.len() * 2);
                for (tag, signature) in slots {
                    writer.bytes(tag.as_bytes()).bytes(signature.as_bytes());
                }
                writer.finish()
            }
            Self::Follow { list, from, mode, credit } => {
                let mut writer = begin(5, FOLLOW, 48);
                write_list_id(&mut writer, list.as_ref());
                writer.uint(*from).uint(mode.code()).uint(*credit);
                writer.finish()
            }
            Self::Unfollow => begin(1, UNFOLLOW, 0).finish(),
        }
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// Any [`WireError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        let items = reader.array(8)?;
        let kind = reader.u8()?;
        let request = match (kind, items) {
            (PUT, 2) => Self::Put(read_put(&mut reader)?),
            (LIST, 3) => Self::List { list: read_list_id(&mut reader)?, from: reader.u64()? },
            (GET, 4) => Self::Get {
                list: reader.fixed()?,
                positions: read_positions(&mut reader)?,
                bytes_max: reader.u32()?,
            },
            (DELETE, 2) => Self::Delete(read_slots(&mut reader)?),
            (FOLLOW, 5) => Self::Follow {
                list: read_list_id(&mut reader)?,
                from: reader.u64()?,
                mode: FollowMode::from_code(reader.u8()?)?,
                credit: reader.u32()?,
            },
            (UNFOLLOW, 1) => Self::Unfollow,
            (PUT..=UNFOLLOW, _) => return Err(WireError::Malformed),
            _ => return Err(WireError::Unknown),
        };
        reader.finish()?;
        Ok(request)
    }
}

impl Reply {
    /// The payload to be sealed.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Put(outcomes) => {
                let mut writer = begin(2, PUT, outcomes.len() * 2);
                writer.array(outcomes.len());
                for outcome in outcomes {
                    writer.uint(outcome.code());
                }
                writer.finish()
            }
            Self::List(part) => {
                let mut writer = begin(6, LIST, part.entries.as_bytes().len() + 192);
                writer.uint(part.first).bytes(&part.start);
                writer.bytes(part.entries.as_bytes());
                part.head.write(&mut writer);
                writer.uint(part.end);
                writer.finish()
            }
            Self::Got(blobs) => {
                let room =
                    blobs.iter().map(|(_, blob)| 16 + blob.as_ref().map_or(0, |blob| blob.bytes().len()));
                let mut writer = begin(2, GET, room.sum());
                writer.array(blobs.len() * 2);
                for (position, blob) in blobs {
                    writer.uint(*position);
                    match blob {
                        Some(blob) => writer.bytes(blob.bytes()),
                        None => writer.null(),
                    };
                }
                writer.finish()
            }
            Self::Deleted(outcomes) => {
                let mut writer = begin(2, DELETE, outcomes.len());
                writer.array(outcomes.len());
                for outcome in outcomes {
                    writer.uint(*outcome as u8);
                }
                writer.finish()
            }
            Self::Following { list, first, start, head } => {
                let mut writer = begin(5, FOLLOW, 224);
                writer.bytes(list).uint(*first).bytes(start);
                head.write(&mut writer);
                writer.finish()
            }
            Self::Unfollowed => begin(1, UNFOLLOW, 0).finish(),
            Self::OtherList(list) => {
                let mut writer = begin(2, OTHER_LIST, 16);
                writer.bytes(list);
                writer.finish()
            }
            Self::NotUnderstood => begin(1, NOT_UNDERSTOOD, 0).finish(),
        }
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// Any [`WireError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        let items = reader.array(8)?;
        let kind = reader.u8()?;
        let reply = match (kind, items) {
            (PUT, 2) => Self::Put(read_puts(&mut reader)?),
            (LIST, 6) => Self::List(ListPart {
                first: reader.u64()?,
                start: reader.fixed()?,
                entries: Entries::read(&mut reader)?,
                head: Head::read(&mut reader)?,
                end: reader.u64()?,
            }),
            (GET, 2) => Self::Got(read_blobs(&mut reader)?),
            (DELETE, 2) => Self::Deleted(read_deletes(&mut reader)?),
            (FOLLOW, 5) => Self::Following {
                list: reader.fixed()?,
                first: reader.u64()?,
                start: reader.fixed()?,
                head: Head::read(&mut reader)?,
            },
            (UNFOLLOW, 1) => Self::Unfollowed,
            (OTHER_LIST, 2) => Self::OtherList(reader.fixed()?),
            (NOT_UNDERSTOOD, 1) => Self::NotUnderstood,
            (PUT..=NOT_UNDERSTOOD, _) => return Err(WireError::Malformed),
            _ => return Err(WireError::Unknown),
        };
        reader.finish()?;
        Ok(reply)
    }
}

impl FollowMode {
    fn code(self) -> u8 {
        match self {
            Self::Prefixes => 0,
            Self::Blobs => 1,
        }
    }

    fn from_code(code: u8) -> Result<Self, WireError> {
        match code {
            0 => Ok(Self::Prefixes),
            1 => Ok(Self::Blobs),
            _ => Err(WireError::Unknown),
        }
    }
}

/// Outcomes of a PUT from here up ask for work: the difficulty is added.
const PAY: u16 = 0x100;

impl PutOutcome {
    fn code(self) -> u16 {
        match self {
            Self::Stored => 0,
            Self::Duplicate => 1,
            Self::Taken => 2,
            Self::Gone => 3,
            Self::Full => 4,
            Self::Bad => 5,
            Self::StoredInReserve => 6,
            Self::Pay { difficulty } => PAY + u16::from(difficulty),
        }
    }

    fn from_code(code: u16) -> Result<Self, WireError> {
        Ok(match code {
            0 => Self::Stored,
            1 => Self::Duplicate,
            2 => Self::Taken,
            3 => Self::Gone,
            4 => Self::Full,
            5 => Self::Bad,
            6 => Self::StoredInReserve,
            _ => {
                let difficulty = code.checked_sub(PAY).ok_or(WireError::Unknown)?;
                let difficulty = u8::try_from(difficulty).map_err(|_| WireError::Unknown)?;
                Self::Pay { difficulty }
            }
        })
    }
}

/// The payload of a PUT, without taking the envelopes.
pub(crate) fn encode_put(envelopes: &[&Envelope]) -> Vec<u8> {
    let room = envelopes.iter().map(|envelope| put_bytes(envelope));
    let mut writer = begin(2, PUT, room.sum());
    writer.array(envelopes.len());
    for envelope in envelopes {
        envelope.write(&mut writer);
    }
    writer.finish()
}

/// The most bytes that an envelope adds to a PUT.
pub(crate) fn put_bytes(envelope: &Envelope) -> usize {
    envelope.blob.bytes().len() + 112
}

fn begin(items: usize, kind: u8, bytes: usize) -> Writer {
    let mut writer = Writer::with_capacity(bytes + 16);
    writer.array(items).uint(kind);
    writer
}

fn write_list_id(writer: &mut Writer, list: Option<&ListId>) {
    match list {
        Some(list) => writer.bytes(list),
        None => writer.null(),
    };
}

fn read_list_id(reader: &mut Reader<'_>) -> Result<Option<ListId>, WireError> {
    if reader.null()? {
        return Ok(None);
    }
    reader.fixed().map(Some)
}

fn read_put(reader: &mut Reader<'_>) -> Result<Vec<Envelope>, WireError> {
    let count = reader.array(limits::PUT_ENVELOPES_MAX)?;
    (0..count).map(|_| Envelope::read(reader)).collect()
}

fn read_puts(reader: &mut Reader<'_>) -> Result<Vec<PutOutcome>, WireError> {
    let count = reader.array(limits::PUT_ENVELOPES_MAX)?;
    (0..count).map(|_| PutOutcome::from_code(reader.u16()?)).collect()
}

fn read_positions(reader: &mut Reader<'_>) -> Result<Vec<u64>, WireError> {
    let count = reader.array(limits::GET_POSITIONS_MAX)?;
    (0..count).map(|_| reader.u64()).collect()
}

fn read_slots(reader: &mut Reader<'_>) -> Result<Vec<(Tag, Signature)>, WireError> {
    let items = reader.array(limits::GET_POSITIONS_MAX * 2)?;
    if items % 2 != 0 {
        return Err(WireError::Malformed);
    }
    (0..items / 2)
        .map(|_| {
            let tag = Tag(reader.fixed()?);
            let signature = reader.fixed::<64>()?;
            let signature = Signature::from_bytes(&signature).map_err(|_| WireError::Malformed)?;
            Ok((tag, signature))
        })
        .collect()
}

fn read_blobs(reader: &mut Reader<'_>) -> Result<Vec<(u64, Option<Blob>)>, WireError> {
    let items = reader.array(limits::GET_POSITIONS_MAX * 2)?;
    if items % 2 != 0 {
        return Err(WireError::Malformed);
    }
    (0..items / 2)
        .map(|_| {
            let position = reader.u64()?;
            if reader.null()? {
                return Ok((position, None));
            }
            let bytes = reader.bytes(limits::STRING_BYTES_MAX)?.to_vec();
            let blob = Blob::parse(bytes).map_err(|_| WireError::Malformed)?;
            Ok((position, Some(blob)))
        })
        .collect()
}

fn read_deletes(reader: &mut Reader<'_>) -> Result<Vec<DeleteOutcome>, WireError> {
    let count = reader.array(limits::GET_POSITIONS_MAX)?;
    (0..count)
        .map(|_| match reader.u8()? {
            0 => Ok(DeleteOutcome::Done),
            1 => Ok(DeleteOutcome::Absent),
            2 => Ok(DeleteOutcome::Kept),
            3 => Ok(DeleteOutcome::Bad),
            _ => Err(WireError::Unknown),
        })
        .collect()
}
