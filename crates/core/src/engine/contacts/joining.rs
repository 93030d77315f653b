//! Who is invited: the bundle is looked for on every road and answered, in one slot after the other if need be.

use std::collections::BTreeSet;

use crypto::X25519Secret;
use crypto::invite::ANSWER_SLOTS;
use crypto::seal::{self, Class};
use minicbor::{Decode, Encode};
use proto::envelope::{Blob, Envelope};
use proto::id::{Moment, Party};
use proto::invite::Invite;
use proto::router::{Accepted, Crossing, Expected, MailboxId};
use proto::store::StoreError;

use super::super::command::{CommandError, clean_name};
use super::super::invites::Watch;
use super::super::receive::Road;
use super::super::{Engine, Turn};
use super::under_invite::{InitBody, SUITE, read_bundle};
use crate::contact::{ContactRecord, ContactState};
use crate::content::{Item, RelayRef};
use crate::conversation::{decode, encode};
use crate::event::{ContactId, Event, Notice};
use crate::pair::{Flight, OPENING, Opening, Origin, Pair, SlotId, TTL_DAYS, inner};
use crate::stream::Segment;
use crate::tables;

/// The mark of answers in mailboxes: nobody may delete them, not even holders of the invite.
const KEEP: u8 = 1;
/// Items in the first segment of an answer: seal, reach and name.
const INIT_ITEMS: u64 = 3;

/// An invite that was accepted, until its inviter speaks.
pub(in crate::engine) struct Joining {
    pub(super) invite: Invite,
    pub(in crate::engine) mailboxes: Vec<MailboxId>,
    /// The minute of running time at which the bundle is no longer looked for.
    pub(in crate::engine) gives_up: u64,
    /// Mailboxes that listed the bundle and no longer had it.
    pub(in crate::engine) gone: BTreeSet<MailboxId>,
    /// How an answered invite is watched, if the bundle came from a mailbox and nothing is known yet.
    pub(in crate::engine) watch: Option<Watch>,
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

impl Joining {
    pub(in crate::engine) fn is_fetching(&self) -> bool {
        self.answer.is_none()
    }

    pub(in crate::engine) fn encode(&self) -> Vec<u8> {
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
    pub(in crate::engine) fn reads(&self, mailbox: MailboxId) -> bool {
        let watched = self.watch.as_ref().is_some_and(|watch| watch.mailbox == mailbox);
        watched || (self.is_fetching() && self.mailboxes.contains(&mailbox))
    }
}

impl Engine {
    /// Accepts an invite: from now on its bundle is looked for on every road.
    pub(in crate::engine) fn accept_invite(
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
        let known = self.succeed(party, &account, turn)?;
        let conversation = self.new_conversation(party, &account, turn);
        let named = name.map(clean_name).filter(|n| !n.is_empty());
        let contact = ContactRecord {
            own_name: named.or_else(|| known.as_ref().and_then(|contact| contact.own_name.clone())),
            their_name: known.as_ref().map(|contact| contact.their_name.clone()).unwrap_or_default(),
            verified: known.is_some_and(|contact| contact.verified),
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

    /// The bundle of an accepted invite is here: answers it.
    pub(in crate::engine) fn open_bundle(
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
        let segment =
            Segment { first: 1, items: items.to_vec(), ack: pair.ack(), sealed: INIT_ITEMS, half: 0 };
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

    /// Returns whom an envelope of ours would answer, if it is an answer.
    pub(super) fn answering(&self, number: u64) -> Option<Party> {
        let is_it = |join: &Joining| join.answer.as_ref().is_some_and(|answer| answer.number == number);
        self.joins.iter().find(|(_, join)| is_it(join)).map(|(party, _)| *party)
    }

    /// The slot of an answer is taken: the next one is tried, until there is none.
    pub(super) fn answer_elsewhere(
        &mut self,
        party: Party,
        number: u64,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
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

    /// The invite has done its work, or never will.
    pub(in crate::engine) fn finish_join(&mut self, party: Party, turn: &mut Turn<'_, '_>) {
        if let Some(join) = self.joins.remove(&party) {
            self.router.forget(&join.invite.bundle_tag);
            turn.overlay.delete(&tables::JOIN, b"", party.0.into());
        }
    }

    pub(in crate::engine) fn load_join(
        &mut self,
        party: Party,
        bytes: &[u8],
        now: Moment,
    ) -> Result<(), StoreError> {
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
}
