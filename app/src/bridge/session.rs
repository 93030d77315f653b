//! An open profile: the node's answers and events told as updates of the model.

mod changes;
mod desk;
mod find;
mod shown;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use madang_core::{
    ContactId, ConversationId, Event, Events, GiveUp, Glance, Message as Kept, MessageId, Node, NodeError,
    Place, RelayNumber, Span, Step as Done,
};

use self::changes::Changes;
use self::shown::{
    chat_of, compared_of, fade_of, label_of_relay, last_of, me_of, message_of, quote_of, takes_of, time_of,
};
use super::{
    Tell,
    failure::{ending, failure},
    safe,
};
use crate::{
    action::Command,
    i18n::{self, T},
    model::{
        Chat, ChatId, Ending, Fade, Me, Message, MessageKey, Notice, Page, PageAt, Quote, Relay, RelayKey,
        Roads, Safety, Step, StepKind, Task, Trail, Update,
    },
};

/// Messages in one page.
const PAGE: usize = 100;
/// Events taken together before the window is told; a flood then costs one reading.
const EVENTS_TOGETHER: usize = 512;
/// Quotes that are remembered; beyond it they are gathered anew from pages.
const QUOTES_MAX: usize = 4096;
/// Days for which an invite is good.
const INVITE_DAYS: u16 = 30;

/// An open profile.
pub(super) struct Session {
    node: Node,
    events: Events,
    tell: Tell,
    /// Contacts are told when their messages have been seen.
    pub(super) tell_read: bool,
    /// Gives a backup up that is being written.
    pub(super) backups: GiveUp,
    /// The search that is under way.
    finding: Option<tokio::task::JoinHandle<()>>,
    chats: BTreeMap<ChatId, Known>,
    quotes: BTreeMap<MessageId, (bool, Option<String>)>,
    /// Chats of which the window holds a part.
    shown: BTreeSet<ChatId>,
    /// The own side and the roads as they were told last: what has not changed wakes nobody.
    told_me: Option<Me>,
    told_roads: Option<Roads>,
}

struct Known {
    chat: Chat,
    conversation: Option<ConversationId>,
}

impl Session {
    /// A session over a node that has just been started.
    pub(super) fn new(node: Node, events: Events, tell: Tell) -> Session {
        Session {
            node,
            events,
            tell,
            tell_read: true,
            backups: GiveUp::default(),
            finding: None,
            chats: BTreeMap::new(),
            quotes: BTreeMap::new(),
            shown: BTreeSet::new(),
            told_me: None,
            told_roads: None,
        }
    }

    /// Closes the profile.
    pub(super) async fn close(self) {
        if let Some(finding) = &self.finding {
            finding.abort();
        }
        self.node.shutdown().await;
    }

    /// Tells the window all that it shows at first; the chats before what stands around them.
    pub(super) async fn tell_all(&mut self) {
        self.chats.clear();
        self.tell_chats(None).await;
        self.tell_me().await;
        self.tell_roads().await;
    }

    /// Why the node has ended.
    pub(super) fn ending(&self) -> Ending {
        ending(self.node.ended().as_ref())
    }

    /// Waits for an event; nothing once the node has ended. Can be cancelled.
    pub(super) async fn next(&mut self) -> Option<Event> {
        self.events.next().await
    }

    /// Tells what an event changed, together with those that are there already. Must not be cancelled.
    pub(super) async fn take(&mut self, first: Event) {
        let mut changes = Changes::default();
        changes.note(first);
        for _ in 1..EVENTS_TOGETHER {
            match tokio::time::timeout(Duration::ZERO, self.events.next()).await {
                Ok(Some(event)) => changes.note(event),
                // An ended node is noticed by the next wait.
                Ok(None) | Err(_) => break,
            }
        }
        self.tell_changes(changes).await;
    }

