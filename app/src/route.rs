//! Where one is in the window.

use crate::model::ChatId;

/// A page of the unlocked window.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Route {
    /// The list of chats, with one open or none.
    Chats(Option<ChatId>),
    /// All contacts.
    People,
    /// Showing an invite, or taking one.
    Add,
    /// What is known about a contact.
    Contact(ChatId),
    /// Comparing the safety number.
    Verify(ChatId),
    /// Roads and relays.
    Network,
    /// Settings.
    Settings,
    /// The licences of what is shipped.
    Licences,
}

impl Route {
    /// The place that Escape and the back arrow lead to.
    pub(crate) fn up(self) -> Route {
        match self {
            Route::Verify(chat) => Route::Contact(chat),
            Route::Licences => Route::Settings,
            Route::Contact(chat) => Route::Chats(Some(chat)),
            Route::Chats(_) | Route::People | Route::Add | Route::Network | Route::Settings => {
                Route::Chats(None)
            }
        }
    }
}
