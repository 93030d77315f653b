//! Key files and records that were damaged, swapped or opened with the wrong words.

use crypto::{
    Secret32,
    tree::{
        LeafKey, Node, NodeId, NodeKey, SEALED_NODE_BYTES, TreeError, open_node, open_record, seal_node,
        seal_record, sealed_record_len,
    },
    vault::{
        BLOCK_BYTES, BLOCK_PAYLOAD, BlockSealer, Cost, KEY_FILE_BYTES, KeyFile, Role, Vault, VaultError,
    },
};

use crate::common::rng;

fn file() -> (KeyFile, Vault) {
    KeyFile::create(b"correct horse", Cost::for_tests(), &mut rng(80)).expect("8 KiB of memory")
}

#[test]
fn the_right_words_open_the_vault_and_no_others() {
    let (file, vault) = file();
    let read = KeyFile::parse(file.bytes()).expect("just written");
    assert_eq!(file.bytes().len(), KEY_FILE_BYTES);
    assert_eq!((file.cost(), read.cost()), (Cost::for_tests(), Cost::for_tests()));
    assert!(read.unlock(b"correct horse").expect("the right words") == vault);
    for wrong in [b"".as_slice(), b"correct horse ", b"Correct horse"] {
        assert_eq!(read.unlock(wrong), Err(VaultError::WrongPassphrase));
    }
}

#[test]
fn a_rewritten_key_file_keeps_the_new_state_and_the_other_slots_byte_for_byte() {
    let (mut file, mut vault) = file();
    let before = file.bytes().to_vec();
    vault.set_head(42);
    vault.set_root_key(NodeKey::random(&mut rng(81)));
    file.update(&vault, &mut rng(82)).expect("its own file");
    assert_eq!(changed(&before, file.bytes()), 1);
    assert_eq!(before[..48], file.bytes()[..48]);
    let opened = file.unlock(b"correct horse").expect("the right words");
    assert!(opened == vault && opened.head() == 42 && opened.generation() == 1);
}

#[test]
fn a_new_passphrase_takes_the_old_ones_place() {
    let (mut file, mut vault) = file();
    file.change_passphrase(&mut vault, b"new words", &mut rng(83)).expect("its own file");
    assert_eq!(file.unlock(b"correct horse"), Err(VaultError::WrongPassphrase));
    let opened = file.unlock(b"new words").expect("the right words");
    assert!(opened.root_key() == vault.root_key());
    vault.set_head(7);
    file.update(&vault, &mut rng(84)).expect("its own file");
    assert_eq!(file.unlock(b"new words").expect("the right words").head(), 7);
}

#[test]
fn a_decoy_lives_in_the_slot_set_aside_and_opens_by_its_own_words() {
    for seed in 0..40 {
        let rng = &mut rng(seed);
        let (mut file, mut own) = KeyFile::create(b"own", Cost::for_tests(), rng).expect("8 KiB");
        let before = file.bytes().to_vec();
        assert_eq!(file.add_decoy(&mut own, b"own", false, rng), Err(VaultError::PassphraseInUse));
        assert_eq!(file.bytes(), before);
        let decoy = file.add_decoy(&mut own, b"decoy", seed % 2 == 0, rng).expect("memory");
        let opened = file.unlock(b"decoy").expect("the decoy's words");
        assert!(opened == decoy && opened.role() == Role::Decoy { destroys: seed % 2 == 0 });
        assert_eq!((opened.store(), opened.has_decoy()), (1, false));
        let opened = file.unlock(b"own").expect("the own words");
        assert!(opened == own && opened.role() == Role::Own && opened.has_decoy());
        assert_eq!((changed(&before, file.bytes()), opened.store()), (2, 0));
        assert!(
            decoy.root_key() != own.root_key()
                && decoy.name_key().blind(1, b"a") != own.name_key().blind(1, b"a")
        );
        assert_eq!(file.change_passphrase(&mut own, b"decoy", rng), Err(VaultError::PassphraseInUse));

        // Another decoy takes the place of the first, and a decoy of the decoy takes neither slot.
        let mut decoy = file.add_decoy(&mut own, b"other", false, rng).expect("memory");
        assert_eq!(file.unlock(b"decoy"), Err(VaultError::WrongPassphrase));
        assert_eq!(file.add_decoy(&mut decoy, b"third", false, rng).expect("memory").store(), 2);
        assert!([&b"own"[..], b"other", b"third"].iter().all(|words| file.unlock(words).is_ok()));
        file.remove_decoy(&mut own, rng).expect("its own file");
        assert_eq!(file.unlock(b"other"), Err(VaultError::WrongPassphrase));
        assert!(!file.unlock(b"own").expect("the own words").has_decoy());
    }
}

