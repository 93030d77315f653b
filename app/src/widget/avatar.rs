//! A person's sign: a quiet pattern from the account with the initial.

use egui::{Painter, Pos2, Rect, Response, Sense, Shape, Stroke, Ui, Vec2};

use crate::{
    text,
    theme::{self, pattern},
};

/// Rings that a pattern has.
const RINGS: u64 = 3;

/// Paints the avatar of `name` into a circle.
pub(crate) fn paint(painter: &Painter, centre: Pos2, side: f32, name: &str, seed: u64) {
    let ground = theme::AVATARS[usize::try_from(seed % theme::AVATARS.len() as u64).unwrap_or(0)];
    let radius = side / 2.0;
    let clip = painter
        .with_clip_rect(Rect::from_center_size(centre, Vec2::splat(side)).intersect(painter.clip_rect()));
    clip.circle_filled(centre, radius, ground);
    for ring in 0..RINGS {
        let bits = seed >> (8 + ring * 10);
        let turn = (bits & 0xFF) as f32 / 255.0 * std::f32::consts::TAU;
        let span = pattern::SHORTEST + ((bits >> 8) & 3) as f32 * pattern::LONGER;
        let r = radius * (pattern::OUTERMOST - pattern::APART * ring as f32);
        let points: Vec<Pos2> =
            (0_u8..=16).map(|i| centre + Vec2::angled(turn + span * f32::from(i) / 16.0) * r).collect();
        clip.add(Shape::line(points, Stroke::new(side * pattern::WIDTH, theme::AVATAR_MARK)));
    }
    clip.text(
        centre,
        egui::Align2::CENTER_CENTER,
        text::initial(name),
        theme::strong(side * pattern::LETTER),
        theme::AVATAR_INK,
    );
}

/// The avatar as a widget that only decorates.
pub(crate) fn show(ui: &mut Ui, side: f32, name: &str, seed: u64) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(side), Sense::hover());
    paint(ui.painter(), rect.center(), side, name, seed);
    response
}
