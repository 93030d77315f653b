//! A disk that forgets: what was not synced may be dropped, torn or kept, in any order, when its power is cut.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use rand_core::Rng;

use super::{Disk, DiskFile};
use crate::segment::EIO;

/// What a disk writes whole; a cut inside a larger write leaves some sectors new and some old.
const SECTOR_BYTES: usize = 512;

/// A disk in memory for tests. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct ModelDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Debug, Default)]
struct State {
    inodes: BTreeMap<u64, Inode>,
    next: u64,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    pending_names: Vec<NameChange>,
    changes: u64,
    stops_after: Option<u64>,
    fails_at: Option<u64>,
}

#[derive(Clone, Debug)]
enum NameChange {
    Add(String, u64),
    Remove(String),
}

#[derive(Clone, Debug, Default)]
struct Inode {
    live: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
    /// Bytes that cannot be read.
    bad: Range<usize>,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

impl ModelDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many times it was asked to change or sync something.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.lock().changes
    }

    /// Lets `changes` more changes and syncs happen; then the power is gone and each one fails.
    pub fn stop_after(&self, changes: u64) {
        let mut state = self.lock();
        state.stops_after = Some(state.changes + changes);
    }

    /// Lets `changes` more changes and syncs happen; the one after them fails, and all later ones happen again.
    pub fn fail_once_after(&self, changes: u64) {
        let mut state = self.lock();
        state.fails_at = Some(state.changes + changes);
    }

    /// The disk as the next start finds it: un-synced changes are dropped, torn or kept at random.
    #[must_use]
    pub fn after_power_cut(&self, rng: &mut dyn Rng) -> ModelDisk {
        let state = self.lock();
        // A journal keeps the order of names, so a prefix of their changes has reached the disk.
        let kept = below(rng, state.pending_names.len() + 1);
        let mut names = state.durable_names.clone();
        for change in &state.pending_names[..kept] {
            change.apply(&mut names);
        }
        let inodes = names
            .values()
            .map(|inode| {
                let before = &state.inodes[inode];
                let found = Inode::found(before.after_power_cut(rng));
                (*inode, Inode { bad: before.bad.clone(), ..found })
            })
            .collect();
        let state =
            State { inodes, next: state.next, durable_names: names.clone(), names, ..State::default() };
        ModelDisk { state: Arc::new(Mutex::new(state)) }
    }

    /// The disk as the next start finds it when only the process died: all that was written is there.
    #[must_use]
    pub fn after_kill(&self) -> ModelDisk {
        let mut state = self.lock().clone();
        state.stops_after = None;
        ModelDisk { state: Arc::new(Mutex::new(state)) }
    }

    /// What a thorough finder sees: all that is written in any file, also in those whose names are gone, because
    /// removing a name erases nothing.
    #[must_use]
    pub fn remains(&self) -> Vec<Vec<u8>> {
        self.lock().inodes.values().map(|inode| inode.live.clone()).collect()
    }

    /// The whole content of a file, for tests that damage it.
    #[must_use]
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.lock();
        state.names.get(name).map(|inode| state.inodes[inode].live.clone())
    }

    /// Replaces the whole content of a file, durably, for tests that damage it.
    pub fn overwrite(&self, name: &str, bytes: Vec<u8>) {
        let mut state = self.lock();
        if let Some(inode) = state.names.get(name).copied() {
            state.inodes.insert(inode, Inode::found(bytes));
        }
    }

    /// From now on each reading of these bytes of a file is an input/output error, also after a power cut, until
    /// another range, also an empty one, or a new content is put in their place.
    pub fn make_unreadable(&self, name: &str, bytes: Range<usize>) {
        let mut state = self.lock();
        if let Some(inode) = state.names.get(name).copied()
            && let Some(inode) = state.inodes.get_mut(&inode)
        {
            inode.bad = bytes;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while it holds the model")
    }

    fn change(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.lock();
        if state.stops_after.is_some_and(|stop| state.changes >= stop) {
            return Err(io::Error::other("the power is gone"));
        }
        state.changes += 1;
        let changes = state.changes;
        if state.fails_at.take_if(|at| *at < changes).is_some() {
            return Err(io::Error::from_raw_os_error(EIO));
        }
        Ok(state)
    }

    fn file(&self, inode: u64) -> Box<dyn DiskFile> {
        Box::new(ModelFile { disk: self.clone(), inode })
    }
}

impl Disk for ModelDisk {
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let inode = self.lock().names.get(name).copied();
        inode.map(|inode| self.file(inode)).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.change()?;
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.next;
        state.next += 1;
        state.inodes.insert(inode, Inode::default());
        state.rename(NameChange::Add(name.to_owned(), inode));
        drop(state);
        Ok(self.file(inode))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.lock().names.keys().cloned().collect())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.change()?;
        if !state.names.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.rename(NameChange::Remove(name.to_owned()));
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.change()?;
        let inode = state.names.get(from).copied().ok_or(io::ErrorKind::NotFound)?;
        // One step of the journal: the two names change together.
        let before = state.pending_names.len();
        state.rename(NameChange::Add(to.to_owned(), inode));
        state.rename(NameChange::Remove(from.to_owned()));
        debug_assert_eq!(state.pending_names.len(), before + 2);
        Ok(())
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.change()?;
        let inode = state.names.get(from).copied().ok_or(io::ErrorKind::NotFound)?;
        state.rename(NameChange::Add(to.to_owned(), inode));
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.change()?;
        state.durable_names = state.names.clone();
        state.pending_names.clear();
        Ok(())
    }
}

impl State {
    fn rename(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.pending_names.push(change);
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            NameChange::Add(name, inode) => {
                names.insert(name.clone(), *inode);
            }
            NameChange::Remove(name) => {
                names.remove(name);
            }
        }
    }
}

