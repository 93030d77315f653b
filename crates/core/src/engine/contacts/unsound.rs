//! For tests: bundles and answers that their seal opens and that begin nothing. Whoever waits for them is told.

use crypto::X25519Secret;
use crypto::handshake::{PeerKeys, Psk, initiate};
use crypto::identity::Identity;
use crypto::seal::{self, Class};
use proto::id::{LinkId, Tag};
use proto::invite::Invite;
use proto::router::{Crossing, Router};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::super::duo::Duo;
use super::super::receive::Road;
use super::super::{Command, Policy};
use super::inviting::seal_in;
use super::under_invite::{BundleBody, InitBody, SUITE, bundle_hash, read_bundle};
use crate::content::Item;
use crate::conversation::{decode_whole, encode};
use crate::event::{ContactId, Event, Notice};
use crate::pair::inner;
use crate::stream::{Receiver, Segment};

/// The twelve, as the attacks of `crypto` derive them.
fn small_order_points() -> impl Iterator<Item = [u8; 32]> {
    let lines = include_str!("../../../../../tests/vectors/small-order-x25519.txt").lines();
    let byte = |line: &str, at: usize| u8::from_str_radix(&line[2 * at..2 * at + 2], 16).expect("hex");
    lines.map(move |line| std::array::from_fn(|at| byte(line, at)))
}

fn first_segment(key: [u8; 32]) -> Segment {
    let ack = Receiver::default().ack(0);
    Segment { first: 1, items: vec![Item::Seal(key).encode()], ack, sealed: 1, half: 0 }
}

/// An invite of the first, and what was left under it.
fn invited(duo: &mut Duo) -> (Invite, Vec<u8>) {
    let invite = Invite::parse(&duo.invite()).expect("just made");
    let mut outbox = duo.sides[0].store.iter().filter(|(key, _)| key.0 == proto::tables::OUTBOX.id);
    let (bundle, _) = Router::envelope_of(outbox.next().expect("the bundle waits").1).expect("an envelope");
    assert_eq!(bundle.tag, invite.bundle_tag);
    (invite, bundle.blob.bytes().to_vec())
}

/// Somebody who holds the invite answers it in this slot with a handshake that is sound and asks to be answered to `key`,
/// after `change` has had its way with what is sealed.
fn answer(
    duo: &mut Duo,
    (invite, bundle): &(Invite, Vec<u8>),
    slot: u32,
    key: [u8; 32],
    change: fn(&mut InitBody),
) {
    let (cert, _, bundle) = read_bundle(invite, &invite.bundle_tag, bundle).expect("a sound bundle");
    let me = Identity::create(&mut duo.rng);
    let psk = Psk::Invite(invite.secret.psk());
    let peer = PeerKeys { cert: &cert, bundle: &bundle };
    let (init, _, mut session) = initiate(&me, peer, &psk, b"", &mut duo.rng).expect("sound keys");
    let mut body = InitBody {
        suite: SUITE,
        cert: me.cert().bytes().to_vec(),
        list: me.list().bytes().to_vec(),
        init: init.encode(),
        first: session.encrypt(&first_segment(key).encode()),
    };
    change(&mut body);
    let inner = [&[inner::INIT][..], &encode(&body)].concat();
    let class = Class::for_len(inner.len()).expect("it fits");
    let slot = invite.secret.answer_slot(slot);
    let blob = seal::seal_contact(class, &slot.tag(), slot.psk(), &bundle.seal(), &inner, &mut duo.rng);
    arrive(duo, 0, Tag(slot.tag()), &blob.expect("the class fits"));
}

fn arrive(duo: &mut Duo, at: usize, tag: Tag, blob: &[u8]) {
    duo.act(at, |engine, turn| {
        engine
            .arrive(Crossing::Arriving(tag.prefix()), blob, Road::Link(LinkId(1)), turn)
            .expect("memory works");
    });
}

fn notices(duo: &Duo, at: usize) -> Vec<Notice> {
    let notice = |event: &Event| match event {
        Event::Notice(notice) => Some(notice.clone()),
        _ => None,
    };
    duo.sides[at].events.iter().filter_map(notice).collect()
}

