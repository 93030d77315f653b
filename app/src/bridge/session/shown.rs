//! The node's records as the window shows them.

use madang_core::{Contact, ContactState, Delivery as Far, Message as Kept};

use super::LINE_CHARS;
use crate::{
    model::{Bond, Chat, ChatId, Delivery, Last},
    text,
};

/// A clock of another machine may be this far ahead before its label is not believed.
const AHEAD_MS: u64 = 10 * 60 * 1000;

/// A contact as the list shows it; what was known of the last line stays.
pub(super) fn chat_of(contact: &Contact, before: Option<Chat>) -> Chat {
    let seed = contact.account.map_or(u64::from(contact.id.0), |account| {
        u64::from_be_bytes(account.as_bytes()[..8].try_into().unwrap_or_default())
    });
    let bond = match contact.state {
        ContactState::Live => Bond::Live,
        ContactState::Failed => Bond::Failed,
        ContactState::Fetching | ContactState::Waiting => Bond::Waiting,
    };
    let (last, unread, order) = before.map_or((None, 0, 0), |chat| (chat.last, chat.unread, chat.order));
    Chat {
        id: ChatId(contact.id.0),
        name: text::name(&contact.name),
        their_name: text::name(&contact.their_name),
        seed,
        verified: contact.verified,
        bond,
        writable: contact.conversation.is_some(),
        linked: contact.linked,
        last,
        unread,
        order,
        resembles: None,
    }
}

/// The last line of a chat.
pub(super) fn last_of(message: &Kept) -> Last {
    let text = text::line(&text::body(message.text.as_deref().unwrap_or_default()), LINE_CHARS);
    Last { text, delivery: message.mine.then(|| delivery_of(message.delivery)), label_ms: label_of(message) }
}

/// What the writer's clock said, unless it is ahead of this machine's.
pub(super) fn label_of(message: &Kept) -> Option<u64> {
    match (message.claimed_ms, message.label_ms) {
        (Some(claimed), Some(kept)) if claimed > kept.saturating_add(AHEAD_MS) => Some(kept),
        (claimed, kept) => claimed.or(kept),
    }
}

/// How far a message has come.
pub(super) fn delivery_of(far: Option<Far>) -> Delivery {
    match far {
        None | Some(Far::Written) => Delivery::Written,
        Some(Far::Sealed) => Delivery::Sealed,
        Some(Far::OnRelay { copies }) => Delivery::OnRelay(copies),
        Some(Far::OnDevice) => Delivery::OnDevice,
        Some(Far::Delivered) => Delivery::Delivered,
        Some(Far::Read) => Delivery::Read,
    }
}
