//! Stories of a relay and its users.

extern crate madang_proto as proto;

mod common;

use common::{Relay, User, blob, envelope, keys, settle, slots};
use crypto::request::open_request;
use crypto::seal::Class;
use proto::envelope::{Envelope, flags};
use proto::frame::Frame;
use proto::id::{Moment, Tag};
use proto::limits;
use proto::mailbox::client::{ClientEvent, Cursor, Refusal};
use proto::mailbox::request::{DeleteOutcome, FollowMode, Request};
use proto::mailbox::server::Quotas;
use proto::store::Store;

#[test]
fn what_was_put_while_away_comes_when_back() {
    let mut relay = Relay::new();
    let bora_slots = slots(1, 5);
    let mut ari = User::new(&relay, 1, false);
    ari.connect(&mut relay);
    for (key, slot) in bora_slots.iter().enumerate() {
        ari.put(key as u64, &envelope(slot, Class::C0, key as u64));
    }
    settle(&mut relay, &mut [&mut ari]);
    assert_eq!(ari.stored(), [0, 1, 2, 3, 4]);
    ari.disconnect(&mut relay);

    let mut bora = User::new(&relay, 2, true);
    bora.want(&bora_slots);
    bora.connect(&mut relay);
    settle(&mut relay, &mut [&mut bora]);
    let expected: Vec<_> = (0..5).map(|number| blob(Class::C0, number)).collect();
    assert_eq!(bora.blobs, expected, "in order, once");
    assert_eq!(bora.count(&ClientEvent::CaughtUp), 1);
    assert_eq!(bora.client.cursor().position(), 5);
}

#[test]
fn a_follower_is_pushed_the_blob_at_once_and_asks_for_nothing() {
    let mut relay = Relay::new();
    let slots = slots(1, 1);
    let mut ari = User::new(&relay, 1, false);
    let mut bora = User::new(&relay, 2, true);
    ari.connect(&mut relay);
    bora.want(&slots);
    bora.connect(&mut relay);
    settle(&mut relay, &mut [&mut ari, &mut bora]);

    ari.put(7, &envelope(&slots[0], Class::C0, 7));
    let frames: Vec<_> = ari.outbox.drain(..).map(|frame| (ari.link, frame)).collect();
    let gathered = relay.gather(&frames);
    let pushed: Vec<_> = gathered.outputs.iter().filter(|(link, _)| *link == bora.link).collect();
    assert_eq!(pushed.len(), 1);
    assert!(pushed[0].1.len() < 1_024 + 256, "one blob and little else: {}", pushed[0].1.len());
    bora.take(&pushed[0].1, relay.now);
    assert_eq!(bora.blobs, [blob(Class::C0, 7)]);
    assert!(bora.outbox.is_empty());
}

#[test]
fn larger_envelopes_are_fetched_among_decoys() {
    let mut relay = Relay::new();
    let (mine, others) = (slots(1, 3), slots(2, 12));
    let mut ari = User::new(&relay, 1, false);
    ari.connect(&mut relay);
    for (key, slot) in others.iter().chain(&mine).enumerate() {
        ari.put(key as u64, &envelope(slot, Class::C1, key as u64));
        settle(&mut relay, &mut [&mut ari]);
    }
    let mut bora = User::new(&relay, 2, true);
    bora.want(&mine);
    bora.connect(&mut relay);
    settle(&mut relay, &mut [&mut bora]);
    let mut got: Vec<_> = bora.blobs.clone();
    got.sort_by_key(|found| (12..15).position(|number| *found == blob(Class::C1, number)));
    assert_eq!(got, [12, 13, 14].map(|number| blob(Class::C1, number)));
}

