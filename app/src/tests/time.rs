//! What happens by time alone, in a window that is seen and in one that is not.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use egui::{Event, Key, Modifiers, RawInput, Role, ViewportId, ViewportInfo};

use egui_kittest::kittest::Queryable;

use super::{BOTH, Window, composer, press, shows, wide, write};
use crate::{
    i18n::{Lang, T},
    model::ChatId,
};

const MINUTE: f64 = 60.0;

fn told(w: &Window, what: &str) -> Option<usize> {
    w.state().world.told.iter().position(|told| told == what)
}

/// What the window system gives of a window that nobody sees.
fn hidden() -> RawInput {
    let info = ViewportInfo { minimized: Some(true), occluded: Some(false), ..ViewportInfo::default() };
    RawInput {
        focused: false,
        viewports: [(ViewportId::ROOT, info)].into_iter().collect(),
        ..Default::default()
    }
}

/// Lets time pass, and then what runs in a hidden window.
fn pass_hidden(w: &mut Window, seconds: f64) {
    let ctx = w.ctx.clone();
    let app = w.state_mut();
    app.world.clock += seconds;
    let _ = ctx.run_logic(&hidden(), |ctx| app.tick(ctx));
}

/// Lets time pass, and then one frame with these events.
fn pass(w: &mut Window, seconds: f64, events: &[Event]) {
    w.state_mut().world.clock += seconds;
    w.input_mut().events.extend_from_slice(events);
    w.run_steps(1);
}

fn a_key() -> Event {
    Event::Key { key: Key::A, physical_key: None, pressed: true, repeat: false, modifiers: Modifiers::NONE }
}

fn name(lang: Lang) -> &'static str {
    if lang == Lang::Ko { "이지수" } else { "Jisu" }
}

#[test]
fn the_profile_is_locked_when_nobody_did_anything_for_the_chosen_time() {
    for lang in BOTH {
        let mut w = wide("chat", lang);
        pass(&mut w, 14.8 * MINUTE, &[]);
        assert_eq!(told(&w, "Lock"), None);
        pass(&mut w, 0.3 * MINUTE, &[]);
        assert!(told(&w, "Lock").is_some());
        w.run_steps(3);
        assert!(shows(&w, lang.tr(T::Unlock)) && !shows(&w, name(lang)));
    }
}

#[test]
fn whoever_does_something_is_not_locked_out_and_at_never_nobody_is() {
    let mut w = wide("chat", Lang::En);
    for _ in 0..8 {
        pass(&mut w, 14.0 * MINUTE, &[a_key()]);
    }
    assert_eq!(told(&w, "Lock"), None);
    w.state_mut().model.prefs.auto_lock_minutes = 0;
    pass(&mut w, 7.0 * 24.0 * 60.0 * MINUTE, &[]);
    pass_hidden(&mut w, 7.0 * 24.0 * 60.0 * MINUTE);
    assert_eq!(told(&w, "Lock"), None);
}

#[test]
fn after_a_long_absence_the_first_frame_shows_nobody_and_its_events_do_nothing() {
    for lang in BOTH {
        let mut w = wide("chat", lang);
        write(&mut w, Role::MultilineTextInput, &composer(lang), "half a thought");
        let enter = Event::Key {
            key: Key::Enter,
            physical_key: None,
            pressed: true,
            repeat: false,
            modifiers: Modifiers::NONE,
        };
        pass(&mut w, 600.0 * MINUTE, &[Event::Text("!".into()), enter]);
        assert!(!shows(&w, name(lang)), "the frame of the first key");
        assert!(told(&w, "KeepDraft") < told(&w, "Lock") && told(&w, "KeepDraft").is_some());
        assert_eq!(told(&w, "Send"), None);
        w.run_steps(3);
        assert!(shows(&w, lang.tr(T::Unlock)));
    }
}

#[test]
fn a_window_that_nobody_sees_is_locked_in_time_and_keeps_the_draft_first() {
    let mut w = wide("chat", Lang::En);
    write(&mut w, Role::MultilineTextInput, &composer(Lang::En), "half a thought");
    pass_hidden(&mut w, 14.8 * MINUTE);
    assert_eq!(told(&w, "Lock"), None);
    pass_hidden(&mut w, 0.3 * MINUTE);
    assert!(told(&w, "KeepDraft") < told(&w, "Lock") && told(&w, "KeepDraft").is_some());
    pass_hidden(&mut w, 0.0);
    assert!(!w.state().model.stage.is_open() && w.state().model.chats.is_empty());
}

