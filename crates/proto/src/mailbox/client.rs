//! The user's side of a mailbox: it deposits, follows the list, and fetches what is wanted among decoys.
//!
//! It owns no socket. Frames go in, [`ClientEvent`]s come out. It trusts a relay with nothing but its patience: every
//! entry is checked against a signed chain, all that is kept has a bound, and a lie ends in a [`ClientError`].
//! What must survive is in the [`Cursor`]; write it into the same commit as the blobs that came with it.

mod cursor;
mod fetch;
mod reading;

use std::collections::BTreeMap;
use std::time::Duration;

use crypto::CryptoRng;
use crypto::hash::Hash32;
use crypto::key::{SignPublic, Signature, X25519Public};
use crypto::request::{PendingReply, seal_request};
use thiserror::Error;

use crate::descriptor::RelayDescriptor;
use crate::envelope::{Blob, Envelope};
use crate::frame::Frame;
use crate::id::{Moment, Prefix, Tag};
use crate::limits;
use crate::mailbox::request::{DeleteOutcome, FollowMode, PutOutcome, Reply, Request, encode_put, put_bytes};
use crate::wire::WireError;

pub use cursor::Cursor;
use fetch::Fetch;

/// What a client asks its owner to do, or tells it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ClientEvent {
    /// Send this frame.
    Send(Vec<u8>),
    /// The relay keeps the envelope that was put under this key.
    Stored(u64),
    /// The relay took an envelope into its reserve, told just before: it is full for all that makes no room.
    ReserveOnly,
    /// The relay does not keep the envelope that was put under this key.
    Refused(u64, Refusal),
    /// The relay answered a deletion: what became of this tag.
    Deleted(Tag, DeleteOutcome),
    /// A blob that lies under a wanted prefix. Whether it is genuine shows when it is opened.
    Blob {
        /// The prefix in the list.
        prefix: Prefix,
        /// The bytes.
        blob: Blob,
        /// The place in the list.
        position: u64,
    },
    /// What lay under a wanted prefix was deleted, or its time is over.
    Gone(Prefix),
    /// [`Client::cursor`] has changed: keep it with what came before this event.
    CursorMoved,
    /// All that was in the list when it was asked for has been seen.
    CaughtUp,
    /// The relay has no room for another follower: call [`Client::poll`] now and then.
    NotFollowing,
    /// The relay has another list than before: it lost the old one. Put again what is not acknowledged.
    ListReplaced,
    /// The relay has signed two histories of one list. It is read from its beginning once more.
    Equivocation,
    /// The relay sent its descriptor, signed by the key that this client knows.
    Descriptor(Box<RelayDescriptor>),
}

/// Why a relay does not keep an envelope.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// Another envelope lies under the tag.
    Taken,
    /// An envelope under the tag was deleted before.
    Gone,
    /// The relay is full.
    Full,
    /// The relay asks for work first.
    Pay {
        /// Leading zero bits of the work.
        difficulty: u8,
    },
    /// The relay finds the envelope not genuine.
    Bad,
    /// The relay asks to wait; put again after so many milliseconds.
    Busy {
        /// How long to wait.
        after_ms: u32,
    },
    /// The relay does not understand the request.
    NotUnderstood,
}

/// Why the link to a relay must be closed. Nothing of the client's state is lost.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ClientError {
    /// A frame or reply cannot be read.
    #[error("the relay sent what cannot be read; close the link and try later")]
    Unreadable,
    /// A frame or reply that was not asked for.
    #[error("the relay sent what was not asked for; close the link and try later")]
    OutOfPlace,
    /// Entries or signatures do not fit together.
    #[error("the relay's list is not the one it signed; close the link, use another relay")]
    Lied,
    /// The relay leaves a request unanswered.
    #[error("the relay does not answer; close the link and try later")]
    Stalled,
}

impl From<WireError> for ClientError {
    fn from(_: WireError) -> Self {
        Self::Unreadable
    }
}

