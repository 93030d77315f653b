//! What is read off the machine: processor time, memory, the floor of a durable write, and quantiles of times.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Processor seconds of this process, user and system.
pub(crate) fn processor() -> f64 {
    // SAFETY: the struct is plain numbers, all zeros is a valid one, and the call fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

/// A line of `/proc/self/status` such as `VmRSS`, in MiB.
pub(crate) fn memory(name: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

/// Times 200 durable writes of 4 KiB at the end of a file: what one commit costs at the very least.
pub(crate) fn fdatasync(place: &Path) -> std::io::Result<Vec<Duration>> {
    let mut file = std::fs::File::create(place.join("floor"))?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    Ok(times)
}

/// The time below which so many percent lie, in milliseconds.
pub(crate) fn percentile(times: &[Duration], percent: usize) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}
