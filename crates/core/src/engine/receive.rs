//! From envelopes to words: open, judge, put in place, acknowledge.

use std::time::Duration;

use proto::id::{LinkId, Moment, Party};
use proto::router::{Accepted, Crossing, Expected, MailboxId};
use proto::store::StoreError;

use super::{Engine, Turn};
use crate::contact::ContactState;
use crate::content::{Content, Item};
use crate::conversation::{Inserted, decode};
use crate::event::{Event, Step};
use crate::pair::{EARLY_MAX, KeptSlot, Unreadable};
use crate::stream::{Ack, Segment, Take};
use crate::tables;

/// How long an envelope that is too far ahead waits for those before it.
pub(super) const EARLY_PATIENCE: Duration = Duration::from_secs(600);
/// The least time between two receipts on a direct link: busy links share one.
const RECEIPT_PACE: Duration = Duration::from_millis(200);
/// The least time between a receipt and one that answers an envelope which had come before.
const REPEATED_RECEIPT_PACE: Duration = Duration::from_secs(10);
/// A receipt through relays leaves this long after the mail came, at least and at most: an instant one would tell
/// the relays who reads what.
const RECEIPT_DELAY_MS: std::ops::Range<u64> = 1_000..5_000;

/// The road that an envelope came by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Road {
    Link(LinkId),
    Mailbox(MailboxId, u64),
}

impl Engine {
    /// Takes an envelope at the waist, whatever its road.
    pub(super) fn arrive(
        &mut self,
        crossing: Crossing<'_>,
        blob: &[u8],
        road: Road,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        match self.router.accept(crossing, turn.now.moment, turn.overlay)? {
            Accepted::Ours(candidates) => {
                for expected in candidates {
                    if self.open(expected, blob, road, turn)? {
                        break;
                    }
                }
                Ok(())
            }
            Accepted::Known(party) => {
                // The other side does not know yet that it came; say so, but never as often as anybody can repeat it.
                let now = turn.now.moment;
                let told = self.pairs.get(&party).and_then(|p| p.ack_sent);
                if told.is_none_or(|at| at.plus(REPEATED_RECEIPT_PACE) <= now) {
                    self.owe_receipt(party, Road::Mailbox(MailboxId(0), 0), turn);
                }
                Ok(())
            }
            Accepted::Kept(_) | Accepted::Foreign => Ok(()),
        }
    }

    /// Tries to open a blob as what is expected. Returns whether it was that.
    fn open(
        &mut self,
        expected: Expected,
        blob: &[u8],
        road: Road,
        turn: &mut Turn<'_, '_>,
    ) -> Result<bool, StoreError> {
        if self.pairs.contains_key(&expected.party) && self.is_slot(&expected) {
            let ahead = self.pairs.get(&expected.party).is_some_and(|p| p.is_early(expected.slot));
            if ahead {
                return self.keep_early(expected, blob, turn);
            }
            let opened = self.open_slot(expected, blob, road, turn)?;
            self.open_early(expected.party, turn)?;
            return Ok(opened);
        }
        if self.joins.contains_key(&expected.party) {
            return self.open_bundle(expected, blob, turn);
        }
        if self.invites.contains_key(&expected.party) {
            return self.open_answer(expected, blob, road, turn);
        }
        Ok(false)
    }

    fn is_slot(&self, expected: &Expected) -> bool {
        let pair = &self.pairs[&expected.party];
        pair.slots.get(&expected.slot).is_some_and(|slot| slot.tag == expected.tag)
    }

    fn open_slot(
        &mut self,
        expected: Expected,
        blob: &[u8],
        road: Road,
        turn: &mut Turn<'_, '_>,
    ) -> Result<bool, StoreError> {
        let Some(pair) = self.pairs.get_mut(&expected.party) else { return Ok(false) };
        let Some(opener) = pair.opener(expected.slot) else { return Ok(false) };
        match opener.open(blob).and_then(|inner| pair.decrypt(&inner)) {
            Ok(segment) => {
                self.use_slot(expected, turn)?;
                self.finish_join(expected.party, turn);
                self.enliven(expected.party, turn);
                self.take_segment(expected.party, segment, road, turn)?;
                Ok(true)
            }
            // It was theirs, and it says nothing that can be used: the slot is spent, the stream asks again.
            Err(Unreadable::Lost | Unreadable::Malformed) => {
                self.use_slot(expected, turn)?;
                self.owe_receipt(expected.party, road, turn);
                Ok(true)
            }
            Err(Unreadable::Forged) => Ok(false),
        }
    }

    fn use_slot(&mut self, expected: Expected, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let party = expected.party;
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let name = tables::name(party.0);
        let Some((tag, old)) = pair.spend(expected.slot) else { return Ok(()) };
        turn.overlay.put(&tables::SLOT, &name, expected.slot.into(), KeptSlot::encode_spent(&tag));
        for (slot, tag) in old {
            turn.overlay.delete(&tables::SLOT, &name, slot.into());
            self.router.forget(&tag);
        }
        self.router.spend(expected);
        self.widen(party, turn);
        self.dirty.insert(party);
        Ok(())
    }

