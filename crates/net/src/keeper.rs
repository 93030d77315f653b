//! Which targets are kept, and when each is dialled next. Pure: time and chance are arguments.

use std::collections::BTreeMap;
use std::time::Duration;

use libp2p::PeerId;
use proto::id::Address;
use rand::RngExt;
use tokio::time::Instant;

use crate::Target;
use crate::address::{self, ADDRESSES_MAX};

/// The first pause after a failed dial, before jitter.
const PAUSE_FIRST: Duration = Duration::from_millis(500);

/// The longest pause, before jitter.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// A link that lived this long was a good one: its target is dialled at once, with no memory of failures.
const GOOD_LINK: Duration = Duration::from_secs(10);

/// After a good link is lost both sides dial again; this much chance keeps them apart.
const REDIAL_SPREAD: Duration = Duration::from_millis(250);

/// News of a network or peer brings a dial forward at most this often.
const HURRY_PAUSE: Duration = Duration::from_secs(1);

/// Targets that are kept. Beyond it further ones are ignored; it is far beyond a person's contacts.
const TARGETS_MAX: usize = 4096;

/// Peers heard on the local network that are remembered. Those that are kept always are.
const NEARBY_MAX: usize = 1024;

/// What a kept target is known by.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Key {
    Peer(PeerId),
    Addresses(Vec<Address>),
}

impl Key {
    pub(crate) fn of(target: &Target) -> Self {
        match target.peer.as_ref().and_then(address::peer_of) {
            Some(peer) => Self::Peer(peer),
            None => Self::Addresses(target.addresses.clone()),
        }
    }
}

#[derive(Debug)]
struct Kept {
    target: Target,
    failures: u32,
    hurried: Option<Instant>,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting { due: Instant },
    Dialing,
    Linked(PeerId),
}

/// The kept targets, and what has been heard that helps to reach them.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    kept: BTreeMap<Key, Kept>,
    /// Who has been heard on the local network, and where.
    nearby: BTreeMap<PeerId, Vec<Address>>,
}

impl Keeper {
    /// Keeps a target; `linked` if its peer has a link already.
    pub(crate) fn keep(&mut self, target: Target, linked: Option<PeerId>, now: Instant) {
        let key = Key::of(&target);
        if let Some(kept) = self.kept.get_mut(&key) {
            kept.target = target;
            kept.hurry(now);
        } else if self.kept.len() < TARGETS_MAX {
            let state = linked.map_or(State::Waiting { due: now }, State::Linked);
            self.kept.insert(key, Kept { target, failures: 0, hurried: None, state });
        }
    }

    pub(crate) fn release(&mut self, target: &Target) {
        self.kept.remove(&Key::of(target));
    }

    pub(crate) fn clear(&mut self) {
        self.kept.clear();
    }

    /// A peer has a link; `dialed` is the kept target whose dial led there.
    pub(crate) fn linked(&mut self, peer: PeerId, dialed: Option<&Key>) {
        for key in [Some(&Key::Peer(peer)), dialed].into_iter().flatten() {
            if let Some(kept) = self.kept.get_mut(key) {
                kept.state = State::Linked(peer);
            }
        }
    }

    /// A peer has lost its link after it had `lived`.
    pub(crate) fn lost(&mut self, peer: PeerId, lived: Duration, now: Instant) {
        for kept in self.kept.values_mut() {
            if matches!(kept.state, State::Linked(linked) if linked == peer) {
                kept.state = State::Waiting { due: now + kept.pause_after(lived) };
            }
        }
    }

    /// The dial of a kept target failed.
    pub(crate) fn failed(&mut self, key: &Key, now: Instant) {
        if let Some(kept) = self.kept.get_mut(key)
            && matches!(kept.state, State::Dialing)
        {
            kept.state = State::Waiting { due: now + kept.pause() };
        }
    }

    /// A network came up, or the owner asks: every target that waits is dialled.
    pub(crate) fn hurry(&mut self, now: Instant) {
        self.kept.values_mut().for_each(|kept| kept.hurry(now));
    }

