use super::*;

/// Counts up to a goal with its peer over whatever links there are; what it counted is committed.
struct Counter {
    peer: Option<HostId>,
    goal: u64,
    kept: u64,
    unsaved: u64,
    seen: Vec<Incoming>,
}

impl Counter {
    fn new(peer: Option<HostId>, goal: u64) -> Self {
        Self { peer, goal, kept: 0, unsaved: 0, seen: Vec::new() }
    }
}

impl Host for Counter {
    fn handle(&mut self, incoming: Vec<Incoming>, port: &mut Port<'_>) {
        for event in incoming {
            self.seen.push(event.clone());
            match event {
                Incoming::Started => {
                    if let Some(peer) = self.peer {
                        port.keep(peer);
                    }
                }
                Incoming::LinkUp { link, .. } => port.send(link, self.kept.to_be_bytes().to_vec()),
                Incoming::Frame { link, bytes } => {
                    let theirs = u64::from_be_bytes(bytes.try_into().expect("eight bytes"));
                    self.unsaved += 1;
                    self.kept = self.kept.max(theirs).saturating_add(1);
                    if self.kept <= self.goal {
                        port.send(link, self.kept.to_be_bytes().to_vec());
                    }
                }
                _ => {}
            }
        }
    }

    fn crash(&mut self) {
        self.unsaved = 0;
    }
}

fn two(seed: u64, wire: Wire, goal: u64) -> (Simulator<Counter>, HostId, HostId) {
    let mut sim = Simulator::new(seed);
    sim.set_wire(wire);
    let a = sim.add(Counter::new(None, goal));
    let b = sim.add(Counter::new(Some(a), goal));
    (sim, a, b)
}

fn done(sim: &Simulator<Counter>) -> bool {
    sim.hosts().all(|(_, host)| host.kept >= host.goal)
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn two_hosts_find_each_other_and_frames_keep_their_order() {
    let (mut sim, a, b) = two(1, Wire::ROAD, 50);
    assert!(sim.run_until(SECOND, HOUR, done));
    assert!(sim.is_linked(a, b));
    let numbers: Vec<u64> = sim
        .host(a)
        .seen
        .iter()
        .filter_map(|event| match event {
            Incoming::Frame { bytes, .. } => Some(u64::from_be_bytes(bytes[..].try_into().expect("eight"))),
            _ => None,
        })
        .collect();
    assert!(numbers.is_sorted());
    assert!(sim.now() > Moment(50 * 40), "frames take their time");
    assert_eq!(sim.counts().lost, 0);
}

#[test]
fn one_seed_is_one_run_and_another_seed_is_another() {
    let run = |seed| {
        let (mut sim, a, _) = two(seed, Wire::BAD, 300);
        sim.run_for(SECOND * 20);
        sim.crash(a, SECOND * 3);
        sim.run_for(HOUR);
        assert!(done(&sim));
        (sim.fingerprint(), sim.counts(), sim.host(a).seen.clone())
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7).0, run(8).0);
}

#[test]
fn a_lost_frame_breaks_the_link_and_both_ends_hear_of_it_later() {
    let (mut sim, a, b) = two(3, Wire { lost_per_million: 100_000, ..Wire::ROAD }, 200);
    assert!(sim.run_until(SECOND, HOUR * 10, done));
    let counts = sim.counts();
    assert!(counts.lost >= counts.breaks && counts.breaks > 3, "{counts:?}");
    assert!(counts.links > counts.breaks, "each break is followed by a new link: {counts:?}");
    for host in [a, b] {
        let seen = &sim.host(host).seen;
        let ups = seen.iter().filter(|e| matches!(e, Incoming::LinkUp { .. })).count();
        let downs = seen.iter().filter(|e| matches!(e, Incoming::LinkDown { .. })).count();
        assert!(ups == downs + 1, "{ups} up, {downs} down");
    }
}

#[test]
fn a_cut_parts_its_hosts_until_it_heals() {
    let (mut sim, a, b) = two(4, Wire::HOUSE, 0);
    sim.run_for(SECOND);
    assert!(sim.is_linked(a, b));
    sim.cut_for([a], SECOND * 90);
    assert!(!sim.is_linked(a, b));
    sim.run_for(SECOND * 89);
    assert!(!sim.is_linked(a, b) && sim.is_parted(a) && !sim.is_parted(b));
    assert_eq!(sim.parted_hosts(), 1);
    sim.run_for(SECOND * 40);
    assert!(sim.is_linked(a, b) && !sim.is_parted(a));
}

