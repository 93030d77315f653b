//! Backups in real processes: restored elsewhere, damaged, and interrupted at random instants.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use madang_tests::lab::Missing;
use rand::RngExt as _;
use serde_json::{Value, json};

use super::people::{PASSPHRASE, Profile, Runs, address_of, two_who_talk};

/// What a profile shows of itself: account, contacts and messages.
fn shows(profile: &Profile) -> (Value, Value, Vec<Value>) {
    let account = profile.run(&["whoami"])["account"].clone();
    let contact = profile.run(&["contacts"]);
    let known = json!([contact["contact"], contact["name"], contact["account"], contact["verified"]]);
    let messages = profile.lines(&["history", "Bora"]);
    let said =
        messages.iter().map(|line| json!([line["message"], line["text"], line["place"], line["mine"]]));
    (account, known, said.collect())
}

/// Restores a backup and returns whether that went well, and what was said.
fn restore(profile: &Profile, backup: &Path, words: &Path) -> (bool, String) {
    let args = [
        "restore",
        &backup.display().to_string(),
        "--insecure-test-kdf",
        "--backup-passphrase-file",
        &words.display().to_string(),
    ];
    let out = profile.command(PASSPHRASE, &args).output().expect("ran");
    (out.status.success(), String::from_utf8_lossy(&out.stderr).into_owned())
}

/// A profile that has talked, its backup, and a file with the words that open it.
fn backed_up() -> (Profile, std::path::PathBuf, std::path::PathBuf) {
    let (ari, bora) = (Profile::new("Ari"), Profile::new("Bora"));
    let (mut ari_runs, mut bora_runs) = two_who_talk(&ari, &bora);
    for number in 0..20 {
        ari_runs.ask(json!({ "do": "send", "contact": "Bora", "text": format!("step {number}") }));
        bora_runs.ask(json!({ "do": "send", "contact": "Ari", "text": format!("answer {number}") }));
    }
    ari_runs.wait("message", |line| line["text"] == "answer 19");
    ari_runs.ask(json!({ "do": "verify", "contact": "Bora", "verified": true }));
    ari_runs.ask(json!({ "do": "quit" }));
    assert!(ari_runs.ended().success());
    let (backup, words) = (ari.beside("backup"), ari.beside("words"));
    let told = ari.run(&["backup", &backup.display().to_string(), "--words", "--insecure-test-kdf"]);
    std::fs::write(&words, told["words"].as_str().expect("words")).expect("written");
    (ari, backup, words)
}

pub(super) fn a_restored_profile_has_account_contacts_and_history() -> Result<(), Missing> {
    let (ari, backup, words) = backed_up();
    let elsewhere = Profile::absent();
    let (done, said) = restore(&elsewhere, &backup, &words);
    assert!(done, "{said}");
    assert_eq!(shows(&elsewhere), shows(&ari));
    // A place that is taken stays as it is.
    let (done, said) = restore(&elsewhere, &backup, &words);
    assert!(!done && said.contains("already"), "{said}");
    Ok(())
}

/// Both say something so many times, and each hears the other.
fn talk(a: &mut Runs, b: &mut Runs, when: &str, times: u32) {
    for number in 0..times {
        a.ask(json!({ "do": "send", "contact": "Bora", "text": format!("Ari {when} {number}") }));
        b.ask(json!({ "do": "send", "contact": "Ari", "text": format!("Bora {when} {number}") }));
    }
    let last = times - 1;
    a.wait("message", |line| line["text"] == format!("Bora {when} {last}"));
    b.wait("message", |line| line["text"] == format!("Ari {when} {last}"));
}

/// All that was said, in no order: where causes were lost each side orders by what it has.
fn texts(runs: &mut Runs, with: &str) -> Vec<String> {
    let history = runs.ask(json!({ "do": "history", "contact": with, "limit": 200 }));
    let lines = history.as_array().expect("messages").iter();
    let mut texts: Vec<String> = lines.filter_map(|line| Some(line["text"].as_str()?.to_owned())).collect();
    texts.sort();
    texts
}

