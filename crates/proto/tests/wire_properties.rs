//! Properties of everything that is read from outside: it is read as it was written, and nothing else passes.

extern crate madang_proto as proto;

mod common;

use crypto::hash::Hash32;
use crypto::key::Signature;
use crypto::seal::Class;
use proptest::collection::vec;
use proptest::prelude::*;
use proto::descriptor::RelayDescriptor;
use proto::envelope::{Blob, Envelope};
use proto::frame::{Frame, Push};
use proto::id::{Prefix, Tag};
use proto::invite::Invite;
use proto::limits;
use proto::mailbox::client::Cursor;
use proto::mailbox::list::{Batch, Entries, Head};
use proto::mailbox::request::{DeleteOutcome, FollowMode, ListPart, PutOutcome, Reply, Request};

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![4 => Just(Class::C0), 2 => Just(Class::C1), 1 => Just(Class::C2), 1 => Just(Class::C3)]
}

fn any_blob() -> impl Strategy<Value = Blob> {
    (class(), any::<u64>()).prop_map(|(class, seed)| common::blob(class, seed))
}

fn small_blob() -> impl Strategy<Value = Blob> {
    any::<u64>().prop_map(|seed| common::blob(Class::C0, seed))
}

fn signature() -> impl Strategy<Value = Signature> {
    vec(any::<u8>(), 64).prop_map(|bytes| Signature::from_bytes(&bytes).expect("64 bytes"))
}

fn tag() -> impl Strategy<Value = Tag> {
    any::<[u8; 32]>().prop_map(Tag)
}

fn any_envelope() -> impl Strategy<Value = Envelope> {
    (tag(), any_blob(), any::<u8>(), any::<u8>(), signature()).prop_map(
        |(tag, blob, ttl_days, flags, signature)| Envelope { tag, blob, ttl_days, flags, signature },
    )
}

fn entries() -> impl Strategy<Value = Entries> {
    vec((any::<[u8; 8]>(), class()), 0..200).prop_map(|all| {
        let mut entries = Entries::default();
        for (prefix, class) in all {
            entries.push(&Prefix(prefix), class);
        }
        entries
    })
}

fn head() -> impl Strategy<Value = Head> {
    (any::<[u8; 16]>(), any::<u64>(), any::<Hash32>(), signature())
        .prop_map(|(list, position, chain, signature)| Head { list, position, chain, signature })
}

fn batch() -> impl Strategy<Value = Batch> {
    (any::<u64>(), any::<Option<Hash32>>(), entries(), small_blob(), head()).prop_map(
        |(first, start, entries, blob, head)| {
            let small = entries.iter().position(|(_, class)| class == Class::C0);
            let blobs = small.map(|place| (place as u16, blob)).into_iter().collect();
            Batch { first, start, entries, blobs, head }
        },
    )
}

fn frame() -> impl Strategy<Value = Frame> {
    let sealed = || vec(any::<u8>(), 0..2_048);
    let hello = prop_oneof![Just(16_usize), Just(64), Just(256), Just(1_024)]
        .prop_flat_map(|size| vec(any::<[u8; 16]>(), size));
    prop_oneof![
        any::<[u8; 32]>().prop_map(Frame::Nonce),
        hello.prop_map(Frame::Hello),
        (any::<u32>(), any::<u32>(), any::<[u8; 8]>().prop_map(Prefix), any_blob())
            .prop_map(|(number, acked, prefix, blob)| Frame::Push(Push { number, acked, prefix, blob })),
        any::<u32>().prop_map(|upto| Frame::Ack { upto }),
        any::<u32>().prop_map(|bytes| Frame::Credit { bytes }),
        Just(Frame::Describe),
        vec(any::<u8>(), 0..limits::DESCRIPTOR_BYTES_MAX).prop_map(Frame::Descriptor),
        (any::<u32>(), sealed()).prop_map(|(id, sealed)| Frame::Request { id, sealed }),
        (any::<u32>(), sealed()).prop_map(|(id, sealed)| Frame::Reply { id, sealed }),
        batch().prop_map(Frame::Batch),
        (any::<u32>(), any::<u32>()).prop_map(|(id, after_ms)| Frame::Busy { id, after_ms }),
    ]
}

fn list_id() -> impl Strategy<Value = Option<[u8; 16]>> {
    any::<Option<[u8; 16]>>()
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        vec(any_envelope(), 0..4).prop_map(Request::Put),
        (list_id(), any::<u64>()).prop_map(|(list, from)| Request::List { list, from }),
        (any::<[u8; 16]>(), vec(any::<u64>(), 0..=32), any::<u32>())
            .prop_map(|(list, positions, bytes_max)| Request::Get { list, positions, bytes_max }),
        vec((tag(), signature()), 0..=32).prop_map(Request::Delete),
        (list_id(), any::<u64>(), any::<bool>(), any::<u32>()).prop_map(|(list, from, blobs, credit)| {
            let mode = if blobs { FollowMode::Blobs } else { FollowMode::Prefixes };
            Request::Follow { list, from, mode, credit }
        }),
        Just(Request::Unfollow),
    ]
}

fn put_outcome() -> impl Strategy<Value = PutOutcome> {
    prop_oneof![
        Just(PutOutcome::Stored),
        Just(PutOutcome::Duplicate),
        Just(PutOutcome::Taken),
        Just(PutOutcome::Gone),
        Just(PutOutcome::Full),
        Just(PutOutcome::Bad),
        any::<u8>().prop_map(|difficulty| PutOutcome::Pay { difficulty }),
    ]
}

