//! The published vectors under `tests/vectors`: made from fixed seeds, compared with the files, and read back from them.
//!
//! `MADANG_WRITE_VECTORS=1 cargo test -p madang-crypto --test vectors` writes them anew; do so only with a new version.
//! Where the library keeps values to itself, they are computed here a second time from the specification alone.

mod carried;
#[path = "../common/framed.rs"]
mod framed;
mod kept;
mod pairs;

use std::{fs, path::PathBuf};

use crypto::{Secret32, hash, key::Secret};
use data_encoding::HEXLOWER;
use hkdf::Hkdf;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::Value;
use sha2::{Digest, Sha256};

use self::framed::framed;

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

fn unhex(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().expect("a string").as_bytes()).expect("lowercase hex")
}

fn secret(value: &Value) -> Secret32 {
    Secret::from_slice(&unhex(value)).expect("32 bytes")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

/// Gives what the file holds, after comparing it with what is made now.
fn pinned(name: &str, made: Value) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(name);
    if std::env::var_os("MADANG_WRITE_VECTORS").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be made");
        let text = serde_json::to_string_pretty(&made).expect("plain values");
        fs::write(&path, text + "\n").expect("the file can be written");
    }
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let kept: Value = serde_json::from_str(&text).expect("the file is JSON");
    assert_eq!(kept, made, "{name} differs: a format or a key schedule has changed");
    kept
}

fn book_hash(label: &str, parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest(framed(label, parts)).into()
}

fn book_derive<const N: usize>(label: &str, secret: &[u8], parts: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    Hkdf::<Sha256>::new(Some(&book_hash(label, &[])), secret)
        .expand(&framed(label, parts), &mut out)
        .expect("a short output");
    out
}

#[test]
fn hash_and_derive_are_what_the_specification_says() {
    assert_eq!(hash("M1/x/1", &[b"a", b"bc"]), book_hash("M1/x/1", &[b"a", b"bc"]));
    let input = Secret32::new([3; 32]);
    let ours = crypto::derive("M1/x/1", &input, &[b"a"]);
    assert_eq!(*ours.as_bytes(), book_derive("M1/x/1", &[3; 32], &[b"a"]));
}
