//! What a message can be, and the bytes that say so inside the ratchet.
//!
//! Two layers meet here. An [`Item`] is one thing that the reliable stream of a device pair carries: a message of
//! a conversation, or word between the two devices themselves (how to be reached, a name). A [`Content`] is one
//! message: a header that places it among its causes, and a [`Body`]. Kinds that this version does not know are
//! kept as they came, so that a newer device loses nothing by talking to an older one.
//!
//! Format: `docs/protocol/10-stream.md`, sections 2 and 3.

use minicbor::{Decode, Encode};

/// The most UTF-8 bytes that one text may have.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;
/// The most bytes that the encoding of one message has: a text, its header, and room for later kinds.
pub const CONTENT_BYTES_MAX: usize = 24 * 1024;
/// The highest number that a message has among those of its author: none is reached by writing.
pub const SEQUENCE_MAX: u64 = 1 << 48;
/// How far a *have* may put the number of the next own message forward: more than anybody writes after a backup.
pub const HAVE_LEAP_MAX: u64 = 1 << 32;
/// The most causes that one message names beside its author's own last.
pub const DEPS_MAX: usize = 8;
/// The most UTF-8 bytes that a name may have.
pub const NAME_BYTES_MAX: usize = 128;
/// The shortest time after which a message can disappear, in seconds.
pub const FADE_SECONDS_MIN: u32 = 5;
/// The longest, in seconds: 365 days.
pub const FADE_SECONDS_MAX: u32 = 365 * 24 * 3_600;
/// The most relays that one [`Reach`] names.
pub const REACH_RELAYS_MAX: usize = 3;

/// The most repairs of one pair that are remembered, and named in one item.
pub const REPAIRS_MAX: usize = 64;

/// The number of a message: `H("M1/msg/1", content bytes)`. The same on every device and every road.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd, Encode, Decode)]
#[cbor(transparent)]
pub struct MessageId(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 32]);

/// The name of a repair: the first bytes of the name of the generation that it begins.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub struct RepairName(pub [u8; Self::BYTES]);

impl RepairName {
    /// Bytes of one.
    pub const BYTES: usize = 8;

    /// The name of the repair that begins the generation `sid`.
    pub(crate) fn of(sid: &[u8; 32]) -> Self {
        Self(*sid.first_chunk().expect("32 bytes"))
    }

    /// The half of a stream (10.1) that a side begins as it says or reads this repair.
    pub(crate) fn half(&self) -> u32 {
        u32::from_be_bytes(*self.0.first_chunk().expect("8 bytes"))
    }
}

/// The number of a conversation. It stands in each content header, also between two.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd, Encode, Decode)]
#[cbor(transparent)]
pub struct ConversationId(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

impl ConversationId {
    /// Returns the number of the conversation between two accounts, the same on both sides.
    pub fn between(a: &crypto::identity::AccountId, b: &crypto::identity::AccountId) -> Self {
        let (first, second) = if a <= b { (a, b) } else { (b, a) };
        let hash = crypto::hash("M1/conv/1", &[first.as_bytes(), second.as_bytes()]);
        Self(hash[..16].try_into().expect("a hash has 32 bytes"))
    }
}

macro_rules! quiet_id {
    ($($name:ident)*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )*};
}
quiet_id!(MessageId ConversationId RepairName);

impl MessageId {
    /// Returns the id as 64 hexadecimal digits, for scripts and for asking back.
    pub fn to_hex(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.0)
    }

    /// Reads what [`MessageId::to_hex`] wrote.
    pub fn from_hex(text: &str) -> Option<Self> {
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }
}

