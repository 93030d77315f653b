//! Opens seals on every core before a turn.

use std::sync::OnceLock;

use crate::engine::{OpenedSeal, SealJob};

/// Fewer than this on a core are not worth a thread, which costs about as much as opening one.
const JOBS_PER_THREAD: usize = 8;

/// How many cores there are. To ask means to read several files, which no message should wait for.
static CORES: OnceLock<usize> = OnceLock::new();

/// Runs the jobs, a share on each core, and returns when all are done.
pub(crate) fn run(mut jobs: Vec<SealJob>) -> Vec<OpenedSeal> {
    if jobs.len() < 2 * JOBS_PER_THREAD {
        return run_here(jobs);
    }
    let cores = *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from));
    let threads = (jobs.len() / JOBS_PER_THREAD).clamp(1, cores);
    let share = jobs.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let mut others = Vec::new();
        while jobs.len() > share {
            let theirs = jobs.split_off(jobs.len() - share);
            let builder = std::thread::Builder::new().name("madang-seals".into());
            // Where no thread can be had, the turn opens these seals itself.
            others.extend(builder.spawn_scoped(scope, move || run_here(theirs)));
        }
        let mut opened = run_here(jobs);
        for other in others {
            opened.extend(other.join().unwrap_or_default());
        }
        opened
    })
}

fn run_here(jobs: Vec<SealJob>) -> Vec<OpenedSeal> {
    jobs.into_iter().map(SealJob::run).collect()
}
