//! Which mailboxes have what waits, which are asked next, and what became of it there.

use std::collections::BTreeSet;

use crypto::Signature;

use super::{COPIES, DEPOSITS_IN_FLIGHT_MAX, MAILBOX_PATIENCE, Mailbox, MailboxId, Router, Setback};
use crate::id::{Moment, Party, Tag};
use crate::store::Overlay;
use crate::tables;

impl Router {
    /// The counterpart reads its mail elsewhere now: what waits goes there, and no longer where it was to go.
    pub fn redirect(&mut self, party: Party, mailboxes: &[MailboxId]) {
        let numbers = self.by_party.get(&party).cloned().unwrap_or_default();
        for (id, mailbox) in &mut self.mailboxes {
            if !mailboxes.contains(id) && !mailbox.waiting.is_empty() {
                numbers.iter().for_each(|number| mailbox.drop_waiting(*number));
            }
        }
        for number in numbers {
            let Some(outgoing) = self.outgoing.get_mut(&number) else { continue };
            outgoing.mailboxes = mailboxes.to_vec();
            outgoing.lost.retain(|id| mailboxes.contains(id));
            if !self.has_link(party) {
                self.queue_deposits(number);
            }
        }
    }

    /// Nothing was heard of what is in `number`, or nobody would say so: it goes to all its mailboxes.
    pub fn spread(&mut self, number: u64) {
        let Some(outgoing) = self.outgoing.get_mut(&number) else { return };
        outgoing.everywhere = true;
        if !self.has_link(self.outgoing[&number].party) {
            self.queue_deposits(number);
        }
    }

    /// Lets an envelope wait for as many mailboxes as are to have it: those that do count, then those that are up, then
    /// those that may come up soon. One that was passed over is asked when there are no others, and does not count.
    pub(super) fn queue_deposits(&mut self, number: u64) {
        let Some(outgoing) = self.outgoing.get(&number).filter(|outgoing| !outgoing.landed) else { return };
        let standing = |id: &MailboxId| match self.mailboxes.get(id) {
            _ if outgoing.stored.contains(id) => 0,
            Some(mailbox) if mailbox.up => 1,
            Some(mailbox) if mailbox.passed_over => 3,
            _ => 2,
        };
        let usable = outgoing.mailboxes.iter().filter(|id| !outgoing.lost.contains(id));
        let mut ranked: Vec<(u8, MailboxId)> = usable.map(|id| (standing(id), *id)).collect();
        ranked.sort_by_key(|(standing, _)| *standing);
        let mut left = if outgoing.everywhere { ranked.len() } else { COPIES };
        for (standing, id) in ranked {
            if left == 0 {
                return;
            }
            let mailbox = self.mailboxes.entry(id).or_default();
            if standing > 0 && !mailbox.in_flight.contains(&number) {
                mailbox.wait(number, outgoing.makes_room);
            }
            left -= usize::from(standing < 3);
        }
    }

    /// Passes over mailboxes that something waits for and that were not there for [`MAILBOX_PATIENCE`]: others get what
    /// waits, and go before them until they come up. To be called in each turn, before mailboxes are asked.
    pub fn pass_over(&mut self, now: Moment) {
        let mut waiting = BTreeSet::new();
        for mailbox in self.mailboxes.values_mut() {
            let tired = mailbox.wanted_since.is_some_and(|since| since.plus(MAILBOX_PATIENCE) <= now);
            if tired && !mailbox.passed_over && !mailbox.waiting.is_empty() {
                mailbox.passed_over = true;
                waiting.extend(&mailbox.waiting);
            }
        }
        for number in waiting {
            let Some(outgoing) = self.outgoing.get_mut(&number) else { continue };
            if outgoing.is_exhausted(&self.mailboxes) {
                outgoing.lost.clear();
            }
            self.queue_deposits(number);
        }
        for mailbox in self.mailboxes.values_mut() {
            let is_wanted = !mailbox.up && !mailbox.waiting.is_empty();
            mailbox.wanted_since = is_wanted.then(|| mailbox.wanted_since.unwrap_or(now));
        }
    }

