//! People with real nodes, sockets and files, and how they meet.

use std::path::Path;
use std::time::Duration;

use madang_core::{Address, BackupSecret, Config, ConversationId, Cost, Event, Events, Node};

use crate::Failure;

/// A text of the length that the figures speak of.
pub(crate) fn text() -> String {
    "x".repeat(400)
}

pub(crate) struct Person {
    pub(crate) node: Node,
    pub(crate) events: Events,
}

/// Makes a profile whose passphrase costs nothing to derive, and starts it.
pub(crate) async fn person(place: &Path, name: &str, direct: bool) -> Result<Person, Failure> {
    let (node, events) = Node::create(&place.join(name), b"bench", config(name, direct)?).await?;
    Ok(Person { node, events })
}

/// Starts a profile again.
pub(crate) async fn reopened(place: &Path, name: &str) -> Result<Person, Failure> {
    let (node, events) = Node::open(&place.join(name), b"bench", config(name, false)?).await?;
    Ok(Person { node, events })
}

/// Makes a profile of a backup, and starts it.
pub(crate) async fn restored(
    place: &Path,
    name: &str,
    file: &Path,
    secret: &BackupSecret,
) -> Result<Person, Failure> {
    let (node, events) =
        Node::restore(file, secret, &place.join(name), b"bench", config(name, false)?).await?;
    Ok(Person { node, events })
}

fn config(name: &str, direct: bool) -> Result<Config, Failure> {
    let listen = if direct { vec![Address::parse("/ip4/127.0.0.1/tcp/0")?] } else { Vec::new() };
    Ok(Config { name: name.into(), listen, discovery: false, cost: Cost::for_tests(), ..Config::default() })
}

/// Makes the two contacts of each other, over a direct link to `at` or else through a relay that one of them has.
/// Gives the first one's conversation.
pub(crate) async fn befriend(
    ari: &Person,
    bora: &mut Person,
    at: Option<&str>,
) -> Result<ConversationId, Failure> {
    let invite = ari.node.invite(30).await?;
    bora.node.accept(&invite, None).await?;
    if let Some(at) = at {
        bora.node.dial(at).await?;
    }
    until(&mut bora.events, |event| matches!(event, Event::ContactLive(_))).await?;
    let contact = ari.node.contacts().await?.pop().ok_or("no contact")?;
    Ok(contact.conversation.ok_or("no conversation")?)
}

/// Where somebody takes direct links.
pub(crate) async fn address(person: &Person) -> Result<Address, Failure> {
    loop {
        match person.node.addresses().await?.into_iter().next() {
            Some(address) => return Ok(address),
            None => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// Reads events until one is wanted.
pub(crate) async fn until(events: &mut Events, wanted: impl Fn(&Event) -> bool) -> Result<(), Failure> {
    while let Some(event) = events.next().await {
        if wanted(&event) {
            return Ok(());
        }
        if matches!(event, Event::Lagged) {
            return Err("the reader of events lagged".into());
        }
    }
    Err("a node ended".into())
}

/// A message of somebody else.
pub(crate) fn is_mail(event: &Event) -> bool {
    matches!(event, Event::Message { mine: false, .. })
}

pub(crate) async fn end<const N: usize>(people: [Person; N]) {
    for person in people {
        person.node.shutdown().await;
    }
}
