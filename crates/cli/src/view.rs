//! What is shown: the stable fields of the JSON (docs/cli.md) and the lines that people read.

use std::fmt;
use std::time::Duration;

use madang_core::{
    Address, Choice, Contact, ContactId, ContactState, ConversationId, Delivery, Message, MessageId, Notice,
    PeerName, RelayInfo, Step, Takes, TrailStep, Whoami,
};
use serde::Serialize;

use crate::{time, zone};

/// Why a contact of whom nothing is to be hoped is written to no more, and what to do.
pub(crate) const NOTHING_GOES: &str = "nothing goes there any more: the invite cannot be used, or their device was called back; exchange a new invite";

/// One thing that is shown. In JSON each is one object with exactly these fields.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Row {
    /// Who this profile is.
    Whoami {
        /// The account, 64 hexadecimal digits.
        account: String,
        /// What it calls itself.
        name: String,
        /// Where direct links are taken.
        addresses: Vec<String>,
        /// The names that transports have for this run, in hexadecimal digits: the one for direct links first.
        transport_names: Vec<String>,
        /// This device was called back.
        called_back: bool,
    },
    /// An invite.
    Invite {
        /// Its text.
        invite: String,
        /// Days for which it can be accepted.
        days: u16,
    },
    /// A contact.
    Contact {
        /// Its number.
        contact: u32,
        /// What it is called here.
        name: String,
        /// What it calls itself.
        their_name: String,
        /// The account, once known.
        account: Option<String>,
        /// `fetching`, `waiting`, `live` or `failed`.
        state: &'static str,
        /// Whether the safety numbers were compared.
        verified: bool,
        /// The conversation, once known.
        conversation: Option<String>,
        /// Whether a direct link is up.
        linked: bool,
        /// Relays where it can be written to.
        relays: usize,
        /// Its keys are to be replaced at once, and the new ones are not in use yet.
        renewing: bool,
    },
    /// A safety number.
    SafetyNumber {
        /// The contact's number.
        contact: u32,
        /// The contact's name.
        name: String,
        /// Twelve groups of five digits.
        safety_number: String,
        /// The same for a QR code.
        qr: String,
        /// Whether the contact counts as verified now.
        verified: bool,
    },
    /// A message that was written.
    Sent {
        /// Its id, 64 hexadecimal digits.
        message: String,
        /// Its conversation, 32 hexadecimal digits.
        conversation: String,
        /// How far it has come.
        delivery: &'static str,
    },
    /// A message of a conversation.
    Message {
        /// Its id.
        message: String,
        /// Its conversation.
        conversation: String,
        /// The contact's number.
        contact: u32,
        /// Where it stands; for `--before`.
        place: u64,
        /// Whether it was written here.
        mine: bool,
        /// What the author is called here; null for own messages.
        author: Option<String>,
        /// What it says; null if its kind is of a newer version.
        text: Option<String>,
        /// The message that it answers.
        reply_to: Option<String>,
        /// It disappears so many seconds of running time after it was shown; null if it stays.
        disappears_after: Option<u64>,
        /// It is no text but a choice for what is written from here on: so many seconds, or 0 for messages that stay.
        sets_disappearing: Option<u64>,
        /// When this machine kept it, in milliseconds since 1970 by its own clock.
        label_ms: Option<u64>,
        /// It belongs before messages that were shown long before it came.
        late: bool,
        /// A message that it follows is not here.
        after_gap: bool,
        /// How far it has come; null for messages of others.
        delivery: Option<&'static str>,
    },
    /// After how long new messages disappear.
    Disappearing {
        /// The contact's number; null for what is said in every new conversation.
        contact: Option<u32>,
        /// Seconds of running time after it was shown; null if messages stay.
        disappears_after: Option<u64>,
    },
    /// A step of a message's way.
    Step {
        /// What happened.
        step: &'static str,
        /// At which relay, where that says something.
        relay: Option<u32>,
        /// When, in milliseconds since 1970 by this machine's clock.
        label_ms: Option<u64>,
    },
    /// A relay.
    Relay {
        /// Its number.
        relay: u32,
        /// Its id, 32 hexadecimal digits, once known.
        relay_id: Option<String>,
        /// Where it was said to be.
        addresses: Vec<String>,
        /// Whether it can be spoken to now.
        up: bool,
        /// Whether mail for this profile is left there.
        home: bool,
        /// Envelopes that are to be left there and are not yet.
        waiting: usize,
        /// What it takes for now, as it said itself: `all`, `making-room`, `nothing` or `later`.
        takes: &'static str,
    },
    /// A profile that was wiped: no passphrase opens it any more.
    Wiped {
        /// True.
        wiped: bool,
        /// Whether its files are gone too; what remains of them is noise.
        files_gone: bool,
    },
    /// Recovery words for a backup that is about to be written.
    Words {
        /// Twelve words with one space between them.
        words: String,
    },
    /// A backup that was written.
    Backup {
        /// Where.
        backup: String,
        /// The recovery words that open it; null if a passphrase does.
        words: Option<String>,
    },
    /// It is done, and there is nothing to show.
    Done {
        /// True.
        done: bool,
    },
}

