//! What the window knows: a plain copy of the other world, changed only by [`Model::apply`].

mod chat;
mod ending;
mod prefs;
mod roads;
mod timeline;

use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use self::chat::mark_alike;
pub(crate) use self::{
    chat::{Bond, Chat, ChatId, Last},
    ending::Ending,
    prefs::{Notify, Prefs, ThemeChoice},
    roads::{Relay, RelayKey, Roads, Takes},
    timeline::{Delivery, Fade, Message, Page, PageAt, Quote, Timeline},
};
use crate::{
    desktop::{clipboard::Cleared, folder::Folder},
    i18n::T,
};

#[cfg(test)]
pub(crate) use self::timeline::LOADED_MAX;

/// Conversations of which a part is held; the one that was read longest ago makes room.
const TIMELINES_MAX: usize = 8;
/// Lines that pass by and wait to be seen; older ones make room.
const NOTICES_MAX: usize = 8;
/// Warnings that wait until they are dismissed; older ones make room, and never one of those that say the most.
const WARNINGS_MAX: usize = 64;

/// A message, by its number in the whole world; here it is only compared.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct MessageKey(pub(crate) [u8; 32]);

impl MessageKey {
    /// A key for an invented message.
    #[cfg(any(test, feature = "gallery"))]
    pub(crate) fn invented(number: u64) -> MessageKey {
        let mut bytes = [0; 32];
        bytes[24..].copy_from_slice(&number.to_be_bytes());
        MessageKey(bytes)
    }
}

impl std::fmt::Debug for MessageKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MessageKey")
    }
}

/// How far the profile is open.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Stage {
    /// Not known yet.
    #[default]
    Loading,
    /// There is no profile.
    Welcome,
    /// There is one, and it is closed.
    Locked,
    /// It is open.
    Open,
    /// A temporary profile is open.
    Practice,
}

impl Stage {
    /// Whether conversations can be shown.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Stage::Open | Stage::Practice)
    }
}

/// The own side.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Me {
    /// The own name.
    pub(crate) name: String,
    /// The account in letters.
    pub(crate) account: String,
    /// A number from the account, for the avatar: contacts see the same.
    pub(crate) seed: u64,
    /// Addresses that are listened on.
    pub(crate) addresses: Vec<String>,
    /// What is chosen in every new conversation.
    pub(crate) fade: Fade,
    /// This device was called back: nothing can be written.
    pub(crate) called_back: bool,
}

/// One step of a message.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// What happened.
    pub(crate) kind: StepKind,
    /// What this computer's clock said.
    pub(crate) label_ms: Option<u64>,
    /// Where, in a few letters.
    pub(crate) detail: String,
}

/// Kinds of steps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum StepKind {
    /// Kept on this computer.
    Written,
    /// Sealed.
    Sealed,
    /// On a relay.
    OnRelay,
    /// On their device.
    OnDevice,
    /// No relay takes it for now.
    Refused,
    /// Confirmed by their device.
    Delivered,
    /// Read by them.
    Read,
}

/// The trail of one message.
#[derive(Clone, Debug)]
pub(crate) struct Trail {
    /// Which message.
    pub(crate) key: MessageKey,
    /// Oldest first.
    pub(crate) steps: Vec<Step>,
}

/// A safety number: twelve groups of five digits, and the text of its QR picture.
#[derive(Clone, Debug)]
pub(crate) struct Safety {
    /// With whom.
    pub(crate) chat: ChatId,
    /// The groups.
    pub(crate) groups: Vec<String>,
    /// What the picture holds.
    pub(crate) qr: String,
}

/// What a text that was taken says, compared with a safety number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Compared {
    /// The same number.
    Same,
    /// Another number.
    Differs,
    /// No safety number: it has so many digits.
    NoNumber(usize),
}

/// What is looked for in a file or a picture.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wanted {
    /// Somebody's invite.
    Invite,
    /// A relay's descriptor.
    Relay,
    /// The safety number as the contact's window shows it.
    Safety(ChatId),
}

impl Wanted {
    /// How it begins.
    pub(crate) fn head(self) -> &'static str {
        match self {
            Wanted::Invite => "madang:",
            Wanted::Relay => "madang-relay:",
            Wanted::Safety(_) => "madang-safety:",
        }
    }
}

/// What a search in a chat has found so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// Where.
    pub(crate) chat: ChatId,
    /// What was looked for.
    pub(crate) text: String,
    /// Newest first.
    pub(crate) keys: Vec<MessageKey>,
    /// There are more than are told.
    pub(crate) more: bool,
    /// Everything has been looked at, or enough was found.
    pub(crate) done: bool,
}

