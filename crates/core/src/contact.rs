//! A contact as it is kept: who they are, what we call them, where they can be written to.

use minicbor::{Decode, Encode};

use crate::content::ConversationId;
use crate::event::ContactId;

/// How far two people have come.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Encode, Decode)]
pub enum ContactState {
    /// Their invite is accepted here; what they left for us is not here yet.
    #[n(0)]
    Fetching,
    /// Our answer is on its way; they have not spoken yet.
    #[n(1)]
    Waiting,
    /// Both have proved who they are.
    #[n(2)]
    Live,
    /// Nothing goes there any more: the invite cannot be used, or the device was called back.
    #[n(3)]
    Failed,
}

/// A contact, as people and programs see it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Contact {
    /// Its number in this profile.
    pub id: ContactId,
    /// What it is called here: the own name if one was given, else theirs.
    pub name: String,
    /// What they call themselves; anybody can choose any name.
    pub their_name: String,
    /// Their account, once it is known.
    pub account: Option<crypto::identity::AccountId>,
    /// Whether the safety numbers were compared and equal.
    pub verified: bool,
    /// How far it has come.
    pub state: ContactState,
    /// The conversation with them, once the account is known.
    pub conversation: Option<ConversationId>,
    /// Whether a direct link is up.
    pub linked: bool,
    /// Relays where they can be written to.
    pub relays: usize,
    /// What is written here goes under keys that are to be replaced at once, as after [`crate::engine::Command::Suspect`];
    /// the new ones are not in use yet.
    pub renewing: bool,
}

#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct ContactRecord {
    #[n(0)]
    pub(crate) own_name: Option<String>,
    #[n(1)]
    pub(crate) their_name: String,
    #[n(2)]
    pub(crate) verified: bool,
    #[n(3)]
    pub(crate) state: ContactState,
    #[cbor(n(4), with = "minicbor::bytes")]
    pub(crate) account: Vec<u8>,
    #[cbor(n(5), with = "minicbor::bytes")]
    pub(crate) cert: Option<Vec<u8>>,
    #[cbor(n(6), with = "minicbor::bytes")]
    pub(crate) list: Option<Vec<u8>>,
    #[n(7)]
    pub(crate) mailboxes: Vec<u32>,
    #[n(8)]
    pub(crate) reach_number: Option<u64>,
    #[n(9)]
    pub(crate) conversation: Option<u32>,
}

#[cfg(test)]
impl ContactRecord {
    /// Somebody who was met and verified, with nothing but that kept of them.
    pub(crate) fn met(conversation: Option<u32>) -> Self {
        Self {
            own_name: None,
            their_name: "Bora".into(),
            verified: true,
            state: ContactState::Live,
            account: vec![1; 32],
            cert: None,
            list: None,
            mailboxes: Vec::new(),
            reach_number: None,
            conversation,
        }
    }
}
