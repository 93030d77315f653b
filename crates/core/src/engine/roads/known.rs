//! Which relays are known, where each may be, and who says so.
//!
//! A relay's own word, which it signs, goes before that of others; of two such words the one with the higher sequence
//! holds. What a contact says of a relay is worth a try and replaces nothing.

use minicbor::{Decode, Encode};
use proto::descriptor::RelayDescriptor;
use proto::id::Address;
use proto::router::MailboxId;
use proto::store::StoreError;

use super::relays::Relay;
use crate::content::RelayRef;
use crate::conversation::encode;
use crate::engine::command::CommandError;
use crate::engine::{Engine, Output, Turn};
use crate::tables;

/// Relays kept in a profile: own ones and those of contacts.
const RELAYS_MAX: usize = 4_096;
/// Addresses of one relay that are kept on the word of others.
const TOLD_MAX: usize = 8;

#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct RelayRecord {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) id: Option<[u8; 16]>,
    /// Where it says that it is, or where the person says; of a relay that is known by name only, where others say.
    #[n(1)]
    pub(crate) addresses: Vec<String>,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(crate) descriptor: Option<Vec<u8>>,
    /// Whether mail for this profile is left there.
    #[n(3)]
    pub(crate) home: bool,
    /// Where it may be besides, the newest word first: told by others, or where it was before.
    #[n(4)]
    pub(crate) told: Option<Vec<String>>,
}

impl RelayRecord {
    /// A relay that has signed this, or that is at these addresses if nothing is known of it.
    pub(crate) fn new(descriptor: Option<&RelayDescriptor>, addresses: &[Address]) -> Self {
        let addresses = descriptor.map_or(addresses, |descriptor| &descriptor.facts().addresses);
        Self {
            id: descriptor.map(|descriptor| descriptor.id().0),
            addresses: addresses.iter().map(|address| address.as_str().to_owned()).collect(),
            descriptor: descriptor.map(|descriptor| descriptor.bytes().to_vec()),
            home: false,
            told: None,
        }
    }

    pub(super) fn signed(&self) -> Option<RelayDescriptor> {
        RelayDescriptor::parse(self.descriptor.as_deref()?).ok()
    }

    /// Where it is looked for, one after the other, each for a while: the addresses of one place are dialled together.
    /// Whoever answers for a relay that is known by name only may be anybody, so each address is a place of its own.
    pub(super) fn places(&self) -> Vec<Vec<Address>> {
        let parse = |list: &[String]| list.iter().filter_map(|a| Address::parse(a).ok()).collect::<Vec<_>>();
        let (own, told) = (parse(&self.addresses), parse(self.told.as_deref().unwrap_or_default()));
        let places = match (&self.descriptor, self.id) {
            (None, Some(_)) => own.into_iter().chain(told).map(|address| vec![address]).collect(),
            _ => vec![own, told],
        };
        places.into_iter().filter(|place: &Vec<_>| !place.is_empty()).collect()
    }

    /// Notes another place on the word of somebody. Returns whether it is new.
    fn note_told(&mut self, address: &str) -> bool {
        let told = self.told.get_or_insert_default();
        if self.addresses.iter().chain(&*told).any(|known| known == address) {
            return false;
        }
        told.insert(0, address.to_owned());
        told.truncate(TOLD_MAX);
        true
    }

    /// Takes a word of the relay's own that is newer than the one that is kept. Returns whether it is.
    fn adopt(&mut self, descriptor: &RelayDescriptor) -> bool {
        let known = self.signed().map(|known| known.facts().sequence);
        if known.is_some_and(|known| known >= descriptor.facts().sequence) {
            return false;
        }
        let new = Self::new(Some(descriptor), &[]);
        let before = std::mem::replace(&mut self.addresses, new.addresses);
        if self.id.is_none() {
            // The person says that it is there, and there it answered.
            let signed = std::mem::replace(&mut self.addresses, before);
            let more: Vec<String> = signed.into_iter().filter(|a| !self.addresses.contains(a)).collect();
            self.addresses.extend(more);
        } else {
            let told = self.told.take().unwrap_or_default();
            told.iter().rev().chain(before.iter().rev()).for_each(|address| _ = self.note_told(address));
        }
        (self.id, self.descriptor) = (new.id, new.descriptor);
        true
    }
}

impl Engine {
    /// Returns the number of a relay that somebody named, noting it, or where it may be besides, if that is new.
    pub(in crate::engine) fn know_relay(
        &mut self,
        named: &RelayRef,
        turn: &mut Turn<'_, '_>,
    ) -> Option<MailboxId> {
        let address = Address::parse(&named.address).ok();
        let known = self.relays.iter_mut().find(|(_, relay)| relay.record.id == Some(named.id));
        if let Some((number, relay)) = known {
            let number = *number;
            if address.is_some_and(|address| relay.record.note_told(address.as_str())) {
                self.put_relay(number, turn);
            }
            return Some(number);
        }
        let record = RelayRecord { id: Some(named.id), ..RelayRecord::new(None, &[address?]) };
        self.add_relay(record, turn)
    }

