//! `tests/vectors/frames.json`: every frame, request and reply from fixed seeds, to the byte.
//!
//! `MADANG_WRITE_VECTORS=1 cargo test -p madang-proto --test vectors` writes the file anew; a change of it is a change
//! of the protocol.

extern crate madang_proto as proto;

mod common;

use std::path::PathBuf;

use common::{keys, slots};
use crypto::hash::{Hash32, mac};
use crypto::key::{Secret32, Signature};
use crypto::seal::Class;
use data_encoding::HEXLOWER;
use proto::descriptor::{RelayDescriptor, RelayFacts};
use proto::envelope::{Blob, Envelope, envelope_id};
use proto::frame::{Frame, Push};
use proto::id::{Address, PeerName, Prefix, Tag};
use proto::mailbox::list::{Batch, Entries, Head, chain_next, chain_start};
use proto::mailbox::request::{DeleteOutcome, FollowMode, ListPart, PutOutcome, Reply, Request};
use serde_json::{Value, json};

fn hex(bytes: &[u8]) -> Value {
    Value::String(HEXLOWER.encode(bytes))
}

/// Long bytes stand as their length and hash, so that the file can be read.
fn long(bytes: &[u8]) -> Value {
    let hash = crypto::hash::hash("M1/vector/1", &[bytes]);
    let begin = &bytes[..bytes.len().min(64)];
    json!({ "bytes": bytes.len(), "begin": hex(begin), "hash": hex(&hash) })
}

/// A blob of counting bytes: byte i is i mod 251.
fn counting(class: Class) -> Blob {
    let bytes = (0..class.bytes()).map(|place| (place % 251) as u8).collect();
    Blob::parse(bytes).expect("a class")
}

const LIST: [u8; 16] = [0x11; 16];

fn list() -> (Entries, Vec<Hash32>) {
    let mut entries = Entries::default();
    let mut chains = vec![chain_start(&LIST)];
    for (number, class) in Class::ALL.into_iter().enumerate() {
        let prefix = Prefix([number as u8 + 0xa0; 8]);
        entries.push(&prefix, class);
        chains.push(chain_next(&chains[number], &prefix, class));
    }
    (entries, chains)
}

fn frames() -> Vec<(&'static str, Frame)> {
    let (entries, chains) = list();
    let head = Head::sign(&LIST, 4, &chains[4], &keys().sign);
    let blobs = vec![(0, counting(Class::C0))];
    let batch = Batch { first: 0, start: None, entries, blobs, head };
    let told = Batch { start: Some(chains[0]), blobs: Vec::new(), ..batch.clone() };
    let push = Push { number: 1, acked: 300, prefix: Prefix([0x22; 8]), blob: counting(Class::C0) };
    vec![
        ("nonce", Frame::Nonce([0x33; 32])),
        ("hello", Frame::Hello(vec![[0x44; 16]; 16])),
        ("push", Frame::Push(push)),
        ("ack", Frame::Ack { upto: 1 }),
        ("credit", Frame::Credit { bytes: 131_072 }),
        ("describe", Frame::Describe),
        ("descriptor", Frame::Descriptor(vec![0x55; 3])),
        ("request", Frame::Request { id: 7, sealed: vec![0x66; 256] }),
        ("reply", Frame::Reply { id: 7, sealed: vec![0x77; 256] }),
        ("batch with a blob", Frame::Batch(batch)),
        ("batch that tells the chain", Frame::Batch(told)),
        ("busy", Frame::Busy { id: 7, after_ms: 250 }),
    ]
}

fn requests() -> Vec<(&'static str, Request)> {
    let slot = &slots(1, 1)[0];
    let envelope = Envelope::seal_into(slot, counting(Class::C0), 30, 1);
    let list = Some(LIST);
    let (mode, credit) = (FollowMode::Blobs, 524_288);
    vec![
        ("put", Request::Put(vec![envelope])),
        ("list", Request::List { list: None, from: 0 }),
        ("get", Request::Get { list: LIST, positions: vec![3, 1_000], bytes_max: 61_440 }),
        ("delete", Request::Delete(vec![(Tag(slot.tag()), slot.sign_delete())])),
        ("follow", Request::Follow { list, from: 24, mode, credit }),
        ("unfollow", Request::Unfollow),
    ]
}

