//! Every screen, driven headless by what it says, in both languages.

mod desk;
mod hostile;
mod house;
mod keyboard;
mod people;
mod reading;
mod safe;
mod start;
mod talk;
mod words;

use egui::{Role, accesskit};
use egui_kittest::{Harness, HarnessBuilder, kittest::NodeT, kittest::Queryable};

use crate::{
    app::App,
    gallery::{self, Fake},
    i18n::{Lang, T},
    model::ThemeChoice,
    theme,
};

type Window = Harness<'static, App<Fake>>;

const BOTH: [Lang; 2] = [Lang::Ko, Lang::En];
const SCREENS: [&str; 23] = [
    "welcome", "unlock", "empty", "list", "chat", "unread", "fading", "waiting", "trail", "find", "people",
    "add", "contact", "verify", "network", "settings", "keys", "chooser", "palette", "sure", "restore",
    "wipe", "words",
];

fn window(screen: &str, lang: Lang, size: [f32; 2]) -> Window {
    harness(screen, lang, size, Harness::builder())
}

fn harness(screen: &str, lang: Lang, size: [f32; 2], builder: HarnessBuilder<App<Fake>>) -> Window {
    let app = gallery::on(screen, lang, ThemeChoice::Light);
    let mut harness = builder
        .with_size(size)
        .with_context_setup(theme::install)
        .build_ui_state(|ui, app: &mut App<Fake>| app.frame(ui), app);
    harness.run_steps(4);
    harness
}

fn wide(screen: &str, lang: Lang) -> Window {
    window(screen, lang, [1366.0, 768.0])
}

fn press(w: &mut Window, label: &str) {
    w.get_by_label(label).click();
    w.run_steps(3);
}

fn write(w: &mut Window, role: Role, label: &str, text: &str) {
    w.get_by_role_and_label(role, label).focus();
    w.run_steps(2);
    w.get_by_role_and_label(role, label).type_text(text);
    w.run_steps(2);
}

fn shows(w: &Window, text: &str) -> bool {
    w.query_all_by_label_contains(text).next().is_some()
}

fn labels(w: &Window) -> Vec<(accesskit::Role, String)> {
    w.root()
        .children_recursive()
        .filter_map(|n| Some((n.accesskit_node().role(), n.accesskit_node().label()?)))
        .collect()
}

/// Both the head of the card and its button carry the same words; the button is meant.
fn press_button(w: &mut Window, label: &str) {
    w.get_by_role_and_label(Role::Button, label).click();
    w.run_steps(3);
}

fn composer(lang: Lang) -> String {
    lang.with(T::MessageTo, &[if lang == Lang::Ko { "이지수" } else { "Jisu Lee" }])
}
