//! Meeting again after a backup was restored: a handshake in the repair drop, and a stream that begins anew.
//!
//! Ratchets and slots of a backup may have been used since it was made, so a restored profile sends with none of them.
//! It begins a generation with each contact's last resort, says so under its device's signature, and both sides number
//! what is not acknowledged from 1 again. What comes twice by that is known by its message id.
//!
//! The same road is left to a device whose keys somebody else has used: when a person's suspicion is not answered, and
//! when its account calls it back.

mod again;
#[cfg(test)]
mod late;

use std::collections::BTreeSet;
use std::time::Duration;

use crypto::X25519Public;
use crypto::handshake::PeerKeys;
use crypto::prekey::Bundle;
use crypto::renewal::{Begun, REPAIR_SLOTS, Repair, RepairSecret};
use crypto::seal::{self, Class};
use proto::envelope::{Blob, Envelope};
use proto::id::Party;
use proto::router::{Crossing, Expected, MailboxId};
use proto::store::{Direction, StoreError};

use super::generations::{DAY, LAST_RESORT_DAYS, take_all};
use super::receive::Road;
use super::send::Sent;
use super::{Engine, ME_RESTORED, Turn};
use crate::contact::ContactState;
use crate::content::{Item, RepairName};
use crate::event::{Event, Notice};
use crate::pair::{
    HELD_ASIDE, OPENING, Opening, Origin, Pair, REPAIR, Said, SlotId, Suspicion, TTL_DAYS, inner,
};
use crate::stream::{HELD_ITEMS_MAX, Receiver, Segment};
use crate::tables;
use crate::uptime::Used;

/// Use for which an answer to a person's suspicion is waited for, before the repair drop is used.
const UNANSWERED: Duration = DAY;
/// The least use between two such repairs of one pair: mailboxes keep each for 30 days, and there are eight places.
const ANEW_PACE: Duration = Duration::from_secs(7 * DAY.as_secs());

/// How often a person hears in one life of the program that a contact begins anew.
const REPAIRS_TOLD_MAX: u32 = 4;

/// A generation that begins by the repair drop.
struct Drawn {
    origin: Origin,
    begun: Begun,
    their_seal: X25519Public,
    /// Nothing was lost here.
    is_whole: bool,
}

/// What is still to come of the stream before a repair.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Before {
    /// Somebody has lost something: what comes yet may never come again, and is read as it comes.
    MayMatter,
    /// They have lost nothing: all that was not read comes again in its order, and the rest may be a thief's.
    ComesAgain,
    /// Whether they have lost anything is not known until they speak in the stream that begins.
    Unknown,
}

impl Before {
    fn after(is_whole: bool) -> Self {
        if is_whole { Self::ComesAgain } else { Self::MayMatter }
    }
}

/// The first word of a repair that says something beside the stream: under number 0, which the stream never counts.
fn aside(item: &Item) -> Segment {
    Segment { items: vec![item.encode()], ..Segment::default() }
}

/// What the first word of a repair says of its sender: whether they have lost nothing, and which repairs they know.
fn what_they_know(word: &Segment) -> (bool, Vec<RepairName>) {
    let anew = word.items.iter().find_map(|item| match Item::decode(item) {
        Ok(Item::Anew { is_whole, repairs }) => Some((is_whole, repairs)),
        _ => None,
    });
    anew.unwrap_or_default()
}

impl Engine {
    /// If the profile came out of a backup: gives every contact a new generation.
    pub(super) fn begin_repairs(&mut self, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        if !std::mem::take(&mut self.is_restored) {
            return Ok(());
        }
        turn.overlay.delete(&tables::ME, b"", ME_RESTORED);
        // An invite may have been answered since, and an answer read: neither can be taken up twice.
        let invites: Vec<Party> = self.invites.keys().copied().collect();
        invites.into_iter().try_for_each(|party| self.withdraw_invite(party, turn))?;
        for party in self.joins.keys().copied().collect::<Vec<_>>() {
            self.give_up(party, turn)?;
        }
        for (party, pair) in std::mem::take(&mut self.unmet) {
            self.expect_repair(&pair);
            self.pairs.insert(party, pair);
        }
        let open = self.contacts.iter().filter(|(_, contact)| contact.state != ContactState::Failed);
        for (party, state) in open.map(|(party, contact)| (*party, contact.state)).collect::<Vec<_>>() {
            if state == ContactState::Live && self.pairs.contains_key(&party) {
                self.begin_repair(party, turn)?;
            } else {
                self.give_up(party, turn)?;
            }
        }
        Ok(())
    }

