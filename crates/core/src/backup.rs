//! What a backup says, and the bytes that say so before they are sealed: records, one after another, filled up with
//! zeros to whole chunks.
//!
//! Which records those are is decided in [`crate::engine`]; how chunks are sealed, in [`crypto::backup`].
//! Format: `docs/protocol/18-backup.md`.

use crypto::backup::CHUNK_BYTES;
use minicbor::{Decoder, Encoder};
use zeroize::{Zeroize as _, Zeroizing};

/// The version of this format.
pub const VERSION: u8 = 1;
/// The most bytes that one record may have: a value of 64 KiB and what names it.
pub const RECORD_BYTES_MAX: usize = 66_000;
/// The most bytes of a record's name in its table.
const NAME_BYTES_MAX: usize = 64;
/// The most bytes of a value, as in every store.
const VALUE_BYTES_MAX: usize = 64 * 1024;

/// The inside of a backup is not what this chapter says.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FormatError {
    /// Bytes that are no record, or stand where none may stand.
    #[error("the backup opens, but its content is damaged; take another copy of it")]
    Malformed,
    /// It was written by a later version of the program.
    #[error("the backup was written by a newer version ({0}, this one knows {VERSION}); update the program")]
    Newer(u8),
    /// It ends before it says that it ends.
    #[error("the backup ends before its end; take another copy of it")]
    Unfinished,
}

impl From<minicbor::decode::Error> for FormatError {
    fn from(_: minicbor::decode::Error) -> Self {
        Self::Malformed
    }
}

/// A record of a profile: where it stood and what it said. Its value is wiped when dropped.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Kept {
    /// The number of its table.
    pub table: u8,
    /// Its name there.
    pub name: Vec<u8>,
    /// Its order.
    pub order: u64,
    /// What it says.
    pub value: Zeroizing<Vec<u8>>,
}

enum Record {
    /// First: the version.
    Begin(u8),
    /// A record of the profile.
    Kept(Kept),
    /// Last: how many records there were.
    End(u64),
}

impl Record {
    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(match self {
            Self::Kept(kept) => kept.value.len() + 128,
            Self::Begin(_) | Self::End(_) => 16,
        }));
        let mut e = Encoder::new(&mut *bytes);
        let done = match self {
            Self::Begin(version) => e.array(2).and_then(|e| e.u8(0)).and_then(|e| e.u8(*version)).map(drop),
            Self::Kept(kept) => e
                .array(5)
                .and_then(|e| e.u8(1))
                .and_then(|e| e.u8(kept.table))
                .and_then(|e| e.bytes(&kept.name))
                .and_then(|e| e.u64(kept.order))
                .and_then(|e| e.bytes(&kept.value))
                .map(drop),
            Self::End(count) => e.array(2).and_then(|e| e.u8(2)).and_then(|e| e.u64(*count)).map(drop),
        };
        done.expect("a vector takes all bytes");
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut d = Decoder::new(bytes);
        let fields = d.array()?.ok_or(FormatError::Malformed)?;
        let record = match (d.u8()?, fields) {
            (0, 2) => Self::Begin(d.u8()?),
            (1, 5) => {
                let (table, name, order, value) = (d.u8()?, d.bytes()?, d.u64()?, d.bytes()?);
                if name.len() > NAME_BYTES_MAX || value.len() > VALUE_BYTES_MAX {
                    return Err(FormatError::Malformed);
                }
                let value = Zeroizing::new(value.to_vec());
                Self::Kept(Kept { table, name: name.to_vec(), order, value })
            }
            (2, 2) => Self::End(d.u64()?),
            _ => return Err(FormatError::Malformed),
        };
        if d.position() == bytes.len() { Ok(record) } else { Err(FormatError::Malformed) }
    }
}

/// Makes chunks of records.
#[derive(Debug)]
pub struct Writer {
    buffer: Zeroizing<Vec<u8>>,
    chunks: u64,
    records: u64,
}

