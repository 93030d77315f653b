//! The sockets: TCP with Noise and yamux, and QUIC beside it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use libp2p::core::muxing::{StreamMuxer, StreamMuxerBox, StreamMuxerEvent};
use libp2p::core::transport::{Boxed, OrTransport, timeout::TransportTimeout};
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::{PeerId, Transport, noise, quic, tcp};
use tokio::time::Sleep;

use crate::muxer::Yamux;

/// A connection, from the first packet to the proven identity, is made within this or not at all.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// How long the closing of a connection may wait for a peer that takes no more bytes.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// Streams on one connection: the one that is used, and three that are being refused.
const STREAMS_MAX: usize = 4;

/// A QUIC connection without any packet ends after this. Pings come every four minutes.
const QUIC_IDLE: Duration = Duration::from_secs(10 * 60);

/// QUIC's own keep-alive would send a packet every few seconds for nothing; this is beyond `QUIC_IDLE`.
const QUIC_KEEP_ALIVE: Duration = Duration::from_secs(24 * 60 * 60);

/// What QUIC lets a peer send ahead on one stream, and on all of a connection, in bytes.
const QUIC_WINDOW_BYTES: u32 = 512 * 1024;

/// Builds the transport of one identity.
pub(crate) fn build(identity: &Keypair) -> Result<Boxed<(PeerId, StreamMuxerBox)>, noise::Error> {
    let tcp = tcp::tokio::Transport::new(tcp::Config::new().nodelay(true))
        .upgrade(Version::V1Lazy)
        .authenticate(noise::Config::new(identity)?)
        .multiplex(Yamux::new(STREAMS_MAX))
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(ClosesInTime::new(StreamMuxerBox::new(muxer)))));

    let mut config = quic::Config::new(identity);
    config.handshake_timeout = HANDSHAKE_WITHIN;
    config.max_idle_timeout = u32::try_from(QUIC_IDLE.as_millis()).expect("ten minutes are few milliseconds");
    config.keep_alive_interval = QUIC_KEEP_ALIVE;
    config.max_concurrent_stream_limit = u32::try_from(STREAMS_MAX).expect("a small number");
    config.max_stream_data = QUIC_WINDOW_BYTES;
    config.max_connection_data = QUIC_WINDOW_BYTES;
    let quic = quic::tokio::Transport::new(config)
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(ClosesInTime::new(StreamMuxerBox::new(muxer)))));

    let either = OrTransport::new(quic, tcp).map(|either, _| either.into_inner());
    Ok(TransportTimeout::new(either, HANDSHAKE_WITHIN).boxed())
}

/// A connection whose closing ends in time, even if the peer takes no more bytes: without it a peer
/// could hold a place among the connections for as long as it likes.
struct ClosesInTime {
    inner: StreamMuxerBox,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl ClosesInTime {
    fn new(inner: StreamMuxerBox) -> Self {
        Self { inner, deadline: None }
    }
}

impl StreamMuxer for ClosesInTime {
    type Substream = <StreamMuxerBox as StreamMuxer>::Substream;
    type Error = <StreamMuxerBox as StreamMuxer>::Error;

    fn poll_inbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Self::Error>> {
        Pin::new(&mut self.inner).poll_inbound(cx)
    }

    fn poll_outbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Self::Error>> {
        Pin::new(&mut self.inner).poll_outbound(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if let Poll::Ready(done) = Pin::new(&mut self.inner).poll_close(cx) {
            return Poll::Ready(done);
        }
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(CLOSE_WITHIN)));
        deadline.as_mut().poll(cx).map(Ok)
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<StreamMuxerEvent, Self::Error>> {
        Pin::new(&mut self.inner).poll(cx)
    }
}