#[test]
fn a_hit_is_never_asked_for_alone_not_even_right_after_a_start() {
    let mut relay = Relay::new();
    let (mine, others) = (slots(1, 1), slots(2, 6));
    let mut ari = User::new(&relay, 1, false);
    ari.connect(&mut relay);
    for (key, slot) in others.iter().enumerate() {
        ari.put(key as u64, &envelope(slot, Class::C0, key as u64));
        settle(&mut relay, &mut [&mut ari]);
    }
    let mut before = User::new(&relay, 2, true);
    before.connect(&mut relay);
    settle(&mut relay, &mut [&mut before]);
    before.disconnect(&mut relay);
    // A program that was started since: it knows where it stands in the list, and nothing of what lies there.
    let mut bora = User::at(&relay, 2, true, before.client.cursor().clone());
    bora.want(&mine);
    bora.connect(&mut relay);
    settle(&mut relay, &mut [&mut bora]);
    ari.put(6, &envelope(&mine[0], Class::C1, 6));
    let mut asked = Vec::new();
    for _ in 0..10 {
        let of_bora: Vec<_> = bora.outbox.drain(..).collect();
        for frame in &of_bora {
            let Ok(Frame::Request { sealed, .. }) = Frame::decode(frame) else { continue };
            let (payload, _) = open_request(&keys().request, &sealed).expect("sealed to the relay");
            if let Ok(Request::Get { positions, .. }) = Request::decode(&payload) {
                asked.push(positions);
            }
        }
        let frames = of_bora.into_iter().map(|frame| (bora.link, frame));
        let frames: Vec<_> = frames.chain(ari.outbox.drain(..).map(|frame| (ari.link, frame))).collect();
        for (link, frame) in relay.gather(&frames).outputs {
            let user = if link == bora.link { &mut bora } else { &mut ari };
            user.take(&frame, relay.now);
        }
    }
    assert_eq!(bora.blobs, [blob(Class::C1, 6)]);
    assert!(asked[0].contains(&6) && asked[0].len() == 3, "{asked:?}");
    assert_eq!(asked.len(), 1, "what a decoy brought is not asked for again");
}

#[test]
fn every_class_goes_through_and_the_largest_one_by_one() {
    let mut relay = Relay::new();
    let mine = slots(1, 8);
    let mut ari = User::new(&relay, 1, false);
    ari.connect(&mut relay);
    for (number, slot) in mine.iter().enumerate() {
        ari.put(number as u64, &envelope(slot, Class::ALL[number % 4], number as u64));
        settle(&mut relay, &mut [&mut ari]);
    }
    for mode in [FollowMode::Blobs, FollowMode::Prefixes] {
        let mut bora = User::new(&relay, 2, true);
        bora.client.set_mode(mode);
        bora.want(&mine);
        bora.connect(&mut relay);
        settle(&mut relay, &mut [&mut bora]);
        assert_eq!(bora.blobs.len(), 8);
        for number in 0..8 {
            assert!(bora.blobs.contains(&blob(Class::ALL[number % 4], number as u64)));
        }
        assert_eq!(bora.client.cursor().waiting(), 0);
        bora.disconnect(&mut relay);
    }
}

#[test]
fn a_relay_that_is_only_polled_gives_the_same() {
    let mut relay = Relay::new();
    let mine = slots(1, 4);
    let mut ari = User::new(&relay, 1, false);
    ari.connect(&mut relay);
    let mut bora = User::new(&relay, 2, false);
    bora.want(&mine);
    bora.connect(&mut relay);
    assert!(bora.outbox.is_empty(), "who only puts asks for nothing");
    for (key, slot) in mine.iter().enumerate() {
        ari.put(key as u64, &envelope(slot, Class::C0, key as u64));
    }
    settle(&mut relay, &mut [&mut ari]);
    let frames = bora.client.poll(&mut bora.rng);
    bora.outbox.extend(frames);
    settle(&mut relay, &mut [&mut bora]);
    assert_eq!(bora.blobs.len(), 4);
    assert_eq!(bora.count(&ClientEvent::CaughtUp), 1);
}

