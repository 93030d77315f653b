//! Taking away: a message, a history, a contact. All of it happens on this device alone.
//!
//! What is deleted leaves its table, and the store destroys the keys that the leaf rules of the tables name. What
//! order needs of a deleted message stays: its id and its place. So a later message that names it as a cause is put
//! where it belongs, and a second copy that comes late is known for one and stays away.

use std::collections::BTreeSet;

use crypto::invite::ANSWER_SLOTS;
use proto::id::{Party, Tag};
use proto::store::{Direction, StoreError};

use super::command::{Answer, CommandError};
use super::send::Sent;
use super::{Engine, Turn};
use crate::content::{Content, ConversationId, MessageId};
use crate::conversation;
use crate::event::{ContactId, Delivery, Event, Place, Trail};
use crate::pair::{OPENING, SlotId};
use crate::tables;

/// Messages deleted in one turn: a few megabytes of a batch that may have 64.
const ERASE_MESSAGES_MAX: usize = 20_000;
/// The newest messages of a cleared history whose ids and places stay: what is on its way may name them as causes.
const CAUSES_KEPT: usize = 512;

/// What a command comes to.
type Told = Result<Result<Answer, CommandError>, StoreError>;

impl Engine {
    pub(super) fn delete_message(&mut self, id: &MessageId, turn: &mut Turn<'_, '_>) -> Told {
        let found = conversation::find(id, turn.overlay)?;
        let Some((number, place)) = found else { return Ok(Err(CommandError::MessageGone)) };
        let messages = self.erase(number, &[place], turn)?;
        let Some(conversation) = self.conversations.get(&number).filter(|_| !messages.is_empty()) else {
            return Ok(Err(CommandError::MessageGone));
        };
        self.event(Event::Erased { conversation: conversation.id, messages });
        Ok(Ok(Answer::Done))
    }

    pub(super) fn clear_conversation(&mut self, id: ConversationId, turn: &mut Turn<'_, '_>) -> Told {
        let Some(number) = self.by_conversation.get(&id).copied() else {
            return Ok(Err(CommandError::NoConversation));
        };
        let more = self.clear(number, CAUSES_KEPT, turn)?;
        if !more {
            self.event(Event::Cleared(id));
        }
        Ok(Ok(Answer::Erased { more }))
    }

    pub(super) fn remove_contact(&mut self, id: ContactId, turn: &mut Turn<'_, '_>) -> Told {
        let party = Party(id.0);
        let Some(contact) = self.contacts.get(&party) else { return Ok(Err(CommandError::NoContact)) };
        // Another contact may have taken the conversation over; then it is theirs.
        let is_theirs = |number: &u32| self.conversations.get(number).is_some_and(|c| c.party == party.0);
        if let Some(number) = contact.conversation.filter(is_theirs) {
            if self.clear(number, 0, turn)? {
                return Ok(Ok(Answer::Erased { more: true }));
            }
            if let Some(conversation) = self.conversations.remove(&number) {
                self.by_conversation.remove(&conversation.id);
            }
            self.dirty_conversations.remove(&number);
            turn.overlay.delete(&tables::CONVERSATION, b"", number.into());
        }
        self.abandon(party, turn)?;
        self.forget_invite(party, turn);
        self.event(Event::ContactRemoved(id));
        self.hear_unheard(turn)?;
        Ok(Ok(Answer::Erased { more: false }))
    }

    /// Deletes messages that are here. What order needs of them stays. Returns which ones it were.
    pub(super) fn erase(
        &mut self,
        number: u32,
        places: &[Place],
        turn: &mut Turn<'_, '_>,
    ) -> Result<Vec<MessageId>, StoreError> {
        let name = tables::name(number);
        let (mut ids, mut unsent, mut theirs) = (Vec::new(), BTreeSet::new(), 0);
        for place in places {
            let Some(record) = conversation::record_at(number, *place, turn.overlay)? else { continue };
            let id = Content::id(&record.content);
            if !record.mine {
                theirs += u32::from(self.is_unread(number, *place));
            } else if self.delivery_at(number, *place, turn)? < Delivery::Delivered {
                unsent.insert(*place);
            }
            turn.overlay.delete(&tables::MESSAGE, &name, place.0);
            turn.overlay.delete(&tables::TRAIL, &name, place.0);
            self.forget_fading(number, *place, turn);
            turn.overlay.put(&tables::GONE, &name, place.0, id.0.to_vec());
            self.has_erased = true;
            ids.push(id);
        }
        if let Some(conversation) = self.conversations.get_mut(&number) {
            conversation.unread = conversation.unread.saturating_sub(theirs);
            self.dirty_conversations.insert(number);
        }
        self.withdraw(number, &unsent, turn)?;
        Ok(ids)
    }

    fn is_unread(&self, number: u32, place: Place) -> bool {
        self.conversations.get(&number).is_some_and(|conversation| place.0 > conversation.read_place)
    }

