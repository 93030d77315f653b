//! Where one writes: a field that grows to eight lines, the strip of a reply, the button that sends.

use egui::{
    CornerRadius, Event, Frame, ImeEvent, Key, KeyboardShortcut, Modifiers, Rect, RichText, ScrollArea,
    Shape, Stroke, StrokeKind, TextEdit, Ui, Vec2, epaint::RectShape,
};

use super::bubble;
use crate::{
    i18n::T,
    model::{Chat, Message, MessageKey},
    text,
    theme::{self, measure, radius, size, space, stroke},
    widget::{Cx, button, icon::Icon},
};

/// Lines that the field grows to.
const LINES_MAX: u8 = 8;
/// Longest text of one message, in bytes; the largest envelope holds more.
pub(crate) const TEXT_BYTES_MAX: usize = 16 * 1024;

/// As much of a text that is being written is kept when the profile is locked, in bytes.
pub(crate) const DRAFT_BYTES_MAX: usize = 32 * 1024;

/// What is being written in one chat.
#[derive(Default)]
pub(crate) struct Composer {
    /// The text so far.
    pub(crate) draft: String,
    /// The message that is being answered.
    pub(crate) reply_to: Option<MessageKey>,
    /// It has changed since it was kept.
    pub(crate) unkept: bool,
    /// The field is to be focused.
    pub(crate) focus: bool,
    /// What came back because it was not kept, and begins the text.
    returned: String,
    /// A syllable is being composed by the input method.
    composing: bool,
    /// Enter was pressed during it: send when it is committed.
    send_when_composed: bool,
}

impl Composer {
    /// Puts a text back that was not kept: behind others that came back, and before what was written since.
    pub(crate) fn give_back(&mut self, text: &str, reply_to: Option<MessageKey>) {
        let since = match self.draft.strip_prefix(&*self.returned) {
            Some(rest) => rest.trim_start_matches('\n').to_owned(),
            None => {
                self.returned.clear();
                self.draft.clone()
            }
        };
        let lines = [self.returned.as_str(), text].into_iter().filter(|part| !part.is_empty());
        self.returned = lines.collect::<Vec<_>>().join("\n");
        let lines =
            [self.returned.as_str(), since.as_str()].into_iter().filter(|part| !part.trim().is_empty());
        self.draft = lines.collect::<Vec<_>>().join("\n");
        self.reply_to = self.reply_to.or(reply_to);
        self.unkept = true;
    }
}

/// A finished text.
pub(crate) struct Sent {
    /// Composed, without blank edges.
    pub(crate) text: String,
    /// What it answers.
    pub(crate) reply_to: Option<MessageKey>,
}

/// Draws the composer at the foot of a conversation.
pub(crate) fn show(
    ui: &mut Ui,
    cx: &Cx<'_>,
    chat: &Chat,
    answered: Option<&Message>,
    enter_sends: bool,
    composer: &mut Composer,
) -> Option<Sent> {
    ui.add_space(space::S);
    strip(ui, cx, chat, answered, composer);
    let over = text::typed(&composer.draft).len().saturating_sub(TEXT_BYTES_MAX);
    if over > 0 {
        let parts = [(TEXT_BYTES_MAX + over).to_string(), TEXT_BYTES_MAX.to_string()];
        ui.label(
            RichText::new(cx.with(T::TooLong, &[&parts[0], &parts[1]]))
                .font(theme::regular(size::SMALL))
                .color(cx.c.danger),
        );
        if composer.draft.len() > DRAFT_BYTES_MAX {
            let kept = cx.with(T::DraftTooLong, &[&DRAFT_BYTES_MAX.to_string()]);
            ui.label(RichText::new(kept).font(theme::regular(size::SMALL)).color(cx.c.danger));
        }
    }
    let mut asked = false;
    ui.horizontal_top(|ui| {
        let width = ui.available_width() - measure::TOUCH - space::S;
        let field = ui.vertical(|ui| {
            ui.set_width(width);
            asked = field(ui, cx, chat, enter_sends, composer);
        });
        let ready = over == 0 && !composer.draft.trim().is_empty();
        let colour = if ready { cx.c.jade_ink } else { cx.c.weak };
        // Beside the last line, however many there are.
        ui.vertical(|ui| {
            ui.add_space((field.response.rect.height() - measure::TOUCH).max(0.0));
            asked |= button::icon_named(ui, cx, Icon::Send, cx.tr(T::Send), colour, ready).clicked();
        });
    });
    if !asked || over > 0 {
        return None;
    }
    let text = text::typed(&composer.draft);
    if text.is_empty() {
        return None;
    }
    composer.draft.clear();
    composer.returned.clear();
    composer.unkept = true;
    composer.focus = true;
    Some(Sent { text, reply_to: composer.reply_to.take() })
}

