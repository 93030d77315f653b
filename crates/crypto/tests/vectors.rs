//! The published vectors under `tests/vectors`: made from fixed seeds, compared with the files, and read back from them.
//!
//! `MADANG_WRITE_VECTORS=1 cargo test -p madang-crypto --test vectors` writes them anew; do so only with a new version.
//! Where the library keeps values to itself, they are computed here a second time from the specification alone.

use std::{fs, path::PathBuf};

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};

use crypto::{
    Class, Secret32, X25519Public, X25519Secret,
    backup::{BackupSecret, CHUNK_BYTES, Opener, Sealer},
    handshake::{Init, PeerKeys, Psk, initiate, respond},
    hash,
    identity::{AccountId, DeviceCert, DeviceList, Identity},
    invite::InviteSecret,
    key::Secret,
    prekey::{Bundle, BundleKind, BundleSecret, Offer, OfferSecret},
    ratchet::{Message, Session},
    renewal::{Rekey, Repair, RepairSecret},
    request::{open_request, seal_request},
    safety::safety_number,
    seal::{open_contact, open_stranger, seal_contact, seal_stranger},
    slot::{Chain, Slot, delete_message, put_message},
    tree::{LeafKey, Node, NodeId, NodeKey, open_node, open_record, seal_node, seal_record},
    vault::{Cost, KeyFile, NameKey, Role, Vault},
};
use data_encoding::HEXLOWER;
use hkdf::Hkdf;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

fn unhex(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().expect("a string").as_bytes()).expect("lowercase hex")
}

fn secret(value: &Value) -> Secret32 {
    Secret::from_slice(&unhex(value)).expect("32 bytes")
}

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

/// Gives what the file holds, after comparing it with what is made now.
fn pinned(name: &str, made: Value) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(name);
    if std::env::var_os("MADANG_WRITE_VECTORS").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be made");
        let text = serde_json::to_string_pretty(&made).expect("plain values");
        fs::write(&path, text + "\n").expect("the file can be written");
    }
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let kept: Value = serde_json::from_str(&text).expect("the file is JSON");
    assert_eq!(kept, made, "{name} differs: a format or a key schedule has changed");
    kept
}

/// Label and parts with their lengths: section 3 of 01-primitives, once more.
fn framed(label: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = (label.len() as u16).to_be_bytes().to_vec();
    bytes.extend_from_slice(label.as_bytes());
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u32).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

fn book_hash(label: &str, parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest(framed(label, parts)).into()
}

fn book_derive<const N: usize>(label: &str, secret: &[u8], parts: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    Hkdf::<Sha256>::new(Some(&book_hash(label, &[])), secret)
        .expand(&framed(label, parts), &mut out)
        .expect("a short output");
    out
}

#[test]
fn hash_and_derive_are_what_the_specification_says() {
    assert_eq!(hash("M1/x/1", &[b"a", b"bc"]), book_hash("M1/x/1", &[b"a", b"bc"]));
    let input = Secret32::new([3; 32]);
    let ours = crypto::derive("M1/x/1", &input, &[b"a"]);
    assert_eq!(*ours.as_bytes(), book_derive("M1/x/1", &[3; 32], &[b"a"]));
}

