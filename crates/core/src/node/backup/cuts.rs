//! The power goes while a backup is written, and while a profile is restored: at every write, on a modelled disk that
//! drops, tears and exchanges what was not synced.

use std::ops::Range;
use std::sync::Arc;

use crypto::vault::Cost;
use minicbor::bytes::ByteVec;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use store::disk::ModelDisk;
use tempfile::TempDir;

use super::*;
use crate::contact::ContactRecord;
use crate::content::ConversationId;
use crate::conversation::{Conversation, encode};

const WORDS: &[u8] = b"lamp";

/// A folder in memory where there is one: these tests model the disk and need not wait for a real one.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let found = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    found.expect("a folder for a test")
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn options() -> Options {
    Options { in_background: false, ..Options::default() }
}

fn secret() -> BackupSecret {
    BackupSecret::typed("a plank over the stream").expect("a passphrase")
}

fn sealer() -> ([u8; HEAD_BYTES], Sealer) {
    Sealer::new(&secret(), Cost::for_tests(), &mut rand::rng()).expect("little memory")
}

/// The owner of a profile and a contact, with whom nothing was said yet.
fn profile(disk: &ModelDisk, index: &Path) -> SealedStore {
    let shared = Arc::new(disk.clone());
    let mut store = SealedStore::create_on(shared, index, WORDS, options(), &mut rng(1)).expect("new");
    let mut batch = Batch::new();
    let mut overlay = Overlay::new(&store, &mut batch);
    Engine::create("Ari", &mut overlay, &mut rng(2));
    let contact = ContactRecord::met(Some(1));
    overlay.put(&tables::CONTACT, b"", 1, encode(&contact));
    overlay.put(&tables::CONVERSATION, b"", 1, encode(&Conversation::new(ConversationId([1; 16]), 1)));
    store.commit(batch).expect("the disk works");
    store
}

/// Messages of 20 KiB at these places of the conversation.
fn say(store: &mut SealedStore, places: Range<u64>) {
    for place in places {
        let content: Vec<u8> = {
            let mut rng = rng(place);
            (0..20 << 10).map(|_| rng.random()).collect()
        };
        let record = (true, false, false, None::<u64>, ByteVec::from(content));
        let mut batch = Batch::new();
        batch.put(&tables::MESSAGE, &tables::name(1), place, encode(&record));
        store.commit(batch).expect("the disk works");
    }
}

/// All that a backup of this store would hold, but for the number that leaps when it is restored.
fn held(store: &SealedStore) -> Vec<Kept> {
    let mut all = Vec::new();
    let done = Engine::back_up(&Overlay::new(store, &mut Batch::new()), |kept| {
        if (kept.table, kept.order) != (tables::ME.id, crate::engine::ME_COUNTERS) {
            all.push(kept);
        }
        Ok::<_, StoreError>(())
    });
    done.expect("a profile");
    all
}

/// What a backup of these bytes makes of a new machine.
fn restored(bytes: &[u8]) -> Vec<Kept> {
    let home = folder();
    let (file, place) = (home.path().join("backup"), home.path().join("profile"));
    fs::write(&file, bytes).expect("written");
    restore(&file, &secret(), &place, WORDS, Cost::for_tests()).expect("it is whole");
    held(&SealedStore::open(&place, WORDS, options()).expect("it opens").0)
}

fn loads(store: &SealedStore) -> Result<(), StoreError> {
    let now = Now { moment: Moment(0), label_ms: None };
    Engine::load(now, &Overlay::new(store, &mut Batch::new())).map(drop)
}

/// Writes a backup to a modelled disk.
fn put(disk: &ModelDisk, store: &SealedStore) -> Result<(), TransferError> {
    let unfinished = Unfinished { folder: Path::new("/nowhere"), name: "backup.unfinished".into() };
    let place = |unfinished: &str| disk.rename(unfinished, "backup");
    let leave = Leave { is_there: &|| true, give_up: &GiveUp::default() };
    write_on(disk, &unfinished, &place, store, sealer(), &leave)
}

