//! Messages that disappear: on both sides, by each side's own running time, whatever befalls them meanwhile.

use std::time::Duration;

use madang_core::engine::{Answer, Command};
use madang_core::{Choice, CommandError, Delivery, Event, Message, Place};
use madang_tests::world::{Clock, DAY, Doom, Frailty, WHILE, Who, World};
use proto::store::{Direction, LeafRule, Store as _, Table};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

const HOUR: Duration = Duration::from_secs(3_600);
const MINUTE: Duration = Duration::from_secs(60);

/// The core's table of messages that are to disappear, as `docs/protocol/10-stream.md` numbers it.
const FADE: Table = Table { id: 61, name: "fade", leaf: LeafRule::PerRun(64 << 24) };

fn choose(world: &mut World, who: Who, with: Who, after: Option<Duration>) {
    let conversation = world.conversation(who, with);
    world.must(who, Command::SetDisappearing(conversation, after));
}

fn chosen(world: &mut World, who: Who, with: Who) -> Option<Duration> {
    let conversation = world.conversation(who, with);
    match world.must(who, Command::Disappearing(conversation)) {
        Answer::Disappearing(after) => after,
        other => panic!("a time was asked for, not {other:?}"),
    }
}

/// A person looks at everything that has come.
fn show(world: &mut World, who: Who, with: Who) {
    let command = showing(world, who, with);
    world.must(who, command);
}

/// That everything was shown which one person has from another now.
fn showing(world: &World, who: Who, with: Who) -> Command {
    let places = world.history(who, with).iter().map(|message| message.place).collect();
    Command::Shown(world.conversation(who, with), places)
}

fn texts(world: &World, who: Who, with: Who) -> Vec<String> {
    world.history(who, with).into_iter().filter_map(|message| message.text).collect()
}

/// The choices that stand in a conversation: whether one's own, and what.
fn choices(world: &World, who: Who, with: Who) -> Vec<(bool, Choice)> {
    let all = world.history(who, with).into_iter();
    all.filter_map(|message| message.chose.map(|choice| (message.mine, choice))).collect()
}

/// How many messages a device still counts for.
fn counted(world: &World, who: Who) -> usize {
    let count = |number: u32| {
        let name = number.to_be_bytes();
        let all = world.node(who).store().range(&FADE, &name, 0..=u64::MAX, Direction::Ascending, 10_000);
        all.expect("memory can be read").len()
    };
    (0..8).map(count).sum()
}

/// Friends whose messages disappear after some time.
fn fading_friends(seed: u64, after: Duration) -> (World, Who, Who, Who) {
    let (mut world, alice, bob, relay) = World::friends_by_relay(seed);
    choose(&mut world, alice, bob, Some(after));
    world.settle();
    (world, alice, bob, relay)
}

#[test]
fn a_choice_is_told_in_the_open_and_holds_for_what_both_write_from_then_on() {
    let (mut world, alice, bob, _) = World::friends_by_relay(901);
    world.write(bob, alice, "this stays");
    world.settle();
    choose(&mut world, alice, bob, Some(HOUR));
    // Who chooses what is chosen already says nothing.
    choose(&mut world, alice, bob, Some(HOUR));
    world.settle();
    for (who, with) in [(alice, bob), (bob, alice)] {
        assert_eq!(chosen(&mut world, who, with), Some(HOUR));
        assert_eq!(choices(&world, who, with), [(who == alice, Choice::Disappear(HOUR))]);
    }
    world.write(alice, bob, "one");
    world.write(bob, alice, "two");
    world.settle();
    choose(&mut world, bob, alice, None);
    world.settle();
    world.write(alice, bob, "three");
    world.settle();
    for (who, with) in [(alice, bob), (bob, alice)] {
        assert_eq!(chosen(&mut world, who, with), None);
        let times: Vec<_> = world.history(who, with).into_iter().filter(|m| m.text.is_some()).collect();
        let times: Vec<Option<Duration>> = times.iter().map(|m| m.disappears_after).collect();
        assert_eq!(times, [None, Some(HOUR), Some(HOUR), None]);
    }
    for (after, seconds) in [(4, false), (5, true), (365 * 86_400, true), (365 * 86_400 + 1, false)] {
        let wish = Command::SetDisappearing(world.conversation(alice, bob), Some(Duration::from_secs(after)));
        let answer = world.ask(alice, wish).expect("up");
        assert_eq!(answer.is_ok(), seconds);
        assert!(seconds || answer.is_err_and(|error| error == CommandError::DisappearingOutOfRange));
    }
}

