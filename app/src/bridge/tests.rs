//! The bridge over real nodes.

use std::{
    os::unix::ffi::OsStringExt,
    sync::{
        Mutex,
        mpsc::{Receiver, channel},
    },
    time::{Duration, Instant},
};

use super::*;
use crate::{
    action::Source,
    desktop::{clipboard::tests::Laid, picture},
    model::{Compared, Delivery, Fade, Model, PageAt, Taken, Wanted},
};

/// Longest wait for one fact; only a defect reaches it.
const WAIT: Duration = Duration::from_secs(120);

struct Window {
    bridge: Bridge,
    model: Model,
    woken: Receiver<()>,
    /// What lies on the clipboard.
    laid: Arc<Mutex<Laid>>,
}

impl Window {
    fn open(home: &std::path::Path) -> Window {
        Window::ending_by(home, || panic!("the process would end"))
    }

    fn ending_by(home: &std::path::Path, end: impl Fn() + Send + 'static) -> Window {
        let (wake, woken) = channel();
        let wake = move || wake.send(()).unwrap_or_default();
        let laid = Arc::new(Mutex::new(Laid::default()));
        let lies = laid.clone();
        let clipboard: Opener = Arc::new(move || Some(Box::new(lies.lock().expect("unbroken").clone())));
        let outside = Outside { end: Box::new(end), clipboard };
        let bridge = Bridge::within(outside, Paths::at(home), wake).expect("a worker");
        Window { bridge, model: Model::default(), woken, laid }
    }

    fn until(&mut self, what: &str, fact: impl Fn(&Model) -> bool) {
        self.gather(what, fact);
    }

    /// The same, and returns all that was told until then.
    fn gather(&mut self, what: &str, fact: impl Fn(&Model) -> bool) -> Vec<Update> {
        let began = Instant::now();
        let mut told = Vec::new();
        while !fact(&self.model) {
            assert!(began.elapsed() < WAIT, "{what} did not come: {:?}", self.model.failures);
            let _ = self.woken.recv_timeout(Duration::from_secs(1));
            while let Some(update) = self.bridge.take() {
                told.push(update.clone());
                self.model.apply(update);
            }
        }
        told
    }

    /// Waits for words, and returns them.
    fn words(&mut self) -> String {
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < WAIT, "{:?}", self.model.failures);
            let _ = self.woken.recv_timeout(Duration::from_secs(1));
            while let Some(update) = self.bridge.take() {
                if let Update::Words(told) = &update {
                    return told.each().collect::<Vec<_>>().join(" ");
                }
                self.model.apply(update);
            }
        }
    }

    /// Looks on the clipboard, and returns what was found.
    fn paste(&mut self, wanted: Wanted) -> Option<String> {
        let number = self.model.begin_take();
        self.bridge.tell(Command::Take(number, Source::Clipboard(wanted)));
        let told = self.gather("the answer", |m| !m.is_busy(Task::Take));
        told.into_iter().find_map(|update| match update {
            Update::Taken(of, Ok(Taken::Text(what, text))) if (of, what) == (number, wanted) => Some(text),
            _ => None,
        })
    }
}

#[test]
fn a_screenshot_of_a_real_invite_on_the_clipboard_is_read_and_what_does_not_fit_is_refused() {
    let home = tempfile::tempdir().expect("a folder");
    let mut window = Window::open(home.path());
    let passphrase = zeroize::Zeroizing::new("등불 강가".to_owned());
    window.bridge.tell(Command::Create { name: "하늘".into(), passphrase });
    window.until("an open profile", |m| m.stage == Stage::Open);
    window.bridge.tell(Command::Invite);
    window.until("an invite", |m| m.invite.is_some());
    let invite = window.model.invite.clone().expect("there");

    let shot = picture::tests::screenshot(&invite.to_uppercase(), 4, 200);
    *window.laid.lock().expect("unbroken") = Laid { grey: Some(shot), ..Laid::default() };
    let read = window.paste(Wanted::Invite).expect("an invite");
    assert!(read.eq_ignore_ascii_case(&invite), "{read}");
    assert_eq!(window.paste(Wanted::Relay), None, "it is no relay");
    assert_eq!(window.model.failures[&Task::Take].sentence, T::FailPaste);

    *window.laid.lock().expect("unbroken") = Laid { text: Some("just words".into()), ..Laid::default() };
    assert_eq!(window.paste(Wanted::Invite), None);
    assert_eq!(window.model.failures[&Task::Take].sentence, T::FailPaste);
}

