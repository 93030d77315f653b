//! Links between networks in one process, over real sockets on loopback.

use std::collections::BTreeMap;
use std::time::Duration;

use madang_net::{
    Config, DialFailure, Down, Event, Events, IdentitySeed, Network, Patience, SendError, Target,
};
use proto::id::{Address, LinkId, PeerName};
use tokio::time::timeout;

const PROTOCOL: &str = "/madang/test/1";

/// A test that waits this long has failed. Nothing here is expected to come near it.
const LONG: Duration = Duration::from_secs(60);

const TCP: &str = "/ip4/127.0.0.1/tcp/0";
const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";
const TCP6: &str = "/ip6/::1/tcp/0";
const QUIC6: &str = "/ip6/::1/udp/0/quic-v1";

struct Node {
    network: Network,
    events: Events,
    addresses: Vec<Address>,
}

impl Node {
    async fn start(seed: u8, listen: &[&str]) -> Self {
        Self::start_with(seed, listen, |_| {}).await
    }

    async fn start_with(seed: u8, listen: &[&str], change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(IdentitySeed::new([seed; 32]), PROTOCOL);
        config.listen = listen.iter().map(|text| Address::parse(text).unwrap()).collect();
        change(&mut config);
        let (network, events) = Network::start(config).unwrap_or_else(|error| panic!("{error}"));
        let mut node = Self { network, events, addresses: Vec::new() };
        while node.addresses.len() < listen.len() {
            if let Event::Listening(address) = node.next().await {
                node.addresses.push(address);
            }
        }
        node
    }

    async fn next(&mut self) -> Event {
        timeout(LONG, self.events.recv()).await.expect("an event in time").expect("the network runs")
    }

    fn target(&self) -> Target {
        Target { peer: Some(self.network.local()), addresses: self.addresses.clone() }
    }

    async fn up(&mut self) -> (LinkId, PeerName, bool) {
        loop {
            match self.next().await {
                Event::LinkUp { link, peer, dialer, .. } => return (link, peer, dialer),
                Event::LinkDown { reason, .. } => panic!("a link went down: {reason}"),
                Event::DialFailed { reason, .. } => panic!("a dial failed: {reason}"),
                _ => {}
            }
        }
    }

    async fn frame(&mut self) -> (LinkId, Vec<u8>) {
        loop {
            match self.next().await {
                Event::Frame { link, bytes } => return (link, bytes),
                Event::LinkDown { reason, .. } => panic!("a link went down: {reason}"),
                _ => {}
            }
        }
    }

    async fn down(&mut self) -> (LinkId, Down) {
        loop {
            if let Event::LinkDown { link, reason } = self.next().await {
                return (link, reason);
            }
        }
    }

    async fn dial_failure(&mut self) -> DialFailure {
        loop {
            if let Event::DialFailed { reason, .. } = self.next().await {
                return reason;
            }
        }
    }
}

