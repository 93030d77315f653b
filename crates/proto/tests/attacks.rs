//! Attacks on a relay, on its users and on a direct link: each ends in a named refusal, and harms nobody else.

extern crate madang_proto as proto;

mod common;

use common::{Relay, User, blob, envelope, keys, rng, settle, slots};
use crypto::key::{Secret32, SignSecret, Signature};
use crypto::request::{open_request, seal_request};
use crypto::seal::Class;
use proto::envelope::{Blob, Envelope};
use proto::frame::{Frame, Push};
use proto::id::{LinkId, Moment, Party, PeerName, Prefix, Tag};
use proto::limits;
use proto::link::{Link, LinkError, LinkEvent, Role};
use proto::mailbox::client::{Client, ClientError, ClientEvent, Cursor, Refusal};
use proto::mailbox::list::{Batch as Pushed, Entries, Head, chain_next, chain_start};
use proto::mailbox::request::{ListPart, PutOutcome, Reply, Request};
use proto::mailbox::server::{Quotas, ServerError};
use proto::wire::WireError;
use rand_core::Rng;

/// Asks a relay something on a link of its own, and opens the answer.
fn ask(relay: &mut Relay, request: &Request) -> Reply {
    let link = LinkId(999);
    relay.server.link_up(link);
    let key = relay.descriptor.facts().request_key;
    let (sealed, pending) = seal_request(&key, &request.encode(), &mut rng(5)).expect("fits");
    let gathered = relay.gather(&[(link, Frame::Request { id: 1, sealed }.encode())]);
    assert_eq!(gathered.errors, []);
    relay.server.link_down(link);
    match Frame::decode(&gathered.outputs[0].1).expect("a frame") {
        Frame::Reply { id: 1, sealed } => {
            Reply::decode(&pending.open(&sealed).expect("opens")).expect("a reply")
        }
        other => panic!("{other:?}"),
    }
}

