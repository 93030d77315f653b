//! For tests: a loss is acted on once and told until it was heard, whatever happens to index and power meanwhile.

use std::path::Path;
use std::sync::Arc;

use minicbor::bytes::ByteVec;
use proto::store::Table;
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use store::disk::{Disk as _, ModelDisk};
use tempfile::TempDir;

use super::*;
use crate::contact::ContactRecord;
use crate::content::{Body, ConversationId};
use crate::conversation::{Conversation, Span, decode, encode};
use crate::engine::{Answer, Command, Input, ME_COUNTERS, Output, REACH_LEAP, Ticket};
use crate::tables;

const WORDS: &[u8] = b"lamp";
const BLOCK_BYTES: usize = 4_096;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn options() -> Options {
    Options { in_background: false, ..Options::default() }
}

/// A folder in memory where there is one: these tests model the disk and need not wait for a real one.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let found = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    found.expect("a folder for a test")
}

/// A profile with a conversation of one's own and sixteen messages in it, each a commit of six blocks.
fn written() -> ModelDisk {
    written_beside(folder().path())
}

/// The same, with its index in a folder.
fn written_beside(index: &Path) -> ModelDisk {
    let disk = ModelDisk::new();
    let shared = Arc::new(disk.clone());
    let mut store = SealedStore::create_on(shared, index, WORDS, options(), &mut rng(1)).expect("new");
    let mut batch = Batch::new();
    let mut overlay = Overlay::new(&store, &mut batch);
    Engine::create("Ari", &mut overlay, &mut rng(2));
    overlay.put(&tables::CONVERSATION, b"", 1, encode(&Conversation::new(ConversationId([1; 16]), 1)));
    store.commit(batch).expect("the disk works");
    (0..16).for_each(|place| say(&mut store, place));
    store.close().expect("the disk works");
    disk
}

fn say(store: &mut SealedStore, place: u64) {
    let record = (true, false, false, None::<u64>, ByteVec::from(vec![place as u8; 20 << 10]));
    let mut batch = Batch::new();
    batch.put(&tables::MESSAGE, &tables::name(1), place, encode(&record));
    store.commit(batch).expect("the disk works");
}

/// Flips a bit of a block of the first segment.
fn damage(disk: &ModelDisk, block: usize) {
    damage_in(disk, 0, block);
}

fn damage_in(disk: &ModelDisk, segment: usize, block: usize) {
    let first = logs(disk).remove(segment);
    let mut bytes = disk.read(&first).expect("a file");
    bytes[block * BLOCK_BYTES + 77] ^= 1;
    disk.overwrite(&first, bytes);
}

fn logs(disk: &ModelDisk) -> Vec<String> {
    let mut names = disk.list().expect("the disk works");
    names.retain(|name| name.ends_with(".log"));
    names.sort();
    names
}

/// One life of a profile: it opens, says what was found, and its engine has its first turn.
fn live(disk: &ModelDisk, index: &Path, hears: bool) -> Result<Vec<Notice>, NodeError> {
    let inputs = hears.then_some(Input::Command(Ticket(1), Command::LossTold));
    let (notices, answers) = live_with(disk, index, inputs)?;
    assert_eq!(hears, answers.iter().any(|o| matches!(o, Output::Answer(_, Ok(Answer::Done)))));
    Ok(notices)
}

/// The same, with what is asked in its first turn.
fn live_with(
    disk: &ModelDisk,
    index: &Path,
    asked: Option<Input>,
) -> Result<(Vec<Notice>, Vec<Output>), NodeError> {
    let open = |index: &Path| SealedStore::open_on(Arc::new(disk.clone()), index, WORDS, options());
    let mut opened = open_by(&open, index)?;
    let inputs = [Input::Wake].into_iter().chain(asked);
    let (now, mut batch) = (Now { moment: Moment(0), label_ms: None }, Batch::new());
    let mut overlay = Overlay::new(&opened.store, &mut batch);
    for input in inputs {
        opened.engine.handle(input, now, &mut overlay, &mut rng(3))?;
    }
    opened.engine.settle(now, &mut overlay, &mut rng(3))?;
    let answers = opened.engine.take_outputs();
    opened.store.commit(batch)?;
    opened.store.close()?;
    Ok((opened.notices, answers))
}

/// A life of which nobody is told, with an index that is made anew.
fn live_without_index(disk: &ModelDisk) -> Vec<Notice> {
    live(disk, folder().path(), false).expect("it opens")
}

