//! Who is joined to whom: links with their two directions, and the cuts that part hosts.

use std::collections::{BTreeMap, BTreeSet};

use super::{CutId, HostId, Sever, Wire};
use crate::id::{LinkId, Moment};
use crate::link::Role;

/// One end of a link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Side {
    Dialer = 0,
    Listener = 1,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Dialer => Self::Listener,
            Self::Listener => Self::Dialer,
        }
    }

    pub(super) fn role(self) -> Role {
        match self {
            Self::Dialer => Role::Dialer,
            Self::Listener => Role::Listener,
        }
    }
}

struct Joint {
    ends: [HostId; 2],
    wire: Wire,
    /// When the newest frame towards each end arrives: a stream does not overtake itself.
    last: [Moment; 2],
    /// Whether each end was told that the link is up.
    greeted: [bool; 2],
    /// Whether each end was told that the link is gone.
    told: [bool; 2],
    /// Whether frames towards each end still arrive.
    flows: [bool; 2],
    whole: bool,
    under_way: usize,
}

/// All links and cuts.
pub(super) struct Fabric {
    wire: Wire,
    wires: BTreeMap<(HostId, HostId), Wire>,
    links: BTreeMap<u64, Joint>,
    newest: BTreeMap<(HostId, HostId), u64>,
    of_host: BTreeMap<HostId, BTreeSet<u64>>,
    cuts: BTreeMap<CutId, BTreeSet<HostId>>,
    next: u64,
}

fn pair(a: HostId, b: HostId) -> (HostId, HostId) {
    (a.min(b), a.max(b))
}

impl Fabric {
    pub(super) fn new(wire: Wire) -> Self {
        Self {
            wire,
            wires: BTreeMap::new(),
            links: BTreeMap::new(),
            newest: BTreeMap::new(),
            of_host: BTreeMap::new(),
            cuts: BTreeMap::new(),
            next: 1,
        }
    }

    /// Returns an end's own name for a link.
    pub(super) fn name(link: u64, side: Side) -> LinkId {
        LinkId(link * 2 + side as u64)
    }

    /// Returns the link and the end that a name stands for.
    pub(super) fn resolve(name: LinkId) -> (u64, Side) {
        (name.0 / 2, if name.0.is_multiple_of(2) { Side::Dialer } else { Side::Listener })
    }

    pub(super) fn set_wire(&mut self, wire: Wire) {
        self.wire = wire;
    }

    pub(super) fn set_wire_between(&mut self, a: HostId, b: HostId, wire: Wire) {
        self.wires.insert(pair(a, b), wire);
    }

    pub(super) fn wire(&self, a: HostId, b: HostId) -> Wire {
        self.wires.get(&pair(a, b)).copied().unwrap_or(self.wire)
    }

    // ---- cuts ----

    pub(super) fn cut(&mut self, cut: CutId, hosts: BTreeSet<HostId>) {
        self.cuts.insert(cut, hosts);
    }

    pub(super) fn heal(&mut self, cut: CutId) {
        self.cuts.remove(&cut);
    }

    pub(super) fn reaches(&self, a: HostId, b: HostId) -> bool {
        self.cuts.values().all(|hosts| hosts.contains(&a) == hosts.contains(&b))
    }

    pub(super) fn is_parted(&self, host: HostId) -> bool {
        self.cuts.values().any(|hosts| hosts.contains(&host))
    }

    pub(super) fn parted_hosts(&self) -> usize {
        self.cuts.values().flatten().collect::<BTreeSet<_>>().len()
    }

    /// Returns the whole links that a cut has come between.
    pub(super) fn parted(&self) -> Vec<u64> {
        let across = |joint: &Joint| joint.whole && !self.reaches(joint.ends[0], joint.ends[1]);
        self.links.iter().filter(|(_, joint)| across(joint)).map(|(link, _)| *link).collect()
    }

    // ---- links ----

    pub(super) fn join(&mut self, dialer: HostId, listener: HostId, there: Moment, back: Moment) -> u64 {
        let link = self.next;
        self.next += 1;
        let joint = Joint {
            ends: [dialer, listener],
            wire: self.wire(dialer, listener),
            last: [back, there],
            greeted: [false; 2],
            told: [false; 2],
            flows: [true; 2],
            whole: true,
            under_way: 0,
        };
        self.links.insert(link, joint);
        self.newest.insert(pair(dialer, listener), link);
        for host in [dialer, listener] {
            self.of_host.entry(host).or_default().insert(link);
        }
        link
    }

