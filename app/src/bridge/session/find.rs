//! Looking through everything that is kept of a conversation, in a task of its own that gives way to the next search.

use madang_core::{ConversationId, Node, NodeError, Place};

use super::Session;
use crate::{
    bridge::{Tell, failure::failure},
    i18n::T,
    model::{ChatId, Found, MessageKey, Task, Update},
    text,
};

/// How much is read and told.
struct Bounds {
    /// Messages read at a time: the node answers others in between.
    page: usize,
    /// Found messages that are told; beyond it the words are too common to help.
    found: usize,
}

const BOUNDS: Bounds = Bounds { page: 500, found: 500 };

impl Session {
    pub(super) fn find(&mut self, chat: ChatId, text: String) {
        if let Some(before) = self.finding.take() {
            before.abort();
        }
        if let Some(conversation) = self.conversation(chat).filter(|_| !text.is_empty()) {
            let (node, tell) = (self.node.clone(), self.tell.clone());
            self.finding = Some(tokio::spawn(async move {
                let mut found = Found { chat, text, ..Found::default() };
                if let Err(error) = look(node, &tell, conversation, &mut found, BOUNDS).await {
                    // It ends with what was found until then, and says so.
                    found.done = true;
                    tell.say(Update::Found(found)).await;
                    tell.say(Update::Failed(Task::Other, failure(&error, T::FailOther))).await;
                }
            }));
        }
    }
}

/// Tells what was found whenever a page brought something, and at the end.
async fn look(
    node: Node,
    tell: &Tell,
    conversation: ConversationId,
    found: &mut Found,
    bounds: Bounds,
) -> Result<(), NodeError> {
    let mut before: Option<Place> = None;
    loop {
        let page = node.history(conversation, before, bounds.page).await?;
        let hits = page.messages.iter().rev().filter(|m| {
            m.text.as_deref().is_some_and(|words| text::contains(&text::body(words), &found.text))
        });
        let hits: Vec<MessageKey> = hits.map(|m| MessageKey(m.id.0)).collect();
        let room = bounds.found - found.keys.len();
        let told = !hits.is_empty() && room > 0;
        found.keys.extend(hits.iter().take(room));
        found.more = hits.len() > room || (hits.len() == room && page.more);
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

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use tokio::sync::mpsc;

    use super::*;
    use crate::bridge::cast::Cast;

    /// Longest wait for one fact; only a defect reaches it.
    const WAIT: Duration = Duration::from_secs(120);

    /// All that a search tells.
    async fn told(node: &Node, conversation: ConversationId, text: &str, bounds: Bounds) -> Vec<Found> {
        let (outbox, mut updates) = mpsc::channel(64);
        let tell = Tell { outbox, wake: Arc::new(|| {}) };
        let mut found = Found { chat: ChatId(1), text: text.into(), ..Found::default() };
        look(node.clone(), &tell, conversation, &mut found, bounds).await.expect("it can be read");
        drop(tell);
        let mut all = Vec::new();
        while let Some(update) = updates.recv().await {
            all.extend(if let Update::Found(found) = update { Some(found) } else { None });
        }
        all
    }

    /// A conversation of the practice with eleven own messages, some of which speak of a lamp.
    async fn conversation() -> (Cast, Node, ConversationId) {
        let (cast, node, _events) = Cast::gather("하늘", true).await.expect("a practice");
        let conversation = loop {
            let contacts = node.contacts().await.expect("contacts");
            if let Some(conversation) = contacts.iter().find_map(|contact| contact.conversation) {
                break conversation;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        for n in 0..11 {
            let text = if n % 2 == 0 { format!("등불 {n} LAMP") } else { format!("강가 {n}") };
            node.send(conversation, &text, None).await.expect("kept");
        }
        (cast, node, conversation)
    }

    #[test]
    fn a_search_reads_page_after_page_and_ends_where_its_bound_is() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
        runtime.block_on(async {
            let (cast, node, conversation) =
                tokio::time::timeout(WAIT, conversation()).await.expect("in time");
            let search = |page, found| told(&node, conversation, "lamp", Bounds { page, found });
            let all = search(500, 500).await;
            let keys = all.last().expect("an end").keys.clone();
            assert_eq!((keys.len(), all.len()), (6, 1));
            let paged = search(2, 500).await;
            let last = paged.last().expect("an end");
            assert!(paged.len() > 3, "it tells as it goes: {}", paged.len());
            assert!(
                last.keys == keys && last.done && !last.more,
                "nothing is missed or doubled between pages"
            );
            assert!(paged[..paged.len() - 1].iter().all(|found| !found.done));
            for page in [500, 2] {
                let some = search(page, 4).await;
                let last = some.last().expect("an end");
                assert!(last.keys == keys[..4] && last.done && last.more, "{page}: there is more");
            }
            let none = told(&node, conversation, "nothing like it", BOUNDS).await;
            assert!(none.len() == 1 && none[0].done && none[0].keys.is_empty());
            node.shutdown().await;
            cast.leave().await;
        });
    }
}
