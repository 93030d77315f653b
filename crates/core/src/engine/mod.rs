//! The whole client as one state machine: no runtime, no socket, no file, no clock, no global randomness.
//!
//! The driver brings inputs and takes outputs. One *turn* is: any number of [`Engine::handle`], one
//! [`Engine::settle`], one commit of the batch they filled, and only then the release of [`Engine::take_outputs`].
//! So whatever leaves this device, is shown or is answered rests on what is on its disk; and a busy node shares one
//! commit among many inputs, while a lone one never waits.

mod ahead;
#[cfg(feature = "node")]
mod backup;
mod command;
mod contacts;
mod erase;
mod fade;
mod generations;
mod invites;
#[cfg(feature = "node")]
pub(crate) mod loss;
mod receive;
mod repair;
mod roads;
mod send;

#[cfg(test)]
mod duo;
#[cfg(test)]
mod forged;
#[cfg(test)]
mod gaps;
#[cfg(test)]
mod thief;
#[cfg(test)]
mod three_roads;

use std::collections::{BTreeMap, BTreeSet};

use crypto::CryptoRng;
use crypto::identity::Identity;
use proto::id::{Address, LinkId, Moment, Party, PeerName};
use proto::link::{Link, Role};
use proto::router::{Expected, MailboxId, Router};
use proto::store::{Direction, Overlay, Store, StoreError};

pub use self::ahead::{OpenedSeal, SealJob};
#[cfg(all(test, feature = "node"))]
pub(crate) use self::backup::REACH_LEAP;
pub use self::command::{Answer, Command, CommandError, RelayInfo, Takes, Whoami};
use self::contacts::{Joining, OpenInvite};
use self::fade::Fading;
pub use self::generations::Policy;
use self::invites::InviteDays;
use self::roads::{Greeting, Relay};
use crate::contact::ContactRecord;
use crate::content::{ConversationId, Reach};
use crate::conversation::{Conversation, decode, encode};
use crate::event::{ContactId, Event};
use crate::pair::{Flight, KeptSlot, Pair, REPAIR, SlotId, slots_name};
use crate::tables;
use crate::uptime::Uptime;

/// The time of a turn: what decisions rest on, and what people are shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Now {
    /// A clock that only goes forward. Decisions rest on it.
    pub moment: Moment,
    /// The machine's word for the time, in milliseconds since 1970. Labels only; it may jump by years.
    pub label_ms: Option<u64>,
}

/// The number by which a driver finds who asked.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Ticket(pub u64);

/// What a link leads to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LinkKind {
    /// Another person's device, perhaps a stranger's.
    Direct {
        /// Who dialled.
        role: Role,
        /// Our name on this network.
        local: PeerName,
        /// Theirs.
        remote: PeerName,
    },
    /// A relay that the engine asked to be connected to.
    Relay(MailboxId),
}

/// What the driver brings.
#[derive(Debug)]
pub enum Input {
    /// A person or program asks.
    Command(Ticket, Command),
    /// A link is up.
    LinkUp(LinkId, LinkKind),
    /// A frame came.
    Frame(LinkId, Vec<u8>),
    /// A link is gone.
    LinkDown(LinkId),
    /// The moment of [`Engine::next_wake`] has come.
    Wake,
    /// This turn is the last of a life that ends in order.
    Closing,
}

/// What the driver is to do after the turn's batch is on disk.
#[derive(Debug)]
pub enum Output {
    /// Send a frame.
    Send(LinkId, Vec<u8>),
    /// Close a link.
    Close(LinkId),
    /// Keep a connection to a relay, trying again with patience until [`Output::Disconnect`].
    Connect {
        /// The relay's local number.
        mailbox: MailboxId,
        /// Where it may be.
        addresses: Vec<Address>,
        /// Who must answer there, if that is known.
        peer: Option<PeerName>,
    },
    /// Give up the connection to a relay.
    Disconnect(MailboxId),
    /// Dial a device once, for a direct link.
    Dial(Address),
    /// The link leads to a contact: dial it again when it is lost.
    Keep(LinkId),
    /// Greet all neighbours that are not linked: somebody new may be recognised among them.
    Greet,
    /// Tell those who listen.
    Event(Event),
    /// Answer who asked.
    Answer(Ticket, Result<Answer, CommandError>),
}

