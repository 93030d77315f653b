//! Which screen fills the window.

use egui::{Frame, Margin, RichText, Spinner, Ui};

use super::{App, World, over::sheet};
use crate::{
    action::Action,
    i18n::T,
    model::{ChatId, Stage},
    route::Route,
    theme::{self, measure, size, space},
    view,
    widget::{Cx, icon::Icon, page},
};

impl<W: World> App<W> {
    pub(super) fn draw(&mut self, ui: &mut Ui, cx: &Cx<'_>) -> Option<Action> {
        let stage = if self.locking { Stage::Loading } else { self.model.stage };
        match stage {
            Stage::Loading => {
                centre(ui, cx, |ui| {
                    ui.add_space(ui.available_height() * 0.4);
                    ui.vertical_centered(|ui| {
                        let spinner = Spinner::new().size(size::HUGE).color(cx.c.jade);
                        ui.add(spinner).accessible_name(cx.tr(T::Working));
                        page::hint(ui, cx, cx.tr(T::Loading));
                    });
                });
                None
            }
            Stage::Welcome => {
                centre(ui, cx, |ui| view::welcome::show(ui, cx, &self.model, &mut self.views.welcome))
            }
            Stage::Locked => {
                centre(ui, cx, |ui| view::unlock::show(ui, cx, &self.model, &mut self.views.unlock))
            }
            Stage::Open | Stage::Practice => self.draw_open(ui, cx),
        }
    }

    fn draw_open(&mut self, ui: &mut Ui, cx: &Cx<'_>) -> Option<Action> {
        let mut asked = None;
        if self.model.stage == Stage::Practice {
            let frame = Frame::NONE
                .fill(cx.c.indigo_soft)
                .inner_margin(Margin::symmetric(space::L as i8, space::XS as i8));
            egui::Panel::top("practice").frame(frame).show_separator_line(false).show(ui, |ui| {
                ui.vertical_centered(|ui| {
                    ui.label(
                        RichText::new(cx.tr(T::PracticeBanner))
                            .font(theme::strong(size::SMALL))
                            .color(cx.c.indigo),
                    )
                });
            });
        }
        let inside_chat = matches!(self.route, Route::Chats(Some(_)) | Route::Contact(_) | Route::Verify(_));
        let rail = Frame::NONE.fill(cx.c.rail);
        if !cx.narrow {
            let panel = egui::Panel::left("rail")
                .exact_size(measure::RAIL)
                .resizable(false)
                .frame(rail)
                .show_separator_line(false);
            asked = panel.show(ui, |ui| view::rail::side(ui, cx, &self.model, self.route)).inner;
        } else if !inside_chat {
            let panel = egui::Panel::bottom("rail-foot")
                .exact_size(measure::RAIL_FOOT)
                .resizable(false)
                .frame(rail)
                .show_separator_line(false);
            asked = panel.show(ui, |ui| view::rail::foot(ui, cx, &self.model, self.route)).inner;
        }
        asked.or(self.draw_route(ui, cx))
    }

    fn draw_route(&mut self, ui: &mut Ui, cx: &Cx<'_>) -> Option<Action> {
        let model = &self.model;
        match self.route {
            Route::Chats(open) => self.draw_chats(ui, cx, open),
            Route::People => centre(ui, cx, |ui| view::people::show(ui, cx, model)),
            Route::Add => centre(ui, cx, |ui| view::add::show(ui, cx, model, &mut self.views.add)),
            Route::Network => {
                centre(ui, cx, |ui| view::network::show(ui, cx, model, &mut self.views.network))
            }
            Route::Settings => {
                centre(ui, cx, |ui| view::settings::show(ui, cx, model, &mut self.views.settings))
            }
            Route::Licences => centre(ui, cx, |ui| view::licences::show(ui, cx)),
            Route::Contact(id) => match model.chat(id) {
                Some(chat) => {
                    centre(ui, cx, |ui| view::contact::show(ui, cx, model, chat, &mut self.views.contact))
                }
                None => Some(Action::Go(Route::Chats(None))),
            },
            Route::Verify(id) => match model.chat(id) {
                Some(chat) => centre(ui, cx, |ui| view::verify::show(ui, cx, model, chat)),
                None => Some(Action::Go(Route::Chats(None))),
            },
        }
    }

    fn draw_chats(&mut self, ui: &mut Ui, cx: &Cx<'_>, open: Option<ChatId>) -> Option<Action> {
        let list = Frame::NONE.fill(cx.c.surface);
        if cx.narrow && open.is_none() {
            return egui::CentralPanel::default()
                .frame(list)
                .show(ui, |ui| view::chats::show(ui, cx, &self.model, open, &mut self.views))
                .inner;
        }
        let mut asked = None;
        if !cx.narrow {
            let panel = egui::Panel::left("list")
                .default_size(self.model.prefs.list)
                .size_range(measure::LIST_MIN..=measure::LIST_MAX)
                .resizable(true)
                .frame(list);
            // egui names the handle in English; the id is built as its panel builds it.
            let handle = ui.make_persistent_id("list").with("__resize");
            let shown = panel.show(ui, |ui| view::chats::show(ui, cx, &self.model, open, &mut self.views));
            asked = shown.inner;
            self.model.prefs.list = shown.response.rect.width();
            ui.ctx().accesskit_node_builder(handle, |node| node.set_label(cx.tr(T::ListWidth)));
        }
        let Some(chat) = open.and_then(|id| self.model.chat(id)) else {
            return asked.or(centre(ui, cx, |ui| {
                if self.model.chats.is_empty() {
                    view::chats::none(ui, cx)
                } else {
                    page::empty(ui, cx, Icon::Chats, T::ChooseChat, T::ChooseChatBody, None)
                }
            }));
        };
        let beside = ui.available_width() >= measure::BESIDE;
        let mut close = false;
        if let Some((_, key)) = self.trail.filter(|(of, _)| *of == chat.id) {
            if beside {
                let frame = Frame::NONE.fill(cx.c.surface);
                let panel =
                    egui::Panel::right("details").exact_size(measure::DETAILS).resizable(false).frame(frame);
                panel.show(ui, |ui| {
                    // Its head stands beside that of the conversation, also while the steps are scrolled.
                    page::bar(ui, cx, |ui| close = view::trail::head(ui, cx));
                    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                        let edge = Frame::NONE.inner_margin(Margin::same(space::L as i8));
                        edge.show(ui, |ui| view::trail::show(ui, cx, &self.model, chat, key));
                    });
                });
            } else {
                let modal = egui::Modal::new(egui::Id::unique("details"))
                    .frame(sheet(ui.style()))
                    .backdrop_color(cx.c.veil)
                    .show(ui.ctx(), |ui| {
                        ui.set_width(measure::DETAILS);
                        close = ui.horizontal(|ui| view::trail::head(ui, cx)).inner;
                        ui.add_space(space::S);
                        view::trail::show(ui, cx, &self.model, chat, key);
                    });
                close |= modal.should_close();
            }
        }
        let state = self.views.conversations.entry(chat.id).or_default();
        let below = centre(ui, cx, |ui| view::conversation::show(ui, cx, &self.model, chat, state));
        if close {
            self.trail = None;
        }
        asked.or(below)
    }
}

fn centre<R>(ui: &mut Ui, cx: &Cx<'_>, add: impl FnOnce(&mut Ui) -> R) -> R {
    egui::CentralPanel::default().frame(Frame::NONE.fill(cx.c.page)).show(ui, add).inner
}
