//! How two people become contacts, and who else may try.

use crypto::invite::InviteSecret;
use crypto::seal::Class;
use madang_core::engine::{Answer, Command, CommandError};
use madang_core::{ContactState, Delivery, Event, Notice};
use madang_tests::world::{Clock, DAY, Doom, MOMENT, WHILE, Who, World};
use proto::envelope::{Blob, Envelope};
use proto::id::Tag;
use proto::invite::Invite;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

/// The number of core's table of invites.
const INVITE_TABLE: u8 = 41;
/// What a record there takes at most without a bundle's secret, which has about 150 bytes.
const BARE_INVITE: usize = 120;

#[test]
fn two_people_who_are_never_online_together_become_contacts() {
    let (mut world, alice, bob, _) = World::host_and_guest(101);
    world.off(bob);
    let invite = world.invite(alice);
    world.pass(WHILE);
    world.off(alice);

    world.on(bob);
    world.accept(bob, &invite);
    let id = world.write(bob, alice, "it is me");
    world.pass(WHILE);
    assert_eq!(world.state(bob, alice), Some(ContactState::Waiting));
    world.off(bob);

    world.on(alice);
    world.pass(WHILE);
    assert_eq!(world.read(alice, bob), ["it is me"]);
    world.write(alice, bob, "and this is me");
    world.pass(WHILE);
    world.off(alice);

    world.on(bob);
    world.pass(WHILE);
    assert!(world.are_friends(alice, bob));
    assert_eq!(world.read(bob, alice), ["and this is me"]);
    assert_eq!(world.delivery(bob, alice, id), Some(Delivery::Delivered));
    world.on(alice);
    world.settle();
    world.check();
}

#[test]
fn much_that_was_written_before_the_inviter_looked_is_read_in_order() {
    let (mut world, alice, bob) = World::two_people(102);
    let relays = [world.relay(), world.relay()];
    for relay in relays {
        world.use_relay(alice, relay);
    }
    world.pass(WHILE);
    let invite = world.invite(alice);
    world.pass(WHILE);
    world.off(alice);
    world.accept(bob, &invite);
    for number in 0..100 {
        world.write(bob, alice, &format!("{number}"));
        world.pass(MOMENT);
        if number == 30 {
            world.off(relays[0]);
        }
    }
    world.pass(WHILE);
    // The relay that took the answer is back; the rest of the messages lies at the other.
    world.off(bob);
    world.on(relays[0]);
    world.on(alice);
    world.pass(WHILE * 20);
    assert_eq!(world.read(alice, bob).len(), 100);
    world.on(bob);
    world.settle();
    world.check();
}

/// Three people, of whom the first reads their mail at a relay and invites.
fn inviter_and_two(seed: u64, names: [&str; 3]) -> (World, [Who; 3], String) {
    let mut world = World::new(seed);
    let people = names.map(|name| world.person(name));
    let relay = world.relay();
    world.use_relay(people[0], relay);
    world.pass(WHILE);
    let invite = world.invite(people[0]);
    world.pass(WHILE);
    (world, people, invite)
}

#[test]
fn an_invite_works_for_one_person_only_and_the_next_is_told() {
    let (mut world, [alice, bob, carol], invite) = inviter_and_two(103, ["alice", "bob", "carol"]);
    world.accept(bob, &invite);
    world.pass(WHILE);
    assert!(world.are_friends(alice, bob));
    let second = world.accept(carol, &invite);
    world.pass(WHILE * 10);
    assert_eq!(world.state(alice, carol), None);
    assert_eq!(world.state(carol, alice), Some(ContactState::Failed));
    assert_eq!(world.notices(carol), [Notice::InviteOver(second)]);
    world.write(alice, bob, "still us");
    world.settle();
    assert_eq!(world.read(bob, alice), ["still us"]);
    // The way out that the sentence names.
    let another = world.invite(alice);
    world.accept(carol, &another);
    assert!(world.run_until(WHILE * 10, |world| world.are_friends(alice, carol)));
}

