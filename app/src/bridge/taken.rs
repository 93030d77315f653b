//! Files, pictures and the clipboard, on workers that may wait.

use std::time::Duration;

use super::Tell;
use crate::{
    action::Source,
    desktop::{
        clipboard::{self, Opener},
        folder,
        picture::{self, Fault},
    },
    i18n::T,
    model::{Failure, Taken, Update, Wanted},
};

/// How long work may take that asks other programs: under X11 each of three kinds is given up after four seconds, and
/// elsewhere nothing is.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long the worker waits for the clipboard's owner before it goes on, perhaps to a lock.
const CLEARING: Duration = Duration::from_secs(5);

/// Looks for something beside the worker, and answers with `number`. A decoder that falls over ends in a refusal like any
/// other bad file, and so does a program that lends its clipboard and never answers.
pub(super) fn take(tell: &Tell, number: u64, source: Source, open: &Opener) {
    let (tell, open) = (tell.clone(), open.clone());
    tokio::spawn(async move {
        let fallen = || Err(Failure { sentence: T::FailFileKind, detail: String::new() });
        let said = within(PATIENCE, move || look_in(source, &open)).await.unwrap_or_else(fallen);
        tell.say(Update::Taken(number, said)).await;
    });
}

fn look_in(source: Source, open: &Opener) -> Result<Taken, Failure> {
    match source {
        Source::Folder(path) => match folder::list(&path.unwrap_or_else(folder::home)) {
            Ok(folder) => Ok(Taken::Folder(folder)),
            Err(error) => Err(Failure { sentence: T::FailFolder, detail: error.to_string() }),
        },
        Source::File(path, wanted) => found(wanted, picture::read_file(&path, &[wanted.head()])),
        Source::Picture(shot, wanted) => {
            let rgb = |at: usize| shot.pixels.get(at).map_or([0; 3], |p| [p.r(), p.g(), p.b()]);
            found(wanted, picture::read_pixels(shot.size[0], shot.size[1], rgb, &[wanted.head()]))
        }
        Source::Clipboard(wanted) => {
            let said = open()
                .ok_or(Fault::Unreadable)
                .and_then(|mut clipboard| clipboard::find(&mut *clipboard, &[wanted.head()]));
            let nothing = matches!(said, Err(Fault::Unreadable | Fault::Nothing));
            found(wanted, said).map_err(|failure| match nothing {
                true => Failure { sentence: T::FailPaste, ..failure },
                false => failure,
            })
        }
    }
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

fn found(wanted: Wanted, read: Result<String, Fault>) -> Result<Taken, Failure> {
    read.map(|text| Taken::Text(wanted, text)).map_err(|fault| {
        let sentence = match fault {
            Fault::Unreadable => T::FailFile,
            Fault::TooLarge => T::FailFileLarge,
            Fault::Unknown => T::FailFileKind,
            Fault::Nothing => T::FailFileNothing,
        };
        Failure { sentence, detail: String::new() }
    })
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
