//! Any frames from a relay to its user: errors and events, no harm.
#![no_main]

use crypto::key::{Secret32, SignSecret, X25519Secret};
use libfuzzer_sys::fuzz_target;
use proto::descriptor::{RelayDescriptor, RelayFacts};
use proto::frame::Frame;
use proto::id::{Moment, PeerName};
use proto::limits;
use proto::mailbox::client::{Client, Cursor};
use proto::mailbox::request::Reply;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

fuzz_target!(|bytes: &[u8]| {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let sign = SignSecret::from_seed(Secret32::new([1; 32]));
    let request = X25519Secret::from_bytes([2; 32]);
    let facts = RelayFacts {
        sign_key: sign.public(),
        request_key: request.public(),
        peer: PeerName::new(&[3; 38]).expect("a name"),
        addresses: Vec::new(),
        ttl_days_max: 30,
        sequence: 1,
    };
    let descriptor = RelayDescriptor::sign(facts, &sign);
    let mut client = Client::new(&descriptor, Cursor::default(), true);
    let mut asked = client.on_link_up(&mut rng);
    asked.extend(client.poll(&mut rng));
    let mut rest = bytes;
    for _ in 0..8 {
        let Some(([act, high, low], after)) = rest.split_first_chunk::<3>() else { break };
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        let (part, after) = after.split_at(length);
        rest = after;
        let mut frame = part.to_vec();
        // Every second part is a reply to what was asked last; heads in it are signed, as a lying relay would.
        if let (1, Some(Frame::Request { id, sealed })) =
            (act & 1, asked.pop().and_then(|frame| Frame::decode(&frame).ok()))
        {
            let (_, sealer) = crypto::request::open_request(&request, &sealed).expect("its own");
            let part = match Reply::decode(part) {
                Ok(reply) => sign_reply(reply, &sign).encode(),
                Err(_) => part.to_vec(),
            };
            let Ok(sealed) = sealer.seal(&part, &mut rng) else { continue };
            frame = Frame::Reply { id, sealed }.encode();
        } else if let Ok(Frame::Batch(mut batch)) = Frame::decode(part) {
            batch.head = resign(&batch.head, &sign);
            frame = Frame::Batch(batch).encode();
        }
        let wanted = |prefix: &proto::id::Prefix| prefix.0[0] & 1 == 0;
        match client.on_frame(&frame, &wanted, Moment(0), &mut rng) {
            Ok(events) => asked.extend(events.into_iter().filter_map(|event| match event {
                proto::mailbox::client::ClientEvent::Send(frame) => Some(frame),
                _ => None,
            })),
            Err(_) => {
                client.on_link_down();
                asked = client.on_link_up(&mut rng);
            }
        }
        assert!(client.in_flight() <= limits::REQUESTS_IN_FLIGHT_MAX);
        assert!(client.cursor().waiting() <= limits::HITS_WAITING_MAX);
        let kept = client.cursor().encode();
        assert_eq!(Cursor::decode(&kept).as_ref(), Ok(client.cursor()));
    }
});

fn resign(head: &proto::mailbox::list::Head, key: &SignSecret) -> proto::mailbox::list::Head {
    proto::mailbox::list::Head::sign(&head.list, head.position, &head.chain, key)
}

fn sign_reply(reply: Reply, key: &SignSecret) -> Reply {
    match reply {
        Reply::List(mut part) => {
            part.head = resign(&part.head, key);
            Reply::List(part)
        }
        Reply::Following { list, first, start, head } => {
            Reply::Following { list, first, start, head: resign(&head, key) }
        }
        other => other,
    }
}
