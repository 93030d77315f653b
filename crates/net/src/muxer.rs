//! Yamux on a TCP connection, with a bound on what a peer may send ahead.
//!
//! libp2p's own wrapper leaves yamux's window as it is: up to a gibibyte for a connection, which grows by what the peer
//! itself says of the delay. Memory must not rest on a stranger's word.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::iter;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures::{AsyncRead, AsyncWrite};
use libp2p::core::muxing::{StreamMuxer, StreamMuxerEvent};
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo};
use yamux::{Config, Connection, ConnectionError, Mode};

/// What yamux grants to each stream from its beginning, in bytes.
const STREAM_WINDOW_BYTES: usize = 256 * 1024;

/// By how much the windows of a connection may grow beyond that, in bytes: for its one link they double.
const GROWTH_BYTES: usize = 256 * 1024;

/// How a connection gets its streams.
#[derive(Clone, Debug)]
pub(crate) struct Yamux(Config);

impl Yamux {
    /// At most so many streams on a connection.
    pub(crate) fn new(streams_max: usize) -> Self {
        let mut config = Config::default();
        config.set_max_num_streams(streams_max);
        config.set_max_connection_receive_window(Some(streams_max * STREAM_WINDOW_BYTES + GROWTH_BYTES));
        Self(config)
    }
}

impl UpgradeInfo for Yamux {
    type Info = &'static str;
    type InfoIter = iter::Once<Self::Info>;

    fn protocol_info(&self) -> Self::InfoIter {
        iter::once("/yamux/1.0.0")
    }
}

impl<C: AsyncRead + AsyncWrite + Send + Unpin + 'static> InboundConnectionUpgrade<C> for Yamux {
    type Output = Muxer<C>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Self::Error>>;

    fn upgrade_inbound(self, socket: C, _: Self::Info) -> Self::Future {
        ready(Ok(Muxer::new(Connection::new(socket, self.0, Mode::Server))))
    }
}

impl<C: AsyncRead + AsyncWrite + Send + Unpin + 'static> OutboundConnectionUpgrade<C> for Yamux {
    type Output = Muxer<C>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Self::Error>>;

    fn upgrade_outbound(self, socket: C, _: Self::Info) -> Self::Future {
        ready(Ok(Muxer::new(Connection::new(socket, self.0, Mode::Client))))
    }
}

/// A connection and its streams.
pub(crate) struct Muxer<C> {
    connection: Connection<C>,
    /// Streams that came in while the connection was driven for others; yamux bounds their number.
    arrived: VecDeque<yamux::Stream>,
    /// Whoever waits for one of them.
    waiting: Option<Waker>,
}

impl<C: AsyncRead + AsyncWrite + Unpin> Muxer<C> {
    fn new(connection: Connection<C>) -> Self {
        Self { connection, arrived: VecDeque::new(), waiting: None }
    }

    /// Drives the connection until a stream comes in. Nothing else reads the socket.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<yamux::Stream, ConnectionError>> {
        self.connection.poll_next_inbound(cx).map(|next| next.unwrap_or(Err(ConnectionError::Closed)))
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> StreamMuxer for Muxer<C> {
    type Substream = yamux::Stream;
    type Error = ConnectionError;

    fn poll_inbound(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Self::Error>> {
        let this = self.get_mut();
        if let Some(stream) = this.arrived.pop_front() {
            return Poll::Ready(Ok(stream));
        }
        let next = this.poll_next(cx);
        if next.is_pending() {
            this.waiting = Some(cx.waker().clone());
        }
        next
    }

    fn poll_outbound(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Self::Error>> {
        self.get_mut().connection.poll_new_outbound(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.get_mut().connection.poll_close(cx)
    }

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<StreamMuxerEvent, Self::Error>> {
        let this = self.get_mut();
        match this.poll_next(cx) {
            Poll::Pending => {}
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Ready(Ok(stream)) => {
                this.arrived.push_back(stream);
                if let Some(waiting) = this.waiting.take() {
                    waiting.wake();
                }
                // There may be more; others get their turn before it.
                cx.waker().wake_by_ref();
            }
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;

    /// One end of a pipe in memory. It wakes nobody: the test polls both ends until nothing moves.
    struct End {
        from: Arc<Mutex<VecDeque<u8>>>,
        to: Arc<Mutex<VecDeque<u8>>>,
    }

    fn pipe() -> (End, End) {
        let (one, other) = (Arc::default(), Arc::default());
        (End { from: Arc::clone(&one), to: Arc::clone(&other) }, End { from: other, to: one })
    }

    impl AsyncRead for End {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
            let mut from = self.from.lock().unwrap();
            let count = buf.len().min(from.len());
            buf.iter_mut().zip(from.drain(..count)).for_each(|(to, byte)| *to = byte);
            if count == 0 { Poll::Pending } else { Poll::Ready(Ok(count)) }
        }
    }

    impl AsyncWrite for End {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            self.to.lock().unwrap().extend(buf);
            Poll::Ready(Ok(buf.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn a_peer_that_pretends_to_be_far_away_may_not_send_more_ahead() {
        let (near, far) = pipe();
        let mut ours = Muxer::new(Connection::new(near, Yamux::new(4).0, Mode::Server));
        let mut theirs = Connection::new(far, Config::default(), Mode::Client);
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(ours.poll_next(cx).is_pending(), "we ask how far the peer is");
        std::thread::sleep(Duration::from_millis(500));
        let Poll::Ready(Ok(mut out)) = theirs.poll_new_outbound(cx) else { panic!("a stream") };
        let mut stream = None;
        let (mut read, mut buffer) = (0, vec![0; 64 * 1024]);
        // While all is read at once, the window grows as far as it may.
        while read < 8 << 20 {
            let _ = Pin::new(&mut out).poll_write(cx, &[7; 16 * 1024]);
            assert!(theirs.poll_next_inbound(cx).is_pending());
            if let Poll::Ready(Ok(arrived)) = Pin::new(&mut ours).poll_inbound(cx) {
                stream = Some(arrived);
            }
            let Some(stream) = &mut stream else { continue };
            while let Poll::Ready(Ok(count)) = Pin::new(&mut *stream).poll_read(cx, &mut buffer) {
                read += count;
            }
        }
        let mut ahead = 0;
        for _ in 0..1_000 {
            if let Poll::Ready(Ok(count)) = Pin::new(&mut out).poll_write(cx, &[7; 16 * 1024]) {
                ahead += count;
            }
            assert!(theirs.poll_next_inbound(cx).is_pending() && ours.poll_next(cx).is_pending());
        }
        let most = STREAM_WINDOW_BYTES + GROWTH_BYTES;
        assert!(ahead > STREAM_WINDOW_BYTES / 2 && ahead <= most, "{ahead} bytes lie unread");
    }
}