/// What looking somewhere has brought.
#[derive(Clone, Debug)]
pub(crate) enum Taken {
    /// A folder with what lies in it.
    Folder(Folder),
    /// The text that was wanted.
    Text(Wanted, String),
}

/// A text that was being written when the profile was closed.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// Where.
    pub(crate) chat: ChatId,
    /// As it was left.
    pub(crate) text: String,
    /// To which message.
    pub(crate) reply_to: Option<MessageKey>,
}

/// Recovery words of a backup that was just written. They wipe themselves and stand in no debug text.
#[derive(Clone)]
pub(crate) struct Words(Zeroizing<String>);

impl Words {
    /// Words with one space between them.
    pub(crate) fn new(words: Zeroizing<String>) -> Words {
        Words(words)
    }

    /// The words in their order.
    pub(crate) fn each(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ')
    }
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Words")
    }
}

/// Slow work of which one runs at a time.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Task {
    /// Making a profile.
    Create,
    /// Opening one.
    Unlock,
    /// Making an invite.
    Invite,
    /// Answering one.
    Accept,
    /// Keeping a message.
    Send,
    /// Adding or removing a relay.
    Relay,
    /// Setting the verified sign.
    Verify,
    /// Looking into a file, a picture or a folder.
    Take,
    /// Deleting.
    Erase,
    /// Changing the passphrase.
    Passphrase,
    /// Writing a backup.
    Backup,
    /// Making a profile of a backup.
    Restore,
    /// Making a decoy, or taking it away.
    Duress,
    /// Replacing keys, or calling this device back.
    Keys,
    /// Changing a name.
    Rename,
    /// Choosing when messages disappear.
    Fade,
    /// Anything else.
    Other,
}

/// Why something did not work: a sentence in the reader's language, and the words of the part that failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// What to do.
    pub(crate) sentence: T,
    /// For those who help; never a secret.
    pub(crate) detail: String,
}

/// A line that passes by, or a warning that stays until it is dismissed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Notice {
    /// What it says.
    pub(crate) sentence: T,
    /// What stands in it.
    pub(crate) parts: Vec<String>,
    /// It speaks of trouble: it stays until it is dismissed.
    pub(crate) trouble: bool,
}

impl Notice {
    /// It tells that something of the profile is lost. It comes at each start until it was dismissed.
    pub(crate) fn is_of_loss(&self) -> bool {
        matches!(self.sentence, T::NoticeLogDamaged | T::NoticeRolledBack)
    }

    /// It tells that the keys may still be there: it stands before all others, whatever else is shown.
    pub(crate) fn is_of_failed_wipe(&self) -> bool {
        self.sentence == T::FailWipe
    }
}

/// All that the views may read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    /// How far the profile is open.
    pub(crate) stage: Stage,
    /// Settings.
    pub(crate) prefs: Prefs,
    /// The own side.
    pub(crate) me: Me,
    /// All chats, newest first.
    pub(crate) chats: Vec<Chat>,
    /// The chats have been told, be it that there are none.
    pub(crate) listed: bool,
    /// Loaded parts of conversations, at most [`TIMELINES_MAX`].
    pub(crate) timelines: BTreeMap<ChatId, Timeline>,
    /// Pages that have been taken over.
    pub(crate) pages: u64,
    /// The trail that is shown.
    pub(crate) trail: Option<Trail>,
    /// The invite that is shown.
    pub(crate) invite: Option<String>,
    /// The safety number that is shown.
    pub(crate) safety: Option<Safety>,
    /// What the search in a chat has found.
    pub(crate) found: Option<Found>,
    /// What a code that was taken says.
    pub(crate) compared: Option<(ChatId, Compared)>,
    /// The folder in which a file is chosen.
    pub(crate) folder: Option<Folder>,
    /// Roads and relays.
    pub(crate) roads: Roads,
    /// How often something was looked for. Only the answer to the last time is awaited.
    pub(crate) takes: u64,
    /// Work that is under way.
    pub(crate) busy: BTreeSet<Task>,
    /// What went wrong last, by task.
    pub(crate) failures: BTreeMap<Task, Failure>,
    /// What went wrong since the last frame: it is brought into view.
    pub(crate) failed_now: Option<Task>,
    /// Lines to show for a moment, and warnings to show until they are dismissed; oldest first.
    pub(crate) notices: Vec<Notice>,
}