#[test]
fn erasing_the_others_leaves_one_vault() {
    let rng = &mut rng(89);
    let (mut file, mut own) = file();
    let decoy = file.add_decoy(&mut own, b"decoy", true, rng).expect("memory");
    let before = file.bytes().to_vec();
    file.erase_others(&decoy, rng).expect("its own file");
    assert_eq!(changed(&before, file.bytes()), 7);
    assert!(file.unlock(b"decoy").expect("the decoy's words") == decoy);
    assert_eq!(file.unlock(b"correct horse"), Err(VaultError::WrongPassphrase));
}

#[test]
fn a_copy_of_the_file_gives_its_other_slots_and_no_other_file_does() {
    let rng = &mut rng(90);
    let (mut file, mut own) = file();
    let mut newer = file.clone();
    newer.add_decoy(&mut own, b"decoy", false, rng).expect("memory");
    let mine = own.clone();
    file.update(&mine, rng).expect("its own file");
    file.take_other_slots(&newer, &mine).expect("a copy");
    assert!(file.unlock(b"decoy").is_ok() && file.unlock(b"correct horse").expect("own") == mine);
    let (other, _) = KeyFile::create(b"x", Cost::for_tests(), rng).expect("memory");
    assert_eq!(file.take_other_slots(&other, &mine), Err(VaultError::OtherKeyFile));
}

/// How many slots two states of a file differ in.
fn changed(before: &[u8], after: &[u8]) -> usize {
    let slot = |bytes: &[u8], at: usize| bytes[48 + at * 256..48 + (at + 1) * 256].to_vec();
    (0..8).filter(|at| slot(before, *at) != slot(after, *at)).count()
}

#[test]
fn a_vault_is_not_written_into_anothers_key_file() {
    let (mut file, mut vault) = file();
    let (_, mut other) = KeyFile::create(b"correct horse", Cost::for_tests(), &mut rng(85)).expect("memory");
    let before = file.bytes().to_vec();
    assert_eq!(file.update(&other, &mut rng(86)), Err(VaultError::OtherKeyFile));
    assert_eq!(file.change_passphrase(&mut other, b"x", &mut rng(86)), Err(VaultError::OtherKeyFile));
    let mut seeded = Vault::from_seed(&Secret32::new([1; 32]));
    assert_eq!(file.update(&seeded, &mut rng(86)), Err(VaultError::OtherKeyFile));
    seeded.set_head(1);
    assert_eq!(file.bytes(), before);
    vault.set_head(1);
    assert_eq!(file.update(&vault, &mut rng(86)), Ok(()));
}

#[test]
fn every_damaged_byte_that_matters_is_noticed() {
    let (file, _) = file();
    let open = |bytes: &[u8]| KeyFile::parse(bytes)?.unlock(b"correct horse").map(drop);
    // A cost that became huge would cost time, not safety: parse bounds it; here only the 16 masked bytes' fixed part.
    for at in (0..32).chain([32, 33, 34, 35, 44, 45, 46, 47]) {
        let mut damaged = file.bytes().to_vec();
        damaged[at] ^= 1;
        assert!(open(&damaged).is_err(), "byte {at}");
    }
    let opening = (0..8)
        .filter(|slot| {
            let mut damaged = file.bytes().to_vec();
            damaged[48 + slot * 256 + 100] ^= 1;
            open(&damaged).is_err()
        })
        .count();
    assert_eq!(opening, 1, "only the slot that is used matters, the other seven are noise");
    let mut filler = file.bytes().to_vec();
    filler[60_000] ^= 1;
    assert_eq!(open(&filler), Ok(()));
}

#[test]
fn what_is_no_key_file_is_refused_before_any_derivation() {
    for bytes in [vec![], vec![0; KEY_FILE_BYTES - 1], vec![0; KEY_FILE_BYTES + 1], vec![0; KEY_FILE_BYTES]] {
        assert_eq!(KeyFile::parse(&bytes), Err(VaultError::NotAKeyFile));
    }
}

