//! The frames that wait to be written on one link.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use crate::{FRAME_BYTES_MAX, SendError};

/// The bounded queue between [`crate::Network::send`] and a link's task.
#[derive(Debug)]
pub(crate) struct SendQueue {
    bytes_max: usize,
    /// Bytes that wait in all queues of the network.
    total: Arc<AtomicUsize>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    frames: VecDeque<Vec<u8>>,
    bytes: usize,
    /// A frame was refused since the queue was last half empty.
    refused: bool,
    closing: bool,
    ended: bool,
    waker: Option<Waker>,
}

/// What came out of a queue.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Taken {
    /// Whoever was refused may go on.
    pub(crate) writable: bool,
    /// The queue is empty and takes no more.
    pub(crate) finished: bool,
}

impl SendQueue {
    /// A queue that counts what it holds into `total` as well.
    pub(crate) fn new(bytes_max: usize, total: Arc<AtomicUsize>) -> Self {
        Self { bytes_max, total, inner: Mutex::default() }
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Adds a frame and wakes the link's task.
    pub(crate) fn push(&self, frame: Vec<u8>) -> Result<(), SendError> {
        if frame.is_empty() || frame.len() > FRAME_BYTES_MAX {
            return Err(SendError::Length);
        }
        let mut inner = self.lock();
        if inner.closing || inner.ended {
            return Err(SendError::Gone);
        }
        if !inner.frames.is_empty() && inner.bytes + frame.len() > self.bytes_max {
            inner.refused = true;
            return Err(SendError::Full);
        }
        inner.bytes += frame.len();
        self.total.fetch_add(frame.len(), Relaxed);
        inner.frames.push_back(frame);
        wake(inner);
        Ok(())
    }

    /// Takes no more frames; those that wait are still written.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        inner.closing = true;
        wake(inner);
    }

    /// Forgets all frames and takes no more.
    pub(crate) fn end(&self) {
        let mut inner = self.lock();
        inner.ended = true;
        self.forget(&mut inner);
    }

    /// Forgets all frames and closes: nothing more is written.
    pub(crate) fn cut(&self) {
        let mut inner = self.lock();
        inner.closing = true;
        self.forget(&mut inner);
        wake(inner);
    }

    fn forget(&self, inner: &mut Inner) {
        inner.frames = VecDeque::new();
        self.total.fetch_sub(std::mem::take(&mut inner.bytes), Relaxed);
    }

    /// Moves frames to `write` until it has been given about `bytes`; remembers whom to wake for the next.
    pub(crate) fn take(&self, cx: &Context<'_>, bytes: usize, mut write: impl FnMut(&[u8])) -> Taken {
        let mut inner = self.lock();
        let mut given = 0;
        while given < bytes
            && let Some(frame) = inner.frames.pop_front()
        {
            inner.bytes -= frame.len();
            self.total.fetch_sub(frame.len(), Relaxed);
            given += frame.len();
            write(&frame);
        }
        let writable = inner.refused && inner.bytes <= self.bytes_max / 2;
        if writable {
            inner.refused = false;
        }
        if !inner.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            inner.waker = Some(cx.waker().clone());
        }
        Taken { writable, finished: inner.closing && inner.frames.is_empty() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the link's task after the lock is given back.
fn wake(inner: MutexGuard<'_, Inner>) {
    let waker = inner.waker.clone();
    drop(inner);
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(queue: &SendQueue, bytes: usize) -> (Vec<Vec<u8>>, Taken) {
        let mut frames = Vec::new();
        let cx = Context::from_waker(Waker::noop());
        let taken = queue.take(&cx, bytes, |frame| frames.push(frame.to_vec()));
        (frames, taken)
    }

    #[test]
    fn a_full_queue_refuses_and_says_when_to_go_on() {
        let total = Arc::new(AtomicUsize::new(0));
        let queue = SendQueue::new(1000, Arc::clone(&total));
        queue.push(vec![1; 600]).unwrap();
        assert_eq!(queue.push(vec![2; 401]), Err(SendError::Full));
        queue.push(vec![3; 400]).unwrap();
        let (frames, taken) = drain(&queue, 1);
        assert_eq!(frames, [vec![1; 600]]);
        assert!(taken.writable, "less than half is left");
        let (frames, taken) = drain(&queue, 1);
        assert_eq!(frames, [vec![3; 400]]);
        assert!(!taken.writable, "it was said once");
        assert_eq!(total.load(Relaxed), 0);
    }

    #[test]
    fn a_lone_frame_always_fits_and_a_wrong_length_never() {
        let queue = SendQueue::new(10, Arc::default());
        queue.push(vec![0; FRAME_BYTES_MAX]).unwrap();
        assert_eq!(queue.push(vec![0; FRAME_BYTES_MAX + 1]), Err(SendError::Length));
        assert_eq!(queue.push(vec![]), Err(SendError::Length));
    }

    #[test]
    fn a_closed_queue_gives_out_what_it_holds_and_takes_no_more() {
        let queue = SendQueue::new(1000, Arc::default());
        queue.push(vec![1]).unwrap();
        queue.close();
        assert_eq!(queue.push(vec![2]), Err(SendError::Gone));
        let (frames, taken) = drain(&queue, 100);
        assert_eq!(frames, [vec![1]]);
        assert!(taken.finished);
    }

    #[test]
    fn a_queue_that_is_cut_holds_nothing_and_counts_for_nothing() {
        let total = Arc::new(AtomicUsize::new(0));
        let (kept, cut) =
            (SendQueue::new(1000, Arc::clone(&total)), SendQueue::new(1000, Arc::clone(&total)));
        kept.push(vec![1; 10]).unwrap();
        cut.push(vec![2; 500]).unwrap();
        assert_eq!((cut.bytes(), total.load(Relaxed)), (500, 510));
        cut.cut();
        assert_eq!(cut.push(vec![2]), Err(SendError::Gone));
        let (frames, taken) = drain(&cut, 100);
        assert!(frames.is_empty() && taken.finished);
        cut.end();
        assert_eq!(total.load(Relaxed), 10);
    }
}
