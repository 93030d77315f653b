//! What a person wants: views return an [`Action`], the app turns some of them into a [`Command`] for the bridge.

use std::{path::PathBuf, sync::Arc};

use zeroize::Zeroizing;

use crate::{
    model::{ChatId, Fade, MessageKey, PageAt, Prefs, RelayKey, Wanted},
    route::Route,
};

/// A wish that a view hands up.
#[derive(Debug)]
pub(crate) enum Action {
    /// Go to another page.
    Go(Route),
    /// Let the node do something.
    Do(Command),
    /// Put text on the clipboard.
    Copy(String),
    /// Put an invite on the clipboard, for a minute.
    CopyInvite(String),
    /// Show where a message is.
    Trail(ChatId, MessageKey),
    /// Ask once more before something is destroyed.
    Ask(Sure),
    /// Choose a file or a folder.
    Choose(Choice),
    /// This backup was chosen, to come back from.
    ChosenBackup(PathBuf),
    /// This folder was chosen, for a new backup.
    ChosenPlace(PathBuf),
    /// Look for something. What was looked for before and has not come is wanted no longer.
    Take(Source),
    /// Look for what is wanted on this page on the clipboard.
    Paste,
    /// Show or hide the list of keys.
    Keys,
    /// Open or close the palette.
    Palette,
    /// Open or close the search in a chat.
    FindInChat,
    /// Lock the profile.
    Lock,
}

impl Action {
    /// Nobody pressed anything for it. It can wait for a frame in which nothing else is wished.
    pub(crate) fn can_wait(&self) -> bool {
        matches!(self, Action::Do(Command::Seen(..) | Command::Shown(..)))
    }
}

/// What is chosen in the list of a folder.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Choice {
    /// A file in which something is looked for.
    Find(Wanted),
    /// A backup to come back from.
    Backup,
    /// The folder for a new backup.
    Place,
}

/// Where something is looked for.
#[derive(Debug)]
pub(crate) enum Source {
    /// A folder, for what lies in it; nothing: the own one.
    Folder(Option<PathBuf>),
    /// A file.
    File(PathBuf, Wanted),
    /// A picture that was pasted.
    Picture(Arc<egui::ColorImage>, Wanted),
    /// The clipboard.
    Clipboard(Wanted),
}

impl Source {
    /// What is looked for, where it is put into a field.
    pub(crate) fn wanted(&self) -> Option<Wanted> {
        match self {
            Source::Folder(_) => None,
            Source::File(_, wanted) | Source::Picture(_, wanted) | Source::Clipboard(wanted) => Some(*wanted),
        }
    }
}

/// What is about to be destroyed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sure {
    /// One message, here.
    Message(ChatId, MessageKey),
    /// The history of a chat, here.
    History(ChatId),
    /// A contact with everything.
    Contact(ChatId),
    /// The whole profile.
    Profile,
    /// The decoy, with its passphrase.
    Decoy,
    /// The keys that a contact was given.
    Keys(ChatId),
    /// The standing of this device: it is called back.
    Device,
}

