//! Envelopes that were moved, cut, stretched, changed, or sealed by someone who should not.

use crypto::{
    Class, Secret32, X25519Secret,
    seal::{SealError, open_contact, open_stranger, seal_contact, seal_stranger},
    slot::{Chain, Slot},
};

use crate::common::{rng, small_order_points};

fn setting() -> (X25519Secret, Slot, Slot) {
    let rng = &mut rng(50);
    let mut chain = Chain::new(&Secret32::random(rng));
    (X25519Secret::generate(rng), chain.next(), chain.next())
}

#[test]
fn each_class_holds_exactly_its_capacity() {
    let (key, slot, _) = setting();
    for class in Class::ALL {
        let full = vec![0xab; class.capacity()];
        let blob =
            seal_contact(class, &slot.tag(), slot.psk(), &key.public(), &full, &mut rng(1)).expect("it fits");
        assert_eq!(blob.len(), class.bytes());
        let opened = open_contact(&blob, &slot.tag(), slot.psk(), &key).expect("ours");
        assert_eq!(*opened, full);
        let more = vec![0; class.capacity() + 1];
        let refused = seal_contact(class, &slot.tag(), slot.psk(), &key.public(), &more, &mut rng(1));
        assert_eq!(refused, Err(SealError::TooLong));
        assert_eq!(Class::for_len(class.capacity()), Some(class));
        assert_eq!(Class::from_bytes_len(class.bytes()), Some(class));
        assert_eq!(Class::from_code(class.code()), Some(class));
    }
    assert_eq!(Class::ALL.map(Class::bytes), [1_024, 4_096, 16_384, 61_440]);
    assert_eq!(Class::ALL.map(Class::capacity), [972, 4_044, 16_332, 61_388]);
    assert_eq!(Class::for_len(61_389), None);
    assert_eq!(Class::from_code(4), None);
}

#[test]
fn an_envelope_moved_to_another_tag_does_not_open() {
    let (key, slot, next) = setting();
    let blob =
        seal_contact(Class::C0, &slot.tag(), slot.psk(), &key.public(), b"x", &mut rng(2)).expect("it fits");
    assert!(open_contact(&blob, &slot.tag(), slot.psk(), &key).is_ok());
    assert_eq!(open_contact(&blob, &next.tag(), slot.psk(), &key), Err(SealError::Unreadable));
    assert_eq!(open_contact(&blob, &next.tag(), next.psk(), &key), Err(SealError::Unreadable));
    let blob = seal_stranger(Class::C0, &slot.tag(), &key.public(), b"x", &mut rng(2)).expect("it fits");
    assert!(open_stranger(&blob, &slot.tag(), &key).is_ok());
    assert_eq!(open_stranger(&blob, &next.tag(), &key), Err(SealError::Unreadable));
}

#[test]
fn a_wrong_psk_or_seal_opens_nothing() {
    let (key, slot, next) = setting();
    let blob =
        seal_contact(Class::C0, &slot.tag(), slot.psk(), &key.public(), b"x", &mut rng(3)).expect("it fits");
    assert_eq!(open_contact(&blob, &slot.tag(), next.psk(), &key), Err(SealError::Unreadable));
    let other = X25519Secret::generate(&mut rng(4));
    assert_eq!(open_contact(&blob, &slot.tag(), slot.psk(), &other), Err(SealError::Unreadable));
    assert_eq!(open_stranger(&blob, &slot.tag(), &key), Err(SealError::Unreadable));
}

#[test]
fn truncated_extended_and_flipped_envelopes_do_not_open() {
    let (key, slot, _) = setting();
    let blob =
        seal_contact(Class::C0, &slot.tag(), slot.psk(), &key.public(), b"x", &mut rng(5)).expect("it fits");
    let refused =
        |bytes: &[u8]| open_contact(bytes, &slot.tag(), slot.psk(), &key) == Err(SealError::Unreadable);
    for len in [0, 1, 31, 32, 47, 48, 1_023] {
        assert!(refused(&blob[..len]));
    }
    // Stretched to the next class, with zeros.
    let mut longer = blob.clone();
    longer.push(0);
    assert!(refused(&longer));
    longer.resize(4_096, 0);
    assert!(refused(&longer));
    for at in 0..blob.len() {
        let mut flipped = blob.clone();
        flipped[at] ^= 0x04;
        assert!(refused(&flipped), "byte {at}");
    }
}

#[test]
fn a_small_order_ephemeral_key_in_an_envelope_is_refused() {
    let (key, slot, _) = setting();
    let blob = seal_stranger(Class::C0, &slot.tag(), &key.public(), b"x", &mut rng(6)).expect("it fits");
    for point in small_order_points() {
        let mut bad = blob.clone();
        bad[..32].copy_from_slice(&point);
        assert_eq!(open_stranger(&bad, &slot.tag(), &key), Err(SealError::Unreadable));
    }
    // With snow alone such an envelope opens: whoever knows no key at all could write it. Ours is refused.
    let mut prologue = b"M1/env/1\0".to_vec();
    prologue.extend_from_slice(&slot.tag());
    let forged = forge_with_zero_key(&prologue, &key, None);
    assert_eq!(open_stranger(&forged, &slot.tag(), &key), Err(SealError::Unreadable));
}

