//! The bridge over real nodes.

use std::{
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use super::*;
use crate::{
    action::By,
    model::{Compared, Delivery, Fade, Model, PageAt},
};

/// Longest wait for one fact; only a defect reaches it.
const WAIT: Duration = Duration::from_secs(120);

struct Window {
    bridge: Bridge,
    model: Model,
    woken: Receiver<()>,
}

impl Window {
    fn open(home: &std::path::Path) -> Window {
        Window::ending_by(home, || panic!("the process would end"))
    }

    fn ending_by(home: &std::path::Path, end: impl Fn() + Send + 'static) -> Window {
        let (wake, woken) = channel();
        let wake = move || wake.send(()).unwrap_or_default();
        let bridge = Bridge::ending_by(Paths::at(home), wake, end).expect("a worker");
        Window { bridge, model: Model::default(), woken }
    }

    fn until(&mut self, what: &str, fact: impl Fn(&Model) -> bool) {
        let began = Instant::now();
        while !fact(&self.model) {
            assert!(began.elapsed() < WAIT, "{what} did not come: {:?}", self.model.failures);
            let _ = self.woken.recv_timeout(Duration::from_secs(1));
            while let Some(update) = self.bridge.take() {
                self.model.apply(update);
            }
        }
    }
}

#[test]
fn practice_contacts_greet_and_answer_and_leave_no_trace() {
    let home = tempfile::tempdir().expect("a folder");
    let mut window = Window::open(home.path());
    window.until("welcome", |m| m.stage == Stage::Welcome);
    window.bridge.tell(Command::Practice { name: "나".into(), korean: true });
    window.until("practice", |m| m.stage == Stage::Practice);
    window.until("two greetings", |m| {
        m.chats.len() == 2 && m.chats.iter().all(|c| c.is_live() && c.unread == 1)
    });

    let chat = window.model.chats[0].id;
    window.bridge.tell(Command::Read(chat, PageAt::Unread));
    window.until("the greeting", |m| {
        m.timelines.get(&chat).is_some_and(|t| t.messages.len() == 1 && t.first_unread.is_some())
    });
    let drawn = window.model.timelines[&chat].messages[0].place;
    window.bridge.tell(Command::Seen(chat, drawn));
    window.until("nothing unread", |m| m.chat(chat).is_some_and(|c| c.unread == 0));
    let greeting = window.model.timelines[&chat].messages[0].key;
    window.bridge.tell(Command::Send { chat, text: "반가워요".into(), reply_to: Some(greeting) });
    window.until("the own message, the answer to it and its receipt", |m| {
        let talk = &m.timelines[&chat].messages;
        talk.len() == 3
            && talk[1].mine
            && talk[1].reply.is_some()
            && talk[1].delivery >= Delivery::Delivered
            && !talk[2].mine
    });
    let sent = window.model.timelines[&chat].messages[1].key;
    window.bridge.tell(Command::Trail(sent));
    window.until("the trail", |m| m.trail.as_ref().is_some_and(|t| t.key == sent && t.steps.len() >= 3));
    window.bridge.tell(Command::Safety(chat));
    window.until("the safety number", |m| m.safety.as_ref().is_some_and(|s| s.groups.len() == 12));
    window.bridge.tell(Command::Verify(chat, true));
    window.until("the verified sign", |m| m.chat(chat).is_some_and(|c| c.verified));
    window.bridge.tell(Command::Rename(chat, "새 이름".into()));
    window.until("the new name", |m| m.chat(chat).is_some_and(|c| c.name == "새 이름"));

    window.bridge.tell(Command::SetFade(chat, Fade::After(5)));
    window.until("the choice, told in the chat", |m| {
        let told = m.timelines[&chat].messages.last().and_then(|last| last.chose);
        m.chat(chat).is_some_and(|c| c.fade == Fade::After(5)) && told == Some(Fade::After(5))
    });
    window.bridge.tell(Command::Send { chat, text: "곧 사라질 글".into(), reply_to: None });
    let fades = |m: &Model, mine| {
        m.timelines[&chat].messages.iter().any(|message| message.mine == mine && message.fades == Some(5))
    };
    window.until("an answer that is to disappear too", |m| fades(m, false));
    let fading = window.model.timelines[&chat].messages.iter().filter(|m| m.fades == Some(5) && !m.mine);
    let places = fading.map(|m| m.place).collect();
    window.bridge.tell(Command::Shown(chat, places));
    window.until("neither of them", |m| !fades(m, true) && !fades(m, false));
    assert!(window.model.timelines[&chat].messages.len() >= 4, "what was said before stays");
    window.bridge.tell(Command::SetFadeDefault(Fade::After(86_400)));
    window.until("the default", |m| m.me.fade == Fade::After(86_400));
    window.bridge.tell(Command::Lock);
    window.until("nothing left open", |m| m.stage == Stage::Welcome && m.chats.is_empty());
    drop(window);
    assert_eq!(std::fs::read_dir(home.path()).expect("the folder").count(), 0);
}

#[test]
fn nothing_that_is_asked_is_lost_while_the_worker_is_stuck() {
    let home = tempfile::tempdir().expect("a folder");
    let mut window = Window::open(home.path());
    // Each is answered; nobody takes the answers, so the worker stands still and everything after it waits.
    for _ in 0..UPDATES + 1_000 {
        window.bridge.tell(Command::Lock);
    }
    let passphrase = zeroize::Zeroizing::new("등불 강가".to_owned());
    window.bridge.tell(Command::Create { name: "하늘".into(), passphrase });
    window.until("the last that was asked", |m| m.stage == Stage::Open && m.me.name == "하늘");
}

#[test]
fn a_profile_is_made_locked_refused_and_opened_again() {
    let home = tempfile::tempdir().expect("a folder");
    let mut window = Window::open(home.path());
    let secret = |text: &str| zeroize::Zeroizing::new(text.to_owned());
    window.bridge.tell(Command::Create { name: "하늘".into(), passphrase: secret("등불 강가") });
    window.until("an open profile", |m| m.stage == Stage::Open && m.me.name == "하늘");
    window.bridge.tell(Command::RelayAdd("rubbish".into()));
    window.until("a refusal", |m| m.failures.contains_key(&Task::Relay));
    window.bridge.tell(Command::Lock);
    window.until("a lock", |m| m.stage == Stage::Locked && m.me.name.is_empty());
    window.bridge.tell(Command::Unlock { passphrase: secret("wrong") });
    window.until("a refusal", |m| {
        m.failures.get(&Task::Unlock).is_some_and(|f| f.sentence == T::WrongPassphrase)
    });
    window.bridge.tell(Command::Unlock { passphrase: secret("등불 강가") });
    window.until("an open profile", |m| m.stage == Stage::Open && m.me.name == "하늘");
    window.bridge.tell(Command::Keep(Prefs { text_percent: 130, ..Prefs::default() }));
    drop(window);
    let paths = Paths::at(home.path());
    assert_eq!(paths.prefs().map(|p| p.text_percent), Some(130));
}

#[test]
fn a_profile_comes_back_from_its_backup_by_words_and_a_file_is_never_replaced() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("kept");
    let secret = |text: &str| zeroize::Zeroizing::new(text.to_owned());
    let mut window = Window::open(home.path());
    window.bridge.tell(Command::Create { name: "하늘".into(), passphrase: secret("등불 강가") });
    window.until("an open profile", |m| m.stage == Stage::Open && m.me.name == "하늘");
    let account = window.model.me.account.clone();
    let back_up = || Command::BackUp { path: file.clone(), by: By::Words { korean: true } };
    window.bridge.tell(back_up());
    let mut words = None;
    let began = Instant::now();
    while words.is_none() {
        assert!(began.elapsed() < WAIT, "{:?}", window.model.failures);
        let _ = window.woken.recv_timeout(Duration::from_secs(1));
        while let Some(update) = window.bridge.take() {
            if let Update::Words(told) = &update {
                words = Some(told.each().collect::<Vec<_>>().join(" "));
            }
            window.model.apply(update);
        }
    }
    let words = words.expect("words");
    assert!(file.is_file());
    assert!(!format!("{:?}", window.model).contains(&words));
    window.until("the end of it", |m| !m.is_busy(Task::Backup));
    window.bridge.tell(back_up());
    window.until("a refusal", |m| {
        m.failures.get(&Task::Backup).is_some_and(|f| f.sentence == T::FailBackupThere)
    });
    drop(window);

    let other = tempfile::tempdir().expect("a folder");
    let mut window = Window::open(other.path());
    let restore = |words: &str| Command::Restore {
        path: file.clone(),
        secret: secret(words),
        passphrase: secret("새 등불"),
    };
    window.bridge.tell(restore("nonsense"));
    window.until("a refusal", |m| {
        m.failures.get(&Task::Restore).is_some_and(|f| f.sentence == T::FailBackupSecret)
    });
    window.bridge.tell(restore(&words));
    window.until("the same account", |m| m.stage == Stage::Open && m.me.account == account);
}

