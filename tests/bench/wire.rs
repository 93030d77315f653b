//! Bytes above TCP, counted by a plain proxy between two real nodes, or between a node and its relay.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use madang_core::{Address, Event};
use relay::{Relay, Settings};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::Failure;
use crate::meter::processor;
use crate::people::{address, befriend, end, is_mail, person, text, until};

/// Bytes of the envelope that a message of 400 bytes fills.
const CLASS_BYTES: u64 = 1_024;
/// How long what is still under way may take: receipts, and their acknowledgements.
const SETTLE: Duration = Duration::from_secs(4);
/// How long an idle node is watched: two questions whether it lives, four minutes apart at most 4 min 24 s.
const WATCHED: Duration = Duration::from_secs(560);

/// Messages at a steady pace on a direct link, receipts and acknowledgements included.
pub(crate) async fn paced(place: &Path, per_second: u32, count: u64) -> Result<Value, Failure> {
    let ari = person(place, "ari", true).await?;
    let mut bora = person(place, "bora", false).await?;
    let at = address(&ari).await?;
    let proxy = Proxy::to(tcp_port(&at)?).await?;
    let conversation = befriend(&ari, &mut bora, Some(&proxy.address())).await?;
    tokio::time::sleep(SETTLE).await;
    let (before, spent, text) = (proxy.bytes(), processor(), text());
    let mut tick = tokio::time::interval(Duration::from_secs(1) / per_second);
    let reading = tokio::spawn(async move {
        for _ in 0..count {
            until(&mut bora.events, is_mail).await.map_err(|error| error.to_string())?;
        }
        Ok::<_, String>(bora)
    });
    for _ in 0..count {
        tick.tick().await;
        ari.node.send(conversation, &text, None).await?;
    }
    let bora = reading.await??;
    tokio::time::sleep(SETTLE).await;
    let spent = processor() - spent;
    let (there, back) = (proxy.bytes().0 - before.0, proxy.bytes().1 - before.1);
    end([ari, bora]).await;
    let classes = (CLASS_BYTES * count) as f64;
    Ok(json!({
        "per_second": per_second, "messages": count, "bytes_each": (there + back) as f64 / count as f64,
        "processor_us_each_both_sides_and_proxy": spent * 1e6 / count as f64,
        "times_class": (there + back) as f64 / classes,
        "there_times_class": there.max(back) as f64 / classes, "back_times_class": there.min(back) as f64 / classes,
    }))
}

/// A node that follows one relay and has nothing to say.
pub(crate) async fn idle(place: &Path) -> Result<Value, Failure> {
    let relay = Relay::start(Settings::loopback(place.join("relay"))).await?;
    let port = relay.addresses().iter().find_map(|at| tcp_port(at).ok()).ok_or("the relay has no TCP")?;
    let proxy = Proxy::to(port).await?;
    let mut ari = person(place, "ari", false).await?;
    ari.node.relay_add(&proxy.address()).await?;
    until(&mut ari.events, |event| matches!(event, Event::Relay { up: true, .. })).await?;
    tokio::time::sleep(SETTLE).await;
    let (before, spent) = (proxy.bytes(), processor());
    tokio::time::sleep(WATCHED).await;
    let (after, spent) = (proxy.bytes(), processor() - spent);
    end([ari]).await;
    relay.shutdown().await?;
    let bytes = (after.0 + after.1 - before.0 - before.1) as f64;
    let days = WATCHED.as_secs_f64() / 86_400.0;
    Ok(json!({ "seconds": WATCHED.as_secs(), "bytes": bytes, "mb_per_day": bytes / days / 1e6,
               "processor_seconds_per_day_with_relay": spent / days }))
}

fn tcp_port(address: &Address) -> Result<u16, Failure> {
    let port = address.as_str().split("/tcp/").nth(1).and_then(|rest| rest.split('/').next());
    Ok(port.ok_or("no TCP address")?.parse()?)
}

/// Passes bytes on and counts them, one way and the other.
struct Proxy {
    port: u16,
    counts: Arc<[AtomicU64; 2]>,
}

impl Proxy {
    async fn to(port: u16) -> Result<Self, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let counts = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let proxy = Self { port: listener.local_addr()?.port(), counts: Arc::clone(&counts) };
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
                let _ = (near.set_nodelay(true), far.set_nodelay(true));
                let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
                tokio::spawn(pass(near_read, far_write, Arc::clone(&counts), 0));
                tokio::spawn(pass(far_read, near_write, Arc::clone(&counts), 1));
            }
        });
        Ok(proxy)
    }

    fn address(&self) -> String {
        format!("/ip4/127.0.0.1/tcp/{}", self.port)
    }

    /// Bytes from the dialling side, and to it.
    fn bytes(&self) -> (u64, u64) {
        (self.counts[0].load(Ordering::Relaxed), self.counts[1].load(Ordering::Relaxed))
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, counts: Arc<[AtomicU64; 2]>, way: usize) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        counts[way].fetch_add(count as u64, Ordering::Relaxed);
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