/// Why bytes from the other side are no item or content. Their stream goes on without them.
#[derive(Debug, Clone, Copy, Eq, PartialEq, thiserror::Error)]
pub enum ContentError {
    /// Not the encoding of this chapter, or bytes left over.
    #[error("the content is malformed")]
    Malformed,
    /// A named limit is passed.
    #[error("the content is larger than {0} allows")]
    TooLarge(&'static str),
}

impl From<minicbor::decode::Error> for ContentError {
    fn from(_: minicbor::decode::Error) -> Self {
        Self::Malformed
    }
}

/// One relay where somebody can be reached: what an invite and a [`Reach`] carry.
#[derive(Clone, Debug, Eq, PartialEq, Encode, Decode)]
#[cbor(array)]
pub struct RelayRef {
    /// The first 16 bytes of the hash over the relay's keys.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// Where it listens: literal addresses, no names.
    #[n(1)]
    pub address: String,
}

/// How somebody can be written to. Travels inside the ratchet, at first contact and on change.
#[derive(Clone, Debug, Default, Eq, PartialEq, Encode, Decode)]
#[cbor(array)]
pub struct Reach {
    /// Higher wins.
    #[n(0)]
    pub number: u64,
    /// Relays in order of preference, at most [`REACH_RELAYS_MAX`].
    #[n(1)]
    pub relays: Vec<RelayRef>,
}

/// One thing that the stream of a device pair carries.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Item {
    /// A message of a conversation: the bytes of a [`Content`].
    Message(Vec<u8>),
    /// How the sender can be written to.
    Reach(Reach),
    /// The key to which the other side seals its envelopes from now on.
    Seal([u8; 32]),
    /// What the sender calls themselves.
    Name(String),
    /// Fresh prekeys for the next generation; one with a higher number takes the place of all before it.
    Offer(Vec<u8>),
    /// The newest place in a conversation that the sender has read.
    Read(ConversationId, MessageId),
    /// The sender's devices, as their account says.
    Devices(Vec<u8>),
    /// A bundle for meeting again after a restored backup.
    LastResort(Vec<u8>),
    /// After a repair: which of the reader's messages in a conversation its sender has.
    Have {
        /// The conversation.
        conversation: ConversationId,
        /// All up to this number are here, deleted since or not.
        upto: u64,
        /// The highest number that came.
        highest: u64,
    },
    /// In the first word of a repair, and first in each stream that a repair has begun: what its sender knows of repairs.
    Anew {
        /// Its sender has lost nothing, and says again all that was not acknowledged.
        is_whole: bool,
        /// The repairs that its sender has said or read, newest last, at most [`REPAIRS_MAX`].
        repairs: Vec<RepairName>,
    },
    /// Its author deleted it before it was received: nothing is said, and the stream goes on.
    Withdrawn,
    /// Something this version does not know. Acknowledged like all else, then left alone.
    Unknown(u8),
}

