//! All contacts, by name.

use egui::{CornerRadius, Rect, ScrollArea, Stroke, StrokeKind, Ui, Vec2};

use crate::{
    action::Action,
    i18n::T,
    model::{Bond, Chat, Model},
    route::Route,
    theme::{self, measure, radius, size, space, stroke},
    widget::{Cx, button, icon::Icon, page, row},
};

/// Draws the list of people.
pub(crate) fn show(ui: &mut Ui, cx: &Cx<'_>, model: &Model) -> Option<Action> {
    let mut asked = None;
    page::bar(ui, cx, |ui| {
        let width = (ui.available_width() - measure::TOUCH - space::S).max(0.0);
        ui.scope(|ui| {
            ui.set_width(width);
            ui.label(egui::RichText::new(cx.tr(T::People)).font(theme::strong(size::TITLE)).color(cx.c.ink));
        });
        if button::icon(ui, cx, Icon::UserPlus, T::NewChat).clicked() {
            asked = Some(Action::Go(Route::Add));
        }
    });
    if model.chats.is_empty() {
        let step = Some((T::NewChat, Action::Go(Route::Add)));
        return asked.or(page::empty(ui, cx, Icon::Users, T::NoPeopleTitle, T::NoChatsBody, step));
    }
    let mut people: Vec<&Chat> = model.chats.iter().collect();
    people.sort_by(|a, b| a.name.to_lowercase().cmp(&b.name.to_lowercase()).then(a.id.cmp(&b.id)));
    if !cx.narrow {
        ui.add_space(space::XL);
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    let room = ui.available_width();
    let clicked =
        ScrollArea::vertical().auto_shrink(false).show_rows(ui, measure::ROW, people.len(), |ui, range| {
            let mut clicked = None;
            let mut column = ui.available_rect_before_wrap();
            if !cx.narrow {
                column.min.x += ((room - measure::READING) / 2.0).max(0.0);
                column.set_width(measure::READING);
            }
            let ui = &mut ui.new_child(egui::UiBuilder::new().max_rect(column));
            if !cx.narrow {
                sheet(ui, cx, column, range.start, people.len());
            }
            for chat in &people[range] {
                let line = match (chat.bond, chat.verified) {
                    (Bond::Waiting, _) => cx.tr(T::WaitingForThem),
                    (Bond::Failed, _) => cx.tr(T::NothingGoes),
                    (Bond::Live, true) => cx.tr(T::Verified),
                    (Bond::Live, false) => cx.tr(T::NotVerified),
                };
                let spoken = format!("{}, {line}", chat.name);
                let shown = row::Row {
                    title: &chat.name,
                    line,
                    marked: false,
                    sign: None,
                    time: "",
                    verified: chat.verified,
                    doubtful: chat.resembles.is_some(),
                    count: 0,
                    chosen: false,
                    seed: chat.seed,
                    spoken: &spoken,
                };
                if row::show(ui, cx, &shown).clicked() {
                    clicked = Some(Action::Go(Route::Contact(chat.id)));
                }
            }
            clicked
        });
    asked.or(clicked.inner)
}

/// Paints the card on which all rows lie; `column` begins with row `first` of `count`.
fn sheet(ui: &Ui, cx: &Cx<'_>, column: Rect, first: usize, count: usize) {
    let top = column.top() - measure::ROW * first as f32;
    let all = Rect::from_min_size(
        egui::pos2(column.left(), top),
        Vec2::new(column.width(), measure::ROW * count as f32),
    );
    let edge = Stroke::new(stroke::HAIR, cx.c.line);
    ui.painter().rect(all, CornerRadius::same(radius::M), cx.c.raised, edge, StrokeKind::Inside);
}
