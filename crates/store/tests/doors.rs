//! Who is let in, what is refused, and what stands on disk for others to see.

mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::thief::steal;
use common::{BY_NAME, BY_RECORD, BY_RUN, PASSPHRASE, SHARED, files, rng, small};
use crypto::key::Secret32;
use crypto::vault::{Cost, KeyFile, VaultError};
use madang_store::{OpenError, OpenReport, Options, Role, SealedStore, wipe};
use proto::store::{Batch, Direction, Store, StoreError};

fn create(folder: &Path) -> SealedStore {
    SealedStore::create(folder, PASSPHRASE, Cost::for_tests(), small(), &mut rng(1)).expect("a new store")
}

#[test]
fn one_process_at_a_time() {
    let folder = common::folder();
    let store = create(folder.path());
    let second = SealedStore::open(folder.path(), PASSPHRASE, small());
    assert_eq!(second.err(), Some(OpenError::Busy));
    drop(store);
    assert!(SealedStore::open(folder.path(), PASSPHRASE, small()).is_ok());
}

#[test]
fn each_wrong_door_says_which_it_is() {
    let folder = common::folder();
    let none = SealedStore::open(folder.path(), PASSPHRASE, small());
    assert_eq!(none.err(), Some(OpenError::NoProfile));
    drop(create(folder.path()));
    let again = SealedStore::create(folder.path(), PASSPHRASE, Cost::for_tests(), small(), &mut rng(1));
    assert_eq!(again.err(), Some(OpenError::AlreadyThere));
    let wrong = SealedStore::open(folder.path(), b"another one", small());
    assert_eq!(wrong.err(), Some(OpenError::WrongPassphrase));
    let (_, report) =
        SealedStore::open(folder.path(), PASSPHRASE, small()).expect("nothing was changed by it");
    assert_eq!(report, OpenReport::default());
}

#[test]
fn a_new_passphrase_replaces_the_old_one() {
    let folder = common::folder();
    let mut store = create(folder.path());
    let mut batch = Batch::new();
    batch.put(&SHARED, b"n", 1, b"kept".to_vec());
    store.commit(batch).expect("small");
    store.change_passphrase(b"the new one").expect("the disk works");
    drop(store);
    let old = SealedStore::open(folder.path(), PASSPHRASE, small());
    assert_eq!(old.err(), Some(OpenError::WrongPassphrase));
    let (store, report) = SealedStore::open(folder.path(), b"the new one", small()).expect("it opens");
    assert_eq!(report, OpenReport::default());
    assert_eq!(store.get(&SHARED, b"n", 1), Ok(Some(b"kept".to_vec())));
}

#[test]
fn a_duress_passphrase_opens_a_store_of_its_own_and_leaves_the_first_as_it_is() {
    let folder = common::folder();
    let mut store = create(folder.path());
    put(&mut store, b"the real one");
    assert!(!store.has_duress());
    assert_eq!(
        store.create_duress(PASSPHRASE, false).err(),
        Some(OpenError::Vault(VaultError::PassphraseInUse))
    );
    let mut decoy = store.create_duress(b"under duress", false).expect("the disk works");
    put(&mut decoy, b"what is to be seen");
    decoy.close().expect("the disk works");
    // Both write the key file after that, each its own slot.
    put(&mut store, b"the real one, later");
    put(&mut store, b"the real one, latest");
    store.close().expect("the disk works");

    for _ in 0..2 {
        let (mut decoy, report) = open(folder.path(), b"under duress").expect("it opens");
        assert_eq!(report, OpenReport::default());
        assert_eq!(decoy.role(), Role::Decoy { destroys: false });
        assert!(!decoy.has_duress());
        assert_eq!(read(&decoy), Some(b"what is to be seen".to_vec()));
        put(&mut decoy, b"what is to be seen");
        drop(decoy);
        let (store, report) = open(folder.path(), PASSPHRASE).expect("it opens");
        assert_eq!((report, store.role()), (OpenReport::default(), Role::Own));
        assert!(store.has_duress());
        assert_eq!(read(&store), Some(b"the real one, latest".to_vec()));
    }

    let (mut store, _) = open(folder.path(), PASSPHRASE).expect("it opens");
    store.remove_duress().expect("the disk works");
    assert!(!store.has_duress() && !folder.path().join("1").exists());
    drop(store);
    assert_eq!(open(folder.path(), b"under duress").err(), Some(OpenError::WrongPassphrase));
    assert_eq!(
        read(&open(folder.path(), PASSPHRASE).expect("it opens").0),
        Some(b"the real one, latest".to_vec())
    );
}

