//! What is kept while one writes, and what goes to the desktop and comes from it.

use std::sync::Arc;

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::Queryable;

use crate::{
    i18n::{Lang, T},
    model::{ChatId, Notify},
    route::Route,
};

use super::{BOTH, Window, composer, press, shows, wide, window, write};

#[test]
fn a_draft_is_kept_when_one_pauses_and_is_back_after_the_lock() {
    for lang in BOTH {
        let mut w = wide("chat", lang);
        write(&mut w, Role::MultilineTextInput, &composer(lang), "half a thought 반쯤");
        w.run_steps(120);
        assert!(w.state().world.told.contains(&"KeepDraft".to_owned()));
        w.key_press_modifiers(Modifiers::COMMAND, Key::L);
        w.run_steps(4);
        assert!(!shows(&w, "half a thought"));
        write(&mut w, Role::PasswordInput, lang.tr(T::Passphrase), "correct horse");
        w.key_press(Key::Enter);
        w.run_steps(6);
        assert_eq!(w.state().route, Route::Chats(Some(ChatId(1))), "the chat that was open");
        let name = composer(lang);
        let field = w.get_by_role_and_label(Role::MultilineTextInput, &name);
        assert_eq!(field.value().as_deref(), Some("half a thought 반쯤"));
    }
}

#[test]
fn the_last_letters_before_the_lock_are_kept_too_and_sending_forgets_the_draft() {
    let mut w = wide("chat", Lang::En);
    write(&mut w, Role::MultilineTextInput, &composer(Lang::En), "quick");
    w.key_press_modifiers(Modifiers::COMMAND, Key::L);
    w.run_steps(2);
    let told = &w.state().world.told;
    let at = |what: &str| told.iter().position(|t| t == what);
    assert!(at("KeepDraft") < at("Lock") && at("KeepDraft").is_some());

    let mut w = wide("chat", Lang::En);
    write(&mut w, Role::MultilineTextInput, &composer(Lang::En), "sent at once");
    w.key_press(Key::Enter);
    w.run_steps(120);
    w.key_press_modifiers(Modifiers::ALT, Key::ArrowDown);
    w.run_steps(3);
    assert!(!shows(&w, "Draft: "), "no draft is left of what was sent");
}

#[test]
fn notices_hide_the_text_by_default_and_never_speak_of_the_chat_one_looks_at() {
    for lang in BOTH {
        let mut w = wide("chat", lang);
        w.state_mut().world.hear(ChatId(1), "seen anyway");
        w.run_steps(3);
        assert!(w.state().world.noticed.is_empty());
        w.state_mut().world.hear(ChatId(2), "a secret plan");
        w.run_steps(3);
        let (title, body) = w.state().world.noticed[0].clone();
        assert_eq!((title.as_str(), body.as_str()), (lang.tr(T::Madang), lang.tr(T::NotifySomething)));

        w.state_mut().model.prefs.notify = Notify::Full;
        w.state_mut().world.hear(ChatId(2), "a plan");
        w.run_steps(3);
        assert_eq!(w.state().world.noticed[1].1, "a plan");
        w.state_mut().model.prefs.notify = Notify::Off;
        w.state_mut().world.hear(ChatId(2), "another");
        w.run_steps(3);
        assert_eq!(w.state().world.noticed.len(), 2);
    }
}

#[test]
fn an_invite_is_taken_from_a_file_and_from_a_screenshot() {
    for lang in BOTH {
        let mut w = wide("add", lang);
        press(&mut w, lang.tr(T::TakeInvite));
        press(&mut w, lang.tr(T::ChooseFile));
        assert!(shows(&w, lang.tr(T::ChooseFileBody)));
        press(&mut w, "invite.txt");
        assert!(shows(&w, lang.tr(T::FailFileNothing)));
        press(&mut w, lang.tr(T::ChooseFile));
        press(&mut w, "invite.png");
        let field = w.get_by_role_and_label(Role::MultilineTextInput, lang.tr(T::PasteInvite));
        assert!(field.value().is_some_and(|text| text.starts_with("madang:")));

        let mut w = wide("add", lang);
        let shot = Arc::new(egui::ColorImage::filled([8, 8], egui::Color32::BLACK));
        w.event(egui::Event::PasteImage(shot));
        w.run_steps(4);
        write(&mut w, Role::TextInput, lang.tr(T::TheirName), "새 친구 New");
        w.key_press(Key::Enter);
        w.run_steps(4);
        assert!(shows(&w, "새 친구 New") && w.state().world.told.contains(&"Accept".to_owned()));
    }
}