    /// Does what the window asks.
    pub(super) async fn obey(&mut self, command: Command) {
        let (task, otherwise, result) = match command {
            Command::Read(chat, at) => (Task::Other, T::FailOther, self.page(chat, at).await),
            Command::Send { chat, text, reply_to } => {
                (Task::Send, T::FailSend, self.send(chat, &text, reply_to).await)
            }
            Command::KeepDraft { chat, text, reply_to } => {
                (Task::Other, T::FailOther, self.keep_draft(chat, text, reply_to).await)
            }
            Command::KeepDesk(chat) => (Task::Other, T::FailOther, self.keep_desk(chat).await),
            Command::SetFade(chat, fade) => (Task::Fade, T::FailOther, self.set_fade(chat, fade).await),
            Command::SetFadeDefault(fade) => {
                let set = self.node.set_disappearing_default(time_of(fade)).await;
                self.tell_me().await;
                (Task::Fade, T::FailOther, set)
            }
            Command::DeleteMessage(key) => {
                (Task::Erase, T::FailErase, self.node.delete_message(MessageId(key.0)).await)
            }
            Command::ClearChat(chat) => (Task::Erase, T::FailErase, self.clear(chat).await),
            Command::RemoveContact(chat) => {
                self.tell.say(Update::Began(Task::Erase)).await;
                (Task::Erase, T::FailErase, self.node.remove_contact(ContactId(chat.0)).await)
            }
            Command::ChangePassphrase { passphrase } => {
                self.tell.say(Update::Began(Task::Passphrase)).await;
                let changed = self.node.change_passphrase(passphrase.as_bytes()).await;
                (Task::Passphrase, T::FailPassphrase, changed)
            }
            Command::SetDuress { name, passphrase, destroys } => {
                self.tell.say(Update::Began(Task::Duress)).await;
                let set = self.node.set_duress(passphrase.as_bytes(), &name, destroys).await;
                if set.is_ok() {
                    self.notice(T::DuressIsSet, None, false).await;
                }
                (Task::Duress, T::FailDuress, set)
            }
            Command::RemoveDuress => {
                self.tell.say(Update::Began(Task::Duress)).await;
                let removed = self.node.remove_duress().await;
                if removed.is_ok() {
                    self.notice(T::DuressIsGone, None, false).await;
                }
                (Task::Duress, T::FailDuress, removed)
            }
            Command::RenameMe(name) => (Task::Rename, T::FailOther, self.rename_me(&name).await),
            Command::Compare(chat, text) => (Task::Other, T::FailNotYet, self.compare(chat, &text).await),
            Command::Seen(chat, place) => (Task::Other, T::FailOther, self.seen(chat, place).await),
            Command::Shown(chat, places) => (Task::Other, T::FailOther, self.note_shown(chat, &places).await),
            Command::Trail(key) => (Task::Other, T::FailOther, self.trail(key).await),
            Command::Invite => (Task::Invite, T::FailOther, self.invite().await),
            Command::Accept { text, name } => (Task::Accept, T::FailInvite, self.accept(&text, &name).await),
            Command::Rename(chat, name) => (Task::Rename, T::FailOther, self.rename(chat, &name).await),
            Command::Safety(chat) => (Task::Other, T::FailNotYet, self.safety(chat).await),
            Command::Verify(chat, yes) => (Task::Verify, T::FailNotYet, self.verify(chat, yes).await),
            Command::Suspect(chat) => (Task::Keys, T::FailKeys, self.suspect(chat).await),
            Command::CallBack => (Task::Keys, T::FailCallBack, self.call_back().await),
            Command::RelayAdd(text) => (Task::Relay, T::FailRelay, self.relay_add(&text).await),
            Command::RelayRemove(key) => (Task::Relay, T::FailRelay, self.relay_remove(key).await),
            Command::DrawWords { path, korean } => {
                self.tell
                    .say(match safe::draw_words(&path, korean).await {
                        Ok(words) => Update::Words(words),
                        Err(failure) => Update::Failed(Task::Backup, failure),
                    })
                    .await;
                return;
            }
            Command::BackUp { path, secret } => {
                self.tell.say(Update::Began(Task::Backup)).await;
                self.tell
                    .say(match safe::back_up(&self.node, &path, &secret, &self.backups).await {
                        Ok(()) => Update::Done(Task::Backup),
                        Err(failure) => Update::Failed(Task::Backup, failure),
                    })
                    .await;
                return;
            }
            Command::Find(chat, text) => {
                self.find(chat, text);
                return;
            }
            Command::Network => {
                self.look_again().await;
                return;
            }
            Command::LossTold => {
                // A node that has ended says it again at the next start.
                let _ = self.node.loss_told().await;
                return;
            }
            Command::Create { .. }
            | Command::Unlock { .. }
            | Command::Practice { .. }
            | Command::Restore { .. }
            | Command::Wipe
            | Command::Lock
            | Command::Take(..)
            | Command::Watch(_)
            | Command::ClearClipboard(_)
            | Command::Notify { .. }
            | Command::HideNotices
            | Command::Keep(_) => return,
        };
        match result {
            Ok(()) => self.tell.say(Update::Done(task)).await,
            Err(error) => self.tell.say(Update::Failed(task, failure(&error, otherwise))).await,
        }
    }