#[test]
fn a_power_cut_while_a_backup_is_written_leaves_the_old_one_or_the_new_one_and_the_profile_alone() {
    let (index, own_disk) = (folder(), ModelDisk::new());
    let mut store = profile(&own_disk, index.path());
    say(&mut store, 0..12);
    let empty = ModelDisk::new();
    let stick = ModelDisk::new();
    put(&stick, &store).expect("the stick works");
    let old = held(&store);
    say(&mut store, 12..15);
    let new = held(&store);
    let changes = own_disk.changes();
    for there in [Some(&stick), None] {
        let (mut olds, mut news, mut cut, mut done) = (0, 0, 0, false);
        while !done {
            for seed in 0..3 {
                let stick = there.unwrap_or(&empty).after_kill();
                stick.stop_after(cut);
                done = put(&stick, &store).is_ok();
                let found = stick.after_power_cut(&mut rng(cut * 3 + seed));
                let is_new = match found.read("backup").map(|bytes| restored(&bytes)) {
                    Some(found) if found == new => true,
                    Some(found) => {
                        assert!(there.is_some() && found == old, "cut {cut}: a third thing");
                        false
                    }
                    None => {
                        assert!(there.is_none(), "cut {cut}: the old one is gone");
                        false
                    }
                };
                assert!(is_new || !done, "cut {cut}: it was said to be written");
                olds += u32::from(!is_new);
                news += u32::from(is_new);
                // What was left lying about is no hindrance, and goes.
                put(&found, &store).expect("the stick works again");
                assert_eq!(found.list().expect("the stick works"), ["backup"], "cut {cut}");
            }
            cut += 1;
        }
        assert!(olds > 12 && news > 3, "{olds} of before, {news} new");
        println!("{} cuts while a backup was written: {olds} of before, {news} new", olds + news);
    }
    assert_eq!(own_disk.changes(), changes, "a backup changes nothing in its profile");
    drop(store);
    let found = Arc::new(own_disk.after_power_cut(&mut rng(3)));
    let (store, report) = SealedStore::open_on(found, index.path(), WORDS, options()).expect("it opens");
    assert!(!report.is_loss() && held(&store) == new);
}

#[test]
fn a_profile_that_is_wiped_while_its_backup_is_written_leaves_the_old_backup_or_none() {
    let (index, home) = (folder(), folder());
    let mut store = profile(&ModelDisk::new(), index.path());
    say(&mut store, 0..12);
    let (old, file) = (held(&store), home.path().join("backup"));
    for has_old in [false, true] {
        for looks in 0_usize.. {
            let left = std::cell::Cell::new(looks);
            let is_there = || left.replace(left.get().saturating_sub(1)) > 0;
            let done = write(&store, &file, sealer(), &is_there, &GiveUp::default());
            if done.is_ok() {
                assert!(looks > 3, "it looks often enough: {looks}");
                break;
            }
            assert!(matches!(done, Err(TransferError::Wiped)), "{done:?}");
            let names: Vec<_> = fs::read_dir(home.path()).expect("a folder").flatten().collect();
            assert_eq!(names.len(), usize::from(has_old), "nothing unfinished stays");
            assert!(!has_old || restored(&fs::read(&file).expect("written")) == old);
        }
    }
}

#[test]
fn a_backup_that_is_given_up_leaves_the_old_one_or_none_and_who_ends_the_process_leaves_nothing_unfinished() {
    let (index, home) = (folder(), folder());
    let mut store = profile(&ModelDisk::new(), index.path());
    say(&mut store, 0..12);
    let file = home.path().join("backup");
    let unfinished = home.path().join("backup.unfinished");
    for (has_old, at_once) in [(false, true), (false, false), (true, true), (true, false)] {
        for looks in 0_usize.. {
            let (left, give_up) = (std::cell::Cell::new(looks), GiveUp::default());
            let is_there = || {
                if left.replace(left.get().saturating_sub(1)) == 0 {
                    match at_once {
                        true => give_up.now(),
                        false => give_up.ask(),
                    }
                }
                assert_eq!(unfinished.exists(), !(give_up.is_asked() && at_once));
                true
            };
            let done = write(&store, &file, sealer(), &is_there, &give_up);
            let old = fs::read(&file).ok();
            assert!(!unfinished.exists());
            assert_eq!(old.is_some(), has_old || done.is_ok());
            if done.is_ok() {
                assert!(looks > 3, "it looks often enough: {looks}");
                give_up.now();
                assert!(file.exists(), "what is whole is nobody's to give up");
                let none = write(&store, &file, sealer(), &|| true, &give_up);
                assert!(matches!(none, Err(TransferError::GivenUp)), "until it is taken back");
                assert_eq!(fs::read(&file).ok(), old);
                give_up.reset();
                write(&store, &file, sealer(), &|| true, &give_up).expect("written again");
                break;
            }
            assert!(matches!(done, Err(TransferError::GivenUp)), "{done:?}");
        }
        if (has_old, at_once) == (false, true) {
            fs::remove_file(&file).expect("removed");
        }
    }
}

