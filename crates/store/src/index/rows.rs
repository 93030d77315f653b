//! The rows that say where records stand.
//!
//! * A **run** holds up to [`RUN_MAX`] neighbouring orders of one name, whatever lies between them. Its key has the lowest
//!   order that it may hold; it reaches to the key of the next run of its name. A run that overflows is divided; one that
//!   is empty goes; two are never joined, and none gets another key.
//! * A **bucket** holds order 0 of all names that begin with the same [`BUCKET_BITS`] bits. Names are blinded, so nobody
//!   chooses their bucket. Very many names have a record at order 0 and no other.
//!
//! The first byte of a key tells the kind.

use std::collections::BTreeMap;

use super::Failure;
use crate::bytes::{Reader, Writer};
use crate::recent::Entry;
use crate::record::Blind;

/// Entries of a run.
pub(super) const RUN_MAX: usize = 32;
/// With a million records at order 0 there are eight in a bucket: more in each would be fewer rows to know of, and more
/// to write anew for each.
const BUCKET_BITS: u32 = 17;

const RUN_KEY: u8 = 2;
const BUCKET_KEY: u8 = 3;

const PLACE: u8 = 1;
const NUMBER: u8 = 2;

/// Neighbouring orders of one name, as far as this row reaches.
pub(super) struct Run {
    name: Blind,
    /// The lowest order that it may hold, which its key has.
    pub(super) low: u64,
    is_new: bool,
    pub(super) entries: BTreeMap<u64, Entry>,
}

impl Run {
    /// One that sled does not have yet.
    pub(super) fn new(name: Blind, low: u64) -> Self {
        Self { name, low, is_new: true, entries: BTreeMap::new() }
    }

    /// The run that an order would stand in, unless it lies below all.
    pub(super) fn under(db: &sled::Db, name: &Blind, order: u64) -> Result<Option<Self>, Failure> {
        Self::read(name, db.range(run_key(name, 0)..=run_key(name, order)).next_back())
    }

    /// The last run whose key is below this order.
    pub(super) fn below(db: &sled::Db, name: &Blind, order: u64) -> Result<Option<Self>, Failure> {
        Self::read(name, db.range(run_key(name, 0)..run_key(name, order)).next_back())
    }

    /// The first run whose key is not below one order nor above another.
    pub(super) fn from(db: &sled::Db, name: &Blind, low: u64, high: u64) -> Result<Option<Self>, Failure> {
        if low > high {
            return Ok(None);
        }
        Self::read(name, db.range(run_key(name, low)..=run_key(name, high)).next())
    }

    fn read(
        name: &Blind,
        row: Option<sled::Result<(sled::IVec, sled::IVec)>>,
    ) -> Result<Option<Self>, Failure> {
        let Some((key, value)) = row.transpose()? else { return Ok(None) };
        let low = key.get(17..).and_then(|low| low.try_into().ok()).map(u64::from_be_bytes).ok_or(Failure)?;
        let mut reader = Reader::new(&value);
        let mut entries = BTreeMap::new();
        let mut order = low;
        while !reader.is_at_end() {
            let further = reader.short().ok_or(Failure)?;
            if further == 0 && !entries.is_empty() {
                return Err(Failure);
            }
            order = order.checked_add(further).ok_or(Failure)?;
            entries.insert(order, read_entry(&mut reader).ok_or(Failure)?);
        }
        Ok(Some(Self { name: *name, low, is_new: false, entries }))
    }

    /// The key of the next run of this name.
    pub(super) fn next(&self, db: &sled::Db) -> Result<Option<u64>, Failure> {
        match self.low.checked_add(1) {
            Some(above) => Ok(Self::from(db, &self.name, above, u64::MAX)?.map(|next| next.low)),
            None => Ok(None),
        }
    }

