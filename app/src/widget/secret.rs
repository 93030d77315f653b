//! A field for a passphrase. It keeps no copies: the text lives in one buffer that wipes itself, the events that brought
//! it are wiped, what is shown is laid out sign by sign, and the undo list of ordinary fields is absent.

use egui::{
    CornerRadius, Event, EventFilter, IMEPurpose, ImeEvent, Key, Rect, Response, Role, Sense, Stroke,
    StrokeKind, Ui, Vec2, WidgetInfo, output::IMEOutput,
};
use unicode_segmentation::UnicodeSegmentation;
use zeroize::{Zeroize, Zeroizing};

use super::{Cx, button, icon::Icon};
use crate::{
    i18n::T,
    theme::{self, inset, measure, radius, size, space, stroke},
};

/// Longest passphrase in bytes. The buffer has this room from the start, so that it never moves and leaves a copy behind.
pub(crate) const SECRET_BYTES_MAX: usize = 512;

/// A passphrase while it is typed.
pub(crate) struct Secret {
    text: Zeroizing<String>,
    /// A syllable that the input method has not committed yet.
    preedit: Zeroizing<String>,
    shown: bool,
    /// What the keys say of the keyboard.
    keyboard: Keyboard,
}

/// What the last letters say of the keyboard's state.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Keyboard {
    /// Letters come in the capitals that Shift did not ask for.
    pub(crate) caps: bool,
    /// Hangul is being typed.
    pub(crate) hangul: bool,
}

impl Keyboard {
    fn note(&mut self, typed: &str, shift: bool) {
        for c in typed.chars() {
            if c.is_ascii_alphabetic() {
                *self = Keyboard { caps: c.is_ascii_uppercase() != shift, hangul: false };
            } else if is_hangul(c) {
                self.hangul = true;
            }
        }
    }
}

fn is_hangul(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{11FF}' | '\u{3130}'..='\u{318F}' | '가'..='힣')
}

impl Default for Secret {
    fn default() -> Secret {
        Secret {
            text: Zeroizing::new(String::with_capacity(SECRET_BYTES_MAX)),
            preedit: Zeroizing::new(String::with_capacity(SECRET_BYTES_MAX)),
            shown: false,
            keyboard: Keyboard::default(),
        }
    }
}

impl Secret {
    /// What has been typed.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Hands the passphrase on, with what is still being composed, and leaves an empty buffer.
    pub(crate) fn take(&mut self) -> Zeroizing<String> {
        self.keep_composed();
        std::mem::take(self).text
    }

    /// Whether a syllable is still being composed.
    pub(crate) fn is_composing(&self) -> bool {
        !self.preedit.is_empty()
    }

    /// What the last letters say of the keyboard.
    #[cfg(test)]
    pub(crate) fn keyboard(&self) -> Keyboard {
        self.keyboard
    }

    fn push(&mut self, typed: &str) {
        for c in typed.chars().filter(|c| !c.is_control()) {
            if self.text.len() + c.len_utf8() <= SECRET_BYTES_MAX {
                self.text.push(c);
            }
        }
    }

    fn set_preedit(&mut self, text: &str) {
        self.preedit.clear();
        if text.len() <= SECRET_BYTES_MAX {
            self.preedit.push_str(text);
        }
    }

    /// Takes what is being composed as it stands: the composition ended without a commit. Whether there was something.
    fn keep_composed(&mut self) -> bool {
        let room = Zeroizing::new(String::with_capacity(SECRET_BYTES_MAX));
        let composed = std::mem::replace(&mut self.preedit, room);
        self.push(&composed);
        !composed.is_empty()
    }

    fn erase_last(&mut self) {
        let end = self.text.char_indices().next_back().map_or(0, |(at, _)| at);
        let mut kept = Zeroizing::new(String::with_capacity(SECRET_BYTES_MAX));
        kept.push_str(&self.text[..end]);
        // The letter's bytes stay in the spare room of the old buffer, which is wiped with it.
        self.text = kept;
    }

    /// Takes what was typed, and leaves nothing of it in the events.
    fn take_events(&mut self, events: &mut [Event], shift: bool) -> bool {
        let mut changed = false;
        for event in events.iter_mut() {
            match event {
                Event::Text(typed) => {
                    self.keyboard.note(typed, shift);
                    self.push(typed);
                }
                Event::Paste(typed) => self.push(typed),
                Event::Ime(ImeEvent::Preedit { text, .. }) => {
                    self.keyboard.note(text, shift);
                    self.set_preedit(text);
                }
                Event::Ime(ImeEvent::Commit(text)) => {
                    self.preedit.clear();
                    self.push(text);
                }
                Event::Key { key: Key::Backspace, pressed: true, modifiers, .. }
                    if self.preedit.is_empty() =>
                {
                    if modifiers.command {
                        self.text.clear()
                    } else {
                        self.erase_last()
                    }
                }
                _ => continue,
            }
            changed = true;
        }
        wipe(events);
        changed
    }
}

