//! Certificates and lists that were forged, damaged, swapped, rolled back or doubled.

use crypto::{
    KeyError, SignSecret, X25519Secret,
    identity::{DeviceCert, DeviceList, Identity, IdentityError, Succession},
    safety::safety_number,
};
use minicbor::Encoder;

use crate::common::{rng, signed, signing_keys, small_order_points, typed};

fn cert_body(account: &SignSecret, index: u8, sign: &[u8], dh: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    encoder.array(7).unwrap().u8(1).unwrap().bytes(&account.public().typed()).unwrap();
    encoder.u8(index).unwrap().bytes(sign).unwrap().bytes(dh).unwrap();
    encoder.u32(0).unwrap().u32(0).unwrap();
    encoder.into_writer()
}

fn list(account: &SignSecret, epoch: u32, devices: &[[u8; 32]], revoked: &[[u8; 32]]) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    encoder.array(5).unwrap().u8(1).unwrap().bytes(&account.public().typed()).unwrap();
    encoder.u32(epoch).unwrap();
    for hashes in [devices, revoked] {
        encoder.array(hashes.len() as u64).unwrap();
        for hash in hashes {
            encoder.bytes(hash).unwrap();
        }
    }
    signed(account, "M1/list-devices/1", encoder.into_writer())
}

#[test]
fn a_sound_certificate_and_list_are_what_the_specification_says() {
    let me = Identity::create(&mut rng(1));
    let (account, device) = signing_keys(&me);
    let body = cert_body(&account, 0, &device.public().typed(), &me.cert().dh_key().typed());
    assert_eq!(signed(&account, "M1/cert/1", body), me.cert().bytes());
    assert_eq!(list(&account, 1, &[me.cert().hash()], &[]), me.list().bytes());
    assert!(me.cert().bytes().len() <= 190, "{}", me.cert().bytes().len());
    assert!(me.list().contains(me.cert()));
    assert_eq!(me.cert().account_id(), me.account_id());
    assert_eq!(Identity::from_bytes(&me.to_bytes()), Ok(me));
}

#[test]
fn every_changed_bit_of_a_certificate_or_list_is_noticed() {
    let me = Identity::create(&mut rng(2));
    for at in 0..me.cert().bytes().len() * 8 {
        let mut bytes = me.cert().bytes().to_vec();
        bytes[at / 8] ^= 1 << (at % 8);
        assert!(DeviceCert::parse(&bytes).is_err(), "certificate bit {at}");
    }
    for at in 0..me.list().bytes().len() * 8 {
        let mut bytes = me.list().bytes().to_vec();
        bytes[at / 8] ^= 1 << (at % 8);
        assert!(DeviceList::parse(&bytes).is_err(), "list bit {at}");
    }
}

#[test]
fn truncated_extended_and_oversized_objects_are_refused() {
    let me = Identity::create(&mut rng(3));
    for len in 0..me.cert().bytes().len() {
        assert!(DeviceCert::parse(&me.cert().bytes()[..len]).is_err());
    }
    assert!(DeviceCert::parse(&[me.cert().bytes(), &[0]].concat()).is_err());
    let (account, device) = signing_keys(&me);
    // A byte between body and signature, signed along: still refused.
    let mut body = cert_body(&account, 0, &device.public().typed(), &me.cert().dh_key().typed());
    body.push(0);
    assert_eq!(DeviceCert::parse(&signed(&account, "M1/cert/1", body)), Err(IdentityError::Malformed));
    assert_eq!(DeviceCert::parse(&vec![0x80; 513]), Err(IdentityError::Malformed));
    assert_eq!(DeviceList::parse(&vec![0x80; 2_049]), Err(IdentityError::Malformed));
    assert_eq!(DeviceCert::parse(&[]), Err(IdentityError::Malformed));
}

#[test]
fn small_order_keys_in_a_certificate_are_refused_even_when_signed() {
    let me = Identity::create(&mut rng(4));
    let (account, device) = signing_keys(&me);
    for point in small_order_points() {
        let body = cert_body(&account, 0, &device.public().typed(), &typed(1, &point));
        assert!(matches!(
            DeviceCert::parse(&signed(&account, "M1/cert/1", body)),
            Err(IdentityError::Key(KeyError::SmallOrder | KeyError::NotCanonical))
        ));
    }
    // A weak signing key, with which anyone could sign bundles.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let body = cert_body(&account, 0, &typed(2, &neutral), &me.cert().dh_key().typed());
    assert_eq!(
        DeviceCert::parse(&signed(&account, "M1/cert/1", body)),
        Err(IdentityError::Key(KeyError::SmallOrder))
    );
}

