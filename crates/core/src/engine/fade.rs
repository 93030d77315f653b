//! Messages that disappear: when each count begins, and what happens at its end.
//!
//! A reader's count begins when the message was shown. An author's begins when the other device has confirmed it: until
//! then it may have to be sent again. What is counted is use of the profile; no clock on the wall has a say, and a
//! restart goes on where the count stood. At the end the message is deleted as a person deletes one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use minicbor::{Decode, Encode};
use proto::id::Moment;
use proto::store::{Overlay, StoreError};

use super::command::{Answer, CommandError};
use super::{Engine, ME_FADE, ME_USED, Turn, each};
use crate::content::{Body, CONTENT_BYTES_MAX, ConversationId, FADE_SECONDS_MAX, FADE_SECONDS_MIN};
use crate::conversation::{RUN_MESSAGES_MAX, decode, encode, run_of};
use crate::event::{Event, Place};
use crate::tables;
use crate::uptime::Used;

/// Messages that disappear in one turn; the rest follows in the next.
const FADE_MESSAGES_MAX: usize = 1_000;
/// Runs of places that they may belong to: what is left of each is sealed anew in the same commit.
const FADE_RUNS_MAX: usize = 4;
/// Half of what a commit takes is left for all else. An author's own messages in a run stand one above the other.
const _: () = assert!(
    FADE_RUNS_MAX * (RUN_MESSAGES_MAX + tables::RUN_DEPTHS as usize) * (CONTENT_BYTES_MAX + 256) <= 32 << 20
);
/// How much use may be forgotten by a crash.
const USE_WRITTEN_EVERY: Duration = Duration::from_secs(3_600);
/// How much while something is counted in it. It is also written whenever a count begins.
const USE_WRITTEN_COUNTING: Duration = Duration::from_secs(60);

/// Where a message stands: conversation and place.
type At = (u32, Place);

/// What is to disappear, and when.
#[derive(Debug, Default)]
pub(super) struct Fading {
    /// Not shown yet, or not confirmed.
    waiting: BTreeMap<At, Waiting>,
    /// The use of the profile at which each is due.
    due: BTreeSet<(Used, At)>,
    counting: BTreeMap<At, Used>,
}

/// A count that has not begun.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Encode, Decode)]
pub(super) struct Waiting {
    #[n(0)]
    pub(super) seconds: u32,
    #[n(1)]
    pub(super) mine: bool,
}