#[test]
fn a_destroyed_profile_is_opened_by_nobody() {
    let home = tempfile::tempdir().expect("a folder");
    let secret = |text: &str| zeroize::Zeroizing::new(text.to_owned());
    let (end, ended) = channel();
    let mut window = Window::ending_by(home.path(), move || end.send(()).unwrap_or_default());
    window.bridge.tell(Command::Create { name: "하늘".into(), passphrase: secret("등불 강가") });
    window.until("an open profile", |m| m.stage == Stage::Open);
    window.bridge.tell(Command::Wipe);
    ended.recv_timeout(WAIT).expect("the end of the process");
    drop(window);

    let mut window = Window::open(home.path());
    window.bridge.tell(Command::Unlock { passphrase: secret("등불 강가") });
    window.until("a refusal", |m| m.failures.contains_key(&Task::Unlock));
    assert!(!window.model.stage.is_open());
}

#[test]
fn a_decoy_opens_by_its_passphrase_and_shows_nothing_of_the_profile() {
    let home = tempfile::tempdir().expect("a folder");
    let secret = |text: &str| zeroize::Zeroizing::new(text.to_owned());
    let decoy = |passphrase: &str| Command::SetDuress {
        name: "바다".into(),
        passphrase: secret(passphrase),
        destroys: false,
    };
    let mut window = Window::open(home.path());
    window.bridge.tell(Command::Create { name: "하늘".into(), passphrase: secret("등불 강가") });
    window.until("an open profile", |m| m.stage == Stage::Open);
    window.bridge.tell(decoy("등불 강가"));
    window.until("a refusal", |m| m.failures.get(&Task::Duress).is_some_and(|f| f.sentence == T::FailInUse));
    window.bridge.tell(decoy("다른 등불"));
    window.until("a decoy", |m| m.notices.iter().any(|n| n.sentence == T::DuressIsSet));
    window.bridge.tell(Command::Lock);
    window.until("a lock", |m| m.stage == Stage::Locked);
    window.bridge.tell(Command::Unlock { passphrase: secret("다른 등불") });
    window.until("the decoy", |m| m.stage == Stage::Open && m.me.name == "바다");
    window.bridge.tell(Command::Lock);
    window.until("a lock", |m| m.stage == Stage::Locked);
    window.bridge.tell(Command::Unlock { passphrase: secret("등불 강가") });
    window.until("the profile", |m| m.stage == Stage::Open && m.me.name == "하늘");
}

