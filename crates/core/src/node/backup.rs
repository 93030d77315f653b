//! A backup as a file: written whole or not at all, and read into a folder that becomes a profile only at the end.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crypto::backup::{BackupError, BackupSecret, HEAD_BYTES, Opener, SEALED_CHUNK_BYTES, Sealer};
use proto::id::Moment;
use proto::store::{Batch, Overlay, Store as _, StoreError};
use store::disk::{Disk, DiskFile, RealDisk};
use store::{OpenError, Options, SealedStore};
use zeroize::Zeroizing;

use super::place::{self, RESTORING, folder_of};
use crate::backup::{FormatError, Kept, Reader, Writer};
use crate::engine::{Engine, Now};
use crate::tables;

/// Bytes of records that share one commit while a profile is restored. Tests restore in many commits.
const COMMIT_BYTES: usize = if cfg!(test) { 64 << 10 } else { 4 << 20 };

/// The most records that a backup has of the profile's owner: identity, name, counters, the usual time.
const OWN_RECORDS_MAX: usize = 4;

/// What the name of a backup ends in while it is written.
const UNFINISHED: &str = ".unfinished";

/// Bytes of a backup that may wait for the disk: whoever gives it up, or waits for its end, waits for these at most.
const SYNC_BYTES: u64 = 16 << 20;

/// Why a backup could not be made or restored. Nothing was changed by it.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// It does not open, or is none.
    #[error(transparent)]
    Sealed(#[from] BackupError),
    /// It opens, but cannot be understood.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The file cannot be read or written.
    #[error("the backup file cannot be used: {0}")]
    File(#[from] io::Error),
    /// The profile cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The profile was wiped while its backup was written: there is none.
    #[error("the profile was wiped meanwhile")]
    Wiped,
    /// It was given up by [`GiveUp`].
    #[error("the backup was given up before it was whole")]
    GivenUp,
    /// The folder cannot become a profile.
    #[error(transparent)]
    Folder(#[from] OpenError),
}

/// Gives up backups that are being written, from any thread: nothing of them stays. Clones speak of the same backups.
#[derive(Clone, Default)]
pub struct GiveUp(Arc<UnderWay>);

#[derive(Default)]
struct UnderWay {
    given_up: AtomicBool,
    /// The file that has not its name yet. Whoever makes it, names it or removes it holds this.
    unfinished: Mutex<Option<PathBuf>>,
}

impl fmt::Debug for GiveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GiveUp")
    }
}

impl GiveUp {
    /// Gives up what is being written and what is asked for from now on, until [`GiveUp::reset`]. Waits for nothing:
    /// whoever writes the backup sees it within a chunk, and removes the file.
    pub fn ask(&self) {
        self.0.given_up.store(true, Ordering::Release);
    }

    /// As [`GiveUp::ask`], and removes the unfinished file itself: who ends the process behind this leaves none.
    pub fn now(&self) {
        self.ask();
        if let Some(path) = self.unfinished().take() {
            let _ = fs::remove_file(path);
        }
    }

    /// From now on backups are written again.
    pub fn reset(&self) {
        self.0.given_up.store(false, Ordering::Release);
    }

    /// Whether backups are given up.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.given_up.load(Ordering::Acquire)
    }

    fn unfinished(&self) -> MutexGuard<'_, Option<PathBuf>> {
        self.0.unfinished.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `make` make the file at `path`, which [`GiveUp::now`] removes from then on.
    fn begin<T>(&self, path: &Path, make: impl FnOnce() -> io::Result<T>) -> Result<T, TransferError> {
        let mut unfinished = self.unfinished();
        self.goes_on()?;
        let made = make()?;
        *unfinished = Some(path.to_owned());
        Ok(made)
    }

    fn goes_on(&self) -> Result<(), TransferError> {
        if self.is_asked() { Err(TransferError::GivenUp) } else { Ok(()) }
    }
}

/// Says whether a backup is to be written on.
struct Leave<'a> {
    /// Whether its profile is still there: the keys are in memory after a wipe, and what they open must not outlive it.
    is_there: &'a dyn Fn() -> bool,
    give_up: &'a GiveUp,
}

