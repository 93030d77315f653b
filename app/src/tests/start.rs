//! From nothing to an open profile.

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::{NodeT, Queryable};

use std::sync::{Arc, atomic::Ordering};

use crate::{
    app::{Anew, App},
    clock::Zone,
    gallery::Fake,
    i18n::T,
    model::{Ending, Failure, Stage, Task, Update},
};

use super::{BOTH, labels, press, press_button, shows, wide, window, write};

/// All that stands in fields and runs of text.
fn values(w: &super::Window) -> Vec<String> {
    w.root().children_recursive().filter_map(|node| node.accesskit_node().value()).collect()
}

/// Presses the first control with this name; it then has the focus of what it belongs to.
fn press_first(w: &mut super::Window, label: &str) {
    w.get_all_by_label(label).next().expect("there").click();
    w.run_steps(3);
}

#[test]
fn a_profile_is_made_with_an_honest_word_about_the_passphrase() {
    for lang in BOTH {
        let mut w = window("welcome", lang, [900.0, 1200.0]);
        write(&mut w, Role::TextInput, lang.tr(T::ProfileName), "하늘 Haneul");
        write(&mut w, Role::PasswordInput, lang.tr(T::Passphrase), "password");
        assert!(shows(&w, lang.with(T::StrengthWeak, &[lang.tr(T::Seconds)]).as_str()));
        press_button(&mut w, lang.tr(T::CreateProfile));
        assert!(w.state().world.told.is_empty());
    }
}

#[test]
fn from_nothing_to_a_profile_by_keyboard_names_alone() {
    for lang in BOTH {
        let mut w = window("welcome", lang, [900.0, 1200.0]);
        let secret = "등불 walnut 강가 39 orbit";
        write(&mut w, Role::TextInput, lang.tr(T::ProfileName), "하늘");
        write(&mut w, Role::PasswordInput, lang.tr(T::Passphrase), secret);
        write(&mut w, Role::PasswordInput, lang.tr(T::PassphraseAgain), secret);
        let tree: String = values(&w).concat();
        assert!(tree.contains("하늘") && !tree.contains(secret), "names are told, passphrases never");
        press_button(&mut w, lang.tr(T::CreateProfile));
        assert!(shows(&w, lang.tr(T::TickUnderstood)));
        press(&mut w, lang.tr(T::Understood));
        press_button(&mut w, lang.tr(T::CreateProfile));
        assert_eq!(w.state().world.told, ["Create"]);
        assert!(w.state().model.stage.is_open());
    }
}

#[test]
fn the_syllable_that_is_being_composed_stays_in_the_passphrase_when_one_goes_on_by_mouse() {
    let ime = |event| egui::Event::Ime(event);
    let composed = |w: &mut super::Window, label: &str| {
        // A press, and no key: nothing commits the last syllable.
        w.get_by_role_and_label(Role::PasswordInput, label).click();
        w.run_steps(3);
        w.event(egui::Event::Text("등불 walnut 39 orbit 강".into()));
        w.run_steps(1);
        w.event(ime(egui::ImeEvent::Preedit { text: "가".into(), active_range_chars: None }));
        w.run_steps(2);
    };
    for lang in BOTH {
        let mut w = window("welcome", lang, [900.0, 1200.0]);
        write(&mut w, Role::TextInput, lang.tr(T::ProfileName), "하늘");
        composed(&mut w, lang.tr(T::Passphrase));
        composed(&mut w, lang.tr(T::PassphraseAgain));
        press(&mut w, lang.tr(T::Understood));
        press_button(&mut w, lang.tr(T::CreateProfile));
        assert!(w.state().model.stage.is_open());
        let lock = |w: &mut super::Window| {
            w.key_press_modifiers(Modifiers::COMMAND, Key::L);
            w.run_steps(3);
            assert!(!w.state().model.stage.is_open());
        };
        lock(&mut w);
        w.get_by_role_and_label(Role::PasswordInput, lang.tr(T::Passphrase)).click();
        w.run_steps(3);
        w.event(egui::Event::Text("등불 walnut 39 orbit 강".into()));
        w.event(ime(egui::ImeEvent::Commit("가".into())));
        w.run_steps(2);
        w.key_press(Key::Enter);
        w.run_steps(4);
        assert!(w.state().model.stage.is_open(), "made by presses, opened by Enter");
        lock(&mut w);
        composed(&mut w, lang.tr(T::Passphrase));
        press(&mut w, lang.tr(T::Unlock));
        assert!(w.state().model.stage.is_open(), "opened by a press");
    }
}

