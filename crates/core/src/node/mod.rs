//! A running client: the engine with a disk, wires and a thread of its own.

mod backup;
mod config;
mod driver;
mod ended;
#[cfg(feature = "invent")]
pub mod invent;
pub mod lock;
mod networks;
mod openers;
mod place;
mod profile;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crypto::backup::{BackupSecret, HEAD_BYTES, Sealer};
use crypto::vault::Cost;
use proto::id::{Address, PeerName};
use tokio::sync::{broadcast, mpsc, oneshot};
use zeroize::Zeroizing;

pub use self::backup::{GiveUp, TransferError};
pub use self::config::Config;
pub use self::ended::Ended;
pub use self::place::wipe;
pub use self::profile::NodeError;
use crate::contact::Contact;
use crate::content::{ConversationId, MessageId};
use crate::conversation::{Page, Span};
use crate::draft::Draft;
use crate::engine::{Answer, Command, CommandError, RelayInfo, Whoami};
use crate::event::{ContactId, Event, Notice, Place, RelayNumber, TrailStep};
use crate::glance::Glance;

/// Requests that wait for the driver; beyond it the asker waits.
const REQUESTS_MAX: usize = 256;
/// Events that a reader may lag behind before it is told that it missed some.
const EVENTS_MAX: usize = 4_096;

/// The head of a backup file and what seals the rest.
pub(crate) type SealedHead = ([u8; HEAD_BYTES], Sealer);

/// A decoy that is to be made: its passphrase, the name of its profile, and whether opening it destroys the rest.
pub(crate) struct Decoy {
    pub(crate) passphrase: Zeroizing<Vec<u8>>,
    pub(crate) name: String,
    pub(crate) destroys: bool,
}

/// What is asked of the driver.
pub(crate) enum Request {
    Command(Command, oneshot::Sender<Result<Answer, CommandError>>),
    Addresses(oneshot::Sender<Vec<Address>>),
    Backup(PathBuf, Box<SealedHead>, GiveUp, oneshot::Sender<Result<(), TransferError>>),
    Duress(Option<Decoy>, oneshot::Sender<Result<(), store::OpenError>>),
    Passphrase(Zeroizing<Vec<u8>>, oneshot::Sender<Result<(), store::OpenError>>),
    TransportNames(oneshot::Sender<Vec<PeerName>>),
    Shutdown(oneshot::Sender<()>),
}

/// A running client. Clones speak to the same one; it ends by [`Node::shutdown`] or with the last clone.
#[derive(Clone)]
pub struct Node {
    requests: mpsc::Sender<Request>,
    /// The driver alone keeps the channel open, so that readers hear when it ends.
    events: broadcast::WeakSender<Event>,
    found: Arc<[Notice]>,
    cost: Cost,
    ended: ended::Reason,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Node")
    }
}

/// A reader of events. Each reader sees all events from the moment it was made.
#[derive(Debug)]
pub struct Events(broadcast::Receiver<Event>);

impl Events {
    /// Waits for the next event. Returns nothing once the node has ended.
    pub async fn next(&mut self) -> Option<Event> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Event::Lagged),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

impl Node {
    /// Whether there is a profile in `directory`. What a wipe has left of one is none.
    #[must_use]
    pub fn is_in(directory: &Path) -> bool {
        store::SealedStore::is_in(directory)
    }

    /// Creates a profile in `directory`, which must be absent or empty, and starts it. What a wipe has left there is
    /// taken away. The profile is made in a folder beside, whose name ends in `.making`, and renamed at the end: at every
    /// instant it is there whole or not at all.
    ///
    /// # Errors
    /// [`NodeError`], whose text says what to do. Nothing is left behind that was not there before.
    pub async fn create(
        directory: &Path,
        passphrase: &[u8],
        config: Config,
    ) -> Result<(Self, Events), NodeError> {
        let opened = profile::create(directory, passphrase, &config).await?;
        Self::start(opened, config)
    }

