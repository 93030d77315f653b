//! The window: takes updates in, lets the screens draw, hands wishes on. It never waits and touches neither disk nor keys.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use egui::{Event, Frame, Key, KeyboardShortcut, Margin, Modifiers, RichText, Ui, ViewportCommand};

use crate::{
    action::{Action, Command},
    clock::{self, Zone},
    i18n::T,
    model::{ChatId, MessageKey, Model, Notice, Prefs, Stage, Task, ThemeChoice, Update},
    route::Route,
    theme::{self, measure, size, space},
    view::{self, Views},
    widget::{Cx, button, icon::Icon, page},
};

/// Updates taken in one frame; the rest waits for the next, so that a flood never holds a frame.
const UPDATES_PER_FRAME: usize = 256;
/// How long an invite stays on the clipboard, in seconds.
const INVITE_ON_CLIPBOARD_S: f64 = 60.0;
/// How long a notice stays, in seconds.
const NOTICE_S: f64 = 6.0;
/// Content this wide shows details beside it instead of over it.
const DETAILS_BESIDE: f32 = 760.0;

/// The other world, as the window sees it: the bridge, or a stand-in for tests.
pub(crate) trait World {
    /// Hands a command over. Never waits.
    fn tell(&mut self, command: Command);
    /// Takes what has been told since.
    fn take(&mut self) -> Option<Update>;
}

/// The whole app.
pub(crate) struct App<W: World> {
    pub(crate) model: Model,
    pub(crate) route: Route,
    pub(crate) views: Views,
    pub(crate) world: W,
    zone: Zone,
    trail: Option<(ChatId, MessageKey)>,
    unsent: Option<(ChatId, String)>,
    clear_clipboard_at: Option<f64>,
    notice_until: Option<f64>,
    last_input: f64,
    /// Events that wait for the next frame; see [`portion`].
    held: Vec<Event>,
    dressed: Option<(ThemeChoice, u16)>,
    /// Set when the process is to start anew, so that nothing of an open profile stays in its memory.
    restart: Option<Arc<AtomicBool>>,
}

impl<W: World> App<W> {
    /// An app before its first frame. `prefs` were read before the window was opened.
    pub(crate) fn new(world: W, prefs: Prefs, zone: Zone, restart: Option<Arc<AtomicBool>>) -> App<W> {
        App {
            model: Model { prefs, ..Model::default() },
            route: Route::Chats(None),
            views: Views::default(),
            world,
            zone,
            trail: None,
            unsent: None,
            clear_clipboard_at: None,
            notice_until: None,
            last_input: 0.0,
            held: Vec::new(),
            dressed: None,
            restart,
        }
    }

    /// Opens a page before the first frame, with what lies over it.
    #[cfg(any(test, feature = "gallery"))]
    pub(crate) fn start_at(&mut self, route: Route, over: &str) {
        while let Some(update) = self.world.take() {
            self.model.apply(update);
        }
        self.go(route);
        match over {
            "trail" => {
                let (chat, key) = (ChatId(1), MessageKey::invented(10));
                self.trail = Some((chat, key));
                self.world.tell(Command::Trail(key));
            }
            "find" => self.views.conversations.entry(ChatId(1)).or_default().toggle_find(),
            "palette" => self.views.palette = Some(view::palette::Palette::default()),
            "add" => self.world.tell(Command::Invite),
            _ => {}
        }
    }

    /// Draws one frame.
    pub(crate) fn frame(&mut self, ui: &mut Ui) {
        self.take_updates(ui.ctx());
        self.dress(ui.ctx());
        self.keep_time(ui.ctx());
        let zone = std::mem::take(&mut self.zone);
        let cx = self.context(ui, &zone);
        let mut asked = self.keys(ui);
        asked = self.draw(ui, &cx).or(asked);
        self.palette(ui.ctx(), &cx, &mut asked);
        self.notices(ui.ctx(), &cx);
        if let Some(action) = asked {
            self.act(ui.ctx(), action);
        }
        self.zone = zone;
    }