#[test]
fn a_duress_passphrase_that_destroys_leaves_nothing_of_the_rest() {
    let folder = common::folder();
    let mut store = create(folder.path());
    let needle = b"a needle that only the real one holds";
    put(&mut store, needle);
    let mut decoy = store.create_duress(b"under duress", true).expect("the disk works");
    put(&mut decoy, b"what is to be seen");
    drop(decoy);
    drop(store);
    let before: Vec<_> = files(folder.path()).into_iter().map(|(_, bytes)| bytes).collect();
    assert_eq!(steal(&before, PASSPHRASE, None).count(&before, &[needle.to_vec()]), 1);

    let (decoy, _) = open(folder.path(), b"under duress").expect("it opens");
    assert_eq!(read(&decoy), Some(b"what is to be seen".to_vec()));
    drop(decoy);
    assert_eq!(open(folder.path(), PASSPHRASE).err(), Some(OpenError::WrongPassphrase));
    // Also who had copied the log before has no key for it.
    let after: Vec<_> = files(folder.path()).into_iter().map(|(_, bytes)| bytes).collect();
    let logs = before.iter().filter(|bytes| bytes.len() != crypto::vault::KEY_FILE_BYTES);
    let all: Vec<_> = after.iter().chain(logs).cloned().collect();
    assert_eq!(steal(&all, PASSPHRASE, None).count(&all, &[needle.to_vec()]), 0);
    assert!(
        files(folder.path()).iter().all(|(path, _)| path.parent() != Some(folder.path()) || !is_log(path))
    );
    let (decoy, report) = open(folder.path(), b"under duress").expect("it opens again");
    assert_eq!(report, OpenReport::default());
    assert_eq!(read(&decoy), Some(b"what is to be seen".to_vec()));
}

#[test]
fn a_wipe_takes_the_keys_of_a_profile_that_is_open_and_writing() {
    for round in 0..6 {
        let folder = common::folder();
        let options = Options { head_commits: 1, shred_commits: 1, ..Options::default() };
        let mut store =
            SealedStore::create(folder.path(), PASSPHRASE, Cost::for_tests(), options, &mut rng(1))
                .expect("new");
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let writer = std::thread::spawn(move || {
            // Every commit replaces the key file, until an error says that it is gone.
            while !told.load(Ordering::SeqCst) {
                let mut batch = Batch::new();
                batch.put(&BY_RECORD, b"n", 1, vec![1; 100]);
                if store.commit(batch).is_err() {
                    break;
                }
            }
        });
        std::thread::sleep(std::time::Duration::from_millis(round * 7));
        let wiped = wipe(folder.path()).expect("the keys are gone");
        stop.store(true, Ordering::SeqCst);
        writer.join().expect("an error and no panic");
        if wiped.is_empty {
            // The writer had heard of it before the last names went, and kept none of them.
            assert!(!folder.path().exists());
            continue;
        }
        for (path, bytes) in files(folder.path()) {
            assert!(KeyFile::parse(&bytes).is_err(), "{}", path.display());
        }
        assert!(!SealedStore::is_in(folder.path()));
        assert_eq!(open(folder.path(), PASSPHRASE).err(), Some(OpenError::NoProfile));
        // With nobody in it, a second wipe takes the last names too.
        assert!(wipe(folder.path()).expect("nothing is left to protect").is_empty);
        assert!(!folder.path().exists());
    }
}

#[test]
fn a_wipe_waits_for_no_program_that_hangs_while_it_holds_the_profile() {
    let folder = common::folder();
    let mut store = create(folder.path());
    put(&mut store, b"what it was");
    // It is in the midst of replacing the key file, and stays there for good.
    let held = fs::File::open(folder.path()).expect("readable");
    held.lock().expect("nobody else holds it");
    wipe(folder.path()).expect("the keys are gone");
    assert!(!SealedStore::is_in(folder.path()));
    drop((held, store));
    assert_eq!(open(folder.path(), PASSPHRASE).err(), Some(OpenError::NoProfile));
}

