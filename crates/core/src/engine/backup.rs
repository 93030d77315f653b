//! Which records of a profile a backup holds, and what becomes of them in the profile that is restored from it.
//!
//! Who we are, whom we know and what was said outlive a device. What could be used twice does not: no ratchet, no
//! chain, no slot, nothing that waits or is under way. Messages that are not known to be delivered are in the history
//! and are sent again once the contact has been met anew.

use std::collections::BTreeSet;

use proto::store::{Overlay, StoreError, Table};
use zeroize::Zeroizing;

use super::fade::FadeRecord;
use super::{Engine, ME_COUNTERS, ME_FADE, ME_IDENTITY, ME_NAME, ME_USED, each};
use crate::backup::{FormatError, Kept};
use crate::contact::{ContactRecord, ContactState};
use crate::content::{Content, FADE_SECONDS_MAX, FADE_SECONDS_MIN};
use crate::conversation::{Conversation, MessageRecord, decode, encode, locate};
use crate::pair::Pair;
use crate::tables;
use crate::uptime::Used;

/// What may stand in a backup.
const TABLES: [&Table; 9] = [
    &tables::ME,
    &tables::RELAY,
    &tables::CONTACT,
    &tables::PAIR,
    &tables::CONVERSATION,
    &tables::MESSAGE,
    &tables::TRAIL,
    &tables::GONE,
    &tables::FADE,
];

/// A profile that was restored, or has lost something, announces where it can be written to under higher numbers than were ever used before.
pub(crate) const REACH_LEAP: u64 = 1 << 32;

impl Engine {
    /// Calls `put` for each record that a backup holds, in the order in which they stand there.
    ///
    /// # Errors
    /// Those of the store and of `put`.
    pub(crate) fn back_up<E: From<StoreError>>(
        overlay: &Overlay<'_>,
        mut put: impl FnMut(Kept) -> Result<(), E>,
    ) -> Result<(), E> {
        for order in [ME_IDENTITY, ME_NAME, ME_COUNTERS] {
            let value = overlay.get(&tables::ME, b"", order)?.ok_or(crate::CORRUPT)?;
            put(kept(&tables::ME, b"", order, value))?;
        }
        if let Some(value) = overlay.get(&tables::ME, b"", ME_FADE)? {
            put(kept(&tables::ME, b"", ME_FADE, value))?;
        }
        // What two devices keep to meet again, and nothing that could be used twice.
        let mut pairs = Vec::new();
        each(&tables::PAIR, b"", overlay, |party, bytes| {
            pairs.push((party, Pair::keys_for_backup(bytes)?));
            Ok(())
        })?;
        for (party, keys) in pairs {
            let contact = overlay.get(&tables::CONTACT, b"", party)?;
            let state = contact.map(|bytes| decode::<ContactRecord>(&bytes)).transpose()?.map(|c| c.state);
            if state == Some(ContactState::Live) {
                put(kept(&tables::PAIR, b"", party, keys))?;
            }
        }
        let mut all = |table: &'static Table, name: &[u8], wanted: &mut Wanted<'_>| {
            let mut failed = None;
            let read = each(table, name, overlay, |order, bytes| {
                if wanted(order, bytes)? && failed.is_none() {
                    failed = put(kept(table, name, order, bytes.to_vec())).err();
                }
                Ok(())
            });
            read?;
            failed.map_or(Ok(()), Err)
        };
        all(&tables::RELAY, b"", &mut |_, _| Ok(true))?;
        let mut people = BTreeSet::new();
        all(&tables::CONTACT, b"", &mut |party, bytes| {
            // Whoever has not answered yet is met by the invite alone, and that is not in here.
            let met = !matches!(
                decode::<ContactRecord>(bytes)?.state,
                ContactState::Fetching | ContactState::Waiting
            );
            met.then(|| people.insert(party as u32));
            Ok(met)
        })?;
        let mut conversations = Vec::new();
        all(&tables::CONVERSATION, b"", &mut |number, bytes| {
            let wanted = people.contains(&decode::<Conversation>(bytes)?.party);
            wanted.then(|| conversations.push(number as u32));
            Ok(wanted)
        })?;
        for number in &conversations {
            for table in [&tables::MESSAGE, &tables::TRAIL, &tables::GONE] {
                all(table, &tables::name(*number), &mut |_, _| Ok(true))?;
            }
        }
        // A restored profile counts its use from nothing: it has what is left of each time.
        let used = overlay.get(&tables::ME, b"", ME_USED)?.map(|bytes| decode(&bytes)).transpose()?;
        let used = Used(used.unwrap_or_default());
        for name in conversations.into_iter().map(tables::name) {
            let mut fading = Vec::new();
            each(&tables::FADE, &name, overlay, |place, bytes| {
                fading.push((place, decode::<FadeRecord>(bytes)?.after(used)));
                Ok(())
            })?;
            for (place, record) in fading {
                put(kept(&tables::FADE, &name, place, encode(&record)))?;
            }
        }
        Ok(())
    }

