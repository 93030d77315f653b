//! The same node for terminals, scripts and bots.
//!
//! `docs/cli.md` describes every command, the fields of the JSON and the exit codes. Each command opens the profile,
//! does its one thing and closes it; `listen` keeps the node running, and with `--stdin` serves a script for as long
//! as it lives.

#![deny(missing_docs)]

pub mod args;
pub mod ask;
pub mod command;
pub mod failure;
pub mod practice;
pub mod view;
pub mod zone;

mod listen;
mod print;
mod profile;
mod secret;
mod time;

use std::{io::Read, path::Path, process::ExitCode, time::Duration};

use clap::{CommandFactory, Parser, error::ErrorKind};
use madang_core::{
    ContactId, Delivery, Event, Events, MessageId, Node, NodeError, RelayNumber, Step, TransferError,
};

use crate::{
    args::{Cli, Command, Common, LogLevel, Until},
    ask::Answer,
    command::{Ask, Who},
    failure::{Failure, Kind},
    print::Print,
    profile::Presence,
    view::Row,
};

/// Longest text that is read from standard input for one argument, in bytes.
const INPUT_BYTES_MAX: u64 = 64 * 1024;
/// How long closing a profile may take before the process ends without waiting further. Nothing kept depends on it.
const CLOSE_WAIT: Duration = Duration::from_secs(4);

/// Does what the command line says. The whole program but for its first line.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return not_understood(&error),
    };
    let print = Print { json: cli.common.json };
    log_as(cli.common.log);
    match run(cli, print) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            print.failure(&failure);
            ExitCode::from(failure.kind.exit())
        }
    }
}

/// Tells what was wrong with the command line, in JSON if it asked for JSON.
fn not_understood(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|arg| arg == "--json");
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print();
            ExitCode::SUCCESS
        }
        _ if json => {
            Print { json }.failure(&Failure::usage(in_one_line(&error.to_string())));
            ExitCode::from(Kind::Usage.exit())
        }
        _ => {
            let _ = error.print();
            ExitCode::from(Kind::Usage.exit())
        }
    }
}

/// What the command line's reader says in its first paragraph: it names on lines of their own what is missing.
fn in_one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).take_while(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ").trim_start_matches("error: ").to_owned()
}

fn run(cli: Cli, print: Print) -> Result<(), Failure> {
    match &cli.command {
        Command::Completions(args) => {
            let mut page = Vec::new();
            clap_complete::generate(args.shell, &mut Cli::command(), "madang-cli", &mut page);
            return print.bytes(&page);
        }
        Command::Man(args) => return man(args.dir.as_deref(), print),
        Command::Demo => {
            return practice::in_terminal(speaks_korean(), print.json).map_err(|error| match error.kind() {
                std::io::ErrorKind::BrokenPipe => error.into(),
                _ => Failure::other(format!("the practice conversation broke off: {error}")),
            });
        }
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::other(format!("the runtime cannot start: {error}")))?;
    let result = runtime.block_on(obey(cli.command, &cli.common, print));
    runtime.shutdown_timeout(Duration::from_millis(200));
    result
}

async fn obey(command: Command, common: &Common, print: Print) -> Result<(), Failure> {
    if let Some(undo) = is_final(&command) {
        return Err(Failure::usage(undo));
    }
    let opened = match &command {
        Command::Panic(_) => return panic(common, print),
        Command::Listen(args) => return listen::obey(common, args, print).await,
        Command::Init(init) => profile::create(common, init).await,
        Command::Restore(args) => profile::restore(common, args).await,
        Command::Backup(args) if args.insecure_test_kdf => profile::open_cheaply(common).await,
        command => profile::open(common, presence(command)).await,
    };
    let (node, events) = opened?;
    for notice in node.found_on_opening() {
        print.notice(notice);
    }
    if node.found_on_opening().iter().any(madang_core::Notice::is_of_loss) {
        // A node that has ended says it again at the next start.
        let _ = node.loss_told().await;
    }
    let result = with_node(command, &node, events, print).await;
    let _ = tokio::time::timeout(CLOSE_WAIT, node.shutdown()).await;
    result
}

/// What cannot be undone is done only for who says so.
fn is_final(command: &Command) -> Option<String> {
    let what = match command {
        Command::Panic(args) if !args.yes => "this profile with everything in it".to_owned(),
        Command::Clear(args) if !args.yes => format!("all messages with {}", args.contact),
        Command::Remove(args) if !args.yes => format!("{} with all messages and keys", args.contact),
        Command::CallBack(args) if !args.yes => {
            return Some(
                "this ends the device: contacts will take nothing from it any more, and nothing brings it back; say it again with --yes"
                    .to_owned(),
            );
        }
        _ => return None,
    };
    Some(format!("this deletes {what} on this device and cannot be undone; say it again with --yes"))
}

