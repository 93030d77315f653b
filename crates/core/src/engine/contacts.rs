//! First contact: an invite given out, an invite accepted, and the handshake between them, by any road.
//!
//! The two need never be online together. The inviter leaves a bundle in a slot that only they can write; the
//! invitee answers in one of sixteen slots that holders of the invite can write. Over a direct link the same
//! envelopes go without a relay: holders of the invite recognise each other by a secret derived from it.
//!
//! Here is what both sides share: who is known, by what they are recognised, and what they are told.

mod inviting;
mod joining;
mod under_invite;

#[cfg(test)]
mod succession;
#[cfg(test)]
mod unsound;

use crypto::Secret32;
use crypto::identity::{AccountId, DeviceCert, DeviceList};
use proto::id::Party;
use proto::router::{MailboxId, Setback};
use proto::store::StoreError;

pub(super) use self::inviting::{End, OpenInvite};
pub(super) use self::joining::Joining;
#[cfg(test)]
pub(super) use self::{
    inviting::bundle_in,
    under_invite::{read_answer, read_bundle},
};
use super::{Engine, Turn};
use crate::contact::{ContactRecord, ContactState};
use crate::content::{ConversationId, Item, Reach, RelayRef};
use crate::conversation::{Conversation, decode, encode};
use crate::event::Event;
use crate::pair::Pair;
use crate::tables;

impl Engine {
    /// Tells whether an invite is open, here or with somebody else: its other side may be among the neighbours.
    pub(super) fn awaits_somebody(&self) -> bool {
        !self.joins.is_empty() || self.invites.values().any(OpenInvite::is_open)
    }

    /// Returns the secrets by which links recognise counterparts, the ones to prefer first: of two invites that
    /// crossed, the one of the lower account goes on.
    pub(super) fn link_secrets(&self) -> Vec<(Party, Secret32)> {
        let of_pair = |(party, pair): (&Party, &Pair)| {
            let links: Vec<Secret32> = pair.generations().rev().map(|g| g.link.clone()).collect();
            links.into_iter().map(|link| (*party, link)).collect::<Vec<_>>()
        };
        let pairs = self.pairs.iter().flat_map(of_pair);
        // Who was restored from a backup has no other secret in common with us.
        let repairs = self.pairs.iter().map(|(party, pair)| (*party, pair.keys().repair.link()));
        let open = self.invites.iter().filter(|(_, i)| i.is_open());
        let invites = open.map(|(party, i)| (*party, i.secret.link()));
        // Until the inviter speaks, they may know us by the invite alone.
        let (lower, higher): (Vec<_>, Vec<_>) =
            self.joins.iter().partition(|(_, j)| j.invite.account < self.me.account_id());
        let joins = |joins: Vec<(&Party, &Joining)>| {
            joins.into_iter().map(|(party, j)| (*party, j.invite.secret.link())).collect::<Vec<_>>()
        };
        pairs.chain(joins(lower)).chain(invites).chain(joins(higher)).chain(repairs).collect()
    }

    pub(super) fn contact_of(&self, account: &AccountId) -> Option<Party> {
        let same = |c: &ContactRecord| c.account == account.as_bytes() && c.state != ContactState::Failed;
        self.contacts.iter().find(|(_, c)| same(c)).map(|(party, _)| *party)
    }

    /// Tells whether a contact has spoken to us.
    pub(super) fn is_live(&self, party: Party) -> bool {
        self.contacts.get(&party).is_some_and(|contact| contact.state == ContactState::Live)
    }

    /// Tells whether an account has called a device back that we knew. Whoever has that device has the account key and
    /// can certify others, so nothing of the account is taken any more, whatever list comes with it.
    fn is_called_back(&self, account: &AccountId) -> bool {
        let is_closed = |contact: &ContactRecord| {
            let (Some(cert), Some(list)) = (&contact.cert, &contact.list) else { return false };
            let (cert, list) = (DeviceCert::parse(cert), DeviceList::parse(list));
            cert.ok().zip(list.ok()).is_some_and(|(cert, list)| !list.contains(&cert))
        };
        self.contacts.values().any(|contact| contact.account == account.as_bytes() && is_closed(contact))
    }

    /// Takes over from a contact that failed before: their conversation goes on with `party`, and their row ends, so that
    /// nobody can remove the conversation with it. Returns what was known of them.
    fn succeed(
        &mut self,
        party: Party,
        account: &AccountId,
        turn: &mut Turn<'_, '_>,
    ) -> Result<Option<ContactRecord>, StoreError> {
        let failed = |(other, contact): (&Party, &ContactRecord)| {
            let is_it = *other != party && contact.account == account.as_bytes();
            (is_it && contact.state == ContactState::Failed).then_some(*other)
        };
        let failed: Vec<Party> = self.contacts.iter().filter_map(failed).collect();
        let mut known = None;
        for other in failed {
            known = self.abandon(other, turn)?.or(known);
            self.forget_invite(other, turn);
            self.event(Event::ContactRemoved(Self::contact_id(other)));
        }
        Ok(known)
    }

