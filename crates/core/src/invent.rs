//! A large profile out of nothing, so that programs can measure one. Never part of the product: feature `invent`.

use proto::store::{Batch, Overlay, Store, StoreError};

use crate::contact::{ContactRecord, ContactState};
use crate::content::{Body, ConversationId};
use crate::conversation::{Conversation, Inserted, decode, encode};
use crate::tables;

/// Messages that share one batch.
const TOGETHER: u64 = 2_000;

/// Writes `contacts` contacts into a profile that [`crate::engine::Engine::create`] has made and nobody has open,
/// and deals `messages` messages out among their conversations, `text(n)` being the n-th. Nothing can be sent to
/// these contacts: no keys belong to them.
///
/// # Errors
/// [`StoreError`] from the store.
pub fn fill(
    store: &mut dyn Store,
    contacts: u32,
    messages: u64,
    text: impl Fn(u64) -> String,
) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    let mut overlay = Overlay::new(store, &mut batch);
    let (first, reach): (u32, u64) =
        decode(&overlay.get(&tables::ME, b"", crate::engine::ME_COUNTERS)?.ok_or(crate::CORRUPT)?)?;
    let mut conversations = Vec::new();
    for number in first..first + contacts {
        let mut account = [7; 32];
        account[..4].copy_from_slice(&number.to_be_bytes());
        let record = ContactRecord {
            own_name: None,
            their_name: format!("{number} 이웃"),
            verified: false,
            state: ContactState::Live,
            account: account.to_vec(),
            cert: None,
            list: None,
            mailboxes: Vec::new(),
            reach_number: None,
            conversation: Some(number),
        };
        overlay.put(&tables::CONTACT, b"", number.into(), encode(&record));
        let id = ConversationId(account[..16].try_into().expect("half of 32 bytes"));
        conversations.push(Conversation::new(id, number));
    }
    overlay.put(&tables::ME, b"", crate::engine::ME_COUNTERS, encode(&(first + contacts, reach)));
    store.commit(batch)?;

    let mut done = 0;
    while done < messages {
        let mut batch = Batch::new();
        let mut overlay = Overlay::new(store, &mut batch);
        for n in done..messages.min(done + TOGETHER) {
            let conversation = &mut conversations[(n % u64::from(contacts)) as usize];
            let mut salt = [0; 32];
            salt[..8].copy_from_slice(&n.to_be_bytes());
            let body = Body::Text { text: text(n), reply_to: None, fade: None };
            // A day has about a hundred of them.
            let label = Some(1_700_000_000_000 + n * 864_000 / u64::from(contacts));
            let content = conversation.compose([9; 16], body, label, salt);
            let mine = n / u64::from(contacts) % 3 == 0;
            let number = conversation.party;
            if let Inserted::New(_, place) =
                conversation.insert(number, &content.encode(), &content, mine, label, &mut overlay)?
            {
                conversation.seen_up_to(place);
            }
        }
        done = messages.min(done + TOGETHER);
        if done == messages {
            for conversation in &conversations {
                overlay.put(&tables::CONVERSATION, b"", conversation.party.into(), encode(conversation));
            }
        }
        store.commit(batch)?;
    }
    Ok(())
}