fn replies() -> Vec<(&'static str, Reply)> {
    let (entries, chains) = list();
    let head = Head::sign(&LIST, 4, &chains[4], &keys().sign);
    let outcomes = vec![
        PutOutcome::Stored,
        PutOutcome::Duplicate,
        PutOutcome::Taken,
        PutOutcome::Gone,
        PutOutcome::Full,
        PutOutcome::Bad,
        PutOutcome::Pay { difficulty: 9 },
    ];
    let deleted = vec![DeleteOutcome::Done, DeleteOutcome::Absent, DeleteOutcome::Kept, DeleteOutcome::Bad];
    let start = chains[0];
    let part = ListPart { first: 0, start, entries, head: head.clone(), end: 4 };
    vec![
        ("put", Reply::Put(outcomes)),
        ("list", Reply::List(part)),
        ("got", Reply::Got(vec![(0, Some(counting(Class::C0))), (1, None)])),
        ("deleted", Reply::Deleted(deleted)),
        ("following", Reply::Following { list: LIST, first: 0, start, head }),
        ("unfollowed", Reply::Unfollowed),
        ("other list", Reply::OtherList([0x88; 16])),
        ("not understood", Reply::NotUnderstood),
    ]
}

fn envelope_vector() -> Value {
    let slot = &slots(1, 1)[0];
    let blob = counting(Class::C0);
    let envelope = Envelope::seal_into(slot, blob.clone(), 30, 1);
    json!({
        "drop": hex(&[1; 32]),
        "tag": hex(&slot.tag()),
        "blob": "byte i is i mod 251",
        "blob_hash": hex(&blob.hash()),
        "days": 30,
        "flags": 1,
        "signature": hex(envelope.signature.as_bytes()),
        "id": hex(&envelope_id(&envelope.tag, &blob).0),
        "envelope": long(&envelope.encode()),
    })
}

fn list_vector() -> Value {
    let (entries, chains) = list();
    let head = Head::sign(&LIST, 4, &chains[4], &keys().sign);
    json!({
        "list": hex(&LIST),
        "entries": entries.iter().map(|(prefix, class)| json!([hex(&prefix.0), class.code()])).collect::<Vec<_>>(),
        "chain": chains.iter().map(|chain| hex(chain)).collect::<Vec<_>>(),
        "relay_seed": hex(&[11; 32]),
        "head_signature": hex(head.signature.as_bytes()),
    })
}

fn hello_vector() -> Value {
    let (dialer, listener) = ([1_u8; 38], [2_u8; 38]);
    let (nonces, secret) = (([3_u8; 32], [4_u8; 32]), Secret32::new([5; 32]));
    let code = |speaker: u8| {
        let parts: [&[u8]; 5] = [&[speaker], &dialer, &listener, &nonces.0, &nonces.1];
        hex(&mac("M1/link/hello/1", &secret, &parts)[..16])
    };
    json!({
        "dialer": hex(&dialer),
        "listener": hex(&listener),
        "dialer_nonce": hex(&nonces.0),
        "listener_nonce": hex(&nonces.1),
        "secret": hex(secret.as_bytes()),
        "code_of_dialer": code(0),
        "code_of_listener": code(1),
    })
}

fn descriptor() -> RelayDescriptor {
    let facts = RelayFacts {
        sign_key: keys().sign.public(),
        request_key: keys().request.public(),
        peer: PeerName::new(&[13; 38]).expect("a name"),
        addresses: vec![Address::parse("/ip4/192.0.2.1/tcp/4001").expect("an address")],
        ttl_days_max: 30,
        sequence: 7,
    };
    RelayDescriptor::sign(facts, &keys().sign)
}

fn vectors() -> Value {
    let frames =
        frames().into_iter().map(|(name, frame)| json!({ "frame": name, "encoding": long(&frame.encode()) }));
    let requests = requests()
        .into_iter()
        .map(|(name, request)| json!({ "request": name, "payload": long(&request.encode()) }));
    let replies =
        replies().into_iter().map(|(name, reply)| json!({ "reply": name, "payload": long(&reply.encode()) }));
    json!({
        "about": "Frames, requests and replies. Long bytes: length, the first 64, and hash(\"M1/vector/1\", bytes).",
        "frames": frames.collect::<Vec<_>>(),
        "requests": requests.collect::<Vec<_>>(),
        "replies": replies.collect::<Vec<_>>(),
        "envelope": envelope_vector(),
        "list": list_vector(),
        "hello": hello_vector(),
        "descriptor": {
            "relay_seed": hex(&[11; 32]),
            "request_secret": hex(&[12; 32]),
            "bytes": hex(descriptor().bytes()),
            "id": hex(&descriptor().id().0),
            "text": descriptor().to_text(),
        },
    })
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/frames.json")
}

