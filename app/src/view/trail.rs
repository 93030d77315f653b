//! Where a message is, step by step, and what is awaited.

use egui::{Rect, RichText, Sense, Ui, Vec2};

use super::bubble;
use crate::{
    i18n::T,
    model::{Bond, Chat, Delivery, MessageKey, Model, StepKind},
    theme::{self, measure, size, space, stroke},
    widget::{Cx, button, icon::Icon, page},
};

/// Characters of the message that are shown above its trail.
const SAID_CHARS: usize = 160;

/// Draws the head of a trail in a row; whether the trail is to be closed.
pub(crate) fn head(ui: &mut Ui, cx: &Cx<'_>) -> bool {
    let width = (ui.available_width() - measure::TOUCH - space::S).max(0.0);
    ui.scope(|ui| {
        ui.set_width(width);
        ui.label(RichText::new(cx.tr(T::TrailTitle)).font(theme::strong(size::TITLE)).color(cx.c.ink));
    });
    button::icon(ui, cx, Icon::Cross, T::Close).clicked()
}

/// Draws the trail of `key`, a message of `chat`.
pub(crate) fn show(ui: &mut Ui, cx: &Cx<'_>, model: &Model, chat: &Chat, key: MessageKey) {
    let message = model.timelines.get(&chat.id).and_then(|t| t.find(key));
    if let Some(message) = message {
        let said = match message.chose {
            // Only what was written here leaves a trail.
            Some(fade) => fade.sentence(cx.lang, true, ""),
            None => crate::text::line(bubble::words(cx, message), SAID_CHARS),
        };
        page::hint(ui, cx, &said);
        ui.add_space(space::M);
    }
    let trail = model.trail.as_ref().filter(|trail| trail.key == key);
    match trail {
        Some(trail) => {
            for (at, step) in trail.steps.iter().enumerate() {
                one(ui, cx, step, at + 1 == trail.steps.len());
            }
        }
        None => page::working(ui, cx, T::Working),
    }
    if let Some(message) = message {
        ui.add_space(space::S);
        ui.label(RichText::new(cx.tr(T::TrailAwaiting)).font(theme::strong(size::SMALL)).color(cx.c.weak));
        let refused = trail.is_some_and(|trail| trail.steps.iter().any(|s| s.kind == StepKind::Refused));
        page::prose(ui, cx, cx.tr(awaited(message.delivery, chat.bond, refused)));
    }
}

/// What comes next; `refused` says that no relay took it so far.
fn awaited(delivery: Delivery, bond: Bond, refused: bool) -> T {
    match delivery {
        _ if bubble::is_lost(delivery, bond) => T::AwaitLost,
        Delivery::Written => T::AwaitSeal,
        Delivery::Sealed if refused => T::AwaitRoom,
        Delivery::Sealed => T::AwaitRoad,
        Delivery::OnDevice => T::AwaitDevice,
        Delivery::OnRelay(_) => T::AwaitRelay,
        Delivery::Delivered => T::AwaitRead,
        Delivery::Read => T::AwaitNothing,
    }
}

fn one(ui: &mut Ui, cx: &Cx<'_>, step: &crate::model::Step, last: bool) {
    let (icon, word) = match step.kind {
        StepKind::Written => (Icon::Clock, T::TrailWritten),
        StepKind::Sealed => (Icon::Lock, T::TrailSealed),
        StepKind::OnDevice => (Icon::Plane, T::TrailOnDevice),
        StepKind::Refused => (Icon::Warning, T::TrailRefused),
        StepKind::OnRelay => (Icon::Relay, T::TrailOnRelay),
        StepKind::Delivered => (Icon::Check, T::TrailDelivered),
        StepKind::Read => (Icon::Checks, T::TrailRead),
    };
    let top = ui.cursor().top();
    ui.horizontal_top(|ui| {
        let (area, _) = ui.allocate_exact_size(Vec2::new(measure::STEP_SIGN, measure::STEP), Sense::hover());
        let centre = egui::pos2(area.center().x, area.top() + measure::STEP_SIGN / 2.0);
        if !last {
            ui.painter().rect_filled(
                Rect::from_min_max(
                    egui::pos2(centre.x - stroke::RING / 2.0, centre.y),
                    egui::pos2(centre.x + stroke::RING / 2.0, top + measure::STEP + space::S),
                ),
                0.0,
                cx.c.line,
            );
        }
        let (ground, ink) = match (step.kind, last) {
            (StepKind::Refused, _) => (cx.c.persimmon_soft, cx.c.persimmon),
            (_, true) => (cx.c.jade, cx.c.on_jade),
            (_, false) => (cx.c.quiet, cx.c.ink),
        };
        ui.painter().circle_filled(centre, measure::STEP_SIGN / 2.0, ground);
        icon.paint(ui.painter(), centre, size::BODY, ink);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = space::HAIR;
            ui.label(RichText::new(cx.tr(word)).font(theme::strong(size::BODY)).color(cx.c.ink));
            let mut line = cx.full_time(step.label_ms);
            if !step.detail.is_empty() {
                line = format!("{line} · {}", step.detail);
            }
            page::hint(ui, cx, &line);
        });
    });
}
