//! Every table of this floor: its number, what its records are named by, and which keys die together.

use proto::store::{LeafRule, Table};

use crate::event::PLACE_BITS;

/// Steps of depth whose messages share a key.
pub(crate) const RUN_DEPTHS: u64 = 64;

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $text:literal, $leaf:expr;)*) => {
        $($(#[$doc])* pub(crate) const $name: Table = Table { id: $id, name: $text, leaf: $leaf };)*
    };
}

tables! {
    /// Who we are: order 0 the identity, 1 the profile.
    ME = 32, "me", LeafRule::PerRecord;
    /// One record a contact; order = party.
    CONTACT = 33, "contact", LeafRule::PerRun(1);
    /// What a pair keeps in every generation: repair secret, last resorts, offers; order = party.
    PAIR = 34, "pair", LeafRule::PerRecord;
    /// What changes with each envelope of a generation: ratchet and chains; order = party and generation.
    LIVE = 35, "live", LeafRule::PerRecord;
    /// Slots that are waited for, or spent; name = party and generation, order = slot. A run is destroyed when its last
    /// slot is forgotten.
    SLOT = 36, "slot", LeafRule::PerRun(16);
    /// Items without acknowledgement; name = party, order = sequence.
    SENT = 37, "sent", LeafRule::PerRun(64);
    /// Envelopes under way and the items in them; name = party, order = generation and slot.
    FLIGHT = 38, "flight", LeafRule::PerRun(64);
    /// Items ahead of a gap; name = party, order = sequence, or from 2^63 on what a stream that has ended has left. One
    /// that has become a message must not be readable here once that is deleted, however long the next gap stays open.
    HELD = 39, "held", LeafRule::PerRecord;
    /// Envelopes too far ahead for the ratchet; name = party, order = generation and slot.
    EARLY = 40, "early", LeafRule::PerRun(64);
    /// Invites given out; order = party.
    INVITE = 41, "invite", LeafRule::PerRecord;
    /// Invites accepted, their bundle not here yet; order = party.
    JOIN = 42, "join", LeafRule::PerRecord;
    /// Relays; order = mailbox.
    RELAY = 43, "relay", LeafRule::Shared;
    /// How far each relay's list is read; order = mailbox.
    CURSOR = 44, "cursor", LeafRule::Shared;
    /// Conversations; order = their local number.
    CONVERSATION = 45, "conversation", LeafRule::PerRun(1);
    /// Messages; name = conversation, order = place. A run spans 64 steps of depth.
    MESSAGE = 46, "message", LeafRule::Erasable((RUN_DEPTHS as u32) << PLACE_BITS);
    /// Delivery of own messages; name = conversation, order = place.
    TRAIL = 47, "trail", LeafRule::PerRun((RUN_DEPTHS as u32) << PLACE_BITS);
    /// Where a message stands; name = its id, order 0.
    BY_ID = 48, "by id", LeafRule::Shared;
    /// A generation's secrets for as long as it lives; order = party and generation.
    GENERATION = 49, "generation", LeafRule::PerRecord;
    /// The numbers of a pair's stream, nothing secret; order = party.
    STREAM = 50, "stream", LeafRule::Shared;
    /// Texts that are being written; order = conversation.
    DRAFT = 56, "draft", LeafRule::PerRecord;
    /// How the interface was left; order 0.
    DESK = 57, "desk", LeafRule::PerRecord;
    /// What order needs of messages that were deleted: their id, nothing else; name = conversation, order = place.
    GONE = 60, "gone", LeafRule::PerName;
    /// Messages that are to disappear: when, not what; name = conversation, order = place.
    FADE = 61, "fade", LeafRule::PerRun((RUN_DEPTHS as u32) << PLACE_BITS);
}

/// Returns the name under which the records of one local number stand.
pub(crate) fn name(number: u32) -> [u8; 4] {
    number.to_be_bytes()
}
