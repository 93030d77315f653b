//! Messages that come late, early, twice, changed, or with keys that are none.

use crypto::ratchet::{CHAINS_MAX, GAP_MAX, Message, RatchetError, SKIPPED_MAX, Session, peek};

use crate::common::{Pair, small_order_points};

#[test]
fn a_replayed_message_is_refused_and_changes_nothing() {
    let (mut ari, mut bora) = Pair::sessions();
    let message = ari.encrypt(b"once");
    assert_eq!(bora.decrypt(&message).expect("in order"), b"once");
    let before = bora.to_bytes();
    assert_eq!(bora.decrypt(&message), Err(RatchetError::AlreadyUsed));
    assert_eq!(*bora.to_bytes(), *before);
}

#[test]
fn five_hundred_messages_written_while_away_are_read_in_order() {
    let (mut ari, mut bora) = Pair::sessions();
    for number in 0..500u32 {
        let message = ari.encrypt(&number.to_be_bytes());
        assert_eq!(bora.decrypt(&message).expect("in order"), number.to_be_bytes());
    }
}

#[test]
fn the_gap_and_what_is_kept_behind_it_end_where_they_are_said_to() {
    let (ari, bora) = Pair::sessions();
    let (ari, bora) = (ari.to_bytes(), bora.to_bytes());
    let after = |gap: u64| {
        let mut ari = Session::from_bytes(&ari).expect("just written");
        let mut bora = Session::from_bytes(&bora).expect("just written");
        let mut skipped: Vec<_> = (0..gap).map(|_| ari.encrypt(b"skipped")).collect();
        let result = bora.decrypt(&ari.encrypt(b"ahead"));
        skipped.retain(|message| bora.decrypt(message).is_ok());
        (result, skipped.len())
    };
    let ahead = Ok(b"ahead".to_vec());
    assert_eq!(after(40), (ahead.clone(), 40));
    assert_eq!(after(41), (ahead.clone(), SKIPPED_MAX));
    assert_eq!(after(GAP_MAX), (ahead, SKIPPED_MAX));
    let (result, _) = after(GAP_MAX + 1);
    assert_eq!(result, Err(RatchetError::TooFarAhead { gap: GAP_MAX + 1 }));
}

#[test]
fn a_message_survives_four_direction_changes_and_not_the_sixth() {
    let (mut ari, mut bora) = Pair::sessions();
    ari.decrypt(&bora.encrypt(b"turn")).expect("in order");
    let mut late = Vec::new();
    for _ in 0..=CHAINS_MAX {
        late.push(ari.encrypt(b"late"));
        bora.decrypt(&ari.encrypt(b"turn")).expect("one is skipped");
        ari.decrypt(&bora.encrypt(b"turn")).expect("in order");
    }
    // The newest five chains of Ari are remembered; the oldest of six is not, and fails without harm.
    assert_eq!(bora.decrypt(&late[0]), Err(RatchetError::Forged));
    for message in &late[1..] {
        assert_eq!(bora.decrypt(message).expect("remembered"), b"late");
    }
    bora.decrypt(&ari.encrypt(b"goes on")).expect("unharmed");
}

#[test]
fn forged_truncated_and_rewritten_messages_are_refused_and_change_nothing() {
    let (mut ari, mut bora) = Pair::sessions();
    let message = ari.encrypt(b"sound");
    let before = bora.to_bytes();
    for at in 0..message.len() * 8 {
        let mut changed = message.clone();
        changed[at / 8] ^= 1 << (at % 8);
        assert!(bora.decrypt(&changed).is_err(), "bit {at}");
    }
    for len in 0..message.len() {
        assert!(bora.decrypt(&message[..len]).is_err(), "cut at {len}");
    }
    assert_eq!(*bora.to_bytes(), *before);
    assert_eq!(bora.decrypt(&message).expect("still unread"), b"sound");
}

