//! Every screen, driven headless by what it says, in both languages.

use std::collections::BTreeSet;

use egui::{Event, ImeEvent, Key, Modifiers, Role, accesskit};
use egui_kittest::{Harness, HarnessBuilder, kittest::NodeT, kittest::Queryable};

use crate::{
    app::App,
    clock::Zone,
    gallery::{self, Fake},
    i18n::{Lang, T},
    model::{ChatId, Prefs, Stage, ThemeChoice},
    theme,
    widget::icon::Icon,
};

type Window = Harness<'static, App<Fake>>;

const BOTH: [Lang; 2] = [Lang::Ko, Lang::En];
const SCREENS: [&str; 15] = [
    "welcome", "unlock", "empty", "list", "chat", "unread", "waiting", "trail", "find", "people", "add",
    "contact", "verify", "network", "settings",
];

fn window(screen: &str, lang: Lang, size: [f32; 2]) -> Window {
    harness(screen, lang, size, Harness::builder())
}

fn harness(screen: &str, lang: Lang, size: [f32; 2], builder: HarnessBuilder<App<Fake>>) -> Window {
    let prefs = Prefs { language: lang, theme: ThemeChoice::Light, ..Prefs::default() };
    let (stage, peopled) = match screen {
        "welcome" => (Stage::Welcome, false),
        "unlock" => (Stage::Locked, false),
        "empty" => (Stage::Open, false),
        _ => (Stage::Open, true),
    };
    let mut app = App::new(Fake::new(stage, lang, peopled), prefs, Zone::default(), None);
    gallery::go(&mut app, screen);
    let mut harness = builder
        .with_size(size)
        .with_context_setup(theme::install)
        .build_ui_state(|ui, app: &mut App<Fake>| app.frame(ui), app);
    harness.run_steps(4);
    harness
}

fn wide(screen: &str, lang: Lang) -> Window {
    window(screen, lang, [1366.0, 768.0])
}

