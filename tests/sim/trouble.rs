//! What goes wrong: clocks, full and forgetful relays, lost words, echoes, and a death at every step.

use std::time::Duration;

use crypto::key::Secret32;
use crypto::seal::Class;
use crypto::slot::Chain;
use madang_core::{Delivery, Notice, Step};
use madang_tests::world::{Clock, Doom, MOMENT, Quotas, RESERVE_SHARE, WHILE, World};
use proto::envelope::{Blob, Envelope};
use proto::sim::Wire;

#[test]
fn clocks_that_are_years_apart_and_jump_change_neither_order_nor_delivery() {
    let (mut world, alice, bob, _) = World::friends_by_relay(201);
    const YEAR: i64 = 365 * 24 * 3_600_000;
    world.node_mut(alice).set_clock(Clock::Off(73 * YEAR));
    world.node_mut(bob).set_clock(Clock::Off(-40 * YEAR));
    let mut texts = Vec::new();
    for round in 0..12 {
        let (from, to) = if round % 2 == 0 { (alice, bob) } else { (bob, alice) };
        texts.push(format!("round {round}"));
        world.write(from, to, &texts[round]);
        world.settle();
        match round {
            4 => world.node_mut(alice).set_clock(Clock::Mad),
            7 => world.node_mut(bob).set_clock(Clock::Mad),
            _ => {}
        }
    }
    world.check();
    let seen: Vec<_> = world.history(bob, alice).into_iter().filter_map(|m| m.text).collect();
    assert_eq!(seen, texts);
}

#[test]
fn a_full_relay_refuses_in_words_and_the_message_goes_when_there_is_room() {
    let small = Quotas { bytes: 30 * 1024, ..Quotas::default() };
    let (mut world, alice, bob, relay) = World::friends_by_relay_with(202, small);
    world.pass(WHILE * 10);
    world.off(bob);
    let ids: Vec<_> = (0..40).map(|n| world.write(alice, bob, &format!("{n}"))).collect();
    world.pass(WHILE);
    let last = world.trail(alice, ids[39]);
    assert!(last.contains(&Step::Refused), "{last:?}");
    assert_eq!(world.delivery(alice, bob, ids[0]), Some(Delivery::OnRelay { copies: 1 }));
    // The operator gives more room and starts it again, and the rest follows, long before the five minutes are over.
    world.off(relay);
    world.relay_mut(relay).set_quotas(Quotas::default());
    world.on(relay);
    world.pass(WHILE);
    assert_eq!(world.delivery(alice, bob, ids[39]), Some(Delivery::OnRelay { copies: 1 }));
    world.on(bob);
    world.settle();
    world.check();
}

#[test]
fn a_full_relay_lets_receipts_pass_and_so_it_empties_without_its_operator() {
    let room = 1 << 20;
    let (mut world, alice, bob, relay) =
        World::friends_by_relay_with(208, Quotas { bytes: room, ..Quotas::default() });
    let full_at = room - room / RESERVE_SHARE;
    let long = |n: usize| format!("{n} {}", "so it goes, and on it goes. ".repeat(500));
    world.off(bob);
    for number in 0..150 {
        world.write(alice, bob, &long(number));
    }
    world.pass(WHILE * 20);
    let stats = world.relay_mut(relay).stats().expect("it runs");
    assert!(stats.full > 0 && stats.bytes + 20 * 1024 > full_at, "{stats:?}");
    // Alice is away when Bob reads: his word that it came needs room at the full relay.
    world.off(alice);
    world.on(bob);
    world.pass(MOMENT / 4);
    // What is left below the reserve is taken by others.
    let mut strangers = Chain::new(&Secret32::new([9; 32]));
    while world.relay_at(relay).stats().expect("it runs").bytes + 1_152 <= full_at {
        let blob = Blob::parse(vec![9; Class::C0.bytes()]).expect("the size of its class");
        world.relay_mut(relay).deposit(Envelope::seal_into(&strangers.next(), blob, 30, 0));
    }
    world.pass(WHILE * 5);
    let read = world.read(bob, alice).len();
    assert!(read > 40, "{read}");
    let stats = world.relay_mut(relay).stats().expect("it runs");
    assert!(stats.reserved > 0, "{stats:?}");
    world.off(bob);
    world.on(alice);
    world.pass(WHILE * 20);
    world.on(bob);
    world.settle();
    assert_eq!(world.read(bob, alice), (0..150).map(long).collect::<Vec<_>>());
    world.check();
}

#[test]
fn a_relay_that_lost_everything_is_filled_again() {
    let (mut world, alice, bob, relay) = World::friends_by_relay(203);
    world.off(bob);
    for number in 0..20 {
        world.write(alice, bob, &format!("{number}"));
    }
    world.pass(WHILE);
    world.off(relay);
    world.relay_mut(relay).lose_disk();
    world.on(relay);
    world.pass(WHILE * 5);
    world.on(bob);
    world.settle();
    world.check();
    let lost = |notice: &Notice| matches!(notice, Notice::RelayListReplaced(_));
    assert!(world.notices(alice).iter().any(lost));
}

