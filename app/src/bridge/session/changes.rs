//! What events of the node change in the window.

use std::collections::{BTreeMap, BTreeSet};

use madang_core::{
    ContactId, ConversationId, Delivery as Far, Event, Message as Kept, MessageId, NodeError, Notice as Word,
    RelayNumber, Span,
};

use super::{
    EVENTS_TOGETHER, Known, PAGE, Session,
    shown::{delivery_of, label_of_relay},
};
use crate::{
    i18n::T,
    model::{ChatId, MessageKey, Notice, PageAt, Update},
};

/// New messages far above the newest that are read one by one; with more of them the part that is shown is read anew.
const FAR_UP: usize = 16;

/// What a run of events changed.
#[derive(Default)]
pub(super) struct Changes {
    contacts: bool,
    roads: bool,
    lines: BTreeSet<ConversationId>,
    erased: Vec<(ConversationId, Vec<MessageId>)>,
    cleared: BTreeSet<ConversationId>,
    /// Conversations in which the other side wrote.
    heard: BTreeSet<ConversationId>,
    arrived: Vec<(ConversationId, MessageId)>,
    deliveries: BTreeMap<MessageId, (ConversationId, Far)>,
    words: Vec<Word>,
    live: Vec<ContactId>,
    everything: bool,
}

impl Changes {
    /// Notes what an event changed.
    pub(super) fn note(&mut self, event: Event) {
        match event {
            Event::ContactAdded(_) | Event::ContactChanged(_) => self.contacts = true,
            Event::ContactLive(contact) => {
                self.contacts = true;
                self.live.push(contact);
            }
            Event::Message { conversation, id, mine } => {
                self.lines.insert(conversation);
                if !mine {
                    self.heard.insert(conversation);
                }
                self.arrived.push((conversation, id));
            }
            Event::Delivery { conversation, id, delivery } => {
                self.lines.insert(conversation);
                self.deliveries.insert(id, (conversation, delivery));
            }
            Event::Erased { conversation, messages } => {
                self.lines.insert(conversation);
                self.erased.push((conversation, messages));
            }
            Event::Cleared(conversation) => {
                self.lines.insert(conversation);
                self.cleared.insert(conversation);
            }
            Event::ContactRemoved(_) => self.everything = true,
            Event::Relay { .. } => self.roads = true,
            Event::Link { .. } => {
                self.roads = true;
                self.contacts = true;
            }
            Event::Notice(word) => self.words.push(word),
            Event::Lagged => self.everything = true,
        }
    }
}

impl Session {
    /// Tells the window what has changed.
    pub(super) async fn tell_changes(&mut self, changes: Changes) {
        let known: BTreeSet<ChatId> = self.chats.keys().copied().collect();
        if changes.everything {
            self.tell_all().await;
            for chat in self.shown.iter().copied().collect::<Vec<_>>() {
                // What is not read yet has perhaps never been drawn: the reader begins there.
                let _ = self.page(chat, PageAt::Unread).await;
            }
        }
        if changes.contacts || !changes.lines.is_empty() {
            self.tell_chats(Some(&changes.lines)).await;
        }
        // Those whose invite was taken here stand among them since then: a new one has answered an invite from here.
        if self.chats.keys().any(|chat| !known.contains(chat)) {
            self.tell.say(Update::InviteUsed).await;
        }
        for (id, (conversation, far)) in &changes.deliveries {
            if let Some(chat) = self.chat_of(*conversation) {
                self.tell.say(Update::Delivery(chat, MessageKey(id.0), delivery_of(Some(*far)))).await;
            }
        }
        let mut arrived: BTreeMap<ConversationId, BTreeSet<MessageId>> = BTreeMap::new();
        for (conversation, id) in changes.arrived {
            arrived.entry(conversation).or_default().insert(id);
        }
        for (conversation, ids) in arrived {
            self.tell_arrived(conversation, &ids).await;
        }
        for (conversation, ids) in &changes.erased {
            ids.iter().for_each(|id| drop(self.quotes.remove(id)));
            if let Some(chat) = self.chat_of(*conversation) {
                let keys = ids.iter().map(|id| MessageKey(id.0)).collect();
                self.tell.say(Update::Erased(chat, keys)).await;
            }
        }
        for conversation in &changes.cleared {
            if let Some(chat) = self.chat_of(*conversation) {
                let _ = self.page(chat, PageAt::Newest).await;
            }
        }
        for conversation in &changes.heard {
            self.tell_heard(*conversation).await;
        }
        if changes.roads {
            self.tell_roads().await;
        }
        for contact in changes.live {
            self.notice(T::NoticeNewContact, Some(contact), false).await;
        }
        for word in changes.words {
            self.tell_word(&word).await;
        }
    }