/// What one turn works with.
pub(crate) struct Turn<'a, 'b> {
    pub(crate) now: Now,
    pub(crate) overlay: &'a mut Overlay<'b>,
    pub(crate) rng: &'a mut dyn CryptoRng,
}

enum LinkState {
    Direct {
        link: Box<Link>,
        /// When the other side is told what came, if nothing that leaves before then can say so.
        ack_due: Option<Moment>,
        /// When it was last told.
        acked_at: Option<Moment>,
    },
    Relay(MailboxId),
}

/// The client.
pub struct Engine {
    me: Identity,
    name: String,
    router: Router,
    contacts: BTreeMap<Party, ContactRecord>,
    pairs: BTreeMap<Party, Pair>,
    invites: BTreeMap<Party, OpenInvite>,
    joins: BTreeMap<Party, Joining>,
    conversations: BTreeMap<u32, Conversation>,
    by_conversation: BTreeMap<ConversationId, u32>,
    relays: BTreeMap<MailboxId, Relay>,
    /// No relay gets the number of one that was forgotten in this life.
    next_relay: u32,
    /// Where contacts say that they read from now on, until the turn ends.
    reaches: BTreeMap<Party, Reach>,
    links: BTreeMap<LinkId, LinkState>,
    next_party: u32,
    reach_number: u64,
    invite_days: InviteDays,
    /// Pairs whose live record is not yet in the batch.
    dirty: BTreeSet<Party>,
    /// Conversations whose record is not yet in the batch.
    dirty_conversations: BTreeSet<u32>,
    greeting: Option<Greeting>,
    fading: Fading,
    /// Seconds after which messages disappear in every conversation that begins, if that is chosen.
    fade_default: Option<u32>,
    policy: Policy,
    uptime: Uptime,
    /// Whether each contact is known to have the conversation that is theirs.
    are_housed: bool,
    /// The profile came out of a backup: every contact gets a new generation before anything else is sent.
    is_restored: bool,
    /// What a backup kept of pairs, until the repairs begin in the first turn.
    unmet: BTreeMap<Party, Pair>,
    /// Early envelopes that this turn has opened.
    early_opened: usize,
    /// Bytes of held items that this turn has read.
    released: usize,
    /// Whether this turn has deleted messages: what stood beside them is sealed anew with its commit.
    has_erased: bool,
    /// Seals opened ahead of this turn.
    ahead: ahead::Ahead,
    outputs: Vec<Output>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Engine({} contacts, {} links)", self.contacts.len(), self.links.len())
    }
}

const ME_IDENTITY: u64 = 0;
const ME_NAME: u64 = 1;
pub(crate) const ME_COUNTERS: u64 = 2;
const ME_RESTORED: u64 = 3;
const ME_USED: u64 = 4;
const ME_INVITE_DAYS: u64 = 5;
pub(crate) const ME_FADE: u64 = 6;
/// The names of gaps in the log that were acted on, one after the other.
#[cfg(feature = "node")]
const ME_GAPS: u64 = 7;
/// What the person is still to be told of a loss.
const ME_UNTOLD: u64 = 8;
const PAGE: usize = 256;

impl Engine {
    /// Writes a new profile into `overlay`; [`Engine::load`] opens it once that is on disk.
    pub fn create(name: &str, overlay: &mut Overlay<'_>, rng: &mut dyn CryptoRng) {
        let identity = Identity::create(rng);
        overlay.put(&tables::ME, b"", ME_IDENTITY, identity.to_bytes().to_vec());
        overlay.put(&tables::ME, b"", ME_NAME, command::clean_name(name).into_bytes());
        overlay.put(&tables::ME, b"", ME_COUNTERS, encode(&(1u32, 1u64)));
    }

