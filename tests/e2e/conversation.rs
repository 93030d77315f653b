//! Conversations between real processes on real hosts: people who are away, bad lines, kills.

pub(crate) mod cast;
mod kills;
mod traces;

use std::time::Duration;

use cast::{Keeper, Person, acquaint, texts};
use madang_tests::lab::{Lab, Lan, Missing, Place, Weather};
use madang_tests::stories;
use madang_tests::story::Story;
use serde_json::{Value, json};

pub(crate) const STORIES: &[Story] = stories![
    two_on_one_lan_find_each_other_and_a_restart_keeps_everything,
    first_contact_needs_nobody_online_together,
    a_relay_typed_in_by_its_ipv6_address_serves_neighbours_who_do_not_discover_each_other,
    a_line_of_loss_and_delay_loses_no_message,
    a_cut_that_heals_loses_no_message,
    kills_lose_nothing_kept_and_show_nothing_twice,
    a_relay_keeps_nothing_that_names_anybody,
];

use kills::kills_lose_nothing_kept_and_show_nothing_twice;
use traces::a_relay_keeps_nothing_that_names_anybody;

fn numbered(word: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{word} {number}")).collect()
}

fn verify() -> Value {
    json!({ "do": "verify", "contact": 1 })
}

fn two_on_one_lan_find_each_other_and_a_restart_keeps_everything() -> Result<(), Missing> {
    let lab = Lab::new()?;
    let (mut ari, mut bora) = (Person::new(&lab, Place::A1, "Ari"), Person::new(&lab, Place::A2, "Bora"));
    ari.start();
    bora.start();
    acquaint(&mut ari, &mut bora);
    let numbers = [ari.ask(verify()), bora.ask(verify())];
    assert_eq!(numbers[0]["safety_number"], numbers[1]["safety_number"]);
    let compare = json!({ "do": "verify", "contact": 1, "compare": numbers[1]["safety_number"].clone() });
    assert_eq!(ari.ask(compare)["verified"], true);
    let (from_ari, from_bora) = (numbered("from Ari", 5), numbered("from Bora", 5));
    for (a, b) in from_ari.iter().zip(&from_bora) {
        ari.send(a);
        bora.send(b);
    }
    assert_eq!(bora.receives(5), from_ari);
    assert_eq!(ari.receives(5), from_bora);

    // Bora leaves; what Ari writes meanwhile outlives Ari's own restart.
    let before = bora.history();
    bora.stop();
    let unsent = numbered("while Bora is away", 3);
    unsent.iter().for_each(|text| drop(ari.send(text)));
    let kept = texts(&ari.history(), true);
    let contacts = ari.ask(json!({ "do": "contacts" }));
    ari.stop();
    ari.start();
    assert_eq!(texts(&ari.history(), true), kept);
    assert_eq!(ari.received(), from_bora);
    let again = ari.ask(json!({ "do": "contacts" }));
    for field in ["contact", "name", "account", "state", "verified", "conversation"] {
        assert_eq!(again[0][field], contacts[0][field], "{field}");
    }
    bora.start();
    let texts_of = |history: &[Value]| history.iter().map(|m| m["text"].to_string()).collect::<Vec<_>>();
    assert_eq!(texts_of(&bora.history())[..before.len()], texts_of(&before));
    assert_eq!(bora.receives(8), [from_ari, unsent].concat());
    ari.was_told_each_once();
    bora.was_told_each_once();
    Ok(())
}

/// Lets two people be online in turn, never together, until what the second waits for has come.
fn in_turn(
    first: &mut Person<'_>,
    second: &mut Person<'_>,
    what: &str,
    command: &Value,
    fits: impl Fn(&Value) -> bool,
) -> Value {
    for _ in 0..8 {
        second.start();
        if let Ok(answer) = second.until_within(Duration::from_secs(8), command, &fits) {
            return answer;
        }
        second.stop();
        // What the first had to leave may not all have left when it was last here.
        first.start();
        first.relay_up();
        std::thread::sleep(Duration::from_secs(2));
        first.stop();
    }
    panic!("{} waits in vain for {what}", second.name);
}

fn first_contact_needs_nobody_online_together() -> Result<(), Missing> {
    let lab = Lab::new()?;
    let keeper = Keeper::new(&lab);
    let (mut ari, mut bora) = (Person::new(&lab, Place::A1, "Ari"), Person::new(&lab, Place::B1, "Bora"));
    let contacts = json!({ "do": "contacts" });
    ari.start();
    ari.use_relay(&keeper.descriptor());
    // The invite carries the relay: Bora has never heard of it.
    let invite = ari.ask(json!({ "do": "invite" }))["invite"].clone();
    ari.stop();
    bora.start();
    bora.ask(json!({ "do": "accept", "invite": invite, "name": "Ari" }));
    bora.stop();
    in_turn(&mut ari, &mut bora, "Ari's keys", &contacts, |list| list[0]["state"] == "waiting");
    bora.stop();
    in_turn(&mut bora, &mut ari, "Bora's answer", &contacts, |list| list[0]["state"] == "live");

    let written = numbered("while Bora is off", 10);
    let ids: Vec<String> = written.iter().map(|text| ari.send(text)).collect();
    for id in &ids {
        let trail = json!({ "do": "trail", "message": id });
        ari.until("a message on the relay", &trail, |trail| {
            trail.as_array().is_some_and(|steps| steps.iter().any(|step| step["step"] == "on-relay"))
        });
    }
    ari.stop();
    bora.start();
    assert_eq!(bora.receives(10), written);
    bora.stop();
    let last = json!({ "do": "trail", "message": ids[9] });
    in_turn(&mut bora, &mut ari, "the receipt", &last, |trail| {
        trail.as_array().is_some_and(|steps| steps.iter().any(|step| step["step"] == "delivered"))
    });
    bora.start();
    assert_eq!(bora.received(), written, "in order and once, also after all was seen again");
    ari.was_told_each_once();
    bora.was_told_each_once();
    Ok(())
}

