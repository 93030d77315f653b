//! The waist of the house: every envelope that leaves or arrives passes [`Router::accept`], whatever its road.
//!
//! The router knows tags, local numbers and roads; it knows neither people nor what is inside. Leaving envelopes are
//! kept in the outbox (one record each, in the caller's batch) until [`Router::settle`] says that the other side has
//! them. A live link is the first road; without one, or when the link stays silent for [`LINK_PATIENCE`], copies go
//! to mailboxes: to [`COPIES`] of them that are there, and once nothing was heard of them to all. Arriving envelopes are
//! matched against the tags that somebody expects.
//!
//! Nothing here acts: the owner asks what to push and what to deposit, does it, and tells what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crypto::Signature;
use minicbor::{Decode, Encode};

use crate::envelope::Envelope;
use crate::id::{LinkId, Moment, Party, Prefix, Tag};
use crate::store::{Direction, Overlay, StoreError};
use crate::tables;

mod mailboxes;

/// Copies of one envelope that are left in mailboxes while there are enough of them.
pub const COPIES: usize = 2;
/// How long a live link may keep an envelope unacknowledged before copies go to mailboxes as well.
pub const LINK_PATIENCE: Duration = Duration::from_secs(5);
/// How long something waits for a mailbox that cannot be spoken to before another is asked in its place.
pub const MAILBOX_PATIENCE: Duration = Duration::from_secs(60);
/// Deposits under way at one mailbox: two round trips of a slow link. Beyond it they wait in the outbox.
pub const DEPOSITS_IN_FLIGHT_MAX: usize = 64;
/// Deletions that wait for one mailbox; older ones are left to the time to live.
pub const DELETIONS_WAITING_MAX: usize = 4_096;

/// A relay, by the number that this device gave it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MailboxId(pub u32);

/// Who waits for a tag: the counterpart and the number of the slot in what they share.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Expected {
    /// The whole tag; a list shows its first eight bytes only.
    pub tag: Tag,
    /// The counterpart.
    pub party: Party,
    /// The slot, in a numbering of the owner's.
    pub slot: u64,
}

/// An envelope at the waist.
#[derive(Debug)]
pub enum Crossing<'a> {
    /// From this device to a counterpart.
    Leaving {
        /// For whom.
        party: Party,
        /// What.
        envelope: &'a Envelope,
        /// The slot's word that mailboxes may forget it; made now, since the slot's key is forgotten first.
        deletion: Option<Signature>,
        /// Where the counterpart looks, best first.
        mailboxes: &'a [MailboxId],
        /// Whether its arrival lets the counterpart take back what lies in mailboxes: such go first to a full one.
        makes_room: bool,
    },
    /// To this device, by the beginning of its tag, which links and the lists of mailboxes tell.
    Arriving(Prefix),
}

/// What the waist says.
#[derive(Debug, Eq, PartialEq)]
pub enum Accepted {
    /// It is in the outbox under this number.
    Kept(u64),
    /// Somebody expects it: try to open it as each of these.
    Ours(Vec<Expected>),
    /// It has come before, by whatever road; the counterpart may not know that yet.
    Known(Party),
    /// Nobody here waits for it.
    Foreign,
}

/// Why a mailbox did not take an envelope.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Setback {
    /// Its slot there holds other bytes: it will never fit.
    Taken,
    /// Not now: the mailbox is full or asks for payment.
    NotNow,
}

/// What is told of a record of the outbox that cannot be read.
const OUTBOX: &str = "the outbox";

struct Outgoing {
    party: Party,
    mailboxes: Vec<MailboxId>,
    stored: BTreeSet<MailboxId>,
    lost: BTreeSet<MailboxId>,
    /// Handed to a live link that has acknowledged it.
    landed: bool,
    /// When mailboxes are asked although a link is up.
    due: Moment,
    makes_room: bool,
    /// All mailboxes are asked, not only [`COPIES`] of them.
    everywhere: bool,
}

impl Outgoing {
    fn new(party: Party, mailboxes: Vec<MailboxId>, due: Moment, makes_room: bool) -> Self {
        let (stored, lost) = (BTreeSet::new(), BTreeSet::new());
        Self { party, mailboxes, stored, lost, landed: false, due, makes_room, everywhere: false }
    }

    /// Whether it lies nowhere, and each of its mailboxes refused it or was passed over.
    fn is_exhausted(&self, mailboxes: &BTreeMap<MailboxId, Mailbox>) -> bool {
        let passed_over = |id| mailboxes.get(id).is_some_and(|mailbox| mailbox.passed_over);
        self.stored.is_empty() && self.mailboxes.iter().all(|id| self.lost.contains(id) || passed_over(id))
    }
}

