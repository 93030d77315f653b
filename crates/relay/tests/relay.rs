//! A relay, spoken to by a bare client over real sockets, hosted in the test and run as a process.

mod client;
mod process;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use client::{Client, blob};
use crypto::{Class, Secret32, slot::Chain};
use madang_relay::{Relay, Settings};
use process::{Daemon, command, folder};
use proto::{
    envelope::{Envelope, flags},
    mailbox::request::{DeleteOutcome, FollowMode, PutOutcome, Reply, Request},
};

fn envelope(chain: &mut Chain, class: Class, flags: u8) -> (crypto::slot::Slot, Envelope) {
    let slot = chain.next();
    let envelope = Envelope::seal_into(&slot, blob(class, slot.number()), 30, flags);
    (slot, envelope)
}

fn chain() -> Chain {
    Chain::new(&Secret32::random(&mut rand::rng()))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_is_pushed_to_a_follower_fetched_and_deleted() {
    let dir = folder();
    let relay = Relay::start(Settings::loopback(dir.path())).await.expect("started");
    let mut reader = Client::connect(&relay.descriptor()).await;
    let mut writer = Client::connect(&relay.descriptor()).await;
    let follow = Request::Follow { list: None, from: 0, mode: FollowMode::Blobs, credit: 1 << 20 };
    let Reply::Following { list, first, .. } = reader.ask(&follow).await else { panic!("no follow") };
    assert_eq!(first, 0);

    let mut chain = chain();
    let (small_slot, small) = envelope(&mut chain, Class::C0, 0);
    let (large_slot, large) = envelope(&mut chain, Class::C3, flags::KEEP);
    let stored = writer.ask(&Request::Put(vec![small.clone(), large.clone()])).await;
    assert_eq!(stored, Reply::Put(vec![PutOutcome::Stored, PutOutcome::Stored]));
    let batch = reader.batch().await;
    let seen: Vec<_> = batch.entries.iter().collect();
    assert_eq!(seen, [(small.tag.prefix(), Class::C0), (large.tag.prefix(), Class::C3)]);
    assert_eq!(batch.blobs, [(0, small.blob.clone())], "the small blob rides along");

    let get = Request::Get { list, positions: vec![1], bytes_max: 61_440 };
    assert_eq!(reader.ask(&get).await, Reply::Got(vec![(1, Some(large.blob.clone()))]));
    let delete = |slot: &crypto::slot::Slot, e: &Envelope| Request::Delete(vec![(e.tag, slot.sign_delete())]);
    assert_eq!(writer.ask(&delete(&small_slot, &small)).await, Reply::Deleted(vec![DeleteOutcome::Done]));
    assert_eq!(writer.ask(&delete(&large_slot, &large)).await, Reply::Deleted(vec![DeleteOutcome::Kept]));
    let again = writer.ask(&Request::Put(vec![small.clone(), large])).await;
    assert_eq!(
        again,
        Reply::Put(vec![PutOutcome::Gone, PutOutcome::Duplicate]),
        "a replay brings nothing back"
    );
    let get = Request::Get { list, positions: vec![0], bytes_max: 61_440 };
    assert_eq!(reader.ask(&get).await, Reply::Got(vec![(0, None)]));
    relay.shutdown().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_list_mail_and_descriptor() {
    let dir = folder();
    let mut settings = Settings::loopback(dir.path());
    settings.announce = vec![proto::id::Address::parse("/ip4/203.0.113.7/tcp/4470").expect("an address")];
    let (_, kept) = envelope(&mut chain(), Class::C1, 0);
    let mut before = None;
    for outcome in [PutOutcome::Stored, PutOutcome::Duplicate] {
        let relay = Relay::start(settings.clone()).await.expect("started");
        let mut client = Client::connect_at(&relay.descriptor(), relay.addresses()).await;
        assert_eq!(client.ask(&Request::Put(vec![kept.clone()])).await, Reply::Put(vec![outcome]));
        let now = (relay.descriptor(), client.positions().await);
        assert_eq!(before.get_or_insert(now.clone()), &now);
        relay.shutdown().await.expect("a clean end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_relay_refuses_and_forgets_nothing() {
    let dir = folder();
    let mut settings = Settings::loopback(dir.path());
    settings.quotas.bytes = 10_000;
    let relay = Relay::start(settings).await.expect("started");
    let mut client = Client::connect(&relay.descriptor()).await;
    let mut chain = chain();
    let mut outcomes = Vec::new();
    for _ in 0..4 {
        let (_, next) = envelope(&mut chain, Class::C1, 0);
        let Reply::Put(outcome) = client.ask(&Request::Put(vec![next])).await else { panic!("no answer") };
        outcomes.extend(outcome);
    }
    assert_eq!(outcomes, [PutOutcome::Stored, PutOutcome::Stored, PutOutcome::Full, PutOutcome::Full]);
    let (_, list) = client.positions().await;
    assert_eq!(list, [0, 1]);
    relay.shutdown().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_breaks_the_protocol_is_sent_away_and_the_others_are_served() {
    let dir = folder();
    let relay = Relay::start(Settings::loopback(dir.path())).await.expect("started");
    let mut other = Client::connect(&relay.descriptor()).await;
    for wrong in [vec![0xff; 64], proto::frame::Frame::Nonce([7; 32]).encode(), vec![0x80]] {
        let mut client = Client::connect(&relay.descriptor()).await;
        client.send(wrong);
        client.until_down().await;
    }
    let (_, next) = envelope(&mut chain(), Class::C0, 0);
    assert_eq!(other.ask(&Request::Put(vec![next])).await, Reply::Put(vec![PutOutcome::Stored]));
    assert_eq!(relay.counters().sent_away, 3);
    relay.shutdown().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_most_unread_is_sent_away_and_the_others_are_served() {
    let dir = folder();
    let mut settings = Settings::loopback(dir.path());
    settings.waiting_bytes = 1 << 20;
    let relay = Relay::start(settings).await.expect("started");
    let mut writer = Client::connect(&relay.descriptor()).await;
    let (_, large) = envelope(&mut chain(), Class::C3, 0);
    assert_eq!(writer.ask(&Request::Put(vec![large])).await, Reply::Put(vec![PutOutcome::Stored]));
    let (list, _) = writer.positions().await;
    let get = Request::Get { list, positions: vec![0], bytes_max: u32::MAX };
    // Each of these leaves a little unread, and is nowhere near the most.
    let mut modest = Vec::new();
    for _ in 0..3 {
        modest.push(Client::connect_lazily(&relay.descriptor()).await);
        modest.last_mut().expect("it is there").begin(&get);
    }
    let mut greedy = Client::connect_lazily(&relay.descriptor()).await;
    for _ in 0..50 {
        greedy.begin(&get);
    }
    while relay.counters().sent_away == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    greedy.until_down().await;
    for client in &mut modest {
        assert!(client.answer().await.is_some(), "what it asked for still waits for it");
    }
    assert!(matches!(writer.ask(&get).await, Reply::Got(blobs) if blobs[0].1.is_some()));
    assert_eq!(relay.counters().sent_away, 1);
    relay.shutdown().await.expect("a clean end");
}

/// Each round kills the process while deposits are under way, and looks for all that was acknowledged so far.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_relay_loses_nothing_that_it_acknowledged() {
    let dir = folder();
    let daemon = Daemon::init(dir.path());
    let mut chain = chain();
    let mut acknowledged: Vec<Envelope> = Vec::new();
    for round in 0..12u64 {
        let mut running = daemon.run().await;
        let mut client = Client::connect(&daemon.descriptor()).await;
        for kept in acknowledged.chunks(16) {
            let Some(Reply::Put(outcomes)) = client.try_ask(&Request::Put(kept.to_vec())).await else {
                panic!("no answer")
            };
            assert!(outcomes.iter().all(|o| *o == PutOutcome::Duplicate), "round {round}: {outcomes:?}");
        }
        // The kill falls at another place in each round: after a number of deposits, with more under way.
        let mut under_way = Vec::new();
        for _ in 0..3 + round {
            let (_, next) = envelope(&mut chain, Class::C0, 0);
            under_way.push((client.begin(&Request::Put(vec![next.clone()])), next));
        }
        let mut answers = 0;
        let mut killed = false;
        while let Some((id, reply)) = client.answer().await {
            if let Some((_, envelope)) = under_way.iter().find(|(sent, _)| *sent == id) {
                assert_eq!(reply, Reply::Put(vec![PutOutcome::Stored]));
                acknowledged.push(envelope.clone());
            }
            answers += 1;
            if answers > round % 4 && !killed {
                running.kill();
                killed = true;
            }
        }
        // Until the process is gone it holds the directory.
        running.kill();
        running.ended().await;
    }
    assert!(acknowledged.len() >= 12, "each round acknowledged at least one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_relay_ends_well_and_within_five_seconds() {
    let dir = folder();
    let daemon = Daemon::init(dir.path());
    let mut running = daemon.run().await;
    let mut client = Client::connect(&daemon.descriptor()).await;
    let (_, next) = envelope(&mut chain(), Class::C3, 0);
    assert_eq!(client.ask(&Request::Put(vec![next])).await, Reply::Put(vec![PutOutcome::Stored]));
    running.signal("TERM");
    let status =
        tokio::time::timeout(Duration::from_secs(5), running.ended()).await.expect("within five seconds");
    assert_eq!(status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_the_directory_is_told_so() {
    let dir = folder();
    let daemon = Daemon::init(dir.path());
    let _running = daemon.run().await;
    let second = command(dir.path(), &["run"]).output().expect("ran");
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(4), "{said}");
    assert!(said.contains("another relay runs on this directory"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_names_no_client_and_no_tag_even_when_it_tells_all() {
    let dir = folder();
    let daemon = Daemon::init(dir.path());
    daemon.configure("level = \"info\"", "level = \"debug\"");
    let mut running = daemon.run().await;
    let own = daemon.addresses();
    let mut client = Client::connect(&daemon.descriptor()).await;
    let (_, next) = envelope(&mut chain(), Class::C0, 0);
    assert_eq!(client.ask(&Request::Put(vec![next.clone()])).await, Reply::Put(vec![PutOutcome::Stored]));
    client.send(vec![0xff; 8]);
    client.until_down().await;
    running.signal("TERM");
    running.ended().await;
    let log = running.log();
    assert!(log.contains("a client is sent away"), "the log tells what happened:\n{log}");
    let without_own = own.iter().fold(log.clone(), |log, address| log.replace(address, ""));
    assert!(!without_own.contains("127.0.0.1"), "no client's address:\n{log}");
    let tag: String = next.tag.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!log.contains(&tag[..8]) && !log.contains(&client.name()), "no tag, no peer:\n{log}");
}

#[test]
fn bad_input_ends_in_a_sentence_and_its_own_exit_code() {
    let dir = folder();
    let run = |args: &[&str]| {
        let out = command(dir.path(), args).output().expect("ran");
        (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    let (code, said) = run(&["run"]);
    assert!(code == Some(3) && said.contains("madang-relay init"), "{said}");
    let (code, said) = run(&["fly"]);
    assert!(code == Some(2) && said.contains("unrecognized subcommand"), "{said}");
    let daemon = Daemon::init(dir.path());
    let before = every_file(dir.path());
    let (code, said) = run(&["init"]);
    assert!(code == Some(1) && said.contains("exists already; nothing was changed"), "{said}");
    let (code, said) = run(&["show"]);
    assert!(code == Some(5) && said.contains("no address is known yet"), "{said}");
    let (code, said) = run(&["fly"]);
    assert!(code == Some(2) && said.contains("unrecognized subcommand"), "{said}");
    assert_eq!(every_file(dir.path()), before, "nothing of this changed anything");
    daemon.configure("room = \"20 GiB\"", "rom = \"20 GiB\"");
    let before = every_file(dir.path());
    for args in [["check-config"], ["run"], ["show"]] {
        let (code, said) = run(&args);
        assert!(code == Some(3) && said.contains("unknown key `rom`"), "{said}");
    }
    assert_eq!(every_file(dir.path()), before, "nothing of this changed anything");
    daemon.configure("rom = \"20 GiB\"", "room = \"20 GiB\"");
    daemon.configure("127.0.0.1:0", "203.0.113.77:4470");
    let (code, said) = run(&["run"]);
    assert!(code == Some(6) && said.contains("cannot listen at"), "{said}");
    std::fs::remove_file(dir.path().join("data/machine.key")).expect("removed");
    let (code, said) = run(&["check-config"]);
    assert!(code == Some(5) && said.contains("no machine key"), "{said}");
}

/// Each file below a folder, with what is in it.
fn every_file(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable").path()) {
        match entry.is_dir() {
            true => found.extend(every_file(&entry)),
            false => drop(found.insert(entry.clone(), std::fs::read(&entry).expect("readable"))),
        }
    }
    found
}

/// What a camera reads off a terminal that writes light on dark.
fn scanned(page: &str) -> Option<String> {
    let rows: Vec<Vec<char>> = page
        .lines()
        .filter(|line| {
            line.chars().count() > 20 && line.chars().all(|sign| " \u{2580}\u{2584}\u{2588}".contains(sign))
        })
        .map(|line| line.chars().collect())
        .collect();
    let (width, height) = (rows.first()?.len(), rows.len() * 2);
    let light = |x: usize, y: usize| match rows[y / 2][x] {
        '\u{2588}' => true,
        '\u{2580}' => y.is_multiple_of(2),
        '\u{2584}' => !y.is_multiple_of(2),
        _ => false,
    };
    const DOTS: usize = 4;
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width * DOTS, height * DOTS, |x, y| {
        if light(x / DOTS, y / DOTS) { 255 } else { 0 }
    });
    picture.detect_grids().first()?.decode().ok().map(|(_, said)| said)
}

#[test]
fn the_descriptor_is_shown_as_text_as_a_picture_and_as_json() {
    let dir = folder();
    let out = command(dir.path(), &["init", "--announce", "203.0.113.7:4470"]).output().expect("ran");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let show = |args: &[&str]| {
        String::from_utf8(command(dir.path(), args).output().expect("ran").stdout).expect("text")
    };
    let page = show(&["show"]);
    let text = page.lines().next().expect("a line");
    let descriptor = proto::descriptor::RelayDescriptor::parse_text(text).expect("a descriptor");
    assert_eq!(descriptor.facts().addresses.len(), 2, "TCP and QUIC");
    assert!(page.contains("/ip4/203.0.113.7/tcp/4470"), "{page}");
    let said = scanned(&page).expect("the picture can be read by a camera");
    assert!(proto::descriptor::RelayDescriptor::parse_text(&said).expect("a descriptor") == descriptor);
    let json: serde_json::Value = serde_json::from_str(&show(&["show", "--json"])).expect("JSON");
    assert_eq!(json["descriptor"], text);
    assert_eq!(json["longest_days"], 30);
}

/// The largest file of the log.
fn log_file(dir: &Path) -> PathBuf {
    let entries = std::fs::read_dir(dir.join("mail")).expect("a log");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let files = paths.filter(|path| path.extension().is_some_and(|end| end == "log"));
    files.max_by_key(|path| path.metadata().map(|meta| meta.len()).unwrap_or_default()).expect("a segment")
}

async fn list_of(client: &mut Client) -> [u8; 16] {
    let follow = Request::Follow { list: None, from: 0, mode: FollowMode::Prefixes, credit: 1 << 20 };
    match client.ask(&follow).await {
        Reply::Following { list, .. } => list,
        other => panic!("it can be followed, not {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_loss_the_list_has_another_name_and_what_is_missing_can_be_left_again() {
    let dir = folder();
    let mut chain = chain();
    let all: Vec<_> = (0..6).map(|_| envelope(&mut chain, Class::C3, 0).1).collect();
    let relay = Relay::start(Settings::loopback(dir.path())).await.expect("started");
    let mut client = Client::connect(&relay.descriptor()).await;
    for one in &all {
        assert_eq!(client.ask(&Request::Put(vec![one.clone()])).await, Reply::Put(vec![PutOutcome::Stored]));
    }
    let before = list_of(&mut client).await;
    relay.shutdown().await.expect("a clean end");
    let log = std::fs::OpenOptions::new().write(true).open(log_file(dir.path())).expect("the log");
    let length = log.metadata().expect("its length").len();
    log.set_len(length - 100_000).expect("it is cut");
    drop(log);

    let relay =
        Relay::start(Settings::loopback(dir.path())).await.expect("a relay that has lost mail serves");
    let mut client = Client::connect(&relay.descriptor()).await;
    let after = list_of(&mut client).await;
    assert_ne!(after, before, "it signs no second history of the old list");
    let mut outcomes = Vec::new();
    for one in &all {
        let Reply::Put(outcome) = client.ask(&Request::Put(vec![one.clone()])).await else {
            panic!("no answer")
        };
        outcomes.extend(outcome);
    }
    assert_eq!(outcomes[0], PutOutcome::Duplicate);
    assert_eq!(outcomes[5], PutOutcome::Stored);
    relay.shutdown().await.expect("a clean end");
    let relay = Relay::start(Settings::loopback(dir.path())).await.expect("started");
    let mut client = Client::connect(&relay.descriptor()).await;
    assert_eq!(list_of(&mut client).await, after, "a loss is acted on once");
    relay.shutdown().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_does_not_open_is_as_one_that_was_taken_away_and_the_relay_serves_on() {
    let dir = folder();
    let mut chain = chain();
    let all: Vec<_> = (0..8).map(|_| envelope(&mut chain, Class::C3, 0).1).collect();
    let relay = Relay::start(Settings::loopback(dir.path())).await.expect("started");
    let mut client = Client::connect(&relay.descriptor()).await;
    for one in &all {
        assert_eq!(client.ask(&Request::Put(vec![one.clone()])).await, Reply::Put(vec![PutOutcome::Stored]));
    }
    relay.shutdown().await.expect("a clean end");
    let path = log_file(dir.path());
    let mut bytes = std::fs::read(&path).expect("the log");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).expect("it is written");

    let relay = Relay::start(Settings::loopback(dir.path())).await.expect("started");
    let mut client = Client::connect(&relay.descriptor()).await;
    let list = list_of(&mut client).await;
    let mut missing = Vec::new();
    for position in 0..8 {
        let get = Request::Get { list, positions: vec![position], bytes_max: 61_440 };
        let Reply::Got(got) = client.ask(&get).await else { panic!("no answer") };
        missing.extend(got.into_iter().filter(|(_, blob)| blob.is_none()).map(|(position, _)| position));
    }
    assert_eq!(missing.len(), 1, "{missing:?}");
    for (number, one) in (0..).zip(&all) {
        let outcome = if missing == [number] { PutOutcome::Stored } else { PutOutcome::Duplicate };
        assert_eq!(client.ask(&Request::Put(vec![one.clone()])).await, Reply::Put(vec![outcome]));
    }
    relay.shutdown().await.expect("a clean end");
}
