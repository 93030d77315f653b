//! A conversation: its newest messages, and where the next one stands. Order rests on causes, never on clocks.

use std::time::Duration;

use minicbor::{Decode, Encode};
use proto::store::{Direction, Overlay, StoreError};

use crate::content::{Body, Content, ConversationId, DEPS_MAX, MessageId, SEQUENCE_MAX};
use crate::event::{Delivery, PLACE_BITS, Place, Trail};
use crate::tables;

/// A conversation's state between messages.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Conversation {
    #[n(0)]
    pub(crate) id: ConversationId,
    #[n(1)]
    pub(crate) party: u32,
    /// Messages that this device has written here.
    #[n(2)]
    pub(crate) my_sequence: u64,
    #[n(3)]
    pub(crate) my_last: Option<MessageId>,
    /// Messages that no known message names as its cause.
    #[n(4)]
    pub(crate) heads: Vec<MessageId>,
    #[n(5)]
    pub(crate) lamport: u64,
    #[n(6)]
    pub(crate) last_place: u64,
    // Number 7 was a time by the clock, which decides nothing any more.
    #[n(8)]
    pub(crate) unread: u32,
    #[n(9)]
    pub(crate) read_place: u64,
    /// The highest number that the other side gave to a message which came, deleted since or not.
    #[n(10)]
    pub(crate) their_sequence: u64,
    /// Seconds after which messages that are written now disappear once they were shown.
    #[n(11)]
    pub(crate) fade: Option<u32>,
    /// The message that chose so, by what settles between two: depth, then id.
    #[n(12)]
    pub(crate) fade_chosen: Option<(u64, MessageId)>,
    /// Where the newest message stands that this device's person wrote.
    #[n(13)]
    pub(crate) written_place: Option<u64>,
    /// Numbers of the other side below the highest that have not come: runs in rising order, at most [`GAPS_MAX`].
    #[n(14)]
    pub(crate) their_gaps: Option<Vec<(u64, u64)>>,
    /// How many messages stand in the run that was looked at last.
    #[cbor(skip)]
    pub(crate) counted: Option<Counted>,
}

/// A run of places that share a key, and the messages in it. Some of them may have been deleted since.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    run: u64,
    messages: usize,
}

/// Places that are tried for one message. At each depth there are 2^24, of which its id chooses one.
const PLACES_TRIED: usize = 32;
/// Gaps kept in the numbers of the other side. Of more, the newest are taken for one: what lies between them comes again and
/// is known.
const GAPS_MAX: usize = 32;
/// Messages in one run of places, own ones aside. When one of them is deleted all others are sealed anew in one commit, so
/// their author may not choose how many there are. Two who write in turn make 128.
pub(crate) const RUN_MESSAGES_MAX: usize = 256;
/// Heads kept: what two devices can make between two looks, many times over.
const HEADS_MAX: usize = 64;

#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct MessageRecord {
    #[n(0)]
    pub(crate) mine: bool,
    #[n(1)]
    late: bool,
    #[n(2)]
    gap: bool,
    #[n(3)]
    label_ms: Option<u64>,
    #[cbor(n(4), with = "minicbor::bytes")]
    pub(crate) content: Vec<u8>,
}

/// A message as it is read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// The same on every device and road.
    pub id: MessageId,
    /// Where it stands.
    pub place: Place,
    /// Whether it was written here.
    pub mine: bool,
    /// What it says; nothing if its kind is of a newer version.
    pub text: Option<String>,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
    /// It disappears here when so much of the profile's running time has passed since it was shown; an own one, since
    /// the other device confirmed it.
    pub disappears_after: Option<Duration>,
    /// It is no text but a choice for what is written from here on.
    pub chose: Option<Choice>,
    /// When this machine kept it, by its own clock; a label.
    pub label_ms: Option<u64>,
    /// When the author's clock says it was written; a label, and theirs.
    pub claimed_ms: Option<u64>,
    /// It came when something that stands after it had been seen or written here already.
    pub arrived_late: bool,
    /// A message that it follows is not here.
    pub after_gap: bool,
    /// How far it has come, for own messages.
    pub delivery: Option<Delivery>,
}

/// What somebody chose for the messages of a conversation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Choice {
    /// They stay.
    Stay,
    /// They disappear so long after they were shown.
    Disappear(Duration),
}

impl From<Option<u32>> for Choice {
    fn from(seconds: Option<u32>) -> Self {
        seconds.map_or(Self::Stay, |seconds| Self::Disappear(Duration::from_secs(seconds.into())))
    }
}

