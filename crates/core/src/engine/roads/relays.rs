//! Relays: whose mail lies where, and what each is asked next.

use std::time::Duration;

use proto::descriptor::RelayDescriptor;
use proto::frame::Frame;
use proto::id::{Address, LinkId, Moment, Prefix, RelayId};
use proto::mailbox::client::{Client, ClientEvent, Cursor, Refusal};
use proto::router::{Crossing, MailboxId, Setback};
use proto::store::{Overlay, StoreError};

use super::known::RelayRecord;
use super::seeking::Seeking;
use crate::content::REACH_RELAYS_MAX;
use crate::conversation::decode;
use crate::engine::command::Takes;
use crate::engine::receive::Road;
use crate::engine::{Engine, LinkState, Output, Turn};
use crate::event::{Event, Notice, RelayNumber, Step};
use crate::tables;

/// Deletions told to a relay in one request.
const DELETIONS_MAX: usize = 32;
/// A relay that would not take mail is asked again after this long.
const ASK_AGAIN: Duration = Duration::from_secs(300);

/// A relay as this profile knows it.
pub(crate) struct Relay {
    pub(super) record: RelayRecord,
    pub(super) link: Option<LinkId>,
    /// Our side of its mailbox, once its keys are known.
    pub(super) client: Option<Client>,
    /// Whether and where it is dialled.
    pub(super) seeking: Seeking,
    /// It asked to wait: nothing is asked before.
    retry_at: Option<Moment>,
    /// When it went up or down.
    changed: Option<Moment>,
    /// It is full: what makes no room is not offered before, and not even what does if it was refused too.
    full: Option<Full>,
}

/// What is left of a full relay's room, as far as it was told, and when to try again.
#[derive(Clone, Copy)]
struct Full {
    until: Moment,
    reserve: bool,
}

impl Relay {
    pub(super) fn new(record: RelayRecord) -> Self {
        Self {
            record,
            link: None,
            client: None,
            seeking: Seeking::default(),
            retry_at: None,
            changed: None,
            full: None,
        }
    }

    pub(in crate::engine) fn is_home(&self) -> bool {
        self.record.home
    }

    pub(in crate::engine) fn record(&self) -> &RelayRecord {
        &self.record
    }

    pub(in crate::engine) fn is_up(&self) -> bool {
        self.client.as_ref().is_some_and(Client::is_up)
    }

    pub(in crate::engine) fn changed(&self) -> Option<Moment> {
        self.changed
    }

    /// What it takes for now, as far as it has said.
    pub(in crate::engine) fn takes(&self, now: Moment) -> Takes {
        match (self.full.filter(|full| full.until > now), self.retry_at.filter(|at| *at > now)) {
            (_, Some(_)) => Takes::Later,
            (Some(Full { reserve: true, .. }), None) => Takes::MakingRoom,
            (Some(_), None) => Takes::Nothing,
            (None, None) => Takes::All,
        }
    }

    pub(in crate::engine) fn deadline(&self, now: Moment) -> Option<Moment> {
        let client = self.client.as_ref().and_then(|client| client.deadline(now));
        let seeking = self.seeking.deadline(self.record.places().len());
        let full = self.full.map(|full| full.until);
        client.into_iter().chain(self.retry_at).chain(full).chain(seeking).min()
    }

    pub(super) fn descriptor(&self) -> Option<RelayDescriptor> {
        self.record.signed()
    }

    fn addresses(&self) -> Vec<Address> {
        self.record.addresses.iter().filter_map(|a| Address::parse(a).ok()).collect()
    }
}

impl Engine {
    pub(in crate::engine) fn load_relay(
        &mut self,
        number: u32,
        bytes: &[u8],
        overlay: &Overlay<'_>,
    ) -> Result<(), StoreError> {
        let record: RelayRecord = decode(bytes)?;
        let cursor = match overlay.get(&tables::CURSOR, b"", number.into())? {
            Some(bytes) => Cursor::decode(&bytes).map_err(|_| crate::CORRUPT)?,
            None => Cursor::default(),
        };
        let mut relay = Relay::new(record);
        let reads = relay.record.home || self.joins.values().any(|j| j.reads(MailboxId(number)));
        relay.client = relay.descriptor().map(|descriptor| Client::new(&descriptor, cursor, reads));
        self.relays.insert(MailboxId(number), relay);
        Ok(())
    }