#[test]
fn what_is_read_again_and_is_as_it_was_wakes_nobody() {
    let home = tempfile::tempdir().expect("a folder");
    let mut window = Window::open(home.path());
    let passphrase = zeroize::Zeroizing::new("등불 강가".to_owned());
    window.bridge.tell(Command::Create { name: "하늘".into(), passphrase });
    let mut told = window.gather("an open profile", |m| m.stage == Stage::Open && m.me.name == "하늘");
    for _ in 0..40 {
        window.bridge.tell(Command::Network);
    }
    window.bridge.tell(Command::RelayAdd("rubbish".into()));
    told.extend(window.gather("a refusal", |m| m.failures.contains_key(&Task::Relay)));
    let me: Vec<_> =
        told.iter().filter_map(|u| if let Update::Me(me) = u { Some(me) } else { None }).collect();
    let roads: Vec<_> =
        told.iter().filter_map(|u| if let Update::Roads(roads) = u { Some(roads) } else { None }).collect();
    assert!(!me.is_empty() && me.windows(2).all(|two| two[0] != two[1]), "{me:?}");
    assert!(!roads.is_empty() && roads.windows(2).all(|two| two[0] != two[1]), "{roads:?}");
    window.bridge.tell(Command::RenameMe("바다".into()));
    window.until("what did change", |m| m.me.name == "바다");
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
    let (paths, keep) = (Paths::at(home.path()), |percent| {
        Command::Keep(Prefs { text_percent: percent, window: [900.0, 700.0], ..Prefs::default() })
    });
    window.bridge.tell(keep(130));
    window.bridge.tell(Command::Unlock { passphrase: secret("등불 강가") });
    window.until("an open profile", |m| m.stage == Stage::Open && m.me.name == "하늘");
    let kept = paths.prefs().map(|p| (p.text_percent, p.window));
    assert_eq!(kept, Some((130, [900.0, 700.0])), "whoever is killed now has kept them");
    window.bridge.tell(keep(150));
    drop(window);
    assert_eq!(paths.prefs().map(|p| p.text_percent), Some(150));
    assert!(!home.path().join("window.new").exists());
}

#[test]
fn a_profile_that_is_wiped_from_elsewhere_closes_and_the_reason_comes_before_the_lock() {
    let home = tempfile::tempdir().expect("a folder");
    let mut window = Window::open(home.path());
    let passphrase = zeroize::Zeroizing::new("등불 강가".to_owned());
    window.bridge.tell(Command::Create { name: "하늘".into(), passphrase });
    window.until("an open profile", |m| m.stage == Stage::Open && m.me.name == "하늘");
    assert!(madang_core::wipe(&Paths::at(home.path()).profile).is_ok());
    let told = window.gather("the end", |m| !m.stage.is_open());
    let at = |what: fn(&Update) -> bool| told.iter().position(what);
    let reason = at(|update| matches!(update, Update::Ended(Ending::Wiped)));
    assert!(reason.is_some() && reason < at(|update| matches!(update, Update::Stage(_))), "{told:?}");
    assert_eq!(window.model.failures[&Task::Unlock].sentence, T::FailEndedWiped);
}

#[test]
fn a_window_that_hears_of_an_open_profile_has_been_told_what_is_in_it() {
    let home = tempfile::tempdir().expect("a folder");
    let mut window = Window::open(home.path());
    let passphrase = || zeroize::Zeroizing::new("등불 강가".to_owned());
    let create = Command::Create { name: "하늘".into(), passphrase: passphrase() };
    for begin in [create, Command::Unlock { passphrase: passphrase() }] {
        window.bridge.tell(begin);
        let told = window.gather("an open profile", |m| m.stage == Stage::Open);
        let at = |what: fn(&Update) -> bool| told.iter().position(what);
        let opened = at(|update| matches!(update, Update::Stage(Stage::Open)));
        let before: [fn(&Update) -> bool; 3] = [
            |update| matches!(update, Update::Chats(_)),
            |update| matches!(update, Update::Me(_)),
            |update| matches!(update, Update::Roads(_)),
        ];
        assert!(before.into_iter().all(|what| at(what).is_some_and(|at| Some(at) < opened)), "{told:?}");
        window.bridge.tell(Command::Lock);
        window.until("a lock", |m| m.stage == Stage::Locked);
    }
}

