//! What the engine tells the people above it, and what it knows of a message's delivery.

use minicbor::{Decode, Encode};

use crate::content::{ConversationId, MessageId};

/// A contact, by the number that this profile gave them.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ContactId(pub u32);

/// A relay, by the number that this profile gave it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RelayNumber(pub u32);

/// Where a message stands in its conversation: causes before effects, the same on every device.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Place(pub u64);

/// The lowest bits of a place, which settle ties; the depth stands above them.
pub(crate) const PLACE_BITS: u32 = 24;

impl Place {
    /// Returns the place of a message with this depth among its causes; ties are settled by the message's id.
    pub(crate) fn new(lamport: u64, id: &MessageId) -> Self {
        let tie = u64::from_be_bytes([0, 0, 0, 0, 0, id.0[0], id.0[1], id.0[2]]);
        Self((lamport.min((1 << 40) - 1) << PLACE_BITS) | tie)
    }

    /// Returns the depth of the message among its causes.
    pub fn lamport(self) -> u64 {
        self.0 >> PLACE_BITS
    }
}

/// How far a message of one's own is known to have come. Each step rests on evidence; none is inferred.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Delivery {
    /// Kept on this disk.
    Written,
    /// Encrypted and waiting for a road.
    Sealed,
    /// This many relays hold it.
    OnRelay {
        /// Copies.
        copies: u8,
    },
    /// The other device holds the envelope; whether it could read it is not known yet.
    OnDevice,
    /// An authenticated receipt came back: the other device has taken it in its turn. What it refuses, and no program that keeps
    /// to the protocol sends, counts as taken too.
    Delivered,
    /// The other person's device says that it was shown.
    Read,
}

/// One step of a message's way.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Encode, Decode)]
pub enum Step {
    /// Kept on this disk.
    #[n(0)]
    Written,
    /// Encrypted.
    #[n(1)]
    Sealed,
    /// Held by this relay.
    #[n(2)]
    OnRelay(#[n(0)] u32),
    /// Held by the other device.
    #[n(3)]
    OnDevice,
    /// Receipt came back.
    #[n(4)]
    Delivered,
    /// Shown to the other person.
    #[n(5)]
    Read,
    /// No relay of the contact takes it for now: all are full or ask for payment.
    #[n(6)]
    Refused,
}

/// A step and the local clock's word for when, a label for people.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Encode, Decode)]
#[cbor(array)]
pub struct TrailStep {
    /// What happened.
    #[n(0)]
    pub step: Step,
    /// Milliseconds since 1970 by this machine's clock, if it has one.
    #[n(1)]
    pub label_ms: Option<u64>,
}

/// The way of one message as far as it is known.
#[derive(Clone, Debug, Default, Eq, PartialEq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Trail {
    #[n(0)]
    pub(crate) steps: Vec<TrailStep>,
}

/// Copies at relays that are noted for one message. Of every other step there is one.
const TRAIL_COPIES_MAX: usize = 24;

impl Trail {
    /// Notes a step once. Returns whether it was new.
    pub(crate) fn note(&mut self, step: Step, label_ms: Option<u64>) -> bool {
        let is_copy = |step: &Step| matches!(step, Step::OnRelay(_));
        let copies = self.steps.iter().filter(|s| is_copy(&s.step)).count();
        if self.steps.iter().any(|s| s.step == step) || (is_copy(&step) && copies == TRAIL_COPIES_MAX) {
            return false;
        }
        self.steps.push(TrailStep { step, label_ms });
        true
    }

    pub(crate) fn delivery(&self) -> Delivery {
        let copies = self.steps.iter().filter(|s| matches!(s.step, Step::OnRelay(_))).count();
        let of = |step: &TrailStep| match step.step {
            Step::Written | Step::Refused => Delivery::Written,
            Step::Sealed => Delivery::Sealed,
            Step::OnRelay(_) => Delivery::OnRelay { copies: copies.min(255) as u8 },
            Step::OnDevice => Delivery::OnDevice,
            Step::Delivered => Delivery::Delivered,
            Step::Read => Delivery::Read,
        };
        self.steps.iter().map(of).max().unwrap_or(Delivery::Written)
    }
}

