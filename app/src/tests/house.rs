//! The rest of the house: network, settings, palette, rest.

use std::collections::BTreeSet;

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::Queryable;

use crate::{
    i18n::{Lang, T},
    model::{ChatId, Notify, ThemeChoice},
    route::Route,
};

use super::{BOTH, copied_by, labels, press, shows, wide, window, write};

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
    for lang in BOTH {
        let mut w = window("settings", lang, [1366.0, 6000.0]);
        let other = if lang == Lang::Ko { Lang::En } else { Lang::Ko };
        press(&mut w, other.own_name());
        assert!(shows(&w, other.tr(T::TextSize)) && !shows(&w, lang.tr(T::TextSize)));
        for (word, theme, dark) in
            [(T::ThemeDark, ThemeChoice::Dark, true), (T::ThemeLight, ThemeChoice::Light, false)]
        {
            press(&mut w, other.tr(word));
            assert_eq!(w.state().model.prefs.theme, theme);
            assert_eq!(w.ctx.global_style().visuals.dark_mode, dark, "what is drawn follows");
        }
        press(&mut w, other.tr(T::ThemeSystem));
        assert_eq!(w.state().model.prefs.theme, ThemeChoice::System);
        for (word, percent) in [(T::Larger, 115), (T::Larger, 130), (T::Smaller, 115), (T::Smaller, 100)] {
            press(&mut w, other.tr(word));
            assert_eq!(w.state().model.prefs.text_percent, percent);
            assert!((w.ctx.zoom_factor() - f32::from(percent) / 100.0).abs() < 0.001);
            assert!(shows(&w, &other.with(T::TextSizeValue, &[&percent.to_string()])));
        }
        assert!(
            w.state().world.told.iter().filter(|told| *told == "Keep").count() >= 8,
            "each is kept at once"
        );
    }
}

#[test]
fn every_choice_of_the_settings_is_taken_kept_and_told_honestly() {
    for lang in BOTH {
        let mut w = window("settings", lang, [1366.0, 6000.0]);
        let mut kept = 0;
        let mut choose = |w: &mut super::Window, label: &str| {
            press(w, label);
            let now = w.state().world.told.iter().filter(|told| *told == "Keep").count();
            assert!(now > kept, "{label} is kept");
            kept = now;
            w.state().model.prefs
        };
        for (word, notify) in [
            (T::NotifyOff, Notify::Off),
            (T::NotifyNamed, Notify::Named),
            (T::NotifyFull, Notify::Full),
            (T::NotifyHidden, Notify::Hidden),
        ] {
            assert_eq!(choose(&mut w, lang.tr(word)).notify, notify);
        }
        for minutes in [5, 60, 15] {
            let word = lang.with(T::AutoLockMinutes, &[&minutes.to_string()]);
            assert_eq!(choose(&mut w, &word).auto_lock_minutes, minutes);
        }
        assert_eq!(choose(&mut w, lang.tr(T::AutoLockNever)).auto_lock_minutes, 0);
        for on in [false, true] {
            assert_eq!(choose(&mut w, lang.tr(T::EnterSends)).enter_sends, on);
            assert_eq!(choose(&mut w, lang.tr(T::TellRead)).tell_read, on);
        }
        assert!(shows(&w, lang.tr(T::Unaudited)), "nobody is told more than is true");
    }
}

#[test]
fn the_licences_are_read_in_the_app() {
    for lang in BOTH {
        let mut w = window("settings", lang, [1366.0, 6000.0]);
        press(&mut w, lang.tr(T::LicencesRead));
        assert_eq!(w.state().route, Route::Licences);
        for (word, says) in [
            (T::LicenceMadangMit, "Permission is hereby granted"),
            (T::LicenceMadangApache, "TERMS AND CONDITIONS FOR USE"),
            (T::LicencePretendard, "SIL OPEN FONT LICENSE"),
            (T::LicencePhosphor, "Permission is hereby granted"),
        ] {
            let mut w = window("licences", lang, [1366.0, 6000.0]);
            let before = labels(&w).iter().filter(|(_, said)| said.contains(says)).count();
            press(&mut w, lang.tr(word));
            w.run_steps(6);
            assert!(labels(&w).iter().filter(|(_, said)| said.contains(says)).count() > before, "{word:?}");
        }
    }
}

#[test]
fn the_list_of_chats_is_searched_by_name_and_by_what_was_said() {
    for lang in BOTH {
        let (person, said, of) = match lang {
            Lang::Ko => ("할머", "월요일", "박민호"),
            Lang::En => ("grandm", "MONDAY", "Minho"),
        };
        let other = if lang == Lang::Ko { "이지수" } else { "Jisu" };
        for (needle, found) in [(person, if lang == Lang::Ko { "할머니" } else { "Grandmother" }), (said, of)]
        {
            let mut w = wide("list", lang);
            assert!(shows(&w, other));
            write(&mut w, Role::TextInput, lang.tr(T::SearchChats), needle);
            assert!(shows(&w, found) && !shows(&w, other), "{needle}");
        }
        let mut w = wide("list", lang);
        write(&mut w, Role::TextInput, lang.tr(T::SearchChats), "nothing like it 없는 말");
        assert!(shows(&w, lang.tr(T::NothingFound)) && !shows(&w, other));
    }
}

#[test]
fn what_helps_a_helper_is_copied_and_names_nobody() {
    for lang in BOTH {
        let mut w = window("network", lang, [1366.0, 1400.0]);
        let told = copied_by(&mut w, lang.tr(T::CopyDiagnostics)).concat();
        assert!(told.starts_with("madang ") && told.contains("relays=1/2 contacts=4/5"), "{told}");
        let (model, secrets) = (&w.state().model, ["10.20", "10.31", "10.0.0", "k3f7"]);
        assert!(secrets.iter().all(|part| !told.contains(part)), "{told}");
        assert!(model.chats.iter().all(|chat| !told.contains(&chat.name)));
        assert!(!told.contains(&model.me.name));
    }
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
        assert_eq!(w.state().route, Route::Chats(Some(ChatId(3))));
        assert!(w.state().views.palette.is_none());
    }
}

#[test]
fn a_window_at_rest_asks_for_no_frame() {
    for screen in ["list", "chat", "settings", "unlock", "network"] {
        let mut w = wide(screen, Lang::En);
        w.run_steps(20);
        let soon: BTreeSet<bool> = w
            .output()
            .viewport_output
            .values()
            .map(|v| v.repaint_delay < std::time::Duration::from_secs(300))
            .collect();
        assert!(!soon.contains(&true), "{screen}");
    }
}

#[test]
fn a_page_stands_at_the_same_place_with_a_scroll_bar_and_without() {
    for lang in BOTH {
        for (screen, word) in [("add", T::ShowInvite), ("welcome", T::TryDemo), ("unlock", T::Unlock)] {
            let left = |tall: f32| {
                let w = window(screen, lang, [1366.0, tall]);
                w.get_by_label(lang.tr(word)).rect().left()
            };
            assert!((left(300.0) - left(1_600.0)).abs() < 0.5, "{screen}");
        }
    }
}

#[test]
fn fields_of_one_line_are_equally_tall_whatever_is_written_there() {
    let w = wide("welcome", Lang::En);
    let tall = |role| w.get_all_by_role(role).map(|field| field.rect().height()).collect::<Vec<f32>>();
    let all = [tall(Role::TextInput), tall(Role::PasswordInput)].concat();
    assert!(all.len() == 3 && all.iter().all(|one| (one - all[0]).abs() < 1.0), "{all:?}");
}