    /// Whether a store has the record of who its owner is.
    ///
    /// # Errors
    /// [`StoreError`] from the store.
    pub fn has_owner(store: &dyn Store) -> Result<bool, StoreError> {
        Ok(store.get(&tables::ME, b"", ME_IDENTITY)?.is_some())
    }

    /// Notes that the profile behind `overlay` was restored from a backup. Whoever writes such a profile calls this in
    /// the same batch. When it is opened, every contact gets a new generation before anything else is sent.
    pub fn mark_restored(overlay: &mut Overlay<'_>) {
        overlay.put(&tables::ME, b"", ME_RESTORED, vec![1]);
    }

    /// Reads a profile as it stood.
    ///
    /// # Errors
    /// [`StoreError`] from the store, or [`StoreError::Corrupt`] if a record is not what this version writes.
    pub fn load(now: Now, overlay: &Overlay<'_>) -> Result<Self, StoreError> {
        let one = |order| overlay.get(&tables::ME, b"", order)?.ok_or(crate::CORRUPT);
        let me = Identity::from_bytes(&one(ME_IDENTITY)?).map_err(|_| crate::CORRUPT)?;
        let name = String::from_utf8(one(ME_NAME)?).map_err(|_| crate::CORRUPT)?;
        let (next_party, reach_number): (u32, u64) = decode(&one(ME_COUNTERS)?)?;
        let minutes = match overlay.get(&tables::ME, b"", ME_INVITE_DAYS)? {
            Some(bytes) => decode(&bytes)?,
            None => 0,
        };
        let mut engine = Self {
            me,
            name,
            router: Router::load(overlay, now.moment)?,
            contacts: BTreeMap::new(),
            pairs: BTreeMap::new(),
            invites: BTreeMap::new(),
            joins: BTreeMap::new(),
            conversations: BTreeMap::new(),
            by_conversation: BTreeMap::new(),
            relays: BTreeMap::new(),
            next_relay: 1,
            reaches: BTreeMap::new(),
            links: BTreeMap::new(),
            next_party,
            reach_number,
            invite_days: InviteDays::new(minutes, now.moment),
            dirty: BTreeSet::new(),
            dirty_conversations: BTreeSet::new(),
            greeting: None,
            fading: Fading::default(),
            fade_default: None,
            policy: Policy::default(),
            uptime: Uptime::new(0, now.moment),
            are_housed: false,
            is_restored: overlay.get(&tables::ME, b"", ME_RESTORED)?.is_some(),
            unmet: BTreeMap::new(),
            early_opened: 0,
            has_erased: false,
            released: 0,
            ahead: ahead::Ahead::default(),
            outputs: Vec::new(),
        };
        if let Some(used) = overlay.get(&tables::ME, b"", ME_USED)? {
            engine.uptime = Uptime::new(decode(&used)?, now.moment);
        }
        each(&tables::CONTACT, b"", overlay, |order, bytes| {
            engine.contacts.insert(Party(order as u32), decode(bytes)?);
            Ok(())
        })?;
        each(&tables::CONVERSATION, b"", overlay, |order, bytes| {
            let conversation: Conversation = decode(bytes)?;
            engine.by_conversation.insert(conversation.id, order as u32);
            engine.conversations.insert(order as u32, conversation);
            Ok(())
        })?;
        each(&tables::PAIR, b"", overlay, |order, bytes| {
            engine.load_pair(Party(order as u32), bytes, now.moment, overlay)
        })?;
        each(&tables::INVITE, b"", overlay, |order, bytes| engine.load_invite(Party(order as u32), bytes))?;
        each(&tables::JOIN, b"", overlay, |order, bytes| {
            engine.load_join(Party(order as u32), bytes, now.moment)
        })?;
        each(&tables::RELAY, b"", overlay, |order, bytes| engine.load_relay(order as u32, bytes, overlay))?;
        engine.next_relay = engine.relays.last_key_value().map_or(1, |(last, _)| last.0 + 1);
        // What waits was written down with the mailboxes of its day.
        for (party, contact) in engine.contacts.iter().filter(|(_, contact)| contact.reach_number.is_some()) {
            let mailboxes: Vec<MailboxId> = contact.mailboxes.iter().copied().map(MailboxId).collect();
            engine.router.redirect(*party, &mailboxes);
        }
        engine.load_fading(overlay)?;
        engine.greeting = engine.awaits_somebody().then(|| Greeting::soon(now.moment));
        Ok(engine)
    }

