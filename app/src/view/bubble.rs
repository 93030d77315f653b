//! How one message looks, and how tall it is: both come from the same layout.

use std::sync::Arc;

use egui::{CornerRadius, FontId, Galley, Label, Rect, Sense, Stroke, StrokeKind, Ui, Vec2};

use super::find::Hit;
use crate::{
    clock,
    i18n::T,
    model::{Bond, Delivery, Message, MessageKey, Quote},
    text,
    theme::{self, measure, opacity, radius, size, space, stroke},
    widget::{Cx, icon::Icon, paragraph},
};

/// Room inside a bubble at its sides.
const PAD_X: f32 = space::M;
/// Room inside a bubble above and below.
const PAD_Y: f32 = space::S;
/// Messages of one side within this time stand together.
const GROUP_MS: u64 = 5 * 60 * 1000;

/// What stands around a message.
#[derive(Clone, Copy, Default)]
pub(crate) struct Place<'a> {
    /// The one before, if loaded.
    pub(crate) before: Option<&'a Message>,
    /// What the other side is called.
    pub(crate) name: &'a str,
    /// It is the first that had not been seen.
    pub(crate) first_unread: bool,
    /// All of it is shown, however long it is.
    pub(crate) whole: bool,
}

/// What is to be known of the conversation to paint a message of it.
#[derive(Clone, Copy)]
pub(crate) struct Talk<'a> {
    /// What the other side is called.
    pub(crate) name: &'a str,
    /// How far the two have come: whether a message can still arrive.
    pub(crate) bond: Bond,
    /// Whether the message is one that is looked for.
    pub(crate) hit: Hit,
}

/// A message laid out for a width.
pub(crate) struct Shape {
    text: Arc<Galley>,
    foot: Arc<Galley>,
    foot_width: f32,
    /// It is a line about the conversation, in the middle and without a bubble.
    is_told: bool,
    bubble: Vec2,
    day: Option<String>,
    unread: bool,
    /// There is more than is laid out.
    folded: bool,
    above: f32,
    /// Height of the whole row, lines above included.
    pub(crate) tall: f32,
}

/// What was pressed on a message.
pub(crate) enum Pressed {
    /// Answer it.
    Reply,
    /// Put its text on the clipboard.
    Copy,
    /// Show where it is.
    Trail,
    /// Delete it here.
    Delete,
    /// Go to the message that it answers.
    Quoted(MessageKey),
    /// Show all of it.
    Whole,
}

/// Lays out `message` for a row of `width`.
pub(crate) fn shape(ui: &Ui, cx: &Cx<'_>, message: &Message, place: Place<'_>, width: f32) -> Shape {
    let widest = (width * 0.8 - space::XL).clamp(measure::WORDS_MIN, measure::READING) - PAD_X * 2.0;
    if let Some(fade) = message.chose {
        let sentence = fade.sentence(cx.lang, message.mine, place.name);
        return told(ui, cx, message, place, &sentence, widest);
    }
    let all = words(cx, message);
    let (shown, folded) = if place.whole { (all, false) } else { text::folded(all) };
    let text = paragraph(ui, shown, theme::regular(size::BODY), cx.c.ink, widest);
    let mut foot_text = String::new();
    if message.late {
        foot_text.push_str(cx.tr(T::ArrivedLater));
        foot_text.push_str(" · ");
    }
    if message.gap {
        foot_text.push_str(cx.tr(T::AfterGap));
        foot_text.push_str(" · ");
    }
    foot_text.push_str(&cx.clock_time(message.label_ms));
    let foot = ui.painter().layout_no_wrap(foot_text, theme::regular(size::TINY), cx.c.weak);
    let foot_width = foot.size().x
        + if message.mine { measure::SIGN + space::XXS } else { 0.0 }
        + if message.fades.is_some() { measure::SIGN_SMALL + space::XS } else { 0.0 };

    let last_row = text.rows.last().map_or(0.0, |row| row.rect().width());
    let beside = !folded && last_row + space::M + foot_width <= widest;
    let mut inner = if beside {
        Vec2::new(text.size().x.max(last_row + space::M + foot_width), text.size().y)
    } else {
        Vec2::new(text.size().x.max(foot_width), text.size().y + foot.size().y + space::XXS)
    };
    if folded {
        inner.y += measure::TOUCH;
    }
    if let Some(quote) = &message.reply {
        let quoted = ui.painter().layout_no_wrap(
            quote_words(cx, quote).to_owned(),
            theme::regular(size::SMALL),
            cx.c.weak,
        );
        inner.x = inner.x.max((quoted.size().x + space::L).min(widest)).max(measure::QUOTE_MIN);
        inner.y += measure::QUOTE + space::XS;
    }
    let bubble = inner + Vec2::new(PAD_X, PAD_Y) * 2.0;

    let (day, above) = head(cx, message, place);
    let unread = place.first_unread;
    let tall = above + bubble.y;
    Shape { text, foot, foot_width, is_told: false, bubble, day, unread, folded, above, tall }
}

