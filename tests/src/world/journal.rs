//! What was written, kept and told in a world, noted at the instant of the commit.

use std::collections::{BTreeMap, BTreeSet};

use madang_core::{ConversationId, Delivery, Event, MessageId};
use proto::id::Tag;
use proto::router::Router;
use proto::sim::HostId;

/// All that was written and told, over all lives of all devices.
#[derive(Default)]
pub struct Journal {
    /// Who has which message on disk.
    kept: BTreeSet<(MessageId, HostId)>,
    /// What each person knew of a conversation, in the order in which it came to them.
    known: BTreeMap<(HostId, ConversationId), Vec<MessageId>>,
    /// Messages that their authors have on disk and do not know to be delivered.
    open: BTreeSet<(HostId, MessageId)>,
    /// What was answered as kept, and what its author knew then.
    written: BTreeMap<ConversationId, BTreeMap<MessageId, Vec<MessageId>>>,
    people: BTreeMap<ConversationId, (HostId, HostId)>,
    /// What was sealed into each slot of a drop, by all lives of all devices, as a hash.
    slots: BTreeMap<Tag, [u8; 32]>,
    /// Hashes of all blobs that were on disk before they could leave.
    sealed: BTreeSet<[u8; 32]>,
    /// Devices that somebody copied and goes on with: they do what no device does.
    copied: BTreeSet<HostId>,
    fingerprint: [u8; 32],
    told: u64,
}

impl Journal {
    /// Notes what a turn made durable. `told` says whether anybody will hear of it, or the device dies over it.
    pub(super) fn committed(&mut self, who: HostId, events: &[&Event], told: bool) {
        for event in events {
            match event {
                Event::Message { conversation, id, mine } => {
                    assert!(self.kept.insert((*id, who)), "{who:?} is told a message twice");
                    self.known.entry((who, *conversation)).or_default().push(*id);
                    if *mine {
                        self.open.insert((who, *id));
                    }
                }
                Event::Delivery { id, delivery: Delivery::Delivered | Delivery::Read, .. } => {
                    assert!(
                        self.has_come(who, *id),
                        "{who:?} is told delivered and the other side does not have it"
                    );
                    self.open.remove(&(who, *id));
                }
                _ => {}
            }
            if told {
                self.note(who, event);
            }
        }
    }

    fn note(&mut self, who: HostId, event: &Event) {
        self.told += 1;
        let named = match event {
            Event::Message { id, .. } | Event::Delivery { id, .. } => id.0,
            _ => [0; 32],
        };
        let words = format!("{event:?}");
        let parts: [&[u8]; 4] = [&self.fingerprint, &who.0.to_be_bytes(), &named, words.as_bytes()];
        self.fingerprint = crypto::hash::hash("sim/journal", &parts);
    }

    /// Notes an envelope that leaves as soon as its turn is on disk.
    ///
    /// A slot that is used twice means that its key is, and the ratchet's key inside it most likely too.
    pub(super) fn sealed(&mut self, who: HostId, record: &[u8]) {
        let (envelope, in_drop) = Router::envelope_of(record).expect("a record of the outbox");
        let hash = hash_of(envelope.blob.bytes());
        self.sealed.insert(hash);
        if in_drop && !self.copied.contains(&who) {
            let before = *self.slots.entry(envelope.tag).or_insert(hash);
            assert!(before == hash, "{who:?} has put two things into one slot");
        }
    }

    /// Notes that a blob is on a wire.
    pub(super) fn leaves(&self, blob: &[u8]) {
        assert!(self.sealed.contains(&hash_of(blob)), "what leaves was on disk before");
    }

    /// Somebody goes on with a copy of this device's disk.
    pub(super) fn copied(&mut self, who: HostId) {
        self.copied.insert(who);
    }

    /// How many slots were used.
    #[must_use]
    pub fn slots_used(&self) -> usize {
        self.slots.len()
    }

    /// A device lost all messages but those that are `here`.
    pub(super) fn lost(&mut self, who: HostId, here: &BTreeSet<MessageId>) {
        self.kept.retain(|(id, at)| *at != who || here.contains(id));
        self.open.retain(|(at, id)| *at != who || here.contains(id));
        for ((at, _), known) in &mut self.known {
            known.retain(|id| *at != who || here.contains(id));
        }
    }

    pub(super) fn wrote(
        &mut self,
        from: HostId,
        to: HostId,
        conversation: ConversationId,
        id: MessageId,
        known: Vec<MessageId>,
    ) {
        self.people.entry(conversation).or_insert((from, to));
        self.written.entry(conversation).or_default().insert(id, known);
    }

    /// What a person knows of a conversation, in the order in which it came to them.
    #[must_use]
    pub fn known_to(&self, who: HostId, conversation: ConversationId) -> Vec<MessageId> {
        self.known.get(&(who, conversation)).cloned().unwrap_or_default()
    }

    /// Whether somebody other than its author has a message on disk.
    #[must_use]
    pub fn has_come(&self, author: HostId, id: MessageId) -> bool {
        let all = (id, HostId(0))..=(id, HostId(u32::MAX));
        self.kept.range(all).any(|(_, who)| *who != author)
    }

    /// Messages that their authors have on disk and do not know to be delivered.
    #[must_use]
    pub fn undelivered(&self) -> Vec<(HostId, MessageId)> {
        self.open.iter().copied().collect()
    }

    /// How many messages were answered as kept.
    #[must_use]
    pub fn written(&self) -> usize {
        self.written.values().map(BTreeMap::len).sum()
    }

    /// How many events people were told.
    #[must_use]
    pub fn told(&self) -> u64 {
        self.told
    }

    /// The conversations in which something was written, and whose they are.
    pub fn conversations(&self) -> impl Iterator<Item = (ConversationId, (HostId, HostId))> + '_ {
        self.people.iter().map(|(id, people)| (*id, *people))
    }

    /// What was written in a conversation, each with what its author knew then.
    pub fn written_in(&self, id: ConversationId) -> impl Iterator<Item = (MessageId, &[MessageId])> {
        self.written.get(&id).into_iter().flatten().map(|(id, causes)| (*id, &causes[..]))
    }

    /// A hash over who was told what, in order.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }
}

fn hash_of(blob: &[u8]) -> [u8; 32] {
    crypto::hash::hash("sim/blob", &[blob])
}
