//! Attacks on a relay: each ends in a named refusal, and harms nobody else.

extern crate madang_proto as proto;

mod common;

use std::time::Duration;

use common::{Relay, User, blob, envelope, rng, settle, slots};
use crypto::key::Signature;
use crypto::request::seal_request;
use crypto::seal::Class;
use crypto::slot::Slot;
use proto::envelope::Envelope;
use proto::frame::{Frame, Push};
use proto::id::{LinkId, Moment, Prefix, Tag};
use proto::limits;
use proto::mailbox::client::{ClientEvent, Refusal};
use proto::mailbox::request::{FollowMode, PutOutcome, Reply, Request};
use proto::mailbox::server::{Quotas, RESERVE_EVERY, RESERVE_NEW_LINK, ServerError};
use proto::wire::WireError;
use rand_core::Rng;

/// Asks a relay something on a link of its own, and opens the answer.
fn ask(relay: &mut Relay, request: &Request) -> Reply {
    let link = LinkId(999);
    relay.server.link_up(link);
    let reply = ask_on(relay, link, request);
    relay.server.link_down(link);
    reply
}

/// Asks a relay something on a link that is up, and opens the answer.
fn ask_on(relay: &mut Relay, link: LinkId, request: &Request) -> Reply {
    let key = relay.descriptor.facts().request_key;
    let (sealed, pending) = seal_request(&key, &request.encode(), &mut rng(5)).expect("fits");
    let gathered = relay.gather(&[(link, Frame::Request { id: 1, sealed }.encode())]);
    assert_eq!(gathered.errors, []);
    match Frame::decode(&gathered.outputs[0].1).expect("a frame") {
        Frame::Reply { id: 1, sealed } => {
            Reply::decode(&pending.open(&sealed).expect("opens")).expect("a reply")
        }
        other => panic!("{other:?}"),
    }
}

fn put(relay: &mut Relay, envelope: &Envelope) -> PutOutcome {
    outcome(ask(relay, &Request::Put(vec![envelope.clone()])))
}

fn put_on(relay: &mut Relay, link: LinkId, envelope: &Envelope) -> PutOutcome {
    outcome(ask_on(relay, link, &Request::Put(vec![envelope.clone()])))
}

fn outcome(reply: Reply) -> PutOutcome {
    match reply {
        Reply::Put(outcomes) => outcomes[0],
        other => panic!("{other:?}"),
    }
}

fn take_back(relay: &mut Relay, slot: &Slot) {
    ask(relay, &Request::Delete(vec![(Tag(slot.tag()), slot.sign_delete())]));
}

#[test]
fn put_without_the_slots_key() {
    let mut relay = Relay::new();
    let (victim, thief) = (&slots(1, 1)[0], &slots(2, 1)[0]);
    let mut forged = envelope(thief, Class::C0, 1);
    forged.tag = Tag(victim.tag());
    assert_eq!(put(&mut relay, &forged), PutOutcome::Bad);
    let mut unsigned = envelope(victim, Class::C0, 1);
    unsigned.signature = Signature::from_bytes(&[0; 64]).expect("64 bytes");
    assert_eq!(put(&mut relay, &unsigned), PutOutcome::Bad);
    assert_eq!((relay.server.stats().position, relay.server.stats().bad), (0, 2));
    assert_eq!(put(&mut relay, &envelope(victim, Class::C0, 2)), PutOutcome::Stored);
}

#[test]
fn put_under_a_tag_of_small_order() {
    let mut relay = Relay::new();
    // Under the neutral point some signatures fit every message; strict checking refuses the key.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut zero_sum = [0; 64];
    zero_sum[0] = 1;
    let mut forged = envelope(&slots(1, 1)[0], Class::C0, 1);
    forged.tag = Tag(neutral);
    forged.signature = Signature::from_bytes(&zero_sum).expect("64 bytes");
    assert_eq!(put(&mut relay, &forged), PutOutcome::Bad);
}

#[test]
fn slot_jam() {
    // A tag in use can neither be overwritten nor filled up, by its owner's rival or by its owner.
    let mut relay = Relay::new();
    let slot = &slots(1, 1)[0];
    assert_eq!(put(&mut relay, &envelope(slot, Class::C0, 1)), PutOutcome::Stored);
    assert_eq!(put(&mut relay, &envelope(slot, Class::C0, 2)), PutOutcome::Taken);
    assert_eq!(put(&mut relay, &envelope(slot, Class::C3, 3)), PutOutcome::Taken);
    assert_eq!(relay.server.stats().envelopes, 1);
}