#[derive(Default)]
struct Mailbox {
    up: bool,
    /// Since when something waits although it is not up.
    wanted_since: Option<Moment>,
    /// It was wanted for [`MAILBOX_PATIENCE`] and did not come up: others go before it until it does.
    passed_over: bool,
    waiting: BTreeSet<u64>,
    /// Those that wait and make room.
    waiting_first: BTreeSet<u64>,
    in_flight: BTreeSet<u64>,
    deletions: Vec<(Tag, Signature)>,
}

impl Mailbox {
    fn wait(&mut self, number: u64, makes_room: bool) {
        self.waiting.insert(number);
        if makes_room {
            self.waiting_first.insert(number);
        }
    }

    fn drop_waiting(&mut self, number: u64) {
        self.waiting.remove(&number);
        self.waiting_first.remove(&number);
    }
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct OutboxRecord {
    #[n(0)]
    party: u32,
    #[cbor(n(1), with = "minicbor::bytes")]
    envelope: Vec<u8>,
    #[cbor(n(2), with = "minicbor::bytes")]
    deletion: Option<Vec<u8>>,
    #[n(3)]
    mailboxes: Vec<u32>,
    #[n(4)]
    makes_room: Option<bool>,
}

/// Keeps what leaves, recognises what arrives, and says which roads are out.
#[derive(Default)]
pub struct Router {
    next: u64,
    outgoing: BTreeMap<u64, Outgoing>,
    by_party: BTreeMap<Party, BTreeSet<u64>>,
    expected: BTreeMap<Prefix, Vec<Expected>>,
    spent: BTreeMap<Prefix, Vec<Expected>>,
    links: BTreeMap<LinkId, (Party, u64)>,
    mailboxes: BTreeMap<MailboxId, Mailbox>,
}

impl std::fmt::Debug for Router {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Router({} leaving, {} expected)", self.outgoing.len(), self.expected.len())
    }
}

impl Router {
    /// Reads the outbox as it stood.
    ///
    /// # Errors
    /// [`StoreError`] from the store, or [`StoreError::Corrupt`] if a record is no outbox record.
    pub fn load(overlay: &Overlay<'_>, now: Moment) -> Result<Self, StoreError> {
        let mut router = Self { next: 1, ..Self::default() };
        let mut from = 0;
        loop {
            let page = overlay.range(&tables::OUTBOX, b"", from..=u64::MAX, Direction::Ascending, 256)?;
            let Some((last, _)) = page.last() else { break };
            from = last + 1;
            for (number, bytes) in &page {
                let record: OutboxRecord =
                    minicbor::decode(bytes).map_err(|_| StoreError::Corrupt(OUTBOX))?;
                let stored = match overlay.get(&tables::OUTBOX_MARK, b"", *number)? {
                    Some(bytes) => {
                        minicbor::decode::<Vec<u32>>(&bytes).map_err(|_| StoreError::Corrupt(OUTBOX))?
                    }
                    None => Vec::new(),
                };
                let mailboxes = record.mailboxes.into_iter().map(MailboxId).collect();
                let makes_room = record.makes_room == Some(true);
                let mut outgoing = Outgoing::new(Party(record.party), mailboxes, now, makes_room);
                outgoing.stored = stored.into_iter().map(MailboxId).collect();
                router.next = number + 1;
                router.enter(*number, outgoing);
            }
        }
        let numbers: Vec<u64> = router.outgoing.keys().copied().collect();
        for number in numbers {
            router.queue_deposits(number);
        }
        Ok(router)
    }

    /// Says that `tag` is waited for. Expecting a tag twice changes nothing.
    pub fn expect(&mut self, expected: Expected) {
        let list = self.expected.entry(expected.tag.prefix()).or_default();
        if !list.contains(&expected) {
            list.push(expected);
        }
    }

    /// Says that what was waited for under `tag` has come: a second copy is known from now on.
    pub fn spend(&mut self, expected: Expected) {
        self.forget(&expected.tag);
        self.spent.entry(expected.tag.prefix()).or_default().push(expected);
    }

    /// Forgets a tag, waited for or spent.
    pub fn forget(&mut self, tag: &Tag) {
        for map in [&mut self.expected, &mut self.spent] {
            if let Some(list) = map.get_mut(&tag.prefix()) {
                list.retain(|e| e.tag != *tag);
                if list.is_empty() {
                    map.remove(&tag.prefix());
                }
            }
        }
    }

