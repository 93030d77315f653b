//! A device that its account calls back: whoever hears of it sends nothing there and takes nothing from it.

use madang_core::engine::{Answer, Command, CommandError};
use madang_core::{ContactState, Delivery, Event, Notice};
use madang_tests::world::{DAY, Doom, WHILE, Who, World};

fn is_told(world: &World, who: Who) -> usize {
    world.notices(who).iter().filter(|notice| matches!(notice, Notice::DeviceCalledBack(_))).count()
}

fn try_send(world: &mut World, from: Who, to: Who) -> Result<Answer, CommandError> {
    let conversation = world.conversation(from, to);
    let command = Command::Send { conversation, text: "hello?".to_owned(), reply_to: None };
    world.ask(from, command).expect("the device is up")
}

/// How many envelopes a relay has listed so far.
fn listed(world: &mut World, relay: Who) -> u64 {
    world.relay_mut(relay).stats().expect("it runs").position
}

#[test]
fn who_hears_that_a_device_was_called_back_keeps_the_history_and_closes() {
    let (mut world, alice, bob, relay) = World::friends_by_relay(701);
    world.write(alice, bob, "before");
    world.write(bob, alice, "before too");
    world.settle();
    world.must(alice, Command::CallBack);
    world.pass(WHILE);
    assert_eq!(is_told(&world, bob), 1);
    assert_eq!(world.state(bob, alice), Some(ContactState::Failed));
    assert_eq!(world.read(bob, alice), ["before"]);
    assert!(world.generations(bob, alice).is_empty(), "no key is left of what they shared");

    // What Bob writes after that is kept by him and goes nowhere.
    world.pass(WHILE * 10);
    let before = listed(&mut world, relay);
    let id = world.write(bob, alice, "are you there?");
    world.off(alice);
    world.pass(WHILE * 60);
    assert_eq!(world.delivery(bob, alice, id), Some(Delivery::Written));
    assert_eq!(listed(&mut world, relay), before);
    world.restart(bob);
    world.pass(WHILE * 60);
    assert_eq!(listed(&mut world, relay), before, "nor after a restart");
    assert_eq!(is_told(&world, bob), 1, "and it is told once");
}

#[test]
fn what_was_written_before_the_call_still_comes() {
    let (mut world, alice, bob, _) = World::friends_by_relay(702);
    world.off(bob);
    for number in 0..5 {
        world.write(alice, bob, &format!("{number}"));
    }
    world.must(alice, Command::CallBack);
    world.pass(WHILE);
    world.off(alice);
    world.on(bob);
    world.pass(WHILE * 5);
    assert_eq!(world.read(bob, alice), ["0", "1", "2", "3", "4"]);
    assert_eq!(is_told(&world, bob), 1);
}

#[test]
fn a_thief_with_a_copy_of_the_device_is_refused_and_is_sent_nothing() {
    let (mut world, alice, bob, relay) = World::friends_by_relay(703);
    world.write(alice, bob, "mine");
    world.settle();
    // The thief has the whole disk, and goes on where it stood: the same keys, the same slots.
    let copy = world.backup(alice);
    world.must(alice, Command::CallBack);
    world.pass(WHILE);
    assert_eq!(world.state(bob, alice), Some(ContactState::Failed));
    world.off(alice);
    world.resume(alice, &copy);
    let bob_before = listed(&mut world, relay);
    for number in 0..3 {
        world.write(alice, bob, &format!("it is me, {number}"));
    }
    world.pass(WHILE * 60);
    assert!(listed(&mut world, relay) > bob_before, "the thief did send");
    assert_eq!(world.read(bob, alice), ["mine"]);
    // Nor does the repair drop let the thief in, as who came back from a backup.
    world.restore(alice, &copy);
    world.pass(WHILE * 60);
    world.write(alice, bob, "it is me, restored");
    world.pass(DAY);
    assert_eq!(world.read(bob, alice), ["mine"]);
    assert_eq!(world.state(bob, alice), Some(ContactState::Failed));
    assert!(!world.notices(bob).iter().any(|notice| matches!(notice, Notice::ContactRestored(_))));
    // And over a link nobody is recognised.
    world.neighbours(alice, bob);
    world.pass(WHILE);
    assert!(!world.contact(bob, alice).expect("it is kept").linked);
}

#[test]
fn the_owner_calls_a_lost_device_back_from_a_restored_backup() {
    let (mut world, alice, bob, _) = World::friends_by_relay(704);
    world.write(alice, bob, "before");
    world.settle();
    let backup = world.backup(alice);
    world.write(bob, alice, "since");
    world.settle();
    // The machine is seized. Elsewhere the backup is restored, and at once called back.
    world.restore(alice, &backup);
    world.must(alice, Command::CallBack);
    world.pass(WHILE * 20);
    assert_eq!(is_told(&world, bob), 1);
    assert_eq!(world.state(bob, alice), Some(ContactState::Failed));
    assert_eq!(world.read(bob, alice), ["before"]);
}

