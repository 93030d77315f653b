//! Contacts: invited, taken, verified, renamed.

use egui::Role;
use egui_kittest::kittest::Queryable;

use crate::{
    action::Command,
    app::World,
    i18n::T,
    model::{Bond, ChatId, Update},
    route::Route,
};

use super::{BOTH, press, shows, wide, window, write};

#[test]
fn an_invite_is_shown_as_picture_and_text_and_taken_by_paste() {
    for lang in BOTH {
        let mut w = wide("add", lang);
        assert!(w.query_by_label(lang.tr(T::InviteQr)).is_some());
        press(&mut w, lang.tr(T::CopyInvite));
        assert!(shows(&w, lang.tr(T::InviteCopied)));
        press(&mut w, lang.tr(T::TakeInvite));
        write(&mut w, Role::MultilineTextInput, lang.tr(T::PasteInvite), "hello");
        assert!(shows(&w, lang.tr(T::NotAnInvite)));
        w.state_mut().views.add.clear();
        w.run_steps(2);
        press(&mut w, lang.tr(T::TakeInvite));
        write(
            &mut w,
            Role::MultilineTextInput,
            lang.tr(T::PasteInvite),
            &format!("madang:{}", "a".repeat(200)),
        );
        write(&mut w, Role::TextInput, lang.tr(T::TheirName), "새 친구 New");
        press(&mut w, lang.tr(T::AcceptInvite));
        w.run_steps(3);
        assert!(shows(&w, "새 친구 New"));
    }
}

#[test]
fn an_invite_without_a_relay_promises_nothing_that_is_kept_meanwhile() {
    for lang in BOTH {
        let promises = |state| shows(&wide(state, lang), lang.tr(T::WaitingExplained));
        assert!(promises("add") && !promises("no relay to invite by"));
    }
}

#[test]
fn a_device_that_was_called_back_shows_no_invite_and_takes_none() {
    for lang in BOTH {
        for screen in ["add", "take"] {
            let mut w = wide(screen, lang);
            let word = if screen == "add" { T::InviteText } else { T::AcceptInvite };
            assert!(shows(&w, lang.tr(word)) && !shows(&w, lang.tr(T::CalledBack)));
            w.state_mut().model.me.called_back = true;
            w.run_steps(3);
            assert!(!shows(&w, lang.tr(word)) && shows(&w, lang.tr(T::CalledBack)));
        }
    }
}

#[test]
fn where_nothing_can_be_said_any_more_nothing_is_chosen_about_disappearing() {
    for lang in BOTH {
        for screen in ["contact", "settings"] {
            let mut w = wide(screen, lang);
            assert!(shows(&w, lang.tr(T::FadeHead)));
            w.state_mut().model.me.called_back = true;
            w.run_steps(3);
            assert!(!shows(&w, lang.tr(T::FadeHead)), "{screen}");
        }
        let mut w = wide("contact", lang);
        w.state_mut().model.chats[0].bond = Bond::Failed;
        w.run_steps(3);
        assert!(!shows(&w, lang.tr(T::FadeHead)));
    }
}

#[test]
fn people_stand_by_name_with_how_far_one_has_come_and_lead_to_their_details() {
    for lang in BOTH {
        let mut w = wide("people", lang);
        let chats = w.state().model.chats.clone();
        assert_eq!(chats.len(), 5);
        for chat in &chats {
            let state = match (chat.is_live(), chat.verified) {
                (false, _) => T::WaitingForThem,
                (true, true) => T::Verified,
                (true, false) => T::NotVerified,
            };
            assert!(shows(&w, &format!("{}, {}", chat.name, lang.tr(state))));
        }
        let top = |name: &str| w.get_by_label_contains(&format!("{name}, ")).rect().top();
        let mut names: Vec<&str> = chats.iter().map(|chat| chat.name.as_str()).collect();
        names.sort_by_key(|name| name.to_lowercase());
        assert!(names.windows(2).all(|pair| top(pair[0]) < top(pair[1])), "{names:?}");
        let last = format!("{}, ", names[4]);
        w.get_by_label_contains(&last).click();
        w.run_steps(4);
        let id = chats.iter().find(|chat| chat.name == names[4]).expect("there").id;
        assert_eq!(w.state().route, Route::Contact(id));
    }
}

