//! What happens by time alone: the lock, and the clipboard that is cleared.

use std::time::Duration;

use super::{App, World};
use crate::{
    action::Command,
    i18n::T,
    model::{Notice, Stage},
};

impl<W: World> App<W> {
    pub(super) fn keep_time(&mut self, ctx: &egui::Context) {
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
}
