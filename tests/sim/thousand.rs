//! A thousand people in a hundred villages, under partition and crash all the time; the same twice from one seed.

use std::time::Duration;

use madang_core::Event;
use madang_tests::world::{Clock, Frailty, Who, World};
use proto::sim::{Counts, Wire};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Messages that each person writes.
const MESSAGES_EACH: usize = 20;
/// People who share a relay.
const VILLAGE: usize = 8;
/// How often trouble moves on.
const TICK: Duration = Duration::from_secs(10);
/// Ticks until all must have come: twelve hours.
const TICKS_MAX: usize = 12 * 360;

/// Reads a number from the environment, so that other sizes and seeds can be tried by hand.
fn asked(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

#[derive(Debug, PartialEq)]
struct Outcome {
    fingerprint: (u64, [u8; 32]),
    written: usize,
    told: u64,
    ticks: usize,
    hosts: usize,
    least_parted: usize,
    counts: Counts,
}

struct Land {
    world: World,
    people: Vec<Who>,
    relays: Vec<Who>,
    friends: Vec<(Who, Who)>,
    rng: ChaCha20Rng,
}

/// Settles at least `count` people in whole villages, each with a relay. Each has a friend next door, on one network with them, and one in
/// another village, who is reached through relays alone.
fn settle_land(seed: u64, count: usize) -> Land {
    let mut world = World::new(seed);
    world.wires(Wire { lost_per_million: 200, ..Wire::ROAD });
    let count = count.div_ceil(2 * VILLAGE).max(1) * 2 * VILLAGE;
    let relays: Vec<Who> = (0..count / VILLAGE).map(|_| world.relay()).collect();
    let people: Vec<Who> = (0..count).map(|number| world.person(&format!("person {number}"))).collect();
    for (number, who) in people.iter().enumerate() {
        world.use_relay(*who, relays[number / VILLAGE]);
        if number % 3 == 0 {
            world.node_mut(*who).set_clock(Clock::Mad);
        }
    }
    world.pass(TICK);
    let near = (0..count).step_by(2).map(|number| (people[number], people[number + 1]));
    let far = (1..count).step_by(2).map(|number| (people[number], people[(number + VILLAGE + 1) % count]));
    let (near, far): (Vec<_>, Vec<_>) = (near.collect(), far.collect());
    for (one, other) in &near {
        world.sim.set_wire_between(*one, *other, Wire::HOUSE);
        world.neighbours(*one, *other);
    }
    let friends: Vec<(Who, Who)> = near.into_iter().chain(far).collect();
    for (one, other) in &friends {
        let invite = world.invite(*one);
        world.accept(*other, &invite);
    }
    let met = world.run_until(Duration::from_secs(3_600), |world| {
        let live = |who: &Who| {
            world.node(*who).heard().iter().filter(|e| matches!(e, Event::ContactLive(_))).count()
        };
        people.iter().all(|who| live(who) == 2)
    });
    assert!(met, "friends never met");
    Land { world, people, relays, friends, rng: ChaCha20Rng::seed_from_u64(seed ^ 0x6d61_6461_6e67) }
}

impl Land {
    fn below(&mut self, bound: usize) -> usize {
        (self.rng.next_u64() % bound as u64) as usize
    }

    /// Parts more people until a quarter of all is, some alone, some with a whole village and its relay. Until the next
    /// tick some of them meet the others again.
    fn part_some(&mut self) {
        while self.world.sim.parted_hosts() * 4 < self.people.len() + self.relays.len() {
            let seconds = 30 + self.below(270) as u64;
            let first = self.below(self.people.len());
            let with_village = self.below(4) == 0;
            let hosts: Vec<Who> = if with_village {
                let village = first / VILLAGE;
                let members = self.people[village * VILLAGE..(village + 1) * VILLAGE].iter();
                members.chain([&self.relays[village]]).copied().collect()
            } else {
                vec![self.people[first]]
            };
            self.world.sim.cut_for(hosts, Duration::from_secs(seconds));
        }
    }

    fn crash_some(&mut self) {
        for _ in 0..self.people.len().div_ceil(200) {
            let (who, seconds) = (self.below(self.people.len()), 1 + self.below(60) as u64);
            self.world.sim.crash(self.people[who], Duration::from_secs(seconds));
        }
        if self.below(2) == 0 {
            let (relay, seconds) = (self.below(self.relays.len()), 1 + self.below(30) as u64);
            self.world.sim.crash(self.relays[relay], Duration::from_secs(seconds));
        }
    }

    /// Lets about one in five of those who have not written all yet write to one of their friends.
    fn write_some(&mut self, left: &mut [usize]) {
        for (number, left) in left.iter_mut().enumerate() {
            if *left == 0 || self.below(5) > 0 {
                continue;
            }
            let me = self.people[number];
            let mine: Vec<Who> = self
                .friends
                .iter()
                .filter_map(|(a, b)| (*a == me).then_some(*b).or((*b == me).then_some(*a)))
                .collect();
            let to = mine[self.below(mine.len())];
            if self.world.try_write(me, to, &format!("{left} more to say")).is_some() {
                *left -= 1;
            }
        }
    }
}

fn run(seed: u64, count: usize) -> Outcome {
    let mut land = settle_land(seed, count);
    let frail = Frailty { before_per_million: 200, after_per_million: 200 };
    for who in land.people.iter().chain(&land.relays).copied().collect::<Vec<_>>() {
        land.world.make_frail(who, frail);
    }
    let mut left = vec![MESSAGES_EACH; land.people.len()];
    let (mut ticks, mut least_parted) = (0, usize::MAX);
    loop {
        land.part_some();
        land.crash_some();
        land.write_some(&mut left);
        land.world.pass(TICK);
        // Some cuts have healed in the meantime: this is the least that was parted during the tick.
        least_parted = least_parted.min(land.world.sim.parted_hosts());
        ticks += 1;
        let silent = left.iter().all(|left| *left == 0);
        if silent && land.world.journal().undelivered().is_empty() {
            break;
        }
        assert!(ticks < TICKS_MAX, "{} undelivered", land.world.journal().undelivered().len());
    }
    land.world.check();
    let (written, told) = (land.world.journal().written(), land.world.journal().told());
    let (fingerprint, counts) = (land.world.fingerprint(), land.world.sim.counts());
    let hosts = land.people.len() + land.relays.len();
    Outcome { fingerprint, written, told, ticks, hosts, least_parted, counts }
}

#[test]
fn a_thousand_people_lose_nothing_and_one_seed_tells_it_twice() {
    let (seed, nodes) = (asked("MADANG_SIM_SEED", 2026), asked("MADANG_SIM_NODES", 1_000) as usize);
    let twin = std::thread::spawn(move || run(seed, nodes));
    let outcome = run(seed, nodes);
    println!("{nodes} people, seed {seed}: {outcome:?}");
    assert!(outcome.written >= nodes * MESSAGES_EACH);
    assert!(outcome.least_parted * 10 >= outcome.hosts, "a tenth is parted at any time");
    assert!(outcome.counts.crashes > 0 && outcome.counts.breaks > 0);
    let twin = twin.join().expect("the second run holds as the first did");
    assert_eq!(outcome, twin, "one seed is one run");
}
