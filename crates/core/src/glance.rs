//! What a list of conversations shows of each.

use std::time::Duration;

use proto::store::{Overlay, StoreError};

use crate::content::ConversationId;
use crate::conversation::{Conversation, Message, newest};

/// How a conversation stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Glance {
    /// Which one.
    pub conversation: ConversationId,
    /// Messages of the other side that were not seen.
    pub unread: u32,
    /// The newest message.
    pub newest: Option<Message>,
    /// After how long what is written now disappears.
    pub disappears_after: Option<Duration>,
}

impl Glance {
    /// Looks at the conversation of this number, whose newest message is all that is read for it.
    pub(crate) fn at(
        number: u32,
        conversation: &Conversation,
        overlay: &Overlay<'_>,
    ) -> Result<Self, StoreError> {
        let seconds = conversation.fade.map(u64::from);
        Ok(Self {
            conversation: conversation.id,
            unread: conversation.unread,
            newest: newest(number, overlay)?,
            disappears_after: seconds.map(Duration::from_secs),
        })
    }
}
