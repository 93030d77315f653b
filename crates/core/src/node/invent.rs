//! A large profile on disk out of nothing, so that programs can measure one. Never part of the product: feature `invent`.

use std::path::Path;

use proto::store::{Batch, MemoryStore, Overlay, Store as _};
use store::{Options, SealedStore};

use super::NodeError;
use crate::engine::Engine;

/// Makes a profile in `directory` and fills it as [`crate::invent::fill`] does.
///
/// # Errors
/// [`NodeError`], whose text says what to do.
pub fn profile(
    directory: &Path,
    passphrase: &[u8],
    cost: crate::Cost,
    contacts: u32,
    messages: u64,
    text: impl Fn(u64) -> String,
) -> Result<(), NodeError> {
    let mut rng = rand::rng();
    let (mut batch, nothing) = (Batch::new(), MemoryStore::new());
    Engine::create("invented", &mut Overlay::new(&nothing, &mut batch), &mut rng);
    let mut store = SealedStore::create(directory, passphrase, cost, Options::default(), &mut rng)?;
    store.commit(batch)?;
    if contacts > 0 {
        crate::invent::fill(&mut store, contacts, messages, text)?;
    }
    Ok(())
}
