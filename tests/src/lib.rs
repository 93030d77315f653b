//! What the stories share: a laboratory of real hosts, the harness that tells them, the programs they run.

#![deny(missing_docs)]

pub mod lab;
pub mod program;
pub mod story;
pub mod world;