impl Leave<'_> {
    fn ask(&self) -> Result<(), TransferError> {
        if !(self.is_there)() {
            return Err(TransferError::Wiped);
        }
        self.give_up.goes_on()
    }
}

/// Writes a backup of what `store` holds, while `is_there` says that its profile was not wiped and nobody gives it up.
pub(crate) fn write(
    store: &SealedStore,
    path: &Path,
    sealed: ([u8; HEAD_BYTES], Sealer),
    is_there: &dyn Fn() -> bool,
    give_up: &GiveUp,
) -> Result<(), TransferError> {
    let nameless = || io::Error::new(io::ErrorKind::InvalidInput, "it has no name");
    let (name, folder) = (path.file_name().ok_or_else(nameless)?, folder_of(path));
    // A disk's names are text. The whole file may get one that is none.
    let unfinished = Unfinished { folder, name: format!("{}{UNFINISHED}", name.to_string_lossy()) };
    let place = |unfinished: &str| fs::rename(folder.join(unfinished), path);
    let disk = RealDisk::new(folder);
    write_on(&disk, &unfinished, &place, store, sealed, &Leave { is_there, give_up })
}

/// What a backup is called until it is whole, and the folder in which it then lies.
struct Unfinished<'a> {
    folder: &'a Path,
    name: String,
}

/// At every instant the file of this name is the one that was there before, whole, or the new one, whole. `place` gives
/// the finished one its name.
fn write_on(
    disk: &dyn Disk,
    unfinished: &Unfinished<'_>,
    place: &dyn Fn(&str) -> io::Result<()>,
    store: &SealedStore,
    sealed: ([u8; HEAD_BYTES], Sealer),
    leave: &Leave<'_>,
) -> Result<(), TransferError> {
    let (name, give_up) = (&*unfinished.name, leave.give_up);
    // What an earlier try has left.
    match disk.remove(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        removed => removed?,
    }
    let file = give_up.begin(&unfinished.folder.join(name), || disk.create(name))?;
    let whole = write_whole(&mut Growing { file, bytes: 0, synced: 0 }, store, sealed, leave)
        .and_then(|()| leave.ask());
    let mut under_way = give_up.unfinished();
    // Who gives it up from here on comes too late.
    let placed = whole.and_then(|()| give_up.goes_on()).and_then(|()| Ok(place(name)?));
    if placed.is_err() {
        let _ = disk.remove(name);
    }
    *under_way = None;
    drop(under_way);
    placed?;
    Ok(disk.sync_names()?)
}

fn write_whole(
    file: &mut Growing,
    store: &SealedStore,
    (head, mut sealer): ([u8; HEAD_BYTES], Sealer),
    leave: &Leave<'_>,
) -> Result<(), TransferError> {
    file.put(&head)?;
    let mut writer = Writer::default();
    let mut batch = Batch::new();
    Engine::back_up(&Overlay::new(store, &mut batch), |kept| {
        writer.put(kept);
        while let Some(mut chunk) = writer.chunk() {
            sealer.next(&mut chunk);
            file.put(&chunk)?;
            leave.ask()?;
        }
        Ok::<_, TransferError>(())
    })?;
    let mut rest = writer.finish().peekable();
    while let Some(mut chunk) = rest.next() {
        if rest.peek().is_none() {
            sealer.last(&mut chunk);
            file.put(&chunk)?;
            break;
        }
        sealer.next(&mut chunk);
        file.put(&chunk)?;
    }
    Ok(file.file.sync()?)
}

/// A file that is written from its beginning to its end.
struct Growing {
    file: Box<dyn DiskFile>,
    bytes: u64,
    /// How many of them the disk has for sure.
    synced: u64,
}

impl Growing {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(bytes, self.bytes)?;
        self.bytes += bytes.len() as u64;
        if self.bytes - self.synced >= SYNC_BYTES {
            self.file.sync()?;
            self.synced = self.bytes;
        }
        Ok(())
    }
}

