//! How what is asked by a command line or by a line of JSON is answered.

use crate::{
    command::{Ask, Who},
    failure::{Failure, Kind},
    time,
    view::{NOTHING_GOES, Row},
};
use madang_core::{
    BackupError, CommandError, Comparison, Contact, ContactId, ContactState, ConversationId, Message,
    MessageId, Node, NodeError, OpenError, Place, RelayNumber, TransferError,
};

/// An answer: one row, or a list that may go on.
#[derive(Clone, Debug)]
pub enum Answer {
    /// One thing.
    One(Row),
    /// Several, in order, and whether more exist before the first.
    Many(Vec<Row>, bool),
}

impl Answer {
    /// Returns the answer as one JSON value: an object, or a list of objects.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::One(row) => row.to_json(),
            Self::Many(rows, _) => rows.iter().map(Row::to_json).collect(),
        }
    }

    /// Returns all rows.
    pub fn rows(&self) -> &[Row] {
        match self {
            Self::One(row) => std::slice::from_ref(row),
            Self::Many(rows, _) => rows,
        }
    }
}

/// Who a running node is, to its owner and to the wires.
///
/// # Errors
/// [`Failure`] if it has ended.
pub async fn whoami_row(node: &Node) -> Result<Row, Failure> {
    let (whoami, addresses) = (node.whoami().await?, node.addresses().await?);
    Ok(Row::whoami(&whoami, &addresses, &node.transport_names().await?))
}

/// Asks a node. [`Ask::Lock`] and [`Ask::Quit`] are for whoever owns the node and answer themselves only.
///
/// # Errors
/// [`Failure`]; then nothing was changed.
pub async fn answer(node: &Node, ask: Ask) -> Result<Answer, Failure> {
    let one = |row| Ok(Answer::One(row));
    match ask {
        Ask::Whoami {} => one(whoami_row(node).await?),
        Ask::Invite { days } => one(Row::Invite { invite: node.invite(days).await?, days }),
        Ask::Accept { invite, name } => {
            let id = node.accept(&invite, name.as_deref()).await?;
            one(contact_row(node, id).await?)
        }
        Ask::Contacts {} => {
            let rows = node.contacts().await?.iter().map(Row::contact).collect();
            Ok(Answer::Many(rows, false))
        }
        Ask::Rename { contact, name } => {
            let id = find(node, &contact).await?.id;
            node.rename_contact(id, Some(name.as_str()).filter(|name| !name.trim().is_empty())).await?;
            one(contact_row(node, id).await?)
        }
        Ask::Verify { contact, compare, verified } => verify(node, &contact, compare, verified).await,
        Ask::Suspect { contact } => {
            node.suspect(find(node, &contact).await?.id).await?;
            one(Row::Done { done: true })
        }
        Ask::CallBack {} => {
            node.call_back().await?;
            one(Row::Done { done: true })
        }
        Ask::Send { contact, text, reply_to } => {
            let (conversation, reply_to) = (open_talk(node, &contact).await?, reply(reply_to)?);
            let message = node.send(conversation, &text, reply_to).await?;
            one(Row::sent(&message, &conversation))
        }
        Ask::History { contact, limit, before } => {
            let contact = find(node, &contact).await?;
            let Some(conversation) = contact.conversation else { return Ok(Answer::Many(Vec::new(), false)) };
            let page = node.history(conversation, before.map(Place), limit as usize).await?;
            let fades = |message: &&Message| message.disappears_after.is_some() && !message.mine;
            let told: Vec<Place> = page.messages.iter().filter(fades).map(|message| message.place).collect();
            if !told.is_empty() {
                // What is told here is shown.
                node.shown(conversation, told).await?;
            }
            let rows =
                page.messages.iter().map(|message| Row::message(message, &conversation, &contact)).collect();
            Ok(Answer::Many(rows, page.more))
        }
        Ask::MarkRead { contact, place } => {
            node.mark_read(talk(node, &contact).await?, Place(place), true).await?;
            one(Row::Done { done: true })
        }
        Ask::Trail { message } => {
            let steps = node.trail(message_id(&message)?).await.map_err(|error| match error {
                NodeError::Command(CommandError::NoMessage) => {
                    Failure::not_found("`trail` follows your own messages; no such one is here")
                }
                error => error.into(),
            })?;
            Ok(Answer::Many(steps.iter().map(Row::step).collect(), false))
        }
        Ask::Disappear { contact, after } => {
            let conversation = match after {
                Some(after) => {
                    let conversation = open_talk(node, &contact).await?;
                    node.set_disappearing(conversation, time::read(&after)?).await?;
                    conversation
                }
                None => talk(node, &contact).await?,
            };
            let contact = find(node, &contact).await?.id;
            one(Row::disappearing(Some(contact), node.disappearing(conversation).await?))
        }
        Ask::DisappearDefault { after } => {
            if let Some(after) = after {
                node.set_disappearing_default(time::read(&after)?).await?;
            }
            one(Row::disappearing(None, node.disappearing_default().await?))
        }
        Ask::Delete { message } => {
            node.delete_message(message_id(&message)?).await?;
            one(Row::Done { done: true })
        }
        Ask::Clear { contact } => {
            if let Some(conversation) = find(node, &contact).await?.conversation {
                node.clear_conversation(conversation).await?;
            }
            one(Row::Done { done: true })
        }
        Ask::Remove { contact } => {
            node.remove_contact(find(node, &contact).await?.id).await?;
            one(Row::Done { done: true })
        }
        Ask::RelayAdd { descriptor } => {
            let number = node.relay_add(&descriptor).await?;
            one(relay_row(node, number).await?)
        }
        Ask::RelayList {} => {
            let rows = node.relays().await?.iter().map(Row::relay).collect();
            Ok(Answer::Many(rows, false))
        }
        Ask::RelayRemove { relay } => {
            node.relay_remove(RelayNumber(relay)).await?;
            one(Row::Done { done: true })
        }
        Ask::Dial { address } => {
            node.dial(&address).await?;
            one(Row::Done { done: true })
        }
        Ask::Unlock { .. } => Err(Failure::usage("the profile is not locked")),
        Ask::Lock {} | Ask::Quit {} => one(Row::Done { done: true }),
    }
}