    /// Returns the relays where mail for this profile is left, as others are told: those that are known by key.
    pub(in crate::engine) fn home_relays(&self) -> Vec<(MailboxId, (RelayId, Address))> {
        let homes = self.relays.iter().filter(|(_, r)| r.record.home);
        let known = homes.filter_map(|(number, relay)| {
            Some((*number, (RelayId(relay.record.id?), relay.addresses().into_iter().next()?)))
        });
        known.take(REACH_RELAYS_MAX).collect()
    }

    /// From now on mail for this profile is left at this relay, and read there.
    pub(in crate::engine) fn make_home(
        &mut self,
        number: MailboxId,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Some(relay) = self.relays.get_mut(&number).filter(|r| !r.record.home) else { return Ok(()) };
        relay.record.home = true;
        self.put_relay(number, turn);
        self.restart_client(number, turn);
        self.announce_reach(turn)
    }

    pub(in crate::engine) fn remove_relay(
        &mut self,
        number: MailboxId,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Some(relay) = self.relays.get_mut(&number) else { return Ok(()) };
        let was_home = std::mem::replace(&mut relay.record.home, false);
        self.put_relay(number, turn);
        self.restart_client(number, turn);
        let told = if was_home { self.announce_reach(turn) } else { Ok(()) };
        self.forget_unnamed(turn);
        told
    }

    pub(super) fn reads(&self, number: MailboxId) -> bool {
        self.relays.get(&number).is_some_and(|r| r.record.home)
            || self.joins.values().any(|j| j.reads(number))
    }

    /// Returns how far a relay's list is read.
    pub(in crate::engine) fn read_position(&self, number: MailboxId) -> u64 {
        let client = self.relays.get(&number).and_then(|relay| relay.client.as_ref());
        client.map_or(0, |client| client.cursor().position())
    }

    /// Reads a relay's list again from an earlier position: tags that were passed are waited for now.
    pub(in crate::engine) fn look_again(
        &mut self,
        number: MailboxId,
        position: u64,
        turn: &mut Turn<'_, '_>,
    ) {
        let Some(relay) = self.relays.get_mut(&number) else { return };
        // A relay whose keys are not known yet was never read.
        let Some(client) = &mut relay.client else { return };
        let frames = client.look_again(position, turn.rng);
        turn.overlay.put(&tables::CURSOR, b"", number.0.into(), client.cursor().encode());
        if let Some(link) = relay.link {
            self.outputs.extend(frames.into_iter().map(|frame| Output::Send(link, frame)));
        }
    }

    pub(super) fn relay_up(&mut self, link: LinkId, number: MailboxId, turn: &mut Turn<'_, '_>) {
        let Some(relay) = self.relays.get_mut(&number) else { return self.outputs.push(Output::Close(link)) };
        if let Some(before) = relay.link.replace(link) {
            // It came back, by another way perhaps, before the end of its link was known.
            self.links.remove(&before);
            self.router.mailbox_down(number);
            self.outputs.push(Output::Close(before));
        }
        self.links.insert(link, LinkState::Relay(number));
        self.start_client(number, turn);
        // A relay that is known may have moved since, or be about to.
        self.outputs.push(Output::Send(link, Frame::Describe.encode()));
    }

    pub(super) fn relay_down(&mut self, link: LinkId, number: MailboxId, now: Moment) {
        // One that came back elsewhere is up by another link.
        let Some(relay) = self.relays.get_mut(&number).filter(|r| r.link == Some(link)) else { return };
        relay.link = None;
        self.router.mailbox_down(number);
        if let Some(client) = &mut relay.client {
            client.on_link_down();
            relay.seeking.lost(now);
            relay.changed = Some(now);
            self.event(Event::Relay { relay: RelayNumber(number.0), up: false });
        }
    }

