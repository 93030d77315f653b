//! The frame of a page: a head, a column of readable width, cards, hints.

use egui::{
    Align, Color32, CornerRadius, Frame, Layout, Margin, Rect, RichText, ScrollArea, Stroke, Ui, UiBuilder,
    Vec2,
};

use super::{Cx, button, icon::Icon};
use crate::{
    action::Action,
    i18n::T,
    model::{Failure, Model, Task},
    route::Route,
    theme::{self, measure, radius, size, space, stroke},
};

/// A page with a head and a scrolling column. Returns what its contents or its head ask.
pub(crate) fn show(
    ui: &mut Ui,
    cx: &Cx<'_>,
    title: &str,
    back: Option<Route>,
    add: impl FnOnce(&mut Ui) -> Option<Action>,
) -> Option<Action> {
    let mut asked = None;
    bar(ui, cx, |ui| {
        if let Some(route) = back
            && button::icon(ui, cx, Icon::Back, T::Back).clicked()
        {
            asked = Some(Action::Go(route));
        }
        ui.add(
            egui::Label::new(RichText::new(title).font(theme::strong(size::TITLE)).color(cx.c.ink))
                .truncate(),
        );
    });
    let room = ui.available_width();
    let inner = ScrollArea::vertical()
        .id_salt(title)
        .auto_shrink(false)
        .show(ui, |ui| column(ui, room, measure::READING, add))
        .inner;
    asked.or(inner)
}

/// The bar at the head of a page or column.
pub(crate) fn bar(ui: &mut Ui, cx: &Cx<'_>, add: impl FnOnce(&mut Ui)) {
    let (rect, _) =
        ui.allocate_exact_size(Vec2::new(ui.available_width(), measure::BAR), egui::Sense::hover());
    ui.painter().hline(
        rect.x_range(),
        rect.bottom() - stroke::HAIR / 2.0,
        Stroke::new(stroke::HAIR, cx.c.line),
    );
    let inner = rect.shrink2(Vec2::new(space::L, 0.0));
    ui.scope_builder(UiBuilder::new().max_rect(inner).layout(Layout::left_to_right(Align::Center)), |ui| {
        ui.set_clip_rect(rect.intersect(ui.clip_rect()));
        add(ui);
    });
}

/// A column of at most `width`, in the middle of a page that is `room` wide: it stands at the same place whether a
/// scroll bar takes some of that or not.
pub(crate) fn column<R>(ui: &mut Ui, room: f32, width: f32, add: impl FnOnce(&mut Ui) -> R) -> R {
    let width = width.min(room - space::L * 2.0).max(0.0);
    let side = ((room - width) / 2.0).max(space::L);
    Frame::NONE
        .inner_margin(Margin { left: side as i8, right: 0, top: 0, bottom: 0 })
        .show(ui, |ui| {
            // i8 margins end at 127; the rest of the side is plain space.
            let rest = side - f32::from(side as i8);
            ui.horizontal_top(|ui| {
                ui.add_space(rest);
                ui.vertical(|ui| {
                    ui.set_width(width);
                    ui.add_space(space::XL);
                    let out = add(ui);
                    ui.add_space(space::XXL);
                    out
                })
                .inner
            })
            .inner
        })
        .inner
}

/// A part of a page with a head.
pub(crate) fn section<R>(ui: &mut Ui, cx: &Cx<'_>, head: T, add: impl FnOnce(&mut Ui) -> R) -> R {
    ui.label(RichText::new(cx.tr(head)).font(theme::strong(size::BODY)).color(cx.c.ink));
    ui.add_space(space::XS);
    let out = card(ui, cx, add);
    ui.add_space(space::L);
    out
}

/// A raised sheet over the full width.
pub(crate) fn card<R>(ui: &mut Ui, cx: &Cx<'_>, add: impl FnOnce(&mut Ui) -> R) -> R {
    Frame::NONE
        .fill(cx.c.raised)
        .stroke(Stroke::new(stroke::HAIR, cx.c.line))
        .corner_radius(CornerRadius::same(radius::M))
        .inner_margin(Margin::same(space::L as i8))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            add(ui)
        })
        .inner
}

/// A sign with lines of words beside it. Returns a place as wide as `end` at the right; it and the sign stand in the
/// middle of the words, however many lines these are.
pub(crate) fn beside(ui: &mut Ui, sign: (Icon, Color32), end: f32, add: impl FnOnce(&mut Ui)) -> Rect {
    let (icon, ink) = sign;
    let mut room = ui.available_rect_before_wrap();
    let (left, right) = (room.left(), room.right());
    room.min.x += size::LARGE + space::S;
    room.max.x -= if end > 0.0 { end + space::S } else { 0.0 };
    let words = ui.scope_builder(UiBuilder::new().max_rect(room), |ui| {
        ui.set_width(room.width());
        ui.spacing_mut().item_spacing.y = space::XXS;
        add(ui);
    });
    let middle = words.response.rect.center().y;
    icon.paint(ui.painter(), egui::pos2(left + size::LARGE / 2.0, middle), size::LARGE, ink);
    Rect::from_center_size(egui::pos2(right - end / 2.0, middle), Vec2::splat(end))
}