/// Wipes what was typed out of events.
fn wipe(events: &mut [Event]) {
    for event in events {
        match event {
            Event::Text(text)
            | Event::Paste(text)
            | Event::Ime(ImeEvent::Preedit { text, .. } | ImeEvent::Commit(text)) => text.zeroize(),
            _ => {}
        }
    }
}

/// Draws the field under its label, with an eye to look at it. The response has lost focus with Enter when the person is done.
pub(crate) fn show(ui: &mut Ui, cx: &Cx<'_>, label: T, hint: Option<T>, secret: &mut Secret) -> Response {
    let head = ui.label(egui::RichText::new(cx.tr(label)).font(theme::strong(size::SMALL)).color(cx.c.ink));
    let height = measure::FIELD;
    let (rect, mut response) =
        ui.allocate_exact_size(Vec2::new(ui.available_width(), height), Sense::click());
    if response.clicked() {
        response.request_focus();
    }
    if response.has_focus() {
        ui.memory_mut(|memory| {
            memory.set_focus_lock_filter(
                response.id,
                EventFilter { tab: false, horizontal_arrows: true, vertical_arrows: true, escape: false },
            )
        });
        let (changed, enter) = ui.input_mut(|input| {
            let changed = secret.take_events(&mut input.events, input.modifiers.shift);
            // The window system's own list is a second copy.
            wipe(&mut input.raw.events);
            (changed, input.key_pressed(Key::Enter))
        });
        if changed {
            response.mark_changed();
        }
        if enter && !secret.is_composing() {
            response.surrender_focus();
        }
    } else if secret.keep_composed() {
        // In Hangul the last syllable is composed until something else is done: a press elsewhere does not drop it.
        response.mark_changed();
    }
    // The tree gets bullets, never the text.
    let bullets = "•".repeat(secret.text.chars().count());
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::PasswordInput, true, cx.tr(label));
        info.current_text_value = Some(bullets.clone());
        info
    });
    let response = response.labelled_by(head.id);

    let edge = if response.has_focus() {
        Stroke::new(stroke::RING, cx.c.jade)
    } else {
        Stroke::new(stroke::HAIR, cx.c.outline)
    };
    ui.painter().rect(rect, CornerRadius::same(radius::S), cx.c.raised, edge, StrokeKind::Inside);
    let eye_side = height;
    let left = f32::from(inset::FIELD.left);
    let inner = Rect::from_min_max(rect.min + Vec2::new(left, 0.0), rect.max - Vec2::new(eye_side, 0.0));
    paint_text(ui, cx, inner, &response, secret, &bullets, hint);

    let eye_rect = Rect::from_center_size(
        rect.right_center() - Vec2::new(eye_side / 2.0, 0.0),
        Vec2::splat(height - space::XS),
    );
    let (sign, word) =
        if secret.shown { (Icon::EyeShut, T::HidePassphrase) } else { (Icon::Eye, T::ShowPassphrase) };
    let eye = ui
        .scope_builder(egui::UiBuilder::new().max_rect(eye_rect), |ui| {
            button::icon_named(ui, cx, sign, cx.tr(word), cx.c.weak, true)
        })
        .inner;
    if eye.clicked() {
        secret.shown = !secret.shown;
        response.request_focus();
    }
    let keyboard = if response.has_focus() { secret.keyboard } else { Keyboard::default() };
    tell(ui, cx, keyboard);
    ui.add_space(space::XS);
    response
}

/// Says what the keyboard may have been left in.
fn tell(ui: &mut Ui, cx: &Cx<'_>, keyboard: Keyboard) {
    let said = [(keyboard.caps, T::CapsLockOn), (keyboard.hangul, T::TypingHangul)];
    if said.iter().all(|(on, _)| !on) {
        // As many places as with the lines: they go with the focus, and what it goes to below must keep its own.
        return ui.skip_ahead_auto_ids(1);
    }
    ui.scope(|ui| {
        for (_, word) in said.into_iter().filter(|(on, _)| *on) {
            let line =
                egui::RichText::new(cx.tr(word)).font(theme::regular(size::SMALL)).color(cx.c.persimmon);
            ui.add(egui::Label::new(line).wrap());
        }
    });
}

