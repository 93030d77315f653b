//! How a client reads a relay's list: each entry against the signed chain, each lie noticed, nothing passed unseen.

use std::collections::BTreeMap;

use crypto::hash::Hash32;
use crypto::seal::Class;

use super::cursor::{Cursor, Hit};
use super::{Client, ClientError, ClientEvent, EQUIVOCATIONS_MAX, Follow};
use crate::envelope::Blob;
use crate::frame::Frame;
use crate::id::Prefix;
use crate::limits;
use crate::mailbox::list::{Batch, Entries, Head, chain_next, chain_start};
use crate::mailbox::request::ListPart;

impl Client {
    /// Compares where the relay says the list goes on with where the client stands, and adopts it.
    pub(super) fn stand_at(
        &mut self,
        head: &Head,
        first: u64,
        start: Hash32,
        events: &mut Vec<ClientEvent>,
    ) -> Result<(), ClientError> {
        self.fetch.go_on();
        if first == 0 && start != chain_start(&head.list) {
            return Err(ClientError::Lied);
        }
        let cursor = &mut self.cursor;
        if cursor.list != Some(head.list) {
            if cursor.list.is_some() {
                events.push(ClientEvent::ListReplaced);
            }
            cursor.begin(head.list, first, start);
            self.fetch.clear();
            events.push(ClientEvent::CursorMoved);
            return Ok(());
        }
        let contradicts = head.position < cursor.position
            || first < cursor.position
            || (first == cursor.position && start != cursor.chain);
        if contradicts {
            return self.on_equivocation(Some((first, start)), events);
        }
        if first > cursor.position {
            // What lay between has outlived its days.
            cursor.skip_to(first, start);
            events.push(ClientEvent::CursorMoved);
        }
        Ok(())
    }

    /// The relay contradicts its own signature. Its list is read from its beginning, so that no mail is missed.
    fn on_equivocation(
        &mut self,
        place: Option<(u64, Hash32)>,
        events: &mut Vec<ClientEvent>,
    ) -> Result<(), ClientError> {
        let up = self.link.as_mut().ok_or(ClientError::OutOfPlace)?;
        up.equivocations += 1;
        if up.equivocations > EQUIVOCATIONS_MAX {
            return Err(ClientError::Lied);
        }
        events.push(ClientEvent::Equivocation);
        match (self.cursor.list, place) {
            (Some(list), Some((first, start))) => self.cursor.begin(list, first, start),
            _ => {
                self.cursor = Cursor::default();
                up.follow = Follow::Off;
            }
        }
        self.fetch.clear();
        events.push(ClientEvent::CursorMoved);
        Ok(())
    }

    pub(super) fn on_batch(
        &mut self,
        batch: Batch,
        frame_bytes: usize,
        wanted: &dyn Fn(&Prefix) -> bool,
        events: &mut Vec<ClientEvent>,
    ) -> Result<(), ClientError> {
        let up = self.link.as_mut().ok_or(ClientError::OutOfPlace)?;
        if up.follow != Follow::On {
            return Ok(());
        }
        up.taken = up.taken.saturating_add(u32::try_from(frame_bytes).unwrap_or(u32::MAX));
        self.check_head(&batch.head, batch.first, &batch.entries)?;
        if batch.entries.is_empty() || Some(batch.head.list) != self.cursor.list {
            return Err(ClientError::Lied);
        }
        if let Some(start) = batch.start.filter(|_| batch.first > self.cursor.position) {
            self.cursor.skip_to(batch.first, start);
        }
        if batch.first != self.cursor.position {
            return Err(ClientError::Lied);
        }
        let mut blobs: BTreeMap<u16, Blob> = batch.blobs.into_iter().collect();
        let taken =
            self.take(&batch.entries, &batch.head, wanted, |place| blobs.remove(&u16::try_from(place).ok()?));
        self.settle(taken, events)?;
        self.grant(events);
        Ok(())
    }

    pub(super) fn on_poll(
        &mut self,
        part: ListPart,
        wanted: &dyn Fn(&Prefix) -> bool,
        events: &mut Vec<ClientEvent>,
    ) -> Result<(), ClientError> {
        self.check_head(&part.head, part.first, &part.entries)?;
        if part.end < part.head.position {
            return Err(ClientError::Lied);
        }
        self.stand_at(&part.head, part.first, part.start, events)?;
        let taken = self.take(&part.entries, &part.head, wanted, |_| None);
        self.settle(taken, events)?;
        // A relay that shows nothing new and promises more would be asked for ever.
        let done = self.cursor.position >= part.end || part.entries.is_empty();
        if let Some(up) = &mut self.link {
            up.goal = up.goal.max(part.end);
            up.polling = !done;
            up.polled |= done;
        }
        Ok(())
    }

    /// Takes a part of what was passed before. It may be wanted now; the cursor's place stays.
    pub(super) fn on_again(
        &mut self,
        from: u64,
        start: Option<Hash32>,
        part: ListPart,
        wanted: &dyn Fn(&Prefix) -> bool,
        events: &mut Vec<ClientEvent>,
    ) -> Result<(), ClientError> {
        if let Some(up) = &mut self.link {
            up.looking = false;
        }
        if Some(part.head.list) != self.cursor.list {
            // The list was replaced in between; there is nothing earlier to look at.
            self.cursor.again = None;
            return Ok(());
        }
        self.check_head(&part.head, part.first, &part.entries)?;
        let continues = start.is_none_or(|start| start == part.start) || part.first > from;
        if part.first < from || !continues || !self.agrees(&part) {
            return self.on_equivocation(None, events);
        }
        let mut chain = part.start;
        let mut position = part.first;
        for (prefix, class) in part.entries.iter() {
            if position >= self.cursor.position || self.cursor.is_full() {
                break;
            }
            if wanted(&prefix) {
                self.cursor.hits.insert(position, Hit { prefix, class });
            }
            chain = chain_next(&chain, &prefix, class);
            position += 1;
        }
        // A part without entries, although there are some, would be asked for without end.
        let over = position >= self.cursor.position || part.entries.is_empty();
        if self.cursor.again == Some(from) {
            self.cursor.again = (!over).then_some(position);
            self.cursor.again_chain = (!over).then_some(chain);
        }
        events.push(ClientEvent::CursorMoved);
        Ok(())
    }

