//! Keys that are made anew: on time, apart, crossed, under crashes; and keys that are burnt.

use std::time::Duration;

use madang_core::Delivery;
use madang_core::engine::{Command, Policy};
use madang_tests::world::{DAY, Doom, MOMENT, WHILE, Who, World};

/// Two friends who make new keys after so many messages.
fn quick(seed: u64, messages: u32) -> (World, Who, Who, Who) {
    let (mut world, alice, bob, relay) = World::friends_by_relay(seed);
    for who in [alice, bob] {
        world.node_mut(who).set_policy(Policy { rekey_messages: messages, ..Policy::default() });
    }
    (world, alice, bob, relay)
}

fn newest(world: &World, who: Who, with: Who) -> u32 {
    world.generations(who, with).last().copied().expect("one is always there")
}

fn assert_settled_on_one(world: &World, alice: Who, bob: Who) {
    let both = [world.generations(alice, bob), world.generations(bob, alice)];
    assert!(both.iter().all(|live| live.len() == 1), "{both:?}");
}

fn chat(world: &mut World, alice: Who, bob: Who, rounds: usize) {
    for round in 0..rounds {
        world.write(alice, bob, &format!("a{round}"));
        world.write(bob, alice, &format!("b{round}"));
        world.settle();
    }
}

#[test]
fn a_hundred_messages_use_a_generation_up_and_its_records_die() {
    let (mut world, alice, bob, _) = World::friends_by_relay(501);
    chat(&mut world, alice, bob, 49);
    assert_eq!(newest(&world, alice, bob), 0);
    chat(&mut world, alice, bob, 3);
    world.pass(WHILE);
    assert!(newest(&world, alice, bob) >= 1);
    assert!(newest(&world, bob, alice) >= 1);
    chat(&mut world, alice, bob, 2);
    world.pass(WHILE);
    assert_settled_on_one(&world, alice, bob);
    world.check();
}

#[test]
fn a_week_of_use_does_so_too_counted_over_restarts_and_not_by_the_calendar() {
    let (mut world, alice, bob, _) = World::friends_by_relay(502);
    world.pass(DAY * 4);
    world.restart(alice);
    world.off(bob);
    world.write(alice, bob, "after four days");
    world.pass(WHILE);
    assert_eq!(newest(&world, alice, bob), 0);
    // A device that is off does not age.
    world.off(alice);
    world.pass(DAY * 30);
    world.on(alice);
    world.write(alice, bob, "after a month in a drawer");
    world.pass(WHILE);
    assert_eq!(newest(&world, alice, bob), 0);
    world.pass(DAY * 4);
    world.write(alice, bob, "after eight days of use");
    world.pass(WHILE);
    assert_eq!(newest(&world, alice, bob), 1);
    world.on(bob);
    world.settle();
    world.check();
}

#[test]
fn one_who_is_alone_makes_new_keys_once_and_the_other_reads_all_later() {
    let (mut world, alice, bob, _) = quick(503, 20);
    world.off(bob);
    for number in 0..90 {
        world.write(alice, bob, &format!("{number}"));
        world.pass(MOMENT);
    }
    // There was one offer at hand.
    assert_eq!(world.generations(alice, bob), [0, 1]);
    world.on(bob);
    world.settle();
    assert_eq!(world.read(bob, alice), (0..90).map(|number| number.to_string()).collect::<Vec<_>>());
    chat(&mut world, alice, bob, 3);
    world.pass(WHILE);
    assert_settled_on_one(&world, alice, bob);
    world.check();
}

#[test]
fn two_who_begin_at_once_while_apart_settle_on_one() {
    for seed in 510..516 {
        let (mut world, alice, bob, _) = quick(seed, 10);
        chat(&mut world, alice, bob, 5);
        let (one, other) = (world.away(alice), world.away(bob));
        world.pass(WHILE);
        for number in 0..12 {
            world.write(alice, bob, &format!("from the north {number}"));
            world.write(bob, alice, &format!("from the south {number}"));
        }
        world.pass(WHILE);
        let begun = (newest(&world, alice, bob), newest(&world, bob, alice));
        assert!(begun.0 >= 1 && begun.1 >= 1, "{begun:?}");
        world.sim.heal(one);
        world.sim.heal(other);
        world.settle();
        world.check();
        chat(&mut world, alice, bob, 2);
        world.pass(WHILE);
        chat(&mut world, alice, bob, 1);
        world.pass(WHILE);
        assert_settled_on_one(&world, alice, bob);
    }
}

#[test]
fn a_new_generation_recognises_a_friend_on_the_same_network() {
    let (mut world, alice, bob, relay) = quick(520, 6);
    chat(&mut world, alice, bob, 8);
    world.pass(WHILE);
    assert!(newest(&world, alice, bob) >= 1);
    world.off(relay);
    world.neighbours(alice, bob);
    world.pass(WHILE);
    let id = world.write(alice, bob, "by wire");
    world.pass(MOMENT);
    assert_eq!(world.delivery(alice, bob, id), Some(Delivery::Delivered));
}