#[test]
fn hx1() {
    let rng = &mut rng(1);
    let (ari, bora) = (Identity::create(rng), Identity::create(rng));
    let invite = InviteSecret::random(rng);
    let (bundle_secret, bundle) = BundleSecret::generate(BundleKind::Invite, 1, &bora, 30, rng);
    let psk = Psk::Invite(invite.psk());
    let context = b"example";
    let peer = PeerKeys { cert: bora.cert(), bundle: &bundle };
    let (init, made, mut session) = initiate(&ari, peer, &psk, context, rng).expect("sound keys");
    let first = session.encrypt(b"first");
    let second = session.encrypt(b"second");

    // The transcript and the first keys once more, from the specification.
    let body = minicbor_fields(bundle.bytes());
    let init_fields = minicbor_fields(&init.encode());
    let (eph, ct) = (&init_fields[0], &init_fields[1]);
    let turn = Message::parse(&first).expect("a message").header().ratchet_key;
    let transcript = book_hash(
        "M1/HX1/1",
        &[
            &[1, 1],
            ari.account_id().as_bytes(),
            &book_hash("M1/cert-hash/1", &[ari.cert().bytes()]),
            bora.account_id().as_bytes(),
            &book_hash("M1/cert-hash/1", &[bora.cert().bytes()]),
            &ari.cert().dh_key().typed(),
            eph,
            &turn.typed(),
            &bora.cert().dh_key().typed(),
            &1u32.to_be_bytes(),
            &book_hash("M1/bundle-hash/1", &[bundle.bytes()]),
            &body[1],
            &book_hash("M1/HX1/ek/1", &[&body[2]]),
            &book_hash("M1/HX1/ct/1", &[ct]),
            context,
        ],
    );
    let kept = minicbor_fields(&bundle_secret.to_bytes());
    let of_bora = minicbor_fields(&bora.to_bytes());
    let key = |bytes: &[u8]| X25519Secret::from_bytes(bytes.try_into().expect("32 bytes"));
    let (spk, dh) = (key(&kept[0]), key(&of_bora[2]));
    let eph = X25519Public::from_typed(eph).expect("a sound key");
    let mut ikm = vec![0xff; 32];
    for shared in [spk.diffie_hellman(ari.cert().dh_key()), dh.diffie_hellman(&eph), spk.diffie_hellman(&eph)]
    {
        ikm.extend_from_slice(shared.expect("sound keys").as_bytes());
    }
    let kem_shared = {
        use ml_kem::{
            MlKem768,
            kem::{Decapsulate, FromSeed},
        };
        let seed: [u8; 64] = kept[1].as_slice().try_into().expect("64 bytes");
        let (secret, _) = MlKem768::from_seed(&seed.into());
        let ct: [u8; 1_088] = ct.as_slice().try_into().expect("1 088 bytes");
        secret.decapsulate(&ct.into())
    };
    ikm.extend_from_slice(&kem_shared);
    let salt: [u8; 32] = book_derive("M1/HX1/psk/1", invite.psk().as_bytes(), &[&[1]]);
    let schedule = Hkdf::<Sha256>::new(Some(&salt), &ikm);
    let named = |name: &str| {
        let mut out = [0u8; 32];
        schedule.expand(&framed(&format!("M1/HX1/{name}/1"), &[&transcript]), &mut out).expect("32 bytes");
        out
    };
    assert_eq!(named("sid"), made.sid);
    assert_eq!(named("resume"), *made.resume.as_bytes());
    assert_eq!(named("drop-ir"), *made.drop_send.as_bytes());
    assert_eq!(named("drop-ri"), *made.drop_recv.as_bytes());
    assert_eq!(named("link"), *made.link.as_bytes());
    assert_eq!(named("repair"), *made.repair.as_bytes());

    let file = pinned(
        "hx1.json",
        json!({
            "about": "One handshake by invite. Keys, certificates and bundle as kept and as sent; then what both sides derive.",
            "initiator_identity": hex(ari.to_bytes()),
            "responder_identity": hex(bora.to_bytes()),
            "initiator_cert": hex(ari.cert().bytes()),
            "initiator_list": hex(ari.list().bytes()),
            "initiator_account_id": hex(ari.account_id().as_bytes()),
            "initiator_device_id": hex(ari.cert().device_id().as_bytes()),
            "responder_cert": hex(bora.cert().bytes()),
            "responder_list": hex(bora.list().bytes()),
            "responder_account_id": hex(bora.account_id().as_bytes()),
            "invite_secret": hex(invite.as_bytes()),
            "bundle": hex(bundle.bytes()),
            "bundle_secret": hex(bundle_secret.to_bytes()),
            "context": hex(context),
            "psk": hex(invite.psk().as_bytes()),
            "init": hex(init.encode()),
            "transcript": hex(transcript),
            "kem_shared": hex(kem_shared),
            "salt": hex(salt),
            "ikm": hex(&ikm),
            "root": hex(named("root")),
            "sid": hex(made.sid),
            "resume": hex(made.resume.as_bytes()),
            "drop_initiator_to_responder": hex(made.drop_send.as_bytes()),
            "drop_responder_to_initiator": hex(made.drop_recv.as_bytes()),
            "link": hex(made.link.as_bytes()),
            "repair": hex(made.repair.as_bytes()),
            "messages": [
                { "plain": hex("first"), "message": hex(&first) },
                { "plain": hex("second"), "message": hex(&second) },
            ],
        }),
    );

    // The other side, from the file alone.
    let bora = Identity::from_bytes(&unhex(&file["responder_identity"])).expect("kept");
    let ari_cert = DeviceCert::parse(&unhex(&file["initiator_cert"])).expect("signed");
    let list = DeviceList::parse(&unhex(&file["initiator_list"])).expect("signed");
    assert!(list.contains(&ari_cert));
    let secret_half = BundleSecret::from_bytes(&unhex(&file["bundle_secret"])).expect("kept");
    let invite = InviteSecret::from_bytes(&unhex(&file["invite_secret"])).expect("32 bytes");
    let first = Message::parse(&unhex(&file["messages"][0]["message"])).expect("a message");
    let (taken, mut session, plain) = respond(
        &bora,
        &secret_half,
        &ari_cert,
        &Init::parse(&unhex(&file["init"])).expect("sound"),
        &first,
        &Psk::Invite(invite.psk()),
        &unhex(&file["context"]),
    )
    .expect("the vector's own handshake");
    assert_eq!(hex(plain), file["messages"][0]["plain"]);
    assert_eq!(hex(taken.sid), file["sid"]);
    assert_eq!(hex(taken.drop_send.as_bytes()), file["drop_responder_to_initiator"]);
    let second = session.decrypt(&unhex(&file["messages"][1]["message"])).expect("the next one");
    assert_eq!(hex(second), file["messages"][1]["plain"]);
    assert!(Bundle::parse(&unhex(&file["bundle"]), bora.cert()).is_ok());

    // A kept session has one form, too: ratchet vectors are for decrypting only, since new keys are drawn inside.
    let kept = Session::from_bytes(&session.to_bytes()).expect("just written");
    assert_eq!(*kept.to_bytes(), *session.to_bytes());
}

