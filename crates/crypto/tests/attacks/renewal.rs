//! Beginnings of later generations that were stolen, swapped, signed by others, or made with too little.

use crypto::{
    Secret32, SignSecret, X25519Secret,
    handshake::{HandshakeError, PeerKeys, Psk, initiate},
    identity::Identity,
    prekey::{Bundle, BundleKind, BundleSecret, Offer, OfferSecret},
    renewal::{REPAIR_SLOTS, Rekey, RenewalError, Repair, RepairSecret},
    seal::{Class, open_contact, seal_contact},
};
use minicbor::{Decoder, Encoder};
use rand_chacha::ChaCha20Rng;

use crate::common::{framed, rng, signing_keys, small_order_points, typed};

struct Two {
    ari: Identity,
    bora: Identity,
    offer_secret: OfferSecret,
    offer: Offer,
    last_resort: BundleSecret,
    bundle: Bundle,
    repair: RepairSecret,
    rng: ChaCha20Rng,
}

const SID: [u8; 32] = [3; 32];

fn resume() -> Secret32 {
    Secret32::new([4; 32])
}

fn two() -> Two {
    let mut rng = rng(60);
    let (ari, bora) = (Identity::create(&mut rng), Identity::create(&mut rng));
    let (offer_secret, offer) = OfferSecret::generate(1, &mut rng);
    let (last_resort, bundle) = BundleSecret::generate(BundleKind::Repair, 0, &bora, u16::MAX, &mut rng);
    let repair = RepairSecret::new(Secret32::new([5; 32]));
    Two { ari, bora, offer_secret, offer, last_resort, bundle, repair, rng }
}

impl Two {
    fn rekey(&mut self) -> Rekey {
        let cert = self.bora.cert().clone();
        Rekey::begin(&self.ari, &cert, &self.offer, &SID, &resume(), b"word", &mut self.rng).expect("sound").0
    }

    fn repair(&mut self) -> Repair {
        let peer = PeerKeys { cert: self.bora.cert(), bundle: &self.bundle };
        Repair::begin(&self.ari, peer, &self.repair, b"word", &mut self.rng).expect("sound").0
    }

    fn answer(&self, repair: &Repair) -> Result<Vec<u8>, RenewalError> {
        repair.answer(&self.bora, &self.last_resort, self.ari.cert(), &self.repair).map(|made| made.plain)
    }
}

/// The byte strings of an array, to be put together anew.
fn parts(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::new(bytes);
    let count = decoder.array().expect("an array").expect("of known length");
    (0..count).map(|_| decoder.bytes().expect("a string").to_vec()).collect()
}

fn join(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    encoder.array(parts.len() as u64).expect("memory takes all");
    for part in parts {
        encoder.bytes(part).expect("memory takes all");
    }
    encoder.into_writer()
}

#[test]
fn a_rekey_and_an_answer_name_the_keys_that_they_use() {
    let mut two = two();
    let (_, offer) = OfferSecret::generate(4_711, &mut two.rng);
    let cert = two.bora.cert().clone();
    let (rekey, _) =
        Rekey::begin(&two.ari, &cert, &offer, &SID, &resume(), b"", &mut two.rng).expect("sound");
    assert_eq!((offer.id(), rekey.offer_id()), (4_711, 4_711));
    let (_, bundle) = BundleSecret::generate(BundleKind::Card, 815, &two.bora, 45, &mut two.rng);
    let peer = PeerKeys { cert: &cert, bundle: &bundle };
    let (init, ..) = initiate(&two.ari, peer, &Psk::None, b"", &mut two.rng).expect("sound");
    assert_eq!((init.bundle_id(), bundle.valid_days()), (815, 45));
}

#[test]
fn a_rekey_stands_with_its_offer_its_past_and_its_people_and_with_nothing_else() {
    let mut two = two();
    let rekey = Rekey::parse(&two.rekey().encode()).expect("our own");
    let bora = &two.bora;
    let answer = |me: &Identity, offer: &OfferSecret, sid: &[u8; 32], resume: &Secret32| {
        rekey.answer(me, offer, two.ari.cert(), sid, resume).map(|made| made.plain)
    };
    assert_eq!(answer(bora, &two.offer_secret, &SID, &resume()).expect("all is right"), b"word");
    let refused = Err(RenewalError::Handshake(HandshakeError::Refused));
    assert_eq!(answer(bora, &two.offer_secret, &[9; 32], &resume()), refused);
    assert_eq!(answer(bora, &two.offer_secret, &SID, &Secret32::new([9; 32])), refused);
    assert_eq!(answer(&two.ari, &two.offer_secret, &SID, &resume()), refused);
    let (other, _) = OfferSecret::generate(1, &mut rng(61));
    assert_eq!(answer(bora, &other, &SID, &resume()), refused);
    let (another, _) = OfferSecret::generate(2, &mut rng(61));
    let burnt = Err(RenewalError::Handshake(HandshakeError::OtherBundle));
    assert_eq!(answer(bora, &another, &SID, &resume()), burnt);
    let posing = rekey.answer(bora, &two.offer_secret, two.bora.cert(), &SID, &resume());
    assert_eq!(posing.map(|made| made.plain), refused);
}

#[test]
fn a_seal_that_was_put_in_anothers_place_begins_nothing() {
    let mut two = two();
    let thief = X25519Secret::generate(&mut rng(62)).public();
    let mut parts_of = parts(&two.rekey().encode());
    parts_of[1] = typed(1, thief.as_bytes());
    let swapped = Rekey::parse(&join(&parts_of)).expect("the form is right");
    let made = swapped.answer(&two.bora, &two.offer_secret, two.ari.cert(), &SID, &resume());
    assert!(matches!(made, Err(RenewalError::Handshake(HandshakeError::Refused))));
    let mut parts_of = parts(&two.repair().encode());
    parts_of[1] = typed(1, thief.as_bytes());
    let swapped = Repair::parse(&join(&parts_of)).expect("the form is right");
    assert_eq!(two.answer(&swapped), Err(RenewalError::Signature));
}

