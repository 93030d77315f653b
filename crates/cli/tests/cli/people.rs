//! Two people: how they talk through a relay, what disappears and what is deleted, and keys that may be known to others.

use relay::{Relay, Settings};
use serde_json::{Value, json};

use crate::{
    address_of, bot::Bot, command, failed, fields, folder, friends, init, json_of, object, run, texts,
};

/// Two people and a relay on this machine: the whole command line, once through.
#[tokio::test(flavor = "multi_thread")]
async fn two_people_talk_through_a_relay_by_the_command_line() {
    let relay_dir = folder();
    let relay = Relay::start(Settings::loopback(relay_dir.path())).await.expect("started");
    let descriptor = relay.descriptor();
    let story = tokio::task::spawn_blocking(move || {
        let (ari, bora) = (init("Ari"), init("Bora"));
        for dir in [&ari, &bora] {
            let added = object(&run(dir.path(), &["relay", "add", &descriptor, "--wait", "60", "--json"]));
            assert_eq!(fields(&added), ["addresses", "home", "relay", "relay_id", "takes", "up", "waiting"]);
            assert_eq!((&added["up"], &added["home"]), (&json!(true), &json!(true)));
        }
        let mut ari_bot = Bot::start(command(ari.path(), &["listen", "--stdin", "--json"]));
        ari_bot.event("ready");
        ari_bot.event_with("relay", "up", &json!(true));
        let invite = ari_bot.ask(json!({ "do": "invite", "days": 3 }));
        assert_eq!(fields(&invite), ["days", "invite"]);
        let text = invite["invite"].as_str().expect("text").to_owned();
        let contact =
            object(&run(bora.path(), &["accept", &text, "--name", "my Ari", "--wait", "120", "--json"]));
        assert_eq!(
            fields(&contact),
            [
                "account",
                "contact",
                "conversation",
                "linked",
                "name",
                "relays",
                "renewing",
                "state",
                "their_name",
                "verified"
            ]
        );
        assert_eq!((&contact["name"], &contact["state"]), (&json!("my Ari"), &json!("live")));
        let live = ari_bot.event("contact-live");
        assert_eq!(live["name"], "Bora");

        // Bora writes and waits for the receipt; Ari is there.
        let args =
            ["send", "my Ari", "the bridge is open", "--wait", "delivered", "--timeout", "120", "--json"];
        let sent = object(&run(bora.path(), &args));
        assert_eq!(fields(&sent), ["conversation", "delivery", "message"]);
        assert_eq!(sent["delivery"], "delivered");
        let heard = ari_bot.event_with("message", "mine", &json!(false));
        assert_eq!((&heard["text"], &heard["message"]), (&json!("the bridge is open"), &sent["message"]));

        // Ari answers while Bora is away; Bora comes back later and hears it once.
        let answer = ari_bot.ask(json!({
            "do": "send", "contact": "Bora", "text": "I am coming", "reply_to": sent["message"],
        }));
        ari_bot.event_with("delivery", "delivery", &json!("on-relay"));
        let mut bora_bot = Bot::start(command(bora.path(), &["listen", "--stdin", "--json"]));
        let heard = bora_bot.event_with("message", "mine", &json!(false));
        assert_eq!((&heard["text"], &heard["reply_to"]), (&json!("I am coming"), &sent["message"]));
        ari_bot.event_with("delivery", "delivery", &json!("delivered"));
        let trail = ari_bot.ask(json!({ "do": "trail", "message": answer["message"] }));
        let steps: Vec<&str> =
            trail.as_array().expect("a list").iter().map(|s| s["step"].as_str().expect("a word")).collect();
        assert!(
            steps.contains(&"written") && steps.contains(&"on-relay") && steps.contains(&"delivered"),
            "{steps:?}"
        );

        // Both see the same numbers, and the comparison sticks.
        let ours = ari_bot.ask(json!({ "do": "verify", "contact": "Bora" }));
        assert_eq!(fields(&ours), ["contact", "name", "qr", "safety_number", "verified"]);
        let theirs =
            bora_bot.ask(json!({ "do": "verify", "contact": "my Ari", "compare": ours["safety_number"] }));
        assert_eq!((&theirs["safety_number"], &theirs["verified"]), (&ours["safety_number"], &json!(true)));
        let wrong =
            bora_bot.ask_to_fail(json!({ "do": "verify", "contact": 1, "compare": "00000 ".repeat(12) }));
        assert!(wrong["say"].as_str().expect("text").contains("differ"));
        let short = bora_bot.ask_to_fail(json!({ "do": "verify", "contact": 1, "compare": "00000 00000" }));
        assert_eq!(short["kind"], "usage");
        assert!(short["say"].as_str().expect("text").ends_with("this one has 10"));
        bora_bot.ask(json!({ "do": "quit" }));
        assert!(bora_bot.ended().success());

        let history = run(bora.path(), &["history", "my Ari", "--json"]);
        let lines: Vec<Value> = String::from_utf8(history.stdout)
            .expect("text")
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        let texts: Vec<&str> = lines.iter().map(|line| line["text"].as_str().expect("text")).collect();
        assert_eq!(texts, ["the bridge is open", "I am coming"], "in order, once");
        assert_eq!(
            fields(&lines[0]),
            [
                "after_gap",
                "author",
                "contact",
                "conversation",
                "delivery",
                "disappears_after",
                "label_ms",
                "late",
                "message",
                "mine",
                "place",
                "reply_to",
                "sets_disappearing",
                "text"
            ]
        );
        ari_bot.ask(json!({ "do": "quit" }));
        assert!(ari_bot.ended().success());
    });
    story.await.expect("the story ends well");
    relay.shutdown().await.expect("a clean end");
}