    /// Makes our side of a relay's mailbox anew: its keys are known now, or it is read from now on, or no longer.
    pub(super) fn restart_client(&mut self, number: MailboxId, turn: &mut Turn<'_, '_>) {
        let reads = self.reads(number);
        let Some(relay) = self.relays.get_mut(&number) else { return };
        let Some(descriptor) = relay.descriptor() else { return };
        let cursor = relay.client.take().map(|client| client.cursor().clone()).unwrap_or_default();
        self.router.mailbox_down(number);
        relay.client = Some(Client::new(&descriptor, cursor, reads));
        self.start_client(number, turn);
    }

    fn start_client(&mut self, number: MailboxId, turn: &mut Turn<'_, '_>) {
        let Some(relay) = self.relays.get_mut(&number) else { return };
        let (Some(link), Some(client)) = (relay.link, &mut relay.client) else { return };
        // A relay that comes back may have been given room.
        relay.full = None;
        relay.seeking.found();
        relay.changed = Some(turn.now.moment);
        for frame in client.on_link_up(turn.rng) {
            self.outputs.push(Output::Send(link, frame));
        }
        self.router.mailbox_up(number);
        self.event(Event::Relay { relay: RelayNumber(number.0), up: true });
    }

    pub(super) fn relay_frame(
        &mut self,
        number: MailboxId,
        link: LinkId,
        bytes: &[u8],
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Some(relay) = self.relays.get_mut(&number) else { return Ok(()) };
        let Some(client) = &mut relay.client else { return self.relay_described(number, link, bytes, turn) };
        let router = &self.router;
        let wanted = |prefix: &Prefix| router.is_expected(prefix);
        match client.on_frame(bytes, &wanted, turn.now.moment, turn.rng) {
            Ok(events) => events.into_iter().try_for_each(|event| self.on_relay(number, link, event, turn)),
            Err(_) => {
                self.outputs.push(Output::Close(link));
                self.link_down(link, turn)
            }
        }
    }

    fn relay_described(
        &mut self,
        number: MailboxId,
        link: LinkId,
        bytes: &[u8],
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Ok(Frame::Descriptor(bytes)) = Frame::decode(bytes) else { return Ok(()) };
        let Some(relay) = self.relays.get_mut(&number) else { return Ok(()) };
        let described =
            RelayDescriptor::parse(&bytes).ok().filter(|d| relay.record.id.is_none_or(|id| id == d.id().0));
        let Some(descriptor) = described else {
            self.outputs.push(Output::Close(link));
            self.event(Event::Notice(Notice::RelayImpostor(RelayNumber(number.0))));
            return self.link_down(link, turn);
        };
        self.adopt(number, &descriptor, turn)
    }

    fn on_relay(
        &mut self,
        number: MailboxId,
        link: LinkId,
        event: ClientEvent,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let relay = RelayNumber(number.0);
        match event {
            ClientEvent::Send(frame) => self.outputs.push(Output::Send(link, frame)),
            ClientEvent::Stored(key) => {
                if self.router.stored(number, key, turn.overlay).is_some() {
                    self.note_flight(key, Step::OnRelay(number.0), turn)?;
                }
            }
            ClientEvent::Refused(key, refusal) => {
                let pause = match refusal {
                    Refusal::Taken | Refusal::Gone | Refusal::Bad | Refusal::NotUnderstood => {
                        return self.deposit_refused(number, key, Setback::Taken, turn);
                    }
                    Refusal::Full => {
                        let reserve = !self.router.makes_room(key);
                        self.note_full(number, reserve, turn.now.moment);
                        return self.deposit_refused(number, key, Setback::NotNow, turn);
                    }
                    Refusal::Pay { .. } => ASK_AGAIN,
                    Refusal::Busy { after_ms } => Duration::from_millis(after_ms.into()).min(ASK_AGAIN),
                };
                if let Some(relay) = self.relays.get_mut(&number) {
                    relay.retry_at = Some(turn.now.moment.plus(pause));
                }
                self.deposit_refused(number, key, Setback::NotNow, turn)?;
            }
            ClientEvent::ReserveOnly => self.note_full(number, true, turn.now.moment),
            // What was taken back makes room, and perhaps enough.
            ClientEvent::Deleted(..) => {
                if let Some(relay) = self.relays.get_mut(&number) {
                    relay.full = None;
                }
            }
            ClientEvent::Blob { prefix, blob, position } => {
                self.arrive(Crossing::Arriving(prefix), blob.bytes(), Road::Mailbox(number, position), turn)?;
            }
            ClientEvent::Gone(prefix) => self.listed_gone(number, prefix, turn)?,
            ClientEvent::CursorMoved => {
                if let Some(client) = self.relays.get(&number).and_then(|r| r.client.as_ref()) {
                    turn.overlay.put(&tables::CURSOR, b"", number.0.into(), client.cursor().encode());
                }
            }
            ClientEvent::ListReplaced => {
                self.router.mailbox_forgot(number);
                self.event(Event::Notice(Notice::RelayListReplaced(relay)));
            }
            ClientEvent::Descriptor(descriptor) => self.adopt(number, &descriptor, turn)?,
            ClientEvent::CaughtUp | ClientEvent::NotFollowing => {}
            ClientEvent::Equivocation => self.event(Event::Notice(Notice::RelayEquivocates(relay))),
        }
        Ok(())
    }

