//! What waits at a relay: how fast it is read, and how soon the first of it.

use std::path::Path;
use std::time::{Duration, Instant};

use madang_core::{ConversationId, Delivery, Event, MessageId, Step};
use relay::{Relay, Settings};
use serde_json::{Value, json};

use crate::Failure;
use crate::meter::{memory, percentile, processor};
use crate::people::{Person, befriend, is_mail, person, reopened, text, until};

const READER: &str = "reader";
/// How often is looked for receipts.
const POLL: Duration = Duration::from_millis(20);
/// A receipt leaves within five seconds after its message came. Where nothing came to the relay for so long, all have left.
const QUIET: Duration = Duration::from_secs(7);
/// How long a sender who is back waits for its receipt.
const BACK_MAX: Duration = Duration::from_secs(60);

/// Messages from many senders, all at the relay before the reader starts: decrypted, durable and acknowledged. At the
/// end the reader goes and the senders come back: what each wrote last must be known to it as delivered.
pub(crate) async fn drain(place: &Path, senders: usize, each: usize) -> Result<Value, Failure> {
    let relay = Relay::start(Settings::loopback(place.join("relay"))).await?;
    let people = senders_of(place, &relay, senders).await?;
    let last = leave(people, each).await?;
    let count = senders * each;
    let before = relay.counters().accepted;
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
    let (told, receipts, spent_told) = acknowledged(&relay, before, began).await;
    reader.node.shutdown().await;
    for (name, message) in &last {
        delivered(place, name, *message).await?;
    }
    relay.shutdown().await?;
    let reading = took - opened;
    Ok(json!({
        "messages": count, "senders": senders, "seconds_in_all": took, "open_seconds": opened,
        "first_message_seconds": first, "seconds": reading,
        "messages_per_second": count as f64 / reading, "messages_per_second_with_opening": count as f64 / took,
        "processor_us_each_with_relay": spent * 1e6 / count as f64,
        "acknowledged_seconds": told - opened, "receipts": receipts,
        "processor_us_each_acknowledged": (spent_told - spent_before) * 1e6 / count as f64,
        "rss_peak_mib": memory("VmHWM"),
    }))
}

/// Waits until no more receipts come to the relay. Gives when the last one came, in seconds since `began`, how many came
/// since `before`, and the processor time spent until then.
async fn acknowledged(relay: &Relay, before: u64, began: Instant) -> (f64, u64, f64) {
    let mut last = (began.elapsed(), relay.counters().accepted, processor());
    while began.elapsed() - last.0 < QUIET {
        tokio::time::sleep(POLL).await;
        let accepted = relay.counters().accepted;
        if accepted != last.1 {
            last = (began.elapsed(), accepted, processor());
        }
    }
    (last.0.as_secs_f64(), last.1 - before, last.2)
}

/// Lets a sender come back, with the relay alone, and waits until it knows that its message was delivered.
async fn delivered(place: &Path, name: &str, message: MessageId) -> Result<(), Failure> {
    let sender = reopened(place, name).await?;
    let limit = Instant::now() + BACK_MAX;
    while !sender.node.trail(message).await?.iter().any(|known| matches!(known.step, Step::Delivered)) {
        if Instant::now() > limit {
            return Err(format!("{name} was not told that its last message came").into());
        }
        tokio::time::sleep(POLL).await;
    }
    sender.node.shutdown().await;
    Ok(())
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
        let mut sender = person(place, &sender_name(number), false).await?;
        befriend(&reader, &mut sender, None).await?;
        let contact = sender.node.contacts().await?.pop().ok_or("no contact")?;
        people.push((sender, contact.conversation.ok_or("no conversation")?));
    }
    reader.node.shutdown().await;
    Ok(people)
}

/// Lets all of them write at once, each message into an envelope of its own, and go. Gives what each wrote last.
async fn leave(
    people: Vec<(Person, ConversationId)>,
    each: usize,
) -> Result<Vec<(String, MessageId)>, Failure> {
    let mut writing = tokio::task::JoinSet::new();
    for (number, (mut sender, conversation)) in people.into_iter().enumerate() {
        writing.spawn(async move {
            let mut last = None;
            for _ in 0..each {
                last = Some(leave_one(&mut sender, conversation).await.map_err(|error| error.to_string())?);
            }
            sender.node.shutdown().await;
            Ok::<_, String>(last.map(|message| (sender_name(number), message)))
        });
    }
    let mut last = Vec::new();
    while let Some(done) = writing.join_next().await {
        last.extend(done??);
    }
    Ok(last)
}

fn sender_name(number: usize) -> String {
    format!("sender-{number}")
}

async fn leave_one(sender: &mut Person, conversation: ConversationId) -> Result<MessageId, Failure> {
    let id = sender.node.send(conversation, &text(), None).await?;
    let is_there = |event: &Event| matches!(event, Event::Delivery { id: of, delivery: Delivery::OnRelay { .. }, .. } if *of == id);
    until(&mut sender.events, is_there).await?;
    Ok(id)
}
