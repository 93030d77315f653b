//! Carriage of sealed envelopes: what is kept and what travels, decided without socket, disk or clock.

#![deny(missing_docs)]

pub mod id;
pub mod limits;
pub mod store;