    /// Tells whether a listed prefix belongs to a tag that is waited for.
    pub fn is_expected(&self, prefix: &Prefix) -> bool {
        self.expected.contains_key(prefix)
    }

    /// Returns who waits for tags with this prefix.
    pub fn expecting(&self, prefix: &Prefix) -> &[Expected] {
        self.expected.get(prefix).map_or(&[], Vec::as_slice)
    }

    /// Takes one envelope at the waist. A leaving one is written to the outbox in the caller's batch.
    ///
    /// # Errors
    /// [`StoreError`] from the store; then nothing has changed.
    pub fn accept(
        &mut self,
        crossing: Crossing<'_>,
        now: Moment,
        overlay: &mut Overlay<'_>,
    ) -> Result<Accepted, StoreError> {
        match crossing {
            Crossing::Arriving(prefix) => Ok(self.recognise(&prefix)),
            Crossing::Leaving { party, envelope, deletion, mailboxes, makes_room } => {
                let number = self.next;
                let record = OutboxRecord {
                    party: party.0,
                    envelope: envelope.encode(),
                    deletion: deletion.map(|s| s.as_bytes().to_vec()),
                    mailboxes: mailboxes.iter().map(|m| m.0).collect(),
                    makes_room: makes_room.then_some(true),
                };
                overlay.put(
                    &tables::OUTBOX,
                    b"",
                    number,
                    minicbor::to_vec(&record).expect("a vector takes all bytes"),
                );
                self.next += 1;
                let outgoing = Outgoing::new(party, mailboxes.to_vec(), now.plus(LINK_PATIENCE), makes_room);
                self.enter(number, outgoing);
                if !self.has_link(party) {
                    self.queue_deposits(number);
                }
                Ok(Accepted::Kept(number))
            }
        }
    }

    fn recognise(&self, prefix: &Prefix) -> Accepted {
        let ours = self.expecting(prefix);
        if !ours.is_empty() {
            return Accepted::Ours(ours.to_vec());
        }
        let spent = self.spent.get(prefix).and_then(|spent| spent.first());
        spent.map_or(Accepted::Foreign, |e| Accepted::Known(e.party))
    }

    fn enter(&mut self, number: u64, outgoing: Outgoing) {
        self.by_party.entry(outgoing.party).or_default().insert(number);
        self.outgoing.insert(number, outgoing);
    }

    /// Returns an envelope of the outbox.
    ///
    /// # Errors
    /// [`StoreError`] from the store.
    pub fn envelope(&self, number: u64, overlay: &Overlay<'_>) -> Result<Option<Envelope>, StoreError> {
        let Some(bytes) = overlay.get(&tables::OUTBOX, b"", number)? else { return Ok(None) };
        let record: OutboxRecord = minicbor::decode(&bytes).map_err(|_| StoreError::Corrupt(OUTBOX))?;
        Envelope::decode(&record.envelope).map(Some).map_err(|_| StoreError::Corrupt(OUTBOX))
    }

    /// For the simulator: the envelope in a record of the outbox, and whether its slot lies in a drop, where nothing is
    /// ever put twice.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it is no record of the outbox.
    #[cfg(feature = "sim")]
    pub fn envelope_of(record: &[u8]) -> Result<(Envelope, bool), StoreError> {
        let record: OutboxRecord = minicbor::decode(record).map_err(|_| StoreError::Corrupt(OUTBOX))?;
        let envelope = Envelope::decode(&record.envelope).map_err(|_| StoreError::Corrupt(OUTBOX))?;
        Ok((envelope, record.deletion.is_some()))
    }

