//! A relay whose list has holes, and one whose list is full of what was taken back.

extern crate madang_proto as proto;

mod common;

use common::{Relay, User, envelope, settle, slots};
use crypto::seal::Class;
use proto::id::Tag;
use proto::mailbox::client::{ClientEvent, Refusal};
use proto::mailbox::server::Quotas;
use proto::store::{Batch, Overlay, Store};
use proto::tables::{BOX_BLOB, BOX_ENTRY, BOX_STATE};

#[test]
fn a_list_with_holes_is_served_under_a_new_name_and_what_lay_in_them_can_be_put_again() {
    // The front, the midst, the end, and the list's own record.
    for (lost, state) in [(vec![0, 1], false), (vec![3, 4], false), (vec![7], false), (vec![2], true)] {
        let mut relay = Relay::new();
        let mine = slots(1, 8);
        let mut ari = User::new(&relay, 1, true);
        ari.connect(&mut relay);
        for (n, slot) in mine.iter().enumerate() {
            ari.put(n as u64, &envelope(slot, Class::C1, n as u64));
            settle(&mut relay, &mut [&mut ari]);
        }
        ari.disconnect(&mut relay);
        let mut batch = Batch::new();
        for position in &lost {
            batch.delete(&BOX_ENTRY, b"", *position);
            batch.delete(&BOX_BLOB, b"", *position);
        }
        if state {
            batch.delete(&BOX_STATE, b"", 0);
        }
        relay.store.commit(batch).expect("memory takes it");
        relay.crash();
        // What is missing at the end nobody sees but the store.
        assert_eq!(relay.server.has_gaps(), lost != [7]);
        let mut batch = Batch::new();
        relay.server.renew_list(&mut Overlay::new(&relay.store, &mut batch), &mut relay.rng);
        relay.store.commit(batch).expect("memory takes it");
        relay.crash();
        assert!(!relay.server.has_gaps());
        assert_eq!(relay.server.stats().envelopes, 8 - lost.len() as u64);

        ari.want(&mine);
        ari.connect(&mut relay);
        settle(&mut relay, &mut [&mut ari]);
        assert_eq!(ari.count(&ClientEvent::Equivocation), 0);
        assert_eq!(ari.count(&ClientEvent::ListReplaced), 1);
        for (n, slot) in mine.iter().enumerate() {
            ari.put(n as u64, &envelope(slot, Class::C1, n as u64));
            settle(&mut relay, &mut [&mut ari]);
        }
        assert_eq!(relay.server.stats().envelopes, 8);
        assert_eq!(ari.blobs.len(), 8);
    }
}

#[test]
fn a_relay_remembers_no_more_of_what_was_taken_back_than_it_has_memory_for() {
    let mut relay = Relay::with(Quotas { bytes: 4 << 20, ..Quotas::default() });
    let mine = slots(1, 4_097);
    let mut ari = User::new(&relay, 1, false);
    ari.connect(&mut relay);
    for part in mine[..4_096].chunks(32) {
        let envelopes: Vec<_> = part.iter().map(|slot| envelope(slot, Class::C0, 0)).collect();
        let keyed: Vec<_> = envelopes.iter().map(|envelope| (0, envelope)).collect();
        let (frame, count) = ari.client.put_many(&keyed, &mut ari.rng).expect("room");
        assert_eq!(count, part.len());
        ari.outbox.push(frame);
        let orders: Vec<_> = part.iter().map(|slot| (Tag(slot.tag()), slot.sign_delete())).collect();
        let frame = ari.client.delete(&orders, &mut ari.rng).expect("room");
        ari.outbox.push(frame);
        settle(&mut relay, &mut [&mut ari]);
    }
    assert_eq!((ari.stored().len(), relay.server.stats().envelopes), (4_096, 0));
    let one = envelope(&mine[4_096], Class::C0, 0);
    ari.put(7, &one);
    settle(&mut relay, &mut [&mut ari]);
    assert_eq!(ari.count(&ClientEvent::Refused(7, Refusal::Full)), 1);
    // Its time is over some day, and the place is there again, also after a new start.
    relay.live_through(32);
    ari.disconnect(&mut relay);
    relay.crash();
    ari.connect(&mut relay);
    ari.put(8, &one);
    settle(&mut relay, &mut [&mut ari]);
    assert_eq!(ari.count(&ClientEvent::Stored(8)), 1);
}