pub(super) fn who_writes_first_after_a_restore_is_met_again_and_nothing_is_lost_or_doubled()
-> Result<(), Missing> {
    let (ari, bora) = (Profile::new("Ari"), Profile::new("Bora"));
    let (mut a, mut b) = two_who_talk(&ari, &bora);
    talk(&mut a, &mut b, "before", 5);
    a.ask(json!({ "do": "quit" }));
    assert!(a.ended().success());
    let elsewhere = Profile::absent();
    let (backup, words) = (elsewhere.beside("backup"), elsewhere.beside("words"));
    let told = ari.run(&["backup", &backup.display().to_string(), "--words", "--insecure-test-kdf"]);
    std::fs::write(&words, told["words"].as_str().expect("words")).expect("written");
    // The talk goes on, and then the machine is gone.
    let mut a = ari.listen();
    let address = address_of(&mut a);
    b.ask(json!({ "do": "dial", "address": address }));
    talk(&mut a, &mut b, "since", 5);
    drop(a);
    drop(ari);
    let (done, said) = restore(&elsewhere, &backup, &words);
    assert!(done, "{said}");
    let mut a = elsewhere.listen();
    a.ask(json!({ "do": "send", "contact": "Bora", "text": "Ari writes first" }));
    let address = address_of(&mut a);
    b.ask(json!({ "do": "dial", "address": address }));
    b.wait("message", |line| line["text"] == "Ari writes first");
    b.wait("notice", |line| line["notice"] == "contact-restored");
    a.wait("notice", |line| line["notice"] == "met-again");
    talk(&mut a, &mut b, "after", 5);
    a.wait("message", |line| line["text"] == "Bora since 4");

    let all = |who: &str, when: &str| (0..5).map(|n| format!("{who} {when} {n}")).collect::<Vec<_>>();
    let mut wanted: Vec<String> =
        [("Ari", "before"), ("Bora", "before"), ("Bora", "since"), ("Ari", "after"), ("Bora", "after")]
            .into_iter()
            .flat_map(|(who, when)| all(who, when))
            .chain(["Ari writes first".to_owned()])
            .collect();
    wanted.sort();
    assert_eq!(texts(&mut a, "Bora"), wanted, "what Bora wrote since is here again, each once");
    // What Ari said since the backup only Bora has.
    wanted.extend(all("Ari", "since"));
    wanted.sort();
    assert_eq!(texts(&mut b, "Ari"), wanted);
    Ok(())
}

pub(super) fn a_broken_backup_says_so_and_makes_nothing() -> Result<(), Missing> {
    let (_ari, backup, words) = backed_up();
    let whole = std::fs::read(&backup).expect("readable");
    assert_eq!((whole.len() - 48) % 65_552, 0);
    let elsewhere = Profile::absent();
    let mut broken: Vec<Vec<u8>> = [0, 47, 48, whole.len() / 2, whole.len() - 1]
        .into_iter()
        .map(|length| whole[..length].to_vec())
        .collect();
    for at in [0, 40, 48, 70_000 % whole.len(), whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x20;
        broken.push(bytes);
    }
    let file = elsewhere.beside("broken");
    for bytes in broken {
        std::fs::write(&file, bytes).expect("written");
        let (done, said) = restore(&elsewhere, &file, &words);
        assert!(!done && said.contains("\"say\""), "{said}");
        assert!(!elsewhere.folder().exists());
        assert_eq!(
            std::fs::read_dir(elsewhere.beside("")).expect("readable").count(),
            2,
            "nothing is left lying about"
        );
    }
    let wrong = elsewhere.beside("wrong");
    std::fs::write(&wrong, "another passphrase\n").expect("written");
    let (done, said) = restore(&elsewhere, &backup, &wrong);
    assert!(!done && said.contains("wrong-passphrase"), "{said}");
    Ok(())
}

pub(super) fn a_backup_that_was_interrupted_is_the_old_one_or_the_new_one() -> Result<(), Missing> {
    let rounds = std::env::var("MADANG_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(6);
    let (ari, backup, words) = backed_up();
    let wanted = shows(&ari);
    let text = std::fs::read_to_string(&words).expect("readable");
    let (path, words_path) = (backup.display().to_string(), words.display().to_string());
    let again = ["backup", &path, "--insecure-test-kdf", "--backup-passphrase-file", &words_path];
    let mut usual = Duration::ZERO;
    for round in 0..rounds {
        let begun = Instant::now();
        let mut child = ari
            .command(PASSPHRASE, &again)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        if round > 0 {
            std::thread::sleep(Duration::from_micros(rand::rng().random_range(0..=usual.as_micros() as u64)));
            child.kill().expect("killed or ended");
        }
        child.wait().expect("waited");
        usual = usual.max(begun.elapsed());
        let elsewhere = Profile::absent();
        std::fs::write(elsewhere.beside("words"), &text).expect("written");
        let to = elsewhere.beside("words").display().to_string();
        let restoring = ["restore", &path, "--insecure-test-kdf", "--backup-passphrase-file", &to];
        let mut child = elsewhere
            .command(PASSPHRASE, &restoring)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        std::thread::sleep(Duration::from_micros(rand::rng().random_range(0..=usual.as_micros() as u64)));
        child.kill().expect("killed or ended");
        child.wait().expect("waited");
        // Interrupted, there is a whole profile or none, and then it can be done again.
        if !elsewhere.folder().exists() {
            let (done, said) = restore(&elsewhere, &backup, &words);
            assert!(done, "round {round}: {said}");
        }
        assert_eq!(shows(&elsewhere), wanted, "round {round}");
    }
    Ok(())
}