/// What the bridge tells.
#[derive(Clone, Debug)]
pub(crate) enum Update {
    /// How far the profile is open.
    Stage(Stage),
    /// The profile closes by itself, for this reason.
    Ended(Ending),
    /// The own side.
    Me(Me),
    /// All chats.
    Chats(Vec<Chat>),
    /// Messages that were asked for.
    Page {
        /// Where.
        chat: ChatId,
        /// What.
        page: Page,
    },
    /// A message that is new at the end.
    Arrived(ChatId, Message),
    /// More came at the end of a chat than is told one by one: the window reads on from what it holds.
    Behind(ChatId),
    /// What a search has found so far.
    Found(Found),
    /// Messages that are here no longer.
    Erased(ChatId, Vec<MessageKey>),
    /// A message came further.
    Delivery(ChatId, MessageKey, Delivery),
    /// Steps that were asked for.
    Trail(Trail),
    /// An invite that was asked for.
    Invite(String),
    /// Somebody answered an invite: the one that is shown may be used up.
    InviteUsed,
    /// A safety number that was asked for.
    Safety(Safety),
    /// Words that open the backup that was written; told once.
    Words(Words),
    /// What was being written when the profile was closed.
    Drafts(Vec<Draft>),
    /// The chat that was open then.
    Desk(ChatId),
    /// Somebody wrote: who, and the first line.
    Heard(ChatId, String, String),
    /// What came of looking, with the number under which it was asked for.
    Taken(u64, Result<Taken, Failure>),
    /// What a code that was taken says, compared with the safety number.
    Compared(ChatId, Compared),
    /// What became of the text that was to leave the clipboard.
    Clipboard(Cleared),
    /// A second start asks for the window.
    Raise,
    /// Roads and relays.
    Roads(Roads),
    /// Work began.
    Began(Task),
    /// Work ended well.
    Done(Task),
    /// Work ended badly.
    Failed(Task, Failure),
    /// A line to show.
    Notice(Notice),
}

impl Model {
    /// Takes over what the bridge tells.
    pub(crate) fn apply(&mut self, update: Update) {
        match update {
            Update::Stage(stage) => self.enter(stage),
            Update::Ended(why) => {
                // It is opened again, or there is none any more.
                for task in [Task::Create, Task::Unlock] {
                    self.fail(task, Failure { sentence: why.sentence(), detail: String::new() });
                }
            }
            Update::Me(me) => self.me = me,
            Update::Chats(mut chats) => {
                chats.sort_by(|a, b| b.order.cmp(&a.order).then(a.id.cmp(&b.id)));
                mark_alike(&mut chats);
                self.chats = chats;
                self.listed = true;
            }
            Update::Page { chat, page } => self.turn(chat, page),
            Update::Arrived(chat, message) => {
                if let Some(timeline) = self.timelines.get_mut(&chat) {
                    timeline.arrive(message);
                }
            }
            Update::Behind(chat) => {
                if let Some(timeline) = self.timelines.get_mut(&chat) {
                    timeline.fall_behind();
                }
            }
            Update::Erased(chat, keys) => {
                if let Some(timeline) = self.timelines.get_mut(&chat) {
                    timeline.erase(&keys);
                }
            }
            Update::Delivery(chat, key, delivery) => {
                let loaded = self.timelines.get_mut(&chat).map(|t| t.messages.iter_mut());
                if let Some(message) = loaded.into_iter().flatten().find(|m| m.key == key) {
                    message.delivery = delivery;
                }
            }
            Update::Trail(trail) => self.trail = Some(trail),
            Update::Invite(text) => self.invite = Some(text),
            Update::InviteUsed => self.invite = None,
            Update::Safety(safety) => {
                self.safety = Some(safety);
                self.compared = None;
            }
            Update::Found(found) => self.found = Some(found),
            Update::Compared(chat, said) => self.compared = Some((chat, said)),
            Update::Taken(number, said) => self.took(number, said),
            // These change the views; see the window.
            Update::Drafts(_)
            | Update::Desk(_)
            | Update::Words(_)
            | Update::Heard(..)
            | Update::Clipboard(_)
            | Update::Raise => {}
            Update::Roads(roads) => self.roads = roads,
            Update::Began(task) => {
                self.busy.insert(task);
                self.failures.remove(&task);
            }
            Update::Done(task) => {
                self.busy.remove(&task);
                // Of everything else what failed last may be another thing than what has just been done.
                if task != Task::Other {
                    self.failures.remove(&task);
                }
            }
            Update::Failed(task, failure) => {
                self.busy.remove(&task);
                self.fail(task, failure);
            }
            Update::Notice(notice) => self.notify(notice),
        }
    }

