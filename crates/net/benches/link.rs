//! What a link costs above the bare stream below it: time there and back of one small frame, and bulk.
//!
//! `cargo bench -p madang-net --bench link` prints one JSON object. Both sides of each pair live in this process
//! and share its processor, so only figures of one run may be compared.

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
use madang_net::{Config, Event, Events, IdentitySeed, Network, SendError, Target};
use proto::id::{Address, LinkId};
use serde_json::json;
use tokio::sync::mpsc;

const PROTOCOL: &str = "/madang/bench/1";
const FRAME_BYTES: usize = 1080;
const ROUNDS: usize = 5000;
const WARM_UP: usize = 500;
const BULK_FRAME_BYTES: usize = 61_440;
const BULK_FRAMES: usize = 2000;

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
async fn bare_pair(listen: &str) -> (Stream, Stream) {
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

async fn bare_latency(listen: &str) -> Vec<Duration> {
    let (mut one, mut other) = bare_pair(listen).await;
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
    for _ in 0..ROUNDS + WARM_UP {
        let begun = Instant::now();
        one.write_all(&frame).await.expect("written");
        one.flush().await.expect("flushed");
        one.read_exact(&mut buffer).await.expect("read");
        times.push(begun.elapsed());
    }
    times.split_off(WARM_UP)
}

async fn bare_bulk(listen: &str) -> f64 {
    let (mut one, mut other) = bare_pair(listen).await;
    let begun = Instant::now();
    tokio::spawn(async move {
        let frame = vec![7; BULK_FRAME_BYTES];
        for _ in 0..BULK_FRAMES {
            one.write_all(&frame).await.expect("written");
        }
        one.flush().await.expect("flushed");
        one.close().await.ok();
    });
    let mut buffer = vec![0; BULK_FRAME_BYTES];
    for _ in 0..BULK_FRAMES {
        other.read_exact(&mut buffer).await.expect("read");
    }
    mib_per_second(begun.elapsed())
}

/// Two ends of a link.
async fn link_pair(listen: &str) -> ((Network, Events, LinkId), (Network, Events, LinkId)) {
    let start = |seed: u8, listen: Vec<Address>| {
        let mut config = Config::new(IdentitySeed::new([seed; 32]), PROTOCOL);
        config.listen = listen;
        Network::start(config).expect("a network starts")
    };
    let (b, mut at_b) = start(2, vec![Address::parse(listen).expect("an address")]);
    let Some(Event::Listening(at)) = at_b.recv().await else { panic!("it listens") };
    let (a, mut at_a) = start(1, vec![]);
    a.dial(Target { peer: Some(b.local()), addresses: vec![at] }).expect("it dials");
    let up_a = up(&mut at_a).await;
    let up_b = up(&mut at_b).await;
    ((a, at_a, up_a), (b, at_b, up_b))
}

async fn up(events: &mut Events) -> LinkId {
    loop {
        if let Event::LinkUp { link, .. } = events.recv().await.expect("it runs") {
            return link;
        }
    }
}

async fn frame(events: &mut Events) -> Vec<u8> {
    loop {
        if let Event::Frame { bytes, .. } = events.recv().await.expect("it runs") {
            return bytes;
        }
    }
}

async fn link_latency(listen: &str) -> Vec<Duration> {
    let ((a, mut at_a, up_a), (b, mut at_b, up_b)) = link_pair(listen).await;
    tokio::spawn(async move {
        loop {
            let bytes = frame(&mut at_b).await;
            b.send(up_b, bytes).expect("a frame is taken");
        }
    });
    let mut times = Vec::new();
    let mut bytes = vec![7; FRAME_BYTES];
    for _ in 0..ROUNDS + WARM_UP {
        let begun = Instant::now();
        a.send(up_a, bytes).expect("a frame is taken");
        bytes = frame(&mut at_a).await;
        times.push(begun.elapsed());
    }
    times.split_off(WARM_UP)
}

async fn link_bulk(listen: &str) -> f64 {
    let ((a, mut at_a, up_a), (_b, mut at_b, _)) = link_pair(listen).await;
    let begun = Instant::now();
    tokio::spawn(async move {
        for _ in 0..BULK_FRAMES {
            let mut bytes = vec![7; BULK_FRAME_BYTES];
            while let Err(error) = a.send(up_a, std::mem::take(&mut bytes)) {
                assert_eq!(error, SendError::Full);
                while !matches!(at_a.recv().await, Some(Event::Writable { .. })) {}
                bytes = vec![7; BULK_FRAME_BYTES];
            }
        }
        // Keeps the network until the other side has read.
        while at_a.recv().await.is_some() {}
    });
    for _ in 0..BULK_FRAMES {
        frame(&mut at_b).await;
    }
    mib_per_second(begun.elapsed())
}

fn mib_per_second(elapsed: Duration) -> f64 {
    let bytes = (BULK_FRAMES * BULK_FRAME_BYTES) as f64;
    bytes / (1024.0 * 1024.0) / elapsed.as_secs_f64()
}

/// One-way times in microseconds, as half of there and back.
fn summary(mut times: Vec<Duration>) -> serde_json::Value {
    times.sort();
    let at = |share: f64| {
        let place = ((times.len() - 1) as f64 * share) as usize;
        (times[place].as_secs_f64() * 1e6 / 2.0 * 10.0).round() / 10.0
    };
    json!({ "p50_us": at(0.5), "p90_us": at(0.9), "p99_us": at(0.99) })
}

/// Processor time of this process, in seconds.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

#[tokio::main]
async fn main() {
    // `cargo test --benches` only asks whether it runs.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let mut result = serde_json::Map::new();
    result.insert("frame_bytes".into(), json!(FRAME_BYTES));
    for (wire, listen) in [("tcp", "/ip4/127.0.0.1/tcp/0"), ("quic", "/ip4/127.0.0.1/udp/0/quic-v1")] {
        let begun = processor();
        let bare = bare_latency(listen).await;
        let between = processor();
        let link = link_latency(listen).await;
        let ended = processor();
        let per_frame = |seconds: f64| (seconds * 1e6 / (2.0 * (ROUNDS + WARM_UP) as f64)).round();
        result.insert(
            wire.into(),
            json!({
                "one_way": { "bare_stream": summary(bare), "link": summary(link) },
                "processor_us_per_frame": {
                    "bare_stream": per_frame(between - begun),
                    "link": per_frame(ended - between),
                },
                "bulk_mib_per_second": {
                    "bare_stream": bare_bulk(listen).await.round(),
                    "link": link_bulk(listen).await.round(),
                },
            }),
        );
    }
    println!("{}", serde_json::to_string_pretty(&result).expect("plain values"));
}
