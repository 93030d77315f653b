//! The rest of the house: network, settings, palette, rest.

use std::collections::BTreeSet;

use egui::{Key, Modifiers, Role};

use crate::{
    i18n::{Lang, T},
    model::{ChatId, ThemeChoice},
};

use super::{BOTH, press, shows, wide, window, write};

#[test]
fn a_relay_is_added_refused_and_removed() {
    for lang in BOTH {
        let mut w = window("network", lang, [1366.0, 1100.0]);
        assert!(shows(&w, &lang.with(T::RoadRelaysSome, &["1", "2"])));
        write(&mut w, Role::TextInput, lang.tr(T::RelayText), "rubbish");
        press(&mut w, lang.tr(T::AddRelay).to_owned().as_str());
        assert!(shows(&w, lang.tr(T::FailRelay)));
        w.state_mut().views.network.clear();
        write(&mut w, Role::TextInput, lang.tr(T::RelayText), "/ip4/10.1.1.1/tcp/4100");
        press(&mut w, lang.tr(T::AddRelay));
        assert_eq!(w.state().model.roads.relays.len(), 3);
        press(&mut w, &lang.with(T::RemoveRelay, &["/ip4/10.1.1.1/tcp/4100"]));
        assert_eq!(w.state().model.roads.relays.len(), 2);
    }
}

#[test]
fn settings_change_language_theme_and_size_at_once() {
    let mut w = window("settings", Lang::En, [1366.0, 1400.0]);
    press(&mut w, "한국어");
    assert!(shows(&w, Lang::Ko.tr(T::TextSize)));
    press(&mut w, Lang::Ko.tr(T::ThemeDark));
    assert_eq!(w.state().model.prefs.theme, ThemeChoice::Dark);
    press(&mut w, Lang::Ko.tr(T::Larger));
    assert_eq!(w.state().model.prefs.text_percent, 115);
}

#[test]
fn the_palette_finds_people_and_actions_by_name() {
    for lang in BOTH {
        let mut w = wide("list", lang);
        w.key_press_modifiers(Modifiers::COMMAND, Key::K);
        w.run_steps(3);
        let person = if lang == Lang::Ko { "할머" } else { "grandm" };
        write(&mut w, Role::TextInput, lang.tr(T::PaletteTitle), person);
        w.key_press(Key::Enter);
        w.run_steps(4);
        assert_eq!(w.state().route, crate::route::Route::Chats(Some(ChatId(3))));
        assert!(w.state().views.palette.is_none());
    }
}

#[test]
fn a_window_at_rest_asks_for_no_frame() {
    for screen in ["list", "chat", "settings", "unlock"] {
        let mut w = wide(screen, Lang::En);
        w.run_steps(20);
        let soon: BTreeSet<bool> = w
            .output()
            .viewport_output
            .values()
            .map(|v| v.repaint_delay < std::time::Duration::from_secs(30))
            .collect();
        assert!(!soon.contains(&true), "{screen}");
    }
}
