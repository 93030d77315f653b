//! Backups, and the end of everything.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};

use madang_core::{BackupError, BackupSecret, Config, Events, GiveUp, Node, NodeError, TransferError};

use super::{Tell, failure::failure};
use crate::{
    i18n::T,
    model::{Failure, Notice, Update, Words},
};

/// How long the process that is to end waits until what it has lying about is gone: a disk may hang.
const REMOVE_MAX: Duration = Duration::from_secs(2);
/// How often a folder in which somebody writes is removed again.
const ATTEMPTS: usize = 8;

/// What a process that ends at once must not leave lying about, beside its profile.
#[derive(Clone, Default)]
pub(super) struct Traces {
    /// Backups that are being written: neither a lock nor the end of the window waits for them.
    pub(super) backups: GiveUp,
    practice: Arc<Mutex<Option<PathBuf>>>,
}

impl Traces {
    /// The folder in which somebody practises, or none.
    pub(super) fn practise_in(&self, folder: Option<PathBuf>) {
        *self.practice.lock().unwrap_or_else(PoisonError::into_inner) = folder;
    }

    /// Removes what can be removed in a short while.
    fn remove(&self) {
        let (done, is_done) = mpsc::channel();
        let traces = self.clone();
        let remove = move || {
            traces.backups.now();
            let practice = traces.practice.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(folder) = practice {
                let _ = (0..ATTEMPTS).any(|_| std::fs::remove_dir_all(&folder).is_ok());
            }
            done.send(()).unwrap_or_default();
        };
        if std::thread::Builder::new().name("traces".into()).spawn(remove).is_ok() {
            let _ = is_done.recv_timeout(REMOVE_MAX);
        }
    }
}

/// Draws words for a backup that is to be written to this file, where there is nothing yet. Nothing is written: a file
/// that they alone open must not be there before somebody has them.
pub(super) async fn draw_words(path: &Path, korean: bool) -> Result<Words, Failure> {
    is_free(path).await?;
    Ok(Words::new(madang_cli::ask::recovery_words(korean).0))
}

/// Writes a backup to a file that is not there yet.
pub(super) async fn back_up(node: &Node, path: &Path, secret: &str, give_up: &GiveUp) -> Result<(), Failure> {
    let secret = typed(secret)?;
    is_free(path).await?;
    node.back_up_until(path, &secret, give_up).await.map_err(|error| failure(&error, T::FailBackup))
}

async fn is_free(path: &Path) -> Result<(), Failure> {
    match tokio::fs::symlink_metadata(path).await {
        Ok(_) => Err(Failure { sentence: T::FailBackupThere, detail: String::new() }),
        Err(_) => Ok(()),
    }
}

/// Makes a profile in `folder` of the backup in `path`.
pub(super) async fn restore(
    path: PathBuf,
    secret: &str,
    folder: &Path,
    passphrase: &str,
) -> Result<(Node, Events), Failure> {
    let secret = typed(secret)?;
    Node::restore(&path, &secret, folder, passphrase.as_bytes(), Config::default())
        .await
        .map_err(|error| failure(&error, T::FailRestore))
}

fn typed(text: &str) -> Result<BackupSecret, Failure> {
    BackupSecret::typed(text).map_err(|error| failure(&wrong(error), T::FailWords))
}

fn wrong(error: BackupError) -> NodeError {
    NodeError::Backup(TransferError::Sealed(error))
}

/// Waits on a thread of its own for the word to destroy the profile, so that nothing that is under way delays it. What
/// lies about beside goes behind it. `end` ends the process.
pub(super) fn wait_to_wipe(
    folder: PathBuf,
    tell: Tell,
    traces: Traces,
    end: impl Fn() + Send + 'static,
) -> std::io::Result<mpsc::Sender<()>> {
    let (word, words) = mpsc::channel();
    let wait = move || {
        for () in words {
            traces.backups.ask();
            let wiped = madang_core::wipe(&folder);
            traces.remove();
            match wiped {
                Ok(_) => end(),
                // Nothing is there to be destroyed.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => end(),
                Err(error) => tell.say_blocking(Update::Notice(Notice {
                    sentence: T::FailWipe,
                    parts: vec![error.to_string()],
                    trouble: true,
                })),
            }
        }
    };
    std::thread::Builder::new().name("wipe".into()).spawn(wait)?;
    Ok(word)
}

/// Ends the process at once: nothing of it runs any more that could write, and no trace of a crash is kept.
pub(crate) fn end_now() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::exit(0);
}