    /// Readies the slots of a pair's window and waits for their tags.
    pub(super) fn widen(&mut self, party: Party, turn: &mut Turn<'_, '_>) {
        let Some(pair) = self.pairs.get_mut(&party) else { return };
        for number in pair.widen() {
            let slot = &pair.slots[&number];
            turn.overlay.put(
                &tables::SLOT,
                &tables::name(party.0),
                number.into(),
                KeptSlot::encode_open(slot),
            );
            self.router.expect(Expected { tag: slot.tag, party, slot: number });
        }
    }

    fn keep_early(
        &mut self,
        expected: Expected,
        blob: &[u8],
        turn: &mut Turn<'_, '_>,
    ) -> Result<bool, StoreError> {
        let party = expected.party;
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(false) };
        if pair.early.len() >= EARLY_MAX && !pair.early.contains(&expected.slot) {
            return Ok(true);
        }
        pair.early.insert(expected.slot);
        pair.early_since.get_or_insert(turn.now.moment);
        turn.overlay.put(&tables::EARLY, &tables::name(party.0), expected.slot.into(), blob.to_vec());
        self.open_early(party, turn)?;
        Ok(true)
    }

    /// Opens what has waited: it is no longer too far ahead, or its patience or room is at an end.
    pub(super) fn open_early(&mut self, party: Party, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        loop {
            let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
            let Some(slot) = pair.early.first().copied() else {
                pair.early_since = None;
                return Ok(());
            };
            let tired = pair.early_since.is_some_and(|since| since.plus(EARLY_PATIENCE) <= turn.now.moment);
            if pair.is_early(slot) && !tired && pair.early.len() < EARLY_MAX {
                return Ok(());
            }
            pair.early.remove(&slot);
            let tag = pair.slots.get(&slot).map(|s| s.tag);
            let name = tables::name(party.0);
            let blob = turn.overlay.get(&tables::EARLY, &name, slot.into())?;
            turn.overlay.delete(&tables::EARLY, &name, slot.into());
            if let (Some(tag), Some(blob)) = (tag, blob) {
                let expected = Expected { tag, party, slot };
                self.open_slot(expected, &blob, Road::Mailbox(MailboxId(0), 0), turn)?;
            }
        }
    }

    /// Takes what an envelope carried.
    pub(super) fn take_segment(
        &mut self,
        party: Party,
        segment: Segment,
        road: Road,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        self.take_ack(party, &segment.ack, turn)?;
        let carries = !segment.items.is_empty();
        for (sequence, bytes) in (segment.first..).zip(segment.items) {
            let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
            match pair.receiver.take(sequence) {
                Take::Next => {
                    self.take_item(party, &bytes, turn)?;
                    self.release_held(party, turn)?;
                }
                Take::Hold => turn.overlay.put(&tables::HELD, &tables::name(party.0), sequence, bytes),
                Take::Duplicate | Take::TooFar => {}
            }
        }
        if carries {
            if let Road::Link(link) = road {
                self.hasten_ack(link, turn);
            }
            self.owe_receipt(party, road, turn);
        }
        self.dirty.insert(party);
        Ok(())
    }

    fn release_held(&mut self, party: Party, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        while let Some(sequence) = self.pairs.get_mut(&party).and_then(|p| p.receiver.release()) {
            let name = tables::name(party.0);
            let bytes = turn.overlay.get(&tables::HELD, &name, sequence)?.ok_or(crate::CORRUPT)?;
            turn.overlay.delete(&tables::HELD, &name, sequence);
            self.take_item(party, &bytes, turn)?;
        }
        Ok(())
    }

    fn owe_receipt(&mut self, party: Party, road: Road, turn: &mut Turn<'_, '_>) {
        let Some(pair) = self.pairs.get_mut(&party) else { return };
        let now = turn.now.moment;
        let due = match road {
            Road::Link(_) => pair.ack_sent.map_or(now, |sent| sent.plus(RECEIPT_PACE).max(now)),
            Road::Mailbox(..) => {
                let span = RECEIPT_DELAY_MS.end - RECEIPT_DELAY_MS.start;
                now.plus(Duration::from_millis(RECEIPT_DELAY_MS.start + turn.rng.next_u64() % span))
            }
        };
        pair.ack_due = Some(pair.ack_due.map_or(due, |at| at.min(due)));
        self.dirty.insert(party);
    }

    /// Takes the other side's word of what it has.
    fn take_ack(&mut self, party: Party, ack: &Ack, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let name = tables::name(party.0);
        let readable = pair.sender.acked() + 1;
        let fresh = pair.sender.on_ack(ack);
        // What they hold behind a gap is kept there and cannot be read yet: it is delivered when the gap closes.
        let readable = readable..=pair.sender.acked();
        let came = ack.slots.min(pair.position());
        if !fresh.is_empty() || came > pair.seen_by_them {
            pair.probe_at = None;
            pair.probes = 0;
        }
        pair.seen_by_them = pair.seen_by_them.max(came);
        for sequence in readable {
            self.note(party, sequence, Step::Delivered, turn)?;
            turn.overlay.delete(&tables::SENT, &name, sequence);
        }
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let mut done = Vec::new();
        for (slot, flight) in &pair.flights {
            let came = *slot < pair.seen_by_them;
            if flight.items().all(|s| pair.sender.is_acked(s)) && (flight.count > 0 || came) {
                done.push((*slot, flight.number));
            } else if came {
                pair.doubted.entry(*slot).or_insert(turn.now.moment);
            }
        }
        for (slot, number) in done {
            pair.flights.remove(&slot);
            pair.doubted.remove(&slot);
            turn.overlay.delete(&tables::FLIGHT, &name, slot.into());
            self.router.settle(number, turn.overlay)?;
        }
        Ok(())
    }

    fn take_item(&mut self, party: Party, bytes: &[u8], turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        // What cannot be read is acknowledged and left: sending it again would not make it readable.
        let Ok(item) = Item::decode(bytes) else { return Ok(()) };
        match item {
            Item::Message(content) => self.take_message(party, &content, turn),
            Item::Reach(reach) => self.take_reach(party, reach, turn),
            Item::Name(name) => {
                let name = super::command::clean_name(&name);
                if let Some(contact) = self.contacts.get_mut(&party).filter(|c| c.their_name != name) {
                    contact.their_name = name;
                    self.put_contact(party, turn);
                    self.event(Event::ContactChanged(Self::contact_id(party)));
                }
                Ok(())
            }
            Item::Read(conversation, id) => self.take_read(party, conversation, &id, turn),
            // The seal of a generation is taken where the generation begins; offers wait for their issue.
            Item::Seal(_) | Item::Offer(_) | Item::Withdrawn | Item::Unknown(_) => Ok(()),
        }
    }

    fn take_message(
        &mut self,
        party: Party,
        bytes: &[u8],
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Ok(content) = Content::decode(bytes) else { return Ok(()) };
        let Some(contact) = self.contacts.get(&party) else { return Ok(()) };
        let Some(number) = contact.conversation else { return Ok(()) };
        let Some(conversation) = self.conversations.get_mut(&number) else { return Ok(()) };
        let device = contact.cert.as_ref().and_then(|cert| crypto::identity::DeviceCert::parse(cert).ok());
        let theirs = device.is_some_and(|cert| super::send::device_id(&cert) == content.device);
        if !theirs || content.conversation != conversation.id {
            return Ok(());
        }
        let label = turn.now.label_ms;
        if let Inserted::New(id, _) =
            conversation.insert(number, bytes, &content, false, label, turn.overlay)?
        {
            let conversation = conversation.id;
            self.dirty_conversations.insert(number);
            self.event(Event::Message { conversation, id, mine: false });
        }
        Ok(())
    }

    fn take_read(
        &mut self,
        party: Party,
        conversation: crate::content::ConversationId,
        id: &crate::content::MessageId,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Some(number) = self.by_conversation.get(&conversation).copied() else { return Ok(()) };
        if self.conversations[&number].party != party.0 {
            return Ok(());
        }
        let Some((at, place)) = crate::conversation::find(id, turn.overlay)? else { return Ok(()) };
        let mine = turn.overlay.get(&tables::TRAIL, &tables::name(number), place.0)?;
        match mine.filter(|_| at == number) {
            Some(bytes) => {
                decode::<crate::event::Trail>(&bytes)?;
                self.note_at(number, place, Step::Read, turn)
            }
            None => Ok(()),
        }
    }

    fn take_reach(
        &mut self,
        party: Party,
        reach: crate::content::Reach,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let newer =
            self.contacts.get(&party).is_some_and(|c| c.reach_number.is_none_or(|n| n < reach.number));
        if !newer {
            return Ok(());
        }
        let mailboxes: Vec<MailboxId> =
            reach.relays.iter().filter_map(|relay| self.know_relay(relay, turn)).collect();
        if let Some(contact) = self.contacts.get_mut(&party) {
            contact.reach_number = Some(reach.number);
            contact.mailboxes = mailboxes.iter().map(|m| m.0).collect();
        }
        self.put_contact(party, turn);
        self.router.redirect(party, &mailboxes);
        self.event(Event::ContactChanged(Self::contact_id(party)));
        Ok(())
    }

    /// The other side has spoken inside the ratchet: both are who they say.
    pub(super) fn enliven(&mut self, party: Party, turn: &mut Turn<'_, '_>) {
        let waiting = self.contacts.get_mut(&party).filter(|c| c.state != ContactState::Live);
        if let Some(contact) = waiting {
            contact.state = ContactState::Live;
            self.put_contact(party, turn);
            self.event(Event::ContactLive(Self::contact_id(party)));
        }
    }

    /// Opens what has waited too long, in every pair.
    pub(super) fn tire_early(&mut self, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let now = turn.now.moment;
        let tired = |since: &Moment| since.plus(EARLY_PATIENCE) <= now;
        let parties: Vec<Party> = self
            .pairs
            .values()
            .filter(|p| p.early_since.as_ref().is_some_and(tired))
            .map(|p| p.party)
            .collect();
        parties.into_iter().try_for_each(|party| self.open_early(party, turn))
    }
}
