//! A scrolling column of rows with heights of their own, anchored at a row instead of an offset: rows above may load
//! or grow and nothing under the eye moves. It never knows all heights; the work of a frame is that of the visible rows.

use egui::{Key, Rect, Role, Sense, Ui, Vec2, WidgetInfo};

use crate::{
    model::MessageKey,
    theme::{self, measure, opacity, space},
};

/// Room under the last row.
const FOOT: f32 = space::M;

/// Where the reader is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stream {
    /// The first visible row and how far its top is from the top of the view; nothing: at the newest end.
    anchor: Option<(MessageKey, f32)>,
}

/// The loaded rows, as a part of all there are.
pub(crate) struct Rows<'a> {
    /// One key a row, from top to bottom.
    pub(crate) keys: &'a [MessageKey],
    /// More rows follow that are not loaded: their end is not the end.
    pub(crate) more_after: bool,
    /// How far from the beginning of everything a row stands, from 0 to 1.
    pub(crate) part: &'a dyn Fn(usize) -> f32,
}

/// What is visible in this frame.
pub(crate) struct Visible {
    /// Row index and place, from top to bottom.
    pub(crate) rows: Vec<(usize, Rect)>,
    /// The view.
    pub(crate) view: Rect,
    /// The newest row of all is in sight.
    pub(crate) at_end: bool,
    /// The reader took the bar and wants to be this far from the beginning.
    pub(crate) wanted: Option<f32>,
}

impl Stream {
    /// Goes to the newest row and stays there.
    pub(crate) fn go_to_end(&mut self) {
        self.anchor = None;
    }

    /// Brings a row to the upper third, or goes to the end.
    pub(crate) fn go_to(&mut self, key: Option<MessageKey>, view_height: f32) {
        self.anchor = key.map(|key| (key, view_height / 3.0));
    }

    /// Brings a row to the upper third.
    pub(crate) fn go_to_row(&mut self, key: MessageKey, view_height: f32) {
        self.anchor = Some((key, view_height / 3.0));
    }

    /// Takes all room that is left, moves by wheel and keys, and says where rows belong.
    pub(crate) fn layout(
        &mut self,
        ui: &mut Ui,
        name: &str,
        loaded: &Rows<'_>,
        mut height: impl FnMut(&Ui, usize) -> f32,
    ) -> Visible {
        let keys = loaded.keys;
        let (view, response) = ui.allocate_exact_size(ui.available_size(), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::List, true, name));
        let moved = wanted_move(ui, view);
        let wanted = dragged_to(ui, view);

        let anchor = self.anchor.and_then(|(key, top)| Some((keys.iter().position(|k| *k == key)?, top)));
        let mut rows = match (anchor, keys.len().checked_sub(1)) {
            (_, None) => Vec::new(),
            (Some((at, top)), _) => {
                from_anchor(ui, view, at, view.top() + top + moved, keys.len(), &mut height)
            }
            (None, Some(last)) if moved > 0.0 => {
                let top = view.bottom() - FOOT - height(ui, last) + moved;
                from_anchor(ui, view, last, top, keys.len(), &mut height)
            }
            (None, Some(_)) => from_end(ui, view, keys.len(), &mut height),
        };
        let floor = view.bottom() - FOOT + measure::ROUNDING;
        let past_end = rows.last().is_none_or(|(at, rect)| at + 1 == keys.len() && rect.bottom() <= floor);
        if past_end {
            rows = from_end(ui, view, keys.len(), &mut height);
        }
        let at_end = past_end && !loaded.more_after;
        self.anchor = match rows.first() {
            Some((at, rect)) if !at_end => Some((keys[*at], rect.top() - view.top())),
            _ => None,
        };
        paint_bar(ui, view, &rows, loaded);
        Visible { rows, view, at_end, wanted }
    }
}

