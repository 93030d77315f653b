//! What the cryptography of a message costs, by itself, on one core; and what messages weigh on the wire.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crypto::handshake::{PeerKeys, Psk, initiate, initiate_from_offer, respond, respond_to_offer};
use crypto::identity::Identity;
use crypto::prekey::{BundleKind, BundleSecret, OfferSecret};
use crypto::ratchet::{Message, Session};
use crypto::request::{open_request, seal_request};
use crypto::seal::{Class, open_contact, seal_contact};
use crypto::slot::Chain;
use crypto::vault::{Cost, KeyFile};
use crypto::{Secret32, X25519Secret};
use proto::envelope::{Blob, Envelope};
use serde_json::{Value, json};

use crate::meter::{memory, processor};

/// Each figure is the mean of as many runs as fit into this.
const SPAN: Duration = Duration::from_millis(400);
/// The plaintext that each message of the figures has.
const TEXT_BYTES: usize = 400;

pub(crate) fn rates() -> Value {
    let rng = &mut rand::rng();
    let (ari, bora) = (Identity::create(rng), Identity::create(rng));
    let handshake = each_us(|| drop(black_box(meet(&ari, &bora))));
    let (mut one, mut other) = meet(&ari, &bora);
    let rekey = each_us(|| rekeyed(&ari, &bora));
    let encrypt = each_us(|| drop(black_box(one.encrypt(&[7; TEXT_BYTES]))));
    let mut waiting: Vec<Vec<u8>> = (0..2_000).map(|_| other.encrypt(&[7; TEXT_BYTES])).collect();
    waiting.reverse();
    let waits = waiting.len();
    let spent = processor();
    while let Some(message) = waiting.pop() {
        one.decrypt(&message).expect("in order");
    }
    let decrypt = (processor() - spent) * 1e6 / waits as f64;

    let (seal_key, psk) = (X25519Secret::generate(rng), Secret32::random(rng));
    let inner = vec![7; 600];
    let seal = || seal_contact(Class::C0, &[1; 32], &psk, &seal_key.public(), &inner, &mut rand::rng());
    let sealed = seal().expect("it fits");
    let seal_us = each_us(|| drop(black_box(seal())));
    let open_us = each_us(|| drop(black_box(open_contact(&sealed, &[1; 32], &psk, &seal_key))));

    let mut chain = Chain::new(&Secret32::random(rng));
    let slot_us = each_us(|| drop(black_box(chain.next())));
    let slot = chain.next();
    let blob = Blob::parse(sealed).expect("it has the length of its class");
    let envelope = Envelope::seal_into(&slot, blob, 30, 0);
    let sign_us = each_us(|| _ = black_box(slot.sign_delete()));
    let verify_us = each_us(|| _ = black_box(envelope.verify()));

    let relay_key = X25519Secret::generate(rng);
    let payload = envelope.encode();
    let ask = || seal_request(&relay_key.public(), &payload, &mut rand::rng()).expect("it fits");
    let (request, _) = ask();
    let ask_us = each_us(|| drop(black_box(ask())));
    let answer_us = each_us(|| {
        let (_, reply) = open_request(&relay_key, &request).expect("for this key");
        drop(black_box(reply.seal(&[0; 16], &mut rand::rng())));
    });
    json!({
        "handshakes_per_second": 1e6 / handshake, "handshake_both_sides_us": handshake,
        "rekeys_per_second": 1e6 / rekey, "rekey_both_sides_us": rekey,
        "ratchet_encrypt_us": encrypt, "ratchet_decrypt_us": decrypt,
        "seal_us": seal_us, "open_seal_us": open_us, "slot_us": slot_us, "sign_us": sign_us,
        "verify_put_us": verify_us, "seal_request_us": ask_us, "open_request_and_seal_reply_us": answer_us,
        "wire": weights(&slot),
    })
}

