//! First messages that were replayed, re-addressed, altered, or made by someone who stole a key.

use crypto::{
    KeyError, Secret32, X25519Secret,
    handshake::{
        HandshakeError, Init, PeerKeys, Psk, initiate, initiate_from_offer, respond, respond_to_offer,
    },
    identity::Identity,
    prekey::{BundleKind, BundleSecret, OfferSecret},
    ratchet::Message,
};
use minicbor::{Decoder, Encoder};

use crate::common::{Pair, rng, small_order_points, typed};

#[test]
fn both_sides_come_to_the_same_secrets_and_each_others_drops() {
    let mut pair = Pair::new(BundleKind::Invite);
    let (init, made, mut session, first) = pair.begin();
    let init = Init::parse(&init.encode()).expect("just written");
    let (taken, mut other, plain) =
        respond(&pair.bora, &pair.secret, pair.ari.cert(), &init, &first, &pair.psk(), b"")
            .expect("the same secrets");
    assert_eq!(plain, b"first");
    assert_eq!(made.sid, taken.sid);
    assert!(made.resume == taken.resume && made.link == taken.link && made.repair == taken.repair);
    assert!(made.drop_send == taken.drop_recv && made.drop_recv == taken.drop_send);
    assert!(made.drop_send != made.drop_recv);
    let answer = other.encrypt(b"answer");
    assert_eq!(session.decrypt(&answer).expect("the same session"), b"answer");
}

#[test]
fn a_replayed_init_names_the_same_session_so_that_it_is_recognised() {
    let mut pair = Pair::new(BundleKind::Invite);
    let (init, _, _, first) = pair.begin();
    let take = || {
        respond(&pair.bora, &pair.secret, pair.ari.cert(), &init, &first, &pair.psk(), b"")
            .expect("the same secrets")
            .0
            .sid
    };
    assert_eq!(take(), take());
}

#[test]
fn an_init_readdressed_to_or_from_someone_else_fails() {
    let mut pair = Pair::new(BundleKind::Invite);
    let (init, _, _, first) = pair.begin();
    let eve = Identity::create(&mut rng(41));
    // Eve passes Ari's first message on as her own.
    let stolen = respond(&pair.bora, &pair.secret, eve.cert(), &init, &first, &pair.psk(), b"");
    assert_eq!(stolen.map(drop), Err(HandshakeError::Refused));
    // Eve gets Ari to begin with a bundle of hers and passes it on to Bora.
    let (_, bundle) = BundleSecret::generate(BundleKind::Invite, 7, &eve, 30, &mut rng(42));
    let peer = PeerKeys { cert: eve.cert(), bundle: &bundle };
    let (init, _, mut session) =
        initiate(&pair.ari, peer, &pair.psk(), b"", &mut pair.rng).expect("sound keys");
    let first = Message::parse(&session.encrypt(b"for eve")).expect("our own message");
    let passed_on = respond(&pair.bora, &pair.secret, pair.ari.cert(), &init, &first, &pair.psk(), b"");
    assert_eq!(passed_on.map(drop), Err(HandshakeError::Refused));
}

#[test]
fn one_account_posing_as_another_with_the_same_device_key_changes_the_secrets() {
    // Eve copies Ari's device keys into a certificate of her own account: the transcript still differs.
    let mut pair = Pair::new(BundleKind::Invite);
    let (init, _, _, first) = pair.begin();
    let eve = Identity::create(&mut rng(43));
    let (account, _) = crate::common::signing_keys(&eve);
    let mut encoder = Encoder::new(Vec::new());
    encoder.array(7).unwrap().u8(1).unwrap().bytes(&account.public().typed()).unwrap();
    encoder.u8(0).unwrap().bytes(&pair.ari.cert().sign_key().typed()).unwrap();
    encoder.bytes(&pair.ari.cert().dh_key().typed()).unwrap().u32(0).unwrap().u32(0).unwrap();
    let cert = crate::common::signed(&account, "M1/cert/1", encoder.into_writer());
    let cert = crypto::identity::DeviceCert::parse(&cert).expect("signed by eve's account");
    let misbound = respond(&pair.bora, &pair.secret, &cert, &init, &first, &pair.psk(), b"");
    assert_eq!(misbound.map(drop), Err(HandshakeError::Refused));
}

