//! What a conversation costs: latency on a direct link and through a relay, the drain of waiting mail.
//!
//! `cargo run --release -p madang-tests --bin bench-conversation [direct|relay|drain|all] [messages]` prints one JSON
//! object a line. Each latency stands beside `fdatasync` of 4 KiB on the same disk in the same run.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use madang_core::{Address, Config, Cost, Delivery, Event, Events, Node};
use relay::{Relay, Settings};
use serde_json::json;

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    net::scrub_environment()?;
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_else(|| "all".into());
    let scale: usize = arguments.next().map_or(Ok(1_000), |s| s.parse())?;
    if !matches!(what.as_str(), "direct" | "relay" | "drain" | "all") {
        return Err("say what to measure: direct, relay, drain or all".into());
    }
    let place = tempfile::tempdir()?;
    if matches!(what.as_str(), "direct" | "all") {
        println!("{}", direct(place.path(), scale.min(2_000)).await?);
    }
    if matches!(what.as_str(), "relay" | "all") {
        println!("{}", through_relay(place.path(), scale.min(2_000)).await?);
    }
    if matches!(what.as_str(), "drain" | "all") {
        println!("{}", drain(place.path(), 100, scale.div_ceil(100).clamp(1, 100)).await?);
    }
    Ok(())
}

struct Person {
    node: Node,
    events: Events,
}

async fn person(place: &Path, name: &str, direct: bool) -> Result<Person, Failure> {
    let listen = if direct { vec![Address::parse("/ip4/127.0.0.1/tcp/0")?] } else { Vec::new() };
    let config =
        Config { name: name.into(), listen, discovery: false, cost: Cost::for_tests(), ..Config::default() };
    let (node, events) = Node::create(&place.join(name), b"bench", config).await?;
    Ok(Person { node, events })
}