/// Only commands that others may have to answer show themselves.
fn presence(command: &Command) -> Presence {
    match command {
        Command::Whoami | Command::Invite(_) | Command::Accept(_) | Command::Send(_) | Command::Listen(_) => {
            Presence::Seen
        }
        Command::Relay(_) => Presence::Relays,
        _ => Presence::Quiet,
    }
}

async fn with_node(command: Command, node: &Node, mut events: Events, print: Print) -> Result<(), Failure> {
    let asked = match command {
        Command::Init(_) | Command::Restore(_) => Ask::Whoami {},
        Command::Backup(args) => return backup(node, &args, print).await,
        Command::Duress(args::Duress::Set(args)) => {
            node.set_duress(&secret::of_decoy(&args)?, &args.name, args.destroy).await?;
            return print.row(&Row::Done { done: true });
        }
        Command::Duress(args::Duress::Remove) => {
            node.remove_duress().await?;
            return print.row(&Row::Done { done: true });
        }
        Command::Whoami => {
            settle(node).await?;
            Ask::Whoami {}
        }
        Command::Contacts => Ask::Contacts {},
        Command::Rename(args) => Ask::Rename { contact: Who::Name(args.contact), name: args.name },
        Command::Suspect(args) => Ask::Suspect { contact: Who::Name(args.contact) },
        Command::CallBack(_) => Ask::CallBack {},
        Command::History(args) => {
            Ask::History { contact: Who::Name(args.contact), limit: args.limit, before: args.before }
        }
        Command::Trail(args) => Ask::Trail { message: args.message },
        Command::Disappear(args) => Ask::Disappear { contact: Who::Name(args.contact), after: args.after },
        Command::DisappearDefault(args) => Ask::DisappearDefault { after: args.after },
        Command::Delete(args) => Ask::Delete { message: args.message },
        Command::Clear(args) => Ask::Clear { contact: Who::Name(args.contact) },
        Command::Remove(args) => Ask::Remove { contact: Who::Name(args.contact) },
        Command::Passphrase(args) => {
            node.change_passphrase(&secret::changed(&args)?).await?;
            return print.row(&Row::Done { done: true });
        }
        Command::Relay(args::Relay::List) => Ask::RelayList {},
        Command::Relay(args::Relay::Remove { relay }) => Ask::RelayRemove { relay },
        Command::Invite(args) => return invite(node, &mut events, &args, print).await,
        Command::Accept(args) => return accept(node, &mut events, args, print).await,
        Command::Verify(args) => return verify(node, args, print).await,
        Command::Send(args) => return send(node, &mut events, args, print).await,
        Command::Relay(args::Relay::Add { descriptor, wait }) => {
            return relay_add(node, &mut events, &descriptor, wait, print).await;
        }
        Command::Panic(_)
        | Command::Listen(_)
        | Command::Demo
        | Command::Completions(_)
        | Command::Man(_) => return Ok(()),
    };
    print.answer(&ask::answer(node, asked).await?)
}

fn panic(common: &Common, print: Print) -> Result<(), Failure> {
    let folder = profile::directory(common)?;
    match madang_core::wipe(&folder) {
        Ok(wiped) => print.row(&Row::Wiped { wiped: true, files_gone: wiped.is_empty }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Failure::not_found(format!("{}: there is no profile here", folder.display())))
        }
        Err(error) => Err(Failure::other(format!(
            "{}: the keys may still be there: {error}; try again, or destroy the disk",
            folder.display()
        ))),
    }
}

async fn backup(node: &Node, args: &args::Backup, print: Print) -> Result<(), Failure> {
    let folder = args.path.parent().filter(|folder| !folder.as_os_str().is_empty());
    // Before words are drawn for nothing.
    std::fs::metadata(folder.unwrap_or(Path::new(".")))
        .map_err(|error| unwritten(&args.path, TransferError::File(error).into()))?;
    let (words, secret) = if args.words {
        let (words, secret) = ask::recovery_words(args.korean);
        (Some(words), secret)
    } else {
        (None, secret::of_new_backup(&args.secret)?)
    };
    let words = words.map(|words| words.to_string());
    if let Some(words) = words.clone() {
        // Before anything is written: a file that they alone open must not be there, nor take another's place, if
        // nobody has them.
        print.row(&Row::Words { words })?;
    }
    node.back_up(&args.path, &secret).await.map_err(|error| match unwritten(&args.path, error) {
        failure if words.is_none() => failure,
        failure => Failure::new(failure.kind, format!("{failure}. The words above open nothing")),
    })?;
    print.row(&Row::Backup { backup: args.path.display().to_string(), words })
}