#[test]
fn many_envelopes_ride_in_one_request() {
    let mut relay = Relay::new();
    let mine = slots(1, 100);
    let envelopes: Vec<_> =
        mine.iter().enumerate().map(|(n, slot)| envelope(slot, Class::C0, n as u64)).collect();
    let mut ari = User::new(&relay, 1, false);
    ari.connect(&mut relay);
    let mut left: Vec<_> = envelopes.iter().enumerate().map(|(n, e)| (n as u64, e)).collect();
    let mut requests = 0;
    while !left.is_empty() {
        let (frame, count) = ari.client.put_many(&left, &mut ari.rng).expect("room");
        assert!(frame.len() <= limits::FRAME_BYTES_MAX);
        ari.outbox.push(frame);
        left.drain(..count);
        requests += 1;
    }
    settle(&mut relay, &mut [&mut ari]);
    assert_eq!(requests, 3);
    assert_eq!(ari.stored().len(), 100);
}

#[test]
fn put_again_after_a_lost_answer_is_one_envelope() {
    let mut relay = Relay::new();
    let mine = slots(1, 1);
    let genuine = envelope(&mine[0], Class::C0, 1);
    let mut ari = User::new(&relay, 1, false);
    ari.connect(&mut relay);
    ari.put(9, &genuine);
    let frames: Vec<_> = ari.outbox.drain(..).map(|frame| (ari.link, frame)).collect();
    relay.gather(&frames);
    assert_eq!(ari.disconnect(&mut relay), [9], "its fate is unknown");
    ari.connect(&mut relay);
    ari.put(9, &genuine);
    settle(&mut relay, &mut [&mut ari]);
    assert_eq!(ari.stored(), [9]);
    assert_eq!(relay.server.stats().position, 1);
}

#[test]
fn look_again_finds_what_became_wanted_later() {
    let mut relay = Relay::new();
    let (early, late) = (slots(1, 300), slots(2, 2));
    let mut ari = User::new(&relay, 1, false);
    ari.connect(&mut relay);
    for (n, slot) in early[..150].iter().chain(&late).chain(&early[150..]).enumerate() {
        ari.put(n as u64, &envelope(slot, Class::C0, n as u64));
        settle(&mut relay, &mut [&mut ari]);
    }
    let mut bora = User::new(&relay, 2, true);
    bora.connect(&mut relay);
    settle(&mut relay, &mut [&mut bora]);
    assert!(bora.blobs.is_empty());

    bora.want(&late);
    let frames = bora.client.look_again(0, &mut bora.rng);
    bora.outbox.extend(frames);
    let kept = Cursor::decode(&bora.client.cursor().encode()).expect("a cursor");
    settle(&mut relay, &mut [&mut bora]);
    assert_eq!(bora.blobs.len(), 2);
    assert_eq!(bora.client.cursor().position(), 302);

    // A crash between the wish and its fulfilment: the wish is in the cursor.
    bora.disconnect(&mut relay);
    let mut again = User::at(&relay, 3, true, kept);
    again.want(&late);
    again.connect(&mut relay);
    settle(&mut relay, &mut [&mut again]);
    assert_eq!(again.blobs.len(), 2);
}

#[test]
fn a_crash_between_finding_and_fetching_loses_nothing() {
    let mut relay = Relay::new();
    let mine = slots(1, 6);
    let mut ari = User::new(&relay, 1, false);
    ari.connect(&mut relay);
    for (n, slot) in mine.iter().enumerate() {
        ari.put(n as u64, &envelope(slot, Class::C2, n as u64));
        settle(&mut relay, &mut [&mut ari]);
    }
    let mut bora = User::new(&relay, 2, true);
    bora.want(&mine);
    bora.connect(&mut relay);
    // The follow and its batch arrive; the replies to the GETs do not.
    let frames: Vec<_> = bora.outbox.drain(..).map(|frame| (bora.link, frame)).collect();
    for (_, frame) in relay.gather(&frames).outputs {
        bora.take(&frame, relay.now);
    }
    assert_eq!((bora.blobs.len(), bora.client.cursor().waiting()), (0, 6));
    let kept = Cursor::decode(&bora.client.cursor().encode()).expect("a cursor");
    bora.disconnect(&mut relay);
    let mut again = User::at(&relay, 3, true, kept);
    again.want(&mine);
    again.connect(&mut relay);
    settle(&mut relay, &mut [&mut again]);
    assert_eq!(again.blobs.len(), 6);
}

