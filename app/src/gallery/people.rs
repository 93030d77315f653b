//! The people of the invented world, and what they have said.

use super::{Fake, MINUTE, message};
use crate::{
    i18n::Lang,
    model::{Bond, Chat, ChatId, Delivery, Fade, Last, Message, Quote, Relay, RelayKey, Takes},
};

impl Fake {
    /// Fills the world with people, in their language.
    pub(super) fn people(&mut self, lang: Lang) {
        let ko = lang == Lang::Ko;
        let pick = |k: &'static str, e: &'static str| if ko { k } else { e };
        let people = [
            (pick("이지수", "Jisu Lee"), true, true, 0),
            (pick("박민호 연구실", "Minho, lab 3"), true, false, 3),
            (pick("할머니", "Grandmother"), true, true, 0),
            (pick("정우", "Jeongwoo"), false, false, 0),
            (pick("서연", "Seoyeon Park"), true, false, 0),
        ];
        for (index, (name, live, verified, unread)) in people.into_iter().enumerate() {
            let id = ChatId(u32::try_from(index).unwrap_or(0) + 1);
            let seed = 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(u64::from(id.0));
            self.chats.push(Chat {
                id,
                name: name.into(),
                their_name: name.into(),
                seed,
                verified,
                bond: if live { Bond::Live } else { Bond::Waiting },
                writable: live,
                linked: index == 0,
                last: None,
                unread,
                order: 100 - u64::from(id.0),
                resembles: None,
                fade: Fade::Never,
                renewing: false,
            });
        }
        let now = self.now;
        let day = 24 * 60 * MINUTE;
        let lines: [(bool, &str, u64); 9] = [
            (
                false,
                pick("세미나 자료 받았어요?", "Did you get the seminar papers?"),
                now - day - 300 * MINUTE,
            ),
            (
                true,
                pick("네, 어젯밤에 중계소에서 받았어요.", "Yes, they came from the relay last night."),
                now - day - 290 * MINUTE,
            ),
            (
                true,
                pick("3장까지 읽었는데 질문이 하나 있어요.", "I read up to chapter 3 and have one question."),
                now - day - 289 * MINUTE,
            ),
            (
                false,
                pick(
                    "내일 얘기해요. 연구동 2층 회의실에서 두 시쯤 어때요? 프린터가 고장 나서 자료는 각자 가져와야 해요.",
                    "Let us talk tomorrow. How about two o'clock in the meeting room on the second floor? The printer is broken, so everyone brings their own copy.",
                ),
                now - day - 280 * MINUTE,
            ),
            (true, pick("좋아요 :)", "Good :)"), now - day - 279 * MINUTE),
            (
                false,
                pick(
                    "지금 네트워크가 끊겼다 붙었다 해요. 메시지가 늦게 갈 수도 있어요.",
                    "The network comes and goes here. Messages may be late.",
                ),
                now - 50 * MINUTE,
            ),
            (
                true,
                pick("괜찮아요. 닿으면 알려 주니까요.", "That is fine, it tells me when they arrive."),
                now - 44 * MINUTE,
            ),
            (false, pick("회의실 예약했어요.", "I booked the room."), now - 12 * MINUTE),
            (true, pick("고마워요! 곧 갈게요.", "Thank you! On my way."), now - 3 * MINUTE),
        ];
        let mut talk: Vec<Message> = Vec::new();
        for (mine, text, label) in lines {
            let key = self.key();
            talk.push(message(key, mine, text, label));
        }
        talk[1].delivery = Delivery::Read;
        talk[2].delivery = Delivery::Read;
        talk[6].delivery = Delivery::Delivered;
        talk[7].late = true;
        talk[8].delivery = Delivery::OnRelay(2);
        talk[8].reply = Some(Quote { key: talk[7].key, mine: false, text: Some(talk[7].text.clone()) });
        let last = [
            (1, talk[8].text.clone(), Some(Delivery::OnRelay(2)), now - 3 * MINUTE),
            (
                2,
                pick("그 장비는 월요일에 점검한대요", "They check that device on Monday").into(),
                None,
                now - 20 * MINUTE,
            ),
            (3, pick("밥 먹었니?", "Have you eaten?").into(), None, now - day),
            (
                5,
                pick("사진은 USB로 드릴게요", "I will bring the pictures on a stick").into(),
                Some(Delivery::Sealed),
                now - 3 * day,
            ),
        ];
        for (id, text, delivery, label) in last {
            if let Some(chat) = self.chats.iter_mut().find(|c| c.id.0 == id) {
                chat.last = Some(Last { text, chose: None, delivery, label_ms: Some(label) });
            }
        }
        self.talks.insert(ChatId(1), talk);
        let before = [
            pick("열쇠는 303호에 맡겨 둘게요", "I leave the key in room 303"),
            pick("내일은 실험실이 닫혀 있어요", "The lab is closed tomorrow"),
        ];
        for id in [2, 3, 5] {
            let chat = &self.chats[id - 1];
            let Some(last) = chat.last.clone() else { continue };
            let (chat, count) = (chat.id, chat.unread.max(1));
            let talk = (0..count)
                .map(|i| {
                    let mut m = message(
                        self.next + 1 + u64::from(i),
                        last.delivery.is_some(),
                        before.get(i as usize).copied().filter(|_| i + 1 < count).unwrap_or(&last.text),
                        last.label_ms.unwrap_or(now) - u64::from(count - 1 - i) * MINUTE,
                    );
                    m.delivery = last.delivery.unwrap_or(Delivery::Delivered);
                    m
                })
                .collect();
            self.next += u64::from(count);
            self.talks.insert(chat, talk);
        }
        self.fading(ko);
        self.roads.links = 1;
        self.roads.relays = vec![
            Relay {
                key: RelayKey(1),
                label: "10.20.0.5:4100".into(),
                connected: true,
                home: true,
                steady: Some(190 * 60),
                waiting: 0,
                takes: Takes::All,
            },
            Relay {
                key: RelayKey(2),
                label: "10.31.7.2:4100".into(),
                connected: false,
                home: true,
                steady: Some(25 * 60),
                waiting: 2,
                takes: Takes::All,
            },
        ];
    }

    /// In the third chat messages disappear.
    fn fading(&mut self, ko: bool) {
        let (chat, now) = (ChatId(3), self.now - 24 * 60 * MINUTE);
        let pick = |k: &'static str, e: &'static str| if ko { k } else { e };
        let said = [
            (
                false,
                pick("약은 매일 아침 여덟 시에 먹는단다.", "I take my medicine at eight every morning."),
                None,
                None,
            ),
            (true, "", Some(Fade::After(604_800)), None),
            (
                true,
                pick("병원 예약은 목요일 세 시예요.", "The doctor sees you on Thursday at three."),
                None,
                Some(604_800),
            ),
            (false, "", Some(Fade::After(86_400)), None),
            (
                false,
                pick(
                    "그래, 고맙다. 이건 하루면 지워져도 되겠지?",
                    "Thank you, dear. A day is enough for this, is it not?",
                ),
                None,
                Some(86_400),
            ),
        ];
        let mut talk = Vec::new();
        for (at, (mine, text, chose, fades)) in (0..).zip(said) {
            let key = self.key();
            let label = now - (40 - at * 7) * MINUTE;
            talk.push(Message { chose, fades, ..message(key, mine, text, label) });
        }
        let last = self.key();
        let line = self.chats[2].last.as_ref().map_or(String::new(), |last| last.text.clone());
        talk.push(Message { fades: Some(86_400), ..message(last, false, &line, now) });
        self.talks.insert(chat, talk);
        self.chats[2].fade = Fade::After(86_400);
    }
}