fn put(relay: &mut Relay, envelope: &Envelope) -> PutOutcome {
    match ask(relay, &Request::Put(vec![envelope.clone()])) {
        Reply::Put(outcomes) => outcomes[0],
        other => panic!("{other:?}"),
    }
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

#[test]
fn flooded_mailbox() {
    let mut relay = Relay::with(Quotas { bytes: 100 * 1_152, ..Quotas::default() });
    let early = slots(1, 10);
    for (n, slot) in early.iter().enumerate() {
        put(&mut relay, &envelope(slot, Class::C0, n as u64));
    }
    let mut full = 0;
    for (n, slot) in slots(2, 150).iter().enumerate() {
        full += usize::from(put(&mut relay, &envelope(slot, Class::C0, n as u64)) == PutOutcome::Full);
    }
    assert_eq!(full, 60);
    assert!(relay.server.stats().bytes <= 100 * 1_152);
    let mut bora = User::new(&relay, 2, true);
    bora.want(&early);
    bora.connect(&mut relay);
    settle(&mut relay, &mut [&mut bora]);
    assert_eq!(bora.blobs.len(), 10, "nothing accepted was pushed out");
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
fn colliding_prefixes() {
    // Two tags with one prefix cannot be made here, but a list that shows a wanted prefix twice can.
    let mut lies = Liar::new();
    let prefix = Prefix([7; 8]);
    lies.entry(prefix, Class::C0);
    lies.entry(prefix, Class::C0);
    let blobs = vec![(0, blob(Class::C0, 1)), (1, blob(Class::C0, 2))];
    let pushed = lies.batch(0, 2, blobs);
    let mut user = lies.following(Cursor::default());
    let events = user.take(&pushed, &[prefix]).expect("this is allowed");
    let given = events.iter().filter(|event| matches!(event, ClientEvent::Blob { .. })).count();
    assert_eq!(given, 2, "both are handed up: who opens them finds out");
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
        Frame::Push(Push { number: 1, acked: 0, tag: Tag([0; 32]), blob: blob(Class::C0, 1) }),
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

/// A relay that may sign and send whatever it likes.
struct Liar {
    sign: SignSecret,
    list: [u8; 16],
    entries: Vec<(Prefix, Class)>,
    relay: Relay,
}

/// A user that believes it talks to a relay.
struct Victim {
    client: Client,
    rng: rand_chacha::ChaCha20Rng,
}

impl Liar {
    fn new() -> Self {
        Self { sign: keys().sign, list: [5; 16], entries: Vec::new(), relay: Relay::new() }
    }

    fn entry(&mut self, prefix: Prefix, class: Class) {
        self.entries.push((prefix, class));
    }

    fn chain(&self, position: usize) -> [u8; 32] {
        self.entries[..position]
            .iter()
            .fold(chain_start(&self.list), |chain, (prefix, class)| chain_next(&chain, prefix, *class))
    }

    fn head(&self, position: usize) -> Head {
        Head::sign(&self.list, position as u64, &self.chain(position), &self.sign)
    }

    fn entries(&self, from: usize, to: usize) -> Entries {
        let mut entries = Entries::default();
        for (prefix, class) in &self.entries[from..to] {
            entries.push(prefix, *class);
        }
        entries
    }

    fn pushed(&self, from: usize, to: usize, blobs: Vec<(u16, Blob)>) -> Pushed {
        Pushed {
            first: from as u64,
            start: None,
            entries: self.entries(from, to),
            blobs,
            head: self.head(to),
        }
    }

    fn batch(&self, from: usize, to: usize, blobs: Vec<(u16, Blob)>) -> Vec<u8> {
        Frame::Batch(self.pushed(from, to, blobs)).encode()
    }

    /// Answers a request frame with whatever reply is wanted.
    fn reply(&self, frame: &[u8], reply: &Reply) -> Vec<u8> {
        let Ok(Frame::Request { id, sealed }) = Frame::decode(frame) else {
            panic!("no request");
        };
        let (_, sealer) = open_request(&keys().request, &sealed).expect("opens");
        let sealed = sealer.seal(&reply.encode(), &mut rng(8)).expect("fits");
        Frame::Reply { id, sealed }.encode()
    }

    fn following(&self, cursor: Cursor) -> Victim {
        let mut victim = self.victim(cursor);
        let frames = victim.client.on_link_up(&mut victim.rng);
        let first = victim.client.cursor().position() as usize;
        let following = Reply::Following {
            list: self.list,
            first: first as u64,
            start: self.chain(first),
            head: self.head(self.entries.len()),
        };
        victim.take(&self.reply(&frames[0], &following), &[]).expect("an honest beginning");
        victim
    }

    fn victim(&self, cursor: Cursor) -> Victim {
        let client = Client::new(&self.relay.descriptor, cursor, true);
        Victim { client, rng: rng(9) }
    }
}

impl Victim {
    fn take(&mut self, frame: &[u8], wanted: &[Prefix]) -> Result<Vec<ClientEvent>, ClientError> {
        let wanted = wanted.to_vec();
        let wants = move |prefix: &Prefix| wanted.contains(prefix);
        self.client.on_frame(frame, &wants, Moment(0), &mut self.rng)
    }
}

fn three_entries() -> Liar {
    let mut liar = Liar::new();
    for n in 0..3 {
        liar.entry(Prefix([n; 8]), Class::C0);
    }
    liar
}

#[test]
fn relay_lying_about_batches() {
    let liar = three_entries();
    let other = SignSecret::from_seed(Secret32::new([77; 32]));
    let honest = || liar.pushed(0, 3, Vec::new());
    let lies: Vec<(&str, Pushed)> = vec![
        ("signed by another key", {
            let mut lie = honest();
            lie.head = Head::sign(&liar.list, 3, &liar.chain(3), &other);
            lie
        }),
        ("a head of another position", {
            let mut lie = honest();
            lie.head = liar.head(2);
            lie
        }),
        ("a gap", {
            let mut lie = honest();
            lie.first = 1;
            lie.entries = liar.entries(1, 3);
            lie
        }),
        ("another list under the same follow", {
            let mut lie = honest();
            lie.head = Head::sign(&[6; 16], 3, &liar.chain(3), &liar.sign);
            lie
        }),
        ("positions beyond all bounds", {
            let mut lie = honest();
            lie.first = u64::MAX;
            lie
        }),
        ("nothing at all", {
            let mut lie = honest();
            lie.entries = Entries::default();
            lie.head = liar.head(0);
            lie
        }),
    ];
    for (name, lie) in lies {
        let mut victim = liar.following(Cursor::default());
        let answer = victim.take(&Frame::Batch(lie).encode(), &[]);
        assert_eq!(answer, Err(ClientError::Lied), "{name}");
        assert_eq!(victim.client.cursor().position(), 0, "{name}");
    }
}

#[test]
fn relay_signing_two_histories() {
    let liar = three_entries();
    let mut victim = liar.following(Cursor::default());
    victim.take(&liar.batch(0, 3, Vec::new()), &[]).expect("honest so far");
    assert_eq!(victim.client.cursor().position(), 3);

    // Another history of the same list: the fourth entry follows on another third.
    let mut fork = three_entries();
    fork.entries[2].0 = Prefix([9; 8]);
    fork.entry(Prefix([3; 8]), Class::C0);
    let events = victim.take(&fork.batch(3, 4, Vec::new()), &[]).expect("noticed, not fatal");
    assert!(events.contains(&ClientEvent::Equivocation));
    assert_eq!(victim.client.cursor().position(), 0, "it is read from the beginning");
    assert!(events.iter().any(|event| matches!(event, ClientEvent::Send(_))));
}

#[test]
fn relay_setting_the_list_back_without_end() {
    let liar = three_entries();
    let mut victim = liar.following(Cursor::default());
    victim.take(&liar.batch(0, 3, Vec::new()), &[]).expect("honest so far");
    let mut fork = three_entries();
    fork.entries[0].0 = Prefix([9; 8]);
    fork.entry(Prefix([3; 8]), Class::C0);
    let mut equivocations = 0;
    for round in 0..10 {
        // Each time another history than the one that was just told.
        let (told, next) = if round % 2 == 0 { (&fork, &liar) } else { (&liar, &fork) };
        let position = victim.client.cursor().position() as usize;
        let lie = Pushed { first: position as u64, ..told.pushed(position.min(2), 3, Vec::new()) };
        match victim.take(&Frame::Batch(lie).encode(), &[]) {
            Err(error) => {
                assert_eq!(error, ClientError::Lied);
                return;
            }
            Ok(events) => {
                equivocations += usize::from(events.contains(&ClientEvent::Equivocation));
                let Some(ClientEvent::Send(frame)) =
                    events.into_iter().find(|event| matches!(event, ClientEvent::Send(_)))
                else {
                    continue;
                };
                let following =
                    Reply::Following { list: next.list, first: 0, start: next.chain(0), head: next.head(3) };
                let reply = next.reply(&frame, &following);
                victim.take(&reply, &[]).expect("a beginning");
                victim.take(&next.batch(0, 3, Vec::new()), &[]).expect("a list");
            }
        }
    }
    panic!("borne for ever: {equivocations}");
}

#[test]
fn relay_answering_what_was_not_asked() {
    let liar = three_entries();
    let mut victim = liar.victim(Cursor::default());
    let frames = victim.client.on_link_up(&mut victim.rng);
    for lie in [
        Reply::Put(vec![PutOutcome::Stored]),
        Reply::Got(Vec::new()),
        Reply::Unfollowed,
        Reply::OtherList([0; 16]),
    ] {
        let mut victim = liar.victim(Cursor::default());
        let frames = victim.client.on_link_up(&mut victim.rng);
        let reply = liar.reply(&frames[0], &lie);
        assert_eq!(victim.take(&reply, &[]), Err(ClientError::OutOfPlace));
    }
    let reply = liar.reply(&frames[0], &Reply::NotUnderstood);
    victim.take(&reply, &[]).expect("it is asked");
    assert_eq!(victim.take(&reply, &[]), Err(ClientError::OutOfPlace), "a reply replayed");
    let foreign = Frame::Reply { id: 3, sealed: vec![0; 256] }.encode();
    assert!(victim.take(&foreign, &[]).is_err());
    for frame in [Frame::Describe, Frame::Ack { upto: 1 }, Frame::Nonce([0; 32])] {
        assert_eq!(victim.take(&frame.encode(), &[]), Err(ClientError::OutOfPlace));
    }
}

#[test]
fn relay_giving_other_blobs_than_asked() {
    let mut liar = Liar::new();
    for n in 0..8 {
        liar.entry(Prefix([n; 8]), Class::C1);
    }
    let wanted = [Prefix([3; 8])];
    let asked = |victim: &mut Victim| -> (Vec<u8>, Vec<u64>) {
        let events = victim.take(&liar.batch(0, 8, Vec::new()), &wanted).expect("honest");
        let frame = events.into_iter().find_map(|event| match event {
            ClientEvent::Send(frame) => Some(frame),
            _ => None,
        });
        let frame = frame.expect("the hit is asked for");
        let Ok(Frame::Request { sealed, .. }) = Frame::decode(&frame) else { panic!() };
        let (payload, _) = open_request(&keys().request, &sealed).expect("opens");
        let Ok(Request::Get { positions, .. }) = Request::decode(&payload) else { panic!() };
        (frame, positions)
    };
    let mut victim = liar.following(Cursor::default());
    let (frame, positions) = asked(&mut victim);
    assert!(positions.contains(&3) && positions.len() >= 3, "a hit and two decoys");

    let wrong_class: Vec<_> =
        positions.iter().map(|position| (*position, Some(blob(Class::C0, 1)))).collect();
    for lie in [
        Vec::new(),
        vec![(99, Some(blob(Class::C1, 1)))],
        wrong_class,
        positions.iter().rev().map(|position| (*position, None)).collect(),
    ] {
        let mut victim = liar.following(Cursor::default());
        let (frame, _) = asked(&mut victim);
        let answer = victim.take(&liar.reply(&frame, &Reply::Got(lie)), &wanted);
        assert_eq!(answer, Err(ClientError::Lied));
        assert_eq!(victim.client.cursor().waiting(), 1, "the wish survives the lie");
    }
    let given = positions.iter().map(|position| (*position, Some(blob(Class::C1, *position))));
    let events = victim.take(&liar.reply(&frame, &Reply::Got(given.collect())), &wanted);
    let blobs = events
        .expect("honest")
        .into_iter()
        .filter(|event| matches!(event, ClientEvent::Blob { position: 3, .. }));
    assert_eq!(blobs.count(), 1);
}

#[test]
fn relay_withholding_on_look_again() {
    let liar = three_entries();
    let mut victim = liar.following(Cursor::default());
    victim.take(&liar.batch(0, 3, Vec::new()), &[]).expect("honest");
    let frames = victim.client.look_again(0, &mut victim.rng);
    // It shows another past than the one it signed before.
    let mut fork = three_entries();
    fork.entries[1].0 = Prefix([9; 8]);
    let part =
        ListPart { first: 0, start: fork.chain(0), entries: fork.entries(0, 3), head: fork.head(3), end: 3 };
    let events = victim.take(&fork.reply(&frames[0], &Reply::List(part)), &[]).expect("noticed");
    assert!(events.contains(&ClientEvent::Equivocation));
}

#[test]
fn relay_that_never_answers() {
    let liar = three_entries();
    let mut victim = liar.victim(Cursor::default());
    victim.client.on_link_up(&mut victim.rng);
    let mut now = Moment(5);
    assert_eq!(victim.client.deadline(now), Some(now), "it wants to be told the time");
    victim.client.on_wake(now, &mut victim.rng).expect("patience");
    now = victim.client.deadline(now).expect("a wait");
    // What it says unasked does not count as an answer.
    let chatter = Frame::Descriptor(liar.relay.descriptor.bytes().to_vec()).encode();
    let late = Moment(now.0 - 1);
    victim.client.on_frame(&chatter, &|_| false, late, &mut victim.rng).expect("a descriptor");
    let answer = victim.client.on_wake(now, &mut victim.rng);
    assert_eq!(answer, Err(ClientError::Stalled));
}

#[test]
fn a_client_keeps_no_more_than_its_bound() {
    // A relay that shows nothing but wanted prefixes, without end and without blobs.
    let mut liar = Liar::new();
    let wanted = Prefix([1; 8]);
    for _ in 0..6_000 {
        liar.entry(wanted, Class::C1);
    }
    let mut victim = liar.following(Cursor::default());
    victim.take(&liar.batch(0, 6_000, Vec::new()), &[wanted]).expect("signed");
    assert_eq!(victim.client.cursor().waiting(), limits::HITS_WAITING_MAX);
    assert_eq!(victim.client.cursor().position(), limits::HITS_WAITING_MAX as u64);
    victim.take(&liar.batch(0, 6_000, Vec::new()), &[wanted]).expect("left unread");
    assert!(victim.client.in_flight() <= limits::REQUESTS_IN_FLIGHT_MAX);
    assert!(victim.client.cursor().encode().len() < limits::VALUE_BYTES_MAX);
}

fn peer(n: u8) -> PeerName {
    PeerName::new(&[n; 38]).expect("a name")
}

fn secret(n: u8) -> Secret32 {
    Secret32::new([n; 32])
}

/// What a listener with these secrets sends to a prober that sends these frames.
fn probed(secrets: Vec<(Party, Secret32)>, frames: &[Vec<u8>]) -> (Vec<usize>, bool, Option<Moment>) {
    let mut rng = rng(3);
    let (mut link, first) = Link::new(Role::Listener, &peer(1), &peer(2), secrets, Moment(100), &mut rng);
    let mut sizes = vec![first.len()];
    for frame in frames {
        match link.on_frame(frame, Moment(200), &mut rng) {
            Ok(events) => {
                for event in events {
                    match event {
                        LinkEvent::Send(frame) => sizes.push(frame.len()),
                        other => panic!("a prober got {other:?}"),
                    }
                }
            }
            Err(error) => {
                assert_eq!(error, LinkError::Noise);
                return (sizes, true, link.deadline());
            }
        }
    }
    (sizes, false, link.deadline())
}

#[test]
fn prober_gets_nothing() {
    // Nodes with no contact, with one, with three hundred: the same frames, sizes, closings and deadline.
    let nodes: Vec<Vec<(Party, Secret32)>> = [0_u32, 1, 20, 300]
        .iter()
        .map(|count| (0..*count).map(|n| (Party(n), secret((n % 250) as u8))).collect())
        .collect();
    let nonce = Frame::Nonce([9; 32]).encode();
    let hello = |size: usize| Frame::Hello(vec![[7; 16]; size]).encode();
    let probes: Vec<Vec<Vec<u8>>> = vec![
        vec![],
        vec![nonce.clone()],
        vec![nonce.clone(), hello(16)],
        vec![nonce.clone(), hello(1_024)],
        vec![hello(16)],
        vec![nonce.clone(), nonce.clone()],
        vec![vec![], vec![0xff; 100]],
        vec![nonce.clone(), hello(16), hello(16), Frame::Describe.encode()],
        vec![nonce.clone(), hello(16), vec![0; 64 * 1024]],
        vec![
            nonce,
            Frame::Push(Push { number: 1, acked: 0, tag: Tag([0; 32]), blob: blob(Class::C0, 1) }).encode(),
        ],
    ];
    for probe in &probes {
        let answers: Vec<_> = nodes.iter().map(|node| probed(node.clone(), probe)).collect();
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        assert_eq!(answers[0].2, Some(Moment(10_100)), "closed at the same time whatever was sent");
    }
    let (greeted, _, _) = probed(nodes[0].clone(), &probes[2]);
    assert_eq!(greeted.len(), 2, "with no contact at all it still answers sixteen dummies");
}

#[test]
fn a_known_dialler_sees_the_same_sizes_as_a_stranger() {
    let mut rng = rng(4);
    let mut sizes = Vec::new();
    for known in [true, false] {
        let theirs = if known { secret(1) } else { secret(2) };
        let (mut dialer, first) =
            Link::new(Role::Dialer, &peer(2), &peer(1), vec![(Party(0), theirs)], Moment(0), &mut rng);
        let (mut listener, nonce) =
            Link::new(Role::Listener, &peer(1), &peer(2), vec![(Party(5), secret(1))], Moment(0), &mut rng);
        let hello = sent(dialer.on_frame(&nonce, Moment(1), &mut rng));
        listener.on_frame(&first, Moment(1), &mut rng).expect("a nonce");
        let answer = sent(listener.on_frame(&hello[0], Moment(1), &mut rng));
        dialer.on_frame(&answer[0], Moment(1), &mut rng).expect("a hello");
        assert_eq!(
            (listener.party(), dialer.party()),
            match known {
                true => (Some(Party(5)), Some(Party(0))),
                false => (None, None),
            }
        );
        sizes.push((answer.len(), answer[0].len()));
    }
    assert_eq!(sizes[0], sizes[1]);
}

fn sent(events: Result<Vec<LinkEvent>, LinkError>) -> Vec<Vec<u8>> {
    let frames = events.expect("no error").into_iter().filter_map(|event| match event {
        LinkEvent::Send(frame) => Some(frame),
        _ => None,
    });
    frames.collect()
}

#[test]
fn hello_replayed_or_relayed_to_another() {
    let mut rng = rng(6);
    // A hello recorded on one connection does not open another, nor one between other names.
    let recorded = {
        let (mut dialer, _) =
            Link::new(Role::Dialer, &peer(2), &peer(1), vec![(Party(0), secret(1))], Moment(0), &mut rng);
        sent(dialer.on_frame(&Frame::Nonce([1; 32]).encode(), Moment(0), &mut rng)).remove(0)
    };
    for dialer in [2, 3] {
        let (mut listener, _) = Link::new(
            Role::Listener,
            &peer(1),
            &peer(dialer),
            vec![(Party(5), secret(1))],
            Moment(0),
            &mut rng,
        );
        listener.on_frame(&Frame::Nonce([2; 32]).encode(), Moment(0), &mut rng).expect("a nonce");
        let answer = sent(listener.on_frame(&recorded, Moment(0), &mut rng));
        assert_eq!((answer.len(), listener.party()), (1, None));
    }
    // A hello is not accepted back by who made it.
    let (mut dialer, _) =
        Link::new(Role::Dialer, &peer(2), &peer(1), vec![(Party(0), secret(1))], Moment(0), &mut rng);
    let own = sent(dialer.on_frame(&Frame::Nonce([1; 32]).encode(), Moment(0), &mut rng)).remove(0);
    dialer.on_frame(&own, Moment(0), &mut rng).expect("silence");
    assert_eq!(dialer.party(), None);
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
