//! The node's records as the window shows them.

use std::time::Duration;

use madang_core::{Choice, Contact, ContactState, Delivery as Far, Message as Kept};

use super::LINE_CHARS;
use crate::{
    model::{Bond, Chat, ChatId, Delivery, Fade, Last},
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
    let before = before.unwrap_or_default();
    Chat {
        id: ChatId(contact.id.0),
        name: text::name(&contact.name),
        their_name: text::name(&contact.their_name),
        seed,
        verified: contact.verified,
        bond,
        writable: contact.conversation.is_some(),
        linked: contact.linked,
        last: before.last,
        unread: before.unread,
        order: before.order,
        resembles: None,
        fade: before.fade,
    }
}

/// The last line of a chat.
pub(super) fn last_of(message: &Kept) -> Last {
    let text = text::line(&text::body(message.text.as_deref().unwrap_or_default()), LINE_CHARS);
    let delivery = message.mine.then(|| delivery_of(message.delivery));
    Last { text, chose: chosen(message), delivery, label_ms: label_of(message) }
}

/// What a message chose, if it is a choice.
pub(super) fn chosen(message: &Kept) -> Option<Fade> {
    message.chose.map(|choice| match choice {
        Choice::Stay => Fade::Never,
        Choice::Disappear(after) => Fade::After(seconds(after)),
    })
}

/// A time after which messages disappear, in seconds: less than a leap of 32 bits.
pub(super) fn seconds(after: Duration) -> u32 {
    u32::try_from(after.as_secs()).unwrap_or(u32::MAX)
}

/// What holds in a conversation.
pub(super) fn fade_of(after: Option<Duration>) -> Fade {
    after.map_or(Fade::Never, |after| Fade::After(seconds(after)))
}

/// The same for the node.
pub(super) fn time_of(fade: Fade) -> Option<Duration> {
    match fade {
        Fade::Never => None,
        Fade::After(seconds) => Some(Duration::from_secs(seconds.into())),
    }
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