/// The byte strings of a CBOR array, in order, whatever else stands between them.
fn minicbor_fields(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut decoder = minicbor::Decoder::new(bytes);
    let len = decoder.array().expect("an array").expect("a definite one");
    let mut fields = Vec::new();
    for _ in 0..len {
        if decoder.datatype().expect("an item") == minicbor::data::Type::Bytes {
            fields.push(decoder.bytes().expect("bytes").to_vec());
        } else {
            decoder.skip().expect("an item");
        }
    }
    fields
}

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
fn invite() {
    let invite = InviteSecret::random(&mut rng(4));
    let answers: Vec<Value> = (0..16)
        .map(|number: u32| {
            let slot = invite.answer_slot(number);
            let bytes: [u8; 64] =
                book_derive("M1/inv/answer/1", invite.as_bytes(), &[&number.to_be_bytes()]);
            assert_eq!(slot.key().seed().as_bytes(), &bytes[..32]);
            json!({ "number": number, "seed": hex(&bytes[..32]), "tag": hex(slot.tag()), "psk": hex(slot.psk().as_bytes()) })
        })
        .collect();
    assert_eq!(*invite.psk().as_bytes(), book_derive("M1/inv/psk/1", invite.as_bytes(), &[]));
    assert_eq!(*invite.link().as_bytes(), book_derive("M1/inv/link/1", invite.as_bytes(), &[]));
    let file = pinned(
        "invite.json",
        json!({
            "about": "What an invite's secret stands for.",
            "secret": hex(invite.as_bytes()),
            "psk": hex(invite.psk().as_bytes()),
            "link": hex(invite.link().as_bytes()),
            "seal_secret": hex(invite.seal_key().to_bytes().as_bytes()),
            "seal_public": hex(invite.seal_key().public().as_bytes()),
            "answers": answers,
        }),
    );
    let read = InviteSecret::from_bytes(&unhex(&file["secret"])).expect("32 bytes");
    assert_eq!(hex(read.seal_key().public().as_bytes()), file["seal_public"]);
}