/// Lays out a line about the conversation.
fn told(ui: &Ui, cx: &Cx<'_>, message: &Message, place: Place<'_>, sentence: &str, widest: f32) -> Shape {
    let text = paragraph(
        ui,
        sentence,
        theme::regular(size::SMALL),
        cx.c.weak,
        widest - measure::SIGN_SMALL - space::XS,
    );
    let foot = ui.painter().layout_no_wrap(String::new(), theme::regular(size::TINY), cx.c.weak);
    let bubble = text.size() + Vec2::new(measure::SIGN_SMALL + space::XS, PAD_Y * 2.0);
    let (day, above) = head(cx, message, place);
    let (unread, tall) = (place.first_unread, above + bubble.y);
    Shape { text, foot, foot_width: 0.0, is_told: true, bubble, day, unread, folded: false, above, tall }
}

/// The day that begins with a message, and the room above it.
fn head(cx: &Cx<'_>, message: &Message, place: Place<'_>) -> (Option<String>, f32) {
    let local = |m: &Message| m.label_ms.map(|ms| cx.zone.local(ms));
    let day = local(message)
        .filter(|now| place.before.is_none_or(|b| local(b).is_some_and(|before| before.day != now.day)));
    let day = day.map(|now| clock::day(cx.lang, now, cx.today));
    let together = place.before.is_some_and(|b| {
        b.mine == message.mine
            && b.chose.is_none()
            && message.chose.is_none()
            && b.label_ms.zip(message.label_ms).is_some_and(|(x, y)| y.abs_diff(x) < GROUP_MS)
    });
    let lines = measure::DAY * (f32::from(u8::from(day.is_some())) + f32::from(u8::from(place.first_unread)));
    let above = lines + if lines > 0.0 || together { space::XXS } else { measure::TURN };
    (day, above)
}

/// Paints the row and says what was pressed.
pub(crate) fn paint(
    ui: &mut Ui,
    cx: &Cx<'_>,
    message: &Message,
    shape: &Shape,
    row: Rect,
    talk: Talk<'_>,
) -> Option<Pressed> {
    let name = talk.name;
    let mut top = row.top();
    if let Some(day) = &shape.day {
        line(ui, row, top, day, cx.c.weak, cx.c.line);
        top += measure::DAY;
    }
    if shape.unread {
        line(ui, row, top, cx.tr(T::EndOfUnread), cx.c.jade_ink, cx.c.jade);
    }
    if shape.is_told {
        return tell(ui, cx, message, shape, row, name);
    }
    let edge = space::L;
    let left = if message.mine { row.right() - edge - shape.bubble.x } else { row.left() + edge };
    let bubble = Rect::from_min_size(egui::pos2(left, row.top() + shape.above), shape.bubble);
    let ground = if message.mine { cx.c.jade_soft } else { cx.c.quiet };
    ui.painter().rect_filled(bubble, CornerRadius::same(radius::L), ground);
    let marked = match talk.hit {
        Hit::None => Stroke::NONE,
        Hit::Other => Stroke::new(stroke::HAIR, cx.c.persimmon),
        Hit::Current => Stroke::new(stroke::RING, cx.c.persimmon),
    };
    ui.painter().rect_stroke(bubble, CornerRadius::same(radius::L), marked, StrokeKind::Inside);
    let mut pressed = None;
    let mut at = bubble.min + Vec2::new(PAD_X, PAD_Y);
    if let Some(quote) = &message.reply {
        let area = Rect::from_min_size(at, Vec2::new(bubble.width() - PAD_X * 2.0, measure::QUOTE));
        let who = if quote.mine { cx.tr(T::You) } else { name };
        // Of what is not known here nobody is named: it may be of either side.
        let who = quote.text.is_some().then_some(who);
        if quoted(ui, cx, message.key, area, who, quote_words(cx, quote)) {
            pressed = Some(Pressed::Quoted(quote.key));
        }
        at.y += measure::QUOTE + space::XS;
    }

    let text_rect = Rect::from_min_size(at, shape.text.size());
    let spoken = spoken(cx, message, name);
    let label = ui.put(text_rect, Label::new(shape.text.clone()).selectable(true).sense(Sense::click()));
    label.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &spoken));

    if shape.folded && unfold(ui, cx, message.key, text_rect) {
        pressed = Some(Pressed::Whole);
    }
    let foot_top = bubble.bottom() - PAD_Y - shape.foot.size().y;
    let mut foot_left = bubble.right() - PAD_X - shape.foot_width;
    if let Some(seconds) = message.fades {
        let middle = foot_top + shape.foot.size().y / 2.0 + measure::FOOT_LOWER;
        timer(ui, cx, message.key, seconds, egui::pos2(foot_left + measure::SIGN_SMALL / 2.0, middle));
        foot_left += measure::SIGN_SMALL + space::XS;
    }
    let foot_at = egui::pos2(foot_left, foot_top + measure::FOOT_LOWER);
    ui.painter().galley(foot_at, shape.foot.clone(), cx.c.weak);
    if message.mine {
        let centre = egui::pos2(
            bubble.right() - PAD_X - measure::SIGN / 2.0 + space::XXS,
            foot_top + shape.foot.size().y / 2.0 + measure::FOOT_LOWER,
        );
        if sign(ui, cx, message, talk.bond, centre) {
            pressed = Some(Pressed::Trail);
        }
    }
    pressed.or_else(|| menu(ui, cx, message, row, bubble, &label))
}

