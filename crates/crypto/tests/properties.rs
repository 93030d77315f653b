//! What holds for every input: round trips, refusals without panic, order that does not matter.

use crypto::{
    Class, Secret32, Signature, X25519Public, X25519Secret,
    handshake::{Init, PeerKeys, Psk, initiate, respond},
    identity::{AccountId, DeviceCert, DeviceList, Identity},
    invite::InviteSecret,
    prekey::{Bundle, BundleKind, BundleSecret, Offer, OfferSecret},
    ratchet::{Message, Session, peek},
    request::{open_request, seal_request},
    safety::safety_number,
    seal::{open_contact, open_stranger, seal_contact},
    slot::{Chain, Slot},
    tree::{LeafKey, NodeId, NodeKey, open_node, open_record, seal_record, sealed_record_len},
    vault::KeyFile,
};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// A session's two ends, each able to send.
fn sessions(seed: u64) -> (Session, Session) {
    let rng = &mut rng(seed);
    let (ari, bora) = (Identity::create(rng), Identity::create(rng));
    let (secret, bundle) = BundleSecret::generate(BundleKind::Card, 1, &bora, 30, rng);
    let peer = PeerKeys { cert: bora.cert(), bundle: &bundle };
    let (init, _, mut one) = initiate(&ari, peer, &Psk::None, b"", rng).expect("sound keys");
    let first = Message::parse(&one.encrypt(b"")).expect("our own message");
    let (_, mut other, _) =
        respond(&bora, &secret, ari.cert(), &init, &first, &Psk::None, b"").expect("the same");
    one.decrypt(&other.encrypt(b"")).expect("in order");
    (one, other)
}

/// Gives arbitrary bytes to everything that reads bytes from outside; only the absence of a panic counts.
fn read_everything(bytes: &[u8]) {
    let me = Identity::create(&mut rng(0));
    let key = X25519Secret::generate(&mut rng(1));
    let _ = DeviceCert::parse(bytes);
    let _ = DeviceList::parse(bytes);
    let _ = Identity::from_bytes(bytes);
    let _ = Bundle::parse(bytes, me.cert());
    let _ = BundleSecret::from_bytes(bytes);
    let _ = Offer::parse(bytes);
    let _ = OfferSecret::from_bytes(bytes);
    let _ = Init::parse(bytes);
    let _ = Message::parse(bytes);
    let _ = peek(bytes);
    let _ = Session::from_bytes(bytes);
    let _ = open_stranger(bytes, &[0; 32], &key);
    let _ = open_contact(bytes, &[0; 32], &Secret32::new([0; 32]), &key);
    let _ = open_request(&key, bytes);
    let _ = Chain::from_bytes(bytes);
    let _ = Slot::from_bytes(bytes);
    let _ = InviteSecret::from_bytes(bytes);
    let _ = X25519Public::from_bytes(bytes);
    let _ = Signature::from_bytes(bytes);
    let _ = KeyFile::parse(bytes);
    let _ = open_record(&LeafKey::new(Secret32::new([0; 32])), b"", bytes);
    let _ = open_node(&NodeKey::new(Secret32::new([0; 32])), NodeId { level: 0, index: 0 }, bytes);
    let _ = safety_number(&me.account_id(), &me.account_id()).matches(&String::from_utf8_lossy(bytes));
}