/// The field itself: as tall as what is written, and scrolled beyond that. Says whether Enter asks to send.
fn field(ui: &mut Ui, cx: &Cx<'_>, chat: &Chat, enter_sends: bool, composer: &mut Composer) -> bool {
    let name = cx.with(T::MessageTo, &[&chat.name]);
    let modifiers = if enter_sends { Modifiers::SHIFT } else { Modifiers::NONE };
    let line = ui.text_style_height(&egui::TextStyle::Body);
    let tallest = line * f32::from(LINES_MAX) + theme::inset::COMPOSER.sum().y;
    // As much as it may take, whatever the row around it had before; what is not needed is given back.
    let area = ScrollArea::vertical().id_salt("composer").max_height(tallest).min_scrolled_height(tallest);
    // The frame stands still around what is scrolled.
    let edge = if ui.memory(|memory| memory.has_focus(field_id(chat))) {
        Stroke::new(stroke::RING, cx.c.jade)
    } else {
        Stroke::new(stroke::HAIR, cx.c.outline)
    };
    let begun = ui.cursor().min;
    let ground = ui.painter().add(Shape::Noop);
    ui.spacing_mut().scroll.bar_outer_margin = stroke::RING;
    let shown = area.show(ui, |ui| {
        let edit = TextEdit::multiline(&mut composer.draft)
            .id(field_id(chat))
            .desired_rows(1)
            .desired_width(f32::INFINITY)
            .return_key(KeyboardShortcut::new(modifiers, Key::Enter))
            .frame(Frame::NONE.inner_margin(theme::inset::COMPOSER))
            .hint_text(RichText::new(cx.tr(T::WriteMessage)).color(cx.c.weak));
        let response = ui.add(edit).accessible_name(&name);
        composer.unkept |= response.changed();
        // Asking for the focus that it has would cut the input method off: the next letter came in Latin.
        if std::mem::take(&mut composer.focus) && !response.has_focus() {
            response.request_focus();
        }
        if response.has_focus() {
            return wants_to_send(ui, enter_sends, composer);
        }
        (composer.composing, composer.send_when_composed) = (false, false);
        false
    });
    let tall = shown.content_size.y.min(shown.inner_rect.height());
    let frame = Rect::from_min_size(begun, Vec2::new(ui.max_rect().width(), tall));
    let round = CornerRadius::same(radius::S);
    ui.painter().set(ground, RectShape::filled(frame, round, cx.c.raised));
    // Over the bar of a long text, and over what fades at its ends.
    ui.painter().rect_stroke(frame, round, edge, StrokeKind::Inside);
    shown.inner
}

/// The field's id, so that the palette and chats can focus it.
fn field_id(chat: &Chat) -> egui::Id {
    egui::Id::unique(("composer", chat.id))
}

/// Whether this frame's events ask to send. While a syllable is composed, Enter waits for its commit: sending before would drop it or leave it twice.
fn wants_to_send(ui: &Ui, enter_sends: bool, composer: &mut Composer) -> bool {
    ui.input(|input| {
        for event in &input.events {
            match event {
                Event::Ime(ImeEvent::Preedit { text, .. }) => composer.composing = !text.is_empty(),
                Event::Ime(ImeEvent::Commit(_)) => composer.composing = false,
                Event::Key { key: Key::Enter, pressed: true, modifiers, .. } => {
                    let plain = !modifiers.shift && !modifiers.command && !modifiers.alt;
                    composer.send_when_composed |=
                        if enter_sends { plain || modifiers.command } else { modifiers.command };
                }
                _ => {}
            }
        }
        !composer.composing && std::mem::take(&mut composer.send_when_composed)
    })
}

fn strip(ui: &mut Ui, cx: &Cx<'_>, chat: &Chat, answered: Option<&Message>, composer: &mut Composer) {
    if composer.reply_to.is_none() {
        return;
    }
    ui.horizontal(|ui| {
        Icon::Reply.show(ui, size::TITLE, cx.c.jade_ink);
        // Of what is not loaded nobody is named: it may be of either side.
        let (who, words) = match answered {
            Some(m) if m.mine => (cx.tr(T::You), text::line(bubble::words(cx, m), 120)),
            Some(m) => (chat.name.as_str(), text::line(bubble::words(cx, m), 120)),
            None => (cx.tr(T::QuoteMissing), String::new()),
        };
        ui.label(
            RichText::new(cx.with(T::ReplyingTo, &[who]))
                .font(theme::strong(size::SMALL))
                .color(cx.c.jade_ink),
        );
        let cross = measure::TOUCH + space::S;
        let width = (ui.available_width() - cross).max(0.0);
        ui.scope(|ui| {
            ui.set_width(width);
            ui.add(
                egui::Label::new(RichText::new(words).font(theme::regular(size::SMALL)).color(cx.c.weak))
                    .truncate(),
            );
        });
        if button::icon(ui, cx, Icon::Cross, T::CancelReply).clicked() {
            composer.reply_to = None;
            composer.unkept = true;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_stands_in_its_order_before_what_was_written_since() {
        let of = |typed: &str| Composer { draft: typed.to_owned(), ..Composer::default() };
        let mut composer = of("");
        composer.give_back("one", Some(MessageKey::invented(1)));
        assert_eq!((composer.draft.as_str(), composer.reply_to), ("one", Some(MessageKey::invented(1))));
        composer.give_back("two", Some(MessageKey::invented(2)));
        assert_eq!((composer.draft.as_str(), composer.reply_to), ("one\ntwo", Some(MessageKey::invented(1))));
        assert!(composer.unkept);

        let mut composer = of("since");
        for text in ["one", "two", "three"] {
            composer.give_back(text, None);
        }
        assert_eq!(composer.draft, "one\ntwo\nthree\nsince");
        composer.draft = "changed".into();
        composer.give_back("four", None);
        assert_eq!(composer.draft, "four\nchanged");
    }
}
