//! A stand-in for the node with a small invented world: it lets every screen be driven and looked at without disk, wires or keys.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    action::{By, Command},
    app::{App, World},
    desktop::{
        clipboard::Cleared,
        folder::{Entry, Folder},
    },
    i18n::{Lang, T},
    model::{
        Bond, Chat, ChatId, Delivery, Draft, Fade, Failure, Found, Last, Me, Message, MessageKey, Notice,
        Page, PageAt, Quote, Relay, RelayKey, Roads, Safety, Stage, Step, StepKind, Task, Trail, Update,
        Wanted, Words,
    },
    route::Route,
};

/// A quarter past two in the afternoon of the day before today; labels then stay the same all day.
const MINUTE: u64 = 60_000;
/// Messages in one page.
const PAGE: usize = 60;
/// An invite as long as real ones.
const INVITE: &str = "madang:aeaq4mzrgu3dsobqgezdgnbvgy3tqojqmfrggzdfmztwq2lknnwg23tpobyxe43uov3ho6dzpiydcmrtgq2tmnzyhfqwey3eonwxi2lonzsw45dsmfqwc3tfon2gk3tdpbsw4zlon5xgk3tfnvswy4dpmvzxiylsmfwgs5dzmfrwk3lfnvuw23tbnruwc3lpojswa4tfon2gs3thmvzxi2lonrqw2ylsmnzxg5dpojxw4zltoruw4ztpnvxg";

/// Recovery words; they open nothing.
const WORDS_EN: &str = "lamp river walnut orbit paper stone garden winter apple cloud bridge mirror";
const WORDS_KO: &str = "등불 강변 호두 궤도 종이 바위 정원 겨울 사과 구름 다리 거울";

/// The invented node.
pub(crate) struct Fake {
    updates: VecDeque<Update>,
    chats: Vec<Chat>,
    talks: BTreeMap<ChatId, Vec<Message>>,
    roads: Roads,
    next: u64,
    now: u64,
    passphrase: String,
    korean: bool,
    drafts: Vec<Draft>,
    desk: Option<ChatId>,
    /// What is chosen in every new conversation.
    fade: Fade,
    /// Notices that the desktop was asked for.
    pub(crate) noticed: Vec<(String, String)>,
    /// Every command, by its kind.
    pub(crate) told: Vec<String>,
    /// Up to which place a chat was read, each time that it was told.
    pub(crate) seen: Vec<(ChatId, u64)>,
    /// What was shown of what is to disappear, each time that it was told.
    pub(crate) shown: Vec<(ChatId, Vec<u64>)>,
}

impl Fake {
    /// A world at `stage`, with people in it or empty.
    pub(crate) fn new(stage: Stage, lang: Lang, peopled: bool) -> Fake {
        let mut fake = Fake {
            updates: VecDeque::new(),
            chats: Vec::new(),
            talks: BTreeMap::new(),
            roads: Roads::default(),
            next: 1,
            now: crate::clock::now_ms(),
            passphrase: "correct horse".into(),
            korean: lang == Lang::Ko,
            drafts: Vec::new(),
            desk: None,
            fade: Fade::Never,
            noticed: Vec::new(),
            told: Vec::new(),
            seen: Vec::new(),
            shown: Vec::new(),
        };
        if peopled {
            fake.people(lang);
        }
        fake.updates.push_back(Update::Stage(stage));
        if stage.is_open() {
            fake.opened();
        }
        fake
    }

    /// Puts a long conversation into the first chat.
    #[cfg(test)]
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
    #[cfg(test)]
    pub(crate) fn places(&self, chat: ChatId) -> u64 {
        self.talks.get(&chat).and_then(|talk| talk.first()).map_or(0, |m| m.place)
    }

    /// Gives a contact another name.
    #[cfg(test)]
    pub(crate) fn rename(&mut self, chat: ChatId, name: &str) {
        self.contact(chat, |c| c.name = name.to_owned());
    }

    /// Lets everybody who is waited for answer.
    #[cfg(test)]
    pub(crate) fn answer(&mut self) {
        for chat in &mut self.chats {
            (chat.bond, chat.writable) = (Bond::Live, true);
        }
        self.updates.push_back(Update::Chats(self.chats.clone()));
    }

    /// Lets a contact write.
    #[cfg(test)]
    pub(crate) fn hear(&mut self, chat: ChatId, text: &str) {
        let last = self.talks.get(&chat).and_then(|talk| talk.last()).map_or(0, |m| m.place);
        let place = self.key().max(last + 1);
        self.hear_at(chat, text, place, None);
    }

