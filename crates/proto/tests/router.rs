//! The waist with three mailboxes: who is asked, who is passed over, and who has it in the end.

extern crate madang_proto as proto;

mod common;

use common::{envelope, slots};
use crypto::seal::Class;
use proto::id::{Moment, Party};
use proto::router::{Accepted, COPIES, Crossing, MAILBOX_PATIENCE, MailboxId, Router, Setback};
use proto::store::{Batch, MemoryStore, Overlay};

const BOB: Party = Party(7);
const NAMED: [MailboxId; 3] = [MailboxId(1), MailboxId(2), MailboxId(3)];

/// Calls a story with an envelope for Bob that waits for his three mailboxes, under its number.
fn with_one_that_waits(up: &[MailboxId], story: impl FnOnce(&mut Router, u64, &mut Overlay<'_>)) {
    let (store, mut batch) = (MemoryStore::new(), Batch::new());
    let mut overlay = Overlay::new(&store, &mut batch);
    let mut router = Router::load(&overlay, Moment(0)).expect("an empty outbox");
    up.iter().for_each(|id| router.mailbox_up(*id));
    let envelope = envelope(&slots(1, 1)[0], Class::C0, 1);
    let mailboxes = &NAMED;
    let crossing =
        Crossing::Leaving { party: BOB, envelope: &envelope, deletion: None, mailboxes, makes_room: false };
    let kept = router.accept(crossing, Moment(0), &mut overlay).expect("memory");
    let Accepted::Kept(number) = kept else { panic!("it leaves") };
    story(&mut router, number, &mut overlay);
}

fn wanted(router: &Router) -> Vec<u32> {
    router.mailboxes_wanted().into_iter().map(|id| id.0).collect()
}

#[test]
fn mailboxes_that_are_up_are_asked_before_those_that_are_named_first() {
    with_one_that_waits(&[MailboxId(2), MailboxId(3)], |router, _, _| assert_eq!(wanted(router), [2, 3]));
    with_one_that_waits(&[MailboxId(3)], |router, _, _| assert_eq!(wanted(router), [1, 3]));
    with_one_that_waits(&[], |router, _, _| assert_eq!(wanted(router), [1, 2]));
}

#[test]
fn a_mailbox_that_is_wanted_and_does_not_come_up_is_passed_over_until_it_does() {
    with_one_that_waits(&[], |router, _, overlay| {
        router.pass_over(Moment(5));
        let due = Moment(5).plus(MAILBOX_PATIENCE);
        assert_eq!(router.deadline(), Some(due));
        router.mailbox_up(MailboxId(2));
        router.pass_over(Moment(due.0 - 1));
        assert_eq!(wanted(router), [1, 2]);
        router.pass_over(due);
        assert_eq!(wanted(router), [1, 2, 3], "what waited for the first goes to the third as well");
        assert_eq!(router.deadline(), Some(due.plus(MAILBOX_PATIENCE)), "and for the third it waits as long");
        let next = envelope(&slots(2, 1)[0], Class::C0, 2);
        let leaves = |router: &mut Router, overlay: &mut Overlay<'_>| {
            let crossing = Crossing::Leaving {
                party: Party(8),
                envelope: &next,
                deletion: None,
                mailboxes: &NAMED,
                makes_room: false,
            };
            router.accept(crossing, due, overlay).expect("memory");
            NAMED.map(|id| router.waiting_at(id))
        };
        assert_eq!(leaves(router, overlay), [1, 2, 2], "the next does not wait for who was passed over");
        router.mailbox_up(MailboxId(1));
        assert_eq!(leaves(router, overlay), [2, 3, 2], "who came up is asked again");
    });
}

#[test]
fn when_all_are_away_all_are_asked_and_the_wait_has_an_end() {
    with_one_that_waits(&[], |router, _, _| {
        let mut now = Moment(0);
        for _ in 0..3 {
            router.pass_over(now);
            now = router.deadline().unwrap_or(now);
        }
        router.pass_over(now);
        assert_eq!((wanted(router), router.deadline()), (vec![1, 2, 3], None));
    });
}

#[test]
fn what_nobody_has_heard_of_goes_to_all_mailboxes_and_first_to_two() {
    with_one_that_waits(&NAMED, |router, number, overlay| {
        for id in &NAMED[..COPIES] {
            assert_eq!(router.next_deposit(*id, false), Some(number));
            router.depositing(*id, number);
            router.stored(*id, number, overlay);
        }
        assert_eq!(wanted(router), [0; 0]);
        router.repeat(number);
        assert_eq!(wanted(router), [1, 2, 3]);
    });
    with_one_that_waits(&NAMED, |router, number, _| {
        router.spread(number);
        assert_eq!(wanted(router), [1, 2, 3]);
    });
}

#[test]
fn full_mailboxes_are_asked_again_though_the_third_is_away() {
    with_one_that_waits(&NAMED[..2], |router, number, _| {
        for id in &NAMED[..2] {
            router.depositing(*id, number);
        }
        assert!(!router.set_back(NAMED[0], number, Setback::NotNow));
        assert!(!router.set_back(NAMED[1], number, Setback::NotNow));
        assert_eq!(wanted(router), [3]);
        router.pass_over(Moment(0));
        router.pass_over(Moment(0).plus(MAILBOX_PATIENCE));
        assert_eq!(wanted(router), [1, 2, 3]);
    });
}

#[test]
fn who_reads_elsewhere_now_is_no_longer_looked_for_where_they_were() {
    with_one_that_waits(&[], |router, number, _| {
        router.redirect(BOB, &[MailboxId(2), MailboxId(9)]);
        assert_eq!(wanted(router), [2, 9]);
        router.redirect(BOB, &[]);
        assert_eq!(wanted(router), [0; 0]);
        assert!(router.holds(number));
    });
}
