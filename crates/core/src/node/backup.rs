//! A backup as a file: written whole or not at all, and read into a folder that becomes a profile only at the end.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::Path;

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
    /// The folder cannot become a profile.
    #[error(transparent)]
    Folder(#[from] OpenError),
}

/// Writes a backup of what `store` holds, while `is_there` says that its profile was not wiped.
pub(crate) fn write(
    store: &SealedStore,
    path: &Path,
    sealed: ([u8; HEAD_BYTES], Sealer),
    is_there: &dyn Fn() -> bool,
) -> Result<(), TransferError> {
    let nameless = || io::Error::new(io::ErrorKind::InvalidInput, "it has no name");
    let (name, folder) = (path.file_name().ok_or_else(nameless)?, folder_of(path));
    let disk = RealDisk::new(folder);
    if let Some(name) = name.to_str() {
        return write_on(&disk, name, store, sealed, is_there);
    }
    // A disk's names are text. One that is none is given to the whole file at the end, also at once.
    let like = format!("{}{UNFINISHED}", name.to_string_lossy());
    write_on(&disk, &like, store, sealed, is_there)?;
    fs::rename(folder.join(&like), path)?;
    Ok(disk.sync_names()?)
}

/// At every instant the file of this name is the one that was there before, whole, or the new one, whole.
fn write_on(
    disk: &dyn Disk,
    name: &str,
    store: &SealedStore,
    sealed: ([u8; HEAD_BYTES], Sealer),
    is_there: &dyn Fn() -> bool,
) -> Result<(), TransferError> {
    let unfinished = format!("{name}{UNFINISHED}");
    let written = (|| {
        // What an earlier try has left.
        match disk.remove(&unfinished) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => removed?,
        }
        write_whole(&mut Growing { file: disk.create(&unfinished)?, bytes: 0 }, store, sealed, is_there)?;
        // The keys are still in memory after a wipe: what they open must not outlive it.
        if !is_there() {
            return Err(TransferError::Wiped);
        }
        disk.rename(&unfinished, name)?;
        Ok(disk.sync_names()?)
    })();
    if written.is_err() {
        let _ = disk.remove(&unfinished);
    }
    written
}

fn write_whole(
    file: &mut Growing,
    store: &SealedStore,
    (head, mut sealer): ([u8; HEAD_BYTES], Sealer),
    is_there: &dyn Fn() -> bool,
) -> Result<(), TransferError> {
    file.put(&head)?;
    let mut writer = Writer::default();
    let mut batch = Batch::new();
    Engine::back_up(&Overlay::new(store, &mut batch), |kept| {
        writer.put(kept);
        while let Some(mut chunk) = writer.chunk() {
            sealer.next(&mut chunk);
            file.put(&chunk)?;
            if !is_there() {
                return Err(TransferError::Wiped);
            }
        }
        Ok(())
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
}

impl Growing {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(bytes, self.bytes)?;
        self.bytes += bytes.len() as u64;
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
