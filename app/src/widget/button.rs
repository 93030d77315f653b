//! Buttons, and the fields that stand beside them.

use egui::{
    Button, Color32, CornerRadius, Margin, Response, RichText, Stroke, TextBuffer, TextEdit, Ui, Vec2,
    text::LayoutJob,
};

use super::{Cx, icon::Icon};
use crate::{
    i18n::T,
    theme::{self, inset, measure, opacity, radius, size, space, stroke},
};

/// The one thing that a page is for.
pub(crate) fn primary(ui: &mut Ui, cx: &Cx<'_>, word: T, enabled: bool) -> Response {
    filled(ui, cx, word, cx.c.on_jade, [cx.c.jade, cx.c.jade_hover], enabled)
}

/// Something one may also do.
pub(crate) fn quiet(ui: &mut Ui, cx: &Cx<'_>, word: T, enabled: bool) -> Response {
    filled(ui, cx, word, cx.c.ink, [cx.c.quiet, cx.c.quiet_hover], enabled)
}

/// Something that destroys.
pub(crate) fn danger(ui: &mut Ui, cx: &Cx<'_>, word: T, enabled: bool) -> Response {
    filled(ui, cx, word, cx.c.danger, [cx.c.quiet, cx.c.quiet_hover], enabled)
}

fn filled(ui: &mut Ui, cx: &Cx<'_>, word: T, ink: Color32, fills: [Color32; 2], enabled: bool) -> Response {
    let label = cx.tr(word);
    make_room(ui, label);
    // What cannot be pressed yet is pale, and its words still read well.
    let (ink, fills) = if enabled { (ink, fills) } else { (cx.c.weak, [cx.c.surface; 2]) };
    ui.scope(|ui| {
        let visuals = &mut ui.style_mut().visuals;
        visuals.disabled_alpha = opacity::WHOLE;
        let widgets = &mut visuals.widgets;
        for (state, fill) in [
            (&mut widgets.noninteractive, fills[0]),
            (&mut widgets.inactive, fills[0]),
            (&mut widgets.hovered, fills[1]),
            (&mut widgets.active, fills[1]),
        ] {
            state.weak_bg_fill = fill;
            state.fg_stroke.color = ink;
        }
        // On a ground of the same colour the edge shows that it is a button.
        let edge = if enabled { Stroke::NONE } else { Stroke::new(stroke::HAIR, cx.c.line) };
        widgets.noninteractive.bg_stroke = edge;
        widgets.inactive.bg_stroke = edge;
        widgets.hovered.bg_stroke = edge;
        let text = RichText::new(label).font(theme::strong(size::BODY)).color(ink);
        ui.add_enabled(
            enabled,
            Button::new(text)
                .min_size(Vec2::new(0.0, measure::TOUCH))
                .corner_radius(CornerRadius::same(radius::S)),
        )
    })
    .inner
}

/// Begins a new row where what is left of a wrapped one is too narrow for a button: its label is never broken there.
fn make_room(ui: &mut Ui, label: &str) {
    let text = ui.painter().layout_no_wrap(label.to_owned(), theme::strong(size::BODY), theme::CLEAR);
    let wide = text.size().x + ui.spacing().button_padding.x * 2.0;
    let begun = ui.cursor().left() > ui.max_rect().left() + measure::ROUNDING;
    if ui.layout().main_wrap() && begun && wide > ui.available_size_before_wrap().x {
        ui.end_row();
    }
}

/// A sign that can be pressed; its word is told on hover and to screen readers.
pub(crate) fn icon(ui: &mut Ui, cx: &Cx<'_>, icon: Icon, word: T) -> Response {
    icon_named(ui, cx, icon, cx.tr(word), cx.c.ink, true)
}

/// The same with a name of its own and a colour.
pub(crate) fn icon_named(
    ui: &mut Ui,
    cx: &Cx<'_>,
    icon: Icon,
    name: &str,
    colour: Color32,
    enabled: bool,
) -> Response {
    ui.scope(|ui| {
        let widgets = &mut ui.style_mut().visuals.widgets;
        widgets.inactive.weak_bg_fill = theme::CLEAR;
        widgets.inactive.bg_stroke = Stroke::NONE;
        widgets.hovered.bg_stroke = Stroke::NONE;
        widgets.hovered.weak_bg_fill = cx.c.quiet_hover;
        ui.spacing_mut().button_padding = Vec2::ZERO;
        let side = Vec2::splat(measure::TOUCH);
        let response = ui.add_enabled(enabled, Button::new(icon.text(size::SIGN, colour)).min_size(side));
        response.on_hover_text(name).accessible_name(name)
    })
    .inner
}