    /// Tells new messages of a conversation that the window holds. Of more than a page only those are shown that stand
    /// within what is loaded; the rest is read on from there, so that nobody is led past what was never drawn.
    async fn tell_arrived(&mut self, conversation: ConversationId, ids: &BTreeSet<MessageId>) {
        let Some(chat) = self.chat_of(conversation).filter(|chat| self.shown.contains(chat)) else { return };
        let Ok(mut found) = self.newest_of(conversation, ids).await else { return };
        let there: BTreeSet<MessageId> = found.iter().map(|m| m.id).collect();
        let above: Vec<MessageId> = ids.difference(&there).copied().collect();
        if above.len() > FAR_UP {
            let _ = self.page(chat, PageAt::Unread).await;
            return;
        }
        for id in above {
            let Ok(one) = self.node.read(conversation, Span::Message(id), 1).await else { return };
            found.extend(one.messages.into_iter().filter(|m| m.id == id));
        }
        if ids.len() > PAGE {
            self.tell.say(Update::Behind(chat)).await;
        }
        found.sort_by_key(|m| m.place);
        self.remember(&found);
        for message in &found {
            self.tell.say(Update::Arrived(chat, self.message(message))).await;
        }
    }

    /// Those of `ids` that are among the newest messages, as far as a whole run of events reaches.
    async fn newest_of(
        &self,
        conversation: ConversationId,
        ids: &BTreeSet<MessageId>,
    ) -> Result<Vec<Kept>, NodeError> {
        let (mut found, mut before) = (Vec::new(), None);
        for _ in 0..=EVENTS_TOGETHER.div_ceil(PAGE) {
            let page = self.node.history(conversation, before, PAGE).await?;
            before = page.messages.first().map(|m| m.place);
            found.extend(page.messages.into_iter().filter(|m| ids.contains(&m.id)));
            if found.len() == ids.len() || !page.more {
                break;
            }
        }
        Ok(found)
    }

    /// Tells that somebody wrote, with the newest line.
    async fn tell_heard(&self, conversation: ConversationId) {
        if let Some(Known { chat, .. }) = self.chat_of(conversation).and_then(|id| self.chats.get(&id)) {
            let line = chat.last.as_ref().map_or("", |last| last.text.as_str());
            self.tell.say(Update::Heard(chat.id, chat.name.clone(), line.to_owned())).await;
        }
    }

    /// Tells something of a relay, by the address under which it stands on the network page.
    async fn notice_of_relay(&self, sentence: T, relay: RelayNumber) {
        let relays = self.node.relays().await.unwrap_or_default();
        let label = relays.iter().find(|r| r.number == relay).map(label_of_relay).unwrap_or_default();
        let notice = Notice { sentence, parts: vec![label], trouble: true };
        self.tell.say(Update::Notice(notice)).await;
    }

    pub(super) async fn tell_word(&self, word: &Word) {
        match word {
            Word::InviteUsedAgain => self.notice(T::NoticeInviteUsedAgain, None, true).await,
            Word::InviteExpired => self.notice(T::NoticeInviteExpired, None, false).await,
            Word::InviteAnsweredLate => self.notice(T::NoticeInviteAnsweredLate, None, true).await,
            Word::InviteSpoiled => self.notice(T::NoticeInviteSpoiled, None, true).await,
            Word::AnsweredAgain(contact) => self.notice(T::NoticeAnsweredAgain, Some(*contact), true).await,
            Word::InviteOver(contact) => self.notice(T::NoticeInviteOver, Some(*contact), true).await,
            Word::InviteTaken(contact) => self.notice(T::NoticeInviteTaken, Some(*contact), true).await,
            Word::InviteExhausted(contact) => {
                self.notice(T::NoticeInviteExhausted, Some(*contact), true).await
            }
            Word::InviteForged(contact) => self.notice(T::NoticeInviteForged, Some(*contact), true).await,
            Word::ContactRestored(contact) => {
                self.notice(T::NoticeContactRestored, Some(*contact), true).await
            }
            Word::BeginsAnew(contact) => self.notice(T::NoticeBeginsAnew, Some(*contact), false).await,
            Word::MetAgain(contact) => self.notice(T::NoticeMetAgain, Some(*contact), false).await,
            Word::NeedsInvite(contact) => self.notice(T::NoticeNeedsInvite, Some(*contact), true).await,
            Word::DeviceCalledBack(contact) => {
                self.notice(T::NoticeDeviceCalledBack, Some(*contact), true).await
            }
            Word::DevicesContradict(contact) => {
                self.notice(T::NoticeDevicesContradict, Some(*contact), true).await
            }
            Word::RelayListReplaced(relay) => self.notice_of_relay(T::NoticeRelayList, *relay).await,
            Word::RelayEquivocates(relay) => self.notice_of_relay(T::NoticeRelayLies, *relay).await,
            Word::RelayImpostor(relay) => self.notice_of_relay(T::NoticeRelayOther, *relay).await,
            Word::IndexRebuilt => self.notice(T::NoticeRebuilt, None, false).await,
            Word::LogDamaged { .. } => self.notice(T::NoticeLogDamaged, None, true).await,
            Word::RolledBack => self.notice(T::NoticeRolledBack, None, true).await,
        }
    }
}