fn paint_text(
    ui: &Ui,
    cx: &Cx<'_>,
    inner: Rect,
    response: &Response,
    secret: &Secret,
    bullets: &str,
    hint: Option<T>,
) {
    let painter = ui.painter().with_clip_rect(inner.intersect(ui.clip_rect()));
    let empty = secret.text.is_empty() && secret.preedit.is_empty();
    let lay_out = |text: String, ink| painter.layout_no_wrap(text, theme::regular(size::BODY), ink);
    let galleys: Vec<_> = match hint {
        Some(hint) if empty => vec![lay_out(cx.tr(hint).to_owned(), cx.c.weak)],
        // egui keeps what it has laid out for a while: here that is single signs and never the passphrase.
        _ if secret.shown => [&secret.text, &secret.preedit]
            .into_iter()
            .flat_map(|text| text.graphemes(true))
            .map(|sign| lay_out(sign.to_owned(), cx.c.ink))
            .collect(),
        _ => vec![lay_out(format!("{bullets}{}", "•".repeat(secret.preedit.chars().count())), cx.c.ink)],
    };
    let wide: f32 = galleys.iter().map(|galley| galley.size().x).sum();
    let over = (wide - inner.width() + space::XS).max(0.0);
    let left = inner.left() - over;
    let end = if empty { left } else { left + wide };
    let mut x = left;
    for galley in galleys {
        let (size, at) = (galley.size(), egui::pos2(x, inner.center().y - galley.size().y / 2.0));
        painter.galley(at, galley, cx.c.ink);
        x += size.x;
    }
    if response.has_focus() {
        let cursor = Rect::from_min_max(
            egui::pos2(end + space::HAIR, inner.top() + measure::CARET),
            egui::pos2(end + space::HAIR + stroke::RING, inner.bottom() - measure::CARET),
        );
        painter.rect_filled(cursor, 0.0, cx.c.jade);
        ui.output_mut(|output| {
            output.ime = Some(IMEOutput {
                purpose: IMEPurpose::Password,
                rect: inner,
                cursor_rect: cursor,
                should_interrupt_composition: false,
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hangul_passphrase_is_taken_once_each_syllable() {
        let mut secret = Secret::default();
        let preedit =
            |text: &str| Event::Ime(ImeEvent::Preedit { text: text.to_owned(), active_range_chars: None });
        secret.take_events(&mut [preedit("ㅎ"), preedit("하"), preedit("한")], false);
        assert!(secret.keyboard().hangul);
        assert!(secret.is_composing());
        secret.take_events(
            &mut [
                Event::Ime(ImeEvent::Commit("한".into())),
                Event::Ime(ImeEvent::Commit("글".into())),
                Event::Text("!".into()),
            ],
            false,
        );
        assert_eq!(secret.as_str(), "한글!");
        assert!(!secret.is_composing());
    }

    #[test]
    fn a_syllable_that_is_still_composed_is_handed_on_with_the_rest() {
        let mut secret = Secret::default();
        let preedit = Event::Ime(ImeEvent::Preedit { text: "가".into(), active_range_chars: None });
        secret.take_events(&mut [Event::Text("강".into()), preedit], false);
        assert_eq!(*secret.take(), "강가");
    }

    #[test]
    fn letters_against_shift_tell_of_caps_lock() {
        let typed = |letter: &str, shift| {
            let mut secret = Secret::default();
            secret.take_events(&mut [Event::Text(letter.into())], shift);
            secret.keyboard().caps
        };
        assert!(typed("A", false) && typed("a", true));
        assert!(!typed("a", false) && !typed("A", true) && !typed("7", true));
    }

    #[test]
    fn the_buffer_never_moves_and_is_bounded() {
        let mut secret = Secret::default();
        let place = secret.text.as_ptr();
        secret.take_events(&mut [Event::Paste("가".repeat(4000))], false);
        assert_eq!(secret.text.as_ptr(), place);
        assert!(secret.as_str().len() <= SECRET_BYTES_MAX);
        let taken = secret.take();
        assert!(secret.as_str().is_empty() && !taken.is_empty());
    }

    #[test]
    fn what_brought_a_passphrase_is_wiped_and_so_is_a_letter_that_was_taken_back() {
        let mut secret = Secret::default();
        let mut events = [
            Event::Text("quv".into()),
            Event::Paste(" jorm".into()),
            Event::Ime(ImeEvent::Preedit { text: "ㄱ".into(), active_range_chars: None }),
            Event::Ime(ImeEvent::Commit("가".into())),
        ];
        secret.take_events(&mut events, false);
        assert_eq!(secret.as_str(), "quv jorm가");
        for event in &events {
            let (Event::Text(text)
            | Event::Paste(text)
            | Event::Ime(ImeEvent::Preedit { text, .. } | ImeEvent::Commit(text))) = event
            else {
                panic!("only such were given")
            };
            assert!(text.is_empty());
        }
        let before = secret.text.capacity();
        secret.erase_last();
        assert_eq!((secret.as_str(), secret.text.capacity()), ("quv jorm", before));
    }
}
