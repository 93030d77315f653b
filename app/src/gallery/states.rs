//! States of the screens to which a person comes by pressing, writing, waiting or failing.

use super::{Fake, floods, message};
use crate::{
    action::{Choice, Sure},
    app::App,
    i18n::{Lang, T},
    model::{
        Bond, ChatId, Compared, Delivery, Failure, MessageKey, Notice, Stage, StepKind, Takes, Task, Update,
    },
};

/// Every state. `busy` and `failing` may stand before each screen and each state: everything that can be under way
/// there is, or has failed with the longest sentence that can stand there.
pub(crate) const STATES: [&str; 59] = [
    "loading",
    "wanting",
    "strength",
    "taking",
    "typed",
    "duress",
    "place",
    "settings end",
    "failed bond",
    "called back",
    "marked",
    "menu",
    "menu above",
    "notice",
    "trouble",
    "long draft",
    "too long",
    "found",
    "found none",
    "chats none",
    "palette found",
    "palette none",
    "refused",
    "delivered",
    "long names",
    "long contact",
    "long verify",
    "hostile",
    "details",
    "renewing",
    "same",
    "differs",
    "no number",
    "they differ",
    "sure message",
    "sure history",
    "sure keys",
    "sure device",
    "sure decoy",
    "no relays",
    "no relay to invite by",
    "full relays",
    "busy welcome",
    "busy restore",
    "busy unlock",
    "busy add",
    "busy taking",
    "busy network",
    "busy settings",
    "busy verify",
    "failing welcome",
    "failing restore",
    "failing unlock",
    "failing add",
    "failing taking",
    "failing network",
    "failing settings",
    "failing chooser",
    "failing verify",
];

/// States that show what no shipped font has, or what the system says in its own words.
#[cfg(test)]
pub(crate) const FOREIGN: [&str; 2] = ["hostile", "details"];

const FIRST: ChatId = ChatId(1);

/// What a person does with what is called by this.
pub(crate) enum Touch {
    /// Press it; where several are called so, the lowest.
    Press(String),
    /// Go into the field to write there.
    Enter(String),
    /// Write into what has the focus.
    Type(String),
    /// Turn the wheel over the middle of the window by so many points.
    Turn(f32),
}

/// The screen from which a state is reached.
pub(crate) fn screen_of(name: &str) -> &str {
    match bare(name) {
        "loading" => "unlock",
        "wanting" | "strength" => "welcome",
        "taking" | "no relay to invite by" => "add",
        "typed" => "take",
        "duress" | "place" | "settings end" => "settings",
        "marked" => "unread",
        "failed bond" | "called back" | "menu" | "menu above" | "notice" | "trouble" | "long draft"
        | "too long" | "long names" | "hostile" | "sure message" => "chat",
        "found" | "found none" => "find",
        "chats none" => "list",
        "palette found" | "palette none" => "palette",
        "refused" | "delivered" => "trail",
        "long contact" | "renewing" | "sure history" | "sure keys" => "contact",
        "long verify" | "same" | "differs" | "no number" | "they differ" => "verify",
        "details" => "unlock",
        "sure device" | "sure decoy" => "settings",
        "no relays" | "full relays" => "network",
        other => other,
    }
}

/// The state without what is under way or has failed there.
fn bare(name: &str) -> &str {
    name.strip_prefix("busy ").or(name.strip_prefix("failing ")).unwrap_or(name)
}