#[test]
fn a_thief_who_is_faster_is_seen_and_both_others_are_told_to_ask() {
    let (mut world, [alice, bob, thief], invite) = inviter_and_two(104, ["alice", "bob", "thief"]);
    world.off(alice);
    world.accept(thief, &invite);
    world.pass(WHILE);
    let contact = world.accept(bob, &invite);
    world.pass(WHILE);
    world.on(alice);
    world.pass(WHILE * 10);
    assert_eq!(world.state(alice, thief), Some(ContactState::Live));
    assert!(!world.contact(alice, thief).expect("a contact").verified);
    assert_eq!(world.state(alice, bob), None);
    assert_eq!(world.state(bob, alice), Some(ContactState::Waiting), "not answered yet");
    assert!(world.notices(alice).contains(&Notice::InviteUsedAgain), "alice learns that two answered");
    // Bob sees in the relay's list that the bundle was taken back, and that no word came for him.
    world.restart(bob);
    world.pass(DAY);
    assert_eq!(world.notices(bob), [Notice::InviteTaken(contact)], "told once");
    assert_eq!(world.notices(thief), [], "who was taken is told nothing of the kind");
    world.pass(DAY * 3);
    assert_eq!(world.notices(bob).len(), 1);
}

#[test]
fn an_invite_ends_after_its_days_of_running_time_and_both_sides_are_told() {
    let (mut world, [alice, bob, carol], _) = inviter_and_two(111, ["alice", "bob", "carol"]);
    world.node_mut(alice).set_clock(Clock::Mad);
    let invite = world.invite_for(alice, 5);
    world.pass(WHILE);
    // Days on which the inviter does not run do not count, and answers are not seen on them.
    world.off(alice);
    world.accept(carol, &invite);
    world.pass(DAY * 3);
    let apart = world.away(alice);
    world.on(alice);
    for _ in 0..4 {
        world.pass(DAY);
        world.restart(alice);
    }
    assert_eq!(world.notices(alice), [], "four of five days");
    world.pass(DAY * 2);
    assert_eq!(world.notices(alice), [Notice::InviteExpired]);
    world.sim.heal(apart);
    world.pass(WHILE * 10);
    let late = world.accept(bob, &invite);
    world.pass(DAY * 2);
    assert_eq!(world.state(alice, carol), None);
    assert_eq!(world.notices(alice), [Notice::InviteExpired, Notice::InviteAnsweredLate]);
    assert_eq!(world.state(bob, alice), Some(ContactState::Failed));
    assert_eq!(world.notices(bob), [Notice::InviteOver(late)]);
    assert!(world.notices(carol).iter().any(|notice| matches!(notice, Notice::InviteTaken(_))));
}

#[test]
fn an_accepted_invite_that_leads_nowhere_is_given_up_after_its_days() {
    let mut world = World::new(112);
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    let invite = world.invite_for(alice, 2);
    world.off(alice);
    let contact = world.accept(bob, &invite);
    world.pass(DAY);
    world.restart(bob);
    assert_eq!(world.state(bob, alice), Some(ContactState::Fetching));
    world.pass(DAY * 2);
    assert_eq!(world.state(bob, alice), Some(ContactState::Failed));
    assert_eq!(world.notices(bob), [Notice::InviteOver(contact)]);
}

#[test]
fn the_private_prekeys_of_an_invite_leave_the_disk_when_it_expires_and_when_it_is_used() {
    let kept = |world: &World, who| {
        let records = world.node(who).store().iter().filter(|((table, ..), _)| *table == INVITE_TABLE);
        records.map(|(_, value)| value.len()).collect::<Vec<_>>()
    };
    let (mut world, alice, bob, _) = World::host_and_guest(113);
    let (unused, used) = (world.invite(alice), world.invite(alice));
    world.pass(WHILE);
    let before = kept(&world, alice);
    assert!(before.iter().all(|bytes| *bytes > BARE_INVITE), "each holds the keys of a bundle: {before:?}");
    world.accept(bob, &used);
    assert!(world.run_until(WHILE * 10, |world| world.are_friends(alice, bob)));
    let one_used = kept(&world, alice);
    assert_eq!(one_used.iter().filter(|bytes| **bytes > BARE_INVITE).count(), 1, "{one_used:?}");
    world.pass(DAY * 31);
    let expired = kept(&world, alice);
    assert!(expired.iter().all(|bytes| *bytes <= BARE_INVITE), "{expired:?}");
    drop(unused);
}