/// Names the file that was to be written, which the node's own words do not.
fn unwritten(path: &Path, error: NodeError) -> Failure {
    match error {
        NodeError::Backup(TransferError::File(error)) => {
            let (kind, advice) = match error.kind() {
                std::io::ErrorKind::NotFound => (Kind::NotFound, "choose a folder that exists"),
                _ => (Kind::Other, "choose another place"),
            };
            Failure::new(kind, format!("{} cannot be written: {error}; {advice}", path.display()))
        }
        error => error.into(),
    }
}

/// The network tells where it listens one address after another: gives it a moment to tell all.
async fn settle(node: &Node) -> Result<(), Failure> {
    const STILL: Duration = Duration::from_millis(100);
    const LOOKS: usize = 10;
    let mut before = node.addresses().await?;
    for _ in 0..LOOKS {
        tokio::time::sleep(STILL).await;
        let now = node.addresses().await?;
        if now == before && !now.is_empty() {
            break;
        }
        before = now;
    }
    Ok(())
}

async fn invite(node: &Node, events: &mut Events, args: &args::Invite, print: Print) -> Result<(), Failure> {
    if node.relays().await?.iter().any(|relay| relay.home) {
        reach_a_relay(node, events).await?;
    }
    let known: Vec<ContactId> = node.contacts().await?.iter().map(|contact| contact.id).collect();
    let answer = ask::answer(node, Ask::Invite { days: args.days }).await?;
    print.answer(&answer)?;
    if let (true, Answer::One(Row::Invite { invite, .. })) = (args.qr, &answer) {
        // Capitals make a smaller code, and mean the same.
        print.picture(&invite.to_ascii_uppercase())?;
    }
    let Some(wait) = args.wait else { return Ok(()) };
    let accepted = async {
        loop {
            match events.next().await {
                Some(Event::ContactLive(id)) if !known.contains(&id) => {
                    return ask::contact_row(node, id).await;
                }
                Some(_) => {}
                None => return Err(ended()),
            }
        }
    };
    print.row(
        &within(wait, "nobody has accepted the invite yet; it stays good, run `listen`", accepted).await?,
    )
}

async fn accept(node: &Node, events: &mut Events, args: args::Accept, print: Print) -> Result<(), Failure> {
    let asked = Ask::Accept { invite: argument(args.invite)?, name: args.name };
    let answer = ask::answer(node, asked).await?;
    let Some(wait) = args.wait else { return print.answer(&answer) };
    let Answer::One(Row::Contact { contact, .. }) = answer else { return Err(ended()) };
    let live = async {
        loop {
            let row = ask::contact_row(node, ContactId(contact)).await?;
            match &row {
                Row::Contact { state: "live", .. } => return Ok(row),
                Row::Contact { state: "failed", .. } => {
                    return Err(Failure::other(
                        "the invite was used, taken back, or its days are over; ask for a new one",
                    ));
                }
                _ => {}
            }
            events.next().await.ok_or_else(ended)?;
        }
    };
    let late = "the other side has not answered yet; it goes on with the next `listen`, and nobody needs to be \
                online together. If days pass, ask them whether they have been online, and for a new invite";
    print.row(&within(wait, late, live).await?)
}

async fn verify(node: &Node, args: args::Verify, print: Print) -> Result<(), Failure> {
    let verified = match (args.yes, args.no) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let asked = Ask::Verify { contact: Who::Name(args.contact), compare: args.compare, verified };
    let answer = ask::answer(node, asked).await?;
    print.answer(&answer)?;
    match (args.qr, &answer) {
        (true, Answer::One(Row::SafetyNumber { qr, .. })) => print.picture(qr),
        _ => Ok(()),
    }
}

async fn send(node: &Node, events: &mut Events, args: args::Send, print: Print) -> Result<(), Failure> {
    let text = argument(args.text)?;
    let conversation = ask::open_talk(node, &Who::Name(args.contact)).await?;
    let message = node.send(conversation, &text, ask::reply(args.reply_to)?).await?;
    let mut row = Row::sent(&message, &conversation);
    let waited = match args.wait {
        Until::Kept => Ok(()),
        until => {
            let late =
                "the message is kept and goes on with the next `listen`, but it has not come that far yet";
            within(args.timeout, late, come(node, events, &message, until)).await
        }
    };
    if let Row::Sent { delivery, .. } = &mut row {
        *delivery = view::delivery(furthest(node, &message).await?);
    }
    print.row(&row)?;
    waited
}