    /// The contact can only be met again by an invite.
    fn give_up(&mut self, party: Party, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        self.erase_pair(party, turn)?;
        self.finish_join(party, turn);
        if let Some(contact) = self.contacts.get_mut(&party) {
            contact.state = ContactState::Failed;
        }
        self.put_contact(party, turn);
        self.event(Event::Notice(Notice::NeedsInvite(Self::contact_id(party))));
        Ok(())
    }

    fn begin_repair(&mut self, party: Party, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let Some(drawn) = self.draw_anew(party, false, turn) else {
            return self.give_up(party, turn);
        };
        self.begin_anew(party, drawn, turn)?;
        if self.pairs.contains_key(&party) {
            // A backup may keep what was written and not what waited.
            self.queue_written(party, turn)?;
        }
        Ok(())
    }

    /// What this side knows of repairs.
    fn anew(&self, party: Party, is_whole: bool) -> Item {
        let repairs = self.pairs.get(&party).map(|pair| pair.keys().repairs().to_vec());
        Item::Anew { is_whole, repairs: repairs.unwrap_or_default() }
    }

    /// Draws a repair that begins the stream anew.
    fn draw_anew(&self, party: Party, is_whole: bool, turn: &mut Turn<'_, '_>) -> Option<Drawn> {
        let drawn = self.draw_repair(party, &aside(&self.anew(party, is_whole)), turn)?;
        Some(Drawn { is_whole, ..drawn })
    }

    /// Draws what begins a generation by the repair drop, with a first word in it. Nothing if the other side has left no
    /// last resort that is sound.
    fn draw_repair(&self, party: Party, word: &Segment, turn: &mut Turn<'_, '_>) -> Option<Drawn> {
        let cert = self.their_cert(party)?;
        let keys = self.pairs.get(&party)?.keys();
        let bundle = Bundle::parse(keys.their_last_resort.as_ref()?, &cert).ok()?;
        let peer = PeerKeys { cert: &cert, bundle: &bundle };
        let (repair, begun) = Repair::begin(&self.me, peer, &keys.repair, &word.encode(), turn.rng).ok()?;
        let first_slot = turn.rng.next_u32() % REPAIR_SLOTS;
        let inner = [&[inner::REPAIR][..], &repair.encode()].concat();
        let opening = Opening::Repair { inner, first_slot, slot: first_slot };
        let origin = Origin { parent: None, opening: Some(opening), born: self.used(turn.now.moment) };
        Some(Drawn { origin, begun, their_seal: bundle.seal(), is_whole: true })
    }

    /// Begins the stream anew in a generation of the repair drop. All generations before it are gone.
    fn begin_anew(&mut self, party: Party, drawn: Drawn, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let Drawn { origin, begun, their_seal, is_whole } = drawn;
        let name = RepairName::of(&begun.established.sid);
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let old: Vec<u32> = pair.generations().map(|g| g.number).collect();
        pair.keys_mut().suspicion = None;
        pair.keys_mut().note_repair(name);
        let before = if is_whole { Before::Unknown } else { Before::MayMatter };
        self.begin_stream(party, (name.half(), None), before, is_whole, turn)?;
        self.give_last_resort_again(party, turn)?;
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        pair.keys_mut().said = Some(Said { name, is_whole });
        let number = pair.add(origin, begun.established, begun.session, (begun.seal, their_seal));
        pair.send_on(number);
        old.into_iter().try_for_each(|number| self.bury(party, number, turn))?;
        self.widen(party, number, turn);
        self.send_repair(party, number, turn)
    }