    fn chat_of(&self, conversation: ConversationId) -> Option<ChatId> {
        self.chats.iter().find(|(_, known)| known.conversation == Some(conversation)).map(|(id, _)| *id)
    }

    fn conversation(&self, chat: ChatId) -> Option<ConversationId> {
        self.chats.get(&chat).and_then(|known| known.conversation)
    }

    async fn page(&mut self, chat: ChatId, at: PageAt) -> Result<(), NodeError> {
        let unread = self.chats.get(&chat).is_some_and(|known| known.chat.unread > 0);
        let span = match at {
            PageAt::Unread if unread => Span::Unread,
            PageAt::Newest | PageAt::Unread => Span::Newest,
            PageAt::Before(place) => Span::Before(Place(place)),
            PageAt::After(place) => Span::After(Place(place)),
            PageAt::Around(place) => Span::Around(Place(place)),
            PageAt::Message(key) => Span::Message(MessageId(key.0)),
        };
        let read = match self.conversation(chat) {
            Some(conversation) => self.node.read(conversation, span, PAGE).await?,
            None => madang_core::Page::default(),
        };
        self.shown.insert(chat);
        let borders = !read.more || read.messages.first().is_some_and(|m| m.place <= read.read);
        let first_unread = read.messages.iter().find(|m| !m.mine && m.place > read.read);
        self.remember(&read.messages);
        let page = Page {
            at,
            messages: read.messages.iter().map(|m| self.message(m)).collect(),
            more_before: read.more,
            more_after: read.newer,
            first_unread: first_unread.filter(|_| unread && borders).map(|m| MessageKey(m.id.0)),
            newest: read.newest.0,
        };
        self.tell.say(Update::Page { chat, page }).await;
        Ok(())
    }

    async fn send(
        &mut self,
        chat: ChatId,
        text: &str,
        reply_to: Option<MessageKey>,
    ) -> Result<(), NodeError> {
        let conversation =
            self.conversation(chat).ok_or(NodeError::Command(madang_core::CommandError::NoConversation))?;
        self.node.send(conversation, text, reply_to.map(|key| MessageId(key.0))).await.map(drop)
    }

    async fn seen(&mut self, chat: ChatId, place: u64) -> Result<(), NodeError> {
        let Some(conversation) = self.conversation(chat) else { return Ok(()) };
        self.node.mark_read(conversation, Place(place), self.tell_read).await?;
        self.tell_chats(Some(&BTreeSet::from([conversation]))).await;
        Ok(())
    }

    async fn note_shown(&self, chat: ChatId, places: &[u64]) -> Result<(), NodeError> {
        let Some(conversation) = self.conversation(chat) else { return Ok(()) };
        self.node.shown(conversation, places.iter().copied().map(Place).collect()).await
    }

    async fn trail(&self, key: MessageKey) -> Result<(), NodeError> {
        let steps = self.node.trail(MessageId(key.0)).await?;
        let relays: BTreeMap<RelayNumber, String> =
            self.node.relays().await?.into_iter().map(|r| (r.number, label_of_relay(&r))).collect();
        let steps = steps.into_iter().map(|step| {
            let (kind, detail) = match step.step {
                Done::Written => (StepKind::Written, String::new()),
                Done::Sealed => (StepKind::Sealed, String::new()),
                Done::OnRelay(number) => {
                    (StepKind::OnRelay, relays.get(&RelayNumber(number)).cloned().unwrap_or_default())
                }
                Done::OnDevice => (StepKind::OnDevice, String::new()),
                Done::Delivered => (StepKind::Delivered, String::new()),
                Done::Read => (StepKind::Read, String::new()),
                Done::Refused => (StepKind::Refused, String::new()),
            };
            Step { kind, label_ms: step.label_ms, detail }
        });
        self.tell.say(Update::Trail(Trail { key, steps: steps.collect() })).await;
        Ok(())
    }

    async fn set_fade(&self, chat: ChatId, fade: Fade) -> Result<(), NodeError> {
        let Some(conversation) = self.conversation(chat) else { return Ok(()) };
        self.node.set_disappearing(conversation, time_of(fade)).await
    }

