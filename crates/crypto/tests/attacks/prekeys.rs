//! Bundles and offers that were forged, stripped, swapped or filled with bad keys.

use crypto::{
    KeyError, SignSecret,
    identity::Identity,
    prekey::{Bundle, BundleKind, BundleSecret, Offer, OfferSecret, PrekeyError},
};
use minicbor::{Decoder, Encoder};

use crate::common::{rng, signed, signing_keys, small_order_points, typed};

/// The byte strings of a bundle's body: certificate hash, spk, KEM key, seal.
struct Parts {
    hash: Vec<u8>,
    spk: Vec<u8>,
    kem: Vec<u8>,
    seal: Vec<u8>,
}

impl Parts {
    fn of(bundle: &Bundle) -> Self {
        let mut decoder = Decoder::new(bundle.bytes());
        decoder.array().unwrap();
        decoder.u8().unwrap();
        decoder.u8().unwrap();
        decoder.u32().unwrap();
        let mut next = || decoder.bytes().unwrap().to_vec();
        Self { hash: next(), spk: next(), kem: next(), seal: next() }
    }

    fn body(&self) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new());
        encoder.array(8).unwrap().u8(1).unwrap().u8(1).unwrap().u32(7).unwrap();
        for part in [&self.hash, &self.spk, &self.kem, &self.seal] {
            encoder.bytes(part).unwrap();
        }
        encoder.u16(30).unwrap();
        encoder.into_writer()
    }

    fn offer(&self) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new());
        encoder.array(5).unwrap().u8(1).unwrap().u32(7).unwrap();
        for part in [&self.spk, &self.kem, &self.seal] {
            encoder.bytes(part).unwrap();
        }
        encoder.into_writer()
    }
}

fn bora() -> (Identity, SignSecret, Bundle) {
    let rng = &mut rng(30);
    let bora = Identity::create(rng);
    let (_, bundle) = BundleSecret::generate(BundleKind::Invite, 7, &bora, 30, rng);
    let (_, device) = signing_keys(&bora);
    (bora, device, bundle)
}

#[test]
fn a_sound_bundle_is_what_the_specification_says() {
    let (bora, device, bundle) = bora();
    let parts = Parts::of(&bundle);
    assert_eq!(signed(&device, "M1/bundle/1", parts.body()), bundle.bytes());
    assert!(bundle.bytes().len() < 1_400, "{}", bundle.bytes().len());
    assert_eq!(Bundle::parse(bundle.bytes(), bora.cert()), Ok(bundle));
}

#[test]
fn small_order_keys_in_a_bundle_or_an_offer_are_refused_even_when_signed() {
    let (bora, device, bundle) = bora();
    for point in small_order_points() {
        let mut bad_spk = Parts::of(&bundle);
        bad_spk.spk = typed(1, &point);
        let mut bad_seal = Parts::of(&bundle);
        bad_seal.seal = typed(1, &point);
        for parts in [bad_spk, bad_seal] {
            let refused =
                |error| matches!(error, PrekeyError::Key(KeyError::SmallOrder | KeyError::NotCanonical));
            let bytes = signed(&device, "M1/bundle/1", parts.body());
            assert!(refused(Bundle::parse(&bytes, bora.cert()).expect_err("a bad key")));
            assert!(refused(Offer::parse(&parts.offer()).expect_err("a bad key")));
        }
    }
}

#[test]
fn a_bundle_stripped_of_its_kem_key_is_refused() {
    let (bora, device, bundle) = bora();
    for kem in [vec![], vec![3], typed(3, &[0; 1_183]), typed(3, &[0; 1_185]), typed(3, &[0; 800])] {
        let parts = Parts { kem, ..Parts::of(&bundle) };
        let bytes = signed(&device, "M1/bundle/1", parts.body());
        assert_eq!(Bundle::parse(&bytes, bora.cert()), Err(PrekeyError::Key(KeyError::Length)));
    }
    // Left out altogether.
    let parts = Parts::of(&bundle);
    let mut encoder = Encoder::new(Vec::new());
    encoder.array(7).unwrap().u8(1).unwrap().u8(1).unwrap().u32(7).unwrap();
    encoder.bytes(&parts.hash).unwrap().bytes(&parts.spk).unwrap().bytes(&parts.seal).unwrap();
    encoder.u16(30).unwrap();
    let bytes = signed(&device, "M1/bundle/1", encoder.into_writer());
    assert_eq!(Bundle::parse(&bytes, bora.cert()), Err(PrekeyError::Malformed));
}