/// Whether nothing more is to be hoped for: it was not confirmed, and nothing goes there any more.
pub(crate) fn is_lost(delivery: Delivery, bond: Bond) -> bool {
    bond == Bond::Failed && delivery < Delivery::Delivered
}

/// The sign and sentence of a delivery.
pub(crate) fn delivery_sign(cx: &Cx<'_>, delivery: Delivery, bond: Bond) -> (Icon, String) {
    match delivery {
        _ if is_lost(delivery, bond) => (Icon::Warning, cx.tr(T::DeliveryLost).to_owned()),
        Delivery::Written => (Icon::Clock, cx.tr(T::DeliveryWritten).to_owned()),
        Delivery::Sealed => (Icon::Hourglass, cx.tr(T::DeliverySealed).to_owned()),
        Delivery::OnRelay(..=1) => (Icon::Relay, cx.tr(T::DeliveryOnRelay).to_owned()),
        Delivery::OnRelay(copies) => (Icon::Relay, cx.with(T::DeliveryOnRelays, &[&copies.to_string()])),
        Delivery::OnDevice => (Icon::Plane, cx.tr(T::DeliveryOnDevice).to_owned()),
        Delivery::Delivered => (Icon::Check, cx.tr(T::DeliveryDelivered).to_owned()),
        Delivery::Read => (Icon::Checks, cx.tr(T::DeliveryRead).to_owned()),
    }
}

/// Paints a line about the conversation. It can be deleted like any other.
fn tell(
    ui: &mut Ui,
    cx: &Cx<'_>,
    message: &Message,
    shape: &Shape,
    row: Rect,
    name: &str,
) -> Option<Pressed> {
    let top = row.top() + shape.above;
    let area = Rect::from_min_size(
        egui::pos2(row.center().x - shape.bubble.x / 2.0, top),
        Vec2::new(shape.bubble.x, shape.bubble.y),
    );
    let first_row = shape.text.rows.first().map_or(size::SMALL, |row| row.rect().height());
    let sign = egui::pos2(area.left() + measure::SIGN_SMALL / 2.0, top + PAD_Y + first_row / 2.0);
    Icon::Timer.paint(ui.painter(), sign, measure::SIGN_SMALL, cx.c.weak);
    let at = egui::pos2(area.left() + measure::SIGN_SMALL + space::XS, top + PAD_Y);
    let label = Label::new(shape.text.clone()).selectable(false).sense(Sense::click());
    let label = ui.put(Rect::from_min_size(at, shape.text.size()), label);
    let spoken = spoken(cx, message, name);
    label.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &spoken));
    menu(ui, cx, message, row, area, &label)
}

/// The sign that a message disappears.
fn timer(ui: &mut Ui, cx: &Cx<'_>, key: MessageKey, seconds: u32, centre: egui::Pos2) {
    let sentence = cx.with(T::FadesAfter, &[&cx.lang.span(seconds)]);
    let area = Rect::from_center_size(centre, Vec2::splat(measure::SIGN_SMALL + space::XS));
    ui.interact(area, ui.scope_id().with(("timer", key)), Sense::hover()).on_hover_text(sentence);
    Icon::Timer.paint(ui.painter(), centre, measure::SIGN_SMALL, cx.c.weak);
}