#[test]
fn a_passphrase_stays_in_its_field_and_nowhere_in_the_toolkit() {
    for lang in BOTH {
        let mut w = window("welcome", lang, [900.0, 1200.0]);
        let secret = "등불 walnut 강가 39 orbit";
        press_first(&mut w, lang.tr(T::ShowPassphrase));
        for event in [egui::Event::Text(secret.into()), egui::Event::Paste(secret.into())] {
            w.event(event);
            w.run_steps(1);
            let left = w.ctx.input(|input| format!("{:?} {:?}", input.events, input.raw.events));
            assert!(!left.contains("walnut"), "{left}");
            let drawn = format!("{:?}", w.output().shapes);
            assert!(!drawn.contains("walnut"), "no text that was laid out holds it");
            assert!(!values(&w).concat().contains("walnut"));
        }
        let field = w.get_all_by_role_and_label(Role::PasswordInput, lang.tr(T::Passphrase)).next();
        assert_eq!(field.and_then(|f| f.value()), Some("•".repeat(secret.chars().count() * 2)));
    }
}

#[test]
fn the_lock_screen_names_nobody_and_a_wrong_passphrase_says_so() {
    for lang in BOTH {
        let mut w = wide("list", lang);
        w.key_press_modifiers(Modifiers::COMMAND, Key::L);
        w.run_steps(3);
        let all: String = labels(&w).into_iter().map(|(_, l)| l).collect();
        for name in ["이지수", "Jisu", "김하늘"] {
            assert!(!all.contains(name), "{name}");
        }
        write(&mut w, Role::PasswordInput, lang.tr(T::Passphrase), "wrong");
        press(&mut w, lang.tr(T::Unlock));
        assert!(shows(&w, lang.tr(T::WrongPassphrase)));
        write(&mut w, Role::PasswordInput, lang.tr(T::Passphrase), "correct horse");
        w.key_press(Key::Enter);
        w.run_steps(4);
        assert!(w.state().model.stage.is_open());
    }
}

#[test]
fn a_profile_that_was_destroyed_from_elsewhere_is_said_to_be_on_the_first_screen() {
    for lang in BOTH {
        let mut next = wide("welcome", lang);
        next.state_mut().model.apply(Update::Ended(Ending::Wiped));
        next.run_steps(3);
        assert!(shows(&next, lang.tr(T::FailEndedWiped)));
        assert!(shows(&next, lang.tr(T::RestoreTitle)), "a backup brings it back from here");
    }
}

#[test]
fn a_profile_that_closes_by_itself_leaves_the_reason_to_the_process_that_comes_after() {
    for (lang, why) in BOTH.into_iter().zip([Ending::Full, Ending::Damaged]) {
        let left = Arc::new(Anew::default());
        let mut w = wide("chat", lang);
        let prefs = w.state().model.prefs;
        *w.state_mut() =
            App::new(Fake::new(Stage::Open, lang, true), prefs, Zone::default(), Some(left.clone()));
        w.run_steps(3);
        w.state_mut().world.end(why);
        w.run_steps(3);
        assert!(left.wanted.load(Ordering::Acquire));
        assert_eq!(left.ended.get(), Some(&why));

        let mut next = wide("unlock", lang);
        next.state_mut().model.apply(Update::Ended(why));
        next.run_steps(3);
        assert!(shows(&next, lang.tr(why.sentence())), "the lock screen says it");
        write(&mut next, Role::PasswordInput, lang.tr(T::Passphrase), "correct horse");
        press(&mut next, lang.tr(T::Unlock));
        assert!(next.state().model.stage.is_open() && !shows(&next, lang.tr(why.sentence())));
    }
}

#[test]
fn what_fails_is_brought_into_view_once_and_then_left_to_the_reader() {
    for lang in BOTH {
        for (screen, task) in [("restore", Task::Restore), ("settings", Task::Keys)] {
            let tall = 700.0;
            let mut w = window(screen, lang, [1366.0, tall]);
            let detail = "No space left on device".to_owned();
            let failure = Failure { sentence: T::FailCallBack, detail };
            w.state_mut().model.apply(Update::Failed(task, failure));
            w.run_steps(30);
            let rect = |w: &super::Window| w.get_by_label_contains(lang.tr(T::FailCallBack)).rect();
            let told = rect(&w);
            assert!(told.top() >= 0.0 && told.bottom() <= tall, "{screen}: {told}");
            w.hover_at(egui::pos2(700.0, 400.0));
            w.event(egui::Event::MouseWheel {
                unit: egui::MouseWheelUnit::Point,
                delta: egui::vec2(0.0, 5_000.0),
                phase: egui::TouchPhase::Move,
                source: egui::MouseWheelSource::Wheel,
                modifiers: Modifiers::NONE,
            });
            w.run_steps(30);
            assert!(rect(&w).bottom() > tall, "{screen}");
        }
    }
}
