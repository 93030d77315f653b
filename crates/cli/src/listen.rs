//! The node for as long as one wants it: it tells what happens, and takes commands from a script.

use futures::{StreamExt, stream::FuturesOrdered};
use madang_core::{Contact, ConversationId, Event, Events, MessageId, Node, Place};
use serde_json::{Value, json};
use tokio::signal::unix::{self, SignalKind};
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use crate::{
    args::{self, Common},
    ask::{self, Answer},
    command::{self, Ask, Who},
    failure::{Failure, Kind},
    print::Print,
    profile::{self, Presence},
    secret,
    view::{self, Row},
};

/// Longest line of a command, in bytes: the longest text with room for its escapes.
const LINE_BYTES_MAX: u64 = 256 * 1024;
/// Lines that wait; beyond it the script waits.
const LINES_MAX: usize = 64;
/// Messages that are being written to disk at one time.
const SENDS_MAX: usize = 256;
/// How long a signal may take that the terminal has sent.
const SIGNAL_WAIT: std::time::Duration = std::time::Duration::from_millis(200);
/// How many of the newest messages are looked through for one that was just told of.
const SEARCH_MESSAGES: usize = 64;

/// Lines of commands, if they are read.
type Lines = Option<mpsc::Receiver<Result<String, Failure>>>;

/// Why a node is to end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    /// Nobody needs it any more.
    Quit,
    /// The profile is to be locked.
    Lock,
}

/// Opens the profile, runs its node, and locks as often as it is told to.
///
/// # Errors
/// [`Failure`] if the profile does not open, the output cannot be written or the node ends by itself.
pub(crate) async fn obey(common: &Common, args: &args::Listen, print: Print) -> Result<(), Failure> {
    let mut signals = Signals::hear()?;
    profile::existing(common)?;
    let passphrase = if args.locked { None } else { Some(secret::existing(common)?) };
    let mut lines = args.stdin.then(read_lines);
    let (node, events) = match passphrase {
        Some(passphrase) => profile::open_with(common, Presence::Seen, &passphrase).await?,
        None => match unlock(common, &mut signals, &mut lines, print).await? {
            Some(opened) => opened,
            None => return Ok(()),
        },
    };
    let ended = run(&node, events, print, &mut signals, &mut lines).await;
    let _ = tokio::time::timeout(crate::CLOSE_WAIT, node.shutdown()).await;
    match ended? {
        End::Quit => Ok(()),
        End::Lock => Err(lock_process()),
    }
}

/// Becomes a process that knows nothing. Comes back only if that fails.
fn lock_process() -> Failure {
    let mut arguments: Vec<_> =
        std::env::args_os().skip(1).filter(|argument| argument != "--locked").collect();
    arguments.push("--locked".into());
    let error = madang_core::lock::reexec(arguments);
    Failure::other(format!("the program cannot replace itself and ends instead: {error}"))
}

/// Waits until somebody opens the profile again: by a line of commands, at the terminal, or by SIGUSR2 where a file
/// has the passphrase. Returns nothing if it is to end.
async fn unlock(
    common: &Common,
    signals: &mut Signals,
    lines: &mut Lines,
    print: Print,
) -> Result<Option<(Node, Events)>, Failure> {
    match print.json {
        true => print.json(&json!({ "event": "locked" }))?,
        false => print.line("locked")?,
    }
    let is_typed = lines.is_none() && secret::is_typed(common);
    let _terminal = is_typed.then(secret::Terminal::remember);
    // One at a time reads the terminal: made anew only when it has answered.
    let mut typing = Box::pin(type_passphrase(print));
    loop {
        let (id, passphrase) = tokio::select! {
            biased;
            told = signals.next() => match told {
                Signal::Stop => return Ok(None),
                Signal::Unlock if lines.is_none() && !is_typed => match secret::existing(common) {
                    Ok(passphrase) => (Value::Null, passphrase),
                    Err(failure) => {
                        print.failure(&failure);
                        continue;
                    }
                },
                Signal::Lock | Signal::Unlock => continue,
            },
            typed = &mut typing, if is_typed => {
                typing.set(type_passphrase(print));
                match typed {
                    Ok(passphrase) => (Value::Null, passphrase),
                    // Ctrl-C ends the typing before its signal is heard.
                    Err(failure) => match tokio::time::timeout(SIGNAL_WAIT, signals.next()).await {
                        Ok(Signal::Stop) => return Ok(None),
                        _ => return Err(failure),
                    },
                }
            }
            line = next(lines) => match line.map(|line| line.map(|line| command::parse(&line))) {
                None => return Ok(None),
                Some(Ok((id, Ok(Ask::Quit {})))) => {
                    tell_answer(print, id, Ok(Answer::One(Row::Done { done: true })))?;
                    return Ok(None);
                }
                Some(Ok((id, Ok(Ask::Unlock { passphrase })))) => {
                    (id, Zeroizing::new(passphrase.0.as_bytes().to_vec()))
                }
                Some(Ok((id, Ok(_)))) => {
                    let locked = Failure::new(Kind::Locked, "the profile is locked; `unlock` it first");
                    tell_answer(print, id, Err(locked))?;
                    continue;
                }
                Some(Ok((id, Err(failure)))) => {
                    tell_answer(print, id, Err(failure))?;
                    continue;
                }
                Some(Err(failure)) => {
                    tell_answer(print, Value::Null, Err(failure))?;
                    continue;
                }
            },
        };
        match profile::open_with(common, Presence::Seen, &passphrase).await {
            Ok(opened) if lines.is_some() => {
                tell_answer(print, id, Ok(Answer::One(Row::Done { done: true })))?;
                return Ok(Some(opened));
            }
            Ok(opened) => return Ok(Some(opened)),
            Err(failure) if failure.kind == Kind::WrongPassphrase && lines.is_some() => {
                tell_answer(print, id, Err(failure))?;
            }
            Err(failure) if failure.kind == Kind::WrongPassphrase => print.failure(&failure),
            Err(failure) => return Err(failure),
        }
    }
}

