//! The practice conversation: two people and a relay on this machine, one of them away and back.
//!
//! Everything in it is real but the distance: three parties with sockets of their own, keys of their own and files of
//! their own in a temporary folder, which is removed at the end.

use std::{
    io::{self, Write},
    path::Path,
    time::{Duration, Instant},
};

use madang_core::{
    Config, ContactId, ContactState, ConversationId, Cost, Delivery, MessageId, Node, NodeError,
};
use relay::{Relay, RelayError, Settings};

/// Longest wait for one step. On a machine that works a step takes well under a second.
const STEP_WAIT: Duration = Duration::from_secs(120);
/// How often something that has no event of its own is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Days for which the practice invite is good.
const INVITE_DAYS: u16 = 1;

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Told {
    /// Since the beginning.
    pub at: Duration,
    /// A short name that scripts can rely on.
    pub step: &'static str,
    /// What happened, in the language that was asked for.
    pub text: String,
}

/// Why the practice conversation broke off.
#[derive(Debug, thiserror::Error)]
pub enum PracticeError {
    /// A node refused.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The relay refused.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// A file or the output refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A step did not happen within two minutes.
    #[error("waited two minutes for this and it did not come: {0}")]
    Waited(&'static str),
    /// What arrived is not what was written.
    #[error("what arrived is not what was written")]
    Differs,
}

/// Plays the practice conversation on standard output, one line for each step with its time; lines of JSON if asked.
///
/// # Errors
/// Whatever keeps a socket, a file or the output from working.
pub fn in_terminal(korean: bool, json: bool) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let tell = |told: Told| {
        let mut out = io::stdout().lock();
        if json {
            let line = serde_json::json!({ "at_ms": told.at.as_millis() as u64, "step": told.step, "text": told.text });
            writeln!(out, "{line}")?;
        } else {
            writeln!(out, "[{:8.3} s] {}", told.at.as_secs_f64(), told.text)?;
        }
        out.flush()
    };
    let played = runtime.block_on(play(korean, tell));
    runtime.shutdown_timeout(Duration::from_secs(2));
    played.map_err(|error| match error {
        PracticeError::Io(error) => error,
        error => io::Error::other(error),
    })
}

/// Plays the practice conversation and hands each step to `tell` as it happens.
///
/// # Errors
/// [`PracticeError`] at the first step that does not work; the temporary folder is removed all the same.
pub async fn play(korean: bool, tell: impl FnMut(Told) -> io::Result<()>) -> Result<(), PracticeError> {
    let folder = tempfile::Builder::new().prefix("madang-practice-").tempdir()?;
    let mut teller = Teller { korean, began: Instant::now(), tell };
    let played = story(&mut teller, folder.path()).await;
    folder.close()?;
    played?;
    teller.say(
        "end",
        "모든 것을 치웠습니다. 임시 폴더는 남지 않았습니다.",
        "Everything is cleared away; the temporary folder is gone.",
    )?;
    Ok(())
}

struct Teller<F> {
    korean: bool,
    began: Instant,
    tell: F,
}

impl<F: FnMut(Told) -> io::Result<()>> Teller<F> {
    fn say(&mut self, step: &'static str, ko: &str, en: &str) -> io::Result<()> {
        let text = if self.korean { ko } else { en }.to_owned();
        (self.tell)(Told { at: self.began.elapsed(), step, text })
    }

    fn words(&self, ko: &'static str, en: &'static str) -> &'static str {
        if self.korean { ko } else { en }
    }
}

/// Somebody who takes part.
struct Person {
    node: Node,
}