#[test]
fn put_replayed_after_delete() {
    let mut relay = Relay::new();
    let slot = &slots(1, 1)[0];
    let genuine = Envelope::seal_into(slot, blob(Class::C0, 1), 5, 0);
    assert_eq!(put(&mut relay, &genuine), PutOutcome::Stored);
    let order = Request::Delete(vec![(Tag(slot.tag()), slot.sign_delete())]);
    ask(&mut relay, &order);
    assert_eq!(put(&mut relay, &genuine), PutOutcome::Gone);
    relay.crash();
    assert_eq!(put(&mut relay, &genuine), PutOutcome::Gone, "the tombstone is on disk");
    relay.live_through(5);
    assert_eq!(put(&mut relay, &genuine), PutOutcome::Gone, "until its time ends");
    assert_eq!(relay.server.stats().envelopes, 0);
}

#[test]
fn delete_replayed_or_forged() {
    let mut relay = Relay::new();
    let all = slots(1, 2);
    put(&mut relay, &envelope(&all[0], Class::C0, 1));
    let forged = Request::Delete(vec![(Tag(all[0].tag()), all[1].sign_delete())]);
    ask(&mut relay, &forged);
    let genuine = envelope(&all[0], Class::C0, 1);
    let as_delete = Request::Delete(vec![(Tag(all[0].tag()), genuine.signature)]);
    ask(&mut relay, &as_delete);
    assert_eq!(relay.server.stats().envelopes, 1);
}

/// What an entry of the smallest class costs of a relay's room.
const SMALL: u64 = 1_152;

/// A relay with room for so many of the smallest class, of which one in sixteen is the reserve.
fn relay_with_room_for(entries: u64) -> Relay {
    Relay::with(Quotas { bytes: entries * SMALL, ..Quotas::default() })
}

#[test]
fn flooded_mailbox() {
    let mut relay = relay_with_room_for(160);
    let early = slots(1, 10);
    for (n, slot) in early.iter().enumerate() {
        put(&mut relay, &envelope(slot, Class::C0, n as u64));
    }
    let flood = LinkId(1);
    relay.server.link_up(flood);
    let mut outcomes = Vec::new();
    for (n, slot) in slots(2, 300).iter().enumerate() {
        outcomes.push(put_on(&mut relay, flood, &envelope(slot, Class::C0, n as u64)));
    }
    let count = |what| outcomes.iter().filter(|outcome| **outcome == what).count();
    assert_eq!(count(PutOutcome::Stored), 140, "all but the reserve");
    assert_eq!(
        count(PutOutcome::StoredInReserve),
        RESERVE_NEW_LINK as usize,
        "of which one link draws little"
    );
    assert_eq!(relay.server.stats().bytes, (150 + u64::from(RESERVE_NEW_LINK)) * SMALL);
    let mut bora = User::new(&relay, 2, true);
    bora.want(&early);
    bora.connect(&mut relay);
    settle(&mut relay, &mut [&mut bora]);
    assert_eq!(bora.blobs.len(), 10, "nothing accepted was pushed out");
}

#[test]
fn a_full_mailbox_takes_small_envelopes_into_its_reserve_and_no_others() {
    let mut relay = relay_with_room_for(160);
    for (n, slot) in slots(1, 150).iter().enumerate() {
        assert_eq!(put(&mut relay, &envelope(slot, Class::C0, n as u64)), PutOutcome::Stored);
    }
    let [large, small, again] = &slots(2, 3)[..] else { unreachable!("three were asked for") };
    assert_eq!(put(&mut relay, &envelope(large, Class::C1, 1)), PutOutcome::Full);
    let receipt = envelope(small, Class::C0, 2);
    assert_eq!(put(&mut relay, &receipt), PutOutcome::StoredInReserve);
    assert_eq!(put(&mut relay, &receipt), PutOutcome::Duplicate);
    relay.crash();
    assert_eq!(
        put(&mut relay, &receipt),
        PutOutcome::Duplicate,
        "what the reserve took is kept like all else"
    );
    // What its sender takes back makes room for all.
    slots(1, 10).iter().for_each(|slot| take_back(&mut relay, slot));
    assert_eq!(put(&mut relay, &envelope(large, Class::C1, 1)), PutOutcome::Stored);
    assert_eq!(put(&mut relay, &envelope(again, Class::C0, 3)), PutOutcome::Stored);
}