/// Asks at the terminal, without holding up signals. A reading there cannot be called off: whoever lets go of this
/// before it is done leaves somebody who waits for a line.
async fn type_passphrase(print: Print) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let typed = tokio::task::spawn_blocking(move || secret::typed(|failure| print.failure(failure))).await;
    typed.map_err(|_| Failure::other("the terminal cannot be read"))?
}

/// Runs a node until SIGINT or SIGTERM, until `quit` or `lock`, or until the commands end.
async fn run(
    node: &Node,
    mut events: Events,
    print: Print,
    signals: &mut Signals,
    lines: &mut Lines,
) -> Result<End, Failure> {
    let mut sends = FuturesOrdered::new();
    tell_ready(node, print).await?;
    let end = loop {
        tokio::select! {
            biased;
            told = signals.next() => match told {
                Signal::Stop => break End::Quit,
                Signal::Lock => break End::Lock,
                Signal::Unlock => {}
            },
            Some((id, sent)) = sends.next(), if !sends.is_empty() => tell_answer(print, id, sent)?,
            event = events.next() => match event {
                Some(event) => tell(node, print, &event).await?,
                None => return Err(Failure::other("the node has ended: the profile was wiped, or its disk failed; `--log error` tells which")),
            },
            line = next(lines), if sends.len() < SENDS_MAX => {
                let Some(line) = line else { break End::Quit };
                let (id, asked) = match line {
                    Ok(line) if line.trim().is_empty() => continue,
                    Ok(line) => command::parse(&line),
                    Err(failure) => (Value::Null, Err(failure)),
                };
                match asked {
                    Err(failure) => tell_answer(print, id, Err(failure))?,
                    Ok(Ask::Quit {}) => {
                        finish(print, &mut sends).await?;
                        tell_answer(print, id, ask::answer(node, Ask::Quit {}).await)?;
                        return Ok(End::Quit);
                    }
                    Ok(Ask::Lock {}) => {
                        finish(print, &mut sends).await?;
                        tell_answer(print, id, ask::answer(node, Ask::Lock {}).await)?;
                        return Ok(End::Lock);
                    }
                    // Further messages need not wait until this one is on disk: they share its commit.
                    Ok(Ask::Send { contact, text, reply_to }) => match prepare(node, &contact, reply_to).await {
                        Ok((conversation, reply_to)) => {
                            let node = node.clone();
                            sends.push_back(async move {
                                let sent = node.send(conversation, &text, reply_to).await;
                                let row = sent.map(|id| Answer::One(Row::sent(&id, &conversation)));
                                (id, row.map_err(Failure::from))
                            });
                        }
                        Err(failure) => tell_answer(print, id, Err(failure))?,
                    },
                    Ok(asked) => {
                        let answer = ask::answer(node, asked).await;
                        tell_answer(print, id, answer)?;
                    }
                }
            }
        }
    };
    finish(print, &mut sends).await?;
    Ok(end)
}

/// Waits until each message that was taken is on disk, and answers it.
async fn finish<F>(print: Print, sends: &mut FuturesOrdered<F>) -> Result<(), Failure>
where
    F: Future<Output = (Value, Result<Answer, Failure>)>,
{
    while let Some((id, sent)) = sends.next().await {
        tell_answer(print, id, sent)?;
    }
    Ok(())
}