impl Inode {
    fn found(bytes: Vec<u8>) -> Self {
        Self { live: bytes.clone(), durable: bytes, ..Self::default() }
    }

    fn after_power_cut(&self, rng: &mut dyn Rng) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        let mut order: Vec<usize> = (0..self.pending.len()).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, below(rng, last + 1));
        }
        for change in order.into_iter().map(|change| &self.pending[change]) {
            match below(rng, 3) {
                0 => {}
                1 => change.apply(&mut bytes),
                _ => change.tear(&mut bytes, rng),
            }
        }
        bytes
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Change::SetLen(len) => bytes.resize(*len, 0),
            Change::Write(offset, new) => {
                let end = offset + new.len();
                bytes.resize(bytes.len().max(end), 0);
                bytes[*offset..end].copy_from_slice(new);
            }
        }
    }

    fn tear(&self, bytes: &mut Vec<u8>, rng: &mut dyn Rng) {
        let Change::Write(offset, new) = self else { return };
        // The new length may be there before the data is.
        if below(rng, 2) == 0 {
            bytes.resize(bytes.len().max(offset + new.len()), 0);
        }
        for (sector, part) in new.chunks(SECTOR_BYTES).enumerate() {
            if below(rng, 2) == 0 {
                Change::Write(offset + sector * SECTOR_BYTES, part.to_vec()).apply(bytes);
            }
        }
    }
}

struct ModelFile {
    disk: ModelDisk,
    inode: u64,
}

impl ModelFile {
    fn record(&self, change: Change) -> io::Result<()> {
        let mut state = self.disk.change()?;
        let inode = state.inodes.get_mut(&self.inode).ok_or(io::ErrorKind::NotFound)?;
        change.apply(&mut inode.live);
        inode.pending.push(change);
        Ok(())
    }
}

impl DiskFile for ModelFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.lock();
        let Inode { live, bad, .. } = state.inodes.get(&self.inode).ok_or(io::ErrorKind::NotFound)?;
        let start = live.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
        let read = buffer.len().min(live.len() - start);
        if bad.start.max(start) < bad.end.min(start + read) {
            return Err(io::Error::from_raw_os_error(EIO));
        }
        buffer[..read].copy_from_slice(&live[start..start + read]);
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge)?;
        self.record(Change::Write(offset, bytes.to_vec()))
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.change()?;
        let inode = state.inodes.get_mut(&self.inode).ok_or(io::ErrorKind::NotFound)?;
        inode.durable = inode.live.clone();
        inode.pending.clear();
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        let state = self.disk.lock();
        Ok(state.inodes.get(&self.inode).ok_or(io::ErrorKind::NotFound)?.live.len() as u64)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let len = usize::try_from(bytes).map_err(|_| io::ErrorKind::FileTooLarge)?;
        self.record(Change::SetLen(len))
    }
}

/// A number below `bound`. The bias is beneath what a test could notice.
fn below(rng: &mut dyn Rng, bound: usize) -> usize {
    (rng.next_u64() % bound.max(1) as u64) as usize
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_core::SeedableRng;

    use super::*;

    #[test]
    fn what_was_synced_survives_and_what_was_not_may_be_lost() {
        let mut lost = 0;
        for seed in 0..50 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let disk = ModelDisk::new();
            let file = disk.create("a").expect("a new name");
            file.write_at(&[1; 1000], 0).expect("the power is on");
            file.sync().expect("the power is on");
            disk.sync_names().expect("the power is on");
            file.write_at(&[2; 1000], 1000).expect("the power is on");
            let found = disk.after_power_cut(&mut rng).read("a").expect("its name was synced");
            assert_eq!(found[..1000], [1; 1000]);
            lost += usize::from(found.len() < 2000 || found[1000..] != [2; 1000]);
        }
        assert!(lost > 10, "un-synced writes must be lost often: {lost}");
    }

    #[test]
    fn a_name_that_was_not_synced_may_be_gone() {
        let gone = (0..50).filter(|seed| {
            let disk = ModelDisk::new();
            disk.create("a").expect("a new name").sync().expect("the power is on");
            disk.after_power_cut(&mut ChaCha8Rng::seed_from_u64(*seed)).read("a").is_none()
        });
        assert!(gone.count() > 5);
    }

    #[test]
    fn bytes_that_cannot_be_read_are_an_error_and_those_beside_them_are_not() {
        let disk = ModelDisk::new();
        disk.create("a").expect("a new name").write_at(b"abcdef", 0).expect("the power is on");
        disk.make_unreadable("a", 2..4);
        let read = |disk: &ModelDisk, from, count| {
            let mut buffer = vec![0; count];
            disk.open("a")
                .expect("it is there")
                .read_at(&mut buffer, from)
                .map(|read| buffer[..read].to_vec())
        };
        assert_eq!(read(&disk.after_kill(), 0, 2).expect("beside it"), b"ab");
        assert_eq!(read(&disk, 4, 9).expect("beside it"), b"ef");
        for from in 1..4 {
            let error = read(&disk, from, 2).expect_err("in it");
            assert_eq!(error.raw_os_error(), Some(EIO));
        }
        disk.make_unreadable("a", 0..0);
        assert_eq!(read(&disk, 0, 9).expect("it has passed"), b"abcdef");
    }

    #[test]
    fn after_the_stop_nothing_changes() {
        let disk = ModelDisk::new();
        let file = disk.create("a").expect("a new name");
        disk.stop_after(1);
        file.write_at(b"x", 0).expect("one more change");
        assert!(file.write_at(b"y", 1).is_err());
        assert!(file.sync().is_err());
        assert_eq!(disk.read("a").as_deref(), Some(&b"x"[..]));
    }
}
