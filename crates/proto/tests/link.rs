//! Two devices that see each other.

extern crate madang_proto as proto;

mod common;

use common::{blob, rng};
use crypto::key::Secret32;
use crypto::seal::Class;
use proto::frame::{Frame, Push};
use proto::id::{Moment, Party, PeerName, Tag};
use proto::limits;
use proto::link::{Link, LinkError, LinkEvent, Role};
use proto::wire::WireError;
use rand_chacha::ChaCha20Rng;

struct Pair {
    dialer: Link,
    listener: Link,
    rng: ChaCha20Rng,
}

const NOW: Moment = Moment(50);

impl Pair {
    fn up() -> Self {
        let mut pair = Self::met(vec![(Party(4), secret(1))], vec![(Party(8), secret(1))]);
        assert_eq!(pair.dialer.party(), Some(Party(4)));
        assert_eq!(pair.listener.party(), Some(Party(8)));
        assert!(pair.listener.acknowledge().is_none());
        pair
    }

    fn met(dialers: Vec<(Party, Secret32)>, listeners: Vec<(Party, Secret32)>) -> Self {
        let mut rng = rng(1);
        let (one, two) = (peer(1), peer(2));
        let (mut dialer, from_dialer) = Link::new(Role::Dialer, &one, &two, dialers, NOW, &mut rng);
        let (mut listener, from_listener) = Link::new(Role::Listener, &two, &one, listeners, NOW, &mut rng);
        let hello = sent(dialer.on_frame(&from_listener, NOW, &mut rng).expect("a nonce"));
        assert!(listener.on_frame(&from_dialer, NOW, &mut rng).expect("a nonce").is_empty());
        let answer = sent(listener.on_frame(&hello[0], NOW, &mut rng).expect("a hello"));
        dialer.on_frame(&answer[0], NOW, &mut rng).expect("a hello");
        Self { dialer, listener, rng }
    }

    fn listener_takes(&mut self, frame: &[u8]) -> Result<Vec<LinkEvent>, LinkError> {
        self.listener.on_frame(frame, NOW, &mut self.rng)
    }

    fn dialer_takes(&mut self, frame: &[u8]) -> Result<Vec<LinkEvent>, LinkError> {
        self.dialer.on_frame(frame, NOW, &mut self.rng)
    }
}

fn peer(n: u8) -> PeerName {
    PeerName::new(&[n; 38]).expect("a name")
}

fn secret(n: u8) -> Secret32 {
    Secret32::new([n; 32])
}

fn sent(events: Vec<LinkEvent>) -> Vec<Vec<u8>> {
    let frames = events.into_iter().filter_map(|event| match event {
        LinkEvent::Send(frame) => Some(frame),
        _ => None,
    });
    frames.collect()
}

const TAG: Tag = Tag([3; 32]);

#[test]
fn two_who_share_a_secret_find_each_other_among_a_thousand() {
    let mut many: Vec<_> = (0..1_000_u32)
        .map(|n| {
            let mut bytes = [9; 32];
            bytes[..4].copy_from_slice(&n.to_be_bytes());
            (Party(n), Secret32::new(bytes))
        })
        .collect();
    many.push((Party(1_000), secret(1)));
    let pair = Pair::met(many, vec![(Party(1), secret(2)), (Party(2), secret(1))]);
    assert_eq!(pair.dialer.party(), Some(Party(1_000)));
    assert_eq!(pair.listener.party(), Some(Party(2)));
    assert_eq!((pair.dialer.deadline(), pair.listener.deadline()), (None, None));
}

#[test]
fn strangers_stay_silent_until_the_deadline() {
    let mut pair = Pair::met(vec![(Party(1), secret(1))], vec![(Party(1), secret(2))]);
    for link in [&mut pair.dialer, &mut pair.listener] {
        assert_eq!(link.party(), None);
        assert_eq!(link.deadline(), Some(Moment(10_050)));
        assert_eq!(link.push(1, &TAG, &blob(Class::C0, 1)), None);
        assert_eq!(link.on_frame(&Frame::Ack { upto: 0 }.encode(), NOW, &mut pair.rng), Ok(vec![]));
    }
}

#[test]
fn an_envelope_is_acknowledged_once_it_is_kept() {
    let mut pair = Pair::up();
    let blob = blob(Class::C0, 1);
    let push = pair.dialer.push(77, &TAG, &blob).expect("up");
    assert_eq!(pair.dialer.unacked().collect::<Vec<_>>(), [77]);
    let events = pair.listener_takes(&push).expect("a push");
    assert_eq!(events, [LinkEvent::Received { prefix: TAG.prefix(), blob }]);
    assert!(pair.listener.owes_ack());
    let ack = pair.listener.acknowledge().expect("it owes one");
    assert_eq!(pair.listener.acknowledge(), None, "once is enough");
    assert_eq!(pair.dialer_takes(&ack), Ok(vec![LinkEvent::Acked(vec![77])]));
    assert_eq!(pair.dialer.unacked().count(), 0);
}