#[test]
fn a_restart_does_not_take_the_one_answer_for_a_second() {
    let mut world = World::new(105);
    let (alice, bob, relay) = (world.person("alice"), world.person("bob"), world.relay());
    world.use_relay(alice, relay);
    world.neighbours(alice, bob);
    world.pass(WHILE);
    world.befriend(alice, bob);
    world.restart(alice);
    world.pass(WHILE * 10);
    world.restart(bob);
    world.pass(WHILE * 10);
    assert_eq!(world.notices(alice), []);
}

/// Fills answer slots of an invite with what nobody can open.
fn fill_slots(world: &mut World, relay: Who, invite: &str, slots: std::ops::Range<u32>) {
    let invite = Invite::parse(invite).expect("it is an invite");
    let secret: &InviteSecret = &invite.secret;
    for number in slots {
        let blob = Blob::parse(vec![number as u8; Class::C1.bytes()]).expect("it has the size of its class");
        let envelope = Envelope::seal_into(&secret.answer_slot(number), blob, 30, 1);
        world.relay_mut(relay).deposit(envelope);
    }
}

#[test]
fn a_stranger_without_the_slots_keys_fills_no_answer_slot_and_uses_up_no_prekey() {
    let (mut world, alice, bob, relay) = World::host_and_guest(114);
    let text = world.invite(alice);
    world.pass(WHILE);
    let kept = |world: &World| {
        let records = world.node(alice).store().iter().filter(|((table, ..), _)| *table == INVITE_TABLE);
        records.map(|(_, value)| value.to_vec()).collect::<Vec<_>>()
    };
    let before = (kept(&world), world.relay_at(relay).stats().expect("it runs"));
    // Who sees a relay's list knows tags of it, and signs with a key of their own.
    let invite = Invite::parse(&text).expect("it is an invite");
    let own = InviteSecret::random(&mut ChaCha20Rng::seed_from_u64(1));
    for number in 0..16 {
        let blob = Blob::parse(vec![number as u8; Class::C1.bytes()]).expect("it has the size of its class");
        let mut envelope = Envelope::seal_into(&own.answer_slot(number), blob, 30, 1);
        envelope.tag = Tag(invite.secret.answer_slot(number).tag());
        world.relay_mut(relay).deposit(envelope);
    }
    world.pass(WHILE);
    let after = world.relay_at(relay).stats().expect("it runs");
    assert_eq!((after.position, after.bad), (before.1.position, before.1.bad + 16), "each is called bad");
    assert_eq!(kept(&world), before.0, "invite and bundle are as they were");
    assert_eq!(world.notices(alice), []);
    world.accept(bob, &text);
    assert!(world.run_until(WHILE * 10, |world| world.are_friends(alice, bob)));
}

#[test]
fn who_has_not_answered_yet_cannot_be_suspected() {
    let (mut world, alice, bob, _) = World::host_and_guest(118);
    let invite = world.invite(alice);
    world.pass(WHILE);
    world.off(alice);
    let contact = world.accept(bob, &invite);
    world.pass(WHILE);
    assert_eq!(world.state(bob, alice), Some(ContactState::Waiting));
    let refused = world.ask(bob, Command::Suspect(contact)).expect("up");
    assert_eq!(refused.expect_err("nothing could begin anew"), CommandError::NotYet);
    world.pass(DAY * 2);
    assert!(!world.notices(bob).contains(&Notice::NeedsInvite(contact)));
    world.on(alice);
    assert!(world.run_until(WHILE * 10, |world| world.are_friends(alice, bob)));
    world.must(bob, Command::Suspect(contact));
}