    /// Opens the profile in `directory` and starts it.
    ///
    /// # Errors
    /// [`NodeError`], whose text says what to do.
    pub async fn open(
        directory: &Path,
        passphrase: &[u8],
        config: Config,
    ) -> Result<(Self, Events), NodeError> {
        let opened = profile::open(directory, passphrase).await?;
        Self::start(opened, config)
    }

    fn start(opened: profile::Opened, config: Config) -> Result<(Self, Events), NodeError> {
        let (requests, queue) = mpsc::channel(REQUESTS_MAX);
        let (sender, reader) = broadcast::channel(EVENTS_MAX);
        let events = sender.downgrade();
        let found: Arc<[Notice]> = opened.notices.clone().into();
        let cost = config.cost;
        let ended = ended::Reason::default();
        driver::spawn(opened, config, queue, sender, ended.clone())?;
        Ok((Self { requests, events, found, cost, ended }, Events(reader)))
    }

    /// Returns why the node ended by itself; nothing while it runs, and if it was asked to end. It is known once
    /// [`Events::next`] has returned nothing.
    pub fn ended(&self) -> Option<Ended> {
        self.ended.get().cloned()
    }

    /// Returns what was found and repaired while the profile was opened; the first events say the same. A loss stands here
    /// at every start until [`Node::loss_told`].
    pub fn found_on_opening(&self) -> &[Notice] {
        &self.found
    }

    /// Notes that the person was told of what was lost ([`Notice::is_of_loss`]): the next start does not say it again.
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn loss_told(&self) -> Result<(), NodeError> {
        self.ask(Command::LossTold).await.map(drop)
    }

    /// Returns a further reader of events.
    pub fn events(&self) -> Events {
        match self.events.upgrade() {
            Some(events) => Events(events.subscribe()),
            // The node has ended, and so has what is told.
            None => Events(broadcast::channel(1).1),
        }
    }