    fn context<'z>(&self, ui: &Ui, zone: &'z Zone) -> Cx<'z> {
        Cx {
            lang: self.model.prefs.language,
            c: theme::palette(ui.visuals().dark_mode),
            zone,
            today: zone.local(clock::now_ms()).day,
            narrow: ui.max_rect().width() < measure::NARROW,
        }
    }

    fn take_updates(&mut self, ctx: &egui::Context) {
        for _ in 0..UPDATES_PER_FRAME {
            let Some(update) = self.world.take() else { return };
            self.on_update(ctx, &update);
            self.model.apply(update);
        }
        ctx.request_repaint();
    }

    /// What an update changes in the views.
    fn on_update(&mut self, ctx: &egui::Context, update: &Update) {
        match update {
            Update::Stage(stage) => self.on_stage(ctx, *stage),
            Update::Done(Task::Accept) => {
                self.views.add.clear();
                self.route = Route::Chats(None);
            }
            Update::Done(Task::Relay) => self.views.network.clear(),
            Update::Done(Task::Rename) => self.views.contact = view::contact::Contact::default(),
            Update::Done(Task::Send) => self.unsent = None,
            Update::Failed(Task::Send, _) => self.give_back(),
            Update::Delivery(key, _) => {
                if let Some((_, shown)) = self.trail.filter(|(_, shown)| shown == key) {
                    self.world.tell(Command::Trail(shown));
                }
            }
            _ => {}
        }
    }

    fn on_stage(&mut self, ctx: &egui::Context, stage: Stage) {
        let was_open = self.model.stage.is_open();
        if !stage.is_open() || !was_open {
            self.views = Views::default();
            self.route = Route::Chats(None);
            self.trail = None;
            self.unsent = None;
        }
        if was_open
            && !stage.is_open()
            && let Some(restart) = &self.restart
        {
            restart.store(true, Ordering::Release);
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
    }

    /// Puts a text that was not kept back into its field.
    fn give_back(&mut self) {
        if let Some((chat, text)) = self.unsent.take() {
            let draft = &mut self.views.conversations.entry(chat).or_default().composer.draft;
            if draft.is_empty() {
                *draft = text;
            }
        }
        if let Some(failure) = self.model.failures.get(&Task::Send) {
            let notice = Notice { sentence: failure.sentence, parts: Vec::new(), trouble: true };
            self.model.notify(notice);
        } else {
            self.model.notify(Notice { sentence: T::FailSend, parts: Vec::new(), trouble: true });
        }
    }

    /// Sets theme and text size. Called before the first frame too, so that it is right already.
    pub(crate) fn dress(&mut self, ctx: &egui::Context) {
        let wanted = (self.model.prefs.theme, self.model.prefs.text_percent);
        if self.dressed.replace(wanted) == Some(wanted) {
            return;
        }
        ctx.request_repaint();
        ctx.set_theme(match wanted.0 {
            ThemeChoice::System => egui::ThemePreference::System,
            ThemeChoice::Light => egui::ThemePreference::Light,
            ThemeChoice::Dark => egui::ThemePreference::Dark,
        });
        ctx.set_zoom_factor(f32::from(wanted.1) / 100.0);
    }

    /// The two things that happen by time alone: the lock, and the clipboard that is cleared.
    fn keep_time(&mut self, ctx: &egui::Context) {
        let (now, input) = ctx.input(|input| (input.time, !input.events.is_empty()));
        if input {
            self.last_input = now;
        }
        if self.clear_clipboard_at.is_some_and(|at| now >= at) {
            self.clear_clipboard_at = None;
            ctx.copy_text(String::new());
            self.model.notify(Notice { sentence: T::ClipboardCleared, parts: Vec::new(), trouble: false });
        }
        let minutes = self.model.prefs.auto_lock_minutes;
        let lock_at = (minutes > 0 && self.model.stage == Stage::Open)
            .then(|| self.last_input + f64::from(minutes) * 60.0);
        if lock_at.is_some_and(|at| now >= at) {
            self.last_input = now;
            self.world.tell(Command::Lock);
        }
        for at in [self.clear_clipboard_at, lock_at.filter(|at| now < *at)].into_iter().flatten() {
            ctx.request_repaint_after(Duration::from_secs_f64((at - now).max(0.0) + 0.05));
        }
    }

    fn keys(&mut self, ui: &Ui) -> Option<Action> {
        if !self.model.stage.is_open() {
            return None;
        }
        let hit = |modifiers, key| {
            ui.input_mut(|input| input.consume_shortcut(&KeyboardShortcut::new(modifiers, key)))
        };
        if hit(Modifiers::COMMAND, Key::K) {
            return Some(Action::Palette);
        }
        if hit(Modifiers::COMMAND, Key::L) {
            return Some(Action::Lock);
        }
        if hit(Modifiers::COMMAND, Key::N) {
            return Some(Action::Go(Route::Add));
        }
        if hit(Modifiers::COMMAND, Key::F) {
            return Some(Action::FindInChat);
        }
        for (key, step) in [(Key::ArrowUp, -1), (Key::ArrowDown, 1)] {
            if hit(Modifiers::ALT, key) {
                return self.neighbour(step);
            }
        }
        if self.views.palette.is_none()
            && !egui::Popup::is_any_open(ui.ctx())
            && hit(Modifiers::NONE, Key::Escape)
        {
            return self.escape();
        }
        None
    }

    fn neighbour(&self, step: isize) -> Option<Action> {
        let open = match self.route {
            Route::Chats(open) => open,
            _ => None,
        };
        let count = self.model.chats.len();
        let at = open.and_then(|id| self.model.chats.iter().position(|chat| chat.id == id));
        let next = at.map_or(Some(0), |at| at.checked_add_signed(step)).filter(|at| *at < count)?;
        Some(Action::Go(Route::Chats(Some(self.model.chats[next].id))))
    }

    /// Escape closes the nearest thing: trail, search, reply, page.
    fn escape(&mut self) -> Option<Action> {
        if self.trail.take().is_some() {
            return None;
        }
        if let Route::Chats(Some(chat)) = self.route
            && let Some(conversation) = self.views.conversations.get_mut(&chat)
            && (conversation.close_find() || conversation.composer.reply_to.take().is_some())
        {
            return None;
        }
        (self.route != Route::Chats(None)).then(|| Action::Go(self.route.up()))
    }

    fn draw(&mut self, ui: &mut Ui, cx: &Cx<'_>) -> Option<Action> {
        match self.model.stage {
            Stage::Loading => {
                centre(ui, cx, |ui| page::column(ui, measure::FORM, |ui| page::working(ui, cx, T::Loading)));
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
            Route::Settings => centre(ui, cx, |ui| view::settings::show(ui, cx, model)),
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
                .default_size(measure::LIST)
                .size_range(measure::LIST_MIN..=measure::LIST_MAX)
                .resizable(true)
                .frame(list);
            // egui names the handle in English; the id is built as its panel builds it.
            let handle = ui.make_persistent_id("list").with("__resize");
            asked = panel.show(ui, |ui| view::chats::show(ui, cx, &self.model, open, &mut self.views)).inner;
            ui.ctx().accesskit_node_builder(handle, |node| node.set_label(cx.tr(T::ListWidth)));
        }
        let Some(chat) = open.and_then(|id| self.model.chat(id)) else {
            return asked.or(centre(ui, cx, |ui| {
                if self.model.chats.is_empty() {
                    None
                } else {
                    page::empty(ui, cx, Icon::Chats, T::ChooseChat, T::ChooseChatBody, None)
                }
            }));
        };
        let beside = ui.available_width() >= DETAILS_BESIDE;
        let mut close = false;
        if let Some((of, key)) = self.trail.filter(|(of, _)| *of == chat.id) {
            let timeline = self.model.timelines.get(&of);
            if beside {
                let frame = Frame::NONE.fill(cx.c.surface).inner_margin(Margin::same(space::L as i8));
                let panel =
                    egui::Panel::right("details").exact_size(measure::DETAILS).resizable(false).frame(frame);
                panel.show(ui, |ui| {
                    egui::ScrollArea::vertical()
                        .show(ui, |ui| close = view::trail::show(ui, cx, &self.model, timeline, key))
                });
            } else {
                let modal = egui::Modal::new(egui::Id::unique("details"))
                    .frame(sheet(ui.style()))
                    .backdrop_color(cx.c.veil)
                    .show(ui.ctx(), |ui| {
                        ui.set_width(measure::DETAILS);
                        view::trail::show(ui, cx, &self.model, timeline, key)
                    });
                close = modal.inner || modal.should_close();
            }
        }
        let state = self.views.conversations.entry(chat.id).or_default();
        let below = centre(ui, cx, |ui| view::conversation::show(ui, cx, &self.model, chat, state));
        if close {
            self.trail = None;
        }
        asked.or(below)
    }

    fn palette(&mut self, ctx: &egui::Context, cx: &Cx<'_>, asked: &mut Option<Action>) {
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
    fn notices(&mut self, ctx: &egui::Context, cx: &Cx<'_>) {
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

    fn act(&mut self, ctx: &egui::Context, action: Action) {
        match action {
            Action::Go(route) => self.go(route),
            Action::Do(command) => self.tell(command),
            Action::Copy(text) => {
                ctx.copy_text(text);
                self.clear_clipboard_at = None;
                self.model.notify(Notice { sentence: T::Copied, parts: Vec::new(), trouble: false });
            }
            Action::CopyInvite(text) => {
                ctx.copy_text(text);
                self.clear_clipboard_at = Some(ctx.input(|input| input.time) + INVITE_ON_CLIPBOARD_S);
                self.model.notify(Notice { sentence: T::InviteCopied, parts: Vec::new(), trouble: false });
            }
            Action::Trail(chat, key) => {
                self.trail = Some((chat, key));
                self.world.tell(Command::Trail(key));
            }
            Action::Palette => {
                self.views.palette =
                    if self.views.palette.is_some() { None } else { Some(view::palette::Palette::default()) }
            }
            Action::FindInChat => {
                if let Route::Chats(Some(chat)) = self.route {
                    self.views.conversations.entry(chat).or_default().toggle_find();
                }
            }
            Action::Lock => self.world.tell(Command::Lock),
        }
        ctx.request_repaint();
    }

    fn go(&mut self, route: Route) {
        match route {
            Route::Chats(Some(chat)) => {
                self.views.conversations.entry(chat).or_default().arrive();
                self.world.tell(Command::Open(chat));
            }
            Route::Verify(chat) => self.world.tell(Command::Safety(chat)),
            Route::Network | Route::Add => self.world.tell(Command::Network),
            _ => {}
        }
        self.trail = None;
        self.route = route;
    }

    fn tell(&mut self, command: Command) {
        match &command {
            Command::Keep(prefs) => self.model.prefs = prefs.bounded(),
            Command::Send { chat, text, .. } => {
                self.unsent = Some((*chat, text.clone()));
            }
            Command::Older(chat) => {
                if let Some(timeline) = self.model.timelines.get_mut(chat) {
                    timeline.asking = true;
                }
            }
            Command::Seen(chat) => {
                if let Some(chat) = self.model.chats.iter_mut().find(|c| c.id == *chat) {
                    chat.unread = 0;
                }
            }
            _ => {}
        }
        self.world.tell(command);
    }
}

impl<W: World> eframe::App for App<W> {
    /// Runs while the window is hidden too, so that what is told never piles up.
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.take_updates(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let rect = ui.ctx().content_rect().size() * ui.ctx().zoom_factor();
        self.model.prefs.window = [rect.x, rect.y];
        self.frame(ui);
    }

    fn raw_input_hook(&mut self, ctx: &egui::Context, input: &mut egui::RawInput) {
        input.events = portion(&mut self.held, std::mem::take(&mut input.events));
        if !self.held.is_empty() {
            ctx.request_repaint();
        }
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.world.tell(Command::Keep(self.model.prefs.bounded()));
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        theme::palette(visuals.dark_mode).page.to_normalized_gamma_f32()
    }
}

/// Takes the events of one frame and holds the rest. Tab and Enter get frames of their own: within one frame two
/// fields may have the focus one after the other, and letters typed on a slow machine would land in both, a
/// passphrase in a name among them.
fn portion(held: &mut Vec<Event>, fresh: Vec<Event>) -> Vec<Event> {
    let divides =
        |event: &Event| matches!(event, Event::Key { key: Key::Tab | Key::Enter, pressed: true, .. });
    held.extend(fresh);
    let end = match held.iter().position(divides) {
        Some(0) => 1,
        Some(first) => first,
        None => held.len(),
    };
    held.drain(..end).collect()
}

/// The frame of what lies over a page.
fn sheet(style: &egui::Style) -> Frame {
    Frame::popup(style).corner_radius(theme::radius::L).inner_margin(Margin::same(space::L as i8))
}

fn centre<R>(ui: &mut Ui, cx: &Cx<'_>, add: impl FnOnce(&mut Ui) -> R) -> R {
    egui::CentralPanel::default().frame(Frame::NONE.fill(cx.c.page)).show(ui, add).inner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_before_and_after_tab_never_share_its_frame() {
        let key = |key| Event::Key {
            key,
            physical_key: None,
            pressed: true,
            repeat: false,
            modifiers: Modifiers::NONE,
        };
        let text = |text: &str| Event::Text(text.to_owned());
        let mut held = Vec::new();
        let all = vec![text("a"), text("b"), key(Key::Tab), text("c"), key(Key::Enter), key(Key::Tab)];
        let mut frames = vec![portion(&mut held, all)];
        while !held.is_empty() {
            frames.push(portion(&mut held, Vec::new()));
        }
        let lengths: Vec<usize> = frames.iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 1, 1, 1, 1]);
    }
}
