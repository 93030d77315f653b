//! Carriage of sealed envelopes: what is kept and what travels, decided without socket, disk or clock.

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