    /// A mailbox can be spoken to.
    pub fn mailbox_up(&mut self, id: MailboxId) {
        let mailbox = self.mailboxes.entry(id).or_default();
        mailbox.up = true;
        mailbox.wanted_since = None;
        mailbox.passed_over = false;
    }

    /// A mailbox is gone: what was under way to it waits again.
    pub fn mailbox_down(&mut self, id: MailboxId) {
        let mailbox = self.mailboxes.entry(id).or_default();
        mailbox.up = false;
        let in_flight = std::mem::take(&mut mailbox.in_flight);
        for number in in_flight {
            mailbox.wait(number, self.outgoing.get(&number).is_some_and(|o| o.makes_room));
        }
    }

    /// Tells whether a mailbox can be spoken to.
    pub fn is_up(&self, id: MailboxId) -> bool {
        self.mailboxes.get(&id).is_some_and(|m| m.up)
    }

    /// Takes an envelope to all its mailboxes once more, whatever they said of it: nobody has heard of it for long.
    pub fn repeat(&mut self, number: u64) {
        let Some(outgoing) = self.outgoing.get_mut(&number) else { return };
        outgoing.lost.clear();
        outgoing.everywhere = true;
        for id in &outgoing.mailboxes {
            let mailbox = self.mailboxes.entry(*id).or_default();
            if !mailbox.in_flight.contains(&number) {
                mailbox.wait(number, outgoing.makes_room);
            }
        }
    }

    /// Returns whether something that leaves for this counterpart lies nowhere yet although a mailbox that it goes to
    /// is there: it is on its way, or has no room.
    #[must_use]
    pub fn waits_for_room(&self, party: Party) -> bool {
        let has_place = |number: &u64| {
            let waits = |id: &MailboxId| {
                self.mailboxes.get(id).is_some_and(|mailbox| mailbox.up && mailbox.waiting.contains(number))
            };
            let outgoing = &self.outgoing[number];
            !outgoing.stored.is_empty() || !outgoing.mailboxes.iter().any(waits)
        };
        self.by_party.get(&party).is_some_and(|numbers| !numbers.iter().all(has_place))
    }

    /// A mailbox lost what it kept: what is not settled is taken there again.
    pub fn mailbox_forgot(&mut self, id: MailboxId) {
        let numbers: Vec<u64> =
            self.outgoing.iter().filter(|(_, o)| o.stored.contains(&id)).map(|(n, _)| *n).collect();
        for number in numbers {
            if let Some(outgoing) = self.outgoing.get_mut(&number) {
                outgoing.stored.remove(&id);
            }
            self.queue_deposits(number);
        }
    }

    /// Returns the mailboxes that have something to be taken to them.
    pub fn mailboxes_wanted(&self) -> BTreeSet<MailboxId> {
        let busy = |m: &Mailbox| !m.waiting.is_empty() || !m.in_flight.is_empty() || !m.deletions.is_empty();
        self.mailboxes.iter().filter(|(_, m)| busy(m)).map(|(id, _)| *id).collect()
    }

    /// Returns the mailboxes that something leaves for, or that are still to be told of a deletion.
    #[must_use]
    pub fn mailboxes_named(&self) -> BTreeSet<MailboxId> {
        let told = self.mailboxes.iter().filter(|(_, m)| !m.deletions.is_empty()).map(|(id, _)| *id);
        self.outgoing.values().flat_map(|outgoing| &outgoing.mailboxes).copied().chain(told).collect()
    }

    /// Forgets a mailbox that nothing leaves for.
    pub fn forget_mailbox(&mut self, id: MailboxId) {
        self.mailboxes.remove(&id);
    }

