//! What is known of a relay: for how long it was seen up or down, what it said that it takes, what waits to be left there.

use std::time::Duration;

use madang_core::engine::{Answer, Command};
use madang_core::{RelayInfo, Takes};
use madang_tests::world::{Quotas, WHILE, Who, World};

fn relay_of(world: &mut World, who: Who) -> RelayInfo {
    match world.must(who, Command::Relays) {
        Answer::Relays(relays) => relays.into_iter().find(|relay| relay.home).expect("a relay of one's own"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_a_relay_is_told_what_was_seen_and_what_it_said_and_no_more() {
    let small = Quotas { bytes: 30 * 1024, ..Quotas::default() };
    let (mut world, alice, bob, relay) = World::friends_by_relay_with(1001, small);
    world.pass(WHILE * 10);
    let idle = relay_of(&mut world, alice);
    assert!(idle.up && idle.waiting == 0 && idle.takes == Takes::All, "{idle:?}");
    assert!(idle.steady >= Some(WHILE * 9), "{idle:?}");

    world.off(bob);
    for number in 0..40 {
        world.write(alice, bob, &format!("{number}"));
    }
    world.pass(WHILE);
    let full = relay_of(&mut world, alice);
    assert!(full.up && full.waiting > 0 && full.takes != Takes::All, "{full:?}");

    world.off(relay);
    world.pass(WHILE * 3);
    let gone = relay_of(&mut world, alice);
    assert!(!gone.up && gone.waiting == full.waiting, "{gone:?}");
    assert!(gone.steady.is_some_and(|seen| seen > Duration::ZERO && seen <= WHILE * 3), "{gone:?}");

    world.restart(alice);
    world.pass(WHILE);
    let unseen = relay_of(&mut world, alice);
    assert!(!unseen.up && unseen.steady.is_none() && unseen.waiting == full.waiting, "{unseen:?}");

    world.relay_mut(relay).set_quotas(Quotas::default());
    world.on(relay);
    world.pass(WHILE * 10);
    let back = relay_of(&mut world, alice);
    assert!(back.up && back.waiting == 0 && back.takes == Takes::All, "{back:?}");
    world.on(bob);
    world.settle();
    world.check();
}
