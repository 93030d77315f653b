//! The sizes that all implementations share. Each is checked before memory is taken for it.

/// The largest frame that may cross a link, in bytes: a sealed request of the largest size and its header.
pub const FRAME_BYTES_MAX: usize = 66 * 1024;

/// The largest byte or text string inside a frame, in bytes.
pub const STRING_BYTES_MAX: usize = 64 * 1024;

/// The most items in one array of a frame.
pub const ITEMS_MAX: usize = 4_096;

/// The largest value in a store, in bytes.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;

/// The longest name of a record in a store, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// The longest name of a network identity, in bytes (an Ed25519 libp2p PeerId has 38).
pub const PEER_NAME_BYTES_MAX: usize = 64;

/// The longest address, in bytes of text.
pub const ADDRESS_BYTES_MAX: usize = 128;

/// The longest time a relay may grant an envelope, in days of its own uptime.
pub const TTL_DAYS_MAX: u8 = 60;

/// The time to live a depositor asks for by default, in days of the relay's uptime.
pub const TTL_DAYS_DEFAULT: u8 = 30;

/// The size of one code in a direct link's hello, in bytes.
pub const HELLO_MAC_BYTES: usize = 16;

/// How many codes a hello may carry. A hello is filled up to the next of these with random dummies.
pub const HELLO_SIZES: [usize; 4] = [16, 64, 256, 1_024];

/// How long a direct link may take to show that its ends know each other, in milliseconds.
pub const LINK_HANDSHAKE_MS: u64 = 10_000;

/// What a link that is not up yet may send in all, in bytes: a nonce, the largest hello, and some room.
pub const LINK_STRANGER_BYTES_MAX: usize = 32 * 1024;

/// What may be under way unacknowledged on a direct link in one direction, in blob bytes.
pub const LINK_WINDOW_BYTES: u32 = 1024 * 1024;

/// The largest window that a receiver may grant, in blob bytes.
pub const LINK_WINDOW_BYTES_MAX: u32 = 16 * 1024 * 1024;

/// The most envelopes under way unacknowledged on a direct link in one direction.
pub const LINK_UNACKED_MAX: usize = 4_096;

/// The most envelopes in one PUT request.
pub const PUT_ENVELOPES_MAX: usize = 48;

/// The most positions in one GET and tags in one DEL.
pub const GET_POSITIONS_MAX: usize = 32;

/// The largest payload of a sealed request or reply, in bytes, before padding to 64 512 with its seal.
pub const REQUEST_PAYLOAD_MAX: usize = 64_000;

/// The most entries in one LIST reply or one follow batch.
pub const LIST_ENTRIES_MAX: usize = 6_912;

/// The size of one list entry on the wire: eight bytes of the tag and one of the class.
pub const LIST_ENTRY_BYTES: usize = 9;

/// The most blobs that ride in one follow batch.
pub const BATCH_BLOBS_MAX: usize = 56;

/// The most bytes of blobs and entries in one follow batch.
pub const BATCH_BYTES_MAX: usize = 60 * 1024;

/// What a relay may send to a follower beyond what that follower has taken, in bytes of frames.
pub const FOLLOW_CREDIT_BYTES: u32 = 512 * 1024;

/// Requests that a client may have under way at one relay.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 64;

/// Hits that a client may have found and not yet fetched from one relay.
pub const HITS_WAITING_MAX: usize = 1_024;

/// How long a relay may leave a request unanswered before the client gives the link up, in milliseconds.
pub const REPLY_WAIT_MS: u64 = 60_000;

/// The largest relay descriptor, in bytes.
pub const DESCRIPTOR_BYTES_MAX: usize = 1_536;

/// The most addresses in a descriptor.
pub const DESCRIPTOR_ADDRESSES_MAX: usize = 8;

/// The most relays named in an invite.
pub const INVITE_RELAYS_MAX: usize = 3;

/// The largest invite, in bytes before it becomes text.
pub const INVITE_BYTES_MAX: usize = 768;

/// Slots in which an invite can be answered.
pub const INVITE_ANSWER_SLOTS: usize = 16;

/// Envelopes that a sender may have unacknowledged in one drop, and tags a reader keeps ready.
pub const DROP_WINDOW: usize = 256;
