//! The whole way by keys alone: no pointer, no name looked up to press.

use egui::{Event, Key, Modifiers, Role};
use egui_kittest::kittest::{NodeT, Queryable};

use super::{BOTH, Window, shows, window};
use crate::i18n::T;

/// Presses Tab until the focus is on what has this role and name.
fn tab_to(w: &mut Window, role: Role, label: &str) {
    let mut passed = Vec::new();
    for _ in 0..60 {
        w.key_press(Key::Tab);
        w.run_steps(2);
        let focused = w.root().children_recursive().find(|n| n.accesskit_node().is_focused());
        let Some(node) = focused else { continue };
        let name = node.accesskit_node().label().unwrap_or_default();
        if node.accesskit_node().role() == role && name == label {
            return;
        }
        passed.push(name);
    }
    panic!("Tab never comes to {label:?}, only to {passed:?}");
}

fn type_text(w: &mut Window, text: &str) {
    w.event(Event::Text(text.into()));
    w.run_steps(2);
}

#[test]
fn from_welcome_to_a_sent_message_by_keys_alone() {
    for lang in BOTH {
        let mut w = window("welcome", lang, [1000.0, 1200.0]);
        let secret = "등불 walnut 강가 39 orbit";
        tab_to(&mut w, Role::TextInput, lang.tr(T::ProfileName));
        type_text(&mut w, "하늘");
        tab_to(&mut w, Role::PasswordInput, lang.tr(T::Passphrase));
        type_text(&mut w, secret);
        tab_to(&mut w, Role::PasswordInput, lang.tr(T::PassphraseAgain));
        type_text(&mut w, secret);
        tab_to(&mut w, Role::CheckBox, lang.tr(T::Understood));
        w.key_press(Key::Space);
        w.run_steps(2);
        tab_to(&mut w, Role::Button, lang.tr(T::CreateProfile));
        w.key_press(Key::Enter);
        w.run_steps(4);
        assert!(w.state().model.stage.is_open(), "{:?}", w.state().world.told);

        w.key_press_modifiers(Modifiers::COMMAND, Key::N);
        w.run_steps(3);
        tab_to(&mut w, Role::RadioButton, lang.tr(T::TakeInvite));
        w.key_press(Key::Enter);
        w.run_steps(3);
        tab_to(&mut w, Role::MultilineTextInput, lang.tr(T::PasteInvite));
        w.event(Event::Paste(format!("madang:{}", "a".repeat(200))));
        w.run_steps(2);
        tab_to(&mut w, Role::TextInput, lang.tr(T::TheirName));
        type_text(&mut w, "새 친구");
        tab_to(&mut w, Role::Button, lang.tr(T::AcceptInvite));
        w.key_press(Key::Enter);
        w.run_steps(4);
        w.state_mut().world.answer();
        w.run_steps(3);

        w.key_press_modifiers(Modifiers::ALT, Key::ArrowDown);
        w.run_steps(4);
        type_text(&mut w, "안녕 hello");
        w.key_press(Key::Enter);
        w.run_steps(4);
        assert!(w.state().world.told.contains(&"Send".to_owned()));
        assert!(shows(&w, "안녕 hello"));
    }
}

#[test]
fn what_is_pressed_after_a_passphrase_in_hangul_takes_the_focus() {
    for lang in BOTH {
        let mut w = window("welcome", lang, [1000.0, 1200.0]);
        let field = |label: T| (Role::PasswordInput, lang.tr(label));
        for (label, text) in [(T::Passphrase, "등불"), (T::PassphraseAgain, "강")] {
            let (role, label) = field(label);
            w.get_by_role_and_label(role, label).click();
            w.run_steps(3);
            type_text(&mut w, text);
            assert!(shows(&w, lang.tr(T::TypingHangul)), "{label}");
        }
        let (role, label) = field(T::PassphraseAgain);
        let again = w.get_by_role_and_label(role, label);
        assert_eq!(again.accesskit_node().value().as_deref(), Some("•"));
    }
}
