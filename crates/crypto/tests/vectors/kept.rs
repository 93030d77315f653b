//! What lies on a disk: key file, tree, backup.

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use crypto::{
    Secret32,
    backup::{BackupSecret, CHUNK_BYTES, Opener, Sealer},
    tree::{LeafKey, Node, NodeId, NodeKey, open_node, open_record, seal_node, seal_record},
    vault::{Cost, KeyFile, NameKey, Role, Vault},
};
use rand_chacha::ChaCha20Rng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{book_derive, book_hash, framed, hex, pinned, rng, unhex};

#[test]
fn keyfile() {
    let rng = &mut rng(6);
    let (mut file, mut vault) =
        KeyFile::create("바다의 길".as_bytes(), Cost::for_tests(), rng).expect("8 KiB of memory");
    vault.set_head(1_234_567);
    file.update(&vault, rng).expect("its own file");
    let place = (0..8)
        .find(|place| {
            let mut without = file.bytes().to_vec();
            without[48 + place * 256] ^= 1;
            KeyFile::parse(&without).and_then(|file| file.unlock("바다의 길".as_bytes())).is_err()
        })
        .expect("one slot is used");
    let head = file.bytes()[..2_096].to_vec();
    let decoy = file.add_decoy(&mut vault, "남의 길".as_bytes(), true, rng).expect("8 KiB of memory");
    let with_decoy = file.bytes()[..2_096].to_vec();
    let slots = |passphrase: &str, head: &[u8]| {
        let plain = (0..8).filter_map(|place| Some((place, book_slot(head, passphrase.as_bytes(), place)?)));
        let found: Vec<(usize, Vec<u8>)> = plain.collect();
        assert_eq!(found.len(), 1, "a passphrase opens one slot");
        json!({ "slot": found[0].0, "plain": hex(&found[0].1) })
    };
    let seeded = Vault::from_seed(&Secret32::new([8; 32]));
    let names = |key: NameKey| hex(key.blind(3, b"example"));
    let kept = pinned(
        "keyfile.json",
        json!({
            "about": "The first 2 096 bytes of a key file: salt, masked cost, eight slots; the rest is filler and does not count. Cost 8 KiB, one pass.",
            "passphrase_utf8": "바다의 길",
            "used_slot": place,
            "head": hex(&head),
            "slot_of_the_passphrase": slots("바다의 길", &head),
            "with_a_decoy": {
                "about": "The same file with a decoy that destroys the rest when it is opened.",
                "head": hex(&with_decoy),
                "passphrase_utf8": "남의 길",
                "root_key": hex(decoy.root_key().secret().as_bytes()),
                "slot_of_the_passphrase": slots("바다의 길", &with_decoy),
                "slot_of_the_decoy": slots("남의 길", &with_decoy),
            },
            "memory_kib": 8,
            "passes": 1,
            "root_key": hex(vault.root_key().secret().as_bytes()),
            "head_counter": vault.head(),
            "generation": vault.generation(),
            "segment_key_of_zero_salt": hex(vault.segment_key(&[0; 32]).as_bytes()),
            "blinded_name_of_table_3_example": names(vault.name_key()),
            "seeded": {
                "seed": hex([8; 32]),
                "root_key": hex(seeded.root_key().secret().as_bytes()),
                "segment_key_of_zero_salt": hex(seeded.segment_key(&[0; 32]).as_bytes()),
                "blinded_name_of_table_3_example": names(seeded.name_key()),
            },
        }),
    );
    let mut bytes = unhex(&kept["head"]);
    bytes.resize(65_536, 0);
    let opened = KeyFile::parse(&bytes)
        .and_then(|file| file.unlock(kept["passphrase_utf8"].as_str().expect("text").as_bytes()))
        .expect("the vector's own passphrase");
    assert_eq!(hex(opened.root_key().secret().as_bytes()), kept["root_key"]);
    assert_eq!(opened.head(), kept["head_counter"]);
    assert_eq!(hex(opened.segment_key(&[0; 32]).as_bytes()), kept["segment_key_of_zero_salt"]);
    assert_eq!(names(opened.name_key()), kept["blinded_name_of_table_3_example"]);

    // The decoy, and what the page says of both slots: version, flags, spare place, store, three keys, two counters.
    let kept = &kept["with_a_decoy"];
    let mut bytes = unhex(&kept["head"]);
    bytes.resize(65_536, 0);
    let file = KeyFile::parse(&bytes).expect("a key file");
    let decoy = file.unlock(kept["passphrase_utf8"].as_str().expect("text").as_bytes()).expect("it opens");
    assert_eq!((decoy.role(), decoy.store()), (Role::Decoy { destroys: true }, 1));
    assert_eq!(hex(decoy.root_key().secret().as_bytes()), kept["root_key"]);
    let (own_at, own) = slot_of(&kept["slot_of_the_passphrase"]);
    let (decoy_at, plain) = slot_of(&kept["slot_of_the_decoy"]);
    assert_eq!((own[0], own[1], usize::from(own[2]), own[3]), (1, 4, decoy_at, 0));
    assert_eq!((plain[0], plain[1], plain[3]), (1, 3, 1));
    assert!(plain[2] < 8 && ![own_at, decoy_at].contains(&usize::from(plain[2])));
    assert_eq!(plain[4..36], *decoy.root_key().secret().as_bytes());
    assert_eq!(own[100..116], [&0_u64.to_be_bytes()[..], &1_234_567_u64.to_be_bytes()].concat());
    assert!(own[116..].iter().chain(&plain[116..]).all(|byte| *byte == 0));
}