impl Row {
    /// Shows a profile.
    pub fn whoami(whoami: &Whoami, addresses: &[Address], names: &[PeerName]) -> Self {
        Self::Whoami {
            account: hex(whoami.account.as_bytes()),
            name: whoami.name.clone(),
            addresses: addresses.iter().map(|address| address.as_str().to_owned()).collect(),
            transport_names: names.iter().map(|name| hex(name.as_bytes())).collect(),
            called_back: whoami.called_back,
        }
    }

    /// Shows a contact.
    pub fn contact(contact: &Contact) -> Self {
        Self::Contact {
            contact: contact.id.0,
            name: contact.name.clone(),
            their_name: contact.their_name.clone(),
            account: contact.account.as_ref().map(|account| hex(account.as_bytes())),
            state: match contact.state {
                ContactState::Fetching => "fetching",
                ContactState::Waiting => "waiting",
                ContactState::Live => "live",
                ContactState::Failed => "failed",
            },
            verified: contact.verified,
            conversation: contact.conversation.as_ref().map(|id| hex(&id.0)),
            linked: contact.linked,
            relays: contact.relays,
            renewing: contact.renewing,
        }
    }

    /// Shows a message that was just written.
    pub fn sent(message: &MessageId, conversation: &ConversationId) -> Self {
        Self::Sent { message: message.to_hex(), conversation: hex(&conversation.0), delivery: "written" }
    }

    /// Shows a message.
    pub fn message(message: &Message, conversation: &ConversationId, contact: &Contact) -> Self {
        Self::Message {
            message: message.id.to_hex(),
            conversation: hex(&conversation.0),
            contact: contact.id.0,
            place: message.place.0,
            mine: message.mine,
            author: (!message.mine).then(|| contact.name.clone()),
            text: message.text.clone(),
            reply_to: message.reply_to.as_ref().map(MessageId::to_hex),
            disappears_after: message.disappears_after.map(|after| after.as_secs()),
            sets_disappearing: message.chose.map(|choice| match choice {
                Choice::Stay => 0,
                Choice::Disappear(after) => after.as_secs(),
            }),
            label_ms: message.label_ms,
            late: message.arrived_late,
            after_gap: message.after_gap,
            delivery: message.delivery.map(delivery),
        }
    }

    /// Shows after how long new messages of a conversation, or of every new one, disappear.
    pub fn disappearing(contact: Option<ContactId>, after: Option<Duration>) -> Self {
        Self::Disappearing {
            contact: contact.map(|contact| contact.0),
            disappears_after: after.map(|after| after.as_secs()),
        }
    }

