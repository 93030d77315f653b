//! The first start: language, name, passphrase with an honest estimate, or a try without consequences.

use egui::{RichText, ScrollArea, Ui};

use std::path::Path;

use super::{
    backup::{self, Restore},
    passphrase::NewPassphrase,
};
use crate::{
    action::{Action, Command},
    i18n::{Lang, T},
    model::{Model, Prefs, Task},
    text,
    theme::{self, measure, size, space},
    widget::{Cx, button, page},
};

/// Longest name, in characters.
pub(crate) const NAME_CHARS_MAX: usize = 40;

/// What the screen remembers.
#[derive(Default)]
pub(crate) struct Welcome {
    name: String,
    passphrase: NewPassphrase,
    understood: bool,
    tried: bool,
    /// Coming back from a backup instead.
    restore: Option<Restore>,
}

impl Welcome {
    /// Turns to the form for a backup.
    pub(crate) fn restore(&mut self) {
        self.restore.get_or_insert_default();
    }

    /// Takes the backup that was chosen.
    pub(crate) fn take(&mut self, path: &Path) {
        self.restore.get_or_insert_default().take(path);
    }
}

/// Draws the screen: what it is and a try beside the form, or over it where the window is narrow.
pub(crate) fn show(ui: &mut Ui, cx: &Cx<'_>, model: &Model, state: &mut Welcome) -> Option<Action> {
    let form_wide = measure::FORM + space::XXL * 2.0;
    let both = form_wide + measure::FORM + space::XXL;
    let room = ui.available_size();
    let beside = room.x >= both + space::XXL * 2.0;
    ScrollArea::vertical()
        .auto_shrink(false)
        .show(ui, |ui| {
            if beside {
                return page::column(ui, room.x, both, |ui| {
                    ui.add_space(((room.y - measure::WELCOME) / 2.5).max(0.0));
                    ui.horizontal_top(|ui| {
                        let side = ui.vertical(|ui| {
                            ui.set_width(measure::FORM);
                            let asked = about(ui, cx, model, state);
                            ui.add_space(space::L);
                            page::hint(ui, cx, cx.tr(T::Unaudited));
                            asked
                        });
                        ui.add_space(space::XXL - space::S);
                        let made = ui.vertical(|ui| {
                            ui.set_width(form_wide);
                            page::card(ui, cx, |ui| form(ui, cx, model, state))
                        });
                        side.inner.or(made.inner)
                    })
                    .inner
                });
            }
            page::column(ui, room.x, form_wide, |ui| {
                let asked = about(ui, cx, model, state);
                ui.add_space(space::L);
                let made = page::card(ui, cx, |ui| form(ui, cx, model, state));
                ui.add_space(space::M);
                page::hint(ui, cx, cx.tr(T::Unaudited));
                asked.or(made)
            })
        })
        .inner
}

/// The product in a sentence, and the try without consequences.
fn about(ui: &mut Ui, cx: &Cx<'_>, model: &Model, state: &mut Welcome) -> Option<Action> {
    let mut asked = languages(ui, cx, model.prefs);
    ui.add_space(space::L);
    ui.label(RichText::new(cx.tr(T::Madang)).font(theme::strong(size::HUGE)).color(cx.c.jade_ink));
    page::prose(ui, cx, cx.tr(T::Tagline));
    // Why a profile that was open a moment ago is there no more.
    page::failure(ui, cx, model, Task::Unlock);
    ui.add_space(space::L);
    let tried = page::card(ui, cx, |ui| {
        page::hint(ui, cx, cx.tr(T::DemoExplained));
        ui.add_space(space::S);
        button::quiet(ui, cx, T::TryDemo, model.busy.is_empty()).clicked()
    });
    if tried {
        let name = cx.tr(T::PracticeName).to_owned();
        asked = Some(Action::Do(Command::Practice { name, korean: cx.lang == Lang::Ko }));
    }
    if state.restore.is_none() {
        ui.add_space(space::M);
        if button::quiet(ui, cx, T::RestoreTitle, model.busy.is_empty()).clicked() {
            state.restore();
        }
    }
    asked
}

/// The choice of language, in the languages' own names.
pub(crate) fn languages(ui: &mut Ui, cx: &Cx<'_>, prefs: Prefs) -> Option<Action> {
    let mut asked = None;
    ui.horizontal(|ui| {
        for lang in Lang::ALL {
            if button::choice(ui, cx, lang.own_name(), lang == prefs.language).clicked() {
                asked = Some(Action::Do(Command::Keep(Prefs { language: lang, ..prefs })));
            }
        }
    });
    asked
}

fn form(ui: &mut Ui, cx: &Cx<'_>, model: &Model, state: &mut Welcome) -> Option<Action> {
    if let Some(restore) = &mut state.restore {
        let (cancelled, asked) = backup::restore(ui, cx, model, restore);
        if cancelled {
            state.restore = None;
        }
        return asked;
    }
    ui.label(RichText::new(cx.tr(T::CreateProfile)).font(theme::strong(size::TITLE)).color(cx.c.ink));
    ui.add_space(space::S);
    button::field(ui, cx, T::ProfileName, Some(T::ProfileNameHint), &mut state.name, NAME_CHARS_MAX);
    state.passphrase.show(ui, cx, T::Passphrase);
    ui.add_space(space::S);
    page::info(ui, cx, cx.tr(T::NoRecovery));
    ui.add_space(space::S);
    button::tick(ui, cx, &mut state.understood, T::Understood);
    ui.add_space(space::S);
    if model.is_busy(Task::Create) {
        page::working(ui, cx, T::CreatingProfile);
        return None;
    }
    let pressed = button::primary(ui, cx, T::CreateProfile, true).clicked();
    state.tried |= pressed;
    let wanting = wanting(state);
    if let Some(word) = wanting.filter(|_| state.tried) {
        ui.add_space(space::S);
        page::warning(ui, cx, cx.tr(word));
        if pressed {
            ui.scroll_to_cursor(Some(egui::Align::BOTTOM));
        }
    }
    page::failure(ui, cx, model, Task::Create);
    if !pressed || wanting.is_some() {
        return None;
    }
    state.understood = false;
    state.tried = false;
    Some(Action::Do(Command::Create { name: text::typed(&state.name), passphrase: state.passphrase.take() }))
}

/// What keeps the profile from being made.
fn wanting(state: &Welcome) -> Option<T> {
    if text::name(&state.name).is_empty() {
        Some(T::NameMissing)
    } else {
        state.passphrase.wanting().or((!state.understood).then_some(T::TickUnderstood))
    }
}