#[test]
fn one_relay_in_whose_slots_a_vandal_was_neither_ends_an_invite_nor_makes_two_answers_of_one() {
    let mut world = World::new(119);
    let (alice, bob) = (world.person("alice"), world.person("bob"));
    let relays = [world.relay(), world.relay()];
    relays.iter().for_each(|relay| world.use_relay(alice, *relay));
    world.pass(WHILE);
    let invite = world.invite(alice);
    world.pass(WHILE);
    world.off(alice);
    fill_slots(&mut world, relays[1], &invite, 0..16);
    let list = |world: &World| world.relay_at(relays[0]).stats().expect("it runs").position;
    let before = list(&world);
    world.accept(bob, &invite);
    world.pass(WHILE * 10);
    assert_eq!(world.state(bob, alice), Some(ContactState::Waiting));
    assert_eq!(world.notices(bob), []);
    assert_eq!(list(&world), before + 1, "one answer lies at the other");
    world.on(alice);
    assert!(world.run_until(WHILE * 10, |world| world.are_friends(alice, bob)));
}

#[test]
fn an_answer_finds_the_one_slot_that_a_vandal_left() {
    let (mut world, alice, bob, relay) = World::host_and_guest(106);
    let invite = world.invite(alice);
    fill_slots(&mut world, relay, &invite, 0..7);
    fill_slots(&mut world, relay, &invite, 8..16);
    world.pass(WHILE);
    assert_eq!(world.notices(alice), [Notice::InviteSpoiled], "told once for all slots");
    world.accept(bob, &invite);
    world.pass(WHILE * 10);
    assert!(world.are_friends(alice, bob));
    world.write(bob, alice, "there was room");
    world.settle();
    world.check();
}

#[test]
fn an_invite_whose_slots_are_all_filled_says_so() {
    let (mut world, alice, bob, relay) = World::host_and_guest(107);
    let invite = world.invite(alice);
    fill_slots(&mut world, relay, &invite, 0..16);
    let contact = world.accept(bob, &invite);
    world.pass(WHILE * 10);
    assert_eq!(world.notices(bob), [Notice::InviteExhausted(contact)]);
    assert_eq!(world.notices(alice), [Notice::InviteSpoiled]);
    assert_eq!(world.state(bob, alice), Some(ContactState::Failed));
    // Another invite, and what was written before goes along.
    world.write(bob, alice, "second try");
    let invite = world.invite(alice);
    world.accept(bob, &invite);
    world.settle();
    assert_eq!(world.read(alice, bob), ["second try"]);
}

#[test]
fn who_is_met_again_after_a_failure_is_one_row_and_a_third_person_gets_nothing_of_theirs() {
    let (mut world, alice, bob, relay) = World::host_and_guest(115);
    let carol = world.person("carol");
    let invite = world.invite(alice);
    fill_slots(&mut world, relay, &invite, 0..16);
    let failed = world.accept(bob, &invite);
    world.pass(WHILE * 10);
    world.must(bob, Command::RenameContact(failed, Some("my alice".into())));
    world.write(bob, alice, "second try");
    let invite = world.invite(alice);
    let living = world.accept(bob, &invite);
    world.settle();
    assert_ne!(failed, living);
    let rows = world.node(bob).contacts();
    assert_eq!(
        rows.iter().map(|row| (row.id, row.name.as_str())).collect::<Vec<_>>(),
        [(living, "my alice")]
    );
    assert!(world.node(bob).heard().contains(&Event::ContactRemoved(failed)));
    let gone = world.ask(bob, Command::RemoveContact(failed)).expect("up");
    assert_eq!(gone.expect_err("it is no row any more"), CommandError::NoContact);
    world.restart(bob);
    world.befriend(bob, carol);
    let late = world.write(alice, bob, "come at nine");
    world.write(bob, alice, "for alice alone");
    world.write(carol, bob, "I am carol");
    world.settle();
    world.check();
    assert_eq!(world.read(bob, alice), ["come at nine"]);
    assert_eq!(world.delivery(alice, bob, late), Some(Delivery::Delivered));
    assert_eq!(world.read(alice, bob), ["second try", "for alice alone"]);
    assert_eq!(world.read(bob, carol), ["I am carol"]);
    assert_eq!(world.read(carol, bob), [""; 0]);
}

