//! From words to envelopes: items get numbers, segments are sealed, and the router gets what leaves.

use std::time::Duration;

use proto::id::{Moment, Party};
use proto::router::{Accepted, Crossing, MailboxId};
use proto::store::StoreError;

use super::{Engine, Turn};
use crate::content::{Body, Item, MessageId};
use crate::conversation::{self, Inserted, decode, encode};
use crate::event::{Delivery, Event, Place, Step, Trail};
use crate::pair::{Flight, OPENING, Opening, Pair, SEGMENT_BYTES_MAX, SlotId};
use crate::stream::{SEGMENT_ITEMS_MAX, Segment};
use crate::tables;
use crate::uptime::Used;

/// Slots in doubt from which items wait to share an envelope: the other side is away, and slots are finite.
const GATHER_FROM_SLOTS: u32 = 128;
/// How long they wait, at first and when slots grow scarce.
const GATHER: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(60)];
/// How long an envelope may be missing while later ones came before its items are sealed again.
const DOUBT: Duration = Duration::from_secs(10);
/// How long the other side may say nothing of what is under way before it is sent once more, the first time, the
/// second, and so on. A relay can lose its disk and a receipt its envelope; a friend can be away for months.
const PROBES: [Duration; 6] = [
    Duration::from_secs(600),
    Duration::from_secs(3_600),
    Duration::from_secs(6 * 3_600),
    Duration::from_secs(24 * 3_600),
    Duration::from_secs(3 * 24 * 3_600),
    Duration::from_secs(7 * 24 * 3_600),
];

/// What a number of the stream stands for, until it is acknowledged.
pub(crate) enum Sent {
    /// A message of ours at a place of a conversation.
    Message(u32, Place),
    /// The bytes of another item.
    Item(Vec<u8>),
    /// A message of ours that was deleted here before it was received there.
    Withdrawn,
}

impl Sent {
    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Withdrawn => vec![2],
            Self::Message(conversation, place) => {
                [&[1][..], &conversation.to_be_bytes(), &place.0.to_be_bytes()].concat()
            }
            Self::Item(bytes) => [&[0][..], bytes].concat(),
        }
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        match bytes.split_first() {
            Some((1, rest)) => {
                let (conversation, place) = rest.split_first_chunk::<4>().ok_or(crate::CORRUPT)?;
                let place = place.try_into().map_err(|_| crate::CORRUPT)?;
                Ok(Self::Message(u32::from_be_bytes(*conversation), Place(u64::from_be_bytes(place))))
            }
            Some((0, rest)) => Ok(Self::Item(rest.to_vec())),
            Some((2, [])) => Ok(Self::Withdrawn),
            _ => Err(crate::CORRUPT),
        }
    }
}

impl Engine {
    /// Keeps an own message and queues it for the other side. Returns its id.
    pub(super) fn write_message(
        &mut self,
        number: u32,
        body: Body,
        turn: &mut Turn<'_, '_>,
    ) -> Result<MessageId, StoreError> {
        let (id, place) = self.write_unseen(number, body, turn)?;
        if let Some(conversation) = self.conversations.get_mut(&number) {
            conversation.wrote_at(place);
        }
        Ok(id)
    }

