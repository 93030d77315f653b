//! For tests: who breaks X25519. What ML-KEM, the invite's secret and the chain of handshakes still keep.

use crypto::handshake::{HandshakeError, Init, Psk, respond};
use crypto::invite::{ANSWER_SLOTS, InviteSecret};
use crypto::prekey::BundleSecret;
use crypto::ratchet::Message;
use crypto::{X25519Public, seal};
use proto::id::{Party, Tag};
use proto::invite::Invite;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::super::contacts::{bundle_in, read_answer, read_bundle};
use super::super::duo::{Duo, Recorded};
use super::by_hand::{Thief, broken};
use super::{DOCS, Loot, newest_generation, talk};
use crate::engine::Policy;
use crate::tables;

const MESSAGES: u32 = 10;

fn often() -> Policy {
    Policy { rekey_messages: MESSAGES, ..Policy::default() }
}

/// They write in turns until the next generation is due, and one of them begins it. Returns how long the record was
/// before that, and how long it is when both are at rest again.
fn renew(duo: &mut Duo, who: usize) -> (usize, usize) {
    let before = newest_generation(duo, 0);
    let mut next = who;
    while duo.sides[who].engine.pairs[&Party(1)].messages < MESSAGES {
        duo.write(next, "in turns");
        next = 1 - next;
    }
    let begins = duo.recorded.len();
    duo.write(who, "begins the next");
    assert_eq!(newest_generation(duo, 0), before + 1);
    (begins, duo.recorded.len())
}

/// All envelopes of a span that a thief has not read.
fn unread(loot: &Loot, span: std::ops::Range<usize>) -> Vec<usize> {
    span.filter(|at| !loot.read.contains(at)).collect()
}

fn senders(record: &[Recorded], span: std::ops::Range<usize>) -> [usize; 2] {
    [0, 1].map(|side| record[span.clone()].iter().filter(|envelope| envelope.from == side).count())
}

#[test]
fn who_copies_a_device_and_breaks_x25519_reads_both_sides_until_a_generation_rests_on_nothing_copied() {
    // The device that was copied begins the next generation, or the other side does, with the offer in the copy.
    for begins in [0, 1] {
        let mut duo = Duo::new(often());
        renew(&mut duo, 0);
        talk(&mut duo, 2);
        let (mut thief, instant) = (Thief::copy(&duo, 0), duo.recorded.len());
        let (first, _) = renew(&mut duo, begins);
        let (second, after_second) = renew(&mut duo, 1);
        renew(&mut duo, 0);
        talk(&mut duo, 5);
        thief.break_x25519(&duo);
        let loot = thief.rob(&duo.recorded);
        assert_eq!(loot.read.range(..instant).count(), 0, "what had come before is closed to them as well");
        // With the copy's own beginning, their secret of the offer is missing; with theirs, nothing is.
        let closed_from = [first, second][begins];
        assert_eq!(unread(loot, instant..closed_from), Vec::<usize>::new(), "begun by {begins}");
        let [ours, theirs] = senders(&duo.recorded, instant..closed_from);
        assert!(ours >= 5 && theirs >= 5, "own words and theirs: {ours}, {theirs}");
        // What begins the next one is found where it lies, and not read.
        let later: Vec<_> = loot.read.range(closed_from..).collect();
        assert!(later.len() <= 1, "{later:?}: at most a receipt in the old one");
        assert_eq!(loot.read.range(after_second..).count(), 0);
        assert_eq!(loot.linked.range(after_second..).count(), 0);
        assert!(duo.recorded.len() > after_second + 20);
    }
    assert!(DOCS.contains(
        "| after it, by who also breaks X25519 | what either side writes until two new generations have begun, "
    ));
}

