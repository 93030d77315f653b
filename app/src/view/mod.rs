//! The screens: each is a function from the read-only model and its own view state to an optional action.

pub(crate) mod add;
pub(crate) mod backup;
pub(crate) mod bubble;
pub(crate) mod chats;
pub(crate) mod chooser;
pub(crate) mod composer;
pub(crate) mod contact;
pub(crate) mod conversation;
pub(crate) mod duress;
mod fade;
mod find;
pub(crate) mod keys;
pub(crate) mod licences;
pub(crate) mod network;
pub(crate) mod palette;
pub(crate) mod passphrase;
pub(crate) mod people;
pub(crate) mod rail;
pub(crate) mod settings;
pub(crate) mod sure;
pub(crate) mod trail;
pub(crate) mod unlock;
pub(crate) mod verify;
pub(crate) mod welcome;

use std::collections::BTreeMap;

use crate::{action::Sure, model::ChatId};

/// State that belongs to the screens alone.
#[derive(Default)]
pub(crate) struct Views {
    /// Making a profile.
    pub(crate) welcome: welcome::Welcome,
    /// Opening one.
    pub(crate) unlock: unlock::Unlock,
    /// The list of chats.
    pub(crate) chats: chats::Chats,
    /// Drafts, places and searches, by chat.
    pub(crate) conversations: BTreeMap<ChatId, conversation::Conversation>,
    /// Adding a contact.
    pub(crate) add: add::Add,
    /// Details of a contact.
    pub(crate) contact: contact::Contact,
    /// Relays.
    pub(crate) network: network::Network,
    /// Settings.
    pub(crate) settings: settings::Settings,
    /// The chooser of files, while it is open.
    pub(crate) chooser: Option<chooser::Chooser>,
    /// What is about to be destroyed, while it is asked.
    pub(crate) sure: Option<Sure>,
    /// The list of keys is open.
    pub(crate) keys: bool,
    /// The palette, while it is open.
    pub(crate) palette: Option<palette::Palette>,
}
