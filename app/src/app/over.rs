//! What lies over a page: the palette, the chooser of files, the list of keys, notices.

use std::time::Duration;

use egui::{Frame, Margin};

use super::{App, World};
use crate::{
    action::{Action, Choice, Source},
    i18n::T,
    route::Route,
    theme::{self, measure, size, space},
    view,
    widget::{Cx, button, icon::Icon, paragraph},
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

    /// Opens the chooser of files.
    pub(crate) fn choose(&mut self, choice: Choice) {
        self.views.chooser = Some(view::chooser::Chooser::new(choice));
        self.take(Source::Folder(self.model.folder.as_ref().map(|folder| folder.path.clone())));
    }

    pub(super) fn chooser(&mut self, ctx: &egui::Context, cx: &Cx<'_>, asked: &mut Option<Action>) {
        let Some(chooser) = &mut self.views.chooser else { return };
        let modal = egui::Modal::new(egui::Id::unique("chooser"))
            .frame(sheet(&ctx.global_style()))
            .backdrop_color(cx.c.veil)
            .show(ctx, |ui| view::chooser::show(ui, cx, &self.model, chooser));
        let should_close = modal.should_close();
        let (done, action) = modal.inner;
        if action.is_some() {
            *asked = action;
        }
        if done || should_close {
            self.views.chooser = None;
        }
    }

    pub(super) fn sure(&mut self, ctx: &egui::Context, cx: &Cx<'_>, asked: &mut Option<Action>) {
        let Some(sure) = self.views.sure else { return };
        let modal = egui::Modal::new(egui::Id::unique("sure"))
            .frame(sheet(&ctx.global_style()))
            .backdrop_color(cx.c.veil)
            .show(ctx, |ui| view::sure::show(ui, cx, &self.model, sure));
        let should_close = modal.should_close();
        let (done, action) = modal.inner;
        if action.is_some() {
            *asked = action;
        }
        if done || should_close {
            self.views.sure = None;
        }
    }

    pub(super) fn key_list(&mut self, ctx: &egui::Context, cx: &Cx<'_>) {
        if !self.views.keys {
            return;
        }
        let modal = egui::Modal::new(egui::Id::unique("keys"))
            .frame(sheet(&ctx.global_style()))
            .backdrop_color(cx.c.veil)
            .show(ctx, |ui| view::keys::show(ui, cx));
        if modal.inner || modal.should_close() {
            self.views.keys = false;
        }
    }

    /// Shows the oldest notice for a while.
    pub(super) fn notices(&mut self, ctx: &egui::Context, cx: &Cx<'_>) {
        let Some(notice) = self.model.notices.first().filter(|_| !self.locking) else {
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
            .anchor(egui::Align2::CENTER_BOTTOM, self.notice_offset(cx))
            .order(egui::Order::Foreground)
            .show(ctx, |ui| {
                Frame::popup(ui.style())
                    .fill(ground)
                    .inner_margin(Margin::symmetric(space::M as i8, space::XS as i8))
                    .show(ui, |ui| {
                        ui.horizontal(|ui| {
                            let widest = ctx.content_rect().width() - space::XXL * 2.0 - measure::TOUCH;
                            // Laid out before, so that its middle is the middle of the cross.
                            let font = theme::regular(size::SMALL);
                            let wide = measure::PALETTE.min(widest);
                            let text = ui.fonts_mut(|fonts| paragraph::layout(fonts, &text, font, ink, wide));
                            ui.add(egui::Label::new(text));
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

    /// Where a notice covers neither head, first line nor composer: low over the middle of the contents.
    fn notice_offset(&self, cx: &Cx<'_>) -> egui::Vec2 {
        let in_chat = matches!(self.route, Route::Chats(Some(_)));
        let below = if in_chat || cx.narrow { measure::BAR } else { 0.0 };
        let beside = match self.route {
            _ if cx.narrow || !self.model.stage.is_open() => 0.0,
            Route::Chats(_) => measure::RAIL + self.model.prefs.list,
            _ => measure::RAIL,
        };
        egui::vec2(beside / 2.0, -(below + space::M))
    }
}

/// The frame of what lies over a page.
pub(super) fn sheet(style: &egui::Style) -> Frame {
    Frame::popup(style).corner_radius(theme::radius::L).inner_margin(Margin::same(space::L as i8))
}
