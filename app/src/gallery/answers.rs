//! What the invented node answers to each command.

use std::path::PathBuf;

use super::{Fake, MINUTE, message};
use crate::{
    action::{Command, Source},
    app::World,
    desktop::{
        clipboard::Cleared,
        folder::{Entry, Folder},
    },
    i18n::{Lang, T},
    model::{
        Bond, Chat, ChatId, Compared, Delivery, Draft, Fade, Failure, Found, Last, Message, MessageKey,
        Notice, PageAt, Quote, Relay, RelayKey, Safety, Stage, Step, StepKind, Taken, Takes, Task, Trail,
        Update, Wanted, Words,
    },
};

/// An invite as long as real ones.
const INVITE: &str = "madang:aeaq4mzrgu3dsobqgezdgnbvgy3tqojqmfrggzdfmztwq2lknnwg23tpobyxe43uov3ho6dzpiydcmrtgq2tmnzyhfqwey3eonwxi2lonzsw45dsmfqwc3tfon2gk3tdpbsw4zlon5xgk3tfnvswy4dpmvzxiylsmfwgs5dzmfrwk3lfnvuw23tbnruwc3lpojswa4tfon2gs3thmvzxi2lonrqw2ylsmnzxg5dpojxw4zltoruw4ztpnvxg";

/// Recovery words; they open nothing.
const WORDS_EN: &str = "lamp river walnut orbit paper stone garden winter apple cloud bridge mirror";
const WORDS_KO: &str = "등불 강변 호두 궤도 종이 바위 정원 겨울 사과 구름 다리 거울";

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
            Command::DrawWords { korean, .. } => {
                let words = if korean { WORDS_KO } else { WORDS_EN };
                self.updates.push_back(Update::Words(Words::new(words.to_owned().into())));
            }
            Command::BackUp { .. } if self.no_room => self.fail(Task::Backup, T::FailBackup),
            Command::BackUp { secret, .. } => {
                self.backups.push(secret.to_string());
                self.updates.push_back(Update::Done(Task::Backup));
            }
            Command::SetDuress { .. } | Command::RemoveDuress => {
                self.updates.push_back(Update::Done(Task::Duress))
            }
            Command::Wipe => {}
            Command::Lock => self.updates.push_back(Update::Stage(Stage::Locked)),
            Command::Read(chat, at) => self.page(chat, at),
            Command::Send { chat, text, reply_to } => self.send(chat, text, reply_to),
            Command::Seen(chat, place) => {
                let talk = self.talks.get(&chat).map_or(&[][..], Vec::as_slice);
                let after = talk.iter().filter(|m| !m.mine && m.place > place).count();
                self.seen.push((chat, place));
                self.contact(chat, |c| c.unread = c.unread.min(u32::try_from(after).unwrap_or(u32::MAX)));
            }
            Command::Shown(chat, places) => self.shown.push((chat, places)),
            Command::Trail(key) => self.trail(key),
            Command::Invite => self.updates.push_back(Update::Invite(INVITE.into())),
            Command::Accept { text, .. } if text.len() < 40 => self.fail(Task::Accept, T::FailInvite),
            Command::Accept { name, .. } => self.accept(name),
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
            Command::Suspect(chat) => {
                self.contact(chat, |c| c.renewing = true);
                self.updates.push_back(Update::Done(Task::Keys));
            }
            Command::CallBack => {
                self.called_back = true;
                self.opened();
                self.updates.push_back(Update::Done(Task::Keys));
            }
            Command::RelayAdd(text) if text.starts_with("madang-relay:") || text.starts_with("/ip") => {
                let key = RelayKey(u32::try_from(self.roads.relays.len()).unwrap_or(0) + 1);
                self.roads.relays.push(Relay {
                    key,
                    label: text,
                    connected: false,
                    home: true,
                    steady: None,
                    waiting: 0,
                    takes: Takes::All,
                });
                self.updates.extend([Update::Done(Task::Relay), Update::Roads(self.roads.clone())]);
            }
            Command::RelayAdd(_) => self.fail(Task::Relay, T::FailRelay),
            Command::RelayRemove(key) => {
                self.roads.relays.retain(|r| r.key != key);
                self.updates.push_back(Update::Roads(self.roads.clone()));
            }
            Command::SetFade(chat, fade) => self.set_fade(chat, fade),
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
                let said = match text.as_str() {
                    "madang-safety:same" => Compared::Same,
                    "madang-safety:other" => Compared::Differs,
                    _ => Compared::NoNumber(text.bytes().filter(u8::is_ascii_digit).count()),
                };
                self.updates.push_back(Update::Compared(chat, said));
            }
            Command::KeepDraft { chat, text, reply_to } => {
                self.drafts.retain(|draft| draft.chat != chat);
                if !text.trim().is_empty() {
                    self.drafts.push(Draft { chat, text, reply_to });
                }
            }
            Command::KeepDesk(chat) => self.desk = Some(chat),
            Command::Take(number, source) => {
                let said = self.look_in(&source);
                let said = said.map_err(|sentence| Failure { sentence, detail: String::new() });
                self.taken.push_back(Update::Taken(number, said));
                if !self.takes_long {
                    self.updates.append(&mut self.taken);
                }
            }
            Command::Notify { title, body } => self.noticed.push((title, body)),
            Command::HideNotices | Command::LossTold => {}
            Command::ClearClipboard(_) => self.updates.push_back(Update::Clipboard(Cleared::Gone)),
            Command::Network => self.updates.push_back(Update::Roads(self.roads.clone())),
            Command::Watch(_) => {}
            Command::Keep(prefs) => self.kept.push(prefs),
        }
    }

    fn take(&mut self) -> Option<Update> {
        self.updates.pop_front()
    }

    #[cfg(test)]
    fn now(&self) -> f64 {
        self.clock
    }
}

