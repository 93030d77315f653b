//! The list of chats.

use egui::{RichText, ScrollArea, Ui};

use super::{Views, bubble};
use crate::{
    action::Action,
    i18n::T,
    model::{Bond, Chat, ChatId, Model, Task},
    route::Route,
    text,
    theme::{self, measure, size, space},
    widget::{Cx, button, icon::Icon, page, row},
};

/// What the screen remembers.
#[derive(Default)]
pub(crate) struct Chats {
    search: String,
}

/// Draws the column of chats, `open` marked.
pub(crate) fn show(
    ui: &mut Ui,
    cx: &Cx<'_>,
    model: &Model,
    open: Option<ChatId>,
    views: &mut Views,
) -> Option<Action> {
    let mut asked = None;
    page::bar(ui, cx, |ui| {
        let width = (ui.available_width() - measure::TOUCH - space::S).max(0.0);
        ui.scope(|ui| {
            ui.set_width(width);
            ui.label(RichText::new(cx.tr(T::Chats)).font(theme::strong(size::TITLE)).color(cx.c.ink));
        });
        if button::icon(ui, cx, Icon::UserPlus, T::NewChat).clicked() {
            asked = Some(Action::Go(Route::Add));
        }
    });
    if model.chats.is_empty() {
        // Beside the column, the large part of the window says so.
        return asked.or_else(|| if cx.narrow { none(ui, cx) } else { None });
    }
    ui.add_space(space::S);
    egui::Frame::NONE
        .inner_margin(egui::Margin::symmetric(space::L as i8, 0))
        .show(ui, |ui| button::search(ui, cx, T::SearchChats, &mut views.chats.search));
    page::failure(ui, cx, model, Task::Other);
    let needle = views.chats.search.trim().to_owned();
    let found: Vec<&Chat> =
        model.chats.iter().filter(|chat| needle.is_empty() || matches(chat, &needle)).collect();
    if found.is_empty() {
        ui.add_space(space::L);
        ui.vertical_centered(|ui| page::hint(ui, cx, cx.tr(T::NothingFound)));
        return asked;
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    let clicked =
        ScrollArea::vertical().auto_shrink(false).show_rows(ui, measure::ROW, found.len(), |ui, range| {
            let mut clicked = None;
            for chat in &found[range] {
                if one(ui, cx, chat, open == Some(chat.id), draft(views, chat.id)) {
                    clicked = Some(Action::Go(Route::Chats(Some(chat.id))));
                }
            }
            clicked
        });
    asked.or(clicked.inner)
}

/// Says that there are no chats yet, and leads to the first.
pub(crate) fn none(ui: &mut Ui, cx: &Cx<'_>) -> Option<Action> {
    let step = Some((T::NewChat, Action::Go(Route::Add)));
    page::empty(ui, cx, Icon::Chats, T::NoChatsTitle, T::NoChatsBody, step)
}

fn matches(chat: &Chat, needle: &str) -> bool {
    text::contains(&chat.name, needle)
        || text::contains(&chat.their_name, needle)
        || chat.last.as_ref().is_some_and(|last| text::contains(&last.text, needle))
}

fn draft(views: &Views, id: ChatId) -> Option<&str> {
    views.conversations.get(&id).map(|c| c.composer.draft.trim()).filter(|draft| !draft.is_empty())
}

fn one(ui: &mut Ui, cx: &Cx<'_>, chat: &Chat, chosen: bool, draft: Option<&str>) -> bool {
    let draft = draft.filter(|_| !chosen);
    let (mut sign, time) = chat.last.as_ref().map_or((None, String::new()), |last| {
        (last.delivery.map(|d| bubble::delivery_sign(cx, d, chat.bond)), cx.short_time(last.label_ms))
    });
    let line = match (draft, &chat.last) {
        (Some(draft), _) => {
            sign = None;
            format!("{}: {}", cx.tr(T::Draft), text::line(draft, 120))
        }
        (None, Some(last)) => match last.chose {
            Some(fade) => fade.sentence(cx.lang, last.delivery.is_some(), &chat.name),
            None if last.text.is_empty() => cx.tr(T::NewerKind).to_owned(),
            None => last.text.clone(),
        },
        (None, None) if chat.is_live() => cx.tr(T::NoMessagesYet).to_owned(),
        (None, None) if chat.bond == Bond::Failed => cx.tr(T::NothingGoes).to_owned(),
        (None, None) => cx.tr(T::WaitingForThem).to_owned(),
    };
    let mut spoken = vec![chat.name.clone()];
    if chat.verified {
        spoken.push(cx.tr(T::Verified).to_owned());
    }
    if let Some(other) = &chat.resembles {
        spoken.push(cx.with(T::LooksLike, &[other]));
    }
    if chat.unread > 0 {
        spoken.push(cx.with(T::Unread, &[&chat.unread.to_string()]));
    }
    spoken.extend(sign.as_ref().map(|(_, sentence)| sentence.clone()));
    spoken.push(line.clone());
    spoken.extend((!time.is_empty()).then(|| time.clone()));
    let spoken = spoken.join(", ");
    let shown = row::Row {
        title: &chat.name,
        line: &line,
        marked: draft.is_some(),
        sign: sign.map(|(icon, _)| icon),
        time: &time,
        verified: chat.verified,
        doubtful: chat.resembles.is_some(),
        count: chat.unread,
        chosen,
        seed: chat.seed,
        spoken: &spoken,
    };
    row::show(ui, cx, &shown).clicked()
}
