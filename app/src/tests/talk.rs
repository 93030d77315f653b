//! Writing, reading and finding in a conversation.

use egui::{Event, ImeEvent, Key, Modifiers, Role};
use egui_kittest::kittest::{NodeT as _, Queryable};

use crate::{
    i18n::{Lang, T},
    model::{Bond, ChatId, Fade, Notify, Update},
    route::Route,
};

use super::{BOTH, Window, composer, copied_by, press, shows, wide, window, write};

#[test]
fn the_field_grows_to_eight_lines_and_stands_near_the_foot_of_the_window() {
    let foot = |lines: usize| {
        let mut w = wide("chat", Lang::En);
        let composer = &mut w.state_mut().views.conversations.entry(ChatId(1)).or_default().composer;
        composer.draft = vec!["line"; lines].join("\n");
        w.run_steps(6);
        let field = w.get_by_role_and_label(Role::MultilineTextInput, &super::composer(Lang::En)).rect();
        let below = 768.0 - field.bottom();
        assert!(lines > 1 || (7.0..=18.0).contains(&below), "{below}");
        768.0 - w.get_by_role_and_label(Role::List, Lang::En.tr(T::Messages)).rect().bottom()
    };
    let [one, two, six, eight, twelve] = [1, 2, 6, 8, 12].map(foot);
    let line = two - one;
    assert!(line > 15.0 && one < 64.0, "{one} {two}");
    assert!((six - one - 5.0 * line).abs() < 2.0, "{one} {two} {six}");
    assert!(eight > six + line && (twelve - eight).abs() < line, "{six} {eight} {twelve}");
}

#[test]
fn a_message_is_written_and_shown_with_its_sign() {
    for lang in BOTH {
        let mut w = wide("chat", lang);
        write(&mut w, Role::MultilineTextInput, &composer(lang), "지금 가요 now");
        w.key_press(Key::Enter);
        w.run_steps(4);
        assert!(w.state().world.told.contains(&"Send".to_owned()));
        assert!(shows(&w, "지금 가요 now"));
        assert_eq!(
            w.get_by_role_and_label(Role::MultilineTextInput, &composer(lang)).value().unwrap_or_default(),
            ""
        );
        assert!(w.get_by_role_and_label(Role::MultilineTextInput, &composer(lang)).is_focused());
    }
}

#[test]
fn where_nothing_goes_any_more_what_was_said_is_read_and_nothing_can_be_written() {
    for lang in BOTH {
        let mut w = wide("chat", lang);
        let said = w.state().model.timelines[&ChatId(1)].messages.last().expect("a message").text.clone();
        let chats = &mut w.state_mut().model.chats;
        chats.iter_mut().find(|chat| chat.id == ChatId(1)).expect("the chat").bond = Bond::Failed;
        w.run_steps(4);
        assert!(w.query_by_role_and_label(Role::MultilineTextInput, &composer(lang)).is_none());
        assert!(shows(&w, lang.tr(T::NothingGoes)) && shows(&w, lang.tr(T::NothingGoesAdvice)));
        assert!(shows(&w, &said));
    }
}

#[test]
fn the_input_method_is_told_of_its_place_once_however_much_is_typed() {
    let mut w = wide("chat", Lang::Ko);
    let told = |w: &Window| {
        assert!(
            w.ctx.input(|input| input.events.is_empty()),
            "events that are left make the window tell it again"
        );
        w.output().platform_output.ime.expect("the field takes what is composed").cursor_rect
    };
    write(&mut w, Role::MultilineTextInput, &composer(Lang::Ko), "가");
    let place = told(&w);
    for text in ["나", " ", "다라마바사"] {
        write(&mut w, Role::MultilineTextInput, &composer(Lang::Ko), text);
        assert_eq!(told(&w), place);
    }
}

#[test]
fn the_input_method_stays_with_the_field_when_a_message_is_sent() {
    let mut w = wide("chat", Lang::Ko);
    write(&mut w, Role::MultilineTextInput, &composer(Lang::Ko), "가요");
    w.key_press(Key::Enter);
    for _ in 0..4 {
        w.run_steps(1);
        let ime = w.output().platform_output.ime;
        assert!(ime.is_some_and(|ime| !ime.should_interrupt_composition), "{ime:?}");
    }
    assert!(w.state().world.told.contains(&"Send".to_owned()));
}