/// One relay, as seen by one user of it.
#[derive(Debug)]
pub struct Client {
    sign_key: SignPublic,
    request_key: X25519Public,
    home: bool,
    mode: FollowMode,
    cursor: Cursor,
    fetch: Fetch,
    link: Option<Up>,
}

/// What lasts as long as a link.
#[derive(Debug)]
struct Up {
    next_id: u32,
    pending: BTreeMap<u32, (PendingReply, Asked)>,
    follow: Follow,
    /// The relay has no room for another follower.
    unfollowable: bool,
    polling: bool,
    polled: bool,
    looking: bool,
    /// Bytes of batches taken and not yet granted anew.
    taken: u32,
    equivocations: u8,
    caught_up: bool,
    /// The end of the list when following began.
    goal: u64,
    waits_since: Option<Moment>,
    retry_at: Option<Moment>,
}

/// What a pending request was.
#[derive(Clone, Debug)]
enum Asked {
    Put(Vec<u64>),
    Delete(Vec<Tag>),
    Poll,
    Again { from: u64, start: Option<Hash32> },
    Get(Vec<u64>),
    Follow,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Follow {
    /// Not asked for, or too much is waiting to be fetched.
    Off,
    /// Asked for; batches of an earlier follow are left unread.
    Asked,
    /// Batches continue the cursor.
    On,
}

/// Equivocations borne on one link.
const EQUIVOCATIONS_MAX: u8 = 2;

/// The longest that a relay may ask to wait, in milliseconds.
const BUSY_WAIT_MS_MAX: u32 = 60_000;

/// Requests left free for following and fetching while many envelopes are put.
const IN_FLIGHT_RESERVE: usize = 8;

impl Client {
    /// A client of the relay that `descriptor` describes, going on from `cursor`.
    /// A `home` relay is followed; another one is only put to, and read by [`Client::poll`].
    #[must_use]
    pub fn new(descriptor: &RelayDescriptor, cursor: Cursor, home: bool) -> Self {
        let facts = descriptor.facts();
        Self {
            sign_key: facts.sign_key,
            request_key: facts.request_key,
            home,
            mode: FollowMode::Blobs,
            cursor,
            fetch: Fetch::default(),
            link: None,
        }
    }

    /// Chooses whether the small blobs are pushed along. It takes effect at the next link.
    pub fn set_mode(&mut self, mode: FollowMode) {
        self.mode = mode;
    }

    /// Begins on a new link, and gives the first frames.
    pub fn on_link_up(&mut self, rng: &mut dyn CryptoRng) -> Vec<Vec<u8>> {
        self.fetch.forget_asked();
        self.link = Some(Up {
            next_id: 1,
            pending: BTreeMap::new(),
            follow: Follow::Off,
            unfollowable: false,
            polling: false,
            polled: false,
            looking: false,
            taken: 0,
            equivocations: 0,
            caught_up: false,
            goal: 0,
            waits_since: None,
            retry_at: None,
        });
        self.resume(rng)
    }

    /// Forgets the link. Gives the keys of envelopes whose fate is unknown: put them again.
    pub fn on_link_down(&mut self) -> Vec<u64> {
        self.fetch.forget_asked();
        let pending = self.link.take().map(|up| up.pending).unwrap_or_default();
        let mut keys = Vec::new();
        for (_, asked) in pending.into_values() {
            if let Asked::Put(put) = asked {
                keys.extend(put);
            }
        }
        keys
    }

    /// Makes the frame that deposits an envelope, under a key of the caller's choice.
    ///
    /// Gives `None` if there is no link or too much is under way: try again after a [`ClientEvent::Stored`].
    pub fn put(&mut self, key: u64, envelope: &Envelope, rng: &mut dyn CryptoRng) -> Option<Vec<u8>> {
        self.put_many(&[(key, envelope)], rng).map(|(frame, _)| frame)
    }