#[test]
fn deletion_is_the_senders_and_leaves_the_list_as_it_was() {
    let mut relay = Relay::new();
    let mine = slots(1, 2);
    let mut ari = User::new(&relay, 1, false);
    ari.connect(&mut relay);
    ari.put(0, &envelope(&mine[0], Class::C0, 0));
    ari.put(1, &Envelope::seal_into(&mine[1], blob(Class::C0, 1), 30, flags::KEEP));
    settle(&mut relay, &mut [&mut ari]);
    ari.delete(&mine[0]);
    ari.delete(&mine[1]);
    ari.delete(&slots(9, 1)[0]);
    settle(&mut relay, &mut [&mut ari]);
    assert!(ari.events.contains(&ClientEvent::Deleted(Tag(mine[0].tag()), DeleteOutcome::Done)));
    assert!(ari.events.contains(&ClientEvent::Deleted(Tag(mine[1].tag()), DeleteOutcome::Kept)));
    let absent = Tag(slots(9, 1)[0].tag());
    assert!(ari.events.contains(&ClientEvent::Deleted(absent, DeleteOutcome::Absent)));

    let mut bora = User::new(&relay, 2, true);
    bora.want(&mine);
    bora.connect(&mut relay);
    settle(&mut relay, &mut [&mut bora]);
    assert_eq!(bora.blobs, [blob(Class::C0, 1)]);
    assert_eq!(bora.client.cursor().position(), 2);
}

#[test]
fn what_is_kept_ends_with_its_days_of_uptime_and_not_before() {
    let mut relay = Relay::new();
    let mine = slots(1, 3);
    let mut ari = User::new(&relay, 1, false);
    ari.connect(&mut relay);
    for (n, days) in [2, 9, 2].into_iter().enumerate() {
        ari.put(n as u64, &Envelope::seal_into(&mine[n], blob(Class::C0, n as u64), days, 0));
        settle(&mut relay, &mut [&mut ari]);
    }
    relay.live_through(2);
    assert_eq!(relay.server.stats().envelopes, 3, "two whole days have not gone by");
    relay.live_through(1);
    assert_eq!(relay.server.stats().envelopes, 1);
    // A restart keeps the count of days and the list.
    let before = relay.server.stats();
    relay.crash();
    assert_eq!(relay.server.stats().bytes, before.bytes);
    assert_eq!(relay.server.stats().uptime.as_secs() / 86_400, 3);

    let mut bora = User::new(&relay, 2, true);
    bora.want(&mine);
    bora.connect(&mut relay);
    settle(&mut relay, &mut [&mut bora]);
    assert_eq!(bora.blobs, [blob(Class::C0, 1)]);
    assert_eq!(bora.client.cursor().position(), 3);

    relay.live_through(10);
    assert_eq!(relay.server.stats().bytes, 0);
    assert_eq!(relay.store.records(), 1, "only the list's name and place are left");
    // Positions go on, and a follower that stood in between is told.
    bora.disconnect(&mut relay);
    bora.connect(&mut relay);
    ari.disconnect(&mut relay);
    ari.connect(&mut relay);
    ari.put(5, &envelope(&slots(1, 4)[3], Class::C0, 5));
    settle(&mut relay, &mut [&mut ari, &mut bora]);
    assert_eq!(bora.client.cursor().position(), 4);
    assert_eq!(bora.error, None);
}

