//! The loaded part of a conversation, and the messages in it.

use std::collections::BTreeSet;

use super::MessageKey;

/// Messages of one chat held at a time. Scrolling further back drops the newest, jumping down reads them again.
pub(crate) const LOADED_MAX: usize = 600;

/// How far a message has come, as far as it is known.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Delivery {
    /// Kept on this computer.
    Written,
    /// Sealed, no road yet.
    Sealed,
    /// Kept by so many relays.
    OnRelay(u8),
    /// Their device holds it and has not confirmed yet that it could be read.
    OnDevice,
    /// An authenticated receipt came back.
    Delivered,
    /// They have read it.
    Read,
}

/// A message as the conversation shows it.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// Which one.
    pub(crate) key: MessageKey,
    /// Where it stands: causes before effects.
    pub(crate) place: u64,
    /// Whether it is one's own.
    pub(crate) mine: bool,
    /// Fit to show.
    pub(crate) text: String,
    /// What it answers.
    pub(crate) reply: Option<Quote>,
    /// What the writer's clock said.
    pub(crate) label_ms: Option<u64>,
    /// It came after messages that were written later.
    pub(crate) late: bool,
    /// A message that it follows is not here yet.
    pub(crate) gap: bool,
    /// How far it came, if it is one's own.
    pub(crate) delivery: Delivery,
}

/// The message that another one answers.
#[derive(Clone, Debug)]
pub(crate) struct Quote {
    /// Which one.
    pub(crate) key: MessageKey,
    /// Whether it is one's own.
    pub(crate) mine: bool,
    /// One line of it.
    pub(crate) text: String,
}

/// The loaded part of a conversation, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    /// At most [`LOADED_MAX`] messages without a hole.
    pub(crate) messages: Vec<Message>,
    /// There are older ones.
    pub(crate) more_before: bool,
    /// There are newer ones.
    pub(crate) more_after: bool,
    /// The first that had not been seen when the chat was opened.
    pub(crate) first_unread: Option<MessageKey>,
    /// Something has been read already.
    pub(crate) loaded: bool,
    /// Older ones have been asked for.
    pub(crate) asking: bool,
}

impl Timeline {
    /// Takes over a page that was asked for.
    pub(super) fn merge(&mut self, page: Vec<Message>, more: bool, at: PageAt) {
        match at {
            PageAt::Newest => {
                self.messages = page;
                self.more_before = more;
                self.more_after = false;
            }
            PageAt::Before => {
                let known: BTreeSet<MessageKey> = self.messages.iter().map(|m| m.key).collect();
                let mut older: Vec<Message> = page.into_iter().filter(|m| !known.contains(&m.key)).collect();
                older.append(&mut self.messages);
                self.messages = older;
                self.more_before = more;
                if self.messages.len() > LOADED_MAX {
                    self.messages.truncate(LOADED_MAX);
                    self.more_after = true;
                }
            }
        }
        self.loaded = true;
        self.asking = false;
    }

    /// Puts a new message where it belongs, once.
    pub(super) fn arrive(&mut self, message: Message) {
        if self.more_after || self.messages.iter().any(|m| m.key == message.key) {
            return;
        }
        let at = self.messages.partition_point(|m| m.place <= message.place);
        if at == 0 && self.more_before {
            return;
        }
        self.messages.insert(at, message);
        let surplus = self.messages.len().saturating_sub(LOADED_MAX);
        if surplus > 0 {
            self.messages.drain(..surplus);
            self.more_before = true;
        }
    }

    /// The message with this key, if it is loaded.
    pub(crate) fn find(&self, key: MessageKey) -> Option<&Message> {
        self.messages.iter().find(|m| m.key == key)
    }
}

/// Which part of a conversation a page is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PageAt {
    /// Its newest end.
    Newest,
    /// What lies before the loaded part.
    Before,
}