/// Makes a profile in `folder`, which must be absent or empty, of the backup in `path`.
pub(crate) fn restore(
    path: &Path,
    secret: &BackupSecret,
    folder: &Path,
    passphrase: &[u8],
    cost: crypto::vault::Cost,
) -> Result<(), TransferError> {
    place::make(folder, RESTORING, |growing| {
        fill(path, secret, || {
            SealedStore::create(growing, passphrase, cost, Options::default(), &mut rand::rng())
        })
    })
}

/// Makes a store with `make` and puts into it what the backup in `path` holds. A store in which that was cut off holds no
/// owner, and opens as no profile.
fn fill(
    path: &Path,
    secret: &BackupSecret,
    make: impl FnOnce() -> Result<SealedStore, OpenError>,
) -> Result<(), TransferError> {
    let mut file = BufReader::new(File::open(path)?);
    let size = file.get_ref().metadata()?.len();
    let chunks = size.saturating_sub(HEAD_BYTES as u64) / SEALED_CHUNK_BYTES as u64;
    if chunks == 0 || size != HEAD_BYTES as u64 + chunks * SEALED_CHUNK_BYTES as u64 {
        return Err(BackupError::NotABackup.into());
    }
    let mut head = [0; HEAD_BYTES];
    file.read_exact(&mut head)?;
    let mut opener = Opener::new(&head, secret)?;
    // The first chunk says whether it is a backup and whether this opens it: before anything is made.
    let mut first = if chunks > 1 {
        let mut chunk = next(&mut file)?;
        opener.next(&mut chunk)?;
        Some(chunk)
    } else {
        None
    };
    let mut filling = Filling::new(make()?);
    for _ in 1..chunks {
        let chunk = match first.take() {
            Some(chunk) => chunk,
            None => {
                let mut chunk = next(&mut file)?;
                opener.next(&mut chunk)?;
                chunk
            }
        };
        filling.take(&chunk)?;
    }
    let mut last = next(&mut file)?;
    opener.last(&mut last)?;
    filling.take(&last)?;
    filling.finish()
}

/// A store that a backup is put into.
struct Filling {
    store: SealedStore,
    batch: Batch,
    reader: Reader,
    /// Who owns the profile: held back for the last commit, so that before it there is no profile.
    own: Vec<Kept>,
}

impl Filling {
    fn new(store: SealedStore) -> Self {
        Self { store, batch: Batch::new(), reader: Reader::default(), own: Vec::new() }
    }

    fn take(&mut self, chunk: &[u8]) -> Result<(), TransferError> {
        for kept in self.reader.take(chunk)? {
            if kept.table == tables::ME.id {
                self.own.push(kept);
                if self.own.len() > OWN_RECORDS_MAX {
                    return Err(FormatError::Malformed.into());
                }
                continue;
            }
            Engine::restore(&kept, &mut Overlay::new(&self.store, &mut self.batch))?;
            if self.batch.bytes() >= COMMIT_BYTES {
                self.store.commit(std::mem::take(&mut self.batch))?;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), TransferError> {
        self.reader.finish()?;
        let mut overlay = Overlay::new(&self.store, &mut self.batch);
        self.own.iter().try_for_each(|kept| Engine::restore(kept, &mut overlay))?;
        Engine::finish_restore(&mut overlay).map_err(of_content)?;
        self.store.commit(self.batch)?;
        // What does not open as a profile must not become one.
        let now = Now { moment: Moment(0), label_ms: None };
        Engine::load(now, &Overlay::new(&self.store, &mut Batch::new())).map(drop).map_err(of_content)
    }
}

/// A record that cannot be read came from the backup.
fn of_content(error: StoreError) -> TransferError {
    match error {
        StoreError::Corrupt(_) => FormatError::Malformed.into(),
        other => other.into(),
    }
}

fn next(file: &mut impl Read) -> Result<Zeroizing<Vec<u8>>, TransferError> {
    let mut chunk = Zeroizing::new(vec![0; SEALED_CHUNK_BYTES]);
    file.read_exact(&mut chunk)?;
    Ok(chunk)
}

#[cfg(test)]
mod cuts;
