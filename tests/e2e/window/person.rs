//! What the person at a desk does: reads what a screen reader reads, and presses keys.

use std::io::{BufRead as _, Write as _};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::desk::Desk;

/// Presses of Tab after which a control is said to be out of reach.
const TABS_MAX: usize = 120;
/// How long the tree may take to follow one press of Tab before it is pressed again.
const TAB_WAIT: Duration = Duration::from_secs(15);

/// A control or a text, as it is told to a screen reader.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub(crate) struct Node {
    pub(crate) role: String,
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) checked: bool,
    pub(crate) enabled: bool,
    pub(crate) focused: bool,
}

impl Node {
    fn says(&self, words: &str) -> bool {
        self.name.contains(words) || self.text.contains(words)
    }

    fn is_window(&self) -> bool {
        self.role == "frame"
    }
}

impl Desk<'_> {
    /// All that is told now.
    pub(crate) fn nodes(&mut self) -> Vec<Node> {
        let Some((input, output)) = &mut self.tree else { return Vec::new() };
        writeln!(input).expect("asked");
        let mut line = String::new();
        output.read_line(&mut line).expect("answered");
        serde_json::from_str(&line).expect("JSON")
    }

    /// The same in lines, for people.
    pub(super) fn told(&mut self) -> String {
        let said = |node: &Node| {
            let marks =
                [(node.focused, " focused"), (node.checked, " checked"), (!node.enabled, " disabled")];
            let marks: String = marks.iter().filter(|(on, _)| *on).map(|(_, mark)| *mark).collect();
            format!("{} {:?} {:?}{marks}\n", node.role, node.name, node.text)
        };
        self.nodes().iter().map(said).collect()
    }

    /// Whether a window of the app has the keys.
    pub(super) fn is_active(&mut self) -> bool {
        self.nodes().iter().any(|node| node.focused)
    }

    fn focused(&mut self) -> Option<Node> {
        self.nodes().into_iter().find(|node| node.focused && !node.is_window())
    }

    /// Waits until something with these words is told.
    pub(crate) fn sees(&mut self, words: &str) {
        self.until(&format!("{words:?}"), |me| me.nodes().iter().any(|node| node.says(words)));
    }

    /// Waits until nothing with these words is told.
    pub(crate) fn sees_no_more(&mut self, words: &str) {
        self.until(&format!("the end of {words:?}"), |me| {
            let nodes = me.nodes();
            !nodes.is_empty() && nodes.iter().all(|node| !node.says(words))
        });
    }

    /// Whether something with these words is told now.
    pub(crate) fn reads(&mut self, words: &str) -> bool {
        self.nodes().iter().any(|node| node.says(words))
    }

    /// Waits for a text that begins so, and returns the rest of it.
    pub(crate) fn reads_after(&mut self, head: &str) -> String {
        let mut rest = None;
        self.until(&format!("{head:?}"), |me| {
            let nodes = me.nodes();
            rest = nodes.iter().find_map(|node| node.name.strip_prefix(head).map(str::to_owned));
            rest.is_some()
        });
        rest.expect("it was waited for")
    }

    /// How many messages of the conversation say these words. Each is told as "writer, time: words", and what is to be
    /// said about it follows after a dot.
    pub(crate) fn messages(&mut self, words: &str) -> usize {
        let (end, within) = (format!(": {words}"), format!(": {words} · "));
        let says = |node: &&Node| node.name.ends_with(&end) || node.name.contains(&within);
        self.nodes().iter().filter(|node| node.role == "label").filter(says).count()
    }

    /// Walks with Tab until the focus is on what has this name.
    pub(crate) fn tab_to(&mut self, name: &str) {
        self.sees(name);
        let mut passed = Vec::new();
        for _ in 0..TABS_MAX {
            let before = self.focused();
            match &before {
                Some(node) if node.name == name => return,
                Some(node) => passed.push(node.name.clone()),
                None => {}
            }
            self.key("Tab");
            // The tree follows the key a frame later.
            let begun = Instant::now();
            while begun.elapsed() < TAB_WAIT && self.focused() == before {}
        }
        self.gives_up(&format!("never comes to {name:?} by Tab, only to {passed:?}"));
    }

    /// Walks to a button, a choice or a tab and presses it.
    pub(crate) fn press(&mut self, name: &str) {
        self.tab_to(name);
        self.key("space");
    }

    /// Walks to a field and types into it.
    pub(crate) fn fill(&mut self, name: &str, text: &str) {
        self.tab_to(name);
        self.typed(text);
    }

    /// Presses a key, as xdotool names it, and waits until the app has done what follows from it.
    pub(crate) fn key(&mut self, key: &str) {
        assert!(self.xdotool(&["key", "--clearmodifiers", "--delay", "40", key]), "{key} can be pressed");
        self.rests();
    }

    /// Types letters of a Latin keyboard, as fast as a quick typist. Much faster is not possible with an input method:
    /// between Xlib and ibus some twenty messages can wait, and keys beyond that are lost while a program is busy.
    pub(crate) fn typed(&mut self, text: &str) {
        assert!(self.xdotool(&["type", "--clearmodifiers", "--delay", "120", text]), "letters can be typed");
    }

    /// Types what no tree tells, letter by letter, each when the app has done with the one before.
    pub(crate) fn typed_unseen(&mut self, text: &str) {
        for letter in text.chars() {
            self.typed(letter.encode_utf8(&mut [0; 4]));
            self.rests();
        }
    }

    /// Types a message and waits until the field holds it, then sends it with Enter.
    pub(crate) fn says(&mut self, text: &str) {
        self.typed(text);
        self.field_holds(text);
        self.key("Return");
        self.sees_message(text);
    }

    /// Waits until the conversation has this message.
    pub(crate) fn sees_message(&mut self, text: &str) {
        self.until(&format!("the message {text:?}"), |me| me.messages(text) > 0);
    }

    /// Waits until the field with the focus holds this and no more.
    pub(crate) fn field_holds(&mut self, wanted: &str) {
        self.until(&format!("a field with {wanted:?}"), |me| {
            me.focused().is_some_and(|node| node.text.trim_end_matches('\n') == wanted)
        });
    }
}
