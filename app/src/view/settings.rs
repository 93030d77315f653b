//! Settings.

use egui::{RichText, Ui};

use super::{rail, welcome};
use crate::{
    action::{Action, Command},
    i18n::T,
    model::{Model, Prefs, ThemeChoice},
    theme::{self, measure, size, space},
    widget::{Cx, avatar, button, icon::Icon, page},
};

/// Draws the screen.
pub(crate) fn show(ui: &mut Ui, cx: &Cx<'_>, model: &Model) -> Option<Action> {
    let prefs = model.prefs;
    page::show(ui, cx, cx.tr(T::SettingsTitle), None, |ui| {
        let mut changed = None;
        page::section(ui, cx, T::ProfileHead, |ui| profile(ui, cx, model));
        let mut language = None;
        page::section(ui, cx, T::Appearance, |ui| {
            head(ui, cx, T::Language);
            language = welcome::languages(ui, cx, prefs);
            ui.add_space(space::M);
            head(ui, cx, T::Theme);
            ui.horizontal_wrapped(|ui| {
                for (theme, word) in [
                    (ThemeChoice::System, T::ThemeSystem),
                    (ThemeChoice::Light, T::ThemeLight),
                    (ThemeChoice::Dark, T::ThemeDark),
                ] {
                    if button::choice(ui, cx, cx.tr(word), prefs.theme == theme).clicked() {
                        changed = Some(Prefs { theme, ..prefs });
                    }
                }
            });
            ui.add_space(space::M);
            head(ui, cx, T::TextSize);
            changed = text_size(ui, cx, prefs).or(changed.take());
        });
        page::section(ui, cx, T::Writing, |ui| {
            let mut enter_sends = prefs.enter_sends;
            if button::tick(ui, cx, &mut enter_sends, T::EnterSends).changed() {
                changed = Some(Prefs { enter_sends, ..prefs });
            }
        });
        page::section(ui, cx, T::AutoLock, |ui| {
            ui.horizontal_wrapped(|ui| {
                for minutes in Prefs::LOCK_MINUTES {
                    let label = if minutes == 0 {
                        cx.tr(T::AutoLockNever).to_owned()
                    } else {
                        cx.with(T::AutoLockMinutes, &[&minutes.to_string()])
                    };
                    if button::choice(ui, cx, &label, prefs.auto_lock_minutes == minutes).clicked() {
                        changed = Some(Prefs { auto_lock_minutes: minutes, ..prefs });
                    }
                }
            });
        });
        page::section(ui, cx, T::KeysTitle, |ui| page::prose(ui, cx, cx.tr(T::KeysBody)));
        page::section(ui, cx, T::About, |ui| {
            page::prose(ui, cx, &cx.with(T::Version, &[env!("CARGO_PKG_VERSION")]));
            ui.add_space(space::S);
            page::warning(ui, cx, cx.tr(T::Unaudited));
            ui.add_space(space::S);
            page::hint(ui, cx, cx.tr(T::Licences));
        });
        language.or(changed.map(|prefs| Action::Do(Command::Keep(prefs))))
    })
}

fn head(ui: &mut Ui, cx: &Cx<'_>, word: T) {
    ui.label(RichText::new(cx.tr(word)).font(theme::strong(size::SMALL)).color(cx.c.weak));
}

fn profile(ui: &mut Ui, cx: &Cx<'_>, model: &Model) {
    ui.horizontal(|ui| {
        avatar::show(ui, measure::AVATAR, &model.me.name, rail::seed(model));
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.add(
                egui::Label::new(
                    RichText::new(&model.me.name).font(theme::strong(size::BODY)).color(cx.c.ink),
                )
                .truncate(),
            );
            ui.label(RichText::new(cx.tr(T::AccountId)).font(theme::regular(size::TINY)).color(cx.c.weak));
            ui.add(
                egui::Label::new(
                    RichText::new(&model.me.account)
                        .font(egui::FontId::monospace(size::TINY))
                        .color(cx.c.weak),
                )
                .selectable(true)
                .wrap(),
            );
        });
    });
}

fn text_size(ui: &mut Ui, cx: &Cx<'_>, prefs: Prefs) -> Option<Prefs> {
    let sizes = Prefs::TEXT_SIZES;
    let at = sizes.iter().position(|size| *size >= prefs.text_percent).unwrap_or(1);
    let mut next = None;
    ui.horizontal(|ui| {
        if button::icon_named(ui, cx, Icon::Minus, cx.tr(T::Smaller), cx.c.ink, at > 0).clicked() {
            next = at.checked_sub(1);
        }
        ui.label(
            RichText::new(cx.with(T::TextSizeValue, &[&prefs.text_percent.to_string()]))
                .font(theme::strong(size::BODY))
                .color(cx.c.ink),
        );
        if button::icon_named(ui, cx, Icon::Plus, cx.tr(T::Larger), cx.c.ink, at + 1 < sizes.len()).clicked()
        {
            next = Some(at + 1);
        }
    });
    next.and_then(|at| sizes.get(at)).map(|percent| Prefs { text_percent: *percent, ..prefs })
}
