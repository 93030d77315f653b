//! The window: takes updates in, lets the screens draw, hands wishes on. It never waits and touches neither disk nor keys.

mod desk;
mod keys;
mod over;
mod panic;
mod screen;
mod time;

use std::{
    collections::VecDeque,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use egui::{Event, Ui, ViewportCommand};
use zeroize::Zeroizing;

use crate::{
    action::{Action, Command},
    clock::{self, Zone},
    i18n::T,
    model::{
        ChatId, Ending, Failure, MessageKey, Model, Notice, PageAt, Prefs, Stage, Task, ThemeChoice, Update,
    },
    route::Route,
    theme::{self, measure},
    view::{self, Views},
    widget::Cx,
};

/// Updates taken in one frame; the rest waits for the next, so that a flood never holds a frame.
const UPDATES_PER_FRAME: usize = 256;
/// How long an invite stays on the clipboard, in seconds.
const INVITE_ON_CLIPBOARD_S: f64 = 60.0;

/// The other world, as the window sees it: the bridge, or a stand-in for tests.
pub(crate) trait World {
    /// Hands a command over. Never waits.
    fn tell(&mut self, command: Command);
    /// Takes what has been told since.
    fn take(&mut self) -> Option<Update>;
    /// Seconds by which what is due is judged: see [`clock::steady_s`].
    fn now(&self) -> f64 {
        clock::steady_s()
    }
}

/// What is left for the process that comes after this one.
#[derive(Debug, Default)]
pub(crate) struct Anew {
    /// The process is to start anew, so that nothing of an open profile stays in its memory.
    pub(crate) wanted: AtomicBool,
    /// The profile closed by itself, for this reason: the lock screen says it.
    pub(crate) ended: OnceLock<Ending>,
    /// Its window was minimized and is to come back so: a lock brings no window up.
    pub(crate) minimized: AtomicBool,
}

/// A text that was handed over and is not known to be kept.
struct Unsent {
    chat: ChatId,
    text: String,
    reply_to: Option<MessageKey>,
}

/// The whole app.
pub(crate) struct App<W: World> {
    pub(crate) model: Model,
    pub(crate) route: Route,
    pub(crate) views: Views,
    pub(crate) world: W,
    zone: Zone,
    trail: Option<(ChatId, MessageKey)>,
    /// The chat that was kept as the open one.
    desk: Option<ChatId>,
    /// What was handed over to be sent and is not answered yet, oldest first: answers come in this order.
    unsent: VecDeque<Unsent>,
    /// The invite that lies on the clipboard, and until when.
    lent: Option<(f64, Zeroizing<String>)>,
    /// When changed drafts are kept.
    draft_due: Option<f64>,
    /// A notice is shown by the desktop.
    pub(super) noticed: bool,
    /// The window's title as it was set last.
    titled: Option<&'static str>,
    /// The line that passes by now.
    passing: over::Passing,
    /// The settings as they were handed over to be kept last, and when those that have changed since are.
    kept: Prefs,
    resting: Option<(f64, Prefs)>,
    /// The other world was told that the roads are looked at.
    watching: bool,
    /// When a person last did something here, by the world's clock.
    last_input: f64,
    /// The lock was asked for: nothing of the profile is shown until it has come.
    locking: bool,
    /// The keys that destroy the profile.
    panic: panic::Panic,
    /// Events that wait for the next frame; see [`keys::portion`].
    held: Vec<Event>,
    /// Events that were dealt out, and no frame has taken them yet.
    dealt: usize,
    dressed: Option<(ThemeChoice, u16)>,
    /// Told when the process is to start anew.
    restart: Option<Arc<Anew>>,
}

impl<W: World> App<W> {
    /// An app before its first frame. `prefs` were read before the window was opened.
    pub(crate) fn new(world: W, prefs: Prefs, zone: Zone, restart: Option<Arc<Anew>>) -> App<W> {
        App {
            model: Model { prefs, ..Model::default() },
            route: Route::Chats(None),
            views: Views::default(),
            world,
            zone,
            trail: None,
            desk: None,
            unsent: VecDeque::new(),
            lent: None,
            draft_due: None,
            noticed: false,
            titled: None,
            passing: over::Passing::default(),
            kept: prefs.bounded(),
            resting: None,
            watching: false,
            last_input: 0.0,
            locking: false,
            panic: panic::Panic::default(),
            held: Vec::new(),
            dealt: 0,
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
        // Whoever opened it was here just now.
        self.last_input = self.world.now();
        self.go(route);
        match over {
            "trail" => {
                let (chat, key) = (ChatId(1), MessageKey::invented(10));
                self.trail = Some((chat, key));
                self.world.tell(Command::Trail(key));
            }
            "find" => self.views.conversations.entry(ChatId(1)).or_default().toggle_find(),
            "keys" => self.views.keys = true,
            "sure" => self.views.sure = Some(crate::action::Sure::Contact(ChatId(1))),
            "chooser" => {
                self.views.add.start_taking();
                self.choose(crate::action::Choice::Find(crate::model::Wanted::Invite));
            }
            "wipe" => self.views.sure = Some(crate::action::Sure::Profile),
            "restore" => self.views.welcome.restore(),
            "words" => {
                let path = std::path::PathBuf::from("/media/madang.backup");
                self.views.settings.backup.take(path.parent().unwrap_or(&path));
                let korean = self.model.prefs.language == crate::i18n::Lang::Ko;
                self.world.tell(Command::DrawWords { path, korean });
            }
            "palette" => self.views.palette = Some(view::palette::Palette::over(self.route)),
            "add" => self.world.tell(Command::Invite),
            "take" => self.views.add.start_taking(),
            _ => {}
        }
    }

    /// Draws one frame.
    pub(crate) fn frame(&mut self, ui: &mut Ui) {
        self.tick(ui.ctx());
        self.note_input(ui.ctx());
        self.dress(ui.ctx());
        self.take_things(ui.ctx());
        let zone = std::mem::take(&mut self.zone);
        let cx = self.context(ui, &zone);
        if self.panic.is_called(ui) {
            self.world.tell(Command::Wipe);
        }
        let mut asked = self.keys(ui);
        let drawn = self.draw(ui, &cx);
        asked = match drawn {
            Some(drawn) if drawn.can_wait() => asked.or(Some(drawn)),
            drawn => drawn.or(asked),
        };
        self.chooser(ui.ctx(), &cx, &mut asked);
        self.sure(ui.ctx(), &cx, &mut asked);
        self.key_list(ui.ctx(), &cx);
        self.palette(ui.ctx(), &cx, &mut asked);
        self.notices(ui.ctx(), &cx);
        self.model.failed_now = None;
        if let Some(action) = asked {
            self.act(ui.ctx(), action);
        }
        self.zone = zone;
        keep_input_method_still(ui.ctx());
    }

    /// What goes on whether the window is seen or not: what is told is taken, and what is due is done.
    pub(crate) fn tick(&mut self, ctx: &egui::Context) {
        self.take_updates(ctx);
        self.keep_time(ctx);
    }

    /// Whether something of the profile may be shown.
    fn is_open(&self) -> bool {
        self.model.stage.is_open() && !self.locking
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
            Update::Ended(why) => {
                if let Some(restart) = &self.restart {
                    let _ = restart.ended.set(*why);
                }
            }
            Update::Done(Task::Accept) => {
                self.views.add.clear();
                self.route = Route::Chats(None);
            }
            Update::Done(Task::Relay) => self.views.network.clear(),
            Update::Done(Task::Passphrase) => {
                let changed = Notice { sentence: T::PassphraseChanged, parts: Vec::new(), trouble: false };
                self.model.notify(changed);
            }
            Update::Done(Task::Backup) => {
                let written = Notice { sentence: T::BackupWritten, parts: Vec::new(), trouble: false };
                self.model.notify(written);
                self.views.settings.backup.forget_words();
            }
            Update::Words(words) => {
                self.model.failures.remove(&Task::Backup);
                self.views.settings.backup.show_words(words.clone());
            }
            Update::Erased(chat, keys) => {
                self.trail = self.trail.filter(|(of, key)| of != chat || !keys.contains(key));
            }
            Update::Done(Task::Rename) => self.views.contact = view::contact::Contact::default(),
            Update::Done(Task::Send) => drop(self.unsent.pop_front()),
            Update::Failed(Task::Send, failure) => self.give_back(failure),
            Update::Delivery(_, key, _) => {
                if let Some((_, shown)) = self.trail.filter(|(_, shown)| shown == key) {
                    self.world.tell(Command::Trail(shown));
                }
            }
            other => self.on_desktop(ctx, other),
        }
    }

    fn on_stage(&mut self, ctx: &egui::Context, stage: Stage) {
        let was_open = self.model.stage.is_open();
        self.locking = false;
        self.last_input = self.world.now();
        if !stage.is_open() || !was_open {
            self.views = Views::default();
            self.route = Route::Chats(None);
            self.trail = None;
            self.desk = None;
            self.draft_due = None;
            self.unsent.clear();
        }
        if was_open
            && !stage.is_open()
            && let Some(restart) = &self.restart
        {
            let minimized = ctx.input(|input| input.raw.viewport().minimized) == Some(true);
            restart.minimized.store(minimized, Ordering::Release);
            restart.wanted.store(true, Ordering::Release);
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
    }

    /// Puts a text that was not kept back into its field.
    fn give_back(&mut self, failure: &Failure) {
        if let Some(Unsent { chat, text, reply_to }) = self.unsent.pop_front() {
            let conversation = self.views.conversations.entry(chat).or_default();
            conversation.composer.give_back(&text, reply_to);
        }
        self.model.notify(Notice { sentence: failure.sentence, parts: Vec::new(), trouble: true });
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

    fn act(&mut self, ctx: &egui::Context, action: Action) {
        match action {
            Action::Go(route) => self.go(route),
            Action::Do(command) => self.tell(command),
            Action::Copy(text) => {
                ctx.copy_text(text);
                self.lent = None;
                self.model.notify(Notice { sentence: T::Copied, parts: Vec::new(), trouble: false });
            }
            Action::CopyInvite(text) => {
                let until = self.world.now() + INVITE_ON_CLIPBOARD_S;
                ctx.copy_text(text.clone());
                self.lent = Some((until, Zeroizing::new(text)));
                self.model.notify(Notice { sentence: T::InviteCopied, parts: Vec::new(), trouble: false });
            }
            Action::Trail(chat, key) => {
                self.trail = Some((chat, key));
                self.world.tell(Command::Trail(key));
            }
            Action::Palette => {
                let fresh = self.views.palette.is_none().then(|| view::palette::Palette::over(self.route));
                self.views.palette = fresh;
            }
            Action::FindInChat => {
                if let Route::Chats(Some(chat)) = self.route {
                    self.views.conversations.entry(chat).or_default().toggle_find();
                }
            }
            Action::Ask(sure) => self.views.sure = Some(sure),
            Action::Keys => self.views.keys = !self.views.keys,
            Action::Choose(choice) => self.choose(choice),
            Action::ChosenBackup(path) => self.views.welcome.take(&path),
            Action::ChosenPlace(path) => self.views.settings.backup.take(&path),
            Action::Take(source) => self.take(source),
            Action::Paste => self.paste(),
            Action::Lock => self.lock(),
        }
        ctx.request_repaint();
    }

    /// Locks. What was being written is kept first, and from now on nothing is shown, however long the lock takes.
    fn lock(&mut self) {
        if self.is_open() {
            self.keep_drafts();
            self.clear_clipboard();
            self.world.tell(Command::Lock);
            self.model.drop_take();
            self.views = Views::default();
            self.locking = true;
        }
    }

    fn go(&mut self, route: Route) {
        self.model.forget_failures_of_page();
        match route {
            Route::Chats(Some(chat)) => {
                self.views.conversations.entry(chat).or_default().arrive();
                self.tell(Command::Read(chat, PageAt::Unread));
            }
            Route::Verify(chat) => self.world.tell(Command::Safety(chat)),
            Route::Network | Route::Add => self.world.tell(Command::Network),
            _ => {}
        }
        if self.route != route {
            self.keep_drafts();
            // What was looked for belongs to the page that is left.
            self.model.drop_take();
        }
        if let Route::Chats(Some(chat)) = route
            && self.model.stage == Stage::Open
            && self.desk != Some(chat)
        {
            self.desk = Some(chat);
            self.world.tell(Command::KeepDesk(chat));
        }
        self.trail = None;
        self.route = route;
    }

    fn tell(&mut self, command: Command) {
        match &command {
            Command::Keep(prefs) => {
                self.model.prefs = prefs.bounded();
                self.kept = self.model.prefs;
            }
            Command::Send { chat, text, reply_to } => {
                let (chat, text, reply_to) = (*chat, text.clone(), *reply_to);
                self.unsent.push_back(Unsent { chat, text, reply_to });
            }
            Command::Read(chat, _) => {
                self.model.timelines.entry(*chat).or_default().asking = true;
            }
            Command::Seen(chat, _) => {
                if std::mem::take(&mut self.noticed) {
                    self.world.tell(Command::HideNotices);
                }
                if let Some(chat) = self.model.chats.iter_mut().find(|c| c.id == *chat) {
                    chat.unread = 0;
                }
            }
            Command::Shown(chat, places) => {
                if let Some(timeline) = self.model.timelines.get_mut(chat) {
                    timeline.note_shown(places);
                }
            }
            _ => {}
        }
        let written = match &command {
            Command::Send { chat, .. } => {
                self.model.timelines.get(chat).filter(|t| t.more_after).map(|_| *chat)
            }
            _ => None,
        };
        self.world.tell(command);
        // What one has written is shown, however far back one was reading.
        if let Some(chat) = written {
            self.world.tell(Command::Read(chat, PageAt::Newest));
        }
    }
}

/// Tells the input method where the field is, and only when that changes, instead of where the caret is at every key.
/// On X11 each telling waits for an answer, and what ibus sends meanwhile overtakes what it has sent before: a space
/// comes before the syllable that it ends. What is being composed stands in the field anyway.
fn keep_input_method_still(ctx: &egui::Context) {
    let writing = ctx.output_mut(|output| {
        let ime = output.ime.as_mut();
        ime.map(|ime| ime.cursor_rect = egui::Rect::from_min_size(ime.rect.left_bottom(), egui::Vec2::ZERO))
    });
    if writing.is_some() {
        // After every frame that still has events the window tells it again. What egui looks for at the end stays.
        let late = |event: &Event| matches!(event, Event::Copy | Event::Key { key: egui::Key::Escape, .. });
        ctx.input_mut(|input| input.events.retain(late));
    }
}

impl<W: World> eframe::App for App<W> {
    /// Runs while the window is hidden too, so that what is told never piles up and the lock comes in time.
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.tick(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let rect = ui.ctx().content_rect().size() * ui.ctx().zoom_factor();
        self.model.prefs.maximized = ui.input(|input| input.viewport().maximized).unwrap_or(false);
        if !self.model.prefs.maximized {
            self.model.prefs.window = [rect.x, rect.y];
        }
        let title = self.model.prefs.language.tr(T::Madang);
        if self.titled.replace(title) != Some(title) {
            ui.ctx().send_viewport_cmd(ViewportCommand::Title(title.to_owned()));
        }
        self.dealt = 0;
        if !self.held.is_empty() {
            ui.ctx().request_repaint();
        }
        self.frame(ui);
    }

    fn raw_input_hook(&mut self, _ctx: &egui::Context, input: &mut egui::RawInput) {
        // What was dealt to a hidden window comes again, before what is new.
        let mut events = std::mem::take(&mut input.events);
        let fresh = events.split_off(self.dealt.min(events.len()));
        self.held.splice(..0, events);
        input.events = keys::portion(&mut self.held, fresh);
        self.dealt = input.events.len();
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.keep_drafts();
        self.clear_clipboard();
        self.world.tell(Command::Keep(self.model.prefs.bounded()));
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        theme::palette(visuals.dark_mode).page.to_normalized_gamma_f32()
    }
}
