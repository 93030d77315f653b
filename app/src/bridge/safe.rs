//! Backups, and the end of everything.

use std::{path::PathBuf, sync::mpsc};

use madang_core::{BackupError, BackupSecret, Config, Events, Node, NodeError, TransferError};

use super::{Tell, failure::failure};
use crate::{
    action::By,
    i18n::T,
    model::{Failure, Notice, Update, Words},
};

/// Writes a backup to a file that is not there yet. Returns the words that open it, if it is words that do.
pub(super) async fn back_up(node: &Node, path: PathBuf, by: By) -> Result<Option<Words>, Failure> {
    let (words, secret) = match by {
        By::Words { korean } => {
            let (words, secret) = madang_cli::ask::recovery_words(korean);
            (Some(Words::new(words)), secret)
        }
        By::Passphrase(passphrase) => (None, typed(&passphrase)?),
    };
    if tokio::fs::symlink_metadata(&path).await.is_ok() {
        return Err(Failure { sentence: T::FailBackupThere, detail: String::new() });
    }
    node.back_up(&path, &secret).await.map_err(|error| failure(&error, T::FailBackup))?;
    Ok(words)
}

/// Makes a profile in `folder` of the backup in `path`.
pub(super) async fn restore(
    path: PathBuf,
    secret: &str,
    folder: &std::path::Path,
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

/// Waits on a thread of its own for the word to destroy the profile, so that nothing that is under way delays it.
/// `end` ends the process.
pub(super) fn wait_to_wipe(
    folder: PathBuf,
    tell: Tell,
    end: impl Fn() + Send + 'static,
) -> std::io::Result<mpsc::Sender<()>> {
    let (word, words) = mpsc::channel();
    let wait = move || {
        for () in words {
            match madang_core::wipe(&folder) {
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
