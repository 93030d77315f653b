//! What a relay's disk and log tell about those whose mail it keeps.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use data_encoding::{BASE32_NOPAD, BASE64, BASE64URL, HEXLOWER, HEXLOWER_PERMISSIVE, HEXUPPER};
use madang_tests::lab::{Lab, Missing, Place};
use memchr::memmem;
use serde_json::json;

use proto::store::{Direction, LeafRule, Store as _, Table};
use store::{Options, SealedStore};

use super::cast::{Keeper, PASSPHRASE, Person, acquaint};
use crate::thief::steal;

/// Bytes of a block whose entropy is measured, and the least entropy in bits a byte: 4096 bytes by chance have
/// about 7.955, and less than 7.9 not once in the life of a disk.
const BLOCK_BYTES: usize = 4096;
const ENTROPY_MIN: f64 = 7.9;

/// Numbers of two tables of a profile: who one is, and the ratchets.
const IDENTITY: u8 = 32;
const LIVE: u8 = 35;

/// A thing to search for, in all forms in which it could stand in a file.
fn forms(raw: &[u8]) -> Vec<Vec<u8>> {
    let base32 = BASE32_NOPAD.encode(raw);
    let mut texts: Vec<String> =
        vec![HEXLOWER.encode(raw), HEXUPPER.encode(raw), base58(raw), base32.to_lowercase(), base32];
    if let Ok(text) = std::str::from_utf8(raw) {
        texts.push(text.to_owned());
    }
    for encoding in [BASE64, BASE64URL] {
        // Base64 looks different at each of three offsets; what neighbours touch is left out.
        for offset in 0..3 {
            let padded = [&[0; 2][..offset], raw].concat();
            let text = encoding.encode(&padded);
            let first = if offset == 0 { 0 } else { offset + 1 };
            let last = padded.len() / 3 * 4;
            if last >= first + 8 {
                texts.push(text[first..last].to_owned());
            }
        }
    }
    let mut forms = vec![raw.to_vec()];
    for text in texts {
        forms.push(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
        forms.push(text.encode_utf16().flat_map(u16::to_be_bytes).collect());
        forms.push(text.into_bytes());
    }
    forms.sort();
    forms.dedup();
    forms
}

/// Bytes as PeerIds are written.
fn base58(raw: &[u8]) -> String {
    const LETTERS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut digits: Vec<u32> = Vec::new();
    for byte in raw {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            carry += *digit << 8;
            *digit = carry % 58;
            carry /= 58;
        }
        while carry > 0 {
            digits.push(carry % 58);
            carry /= 58;
        }
    }
    let zeros = raw.iter().take_while(|byte| **byte == 0).count();
    let letters = std::iter::repeat_n(0, zeros).chain(digits.into_iter().rev());
    letters.map(|digit| char::from(LETTERS[digit as usize])).collect()
}

fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("readable").path()) {
        if entry.is_dir() {
            found.extend(files(&entry));
        } else {
            found.push((entry.clone(), std::fs::read(&entry).expect("readable")));
        }
    }
    found
}

/// The first thing that stands in a file, in whatever form.
fn found<'a>(
    files: &'a [(PathBuf, Vec<u8>)],
    things: &'a [(String, Vec<u8>)],
) -> Option<(&'a str, &'a Path)> {
    things.iter().find_map(|(what, raw)| {
        let forms = forms(raw);
        let file =
            files.iter().find(|(_, bytes)| forms.iter().any(|form| memmem::find(bytes, form).is_some()))?;
        Some((what.as_str(), file.0.as_path()))
    })
}

fn entropy(block: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    block.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let shares = counts.iter().filter(|count| **count > 0).map(|c| f64::from(*c) / block.len() as f64);
    -shares.map(|share| share * share.log2()).sum::<f64>()
}

fn unhex(value: &serde_json::Value) -> Vec<u8> {
    HEXLOWER_PERMISSIVE.decode(value.as_str().expect("text").as_bytes()).expect("hexadecimal digits")
}

