//! Stories of peers that do not keep to the protocol. They speak through a connection without any behaviour.

use std::time::Duration;

use libp2p::Multiaddr;
use libp2p::swarm::{ConnectionId, NetworkBehaviour};
use proto::id::{Address, LinkId};
use tokio::time::timeout;

use crate::behaviour::{Links, Shared};
use crate::raw::{Raw, RawStream};
use crate::{Config, Down, Event, Events, IdentitySeed, Limits, Network, Target, address};

const PROTOCOL: &str = "/madang/test/1";
const LONG: Duration = Duration::from_secs(60);
const TCP: &str = "/ip4/127.0.0.1/tcp/0";
const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";

struct Node {
    network: Network,
    events: Events,
    at: Address,
}

impl Node {
    /// A node with a name larger than `Raw`'s, or smaller: the smaller one chooses.
    async fn start(seed: u8, listen: &str, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(IdentitySeed::new([seed; 32]), PROTOCOL);
        config.listen = vec![Address::parse(listen).unwrap()];
        config.patience.link_within = Duration::from_millis(300);
        config.patience.frame_pause = Duration::from_millis(300);
        change(&mut config);
        let (network, mut events) = Network::start(config).unwrap();
        let Some(Event::Listening(at)) = events.recv().await else { panic!("it listens") };
        Self { network, events, at }
    }

    async fn next(&mut self) -> Event {
        timeout(LONG, self.events.recv()).await.expect("an event in time").expect("the network runs")
    }

    async fn up(&mut self) -> LinkId {
        loop {
            if let Event::LinkUp { link, .. } = self.next().await {
                return link;
            }
        }
    }

    /// The next frame, whoever else is refused meanwhile.
    async fn frame(&mut self) -> Vec<u8> {
        loop {
            match self.next().await {
                Event::Frame { bytes, .. } => return bytes,
                Event::LinkDown { reason, .. } => panic!("a link went down: {reason}"),
                _ => {}
            }
        }
    }

    async fn ended(&mut self) -> Down {
        loop {
            match self.next().await {
                Event::LinkDown { reason, .. } | Event::Refused { reason, .. } => return reason,
                _ => {}
            }
        }
    }
}

/// Two seeds of which the first makes the smaller name.
fn ordered_seeds() -> (u8, u8) {
    let name = |seed: u8| IdentitySeed::new([seed; 32]).peer_name();
    if name(1) < name(2) { (1, 2) } else { (2, 1) }
}

/// Makes a node that chooses, and a raw connection that has become its link.
async fn linked(listen: &str, change: impl FnOnce(&mut Config)) -> (Node, Raw, RawStream) {
    let (small, large) = ordered_seeds();
    let mut node = Node::start(small, listen, change).await;
    let raw = Raw::connect([large; 32], &node.at).await.expect("it connects");
    let mut stream = raw.link(PROTOCOL).await.expect("a link");
    let mut chosen = [9; 5];
    assert!(timeout(LONG, stream.read(&mut chosen)).await.unwrap());
    assert_eq!(chosen, [0, 0, 0, 0, 1]);
    node.up().await;
    (node, raw, stream)
}

/// A good neighbour, to see that it is not disturbed.
async fn neighbour(of: &mut Node) -> (Network, Events, LinkId) {
    let config = Config::new(IdentitySeed::new([77; 32]), PROTOCOL);
    let (network, mut events) = Network::start(config).unwrap();
    let target = Target { peer: Some(of.network.local()), addresses: vec![of.at.clone()] };
    network.dial(target).unwrap();
    let link = loop {
        if let Some(Event::LinkUp { link, .. }) = events.recv().await {
            break link;
        }
    };
    of.up().await;
    (network, events, link)
}

#[tokio::test]
async fn a_frame_of_four_gibibytes_is_refused_by_its_head_and_others_are_not_harmed() {
    for wire in [TCP, QUIC] {
        let (mut node, raw, mut stream) = linked(wire, |_| {}).await;
        let (good, _events, link) = neighbour(&mut node).await;
        assert!(stream.write(&[0xff; 4]).await);
        assert_eq!(node.ended().await, Down::FrameTooLong { announced: u32::MAX });
        assert!(raw.ended().await, "the node closes the connection");
        good.send(link, b"unharmed".to_vec()).unwrap();
        let Event::Frame { bytes, .. } = node.next().await else { panic!("a frame comes next") };
        assert_eq!(bytes, b"unharmed");
    }
}

#[tokio::test]
async fn a_stall_within_a_frame_ends_the_link() {
    for wire in [TCP, QUIC] {
        let (mut node, raw, mut stream) = linked(wire, |_| {}).await;
        assert!(stream.write(&[0, 0, 0xff, 0xff, 1, 2, 3]).await);
        assert_eq!(node.ended().await, Down::FrameStalled);
        assert!(raw.ended().await, "the node closes the connection");
    }
}