#[test]
fn the_button_lets_the_worker_look_on_the_clipboard_and_never_the_window() {
    let asked = |w: &Window| {
        let commands = w.output().viewport_output.values().flat_map(|viewport| &viewport.commands);
        commands.filter(|command| matches!(command, egui::ViewportCommand::RequestPaste)).count()
    };
    for lang in BOTH {
        let mut w = wide("add", lang);
        press(&mut w, lang.tr(T::TakeInvite));
        w.get_by_label(lang.tr(T::PasteHere)).click();
        for _ in 0..3 {
            w.run_steps(1);
            assert_eq!(asked(&w), 0, "the window would wait for another program");
        }
        assert!(w.state().world.told.contains(&"ReadClipboard".to_owned()));
        assert!(shows(&w, lang.tr(T::FailPaste)), "nothing lies there");
        w.state_mut().world.clipboard = format!("madang:{}", "a".repeat(200));
        press(&mut w, lang.tr(T::PasteHere));
        let field = w.get_by_role_and_label(Role::MultilineTextInput, lang.tr(T::PasteInvite));
        assert!(field.value().is_some_and(|text| text.starts_with("madang:aaa")));
    }
}

#[test]
fn a_late_paste_replaces_nothing_that_was_typed_meanwhile() {
    for lang in BOTH {
        for (screen, role, label, head) in [
            ("take", Role::MultilineTextInput, T::PasteInvite, "madang:"),
            ("network", Role::TextInput, T::RelayText, "madang-relay:"),
        ] {
            let mut w = window(screen, lang, [1366.0, 1200.0]);
            w.state_mut().world.take_long();
            w.state_mut().world.clipboard = format!("{head}{}", "a".repeat(200));
            let value =
                |w: &Window| w.get_by_role_and_label(role, lang.tr(label)).value().unwrap_or_default();
            press(&mut w, lang.tr(T::PasteHere));
            assert!(shows(&w, lang.tr(T::LookingInFile)));
            write(&mut w, role, lang.tr(label), "10.0.0.5");
            w.state_mut().world.find();
            w.run_steps(3);
            assert_eq!(value(&w), "10.0.0.5", "{screen}");
            assert!(shows(&w, lang.tr(T::TypedMeanwhile)) && !shows(&w, lang.tr(T::LookingInFile)));
            // Asked for again with the text there, it is put in.
            press(&mut w, lang.tr(T::PasteHere));
            w.state_mut().world.find();
            w.run_steps(3);
            assert!(value(&w).starts_with(head), "{screen}");
        }
    }
}

#[test]
fn a_late_paste_reaches_no_page_that_was_left_and_no_profile_that_was_locked() {
    for way in ["page", "lock"] {
        let mut w = wide("take", Lang::En);
        w.state_mut().world.take_long();
        w.state_mut().world.clipboard = format!("madang:{}", "a".repeat(200));
        press(&mut w, Lang::En.tr(T::PasteHere));
        if way == "page" {
            press(&mut w, Lang::En.tr(T::Settings));
        } else {
            w.key_press_modifiers(Modifiers::COMMAND, Key::L);
            w.run_steps(4);
            write(&mut w, Role::PasswordInput, Lang::En.tr(T::Passphrase), "correct horse");
            w.key_press(Key::Enter);
            w.run_steps(5);
            assert!(w.state().model.stage.is_open());
        }
        w.state_mut().world.find();
        w.run_steps(3);
        w.key_press_modifiers(Modifiers::COMMAND, Key::N);
        w.run_steps(3);
        press(&mut w, Lang::En.tr(T::TakeInvite));
        let field = w.get_by_role_and_label(Role::MultilineTextInput, Lang::En.tr(T::PasteInvite));
        assert_eq!(field.value().unwrap_or_default(), "", "{way}");
    }
}

#[test]
fn of_two_things_that_are_looked_for_the_second_is_shown_as_under_way_until_it_has_come() {
    let mut w = wide("take", Lang::En);
    w.state_mut().world.take_long();
    w.state_mut().world.clipboard = format!("madang:{}", "a".repeat(200));
    press(&mut w, Lang::En.tr(T::PasteHere));
    w.input_mut().dropped_files.push(Arc::new(Dropped("/home/haneul/invite.txt")));
    w.run_steps(3);
    w.state_mut().world.find_one();
    w.run_steps(3);
    assert!(shows(&w, Lang::En.tr(T::LookingInFile)), "the dropped file is still looked into");
    let field = w.get_by_role_and_label(Role::MultilineTextInput, Lang::En.tr(T::PasteInvite));
    assert_eq!(field.value().unwrap_or_default(), "", "what was dropped later is what is wanted");
    w.state_mut().world.find();
    w.run_steps(3);
    assert!(shows(&w, Lang::En.tr(T::FailFileNothing)) && !shows(&w, Lang::En.tr(T::LookingInFile)));
}

/// A file that was dragged onto the window.
#[derive(Debug)]
struct Dropped(&'static str);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &std::path::Path {
        std::path::Path::new(self.0)
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        unreachable!("the worker reads it by its path")
    }
}

