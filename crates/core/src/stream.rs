//! A reliable, ordered stream between two devices: numbers, acknowledgement, hold-back; no network and no clock.
//!
//! Each side numbers what it sends from 1. A [`Segment`] is the plaintext of one ratchet message: a run of items
//! and word of what has come from the other side. The stream's numbers are apart from the ratchet's, so what the
//! ratchet can no longer open is sent again under the same number and is read once.
//!
//! Format: `docs/protocol/10-stream.md`, section 1.

use std::collections::BTreeSet;

/// Ranges named in one acknowledgement beyond the cumulative one.
pub const SACK_RANGES_MAX: usize = 16;
/// Items held back for one gap. What comes further ahead is not acknowledged, so it is sent again.
pub const HELD_ITEMS_MAX: u64 = 1_000;
/// Items in one segment: a full envelope of the largest class cannot hold more of even the shortest.
pub const SEGMENT_ITEMS_MAX: usize = 4_096;

/// What one side knows to have come from the other.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Ack {
    /// Every item up to this one is kept.
    pub upto: u64,
    /// Further kept items, as inclusive ranges in rising order.
    pub ranges: Vec<(u64, u64)>,
    /// One more than the highest slot of the sender's drop, in the generation that carries this, that came.
    pub slots: u32,
    /// Which half of the other side these numbers are of; those of another say nothing.
    pub half: u32,
}

/// The plaintext of one ratchet message.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Segment {
    /// The number of the first item.
    pub first: u64,
    /// Items with rising numbers.
    pub items: Vec<Vec<u8>>,
    /// What has come from the other side.
    pub ack: Ack,
    /// Every item up to this one has been sealed in some segment, this one or an earlier.
    pub sealed: u64,
    /// Which half the items' numbers are of: what the sender numbers from 1 until it begins anew.
    pub half: u32,
}

/// The bytes are no segment.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the segment is malformed")]
pub struct SegmentError;

impl From<minicbor::decode::Error> for SegmentError {
    fn from(_: minicbor::decode::Error) -> Self {
        Self
    }
}

impl Segment {
    /// Bytes that a segment needs beside its items, at most.
    pub const OVERHEAD_BYTES: usize = 67 + SACK_RANGES_MAX * 19;
    /// Bytes that each item needs beside its own, at most.
    pub const ITEM_OVERHEAD_BYTES: usize = 3;

    /// Returns the bytes of this segment.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64 + self.items.iter().map(|i| i.len() + 3).sum::<usize>());
        self.write(&mut minicbor::Encoder::new(&mut bytes)).expect("a vector takes all bytes");
        bytes
    }

    fn write(
        &self,
        e: &mut minicbor::Encoder<&mut Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        e.array(8)?.u64(self.first)?.array(self.items.len() as u64)?;
        for item in &self.items {
            e.bytes(item)?;
        }
        e.u64(self.ack.upto)?.array(self.ack.ranges.len() as u64 * 2)?;
        for (from, to) in &self.ack.ranges {
            e.u64(*from)?.u64(*to)?;
        }
        e.u32(self.ack.slots)?.u64(self.sealed)?.u32(self.half)?.u32(self.ack.half)?;
        Ok(())
    }

    /// Reads one segment.
    ///
    /// # Errors
    /// [`SegmentError`] if the bytes are anything else, or an acknowledgement contradicts itself.
    pub fn decode(bytes: &[u8]) -> Result<Self, SegmentError> {
        let mut d = minicbor::Decoder::new(bytes);
        if d.array()? != Some(8) {
            return Err(SegmentError);
        }
        let first = d.u64()?;
        let count = d.array()?.filter(|n| *n <= SEGMENT_ITEMS_MAX as u64).ok_or(SegmentError)?;
        if first.checked_add(count).is_none() {
            return Err(SegmentError);
        }
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(d.bytes()?.to_vec());
        }
        let upto = d.u64()?;
        let edges =
            d.array()?.filter(|n| n % 2 == 0 && *n <= 2 * SACK_RANGES_MAX as u64).ok_or(SegmentError)?;
        let mut ranges = Vec::new();
        let mut below = upto;
        for _ in 0..edges / 2 {
            let (from, to) = (d.u64()?, d.u64()?);
            if from <= below || to < from || to - upto > HELD_ITEMS_MAX {
                return Err(SegmentError);
            }
            below = to;
            ranges.push((from, to));
        }
        let (slots, sealed) = (d.u32()?, d.u64()?);
        let (half, acked_half) = (d.u32()?, d.u32()?);
        if d.position() != bytes.len() {
            return Err(SegmentError);
        }
        Ok(Self { first, items, ack: Ack { upto, ranges, slots, half: acked_half }, sealed, half })
    }
}

