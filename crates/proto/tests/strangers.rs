//! Strangers on a direct link: they learn nothing, and cannot pass for someone else.

extern crate madang_proto as proto;

mod common;

use common::{blob, rng};
use crypto::key::Secret32;
use crypto::seal::Class;
use proto::frame::{Frame, Push};
use proto::id::{Moment, Party, PeerName, Prefix};
use proto::link::{Link, LinkError, LinkEvent, Role};

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
            Frame::Push(Push { number: 1, acked: 0, prefix: Prefix([0; 8]), blob: blob(Class::C0, 1) })
                .encode(),
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