/// Which part of a conversation is read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Span {
    /// Its newest end.
    #[default]
    Newest,
    /// What stands before a place.
    Before(Place),
    /// What stands after a place.
    After(Place),
    /// Half of it before a place, the other half from there on.
    Around(Place),
    /// The same around a message; the newest end if that is not here.
    Message(MessageId),
    /// The same around the first place that was not seen.
    Unread,
}

/// A run of messages without a hole, oldest first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Page {
    /// The messages.
    pub messages: Vec<Message>,
    /// Whether older ones exist.
    pub more: bool,
    /// Whether newer ones exist.
    pub newer: bool,
    /// Everything up to here was seen.
    pub read: Place,
    /// Where the newest message of the conversation stands.
    pub newest: Place,
}

/// What became of a content that was inserted.
pub(crate) enum Inserted {
    New(MessageId, Place),
    Known,
}

impl Conversation {
    pub(crate) fn new(id: ConversationId, party: u32) -> Self {
        Self {
            id,
            party,
            my_sequence: 0,
            my_last: None,
            heads: Vec::new(),
            lamport: 0,
            last_place: 0,
            unread: 0,
            read_place: 0,
            their_sequence: 0,
            fade: None,
            fade_chosen: None,
            written_place: None,
            their_gaps: None,
            counted: None,
        }
    }

    /// Notes that everything up to a place was seen.
    pub(crate) fn seen_up_to(&mut self, place: Place) {
        self.read_place = place.0;
        self.unread = 0;
    }

    /// Writes the header of the next own message around `body`.
    pub(crate) fn compose(
        &self,
        device: [u8; 16],
        body: Body,
        claimed_ms: Option<u64>,
        salt: [u8; 32],
    ) -> Content {
        // A choice stands after the one that it replaces, whatever else has come since.
        let replaced = self.fade_chosen.map(|(_, id)| id).filter(|_| matches!(body, Body::Fade(_)));
        let heads = self.heads.iter().rev().copied().filter(|head| Some(*head) != replaced);
        let deps: Vec<MessageId> =
            replaced.into_iter().chain(heads).filter(|id| Some(*id) != self.my_last).take(DEPS_MAX).collect();
        Content {
            conversation: self.id,
            device,
            // One above the limit could not be read here or there; its id tells a message from others all the same.
            sequence: self.my_sequence.saturating_add(1).min(SEQUENCE_MAX),
            previous: self.my_last,
            deps,
            lamport: self.lamport + 1,
            claimed_ms,
            salt,
            body,
        }
    }

    /// Puts one message in its place. The depth is reckoned from the causes that are here, never believed.
    pub(crate) fn insert(
        &mut self,
        number: u32,
        bytes: &[u8],
        content: &Content,
        mine: bool,
        label_ms: Option<u64>,
        overlay: &mut Overlay<'_>,
    ) -> Result<Inserted, StoreError> {
        let id = Content::id(bytes);
        if !mine {
            self.note_theirs(content.sequence);
        }
        // After a loss nothing may stand where the id points: then the message may come again.
        if let Some((at, place)) = find(&id, overlay)?
            && is_taken(at, place, overlay)?
        {
            return Ok(Inserted::Known);
        }
        let (mut lamport, mut gap) = (1, false);
        for parent in content.previous.iter().chain(&content.deps) {
            match find(parent, overlay)? {
                Some((conversation, place)) if conversation == number => {
                    lamport = lamport.max(place.lamport() + 1)
                }
                _ => gap = true,
            }
        }
        let depth = if mine { lamport } else { self.depth_with_room(number, lamport, overlay)? };
        let Some(place) = free_place(number, Place::new(depth, &id), overlay)? else {
            return if mine { Err(crate::CORRUPT) } else { Ok(Inserted::Known) };
        };
        self.choose(lamport, id, &content.body);
        let late = !mine && place < self.shown_place();
        let record = MessageRecord { mine, late, gap, label_ms, content: bytes.to_vec() };
        overlay.put(&tables::MESSAGE, &tables::name(number), place.0, encode(&record));
        locate(&id, number, place.0, overlay);
        self.heads.retain(|head| Some(*head) != content.previous && !content.deps.contains(head));
        if self.heads.len() == HEADS_MAX {
            self.heads.remove(0);
        }
        self.heads.push(id);
        self.count(place);
        self.lamport = self.lamport.max(depth);
        self.last_place = self.last_place.max(place.0);
        if mine {
            self.my_sequence = self.my_sequence.max(content.sequence);
            self.my_last = Some(id);
        } else {
            self.unread = self.unread.saturating_add(1);
        }
        Ok(Inserted::New(id, place))
    }

