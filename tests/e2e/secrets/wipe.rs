//! Panic and duress in real processes: what is gone is gone, and what stays opens.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crypto::vault::KeyFile;
use madang_tests::lab::Missing;
use serde_json::json;

use super::people::{PASSPHRASE, Profile, Runs, address_of, two_who_talk};

/// Every file below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let Ok(names) = std::fs::read_dir(folder) else { return Vec::new() };
    let entries = names.map(|entry| entry.expect("readable").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn lies_in(folder: &Path, needle: &[u8]) -> bool {
    files(folder).iter().any(|path| {
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}

/// Looks at a profile's folder again and again until its key file is gone. An error if anything else went before it.
fn watch(folder: std::path::PathBuf) -> std::thread::JoinHandle<Result<Instant, &'static str>> {
    std::thread::spawn(move || {
        loop {
            let has_rest = folder.join("index").is_dir();
            let Ok(key) = std::fs::read(folder.join("key")) else { return Ok(Instant::now()) };
            let opens = || KeyFile::parse(&key).and_then(|file| file.unlock(PASSPHRASE.as_bytes())).is_ok();
            if !has_rest && opens() {
                return Err("files went while the key file still opened");
            }
        }
    })
}

pub(super) fn a_panic_wipe_in_the_midst_of_a_sync_takes_the_keys_first_and_leaves_nothing_to_open()
-> Result<(), Missing> {
    let (ari, bora) = (Profile::new("Ari"), Profile::new("Bora"));
    let (mut ari_runs, mut bora_runs) = two_who_talk(&ari, &bora);
    ari_runs.ask(json!({ "do": "quit" }));
    assert!(ari_runs.ended().success());
    // What is written while Ari is away comes all at once, and Bora does not stop while it comes.
    let write = |runs: &mut Runs, number| {
        runs.tell(json!({ "do": "send", "contact": "Ari", "text": format!("message {number}") }));
    };
    (0..300).for_each(|number| write(&mut bora_runs, number));
    bora_runs.wait("message", |line| line["text"] == "message 299");
    let key = std::fs::read(ari.folder().join("key")).expect("readable");
    let mut ari_runs = ari.listen();
    let address = address_of(&mut ari_runs);
    bora_runs.tell(json!({ "do": "dial", "address": address }));
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let writer = std::thread::spawn(move || {
        let mut number = 300;
        while !told.load(Ordering::Relaxed) {
            write(&mut bora_runs, number);
            number += 1;
            // A node that is asked faster than it can write only grows a queue.
            std::thread::sleep(Duration::from_millis(2));
        }
        number
    });
    ari_runs.wait("message", |line| line["mine"] == false);
    let keys = watch(ari.folder());
    let begun = Instant::now();
    let told = ari.run(&["panic", "--yes"]);
    let whole = begun.elapsed();
    assert_eq!(told["wiped"], true);
    let gone = keys.join().expect("it looks").expect("the keys go first");
    assert!(!ari_runs.ended().success(), "the node noticed and ended by itself");
    let ended = begun.elapsed();
    stop.store(true, Ordering::Relaxed);
    let written = writer.join().expect("Bora's node is well");
    let arrived = ari_runs.count(|line| line["event"] == "message") + 1;
    assert!(arrived < written, "all {written} were there: that was no sync");
    println!(
        "a wipe while {arrived} of {written} messages had come: keys gone {:?} after its process was started, all \
         done after {whole:?}, the node ended after {ended:?}",
        gone.saturating_duration_since(begun)
    );
    let left = ari.command(PASSPHRASE, &["contacts"]).output().expect("ran");
    assert_eq!(left.status.code(), Some(5), "{}", String::from_utf8_lossy(&left.stderr));
    for slot in key[48..48 + 8 * 256].chunks(64) {
        assert!(!lies_in(&ari.folder(), slot), "a piece of the key file is still there");
    }
    Ok(())
}

pub(super) fn a_duress_passphrase_opens_a_decoy_and_destroys_the_rest_if_so_set() -> Result<(), Missing> {
    let ari = Profile::new("Ari");
    let account = ari.run(&["whoami"])["account"].clone();
    let duress = ari.beside("duress");
    std::fs::write(&duress, "the weather is fine\n").expect("written");
    let duress = duress.display().to_string();
    let set = |more: &[&str]| {
        let mut args = vec!["duress", "set", "--name", "Kim", "--duress-passphrase-file", &duress];
        args.extend(more);
        ari.run(&args)
    };
    let open = |passphrase: &str| {
        let out = ari.command(passphrase, &["whoami"]).output().expect("ran");
        (out.status.code(), serde_json::from_slice::<serde_json::Value>(&out.stdout).unwrap_or_default())
    };
    // Without destruction both open, each its own.
    set(&[]);
    let (code, decoy) = open("the weather is fine");
    assert_eq!((code, &decoy["name"]), (Some(0), &json!("Kim")));
    assert_ne!(decoy["account"], account);
    assert_eq!(open(PASSPHRASE).1["account"], account);
    // Taken away, it opens nothing.
    ari.run(&["duress", "remove"]);
    assert_eq!(open("the weather is fine").0, Some(3));
    // With destruction the first opening of the decoy is the end of the rest.
    set(&["--destroy"]);
    assert_eq!(open(PASSPHRASE).1["account"], account);
    let slot = std::fs::read(ari.folder().join("key")).expect("readable");
    assert_eq!(open("the weather is fine").1["name"], "Kim");
    assert_eq!(open(PASSPHRASE).0, Some(3), "the profile's own passphrase opens nothing any more");
    assert_eq!(open("the weather is fine").1["name"], "Kim");
    let now = std::fs::read(ari.folder().join("key")).expect("readable");
    let same = (0..8).filter(|place| slot[48 + place * 256..][..256] == now[48 + place * 256..][..256]);
    assert!(same.count() <= 1, "only the decoy's own slot may be as it was");
    Ok(())
}
