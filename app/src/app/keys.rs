//! Keys that hold on every page, and how events of the keyboard are dealt out to frames.

use egui::{Event, Key, KeyboardShortcut, Modifiers, Ui};

use super::{App, World};
use crate::{action::Action, route::Route};

impl<W: World> App<W> {
    pub(super) fn keys(&mut self, ui: &Ui) -> Option<Action> {
        let hit = |modifiers, key| {
            ui.input_mut(|input| input.consume_shortcut(&KeyboardShortcut::new(modifiers, key)))
        };
        if hit(Modifiers::NONE, Key::F1) {
            return Some(Action::Keys);
        }
        if !self.is_open() {
            return None;
        }
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
            && self.views.chooser.is_none()
            && self.views.sure.is_none()
            && !self.views.keys
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
}

/// Takes the events of one frame and holds the rest. Tab and Enter get frames of their own: within one frame two
/// fields may have the focus one after the other, and letters typed on a slow machine would land in both, a
/// passphrase in a name among them.
pub(super) fn portion(held: &mut Vec<Event>, fresh: Vec<Event>) -> Vec<Event> {
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
