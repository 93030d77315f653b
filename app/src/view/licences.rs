//! The licences of the app and of what it ships, as they were written.

use egui::{RichText, Ui};

use crate::{
    action::Action,
    i18n::T,
    route::Route,
    theme::{size, space},
    widget::{Cx, page},
};

/// Each licence's name and text. Licences are quoted, not translated.
const TEXTS: [(T, &str); 4] = [
    (T::LicenceMadangMit, include_str!("../../../LICENSE-MIT")),
    (T::LicenceMadangApache, include_str!("../../../LICENSE-APACHE")),
    (T::LicencePretendard, include_str!("../../assets/fonts/Pretendard-LICENSE.txt")),
    (T::LicencePhosphor, include_str!("../../assets/icons/Phosphor-LICENSE.txt")),
];

/// Draws the page.
pub(crate) fn show(ui: &mut Ui, cx: &Cx<'_>) -> Option<Action> {
    page::show(ui, cx, cx.tr(T::LicencesTitle), Some(Route::Settings), |ui| {
        page::hint(ui, cx, cx.tr(T::Licences));
        ui.add_space(space::S);
        page::hint(ui, cx, cx.tr(T::LicencesLibraries));
        ui.add_space(space::M);
        for (name, text) in TEXTS {
            ui.collapsing(RichText::new(cx.tr(name)).size(size::BODY).color(cx.c.ink), |ui| {
                let text = RichText::new(text).font(egui::FontId::monospace(size::TINY)).color(cx.c.weak);
                ui.add(egui::Label::new(text).wrap());
            });
        }
        None
    })
}
