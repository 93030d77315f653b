//! A relay that lies to its users: each lie is noticed, none does harm.

extern crate madang_proto as proto;

mod common;

use common::{Relay, blob, keys, rng};
use crypto::key::{Secret32, SignSecret};
use crypto::request::open_request;
use crypto::seal::Class;
use proto::envelope::Blob;
use proto::frame::Frame;
use proto::id::{Moment, Prefix};
use proto::limits;
use proto::mailbox::client::{Client, ClientError, ClientEvent, Cursor};
use proto::mailbox::list::{Batch as Pushed, Entries, Head, chain_next, chain_start};
use proto::mailbox::request::{ListPart, PutOutcome, Reply, Request};

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
