//! A conversation: its head, its messages, the way to write.

use std::collections::{BTreeMap, BTreeSet};

use egui::{CornerRadius, Frame, Margin, Rect, RichText, Sense, Stroke, Ui, Vec2};

use super::{
    bubble::{self, Place, Pressed, Shape, Talk},
    composer::{self, Composer, Sent},
    find::{self, Find, Hit},
};
use crate::{
    action::{Action, Command, Sure},
    i18n::T,
    model::{Bond, Chat, MessageKey, Model, PageAt, Timeline},
    route::Route,
    theme::{self, measure, radius, size, space, stroke},
    widget::{
        Cx, avatar, button,
        icon::Icon,
        page,
        stream::{Rows, Stream, Visible},
    },
};

/// Rows before an end of the loaded part at which more is asked for.
const ASK_AHEAD_ROWS: usize = 40;

/// Long messages shown whole at a time.
const WHOLE_MAX: usize = 32;

/// What the screen remembers of one chat.
#[derive(Default)]
pub(crate) struct Conversation {
    /// The text being written.
    pub(crate) composer: Composer,
    /// Where the reader is.
    stream: Stream,
    /// Long messages that are shown whole.
    whole: BTreeSet<MessageKey>,
    /// Messages that pages have led to so far.
    goals_seen: u32,
    /// The search, while it is open.
    find: Option<Find>,
}

impl Conversation {
    /// Opens the search, or closes it.
    pub(crate) fn toggle_find(&mut self) {
        self.find = if self.find.is_some() { None } else { Some(Find::default()) };
        self.composer.focus = false;
    }

    /// Closes the search; whether there was one.
    pub(crate) fn close_find(&mut self) -> bool {
        self.find.take().is_some()
    }

    /// Shows all of a long message.
    pub(crate) fn show_whole(&mut self, key: MessageKey) {
        if self.whole.len() >= WHOLE_MAX {
            self.whole.clear();
        }
        self.whole.insert(key);
    }

    /// Goes to a message that is loaded.
    #[cfg(feature = "gallery")]
    pub(crate) fn lead_to(&mut self, key: MessageKey) {
        self.stream.go_to_row(key, 0.0);
    }

    /// Goes to the newest message and focuses the field.
    pub(crate) fn arrive(&mut self) {
        if let Some(find) = &mut self.find {
            find.come_back();
        }
        self.stream.go_to_end();
        self.composer.focus = true;
    }
}

/// Draws the conversation with `chat`.
pub(crate) fn show(
    ui: &mut Ui,
    cx: &Cx<'_>,
    model: &Model,
    chat: &Chat,
    state: &mut Conversation,
) -> Option<Action> {
    let empty = Timeline::default();
    let timeline = model.timelines.get(&chat.id).unwrap_or(&empty);
    let mut asked = head(ui, cx, chat);
    let mut goal = None;
    if let Some(find) = &mut state.find {
        asked = find::show(ui, cx, model, chat, find).or(asked);
        goal = find.take_goal(timeline);
    }
    state.find = state.find.take().filter(|find| !find.closed);

    if !chat.writable {
        return asked.or(first_words(ui, cx, chat));
    }
    let answered = state.composer.reply_to.and_then(|key| timeline.find(key));
    let foot = egui::Panel::bottom(egui::Id::unique(("foot", chat.id)))
        .frame(
            Frame::NONE
                .inner_margin(Margin { bottom: space::S as i8, ..Margin::symmetric(space::L as i8, 0) }),
        )
        .show_separator_line(false)
        .show(ui, |ui| {
            let column = egui::UiBuilder::new().max_rect(inner_column(ui.available_rect_before_wrap()));
            ui.scope_builder(column, |ui| match chat.bond {
                Bond::Failed => closed(ui, cx, T::NothingGoes, Some(T::NothingGoesAdvice)),
                _ if model.me.called_back => closed(ui, cx, T::CalledBack, None),
                _ => composer::show(ui, cx, chat, answered, model.prefs.enter_sends, &mut state.composer),
            })
            .inner
        });
    if let Some(Sent { text, reply_to }) = foot.inner {
        state.stream.go_to_end();
        asked = Some(Action::Do(Command::Send { chat: chat.id, text, reply_to }));
    }
    let below = messages(ui, cx, chat, timeline, state, goal);
    asked.or(below)
}