#[test]
fn a_message_disappears_on_each_side_by_that_sides_own_count() {
    let (mut world, alice, bob, _) = World::friends_by_relay(902);
    world.write(alice, bob, "this stays");
    choose(&mut world, alice, bob, Some(HOUR));
    let secret = world.write(alice, bob, "this does not");
    world.settle();
    assert_eq!([counted(&world, alice), counted(&world, bob)], [1, 1]);
    world.pass(2 * HOUR);
    // Alice knows it delivered, and has counted. Bob has not looked yet.
    assert_eq!(texts(&world, alice, bob), ["this stays"]);
    assert_eq!(texts(&world, bob, alice), ["this stays", "this does not"]);
    show(&mut world, bob, alice);
    world.pass(HOUR - MINUTE);
    show(&mut world, bob, alice);
    assert_eq!(texts(&world, bob, alice).len(), 2, "a second look does not begin anew, nor end it early");
    world.pass(2 * MINUTE);
    for (who, with) in [(alice, bob), (bob, alice)] {
        assert_eq!(texts(&world, who, with), ["this stays"]);
        let told = Event::Erased { conversation: world.conversation(who, with), messages: vec![secret] };
        assert_eq!(world.node(who).heard().iter().filter(|event| **event == told).count(), 1);
        let trail = world.ask(who, Command::Trail(secret)).expect("up");
        assert!(trail.is_err(), "its way is forgotten too");
        assert_eq!(counted(&world, who), 0);
    }
    // What comes later stands where it belongs, and misses nothing.
    world.write(bob, alice, "and on");
    world.settle();
    let places =
        |page: Vec<Message>| page.into_iter().map(|m| (m.id, m.place, m.after_gap)).collect::<Vec<_>>();
    let (mine, theirs) = (world.history(alice, bob), world.history(bob, alice));
    assert!(mine.iter().all(|message| !message.after_gap));
    assert_eq!(places(mine), places(theirs));
}

#[test]
fn only_what_was_shown_is_counted() {
    let (mut world, alice, bob, _) = fading_friends(908, HOUR);
    for text in ["one", "two", "three"] {
        world.write(alice, bob, text);
    }
    world.settle();
    let two = world.history(bob, alice)[2].clone();
    assert_eq!(two.text.as_deref(), Some("two"));
    let conversation = world.conversation(bob, alice);
    // Of what does not stand here nothing can be said.
    world.must(bob, Command::Shown(conversation, vec![Place(9), two.place, two.place, Place(u64::MAX)]));
    world.pass(HOUR + MINUTE);
    assert_eq!(texts(&world, bob, alice), ["one", "three"]);
}

#[test]
fn marking_as_read_shows_nothing() {
    let (mut world, alice, bob, _) = fading_friends(903, HOUR);
    world.write(alice, bob, "not looked at");
    world.settle();
    let place = world.history(bob, alice).last().expect("it came").place;
    let conversation = world.conversation(bob, alice);
    world.must(bob, Command::MarkRead { conversation, place, tell: false });
    world.pass(HOUR + MINUTE);
    assert_eq!(texts(&world, bob, alice), ["not looked at"]);
    show(&mut world, bob, alice);
    world.pass(HOUR + MINUTE);
    assert!(texts(&world, bob, alice).is_empty());
}

#[test]
fn what_is_not_confirmed_stays_with_its_author_for_weeks_and_disappears_once_it_is() {
    let (mut world, alice, bob, _) = fading_friends(904, HOUR);
    world.off(bob);
    let patient = world.write(alice, bob, "when you are back");
    world.pass(20 * DAY);
    assert_eq!(texts(&world, alice, bob), ["when you are back"]);
    world.on(bob);
    world.settle();
    assert_eq!(world.delivery(alice, bob, patient), Some(Delivery::Delivered));
    world.pass(HOUR + MINUTE);
    assert!(texts(&world, alice, bob).is_empty());
    assert_eq!(texts(&world, bob, alice), ["when you are back"], "nobody has looked at it");
}

#[test]
fn the_time_a_device_is_off_does_not_count() {
    let (mut world, alice, bob, _) = fading_friends(905, HOUR);
    world.write(alice, bob, "half and half");
    world.settle();
    show(&mut world, bob, alice);
    world.pass(HOUR / 2);
    world.off(bob);
    world.pass(20 * DAY);
    world.on(bob);
    // A power cut forgets at most a minute of what was counted.
    world.pass(HOUR / 2 - MINUTE);
    assert_eq!(texts(&world, bob, alice), ["half and half"]);
    world.pass(3 * MINUTE);
    assert!(texts(&world, bob, alice).is_empty());
}

