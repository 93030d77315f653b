//! The practice in the window: a relay and two contacts that answer, all in a temporary folder that is removed with them.

use std::path::Path;

use madang_core::{Config, Cost, Event, Events, Node};
use relay::{Relay, Settings};
use tokio::task::JoinHandle;

/// Days for which a practice invite is good.
const INVITE_DAYS: u16 = 1;
/// How often the relay's link is looked at while the practice is set up.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(20);
/// How long the set-up may take.
const SET_UP_WAIT: std::time::Duration = std::time::Duration::from_secs(60);

/// Everybody but the person at the window.
pub(super) struct Cast {
    relay: Relay,
    players: Vec<(Node, JoinHandle<()>)>,
    folder: tempfile::TempDir,
}

impl Cast {
    /// Starts the relay, the person's temporary profile and two contacts who are on their way to it.
    pub(super) async fn gather(name: &str, korean: bool) -> Result<(Cast, Node, Events), String> {
        tokio::time::timeout(SET_UP_WAIT, gather(name, korean))
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())
    }

    /// Where all of it lies.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Stops everybody and removes the folder.
    pub(super) async fn leave(self) {
        for (node, answers) in self.players {
            answers.abort();
            node.shutdown().await;
        }
        let _ = self.relay.shutdown().await;
        let _ = tokio::task::spawn_blocking(move || self.folder.close()).await;
    }
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

async fn gather(name: &str, korean: bool) -> Result<(Cast, Node, Events), AnyError> {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("madang-practice-");
    // In memory, where the system has such a place: then nothing is left even of a practice that was killed.
    let folder = match crate::desktop::runtime_folder() {
        Some(memory) => builder.tempdir_in(memory)?,
        None => builder.tempdir()?,
    };
    let relay = Relay::start(Settings::loopback(folder.path().join("relay"))).await?;
    let descriptor = relay.descriptor();
    let (me, events) = person(folder.path(), "me", name, &descriptor).await?;
    let names = if korean {
        ["가람 (연습)", "나래 (연습)"]
    } else {
        ["Garam (practice)", "Narae (practice)"]
    };
    let mut players = Vec::new();
    for (index, name) in names.into_iter().enumerate() {
        let (node, events) = person(folder.path(), &format!("player{index}"), name, &descriptor).await?;
        let invite = me.invite(INVITE_DAYS).await?;
        node.accept(&invite, None).await?;
        let answers = tokio::spawn(answer(node.clone(), events, korean));
        players.push((node, answers));
    }
    Ok((Cast { relay, players, folder }, me, events))
}

async fn person(folder: &Path, home: &str, name: &str, relay: &str) -> Result<(Node, Events), AnyError> {
    let config = Config {
        name: name.to_owned(),
        listen: Vec::new(),
        discovery: false,
        cost: Cost::FLOOR,
        ..Config::default()
    };
    // The folder is gone with the practice; its passphrase protects nothing.
    let (node, events) = Node::create(&folder.join(home), b"practice", config).await?;
    node.relay_add(relay).await?;
    while !node.relays().await?.iter().any(|relay| relay.up) {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok((node, events))
}

/// Greets once, and answers whatever is written.
async fn answer(node: Node, mut events: Events, korean: bool) {
    while let Some(event) = events.next().await {
        let said = match event {
            Event::ContactLive(contact) => greet(&node, contact, korean).await,
            Event::Message { conversation, id, mine: false } => reply(&node, conversation, id, korean).await,
            _ => Ok(()),
        };
        if let Err(error) = said {
            tracing::debug!(%error, "a practice contact is silent");
        }
    }
}

async fn greet(
    node: &Node,
    contact: madang_core::ContactId,
    korean: bool,
) -> Result<(), madang_core::NodeError> {
    let known = node.contacts().await?.into_iter().find(|c| c.id == contact).and_then(|c| c.conversation);
    if let Some(conversation) = known {
        let hello = if korean {
            "안녕하세요! 저는 연습 상대예요. 아무 말이나 써 보세요."
        } else {
            "Hello! I am a practice contact. Write anything."
        };
        node.send(conversation, hello, None).await?;
    }
    Ok(())
}

async fn reply(
    node: &Node,
    conversation: madang_core::ConversationId,
    id: madang_core::MessageId,
    korean: bool,
) -> Result<(), madang_core::NodeError> {
    let page = node.history(conversation, None, 16).await?;
    let Some(message) = page.messages.iter().find(|m| m.id == id) else { return Ok(()) };
    node.shown(conversation, vec![message.place]).await?;
    node.mark_read(conversation, message.place, true).await?;
    let Some(said) = &message.text else { return Ok(()) };
    let letters = said.chars().count();
    let text = if korean {
        format!("{letters}자짜리 글을 중계소를 거쳐 잘 받았어요.")
    } else {
        format!("Your {letters} letters came through the relay, sealed all the way.")
    };
    node.send(conversation, &text, Some(id)).await.map(drop)
}