impl Default for Writer {
    fn default() -> Self {
        let mut writer = Self { buffer: Zeroizing::new(Vec::new()), chunks: 0, records: 0 };
        writer.write(&Record::Begin(VERSION));
        writer
    }
}

impl Writer {
    /// Adds a record.
    pub fn put(&mut self, kept: Kept) {
        self.records += 1;
        self.write(&Record::Kept(kept));
    }

    /// Returns the next full chunk that is not the last, if there is one.
    pub fn chunk(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        (self.buffer.len() > CHUNK_BYTES).then(|| self.cut())
    }

    /// Ends the backup. Returns its last chunks, of which the file's size tells no more than [`padded`] lets it.
    pub fn finish(mut self) -> impl Iterator<Item = Zeroizing<Vec<u8>>> {
        self.write(&Record::End(self.records));
        self.buffer.extend_from_slice(&[0; 4]);
        let total = padded(self.chunks + self.buffer.len().div_ceil(CHUNK_BYTES) as u64);
        std::iter::from_fn(move || (self.chunks < total).then(|| self.cut()))
    }

    fn write(&mut self, record: &Record) {
        let bytes = record.encode();
        self.buffer.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        self.buffer.extend_from_slice(&bytes);
    }

    fn cut(&mut self) -> Zeroizing<Vec<u8>> {
        let end = self.buffer.len().min(CHUNK_BYTES);
        let mut chunk = Zeroizing::new(Vec::with_capacity(CHUNK_BYTES + 16));
        chunk.extend_from_slice(&self.buffer[..end]);
        chunk.resize(CHUNK_BYTES, 0);
        let rest = Zeroizing::new(self.buffer[end..].to_vec());
        self.buffer = rest;
        self.chunks += 1;
        chunk
    }
}

/// Returns how many chunks a backup has that needs so many: the next number of at most three binary digits and zeros.
/// So a file tells how much there is to within a quarter.
#[must_use]
pub fn padded(chunks: u64) -> u64 {
    let step = 1 << chunks.max(1).ilog2().saturating_sub(2);
    chunks.next_multiple_of(step).max(1)
}

/// Reads records out of chunks. Nothing is believed before [`Reader::finish`] has said that the end was reached.
#[derive(Debug, Default)]
pub struct Reader {
    buffer: Zeroizing<Vec<u8>>,
    begun: bool,
    ended: bool,
    over: bool,
    records: u64,
}

impl Reader {
    /// Takes the next chunk and returns the records that end in it.
    ///
    /// # Errors
    /// [`FormatError`] if the bytes are anything else.
    pub fn take(&mut self, chunk: &[u8]) -> Result<Vec<Kept>, FormatError> {
        self.buffer.extend_from_slice(chunk);
        let (mut found, mut at) = (Vec::new(), 0);
        while !self.over {
            let Some((length, rest)) = self.buffer[at..].split_first_chunk::<4>() else { break };
            let length = u32::from_be_bytes(*length) as usize;
            if length > RECORD_BYTES_MAX {
                return Err(FormatError::Malformed);
            }
            if length == 0 {
                self.over = true;
                at += 4;
                break;
            }
            let Some(bytes) = rest.get(..length) else { break };
            let record = Record::decode(bytes)?;
            at += 4 + length;
            found.extend(self.judge(record)?);
        }
        if self.over {
            at = self.end(at)?;
        }
        let rest = Zeroizing::new(self.buffer[at..].to_vec());
        self.buffer.zeroize();
        self.buffer = rest;
        Ok(found)
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`FormatError::Unfinished`] if the backup has not said that it ends.
    pub fn finish(self) -> Result<(), FormatError> {
        if self.over { Ok(()) } else { Err(FormatError::Unfinished) }
    }

