//! What happens by time alone: the lock, what is kept after a pause, and the clipboard that is cleared. Time is the world's:
//! egui's stands still while the window is hidden.

use std::time::Duration;

use super::{App, World};
use crate::{action::Command, model::Stage, route::Route};

/// How long the window's size, its columns and the like rest before they are kept, in seconds: nobody drags so slowly.
const PREFS_KEPT_AFTER_S: f64 = 3.0;

impl<W: World> App<W> {
    /// Does what is due, and asks to be woken when the next thing is.
    pub(super) fn keep_time(&mut self, ctx: &egui::Context) {
        let now = self.world.now();
        if self.lent.as_ref().is_some_and(|(until, _)| now >= *until) {
            self.clear_clipboard();
        }
        if self.locks_at().is_some_and(|at| now >= at) {
            self.lock();
            ctx.request_repaint();
        }
        self.watch_roads();
        let clear_at = self.lent.as_ref().map(|(until, _)| *until);
        let kept_at = self.time_prefs(now);
        for at in [clear_at, kept_at, self.time_drafts(now), self.locks_at()].into_iter().flatten() {
            ctx.request_repaint_after(Duration::from_secs_f64((at - now).max(0.0) + 0.05));
        }
    }

    /// A person did something. Noted after what was due, so that the first key after a long absence opens nothing.
    pub(super) fn note_input(&mut self, ctx: &egui::Context) {
        if ctx.input(|input| !input.events.is_empty()) {
            self.last_input = self.world.now();
        }
    }

    /// When the profile is locked if nobody does anything until then.
    fn locks_at(&self) -> Option<f64> {
        let minutes = self.model.prefs.auto_lock_minutes;
        (minutes > 0 && self.model.stage == Stage::Open && !self.locking)
            .then(|| self.last_input + f64::from(minutes) * 60.0)
    }

    /// Keeps settings that have changed, once they have rested: a process that is killed has not forgotten them.
    /// Returns when that is.
    fn time_prefs(&mut self, now: f64) -> Option<f64> {
        let prefs = self.model.prefs.bounded();
        if prefs == self.kept {
            self.resting = None;
            return None;
        }
        let at = match self.resting {
            Some((at, rested)) if rested == prefs => at,
            _ => now + PREFS_KEPT_AFTER_S,
        };
        if now >= at {
            (self.kept, self.resting) = (prefs, None);
            self.world.tell(Command::Keep(prefs));
            return None;
        }
        self.resting = Some((at, prefs));
        Some(at)
    }

    /// Says when somebody begins to look at the roads, and when no longer. Meanwhile the other world reads them again
    /// and again, and speaks up when something has changed that is shown: the window itself sleeps.
    fn watch_roads(&mut self) {
        let looks = self.route == Route::Network && self.model.stage.is_open();
        if self.watching != looks {
            self.watching = looks;
            self.world.tell(Command::Watch(looks));
        }
    }
}
