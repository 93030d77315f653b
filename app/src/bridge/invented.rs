//! A profile of invented messages, to measure on.

use std::path::Path;

/// Makes one, whose passphrase costs what it costs people. `text` says what the n-th message is.
///
/// # Errors
/// What the disk says.
pub(crate) fn profile(
    folder: &Path,
    passphrase: &str,
    contacts: u32,
    messages: u64,
    text: fn(u64) -> String,
) -> Result<(), Box<dyn std::error::Error>> {
    let cost = madang_core::Config::default().cost;
    madang_core::node::invent::profile(folder, passphrase.as_bytes(), cost, contacts, messages, text)?;
    Ok(())
}
