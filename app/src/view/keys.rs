//! The list of keys.

use egui::{Grid, RichText, Ui};

use crate::{
    i18n::T,
    theme::{self, measure, size, space},
    widget::{Cx, button, icon::Icon, page},
};

/// Each key as it is printed, and what it does.
const KEYS: [(T, T); 13] = [
    (T::KeyPalette, T::PaletteTitle),
    (T::KeyNew, T::NewChat),
    (T::KeyFind, T::SearchHere),
    (T::KeyChats, T::KeyChatsDoes),
    (T::KeyPages, T::KeyPagesDoes),
    (T::KeySend, T::KeySendDoes),
    (T::KeyBreak, T::KeyBreakDoes),
    (T::KeyTab, T::KeyTabDoes),
    (T::KeyMenu, T::KeyMenuDoes),
    (T::KeyLock, T::Lock),
    (T::KeyBack, T::Back),
    (T::KeyKeys, T::KeysTitle),
    (T::KeyWipe, T::KeyWipeDoes),
];

/// Draws the list; whether it is to be closed.
pub(crate) fn show(ui: &mut Ui, cx: &Cx<'_>) -> bool {
    ui.set_width(measure::PALETTE.min(ui.ctx().content_rect().width() - space::XXL * 2.0));
    // A sheet takes 400 points by itself and lets the rest scroll.
    ui.set_max_height(ui.ctx().content_rect().height() - measure::BAR * 2.0);
    let close = head(ui, cx, cx.tr(T::KeysTitle));
    ui.add_space(space::S);
    egui::ScrollArea::vertical().show(ui, |ui| table(ui, cx));
    close
}

/// The list alone, as it stands in settings too.
pub(crate) fn table(ui: &mut Ui, cx: &Cx<'_>) {
    let line = size::SMALL * measure::LEADING;
    Grid::new("keys").num_columns(2).spacing([space::L, space::S]).min_row_height(line).show(ui, |ui| {
        for (key, does) in KEYS {
            ui.label(RichText::new(cx.tr(key)).font(theme::strong(size::SMALL)).color(cx.c.ink));
            page::hint(ui, cx, cx.tr(does));
            ui.end_row();
        }
    });
}

/// The head of what lies over a page, with a cross.
pub(crate) fn head(ui: &mut Ui, cx: &Cx<'_>, title: &str) -> bool {
    ui.horizontal(|ui| {
        let width = (ui.available_width() - measure::TOUCH - space::S).max(0.0);
        ui.scope(|ui| {
            ui.set_width(width);
            ui.label(RichText::new(title).font(theme::strong(size::TITLE)).color(cx.c.ink));
        });
        button::icon(ui, cx, Icon::Cross, T::Close).clicked()
    })
    .inner
}