#[test]
fn a_crash_takes_what_was_not_committed_and_nothing_of_the_old_life_arrives() {
    let (mut sim, a, b) = two(5, Wire::ROAD, u64::MAX);
    sim.run_for(SECOND * 2);
    assert!(sim.host(a).unsaved > 0);
    let before = sim.host(a).seen.len();
    sim.crash(a, SECOND * 60);
    assert!(!sim.is_up(a));
    assert_eq!(sim.host(a).unsaved, 0);
    sim.run_for(SECOND * 59);
    assert_eq!(sim.host(a).seen.len(), before);
    sim.run_for(SECOND * 60);
    assert_eq!(sim.host(a).seen[before], Incoming::Started);
    assert!(sim.is_linked(a, b) && sim.counts().crashes == 1);
}

#[test]
fn a_link_severed_one_way_delivers_what_was_sent_and_loses_the_answer() {
    let (mut sim, a, b) = two(6, Wire { jitter: Duration::ZERO, ..Wire::ROAD }, 0);
    sim.run_for(SECOND);
    let link = sim.host(b).seen.iter().rev().find_map(|event| match event {
        Incoming::LinkUp { link, .. } => Some(*link),
        _ => None,
    });
    let link = link.expect("they are linked");
    let (frames_a, frames_b) = (sim.host(a).seen.len(), sim.host(b).seen.len());
    sim.host_mut(a).goal = u64::MAX;
    sim.with(b, |_, port| port.send(link, 5u64.to_be_bytes().to_vec()));
    sim.sever(a, b, Sever::Towards(a));
    sim.run_for(Duration::from_millis(60));
    assert!(matches!(sim.host(a).seen[frames_a], Incoming::Frame { .. }), "it came");
    assert_eq!(sim.host(b).seen.len(), frames_b, "and its answer did not");
}

#[test]
fn an_echo_delivers_a_frame_twice_in_a_row() {
    let (mut sim, a, _) = two(7, Wire { echoed_per_million: 1_000_000, ..Wire::HOUSE }, 0);
    sim.run_for(SECOND);
    let frames: Vec<_> = sim.host(a).seen.iter().filter(|e| matches!(e, Incoming::Frame { .. })).collect();
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[0], frames[1]);
}

#[test]
fn a_frame_beyond_the_limit_breaks_the_link_and_is_counted() {
    let (mut sim, a, b) = two(8, Wire::HOUSE, 0);
    sim.run_for(SECOND);
    let seen = sim.host(a).seen.len();
    sim.with(b, |host, port| {
        let up = host.seen.iter().find_map(|event| match event {
            Incoming::LinkUp { link, .. } => Some(*link),
            _ => None,
        });
        port.send(up.expect("they are linked"), vec![0; limits::FRAME_BYTES_MAX + 1]);
    });
    assert!(!sim.is_linked(a, b));
    sim.run_for(SECOND);
    assert_eq!(sim.counts().overruns, 1);
    assert!(matches!(sim.host(a).seen[seen], Incoming::LinkDown { .. }));
}

#[test]
fn a_wake_comes_when_it_was_asked_for_and_not_for_an_earlier_life() {
    let (mut sim, a, _) = two(9, Wire::HOUSE, 0);
    sim.run_for(SECOND);
    let wakes = |sim: &Simulator<Counter>| sim.host(a).seen.iter().filter(|e| **e == Incoming::Wake).count();
    sim.with(a, |_, port| port.wake_at(Some(Moment(5_000))));
    sim.with(a, |_, port| port.wake_at(Some(Moment(9_000))));
    sim.run_for(SECOND * 7);
    assert_eq!(wakes(&sim), 0);
    sim.run_for(SECOND * 2);
    assert_eq!(wakes(&sim), 1);
    sim.with(a, |_, port| port.wake_at(Some(Moment(20_000))));
    sim.crash(a, SECOND);
    sim.run_for(SECOND * 60);
    assert_eq!(wakes(&sim), 1);
}
