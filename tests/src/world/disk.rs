//! What a person's device keeps its profile on: memory, or the sealed store on a modelled disk whose power can be cut.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::store::{Batch, LeafRule, MemoryStore, Store, StoreError, Table};
use rand::RngExt;
use rand_chacha::ChaCha20Rng;
use store::disk::ModelDisk;
use store::{OpenError, Options, SealedStore};

use super::node::seeded;

/// The number of the last turn that is on disk: what tells whether a commit that was cut off is there.
const TURN: Table = Table { id: 255, name: "turn of a simulation", leaf: LeafRule::Shared };

/// A device's disk.
pub(super) enum Disk {
    Memory(MemoryStore),
    Sealed(Box<Sealed>),
}

/// A sealed store on a modelled disk.
pub(super) struct Sealed {
    store: Option<SealedStore>,
    model: ModelDisk,
    /// sled's index, which obeys no model and can be thrown away.
    folder: tempfile::TempDir,
    /// Passphrases of which exactly one opens the profile.
    words: Vec<Vec<u8>>,
    turn: u64,
    /// Whether the last turn before the last fall was there after it.
    has_last: bool,
    clock: Instant,
    rng: ChaCha20Rng,
    /// A cut is on its way.
    is_armed: bool,
    cuts: u32,
}

impl Disk {
    pub(super) fn sealed(name: &str) -> Self {
        let memory = std::path::Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let (folder, model) = (folder.expect("a folder"), ModelDisk::new());
        let (mut rng, words) = (seeded(&format!("disk of {name}")), vec![b"first words".to_vec()]);
        let disk = Arc::new(model.clone());
        let store = SealedStore::create_on(disk, folder.path(), &words[0], small(), &mut rng).expect("new");
        let (store, clock) = (Some(store), Instant::now());
        Self::Sealed(Box::new(Sealed {
            store,
            model,
            folder,
            words,
            turn: 0,
            has_last: true,
            clock,
            rng,
            is_armed: false,
            cuts: 0,
        }))
    }

    pub(super) fn store(&self) -> &dyn Store {
        match self {
            Self::Memory(store) => store,
            Self::Sealed(sealed) => sealed.store.as_ref().expect("it is shut only while it opens again"),
        }
    }

    /// Writes one turn. An error says that the power is gone: the turn is there or not, as [`Disk::has_last`] tells
    /// once the device has fallen.
    pub(super) fn commit(&mut self, mut batch: Batch) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => store.commit(batch),
            Self::Sealed(sealed) => {
                sealed.turn += 1;
                batch.put(&TURN, b"", 0, sealed.turn.to_be_bytes().to_vec());
                sealed.store.as_mut().expect("it is open").commit(batch)
            }
        }
    }

    /// Now and then: keys are destroyed, segments swept.
    pub(super) fn maintain(&mut self) -> Result<(), StoreError> {
        let Self::Sealed(sealed) = self else { return Ok(()) };
        if sealed.rng.random_range(0..4) > 0 {
            return Ok(());
        }
        sealed.clock += Duration::from_secs(3);
        sealed.store.as_mut().expect("it is open").maintain(sealed.clock).map(drop)
    }

    /// The device falls, by a power cut or a kill, and its disk is found as such a fall leaves it.
    pub(super) fn fall(&mut self) {
        match self {
            Self::Memory(store) => *store = store.reopen(),
            Self::Sealed(sealed) => sealed.fall(),
        }
    }

    /// Whether the last turn that was written before the last fall was there after it.
    pub(super) fn has_last(&self) -> bool {
        if let Self::Sealed(sealed) = self { sealed.has_last } else { true }
    }

    /// Lets so many more changes reach the disk; then its power is gone. A cut that is on its way stays the one.
    pub(super) fn cut_power_after(&mut self, changes: u64) {
        let Self::Sealed(sealed) = self else { return };
        if !std::mem::replace(&mut sealed.is_armed, true) {
            sealed.model.stop_after(changes);
        }
    }

    /// Changes the passphrase. Returns whether the power was there for it.
    pub(super) fn change_passphrase(&mut self) -> bool {
        let Self::Sealed(sealed) = self else { return true };
        let next = format!("words after {} cuts, turn {}", sealed.cuts, sealed.turn).into_bytes();
        let changed = sealed.store.as_mut().expect("it is open").change_passphrase(&next);
        match changed {
            Ok(()) => sealed.words = vec![next],
            Err(_) => sealed.words.push(next),
        }
        changed.is_ok()
    }

    pub(super) fn cuts(&self) -> u32 {
        if let Self::Sealed(sealed) = self { sealed.cuts } else { 0 }
    }
}

impl Sealed {
    fn fall(&mut self) {
        self.store = None;
        self.model = if self.rng.random_range(0..5) == 0 {
            self.model.after_kill()
        } else {
            self.model.after_power_cut(&mut self.rng)
        };
        if self.rng.random_range(0..8) == 0 {
            std::fs::remove_dir_all(self.folder.path().join("index")).expect("the index is a real folder");
        }
        self.cuts += 1;
        self.is_armed = false;
        let (mut opened, mut held) = (None, Vec::new());
        for words in &self.words {
            let disk = Arc::new(self.model.clone());
            match SealedStore::open_on(disk, self.folder.path(), words, small()) {
                Ok((store, report)) => {
                    assert!(!report.is_loss(), "cut {}: {report:?}", self.cuts);
                    assert!(opened.is_none(), "two passphrases open one profile");
                    held.push(words.clone());
                    opened = Some(store);
                }
                Err(error) => assert_eq!(error, OpenError::WrongPassphrase, "cut {}", self.cuts),
            }
        }
        let store = opened.expect("a profile opens after every fall");
        let found = store.get(&TURN, b"", 0).expect("it can be read");
        let found = found.map_or(0, |bytes| u64::from_be_bytes(bytes.try_into().expect("eight bytes")));
        assert!(found == self.turn || found + 1 == self.turn, "turn {found} of {}", self.turn);
        (self.has_last, self.turn) = (found == self.turn, found);
        (self.store, self.words) = (Some(store), held);
    }
}

/// Small limits, so that a short life crosses each of them, and no threads, so that a seed repeats itself.
fn small() -> Options {
    Options {
        segment_bytes: 128 << 10,
        checkpoint_records: 64,
        checkpoint_bytes: 1 << 20,
        head_commits: 8,
        shred_commits: 5,
        in_background: false,
        ..Options::default()
    }
}