    /// The depth at which a message of the other side stands: its own, or where the run of that is full, at the end of
    /// the conversation. Only who writes many that follow nothing brings that about; the order of causes holds all the same.
    fn depth_with_room(&mut self, number: u32, depth: u64, overlay: &Overlay<'_>) -> Result<u64, StoreError> {
        if !self.is_full(number, run_of(depth), overlay)? {
            return Ok(depth);
        }
        let newest = self.lamport.max(depth);
        Ok(match self.is_full(number, run_of(newest), overlay)? {
            false => newest,
            true => (run_of(newest) + 1) * tables::RUN_DEPTHS,
        })
    }

    /// Tells whether a run takes no more. The records are asked only where the run is another than that of the last
    /// message, or seems to be full.
    fn is_full(&mut self, number: u32, run: u64, overlay: &Overlay<'_>) -> Result<bool, StoreError> {
        let known = self.counted.filter(|counted| counted.run == run && counted.messages < RUN_MESSAGES_MAX);
        if known.is_some() {
            return Ok(false);
        }
        let from = (run * tables::RUN_DEPTHS) << PLACE_BITS;
        let found = overlay.orders(&tables::MESSAGE, &tables::name(number), from, RUN_MESSAGES_MAX)?;
        let messages = found.iter().take_while(|place| run_of(Place(**place).lamport()) == run).count();
        self.counted = Some(Counted { run, messages });
        Ok(messages >= RUN_MESSAGES_MAX)
    }

    fn count(&mut self, place: Place) {
        let run = run_of(place.lamport());
        if let Some(counted) = self.counted.as_mut().filter(|counted| counted.run == run) {
            counted.messages += 1;
        }
    }

    /// The number up to which every message of the other side has come, deleted since or not.
    pub(crate) fn their_run(&self) -> u64 {
        let first = self.their_gaps.as_deref().and_then(<[_]>::first);
        first.map_or(self.their_sequence, |(from, _)| from - 1)
    }

    /// Nothing that is missing is waited for any more.
    pub(crate) fn forget_gaps(&mut self) {
        self.their_gaps = None;
    }

    /// Notes the number of a message of the other side that came.
    fn note_theirs(&mut self, sequence: u64) {
        let mut gaps = self.their_gaps.take().unwrap_or_default();
        if sequence > self.their_sequence {
            if sequence > self.their_sequence + 1 {
                gaps.push((self.their_sequence + 1, sequence - 1));
            }
            self.their_sequence = sequence;
        } else if let Some(at) = gaps.iter().position(|(from, to)| (*from..=*to).contains(&sequence)) {
            let (from, to) = gaps[at];
            let rest = [(from, sequence.wrapping_sub(1)), (sequence + 1, to)];
            gaps.splice(at..=at, rest.into_iter().filter(|(from, to)| from <= to));
        }
        while gaps.len() > GAPS_MAX {
            let newest = gaps.pop();
            if let (Some((_, to)), Some(last)) = (newest, gaps.last_mut()) {
                last.1 = to;
            }
        }
        self.their_gaps = Some(gaps).filter(|gaps| !gaps.is_empty());
    }

    /// Notes that the person wrote what stands at a place, and so had it before their eyes at once.
    pub(crate) fn wrote_at(&mut self, place: Place) {
        self.written_place = self.written_place.max(Some(place.0));
    }

    /// Up to where this reader has been shown something: what they have seen, and what they wrote themselves. Whatever
    /// comes now and stands before that appears above it, and is marked.
    fn shown_place(&self) -> Place {
        Place(self.written_place.unwrap_or(0).max(self.read_place))
    }

    /// Of all choices that came, the one that stands last counts, whatever the order in which they came.
    fn choose(&mut self, depth: u64, id: MessageId, body: &Body) {
        let Body::Fade(seconds) = body else { return };
        if self.fade_chosen.is_none_or(|chosen| chosen < (depth, id)) {
            self.fade = *seconds;
            self.fade_chosen = Some((depth, id));
        }
    }
}

/// The run of places that a depth belongs to.
pub(crate) fn run_of(depth: u64) -> u64 {
    depth / tables::RUN_DEPTHS
}

/// Notes where a message stands.
pub(crate) fn locate(id: &MessageId, number: u32, place: u64, overlay: &mut Overlay<'_>) {
    overlay.put(&tables::BY_ID, &id.0, 0, [&number.to_be_bytes()[..], &place.to_be_bytes()].concat());
}

