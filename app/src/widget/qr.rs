//! A QR picture of a text, black on white with its quiet zone.

use egui::{Color32, Rect, Response, Sense, Ui, Vec2};

use crate::theme;

/// Empty modules around the picture, as the standard asks.
const QUIET_MODULES: usize = 4;

/// Paints `text` as QR into a square of at most `side` points: as large as whole pixels allow. Says `name` to screen readers.
pub(crate) fn show(ui: &mut Ui, text: &str, side: f32, name: &str) -> Response {
    let id = ui.scope_id().with("qr").with(text);
    let modules = ui
        .data_mut(|data| data.get_temp_mut_or_insert_with(id, || std::sync::Arc::new(encode(text))).clone());
    let whole = ui.pixels_per_point();
    let sized = modules.as_ref().as_ref().map(|(width, _)| {
        let modules = (width + 2 * QUIET_MODULES) as f32;
        let module = ((side / modules) * whole).floor().max(1.0) / whole;
        (module, module * modules)
    });
    let (module, side) = sized.unwrap_or((0.0, side));
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(side), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, name));
    ui.painter().rect_filled(rect, theme::radius::S, theme::QR_PAPER);
    let Some((width, dark)) = modules.as_ref() else { return response };
    let picture = module * *width as f32;
    let origin = rect.center() - Vec2::splat(picture / 2.0);
    let origin = egui::pos2((origin.x * whole).round() / whole, (origin.y * whole).round() / whole);
    for (line, row) in dark.chunks(*width).enumerate() {
        let mut at = 0;
        while at < *width {
            let run = row[at..].iter().take_while(|d| **d).count();
            if run > 0 {
                let min = origin + Vec2::new(at as f32, line as f32) * module;
                ui.painter().add(square(
                    Rect::from_min_size(min, Vec2::new(run as f32 * module, module)),
                    theme::QR_INK,
                ));
            }
            at += run.max(1);
        }
    }
    response
}

/// A rectangle without feathered edges, so that neighbours join.
fn square(rect: Rect, colour: Color32) -> egui::Shape {
    let mut mesh = egui::Mesh::default();
    mesh.add_colored_rect(rect, colour);
    egui::Shape::mesh(mesh)
}

fn encode(text: &str) -> Option<(usize, Vec<bool>)> {
    let code = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::L).ok()?;
    Some((code.width(), code.into_colors().into_iter().map(|c| c == qrcode::Color::Dark).collect()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_invite_of_four_hundred_letters_fits() {
        let (width, dark) =
            super::encode(&"madang:".chars().chain(std::iter::repeat_n('a', 400)).collect::<String>())
                .expect("fits");
        assert_eq!(dark.len(), width * width);
        assert!(super::encode(&"x".repeat(4000)).is_none());
    }
}