/// A quiet sentence.
pub(crate) fn hint(ui: &mut Ui, cx: &Cx<'_>, text: &str) {
    ui.add(
        egui::Label::new(
            RichText::new(text)
                .font(theme::regular(size::SMALL))
                .color(cx.c.weak)
                .line_height(Some(size::SMALL * measure::LEADING)),
        )
        .wrap(),
    );
}

/// A sentence to read.
pub(crate) fn prose(ui: &mut Ui, cx: &Cx<'_>, text: &str) {
    ui.add(
        egui::Label::new(
            RichText::new(text)
                .font(theme::regular(size::BODY))
                .color(cx.c.ink)
                .line_height(Some(size::BODY * measure::LEADING)),
        )
        .wrap(),
    );
}

/// A sentence that warns.
pub(crate) fn warning(ui: &mut Ui, cx: &Cx<'_>, text: &str) {
    note(ui, cx, text, Icon::Warning, true);
}

/// A sentence that explains.
pub(crate) fn info(ui: &mut Ui, cx: &Cx<'_>, text: &str) {
    note(ui, cx, text, Icon::Info, false);
}

fn note(ui: &mut Ui, cx: &Cx<'_>, text: &str, icon: Icon, trouble: bool) {
    let (ground, ink) =
        if trouble { (cx.c.persimmon_soft, cx.c.persimmon) } else { (cx.c.indigo_soft, cx.c.indigo) };
    Frame::NONE
        .fill(ground)
        .corner_radius(CornerRadius::same(radius::M))
        .inner_margin(Margin::same(space::M as i8))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal_top(|ui| {
                icon.show(ui, size::TITLE, ink);
                ui.add(
                    egui::Label::new(
                        RichText::new(text)
                            .font(theme::regular(size::SMALL))
                            .color(ink)
                            .line_height(Some(size::SMALL * measure::LEADING)),
                    )
                    .wrap(),
                );
            });
        });
}

/// What went wrong with `task`, with its details folded.
pub(crate) fn failure(ui: &mut Ui, cx: &Cx<'_>, model: &Model, task: Task) {
    let Some(Failure { sentence, detail }) = model.failures.get(&task) else { return };
    ui.add_space(space::S);
    let told = ui.scope(|ui| {
        warning(ui, cx, cx.tr(*sentence));
        if !detail.is_empty() {
            // Several may stand on one page.
            let title = RichText::new(cx.tr(T::Details)).font(theme::regular(size::SMALL)).color(cx.c.weak);
            egui::CollapsingHeader::new(title).id_salt(task).show(ui, |ui| hint(ui, cx, detail));
        }
    });
    if model.failed_now == Some(task) {
        told.response.scroll_to_me(None);
    }
}

/// Work that is under way.
pub(crate) fn working(ui: &mut Ui, cx: &Cx<'_>, word: T) {
    ui.horizontal(|ui| {
        let spinner = egui::Spinner::new().size(size::LARGE).color(cx.c.jade);
        ui.add(spinner).accessible_name(cx.tr(T::Working));
        hint(ui, cx, cx.tr(word));
    });
}

/// An empty place: what will be here, and the first step.
pub(crate) fn empty(
    ui: &mut Ui,
    cx: &Cx<'_>,
    icon: Icon,
    title: T,
    body: T,
    step: Option<(T, Action)>,
) -> Option<Action> {
    let mut asked = None;
    let height = ui.available_height();
    ui.vertical_centered(|ui| {
        ui.add_space((height * 0.28).max(space::XL));
        icon.show(ui, size::HUGE * 1.6, cx.c.weak);
        ui.add_space(space::S);
        ui.label(RichText::new(cx.tr(title)).font(theme::strong(size::TITLE)).color(cx.c.ink));
        ui.scope(|ui| {
            ui.set_max_width(measure::DETAILS.min(ui.available_width() - space::L * 2.0));
            ui.add(
                egui::Label::new(
                    RichText::new(cx.tr(body))
                        .font(theme::regular(size::SMALL))
                        .color(cx.c.weak)
                        .line_height(Some(size::SMALL * measure::LEADING)),
                )
                .wrap(),
            );
        });
        ui.add_space(space::M);
        if let Some((word, action)) = step
            && button::primary(ui, cx, word, true).clicked()
        {
            asked = Some(action);
        }
    });
    asked
}