#[test]
fn replaced_keys_and_a_device_that_is_called_back_are_told_as_they_are() {
    let home = tempfile::tempdir().expect("a folder");
    let mut window = Window::open(home.path());
    window.bridge.tell(Command::Practice { name: "나".into(), korean: true });
    window.until("two greetings", |m| m.chats.len() == 2 && m.chats.iter().all(|c| c.is_live()));
    let chat = window.model.chats[0].id;
    window.bridge.tell(Command::Suspect(chat));
    window.until("keys in use", |m| {
        let is_said = m.notices.iter().any(|n| n.sentence == T::NoticeRenewed && !n.trouble);
        is_said && m.chats.iter().all(|c| !c.renewing)
    });
    window.bridge.tell(Command::Compare(chat, "12345".into()));
    window.until("a comparison", |m| m.compared == Some((chat, Compared::NoNumber(5))));
    window.bridge.tell(Command::Compare(chat, "1".repeat(60)));
    window.until("another number", |m| m.compared == Some((chat, Compared::Differs)));

    window.bridge.tell(Command::CallBack);
    window.until("a device called back", |m| m.me.called_back);
    window.bridge.tell(Command::Send { chat, text: "hello?".into(), reply_to: None });
    window.until("a refusal", |m| m.failures.get(&Task::Send).is_some_and(|f| f.sentence == T::CalledBack));
    window.bridge.tell(Command::Invite);
    window.until("no invite", |m| m.failures.get(&Task::Invite).is_some_and(|f| f.sentence == T::CalledBack));
}
