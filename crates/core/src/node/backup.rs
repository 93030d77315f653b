//! A backup as a file: written whole or not at all, and read into a folder that becomes a profile only at the end.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use crypto::backup::{BackupError, BackupSecret, HEAD_BYTES, Opener, SEALED_CHUNK_BYTES, Sealer};
use proto::id::Moment;
use proto::store::{Batch, Overlay, Store as _, StoreError};
use store::{OpenError, Options, SealedStore, Wiped};
use zeroize::Zeroizing;

use crate::backup::{FormatError, Reader, Writer};
use crate::engine::{Engine, Now};

/// Bytes of records that share one commit while a profile is restored.
const COMMIT_BYTES: usize = 4 << 20;

/// What the name of a folder ends in while a profile is restored into it.
const RESTORING: &str = ".restoring";

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
    /// The folder cannot become a profile.
    #[error(transparent)]
    Folder(#[from] OpenError),
}

/// Writes a backup of what `store` holds.
pub(crate) fn write(
    store: &SealedStore,
    path: &Path,
    (head, mut sealer): ([u8; HEAD_BYTES], Sealer),
) -> Result<(), TransferError> {
    let unfinished = beside(path, ".unfinished");
    let written = (|| {
        let mut file = io::BufWriter::new(create_private(&unfinished)?);
        file.write_all(&head)?;
        let mut writer = Writer::default();
        let mut batch = Batch::new();
        Engine::back_up(&Overlay::new(store, &mut batch), |kept| {
            writer.put(kept);
            while let Some(mut chunk) = writer.chunk() {
                sealer.next(&mut chunk);
                file.write_all(&chunk)?;
            }
            Ok::<_, TransferError>(())
        })?;
        let mut rest = writer.finish().peekable();
        while let Some(mut chunk) = rest.next() {
            if rest.peek().is_none() {
                sealer.last(&mut chunk);
                file.write_all(&chunk)?;
                break;
            }
            sealer.next(&mut chunk);
            file.write_all(&chunk)?;
        }
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        sync_folder_of(path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// Makes a profile in `folder`, which must be absent or empty, of the backup in `path`.
pub(crate) fn restore(
    path: &Path,
    secret: &BackupSecret,
    folder: &Path,
    passphrase: &[u8],
    cost: crypto::vault::Cost,
) -> Result<(), TransferError> {
    if fs::read_dir(folder).is_ok_and(|mut names| names.next().is_some()) || folder.is_file() {
        return Err(OpenError::AlreadyThere.into());
    }
    let growing = beside(folder, RESTORING);
    discard(&growing)?;
    let restored = fill(path, secret, &growing, passphrase, cost).and_then(|()| {
        // An empty folder gives way to the full one.
        fs::rename(&growing, folder)?;
        sync_folder_of(folder)
    });
    if restored.is_err() {
        let _ = discard(&growing);
    }
    restored
}

/// Destroys the keys of the profile in `folder`, then deletes what it can of the rest. It needs no passphrase and works
/// while the profile is open or being restored, in this process or another one.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] if there is no profile; any other error says that the keys may still be there.
pub fn wipe(folder: &Path) -> io::Result<Wiped> {
    // What is being restored first: it takes the profile's name when it is complete, not the other way round.
    match (store::wipe(&beside(folder, RESTORING)), store::wipe(folder)) {
        (Err(error), own) if error.kind() == io::ErrorKind::NotFound => own,
        (grown, Err(error)) if error.kind() == io::ErrorKind::NotFound => grown,
        (grown, own) => Ok(Wiped { is_empty: grown?.is_empty & own?.is_empty }),
    }
}

fn fill(
    path: &Path,
    secret: &BackupSecret,
    folder: &Path,
    passphrase: &[u8],
    cost: crypto::vault::Cost,
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
    let mut reader = Reader::default();
    // The first chunk says whether it is a backup and whether this opens it: before anything is made.
    let mut first = if chunks > 1 {
        let mut chunk = next(&mut file)?;
        opener.next(&mut chunk)?;
        Some(chunk)
    } else {
        None
    };
    let mut store = SealedStore::create(folder, passphrase, cost, Options::default(), &mut rand::rng())?;
    let mut batch = Batch::new();
    for _ in 1..chunks {
        let chunk = match first.take() {
            Some(chunk) => chunk,
            None => {
                let mut chunk = next(&mut file)?;
                opener.next(&mut chunk)?;
                chunk
            }
        };
        take(&mut store, &mut batch, &mut reader, &chunk)?;
    }
    let mut last = next(&mut file)?;
    opener.last(&mut last)?;
    take(&mut store, &mut batch, &mut reader, &last)?;
    reader.finish()?;
    Engine::finish_restore(&mut Overlay::new(&store, &mut batch)).map_err(of_content)?;
    store.commit(batch)?;
    // What does not open as a profile must not become one.
    let now = Now { moment: Moment(0), label_ms: None };
    Engine::load(now, &Overlay::new(&store, &mut Batch::new())).map(drop).map_err(of_content)
}

fn take(
    store: &mut SealedStore,
    batch: &mut Batch,
    reader: &mut Reader,
    chunk: &[u8],
) -> Result<(), TransferError> {
    for kept in reader.take(chunk)? {
        Engine::restore(&kept, &mut Overlay::new(store, batch))?;
        if batch.bytes() >= COMMIT_BYTES {
            store.commit(std::mem::take(batch))?;
        }
    }
    Ok(())
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

/// A name beside another, for what is not complete yet.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

fn create_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    File::options().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Removes what an earlier try has left, and nothing else: only what a store makes may lie there.
fn discard(growing: &Path) -> Result<(), TransferError> {
    let names = match fs::read_dir(growing) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        names => names?,
    };
    for name in names {
        let name = name?.file_name();
        let name = name.to_string_lossy();
        // A kill leaves a store at any stage of its making, the first of which is its lock.
        if !["lock", "key", "key.new", "key.old", "index"].contains(&&*name) && !name.ends_with(".log") {
            return Err(OpenError::AlreadyThere.into());
        }
    }
    Ok(fs::remove_dir_all(growing)?)
}

fn sync_folder_of(path: &Path) -> Result<(), TransferError> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wipe_reaches_what_is_being_restored() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("profile");
        for there in [vec![".restoring"], vec![""], vec![".restoring", ""]] {
            for ending in &there {
                let cost = crypto::vault::Cost::for_tests();
                let place = beside(&folder, ending);
                SealedStore::create(&place, b"lamp", cost, Options::default(), &mut rand::rng())
                    .expect("a store");
            }
            assert!(wipe(&folder).expect("a wipe").is_empty);
            for ending in ["", ".restoring"] {
                assert!(!SealedStore::is_in(&beside(&folder, ending)), "{there:?}");
            }
        }
    }
}