#[test]
fn a_relay_that_only_the_friend_reads_loses_everything_and_the_mail_still_comes() {
    let (mut world, alice, bob, [_, south]) = World::friends_by_two_relays(204);
    world.off(bob);
    world.write(alice, bob, "left in the south");
    world.pass(WHILE);
    world.off(south);
    world.relay_mut(south).lose_disk();
    world.on(south);
    world.pass(WHILE);
    world.on(bob);
    world.settle();
    world.check();
}

#[test]
fn a_gap_wider_than_the_ratchet_bears_closes() {
    let (mut world, alice, bob, [_, south]) = World::friends_by_two_relays(207);
    world.off(bob);
    for number in 0..200 {
        if number == 90 {
            world.pass(WHILE);
            world.off(south);
            world.relay_mut(south).lose_disk();
            world.on(south);
        }
        world.write(alice, bob, &format!("{number}"));
        world.pass(MOMENT);
    }
    world.pass(WHILE);
    world.on(bob);
    world.settle();
    assert_eq!(world.read(bob, alice), (0..200).map(|number| number.to_string()).collect::<Vec<_>>());
    world.check();
}

#[test]
fn a_link_that_breaks_before_the_word_comes_back_brings_nothing_twice() {
    let (mut world, alice, bob) = World::two_people(205);
    world.wires(Wire::ROAD);
    world.neighbours(alice, bob);
    world.befriend(alice, bob);
    for number in 0..30 {
        world.write(alice, bob, &format!("{number}"));
        world.pass(Duration::from_millis(50 + 7 * number));
        world.lose_acks(alice, bob);
        if number % 5 == 0 {
            world.restart(alice);
        }
        if number % 7 == 0 {
            world.restart(bob);
        }
        world.pass(MOMENT * 10);
    }
    world.settle();
    world.check();
}

#[test]
fn a_wire_that_echoes_harms_nothing_but_the_link() {
    let (mut world, alice, bob, relay) = World::friends_by_relay(206);
    let echo = Wire { echoed_per_million: 30_000, ..Wire::ROAD };
    world.wires(echo);
    world.neighbours(alice, bob);
    world.restart(relay);
    for number in 0..60 {
        world.write(alice, bob, &format!("{number}"));
        world.write(bob, alice, &format!("{number}"));
        world.pass(MOMENT);
    }
    world.settle();
    world.check();
    assert!(world.sim.counts().echoed > 0);
}

/// One machine dies in one of its turns while two messages are under way.
fn one_death(victim: usize, doom: Doom, linked: bool) {
    let (mut world, alice, bob, relay) = World::friends_by_relay(300);
    if linked {
        world.neighbours(alice, bob);
        world.pass(WHILE);
    }
    world.doom([alice, bob, relay][victim], doom);
    let first = world.try_write(alice, bob, "one");
    world.pass(MOMENT / 2);
    let second = world.try_write(bob, alice, "two");
    world.pass(MOMENT * 10);
    let third = world.try_write(alice, bob, "three");
    world.settle();
    world.check();
    // What nobody was told of may be lost, and only what was under way when the device died.
    assert!([first, second, third].iter().flatten().count() >= 2, "{victim} {doom:?}");
}

#[test]
fn a_death_in_any_turn_over_a_relay_loses_nothing_and_doubles_nothing() {
    for turns in 0..14 {
        for victim in 0..3 {
            one_death(victim, Doom::BeforeCommit(turns), false);
            one_death(victim, Doom::AfterCommit(turns), false);
        }
    }
}

#[test]
fn a_death_in_any_turn_over_a_link_loses_nothing_and_doubles_nothing() {
    for turns in 0..14 {
        for victim in 0..2 {
            one_death(victim, Doom::BeforeCommit(turns), true);
            one_death(victim, Doom::AfterCommit(turns), true);
        }
    }
}

#[test]
fn a_death_in_any_turn_of_first_contact_leaves_two_friends() {
    for turns in 0..24 {
        for (victim, doom) in [
            (0, Doom::BeforeCommit(turns)),
            (0, Doom::AfterCommit(turns)),
            (1, Doom::BeforeCommit(turns)),
            (1, Doom::AfterCommit(turns)),
        ] {
            let (mut world, alice, bob, _) = World::host_and_guest(400);
            let invite = world.invite(alice);
            world.accept(bob, &invite);
            world.doom([alice, bob][victim], doom);
            let met = world.run_until(WHILE * 60, |world| world.are_friends(alice, bob));
            assert!(met, "{victim} {doom:?}: {:?} {:?}", world.state(alice, bob), world.state(bob, alice));
            world.pass(WHILE);
            // A late doom may come only now; what was not answered was not promised.
            world.try_write(alice, bob, "here we are");
            world.try_write(bob, alice, "both");
            world.settle();
            world.check();
        }
    }
}