/// Waits until a message has come as far as asked.
async fn come(node: &Node, events: &mut Events, message: &MessageId, until: Until) -> Result<(), Failure> {
    loop {
        let reached = furthest(node, message).await?;
        let enough = match until {
            Until::Kept => true,
            Until::Relay => reached >= Delivery::OnRelay { copies: 1 },
            Until::Delivered => reached >= Delivery::Delivered,
        };
        if enough {
            return Ok(());
        }
        events.next().await.ok_or_else(ended)?;
    }
}

/// How far a message has come.
async fn furthest(node: &Node, message: &MessageId) -> Result<Delivery, Failure> {
    let steps = node.trail(*message).await?;
    let of = |step: &Step| match step {
        Step::Written | Step::Refused => Delivery::Written,
        Step::Sealed => Delivery::Sealed,
        Step::OnRelay(_) => Delivery::OnRelay { copies: 1 },
        Step::OnDevice => Delivery::OnDevice,
        Step::Delivered => Delivery::Delivered,
        Step::Read => Delivery::Read,
    };
    Ok(steps.iter().map(|step| of(&step.step)).max().unwrap_or(Delivery::Written))
}

async fn relay_add(
    node: &Node,
    events: &mut Events,
    descriptor: &str,
    wait: Option<u64>,
    print: Print,
) -> Result<(), Failure> {
    let number = node.relay_add(&argument(descriptor.to_owned())?).await?;
    if let Some(wait) = wait {
        let late = "the relay is noted but has not answered; check its address, and that it runs";
        within(wait, late, relay_up(node, events, Some(number))).await?;
    }
    print.row(&ask::relay_row(node, number).await?)
}

/// Waits until a relay, or any relay that keeps our mail, can be spoken to.
async fn relay_up(node: &Node, events: &mut Events, number: Option<RelayNumber>) -> Result<(), Failure> {
    loop {
        let relays = node.relays().await?;
        if relays.iter().any(|relay| relay.up && number.map_or(relay.home, |number| relay.number == number)) {
            return Ok(());
        }
        events.next().await.ok_or_else(ended)?;
    }
}

/// A profile with a relay that was never reached cannot make an invite: gives it a moment to get there.
async fn reach_a_relay(node: &Node, events: &mut Events) -> Result<(), Failure> {
    const MOMENT: u64 = 10;
    match within(MOMENT, "", relay_up(node, events, None)).await {
        Err(failure) if failure.kind == Kind::TimedOut => Ok(()),
        result => result,
    }
}

/// Gives something a number of seconds.
async fn within<T>(
    seconds: u64,
    late: &str,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(args::seconds(seconds), work).await {
        Ok(result) => result,
        Err(_) => Err(Failure::new(Kind::TimedOut, format!("after {seconds} s: {late}"))),
    }
}

fn ended() -> Failure {
    Failure::other("the node has ended; start it again")
}

/// Returns an argument, or for `-` what standard input says.
fn argument(given: String) -> Result<String, Failure> {
    if given != "-" {
        return Ok(given);
    }
    let mut text = String::new();
    let read = std::io::stdin().lock().take(INPUT_BYTES_MAX + 1).read_to_string(&mut text);
    match read {
        Ok(bytes) if bytes as u64 > INPUT_BYTES_MAX => {
            Err(Failure::usage("standard input has more than 64 KiB; give it the one text that is meant"))
        }
        Ok(_) if text.trim().is_empty() => {
            Err(Failure::usage("standard input is empty; give it the text, as in `… - < file`"))
        }
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            Err(Failure::usage("standard input is no text; give it the text as it was handed over"))
        }
        Ok(_) => Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned()),
        Err(error) => Err(Failure::usage(format!("standard input cannot be read: {error}"))),
    }
}

/// Whether the environment asks for Korean.
fn speaks_korean() -> bool {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set).is_some_and(|value| value.starts_with("ko"))
}

/// Begins the log on standard error. Our own words name no person, content or address; those of the libraries below
/// may name addresses, and stay out.
fn log_as(level: LogLevel) {
    let word = match level {
        LogLevel::Off => return,
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    };
    let filter = format!("off,madang_cli={word},madang_core={word},madang_store={word},madang_relay={word}");
    let filter = tracing_subscriber::EnvFilter::builder().parse_lossy(filter);
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}

fn man(dir: Option<&Path>, print: Print) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::other(format!("the pages cannot be written: {error}"));
    match dir {
        Some(dir) => {
            std::fs::create_dir_all(dir).map_err(failed)?;
            clap_mangen::generate_to(Cli::command(), dir).map_err(failed)
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(failed)?;
            print.bytes(&page)
        }
    }
}