/// Returns where a message stands: the conversation's local number and the place.
pub(crate) fn find(id: &MessageId, overlay: &Overlay<'_>) -> Result<Option<(u32, Place)>, StoreError> {
    let Some(bytes) = overlay.get(&tables::BY_ID, &id.0, 0)? else { return Ok(None) };
    let (conversation, place) = bytes.split_first_chunk::<4>().ok_or(crate::CORRUPT)?;
    let place: [u8; 8] = place.try_into().map_err(|_| crate::CORRUPT)?;
    Ok(Some((u32::from_be_bytes(*conversation), Place(u64::from_be_bytes(place)))))
}

/// Returns the first free place from `place` on. None if so many are taken as only somebody who wants it brings about,
/// by trying salts: their message is left out.
fn free_place(number: u32, place: Place, overlay: &Overlay<'_>) -> Result<Option<Place>, StoreError> {
    for place in (place.0..).take(PLACES_TRIED).map(Place) {
        if !is_taken(number, place, overlay)? {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

/// Tells whether a message stands at a place, or stood there.
fn is_taken(number: u32, place: Place, overlay: &Overlay<'_>) -> Result<bool, StoreError> {
    let name = tables::name(number);
    Ok(overlay.get(&tables::MESSAGE, &name, place.0)?.is_some()
        || overlay.get(&tables::GONE, &name, place.0)?.is_some())
}

/// Returns the record at a place, if the message is still there.
pub(crate) fn record_at(
    number: u32,
    place: Place,
    overlay: &Overlay<'_>,
) -> Result<Option<MessageRecord>, StoreError> {
    let bytes = overlay.get(&tables::MESSAGE, &tables::name(number), place.0)?;
    bytes.map(|bytes| decode(&bytes)).transpose()
}

impl Conversation {
    /// Returns up to `limit` messages of a part.
    pub(crate) fn read(
        &self,
        number: u32,
        span: Span,
        limit: usize,
        overlay: &Overlay<'_>,
    ) -> Result<Page, StoreError> {
        let middle = match span {
            Span::Newest => return self.page(number, Some(Place(u64::MAX)), None, [limit, 0], overlay),
            Span::Before(place) => return self.page(number, Some(place), None, [limit, 0], overlay),
            Span::After(place) => {
                let from = place.0.checked_add(1).map(Place);
                return self.page(number, None, from, [0, limit], overlay);
            }
            Span::Around(place) => place,
            Span::Message(id) => match find(&id, overlay)? {
                Some((at, place)) if at == number => place,
                _ => Place(u64::MAX),
            },
            Span::Unread => Place(self.read_place.saturating_add(1)),
        };
        // Where one side is short the other makes up for it.
        let after = records(number, middle.0..=u64::MAX, Direction::Ascending, limit, overlay)?.len();
        let before = match middle.0.checked_sub(1) {
            Some(last) => records(number, 0..=last, Direction::Descending, limit, overlay)?.len(),
            None => 0,
        };
        let after = after.min((limit / 2).max(limit - before));
        self.page(number, Some(middle), Some(middle), [limit - after, after], overlay)
    }

    /// Up to so many messages before one place and from another on.
    fn page(
        &self,
        number: u32,
        before: Option<Place>,
        from: Option<Place>,
        limits: [usize; 2],
        overlay: &Overlay<'_>,
    ) -> Result<Page, StoreError> {
        let mut page =
            Page { read: Place(self.read_place), newest: Place(self.last_place), ..Page::default() };
        let mut run = Vec::new();
        if let Some(last) = before.and_then(|place| place.0.checked_sub(1)) {
            run = records(number, 0..=last, Direction::Descending, limits[0] + 1, overlay)?;
            page.more = run.len() > limits[0];
            run.truncate(limits[0]);
            run.reverse();
        }
        if let Some(from) = from {
            page.more |= before.is_none() && from.0 > 0;
            let mut after = records(number, from.0..=u64::MAX, Direction::Ascending, limits[1] + 1, overlay)?;
            page.newer = after.len() > limits[1];
            after.truncate(limits[1]);
            run.append(&mut after);
        } else {
            page.newer = run.last().is_some_and(|(place, _)| *place < self.last_place);
        }
        page.messages = messages(number, run, overlay)?;
        Ok(page)
    }
}

/// Returns the newest message.
pub(crate) fn newest(number: u32, overlay: &Overlay<'_>) -> Result<Option<Message>, StoreError> {
    let newest = records(number, 0..=u64::MAX, Direction::Descending, 1, overlay)?;
    Ok(messages(number, newest, overlay)?.pop())
}

type Records = Vec<(u64, Vec<u8>)>;

fn records(
    number: u32,
    places: std::ops::RangeInclusive<u64>,
    direction: Direction,
    limit: usize,
    overlay: &Overlay<'_>,
) -> Result<Records, StoreError> {
    overlay.range(&tables::MESSAGE, &tables::name(number), places, direction, limit)
}

/// Reads the records of messages, which stand in order, with how far each has come.
fn messages(number: u32, records: Records, overlay: &Overlay<'_>) -> Result<Vec<Message>, StoreError> {
    let decoded = records.into_iter().map(|(place, bytes)| Ok((place, decode::<MessageRecord>(&bytes)?)));
    let records = decoded.collect::<Result<Vec<_>, StoreError>>()?;
    // Only own messages leave a trail.
    let mut own = records.iter().filter(|(_, record)| record.mine).map(|(place, _)| *place);
    let trails = match own.next() {
        Some(from) => {
            let to = own.next_back().unwrap_or(from);
            let name = tables::name(number);
            overlay.range(&tables::TRAIL, &name, from..=to, Direction::Ascending, records.len())?
        }
        None => Vec::new(),
    };
    let mut trails = trails.into_iter().peekable();
    let mut messages = Vec::with_capacity(records.len());
    for (place, record) in records {
        while trails.next_if(|(at, _)| *at < place).is_some() {}
        let trail =
            trails.next_if(|(at, _)| *at == place).map(|(_, bytes)| decode::<Trail>(&bytes)).transpose()?;
        let delivery = record.mine.then(|| trail.unwrap_or_default().delivery());
        messages.push(message(Place(place), record, delivery));
    }
    Ok(messages)
}

/// What a record says. One that this version does not read is a message without words: it must never keep a conversation
/// from being read.
fn message(place: Place, record: MessageRecord, delivery: Option<Delivery>) -> Message {
    let content = Content::decode(&record.content).ok();
    let mut message = Message {
        id: Content::id(&record.content),
        place,
        mine: record.mine,
        text: None,
        reply_to: None,
        disappears_after: None,
        chose: None,
        label_ms: record.label_ms,
        claimed_ms: content.as_ref().and_then(|content| content.claimed_ms),
        arrived_late: record.late,
        after_gap: record.gap,
        delivery,
    };
    match content.map(|content| content.body) {
        Some(Body::Text { text, reply_to, fade }) => {
            message.text = Some(text);
            message.reply_to = reply_to;
            message.disappears_after = fade.map(|seconds| Duration::from_secs(seconds.into()));
        }
        Some(Body::Fade(seconds)) => message.chose = Some(seconds.into()),
        Some(Body::Unknown { .. }) | None => {}
    }
    message
}

/// Looks at the `limit` messages up to the place `from` and returns the places of own ones with numbers above `sequence`,
/// newest first, and the place at which to go on: none if there is nothing further to be found.
pub(crate) fn own_after(
    conversation: u32,
    sequence: u64,
    from: u64,
    limit: usize,
    overlay: &Overlay<'_>,
) -> Result<(Vec<Place>, Option<u64>), StoreError> {
    let mut places = Vec::new();
    let page = records(conversation, 0..=from, Direction::Descending, limit, overlay)?;
    for (place, bytes) in &page {
        let record: MessageRecord = decode(bytes)?;
        let Ok(content) = Content::decode(&record.content) else { continue };
        match record.mine {
            true if content.sequence > sequence => places.push(Place(*place)),
            true => return Ok((places, None)),
            false => {}
        }
    }
    let next = page.last().filter(|_| page.len() == limit).and_then(|(place, _)| place.checked_sub(1));
    Ok((places, next))
}

/// Returns the bytes of one of our own records.
pub(crate) fn encode<T: Encode<()>>(record: &T) -> Vec<u8> {
    minicbor::to_vec(record).expect("a vector takes all bytes")
}

/// Reads what came from outside: nothing may follow it.
pub(crate) fn decode_whole<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Option<T> {
    let mut decoder = minicbor::Decoder::new(bytes);
    let value = decoder.decode().ok()?;
    (decoder.position() == bytes.len()).then_some(value)
}

/// Reads one of our own records.
pub(crate) fn decode<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, StoreError> {
    minicbor::decode(bytes).map_err(|_| crate::CORRUPT)
}

#[cfg(test)]
mod tests;