    /// Asks the engine. The typed calls below are made of this.
    ///
    /// # Errors
    /// [`NodeError::Command`] if the command changes nothing, [`NodeError::Stopped`] if the node has ended.
    pub async fn ask(&self, command: Command) -> Result<Answer, NodeError> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(Request::Command(command, answer)).await.map_err(|_| NodeError::Stopped)?;
        Ok(answered.await.map_err(|_| NodeError::Stopped)??)
    }

    /// Returns who this profile is.
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn whoami(&self) -> Result<Whoami, NodeError> {
        answered(self.ask(Command::Whoami).await?, |a| match a {
            Answer::Whoami(whoami) => Some(whoami),
            _ => None,
        })
    }

    /// Returns where direct links are taken.
    ///
    /// # Errors
    /// [`NodeError::Stopped`].
    pub async fn addresses(&self) -> Result<Vec<Address>, NodeError> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(Request::Addresses(answer)).await.map_err(|_| NodeError::Stopped)?;
        answered.await.map_err(|_| NodeError::Stopped)
    }

    /// Returns the names that transports have for this run: first the one for direct links, then one for each relay.
    /// They are drawn anew at every start and say nothing about the account.
    ///
    /// # Errors
    /// [`NodeError::Stopped`].
    pub async fn transport_names(&self) -> Result<Vec<PeerName>, NodeError> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(Request::TransportNames(answer)).await.map_err(|_| NodeError::Stopped)?;
        answered.await.map_err(|_| NodeError::Stopped)
    }

    /// Changes what this profile calls itself; contacts are told.
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn rename(&self, name: &str) -> Result<(), NodeError> {
        self.ask(Command::Rename(name.to_owned())).await.map(drop)
    }

    /// Makes an invite for one person, good for `expiry_days` days of uptime. Whoever holds its text first can
    /// become a contact: hand it over by a road that is trusted with a secret.
    ///
    /// # Errors
    /// As [`Node::ask`]; [`CommandError::RelayNotReached`] if the profile's relay has never answered.
    pub async fn invite(&self, expiry_days: u16) -> Result<String, NodeError> {
        answered(self.ask(Command::Invite { expiry_days }).await?, |a| match a {
            Answer::Invite(text) => Some(text),
            _ => None,
        })
    }

    /// Takes up an invite; `name` is the own name for whoever gave it.
    ///
    /// # Errors
    /// As [`Node::ask`]; [`CommandError::Invite`] says what is wrong with the text.
    pub async fn accept(&self, text: &str, name: Option<&str>) -> Result<ContactId, NodeError> {
        let command = Command::Accept { text: text.to_owned(), name: name.map(str::to_owned) };
        answered(self.ask(command).await?, |a| match a {
            Answer::Contact(id) => Some(id),
            _ => None,
        })
    }

    /// Returns all contacts.
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn contacts(&self) -> Result<Vec<Contact>, NodeError> {
        answered(self.ask(Command::Contacts).await?, |a| match a {
            Answer::Contacts(contacts) => Some(contacts),
            _ => None,
        })
    }

    /// Gives a contact an own name, or takes it away.
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn rename_contact(&self, contact: ContactId, name: Option<&str>) -> Result<(), NodeError> {
        self.ask(Command::RenameContact(contact, name.map(str::to_owned))).await.map(drop)
    }

    /// Returns the number to compare with a contact, over a road where they cannot be impersonated.
    ///
    /// # Errors
    /// As [`Node::ask`]; [`CommandError::NotYet`] until their keys are here.
    pub async fn safety_number(&self, contact: ContactId) -> Result<crypto::safety::SafetyNumber, NodeError> {
        answered(self.ask(Command::SafetyNumber(contact)).await?, |a| match a {
            Answer::SafetyNumber(number) => Some(number),
            _ => None,
        })
    }

    /// Notes that the numbers were compared and equal, or takes that back.
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn verify(&self, contact: ContactId, verified: bool) -> Result<(), NodeError> {
        self.ask(Command::Verify(contact, verified)).await.map(drop)
    }

    /// Burns the keys that a contact was given, which somebody else may know, and makes new ones at once. If they do not
    /// answer in new keys for a day of use, this device begins anew with them, as after a restored backup: then
    /// [`Notice::BeginsAnew`] comes, and they are told.
    ///
    /// # Errors
    /// As [`Node::ask`]; [`CommandError::NoContact`] while there are no keys to burn.
    pub async fn suspect(&self, contact: ContactId) -> Result<(), NodeError> {
        self.ask(Command::Suspect(contact)).await.map(drop)
    }

    /// Calls this device back for its account: contacts are told, close the conversation, and take nothing from who
    /// holds its keys any more. What was written before still goes out; nothing more can be written. Final.
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn call_back(&self) -> Result<(), NodeError> {
        self.ask(Command::CallBack).await.map(drop)
    }

    /// Writes a text. Returns once it is on disk; what becomes of it is told by events and [`Node::trail`].
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn send(
        &self,
        conversation: ConversationId,
        text: &str,
        reply_to: Option<MessageId>,
    ) -> Result<MessageId, NodeError> {
        let command = Command::Send { conversation, text: text.to_owned(), reply_to };
        answered(self.ask(command).await?, |a| match a {
            Answer::Sent(id) => Some(id),
            _ => None,
        })
    }

    /// Returns up to `limit` messages before a place, or the newest, oldest first.
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn history(
        &self,
        conversation: ConversationId,
        before: Option<Place>,
        limit: usize,
    ) -> Result<Page, NodeError> {
        self.read(conversation, before.map_or(Span::Newest, Span::Before), limit).await
    }

    /// Returns up to `limit` messages of a part of a conversation, oldest first.
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn read(
        &self,
        conversation: ConversationId,
        span: Span,
        limit: usize,
    ) -> Result<Page, NodeError> {
        answered(self.ask(Command::History { conversation, span, limit }).await?, |a| match a {
            Answer::Page(page) => Some(page),
            _ => None,
        })
    }

    /// Returns how conversations stand, in the order in which they are asked for; one that is not there is left out.
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn glances(&self, conversations: Vec<ConversationId>) -> Result<Vec<Glance>, NodeError> {
        answered(self.ask(Command::Glances(conversations)).await?, |a| match a {
            Answer::Glances(glances) => Some(glances),
            _ => None,
        })
    }

    /// Returns all that is known of an own message's way.
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn trail(&self, message: MessageId) -> Result<Vec<TrailStep>, NodeError> {
        answered(self.ask(Command::Trail(message)).await?, |a| match a {
            Answer::Trail(steps) => Some(steps),
            _ => None,
        })
    }

    /// Notes that a conversation was read up to a place, that of the newest message that was shown; tells the other
    /// side if `tell` is set. What they wrote after it stays unread. What is to disappear was not shown by that:
    /// [`Node::shown`] says what was.
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn mark_read(
        &self,
        conversation: ConversationId,
        place: Place,
        tell: bool,
    ) -> Result<(), NodeError> {
        self.ask(Command::MarkRead { conversation, place, tell }).await.map(drop)
    }

    /// Keeps a text that is being written, sealed like everything else; an empty one is forgotten, and so is one
    /// that is sent.
    ///
    /// # Errors
    /// As [`Node::ask`]; [`CommandError::DraftTooLong`] beyond [`crate::draft::DRAFT_BYTES_MAX`].
    pub async fn keep_draft(&self, draft: Draft) -> Result<(), NodeError> {
        self.ask(Command::KeepDraft(draft)).await.map(drop)
    }

    /// Returns all texts that are being written.
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn drafts(&self) -> Result<Vec<Draft>, NodeError> {
        answered(self.ask(Command::Drafts).await?, |a| match a {
            Answer::Drafts(drafts) => Some(drafts),
            _ => None,
        })
    }

    /// Keeps how an interface was left, in bytes of its own.
    ///
    /// # Errors
    /// As [`Node::ask`]; [`CommandError::DeskTooLarge`] beyond [`crate::draft::DESK_BYTES_MAX`].
    pub async fn keep_desk(&self, bytes: Vec<u8>) -> Result<(), NodeError> {
        self.ask(Command::KeepDesk(bytes)).await.map(drop)
    }

    /// Returns what was kept by [`Node::keep_desk`], or nothing.
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn desk(&self) -> Result<Vec<u8>, NodeError> {
        answered(self.ask(Command::Desk).await?, |a| match a {
            Answer::Desk(bytes) => Some(bytes),
            _ => None,
        })
    }

    /// From now on what is written in a conversation disappears so long after it was shown, or stays. It is a line of
    /// the conversation that both sides see, and each may choose anew. Time is the profile's running time: while it
    /// is closed, nothing is counted. A reader's count begins when the message was shown ([`Node::shown`]), its
    /// author's when the other device has confirmed it. Then it is deleted as by [`Node::delete_message`].
    ///
    /// # Errors
    /// As [`Node::ask`]; [`CommandError::DisappearingOutOfRange`] beyond 5 seconds to 365 days.
    pub async fn set_disappearing(
        &self,
        conversation: ConversationId,
        after: Option<Duration>,
    ) -> Result<(), NodeError> {
        self.ask(Command::SetDisappearing(conversation, after)).await.map(drop)
    }

    /// Returns after how long what is written in a conversation now disappears.
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn disappearing(&self, conversation: ConversationId) -> Result<Option<Duration>, NodeError> {
        answered(self.ask(Command::Disappearing(conversation)).await?, |a| match a {
            Answer::Disappearing(after) => Some(after),
            _ => None,
        })
    }

    /// Chooses what [`Node::set_disappearing`] says in every conversation that begins from now on; none leaves it
    /// unsaid. It is kept with the profile.
    ///
    /// # Errors
    /// As [`Node::set_disappearing`].
    pub async fn set_disappearing_default(&self, after: Option<Duration>) -> Result<(), NodeError> {
        self.ask(Command::SetDisappearingDefault(after)).await.map(drop)
    }

    /// Returns what was chosen by [`Node::set_disappearing_default`].
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn disappearing_default(&self) -> Result<Option<Duration>, NodeError> {
        answered(self.ask(Command::DisappearingDefault).await?, |a| match a {
            Answer::Disappearing(after) => Some(after),
            _ => None,
        })
    }

    /// Notes that what the other side wrote at these places was shown: what of it is to disappear begins to.
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn shown(&self, conversation: ConversationId, places: Vec<Place>) -> Result<(), NodeError> {
        self.ask(Command::Shown(conversation, places)).await.map(drop)
    }

    /// Deletes a message on this device, and its keys: nothing here brings it back. The other side keeps its copy.
    /// An own message that was not received yet is withdrawn where that is still possible.
    ///
    /// # Errors
    /// As [`Node::ask`]; [`CommandError::MessageGone`] if it is not here.
    pub async fn delete_message(&self, message: MessageId) -> Result<(), NodeError> {
        self.ask(Command::DeleteMessage(message)).await.map(drop)
    }

    /// Deletes all messages of a conversation on this device, as [`Node::delete_message`] does. The contact stays.
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn clear_conversation(&self, conversation: ConversationId) -> Result<(), NodeError> {
        self.erase(Command::ClearConversation(conversation)).await
    }

    /// Removes a contact: history, keys and all that was shared. They are not told; what they write from now on
    /// reaches nobody. To talk again takes a new invite.
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn remove_contact(&self, contact: ContactId) -> Result<(), NodeError> {
        self.erase(Command::RemoveContact(contact)).await
    }

    async fn erase(&self, command: Command) -> Result<(), NodeError> {
        while let Answer::Erased { more: true } = self.ask(command.clone()).await? {}
        Ok(())
    }

    /// Adds a relay by its descriptor text, or by an address such as `10.0.0.5:4470`. From then on mail for this
    /// profile is left there, and contacts are told.
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn relay_add(&self, text: &str) -> Result<RelayNumber, NodeError> {
        let text = text.trim();
        let command = if text.starts_with("madang-relay:") {
            Command::RelayAdd(text.to_owned())
        } else {
            let target = net::parse_typed(text).map_err(|error| CommandError::Relay(error.to_string()))?;
            Command::RelayAddAt(target.addresses)
        };
        answered(self.ask(command).await?, |a| match a {
            Answer::Relay(number) => Some(number),
            _ => None,
        })
    }

    /// Returns all relays: the profile's own and those of contacts.
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn relays(&self) -> Result<Vec<RelayInfo>, NodeError> {
        answered(self.ask(Command::Relays).await?, |a| match a {
            Answer::Relays(relays) => Some(relays),
            _ => None,
        })
    }

    /// Mail for this profile is no longer left at this relay.
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn relay_remove(&self, relay: RelayNumber) -> Result<(), NodeError> {
        self.ask(Command::RelayRemove(relay)).await.map(drop)
    }

    /// Dials a device once, for a direct link: a contact there is recognised, anybody else learns nothing.
    ///
    /// # Errors
    /// As [`Node::ask`]; [`CommandError::Relay`] if the text is no address.
    pub async fn dial(&self, address: &str) -> Result<(), NodeError> {
        let target = net::parse_typed(address).map_err(|error| CommandError::Relay(error.to_string()))?;
        let first = target.addresses.into_iter().next().ok_or(NodeError::Stopped)?;
        self.ask(Command::Dial(first)).await.map(drop)
    }

    /// Makes a profile in `directory`, which must be absent or empty, of the backup in `path`, and starts it. Every
    /// contact gets a new generation before anything else is sent to them.
    ///
    /// # Errors
    /// [`NodeError::Backup`], whose text says what to do; then there is no profile.
    pub async fn restore(
        path: &Path,
        secret: &BackupSecret,
        directory: &Path,
        passphrase: &[u8],
        config: Config,
    ) -> Result<(Self, Events), NodeError> {
        profile::restore(path, secret, directory, passphrase, config.cost).await?;
        Self::open(directory, passphrase, config).await
    }

    /// Writes a backup of who we are, whom we know and what was said to `path`, in place of what was there. What
    /// is going on meanwhile waits.
    ///
    /// # Errors
    /// [`NodeError::Backup`], and then the file is as it was; [`NodeError::Stopped`].
    pub async fn back_up(&self, path: &Path, secret: &BackupSecret) -> Result<(), NodeError> {
        self.back_up_until(path, secret, &GiveUp::default()).await
    }

    /// As [`Node::back_up`], until somebody says by `give_up` that it is not to be finished.
    ///
    /// # Errors
    /// As [`Node::back_up`]; [`TransferError::GivenUp`].
    pub async fn back_up_until(
        &self,
        path: &Path,
        secret: &BackupSecret,
        give_up: &GiveUp,
    ) -> Result<(), NodeError> {
        let sealer = profile::begin_backup(secret, self.cost).await?;
        let (answer, answered) = oneshot::channel();
        let request = Request::Backup(path.to_owned(), Box::new(sealer), give_up.clone(), answer);
        self.requests.send(request).await.map_err(|_| NodeError::Stopped)?;
        Ok(answered.await.map_err(|_| NodeError::Stopped)??)
    }

    /// Makes a duress passphrase: it opens a decoy, an empty profile of its own called `name`, in place of an earlier
    /// one. If `destroys`, opening the decoy destroys the keys of everything else before anything is shown.
    ///
    /// It does not hide that there is more: who examines the disk sees a second store. Copies that were made of the
    /// disk before are out of its reach.
    ///
    /// # Errors
    /// [`NodeError::Open`] if memory is short, the passphrase is in use or the disk fails; [`NodeError::Stopped`].
    pub async fn set_duress(&self, passphrase: &[u8], name: &str, destroys: bool) -> Result<(), NodeError> {
        let passphrase = Zeroizing::new(passphrase.to_vec());
        self.duress(Some(Decoy { passphrase, name: name.to_owned(), destroys })).await
    }

    /// Takes the duress passphrase away, and the decoy with it.
    ///
    /// # Errors
    /// [`NodeError::Open`] if the disk fails; [`NodeError::Stopped`].
    pub async fn remove_duress(&self) -> Result<(), NodeError> {
        self.duress(None).await
    }

    async fn duress(&self, decoy: Option<Decoy>) -> Result<(), NodeError> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(Request::Duress(decoy, answer)).await.map_err(|_| NodeError::Stopped)?;
        Ok(answered.await.map_err(|_| NodeError::Stopped)??)
    }

    /// Gives the profile another passphrase; the old one opens nothing any more. Whatever happens meanwhile, one of
    /// the two opens it. Copies of the folder that were made before still open with the old one.
    ///
    /// # Errors
    /// [`NodeError::Open`] if memory is short, the new passphrase opens a decoy or the disk fails: the old one then holds. If
    /// the disk refuses to put it back too, either may hold from now on: keep both. [`NodeError::Stopped`].
    pub async fn change_passphrase(&self, passphrase: &[u8]) -> Result<(), NodeError> {
        let (answer, answered) = oneshot::channel();
        let passphrase = Zeroizing::new(passphrase.to_vec());
        self.requests.send(Request::Passphrase(passphrase, answer)).await.map_err(|_| NodeError::Stopped)?;
        Ok(answered.await.map_err(|_| NodeError::Stopped)??)
    }

    /// Ends the node: finishes what is under way, closes links and files. Everything kept stays kept.
    pub async fn shutdown(&self) {
        let (done, ended) = oneshot::channel();
        if self.requests.send(Request::Shutdown(done)).await.is_ok() {
            let _ = ended.await;
        }
    }
}

fn answered<T>(answer: Answer, pick: impl FnOnce(Answer) -> Option<T>) -> Result<T, NodeError> {
    // The engine answers each command by its own variant; anything else would be a defect of this crate.
    pick(answer).ok_or(NodeError::Stopped)
}
