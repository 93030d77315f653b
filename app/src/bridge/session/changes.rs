//! What events of the node change in the window.

use std::collections::{BTreeMap, BTreeSet};

use madang_core::{
    ContactId, ConversationId, Delivery as Far, Event, Message as Kept, MessageId, Notice as Word,
};

use super::{Known, PAGE, Session, shown::delivery_of};
use crate::{
    i18n::T,
    model::{MessageKey, PageAt, Update},
};

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
        if changes.everything {
            self.tell_all().await;
            for chat in self.shown.iter().copied().collect::<Vec<_>>() {
                let _ = self.page(chat, PageAt::Newest).await;
            }
        }
        if changes.contacts || !changes.lines.is_empty() {
            self.tell_chats(Some(&changes.lines)).await;
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
            if word.is_of_loss() {
                // A node that has ended says it again at the next start.
                let _ = self.node.loss_told().await;
            }
        }
    }

    /// Tells new messages of a conversation that the window holds.
    async fn tell_arrived(&mut self, conversation: ConversationId, ids: &BTreeSet<MessageId>) {
        let Some(chat) = self.chat_of(conversation).filter(|chat| self.shown.contains(chat)) else { return };
        let Ok(page) = self.node.history(conversation, None, PAGE).await else { return };
        self.remember(&page.messages);
        let found: Vec<&Kept> = page.messages.iter().filter(|m| ids.contains(&m.id)).collect();
        for message in found {
            self.tell.say(Update::Arrived(chat, self.message(message))).await;
        }
    }

    /// Tells that somebody wrote, with the newest line.
    async fn tell_heard(&self, conversation: ConversationId) {
        if let Some(Known { chat, .. }) = self.chat_of(conversation).and_then(|id| self.chats.get(&id)) {
            let line = chat.last.as_ref().map_or("", |last| last.text.as_str());
            self.tell.say(Update::Heard(chat.id, chat.name.clone(), line.to_owned())).await;
        }
    }

    async fn tell_word(&self, word: &Word) {
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
            Word::RelayListReplaced(_) => self.notice(T::NoticeRelayList, None, true).await,
            Word::RelayEquivocates(_) => self.notice(T::NoticeRelayLies, None, true).await,
            Word::RelayImpostor(_) => self.notice(T::NoticeRelayOther, None, true).await,
            Word::IndexRebuilt => self.notice(T::NoticeRebuilt, None, false).await,
            Word::LogDamaged { .. } => self.notice(T::NoticeLogDamaged, None, true).await,
            Word::RolledBack => self.notice(T::NoticeRolledBack, None, true).await,
        }
    }
}
