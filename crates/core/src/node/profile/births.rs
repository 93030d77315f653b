//! For tests: whatever a profile's or a decoy's making is cut off by, there is one that opens, or none.

use tempfile::TempDir;

use super::*;
use crate::tables;

const WORDS: &[u8] = b"lamp";
const DURESS: &[u8] = b"the weather is fine";

fn home() -> TempDir {
    tempfile::tempdir().expect("a folder for a test")
}

fn config() -> Config {
    Config { name: "Ari".into(), cost: Cost::for_tests(), ..Config::default() }
}

/// Who a profile is and what it is called, as it is kept.
fn owner(opened: &Opened) -> (Vec<u8>, Vec<u8>) {
    let kept = |order| opened.store.get(&tables::ME, b"", order).expect("it reads").expect("it is there");
    (kept(0), kept(1))
}

fn store_in(folder: &Path) -> SealedStore {
    SealedStore::create(folder, WORDS, Cost::for_tests(), Options::default(), &mut rand::rng()).expect("new")
}

#[tokio::test]
async fn a_making_that_was_cut_off_before_its_owner_is_no_profile_and_the_next_try_makes_one() {
    let home = home();
    let folder = home.path().join("profile");
    // Killed when the key file is there and the owner is not.
    drop(store_in(&home.path().join("profile.making")));
    assert!(!super::super::Node::is_in(&folder));
    let made = create(&folder, WORDS, &config()).await.expect("made");
    assert_eq!(owner(&made).1, b"Ari");
    drop(made);
    let names = std::fs::read_dir(home.path()).expect("the folder");
    assert_eq!(names.map(|name| name.expect("readable").file_name()).collect::<Vec<_>>(), ["profile"]);
    assert_eq!(owner(&open(&folder, WORDS).await.expect("it opens")).1, b"Ari");
}

#[tokio::test]
async fn a_profile_is_made_where_one_was_wiped_while_it_was_open() {
    let home = home();
    let folder = home.path().join("profile");
    let open_one = create(&folder, WORDS, &config()).await.expect("made");
    assert!(!place::wipe(&folder).expect("wiped").is_empty, "it is held");
    let busy = create(&folder, WORDS, &config()).await.err().expect("refused");
    assert!(matches!(busy, NodeError::Open(store::OpenError::Busy)), "{busy}");
    drop(open_one);
    assert!(folder.join("key").is_dir(), "what a killed process leaves");
    drop(create(&folder, WORDS, &config()).await.expect("room was made"));
    let there = create(&folder, WORDS, &config()).await.err().expect("refused");
    assert!(matches!(there, NodeError::Open(store::OpenError::AlreadyThere)), "{there}");
}

#[tokio::test]
async fn a_decoy_whose_making_was_cut_off_opens_as_an_empty_profile() {
    for (destroys, has_store) in [(false, true), (false, false), (true, true), (true, false)] {
        let home = home();
        let folder = home.path().join("profile");
        let mut made = create(&folder, WORDS, &config()).await.expect("made");
        // Its passphrase opens it from here on; the power goes before its owner is written, or its store.
        drop(made.store.create_duress(DURESS, destroys).expect("a decoy"));
        made.store.close().expect("closed");
        if !has_store {
            std::fs::remove_dir_all(folder.join("1")).expect("removed");
        }
        let decoy = open(&folder, DURESS).await.expect("there is something to show");
        assert_eq!(owner(&decoy).1, NAMELESS.as_bytes(), "{destroys} {has_store}");
        // A store that was there and was taken away is told, as everywhere.
        assert_eq!(decoy.notices.is_empty(), has_store, "{destroys} {has_store}");
        let somebody = owner(&decoy);
        drop(decoy);
        let again = open(&folder, DURESS).await.expect("once more");
        assert_eq!(owner(&again), somebody, "it stays who it is");
        drop(again);
        assert_eq!(open(&folder, WORDS).await.is_ok(), !destroys);
    }
}
