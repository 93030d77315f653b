//! A profile comes back from an old backup and meets its contacts again, with new keys, before it says anything else.

use madang_core::engine::{Command, Policy};
use madang_core::{ContactState, Delivery, Notice};
use madang_tests::world::{DAY, Doom, MOMENT, WHILE, Who, World};

fn texts(world: &World, who: Who, with: Who) -> Vec<String> {
    world.history(who, with).into_iter().filter_map(|message| message.text).collect()
}

fn met_again(world: &World, restored: Who, friend: Who) -> bool {
    let told = |who: Who, wanted: fn(&Notice) -> bool| world.notices(who).iter().any(wanted);
    told(friend, |notice| matches!(notice, Notice::ContactRestored(_)))
        && told(restored, |notice| matches!(notice, Notice::MetAgain(_)))
}

#[test]
fn a_restored_backup_meets_its_contact_again_and_has_what_they_wrote_since() {
    let (mut world, alice, bob, _) = World::friends_by_relay(601);
    world.write(alice, bob, "before");
    world.write(bob, alice, "before too");
    world.settle();
    let backup = world.backup(alice);
    for number in 0..5 {
        world.write(bob, alice, &format!("since {number}"));
        world.settle();
    }
    world.restore(alice, &backup);
    let first = world.write(alice, bob, "I am back");
    assert!(world.run_until(WHILE * 10, |world| met_again(world, alice, bob)));
    world.settle();
    assert_eq!(world.delivery(alice, bob, first), Some(Delivery::Delivered));
    // What Bob wrote since is here again, each once; nothing of Bob's own was doubled.
    world.check();
    assert_eq!(texts(&world, alice, bob).len(), 8);
    world.write(bob, alice, "welcome");
    world.write(alice, bob, "thank you");
    world.settle();
    world.check();
    // Both have left the keys of last resort behind.
    world.pass(WHILE);
    world.write(alice, bob, "and on");
    world.settle();
    world.pass(WHILE);
    assert!(world.generations(alice, bob).iter().all(|generation| *generation >= 2));
}

#[test]
fn what_was_under_way_on_both_sides_comes_once() {
    let (mut world, alice, bob, _) = World::friends_by_relay(602);
    world.write(alice, bob, "first");
    world.settle();
    world.off(bob);
    let waiting = world.write(alice, bob, "in the backup, not yet delivered");
    world.pass(WHILE);
    let backup = world.backup(alice);
    world.off(alice);
    world.on(bob);
    world.pass(WHILE);
    assert!(world.read(bob, alice).contains(&"in the backup, not yet delivered".to_owned()));
    world.write(bob, alice, "while you were away");
    world.pass(WHILE);
    world.restore(alice, &backup);
    world.settle();
    world.check();
    assert_eq!(world.delivery(alice, bob, waiting), Some(Delivery::Delivered));
    assert_eq!(texts(&world, alice, bob).len(), 3);
}

#[test]
fn nothing_is_sent_with_what_a_backup_kept() {
    let (mut world, alice, bob, _) = World::friends_by_relay(603);
    world.write(alice, bob, "one");
    world.settle();
    let backup = world.backup(alice);
    // These used the slots and ratchet keys that the backup believes to be fresh.
    for number in 0..10 {
        world.write(alice, bob, &format!("lost here {number}"));
        world.settle();
    }
    world.restore(alice, &backup);
    let id = world.write(alice, bob, "new");
    world.pass(MOMENT);
    assert!(!world.generations(alice, bob).contains(&0), "the old generation is gone from the first turn on");
    world.settle();
    assert_eq!(world.delivery(alice, bob, id), Some(Delivery::Delivered));
    // Bob keeps what Alice lost, and has nothing twice.
    let at_bob = texts(&world, bob, alice);
    assert_eq!(at_bob.len(), 12);
    assert_eq!(texts(&world, alice, bob), ["one", "new"]);
}

#[test]
fn they_meet_again_on_one_network_without_any_relay() {
    let mut world = World::new(604);
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    world.neighbours(alice, bob);
    world.befriend(alice, bob);
    world.write(alice, bob, "hello");
    world.settle();
    world.pass(WHILE);
    let backup = world.backup(alice);
    world.write(bob, alice, "since");
    world.settle();
    world.restore(alice, &backup);
    world.write(alice, bob, "again");
    world.settle();
    world.check();
    assert!(met_again(&world, alice, bob));
}

