//! To which relays links are kept, and where each is looked for.

use std::time::Duration;

use proto::id::Moment;
use proto::router::MailboxId;

use crate::engine::{Engine, Output};

/// Relays that are connected or dialled at once; homes go first.
pub(in crate::engine) const CONNECTED_MAX: usize = 64;
/// How long a relay of a contact stays connected when nothing more is to be taken there.
const IDLE_PATIENCE: Duration = Duration::from_secs(120);
/// How long a relay is looked for at one place, or before others that are wanted.
const SEEK_PATIENCE: Duration = Duration::from_secs(60);

/// How a relay is looked for.
#[derive(Debug, Default)]
pub(super) struct Seeking {
    /// The driver keeps a connection.
    on: bool,
    /// Since when it does not answer at the present place.
    since: Option<Moment>,
    /// At which of its places it is looked for.
    place: usize,
    /// It did not answer for [`SEEK_PATIENCE`]: others may take its turn.
    tired: bool,
    /// When its turn came last.
    began: Option<Moment>,
    /// Since when nothing is to be taken to or fetched from it.
    idle_since: Option<Moment>,
}

impl Seeking {
    pub(super) fn is_on(&self) -> bool {
        self.on
    }

    /// It answers, and is who it should be.
    pub(super) fn found(&mut self) {
        self.since = None;
        self.tired = false;
    }

    pub(super) fn lost(&mut self, now: Moment) {
        self.since = Some(now);
    }

    /// Looks at the first place again, for that has changed. Returns whether it is looked for at all.
    pub(super) fn begin_again(&mut self, now: Moment) -> bool {
        self.place = 0;
        self.since = self.since.map(|_| now);
        self.on
    }

    pub(super) fn deadline(&self, places: usize) -> Option<Moment> {
        let idle = self.idle_since.map(|since| since.plus(IDLE_PATIENCE));
        let goes_on = self.on && (!self.tired || places > 1);
        let next = self.since.filter(|_| goes_on).map(|since| since.plus(SEEK_PATIENCE));
        idle.into_iter().chain(next).min()
    }

    /// Goes to the next of so many places if it was looked for at this one for long enough. Returns whether it is
    /// another one.
    fn go_on(&mut self, places: usize, now: Moment) -> bool {
        if self.since.is_none_or(|since| since.plus(SEEK_PATIENCE) > now) || !self.on {
            return false;
        }
        let before = self.place;
        self.tired = true;
        if places > 1 {
            self.since = Some(now);
            self.place = (self.place + 1) % places;
        }
        self.place != before
    }

    fn begin(&mut self, now: Moment) {
        *self = Self { on: true, since: Some(now), began: Some(now), ..Self::default() };
    }

    fn end(&mut self) {
        *self = Self { began: self.began, ..Self::default() };
    }
}

impl Engine {
    /// Homes are always connected; other relays while something is to be taken to or fetched from them, at most
    /// [`CONNECTED_MAX`] in all. One that does not answer leaves its turn to others.
    pub(super) fn connect_wanted(&mut self, now: Moment) {
        let wanted = self.router.mailboxes_wanted();
        let needed: Vec<MailboxId> = self
            .relays
            .keys()
            .filter(|number| self.reads(**number) || wanted.contains(number))
            .copied()
            .collect();
        let mut on = 0;
        for (number, relay) in &mut self.relays {
            let is_needed = needed.binary_search(number).is_ok();
            let seeking = &mut relay.seeking;
            let idle = !is_needed && seeking.on;
            seeking.idle_since = idle.then(|| seeking.idle_since.unwrap_or(now));
            if seeking.idle_since.is_some_and(|since| since.plus(IDLE_PATIENCE) <= now) {
                seeking.end();
                self.outputs.push(Output::Disconnect(*number));
            }
            on += usize::from(seeking.on);
        }
        let mut waiting: Vec<(bool, Option<Moment>, MailboxId)> = Vec::new();
        for number in needed {
            let relay = &self.relays[&number];
            if !relay.seeking.on {
                waiting.push((!relay.is_home(), relay.seeking.began, number));
            }
        }
        waiting.sort_unstable();
        for (is_foreign, _, number) in waiting {
            if on >= CONNECTED_MAX && !self.give_way(now) && is_foreign {
                break;
            }
            on = (on + 1).min(CONNECTED_MAX);
            if let Some(relay) = self.relays.get_mut(&number) {
                relay.seeking.begin(now);
            }
            self.look_there(number);
        }
        let tired = |(number, relay): (&MailboxId, &mut super::Relay)| {
            let places = relay.record.places().len();
            relay.seeking.go_on(places, now).then_some(*number)
        };
        let elsewhere: Vec<MailboxId> = self.relays.iter_mut().filter_map(tired).collect();
        elsewhere.into_iter().for_each(|number| self.look_there(number));
    }

    fn look_there(&mut self, number: MailboxId) {
        let Some(relay) = self.relays.get(&number) else { return };
        let peer = relay.descriptor().map(|descriptor| descriptor.facts().peer.clone());
        let addresses = relay.record.places().into_iter().nth(relay.seeking.place).unwrap_or_default();
        self.outputs.push(Output::Connect { mailbox: number, addresses, peer });
    }

    /// Ends the connection to a relay that is idle, or the search for one that does not answer. Returns whether there
    /// was any.
    fn give_way(&mut self, now: Moment) -> bool {
        let least = |(number, relay): (&MailboxId, &super::Relay)| {
            let seeking = &relay.seeking;
            let is_silent =
                seeking.tired || seeking.since.is_some_and(|since| since.plus(SEEK_PATIENCE) <= now);
            let gives = seeking.on && !relay.is_home() && (seeking.idle_since.is_some() || is_silent);
            gives.then_some((seeking.idle_since.is_none(), seeking.began, *number))
        };
        let Some((_, _, number)) = self.relays.iter().filter_map(least).min() else { return false };
        if let Some(relay) = self.relays.get_mut(&number) {
            relay.seeking.end();
        }
        self.outputs.push(Output::Disconnect(number));
        true
    }
}