/// Lets the world and the window be as a state wants, some frames after its screen was opened.
pub(crate) fn set(app: &mut App<Fake>, name: &str, lang: Lang) {
    match bare(name) {
        "loading" => app.model.stage = Stage::Loading,
        "place" => app.choose(Choice::Place),
        "failed bond" => app.world.contact(FIRST, |chat| chat.bond = Bond::Failed),
        "called back" => app.model.me.called_back = true,
        "marked" => {
            let name = app.model.chats[0].name.clone();
            app.world.contact(ChatId(2), |chat| chat.name = name);
        }
        "notice" | "trouble" => app.model.notify(Notice {
            sentence: T::NoticeInviteTaken,
            parts: vec![pick(lang, "서연", "Seoyeon").to_owned()],
            trouble: name == "trouble",
        }),
        "long draft" | "too long" => draft(app, name, lang),
        "refused" | "delivered" => trail(app, name),
        "long names" | "long contact" | "long verify" => {
            let long = pick(lang, "뷁쀓쉝꿻 ", "Wolfeschlegelsteinhausen ").repeat(8);
            for chat in 1..=5 {
                app.world.contact(ChatId(chat), |chat| chat.name = crate::text::name(&long));
            }
        }
        "hostile" => hostile(app),
        "details" => fail(app, &[Task::Unlock], lang),
        "they differ" => app.world.contact(FIRST, |chat| chat.verified = false),
        "renewing" => app.world.contact(FIRST, |chat| chat.renewing = true),
        "same" => app.model.compared = Some((FIRST, Compared::Same)),
        "differs" => app.model.compared = Some((FIRST, Compared::Differs)),
        "no number" => app.model.compared = Some((FIRST, Compared::NoNumber(30))),
        "sure message" => app.views.sure = Some(Sure::Message(FIRST, MessageKey::invented(10))),
        "sure history" => app.views.sure = Some(Sure::History(FIRST)),
        "sure keys" => app.views.sure = Some(Sure::Keys(FIRST)),
        "sure device" => app.views.sure = Some(Sure::Device),
        "sure decoy" => app.views.sure = Some(Sure::Decoy),
        "no relays" | "no relay to invite by" => app.model.roads.relays.clear(),
        "full relays" => {
            let says = [Takes::MakingRoom, Takes::Nothing];
            for (relay, takes) in app.model.roads.relays.iter_mut().zip(says) {
                (relay.takes, relay.waiting, relay.connected) = (takes, 14, true);
            }
        }
        _ => {}
    }
}

/// What a person does then.
pub(crate) fn touches(name: &str, lang: Lang) -> Vec<Touch> {
    let press = |word: T| vec![Touch::Press(lang.tr(word).to_owned())];
    let write =
        |word: T, text: &str| vec![Touch::Enter(lang.tr(word).to_owned()), Touch::Type(text.to_owned())];
    match bare(name) {
        "wanting" => press(T::CreateProfile),
        "strength" => [write(T::Passphrase, "등불 walnut 강가 39"), write(T::PassphraseAgain, "등불")]
            .into_iter()
            .flatten()
            .collect(),
        "taking" => press(T::TakeInvite),
        "typed" => write(T::PasteInvite, pick(lang, "안녕하세요?", "Hello, are you there?")),
        "duress" => press(T::DuressSet),
        "settings end" => vec![Touch::Turn(-20_000.0)],
        "menu" => press(T::MessageActions),
        "menu above" => {
            [vec![Touch::Turn(2_000.0)], press(T::MessageActions)].into_iter().flatten().collect()
        }
        "found" => write(T::SearchHere, pick(lang, "요", "the")),
        "found none" => write(T::SearchHere, "123"),
        "chats none" => write(T::SearchChats, "123"),
        "palette found" => write(T::PaletteTitle, pick(lang, "기", "in")),
        "palette none" => write(T::PaletteTitle, "123"),
        "details" => press(T::Details),
        "they differ" => press(T::TheyDiffer),
        _ => Vec::new(),
    }
}

/// What comes after all that: work that is under way, or has failed.
pub(crate) fn settle(app: &mut App<Fake>, name: &str, lang: Lang) {
    let tasks = TROUBLES.map(|(task, _)| task);
    if name.starts_with("busy ") {
        app.model.busy.extend(tasks);
    } else if name.starts_with("failing ") {
        fail(app, &tasks, lang);
    }
}

