//! The way between the sections: a rail at the left, or at the foot where one column is shown.

use egui::{CornerRadius, Rect, Response, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo};

use crate::{
    action::Action,
    i18n::T,
    model::{Model, Stage},
    route::Route,
    theme::{self, measure, radius, size, space, stroke},
    widget::{Cx, avatar, icon::Icon, row},
};

const SECTIONS: [(Icon, T, Route); 4] = [
    (Icon::Chats, T::Chats, Route::Chats(None)),
    (Icon::Users, T::People, Route::People),
    (Icon::Network, T::Network, Route::Network),
    (Icon::Gear, T::Settings, Route::Settings),
];

/// Draws the rail along the left edge.
pub(crate) fn side(ui: &mut Ui, cx: &Cx<'_>, model: &Model, route: Route) -> Option<Action> {
    let mut asked = None;
    let full = ui.max_rect();
    ui.vertical_centered(|ui| {
        ui.add_space(space::M);
        avatar::show(ui, measure::AVATAR_SMALL, &model.me.name, model.me.seed).on_hover_text(&model.me.name);
        ui.add_space(space::M);
        for (icon, word, target) in SECTIONS {
            let size = Vec2::new(measure::RAIL - space::S, measure::RAIL - space::L);
            if section(ui, cx, icon, word, is_in(route, target), unread(model, target), size).clicked() {
                asked = Some(Action::Go(target));
            }
        }
    });
    let size = Vec2::new(measure::RAIL - space::S, measure::RAIL - space::L);
    let foot =
        Rect::from_center_size(egui::pos2(full.center().x, full.bottom() - size.y / 2.0 - space::S), size);
    let locked = ui
        .scope_builder(egui::UiBuilder::new().max_rect(foot), |ui| {
            let (icon, word) = way_out(model);
            section(ui, cx, icon, word, false, 0, size)
        })
        .inner;
    if locked.clicked() {
        asked = Some(Action::Lock);
    }
    asked
}

/// Draws the rail along the foot.
pub(crate) fn foot(ui: &mut Ui, cx: &Cx<'_>, model: &Model, route: Route) -> Option<Action> {
    let mut asked = None;
    ui.spacing_mut().item_spacing.x = 0.0;
    let size = Vec2::new(ui.available_width() / (SECTIONS.len() + 1) as f32, measure::RAIL_FOOT - space::XS);
    ui.horizontal(|ui| {
        for (icon, word, target) in SECTIONS {
            if section(ui, cx, icon, word, is_in(route, target), unread(model, target), size).clicked() {
                asked = Some(Action::Go(target));
            }
        }
        let (icon, word) = way_out(model);
        if section(ui, cx, icon, word, false, 0, size).clicked() {
            asked = Some(Action::Lock);
        }
    });
    asked
}

/// A practice is not locked: it ends, and nothing of it is left.
pub(crate) fn way_out(model: &Model) -> (Icon, T) {
    if model.stage == Stage::Practice { (Icon::Leave, T::EndPractice) } else { (Icon::Lock, T::Lock) }
}

fn is_in(route: Route, target: Route) -> bool {
    match target {
        Route::Chats(_) => matches!(route, Route::Chats(_)),
        Route::People => matches!(route, Route::People | Route::Add | Route::Contact(_) | Route::Verify(_)),
        Route::Settings => matches!(route, Route::Settings | Route::Licences),
        other => route == other,
    }
}

fn unread(model: &Model, target: Route) -> u32 {
    if matches!(target, Route::Chats(_)) {
        model.chats.iter().fold(0, |sum, chat| sum.saturating_add(chat.unread))
    } else {
        0
    }
}

fn section(ui: &mut Ui, cx: &Cx<'_>, icon: Icon, word: T, chosen: bool, count: u32, size: Vec2) -> Response {
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let name = if count > 0 {
        format!("{}, {}", cx.tr(word), cx.with(T::Unread, &[&count.to_string()]))
    } else {
        cx.tr(word).to_owned()
    };
    response.widget_info(|| WidgetInfo::selected(egui::Role::Tab, true, chosen, &name));
    let ink = if chosen { cx.c.jade_ink } else { cx.c.weak };
    let middle = rect.center();
    let pill = Rect::from_center_size(middle - Vec2::new(0.0, measure::RAIL_SIGN), measure::RAIL_PILL);
    let round = CornerRadius::same(radius::PILL);
    if chosen || response.hovered() {
        ui.painter().rect_filled(pill, round, if chosen { cx.c.jade_soft } else { cx.c.quiet_hover });
    }
    if response.has_focus() {
        ui.painter().rect_stroke(
            rect.shrink(stroke::HAIR),
            CornerRadius::same(radius::M),
            Stroke::new(stroke::RING, cx.c.jade),
            StrokeKind::Inside,
        );
    }
    icon.paint(ui.painter(), pill.center(), self::size::LARGE, ink);
    let font = if chosen { theme::strong(self::size::TINY) } else { theme::regular(self::size::TINY) };
    ui.painter().text(
        middle + Vec2::new(0.0, measure::RAIL_WORD),
        egui::Align2::CENTER_CENTER,
        cx.tr(word),
        font,
        if chosen { cx.c.ink } else { cx.c.weak },
    );
    row::badge(ui, cx, pill.right_top() + measure::RAIL_BADGE, count);
    response
}
