//! A stand-in for the node with a small invented world: it lets every screen be driven and looked at without disk, wires or keys.

mod answers;
pub(crate) mod floods;
mod people;
pub(crate) mod states;
#[cfg(test)]
mod stories;
#[cfg(feature = "gallery")]
mod window;

use std::collections::{BTreeMap, VecDeque};

#[cfg(feature = "gallery")]
pub use window::show;

use crate::{
    app::App,
    clock::Zone,
    i18n::{Lang, T},
    model::{
        Chat, ChatId, Delivery, Draft, Fade, Failure, Me, Message, MessageKey, Page, PageAt, Prefs, Roads,
        Stage, StepKind, Task, ThemeChoice, Update,
    },
    route::Route,
};

/// A minute, in milliseconds.
const MINUTE: u64 = 60_000;
/// Messages in one page.
const PAGE: usize = 60;

/// Every screen that [`go`] leads to.
pub(crate) const SCREENS: [&str; 26] = [
    "welcome", "restore", "unlock", "empty", "practice", "list", "chat", "unread", "fading", "waiting",
    "trail", "find", "people", "add", "take", "chooser", "contact", "sure", "verify", "network", "settings",
    "wipe", "words", "licences", "palette", "keys",
];

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
    called_back: bool,
    /// How far every message has come, where a state wants it.
    steps: Option<&'static [StepKind]>,
    /// What was looked for and is not answered yet, and whether each answer waits for a word.
    taken: VecDeque<Update>,
    takes_long: bool,
    /// With what sending fails, and answers to sending that wait for a word, where a story wants it.
    refuses: Option<T>,
    send_answers: Option<VecDeque<Update>>,
    /// What [`crate::app::World::now`] says.
    #[cfg(test)]
    pub(crate) clock: f64,
    /// When a frame was drawn last, by the clock of frames.
    #[cfg(test)]
    drawn: f64,
    /// Notices that the desktop was asked for.
    pub(crate) noticed: Vec<(String, String)>,
    /// The texts of messages as they were handed over.
    pub(crate) sent: Vec<String>,
    /// Every command, by its kind.
    pub(crate) told: Vec<String>,
    /// What opens the backups that were written.
    pub(crate) backups: Vec<String>,
    /// No backup can be written.
    pub(crate) no_room: bool,
    /// What lies on the clipboard.
    pub(crate) clipboard: String,
    /// Settings as they were to be kept, each time.
    pub(crate) kept: Vec<Prefs>,
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
            called_back: false,
            steps: None,
            taken: VecDeque::new(),
            takes_long: false,
            refuses: None,
            send_answers: None,
            #[cfg(test)]
            clock: 0.0,
            #[cfg(test)]
            drawn: 0.0,
            noticed: Vec::new(),
            sent: Vec::new(),
            told: Vec::new(),
            backups: Vec::new(),
            no_room: false,
            clipboard: String::new(),
            kept: Vec::new(),
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

    fn key(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn opened(&mut self) {
        let account = "5e2a447d 35b17ffc 90b7f31c 2ad85e64 7c01b9e3 f4628d5a 18ce70b3 d95f24a6";
        let me = Me {
            name: if self.korean { "김하늘" } else { "Haneul Kim" }.into(),
            account: account.into(),
            seed: 0x5e2a_447d_35b1_7ffc,
            addresses: vec!["/ip4/10.0.0.21/tcp/40117".into(), "/ip4/10.0.0.21/udp/40117/quic-v1".into()],
            fade: self.fade,
            called_back: self.called_back,
        };
        self.updates.extend([
            Update::Me(me),
            Update::Chats(self.chats.clone()),
            Update::Roads(self.roads.clone()),
            Update::Drafts(self.drafts.clone()),
        ]);
        self.updates.extend(self.desk.map(Update::Desk));
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
        text: if text.is_empty() { String::new() } else { crate::text::body(text) },
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

/// From now on it is 14:05 on the 22nd of November 2026.
#[cfg(test)]
pub(crate) fn stop_the_clock() {
    crate::clock::STOPPED_AT_MS.store(1_795_356_300_000, std::sync::atomic::Ordering::Relaxed);
}

/// An app that shows a screen of the invented world, or that from which a state is reached.
pub(crate) fn on(screen: &str, language: Lang, theme: ThemeChoice) -> App<Fake> {
    let screen = states::screen_of(screen);
    let (stage, peopled) = match screen {
        "welcome" | "restore" => (Stage::Welcome, false),
        "unlock" => (Stage::Locked, false),
        "empty" => (Stage::Open, false),
        "practice" => (Stage::Practice, true),
        _ => (Stage::Open, true),
    };
    let prefs = Prefs { language, theme, ..Prefs::default() };
    let mut app = App::new(Fake::new(stage, language, peopled), prefs, Zone::default(), None);
    go(&mut app, screen);
    app
}

/// Leads a fresh app to a screen.
pub(crate) fn go(app: &mut App<Fake>, screen: &str) {
    let first = ChatId(1);
    let route = match screen {
        "chat" | "practice" | "trail" | "find" | "palette" | "keys" => Route::Chats(Some(first)),
        "unread" => Route::Chats(Some(ChatId(2))),
        "fading" => Route::Chats(Some(ChatId(3))),
        "waiting" => Route::Chats(Some(ChatId(4))),
        "people" => Route::People,
        "add" | "take" | "chooser" => Route::Add,
        "contact" | "sure" => Route::Contact(first),
        "verify" => Route::Verify(first),
        "network" => Route::Network,
        "settings" | "wipe" | "words" => Route::Settings,
        "licences" => Route::Licences,
        _ => Route::Chats(None),
    };
    app.start_at(route, screen);
}
