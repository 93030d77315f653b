//! Two people whose machines lose their power at any instant, on disks that drop, tear and reorder what was not synced.
//!
//! In each life both write, read, take new keys, burn them, sweep and destroy, and change their passphrases; the power
//! goes after any number of changes of the disk. Whatever it hits, the profile opens under exactly one passphrase, no
//! message is lost or doubled, none is told delivered that has not come, and no slot is used for two envelopes.

use std::time::Duration;

use madang_core::engine::{Command, Policy};
use madang_tests::world::{MOMENT, WHILE, Who, World};
use proto::sim::Wire;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

/// Seeds to live through: few, or as many as the variable says, also as a range such as `40..90`.
fn seeds() -> std::ops::Range<u64> {
    let Ok(told) = std::env::var("MADANG_LIFE_ROUNDS") else { return 0..4 };
    let number = |text: &str| text.parse().expect("a number, or a range of numbers");
    told.split_once("..").map_or_else(|| 0..number(&told), |(from, to)| number(from)..number(to))
}

fn two_friends_on_real_disks(seed: u64, linked: bool) -> (World, [Who; 2]) {
    let mut world = World::new(seed).on_modelled_disks();
    let people = [world.person("alice"), world.person("bob")];
    let relay = world.relay();
    for who in people {
        world.use_relay(who, relay);
        world.node_mut(who).set_policy(Policy { rekey_messages: 5, ..Policy::default() });
    }
    world.wires(Wire::ROAD);
    if linked {
        world.neighbours(people[0], people[1]);
    }
    world.pass(WHILE);
    world.befriend(people[0], people[1]);
    world.pass(WHILE);
    (world, people)
}

/// Something that somebody does while they have power.
fn something(world: &mut World, rng: &mut ChaCha8Rng, [who, other]: [Who; 2], count: &mut u32) {
    match rng.random_range(0..12) {
        0 => world.change_passphrase(who),
        1 => {
            let contact = world.contact(who, other).expect("they are friends").id;
            let _ = world.ask(who, Command::Suspect(contact));
        }
        2 => {
            let (conversation, place) = (world.conversation(who, other), madang_core::Place(u64::MAX));
            let _ = world.ask(who, Command::MarkRead { conversation, place, tell: true });
        }
        3 => (0..rng.random_range(2..12)).for_each(|_| say(world, who, other, 1, count)),
        4 => say(world, who, other, rng.random_range(500..9_000), count),
        _ => say(world, who, other, 1, count),
    }
}

fn say(world: &mut World, from: Who, to: Who, length: usize, count: &mut u32) {
    *count += 1;
    world.try_write(from, to, &format!("{count:0length$}"));
}

#[test]
fn a_power_cut_at_any_point_of_a_conversation_loses_doubles_and_reuses_nothing() {
    let (mut cuts, mut written, mut slots, mut generations) = (0, 0, 0, 0);
    for seed in seeds() {
        let mut rng = ChaCha8Rng::seed_from_u64(77_000 + seed);
        let (mut world, people) = two_friends_on_real_disks(seed, seed % 2 == 0);
        let mut count = 0;
        for _ in 0..40 {
            let victim = people[rng.random_range(0..2)];
            if rng.random_range(0..2) == 0 {
                world.node_mut(victim).cut_power_after(rng.random_range(0..60));
            }
            let turned = rng.random_range(0..2);
            something(&mut world, &mut rng, [people[turned], people[1 - turned]], &mut count);
            world.pass(Duration::from_millis(rng.random_range(0..9_000)));
        }
        // A power that was to be cut still is.
        world.settle();
        world.check();
        for round in 0..2 {
            say(&mut world, people[round], people[1 - round], 1, &mut count);
            world.pass(MOMENT * 5);
        }
        world.settle();
        world.check();
        cuts += people.iter().map(|who| world.node(*who).cuts()).sum::<u32>();
        written += world.journal().written();
        slots += world.journal().slots_used();
        generations += world.generations(people[0], people[1]).last().copied().unwrap_or(0);
    }
    println!("{cuts} falls, {written} messages answered as kept, {slots} slots, {generations} generations");
    assert!(cuts > 0 && generations > 0);
}
