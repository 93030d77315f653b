//! Which positions are asked for next: hits, hidden among decoys that look like them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crypto::CryptoRng;
use crypto::seal::Class;

use super::Cursor;
use crate::chance;
use crate::limits;

/// What has been asked for, and what could serve as a decoy.
#[derive(Debug, Default)]
pub(super) struct Fetch {
    /// Positions in requests under way.
    asked: BTreeSet<u64>,
    /// Decoys that were asked for and not answered. They are asked for again as hits are, or they would stand out.
    decoys: BTreeMap<u64, Class>,
    /// Entries seen lately that no one here wants and that were not pushed.
    others: VecDeque<(u64, Class)>,
    requests: usize,
    paused: bool,
}

/// GETs under way at one relay.
const REQUESTS_MAX: usize = 4;

/// Entries remembered as possible decoys.
const OTHERS_MAX: usize = 1_024;

/// Decoys for one hit at least.
const DECOYS_MIN: usize = 2;

/// Hits in one request at most: half of the positions, so that as many decoys fit.
const HITS_MAX: usize = limits::GET_POSITIONS_MAX / 2;

/// Draws for a decoy of the right class before any smaller one is taken, and then any place of the list.
const DRAWS: usize = 16;

/// How far behind the newest entry that was read a decoy lies that was not seen lately.
const BEHIND_MAX: u64 = 256;

impl Fetch {
    /// The positions of the next GET, in an order that says nothing.
    pub(super) fn next(&mut self, cursor: &Cursor, rng: &mut dyn CryptoRng) -> Option<Vec<u64>> {
        if self.paused || self.requests >= REQUESTS_MAX {
            return None;
        }
        let mut positions = Vec::new();
        let mut bytes = 0;
        let mut classes = Vec::new();
        let open = |asked: &BTreeSet<u64>, position: &u64| !asked.contains(position);
        for (position, hit) in &cursor.hits {
            let full = bytes + hit.class.bytes() > limits::BATCH_BYTES_MAX;
            if positions.len() >= HITS_MAX || (full && !positions.is_empty()) {
                break;
            }
            if open(&self.asked, position) {
                bytes += hit.class.bytes();
                positions.push(*position);
                classes.push(hit.class);
            }
        }
        if positions.is_empty() {
            return None;
        }
        self.add_decoys(&mut positions, &classes, cursor, rng);
        chance::shuffle(&mut positions, rng);
        self.asked.extend(&positions);
        self.requests += 1;
        Some(positions)
    }

    fn add_decoys(
        &mut self,
        positions: &mut Vec<u64>,
        classes: &[Class],
        cursor: &Cursor,
        rng: &mut dyn CryptoRng,
    ) {
        let count = classes.len().max(DECOYS_MIN);
        let largest = classes.iter().map(|class| class.bytes()).max().unwrap_or(0);
        let unanswered: Vec<u64> = self
            .decoys
            .keys()
            .filter(|position| !self.asked.contains(position))
            .copied()
            .take(count)
            .collect();
        let mut added = unanswered.len();
        positions.extend(unanswered);
        while added < count {
            let like = classes[added % classes.len()];
            // Beyond the least number a decoy of another kind is not worth its bytes.
            let drawn = self.draw(like, largest, positions, cursor, rng);
            let any = || (added < DECOYS_MIN).then(|| self.draw_any(positions, cursor, rng)).flatten();
            let Some((position, class)) = drawn.or_else(any) else { return };
            self.decoys.insert(position, class);
            positions.push(position);
            added += 1;
        }
    }

    /// A decoy like a hit of class `like`: of that class if one is found, else no larger than the largest hit.
    fn draw(
        &self,
        like: Class,
        largest: usize,
        taken: &[u64],
        cursor: &Cursor,
        rng: &mut dyn CryptoRng,
    ) -> Option<(u64, Class)> {
        let mut second = None;
        for _ in 0..DRAWS {
            let place = chance::below(self.others.len() as u64, rng) as usize;
            let Some((position, class)) = self.others.get(place).copied() else {
                break;
            };
            let used = taken.contains(&position)
                || self.asked.contains(&position)
                || cursor.hits.contains_key(&position);
            if !used && class == like {
                return Some((position, class));
            }
            if !used && class.bytes() <= largest {
                second = Some((position, class));
            }
        }
        second
    }

    /// A decoy that is any place of the list before where the client stands: after a start, and where nearly all is
    /// pushed, nothing else is known that could be one.
    fn draw_any(&self, taken: &[u64], cursor: &Cursor, rng: &mut dyn CryptoRng) -> Option<(u64, Class)> {
        let behind = cursor.position.min(BEHIND_MAX);
        let is_free = |position: &u64| {
            !taken.contains(position)
                && !self.asked.contains(position)
                && !cursor.hits.contains_key(position)
                && !self.decoys.contains_key(position)
        };
        let free: Vec<u64> = (cursor.position - behind..cursor.position).filter(is_free).collect();
        let place = chance::below(free.len() as u64, rng) as usize;
        free.get(place).map(|position| (*position, Class::C0))
    }

    pub(super) fn note_others(&mut self, others: Vec<(u64, Class)>) {
        self.others.extend(others);
        let excess = self.others.len().saturating_sub(OTHERS_MAX);
        self.others.drain(..excess);
    }

    /// A request is over: what it asked for may be asked for again.
    pub(super) fn unask(&mut self, positions: &[u64]) {
        for position in positions {
            self.asked.remove(position);
        }
        self.requests = self.requests.saturating_sub(1);
    }

    /// A position was answered; it need not be asked for again.
    pub(super) fn answered(&mut self, position: u64) {
        self.decoys.remove(&position);
    }

    pub(super) fn forget_asked(&mut self) {
        self.asked.clear();
        self.decoys.clear();
        self.requests = 0;
        self.paused = false;
    }

    pub(super) fn clear(&mut self) {
        self.asked.clear();
        self.decoys.clear();
        self.others.clear();
    }

    /// Asks for nothing until the list is known again.
    pub(super) fn pause(&mut self) {
        self.paused = true;
    }

    pub(super) fn go_on(&mut self) {
        self.paused = false;
    }
}