#[tokio::test]
async fn a_frame_that_drips_ends_the_link_at_last() {
    let (mut node, _raw, mut stream) = linked(TCP, |config| {
        config.patience.frame_within = Duration::from_millis(500);
        config.patience.frame_pause = LONG;
    })
    .await;
    let dripping = tokio::spawn(async move {
        let _ = stream.write(&[0, 0, 0xff, 0xff]).await;
        while stream.write(&[1]).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert_eq!(node.ended().await, Down::FrameStalled);
    dripping.abort();
}

#[tokio::test]
async fn a_connection_without_a_stream_is_dropped() {
    for wire in [TCP, QUIC] {
        let mut node = Node::start(1, wire, |_| {}).await;
        let raw = Raw::connect([2; 32], &node.at).await.expect("it connects");
        assert_eq!(node.ended().await, Down::NoStream);
        assert!(raw.ended().await, "the node closes the connection");
    }
}

#[tokio::test]
async fn a_chooser_that_never_chooses_is_dropped() {
    let (small, large) = ordered_seeds();
    let mut node = Node::start(large, TCP, |_| {}).await;
    let raw = Raw::connect([small; 32], &node.at).await.expect("it connects");
    let _stream = raw.link(PROTOCOL).await.expect("a link");
    assert_eq!(node.ended().await, Down::NoStream);
    assert!(raw.ended().await, "the node closes the connection");
}

#[tokio::test]
async fn a_frame_before_the_choice_is_refused() {
    let (small, large) = ordered_seeds();
    let mut node = Node::start(large, TCP, |_| {}).await;
    let raw = Raw::connect([small; 32], &node.at).await.expect("it connects");
    let mut stream = raw.link(PROTOCOL).await.expect("a link");
    assert!(stream.write(&[0, 0, 0, 1, 5]).await);
    assert_eq!(node.ended().await, Down::BadControl);
    assert!(raw.ended().await, "the node closes the connection");
}

#[tokio::test]
async fn an_unknown_control_word_ends_the_link() {
    let (mut node, raw, mut stream) = linked(TCP, |_| {}).await;
    assert!(stream.write(&[0, 0, 0, 0, 99]).await);
    assert_eq!(node.ended().await, Down::BadControl);
    assert!(raw.ended().await, "the node closes the connection");
}

#[tokio::test]
async fn a_second_stream_ends_the_link() {
    let (mut node, raw, _stream) = linked(TCP, |_| {}).await;
    let _second = raw.open(PROTOCOL).await.expect("a stream");
    assert_eq!(node.ended().await, Down::SecondStream);
    assert!(raw.ended().await, "the node closes the connection");
}

#[tokio::test]
async fn a_peer_that_falls_silent_is_given_up_after_a_ping() {
    let (mut node, raw, mut stream) = linked(TCP, |config| {
        config.patience.answer_within = Duration::from_millis(100);
        config.patience.pong_within = Duration::from_millis(300);
    })
    .await;
    node.network.send(LinkId(1), b"anyone?".to_vec()).unwrap();
    assert_eq!(node.ended().await, Down::Silent);
    let said = timeout(LONG, stream.read_to_end()).await.expect("it closes");
    assert!(said.starts_with(b"\0\0\0\x07anyone?\0\0\0\0\x02"), "a frame, then a ping");
    assert!(raw.ended().await, "the node closes the connection");
}

#[tokio::test]
async fn a_flood_of_pings_harms_no_other_link() {
    let (mut node, _raw, mut stream) = linked(TCP, |_| {}).await;
    let (good, _events, link) = neighbour(&mut node).await;
    let flood = tokio::spawn(async move {
        let pings: Vec<u8> = [0, 0, 0, 0, 2].repeat(13_000);
        for _ in 0..20 {
            if timeout(Duration::from_millis(200), stream.write(&pings)).await.is_err() {
                return;
            }
        }
    });
    good.send(link, b"unharmed".to_vec()).unwrap();
    loop {
        if let Event::Frame { bytes, .. } = node.next().await {
            assert_eq!(bytes, b"unharmed");
            break;
        }
    }
    flood.await.unwrap();
}

#[tokio::test]
async fn a_flood_of_frames_is_held_back_while_the_owner_looks_away() {
    for wire in [TCP, QUIC] {
        let (mut node, _raw, mut stream) = linked(wire, |config| config.limits.events = 8).await;
        let mut sent = 0_usize;
        let frame = [&[0, 0, 0xea, 0x60][..], &[7; 60_000]].concat();
        while timeout(Duration::from_millis(500), stream.write(&frame)).await.is_ok() {
            sent += frame.len();
            assert!(sent < 4 * 1024 * 1024, "nothing holds the flood back");
        }
        let Event::Frame { bytes, .. } = node.next().await else { panic!("a frame comes next") };
        assert_eq!(bytes, [7; 60_000]);
    }
}

#[tokio::test]
async fn half_open_handshakes_are_bounded_and_end() {
    let mut node = Node::start(1, TCP, |config| config.limits.handshakes = 4).await;
    let socket = address::tcp_socket(&address::to_multiaddr(&node.at).unwrap()).unwrap();
    let mut idle = Vec::new();
    for _ in 0..40 {
        idle.push(tokio::net::TcpStream::connect(socket).await.unwrap());
    }
    let mut dropped = 0;
    for mut socket in idle {
        let mut byte = [0];
        let read = tokio::io::AsyncReadExt::read(&mut socket, &mut byte);
        dropped += u32::from(!matches!(timeout(Duration::from_millis(50), read).await, Err(_) | Ok(Ok(1))));
    }
    assert!(dropped >= 36, "only {dropped} of 40 were dropped at once");
    let mut refused = 0;
    while refused < dropped.into() {
        if let Event::Refused { connections, .. } = node.next().await {
            refused += connections;
        }
    }
    // The four that were let in have been dropped with this scope; there is room again.
    neighbour(&mut node).await;
}

#[tokio::test]
async fn a_link_beyond_the_limit_is_refused_and_those_that_stand_are_not_harmed() {
    for wire in [TCP, QUIC] {
        let (mut node, raw, mut stream) = linked(wire, |config| config.limits.links_incoming = 2).await;
        let (good, _events, link) = neighbour(&mut node).await;
        for seed in 90..94 {
            // Noise has to be done before anybody can be counted; then it ends at once.
            let Some(third) = Raw::connect([seed; 32], &node.at).await else { continue };
            assert!(third.ended().await, "there is no place for a third");
        }
        good.send(link, b"unharmed".to_vec()).unwrap();
        assert_eq!(node.frame().await, b"unharmed");
        assert!(stream.write(&[0, 0, 0, 1, 7]).await, "nor is the first link harmed");
        assert_eq!(node.frame().await, [7]);
        drop(raw);
    }
}

#[tokio::test]
async fn a_process_that_has_grown_too_large_takes_no_further_connection() {
    let mut node = Node::start(1, TCP, |config| config.limits.memory_bytes = Some(1)).await;
    for seed in 90..94 {
        let Some(raw) = Raw::connect([seed; 32], &node.at).await else { continue };
        assert!(raw.ended().await, "it is closed at once");
    }
    assert_eq!(node.ended().await, Down::Limit, "the owner is told");
    // What its owner wishes it still does.
    let other = Node::start(3, TCP, |_| {}).await;
    node.network
        .dial(Target { peer: Some(other.network.local()), addresses: vec![other.at.clone()] })
        .unwrap();
    node.up().await;
}

#[tokio::test]
async fn one_address_gets_its_share_of_the_places_and_no_more() {
    let limits = Limits { links_per_address: 2, handshakes: 12, ..Limits::default() };
    let (events, _) = tokio::sync::mpsc::channel(1);
    let me = address::peer_of(&IdentitySeed::new([1; 32]).peer_name()).unwrap();
    let protocol = libp2p::StreamProtocol::new(PROTOCOL);
    let (patience, registry) = (crate::Patience::default(), std::sync::Arc::default());
    let mut links = Links::new(Shared { me, protocol, limits, patience, events, registry });
    let here: Multiaddr = "/ip4/192.0.2.1/tcp/1".parse().unwrap();
    let mut knock = |number: usize, from: &str| {
        let from = from.parse().unwrap();
        links.handle_pending_inbound_connection(ConnectionId::new_unchecked(number), &here, &from).is_ok()
    };
    let crowd = "/ip4/203.0.113.9/tcp/9";
    assert!((0..3).all(|number| knock(number, crowd)), "a quarter of all handshakes");
    assert!(!knock(3, crowd), "and not one more");
    assert!(knock(4, "/ip4/203.0.113.10/tcp/9"), "others have their own");
    assert!((20..23).all(|number| knock(number, &format!("/ip6/2001:db8::{number}/tcp/9"))));
    assert!(!knock(23, "/ip6/2001:db8::ffff:1/tcp/9"), "64 bits of an IPv6 address are one household");
    assert!(knock(24, "/ip6/2001:db8:0:1::1/tcp/9"), "others have their own");
    assert!((30..60).all(|number| knock(number, "/ip6/::1/tcp/9")), "who is here already is not counted");
    for number in 0..2 {
        let (id, from) = (ConnectionId::new_unchecked(number), crowd.parse().unwrap());
        assert!(links.handle_established_inbound_connection(id, me, &here, &from).is_ok());
    }
    let id = ConnectionId::new_unchecked(5);
    let mut knock =
        |from: &str| links.handle_pending_inbound_connection(id, &here, &from.parse().unwrap()).is_ok();
    assert!(!knock(crowd), "two have come in, and two are all that one address gets");
    assert!(knock("/ip4/203.0.113.10/tcp/10"), "others still have their own");
}

#[tokio::test]
async fn noise_on_the_socket_ends_nothing_but_itself() {
    let mut node = Node::start(1, TCP, |_| {}).await;
    let socket = address::tcp_socket(&address::to_multiaddr(&node.at).unwrap()).unwrap();
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 5000], &[0; 70_000], b"\x13/multistream/1.0.0\n"]
    {
        let mut socket = tokio::net::TcpStream::connect(socket).await.unwrap();
        let _ = tokio::io::AsyncWriteExt::write_all(&mut socket, garbage).await;
    }
    neighbour(&mut node).await;
}