#[test]
fn who_was_removed_is_told_of_the_new_answer_and_meets_again_by_removing_too() {
    for (seed, with_relay) in [(116, true), (117, false)] {
        let (mut world, alice, bob) = World::two_people(seed);
        if with_relay {
            let relay = world.relay();
            world.use_relay(alice, relay);
        } else {
            world.neighbours(alice, bob);
        }
        world.pass(WHILE);
        world.befriend(alice, bob);
        world.write(alice, bob, "before");
        world.settle();
        let [of_alice, of_bob] =
            [(alice, bob), (bob, alice)].map(|(a, b)| world.contact(a, b).expect("one").id);
        while let Answer::Erased { more: true } = world.must(bob, Command::RemoveContact(of_bob)) {}
        let invite = world.invite(alice);
        world.accept(bob, &invite);
        world.write(bob, alice, "here again");
        world.pass(WHILE * 10);
        assert_eq!(world.notices(alice), [Notice::AnsweredAgain(of_alice)], "told once");
        assert_eq!(world.state(bob, alice), Some(ContactState::Waiting));
        // What was told is acted on later, in another life.
        world.restart(alice);
        world.pass(WHILE);
        while let Answer::Erased { more: true } = world.must(alice, Command::RemoveContact(of_alice)) {}
        assert!(world.run_until(WHILE * 10, |world| world.are_friends(alice, bob)));
        world.write(alice, bob, "so are you");
        let heard = |world: &World| {
            world.read(alice, bob) == ["here again"] && world.read(bob, alice) == ["so are you"]
        };
        assert!(world.run_until(DAY, heard));
        assert_eq!(world.node(alice).contacts().len(), 1);
    }
}

#[test]
fn two_people_who_take_up_each_others_invites_become_contacts() {
    let mut world = World::new(108);
    let (alice, bob, relay) = (world.person("alice"), world.person("bob"), world.relay());
    world.use_relay(alice, relay);
    world.use_relay(bob, relay);
    world.pass(WHILE);
    let (of_alice, of_bob) = (world.invite(alice), world.invite(bob));
    world.pass(WHILE);
    world.accept(bob, &of_alice);
    world.accept(alice, &of_bob);
    world.write(alice, bob, "hello");
    world.write(bob, alice, "hello you");
    world.settle();
    world.check();
    assert!(world.are_friends(alice, bob));
}

#[test]
fn the_same_on_one_network_and_with_a_death_in_any_turn() {
    for turns in 0..12 {
        for doom in [Doom::BeforeCommit(turns), Doom::AfterCommit(turns)] {
            let mut world = World::new(120);
            let (alice, bob) = (world.person("alice"), world.person("bob"));
            let (of_alice, of_bob) = (world.invite(alice), world.invite(bob));
            world.accept(bob, &of_alice);
            world.accept(alice, &of_bob);
            world.try_write(alice, bob, "hello");
            world.try_write(bob, alice, "hello you");
            world.doom([alice, bob][turns as usize % 2], doom);
            world.neighbours(alice, bob);
            let met = world.run_until(WHILE * 10, |world| world.are_friends(alice, bob));
            assert!(met, "{doom:?}");
            world.settle();
            world.check();
        }
    }
}

#[test]
fn an_invite_by_hand_works_on_one_network_without_any_relay() {
    let (mut world, alice, bob) = World::two_people(109);
    let invite = world.invite(alice);
    world.accept(bob, &invite);
    world.write(bob, alice, "before we met");
    world.pass(WHILE);
    world.neighbours(alice, bob);
    world.settle();
    assert!(world.are_friends(alice, bob));
    assert_eq!(world.read(alice, bob), ["before we met"]);
}

#[test]
fn ones_own_invite_and_a_second_one_of_a_contact_are_refused_in_words() {
    let (mut world, alice, bob, _) = World::friends_by_relay(110);
    let invite = world.invite(alice);
    let accept = |text: &str| Command::Accept { text: text.into(), name: None };
    assert_eq!(world.ask(alice, accept(&invite)).expect("up").err(), Some(CommandError::OwnInvite));
    assert_eq!(world.ask(bob, accept(&invite)).expect("up").err(), Some(CommandError::AlreadyContact));
}
