//! A relay that holds mail for people who are away and cannot read it.

pub mod config;
pub mod units;