    /// Puts a record of a backup into a profile that is being restored.
    ///
    /// # Errors
    /// [`FormatError::Malformed`] if no backup holds such a record.
    pub(crate) fn restore(kept: &Kept, overlay: &mut Overlay<'_>) -> Result<(), FormatError> {
        let known = TABLES.into_iter().find(|table| table.id == kept.table);
        let table = known.ok_or(FormatError::Malformed)?;
        let number =
            || kept.name.as_slice().try_into().map(u32::from_be_bytes).map_err(|_| FormatError::Malformed);
        match table.id {
            id if id == tables::ME.id && kept.order == ME_FADE => {
                let seconds = decode(&kept.value).map_err(|_| FormatError::Malformed)?;
                check_time(seconds)?;
            }
            id if id == tables::ME.id && kept.order > ME_COUNTERS => return Err(FormatError::Malformed),
            id if id == tables::CONVERSATION.id => {
                let record: Conversation = decode(&kept.value).map_err(|_| FormatError::Malformed)?;
                record.fade.map_or(Ok(()), check_time)?;
            }
            id if id == tables::FADE.id => {
                let record: FadeRecord = decode(&kept.value).map_err(|_| FormatError::Malformed)?;
                if !record.is_possible() {
                    return Err(FormatError::Malformed);
                }
            }
            id if id == tables::PAIR.id => {
                Pair::keys_for_backup(&kept.value).map_err(|_| FormatError::Malformed)?;
            }
            id if id == tables::MESSAGE.id => {
                let record: MessageRecord = decode(&kept.value).map_err(|_| FormatError::Malformed)?;
                locate(&Content::id(&record.content), number()?, kept.order, overlay);
            }
            id if id == tables::GONE.id => {
                let id = kept.value.as_slice().try_into().map_err(|_| FormatError::Malformed)?;
                locate(&crate::content::MessageId(id), number()?, kept.order, overlay);
            }
            _ => {}
        }
        overlay.put(table, &kept.name, kept.order, kept.value.to_vec());
        Ok(())
    }

    /// Ends the restoring of a profile: from now on it knows that it is one.
    ///
    /// # Errors
    /// Those of the store; [`StoreError::Corrupt`] if the backup held no profile.
    pub(crate) fn finish_restore(overlay: &mut Overlay<'_>) -> Result<(), StoreError> {
        let counters = overlay.get(&tables::ME, b"", ME_COUNTERS)?.ok_or(crate::CORRUPT)?;
        let (next_party, reach): (u32, u64) = decode(&counters)?;
        let counters = (next_party, reach.saturating_add(REACH_LEAP));
        overlay.put(&tables::ME, b"", ME_COUNTERS, encode(&counters));
        Self::mark_restored(overlay);
        Ok(())
    }
}

/// A time that nobody can choose would be said in every message, and refused by who receives it.
fn check_time(seconds: u32) -> Result<(), FormatError> {
    is_time(seconds).then_some(()).ok_or(FormatError::Malformed)
}

