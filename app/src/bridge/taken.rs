//! Files, pictures and the clipboard, on workers that may wait.

use std::{path::PathBuf, sync::Arc, time::Duration};

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

/// How long work may take that asks other programs: under X11 each of three kinds is given up after four seconds, and
/// elsewhere nothing is.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long the worker waits for the clipboard's owner before it goes on, perhaps to a lock.
const CLEARING: Duration = Duration::from_secs(5);

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

/// Empties the clipboard if `text` still lies on it. Whoever lends it and keeps silent holds nothing up.
pub(super) async fn clear_clipboard(tell: &Tell, text: zeroize::Zeroizing<String>) {
    let cleared = within(CLEARING, move || clipboard::clear_if(&text)).await;
    tell.say(Update::Clipboard(cleared.unwrap_or(clipboard::Cleared::Unseen))).await;
}

/// What comes of slow work, unless it falls over or takes too long; then it is left to itself.
async fn within<Found: Send + 'static>(
    time: Duration,
    does: impl FnOnce() -> Found + Send + 'static,
) -> Option<Found> {
    tokio::time::timeout(time, tokio::task::spawn_blocking(does)).await.ok()?.ok()
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

/// Does slow work beside the worker. A decoder that falls over ends in a refusal like any other bad file, and so does a
/// program that lends its clipboard and never answers.
fn work(tell: &Tell, does: impl FnOnce() -> Result<Update, Failure> + Send + 'static) {
    let tell = tell.clone();
    tokio::spawn(async move {
        tell.say(Update::Began(Task::Take)).await;
        let fallen = || Err(Failure { sentence: T::FailFileKind, detail: String::new() });
        match within(PATIENCE, does).await.unwrap_or_else(fallen) {
            Ok(update) => {
                tell.say(update).await;
                tell.done(Task::Take).await;
            }
            Err(failure) => tell.say(Update::Failed(Task::Take, failure)).await,
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_lends_the_clipboard_and_never_answers_holds_nobody_up() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let (answer, never) = std::sync::mpsc::channel::<()>();
        runtime.block_on(async {
            assert_eq!(within(Duration::from_millis(20), move || never.recv().is_ok()).await, None);
            assert_eq!(within(PATIENCE, || 7).await, Some(7));
            assert_eq!(within(PATIENCE, || -> u8 { panic!("as a decoder may") }).await, None);
        });
        // Now the thread that was left behind may end.
        drop(answer);
    }
}