/// What happened. Events are told after the state they speak of is on disk.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// An invite was accepted here, or somebody answered one of ours.
    ContactAdded(ContactId),
    /// Both sides have proved who they are: messages flow.
    ContactLive(ContactId),
    /// Something about the contact changed: name, verification, reach.
    ContactChanged(ContactId),
    /// A message is new in a conversation, own ones included.
    Message {
        /// Which conversation.
        conversation: ConversationId,
        /// Which message.
        id: MessageId,
        /// Whether it was written here.
        mine: bool,
    },
    /// More is known of an own message's way.
    Delivery {
        /// Which conversation.
        conversation: ConversationId,
        /// Which message.
        id: MessageId,
        /// How far it has come.
        delivery: Delivery,
    },
    /// Messages are deleted here and cannot be brought back.
    Erased {
        /// Which conversation.
        conversation: ConversationId,
        /// Which messages.
        messages: Vec<MessageId>,
    },
    /// The whole history of a conversation is deleted here.
    Cleared(ConversationId),
    /// A contact is removed with everything that was shared with them.
    ContactRemoved(ContactId),
    /// A relay can be spoken to, or not.
    Relay {
        /// Which.
        relay: RelayNumber,
        /// Whether it can.
        up: bool,
    },
    /// A direct link to a contact is up, or gone.
    Link {
        /// Whose.
        contact: ContactId,
        /// Whether it is up.
        up: bool,
    },
    /// Something that a person should know.
    Notice(Notice),
    /// This reader was too slow and missed events: read anew what is shown.
    Lagged,
}

/// Things that a person should know, in the interface's language.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Notice {
    /// Somebody answered an invite that another had answered before; they were not let in.
    InviteUsedAgain,
    /// An invite of this profile was not answered within its days; its keys are destroyed.
    InviteExpired,
    /// Somebody answered an invite whose days were over; they were not let in.
    InviteAnsweredLate,
    /// Somebody who holds an invite of this profile left something under it that is no answer.
    InviteSpoiled,
    /// A contact has answered an invite of this profile: they may have removed it, and then nothing reaches them any more.
    /// When this contact is removed here too, the answer is taken up by itself.
    AnsweredAgain(ContactId),
    /// The invite leads nowhere any more: it was used, taken back, or its days are over.
    InviteOver(ContactId),
    /// Somebody's answer to the invite was taken, and nothing has come that says it was ours.
    InviteTaken(ContactId),
    /// The invite cannot be used: all its answer slots are filled, perhaps by a thief.
    InviteExhausted(ContactId),
    /// What waits under the invite is not what the invite names.
    InviteForged(ContactId),
    /// The contact's device says that it begins anew: it was restored from a backup, has lost something to damage, or its
    /// keys may be known to somebody else. It holds the right keys, and so does a copy of it. Ask them if it is so.
    ContactRestored(ContactId),
    /// A suspicion was not answered, so this device begins anew with the contact, as after a restored backup.
    BeginsAnew(ContactId),
    /// After this profile began anew with the contact, it was met again.
    MetAgain(ContactId),
    /// The contact can only be met again by a new invite: this profile was restored or lost something, or a suspicion was not
    /// answered, and the contact has left nothing by which the two could begin anew.
    NeedsInvite(ContactId),
    /// The contact's account has called back the device that this conversation is with: nothing goes there any more.
    DeviceCalledBack(ContactId),
    /// The contact's account says different things of its devices to different people.
    DevicesContradict(ContactId),
    /// The relay lost its list and began anew.
    RelayListReplaced(RelayNumber),
    /// The relay signed two histories: it lies to somebody.
    RelayEquivocates(RelayNumber),
    /// What answers at the relay's address is another relay.
    RelayImpostor(RelayNumber),
    /// The profile's index was damaged and has been rebuilt from the log; nothing was lost.
    IndexRebuilt,
    /// Parts of the log are damaged: what they said is lost here. Contacts are met again as after a restored backup.
    LogDamaged {
        /// Turns of work that cannot be read.
        commits: u64,
        /// Files of the log that are not there.
        files: u64,
    },
    /// The log ends before the last state that was noted: the profile may have been rolled back. Contacts are met again
    /// as after a restored backup.
    RolledBack,
}

impl Notice {
    /// Whether it tells that something of the profile is lost. Such a notice comes at every start until it is said that
    /// the person was told ([`Command::LossTold`](crate::engine::Command::LossTold)).
    #[must_use]
    pub fn is_of_loss(&self) -> bool {
        matches!(self, Self::LogDamaged { .. } | Self::RolledBack)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_relays_have_a_copy_its_delivery_is_noted() {
        let mut trail = Trail::default();
        for relay in 0..100 {
            trail.note(Step::OnRelay(relay), None);
        }
        assert_eq!(trail.steps.len(), TRAIL_COPIES_MAX);
        assert!(trail.note(Step::Delivered, None));
        assert_eq!(trail.delivery(), Delivery::Delivered);
    }
}