#[test]
fn a_wipe_without_a_profile_says_so() {
    let folder = common::folder();
    assert_eq!(wipe(folder.path()).err().map(|error| error.kind()), Some(std::io::ErrorKind::NotFound));
    drop(create(folder.path()));
    assert!(wipe(folder.path()).expect("it was there").is_empty);
}

fn open(folder: &Path, passphrase: &[u8]) -> Result<(SealedStore, OpenReport), OpenError> {
    SealedStore::open(folder, passphrase, small())
}

fn put(store: &mut SealedStore, value: &[u8]) {
    let mut batch = Batch::new();
    batch.put(&BY_RECORD, b"n", 1, value.to_vec());
    store.commit(batch).expect("small");
}

fn read(store: &SealedStore) -> Option<Vec<u8>> {
    store.get(&BY_RECORD, b"n", 1).expect("it can be read")
}

fn is_log(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "log")
}

#[test]
fn a_seed_opens_what_a_seed_made() {
    let folder = common::folder();
    let seed = Secret32::new([9; 32]);
    drop(SealedStore::create_with_seed(folder.path(), &seed, small(), &mut rng(1)).expect("a new store"));
    assert!(SealedStore::open_with_seed(folder.path(), &seed, small()).is_ok());
    let other = SealedStore::open_with_seed(folder.path(), &Secret32::new([8; 32]), small());
    assert_eq!(other.err(), Some(OpenError::WrongPassphrase));
}

#[test]
fn a_batch_of_a_hundred_thousand_small_changes_is_one_commit() {
    let folder = common::folder();
    let mut store = create(folder.path());
    let mut batch = Batch::new();
    (0..50_000).for_each(|order| batch.put(&BY_RECORD, b"many", order, vec![7; 40]));
    assert_eq!(store.commit(batch), Ok(()));
    let mut batch = Batch::new();
    (0..50_000).for_each(|order| batch.delete(&BY_RECORD, b"many", order));
    (0..50_000).for_each(|order| batch.put(&BY_RECORD, b"others", order, vec![8; 40]));
    assert_eq!(store.commit(batch), Ok(()));
    assert_eq!(store.get(&BY_RECORD, b"many", 49_999), Ok(None));
    assert_eq!(store.get(&BY_RECORD, b"others", 49_999), Ok(Some(vec![8; 40])));
}

#[test]
fn what_breaks_a_limit_changes_nothing() {
    let folder = common::folder();
    let mut store = create(folder.path());
    let mut batch = Batch::new();
    batch.put(&SHARED, b"small", 1, vec![1]);
    batch.put(&SHARED, b"large", 1, vec![0; 64 * 1024 + 1]);
    assert_eq!(store.commit(batch), Err(StoreError::TooLarge));
    let mut huge = Batch::new();
    for order in 0..1_100 {
        huge.put(&SHARED, b"many", order, vec![0; 64 * 1024]);
    }
    assert_eq!(store.commit(huge), Err(StoreError::TooLarge));
    assert_eq!(store.get(&SHARED, b"small", 1), Ok(None));
    let mut batch = Batch::new();
    batch.put(&SHARED, &[0; 64], u64::MAX, vec![0; 64 * 1024]);
    assert_eq!(store.commit(batch), Ok(()), "the limits themselves are fine");
    drop(store);
    let (store, _) = SealedStore::open(folder.path(), PASSPHRASE, small()).expect("it opens");
    assert_eq!(store.get(&SHARED, &[0; 64], u64::MAX), Ok(Some(vec![0; 64 * 1024])));
}