    /// Returns the whole link between two hosts.
    pub(super) fn whole(&self, a: HostId, b: HostId) -> Option<u64> {
        let link = self.newest.get(&pair(a, b))?;
        self.links.get(link).filter(|joint| joint.whole).map(|_| *link)
    }

    /// Returns a broken link between two hosts of which not both ends know yet.
    pub(super) fn broken(&self, a: HostId, b: HostId) -> Option<u64> {
        let link = self.newest.get(&pair(a, b))?;
        self.links.get(link).filter(|joint| !joint.whole).map(|_| *link)
    }

    pub(super) fn links_of(&self, host: HostId) -> Vec<(u64, Side)> {
        let links = self.of_host.get(&host).into_iter().flatten();
        let side = |link: &u64| if self.links[link].ends[0] == host { Side::Dialer } else { Side::Listener };
        links.map(|link| (*link, side(link))).collect()
    }

    pub(super) fn end(&self, link: u64, side: Side) -> Option<HostId> {
        self.links.get(&link).map(|joint| joint.ends[side as usize])
    }

    /// Notes that an end hears that the link is up. Returns it and its peer, unless the link has gone since.
    pub(super) fn greet(&mut self, link: u64, side: Side) -> Option<(HostId, HostId)> {
        let joint = self.links.get_mut(&link).filter(|joint| joint.whole)?;
        joint.greeted[side as usize] = true;
        Some((joint.ends[side as usize], joint.ends[side.other() as usize]))
    }

    /// Returns the wire of a whole link.
    pub(super) fn carries(&self, link: u64) -> Option<Wire> {
        self.links.get(&link).filter(|joint| joint.whole).map(|joint| joint.wire)
    }

    pub(super) fn under_way(&self, link: u64) -> usize {
        self.links.get(&link).map_or(0, |joint| joint.under_way)
    }

    /// Notes that a frame leaves towards `side`. Returns when it arrives: not before the one ahead of it.
    pub(super) fn depart(&mut self, link: u64, side: Side, at: Moment) -> Moment {
        let Some(joint) = self.links.get_mut(&link) else { return at };
        joint.under_way += 1;
        let last = &mut joint.last[side as usize];
        *last = at.max(*last);
        *last
    }

    /// Notes that a frame has travelled. Returns who receives it, unless it is lost.
    pub(super) fn arrive(&mut self, link: u64, side: Side) -> Option<HostId> {
        let joint = self.links.get_mut(&link)?;
        joint.under_way = joint.under_way.saturating_sub(1);
        let open = joint.flows[side as usize] && joint.greeted[side as usize] && !joint.told[side as usize];
        open.then_some(joint.ends[side as usize])
    }

    /// One end closes a whole link. Returns when the other hears of it.
    pub(super) fn close(&mut self, link: u64, side: Side) -> Option<Moment> {
        let joint = self.links.get_mut(&link).filter(|joint| joint.whole)?;
        joint.whole = false;
        joint.flows[side as usize] = false;
        let news = joint.last[side as usize].max(joint.last[side.other() as usize]);
        Some(news.plus(joint.wire.latency))
    }

    /// Breaks a whole link. Returns its wire and, for each end, when the last frame that is spared arrives.
    pub(super) fn sever(&mut self, link: u64, which: Sever) -> Option<(Wire, [Moment; 2])> {
        let joint = self.links.get_mut(&link).filter(|joint| joint.whole)?;
        joint.whole = false;
        let spared = |end: usize| matches!(which, Sever::Towards(host) if joint.ends[end] == host);
        joint.flows = [spared(0), spared(1)];
        let last = [0, 1]
            .map(|end| if joint.flows[end] { joint.last[end].plus(joint.wire.latency) } else { Moment(0) });
        Some((joint.wire, last))
    }

    /// Notes that an end hears that the link is gone. Returns it, its peer, and whether it had heard of the link at
    /// all; nothing if it knew.
    pub(super) fn tell(&mut self, link: u64, side: Side) -> Option<(HostId, HostId, bool)> {
        let joint = self.links.get_mut(&link)?;
        if std::mem::replace(&mut joint.told[side as usize], true) {
            return None;
        }
        let news =
            (joint.ends[side as usize], joint.ends[side.other() as usize], joint.greeted[side as usize]);
        if joint.told == [true; 2] {
            self.forget(link);
        }
        Some(news)
    }

    fn forget(&mut self, link: u64) {
        let Some(joint) = self.links.remove(&link) else { return };
        for host in joint.ends {
            if let Some(links) = self.of_host.get_mut(&host) {
                links.remove(&link);
            }
        }
        let key = pair(joint.ends[0], joint.ends[1]);
        if self.newest.get(&key) == Some(&link) {
            self.newest.remove(&key);
        }
    }
}