/// Links two nodes and exchanges a frame in each direction.
async fn greet(a: &mut Node, b: &mut Node) -> (LinkId, LinkId) {
    a.network.dial(b.target()).unwrap();
    let (at_a, peer, dialer) = a.up().await;
    assert_eq!((peer, dialer), (b.network.local(), true));
    let (at_b, peer, dialer) = b.up().await;
    assert_eq!((peer, dialer), (a.network.local(), false));
    a.network.send(at_a, b"from a".to_vec()).unwrap();
    b.network.send(at_b, b"from b".to_vec()).unwrap();
    assert_eq!(b.frame().await, (at_b, b"from a".to_vec()));
    assert_eq!(a.frame().await, (at_a, b"from b".to_vec()));
    (at_a, at_b)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_networks_of_one_process_link_over_each_wire() {
    for wire in [TCP, QUIC, TCP6, QUIC6] {
        let (mut a, mut b) = (Node::start(1, &[]).await, Node::start(2, &[wire]).await);
        greet(&mut a, &mut b).await;
        a.network.shutdown().await;
        assert_eq!(b.down().await.1, Down::Closed, "{wire}");
        b.network.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_the_smaller_name_may_dial_or_be_dialled() {
    let (mut a, mut b) = (Node::start(1, &[TCP]).await, Node::start(2, &[TCP]).await);
    greet(&mut a, &mut b).await;
    let (mut c, mut d) = (Node::start(3, &[TCP]).await, Node::start(4, &[TCP]).await);
    greet(&mut d, &mut c).await;
    let (mut e, mut f) = (Node::start(2, &[TCP]).await, Node::start(1, &[TCP]).await);
    greet(&mut e, &mut f).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_of_every_size_arrive_whole_and_in_order() {
    for wire in [TCP, QUIC] {
        let (mut a, mut b) = (Node::start(1, &[]).await, Node::start(2, &[wire]).await);
        let (at_a, at_b) = greet(&mut a, &mut b).await;
        let sizes = [1, 2, 400, 4092, 4093, 16_384, 61_440, madang_net::FRAME_BYTES_MAX];
        for round in 0..40_u8 {
            for size in sizes {
                a.network.send(at_a, vec![round; size]).unwrap_or_else(|error| {
                    assert_eq!(error, SendError::Full);
                });
            }
            for size in sizes {
                assert_eq!(b.frame().await, (at_b, vec![round; size]));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_simultaneous_dial_ends_in_one_link_on_which_nothing_is_lost() {
    for round in 0..20_u8 {
        let mut a = Node::start(2 * round + 1, &[TCP, QUIC]).await;
        let mut b = Node::start(2 * round + 2, &[TCP, QUIC]).await;
        a.network.keep(b.target()).unwrap();
        b.network.keep(a.target()).unwrap();
        let (at_a, ..) = a.up().await;
        let (at_b, ..) = b.up().await;
        for number in 0..50_u8 {
            a.network.send(at_a, vec![number]).unwrap();
            b.network.send(at_b, vec![number]).unwrap();
            assert_eq!(b.frame().await, (at_b, vec![number]));
            assert_eq!(a.frame().await, (at_a, vec![number]));
        }
        a.network.shutdown().await;
        b.network.shutdown().await;
        let mut links_of_a = 1;
        while let Some(event) = a.events.recv().await {
            links_of_a += u32::from(matches!(event, Event::LinkUp { .. }));
        }
        assert_eq!(links_of_a, 1, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_returns_with_the_same_identity_is_linked_again() {
    let mut a = Node::start(1, &[]).await;
    let mut b = Node::start(2, &[TCP]).await;
    let place = b.addresses[0].clone();
    a.network.keep(b.target()).unwrap();
    for _ in 0..3 {
        let (at_a, ..) = a.up().await;
        b.up().await;
        b.network.shutdown().await;
        assert_eq!(a.down().await, (at_a, Down::Closed));
        b = Node::start(2, &[place.as_str()]).await;
    }
    a.up().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_released_target_is_not_dialled_again() {
    let mut a = Node::start(1, &[]).await;
    let mut b = Node::start(2, &[TCP]).await;
    a.network.keep(b.target()).unwrap();
    let (at_a, ..) = a.up().await;
    let (at_b, ..) = b.up().await;
    a.network.release(b.target()).unwrap();
    a.network.close(at_a);
    assert_eq!(a.down().await, (at_a, Down::Local));
    assert_eq!(b.down().await, (at_b, Down::Closed));
    let mut c = Node::start(3, &[]).await;
    greet(&mut c, &mut b).await;
    a.network.shutdown().await;
    while let Some(event) = a.events.recv().await {
        assert!(!matches!(event, Event::LinkUp { .. }));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_before_closing_arrives_and_then_the_end() {
    for wire in [TCP, QUIC] {
        // However busy the machine is, nothing is cut off.
        let patient = |config: &mut Config| config.patience.close_within = LONG;
        let (mut a, mut b) = (Node::start_with(1, &[], patient).await, Node::start(2, &[wire]).await);
        let (at_a, at_b) = greet(&mut a, &mut b).await;
        for number in 0..20_u8 {
            a.network.send(at_a, vec![number; 60_000]).unwrap();
        }
        a.network.close(at_a);
        assert_eq!(a.network.send(at_a, vec![1]), Err(SendError::Gone));
        for number in 0..20_u8 {
            assert_eq!(b.frame().await, (at_b, vec![number; 60_000]));
        }
        assert_eq!(b.down().await, (at_b, Down::Closed));
        assert_eq!(a.down().await, (at_a, Down::Local));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lagging_owner_slows_the_sender_and_loses_nothing() {
    for wire in [TCP, QUIC] {
        let mut a = Node::start(1, &[]).await;
        let mut b = Node::start_with(2, &[wire], |config| config.limits.events = 4).await;
        let (at_a, at_b) = greet(&mut a, &mut b).await;
        let frame = |number: u32| {
            let mut frame = vec![0; 60_000];
            frame[..4].copy_from_slice(&number.to_be_bytes());
            frame
        };
        let mut sent = 0_u32;
        while a.network.send(at_a, frame(sent)).is_ok() {
            sent += 1;
            tokio::task::yield_now().await;
            assert!(sent < 10_000, "the sender is never slowed");
        }
        let total = sent + 500;
        let sender = tokio::spawn(async move {
            while sent < total {
                match a.network.send(at_a, frame(sent)) {
                    Ok(()) => sent += 1,
                    Err(SendError::Full) => loop {
                        if let Event::Writable { link } = a.next().await {
                            assert_eq!(link, at_a);
                            break;
                        }
                    },
                    Err(error) => panic!("{error}"),
                }
            }
            a
        });
        for number in 0..total {
            assert_eq!(b.frame().await, (at_b, frame(number)));
        }
        sender.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dial_that_cannot_succeed_says_why() {
    let mut a = Node::start(1, &[TCP]).await;
    let mut b = Node::start(2, &[TCP]).await;
    let wrong = Target { peer: Some(IdentitySeed::new([9; 32]).peer_name()), ..b.target() };
    a.network.dial(wrong).unwrap();
    assert_eq!(a.dial_failure().await, DialFailure::WrongPeer);
    a.network.dial(Target { peer: None, addresses: a.addresses.clone() }).unwrap();
    assert_eq!(a.dial_failure().await, DialFailure::Myself);
    a.network.dial(Target { addresses: vec![], ..b.target() }).unwrap();
    assert_eq!(a.dial_failure().await, DialFailure::NoAddress);
    let odd = Node::start_with(3, &[TCP], |config| config.protocol = "/madang/other/1").await;
    a.network.dial(odd.target()).unwrap();
    assert_eq!(a.dial_failure().await, DialFailure::OtherProtocol);
    let gone = b.target();
    b.network.shutdown().await;
    while b.events.recv().await.is_some() {}
    a.network.dial(gone).unwrap();
    assert_eq!(a.dial_failure().await, DialFailure::Unreachable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_answers_is_taken_if_no_name_is_asked_for() {
    let mut a = Node::start(1, &[]).await;
    let mut b = Node::start(2, &[TCP]).await;
    a.network.keep(Target { peer: None, addresses: b.addresses.clone() }).unwrap();
    assert_eq!(a.up().await.1, b.network.local());
    assert_eq!(b.up().await.1, a.network.local());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_networks_link_to_one_and_each_keeps_its_order() {
    let mut hub = Node::start_with(200, &[TCP], |config| config.limits.events = 16).await;
    let mut senders = Vec::new();
    for seed in 0..30 {
        let mut node = Node::start(seed, &[]).await;
        let target = hub.target();
        senders.push(tokio::spawn(async move {
            node.network.keep(target).unwrap();
            let (link, ..) = node.up().await;
            for number in 0..100_u8 {
                node.network.send(link, vec![number; 1000]).unwrap();
            }
            node
        }));
    }
    let mut next: BTreeMap<LinkId, u8> = BTreeMap::new();
    for _ in 0..30 * 100 {
        let (link, bytes) = hub.frame().await;
        let expected = next.entry(link).or_default();
        assert_eq!(bytes, vec![*expected; 1000]);
        *expected += 1;
    }
    assert_eq!(next.len(), 30);
    for sender in senders {
        sender.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_link_lives_by_its_pings() {
    let quick = |config: &mut Config| {
        config.patience = Patience { ping_after: Duration::from_millis(50), ..Patience::default() };
    };
    let mut a = Node::start_with(1, &[], quick).await;
    let mut b = Node::start(2, &[TCP]).await;
    let (at_a, at_b) = greet(&mut a, &mut b).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    a.network.send(at_a, b"still here".to_vec()).unwrap();
    assert_eq!(b.frame().await, (at_b, b"still here".to_vec()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shut_down_network_gives_back_its_port_and_ends_its_events() {
    let mut a = Node::start(1, &[TCP, QUIC]).await;
    let mut b = Node::start(2, &[]).await;
    greet(&mut b, &mut a).await;
    let places: Vec<String> = a.addresses.iter().map(ToString::to_string).collect();
    a.network.shutdown().await;
    assert!(a.network.dial(b.target()).is_err());
    while let Some(event) = a.events.recv().await {
        assert!(!matches!(event, Event::Frame { .. }));
    }
    let again = |places: &[String]| {
        let mut config = Config::new(IdentitySeed::new([1; 32]), PROTOCOL);
        config.listen = places.iter().map(|text| Address::parse(text).unwrap()).collect();
        Network::start(config)
    };
    // A busy machine may take a moment longer than `shutdown` waits.
    let begun = std::time::Instant::now();
    while let Err(error) = again(&places) {
        assert!(begun.elapsed() < LONG, "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let a = Node::start(1, &[TCP]).await;
    let mut config = Config::new(IdentitySeed::new([2; 32]), PROTOCOL);
    config.listen = a.addresses.clone();
    let error = Network::start(config).unwrap_err().to_string();
    assert!(error.contains(a.addresses[0].as_str()) && error.contains("choose another port"), "{error}");
}