#[test]
fn shift_enter_breaks_the_line() {
    let mut w = wide("chat", Lang::En);
    write(&mut w, Role::MultilineTextInput, &composer(Lang::En), "one");
    w.key_press_modifiers(Modifiers::SHIFT, Key::Enter);
    w.run_steps(2);
    write(&mut w, Role::MultilineTextInput, &composer(Lang::En), "two");
    assert!(!w.state().world.told.contains(&"Send".to_owned()));
    assert_eq!(
        w.get_by_role_and_label(Role::MultilineTextInput, &composer(Lang::En)).value().as_deref(),
        Some("one\ntwo")
    );
}

#[test]
fn where_enter_breaks_the_line_ctrl_and_enter_send() {
    let mut w = wide("chat", Lang::En);
    w.state_mut().model.prefs.enter_sends = false;
    write(&mut w, Role::MultilineTextInput, &composer(Lang::En), "one");
    w.key_press(Key::Enter);
    w.run_steps(2);
    write(&mut w, Role::MultilineTextInput, &composer(Lang::En), "two");
    assert!(w.state().world.sent.is_empty());
    w.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    w.run_steps(3);
    assert_eq!(w.state().world.sent, ["one\ntwo"]);
}

#[test]
fn enter_during_composition_neither_drops_nor_doubles_a_syllable() {
    let preedit = |text: &str| Event::Ime(ImeEvent::Preedit { text: text.into(), active_range_chars: None });
    let enter = || Event::Key {
        key: Key::Enter,
        physical_key: None,
        pressed: true,
        repeat: false,
        modifiers: Modifiers::NONE,
    };
    let commit = |text: &str| Event::Ime(ImeEvent::Commit(text.into()));
    // The key before the commit in another frame; after it in the same frame; after it in the next.
    let orders: [Vec<Vec<Event>>; 3] = [
        vec![vec![preedit("글")], vec![enter()], vec![commit("글")]],
        vec![vec![preedit("글")], vec![preedit(""), commit("글"), enter()]],
        vec![vec![preedit("글")], vec![commit("글")], vec![enter()]],
    ];
    for order in orders {
        let mut w = wide("chat", Lang::Ko);
        w.get_by_role_and_label(Role::MultilineTextInput, &composer(Lang::Ko)).focus();
        w.run_steps(2);
        for event in [preedit("ㅎ"), preedit("하"), preedit("한"), commit("한")] {
            w.event(event);
            w.run_steps(1);
        }
        for frame in order.clone() {
            for event in frame {
                w.input_mut().events.push(event);
            }
            w.run_steps(1);
        }
        w.run_steps(3);
        let talk = &w.state().model.timelines[&ChatId(1)].messages;
        assert_eq!(talk.last().map(|m| m.text.as_str()), Some("한글"), "{order:?}");
        assert_eq!(talk.iter().filter(|m| m.text.contains('한') && m.mine && m.text.len() < 9).count(), 1);
        assert_eq!(
            w.get_by_role_and_label(Role::MultilineTextInput, &composer(Lang::Ko))
                .value()
                .unwrap_or_default(),
            ""
        );
    }
}

#[test]
fn what_is_typed_in_pieces_is_sent_composed() {
    let mut w = wide("chat", Lang::Ko);
    let pieces = "\u{1112}\u{1161}\u{11AB}\u{1100}\u{1173}\u{11AF} e\u{0301}";
    write(&mut w, Role::MultilineTextInput, &composer(Lang::Ko), pieces);
    w.key_press(Key::Enter);
    w.run_steps(4);
    assert_eq!(w.state().world.sent, ["한글 é"]);
}

#[test]
fn the_text_of_a_message_is_copied_as_it_is_shown() {
    for lang in BOTH {
        let mut w = wide("chat", lang);
        let said = w.state().model.timelines[&ChatId(1)].messages.last().expect("a message").text.clone();
        w.get_all_by_label(lang.tr(T::MessageActions)).last().expect("a message").click();
        w.run_steps(3);
        assert_eq!(copied_by(&mut w, lang.tr(T::CopyText)), [said]);
        assert!(shows(&w, lang.tr(T::Copied)));
    }
}

