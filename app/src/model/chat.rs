//! A conversation as the list shows it.

use std::collections::BTreeMap;

use super::{Delivery, Fade};
use crate::text;

/// A chat with one contact: a number of this session, given out by the bridge.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct ChatId(pub(crate) u32);

/// A conversation as the list shows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chat {
    /// Which one.
    pub(crate) id: ChatId,
    /// The own name for them, fit to show.
    pub(crate) name: String,
    /// What they call themselves, fit to show; empty while unknown.
    pub(crate) their_name: String,
    /// Seed of the avatar.
    pub(crate) seed: u64,
    /// Whether the safety number was compared.
    pub(crate) verified: bool,
    /// How far the two have come.
    pub(crate) bond: Bond,
    /// Whether there is a conversation with them.
    pub(crate) writable: bool,
    /// Whether their computer is reached directly now.
    pub(crate) linked: bool,
    /// The newest message.
    pub(crate) last: Option<Last>,
    /// Messages not seen yet.
    pub(crate) unread: u32,
    /// Position in the list: larger is newer.
    pub(crate) order: u64,
    /// The name of another contact for whom this one can be mistaken.
    pub(crate) resembles: Option<String>,
    /// What holds for what is written now.
    pub(crate) fade: Fade,
    /// New keys are to come into use at once, and have not yet.
    pub(crate) renewing: bool,
}

/// Marks each chat whose name can be mistaken for that of an earlier contact, or of a verified one.
pub(super) fn mark_alike(chats: &mut [Chat]) {
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    let likeness: Vec<String> = chats.iter().map(|chat| text::likeness(&chat.name)).collect();
    let rank = |chat: &Chat| (!chat.verified, chat.id);
    for (at, alike) in likeness.iter().enumerate().filter(|(_, alike)| !alike.is_empty()) {
        let known = first.entry(alike.clone()).or_insert(at);
        if rank(&chats[at]) < rank(&chats[*known]) {
            *known = at;
        }
    }
    for (at, alike) in likeness.iter().enumerate() {
        let known = first.get(alike).copied().filter(|known| *known != at);
        chats[at].resembles = known.map(|known| chats[known].name.clone());
    }
}

/// How far two people have come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Bond {
    /// An answer is on its way.
    #[default]
    Waiting,
    /// Both have proved who they are.
    Live,
    /// Nothing goes there any more: the invite cannot be used, or their device was called back.
    Failed,
}

impl Chat {
    /// Whether both have proved who they are.
    pub(crate) fn is_live(&self) -> bool {
        self.bond == Bond::Live
    }
}

/// The last line of a chat.
#[derive(Clone, Debug)]
pub(crate) struct Last {
    /// One line.
    pub(crate) text: String,
    /// It is a choice, and not text.
    pub(crate) chose: Option<Fade>,
    /// How far it came, if it is one's own.
    pub(crate) delivery: Option<Delivery>,
    /// What the writer's clock said.
    pub(crate) label_ms: Option<u64>,
}
