//! How invites end: by the own count of days, by somebody else's answer, by rubbish in their slots.
//!
//! No clock is asked. Days are counted while the program runs, and only while an invite is open on this side. Whoever
//! holds an invite can see in the relay's public list that its bundle was taken back; nobody else can tell which entry
//! that was, and the inviter owes no answer to anybody whom they do not know.

use std::collections::BTreeSet;
use std::time::Duration;

use proto::id::{Moment, Party, Prefix};
use proto::router::{Accepted, Crossing, Expected, MailboxId};
use proto::store::StoreError;

use super::contacts::{End, Joining};
use super::{Engine, ME_INVITE_DAYS, Turn};
use crate::contact::ContactState;
use crate::conversation::encode;
use crate::event::{Event, Notice};
use crate::tables;

/// Minutes in one day of an invite.
const DAY_MINUTES: u64 = 24 * 60;
/// Running time is written down this often while an invite is open, and each minute with other things.
const SAVED_EVERY: u64 = 10;
/// Invites that are over and whose answers are still told of; the oldest beyond it are forgotten.
const ENDED_MAX: usize = 64;
/// When an answered invite is looked at first, and the longest pause between two looks.
const LOOK_PAUSE: [Duration; 2] = [Duration::from_secs(3_600), Duration::from_secs(86_400)];
/// How long the inviter's word may take after their bundle is seen to be gone.
const DOUBT_PATIENCE: Duration = Duration::from_secs(3_600);

/// How long this profile has run while invites were open.
pub(super) struct InviteDays {
    before: Duration,
    born: Moment,
    saved: u64,
}

impl InviteDays {
    pub(super) fn new(minutes: u64, now: Moment) -> Self {
        Self { before: Duration::from_secs(minutes.saturating_mul(60)), born: now, saved: minutes }
    }

    pub(super) fn minutes(&self, now: Moment) -> u64 {
        self.before.saturating_add(now.since(self.born)).as_secs() / 60
    }

    /// The moment at which so many minutes are full.
    fn moment_of(&self, minutes: u64) -> Moment {
        let whole = Duration::from_secs(minutes.saturating_mul(60));
        self.born.plus(whole.saturating_sub(self.before))
    }
}

/// An answered invite whose bundle is looked at now and then: once it is gone, somebody's answer was taken.
pub(super) struct Watch {
    pub(super) mailbox: MailboxId,
    pub(super) position: u64,
    at: Moment,
    pause: Duration,
    gone: bool,
}

impl Watch {
    pub(super) fn new(mailbox: MailboxId, position: u64, now: Moment) -> Self {
        Self { mailbox, position, at: now.plus(LOOK_PAUSE[0]), pause: LOOK_PAUSE[0], gone: false }
    }
}

impl Engine {
    /// Ends what is over, and writes down how long this profile has run.
    pub(super) fn tend_invites(&mut self, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let minutes = self.invite_days.minutes(turn.now.moment);
        self.expire_invites(minutes, turn)?;
        self.give_up_joins(minutes, turn)?;
        self.watch_joins(turn);
        let gone_by = minutes.saturating_sub(self.invite_days.saved);
        let others_are_written = !self.dirty.is_empty();
        if self.counts_days() && (gone_by >= SAVED_EVERY || (gone_by > 0 && others_are_written)) {
            self.save_uptime(minutes, turn);
        }
        Ok(())
    }

    fn save_uptime(&mut self, minutes: u64, turn: &mut Turn<'_, '_>) {
        self.invite_days.saved = minutes;
        turn.overlay.put(&tables::ME, b"", ME_INVITE_DAYS, encode(&minutes));
    }

    /// The minute of running time at which so many days from now are over.
    pub(super) fn minutes_after(&self, days: u16, turn: &Turn<'_, '_>) -> u64 {
        self.invite_days.minutes(turn.now.moment) + u64::from(days) * DAY_MINUTES
    }

    fn counts_days(&self) -> bool {
        self.open_invites().next().is_some() || self.joins.values().any(Joining::is_fetching)
    }

    fn open_invites(&self) -> impl Iterator<Item = (Party, u64)> {
        self.invites.iter().filter(|(_, i)| i.is_open()).map(|(party, i)| (*party, i.expires))
    }

    /// When [`Engine::tend_invites`] has something to do next.
    pub(super) fn invites_deadline(&self) -> Option<Moment> {
        let saved = self.counts_days().then_some(self.invite_days.saved + SAVED_EVERY);
        let ends = self.open_invites().map(|(_, expires)| expires);
        let fetching = self.joins.values().filter(|j| j.is_fetching()).map(|j| j.gives_up);
        let counted =
            ends.chain(fetching).chain(saved).min().map(|minutes| self.invite_days.moment_of(minutes));
        let watched = self.joins.values().filter_map(|j| j.watch.as_ref()).map(|watch| watch.at);
        counted.into_iter().chain(watched).min()
    }

