//! Requests and replies that were changed, replayed or mixed up on the way to a relay.

use crypto::{
    X25519Public, X25519Secret,
    request::{REQUEST_CAPACITY, REQUEST_SIZES, RequestError, open_request, seal_request},
};

use crate::common::{rng, small_order_points};

#[test]
fn a_request_and_its_reply_pass_in_every_size() {
    let relay = X25519Secret::generate(&mut rng(60));
    for size in REQUEST_SIZES {
        for len in [size - 52, size - 53] {
            let payload = vec![0x5a; len];
            let (sealed, pending) = seal_request(&relay.public(), &payload, &mut rng(61)).expect("fits");
            assert_eq!(sealed.len(), size);
            let (opened, reply) = open_request(&relay, &sealed).expect("ours");
            assert_eq!(*opened, payload);
            let sealed = reply.seal(&payload, &mut rng(62)).expect("fits");
            assert_eq!(sealed.len(), size);
            assert_eq!(*pending.open(&sealed).expect("ours"), payload);
        }
    }
    let too_long = vec![0; REQUEST_CAPACITY + 1];
    let refused = seal_request(&relay.public(), &too_long, &mut rng(63));
    assert_eq!(refused.map(drop), Err(RequestError::TooLong));
}

#[test]
fn small_order_relay_keys_and_ephemerals_are_refused() {
    let relay = X25519Secret::generate(&mut rng(64));
    let (sealed, _) = seal_request(&relay.public(), b"x", &mut rng(65)).expect("fits");
    for point in small_order_points() {
        assert!(X25519Public::from_bytes(&point).is_err());
        let mut bad = sealed.clone();
        bad[..32].copy_from_slice(&point);
        assert_eq!(open_request(&relay, &bad).map(drop), Err(RequestError::Unreadable));
        let (sealed, pending) = seal_request(&relay.public(), b"x", &mut rng(66)).expect("fits");
        let (_, reply) = open_request(&relay, &sealed).expect("ours");
        let mut bad = reply.seal(b"y", &mut rng(67)).expect("fits");
        bad[..32].copy_from_slice(&point);
        assert_eq!(pending.open(&bad), Err(RequestError::Unreadable));
    }
}

#[test]
fn a_changed_or_cut_request_or_reply_is_refused() {
    let relay = X25519Secret::generate(&mut rng(68));
    let (sealed, _) = seal_request(&relay.public(), b"x", &mut rng(69)).expect("fits");
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 0x20;
        assert!(open_request(&relay, &changed).is_err(), "byte {at}");
    }
    for len in [0, 31, 48, 255, 257, 2_048] {
        let mut cut = sealed.clone();
        cut.resize(len, 0);
        assert!(open_request(&relay, &cut).is_err());
    }
    let stranger = X25519Secret::generate(&mut rng(70));
    assert!(open_request(&stranger, &sealed).is_err());
}

#[test]
fn a_reply_serves_only_the_request_it_answers() {
    let relay = X25519Secret::generate(&mut rng(71));
    let (one, pending_one) = seal_request(&relay.public(), b"x", &mut rng(72)).expect("fits");
    let (two, pending_two) = seal_request(&relay.public(), b"x", &mut rng(73)).expect("fits");
    let (_, reply_one) = open_request(&relay, &one).expect("ours");
    let (_, _unused) = open_request(&relay, &two).expect("ours");
    let reply = reply_one.seal(b"for one", &mut rng(74)).expect("fits");
    assert_eq!(pending_two.open(&reply), Err(RequestError::Unreadable));
    assert_eq!(*pending_one.open(&reply).expect("ours"), b"for one");
    // Somebody between replays the request: the relay answers again, under other keys, and learns nothing new.
    let (again, reply_again) = open_request(&relay, &one).expect("a replay opens; requests are idempotent");
    assert_eq!(*again, b"x");
    assert_ne!(reply_again.seal(b"for one", &mut rng(75)).expect("fits"), reply);
}
