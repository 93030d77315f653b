//! Store and forward: a relay keeps envelopes for people it does not know, and shows everyone the same list.
//!
//! [`request`] is what may be asked, [`list`] what everyone may see, [`server`] the relay, [`client`] its user.

pub mod client;
pub mod list;
pub mod request;
pub mod server;
