//! The floor: a bare libp2p stream with nothing of ours on it. `tests/bench` measures beside it too.

use std::time::{Duration, Instant};

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::core::upgrade::{ReadyUpgrade, Version};
use libp2p::identity::Keypair;
use libp2p::swarm::handler::{ConnectionEvent, FullyNegotiatedInbound, FullyNegotiatedOutbound};
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm, NetworkBehaviour,
    Stream, StreamProtocol, SubstreamProtocol, Swarm, SwarmEvent, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId, Transport, noise, quic, tcp, yamux};
use tokio::sync::mpsc;

pub(crate) const PROTOCOL: &str = "/madang/bench/1";
/// A frame that pushes an envelope of the smallest class.
pub(crate) const FRAME_BYTES: usize = 1080;
/// Rounds that are not counted.
pub(crate) const WARM_UP: usize = 500;

/// Hands every stream to a channel and does nothing else.
struct Bare(mpsc::UnboundedSender<Stream>);

struct BareHandler {
    streams: mpsc::UnboundedSender<Stream>,
    dial: bool,
}

impl ConnectionHandler for BareHandler {
    type FromBehaviour = std::convert::Infallible;
    type ToBehaviour = std::convert::Infallible;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(StreamProtocol::new(PROTOCOL)), ())
    }

    fn poll(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<ConnectionHandlerEvent<Self::OutboundProtocol, (), Self::ToBehaviour>> {
        if !std::mem::take(&mut self.dial) {
            return std::task::Poll::Pending;
        }
        let protocol = self.listen_protocol();
        std::task::Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol })
    }

    fn on_behaviour_event(&mut self, never: Self::FromBehaviour) {
        match never {}
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, Self::InboundProtocol, Self::OutboundProtocol>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol, .. })
            | ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol, .. }) => {
                let _ = self.streams.send(protocol);
            }
            _ => {}
        }
    }
}

impl NetworkBehaviour for Bare {
    type ConnectionHandler = BareHandler;
    type ToSwarm = std::convert::Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(BareHandler { streams: self.0.clone(), dial: false })
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: libp2p::core::Endpoint,
        _: libp2p::core::transport::PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(BareHandler { streams: self.0.clone(), dial: true })
    }

    fn on_swarm_event(&mut self, _: FromSwarm<'_>) {}

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, never: THandlerOutEvent<Self>) {
        match never {}
    }

    fn poll(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        std::task::Poll::Pending
    }
}

fn bare_swarm(streams: mpsc::UnboundedSender<Stream>) -> Swarm<Bare> {
    let keys = Keypair::generate_ed25519();
    let tcp = tcp::tokio::Transport::new(tcp::Config::new().nodelay(true))
        .upgrade(Version::V1Lazy)
        .authenticate(noise::Config::new(&keys).expect("keys"))
        .multiplex(yamux::Config::default());
    let quic = quic::tokio::Transport::new(quic::Config::new(&keys));
    let both = quic
        .or_transport(tcp)
        .map(|either, _| match either {
            futures::future::Either::Left((peer, muxer)) => {
                (peer, libp2p::core::muxing::StreamMuxerBox::new(muxer))
            }
            futures::future::Either::Right((peer, muxer)) => {
                (peer, libp2p::core::muxing::StreamMuxerBox::new(muxer))
            }
        })
        .boxed();
    let config = libp2p::swarm::Config::with_tokio_executor();
    Swarm::new(both, Bare(streams), keys.public().to_peer_id(), config)
}

/// Two ends of a bare stream.
pub(crate) async fn pair(listen: &str) -> (Stream, Stream) {
    let (to_a, mut at_a) = mpsc::unbounded_channel();
    let (to_b, mut at_b) = mpsc::unbounded_channel();
    let (mut a, mut b) = (bare_swarm(to_a), bare_swarm(to_b));
    b.listen_on(listen.parse().expect("an address")).expect("it listens");
    let at = loop {
        if let SwarmEvent::NewListenAddr { address, .. } = b.select_next_some().await {
            break address;
        }
    };
    a.dial(at).expect("it dials");
    for mut swarm in [a, b] {
        tokio::spawn(async move {
            loop {
                swarm.select_next_some().await;
            }
        });
    }
    let mut one = at_a.recv().await.expect("a stream");
    // The other end hears of a stream with its first byte.
    one.write_all(&[0]).await.expect("written");
    one.flush().await.expect("flushed");
    let mut other = at_b.recv().await.expect("a stream");
    other.read_exact(&mut [0]).await.expect("read");
    (one, other)
}

/// Times of a frame there and back.
pub(crate) async fn latency(listen: &str, rounds: usize) -> Vec<Duration> {
    let (mut one, mut other) = pair(listen).await;
    tokio::spawn(async move {
        let mut buffer = vec![0; FRAME_BYTES];
        while other.read_exact(&mut buffer).await.is_ok() {
            other.write_all(&buffer).await.expect("written");
            other.flush().await.expect("flushed");
        }
    });
    let frame = vec![7; FRAME_BYTES];
    let mut buffer = vec![0; FRAME_BYTES];
    let mut times = Vec::new();
    for _ in 0..rounds + WARM_UP {
        let begun = Instant::now();
        one.write_all(&frame).await.expect("written");
        one.flush().await.expect("flushed");
        one.read_exact(&mut buffer).await.expect("read");
        times.push(begun.elapsed());
    }
    times.split_off(WARM_UP)
}
