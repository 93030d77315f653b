//! The loaded part of a conversation, and the messages in it.

use super::MessageKey;
use crate::i18n::{Lang, T};

/// Messages of one chat held at a time: a few pages each way.
pub(crate) const LOADED_MAX: usize = 600;

/// How far a message has come, as far as it is known.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Delivery {
    /// Kept on this computer.
    Written,
    /// Sealed, no road yet.
    Sealed,
    /// Kept by so many relays.
    OnRelay(u8),
    /// Their device holds it and has not confirmed yet that it could be read.
    OnDevice,
    /// An authenticated receipt came back.
    Delivered,
    /// They have read it.
    Read,
}

/// What somebody chose for what is written in a conversation.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Fade {
    /// It stays.
    #[default]
    Never,
    /// It disappears so many seconds after it was shown.
    After(u32),
}

impl Fade {
    /// What can be chosen here.
    pub(crate) const CHOICES: [Fade; 6] = [
        Fade::Never,
        Fade::After(300),
        Fade::After(3_600),
        Fade::After(86_400),
        Fade::After(604_800),
        Fade::After(2_419_200),
    ];

    /// The choice in a word or two.
    pub(crate) fn word(self, lang: Lang) -> String {
        match self {
            Fade::Never => lang.tr(T::FadeOff).to_owned(),
            Fade::After(seconds) => lang.span(seconds),
        }
    }

    /// That this was chosen, by oneself or by `name`.
    pub(crate) fn sentence(self, lang: Lang, mine: bool, name: &str) -> String {
        match (self, mine) {
            (Fade::Never, true) => lang.tr(T::FadeOffMine).to_owned(),
            (Fade::Never, false) => lang.with(T::FadeOffTheirs, &[name]),
            (Fade::After(seconds), true) => lang.with(T::FadeSetMine, &[&lang.span(seconds)]),
            (Fade::After(seconds), false) => lang.with(T::FadeSetTheirs, &[name, &lang.span(seconds)]),
        }
    }
}

/// A message as the conversation shows it.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// Which one.
    pub(crate) key: MessageKey,
    /// Where it stands: causes before effects.
    pub(crate) place: u64,
    /// Whether it is one's own.
    pub(crate) mine: bool,
    /// Fit to show.
    pub(crate) text: String,
    /// It is no text but a choice for what is written from there on.
    pub(crate) chose: Option<Fade>,
    /// Seconds after which it disappears once it was shown.
    pub(crate) fades: Option<u32>,
    /// That it was shown has been told.
    pub(crate) shown: bool,
    /// What it answers.
    pub(crate) reply: Option<Quote>,
    /// What the writer's clock said.
    pub(crate) label_ms: Option<u64>,
    /// It came when something that stands after it had been seen or written already.
    pub(crate) late: bool,
    /// A message that it follows is not here yet.
    pub(crate) gap: bool,
    /// How far it came, if it is one's own.
    pub(crate) delivery: Delivery,
}

/// The message that another one answers.
#[derive(Clone, Debug)]
pub(crate) struct Quote {
    /// Which one.
    pub(crate) key: MessageKey,
    /// Whether it is one's own.
    pub(crate) mine: bool,
    /// One line of it, empty if its kind is of a newer version. Nothing if it is not known here: it was deleted, or not
    /// read yet.
    pub(crate) text: Option<String>,
}

/// The loaded part of a conversation: a window on it without a hole, oldest first. What lies beyond is read when the
/// reader comes near it, and what was left far behind is dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    /// At most [`LOADED_MAX`] messages.
    pub(crate) messages: Vec<Message>,
    /// There are older ones.
    pub(crate) more_before: bool,
    /// There are newer ones.
    pub(crate) more_after: bool,
    /// The first that had not been seen when the chat was opened.
    pub(crate) first_unread: Option<MessageKey>,
    /// Where the newest message of the whole conversation stands.
    pub(crate) newest: u64,
    /// Something has been read already.
    pub(crate) loaded: bool,
    /// A page has been asked for.
    pub(crate) asking: bool,
    /// The count of pages when the last one came, by which the oldest conversation is found.
    pub(super) turned: u64,
    /// The message that the last page is about, or nothing for its end; and how many pages have replaced what was
    /// loaded, so that a view goes there once.
    pub(crate) goal: (u32, Option<MessageKey>),
}

