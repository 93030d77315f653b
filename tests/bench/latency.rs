//! How long one message takes, on a direct link and through a relay, and how many pass a link in a second.

use std::path::Path;
use std::time::{Duration, Instant};

use madang_core::ConversationId;
use relay::{Relay, Settings};
use serde_json::{Value, json};

use crate::meter::{fdatasync, percentile, processor};
use crate::people::{Person, address, befriend, end, is_mail, person, text, until};
use crate::{Failure, bare};

/// Messages that warm up before any is timed.
const WARM_UP: usize = 20;
/// Rounds of the bare stream.
const BARE_ROUNDS: usize = 2_000;
/// Messages whose answer [`stream`] has not waited for.
const UNDER_WAY: usize = 64;

pub(crate) async fn direct(place: &Path, count: usize) -> Result<Value, Failure> {
    let (mut ari, mut bora, conversation) = linked(place).await?;
    let spent = processor();
    let times = one_way(&mut ari, &mut bora, conversation, count).await?;
    let spent = processor() - spent;
    // One way is half of there and back.
    let bare = bare::latency("/ip4/127.0.0.1/tcp/0", BARE_ROUNDS).await;
    let bare_ms = percentile(&bare, 50) / 2.0;
    let sync_ms = percentile(&fdatasync(place)?, 50);
    end([ari, bora]).await;
    let p50 = percentile(&times, 50);
    Ok(json!({
        "messages": count, "p50_ms": p50, "p90_ms": percentile(&times, 90), "p99_ms": percentile(&times, 99),
        "fdatasync_p50_ms": sync_ms, "bare_stream_p50_ms": bare_ms,
        "aim_ms": 2.0 * sync_ms + 8.0 * bare_ms, "less_two_fdatasyncs_ms": p50 - 2.0 * sync_ms,
        "processor_us_each": spent * 1e6 / (count + WARM_UP) as f64,
    }))
}

/// Both ways in one run, so that the difference is of one machine in one mood.
pub(crate) async fn through_relay(place: &Path, count: usize) -> Result<Value, Failure> {
    let (mut ari, mut bora, conversation) = linked(place).await?;
    let straight = one_way(&mut ari, &mut bora, conversation, count).await?;
    end([ari, bora]).await;
    let relay = Relay::start(Settings::loopback(place.join("relay"))).await?;
    let mut ari = person(place, "relay-ari", false).await?;
    let mut bora = person(place, "relay-bora", false).await?;
    ari.node.relay_add(&relay.descriptor()).await?;
    let conversation = befriend(&ari, &mut bora, None).await?;
    let spent = processor();
    let times = one_way(&mut ari, &mut bora, conversation, count).await?;
    let spent = processor() - spent;
    let sync_ms = percentile(&fdatasync(place)?, 50);
    end([ari, bora]).await;
    relay.shutdown().await?;
    let (p50, direct_p50) = (percentile(&times, 50), percentile(&straight, 50));
    Ok(json!({
        "messages": count, "p50_ms": p50, "p90_ms": percentile(&times, 90), "p99_ms": percentile(&times, 99),
        "direct_p50_ms": direct_p50, "more_than_direct_ms": p50 - direct_p50, "fdatasync_p50_ms": sync_ms,
        "processor_us_each_with_relay": spent * 1e6 / (count + WARM_UP) as f64,
    }))
}

/// Many messages on one link: how fast a sender keeps them, and how fast the reader has them on its own disk.
pub(crate) async fn send(place: &Path, count: usize) -> Result<Value, Failure> {
    let (ari, bora, conversation) = linked(place).await?;
    let (began, spent) = (Instant::now(), processor());
    let (kept, received, bora) = stream(&ari, bora, conversation, count).await?;
    let (kept, received) = ((kept - began).as_secs_f64(), (received - began).as_secs_f64());
    let spent = processor() - spent;
    end([ari, bora]).await;
    Ok(json!({
        "messages": count, "sent_durable_per_second": count as f64 / kept,
        "received_durable_per_second": count as f64 / received,
        "processor_us_each_both_sides": spent * 1e6 / count as f64,
    }))
}

/// Sends messages over a link as fast as they are taken. Returns when the sender has kept the last, when the reader has
/// it on disk, and the reader.
pub(crate) async fn stream(
    ari: &Person,
    mut bora: Person,
    conversation: ConversationId,
    count: usize,
) -> Result<(Instant, Instant, Person), Failure> {
    let text = text();
    let reader = tokio::spawn(async move {
        for _ in 0..count {
            until(&mut bora.events, is_mail).await.map_err(|error| error.to_string())?;
        }
        Ok::<_, String>((Instant::now(), bora))
    });
    let mut under_way = tokio::task::JoinSet::new();
    for _ in 0..count {
        if under_way.len() == UNDER_WAY {
            under_way.join_next().await.transpose()?.transpose()?;
        }
        let (node, text) = (ari.node.clone(), text.clone());
        under_way.spawn(async move { node.send(conversation, &text, None).await });
    }
    while let Some(sent) = under_way.join_next().await {
        sent??;
    }
    let kept = Instant::now();
    let (ended, bora) = reader.await??;
    Ok((kept, ended, bora))
}

/// Two contacts with a direct link; the conversation is the first one's.
pub(crate) async fn linked(place: &Path) -> Result<(Person, Person, ConversationId), Failure> {
    let ari = person(place, "ari", true).await?;
    let mut bora = person(place, "bora", true).await?;
    let at = address(&ari).await?;
    let conversation = befriend(&ari, &mut bora, Some(at.as_str())).await?;
    Ok((ari, bora, conversation))
}

/// Times messages one at a time: from the call to the reader's event.
async fn one_way(
    ari: &mut Person,
    bora: &mut Person,
    conversation: ConversationId,
    count: usize,
) -> Result<Vec<Duration>, Failure> {
    let text = text();
    let mut times = Vec::with_capacity(count);
    for round in 0..count + WARM_UP {
        let began = Instant::now();
        ari.node.send(conversation, &text, None).await?;
        until(&mut bora.events, is_mail).await?;
        if round >= WARM_UP {
            times.push(began.elapsed());
        }
    }
    Ok(times)
}