fn press(w: &mut Window, label: &str) {
    w.get_by_label(label).click();
    w.run_steps(3);
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

fn labels(w: &Window) -> Vec<(accesskit::Role, String)> {
    w.root()
        .children_recursive()
        .filter_map(|n| Some((n.accesskit_node().role(), n.accesskit_node().label()?)))
        .collect()
}

#[test]
fn no_control_is_without_a_name_and_no_letter_is_a_box() {
    for lang in BOTH {
        for screen in SCREENS {
            for size in [[1366.0, 768.0], [700.0, 800.0]] {
                // The harness panics on an unnamed control and on a letter that no shipped font has.
                let w = window(screen, lang, size);
                w.check_accessibility();
                assert!(!labels(&w).is_empty(), "{screen}");
            }
        }
    }
}

#[test]
fn a_korean_window_says_nothing_in_english() {
    let names = [
        "Madang",
        "English",
        "Pretendard",
        "Phosphor",
        "MIT",
        "Apache",
        "SIL Open Font License",
        "Ctrl",
        "Shift",
        "Enter",
        "Caps Lock",
        "USB",
        "Alt",
        "Esc",
        "QR",
        "madang",
        "ip4",
        "tcp",
        "udp",
        "quic",
        "relay",
    ];
    for screen in SCREENS {
        for (role, label) in labels(&wide(screen, Lang::Ko)) {
            let mut rest = label.clone();
            for name in names {
                rest = rest.replace(name, "");
            }
            let account = rest.len() == 20 && rest.chars().all(|c| c.is_ascii_alphanumeric());
            let icon = rest.chars().all(|c| ('\u{e000}'..='\u{f8ff}').contains(&c));
            let latin = rest.chars().filter(char::is_ascii_alphabetic).count();
            assert!(latin < 3 || account || icon, "{screen}: {role:?} {label:?}");
        }
    }
}

#[test]
fn an_english_window_says_nothing_in_korean() {
    for screen in SCREENS {
        for (role, label) in labels(&wide(screen, Lang::En)) {
            let hangul = label.chars().any(|c| ('가'..='힣').contains(&c));
            assert!(!hangul || label == "한국어" || label.contains("김하늘"), "{screen}: {role:?} {label:?}");
        }
    }
}

#[test]
fn the_shipped_fonts_have_every_syllable_every_word_and_every_icon() {
    use egui::epaint::text::Fonts;
    let mut fonts = Fonts::new(Default::default(), theme::fonts());
    let mut has = |font: &egui::FontId, c: char| fonts.with_pixels_per_point(1.0).has_glyph(font, c);
    for font in [theme::regular(15.0), theme::strong(15.0)] {
        let missing: Vec<char> = ('가'..='힣').filter(|c| !has(&font, *c)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        for word in T::ALL {
            for lang in BOTH {
                let missing: Vec<char> = lang.tr(*word).chars().filter(|c| !has(&font, *c)).collect();
                assert!(missing.is_empty(), "{word:?}: {missing:?}");
            }
        }
    }
    let icons = egui::FontId::new(20.0, theme::icon_family());
    for icon in Icon::ALL {
        assert!(has(&icons, icon.letter()), "{icon:?}");
    }
}

#[test]
fn words_stand_in_i18n_and_tokens_in_theme() {
    let sources: &[(&str, &str)] = &[
        ("add", include_str!("view/add.rs")),
        ("bubble", include_str!("view/bubble.rs")),
        ("chats", include_str!("view/chats.rs")),
        ("composer", include_str!("view/composer.rs")),
        ("contact", include_str!("view/contact.rs")),
        ("conversation", include_str!("view/conversation.rs")),
        ("network", include_str!("view/network.rs")),
        ("palette", include_str!("view/palette.rs")),
        ("people", include_str!("view/people.rs")),
        ("rail", include_str!("view/rail.rs")),
        ("settings", include_str!("view/settings.rs")),
        ("trail", include_str!("view/trail.rs")),
        ("unlock", include_str!("view/unlock.rs")),
        ("verify", include_str!("view/verify.rs")),
        ("welcome", include_str!("view/welcome.rs")),
        ("app", include_str!("app.rs")),
        ("button", include_str!("widget/button.rs")),
        ("page", include_str!("widget/page.rs")),
        ("row", include_str!("widget/row.rs")),
        ("secret", include_str!("widget/secret.rs")),
    ];
    for (file, source) in sources {
        let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for line in code.lines().filter(|l| !l.trim_start().starts_with("//")) {
            assert!(
                !line.contains("Color32::from_rgb") && !line.contains("Color32::WHITE"),
                "{file}: {line}"
            );
            for (at, literal) in line.split('"').enumerate().filter(|(at, _)| at % 2 == 1) {
                let bare: String = literal
                    .split('{')
                    .map(|part| part.split_once('}').map_or(part, |(_, after)| after))
                    .collect();
                let words =
                    bare.split(' ').filter(|w| w.len() > 2 && w.chars().all(char::is_alphabetic)).count();
                let diagnostics = literal.contains('=') || literal.starts_with("madang");
                assert!(words < 2 || diagnostics, "{file}: a sentence outside i18n at {at}: {literal:?}");
                assert!(!literal.chars().any(|c| ('가'..='힣').contains(&c)), "{file}: {literal:?}");
            }
        }
    }
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

/// Both the head of the card and its button carry the same words; the button is meant.
fn press_button(w: &mut Window, label: &str) {
    w.get_by_role_and_label(Role::Button, label).click();
    w.run_steps(3);
}

#[test]
fn from_nothing_to_a_profile_by_keyboard_names_alone() {
    for lang in BOTH {
        let mut w = window("welcome", lang, [900.0, 1200.0]);
        let secret = "등불 walnut 강가 39 orbit";
        write(&mut w, Role::TextInput, lang.tr(T::ProfileName), "하늘");
        write(&mut w, Role::PasswordInput, lang.tr(T::Passphrase), secret);
        write(&mut w, Role::PasswordInput, lang.tr(T::PassphraseAgain), secret);
        press_button(&mut w, lang.tr(T::CreateProfile));
        assert!(shows(&w, lang.tr(T::TickUnderstood)));
        press(&mut w, lang.tr(T::Understood));
        press_button(&mut w, lang.tr(T::CreateProfile));
        assert_eq!(w.state().world.told, ["Create"]);
        assert!(w.state().model.stage.is_open());
        let tree: String = labels(&w).into_iter().map(|(_, l)| l).collect();
        assert!(!tree.contains(secret));
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

fn composer(lang: Lang) -> String {
    lang.with(T::MessageTo, &[if lang == Lang::Ko { "이지수" } else { "Jisu Lee" }])
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
fn a_long_conversation_loads_older_pages_and_jumps_back() {
    let mut w = wide("list", Lang::En);
    w.state_mut().world.fill(3_000);
    w.get_by_label_contains("Jisu Lee").click();
    w.run_steps(4);
    for _ in 0..40 {
        w.key_press(Key::PageUp);
        w.run_steps(2);
    }
    let timeline = &w.state().model.timelines[&ChatId(1)];
    assert!(
        timeline.messages.len() > 100 && timeline.messages.windows(2).all(|p| p[0].place + 1 == p[1].place)
    );
    assert!(w.state().world.told.iter().filter(|t| *t == "Older").count() > 2);
    press(&mut w, Lang::En.tr(T::JumpLatest));
    w.run_steps(3);
    assert!(w.query_by_label(Lang::En.tr(T::JumpLatest)).is_none());
}

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
fn hostile_names_and_texts_break_nothing() {
    let mut w = harness("chat", Lang::En, [1366.0, 768.0], Harness::builder().allow_missing_glyphs());
    let floods = [
        "a".to_owned() + &"\u{0301}".repeat(20_000),
        "\u{202E}evil\u{2066}".into(),
        "👩\u{200D}".repeat(3_000),
        "가".repeat(21_000),
        "\n".repeat(5_000),
        "x".repeat(60_000),
    ];
    for text in floods {
        w.state_mut().world.hear(ChatId(1), &text);
        w.run_steps(3);
    }
    assert!(w.get_by_role_and_label(Role::MultilineTextInput, &composer(Lang::En)).rect().width() > 300.0);
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