#[test]
fn a_reader_far_behind_goes_on_behind_what_has_ended() {
    let mut relay = Relay::new();
    let (old, new) = (slots(1, 40), slots(2, 3));
    let mut ari = User::new(&relay, 1, false);
    ari.connect(&mut relay);
    let mut bora = User::new(&relay, 2, true);
    bora.want(&new);
    for (n, slot) in old.iter().enumerate() {
        ari.put(n as u64, &Envelope::seal_into(slot, blob(Class::C0, n as u64), 1, 0));
        settle(&mut relay, &mut [&mut ari]);
        if n == 20 {
            bora.connect(&mut relay);
            settle(&mut relay, &mut [&mut bora]);
            bora.disconnect(&mut relay);
        }
    }
    assert_eq!(bora.client.cursor().position(), 21);
    relay.live_through(3);
    for (n, slot) in new.iter().enumerate() {
        ari.put(n as u64, &envelope(slot, Class::C0, 100 + n as u64));
        settle(&mut relay, &mut [&mut ari]);
    }
    bora.connect(&mut relay);
    settle(&mut relay, &mut [&mut bora]);
    assert_eq!(bora.blobs.len(), 3);
    assert_eq!(bora.client.cursor().position(), 43);
    assert_eq!(bora.count(&ClientEvent::Equivocation), 0);
}

#[test]
fn a_long_list_is_read_in_parts_under_signed_heads() {
    let mut relay = Relay::new();
    let many = slots(3, 2_000);
    let mine = slots(1, 1);
    let mut ari = User::new(&relay, 1, false);
    ari.connect(&mut relay);
    let all: Vec<_> = many.iter().chain(&mine).collect();
    let envelopes: Vec<_> =
        all.iter().enumerate().map(|(n, slot)| envelope(slot, Class::C0, n as u64)).collect();
    for part in envelopes.chunks(48) {
        let part: Vec<_> = part.iter().map(|envelope| (0, envelope)).collect();
        let (frame, count) = ari.client.put_many(&part, &mut ari.rng).expect("room");
        assert_eq!(count, part.len());
        ari.outbox.push(frame);
        settle(&mut relay, &mut [&mut ari]);
    }
    for (mode, home) in [(FollowMode::Blobs, true), (FollowMode::Prefixes, true), (FollowMode::Blobs, false)]
    {
        let mut bora = User::new(&relay, 2, home);
        bora.client.set_mode(mode);
        bora.want(&mine);
        bora.connect(&mut relay);
        let frames = if home { Vec::new() } else { bora.client.poll(&mut bora.rng) };
        bora.outbox.extend(frames);
        settle(&mut relay, &mut [&mut bora]);
        assert_eq!(bora.blobs, [blob(Class::C0, 2_000)], "{mode:?}");
        assert_eq!(bora.client.cursor().position(), 2_001);
        bora.disconnect(&mut relay);
    }
}

#[test]
fn a_killed_relay_goes_on_with_the_same_list() {
    let mut relay = Relay::new();
    let mine = slots(1, 60);
    let mut bora = User::new(&relay, 2, true);
    bora.want(&mine);
    let mut told = Vec::new();
    for round in 0..30_u64 {
        let mut ari = User::new(&relay, 10 + round, false);
        ari.connect(&mut relay);
        bora.connect(&mut relay);
        settle(&mut relay, &mut [&mut bora]);
        for step in 0..2 {
            let number = round * 2 + step;
            ari.put(number, &envelope(&mine[number as usize], Class::C0, number));
        }
        // Each third kill hits the commit itself.
        if round % 3 == 0 {
            relay.store.fail_after(0);
        }
        let frames: Vec<_> = ari.outbox.drain(..).map(|frame| (ari.link, frame)).collect();
        for (link, frame) in relay.gather(&frames).outputs {
            if link == bora.link {
                bora.take(&frame, relay.now);
            } else {
                ari.take(&frame, relay.now);
            }
        }
        told.extend(ari.stored());
        relay.crash();
        bora.client.on_link_down();
        bora.outbox.clear();
        assert_eq!(bora.error, None);
    }
    bora.connect(&mut relay);
    settle(&mut relay, &mut [&mut bora]);
    assert_eq!(told.len(), 40, "a failed commit promises nothing");
    let expected: Vec<_> = told.iter().map(|number| blob(Class::C0, *number)).collect();
    assert_eq!(bora.blobs, expected);
    assert_eq!(bora.count(&ClientEvent::Equivocation), 0);
    assert_eq!(bora.count(&ClientEvent::ListReplaced), 0);
}

