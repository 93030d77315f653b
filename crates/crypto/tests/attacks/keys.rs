//! Keys that are none: small order, second encodings, wrong kinds and lengths.

use crypto::{
    KeyError, Secret32, SignPublic, SignSecret, Signature, X25519Public, X25519Secret,
    identity::Identity,
    invite::InviteSecret,
    prekey::{BundleKind, BundleSecret},
    slot::{self, Chain},
    vault::{Cost, KeyFile},
};

use crate::common::{rng, small_order_points};

#[test]
fn all_twelve_small_order_x25519_points_are_refused() {
    for point in small_order_points() {
        let refused = X25519Public::from_bytes(&point);
        assert!(matches!(refused, Err(KeyError::SmallOrder | KeyError::NotCanonical)), "{point:02x?}");
    }
}

#[test]
fn the_list_that_other_rooms_test_with_is_the_same() {
    let listed = include_str!("../../../../tests/vectors/small-order-x25519.txt");
    let hex = |point: [u8; 32]| point.map(|byte| format!("{byte:02x}")).concat() + "\n";
    assert_eq!(listed, small_order_points().map(hex).concat());
}

#[test]
fn the_list_is_right_every_point_on_it_gives_the_zero_secret() {
    let secret = x25519_dalek::StaticSecret::from([0x55; 32]);
    for point in small_order_points() {
        let shared = secret.diffie_hellman(&x25519_dalek::PublicKey::from(point));
        assert!(!shared.was_contributory(), "{point:02x?}");
    }
}

#[test]
fn a_second_encoding_of_a_sound_x25519_key_is_refused() {
    let public = X25519Secret::generate(&mut rng(1)).public();
    let mut high_bit = *public.as_bytes();
    high_bit[31] |= 0x80;
    assert_eq!(X25519Public::from_bytes(&high_bit), Err(KeyError::NotCanonical));
    // u = 2 (p + 2 is the same point): a small key is sound, only its second form is not.
    let mut two = [0; 32];
    two[0] = 2;
    assert!(X25519Public::from_bytes(&two).is_ok());
    let mut p_plus_two = [0xff; 32];
    (p_plus_two[0], p_plus_two[31]) = (0xef, 0x7f);
    assert_eq!(X25519Public::from_bytes(&p_plus_two), Err(KeyError::NotCanonical));
    assert_eq!(X25519Public::from_bytes(&two[..31]), Err(KeyError::Length));
}

#[test]
fn a_key_of_one_kind_does_not_pass_for_another() {
    let dh = X25519Secret::generate(&mut rng(2)).public();
    let sign = SignSecret::generate(&mut rng(3)).public();
    assert_eq!(SignPublic::from_typed(&dh.typed()), Err(KeyError::Kind));
    assert_eq!(X25519Public::from_typed(&sign.typed()), Err(KeyError::Kind));
    assert_eq!(X25519Public::from_typed(&[]), Err(KeyError::Length));
    assert_eq!(X25519Public::from_typed(&dh.typed()), Ok(dh));
}

#[test]
fn weak_non_canonical_and_mixed_order_ed25519_keys_are_refused() {
    use curve25519_dalek::{constants::EIGHT_TORSION, edwards::CompressedEdwardsY};

    for point in EIGHT_TORSION {
        assert_eq!(SignPublic::from_bytes(&point.compress().0), Err(KeyError::SmallOrder));
    }
    // y = p + 1 is y = 1, the neutral point, written in a second way.
    let mut second = [0xff; 32];
    (second[0], second[31]) = (0xee, 0x7f);
    assert_eq!(SignPublic::from_bytes(&second), Err(KeyError::NotCanonical));
    // A sound key plus a point of order eight verifies some signatures of the sound one.
    let sound = SignSecret::generate(&mut rng(4)).public();
    let mixed = CompressedEdwardsY(*sound.as_bytes()).decompress().expect("a point") + EIGHT_TORSION[1];
    assert_eq!(SignPublic::from_bytes(&mixed.compress().0), Err(KeyError::SmallOrder));
    assert_eq!(SignPublic::from_bytes(&[2; 32]), Err(KeyError::NoPoint));
    assert_eq!(SignPublic::from_bytes(&[2; 33]), Err(KeyError::Length));
}

#[test]
fn a_tag_that_is_no_sound_key_verifies_nothing() {
    // With the neutral point as key, the all-zero scalar and the neutral nonce verify anything loosely.
    let mut neutral = [0u8; 32];
    neutral[0] = 1;
    let mut loose = [0u8; 64];
    loose[0] = 1;
    let loose = Signature::from_bytes(&loose).expect("64 bytes");
    assert_eq!(slot::verify(&neutral, b"anything", &loose), Err(KeyError::Signature));
}

#[test]
fn a_signature_in_a_second_form_is_refused() {
    let key = SignSecret::generate(&mut rng(5));
    let signature = key.sign(b"text");
    assert_eq!(key.public().verify(b"text", &signature), Ok(()));
    assert_eq!(key.public().verify(b"texts", &signature), Err(KeyError::Signature));
    // s + l is the same scalar; strict checking takes only the smaller form.
    let order = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut bytes = *signature.as_bytes();
    let mut carry = 0u16;
    for (byte, add) in bytes[32..].iter_mut().zip(order) {
        carry += u16::from(*byte) + add;
        *byte = carry as u8;
        carry >>= 8;
    }
    let second = Signature::from_bytes(&bytes).expect("64 bytes");
    assert_eq!(key.public().verify(b"text", &second), Err(KeyError::Signature));
    assert_eq!(Signature::from_bytes(&[0; 63]), Err(KeyError::Length));
}

#[test]
fn nothing_secret_prints_more_than_its_kind() {
    let rng = &mut rng(6);
    let me = Identity::create(rng);
    let (bundle_secret, bundle) = BundleSecret::generate(BundleKind::Invite, 1, &me, 30, rng);
    let (file, vault) = KeyFile::create(b"x", Cost::for_tests(), rng).expect("memory");
    let invite = InviteSecret::random(rng);
    let mut chain = Chain::new(&Secret32::random(rng));
    let slot = chain.next();
    let printed = format!(
        "{me:?} {bundle_secret:?} {bundle:?} {file:?} {vault:?} {invite:?} {chain:?} {slot:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        me.account_id(),
        me.cert(),
        me.list(),
        slot.key(),
        slot.psk(),
        bundle_secret.seal(),
    );
    assert_eq!(
        printed,
        "Identity BundleSecret Bundle KeyFile Vault InviteSecret(Secret<32>) Chain Slot \
         AccountId DeviceCert DeviceList SignSecret Secret<32> X25519Secret"
    );
}