    async fn clear(&mut self, chat: ChatId) -> Result<(), NodeError> {
        let Some(conversation) = self.conversation(chat) else { return Ok(()) };
        self.tell.say(Update::Began(Task::Erase)).await;
        self.node.clear_conversation(conversation).await
    }

    async fn rename_me(&mut self, name: &str) -> Result<(), NodeError> {
        self.node.rename(name).await?;
        self.tell_me().await;
        self.notice(T::NameSaved, None, false).await;
        Ok(())
    }

    async fn compare(&self, chat: ChatId, text: &str) -> Result<(), NodeError> {
        let said = compared_of(self.node.safety_number(ContactId(chat.0)).await?.compare(text));
        self.tell.say(Update::Compared(chat, said)).await;
        Ok(())
    }

    async fn suspect(&mut self, chat: ChatId) -> Result<(), NodeError> {
        self.tell.say(Update::Began(Task::Keys)).await;
        self.node.suspect(ContactId(chat.0)).await?;
        if let Some(known) = self.chats.get_mut(&chat) {
            known.chat.renewing = true;
        }
        // Where their device has to help, it is said that the keys are on the way; otherwise that they are in use.
        self.tell_chats(Some(&BTreeSet::new())).await;
        if self.chats.get(&chat).is_some_and(|known| known.chat.renewing) {
            self.notice(T::NoticeRenewing, Some(ContactId(chat.0)), false).await;
        }
        Ok(())
    }

    async fn call_back(&mut self) -> Result<(), NodeError> {
        self.tell.say(Update::Began(Task::Keys)).await;
        self.node.call_back().await?;
        self.tell_me().await;
        Ok(())
    }

    async fn invite(&self) -> Result<(), NodeError> {
        self.tell.say(Update::Began(Task::Invite)).await;
        let text = self.node.invite(INVITE_DAYS).await?;
        self.tell.say(Update::Invite(text)).await;
        Ok(())
    }

    async fn accept(&mut self, invite: &str, name: &str) -> Result<(), NodeError> {
        self.tell.say(Update::Began(Task::Accept)).await;
        self.node.accept(invite, Some(name)).await?;
        self.tell_chats(Some(&BTreeSet::new())).await;
        Ok(())
    }

    async fn rename(&mut self, chat: ChatId, name: &str) -> Result<(), NodeError> {
        self.node.rename_contact(ContactId(chat.0), Some(name)).await?;
        self.tell_chats(Some(&BTreeSet::new())).await;
        self.tell
            .say(Update::Notice(Notice { sentence: T::NameSaved, parts: Vec::new(), trouble: false }))
            .await;
        Ok(())
    }

    async fn safety(&self, chat: ChatId) -> Result<(), NodeError> {
        let number = self.node.safety_number(ContactId(chat.0)).await?;
        let groups = number.groups().map(str::to_owned).collect();
        self.tell.say(Update::Safety(Safety { chat, groups, qr: number.to_qr_text() })).await;
        Ok(())
    }

    async fn verify(&mut self, chat: ChatId, verified: bool) -> Result<(), NodeError> {
        self.node.verify(ContactId(chat.0), verified).await?;
        self.tell_chats(Some(&BTreeSet::new())).await;
        Ok(())
    }

    async fn relay_add(&mut self, text: &str) -> Result<(), NodeError> {
        self.tell.say(Update::Began(Task::Relay)).await;
        self.node.relay_add(text).await?;
        self.tell_roads().await;
        self.tell
            .say(Update::Notice(Notice { sentence: T::RelayAdded, parts: Vec::new(), trouble: false }))
            .await;
        Ok(())
    }

    async fn relay_remove(&mut self, key: RelayKey) -> Result<(), NodeError> {
        self.node.relay_remove(RelayNumber(key.0)).await?;
        self.tell_roads().await;
        self.tell
            .say(Update::Notice(Notice { sentence: T::RelayRemoved, parts: Vec::new(), trouble: false }))
            .await;
        Ok(())
    }

    /// Reads the own addresses and the roads again.
    pub(super) async fn look_again(&mut self) {
        self.tell_me().await;
        self.tell_roads().await;
    }