#[test]
fn small_order_seals_and_malformed_beginnings_are_refused() {
    let mut two = two();
    for whole in [two.rekey().encode(), two.repair().encode()] {
        let refused = |bytes: &[u8]| Rekey::parse(bytes).is_err() && Repair::parse(bytes).is_err();
        for point in small_order_points() {
            let mut parts = parts(&whole);
            parts[1] = typed(1, &point);
            assert!(refused(&join(&parts)));
        }
        for cut in 0..whole.len() {
            assert!(refused(&whole[..cut]), "{cut}");
        }
        assert!(refused(&[whole.as_slice(), &[0]].concat()));
        let mut parts = parts(&whole);
        parts[2] = vec![0; crypto::ratchet::MESSAGE_BYTES_MAX];
        assert!(!refused(&join(&parts)), "the longest first message; whether it is one, the ratchet says");
        parts[2] = vec![0; crypto::ratchet::MESSAGE_BYTES_MAX + 1];
        assert!(refused(&join(&parts)));
    }
}

#[test]
fn a_repair_is_signed_by_the_device_for_this_reader_and_no_other_signature_will_do() {
    let mut two = two();
    let repair = Repair::parse(&two.repair().encode()).expect("our own");
    assert_eq!(two.answer(&repair).expect("all is right"), b"word");
    let bytes = repair.encode();
    for at in (bytes.len() - 64)..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let changed = Repair::parse(&changed).expect("a signature is 64 bytes");
        assert_eq!(two.answer(&changed), Err(RenewalError::Signature));
    }
    // The contact itself, with a stolen repair secret, cannot speak for the device to a third person.
    let (account, device) = signing_keys(&two.ari);
    let mallory = SignSecret::generate(&mut rng(63));
    let parts_of = parts(&bytes);
    let body = |to: &Identity| {
        framed("M1/repair/sign/1", &[to.account_id().as_bytes(), &parts_of[0], &parts_of[1], &parts_of[2]])
    };
    let with = |key: &SignSecret, body: &[u8]| {
        let mut parts = parts_of.clone();
        parts[3] = key.sign(body).as_bytes().to_vec();
        Repair::parse(&join(&parts)).expect("the form is right")
    };
    assert!(two.answer(&with(&device, &body(&two.bora))).is_ok());
    for forged in
        [with(&mallory, &body(&two.bora)), with(&account, &body(&two.bora)), with(&device, &body(&two.ari))]
    {
        assert_eq!(two.answer(&forged), Err(RenewalError::Signature));
    }
}

#[test]
fn a_stolen_device_key_without_the_repair_secret_begins_nothing() {
    let mut two = two();
    let stranger = RepairSecret::new(Secret32::new([8; 32]));
    let peer = PeerKeys { cert: two.bora.cert(), bundle: &two.bundle };
    let (repair, _) = Repair::begin(&two.ari, peer, &stranger, b"word", &mut two.rng).expect("sound");
    assert_eq!(two.answer(&repair), Err(RenewalError::Handshake(HandshakeError::Refused)));
    // Nor does the same secret under another name, as an earlier session would have left it.
    for psk in [Psk::Resume(two.repair.psk()), Psk::Invite(two.repair.psk()), Psk::None] {
        let peer = PeerKeys { cert: two.bora.cert(), bundle: &two.bundle };
        let (init, _, mut session) = initiate(&two.ari, peer, &psk, b"", &mut two.rng).expect("sound");
        let first = session.encrypt(b"word");
        let seal = typed(1, X25519Secret::generate(&mut two.rng).public().as_bytes());
        let body =
            framed("M1/repair/sign/1", &[two.bora.account_id().as_bytes(), &init.encode(), &seal, &first]);
        let signature = signing_keys(&two.ari).1.sign(&body).as_bytes().to_vec();
        let repair =
            Repair::parse(&join(&[init.encode(), seal, first, signature])).expect("the form is right");
        assert_eq!(two.answer(&repair), Err(RenewalError::Handshake(HandshakeError::Refused)));
    }
}

#[test]
fn the_repair_secret_names_places_and_opens_nothing() {
    let mut two = two();
    let repair = two.repair().encode();
    let slot = two.repair.slot(&two.ari.account_id(), 0);
    let blob = seal_contact(Class::C1, &slot.tag(), slot.psk(), &two.bundle.seal(), &repair, &mut two.rng)
        .expect("it fits");
    assert!(open_contact(&blob, &slot.tag(), slot.psk(), two.last_resort.seal()).is_ok());
    // All secrets that can be had from it, tried as the key that is missing.
    for guess in [two.repair.psk(), two.repair.link(), Secret32::new(*two.repair.as_bytes())] {
        let guess = X25519Secret::from_bytes(*guess.as_bytes());
        assert!(open_contact(&blob, &slot.tag(), slot.psk(), &guess).is_err());
    }
}

#[test]
fn every_repair_slot_and_use_has_a_secret_of_its_own() {
    let two = two();
    let mut seen = std::collections::BTreeSet::new();
    for account in [two.ari.account_id(), two.bora.account_id()] {
        for number in 0..REPAIR_SLOTS {
            let slot = two.repair.slot(&account, number);
            seen.insert(slot.tag());
            seen.insert(*slot.psk().as_bytes());
        }
    }
    seen.insert(*two.repair.psk().as_bytes());
    seen.insert(*two.repair.link().as_bytes());
    assert_eq!(seen.len(), 2 * 2 * REPAIR_SLOTS as usize + 2);
}