#[test]
fn messages_disappear_for_both_after_the_time_that_one_of_them_chose() {
    let (ari, bora) = (init("Ari"), init("Bora"));
    let (mut a, mut b) = friends(ari.path(), bora.path());
    assert_eq!(
        a.ask(json!({ "do": "disappear", "contact": 1 })),
        json!({ "contact": 1, "disappears_after": null })
    );
    let error = a.ask_to_fail(json!({ "do": "disappear", "contact": 1, "after": "soon" }));
    assert_eq!(error["kind"], "usage");
    a.ask(json!({ "do": "send", "contact": 1, "text": "this stays" }));
    let chosen = a.ask(json!({ "do": "disappear", "contact": 1, "after": "5s" }));
    assert_eq!(chosen["disappears_after"], 5);
    // The other side is told in the conversation, and it holds for what they write too.
    let told = b.event_with("message", "sets_disappearing", &json!(5));
    assert_eq!((&told["text"], &told["mine"]), (&Value::Null, &json!(false)));
    assert_eq!(b.ask(json!({ "do": "disappear", "contact": "Ari" }))["disappears_after"], 5);
    let sent = b.ask(json!({ "do": "send", "contact": 1, "text": "this does not" }));
    let heard = a.event_with("message", "text", &json!("this does not"));
    assert_eq!(heard["disappears_after"], 5);
    // To tell the program was to show it: from then on it was counted, and at its author since it was confirmed.
    for bot in [&mut a, &mut b] {
        assert_eq!(bot.event("erased")["messages"], json!([sent["message"]]));
        assert_eq!(texts(bot), [json!("this stays"), Value::Null]);
    }
    b.ask(json!({ "do": "disappear", "contact": 1, "after": "off" }));
    a.event_with("message", "sets_disappearing", &json!(0));
    for bot in [&mut a, &mut b] {
        bot.ask(json!({ "do": "quit" }));
        assert!(bot.ended().success());
    }
    // The same by the command line, where people read it.
    let said = |args: &[&str]| {
        let out = run(ari.path(), args);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).expect("text").trim().to_owned()
    };
    assert_eq!(said(&["disappear", "1"]), "new messages stay");
    assert_eq!(said(&["disappear", "1", "36h"]), "new messages disappear 36 hours after they were shown");
    let history = said(&["history", "1"]);
    assert!(
        history.contains("[messages disappear from here on, 5 seconds after they were shown]"),
        "{history}"
    );
    assert!(history.contains("[messages stay from here on]") && !history.contains("does not"), "{history}");
    assert_eq!(said(&["disappear-default"]), "nothing is said in new conversations");
    said(&["disappear-default", "4w"]);
    assert_eq!(
        object(&run(ari.path(), &["disappear-default", "--json"])),
        json!({ "contact": null, "disappears_after": 2_419_200 })
    );
}

