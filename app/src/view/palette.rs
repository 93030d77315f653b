//! Ctrl+K: people, actions and settings, all by name.

use egui::{Key, RichText, ScrollArea, Ui};

use crate::{
    action::{Action, Command, Sure},
    i18n::{Lang, T},
    model::{Model, Prefs, Stage, ThemeChoice},
    route::Route,
    text,
    theme::{self, measure, size, space},
    widget::{Cx, button, icon::Icon},
};

/// Rows shown at a time; typing narrows the rest.
const ROWS_MAX: usize = 40;

/// What the palette remembers while it is open.
#[derive(Default)]
pub(crate) struct Palette {
    /// It was opened over a conversation.
    in_chat: bool,
    text: String,
    at: usize,
    focused: bool,
}

impl Palette {
    /// A palette that was opened over this page.
    pub(crate) fn over(route: Route) -> Palette {
        Palette { in_chat: matches!(route, Route::Chats(Some(_))), ..Palette::default() }
    }
}

struct Entry {
    icon: Icon,
    label: String,
    action: Action,
}

/// Draws the palette. The first part says that it is to be closed.
pub(crate) fn show(ui: &mut Ui, cx: &Cx<'_>, model: &Model, state: &mut Palette) -> (bool, Option<Action>) {
    ui.set_width(measure::PALETTE.min(ui.ctx().content_rect().width() - space::XXL));
    let (up, down, enter) = ui.input_mut(|input| {
        let mut press = |key| input.consume_key(egui::Modifiers::NONE, key);
        (press(Key::ArrowUp), press(Key::ArrowDown), press(Key::Enter))
    });
    let field = button::search(ui, cx, T::PaletteTitle, &mut state.text);
    if !std::mem::replace(&mut state.focused, true) {
        field.request_focus();
    }
    if field.changed() {
        state.at = 0;
    }
    ui.add_space(space::S);
    let mut found: Vec<Entry> = entries(cx, model, state.in_chat)
        .into_iter()
        .filter(|e| state.text.trim().is_empty() || text::contains(&e.label, &state.text))
        .take(ROWS_MAX)
        .collect();
    if found.is_empty() {
        ui.label(RichText::new(cx.tr(T::NothingFound)).font(theme::regular(size::SMALL)).color(cx.c.weak));
        return (false, None);
    }
    if down {
        state.at = (state.at + 1).min(found.len() - 1);
    }
    if up {
        state.at = state.at.saturating_sub(1);
    }
    state.at = state.at.min(found.len() - 1);
    let mut chosen = enter.then_some(state.at);
    // Rows are as wide as the field above them; the bar lies over their ends.
    ui.spacing_mut().scroll.floating_allocated_width = 0.0;
    ScrollArea::vertical().max_height(measure::SHEET_LIST).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = space::XXS;
        for (at, entry) in found.iter().enumerate() {
            let response = row(ui, cx, entry, at == state.at);
            if at == state.at && (up || down) {
                response.scroll_to_me(None);
            }
            if response.clicked() {
                chosen = Some(at);
            }
        }
    });
    match chosen {
        Some(at) => (true, Some(found.swap_remove(at).action)),
        None => (false, None),
    }
}

fn row(ui: &mut Ui, cx: &Cx<'_>, entry: &Entry, chosen: bool) -> egui::Response {
    let (rect, response) = ui.allocate_exact_size(
        egui::vec2(ui.available_width(), measure::TOUCH + space::XS),
        egui::Sense::click(),
    );
    response
        .widget_info(|| egui::WidgetInfo::selected(egui::Role::ListBoxOption, true, chosen, &entry.label));
    let ground = if chosen {
        cx.c.jade_soft
    } else if response.hovered() {
        cx.c.quiet
    } else {
        theme::CLEAR
    };
    ui.painter().rect_filled(rect, theme::radius::S, ground);
    crate::widget::row::entry(ui, cx, rect, (entry.icon, cx.c.weak), &entry.label);
    response
}

fn entries(cx: &Cx<'_>, model: &Model, in_chat: bool) -> Vec<Entry> {
    let mut all = Vec::new();
    let mut add = |icon, label: String, action| all.push(Entry { icon, label, action });
    for chat in &model.chats {
        add(Icon::Person, chat.name.clone(), Action::Go(Route::Chats(Some(chat.id))));
    }
    add(Icon::UserPlus, cx.tr(T::NewChat).to_owned(), Action::Go(Route::Add));
    let pages = [
        (Icon::Chats, T::Chats, Route::Chats(None)),
        (Icon::Users, T::People, Route::People),
        (Icon::Network, T::Network, Route::Network),
        (Icon::Gear, T::Settings, Route::Settings),
    ];
    for (icon, word, route) in pages {
        add(icon, cx.with(T::GoTo, &[cx.tr(word)]), Action::Go(route));
    }
    let (icon, word) = super::rail::way_out(model);
    add(icon, cx.tr(word).to_owned(), Action::Lock);
    add(Icon::Keyboard, cx.tr(T::KeysTitle).to_owned(), Action::Keys);
    if in_chat {
        add(Icon::Search, cx.tr(T::SearchHere).to_owned(), Action::FindInChat);
    }
    add(Icon::Scroll, cx.tr(T::LicencesRead).to_owned(), Action::Go(Route::Licences));
    if model.stage == Stage::Open {
        add(Icon::Warning, cx.tr(T::WipeAct).to_owned(), Action::Ask(Sure::Profile));
    }
    let prefs = model.prefs;
    for (theme, word) in [
        (ThemeChoice::System, T::ThemeSystem),
        (ThemeChoice::Light, T::ThemeLight),
        (ThemeChoice::Dark, T::ThemeDark),
    ] {
        add(
            Icon::Gear,
            format!("{}: {}", cx.tr(T::Theme), cx.tr(word)),
            Action::Do(Command::Keep(Prefs { theme, ..prefs })),
        );
    }
    for lang in Lang::ALL {
        add(
            Icon::Gear,
            format!("{}: {}", cx.tr(T::Language), lang.own_name()),
            Action::Do(Command::Keep(Prefs { language: lang, ..prefs })),
        );
    }
    for percent in Prefs::TEXT_SIZES {
        add(
            Icon::Gear,
            format!("{}: {}", cx.tr(T::TextSize), cx.with(T::TextSizeValue, &[&percent.to_string()])),
            Action::Do(Command::Keep(Prefs { text_percent: percent, ..prefs })),
        );
    }
    all
}