/// A message in one sentence, for screen readers.
pub(crate) fn spoken(cx: &Cx<'_>, message: &Message, name: &str) -> String {
    if let Some(fade) = message.chose {
        return fade.sentence(cx.lang, message.mine, name);
    }
    let time = cx.clock_time(message.label_ms);
    let said = if message.mine {
        cx.with(T::VoiceMine, &[&time, words(cx, message)])
    } else {
        cx.with(T::VoiceTheirs, &[name, &time, words(cx, message)])
    };
    let about = [
        message.late.then(|| cx.tr(T::ArrivedLater).to_owned()),
        message.gap.then(|| cx.tr(T::AfterGap).to_owned()),
        message.fades.map(|seconds| cx.with(T::FadesAfter, &[&cx.lang.span(seconds)])),
    ];
    [said].into_iter().chain(about.into_iter().flatten()).collect::<Vec<_>>().join(" · ")
}

/// What a message says; a kind of a later version says nothing here.
pub(crate) fn words<'a>(cx: &Cx<'_>, message: &'a Message) -> &'a str {
    if message.text.is_empty() { cx.tr(T::NewerKind) } else { &message.text }
}

fn quote_words<'a>(cx: &Cx<'_>, quote: &'a Quote) -> &'a str {
    match quote.text.as_deref() {
        Some("") => cx.tr(T::NewerKind),
        Some(text) => text,
        None => cx.tr(T::QuoteMissing),
    }
}

fn paragraph(ui: &Ui, text: &str, font: FontId, colour: egui::Color32, width: f32) -> Arc<Galley> {
    ui.fonts_mut(|fonts| paragraph::layout(fonts, text, font, colour, width))
}

fn line(ui: &mut Ui, row: Rect, top: f32, text: &str, ink: egui::Color32, rule: egui::Color32) {
    let area = Rect::from_min_size(egui::pos2(row.left(), top), Vec2::new(row.width(), measure::DAY));
    let galley = ui.painter().layout_no_wrap(text.to_owned(), theme::strong(size::TINY), ink);
    let half = galley.size().x / 2.0 + space::M;
    let middle = area.center();
    for (from, to) in [(area.left() + space::L, middle.x - half), (middle.x + half, area.right() - space::L)]
    {
        ui.painter().hline(from..=to, middle.y, Stroke::new(stroke::HAIR, rule));
    }
    let rect = Rect::from_center_size(middle, galley.size());
    let label = ui.put(rect, Label::new(galley).selectable(false));
    label.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, text));
}

fn quoted(ui: &mut Ui, cx: &Cx<'_>, key: MessageKey, area: Rect, who: Option<&str>, text: &str) -> bool {
    let response = ui.interact(area, ui.scope_id().with(("quote", key)), Sense::click());
    let spoken = match who {
        Some(who) => format!("{}: {text}", cx.with(T::ReplyingTo, &[who])),
        None => cx.with(T::ReplyingTo, &[text]),
    };
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &spoken));
    let painter = ui.painter();
    painter.rect_filled(area, CornerRadius::same(radius::S), cx.c.page.gamma_multiply(opacity::QUOTE));
    painter.rect_filled(
        Rect::from_min_size(area.min, Vec2::new(measure::QUOTE_BAR, area.height())),
        CornerRadius::same(radius::XS),
        cx.c.jade,
    );
    if response.has_focus() {
        painter.rect_stroke(
            area,
            CornerRadius::same(radius::S),
            Stroke::new(stroke::RING, cx.c.jade),
            StrokeKind::Inside,
        );
    }
    let width = area.width() - space::L;
    let text = crate::widget::row::one_line(ui, text, theme::regular(size::SMALL), cx.c.weak, width);
    let at = area.min + Vec2::new(space::S + space::XXS, space::XS);
    let Some(who) = who else {
        let middle = area.center().y - text.size().y / 2.0;
        ui.painter().galley(egui::pos2(at.x, middle), text, cx.c.weak);
        return response.clicked();
    };
    let who = crate::widget::row::one_line(ui, who, theme::strong(size::TINY), cx.c.jade_ink, width);
    ui.painter().galley(at, who, cx.c.jade_ink);
    ui.painter().galley(at + Vec2::new(0.0, space::L), text, cx.c.weak);
    response.clicked()
}