    fn load_pair(
        &mut self,
        party: Party,
        bytes: &[u8],
        now: Moment,
        overlay: &Overlay<'_>,
    ) -> Result<(), StoreError> {
        if self.is_restored && overlay.get(&tables::STREAM, b"", party.0.into())?.is_none() {
            self.unmet.insert(party, Pair::unmet(party, bytes)?);
            return Ok(());
        }
        let name = tables::name(party.0);
        let mut pair = Pair::load(party, bytes, now, overlay)?;
        let generations: Vec<u32> = pair.generations().map(|g| g.number).collect();
        for number in generations {
            each(&tables::SLOT, &slots_name(party, number), overlay, |slot, bytes| {
                let at = SlotId { generation: number, slot: slot as u32 };
                let Some(generation) = pair.generation_mut(number) else { return Ok(()) };
                let (tag, is_open) = generation.window.put(at.slot, KeptSlot::decode(bytes)?);
                let expected = Expected { tag, party, slot: at.number() };
                if is_open {
                    self.router.expect(expected)
                } else {
                    self.router.spend(expected)
                }
                Ok(())
            })?;
        }
        self.expect_repair(&pair);
        each(&tables::FLIGHT, &name, overlay, |order, bytes| {
            let at = SlotId::from_number(order);
            pair.flights.insert(at, decode::<Flight>(bytes)?);
            if pair.has_passed(at) {
                pair.doubted.insert(at, now);
            }
            Ok(())
        })?;
        each(&tables::EARLY, &name, overlay, |order, _| {
            pair.early.insert(SlotId::from_number(order));
            Ok(())
        })?;
        if !pair.early.is_empty() {
            pair.early_since = Some(Moment(0));
        }
        // What is under way is looked after from the first turn on.
        if pair.sender.has_unsealed() || !pair.flights.is_empty() {
            self.dirty.insert(party);
        }
        self.pairs.insert(party, pair);
        Ok(())
    }

    /// Takes one input. Effects wait in the batch behind `overlay` and in the outputs until the turn is committed.
    ///
    /// # Errors
    /// [`StoreError`] from the store: the turn must be given up and the engine loaded anew.
    pub fn handle(
        &mut self,
        input: Input,
        now: Now,
        overlay: &mut Overlay<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), StoreError> {
        let turn = &mut Turn { now, overlay, rng };
        self.house_contacts(turn);
        self.begin_repairs(turn)?;
        match input {
            Input::Command(ticket, command) => {
                let answer = self.command(command, turn)?;
                self.outputs.push(Output::Answer(ticket, answer));
                Ok(())
            }
            Input::LinkUp(link, kind) => self.link_up(link, kind, turn),
            Input::Frame(link, bytes) => self.frame(link, &bytes, turn),
            Input::LinkDown(link) => self.link_down(link, turn),
            Input::Wake => Ok(()),
            Input::Closing => {
                self.note_last_use(turn);
                Ok(())
            }
        }
    }

