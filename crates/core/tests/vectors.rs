//! `tests/vectors/content.json`: every kind of content and item from fixed fields, to the byte.
//!
//! `MADANG_WRITE_VECTORS=1 cargo test -p madang-core --test vectors` writes the file anew; a change of it is a change
//! of the protocol.

use std::path::PathBuf;

use data_encoding::HEXLOWER;
use madang_core::content::{
    Body, Content, FADE_SECONDS_MAX, FADE_SECONDS_MIN, Item, Reach, RelayRef, RepairName, TEXT_BYTES_MAX,
};
use madang_core::{ConversationId, MessageId};
use serde_json::{Map, Value, json};

fn content(body: Body) -> Content {
    Content {
        conversation: ConversationId([0x11; 16]),
        device: [0x22; 16],
        sequence: 3,
        previous: Some(MessageId([0x33; 32])),
        deps: vec![MessageId([0x44; 32])],
        lamport: 7,
        claimed_ms: Some(1_767_225_600_000),
        salt: [0x55; 32],
        body,
    }
}

fn text(text: &str, reply_to: Option<MessageId>, fade: Option<u32>) -> Content {
    content(Body::Text { text: text.into(), reply_to, fade })
}

fn contents() -> Vec<(&'static str, Content)> {
    let first = Content {
        sequence: 1,
        previous: None,
        deps: Vec::new(),
        lamport: 1,
        claimed_ms: None,
        ..text("first", None, None)
    };
    vec![
        ("first, without a clock", first),
        ("text", text("다리가 열렸다", None, None)),
        ("answer", text("yes", Some(MessageId([0x66; 32])), None)),
        ("text that disappears after the shortest time", text("soon gone", None, Some(FADE_SECONDS_MIN))),
        (
            "answer that disappears after the longest time",
            text("gone one day", Some(MessageId([0x66; 32])), Some(FADE_SECONDS_MAX)),
        ),
        ("messages disappear after a day", content(Body::Fade(Some(86_400)))),
        ("messages stay", content(Body::Fade(None))),
        ("a kind of a newer version", content(Body::Unknown { kind: 200 })),
    ]
}

fn items() -> Vec<(&'static str, Item)> {
    let relay = RelayRef { id: [0x77; 16], address: "/ip4/10.0.0.5/tcp/4470".into() };
    vec![
        ("message", Item::Message(vec![1, 2, 3])),
        ("reach", Item::Reach(Reach { number: 2, relays: vec![relay] })),
        ("seal", Item::Seal([0x88; 32])),
        ("name", Item::Name("아리".into())),
        ("offer", Item::Offer(vec![4, 5])),
        ("read", Item::Read(ConversationId([0x11; 16]), MessageId([0x99; 32]))),
        ("devices", Item::Devices(vec![6, 7])),
        ("last resort", Item::LastResort(vec![8, 9])),
        ("have", Item::Have { conversation: ConversationId([0x11; 16]), upto: 298, highest: 300 }),
        ("anew", Item::Anew { is_whole: true, repairs: vec![RepairName([0x12; 8]), RepairName([0x34; 8])] }),
        ("withdrawn", Item::Withdrawn),
    ]
}

/// Contents that are refused: the same message around other bytes of a body.
fn refused() -> Vec<(&'static str, Vec<u8>)> {
    let whole = content(Body::Fade(None)).encode();
    let head = &whole[..whole.len() - 3];
    let with = |body: &[u8]| [head, body].concat();
    let long = [
        &[0x83, 0x00, 0x79][..],
        &(TEXT_BYTES_MAX as u16 + 1).to_be_bytes(),
        &[b'a'; TEXT_BYTES_MAX + 1],
        &[0xf6],
    ];
    vec![
        ("no body", with(&[0x80])),
        ("a text without the message that it answers", with(&[0x82, 0x00, 0x61, b'a'])),
        ("a text that is too long", with(&long.concat())),
        ("a time of nothing", with(&[0x84, 0x00, 0x61, b'a', 0xf6, 0x00])),
        ("a time below the shortest", with(&[0x84, 0x00, 0x61, b'a', 0xf6, 0x04])),
        ("a time beyond the longest", with(&[0x84, 0x00, 0x61, b'a', 0xf6, 0x1a, 0x01, 0xe1, 0x33, 0x81])),
        ("a choice without a time", with(&[0x81, 0x01])),
        ("a choice beyond the longest", with(&[0x82, 0x01, 0x1a, 0x01, 0xe1, 0x33, 0x81])),
        ("a byte too much", with(&[0x82, 0x01, 0xf6, 0x00])),
    ]
}

fn hex(bytes: &[u8]) -> Value {
    HEXLOWER.encode(bytes).into()
}

fn vectors() -> Value {
    let contents: Map<String, Value> = contents()
        .into_iter()
        .map(|(name, content)| {
            let bytes = content.encode();
            (name.into(), json!({ "bytes": hex(&bytes), "id": hex(&Content::id(&bytes).0) }))
        })
        .collect();
    let items: Map<String, Value> =
        items().into_iter().map(|(name, item)| (name.into(), hex(&item.encode()))).collect();
    let refused: Map<String, Value> = refused()
        .into_iter()
        .filter(|(_, bytes)| bytes.len() < 1_024)
        .map(|(name, bytes)| (name.into(), hex(&bytes)))
        .collect();
    json!({ "contents": contents, "items": items, "refused": refused })
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/content.json")
}

#[test]
fn the_bytes_are_those_of_the_vectors() {
    let now = vectors();
    if std::env::var_os("MADANG_WRITE_VECTORS").is_some() {
        let text = serde_json::to_string_pretty(&now).expect("JSON") + "\n";
        std::fs::write(file(), text).expect("the file can be written");
    }
    let text = std::fs::read_to_string(file()).expect("tests/vectors/content.json is there");
    let kept: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(now, kept);
}

#[test]
fn what_the_vectors_hold_is_read_back_and_what_they_refuse_is_refused() {
    for (name, content) in contents() {
        assert_eq!(Content::decode(&content.encode()).as_ref(), Ok(&content), "{name}");
    }
    for (name, item) in items() {
        assert_eq!(Item::decode(&item.encode()).as_ref(), Ok(&item), "{name}");
    }
    for (name, bytes) in refused() {
        assert!(Content::decode(&bytes).is_err(), "{name}");
    }
}

#[test]
fn an_encoding_by_hand_from_the_page_agrees() {
    // 10.3: a text that disappears is [0, text, reply_to, seconds]; a choice is [1, seconds / null].
    let ends = |content: Content, body: &[u8]| assert!(content.encode().ends_with(body));
    ends(text("hi", None, None), &[0x83, 0x00, 0x62, b'h', b'i', 0xf6]);
    ends(text("hi", None, Some(3_600)), &[0x84, 0x00, 0x62, b'h', b'i', 0xf6, 0x19, 0x0e, 0x10]);
    ends(content(Body::Fade(Some(5))), &[0x82, 0x01, 0x05]);
    ends(content(Body::Fade(None)), &[0x82, 0x01, 0xf6]);
}