fn is_time(seconds: u32) -> bool {
    (FADE_SECONDS_MIN..=FADE_SECONDS_MAX).contains(&seconds)
}

impl FadeRecord {
    /// What is left of it once the profile was used so long: what it says in a profile that counts from nothing.
    fn after(self, used: Used) -> Self {
        match self {
            Self::Waiting(_) => self,
            Self::Due(due) => Self::Due(due.saturating_sub(used.0)),
        }
    }

    /// Whether a profile that counts from nothing can hold it.
    fn is_possible(self) -> bool {
        match self {
            Self::Waiting(waiting) => is_time(waiting.seconds),
            Self::Due(due) => due <= u64::from(FADE_SECONDS_MAX) * 1_000,
        }
    }
}

/// Whether a record is wanted, by its order and value.
type Wanted<'a> = dyn FnMut(u64, &[u8]) -> Result<bool, StoreError> + 'a;

fn kept(table: &Table, name: &[u8], order: u64, value: Vec<u8>) -> Kept {
    Kept { table: table.id, name: name.to_vec(), order, value: Zeroizing::new(value) }
}

#[cfg(test)]
mod tests {
    use super::super::fade::Waiting;
    use super::*;

    #[test]
    fn what_is_left_of_a_time_is_what_a_restored_profile_counts() {
        let waiting = FadeRecord::Waiting(Waiting { seconds: 60, mine: false });
        assert_eq!(waiting.after(Used(1_000_000)), waiting);
        assert_eq!(FadeRecord::Due(90_000).after(Used(50_000)), FadeRecord::Due(40_000));
        assert_eq!(FadeRecord::Due(90_000).after(Used(95_000)), FadeRecord::Due(0));
        // A backup holds them, so their bytes are those of the chapter.
        assert_eq!(encode(&waiting), [0x82, 0, 0x81, 0x82, 0x18, 60, 0xf4]);
        assert_eq!(encode(&FadeRecord::Due(40_000)), [0x82, 1, 0x81, 0x19, 0x9c, 0x40]);
    }

    #[test]
    fn a_backup_cannot_keep_a_message_beyond_the_longest_time() {
        let longest = u64::from(FADE_SECONDS_MAX) * 1_000;
        for (record, possible) in [
            (FadeRecord::Due(longest), true),
            (FadeRecord::Due(longest + 1), false),
            (FadeRecord::Due(u64::MAX), false),
            (FadeRecord::Waiting(Waiting { seconds: FADE_SECONDS_MAX, mine: true }), true),
            (FadeRecord::Waiting(Waiting { seconds: FADE_SECONDS_MAX + 1, mine: true }), false),
            (FadeRecord::Waiting(Waiting { seconds: 0, mine: false }), false),
        ] {
            assert_eq!(record.is_possible(), possible, "{record:?}");
        }
    }

    #[test]
    fn a_backup_cannot_choose_a_time_that_people_cannot() {
        let chooses = |seconds| {
            let id = crate::content::ConversationId([1; 16]);
            let conversation = Conversation { fade: Some(seconds), ..Conversation::new(id, 1) };
            let records = [
                kept(&tables::ME, b"", ME_FADE, encode(&seconds)),
                kept(&tables::CONVERSATION, b"", 1, encode(&conversation)),
            ];
            let (store, mut batch) = (proto::store::MemoryStore::new(), proto::store::Batch::new());
            let mut overlay = Overlay::new(&store, &mut batch);
            records.map(|record| Engine::restore(&record, &mut overlay).is_ok())
        };
        for possible in [FADE_SECONDS_MIN, FADE_SECONDS_MAX] {
            assert_eq!(chooses(possible), [true, true], "{possible}");
        }
        for impossible in [0, FADE_SECONDS_MIN - 1, FADE_SECONDS_MAX + 1, u32::MAX] {
            assert_eq!(chooses(impossible), [false, false], "{impossible}");
        }
    }
}
