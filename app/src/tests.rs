//! Every screen, driven headless by what it says, in both languages.

mod desk;
mod hostile;
mod house;
mod keyboard;
mod notices;
mod people;
mod reading;
mod safe;
mod sources;
mod start;
mod talk;
mod time;
mod words;

use egui::{Role, accesskit};
use egui_kittest::{Harness, HarnessBuilder, Node, kittest::NodeT, kittest::Queryable};

use crate::{
    app::App,
    gallery::{
        self, Fake,
        states::{self, FOREIGN, STATES, Touch},
    },
    i18n::{Lang, T},
    model::ThemeChoice,
    theme,
};

type Window = Harness<'static, App<Fake>>;

const BOTH: [Lang; 2] = [Lang::Ko, Lang::En];
/// Every screen, in every state.
fn everywhere() -> impl Iterator<Item = &'static str> {
    let states = STATES.into_iter().filter(|state| !FOREIGN.contains(state));
    gallery::SCREENS.into_iter().chain(states)
}

/// Leads a window from the screen it began with to a state of it.
fn reach(w: &mut Window, state: &str, lang: Lang) {
    states::set(w.state_mut(), state, lang);
    w.run_steps(3);
    for touch in states::touches(state, lang) {
        match touch {
            Touch::Press(label) => w.get_all_by_label(&label).last().expect("named").click(),
            Touch::Enter(label) => {
                let is_field = |node: &Node<'_>| {
                    let role = node.accesskit_node().role();
                    matches!(role, Role::TextInput | Role::MultilineTextInput | Role::PasswordInput)
                };
                let field = w
                    .root()
                    .children_recursive()
                    .find(|node| is_field(node) && node.accesskit_node().label().as_deref() == Some(&label));
                field.expect("named").focus();
            }
            Touch::Type(text) => w.event(egui::Event::Text(text)),
            Touch::Turn(points) => turn(w, points),
        }
        w.run_steps(3);
    }
    states::settle(w.state_mut(), state, lang);
    w.run_steps(3);
}

fn turn(w: &Window, points: f32) {
    w.event(egui::Event::PointerMoved(egui::pos2(600.0, 400.0)));
    w.event(egui::Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: egui::vec2(0.0, points),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Wheel,
        modifiers: egui::Modifiers::NONE,
    });
}

fn window(screen: &str, lang: Lang, size: [f32; 2]) -> Window {
    harness(screen, lang, size, Harness::builder())
}

fn harness(screen: &str, lang: Lang, size: [f32; 2], builder: HarnessBuilder<App<Fake>>) -> Window {
    gallery::stop_the_clock();
    let app = gallery::on(screen, lang, ThemeChoice::Light);
    let mut harness = builder.with_size(size).with_context_setup(theme::install).build_ui_state(
        |ui, app: &mut App<Fake>| {
            app.world.pass_to(ui.input(|input| input.time));
            app.frame(ui);
        },
        app,
    );
    harness.run_steps(4);
    if STATES.contains(&screen) {
        reach(&mut harness, screen, lang);
    }
    harness
}

fn wide(screen: &str, lang: Lang) -> Window {
    window(screen, lang, [1366.0, 768.0])
}

fn press(w: &mut Window, label: &str) {
    w.get_by_label(label).click();
    w.run_steps(3);
    w.check_accessibility();
}

/// Presses this, and returns what the clipboard was given.
fn copied_by(w: &mut Window, label: &str) -> Vec<String> {
    w.get_by_label(label).click();
    let mut copied = Vec::new();
    for _ in 0..3 {
        w.run_steps(1);
        copied.extend(w.output().platform_output.commands.iter().filter_map(|command| match command {
            egui::OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        }));
    }
    copied
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

/// All that the tree of names says: controls, running text, and what stands in fields.
fn labels(w: &Window) -> Vec<(accesskit::Role, String)> {
    w.root()
        .children_recursive()
        .filter_map(|n| {
            let node = n.accesskit_node();
            // The runs of a field's text are the field's value once more.
            if node.role() == Role::TextRun {
                return None;
            }
            // A running text is a value, the name of a control is a label.
            Some((node.role(), node.label().or_else(|| node.value())?))
        })
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