/// What can be under way, and the sentences with which it can fail.
const TROUBLES: [(Task, &[T]); 17] = [
    (Task::Create, &[T::FailCreate, T::FailMemory, T::FailNetwork, T::NotOnThisComputer]),
    (
        Task::Unlock,
        &[T::WrongPassphrase, T::FailEndedDamaged, T::FailDamaged, T::FailNewer, T::FailProfileBusy],
    ),
    (Task::Invite, &[T::FailRelayFirst, T::CalledBack]),
    (Task::Accept, &[T::FailInvite, T::FailOwnInvite, T::FailAlready, T::FailTheirDevice]),
    (Task::Send, &[T::FailSend, T::FailTooLong, T::FailNotYet]),
    (Task::Relay, &[T::FailRelay]),
    (Task::Verify, &[T::FailNotYet]),
    (Task::Take, &[T::FailFile, T::FailFileLarge, T::FailFileKind, T::FailFileNothing, T::FailPaste]),
    (Task::Erase, &[T::FailErase]),
    (Task::Passphrase, &[T::FailPassphrase, T::FailInUse, T::FailMemory]),
    (Task::Backup, &[T::FailBackup, T::FailBackupThere]),
    (Task::Restore, &[T::FailRestore, T::FailBackupSecret, T::FailWords, T::FailBackupNone]),
    (Task::Duress, &[T::FailDuress, T::FailInUse]),
    (Task::Keys, &[T::FailKeys, T::FailCallBack]),
    (Task::Rename, &[T::FailOther]),
    (Task::Fade, &[T::FailOther]),
    (Task::Other, &[T::FailOther, T::FailNotYet]),
];

fn fail(app: &mut App<Fake>, tasks: &[Task], lang: Lang) {
    for (task, sentences) in TROUBLES.iter().filter(|(task, _)| tasks.contains(task)) {
        let longest = sentences.iter().max_by_key(|sentence| lang.tr(**sentence).len());
        let failure = Failure {
            sentence: longest.copied().unwrap_or(T::FailOther),
            detail: "the file cannot be written: No space left on device (os error 28)".to_owned(),
        };
        app.model.failures.insert(*task, failure);
    }
}

fn draft(app: &mut App<Fake>, name: &str, lang: Lang) {
    let line = pick(lang, "내일 가져갈 것: 열쇠와 자료.\n", "To bring tomorrow: the key and the papers.\n");
    let composer = &mut app.views.conversations.entry(FIRST).or_default().composer;
    composer.draft = line.repeat(if name == "too long" { 600 } else { 12 });
    composer.reply_to = Some(MessageKey::invented(9));
}

fn trail(app: &mut App<Fake>, name: &str) {
    let (delivery, steps): (_, &[StepKind]) = match name {
        "refused" => (Delivery::Sealed, &[StepKind::Written, StepKind::Sealed, StepKind::Refused]),
        _ => (
            Delivery::Read,
            &[
                StepKind::Written,
                StepKind::Sealed,
                StepKind::OnRelay,
                StepKind::OnDevice,
                StepKind::Delivered,
                StepKind::Read,
            ],
        ),
    };
    app.world.steps = Some(steps);
    app.world.updates.push_back(Update::Delivery(FIRST, MessageKey::invented(10), delivery));
    app.world.contact(FIRST, |chat| {
        if let Some(last) = &mut chat.last {
            last.delivery = Some(delivery);
        }
    });
}

fn hostile(app: &mut App<Fake>) {
    let now = app.world.now;
    for (at, (_, text)) in floods::floods().into_iter().enumerate() {
        let key = app.world.key() + 1_000;
        let text = if at % 2 == 0 { text } else { text[..text.floor_char_boundary(900)].to_owned() };
        app.world.updates.push_back(Update::Arrived(FIRST, message(key, at % 3 == 0, &text, now)));
    }
    let names: Vec<String> = floods::floods().into_iter().map(|(_, text)| crate::text::name(&text)).collect();
    for (chat, name) in (1..=5).zip(names.into_iter().filter(|name| !name.is_empty())) {
        app.world.contact(ChatId(chat), |chat| chat.name = name);
    }
}

fn pick(lang: Lang, korean: &'static str, english: &'static str) -> &'static str {
    if lang == Lang::Ko { korean } else { english }
}