async fn verify(
    node: &Node,
    contact: &Who,
    compare: Option<String>,
    verified: Option<bool>,
) -> Result<Answer, Failure> {
    let found = find(node, contact).await?;
    let number = node.safety_number(found.id).await?;
    let decided = match (&compare, verified) {
        (Some(_), Some(_)) => return Err(Failure::usage("give either `compare` or `verified`, not both")),
        (Some(text), None) => match number.compare(text) {
            Comparison::Same => Some(true),
            Comparison::Differs => {
                return Err(differs(&found));
            }
            Comparison::NoNumber { digits } => {
                return Err(Failure::usage(format!(
                    "a safety number has 60 digits in twelve groups; this one has {digits}"
                )));
            }
        },
        (None, verified) => verified,
    };
    if let Some(verified) = decided {
        node.verify(found.id, verified).await?;
    }
    Ok(Answer::One(Row::SafetyNumber {
        contact: found.id.0,
        name: found.name,
        safety_number: number.to_string(),
        qr: number.to_qr_text(),
        verified: decided.unwrap_or(found.verified),
    }))
}

fn differs(contact: &Contact) -> Failure {
    let still = match contact.verified {
        true => {
            format!("; {0} still counts as verified: take that back with `verify {0} --no`", contact.name)
        }
        false => String::new(),
    };
    Failure::other(format!(
        "the numbers differ, and nothing was changed; compare again, and if they still differ somebody stands between you{still}"
    ))
}

/// Finds the contact that is meant.
///
/// # Errors
/// [`Kind::NotFound`] if there is none, [`Kind::Usage`] if there are several.
pub async fn find(node: &Node, who: &Who) -> Result<Contact, Failure> {
    choose(node.contacts().await?, who)
}

fn choose(contacts: Vec<Contact>, who: &Who) -> Result<Contact, Failure> {
    let (number, name) = match who {
        Who::Number(number) => (Some(*number), None),
        Who::Name(name) => (name.trim().parse().ok(), Some(name.trim())),
    };
    // A number goes before a name: contacts choose their names themselves, and must not be able to take a number.
    if let Some(found) = contacts.iter().find(|contact| Some(contact.id.0) == number) {
        return Ok(found.clone());
    }
    let mut named: Vec<Contact> =
        contacts.into_iter().filter(|contact| name == Some(contact.name.as_str())).collect();
    if named.len() > 1 {
        let numbers: Vec<String> = named.iter().map(|contact| contact.id.0.to_string()).collect();
        let say = format!("several contacts have that name; use a number: {}", numbers.join(", "));
        return Err(Failure::usage(say));
    }
    named.pop().ok_or_else(|| {
        Failure::not_found("there is no such contact; `contacts` lists their numbers and names")
    })
}

/// Finds the conversation with the contact that is meant.
///
/// # Errors
/// As [`find`]; [`Kind::NotFound`] while the contact's keys are not here.
pub async fn talk(node: &Node, who: &Who) -> Result<ConversationId, Failure> {
    talk_of(find(node, who).await?)
}

