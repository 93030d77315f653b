//! What a network with discovery off does not do. Alone in its process, so that its sockets can be counted.

use std::collections::BTreeSet;
use std::fs;

use madang_net::{Config, Event, IdentitySeed, Network, any_addresses};

/// The UDP ports at which this process listens.
fn udp_ports() -> BTreeSet<u16> {
    let own: BTreeSet<String> = fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    ["/proc/self/net/udp", "/proc/self/net/udp6"]
        .iter()
        .flat_map(|table| {
            fs::read_to_string(table).unwrap().lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
        })
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let port = fields[1].rsplit_once(':')?.1;
            own.contains(fields[9]).then(|| u16::from_str_radix(port, 16).ok())?
        })
        .collect()
}

#[tokio::test]
async fn without_discovery_no_multicast_socket_is_opened() {
    const MDNS: u16 = 5353;
    let mut config = Config::new(IdentitySeed::new([1; 32]), "/madang/test/1");
    config.listen = any_addresses(0);
    let (network, mut events) = Network::start(config).unwrap();
    let mut quic = BTreeSet::new();
    while quic.is_empty() {
        if let Some(Event::Listening(address)) = events.recv().await
            && let Some((_, rest)) = address.as_str().split_once("/udp/")
        {
            quic.insert(rest.split('/').next().unwrap().parse::<u16>().unwrap());
        }
    }
    let ports = udp_ports();
    assert!(quic.is_subset(&ports), "the sockets of this process are seen: {quic:?} {ports:?}");
    assert!(!ports.contains(&MDNS), "{ports:?}");
    network.shutdown().await;
}
