//! The lock screen. It names nobody.

use egui::{Key, RichText, ScrollArea, Ui, Vec2};

use super::welcome;
use crate::{
    action::{Action, Command},
    i18n::T,
    model::{Model, Task},
    theme::{self, measure, size, space},
    widget::{
        Cx, button,
        icon::Icon,
        page,
        secret::{self, Secret},
    },
};

/// What the screen remembers.
#[derive(Default)]
pub(crate) struct Unlock {
    passphrase: Secret,
    focused: bool,
}

/// Draws the screen.
pub(crate) fn show(ui: &mut Ui, cx: &Cx<'_>, model: &Model, state: &mut Unlock) -> Option<Action> {
    let room = ui.available_size();
    // With large letters in a small window, what failed and its details are longer than that.
    let area = ScrollArea::vertical().auto_shrink(false);
    area.show(ui, |ui| column(ui, cx, model, state, room)).inner
}

fn column(ui: &mut Ui, cx: &Cx<'_>, model: &Model, state: &mut Unlock, room: Vec2) -> Option<Action> {
    page::column(ui, room.x, measure::FORM, |ui| {
        ui.add_space(((room.y - measure::UNLOCK) / 2.5).max(space::L));
        Icon::Lock.show(ui, size::HUGE, cx.c.jade_ink);
        ui.label(RichText::new(cx.tr(T::Madang)).font(theme::strong(size::HUGE)).color(cx.c.ink));
        page::hint(ui, cx, cx.tr(T::UnlockTitle));
        ui.add_space(space::M);
        let asked = page::card(ui, cx, |ui| {
            let field = secret::show(ui, cx, T::Passphrase, None, &mut state.passphrase);
            if !std::mem::replace(&mut state.focused, true) {
                field.request_focus();
            }
            page::hint(ui, cx, cx.tr(T::InputHint));
            ui.add_space(space::S);
            if model.is_busy(Task::Unlock) {
                page::working(ui, cx, T::Unlocking);
                return None;
            }
            let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            let pressed = button::primary(ui, cx, T::Unlock, true).clicked() || entered;
            page::failure(ui, cx, model, Task::Unlock);
            if !pressed || state.passphrase.as_str().is_empty() {
                return None;
            }
            state.focused = false;
            Some(Action::Do(Command::Unlock { passphrase: state.passphrase.take() }))
        });
        ui.add_space(space::M);
        asked.or(welcome::languages(ui, cx, model.prefs))
    })
}
