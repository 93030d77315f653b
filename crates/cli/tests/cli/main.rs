//! What scripts rely on: arguments, exit codes, the fields of the JSON, and a node that is driven line by line.

mod bot;
mod damage;
mod document;
mod people;
mod profile;
mod terminal;

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use bot::Bot;
use serde_json::{Value, json};

/// The program on a profile in a folder, whose passphrase lies beside it.
fn command(dir: &Path, args: &[&str]) -> Command {
    let secret = dir.join("passphrase");
    std::fs::write(&secret, "a plank over the stream\n").expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_madang-cli"));
    command.args(args).arg("--profile").arg(dir.join("profile")).arg("--passphrase-file").arg(secret);
    command.args(["--listen", "127.0.0.1:0", "--no-mdns"]);
    command.env_remove("SSLKEYLOGFILE").stdin(Stdio::null());
    command
}

fn run(dir: &Path, args: &[&str]) -> Output {
    command(dir, args).output().expect("ran")
}

fn failed(out: &Output) -> (Option<i32>, String) {
    assert!(out.stdout.is_empty(), "a failure says nothing on standard output");
    (out.status.code(), String::from_utf8_lossy(&out.stderr).trim().to_owned())
}

fn object(out: &Output) -> Value {
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).expect("one JSON object")
}

fn fields(object: &Value) -> Vec<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn init(name: &str) -> tempfile::TempDir {
    let dir = folder();
    object(&run(dir.path(), &["init", "--name", name, "--insecure-test-kdf", "--json"]));
    dir
}

fn json_of(line: &[u8]) -> Value {
    serde_json::from_slice(line).unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(line)))
}

/// Where a node listens, as soon as it does.
fn address_of(bot: &mut Bot) -> Value {
    loop {
        match bot.ask(json!({ "do": "whoami" }))["addresses"].get(0) {
            Some(address) => return address.clone(),
            None => std::thread::sleep(std::time::Duration::from_millis(20)),
        }
    }
}

/// Two people with a direct link between their nodes.
fn friends(ari: &Path, bora: &Path) -> (Bot, Bot) {
    let start = |dir| Bot::start(command(dir, &["listen", "--stdin", "--json"]));
    let (mut a, mut b) = (start(ari), start(bora));
    let address = address_of(&mut a);
    let invite = a.ask(json!({ "do": "invite" }))["invite"].clone();
    b.ask(json!({ "do": "accept", "invite": invite, "name": "Ari" }));
    b.ask(json!({ "do": "dial", "address": address }));
    a.event("contact-live");
    b.event("contact-live");
    (a, b)
}

/// What stands in a conversation, in order.
fn texts(bot: &mut Bot) -> Vec<Value> {
    let history = bot.ask(json!({ "do": "history", "contact": 1 }));
    history.as_array().expect("a list").iter().map(|message| message["text"].clone()).collect()
}