#[test]
fn a_restart_goes_on_where_the_count_stood() {
    let (mut world, alice, bob, _) = fading_friends(906, 10 * MINUTE);
    world.write(alice, bob, "ten minutes");
    world.settle();
    show(&mut world, bob, alice);
    for _ in 0..3 {
        world.pass(3 * MINUTE);
        world.restart(bob);
    }
    assert_eq!(texts(&world, bob, alice), ["ten minutes"], "nine have passed");
    world.pass(5 * MINUTE);
    assert!(texts(&world, bob, alice).is_empty(), "three cuts forgot at most three of them");
}

#[test]
fn clocks_on_the_wall_have_no_say() {
    let (mut world, alice, bob, _) = fading_friends(907, 6 * HOUR);
    for who in [alice, bob] {
        world.node_mut(who).set_clock(Clock::Mad);
    }
    world.write(alice, bob, "one");
    world.write(bob, alice, "two");
    world.settle();
    show(&mut world, bob, alice);
    show(&mut world, alice, bob);
    for _ in 0..11 {
        world.pass(HOUR / 2);
        for (who, with) in [(alice, bob), (bob, alice)] {
            assert_eq!(texts(&world, who, with).len(), 2);
        }
    }
    world.pass(HOUR);
    for (who, with) in [(alice, bob), (bob, alice)] {
        assert!(texts(&world, who, with).is_empty());
    }
}

#[test]
fn choices_that_cross_are_settled_the_same_on_both_sides() {
    for seed in 910..926 {
        let (mut world, alice, bob, _) = World::friends_by_relay(seed);
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut crossed = false;
        for _ in 0..4 {
            let cut = world.away(alice);
            for _ in 0..rng.next_u32() % 5 + 1 {
                let (who, with) = [(alice, bob), (bob, alice)][rng.next_u32() as usize % 2];
                match rng.next_u32() % 4 {
                    0 => drop(world.write(who, with, "a word between")),
                    1 => choose(&mut world, who, with, None),
                    n => choose(&mut world, who, with, Some(n * DAY)),
                }
            }
            crossed |= chosen(&mut world, alice, bob) != chosen(&mut world, bob, alice);
            world.sim.heal(cut);
            world.settle();
            let both = [chosen(&mut world, alice, bob), chosen(&mut world, bob, alice)];
            assert_eq!(both[0], both[1], "seed {seed}");
            let last = choices(&world, alice, bob).last().map(|(_, choice)| *choice);
            let said = both[0].map_or(Choice::Stay, Choice::Disappear);
            assert_eq!(last.unwrap_or(Choice::Stay), said, "what stands last is what holds");
            for who in [alice, bob] {
                world.restart(who);
            }
            assert_eq!(chosen(&mut world, alice, bob), both[0], "it outlives a restart");
        }
        world.check();
        assert!(crossed, "seed {seed}: nothing crossed");
    }
}

#[test]
fn a_device_that_dies_at_any_step_keeps_nothing_beyond_its_time_and_loses_nothing_before() {
    for (seed, dies) in [(930, 0), (931, 1)] {
        for step in 0..14 {
            for doom in [Doom::BeforeCommit(step), Doom::AfterCommit(step)] {
                let (mut world, alice, bob, _) = World::friends_by_relay(seed);
                let victim = [alice, bob][dies];
                world.write(alice, bob, "this stays");
                world.settle();
                world.doom(victim, doom);
                // Who dies over a wish asks again.
                let choice =
                    |world: &World| Command::SetDisappearing(world.conversation(alice, bob), Some(HOUR));
                insist(&mut world, alice, choice);
                world.settle();
                insist(&mut world, bob, |world| Command::Send {
                    conversation: world.conversation(bob, alice),
                    text: "this does not".into(),
                    reply_to: None,
                });
                world.settle();
                insist(&mut world, alice, |world| showing(world, alice, bob));
                for (who, with) in [(alice, bob), (bob, alice)] {
                    let seen = texts(&world, who, with);
                    assert!(seen.len() >= 2 && seen[0] == "this stays", "step {step}, {doom:?}: {seen:?}");
                }
                world.pass(HOUR + 3 * MINUTE);
                for (who, with) in [(alice, bob), (bob, alice)] {
                    assert_eq!(texts(&world, who, with), ["this stays"], "step {step}, {doom:?}");
                    assert_eq!(counted(&world, who), 0);
                }
                assert_eq!(chosen(&mut world, alice, bob), Some(HOUR));
                assert_eq!(chosen(&mut world, bob, alice), Some(HOUR));
            }
        }
    }
}

/// Asks until the device lives long enough to answer.
fn insist(world: &mut World, who: Who, wish: impl Fn(&World) -> Command) {
    loop {
        let command = wish(world);
        if let Some(answer) = world.ask(who, command) {
            answer.expect("granted");
            return;
        }
        world.pass(WHILE);
    }
}