/// What transports call a person's present run, once it has reached its relay.
fn transport_names(person: &mut Person<'_>) -> Vec<Vec<u8>> {
    let whoami = person.ask(json!({ "do": "whoami" }));
    whoami["transport_names"].as_array().expect("a list").iter().map(unhex).collect()
}

/// What the relay itself can read on its disk, and so who seizes it with its machine key.
fn opened(folder: &Path, data: &[(PathBuf, Vec<u8>)]) -> Vec<(PathBuf, Vec<u8>)> {
    let machine = relay::Machine::open(folder).expect("the machine key");
    let remains: Vec<Vec<u8>> = data.iter().map(|(_, bytes)| bytes.clone()).collect();
    let loot = steal(&remains, machine.store_seed().as_bytes(), None);
    let mails = loot.values.iter().filter(|value| value.len() >= 1_024).count();
    assert!(mails >= 6, "what waits is opened: {mails} of {} values", loot.values.len());
    let named = |(number, bytes)| (PathBuf::from(format!("opened {number}")), bytes);
    loot.values.into_iter().chain(loot.bodies).enumerate().map(named).collect()
}

/// Half a key: whatever 32 bytes stand somewhere hold one that begins at a multiple of eight.
type HalfKey = [u8; 16];

/// Account, device and ratchet of a person, out of the closed profile, in halves of keys.
fn keys_of(person: &Person<'_>) -> Vec<HalfKey> {
    let (store, _) =
        SealedStore::open(&person.folder(), PASSPHRASE.as_bytes(), Options::default()).expect("it is free");
    let mut keys = Vec::new();
    for id in [IDENTITY, LIVE] {
        let table = Table { id, name: "a table of core", leaf: LeafRule::PerRecord };
        let found = store.range(&table, b"", 0..=u64::MAX, Direction::Ascending, 16).expect("readable");
        let bytes: Vec<u8> = found.into_iter().flat_map(|(_, bytes)| bytes).collect();
        assert!(bytes.len() > 64, "record {id} is there");
        let halves = bytes.windows(16).step_by(8).map(|half| half.try_into().expect("16 bytes"));
        // What repeats itself is no key.
        keys.extend(halves.filter(|half: &HalfKey| entropy(half) > 3.3));
    }
    assert!(keys.len() > 30, "{} halves", keys.len());
    keys
}

/// Whether one of the halves stands in a file as it is.
fn holds_key(files: &[(PathBuf, Vec<u8>)], keys: &HashSet<HalfKey>) -> Option<PathBuf> {
    let holds = |bytes: &[u8]| bytes.windows(16).any(|half| keys.contains(half));
    files.iter().find(|(_, bytes)| holds(bytes)).map(|(path, _)| path.clone())
}

