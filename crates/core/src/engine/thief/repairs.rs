//! For tests: a thief, and one of the two who comes back from a backup before or after the theft.

use super::super::duo::Duo;
use super::by_hand::Thief;
use super::{DOCS, talk};
use crate::engine::{Command, Policy};

/// Says what one of them writes while the other is away, just before the disk is lost.
const WAITS: [&str; 4] = ["waits: one", "waits: two", "waits: three", "waits: four"];

/// One of the two comes back from a backup, a copy of the first's device is made before that or after, and both go on.
struct Return {
    duo: Duo,
    thief: Thief,
    /// The part of the record from the return until both are at rest again: by then new keys are made.
    span: std::ops::Range<usize>,
}

impl Return {
    fn of(who: usize, is_copied_before: bool) -> Self {
        let mut duo = Duo::new(Policy::default());
        talk(&mut duo, 5);
        let before = Thief::copy(&duo, 0);
        duo.part();
        let conversation = duo.conversation();
        for text in WAITS {
            duo.ask(who, Command::Send { conversation, text: text.into(), reply_to: None });
        }
        let begins = duo.recorded.len();
        duo.lose_disk(who);
        let span = begins..duo.recorded.len();
        talk(&mut duo, 5);
        let thief = if is_copied_before { before } else { Thief::copy(&duo, 0) };
        Self { duo, thief, span }
    }

    /// How many envelopes of each side the thief reads of the return.
    fn read(&mut self) -> [usize; 2] {
        let record = &self.duo.recorded;
        let read: Vec<usize> = self.thief.rob(record).read.range(self.span.clone()).copied().collect();
        [0, 1].map(|side| read.iter().filter(|at| record[**at].from == side).count())
    }
}

#[test]
fn who_copies_a_device_reads_what_the_other_writes_on_coming_back_from_a_backup_whenever_that_was() {
    for is_copied_before in [true, false] {
        let mut back = Return::of(1, is_copied_before);
        let [ours, theirs] = back.read();
        assert!((2..=3).contains(&theirs), "{theirs}: the repair, and what waited");
        assert_eq!(ours, 0);
        assert!(WAITS.iter().all(|words| back.thief.has_read(words)), "copied before: {is_copied_before}");
        let Return { duo, thief, span } = &mut back;
        let loot = thief.rob(&duo.recorded);
        let linked = loot.linked.range(span.clone()).count();
        assert!((theirs..=2 * theirs + 1).contains(&linked), "{linked}: the generation that it began");
        if is_copied_before {
            // The keys that are made at once rest on nothing that was copied: this heals what the copy could do.
            assert_eq!(loot.read.range(span.end..).count(), 0);
            assert_eq!(loot.linked.range(span.end..).count(), 0);
        } else {
            assert_eq!(loot.read.range(..span.start).count(), 0);
        }
        // Who breaks X25519 as well reads the answers in that generation, and no more.
        thief.break_x25519(duo);
        let [ours, _] = back.read();
        assert!((1..=2).contains(&ours), "{ours}");
        let Return { duo, thief, span } = &mut back;
        let loot = thief.rob(&duo.recorded);
        let last = loot.read.range(span.clone()).next_back().copied();
        assert!(last.is_some_and(|last| last + 1 < span.end), "new keys are made within the return");
        if is_copied_before {
            assert_eq!(loot.read.range(span.end..).count(), 0);
        }
    }
    for row in [
        "| when the others come back from a backup, before the copy or after it | what they write then, until they have heard this device again |",
        "; on a return of the others from a backup, until new keys are made |",
        "| repairs, at any time | all between these two, for as long as they are contacts; of the others' also what follows, until new keys are made |",
    ] {
        assert!(DOCS.contains(row), "{row}");
    }
}

#[test]
fn who_copies_a_device_links_its_own_return_from_a_backup_and_reads_none_of_it() {
    for is_copied_before in [true, false] {
        let mut back = Return::of(0, is_copied_before);
        assert_eq!(back.read(), [0, 0]);
        // Their last resort is needed for it, with its part of ML-KEM: X25519 alone does not help.
        back.thief.break_x25519(&back.duo);
        assert_eq!(back.read(), [0, 0]);
        let Return { duo, thief, span } = &mut back;
        let linked: Vec<usize> = thief.rob(&duo.recorded).linked.range(span.clone()).copied().collect();
        assert_eq!(linked, [span.start], "the repair itself, and nothing in the generation that it begins");
        assert!(!WAITS.iter().any(|words| thief.has_read(words)));
    }
}
