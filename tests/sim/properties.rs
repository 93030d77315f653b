//! Whatever happens, in whatever order: each message comes once, causes first, and *delivered* is true.

use std::time::Duration;

use madang_tests::world::{Clock, Frailty, WHILE, Who, World};
use proptest::prelude::*;
use proto::sim::{Sever, Wire};

/// Something that somebody does, or that befalls them. Numbers name machines: people 0 to 2, relays 3 and 4.
#[derive(Clone, Debug)]
enum Happening {
    Write(usize, usize),
    Burst(usize, usize, usize),
    Long(usize, usize, usize),
    Pass(u64),
    Cut(Vec<usize>, u64),
    Crash(usize, u64),
    LoseAcks(usize, usize),
    Wire(usize),
}

fn happening() -> impl Strategy<Value = Happening> {
    let person = 0..3_usize;
    prop_oneof![
        6 => (person.clone(), 1..3_usize).prop_map(|(from, by)| Happening::Write(from, (from + by) % 3)),
        1 => (person.clone(), 1..3_usize, 2..60_usize)
            .prop_map(|(from, by, count)| Happening::Burst(from, (from + by) % 3, count)),
        1 => (person.clone(), 1..3_usize, 500..16_000_usize)
            .prop_map(|(from, by, length)| Happening::Long(from, (from + by) % 3, length)),
        4 => (0..90_u64).prop_map(Happening::Pass),
        2 => (prop::collection::vec(0..5_usize, 1..4), 1..1_500_u64).prop_map(|(who, s)| Happening::Cut(who, s)),
        2 => (0..5_usize, 0..300_u64).prop_map(|(who, seconds)| Happening::Crash(who, seconds)),
        1 => (person.clone(), 1..5_usize).prop_map(|(from, by)| Happening::LoseAcks(from, (from + by) % 5)),
        1 => (0..4_usize).prop_map(Happening::Wire),
    ]
}

const WIRES: [Wire; 4] =
    [Wire::HOUSE, Wire::ROAD, Wire::BAD, Wire { echoed_per_million: 20_000, ..Wire::ROAD }];

/// Alice and Bob share a network and a relay, Bob and Carol a relay and no network, Carol and Alice both relays.
fn three_friends(seed: u64) -> (World, [Who; 5]) {
    let mut world = World::new(seed);
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.person(name));
    let [north, south] = [world.relay(), world.relay()];
    world.use_relay(alice, north);
    world.use_relay(alice, south);
    world.use_relay(bob, north);
    world.use_relay(carol, south);
    world.neighbours(alice, bob);
    world.pass(WHILE);
    for (one, other) in [(alice, bob), (bob, carol), (carol, alice)] {
        world.befriend(one, other);
    }
    (world, [alice, bob, carol, north, south])
}

fn happen(world: &mut World, all: &[Who; 5], what: &Happening, count: &mut usize) {
    let mut write = |world: &mut World, from: usize, to: usize, length: usize| {
        *count += 1;
        world.try_write(all[from], all[to], &format!("{count:0length$}"));
    };
    match what {
        Happening::Write(from, to) => write(world, *from, *to, 1),
        Happening::Burst(from, to, many) => (0..*many).for_each(|_| write(world, *from, *to, 1)),
        Happening::Long(from, to, length) => write(world, *from, *to, *length),
        Happening::Pass(seconds) => world.pass(Duration::from_secs(*seconds)),
        Happening::Cut(who, seconds) => {
            let who: Vec<Who> = who.iter().map(|at| all[*at]).collect();
            world.sim.cut_for(who, Duration::from_secs(*seconds));
        }
        Happening::Crash(who, seconds) => world.sim.crash(all[*who], Duration::from_secs(*seconds)),
        Happening::LoseAcks(from, to) => world.sim.sever(all[*from], all[*to], Sever::Towards(all[*to])),
        Happening::Wire(wire) => world.wires(WIRES[*wire]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_schedule_of_trouble_ends_with_every_message_once_and_in_order(
        seed in any::<u64>(),
        frail in 0..3_000_u32,
        what in prop::collection::vec(happening(), 1..60),
    ) {
        let (mut world, all) = three_friends(seed);
        for who in all {
            world.make_frail(who, Frailty { before_per_million: frail, after_per_million: frail });
        }
        world.node_mut(all[2]).set_clock(Clock::Mad);
        let mut count = 0;
        for happening in &what {
            happen(&mut world, &all, happening, &mut count);
        }
        world.settle();
        world.check();
    }

    #[test]
    fn one_seed_is_one_run(seed in any::<u64>(), what in prop::collection::vec(happening(), 1..20)) {
        let run = || {
            let (mut world, all) = three_friends(seed);
            let mut count = 0;
            for happening in &what {
                happen(&mut world, &all, happening, &mut count);
            }
            world.settle();
            (world.fingerprint(), world.sim.counts())
        };
        prop_assert_eq!(run(), run());
    }
}