#[test]
fn what_is_deleted_cleared_or_removed_is_gone_here_and_stays_with_the_other() {
    let (ari, bora) = (init("Ari"), init("Bora"));
    let (mut a, mut b) = friends(ari.path(), bora.path());
    let mut sent = Vec::new();
    for text in ["one", "two", "three"] {
        sent.push(a.ask(json!({ "do": "send", "contact": 1, "text": text }))["message"].clone());
        b.event_with("message", "text", &json!(text));
    }
    let all = [json!("one"), json!("two"), json!("three")];
    assert_eq!(a.ask(json!({ "do": "delete", "message": sent[1] })), json!({ "done": true }));
    assert_eq!(a.event("erased")["messages"], json!([sent[1]]));
    assert_eq!(a.ask_to_fail(json!({ "do": "delete", "message": sent[1] }))["kind"], "not-found");
    assert_eq!(texts(&mut a), [json!("one"), json!("three")]);
    assert_eq!(texts(&mut b), all);

    assert_eq!(b.ask(json!({ "do": "clear", "contact": "Ari" })), json!({ "done": true }));
    b.event("cleared");
    assert!(texts(&mut b).is_empty());
    assert_eq!(texts(&mut a), [json!("one"), json!("three")]);

    assert_eq!(b.ask(json!({ "do": "remove", "contact": "Ari" })), json!({ "done": true }));
    assert_eq!(b.event("contact-removed")["contact"], 1);
    assert_eq!(b.ask(json!({ "do": "contacts" })), json!([]));
    for bot in [&mut a, &mut b] {
        bot.ask(json!({ "do": "quit" }));
        assert!(bot.ended().success());
    }

    // By the command line, and only for who means it.
    let first = sent[0].as_str().expect("text");
    for (args, left) in [
        (&["delete", first][..], Some(1)),
        (&["clear", "1", "--yes"], Some(0)),
        (&["remove", "1", "--yes"], None),
    ] {
        let (verb, sure) = (args[0], args.last() == Some(&"--yes"));
        if sure {
            let (code, said) = failed(&run(ari.path(), &args[..2]));
            assert!(code == Some(2) && said.contains("cannot be undone"), "{verb}: {said}");
        }
        assert_eq!(
            object(&run(ari.path(), &[args, &["--json"]].concat())),
            json!({ "done": true }),
            "{verb}"
        );
        let out = run(ari.path(), &["history", "1", "--json"]);
        let lines = out.status.success().then(|| String::from_utf8_lossy(&out.stdout).lines().count());
        assert_eq!(lines, left, "{verb}");
    }
    assert!(run(ari.path(), &["contacts"]).stdout.is_empty());
}

#[test]
fn nothing_is_written_to_who_has_called_their_device_back() {
    let (ari, bora) = (init("Ari"), init("Bora"));
    let (mut a, mut b) = friends(ari.path(), bora.path());
    a.ask(json!({ "do": "call-back" }));
    b.event_with("contact-changed", "state", &json!("failed"));
    for wish in [
        json!({ "do": "send", "contact": "Ari", "text": "are you there?" }),
        json!({ "do": "disappear", "contact": "Ari", "after": "1h" }),
    ] {
        let error = b.ask_to_fail(wish);
        assert_eq!(error["kind"], "other");
        assert!(error["say"].as_str().expect("text").contains("nothing goes there any more"), "{error}");
    }
    assert!(texts(&mut b).is_empty(), "what was said stays readable, and nothing joins it");
    for bot in [&mut a, &mut b] {
        bot.ask(json!({ "do": "quit" }));
        assert!(bot.ended().success());
    }
    let (code, said) = failed(&run(bora.path(), &["send", "Ari", "are you there?", "--wait", "relay"]));
    assert!(code == Some(1) && said.contains("nothing goes there any more"), "{said}");
    let people = String::from_utf8(run(bora.path(), &["contacts"]).stdout).expect("text");
    assert!(people.contains("exchange a new invite"), "{people}");
}

