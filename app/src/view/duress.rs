//! The passphrase for who is forced to open something, and what it does not do.

use egui::Ui;

use super::{passphrase::NewPassphrase, welcome};
use crate::{
    action::{Action, Command, Sure},
    i18n::T,
    model::{Model, Task},
    text,
    theme::space,
    widget::{Cx, button, page},
};

/// What the part of settings remembers.
#[derive(Default)]
pub(crate) struct Duress {
    /// The form is unfolded.
    open: bool,
    name: String,
    passphrase: NewPassphrase,
    destroys: bool,
    tried: bool,
}

/// Draws the part of settings.
pub(crate) fn show(ui: &mut Ui, cx: &Cx<'_>, model: &Model, state: &mut Duress) -> Option<Action> {
    page::hint(ui, cx, cx.tr(T::DuressExplained));
    ui.add_space(space::S);
    page::warning(ui, cx, cx.tr(T::DuressNot));
    ui.add_space(space::S);
    if state.open {
        button::field(ui, cx, T::DuressName, None, &mut state.name, welcome::NAME_CHARS_MAX);
        state.passphrase.show(ui, cx, T::DuressPassphrase);
        ui.add_space(space::S);
        button::tick(ui, cx, &mut state.destroys, T::DuressDestroys);
        ui.add_space(space::S);
    }
    if model.is_busy(Task::Duress) {
        page::working(ui, cx, T::CreatingProfile);
        return None;
    }
    let (set, remove) = ui
        .horizontal_wrapped(|ui| {
            let set = button::quiet(ui, cx, T::DuressSet, true).clicked();
            (set, button::danger(ui, cx, T::DuressRemove, true).clicked())
        })
        .inner;
    // The first press unfolds the form.
    let unfolded = state.open;
    state.open |= set;
    let set = set && unfolded;
    state.tried |= set;
    let wanting = if text::name(&state.name).is_empty() {
        Some(T::DuressNameMissing)
    } else {
        state.passphrase.wanting()
    };
    if let Some(word) = wanting.filter(|_| state.tried) {
        ui.add_space(space::S);
        page::warning(ui, cx, cx.tr(word));
    }
    page::failure(ui, cx, model, Task::Duress);
    if remove {
        return Some(Action::Ask(Sure::Decoy));
    }
    if !set || wanting.is_some() {
        return None;
    }
    let Duress { name, mut passphrase, destroys, .. } = std::mem::take(state);
    let (name, passphrase) = (text::typed(&name), passphrase.take());
    Some(Action::Do(Command::SetDuress { name, passphrase, destroys }))
}