#[test]
fn one_message_has_one_form() {
    let (mut ari, mut bora) = Pair::sessions();
    let message = ari.encrypt(b"sound");
    // An unknown field behind the others: skipped by protobuf, not covered by the MAC.
    let mac = message.len() - 8;
    let padded = [&message[..mac], &[0x38, 0x01], &message[mac..]].concat();
    assert_eq!(bora.decrypt(&padded), Err(RatchetError::Malformed));
    // Index 1 written in two bytes.
    let index = 1 + 2 + 32;
    assert_eq!(message[index..index + 2], [0x10, 0x01]);
    let long = [&message[..index + 1], &[0x81, 0x00], &message[index + 2..]].concat();
    assert_eq!(bora.decrypt(&long), Err(RatchetError::Malformed));
    // Version 4, with a MAC that is not cut short.
    let mut other_version = message.clone();
    other_version[0] = 4;
    other_version.extend_from_slice(&[0; 24]);
    assert_eq!(bora.decrypt(&other_version), Err(RatchetError::Malformed));
    assert!(Message::parse(&vec![3; 61_389]).is_err());
    assert!(Message::parse(&[]).is_err());
}

#[test]
fn small_order_ratchet_keys_are_refused() {
    let (mut ari, mut bora) = Pair::sessions();
    let message = ari.encrypt(b"sound");
    for point in small_order_points() {
        let mut bad = message.clone();
        bad[3..35].copy_from_slice(&point);
        assert_eq!(bora.decrypt(&bad), Err(RatchetError::Malformed));
        assert_eq!(peek(&bad), Err(RatchetError::Malformed));
    }
}

#[test]
fn what_is_needed_for_holding_back_shows_without_decrypting() {
    let (mut ari, mut bora) = Pair::sessions();
    let messages: Vec<_> = (0..4).map(|_| ari.encrypt(b"x")).collect();
    let header = peek(&messages[3]).expect("a message");
    // Index 0 was the first message of the handshake.
    assert_eq!((header.index, bora.next_index(&header.ratchet_key)), (4, Some(1)));
    bora.decrypt(&messages[2]).expect("two are skipped");
    assert_eq!(bora.next_index(&header.ratchet_key), Some(4));
    bora.decrypt(&messages[0]).expect("skipped before");
    assert_eq!(bora.next_index(&header.ratchet_key), Some(4));
}

#[test]
fn a_restored_backup_that_sends_again_is_refused_by_the_other_side() {
    let (mut ari, mut bora) = Pair::sessions();
    let backup = ari.to_bytes();
    bora.decrypt(&ari.encrypt(b"before the crash")).expect("in order");
    let mut restored = Session::from_bytes(&backup).expect("just written");
    assert_eq!(bora.decrypt(&restored.encrypt(b"after it")), Err(RatchetError::AlreadyUsed));
}

#[test]
fn two_sessions_with_the_same_people_do_not_open_each_others_messages() {
    let (mut ari, _) = Pair::sessions();
    let mut other = Pair::new(crypto::prekey::BundleKind::Invite);
    other.rng = crate::common::rng(99);
    let (init, _, _, first) = other.begin();
    let (_, mut bora, _) = crypto::handshake::respond(
        &other.bora,
        &other.secret,
        other.ari.cert(),
        &init,
        &first,
        &other.psk(),
        b"",
    )
    .expect("the same secrets");
    assert_eq!(bora.decrypt(&ari.encrypt(b"elsewhere")), Err(RatchetError::Forged));
}

#[test]
fn a_message_beyond_the_largest_envelope_is_refused_before_it_is_read() {
    let (mut ari, _) = Pair::sessions();
    let bytes = ari.encrypt(&vec![0; crypto::ratchet::MESSAGE_BYTES_MAX]);
    assert!(bytes.len() > crypto::ratchet::MESSAGE_BYTES_MAX);
    assert_eq!(Message::parse(&bytes).map(drop), Err(RatchetError::Malformed));
}

#[test]
fn a_session_kept_after_three_hundred_messages_goes_on_where_it_stood() {
    let (mut ari, mut bora) = Pair::sessions();
    let first = ari.encrypt(b"late");
    for _ in 0..300 {
        bora.decrypt(&ari.encrypt(b"on")).expect("in order");
    }
    let mut ari = Session::from_bytes(&ari.to_bytes()).expect("our own");
    let mut bora = Session::from_bytes(&bora.to_bytes()).expect("our own");
    assert_eq!(bora.decrypt(&ari.encrypt(b"and on")).expect("the very next"), b"and on");
    assert_eq!(bora.decrypt(&first).expect("its key was skipped and kept"), b"late");
}