#[test]
fn a_kem_key_beyond_the_modulus_is_refused_in_bundle_and_offer() {
    let (bora, device, bundle) = bora();
    let mut parts = Parts::of(&bundle);
    parts.kem[1..4].fill(0xff);
    let bytes = signed(&device, "M1/bundle/1", parts.body());
    assert_eq!(Bundle::parse(&bytes, bora.cert()), Err(PrekeyError::Key(KeyError::NotCanonical)));
    assert_eq!(Offer::parse(&parts.offer()), Err(PrekeyError::Key(KeyError::NotCanonical)));
}

#[test]
fn a_bundle_of_another_device_or_signed_by_a_stranger_is_refused() {
    let (bora, _, bundle) = bora();
    let other = Identity::create(&mut rng(31));
    assert_eq!(Bundle::parse(bundle.bytes(), other.cert()), Err(PrekeyError::OtherDevice));
    let (_, stranger) = signing_keys(&other);
    let forged = signed(&stranger, "M1/bundle/1", Parts::of(&bundle).body());
    assert_eq!(Bundle::parse(&forged, bora.cert()), Err(PrekeyError::Signature));
    // The account's key signs certificates, not bundles.
    let (account, _) = signing_keys(&bora);
    let forged = signed(&account, "M1/bundle/1", Parts::of(&bundle).body());
    assert_eq!(Bundle::parse(&forged, bora.cert()), Err(PrekeyError::Signature));
}

#[test]
fn changed_truncated_extended_and_oversized_bundles_are_refused() {
    let (bora, _, bundle) = bora();
    let bytes = bundle.bytes();
    for at in 0..bytes.len() {
        let mut changed = bytes.to_vec();
        changed[at] ^= 0x10;
        assert!(Bundle::parse(&changed, bora.cert()).is_err(), "byte {at}");
        assert!(Bundle::parse(&bytes[..at], bora.cert()).is_err(), "cut at {at}");
    }
    assert!(Bundle::parse(&[bytes, &[0]].concat(), bora.cert()).is_err());
    assert_eq!(Bundle::parse(&vec![0; 2_049], bora.cert()), Err(PrekeyError::Malformed));
    let (_, offer) = OfferSecret::generate(1, &mut rng(32));
    assert_eq!(Offer::parse(&[offer.bytes(), &[0]].concat()), Err(PrekeyError::Malformed));
    assert_eq!(Offer::parse(&vec![0; 2_049]), Err(PrekeyError::Malformed));
}

#[test]
fn the_secret_halves_survive_being_written_down_and_nothing_else_passes_for_them() {
    let rng = &mut rng(33);
    let bora = Identity::create(rng);
    for kind in [BundleKind::Invite, BundleKind::Offer, BundleKind::Card, BundleKind::Group] {
        let (secret, bundle) = BundleSecret::generate(kind, u32::MAX, &bora, u16::MAX, rng);
        let kept = secret.to_bytes();
        let read = BundleSecret::from_bytes(&kept).expect("just written");
        assert!(read == secret && read.kind() == bundle.kind() && read.id() == bundle.id());
        assert_eq!(read.seal().public(), bundle.seal());
        assert!(BundleSecret::from_bytes(&kept[..kept.len() - 1]).is_err());
    }
    let (secret, offer) = OfferSecret::generate(9, rng);
    let read = OfferSecret::from_bytes(&secret.to_bytes()).expect("just written");
    assert!(read == secret && read.id() == offer.id() && read.seal().public() == offer.seal());
    assert!(BundleSecret::from_bytes(&secret.to_bytes()).is_err());
}