#[test]
fn frail_devices_that_write_and_look_at_random_are_empty_in_the_end() {
    for seed in 940..944 {
        let (mut world, alice, bob, _) = fading_friends(seed, HOUR);
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        for who in [alice, bob] {
            world.make_frail(who, Frailty { before_per_million: 30_000, after_per_million: 30_000 });
        }
        for n in 0..60 {
            let (who, with) = [(alice, bob), (bob, alice)][rng.next_u32() as usize % 2];
            match rng.next_u32() % 3 {
                0 => world.pass(Duration::from_secs(u64::from(rng.next_u32() % 900))),
                1 => drop(world.try_write(who, with, &format!("{n}"))),
                _ => {
                    let command = showing(&world, who, with);
                    drop(world.ask(who, command));
                }
            }
        }
        for who in [alice, bob] {
            world.make_frail(who, Frailty::default());
        }
        world.pass(WHILE);
        world.settle();
        show(&mut world, alice, bob);
        show(&mut world, bob, alice);
        world.pass(HOUR + 2 * MINUTE);
        for (who, with) in [(alice, bob), (bob, alice)] {
            assert!(texts(&world, who, with).is_empty(), "seed {seed}");
            assert_eq!(counted(&world, who), 0);
        }
    }
}

#[test]
fn what_a_person_deletes_or_clears_first_is_counted_no_more() {
    let (mut world, alice, bob, _) = fading_friends(950, HOUR);
    let first = world.write(alice, bob, "one");
    world.write(alice, bob, "two");
    world.write(bob, alice, "three");
    world.settle();
    assert_eq!(counted(&world, alice), 3);
    world.must(alice, Command::DeleteMessage(first));
    assert_eq!(counted(&world, alice), 2);
    let conversation = world.conversation(alice, bob);
    while let Answer::Erased { more: true } = world.must(alice, Command::ClearConversation(conversation)) {}
    assert_eq!(counted(&world, alice), 0);
    assert_eq!(chosen(&mut world, alice, bob), Some(HOUR), "what was chosen holds");
    let contact = world.contact(bob, alice).expect("a contact").id;
    while let Answer::Erased { more: true } = world.must(bob, Command::RemoveContact(contact)) {}
    assert_eq!(counted(&world, bob), 0);
    world.restart(bob);
    world.pass(2 * HOUR);
    let erased = |event: &&Event| matches!(event, Event::Erased { messages, .. } if messages.len() != 1);
    assert_eq!(world.node(alice).heard().iter().find(erased), None);
}

#[test]
fn a_default_is_said_once_when_a_conversation_begins_by_whoever_has_it() {
    for chooser in 0..2 {
        let (mut world, alice, bob) = World::two_people(960);
        world.neighbours(alice, bob);
        let who = [alice, bob][chooser];
        world.must(who, Command::SetDisappearingDefault(Some(DAY)));
        world.restart(who);
        match world.must(who, Command::DisappearingDefault) {
            Answer::Disappearing(after) => assert_eq!(after, Some(DAY)),
            other => panic!("a time was asked for, not {other:?}"),
        }
        // Alice invites, Bob accepts.
        world.befriend(alice, bob);
        world.settle();
        for (one, other) in [(alice, bob), (bob, alice)] {
            assert_eq!(chosen(&mut world, one, other), Some(DAY));
            assert_eq!(choices(&world, one, other), [(one == who, Choice::Disappear(DAY))]);
        }
        world.write(bob, alice, "hello");
        world.settle();
        assert_eq!(world.history(alice, bob)[1].disappears_after, Some(DAY));
        world.must(who, Command::SetDisappearingDefault(None));
        assert_eq!(chosen(&mut world, alice, bob), Some(DAY), "it is for conversations that begin later");
    }
}

#[test]
fn of_two_defaults_one_holds_on_both_sides() {
    for seed in 970..974 {
        let (mut world, alice, bob) = World::two_people(seed);
        world.neighbours(alice, bob);
        world.must(alice, Command::SetDisappearingDefault(Some(DAY)));
        world.must(bob, Command::SetDisappearingDefault(Some(7 * DAY)));
        world.befriend(alice, bob);
        world.settle();
        let holds = chosen(&mut world, alice, bob).expect("one of them");
        assert_eq!(chosen(&mut world, bob, alice), Some(holds));
        assert_eq!(choices(&world, alice, bob).last().map(|c| c.1), Some(Choice::Disappear(holds)));
        assert_eq!(choices(&world, alice, bob).len(), 2);
    }
}