/// One of a few choices that exclude each other.
pub(crate) fn choice(ui: &mut Ui, cx: &Cx<'_>, label: &str, chosen: bool) -> Response {
    make_room(ui, label);
    ui.scope(|ui| {
        let visuals = &mut ui.style_mut().visuals;
        visuals.selection.bg_fill = cx.c.jade_soft;
        visuals.selection.stroke = Stroke::new(stroke::EDGE, cx.c.ink);
        let widgets = &mut visuals.widgets;
        widgets.inactive.bg_stroke = Stroke::new(stroke::HAIR, if chosen { cx.c.jade } else { cx.c.outline });
        widgets.inactive.weak_bg_fill = cx.c.raised;
        let text = RichText::new(label).font(if chosen {
            theme::strong(size::BODY)
        } else {
            theme::regular(size::BODY)
        });
        let mut button = Button::new(text).min_size(Vec2::new(0.0, measure::TOUCH));
        if chosen {
            button = button.fill(cx.c.jade_soft).stroke(Stroke::new(stroke::EDGE, cx.c.jade));
        }
        let response = ui.add(button);
        response.widget_info(|| egui::WidgetInfo::selected(egui::Role::RadioButton, true, chosen, label));
        response
    })
    .inner
}

/// A box to tick, with its sentence.
pub(crate) fn tick(ui: &mut Ui, cx: &Cx<'_>, on: &mut bool, word: T) -> Response {
    ui.scope(|ui| {
        if *on {
            let widgets = &mut ui.style_mut().visuals.widgets;
            for (state, fill) in [
                (&mut widgets.inactive, cx.c.jade),
                (&mut widgets.hovered, cx.c.jade_hover),
                (&mut widgets.active, cx.c.jade_hover),
            ] {
                (state.bg_fill, state.bg_stroke.color) = (fill, fill);
                state.fg_stroke = Stroke::new(stroke::RING, cx.c.on_jade);
            }
        }
        ui.checkbox(on, RichText::new(cx.tr(word)).color(cx.c.ink))
    })
    .inner
}

/// A line to write in, under its label.
pub(crate) fn field(
    ui: &mut Ui,
    cx: &Cx<'_>,
    label: T,
    hint: Option<T>,
    text: &mut String,
    chars: usize,
) -> Response {
    let head = ui.label(RichText::new(cx.tr(label)).font(theme::strong(size::SMALL)).color(cx.c.ink));
    let mut edit =
        TextEdit::singleline(text).desired_width(f32::INFINITY).char_limit(chars).margin(inset::FIELD);
    if let Some(hint) = hint {
        edit = edit.hint_text(RichText::new(cx.tr(hint)).color(cx.c.weak));
    }
    let response = ui.add(edit).labelled_by(head.id);
    ui.add_space(space::XS);
    response
}

/// Lines of letters of one width under their label, for what is carried from one place to another: they are broken
/// wherever they end, for they hold no words.
pub(crate) fn letters(
    ui: &mut Ui,
    cx: &Cx<'_>,
    label: T,
    text: &mut dyn TextBuffer,
    chars: usize,
) -> Response {
    let head = ui.label(RichText::new(cx.tr(label)).font(theme::strong(size::SMALL)).color(cx.c.ink));
    let mut layout = |ui: &Ui, text: &dyn TextBuffer, width: f32| {
        let font = egui::TextStyle::Monospace.resolve(ui.style());
        let mut job = LayoutJob::simple(text.as_str().to_owned(), font, cx.c.ink, width);
        job.wrap.break_anywhere = true;
        ui.fonts_mut(|fonts| fonts.layout_job(job))
    };
    let edit = TextEdit::multiline(text)
        .font(egui::TextStyle::Monospace)
        .layouter(&mut layout)
        .desired_width(f32::INFINITY)
        .desired_rows(3)
        .char_limit(chars)
        .margin(inset::FIELD);
    ui.add(edit).labelled_by(head.id)
}

/// A line to search in.
pub(crate) fn search(ui: &mut Ui, cx: &Cx<'_>, word: T, text: &mut String) -> Response {
    search_beside(ui, cx, word, text, 0.0)
}

/// The same with room at its right end in which nothing is typed, at most 100 points wide.
pub(crate) fn search_beside(ui: &mut Ui, cx: &Cx<'_>, word: T, text: &mut String, end: f32) -> Response {
    let edit = TextEdit::singleline(text)
        .desired_width(f32::INFINITY)
        .char_limit(120)
        .margin(Margin { right: inset::SEARCH.right + end as i8, ..inset::SEARCH })
        .hint_text(RichText::new(cx.tr(word)).color(cx.c.weak));
    let response = ui.add(edit).accessible_name(cx.tr(word));
    Icon::Search.paint(
        ui.painter(),
        response.rect.left_center() + Vec2::new(measure::SEARCH_SIGN, 0.0),
        size::TITLE,
        cx.c.weak,
    );
    response
}