    /// A person suspects the keys that are shared with somebody: from now on an answer is waited for, in a generation that
    /// begins later.
    pub(super) fn await_answer(&mut self, party: Party, turn: &Turn<'_, '_>) {
        let now = self.used(turn.now.moment);
        if let Some(pair) = self.pairs.get_mut(&party) {
            pair.note_suspicion(now);
            self.dirty.insert(party);
        }
    }

    /// Returns the use at which a suspicion that nobody has answered goes by the repair drop.
    pub(super) fn repair_due(pair: &Pair) -> Option<Used> {
        let due = pair.keys().suspicion?.since.plus(UNANSWERED);
        Some(pair.keys().begun_anew.map_or(due, |last| due.max(last.plus(ANEW_PACE))))
    }

    /// Tells whether a suspicion stands in the day after which it goes by the repair drop: so long nobody goes back to keys
    /// from before it, which somebody else may read.
    pub(super) fn is_wary(pair: &Pair, now: Used) -> bool {
        let waits = |said: Suspicion| !pair.has_answered(said) && now.since(said.since) < UNANSWERED;
        pair.keys().suspicion.is_some_and(waits)
    }

    /// Begins anew by the repair drop if a person's suspicion was not answered for so long: somebody who has a copy of this
    /// device may have used the offer in it first, and then nothing of ours is heard in any generation.
    pub(super) fn press_suspicion(
        &mut self,
        party: Party,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let (now, counts) = (self.used(turn.now.moment), self.counts());
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let Some(suspicion) = pair.keys().suspicion else { return Ok(()) };
        let is_over = !counts || pair.has_answered(suspicion);
        if !is_over && Self::repair_due(pair).is_none_or(|due| due > now) {
            return Ok(());
        }
        let is_whole = pair.is_whole();
        pair.keys_mut().suspicion = None;
        self.dirty.insert(party);
        if is_over {
            return Ok(());
        }
        let drawn = self.draw_anew(party, is_whole, turn);
        if let Some(pair) = self.pairs.get_mut(&party) {
            pair.keys_mut().begun_anew = Some(now);
        }
        let Some(drawn) = drawn else {
            // Their last resort may come yet: the suspicion stands, and is pressed again at the same pace.
            if let Some(pair) = self.pairs.get_mut(&party) {
                pair.keys_mut().suspicion = Some(suspicion);
            }
            self.event(Event::Notice(Notice::NeedsInvite(Self::contact_id(party))));
            return Ok(());
        };
        self.begin_anew(party, drawn, turn)?;
        self.event(Event::Notice(Notice::BeginsAnew(Self::contact_id(party))));
        Ok(())
    }

    /// A device that its account has called back says so by the repair drop too: where somebody who has a copy of it has
    /// taken the conversation over, no other place is left. The word holds the list, so that one envelope is enough; it is
    /// never spoken in, and what waits in the stream goes on waiting there.
    pub(super) fn call_by_repair(&mut self, party: Party, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        if self.counts() || self.pairs.get(&party).is_none_or(Pair::says_call_back) {
            return Ok(());
        }
        let word = aside(&Item::Devices(self.me.list().bytes().to_vec()));
        let Some(drawn) = self.draw_repair(party, &word, turn) else { return Ok(()) };
        let parent = self.pairs.get(&party).and_then(|pair| pair.sending().parent);
        self.make_room(party, parent, turn)?;
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let Drawn { origin, begun, their_seal, .. } = drawn;
        let number = pair.add(origin, begun.established, begun.session, (begun.seal, their_seal));
        pair.keep_apart(number);
        self.send_repair(party, number, turn)
    }

    /// Whether our last resort came to them is not known any more: without it they could not meet us again in their turn.
    fn give_last_resort_again(&mut self, party: Party, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let given = self.pairs.get(&party).and_then(|pair| pair.keys().last_resort.as_ref());
        let bundle = given.and_then(|secret| secret.bundle(&self.me, LAST_RESORT_DAYS));
        let item = bundle.map(|bundle| Item::LastResort(bundle.bytes().to_vec()));
        item.map_or(Ok(()), |item| self.queue_once(party, &item, turn))
    }