    /// A peer was heard on the local network.
    pub(crate) fn heard(&mut self, peer: PeerId, addresses: &[Address], now: Instant) {
        let kept = self.kept.get_mut(&Key::Peer(peer));
        if kept.is_none() && self.nearby.len() >= NEARBY_MAX && !self.nearby.contains_key(&peer) {
            return;
        }
        let known = self.nearby.entry(peer).or_default();
        known.retain(|address| !addresses.contains(address));
        known.splice(0..0, addresses.iter().cloned());
        known.truncate(ADDRESSES_MAX / 2);
        if let Some(kept) = kept {
            kept.hurry(now);
        }
    }

    /// A peer has not been heard at an address for a while.
    pub(crate) fn unheard(&mut self, peer: &PeerId, address: &Address) {
        if let Some(known) = self.nearby.get_mut(peer) {
            known.retain(|known| known != address);
            if known.is_empty() {
                self.nearby.remove(peer);
            }
        }
    }

    /// Who is heard on the local network, and where.
    pub(crate) fn nearby(&self) -> impl Iterator<Item = (&PeerId, &[Address])> {
        self.nearby.iter().map(|(peer, addresses)| (peer, addresses.as_slice()))
    }

    /// Where to dial a target: first what was heard nearby, for it is fresh, then what its owner knows.
    pub(crate) fn places(&self, target: &Target) -> Vec<Address> {
        let nearby = match Key::of(target) {
            Key::Peer(peer) => self.nearby.get(&peer).map_or(&[][..], Vec::as_slice),
            Key::Addresses(_) => &[],
        };
        let known = target.addresses.iter().filter(|address| !nearby.contains(address));
        nearby.iter().chain(known).take(ADDRESSES_MAX).cloned().collect()
    }

    /// Takes up to `count` targets that are due; each is then being dialled.
    pub(crate) fn take_due(&mut self, count: usize, now: Instant) -> Vec<(Key, Target)> {
        let due = self.kept.iter_mut().filter(|(_, kept)| kept.due().is_some_and(|due| due <= now));
        due.take(count)
            .map(|(key, kept)| {
                kept.state = State::Dialing;
                (key.clone(), kept.target.clone())
            })
            .collect()
    }

    /// When the next target is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.kept.values().filter_map(Kept::due).min()
    }
}