fn delete_outcome() -> impl Strategy<Value = DeleteOutcome> {
    prop_oneof![
        Just(DeleteOutcome::Done),
        Just(DeleteOutcome::Absent),
        Just(DeleteOutcome::Kept),
        Just(DeleteOutcome::Bad),
    ]
}

fn reply() -> impl Strategy<Value = Reply> {
    let part = (any::<u64>(), any::<Hash32>(), entries(), head(), any::<u64>());
    let following = (any::<[u8; 16]>(), any::<u64>(), any::<Hash32>(), head());
    prop_oneof![
        vec(put_outcome(), 0..=limits::PUT_ENVELOPES_MAX).prop_map(Reply::Put),
        part.prop_map(|(first, start, entries, head, end)| {
            Reply::List(ListPart { first, start, entries, head, end })
        }),
        vec((any::<u64>(), proptest::option::of(small_blob())), 0..=32).prop_map(Reply::Got),
        vec(delete_outcome(), 0..=32).prop_map(Reply::Deleted),
        following.prop_map(|(list, first, start, head)| Reply::Following { list, first, start, head }),
        Just(Reply::Unfollowed),
        any::<[u8; 16]>().prop_map(Reply::OtherList),
        Just(Reply::NotUnderstood),
    ]
}

/// Everything that is read from outside, on the same bytes: none may panic, and what is accepted has one encoding.
fn read_all(bytes: &[u8]) {
    if let Ok(frame) = Frame::decode(bytes) {
        assert_eq!(frame.encode(), bytes);
    }
    if let Ok(envelope) = Envelope::decode(bytes) {
        assert_eq!(envelope.encode(), bytes);
        let _ = envelope.verify();
    }
    if let Ok(request) = Request::decode(bytes) {
        assert_eq!(request.encode(), bytes);
    }
    if let Ok(reply) = Reply::decode(bytes) {
        assert_eq!(reply.encode(), bytes);
    }
    if let Ok(invite) = Invite::decode(bytes) {
        assert_eq!(invite.encode(), bytes);
    }
    if let Ok(descriptor) = RelayDescriptor::parse(bytes) {
        assert_eq!(descriptor.bytes(), bytes);
    }
    let _ = Cursor::decode(bytes);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_frame_is_read_as_it_was_written(frame in frame()) {
        let bytes = frame.encode();
        prop_assert!(bytes.len() <= limits::FRAME_BYTES_MAX);
        prop_assert_eq!(Frame::decode(&bytes), Ok(frame));
    }

    #[test]
    fn a_request_is_read_as_it_was_written(request in request()) {
        prop_assert_eq!(Request::decode(&request.encode()), Ok(request));
    }

    #[test]
    fn a_reply_is_read_as_it_was_written(reply in reply()) {
        prop_assert_eq!(Reply::decode(&reply.encode()), Ok(reply));
    }

    #[test]
    fn a_truncated_frame_is_refused(frame in frame(), cut in any::<prop::sample::Index>()) {
        let bytes = frame.encode();
        let cut = cut.index(bytes.len());
        prop_assert!(Frame::decode(&bytes[..cut]).is_err());
    }

    #[test]
    fn a_frame_with_something_behind_it_is_refused(frame in frame(), more in vec(any::<u8>(), 1..9)) {
        let bytes = [frame.encode(), more].concat();
        prop_assert!(Frame::decode(&bytes).is_err());
    }

    #[test]
    fn flipped_bits_are_another_frame_or_none(frame in frame(), at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let mut bytes = frame.encode();
        let at = at.index(bytes.len().min(512));
        bytes[at] ^= 1_u8 << bit;
        prop_assert_ne!(Frame::decode(&bytes), Ok(frame));
        read_all(&bytes);
    }

    #[test]
    fn flipped_bits_in_requests_and_replies_do_no_harm(
        request in request(), reply in reply(), at in any::<prop::sample::Index>(), bit in 0_u8..8
    ) {
        for mut bytes in [request.encode(), reply.encode()] {
            let at = at.index(bytes.len().min(512));
            bytes[at] ^= 1_u8 << bit;
            read_all(&bytes);
            read_all(&bytes[..at]);
        }
    }

    #[test]
    fn any_bytes_do_no_harm(bytes in vec(any::<u8>(), 0..512)) {
        read_all(&bytes);
    }

    #[test]
    fn any_text_does_no_harm(text in "\\PC{0,200}", digits in "[a-z2-7]{0,300}") {
        for name in ["madang:", "madang-relay:", ""] {
            for tail in [&text, &digits] {
                let _ = Invite::parse(&format!("{name}{tail}"));
                let _ = RelayDescriptor::parse_text(&format!("{name}{tail}"));
            }
        }
    }

    #[test]
    fn any_reply_and_any_frame_leave_a_client_sound(frames in vec(frame(), 1..6), seed in any::<u64>()) {
        let relay = common::Relay::new();
        let mut user = common::User::new(&relay, 1, true);
        let mut rng = common::rng(seed);
        user.client.on_link_up(&mut rng);
        for frame in frames {
            let taken = user.client.on_frame(&frame.encode(), &|_| true, proto::id::Moment(0), &mut rng);
            if taken.is_err() {
                user.client.on_link_down();
                user.client.on_link_up(&mut rng);
            }
            prop_assert!(user.client.in_flight() <= limits::REQUESTS_IN_FLIGHT_MAX);
        }
        let kept = user.client.cursor().encode();
        prop_assert_eq!(&Cursor::decode(&kept), &Ok(user.client.cursor().clone()));
    }
}