    /// Puts what it holds now in place of what sled has. The last run of a name grows at its end, so it is filled before
    /// another begins; any other is divided evenly.
    pub(super) fn write(self, is_last: bool, batch: &mut sled::Batch) {
        if self.entries.is_empty() {
            if !self.is_new {
                batch.remove(&run_key(&self.name, self.low));
            }
            return;
        }
        let entries: Vec<(u64, Entry)> = self.entries.into_iter().collect();
        let size = match is_last {
            true => RUN_MAX,
            false => entries.len().div_ceil(entries.len().div_ceil(RUN_MAX)),
        };
        for (at, part) in entries.chunks(size).enumerate() {
            let low = if at == 0 { self.low } else { part[0].0 };
            let mut bytes = Vec::with_capacity(part.len() * 12);
            let mut before = low;
            for (order, entry) in part {
                Writer(&mut bytes).short(order - before);
                write_entry(&mut bytes, *entry);
                before = *order;
            }
            batch.insert(&run_key(&self.name, low), bytes);
        }
    }
}

/// Order 0 of all names with the same beginning.
pub(super) struct Bucket {
    key: [u8; 4],
    is_new: bool,
    pub(super) entries: BTreeMap<Blind, Entry>,
}

impl Bucket {
    /// The key of the bucket that a name is in.
    pub(super) fn key(name: &Blind) -> [u8; 4] {
        let [first, second, third, ..] = *name;
        let bits = u32::from_be_bytes([first, second, third, 0]) >> (32 - BUCKET_BITS) << (32 - BUCKET_BITS);
        let [first, second, third, _] = bits.to_be_bytes();
        [BUCKET_KEY, first, second, third]
    }

    /// The bucket that a name is in.
    pub(super) fn of(db: &sled::Db, name: &Blind) -> Result<Self, Failure> {
        let key = Self::key(name);
        match db.get(key)? {
            Some(row) => Self::read(key, &row),
            None => Ok(Self { key, is_new: true, entries: BTreeMap::new() }),
        }
    }

    /// Every bucket there is.
    pub(super) fn all(db: &sled::Db) -> impl Iterator<Item = Result<Self, Failure>> + use<> {
        db.scan_prefix([BUCKET_KEY]).map(|row| {
            let (key, row) = row?;
            Self::read(key.as_ref().try_into().map_err(|_| Failure)?, &row)
        })
    }

    fn read(key: [u8; 4], row: &[u8]) -> Result<Self, Failure> {
        let mut reader = Reader::new(row);
        let mut entries = BTreeMap::new();
        while !reader.is_at_end() {
            let rest: [u8; 14] = reader.array().ok_or(Failure)?;
            let mut name = [0; 16];
            name[..2].copy_from_slice(&key[1..3]);
            name[2..].copy_from_slice(&rest);
            if Self::key(&name) != key {
                return Err(Failure);
            }
            entries.insert(name, read_entry(&mut reader).ok_or(Failure)?);
        }
        Ok(Self { key, is_new: false, entries })
    }

    /// Puts what it holds now in place of what sled has.
    pub(super) fn write(self, batch: &mut sled::Batch) {
        if self.entries.is_empty() {
            if !self.is_new {
                batch.remove(&self.key);
            }
            return;
        }
        let mut bytes = Vec::with_capacity(self.entries.len() * 24);
        for (name, entry) in self.entries {
            Writer(&mut bytes).bytes(&name[2..]);
            write_entry(&mut bytes, entry);
        }
        batch.insert(&self.key, bytes);
    }
}

fn run_key(name: &Blind, low: u64) -> [u8; 25] {
    let mut key = [RUN_KEY; 25];
    key[1..17].copy_from_slice(name);
    key[17..].copy_from_slice(&low.to_be_bytes());
    key
}

fn write_entry(bytes: &mut Vec<u8>, entry: Entry) {
    let mut writer = Writer(bytes);
    match entry {
        Entry::Place { segment, at, bytes } => {
            writer.u8(PLACE).short(segment).short(u64::from(at)).short(u64::from(bytes));
        }
        Entry::Number(number) => {
            writer.u8(NUMBER).short(u64::from(number));
        }
        // Never among a row's entries.
        Entry::Gone => {}
    }
}

fn read_entry(reader: &mut Reader<'_>) -> Option<Entry> {
    Some(match reader.u8()? {
        PLACE => Entry::Place {
            segment: reader.short()?,
            at: reader.short()?.try_into().ok()?,
            bytes: reader.short()?.try_into().ok()?,
        },
        NUMBER => Entry::Number(reader.short()?.try_into().ok()?),
        _ => return None,
    })
}
