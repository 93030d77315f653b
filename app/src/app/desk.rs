//! What is kept while one writes, what the desktop is asked to show, and what is taken from it.

use egui::{Event, UserAttentionType, ViewportCommand};

use super::{App, World};
use crate::{
    action::{Command, Source},
    desktop::clipboard::Cleared,
    i18n::T,
    model::{ChatId, Draft, Notice, Notify, Stage, Taken, Update, Wanted},
    route::Route,
};

/// How long after a change a draft is kept, in seconds: a person's pause, not every letter.
const DRAFT_KEPT_AFTER_S: f64 = 1.5;

impl<W: World> App<W> {
    /// Keeps what is being written, in every chat where it has changed.
    pub(super) fn keep_drafts(&mut self) {
        self.draft_due = None;
        if !self.model.stage.is_open() {
            return;
        }
        for (chat, conversation) in &mut self.views.conversations {
            let composer = &mut conversation.composer;
            if std::mem::take(&mut composer.unkept) {
                let (text, reply_to) = (composer.draft.clone(), composer.reply_to);
                self.world.tell(Command::KeepDraft { chat: *chat, text, reply_to });
            }
        }
    }

    /// Keeps drafts a moment after the last change. Returns when that is.
    pub(super) fn time_drafts(&mut self, now: f64) -> Option<f64> {
        if self.draft_due.is_some_and(|at| now >= at) {
            self.keep_drafts();
        } else if self.draft_due.is_none() && self.views.conversations.values().any(|c| c.composer.unkept) {
            self.draft_due = Some(now + DRAFT_KEPT_AFTER_S);
        }
        self.draft_due
    }

    /// What an update that is no part of the model changes.
    pub(super) fn on_desktop(&mut self, ctx: &egui::Context, update: &Update) {
        match update {
            Update::Drafts(drafts) => drafts.iter().for_each(|draft| self.put_back(draft)),
            Update::Desk(chat) => self.return_to(*chat),
            Update::Heard(chat, name, line) => self.on_heard(ctx, *chat, name, line),
            Update::Taken(number, Ok(Taken::Text(wanted, text))) if self.model.awaits(*number) => {
                self.on_taken(*wanted, text)
            }
            Update::Clipboard(cleared) => self.on_clipboard(ctx, *cleared),
            Update::Raise => {
                for command in [
                    ViewportCommand::Visible(true),
                    ViewportCommand::Minimized(false),
                    ViewportCommand::Focus,
                ] {
                    ctx.send_viewport_cmd(command);
                }
                let attention = ViewportCommand::RequestUserAttention(UserAttentionType::Informational);
                ctx.send_viewport_cmd(attention);
            }
            _ => {}
        }
    }

    /// Opens the chat that was open last time, if nobody has gone elsewhere by now.
    fn return_to(&mut self, chat: ChatId) {
        if self.route == Route::Chats(None) && self.model.chat(chat).is_some() {
            self.go(Route::Chats(Some(chat)));
        }
    }

    fn put_back(&mut self, draft: &Draft) {
        let composer = &mut self.views.conversations.entry(draft.chat).or_default().composer;
        if composer.draft.is_empty() && !composer.unkept {
            composer.draft.clone_from(&draft.text);
            composer.reply_to = draft.reply_to;
        }
    }

