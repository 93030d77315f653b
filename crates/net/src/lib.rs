//! Wires: a libp2p swarm turned into links and frames.
//!
//! A [`Network`] is one network identity with its own sockets. Several live in one process, and nothing
//! joins them: links to contacts and links to relays never share an identity.
//!
//! What it promises:
//!
//! * **One link per peer.** A link is one framed, ordered, encrypted stream. If two peers dial each other at
//!   once, the side with the smaller name picks the connection that stays, before either side has been told
//!   of a link; so nothing that was sent is lost by it.
//! * **No timer on a frame's path.** [`Network::send`] puts a frame into the link's queue and wakes its task,
//!   which writes and flushes at once. While a write is under way further frames gather and leave in one write.
//! * **Bounds.** A frame has at most [`FRAME_BYTES_MAX`] bytes, a queue [`Limits::queue_bytes`], the
//!   events [`Limits::events`] places. A consumer that lags stops the reading, and so the sender.
//! * **Silence.** An idle link exchanges a ping every four minutes and nothing else.
//!
//! What it does not: it keeps nothing, retries no frame and knows no person. After [`Event::LinkDown`]
//! the floors above send again what was not acknowledged.
//!
//! No libp2p type stands in a public signature. `docs/protocol/16-transport.md` is the chapter to this crate.

#![deny(missing_docs)]

mod address;
mod environment;
mod event;
mod network;

mod frame;
mod pulse;
mod queue;

mod behaviour;
mod driver;
mod handler;
mod keeper;
mod muxer;
mod transport;
mod waiting;

#[cfg(test)]
mod hostile;
#[cfg(any(test, feature = "raw"))]
pub mod raw;

pub use address::{AddressError, TypedTarget, any_addresses, parse_typed};
pub use environment::{EnvironmentError, raise_file_limit, scrub_environment};
pub use event::{DialFailure, Down, Event, Events};
pub use network::{Config, IdentitySeed, Limits, Network, NetworkError, SendError, StartError, Target};
pub use proto::limits::FRAME_BYTES_MAX;
pub use pulse::Patience;
