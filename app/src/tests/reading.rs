//! Long conversations: pages both ways, places that stay, lines that break where readers of Korean expect it.

use egui::{Key, Role, epaint::text::Fonts};
use egui_kittest::kittest::{NodeT, Queryable};
use unicode_segmentation::UnicodeSegmentation;

use super::{BOTH, Window, composer, press, shows, wide, write};
use crate::{
    i18n::{Lang, T},
    model::ChatId,
    theme,
    widget::paragraph,
};

/// With whom the first chat is.
fn first_name(lang: Lang) -> &'static str {
    if lang == Lang::Ko { "이지수" } else { "Jisu Lee" }
}

/// A window on the first chat with so many messages.
fn long(lang: Lang, count: u64) -> Window {
    let mut w = wide("list", lang);
    w.state_mut().world.fill(count);
    w.get_by_label_contains(first_name(lang)).click();
    w.run_steps(4);
    w
}

/// Where the messages stand.
fn list(w: &Window) -> egui::Rect {
    w.get_by_role_and_label(Role::List, w.state().model.prefs.language.tr(T::Messages)).rect()
}

fn seen(w: &Window) -> Vec<(String, egui::Rect)> {
    let list = list(w);
    let mut rows: Vec<(String, egui::Rect)> = w
        .query_all_by_role(Role::Label)
        .filter(|n| list.contains_rect(n.rect()))
        .filter_map(|n| Some((n.value().or_else(|| n.accesskit_node().label())?, n.rect())))
        .filter(|(label, _)| label.contains("가나다") || label.contains(": "))
        .collect();
    rows.sort_by(|a, b| a.1.top().total_cmp(&b.1.top()));
    rows
}

/// Whether a message that says this is in sight.
fn reads(w: &Window, text: &str) -> bool {
    let list = list(w);
    w.query_all_by_label_contains(text).any(|n| list.contains_rect(n.rect()))
}

fn page_up(w: &mut Window, times: usize) {
    for _ in 0..times {
        w.key_press(Key::PageUp);
        w.run_steps(1);
    }
}

fn loaded(w: &Window) -> (u64, u64, usize) {
    let messages = &w.state().model.timelines[&ChatId(1)].messages;
    assert!(messages.windows(2).all(|p| p[0].place + 1 == p[1].place), "a hole");
    (messages[0].place, messages[messages.len() - 1].place, messages.len())
}

#[test]
fn a_burst_is_read_on_without_a_hole_and_is_seen_only_when_its_end_was_drawn() {
    for lang in BOTH {
        let mut w = long(lang, 300);
        let before = w.state().world.last_place(ChatId(1));
        w.state_mut().world.burst(ChatId(1), 250);
        w.run_steps(6);
        let end = w.state().world.last_place(ChatId(1));
        let seen = |w: &Window| w.state().world.seen.iter().map(|(_, place)| *place).max().unwrap_or(0);
        assert!(seen(&w) <= before, "nothing of the burst has been read");
        assert!(shows(&w, &lang.with(T::JumpLatestCount, &["250"])));
        let mut pages = 0;
        while seen(&w) <= before {
            assert!(loaded(&w).1 <= end && pages < 200);
            w.key_press(Key::PageDown);
            w.run_steps(3);
            pages += 1;
        }
        assert!(pages > 5, "it was read through: {pages}");
        assert_eq!((loaded(&w).1, seen(&w)), (end, end));
        w.run_steps(3);
        assert_eq!(w.state().model.chats.iter().find(|c| c.id == ChatId(1)).map(|c| c.unread), Some(0));
    }
}

#[test]
fn older_pages_come_and_nothing_under_the_eye_moves() {
    for lang in BOTH {
        let mut w = long(lang, 3_000);
        let mut pages = 0;
        for _ in 0..25 {
            let before = (loaded(&w), seen(&w));
            w.key_press(Key::PageUp);
            w.run_steps(1);
            let at = seen(&w);
            w.run_steps(3);
            assert_eq!(at, seen(&w), "a page that comes moves no row");
            pages += usize::from(loaded(&w) != before.0);
            assert!(before.1 != at, "it scrolls: {:?}", loaded(&w));
        }
        assert!(pages > 2, "{pages}");
        assert!(loaded(&w).2 <= crate::model::LOADED_MAX);
    }
}