    /// Makes one frame that deposits as many envelopes from the front as fit, and says how many.
    ///
    /// A relay sees that they came together. Gives `None` as [`Client::put`] does, or if there are none.
    pub fn put_many(
        &mut self,
        envelopes: &[(u64, &Envelope)],
        rng: &mut dyn CryptoRng,
    ) -> Option<(Vec<u8>, usize)> {
        if self.in_flight() + IN_FLIGHT_RESERVE >= limits::REQUESTS_IN_FLIGHT_MAX {
            return None;
        }
        let mut bytes = 16;
        let mut count = 0;
        for (_, envelope) in envelopes.iter().take(limits::PUT_ENVELOPES_MAX) {
            bytes += put_bytes(envelope);
            if bytes > limits::REQUEST_PAYLOAD_MAX {
                break;
            }
            count += 1;
        }
        let some = envelopes.get(..count).filter(|some| !some.is_empty())?;
        let keys = some.iter().map(|(key, _)| *key).collect();
        let payload = encode_put(&some.iter().map(|(_, envelope)| *envelope).collect::<Vec<_>>());
        let frame = self.ask_payload(&payload, Asked::Put(keys), rng)?;
        Some((frame, count))
    }

    /// Makes the frame that deletes envelopes, at most 32, each with its slot key's signature.
    ///
    /// Gives `None` as [`Client::put`] does.
    pub fn delete(&mut self, slots: &[(Tag, Signature)], rng: &mut dyn CryptoRng) -> Option<Vec<u8>> {
        let full = self.in_flight() + IN_FLIGHT_RESERVE >= limits::REQUESTS_IN_FLIGHT_MAX;
        if slots.is_empty() || slots.len() > limits::GET_POSITIONS_MAX || full {
            return None;
        }
        let tags = slots.iter().map(|(tag, _)| *tag).collect();
        self.ask(&Request::Delete(slots.to_vec()), Asked::Delete(tags), rng)
    }

    /// Reads the list from an earlier position up to where the client stands, because more became wanted.
    ///
    /// The wish is part of the cursor, so that it survives; without a link it waits for the next one.
    pub fn look_again(&mut self, from: u64, rng: &mut dyn CryptoRng) -> Vec<Vec<u8>> {
        let sooner = self.cursor.again.is_none_or(|again| from < again);
        if sooner && from < self.cursor.position {
            self.cursor.again = Some(from);
            self.cursor.again_chain = None;
        }
        self.resume(rng)
    }

    /// Asks a relay that is not followed for what is new.
    pub fn poll(&mut self, rng: &mut dyn CryptoRng) -> Vec<Vec<u8>> {
        if let Some(up) = &mut self.link {
            up.polling = true;
        }
        self.resume(rng)
    }

    /// Asks the relay for its descriptor.
    #[must_use]
    pub fn describe(&self) -> Vec<u8> {
        Frame::Describe.encode()
    }