impl Kept {
    fn due(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { due } => Some(due),
            State::Dialing | State::Linked(_) => None,
        }
    }

    fn hurry(&mut self, now: Instant) {
        let State::Waiting { due } = &mut self.state else { return };
        let soon = self.hurried.map_or(now, |last| now.max(last + HURRY_PAUSE));
        *due = soon.min(*due);
        self.failures = 0;
        self.hurried = Some(soon);
    }

    /// The pause after one more failure: doubling, with jitter from half to one and a half.
    fn pause(&mut self) -> Duration {
        let pause = PAUSE_FIRST.saturating_mul(1 << self.failures.min(10)).min(PAUSE_MAX);
        self.failures = self.failures.saturating_add(1);
        pause.mul_f64(rand::rng().random_range(0.5..1.5))
    }

    fn pause_after(&mut self, lived: Duration) -> Duration {
        if lived < GOOD_LINK {
            return self.pause();
        }
        self.failures = 0;
        REDIAL_SPREAD.mul_f64(rand::rng().random_range(0.1..1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(seed: u8) -> PeerId {
        address::peer_of(&crate::IdentitySeed::new([seed; 32]).peer_name()).unwrap()
    }

    fn target(seed: u8) -> Target {
        Target {
            peer: Some(address::name_of(&peer(seed))),
            addresses: vec![Address::parse("/ip4/192.0.2.7/tcp/1").unwrap()],
        }
    }

    #[test]
    fn pauses_grow_to_a_bound_and_news_ends_them() {
        let now = Instant::now();
        let mut keeper = Keeper::default();
        keeper.keep(target(1), None, now);
        let key = Key::Peer(peer(1));
        let mut at = now;
        for round in 0..20 {
            assert_eq!(keeper.take_due(9, at).len(), 1, "round {round}");
            keeper.failed(&key, at);
            let pause = keeper.next_due().unwrap() - at;
            let ideal = Duration::from_millis(500 << round.min(7)).min(PAUSE_MAX);
            assert!(pause >= ideal / 2 && pause <= ideal * 3 / 2, "round {round}: {pause:?}");
            at += pause;
        }
        keeper.take_due(9, at);
        keeper.failed(&key, at);
        keeper.hurry(at);
        assert_eq!(keeper.next_due(), Some(at), "dialled at once");
        keeper.take_due(9, at);
        keeper.failed(&key, at);
        assert!(keeper.next_due().unwrap() - at <= PAUSE_FIRST * 3 / 2, "and patience starts anew");
    }

    #[test]
    fn a_flood_of_news_does_not_become_a_flood_of_dials() {
        let now = Instant::now();
        let mut keeper = Keeper::default();
        keeper.keep(target(1), None, now);
        let mut dials = 0;
        for milli in 0..10_000 {
            let at = now + Duration::from_millis(milli);
            keeper.heard(peer(1), &target(1).addresses, at);
            for (key, _) in keeper.take_due(9, at) {
                dials += 1;
                keeper.failed(&key, at);
            }
        }
        assert!((5..=30).contains(&dials), "{dials}");
    }

    #[test]
    fn a_lost_good_link_is_dialled_at_once_and_a_bad_one_is_not() {
        let now = Instant::now();
        let mut keeper = Keeper::default();
        keeper.keep(target(1), None, now);
        keeper.take_due(9, now);
        keeper.linked(peer(1), None);
        assert_eq!(keeper.next_due(), None);
        keeper.lost(peer(1), GOOD_LINK, now);
        assert!(keeper.next_due().unwrap() - now <= REDIAL_SPREAD);
        keeper.take_due(9, now + REDIAL_SPREAD);
        keeper.linked(peer(1), None);
        keeper.lost(peer(1), Duration::ZERO, now);
        assert!(keeper.next_due().unwrap() - now >= PAUSE_FIRST / 2);
    }

    #[test]
    fn a_target_without_a_name_is_kept_by_whoever_answers() {
        let now = Instant::now();
        let mut keeper = Keeper::default();
        let anybody = Target { peer: None, ..target(1) };
        keeper.keep(anybody.clone(), None, now);
        keeper.take_due(9, now);
        keeper.linked(peer(5), Some(&Key::of(&anybody)));
        keeper.lost(peer(6), Duration::ZERO, now);
        assert_eq!(keeper.next_due(), None);
        keeper.lost(peer(5), GOOD_LINK, now);
        assert!(keeper.next_due().is_some());
        keeper.release(&anybody);
        assert_eq!(keeper.next_due(), None);
    }

    #[test]
    fn what_is_heard_nearby_is_dialled_first_even_if_it_was_heard_before_it_was_wanted() {
        let now = Instant::now();
        let mut keeper = Keeper::default();
        let near = Address::parse("/ip4/10.0.0.1/tcp/1").unwrap();
        keeper.heard(peer(1), std::slice::from_ref(&near), now);
        keeper.keep(target(1), None, now);
        let (_, dialled) = keeper.take_due(9, now).pop().unwrap();
        assert_eq!(keeper.places(&dialled), [near.clone(), target(1).addresses[0].clone()]);
        keeper.unheard(&peer(1), &near);
        assert_eq!(keeper.places(&dialled), target(1).addresses);
    }

    #[test]
    fn a_flood_of_names_nearby_is_bounded_and_hides_nobody_who_is_wanted() {
        let now = Instant::now();
        let mut keeper = Keeper::default();
        keeper.keep(target(1), None, now);
        for number in 0..5000_u32 {
            let mut seed = [9; 32];
            seed[..4].copy_from_slice(&number.to_be_bytes());
            let stranger = address::peer_of(&crate::IdentitySeed::new(seed).peer_name()).unwrap();
            keeper.heard(stranger, &target(1).addresses, now);
        }
        assert_eq!(keeper.nearby.len(), NEARBY_MAX);
        let near = Address::parse("/ip4/10.0.0.1/tcp/1").unwrap();
        keeper.heard(peer(1), std::slice::from_ref(&near), now);
        assert_eq!(keeper.places(&target(1))[0], near);
    }
}