#[test]
fn a_hidden_window_asks_to_be_woken_for_the_lock() {
    let mut w = wide("chat", Lang::En);
    let asked = Arc::new(Mutex::new(Duration::MAX));
    let told = asked.clone();
    w.ctx.set_request_repaint_callback(move |info| {
        let mut least = told.lock().expect("unbroken");
        *least = info.delay.min(*least);
    });
    pass_hidden(&mut w, 5.0 * MINUTE);
    let delay = asked.lock().expect("unbroken").as_secs_f64();
    assert!((590.0..601.0).contains(&delay), "{delay}");
}

#[test]
fn an_invite_leaves_the_clipboard_after_a_minute_though_nobody_sees_the_window() {
    let mut w = wide("add", Lang::En);
    press(&mut w, Lang::En.tr(T::CopyInvite));
    pass_hidden(&mut w, 55.0);
    assert_eq!(told(&w, "ClearClipboard"), None);
    pass_hidden(&mut w, 6.0);
    assert!(told(&w, "ClearClipboard").is_some());
    assert_eq!(told(&w, "Lock"), None);
}

#[test]
fn the_desktop_is_told_of_what_comes_to_a_hidden_window_even_in_the_chat_that_is_open() {
    for lang in BOTH {
        let mut w = wide("chat", lang);
        w.state_mut().world.hear(ChatId(1), "are you there?");
        pass_hidden(&mut w, 1.0);
        let noticed = &w.state().world.noticed;
        assert_eq!(noticed.first().map(|(_, body)| body.as_str()), Some(lang.tr(T::NotifySomething)));
        assert!(w.state().world.seen.is_empty(), "nobody has seen it");
    }
}

#[test]
fn size_columns_and_text_are_kept_once_they_have_rested_and_not_while_one_drags() {
    for lang in BOTH {
        let mut w = wide("chat", lang);
        pass(&mut w, 10.0, &[]);
        w.state_mut().world.kept.clear();
        let edge = w.get_by_label(lang.tr(T::ListWidth)).rect().center();
        w.drag_at(edge);
        w.run_steps(2);
        for far in [8.0, 16.0, 24.0] {
            w.hover_at(edge + egui::vec2(far, 0.0));
            pass(&mut w, 2.0, &[]);
            w.state_mut().model.prefs.window = [1_000.0 + far, 700.0];
        }
        w.drop_at(edge + egui::vec2(24.0, 0.0));
        pass(&mut w, 2.0, &[]);
        assert_eq!(w.state().world.kept, [], "it has not rested");
        pass(&mut w, 4.0, &[]);
        pass(&mut w, 600.0, &[]);
        let list = w.state().model.prefs.list;
        let kept: Vec<_> = w.state().world.kept.iter().map(|prefs| (prefs.list, prefs.window)).collect();
        assert_eq!(kept, [(list, [1_024.0, 700.0])], "once, and without an end of the program");
        let drawn = list - crate::model::Prefs::default().list;
        assert!((22.0..=26.0).contains(&drawn), "the edge was drawn by {drawn}");
    }
}

#[test]
fn what_changed_before_the_window_was_hidden_is_kept_by_a_hidden_window() {
    let mut w = wide("chat", Lang::En);
    pass(&mut w, 10.0, &[]);
    w.state_mut().world.kept.clear();
    w.state_mut().model.prefs.maximized = true;
    pass_hidden(&mut w, 1.0);
    assert_eq!(w.state().world.kept, []);
    pass_hidden(&mut w, 4.0);
    assert!(matches!(w.state().world.kept[..], [prefs] if prefs.maximized));
}

#[test]
fn roads_are_watched_while_they_are_shown_and_the_window_does_not_ask_for_them_itself() {
    let count = |w: &Window, what: &str| w.state().world.told.iter().filter(|told| *told == what).count();
    let mut w = wide("network", Lang::En);
    assert_eq!((count(&w, "Watch"), count(&w, "Unwatch")), (1, 0));
    let asked = count(&w, "Network");
    for _ in 0..5 {
        pass(&mut w, MINUTE, &[]);
        pass_hidden(&mut w, MINUTE);
    }
    assert_eq!((count(&w, "Watch"), count(&w, "Network")), (1, asked));
    w.key_press_modifiers(Modifiers::COMMAND, Key::L);
    w.run_steps(4);
    assert_eq!(count(&w, "Unwatch"), 1);
}