    /// Forgets what failed on a page that is left; what goes on beside the pages stays until it is done.
    pub(crate) fn forget_failures_of_page(&mut self) {
        for task in [Task::Rename, Task::Verify, Task::Erase, Task::Send, Task::Fade, Task::Other] {
            self.failures.remove(&task);
        }
    }

    fn fail(&mut self, task: Task, failure: Failure) {
        self.failures.insert(task, failure);
        self.failed_now = Some(task);
    }

    /// Something is looked for from now on, under the number that is returned. Whatever was looked for before is no
    /// longer awaited.
    pub(crate) fn begin_take(&mut self) -> u64 {
        self.takes += 1;
        self.busy.insert(Task::Take);
        self.failures.remove(&Task::Take);
        self.takes
    }

    /// Nobody waits any more for what is being looked for.
    pub(crate) fn drop_take(&mut self) {
        self.busy.remove(&Task::Take);
    }

    /// Whether somebody waits for the answer of this number.
    pub(crate) fn awaits(&self, number: u64) -> bool {
        number == self.takes && self.is_busy(Task::Take)
    }

    fn took(&mut self, number: u64, said: Result<Taken, Failure>) {
        if !self.awaits(number) {
            return;
        }
        self.drop_take();
        match said {
            Ok(Taken::Folder(folder)) => self.folder = Some(folder),
            // It is put into its field; see the window.
            Ok(Taken::Text(..)) => {}
            Err(failure) => self.fail(Task::Take, failure),
        }
    }

    /// Takes over a page of a conversation.
    fn turn(&mut self, chat: ChatId, page: Page) {
        self.pages += 1;
        let timeline = self.timelines.entry(chat).or_default();
        timeline.merge(page);
        timeline.turned = self.pages;
        if self.timelines.len() > TIMELINES_MAX
            && let Some(oldest) = self.timelines.iter().min_by_key(|(_, t)| t.turned).map(|(chat, _)| *chat)
        {
            self.timelines.remove(&oldest);
        }
    }

    /// Shows a line for a moment, or a warning until it is dismissed. A warning that stands there already is not doubled.
    pub(crate) fn notify(&mut self, notice: Notice) {
        if notice.trouble && self.notices.contains(&notice) {
            return;
        }
        let most = if notice.trouble { WARNINGS_MAX } else { NOTICES_MAX };
        let alike = self.notices.iter().filter(|n| n.trouble == notice.trouble).count();
        let can_go = |n: &Notice| n.trouble == notice.trouble && !n.is_of_loss() && !n.is_of_failed_wipe();
        if alike >= most
            && let Some(oldest) = self.notices.iter().position(can_go)
        {
            self.notices.remove(oldest);
        }
        if notice.is_of_failed_wipe() {
            self.notices.insert(0, notice);
        } else {
            self.notices.push(notice);
        }
    }

    /// Takes a notice away that was dismissed or has passed. Whether with it the person was told all of a loss.
    pub(crate) fn dismiss(&mut self, at: usize) -> bool {
        let gone = self.notices.remove(at);
        gone.is_of_loss() && !self.notices.iter().any(Notice::is_of_loss)
    }

    /// The chat with this number.
    pub(crate) fn chat(&self, id: ChatId) -> Option<&Chat> {
        self.chats.iter().find(|chat| chat.id == id)
    }

    /// Whether this work is under way.
    pub(crate) fn is_busy(&self, task: Task) -> bool {
        self.busy.contains(&task)
    }

