//! One-off dials that wait their turn. Pure: time is an argument.
//!
//! What the owner asks for goes first come, first served. Whoever was merely heard nearby is greeted a few at a time and
//! each name once a minute: anybody on the local network can announce any name at any address.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use libp2p::PeerId;
use tokio::time::Instant;

use crate::Target;

/// Dials that the owner asked for and that wait. Beyond it the oldest is given up.
const ASKED_MAX: usize = 1024;

/// Names to greet that are remembered. Beyond it the oldest is forgotten.
const NAMES_MAX: usize = 1024;

/// How often one name is greeted, at most.
const GREET_EVERY: Duration = Duration::from_secs(60);

/// Dials that wait for a place among those under way.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    asked: VecDeque<Target>,
    names: BTreeMap<PeerId, Greeting>,
}

/// A name that waits to be greeted, or has been within [`GREET_EVERY`].
#[derive(Debug)]
struct Greeting {
    target: Option<Target>,
    due: Instant,
}

impl Waiting {
    /// Puts a dial behind those that wait; gives back the oldest if there are too many.
    pub(crate) fn ask(&mut self, target: Target) -> Option<Target> {
        self.asked.push_back(target);
        if self.asked.len() > ASKED_MAX { self.asked.pop_front() } else { None }
    }

    /// Takes the dial that was asked for first.
    pub(crate) fn take_asked(&mut self) -> Option<Target> {
        self.asked.pop_front()
    }

    /// Whether somebody asked for a dial that waits.
    pub(crate) fn is_asked(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Greets a name that was heard; within a minute of the last time, when that minute is over.
    pub(crate) fn greet(&mut self, peer: PeerId, target: Target, now: Instant) {
        if let Some(greeting) = self.names.get_mut(&peer) {
            greeting.target = Some(target);
            return;
        }
        if self.names.len() >= NAMES_MAX {
            self.names.retain(|_, greeting| greeting.target.is_some() || greeting.due > now);
        }
        if self.names.len() >= NAMES_MAX {
            let oldest = self.names.iter().min_by_key(|(_, greeting)| greeting.due).map(|(peer, _)| *peer);
            oldest.map(|peer| self.names.remove(&peer));
        }
        self.names.insert(peer, Greeting { target: Some(target), due: now });
    }

    /// Greets a name as soon as there is room: the owner has a reason to.
    pub(crate) fn greet_now(&mut self, peer: PeerId, target: Target, now: Instant) {
        self.greet(peer, target, now);
        if let Some(greeting) = self.names.get_mut(&peer) {
            greeting.due = greeting.due.min(now);
        }
    }

    /// Takes up to `count` names to greet now. The newest go first, so that a crowd of false names does not hold up who
    /// comes after it.
    pub(crate) fn take_greetings(&mut self, count: usize, now: Instant) -> Vec<Target> {
        let is_due = |(_, greeting): &(&PeerId, &Greeting)| greeting.target.is_some() && greeting.due <= now;
        let mut due: Vec<_> =
            self.names.iter().filter(is_due).map(|(peer, greeting)| (greeting.due, *peer)).collect();
        due.sort_unstable_by(|one, other| other.cmp(one));
        due.truncate(count);
        due.into_iter().filter_map(|(_, peer)| self.take_greeting(&peer, now)).collect()
    }

    fn take_greeting(&mut self, peer: &PeerId, now: Instant) -> Option<Target> {
        let greeting = self.names.get_mut(peer)?;
        greeting.due = now + GREET_EVERY;
        greeting.target.take()
    }

    /// When the next name is due to be greeted.
    pub(crate) fn next_greeting(&self) -> Option<Instant> {
        let waits = |greeting: &&Greeting| greeting.target.is_some();
        self.names.values().filter(waits).map(|greeting| greeting.due).min()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use proto::id::Address;

    use super::*;
    use crate::address;

    fn name(number: u32) -> (PeerId, Target) {
        let mut seed = [9; 32];
        seed[..4].copy_from_slice(&number.to_be_bytes());
        let name = crate::IdentitySeed::new(seed).peer_name();
        let place = Address::parse("/ip4/192.0.2.7/tcp/1").unwrap();
        (address::peer_of(&name).unwrap(), Target { peer: Some(name), addresses: vec![place] })
    }

    #[test]
    fn a_name_that_is_heard_again_and_again_is_greeted_once_a_minute() {
        let begun = Instant::now();
        let mut waiting = Waiting::default();
        let (peer, target) = name(1);
        let mut greeted = 0;
        for second in 0..=180 {
            let now = begun + Duration::from_secs(second);
            waiting.greet(peer, target.clone(), now);
            greeted += waiting.take_greetings(8, now).len();
        }
        assert_eq!(greeted, 4, "at once, and after each of three minutes");
        let now = begun + Duration::from_secs(200);
        waiting.greet_now(peer, target, now);
        assert_eq!(waiting.take_greetings(8, now).len(), 1, "the owner need not wait");
    }

    #[test]
    fn a_crowd_of_names_waits_within_bounds_and_the_newest_goes_first() {
        let now = Instant::now();
        let mut waiting = Waiting::default();
        for number in 0..2_000 {
            let (peer, target) = name(number);
            waiting.greet(peer, target, now + Duration::from_micros(number.into()));
        }
        let (newest, target) = name(5_000);
        let later = now + Duration::from_secs(1);
        waiting.greet(newest, target.clone(), later);
        assert_eq!(waiting.names.len(), NAMES_MAX);
        assert_eq!(waiting.take_greetings(8, later)[0], target);
        assert_eq!(waiting.take_greetings(usize::MAX, later).len(), NAMES_MAX - 8);
        assert_eq!(waiting.next_greeting(), None, "nobody waits");
    }

    #[test]
    fn of_too_many_dials_the_oldest_is_given_up() {
        let mut waiting = Waiting::default();
        let given_up: Vec<_> =
            (0..=ASKED_MAX as u32).filter_map(|number| waiting.ask(name(number).1)).collect();
        assert_eq!(given_up, [name(0).1]);
        assert_eq!(waiting.take_asked(), Some(name(1).1), "and the next goes first");
    }
}