impl Item {
    /// Returns the bytes of this item.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64);
        let mut e = minicbor::Encoder::new(&mut bytes);
        let done = match self {
            Self::Message(content) => {
                e.array(2).and_then(|e| e.u8(0)).and_then(|e| e.bytes(content)).map(drop)
            }
            Self::Reach(reach) => e.array(2).and_then(|e| e.u8(1)).and_then(|e| e.encode(reach)).map(drop),
            Self::Seal(key) => e.array(2).and_then(|e| e.u8(2)).and_then(|e| e.bytes(key)).map(drop),
            Self::Name(name) => e.array(2).and_then(|e| e.u8(3)).and_then(|e| e.str(name)).map(drop),
            Self::Offer(offer) => e.array(2).and_then(|e| e.u8(4)).and_then(|e| e.bytes(offer)).map(drop),
            Self::Read(conversation, id) => e
                .array(3)
                .and_then(|e| e.u8(5))
                .and_then(|e| e.bytes(&conversation.0))
                .and_then(|e| e.bytes(&id.0))
                .map(drop),
            Self::Devices(list) => e.array(2).and_then(|e| e.u8(6)).and_then(|e| e.bytes(list)).map(drop),
            Self::LastResort(bundle) => {
                e.array(2).and_then(|e| e.u8(7)).and_then(|e| e.bytes(bundle)).map(drop)
            }
            Self::Have { conversation, upto, highest } => e
                .array(4)
                .and_then(|e| e.u8(8))
                .and_then(|e| e.bytes(&conversation.0))
                .and_then(|e| e.u64(*upto))
                .and_then(|e| e.u64(*highest))
                .map(drop),
            Self::Anew { is_whole, repairs } => {
                let names: Vec<u8> = repairs.iter().flat_map(|name| name.0).collect();
                e.array(3)
                    .and_then(|e| e.u8(9))
                    .and_then(|e| e.bool(*is_whole))
                    .and_then(|e| e.bytes(&names))
                    .map(drop)
            }
            Self::Withdrawn => e.array(1).and_then(|e| e.u8(16)).map(drop),
            Self::Unknown(kind) => e.array(1).and_then(|e| e.u8(*kind)).map(drop),
        };
        done.expect("a vector takes all bytes");
        bytes
    }

    /// Reads one item.
    ///
    /// # Errors
    /// [`ContentError`] if a known kind is malformed or passes a limit. An unknown kind is no error.
    pub fn decode(bytes: &[u8]) -> Result<Self, ContentError> {
        let mut d = minicbor::Decoder::new(bytes);
        let fields = d.array()?.ok_or(ContentError::Malformed)?;
        let kind = d.u8()?;
        let item = match (kind, fields) {
            (0, 2) => Self::Message(d.bytes()?.to_vec()),
            (1, 2) => {
                let reach: Reach = d.decode()?;
                if reach.relays.len() > REACH_RELAYS_MAX || reach.relays.iter().any(|r| r.address.len() > 128)
                {
                    return Err(ContentError::TooLarge("a reach"));
                }
                Self::Reach(reach)
            }
            (2, 2) => Self::Seal(d.bytes()?.try_into().map_err(|_| ContentError::Malformed)?),
            (3, 2) => {
                let name = d.str()?;
                if name.len() > NAME_BYTES_MAX {
                    return Err(ContentError::TooLarge("a name"));
                }
                Self::Name(name.to_owned())
            }
            (4, 2) => Self::Offer(d.bytes()?.to_vec()),
            (5, 3) => {
                let conversation = d.bytes()?.try_into().map_err(|_| ContentError::Malformed)?;
                let id = d.bytes()?.try_into().map_err(|_| ContentError::Malformed)?;
                Self::Read(ConversationId(conversation), MessageId(id))
            }
            (6, 2) => Self::Devices(d.bytes()?.to_vec()),
            (7, 2) => Self::LastResort(d.bytes()?.to_vec()),
            (8, 4) => {
                let conversation = d.bytes()?.try_into().map_err(|_| ContentError::Malformed)?;
                let (upto, highest) = (d.u64()?, d.u64()?);
                if highest > SEQUENCE_MAX || upto > highest {
                    return Err(ContentError::TooLarge("a number"));
                }
                Self::Have { conversation: ConversationId(conversation), upto, highest }
            }
            (9, 3) => {
                let (is_whole, names) = (d.bool()?, d.bytes()?);
                if names.len() > REPAIRS_MAX * RepairName::BYTES {
                    return Err(ContentError::TooLarge("a list of repairs"));
                }
                let (names, rest) = names.as_chunks::<{ RepairName::BYTES }>();
                if !rest.is_empty() {
                    return Err(ContentError::Malformed);
                }
                Self::Anew { is_whole, repairs: names.iter().copied().map(RepairName).collect() }
            }
            (16, 1) => Self::Withdrawn,
            (0..=9 | 16, _) => return Err(ContentError::Malformed),
            (unknown, _) => return Ok(Self::Unknown(unknown)),
        };
        if d.position() == bytes.len() { Ok(item) } else { Err(ContentError::Malformed) }
    }
}

/// What the author wrote.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Body {
    /// Words, and the message that they answer.
    Text {
        /// At most [`TEXT_BYTES_MAX`] bytes, in Unicode's composed form.
        text: String,
        /// The message that is answered.
        reply_to: Option<MessageId>,
        /// It disappears so many seconds after it was shown: [`FADE_SECONDS_MIN`] to [`FADE_SECONDS_MAX`].
        fade: Option<u32>,
    },
    /// A choice for the conversation: from here on its messages disappear so many seconds after they were shown, or
    /// they stay.
    Fade(Option<u32>),
    /// A kind of a newer version, kept as it came.
    Unknown {
        /// Its number.
        kind: u8,
    },
}

/// One message with its place among its causes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Content {
    /// The conversation it belongs to.
    pub conversation: ConversationId,
    /// The device that wrote it.
    pub device: [u8; 16],
    /// That device's count of messages in this conversation, from 1.
    pub sequence: u64,
    /// The device's own message before this one.
    pub previous: Option<MessageId>,
    /// Other newest messages that the author had seen, at most [`DEPS_MAX`].
    pub deps: Vec<MessageId>,
    /// `1 + max` over `previous` and `deps`; the receiver reckons it anew.
    pub lamport: u64,
    /// The author's clock in milliseconds since 1970: a label for people, nothing rests on it.
    pub claimed_ms: Option<u64>,
    /// Keeps a short message from being guessed by its id.
    pub salt: [u8; 32],
    /// What the author wrote.
    pub body: Body,
}