#[test]
fn x25519_alone_opens_no_first_handshake_and_the_bundles_secret_opens_one_generation() {
    let mut duo = Duo::new(often());
    let (closes, after) = renew(&mut duo, 0);
    talk(&mut duo, 20);
    let record = &duo.recorded;
    let broken = broken(&duo);
    // Who was handed the invite as well opens the bundle and, with X25519 broken, the answer: both certificates.
    let invite = Invite::parse(&duo.invite).expect("it was taken up");
    let blob_at = |tag: &Tag| record.iter().find(|e| e.prefix == tag.prefix()).map(|e| e.blob.as_slice());
    let blob = blob_at(&invite.bundle_tag).expect("the bundle was sent");
    let (cert, _, bundle) = read_bundle(&invite, &invite.bundle_tag, blob).expect("the invite opens it");
    assert_eq!(cert.account_id(), duo.sides[0].engine.account());
    let mut slots = (0..ANSWER_SLOTS).map(|number| invite.secret.answer_slot(number));
    let (slot, blob) =
        slots.find_map(|slot| blob_at(&Tag(slot.tag())).map(|blob| (slot, blob))).expect("it was answered");
    let open = |psk: &crypto::Secret32| {
        seal::open_contact(blob, &slot.tag(), psk, broken.secret_of(&bundle.seal()).expect("broken"))
    };
    let other = InviteSecret::random(&mut ChaCha20Rng::from_seed([7; 32]));
    assert!(open(other.answer_slot(slot.number()).psk()).is_err(), "not without the invite");
    let bytes = open(slot.psk()).expect("the invite's secret and the broken curve open it");
    let (cert, init, first) = read_answer(&bytes).expect("an answer");
    assert_eq!(cert.account_id(), duo.sides[1].engine.account());
    // The session needs ML-KEM's secret and the invite's on top of every X25519 secret there is.
    let mut of_invites = duo.sides[0].commits.iter().flat_map(proto::store::Batch::iter);
    let kept = of_invites
        .find_map(|(key, _, value)| bundle_in(value.filter(|_| key.0 == tables::INVITE.id)?))
        .expect("it was kept until it was answered");
    let session = |kept: &BundleSecret, invite: &InviteSecret| {
        let (init, first) = (Init::parse(&init).expect("sound"), Message::parse(&first).expect("sound"));
        let psk = Psk::Invite(invite.psk());
        respond(&duo.sides[0].engine.me, kept, &cert, &init, &first, &psk, b"")
    };
    assert_eq!(session(&without_kem(&kept), &invite.secret).err(), Some(HandshakeError::Refused));
    assert_eq!(session(&kept, &other).err(), Some(HandshakeError::Refused));
    let (established, session, said) = session(&kept, &invite.secret).expect("who has all of it is in");
    let seal = |item: &Vec<u8>| match crate::content::Item::decode(item) {
        Ok(crate::content::Item::Seal(key)) => X25519Public::from_bytes(&key).ok(),
        _ => None,
    };
    let segment = crate::stream::Segment::decode(&said).expect("the first segment");
    let their_seal = segment.items.iter().find_map(seal).expect("their key stands in it");
    // And then reads all of the first generation, both sides, and none of the next: that one has ML-KEM of its own.
    let mut thief = Thief::copy(&duo, 0);
    thief.forget_generations();
    thief.follow(&established, &session, (kept.seal().clone(), their_seal));
    thief.break_x25519(&duo);
    let loot = thief.rob(record);
    let [ours, theirs] = [0, 1].map(|side| loot.read.iter().filter(|at| record[**at].from == side).count());
    assert!(ours > 5 && theirs > 5, "{ours}, {theirs}");
    assert!(thief.has_read("in turns"));
    assert!(!thief.has_read("begins the next"));
    let loot = thief.rob(record);
    assert!(loot.read.range(closes..).count() <= 1, "{:?}", loot.read.range(closes..).collect::<Vec<_>>());
    assert_eq!(loot.linked.range(after..).count(), 0);
    assert!(record.len() > after + 40);
}

/// The same bundle as somebody holds it who has broken X25519 and not ML-KEM.
fn without_kem(bundle: &BundleSecret) -> BundleSecret {
    let mut bytes = bundle.to_bytes().to_vec();
    let seed = bytes.windows(2).position(|head| head == [0x58, 64]).expect("the seed of ML-KEM has 64 bytes");
    bytes[seed + 2..seed + 66].fill(0x5a);
    BundleSecret::from_bytes(&bytes).expect("the same form")
}