    /// The counterpart has it: takes it out of the outbox and asks its mailboxes to forget it.
    ///
    /// # Errors
    /// [`StoreError`] from the store.
    pub fn settle(&mut self, number: u64, overlay: &mut Overlay<'_>) -> Result<(), StoreError> {
        let Some(outgoing) = self.outgoing.remove(&number) else { return Ok(()) };
        if let Some(numbers) = self.by_party.get_mut(&outgoing.party) {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.by_party.remove(&outgoing.party);
            }
        }
        let record = overlay.get(&tables::OUTBOX, b"", number)?;
        let deletion = record.and_then(|bytes| {
            let record: OutboxRecord = minicbor::decode(&bytes).ok()?;
            let signature = Signature::from_bytes(&record.deletion?).ok()?;
            Some((Envelope::decode(&record.envelope).ok()?.tag, signature))
        });
        for (id, mailbox) in &mut self.mailboxes {
            mailbox.drop_waiting(number);
            let was_sent = mailbox.in_flight.remove(&number) || outgoing.stored.contains(id);
            if let (true, Some((tag, signature))) = (was_sent, &deletion) {
                if mailbox.deletions.len() == DELETIONS_WAITING_MAX {
                    mailbox.deletions.remove(0);
                }
                mailbox.deletions.push((*tag, *signature));
            }
        }
        overlay.delete(&tables::OUTBOX, b"", number);
        if !outgoing.stored.is_empty() {
            overlay.delete(&tables::OUTBOX_MARK, b"", number);
        }
        Ok(())
    }

    /// Tells whether the outbox holds `number`.
    pub fn holds(&self, number: u64) -> bool {
        self.outgoing.contains_key(&number)
    }

    /// Returns for whom the outbox holds `number`.
    pub fn party_of(&self, number: u64) -> Option<Party> {
        self.outgoing.get(&number).map(|outgoing| outgoing.party)
    }

    /// Returns how many envelopes wait for `party`.
    pub fn waiting_for(&self, party: Party) -> usize {
        self.by_party.get(&party).map_or(0, BTreeSet::len)
    }

    // ---- links ----

    /// A link to `party` is up: all that waits for them may be pushed.
    pub fn link_up(&mut self, link: LinkId, party: Party) {
        self.links.insert(link, (party, 0));
    }

    /// A link is gone: what it did not acknowledge goes to mailboxes.
    pub fn link_down(&mut self, link: LinkId) {
        let Some((party, _)) = self.links.remove(&link) else { return };
        if self.has_link(party) {
            return;
        }
        for number in self.by_party.get(&party).cloned().unwrap_or_default() {
            self.queue_deposits(number);
        }
    }

    /// Tells whether a link to `party` is up.
    pub fn has_link(&self, party: Party) -> bool {
        self.links.values().any(|(p, _)| *p == party)
    }

    /// Returns the links to `party`.
    pub fn links_to(&self, party: Party) -> Vec<LinkId> {
        self.links.iter().filter(|(_, (p, _))| *p == party).map(|(l, _)| *l).collect()
    }

    /// Returns the oldest envelope that `link` has not been handed yet.
    pub fn next_push(&self, link: LinkId) -> Option<u64> {
        let (party, cursor) = self.links.get(&link)?;
        let numbers = self.by_party.get(party)?;
        numbers.range(cursor + 1..).copied().find(|n| !self.outgoing[n].landed)
    }

    /// The link was handed `number`.
    pub fn pushed(&mut self, link: LinkId, number: u64) {
        if let Some((_, cursor)) = self.links.get_mut(&link) {
            *cursor = (*cursor).max(number);
        }
    }

    /// The device at the other end of a link keeps `number`; the person there has not said so yet.
    /// Returns false if it was known.
    pub fn landed(&mut self, number: u64) -> bool {
        let Some(outgoing) = self.outgoing.get_mut(&number) else { return false };
        let fresh = !std::mem::replace(&mut outgoing.landed, true);
        for mailbox in self.mailboxes.values_mut() {
            mailbox.drop_waiting(number);
        }
        fresh
    }

    /// Returns when [`Router::overdue`] or [`Router::pass_over`] has something to do next.
    pub fn deadline(&self) -> Option<Moment> {
        // Numbers rise with time, so the first that still waits on a link is the first due.
        let link = self.outgoing.values().find(|o| Self::waits_on_link(o) && self.has_link(o.party));
        let away = self.mailboxes.values().filter(|mailbox| !mailbox.passed_over);
        let away = away.filter_map(|mailbox| Some(mailbox.wanted_since?.plus(MAILBOX_PATIENCE))).min();
        link.map(|outgoing| outgoing.due).into_iter().chain(away).min()
    }

    fn waits_on_link(outgoing: &Outgoing) -> bool {
        !outgoing.landed && !outgoing.mailboxes.is_empty() && outgoing.due != Moment(u64::MAX)
    }

    /// Sends to mailboxes what links have kept unacknowledged too long.
    pub fn overdue(&mut self, now: Moment) {
        let late: Vec<u64> = self
            .outgoing
            .iter()
            .filter(|(_, o)| Self::waits_on_link(o) && o.due <= now)
            .map(|(number, _)| *number)
            .collect();
        for number in late {
            if let Some(outgoing) = self.outgoing.get_mut(&number) {
                outgoing.due = Moment(u64::MAX);
            }
            self.queue_deposits(number);
        }
    }
}
