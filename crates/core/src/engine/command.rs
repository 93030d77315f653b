//! What people and programs ask of the engine, and what they are answered.

use std::time::Duration;

use proto::id::{Address, Moment, Party};
use proto::invite::InviteError;
use proto::router::MailboxId;
use proto::store::StoreError;
use unicode_normalization::UnicodeNormalization;

use super::{Engine, Output, Turn};
use crate::contact::Contact;
use crate::content::{Body, ConversationId, Item, MessageId, NAME_BYTES_MAX, TEXT_BYTES_MAX};
#[cfg(doc)]
use crate::content::{FADE_SECONDS_MAX, FADE_SECONDS_MIN};
use crate::conversation::{self, Page, Span, decode};
use crate::draft::{self, DESK_BYTES_MAX, DRAFT_BYTES_MAX, Draft};
use crate::event::{ContactId, Event, Place, RelayNumber, Trail, TrailStep};
use crate::glance::Glance;
use crate::tables;

/// The most messages in one page.
pub(super) const PAGE_MESSAGES_MAX: usize = 1_000;

/// What can be asked.
#[derive(Clone, Debug)]
pub enum Command {
    /// Who this profile is.
    Whoami,
    /// What this profile calls itself; contacts are told.
    Rename(String),
    /// A fresh invite.
    Invite {
        /// Days for which its bundle is good, counted in uptime.
        expiry_days: u16,
    },
    /// Takes up an invite; `name` is the own name for whoever gave it.
    Accept {
        /// The invite as it was given.
        text: String,
        /// The own name.
        name: Option<String>,
    },
    /// All contacts.
    Contacts,
    /// An own name for a contact; none takes it away.
    RenameContact(ContactId, Option<String>),
    /// The number to compare with a contact.
    SafetyNumber(ContactId),
    /// Whether the numbers were equal.
    Verify(ContactId, bool),
    /// The keys that this contact was given may be known to somebody else: they are burnt and new ones made at once. If no
    /// answer in new keys comes for a day of use, this device begins anew with the contact, as after a restored backup.
    Suspect(ContactId),
    /// This device counts no longer, says its account: whoever knows it is told and closes the conversation. Final.
    CallBack,
    /// A text for a conversation.
    Send {
        /// Which conversation.
        conversation: ConversationId,
        /// What to say.
        text: String,
        /// The message that it answers.
        reply_to: Option<MessageId>,
    },
    /// Messages of a part of a conversation.
    History {
        /// Which conversation.
        conversation: ConversationId,
        /// Which part.
        span: Span,
        /// At most so many.
        limit: usize,
    },
    /// All that is known of an own message's way.
    Trail(MessageId),
    /// How conversations stand. One that is not there is left out.
    Glances(Vec<ConversationId>),
    /// The conversation was read up to a place; tells the other side if asked to. Unread stays at most what the other
    /// side wrote after it. Begins no count: what is to disappear was not shown by that ([`Command::Shown`]).
    MarkRead {
        /// Which conversation.
        conversation: ConversationId,
        /// The newest message that was shown.
        place: Place,
        /// Whether the other side is told.
        tell: bool,
    },
    /// A text that is being written, in place of the one before; an empty one is forgotten.
    KeepDraft(Draft),
    /// All texts that are being written.
    Drafts,
    /// How the interface was left: bytes of its own, at most [`DESK_BYTES_MAX`].
    KeepDesk(Vec<u8>),
    /// What was kept by [`Command::KeepDesk`].
    Desk,
    /// The person was told of the losses that were found so far: they are not told again.
    LossTold,
    /// What is written in a conversation from now on disappears so long after it was shown, or stays; told in it, to
    /// both sides. Whole seconds, [`FADE_SECONDS_MIN`] to [`FADE_SECONDS_MAX`].
    SetDisappearing(ConversationId, Option<Duration>),
    /// After how long what is written in a conversation now disappears.
    Disappearing(ConversationId),
    /// What is chosen for every new conversation when it begins; none leaves it unsaid.
    SetDisappearingDefault(Option<Duration>),
    /// What was kept by [`Command::SetDisappearingDefault`].
    DisappearingDefault,
    /// What the other side wrote at these places was shown: what of it is to disappear begins to. Each by itself, for
    /// between two that were shown another may have come.
    Shown(ConversationId, Vec<Place>),
    /// Deletes a message here; what was not received yet is withdrawn where that is possible.
    DeleteMessage(MessageId),
    /// Deletes a conversation's history here; asked again while [`Answer::Erased`] says that more is left.
    ClearConversation(ConversationId),
    /// Removes a contact with history and keys; asked again while [`Answer::Erased`] says that more is left.
    RemoveContact(ContactId),
    /// A relay by its descriptor text; mail for this profile is left there from now on.
    RelayAdd(String),
    /// A relay by where it is; whoever answers there first is believed to be it, and noted.
    RelayAddAt(Vec<Address>),
    /// All relays.
    Relays,
    /// Mail is no longer left there.
    RelayRemove(RelayNumber),
    /// Dials a device at an address, once, for a direct link.
    Dial(Address),
}

