//! Any frames on a direct link, from a stranger and from a contact.
#![no_main]

use crypto::key::Secret32;
use libfuzzer_sys::fuzz_target;
use proto::id::{Moment, Party, PeerName};
use proto::link::{Link, LinkEvent, Role};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

fuzz_target!(|bytes: &[u8]| {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (one, two) = (PeerName::new(&[1; 38]).expect("a name"), PeerName::new(&[2; 38]).expect("a name"));
    let pair = || vec![(Party(1), Secret32::new([5; 32]))];
    let (mut stranger, _) = Link::new(Role::Listener, &two, &one, pair(), Moment(0), &mut rng);
    let (mut dialer, nonce) = Link::new(Role::Dialer, &one, &two, pair(), Moment(0), &mut rng);
    let (mut contact, answer) = Link::new(Role::Listener, &two, &one, pair(), Moment(0), &mut rng);
    contact.on_frame(&nonce, Moment(0), &mut rng).expect("a nonce");
    for event in dialer.on_frame(&answer, Moment(0), &mut rng).expect("a nonce") {
        if let LinkEvent::Send(hello) = event {
            contact.on_frame(&hello, Moment(0), &mut rng).expect("a hello");
        }
    }
    assert_eq!(contact.party(), Some(Party(1)));
    let mut rest = bytes;
    while let Some(([act, high, low], after)) = rest.split_first_chunk::<3>() {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        let (part, after) = after.split_at(length);
        rest = after;
        let _ = stranger.on_frame(part, Moment(u64::from(*act) * 100), &mut rng);
        assert_eq!(stranger.party(), None);
        if contact.on_frame(part, Moment(0), &mut rng).is_err() {
            return;
        }
        if act & 1 == 1 {
            let _ = contact.acknowledge();
        }
        assert!(contact.party().is_some());
    }
});