/// Which part of a conversation is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PageAt {
    /// Its newest end.
    Newest,
    /// What stands before the oldest loaded place.
    Before(u64),
    /// What stands after the newest loaded place.
    After(u64),
    /// What stands around a place.
    Around(u64),
    /// What stands around a message.
    Message(MessageKey),
    /// What stands around the first that was not seen; the newest end if all was.
    Unread,
}

/// A run of messages as it was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// Which part.
    pub(crate) at: PageAt,
    /// Oldest first.
    pub(crate) messages: Vec<Message>,
    /// There are older ones.
    pub(crate) more_before: bool,
    /// There are newer ones.
    pub(crate) more_after: bool,
    /// The first that was not seen, if it is among them.
    pub(crate) first_unread: Option<MessageKey>,
    /// Where the newest message of the whole conversation stands.
    pub(crate) newest: u64,
}

impl Timeline {
    /// Takes over a page that was asked for. One that no longer fits to what is loaded is left out.
    pub(super) fn merge(&mut self, page: Page) {
        self.asking = false;
        self.newest = self.newest.max(page.newest);
        let edge = |message: Option<&Message>| message.map(|m| m.place);
        match page.at {
            PageAt::Before(place) if edge(self.messages.first()) == Some(place) => {
                self.messages.splice(0..0, page.messages);
                self.more_before = page.more_before;
                if self.messages.len() > LOADED_MAX {
                    self.messages.truncate(LOADED_MAX);
                    self.more_after = true;
                }
            }
            PageAt::After(place) if edge(self.messages.last()) == Some(place) => {
                self.messages.extend(page.messages);
                self.more_after = page.more_after;
                self.drop_oldest();
            }
            PageAt::Before(_) | PageAt::After(_) => {}
            PageAt::Newest | PageAt::Around(_) | PageAt::Message(_) | PageAt::Unread => self.replace(page),
        }
    }

    fn replace(&mut self, page: Page) {
        let goal = match page.at {
            PageAt::Around(place) => page.messages.iter().find(|m| m.place >= place).map(|m| m.key),
            PageAt::Message(key) => page.messages.iter().find(|m| m.key == key).map(|m| m.key),
            PageAt::Unread => page.first_unread,
            PageAt::Newest | PageAt::Before(_) | PageAt::After(_) => None,
        };
        self.goal = (self.goal.0.wrapping_add(1), goal);
        if matches!(page.at, PageAt::Newest | PageAt::Unread) {
            self.first_unread = page.first_unread;
        }
        self.messages = page.messages;
        self.more_before = page.more_before;
        self.more_after = page.more_after;
        self.loaded = true;
    }

    /// Puts a new message where it belongs, once; not where it would stand beyond a hole.
    pub(super) fn arrive(&mut self, message: Message) {
        self.newest = self.newest.max(message.place);
        let at = self.messages.partition_point(|m| m.place <= message.place);
        let beyond = (at == 0 && self.more_before) || (at == self.messages.len() && self.more_after);
        if beyond || self.messages.iter().any(|m| m.key == message.key) {
            return;
        }
        self.messages.insert(at, message);
        self.drop_oldest();
    }

    /// More came at the end than is told one by one: it is read on from here, and whoever holds nothing reads anew.
    pub(super) fn fall_behind(&mut self) {
        self.more_after = true;
        self.loaded &= !self.messages.is_empty();
    }

    fn drop_oldest(&mut self) {
        let surplus = self.messages.len().saturating_sub(LOADED_MAX);
        if surplus > 0 {
            self.messages.drain(..surplus);
            self.more_before = true;
        }
    }

    /// Takes messages out that were deleted, and their words out of those that answer them.
    pub(super) fn erase(&mut self, keys: &[MessageKey]) {
        self.messages.retain(|m| !keys.contains(&m.key));
        let quotes = self.messages.iter_mut().filter_map(|m| m.reply.as_mut());
        quotes.filter(|quote| keys.contains(&quote.key)).for_each(|quote| quote.text = None);
    }

    /// Notes of which messages it was told that they were shown.
    pub(crate) fn note_shown(&mut self, places: &[u64]) {
        for place in places {
            if let Ok(at) = self.messages.binary_search_by_key(place, |m| m.place) {
                self.messages[at].shown = true;
            }
        }
    }

    /// The message with this key, if it is loaded.
    pub(crate) fn find(&self, key: MessageKey) -> Option<&Message> {
        self.messages.iter().find(|m| m.key == key)
    }