fn a_relay_typed_in_by_its_ipv6_address_serves_neighbours_who_do_not_discover_each_other()
-> Result<(), Missing> {
    let lab = Lab::new()?;
    let mut keeper = Keeper::over_ipv6(&lab);
    let person = |place, name| Person::new(&lab, place, name).without_discovery();
    let (mut ari, mut bora) = (person(Place::A1, "Ari"), person(Place::A2, "Bora"));
    let typed = format!("[{}]:4470", lab.host(Place::Relay).ip6());
    for person in [&mut ari, &mut bora] {
        person.start();
        // Nothing but the address is known: who answers there is believed to be the relay, and noted.
        person.use_relay(&typed);
    }
    acquaint(&mut ari, &mut bora);
    let (from_ari, from_bora) = (numbered("from Ari", 4), numbered("from Bora", 4));
    let ids: Vec<String> = from_ari.iter().map(|text| ari.send(text)).collect();
    from_bora.iter().for_each(|text| drop(bora.send(text)));
    assert_eq!(bora.receives(4), from_ari);
    assert_eq!(ari.receives(4), from_bora);
    assert_eq!(ari.ask(json!({ "do": "contacts" }))[0]["linked"], false, "no road but the relay");
    let last = json!({ "do": "trail", "message": ids[3] });
    let is_delivered = |trail: &Value| {
        trail.as_array().is_some_and(|steps| steps.iter().any(|step| step["step"] == "delivered"))
    };
    ari.until("the receipt", &last, is_delivered);
    // All three begin anew, and go on.
    bora.stop();
    keeper.kill();
    let later = numbered("while Bora is away", 3);
    later.iter().for_each(|text| drop(ari.send(text)));
    ari.stop();
    keeper.start();
    ari.start();
    bora.start();
    assert_eq!(bora.receives(7), [from_ari, later].concat());
    ari.was_told_each_once();
    bora.was_told_each_once();
    Ok(())
}

/// Two contacts across the router, with a relay.
fn apart<'lab>(lab: &'lab Lab) -> (Keeper<'lab>, Person<'lab>, Person<'lab>) {
    let keeper = Keeper::new(lab);
    let (mut ari, mut bora) = (Person::new(lab, Place::A1, "Ari"), Person::new(lab, Place::B1, "Bora"));
    ari.start();
    bora.start();
    let descriptor = keeper.descriptor();
    ari.use_relay(&descriptor);
    bora.use_relay(&descriptor);
    acquaint(&mut ari, &mut bora);
    (keeper, ari, bora)
}

/// Both write while `trouble` comes and goes; all must arrive, in order and once.
fn talk_through(ari: &mut Person<'_>, bora: &mut Person<'_>, trouble: impl FnOnce(&mut Person<'_>)) {
    let (from_ari, from_bora) = (numbered("from Ari", 12), numbered("from Bora", 12));
    for (a, b) in from_ari.iter().zip(&from_bora) {
        ari.send(a);
        bora.send(b);
    }
    trouble(ari);
    assert_eq!(bora.receives(12), from_ari);
    assert_eq!(ari.receives(12), from_bora);
    ari.was_told_each_once();
    bora.was_told_each_once();
}

fn a_line_of_loss_and_delay_loses_no_message() -> Result<(), Missing> {
    let lab = Lab::new()?;
    let (_keeper, mut ari, mut bora) = apart(&lab);
    lab.uplink(Lan::A).set(Weather { delay: Duration::from_millis(200), jitter: Duration::ZERO, loss: 0.3 });
    talk_through(&mut ari, &mut bora, |_| {});
    Ok(())
}

fn a_cut_that_heals_loses_no_message() -> Result<(), Missing> {
    let lab = Lab::new()?;
    let (_keeper, mut ari, mut bora) = apart(&lab);
    lab.cut(Lan::A, Lan::B);
    lab.cut(Lan::A, Lan::Relay);
    talk_through(&mut ari, &mut bora, |ari| {
        // Long enough that the link is given up: what heals it is a new one, not the patience of TCP.
        ari.relay_down();
        std::thread::sleep(Duration::from_secs(10));
        lab.heal(Lan::A, Lan::Relay);
    });
    Ok(())
}
