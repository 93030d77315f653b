//! All that a link can carry, in one enum, and its encoding as `[kind, …]`.

use crate::envelope::Blob;
use crate::id::Prefix;
use crate::limits;
use crate::mailbox::list::{Batch, Head};
use crate::wire::{Reader, WireError, Writer};

/// One frame. Its bytes are at most [`limits::FRAME_BYTES_MAX`]; the transport adds the length.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Frame {
    /// Direct link: the first frame of each side.
    Nonce([u8; 32]),
    /// Direct link: codes that only the right other side can check, among dummies.
    Hello(Vec<[u8; limits::HELLO_MAC_BYTES]>),
    /// Direct link: one envelope.
    Push(Push),
    /// Direct link: every envelope up to this number is kept.
    Ack {
        /// How many envelopes of this link the sender of the frame has kept, in all.
        upto: u32,
    },
    /// A receiver allows more: a larger window on a direct link, more batches from a relay.
    Credit {
        /// Direct link: the new window. Relay: what may be sent in addition. In bytes.
        bytes: u32,
    },
    /// Asks a relay who it is.
    Describe,
    /// A relay's descriptor.
    Descriptor(Vec<u8>),
    /// A request that only the relay can open.
    Request {
        /// Chosen by the client; the reply repeats it.
        id: u32,
        /// The first message of the sealed exchange.
        sealed: Vec<u8>,
    },
    /// The answer to a request.
    Reply {
        /// The id of the request.
        id: u32,
        /// The second message of the sealed exchange.
        sealed: Vec<u8>,
    },
    /// What is new in a relay's list, pushed to a follower.
    Batch(Batch),
    /// A relay has not opened the request, because this link asks faster than it may.
    Busy {
        /// The id of the request.
        id: u32,
        /// After how many milliseconds it may be asked again.
        after_ms: u32,
    },
}

/// One envelope on a direct link: who is at the other end is known, so it needs no signature.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Push {
    /// Its number on this link, from 1.
    pub number: u32,
    /// How many envelopes of the other direction the sender has kept: an acknowledgement that rides along.
    pub acked: u32,
    /// The beginning of the tag of the slot it lies in: who waits for it knows the whole.
    pub prefix: Prefix,
    /// Its bytes.
    pub blob: Blob,
}

const NONCE: u8 = 0;
const HELLO: u8 = 1;
const PUSH: u8 = 2;
const ACK: u8 = 3;
const CREDIT: u8 = 4;
const DESCRIBE: u8 = 5;
const DESCRIPTOR: u8 = 6;
const REQUEST: u8 = 7;
const REPLY: u8 = 8;
const BATCH: u8 = 9;
const BUSY: u8 = 10;

/// Kinds from here up may be skipped by who does not know them.
const SKIPPABLE: u8 = 128;

impl Frame {
    /// The bytes of the frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Nonce(nonce) => {
                let mut writer = begin(2, NONCE, nonce.len());
                writer.bytes(nonce);
                writer.finish()
            }
            Self::Hello(codes) => {
                let mut writer = begin(2, HELLO, codes.as_flattened().len());
                writer.bytes(codes.as_flattened());
                writer.finish()
            }
            Self::Push(push) => encode_push(push.number, push.acked, &push.prefix, &push.blob),
            Self::Ack { upto } => number(ACK, *upto),
            Self::Credit { bytes } => number(CREDIT, *bytes),
            Self::Describe => begin(1, DESCRIBE, 0).finish(),
            Self::Descriptor(bytes) => {
                let mut writer = begin(2, DESCRIPTOR, bytes.len());
                writer.bytes(bytes);
                writer.finish()
            }
            Self::Request { id, sealed } => numbered(REQUEST, *id, sealed),
            Self::Reply { id, sealed } => numbered(REPLY, *id, sealed),
            Self::Batch(batch) => encode_batch(batch),
            Self::Busy { id, after_ms } => {
                let mut writer = begin(3, BUSY, 0);
                writer.uint(*id).uint(*after_ms);
                writer.finish()
            }
        }
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// Any [`WireError`]; [`WireError::Skippable`] for a kind that may be left unread.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        if bytes.len() > limits::FRAME_BYTES_MAX {
            return Err(WireError::TooLarge);
        }
        let mut reader = Reader::new(bytes);
        let items = reader.array(limits::ITEMS_MAX)?;
        let kind = reader.u8()?;
        let expected = match kind {
            DESCRIBE => 1,
            NONCE | HELLO | ACK | CREDIT | DESCRIPTOR => 2,
            REQUEST | REPLY | BUSY => 3,
            PUSH => 4,
            BATCH => 6,
            SKIPPABLE.. => return Err(WireError::Skippable),
            _ => return Err(WireError::Unknown),
        };
        if items != expected {
            return Err(WireError::Malformed);
        }
        let frame = match kind {
            NONCE => Self::Nonce(reader.fixed()?),
            HELLO => Self::Hello(read_hello(&mut reader)?),
            PUSH => Self::Push(read_push(&mut reader)?),
            ACK => Self::Ack { upto: reader.u32()? },
            CREDIT => Self::Credit { bytes: reader.u32()? },
            DESCRIPTOR => Self::Descriptor(reader.bytes(limits::DESCRIPTOR_BYTES_MAX)?.to_vec()),
            REQUEST => {
                Self::Request { id: reader.u32()?, sealed: reader.bytes(limits::STRING_BYTES_MAX)?.to_vec() }
            }
            REPLY => {
                Self::Reply { id: reader.u32()?, sealed: reader.bytes(limits::STRING_BYTES_MAX)?.to_vec() }
            }
            BATCH => Self::Batch(read_batch(&mut reader)?),
            BUSY => Self::Busy { id: reader.u32()?, after_ms: reader.u32()? },
            _ => Self::Describe,
        };
        reader.finish()?;
        Ok(frame)
    }
}