#[test]
fn a_message_of_a_newer_kind_says_so_wherever_it_stands_and_has_no_text_to_copy() {
    for lang in BOTH {
        let mut w = wide("chat", lang);
        w.state_mut().model.prefs.notify = Notify::Full;
        w.state_mut().start_at(Route::Chats(Some(ChatId(2))), "");
        w.run_steps(3);
        w.state_mut().world.hear(ChatId(1), "");
        w.run_steps(3);
        assert_eq!(w.query_all_by_label_contains(lang.tr(T::NewerKind)).count(), 1, "in the list");
        let noticed = w.state().world.noticed.last().map(|(_, body)| body.clone());
        assert_eq!(noticed.as_deref(), Some(lang.tr(T::NotifySomething)));
        w.state_mut().start_at(Route::Chats(Some(ChatId(1))), "");
        w.run_steps(4);
        assert_eq!(w.query_all_by_label_contains(lang.tr(T::NewerKind)).count(), 2, "in the chat too");
        w.get_all_by_label(lang.tr(T::MessageActions)).last().expect("a message").click();
        w.run_steps(3);
        assert!(shows(&w, lang.tr(T::DeleteMessage)) && !shows(&w, lang.tr(T::CopyText)));
        press(&mut w, lang.tr(T::Reply));
        assert_eq!(w.query_all_by_label_contains(lang.tr(T::NewerKind)).count(), 3, "in what is answered");
    }
}

#[test]
fn a_message_that_came_late_or_after_a_gap_says_so_also_to_who_hears_the_screen() {
    for lang in BOTH {
        let mut w = wide("chat", lang);
        let of = |w: &Window, word: T| w.query_all_by_label_contains(lang.tr(word)).count();
        assert_eq!((of(&w, T::ArrivedLater), of(&w, T::AfterGap)), (1, 0));
        let timeline = w.state_mut().model.timelines.get_mut(&ChatId(1)).expect("a chat");
        for message in &mut timeline.messages {
            (message.late, message.gap) = (message.place % 2 == 0, message.place % 2 == 1);
        }
        w.run_steps(3);
        assert!(of(&w, T::ArrivedLater) > 2 && of(&w, T::AfterGap) > 2);
    }
}

#[test]
fn a_line_stands_between_the_days_of_a_conversation() {
    for lang in BOTH {
        let w = wide("chat", lang);
        let top = |word: T| w.get_by_label(lang.tr(word)).rect().top();
        let said = |at: usize| {
            let text = &w.state().model.timelines[&ChatId(1)].messages[at].text;
            w.query_all_by_label_contains(text).map(|n| n.rect().top()).fold(f32::MAX, f32::min)
        };
        assert!(top(T::Yesterday) < said(1), "before the first of yesterday");
        assert!(said(4) < top(T::Today) && top(T::Today) < said(5), "between yesterday and today");
    }
}

#[test]
fn a_reply_shows_what_it_answers() {
    for lang in BOTH {
        let mut w = wide("chat", lang);
        let more =
            w.get_all_by_label(lang.tr(T::MessageActions)).last().map(|n| n.rect()).expect("a message");
        w.get_all_by_label(lang.tr(T::MessageActions)).last().expect("a message").click();
        w.run_steps(3);
        assert!(more.width() > 0.0);
        press(&mut w, lang.tr(T::Reply));
        assert!(shows(&w, &lang.with(T::ReplyingTo, &[lang.tr(T::You)])));
        write(&mut w, Role::MultilineTextInput, &composer(lang), "ok 네");
        w.key_press(Key::Enter);
        w.run_steps(4);
        let talk = &w.state().model.timelines[&ChatId(1)].messages;
        assert!(talk.last().is_some_and(|m| m.reply.is_some()));
    }
}

#[test]
fn the_trail_says_where_a_message_is_and_what_is_awaited() {
    for lang in BOTH {
        for size in [[1366.0, 768.0], [700.0, 800.0]] {
            let mut w = window("trail", lang, size);
            assert!(shows(&w, lang.tr(T::TrailTitle)));
            assert!(shows(&w, lang.tr(T::AwaitRelay)));
            assert!(shows(&w, "10.20.0.5"));
            w.key_press(Key::Escape);
            w.run_steps(3);
            assert!(!shows(&w, lang.tr(T::TrailTitle)));
        }
    }
}

