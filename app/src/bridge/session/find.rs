//! Looking through everything that is kept of a conversation, in a task of its own that gives way to the next search.

use madang_core::{ConversationId, Node, NodeError, Place};

use super::Session;
use crate::{
    bridge::Tell,
    model::{ChatId, Found, MessageKey, Update},
    text,
};

/// Messages read at a time: the node answers others in between.
const PAGE: usize = 500;
/// Found messages that are told; beyond it the words are too common to help.
const FOUND_MAX: usize = 500;

impl Session {
    pub(super) fn find(&mut self, chat: ChatId, text: String) {
        if let Some(before) = self.finding.take() {
            before.abort();
        }
        if let Some(conversation) = self.conversation(chat).filter(|_| !text.is_empty()) {
            let (node, tell) = (self.node.clone(), self.tell.clone());
            self.finding = Some(tokio::spawn(async move {
                let _ = look(node, tell, conversation, Found { chat, text, ..Found::default() }).await;
            }));
        }
    }
}

/// Tells what was found whenever a page brought something, and at the end.
async fn look(
    node: Node,
    tell: Tell,
    conversation: ConversationId,
    mut found: Found,
) -> Result<(), NodeError> {
    let mut before: Option<Place> = None;
    loop {
        let page = node.history(conversation, before, PAGE).await?;
        let hits = page.messages.iter().rev().filter(|m| {
            m.text.as_deref().is_some_and(|words| text::contains(&text::body(words), &found.text))
        });
        let room = FOUND_MAX - found.keys.len();
        let new: Vec<MessageKey> = hits.take(room).map(|m| MessageKey(m.id.0)).collect();
        let told = !new.is_empty();
        found.keys.extend(new);
        found.more = found.keys.len() == FOUND_MAX && page.more;
        before = page.messages.first().map(|m| m.place);
        found.done = !page.more || found.more || before.is_none();
        if told || found.done {
            tell.say(Update::Found(found.clone())).await;
        }
        if found.done {
            return Ok(());
        }
    }
}