#[test]
fn keys_in_each_others_place_are_refused() {
    let me = Identity::create(&mut rng(5));
    let (account, device) = signing_keys(&me);
    let body = cert_body(&account, 0, &me.cert().dh_key().typed(), &device.public().typed());
    assert_eq!(
        DeviceCert::parse(&signed(&account, "M1/cert/1", body)),
        Err(IdentityError::Key(KeyError::Kind))
    );
}

#[test]
fn a_certificate_signed_by_another_account_or_for_another_purpose_is_refused() {
    let me = Identity::create(&mut rng(6));
    let (account, device) = signing_keys(&me);
    let stranger = SignSecret::generate(&mut rng(7));
    let dh = X25519Secret::generate(&mut rng(8)).public().typed();
    let body = cert_body(&account, 0, &device.public().typed(), &dh);
    assert_eq!(
        DeviceCert::parse(&signed(&stranger, "M1/cert/1", body.clone())),
        Err(IdentityError::Signature)
    );
    assert_eq!(
        DeviceCert::parse(&signed(&account, "M1/list-devices/1", body)),
        Err(IdentityError::Signature)
    );
}

#[test]
fn a_device_list_that_goes_back_or_says_two_things_is_noticed() {
    let me = Identity::create(&mut rng(9));
    let (account, _) = signing_keys(&me);
    let parse = |bytes: Vec<u8>| DeviceList::parse(&bytes).expect("signed by the account");
    let hash = me.cert().hash();
    let later = parse(list(&account, 2, &[hash], &[]));
    let other_later = parse(list(&account, 2, &[], &[hash]));
    assert_eq!(me.list().judge(&later), Succession::Newer);
    assert_eq!(later.judge(me.list()), Succession::Older);
    assert_eq!(later.judge(&later), Succession::Same);
    assert_eq!(later.judge(&other_later), Succession::Equivocation);
    assert_eq!(later.judge(Identity::create(&mut rng(10)).list()), Succession::Foreign);
    assert!(!other_later.contains(me.cert()) && other_later.revokes(me.cert()));
    assert_eq!((me.list().epoch(), later.epoch()), (1, 2));
}

#[test]
fn only_the_own_account_calls_a_device_back_and_only_what_it_names() {
    let me = Identity::create(&mut rng(21));
    let (account, _) = signing_keys(&me);
    let hash = me.cert().hash();
    let parse = |bytes: Vec<u8>| DeviceList::parse(&bytes).expect("sound");
    let of_a_stranger = parse(list(&SignSecret::generate(&mut rng(22)), 2, &[], &[hash]));
    let of_another_device = parse(list(&account, 2, &[hash], &[[9; 32]]));
    assert!(!of_a_stranger.revokes(me.cert()), "another account names the same certificate");
    assert!(!of_another_device.revokes(me.cert()) && of_another_device.contains(me.cert()));
    assert!(of_another_device.calls_back_more_than(me.list()));
    assert!(!of_another_device.calls_back_more_than(&of_another_device));
    assert!(!me.list().calls_back_more_than(&of_another_device), "one less is not one more");
}

#[test]
fn an_account_calls_back_device_after_device_until_its_list_is_full_and_never_lists_one_again() {
    let mut me = Identity::create(&mut rng(23));
    let own = me.cert().hash();
    for number in 0..47 {
        assert!(me.revoke([number; 32]));
        assert_eq!(me.list().epoch(), u32::from(number) + 2);
        assert!(me.list().contains(me.cert()), "the others still count");
    }
    assert!(me.revoke(own));
    assert!(!me.list().contains(me.cert()) && me.list().revokes(me.cert()));
    let full = me.list().clone();
    assert!(!me.revoke([99; 32]), "forty-eight is the most");
    assert_eq!(me.list(), &full);
    // One that is called back already takes no further place.
    assert!(me.revoke([3; 32]) && me.list().revokes(me.cert()));
    let kept = Identity::from_bytes(&me.to_bytes()).expect("it still opens its own profile");
    assert_eq!(kept, me);
}