/// Who a profile is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Whoami {
    /// The account.
    pub account: crypto::identity::AccountId,
    /// What it calls itself.
    pub name: String,
    /// This device was called back: nobody takes anything from it, and nothing can be written.
    pub called_back: bool,
}

/// A relay as this profile knows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RelayInfo {
    /// Its number in this profile.
    pub number: RelayNumber,
    /// The hash over its keys, once known.
    pub id: Option<[u8; 16]>,
    /// Where it was said to be.
    pub addresses: Vec<String>,
    /// Whether it can be spoken to now.
    pub up: bool,
    /// Whether mail for this profile is left there.
    pub home: bool,
    /// How long it has been up, or down since it was up last; nothing if it was not up since the profile was opened.
    pub steady: Option<Duration>,
    /// Own envelopes that are to be left there and are not yet, as far as it has said.
    pub waiting: usize,
    /// What it takes for now, as it said itself.
    pub takes: Takes,
}

/// What a relay takes for now, as far as it has said.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Takes {
    /// It has not said that there is anything that it does not take.
    #[default]
    All,
    /// It is full, but for what makes room, such as receipts.
    MakingRoom,
    /// It is full.
    Nothing,
    /// It asks to wait, or to be paid with work.
    Later,
}

/// What is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It is done.
    Done,
    /// To [`Command::Whoami`].
    Whoami(Whoami),
    /// To [`Command::Invite`]: the text to hand over, by any road that is trusted with a secret.
    Invite(String),
    /// To [`Command::Accept`].
    Contact(ContactId),
    /// To [`Command::Contacts`].
    Contacts(Vec<Contact>),
    /// To [`Command::SafetyNumber`].
    SafetyNumber(crypto::safety::SafetyNumber),
    /// To [`Command::Send`]: the message is kept.
    Sent(MessageId),
    /// To [`Command::History`].
    Page(Page),
    /// To [`Command::Trail`].
    Trail(Vec<TrailStep>),
    /// To [`Command::Glances`], in the order in which they were asked for.
    Glances(Vec<Glance>),
    /// To [`Command::Drafts`].
    Drafts(Vec<Draft>),
    /// To [`Command::Desk`]: what was kept, or nothing.
    Desk(Vec<u8>),
    /// To [`Command::Disappearing`] and [`Command::DisappearingDefault`].
    Disappearing(Option<Duration>),
    /// To [`Command::ClearConversation`] and [`Command::RemoveContact`].
    Erased {
        /// Whether more is left: ask again.
        more: bool,
    },
    /// To [`Command::RelayAdd`].
    Relay(RelayNumber),
    /// To [`Command::Relays`].
    Relays(Vec<RelayInfo>),
}

