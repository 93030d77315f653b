//! Comparing the safety number.

use egui::{Grid, RichText, Ui};

use super::chooser;
use crate::{
    action::{Action, Command},
    i18n::T,
    model::{Chat, Compared, Model, Task, Wanted},
    route::Route,
    theme::{self, measure, size, space},
    widget::{Cx, button, icon::Icon, page, qr},
};

/// Groups of digits in one line.
const GROUPS_IN_LINE: usize = 4;

/// Draws the comparison with `chat`.
pub(crate) fn show(ui: &mut Ui, cx: &Cx<'_>, model: &Model, chat: &Chat) -> Option<Action> {
    page::show(ui, cx, &cx.with(T::VerifyTitle, &[&chat.name]), Some(Route::Contact(chat.id)), |ui| {
        let found = model.compared.filter(|(of, _)| *of == chat.id).map(|(_, found)| found);
        let differs = found == Some(Compared::Differs);
        // Never beside a code that has just said another number.
        if chat.verified && !differs {
            let label = ui.label(Icon::Verified.beside(cx.tr(T::Verified), size::SMALL, cx.c.jade_ink));
            label.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, cx.tr(T::Verified)));
        }
        page::prose(ui, cx, &cx.with(T::VerifyExplained, &[&chat.name]));
        ui.add_space(space::M);
        let Some(safety) = model.safety.as_ref().filter(|safety| safety.chat == chat.id) else {
            if model.failures.contains_key(&Task::Other) {
                page::failure(ui, cx, model, Task::Other);
            } else {
                page::working(ui, cx, T::Working);
            }
            return None;
        };
        page::card(ui, cx, |ui| {
            let all = safety.groups.join(" ");
            let block = ui.vertical_centered(|ui| {
                ui.label(
                    RichText::new(cx.tr(T::SafetyNumber)).font(theme::strong(size::SMALL)).color(cx.c.weak),
                );
                ui.add_space(space::XS);
                let digits = egui::FontId::monospace(size::LARGE);
                let group = ui.painter().layout_no_wrap("00000".to_owned(), digits, cx.c.ink).size().x;
                let wide = GROUPS_IN_LINE as f32 * (group + space::L) - space::L;
                ui.horizontal(|ui| {
                    ui.add_space(((ui.available_width() - wide) / 2.0).max(0.0));
                    Grid::new("digits").spacing([space::L, space::XS]).show(ui, |ui| {
                        for line in safety.groups.chunks(GROUPS_IN_LINE) {
                            for group in line {
                                ui.label(
                                    RichText::new(group)
                                        .font(egui::FontId::monospace(size::LARGE))
                                        .color(cx.c.ink),
                                );
                            }
                            ui.end_row();
                        }
                    });
                });
            });
            block.response.widget_info(|| {
                egui::WidgetInfo::labeled(
                    egui::Role::Group,
                    true,
                    format!("{}: {all}", cx.tr(T::SafetyNumber)),
                )
            });
            ui.add_space(space::M);
            ui.vertical_centered(|ui| qr::show(ui, &safety.qr, measure::QR_SMALL, cx.tr(T::SafetyQr)));
        });
        ui.add_space(space::M);
        let idle = !model.is_busy(Task::Verify);
        let mut asked = None;
        // What was found stands above what it was found by, where it is seen without scrolling.
        match found {
            Some(Compared::Same) => {
                page::info(ui, cx, cx.tr(T::CodeSame));
            }
            Some(Compared::NoNumber(digits)) => {
                page::info(ui, cx, &cx.with(T::CodeNoNumber, &[&digits.to_string()]));
            }
            Some(Compared::Differs) => {
                page::warning(ui, cx, &format!("{} {}", cx.tr(T::CodeDiffers), cx.tr(T::DifferAdvice)));
                if chat.verified {
                    ui.add_space(space::S);
                    asked = take_back(ui, cx, chat, idle);
                }
            }
            None => {}
        }
        if found.is_some() {
            ui.add_space(space::S);
        }
        asked = asked.or(chooser::landing(ui, cx, model, Wanted::Safety(chat.id), T::SafetyWays));
        ui.add_space(space::M);
        let differ = ui.scope_id().with("differ");
        let mut pressed = false;
        ui.horizontal_wrapped(|ui| {
            if chat.verified {
                if !differs {
                    asked = asked.take().or(take_back(ui, cx, chat, idle));
                }
            } else {
                if button::primary(ui, cx, T::TheyMatch, idle).clicked() {
                    asked = Some(Action::Do(Command::Verify(chat.id, true)));
                }
                pressed = button::danger(ui, cx, T::TheyDiffer, idle).clicked();
            }
        });
        if pressed {
            ui.data_mut(|data| data.insert_temp(differ, true));
        }
        if !chat.verified && ui.data(|data| data.get_temp::<bool>(differ)).unwrap_or(false) {
            ui.add_space(space::S);
            page::warning(ui, cx, cx.tr(T::DifferAdvice));
        }
        if pressed {
            ui.scroll_to_cursor(Some(egui::Align::BOTTOM));
        }
        page::failure(ui, cx, model, Task::Verify);
        asked
    })
}

fn take_back(ui: &mut Ui, cx: &Cx<'_>, chat: &Chat, idle: bool) -> Option<Action> {
    let pressed = button::quiet(ui, cx, T::TakeBackVerified, idle).clicked();
    pressed.then_some(Action::Do(Command::Verify(chat.id, false)))
}
