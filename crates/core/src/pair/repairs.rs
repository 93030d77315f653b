//! Repairs: which stream one of ours has begun, and what one of theirs means for it.

use std::collections::VecDeque;
use std::time::Duration;

use super::generation::{Generation, Phase};
use super::{APART, Pair};
use crate::content::RepairName;
use crate::event::Place;
use crate::uptime::Used;

/// Repairs of the other side that are taken within [`REPAIRS_SPAN`] of use. Each is a handshake and a new stream.
pub(crate) const REPAIRS_TAKEN_MAX: usize = 8;
/// See [`REPAIRS_TAKEN_MAX`].
pub(crate) const REPAIRS_SPAN: Duration = Duration::from_secs(3_600);

/// How often the other side has begun anew in this life.
#[derive(Default)]
pub(crate) struct RepairPace {
    /// When the last of them were taken, oldest first.
    taken: VecDeque<Used>,
    /// The newest that was one too many: its slot, and it as it came.
    late: Option<(u32, Vec<u8>)>,
}

impl RepairPace {
    /// Notes that one is taken, or keeps it until its time has come, in the place of another that waits. Returns whether
    /// it is taken.
    pub(crate) fn take(&mut self, now: Used, slot: u32, blob: &[u8]) -> bool {
        if self.due().is_some_and(|due| due > now) {
            self.late = Some((slot, blob.to_vec()));
            return false;
        }
        if self.taken.len() == REPAIRS_TAKEN_MAX {
            self.taken.pop_front();
        }
        self.taken.push_back(now);
        true
    }

    /// The use from which on one more is taken; none if one is taken at any time.
    fn due(&self) -> Option<Used> {
        let is_full = self.taken.len() == REPAIRS_TAKEN_MAX;
        self.taken.front().filter(|_| is_full).map(|first| first.plus(REPAIRS_SPAN))
    }

    /// Returns the one that waits, if its time has come.
    pub(crate) fn ripe(&mut self, now: Used) -> Option<(u32, Vec<u8>)> {
        if self.due().is_some_and(|due| due > now) { None } else { self.late.take() }
    }
}

/// A walk through a history for what is to be sent again, newest first, some of it in each turn.
#[derive(Default)]
pub(crate) struct Again {
    /// Where it goes on: at or below this place. Not begun if there is none.
    pub(crate) from: Option<u64>,
    /// What was found, newest first.
    pub(crate) found: Vec<Place>,
}

impl Pair {
    /// Tells whether it is being said by a repair that this device was called back.
    pub(crate) fn says_call_back(&self) -> bool {
        self.generations.values().any(|g| g.depth == APART && g.says_repair())
    }

    /// The use at which a repair of theirs that was one too many is opened.
    pub(crate) fn late_repair_due(&self) -> Option<Used> {
        self.repairs.late.as_ref()?;
        self.repairs.due()
    }

    /// The generation of the repair of ours that began the stream that runs.
    fn said(&self) -> Option<&Generation> {
        let name = self.keys.said?.name;
        self.generations.values().find(|g| g.repair_name() == name)
    }

    /// Tells whether the other side knows of all that was lost here.
    pub(crate) fn is_whole(&self) -> bool {
        self.keys.said.is_none_or(|said| said.is_whole) || !self.sender.is_untouched()
    }

    /// Tells whether what they say in the stream that runs counts. If a repair of ours began it, nothing does before their
    /// first item, which tells of the repairs that they know: until then one of theirs may come that crosses ours.
    pub(crate) fn has_begun(&self) -> bool {
        self.keys.said.is_none() || self.receiver.upto() > 0
    }

    /// Tells whether a repair of theirs and ours are two at once: they began it without knowing ours, and nothing that
    /// counts has gone either way in the stream that ours began.
    pub(crate) fn crosses(&self, known_to_them: &[RepairName]) -> bool {
        let is_unknown = self.said().is_some_and(|said| !known_to_them.contains(&said.repair_name()));
        is_unknown && self.sender.is_untouched() && self.receiver.is_untouched()
    }

    /// A repair of theirs crosses ours. What they began before it in this stream ends, for they count anew in it. The better
    /// of the two is sent on, or ours if they have spoken in it already.
    pub(crate) fn cross(&mut self, number: u32, now: Used) {
        let Some(ours) = self.said().map(|said| said.number) else { return };
        let stream = self.stream;
        let others = self.generations.values_mut().filter(|g| g.stream == stream && g.depth != APART);
        for other in others.filter(|g| g.number != number && g.number != ours) {
            other.stream = stream - 1;
            other.opening = None;
            other.enter(Phase::Drain { since: now, upto: u64::MAX });
        }
        let is_theirs = match (self.generations.get(&ours), self.generations.get(&number)) {
            (Some(ours), Some(theirs)) => !ours.is_heard() && theirs.sid < ours.sid,
            _ => false,
        };
        let better = if is_theirs { number } else { ours };
        if self.sending != better {
            self.send_on(better);
            self.note_word();
        }
    }

    /// Tells whether they speak where we began a repair while we send on one of theirs in which they have not heard us:
    /// that one is an old one, or was given up for ours.
    pub(crate) fn is_spoken_to_in(&self, number: u32) -> bool {
        let sending = self.sending();
        let is_tried = sending.number != number && sending.parent.is_none() && sending.seen_by_them == 0;
        is_tried && self.said().is_some_and(|said| said.number == number)
    }
}
