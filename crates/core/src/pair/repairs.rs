//! Repairs: which stream one of ours has begun, and what one of theirs means for it.

use super::generation::{Generation, Phase};
use super::{APART, Pair};
use crate::content::RepairName;
use crate::uptime::Used;

impl Pair {
    /// Tells whether it is being said by a repair that this device was called back.
    pub(crate) fn says_call_back(&self) -> bool {
        self.generations.values().any(|g| g.depth == APART && g.says_repair())
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
