//! What is deleted is gone here and nowhere else, and nothing that comes later loses its place by it.

use std::collections::BTreeSet;

use madang_core::engine::{Answer, Command};
use madang_core::{CommandError, Delivery, Draft, Event, MessageId};
use madang_tests::world::{WHILE, Who, World};

fn texts(world: &World, who: Who, with: Who) -> Vec<String> {
    world.history(who, with).into_iter().map(|message| message.text.unwrap_or_default()).collect()
}

fn clear(world: &mut World, who: Who, with: Who) {
    let conversation = world.conversation(who, with);
    while let Answer::Erased { more: true } = world.must(who, Command::ClearConversation(conversation)) {}
}

#[test]
fn a_deleted_message_is_gone_here_and_stays_with_the_other() {
    let (mut world, alice, bob, _) = World::friends_by_relay(501);
    let secret = world.write(alice, bob, "the key lies under the stone");
    world.write(bob, alice, "understood");
    world.settle();
    world.must(alice, Command::DeleteMessage(secret));
    assert_eq!(texts(&world, alice, bob), ["understood"]);
    assert_eq!(texts(&world, bob, alice), ["the key lies under the stone", "understood"]);
    let told = Event::Erased { conversation: world.conversation(alice, bob), messages: vec![secret] };
    assert!(world.node(alice).heard().contains(&told));
    // It cannot be deleted twice, and its way is forgotten too.
    for command in [Command::DeleteMessage(secret), Command::DeleteMessage(MessageId([7; 32]))] {
        assert_eq!(world.ask(alice, command).expect("up").expect_err("gone"), CommandError::MessageGone);
    }
    assert!(world.ask(alice, Command::Trail(secret)).expect("up").is_err());
    world.restart(alice);
    assert_eq!(texts(&world, alice, bob), ["understood"]);
}

#[test]
fn messages_after_a_deleted_one_keep_their_places_and_no_gap_is_claimed() {
    let (mut world, alice, bob, _) = World::friends_by_relay(502);
    let ids: Vec<_> = (0..6)
        .map(|n| {
            world.write(
                if n % 2 == 0 { alice } else { bob },
                if n % 2 == 0 { bob } else { alice },
                &format!("{n}"),
            )
        })
        .collect();
    world.settle();
    for id in &ids {
        world.must(alice, Command::DeleteMessage(*id));
    }
    // Both write on; what Bob writes names causes that Alice has deleted.
    world.write(bob, alice, "six");
    world.settle();
    world.write(alice, bob, "seven");
    world.settle();
    let mine = world.history(alice, bob);
    assert_eq!(texts(&world, alice, bob), ["six", "seven"]);
    assert!(mine.iter().all(|message| !message.after_gap), "a deleted cause is a known one");
    let theirs = world.history(bob, alice);
    let places = |page: &[madang_core::Message]| page.iter().map(|m| (m.id, m.place)).collect::<Vec<_>>();
    assert_eq!(places(&mine), places(&theirs[6..]), "both count the same depth");
}

#[test]
fn a_message_that_was_not_received_yet_is_withdrawn() {
    let (mut world, alice, bob, relay) = World::friends_by_relay(503);
    world.off(bob);
    let hasty = world.write(alice, bob, "I did not mean this");
    world.pass(WHILE);
    assert_eq!(world.delivery(alice, bob, hasty), Some(Delivery::OnRelay { copies: 1 }));
    let kept = world.write(alice, bob, "good evening");
    world.must(alice, Command::DeleteMessage(hasty));
    world.pass(WHILE);
    world.on(bob);
    let arrived = |world: &World| world.delivery(alice, bob, kept) == Some(Delivery::Delivered);
    assert!(world.run_until(madang_tests::world::PATIENCE, arrived));
    assert_eq!(texts(&world, bob, alice), ["good evening"]);
    // A relay that still had it, or a second copy, changes nothing: the stream has passed it.
    world.restart(relay);
    world.restart(bob);
    world.pass(WHILE);
    assert_eq!(texts(&world, bob, alice), ["good evening"]);
    assert_eq!(texts(&world, alice, bob), ["good evening"]);
}