#[test]
fn of_a_message_that_was_not_confirmed_and_cannot_arrive_any_more_nothing_is_promised() {
    let promised = [T::AwaitRoom, T::AwaitRoad, T::AwaitRelay, T::AwaitDevice];
    for lang in BOTH {
        for state in ["refused", "delivered"] {
            let mut w = wide(state, lang);
            let chats = &mut w.state_mut().model.chats;
            chats.iter_mut().find(|chat| chat.id == ChatId(1)).expect("the chat").bond = Bond::Failed;
            w.run_steps(4);
            let is_lost = state == "refused";
            assert_eq!(shows(&w, lang.tr(T::AwaitLost)), is_lost, "{state}: in the trail");
            let signs = w.query_all_by_label_contains(lang.tr(T::DeliveryLost)).count();
            assert!(!is_lost || signs >= 2, "at the message and in the list: {signs}");
            assert!(!is_lost || promised.iter().all(|word| !shows(&w, lang.tr(*word))));
        }
    }
}

#[test]
fn a_draft_stays_with_its_chat() {
    let mut w = wide("chat", Lang::En);
    write(&mut w, Role::MultilineTextInput, &composer(Lang::En), "half a thought");
    w.key_press_modifiers(Modifiers::ALT, Key::ArrowDown);
    w.run_steps(3);
    assert!(shows(&w, "Draft: half a thought"));
    w.key_press_modifiers(Modifiers::ALT, Key::ArrowUp);
    w.run_steps(3);
    assert_eq!(
        w.get_by_role_and_label(Role::MultilineTextInput, &composer(Lang::En)).value().as_deref(),
        Some("half a thought")
    );
}

#[test]
fn unread_messages_are_counted_marked_and_then_seen() {
    for lang in BOTH {
        let mut w = wide("list", lang);
        assert!(shows(&w, &lang.with(T::Unread, &["3"])));
        let name = if lang == Lang::Ko { "박민호" } else { "Minho" };
        w.get_by_label_contains(name).click();
        w.run_steps(5);
        assert!(shows(&w, lang.tr(T::EndOfUnread)));
        assert!(w.state().world.told.contains(&"Seen".to_owned()));
        assert!(!shows(&w, &lang.with(T::Unread, &["3"])));
    }
}

#[test]
fn a_search_goes_through_everything_that_is_kept_and_leads_there() {
    for lang in BOTH {
        let mut w = wide("list", lang);
        w.state_mut().world.fill(3_000);
        let name = w.state().model.chats[0].name.clone();
        w.get_all_by_label_contains(&name).next().expect("the chat").click();
        w.run_steps(4);
        w.key_press_modifiers(Modifiers::COMMAND, Key::F);
        w.run_steps(3);
        write(&mut w, Role::TextInput, lang.tr(T::SearchHere), "17 가나다");
        w.run_steps(6);
        let first = w.state().model.found.as_ref().expect("a result").keys.clone();
        assert!(first.len() > 20 && shows(&w, &lang.with(T::FoundCount, &["1", &first.len().to_string()])));
        for _ in 0..12 {
            w.key_press(Key::Enter);
            w.run_steps(4);
        }
        let goal = first[12];
        let timeline = &w.state().model.timelines[&ChatId(1)];
        assert!(timeline.find(goal).is_some() && timeline.more_after, "an old message is loaded and led to");
        write(&mut w, Role::TextInput, lang.tr(T::SearchHere), " nothing like it");
        assert!(shows(&w, lang.tr(T::FoundNone)));
    }
}