#[test]
fn flooded_reserve() {
    let mut relay = relay_with_room_for(1_600);
    for (n, slot) in slots(1, 1_500).iter().enumerate() {
        put(&mut relay, &envelope(slot, Class::C0, n as u64));
    }
    // One link floods and never waits; another comes with a receipt once a minute.
    let (flood, bora) = (LinkId(1), LinkId(2));
    relay.server.link_up(flood);
    relay.server.link_up(bora);
    let (floods, receipts) = (slots(2, 400), slots(3, 7));
    let mut drawn = 0;
    for (second, slot) in floods.iter().enumerate() {
        relay.now = relay.now.plus(Duration::from_secs(1));
        let outcome = put_on(&mut relay, flood, &envelope(slot, Class::C0, 1));
        drawn += usize::from(outcome == PutOutcome::StoredInReserve);
        if second % 60 == 0 {
            let receipt = envelope(&receipts[second / 60], Class::C0, 2);
            assert_eq!(put_on(&mut relay, bora, &receipt), PutOutcome::StoredInReserve, "second {second}");
        }
    }
    let pace = floods.len() as u64 / RESERVE_EVERY.as_secs() + u64::from(RESERVE_NEW_LINK);
    assert!(drawn as u64 <= pace, "{drawn} drawn where {pace} may be");
    // A flood from ever new links does fill it: then small ones are refused too, and nothing is kept beyond the room.
    let refused = |slot: &Slot| put(&mut relay, &envelope(slot, Class::C0, 3)) == PutOutcome::Full;
    assert!(slots(4, 60).iter().map(refused).filter(|full| *full).count() > 20);
    assert_eq!(relay.server.stats().bytes, 1_600 * SMALL);
    // Even now who takes back what has come makes room: for as much, less the tombstones.
    let last = envelope(&slots(5, 1)[0], Class::C0, 4);
    slots(1, 1).iter().for_each(|slot| take_back(&mut relay, slot));
    assert_eq!(put(&mut relay, &last), PutOutcome::Full);
    slots(1, 2).iter().for_each(|slot| take_back(&mut relay, slot));
    assert_eq!(put(&mut relay, &last), PutOutcome::StoredInReserve);
}

#[test]
fn deposits_and_deletions_without_end() {
    // Tombstones count against the quota, so that put and delete in turn cannot fill the memory.
    let mut relay = Relay::with(Quotas { bytes: 20 * 1_152, ..Quotas::default() });
    let mut stored = 0;
    for (n, slot) in slots(1, 300).iter().enumerate() {
        stored += usize::from(put(&mut relay, &envelope(slot, Class::C0, n as u64)) == PutOutcome::Stored);
        ask(&mut relay, &Request::Delete(vec![(Tag(slot.tag()), slot.sign_delete())]));
    }
    assert!(stored < 180, "{stored}");
    assert!(relay.server.stats().bytes <= 20 * 1_152);
}

#[test]
fn flooding_link() {
    let quotas = Quotas { work_per_second: 10, work_burst: 20, ..Quotas::default() };
    let mut relay = Relay::with(quotas);
    let mut flood = User::new(&relay, 1, false);
    flood.connect(&mut relay);
    let mut ari = User::new(&relay, 2, true);
    ari.connect(&mut relay);
    settle(&mut relay, &mut [&mut ari]);

    let frame = {
        let mut single = User::new(&relay, 1, false);
        single.connect(&mut relay);
        single.put(1, &envelope(&slots(1, 1)[0], Class::C0, 1));
        single.outbox.remove(0)
    };
    let mut closed = None;
    let mut busy = 0;
    for n in 0..1_000 {
        let gathered = relay.gather(&[(flood.link, frame.clone())]);
        for (link, frame) in &gathered.outputs {
            busy += usize::from(common::kind(frame) == "busy");
            if *link == ari.link {
                ari.take(frame, relay.now);
            }
        }
        if let Some((_, error)) = gathered.errors.first() {
            closed = Some((n, error.clone()));
            break;
        }
    }
    let (after, error) = closed.expect("the link is closed");
    assert_eq!(error, ServerError::Flood);
    assert!(after < 300 && busy >= 256, "{after} {busy}");
    relay.server.link_down(flood.link);

    // Others are served as before.
    let slot = &slots(2, 1)[0];
    ari.want(std::slice::from_ref(slot));
    ari.put(3, &envelope(slot, Class::C0, 3));
    settle(&mut relay, &mut [&mut ari]);
    assert_eq!((ari.stored(), ari.blobs.len()), (vec![3], 1));
}