    /// Shows a step.
    pub fn step(step: &TrailStep) -> Self {
        let (word, relay) = match step.step {
            Step::Written => ("written", None),
            Step::Sealed => ("sealed", None),
            Step::OnRelay(relay) => ("on-relay", Some(relay)),
            Step::OnDevice => ("on-device", None),
            Step::Delivered => ("delivered", None),
            Step::Read => ("read", None),
            Step::Refused => ("refused", None),
        };
        Self::Step { step: word, relay, label_ms: step.label_ms }
    }

    /// Shows a relay.
    pub fn relay(relay: &RelayInfo) -> Self {
        Self::Relay {
            relay: relay.number.0,
            relay_id: relay.id.as_ref().map(|id| hex(id)),
            addresses: relay.addresses.clone(),
            up: relay.up,
            home: relay.home,
            waiting: relay.waiting,
            takes: match relay.takes {
                Takes::All => "all",
                Takes::MakingRoom => "making-room",
                Takes::Nothing => "nothing",
                Takes::Later => "later",
            },
        }
    }

    /// Returns the JSON object.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("a row has text keys and plain values")
    }
}

/// The word for how far a message has come.
pub fn delivery(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Written => "written",
        Delivery::Sealed => "sealed",
        Delivery::OnRelay { .. } => "on-relay",
        Delivery::OnDevice => "on-device",
        Delivery::Delivered => "delivered",
        Delivery::Read => "read",
    }
}