/// The button under a text of which only the beginning is shown.
fn unfold(ui: &mut Ui, cx: &Cx<'_>, key: MessageKey, text: Rect) -> bool {
    let word = cx.tr(T::ShowAll);
    let galley = ui.painter().layout_no_wrap(word.to_owned(), theme::strong(size::SMALL), cx.c.jade_ink);
    let area = Rect::from_min_size(text.left_bottom(), Vec2::new(galley.size().x, measure::TOUCH));
    let response = ui.interact(area, ui.scope_id().with(("whole", key)), Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, word));
    let at = egui::pos2(area.left(), area.center().y - galley.size().y / 2.0);
    if response.has_focus() || response.hovered() {
        let line = at.y + galley.size().y;
        ui.painter().hline(area.x_range(), line, Stroke::new(stroke::EDGE, cx.c.jade));
    }
    ui.painter().galley(at, galley, cx.c.jade_ink);
    response.clicked()
}

fn sign(ui: &mut Ui, cx: &Cx<'_>, message: &Message, bond: Bond, centre: egui::Pos2) -> bool {
    let (icon, sentence) = delivery_sign(cx, message.delivery, bond);
    let area = Rect::from_center_size(centre, Vec2::splat(measure::SIGN + space::XS));
    let response =
        ui.interact(area, ui.scope_id().with(("sign", message.key)), Sense::click()).on_hover_text(&sentence);
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Button, true, format!("{sentence}. {}", cx.tr(T::ShowTrail)))
    });
    let ink = match message.delivery {
        Delivery::Read => cx.c.jade_ink,
        delivery if is_lost(delivery, bond) => cx.c.persimmon,
        _ => cx.c.weak,
    };
    icon.paint(ui.painter(), centre, size::BODY, ink);
    if response.has_focus() {
        ui.painter().circle_stroke(
            centre,
            measure::SIGN / 2.0 + space::XXS,
            Stroke::new(stroke::RING, cx.c.jade),
        );
    }
    response.clicked()
}

fn menu(
    ui: &mut Ui,
    cx: &Cx<'_>,
    message: &Message,
    row: Rect,
    bubble: Rect,
    label: &egui::Response,
) -> Option<Pressed> {
    let beside = measure::MORE / 2.0 + space::XS;
    let x = if message.mine && message.chose.is_none() {
        bubble.left() - beside
    } else {
        bubble.right() + beside
    };
    let area = Rect::from_center_size(egui::pos2(x, bubble.center().y), Vec2::splat(measure::MORE));
    let response = ui.interact(area, ui.scope_id().with(("more", message.key)), Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, cx.tr(T::MessageActions)));
    let near = ui.rect_contains_pointer(row) && ui.is_enabled();
    if near || response.has_focus() || response.hovered() {
        if response.hovered() || response.has_focus() {
            ui.painter().circle_filled(area.center(), measure::MORE / 2.0, cx.c.quiet_hover);
        }
        Icon::More.paint(ui.painter(), area.center(), size::TITLE, cx.c.weak);
    }
    let mut pressed = None;
    let mut items = |ui: &mut Ui| {
        ui.set_min_width(measure::MENU);
        let mut item = |ui: &mut Ui, icon: Icon, word: T, what: Pressed| {
            if menu_item(ui, cx, icon, word) {
                pressed = Some(what);
                ui.close();
            }
        };
        if message.chose.is_none() {
            item(ui, Icon::Reply, T::Reply, Pressed::Reply);
        }
        // Of a kind of a later version there is no text.
        if message.chose.is_none() && !message.text.is_empty() {
            item(ui, Icon::Copy, T::CopyText, Pressed::Copy);
        }
        if message.mine {
            item(ui, Icon::Path, T::ShowTrail, Pressed::Trail);
        }
        item(ui, Icon::Trash, T::DeleteMessage, Pressed::Delete);
    };
    egui::Popup::menu(&response)
        .width(measure::MENU)
        .accessible_name(cx.tr(T::MessageActions))
        .show(&mut items);
    egui::Popup::context_menu(label)
        .id(label.id.with("context"))
        .width(measure::MENU)
        .accessible_name(cx.tr(T::MessageActions))
        .show(&mut items);
    pressed
}

fn menu_item(ui: &mut Ui, cx: &Cx<'_>, icon: Icon, word: T) -> bool {
    let mut job = egui::text::LayoutJob::default();
    let part = |points: f32, family: egui::FontFamily| egui::TextFormat {
        font_id: FontId::new(points, family),
        color: cx.c.ink,
        valign: egui::Align::Center,
        ..Default::default()
    };
    job.append(&icon.letter().to_string(), 0.0, part(size::TITLE, theme::icon_family()));
    job.append(cx.tr(word), space::S, part(size::BODY, egui::FontFamily::Proportional));
    let response = ui.add(
        egui::Button::new(job)
            .frame_when_inactive(false)
            .min_size(Vec2::new(ui.available_width(), measure::TOUCH)),
    );
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::MenuItem, true, cx.tr(word)));
    response.clicked()
}
