//! What happens by time alone: the lock, drafts that are kept, and the clipboard that is cleared.

use std::time::Duration;

use super::{App, World};
use crate::{action::Action, model::Stage};

impl<W: World> App<W> {
    /// Does what is due. Returns the wish to lock.
    pub(super) fn keep_time(&mut self, ctx: &egui::Context) -> Option<Action> {
        let (now, input) = ctx.input(|input| (input.time, !input.events.is_empty()));
        if input {
            self.last_input = now;
        }
        if self.lent.as_ref().is_some_and(|(until, _)| now >= *until) {
            self.clear_clipboard();
        }
        let minutes = self.model.prefs.auto_lock_minutes;
        let lock_at = (minutes > 0 && self.model.stage == Stage::Open)
            .then(|| self.last_input + f64::from(minutes) * 60.0);
        let locks = lock_at.is_some_and(|at| now >= at);
        if locks {
            self.last_input = now;
        }
        let clear_at = self.lent.as_ref().map(|(until, _)| *until);
        let draft_at = self.time_drafts(now);
        for at in [clear_at, draft_at, lock_at.filter(|at| now < *at)].into_iter().flatten() {
            ctx.request_repaint_after(Duration::from_secs_f64((at - now).max(0.0) + 0.05));
        }
        locks.then_some(Action::Lock)
    }
}