/// Why a command changed nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CommandError {
    /// The invite text is no invite.
    #[error(transparent)]
    Invite(InviteError),
    /// The invite was made by this very profile.
    #[error("this is your own invite: give it to the person you want to talk to")]
    OwnInvite,
    /// Its maker is a contact already.
    #[error("you have this person as a contact already")]
    AlreadyContact,
    /// A device of its maker's account was called back, and the account with it.
    #[error(
        "this person has called back the device you knew, and whoever has it can make invites in their name: \
         ask them for an invite of a new profile, and compare safety numbers"
    )]
    ContactCalledBack,
    /// No such contact.
    #[error("there is no such contact: list the contacts and use a number shown there")]
    NoContact,
    /// No such conversation.
    #[error("there is no such conversation")]
    NoConversation,
    /// No such message.
    #[error("there is no such message of yours")]
    NoMessage,
    /// The time after which messages are to disappear is out of range.
    #[error("messages can disappear after 5 seconds to 365 days")]
    DisappearingOutOfRange,
    /// The message is not here.
    #[error("there is no such message here: it was deleted, or never came")]
    MessageGone,
    /// No such relay.
    #[error("there is no such relay: list the relays and use a number shown there")]
    NoRelay,
    /// The profile has a relay that has never answered: an invite would lead nowhere.
    #[error("your relay has not been reached yet: wait until it is connected, or remove it")]
    RelayNotReached,
    /// The text names no relay.
    #[error("this is neither a relay's descriptor nor an address: {0}")]
    Relay(String),
    /// Too many relays.
    #[error("the profile knows as many relays as it can hold: remove one first")]
    RelaysFull,
    /// The text is empty.
    #[error("an empty message is not sent")]
    EmptyText,
    /// The text is too long.
    #[error("the message has {0} bytes; at most {TEXT_BYTES_MAX} can be sent: split it")]
    TextTooLong(usize),
    /// The desk is too large.
    #[error("an interface may keep at most {DESK_BYTES_MAX} bytes about how it was left")]
    DeskTooLarge,
    /// The draft is too long.
    #[error("the draft has {0} bytes; at most {DRAFT_BYTES_MAX} are kept")]
    DraftTooLong(usize),
    /// The contact's account is not known yet.
    #[error("their keys are not here yet: the safety number appears once the invite is answered")]
    NotYet,
    /// This device was called back.
    #[error(
        "this device was called back, so nobody takes anything from it: make a new profile, and meet people anew"
    )]
    CalledBack,
    /// The days are out of range.
    #[error("an invite can be good for 1 to 365 days")]
    ExpiryOutOfRange,
}

