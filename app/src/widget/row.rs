//! A row of a list: avatar, two lines, signs at the end. Pressed by pointer or key.

use egui::{Align2, CornerRadius, Response, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo};

use super::{Cx, avatar, icon::Icon};
use crate::theme::{self, measure, radius, size, space, stroke};

/// What a row shows.
pub(crate) struct Row<'a> {
    /// First line.
    pub(crate) title: &'a str,
    /// Second line.
    pub(crate) line: &'a str,
    /// The second line is set apart by colour, as for a draft.
    pub(crate) marked: bool,
    /// Sign before the second line.
    pub(crate) sign: Option<Icon>,
    /// At the end of the first line.
    pub(crate) time: &'a str,
    /// Verified sign after the title.
    pub(crate) verified: bool,
    /// Sign after the title that the name can be mistaken.
    pub(crate) doubtful: bool,
    /// Count at the end of the second line.
    pub(crate) count: u32,
    /// The row is open.
    pub(crate) chosen: bool,
    /// Seed of the avatar.
    pub(crate) seed: u64,
    /// All of it in one sentence, for screen readers.
    pub(crate) spoken: &'a str,
}

/// Draws the row over the full width.
pub(crate) fn show(ui: &mut Ui, cx: &Cx<'_>, row: &Row<'_>) -> Response {
    let (rect, response) =
        ui.allocate_exact_size(Vec2::new(ui.available_width(), measure::ROW), Sense::click());
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, row.chosen, row.spoken));
    if !ui.is_rect_visible(rect) {
        return response;
    }
    let inner = rect.shrink2(Vec2::new(space::S, space::XXS));
    ground(ui, cx, inner, &response, row.chosen);
    let left = inner.left() + space::S;
    avatar::paint(
        ui.painter(),
        egui::pos2(left + measure::AVATAR / 2.0, inner.center().y),
        measure::AVATAR,
        row.title,
        row.seed,
    );
    let text_left = left + measure::AVATAR + space::M;
    let right = inner.right() - space::S;
    let (upper, lower) = (inner.center().y - measure::ROW_LINE, inner.center().y + measure::ROW_LINE);

    let painter = ui.painter();
    let time = painter.layout_no_wrap(row.time.to_owned(), theme::regular(size::TINY), cx.c.weak);
    let time_width = time.size().x;
    painter.galley(egui::pos2(right - time_width, upper - time.size().y / 2.0), time, cx.c.weak);

    let signed = row.verified || row.doubtful;
    let sign_width = if signed { size::TITLE + space::XS } else { 0.0 };
    let title = one_line(
        ui,
        row.title,
        theme::strong(size::BODY),
        cx.c.ink,
        right - time_width - space::S - sign_width - text_left,
    );
    let painter = ui.painter();
    let title_width = title.size().x;
    painter.galley(egui::pos2(text_left, upper - title.size().y / 2.0), title, cx.c.ink);
    if signed {
        let (icon, ink) =
            if row.doubtful { (Icon::Warning, cx.c.persimmon) } else { (Icon::Verified, cx.c.jade_ink) };
        let at = egui::pos2(text_left + title_width + space::XS + size::BODY / 2.0, upper);
        icon.paint(painter, at, size::BODY, ink);
    }

    let mut end = right;
    if row.count > 0 {
        let count = painter.layout_no_wrap(
            if row.count > 99 { "99+".to_owned() } else { row.count.to_string() },
            theme::strong(size::TINY),
            cx.c.on_jade,
        );
        let width = (count.size().x + space::S).max(measure::COUNT);
        let middle = egui::pos2(end - width / 2.0, lower);
        let pill = egui::Rect::from_center_size(middle, Vec2::new(width, measure::COUNT));
        painter.rect_filled(pill, CornerRadius::same(radius::PILL), cx.c.jade);
        painter.galley(pill.center() - count.size() / 2.0, count, cx.c.on_jade);
        end -= width + space::S;
    }
    let mut start = text_left;
    if let Some(sign) = row.sign {
        sign.paint(painter, egui::pos2(start + measure::SIGN_SMALL / 2.0, lower), size::BODY, cx.c.weak);
        start += measure::ROW_SIGN;
    }
    let ink = if row.marked {
        cx.c.persimmon
    } else if row.count > 0 {
        cx.c.ink
    } else {
        cx.c.weak
    };
    let line = one_line(ui, row.line, theme::regular(size::SMALL), ink, end - start);
    ui.painter().galley(egui::pos2(start, lower - line.size().y / 2.0), line, ink);
    response
}

/// Paints what lies under a row: chosen, under the pointer, or with the focus of the keyboard.
pub(crate) fn ground(ui: &Ui, cx: &Cx<'_>, rect: egui::Rect, response: &Response, chosen: bool) {
    let fill = if chosen {
        cx.c.jade_soft
    } else if response.hovered() {
        cx.c.quiet_hover
    } else {
        theme::CLEAR
    };
    let round = CornerRadius::same(radius::M);
    ui.painter().rect_filled(rect, round, fill);
    if response.has_focus() {
        ui.painter().rect_stroke(rect, round, Stroke::new(stroke::RING, cx.c.jade), StrokeKind::Inside);
    }
}

/// Paints an entry of a list to choose from: its sign in a colour, and its words.
pub(crate) fn entry(ui: &Ui, cx: &Cx<'_>, rect: egui::Rect, sign: (Icon, egui::Color32), words: &str) {
    let (icon, ink) = sign;
    let at = rect.left_center() + Vec2::new(measure::ENTRY_SIGN, 0.0);
    icon.paint(ui.painter(), at, size::TITLE, ink);
    let room = rect.width() - measure::ENTRY_WORDS - space::M;
    let words = one_line(ui, words, theme::regular(size::BODY), cx.c.ink, room);
    let at = egui::pos2(rect.left() + measure::ENTRY_WORDS, rect.center().y - words.size().y / 2.0);
    ui.painter().galley(at, words, cx.c.ink);
}

/// A galley of one line that ends in an ellipsis where the room ends.
pub(crate) fn one_line(
    ui: &Ui,
    text: &str,
    font: egui::FontId,
    colour: egui::Color32,
    width: f32,
) -> std::sync::Arc<egui::Galley> {
    let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), font, colour);
    job.wrap = egui::text::TextWrapping {
        max_width: width.max(1.0),
        max_rows: 1,
        break_anywhere: true,
        overflow_character: Some('…'),
    };
    ui.fonts_mut(|fonts| fonts.layout_job(job))
}

/// A round count in the corner of a sign.
pub(crate) fn badge(ui: &Ui, cx: &Cx<'_>, at: egui::Pos2, count: u32) {
    if count > 0 {
        let text = if count > 99 { "99+".to_owned() } else { count.to_string() };
        let galley = ui.painter().layout_no_wrap(text, theme::strong(size::TINY), cx.c.on_jade);
        let width = (galley.size().x + space::S).max(measure::BADGE);
        let pill = egui::Rect::from_center_size(at, Vec2::new(width, measure::BADGE));
        ui.painter().rect_filled(pill, CornerRadius::same(radius::PILL), cx.c.jade);
        ui.painter().galley(
            Align2::CENTER_CENTER.align_size_within_rect(galley.size(), pill).min,
            galley,
            cx.c.on_jade,
        );
    }
}