#[test]
fn a_relay_that_lost_its_disk_is_noticed_and_read_anew() {
    let mut relay = Relay::new();
    let mine = slots(1, 2);
    let mut ari = User::new(&relay, 1, true);
    ari.connect(&mut relay);
    ari.put(0, &envelope(&mine[0], Class::C0, 0));
    settle(&mut relay, &mut [&mut ari]);
    relay.store = proto::store::MemoryStore::new();
    relay.crash();
    ari.disconnect(&mut relay);
    ari.want(&mine);
    ari.connect(&mut relay);
    settle(&mut relay, &mut [&mut ari]);
    assert_eq!(ari.count(&ClientEvent::ListReplaced), 1);
    ari.put(1, &envelope(&mine[1], Class::C0, 1));
    settle(&mut relay, &mut [&mut ari]);
    assert_eq!(ari.blobs, [blob(Class::C0, 1)]);
}

#[test]
fn a_relay_set_back_to_an_earlier_disk_begins_a_new_list_or_is_caught() {
    let mut relay = Relay::new();
    let mine = slots(1, 4);
    let mut ari = User::new(&relay, 1, true);
    ari.connect(&mut relay);
    ari.put(0, &envelope(&mine[0], Class::C0, 0));
    settle(&mut relay, &mut [&mut ari]);
    let earlier = relay.store.reopen();
    ari.put(1, &envelope(&mine[1], Class::C0, 1));
    settle(&mut relay, &mut [&mut ari]);
    ari.disconnect(&mut relay);

    // It goes on as if nothing had happened: the second history is noticed, and all mail still comes.
    relay.store = earlier.clone();
    relay.crash();
    let mut caught = User::at(&relay, 2, true, ari.client.cursor().clone());
    caught.want(&mine);
    caught.connect(&mut relay);
    settle(&mut relay, &mut [&mut caught]);
    assert_eq!(caught.count(&ClientEvent::Equivocation), 1);
    assert_eq!(caught.blobs, [blob(Class::C0, 0)]);

    // It owns up to it.
    relay.store = earlier;
    relay.crash();
    let mut batch = proto::store::Batch::new();
    let mut overlay = proto::store::Overlay::new(&relay.store, &mut batch);
    relay.server.renew_list(&mut overlay, &mut relay.rng);
    relay.store.commit(batch).expect("writes");
    let mut told = User::at(&relay, 3, true, ari.client.cursor().clone());
    told.want(&mine);
    told.connect(&mut relay);
    settle(&mut relay, &mut [&mut told]);
    assert_eq!(told.count(&ClientEvent::Equivocation), 0);
    assert_eq!(told.count(&ClientEvent::ListReplaced), 1);
    assert_eq!(told.blobs, [blob(Class::C0, 0)]);
}

#[test]
fn a_thousand_hits_at_once_are_fetched_in_bounded_steps() {
    let mut relay = Relay::new();
    let mine = slots(1, 1_500);
    let mut ari = User::new(&relay, 1, false);
    ari.connect(&mut relay);
    let envelopes: Vec<_> =
        mine.iter().enumerate().map(|(n, slot)| envelope(slot, Class::C0, n as u64)).collect();
    for part in envelopes.chunks(48) {
        let part: Vec<_> = part.iter().map(|envelope| (0, envelope)).collect();
        let (frame, _) = ari.client.put_many(&part, &mut ari.rng).expect("room");
        ari.outbox.push(frame);
        settle(&mut relay, &mut [&mut ari]);
    }
    let mut bora = User::new(&relay, 2, true);
    bora.client.set_mode(FollowMode::Prefixes);
    bora.want(&mine);
    bora.connect(&mut relay);
    settle(&mut relay, &mut [&mut bora]);
    assert_eq!(bora.blobs.len(), 1_500);
    assert_eq!(bora.client.cursor().waiting(), 0);
    assert_eq!(bora.client.cursor().position(), 1_500);
}