fn slot_of(kept: &Value) -> (usize, Vec<u8>) {
    (kept["slot"].as_u64().expect("a number") as usize, unhex(&kept["plain"]))
}

/// Opens a slot by chapter 13 alone, with the cost of tests: 8 KiB, one pass.
fn book_slot(head: &[u8], passphrase: &[u8], place: usize) -> Option<Vec<u8>> {
    let kek: [u8; 32] = book_derive("M1/vault/kek/1", &book_stretch(passphrase, &head[..32]), &[]);
    let sealed = &head[48 + place * 256..48 + (place + 1) * 256];
    book_open(&kek, &framed("M1/vault/slot/1", &[&head[..48], &[place as u8]]), sealed)
}

/// Argon2id at the cost of tests.
fn book_stretch(passphrase: &[u8], salt: &[u8]) -> [u8; 32] {
    let params = argon2::Params::new(8, 1, 1, Some(32)).expect("allowed");
    let argon = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let mut stretched = [0; 32];
    argon.hash_password_into(passphrase, salt, &mut stretched).expect("8 KiB of memory");
    stretched
}

/// XChaCha20-Poly1305 with the nonce before the rest.
fn book_open(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, msg) = sealed.split_first_chunk::<24>()?;
    XChaCha20Poly1305::new(&(*key).into()).decrypt(&(*nonce).into(), Payload { msg, aad }).ok()
}

#[test]
fn tree() {
    let rng = &mut rng(10);
    let key = NodeKey::new(Secret32::new([7; 32]));
    let id = NodeId { level: 1, index: 5 };
    let node = Node::random(rng);
    let sealed = seal_node(&key, id, &node, rng);
    let leaf = LeafKey::new(Secret32::new([9; 32]));
    let record = |len: usize, rng: &mut ChaCha20Rng| {
        let content: Vec<u8> = (0..len).map(|at| at as u8).collect();
        hex(seal_record(&leaf, b"where it belongs", &content, rng))
    };
    let kept = pinned(
        "tree.json",
        json!({
            "about": "A node of the key tree, and two records of counting bytes under one leaf.",
            "node_key": hex([7; 32]),
            "node_level": 1,
            "node_index": 5,
            "sealed_node": hex(&sealed),
            "child_keys_sha256": hex(Sha256::digest(
                (0..64).flat_map(|at| *node.child(at).secret().as_bytes()).collect::<Vec<u8>>(),
            )),
            "leaf_key": hex([9; 32]),
            "aad_utf8": "where it belongs",
            "record_of_5_bytes": record(5, rng),
            "record_of_64_bytes": record(64, rng),
        }),
    );
    let sealed = unhex(&kept["sealed_node"]);
    assert_eq!(sealed.len(), 2_088);
    let aad = [&b"M1/node/1"[..], &[1], &5_u32.to_be_bytes()].concat();
    let keys = book_open(&[7; 32], &aad, &sealed).expect("opened by the page alone");
    assert_eq!(hex(Sha256::digest(&keys)), kept["child_keys_sha256"]);
    let node = open_node(&key, id, &sealed).expect("it opens");
    assert_eq!(node.leaf(63).secret().as_bytes()[..], keys[63 * 32..]);
    assert!(open_node(&key, NodeId { level: 0, index: 5 }, &sealed).is_err(), "it stands nowhere else");
    for (name, len, padded) in [("record_of_5_bytes", 5, 64), ("record_of_64_bytes", 64, 128)] {
        let sealed = unhex(&kept[name]);
        let plain = book_open(&[9; 32], b"where it belongs", &sealed).expect("opened by the page alone");
        let mut by_hand: Vec<u8> = (0..len).collect();
        by_hand.push(0x80);
        by_hand.resize(padded, 0);
        assert_eq!(plain, by_hand, "{name}");
        let record = open_record(&leaf, b"where it belongs", &sealed).expect("it opens");
        assert_eq!(record[..], by_hand[..usize::from(len)]);
    }
}