    /// Gives each contact the conversation that is theirs, once in a life: a profile may be older than the rule that a
    /// conversation is only removed with the contact whose it is.
    pub(super) fn house_contacts(&mut self, turn: &mut Turn<'_, '_>) {
        if std::mem::replace(&mut self.are_housed, true) {
            return;
        }
        let parties: Vec<Party> = self.contacts.keys().copied().collect();
        for party in parties {
            self.house(party, turn);
        }
    }

    /// Returns the number of a contact's conversation, which is an empty one if they had none or that of somebody else.
    /// None for who is no contact.
    pub(super) fn house(&mut self, party: Party, turn: &mut Turn<'_, '_>) -> Option<u32> {
        let contact = self.contacts.get(&party)?;
        let account = AccountId::new(contact.account.as_slice().try_into().ok()?);
        let id = ConversationId::between(&self.me.account_id(), &account);
        let number = contact.conversation;
        if number.is_some() && self.by_conversation.get(&id).copied() == number {
            return number;
        }
        // Where there are two, the one who can be spoken to comes first.
        let taken = self.by_conversation.get(&id).copied().filter(|_| contact.state == ContactState::Failed);
        let number = taken.unwrap_or_else(|| self.new_conversation(party, &account, turn));
        self.contacts.get_mut(&party)?.conversation = Some(number);
        self.put_contact(party, turn);
        Some(number)
    }

    fn new_conversation(&mut self, party: Party, account: &AccountId, turn: &mut Turn<'_, '_>) -> u32 {
        let id = ConversationId::between(&self.me.account_id(), account);
        if let Some(number) = self.by_conversation.get(&id).copied() {
            if let Some(conversation) = self.conversations.get_mut(&number) {
                conversation.party = party.0;
            }
            self.dirty_conversations.insert(number);
            return number;
        }
        let number = self.conversations.last_key_value().map_or(1, |(n, _)| n + 1);
        let conversation = Conversation::new(id, party.0);
        turn.overlay.put(&tables::CONVERSATION, b"", number.into(), encode(&conversation));
        self.conversations.insert(number, conversation);
        self.by_conversation.insert(id, number);
        number
    }

    /// A mailbox did not take an envelope. An answer whose slot is taken tries the next one.
    pub(super) fn deposit_refused(
        &mut self,
        mailbox: MailboxId,
        number: u64,
        setback: Setback,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let answering = self.answering(number);
        if setback == Setback::Taken && self.repair_refused(number, turn)? {
            return Ok(());
        }
        let exhausted = self.router.set_back(mailbox, number, setback);
        // An answer that lies elsewhere is an answer: a second would be taken for that of somebody else.
        let is_taken = setback == Setback::Taken && !self.router.finds_place(number);
        let Some(party) = answering.filter(|_| is_taken) else {
            if exhausted {
                self.note_refused(number, turn)?;
            }
            return Ok(());
        };
        self.answer_elsewhere(party, number, turn)
    }

    /// Takes back our answer to an invite, with all that was under way by it. Returns what was known of the contact.
    pub(super) fn abandon(
        &mut self,
        party: Party,
        turn: &mut Turn<'_, '_>,
    ) -> Result<Option<ContactRecord>, StoreError> {
        self.finish_join(party, turn);
        self.erase_pair(party, turn)?;
        turn.overlay.delete(&tables::CONTACT, b"", party.0.into());
        Ok(self.contacts.remove(&party))
    }

    /// Queues messages that were written before there was anybody to encrypt to, and those that an earlier try at
    /// this contact left undelivered.
    pub(super) fn queue_written(&mut self, party: Party, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let Some(number) = self.contacts.get(&party).and_then(|c| c.conversation) else { return Ok(()) };
        let mut places = Vec::new();
        super::each(&tables::TRAIL, &tables::name(number), turn.overlay, |place, bytes| {
            if decode::<crate::event::Trail>(bytes)?.delivery() < crate::event::Delivery::Delivered {
                places.push(crate::event::Place(place));
            }
            Ok(())
        })?;
        places.into_iter().try_for_each(|place| self.queue_message(party, number, place, turn))
    }

    /// Returns how this profile can be written to.
    pub(super) fn reach(&self) -> Reach {
        Reach {
            number: self.reach_number,
            relays: self
                .home_relays()
                .into_iter()
                .map(|(_, (id, address))| RelayRef { id: id.0, address: address.as_str().to_owned() })
                .collect(),
        }
    }

    /// Tells every contact where this profile can be written to now.
    pub(super) fn announce_reach(&mut self, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        self.reach_number += 1;
        self.put_counters(turn);
        if !self.counts() {
            return Ok(());
        }
        let item = Item::Reach(self.reach());
        let parties: Vec<Party> = self.pairs.keys().copied().collect();
        parties.into_iter().try_for_each(|party| self.queue_item(party, &item, turn))
    }
}