#[test]
fn where_too_many_follow_one_can_still_poll() {
    let mut relay = Relay::with(Quotas { followers: 1, ..Quotas::default() });
    let mine = slots(1, 1);
    let mut ari = User::new(&relay, 1, true);
    ari.connect(&mut relay);
    settle(&mut relay, &mut [&mut ari]);
    ari.put(0, &envelope(&mine[0], Class::C0, 0));
    settle(&mut relay, &mut [&mut ari]);
    let mut bora = User::new(&relay, 2, true);
    bora.want(&mine);
    bora.connect(&mut relay);
    settle(&mut relay, &mut [&mut bora]);
    assert_eq!(bora.count(&ClientEvent::NotFollowing), 1);
    assert_eq!(bora.blobs, [blob(Class::C0, 0)]);
}

#[test]
fn many_followers_are_served_at_the_pace_of_the_quota() {
    let quotas = Quotas { fan_out_per_second: 100, ..Quotas::default() };
    let mut relay = Relay::with(quotas);
    let mine = slots(1, 3);
    let mut ari = User::new(&relay, 1, false);
    ari.connect(&mut relay);
    let mut bora: Vec<_> = (0..10).map(|n| User::new(&relay, 10 + n, true)).collect();
    for user in &mut bora {
        user.want(&mine);
        user.connect(&mut relay);
        settle(&mut relay, &mut [user]);
    }
    relay.now = Moment(10_000);
    let mut pushed = Vec::new();
    for (n, slot) in mine.iter().enumerate() {
        ari.put(n as u64, &envelope(slot, Class::C0, n as u64));
        let frames: Vec<_> = ari.outbox.drain(..).map(|frame| (ari.link, frame)).collect();
        let gathered = relay.gather(&frames);
        pushed.push(gathered.outputs.iter().filter(|(link, _)| *link != ari.link).count());
    }
    assert_eq!(pushed, [10, 0, 0], "the first at once, then 10 followers at 100 a second wait 100 ms");
    assert_eq!(relay.server.cut_due(), Some(Moment(10_100)));
    relay.now = Moment(10_100);
    let gathered = relay.gather(&[]);
    assert_eq!(gathered.outputs.len(), 10, "the two others in one batch each");
    assert_eq!(relay.server.cut_due(), None);
}

#[test]
fn a_full_relay_refuses_and_forgets_nothing() {
    let mut relay = Relay::with(Quotas { bytes: 5 * 1_152, ..Quotas::default() });
    let mine = slots(1, 8);
    let mut ari = User::new(&relay, 1, true);
    ari.want(&mine);
    ari.connect(&mut relay);
    for (n, slot) in mine.iter().enumerate() {
        ari.put(n as u64, &envelope(slot, Class::C0, n as u64));
        settle(&mut relay, &mut [&mut ari]);
    }
    assert_eq!(ari.stored(), [0, 1, 2, 3, 4]);
    assert_eq!(ari.count(&ClientEvent::Refused(5, Refusal::Full)), 1);
    assert_eq!(ari.blobs.len(), 5);
    // Even a full relay knows what it has.
    ari.put(0, &envelope(&mine[0], Class::C0, 0));
    settle(&mut relay, &mut [&mut ari]);
    assert_eq!(ari.stored().len(), 6);
    ari.delete(&mine[0]);
    settle(&mut relay, &mut [&mut ari]);
    assert_eq!(relay.server.stats().envelopes, 4);
}
