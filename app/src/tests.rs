//! Every screen, driven headless by what it says, in both languages.

mod desk;
mod hostile;
mod house;
mod keyboard;
mod people;
mod reading;
mod safe;
mod sources;
mod start;
mod talk;
mod time;
mod words;

use egui::{Role, accesskit};
use egui_kittest::{Harness, HarnessBuilder, kittest::NodeT, kittest::Queryable};

use crate::{
    app::App,
    gallery::{self, Fake},
    i18n::{Lang, T},
    model::{Failure, Task, ThemeChoice},
    theme,
};

type Window = Harness<'static, App<Fake>>;

const BOTH: [Lang; 2] = [Lang::Ko, Lang::En];
/// States of those screens that a person comes to by pressing, waiting or failing.
const STATES: [&str; 18] = [
    "taking",
    "duress",
    "failed bond",
    "menu",
    "notice",
    "trouble",
    "busy welcome",
    "busy restore",
    "busy unlock",
    "busy add",
    "busy taking",
    "busy network",
    "busy settings",
    "busy verify",
    "failing welcome",
    "failing taking",
    "failing network",
    "failing settings",
];

/// Every screen, in every state.
fn everywhere() -> impl Iterator<Item = &'static str> {
    gallery::SCREENS.into_iter().chain(STATES)
}

/// Leads a window from the screen it began with to a state of it.
fn reach(w: &mut Window, state: &str, lang: Lang) {
    match state {
        "taking" => press(w, lang.tr(T::TakeInvite)),
        "practice" => press(w, lang.tr(T::TryDemo)),
        "duress" => press(w, lang.tr(T::DuressSet)),
        "failed bond" => w.state_mut().model.chats[0].bond = crate::model::Bond::Failed,
        "menu" => w.get_all_by_label(lang.tr(T::MessageActions)).last().expect("a message").click(),
        "notice" | "trouble" => w.state_mut().model.notify(crate::model::Notice {
            sentence: T::NoticeInviteTaken,
            parts: vec![if lang == Lang::Ko { "서연" } else { "Seoyeon" }.to_owned()],
            trouble: state == "trouble",
        }),
        _ => {}
    }
    w.run_steps(3);
}

/// The screen from which a state is reached.
fn screen_of(state: &str) -> &str {
    match state {
        "taking" => "add",
        "practice" => "welcome",
        "duress" => "settings",
        "failed bond" | "menu" | "notice" | "trouble" => "chat",
        other => other,
    }
}

fn window(screen: &str, lang: Lang, size: [f32; 2]) -> Window {
    harness(screen, lang, size, Harness::builder())
}

fn harness(screen: &str, lang: Lang, size: [f32; 2], builder: HarnessBuilder<App<Fake>>) -> Window {
    gallery::stop_the_clock();
    let (state, mood) = match (screen.strip_prefix("busy "), screen.strip_prefix("failing ")) {
        (Some(state), _) => (state, "busy"),
        (_, Some(state)) => (state, "failing"),
        _ => (screen, ""),
    };
    let screen = screen_of(state);
    let app = gallery::on(screen, lang, ThemeChoice::Light);
    let mut harness = builder.with_size(size).with_context_setup(theme::install).build_ui_state(
        |ui, app: &mut App<Fake>| {
            app.world.pass_to(ui.input(|input| input.time));
            app.frame(ui);
        },
        app,
    );
    harness.run_steps(4);
    if state != screen {
        reach(&mut harness, state, lang);
    }
    let tasks = [
        Task::Create,
        Task::Unlock,
        Task::Invite,
        Task::Accept,
        Task::Send,
        Task::Relay,
        Task::Verify,
        Task::Take,
        Task::Erase,
        Task::Passphrase,
        Task::Backup,
        Task::Restore,
        Task::Duress,
        Task::Rename,
        Task::Other,
    ];
    let model = &mut harness.state_mut().model;
    match mood {
        "busy" => model.busy.extend(tasks),
        "failing" => {
            let failure = Failure { sentence: T::FailOther, detail: String::new() };
            model.failures.extend(tasks.map(|task| (task, failure.clone())));
        }
        _ => return harness,
    }
    harness.run_steps(3);
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