#[test]
fn settings_that_cannot_be_kept_are_told_once_until_they_can_be_again() {
    let home = tempfile::tempdir().expect("a folder");
    let mut window = Window::open(home.path());
    let keep = |percent| Command::Keep(Prefs { text_percent: percent, ..Prefs::default() });
    // Nothing is written through this, whoever one is.
    let way = home.path().join("window.new");
    std::fs::create_dir(&way).expect("a folder in the way");
    for percent in [85, 115, 130] {
        window.bridge.tell(keep(percent));
    }
    let passphrase = zeroize::Zeroizing::new("등불 강가".to_owned());
    window.bridge.tell(Command::Create { name: "하늘".into(), passphrase });
    window.until("what was asked after them", |m| m.stage == Stage::Open);
    let said = |m: &Model| m.notices.iter().filter(|n| n.sentence == T::PrefsNotSaved).count();
    assert_eq!(said(&window.model), 1);
    std::fs::remove_dir(&way).expect("removed");
    window.bridge.tell(keep(130));
    window.bridge.tell(Command::RelayAdd("rubbish".into()));
    window.until("what was asked after it", |m| m.failures.contains_key(&Task::Relay));
    assert_eq!(Paths::at(home.path()).prefs().map(|p| p.text_percent), Some(130));
    // The first was dismissed; while it stands it is not doubled.
    window.model.notices.clear();
    std::fs::create_dir(&way).expect("a folder in the way");
    window.bridge.tell(keep(150));
    window.until("the second word", |m| said(m) == 1);
}

#[test]
fn a_profile_comes_back_from_its_backup_by_words_and_a_file_is_never_replaced() {
    let home = tempfile::tempdir().expect("a folder");
    // A name that is no text, in a folder whose name is none.
    let name = |bytes: &[u8]| std::ffi::OsString::from_vec(bytes.to_vec());
    let folder = home.path().join(name(b"\xC0stick"));
    std::fs::create_dir(&folder).expect("room");
    let file = folder.join(name(b"kept \xFF"));
    let secret = |text: &str| zeroize::Zeroizing::new(text.to_owned());
    let mut window = Window::open(home.path());
    window.bridge.tell(Command::Create { name: "하늘".into(), passphrase: secret("등불 강가") });
    window.until("an open profile", |m| m.stage == Stage::Open && m.me.name == "하늘");
    let account = window.model.me.account.clone();
    let draw = || Command::DrawWords { path: file.clone(), korean: true };
    window.bridge.tell(draw());
    let words = window.words();
    assert!(!file.exists() && std::fs::read_dir(&folder).expect("there").count() == 0, "words come first");
    assert!(!format!("{:?}", window.model).contains(&words));
    let back_up = || Command::BackUp { path: file.clone(), secret: secret(&words) };
    window.bridge.tell(back_up());
    window.until("a file", |m| !m.is_busy(Task::Backup) && file.is_file());
    for again in [draw(), back_up()] {
        window.bridge.tell(again);
        window.until("a refusal", |m| {
            m.failures.get(&Task::Backup).is_some_and(|f| f.sentence == T::FailBackupThere)
        });
        window.model.failures.clear();
    }
    drop(window);

    let other = tempfile::tempdir().expect("a folder");
    let mut window = Window::open(other.path());
    let restore = |words: &str| Command::Restore {
        path: file.clone(),
        secret: secret(words),
        passphrase: secret("새 등불"),
    };
    assert_eq!(std::fs::read_dir(&folder).expect("there").count(), 1, "and nothing beside it");
    window.bridge.tell(restore("nonsense"));
    window.until("a refusal", |m| {
        m.failures.get(&Task::Restore).is_some_and(|f| f.sentence == T::FailBackupSecret)
    });
    window.bridge.tell(restore(&words));
    window.until("the same account", |m| m.stage == Stage::Open && m.me.account == account);
}

