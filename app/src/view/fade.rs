//! The choice of a time after which messages disappear.

use egui::Ui;

use crate::{
    model::Fade,
    widget::{Cx, button},
};

/// Draws what can be chosen, `now` marked; one that is chosen elsewhere stands among them. Returns what was pressed.
pub(crate) fn choices(ui: &mut Ui, cx: &Cx<'_>, now: Fade) -> Option<Fade> {
    let mut pressed = None;
    let other = (!Fade::CHOICES.contains(&now)).then_some(now);
    ui.horizontal_wrapped(|ui| {
        for fade in Fade::CHOICES.into_iter().chain(other) {
            if button::choice(ui, cx, &fade.word(cx.lang), fade == now).clicked() && fade != now {
                pressed = Some(fade);
            }
        }
    });
    pressed
}