impl Engine {
    pub(super) fn command(
        &mut self,
        command: Command,
        turn: &mut Turn<'_, '_>,
    ) -> Result<Result<Answer, CommandError>, StoreError> {
        Ok(match command {
            Command::Send { .. }
            | Command::Invite { .. }
            | Command::Accept { .. }
            | Command::Rename(_)
            | Command::SetDisappearing(..)
            | Command::Suspect(_)
                if !self.counts() =>
            {
                Err(CommandError::CalledBack)
            }
            Command::Whoami => Ok(Answer::Whoami(Whoami {
                account: self.me.account_id(),
                name: self.name.clone(),
                called_back: !self.counts(),
            })),
            Command::Rename(name) => {
                self.name = clean_name(&name);
                turn.overlay.put(&tables::ME, b"", super::ME_NAME, self.name.clone().into_bytes());
                let item = Item::Name(self.name.clone());
                let parties: Vec<Party> = self.pairs.keys().copied().collect();
                parties.into_iter().try_for_each(|party| self.queue_item(party, &item, turn))?;
                Ok(Answer::Done)
            }
            Command::Invite { expiry_days } if !(1..=365).contains(&expiry_days) => {
                Err(CommandError::ExpiryOutOfRange)
            }
            Command::Invite { expiry_days } => {
                let answer = self.invite(expiry_days, turn)?.map(Answer::Invite);
                self.refresh_links(turn);
                answer
            }
            Command::Accept { text, name } => {
                self.accept_invite(&text, name.as_deref(), turn)?.map(Answer::Contact)
            }
            Command::Contacts => Ok(Answer::Contacts(self.contact_list())),
            Command::RenameContact(id, name) => self.with_contact(id, turn, |contact| {
                contact.own_name = name.as_deref().map(clean_name).filter(|n| !n.is_empty());
            }),
            Command::SafetyNumber(id) => self.safety_number(id).map(Answer::SafetyNumber),
            Command::Verify(id, verified) => match self.safety_number(id) {
                Ok(_) => self.with_contact(id, turn, |contact| contact.verified = verified),
                Err(error) => Err(error),
            },
            Command::Suspect(id) if !self.pairs.contains_key(&Party(id.0)) => Err(CommandError::NoContact),
            // Who has not answered yet has left nothing to begin anew with.
            Command::Suspect(id) if !self.is_live(Party(id.0)) => Err(CommandError::NotYet),
            Command::Suspect(id) => {
                self.suspect(Party(id.0));
                self.await_answer(Party(id.0), turn);
                Ok(Answer::Done)
            }
            Command::CallBack => {
                self.call_back_device(turn)?;
                Ok(Answer::Done)
            }
            Command::Send { conversation, text, reply_to } => {
                self.send(conversation, &text, reply_to, turn)?
            }
            Command::History { conversation, span, limit } => match self.by_conversation.get(&conversation) {
                Some(number) => {
                    let limit = limit.min(PAGE_MESSAGES_MAX);
                    Ok(Answer::Page(self.conversations[number].read(*number, span, limit, turn.overlay)?))
                }
                None => Err(CommandError::NoConversation),
            },
            Command::Trail(id) => self.trail(&id, turn)?,
            Command::Glances(wanted) => {
                let there = wanted.iter().filter_map(|id| self.by_conversation.get(id));
                let look = |number: &u32| Glance::at(*number, &self.conversations[number], turn.overlay);
                Ok(Answer::Glances(there.map(look).collect::<Result<_, _>>()?))
            }
            Command::MarkRead { conversation, place, tell } => {
                self.mark_read(conversation, place, tell && self.counts(), turn)?
            }
            Command::KeepDraft(draft) => self.keep_draft(&draft, turn),
            Command::Drafts => {
                let name = |number| self.conversations.get(&number).map(|c| c.id);
                Ok(Answer::Drafts(draft::all(name, turn.overlay)?))
            }
            Command::KeepDesk(bytes) if bytes.len() > DESK_BYTES_MAX => Err(CommandError::DeskTooLarge),
            Command::KeepDesk(bytes) => {
                turn.overlay.put(&tables::DESK, b"", 0, bytes);
                Ok(Answer::Done)
            }
            Command::Desk => Ok(Answer::Desk(turn.overlay.get(&tables::DESK, b"", 0)?.unwrap_or_default())),
            Command::LossTold => {
                if turn.overlay.get(&tables::ME, b"", super::ME_UNTOLD)?.is_some() {
                    turn.overlay.delete(&tables::ME, b"", super::ME_UNTOLD);
                }
                Ok(Answer::Done)
            }
            Command::SetDisappearing(id, after) => self.set_disappearing(id, after, turn)?,
            Command::Disappearing(id) => self.disappearing(id),
            Command::SetDisappearingDefault(after) => self.set_disappearing_default(after, turn),
            Command::DisappearingDefault => Ok(Answer::Disappearing(self.disappearing_default())),
            Command::Shown(id, places) => self.shown(id, places, turn),
            Command::DeleteMessage(id) => self.delete_message(&id, turn)?,
            Command::ClearConversation(id) => self.clear_conversation(id, turn)?,
            Command::RemoveContact(id) => self.remove_contact(id, turn)?,
            Command::RelayAdd(text) => match proto::descriptor::RelayDescriptor::parse_text(text.trim()) {
                Ok(descriptor) => {
                    let added = self.relay_add(Some(&descriptor), &[], turn)?;
                    added.map(|number| Answer::Relay(RelayNumber(number.0)))
                }
                Err(error) => Err(CommandError::Relay(error.to_string())),
            },
            Command::RelayAddAt(addresses) => {
                let added = self.relay_add(None, &addresses, turn)?;
                added.map(|number| Answer::Relay(RelayNumber(number.0)))
            }
            Command::Relays => Ok(Answer::Relays(self.relay_list(turn.now.moment))),
            Command::RelayRemove(number) => {
                let known = self.relays.contains_key(&MailboxId(number.0));
                self.remove_relay(MailboxId(number.0), turn)?;
                if known { Ok(Answer::Done) } else { Err(CommandError::NoRelay) }
            }
            Command::Dial(address) => {
                self.outputs.push(Output::Dial(address));
                Ok(Answer::Done)
            }
        })
    }

