//! For tests: who begins anew while somebody else has a copy of the device, or only wants what waits to grow.

use proto::id::Party;
use proto::store::{Batch, Direction, Overlay};

use super::burnt::{CONTACT, DAY, Impostor, Theft, bring};
use crate::engine::Command;
use crate::engine::duo::Duo;
use crate::event::Notice;
use crate::tables;

/// Says what waits in the stream of one of the two.
fn waiting(duo: &Duo, at: usize) -> usize {
    let mut batch = Batch::new();
    let overlay = Overlay::new(&duo.sides[at].store, &mut batch);
    let all = overlay.range(&tables::SENT, &tables::name(1), 0..=u64::MAX, Direction::Ascending, 10_000);
    all.expect("memory works").len()
}

/// The owner comes back from a backup and hears no answer. Then a thief begins anew as one who has lost nothing, and the
/// other side ends all that was before.
fn overtaken(seed: u8) -> Theft {
    let mut theft = Theft::new(seed);
    theft.duo.mute(1);
    theft.duo.lose_disk(0);
    let owner = theft.duo.sides[0].store.clone();
    bring(&owner, &mut theft.duo, 0);
    theft.thief.speak(&mut theft.duo, vec![Command::Suspect(CONTACT)]);
    theft.duo.pass(DAY * 2);
    theft.thief.speak(&mut theft.duo, Vec::new());
    assert_eq!(theft.told(1, &Notice::ContactRestored(CONTACT)), 2, "the owner's and the thief's");
    theft.duo.unmute(1);
    theft
}

#[test]
fn a_call_back_goes_by_the_repair_drop_also_while_an_earlier_repair_was_not_heard() {
    for seed in 1..=3 {
        let mut theft = overtaken(seed);
        theft.duo.ask(0, Command::CallBack);
        theft.duo.rest();
        assert!(theft.is_closed(), "{seed}");
    }
}

#[test]
fn who_begins_anew_again_and_again_makes_nothing_wait_twice() {
    let mut theft = Theft::new(1);
    for number in 0..20 {
        theft.duo.write(1, &format!("kept {number}"));
    }
    // The copy knows none of these, and asks for all of them each time.
    let mut most = Vec::new();
    for seed in 10..16 {
        let copy = theft.copy.clone();
        Impostor::restored(&copy, theft.duo.now, seed).speak(&mut theft.duo, Vec::new());
        most.push(waiting(&theft.duo, 1));
    }
    assert!(most[0] >= 20, "all is sent again, once: {most:?}");
    assert!(most.iter().all(|count| *count == most[0]), "{most:?}");
}

#[test]
fn a_suspicion_that_cannot_go_by_the_repair_drop_is_told_and_stands() {
    let mut theft = Theft::new(1);
    let kept = theft.duo.sides[0].engine.pairs[&Party(1)].keys().their_last_resort.clone();
    let lacks = |theft: &mut Theft, what: Option<Vec<u8>>| {
        theft.duo.act(0, |engine, _| {
            engine.pairs.get_mut(&Party(1)).expect("they have met").keys_mut().their_last_resort = what;
            engine.dirty.insert(Party(1));
        });
    };
    lacks(&mut theft, None);
    theft.speaks();
    theft.suspects(0);
    theft.duo.pass(DAY * 2);
    let [invite, anew] = [Notice::NeedsInvite(CONTACT), Notice::BeginsAnew(CONTACT)];
    assert_eq!((theft.told(0, &invite), theft.told(0, &anew)), (1, 0));
    theft.duo.pass(DAY * 3);
    assert_eq!(theft.told(0, &invite), 1, "it is told at the pace at which it would be said");
    // It comes late: the suspicion has waited for it, over a start.
    lacks(&mut theft, kept);
    theft.duo.start_again(0);
    theft.write();
    theft.duo.pass(DAY * 4);
    assert_eq!((theft.told(0, &invite), theft.told(0, &anew)), (1, 1));
    theft.duo.rest();
    assert!(theft.has(1, "the owner's"));
}

#[test]
fn what_only_a_thief_has_acknowledged_comes_again_though_later_messages_have_come() {
    let mut theft = Theft::new(1);
    (0..2).for_each(|at| theft.duo.mute(at));
    theft.duo.write(1, "the thief has it");
    let from = theft.duo.recorded.len();
    theft.duo.write(1, "both have it");
    // The owner gets the second alone. The thief reads both, and says so.
    let second = (from..theft.duo.recorded.len()).find(|number| theft.duo.recorded[*number].from == 1);
    theft.duo.deliver(second.expect("it was sent"));
    theft.thief.listen(&theft.duo);
    theft.duo.rest();
    theft.thief.speak(&mut theft.duo, Vec::new());
    assert_eq!(waiting(&theft.duo, 1), 0, "all is acknowledged");
    theft.duo.lose_disk(1);
    (0..2).for_each(|at| theft.duo.unmute(at));
    theft.duo.pass(DAY);
    for text in ["the thief has it", "both have it"] {
        assert_eq!(theft.duo.texts(0).iter().filter(|(_, found)| found == text).count(), 1, "{text}");
    }
}
