//! What waits at a relay: how fast it is read, and how soon the first of it.

use std::path::Path;
use std::time::{Duration, Instant};

use madang_core::{ConversationId, Delivery, Event};
use relay::{Relay, Settings, Snapshot};
use serde_json::{Value, json};

use crate::Failure;
use crate::meter::{memory, percentile, processor};
use crate::people::{Person, befriend, is_mail, person, reopened, text, until};

const READER: &str = "reader";
/// How often the relay is looked at for receipts, and for how long at most.
const POLL: Duration = Duration::from_millis(20);
const ACKNOWLEDGED_MAX: Duration = Duration::from_secs(60);

/// Messages from many senders, all at the relay before the reader starts: decrypted, durable and acknowledged.
pub(crate) async fn drain(place: &Path, senders: usize, each: usize) -> Result<Value, Failure> {
    let relay = Relay::start(Settings::loopback(place.join("relay"))).await?;
    let people = senders_of(place, &relay, senders).await?;
    leave(people, each).await?;
    let count = senders * each;
    let before = relay.counters();
    let (began, spent_before) = (Instant::now(), processor());
    let mut reader = reopened(place, READER).await?;
    let opened = began.elapsed().as_secs_f64();
    let mut first = 0.0;
    for number in 0..count {
        until(&mut reader.events, is_mail).await?;
        if number == 0 {
            first = began.elapsed().as_secs_f64();
        }
    }
    let (took, spent) = (began.elapsed().as_secs_f64(), processor() - spent_before);
    acknowledged(&relay, &before, senders).await?;
    let (told, spent_told) = (began.elapsed().as_secs_f64(), processor() - spent_before);
    reader.node.shutdown().await;
    relay.shutdown().await?;
    let reading = took - opened;
    Ok(json!({
        "messages": count, "senders": senders, "seconds_in_all": took, "open_seconds": opened,
        "first_message_seconds": first, "seconds": reading,
        "messages_per_second": count as f64 / reading, "messages_per_second_with_opening": count as f64 / took,
        "processor_us_each_with_relay": spent * 1e6 / count as f64,
        "acknowledged_seconds": told - opened, "processor_us_each_acknowledged": spent_told * 1e6 / count as f64,
        "rss_peak_mib": memory("VmHWM"),
    }))
}

/// Waits until the relay has taken as many envelopes as there are senders. What the reader leaves then are receipts; what
/// they have read may lie there longer.
async fn acknowledged(relay: &Relay, before: &Snapshot, senders: usize) -> Result<(), Failure> {
    let limit = Instant::now() + ACKNOWLEDGED_MAX;
    loop {
        let receipts = relay.counters().accepted - before.accepted;
        if receipts >= senders as u64 {
            return Ok(());
        }
        if Instant::now() > limit {
            return Err(format!("of {senders} receipts {receipts} came to the relay").into());
        }
        tokio::time::sleep(POLL).await;
    }
}

/// From the opening of a profile with twenty contacts to the first message that waits for it. The key of these
/// profiles costs next to nothing to derive; the real derivation is timed by the part `unlock`.
pub(crate) async fn cold(place: &Path, rounds: usize) -> Result<Value, Failure> {
    let relay = Relay::start(Settings::loopback(place.join("relay"))).await?;
    let mut people = senders_of(place, &relay, 20).await?;
    let (mut times, mut spent) = (Vec::new(), 0.0);
    for _ in 0..rounds {
        let (sender, conversation) = &mut people[0];
        leave_one(sender, *conversation).await?;
        let (began, before) = (Instant::now(), processor());
        let mut reader = reopened(place, READER).await?;
        until(&mut reader.events, is_mail).await?;
        times.push(began.elapsed());
        spent += processor() - before;
        reader.node.shutdown().await;
    }
    for (sender, _) in people {
        sender.node.shutdown().await;
    }
    relay.shutdown().await?;
    Ok(json!({ "rounds": rounds, "contacts": 20, "seconds_p50": percentile(&times, 50) / 1e3,
               "seconds_max": percentile(&times, 100) / 1e3,
               "processor_ms_each_with_relay_and_senders": spent * 1e3 / rounds as f64 }))
}

/// Makes a reader who lives at the relay and is away, and people who know that reader.
async fn senders_of(
    place: &Path,
    relay: &Relay,
    count: usize,
) -> Result<Vec<(Person, ConversationId)>, Failure> {
    let reader = person(place, READER, false).await?;
    reader.node.relay_add(&relay.descriptor()).await?;
    let mut people = Vec::new();
    for number in 0..count {
        let mut sender = person(place, &format!("sender-{number}"), false).await?;
        befriend(&reader, &mut sender, None).await?;
        let contact = sender.node.contacts().await?.pop().ok_or("no contact")?;
        people.push((sender, contact.conversation.ok_or("no conversation")?));
    }
    reader.node.shutdown().await;
    Ok(people)
}

/// Lets all of them write at once, each message into an envelope of its own, and go.
async fn leave(people: Vec<(Person, ConversationId)>, each: usize) -> Result<(), Failure> {
    let mut writing = tokio::task::JoinSet::new();
    for (mut sender, conversation) in people {
        writing.spawn(async move {
            for _ in 0..each {
                leave_one(&mut sender, conversation).await.map_err(|error| error.to_string())?;
            }
            sender.node.shutdown().await;
            Ok::<_, String>(())
        });
    }
    while let Some(done) = writing.join_next().await {
        done??;
    }
    Ok(())
}

async fn leave_one(sender: &mut Person, conversation: ConversationId) -> Result<(), Failure> {
    let id = sender.node.send(conversation, &text(), None).await?;
    let is_there = |event: &Event| matches!(event, Event::Delivery { id: of, delivery: Delivery::OnRelay { .. }, .. } if *of == id);
    until(&mut sender.events, is_there).await
}