    /// Somebody wrote. The desktop is told unless the person looks at that very chat.
    fn on_heard(&mut self, ctx: &egui::Context, chat: ChatId, name: &str, line: &str) {
        // Of a hidden window only what comes raw is of now.
        let focused = ctx.input(|input| input.raw.focused && input.raw.viewport().visible() != Some(false));
        let looked_at = focused && self.route == Route::Chats(Some(chat)) && self.trail.is_none();
        if looked_at || self.model.stage != Stage::Open || self.locking {
            return;
        }
        let lang = self.model.prefs.language;
        let product = lang.tr(T::Madang).to_owned();
        let (title, body) = match self.model.prefs.notify {
            Notify::Off => return,
            Notify::Hidden => (product, lang.tr(T::NotifySomething).to_owned()),
            Notify::Named => (product, lang.with(T::NotifyFrom, &[name])),
            Notify::Full => {
                let chose = self.model.chat(chat).and_then(|chat| chat.last.as_ref()?.chose);
                let said = match chose {
                    Some(fade) => fade.sentence(lang, false, name),
                    None if line.is_empty() => lang.tr(T::NotifySomething).to_owned(),
                    None => line.to_owned(),
                };
                (name.to_owned(), said)
            }
        };
        self.noticed = true;
        self.world.tell(Command::Notify { title, body });
        if !focused {
            let attention = ViewportCommand::RequestUserAttention(UserAttentionType::Informational);
            ctx.send_viewport_cmd(attention);
        }
    }

    /// Looks for something, in place of what was looked for before. A field into which it is put is as it was asked
    /// for: what is typed from now on is not replaced.
    pub(super) fn take(&mut self, source: Source) {
        match source.wanted() {
            Some(Wanted::Invite) => self.views.add.wait(),
            Some(Wanted::Relay) => self.views.network.wait(),
            Some(Wanted::Safety(_)) | None => {}
        }
        let number = self.model.begin_take();
        self.tell(Command::Take(number, source));
    }

    fn on_taken(&mut self, wanted: Wanted, text: &str) {
        let is_put = match wanted {
            Wanted::Invite => self.views.add.take(text),
            Wanted::Relay => self.views.network.take(text),
            Wanted::Safety(chat) => {
                self.world.tell(Command::Compare(chat, text.to_owned()));
                true
            }
        };
        if !is_put {
            self.model.notify(Notice { sentence: T::TypedMeanwhile, parts: Vec::new(), trouble: false });
        }
    }

    fn on_clipboard(&mut self, ctx: &egui::Context, cleared: Cleared) {
        match cleared {
            Cleared::Replaced => return,
            Cleared::Gone => {}
            // Better nothing on the clipboard than an invite.
            Cleared::Unseen => ctx.copy_text(String::new()),
        }
        self.model.notify(Notice { sentence: T::ClipboardCleared, parts: Vec::new(), trouble: false });
    }

    /// Takes the invite back from the clipboard, now.
    pub(super) fn clear_clipboard(&mut self) {
        if let Some((_, text)) = self.lent.take() {
            self.world.tell(Command::ClearClipboard(text));
        }
    }

    /// What is looked for on this page in whatever is dropped or pasted.
    fn wanted_here(&self) -> Option<Wanted> {
        match self.route {
            Route::Add => Some(Wanted::Invite),
            Route::Network => Some(Wanted::Relay),
            Route::Verify(chat) => Some(Wanted::Safety(chat)),
            _ => None,
        }
    }

    /// Looks for what is wanted here on the clipboard. The worker asks for it, however long its owner takes.
    pub(super) fn paste(&mut self) {
        if let Some(wanted) = self.wanted_here() {
            self.take(Source::Clipboard(wanted));
        }
    }

    /// Takes files that were dropped on the window and pictures that were pasted.
    pub(super) fn take_things(&mut self, ctx: &egui::Context) {
        let Some(wanted) = self.wanted_here().filter(|_| self.is_open()) else { return };
        let (file, picture) = ctx.input(|input| {
            let file = input.raw.dropped_files.first().map(|file| file.path().to_owned());
            let picture = input.events.iter().find_map(|event| match event {
                Event::PasteImage(picture) => Some(picture.clone()),
                _ => None,
            });
            (file, picture)
        });
        if file.is_none() && picture.is_none() {
            return;
        }
        if wanted == Wanted::Invite {
            self.views.add.start_taking();
        }
        if let Some(path) = file {
            self.take(Source::File(path, wanted));
        } else if let Some(picture) = picture {
            self.take(Source::Picture(picture, wanted));
        }
    }
}