#[test]
fn the_bytes_are_those_of_the_vectors() {
    let now = vectors();
    if std::env::var_os("MADANG_WRITE_VECTORS").is_some() {
        let text = serde_json::to_string_pretty(&now).expect("JSON") + "\n";
        std::fs::write(file(), text).expect("the file can be written");
    }
    let text = std::fs::read_to_string(file()).expect("tests/vectors/frames.json is there");
    let kept: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(now, kept);
}

#[test]
fn what_the_vectors_hold_is_read_back() {
    for (name, frame) in frames() {
        assert_eq!(Frame::decode(&frame.encode()).as_ref(), Ok(&frame), "{name}");
    }
    for (name, request) in requests() {
        assert_eq!(Request::decode(&request.encode()).as_ref(), Ok(&request), "{name}");
    }
    for (name, reply) in replies() {
        assert_eq!(Reply::decode(&reply.encode()).as_ref(), Ok(&reply), "{name}");
    }
    assert_eq!(RelayDescriptor::parse_text(&descriptor().to_text()), Ok(descriptor()));
}

#[test]
fn an_encoding_by_hand_from_the_page_agrees() {
    // 09: a push is [2, number, acked, prefix ‖ blob].
    let blob = counting(Class::C0);
    let push = Push { number: 1, acked: 300, prefix: Prefix([0x22; 8]), blob: blob.clone() };
    let by_hand =
        [&[0x84, 0x02, 0x01, 0x19, 0x01, 0x2c, 0x59, 0x04, 0x08][..], &[0x22; 8], blob.bytes()].concat();
    assert_eq!(Frame::Push(push).encode(), by_hand);
    // 08: a list request without a known list is [2, null, from].
    assert_eq!(Request::List { list: None, from: 24 }.encode(), [0x83, 0x02, 0xf6, 0x18, 0x18]);
    // 06: an envelope is [tag, flags, days, signature, blob].
    let slot = &slots(1, 1)[0];
    let envelope = Envelope::seal_into(slot, blob.clone(), 30, 1);
    let signature: &Signature = &envelope.signature;
    let by_hand = [
        &[0x85, 0x58, 0x20][..],
        &slot.tag(),
        &[0x01, 0x18, 0x1e, 0x58, 0x40],
        signature.as_bytes(),
        &[0x59, 0x04, 0x00],
        blob.bytes(),
    ]
    .concat();
    assert_eq!(envelope.encode(), by_hand);
}

#[test]
fn a_hello_carries_the_code_that_the_page_describes() {
    use proto::id::{Moment, Party};
    use proto::link::{Link, LinkEvent, Role};
    let (one, two) = ([1_u8; 38], [2_u8; 38]);
    let names = (PeerName::new(&one).expect("a name"), PeerName::new(&two).expect("a name"));
    let secret = Secret32::new([5; 32]);
    let rng = &mut common::rng(1);
    let pairs = vec![(Party(1), secret.clone())];
    let (mut dialer, first) = Link::new(Role::Dialer, &names.0, &names.1, pairs, Moment(0), rng);
    let Ok(Frame::Nonce(nonce)) = Frame::decode(&first) else { panic!("no nonce") };
    let theirs = [4; 32];
    let events = dialer.on_frame(&Frame::Nonce(theirs).encode(), Moment(0), rng).expect("a nonce");
    let [LinkEvent::Send(hello)] = &events[..] else { panic!("no hello") };
    let Ok(Frame::Hello(codes)) = Frame::decode(hello) else { panic!("no hello") };
    let parts: [&[u8]; 5] = [&[0], &one, &two, &nonce, &theirs];
    let code = mac("M1/link/hello/1", &secret, &parts);
    assert_eq!(codes.iter().filter(|found| found[..] == code[..16]).count(), 1);
}