#[test]
fn a_link_that_is_told_to_wait_gets_its_turn() {
    let quotas = Quotas { work_per_second: 10, work_burst: 4, ..Quotas::default() };
    let mut relay = Relay::with(quotas);
    let all = slots(1, 6);
    let mut ari = User::new(&relay, 1, false);
    ari.connect(&mut relay);
    for (n, slot) in all.iter().enumerate() {
        ari.put(n as u64, &envelope(slot, Class::C0, n as u64));
    }
    let mut waits = 0;
    for _ in 0..200 {
        settle(&mut relay, &mut [&mut ari]);
        let busy: Vec<u64> = std::mem::take(&mut ari.events)
            .into_iter()
            .filter_map(|event| match event {
                ClientEvent::Refused(key, Refusal::Busy { after_ms }) => {
                    assert!(after_ms > 0);
                    Some(key)
                }
                _ => None,
            })
            .collect();
        if busy.is_empty() {
            break;
        }
        waits += 1;
        relay.now = Moment(relay.now.0 + 300);
        for key in busy {
            ari.put(key, &envelope(&all[key as usize], Class::C0, key));
        }
    }
    assert!(waits > 0);
    assert_eq!(relay.server.stats().envelopes, 6);
}

#[test]
fn stalled_follower() {
    let mut relay = Relay::new();
    let mut ari = User::new(&relay, 1, false);
    ari.connect(&mut relay);
    let mut bora = User::new(&relay, 2, true);
    let all = slots(1, 3_000);
    bora.want(&all[2_990..]);
    bora.connect(&mut relay);
    settle(&mut relay, &mut [&mut bora]);

    // Bora takes nothing while 3 MiB are deposited.
    let envelopes: Vec<_> =
        all.iter().enumerate().map(|(n, slot)| envelope(slot, Class::C0, n as u64)).collect();
    let mut waiting = Vec::new();
    for part in envelopes.chunks(40) {
        let part: Vec<_> = part.iter().map(|envelope| (0, envelope)).collect();
        let (frame, _) = ari.client.put_many(&part, &mut ari.rng).expect("room");
        relay.now = Moment(relay.now.0 + 20);
        for (link, frame) in relay.gather(&[(ari.link, frame)]).outputs {
            match link == ari.link {
                true => ari.take(&frame, relay.now),
                false => waiting.push(frame),
            }
        }
    }
    let bytes: usize = waiting.iter().map(Vec::len).sum();
    assert!(bytes <= limits::FOLLOW_CREDIT_BYTES as usize, "{bytes} bytes wait for Bora, no more");
    assert_eq!(ari.stored().len(), 3_000, "Ari noticed nothing");

    // Bora comes round and gets all, in order, once.
    for frame in waiting {
        bora.take(&frame, relay.now);
    }
    settle(&mut relay, &mut [&mut bora]);
    assert_eq!(bora.error, None);
    assert_eq!(bora.blobs.len(), 10);
    assert_eq!(bora.client.cursor().position(), 3_000);
}

#[test]
fn a_follower_far_behind_gets_prefixes_until_it_has_caught_up() {
    let mut relay = Relay::with(Quotas { blob_backlog: 100, ..Quotas::default() });
    let mut ari = User::new(&relay, 1, false);
    ari.connect(&mut relay);
    let all = slots(1, 400);
    for (n, slot) in all.iter().enumerate() {
        ari.put(n as u64, &envelope(slot, Class::C0, n as u64));
        settle(&mut relay, &mut [&mut ari]);
    }
    let mut bora = User::new(&relay, 2, true);
    bora.want(&all[7..9]);
    bora.connect(&mut relay);
    let frames: Vec<_> = bora.outbox.drain(..).map(|frame| (bora.link, frame)).collect();
    let gathered = relay.gather(&frames);
    let bytes: usize = gathered.outputs.iter().map(|(_, frame)| frame.len()).sum();
    assert!(bytes < 400 * 16, "{bytes}");
    for (_, frame) in gathered.outputs {
        bora.take(&frame, relay.now);
    }
    settle(&mut relay, &mut [&mut bora]);
    assert_eq!(bora.blobs.len(), 2);
}

