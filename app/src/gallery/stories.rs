//! What only stories of tests let happen in the invented world.

use super::{Fake, MINUTE, message};
use crate::{
    i18n::T,
    model::{Bond, ChatId, Ending, Last, Message, Stage, Update},
};

impl Fake {
    /// Puts a long conversation into the first chat.
    pub(crate) fn fill(&mut self, count: u64) {
        let Some(chat) = self.chats.first().map(|c| c.id) else { return };
        let talk: Vec<Message> = (0..count)
            .map(|i| {
                let text = format!("{i} {}", "가나다 abc ".repeat(usize::try_from(i % 23).unwrap_or(0)));
                message(1_000_000 + i, i % 3 == 0, &text, self.now - (count - i) * MINUTE)
            })
            .collect();
        self.talks.insert(chat, talk);
    }

    /// The place of a chat's first message.
    pub(crate) fn places(&self, chat: ChatId) -> u64 {
        self.talks.get(&chat).and_then(|talk| talk.first()).map_or(0, |m| m.place)
    }

    /// Gives a contact another name.
    pub(crate) fn rename(&mut self, chat: ChatId, name: &str) {
        self.contact(chat, |c| c.name = name.to_owned());
    }

    /// From now on what is looked for is not answered before [`Fake::find`].
    pub(crate) fn take_long(&mut self) {
        self.takes_long = true;
    }

    /// Answers the oldest thing that was looked for.
    pub(crate) fn find_one(&mut self) {
        self.updates.extend(self.taken.pop_front());
    }

    /// Answers all that was looked for, the oldest first.
    pub(crate) fn find(&mut self) {
        self.updates.append(&mut self.taken);
    }

    /// Lets everybody who is waited for answer.
    pub(crate) fn answer(&mut self) {
        for chat in &mut self.chats {
            (chat.bond, chat.writable) = (Bond::Live, true);
        }
        self.updates.push_back(Update::Chats(self.chats.clone()));
    }

    /// Lets the time pass that frames say.
    pub(crate) fn pass_to(&mut self, frame: f64) {
        self.clock += frame - self.drawn;
        self.drawn = frame;
    }

    /// Lets a contact write.
    pub(crate) fn hear(&mut self, chat: ChatId, text: &str) {
        let last = self.talks.get(&chat).and_then(|talk| talk.last()).map_or(0, |m| m.place);
        let place = self.key().max(last + 1);
        self.hear_at(chat, text, place, None);
    }

    /// From now on sending fails with this, and is not answered before [`Fake::answer_sends`].
    pub(crate) fn refuse_to_send(&mut self, sentence: Option<T>) {
        self.refuses = sentence;
        self.send_answers.get_or_insert_default();
    }

    /// Answers what was to be sent.
    pub(crate) fn answer_sends(&mut self) {
        self.updates.extend(self.send_answers.take().into_iter().flatten());
    }

    /// Lets so many messages of a contact come at once: more than are told one by one.
    pub(crate) fn burst(&mut self, chat: ChatId, count: u64) {
        let last = self.talks.get(&chat).and_then(|talk| talk.last()).map_or(0, |m| m.place);
        let now = self.now;
        let burst = (1..=count).map(|n| message(last + n, false, &format!("burst {n}"), now));
        self.talks.entry(chat).or_default().extend(burst);
        self.contact(chat, |c| c.unread += u32::try_from(count).unwrap_or(u32::MAX));
        self.updates.push_back(Update::Behind(chat));
    }

    /// The place of a chat's last message.
    pub(crate) fn last_place(&self, chat: ChatId) -> u64 {
        self.talks.get(&chat).and_then(|talk| talk.last()).map_or(0, |m| m.place)
    }

    /// Lets the profile close by itself.
    pub(crate) fn end(&mut self, why: Ending) {
        self.updates.extend([Update::Ended(why), Update::Stage(Stage::Locked)]);
    }

    /// Lets a contact's message come that belongs at a place and may be one that disappears.
    pub(crate) fn hear_at(&mut self, chat: ChatId, text: &str, place: u64, fades: Option<u32>) {
        let key = self.key();
        let message = Message { place, fades, ..message(key, false, text, self.now) };
        let talk = self.talks.entry(chat).or_default();
        talk.insert(talk.partition_point(|m| m.place <= place), message.clone());
        if let Some(chat) = self.chats.iter_mut().find(|c| c.id == chat) {
            chat.unread += 1;
            chat.order = key;
            chat.last =
                Some(Last { text: text.into(), chose: None, delivery: None, label_ms: message.label_ms });
        }
        self.updates.push_back(Update::Arrived(chat, message));
        self.updates.push_back(Update::Chats(self.chats.clone()));
        let name = self.chats.iter().find(|c| c.id == chat).map_or(String::new(), |c| c.name.clone());
        self.updates.push_back(Update::Heard(chat, name, text.into()));
    }
}
