//! Files that are missing, cut off, or put back: what a person is told, and that the profile goes on.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{address_of, bot::Bot, command, friends, init, json_of, object, run, texts};

/// Bytes of a block of the log, as `docs/protocol` has them.
const BLOCK_BYTES: usize = 4_096;

/// Ari, who has talked with Bora; Ari's log as it was after the first message; and Bora, whose node runs.
struct Talked {
    ari: TempDir,
    old: Vec<(PathBuf, Vec<u8>)>,
    bora_runs: Bot,
    _bora: TempDir,
}

impl Talked {
    fn new() -> Self {
        let (ari, bora) = (init("Ari"), init("Bora"));
        let (mut a, mut b) = friends(ari.path(), bora.path());
        say(&mut a, &mut b, "the first");
        quit(a);
        let old = log(ari.path());
        let mut a = start(ari.path());
        b.ask(json!({ "do": "dial", "address": address_of(&mut a) }));
        (0..20).for_each(|number| say(&mut b, &mut a, &format!("and then {number}")));
        quit(a);
        Self { ari, old, bora_runs: b, _bora: bora }
    }

    fn account(&self) -> Value {
        object(&run(self.ari.path(), &["whoami", "--json"]))["account"].clone()
    }

    /// The next command says nothing of it any more, and the two go on with each other.
    fn goes_on(mut self) {
        let out = run(self.ari.path(), &["contacts"]);
        assert!(out.status.success() && out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
        let mut a = start(self.ari.path());
        self.bora_runs.ask(json!({ "do": "dial", "address": address_of(&mut a) }));
        say(&mut a, &mut self.bora_runs, "we go on");
        say(&mut self.bora_runs, &mut a, "we do");
        let told = texts(&mut a);
        for text in ["the first", "we go on", "we do"] {
            assert_eq!(told.iter().filter(|told| *told == text).count(), 1, "{text}: {told:?}");
        }
        quit(a);
        quit(self.bora_runs);
    }
}

fn start(dir: &Path) -> Bot {
    Bot::start(command(dir, &["listen", "--stdin", "--json"]))
}

fn say(from: &mut Bot, to: &mut Bot, text: &str) {
    from.ask(json!({ "do": "send", "contact": 1, "text": text }));
    to.event_with("message", "text", &json!(text));
}

fn quit(mut bot: Bot) {
    bot.ask(json!({ "do": "quit" }));
    assert!(bot.ended().success());
}

/// The segments of a profile's log, in order, each with its bytes.
fn log(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let names = fs::read_dir(dir.join("profile")).expect("a profile");
    let paths = names.map(|entry| entry.expect("readable").path());
    let mut found: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "log"))
        .map(|path| (path.clone(), fs::read(&path).expect("readable")))
        .collect();
    found.sort();
    found
}

/// The one line on standard error.
fn one_line(out: &Output) -> String {
    let said = String::from_utf8(out.stderr.clone()).expect("text");
    assert_eq!(said.lines().count(), 1, "{said}");
    said.trim_end().to_owned()
}

#[test]
fn an_index_that_was_deleted_is_told_in_one_sentence_and_nothing_is_lost() {
    let talked = Talked::new();
    let history = || run(talked.ari.path(), &["history", "Bora", "--json"]);
    let before = history();
    fs::remove_dir_all(talked.ari.path().join("profile/index")).expect("an index");
    let after = history();
    let told = json_of(one_line(&after).as_bytes());
    assert_eq!(told["notice"], "index-rebuilt");
    let say = told["say"].as_str().expect("text");
    assert!(say.ends_with("has been rebuilt; nothing was lost") && !say.contains(". "), "{say}");
    assert!(after.status.success() && after.stdout == before.stdout, "and so it is");
    talked.goes_on();
}

#[test]
fn a_log_that_was_cut_is_told_in_one_sentence_and_the_profile_goes_on() {
    let talked = Talked::new();
    let account = talked.account();
    // What a start and an end write comes last.
    object(&run(talked.ari.path(), &["invite", "--json"]));
    let (path, bytes) = log(talked.ari.path()).pop().expect("a log");
    let name = path.file_name().expect("a name");
    let (mut ends_early, mut shut) = (0, 0);
    for blocks in 1..=16 {
        let copy = tempfile::tempdir().expect("a folder");
        copy_of(&talked.ari.path().join("profile"), &copy.path().join("profile"));
        let cut = bytes.len().saturating_sub(blocks * BLOCK_BYTES);
        fs::write(copy.path().join("profile").join(name), &bytes[..cut]).expect("written");
        let out = run(copy.path(), &["contacts"]);
        let said = one_line(&out);
        match out.status.success() {
            true => ends_early += u32::from(said.contains("the profile ends before its last known state")),
            false => shut += u32::from(said.contains("bring the newer ones back")),
        }
        assert_eq!(ends_early + shut, blocks as u32, "{blocks} blocks: {said}");
        // Keys that were destroyed since do not come back: from there on it is shut.
        assert!(shut == 0 || !out.status.success(), "{blocks} blocks: {said}");
    }
    assert!(ends_early > 0, "the last commit destroys no key");
    fs::write(&path, &bytes[..bytes.len() - BLOCK_BYTES]).expect("cut");
    let out = run(talked.ari.path(), &["contacts"]);
    assert!(out.status.success() && one_line(&out).contains("and what came since is missing here"));
    assert_eq!(talked.account(), account);
    talked.goes_on();
}

#[test]
fn a_log_from_before_keys_were_destroyed_is_told_in_one_sentence_and_the_newer_one_brings_all_back() {
    let talked = Talked::new();
    let history = || run(talked.ari.path(), &["history", "Bora", "--json"]);
    let before = history().stdout;
    let newer = log(talked.ari.path());
    newer.iter().for_each(|(path, _)| fs::remove_file(path).expect("removed"));
    talked.old.iter().for_each(|(path, bytes)| fs::write(path, bytes).expect("written"));
    for _ in 0..2 {
        let out = history();
        let said = json_of(one_line(&out).as_bytes());
        assert!(!out.status.success() && out.stdout.is_empty(), "{said}");
        let say = said["error"]["say"].as_str().expect("text");
        assert!(say.contains("the profile is damaged") && say.contains("bring the newer ones back"), "{say}");
    }
    talked.old.iter().for_each(|(path, _)| fs::remove_file(path).expect("nothing was done to it"));
    newer.iter().for_each(|(path, bytes)| fs::write(path, bytes).expect("written"));
    let after = history();
    assert!(after.status.success() && after.stderr.is_empty(), "{}", String::from_utf8_lossy(&after.stderr));
    assert!(after.stdout == before, "all is as it was");
    talked.goes_on();
}

fn copy_of(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("readable") {
        let path = entry.expect("readable").path();
        let target = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy_of(&path, &target),
            false => drop(fs::copy(path, target).expect("copied")),
        }
    }
}