/// What the window asks of the other world. Each ends in one or more updates of the model.
pub(crate) enum Command {
    /// Make a profile and open it.
    Create {
        /// The name contacts will see.
        name: String,
        /// Wiped after use.
        passphrase: Zeroizing<String>,
    },
    /// Open the profile that is there.
    Unlock {
        /// Wiped after use.
        passphrase: Zeroizing<String>,
    },
    /// Make a profile of a backup and open it.
    Restore {
        /// The backup.
        path: PathBuf,
        /// What opens it; wiped after use.
        secret: Zeroizing<String>,
        /// For the new profile; wiped after use.
        passphrase: Zeroizing<String>,
    },
    /// Draw words for a backup. Nothing is written yet.
    DrawWords {
        /// The new file that is meant.
        path: PathBuf,
        /// Korean ones.
        korean: bool,
    },
    /// Write a backup to a new file.
    BackUp {
        /// The file.
        path: PathBuf,
        /// What opens it, a passphrase or words that were drawn; wiped after use.
        secret: Zeroizing<String>,
    },
    /// Make a passphrase that opens a decoy, in place of an earlier one.
    SetDuress {
        /// What the decoy calls itself.
        name: String,
        /// Wiped after use.
        passphrase: Zeroizing<String>,
        /// Opening the decoy destroys everything else.
        destroys: bool,
    },
    /// Take that passphrase away, and the decoy with it.
    RemoveDuress,
    /// Destroy the profile's keys, delete what can be deleted, and end the process. Asks nobody.
    Wipe,
    /// Open a temporary profile with practice contacts.
    Practice {
        /// The own name, in the reader's language.
        name: String,
        /// Speak Korean to the person.
        korean: bool,
    },
    /// Close the profile and forget it.
    Lock,
    /// Read a part of a chat.
    Read(ChatId, PageAt),
    /// Write a message.
    Send {
        /// Where.
        chat: ChatId,
        /// What, composed.
        text: String,
        /// To which message.
        reply_to: Option<MessageKey>,
    },
    /// Keep what is being written; an empty text forgets it.
    KeepDraft {
        /// Where.
        chat: ChatId,
        /// As it is.
        text: String,
        /// To which message.
        reply_to: Option<MessageKey>,
    },
    /// Keep which chat is open.
    KeepDesk(ChatId),
    /// Look for words in everything that is kept of a chat.
    Find(ChatId, String),
    /// The chat was read to its end: the place of the newest message that was drawn.
    Seen(ChatId, u64),
    /// Messages that are to disappear were drawn before the reader's eyes: their places.
    Shown(ChatId, Vec<u64>),
    /// Read the steps of one message.
    Trail(MessageKey),
    /// Make an invite.
    Invite,
    /// Answer an invite.
    Accept {
        /// The invite's text.
        text: String,
        /// The own name for them.
        name: String,
    },
    /// Change the own name of a contact.
    Rename(ChatId, String),
    /// Change the own name.
    RenameMe(String),
    /// Choose what becomes of what is written in a chat from now on.
    SetFade(ChatId, Fade),
    /// Choose what is said about that in every new conversation.
    SetFadeDefault(Fade),
    /// Delete a message here.
    DeleteMessage(MessageKey),
    /// Delete the history of a chat here.
    ClearChat(ChatId),
    /// Remove a contact with everything.
    RemoveContact(ChatId),
    /// Give the profile another passphrase.
    ChangePassphrase {
        /// Wiped after use.
        passphrase: Zeroizing<String>,
    },
    /// Read the safety number.
    Safety(ChatId),
    /// Compare what was taken with the safety number.
    Compare(ChatId, String),
    /// Set or take back the verified sign.
    Verify(ChatId, bool),
    /// Replace the keys that are shared with a contact: others may know them.
    Suspect(ChatId),
    /// Call this device back. Final.
    CallBack,
    /// Add a relay by descriptor or address.
    RelayAdd(String),
    /// Forget a relay.
    RelayRemove(RelayKey),
    /// Read roads and relays again.
    Network,
    /// The roads are looked at from now on, or no longer: read them again while they are.
    Watch(bool),
    /// Look for something, and say this number with the answer.
    Take(u64, Source),
    /// Show a notice through the desktop.
    Notify {
        /// Its head.
        title: String,
        /// Its line.
        body: String,
    },
    /// Take shown notices away.
    HideNotices,
    /// The person was told what of the profile is lost.
    LossTold,
    /// Empty the clipboard if this lies on it.
    ClearClipboard(Zeroizing<String>),
    /// Keep the settings.
    Keep(Prefs),
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Command::Create { .. } => "Create",
            Command::Unlock { .. } => "Unlock",
            Command::Restore { .. } => "Restore",
            Command::DrawWords { .. } => "DrawWords",
            Command::BackUp { .. } => "BackUp",
            Command::SetDuress { .. } => "SetDuress",
            Command::RemoveDuress => "RemoveDuress",
            Command::Wipe => "Wipe",
            Command::Practice { .. } => "Practice",
            Command::Lock => "Lock",
            Command::Read(_, PageAt::Before(_)) => "Older",
            Command::Read(_, PageAt::After(_)) => "Newer",
            Command::Read(..) => "Read",
            Command::Send { .. } => "Send",
            Command::KeepDraft { .. } => "KeepDraft",
            Command::KeepDesk(_) => "KeepDesk",
            Command::Find(..) => "Find",
            Command::Seen(..) => "Seen",
            Command::Shown(..) => "Shown",
            Command::Trail(_) => "Trail",
            Command::Invite => "Invite",
            Command::Accept { .. } => "Accept",
            Command::Rename(..) => "Rename",
            Command::RenameMe(_) => "RenameMe",
            Command::SetFade(..) => "SetFade",
            Command::SetFadeDefault(_) => "SetFadeDefault",
            Command::DeleteMessage(..) => "DeleteMessage",
            Command::ClearChat(_) => "ClearChat",
            Command::RemoveContact(_) => "RemoveContact",
            Command::ChangePassphrase { .. } => "ChangePassphrase",
            Command::Safety(_) => "Safety",
            Command::Compare(..) => "Compare",
            Command::Verify(..) => "Verify",
            Command::Suspect(_) => "Suspect",
            Command::CallBack => "CallBack",
            Command::RelayAdd(_) => "RelayAdd",
            Command::RelayRemove(_) => "RelayRemove",
            Command::Network => "Network",
            Command::Watch(true) => "Watch",
            Command::Watch(false) => "Unwatch",
            Command::Take(_, Source::Folder(_)) => "Look",
            Command::Take(_, Source::File(..)) => "ReadFile",
            Command::Take(_, Source::Picture(..)) => "ReadPicture",
            Command::Take(_, Source::Clipboard(_)) => "ReadClipboard",
            Command::Notify { .. } => "Notify",
            Command::HideNotices => "HideNotices",
            Command::LossTold => "LossTold",
            Command::ClearClipboard(_) => "ClearClipboard",
            Command::Keep(_) => "Keep",
        })
    }
}
