//! What a link costs above the bare stream below it: time there and back of one small frame, and bulk.
//!
//! `cargo bench -p madang-net --bench link` prints one JSON object. Both sides of each pair live in this process
//! and share its processor, so only figures of one run may be compared.

mod bare;

use std::time::{Duration, Instant};

use bare::{FRAME_BYTES, PROTOCOL, WARM_UP};
use futures::{AsyncReadExt, AsyncWriteExt};
use madang_net::{Config, Event, Events, IdentitySeed, Network, SendError, Target};
use proto::id::{Address, LinkId};
use serde_json::json;

const ROUNDS: usize = 5000;
const BULK_FRAME_BYTES: usize = 61_440;
const BULK_FRAMES: usize = 2000;

async fn bare_bulk(listen: &str) -> f64 {
    let (mut one, mut other) = bare::pair(listen).await;
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
        let bare = bare::latency(listen, ROUNDS).await;
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