#[test]
fn an_acknowledgement_rides_on_a_push_and_never_runs_ahead_of_the_disk() {
    let mut pair = Pair::up();
    let first = pair.dialer.push(1, &TAG, &blob(Class::C0, 1)).expect("up");
    let second = pair.dialer.push(2, &TAG, &blob(Class::C0, 2)).expect("up");
    pair.listener_takes(&first).expect("a push");
    pair.listener.kept();
    pair.listener_takes(&second).expect("a push");
    let receipt = pair.listener.push(9, &TAG, &blob(Class::C0, 3)).expect("up");
    let events = pair.dialer_takes(&receipt).expect("a push");
    assert_eq!(events[0], LinkEvent::Acked(vec![1]), "the second is not kept yet");
    assert!(pair.listener.owes_ack());
    let ack = pair.listener.acknowledge().expect("the second");
    assert_eq!(pair.dialer_takes(&ack), Ok(vec![LinkEvent::Acked(vec![2])]));
}

#[test]
fn a_push_costs_little_more_than_its_blob() {
    let mut pair = Pair::up();
    let push = pair.dialer.push(u64::MAX, &TAG, &blob(Class::C0, 1)).expect("up");
    assert!(push.len() <= 1_024 + 32 + 8, "{}", push.len());
    pair.listener_takes(&push).expect("a push");
    assert!(pair.listener.acknowledge().expect("one").len() <= 7);
}

#[test]
fn who_does_not_acknowledge_is_sent_no_more_than_the_window() {
    let mut pair = Pair::up();
    let blob = blob(Class::C3, 1);
    let mut pushes = Vec::new();
    while let Some(push) = pair.dialer.push(pushes.len() as u64, &TAG, &blob) {
        pushes.push(push);
    }
    assert_eq!(pushes.len(), limits::LINK_WINDOW_BYTES as usize / 61_440);
    for push in &pushes {
        pair.listener_takes(push).expect("within the window");
    }
    assert!(pair.listener.is_ack_due());
    let ack = pair.listener.acknowledge().expect("all of them");
    let events = pair.dialer_takes(&ack).expect("an ack");
    assert_eq!(events, [LinkEvent::Acked((0..17).collect()), LinkEvent::Ready]);
    assert!(pair.dialer.push(99, &TAG, &blob).is_some());
}

#[test]
fn a_larger_window_can_be_granted() {
    let mut pair = Pair::up();
    let blob = blob(Class::C3, 1);
    let credit = pair.listener.grant(u32::MAX);
    pair.dialer_takes(&credit).expect("a credit");
    let mut pushed = 0;
    while let Some(push) = pair.dialer.push(pushed, &TAG, &blob) {
        pair.listener_takes(&push).expect("within the window");
        pushed += 1;
    }
    assert_eq!(pushed, u64::from(limits::LINK_WINDOW_BYTES_MAX) / 61_440);
}

#[test]
fn flooding_peer_is_cut_off() {
    let mut pair = Pair::up();
    let mut outcome = Ok(Vec::new());
    for number in 1..2_000 {
        let push = Push { number, acked: 0, prefix: TAG.prefix(), blob: blob(Class::C0, 1) };
        outcome = pair.listener_takes(&Frame::Push(push).encode());
        if outcome.is_err() {
            assert_eq!(number, limits::LINK_WINDOW_BYTES / 1_024 + 1);
            break;
        }
    }
    assert_eq!(outcome, Err(LinkError::Flood));
}

#[test]
fn what_does_not_follow_closes_the_link() {
    let push = |number, acked| {
        Frame::Push(Push { number, acked, prefix: TAG.prefix(), blob: blob(Class::C0, 1) }).encode()
    };
    let wrong: Vec<(Vec<u8>, LinkError)> = vec![
        (push(2, 0), LinkError::OutOfOrder),
        (push(0, 0), LinkError::OutOfOrder),
        (push(1, 1), LinkError::FalseAck),
        (Frame::Ack { upto: 1 }.encode(), LinkError::FalseAck),
        (Frame::Nonce([0; 32]).encode(), LinkError::OutOfPlace),
        (Frame::Describe.encode(), LinkError::OutOfPlace),
        (vec![0xff], LinkError::Unreadable(WireError::Malformed)),
        (Vec::new(), LinkError::Unreadable(WireError::Malformed)),
    ];
    for (frame, error) in wrong {
        assert_eq!(Pair::up().listener_takes(&frame), Err(error));
    }
    let mut pair = Pair::up();
    pair.listener_takes(&push(1, 0)).expect("the first");
    assert_eq!(pair.listener_takes(&push(1, 0)), Err(LinkError::OutOfOrder), "sent twice");
    let later = pair.listener_takes(&[0x82, 0x18, 200, 0]);
    assert_eq!(later, Ok(vec![]), "a kind of a later version is left unread");
}

#[test]
fn an_acknowledgement_cannot_be_taken_back() {
    let mut pair = Pair::up();
    for key in 0..3 {
        pair.dialer.push(key, &TAG, &blob(Class::C0, key)).expect("up");
    }
    let ack = |upto| Frame::Ack { upto }.encode();
    assert_eq!(pair.dialer_takes(&ack(2)), Ok(vec![LinkEvent::Acked(vec![0, 1])]));
    assert_eq!(pair.dialer_takes(&ack(2)), Ok(vec![]));
    assert_eq!(pair.dialer_takes(&ack(1)), Err(LinkError::FalseAck));
}
