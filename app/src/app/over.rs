//! What lies over a page: the palette and notices.

use std::time::Duration;

use egui::{Frame, Margin, RichText};

use super::{App, World};
use crate::{
    action::Action,
    i18n::T,
    theme::{self, measure, size, space},
    view,
    widget::{Cx, button, icon::Icon},
};

/// How long a notice stays, in seconds.
const NOTICE_S: f64 = 6.0;

impl<W: World> App<W> {
    pub(super) fn palette(&mut self, ctx: &egui::Context, cx: &Cx<'_>, asked: &mut Option<Action>) {
        let Some(palette) = &mut self.views.palette else { return };
        let area = egui::Modal::default_area(egui::Id::unique("palette"))
            .anchor(egui::Align2::CENTER_TOP, [0.0, measure::BAR]);
        let modal = egui::Modal::new(egui::Id::unique("palette"))
            .area(area)
            .frame(sheet(&ctx.global_style()))
            .backdrop_color(cx.c.veil)
            .show(ctx, |ui| view::palette::show(ui, cx, &self.model, palette));
        let should_close = modal.should_close();
        let (done, action) = modal.inner;
        if action.is_some() {
            *asked = action;
        }
        if done || should_close {
            self.views.palette = None;
        }
    }

    /// Shows the oldest notice for a while.
    pub(super) fn notices(&mut self, ctx: &egui::Context, cx: &Cx<'_>) {
        let Some(notice) = self.model.notices.first() else {
            self.notice_until = None;
            return;
        };
        let now = ctx.input(|input| input.time);
        let until = *self.notice_until.get_or_insert(now + NOTICE_S);
        let parts: Vec<&str> = notice.parts.iter().map(String::as_str).collect();
        let text = cx.with(notice.sentence, &parts);
        let (ground, ink) =
            if notice.trouble { (cx.c.persimmon_soft, cx.c.persimmon) } else { (cx.c.raised, cx.c.ink) };
        let mut dismissed = false;
        egui::Area::new(egui::Id::unique("notice"))
            .anchor(egui::Align2::CENTER_TOP, [0.0, measure::BAR + space::M])
            .order(egui::Order::Foreground)
            .show(ctx, |ui| {
                Frame::popup(ui.style())
                    .fill(ground)
                    .inner_margin(Margin::symmetric(space::M as i8, space::XS as i8))
                    .show(ui, |ui| {
                        ui.horizontal(|ui| {
                            ui.set_max_width(
                                measure::PALETTE.min(ctx.content_rect().width() - space::XXL * 2.0),
                            );
                            ui.label(RichText::new(&text).font(theme::regular(size::SMALL)).color(ink));
                            dismissed = button::icon(ui, cx, Icon::Cross, T::Dismiss).clicked();
                        });
                    });
            });
        if dismissed || now >= until {
            self.model.notices.remove(0);
            self.notice_until = None;
            ctx.request_repaint();
        } else {
            ctx.request_repaint_after(Duration::from_secs_f64(until - now + 0.02));
        }
    }
}

/// The frame of what lies over a page.
pub(super) fn sheet(style: &egui::Style) -> Frame {
    Frame::popup(style).corner_radius(theme::radius::L).inner_margin(Margin::same(space::L as i8))
}