    /// Writes what the program says by itself: the person has not seen it.
    pub(super) fn write_unseen(
        &mut self,
        number: u32,
        body: Body,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(MessageId, Place), StoreError> {
        let mut salt = [0; 32];
        turn.rng.fill_bytes(&mut salt);
        let device = self.device_id();
        let conversation = self.conversations.get_mut(&number).ok_or(crate::CORRUPT)?;
        let content = conversation.compose(device, body, turn.now.label_ms, salt);
        let bytes = content.encode();
        let label = turn.now.label_ms;
        let inserted = conversation.insert(number, &bytes, &content, true, label, turn.overlay)?;
        let Inserted::New(id, place) = inserted else { return Err(crate::CORRUPT) };
        let (conversation_id, party) = (conversation.id, Party(conversation.party));
        self.dirty_conversations.insert(number);
        self.await_fading(number, place, &content.body, true, turn);
        let mut trail = Trail::default();
        trail.note(Step::Written, label);
        turn.overlay.put(&tables::TRAIL, &tables::name(number), place.0, encode(&trail));
        if self.pairs.contains_key(&party) {
            self.queue_message(party, number, place, turn)?;
        }
        self.event(Event::Message { conversation: conversation_id, id, mine: true });
        Ok((id, place))
    }

    /// Queues a message of ours for the other side.
    pub(super) fn queue_message(
        &mut self,
        party: Party,
        conversation: u32,
        place: Place,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        self.queue(party, &Sent::Message(conversation, place), turn)
    }

    /// Queues an item other than a message.
    pub(super) fn queue_item(
        &mut self,
        party: Party,
        item: &Item,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        self.queue(party, &Sent::Item(item.encode()), turn)
    }

    /// Queues what waited in a stream that has ended; what only made sense there is left out.
    pub(super) fn queue_again(
        &mut self,
        party: Party,
        bytes: &[u8],
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let sent = Sent::decode(bytes)?;
        match &sent {
            Sent::Withdrawn => Ok(()),
            Sent::Message(..) => self.queue(party, &sent, turn),
            Sent::Item(item) => match Item::decode(item) {
                Ok(Item::Read(..) | Item::LastResort(_) | Item::Devices(_)) => self.queue(party, &sent, turn),
                _ => Ok(()),
            },
        }
    }

    fn queue(&mut self, party: Party, sent: &Sent, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let Some(pair) = self.pairs.get_mut(&party) else { return Err(crate::CORRUPT) };
        let sequence = pair.sender.number();
        turn.overlay.put(&tables::SENT, &tables::name(party.0), sequence, sent.encode());
        self.dirty.insert(party);
        Ok(())
    }

    /// This device's id, as it stands in content headers.
    pub(super) fn device_id(&self) -> [u8; 16] {
        *self.me.cert().device_id().as_bytes()
    }

    /// Seals what waits in each pair, and receipts that are due.
    pub(super) fn flush_pairs(&mut self, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let due: Vec<Party> =
            self.pairs.values().filter(|p| self.is_due(p, turn.now.moment)).map(|p| p.party).collect();
        for party in due {
            self.press_suspicion(party, turn)?;
            self.bury_drained(party, turn)?;
            self.send_again(party, turn)?;
            self.give_keys(party, turn)?;
            self.take_newest_offer(party, turn)?;
            self.renew(party, turn)?;
            self.probe(party, turn)?;
            self.post_again(party, turn)?;
            self.reseal_doubted(party, turn)?;
            self.flush(party, turn)?;
            self.call_by_repair(party, turn)?;
            self.plan_probe(party, turn.now.moment);
        }
        Ok(())
    }

    fn is_due(&self, pair: &Pair, now: Moment) -> bool {
        self.dirty.contains(&pair.party) || self.pair_deadline(pair).is_some_and(|at| at <= now)
    }

    /// Returns when something of this pair falls due by time alone.
    pub(super) fn pair_deadline(&self, pair: &Pair) -> Option<Moment> {
        let ack = pair.ack_due.filter(|_| pair.room() > 0);
        let doubt =
            pair.doubted.values().min().map(|since| since.plus(DOUBT)).filter(|_| pair.room_for_items() > 0);
        let early = match pair.early_since {
            Some(_) if pair.early_goes_on => Some(Moment(0)),
            since => since.map(|since| since.plus(super::receive::EARLY_PATIENCE)),
        };
        let oldest = pair.lasting().map(|(_, flight)| flight.posted).min();
        let repost = oldest.map(|posted| self.uptime.moment(Used(posted).plus(self.policy.repost)));
        let suspicion = Self::repair_due(pair).map(|due| self.uptime.moment(due));
        let repair = pair.late_repair_due().map(|due| self.uptime.moment(due));
        let goes_on = (pair.receiver.is_ready() || pair.keys().have.is_some()).then_some(Moment(0));
        let deadlines =
            [ack, doubt, early, pair.gather_until, pair.probe_at, repost, suspicion, repair, goes_on];
        deadlines.into_iter().flatten().min()
    }

    fn flush(&mut self, party: Party, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        loop {
            let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
            if !pair.sender.has_unsealed() || pair.room_for_items() == 0 {
                pair.gather_until = None;
                break;
            }
            let first = pair.sender.sealed() + 1;
            let items = collect_items(party, first, pair.sender.next(), turn)?;
            let full = items.len() as u64 + first < pair.sender.next();
            let scarce = pair.slots_in_doubt() >= GATHER_FROM_SLOTS;
            if scarce && !full && !self.router.has_link(party) {
                let patience = GATHER[usize::from(pair.room_for_items() < 32)];
                let until = *pair.gather_until.get_or_insert(turn.now.moment.plus(patience));
                if turn.now.moment < until {
                    break;
                }
            }
            pair.gather_until = None;
            self.seal_segment(party, first, items, turn)?;
        }
        let ack_due = self.pairs.get(&party).and_then(|p| p.ack_due.filter(|_| p.room() > 0));
        if ack_due.is_some_and(|at| at <= turn.now.moment) {
            self.seal_segment(party, 0, Vec::new(), turn)?;
        }
        Ok(())
    }

    /// Seals one segment and hands the envelope to the router. Any segment carries the newest receipt.
    fn seal_segment(
        &mut self,
        party: Party,
        first: u64,
        items: Vec<Vec<u8>>,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let count = items.len() as u64;
        let sealed = pair.sender.sealed().max((first + count).saturating_sub(1));
        let segment = Segment { first, items, ack: pair.ack(), sealed, half: pair.sender.half() };
        let (at, envelope, deletion) = pair.seal(&segment, turn.rng);
        pair.ack_due = None;
        pair.ack_sent = Some(turn.now.moment);
        pair.unacknowledged = 0;
        let newly = if count > 0 && first + count - 1 > pair.sender.sealed() {
            pair.sender.sealed() + 1
        } else {
            u64::MAX
        };
        if count > 0 {
            pair.sender.mark_sealed(first + count - 1);
        }
        let mailboxes = self.mailboxes_of(party);
        let crossing = Crossing::Leaving {
            party,
            envelope: &envelope,
            deletion: Some(deletion),
            mailboxes: &mailboxes,
            // A receipt alone: the other side will take back what it speaks of.
            makes_room: count == 0,
        };
        let Accepted::Kept(number) = self.router.accept(crossing, turn.now.moment, turn.overlay)? else {
            return Err(crate::CORRUPT);
        };
        // What is sealed anew was lost by who had it, and nobody tells whether a receipt came.
        if newly == u64::MAX {
            self.router.spread(number);
        }
        let flight = Flight { number, first, count, posted: self.used(turn.now.moment).0 };
        turn.overlay.put(&tables::FLIGHT, &tables::name(party.0), at.number(), encode(&flight));
        if let Some(pair) = self.pairs.get_mut(&party) {
            pair.flights.insert(at, flight);
        }
        self.dirty.insert(party);
        for sequence in flight.items().filter(|s| *s >= newly) {
            self.note_sealed(party, sequence, turn)?;
        }
        Ok(())
    }

    /// An item is sealed for the first time: a message among those that its generation carries.
    fn note_sealed(
        &mut self,
        party: Party,
        sequence: u64,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Some(bytes) = turn.overlay.get(&tables::SENT, &tables::name(party.0), sequence)? else {
            return Ok(());
        };
        let Sent::Message(conversation, place) = Sent::decode(&bytes)? else { return Ok(()) };
        if let Some(pair) = self.pairs.get_mut(&party) {
            pair.messages = pair.messages.saturating_add(1);
        }
        self.note_at(conversation, place, Step::Sealed, turn)
    }

    fn plan_probe(&mut self, party: Party, now: Moment) {
        let Some(pair) = self.pairs.get_mut(&party) else { return };
        if pair.lasting().next().is_none() {
            pair.probe_at = None;
        } else if pair.probe_at.is_none() {
            pair.probe_at = Some(now.plus(PROBES[pair.probes.min(PROBES.len() - 1)]));
        }
    }

    /// The other side has shown that it is there: what is under way is asked for soon, however seldom it was before. Unlike
    /// a receipt this does not put off what is due.
    pub(super) fn hasten_probe(pair: &mut Pair, now: Moment) {
        pair.probes = 0;
        pair.probe_at = pair.probe_at.map(|at| at.min(now.plus(PROBES[0])));
    }

    /// Sends the oldest of what is under way once more if nothing was heard of it for long. If it had come, it is
    /// known there and a receipt comes back; if it was lost, what comes now tells them what else is missing.
    fn probe(&mut self, party: Party, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let now = self.used(turn.now.moment);
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        if pair.probe_at.is_none_or(|at| at > turn.now.moment) {
            return Ok(());
        }
        pair.probe_at = None;
        pair.probes += 1;
        if let Some(ground) = pair.retreat().filter(|_| !Self::is_wary(pair, now)) {
            self.go_back(party, ground, turn.now.moment);
            return Ok(());
        }
        // What is withdrawn from a full mailbox makes room for what came later, and has to queue behind it.
        let scarce = pair.slots_in_doubt() >= GATHER_FROM_SLOTS || self.router.waits_for_room(party);
        let oldest = pair.flights.iter().find(|(at, f)| f.count > 0 && at.slot != OPENING);
        let oldest = oldest.map(|(at, flight)| (*at, flight.number));
        let openings: Vec<SlotId> = pair.flights.keys().copied().filter(|at| at.slot == OPENING).collect();
        let is_rekey = |at: &SlotId| {
            let opening = pair.generation(at.generation).and_then(|g| g.opening.as_ref());
            matches!(opening, Some(Opening::Rekey { .. }))
        };
        // What begins the next generation is sealed anew and asks for word as well: it takes turns with the rest.
        let rekey = openings.iter().copied().find(is_rekey);
        match rekey {
            Some(at) if oldest.is_none() || !pair.probed_opening => {
                pair.probed_opening = true;
                return self.repeat_opening(party, at, turn);
            }
            Some(_) => pair.probed_opening = false,
            None => openings.into_iter().try_for_each(|at| self.repeat_opening(party, at, turn))?,
        }
        match oldest {
            None => Ok(()),
            // Slots and room are finite; the same bytes at least fill a relay that has lost them.
            Some((_, number)) if scarce => {
                self.router.repeat(number);
                Ok(())
            }
            Some((at, _)) => self.reseal(party, at, turn),
        }
    }

    /// Sends what begins a generation once more.
    fn repeat_opening(
        &mut self,
        party: Party,
        at: SlotId,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let posted = self.uptime.at(turn.now.moment).0;
        match pair.generation(at.generation).and_then(|g| g.opening.as_ref()) {
            Some(Opening::Rekey { .. }) => self.send_rekey(party, at.generation, turn)?,
            // These have slots outside of any drop, and can only be repeated as they are.
            Some(Opening::Init | Opening::Repair { .. }) => {
                if let Some(flight) = pair.flights.get(&at) {
                    self.router.repeat(flight.number);
                }
            }
            None => {}
        }
        if let Some(flight) = self.pairs.get_mut(&party).and_then(|pair| pair.flights.get_mut(&at)) {
            flight.posted = posted;
            turn.overlay.put(&tables::FLIGHT, &tables::name(party.0), at.number(), encode(flight));
        }
        Ok(())
    }

    /// Posts again what mailboxes may forget before anybody fetches it: sealed anew, as much as fits in one envelope,
    /// or as it is where a mailbox is full.
    fn post_again(&mut self, party: Party, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let (now, after) = (self.used(turn.now.moment), self.policy.repost);
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let age = |flight: &Flight| now.since(Used(flight.posted));
        if !pair.lasting().any(|(_, flight)| age(&flight) >= after) {
            return Ok(());
        }
        // All goes along, so that it can share envelopes; and for now nothing else need ask for word.
        pair.probe_at = None;
        let (openings, ripe): (Vec<_>, Vec<_>) = pair.lasting().partition(|(at, _)| at.slot == OPENING);
        openings.into_iter().try_for_each(|(at, _)| self.repeat_opening(party, at, turn))?;
        let missing: std::collections::BTreeSet<u64> = match self.pairs.get(&party) {
            Some(pair) => {
                ripe.iter().flat_map(|(_, f)| f.items()).filter(|s| !pair.sender.is_acked(*s)).collect()
            }
            None => return Ok(()),
        };
        let (mut left, is_full) = (missing.clone(), self.router.waits_for_room(party));
        while let Some(first) = left.first().copied() {
            if is_full || self.pairs.get(&party).is_none_or(|pair| pair.room_for_items() == 0) {
                break;
            }
            let end = (first..).find(|sequence| !left.contains(sequence)).unwrap_or(first);
            let items = collect_items(party, first, end, turn)?;
            left = left.split_off(&(first + items.len() as u64));
            self.seal_segment(party, first, items, turn)?;
        }
        for (at, flight) in ripe {
            if flight.items().any(|sequence| left.contains(&sequence)) {
                // No slot or room is left for it: the same bytes go out again, and fill a mailbox that has forgotten them.
                self.router.repeat(flight.number);
                let Some(kept) = self.pairs.get_mut(&party).and_then(|p| p.flights.get_mut(&at)) else {
                    continue;
                };
                kept.posted = now.0;
                turn.overlay.put(&tables::FLIGHT, &tables::name(party.0), at.number(), encode(kept));
            } else {
                self.withdraw_envelope(party, at, turn)?;
            }
        }
        Ok(())
    }

    /// Takes back an envelope that is under way.
    fn withdraw_envelope(
        &mut self,
        party: Party,
        at: SlotId,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        pair.doubted.remove(&at);
        let Some(flight) = pair.flights.remove(&at) else { return Ok(()) };
        turn.overlay.delete(&tables::FLIGHT, &tables::name(party.0), at.number());
        self.router.settle(flight.number, turn.overlay)
    }

    /// Seals anew the items of envelopes that are long missing while later ones came.
    fn reseal_doubted(&mut self, party: Party, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let ripe: Vec<SlotId> = pair
            .doubted
            .iter()
            .filter(|(_, since)| since.plus(DOUBT) <= turn.now.moment)
            .map(|(at, _)| *at)
            .collect();
        for at in ripe {
            let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
            if pair.room_for_items() == 0 {
                return Ok(());
            }
            self.reseal(party, at, turn)?;
        }
        Ok(())
    }

    /// Seals what is missing of one envelope into fresh ones.
    pub(super) fn reseal(
        &mut self,
        party: Party,
        at: SlotId,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let Some(flight) = pair.flights.get(&at).copied() else {
            pair.doubted.remove(&at);
            return Ok(());
        };
        let missing: Vec<u64> = flight.items().filter(|s| !pair.sender.is_acked(*s)).collect();
        self.withdraw_envelope(party, at, turn)?;
        for run in missing.chunk_by(|a, b| a + 1 == *b) {
            let items = collect_items(party, run[0], run[run.len() - 1] + 1, turn)?;
            // The run came out of one envelope, so it fits into one.
            self.seal_segment(party, run[0], items, turn)?;
        }
        Ok(())
    }

    /// Returns where a counterpart looks for mail.
    pub(super) fn mailboxes_of(&self, party: Party) -> Vec<MailboxId> {
        self.contacts
            .get(&party)
            .map(|c| c.mailboxes.iter().copied().map(MailboxId).collect())
            .unwrap_or_default()
    }

    /// Notes a step of the message behind `sequence`, if it is one.
    pub(super) fn note(
        &mut self,
        party: Party,
        sequence: u64,
        step: Step,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Some(bytes) = turn.overlay.get(&tables::SENT, &tables::name(party.0), sequence)? else {
            return Ok(());
        };
        match Sent::decode(&bytes)? {
            Sent::Message(conversation, place) => self.note_at(conversation, place, step, turn),
            Sent::Item(_) | Sent::Withdrawn => Ok(()),
        }
    }

    pub(super) fn note_at(
        &mut self,
        conversation: u32,
        place: Place,
        step: Step,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let name = tables::name(conversation);
        // What was deleted here has no way any more.
        let Some(bytes) = turn.overlay.get(&tables::TRAIL, &name, place.0)? else { return Ok(()) };
        // Nor has what a damaged log has lost.
        let Some(record) = conversation::record_at(conversation, place, turn.overlay)? else { return Ok(()) };
        let mut trail: Trail = decode(&bytes)?;
        let before = trail.delivery();
        if !trail.note(step, turn.now.label_ms) {
            return Ok(());
        }
        turn.overlay.put(&tables::TRAIL, &name, place.0, encode(&trail));
        let delivery = trail.delivery();
        if delivery >= Delivery::Delivered {
            self.start_fading(conversation, place, turn);
        }
        if delivery != before {
            let id = crate::content::Content::id(&record.content);
            if let Some(conversation) = self.conversations.get(&conversation) {
                let conversation = conversation.id;
                self.event(Event::Delivery { conversation, id, delivery });
            }
        }
        Ok(())
    }
}

/// Reads items from `first` up to before `end`, as many as one segment takes.
fn collect_items(
    party: Party,
    first: u64,
    end: u64,
    turn: &Turn<'_, '_>,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut items = Vec::new();
    let mut bytes = Segment::OVERHEAD_BYTES;
    for sequence in first..end {
        let record =
            turn.overlay.get(&tables::SENT, &tables::name(party.0), sequence)?.ok_or(crate::CORRUPT)?;
        let item = match Sent::decode(&record)? {
            Sent::Item(bytes) => bytes,
            Sent::Withdrawn => Item::Withdrawn.encode(),
            Sent::Message(conversation, place) => {
                match conversation::record_at(conversation, place, turn.overlay)? {
                    Some(record) => Item::Message(record.content).encode(),
                    // Deleted after it was sent once more: it had been received long before.
                    None => Item::Withdrawn.encode(),
                }
            }
        };
        bytes += item.len() + Segment::ITEM_OVERHEAD_BYTES;
        if !items.is_empty() && (bytes > SEGMENT_BYTES_MAX || items.len() == SEGMENT_ITEMS_MAX) {
            break;
        }
        items.push(item);
    }
    Ok(items)
}
