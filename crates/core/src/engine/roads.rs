//! The roads: direct links, relays, and what each is given to carry.

use proto::id::LinkId;
use proto::router::MailboxId;
use proto::store::StoreError;

use super::{Engine, LinkKind, LinkState, Output, Turn};
use crate::event::Step;

mod direct;
mod known;
mod relays;
mod seeking;

#[cfg(test)]
mod moved;

pub(crate) use self::direct::Greeting;
pub(crate) use self::relays::Relay;

impl Engine {
    pub(super) fn link_up(
        &mut self,
        link: LinkId,
        kind: LinkKind,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        match kind {
            LinkKind::Direct { role, local, remote } => self.direct_up(link, role, (&local, &remote), turn),
            LinkKind::Relay(number) => self.relay_up(link, number, turn),
        }
        Ok(())
    }

    pub(super) fn link_down(&mut self, link: LinkId, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        match self.links.remove(&link) {
            Some(LinkState::Direct { link: state, .. }) => self.direct_down(link, &state),
            Some(LinkState::Relay(number)) => self.relay_down(link, number, turn.now.moment),
            None => {}
        }
        Ok(())
    }

    pub(super) fn frame(
        &mut self,
        link: LinkId,
        bytes: &[u8],
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        match self.links.get_mut(&link) {
            Some(LinkState::Direct { link: state, .. }) => {
                match state.on_frame(bytes, turn.now.moment, turn.rng) {
                    Ok(events) => events.into_iter().try_for_each(|event| self.on_link(link, event, turn)),
                    Err(_) => {
                        self.outputs.push(Output::Close(link));
                        self.link_down(link, turn)
                    }
                }
            }
            Some(LinkState::Relay(number)) => {
                let number = *number;
                self.relay_frame(number, link, bytes, turn)
            }
            None => Ok(()),
        }
    }

    /// Notes a step for each message in the envelope with this outbox number.
    fn note_flight(&mut self, number: u64, step: Step, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let found = self.router.party_of(number).and_then(|party| {
            let pair = self.pairs.get(&party)?;
            let flight = pair.flights.values().rev().find(|f| f.number == number)?;
            Some((party, *flight))
        });
        let Some((party, flight)) = found else { return Ok(()) };
        flight.items().try_for_each(|sequence| self.note(party, sequence, step, turn))
    }

    pub(super) fn note_refused(&mut self, number: u64, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        self.note_flight(number, Step::Refused, turn)
    }

    /// Gives each road what it can carry now, acknowledges what came, and asks for connections that are needed.
    pub(super) fn fill_roads(&mut self, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let now = turn.now.moment;
        self.close_strangers(turn)?;
        self.greet_again(now);
        self.tire_early(turn)?;
        self.router.overdue(now);
        self.wake_relays(turn)?;
        let links: Vec<LinkId> = self.links.keys().copied().collect();
        for link in links {
            self.fill_link(link, turn)?;
        }
        self.router.pass_over(now);
        let numbers: Vec<MailboxId> = self.relays.keys().copied().collect();
        for number in numbers {
            self.deposit_waiting(number, turn)?;
            self.take_back(number, turn);
        }
        self.connect_wanted(now);
        Ok(())
    }
}