    /// The person adds a relay: mail for this profile is left there from now on.
    pub(in crate::engine) fn relay_add(
        &mut self,
        descriptor: Option<&RelayDescriptor>,
        addresses: &[Address],
        turn: &mut Turn<'_, '_>,
    ) -> Result<Result<MailboxId, CommandError>, StoreError> {
        let record = RelayRecord::new(descriptor, addresses);
        let same = |known: &RelayRecord| match (known.id, record.id) {
            (Some(known), Some(id)) if known == id => true,
            // Where others say that somebody is, nobody else is kept from being.
            (Some(_), Some(_)) => false,
            (Some(_), None) => known.descriptor.is_some() && known.addresses == record.addresses,
            (None, _) => known.addresses == record.addresses,
        };
        let known = self.relays.iter().find(|(_, relay)| same(&relay.record)).map(|(number, _)| *number);
        let Some(number) = known.or_else(|| self.add_relay(record, turn)) else {
            return Ok(Err(CommandError::RelaysFull));
        };
        if let Some(descriptor) = descriptor {
            self.adopt(number, descriptor, turn)?;
            // One that began to count anew, as after the loss of all but its key, has moved all the same.
            let relay = self.relays.get_mut(&number);
            let told = relay.is_some_and(|relay| {
                let addresses = &descriptor.facts().addresses;
                addresses.iter().rev().filter(|a| relay.record.note_told(a.as_str())).count() > 0
            });
            if told {
                self.put_relay(number, turn);
            }
        }
        self.make_home(number, turn)?;
        Ok(Ok(number))
    }

    fn add_relay(&mut self, record: RelayRecord, turn: &mut Turn<'_, '_>) -> Option<MailboxId> {
        if self.relays.len() >= RELAYS_MAX {
            return None;
        }
        let number = MailboxId(self.next_relay);
        self.next_relay += 1;
        self.relays.insert(number, Relay::new(record));
        self.put_relay(number, turn);
        self.restart_client(number, turn);
        Some(number)
    }

    pub(super) fn put_relay(&self, number: MailboxId, turn: &mut Turn<'_, '_>) {
        turn.overlay.put(&tables::RELAY, b"", number.0.into(), encode(&self.relays[&number].record));
    }

    /// Takes what a relay has signed, if it is the one that is meant and says something newer.
    pub(super) fn adopt(
        &mut self,
        number: MailboxId,
        descriptor: &RelayDescriptor,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let Some(relay) = self.relays.get_mut(&number) else { return Ok(()) };
        let before = relay.record.clone();
        if before.id.is_some_and(|id| id != descriptor.id().0) || !relay.record.adopt(descriptor) {
            return Ok(());
        }
        let is_home = relay.record.home;
        let moved =
            before.id != relay.record.id || before.addresses.first() != relay.record.addresses.first();
        let peer = descriptor.facts().peer.clone();
        if relay.seeking.begin_again(turn.now.moment) {
            let addresses = relay.record.places().into_iter().next().unwrap_or_default();
            self.outputs.push(Output::Connect { mailbox: number, addresses, peer: Some(peer) });
        }
        self.put_relay(number, turn);
        // Its keys are in its name: they change only when there was none.
        if before.descriptor.is_none() {
            self.restart_client(number, turn);
        }
        if moved && is_home { self.announce_reach(turn) } else { Ok(()) }
    }

    /// Forgets relays that are not one's own and that nobody names any more.
    pub(in crate::engine) fn forget_unnamed(&mut self, turn: &mut Turn<'_, '_>) {
        let mut named: std::collections::BTreeSet<MailboxId> = self.router.mailboxes_named();
        named.extend(self.contacts.values().flat_map(|contact| &contact.mailboxes).map(|id| MailboxId(*id)));
        named.extend(self.joins.values().flat_map(|join| &join.mailboxes));
        let idle = |(number, relay): (&MailboxId, &Relay)| {
            (!relay.record.home && !named.contains(number) && !self.reads(*number)).then_some(*number)
        };
        let unnamed: Vec<MailboxId> = self.relays.iter().filter_map(idle).collect();
        for number in unnamed {
            let Some(relay) = self.relays.remove(&number) else { continue };
            if let Some(link) = relay.link {
                self.links.remove(&link);
                self.outputs.push(Output::Close(link));
            }
            if relay.seeking.is_on() {
                self.outputs.push(Output::Disconnect(number));
            }
            self.router.forget_mailbox(number);
            turn.overlay.delete(&tables::RELAY, b"", number.0.into());
            turn.overlay.delete(&tables::CURSOR, b"", number.0.into());
        }
    }
}