    fn judge(&mut self, record: Record) -> Result<Option<Kept>, FormatError> {
        match record {
            Record::Begin(VERSION) if !self.begun => self.begun = true,
            Record::Begin(newer) if !self.begun => return Err(FormatError::Newer(newer)),
            Record::Kept(kept) if self.begun && !self.ended => {
                self.records += 1;
                return Ok(Some(kept));
            }
            Record::End(count) if self.begun && !self.ended && count == self.records => self.ended = true,
            Record::Begin(_) | Record::Kept(_) | Record::End(_) => return Err(FormatError::Malformed),
        }
        Ok(None)
    }

    /// What follows the end is zeros.
    fn end(&self, at: usize) -> Result<usize, FormatError> {
        let clean = self.ended && self.buffer[at..].iter().all(|byte| *byte == 0);
        if clean { Ok(self.buffer.len()) } else { Err(FormatError::Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kept(order: u64, bytes: usize) -> Kept {
        Kept { table: 46, name: vec![1, 2], order, value: Zeroizing::new(vec![order as u8; bytes]) }
    }

    fn chunks(records: &[Kept]) -> Vec<Vec<u8>> {
        let (mut writer, mut all) = (Writer::default(), Vec::new());
        for record in records {
            writer.put(record.clone());
            while let Some(chunk) = writer.chunk() {
                all.push(chunk.to_vec());
            }
        }
        all.extend(writer.finish().map(|chunk| chunk.to_vec()));
        all
    }

    fn read(chunks: &[Vec<u8>]) -> Result<Vec<Kept>, FormatError> {
        let (mut reader, mut all) = (Reader::default(), Vec::new());
        for chunk in chunks {
            all.extend(reader.take(chunk)?);
        }
        reader.finish().map(|()| all)
    }

    proptest! {
        #[test]
        fn records_come_back_whatever_their_lengths(lengths in proptest::collection::vec(0usize..=65_536, 0..12)) {
            let records: Vec<Kept> = (0..).zip(&lengths).map(|(order, bytes)| kept(order, *bytes)).collect();
            let chunks = chunks(&records);
            prop_assert!(chunks.iter().all(|chunk| chunk.len() == CHUNK_BYTES));
            prop_assert_eq!(padded(chunks.len() as u64), chunks.len() as u64);
            prop_assert_eq!(read(&chunks), Ok(records));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut reader = Reader::default();
            let _ = reader.take(&bytes);
            let _ = reader.finish();
        }
    }

    #[test]
    fn padding_costs_at_most_a_quarter() {
        for chunks in 1..10_000u64 {
            let padded = padded(chunks);
            assert!(padded >= chunks && (padded - chunks) * 4 <= chunks, "{chunks}: {padded}");
        }
        assert_eq!([1, 2, 3, 7, 9, 13, 100, 1_000].map(padded), [1, 2, 3, 7, 10, 14, 112, 1_024]);
    }

    #[test]
    fn what_is_missing_or_too_much_is_told() {
        let whole = chunks(&[kept(1, 100_000 % 65_536), kept(2, 60_000), kept(3, 60_000)]);
        assert!(whole.len() > 2);
        assert_eq!(read(&whole[..1]), Err(FormatError::Unfinished));
        assert_eq!(read(&[]), Err(FormatError::Unfinished));
        let mut more = whole.clone();
        *more.last_mut().expect("a chunk").last_mut().expect("a byte") = 1;
        assert_eq!(read(&more), Err(FormatError::Malformed));
        let mut newer = whole;
        assert_eq!(newer[0][..7], [0, 0, 0, 3, 0x82, 0, 1]);
        newer[0][6] = 2;
        assert_eq!(read(&newer), Err(FormatError::Newer(2)));
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_anything_is_gathered_for_it() {
        let mut reader = Reader::default();
        assert_eq!(reader.take(&(RECORD_BYTES_MAX as u32 + 1).to_be_bytes()), Err(FormatError::Malformed));
    }
}