    /// Returns the next envelope to deposit at a mailbox that is up, while its window has room. Of one that is
    /// `full` only what makes room is offered.
    pub fn next_deposit(&self, id: MailboxId, full: bool) -> Option<u64> {
        let mailbox = self.mailboxes.get(&id)?;
        let open = mailbox.up && mailbox.in_flight.len() < DEPOSITS_IN_FLIGHT_MAX;
        let waiting = if full { &mailbox.waiting_first } else { &mailbox.waiting };
        waiting.first().copied().filter(|_| open)
    }

    /// Tells whether the arrival of `number` lets mailboxes be emptied.
    pub fn makes_room(&self, number: u64) -> bool {
        self.outgoing.get(&number).is_some_and(|outgoing| outgoing.makes_room)
    }

    /// The deposit of `number` is under way.
    pub fn depositing(&mut self, id: MailboxId, number: u64) {
        let mailbox = self.mailboxes.entry(id).or_default();
        mailbox.drop_waiting(number);
        mailbox.in_flight.insert(number);
    }

    /// The mailbox keeps `number`. Returns how many mailboxes do now, or nothing if that was known.
    pub fn stored(&mut self, id: MailboxId, number: u64, overlay: &mut Overlay<'_>) -> Option<usize> {
        self.mailboxes.entry(id).or_default().in_flight.remove(&number);
        let outgoing = self.outgoing.get_mut(&number)?;
        if !outgoing.stored.insert(id) {
            return None;
        }
        let marks: Vec<u32> = outgoing.stored.iter().map(|m| m.0).collect();
        overlay.put(
            &tables::OUTBOX_MARK,
            b"",
            number,
            minicbor::to_vec(&marks).expect("a vector takes all bytes"),
        );
        Some(outgoing.stored.len())
    }

    /// The mailbox did not take `number`. The next in the list is asked; when all are full, all are asked again (the
    /// owner sees to the pause). Returns true if no mailbox is left that could take it.
    pub fn set_back(&mut self, id: MailboxId, number: u64, setback: Setback) -> bool {
        self.mailboxes.entry(id).or_default().in_flight.remove(&number);
        let Some(outgoing) = self.outgoing.get_mut(&number) else { return false };
        outgoing.lost.insert(id);
        let exhausted = outgoing.is_exhausted(&self.mailboxes);
        if exhausted && setback == Setback::NotNow {
            outgoing.lost.clear();
        }
        self.queue_deposits(number);
        exhausted
    }

    /// Tells whether an envelope lies in a mailbox, or waits for the answer of one that is up.
    #[must_use]
    pub fn finds_place(&self, number: u64) -> bool {
        let Some(outgoing) = self.outgoing.get(&number) else { return false };
        let asks = |id: &MailboxId| {
            let mailbox = self.mailboxes.get(id).filter(|mailbox| mailbox.up);
            mailbox.is_some_and(|m| m.in_flight.contains(&number) || m.waiting.contains(&number))
        };
        !outgoing.stored.is_empty() || outgoing.mailboxes.iter().any(asks)
    }

    /// Returns how many envelopes are to be left at a mailbox and are not known to be there.
    pub fn waiting_at(&self, id: MailboxId) -> usize {
        self.mailboxes.get(&id).map_or(0, |mailbox| mailbox.waiting.len() + mailbox.in_flight.len())
    }

    /// Returns deletions that the mailbox should be told, at most `most`, and forgets them.
    pub fn take_deletions(&mut self, id: MailboxId, most: usize) -> Vec<(Tag, Signature)> {
        let Some(mailbox) = self.mailboxes.get_mut(&id).filter(|m| m.up) else { return Vec::new() };
        let count = mailbox.deletions.len().min(most);
        mailbox.deletions.drain(..count).collect()
    }

    /// Takes back deletions that could not be told now.
    pub fn return_deletions(&mut self, id: MailboxId, deletions: Vec<(Tag, Signature)>) {
        self.mailboxes.entry(id).or_default().deletions.splice(0..0, deletions);
    }
}