#[test]
fn who_was_called_back_writes_to_nobody_invites_nobody_and_accepts_nobody() {
    let (mut world, alice, bob, relay) = World::friends_by_relay(705);
    let carol = world.person("carol");
    world.use_relay(carol, relay);
    world.pass(WHILE);
    let open = world.invite(alice);
    let of_carol = world.invite(carol);
    world.must(alice, Command::CallBack);
    world.must(alice, Command::CallBack);
    world.restart(alice);
    assert_eq!(try_send(&mut world, alice, bob).err(), Some(CommandError::CalledBack));
    let invite = world.ask(alice, Command::Invite { expiry_days: 7 }).expect("it is up");
    assert_eq!(invite.err(), Some(CommandError::CalledBack));
    let accept = world.ask(alice, Command::Accept { text: of_carol, name: None }).expect("it is up");
    assert_eq!(accept.err(), Some(CommandError::CalledBack));
    let conversation = world.conversation(alice, bob);
    let with_bob = world.contact(alice, bob).expect("it is kept").id;
    for told_to_contacts in [
        Command::Rename("somebody else".to_owned()),
        Command::SetDisappearing(conversation, Some(WHILE)),
        Command::Suspect(with_bob),
    ] {
        let answer = world.ask(alice, told_to_contacts).expect("it is up");
        assert_eq!(answer.err(), Some(CommandError::CalledBack));
    }
    // Who takes up an invite that was open gets nowhere.
    world.accept(carol, &open);
    world.pass(DAY);
    assert_eq!(world.state(alice, carol), None);
    assert_ne!(world.state(carol, alice), Some(ContactState::Live));
}

#[test]
fn a_death_in_any_turn_of_a_call_leaves_it_made_or_not_and_never_half() {
    for turns in 0..6 {
        for victim in 0..2 {
            for doom in [Doom::BeforeCommit(turns), Doom::AfterCommit(turns)] {
                let (mut world, alice, bob, _) = World::friends_by_relay(706);
                world.write(alice, bob, "before");
                world.settle();
                world.doom([alice, bob][victim], doom);
                let _ = world.ask(alice, Command::CallBack);
                world.pass(WHILE * 20);
                let called = matches!(try_send(&mut world, alice, bob), Err(CommandError::CalledBack));
                let closed = world.state(bob, alice) == Some(ContactState::Failed);
                assert_eq!(called, closed, "victim {victim}, {doom:?}");
                // Who dies over a notice finds the contact closed, and is not told again.
                assert!(is_told(&world, bob) <= usize::from(closed));
                world.must(alice, Command::CallBack);
                world.pass(WHILE * 20);
                assert_eq!(world.state(bob, alice), Some(ContactState::Failed));
                let heard = world.node(bob).heard().iter();
                let messages =
                    heard.filter(|event| matches!(event, Event::Message { mine: false, .. })).count();
                assert_eq!(messages, world.read(bob, alice).len());
            }
        }
    }
}

#[test]
fn a_thief_with_a_copy_of_the_device_comes_back_by_no_invite() {
    let (mut world, alice, bob, _) = World::friends_by_relay(707);
    world.write(alice, bob, "mine");
    world.settle();
    let copy = world.backup(alice);
    world.must(alice, Command::CallBack);
    world.pass(WHILE);
    // The thief's program has neither the later list nor the contact, and would meet Bob anew.
    world.resume(alice, &copy);
    let known = world.contact(alice, bob).expect("the copy has it").id;
    world.must(alice, Command::RemoveContact(known));
    let (of_bob, of_thief) = (world.invite(bob), world.invite(alice));
    let refused = world.ask(bob, Command::Accept { text: of_thief, name: None }).expect("he is up");
    assert_eq!(refused.err(), Some(CommandError::ContactCalledBack));
    world.accept(alice, &of_bob);
    world.write(alice, bob, "it is me, by an invite");
    world.pass(DAY);
    assert_eq!(world.state(bob, alice), Some(ContactState::Failed));
    assert_eq!(world.read(bob, alice), ["mine"]);
    assert!(world.notices(bob).contains(&Notice::InviteSpoiled), "Bob is told that somebody tried");
    // The invite is still good for who it was meant for.
    let carol = world.person("carol");
    world.accept(carol, &of_bob);
    assert!(world.run_until(DAY, |world| world.are_friends(bob, carol)));
    // Who removes a closed contact forgets the call, and decides so.
    let closed = world.contact(bob, alice).expect("it is kept").id;
    world.must(bob, Command::RemoveContact(closed));
    let again = world.invite(alice);
    assert!(world.ask(bob, Command::Accept { text: again, name: None }).expect("he is up").is_ok());
}