#[test]
fn a_small_order_ephemeral_key_in_an_envelope_of_a_contact_is_refused() {
    let (key, slot, _) = setting();
    let blob =
        seal_contact(Class::C0, &slot.tag(), slot.psk(), &key.public(), b"x", &mut rng(6)).expect("it fits");
    for point in small_order_points() {
        let mut bad = blob.clone();
        bad[..32].copy_from_slice(&point);
        assert_eq!(open_contact(&bad, &slot.tag(), slot.psk(), &key), Err(SealError::Unreadable));
    }
    // Who holds the slot's psk and not the seal's key could write it: with snow alone it opens.
    let mut prologue = b"M1/env/1\0".to_vec();
    prologue.extend_from_slice(&slot.tag());
    let forged = forge_with_zero_key(&prologue, &key, Some(slot.psk()));
    assert_eq!(open_contact(&forged, &slot.tag(), slot.psk(), &key), Err(SealError::Unreadable));
}

/// An envelope whose ephemeral key is the all-zero point: its secret is zero for everyone.
fn forge_with_zero_key(prologue: &[u8], to: &X25519Secret, psk: Option<&Secret32>) -> Vec<u8> {
    let name = psk.map_or("Noise_N_25519_ChaChaPoly_SHA256", |_| "Noise_Npsk0_25519_ChaChaPoly_SHA256");
    let name: snow::params::NoiseParams = name.parse().expect("a pattern");
    let psk = *psk.map_or(&[0; 32], Secret32::as_bytes);
    let is_contact = name.name.contains("psk0");
    let public = to.public();
    let mut state = snow::Builder::with_resolver(name.clone(), Box::new(ZeroKey))
        .prologue(prologue)
        .and_then(|builder| builder.remote_public_key(public.as_bytes()))
        .and_then(|builder| if is_contact { builder.psk(0, &psk) } else { Ok(builder) })
        .and_then(snow::Builder::build_initiator)
        .expect("complete");
    let mut plain = vec![0; 976];
    plain[3] = 6;
    plain[4..10].copy_from_slice(b"forged");
    let mut blob = vec![0; 1_024];
    state.write_message(&plain, &mut blob).expect("it fits");
    assert_eq!(blob[..32], [0; 32]);
    // Proof that the check is needed: snow itself takes it.
    let secret = to.to_bytes();
    let mut open = snow::Builder::new(name)
        .prologue(prologue)
        .and_then(|builder| builder.local_private_key(secret.as_bytes()))
        .and_then(|builder| if is_contact { builder.psk(0, &psk) } else { Ok(builder) })
        .and_then(snow::Builder::build_responder)
        .expect("complete");
    assert!(open.read_message(&blob, &mut plain).is_ok(), "snow refuses it now: our check may go");
    blob
}

struct ZeroKey;

impl snow::resolvers::CryptoResolver for ZeroKey {
    fn resolve_rng(&self) -> Option<Box<dyn snow::types::Random>> {
        snow::resolvers::DefaultResolver.resolve_rng()
    }

    fn resolve_dh(&self, _: &snow::params::DHChoice) -> Option<Box<dyn snow::types::Dh>> {
        Some(Box::new(ZeroDh([0; 32])))
    }

    fn resolve_hash(&self, choice: &snow::params::HashChoice) -> Option<Box<dyn snow::types::Hash>> {
        snow::resolvers::DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &snow::params::CipherChoice) -> Option<Box<dyn snow::types::Cipher>> {
        snow::resolvers::DefaultResolver.resolve_cipher(choice)
    }
}

/// Diffie-Hellman with the all-zero point as public key.
struct ZeroDh([u8; 32]);

impl snow::types::Dh for ZeroDh {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, _: &[u8]) {}

    fn generate(&mut self, _: &mut dyn snow::types::Random) -> Result<(), snow::Error> {
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.0
    }

    fn privkey(&self) -> &[u8] {
        &self.0
    }

    fn dh(&self, _: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        out[..32].fill(0);
        Ok(())
    }
}

#[test]
fn hidden_bytes_behind_the_content_and_false_lengths_do_not_open() {
    let (key, slot, _) = setting();
    let seal_raw = |plain: &[u8]| {
        let mut prologue = b"M1/env/1\0".to_vec();
        prologue.extend_from_slice(&slot.tag());
        let mut state = snow::Builder::new("Noise_N_25519_ChaChaPoly_SHA256".parse().expect("a pattern"))
            .prologue(&prologue)
            .and_then(|builder| {
                builder.remote_public_key(key.public().as_bytes()).and_then(snow::Builder::build_initiator)
            })
            .expect("complete");
        let mut blob = vec![0; 1_024];
        state.write_message(plain, &mut blob).expect("it fits");
        open_stranger(&blob, &slot.tag(), &key)
    };
    let mut plain = vec![0; 976];
    plain[3] = 2;
    plain[4..6].copy_from_slice(b"ok");
    assert_eq!(seal_raw(&plain).expect("as we would write it").as_slice(), b"ok");
    plain[975] = 1;
    assert_eq!(seal_raw(&plain), Err(SealError::Unreadable), "a byte in the padding");
    plain[975] = 0;
    for length in [973u32, 976, u32::MAX] {
        plain[..4].copy_from_slice(&length.to_be_bytes());
        assert_eq!(seal_raw(&plain), Err(SealError::Unreadable), "length {length}");
    }
}