#[test]
fn a_contact_is_verified_renamed_and_shown_so() {
    for lang in BOTH {
        let mut w = wide("verify", lang);
        assert!(shows(&w, "10271"));
        press(&mut w, lang.tr(T::TakeBackVerified));
        assert!(w.state().model.chats.iter().any(|c| c.id == ChatId(1) && !c.verified));
        press(&mut w, lang.tr(T::TheyMatch));
        assert!(w.state().model.chats.iter().any(|c| c.id == ChatId(1) && c.verified));

        let mut w = wide("contact", lang);
        write(&mut w, Role::TextInput, lang.tr(T::TheirName), " 2");
        press(&mut w, lang.tr(T::Rename));
        w.run_steps(3);
        assert!(shows(&w, " 2"));
        assert!(shows(&w, lang.tr(T::NameSaved)));
    }
}

#[test]
fn keys_are_replaced_after_a_question_and_said_to_be_on_the_way() {
    for lang in BOTH {
        let mut w = window("contact", lang, [1366.0, 1600.0]);
        let name = w.state().model.chats[0].name.clone();
        press(&mut w, lang.tr(T::RenewAct));
        assert!(shows(&w, &lang.with(T::RenewBody, &[&name])));
        assert!(!w.state().world.told.contains(&"Suspect".to_owned()), "it is asked first");
        w.query_all_by_label(lang.tr(T::RenewAct)).last().expect("the button").click();
        w.run_steps(4);
        assert!(w.state().world.told.contains(&"Suspect".to_owned()));
        assert!(shows(&w, &lang.with(T::RenewComing, &[&name])));
        assert!(w.query_by_label(lang.tr(T::RenewAct)).is_none(), "once is enough");
    }
}

#[test]
fn half_a_safety_number_is_told_as_such_and_not_as_another_one() {
    for lang in BOTH {
        for (code, word) in [
            ("madang-safety:same", T::CodeSame),
            ("madang-safety:other", T::CodeDiffers),
            ("12345 67890", T::CodeNoNumber),
        ] {
            let mut w = window("verify", lang, [1366.0, 1200.0]);
            w.state_mut().world.tell(Command::Compare(ChatId(1), code.into()));
            w.run_steps(3);
            assert!(shows(&w, &lang.with(word, &["10"])), "{code}");
            assert_eq!(shows(&w, lang.tr(T::CodeDiffers)), word == T::CodeDiffers);
        }
    }
}

#[test]
fn a_number_that_was_verified_and_now_differs_is_not_called_verified_beside_it() {
    for lang in BOTH {
        let mut w = window("verify", lang, [1366.0, 768.0]);
        assert!(shows(&w, lang.tr(T::Verified)));
        w.state_mut().world.tell(Command::Compare(ChatId(1), "madang-safety:other".into()));
        w.run_steps(3);
        assert!(shows(&w, lang.tr(T::CodeDiffers)) && !shows(&w, lang.tr(T::Verified)));
        let take_back = w.query_by_label(lang.tr(T::TakeBackVerified)).expect("the button, once");
        assert!(take_back.rect().bottom() < 768.0, "in view");
        press(&mut w, lang.tr(T::TakeBackVerified));
        w.run_steps(3);
        assert!(w.query_by_label(lang.tr(T::TakeBackVerified)).is_none());
    }
}

#[test]
fn a_relay_is_shown_with_what_it_said_and_what_waits_for_it() {
    use crate::model::Takes;
    for lang in BOTH {
        let mut w = wide("network", lang);
        assert!(shows(&w, &lang.with(T::RelayConnectedFor, &[&lang.span(3 * 3_600)])));
        assert!(shows(&w, &lang.with(T::RelayTryingFor, &[&lang.span(25 * 60)])));
        assert!(shows(&w, &lang.with(T::RelayWaiting, &["2"])));
        for (takes, word) in [
            (Takes::MakingRoom, T::RelayMakingRoom),
            (Takes::Nothing, T::RelayFull),
            (Takes::Later, T::RelayLater),
        ] {
            assert!(!shows(&w, lang.tr(word)));
            let mut roads = w.state().model.roads.clone();
            roads.relays[0].takes = takes;
            roads.relays[1].steady = None;
            w.state_mut().model.apply(Update::Roads(roads));
            w.run_steps(2);
            assert!(shows(&w, lang.tr(word)) && shows(&w, lang.tr(T::RelayTrying)));
        }
    }
}