#[test]
fn both_may_have_lost_their_disks() {
    let (mut world, alice, bob, _) = World::friends_by_relay(605);
    world.write(alice, bob, "hello");
    world.settle();
    let backups = (world.backup(alice), world.backup(bob));
    world.write(bob, alice, "lost on both sides");
    world.settle();
    world.off(bob);
    world.restore(alice, &backups.0);
    world.restore(bob, &backups.1);
    world.write(alice, bob, "here");
    world.write(bob, alice, "there");
    world.settle();
    assert!(texts(&world, alice, bob).contains(&"there".to_owned()));
    assert!(texts(&world, bob, alice).contains(&"here".to_owned()));
    world.write(alice, bob, "we go on");
    world.settle();
}

#[test]
fn one_backup_can_be_restored_again_and_again() {
    let (mut world, alice, bob, _) = World::friends_by_relay(606);
    world.write(alice, bob, "hello");
    world.settle();
    let backup = world.backup(alice);
    for round in 0..4 {
        world.restore(alice, &backup);
        world.write(alice, bob, &format!("life {round}"));
        world.write(bob, alice, &format!("seen {round}"));
        world.settle();
        world.pass(WHILE);
    }
    let live = world.generations(bob, alice);
    assert!(live.len() <= 4, "{live:?}");
    assert_eq!(world.read(bob, alice).len(), 5);
    // What they answered stood on is lost, so nothing but the ids orders them here.
    let mut seen = world.read(alice, bob);
    seen.sort();
    assert_eq!(seen, ["seen 0", "seen 1", "seen 2", "seen 3"]);
}

#[test]
fn a_restore_after_many_generations_and_weeks_still_finds_the_friend() {
    let (mut world, alice, bob, _) = World::friends_by_relay(607);
    for who in [alice, bob] {
        world.node_mut(who).set_policy(Policy { rekey_messages: 4, ..Policy::default() });
    }
    world.write(alice, bob, "hello");
    world.settle();
    let backup = world.backup(alice);
    for round in 0..12 {
        world.write(bob, alice, &format!("since {round}"));
        world.settle();
        world.pass(DAY);
    }
    world.restore(alice, &backup);
    world.settle();
    assert!(world.run_until(WHILE * 10, |world| met_again(world, alice, bob)));
    world.pass(WHILE * 5);
    world.check();
    assert_eq!(world.read(alice, bob).len(), 12);
}

#[test]
fn a_death_in_any_turn_of_a_repair_leaves_two_friends() {
    for turns in 0..10 {
        for victim in 0..2 {
            for doom in [Doom::BeforeCommit(turns), Doom::AfterCommit(turns)] {
                let (mut world, alice, bob, _) = World::friends_by_relay(608);
                world.write(alice, bob, "hello");
                world.settle();
                let backup = world.backup(alice);
                world.write(bob, alice, "since");
                world.settle();
                world.doom([alice, bob][victim], doom);
                world.restore(alice, &backup);
                world.try_write(alice, bob, "back");
                world.pass(MOMENT);
                world.try_write(bob, alice, "good");
                world.settle();
                world.pass(WHILE * 10);
                // Where causes are lost, each side orders by what it has.
                let sorted = |mut texts: Vec<String>| {
                    texts.sort();
                    texts
                };
                assert_eq!(sorted(texts(&world, alice, bob)), sorted(texts(&world, bob, alice)));
            }
        }
    }
}

#[test]
fn an_invite_that_was_open_in_the_backup_is_closed_and_the_person_told_where_one_is_needed() {
    let mut world = World::new(609);
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.person(name));
    let relay = world.relay();
    for who in [alice, bob, carol] {
        world.use_relay(who, relay);
    }
    world.pass(WHILE);
    let invite = world.invite(alice);
    let of_carol = world.invite(carol);
    world.off(carol);
    world.accept(alice, &of_carol);
    world.pass(WHILE);
    let backup = world.backup(alice);
    world.restore(alice, &backup);
    world.accept(bob, &invite);
    world.on(carol);
    world.pass(WHILE * 10);
    assert_eq!(world.state(alice, bob), None);
    assert!(world.notices(alice).iter().any(|notice| matches!(notice, Notice::NeedsInvite(_))));
    assert_eq!(world.state(alice, carol), Some(ContactState::Failed));
    let again = world.invite(carol);
    let accepted = world.ask(alice, Command::Accept { text: again, name: None });
    assert!(matches!(accepted, Some(Ok(_))));
}