    /// Takes a frame that came from the relay. `wanted` says which prefixes are expected.
    ///
    /// # Errors
    /// Any [`ClientError`]: the link is to be closed and [`Client::on_link_down`] called.
    pub fn on_frame(
        &mut self,
        bytes: &[u8],
        wanted: &dyn Fn(&Prefix) -> bool,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<ClientEvent>, ClientError> {
        let mut events = Vec::new();
        let before = self.in_flight();
        match Frame::decode(bytes) {
            Err(WireError::Skippable) => {}
            Err(error) => return Err(error.into()),
            Ok(Frame::Reply { id, sealed }) => {
                self.on_reply(id, &sealed, wanted, &mut events)?;
            }
            Ok(Frame::Batch(batch)) => {
                self.on_batch(batch, bytes.len(), wanted, &mut events)?;
            }
            Ok(Frame::Busy { id, after_ms }) => self.on_busy(id, after_ms, now, &mut events)?,
            Ok(Frame::Descriptor(bytes)) => self.on_descriptor(&bytes, &mut events)?,
            Ok(_) => return Err(ClientError::OutOfPlace),
        }
        let answered = self.in_flight() < before;
        if let Some(up) = &mut self.link {
            // Only an answer begins the wait anew: a relay that pushes and never answers is stalled all the same.
            let since = up.waits_since.filter(|_| !answered).unwrap_or(now);
            up.waits_since = (!up.pending.is_empty()).then_some(since);
        }
        events.extend(self.resume(rng).into_iter().map(ClientEvent::Send));
        self.note_caught_up(&mut events);
        Ok(events)
    }

    /// To be called when [`Client::deadline`] has come, and whenever it suits.
    ///
    /// # Errors
    /// [`ClientError::Stalled`] if the relay leaves all requests unanswered for 60 seconds.
    pub fn on_wake(&mut self, now: Moment, rng: &mut dyn CryptoRng) -> Result<Vec<Vec<u8>>, ClientError> {
        let Some(up) = &mut self.link else {
            return Ok(Vec::new());
        };
        if up.retry_at.is_some_and(|at| at <= now) {
            up.retry_at = None;
        }
        let frames = self.resume(rng);
        let Some(up) = &mut self.link else {
            return Ok(frames);
        };
        if up.pending.is_empty() {
            up.waits_since = None;
            return Ok(frames);
        }
        let since = *up.waits_since.get_or_insert(now);
        if now.since(since) >= REPLY_WAIT {
            return Err(ClientError::Stalled);
        }
        Ok(frames)
    }

    /// When [`Client::on_wake`] should be called at the latest, if anything is waited for.
    #[must_use]
    pub fn deadline(&self, now: Moment) -> Option<Moment> {
        let up = self.link.as_ref()?;
        let reply = match up.waits_since {
            _ if up.pending.is_empty() => None,
            Some(since) => Some(since.plus(REPLY_WAIT)),
            // The wait begins when the client is told the time.
            None => Some(now),
        };
        [reply, up.retry_at].into_iter().flatten().min()
    }

    /// Where the client stands. Encodable; keep it whenever [`ClientEvent::CursorMoved`] says so.
    #[must_use]
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Requests under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.link.as_ref().map_or(0, |up| up.pending.len())
    }

    /// Whether a link is up.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.link.is_some()
    }

    fn ask(&mut self, request: &Request, asked: Asked, rng: &mut dyn CryptoRng) -> Option<Vec<u8>> {
        self.ask_payload(&request.encode(), asked, rng)
    }

    fn ask_payload(&mut self, payload: &[u8], asked: Asked, rng: &mut dyn CryptoRng) -> Option<Vec<u8>> {
        let up = self.link.as_mut()?;
        if up.pending.len() >= limits::REQUESTS_IN_FLIGHT_MAX {
            return None;
        }
        let (sealed, reply) = seal_request(&self.request_key, payload, rng).ok()?;
        let id = up.next_id;
        up.next_id = up.next_id.wrapping_add(1);
        up.pending.insert(id, (reply, asked));
        Some(Frame::Request { id, sealed }.encode())
    }

