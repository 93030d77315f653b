//! The node's records as the window shows them. Whatever others wrote is made fit to show here, and nowhere later.

use std::time::Duration;

use madang_core::{
    AccountId, Choice, Comparison, Contact, ContactState, Delivery as Far, Message as Kept, RelayInfo,
    Takes as Taken, Whoami,
};

use crate::{
    model::{Bond, Chat, ChatId, Compared, Delivery, Fade, Last, Me, Message, MessageKey, Quote, Takes},
    text,
};

/// Characters of a quote or a last line.
const LINE_CHARS: usize = 160;
/// A clock of another machine may be this far ahead before its label is not believed.
const AHEAD_MS: u64 = 10 * 60 * 1000;

/// A contact as the list shows it; what was known of the last line stays.
pub(super) fn chat_of(contact: &Contact, before: Option<Chat>) -> Chat {
    let seed = contact.account.map_or(u64::from(contact.id.0), |account| seed_of(&account));
    let bond = match contact.state {
        ContactState::Live => Bond::Live,
        ContactState::Failed => Bond::Failed,
        ContactState::Fetching | ContactState::Waiting => Bond::Waiting,
    };
    let before = before.unwrap_or_default();
    Chat {
        id: ChatId(contact.id.0),
        name: name_of(&contact.name),
        their_name: name_of(&contact.their_name),
        seed,
        verified: contact.verified,
        bond,
        writable: contact.conversation.is_some(),
        linked: contact.linked,
        last: before.last,
        unread: before.unread,
        order: before.order,
        resembles: None,
        fade: before.fade,
        renewing: contact.renewing,
    }
}

/// A number by which an account has the same avatar in every window.
fn seed_of(account: &AccountId) -> u64 {
    account.as_bytes().iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}

/// A name as it is shown. One of which nothing is seen is an ellipsis, so that nobody stands there without a name.
fn name_of(raw: &str) -> String {
    let shown = text::name(raw);
    if !shown.chars().any(text::is_seen) && !raw.is_empty() { "…".to_owned() } else { shown }
}

/// What a message says; nothing if its kind is of a newer version.
fn body_of(message: &Kept) -> String {
    message.text.as_deref().map(text::body).unwrap_or_default()
}

/// The last line of a chat.
pub(super) fn last_of(message: &Kept) -> Last {
    let delivery = message.mine.then(|| delivery_of(message.delivery));
    Last { text: line_of(message), chose: chosen(message), delivery, label_ms: label_of(message) }
}

/// What a message says in one line.
pub(super) fn line_of(message: &Kept) -> String {
    text::line(&body_of(message), LINE_CHARS)
}

/// What an answer to a message shows of it: nothing of a choice.
pub(super) fn quote_of(message: &Kept) -> Option<String> {
    message.chose.is_none().then(|| line_of(message))
}

/// A message of a conversation, with what it answers.
pub(super) fn message_of(kept: &Kept, reply: Option<Quote>) -> Message {
    Message {
        key: MessageKey(kept.id.0),
        place: kept.place.0,
        mine: kept.mine,
        text: body_of(kept),
        chose: chosen(kept),
        fades: kept.disappears_after.map(seconds),
        shown: false,
        reply,
        label_ms: label_of(kept),
        late: kept.arrived_late,
        gap: kept.after_gap,
        delivery: delivery_of(kept.delivery),
    }
}

/// The own side: the account in groups of eight letters.
pub(super) fn me_of(whoami: &Whoami, addresses: Vec<String>, fade: Fade) -> Me {
    let letters: Vec<String> = whoami.account.as_bytes().iter().map(|b| format!("{b:02x}")).collect();
    let account = letters.chunks(4).map(<[String]>::concat).collect::<Vec<_>>().join(" ");
    let seed = seed_of(&whoami.account);
    Me { name: text::name(&whoami.name), account, seed, addresses, fade, called_back: whoami.called_back }
}

/// What a message chose, if it is a choice.
pub(super) fn chosen(message: &Kept) -> Option<Fade> {
    message.chose.map(|choice| match choice {
        Choice::Stay => Fade::Never,
        Choice::Disappear(after) => Fade::After(seconds(after)),
    })
}

/// A time after which messages disappear, in seconds: less than a leap of 32 bits.
pub(super) fn seconds(after: Duration) -> u32 {
    u32::try_from(after.as_secs()).unwrap_or(u32::MAX)
}

/// What holds in a conversation.
pub(super) fn fade_of(after: Option<Duration>) -> Fade {
    after.map_or(Fade::Never, |after| Fade::After(seconds(after)))
}

/// The same for the node.
pub(super) fn time_of(fade: Fade) -> Option<Duration> {
    match fade {
        Fade::Never => None,
        Fade::After(seconds) => Some(Duration::from_secs(seconds.into())),
    }
}

/// What the writer's clock said, unless it is ahead of this machine's.
pub(super) fn label_of(message: &Kept) -> Option<u64> {
    match (message.claimed_ms, message.label_ms) {
        (Some(claimed), Some(kept)) if claimed > kept.saturating_add(AHEAD_MS) => Some(kept),
        (claimed, kept) => claimed.or(kept),
    }
}

