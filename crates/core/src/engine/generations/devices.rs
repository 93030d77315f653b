//! For tests: lists of devices, as an owner signs them and as somebody does who has copied the account key.

use crypto::identity::Identity;
use proto::id::Party;

use super::super::duo::Duo;
use super::super::{Command, Policy};
use crate::contact::ContactState;
use crate::event::{ContactId, Event, Notice, Place};

/// What each of the two calls the other.
const OTHER: Party = Party(1);

/// Device lists that the account of the first signs, each naming one more device that nobody knows.
fn growing(owner: &mut Identity, first: u8, count: u8) -> Vec<Vec<u8>> {
    let one = |number| {
        assert!(owner.revoke([number; 32]), "there is room for it");
        owner.list().bytes().to_vec()
    };
    (first..first + count).map(one).collect()
}

/// The second takes lists of the first in one turn.
fn take(duo: &mut Duo, lists: &[Vec<u8>]) {
    duo.act(1, |engine, turn| {
        lists.iter().for_each(|list| engine.take_devices(OTHER, list, turn).expect("memory works"));
    });
}

fn copy_of_the_first(duo: &Duo) -> Identity {
    duo.sides[0].engine.me.clone()
}

fn told(duo: &Duo, wanted: &Notice) -> usize {
    duo.sides[1].events.iter().filter(|event| matches!(event, Event::Notice(n) if n == wanted)).count()
}

/// How many offers the second has drawn for the first.
fn offers(duo: &Duo) -> u32 {
    duo.sides[1].engine.pairs[&OTHER].keys().next_offer - 1
}

#[test]
fn a_call_back_counts_whatever_epoch_a_thief_has_named_before() {
    for names in 1..=3 {
        let mut duo = Duo::new(Policy::default());
        let mut thief = copy_of_the_first(&duo);
        // The thief's lists still name the device. The owner's next one has the second epoch.
        take(&mut duo, &growing(&mut thief, 1, names));
        assert_eq!(duo.sides[1].engine.contacts[&OTHER].state, ContactState::Live);
        duo.ask(0, Command::CallBack);
        duo.rest();
        assert_eq!(duo.sides[1].engine.contacts[&OTHER].state, ContactState::Failed, "{names} lists");
        assert!(duo.sides[1].engine.pairs.is_empty(), "no key is left of what they shared");
        let id = ContactId(OTHER.0);
        assert_eq!(told(&duo, &Notice::DeviceCalledBack(id)), 1);
        assert_eq!(told(&duo, &Notice::DevicesContradict(id)), 1, "and that the account was not one's word");
    }
}

#[test]
fn what_was_called_back_is_not_taken_back_by_a_later_list() {
    let mut duo = Duo::new(Policy::default());
    let (mut owner, mut thief) = (copy_of_the_first(&duo), copy_of_the_first(&duo));
    let kept = growing(&mut owner, 1, 1);
    take(&mut duo, &kept);
    let (drawn, later) = (offers(&duo), growing(&mut thief, 2, 4));
    take(&mut duo, &later);
    assert_eq!(duo.sides[1].engine.contacts[&OTHER].list.as_ref(), Some(&kept[0]));
    assert_eq!(offers(&duo), drawn, "and it burns nothing");
    assert_eq!(told(&duo, &Notice::DevicesContradict(ContactId(OTHER.0))), 4);
}

#[test]
fn however_many_lists_contradict_each_other_it_is_told_four_times_and_a_call_back_all_the_same() {
    let mut duo = Duo::new(Policy::default());
    let id = ContactId(OTHER.0);
    let (mut owner, mut thief) = (copy_of_the_first(&duo), copy_of_the_first(&duo));
    take(&mut duo, &growing(&mut owner, 1, 1));
    for first in [50, 64, 78] {
        take(&mut duo, &growing(&mut thief, first, 14));
    }
    assert_eq!(told(&duo, &Notice::DevicesContradict(id)), 4);
    duo.ask(0, Command::CallBack);
    duo.rest();
    assert_eq!(told(&duo, &Notice::DeviceCalledBack(id)), 1);
    assert_eq!(told(&duo, &Notice::DevicesContradict(id)), 4);
}

#[test]
fn an_older_list_that_comes_again_changes_nothing_also_after_a_restart() {
    let mut duo = Duo::new(Policy::default());
    let lists = growing(&mut copy_of_the_first(&duo), 1, 4);
    let kept = |duo: &Duo| duo.sides[1].engine.contacts[&OTHER].list.clone();
    take(&mut duo, &lists[2..3]);
    let drawn = offers(&duo);
    // Who has recorded them brings the earlier ones back, which called fewer devices back.
    for _ in 0..3 {
        take(&mut duo, &lists[..2]);
        assert_eq!(kept(&duo).as_ref(), Some(&lists[2]));
        assert_eq!(offers(&duo), drawn, "and it burns nothing");
        duo.start_again(1);
        duo.rest();
        assert_eq!(kept(&duo).as_ref(), Some(&lists[2]), "what was kept is on disk");
    }
    assert_eq!(told(&duo, &Notice::DevicesContradict(ContactId(OTHER.0))), 0, "an echo is no contradiction");
    take(&mut duo, &lists[3..]);
    assert_eq!(kept(&duo).as_ref(), Some(&lists[3]), "a later one is still taken");
    assert_eq!(offers(&duo), drawn + 1);
    duo.rest();
    duo.write(0, "and we go on");
    assert_eq!(duo.texts(1).len(), 1);
}

#[test]
fn many_lists_in_one_turn_cost_one_offer() {
    let mut duo = Duo::new(Policy::default());
    let mut owner = copy_of_the_first(&duo);
    let (before, lists) = (offers(&duo), growing(&mut owner, 1, 40));
    take(&mut duo, &lists);
    assert_eq!(offers(&duo), before + 1);
    duo.rest();
    duo.write(0, "the new keys serve");
    duo.write(1, "both of us");
    assert_eq!(duo.texts(0).len(), 2);
    assert_eq!(duo.texts(1).len(), 2);
}

#[test]
fn suspicion_burns_the_offer_that_is_out() {
    let mut duo = Duo::new(Policy::default());
    let drawn = offers(&duo);
    duo.ask(1, Command::Suspect(ContactId(OTHER.0)));
    assert_eq!(offers(&duo), drawn + 1);
}

#[test]
fn nothing_is_queued_behind_a_call_back() {
    let mut duo = Duo::new(Policy::default());
    duo.write(1, "read me");
    duo.mute(0);
    duo.ask(0, Command::CallBack);
    let next = |duo: &Duo| duo.sides[0].engine.pairs[&OTHER].sender.next();
    let (before, conversation) = (next(&duo), duo.conversation());
    duo.ask(0, Command::MarkRead { conversation, place: Place(u64::MAX), tell: true });
    assert_eq!(duo.sides[0].engine.conversations[&1].unread, 0, "it is read here");
    duo.act(0, |engine, turn| engine.announce_reach(turn).expect("memory works"));
    assert_eq!(next(&duo), before, "the list of devices is the last word");
}