    fn delivery_at(&self, number: u32, place: Place, turn: &Turn<'_, '_>) -> Result<Delivery, StoreError> {
        let trail = turn.overlay.get(&tables::TRAIL, &tables::name(number), place.0)?;
        let trail: Option<Trail> = trail.map(|bytes| conversation::decode(&bytes)).transpose()?;
        Ok(trail.unwrap_or_default().delivery())
    }

    /// Takes own messages back that are not known to have been received: what waits is not sent, and what is under
    /// way is withdrawn and replaced by nothing. It may still have been faster.
    fn withdraw(
        &mut self,
        number: u32,
        places: &BTreeSet<Place>,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let party = self.conversations.get(&number).map(|conversation| Party(conversation.party));
        let Some(party) = party.filter(|party| !places.is_empty() && self.pairs.contains_key(party)) else {
            return Ok(());
        };
        let name = tables::name(party.0);
        let mut sequences = BTreeSet::new();
        super::each(&tables::SENT, &name, turn.overlay, |sequence, bytes| {
            if matches!(Sent::decode(bytes)?, Sent::Message(at, place) if at == number && places.contains(&place))
            {
                sequences.insert(sequence);
            }
            Ok(())
        })?;
        for sequence in &sequences {
            turn.overlay.put(&tables::SENT, &name, *sequence, Sent::Withdrawn.encode());
        }
        let Some(pair) = self.pairs.get(&party) else { return Ok(()) };
        let carries = |items: std::ops::Range<u64>| sequences.range(items).next().is_some();
        let under_way =
            pair.flights.iter().filter(|(at, flight)| at.slot != OPENING && carries(flight.items()));
        let slots: Vec<SlotId> = under_way.map(|(at, _)| *at).collect();
        for at in slots {
            if self.pairs.get(&party).is_none_or(|pair| pair.room_for_items() == 0) {
                break;
            }
            self.reseal(party, at, turn)?;
        }
        self.dirty.insert(party);
        Ok(())
    }

    /// Deletes the oldest messages of a history, as many as one turn takes, and keeps what order needs of the last
    /// `kept`. Returns whether more are left.
    fn clear(&mut self, number: u32, kept: usize, turn: &mut Turn<'_, '_>) -> Result<bool, StoreError> {
        let name = tables::name(number);
        let keep_from = self.last_places(number, kept, turn)?.first().copied();
        let oldest = turn.overlay.orders(&tables::MESSAGE, &name, 0, ERASE_MESSAGES_MAX)?;
        let more = oldest.len() == ERASE_MESSAGES_MAX;
        let places: Vec<Place> = oldest.into_iter().map(Place).collect();
        self.erase(number, &places, turn)?;
        self.forget_causes(number, keep_from, turn)?;
        if let Some(conversation) = self.conversations.get_mut(&number).filter(|_| !more) {
            conversation.unread = 0;
            conversation.forget_gaps();
            turn.overlay.delete(&tables::DRAFT, b"", number.into());
        }
        Ok(more)
    }

    /// Returns the last `count` places where a message stands or stood, in order.
    fn last_places(&self, number: u32, count: usize, turn: &Turn<'_, '_>) -> Result<Vec<u64>, StoreError> {
        let mut places = Vec::new();
        for table in [&tables::MESSAGE, &tables::GONE] {
            let (name, all) = (tables::name(number), 0..=u64::MAX);
            let last = turn.overlay.range(table, &name, all, Direction::Descending, count)?;
            places.extend(last.into_iter().map(|(place, _)| place));
        }
        places.sort_unstable();
        places.drain(..places.len().saturating_sub(count));
        Ok(places)
    }

    /// Forgets even the ids of deleted messages that nothing on its way can name any more.
    fn forget_causes(
        &mut self,
        number: u32,
        keep_from: Option<u64>,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let name = tables::name(number);
        let named = self.conversations.get(&number).map(|c| {
            let (last, choice) = (c.my_last, c.fade_chosen.map(|(_, id)| id));
            c.heads.iter().copied().chain(last).chain(choice).collect::<Vec<_>>()
        });
        let named = named.unwrap_or_default();
        let mut old = Vec::new();
        super::each(&tables::GONE, &name, turn.overlay, |place, bytes| {
            let id = MessageId(bytes.try_into().map_err(|_| crate::CORRUPT)?);
            if !keep_from.is_some_and(|from| place >= from || named.contains(&id)) {
                old.push((place, id));
            }
            Ok(())
        })?;
        for (place, id) in old {
            turn.overlay.delete(&tables::GONE, &name, place);
            turn.overlay.delete(&tables::BY_ID, &id.0, 0);
        }
        Ok(())
    }

    pub(super) fn forget_invite(&mut self, party: Party, turn: &mut Turn<'_, '_>) {
        let Some(invite) = self.invites.remove(&party) else { return };
        for slot in 0..ANSWER_SLOTS {
            self.router.forget(&Tag(invite.secret.answer_slot(slot).tag()));
        }
        turn.overlay.delete(&tables::INVITE, b"", party.0.into());
    }
}