/// Stands where one would write, as wide as the bubbles above: why nothing can be written.
fn closed(ui: &mut Ui, cx: &Cx<'_>, why: T, advice: Option<T>) -> Option<Sent> {
    let bubbles = measure::TALK - space::L * 2.0;
    ui.set_max_width(bubbles.min(ui.available_width() - measure::SCROLL));
    ui.add_space(space::S);
    page::warning(ui, cx, cx.tr(why));
    if let Some(advice) = advice {
        page::hint(ui, cx, cx.tr(advice));
    }
    ui.add_space(space::S);
    None
}

/// The part of `room` in which a conversation stands: all of it, or a column of `widest` in its middle.
fn column(room: Rect, widest: f32) -> Rect {
    room.shrink2(Vec2::new((room.width() - widest).max(0.0) / 2.0, 0.0))
}

/// The same of a `room` that has begun to the right of the messages' edge, and ends to the left of it: what stands in
/// it ends where they do.
pub(super) fn inner_column(room: Rect) -> Rect {
    column(room, measure::TALK - space::L * 2.0)
}

fn head(ui: &mut Ui, cx: &Cx<'_>, chat: &Chat) -> Option<Action> {
    let mut asked = None;
    page::bar(ui, cx, |ui| {
        if cx.narrow && button::icon(ui, cx, Icon::Back, T::Back).clicked() {
            asked = Some(Action::Go(Route::Chats(None)));
        }
        avatar::show(ui, measure::AVATAR_SMALL, &chat.name, chat.seed);
        let buttons = (measure::TOUCH + space::S) * 2.0;
        let width = (ui.available_width() - buttons).max(0.0);
        ui.scope(|ui| {
            ui.set_width(width);
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = space::HAIR;
                ui.add_space(space::M);
                ui.add(
                    egui::Label::new(
                        RichText::new(&chat.name).font(theme::strong(size::BODY)).color(cx.c.ink),
                    )
                    .truncate(),
                );
                let (word, ink) = match (chat.bond, chat.verified) {
                    (Bond::Waiting, _) => (T::WaitingForThem, cx.c.persimmon),
                    (Bond::Failed, _) => (T::NothingGoes, cx.c.danger),
                    (Bond::Live, true) => (T::Verified, cx.c.jade_ink),
                    (Bond::Live, false) => (T::NotVerified, cx.c.weak),
                };
                let (word, ink) = match &chat.resembles {
                    Some(other) => (cx.with(T::LooksLike, &[other]), cx.c.persimmon),
                    None => (cx.tr(word).to_owned(), ink),
                };
                ui.add(
                    egui::Label::new(RichText::new(word).font(theme::regular(size::TINY)).color(ink))
                        .truncate(),
                );
            });
        });
        if button::icon(ui, cx, Icon::Search, T::SearchHere).clicked() {
            asked = Some(Action::FindInChat);
        }
        if button::icon(ui, cx, Icon::Info, T::ContactDetails).clicked() {
            asked = Some(Action::Go(Route::Contact(chat.id)));
        }
    });
    asked
}