/// A first contact by invite: both sides, keys of the bundle included.
fn meet(ari: &Identity, bora: &Identity) -> (Session, Session) {
    let rng = &mut rand::rng();
    let (secret, bundle) = BundleSecret::generate(BundleKind::Invite, 1, bora, 30, rng);
    let peer = PeerKeys { cert: bora.cert(), bundle: &bundle };
    let (init, _, mut one) = initiate(ari, peer, &Psk::None, b"", rng).expect("sound keys");
    let first = Message::parse(&one.encrypt(b"")).expect("our own message");
    let (_, mut other, _) =
        respond(bora, &secret, ari.cert(), &init, &first, &Psk::None, b"").expect("the same");
    one.decrypt(&other.encrypt(b"")).expect("in order");
    (one, other)
}

/// The next generation of a pair, from an offer: both sides, keys of the offer included.
fn rekeyed(ari: &Identity, bora: &Identity) {
    let rng = &mut rand::rng();
    let (secret, offer) = OfferSecret::generate(2, rng);
    let psk = Psk::Resume(Secret32::new([5; 32]));
    let (init, _, mut one) =
        initiate_from_offer(ari, bora.cert(), &offer, &psk, b"", rng).expect("sound keys");
    let first = Message::parse(&one.encrypt(b"")).expect("our own message");
    let taken = respond_to_offer(bora, &secret, ari.cert(), &init, &first, &psk, b"");
    drop(black_box(taken.expect("the same")));
}

/// What lies on the wire for a plaintext of a given length: the ratchet's message, its envelope, the frame that
/// pushes it over a direct link, and the request that leaves it at a relay.
fn weights(slot: &crypto::slot::Slot) -> Vec<Value> {
    let rng = &mut rand::rng();
    let (ari, bora) = (Identity::create(rng), Identity::create(rng));
    let (mut session, _) = meet(&ari, &bora);
    let key = X25519Secret::generate(rng);
    let mut told = Vec::new();
    for text in [20, 400, 800, 3_500, 15_000, 60_000] {
        let inner = session.encrypt(&vec![7; text]);
        let Some(class) = Class::for_len(inner.len() + 9) else { continue };
        let blob = seal_contact(class, &slot.tag(), slot.psk(), &key.public(), &inner, rng).expect("it fits");
        let envelope = Envelope::seal_into(slot, Blob::parse(blob).expect("a class"), 30, 0);
        let (request, _) = seal_request(&key.public(), &envelope.encode(), rng).expect("it fits");
        told.push(json!({ "text_bytes": text, "class_bytes": class.bytes(),
                          "times_text": class.bytes() as f64 / text as f64, "deposit_bytes": request.len() }));
    }
    told
}

/// The real derivation of the key from a passphrase: its time, and the memory that it takes.
pub(crate) fn unlock() -> Value {
    let rng = &mut rand::rng();
    let mut told = Vec::new();
    for (name, cost) in [("floor", Cost::FLOOR), ("default", Cost::DEFAULT)] {
        let (file, _) = KeyFile::create(b"bench", cost, rng).expect("enough memory");
        let mut times = Vec::new();
        for _ in 0..3 {
            let began = Instant::now();
            file.unlock(b"bench").expect("the passphrase");
            times.push(began.elapsed());
        }
        told.push(json!({ "cost": name, "memory_mib": cost.memory_kib() / 1024, "passes": cost.passes(),
                          "seconds_p50": crate::meter::percentile(&times, 50) / 1e3,
                          "process_peak_mib": memory("VmHWM") }));
    }
    json!({ "costs": told })
}

/// Processor time of one run, in microseconds: other work on the machine does not count.
fn each_us(mut run: impl FnMut()) -> f64 {
    run();
    let (began, spent, mut runs) = (Instant::now(), processor(), 0_u32);
    while began.elapsed() < SPAN {
        run();
        runs += 1;
    }
    (processor() - spent) * 1e6 / f64::from(runs)
}
