//! Backups: writing one in settings, coming back from one on the first screen. Each says what it does not do.

use std::path::{Path, PathBuf};

use egui::{Grid, RichText, Ui};
use zeroize::Zeroizing;

use super::passphrase::NewPassphrase;
use crate::{
    action::{Action, Choice, Command},
    i18n::{Lang, T},
    model::{Model, Task, Words},
    theme::{self, size, space},
    widget::{
        Cx, button, page,
        path::PathText,
        secret::{self, Secret},
    },
};

/// What a backup is called where only its folder was chosen.
const NAME: &str = "madang.backup";
/// Recovery words in one line.
const WORDS_IN_LINE: usize = 3;

/// What the part of settings remembers.
#[derive(Default)]
pub(crate) struct BackUp {
    path: PathText,
    by_passphrase: bool,
    passphrase: NewPassphrase,
    tried: bool,
    /// Words that have been drawn, until the backup that they open is there.
    words: Option<Words>,
}

impl BackUp {
    /// Takes the folder that was chosen.
    pub(crate) fn take(&mut self, folder: &Path) {
        self.path.set(&folder.join(NAME));
    }

    /// Shows the words. The backup is written once they have been noted.
    pub(crate) fn show_words(&mut self, words: Words) {
        self.words = Some(words);
    }

    /// The backup that they open is written.
    pub(crate) fn forget_words(&mut self) {
        self.words = None;
    }
}

/// What the form on the first screen remembers.
#[derive(Default)]
pub(crate) struct Restore {
    path: PathText,
    secret: Secret,
    passphrase: NewPassphrase,
    tried: bool,
}

impl Restore {
    /// Takes the file that was chosen.
    pub(crate) fn take(&mut self, path: &Path) {
        self.path.set(path);
    }
}

/// Draws the part of settings.
pub(crate) fn write(ui: &mut Ui, cx: &Cx<'_>, model: &Model, state: &mut BackUp) -> Option<Action> {
    if let Some(words) = state.words.clone() {
        return noted(ui, cx, model, state, &words);
    }
    page::hint(ui, cx, cx.tr(T::BackupExplained));
    ui.add_space(space::S);
    page::warning(ui, cx, cx.tr(T::BackupNot));
    ui.add_space(space::S);
    let chars = PathText::CHARS_MAX;
    button::field(ui, cx, T::BackupPath, Some(T::BackupPathHint), &mut state.path.text, chars);
    let place = button::quiet(ui, cx, T::BackupPlace, !model.is_busy(Task::Backup)).clicked();
    ui.add_space(space::S);
    ui.horizontal_wrapped(|ui| {
        for (by_passphrase, word) in [(false, T::BackupByWords), (true, T::BackupByPassphrase)] {
            if button::choice(ui, cx, cx.tr(word), state.by_passphrase == by_passphrase).clicked() {
                state.by_passphrase = by_passphrase;
            }
        }
    });
    ui.add_space(space::S);
    if state.by_passphrase {
        state.passphrase.show(ui, cx, T::BackupPassphrase);
    } else {
        page::hint(ui, cx, cx.tr(T::BackupWordsExplained));
    }
    ui.add_space(space::S);
    if model.is_busy(Task::Backup) {
        page::working(ui, cx, T::BackupWriting);
        return None;
    }
    let pressed = button::quiet(ui, cx, T::BackupWrite, true).clicked();
    state.tried |= pressed;
    let path = whole(&state.path);
    let wanting = match &path {
        None => Some(T::PathWhole),
        Some(_) if state.by_passphrase => state.passphrase.wanting(),
        Some(_) => None,
    };
    if let Some(word) = wanting.filter(|_| state.tried) {
        ui.add_space(space::S);
        page::warning(ui, cx, cx.tr(word));
    }
    page::failure(ui, cx, model, Task::Backup);
    if place {
        return Some(Action::Choose(Choice::Place));
    }
    let path = path.filter(|_| pressed && wanting.is_none())?;
    state.tried = false;
    Some(Action::Do(if state.by_passphrase {
        Command::BackUp { path, secret: state.passphrase.take() }
    } else {
        Command::DrawWords { path, korean: cx.lang == Lang::Ko }
    }))
}

