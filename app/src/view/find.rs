//! The search in one chat: over everything that is kept, newest first.

use egui::{Align, Key, Layout, Rect, RichText, Ui, UiBuilder, Vec2};

use super::conversation;
use crate::{
    action::{Action, Command},
    i18n::T,
    model::{Chat, Message, MessageKey, Model, Timeline},
    text,
    theme::{self, measure, size, space},
    widget::{Cx, button, icon::Icon, page},
};

/// What the search says of a message.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Hit {
    /// It is not looked for, or there is no search.
    #[default]
    None,
    /// It was found.
    Other,
    /// It is the one of those found that is looked at.
    Current,
}

/// What the search remembers while it is open.
#[derive(Default)]
pub(crate) struct Find {
    text: String,
    /// Which of the found messages is looked at.
    at: usize,
    focused: bool,
    /// The text that has been asked for; nothing after one came back: another chat may have been looked through since.
    asked: Option<String>,
    /// What was found is led to as soon as there is something.
    leads: bool,
    /// That message.
    current: Option<MessageKey>,
    /// The message to go to, until it is loaded.
    goal: Option<MessageKey>,
    /// The part around `goal` has been asked for.
    reading: bool,
    /// The cross was pressed.
    pub(crate) closed: bool,
}

impl Find {
    /// Whether this message is one of those that are looked for.
    pub(crate) fn hit(&self, message: &Message) -> Hit {
        let looked_for = !self.text.trim().is_empty() && text::contains(&message.text, &self.text);
        match looked_for {
            true if self.current == Some(message.key) => Hit::Current,
            true => Hit::Other,
            false => Hit::None,
        }
    }

    /// The message to go to now. One that is not loaded is given once, to be read, and once more when it is here.
    pub(crate) fn take_goal(&mut self, timeline: &Timeline) -> Option<MessageKey> {
        let goal = self.goal?;
        if timeline.find(goal).is_some() {
            self.goal = None;
            return Some(goal);
        }
        (!timeline.asking && !std::mem::replace(&mut self.reading, true)).then_some(goal)
    }

    /// One has come back to the chat: what was found may be forgotten by now, and is looked for again.
    pub(crate) fn come_back(&mut self) {
        self.asked = None;
    }

    fn lead(&mut self, found: &[MessageKey]) {
        self.goal = found.get(self.at).copied();
        self.reading = false;
    }
}

/// Draws the search under the head of a chat, over the column in which its messages stand.
pub(crate) fn show(ui: &mut Ui, cx: &Cx<'_>, model: &Model, chat: &Chat, find: &mut Find) -> Option<Action> {
    let mut asked = None;
    page::bar(ui, cx, |ui| {
        let column = conversation::inner_column(ui.available_rect_before_wrap());
        let row = UiBuilder::new().max_rect(column).layout(Layout::left_to_right(Align::Center));
        asked = ui.scope_builder(row, |ui| line(ui, cx, model, chat, find)).inner;
    });
    asked
}

fn line(ui: &mut Ui, cx: &Cx<'_>, model: &Model, chat: &Chat, find: &mut Find) -> Option<Action> {
    let mut asked = None;
    let buttons = (measure::TOUCH + space::S) * 3.0;
    let field = ui
        .scope(|ui| {
            ui.set_width((ui.available_width() - buttons).max(measure::WORDS_MIN));
            button::search_beside(ui, cx, T::SearchHere, &mut find.text, measure::HITS)
        })
        .inner;
    // Enter leaves the field of one line; the search goes on to the next hit and stays there.
    let enter = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if enter || !std::mem::replace(&mut find.focused, true) {
        field.request_focus();
    }
    let needle = find.text.trim().to_owned();
    if find.asked.as_ref() != Some(&needle) && !(find.asked.is_none() && needle.is_empty()) {
        find.asked = Some(needle.clone());
        (find.at, find.goal, find.leads) = (0, None, true);
        asked = Some(Action::Do(Command::Find(chat.id, needle.clone())));
    }
    let found = model.found.as_ref().filter(|f| f.chat == chat.id && f.text == needle && asked.is_none());
    let keys = found.map_or(&[][..], |f| f.keys.as_slice());
    let some = !keys.is_empty() && !needle.is_empty();
    if some && std::mem::take(&mut find.leads) {
        find.lead(keys);
    }
    let older =
        button::icon_named(ui, cx, Icon::Up, cx.tr(T::PreviousHit), cx.c.ink, some).clicked() || enter;
    let newer = button::icon_named(ui, cx, Icon::Below, cx.tr(T::NextHit), cx.c.ink, some).clicked();
    if some && (older || newer) {
        let step = if older { 1 } else { keys.len() - 1 };
        find.at = (find.at + step) % keys.len();
        find.lead(keys);
    }
    find.current = keys.get(find.at).copied();
    let count = match found {
        _ if needle.is_empty() => Some(String::new()),
        Some(f) if some => {
            let all = keys.len();
            let all =
                if f.more { format!("{all}+") } else { format!("{all}{}", if f.done { "" } else { "…" }) };
            Some(cx.with(T::FoundCount, &[&(find.at + 1).to_string(), &all]))
        }
        Some(f) if f.done => Some(cx.tr(T::FoundNone).to_owned()),
        _ => None,
    };
    tell(ui, cx, field.rect, count.as_deref());
    find.closed = button::icon(ui, cx, Icon::Cross, T::Close).clicked();
    asked
}

/// Writes `count` at the right end of the field, in the room that is left for it there; a spinner while nothing is known.
fn tell(ui: &mut Ui, cx: &Cx<'_>, field: Rect, count: Option<&str>) {
    let place = field.with_min_x(field.right() - measure::HITS).shrink2(Vec2::new(space::S, 0.0));
    let end = UiBuilder::new().max_rect(place).layout(Layout::right_to_left(Align::Center));
    let mut end = ui.new_child(end);
    let Some(count) = count else {
        end.add(egui::Spinner::new().size(size::BODY).color(cx.c.jade)).accessible_name(cx.tr(T::Working));
        return;
    };
    let count = RichText::new(count).font(theme::regular(size::SMALL)).color(cx.c.weak);
    end.add(egui::Label::new(count).extend());
}
