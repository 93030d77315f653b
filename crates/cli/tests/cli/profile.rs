//! One profile: its passphrase, its failures, its fields, and a node that is driven line by line.

use std::{
    io::{Read, Write},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{bot::Bot, command, failed, fields, folder, init, json_of, object, run};

#[test]
fn a_profile_is_made_once_and_opened_by_its_passphrase_only() {
    let dir = init("Ari");
    let whoami = object(&run(dir.path(), &["whoami", "--json"]));
    assert_eq!(fields(&whoami), ["account", "addresses", "called_back", "name", "transport_names"]);
    assert_eq!(whoami["name"], "Ari");

    let (code, said) = failed(&run(dir.path(), &["init", "--name", "Bora", "--insecure-test-kdf"]));
    assert!(code == Some(1) && said.contains("already"), "{said}");

    let wrong = dir.path().join("wrong");
    std::fs::write(&wrong, "a plank over the river\n").expect("written");
    let out = Command::new(env!("CARGO_BIN_EXE_madang-cli"))
        .args(["whoami", "--json", "--no-mdns", "--profile"])
        .arg(dir.path().join("profile"))
        .arg("--passphrase-file")
        .arg(wrong)
        .output()
        .expect("ran");
    let (code, said) = failed(&out);
    assert_eq!(code, Some(3));
    let error: Value = serde_json::from_str(&said).expect("one JSON object");
    assert_eq!((&error["error"]["kind"], &error["error"]["exit"]), (&json!("wrong-passphrase"), &json!(3)));

    let again = object(&run(dir.path(), &["whoami", "--json"]));
    assert_eq!(again["account"], whoami["account"], "nothing of this changed anything");
}

#[test]
fn a_passphrase_comes_through_a_file_descriptor_too() {
    let dir = init("Ari");
    let mut child = Command::new(env!("CARGO_BIN_EXE_madang-cli"))
        .args(["whoami", "--json", "--no-mdns", "--passphrase-fd", "0", "--profile"])
        .arg(dir.path().join("profile"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    child.stdin.take().expect("piped").write_all(b"a plank over the stream\n").expect("written");
    let out = child.wait_with_output().expect("ended");
    assert_eq!(object(&out)["name"], "Ari");
}

#[test]
fn each_kind_of_failure_has_a_sentence_and_an_exit_code_of_its_own() {
    let dir = folder();
    let (code, said) = failed(&run(dir.path(), &["whoami"]));
    assert!(code == Some(5) && said.contains("madang-cli init"), "{said}");
    let dir = init("Ari");
    let all = || {
        [&["whoami"][..], &["contacts"], &["relay", "list"], &["disappear-default"]].map(|asked| {
            let args = [asked, &["--json"]].concat();
            let out = run(dir.path(), &args);
            assert!(out.status.success(), "{args:?}");
            // What differs with each run.
            let mut told: Vec<Value> = out
                .stdout
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .map(json_of)
                .collect();
            told.iter_mut().filter_map(Value::as_object_mut).for_each(|told| {
                told.remove("transport_names");
                told.remove("addresses");
            });
            told
        })
    };
    let before = all();
    for (args, exit, part) in [
        (&["fly"][..], 2, "unrecognized subcommand"),
        (&["accept", "madang:abc"], 2, "text"),
        (&["accept", "hello"], 2, "madang:"),
        (&["history", "Bora"], 5, "no such contact"),
        (&["send", "7", "hi"], 5, "no such contact"),
        (&["trail", "zz"], 2, "64 hexadecimal digits"),
        (&["trail", &"ab".repeat(32)], 5, "follows your own messages"),
        (&["invite", "--days", "366"], 2, "1..=365"),
        (&["backup", "b", "--words", "--backup-passphrase-file", "f"], 2, "cannot be used with"),
        (&["backup", "/nowhere/b", "--words", "--insecure-test-kdf"], 5, "/nowhere/b cannot be written: "),
        (&["relay", "add", "madang-relay:xyz"], 2, "relay"),
        (&["relay", "remove", "9"], 5, "no such relay"),
        (&["delete", "zz"], 2, "64 hexadecimal digits"),
        (&["delete", &"ab".repeat(32)], 5, "no such message here"),
        (&["clear", "Bora"], 2, "say it again with --yes"),
        (&["remove", "Bora"], 2, "say it again with --yes"),
        (&["clear", "Bora", "--yes"], 5, "no such contact"),
        (&["remove", "Bora", "--yes"], 5, "no such contact"),
        (&["disappear", "Bora", "1h"], 5, "no such contact"),
        (&["disappear-default", "1y"], 2, "such as 30s"),
        (&["disappear-default", "4s"], 2, "5 seconds to 365 days"),
        (&["disappear-default", "366d"], 2, "5 seconds to 365 days"),
        (&["whoami", "--listen", "here"], 2, "nowhere to listen"),
    ] {
        let (code, said) = failed(&run(dir.path(), args));
        assert!(code == Some(exit) && said.contains(part), "{args:?}: {code:?} {said}");
    }
    assert_eq!(all(), before, "nothing of this changed anything");
}

/// A passphrase typed at a terminal: `script` makes one, and the keys come once it shows no more what is typed.
#[test]
fn a_passphrase_is_asked_for_at_a_terminal_and_not_shown() {
    let dir = init("Ari");
    let (profile, named) = (dir.path().join("profile"), dir.path().join("terminal"));
    let program = env!("CARGO_BIN_EXE_madang-cli");
    let asked =
        format!("tty >{}; exec {program} whoami --no-mdns --profile {}", named.display(), profile.display());
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--command", &asked, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started: `script` is a part of every Debian");
    let hides = || {
        let terminal = std::fs::read_to_string(&named).unwrap_or_default();
        let told = Command::new("stty").args(["-a", "-F", terminal.trim()]).output().expect("ran");
        String::from_utf8_lossy(&told.stdout).contains("-echo ")
    };
    while !hides() {
        assert!(child.try_wait().expect("asked").is_none(), "it ended and did not ask");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let mut keys = child.stdin.take().expect("piped");
    keys.write_all(b"a plank over the stream\n").expect("typed");
    let mut shown = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut shown).expect("text");
    assert!(shown.contains("assphrase") && shown.contains("Ari"), "{shown}");
    assert!(!shown.contains("plank"), "what is typed is not shown: {shown}");
    assert!(child.wait().expect("ended").success());
}

#[test]
fn a_profile_in_use_is_told_so() {
    let dir = init("Ari");
    let mut bot = Bot::start(command(dir.path(), &["listen", "--stdin", "--json"]));
    bot.event("ready");
    let (code, said) = failed(&run(dir.path(), &["whoami"]));
    assert!(code == Some(4) && said.contains("another program is using this profile"), "{said}");
    assert_eq!(bot.ask(json!({ "do": "quit" }))["done"], true);
    assert!(bot.ended().success());
    object(&run(dir.path(), &["whoami", "--json"]));
}

#[test]
fn a_bot_that_errs_is_answered_and_served_on() {
    let dir = init("Ari");
    let mut bot = Bot::start(command(dir.path(), &["listen", "--stdin", "--json"]));
    bot.event("ready");
    let error = bot.ask_to_fail(json!({ "do": "dance" }));
    assert_eq!(error["kind"], "usage");
    let error = bot.ask_to_fail(json!({ "do": "send", "contact": "Bora", "text": "hi" }));
    assert_eq!(error["kind"], "not-found");
    bot.write("this is no JSON");
    let line = bot.line();
    assert_eq!((&line["answer"], &line["ok"]), (&Value::Null, &json!(false)));
    assert_eq!(bot.ask(json!({ "do": "contacts" })), json!([]));
    bot.close_input();
    assert!(bot.ended().success(), "the end of the input is a good end");
}

#[test]
fn a_listener_ends_well_on_a_signal() {
    let dir = init("Ari");
    let mut bot = Bot::start(command(dir.path(), &["listen", "--json"]));
    bot.event("ready");
    bot.signal("TERM");
    assert!(bot.ended().success());
}