fn sound_key(duo: &mut Duo) -> [u8; 32] {
    *X25519Secret::generate(&mut duo.rng).public().as_bytes()
}

#[test]
fn an_answer_that_asks_for_a_seal_of_small_order_begins_nothing_is_told_and_leaves_the_invite_open() {
    for point in small_order_points() {
        let mut duo = Duo::strangers(Policy::default());
        let invite = invited(&mut duo);
        answer(&mut duo, &invite, 0, point, |_| {});
        assert_eq!(notices(&duo, 0), [Notice::InviteSpoiled], "{point:?}");
        assert!(duo.sides[0].engine.contacts.is_empty());
        // Once is enough for one invite, and whoever else holds it can still answer.
        answer(&mut duo, &invite, 1, point, |_| {});
        assert_eq!(notices(&duo, 0).len(), 1);
        let sound = sound_key(&mut duo);
        answer(&mut duo, &invite, 2, sound, |_| {});
        assert_eq!(duo.sides[0].engine.contacts.len(), 1);
        assert_eq!(notices(&duo, 0).len(), 1);
    }
}

#[test]
fn whatever_else_is_wrong_inside_an_answer_is_told_too() {
    type Change = fn(&mut InitBody);
    let changes: [(&str, Change); 6] = [
        ("another suite", |body| body.suite = SUITE + 1),
        ("a certificate that was changed", |body| body.cert[60] ^= 1),
        ("a list of somebody else", |body| {
            body.list = Identity::create(&mut ChaCha20Rng::from_seed([7; 32])).list().bytes().to_vec();
        }),
        ("no handshake", |body| body.init.truncate(40)),
        ("a changed handshake", |body| *body.init.last_mut().expect("long") ^= 1),
        ("a changed first message", |body| *body.first.last_mut().expect("long") ^= 1),
    ];
    for (what, change) in changes {
        let mut duo = Duo::strangers(Policy::default());
        let (invite, sound) = (invited(&mut duo), sound_key(&mut duo));
        answer(&mut duo, &invite, 0, sound, change);
        assert_eq!(notices(&duo, 0), [Notice::InviteSpoiled], "{what}");
        assert!(duo.sides[0].engine.contacts.is_empty(), "{what}");
    }
}

#[test]
fn a_bundle_with_a_seal_of_small_order_is_told_as_forged_and_not_answered() {
    for point in small_order_points() {
        let mut duo = Duo::strangers(Policy::default());
        let (mut invite, blob) = invited(&mut duo);
        let bytes =
            seal::open_stranger(&blob, &invite.bundle_tag.0, &invite.secret.seal_key()).expect("ours");
        let mut body: BundleBody = decode_whole(&bytes[1..]).expect("ours");
        let (_, _, bundle) = read_bundle(&invite, &invite.bundle_tag, &blob).expect("ours");
        let key = bundle.seal();
        let at = body.bundle.windows(32).position(|part| part == key.as_bytes()).expect("it is in there");
        body.bundle[at..at + 32].copy_from_slice(&point);
        // Who invites says what hash the bundle has, so it fits.
        invite.bundle_hash = bundle_hash(&body);
        let inner = [&[inner::BUNDLE][..], &encode(&body)].concat();
        let (class, to) = (Class::for_len(inner.len()).expect("it fits"), invite.secret.seal_key().public());
        let blob = seal::seal_stranger(class, &invite.bundle_tag.0, &to, &inner, &mut duo.rng);
        duo.ask(1, Command::Accept { text: invite.to_text(), name: None });
        arrive(&mut duo, 1, invite.bundle_tag, &blob.expect("the class fits"));
        assert_eq!(notices(&duo, 1), [Notice::InviteForged(ContactId(1))], "{point:?}");
        assert!(duo.sides[1].engine.pairs.is_empty(), "nothing is answered");
    }
}

#[test]
fn a_seal_of_small_order_in_an_answer_is_no_key() {
    let sound = *X25519Secret::generate(&mut ChaCha20Rng::from_seed([7; 32])).public().as_bytes();
    assert_eq!(seal_in(&first_segment(sound)).map(|key| *key.as_bytes()), Some(sound));
    for point in small_order_points() {
        assert!(seal_in(&first_segment(point)).is_none(), "{point:?}");
    }
}