async fn direct(place: &Path, count: usize) -> Result<serde_json::Value, Failure> {
    let mut alice = person(place, "direct-alice", true).await?;
    let mut bob = person(place, "direct-bob", true).await?;
    let invite = alice.node.invite(30).await?;
    bob.node.accept(&invite, None).await?;
    let address = loop {
        match alice.node.addresses().await?.into_iter().next() {
            Some(address) => break address,
            None => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    bob.node.dial(address.as_str()).await?;
    let latencies = one_way(&mut alice, &mut bob, count).await?;
    let sync = fdatasync(place)?;
    end([alice, bob]).await;
    Ok(report("direct", &latencies, &sync))
}

async fn through_relay(place: &Path, count: usize) -> Result<serde_json::Value, Failure> {
    let relay = Relay::start(Settings::loopback(place.join("relay"))).await?;
    let mut alice = person(place, "relay-alice", false).await?;
    let mut bob = person(place, "relay-bob", false).await?;
    alice.node.relay_add(&relay.descriptor()).await?;
    let invite = alice.node.invite(30).await?;
    bob.node.accept(&invite, None).await?;
    let latencies = one_way(&mut alice, &mut bob, count).await?;
    let sync = fdatasync(place)?;
    end([alice, bob]).await;
    relay.shutdown().await?;
    Ok(report("relay", &latencies, &sync))
}

/// Waits for the contact, warms up, then times messages one at a time: from the call to the reader's event.
async fn one_way(alice: &mut Person, bob: &mut Person, count: usize) -> Result<Vec<Duration>, Failure> {
    until(&mut bob.events, |e| matches!(e, Event::ContactLive(_))).await;
    let contact = alice.node.contacts().await?.pop().ok_or("no contact")?;
    let conversation = contact.conversation.ok_or("no conversation")?;
    let text = "x".repeat(400);
    let mut latencies = Vec::with_capacity(count);
    for round in 0..count + 20 {
        let began = Instant::now();
        alice.node.send(conversation, &text, None).await?;
        until(&mut bob.events, |e| matches!(e, Event::Message { mine: false, .. })).await;
        if round >= 20 {
            latencies.push(began.elapsed());
        }
    }
    Ok(latencies)
}

async fn drain(place: &Path, senders: usize, each: usize) -> Result<serde_json::Value, Failure> {
    let relay = Relay::start(Settings::loopback(place.join("drain-relay"))).await?;
    let reader = person(place, "drain-reader", false).await?;
    reader.node.relay_add(&relay.descriptor()).await?;
    let mut people = Vec::new();
    for number in 0..senders {
        let invite = reader.node.invite(30).await?;
        let mut sender = person(place, &format!("drain-{number}"), false).await?;
        let contact = sender.node.accept(&invite, None).await?;
        until(&mut sender.events, |e| matches!(e, Event::ContactLive(_))).await;
        let contacts = sender.node.contacts().await?;
        let conversation =
            contacts.iter().find(|c| c.id == contact).and_then(|c| c.conversation).ok_or("none")?;
        people.push((sender, conversation));
    }
    reader.node.shutdown().await;
    drop(reader);
    let text = "x".repeat(400);
    for (sender, conversation) in &mut people {
        for _ in 0..each {
            let id = sender.node.send(*conversation, &text, None).await?;
            until(
                &mut sender.events,
                |e| matches!(e, Event::Delivery { id: of, delivery: Delivery::OnRelay { .. }, .. } if *of == id),
            )
            .await;
        }
    }
    for (sender, _) in people {
        sender.node.shutdown().await;
    }
    let (began, processor_before) = (Instant::now(), processor());
    let config = Config { listen: Vec::new(), discovery: false, ..Config::default() };
    let (node, mut events) = Node::open(&place.join("drain-reader"), b"bench", config).await?;
    let opened = began.elapsed();
    let mut first = None;
    let mut read = 0;
    while read < senders * each {
        match events.next().await {
            Some(Event::Message { mine: false, .. }) => {
                first.get_or_insert(began.elapsed());
                read += 1;
            }
            Some(Event::Lagged) => return Err("the reader of events lagged".into()),
            Some(_) => {}
            None => return Err("the node ended".into()),
        }
    }
    let took = began.elapsed();
    let spent = processor() - processor_before;
    node.shutdown().await;
    relay.shutdown().await?;
    Ok(json!({
        "what": "drain", "messages": read, "senders": senders, "seconds": took.as_secs_f64(),
        "open_seconds": opened.as_secs_f64(), "first_message_seconds": first.map(|f| f.as_secs_f64()),
        "messages_per_second": read as f64 / took.as_secs_f64(),
        "processor_ms_per_message_with_relay": spent * 1e3 / read as f64,
    }))
}

async fn until(events: &mut Events, wanted: impl Fn(&Event) -> bool) {
    while let Some(event) = events.next().await {
        if wanted(&event) {
            return;
        }
    }
}

async fn end<const N: usize>(people: [Person; N]) {
    for person in people {
        person.node.shutdown().await;
    }
}

/// Times 200 durable writes of 4 KiB at the end of a file: what one commit costs at the very least.
fn fdatasync(place: &Path) -> std::io::Result<Vec<Duration>> {
    let mut file = std::fs::File::create(place.join("floor"))?;
    let mut times = Vec::new();
    for _ in 0..200 {
        file.write_all(&[7; 4096])?;
        let began = Instant::now();
        file.sync_data()?;
        times.push(began.elapsed());
    }
    Ok(times)
}

fn processor() -> f64 {
    // SAFETY: the struct is plain numbers, and the call fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

fn report(what: &str, times: &[Duration], sync: &[Duration]) -> serde_json::Value {
    let (p50, floor) = (percentile(times, 50), percentile(sync, 50));
    json!({
        "what": what, "messages": times.len(), "p50_ms": p50, "p90_ms": percentile(times, 90),
        "p99_ms": percentile(times, 99), "fdatasync_p50_ms": floor, "p50_less_two_fdatasyncs_ms": p50 - 2.0 * floor,
    })
}

fn percentile(times: &[Duration], percent: usize) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() * percent / 100).map_or(0.0, |d| d.as_secs_f64() * 1e3)
}