/// Sound objects of every kind, to be changed a little.
fn sound_objects() -> Vec<Vec<u8>> {
    let rng = &mut rng(2);
    let me = Identity::create(rng);
    let (secret, bundle) = BundleSecret::generate(BundleKind::Invite, 1, &me, 30, rng);
    let (offer_secret, offer) = OfferSecret::generate(2, rng);
    let peer = PeerKeys { cert: me.cert(), bundle: &bundle };
    let (init, _, mut session) = initiate(&me, peer, &Psk::None, b"", rng).expect("sound keys");
    let first = session.encrypt(b"first");
    let (one, other) = sessions(3);
    vec![
        me.cert().bytes().to_vec(),
        me.list().bytes().to_vec(),
        me.to_bytes().to_vec(),
        bundle.bytes().to_vec(),
        secret.to_bytes().to_vec(),
        offer.bytes().to_vec(),
        offer_secret.to_bytes().to_vec(),
        init.encode(),
        first,
        session.to_bytes().to_vec(),
        one.to_bytes().to_vec(),
        other.to_bytes().to_vec(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_sealed_opens_again(
        seed: u64,
        inner in prop::collection::vec(any::<u8>(), 0..5_000),
    ) {
        let rng = &mut rng(seed);
        let key = X25519Secret::generate(rng);
        let slot = Slot::random(rng);
        let class = Class::for_len(inner.len()).expect("below the largest");
        let blob = seal_contact(class, &slot.tag(), slot.psk(), &key.public(), &inner, rng).expect("it fits");
        prop_assert_eq!(blob.len(), class.bytes());
        let opened = open_contact(&blob, &slot.tag(), slot.psk(), &key).expect("ours");
        prop_assert_eq!(opened.as_slice(), inner.as_slice());
    }

    #[test]
    fn any_changed_bit_closes_an_envelope(seed: u64, bit in 0usize..8 * 1_024) {
        let rng = &mut rng(seed);
        let key = X25519Secret::generate(rng);
        let slot = Slot::random(rng);
        let mut blob =
            seal_contact(Class::C0, &slot.tag(), slot.psk(), &key.public(), b"x", rng).expect("it fits");
        blob[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(open_contact(&blob, &slot.tag(), slot.psk(), &key).is_err());
    }

    #[test]
    fn requests_and_replies_round_trip(
        seed: u64,
        asked in prop::collection::vec(any::<u8>(), 0..7_000),
        answered in prop::collection::vec(any::<u8>(), 0..7_000),
    ) {
        let rng = &mut rng(seed);
        let relay = X25519Secret::generate(rng);
        let (sealed, pending) = seal_request(&relay.public(), &asked, rng).expect("fits");
        let (opened, reply) = open_request(&relay, &sealed).expect("ours");
        prop_assert_eq!(opened.as_slice(), asked.as_slice());
        let opened = pending.open(&reply.seal(&answered, rng).expect("fits")).expect("ours");
        prop_assert_eq!(opened.as_slice(), answered.as_slice());
    }

    #[test]
    fn records_round_trip_in_steps_of_64(
        seed: u64,
        aad in prop::collection::vec(any::<u8>(), 0..40),
        record in prop::collection::vec(any::<u8>(), 0..1_000),
    ) {
        let rng = &mut rng(seed);
        let leaf = LeafKey::random(rng);
        let sealed = seal_record(&leaf, &aad, &record, rng);
        prop_assert_eq!(sealed.len(), sealed_record_len(record.len()));
        let opened = open_record(&leaf, &aad, &sealed).expect("ours");
        prop_assert_eq!(opened.as_slice(), record.as_slice());
    }

    #[test]
    fn a_safety_number_does_not_mind_the_order(one: [u8; 32], other: [u8; 32]) {
        let (one, other) = (AccountId::new(one), AccountId::new(other));
        let number = safety_number(&one, &other);
        prop_assert!(number == safety_number(&other, &one));
        prop_assert!(number.matches(&number.to_string()) && number.matches(&number.to_qr_text()));
    }

    #[test]
    fn a_chain_kept_anywhere_goes_on_the_same(seed: u64, cut in 0usize..20) {
        let drop = Secret32::random(&mut rng(seed));
        let mut whole = Chain::new(&drop);
        let all: Vec<_> = (0..20).map(|_| whole.next().tag()).collect();
        let mut chain = Chain::new(&drop);
        let mut tags: Vec<_> = (0..cut).map(|_| chain.next().tag()).collect();
        chain = Chain::from_bytes(&chain.to_bytes()).expect("just written");
        prop_assert_eq!(chain.position() as usize, cut);
        tags.extend((cut..20).map(|_| chain.next().tag()));
        prop_assert_eq!(tags, all);
    }

    #[test]
    fn messages_are_read_once_in_any_order_that_stays_within_the_bounds(
        seed: u64,
        order in Just((0usize..40).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let (mut one, mut other) = sessions(seed);
        let messages: Vec<_> = (0u8..40).map(|number| one.encrypt(&[number])).collect();
        for at in order {
            prop_assert_eq!(other.decrypt(&messages[at]).expect("unread"), vec![at as u8]);
            prop_assert!(other.decrypt(&messages[at]).is_err());
        }
    }

    #[test]
    fn both_ends_talk_through_any_pattern_of_turns_and_restarts(
        seed: u64,
        turns in prop::collection::vec((any::<bool>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..200)), 1..40),
    ) {
        let (mut one, mut other) = sessions(seed);
        for (forth, restart, text) in turns {
            let (from, to) = if forth { (&mut one, &mut other) } else { (&mut other, &mut one) };
            let message = from.encrypt(&text);
            if restart {
                *from = Session::from_bytes(&from.to_bytes()).expect("just written");
                *to = Session::from_bytes(&to.to_bytes()).expect("just written");
            }
            prop_assert_eq!(to.decrypt(&message).expect("in order"), text);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..1_500)) {
        read_everything(&bytes);
    }

    #[test]
    fn sound_objects_changed_a_little_never_panic(
        which: prop::sample::Index,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let objects = sound_objects();
        let mut bytes = objects[which.index(objects.len())].clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        read_everything(&bytes);
    }
}

#[test]
fn the_public_half_of_a_bundle_can_be_made_again_by_its_owner_alone() {
    let rng = &mut rng(4);
    let (me, other) = (Identity::create(rng), Identity::create(rng));
    let (secret, bundle) = BundleSecret::generate(BundleKind::Repair, 3, &me, 30, rng);
    let kept = BundleSecret::from_bytes(&secret.to_bytes()).expect("it was written");
    assert!(kept.bundle(&me, 30).expect("the same").bytes() == bundle.bytes());
    assert!(kept.bundle(&me, 31).is_none(), "another number of days");
    assert!(kept.bundle(&other, 30).is_none(), "another owner");
}