#[test]
fn backup() {
    let rng = &mut rng(9);
    let (words, drawn) = BackupSecret::words(false, rng);
    let (korean, _) = BackupSecret::words(true, rng);
    let secret = BackupSecret::typed("바다의 길").expect("a passphrase");
    let (head, mut sealer) = Sealer::new(&secret, Cost::for_tests(), rng).expect("8 KiB of memory");
    let (mut first, mut last) = (vec![1u8; CHUNK_BYTES], vec![2u8; CHUNK_BYTES]);
    sealer.next(&mut first);
    sealer.last(&mut last);
    let (words_head, _) = Sealer::new(&drawn, Cost::for_tests(), rng).expect("8 KiB of memory");
    let chunk = |sealed: &[u8]| {
        json!({
            "begins": hex(&sealed[..32]),
            "tag": hex(&sealed[CHUNK_BYTES..]),
            "sha256": hex(Sha256::digest(sealed)),
        })
    };
    let chunks = [chunk(&first), chunk(&last)];
    let kept = pinned(
        "backup.json",
        json!({
            "about": "Two chunks, of 65 536 bytes 01 and as many bytes 02, the second one the last; what is given of each is its first 32 bytes, its tag, and the hash of it all (SHA-256).",
            "passphrase_utf8": "바다의 길",
            "memory_kib": 8,
            "passes": 1,
            "head": hex(head),
            "chunks": chunks,
            "words": words.as_str(),
            "words_korean": korean.as_str(),
            "words_head": hex(words_head),
        }),
    );
    // Once more from the specification alone.
    let head = unhex(&kept["head"]);
    let mask: [u8; 16] = book_hash("M1/backup/cost/1", &[&head[..32]])[..16].try_into().expect("16 bytes");
    let cost: Vec<u8> = head[32..].iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
    assert_eq!(cost, [1, 1, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0]);
    let stretched = book_stretch("바다의 길".as_bytes(), &head[..32]);
    let stretched: [u8; 32] = book_derive("M1/backup/kek/1", &stretched, &[]);
    let key: [u8; 32] = book_derive("M1/backup/key/1", &stretched, &[&head]);
    let cipher = <chacha20poly1305::ChaCha20Poly1305 as chacha20poly1305::KeyInit>::new(&key.into());
    for (number, (byte, sealed)) in [(1u8, &first), (2, &last)].into_iter().enumerate() {
        let mut nonce = [0; 12];
        nonce[7..11].copy_from_slice(&(number as u32).to_be_bytes());
        nonce[11] = u8::from(number == 1);
        let plain = chacha20poly1305::aead::Aead::decrypt(&cipher, &nonce.into(), sealed.as_slice());
        assert_eq!(plain.expect("it opens"), vec![byte; CHUNK_BYTES]);
    }
    assert!(BackupSecret::typed(kept["words"].as_str().expect("text")).is_ok());
    assert!(Opener::new(&head.try_into().expect("a head"), &secret).is_ok());
}