    /// How far from the beginning of the whole conversation a row stands, from 0 to 1. Places serve as the index:
    /// nobody counts what is not loaded.
    pub(crate) fn part(&self, row: usize) -> f32 {
        let place = self.messages.get(row).map_or(0, |m| m.place);
        (place as f64 / self.newest.max(1) as f64).min(1.0) as f32
    }

    /// The place that stands so far from the beginning.
    pub(crate) fn place_at(&self, part: f32) -> u64 {
        (f64::from(part.clamp(0.0, 1.0)) * self.newest as f64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deleted_is_quoted_no_more() {
        let quote =
            |key| Some(Quote { key: MessageKey::invented(key), mine: false, text: Some("once said".into()) });
        let mut timeline = Timeline {
            messages: vec![
                message(1),
                Message { reply: quote(1), ..message(2) },
                Message { reply: quote(7), ..message(3) },
            ],
            ..Timeline::default()
        };
        timeline.erase(&[MessageKey::invented(1)]);
        let quoted: Vec<Option<&str>> =
            timeline.messages.iter().filter_map(|m| Some(m.reply.as_ref()?.text.as_deref())).collect();
        assert_eq!(quoted, [None, Some("once said")]);
    }

    /// Messages 1 to `LAST` exist, each at the place of its number.
    const LAST: u64 = 5_000;
    const PAGE: u64 = 100;

    fn message(number: u64) -> Message {
        Message {
            key: MessageKey::invented(number),
            place: number,
            mine: false,
            text: number.to_string(),
            reply: None,
            label_ms: None,
            late: false,
            gap: false,
            chose: None,
            fades: None,
            shown: false,
            delivery: Delivery::Delivered,
        }
    }

    fn page(at: PageAt) -> Page {
        let (from, to) = match at {
            PageAt::Before(place) => (place.saturating_sub(PAGE).max(1), place),
            PageAt::After(place) => (place + 1, (place + 1 + PAGE).min(LAST + 1)),
            PageAt::Around(place) => (place.saturating_sub(50).max(1), (place + 50).min(LAST + 1)),
            _ => (LAST + 1 - PAGE, LAST + 1),
        };
        let messages = (from..to).map(message).collect();
        Page { at, messages, more_before: from > 1, more_after: to <= LAST, first_unread: None, newest: LAST }
    }

    fn ends(timeline: &Timeline) -> (u64, u64) {
        assert!(timeline.messages.len() <= LOADED_MAX);
        assert!(timeline.messages.windows(2).all(|pair| pair[0].place + 1 == pair[1].place), "a hole");
        (timeline.messages[0].place, timeline.messages[timeline.messages.len() - 1].place)
    }

    #[test]
    fn a_walk_to_the_beginning_and_back_holds_a_bounded_part_without_a_hole() {
        let mut timeline = Timeline::default();
        timeline.merge(page(PageAt::Newest));
        while timeline.more_before {
            let first = ends(&timeline).0;
            timeline.merge(page(PageAt::Before(first)));
            assert_eq!(ends(&timeline).0, first.saturating_sub(PAGE).max(1));
        }
        assert_eq!(ends(&timeline), (1, LOADED_MAX as u64));
        assert!(timeline.more_after && timeline.part(0) < 0.001);
        while timeline.more_after {
            let last = ends(&timeline).1;
            timeline.merge(page(PageAt::After(last)));
        }
        assert_eq!(ends(&timeline).1, LAST);
        assert!(timeline.more_before && timeline.part(timeline.messages.len() - 1) == 1.0);
    }

    #[test]
    fn a_page_that_no_longer_fits_is_left_out() {
        let mut timeline = Timeline::default();
        timeline.merge(page(PageAt::Newest));
        let late = page(PageAt::Before(ends(&timeline).0));
        timeline.merge(page(PageAt::Around(300)));
        let there = ends(&timeline);
        timeline.merge(late);
        assert_eq!(ends(&timeline), there);
        assert_eq!(timeline.goal, (2, Some(MessageKey::invented(300))));
        timeline.arrive(message(LAST + 1));
        assert_eq!(ends(&timeline), there, "it stands beyond a hole");
        assert_eq!(timeline.newest, LAST + 1);
    }

    #[test]
    fn a_message_is_shown_once_however_often_it_is_told() {
        let mut timeline = Timeline::default();
        timeline.merge(page(PageAt::Newest));
        for _ in 0..2 {
            timeline.arrive(message(LAST + 1));
        }
        assert_eq!(timeline.messages.len() as u64, PAGE + 1);
    }
}