#[test]
fn another_invite_no_invite_or_another_context_fails() {
    let mut pair = Pair::new(BundleKind::Invite);
    let (init, _, _, first) = pair.begin();
    let secret = pair.invite.psk();
    let other = Secret32::random(&mut rng(44));
    for (psk, context) in [
        (Psk::Invite(other), b"".as_slice()),
        (Psk::None, b""),
        (Psk::Resume(secret.clone()), b""),
        (Psk::Invite(secret), b"x"),
    ] {
        let refused = respond(&pair.bora, &pair.secret, pair.ari.cert(), &init, &first, &psk, context);
        assert_eq!(refused.map(drop), Err(HandshakeError::Refused));
    }
}

/// Whoever stole the bundle's secret half computes what its owner would; only the invite's secret stops them.
#[test]
fn a_stolen_bundle_secret_does_not_impersonate_to_who_invited_but_does_to_a_card() {
    for (kind, impersonated) in [(BundleKind::Invite, false), (BundleKind::Card, true)] {
        let mut pair = Pair::new(kind);
        let real = if impersonated { Psk::None } else { pair.psk() };
        // Eve knows the spk secret, so she knows DH1 = X25519(spk, DI of Ari) without Ari. She is given a "device key"
        // here by building the initiator's side from the spk: the same exchange, computed from its other end.
        let forged = forge_as_ari(&mut pair, &Psk::None);
        let (init, first) = forged;
        let taken = respond(&pair.bora, &pair.secret, pair.ari.cert(), &init, &first, &real, b"");
        assert_eq!(taken.is_ok(), impersonated, "{kind:?}");
    }
}