    /// Lets a contact's message come that belongs at a place and may be one that disappears.
    #[cfg(test)]
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

    /// Lets the answer of a new contact come.
    #[cfg(test)]
    pub(crate) fn answered(&mut self, chat: ChatId) {
        self.contact(chat, |c| {
            c.bond = Bond::Live;
            c.writable = true;
        });
    }

    fn key(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn opened(&mut self) {
        let account = "k3f7q2mznb5xw4ghy6rt";
        let me = Me {
            name: if self.korean { "김하늘" } else { "Haneul Kim" }.into(),
            account: account.into(),
            addresses: vec!["/ip4/10.0.0.21/tcp/40117".into(), "/ip4/10.0.0.21/udp/40117/quic-v1".into()],
            fade: self.fade,
        };
        self.updates.extend([
            Update::Me(me),
            Update::Chats(self.chats.clone()),
            Update::Roads(self.roads.clone()),
            Update::Drafts(self.drafts.clone()),
        ]);
        self.updates.extend(self.desk.map(Update::Desk));
    }

    fn people(&mut self, lang: Lang) {
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
        talk[8].reply = Some(Quote { key: talk[7].key, mine: false, text: talk[7].text.clone() });
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
        for id in [2, 3, 5] {
            let chat = &self.chats[id - 1];
            let Some(last) = chat.last.clone() else { continue };
            let (chat, count) = (chat.id, chat.unread.max(1));
            let talk = (0..count)
                .map(|i| {
                    let mut m = message(
                        self.next + 1 + u64::from(i),
                        last.delivery.is_some(),
                        &last.text,
                        last.label_ms.unwrap_or(now) - u64::from(count - i) * MINUTE,
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
                since_ms: Some(now - 190 * MINUTE),
            },
            Relay {
                key: RelayKey(2),
                label: "10.31.7.2:4100".into(),
                connected: false,
                home: true,
                since_ms: Some(now - 25 * MINUTE),
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

    fn page(&mut self, chat: ChatId, at: PageAt) {
        let talk = self.talks.get(&chat).map_or(&[][..], Vec::as_slice);
        let unread = self.chats.iter().find(|c| c.id == chat).map_or(0, |c| c.unread as usize);
        let unread = talk.len().checked_sub(unread).filter(|at| *at < talk.len());
        let around = |middle: usize| (middle.saturating_sub(PAGE / 2), middle.saturating_add(PAGE / 2));
        let (from, to) = match at {
            PageAt::Before(place) => {
                let end = talk.partition_point(|m| m.place < place);
                (end.saturating_sub(PAGE), end)
            }
            PageAt::After(place) => {
                let begin = talk.partition_point(|m| m.place <= place);
                (begin, begin + PAGE)
            }
            PageAt::Around(place) => around(talk.partition_point(|m| m.place < place)),
            PageAt::Message(key) => around(talk.iter().position(|m| m.key == key).unwrap_or(talk.len())),
            PageAt::Unread if unread.is_some_and(|at| at + PAGE < talk.len()) => around(unread.unwrap_or(0)),
            PageAt::Newest | PageAt::Unread => (talk.len().saturating_sub(PAGE), talk.len()),
        };
        let (from, to) = (from.min(talk.len()), to.min(talk.len()));
        let page = Page {
            at,
            messages: talk[from..to].to_vec(),
            more_before: from > 0,
            more_after: to < talk.len(),
            first_unread: unread.filter(|at| (from..to).contains(at)).map(|at| talk[at].key),
            newest: talk.last().map_or(0, |m| m.place),
        };
        self.updates.push_back(Update::Page { chat, page });
    }

    fn contact(&mut self, chat: ChatId, change: impl FnOnce(&mut Chat)) {
        if let Some(chat) = self.chats.iter_mut().find(|c| c.id == chat) {
            change(chat);
        }
        self.updates.push_back(Update::Chats(self.chats.clone()));
    }

    fn fail(&mut self, task: Task, sentence: T) {
        self.updates.push_back(Update::Failed(task, Failure { sentence, detail: "checksum".into() }));
    }
}

fn message(key: u64, mine: bool, text: &str, label: u64) -> Message {
    Message {
        key: MessageKey::invented(key),
        place: key,
        mine,
        text: crate::text::body(text),
        reply: None,
        label_ms: Some(label),
        late: false,
        gap: false,
        chose: None,
        fades: None,
        shown: false,
        delivery: Delivery::Delivered,
    }
}

impl World for Fake {
    fn tell(&mut self, command: Command) {
        self.told.push(format!("{command:?}"));
        match command {
            Command::Create { passphrase, .. } => {
                self.passphrase = passphrase.to_string();
                self.updates.push_back(Update::Stage(Stage::Open));
                self.opened();
            }
            Command::Unlock { passphrase } if *passphrase == self.passphrase => {
                self.updates.push_back(Update::Stage(Stage::Open));
                self.opened();
            }
            Command::Unlock { .. } => self.fail(Task::Unlock, T::WrongPassphrase),
            Command::Practice { korean, .. } => {
                self.people(if korean { Lang::Ko } else { Lang::En });
                self.updates.push_back(Update::Stage(Stage::Practice));
                self.opened();
            }
            Command::Restore { secret, .. } if *secret != self.passphrase => {
                self.fail(Task::Restore, T::FailBackupSecret)
            }
            Command::Restore { passphrase, .. } => {
                self.passphrase = passphrase.to_string();
                self.updates.extend([Update::Done(Task::Restore), Update::Stage(Stage::Open)]);
                self.opened();
            }
            Command::BackUp { by, .. } => {
                let words = match by {
                    By::Words { korean: true } => Some(WORDS_KO),
                    By::Words { korean: false } => Some(WORDS_EN),
                    By::Passphrase(_) => None,
                };
                self.updates.extend(words.map(|words| Update::Words(Words::new(words.to_owned().into()))));
                self.updates.push_back(Update::Done(Task::Backup));
            }
            Command::SetDuress { .. } | Command::RemoveDuress => {
                self.updates.push_back(Update::Done(Task::Duress))
            }
            Command::Wipe => {}
            Command::Lock => self.updates.push_back(Update::Stage(Stage::Locked)),
            Command::Read(chat, at) => self.page(chat, at),
            Command::Send { chat, text, reply_to } => {
                let key = self.key();
                let mut sent = message(key, true, &text, self.now);
                sent.delivery = Delivery::Written;
                let quoted =
                    reply_to.and_then(|to| self.talks.get(&chat)?.iter().find(|m| m.key == to).cloned());
                sent.reply =
                    quoted.map(|m| Quote { key: m.key, mine: m.mine, text: crate::text::line(&m.text, 120) });
                self.talks.entry(chat).or_default().push(sent.clone());
                self.updates.extend([
                    Update::Done(Task::Send),
                    Update::Arrived(chat, sent),
                    Update::Delivery(chat, MessageKey::invented(key), Delivery::Delivered),
                ]);
                let label_ms = Some(self.now);
                self.contact(chat, |c| {
                    c.last = Some(Last { text, chose: None, delivery: Some(Delivery::Delivered), label_ms });
                    c.order = 1000 + key;
                });
            }
            Command::Seen(chat, place) => {
                let talk = self.talks.get(&chat).map_or(&[][..], Vec::as_slice);
                let after = talk.iter().filter(|m| !m.mine && m.place > place).count();
                self.seen.push((chat, place));
                self.contact(chat, |c| c.unread = c.unread.min(u32::try_from(after).unwrap_or(u32::MAX)));
            }
            Command::Shown(chat, places) => self.shown.push((chat, places)),
            Command::Trail(key) => {
                let step = |kind, minutes, detail: &str| Step {
                    kind,
                    label_ms: Some(self.now - minutes * MINUTE),
                    detail: detail.into(),
                };
                let steps = vec![
                    step(StepKind::Written, 4, ""),
                    step(StepKind::Sealed, 4, ""),
                    step(StepKind::OnRelay, 3, "10.20.0.5:4100"),
                    step(StepKind::OnRelay, 2, "10.31.7.2:4100"),
                ];
                self.updates.push_back(Update::Trail(Trail { key, steps }));
            }
            Command::Invite => self.updates.push_back(Update::Invite(INVITE.into())),
            Command::Accept { text, .. } if text.len() < 40 => self.fail(Task::Accept, T::FailInvite),
            Command::Accept { name, .. } => {
                let id = ChatId(u32::try_from(self.chats.len()).unwrap_or(0) + 1);
                self.chats.push(Chat {
                    id,
                    name,
                    their_name: String::new(),
                    seed: 7,
                    verified: false,
                    bond: Bond::Waiting,
                    writable: false,
                    linked: false,
                    last: None,
                    unread: 0,
                    order: 500,
                    resembles: None,
                    fade: Fade::Never,
                });
                self.updates.extend([Update::Done(Task::Accept), Update::Chats(self.chats.clone())]);
            }
            Command::Rename(chat, name) => {
                self.contact(chat, |c| c.name = name);
                self.updates.push_back(Update::Done(Task::Rename));
                self.updates.push_back(Update::Notice(Notice {
                    sentence: T::NameSaved,
                    parts: Vec::new(),
                    trouble: false,
                }));
            }
            Command::Safety(chat) => {
                let groups: Vec<String> =
                    (0_u32..12).map(|i| format!("{:05}", (i * 7919 + 10_271) % 100_000)).collect();
                let qr = groups.concat();
                self.updates.push_back(Update::Safety(Safety { chat, groups, qr }));
            }
            Command::Verify(chat, verified) => self.contact(chat, |c| c.verified = verified),
            Command::RelayAdd(text) if text.starts_with("madang-relay:") || text.starts_with("/ip") => {
                let key = RelayKey(u32::try_from(self.roads.relays.len()).unwrap_or(0) + 1);
                self.roads.relays.push(Relay {
                    key,
                    label: text,
                    connected: false,
                    home: true,
                    since_ms: None,
                });
                self.updates.extend([Update::Done(Task::Relay), Update::Roads(self.roads.clone())]);
            }
            Command::RelayAdd(_) => self.fail(Task::Relay, T::FailRelay),
            Command::RelayRemove(key) => {
                self.roads.relays.retain(|r| r.key != key);
                self.updates.push_back(Update::Roads(self.roads.clone()));
            }
            Command::SetFade(chat, fade) => {
                let key = self.key();
                let told = Message { chose: Some(fade), ..message(key, true, "", self.now) };
                self.talks.entry(chat).or_default().push(told.clone());
                self.updates.push_back(Update::Arrived(chat, told));
                let label_ms = Some(self.now);
                self.contact(chat, |c| {
                    let delivery = Some(Delivery::Written);
                    c.last = Some(Last { text: String::new(), chose: Some(fade), delivery, label_ms });
                    c.fade = fade;
                });
            }
            Command::SetFadeDefault(fade) => {
                self.fade = fade;
                self.opened();
            }
            Command::DeleteMessage(key) => {
                for (chat, talk) in &mut self.talks {
                    if talk.iter().any(|m| m.key == key) {
                        talk.retain(|m| m.key != key);
                        self.updates.push_back(Update::Erased(*chat, vec![key]));
                    }
                }
                self.updates.push_back(Update::Done(Task::Erase));
            }
            Command::ClearChat(chat) => {
                self.talks.remove(&chat);
                self.page(chat, PageAt::Newest);
                self.contact(chat, |c| c.last = None);
            }
            Command::RemoveContact(chat) => {
                self.chats.retain(|c| c.id != chat);
                self.updates.push_back(Update::Chats(self.chats.clone()));
            }
            Command::ChangePassphrase { passphrase } => {
                self.passphrase = passphrase.to_string();
                self.updates.push_back(Update::Done(Task::Passphrase));
            }
            Command::Find(chat, text) => {
                let talk = self.talks.get(&chat).map_or(&[][..], Vec::as_slice);
                let keys = talk
                    .iter()
                    .rev()
                    .filter(|m| crate::text::contains(&m.text, &text))
                    .map(|m| m.key)
                    .collect();
                self.updates.push_back(Update::Found(Found { chat, text, keys, more: false, done: true }));
            }
            Command::RenameMe(_) => {
                self.opened();
                self.updates.push_back(Update::Done(Task::Rename));
            }
            Command::Compare(chat, text) => {
                let same = text == "madang-safety:same";
                self.updates.push_back(Update::Compared(chat, same));
            }
            Command::KeepDraft { chat, text, reply_to } => {
                self.drafts.retain(|draft| draft.chat != chat);
                if !text.trim().is_empty() {
                    self.drafts.push(Draft { chat, text, reply_to });
                }
            }
            Command::KeepDesk(chat) => self.desk = Some(chat),
            Command::Look(_) => {
                let entry = |file, name: &str| Entry { file, name: name.into() };
                let entries = vec![
                    entry(false, "2026"),
                    entry(false, "QR"),
                    entry(true, "invite.png"),
                    entry(true, "invite.txt"),
                ];
                let path = std::path::PathBuf::from("/home/haneul");
                self.updates.push_back(Update::Folder(Folder { path, entries, more: false }));
            }
            Command::ReadFile(path, wanted) => match path.to_string_lossy().ends_with(".png") {
                true => self.updates.extend([Update::Taken(wanted, INVITE.into()), Update::Done(Task::Take)]),
                false => self.fail(Task::Take, T::FailFileNothing),
            },
            Command::ReadPicture(_, wanted) => {
                let text = if matches!(wanted, Wanted::Safety(_)) { "madang-safety:same" } else { INVITE };
                self.updates.extend([Update::Taken(wanted, text.into()), Update::Done(Task::Take)]);
            }
            Command::Notify { title, body } => self.noticed.push((title, body)),
            Command::HideNotices => {}
            Command::ClearClipboard(_) => self.updates.push_back(Update::Clipboard(Cleared::Gone)),
            Command::Network => self.updates.push_back(Update::Roads(self.roads.clone())),
            Command::Keep(_) => {}
        }
    }

    fn take(&mut self) -> Option<Update> {
        self.updates.pop_front()
    }
}

/// Opens a real window on a screen of the invented world: `gallery SCREEN ko|en light|dark WIDTH HEIGHT`.
///
/// # Errors
/// When no window can be opened.
#[cfg(feature = "gallery")]
pub fn show(args: &[String]) -> Result<(), eframe::Error> {
    let arg = |at: usize| args.get(at).map_or("", String::as_str);
    let size = [arg(3).parse().unwrap_or(1366.0), arg(4).parse().unwrap_or(768.0)];
    let (screen, language, theme) = (arg(0).to_owned(), arg(1).to_owned(), arg(2).to_owned());
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_inner_size(size)
            .with_position([0.0, 0.0])
            .with_title("gallery"),
        ..Default::default()
    };
    eframe::run_native(
        "madang-gallery",
        options,
        Box::new(move |creation| {
            crate::theme::install(&creation.egui_ctx);
            let mut app = on(&screen, &language, &theme);
            app.dress(&creation.egui_ctx);
            Ok(Box::new(app))
        }),
    )
}

/// Prepares a context for [`still`].
#[cfg(feature = "gallery")]
pub fn dress(ctx: &egui::Context) {
    crate::theme::install(ctx);
}

/// Draws a screen of the invented world in `ko` or `en`, `light` or `dark`, always at the same time of the same day.
#[cfg(feature = "gallery")]
pub fn still(screen: &str, language: &str, theme: &str) -> impl FnMut(&mut egui::Ui) + 'static {
    // 14:05 on the 22nd of November 2026.
    crate::clock::STOPPED_AT_MS.store(1_795_356_300_000, std::sync::atomic::Ordering::Relaxed);
    let mut app = on(screen, language, theme);
    move |ui| app.frame(ui)
}

#[cfg(feature = "gallery")]
fn on(screen: &str, language: &str, theme: &str) -> App<Fake> {
    use crate::{
        clock::Zone,
        model::{Prefs, ThemeChoice},
    };

    let lang = if language == "ko" { Lang::Ko } else { Lang::En };
    let theme = if theme == "dark" { ThemeChoice::Dark } else { ThemeChoice::Light };
    let (stage, peopled) = match screen {
        "welcome" | "restore" => (Stage::Welcome, false),
        "unlock" => (Stage::Locked, false),
        "empty" => (Stage::Open, false),
        _ => (Stage::Open, true),
    };
    let prefs = Prefs { language: lang, theme, ..Prefs::default() };
    let mut app = App::new(Fake::new(stage, lang, peopled), prefs, Zone::default(), None);
    go(&mut app, screen);
    app
}

/// Leads a fresh app to a screen.
pub(crate) fn go(app: &mut App<Fake>, screen: &str) {
    let first = ChatId(1);
    let route = match screen {
        "chat" | "trail" | "find" | "palette" | "keys" => Route::Chats(Some(first)),
        "unread" => Route::Chats(Some(ChatId(2))),
        "fading" => Route::Chats(Some(ChatId(3))),
        "waiting" => Route::Chats(Some(ChatId(4))),
        "people" => Route::People,
        "add" | "chooser" => Route::Add,
        "contact" | "sure" => Route::Contact(first),
        "verify" => Route::Verify(first),
        "network" => Route::Network,
        "settings" | "wipe" | "words" => Route::Settings,
        "licences" => Route::Licences,
        _ => Route::Chats(None),
    };
    app.start_at(route, screen);
}
