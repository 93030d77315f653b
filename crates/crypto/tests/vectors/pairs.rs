//! What two people share: handshake, re-key, invite, safety number.

use crypto::{
    X25519Public, X25519Secret,
    handshake::{Init, PeerKeys, Psk, initiate, respond},
    identity::{AccountId, DeviceCert, DeviceList, Identity},
    invite::InviteSecret,
    key::Secret,
    prekey::{Bundle, BundleKind, BundleSecret, Offer, OfferSecret},
    ratchet::{Message, Session},
    renewal::{Rekey, Repair, RepairSecret},
    safety::safety_number,
};
use hkdf::Hkdf;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{book_derive, book_hash, framed, hex, pinned, rng, secret, text, unhex};

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