fn messages(
    ui: &mut Ui,
    cx: &Cx<'_>,
    chat: &Chat,
    timeline: &Timeline,
    state: &mut Conversation,
    goal: Option<MessageKey>,
) -> Option<Action> {
    if timeline.loaded && timeline.messages.is_empty() {
        return first_words(ui, cx, chat);
    }
    let view_height = ui.available_height();
    if state.goals_seen != timeline.goal.0 {
        state.goals_seen = timeline.goal.0;
        state.stream.go_to(timeline.goal.1, view_height);
    }
    let mut asked = None;
    if let Some(goal) = goal {
        asked = lead_to(chat, timeline, &mut state.stream, goal, view_height);
    }
    let keys: Vec<MessageKey> = timeline.messages.iter().map(|m| m.key).collect();
    let width = (ui.available_width() - measure::SCROLL).min(measure::TALK);
    let mut shapes: BTreeMap<usize, Shape> = BTreeMap::new();
    let loaded = Rows { keys: &keys, more_after: timeline.more_after, part: &|row| timeline.part(row) };
    let visible = state.stream.layout(ui, cx.tr(T::Messages), &loaded, |ui, at| {
        let place = Place {
            before: at.checked_sub(1).and_then(|before| timeline.messages.get(before)),
            name: &chat.name,
            first_unread: timeline.first_unread == Some(keys[at]),
            whole: state.whole.contains(&keys[at]),
        };
        shapes.entry(at).or_insert_with(|| bubble::shape(ui, cx, &timeline.messages[at], place, width)).tall
    });
    if let Some(part) = visible.wanted {
        let place = timeline.place_at(part);
        let row = timeline.messages.partition_point(|m| m.place < place);
        let beyond = (row == 0 && timeline.more_before) || (row == keys.len() && timeline.more_after);
        match keys.get(row.min(keys.len().saturating_sub(1))) {
            Some(key) if !beyond => state.stream.go_to_row(*key, 0.0),
            _ if timeline.asking => {}
            _ => asked = Some(Action::Do(Command::Read(chat.id, PageAt::Around(place)))),
        }
    }

    let mut child =
        ui.new_child(egui::UiBuilder::new().max_rect(visible.view).id_salt(("messages", chat.id)));
    child.set_clip_rect(visible.view.intersect(ui.clip_rect()));
    let talk = column(visible.view, measure::TALK);
    for (at, rect) in &visible.rows {
        let (message, Some(shape)) = (&timeline.messages[*at], shapes.get(at)) else { continue };
        let hit = state.find.as_ref().map_or(Hit::None, |find| find.hit(message));
        // Of a row that begins above the view the lower part is seen, at its place.
        let row = Rect::from_x_y_ranges(talk.intersect(*rect).x_range(), rect.y_range());
        let talk = Talk { name: &chat.name, bond: chat.bond, hit };
        match bubble::paint(&mut child, cx, message, shape, row, talk) {
            Some(Pressed::Reply) => {
                state.composer.reply_to = Some(message.key);
                state.composer.unkept = true;
                state.composer.focus = true;
            }
            Some(Pressed::Copy) => asked = Some(Action::Copy(message.text.clone())),
            Some(Pressed::Delete) => asked = Some(Action::Ask(Sure::Message(chat.id, message.key))),
            Some(Pressed::Trail) => asked = Some(Action::Trail(chat.id, message.key)),
            Some(Pressed::Quoted(key)) => {
                asked = lead_to(chat, timeline, &mut state.stream, key, view_height).or(asked);
            }
            Some(Pressed::Whole) => state.show_whole(message.key),
            None => {}
        }
    }
    if !visible.at_end && jump(ui, cx, chat, visible.view) {
        state.stream.go_to_end();
        if timeline.more_after {
            asked = Some(Action::Do(Command::Read(chat.id, PageAt::Newest)));
        }
    }
    asked.or_else(|| next_page(chat, timeline, &visible)).or_else(|| news(ui, chat, timeline, &visible))
}

/// What is new to the other world about what the reader has before the eyes now: each message once.
fn news(ui: &Ui, chat: &Chat, timeline: &Timeline, visible: &Visible) -> Option<Action> {
    let covered = ui.ctx().memory(|memory| memory.top_modal_layer().is_some());
    if covered || !ui.input(|input| input.focused) {
        return None;
    }
    let in_view = visible.rows.iter().filter(|(_, rect)| is_in_view(*rect, visible.view));
    let fading = in_view
        .filter_map(|(at, _)| timeline.messages.get(*at))
        .filter(|m| m.fades.is_some() && !m.mine && !m.shown);
    let places: Vec<u64> = fading.map(|m| m.place).collect();
    if !places.is_empty() {
        return Some(Action::Do(Command::Shown(chat.id, places)));
    }
    let (last, _) = visible.rows.last().filter(|_| visible.at_end && chat.unread > 0)?;
    Some(Action::Do(Command::Seen(chat.id, timeline.messages.get(*last)?.place)))
}

