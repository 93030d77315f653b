//! What stands over a page for a moment, and what stays until it is dismissed.

use egui::{Key, Modifiers};

use super::{BOTH, Window, press, shows, wide};
use crate::{
    i18n::{Lang, T},
    model::Notice,
};

fn notify(w: &mut Window, sentence: T, trouble: bool) -> String {
    let parts = vec!["서연".to_owned()];
    let said = w.state().model.prefs.language.with(sentence, &["서연"]);
    w.state_mut().model.notify(Notice { sentence, parts, trouble });
    w.run_steps(3);
    said
}

/// How often a command was told.
fn told(w: &Window, what: &str) -> usize {
    w.state().world.told.iter().filter(|told| *told == what).count()
}

#[test]
fn a_warning_stays_until_it_is_dismissed_and_a_line_passes_by_above_it() {
    for lang in BOTH {
        let mut w = wide("chat", lang);
        let warning = notify(&mut w, T::NoticeInviteForged, true);
        let line = notify(&mut w, T::NoticeMetAgain, false);
        assert!(shows(&w, &warning) && shows(&w, &line));
        w.run_steps(40);
        assert!(shows(&w, &warning) && !shows(&w, &line), "ten seconds");
        w.run_steps(400);
        assert!(shows(&w, &warning));
        press(&mut w, lang.tr(T::Dismiss));
        assert!(!shows(&w, &warning));
    }
}

#[test]
fn time_counts_for_a_line_only_while_the_window_has_the_focus() {
    let mut w = wide("chat", Lang::Ko);
    let line = notify(&mut w, T::NoticeMetAgain, false);
    w.input_mut().focused = false;
    w.run_steps(400);
    assert!(shows(&w, &line), "nobody is here to read it");
    w.input_mut().focused = true;
    w.run_steps(8);
    assert!(shows(&w, &line), "it is there when one comes back");
    w.run_steps(30);
    assert!(!shows(&w, &line));
}

#[test]
fn a_loss_counts_as_told_when_all_of_it_was_dismissed() {
    for lang in BOTH {
        let mut w = wide("list", lang);
        notify(&mut w, T::NoticeLogDamaged, true);
        let other = notify(&mut w, T::NoticeRolledBack, true);
        w.run_steps(200);
        assert_eq!(told(&w, "LossTold"), 0, "it was drawn, and perhaps nobody was here");
        press(&mut w, lang.tr(T::Dismiss));
        assert!(shows(&w, &other) && told(&w, "LossTold") == 0);
        press(&mut w, lang.tr(T::Dismiss));
        assert_eq!(told(&w, "LossTold"), 1);
    }
}

#[test]
fn that_keys_may_still_be_there_is_said_before_all_else_and_on_the_lock_screen_too() {
    for lang in BOTH {
        let mut w = wide("chat", lang);
        let before = notify(&mut w, T::NoticeInviteForged, true);
        let failed = notify(&mut w, T::FailWipe, true);
        assert!(shows(&w, &failed) && !shows(&w, &before));
        w.key_press_modifiers(Modifiers::COMMAND, Key::L);
        w.run_steps(4);
        assert!(shows(&w, lang.tr(T::Unlock)) && shows(&w, &failed));
        press(&mut w, lang.tr(T::Dismiss));
        assert!(!shows(&w, &failed) && !shows(&w, &before));
    }
}