/// Builds an Init in Ari's name without any secret of Ari's, from the specification and Bora's stolen spk.
fn forge_as_ari(pair: &mut Pair, psk: &Psk) -> (Init, Message) {
    use crate::common::framed;
    use ml_kem::{MlKem768, array::Array, kem::Encapsulate};
    use rand_core::Rng;
    use sha2::{Digest, Sha256};
    use vodozemac::{Curve25519PublicKey, olm};

    assert_eq!(*psk, Psk::None);
    let hash = |label: &str, parts: &[&[u8]]| <[u8; 32]>::from(Sha256::digest(framed(label, parts)));
    let kept = pair.secret.to_bytes();
    let mut decoder = Decoder::new(&kept);
    decoder.array().unwrap();
    for _ in 0..3 {
        decoder.u32().unwrap();
    }
    let spk = X25519Secret::from_bytes(decoder.bytes().unwrap().try_into().unwrap());
    let mut decoder = Decoder::new(pair.bundle.bytes());
    decoder.array().unwrap();
    for _ in 0..3 {
        decoder.u32().unwrap();
    }
    decoder.bytes().unwrap();
    decoder.bytes().unwrap();
    let kem_typed = decoder.bytes().unwrap().to_vec();

    let (eph, turn) = (X25519Secret::generate(&mut pair.rng), X25519Secret::generate(&mut pair.rng));
    let key =
        ml_kem::EncapsulationKey::<MlKem768>::new(&Array::try_from(&kem_typed[1..]).expect("1 184 bytes"))
            .expect("a sound key");
    let (ct, ss) = key.encapsulate_with_rng(&mut pair.rng);
    let (ari, bora) = (pair.ari.cert(), pair.bora.cert());
    let th = hash(
        "M1/HX1/1",
        &[
            &[1, 0],
            ari.account_id().as_bytes(),
            &ari.hash(),
            bora.account_id().as_bytes(),
            &bora.hash(),
            &ari.dh_key().typed(),
            &eph.public().typed(),
            &turn.public().typed(),
            &bora.dh_key().typed(),
            &7u32.to_be_bytes(),
            &pair.bundle.hash(),
            &spk.public().typed(),
            &hash("M1/HX1/ek/1", &[&kem_typed]),
            &hash("M1/HX1/ct/1", &[&ct]),
            b"",
        ],
    );
    let mut ikm = vec![0xff; 32];
    for shared in [
        spk.diffie_hellman(ari.dh_key()),
        eph.diffie_hellman(bora.dh_key()),
        eph.diffie_hellman(&spk.public()),
    ] {
        ikm.extend_from_slice(shared.expect("sound keys").as_bytes());
    }
    ikm.extend_from_slice(&ss);
    let mut root = [0u8; 32];
    hkdf::Hkdf::<Sha256>::new(Some(&[0; 32]), &ikm)
        .expand(&framed("M1/HX1/root/1", &[&th]), &mut root)
        .expect("32 bytes");
    let mut next = [0u8; 64];
    hkdf::Hkdf::<Sha256>::new(Some(&root), turn.diffie_hellman(&spk.public()).unwrap().as_bytes())
        .expand(b"OLM_RATCHET", &mut next)
        .expect("64 bytes");
    let any = Curve25519PublicKey::from_bytes(*eph.public().as_bytes());
    let mut session = olm::Session::from_root_key_material(
        olm::SessionConfig::version_1(),
        olm::SessionKeys { identity_key: any, base_key: any, one_time_key: any },
        next[..32].try_into().unwrap(),
        next[32..].try_into().unwrap(),
        *turn.to_bytes().as_bytes(),
    );
    let olm::OlmMessage::PreKey(first) = session.encrypt("it is me, Ari").unwrap() else {
        unreachable!("nothing was received")
    };
    let mut encoder = Encoder::new(Vec::new());
    encoder.array(4).unwrap().u8(1).unwrap().bytes(&eph.public().typed()).unwrap();
    encoder.u32(7).unwrap().bytes(&ct).unwrap();
    pair.rng.next_u32();
    let init = Init::parse(&encoder.into_writer()).expect("a sound form");
    (init, Message::parse(&first.message().to_bytes()).expect("a sound form"))
}

#[test]
fn a_substituted_or_flipped_ciphertext_surfaces_as_a_refusal() {
    let mut pair = Pair::new(BundleKind::Invite);
    let (init, _, _, first) = pair.begin();
    let (again, _, _, _) = pair.begin();
    let sound = init.encode();
    let other = again.encode();
    let at = sound.len() - 1_088;
    // The ciphertext of another run, encapsulated to the same key.
    let substituted = [&sound[..at], &other[at..]].concat();
    let mut refused = vec![substituted];
    for byte in [at, at + 500, sound.len() - 1] {
        let mut flipped = sound.clone();
        flipped[byte] ^= 1;
        refused.push(flipped);
    }
    for bytes in refused {
        let init = Init::parse(&bytes).expect("the form is sound");
        let taken = respond(&pair.bora, &pair.secret, pair.ari.cert(), &init, &first, &pair.psk(), b"");
        assert_eq!(taken.map(drop), Err(HandshakeError::Refused));
    }
}

#[test]
fn another_first_message_of_another_run_fails() {
    let mut pair = Pair::new(BundleKind::Invite);
    let (init, _, _, _) = pair.begin();
    let (_, _, _, first) = pair.begin();
    let taken = respond(&pair.bora, &pair.secret, pair.ari.cert(), &init, &first, &pair.psk(), b"");
    assert_eq!(taken.map(drop), Err(HandshakeError::Refused));
}

