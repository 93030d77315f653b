//! From one generation to the next: offers are given, a handshake is made of them, old keys drain and die.
//!
//! Which generation sends is the pair's to say. Here it is decided when the next one begins, and everything that dies
//! is taken out: records, tags, and envelopes that nobody will open any more.

#[cfg(test)]
mod ageing;
#[cfg(test)]
mod devices;
#[cfg(test)]
mod ground;

use std::time::Duration;

use crypto::identity::{DeviceCert, DeviceList, Succession};
use crypto::prekey::{Bundle, BundleKind, BundleSecret, Offer, OfferSecret};
use crypto::renewal::Rekey;
use proto::id::{Moment, Party};
use proto::router::{Accepted, Crossing};
use proto::store::StoreError;

use super::receive::Road;
use super::{Engine, ME_IDENTITY, Turn};
use crate::contact::ContactState;
use crate::content::Item;
use crate::conversation::encode;
use crate::event::{Event, Notice};
use crate::pair::{
    Flight, Generation, OPENING, Opening, Origin, Pair, Phase, SlotId, TTL_DAYS, inner, order, slots_name,
};
use crate::stream::Segment;
use crate::tables;
use crate::uptime::Used;

/// When keys are made anew and how long old ones are kept. All times are days of use, never of a calendar.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Policy {
    /// Messages, of both sides together, after which the next generation begins.
    pub rekey_messages: u32,
    /// Use after which it begins with the next message.
    pub rekey_after: Duration,
    /// Use for which an old generation receives at the longest.
    pub drain: Duration,
    /// Use after which an offer that nobody took is replaced.
    pub offer_life: Duration,
    /// Use after which what nobody acknowledged is posted again: half the time that mailboxes are asked to keep it.
    pub repost: Duration,
}

pub(super) const DAY: Duration = Duration::from_secs(24 * 3_600);

impl Default for Policy {
    fn default() -> Self {
        Self {
            rekey_messages: 100,
            rekey_after: Duration::from_secs(7 * DAY.as_secs()),
            drain: Duration::from_secs(30 * DAY.as_secs()),
            offer_life: Duration::from_secs(60 * DAY.as_secs()),
            repost: Duration::from_secs(TTL_DAYS as u64 / 2 * DAY.as_secs()),
        }
    }
}

/// How often a person hears in one life of the program that a contact's lists of devices contradict each other. Whoever
/// has the account key can sign as many as they like.
const CONTRADICTIONS_TOLD_MAX: u32 = 4;

/// Days for which a last resort is said to be good: as long as the pair lives.
pub(super) const LAST_RESORT_DAYS: u16 = u16::MAX;

