//! What is known about a contact, and the own name for them.

use egui::{RichText, Ui};

use super::{fade, welcome::NAME_CHARS_MAX};
use crate::{
    action::{Action, Command, Sure},
    i18n::T,
    model::{Bond, Chat, ChatId, Model, Task},
    route::Route,
    text,
    theme::{self, measure, size, space},
    widget::{Cx, avatar, button, icon::Icon, page},
};

/// What the screen remembers.
#[derive(Default)]
pub(crate) struct Contact {
    editing: Option<(ChatId, String)>,
}

/// Draws the details of `chat`.
pub(crate) fn show(
    ui: &mut Ui,
    cx: &Cx<'_>,
    model: &Model,
    chat: &Chat,
    state: &mut Contact,
) -> Option<Action> {
    if state.editing.as_ref().is_none_or(|(id, _)| *id != chat.id) {
        state.editing = Some((chat.id, chat.name.clone()));
    }
    page::show(ui, cx, cx.tr(T::ContactDetails), Some(Route::Chats(Some(chat.id))), |ui| {
        let mut asked = None;
        ui.vertical_centered(|ui| {
            avatar::show(ui, measure::AVATAR_LARGE, &chat.name, chat.seed);
            ui.add_space(space::XS);
            ui.add(
                egui::Label::new(RichText::new(&chat.name).font(theme::strong(size::LARGE)).color(cx.c.ink))
                    .truncate(),
            );
            if !chat.their_name.is_empty() && chat.their_name != chat.name {
                page::hint(ui, cx, &cx.with(T::TheyCallThemselves, &[&chat.their_name]));
            }
            let (icon, word, ink) = if chat.verified {
                (Icon::Verified, T::Verified, cx.c.jade_ink)
            } else {
                (Icon::Warning, T::NotVerified, cx.c.weak)
            };
            let label = ui.label(icon.beside(cx.tr(word), size::SMALL, ink));
            label.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, cx.tr(word)));
            if let Some(other) = &chat.resembles {
                ui.label(
                    RichText::new(cx.with(T::LooksLikeAdvice, &[other]))
                        .font(theme::regular(size::SMALL))
                        .color(cx.c.persimmon),
                );
            }
        });
        ui.add_space(space::L);
        page::card(ui, cx, |ui| {
            if let Some((_, name)) = &mut state.editing {
                button::field(ui, cx, T::TheirName, Some(T::TheirNameHint), name, NAME_CHARS_MAX);
                let changed = !text::name(name).is_empty() && text::name(name) != chat.name;
                if button::quiet(ui, cx, T::Rename, changed && !model.is_busy(Task::Rename)).clicked() {
                    asked = Some(Action::Do(Command::Rename(chat.id, text::typed(name))));
                }
                page::failure(ui, cx, model, Task::Rename);
            }
        });
        ui.add_space(space::M);
        ui.horizontal_wrapped(|ui| {
            if button::primary(ui, cx, T::OpenChat, true).clicked() {
                asked = Some(Action::Go(Route::Chats(Some(chat.id))));
            }
            if chat.is_live() && button::quiet(ui, cx, T::VerifyAction, true).clicked() {
                asked = Some(Action::Go(Route::Verify(chat.id)));
            }
        });
        ui.add_space(space::XL);
        if chat.writable && chat.bond != Bond::Failed && !model.me.called_back {
            page::section(ui, cx, T::FadeHead, |ui| {
                page::hint(ui, cx, &cx.with(T::FadeExplained, &[&chat.name]));
                ui.add_space(space::S);
                if let Some(fade) = fade::choices(ui, cx, chat.fade) {
                    asked = Some(Action::Do(Command::SetFade(chat.id, fade)));
                }
                page::failure(ui, cx, model, Task::Fade);
            });
        }
        if chat.is_live() && !model.me.called_back {
            page::section(ui, cx, T::RenewHead, |ui| asked = renew(ui, cx, model, chat).or(asked.take()));
        }
        page::section(ui, cx, T::OnThisComputer, |ui| {
            page::hint(ui, cx, cx.tr(T::OnThisComputerExplained));
            ui.add_space(space::S);
            let idle = !model.is_busy(Task::Erase);
            ui.horizontal_wrapped(|ui| {
                if chat.writable && button::danger(ui, cx, T::ClearChat, idle).clicked() {
                    asked = Some(Action::Ask(Sure::History(chat.id)));
                }
                if button::danger(ui, cx, T::RemoveContact, idle).clicked() {
                    asked = Some(Action::Ask(Sure::Contact(chat.id)));
                }
            });
            page::failure(ui, cx, model, Task::Erase);
        });
        match chat.bond {
            Bond::Live => {}
            Bond::Waiting => {
                ui.add_space(space::M);
                page::info(ui, cx, cx.tr(T::WaitingExplained));
            }
            Bond::Failed => {
                ui.add_space(space::M);
                page::warning(ui, cx, cx.tr(T::NothingGoes));
                page::hint(ui, cx, cx.tr(T::NothingGoesAdvice));
            }
        }
        asked
    })
}

/// Replacing keys that others may know.
fn renew(ui: &mut Ui, cx: &Cx<'_>, model: &Model, chat: &Chat) -> Option<Action> {
    page::hint(ui, cx, cx.tr(T::RenewExplained));
    ui.add_space(space::S);
    if chat.renewing {
        page::info(ui, cx, &cx.with(T::RenewComing, &[&chat.name]));
        return None;
    }
    let pressed = button::quiet(ui, cx, T::RenewAct, !model.is_busy(Task::Keys)).clicked();
    page::failure(ui, cx, model, Task::Keys);
    pressed.then_some(Action::Ask(Sure::Keys(chat.id)))
}