/// Shows the words to be noted. Who says that they are lets the backup be written: a file that only they open is not
/// there before.
fn noted(ui: &mut Ui, cx: &Cx<'_>, model: &Model, state: &mut BackUp, words: &Words) -> Option<Action> {
    ui.label(RichText::new(cx.tr(T::WordsTitle)).font(theme::strong(size::BODY)).color(cx.c.ink));
    ui.add_space(space::S);
    page::warning(ui, cx, cx.tr(T::WordsOnce));
    ui.add_space(space::S);
    Grid::new("words").num_columns(WORDS_IN_LINE).spacing([space::XL, space::S]).show(ui, |ui| {
        for (at, word) in words.each().enumerate() {
            let text = RichText::new(format!("{}. {word}", at + 1)).font(theme::strong(size::TITLE));
            ui.add(egui::Label::new(text.color(cx.c.ink)).selectable(false));
            if (at + 1) % WORDS_IN_LINE == 0 {
                ui.end_row();
            }
        }
    });
    ui.add_space(space::M);
    page::hint(ui, cx, &cx.with(T::WordsThen, &[&state.path.text]));
    ui.add_space(space::S);
    if model.is_busy(Task::Backup) {
        page::working(ui, cx, T::BackupWriting);
        return None;
    }
    let (pressed, cancelled) = ui
        .horizontal_wrapped(|ui| {
            let pressed = button::primary(ui, cx, T::WordsNoted, true).clicked();
            (pressed, button::quiet(ui, cx, T::Cancel, true).clicked())
        })
        .inner;
    page::failure(ui, cx, model, Task::Backup);
    if cancelled {
        state.words = None;
    }
    let path = whole(&state.path).filter(|_| pressed)?;
    let secret = Zeroizing::new(words.each().collect::<Vec<_>>().join(" "));
    Some(Action::Do(Command::BackUp { path, secret }))
}

/// Draws the form. The first part says that one would rather make a new profile.
pub(crate) fn restore(
    ui: &mut Ui,
    cx: &Cx<'_>,
    model: &Model,
    state: &mut Restore,
) -> (bool, Option<Action>) {
    ui.label(RichText::new(cx.tr(T::RestoreTitle)).font(theme::strong(size::TITLE)).color(cx.c.ink));
    ui.add_space(space::S);
    page::warning(ui, cx, cx.tr(T::RestoreNot));
    ui.add_space(space::S);
    let chars = PathText::CHARS_MAX;
    button::field(ui, cx, T::RestoreFile, Some(T::BackupPathHint), &mut state.path.text, chars);
    let choose = button::quiet(ui, cx, T::ChooseFile, !model.is_busy(Task::Restore)).clicked();
    ui.add_space(space::S);
    secret::show(ui, cx, T::RestoreSecret, None, &mut state.secret);
    state.passphrase.show(ui, cx, T::RestorePassphrase);
    ui.add_space(space::S);
    if model.is_busy(Task::Restore) {
        page::working(ui, cx, T::Restoring);
        return (false, None);
    }
    let (pressed, cancelled) = ui
        .horizontal_wrapped(|ui| {
            let pressed = button::primary(ui, cx, T::RestoreAct, true).clicked();
            (pressed, button::quiet(ui, cx, T::Cancel, true).clicked())
        })
        .inner;
    state.tried |= pressed;
    let path = whole(&state.path);
    let wanting = if path.is_none() {
        Some(T::PathWhole)
    } else if state.secret.as_str().is_empty() {
        Some(T::RestoreSecretMissing)
    } else {
        state.passphrase.wanting()
    };
    if let Some(word) = wanting.filter(|_| state.tried) {
        ui.add_space(space::S);
        page::warning(ui, cx, cx.tr(word));
        if pressed {
            ui.scroll_to_cursor(Some(egui::Align::BOTTOM));
        }
    }
    page::failure(ui, cx, model, Task::Restore);
    if choose {
        return (cancelled, Some(Action::Choose(Choice::Backup)));
    }
    let Some(path) = path.filter(|_| pressed && wanting.is_none()) else { return (cancelled, None) };
    state.tried = false;
    let (secret, passphrase) = (state.secret.take(), state.passphrase.take());
    (cancelled, Some(Action::Do(Command::Restore { path, secret, passphrase })))
}

/// A path from the root on; another would depend on where the program was started.
fn whole(said: &PathText) -> Option<PathBuf> {
    Some(said.path()).filter(|path| path.is_absolute() && path.file_name().is_some())
}