/// How far a message has come.
pub(super) fn delivery_of(far: Option<Far>) -> Delivery {
    match far {
        None | Some(Far::Written) => Delivery::Written,
        Some(Far::Sealed) => Delivery::Sealed,
        Some(Far::OnRelay { copies }) => Delivery::OnRelay(copies),
        Some(Far::OnDevice) => Delivery::OnDevice,
        Some(Far::Delivered) => Delivery::Delivered,
        Some(Far::Read) => Delivery::Read,
    }
}

/// How a relay is called where it stands: by its first address.
pub(super) fn label_of_relay(relay: &RelayInfo) -> String {
    relay.addresses.first().map(|address| text::address(address)).unwrap_or_default()
}

/// What a relay takes.
pub(super) fn takes_of(takes: Taken) -> Takes {
    match takes {
        Taken::All => Takes::All,
        Taken::MakingRoom => Takes::MakingRoom,
        Taken::Nothing => Takes::Nothing,
        Taken::Later => Takes::Later,
    }
}

/// What a text says, compared with a safety number.
pub(super) fn compared_of(said: Comparison) -> Compared {
    match said {
        Comparison::Same => Compared::Same,
        Comparison::Differs => Compared::Differs,
        Comparison::NoNumber { digits } => Compared::NoNumber(digits),
    }
}

#[cfg(test)]
mod tests {
    use madang_core::{ContactId, MessageId, Place};

    use super::*;

    const EVIL: &str = "Ji\u{202E}su\n\u{200B}\u{2066}Lee\u{0000}\u{FEFF}";

    fn is_fit(text: &str, lines: bool) -> bool {
        let tricks = ['\u{202E}', '\u{200B}', '\u{2066}', '\u{0000}', '\u{FEFF}'];
        !text.is_empty() && !text.contains(tricks) && (lines || !text.contains('\n'))
    }

    fn kept(text: &str) -> Kept {
        Kept {
            id: MessageId([7; 32]),
            place: Place(9),
            mine: false,
            text: Some(text.to_owned()),
            reply_to: None,
            disappears_after: None,
            chose: None,
            label_ms: Some(1_000),
            claimed_ms: None,
            arrived_late: true,
            after_gap: true,
            delivery: None,
        }
    }

    #[test]
    fn whatever_others_call_themselves_the_window_is_told_a_name_that_is_fit_to_show() {
        let unseen = ["\u{2800}", "\u{200D}\u{FE0F}", "\u{3000}\u{2800}"].map(str::to_owned);
        let long = [format!("a{}", "\u{0301}".repeat(30_000)), "x".repeat(60_000)];
        for name in [EVIL.to_owned()].into_iter().chain(unseen).chain(long) {
            let contact = Contact {
                id: ContactId(3),
                name: name.clone(),
                their_name: name.clone(),
                account: None,
                verified: false,
                state: ContactState::Live,
                conversation: None,
                linked: false,
                relays: 0,
                renewing: false,
            };
            let chat = chat_of(&contact, None);
            for shown in [&chat.name, &chat.their_name] {
                assert!(is_fit(shown, false) && shown.chars().count() <= 48, "{shown:?}");
                assert!(shown.chars().any(text::is_seen), "{shown:?}");
            }
        }
    }

    #[test]
    fn whatever_others_write_the_window_is_told_lines_and_texts_that_are_fit_to_show() {
        let kept = kept(EVIL);
        assert!(is_fit(&last_of(&kept).text, false) && is_fit(&line_of(&kept), false));
        let message = message_of(&kept, None);
        assert!(is_fit(&message.text, true));
        assert!(message.late && message.gap);
    }

    #[test]
    fn what_has_nothing_to_be_seen_is_told_as_such_and_not_as_of_a_newer_kind() {
        assert_eq!(
            (message_of(&kept("\u{200B}"), None).text, line_of(&kept(" \n"))),
            ("…".into(), "…".into())
        );
        let newer = Kept { text: None, ..kept("") };
        assert_eq!((message_of(&newer, None).text, line_of(&newer)), (String::new(), String::new()));
        assert_eq!(quote_of(&newer), Some(String::new()));
        assert_eq!((name_of("\u{200B}"), name_of("")), ("…".into(), String::new()));
    }

    #[test]
    fn the_own_side_has_the_avatar_that_contacts_see() {
        let account = AccountId::new(std::array::from_fn(|at| at as u8 + 1));
        let contact = Contact {
            id: ContactId(3),
            name: "Jisu".into(),
            their_name: "Jisu".into(),
            account: Some(account),
            verified: false,
            state: ContactState::Live,
            conversation: None,
            linked: false,
            relays: 0,
            renewing: false,
        };
        let whoami = Whoami { account, name: "Jisu".into(), called_back: false };
        let me = me_of(&whoami, Vec::new(), Fade::Never);
        assert_eq!((chat_of(&contact, None).seed, me.seed), (0x0102_0304_0506_0708, 0x0102_0304_0506_0708));
    }

    #[test]
    fn a_label_that_is_far_ahead_is_not_believed() {
        let at = |claimed_ms| label_of(&Kept { claimed_ms, ..kept("") });
        assert_eq!(at(Some(1_000 + AHEAD_MS)), Some(1_000 + AHEAD_MS));
        assert_eq!(at(Some(1_001 + AHEAD_MS)), Some(1_000));
        assert_eq!(at(None), Some(1_000));
    }
}
