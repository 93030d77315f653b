//! A profile's directory: made, opened, and the sentences for when that cannot be.

#[cfg(test)]
mod births;
#[cfg(test)]
mod losses;

use std::path::{Path, PathBuf};
use std::time::Instant;

use crypto::backup::{BackupSecret, Sealer};
use crypto::vault::Cost;
use proto::id::Moment;
use proto::store::{Batch, Overlay, Store as _, StoreError};
use store::{Options, Role, SealedStore};

use super::Config;
use super::place::{self, MAKING};
use crate::engine::loss::{Gap, Loss, Untold};
use crate::engine::{CommandError, Engine, Now};
use crate::event::Notice;

/// What somebody is called whose name was never written.
const NAMELESS: &str = "?";

/// Why a node could not be started, or did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The command changed nothing.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The profile's files cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The profile's directory cannot be made or opened.
    #[error(transparent)]
    Open(#[from] store::OpenError),
    /// A backup cannot be made or restored.
    #[error(transparent)]
    Backup(#[from] super::TransferError),
    /// The network cannot be started.
    #[error("the network cannot be started: {0}")]
    Network(#[from] net::StartError),
    /// The node has ended.
    #[error("the node has ended: start it again")]
    Stopped,
}

/// A profile that was opened.
pub(crate) struct Opened {
    pub(crate) store: SealedStore,
    pub(crate) engine: Engine,
    pub(crate) notices: Vec<Notice>,
    pub(crate) started: Instant,
    pub(crate) folder: PathBuf,
}

pub(crate) async fn create(
    directory: &Path,
    passphrase: &[u8],
    config: &Config,
) -> Result<Opened, NodeError> {
    let (directory, passphrase) = (directory.to_owned(), zeroize::Zeroizing::new(passphrase.to_vec()));
    let (name, cost) = (config.name.clone(), config.cost);
    blocking(move || {
        place::make(&directory, MAKING, |growing| -> Result<(), NodeError> {
            let options = Options::default();
            let mut store = SealedStore::create(growing, &passphrase, cost, options, &mut rand::rng())?;
            put_owner(&mut store, &name)?;
            Ok(store.close()?)
        })?;
        open_in(directory, &passphrase)
    })
    .await
}

pub(crate) async fn open(directory: &Path, passphrase: &[u8]) -> Result<Opened, NodeError> {
    let (directory, passphrase) = (directory.to_owned(), zeroize::Zeroizing::new(passphrase.to_vec()));
    blocking(move || open_in(directory, &passphrase)).await
}

fn open_in(directory: PathBuf, passphrase: &[u8]) -> Result<Opened, NodeError> {
    open_by(&|folder| SealedStore::open(folder, passphrase, Options::default()), &directory)
}

/// A store that was opened, and what was found on the way.
type Found = Result<(SealedStore, store::OpenReport), store::OpenError>;

/// Damage that an index hides is met when the profile is loaded. The store makes a new index as it is let go of, so a second
/// opening finds what is lost and repairs it.
fn open_by(open: &dyn Fn(&Path) -> Found, folder: &Path) -> Result<Opened, NodeError> {
    let once = || {
        let (mut store, report) = open(folder)?;
        if matches!(store.role(), Role::Decoy { .. }) && !Engine::has_owner(&store)? {
            // The power went between a decoy's passphrase and its profile. Who has to open it now must find one.
            put_owner(&mut store, NAMELESS)?;
        }
        let notices = recover(&mut store, &report)?;
        load(store, folder.to_owned(), notices)
    };
    match once() {
        Err(NodeError::Store(StoreError::Corrupt(_))) => once(),
        opened => opened,
    }
}

/// Puts somebody into an empty store.
fn put_owner(store: &mut SealedStore, name: &str) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    Engine::create(name, &mut Overlay::new(store, &mut batch), &mut rand::rng());
    store.commit(batch)
}

/// Acts on what was found while the store opened. Returns what the person must hear.
fn recover(store: &mut SealedStore, report: &store::OpenReport) -> Result<Vec<Notice>, StoreError> {
    let is_news = Engine::note_loss(store, &loss(report))?;
    store.know_gaps(Engine::known_gaps(store)?);
    // What came back older than it was may have been used since.
    if is_news || Engine::is_half_cleared(store)? {
        Engine::survive_loss(store)?;
    }
    if report.is_loss() {
        // From here on the log is what it is: only who reads it from its beginning finds the loss again.
        store.checkpoint()?;
    }
    // That nothing was lost is said only if it is so; a new layout is no damage, and nobody's business.
    let was_damaged = report.rebuilt.is_some_and(|reason| reason != store::Rebuilt::OtherLayout);
    let rebuilt = (was_damaged && !is_news).then_some(Notice::IndexRebuilt);
    let untold = Engine::untold_loss(store)?.unwrap_or_default();
    Ok(rebuilt.into_iter().chain(told(&untold)).collect())
}

/// Derives what seals a backup: half a second of work that nobody else waits for.
pub(crate) async fn begin_backup(secret: &BackupSecret, cost: Cost) -> Result<super::SealedHead, NodeError> {
    let secret = secret.clone();
    let begin = move || Sealer::new(&secret, cost, &mut rand::rng()).map_err(super::TransferError::from);
    blocking(move || Ok(begin()?)).await
}

pub(crate) async fn restore(
    path: &Path,
    secret: &BackupSecret,
    directory: &Path,
    passphrase: &[u8],
    cost: Cost,
) -> Result<(), NodeError> {
    let (path, directory, secret) = (path.to_owned(), directory.to_owned(), secret.clone());
    let passphrase = zeroize::Zeroizing::new(passphrase.to_vec());
    blocking(move || Ok(super::backup::restore(&path, &secret, &directory, &passphrase, cost)?)).await
}

/// Makes a decoy, or takes it away.
pub(crate) fn set_duress(
    store: &mut SealedStore,
    decoy: Option<super::Decoy>,
) -> Result<(), store::OpenError> {
    let Some(decoy) = decoy else { return store.remove_duress() };
    let mut made = store.create_duress(&decoy.passphrase, decoy.destroys)?;
    put_owner(&mut made, &decoy.name)?;
    made.close()?;
    Ok(())
}

fn loss(report: &store::OpenReport) -> Loss {
    Loss {
        gaps: report.gaps.iter().map(|gap| Gap { name: gap.between, commits: gap.commits }).collect(),
        commits: report.lost_commits,
        files: report.missing_segments,
        rolled_back: report.rolled_back,
    }
}

fn told(untold: &Untold) -> impl Iterator<Item = Notice> + use<> {
    let Untold { commits, files, rolled_back } = *untold;
    let damaged = (commits > 0 || files > 0).then_some(Notice::LogDamaged { commits, files });
    damaged.into_iter().chain(rolled_back.then_some(Notice::RolledBack))
}

fn load(store: SealedStore, folder: PathBuf, notices: Vec<Notice>) -> Result<Opened, NodeError> {
    let now = Now { moment: Moment(0), label_ms: None };
    let mut batch = Batch::new();
    let engine = Engine::load(now, &Overlay::new(&store, &mut batch))?;
    Ok(Opened { store, engine, notices, started: Instant::now(), folder })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NodeError> + Send + 'static,
) -> Result<T, NodeError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| NodeError::Stopped)?
}