impl Engine {
    /// Sets when keys are made anew; a test can make a year of it short.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    pub(super) fn used(&self, now: Moment) -> Used {
        self.uptime.at(now)
    }

    /// Gives the other side what it needs of us for the next generation and for a repair, unless it has it.
    pub(super) fn give_keys(&mut self, party: Party, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let now = self.used(turn.now.moment);
        let (me, life) = (&self.me, self.policy.offer_life);
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let is_heard = pair.sending().is_heard();
        let mut items = Vec::new();
        if is_heard && pair.keys().last_resort.is_none() {
            let (secret, bundle) =
                BundleSecret::generate(BundleKind::Repair, 0, me, LAST_RESORT_DAYS, turn.rng);
            pair.keys_mut().last_resort = Some(secret);
            items.push(Item::LastResort(bundle.bytes().to_vec()));
        }
        // Who suspects keys does not wait to be heard.
        let (is_gone, says_so) = (pair.keys().offer.is_none(), is_heard || pair.keys().is_hasty);
        let is_old = is_heard && now.since(pair.keys().offer_given) >= life;
        if is_old || (is_gone && says_so) {
            items.push(renew_offer(pair, now, turn));
        }
        items.iter().try_for_each(|item| self.queue_item(party, item, turn))
    }

    /// Begins the next generation if this one has served long enough and an offer is at hand.
    pub(super) fn renew(&mut self, party: Party, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let now = self.used(turn.now.moment);
        let Some(pair) = self.pairs.get(&party) else { return Ok(()) };
        let (sending, policy) = (pair.sending(), self.policy);
        if !sending.is_heard() || pair.keys().their_offer.is_none() {
            return Ok(());
        }
        let is_old = pair.messages >= policy.rekey_messages || now.since(sending.born) >= policy.rekey_after;
        if pair.keys().is_hasty || (is_old && pair.sender.has_unsealed()) {
            let parent = sending.number;
            self.rekey(party, parent, turn)?;
        }
        Ok(())
    }

    /// Begins the generation after `parent` with the offer at hand.
    fn rekey(&mut self, party: Party, parent: u32, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let now = self.used(turn.now.moment);
        let Some(cert) = self.their_cert(party) else { return Ok(()) };
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let Some(base) = pair.generation(parent).filter(|g| g.room() > 0) else { return Ok(()) };
        let Some(offer) = &pair.keys().their_offer else { return Ok(()) };
        let word = pair.first_word().encode();
        let begun = Rekey::begin(&self.me, &cert, offer, &base.sid, &base.resume, &word, turn.rng);
        let seal = offer.seal();
        let was_hasty = std::mem::take(&mut pair.keys_mut().is_hasty);
        pair.keys_mut().their_offer = None;
        // Keys were checked when the offer came; one that still fails is as good as none.
        let Ok((rekey, begun)) = begun else { return Ok(()) };
        self.make_room(party, Some(parent), turn)?;
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let opening = Opening::Rekey {
            offer: rekey.offer_id(),
            inner: [&[inner::REKEY][..], &rekey.encode()].concat(),
        };
        let origin = Origin { parent: Some(parent), opening: Some(opening), born: now };
        let number = pair.add(origin, begun.established, begun.session, (begun.seal, seal));
        pair.send_on(number);
        self.widen(party, number, turn);
        if was_hasty {
            self.event(Event::ContactChanged(Self::contact_id(party)));
        }
        self.send_rekey(party, number, turn)
    }

    /// Seals what begins a generation into a fresh slot of the one before, and withdraws what was under way of it.
    pub(super) fn send_rekey(
        &mut self,
        party: Party,
        number: u32,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let Some(generation) = pair.generation(number) else { return Ok(()) };
        let (Some(Opening::Rekey { inner, .. }), Some(parent)) =
            (generation.opening.clone(), generation.parent)
        else {
            return Ok(());
        };
        let at = SlotId { generation: number, slot: OPENING };
        let Some(parent) = pair.generation_mut(parent).filter(|g| g.room() > 0) else {
            if let Some(flight) = pair.flights.get(&at) {
                self.router.repeat(flight.number);
            }
            return Ok(());
        };
        let (_, envelope, deletion) = parent.seal_inner(&inner, turn.rng);
        let mailboxes = self.mailboxes_of(party);
        let crossing = Crossing::Leaving {
            party,
            envelope: &envelope,
            deletion: Some(deletion),
            mailboxes: &mailboxes,
            makes_room: false,
        };
        self.launch(party, at, crossing, turn)
    }

    /// Hands what begins a generation to the router, in place of what was under way of it.
    pub(super) fn launch(
        &mut self,
        party: Party,
        at: SlotId,
        crossing: Crossing<'_>,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let posted = self.used(turn.now.moment).0;
        let Accepted::Kept(number) = self.router.accept(crossing, turn.now.moment, turn.overlay)? else {
            return Err(crate::CORRUPT);
        };
        // All else waits for it.
        self.router.spread(number);
        let flight = Flight { number, first: 0, count: 0, posted };
        turn.overlay.put(&tables::FLIGHT, &tables::name(party.0), at.number(), encode(&flight));
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let before = pair.flights.insert(at, flight);
        self.dirty.insert(party);
        before.map_or(Ok(()), |before| self.router.settle(before.number, turn.overlay))
    }

    /// The other side begins the next generation.
    pub(super) fn take_rekey(
        &mut self,
        party: Party,
        parent: u32,
        rekey: &Rekey,
        road: Road,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let now = self.used(turn.now.moment);
        self.owe_receipt(party, road, turn);
        let Some(cert) = self.their_cert(party) else { return Ok(()) };
        // Who begins something in a generation knows it, whether or not what they begin can be taken up.
        self.hear(party, parent, None, turn);
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        // A stream that has ended begins nothing, and nobody falls back to it.
        let Some(base) = pair.generation(parent).filter(|_| pair.is_current(parent)) else { return Ok(()) };
        // What was taken up is sent again until they hear of it: the copy is not refused, and they are heard in what it began.
        let taken = pair.generations().find(|taken| taken.their_seal() == rekey.seal()).map(|g| g.number);
        if let Some(taken) = taken {
            pair.stand_on(taken);
            return Ok(());
        }
        // An offer that was used before or burnt: they hold a newer one, or it is on its way to them.
        let offer = pair.keys().offer.as_ref().filter(|o| o.id() == rekey.offer_id());
        let answer = |offer| rekey.answer(&self.me, offer, &cert, &base.sid, &base.resume).ok();
        let Some((offer, answered)) = offer.and_then(|offer| Some((offer, answer(offer)?))) else {
            self.refuse(party, parent, turn);
            return Ok(());
        };
        let Ok(word) = Segment::decode(&answered.plain) else { return Ok(()) };
        let seals = (offer.seal().clone(), rekey.seal());
        pair.keys_mut().offer = None;
        self.make_room(party, Some(parent), turn)?;
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let origin = Origin { parent: Some(parent), opening: None, born: now };
        let number = pair.add(origin, answered.established, answered.session, seals);
        pair.stand_on(number);
        self.prefer(party, number);
        self.widen(party, number, turn);
        self.take_segment(party, number, word, road, turn)?;
        self.look_behind(road, turn);
        Ok(())
    }

    /// They began something in `parent` that cannot be taken up, so what they say in it is not heard here, receipts and all:
    /// what is under way is sealed anew, newer offers among it. If what we send on was not heard either, each may be
    /// speaking where the other cannot hear: `parent` is what both know. Ours is kept, in case they took it up.
    fn refuse(&mut self, party: Party, parent: u32, turn: &mut Turn<'_, '_>) {
        let Some(pair) = self.pairs.get(&party) else { return };
        let sending = pair.sending();
        let back = if sending.is_heard() { sending.number } else { parent };
        self.go_back(party, back, turn.now.moment);
    }

    /// Sends on a generation that they know from now on, and all that is under way anew: no word of it came, and none need
    /// have been lost.
    pub(super) fn go_back(&mut self, party: Party, number: u32, now: Moment) {
        let Some(pair) = self.pairs.get_mut(&party) else { return };
        pair.go_back(number);
        pair.doubt_all(now);
        Self::hasten_probe(pair, now);
        self.dirty.insert(party);
    }

    /// They were heard in this generation, and not by what came late. If they may not hear us where we send, we ask soon.
    pub(super) fn find_ground(&mut self, party: Party, number: u32, now: Moment) {
        let Some(pair) = self.pairs.get_mut(&party) else { return };
        pair.stand_on(number);
        if pair.is_apart() {
            Self::hasten_probe(pair, now);
        }
    }

    /// Sends on a generation that has just come to be, if it is better than the present one.
    pub(super) fn prefer(&mut self, party: Party, number: u32) {
        let Some(pair) = self.pairs.get_mut(&party) else { return };
        if pair.generation(number).is_some_and(|rival| pair.is_better(rival)) {
            pair.send_on(number);
            pair.note_word();
        }
    }

    /// What was left behind an envelope that began something was not waited for when the list was read.
    pub(super) fn look_behind(&mut self, road: Road, turn: &mut Turn<'_, '_>) {
        if let Road::Mailbox(mailbox, position) = road {
            self.look_again(mailbox, position, turn);
        }
    }

    /// An offer came. The newest is kept, and looked at once all that came in this turn is known.
    pub(super) fn take_offer(&mut self, party: Party, bytes: &[u8]) {
        let Ok(offer) = Offer::parse(bytes) else { return };
        let Some(pair) = self.pairs.get_mut(&party) else { return };
        if pair.keys().their_offer.as_ref().is_some_and(|held| held.id() >= offer.id()) {
            return;
        }
        pair.keys_mut().their_offer = Some(offer);
        pair.offer_came = true;
        self.dirty.insert(party);
    }

    /// If an offer came in this turn, and what we began rests on an older one, that one was burnt, or taken up before we
    /// hear of it: it is begun anew, and what was begun is kept in case they speak in it. Once, however many offers came.
    pub(super) fn take_newest_offer(
        &mut self,
        party: Party,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let came = std::mem::take(&mut pair.offer_came);
        let newest = pair.keys().their_offer.as_ref().filter(|_| came);
        let Some(id) = newest.map(Offer::id) else { return Ok(()) };
        let burnt = match &pair.sending().opening {
            Some(Opening::Rekey { offer, .. }) if *offer < id => Some(pair.sending().number),
            _ => None,
        };
        let Some(number) = burnt else { return Ok(()) };
        let newest_heard = pair.generations().rev().find(|g| g.is_heard() && pair.is_current(g.number));
        let Some(base) = newest_heard.map(|g| g.number) else { return Ok(()) };
        if let Some(generation) = pair.generation_mut(base) {
            generation.enter(Phase::Live);
        }
        pair.send_on(base);
        pair.note_word();
        self.withdraw_flights(party, number, turn)?;
        self.rekey(party, base, turn)
    }

    /// What is under way in a generation is sealed anew in another one.
    fn withdraw_flights(
        &mut self,
        party: Party,
        number: u32,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let flights: Vec<(SlotId, Flight)> =
            pair.flights.iter().filter(|(at, _)| at.generation == number).map(|(at, f)| (*at, *f)).collect();
        for (at, flight) in flights {
            if flight.count > 0 {
                pair.doubted.insert(at, Moment(0));
            } else {
                pair.flights.remove(&at);
                turn.overlay.delete(&tables::FLIGHT, &tables::name(party.0), at.number());
                self.router.settle(flight.number, turn.overlay)?;
            }
        }
        Ok(())
    }

    /// Ends generations that have drained.
    pub(super) fn bury_drained(&mut self, party: Party, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let now = self.used(turn.now.moment);
        let Some(pair) = self.pairs.get(&party) else { return Ok(()) };
        let drained = pair.drained(now, self.policy.drain);
        drained.into_iter().try_for_each(|number| self.bury(party, number, turn))
    }

    /// Ends generations until one more may live.
    pub(super) fn make_room(
        &mut self,
        party: Party,
        parent: Option<u32>,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        while let Some(number) = self.pairs.get(&party).and_then(|pair| pair.surplus(parent)) {
            self.bury(party, number, turn)?;
        }
        Ok(())
    }

    /// Ends a generation: its keys and records go, its tags are waited for no longer, and what was sealed in it and is
    /// not known to have come is sealed anew.
    pub(super) fn bury(
        &mut self,
        party: Party,
        number: u32,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let early: Vec<SlotId> = pair.early.iter().filter(|at| at.generation == number).copied().collect();
        let Some(generation) = pair.remove(number) else { return Ok(()) };
        self.withdraw_flights(party, number, turn)?;
        for at in early {
            turn.overlay.delete(&tables::EARLY, &tables::name(party.0), at.number());
        }
        self.erase_generation(party, &generation, turn)?;
        self.dirty.insert(party);
        Ok(())
    }

    /// Takes a generation's records out of the store and its tags out of the router.
    pub(super) fn erase_generation(
        &mut self,
        party: Party,
        generation: &Generation,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let name = slots_name(party, generation.number);
        for (slot, tag) in generation.window.tags() {
            self.router.forget(&tag);
            turn.overlay.delete(&tables::SLOT, &name, slot.into());
        }
        for table in [&tables::GENERATION, &tables::LIVE] {
            turn.overlay.delete(table, b"", order(party, generation.number));
        }
        Ok(())
    }

    /// Keys that were given to a contact may be known to somebody else: they are burnt. At the end of the turn new ones
    /// are given, once however often it was said, and the next generation begins, or as soon as an offer of theirs is at
    /// hand.
    pub(super) fn suspect(&mut self, party: Party) {
        let Some(pair) = self.pairs.get_mut(&party) else { return };
        pair.keys_mut().is_hasty = true;
        pair.keys_mut().offer = None;
        self.dirty.insert(party);
        self.event(Event::ContactChanged(Self::contact_id(party)));
    }

    /// Tells whether this device counts among those of its account.
    pub(super) fn counts(&self) -> bool {
        self.me.list().contains(self.me.cert())
    }

    /// The account calls this device back: all who know it are told by its next list of devices. Invites that are
    /// open name a device that counts no longer, so they end.
    pub(super) fn call_back_device(&mut self, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        if !self.counts() {
            return Ok(());
        }
        if !self.me.revoke(self.me.cert().hash()) {
            return Err(crate::CORRUPT);
        }
        turn.overlay.put(&tables::ME, b"", ME_IDENTITY, self.me.to_bytes().to_vec());
        let item = Item::Devices(self.me.list().bytes().to_vec());
        let invites: Vec<Party> = self.invites.keys().copied().collect();
        invites.into_iter().try_for_each(|party| self.withdraw_invite(party, turn))?;
        let parties: Vec<Party> = self.pairs.keys().copied().collect();
        parties.into_iter().try_for_each(|party| self.queue_item(party, &item, turn))
    }

    /// The contact's account says which devices count.
    pub(super) fn take_devices(
        &mut self,
        party: Party,
        bytes: &[u8],
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Ok(next) = DeviceList::parse(bytes) else { return Ok(()) };
        let Some(cert) = self.their_cert(party) else { return Ok(()) };
        let Some(contact) = self.contacts.get_mut(&party) else { return Ok(()) };
        let known = contact.list.as_ref().and_then(|list| DeviceList::parse(list).ok());
        let Some(known) = known else { return Ok(()) };
        let verdict = known.judge(&next);
        if matches!(verdict, Succession::Same | Succession::Foreign) {
            return Ok(());
        }
        let is_newer = verdict == Succession::Newer;
        let (before, after) = if is_newer { (&known, &next) } else { (&next, &known) };
        // What is called back stays so: a list that says otherwise is none of the owner's.
        let contradicts = verdict == Succession::Equivocation || before.calls_back_more_than(after);
        // A call-back counts under any epoch: who has copied the account key can always name a higher one.
        let closes = next.revokes(&cert) || (is_newer && !next.contains(&cert));
        let is_taken = closes || (is_newer && !contradicts);
        if is_taken {
            contact.list = Some(bytes.to_vec());
            self.put_contact(party, turn);
        }
        if contradicts {
            self.tell_contradiction(party);
        }
        if closes {
            self.close(party, turn)?;
        } else if is_taken && next.calls_back_more_than(&known) {
            self.suspect(party);
        }
        Ok(())
    }

    fn tell_contradiction(&mut self, party: Party) {
        let Some(pair) = self.pairs.get_mut(&party) else { return };
        if pair.contradictions_told < CONTRADICTIONS_TOLD_MAX {
            pair.contradictions_told += 1;
            self.event(Event::Notice(Notice::DevicesContradict(Self::contact_id(party))));
        }
    }

    /// The device at the other end counts no longer: nothing is sent to it and nothing taken from it.
    fn close(&mut self, party: Party, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        self.erase_pair(party, turn)?;
        if let Some(contact) = self.contacts.get_mut(&party) {
            contact.state = ContactState::Failed;
        }
        self.put_contact(party, turn);
        self.event(Event::ContactChanged(Self::contact_id(party)));
        self.event(Event::Notice(Notice::DeviceCalledBack(Self::contact_id(party))));
        Ok(())
    }

    /// Takes out all that is shared with a device, with what was under way to it.
    pub(super) fn erase_pair(&mut self, party: Party, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        if let Some(pair) = self.pairs.remove(&party) {
            for generation in pair.generations() {
                self.erase_generation(party, generation, turn)?;
            }
            pair.keys().repair_tags.iter().for_each(|tag| self.router.forget(tag));
            for flight in pair.flights.values() {
                self.router.settle(flight.number, turn.overlay)?;
            }
        }
        self.dirty.remove(&party);
        for table in [&tables::SENT, &tables::FLIGHT, &tables::HELD, &tables::EARLY] {
            for (order, _) in take_all(table, party, turn)? {
                turn.overlay.delete(table, &tables::name(party.0), order);
            }
        }
        for table in [&tables::PAIR, &tables::STREAM] {
            turn.overlay.delete(table, b"", party.0.into());
        }
        for link in self.router.links_to(party) {
            self.outputs.push(super::Output::Close(link));
            self.link_down(link, turn)?;
        }
        Ok(())
    }

    /// The certificate of the device at the other end.
    pub(super) fn their_cert(&self, party: Party) -> Option<DeviceCert> {
        DeviceCert::parse(self.contacts.get(&party)?.cert.as_ref()?).ok()
    }

    /// A last resort came: it is kept if it is one of the device at the other end.
    pub(super) fn take_last_resort(&mut self, party: Party, bytes: &[u8]) {
        let Some(cert) = self.their_cert(party) else { return };
        let sound = Bundle::parse(bytes, &cert).is_ok_and(|bundle| bundle.kind() == BundleKind::Repair);
        if let Some(pair) = self.pairs.get_mut(&party).filter(|_| sound) {
            pair.keys_mut().their_last_resort = Some(bytes.to_vec());
        }
    }
}

/// Draws an offer in place of the one that is out, whose secret half is gone from now on.
fn renew_offer(pair: &mut Pair, now: Used, turn: &mut Turn<'_, '_>) -> Item {
    let keys = pair.keys_mut();
    let (secret, offer) = OfferSecret::generate(keys.next_offer, turn.rng);
    keys.next_offer += 1;
    keys.offer = Some(secret);
    keys.offer_given = now;
    Item::Offer(offer.bytes().to_vec())
}

/// Returns all records of a pair in one table.
pub(super) fn take_all(
    table: &proto::store::Table,
    party: Party,
    turn: &Turn<'_, '_>,
) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
    let mut records = Vec::new();
    super::each(table, &tables::name(party.0), turn.overlay, |order, bytes| {
        records.push((order, bytes.to_vec()));
        Ok(())
    })?;
    Ok(records)
}