#[test]
fn what_waits_for_somebody_who_has_not_answered_yet_can_be_deleted() {
    let mut world = World::new(504);
    let (alice, bob, relay) = (world.person("alice"), world.person("bob"), world.relay());
    world.use_relay(alice, relay);
    world.use_relay(bob, relay);
    world.pass(WHILE);
    let invite = world.invite(alice);
    world.off(alice);
    world.accept(bob, &invite);
    let hasty = world.write(bob, alice, "too early");
    world.must(bob, Command::DeleteMessage(hasty));
    world.write(bob, alice, "hello");
    world.on(alice);
    assert!(world.run_until(madang_tests::world::PATIENCE, |world| texts(world, alice, bob) == ["hello"]));
}

#[test]
fn a_cleared_history_is_empty_after_a_restart_and_the_conversation_goes_on_in_order() {
    let (mut world, alice, bob, _) = World::friends_by_relay(505);
    for n in 0..30 {
        world.write(alice, bob, &format!("{n}"));
        world.write(bob, alice, &format!("re {n}"));
    }
    world.settle();
    clear(&mut world, alice, bob);
    // Once more: what order needs of the first time stays.
    clear(&mut world, alice, bob);
    world.restart(alice);
    assert!(texts(&world, alice, bob).is_empty());
    world.write(bob, alice, "still there?");
    world.settle();
    world.write(alice, bob, "yes");
    world.settle();
    assert_eq!(texts(&world, alice, bob), ["still there?", "yes"]);
    assert!(world.history(alice, bob).iter().all(|message| !message.after_gap));
    assert_eq!(world.history(bob, alice).len(), 62);
    assert_eq!(world.history(alice, bob)[0].place, world.history(bob, alice)[60].place);
}

#[test]
fn a_removed_contact_leaves_no_record_and_can_be_met_anew() {
    let (mut world, alice, bob, _) = World::friends_by_relay(506);
    world.write(alice, bob, "one");
    world.write(bob, alice, "two");
    world.settle();
    let conversation = world.conversation(alice, bob);
    world.must(alice, Command::KeepDraft(Draft { conversation, text: "and three".into(), reply_to: None }));
    let before = world.contact(alice, bob).expect("a contact");
    while let Answer::Erased { more: true } = world.must(alice, Command::RemoveContact(before.id)) {}
    assert!(world.contact(alice, bob).is_none());
    assert!(world.node(alice).heard().contains(&Event::ContactRemoved(before.id)));
    let again = world.ask(alice, Command::RemoveContact(before.id)).expect("up");
    assert_eq!(again.expect_err("gone"), CommandError::NoContact);
    world.restart(alice);
    assert!(world.node(alice).contacts().is_empty());
    // What stays, as docs/protocol numbers the tables: who we are, and the relay with how far it was read.
    let left: BTreeSet<u8> = world.node(alice).store().iter().map(|(key, _)| key.0).collect();
    assert_eq!(left, BTreeSet::from([32, 43, 44]));
    // What Bob writes now reaches nobody, and nothing breaks over it.
    let lost = world.write(bob, alice, "are you there?");
    world.pass(WHILE);
    assert!(world.delivery(bob, alice, lost) < Some(Delivery::Delivered));
    // Bob removes Alice too, and they meet again.
    let other = world.contact(bob, alice).expect("a contact");
    while let Answer::Erased { more: true } = world.must(bob, Command::RemoveContact(other.id)) {}
    world.befriend(alice, bob);
    world.write(alice, bob, "a new beginning");
    let heard = |world: &World| texts(world, bob, alice) == ["a new beginning"];
    assert!(world.run_until(madang_tests::world::PATIENCE, heard));
}
