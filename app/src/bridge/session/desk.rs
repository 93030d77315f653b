//! What was being written, and which chat was open: kept with the profile.

use madang_core::{Draft as Kept, MessageId, NodeError, draft::DRAFT_BYTES_MAX};

use super::Session;
use crate::model::{ChatId, Draft, MessageKey, Update};

// The window says so of a longer one.
const _: () = assert!(DRAFT_BYTES_MAX == crate::view::composer::DRAFT_BYTES_MAX);

impl Session {
    /// Tells how the desk was left. Nothing of it is worth an error.
    pub(in crate::bridge) async fn tell_desk(&self) {
        if let Ok(drafts) = self.node.drafts().await {
            let here = drafts.into_iter().filter_map(|draft| {
                let chat = self.chat_of(draft.conversation)?;
                let reply_to = draft.reply_to.map(|id| MessageKey(id.0));
                Some(Draft { chat, text: draft.text, reply_to })
            });
            self.tell.say(Update::Drafts(here.collect())).await;
        }
        if let Ok(desk) = self.node.desk().await
            && let Ok(chat) = <[u8; 4]>::try_from(desk)
        {
            self.tell.say(Update::Desk(ChatId(u32::from_be_bytes(chat)))).await;
        }
    }

    /// Keeps a draft, as much of it as is kept; the field says what is too long.
    pub(super) async fn keep_draft(
        &self,
        chat: ChatId,
        mut text: String,
        reply_to: Option<MessageKey>,
    ) -> Result<(), NodeError> {
        let Some(conversation) = self.conversation(chat) else { return Ok(()) };
        let reply_to = reply_to.map(|key| MessageId(key.0));
        text.truncate(text.floor_char_boundary(DRAFT_BYTES_MAX));
        self.node.keep_draft(Kept { conversation, text, reply_to }).await
    }

    pub(super) async fn keep_desk(&self, chat: ChatId) -> Result<(), NodeError> {
        self.node.keep_desk(chat.0.to_be_bytes().to_vec()).await
    }
}