#[test]
fn a_worker_that_died_leaves_no_window_that_waits() {
    let home = tempfile::tempdir().expect("a folder");
    let mut window = Window::open(home.path());
    window.until("the first screen", |m| m.stage == Stage::Welcome);
    let word = LastWord(window.bridge.tell.clone());
    let dies = std::thread::spawn(move || {
        let _word = word;
        panic!("a defect, for a test");
    });
    assert!(dies.join().is_err());
    window.until("a lock", |m| m.stage == Stage::Locked);
    drop(LastWord(window.bridge.tell.clone()));
    window.bridge.tell(Command::Lock);
    window.until("the first screen: whoever ends well says nothing", |m| m.stage == Stage::Welcome);
}

#[test]
fn a_panic_in_the_practice_leaves_nothing_of_it() {
    let (home, practice) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("another"));
    let (end, ended) = channel();
    let left = practice.keep();
    let lies = left.clone();
    let mut window = Window::ending_by(home.path(), move || end.send(lies.exists()).unwrap_or_default());
    std::fs::create_dir(left.join("me")).expect("made");
    window.bridge.traces.practise_in(Some(left));
    window.bridge.tell(Command::Wipe);
    assert!(!ended.recv_timeout(WAIT).expect("the end of the process"), "it is gone before the process is");
}

#[test]
fn a_lock_and_a_wipe_do_not_wait_for_a_backup_and_nothing_of_it_stays() {
    let (home, stick) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("another"));
    let secret = |text: &str| zeroize::Zeroizing::new(text.to_owned());
    let (end, ended) = channel();
    let backups = Arc::new(Mutex::new(None::<Traces>));
    let seen = backups.clone();
    let mut window = Window::ending_by(home.path(), move || {
        let given_up = seen.lock().expect("unbroken").as_ref().is_some_and(|left| left.backups.is_asked());
        end.send(given_up).unwrap_or_default();
    });
    *backups.lock().expect("unbroken") = Some(window.bridge.traces.clone());
    window.bridge.tell(Command::Create { name: "하늘".into(), passphrase: secret("등불 강가") });
    window.until("an open profile", |m| m.stage == Stage::Open);
    let file = stick.path().join("backup");
    let back_up = || Command::BackUp { path: file.clone(), secret: secret("다른 등불") };
    let lies = || std::fs::read_dir(stick.path()).expect("there").count();
    // The key is derived first, so that the lock is asked for before the first chunk.
    window.bridge.tell(back_up());
    window.bridge.tell(Command::Lock);
    window.until("a lock", |m| m.stage == Stage::Locked);
    assert_eq!(lies(), 0);
    window.bridge.tell(Command::Unlock { passphrase: secret("등불 강가") });
    window.until("an open profile", |m| m.stage == Stage::Open);
    window.bridge.tell(back_up());
    window.until("a backup", |m| !m.is_busy(Task::Backup) && file.is_file());
    assert_eq!(lies(), 1);
    std::fs::remove_file(&file).expect("removed");
    window.bridge.tell(back_up());
    window.bridge.tell(Command::Wipe);
    assert!(ended.recv_timeout(WAIT).expect("the end of the process"), "the backup goes before the process");
    window.until("a closed profile", |m| !m.stage.is_open());
    assert_eq!(lies(), 0);
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

    assert!(home.path().join("profile").join("key").is_dir(), "what a process that was killed leaves");
    let mut window = Window::open(home.path());
    window.until("the first screen", |m| m.stage == Stage::Welcome);
    window.bridge.tell(Command::Unlock { passphrase: secret("등불 강가") });
    window.until("a refusal", |m| m.failures.contains_key(&Task::Unlock));
    assert!(!window.model.stage.is_open());
    window.bridge.tell(Command::Create { name: "바다".into(), passphrase: secret("새 등불") });
    window.until("another in its place", |m| m.stage == Stage::Open && m.me.name == "바다");
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