/// What becomes of an item that came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Take {
    /// The next in order: it is for the reader now.
    Next,
    /// Ahead of a gap: keep it until the gap closes.
    Hold,
    /// It had come before.
    Duplicate,
    /// So far ahead that it is not kept; it will be sent again.
    TooFar,
}

/// What has come of the other side's half.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Receiver {
    half: Option<u32>,
    upto: u64,
    beyond: BTreeSet<u64>,
}

impl Default for Receiver {
    fn default() -> Self {
        Self::anew(Some(0))
    }
}

impl Receiver {
    /// Returns one to which nothing has come of this half, or of whichever will be the first.
    pub fn anew(half: Option<u32>) -> Self {
        Self::restore(half, 0, [])
    }

    /// Returns a receiver as it stood: all up to `upto` of a half, and the held numbers `beyond`.
    pub fn restore(half: Option<u32>, upto: u64, beyond: impl IntoIterator<Item = u64>) -> Self {
        Self { half, upto, beyond: beyond.into_iter().collect() }
    }

    /// Returns the half that is read, if one is.
    pub fn half(&self) -> Option<u32> {
        self.half
    }

    /// Returns the number up to which every item has come.
    pub fn upto(&self) -> u64 {
        self.upto
    }

    /// Tells whether nothing has come.
    pub fn is_untouched(&self) -> bool {
        self.upto == 0 && self.beyond.is_empty()
    }

    /// Judges the item `number` and notes that it has come.
    pub fn take(&mut self, number: u64) -> Take {
        if number <= self.upto || self.beyond.contains(&number) {
            Take::Duplicate
        } else if number == self.upto + 1 {
            self.upto += 1;
            Take::Next
        } else if number - self.upto > HELD_ITEMS_MAX {
            Take::TooFar
        } else {
            self.beyond.insert(number);
            Take::Hold
        }
    }

    /// Tells whether a held number is the next in order.
    pub fn is_ready(&self) -> bool {
        self.beyond.contains(&(self.upto + 1))
    }

    /// Returns the held number that has become the next in order, once for each.
    pub fn release(&mut self) -> Option<u64> {
        let next = self.upto + 1;
        self.beyond.remove(&next).then(|| {
            self.upto = next;
            next
        })
    }

    /// Returns what to tell the other side, at most [`SACK_RANGES_MAX`] ranges.
    pub fn ack(&self, slots: u32) -> Ack {
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for number in &self.beyond {
            let full = ranges.len() == SACK_RANGES_MAX;
            match ranges.last_mut() {
                Some((_, to)) if *to + 1 == *number => *to = *number,
                _ if full => break,
                _ => ranges.push((*number, *number)),
            }
        }
        Ack { upto: self.upto, ranges, slots, half: self.half.unwrap_or_default() }
    }
}

/// Our half: which numbers are given, under way and acknowledged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sender {
    half: u32,
    next: u64,
    sealed: u64,
    upto: u64,
    beyond: BTreeSet<u64>,
}

impl Default for Sender {
    fn default() -> Self {
        Self::anew(0)
    }
}

impl Sender {
    /// Returns one that has given no number of this half yet.
    pub fn anew(half: u32) -> Self {
        Self::restore(half, 1, 0, 0, [])
    }

    /// Returns a sender as it stood.
    pub fn restore(
        half: u32,
        next: u64,
        sealed: u64,
        upto: u64,
        beyond: impl IntoIterator<Item = u64>,
    ) -> Self {
        Self { half, next, sealed, upto, beyond: beyond.into_iter().collect() }
    }

    /// Returns the half whose numbers these are.
    pub fn half(&self) -> u32 {
        self.half
    }

    /// Gives the next number.
    pub fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// Returns the next number to give.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Returns the number up to which all have been sealed in an envelope at least once.
    pub fn sealed(&self) -> u64 {
        self.sealed
    }

    /// Returns the number up to which all are acknowledged.
    pub fn acked(&self) -> u64 {
        self.upto
    }