#[test]
fn tables_of_an_older_version_are_brought_up_to_date_once() {
    fn doubled(store: &dyn Store) -> Result<Batch, StoreError> {
        let mut batch = Batch::new();
        for (order, value) in store.range(&SHARED, b"n", 0..=9, Direction::Ascending, 9)? {
            batch.put(&SHARED, b"n", order, [value.clone(), value].concat());
        }
        Ok(batch)
    }
    let folder = common::folder();
    let mut store = create(folder.path());
    let mut batch = Batch::new();
    batch.put(&SHARED, b"n", 1, b"ab".to_vec());
    store.commit(batch).expect("small");
    drop(store);
    let newer = Options { migrations: &[doubled], ..small() };
    for _ in 0..2 {
        let (store, _) = SealedStore::open(folder.path(), PASSPHRASE, newer.clone()).expect("it opens");
        assert_eq!(store.get(&SHARED, b"n", 1), Ok(Some(b"abab".to_vec())));
    }
    let older = SealedStore::open(folder.path(), PASSPHRASE, small());
    assert_eq!(older.err(), Some(OpenError::Newer { found: 2, known: 1 }));
}

#[test]
fn no_file_says_anything_in_any_encoding() {
    let folder = common::folder();
    let mut store = create(folder.path());
    let needles: [&[u8]; 4] = [b"Frau Holle, Berlin", b"the bridge is open at nine", PASSPHRASE, b"shared"];
    for order in 0..300 {
        let mut batch = Batch::new();
        for table in [&SHARED, &BY_NAME, &BY_RECORD, &BY_RUN] {
            batch.put(table, needles[0], order, needles[1].repeat(3));
        }
        store.commit(batch).expect("small");
    }
    store.close().expect("the disk works");
    let found = files(folder.path());
    assert!(found.len() > 4);
    for (path, bytes) in &found {
        let name = path.to_string_lossy().to_lowercase();
        for needle in needles {
            for form in forms(needle) {
                let hit = bytes.windows(form.len()).any(|window| window == form);
                assert!(!hit && !name.contains(&*String::from_utf8_lossy(&form)), "{} tells", path.display());
            }
        }
    }
}

/// A text as it could be hidden: raw, hex, base64 at each of its three offsets, UTF-16 in both orders.
fn forms(text: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = text.iter().map(|byte| format!("{byte:02x}")).collect();
    let wide = |order: fn(u16) -> [u8; 2]| text.iter().flat_map(|byte| order(u16::from(*byte))).collect();
    let mut forms = vec![text.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    forms.push(wide(u16::to_le_bytes));
    forms.push(wide(u16::to_be_bytes));
    for skip in 0..3 {
        forms.push(base64(&text[skip..text.len() - (text.len() - skip) % 3]));
    }
    forms
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |group: u32, shift: u32| DIGITS[(group >> shift & 63) as usize];
    let triples = bytes.chunks_exact(3).map(|three| u32::from_be_bytes([0, three[0], three[1], three[2]]));
    triples.flat_map(|group| [18, 12, 6, 0].map(|shift| digit(group, shift))).collect()
}

#[test]
fn key_file_and_segments_look_random_from_end_to_end() {
    let folder = common::folder();
    let mut store = create(folder.path());
    for order in 0..200 {
        let mut batch = Batch::new();
        batch.put(&BY_RUN, b"zeros", order, vec![0; 2_000]);
        store.commit(batch).expect("small");
    }
    store.close().expect("the disk works");
    let mut blocks = 0;
    for (path, bytes) in files(folder.path()) {
        let is_ours = path.extension().is_some_and(|end| end == "log") || path.ends_with("key");
        if !is_ours {
            continue;
        }
        assert_eq!(bytes.len() % 4_096, 0);
        for (at, block) in bytes.chunks(4_096).enumerate() {
            let score = chi_square(block);
            // 255 degrees of freedom: mean 255, deviation 22.6. Seven deviations leave chance out.
            assert!((100.0..415.0).contains(&score), "{} block {at}: {score}", path.display());
            blocks += 1;
        }
        let score = chi_square(&bytes);
        assert!((100.0..415.0).contains(&score), "{} as a whole: {score}", path.display());
    }
    assert!(blocks > 200);
    assert_eq!(fs::read(folder.path().join("lock")).expect("the lock").len(), 0);
}

fn chi_square(bytes: &[u8]) -> f64 {
    let mut counts = [0.0_f64; 256];
    bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1.0);
    let expected = bytes.len() as f64 / 256.0;
    counts.iter().map(|count| (count - expected).powi(2) / expected).sum()
}

#[test]
fn what_the_store_prints_of_itself_is_its_kind() {
    let folder = common::folder();
    assert_eq!(format!("{:?}", create(folder.path())), "SealedStore");
}