#[test]
fn small_order_ephemerals_and_malformed_inits_are_refused() {
    let mut pair = Pair::new(BundleKind::Invite);
    let (init, _, _, _) = pair.begin();
    let sound = init.encode();
    let write = |suite: u8, eph: &[u8], ct: &[u8]| {
        let mut encoder = Encoder::new(Vec::new());
        encoder.array(4).unwrap().u8(suite).unwrap().bytes(eph).unwrap();
        encoder.u32(7).unwrap().bytes(ct).unwrap();
        Init::parse(&encoder.into_writer())
    };
    for point in small_order_points() {
        assert!(matches!(
            write(1, &typed(1, &point), &[0; 1_088]),
            Err(HandshakeError::Key(KeyError::SmallOrder | KeyError::NotCanonical))
        ));
    }
    let eph = pair.ari.cert().dh_key().typed();
    assert!(write(1, &eph, &[0; 1_088]).is_ok());
    assert_eq!(write(2, &eph, &[0; 1_088]), Err(HandshakeError::Malformed));
    assert_eq!(write(1, &eph, &[0; 1_087]), Err(HandshakeError::Malformed));
    assert_eq!(write(1, &eph, &[0; 1_089]), Err(HandshakeError::Malformed));
    assert_eq!(write(1, &eph[1..], &[0; 1_088]), Err(HandshakeError::Key(KeyError::Kind)));
    for len in 0..sound.len() {
        assert!(Init::parse(&sound[..len]).is_err());
    }
    assert_eq!(Init::parse(&[&sound[..], &[0]].concat()), Err(HandshakeError::Malformed));
    assert_eq!(Init::parse(&vec![0; 1_153]), Err(HandshakeError::Malformed));
}

#[test]
fn a_bundle_and_a_device_that_do_not_belong_together_are_refused_before_anything_is_sent() {
    let mut pair = Pair::new(BundleKind::Invite);
    let other = Identity::create(&mut rng(45));
    let peer = PeerKeys { cert: other.cert(), bundle: &pair.bundle };
    let refused = initiate(&pair.ari, peer, &Psk::None, b"", &mut pair.rng);
    assert_eq!(refused.map(drop), Err(HandshakeError::OtherBundle));
    // And on the other side: an Init that names another bundle.
    let (init, _, _, first) = pair.begin();
    let (wrong, _) = BundleSecret::generate(BundleKind::Invite, 8, &pair.bora, 30, &mut pair.rng);
    let refused = respond(&pair.bora, &wrong, pair.ari.cert(), &init, &first, &pair.psk(), b"");
    assert_eq!(refused.map(drop), Err(HandshakeError::OtherBundle));
    // The same number, other keys: it is the keys that count.
    let (wrong, _) = BundleSecret::generate(BundleKind::Invite, 7, &pair.bora, 30, &mut pair.rng);
    let refused = respond(&pair.bora, &wrong, pair.ari.cert(), &init, &first, &pair.psk(), b"");
    assert_eq!(refused.map(drop), Err(HandshakeError::Refused));
}

#[test]
fn the_next_generation_stands_only_with_what_the_last_one_left() {
    let mut pair = Pair::new(BundleKind::Invite);
    let (_, made, _, _) = pair.begin();
    let (secret, offer) = OfferSecret::generate(3, &mut pair.rng);
    let resume = Psk::Resume(made.resume);
    let (init, next, mut session) =
        initiate_from_offer(&pair.ari, pair.bora.cert(), &offer, &resume, &made.sid, &mut pair.rng)
            .expect("sound keys");
    let first = Message::parse(&session.encrypt(b"next")).expect("our own message");
    let take = |psk: &Psk, context: &[u8]| {
        respond_to_offer(&pair.bora, &secret, pair.ari.cert(), &init, &first, psk, context)
    };
    let (taken, _, plain) = take(&resume, &made.sid).expect("the same secrets");
    assert_eq!((plain.as_slice(), taken.sid), (b"next".as_slice(), next.sid));
    assert_ne!(next.sid, made.sid);
    assert_eq!(take(&Psk::None, &made.sid).map(drop), Err(HandshakeError::Refused));
    assert_eq!(take(&pair.psk(), &made.sid).map(drop), Err(HandshakeError::Refused));
    assert_eq!(take(&resume, b"").map(drop), Err(HandshakeError::Refused));
}
