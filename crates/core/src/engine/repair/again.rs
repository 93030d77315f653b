//! What the other side has lost and has to come again: each tells the other what it has.

use std::ops::RangeInclusive;

use proto::id::Party;
use proto::store::StoreError;

use crate::content::{ConversationId, HAVE_LEAP_MAX, Item};
use crate::conversation;
use crate::engine::send::Sent;
use crate::engine::{Engine, Turn};
use crate::event::{Delivery, Trail};
use crate::pair::Again;
use crate::tables;

/// Messages of a history that one turn looks at for what is to be sent again.
pub(super) const AGAIN_PAGE: usize = 1_000;

impl Engine {
    /// Tells which of the other side's messages are here.
    pub(super) fn tell_have(&mut self, party: Party, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let Some(number) = self.contacts.get(&party).and_then(|c| c.conversation) else { return Ok(()) };
        let Some(known) = self.conversations.get(&number) else { return Ok(()) };
        let (upto, highest) = (known.their_run(), known.their_sequence);
        self.queue_item(party, &Item::Have { conversation: known.id, upto, highest }, turn)
    }

    /// The other side tells what it has after a repair: what it had and has lost is sent once more.
    pub(in crate::engine) fn take_have(
        &mut self,
        party: Party,
        conversation: ConversationId,
        numbers: RangeInclusive<u64>,
    ) {
        let Some(pair) = self.pairs.get_mut(&party).filter(|p| p.keys().awaits_have) else { return };
        pair.keys_mut().awaits_have = false;
        let ours = self.contacts.get(&party).and_then(|c| c.conversation);
        let Some(number) = self.by_conversation.get(&conversation).copied().filter(|n| ours == Some(*n))
        else {
            return;
        };
        if let Some(conversation) = self.conversations.get_mut(&number) {
            // Numbers that were given out after the backup are not given out again. What no backup explains is not believed.
            if numbers.end().saturating_sub(conversation.my_sequence) <= HAVE_LEAP_MAX {
                conversation.my_sequence = conversation.my_sequence.max(*numbers.end());
                self.dirty_conversations.insert(number);
            }
        }
        if let Some(pair) = self.pairs.get_mut(&party) {
            pair.keys_mut().have = Some(*numbers.start());
            pair.again = Again::default();
        }
    }

    /// Goes on looking for what the other side has lost, and sends it again once all of it is found, oldest first.
    pub(in crate::engine) fn send_again(
        &mut self,
        party: Party,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        let Some(upto) = pair.keys().have else { return Ok(()) };
        let Again { from, mut found } = std::mem::take(&mut pair.again);
        self.dirty.insert(party);
        let Some(number) = self.house(party, turn) else { return Ok(()) };
        let (places, next) =
            conversation::own_after(number, upto, from.unwrap_or(u64::MAX), AGAIN_PAGE, turn.overlay)?;
        for place in places {
            let trail = turn.overlay.get(&tables::TRAIL, &tables::name(number), place.0)?;
            let trail: Trail = trail.map(|b| conversation::decode(&b)).transpose()?.unwrap_or_default();
            // What was never acknowledged is in the stream already.
            found.extend((trail.delivery() >= Delivery::Delivered).then_some(place));
        }
        let Some(pair) = self.pairs.get_mut(&party) else { return Ok(()) };
        if next.is_some() {
            pair.again = Again { from: next, found };
            return Ok(());
        }
        pair.keys_mut().have = None;
        let waiting = self.waiting(party, turn)?;
        for place in found.into_iter().rev() {
            // So is what was asked for by an earlier repair.
            if !waiting.contains(&Sent::Message(number, place).encode()) {
                self.queue_message(party, number, place, turn)?;
            }
        }
        Ok(())
    }
}