impl Fake {
    fn send(&mut self, chat: ChatId, text: String, reply_to: Option<MessageKey>) {
        self.sent.push(text.clone());
        if let (Some(sentence), Some(answers)) = (self.refuses, &mut self.send_answers) {
            answers.push_back(Update::Failed(Task::Send, Failure { sentence, detail: String::new() }));
            return;
        }
        let key = self.key();
        let mut sent = message(key, true, &text, self.now);
        sent.delivery = Delivery::Written;
        let quoted = reply_to.and_then(|to| self.talks.get(&chat)?.iter().find(|m| m.key == to).cloned());
        sent.reply =
            quoted.map(|m| Quote { key: m.key, mine: m.mine, text: Some(crate::text::line(&m.text, 120)) });
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

    fn trail(&mut self, key: MessageKey) {
        let step = |kind, minutes, detail: &str| Step {
            kind,
            label_ms: Some(self.now - minutes * MINUTE),
            detail: detail.into(),
        };
        let steps = match self.steps {
            Some(kinds) => kinds.iter().map(|kind| step(*kind, 1, "")).collect(),
            None => vec![
                step(StepKind::Written, 4, ""),
                step(StepKind::Sealed, 4, ""),
                step(StepKind::OnRelay, 3, "10.20.0.5:4100"),
                step(StepKind::OnRelay, 2, "10.31.7.2:4100"),
            ],
        };
        self.updates.push_back(Update::Trail(Trail { key, steps }));
    }

    fn accept(&mut self, name: String) {
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
            renewing: false,
        });
        self.updates.extend([Update::Done(Task::Accept), Update::Chats(self.chats.clone())]);
    }

    fn set_fade(&mut self, chat: ChatId, fade: Fade) {
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

    fn look_in(&self, source: &Source) -> Result<Taken, T> {
        match source {
            Source::Folder(_) => Ok(Taken::Folder(folder())),
            Source::File(path, wanted) if path.to_string_lossy().ends_with(".png") => {
                Ok(Taken::Text(*wanted, INVITE.into()))
            }
            Source::File(..) => Err(T::FailFileNothing),
            Source::Picture(_, wanted @ Wanted::Safety(_)) => {
                Ok(Taken::Text(*wanted, "madang-safety:same".into()))
            }
            Source::Picture(_, wanted) => Ok(Taken::Text(*wanted, INVITE.into())),
            Source::Clipboard(wanted) if self.clipboard.starts_with(wanted.head()) => {
                Ok(Taken::Text(*wanted, self.clipboard.clone()))
            }
            Source::Clipboard(_) => Err(T::FailPaste),
        }
    }
}

fn folder() -> Folder {
    let entry = |file, name: &str| Entry { file, name: name.into() };
    let entries =
        vec![entry(false, "2026"), entry(false, "QR"), entry(true, "invite.png"), entry(true, "invite.txt")];
    Folder { path: PathBuf::from("/home/haneul"), entries, more: false }
}