#[test]
fn a_message_that_begins_above_the_view_is_not_painted_over_the_next() {
    for lang in BOTH {
        let mut w = long(lang, 300);
        let mut cut = 0;
        for _ in 0..12 {
            page_up(&mut w, 1);
            w.run_steps(2);
            let view = list(&w);
            let mut rows: Vec<egui::Rect> = w
                .query_all_by_role(Role::Label)
                .filter(|n| {
                    let text = n.value().or_else(|| n.accesskit_node().label());
                    text.is_some_and(|text| text.contains("가나다"))
                })
                .map(|n| n.rect())
                .filter(|row| row.intersects(view))
                .collect();
            rows.sort_by(|a, b| a.top().total_cmp(&b.top()));
            assert!(rows.len() > 2, "{rows:?}");
            cut += usize::from(rows[0].top() < view.top());
            for two in rows.windows(2) {
                assert!(two[0].bottom() < two[1].top(), "{two:?} in {view:?}");
            }
        }
        assert!(cut > 2, "some begin above the view: {cut}");
    }
}

#[test]
fn from_the_end_far_back_and_down_again_to_the_end() {
    for lang in BOTH {
        let mut w = long(lang, 3_000);
        let end = loaded(&w).1;
        page_up(&mut w, 90);
        assert!(loaded(&w).1 < end, "what was left far behind is dropped");
        press(&mut w, lang.tr(T::JumpLatest));
        w.run_steps(3);
        assert_eq!(loaded(&w).1, end);
        assert!(w.query_by_label(lang.tr(T::JumpLatest)).is_none());

        page_up(&mut w, 90);
        for _ in 0..120 {
            w.key_press(Key::PageDown);
            w.run_steps(1);
        }
        assert_eq!(loaded(&w).1, end);
        assert!(w.query_by_label(lang.tr(T::JumpLatest)).is_none());
    }
}

#[test]
fn the_bar_leads_anywhere_in_a_long_conversation() {
    for lang in BOTH {
        let mut w = long(lang, 20_000);
        let view = list(&w);
        let (first, last) = (w.state().world.places(ChatId(1)), loaded(&w).1);
        for part in [0.5_f32, 0.0, 0.9] {
            let at = egui::pos2(view.right() - 3.0, view.top() + view.height() * part);
            w.drag_at(at);
            w.run_steps(3);
            w.drop_at(at);
            w.run_steps(3);
            let wanted = (f64::from(part) * last as f64) as u64;
            let (from, to, count) = loaded(&w);
            assert!(count <= crate::model::LOADED_MAX);
            assert!((from..=to).contains(&wanted.max(first)), "{part}: {wanted} in {from}..={to}");
        }
    }
}

#[test]
fn what_one_writes_while_reading_far_back_is_shown() {
    for lang in BOTH {
        let mut w = long(lang, 3_000);
        page_up(&mut w, 90);
        write(&mut w, Role::MultilineTextInput, &composer(lang), "here and now");
        w.key_press(Key::Enter);
        w.run_steps(5);
        assert!(shows(&w, "here and now"));
        assert!(w.query_by_label(lang.tr(T::JumpLatest)).is_none());
    }
}

#[test]
fn a_chat_opens_at_the_first_message_that_was_not_seen() {
    for lang in BOTH {
        let mut w = wide("list", lang);
        w.state_mut().world.fill(3_000);
        for n in 0..400 {
            w.state_mut().world.hear(ChatId(1), &format!("unread {n}"));
        }
        w.run_steps(4);
        w.get_by_label_contains(first_name(lang)).click();
        w.run_steps(5);
        assert!(shows(&w, lang.tr(T::EndOfUnread)));
        assert!(reads(&w, "unread 0") && !reads(&w, "unread 399"));
        assert!(!w.state().world.told.contains(&"Seen".to_owned()), "what is below was not seen");
        press(&mut w, &lang.with(T::JumpLatestCount, &["400"]));
        w.run_steps(3);
        assert!(reads(&w, "unread 399"));
        assert!(w.state().world.told.contains(&"Seen".to_owned()));
    }
}

const FADING: ChatId = ChatId(1);

#[test]
fn only_messages_that_were_drawn_are_told_as_shown_and_each_once() {
    for lang in BOTH {
        let mut w = long(lang, 3_000);
        assert!(w.state().world.shown.is_empty(), "nothing here disappears");
        let (first, end) = (w.state().world.places(FADING), loaded(&w).1);
        // One at the top of the chat, one loaded but above the view, one at the end.
        w.state_mut().world.hear_at(FADING, "far above", first - 1, Some(5));
        w.state_mut().world.hear_at(FADING, "above", end - 60, Some(5));
        w.state_mut().world.hear_at(FADING, "below", end + 1, Some(5));
        w.run_steps(30);
        assert!(reads(&w, "below") && !reads(&w, "above"));
        assert_eq!(w.state().world.shown, [(FADING, vec![end + 1])]);
        assert_eq!(w.state().world.seen, [(FADING, end + 1)], "the place that was drawn, once");

        page_up(&mut w, 6);
        w.run_steps(30);
        for _ in 0..2 {
            page_up(&mut w, 30);
            press(&mut w, lang.tr(T::JumpLatest));
        }
        let told: Vec<u64> = w.state().world.shown.iter().flat_map(|(_, places)| places.clone()).collect();
        assert!(told.contains(&(end - 60)), "it was passed: {told:?}");
        assert!(!told.contains(&(first - 1)), "nobody went that far");
        assert!(told.len() <= 2 + 2 * 2, "again only after it was read anew: {told:?}");
    }
}