/// As [`talk`], for what is to be written there.
///
/// # Errors
/// As [`talk`]; [`Kind::Other`] if nothing goes there any more.
pub async fn open_talk(node: &Node, who: &Who) -> Result<ConversationId, Failure> {
    let contact = find(node, who).await?;
    match contact.state {
        ContactState::Failed => Err(Failure::other(format!("{}: {NOTHING_GOES}", contact.name))),
        _ => talk_of(contact),
    }
}

fn talk_of(contact: Contact) -> Result<ConversationId, Failure> {
    contact.conversation.ok_or_else(|| {
        Failure::not_found(format!(
            "the keys of {} are not here yet; run `listen` until both have been on the network",
            contact.name
        ))
    })
}

/// Reads the id of a message that is answered.
///
/// # Errors
/// [`Kind::Usage`].
pub fn reply(text: Option<String>) -> Result<Option<MessageId>, Failure> {
    text.as_deref().map(message_id).transpose()
}

/// Reads a message's id.
///
/// # Errors
/// [`Kind::Usage`].
pub fn message_id(text: &str) -> Result<MessageId, Failure> {
    MessageId::from_hex(text).ok_or_else(|| {
        Failure::usage("a message's id has 64 hexadecimal digits, as `send` and `history --json` print it")
    })
}

/// Draws twelve recovery words.
pub fn recovery_words(korean: bool) -> (zeroize::Zeroizing<String>, madang_core::BackupSecret) {
    madang_core::BackupSecret::words(korean, &mut rand::rng())
}

/// Returns a contact as it is now.
pub async fn contact_row(node: &Node, id: ContactId) -> Result<Row, Failure> {
    find(node, &Who::Number(id.0)).await.map(|contact| Row::contact(&contact))
}

/// Returns a relay as it is now.
pub async fn relay_row(node: &Node, number: RelayNumber) -> Result<Row, Failure> {
    let relays = node.relays().await?;
    let relay = relays.iter().find(|relay| relay.number == number);
    relay.map(Row::relay).ok_or_else(|| Failure::not_found("the relay is gone again"))
}

impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Self {
        let kind = match &error {
            NodeError::Open(OpenError::Busy) => Kind::Busy,
            NodeError::Open(OpenError::WrongPassphrase) => Kind::WrongPassphrase,
            NodeError::Open(OpenError::NoProfile) => Kind::NotFound,
            NodeError::Backup(TransferError::Sealed(BackupError::WrongSecret)) => Kind::WrongPassphrase,
            NodeError::Backup(TransferError::File(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                Kind::NotFound
            }
            NodeError::Command(command) => match command {
                CommandError::NoContact
                | CommandError::NoConversation
                | CommandError::NoMessage
                | CommandError::MessageGone
                | CommandError::NoRelay
                | CommandError::NotYet => Kind::NotFound,
                CommandError::Invite(_)
                | CommandError::OwnInvite
                | CommandError::Relay(_)
                | CommandError::EmptyText
                | CommandError::TextTooLong(_)
                | CommandError::DraftTooLong(_)
                | CommandError::DeskTooLarge
                | CommandError::DisappearingOutOfRange
                | CommandError::ExpiryOutOfRange => Kind::Usage,
                _ => Kind::Other,
            },
            _ => Kind::Other,
        };
        Self::new(kind, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(id: u32, name: &str) -> Contact {
        Contact {
            id: ContactId(id),
            name: name.into(),
            their_name: String::new(),
            account: None,
            verified: false,
            state: ContactState::Live,
            conversation: None,
            linked: false,
            relays: 0,
            renewing: false,
        }
    }

    #[test]
    fn a_number_that_differs_says_whether_the_contact_still_counts_as_verified() {
        let mut bora = contact(2, "Bora");
        assert!(!differs(&bora).say.contains("verified"));
        bora.verified = true;
        let say = differs(&bora).say;
        assert!(say.contains("nothing was changed") && say.contains("still counts as verified"), "{say}");
        assert!(!say.contains("is not verified"), "{say}");
    }

    #[test]
    fn a_contact_is_found_by_number_or_by_a_name_that_only_one_has() {
        let contacts = || vec![contact(1, "Ari"), contact(2, "Bora"), contact(3, "Bora"), contact(4, "1")];
        let found = |who: Who| choose(contacts(), &who).map(|contact| contact.id.0).map_err(|f| f.kind);
        assert_eq!(found(Who::Name("Ari".into())), Ok(1));
        assert_eq!(found(Who::Number(3)), Ok(3));
        assert_eq!(found(Who::Name(" 2 ".into())), Ok(2));
        assert_eq!(found(Who::Name("1".into())), Ok(1), "nobody can take another's number as a name");
        assert_eq!(found(Who::Number(4)), Ok(4));
        assert_eq!(found(Who::Name("Bora".into())), Err(Kind::Usage));
        assert_eq!(found(Who::Name("Cem".into())), Err(Kind::NotFound));
    }
}
