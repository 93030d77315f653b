//! What lies in the memory of another process, and whether a secret does.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// How many bytes in a row must be equal to count as found.
const WINDOW: usize = 16;

/// Returns all memory that a process can write, region after region: what it has learnt can be nowhere else.
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
        if rights.starts_with("rw") && memory.read_exact_at(&mut region, from).is_ok() {
            all.append(&mut region);
        }
    }
    assert!(all.len() > 1 << 18, "a running program has more memory than this");
    Ok(all)
}

/// Pieces of secrets, each of which would give its secret away.
pub(crate) struct Needles<'a> {
    windows: HashMap<[u8; WINDOW], &'a str>,
    /// Which beginnings occur, so that most places are passed over at once.
    begins: Vec<bool>,
}

impl<'a> Needles<'a> {
    /// All windows of the secrets in which bytes differ enough that chance does not make them.
    pub(crate) fn of(secrets: &[(&'a str, &[u8])]) -> Self {
        let differing = |window: &[u8]| window.iter().collect::<HashSet<_>>().len() >= 8;
        let (mut windows, mut begins) = (HashMap::new(), vec![false; 1 << 24]);
        for (name, secret) in secrets {
            let before = windows.len();
            for window in secret.windows(WINDOW).filter(|window| differing(window)) {
                begins[beginning(window)] = true;
                windows.insert(window.try_into().expect("a window has its length"), *name);
            }
            assert!(windows.len() > before, "{name} is too short or too plain to be looked for");
        }
        Self { windows, begins }
    }

    /// Which secrets lie in a memory, in whole or in part.
    pub(crate) fn found_in(&self, memory: &[u8]) -> BTreeSet<&'a str> {
        let hits = memory.windows(WINDOW).filter(|window| self.begins[beginning(window)]);
        hits.filter_map(|window| self.windows.get(window).copied()).collect()
    }
}

fn beginning(window: &[u8]) -> usize {
    usize::from(window[0]) << 16 | usize::from(window[1]) << 8 | usize::from(window[2])
}