#[test]
fn nothing_is_shown_or_seen_by_a_window_that_nobody_looks_at() {
    for lang in BOTH {
        let mut w = long(lang, 100);
        let end = loaded(&w).1;
        let told = |w: &Window| (w.state().world.shown.len(), w.state().world.seen.len());
        w.input_mut().focused = false;
        w.state_mut().world.hear_at(FADING, "while away", end + 1, Some(5));
        w.run_steps(10);
        assert!(reads(&w, "while away"));
        assert_eq!(told(&w), (0, 0));
        w.input_mut().focused = true;
        w.run_steps(10);
        assert_eq!(told(&w), (1, 1));

        w.key_press(Key::F1);
        w.run_steps(3);
        w.state_mut().world.hear_at(FADING, "behind a sheet", end + 2, Some(5));
        w.run_steps(10);
        assert_eq!(told(&w), (1, 1));
        w.key_press(Key::Escape);
        w.run_steps(10);
        assert_eq!(told(&w), (2, 2));
    }
}

#[test]
fn a_message_of_which_only_an_edge_is_in_view_was_not_shown() {
    let view = egui::Rect::from_min_max(egui::pos2(0.0, 100.0), egui::pos2(300.0, 500.0));
    let row = |top: f32, tall: f32| egui::Rect::from_min_size(egui::pos2(0.0, top), egui::vec2(300.0, tall));
    for (top, tall, is_shown) in [
        (100.0, 50.0, true),
        (450.0, 50.0, true),
        (90.0, 50.0, false),
        (470.0, 50.0, false),
        (-200.0, 500.0, true),
        (-300.0, 500.0, false),
        (-1_000.0, 3_000.0, true),
        (480.0, 3_000.0, false),
        (600.0, 50.0, false),
    ] {
        assert_eq!(crate::view::conversation::is_in_view(row(top, tall), view), is_shown, "{top} {tall}");
    }
}

/// The rows of a text laid out as a message is, each as the text that it holds.
fn rows(text: &str, width: f32) -> Vec<String> {
    let mut fonts = Fonts::new(Default::default(), theme::fonts());
    let mut view = fonts.with_pixels_per_point(1.0);
    let galley = paragraph::layout(&mut view, text, theme::regular(15.0), egui::Color32::BLACK, width);
    let mut chars = galley.text().chars();
    let mut rows = Vec::new();
    for row in &galley.rows {
        rows.push(chars.by_ref().take(row.glyphs.len()).collect());
        if row.ends_with_newline {
            chars.next();
        }
    }
    rows
}

#[test]
fn korean_breaks_between_words_and_only_a_long_word_between_its_syllables() {
    let text = "내일 두 시에 연구동 이층 회의실에서 만나요. 프린터가 고장 나서 자료는 각자 가져와야 해요.";
    for width in [90.0, 120.0, 180.0, 260.0] {
        let rows = rows(text, width);
        assert!(rows.len() > 2, "{width}: {rows:?}");
        assert_eq!(rows.concat(), text);
        for row in &rows[..rows.len() - 1] {
            assert!(row.ends_with(' '), "{width}: {row:?} ends within a word");
        }
    }
    let word = "대한민국과학기술연구원정보통신연구소";
    let rows = rows(&format!("저는 {word}에서 일해요"), 120.0);
    assert_eq!(rows[0], "저는 ");
    assert!(rows.len() > 3 && rows[1..].iter().all(|row| !row.is_empty()));
}

#[test]
fn no_line_breaks_within_what_a_reader_takes_for_one_sign() {
    let words = ["👩\u{200D}👩\u{200D}👧", "é", "🇰🇷", "한", "ᄒᆞᆫ", "क्षि", "1️⃣"];
    for word in words {
        let text = crate::text::body(&word.repeat(40));
        let whole: Vec<&str> = text.graphemes(true).collect();
        for width in [40.0, 61.0, 97.0] {
            let mut at = 0;
            let ends: Vec<usize> = rows(&text, width)
                .iter()
                .map(|row| {
                    at += row.len();
                    at
                })
                .collect();
            let mut borders = vec![0];
            borders.extend(whole.iter().scan(0, |at, g| {
                *at += g.len();
                Some(*at)
            }));
            assert!(ends.iter().all(|end| borders.contains(end)), "{word} at {width}");
        }
    }
}