/// The bytes of a push, without taking the blob.
pub(crate) fn encode_push(number: u32, acked: u32, prefix: &Prefix, blob: &Blob) -> Vec<u8> {
    let mut writer = begin(4, PUSH, 16 + 8 + blob.bytes().len());
    writer.uint(number).uint(acked);
    writer.bytes_joined(&prefix.0, blob.bytes());
    writer.finish()
}

fn begin(items: usize, kind: u8, bytes: usize) -> Writer {
    let mut writer = Writer::with_capacity(bytes + 16);
    writer.array(items).uint(kind);
    writer
}

fn number(kind: u8, value: u32) -> Vec<u8> {
    let mut writer = begin(2, kind, 0);
    writer.uint(value);
    writer.finish()
}

fn numbered(kind: u8, id: u32, sealed: &[u8]) -> Vec<u8> {
    let mut writer = begin(3, kind, sealed.len());
    writer.uint(id).bytes(sealed);
    writer.finish()
}

fn read_hello(reader: &mut Reader<'_>) -> Result<Vec<[u8; 16]>, WireError> {
    let largest = limits::HELLO_SIZES[limits::HELLO_SIZES.len() - 1];
    let bytes = reader.bytes(largest * limits::HELLO_MAC_BYTES)?;
    let (codes, rest) = bytes.as_chunks();
    if !rest.is_empty() || !limits::HELLO_SIZES.contains(&codes.len()) {
        return Err(WireError::Malformed);
    }
    Ok(codes.to_vec())
}

fn read_push(reader: &mut Reader<'_>) -> Result<Push, WireError> {
    let number = reader.u32()?;
    let acked = reader.u32()?;
    let bytes = reader.bytes(limits::STRING_BYTES_MAX)?;
    let (prefix, blob) = bytes.split_first_chunk::<8>().ok_or(WireError::Malformed)?;
    let blob = Blob::parse(blob.to_vec()).map_err(|_| WireError::Malformed)?;
    Ok(Push { number, acked, prefix: Prefix(*prefix), blob })
}

fn encode_batch(batch: &Batch) -> Vec<u8> {
    let room = batch.blobs.iter().map(|(_, blob)| blob.bytes().len() + 8);
    let room = room.sum::<usize>() + batch.entries.as_bytes().len() + 160;
    let mut writer = begin(6, BATCH, room);
    writer.uint(batch.first);
    match &batch.start {
        Some(chain) => writer.bytes(chain),
        None => writer.null(),
    };
    writer.bytes(batch.entries.as_bytes());
    writer.array(batch.blobs.len() * 2);
    for (offset, blob) in &batch.blobs {
        writer.uint(*offset).bytes(blob.bytes());
    }
    batch.head.write(&mut writer);
    writer.finish()
}

fn read_batch(reader: &mut Reader<'_>) -> Result<Batch, WireError> {
    let first = reader.u64()?;
    let start = match reader.null()? {
        true => None,
        false => Some(reader.fixed()?),
    };
    let entries = crate::mailbox::list::Entries::read(reader)?;
    let items = reader.array(limits::BATCH_BLOBS_MAX * 2)?;
    let mut blobs = Vec::with_capacity(items / 2);
    for _ in 0..items / 2 {
        let offset = reader.u16()?;
        let class = entries.class(offset.into()).ok_or(WireError::Malformed)?;
        let blob = reader.bytes(limits::STRING_BYTES_MAX)?;
        let blob = Blob::parse(blob.to_vec()).map_err(|_| WireError::Malformed)?;
        let in_order = blobs.last().is_none_or(|(last, _)| *last < offset);
        if !in_order || blob.class() != class {
            return Err(WireError::Malformed);
        }
        blobs.push((offset, blob));
    }
    if items % 2 != 0 {
        return Err(WireError::Malformed);
    }
    let head = Head::read(reader)?;
    Ok(Batch { first, start, entries, blobs, head })
}
