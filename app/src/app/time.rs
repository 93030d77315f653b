//! What happens by time alone: the lock, drafts that are kept, and the clipboard that is cleared. Time is the world's:
//! egui's stands still while the window is hidden.

use std::time::Duration;

use super::{App, World};
use crate::{action::Command, model::Stage, route::Route};

/// How often the roads are read again while they are shown, in seconds: how long a relay has been up grows by itself.
const ROADS_AGAIN_S: f64 = 30.0;

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
        let roads_at = self.time_roads(now);
        let clear_at = self.lent.as_ref().map(|(until, _)| *until);
        for at in [clear_at, roads_at, self.time_drafts(now), self.locks_at()].into_iter().flatten() {
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

    /// Reads the roads again while they are shown. Returns when that is due next.
    fn time_roads(&mut self, now: f64) -> Option<f64> {
        if self.route != Route::Network || !self.model.stage.is_open() {
            return None;
        }
        if now >= self.roads_due {
            self.roads_due = now + ROADS_AGAIN_S;
            self.world.tell(Command::Network);
        }
        Some(self.roads_due)
    }
}