#[test]
fn a_search_that_was_left_goes_on_when_one_comes_back_and_holds_nobody_at_what_it_found() {
    for lang in BOTH {
        let mut w = wide("list", lang);
        w.state_mut().world.fill(300);
        let go = |w: &mut Window, chat| {
            w.state_mut().start_at(Route::Chats(Some(ChatId(chat))), "");
            w.run_steps(4);
        };
        let search = |w: &mut Window, text: &str| {
            w.key_press_modifiers(Modifiers::COMMAND, Key::F);
            w.run_steps(3);
            write(w, Role::TextInput, lang.tr(T::SearchHere), text);
            w.run_steps(4);
        };
        go(&mut w, 1);
        search(&mut w, "17 가나다");
        let all = w.state().model.found.as_ref().expect("a result").keys.len().to_string();
        assert!(shows(&w, &lang.with(T::FoundCount, &["1", &all])));
        let messages = |w: &Window| w.get_by_role_and_label(Role::List, lang.tr(T::Messages)).rect().center();
        let top = |w: &Window| {
            let said = |n: &egui_kittest::Node<'_>| n.value().or_else(|| n.accesskit_node().label());
            let hits = w.query_all_by_role(Role::Label);
            hits.filter(|n| said(n).is_some_and(|said| said.contains("17 가나다")))
                .map(|n| n.rect().top())
                .collect::<Vec<_>>()
        };
        let before = top(&w);
        let at = messages(&w);
        w.hover_at(at);
        w.event(Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta: egui::vec2(0.0, 300.0),
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Wheel,
            modifiers: Modifiers::NONE,
        });
        w.run_steps(6);
        assert_ne!(top(&w), before, "one can look around it");

        go(&mut w, 2);
        search(&mut w, "nothing like it");
        assert!(shows(&w, lang.tr(T::FoundNone)));
        go(&mut w, 1);
        assert!(shows(&w, &lang.with(T::FoundCount, &["1", &all])), "the count is there again");
        w.get_by_label(lang.tr(T::PreviousHit)).click();
        w.run_steps(4);
        assert!(shows(&w, &lang.with(T::FoundCount, &["2", &all])), "and so are the arrows");
    }
}

#[test]
fn a_search_that_has_found_nothing_yet_says_that_it_is_under_way() {
    for lang in BOTH {
        let mut w = wide("find", lang);
        write(&mut w, Role::TextInput, lang.tr(T::SearchHere), "123");
        w.run_steps(2);
        assert!(shows(&w, lang.tr(T::FoundNone)));
        w.state_mut().model.found.as_mut().expect("a result").done = false;
        w.run_steps(2);
        assert!(shows(&w, lang.tr(T::Working)) && !shows(&w, lang.tr(T::FoundNone)));
    }
}

#[test]
fn texts_that_were_not_kept_come_back_in_their_order_with_the_reason_and_what_they_answered() {
    for lang in BOTH {
        let mut w = wide("chat", lang);
        let sentence = [T::CalledBack, T::FailTooLong];
        w.state_mut().world.refuse_to_send(Some(T::CalledBack));
        w.get_all_by_label(lang.tr(T::MessageActions)).last().expect("a message").click();
        w.run_steps(3);
        press(&mut w, lang.tr(T::Reply));
        let send = |w: &mut Window, text: &str| {
            write(w, Role::MultilineTextInput, &composer(lang), text);
            w.key_press(Key::Enter);
            w.run_steps(1);
        };
        send(&mut w, "하나");
        w.state_mut().world.refuse_to_send(Some(T::FailTooLong));
        send(&mut w, "둘");
        w.state_mut().world.refuse_to_send(None);
        write(&mut w, Role::MultilineTextInput, &composer(lang), "셋");
        assert_eq!(w.state().model.failures.len(), 0, "nothing is answered yet");
        w.state_mut().world.answer_sends();
        w.run_steps(4);
        let field = w.get_by_role_and_label(Role::MultilineTextInput, &composer(lang)).value();
        assert_eq!(field.as_deref(), Some("하나\n둘\n셋"));
        assert!(w.state().views.conversations[&ChatId(1)].composer.reply_to.is_some());
        let said: Vec<T> = w.state().model.notices.iter().map(|notice| notice.sentence).collect();
        assert_eq!(said, sentence, "the first failure says why, and so does the second");
    }
}

#[test]
fn an_answer_to_a_message_that_is_not_loaded_names_nobody() {
    for lang in BOTH {
        let mut w = wide("chat", lang);
        let name = if lang == Lang::Ko { "이지수" } else { "Jisu Lee" };
        let named = |w: &Window| w.query_all_by_label_contains(&lang.with(T::ReplyingTo, &[name])).count();
        let before = named(&w);
        let conversations = &mut w.state_mut().views.conversations;
        conversations.entry(ChatId(1)).or_default().composer.reply_to =
            Some(crate::model::MessageKey::invented(77));
        w.run_steps(3);
        assert!(shows(&w, &lang.with(T::ReplyingTo, &[lang.tr(T::QuoteMissing)])));
        assert_eq!(named(&w), before);
    }
}

