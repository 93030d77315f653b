//! Files, pictures and the clipboard, on workers that may wait.

use std::{path::PathBuf, sync::Arc};

use super::Tell;
use crate::{
    desktop::{
        clipboard::{self, Opener},
        folder,
        picture::{self, Fault},
    },
    i18n::T,
    model::{Failure, Task, Update, Wanted},
};

/// Lists a folder.
pub(super) fn look(tell: &Tell, path: Option<PathBuf>) {
    work(tell, move || match folder::list(&path.unwrap_or_else(folder::home)) {
        Ok(folder) => Ok(Update::Folder(folder)),
        Err(error) => Err(Failure { sentence: T::FailFolder, detail: error.to_string() }),
    });
}

/// Looks for something in a file.
pub(super) fn read_file(tell: &Tell, path: PathBuf, wanted: Wanted) {
    work(tell, move || found(wanted, picture::read_file(&path, &[wanted.head()])));
}

/// Looks for something in a picture from the clipboard.
pub(super) fn read_picture(tell: &Tell, shot: Arc<egui::ColorImage>, wanted: Wanted) {
    work(tell, move || {
        let rgb = |at: usize| shot.pixels.get(at).map_or([0; 3], |p| [p.r(), p.g(), p.b()]);
        found(wanted, picture::read_pixels(shot.size[0], shot.size[1], rgb, &[wanted.head()]))
    });
}

/// Looks for something on the clipboard.
pub(super) fn read_clipboard(tell: &Tell, open: Opener, wanted: Wanted) {
    work(tell, move || {
        let said = open()
            .ok_or(Fault::Unreadable)
            .and_then(|mut clipboard| clipboard::find(&mut *clipboard, &[wanted.head()]));
        let nothing = matches!(said, Err(Fault::Unreadable | Fault::Nothing));
        found(wanted, said).map_err(|failure| match nothing {
            true => Failure { sentence: T::FailPaste, ..failure },
            false => failure,
        })
    });
}

/// Empties the clipboard if `text` still lies on it.
pub(super) async fn clear_clipboard(tell: &Tell, text: zeroize::Zeroizing<String>) {
    let cleared = tokio::task::spawn_blocking(move || clipboard::clear_if(&text)).await;
    tell.say(Update::Clipboard(cleared.unwrap_or(clipboard::Cleared::Unseen))).await;
}

fn found(wanted: Wanted, read: Result<String, Fault>) -> Result<Update, Failure> {
    read.map(|text| Update::Taken(wanted, text)).map_err(|fault| {
        let sentence = match fault {
            Fault::Unreadable => T::FailFile,
            Fault::TooLarge => T::FailFileLarge,
            Fault::Unknown => T::FailFileKind,
            Fault::Nothing => T::FailFileNothing,
        };
        Failure { sentence, detail: String::new() }
    })
}

/// Does slow work beside the worker. A decoder that falls over ends in a refusal like any other bad file.
fn work(tell: &Tell, does: impl FnOnce() -> Result<Update, Failure> + Send + 'static) {
    let tell = tell.clone();
    tokio::spawn(async move {
        tell.say(Update::Began(Task::Take)).await;
        let fallen = || Err(Failure { sentence: T::FailFileKind, detail: String::new() });
        match tokio::task::spawn_blocking(does).await.unwrap_or_else(|_| fallen()) {
            Ok(update) => {
                tell.say(update).await;
                tell.done(Task::Take).await;
            }
            Err(failure) => tell.say(Update::Failed(Task::Take, failure)).await,
        }
    });
}
