//! Opens the seals of one turn on other cores, while the turn before it is decided.

use std::sync::OnceLock;
use std::thread::JoinHandle;

use crate::engine::{OpenedSeal, SealJob};

/// Fewer than this on a core are not worth a thread, which costs about as much as opening one.
const JOBS_PER_THREAD: usize = 8;

/// How many cores there are. To ask means to read several files, which no message should wait for.
static CORES: OnceLock<usize> = OnceLock::new();

/// Seals that are being opened.
pub(crate) struct Opening(Vec<JoinHandle<Vec<OpenedSeal>>>);

impl Opening {
    /// Starts to open many seals, a share on each core but the one that decides. Gives back few, which are opened
    /// faster than a thread is started.
    pub(crate) fn start(mut jobs: Vec<SealJob>) -> Result<Self, Vec<SealJob>> {
        if jobs.len() < JOBS_PER_THREAD {
            return Err(jobs);
        }
        let cores = *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from));
        let threads = (jobs.len() / JOBS_PER_THREAD).min(cores.saturating_sub(1)).max(1);
        let share = jobs.len().div_ceil(threads);
        let mut handles = Vec::new();
        while !jobs.is_empty() {
            let theirs = jobs.split_off(jobs.len().saturating_sub(share));
            let builder = std::thread::Builder::new().name("madang-seals".into());
            // Where no thread can be had, the turn opens these seals itself.
            handles.extend(builder.spawn(move || run(theirs)));
        }
        Ok(Self(handles))
    }

    /// Waits until all are open.
    pub(crate) fn finish(self) -> Vec<OpenedSeal> {
        self.0.into_iter().flat_map(|handle| handle.join().unwrap_or_default()).collect()
    }
}

/// Opens seals here and now.
pub(crate) fn run(jobs: Vec<SealJob>) -> Vec<OpenedSeal> {
    jobs.into_iter().map(SealJob::run).collect()
}