#[test]
fn requests_that_are_not_sealed_for_this_relay() {
    let mut relay = Relay::new();
    let link = LinkId(1);
    let other = crypto::key::X25519Secret::from_bytes([99; 32]).public();
    let (sealed, _) = seal_request(&other, &[1, 2, 3], &mut rng(1)).expect("fits");
    let mut garbage = vec![0; 256];
    rng(3).fill_bytes(&mut garbage);
    for sealed in [sealed, garbage, vec![0; 256], Vec::new()] {
        relay.server.link_up(link);
        let gathered = relay.gather(&[(link, Frame::Request { id: 1, sealed }.encode())]);
        assert_eq!(gathered.errors, [(link, ServerError::Unreadable)]);
        assert!(gathered.outputs.is_empty());
    }
}

#[test]
fn a_request_of_a_later_version_is_answered_and_a_broken_one_closes_the_link() {
    let mut relay = Relay::new();
    let link = LinkId(1);
    relay.server.link_up(link);
    let key = relay.descriptor.facts().request_key;
    let (sealed, pending) = seal_request(&key, &[0x82, 60, 0], &mut rng(1)).expect("fits");
    assert!(matches!(relay.gather(&[(link, Frame::Request { id: 1, sealed }.encode())]).errors[..], [_]));
    let (sealed, later) = seal_request(&key, &[0x81, 0x18, 60], &mut rng(2)).expect("fits");
    let gathered = relay.gather(&[(link, Frame::Request { id: 2, sealed }.encode())]);
    let Ok(Frame::Reply { sealed, .. }) = Frame::decode(&gathered.outputs[0].1) else {
        panic!("no reply");
    };
    let reply = later.open(&sealed).expect("opens");
    assert_eq!(Reply::decode(&reply), Ok(Reply::NotUnderstood));
    drop(pending);
}

#[test]
fn request_replayed_by_who_carries_it() {
    let mut relay = Relay::new();
    let slot = &slots(1, 1)[0];
    let key = relay.descriptor.facts().request_key;
    let payload = Request::Put(vec![envelope(slot, Class::C0, 1)]).encode();
    let (sealed, _) = seal_request(&key, &payload, &mut rng(1)).expect("fits");
    let frame = Frame::Request { id: 1, sealed }.encode();
    for link in [LinkId(1), LinkId(2), LinkId(3)] {
        relay.server.link_up(link);
        assert!(relay.gather(&[(link, frame.clone())]).errors.is_empty());
    }
    assert_eq!(relay.server.stats().position, 1, "one envelope, whatever is replayed");
}

#[test]
fn frames_that_do_not_belong_on_a_link_to_a_relay() {
    let mut relay = Relay::new();
    let link = LinkId(1);
    for frame in [
        Frame::Nonce([0; 32]),
        Frame::Hello(vec![[0; 16]; 16]),
        Frame::Ack { upto: 0 },
        Frame::Reply { id: 0, sealed: Vec::new() },
        Frame::Push(Push { number: 1, acked: 0, prefix: Prefix([0; 8]), blob: blob(Class::C0, 1) }),
    ] {
        relay.server.link_up(link);
        let gathered = relay.gather(&[(link, frame.encode())]);
        assert_eq!(gathered.errors, [(link, ServerError::OutOfPlace)]);
    }
    let unknown = relay.gather(&[(LinkId(77), Frame::Describe.encode())]);
    assert_eq!(unknown.errors, [(LinkId(77), ServerError::OutOfPlace)]);
}

#[test]
fn what_the_relay_keeps_names_nobody() {
    let mut relay = Relay::new();
    let mine = slots(1, 3);
    let mut ari = User::new(&relay, 0x5EED_5EED_5EED, true);
    ari.connect(&mut relay);
    for (n, slot) in mine.iter().enumerate() {
        ari.put(n as u64, &envelope(slot, Class::ALL[n], n as u64));
        settle(&mut relay, &mut [&mut ari]);
    }
    let link = 0x5EED_5EED_5EED_u64.to_be_bytes();
    let sizes: Vec<usize> = Class::ALL.iter().map(|class| class.bytes()).collect();
    for ((table, name, _), value) in relay.store.iter() {
        assert!(name.is_empty());
        assert!(!value.windows(6).any(|window| window == &link[2..]));
        let blob_table = *table == proto::tables::BOX_BLOB.id;
        assert_eq!(blob_table, sizes.contains(&value.len()), "blobs are blobs, notes are short");
        assert!(blob_table || value.len() <= 96);
    }
}