#[test]
fn a_power_cut_while_a_profile_is_restored_leaves_a_whole_one_or_none_that_opens() {
    let (index, home) = (folder(), folder());
    let mut store = profile(&ModelDisk::new(), index.path());
    say(&mut store, 0..12);
    let (wanted, file) = (held(&store), home.path().join("backup"));
    write(&store, &file, sealer(), &|| true, &GiveUp::default()).expect("the disk works");
    let bytes = fs::read(&file).expect("written");
    let (mut none, mut half, mut whole, mut cut, mut done) = (0, 0, 0, 0, false);
    while !done {
        for seed in 0..2 {
            let (index, disk) = (folder(), ModelDisk::new());
            disk.stop_after(cut);
            let shared = Arc::new(disk.clone());
            let make = || SealedStore::create_on(shared, index.path(), WORDS, options(), &mut rng(4));
            done = fill(&file, &secret(), make).is_ok();
            let found = match seed {
                0 => disk.after_kill(),
                _ => disk.after_power_cut(&mut rng(cut)),
            };
            match SealedStore::open_on(Arc::new(found), index.path(), WORDS, options()) {
                Err(_) => none += 1,
                Ok((store, report)) => match loads(&store) {
                    Err(error) => {
                        assert_eq!(error, crate::CORRUPT, "cut {cut}");
                        half += 1;
                    }
                    Ok(()) => {
                        assert!(!report.is_loss() && held(&store) == wanted, "cut {cut}: half of it opens");
                        whole += 1;
                        continue;
                    }
                },
            }
            assert!(!done, "cut {cut}: it was said to be restored");
        }
        cut += 1;
    }
    assert!(none > 0 && half > 4 && whole > 1, "{none} that do not open, {half} half, {whole} whole");
    assert!(fs::read(&file).expect("there") == bytes, "the backup is as it was");
    println!(
        "{} cuts while a profile was restored: {none} open nothing, {half} are said to be no profile, {whole} whole",
        none + half + whole
    );
}

#[test]
fn what_a_cut_has_left_beside_a_place_is_no_profile_and_no_hindrance() {
    let (index, home) = (folder(), folder());
    let mut store = profile(&ModelDisk::new(), index.path());
    say(&mut store, 0..12);
    let (file, place) = (home.path().join("backup"), home.path().join("profile"));
    write(&store, &file, sealer(), &|| true, &GiveUp::default()).expect("the disk works");
    // The kill comes before the last commit: the chunks before it are in the store, and nobody says that it ended.
    let growing = home.path().join("profile.restoring");
    let made = SealedStore::create(&growing, WORDS, Cost::for_tests(), options(), &mut rng(5));
    let mut filling = Filling::new(made.expect("new"));
    for kept in held(&store) {
        if kept.table != tables::ME.id {
            Engine::restore(&kept, &mut Overlay::new(&filling.store, &mut filling.batch)).expect("restored");
        }
    }
    filling.store.commit(std::mem::take(&mut filling.batch)).expect("the disk works");
    drop(filling);
    let none = SealedStore::open(&place, WORDS, options()).err();
    assert_eq!(none, Some(OpenError::NoProfile), "nothing has the profile's name");
    let (half, _) = SealedStore::open(&growing, WORDS, options()).expect("the store itself opens");
    assert_eq!(loads(&half), Err(crate::CORRUPT), "and holds no profile");
    drop(half);
    restore(&file, &secret(), &place, WORDS, Cost::for_tests()).expect("once more");
    let (whole, _) = SealedStore::open(&place, WORDS, options()).expect("it opens");
    assert!(held(&whole) == held(&store) && !growing.exists());
}

#[test]
fn a_backup_that_names_more_owners_than_one_is_none() {
    let home = folder();
    let place = home.path().join("profile");
    let made = SealedStore::create(&place, WORDS, Cost::for_tests(), options(), &mut rng(6));
    let mut filling = Filling::new(made.expect("new"));
    let mut writer = Writer::default();
    for order in 0..=OWN_RECORDS_MAX as u64 {
        let name = vec![order as u8];
        writer.put(Kept { table: tables::ME.id, name, order: 1, value: Zeroizing::new(b"Ari".to_vec()) });
    }
    let chunk = writer.finish().next().expect("one chunk");
    let error = filling.take(&chunk).expect_err("refused");
    assert!(matches!(error, TransferError::Format(FormatError::Malformed)), "{error}");
}