    /// What waits in the stream and was not acknowledged, as it is kept.
    fn waiting(&self, party: Party, turn: &Turn<'_, '_>) -> Result<BTreeSet<Vec<u8>>, StoreError> {
        Ok(take_all(&tables::SENT, party, turn)?.into_iter().map(|(_, bytes)| bytes).collect())
    }

    /// Queues an item, unless it waits already: however often somebody begins anew, what waits does not grow.
    fn queue_once(&mut self, party: Party, item: &Item, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        if self.waiting(party, turn)?.contains(&Sent::Item(item.encode()).encode()) {
            return Ok(());
        }
        self.queue_item(party, item, turn)
    }

    fn send_repair(&mut self, party: Party, number: u32, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let Some(generation) = pair.generation(number) else { return Ok(()) };
        let Some(Opening::Repair { inner, slot, .. }) = &generation.opening else { return Ok(()) };
        let place = pair.keys().repair.slot(&self.me.account_id(), *slot);
        let class = Class::for_len(inner.len()).ok_or(crate::CORRUPT)?;
        let to = generation.their_seal();
        let blob = seal::seal_contact(class, &place.tag(), place.psk(), &to, inner, turn.rng)
            .map_err(|_| crate::CORRUPT)?;
        let blob = Blob::parse(blob).expect("a seal has the length of its class");
        let envelope = Envelope::seal_into(&place, blob, TTL_DAYS, 0);
        let mailboxes = self.mailboxes_of(party);
        // It stays until its time is over: a slot that was emptied would be closed for the next repair as long.
        let crossing = Crossing::Leaving {
            party,
            envelope: &envelope,
            deletion: None,
            mailboxes: &mailboxes,
            makes_room: false,
        };
        self.launch(party, SlotId { generation: number, slot: OPENING }, crossing, turn)
    }

    /// A mailbox says that the slot is taken, by an earlier repair: the next one is tried. Returns whether it is.
    pub(super) fn repair_refused(
        &mut self,
        number: u64,
        turn: &mut Turn<'_, '_>,
    ) -> Result<bool, StoreError> {
        let found = self.router.party_of(number).and_then(|party| {
            let pair = self.pairs.get_mut(&party)?;
            let (at, _) = pair.flights.iter().find(|(at, f)| at.slot == OPENING && f.number == number)?;
            Some((party, at.generation))
        });
        let Some((party, generation)) = found else { return Ok(false) };
        let Some(found) = self.pairs.get_mut(&party).and_then(|p| p.generation_mut(generation)) else {
            return Ok(false);
        };
        let Some(Opening::Repair { inner, first_slot, slot }) = found.opening.clone() else {
            return Ok(false);
        };
        let slot = (slot + 1) % REPAIR_SLOTS;
        if slot == first_slot {
            // All are taken. They become free as the mailbox forgets, and the last one is tried again.
            return Ok(false);
        }
        found.set_opening(Opening::Repair { inner, first_slot, slot });
        self.send_repair(party, generation, turn)?;
        Ok(true)
    }

