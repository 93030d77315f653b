//! Who invites: a bundle is left where its holder will look, and the first sound answer is let in.

use crypto::handshake::Established;
use crypto::identity::{AccountId, DeviceCert, Identity};
use crypto::invite::{ANSWER_SLOTS, InviteSecret};
use crypto::prekey::{BundleKind, BundleSecret};
use crypto::ratchet::Session;
use crypto::seal::{self, Class};
use crypto::slot::Slot;
use minicbor::{Decode, Encode};
use proto::envelope::{Blob, Envelope};
use proto::id::{Party, Tag};
use proto::invite::Invite;
use proto::router::{Accepted, Crossing, Expected, MailboxId};
use proto::store::StoreError;

use super::super::command::CommandError;
use super::super::receive::Road;
use super::super::{Engine, Turn};
use super::under_invite::{BundleBody, InitBody, bundle_hash, read_init};
use crate::contact::{ContactRecord, ContactState};
use crate::content::Item;
use crate::conversation::{decode, encode};
use crate::event::{Event, Notice};
use crate::pair::{Origin, Pair, TTL_DAYS, inner};
use crate::stream::Segment;
use crate::tables;

/// An invite that was given out.
pub(in crate::engine) struct OpenInvite {
    pub(in crate::engine) secret: InviteSecret,
    /// Gone once somebody has answered, or its days are over.
    bundle: Option<BundleSecret>,
    pub(in crate::engine) number: u64,
    /// How far each home relay's list was read when the invite was made: all answers stand behind.
    positions: Vec<(MailboxId, u64)>,
    /// The minute of running time at which it ends.
    pub(in crate::engine) expires: u64,
    end: End,
    /// Whether it was told that something in its slots is no answer.
    pub(in crate::engine) spoiled: bool,
    /// A sound answer of somebody who is a contact already.
    unheard: Option<Unheard>,
}

/// An answer that waits until its author is no contact any more.
#[derive(Clone, Eq, PartialEq, Encode, Decode)]
#[cbor(array)]
struct Unheard {
    #[n(0)]
    slot: u32,
    #[cbor(n(1), with = "minicbor::bytes")]
    blob: Vec<u8>,
}

/// How an invite ended, if it did.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Encode, Decode)]
#[cbor(index_only)]
pub(in crate::engine) enum End {
    #[n(0)]
    Open,
    #[n(1)]
    Used,
    #[n(2)]
    Expired,
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
    #[n(7)]
    unheard: Option<Unheard>,
}

impl OpenInvite {
    pub(in crate::engine) fn is_open(&self) -> bool {
        self.bundle.is_some()
    }

    pub(in crate::engine) fn end(&mut self, end: End) {
        self.bundle = None;
        self.unheard = None;
        self.end = end;
    }

    pub(in crate::engine) fn encode(&self) -> Vec<u8> {
        encode(&InviteRecord {
            secret: *self.secret.as_bytes(),
            bundle: self.bundle.as_ref().map(|b| b.to_bytes().to_vec()),
            number: self.number,
            positions: self.positions.iter().map(|(m, position)| (m.0, *position)).collect(),
            expires: self.expires,
            end: self.end,
            spoiled: self.spoiled,
            unheard: self.unheard.clone(),
        })
    }
}

impl Engine {
    /// Makes an invite and leaves its bundle where the invitee will look.
    pub(in crate::engine) fn invite(
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
        // The invite names all these relays, and nobody says that it is not found.
        self.router.spread(number);
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
            unheard: None,
        };
        turn.overlay.put(&tables::INVITE, b"", party.0.into(), open.encode());
        self.expect_answers(party, &open);
        self.invites.insert(party, open);
        Ok(Ok(invite.to_text()))
    }

    /// Somebody answered an invite of ours.
    pub(in crate::engine) fn open_answer(
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
        let psk = crypto::handshake::Psk::Invite(invite.secret.psk());
        let Some((established, session, segment, seal)) = take_up(&self.me, bundle, &cert, &body, &psk)
        else {
            self.spoiled(party, turn);
            return Ok(false);
        };
        let crossed = self.contact_of(&account);
        if let Some(other) = crossed.filter(|other| !self.is_rival(*other, &account)) {
            self.keep_unheard(expected, other, blob, turn);
            return Ok(false);
        }
        let origin = Origin { parent: None, opening: None, born: self.used(turn.now.moment) };
        let seals = (bundle.seal().clone(), seal);
        let pair = Pair::new(party, &account, origin, established, session, seals);
        let known = match crossed {
            Some(other) => self.abandon(other, turn)?,
            None => self.succeed(party, &account, turn)?,
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

    /// A contact has answered an invite: they may have removed this person and lost all keys. The person is told, once for
    /// an invite, and the answer waits until they remove the contact.
    fn keep_unheard(&mut self, expected: Expected, other: Party, blob: &[u8], turn: &mut Turn<'_, '_>) {
        let party = expected.party;
        // Of two invites that crossed, an answer may be left over: nobody was removed there.
        let met_before = other < party || self.invites.contains_key(&other);
        let may_be_removed = met_before && self.is_live(other);
        let Some(invite) = self.invites.get_mut(&party).filter(|_| may_be_removed) else { return };
        let Ok(slot) = u32::try_from(expected.slot) else { return };
        let answer = Unheard { slot, blob: blob.to_vec() };
        if invite.unheard.as_ref() == Some(&answer) {
            return;
        }
        let is_first = invite.unheard.replace(answer).is_none();
        turn.overlay.put(&tables::INVITE, b"", party.0.into(), invite.encode());
        if is_first {
            self.event(Event::Notice(Notice::AnsweredAgain(Self::contact_id(other))));
        }
    }

    /// A contact was removed: an answer of theirs that waited is taken up.
    pub(in crate::engine) fn hear_unheard(&mut self, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let waiting =
            self.invites.iter().filter_map(|(party, invite)| Some((*party, invite.unheard.clone()?)));
        for (party, Unheard { slot, blob }) in waiting.collect::<Vec<_>>() {
            let Some(invite) = self.invites.get(&party) else { continue };
            let tag = Tag(invite.secret.answer_slot(slot).tag());
            let expected = Expected { tag, party, slot: slot.into() };
            self.open_answer(expected, &blob, Road::Mailbox(MailboxId(0), 0), turn)?;
        }
        Ok(())
    }

    /// Takes back an invite that was given out: nobody can answer it any more.
    pub(in crate::engine) fn withdraw_invite(
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

    pub(in crate::engine) fn load_invite(&mut self, party: Party, bytes: &[u8]) -> Result<(), StoreError> {
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
            unheard: record.unheard,
        };
        self.expect_answers(party, &invite);
        self.invites.insert(party, invite);
        Ok(())
    }

    fn expect_answers(&mut self, party: Party, invite: &OpenInvite) {
        for slot in 0..ANSWER_SLOTS {
            let tag = Tag(invite.secret.answer_slot(slot).tag());
            self.router.expect(Expected { tag, party, slot: slot.into() });
        }
    }
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
pub(super) fn seal_in(segment: &Segment) -> Option<crypto::X25519Public> {
    segment.items.iter().find_map(|item| match Item::decode(item) {
        Ok(Item::Seal(key)) => crypto::X25519Public::from_bytes(&key).ok(),
        _ => None,
    })
}

/// For the thief of the tests: the secrets of an invite's bundle, as long as they are kept.
#[cfg(test)]
pub(in crate::engine) fn bundle_in(record: &[u8]) -> Option<BundleSecret> {
    BundleSecret::from_bytes(&decode::<InviteRecord>(record).ok()?.bundle?).ok()
}