    /// Whether a part leads to its own head, and through the cursor's place where it passes there.
    fn agrees(&self, part: &ListPart) -> bool {
        let mut chain = part.start;
        let mut position = part.first;
        for (prefix, class) in part.entries.iter() {
            if position == self.cursor.position && chain != self.cursor.chain {
                return false;
            }
            chain = chain_next(&chain, &prefix, class);
            position += 1;
        }
        let ends_here = position == self.cursor.position;
        chain == part.head.chain && (!ends_here || chain == self.cursor.chain)
    }

    /// Whether the relay has signed for the place after these entries.
    fn check_head(&self, head: &Head, first: u64, entries: &Entries) -> Result<(), ClientError> {
        let end = first.checked_add(entries.len() as u64);
        if end != Some(head.position) || !head.is_signed_by(&self.sign_key) {
            return Err(ClientError::Lied);
        }
        Ok(())
    }

    /// Walks entries from the cursor on; gives `None` if they do not lead to the signed chain.
    fn take(
        &self,
        entries: &Entries,
        head: &Head,
        wanted: &dyn Fn(&Prefix) -> bool,
        mut pushed: impl FnMut(usize) -> Option<Blob>,
    ) -> Option<Taken> {
        let mut chain = self.cursor.chain;
        let mut taken = Taken::default();
        let mut stop = None;
        for (place, (prefix, class)) in entries.iter().enumerate() {
            let position = self.cursor.position + place as u64;
            if stop.is_none() {
                let full = self.cursor.hits.len() + taken.hits.len() >= limits::HITS_WAITING_MAX;
                let blob = pushed(place);
                match (wanted(&prefix), blob) {
                    (true, Some(blob)) => taken.blobs.push((position, prefix, blob)),
                    (true, None) if full => stop = Some((position, chain)),
                    (true, None) => taken.hits.push((position, Hit { prefix, class })),
                    (false, Some(_)) => {}
                    (false, None) => taken.others.push((position, class)),
                }
            }
            chain = chain_next(&chain, &prefix, class);
        }
        if chain != head.chain {
            return None;
        }
        taken.whole = stop.is_none();
        taken.end = stop.unwrap_or((head.position, chain));
        Some(taken)
    }

    fn settle(&mut self, taken: Option<Taken>, events: &mut Vec<ClientEvent>) -> Result<(), ClientError> {
        let Some(taken) = taken else {
            return self.on_equivocation(None, events);
        };
        let moved = taken.end.0 != self.cursor.position;
        (self.cursor.position, self.cursor.chain) = taken.end;
        self.cursor.hits.extend(taken.hits);
        self.fetch.note_others(taken.others);
        for (position, prefix, blob) in taken.blobs {
            events.push(ClientEvent::Blob { prefix, blob, position });
        }
        if moved {
            events.push(ClientEvent::CursorMoved);
        }
        if let Some(up) = self.link.as_mut().filter(|_| !taken.whole) {
            // Fetch first; then the list is followed again from here.
            up.follow = Follow::Off;
        }
        Ok(())
    }

    fn grant(&mut self, events: &mut Vec<ClientEvent>) {
        let Some(up) = &mut self.link else {
            return;
        };
        if up.follow == Follow::On && up.taken >= limits::FOLLOW_CREDIT_BYTES / 4 {
            let bytes = std::mem::take(&mut up.taken);
            events.push(ClientEvent::Send(Frame::Credit { bytes }.encode()));
        }
    }

    pub(super) fn on_blobs(
        &mut self,
        asked: &[u64],
        blobs: Vec<(u64, Option<Blob>)>,
        events: &mut Vec<ClientEvent>,
    ) -> Result<(), ClientError> {
        self.fetch.unask(asked);
        // The relay answers from the front, and at least the first: or else it would be asked for ever.
        let in_order = blobs.iter().map(|(position, _)| position).eq(asked.iter().take(blobs.len()));
        if blobs.is_empty() || !in_order {
            return Err(ClientError::Lied);
        }
        let mut moved = false;
        for (position, blob) in blobs {
            self.fetch.answered(position);
            let Some(hit) = self.cursor.hits.get(&position).copied() else {
                continue;
            };
            if blob.as_ref().is_some_and(|blob| blob.class() != hit.class) {
                return Err(ClientError::Lied);
            }
            self.cursor.hits.remove(&position);
            moved = true;
            let prefix = hit.prefix;
            events.push(match blob {
                Some(blob) => ClientEvent::Blob { prefix, blob, position },
                None => ClientEvent::Gone(prefix),
            });
        }
        if moved {
            events.push(ClientEvent::CursorMoved);
        }
        Ok(())
    }
}

/// What a walk over entries found.
#[derive(Debug, Default)]
struct Taken {
    blobs: Vec<(u64, Prefix, Blob)>,
    hits: Vec<(u64, Hit)>,
    others: Vec<(u64, Class)>,
    end: (u64, Hash32),
    whole: bool,
}
