//! From envelopes to words: open, judge, put in place, acknowledge.

use std::time::Duration;

use crypto::identity::DeviceCert;
use proto::id::{LinkId, Moment, Party};
use proto::router::{Accepted, Crossing, Expected, MailboxId};
use proto::store::StoreError;

use super::{Engine, Turn};
use crate::contact::ContactState;
use crate::content::{Content, Item};
use crate::conversation::{Inserted, decode};
use crate::event::{Event, Notice, Step};
use crate::pair::{EARLY_MAX, KeptSlot, Opened, Opening, Pair, REPAIR, SlotId, slots_name};
use crate::stream::{Ack, Segment, Take};
use crate::tables;

/// How long an envelope that is too far ahead waits for those before it.
pub(super) const EARLY_PATIENCE: Duration = Duration::from_secs(600);
/// Early envelopes that one turn opens, so that what they bring fits one commit.
pub(super) const EARLY_OPENED_MAX: usize = 16;
/// Bytes of held items that are read in one turn, whosever they are, so that what they bring fits one commit.
pub(super) const RELEASED_BYTES_MAX: usize = 8 << 20;
/// The least time between two receipts on a direct link: busy links share one.
const RECEIPT_PACE: Duration = Duration::from_millis(500);
/// Envelopes for which a direct link waits no longer: a sender has 224 slots for what is not acknowledged.
const RECEIPT_ENVELOPES: usize = 64;
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
        let at = SlotId::from_number(expected.slot);
        if self.pairs.contains_key(&expected.party) && at.generation == REPAIR {
            return self.open_repair(expected, blob, road, turn);
        }
        if self.is_slot(&expected) {
            return self.open_in_order(expected, blob, road, turn);
        }
        if self.joins.contains_key(&expected.party) {
            return self.open_bundle(expected, blob, road, turn);
        }
        if self.invites.contains_key(&expected.party) {
            return self.open_answer(expected, blob, road, turn);
        }
        Ok(false)
    }

    fn is_slot(&self, expected: &Expected) -> bool {
        let at = SlotId::from_number(expected.slot);
        let slot = self.pairs.get(&expected.party).and_then(|pair| pair.awaited(at));
        slot.is_some_and(|slot| slot.tag == expected.tag)
    }

    /// Opens the seal of a slot. What the ratchet is not to be asked for yet waits, sealed as it came.
    fn open_in_order(
        &mut self,
        expected: Expected,
        blob: &[u8],
        road: Road,
        turn: &mut Turn<'_, '_>,
    ) -> Result<bool, StoreError> {
        let at = SlotId::from_number(expected.slot);
        let Some(pair) = self.pairs.get(&expected.party) else { return Ok(false) };
        let Some(opener) = pair.opener(at) else { return Ok(false) };
        let ahead = self.ahead.take((expected.party, expected.slot), blob);
        let Ok(inner) = ahead.unwrap_or_else(|| opener.open(blob)) else { return Ok(false) };
        // What begins a generation does not need the ratchet of the one before.
        if pair.is_early(at) && inner.first() == Some(&crate::pair::inner::MESSAGE) {
            return self.keep_early(expected, blob, turn);
        }
        self.read_slot(expected, &inner, road, turn)?;
        self.open_early(expected.party, turn)?;
        Ok(true)
    }

    /// Reads what stood inside the seal of a slot. The slot is spent, whatever it was.
    fn read_slot(
        &mut self,
        expected: Expected,
        inner: &[u8],
        road: Road,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let (party, at) = (expected.party, SlotId::from_number(expected.slot));
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let is_newest = pair.generation(at.generation).is_some_and(|g| at.slot >= g.window.seen());
        let opened = pair.decrypt(at.generation, inner);
        self.use_slot(expected, turn)?;
        if is_newest && opened.is_ok() {
            self.find_ground(party, at.generation, turn.now.moment);
        }
        match opened {
            Ok(Opened::Segment(segment)) => {
                self.finish_join(party, turn);
                self.enliven(party, turn);
                self.take_segment(party, at.generation, segment, road, turn)
            }
            Ok(Opened::Rekey(rekey)) => self.take_rekey(party, at.generation, &rekey, road, turn),
            // It was theirs, and it says nothing that can be used: the stream asks again.
            Err(_) => {
                self.owe_receipt(party, road, turn);
                Ok(())
            }
        }
    }

    fn use_slot(&mut self, expected: Expected, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let (party, at) = (expected.party, SlotId::from_number(expected.slot));
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let name = slots_name(party, at.generation);
        let Some((tag, old)) = pair.spend(at) else { return Ok(()) };
        turn.overlay.put(&tables::SLOT, &name, at.slot.into(), KeptSlot::encode_spent(&tag));
        for (slot, tag) in old {
            turn.overlay.delete(&tables::SLOT, &name, slot.into());
            self.router.forget(&tag);
        }
        self.router.spend(expected);
        self.widen(party, at.generation, turn);
        self.dirty.insert(party);
        Ok(())
    }

    /// Readies the slots of a generation's window and waits for their tags.
    pub(super) fn widen(&mut self, party: Party, generation: u32, turn: &mut Turn<'_, '_>) {
        let Some(pair) = self.pairs.get_mut(&party) else { return };
        let name = slots_name(party, generation);
        for at in pair.widen(generation) {
            let Some(slot) = pair.awaited(at) else { continue };
            turn.overlay.put(&tables::SLOT, &name, at.slot.into(), KeptSlot::encode_open(slot));
            self.router.expect(Expected { tag: slot.tag, party, slot: at.number() });
        }
    }

    fn keep_early(
        &mut self,
        expected: Expected,
        blob: &[u8],
        turn: &mut Turn<'_, '_>,
    ) -> Result<bool, StoreError> {
        let (party, at) = (expected.party, SlotId::from_number(expected.slot));
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(false) };
        if pair.early.len() >= EARLY_MAX && !pair.early.contains(&at) {
            return Ok(true);
        }
        pair.early.insert(at);
        pair.early_since.get_or_insert(turn.now.moment);
        turn.overlay.put(&tables::EARLY, &tables::name(party.0), at.number(), blob.to_vec());
        self.open_early(party, turn)?;
        Ok(true)
    }

    /// Opens what has waited: it is no longer too far ahead, or its patience or room is at an end. What is too much for
    /// this turn is left to the next.
    pub(super) fn open_early(&mut self, party: Party, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        loop {
            let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
            pair.early_goes_on = false;
            if pair.early.is_empty() {
                pair.early_since = None;
                return Ok(());
            }
            let tired = pair.early_since.is_some_and(|since| since.plus(EARLY_PATIENCE) <= turn.now.moment);
            let all = tired || pair.early.len() >= EARLY_MAX;
            let Some(at) = pair.early.iter().copied().find(|at| all || !pair.is_early(*at)) else {
                return Ok(());
            };
            if self.early_opened == EARLY_OPENED_MAX {
                pair.early_goes_on = true;
                return Ok(());
            }
            self.early_opened += 1;
            pair.early.remove(&at);
            let found = pair.awaited(at).map(|slot| slot.tag).zip(pair.opener(at));
            let name = tables::name(party.0);
            let blob = turn.overlay.get(&tables::EARLY, &name, at.number())?;
            turn.overlay.delete(&tables::EARLY, &name, at.number());
            let Some(((tag, opener), blob)) = found.zip(blob) else { continue };
            if let Ok(inner) = opener.open(&blob) {
                let expected = Expected { tag, party, slot: at.number() };
                self.read_slot(expected, &inner, Road::Mailbox(MailboxId(0), 0), turn)?;
            }
        }
    }

    /// The other side has spoken in a generation, by a segment or by what begins another one.
    pub(super) fn hear(
        &mut self,
        party: Party,
        generation: u32,
        sealed: Option<u64>,
        turn: &mut Turn<'_, '_>,
    ) {
        let now = self.used(turn.now.moment);
        let Some(pair) = self.pairs.get_mut(&party) else { return };
        let opening = pair.generation(generation).and_then(|g| g.opening.clone());
        let first = pair.hear(generation, sealed, now);
        // They may have taken up what we had given up for refused.
        if pair.sending().number != generation
            && (pair.generation(generation).is_some_and(|g| pair.is_better(g))
                || pair.is_spoken_to_in(generation))
        {
            pair.send_on(generation);
            pair.note_word();
            pair.hear(generation, sealed, now);
        }
        if !first || matches!(opening, None | Some(Opening::Init)) {
            return;
        }
        // What was sent before they knew its tags may have passed them by.
        pair.doubt_all(turn.now.moment);
        if let Some(Opening::Repair { .. }) = opening {
            pair.keys_mut().is_hasty = true;
            self.event(Event::Notice(Notice::MetAgain(Self::contact_id(party))));
        }
    }

    /// Takes what an envelope carried.
    pub(super) fn take_segment(
        &mut self,
        party: Party,
        generation: u32,
        segment: Segment,
        road: Road,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let is_current = self.pairs.get(&party).is_some_and(|pair| pair.is_current(generation));
        let is_read = is_current && self.reads_half(party, &segment, turn)?;
        self.hear(party, generation, (is_read || !is_current).then_some(segment.sealed), turn);
        self.dirty.insert(party);
        if !is_current {
            return segment.items.iter().try_for_each(|item| self.take_late(party, item, turn));
        }
        let had_begun = self.pairs.get(&party).is_some_and(Pair::has_begun);
        if had_begun {
            self.take_ack(party, generation, &segment.ack, turn)?;
        }
        let carries = !segment.items.is_empty();
        // What is of another half comes again.
        for (sequence, bytes) in (segment.first..).zip(segment.items).filter(|_| is_read) {
            let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
            if !pair.has_begun() && sequence > 1 {
                break;
            }
            match pair.receiver.take(sequence) {
                Take::Next => {
                    self.take_item(party, &bytes, turn)?;
                    self.release_held(party, turn)?;
                }
                Take::Hold => turn.overlay.put(&tables::HELD, &tables::name(party.0), sequence, bytes),
                Take::Duplicate | Take::TooFar => {}
            }
        }
        if !had_begun && self.pairs.get(&party).is_some_and(Pair::has_begun) {
            self.take_ack(party, generation, &segment.ack, turn)?;
        }
        if carries {
            if let Road::Link(link) = road {
                self.hasten_ack(link, turn);
            }
            self.owe_receipt(party, road, turn);
        }
        Ok(())
    }

    /// Takes an item of a stream that has ended with a repair: its number counts no longer. A message in it does, and a
    /// list of devices, which the account has signed: a repair of somebody else must not overtake a call-back.
    pub(super) fn take_late(
        &mut self,
        party: Party,
        item: &[u8],
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        match Item::decode(item) {
            Ok(Item::Message(content)) => self.take_message(party, &content, turn),
            Ok(Item::Devices(list)) => self.take_devices(party, &list, turn),
            _ => Ok(()),
        }
    }

    /// Reads what was held and is the next in order now. What is too much for this turn stays held until the next, and is
    /// acknowledged as held.
    fn release_held(&mut self, party: Party, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        while self.released < RELEASED_BYTES_MAX
            && let Some(sequence) = self.pairs.get_mut(&party).and_then(|p| p.receiver.release())
        {
            let name = tables::name(party.0);
            let bytes = turn.overlay.get(&tables::HELD, &name, sequence)?.ok_or(crate::CORRUPT)?;
            turn.overlay.delete(&tables::HELD, &name, sequence);
            self.released += bytes.len();
            self.take_item(party, &bytes, turn)?;
        }
        Ok(())
    }

    /// Goes on with what was too much for the turn before, in every pair.
    pub(super) fn release_rest(&mut self, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let ready = self.pairs.values().filter(|pair| pair.receiver.is_ready()).map(|pair| pair.party);
        for party in ready.collect::<Vec<_>>() {
            self.release_held(party, turn)?;
            self.owe_receipt(party, Road::Mailbox(MailboxId(0), 0), turn);
        }
        Ok(())
    }

    /// Whether what was held and is read now, or what is sealed anew beside deleted messages, is enough for one commit: what
    /// else has come is for the next turn.
    #[must_use]
    pub fn is_sated(&self) -> bool {
        self.has_erased || self.released >= RELEASED_BYTES_MAX
    }

    pub(super) fn owe_receipt(&mut self, party: Party, road: Road, turn: &mut Turn<'_, '_>) {
        let Some(pair) = self.pairs.get_mut(&party) else { return };
        let now = turn.now.moment;
        let due = match road {
            Road::Link(_) => {
                pair.unacknowledged += 1;
                let patient = pair.ack_sent.filter(|_| pair.unacknowledged < RECEIPT_ENVELOPES);
                patient.map_or(now, |sent| sent.plus(RECEIPT_PACE).max(now))
            }
            Road::Mailbox(..) => {
                let span = RECEIPT_DELAY_MS.end - RECEIPT_DELAY_MS.start;
                now.plus(Duration::from_millis(RECEIPT_DELAY_MS.start + turn.rng.next_u64() % span))
            }
        };
        pair.ack_due = Some(pair.ack_due.map_or(due, |at| at.min(due)));
        self.dirty.insert(party);
    }

    /// Takes the other side's word of what it has.
    fn take_ack(
        &mut self,
        party: Party,
        generation: u32,
        ack: &Ack,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let name = tables::name(party.0);
        let readable = pair.sender.acked() + 1;
        let fresh = pair.sender.on_ack(ack);
        // What they hold behind a gap is kept there and cannot be read yet: it is delivered when the gap closes.
        let readable = readable..=pair.sender.acked();
        let more = pair.generation_mut(generation).is_some_and(|g| g.hear_of(ack.slots));
        if more {
            pair.note_answer(generation);
        }
        if !fresh.is_empty() || more {
            pair.note_word();
        }
        for sequence in readable {
            self.note(party, sequence, Step::Delivered, turn)?;
            turn.overlay.delete(&tables::SENT, &name, sequence);
        }
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let mut done = Vec::new();
        for (at, flight) in &pair.flights {
            let passed = pair.has_passed(*at);
            if flight.items().all(|s| pair.sender.is_acked(s)) && (flight.count > 0 || passed) {
                done.push((*at, flight.number));
            } else if passed {
                pair.doubted.entry(*at).or_insert(turn.now.moment);
            }
        }
        for (at, number) in done {
            pair.flights.remove(&at);
            pair.doubted.remove(&at);
            turn.overlay.delete(&tables::FLIGHT, &name, at.number());
            self.router.settle(number, turn.overlay)?;
        }
        Ok(())
    }

    fn take_item(&mut self, party: Party, bytes: &[u8], turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        // What cannot be read is acknowledged and left: sending it again would not make it readable.
        let Ok(item) = Item::decode(bytes) else { return Ok(()) };
        match item {
            Item::Message(content) => self.take_message(party, &content, turn),
            Item::Reach(reach) => {
                self.take_reach(party, reach);
                Ok(())
            }
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
            Item::Offer(offer) => {
                self.take_offer(party, &offer);
                Ok(())
            }
            Item::Devices(list) => self.take_devices(party, &list, turn),
            Item::LastResort(bundle) => {
                self.take_last_resort(party, &bundle);
                Ok(())
            }
            Item::Have { conversation, upto, highest } => {
                self.take_have(party, conversation, upto..=highest);
                Ok(())
            }
            Item::Anew { is_whole, repairs } => self.take_anew(party, is_whole, &repairs, turn),
            // The seal of a generation is taken where the generation begins.
            Item::Seal(_) | Item::Withdrawn | Item::Unknown(_) => Ok(()),
        }
    }

    fn take_message(
        &mut self,
        party: Party,
        bytes: &[u8],
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Ok(content) = Content::decode(bytes) else { return Ok(()) };
        if let Some(pair) = self.pairs.get_mut(&party) {
            pair.messages = pair.messages.saturating_add(1);
        }
        // What is taken here is told as delivered: it must have a place.
        let Some(number) = self.house(party, turn) else { return Ok(()) };
        let Some(contact) = self.contacts.get(&party) else { return Ok(()) };
        let conversation = self.conversations.get_mut(&number).ok_or(crate::CORRUPT)?;
        let device = contact.cert.as_ref().map(|cert| DeviceCert::device_id_in(cert));
        let theirs = device.is_some_and(|device| *device.as_bytes() == content.device);
        if !theirs || content.conversation != conversation.id {
            return Ok(());
        }
        let label = turn.now.label_ms;
        let inserted = conversation.insert(number, bytes, &content, false, label, turn.overlay)?;
        self.dirty_conversations.insert(number);
        if let Inserted::New(id, place) = inserted {
            let conversation = conversation.id;
            self.await_fading(number, place, &content.body, false, turn);
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

    /// Notes where a contact reads from now on. Of many that come in one turn only the last is acted on.
    pub(super) fn take_reach(&mut self, party: Party, reach: crate::content::Reach) {
        let noted = self.reaches.get(&party).map(|noted| noted.number);
        let kept = self.contacts.get(&party).and_then(|contact| contact.reach_number);
        if noted.or(kept).is_none_or(|number| number < reach.number) {
            self.reaches.insert(party, reach);
        }
    }

    /// Writes to contacts where they read from now on, and forgets relays that nobody names any more.
    pub(super) fn act_on_reaches(&mut self, turn: &mut Turn<'_, '_>) {
        let reaches = std::mem::take(&mut self.reaches);
        for (party, reach) in reaches {
            if !self.contacts.contains_key(&party) {
                continue;
            }
            let mailboxes: Vec<MailboxId> =
                reach.relays.iter().filter_map(|relay| self.know_relay(relay, turn)).collect();
            if let Some(contact) = self.contacts.get_mut(&party) {
                contact.reach_number = Some(reach.number);
                contact.mailboxes = mailboxes.iter().map(|m| m.0).collect();
            }
            self.put_contact(party, turn);
            self.router.redirect(party, &mailboxes);
            // At once: the relays of one contact leave room for those of the next.
            self.forget_unnamed(turn);
            self.event(Event::ContactChanged(Self::contact_id(party)));
        }
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

    /// Opens what has waited too long, or was too much for the turn before, in every pair.
    pub(super) fn tire_early(&mut self, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let now = turn.now.moment;
        let tired = |since: &Moment| since.plus(EARLY_PATIENCE) <= now;
        let parties: Vec<Party> = self
            .pairs
            .values()
            .filter(|p| p.early_goes_on || p.early_since.as_ref().is_some_and(tired))
            .map(|p| p.party)
            .collect();
        parties.into_iter().try_for_each(|party| self.open_early(party, turn))
    }
}

#[cfg(test)]
mod tests;