    fn with_contact(
        &mut self,
        id: ContactId,
        turn: &mut Turn<'_, '_>,
        change: impl FnOnce(&mut crate::contact::ContactRecord),
    ) -> Result<Answer, CommandError> {
        let party = Party(id.0);
        change(self.contacts.get_mut(&party).ok_or(CommandError::NoContact)?);
        self.put_contact(party, turn);
        self.event(Event::ContactChanged(id));
        Ok(Answer::Done)
    }

    fn contact_list(&self) -> Vec<Contact> {
        let as_seen = |(party, record): (&Party, &crate::contact::ContactRecord)| {
            let conversation = record.conversation.and_then(|n| self.conversations.get(&n)).map(|c| c.id);
            Contact {
                id: Self::contact_id(*party),
                name: record.own_name.clone().unwrap_or_else(|| record.their_name.clone()),
                their_name: record.their_name.clone(),
                account: account(&record.account),
                verified: record.verified,
                state: record.state,
                conversation,
                linked: self.is_linked(*party),
                relays: record.mailboxes.len(),
                renewing: self.pairs.get(party).is_some_and(|pair| pair.keys().is_hasty),
            }
        };
        self.contacts.iter().map(as_seen).collect()
    }

    fn safety_number(&self, id: ContactId) -> Result<crypto::safety::SafetyNumber, CommandError> {
        let contact = self.contacts.get(&Party(id.0)).ok_or(CommandError::NoContact)?;
        contact.cert.as_ref().ok_or(CommandError::NotYet)?;
        let theirs = account(&contact.account).ok_or(CommandError::NotYet)?;
        Ok(crypto::safety::safety_number(&self.me.account_id(), &theirs))
    }

    fn send(
        &mut self,
        conversation: ConversationId,
        text: &str,
        reply_to: Option<MessageId>,
        turn: &mut Turn<'_, '_>,
    ) -> Result<Result<Answer, CommandError>, StoreError> {
        let Some(number) = self.by_conversation.get(&conversation).copied() else {
            return Ok(Err(CommandError::NoConversation));
        };
        let text: String = text.nfc().collect();
        if text.trim().is_empty() {
            return Ok(Err(CommandError::EmptyText));
        }
        if text.len() > TEXT_BYTES_MAX {
            return Ok(Err(CommandError::TextTooLong(text.len())));
        }
        draft::sent(number, &text, turn.overlay)?;
        let fade = self.conversations.get(&number).and_then(|conversation| conversation.fade);
        self.write_message(number, Body::Text { text, reply_to, fade }, turn).map(|id| Ok(Answer::Sent(id)))
    }

    fn keep_draft(&self, draft: &Draft, turn: &mut Turn<'_, '_>) -> Result<Answer, CommandError> {
        let number = self.by_conversation.get(&draft.conversation).ok_or(CommandError::NoConversation)?;
        if draft.text.len() > DRAFT_BYTES_MAX {
            return Err(CommandError::DraftTooLong(draft.text.len()));
        }
        draft::keep(*number, &draft.text, draft.reply_to, turn.overlay);
        Ok(Answer::Done)
    }