#[test]
fn a_file_that_is_dropped_is_looked_into_where_something_is_wanted_and_nowhere_else() {
    for lang in BOTH {
        let mut w = wide("add", lang);
        w.input_mut().dropped_files.push(Arc::new(Dropped("/home/haneul/invite.png")));
        w.run_steps(4);
        let field = w.get_by_role_and_label(Role::MultilineTextInput, lang.tr(T::PasteInvite));
        assert!(field.value().is_some_and(|text| text.starts_with("madang:")));

        for (screen, file, says) in [
            ("add", "/home/haneul/invite.txt", T::FailFileNothing),
            ("verify", "/home/haneul/number.txt", T::FailFileNothing),
        ] {
            let mut w = window(screen, lang, [1366.0, 1200.0]);
            w.input_mut().dropped_files.push(Arc::new(Dropped(file)));
            w.run_steps(4);
            assert!(shows(&w, lang.tr(says)), "{screen}");
        }
        for screen in ["chat", "unlock"] {
            let mut w = wide(screen, lang);
            w.input_mut().dropped_files.push(Arc::new(Dropped("/home/haneul/invite.png")));
            w.run_steps(4);
            assert!(!w.state().world.told.contains(&"ReadFile".to_owned()), "{screen}");
        }
    }
}

#[test]
fn a_picture_of_the_safety_number_is_compared() {
    for lang in BOTH {
        let mut w = window("verify", lang, [1366.0, 1200.0]);
        w.event(egui::Event::PasteImage(Arc::new(egui::ColorImage::filled([8, 8], egui::Color32::BLACK))));
        w.run_steps(4);
        assert!(shows(&w, lang.tr(T::CodeSame)));
    }
}

#[test]
fn an_invite_leaves_the_clipboard_with_the_lock() {
    let mut w = wide("add", Lang::En);
    press(&mut w, Lang::En.tr(T::CopyInvite));
    w.key_press_modifiers(Modifiers::COMMAND, Key::L);
    w.run_steps(3);
    let told = &w.state().world.told;
    let at = |what: &str| told.iter().position(|t| t == what);
    assert!(at("ClearClipboard") < at("Lock") && at("ClearClipboard").is_some());
}

#[test]
fn the_keys_are_listed_at_f1_even_while_locked() {
    for lang in BOTH {
        for screen in ["chat", "unlock"] {
            let mut w = wide(screen, lang);
            w.key_press(Key::F1);
            w.run_steps(3);
            assert!(shows(&w, lang.tr(T::KeyPagesDoes)), "{screen}");
            w.key_press(Key::Escape);
            w.run_steps(3);
            assert!(!shows(&w, lang.tr(T::KeyPagesDoes)), "{screen}");
        }
    }
}

#[test]
fn a_practice_ends_and_is_not_locked() {
    for lang in BOTH {
        let mut w = window("welcome", lang, [900.0, 1200.0]);
        press(&mut w, lang.tr(T::TryDemo));
        assert!(shows(&w, lang.tr(T::PracticeBanner)) && shows(&w, lang.tr(T::EndPractice)));
        assert!(!w.state().world.told.contains(&"KeepDesk".to_owned()));
    }
}

#[test]
fn what_is_deleted_is_asked_once_more_and_gone() {
    for lang in BOTH {
        let mut w = wide("chat", lang);
        w.get_all_by_label(lang.tr(T::MessageActions)).last().expect("a message").click();
        w.run_steps(3);
        press(&mut w, lang.tr(T::DeleteMessage));
        assert!(shows(&w, lang.tr(T::DeleteMessageTitle)));
        assert!(!w.state().world.told.contains(&"DeleteMessage".to_owned()));
        press(&mut w, lang.tr(T::Cancel));
        let before = w.state().model.timelines[&ChatId(1)].messages.len();
        w.get_all_by_label(lang.tr(T::MessageActions)).last().expect("a message").click();
        w.run_steps(3);
        press(&mut w, lang.tr(T::DeleteMessage));
        press(&mut w, lang.tr(T::DeleteMessage));
        w.run_steps(3);
        assert_eq!(w.state().model.timelines[&ChatId(1)].messages.len(), before - 1);

        let mut w = wide("sure", lang);
        let name = w.state().model.chats[0].name.clone();
        assert!(shows(&w, &lang.with(T::RemoveContactTitle, &[&name])));
        w.get_all_by_label(lang.tr(T::RemoveContact)).last().expect("the button").click();
        w.run_steps(4);
        assert!(w.state().model.chats.iter().all(|chat| chat.id != ChatId(1)));
    }
}

#[test]
fn the_passphrase_changes_and_the_new_one_opens() {
    for lang in BOTH {
        let mut w = window("settings", lang, [1366.0, 2400.0]);
        let secret = "등불 walnut 강가 39 orbit";
        write(&mut w, Role::PasswordInput, lang.tr(T::PassphraseNew), secret);
        write(&mut w, Role::PasswordInput, lang.tr(T::PassphraseAgain), secret);
        press(&mut w, lang.tr(T::PassphraseChange));
        assert!(shows(&w, lang.tr(T::PassphraseChanged)));
        w.key_press_modifiers(Modifiers::COMMAND, Key::L);
        w.run_steps(4);
        write(&mut w, Role::PasswordInput, lang.tr(T::Passphrase), secret);
        w.key_press(Key::Enter);
        w.run_steps(5);
        assert!(w.state().model.stage.is_open());
    }
}