impl Content {
    /// Returns the bytes of this message.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        self.write(&mut minicbor::Encoder::new(&mut bytes)).expect("a vector takes all bytes");
        bytes
    }

    fn write(
        &self,
        e: &mut minicbor::Encoder<&mut Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        e.array(9)?.bytes(&self.conversation.0)?.bytes(&self.device)?.u64(self.sequence)?;
        e.encode(self.previous)?;
        e.array(self.deps.len() as u64)?;
        for dep in &self.deps {
            e.encode(dep)?;
        }
        e.u64(self.lamport)?.encode(self.claimed_ms)?;
        e.bytes(&self.salt)?;
        match &self.body {
            Body::Text { text, reply_to, fade: None } => e.array(3)?.u8(0)?.str(text)?.encode(reply_to)?,
            Body::Text { text, reply_to, fade } => {
                e.array(4)?.u8(0)?.str(text)?.encode(reply_to)?.encode(fade)?
            }
            Body::Fade(seconds) => e.array(2)?.u8(1)?.encode(seconds)?,
            Body::Unknown { kind } => e.array(1)?.u8(*kind)?,
        };
        Ok(())
    }

    /// Reads one message.
    ///
    /// # Errors
    /// [`ContentError`] if it is malformed or passes a limit.
    pub fn decode(bytes: &[u8]) -> Result<Self, ContentError> {
        if bytes.len() > CONTENT_BYTES_MAX {
            return Err(ContentError::TooLarge("a message"));
        }
        let mut d = minicbor::Decoder::new(bytes);
        if d.array()? != Some(9) {
            return Err(ContentError::Malformed);
        }
        let conversation = ConversationId(fixed(&mut d)?);
        let device = fixed(&mut d)?;
        let sequence = d.u64()?;
        if sequence > SEQUENCE_MAX {
            return Err(ContentError::TooLarge("the number of a message"));
        }
        let previous = d.decode()?;
        let count = d.array()?.ok_or(ContentError::Malformed)?;
        if count > DEPS_MAX as u64 {
            return Err(ContentError::TooLarge("the list of causes"));
        }
        let deps = (0..count).map(|_| Ok(MessageId(fixed(&mut d)?))).collect::<Result<_, ContentError>>()?;
        let lamport = d.u64()?;
        let claimed_ms = d.decode()?;
        let salt = fixed(&mut d)?;
        let body = Self::decode_body(&mut d)?;
        if d.position() != bytes.len() {
            return Err(ContentError::Malformed);
        }
        Ok(Self { conversation, device, sequence, previous, deps, lamport, claimed_ms, salt, body })
    }

    fn decode_body(d: &mut minicbor::Decoder<'_>) -> Result<Body, ContentError> {
        let fields = d.array()?.ok_or(ContentError::Malformed)?;
        if fields == 0 {
            return Err(ContentError::Malformed);
        }
        let (body, known) = match (d.u8()?, fields) {
            (0, 3..) => {
                let text = d.str()?;
                if text.len() > TEXT_BYTES_MAX {
                    return Err(ContentError::TooLarge("a text"));
                }
                let (text, reply_to) = (text.to_owned(), d.decode()?);
                let fade = if fields == 3 { None } else { fade(d)? };
                (Body::Text { text, reply_to, fade }, fields.min(4))
            }
            (1, 2..) => (Body::Fade(fade(d)?), 2),
            (0 | 1, _) => return Err(ContentError::Malformed),
            (kind, _) => (Body::Unknown { kind }, 1),
        };
        // What a later version says beyond is left alone.
        for _ in known..fields {
            d.skip()?;
        }
        Ok(body)
    }

    /// Returns the id that `bytes`, the encoding of one message, have everywhere.
    pub fn id(bytes: &[u8]) -> MessageId {
        MessageId(crypto::hash("M1/msg/1", &[bytes]))
    }
}

/// Reads a time after which something disappears, or that it stays.
fn fade(d: &mut minicbor::Decoder<'_>) -> Result<Option<u32>, ContentError> {
    match d.decode::<Option<u32>>()? {
        None => Ok(None),
        Some(seconds @ FADE_SECONDS_MIN..=FADE_SECONDS_MAX) => Ok(Some(seconds)),
        Some(0..FADE_SECONDS_MIN) => Err(ContentError::Malformed),
        Some(_) => Err(ContentError::TooLarge("a time to disappear")),
    }
}