/// Whether a row stands before the reader: all of it, or half a view of one that is taller than that.
pub(crate) fn is_in_view(row: Rect, view: Rect) -> bool {
    row.intersect(view).height() + measure::ROUNDING >= row.height().min(view.height() / 2.0)
}

/// Goes to a message, or asks for the part in which it stands.
fn lead_to(
    chat: &Chat,
    timeline: &Timeline,
    stream: &mut Stream,
    key: MessageKey,
    view_height: f32,
) -> Option<Action> {
    if timeline.find(key).is_some() {
        stream.go_to_row(key, view_height);
        return None;
    }
    (!timeline.asking).then_some(Action::Do(Command::Read(chat.id, PageAt::Message(key))))
}

/// The page that a reader near an end of the loaded part will need.
fn next_page(chat: &Chat, timeline: &Timeline, visible: &Visible) -> Option<Action> {
    if timeline.asking {
        return None;
    }
    if !timeline.loaded {
        // It was dropped to make room for others.
        return Some(Action::Do(Command::Read(chat.id, PageAt::Unread)));
    }
    let (first, last) = (timeline.messages.first()?, timeline.messages.last()?);
    let top = visible.rows.first().map_or(0, |(at, _)| *at);
    let foot = visible.rows.last().map_or(0, |(at, _)| *at);
    let at = if timeline.more_before && top < ASK_AHEAD_ROWS {
        PageAt::Before(first.place)
    } else if timeline.more_after && foot + ASK_AHEAD_ROWS >= timeline.messages.len() {
        PageAt::After(last.place)
    } else {
        return None;
    };
    Some(Action::Do(Command::Read(chat.id, at)))
}

fn first_words(ui: &mut Ui, cx: &Cx<'_>, chat: &Chat) -> Option<Action> {
    let (icon, title, body) = match chat.bond {
        Bond::Live => (Icon::Lock, T::NoMessagesYet, T::FirstWords),
        Bond::Waiting => (Icon::Hourglass, T::WaitingForThem, T::WaitingExplained),
        Bond::Failed => (Icon::Warning, T::NothingGoes, T::NothingGoesAdvice),
    };
    page::empty(ui, cx, icon, title, body, None)
}

/// The button over the messages that leads to the newest.
fn jump(ui: &mut Ui, cx: &Cx<'_>, chat: &Chat, view: Rect) -> bool {
    let label = if chat.unread > 0 {
        cx.with(T::JumpLatestCount, &[&chat.unread.to_string()])
    } else {
        cx.tr(T::JumpLatest).to_owned()
    };
    let galley = ui.painter().layout_no_wrap(label.clone(), theme::strong(size::SMALL), cx.c.ink);
    let wide = galley.size().x + size::TITLE + space::L * 2.0 + space::S;
    let area = Rect::from_center_size(
        egui::pos2(view.center().x, view.bottom() - space::S - measure::TOUCH / 2.0),
        Vec2::new(wide, measure::TOUCH),
    );
    let response = ui.interact(area, ui.scope_id().with("jump"), Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &label));
    let round = CornerRadius::same(radius::PILL);
    let ground = if response.hovered() { cx.c.quiet_hover } else { cx.c.raised };
    let edge = if response.has_focus() {
        Stroke::new(stroke::RING, cx.c.jade)
    } else {
        Stroke::new(stroke::HAIR, cx.c.line)
    };
    ui.painter().rect(area, round, ground, edge, egui::StrokeKind::Inside);
    Icon::Down.paint(
        ui.painter(),
        area.left_center() + Vec2::new(space::L + size::TITLE / 2.0, 0.0),
        size::TITLE,
        cx.c.jade_ink,
    );
    ui.painter().galley(
        egui::pos2(area.left() + space::L + size::TITLE + space::S, area.center().y - galley.size().y / 2.0),
        galley,
        cx.c.ink,
    );
    response.clicked()
}
