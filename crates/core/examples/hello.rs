//! Two nodes on one machine greet each other over a direct link: `cargo run -p madang-core --example hello`.

use madang_core::{Address, Config, ContactState, Cost, Delivery, Event, Events, Node};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    madang_core::scrub_environment()?;
    let place = tempfile::tempdir()?;
    let config = |name: &str| Config {
        name: name.into(),
        listen: vec![Address::parse("/ip4/127.0.0.1/tcp/0").expect("an address")],
        discovery: false,
        cost: Cost::FLOOR,
        ..Config::default()
    };
    let (alice, mut alice_events) =
        Node::create(&place.path().join("alice"), b"tall pine wind", config("Alice")).await?;
    let (bob, mut bob_events) =
        Node::create(&place.path().join("bob"), b"grey river stone", config("Bob")).await?;

    // An invite is a secret: in life it goes over a road that both trust.
    let invite = alice.invite(30).await?;
    let friend = bob.accept(&invite, Some("Alice")).await?;

    // On a local network they would find each other. Here Bob is told where Alice listens.
    let address = loop {
        if let Some(address) = alice.addresses().await?.into_iter().next() {
            break address;
        }
        tokio::task::yield_now().await;
    };
    bob.dial(address.as_str()).await?;
    until(&mut bob_events, |e| matches!(e, Event::ContactLive(_))).await;

    let contact = bob.contacts().await?.into_iter().find(|c| c.id == friend).ok_or("no contact")?;
    assert_eq!(contact.state, ContactState::Live);
    println!("safety number: {}", bob.safety_number(friend).await?);

    let conversation = contact.conversation.ok_or("no conversation")?;
    bob.send(conversation, "안녕, Alice", None).await?;
    until(&mut alice_events, |e| matches!(e, Event::Message { mine: false, .. })).await;
    for message in alice.history(conversation, None, 10).await?.messages {
        println!("Alice reads: {}", message.text.unwrap_or_default());
    }
    until(&mut bob_events, |e| matches!(e, Event::Delivery { delivery: Delivery::Delivered, .. })).await;
    println!("Bob knows that it was delivered");

    alice.shutdown().await;
    bob.shutdown().await;
    Ok(())
}

async fn until(events: &mut Events, wanted: impl Fn(&Event) -> bool) {
    while let Some(event) = events.next().await {
        if wanted(&event) {
            return;
        }
    }
}