#[test]
fn safety() {
    let pairs = [([1u8; 32], [2u8; 32]), ([0; 32], [0xff; 32]), ([9; 32], [9; 32])];
    let cases: Vec<Value> = pairs
        .into_iter()
        .map(|(one, other)| {
            let number = safety_number(&AccountId::new(one), &AccountId::new(other));
            let low = one.min(other);
            let high = one.max(other);
            let pair = book_hash("M1/fp/1", &[&low, &high]);
            let bytes: [u8; 60] = book_derive("M1/fp/digits/1", &pair, &[]);
            let groups: Vec<String> = bytes
                .chunks(5)
                .map(|group| {
                    let value = group.iter().fold(0u64, |value, byte| value * 256 + u64::from(*byte));
                    format!("{:05}", value % 100_000)
                })
                .collect();
            assert_eq!(groups.join(" "), number.to_string());
            json!({ "one": hex(one), "other": hex(other), "digits": number.to_string(), "qr": number.to_qr_text() })
        })
        .collect();
    let file =
        pinned("safety.json", json!({ "about": "Safety numbers of pairs of accounts.", "cases": cases }));
    for case in file["cases"].as_array().expect("a list") {
        let id = |name: &str| AccountId::new(unhex(&case[name]).try_into().expect("32 bytes"));
        let number = safety_number(&id("other"), &id("one"));
        assert!(number.matches(case["digits"].as_str().expect("text")));
        assert!(number.matches(case["qr"].as_str().expect("text")));
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

#[test]
fn keyfile() {
    let rng = &mut rng(6);
    let (mut file, mut vault) =
        KeyFile::create("바다의 길".as_bytes(), Cost::for_tests(), rng).expect("8 KiB of memory");
    vault.set_head(1_234_567);
    file.update(&vault, rng).expect("its own file");
    let place = (0..8)
        .find(|place| {
            let mut without = file.bytes().to_vec();
            without[48 + place * 256] ^= 1;
            KeyFile::parse(&without).and_then(|file| file.unlock("바다의 길".as_bytes())).is_err()
        })
        .expect("one slot is used");
    let head = file.bytes()[..2_096].to_vec();
    let decoy = file.add_decoy(&mut vault, "남의 길".as_bytes(), true, rng).expect("8 KiB of memory");
    let with_decoy = file.bytes()[..2_096].to_vec();
    let slots = |passphrase: &str, head: &[u8]| {
        let plain = (0..8).filter_map(|place| Some((place, book_slot(head, passphrase.as_bytes(), place)?)));
        let found: Vec<(usize, Vec<u8>)> = plain.collect();
        assert_eq!(found.len(), 1, "a passphrase opens one slot");
        json!({ "slot": found[0].0, "plain": hex(&found[0].1) })
    };
    let seeded = Vault::from_seed(&Secret32::new([8; 32]));
    let names = |key: NameKey| hex(key.blind(3, b"example"));
    let kept = pinned(
        "keyfile.json",
        json!({
            "about": "The first 2 096 bytes of a key file: salt, masked cost, eight slots; the rest is filler and does not count. Cost 8 KiB, one pass.",
            "passphrase_utf8": "바다의 길",
            "used_slot": place,
            "head": hex(&head),
            "slot_of_the_passphrase": slots("바다의 길", &head),
            "with_a_decoy": {
                "about": "The same file with a decoy that destroys the rest when it is opened.",
                "head": hex(&with_decoy),
                "passphrase_utf8": "남의 길",
                "root_key": hex(decoy.root_key().secret().as_bytes()),
                "slot_of_the_passphrase": slots("바다의 길", &with_decoy),
                "slot_of_the_decoy": slots("남의 길", &with_decoy),
            },
            "memory_kib": 8,
            "passes": 1,
            "root_key": hex(vault.root_key().secret().as_bytes()),
            "head_counter": vault.head(),
            "generation": vault.generation(),
            "segment_key_of_zero_salt": hex(vault.segment_key(&[0; 32]).as_bytes()),
            "blinded_name_of_table_3_example": names(vault.name_key()),
            "seeded": {
                "seed": hex([8; 32]),
                "root_key": hex(seeded.root_key().secret().as_bytes()),
                "segment_key_of_zero_salt": hex(seeded.segment_key(&[0; 32]).as_bytes()),
                "blinded_name_of_table_3_example": names(seeded.name_key()),
            },
        }),
    );
    let mut bytes = unhex(&kept["head"]);
    bytes.resize(65_536, 0);
    let opened = KeyFile::parse(&bytes)
        .and_then(|file| file.unlock(kept["passphrase_utf8"].as_str().expect("text").as_bytes()))
        .expect("the vector's own passphrase");
    assert_eq!(hex(opened.root_key().secret().as_bytes()), kept["root_key"]);
    assert_eq!(opened.head(), kept["head_counter"]);
    assert_eq!(hex(opened.segment_key(&[0; 32]).as_bytes()), kept["segment_key_of_zero_salt"]);
    assert_eq!(names(opened.name_key()), kept["blinded_name_of_table_3_example"]);

    // The decoy, and what the page says of both slots: version, flags, spare place, store, three keys, two counters.
    let kept = &kept["with_a_decoy"];
    let mut bytes = unhex(&kept["head"]);
    bytes.resize(65_536, 0);
    let file = KeyFile::parse(&bytes).expect("a key file");
    let decoy = file.unlock(kept["passphrase_utf8"].as_str().expect("text").as_bytes()).expect("it opens");
    assert_eq!((decoy.role(), decoy.store()), (Role::Decoy { destroys: true }, 1));
    assert_eq!(hex(decoy.root_key().secret().as_bytes()), kept["root_key"]);
    let (own_at, own) = slot_of(&kept["slot_of_the_passphrase"]);
    let (decoy_at, plain) = slot_of(&kept["slot_of_the_decoy"]);
    assert_eq!((own[0], own[1], usize::from(own[2]), own[3]), (1, 4, decoy_at, 0));
    assert_eq!((plain[0], plain[1], plain[3]), (1, 3, 1));
    assert!(plain[2] < 8 && ![own_at, decoy_at].contains(&usize::from(plain[2])));
    assert_eq!(plain[4..36], *decoy.root_key().secret().as_bytes());
    assert_eq!(own[100..116], [&0_u64.to_be_bytes()[..], &1_234_567_u64.to_be_bytes()].concat());
    assert!(own[116..].iter().chain(&plain[116..]).all(|byte| *byte == 0));
}

fn slot_of(kept: &Value) -> (usize, Vec<u8>) {
    (kept["slot"].as_u64().expect("a number") as usize, unhex(&kept["plain"]))
}

/// Opens a slot by chapter 13 alone, with the cost of tests: 8 KiB, one pass.
fn book_slot(head: &[u8], passphrase: &[u8], place: usize) -> Option<Vec<u8>> {
    let kek: [u8; 32] = book_derive("M1/vault/kek/1", &book_stretch(passphrase, &head[..32]), &[]);
    let sealed = &head[48 + place * 256..48 + (place + 1) * 256];
    book_open(&kek, &framed("M1/vault/slot/1", &[&head[..48], &[place as u8]]), sealed)
}

/// Argon2id at the cost of tests.
fn book_stretch(passphrase: &[u8], salt: &[u8]) -> [u8; 32] {
    let params = argon2::Params::new(8, 1, 1, Some(32)).expect("allowed");
    let argon = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let mut stretched = [0; 32];
    argon.hash_password_into(passphrase, salt, &mut stretched).expect("8 KiB of memory");
    stretched
}

/// XChaCha20-Poly1305 with the nonce before the rest.
fn book_open(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, msg) = sealed.split_first_chunk::<24>()?;
    XChaCha20Poly1305::new(&(*key).into()).decrypt(&(*nonce).into(), Payload { msg, aad }).ok()
}

#[test]
fn tree() {
    let rng = &mut rng(10);
    let key = NodeKey::new(Secret32::new([7; 32]));
    let id = NodeId { level: 1, index: 5 };
    let node = Node::random(rng);
    let sealed = seal_node(&key, id, &node, rng);
    let leaf = LeafKey::new(Secret32::new([9; 32]));
    let record = |len: usize, rng: &mut ChaCha20Rng| {
        let content: Vec<u8> = (0..len).map(|at| at as u8).collect();
        hex(seal_record(&leaf, b"where it belongs", &content, rng))
    };
    let kept = pinned(
        "tree.json",
        json!({
            "about": "A node of the key tree, and two records of counting bytes under one leaf.",
            "node_key": hex([7; 32]),
            "node_level": 1,
            "node_index": 5,
            "sealed_node": hex(&sealed),
            "child_keys_sha256": hex(Sha256::digest(
                (0..64).flat_map(|at| *node.child(at).secret().as_bytes()).collect::<Vec<u8>>(),
            )),
            "leaf_key": hex([9; 32]),
            "aad_utf8": "where it belongs",
            "record_of_5_bytes": record(5, rng),
            "record_of_64_bytes": record(64, rng),
        }),
    );
    let sealed = unhex(&kept["sealed_node"]);
    assert_eq!(sealed.len(), 2_088);
    let aad = [&b"M1/node/1"[..], &[1], &5_u32.to_be_bytes()].concat();
    let keys = book_open(&[7; 32], &aad, &sealed).expect("opened by the page alone");
    assert_eq!(hex(Sha256::digest(&keys)), kept["child_keys_sha256"]);
    let node = open_node(&key, id, &sealed).expect("it opens");
    assert_eq!(node.leaf(63).secret().as_bytes()[..], keys[63 * 32..]);
    assert!(open_node(&key, NodeId { level: 0, index: 5 }, &sealed).is_err(), "it stands nowhere else");
    for (name, len, padded) in [("record_of_5_bytes", 5, 64), ("record_of_64_bytes", 64, 128)] {
        let sealed = unhex(&kept[name]);
        let plain = book_open(&[9; 32], b"where it belongs", &sealed).expect("opened by the page alone");
        let mut by_hand: Vec<u8> = (0..len).collect();
        by_hand.push(0x80);
        by_hand.resize(padded, 0);
        assert_eq!(plain, by_hand, "{name}");
        let record = open_record(&leaf, b"where it belongs", &sealed).expect("it opens");
        assert_eq!(record[..], by_hand[..usize::from(len)]);
    }
}

#[test]
fn backup() {
    let rng = &mut rng(9);
    let (words, drawn) = BackupSecret::words(false, rng);
    let (korean, _) = BackupSecret::words(true, rng);
    let secret = BackupSecret::typed("바다의 길").expect("a passphrase");
    let (head, mut sealer) = Sealer::new(&secret, Cost::for_tests(), rng).expect("8 KiB of memory");
    let (mut first, mut last) = (vec![1u8; CHUNK_BYTES], vec![2u8; CHUNK_BYTES]);
    sealer.next(&mut first);
    sealer.last(&mut last);
    let (words_head, _) = Sealer::new(&drawn, Cost::for_tests(), rng).expect("8 KiB of memory");
    let chunk = |sealed: &[u8]| {
        json!({
            "begins": hex(&sealed[..32]),
            "tag": hex(&sealed[CHUNK_BYTES..]),
            "sha256": hex(Sha256::digest(sealed)),
        })
    };
    let chunks = [chunk(&first), chunk(&last)];
    let kept = pinned(
        "backup.json",
        json!({
            "about": "Two chunks, of 65 536 bytes 01 and as many bytes 02, the second one the last; what is given of each is its first 32 bytes, its tag, and the hash of it all (SHA-256).",
            "passphrase_utf8": "바다의 길",
            "memory_kib": 8,
            "passes": 1,
            "head": hex(head),
            "chunks": chunks,
            "words": words.as_str(),
            "words_korean": korean.as_str(),
            "words_head": hex(words_head),
        }),
    );
    // Once more from the specification alone.
    let head = unhex(&kept["head"]);
    let mask: [u8; 16] = book_hash("M1/backup/cost/1", &[&head[..32]])[..16].try_into().expect("16 bytes");
    let cost: Vec<u8> = head[32..].iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
    assert_eq!(cost, [1, 1, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0]);
    let stretched = book_stretch("바다의 길".as_bytes(), &head[..32]);
    let stretched: [u8; 32] = book_derive("M1/backup/kek/1", &stretched, &[]);
    let key: [u8; 32] = book_derive("M1/backup/key/1", &stretched, &[&head]);
    let cipher = <chacha20poly1305::ChaCha20Poly1305 as chacha20poly1305::KeyInit>::new(&key.into());
    for (number, (byte, sealed)) in [(1u8, &first), (2, &last)].into_iter().enumerate() {
        let mut nonce = [0; 12];
        nonce[7..11].copy_from_slice(&(number as u32).to_be_bytes());
        nonce[11] = u8::from(number == 1);
        let plain = chacha20poly1305::aead::Aead::decrypt(&cipher, &nonce.into(), sealed.as_slice());
        assert_eq!(plain.expect("it opens"), vec![byte; CHUNK_BYTES]);
    }
    assert!(BackupSecret::typed(kept["words"].as_str().expect("text")).is_ok());
    assert!(Opener::new(&head.try_into().expect("a head"), &secret).is_ok());
}

#[test]
fn renewal() {
    let rng = &mut rng(8);
    let (ari, bora) = (Identity::create(rng), Identity::create(rng));
    let (offer_secret, offer) = OfferSecret::generate(5, rng);
    let (sid, resume) = ([0x51; 32], Secret::new([0x52; 32]));
    let (rekey, of_rekey) =
        Rekey::begin(&ari, bora.cert(), &offer, &sid, &resume, b"next", rng).expect("sound keys");
    let repair_secret = RepairSecret::new(Secret::new([0x53; 32]));
    let (last_resort, bundle) = BundleSecret::generate(BundleKind::Repair, 0, &bora, u16::MAX, rng);
    let peer = PeerKeys { cert: bora.cert(), bundle: &bundle };
    let (repair, of_repair) = Repair::begin(&ari, peer, &repair_secret, b"again", rng).expect("sound keys");
    let slots: Vec<Value> = [ari.account_id(), bora.account_id()]
        .iter()
        .map(|sender| {
            let slot = repair_secret.slot(sender, 7);
            json!({ "sender": hex(sender.as_bytes()), "number": 7, "tag": hex(slot.tag()), "psk": hex(slot.psk().as_bytes()) })
        })
        .collect();
    let kept = pinned(
        "renewal.json",
        json!({
            "about": "The next generation from an offer, and a repair after a restored backup, from one device to another.",
            "ari": hex(ari.to_bytes()), "bora": hex(bora.to_bytes()),
            "rekey": {
                "offer": hex(offer.bytes()), "offer_secret": hex(offer_secret.to_bytes()),
                "sid_before": hex(sid), "resume_before": hex(resume.as_bytes()),
                "bytes": hex(rekey.encode()), "plain": hex(b"next"),
                "sid": hex(of_rekey.established.sid), "resume": hex(of_rekey.established.resume.as_bytes()),
            },
            "repair": {
                "bundle": hex(bundle.bytes()), "bundle_secret": hex(last_resort.to_bytes()),
                "secret": hex(repair_secret.as_bytes()), "psk": hex(repair_secret.psk().as_bytes()),
                "link": hex(repair_secret.link().as_bytes()), "slots": slots,
                "bytes": hex(repair.encode()), "plain": hex(b"again"),
                "sid": hex(of_repair.established.sid), "resume": hex(of_repair.established.resume.as_bytes()),
            },
        }),
    );

    // Read back from the file alone.
    let ari = Identity::from_bytes(&unhex(&kept["ari"])).expect("whole");
    let bora = Identity::from_bytes(&unhex(&kept["bora"])).expect("whole");
    let of = &kept["rekey"];
    Offer::parse(&unhex(&of["offer"])).expect("sound");
    let offer = OfferSecret::from_bytes(&unhex(&of["offer_secret"])).expect("kept");
    let sid: [u8; 32] = unhex(&of["sid_before"]).try_into().expect("32 bytes");
    let rekey = Rekey::parse(&unhex(&of["bytes"])).expect("sound");
    let made =
        rekey.answer(&bora, &offer, ari.cert(), &sid, &secret(&of["resume_before"])).expect("it stands");
    assert_eq!((hex(&made.plain), hex(made.established.sid)), (text(&of["plain"]), text(&of["sid"])));
    let of = &kept["repair"];
    Bundle::parse(&unhex(&of["bundle"]), bora.cert()).expect("sound");
    let bundle = BundleSecret::from_bytes(&unhex(&of["bundle_secret"])).expect("kept");
    let repair = Repair::parse(&unhex(&of["bytes"])).expect("sound");
    let made = repair
        .answer(&bora, &bundle, ari.cert(), &RepairSecret::new(secret(&of["secret"])))
        .expect("it stands");
    assert_eq!((hex(&made.plain), hex(made.established.sid)), (text(&of["plain"]), text(&of["sid"])));

    // The places and the secrets beside them, computed from the specification alone.
    let root = unhex(&of["secret"]);
    assert_eq!(text(&of["psk"]), hex(book_derive::<32>("M1/repair/psk/1", &root, &[])));
    assert_eq!(text(&of["link"]), hex(book_derive::<32>("M1/repair/link/1", &root, &[])));
    for slot in of["slots"].as_array().expect("a list") {
        let parts: [&[u8]; 2] = [&unhex(&slot["sender"]), &7u32.to_be_bytes()];
        let bytes = book_derive::<64>("M1/repair/slot/1", &root, &parts);
        let key = crypto::SignSecret::from_seed(Secret::from_slice(&bytes[..32]).expect("32 bytes"));
        assert_eq!(text(&slot["tag"]), hex(key.public().as_bytes()));
        assert_eq!(text(&slot["psk"]), hex(&bytes[32..]));
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}
