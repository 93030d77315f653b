//! Panic and duress in real processes: what is gone is gone, and what stays opens.

use std::path::Path;
use std::time::Instant;

use madang_tests::lab::Missing;
use serde_json::json;

use super::people::{PASSPHRASE, Profile, two_who_talk};

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

pub(super) fn a_panic_wipe_leaves_nothing_to_open_while_the_profile_is_in_use() -> Result<(), Missing> {
    let (ari, bora) = (Profile::new("Ari"), Profile::new("Bora"));
    let (mut ari_runs, _bora_runs) = two_who_talk(&ari, &bora);
    let key = std::fs::read(ari.folder().join("key")).expect("readable");
    // It writes without pause: each message is a commit of its own or shares one.
    for number in 0..300 {
        ari_runs.tell(json!({ "do": "send", "contact": "Bora", "text": format!("message {number}") }));
    }
    ari_runs.wait("message", |line| line["mine"] == true);
    let begun = Instant::now();
    let told = ari.run(&["panic", "--yes"]);
    println!(
        "a wipe beside a node that writes, from the start of its process to its end: {:?}",
        begun.elapsed()
    );
    assert_eq!(told["wiped"], true);
    assert!(!ari_runs.ended().success(), "the node noticed and ended by itself");
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