async fn prepare(
    node: &Node,
    contact: &Who,
    reply_to: Option<String>,
) -> Result<(ConversationId, Option<MessageId>), Failure> {
    Ok((ask::open_talk(node, contact).await?, ask::reply(reply_to)?))
}

fn tell_answer(print: Print, id: Value, answer: Result<Answer, Failure>) -> Result<(), Failure> {
    print.json(&match answer {
        Ok(answer) => {
            let more = matches!(answer, Answer::Many(_, true));
            let mut object = json!({ "answer": id, "ok": true, "result": answer.to_json() });
            if more {
                object["more"] = Value::Bool(true);
            }
            object
        }
        Err(failure) => json!({ "answer": id, "ok": false, "error": failure.to_json() }),
    })
}

async fn tell_ready(node: &Node, print: Print) -> Result<(), Failure> {
    match print.json {
        true => {
            let mut object = ask::whoami_row(node).await?.to_json();
            object["event"] = "ready".into();
            print.json(&object)
        }
        false => print.line("listening; Ctrl-C ends"),
    }
}

/// Tells one event.
async fn tell(node: &Node, print: Print, event: &Event) -> Result<(), Failure> {
    let mut shown = None;
    let (mut object, sentence) = match event {
        Event::ContactAdded(id) | Event::ContactLive(id) | Event::ContactChanged(id) => {
            match still_there(ask::contact_row(node, *id).await)? {
                Some(row) => (row.to_json(), format!("{}: {row}", word(event))),
                None => return Ok(()),
            }
        }
        Event::Message { conversation, id, .. } => match find_message(node, conversation, id).await? {
            Some((row, fades)) => {
                shown = fades.map(|place| (*conversation, place));
                (row.to_json(), row.to_string())
            }
            None => return Ok(()),
        },
        Event::Delivery { conversation, id, delivery } => {
            let word = view::delivery(*delivery);
            let message = id.to_hex();
            let sentence = format!("{}  {word}", &message[..8]);
            (
                json!({ "message": message, "conversation": view::hex(&conversation.0), "delivery": word }),
                sentence,
            )
        }
        Event::Erased { conversation, messages } => (
            json!({
                "conversation": view::hex(&conversation.0),
                "messages": messages.iter().map(MessageId::to_hex).collect::<Vec<_>>(),
            }),
            format!("deleted here: {}", messages.len()),
        ),
        Event::Cleared(conversation) => (
            json!({ "conversation": view::hex(&conversation.0) }),
            "a conversation's history is deleted here".into(),
        ),
        Event::ContactRemoved(contact) => {
            (json!({ "contact": contact.0 }), format!("contact {} is removed", contact.0))
        }
        Event::Relay { relay, up } => {
            (json!({ "relay": relay.0, "up": up }), format!("relay {} is {}", relay.0, up_or_down(*up)))
        }
        Event::Link { contact, up } => (
            json!({ "contact": contact.0, "up": up }),
            format!("the link to contact {} is {}", contact.0, up_or_down(*up)),
        ),
        Event::Notice(notice) => {
            let (word, say) = view::notice(notice);
            (json!({ "notice": word, "say": say }), say)
        }
        Event::Lagged => (json!({}), "some events were missed; read anew what matters".into()),
    };
    if print.json {
        object["event"] = word(event).into();
        print.json(&object)?;
    } else {
        print.line(&sentence)?;
    }
    if matches!(event, Event::Notice(notice) if notice.is_of_loss()) {
        node.loss_told().await?;
    }
    match shown {
        // What is told here is shown.
        Some((conversation, place)) => Ok(node.shown(conversation, vec![place]).await?),
        None => Ok(()),
    }
}

/// The word of an event.
fn word(event: &Event) -> &'static str {
    match event {
        Event::ContactAdded(_) => "contact-added",
        Event::ContactLive(_) => "contact-live",
        Event::ContactChanged(_) => "contact-changed",
        Event::Message { .. } => "message",
        Event::Delivery { .. } => "delivery",
        Event::Erased { .. } => "erased",
        Event::Cleared(_) => "cleared",
        Event::ContactRemoved(_) => "contact-removed",
        Event::Relay { .. } => "relay",
        Event::Link { .. } => "link",
        Event::Notice(_) => "notice",
        Event::Lagged => "lagged",
    }
}

fn up_or_down(up: bool) -> &'static str {
    if up { "up" } else { "down" }
}

