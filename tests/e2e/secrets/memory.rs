//! What lies in the memory of another process, and whether a secret does.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// How many bytes in a row must be equal to count as found.
const WINDOW: usize = 16;

/// Returns all readable memory of a process, region after region.
///
/// # Errors
/// If the kernel does not allow it.
pub(crate) fn of(process: u32) -> io::Result<Vec<u8>> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps"))?;
    let memory = File::open(format!("/proc/{process}/mem"))?;
    let mut all = Vec::new();
    for line in maps.lines().filter(|line| !line.ends_with("[vvar]") && !line.ends_with("[vsyscall]")) {
        let mut words = line.split_whitespace();
        let range = words.next().and_then(|range| range.split_once('-'));
        let (Some((from, to)), Some(rights)) = (range, words.next()) else { continue };
        let edge = |text| u64::from_str_radix(text, 16).map_err(io::Error::other);
        let (from, to) = (edge(from)?, edge(to)?);
        let mut region = vec![0; (to - from) as usize];
        // Guard pages and devices say no; what they hide is no memory of the program.
        if rights.starts_with('r') && memory.read_exact_at(&mut region, from).is_ok() {
            all.append(&mut region);
        }
    }
    assert!(all.len() > 1 << 20, "a running program has more memory than this");
    Ok(all)
}

/// Pieces of a secret, each of which would give it away.
pub(crate) struct Needles {
    windows: HashSet<[u8; WINDOW]>,
    /// Which beginnings occur, so that most places are passed over at once.
    begins: Vec<bool>,
}

impl Needles {
    /// All windows of a secret in which bytes differ enough that chance does not make them.
    pub(crate) fn of(secret: &[u8]) -> Self {
        let differing = |window: &[u8]| window.iter().collect::<HashSet<_>>().len() >= 8;
        let windows: HashSet<[u8; WINDOW]> = secret
            .windows(WINDOW)
            .filter(|window| differing(window))
            .filter_map(|window| window.try_into().ok())
            .collect();
        assert!(!windows.is_empty(), "the secret is too short or too plain to be looked for");
        let mut begins = vec![false; 1 << 24];
        windows.iter().for_each(|window| begins[beginning(window)] = true);
        Self { windows, begins }
    }

    /// How many different pieces lie in a memory.
    pub(crate) fn found_in(&self, memory: &[u8]) -> usize {
        let hits = memory.windows(WINDOW).filter(|window| self.begins[beginning(window)]);
        hits.filter_map(|window| self.windows.get(window)).collect::<HashSet<_>>().len()
    }
}

fn beginning(window: &[u8]) -> usize {
    usize::from(window[0]) << 16 | usize::from(window[1]) << 8 | usize::from(window[2])
}