/// How far from the beginning the reader draws the bar.
fn dragged_to(ui: &Ui, view: Rect) -> Option<f32> {
    let bar = Rect::from_min_max(egui::pos2(view.right() - measure::SCROLL * 1.5, view.top()), view.max);
    let response = ui.interact(bar, ui.scope_id().with("bar"), Sense::drag());
    let at = response.interact_pointer_pos().filter(|_| response.dragged())?;
    Some(((at.y - view.top()) / view.height()).clamp(0.0, 1.0))
}
/// Points that the reader moves the rows down (so that older ones appear).
fn wanted_move(ui: &Ui, view: Rect) -> f32 {
    let page = view.height() * 0.85;
    let over = ui.rect_contains_pointer(view);
    ui.input(|input| {
        let wheel = if over { input.smooth_scroll_delta.y } else { 0.0 };
        let pages =
            f32::from(i8::from(input.key_pressed(Key::PageUp)) - i8::from(input.key_pressed(Key::PageDown)));
        wheel + pages * page
    })
}

/// Rows from the newest upwards, the last one at the foot of the view.
fn from_end(
    ui: &Ui,
    view: Rect,
    count: usize,
    height: &mut impl FnMut(&Ui, usize) -> f32,
) -> Vec<(usize, Rect)> {
    let mut rows = Vec::new();
    let mut bottom = view.bottom() - FOOT;
    for at in (0..count).rev() {
        if bottom < view.top() {
            break;
        }
        let tall = height(ui, at);
        rows.push((at, row_rect(view, bottom - tall, tall)));
        bottom -= tall;
    }
    rows.reverse();
    rows
}

/// Rows around `anchor`, whose top is at `top`; never past the oldest.
fn from_anchor(
    ui: &Ui,
    view: Rect,
    anchor: usize,
    top: f32,
    count: usize,
    height: &mut impl FnMut(&Ui, usize) -> f32,
) -> Vec<(usize, Rect)> {
    let (mut first, mut first_top) = (anchor, top);
    while first > 0 && first_top > view.top() {
        first -= 1;
        first_top -= height(ui, first);
    }
    if first == 0 {
        first_top = first_top.min(view.top());
    }
    let mut rows = Vec::new();
    let mut at_top = first_top;
    for at in first..count {
        if at_top > view.bottom() {
            break;
        }
        let tall = height(ui, at);
        if at_top + tall >= view.top() {
            rows.push((at, row_rect(view, at_top, tall)));
        }
        at_top += tall;
    }
    // The anchor may have been scrolled far above the view: the newest row is then nearest.
    if rows.is_empty() && count > 0 { from_end(ui, view, count, height) } else { rows }
}

fn row_rect(view: Rect, top: f32, tall: f32) -> Rect {
    Rect::from_min_size(egui::pos2(view.left(), top), Vec2::new(view.width() - measure::SCROLL, tall))
}

/// The thumb shows where the view is within everything, loaded or not.
fn paint_bar(ui: &Ui, view: Rect, rows: &[(usize, Rect)], loaded: &Rows<'_>) {
    let (Some((first, top)), Some((last, _))) = (rows.first(), rows.last()) else { return };
    let all = *first == 0 && last + 1 == loaded.keys.len() && !loaded.more_after;
    if all && top.top() >= view.top() - measure::ROUNDING {
        return;
    }
    let (from, to) = ((loaded.part)(*first), (loaded.part)(*last));
    let tall = ((to - from) * view.height()).clamp(measure::THUMB, view.height());
    // The end of the bar is the end of everything, whatever the thumb's height.
    let room = (view.height() - tall).max(0.0);
    let at_end = *last + 1 == loaded.keys.len() && !loaded.more_after;
    let at = if at_end { f32::MAX } else { from }.min(1.0);
    let thumb = Rect::from_min_size(
        egui::pos2(view.right() - measure::SCROLL + space::XXS, view.top() + at * room),
        Vec2::new(measure::SCROLL - space::XS, tall),
    );
    ui.painter().rect_filled(
        thumb,
        theme::radius::S,
        ui.visuals().weak_text_color().gamma_multiply(opacity::THUMB),
    );
}
