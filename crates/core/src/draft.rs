//! What is not sent yet, and how the desk was left: kept sealed like everything else, and told to nobody.

use minicbor::{Decode, Encode};
use proto::store::{Direction, Overlay, StoreError};

use crate::content::{ConversationId, MessageId};
use crate::conversation::{decode, encode};
use crate::tables;

/// The longest draft, in UTF-8 bytes: more than one message can carry, so that a text can be split with care.
pub const DRAFT_BYTES_MAX: usize = 32 * 1024;
/// The most bytes that an interface may keep about how it was left.
pub const DESK_BYTES_MAX: usize = 4 * 1024;

/// Drafts in one page while all are read.
const PAGE: usize = 256;

/// A text that is being written.
#[derive(Clone, Eq, PartialEq)]
pub struct Draft {
    /// For whom.
    pub conversation: ConversationId,
    /// The text as it was left, at most [`DRAFT_BYTES_MAX`] bytes.
    pub text: String,
    /// The message that it will answer.
    pub reply_to: Option<MessageId>,
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Draft")
    }
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct DraftRecord {
    #[n(0)]
    text: String,
    #[n(1)]
    reply_to: Option<MessageId>,
}

/// Keeps the draft of a conversation in place of the one before; an empty one is forgotten.
pub(crate) fn keep(number: u32, text: &str, reply_to: Option<MessageId>, overlay: &mut Overlay<'_>) {
    if text.trim().is_empty() {
        overlay.delete(&tables::DRAFT, b"", number.into());
    } else {
        let record = DraftRecord { text: text.to_owned(), reply_to };
        overlay.put(&tables::DRAFT, b"", number.into(), encode(&record));
    }
}

/// Forgets the draft of a conversation if it is the text that was just sent.
pub(crate) fn sent(number: u32, text: &str, overlay: &mut Overlay<'_>) -> Result<(), StoreError> {
    if let Some(bytes) = overlay.get(&tables::DRAFT, b"", number.into())?
        && decode::<DraftRecord>(&bytes)?.text.trim() == text.trim()
    {
        overlay.delete(&tables::DRAFT, b"", number.into());
    }
    Ok(())
}

/// Returns all drafts; `conversation` names each by its local number, and those it does not know are left out.
pub(crate) fn all(
    conversation: impl Fn(u32) -> Option<ConversationId>,
    overlay: &Overlay<'_>,
) -> Result<Vec<Draft>, StoreError> {
    let mut drafts = Vec::new();
    let mut from = 0;
    loop {
        let page = overlay.range(&tables::DRAFT, b"", from..=u64::MAX, Direction::Ascending, PAGE)?;
        let Some((last, _)) = page.last() else { return Ok(drafts) };
        from = last + 1;
        for (number, bytes) in page {
            let number = u32::try_from(number).map_err(|_| crate::CORRUPT)?;
            if let Some(conversation) = conversation(number) {
                let DraftRecord { text, reply_to } = decode(&bytes)?;
                drafts.push(Draft { conversation, text, reply_to });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proto::store::{Batch, MemoryStore};

    use super::*;

    fn id(number: u32) -> Option<ConversationId> {
        (number != 9).then_some(ConversationId([u8::try_from(number).unwrap_or(0); 16]))
    }

    #[test]
    fn a_draft_stays_until_it_is_sent_or_emptied() {
        let (store, mut batch) = (MemoryStore::new(), Batch::new());
        let mut overlay = Overlay::new(&store, &mut batch);
        keep(1, "half a", None, &mut overlay);
        keep(1, "half a thought", Some(MessageId([7; 32])), &mut overlay);
        keep(2, "  \n", None, &mut overlay);
        keep(9, "for nobody", None, &mut overlay);
        let kept = all(id, &overlay).expect("readable");
        assert_eq!(kept.len(), 1);
        assert_eq!((kept[0].text.as_str(), kept[0].reply_to), ("half a thought", Some(MessageId([7; 32]))));

        sent(1, "something else", &mut overlay).expect("readable");
        assert_eq!(all(id, &overlay).expect("readable").len(), 1);
        sent(1, " half a thought", &mut overlay).expect("readable");
        assert!(all(id, &overlay).expect("readable").is_empty());
    }
}