    /// Something lies in the repair drop of a contact.
    pub(super) fn open_repair(
        &mut self,
        expected: Expected,
        blob: &[u8],
        road: Road,
        turn: &mut Turn<'_, '_>,
    ) -> Result<bool, StoreError> {
        let party = expected.party;
        let now = self.used(turn.now.moment);
        let (Some(cert), Some(pair)) = (self.their_cert(party), self.pairs.get(&party)) else {
            return Ok(false);
        };
        let slot = SlotId::from_number(expected.slot).slot;
        let Some(bundle) = pair.keys().last_resort.as_ref().filter(|_| slot < REPAIR_SLOTS) else {
            return Ok(false);
        };
        let secret: &RepairSecret = &pair.keys().repair;
        let place = secret.slot(&cert.account_id(), slot);
        let Ok(bytes) = seal::open_contact(blob, &place.tag(), place.psk(), bundle.seal()) else {
            return Ok(false);
        };
        let Some(Ok(repair)) = bytes.strip_prefix(&[inner::REPAIR]).map(Repair::parse) else {
            return Ok(false);
        };
        let Ok(answered) = repair.answer(&self.me, bundle, &cert, secret) else { return Ok(false) };
        let Ok(word) = Segment::decode(&answered.plain) else { return Ok(false) };
        let seals = (bundle.seal().clone(), repair.seal());
        let name = RepairName::of(&answered.established.sid);
        self.take_called_back(party, &word, turn)?;
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(true) };
        self.dirty.insert(party);
        // What they have said before this one is past, whatever comes first.
        let (is_whole, known_to_them) = what_they_know(&word);
        if pair.keys().repairs().contains(&name) {
            pair.keys_mut().learn_repairs(&known_to_them);
            self.owe_receipt(party, road, turn);
            return Ok(true);
        }
        if !pair.repairs.take(now, slot, blob) {
            return Ok(true);
        }
        pair.keys_mut().note_repair(name);
        pair.keys_mut().learn_repairs(&known_to_them);
        let (crosses, we_are_whole) = (pair.crosses(&known_to_them), pair.is_whole());
        let before = Before::after(is_whole);
        if !crosses {
            self.begin_stream(party, (name.half(), Some(name.half())), before, we_are_whole, turn)?;
        }
        self.make_room(party, None, turn)?;
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(true) };
        let origin = Origin { parent: None, opening: None, born: now };
        let number = pair.add(origin, answered.established, answered.session, seals);
        if crosses {
            pair.cross(number, now);
        } else {
            pair.send_on(number);
            pair.note_word();
        }
        self.widen(party, number, turn);
        if before == Before::ComesAgain {
            self.bury_streams(party, turn)?;
        }
        if let Some(contact) = self.contacts.get_mut(&party) {
            // A backup counts from where it was made.
            contact.reach_number = None;
        }
        self.put_contact(party, turn);
        // What it says stands beside the stream.
        self.hear(party, number, Some(0), turn);
        self.owe_receipt(party, road, turn);
        self.look_behind(road, turn);
        self.tell_restored(party);
        Ok(true)
    }

    /// Opens repairs that were too many within an hour, now that it is over.
    pub(super) fn open_late_repairs(&mut self, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let now = self.used(turn.now.moment);
        let ripe = self.pairs.values_mut().filter_map(|pair| Some((pair.party, pair.repairs.ripe(now)?)));
        for (party, (slot, blob)) in ripe.collect::<Vec<_>>() {
            let tag =
                self.pairs.get(&party).and_then(|pair| pair.keys().repair_tags.get(slot as usize).copied());
            let Some(tag) = tag else { continue };
            let expected = Expected { tag, party, slot: SlotId { generation: REPAIR, slot }.number() };
            self.open_repair(expected, &blob, Road::Mailbox(MailboxId(0), 0), turn)?;
        }
        Ok(())
    }

    fn tell_restored(&mut self, party: Party) {
        let Some(pair) = self.pairs.get_mut(&party) else { return };
        if pair.repairs_told < REPAIRS_TOLD_MAX {
            pair.repairs_told += 1;
            self.event(Event::Notice(Notice::ContactRestored(Self::contact_id(party))));
        }
    }

    /// The first word of a repair may say that its device is called back. That counts before all else, and under whatever
    /// number it stands.
    fn take_called_back(
        &mut self,
        party: Party,
        word: &Segment,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let lists = word.items.iter().filter_map(|item| match Item::decode(item) {
            Ok(Item::Devices(list)) => Some(list),
            _ => None,
        });
        lists.take(1).try_for_each(|list| self.take_devices(party, &list, turn))
    }

    /// Ends all generations of streams that have ended.
    fn bury_streams(&mut self, party: Party, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let Some(pair) = self.pairs.get(&party) else { return Ok(()) };
        let ended = pair.generations().map(|g| g.number).filter(|number| !pair.is_current(*number));
        let ended: Vec<u32> = ended.collect();
        ended.into_iter().try_for_each(|number| self.bury(party, number, turn))
    }

    /// Begins the stream anew: what is held is read in order, unless it comes again, what is not acknowledged is numbered
    /// from 1, behind word of what we have. Envelopes under way are withdrawn, offers forgotten.
    fn begin_stream(
        &mut self,
        party: Party,
        (half, theirs): (u32, Option<u32>),
        before: Before,
        is_whole: bool,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let name = tables::name(party.0);
        self.end_held(party, before, 0, turn)?;
        let waiting = take_all(&tables::SENT, party, turn)?;
        for (order, _) in &waiting {
            turn.overlay.delete(&tables::SENT, &name, *order);
        }
        let now = self.used(turn.now.moment);
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        for (at, flight) in std::mem::take(&mut pair.flights) {
            turn.overlay.delete(&tables::FLIGHT, &name, at.number());
            self.router.settle(flight.number, turn.overlay)?;
        }
        pair.doubted.clear();
        pair.begin_stream(half, theirs, now);
        pair.keys_mut().offer = None;
        pair.keys_mut().their_offer = None;
        pair.keys_mut().awaits_have = true;
        pair.keys_mut().have = None;
        self.queue_item(party, &self.anew(party, is_whole), turn)?;
        self.tell_have(party, turn)?;
        self.queue_item(party, &Item::Reach(self.reach()), turn)?;
        self.queue_item(party, &Item::Name(self.name.clone()), turn)?;
        waiting.into_iter().try_for_each(|(_, bytes)| self.queue_again(party, &bytes, turn))?;
        if !self.counts() {
            // The call-back of this device may have been among what was lost.
            self.queue_once(party, &Item::Devices(self.me.list().bytes().to_vec()), turn)?;
        }
        Ok(())
    }

    /// Ends what is held behind gaps, from one order on: it is read now, is left out since it comes again, or is put aside.
    fn end_held(
        &mut self,
        party: Party,
        before: Before,
        from: u64,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let name = tables::name(party.0);
        // A contact may bring this about by each of many items: only what is wanted is read.
        let (orders, most) = (from..=u64::MAX, 2 * HELD_ITEMS_MAX as usize);
        let held = turn.overlay.range(&tables::HELD, &name, orders, Direction::Ascending, most)?;
        // All goes before anything is put aside, also where something was put aside before.
        held.iter().for_each(|(order, _)| turn.overlay.delete(&tables::HELD, &name, *order));
        for (number, (_, bytes)) in (0..).zip(held) {
            match before {
                Before::MayMatter => {
                    self.released += bytes.len();
                    self.take_late(party, &bytes, turn)?;
                }
                Before::Unknown if number < HELD_ITEMS_MAX => {
                    turn.overlay.put(&tables::HELD, &name, HELD_ASIDE + number, bytes);
                }
                Before::Unknown | Before::ComesAgain => {}
            }
        }
        Ok(())
    }

    /// Tells whether the numbers of a segment are of the half of theirs that is read. Another half of theirs takes its place
    /// once its first item tells that it was begun later: they knew by then the repair by which the one that is read began.
    pub(super) fn reads_half(
        &mut self,
        party: Party,
        segment: &Segment,
        turn: &mut Turn<'_, '_>,
    ) -> Result<bool, StoreError> {
        let Some(pair) = self.pairs.get(&party) else { return Ok(false) };
        let read = pair.receiver.half();
        if read == Some(segment.half) {
            return Ok(true);
        }
        let first = segment.items.first().filter(|_| segment.first == 1).map(|item| Item::decode(item));
        let Some(Ok(Item::Anew { repairs, .. })) = first else { return Ok(false) };
        if read.is_some_and(|read| repairs.iter().all(|name| name.half() != read)) {
            return Ok(false);
        }
        self.end_held(party, Before::Unknown, 0, turn)?;
        if let Some(pair) = self.pairs.get_mut(&party) {
            pair.receiver = Receiver::anew(Some(segment.half));
            pair.keys_mut().awaits_have |= read.is_some() && pair.keys().said.is_some();
        }
        Ok(true)
    }

    /// The other side tells, first in a stream, which repairs it knows and whether it has lost anything: then what was put
    /// aside of the stream before is read, or it comes again.
    pub(super) fn take_anew(
        &mut self,
        party: Party,
        is_whole: bool,
        repairs: &[RepairName],
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        pair.keys_mut().learn_repairs(repairs);
        self.end_held(party, Before::after(is_whole), HELD_ASIDE, turn)
    }
}
