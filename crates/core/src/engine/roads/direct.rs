//! Direct links: two devices greet each other, hand over what they have, and say what came.

use std::time::Duration;

use proto::id::{LinkId, Moment, Party, PeerName};
use proto::link::{Link, LinkEvent, Role};
use proto::router::Crossing;
use proto::store::StoreError;

use crate::engine::receive::Road;
use crate::engine::{Engine, LinkState, Output, Turn};
use crate::event::{Event, Step};

/// How long word of an envelope that needs no haste, such as a receipt, waits for a push to ride on.
const ACK_PATIENCE: Duration = Duration::from_secs(2);
/// The least time between two words of what came: as long as between receipts, on which they then ride.
const ACK_PACE: Duration = Duration::from_millis(200);
/// When neighbours are greeted again at first, and how seldom at last.
const GREET_AGAIN: Duration = Duration::from_secs(1);
const GREET_PAUSE_MAX: Duration = Duration::from_secs(300);

/// When neighbours are greeted next.
#[derive(Clone, Copy)]
pub(crate) struct Greeting {
    pub(crate) at: Moment,
    pause: Duration,
}

impl Greeting {
    /// The first greeting after a start, when those on the network have been heard of.
    pub(crate) fn soon(now: Moment) -> Self {
        Self { at: now.plus(GREET_AGAIN), pause: GREET_AGAIN }
    }
}

impl Engine {
    pub(super) fn direct_up(
        &mut self,
        link: LinkId,
        role: Role,
        (local, remote): (&PeerName, &PeerName),
        turn: &mut Turn<'_, '_>,
    ) {
        let (state, first) = Link::new(role, local, remote, self.link_secrets(), turn.now.moment, turn.rng);
        self.links.insert(link, LinkState::Direct { link: Box::new(state), ack_due: None, acked_at: None });
        self.outputs.push(Output::Send(link, first));
    }

    pub(super) fn direct_down(&mut self, link: LinkId, state: &Link) {
        self.router.link_down(link);
        let contact = state.party().filter(|p| self.contacts.contains_key(p));
        if let Some(party) = contact.filter(|p| !self.router.has_link(*p)) {
            self.event(Event::Link { contact: Self::contact_id(party), up: false });
        }
    }

    pub(super) fn on_link(
        &mut self,
        link: LinkId,
        event: LinkEvent,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        match event {
            LinkEvent::Send(frame) => self.outputs.push(Output::Send(link, frame)),
            LinkEvent::Up(party) => {
                self.router.link_up(link, party);
                self.outputs.push(Output::Keep(link));
                if self.contacts.contains_key(&party) {
                    self.event(Event::Link { contact: Self::contact_id(party), up: true });
                }
            }
            LinkEvent::Received { prefix, blob } => {
                let patient = turn.now.moment.plus(ACK_PATIENCE);
                if let Some(LinkState::Direct { ack_due, .. }) = self.links.get_mut(&link) {
                    *ack_due = ack_due.or(Some(patient));
                }
                self.arrive(Crossing::Arriving(prefix), blob.bytes(), Road::Link(link), turn)?;
            }
            LinkEvent::Acked(numbers) => {
                for number in numbers {
                    if self.router.landed(number) {
                        self.note_flight(number, Step::OnDevice, turn)?;
                    }
                }
            }
            LinkEvent::Ready => {}
        }
        Ok(())
    }

    /// Links that are not bound to anybody yet were greeted without the newest secrets: they are made anew.
    pub(in crate::engine) fn refresh_links(&mut self, turn: &mut Turn<'_, '_>) {
        let unbound = |(id, link): (&LinkId, &LinkState)| match link {
            LinkState::Direct { link: state, .. } if state.party().is_none() => Some(*id),
            _ => None,
        };
        let strangers: Vec<LinkId> = self.links.iter().filter_map(unbound).collect();
        for link in strangers {
            self.outputs.push(Output::Close(link));
            let _ = self.link_down(link, turn);
        }
        self.outputs.push(Output::Greet);
        // A link that is still closing, here or there, swallows a greeting: it is said again, ever more seldom.
        self.greeting = Some(Greeting::soon(turn.now.moment));
    }

    /// Greets the neighbours again while somebody new may be among them.
    pub(super) fn greet_again(&mut self, now: Moment) {
        let Some(greeting) = self.greeting.filter(|g| g.at <= now) else { return };
        let pause = (greeting.pause * 2).min(GREET_PAUSE_MAX);
        self.greeting = self.awaits_somebody().then(|| Greeting { at: now.plus(pause), pause });
        self.outputs.extend(self.greeting.map(|_| Output::Greet));
    }

    pub(super) fn close_strangers(&mut self, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let now = turn.now.moment;
        let late = |(id, link): (&LinkId, &LinkState)| match link {
            LinkState::Direct { link: state, .. } if state.deadline().is_some_and(|at| at <= now) => {
                Some(*id)
            }
            _ => None,
        };
        let late: Vec<LinkId> = self.links.iter().filter_map(late).collect();
        for link in late {
            self.outputs.push(Output::Close(link));
            self.link_down(link, turn)?;
        }
        Ok(())
    }

    pub(super) fn fill_link(&mut self, link: LinkId, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let Some(LinkState::Direct { link: state, ack_due, acked_at }) = self.links.get_mut(&link) else {
            return Ok(());
        };
        let (now, owed) = (turn.now.moment, state.owes_ack());
        // The turn is committed before anything leaves, so what came is kept by then.
        state.kept();
        while let Some(number) = self.router.next_push(link) {
            let Some(envelope) = self.router.envelope(number, turn.overlay)? else {
                self.router.pushed(link, number);
                continue;
            };
            let Some(frame) = state.push(number, &envelope.tag, &envelope.blob) else { break };
            self.router.pushed(link, number);
            self.outputs.push(Output::Send(link, frame));
        }
        if state.owes_ack() && (state.is_ack_due() || ack_due.is_some_and(|at| at <= now)) {
            let frame = state.acknowledge();
            self.outputs.extend(frame.map(|frame| Output::Send(link, frame)));
        }
        if !state.owes_ack() {
            *ack_due = None;
            *acked_at = if owed { Some(now) } else { *acked_at };
        }
        Ok(())
    }

    /// Something that people wait for came over this link: its sender is told at once that it is kept, or shortly
    /// after the last word, which many then share.
    pub(in crate::engine) fn hasten_ack(&mut self, link: LinkId, turn: &Turn<'_, '_>) {
        if let Some(LinkState::Direct { ack_due, acked_at, .. }) = self.links.get_mut(&link) {
            let now = turn.now.moment;
            let due = acked_at.map_or(now, |at| at.plus(ACK_PACE).max(now));
            *ack_due = Some(ack_due.map_or(due, |at| at.min(due)));
        }
    }

    /// Tells whether a direct link to a contact is up.
    pub(in crate::engine) fn is_linked(&self, party: Party) -> bool {
        self.router.has_link(party)
    }
}