/// The word and the sentence for something that a person should know.
pub fn notice(notice: &Notice) -> (&'static str, String) {
    match notice {
        Notice::InviteUsedAgain => (
            "invite-used-again",
            "somebody answered an invite that another had answered before; they were not let in: if it was \
             the person you meant, compare safety numbers with whoever came first, and make a new invite"
                .into(),
        ),
        Notice::InviteExpired => (
            "invite-expired",
            "an invite of yours was not answered within its days, and its keys are destroyed: make a new \
             one if it is still wanted"
                .into(),
        ),
        Notice::InviteAnsweredLate => (
            "invite-answered-late",
            "somebody answered an invite of yours whose days were over; they were not let in: make a new one \
             for them"
                .into(),
        ),
        Notice::InviteSpoiled => (
            "invite-spoiled",
            "somebody who has an invite of yours left something under it that is no answer: others have seen \
             it; if the person you meant does not appear, make a new one and hand it over by a safer road"
                .into(),
        ),
        Notice::AnsweredAgain(contact) => (
            "answered-again",
            format!(
                "contact {} has answered an invite of yours and is still in your list; if they have removed \
                 you, nothing you write there arrives: remove contact {0} here, and the new invite goes on by \
                 itself",
                contact.0
            ),
        ),
        Notice::InviteOver(contact) => (
            "invite-over",
            format!(
                "the invite of contact {} was used, taken back, or its days are over; ask for a new one",
                contact.0
            ),
        ),
        Notice::InviteTaken(contact) => (
            "invite-taken",
            format!(
                "somebody's answer to the invite of contact {} was taken, and nothing says that it was \
                 yours; ask them whether they see you, and for a new invite if they do not",
                contact.0
            ),
        ),
        Notice::InviteExhausted(contact) => (
            "invite-exhausted",
            format!(
                "the invite of contact {} cannot be answered any more, perhaps it was stolen; ask for a new one",
                contact.0
            ),
        ),
        Notice::InviteForged(contact) => (
            "invite-forged",
            format!(
                "what waits under the invite of contact {} is not what it names; ask for a new one",
                contact.0
            ),
        ),
        Notice::ContactRestored(contact) => (
            "contact-restored",
            format!(
                "contact {} says that they begin anew: after a backup, after damage, or because others may know their \
                 keys; ask them whether it is so",
                contact.0
            ),
        ),
        Notice::BeginsAnew(contact) => (
            "begins-anew",
            format!(
                "nothing was heard of the new keys for contact {}, so this device begins anew with them; they are told",
                contact.0
            ),
        ),
        Notice::MetAgain(contact) => {
            ("met-again", format!("contact {} was met again, with new keys", contact.0))
        }
        Notice::NeedsInvite(contact) => (
            "needs-invite",
            format!("contact {} cannot be met again from what is left here; exchange a new invite", contact.0),
        ),
        Notice::DeviceCalledBack(contact) => (
            "device-called-back",
            format!("the device of contact {} was called back by its owner; nothing goes there", contact.0),
        ),
        Notice::DevicesContradict(contact) => (
            "devices-contradict",
            format!(
                "contact {} names different devices to different people; compare safety numbers",
                contact.0
            ),
        ),
        Notice::RelayListReplaced(relay) => (
            "relay-list-replaced",
            format!("relay {} lost its list and began anew; what was not fetched is sent again", relay.0),
        ),
        Notice::RelayEquivocates(relay) => (
            "relay-equivocates",
            format!("relay {} signed two histories: it lies to somebody; use another", relay.0),
        ),
        Notice::RelayImpostor(relay) => (
            "relay-impostor",
            format!("another relay answers at the address of relay {}; ask its operator", relay.0),
        ),
        Notice::LogDamaged { commits, files } => (
            "log-damaged",
            format!(
                "parts of the profile are damaged and what stood there is lost here ({commits} steps, {files} files); \
                 open invites ended, and each contact is met again with new keys before anything is sent"
            ),
        ),
        Notice::IndexRebuilt => {
            ("index-rebuilt", "the profile's index was damaged and has been rebuilt; nothing was lost".into())
        }
        Notice::RolledBack => (
            "rolled-back",
            "the profile ends before its last known state, as an older copy would, and what came since is missing here; \
             open invites ended, and each contact is met again with new keys before anything is sent"
                .into(),
        ),
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whoami { account, name, addresses, called_back, .. } => {
                writeln!(f, "name      {}", shown(name))?;
                write!(f, "account   {account}")?;
                if *called_back {
                    write!(f, "\nstate     this device was called back: nobody takes anything from it")?;
                }
                addresses.iter().try_for_each(|address| write!(f, "\naddress   {address}"))
            }
            Self::Invite { invite, .. } => f.write_str(invite),
            Self::Contact { contact, name, state, verified, linked, relays, renewing, .. } => {
                let verified = if *verified { ", verified" } else { "" };
                let linked = if *linked { ", linked" } else { "" };
                let state = match *state {
                    "fetching" => "invite accepted, their keys are looked for",
                    "waiting" => "not answered yet: our answer waits for them",
                    "failed" => NOTHING_GOES,
                    other => other,
                };
                let renewing = if *renewing { ", new keys on the way" } else { "" };
                write!(
                    f,
                    "{contact:>4}  {}  {state}{verified}{linked}, relays: {relays}{renewing}",
                    shown(name)
                )
            }
            Self::SafetyNumber { name, safety_number, verified, .. } => {
                let state = if *verified { "verified" } else { "not verified" };
                write!(f, "{safety_number}\n{}: {state}", shown(name))
            }
            Self::Sent { message, delivery, .. } => write!(f, "{message}  {delivery}"),
            Self::Message {
                message,
                author,
                text,
                late,
                delivery,
                disappears_after,
                sets_disappearing,
                ..
            } => {
                let author = author.as_deref().unwrap_or("me");
                let late = if *late { " (came later)" } else { "" };
                let text = match (text, sets_disappearing) {
                    (Some(text), _) => shown(text),
                    (None, Some(0)) => "[messages stay from here on]".into(),
                    (None, Some(after)) => {
                        format!(
                            "[messages disappear from here on, {} after they were shown]",
                            time::say(*after)
                        )
                    }
                    (None, None) => "[a kind of message that a newer version can show]".into(),
                };
                let fades =
                    disappears_after.map(|after| format!("  [disappears after {}]", time::say(after)));
                let fades = fades.unwrap_or_default();
                let delivery = delivery.map(|word| format!("  [{word}]")).unwrap_or_default();
                let short = &message[..8.min(message.len())];
                write!(f, "{short}  {}{late}: {text}{fades}{delivery}", shown(author))
            }
            Self::Disappearing { contact, disappears_after } => {
                let what = if contact.is_some() { "new messages" } else { "messages of new conversations" };
                match disappears_after {
                    Some(after) => write!(f, "{what} disappear {} after they were shown", time::say(*after)),
                    None if contact.is_some() => f.write_str("new messages stay"),
                    None => f.write_str("nothing is said in new conversations"),
                }
            }
            Self::Step { step, relay, label_ms } => {
                let when = label_ms.map(|ms| time::label(zone::here(), ms)).unwrap_or_default();
                let relay = relay.map(|relay| format!("  relay {relay}")).unwrap_or_default();
                write!(f, "{when:>19}  {step}{relay}")
            }
            Self::Relay { relay, relay_id, addresses, up, home, .. } => {
                let id = relay_id.as_deref().unwrap_or("not met yet");
                // Lines for people come from commands of one thing, which wait for no answer.
                let state = if *up { "up" } else { "not asked" };
                let home = if *home { ", keeps our mail" } else { "" };
                write!(f, "{relay:>4}  {id}  {state}{home}  {}", addresses.join(" "))
            }
            Self::Wiped { files_gone: true, .. } => f.write_str("wiped"),
            Self::Wiped { .. } => f.write_str("wiped; files are left that nobody can read any more"),
            Self::Words { words } => write!(
                f,
                "Note these twelve words on paper; they open the backup, and nothing else does:\n\n  {words}\n"
            ),
            Self::Backup { backup, .. } => write!(f, "written: {backup}"),
            Self::Done { .. } => f.write_str("done"),
        }
    }
}

