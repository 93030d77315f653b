//! For tests: a thief who sees how direct links begin, inside of the transport.

use crypto::{Secret32, mac};
use proto::frame::Frame;
use proto::id::{LinkId, Moment, Party, PeerName};
use proto::link::Role;

use super::super::duo::{Duo, open};
use super::{DOCS, newest_generation, talk};
use crate::engine::{Input, LinkKind, Policy};

/// What one connection showed before any envelope: names, nonces and hellos of who dialled and of the other.
struct Greeting {
    names: [&'static [u8]; 2],
    nonces: [[u8; 32]; 2],
    hellos: [Vec<[u8; 16]>; 2],
}

impl Greeting {
    /// Tells which of the two showed that they know a secret.
    fn shows(&self, secret: &Secret32) -> [bool; 2] {
        let ([dialer, listener], [ours, theirs]) = (self.names, &self.nonces);
        [0u8, 1].map(|speaker| {
            let whole = mac("M1/link/hello/1", secret, &[&[speaker], dialer, listener, ours, theirs]);
            self.hellos[usize::from(speaker)].iter().any(|code| code[..] == whole[..16])
        })
    }
}

/// The greetings on record, oldest first.
fn greetings(said: &[(usize, Vec<u8>)]) -> Vec<Greeting> {
    let mut found: Vec<Greeting> = Vec::new();
    let mut nonces = [None, None];
    for (side, frame) in said {
        match Frame::decode(frame) {
            Ok(Frame::Nonce(nonce)) => {
                nonces[*side] = Some(nonce);
                if let [Some(dialer), Some(listener)] = nonces {
                    nonces = [None, None];
                    let (names, hellos) = ([&b"one"[..], b"two"], [Vec::new(), Vec::new()]);
                    found.push(Greeting { names, nonces: [dialer, listener], hellos });
                }
            }
            Ok(Frame::Hello(codes)) => found.last_mut().expect("nonces come first").hellos[*side] = codes,
            _ => {}
        }
    }
    found
}

#[test]
fn a_copied_device_knows_every_greeting_of_the_two_but_the_first_and_its_ratchets_and_slots_know_few() {
    let mut duo = Duo::new(Policy { rekey_messages: 10, ..Policy::default() });
    let converse = |duo: &mut Duo| {
        for round in 0..8 {
            talk(duo, 8);
            duo.start_again(round % 2);
            duo.rest();
        }
    };
    converse(&mut duo);
    let (copy, instant) = (duo.sides[0].store.clone(), greetings(&duo.said).len());
    converse(&mut duo);
    assert!(newest_generation(&duo, 0) >= 12, "generations have passed");
    let engine = open(&copy, Moment(0));
    let pair = &engine.pairs[&Party(1)];
    let (greetings, repair) = (greetings(&duo.said), pair.keys().repair.link());
    assert_eq!((instant, greetings.len()), (9, 17));
    // Who dials shows every secret of the pair, and one of these lives as long as the pair does.
    let known: Vec<bool> = greetings.iter().map(|greeting| greeting.shows(&repair)[0]).collect();
    assert!(!known[0], "they met by the secret of an invite");
    assert!(known[1..].iter().all(|known| *known), "{known:?}");
    // The secrets of generations tell of their own time alone, and what a stranger could guess of none.
    let live: Vec<Secret32> = pair.generations().map(|generation| generation.link.clone()).collect();
    let by_generation = |greeting: &Greeting| live.iter().any(|link| greeting.shows(link) == [true, true]);
    assert!(greetings[instant - 1..=instant].iter().any(by_generation));
    assert!(!greetings[..instant - 2].iter().any(by_generation), "before the copy");
    assert!(!greetings[instant + 2..].iter().any(by_generation), "after it");
    assert!(!greetings.iter().any(|greeting| greeting.shows(&Secret32::new([0; 32])) != [false, false]));
    let row = "| direct links, at any time | that they are between these two, and with it all that goes over them, to who \
               sees the greeting, for as long as they are contacts; but for the one by which they met |";
    assert!(DOCS.contains(row), "{row}");
}

#[test]
fn who_is_dialled_in_a_contacts_place_sees_a_greeting_that_a_copied_device_knows() {
    let mut duo = Duo::new(Policy::default());
    talk(&mut duo, 2);
    let repair = duo.sides[0].engine.pairs[&Party(1)].keys().repair.link();
    // Names are drawn at each start and prove nobody, so whoever stands between can answer with one of their own.
    let [local, remote] = [&b"one"[..], b"between"].map(|name| PeerName::new(name).expect("a name"));
    let (link, before) = (LinkId(7), duo.said.len());
    duo.act(0, |engine, turn| {
        let kind = LinkKind::Direct { role: Role::Dialer, local, remote };
        let inputs = [Input::LinkUp(link, kind), Input::Frame(link, Frame::Nonce([9; 32]).encode())];
        for input in inputs {
            engine.handle(input, turn.now, turn.overlay, turn.rng).expect("memory works");
        }
    });
    let frames: Vec<Frame> =
        duo.said[before..].iter().map(|(_, frame)| Frame::decode(frame).expect("ours")).collect();
    let [Frame::Nonce(nonce), Frame::Hello(codes)] = frames.as_slice() else { panic!("{frames:?}") };
    let greeting = Greeting {
        names: [b"one", b"between"],
        nonces: [*nonce, [9; 32]],
        hellos: [codes.clone(), Vec::new()],
    };
    assert_eq!(greeting.shows(&repair), [true, false]);
    assert_eq!(greeting.shows(&Secret32::new([1; 32])), [false, false], "and nobody else knows it");
}