pub(super) fn a_relay_keeps_nothing_that_names_anybody() -> Result<(), Missing> {
    let lab = Lab::new()?;
    let mut keeper = Keeper::new(&lab);
    let (mut ari, mut bora) = (
        Person::new(&lab, Place::A1, "Ari of the meadow"),
        Person::new(&lab, Place::B1, "Bora by the brook"),
    );
    let descriptor = keeper.descriptor();
    let mut things: Vec<(String, Vec<u8>)> = Vec::new();
    let mut note = |what: &str, raw: &[u8]| things.push((what.to_owned(), raw.to_vec()));
    let mut names = Vec::new();
    for person in [&mut ari, &mut bora] {
        person.start();
        person.use_relay(&descriptor);
        names.extend(transport_names(person));
    }
    let invite = acquaint(&mut ari, &mut bora);
    note("the invite", invite.as_bytes());
    note("the invite's body", invite.trim_start_matches("madang:").as_bytes());
    for person in [&mut ari, &mut bora] {
        for number in 0..12 {
            let text = format!("{} says that the bridge is open, {number}", person.name);
            note("a text", text.as_bytes());
            note("a message's id", &unhex(&json!(person.send(&text))));
        }
    }
    bora.receives(12);
    ari.receives(12);
    // Some more that stays on the relay, because Bora is away.
    bora.stop();
    for number in 0..6 {
        let id = ari.send(&format!("for later {number}"));
        note("a message's id", &unhex(&json!(id)));
        let trail = json!({ "do": "trail", "message": id });
        ari.until("a message on the relay", &trail, |trail| {
            trail.as_array().is_some_and(|steps| steps.iter().any(|step| step["step"] == "on-relay"))
        });
    }
    note("a text", b"for later 0");
    for (person, place) in [(&mut ari, Place::A1), (&mut bora, Place::B1)] {
        if place == Place::B1 {
            person.start();
            person.relay_up();
            names.extend(transport_names(person));
        }
        let (whoami, contact) =
            (person.ask(json!({ "do": "whoami" })), person.ask(json!({ "do": "contacts" })));
        note("an account", &unhex(&whoami["account"]));
        note("a conversation", &unhex(&contact[0]["conversation"]));
        note("a name", person.name.as_bytes());
        let number = person.ask(json!({ "do": "verify", "contact": 1 }));
        note("a safety number", number["safety_number"].as_str().expect("text").as_bytes());
        let host = lab.host(place);
        note("an IPv4 address", host.ip().to_string().as_bytes());
        note("an IPv6 address", host.ip6().to_string().as_bytes());
        note("an IPv6 address", &host.ip6().octets());
        note("a folder", person.dir().as_os_str().as_encoded_bytes());
    }
    // Each run of a person has a name for direct links and another for the relay.
    assert_eq!(names.len(), 6, "three runs were there");
    for name in &names {
        assert!(name.starts_with(&[0, 36, 8, 1, 18, 32]), "an Ed25519 PeerId: {name:02x?}");
        note("a PeerId", name);
        note("the key in a PeerId", &name[6..]);
    }
    keeper.kill();
    let mut keys = HashSet::new();
    for person in [&mut ari, &mut bora] {
        person.stop();
        keys.extend(keys_of(person));
    }
    let data = files(&keeper.data());
    let log = std::fs::read(keeper.log()).expect("a log");
    assert!(!log.is_empty(), "a relay that tells every connection has a log");
    let mut all = data.clone();
    all.push((keeper.log(), log));
    all.extend(opened(&keeper.data(), &data));
    assert_eq!(found(&all, &things), None);
    assert_eq!(holds_key(&all, &keys), None);
    let theirs = keys.iter().next().expect("some");
    let planted = [&[0x5a; 7][..], theirs, &[0x5a; 9]].concat();
    assert!(holds_key(&[(PathBuf::from("planted"), planted)], &keys).is_some(), "the search finds");

    // The search is one that finds: each thing, hidden in each form, comes to light.
    let mut planted = 0;
    for (what, raw) in &things {
        for form in forms(raw) {
            let file = [&[0x5a; 100][..], &form, &[0x5a; 100]].concat();
            let thing = [(what.clone(), raw.clone())];
            assert!(found(&[(PathBuf::from("planted"), file)], &thing).is_some(), "{what}");
            planted += 1;
        }
    }
    let mut least = (8.0_f64, PathBuf::new(), 0);
    let mut blocks = 0;
    // The index is a database whose pages are not all full; what it holds is searched like all else.
    for (path, bytes) in data.iter().filter(|(path, _)| !path.iter().any(|part| part == "index")) {
        for (number, block) in bytes.chunks_exact(BLOCK_BYTES).enumerate() {
            blocks += 1;
            let bits = entropy(block);
            if bits < least.0 {
                least = (bits, path.clone(), number);
            }
        }
    }
    assert!(blocks > 10, "mail lies on the disk: {blocks} blocks");
    assert!(least.0 > ENTROPY_MIN, "{:.3} bits in block {} of {}", least.0, least.2, least.1.display());
    let bytes: usize = data.iter().map(|(_, bytes)| bytes.len()).sum();
    println!(
        "{} files, {bytes} bytes, {} things, {planted} forms; {blocks} blocks, the least entropy {:.3} bits in {}",
        data.len(),
        things.len(),
        least.0,
        least.1.display()
    );
    Ok(())
}
