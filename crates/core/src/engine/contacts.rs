//! First contact: an invite given out, an invite accepted, and the handshake between them, by any road.
//!
//! The two need never be online together. The inviter leaves a bundle in a slot that only they can write; the
//! invitee answers in one of sixteen slots that holders of the invite can write. Over a direct link the same
//! envelopes go without a relay: holders of the invite recognise each other by a secret derived from it.

#[cfg(test)]
mod unsound;

use std::collections::BTreeSet;

use crypto::handshake::Established;
use crypto::identity::{AccountId, DeviceCert, DeviceList, Identity};
use crypto::invite::{ANSWER_SLOTS, InviteSecret};
use crypto::prekey::{Bundle, BundleKind, BundleSecret};
use crypto::ratchet::Session;
use crypto::seal::{self, Class};
use crypto::slot::Slot;
use crypto::{Secret32, X25519Secret};
use minicbor::{Decode, Encode};
use proto::envelope::{Blob, Envelope};
use proto::id::{Moment, Party, Tag};
use proto::invite::Invite;
use proto::router::{Accepted, Crossing, Expected, MailboxId, Setback};
use proto::store::StoreError;

use super::command::CommandError;
use super::invites::{DAY_MINUTES, Watch};
use super::receive::Road;
use super::{Engine, Turn};
use crate::contact::{ContactRecord, ContactState};
use crate::content::{ConversationId, Item, Reach, RelayRef};
use crate::conversation::{Conversation, decode, decode_whole, encode};
use crate::event::{ContactId, Event, Notice};
use crate::pair::{Flight, OPENING, Opening, Origin, Pair, SlotId, TTL_DAYS, inner};
use crate::stream::Segment;
use crate::tables;

/// The mark of answers in mailboxes: nobody may delete them, not even holders of the invite.
const KEEP: u8 = 1;

/// An invite that was given out.
pub(crate) struct OpenInvite {
    pub(super) secret: InviteSecret,
    /// Gone once somebody has answered, or its days are over.
    bundle: Option<BundleSecret>,
    pub(super) number: u64,
    /// How far each home relay's list was read when the invite was made: all answers stand behind.
    positions: Vec<(MailboxId, u64)>,
    /// The minute of running time at which it ends.
    pub(super) expires: u64,
    end: End,
    /// Whether it was told that something in its slots is no answer.
    pub(super) spoiled: bool,
}

/// How an invite ended, if it did.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Encode, Decode)]
#[cbor(index_only)]
pub(super) enum End {
    #[n(0)]
    Open,
    #[n(1)]
    Used,
    #[n(2)]
    Expired,
}

/// An invite that was accepted, until its inviter speaks.
pub(crate) struct Joining {
    invite: Invite,
    pub(super) mailboxes: Vec<MailboxId>,
    /// The minute of running time at which the bundle is no longer looked for.
    pub(super) gives_up: u64,
    /// Mailboxes that listed the bundle and no longer had it.
    pub(super) gone: BTreeSet<MailboxId>,
    /// How an answered invite is watched, if the bundle came from a mailbox and nothing is known yet.
    pub(super) watch: Option<Watch>,
    /// What answers the invite once the bundle is here, and the slot tried first and last.
    answer: Option<AnswerUnderWay>,
}