    async fn tell_me(&mut self) {
        let node = &self.node;
        let asked = tokio::join!(node.whoami(), node.addresses(), node.disappearing_default());
        if let (Ok(whoami), Ok(addresses), fade) = asked {
            let addresses = addresses.iter().map(ToString::to_string).collect();
            let fade = fade_of(fade.ok().flatten());
            let me = me_of(&whoami, addresses, fade);
            if self.told_me.as_ref() != Some(&me) {
                self.told_me = Some(me.clone());
                self.tell.say(Update::Me(me)).await;
            }
        }
    }

    /// Reads contacts again, and the last lines of `lines` or of all chats.
    async fn tell_chats(&mut self, lines: Option<&BTreeSet<ConversationId>>) {
        let Ok(contacts) = self.node.contacts().await else { return };
        let there: BTreeSet<ChatId> = contacts.iter().map(|c| ChatId(c.id.0)).collect();
        self.chats.retain(|id, _| there.contains(id));
        let mut renewed = Vec::new();
        let mut wanted = BTreeMap::new();
        for contact in contacts {
            let id = ChatId(contact.id.0);
            let before = self.chats.remove(&id);
            let new = before.as_ref().is_none_or(|known| known.conversation != contact.conversation);
            let was_renewing = before.as_ref().is_some_and(|known| known.chat.renewing);
            let chat = chat_of(&contact, before.map(|known| known.chat));
            if was_renewing && !chat.renewing && chat.is_live() {
                renewed.push(contact.id);
            }
            let told =
                |conversation: &ConversationId| new || lines.is_none_or(|lines| lines.contains(conversation));
            wanted.extend(contact.conversation.filter(told).map(|conversation| (conversation, id)));
            self.chats.insert(id, Known { chat, conversation: contact.conversation });
        }
        self.glance(&wanted).await;
        let chats = self.chats.values().map(|known| known.chat.clone()).collect();
        self.tell.say(Update::Chats(chats)).await;
        for contact in renewed {
            self.notice(T::NoticeRenewed, Some(contact), false).await;
        }
    }

    /// Reads the last lines of chats, all in one question.
    async fn glance(&mut self, wanted: &BTreeMap<ConversationId, ChatId>) {
        if wanted.is_empty() {
            return;
        }
        let Ok(glances) = self.node.glances(wanted.keys().copied().collect()).await else { return };
        for Glance { conversation, unread, newest, disappears_after } in glances {
            let known = wanted.get(&conversation).and_then(|id| self.chats.get_mut(id));
            let Some(Known { chat, .. }) = known else { continue };
            chat.fade = fade_of(disappears_after);
            chat.unread = unread;
            chat.last = newest.as_ref().map(last_of);
            chat.order = newest.and_then(|m| m.label_ms).unwrap_or(0);
        }
    }

    async fn tell_roads(&mut self) {
        let Ok(relays) = self.node.relays().await else { return };
        let links = self.chats.values().filter(|known| known.chat.linked).count();
        let links = u32::try_from(links).unwrap_or(u32::MAX);
        let relays = relays.into_iter().filter(|r| r.home).map(|r| Relay {
            key: RelayKey(r.number.0),
            label: label_of_relay(&r),
            connected: r.up,
            steady: r.steady.map(|steady| i18n::whole(steady.as_secs()).into()),
            waiting: r.waiting,
            takes: takes_of(r.takes),
            home: r.home,
        });
        let roads = Roads { links, relays: relays.collect() };
        if self.told_roads.as_ref() != Some(&roads) {
            self.told_roads = Some(roads.clone());
            self.tell.say(Update::Roads(roads)).await;
        }
    }

    async fn notice(&self, sentence: T, contact: Option<ContactId>, trouble: bool) {
        let name = contact.and_then(|id| self.chats.get(&ChatId(id.0))).map(|known| known.chat.name.clone());
        self.tell.say(Update::Notice(Notice { sentence, parts: name.into_iter().collect(), trouble })).await;
    }

    fn remember(&mut self, messages: &[Kept]) {
        if self.quotes.len() + messages.len() > QUOTES_MAX {
            self.quotes.clear();
        }
        for message in messages {
            self.quotes.insert(message.id, (message.mine, quote_of(message)));
        }
    }

    fn message(&self, kept: &Kept) -> Message {
        let reply = kept.reply_to.map(|id| {
            let (mine, text) = self.quotes.get(&id).cloned().unwrap_or_default();
            Quote { key: MessageKey(id.0), mine, text }
        });
        message_of(kept, reply)
    }
}
