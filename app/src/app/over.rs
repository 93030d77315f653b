//! What lies over a page: the palette, the chooser of files, the list of keys, notices.

use std::time::Duration;

use egui::{Frame, Margin};

use super::{App, World};
use crate::{
    action::{Action, Choice, Command, Source},
    i18n::T,
    model::Notice,
    route::Route,
    theme::{self, measure, size, space},
    view,
    widget::{Cx, button, icon::Icon, paragraph},
};

/// How long a line that passes by stands, in seconds.
const NOTICE_S: f64 = 6.0;

/// How much longer a line that passes by stands, and since when that has been counted: only while the window has the
/// focus. Whoever is away has not read it.
pub(super) struct Passing {
    left_s: f64,
    counted: Option<f64>,
}

impl Default for Passing {
    fn default() -> Passing {
        Passing { left_s: NOTICE_S, counted: None }
    }
}

impl Passing {
    /// It is looked so often whether the focus is still here, in seconds. Of a longer pause no more counts: nobody saw
    /// the window meanwhile.
    const LOOK_S: f64 = 0.5;

    fn is_over(&mut self, now: f64, focused: bool) -> bool {
        if let Some(since) = self.counted {
            self.left_s -= (now - since).min(Passing::LOOK_S * 2.0);
        }
        self.counted = focused.then_some(now);
        self.left_s <= 0.0
    }
}

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

    /// Shows the oldest warning until it is dismissed, and above it the oldest line that passes by for a while.
    pub(super) fn notices(&mut self, ctx: &egui::Context, cx: &Cx<'_>) {
        // While the lock is under way nothing of the profile is shown; that it could not be destroyed is.
        let shown = |n: &Notice, locking: bool| !locking || n.is_of_failed_wipe();
        let mut above = 0.0;
        let warning = self.model.notices.iter().position(|n| n.trouble && shown(n, self.locking));
        if let Some(at) = warning {
            let (dismissed, height) = self.notice(ctx, cx, at, 0.0);
            above = height + space::S;
            if dismissed {
                self.dismiss(ctx, at);
            }
        }
        let passing = self.model.notices.iter().position(|n| !n.trouble && shown(n, self.locking));
        let Some(at) = passing else {
            self.passing = Passing::default();
            return;
        };
        let (now, focused) = ctx.input(|input| (input.time, input.focused));
        let (dismissed, _) = self.notice(ctx, cx, at, above);
        if self.passing.is_over(now, focused) || dismissed {
            self.passing = Passing::default();
            self.dismiss(ctx, at);
        } else if focused {
            let next = self.passing.left_s.min(Passing::LOOK_S);
            ctx.request_repaint_after(Duration::from_secs_f64(next + 0.02));
        }
    }

    fn dismiss(&mut self, ctx: &egui::Context, at: usize) {
        if self.model.dismiss(at) {
            self.world.tell(Command::LossTold);
        }
        ctx.request_repaint();
    }

    /// Draws a notice so far above its place. Returns whether it was dismissed, and how tall it is.
    fn notice(&self, ctx: &egui::Context, cx: &Cx<'_>, at: usize, above: f32) -> (bool, f32) {
        let notice = &self.model.notices[at];
        let parts: Vec<&str> = notice.parts.iter().map(String::as_str).collect();
        let text = cx.with(notice.sentence, &parts);
        let (name, ground, ink) = if notice.trouble {
            ("warning", cx.c.persimmon_soft, cx.c.persimmon)
        } else {
            ("notice", cx.c.raised, cx.c.ink)
        };
        let mut dismissed = false;
        let area = egui::Area::new(egui::Id::unique(name))
            .anchor(egui::Align2::CENTER_BOTTOM, self.notice_offset(cx) - egui::vec2(0.0, above))
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
        (dismissed, area.response.rect.height())
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
