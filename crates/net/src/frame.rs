//! Frames and control words on a stream of bytes.
//!
//! A frame is its length as four bytes, the highest first, and then its content. The length zero begins a
//! control word: one further byte says which.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::{AsyncRead, AsyncWrite};
use thiserror::Error;

use crate::FRAME_BYTES_MAX;

/// What is read at once when no long frame is under way. It lives as long as the link, so it is small.
const INBOX_BYTES: usize = 4 * 1024;

/// Queued frames are gathered up to this before they are written: what Noise seals in one go.
pub(crate) const GATHER_BYTES: usize = 64 * 1024;

/// A buffer larger than this is given back when it is empty.
const IDLE_BYTES_MAX: usize = 16 * 1024;

const HEAD_BYTES: usize = 4;

/// A word between the two ends of a link that their owners never see.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Control {
    /// The side with the smaller name says: this connection is the link.
    Chosen = 1,
    /// Are you there?
    Ping = 2,
    /// I am here: the answer to a ping, or a sign that a paused reader lives.
    Pong = 3,
}

/// What comes out of a stream.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Item {
    Frame(Vec<u8>),
    Control(Control),
    /// The other end will send no more.
    End,
}

/// Why a stream cannot be read on.
#[derive(Debug, Error)]
pub(crate) enum FrameError {
    #[error("a frame of {0} bytes was announced")]
    TooLong(u32),
    #[error("control word {0} is unknown")]
    UnknownControl(u8),
    #[error(transparent)]
    Broken(#[from] io::Error),
}

/// A stream with the buffers that turn its bytes into items and back.
#[derive(Debug)]
pub(crate) struct Wire<S> {
    stream: S,
    inbox: Box<[u8]>,
    read: usize,
    filled: usize,
    /// A frame whose content is longer than what the inbox held.
    partial: Option<(Vec<u8>, usize)>,
    outbox: Vec<u8>,
    written: usize,
    unflushed: bool,
    /// The last write had to wait for room.
    blocked: bool,
    /// The peer has shown life since this was last asked.
    progress: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            inbox: vec![0; INBOX_BYTES].into_boxed_slice(),
            read: 0,
            filled: 0,
            partial: None,
            outbox: Vec::new(),
            written: 0,
            unflushed: false,
            blocked: false,
            progress: false,
        }
    }

    /// The next item.
    pub(crate) fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Result<Item, FrameError>> {
        loop {
            if let Some(item) = self.parse()? {
                return Poll::Ready(Ok(item));
            }
            if ready!(self.poll_read(cx))? == 0 {
                return Poll::Ready(if self.is_mid_frame() {
                    Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())
                } else {
                    Ok(Item::End)
                });
            }
        }
    }

    /// Whether an item has begun and not ended.
    pub(crate) fn is_mid_frame(&self) -> bool {
        self.partial.is_some() || self.read < self.filled
    }

    /// Whether the peer has shown life since this was last asked: bytes came in, or room was made for
    /// bytes that had waited. In a long one-way flow the second is all there is to see; an answer to a ping
    /// may stand behind megabytes.
    pub(crate) fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.progress)
    }

    /// Whether nothing waits to be written.
    pub(crate) fn is_drained(&self) -> bool {
        self.outbox.is_empty() && !self.unflushed
    }

    /// Adds a frame to what is written next.
    pub(crate) fn put_frame(outbox: &mut Vec<u8>, frame: &[u8]) {
        let length = u32::try_from(frame.len()).expect("SendQueue checks the length");
        outbox.extend_from_slice(&length.to_be_bytes());
        outbox.extend_from_slice(frame);
    }

    /// Adds a control word to what is written next.
    pub(crate) fn put_control(&mut self, control: Control) {
        self.outbox.extend_from_slice(&[0, 0, 0, 0, control as u8]);
    }

    /// Where frames are gathered for the next write.
    pub(crate) fn outbox(&mut self) -> &mut Vec<u8> {
        &mut self.outbox
    }

    /// Writes and flushes all that was put.
    pub(crate) fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.outbox.len() {
            let written = Pin::new(&mut self.stream).poll_write(cx, &self.outbox[self.written..]);
            let Poll::Ready(count) = written else {
                self.blocked = true;
                return Poll::Pending;
            };
            let count = count?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.progress |= std::mem::take(&mut self.blocked);
            self.written += count;
            self.unflushed = true;
        }
        self.written = 0;
        self.outbox.clear();
        if self.outbox.capacity() > IDLE_BYTES_MAX {
            self.outbox = Vec::new();
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Tells the other end that nothing more will come.
    pub(crate) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.stream).poll_close(cx)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if let Some((content, filled)) = &mut self.partial {
            let count = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut content[*filled..]))?;
            *filled += count;
            self.progress |= count > 0;
            return Poll::Ready(Ok(count));
        }
        self.inbox.copy_within(self.read..self.filled, 0);
        self.filled -= self.read;
        self.read = 0;
        let count = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut self.inbox[self.filled..]))?;
        self.filled += count;
        self.progress |= count > 0;
        Poll::Ready(Ok(count))
    }

    /// Takes one item out of what has been read, if it is whole.
    fn parse(&mut self) -> Result<Option<Item>, FrameError> {
        if let Some((content, filled)) = self.partial.take() {
            if filled == content.len() {
                return Ok(Some(Item::Frame(content)));
            }
            self.partial = Some((content, filled));
            return Ok(None);
        }
        let unread = &self.inbox[self.read..self.filled];
        let Some((head, rest)) = unread.split_first_chunk::<HEAD_BYTES>() else { return Ok(None) };
        let announced = u32::from_be_bytes(*head);
        if announced == 0 {
            return self.parse_control();
        }
        let length = usize::try_from(announced).unwrap_or(usize::MAX);
        if length > FRAME_BYTES_MAX {
            return Err(FrameError::TooLong(announced));
        }
        if rest.len() >= length {
            let content = rest[..length].to_vec();
            self.read += HEAD_BYTES + length;
            return Ok(Some(Item::Frame(content)));
        }
        if HEAD_BYTES + length <= INBOX_BYTES {
            return Ok(None);
        }
        let mut content = vec![0; length];
        content[..rest.len()].copy_from_slice(rest);
        self.partial = Some((content, rest.len()));
        self.read = self.filled;
        Ok(None)
    }

    fn parse_control(&mut self) -> Result<Option<Item>, FrameError> {
        let Some(code) = self.inbox[self.read..self.filled].get(HEAD_BYTES).copied() else { return Ok(None) };
        self.read += HEAD_BYTES + 1;
        let control = match code {
            1 => Control::Chosen,
            2 => Control::Ping,
            3 => Control::Pong,
            other => return Err(FrameError::UnknownControl(other)),
        };
        Ok(Some(Item::Control(control)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::task::Waker;

    /// A stream whose reads come in given pieces.
    #[derive(Debug, Default)]
    struct Pieces {
        incoming: VecDeque<Vec<u8>>,
        outgoing: Vec<u8>,
        write_bytes_max: usize,
        closed: bool,
    }

    impl AsyncRead for Pieces {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            let Some(mut piece) = self.incoming.pop_front() else {
                return if self.closed { Poll::Ready(Ok(0)) } else { Poll::Pending };
            };
            let count = piece.len().min(buf.len());
            buf[..count].copy_from_slice(&piece[..count]);
            if count < piece.len() {
                self.incoming.push_front(piece.split_off(count));
            }
            Poll::Ready(Ok(count))
        }
    }

    impl AsyncWrite for Pieces {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            let count = buf.len().min(self.write_bytes_max);
            self.outgoing.extend_from_slice(&buf[..count]);
            Poll::Ready(Ok(count))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn read_all(pieces: impl IntoIterator<Item = Vec<u8>>, closed: bool) -> (Vec<Item>, Option<FrameError>) {
        let stream = Pieces { incoming: pieces.into_iter().collect(), closed, ..Pieces::default() };
        let mut wire = Wire::new(stream);
        let mut cx = Context::from_waker(Waker::noop());
        let mut items = Vec::new();
        loop {
            match wire.poll_item(&mut cx) {
                Poll::Pending => return (items, None),
                Poll::Ready(Err(error)) => return (items, Some(error)),
                Poll::Ready(Ok(Item::End)) => {
                    items.push(Item::End);
                    return (items, None);
                }
                Poll::Ready(Ok(item)) => items.push(item),
            }
        }
    }

    fn on_wire(frames: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for frame in frames {
            Wire::<Pieces>::put_frame(&mut bytes, frame);
        }
        bytes
    }

    #[test]
    fn frames_come_out_whole_however_the_bytes_are_cut() {
        let frames: Vec<Vec<u8>> = [1, 3, 4092, 4093, 4096, 5000, FRAME_BYTES_MAX, 2]
            .iter()
            .enumerate()
            .map(|(at, &length)| vec![u8::try_from(at).unwrap(); length])
            .collect();
        let bytes = on_wire(&frames);
        for cut in [1, 2, 5, 4095, 4096, 4097, 70_000, bytes.len()] {
            let (items, error) = read_all(bytes.chunks(cut).map(<[u8]>::to_vec), true);
            let mut expected: Vec<Item> = frames.iter().cloned().map(Item::Frame).collect();
            expected.push(Item::End);
            assert!(items == expected && error.is_none(), "cut into {cut} bytes");
        }
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_by_its_head_alone() {
        for announced in [u32::MAX, u32::try_from(FRAME_BYTES_MAX + 1).unwrap()] {
            let (items, error) = read_all([announced.to_be_bytes().to_vec()], false);
            assert!(items.is_empty());
            assert!(matches!(error, Some(FrameError::TooLong(seen)) if seen == announced));
        }
    }

    #[test]
    fn control_words_stand_between_frames_and_unknown_ones_are_refused() {
        let mut bytes = vec![0, 0, 0, 0, 2, 0, 0, 0, 1, 9, 0, 0, 0, 0, 3];
        let (items, error) = read_all(bytes.chunks(1).map(<[u8]>::to_vec), false);
        let expected = [Item::Control(Control::Ping), Item::Frame(vec![9]), Item::Control(Control::Pong)];
        assert!(items == expected && error.is_none());
        bytes.extend([0, 0, 0, 0, 77]);
        assert!(matches!(read_all([bytes], false).1, Some(FrameError::UnknownControl(77))));
    }

    #[test]
    fn an_end_within_a_frame_is_no_orderly_end() {
        let (items, error) = read_all([vec![0, 0, 0, 2, 1]], true);
        assert!(items.is_empty());
        assert!(matches!(error, Some(FrameError::Broken(_))));
    }

    #[test]
    fn what_is_put_is_written_in_order_through_a_narrow_stream() {
        let mut wire = Wire::new(Pieces { write_bytes_max: 3, ..Pieces::default() });
        wire.put_control(Control::Chosen);
        Wire::<Pieces>::put_frame(wire.outbox(), b"first");
        Wire::<Pieces>::put_frame(wire.outbox(), b"second");
        let mut cx = Context::from_waker(Waker::noop());
        assert!(wire.poll_drain(&mut cx).is_ready());
        assert_eq!(wire.stream.outgoing, b"\0\0\0\0\x01\0\0\0\x05first\0\0\0\x06second");
        assert!(wire.is_drained());
    }
}