impl Person {
    async fn relay_is_up(&self) -> Result<(), PracticeError> {
        let up = async {
            while !self.node.relays().await?.iter().any(|relay| relay.up) {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            Ok(())
        };
        tokio::time::timeout(STEP_WAIT, up).await.map_err(|_| PracticeError::Waited("a link to the relay"))?
    }

    /// Waits until the only contact has proved who they are.
    async fn friend(&self) -> Result<(ContactId, ConversationId), PracticeError> {
        let live = async {
            loop {
                for contact in self.node.contacts().await? {
                    if let (ContactState::Live, Some(conversation)) = (contact.state, contact.conversation) {
                        return Ok((contact.id, conversation));
                    }
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::time::timeout(STEP_WAIT, live)
            .await
            .map_err(|_| PracticeError::Waited("the contact's answer"))?
    }

    /// Waits until a message of one's own is known to have come this far.
    async fn has_come(
        &self,
        conversation: ConversationId,
        id: MessageId,
        far: Delivery,
        what: &'static str,
    ) -> Result<(), PracticeError> {
        let come = async {
            loop {
                let page = self.node.history(conversation, None, 50).await?;
                if page.messages.iter().any(|m| m.id == id && m.delivery.is_some_and(|d| d >= far)) {
                    return Ok(());
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::time::timeout(STEP_WAIT, come).await.map_err(|_| PracticeError::Waited(what))?
    }

    /// Waits until exactly these texts of the other side stand at the end, in this order.
    async fn reads(&self, conversation: ConversationId, texts: &[&str]) -> Result<(), PracticeError> {
        let read = async {
            loop {
                let page = self.node.history(conversation, None, 50).await?;
                let theirs: Vec<&str> =
                    page.messages.iter().filter(|m| !m.mine).filter_map(|m| m.text.as_deref()).collect();
                if theirs.len() > texts.len() {
                    return Err(PracticeError::Differs);
                }
                if theirs.len() == texts.len() {
                    return if theirs == texts { Ok(()) } else { Err(PracticeError::Differs) };
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::time::timeout(STEP_WAIT, read).await.map_err(|_| PracticeError::Waited("a message"))?
    }
}

async fn story<F: FnMut(Told) -> io::Result<()>>(
    t: &mut Teller<F>,
    folder: &Path,
) -> Result<(), PracticeError> {
    let relay = Relay::start(Settings::loopback(folder.join("relay"))).await?;
    let at = relay.addresses().first().map(ToString::to_string).unwrap_or_default();
    t.say("relay", &format!("중계소가 {at} 에서 듣고 있습니다."), &format!("A relay listens at {at}."))?;

    let result = talk(t, folder, &relay.descriptor()).await;
    relay.shutdown().await?;
    result
}

async fn talk<F: FnMut(Told) -> io::Result<()>>(
    t: &mut Teller<F>,
    folder: &Path,
    relay: &str,
) -> Result<(), PracticeError> {
    let (jisu_home, minho_home) = (folder.join("jisu"), folder.join("minho"));
    let (jisu_secret, minho_secret) =
        (b"tall pine wind harbour".as_slice(), b"grey river stone lantern".as_slice());
    let (jisu_name, minho_name) = (t.words("지수", "Jisu"), t.words("민호", "Minho"));

    let jisu = create(&jisu_home, jisu_secret, jisu_name).await?;
    t.say(
        "profile",
        "지수가 프로필을 만들었습니다: 열쇠와 봉인된 기록이 디스크에 있습니다.",
        "Jisu made a profile: keys and a sealed log on disk.",
    )?;
    let minho = create(&minho_home, minho_secret, minho_name).await?;
    t.say("profile", "민호가 프로필을 만들었습니다.", "Minho made a profile.")?;

    for (person, ko, en) in [(&jisu, "지수", "Jisu"), (&minho, "민호", "Minho")] {
        person.node.relay_add(relay).await?;
        person.relay_is_up().await?;
        t.say(
            "relay-up",
            &format!("{ko}의 우편은 이제 중계소에서도 기다릴 수 있습니다."),
            &format!("Mail for {en} can now wait at the relay."),
        )?;
    }

    let invite = jisu.node.invite(INVITE_DAYS).await?;
    t.say(
        "invite",
        &format!("지수가 초대를 만들었습니다 ({}자).", invite.len()),
        &format!("Jisu made an invite of {} letters.", invite.len()),
    )?;
    minho.node.accept(&invite, Some(jisu_name)).await?;
    t.say("accept", "민호가 초대에 답했습니다.", "Minho answered it.")?;
    let (jisu_contact, conversation) = jisu.friend().await?;
    let (minho_contact, _) = minho.friend().await?;
    t.say(
        "live",
        "두 사람이 서로의 열쇠를 확인했습니다. 이제 연락처입니다.",
        "Each has proved their keys to the other: they are contacts.",
    )?;

    let (one, two) =
        (jisu.node.safety_number(jisu_contact).await?, minho.node.safety_number(minho_contact).await?);
    if one.to_string() != two.to_string() {
        return Err(PracticeError::Differs);
    }
    jisu.node.verify(jisu_contact, true).await?;
    minho.node.verify(minho_contact, true).await?;
    t.say(
        "verify",
        &format!("같은 안전 번호가 보입니다: {one}"),
        &format!("Both see the same safety number: {one}"),
    )?;

    let hello = t.words("민호야, 들려?", "Minho, can you hear me?");
    let id = jisu.node.send(conversation, hello, None).await?;
    t.say("sent", &format!("지수: “{hello}”"), &format!("Jisu writes: “{hello}”"))?;
    minho.reads(conversation, &[hello]).await?;
    t.say("received", "민호가 읽었습니다.", "Minho reads it.")?;
    jisu.has_come(conversation, id, Delivery::Delivered, "a receipt").await?;
    t.say(
        "delivered",
        "지수가 인증된 수령 확인을 받았습니다.",
        "An authenticated receipt is back with Jisu.",
    )?;

    minho.node.shutdown().await;
    drop(minho);
    t.say(
        "away",
        "민호가 자리를 비웠습니다. 그의 프로그램은 꺼져 있습니다.",
        "Minho goes away; his program is not running.",
    )?;

    let lines = [
        t.words("다리가 다시 열렸대.", "The bridge is open again."),
        t.words("내일 두 시에 보자 👍", "See you at two tomorrow 👍"),
    ];
    let mut ids = Vec::new();
    for line in lines {
        ids.push(jisu.node.send(conversation, line, None).await?);
        t.say("sent", &format!("지수: “{line}”"), &format!("Jisu writes: “{line}”"))?;
    }
    for id in &ids {
        jisu.has_come(
            conversation,
            *id,
            Delivery::OnRelay { copies: 1 },
            "the relay's word that it keeps a message",
        )
        .await?;
    }
    t.say(
        "on-relay",
        "두 메시지가 중계소에서 기다립니다. 중계소는 읽을 수 없습니다.",
        "Both messages wait at the relay, which cannot read them.",
    )?;

    jisu.node.shutdown().await;
    drop(jisu);
    t.say(
        "away",
        "지수도 나갔습니다. 이제 중계소만 켜져 있습니다.",
        "Jisu goes away too; only the relay runs now.",
    )?;

    let minho = open(&minho_home, minho_secret).await?;
    t.say(
        "back",
        "민호가 돌아와 암호 문구로 프로필을 열었습니다.",
        "Minho is back and opens his profile with his passphrase.",
    )?;
    minho.reads(conversation, &[hello, lines[0], lines[1]]).await?;
    t.say(
        "received",
        "민호가 두 메시지를 순서대로 한 번씩 받았습니다.",
        "Minho has both messages, in order, once.",
    )?;
    let answer = t.words("돌아왔어. 두 시 좋아!", "I am back. Two is fine!");
    let answered = minho.node.send(conversation, answer, ids.last().copied()).await?;
    minho
        .has_come(
            conversation,
            answered,
            Delivery::OnRelay { copies: 1 },
            "the relay's word that it keeps the answer",
        )
        .await?;
    t.say(
        "sent",
        &format!("민호: “{answer}” 중계소에서 기다립니다."),
        &format!("Minho answers: “{answer}” It waits at the relay."),
    )?;

    let jisu = open(&jisu_home, jisu_secret).await?;
    t.say("back", "지수가 돌아왔습니다.", "Jisu is back.")?;
    jisu.reads(conversation, &[answer]).await?;
    for id in &ids {
        jisu.has_come(conversation, *id, Delivery::Delivered, "a receipt").await?;
    }
    t.say(
        "delivered",
        "답장이 왔고, 자리를 비운 동안의 메시지도 모두 전달로 확인되었습니다.",
        "The answer is here, and all that was written meanwhile is confirmed as delivered.",
    )?;
    jisu.node.shutdown().await;
    minho.node.shutdown().await;
    Ok(())
}

fn config(name: &str) -> Config {
    // No direct links and no discovery: the relay carries everything, as it would between two subnets.
    Config {
        name: name.to_owned(),
        listen: Vec::new(),
        discovery: false,
        cost: Cost::FLOOR,
        ..Config::default()
    }
}

async fn create(home: &Path, passphrase: &[u8], name: &str) -> Result<Person, PracticeError> {
    let (node, _) = Node::create(home, passphrase, config(name)).await?;
    Ok(Person { node })
}

async fn open(home: &Path, passphrase: &[u8]) -> Result<Person, PracticeError> {
    let (node, _) = Node::open(home, passphrase, config("")).await?;
    Ok(Person { node })
}