    /// A relay is full, for all or for all but what makes room.
    fn note_full(&mut self, number: MailboxId, reserve: bool, now: Moment) {
        let Some(relay) = self.relays.get_mut(&number) else { return };
        let reserve = reserve && relay.full.is_none_or(|full| full.reserve);
        relay.full = Some(Full { until: now.plus(ASK_AGAIN), reserve });
    }

    pub(super) fn wake_relays(&mut self, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let now = turn.now.moment;
        let mut stalled = Vec::new();
        for relay in self.relays.values_mut() {
            relay.retry_at = relay.retry_at.filter(|at| *at > now);
            relay.full = relay.full.filter(|full| full.until > now);
            let (Some(client), Some(link)) = (&mut relay.client, relay.link) else { continue };
            match client.on_wake(now, turn.rng) {
                Ok(frames) => self.outputs.extend(frames.into_iter().map(|frame| Output::Send(link, frame))),
                Err(_) => stalled.push(link),
            }
        }
        for link in stalled {
            self.outputs.push(Output::Close(link));
            self.link_down(link, turn)?;
        }
        Ok(())
    }

    pub(super) fn deposit_waiting(
        &mut self,
        number: MailboxId,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Some(relay) = self.relays.get_mut(&number) else { return Ok(()) };
        let (Some(client), Some(link), None) = (&mut relay.client, relay.link, relay.retry_at) else {
            return Ok(());
        };
        if !self.router.is_up(number) || relay.full.is_some_and(|full| !full.reserve) {
            return Ok(());
        }
        while let Some(key) = self.router.next_deposit(number, relay.full.is_some()) {
            let Some(envelope) = self.router.envelope(key, turn.overlay)? else {
                self.router.settle(key, turn.overlay)?;
                continue;
            };
            // One envelope a request: the relay is not told which of them came together.
            let Some(frame) = client.put(key, &envelope, turn.rng) else { break };
            self.router.depositing(number, key);
            self.outputs.push(Output::Send(link, frame));
        }
        Ok(())
    }

    /// Asks a relay to forget what has come: also a full one, for that makes room.
    pub(super) fn take_back(&mut self, number: MailboxId, turn: &mut Turn<'_, '_>) {
        let Some(relay) = self.relays.get_mut(&number) else { return };
        let (Some(client), Some(link), None) = (&mut relay.client, relay.link, relay.retry_at) else {
            return;
        };
        // Nothing is given out for a mailbox that is not up.
        loop {
            let deletions = self.router.take_deletions(number, DELETIONS_MAX);
            if deletions.is_empty() {
                return;
            }
            let Some(frame) = client.delete(&deletions, turn.rng) else {
                return self.router.return_deletions(number, deletions);
            };
            self.outputs.push(Output::Send(link, frame));
        }
    }
}