/// How often the profile was made ready to meet its contacts anew, over all its lives.
fn repairs(disk: &ModelDisk) -> u64 {
    let (store, _) = SealedStore::open_on(Arc::new(disk.after_kill()), folder().path(), WORDS, options())
        .expect("it opens");
    assert!(!Engine::is_half_cleared(&store).expect("the disk works"));
    let counters = store.get(&tables::ME, b"", ME_COUNTERS).expect("the disk works").expect("a profile");
    let (_, reach): (u32, u64) = decode(&counters).expect("a record");
    assert_eq!((reach - 1) % REACH_LEAP, 0);
    (reach - 1) / REACH_LEAP
}

fn is_damage(notice: &Notice) -> bool {
    matches!(notice, Notice::LogDamaged { commits: 1.., .. })
}

#[test]
fn a_loss_that_was_survived_is_no_news_to_an_index_that_is_made_anew() {
    let disk = written();
    damage(&disk, 60);
    assert_eq!(repairs(&disk), 0);
    let one = Notice::LogDamaged { commits: 1, files: 0 };
    assert_eq!(live_without_index(&disk), std::slice::from_ref(&one));
    assert_eq!(repairs(&disk), 1);
    for _ in 0..2 {
        // Nobody has heard of it yet. That the index was made anew is another matter, and loses nothing.
        assert_eq!(live_without_index(&disk), [Notice::IndexRebuilt, one.clone()]);
        assert_eq!(repairs(&disk), 1, "it meets them once");
    }
    assert_eq!(live(&disk, folder().path(), true).expect("it opens"), [Notice::IndexRebuilt, one]);
    assert_eq!(live_without_index(&disk), [Notice::IndexRebuilt], "what was heard is not said again");
    assert_eq!(repairs(&disk), 1);
}

#[test]
fn damage_beside_or_beyond_a_loss_that_is_known_is_news() {
    // The commit before it, the one behind it, one far away, and one between them that is far older.
    for (number, block) in [54, 66, 80, 30].into_iter().enumerate() {
        let disk = written();
        damage(&disk, 60);
        live(&disk, folder().path(), true).expect("it opens");
        assert_eq!(live_without_index(&disk), [Notice::IndexRebuilt]);
        damage(&disk, block);
        let told = live_without_index(&disk);
        assert!(matches!(told[..], [Notice::LogDamaged { .. }]), "{number}: {told:?}");
        assert_eq!(repairs(&disk), 2, "{number}");
    }
}

/// What a test damages behind the point of an index that is believed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kept {
    Contact,
    Message,
    Fading,
}

/// Adds a record to the profile, in a commit of its own between two others, and damages it.
fn keep_and_damage(disk: &ModelDisk, index: &Path, what: Kept, is_sector: bool) {
    let shared = Arc::new(disk.clone());
    let (mut store, _) = SealedStore::open_on(shared, index, WORDS, options()).expect("it opens");
    let mut commit = |table: &Table, name: &[u8], order, value: Vec<u8>| {
        let mut batch = Batch::new();
        batch.put(table, name, order, value);
        store.commit(batch).expect("the disk works");
        disk.read(&logs(disk)[1]).expect("this life has a segment").len() / BLOCK_BYTES
    };
    let block = commit(&tables::DESK, b"", 0, vec![1]);
    if what == Kept::Contact {
        let contact = ContactRecord::met(None);
        commit(&tables::CONTACT, b"", 7, encode(&contact));
    } else {
        let talk = Conversation::new(ConversationId([1; 16]), 1);
        let body = Body::Text { text: "lamp".into(), reply_to: None, fade: None };
        let content = talk.compose([2; 16], body, None, [3; 32]).encode();
        let record = (true, false, false, None::<u64>, ByteVec::from(content));
        commit(&tables::MESSAGE, &tables::name(1), 100, encode(&record));
    }
    commit(&tables::DESK, b"", 0, vec![2]);
    if what == Kept::Fading {
        // Due after no use at all: it disappears in the first turn.
        commit(&tables::FADE, &tables::name(1), 100, encode(&(1_u8, [0_u64])));
    }
    store.close().expect("the disk works");
    if is_sector {
        let at = block * BLOCK_BYTES;
        disk.make_unreadable(&logs(disk)[1], at..at + 512);
    } else {
        damage_in(disk, 1, block);
    }
}