    /// Takes back invites whose days are over. Their private prekeys are gone with this commit.
    fn expire_invites(&mut self, minutes: u64, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let over: Vec<Party> =
            self.open_invites().filter(|(_, expires)| *expires <= minutes).map(|(party, _)| party).collect();
        for party in &over {
            let Some(invite) = self.invites.get(party) else { continue };
            self.router.settle(invite.number, turn.overlay)?;
            self.end_invite(*party, End::Expired, turn);
            self.event(Event::Notice(Notice::InviteExpired));
        }
        if !over.is_empty() {
            self.refresh_links(turn);
        }
        Ok(())
    }

    /// Destroys an invite's private prekeys, and remembers how it ended, so that late answers can be told of.
    pub(super) fn end_invite(&mut self, party: Party, end: End, turn: &mut Turn<'_, '_>) {
        if let Some(invite) = self.invites.get_mut(&party) {
            invite.end(end);
            turn.overlay.put(&tables::INVITE, b"", party.0.into(), invite.encode());
        }
        let ended: Vec<Party> = self.invites.iter().filter(|(_, i)| !i.is_open()).map(|(p, _)| *p).collect();
        for party in ended.iter().take(ended.len().saturating_sub(ENDED_MAX)) {
            self.forget_invite(*party, turn);
        }
    }

    /// What lies in an answer slot is no answer. Only holders of the invite can have put it there.
    pub(super) fn spoiled(&mut self, party: Party, turn: &mut Turn<'_, '_>) {
        let Some(invite) = self.invites.get_mut(&party).filter(|invite| !invite.spoiled) else { return };
        invite.spoiled = true;
        turn.overlay.put(&tables::INVITE, b"", party.0.into(), invite.encode());
        self.event(Event::Notice(Notice::InviteSpoiled));
    }

    /// Gives up invites whose bundle was not found within their days, by the own count.
    fn give_up_joins(&mut self, minutes: u64, turn: &mut Turn<'_, '_>) -> Result<(), StoreError> {
        let over = |(_, join): &(&Party, &Joining)| join.is_fetching() && join.gives_up <= minutes;
        let over: Vec<Party> = self.joins.iter().filter(over).map(|(party, _)| *party).collect();
        over.into_iter().for_each(|party| self.fail_join(party, turn));
        Ok(())
    }

    /// The invite that was accepted leads nowhere any more.
    fn fail_join(&mut self, party: Party, turn: &mut Turn<'_, '_>) {
        self.finish_join(party, turn);
        if let Some(contact) = self.contacts.get_mut(&party) {
            contact.state = ContactState::Failed;
        }
        self.put_contact(party, turn);
        self.refresh_links(turn);
        self.event(Event::ContactChanged(Self::contact_id(party)));
        self.event(Event::Notice(Notice::InviteOver(Self::contact_id(party))));
    }

    /// A relay lists an envelope that is waited for, and no longer has it. For the bundle of an invite this means
    /// that its only writer took it back: somebody's answer was taken, or its days are over.
    pub(super) fn listed_gone(
        &mut self,
        mailbox: MailboxId,
        prefix: Prefix,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), StoreError> {
        let crossing = Crossing::Arriving(prefix);
        let Accepted::Ours(expected) = self.router.accept(crossing, turn.now.moment, turn.overlay)? else {
            return Ok(());
        };
        for Expected { party, .. } in expected {
            self.bundle_gone(party, mailbox, turn);
        }
        Ok(())
    }

    fn bundle_gone(&mut self, party: Party, mailbox: MailboxId, turn: &mut Turn<'_, '_>) {
        let Some(join) = self.joins.get_mut(&party) else { return };
        if let Some(watch) = join.watch.as_mut().filter(|watch| !watch.gone) {
            // If it was our answer that was taken, their word is on its way.
            watch.gone = true;
            watch.at = turn.now.moment.plus(DOUBT_PATIENCE);
            return;
        }
        if !join.is_fetching() {
            return;
        }
        // One relay may lie, or have let it end: as long as another has not said the same there is hope.
        join.gone.insert(mailbox);
        let everywhere = join.mailboxes.iter().copied().collect::<BTreeSet<_>>().is_subset(&join.gone);
        let record = join.encode();
        if everywhere {
            self.fail_join(party, turn);
        } else {
            turn.overlay.put(&tables::JOIN, b"", party.0.into(), record);
        }
    }

    fn watch_joins(&mut self, turn: &mut Turn<'_, '_>) {
        let now = turn.now.moment;
        let due = |join: &Joining| join.watch.as_ref().is_some_and(|watch| watch.at <= now);
        let due: Vec<Party> = self.joins.iter().filter(|(_, j)| due(j)).map(|(party, _)| *party).collect();
        for party in due {
            let Some(join) = self.joins.get_mut(&party) else { continue };
            let Some(watch) = &mut join.watch else { continue };
            if watch.gone {
                join.watch = None;
                let record = join.encode();
                turn.overlay.put(&tables::JOIN, b"", party.0.into(), record);
                self.event(Event::Notice(Notice::InviteTaken(Self::contact_id(party))));
                continue;
            }
            watch.at = now.plus(watch.pause);
            watch.pause = (watch.pause * 2).min(LOOK_PAUSE[1]);
            let (mailbox, position) = (watch.mailbox, watch.position);
            self.look_again(mailbox, position, turn);
        }
    }
}