#[derive(Clone, Encode, Decode)]
#[cbor(array)]
struct AnswerUnderWay {
    #[cbor(n(0), with = "minicbor::bytes")]
    inner: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    seal: [u8; 32],
    #[n(2)]
    first_slot: u32,
    #[n(3)]
    slot: u32,
    #[n(4)]
    number: u64,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct InviteRecord {
    #[cbor(n(0), with = "minicbor::bytes")]
    secret: [u8; 32],
    #[cbor(n(1), with = "minicbor::bytes")]
    bundle: Option<Vec<u8>>,
    #[n(2)]
    number: u64,
    #[n(3)]
    positions: Vec<(u32, u64)>,
    #[n(4)]
    expires: u64,
    #[n(5)]
    end: End,
    #[n(6)]
    spoiled: bool,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct JoinRecord {
    #[n(0)]
    invite: String,
    #[n(1)]
    mailboxes: Vec<u32>,
    #[n(2)]
    answer: Option<AnswerUnderWay>,
    #[n(3)]
    gives_up: u64,
    #[n(4)]
    gone: Vec<u32>,
    #[n(5)]
    watched: Option<(u32, u64)>,
}

/// The plaintext of the bundle's slot.
#[derive(Encode, Decode)]
#[cbor(array)]
struct BundleBody {
    #[cbor(n(0), with = "minicbor::bytes")]
    cert: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    list: Vec<u8>,
    #[cbor(n(2), with = "minicbor::bytes")]
    bundle: Vec<u8>,
}

/// The plaintext of an answer.
#[derive(Encode, Decode)]
#[cbor(array)]
struct InitBody {
    #[n(0)]
    suite: u8,
    #[cbor(n(1), with = "minicbor::bytes")]
    cert: Vec<u8>,
    #[cbor(n(2), with = "minicbor::bytes")]
    list: Vec<u8>,
    #[cbor(n(3), with = "minicbor::bytes")]
    init: Vec<u8>,
    #[cbor(n(4), with = "minicbor::bytes")]
    first: Vec<u8>,
}

const SUITE: u8 = 1;
/// Items in the first segment of an answer: seal, reach and name.
const INIT_ITEMS: u64 = 3;

impl OpenInvite {
    pub(super) fn is_open(&self) -> bool {
        self.bundle.is_some()
    }

    pub(super) fn end(&mut self, end: End) {
        self.bundle = None;
        self.end = end;
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        encode(&InviteRecord {
            secret: *self.secret.as_bytes(),
            bundle: self.bundle.as_ref().map(|b| b.to_bytes().to_vec()),
            number: self.number,
            positions: self.positions.iter().map(|(m, position)| (m.0, *position)).collect(),
            expires: self.expires,
            end: self.end,
            spoiled: self.spoiled,
        })
    }
}

impl Joining {
    pub(super) fn is_fetching(&self) -> bool {
        self.answer.is_none()
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        encode(&JoinRecord {
            invite: self.invite.to_text(),
            mailboxes: self.mailboxes.iter().map(|m| m.0).collect(),
            answer: self.answer.clone(),
            gives_up: self.gives_up,
            gone: self.gone.iter().map(|m| m.0).collect(),
            watched: self.watch.as_ref().map(|watch| (watch.mailbox.0, watch.position)),
        })
    }

    /// Tells whether a mailbox is read for this invite: for its bundle, or for what became of it.
    pub(super) fn reads(&self, mailbox: MailboxId) -> bool {
        let watched = self.watch.as_ref().is_some_and(|watch| watch.mailbox == mailbox);
        watched || (self.is_fetching() && self.mailboxes.contains(&mailbox))
    }
}

impl Engine {
    pub(super) fn load_invite(&mut self, party: Party, bytes: &[u8]) -> Result<(), StoreError> {
        let record: InviteRecord = decode(bytes)?;
        let bundle = record.bundle.as_deref().map(BundleSecret::from_bytes).transpose();
        let invite = OpenInvite {
            secret: InviteSecret::from_bytes(&record.secret).map_err(|_| crate::CORRUPT)?,
            bundle: bundle.map_err(|_| crate::CORRUPT)?,
            number: record.number,
            positions: record.positions.into_iter().map(|(m, position)| (MailboxId(m), position)).collect(),
            expires: record.expires,
            end: record.end,
            spoiled: record.spoiled,
        };
        self.expect_answers(party, &invite);
        self.invites.insert(party, invite);
        Ok(())
    }

    pub(super) fn load_join(&mut self, party: Party, bytes: &[u8], now: Moment) -> Result<(), StoreError> {
        let record: JoinRecord = decode(bytes)?;
        let invite = Invite::parse(&record.invite).map_err(|_| crate::CORRUPT)?;
        self.router.expect(Expected { tag: invite.bundle_tag, party, slot: 0 });
        let watched = record.watched.map(|(mailbox, position)| Watch::new(MailboxId(mailbox), position, now));
        let join = Joining {
            invite,
            mailboxes: record.mailboxes.into_iter().map(MailboxId).collect(),
            gives_up: record.gives_up,
            gone: record.gone.into_iter().map(MailboxId).collect(),
            watch: watched,
            answer: record.answer,
        };
        self.joins.insert(party, join);
        Ok(())
    }

    fn expect_answers(&mut self, party: Party, invite: &OpenInvite) {
        for slot in 0..ANSWER_SLOTS {
            let tag = Tag(invite.secret.answer_slot(slot).tag());
            self.router.expect(Expected { tag, party, slot: slot.into() });
        }
    }

    /// Tells whether an invite is open, here or with somebody else: its other side may be among the neighbours.
    pub(super) fn awaits_somebody(&self) -> bool {
        !self.joins.is_empty() || self.invites.values().any(|invite| invite.bundle.is_some())
    }

    /// Returns the secrets by which links recognise counterparts, the ones to prefer first: of two invites that
    /// crossed, the one of the lower account goes on.
    pub(super) fn link_secrets(&self) -> Vec<(Party, Secret32)> {
        let of_pair = |(party, pair): (&Party, &Pair)| {
            let links: Vec<Secret32> = pair.generations().rev().map(|g| g.link.clone()).collect();
            links.into_iter().map(|link| (*party, link)).collect::<Vec<_>>()
        };
        let pairs = self.pairs.iter().flat_map(of_pair);
        // Who was restored from a backup has no other secret in common with us.
        let repairs = self.pairs.iter().map(|(party, pair)| (*party, pair.keys().repair.link()));
        let open = self.invites.iter().filter(|(_, i)| i.bundle.is_some());
        let invites = open.map(|(party, i)| (*party, i.secret.link()));
        // Until the inviter speaks, they may know us by the invite alone.
        let (lower, higher): (Vec<_>, Vec<_>) =
            self.joins.iter().partition(|(_, j)| j.invite.account < self.me.account_id());
        let joins = |joins: Vec<(&Party, &Joining)>| {
            joins.into_iter().map(|(party, j)| (*party, j.invite.secret.link())).collect::<Vec<_>>()
        };
        pairs.chain(joins(lower)).chain(invites).chain(joins(higher)).chain(repairs).collect()
    }

    /// Makes an invite and leaves its bundle where the invitee will look.
    pub(super) fn invite(
        &mut self,
        expiry_days: u16,
        turn: &mut Turn<'_, '_>,
    ) -> Result<Result<String, CommandError>, StoreError> {
        let homes = self.home_relays();
        if homes.is_empty() && self.relays.values().any(|r| r.is_home()) {
            return Ok(Err(CommandError::RelayNotReached));
        }
        let party = self.new_party(turn);
        let secret = InviteSecret::random(turn.rng);
        let mut id = [0; 4];
        turn.rng.fill_bytes(&mut id);
        let id = u32::from_be_bytes(id);
        let (bundle_secret, bundle) =
            BundleSecret::generate(BundleKind::Invite, id, &self.me, expiry_days, turn.rng);
        let body = BundleBody {
            cert: self.me.cert().bytes().to_vec(),
            list: self.me.list().bytes().to_vec(),
            bundle: bundle.bytes().to_vec(),
        };
        let slot = Slot::random(turn.rng);
        let tag = Tag(slot.tag());
        let plaintext = [&[inner::BUNDLE][..], &encode(&body)].concat();
        let blob = seal::seal_stranger(Class::C1, &tag.0, &secret.seal_key().public(), &plaintext, turn.rng)
            .expect("a bundle fits the second class");
        let blob = Blob::parse(blob).expect("a seal has the length of its class");
        let envelope = Envelope::seal_into(&slot, blob, TTL_DAYS, 0);
        let deletion = Some(slot.sign_delete());
        let mailboxes: Vec<MailboxId> = homes.iter().map(|(m, _)| *m).collect();
        let crossing = Crossing::Leaving {
            party,
            envelope: &envelope,
            deletion,
            mailboxes: &mailboxes,
            makes_room: false,
        };
        let Accepted::Kept(number) = self.router.accept(crossing, turn.now.moment, turn.overlay)? else {
            return Err(crate::CORRUPT);
        };
        let invite = Invite {
            secret: secret.clone(),
            account: self.me.account_id(),
            bundle_tag: tag,
            bundle_hash: bundle_hash(&body),
            relays: homes.iter().map(|(_, relay)| relay.clone()).collect(),
            expiry_days,
            flags: 0,
        };
        let positions = mailboxes.iter().map(|m| (*m, self.read_position(*m))).collect();
        let open = OpenInvite {
            secret,
            bundle: Some(bundle_secret),
            number,
            positions,
            expires: self.minutes_after(expiry_days, turn),
            end: End::Open,
            spoiled: false,
        };
        turn.overlay.put(&tables::INVITE, b"", party.0.into(), open.encode());
        self.expect_answers(party, &open);
        self.invites.insert(party, open);
        Ok(Ok(invite.to_text()))
    }

    /// Accepts an invite: from now on its bundle is looked for on every road.
    pub(super) fn accept_invite(
        &mut self,
        text: &str,
        name: Option<&str>,
        turn: &mut Turn<'_, '_>,
    ) -> Result<Result<ContactId, CommandError>, StoreError> {
        let invite = match Invite::parse(text) {
            Ok(invite) => invite,
            Err(error) => return Ok(Err(CommandError::Invite(error))),
        };
        let account = invite.account;
        if account == self.me.account_id() {
            return Ok(Err(CommandError::OwnInvite));
        }
        if self.contact_of(&account).is_some() {
            return Ok(Err(CommandError::AlreadyContact));
        }
        if self.is_called_back(&account) {
            return Ok(Err(CommandError::ContactCalledBack));
        }
        let party = self.new_party(turn);
        let refs: Vec<RelayRef> = invite
            .relays
            .iter()
            .map(|(id, address)| RelayRef { id: id.0, address: address.as_str().to_owned() })
            .collect();
        let mailboxes: Vec<MailboxId> =
            refs.iter().filter_map(|relay| self.know_relay(relay, turn)).collect();
        if !self.relays.values().any(|r| r.is_home()) {
            for mailbox in &mailboxes {
                self.make_home(*mailbox, turn)?;
            }
        }
        let conversation = self.new_conversation(party, &account, turn);
        let contact = ContactRecord {
            own_name: name.map(super::command::clean_name).filter(|n| !n.is_empty()),
            their_name: String::new(),
            verified: false,
            state: ContactState::Fetching,
            account: account.as_bytes().to_vec(),
            cert: None,
            list: None,
            mailboxes: mailboxes.iter().map(|m| m.0).collect(),
            reach_number: None,
            conversation: Some(conversation),
        };
        self.contacts.insert(party, contact);
        self.put_contact(party, turn);
        self.router.expect(Expected { tag: invite.bundle_tag, party, slot: 0 });
        let join = Joining {
            gives_up: self.minutes_after(invite.expiry_days, turn),
            invite,
            mailboxes: mailboxes.clone(),
            gone: BTreeSet::new(),
            watch: None,
            answer: None,
        };
        turn.overlay.put(&tables::JOIN, b"", party.0.into(), join.encode());
        self.joins.insert(party, join);
        for mailbox in mailboxes {
            self.look_again(mailbox, 0, turn);
        }
        self.refresh_links(turn);
        self.event(Event::ContactAdded(Self::contact_id(party)));
        self.choose_default(conversation, turn)?;
        Ok(Ok(Self::contact_id(party)))
    }

    /// The minute of running time at which so many days from now are over.
    fn minutes_after(&self, days: u16, turn: &Turn<'_, '_>) -> u64 {
        self.invite_days.minutes(turn.now.moment) + u64::from(days) * DAY_MINUTES
    }

    pub(super) fn contact_of(&self, account: &AccountId) -> Option<Party> {
        let same = |c: &ContactRecord| c.account == account.as_bytes() && c.state != ContactState::Failed;
        self.contacts.iter().find(|(_, c)| same(c)).map(|(party, _)| *party)
    }

    /// Tells whether an account has called a device back that we knew. Whoever has that device has the account key and
    /// can certify others, so nothing of the account is taken any more, whatever list comes with it.
    fn is_called_back(&self, account: &AccountId) -> bool {
        let is_closed = |contact: &ContactRecord| {
            let (Some(cert), Some(list)) = (&contact.cert, &contact.list) else { return false };
            let (cert, list) = (DeviceCert::parse(cert), DeviceList::parse(list));
            cert.ok().zip(list.ok()).is_some_and(|(cert, list)| !list.contains(&cert))
        };
        self.contacts.values().any(|contact| contact.account == account.as_bytes() && is_closed(contact))
    }

    fn new_conversation(&mut self, party: Party, account: &AccountId, turn: &mut Turn<'_, '_>) -> u32 {
        let id = ConversationId::between(&self.me.account_id(), account);
        if let Some(number) = self.by_conversation.get(&id).copied() {
            // A contact that failed before: their conversation goes on.
            if let Some(conversation) = self.conversations.get_mut(&number) {
                conversation.party = party.0;
            }
            self.dirty_conversations.insert(number);
            return number;
        }
        let number = self.conversations.last_key_value().map_or(1, |(n, _)| n + 1);
        let conversation = Conversation::new(id, party.0);
        turn.overlay.put(&tables::CONVERSATION, b"", number.into(), encode(&conversation));
        self.conversations.insert(number, conversation);
        self.by_conversation.insert(id, number);
        number
    }

    /// The bundle of an accepted invite is here: answers it.
    pub(super) fn open_bundle(
        &mut self,
        expected: Expected,
        blob: &[u8],
        road: Road,
        turn: &mut Turn<'_, '_>,
    ) -> Result<bool, StoreError> {
        let party = expected.party;
        let Some(join) = self.joins.get(&party).filter(|j| j.answer.is_none()) else { return Ok(false) };
        let Some((cert, list, bundle)) = read_bundle(&join.invite, &expected.tag, blob) else {
            // Only the inviter can write this slot: what does not fit the invite is theirs, and wrong.
            self.event(Event::Notice(Notice::InviteForged(Self::contact_id(party))));
            return Ok(false);
        };
        let psk = crypto::handshake::Psk::Invite(join.invite.secret.psk());
        let peer = crypto::handshake::PeerKeys { cert: &cert, bundle: &bundle };
        let Ok((init, established, session)) =
            crypto::handshake::initiate(&self.me, peer, &psk, b"", turn.rng)
        else {
            self.event(Event::Notice(Notice::InviteForged(Self::contact_id(party))));
            return Ok(false);
        };
        let our_seal = X25519Secret::generate(turn.rng);
        let items: [Vec<u8>; INIT_ITEMS as usize] = [
            Item::Seal(*our_seal.public().as_bytes()).encode(),
            Item::Reach(self.reach()).encode(),
            Item::Name(self.name.clone()).encode(),
        ];
        let origin = Origin { parent: None, opening: Some(Opening::Init), born: self.used(turn.now.moment) };
        let seals = (our_seal, bundle.seal());
        let mut pair = Pair::new(party, &cert.account_id(), origin, established, session, seals);
        let segment = Segment { first: 1, items: items.to_vec(), ack: pair.ack(), sealed: INIT_ITEMS };
        for item in &items {
            let sequence = pair.sender.number();
            turn.overlay.put(&tables::SENT, &tables::name(party.0), sequence, [&[0][..], item].concat());
        }
        pair.sender.mark_sealed(items.len() as u64);
        let body = InitBody {
            suite: SUITE,
            cert: self.me.cert().bytes().to_vec(),
            list: self.me.list().bytes().to_vec(),
            init: init.encode(),
            first: pair.encrypt(&segment),
        };
        self.expect_repair(&pair);
        self.pairs.insert(party, pair);
        self.dirty.insert(party);
        // Its tag stays waited for: that the bundle is gone will say that somebody's answer was taken.
        if let (Road::Mailbox(mailbox, position), Some(join)) = (road, self.joins.get_mut(&party)) {
            join.watch = Some(Watch::new(mailbox, position, turn.now.moment));
        }
        self.widen(party, 0, turn);
        if let Some(contact) = self.contacts.get_mut(&party) {
            contact.state = ContactState::Waiting;
            contact.cert = Some(cert.bytes().to_vec());
            contact.list = Some(list.bytes().to_vec());
        }
        self.put_contact(party, turn);
        let slot = turn.rng.next_u32() % ANSWER_SLOTS;
        let answer = AnswerUnderWay {
            inner: [&[inner::INIT][..], &encode(&body)].concat(),
            seal: *bundle.seal().as_bytes(),
            first_slot: slot,
            slot,
            number: 0,
        };
        self.send_answer(party, answer, turn)?;
        self.queue_written(party, turn)?;
        self.event(Event::ContactChanged(Self::contact_id(party)));
        Ok(true)
    }

    fn send_answer(
        &mut self,
        party: Party,
        mut answer: AnswerUnderWay,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Some(join) = self.joins.get_mut(&party) else { return Ok(()) };
        let slot = join.invite.secret.answer_slot(answer.slot);
        let to = crypto::X25519Public::from_bytes(&answer.seal).map_err(|_| crate::CORRUPT)?;
        let class = Class::for_len(answer.inner.len()).ok_or(crate::CORRUPT)?;
        let blob = seal::seal_contact(class, &slot.tag(), slot.psk(), &to, &answer.inner, turn.rng)
            .map_err(|_| crate::CORRUPT)?;
        let blob = Blob::parse(blob).expect("a seal has the length of its class");
        let envelope = Envelope::seal_into(&slot, blob, TTL_DAYS, KEEP);
        let mailboxes = join.mailboxes.clone();
        let crossing = Crossing::Leaving {
            party,
            envelope: &envelope,
            deletion: None,
            mailboxes: &mailboxes,
            makes_room: false,
        };
        let Accepted::Kept(number) = self.router.accept(crossing, turn.now.moment, turn.overlay)? else {
            return Err(crate::CORRUPT);
        };
        answer.number = number;
        join.answer = Some(answer);
        turn.overlay.put(&tables::JOIN, b"", party.0.into(), join.encode());
        let flight = Flight { number, first: 1, count: INIT_ITEMS, posted: self.used(turn.now.moment).0 };
        let at = SlotId { generation: 0, slot: OPENING };
        turn.overlay.put(&tables::FLIGHT, &tables::name(party.0), at.number(), encode(&flight));
        if let Some(pair) = self.pairs.get_mut(&party) {
            pair.flights.insert(at, flight);
        }
        Ok(())
    }

    /// A mailbox did not take an envelope. An answer whose slot is taken tries the next one.
    pub(super) fn deposit_refused(
        &mut self,
        mailbox: MailboxId,
        number: u64,
        setback: Setback,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let answering = self
            .joins
            .iter()
            .find(|(_, j)| j.answer.as_ref().is_some_and(|a| a.number == number))
            .map(|(p, _)| *p);
        if setback == Setback::Taken && self.repair_refused(number, turn)? {
            return Ok(());
        }
        let exhausted = self.router.set_back(mailbox, number, setback);
        let Some(party) = answering.filter(|_| setback == Setback::Taken) else {
            if exhausted {
                self.note_refused(number, turn)?;
            }
            return Ok(());
        };
        let Some(mut answer) = self.joins.get(&party).and_then(|j| j.answer.clone()) else { return Ok(()) };
        self.router.settle(number, turn.overlay)?;
        answer.slot = (answer.slot + 1) % ANSWER_SLOTS;
        if answer.slot == answer.first_slot {
            if let Some(contact) = self.contacts.get_mut(&party) {
                contact.state = ContactState::Failed;
            }
            if let Some(join) = self.joins.get_mut(&party) {
                join.watch = None;
            }
            self.put_contact(party, turn);
            self.event(Event::Notice(Notice::InviteExhausted(Self::contact_id(party))));
            return Ok(());
        }
        self.send_answer(party, answer, turn)
    }

    /// Somebody answered an invite of ours.
    pub(super) fn open_answer(
        &mut self,
        expected: Expected,
        blob: &[u8],
        road: Road,
        turn: &mut Turn<'_, '_>,
    ) -> Result<bool, StoreError> {
        let party = expected.party;
        let Some(invite) = self.invites.get(&party) else { return Ok(false) };
        let Some(bundle) = &invite.bundle else {
            self.router.spend(expected);
            let late = invite.end == End::Expired;
            let notice = if late { Notice::InviteAnsweredLate } else { Notice::InviteUsedAgain };
            self.event(Event::Notice(notice));
            return Ok(true);
        };
        let Ok(slot) = u32::try_from(expected.slot) else { return Ok(false) };
        if slot >= ANSWER_SLOTS {
            return Ok(false);
        }
        let slot = invite.secret.answer_slot(slot);
        let Ok(bytes) = seal::open_contact(blob, &slot.tag(), slot.psk(), bundle.seal()) else {
            self.spoiled(party, turn);
            return Ok(false);
        };
        let Some((cert, list, body)) = read_init(&bytes) else {
            self.spoiled(party, turn);
            return Ok(false);
        };
        let account = cert.account_id();
        if account == self.me.account_id() || self.is_called_back(&account) {
            self.spoiled(party, turn);
            return Ok(false);
        }
        let crossed = self.contact_of(&account);
        if crossed.is_some_and(|other| !self.is_rival(other, &account)) {
            return Ok(false);
        }
        let psk = crypto::handshake::Psk::Invite(invite.secret.psk());
        let Some((established, session, segment, seal)) = take_up(&self.me, bundle, &cert, &body, &psk)
        else {
            self.spoiled(party, turn);
            return Ok(false);
        };
        let origin = Origin { parent: None, opening: None, born: self.used(turn.now.moment) };
        let seals = (bundle.seal().clone(), seal);
        let pair = Pair::new(party, &account, origin, established, session, seals);
        let known = match crossed {
            Some(other) => self.abandon(other, turn)?,
            None => None,
        };
        let Some(invite) = self.invites.get(&party) else { return Ok(false) };
        let (number, positions) = (invite.number, invite.positions.clone());
        self.expect_repair(&pair);
        self.pairs.insert(party, pair);
        self.end_invite(party, End::Used, turn);
        self.router.settle(number, turn.overlay)?;
        self.router.spend(expected);
        self.widen(party, 0, turn);
        let conversation = self.new_conversation(party, &account, turn);
        let contact = ContactRecord {
            own_name: known.as_ref().and_then(|contact| contact.own_name.clone()),
            their_name: String::new(),
            verified: known.is_some_and(|contact| contact.verified),
            state: ContactState::Live,
            account: account.as_bytes().to_vec(),
            cert: Some(cert.bytes().to_vec()),
            list: Some(list.bytes().to_vec()),
            mailboxes: Vec::new(),
            reach_number: None,
            conversation: Some(conversation),
        };
        self.contacts.insert(party, contact);
        self.put_contact(party, turn);
        self.take_segment(party, 0, segment, road, turn)?;
        self.queue_item(party, &Item::Reach(self.reach()), turn)?;
        self.queue_item(party, &Item::Name(self.name.clone()), turn)?;
        self.queue_written(party, turn)?;
        self.event(Event::ContactAdded(Self::contact_id(party)));
        self.event(Event::ContactLive(Self::contact_id(party)));
        self.choose_default(conversation, turn)?;
        // What they sent after the answer was not waited for when the lists were read.
        for (mailbox, position) in positions {
            match road {
                Road::Mailbox(road, answer) if road == mailbox => self.look_again(mailbox, answer, turn),
                _ => self.look_again(mailbox, position, turn),
            }
        }
        Ok(true)
    }

    /// Tells whether a contact is one whose invite we took up and who took up ours. Of the two conversations that
    /// begin so, the one by the invite of the lower account goes on, on both sides.
    fn is_rival(&self, other: Party, account: &AccountId) -> bool {
        self.joins.contains_key(&other) && self.me.account_id() < *account
    }

    /// Takes back our answer to an invite, with all that was under way by it. Returns what was known of the contact.
    pub(super) fn abandon(
        &mut self,
        party: Party,
        turn: &mut Turn<'_, '_>,
    ) -> Result<Option<ContactRecord>, StoreError> {
        self.finish_join(party, turn);
        self.erase_pair(party, turn)?;
        turn.overlay.delete(&tables::CONTACT, b"", party.0.into());
        Ok(self.contacts.remove(&party))
    }

    /// Takes back an invite that was given out: nobody can answer it any more.
    pub(super) fn withdraw_invite(
        &mut self,
        party: Party,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Some(number) = self.invites.get(&party).filter(|i| i.bundle.is_some()).map(|i| i.number) else {
            return Ok(());
        };
        self.end_invite(party, End::Used, turn);
        self.router.settle(number, turn.overlay)
    }

    /// The invite has done its work, or never will.
    pub(super) fn finish_join(&mut self, party: Party, turn: &mut Turn<'_, '_>) {
        if let Some(join) = self.joins.remove(&party) {
            self.router.forget(&join.invite.bundle_tag);
            turn.overlay.delete(&tables::JOIN, b"", party.0.into());
        }
    }

    /// Queues messages that were written before there was anybody to encrypt to, and those that an earlier try at
    /// this contact left undelivered.
    pub(super) fn queue_written(&mut self, party: Party, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let Some(number) = self.contacts.get(&party).and_then(|c| c.conversation) else { return Ok(()) };
        let mut places = Vec::new();
        super::each(&tables::TRAIL, &tables::name(number), turn.overlay, |place, bytes| {
            if decode::<crate::event::Trail>(bytes)?.delivery() < crate::event::Delivery::Delivered {
                places.push(crate::event::Place(place));
            }
            Ok(())
        })?;
        places.into_iter().try_for_each(|place| self.queue_message(party, number, place, turn))
    }

    /// Returns how this profile can be written to.
    pub(super) fn reach(&self) -> Reach {
        Reach {
            number: self.reach_number,
            relays: self
                .home_relays()
                .into_iter()
                .map(|(_, (id, address))| RelayRef { id: id.0, address: address.as_str().to_owned() })
                .collect(),
        }
    }

    /// Tells every contact where this profile can be written to now.
    pub(super) fn announce_reach(&mut self, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        self.reach_number += 1;
        self.put_counters(turn);
        if !self.counts() {
            return Ok(());
        }
        let item = Item::Reach(self.reach());
        let parties: Vec<Party> = self.pairs.keys().copied().collect();
        parties.into_iter().try_for_each(|party| self.queue_item(party, &item, turn))
    }
}

fn bundle_hash(body: &BundleBody) -> [u8; 32] {
    crypto::hash("M1/inv/bundle/1", &[&body.bundle, &body.cert, &body.list])
}

/// What an answer begins: the session, its first segment, and the key to which who answers wants envelopes sealed.
/// Nothing if any of it is not sound.
fn take_up(
    me: &Identity,
    bundle: &BundleSecret,
    cert: &DeviceCert,
    body: &InitBody,
    psk: &crypto::handshake::Psk,
) -> Option<(Established, Session, Segment, crypto::X25519Public)> {
    let init = crypto::handshake::Init::parse(&body.init).ok()?;
    let first = crypto::ratchet::Message::parse(&body.first).ok()?;
    let (established, session, plaintext) =
        crypto::handshake::respond(me, bundle, cert, &init, &first, psk, b"").ok()?;
    let segment = Segment::decode(&plaintext).ok()?;
    let seal = seal_in(&segment)?;
    Some((established, session, segment, seal))
}

/// The key to which who answers wants envelopes sealed, if the first segment names one that is sound.
fn seal_in(segment: &Segment) -> Option<crypto::X25519Public> {
    segment.items.iter().find_map(|item| match Item::decode(item) {
        Ok(Item::Seal(key)) => crypto::X25519Public::from_bytes(&key).ok(),
        _ => None,
    })
}

pub(super) fn read_bundle(
    invite: &Invite,
    tag: &Tag,
    blob: &[u8],
) -> Option<(DeviceCert, DeviceList, Bundle)> {
    let bytes = seal::open_stranger(blob, &tag.0, &invite.secret.seal_key()).ok()?;
    let body: BundleBody = decode_whole(bytes.strip_prefix(&[inner::BUNDLE])?)?;
    if bundle_hash(&body) != invite.bundle_hash {
        return None;
    }
    let (cert, list) = read_identity(&body.cert, &body.list)?;
    let bundle = Bundle::parse(&body.bundle, &cert).ok()?;
    (cert.account_id() == invite.account && bundle.kind() == BundleKind::Invite)
        .then_some((cert, list, bundle))
}

fn read_init(bytes: &[u8]) -> Option<(DeviceCert, DeviceList, InitBody)> {
    let body: InitBody = decode_whole(bytes.strip_prefix(&[inner::INIT])?)?;
    let (cert, list) = read_identity(&body.cert, &body.list)?;
    (body.suite == SUITE).then_some((cert, list, body))
}

fn read_identity(cert: &[u8], list: &[u8]) -> Option<(DeviceCert, DeviceList)> {
    let (cert, list) = (DeviceCert::parse(cert).ok()?, DeviceList::parse(list).ok()?);
    (list.account_id() == cert.account_id() && list.contains(&cert)).then_some((cert, list))
}

/// For the thief of the tests: what an answer to an invite holds, with the key it wants to be answered to.
#[cfg(test)]
pub(super) fn read_answer(bytes: &[u8]) -> Option<(DeviceCert, Vec<u8>, Vec<u8>)> {
    read_init(bytes).map(|(cert, _, body)| (cert, body.init, body.first))
}

/// For the thief of the tests: the secrets of an invite's bundle, as long as they are kept.
#[cfg(test)]
pub(super) fn bundle_in(record: &[u8]) -> Option<BundleSecret> {
    BundleSecret::from_bytes(&decode::<InviteRecord>(record).ok()?.bundle?).ok()
}