/// A contact that an event speaks of, unless it was removed meanwhile: that is told by an event of its own.
fn still_there(found: Result<Row, Failure>) -> Result<Option<Row>, Failure> {
    match found {
        Err(failure) if failure.kind == Kind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

/// A message that is told, and its place if its showing begins a count.
type Told = (Row, Option<Place>);

async fn find_message(
    node: &Node,
    conversation: &ConversationId,
    id: &MessageId,
) -> Result<Option<Told>, Failure> {
    let contacts = node.contacts().await?;
    let Some(contact) = contacts.iter().find(|contact| contact.conversation.as_ref() == Some(conversation))
    else {
        return Ok(None);
    };
    search(node, conversation, id, contact).await
}

/// Looks from the newest message backwards: one that came late stands further up.
async fn search(
    node: &Node,
    conversation: &ConversationId,
    id: &MessageId,
    contact: &Contact,
) -> Result<Option<Told>, Failure> {
    let mut before = None;
    loop {
        let page = node.history(*conversation, before, SEARCH_MESSAGES).await?;
        if let Some(message) = page.messages.iter().find(|message| message.id == *id) {
            let fades = (message.disappears_after.is_some() && !message.mine).then_some(message.place);
            return Ok(Some((Row::message(message, conversation, contact), fades)));
        }
        match page.messages.first() {
            Some(first) if page.more => before = Some(first.place),
            _ => return Ok(None),
        }
    }
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Signal {
    /// SIGINT or SIGTERM.
    Stop,
    /// SIGUSR1.
    Lock,
    /// SIGUSR2.
    Unlock,
}

/// The signals that `listen` hears.
struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    lock: unix::Signal,
    unlock: unix::Signal,
}

impl Signals {
    fn hear() -> Result<Self, Failure> {
        let hear = |kind| {
            unix::signal(kind).map_err(|error| Failure::other(format!("signals cannot be heard: {error}")))
        };
        Ok(Self {
            interrupt: hear(SignalKind::interrupt())?,
            terminate: hear(SignalKind::terminate())?,
            lock: hear(SignalKind::user_defined1())?,
            unlock: hear(SignalKind::user_defined2())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.lock.recv() => Signal::Lock,
            _ = self.unlock.recv() => Signal::Unlock,
        }
    }
}

async fn next(lines: &mut Lines) -> Option<Result<String, Failure>> {
    match lines {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}

/// Reads standard input on a thread of its own, for a read there cannot be called off.
fn read_lines() -> mpsc::Receiver<Result<String, Failure>> {
    let (sender, receiver) = mpsc::channel(LINES_MAX);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        while let Some(line) = read_line(&mut input) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Reads a line of bounded length; a longer one is passed over and told of.
fn read_line(input: &mut dyn std::io::BufRead) -> Option<Result<String, Failure>> {
    use std::io::{BufRead, Read};
    let mut bytes = Vec::new();
    let read = (&mut *input).take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes);
    match read {
        Err(error) => return Some(Err(Failure::other(format!("standard input cannot be read: {error}")))),
        Ok(0) => return None,
        Ok(_) => {}
    }
    if bytes.len() as u64 == LINE_BYTES_MAX && bytes.last() != Some(&b'\n') {
        let mut rest = Vec::new();
        while rest.last() != Some(&b'\n') {
            rest.clear();
            if (&mut *input).take(LINE_BYTES_MAX).read_until(b'\n', &mut rest).unwrap_or(0) == 0 {
                break;
            }
        }
        return Some(Err(Failure::usage("the line is longer than 256 KiB; it was passed over")));
    }
    Some(String::from_utf8(bytes).map_err(|_| Failure::usage("the line is not UTF-8; it was passed over")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_a_contact_that_was_removed_meanwhile_is_passed_over() {
        assert!(matches!(still_there(Err(Failure::not_found("there is no such contact"))), Ok(None)));
        assert!(still_there(Err(Failure::other("the node has ended"))).is_err());
        assert!(matches!(still_there(Ok(Row::Done { done: true })), Ok(Some(_))));
    }

    #[test]
    fn an_endless_line_is_passed_over_and_the_next_is_read() {
        let long = "x".repeat(3 * LINE_BYTES_MAX as usize);
        let text = format!("{{}}\n{long}\n\u{e9}\nlast");
        let mut input = std::io::Cursor::new(text.into_bytes());
        let mut lines = Vec::new();
        while let Some(line) = read_line(&mut input) {
            lines.push(line.map_err(|failure| failure.kind));
        }
        let usage = Err(crate::failure::Kind::Usage);
        assert_eq!(lines, [Ok("{}\n".into()), usage.clone(), Ok("\u{e9}\n".into()), Ok("last".into())]);
        let mut wrong = std::io::Cursor::new(b"\xff\n".to_vec());
        assert_eq!(read_line(&mut wrong).map(|line| line.map_err(|f| f.kind)), Some(usage));
    }
}