    /// Forgets everything of a profile when it closes.
    fn enter(&mut self, stage: Stage) {
        if !stage.is_open() {
            let failures = std::mem::take(&mut self.failures);
            let mut notices = std::mem::take(&mut self.notices);
            notices.retain(Notice::is_of_failed_wipe);
            *self = Model { prefs: self.prefs, takes: self.takes, failures, notices, ..Model::default() };
        }
        self.stage = stage;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;

    fn page(at: PageAt) -> Page {
        Page {
            at,
            messages: Vec::new(),
            more_before: false,
            more_after: false,
            first_unread: None,
            newest: 0,
        }
    }

    #[test]
    fn a_conversation_read_longest_ago_makes_room() {
        let mut model = Model::default();
        for number in (0..20).chain([13]) {
            model.apply(Update::Page { chat: ChatId(number), page: page(PageAt::Newest) });
        }
        model.apply(Update::Page { chat: ChatId(20), page: page(PageAt::Newest) });
        let held: Vec<u32> = model.timelines.keys().map(|chat| chat.0).collect();
        assert_eq!(held, [13, 14, 15, 16, 17, 18, 19, 20]);
    }

    #[test]
    fn a_warning_makes_room_for_nothing_that_passes_by_and_a_failed_wipe_stands_before_all() {
        let notice =
            |sentence, part: usize, trouble| Notice { sentence, parts: vec![part.to_string()], trouble };
        let mut model = Model::default();
        model.notify(notice(T::NoticeLogDamaged, 0, true));
        for part in 0..200 {
            model.notify(notice(T::NoticeMetAgain, part, false));
            model.notify(notice(T::NoticeInviteForged, part, true));
            model.notify(notice(T::NoticeInviteForged, part, true));
        }
        model.notify(notice(T::FailWipe, 0, true));
        let count = |what: T| model.notices.iter().filter(|n| n.sentence == what).count();
        assert_eq!(count(T::NoticeMetAgain), NOTICES_MAX);
        assert_eq!(count(T::NoticeInviteForged), WARNINGS_MAX - 2);
        assert_eq!(
            (model.notices[0].sentence, model.notices[1].sentence),
            (T::FailWipe, T::NoticeLogDamaged)
        );

        model.apply(Update::Stage(Stage::Locked));
        assert_eq!(
            model.notices,
            [notice(T::FailWipe, 0, true)],
            "a lock takes it away no more than anything else"
        );
    }

    #[test]
    fn whoever_takes_a_name_that_looks_like_another_is_marked() {
        let chat = |id, name: &str, verified| Chat {
            id: ChatId(id),
            name: name.into(),
            verified,
            ..Chat::default()
        };
        let mut model = Model::default();
        model.apply(Update::Chats(vec![
            chat(3, "AIice", false),
            chat(1, "Alice", false),
            chat(2, "Bob", false),
            chat(4, "Воb", true),
            chat(5, "서연", false),
        ]));
        let marked: Vec<(u32, Option<&str>)> =
            model.chats.iter().map(|c| (c.id.0, c.resembles.as_deref())).collect();
        assert_eq!(marked, [(1, None), (2, Some("Воb")), (3, Some("Alice")), (4, None), (5, None)]);
    }

    #[test]
    fn only_the_answer_to_what_was_asked_last_is_taken_and_none_after_a_lock() {
        let failure = || Failure { sentence: T::FailFile, detail: String::new() };
        let mut model = Model::default();
        let (first, second) = (model.begin_take(), model.begin_take());
        model.apply(Update::Taken(first, Err(failure())));
        assert!(model.is_busy(Task::Take) && model.failures.is_empty(), "the second is under way");
        model.apply(Update::Taken(second, Ok(Taken::Folder(Folder::default()))));
        assert!(!model.is_busy(Task::Take) && model.folder.is_some());

        let late = model.begin_take();
        model.apply(Update::Stage(Stage::Locked));
        model.apply(Update::Taken(late, Err(failure())));
        assert!(model.failures.is_empty());
        let fresh = model.begin_take();
        assert!(model.awaits(fresh) && !model.awaits(late));
    }

    #[test]
    fn what_is_done_in_the_end_has_not_failed_and_a_page_that_is_left_takes_its_failures_along() {
        let fail = |model: &mut Model, task| {
            model.apply(Update::Failed(task, Failure { sentence: T::FailOther, detail: String::new() }));
        };
        let mut model = Model::default();
        for task in [Task::Rename, Task::Verify, Task::Erase, Task::Send, Task::Fade, Task::Relay, Task::Keys]
        {
            fail(&mut model, task);
            model.apply(Update::Done(task));
            assert!(model.failures.is_empty(), "{task:?}");
        }
        fail(&mut model, Task::Other);
        model.apply(Update::Done(Task::Other));
        assert!(model.failures.contains_key(&Task::Other), "of many things any may have been done");
        fail(&mut model, Task::Rename);
        fail(&mut model, Task::Backup);
        model.forget_failures_of_page();
        assert_eq!(model.failures.keys().copied().collect::<Vec<_>>(), [Task::Backup]);
    }

    #[test]
    fn locking_forgets_the_profile_but_not_the_settings() {
        let mut model = Model { prefs: Prefs { language: Lang::Ko, ..Prefs::default() }, ..Model::default() };
        model.apply(Update::Stage(Stage::Open));
        model.apply(Update::Page { chat: ChatId(1), page: page(PageAt::Newest) });
        model.apply(Update::Me(Me { name: "secret".into(), ..Me::default() }));
        model.apply(Update::Stage(Stage::Locked));
        assert!(!format!("{model:?}").contains("secret"));
        assert!(model.timelines.is_empty());
        assert_eq!(model.prefs.language, Lang::Ko);
    }
}