#[test]
fn a_key_file_looks_like_noise_in_every_part() {
    // All 256 byte values come up nearly evenly in each part of many files: no field stays put.
    let mut ones = vec![0u32; 48 * 8];
    let files = 200u8;
    for seed in 0..files {
        let (file, _) = KeyFile::create(b"x", Cost::for_tests(), &mut rng(seed)).expect("memory");
        for (at, count) in ones.iter_mut().enumerate() {
            *count += u32::from(file.bytes()[at / 8] >> (at % 8) & 1);
        }
    }
    // 200 fair coins stay between 60 and 140 with all but certainty (more than five deviations away).
    assert!(ones.iter().all(|count| (60..=140).contains(count)), "{ones:?}");
}

#[test]
fn a_block_opens_only_at_its_place_in_its_segment() {
    let (_, vault) = file();
    let sealer = BlockSealer::new(&vault.segment_key(&[1; 32]));
    let mut block = [0u8; BLOCK_BYTES];
    block[..BLOCK_PAYLOAD].fill(0x77);
    let plain = block;
    sealer.seal_block(9, &mut block);
    assert_ne!(block[..64], plain[..64]);
    let sealed = block;
    assert_eq!(sealer.open_block(9, &mut block), Ok(()));
    assert_eq!(block[..BLOCK_PAYLOAD], plain[..BLOCK_PAYLOAD]);
    let refused = |sealer: &BlockSealer, number, mut block: [u8; BLOCK_BYTES]| {
        sealer.open_block(number, &mut block) == Err(VaultError::Unreadable)
    };
    assert!(refused(&sealer, 8, sealed));
    assert!(refused(&BlockSealer::new(&vault.segment_key(&[2; 32])), 9, sealed));
    for at in [0, 4_079, 4_080, 4_095] {
        let mut changed = sealed;
        changed[at] ^= 1;
        assert!(refused(&sealer, 9, changed));
    }
}

#[test]
fn a_node_opens_only_as_itself_and_a_renewed_key_is_a_new_key() {
    let rng = &mut rng(87);
    let (key, mut node) = (NodeKey::random(rng), Node::random(rng));
    let id = NodeId { level: 1, index: 5 };
    let sealed = seal_node(&key, id, &node, rng);
    assert_eq!(sealed.len(), SEALED_NODE_BYTES);
    assert!(open_node(&key, id, &sealed).expect("ours") == node);
    for wrong in [NodeId { level: 0, index: 5 }, NodeId { level: 1, index: 4 }] {
        assert_eq!(open_node(&key, wrong, &sealed), Err(TreeError::Unreadable));
    }
    assert!(open_node(&NodeKey::random(rng), id, &sealed).is_err());
    assert!(open_node(&key, id, &sealed[1..]).is_err());
    let (before, neighbour) = (node.leaf(63), node.leaf(62));
    node.renew(63, rng);
    assert!(node.leaf(63) != before && node.leaf(62) == neighbour);
    assert_eq!(NodeId::of_leaf(64 * 200 + 7), (NodeId { level: 0, index: 200 }, 7));
    assert_eq!(NodeId { level: 0, index: 200 }.parent(), (NodeId { level: 1, index: 3 }, 8));
}

#[test]
fn a_record_opens_only_under_its_leaf_and_at_its_place() {
    let rng = &mut rng(88);
    let leaf = LeafKey::random(rng);
    for len in [0, 1, 62, 63, 64, 65, 400, 4_096] {
        let record = vec![0x80; len];
        let sealed = seal_record(&leaf, b"place", &record, rng);
        assert_eq!(sealed.len(), sealed_record_len(len));
        assert_eq!((sealed.len() - 40) % 64, 0);
        assert_eq!(*open_record(&leaf, b"place", &sealed).expect("ours"), record);
        assert!(open_record(&leaf, b"other place", &sealed).is_err());
        assert!(open_record(&LeafKey::random(rng), b"place", &sealed).is_err());
        assert!(open_record(&leaf, b"place", &sealed[..sealed.len() - 1]).is_err());
    }
    assert!(open_record(&leaf, b"place", &[0; 39]).is_err());
}

#[test]
fn names_are_blinded_by_table_and_by_profile() {
    let (_, vault) = file();
    let key = vault.name_key();
    assert_eq!(key.blind(1, b"ari"), vault.name_key().blind(1, b"ari"));
    assert_ne!(key.blind(1, b"ari"), key.blind(2, b"ari"));
    assert_ne!(key.blind(1, b"ari"), key.blind(1, b"bora"));
    let other = Vault::from_seed(&Secret32::new([9; 32]));
    assert_ne!(key.blind(1, b"ari"), other.name_key().blind(1, b"ari"));
    assert!(other == Vault::from_seed(&Secret32::new([9; 32])));
    assert!(vault.fixed_key("one") != vault.fixed_key("other"));
}
