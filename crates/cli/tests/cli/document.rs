//! What is told of the program: the practice conversation, completions, pages, and the document.

use std::process::Command;

use madang_core::{ContactId, Notice, RelayNumber};
use serde_json::{Value, json};

use crate::{fields, folder};

#[test]
fn the_practice_conversation_is_told_step_by_step() {
    let out = Command::new(env!("CARGO_BIN_EXE_madang-cli"))
        .args(["demo", "--json"])
        .env_remove("SSLKEYLOGFILE")
        .output()
        .expect("ran");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).expect("text");
    let steps: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(steps.iter().all(|step| fields(step) == ["at_ms", "step", "text"]), "{text}");
    assert_eq!(steps.last().map(|step| &step["step"]), Some(&json!("end")));
}

#[test]
fn completions_and_pages_cover_every_command() {
    let dir = folder();
    let out =
        Command::new(env!("CARGO_BIN_EXE_madang-cli")).args(["completions", "bash"]).output().expect("ran");
    assert!(String::from_utf8_lossy(&out.stdout).contains("passphrase-fd"));
    let pages = dir.path().join("man");
    let out = Command::new(env!("CARGO_BIN_EXE_madang-cli"))
        .args(["man", "--dir"])
        .arg(&pages)
        .output()
        .expect("ran");
    assert!(out.status.success());
    for page in ["madang-cli.1", "madang-cli-send.1", "madang-cli-relay-add.1", "madang-cli-listen.1"] {
        assert!(pages.join(page).exists(), "{page}");
    }
}

#[test]
fn the_document_names_every_command_every_field_and_every_notice() {
    let document = include_str!("../../../../docs/cli.md");
    let command = <madang_cli::args::Cli as clap::CommandFactory>::command();
    for sub in command.get_subcommands() {
        assert!(
            document.contains(&format!("`{}", sub.get_name())),
            "docs/cli.md tells of `{}`",
            sub.get_name()
        );
    }
    for field in [
        "account",
        "addresses",
        "after_gap",
        "author",
        "before",
        "called_back",
        "contact",
        "conversation",
        "days",
        "delivery",
        "disappears_after",
        "home",
        "invite",
        "label_ms",
        "late",
        "linked",
        "message",
        "mine",
        "more",
        "name",
        "notice",
        "place",
        "qr",
        "relay",
        "relay_id",
        "relays",
        "renewing",
        "reply_to",
        "safety_number",
        "say",
        "sets_disappearing",
        "state",
        "step",
        "takes",
        "text",
        "their_name",
        "transport_names",
        "up",
        "verified",
        "waiting",
    ] {
        assert!(document.contains(&format!("`{field}`")), "docs/cli.md tells of `{field}`");
    }
    let (contact, relay) = (ContactId(1), RelayNumber(1));
    for notice in [
        Notice::InviteUsedAgain,
        Notice::InviteExpired,
        Notice::InviteAnsweredLate,
        Notice::InviteSpoiled,
        Notice::AnsweredAgain(contact),
        Notice::InviteOver(contact),
        Notice::InviteTaken(contact),
        Notice::InviteExhausted(contact),
        Notice::InviteForged(contact),
        Notice::ContactRestored(contact),
        Notice::BeginsAnew(contact),
        Notice::MetAgain(contact),
        Notice::NeedsInvite(contact),
        Notice::DeviceCalledBack(contact),
        Notice::DevicesContradict(contact),
        Notice::RelayListReplaced(relay),
        Notice::RelayEquivocates(relay),
        Notice::RelayImpostor(relay),
        Notice::IndexRebuilt,
        Notice::LogDamaged { commits: 1, files: 0 },
        Notice::RolledBack,
    ] {
        let (word, _) = madang_cli::view::notice(&notice);
        assert!(document.contains(&format!("`{word}`")), "docs/cli.md tells of `{word}`");
    }
}