    /// Asks for whatever the client's state calls for and is not asked for yet.
    fn resume(&mut self, rng: &mut dyn CryptoRng) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        if self.link.as_ref().is_none_or(|up| up.retry_at.is_some()) {
            return frames;
        }
        frames.extend(self.resume_follow(rng));
        frames.extend(self.resume_poll(rng));
        frames.extend(self.resume_again(rng));
        while let Some(positions) = self.next_fetch(rng) {
            let request = Request::Get {
                list: self.cursor.list.unwrap_or_default(),
                positions: positions.clone(),
                bytes_max: limits::BATCH_BYTES_MAX as u32,
            };
            match self.ask(&request, Asked::Get(positions), rng) {
                Some(frame) => frames.push(frame),
                None => break,
            }
        }
        frames
    }

    fn resume_follow(&mut self, rng: &mut dyn CryptoRng) -> Option<Vec<u8>> {
        let up = self.link.as_mut()?;
        let room = self.cursor.hits.len() < limits::HITS_WAITING_MAX / 2;
        if !self.home || up.unfollowable || up.follow != Follow::Off || !room {
            return None;
        }
        up.follow = Follow::Asked;
        up.taken = 0;
        let request = Request::Follow {
            list: self.cursor.list,
            from: self.cursor.position,
            mode: self.mode,
            credit: limits::FOLLOW_CREDIT_BYTES,
        };
        self.ask(&request, Asked::Follow, rng)
    }

    fn resume_poll(&mut self, rng: &mut dyn CryptoRng) -> Option<Vec<u8>> {
        let up = self.link.as_mut()?;
        let room = self.cursor.hits.len() < limits::HITS_WAITING_MAX / 2;
        let asked = up.pending.values().any(|(_, asked)| matches!(asked, Asked::Poll));
        if !up.polling || asked || !room || up.follow != Follow::Off {
            return None;
        }
        let request = Request::List { list: self.cursor.list, from: self.cursor.position };
        self.ask(&request, Asked::Poll, rng)
    }

    fn resume_again(&mut self, rng: &mut dyn CryptoRng) -> Option<Vec<u8>> {
        let up = self.link.as_mut()?;
        let from = self.cursor.again?;
        let list = self.cursor.list?;
        let room = self.cursor.hits.len() < limits::HITS_WAITING_MAX / 2;
        if up.looking || !room {
            return None;
        }
        up.looking = true;
        let list = Some(list);
        let start = self.cursor.again_chain;
        self.ask(&Request::List { list, from }, Asked::Again { from, start }, rng)
    }

    fn next_fetch(&mut self, rng: &mut dyn CryptoRng) -> Option<Vec<u64>> {
        let up = self.link.as_ref()?;
        if up.pending.len() >= limits::REQUESTS_IN_FLIGHT_MAX {
            return None;
        }
        self.fetch.next(&self.cursor, rng)
    }

    fn on_reply(
        &mut self,
        id: u32,
        sealed: &[u8],
        wanted: &dyn Fn(&Prefix) -> bool,
        events: &mut Vec<ClientEvent>,
    ) -> Result<(), ClientError> {
        let up = self.link.as_mut().ok_or(ClientError::OutOfPlace)?;
        let (pending, asked) = up.pending.remove(&id).ok_or(ClientError::OutOfPlace)?;
        let payload = pending.open(sealed).map_err(|_| ClientError::Unreadable)?;
        match (asked, Reply::decode(&payload)?) {
            (Asked::Put(keys), Reply::Put(outcomes)) if keys.len() == outcomes.len() => {
                let outcomes = keys.into_iter().zip(outcomes);
                for (key, outcome) in outcomes {
                    events.push(put_event(key, outcome));
                    if outcome == PutOutcome::StoredInReserve {
                        events.push(ClientEvent::ReserveOnly);
                    }
                }
                Ok(())
            }
            (Asked::Put(keys), Reply::NotUnderstood) => {
                let refused = |key| ClientEvent::Refused(key, Refusal::NotUnderstood);
                events.extend(keys.into_iter().map(refused));
                Ok(())
            }
            (Asked::Delete(tags), Reply::Deleted(outcomes)) if tags.len() == outcomes.len() => {
                let outcomes = tags.into_iter().zip(outcomes);
                events.extend(outcomes.map(|(tag, outcome)| ClientEvent::Deleted(tag, outcome)));
                Ok(())
            }
            (Asked::Delete(_), Reply::NotUnderstood) => Ok(()),
            (Asked::Follow, Reply::Following { list, first, start, head }) => {
                let end = head.position;
                if head.list != list || !head.is_signed_by(&self.sign_key) || end < first {
                    return Err(ClientError::Lied);
                }
                self.stand_at(&head, first, start, events)?;
                if let Some(up) = &mut self.link {
                    up.follow = Follow::On;
                    up.goal = end;
                }
                Ok(())
            }
            (Asked::Follow, Reply::NotUnderstood) => {
                up.follow = Follow::Off;
                up.unfollowable = true;
                up.polling = true;
                events.push(ClientEvent::NotFollowing);
                Ok(())
            }
            (Asked::Poll, Reply::List(part)) => self.on_poll(part, wanted, events),
            (Asked::Again { from, start }, Reply::List(part)) => {
                self.on_again(from, start, part, wanted, events)
            }
            (Asked::Get(asked), Reply::Got(blobs)) => self.on_blobs(&asked, blobs, events),
            (Asked::Get(asked), Reply::OtherList(_)) => {
                // The follow or the next poll tells which list it is, and signs for it.
                self.fetch.unask(&asked);
                self.fetch.pause();
                Ok(())
            }
            _ => Err(ClientError::OutOfPlace),
        }
    }

    fn on_busy(
        &mut self,
        id: u32,
        after_ms: u32,
        now: Moment,
        events: &mut Vec<ClientEvent>,
    ) -> Result<(), ClientError> {
        let up = self.link.as_mut().ok_or(ClientError::OutOfPlace)?;
        let after_ms = after_ms.clamp(1, BUSY_WAIT_MS_MAX);
        up.retry_at = Some(now.plus(Duration::from_millis(after_ms.into())));
        if id == 0 {
            return Ok(());
        }
        let (_, asked) = up.pending.remove(&id).ok_or(ClientError::OutOfPlace)?;
        match asked {
            Asked::Put(keys) => {
                let refused = |key| ClientEvent::Refused(key, Refusal::Busy { after_ms });
                events.extend(keys.into_iter().map(refused));
            }
            Asked::Follow => up.follow = Follow::Off,
            Asked::Again { .. } => up.looking = false,
            Asked::Get(positions) => self.fetch.unask(&positions),
            // A deletion is a courtesy: the time to live ends it anyway. A poll stays wished for.
            Asked::Delete(_) | Asked::Poll => {}
        }
        Ok(())
    }

    fn on_descriptor(&mut self, bytes: &[u8], events: &mut Vec<ClientEvent>) -> Result<(), ClientError> {
        let descriptor = RelayDescriptor::parse(bytes).map_err(|_| ClientError::Unreadable)?;
        if descriptor.facts().sign_key != self.sign_key {
            return Err(ClientError::Lied);
        }
        events.push(ClientEvent::Descriptor(Box::new(descriptor)));
        Ok(())
    }

    fn note_caught_up(&mut self, events: &mut Vec<ClientEvent>) {
        let Some(up) = &mut self.link else {
            return;
        };
        let reads = up.follow == Follow::On || up.polled;
        let complete =
            self.cursor.position >= up.goal && self.cursor.hits.is_empty() && self.cursor.again.is_none();
        if reads && complete && !up.caught_up {
            up.caught_up = true;
            events.push(ClientEvent::CaughtUp);
        }
    }
}

fn put_event(key: u64, outcome: PutOutcome) -> ClientEvent {
    let refusal = match outcome {
        PutOutcome::Stored | PutOutcome::Duplicate | PutOutcome::StoredInReserve => {
            return ClientEvent::Stored(key);
        }
        PutOutcome::Taken => Refusal::Taken,
        PutOutcome::Gone => Refusal::Gone,
        PutOutcome::Full => Refusal::Full,
        PutOutcome::Pay { difficulty } => Refusal::Pay { difficulty },
        PutOutcome::Bad => Refusal::Bad,
    };
    ClientEvent::Refused(key, refusal)
}

const REPLY_WAIT: Duration = Duration::from_millis(limits::REPLY_WAIT_MS);