#[test]
fn damage_behind_the_point_of_an_index_is_told_and_repaired_once_and_ends_one_life_at_most() {
    let all = [Kept::Contact, Kept::Message, Kept::Fading].map(|what| [(what, false), (what, true)]);
    for (what, is_sector) in all.into_iter().flatten() {
        let index = folder();
        let disk = written_beside(index.path());
        keep_and_damage(&disk, index.path(), what, is_sector);
        let history =
            Command::History { conversation: ConversationId([1; 16]), span: Span::Newest, limit: 1 };
        let asked = (what == Kept::Message).then_some(Input::Command(Ticket(1), history));
        let first = live_with(&disk, index.path(), asked);
        let told = match (what, first) {
            (Kept::Contact, first) => first.expect("the second look repairs it").0,
            (_, Err(NodeError::Store(StoreError::Corrupt(_)))) => {
                live(&disk, index.path(), false).unwrap_or_else(|error| panic!("{what:?}: {error}"))
            }
            (_, other) => panic!("{what:?}: it was read: {:?}", other.map(|(notices, _)| notices)),
        };
        assert_eq!(told, [Notice::LogDamaged { commits: 1, files: 0 }], "{what:?}");
        assert_eq!(repairs(&disk), 1, "{what:?}");
        assert!(live(&disk, index.path(), true).expect("it opens").iter().all(is_damage), "{what:?}");
        assert_eq!(live(&disk, index.path(), false).expect("it opens"), [], "{what:?}");
        assert_eq!(repairs(&disk), 1, "{what:?}");
    }
}

#[test]
fn a_file_that_is_gone_and_a_log_that_ends_early_are_acted_on_once() {
    for rolls_back in [false, true] {
        let disk = written();
        for place in 100..103 {
            let shared = Arc::new(disk.clone());
            let (mut store, _) =
                SealedStore::open_on(shared, folder().path(), WORDS, options()).expect("it opens");
            say(&mut store, place);
            store.close().expect("the disk works");
        }
        let mut names = logs(&disk);
        if rolls_back {
            // All of what the last life wrote.
            disk.remove(&names.pop().expect("a log")).expect("the disk works");
        } else {
            disk.remove(&names[1]).expect("the disk works");
        }
        let told = live(&disk, folder().path(), false).expect("it opens");
        let is_it = |notice: &Notice| match rolls_back {
            true => *notice == Notice::RolledBack,
            false => matches!(notice, Notice::LogDamaged { files: 1, .. }),
        };
        assert!(told.iter().any(is_it), "{told:?}");
        assert_eq!(repairs(&disk), 1);
        let again = live_without_index(&disk);
        assert!(again.iter().any(is_it), "{again:?}");
        assert_eq!(repairs(&disk), 1);
        live(&disk, folder().path(), true).expect("it opens");
        assert_eq!(live_without_index(&disk), [Notice::IndexRebuilt]);
    }
}

#[test]
fn the_power_goes_at_any_write_after_a_loss_and_there_is_one_repair_and_a_notice() {
    let damaged = written();
    damage(&damaged, 60);
    let (mut cut, mut cuts, mut done) = (0, 0, false);
    while !done {
        for seed in 0..2 {
            let (disk, index) = (damaged.after_kill(), folder());
            disk.stop_after(cut);
            done = live(&disk, index.path(), false).is_ok();
            let found = match seed {
                0 => disk.after_kill(),
                _ => disk.after_power_cut(&mut rng(cut)),
            };
            let told = live(&found, index.path(), false).unwrap_or_else(|error| panic!("cut {cut}: {error}"));
            assert_eq!(told.iter().filter(|notice| is_damage(notice)).count(), 1, "cut {cut}: {told:?}");
            assert_eq!(repairs(&found), 1, "cut {cut}");
            assert!(live_without_index(&found).iter().any(is_damage), "cut {cut}: nobody has heard of it");
            assert_eq!(repairs(&found), 1, "cut {cut}");
            cuts += 1;
        }
        cut += 1;
    }
    assert!(cut > 8, "{cuts} cuts");
    println!("{cuts} cuts after a loss: one repair and a notice each");
}

#[test]
fn what_is_kept_of_a_loss_stands_as_chapter_18_says() {
    let disk = written();
    damage(&disk, 60);
    live_without_index(&disk);
    let (store, report) =
        SealedStore::open_on(Arc::new(disk), folder().path(), WORDS, options()).expect("it opens");
    let kept = |order| store.get(&Table { ..tables::ME }, b"", order).expect("the disk works");
    assert_eq!(kept(7), Some(report.gaps[0].between.to_vec()));
    assert_eq!(kept(8), Some(vec![0x83, 1, 0, 0xf4]), "CBOR: [1, 0, false]");
    assert_eq!(kept(3), None, "the repair has begun");
}