#[test]
fn frame_announcing_four_gigabytes() {
    for frame in [
        &[0x83, 7, 1, 0x5a, 0xff, 0xff, 0xff, 0xff][..],
        &[0x82, 6, 0x5b, 0, 0, 0, 1, 0, 0, 0, 0],
        &[0x9a, 0xff, 0xff, 0xff, 0xff, 9],
        &[0x86, 9, 0, 0xf6, 0x5a, 0xff, 0xff, 0xff, 0xff],
    ] {
        assert_eq!(Frame::decode(frame), Err(WireError::TooLarge));
    }
    let long = vec![0x80; limits::FRAME_BYTES_MAX + 1];
    assert_eq!(Frame::decode(&long), Err(WireError::TooLarge));
}

#[test]
fn frames_that_are_skipped_cost_as_much_as_others() {
    let mut relay = Relay::with(Quotas { work_burst: 100, ..Quotas::default() });
    let link = LinkId(1);
    relay.server.link_up(link);
    let skippable: Vec<_> = (0..1_000).map(|_| (link, vec![0x81, 0x18, 0x80])).collect();
    assert!(relay.gather(&skippable[..100]).errors.is_empty(), "a frame of a later version is passed over");
    let errors = relay.gather(&skippable).errors;
    assert_eq!(errors.first(), Some(&(link, ServerError::Flood)));
}

#[test]
fn a_follower_pays_for_what_it_asks_and_is_fed_when_it_has_paid() {
    let mut relay = Relay::new();
    let all: Vec<_> = slots(1, 600).iter().zip(0..).map(|(slot, n)| envelope(slot, Class::C0, n)).collect();
    for some in all.chunks(40) {
        ask(&mut relay, &Request::Put(some.to_vec()));
    }
    relay.quotas = Quotas { work_burst: 64, work_per_second: 1_000, ..Quotas::default() };
    relay.crash();
    let greedy = LinkId(5);
    relay.server.link_up(greedy);
    let key = relay.descriptor.facts().request_key;
    let follow = Request::Follow { list: None, from: 0, mode: FollowMode::Blobs, credit: 1 << 19 };
    let kinds = |relay: &mut Relay, frame: Vec<u8>| -> Vec<&str> {
        let outputs = relay.gather(&[(greedy, frame)]).outputs;
        outputs.iter().map(|(_, frame)| common::kind(frame)).collect()
    };
    let request = |id: u32| {
        let (sealed, _) = seal_request(&key, &follow.encode(), &mut rng(6)).expect("fits");
        Frame::Request { id, sealed }.encode()
    };
    let first = kinds(&mut relay, request(1));
    let batches = first.iter().filter(|kind| **kind == "batch").count();
    assert!(batches >= 7, "{first:?}");
    assert_eq!(kinds(&mut relay, request(2)), ["busy"], "it has had more than it may ask at once");
    // Credit is put off as well: no cut feeds the link before its debt is paid.
    relay.now = Moment(10);
    let credit = Frame::Credit { bytes: 1 << 19 }.encode();
    assert!(kinds(&mut relay, credit).is_empty());
    ask(&mut relay, &Request::Put(vec![envelope(&slots(2, 1)[0], Class::C0, 700)]));
    let due = relay.server.cut_due().expect("it is to be fed");
    assert!(due > Moment(50), "{due:?}");
    relay.now = due;
    assert!(!relay.gather(&[]).outputs.is_empty());
}

#[test]
fn what_others_deposit_costs_a_follower_nothing() {
    let mut relay = Relay::with(Quotas { work_burst: 64, work_per_second: 1, ..Quotas::default() });
    let mut ari = User::new(&relay, 1, true);
    ari.connect(&mut relay);
    settle(&mut relay, &mut [&mut ari]);
    for (number, slot) in slots(1, 100).iter().enumerate() {
        put(&mut relay, &envelope(slot, Class::C0, number as u64));
    }
    assert_eq!(ask_on(&mut relay, ari.link, &Request::Unfollow), Reply::Unfollowed);
}