#[test]
fn a_time_for_disappearing_messages_that_was_not_chosen_says_so_where_one_chooses() {
    for lang in BOTH {
        for (screen, size) in [("contact", [1366.0, 1600.0]), ("settings", [1366.0, 6000.0])] {
            let mut w = window(screen, lang, size);
            let failure = crate::model::Failure { sentence: T::FailOther, detail: String::new() };
            w.state_mut().model.apply(Update::Failed(crate::model::Task::Fade, failure));
            w.run_steps(3);
            assert!(shows(&w, lang.tr(T::FailOther)), "{screen}");
            w.state_mut().start_at(Route::People, "");
            w.state_mut().start_at(Route::Settings, "");
            w.run_steps(3);
            assert!(!shows(&w, lang.tr(T::FailOther)), "on another page it is no news");
        }
    }
}

#[test]
fn a_choice_that_messages_disappear_is_told_in_the_conversation_and_marked_at_each() {
    for lang in BOTH {
        let mut w = wide("fading", lang);
        let name = if lang == Lang::Ko { "할머니" } else { "Grandmother" };
        assert!(shows(&w, &Fade::After(604_800).sentence(lang, true, name)));
        assert!(shows(&w, &Fade::After(86_400).sentence(lang, false, name)));
        // Each message says for itself when it goes, also to who hears the screen.
        let of = |w: &super::Window, seconds| {
            let sentence = lang.with(T::FadesAfter, &[&lang.span(seconds)]);
            w.query_all_by_label_contains(&sentence).count()
        };
        assert_eq!((of(&w, 604_800), of(&w, 86_400)), (1, 2));
        // A choice is nothing that can be answered or copied.
        let at = w.state().model.timelines[&ChatId(3)].messages.iter().position(|m| m.chose.is_some());
        w.get_all_by_label(lang.tr(T::MessageActions)).nth(at.expect("a choice")).expect("a menu").click();
        w.run_steps(3);
        assert!(shows(&w, lang.tr(T::DeleteMessage)) && !shows(&w, lang.tr(T::CopyText)));
    }
}

#[test]
fn a_time_is_chosen_in_the_details_of_a_contact_and_shown_in_chat_and_list() {
    for lang in BOTH {
        let mut w = window("contact", lang, [1366.0, 1200.0]);
        assert!(shows(&w, lang.tr(T::FadeHead)));
        press(&mut w, &lang.span(86_400));
        assert!(w.state().world.told.contains(&"SetFade".to_owned()));
        assert_eq!(w.state().model.chat(ChatId(1)).map(|chat| chat.fade), Some(Fade::After(86_400)));
        // What holds already is not chosen again.
        press(&mut w, &lang.span(86_400));
        assert_eq!(w.state().world.told.iter().filter(|told| *told == "SetFade").count(), 1);
        press(&mut w, lang.tr(T::OpenChat));
        let sentence = Fade::After(86_400).sentence(lang, true, "");
        assert!(w.query_all_by_label_contains(&sentence).count() >= 2, "in the chat and in the list");
        // A time that was chosen with another program stands among the others.
        w.state_mut().model.chats.iter_mut().for_each(|chat| chat.fade = Fade::After(90));
        press(&mut w, lang.tr(T::ContactDetails));
        assert!(shows(&w, &lang.span(90)));
    }
}

#[test]
fn a_default_for_new_conversations_is_chosen_in_settings() {
    for lang in BOTH {
        let mut w = window("settings", lang, [1366.0, 6000.0]);
        press(&mut w, &lang.span(604_800));
        assert!(w.state().world.told.contains(&"SetFadeDefault".to_owned()));
        assert_eq!(w.state().model.me.fade, Fade::After(604_800));
    }
}

#[test]
fn a_message_that_has_disappeared_is_quoted_no_more() {
    let mut w = wide("chat", Lang::En);
    assert!(shows(&w, "I booked the room."));
    let booked =
        w.state().model.timelines[&ChatId(1)].messages.iter().find(|m| m.text == "I booked the room.");
    let key = booked.expect("it is there").key;
    w.state_mut().model.apply(Update::Erased(ChatId(1), vec![key]));
    w.run_steps(3);
    assert!(!shows(&w, "I booked the room."));
    assert!(shows(&w, Lang::En.tr(T::QuoteMissing)));
}