    /// Ends a turn: seals what waits, answers what is due, fills the roads, and writes what changed.
    ///
    /// # Errors
    /// As [`Engine::handle`].
    pub fn settle(
        &mut self,
        now: Now,
        overlay: &mut Overlay<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), StoreError> {
        let turn = &mut Turn { now, overlay, rng };
        self.house_contacts(turn);
        self.begin_repairs(turn)?;
        self.tend_invites(turn)?;
        self.ahead.forget();
        self.fade_due(turn)?;
        self.open_late_repairs(turn)?;
        self.release_rest(turn)?;
        self.act_on_reaches(turn);
        self.flush_pairs(turn)?;
        self.fill_roads(turn)?;
        (self.early_opened, self.released, self.has_erased) = (0, 0, false);
        for party in std::mem::take(&mut self.dirty) {
            if let Some(pair) = self.pairs.get_mut(&party) {
                pair.save(turn.overlay);
            }
        }
        if self.use_deadline() <= now.moment {
            self.note_use(turn);
        }
        for number in std::mem::take(&mut self.dirty_conversations) {
            turn.overlay.put(&tables::CONVERSATION, b"", number.into(), encode(&self.conversations[&number]));
        }
        Ok(())
    }

    /// Returns what is to be done now that the turn is on disk, in order.
    pub fn take_outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    /// Returns when the engine wants [`Input::Wake`] at the latest.
    pub fn next_wake(&self, now: Moment) -> Option<Moment> {
        let pairs = self.pairs.values().filter_map(|pair| self.pair_deadline(pair));
        let links = self.links.values().filter_map(|link| match link {
            LinkState::Direct { link, ack_due, .. } => link.deadline().into_iter().chain(*ack_due).min(),
            LinkState::Relay(_) => None,
        });
        let relays = self.relays.values().filter_map(|relay| relay.deadline(now));
        let greeting = self.greeting.map(|greeting| greeting.at);
        let own = self
            .router
            .deadline()
            .into_iter()
            .chain(greeting)
            .chain([self.use_deadline()])
            .chain(self.fade_deadline())
            .chain(self.invites_deadline());
        pairs.chain(links).chain(relays).chain(own).min()
    }

    /// Returns the account of this profile.
    pub fn account(&self) -> crypto::identity::AccountId {
        self.me.account_id()
    }

    fn expect_repair(&mut self, pair: &Pair) {
        for (number, tag) in (0..).zip(&pair.keys().repair_tags) {
            let at = SlotId { generation: REPAIR, slot: number };
            self.router.expect(Expected { tag: *tag, party: pair.party, slot: at.number() });
        }
    }

    fn event(&mut self, event: Event) {
        self.outputs.push(Output::Event(event));
    }

    fn new_party(&mut self, turn: &mut Turn<'_, '_>) -> Party {
        let party = Party(self.next_party);
        self.next_party += 1;
        self.put_counters(turn);
        party
    }

    fn put_counters(&self, turn: &mut Turn<'_, '_>) {
        turn.overlay.put(&tables::ME, b"", ME_COUNTERS, encode(&(self.next_party, self.reach_number)));
    }

    fn put_contact(&mut self, party: Party, turn: &mut Turn<'_, '_>) {
        if let Some(record) = self.contacts.get(&party) {
            turn.overlay.put(&tables::CONTACT, b"", party.0.into(), encode(record));
        }
    }

    fn contact_id(party: Party) -> ContactId {
        ContactId(party.0)
    }
}

/// Calls `visit` for each record under one name, in order.
pub(crate) fn each(
    table: &proto::store::Table,
    name: &[u8],
    overlay: &Overlay<'_>,
    mut visit: impl FnMut(u64, &[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut from = 0;
    loop {
        let page = overlay.range(table, name, from..=u64::MAX, Direction::Ascending, PAGE)?;
        for (order, bytes) in &page {
            visit(*order, bytes)?;
        }
        match page.last() {
            Some((last, _)) if page.len() == PAGE => from = last + 1,
            _ => return Ok(()),
        }
    }
}
