//! Carriage of sealed envelopes: what is kept and what travels, decided without socket, disk or clock.
//!
//! This crate knows tags, blobs and local numbers. It does not know what is inside an envelope, who a person is, or
//! what a conversation is. Time and randomness are arguments; frames go in as bytes and come out as bytes, and what
//! must survive goes into a [`store::Batch`] that its owner commits. `docs/protocol/` has the same chapters.
//!
//! # One envelope, walked
//!
//! 1. The floor above seals a blob for a slot: [`envelope::Envelope::seal_into`] signs for it.
//! 2. [`router`] keeps it in the outbox and says which roads out there are.
//! 3. A contact in sight: [`link::Link::push`] gives the frame; an acknowledgement says that it is kept there.
//! 4. Nobody in sight: [`mailbox::client::Client::put`] gives a request that only the relay can open.
//! 5. The relay, [`mailbox::server::Server`], checks the slot's signature, keeps it, and pushes to who follows.
//! 6. The reader's [`mailbox::client::Client`] checks the relay's list, finds a prefix that is expected, and hands the
//!    blob up. It came by whatever road: the floor above opens it, once.
//!
//! ```
//! use crypto::{key::Secret32, slot::Chain};
//! # use madang_proto as proto;
//! use proto::envelope::{Blob, Envelope};
//!
//! let slot = Chain::new(&Secret32::new([7; 32])).next();
//! let blob = Blob::parse(vec![0; 1_024])?;
//! let envelope = Envelope::seal_into(&slot, blob, 30, 0);
//! assert_eq!(envelope.verify(), Ok(()));
//! assert_eq!(Envelope::decode(&envelope.encode()), Ok(envelope));
//! # Ok::<(), proto::envelope::EnvelopeError>(())
//! ```

#![deny(missing_docs)]

pub mod id;
pub mod limits;
pub mod wire;

pub mod envelope;

pub mod store;
pub mod tables;

pub mod link;
pub mod mailbox;

pub mod descriptor;
pub mod invite;
pub mod text;

pub mod frame;
pub mod router;

#[cfg(feature = "sim")]
pub mod sim;

mod chance;
