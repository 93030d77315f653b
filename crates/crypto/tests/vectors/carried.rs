//! What is carried: envelopes, slots, requests.

use crypto::{
    Class, Secret32, X25519Secret,
    request::{open_request, seal_request},
    seal::{open_contact, open_stranger, seal_contact, seal_stranger},
    slot::{Chain, Slot, delete_message, put_message},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{book_derive, book_hash, hex, pinned, rng, secret, unhex};

#[test]
fn envelope() {
    let rng = &mut rng(2);
    let key = X25519Secret::generate(rng);
    let mut chain = Chain::new(&Secret32::random(rng));
    let cases: Vec<Value> = Class::ALL
        .into_iter()
        .flat_map(|class| [(class, true), (class, false)])
        .map(|(class, contact)| {
            let slot = chain.next();
            let inner = format!("class {} of {}", class.code(), class.bytes());
            let blob = if contact {
                seal_contact(class, &slot.tag(), slot.psk(), &key.public(), inner.as_bytes(), rng)
            } else {
                seal_stranger(class, &slot.tag(), &key.public(), inner.as_bytes(), rng)
            }
            .expect("it fits");
            // Large blobs stand in the file by their hash and ends; small ones in full.
            json!({
                "class": class.code(),
                "pattern": if contact { "Noise_Npsk0_25519_ChaChaPoly_SHA256" } else { "Noise_N_25519_ChaChaPoly_SHA256" },
                "tag": hex(slot.tag()),
                "psk": if contact { Value::from(hex(slot.psk().as_bytes())) } else { Value::Null },
                "prologue": hex([b"M1/env/1".as_slice(), &[class.code()], &slot.tag()].concat()),
                "inner": hex(&inner),
                "blob": if blob.len() <= 4_096 { Value::from(hex(&blob)) } else { Value::Null },
                "blob_sha256": hex(Sha256::digest(&blob)),
                "ephemeral": hex(&blob[..32]),
            })
        })
        .collect();
    let file = pinned(
        "envelope.json",
        json!({
            "about": "Sealed envelopes of every class. A blob of more than 4 096 bytes is given by its hash.",
            "seal_secret": hex(key.to_bytes().as_bytes()),
            "seal_public": hex(key.public().as_bytes()),
            "cases": cases,
        }),
    );
    let key = X25519Secret::from_bytes(*secret(&file["seal_secret"]).as_bytes());
    let mut opened = 0;
    for case in file["cases"].as_array().expect("a list").iter().filter(|case| !case["blob"].is_null()) {
        let (blob, tag) = (unhex(&case["blob"]), unhex(&case["tag"]).try_into().expect("32 bytes"));
        let inner = if case["psk"].is_null() {
            open_stranger(&blob, &tag, &key)
        } else {
            open_contact(&blob, &tag, &secret(&case["psk"]), &key)
        };
        assert_eq!(hex(&*inner.expect("the vector's own blob")), case["inner"]);
        opened += 1;
    }
    assert_eq!(opened, 4);
}

#[test]
fn slot() {
    let drop = Secret32::random(&mut rng(3));
    let mut chain = Chain::new(&drop);
    let mut link: [u8; 32] = book_derive("M1/drop/start/1", drop.as_bytes(), &[]);
    let blob_hash = book_hash("M1/blob/1", &[&[7; 1_024]]);
    let slots: Vec<Value> = (0u32..4)
        .map(|number| {
            let slot = chain.next();
            let bytes: [u8; 96] = book_derive("M1/drop/slot/1", &link, &[&number.to_be_bytes()]);
            let case = json!({
                "number": number,
                "link": hex(link),
                "seed": hex(&bytes[32..64]),
                "psk": hex(&bytes[64..]),
                "tag": hex(slot.tag()),
                "put": {
                    "class": 0, "flags": 1, "ttl_days": 30, "blob_hash": hex(blob_hash),
                    "message": hex(put_message(&slot.tag(), Class::C0, 1, 30, &blob_hash)),
                    "signature": hex(slot.sign_put(Class::C0, 1, 30, &blob_hash).as_bytes()),
                },
                "delete": {
                    "message": hex(delete_message(&slot.tag())),
                    "signature": hex(slot.sign_delete().as_bytes()),
                },
                "kept": hex(slot.to_bytes()),
            });
            assert_eq!(slot.psk().as_bytes(), &bytes[64..]);
            assert_eq!(slot.key().seed().as_bytes(), &bytes[32..64]);
            link = bytes[..32].try_into().expect("32 bytes");
            case
        })
        .collect();
    let file = pinned(
        "slot.json",
        json!({
            "about": "The first slots of a drop, with signatures for putting and deleting.",
            "drop": hex(drop.as_bytes()),
            "slots": slots,
            "chain_after": hex(chain.to_bytes()),
        }),
    );
    let mut chain = Chain::new(&secret(&file["drop"]));
    for case in file["slots"].as_array().expect("a list") {
        let kept = Slot::from_bytes(&unhex(&case["kept"])).expect("kept");
        assert!(kept == chain.next());
        assert_eq!(hex(kept.tag()), case["tag"]);
    }
}

#[test]
fn request() {
    let rng = &mut rng(5);
    let relay = X25519Secret::generate(rng);
    let cases: Vec<Value> = [(b"ping".to_vec(), b"pong".to_vec()), (vec![1; 205], vec![2; 1_996])]
        .into_iter()
        .map(|(asked, answered)| {
            let (request, pending) = seal_request(&relay.public(), &asked, rng).expect("fits");
            let (_, sealer) = open_request(&relay, &request).expect("ours");
            let reply = sealer.seal(&answered, rng).expect("fits");
            assert_eq!(*pending.open(&reply).expect("ours"), answered);
            json!({ "asked": hex(asked), "request": hex(request), "answered": hex(answered), "reply": hex(reply) })
        })
        .collect();
    let file = pinned(
        "request.json",
        json!({
            "about": "Noise_NK_25519_ChaChaPoly_SHA256, prologue M1/req/1. The relay's side can be checked by itself for each request.",
            "relay_secret": hex(relay.to_bytes().as_bytes()),
            "relay_public": hex(relay.public().as_bytes()),
            "cases": cases,
        }),
    );
    let relay = X25519Secret::from_bytes(*secret(&file["relay_secret"]).as_bytes());
    for case in file["cases"].as_array().expect("a list") {
        let (asked, _) = open_request(&relay, &unhex(&case["request"])).expect("the vector's own");
        assert_eq!(hex(&*asked), case["asked"]);
    }
}