#[test]
fn keys_are_burnt_on_suspicion_and_a_device_is_called_back_by_who_means_it() {
    let (ari, bora) = (init("Ari"), init("Bora"));
    let (mut a, mut b) = friends(ari.path(), bora.path());
    assert_eq!(a.ask(json!({ "do": "suspect", "contact": "Bora" })), json!({ "done": true }));
    assert_eq!(a.ask_to_fail(json!({ "do": "suspect", "contact": "Chan" }))["kind"], "not-found");
    // The new keys serve both ways.
    for (from, to, text) in [(0, 1, "under new keys"), (1, 0, "here too")] {
        let bots = [&mut a, &mut b];
        bots[from].ask(json!({ "do": "send", "contact": 1, "text": text }));
        bots[to].event_with("message", "text", &json!(text));
    }
    a.ask(json!({ "do": "quit" }));
    assert!(a.ended().success());

    // By the command line.
    let (code, said) = failed(&run(ari.path(), &["suspect", "Chan"]));
    assert!(code == Some(5) && said.contains("no such contact"), "{said}");
    assert_eq!(object(&run(ari.path(), &["suspect", "Bora", "--json"])), json!({ "done": true }));
    let (code, said) = failed(&run(ari.path(), &["call-back"]));
    assert!(code == Some(2) && said.contains("--yes"), "{said}");
    object(&run(ari.path(), &["invite", "--json"]));
    for _ in 0..2 {
        assert_eq!(object(&run(ari.path(), &["call-back", "--yes", "--json"])), json!({ "done": true }));
    }
    for args in [&["suspect", "Bora"][..], &["invite"], &["send", "Bora", "it is me"]] {
        let (code, said) = failed(&run(ari.path(), args));
        assert!(code == Some(1) && said.contains("called back"), "{args:?}: {code:?} {said}");
    }

    // Who hears of it takes nothing from this device any more.
    let mut a = Bot::start(command(ari.path(), &["listen", "--stdin", "--json"]));
    b.ask(json!({ "do": "dial", "address": address_of(&mut a) }));
    b.event_with("contact-changed", "state", &json!("failed"));
    for bot in [&mut a, &mut b] {
        bot.ask(json!({ "do": "quit" }));
        assert!(bot.ended().success());
    }
}

#[test]
fn every_command_that_tells_something_tells_it_in_json_when_asked() {
    let (ari, bora) = (init("Ari"), init("Bora"));
    let (mut ari_bot, mut bora_bot) = friends(ari.path(), bora.path());
    let relay_dir = folder();
    let descriptor = tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let relay = Relay::start(Settings::loopback(relay_dir.path())).await.expect("started");
        let descriptor = relay.descriptor();
        relay.shutdown().await.expect("ended");
        descriptor
    });
    let sent = ari_bot.ask(json!({ "do": "send", "contact": "Bora", "text": "hi" }));
    let message = sent["message"].as_str().expect("an id").to_owned();
    for bot in [&mut ari_bot, &mut bora_bot] {
        bot.ask(json!({ "do": "quit" }));
        assert!(bot.ended().success());
    }
    for args in [
        &["whoami"][..],
        &["invite", "--days", "3"],
        &["contacts"],
        &["rename", "Bora", "Bora of the brook"],
        &["verify", "1"],
        &["history", "1"],
        &["trail", &message],
        &["disappear", "1"],
        &["disappear", "1", "1h"],
        &["disappear-default"],
        &["suspect", "1"],
        &["relay", "add", &descriptor],
        &["relay", "list"],
        &["relay", "remove", "1"],
        &["delete", &message],
        &["clear", "1", "--yes"],
        &["remove", "1", "--yes"],
    ] {
        let out = run(ari.path(), &[args, &["--json"]].concat());
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{args:?}: {said}");
        let lines: Vec<Value> =
            out.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(json_of).collect();
        assert!(!lines.is_empty() && lines.iter().all(Value::is_object), "{args:?}: {lines:?}");
    }
}
