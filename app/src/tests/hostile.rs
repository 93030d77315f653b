//! What others send to break, to fool or to stall the window.

use egui::Role;
use egui_kittest::{Harness, kittest::NodeT, kittest::Queryable};

use super::{Window, composer, harness, press, shows, wide};
use crate::{
    gallery,
    i18n::{Lang, T},
    model::ChatId,
};

fn open_chat() -> Window {
    harness("chat", Lang::En, [1366.0, 768.0], Harness::builder().allow_missing_glyphs())
}

fn floods() -> Vec<String> {
    gallery::floods::floods().into_iter().map(|(_, text)| text).collect()
}

#[test]
fn no_message_breaks_the_layout_or_hides_the_next_one() {
    let mut w = open_chat();
    for (at, text) in floods().into_iter().enumerate() {
        w.state_mut().world.hear(ChatId(1), &text);
        w.run_steps(2);
        let after = format!("plain words {at}");
        w.state_mut().world.hear(ChatId(1), &after);
        w.run_steps(3);
        let list = w.get_by_role_and_label(Role::List, Lang::En.tr(T::Messages)).rect();
        let rows: Vec<egui::Rect> = w.query_all_by_label_contains(&after).map(|n| n.rect()).collect();
        assert!(rows.iter().any(|row| list.contains_rect(*row)), "{at}: {rows:?} in {list:?}");
        let field = w.get_by_role_and_label(Role::MultilineTextInput, &composer(Lang::En)).rect();
        assert!(field.width() > 300.0 && field.bottom() <= 768.0, "{at}: {field:?}");
    }
}

#[test]
fn no_name_breaks_the_layout_or_pretends_to_be_a_sentence_of_the_window() {
    for name in floods().into_iter().chain([
        "Jisu\nVerified".to_owned(),
        "\u{202E}eeL usiJ".to_owned(),
        "Jisu Lee\u{200B}".to_owned(),
    ]) {
        let shown = crate::text::name(&name);
        assert!(!shown.contains('\n') && shown.chars().count() <= 48);
        let mut w = open_chat();
        w.state_mut().world.rename(ChatId(1), &shown);
        w.run_steps(3);
        for size in [[1366.0, 768.0], [700.0, 800.0]] {
            w.set_size(size.into());
            w.run_steps(3);
            for node in w.query_all_by_role(Role::Button) {
                let rect = node.rect();
                assert!(rect.right() <= size[0] + 1.0 && rect.width() < size[0], "{shown:?}: {rect:?}");
            }
        }
    }
}

#[test]
fn the_widest_name_keeps_to_the_window_wherever_it_stands() {
    let wide = ["W".repeat(60), "﷽".repeat(60), "뷁".repeat(60)];
    for name in wide.iter().map(|name| crate::text::name(name)) {
        for screen in ["list", "chat", "contact", "verify", "people", "network", "palette", "sure", "notice"]
        {
            for size in [[1366.0, 768.0], [400.0, 800.0]] {
                let builder = Harness::builder().allow_missing_glyphs();
                let mut w = harness(screen, Lang::En, size, builder);
                for chat in 1..=5 {
                    w.state_mut().world.rename(ChatId(chat), &name);
                }
                for notice in &mut w.state_mut().model.notices {
                    notice.parts = vec![name.clone()];
                }
                w.run_steps(4);
                for node in w.root().children_recursive() {
                    let role = node.accesskit_node().role();
                    if !matches!(
                        role,
                        Role::Button | Role::Label | Role::TextInput | Role::MultilineTextInput
                    ) {
                        continue;
                    }
                    let rect = node.rect();
                    assert!(
                        rect.left() >= -1.0 && rect.right() <= size[0] + 1.0,
                        "{screen} {size:?} {role:?} {name:?}: {rect:?}"
                    );
                }
                if screen == "chat" {
                    let role = Role::MultilineTextInput;
                    let field = w.get_all_by_role(role).last().expect("where one writes").rect();
                    assert!(field.width() > 150.0 && field.bottom() <= size[1], "{name:?}: {field:?}");
                }
            }
        }
    }
}

#[test]
fn a_name_that_can_be_mistaken_for_another_is_marked_wherever_it_stands() {
    for (lang, known, taken) in [(Lang::En, "Jisu Lee", "Jіsu Lее"), (Lang::Ko, "이지수", "이지수\u{3164}")]
    {
        let mut w = wide("list", lang);
        w.state_mut().world.rename(ChatId(2), &crate::text::name(taken));
        w.run_steps(3);
        let mark = lang.with(T::LooksLike, &[known]);
        assert!(shows(&w, &mark), "in the list");
        w.get_by_label_contains(&mark).click();
        w.run_steps(4);
        assert!(w.query_all_by_label_contains(&mark).count() > 1, "in the head of the chat");
        press(&mut w, lang.tr(T::ContactDetails));
        assert!(shows(&w, &lang.with(T::LooksLikeAdvice, &[known])), "with the details");
    }
}

#[test]
fn a_long_message_is_folded_and_shown_whole_when_asked() {
    let mut w = open_chat();
    let long = format!("{} the very end", "word ".repeat(2_000));
    w.state_mut().world.hear(ChatId(1), &long);
    w.run_steps(3);
    let tall = |w: &Window| {
        let heights = w.query_all_by_label_contains("the very end").map(|n| n.rect().height());
        heights.fold(0.0, f32::max)
    };
    let folded = tall(&w);
    press(&mut w, Lang::En.tr(T::ShowAll));
    w.run_steps(2);
    assert!(tall(&w) > folded * 2.0, "{folded} {}", tall(&w));
    assert!(!shows(&w, Lang::En.tr(T::ShowAll)));
}

#[test]
fn what_is_copied_is_what_was_shown() {
    let mut w = open_chat();
    w.state_mut().world.hear(ChatId(1), "rm \u{202E}txt.fr\u{200B}");
    w.run_steps(3);
    let told = w.state().model.timelines[&ChatId(1)].messages.last().map(|m| m.text.clone());
    assert_eq!(told.as_deref(), Some("rm txt.fr"));
}