fn fixed<const N: usize>(d: &mut minicbor::Decoder<'_>) -> Result<[u8; N], ContentError> {
    d.bytes()?.try_into().map_err(|_| ContentError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(text: &str) -> Content {
        Content {
            conversation: ConversationId([1; 16]),
            device: [2; 16],
            sequence: 3,
            previous: Some(MessageId([4; 32])),
            deps: vec![MessageId([5; 32])],
            lamport: 6,
            claimed_ms: Some(7),
            salt: [8; 32],
            body: Body::Text { text: text.into(), reply_to: None, fade: None },
        }
    }

    #[test]
    fn a_time_to_disappear_has_its_limits() {
        let mut message = text("soon gone");
        let (least, most) = (FADE_SECONDS_MIN, FADE_SECONDS_MAX);
        for (fade, fits) in [
            (least, true),
            (most, true),
            (0, false),
            (least - 1, false),
            (most + 1, false),
            (u32::MAX, false),
        ] {
            for body in [
                Body::Text { text: "soon gone".into(), reply_to: None, fade: Some(fade) },
                Body::Fade(Some(fade)),
            ] {
                message.body = body;
                let read = Content::decode(&message.encode());
                assert_eq!(read.is_ok(), fits, "{fade}");
                assert!(read.is_err() || read.as_ref() == Ok(&message));
            }
        }
        message.body = Body::Fade(None);
        assert_eq!(Content::decode(&message.encode()), Ok(message));
    }

    #[test]
    fn what_a_later_version_says_beyond_the_known_is_left_alone() {
        let spoken = [
            (Body::Text { text: "soon gone".into(), reply_to: None, fade: None }, 3, 4),
            (Body::Text { text: "soon gone".into(), reply_to: None, fade: Some(60) }, 4, 5),
            (Body::Fade(Some(60)), 2, 3),
        ];
        for (body, fields, more) in spoken {
            let message = Content { body, ..text("") };
            let mut bytes = message.encode();
            let head = bytes.iter().rposition(|b| *b == 0x80 | fields).expect("the head of the body");
            bytes[head] = 0x80 | more;
            // A null is a time that is not there; what follows it, anything.
            let beyond: &[u8] = if more == 4 { &[0xf6] } else { &[0x82, 1, 0x41, 2] };
            bytes.extend_from_slice(beyond);
            assert_eq!(Content::decode(&bytes), Ok(message));
            assert_eq!(Content::decode(&bytes[..bytes.len() - 1]), Err(ContentError::Malformed));
        }
    }

    #[test]
    fn a_message_survives_its_encoding_and_keeps_its_id() {
        let message = text("다리가 열렸다");
        let bytes = message.encode();
        assert_eq!(Content::decode(&bytes).unwrap(), message);
        assert_eq!(Content::id(&bytes), Content::id(&message.encode()));
    }

    #[test]
    fn the_salt_keeps_two_equal_answers_apart() {
        let (yes, mut other) = (text("yes"), text("yes"));
        other.salt = [9; 32];
        assert_ne!(Content::id(&yes.encode()), Content::id(&other.encode()));
    }

    #[test]
    fn a_kind_of_a_newer_version_is_kept_and_not_refused() {
        let mut message = text("");
        message.body = Body::Unknown { kind: 77 };
        assert_eq!(Content::decode(&message.encode()).unwrap(), message);
        assert_eq!(Item::decode(&Item::Unknown(200).encode()).unwrap(), Item::Unknown(200));
    }

    #[test]
    fn a_text_over_the_limit_and_nine_causes_are_refused() {
        let long = text(&"a".repeat(TEXT_BYTES_MAX + 1));
        assert_eq!(Content::decode(&long.encode()), Err(ContentError::TooLarge("a text")));
        let mut many = text("x");
        many.deps = vec![MessageId([0; 32]); DEPS_MAX + 1];
        assert_eq!(Content::decode(&many.encode()), Err(ContentError::TooLarge("the list of causes")));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parsers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Content::decode(&bytes);
            let _ = Item::decode(&bytes);
        }

        #[test]
        fn a_cut_or_longer_message_is_refused(cut in 0usize..100, tail in 1usize..5) {
            let bytes = text("hello").encode();
            let end = bytes.len() - 1 - cut.min(bytes.len() - 1);
            prop_assert!(Content::decode(&bytes[..end]).is_err());
            let mut longer = bytes.clone();
            longer.extend(vec![0; tail]);
            prop_assert!(Content::decode(&longer).is_err());
        }
    }
}