#[test]
fn a_certificate_says_which_device_it_is_for_what_it_can_and_how_many_came_before() {
    let (account, device) = (SignSecret::generate(&mut rng(24)), SignSecret::generate(&mut rng(25)));
    let dh = X25519Secret::generate(&mut rng(26)).public();
    let mut encoder = Encoder::new(Vec::new());
    encoder.array(7).unwrap().u8(1).unwrap().bytes(&account.public().typed()).unwrap();
    encoder.u8(254).unwrap().bytes(&device.public().typed()).unwrap().bytes(&dh.typed()).unwrap();
    encoder.u32(0x8000_0005).unwrap().u32(77).unwrap();
    let cert = DeviceCert::parse(&signed(&account, "M1/cert/1", encoder.into_writer())).expect("sound");
    assert_eq!((cert.device_index(), cert.capabilities(), cert.issued()), (254, 0x8000_0005, 77));
}

#[test]
fn a_device_list_has_one_form_and_its_bounds() {
    let account = SignSecret::generate(&mut rng(11));
    let refused = |devices: &[[u8; 32]], revoked: &[[u8; 32]]| {
        DeviceList::parse(&list(&account, 1, devices, revoked)) == Err(IdentityError::Malformed)
    };
    assert!(refused(&[[2; 32], [1; 32]], &[]), "out of order");
    assert!(refused(&[[1; 32], [1; 32]], &[]), "twice");
    assert!(refused(&[[1; 32]], &[[1; 32]]), "listed and called back");
    let many: Vec<[u8; 32]> = (0..49).map(|n| [n; 32]).collect();
    assert!(refused(&many[..7], &[]), "seven devices");
    assert!(refused(&[], &many), "forty-nine called back");
    let most = list(&account, u32::MAX, &many[..6], &many[6..]);
    assert!(DeviceList::parse(&most).is_ok() && most.len() <= 2_048, "{}", most.len());
}

#[test]
fn a_list_of_another_account_does_not_vouch_for_a_device() {
    let me = Identity::create(&mut rng(12));
    let stranger = SignSecret::generate(&mut rng(13));
    let claimed = DeviceList::parse(&list(&stranger, 1, &[me.cert().hash()], &[])).expect("sound");
    assert!(!claimed.contains(me.cert()));
}

#[test]
fn a_kept_identity_whose_parts_do_not_belong_together_is_refused() {
    let (one, other) = (Identity::create(&mut rng(14)), Identity::create(&mut rng(15)));
    let mut mixed = one.to_bytes().to_vec();
    // The account seed begins behind array head, version and byte string head.
    mixed[4..36].copy_from_slice(&other.to_bytes()[4..36]);
    assert_eq!(Identity::from_bytes(&mixed), Err(IdentityError::Malformed));
    assert!(Identity::from_bytes(&one.to_bytes()[1..]).is_err());
}

#[test]
fn somebody_in_the_middle_shows_in_the_safety_number() {
    let id = |seed| Identity::create(&mut rng(seed)).account_id();
    let (ari, bora, middle) = (id(16), id(17), id(18));
    let seen_by_ari = safety_number(&ari, &middle);
    let seen_by_bora = safety_number(&middle, &bora);
    assert!(!seen_by_ari.matches(&seen_by_bora.to_string()));
    assert!(safety_number(&ari, &bora).matches(&safety_number(&bora, &ari).to_qr_text()));
}

#[test]
fn a_safety_number_is_read_as_people_write_it_and_in_no_other_way() {
    let id = |seed| Identity::create(&mut rng(seed)).account_id();
    let number = safety_number(&id(19), &id(20));
    let text = number.to_string();
    assert_eq!(text.split(' ').count(), 12);
    assert!(text.split(' ').all(|group| group.len() == 5));
    assert!(number.matches(&text.replace(' ', "\n")) && number.matches(&text.replace(' ', " - ")));
    assert!(!number.matches(&text[..text.len() - 1]) && !number.matches(&format!("{text}0")));
    let changed = if text.starts_with('0') { "1" } else { "0" };
    assert!(!number.matches(&format!("{changed}{}", &text[1..])));
    assert!(!number.matches("") && !number.matches("madang-safety:"));
}
