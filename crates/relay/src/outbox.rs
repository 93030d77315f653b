//! Frames that a link's queue did not take yet, in their order, within bounds.

use std::collections::{BTreeMap, VecDeque};

use proto::id::LinkId;

/// Bytes that may wait for one link beside the network's own queue: a reply of the largest size to each request
/// that a client may have under way, and a full credit of batches.
const LINK_BYTES_MAX: usize = 6 << 20;
/// What a link did with a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Taken {
    /// It is in the link's queue.
    Yes,
    /// The queue is full for now.
    Full,
    /// The link is no more.
    Gone,
}

/// Frames waiting for links that are slower than what they asked for.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: BTreeMap<LinkId, Waiting>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    frames: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl Outbox {
    /// Hands a frame to its link, or keeps it behind those that wait already.
    /// Returns whether it did: `false` says that the link asks for more than it reads, and should be closed.
    pub(crate) fn push(
        &mut self,
        link: LinkId,
        frame: Vec<u8>,
        send: &mut dyn FnMut(LinkId, Vec<u8>) -> Taken,
    ) -> bool {
        if !self.waiting.contains_key(&link) {
            match send(link, frame.clone()) {
                Taken::Yes | Taken::Gone => return true,
                Taken::Full => {}
            }
        }
        let waiting = self.waiting.entry(link).or_default();
        if waiting.bytes + frame.len() > LINK_BYTES_MAX {
            self.forget(link);
            return false;
        }
        waiting.bytes += frame.len();
        self.bytes += frame.len();
        waiting.frames.push_back(frame);
        true
    }

    /// Hands on what waits for a link, until its queue is full again.
    pub(crate) fn go_on(&mut self, link: LinkId, send: &mut dyn FnMut(LinkId, Vec<u8>) -> Taken) {
        while let Some(frame) = self.waiting.get(&link).and_then(|waiting| waiting.frames.front()) {
            match send(link, frame.clone()) {
                Taken::Full => return,
                Taken::Gone => return self.forget(link),
                Taken::Yes => {}
            }
            if let Some(waiting) = self.waiting.get_mut(&link)
                && let Some(frame) = waiting.frames.pop_front()
            {
                waiting.bytes -= frame.len();
                self.bytes -= frame.len();
            }
        }
        self.forget(link);
    }

    /// Drops what waits for a link.
    pub(crate) fn forget(&mut self, link: LinkId) {
        if let Some(gone) = self.waiting.remove(&link) {
            self.bytes -= gone.bytes;
        }
    }

    /// Bytes that wait for one link.
    pub(crate) fn bytes_of(&self, link: LinkId) -> usize {
        self.waiting.get(&link).map_or(0, |waiting| waiting.bytes)
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: LinkId = LinkId(7);

    #[test]
    fn frames_keep_their_order_through_a_full_queue() {
        let mut outbox = Outbox::default();
        let mut sent = Vec::new();
        let mut room = 2;
        for number in 0..6u8 {
            let kept = outbox.push(LINK, vec![number], &mut |_, frame| {
                if room == 0 {
                    return Taken::Full;
                }
                room -= 1;
                sent.push(frame[0]);
                Taken::Yes
            });
            assert!(kept);
        }
        assert_eq!((sent.as_slice(), outbox.bytes()), ([0, 1].as_slice(), 4));
        outbox.go_on(LINK, &mut |_, frame| {
            sent.push(frame[0]);
            Taken::Yes
        });
        assert_eq!((sent.as_slice(), outbox.bytes()), ([0, 1, 2, 3, 4, 5].as_slice(), 0));
    }

    #[test]
    fn a_link_that_asks_and_does_not_read_is_given_up_within_bounds() {
        let mut outbox = Outbox::default();
        let frame = vec![0; 64 << 10];
        let pushes =
            (0..1_000).take_while(|_| outbox.push(LINK, frame.clone(), &mut |_, _| Taken::Full)).count();
        assert_eq!(pushes, LINK_BYTES_MAX / frame.len());
        assert_eq!(outbox.bytes(), 0);
    }

    #[test]
    fn a_link_that_is_gone_costs_nothing() {
        let mut outbox = Outbox::default();
        assert!(outbox.push(LINK, vec![1], &mut |_, _| Taken::Full));
        outbox.go_on(LINK, &mut |_, _| Taken::Gone);
        assert_eq!(outbox.bytes(), 0);
    }
}