    /// Returns the acknowledged numbers above [`Sender::acked`].
    pub fn beyond(&self) -> impl Iterator<Item = u64> + '_ {
        self.beyond.iter().copied()
    }

    /// Tells whether nothing is acknowledged.
    pub fn is_untouched(&self) -> bool {
        self.upto == 0 && self.beyond.is_empty()
    }

    /// Tells whether items wait to be sealed for the first time.
    pub fn has_unsealed(&self) -> bool {
        self.sealed + 1 < self.next
    }

    /// Notes that all up to `number` are sealed.
    pub fn mark_sealed(&mut self, number: u64) {
        self.sealed = self.sealed.max(number.min(self.next - 1));
    }

    /// Tells whether the other side has said that `number` is kept.
    pub fn is_acked(&self, number: u64) -> bool {
        number <= self.upto || self.beyond.contains(&number)
    }

    /// Takes the other side's word and returns the numbers that are newly acknowledged, in order.
    ///
    /// Numbers that were never sealed are ignored: nobody can acknowledge what was not sent. So are those of another half.
    pub fn on_ack(&mut self, ack: &Ack) -> Vec<u64> {
        let mut fresh = Vec::new();
        if ack.half != self.half {
            return fresh;
        }
        let upto = ack.upto.min(self.sealed);
        for number in self.upto + 1..=upto {
            if !self.beyond.remove(&number) {
                fresh.push(number);
            }
        }
        self.upto = self.upto.max(upto);
        for (from, to) in &ack.ranges {
            for number in (*from).max(self.upto + 1)..=(*to).min(self.sealed) {
                if self.beyond.insert(number) {
                    fresh.push(number);
                }
            }
        }
        while self.beyond.remove(&(self.upto + 1)) {
            self.upto += 1;
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_order_and_repetition_gives_each_item_once_and_in_order(
            order in proptest::collection::vec(1u64..60, 0..400),
        ) {
            let mut receiver = Receiver::default();
            let mut read = Vec::new();
            for number in order.iter().copied().chain(1..60) {
                if receiver.take(number) == Take::Next {
                    read.push(number);
                }
                while let Some(number) = receiver.release() {
                    read.push(number);
                }
            }
            prop_assert_eq!(read, (1..60).collect::<Vec<_>>());
            prop_assert_eq!(receiver.ack(0).ranges, vec![]);
        }

        #[test]
        fn the_sender_learns_exactly_what_the_receiver_has(numbers in proptest::collection::btree_set(1u64..80, 0..60)) {
            let (mut sender, mut receiver) = (Sender::default(), Receiver::default());
            while sender.next() < 80 {
                sender.number();
            }
            sender.mark_sealed(79);
            let mut fresh = Vec::new();
            for number in &numbers {
                receiver.take(*number);
                while receiver.release().is_some() {}
                fresh.extend(sender.on_ack(&Segment::decode(
                    &Segment { ack: receiver.ack(0), ..Default::default() }.encode()).unwrap().ack));
            }
            fresh.sort_unstable();
            let told: Vec<u64> = (1..80).filter(|n| sender.is_acked(*n)).collect();
            prop_assert_eq!(&fresh, &told);
            // With more than sixteen islands the rest is told later, never wrongly.
            prop_assert!(told.iter().all(|n| numbers.contains(n)));
        }

        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Segment::decode(&bytes);
        }
    }

    #[test]
    fn an_acknowledgement_of_what_was_never_sent_is_worth_nothing() {
        let mut sender = Sender::default();
        sender.number();
        let ack = |upto, half| Ack { upto, half, ..Ack::default() };
        assert_eq!(sender.on_ack(&ack(9, 0)), Vec::<u64>::new());
        sender.mark_sealed(1);
        assert_eq!(sender.on_ack(&ack(u64::MAX, 7)), Vec::<u64>::new(), "of another half");
        assert_eq!(sender.on_ack(&ack(u64::MAX, 0)), vec![1]);
    }

    #[test]
    fn what_comes_too_far_ahead_is_not_acknowledged() {
        let mut receiver = Receiver::default();
        assert_eq!(receiver.take(HELD_ITEMS_MAX + 1), Take::TooFar);
        assert_eq!(receiver.take(HELD_ITEMS_MAX), Take::Hold);
        assert_eq!(receiver.ack(0).ranges, vec![(HELD_ITEMS_MAX, HELD_ITEMS_MAX)]);
    }
}
