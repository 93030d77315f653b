//! Asking once more before something is destroyed, and saying what that does not do.

use egui::{RichText, Ui};

use crate::{
    action::{Action, Command, Sure},
    i18n::T,
    model::{ChatId, Model},
    theme::{self, measure, size, space},
    widget::{Cx, button, page},
};

impl Sure {
    fn words(self) -> (T, T, T) {
        match self {
            Sure::Message(..) => (T::DeleteMessageTitle, T::DeleteMessageBody, T::DeleteMessage),
            Sure::History(_) => (T::ClearChatTitle, T::ClearChatBody, T::ClearChat),
            Sure::Contact(_) => (T::RemoveContactTitle, T::RemoveContactBody, T::RemoveContact),
            Sure::Profile => (T::WipeTitle, T::WipeBody, T::WipeAct),
            Sure::Decoy => (T::DuressRemoveTitle, T::DuressRemoveBody, T::DuressRemove),
            Sure::Keys(_) => (T::RenewTitle, T::RenewBody, T::RenewAct),
            Sure::Device => (T::CallBackTitle, T::CallBackBody, T::CallBackAct),
        }
    }

    fn chat(self) -> Option<ChatId> {
        match self {
            Sure::Message(chat, _) | Sure::History(chat) | Sure::Contact(chat) | Sure::Keys(chat) => {
                Some(chat)
            }
            Sure::Profile | Sure::Decoy | Sure::Device => None,
        }
    }

    fn command(self) -> Command {
        match self {
            Sure::Message(_, key) => Command::DeleteMessage(key),
            Sure::History(chat) => Command::ClearChat(chat),
            Sure::Contact(chat) => Command::RemoveContact(chat),
            Sure::Profile => Command::Wipe,
            Sure::Decoy => Command::RemoveDuress,
            Sure::Keys(chat) => Command::Suspect(chat),
            Sure::Device => Command::CallBack,
        }
    }
}

/// Draws the question. The first part says that it is to be closed.
pub(crate) fn show(ui: &mut Ui, cx: &Cx<'_>, model: &Model, sure: Sure) -> (bool, Option<Action>) {
    ui.set_width(measure::FORM.min(ui.ctx().content_rect().width() - space::XXL * 2.0));
    let (title, body, act) = sure.words();
    let name = sure.chat().and_then(|chat| model.chat(chat)).map_or("", |chat| chat.name.as_str());
    let title = RichText::new(cx.with(title, &[name])).font(theme::strong(size::TITLE)).color(cx.c.ink);
    ui.add(egui::Label::new(title).wrap());
    ui.add_space(space::S);
    page::prose(ui, cx, &cx.with(body, &[name]));
    if sure == Sure::Profile {
        ui.add_space(space::S);
        page::warning(ui, cx, cx.tr(T::WipeNot));
    }
    ui.add_space(space::M);
    let (mut done, mut asked) = (false, None);
    ui.horizontal_wrapped(|ui| {
        let cancel = button::quiet(ui, cx, T::Cancel, true);
        if ui.memory(|memory| memory.focused().is_none()) {
            cancel.request_focus();
        }
        done |= cancel.clicked();
        if button::danger(ui, cx, act, true).clicked() {
            done = true;
            asked = Some(Action::Do(sure.command()));
        }
    });
    (done, asked)
}