/// How a message that is to disappear is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Encode, Decode)]
pub(super) enum FadeRecord {
    /// Its count has not begun.
    #[n(0)]
    Waiting(#[n(0)] Waiting),
    /// When the profile will have been used for so many milliseconds.
    #[n(1)]
    Due(#[n(0)] u64),
}

/// What is asked for, in whole seconds.
fn seconds(after: Option<Duration>) -> Result<Option<u32>, CommandError> {
    let Some(after) = after else { return Ok(None) };
    let seconds = u32::try_from(after.as_secs()).unwrap_or(u32::MAX);
    let fits = (FADE_SECONDS_MIN..=FADE_SECONDS_MAX).contains(&seconds);
    fits.then_some(Some(seconds)).ok_or(CommandError::DisappearingOutOfRange)
}

fn duration(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

impl Engine {
    pub(super) fn set_disappearing(
        &mut self,
        id: ConversationId,
        after: Option<Duration>,
        turn: &mut Turn<'_, '_>,
    ) -> Result<Result<Answer, CommandError>, StoreError> {
        let Some(number) = self.by_conversation.get(&id).copied() else {
            return Ok(Err(CommandError::NoConversation));
        };
        let seconds = match seconds(after) {
            Ok(seconds) => seconds,
            Err(error) => return Ok(Err(error)),
        };
        if self.conversations.get(&number).is_some_and(|conversation| conversation.fade != seconds) {
            self.write_message(number, Body::Fade(seconds), turn)?;
        }
        Ok(Ok(Answer::Done))
    }

    pub(super) fn disappearing(&self, id: ConversationId) -> Result<Answer, CommandError> {
        let number = self.by_conversation.get(&id).ok_or(CommandError::NoConversation)?;
        let seconds = self.conversations.get(number).and_then(|conversation| conversation.fade);
        Ok(Answer::Disappearing(seconds.map(duration)))
    }

    pub(super) fn set_disappearing_default(
        &mut self,
        after: Option<Duration>,
        turn: &mut Turn<'_, '_>,
    ) -> Result<Answer, CommandError> {
        self.fade_default = seconds(after)?;
        match self.fade_default {
            Some(seconds) => turn.overlay.put(&tables::ME, b"", ME_FADE, encode(&seconds)),
            None => turn.overlay.delete(&tables::ME, b"", ME_FADE),
        }
        Ok(Answer::Done)
    }

    pub(super) fn disappearing_default(&self) -> Option<Duration> {
        self.fade_default.map(duration)
    }

    /// A conversation begins: what was chosen for all that begin is said in it, unless something was said before.
    pub(super) fn choose_default(&mut self, number: u32, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let is_new =
            self.conversations.get(&number).is_some_and(|c| c.my_last.is_none() && c.fade_chosen.is_none());
        match self.fade_default {
            Some(seconds) if is_new => self.write_unseen(number, Body::Fade(Some(seconds)), turn).map(drop),
            _ => Ok(()),
        }
    }

    pub(super) fn shown(
        &mut self,
        id: ConversationId,
        places: Vec<Place>,
        turn: &mut Turn<'_, '_>,
    ) -> Result<Answer, CommandError> {
        let number = self.by_conversation.get(&id).copied().ok_or(CommandError::NoConversation)?;
        for place in places {
            if self.fading.waiting.get(&(number, place)).is_some_and(|waiting| !waiting.mine) {
                self.start_fading(number, place, turn);
            }
        }
        Ok(Answer::Done)
    }

    /// Notes that a message is to disappear, if it is one.
    pub(super) fn await_fading(
        &mut self,
        number: u32,
        place: Place,
        body: &Body,
        mine: bool,
        turn: &mut Turn<'_, '_>,
    ) {
        let Body::Text { fade: Some(seconds), .. } = body else { return };
        let waiting = Waiting { seconds: *seconds, mine };
        self.fading.waiting.insert((number, place), waiting);
        let record = encode(&FadeRecord::Waiting(waiting));
        turn.overlay.put(&tables::FADE, &tables::name(number), place.0, record);
    }

    /// Begins the count of a message that waits for it.
    pub(super) fn start_fading(&mut self, number: u32, place: Place, turn: &mut Turn<'_, '_>) {
        let Some(waiting) = self.fading.waiting.remove(&(number, place)) else { return };
        let due = self.uptime.at(turn.now.moment).plus(duration(waiting.seconds));
        self.fading.count((number, place), due);
        turn.overlay.put(&tables::FADE, &tables::name(number), place.0, encode(&FadeRecord::Due(due.0)));
        self.note_use(turn);
    }

    /// A message is deleted: nothing is counted for it any more.
    pub(super) fn forget_fading(&mut self, number: u32, place: Place, turn: &mut Turn<'_, '_>) {
        if self.fading.forget(&(number, place)) {
            turn.overlay.delete(&tables::FADE, &tables::name(number), place.0);
        }
    }

    /// Deletes what is due.
    pub(super) fn fade_due(&mut self, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        if self.is_sated() {
            return Ok(());
        }
        let now = self.uptime.at(turn.now.moment);
        let ripe = self.fading.due.iter().take_while(|(due, _)| *due <= now).take(FADE_MESSAGES_MAX);
        let (mut places, mut runs): (BTreeMap<u32, Vec<Place>>, _) = (BTreeMap::new(), BTreeSet::new());
        for (_, (number, place)) in ripe {
            runs.insert((*number, run_of(place.lamport())));
            if runs.len() > FADE_RUNS_MAX {
                break;
            }
            places.entry(*number).or_default().push(*place);
        }
        for (number, places) in places {
            let messages = self.erase(number, &places, turn)?;
            // A record without its message, as a damaged log may leave one, is not tried for ever.
            places.iter().for_each(|place| self.forget_fading(number, *place, turn));
            let conversation = self.conversations.get(&number).map(|conversation| conversation.id);
            if let Some(conversation) = conversation.filter(|_| !messages.is_empty()) {
                self.event(Event::Erased { conversation, messages });
            }
        }
        Ok(())
    }

    /// Returns when the next message is due.
    pub(super) fn fade_deadline(&self) -> Option<Moment> {
        self.fading.due.first().map(|(due, _)| self.uptime.moment(*due))
    }

    /// Returns when the use of the profile is to be written down next.
    pub(super) fn use_deadline(&self) -> Moment {
        let counts = !self.fading.due.is_empty();
        self.uptime.deadline(if counts { USE_WRITTEN_COUNTING } else { USE_WRITTEN_EVERY })
    }

    /// Writes down how long the profile was used.
    pub(super) fn note_use(&mut self, turn: &mut Turn<'_, '_>) {
        let used = self.uptime.write(turn.now.moment);
        turn.overlay.put(&tables::ME, b"", ME_USED, encode(&used.0));
    }

    /// The same at the end of a life, unless it was so short that nobody needs it.
    pub(super) fn note_last_use(&mut self, turn: &mut Turn<'_, '_>) {
        let long = self.uptime.deadline(USE_WRITTEN_COUNTING) <= turn.now.moment;
        if long || !self.fading.due.is_empty() {
            self.note_use(turn);
        }
    }

    pub(super) fn load_fading(&mut self, overlay: &Overlay<'_>) -> Result<(), StoreError> {
        self.fade_default =
            overlay.get(&tables::ME, b"", ME_FADE)?.map(|bytes| decode(&bytes)).transpose()?;
        let numbers: Vec<u32> = self.conversations.keys().copied().collect();
        for number in numbers {
            each(&tables::FADE, &tables::name(number), overlay, |place, bytes| {
                let at = (number, Place(place));
                match decode(bytes)? {
                    FadeRecord::Waiting(waiting) => drop(self.fading.waiting.insert(at, waiting)),
                    FadeRecord::Due(used) => self.fading.count(at, Used(used)),
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

impl Fading {
    fn count(&mut self, at: At, due: Used) {
        self.counting.insert(at, due);
        self.due.insert((due, at));
    }

    fn forget(&mut self, at: &At) -> bool {
        let waited = self.waiting.remove(at).is_some();
        match self.counting.remove(at) {
            Some(due) => self.due.remove(&(due, *at)),
            None => waited,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::duo::Duo;
    use super::super::{Command, Policy};
    use super::*;
    use crate::conversation::Span;

    /// The places of all that one of the two has here.
    fn places(duo: &mut Duo, at: usize) -> Vec<Place> {
        let (conversation, limit) = (duo.conversation(), 1_000);
        let Answer::Page(page) = duo.ask(at, Command::History { conversation, span: Span::Newest, limit })
        else {
            panic!("a page")
        };
        page.messages.iter().map(|message| message.place).collect()
    }

    fn show_all(duo: &mut Duo, at: usize) {
        let places = places(duo, at);
        duo.ask(at, Command::Shown(duo.conversation(), places));
    }

    #[test]
    fn what_comes_in_at_the_top_of_a_long_chat_is_not_counted_while_the_end_is_read() {
        let mut duo = Duo::new(Policy::default());
        let conversation = duo.conversation();
        (0..40).for_each(|n| duo.write(1, &format!("{n}")));
        let drawn = places(&mut duo, 0);
        let end = *drawn.last().expect("forty");
        duo.ask(0, Command::SetDisappearing(conversation, Some(duration(5))));
        duo.rest();
        let theirs = duo.sides[1].engine.conversations.values_mut().next().expect("the conversation");
        (theirs.my_last, theirs.heads) = (None, Vec::new());
        duo.write(1, "unseen");
        let top = places(&mut duo, 0)[..3].to_vec();
        let unseen = *top.iter().find(|place| !drawn.contains(place)).expect("it has no parents: depth 1");
        assert!(unseen < end);
        duo.ask(0, Command::MarkRead { conversation, place: end, tell: true });
        duo.ask(0, Command::Shown(conversation, drawn));
        duo.pass(duration(10_000));
        let there = |duo: &Duo| duo.texts(0).iter().any(|(_, text)| text == "unseen");
        assert!(there(&duo), "nobody has seen it");
        duo.ask(0, Command::Shown(conversation, vec![unseen]));
        duo.pass(duration(6));
        assert!(!there(&duo));
    }

    #[test]
    fn a_glance_says_what_is_unread_what_came_last_and_what_holds_and_nothing_of_what_is_not_there() {
        let mut duo = Duo::new(Policy::default());
        let conversation = duo.conversation();
        duo.ask(0, Command::SetDisappearing(conversation, Some(duration(60))));
        duo.write(1, "first");
        duo.write(1, "second");
        let wanted = vec![ConversationId([9; 16]), conversation];
        let Answer::Glances(glances) = duo.ask(0, Command::Glances(wanted)) else { panic!("glances") };
        let [glance] = glances.as_slice() else { panic!("one conversation is there: {glances:?}") };
        assert_eq!((glance.conversation, glance.unread), (conversation, 2));
        assert_eq!(glance.disappears_after, Some(duration(60)));
        assert_eq!(glance.newest.as_ref().and_then(|newest| newest.text.as_deref()), Some("second"));
    }

    #[test]
    fn what_came_after_the_last_that_was_shown_stays_unread() {
        let mut duo = Duo::new(Policy::default());
        let conversation = duo.conversation();
        let unread = |duo: &mut Duo| match duo.ask(0, Command::Glances(vec![conversation])) {
            Answer::Glances(glances) => glances[0].unread,
            other => panic!("glances, not {other:?}"),
        };
        duo.write(1, "shown");
        let shown = *places(&mut duo, 0).last().expect("it came");
        duo.write(1, "came while the window drew");
        let mark = |place| Command::MarkRead { conversation, place, tell: true };
        assert_eq!(unread(&mut duo), 2);
        duo.ask(0, mark(shown));
        assert_eq!(unread(&mut duo), 1);
        let end = *places(&mut duo, 0).last().expect("two");
        duo.ask(0, mark(end));
        assert_eq!(unread(&mut duo), 0);

        // One that comes in above what was read can be read too.
        let theirs = duo.sides[1].engine.conversations.values_mut().next().expect("the conversation");
        (theirs.my_last, theirs.heads) = (None, Vec::new());
        duo.write(1, "above");
        assert_eq!((unread(&mut duo), *places(&mut duo, 0).last().expect("three")), (1, end));
        duo.ask(0, mark(end));
        assert_eq!(unread(&mut duo), 0);
    }

    #[test]
    fn a_restored_profile_goes_on_with_what_was_left_of_each_time() {
        let mut duo = Duo::new(Policy::default());
        let conversation = duo.conversation();
        duo.ask(0, Command::SetDisappearingDefault(Some(duration(7))));
        duo.ask(0, Command::SetDisappearing(conversation, Some(duration(1_000))));
        duo.write(1, "this is seen");
        show_all(&mut duo, 0);
        duo.write(1, "this is not");
        duo.pass(duration(500));
        duo.lose_disk(0);
        let seen = |duo: &Duo| duo.texts(0).into_iter().filter(|(_, text)| text.starts_with("this")).count();
        assert_eq!(seen(&duo), 2);
        duo.pass(duration(300));
        assert_eq!(seen(&duo), 2, "neither earlier");
        // The use was written down within the last minute before the backup.
        duo.pass(duration(230));
        assert_eq!(seen(&duo), 1, "nor later");
        duo.pass(duration(100_000));
        assert_eq!(seen(&duo), 1, "what nobody has seen has all of its time");
        show_all(&mut duo, 0);
        duo.pass(duration(1_001));
        assert_eq!(seen(&duo), 0);
        let Answer::Disappearing(kept) = duo.ask(0, Command::DisappearingDefault) else { panic!("a time") };
        assert_eq!(kept, Some(duration(7)));
        let Answer::Disappearing(kept) = duo.ask(0, Command::Disappearing(conversation)) else {
            panic!("a time")
        };
        assert_eq!(kept, Some(duration(1_000)));
    }

    #[test]
    fn what_is_due_at_once_in_many_runs_disappears_in_several_turns() {
        let mut duo = Duo::new(Policy::default());
        let conversation = duo.conversation();
        duo.act(0, |engine, turn| {
            let number = engine.by_conversation[&conversation];
            // A chain through six runs; one in eight fades.
            for n in 0..6 * tables::RUN_DEPTHS {
                let talk = engine.conversations.get_mut(&number).expect("the conversation");
                let fade = n.is_multiple_of(8).then_some(5);
                let body = Body::Text { text: n.to_string(), reply_to: None, fade };
                let content = talk.compose([7; 16], body, None, [0; 32]);
                let inserted = talk.insert(number, &content.encode(), &content, false, None, turn.overlay);
                let crate::conversation::Inserted::New(_, place) = inserted.expect("memory works") else {
                    panic!("it is new")
                };
                engine.await_fading(number, place, &content.body, false, turn);
            }
        });
        show_all(&mut duo, 0);
        let before = duo.sides[0].commits.len();
        duo.pass(duration(6));
        assert_eq!(duo.texts(0).len() as u64, 6 * tables::RUN_DEPTHS * 7 / 8, "all that were due are gone");
        let runs = |batch: &proto::store::Batch| {
            let of_messages = batch.iter().filter(|(key, ..)| key.0 == tables::MESSAGE.id);
            of_messages.map(|(key, ..)| run_of(Place(key.2).lamport())).collect::<BTreeSet<_>>().len()
        };
        let turns: Vec<usize> = duo.sides[0].commits[before..].iter().map(runs).filter(|n| *n > 0).collect();
        assert!(turns.len() > 1 && turns.iter().all(|runs| *runs <= FADE_RUNS_MAX), "{turns:?}");
    }

    #[test]
    fn a_life_that_ends_in_order_forgets_nothing_of_a_count() {
        let mut duo = Duo::new(Policy::default());
        let conversation = duo.conversation();
        duo.ask(0, Command::SetDisappearing(conversation, Some(duration(100))));
        duo.write(1, "this is seen");
        show_all(&mut duo, 0);
        let seen = |duo: &Duo| duo.texts(0).into_iter().filter(|(_, text)| text.starts_with("this")).count();
        // Each life is far shorter than the minute after which use is written down in any case.
        for _ in 0..24 {
            duo.pass(duration(4));
            duo.start_again(0);
        }
        assert_eq!(seen(&duo), 1, "96 seconds have passed");
        duo.pass(duration(4));
        assert_eq!(seen(&duo), 0);
    }

    #[test]
    fn what_comes_in_above_a_choice_that_the_program_wrote_is_not_marked_and_above_ones_own_it_is() {
        let mut marked = [0, 0];
        for own in [false, true] {
            let mut duo = Duo::new(Policy::default());
            duo.mute(1);
            for n in 0..8 {
                // Each follows nothing, as the first message of somebody who writes while the answer is on its way.
                let theirs = duo.sides[1].engine.conversations.values_mut().next().expect("the conversation");
                (theirs.my_last, theirs.heads) = (None, Vec::new());
                let conversation = duo.conversation();
                duo.ask(1, Command::Send { conversation, text: format!("hello {n}"), reply_to: None });
            }
            if own {
                duo.ask(0, Command::SetDisappearing(duo.conversation(), Some(duration(60))));
            } else {
                duo.ask(0, Command::SetDisappearingDefault(Some(duration(60))));
                duo.act(0, |engine, turn| engine.choose_default(1, turn).expect("memory works"));
            }
            duo.unmute(1);
            let (conversation, limit) = (duo.conversation(), 100);
            let Answer::Page(page) = duo.ask(0, Command::History { conversation, span: Span::Newest, limit })
            else {
                panic!("a page")
            };
            assert_eq!(page.messages.len(), 9);
            let choice = page.messages.iter().position(|message| message.mine).expect("it was written");
            assert!((1..8).contains(&choice), "some stand above it, by their ids");
            marked[usize::from(own)] = page.messages.iter().filter(|message| message.arrived_late).count();
            assert_eq!(marked[usize::from(own)], if own { choice } else { 0 });
        }
        assert!(marked[1] > 0, "the marks can be seen");
    }

    #[test]
    fn what_is_due_waits_for_the_turn_after_one_in_which_something_is_deleted_by_hand() {
        let mut duo = Duo::new(Policy::default());
        let conversation = duo.conversation();
        duo.write(1, "is deleted");
        duo.ask(0, Command::SetDisappearing(conversation, Some(duration(5))));
        duo.rest();
        duo.write(1, "disappears");
        show_all(&mut duo, 0);
        let place = places(&mut duo, 0)[0];
        duo.now = duo.now.plus(duration(6));
        let there = |duo: &Duo| duo.texts(0).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        duo.act(0, |engine, turn| {
            let number = engine.by_conversation[&conversation];
            assert!(!engine.is_sated());
            engine.erase(number, &[place], turn).expect("memory works");
            assert!(engine.is_sated(), "what else has come is for the next turn");
        });
        assert!(!there(&duo).contains(&"is deleted".into()));
        assert!(there(&duo).contains(&"disappears".into()), "both would seal anew what stands beside them");
        assert!(!duo.sides[0].engine.is_sated());
        duo.pass(duration(1));
        assert!(!there(&duo).contains(&"disappears".into()));
    }

    #[test]
    fn times_have_whole_seconds_and_limits() {
        assert_eq!(seconds(None), Ok(None));
        assert_eq!(seconds(Some(Duration::from_millis(5_900))), Ok(Some(5)));
        for wrong in
            [Duration::ZERO, Duration::from_millis(4_999), duration(FADE_SECONDS_MAX + 1), Duration::MAX]
        {
            assert_eq!(seconds(Some(wrong)), Err(CommandError::DisappearingOutOfRange));
        }
    }
}