    fn trail(
        &self,
        id: &MessageId,
        turn: &mut Turn<'_, '_>,
    ) -> Result<Result<Answer, CommandError>, StoreError> {
        let Some((number, place)) = conversation::find(id, turn.overlay)? else {
            return Ok(Err(CommandError::NoMessage));
        };
        match turn.overlay.get(&tables::TRAIL, &tables::name(number), place.0)? {
            Some(bytes) => Ok(Ok(Answer::Trail(decode::<Trail>(&bytes)?.steps))),
            None => Ok(Err(CommandError::NoMessage)),
        }
    }

    fn mark_read(
        &mut self,
        id: ConversationId,
        place: Place,
        tell: bool,
        turn: &mut Turn<'_, '_>,
    ) -> Result<Result<Answer, CommandError>, StoreError> {
        let Some(number) = self.by_conversation.get(&id).copied() else {
            return Ok(Err(CommandError::NoConversation));
        };
        let place = place.min(Place(self.conversations.get(&number).ok_or(crate::CORRUPT)?.last_place));
        let left = self.unread_after(number, place, turn)?;
        let Some(conversation) = self.conversations.get_mut(&number) else { return Err(crate::CORRUPT) };
        let further = place.0 > conversation.read_place;
        if !further && left == conversation.unread {
            return Ok(Ok(Answer::Done));
        }
        let party = Party(conversation.party);
        if further {
            conversation.seen_up_to(place);
        }
        conversation.unread = left;
        self.dirty_conversations.insert(number);
        if !further {
            return Ok(Ok(Answer::Done));
        }
        if tell && self.pairs.contains_key(&party) {
            let upto = Span::Before(Place(place.0.saturating_add(1)));
            let newest = self.conversations[&number].read(number, upto, 16, turn.overlay)?;
            if let Some(message) = newest.messages.iter().rev().find(|m| !m.mine) {
                self.queue_item(party, &Item::Read(id, message.id), turn)?;
            }
        }
        Ok(Ok(Answer::Done))
    }

    /// How much stays unread once everything up to a place is read: of what was unread, at most what stands after it.
    fn unread_after(&self, number: u32, place: Place, turn: &Turn<'_, '_>) -> Result<u32, StoreError> {
        let conversation = self.conversations.get(&number).ok_or(crate::CORRUPT)?;
        if conversation.unread == 0 {
            return Ok(0);
        }
        let after = conversation.read(number, Span::After(place), PAGE_MESSAGES_MAX, turn.overlay)?;
        let theirs = after.messages.iter().filter(|message| !message.mine).count();
        // What stands beyond a page is not counted.
        let at_most = if after.newer { u32::MAX } else { u32::try_from(theirs).unwrap_or(u32::MAX) };
        Ok(conversation.unread.min(at_most))
    }

    fn relay_list(&self, now: Moment) -> Vec<RelayInfo> {
        let as_seen = |(number, relay): (&MailboxId, &super::Relay)| RelayInfo {
            number: RelayNumber(number.0),
            id: relay.record().id,
            addresses: relay.record().addresses.clone(),
            up: relay.is_up(),
            home: relay.is_home(),
            steady: relay.changed().map(|at| now.since(at)),
            waiting: self.router.waiting_at(*number),
            takes: relay.takes(now),
        };
        self.relays.iter().map(as_seen).collect()
    }
}

fn account(bytes: &[u8]) -> Option<crypto::identity::AccountId> {
    bytes.try_into().ok().map(crypto::identity::AccountId::new)
}

/// Returns a name as it is kept: composed, without control or direction marks, on one line, cut to its limit.
pub(super) fn clean_name(name: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let composed: String = name.nfc().filter(|c| !hidden(*c)).collect();
    let mut clean = composed.trim().to_owned();
    while clean.len() > NAME_BYTES_MAX {
        clean.pop();
    }
    clean
}