#[test]
fn there_are_never_more_than_four_whatever_happens() {
    for seed in 530..534 {
        let (mut world, alice, bob, relay) = quick(seed, 1);
        for round in 0..40_u64 {
            world.try_write(alice, bob, &format!("a{round}"));
            world.try_write(bob, alice, &format!("b{round}"));
            match round % 8 {
                1 => drop(world.sim.cut_for([alice], Duration::from_secs(90))),
                3 => world.sim.crash(bob, Duration::from_secs(40)),
                4 => drop(world.ask(alice, Command::Suspect(world.contact(alice, bob).expect("known").id))),
                6 => world.sim.crash(relay, Duration::from_secs(20)),
                7 => drop(world.ask(bob, Command::Suspect(world.contact(bob, alice).expect("known").id))),
                _ => {}
            }
            world.pass(Duration::from_secs(1 + round % 20));
            for (who, with) in [(alice, bob), (bob, alice)] {
                let live = world.generations(who, with);
                assert!(live.len() <= 4, "{live:?}");
            }
        }
        world.settle();
        world.check();
        let before = newest(&world, alice, bob);
        chat(&mut world, alice, bob, 4);
        assert!(newest(&world, alice, bob) > before, "after all that, new keys are still made: {before}");
        world.check();
    }
}

#[test]
fn a_burnt_offer_begins_nothing_and_the_next_one_does() {
    let (mut world, alice, bob, _) = quick(540, 10);
    chat(&mut world, alice, bob, 4);
    world.pass(WHILE);
    // Alice begins with Bob's offer while Bob is away. Before he hears of it he burns that offer.
    let apart = world.away(bob);
    world.pass(MOMENT);
    for number in 0..12 {
        world.write(alice, bob, &format!("{number}"));
    }
    world.pass(MOMENT);
    assert_eq!(newest(&world, alice, bob), 1);
    let contact = world.contact(bob, alice).expect("known").id;
    world.must(bob, Command::Suspect(contact));
    world.sim.heal(apart);
    world.settle();
    world.check();
    chat(&mut world, alice, bob, 2);
    world.pass(WHILE);
    assert_settled_on_one(&world, alice, bob);
    let begun = newest(&world, alice, bob).min(newest(&world, bob, alice));
    assert!(begun >= 1);
}

#[test]
fn suspicion_makes_new_keys_at_once_without_a_message() {
    let (mut world, alice, bob, _) = World::friends_by_relay(541);
    assert_eq!(newest(&world, alice, bob), 0);
    let contact = world.contact(alice, bob).expect("known").id;
    world.must(alice, Command::Suspect(contact));
    world.pass(WHILE);
    assert_eq!(newest(&world, alice, bob), 1);
    assert_eq!(newest(&world, bob, alice), 1);
    assert!(!world.contact(alice, bob).expect("known").renewing, "the new keys are in use");
    chat(&mut world, alice, bob, 1);
    world.pass(WHILE);
    assert_settled_on_one(&world, alice, bob);

    // The offer at hand serves one suspicion; the next has to wait until Bob is reached.
    let apart = world.away(alice);
    world.must(alice, Command::Suspect(contact));
    world.must(alice, Command::Suspect(contact));
    world.pass(MOMENT);
    assert!(world.contact(alice, bob).expect("known").renewing, "they are not in use yet");
    world.sim.heal(apart);
    world.settle();
    world.pass(WHILE);
    assert!(!world.contact(alice, bob).expect("known").renewing, "they are in use again");
    world.check();
}

#[test]
fn a_death_in_any_turn_of_a_re_key_loses_nothing_and_doubles_nothing() {
    for linked in [false, true] {
        for turns in 0..8 {
            for victim in 0..2 {
                for doom in [Doom::BeforeCommit(turns), Doom::AfterCommit(turns)] {
                    one_death(victim, doom, linked);
                }
            }
        }
    }
}

fn one_death(victim: usize, doom: Doom, linked: bool) {
    let (mut world, alice, bob, _) = quick(550, 3);
    if linked {
        world.neighbours(alice, bob);
        world.pass(WHILE);
    }
    chat(&mut world, alice, bob, 1);
    world.doom([alice, bob][victim], doom);
    for number in 0..4 {
        world.try_write(alice, bob, &format!("{number}"));
        world.pass(MOMENT);
        world.try_write(bob, alice, &format!("{number}"));
        world.pass(MOMENT);
    }
    world.settle();
    world.check();
    chat(&mut world, alice, bob, 2);
    world.check();
}