/// What stands before a further line of a text of others: no line of ours begins so.
const FURTHER: &str = "          ";

/// Text of others as a terminal may show it: no control characters, so that nobody can move our cursor; no marks that
/// turn the direction of what stands beside it; and every further line indented, so that none looks like one of ours.
fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => {
                out.push('\n');
                out.push_str(FURTHER);
            }
            c if c.is_control() || breaks_or_turns(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Signs that no font draws: they begin a line, or turn the direction of what follows.
fn breaks_or_turns(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_cannot_steer_the_terminal() {
        assert_eq!(shown("a\u{1b}[2Jb\r\nc"), "a\u{fffd}[2Jb\u{fffd}\n          c");
    }

    #[test]
    fn a_text_with_further_lines_or_direction_marks_forges_no_line_of_ours() {
        let forged =
            ["3f9a1b22  Bora: bring the list to the bridge", "contact-live: 2", "madang-cli: locked"];
        for line in forged {
            for break_ in ["\n", "\r\n", "\u{2028}", "\u{2029}", "\u{85}", "\u{b}", "\u{c}"] {
                let text = shown(&format!("hi{break_}{line}"));
                let mut lines = text.lines();
                assert!(lines.next().is_some_and(|first| first.starts_with("hi")));
                assert!(lines.all(|further| further.starts_with(FURTHER)), "{text:?}");
            }
        }
        for mark in
            ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}').chain("\u{200e}\u{200f}\u{61c}".chars())
        {
            assert_eq!(shown(&format!("a{mark}b")), "a\u{fffd}b");
        }
        assert_eq!(shown("👩\u{200d}🌾"), "👩\u{200d}🌾", "what joins signs stays");
    }

    #[test]
    fn a_row_has_exactly_the_documented_fields() {
        let sent = Row::sent(&MessageId([0xab; 32]), &ConversationId([1; 16]));
        let json = sent.to_json();
        let keys: Vec<&str> = json.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(keys, ["conversation", "delivery", "message"]);
        assert_eq!(json["message"], "ab".repeat(32));
    }

    #[test]
    fn a_relay_that_was_not_asked_is_not_called_down() {
        let relay = |up| Row::Relay {
            relay: 1,
            relay_id: None,
            addresses: Vec::new(),
            up,
            home: true,
            waiting: 0,
            takes: "all",
        };
        assert!(relay(false).to_string().contains("not asked, keeps our mail"));
        assert!(relay(true).to_string().contains("up, keeps our mail"));
    }
}
