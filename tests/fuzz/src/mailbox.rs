//! Any requests to a relay, sealed as they should be, with crashes in between: it stays sound and goes on.
#![no_main]

use crypto::key::{Secret32, SignSecret, X25519Secret};
use crypto::request::seal_request;
use libfuzzer_sys::fuzz_target;
use proto::frame::Frame;
use proto::id::{LinkId, Moment, PeerName};
use proto::mailbox::server::{Quotas, RelayKeys, Server};
use proto::store::{Batch, MemoryStore, Overlay, Store};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

fn load(store: &MemoryStore, rng: &mut ChaCha20Rng) -> Server {
    let keys = RelayKeys {
        sign: SignSecret::from_seed(Secret32::new([1; 32])),
        request: X25519Secret::from_bytes([2; 32]),
        peer: PeerName::new(&[3; 38]).expect("a name"),
    };
    let quotas = Quotas { bytes: 64 * 1024, ..Quotas::default() };
    let mut server = Server::load(keys, quotas, store, rng).expect("what it wrote, it reads");
    server.link_up(LinkId(1));
    server.link_up(LinkId(2));
    server
}

fuzz_target!(|bytes: &[u8]| {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut store = MemoryStore::new();
    let mut server = load(&store, &mut rng);
    let relay = X25519Secret::from_bytes([2; 32]).public();
    // Parts: one byte of what to do, two of a length, then so many bytes.
    let mut rest = bytes;
    let mut now = Moment(0);
    for _ in 0..16 {
        let Some(([act, high, low], after)) = rest.split_first_chunk::<3>() else { break };
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        let (part, after) = after.split_at(length);
        rest = after;
        let link = LinkId(1 + u64::from(act & 1));
        let frame = match act & 6 {
            0 => part.to_vec(),
            _ => match seal_request(&relay, part, &mut rng) {
                Ok((sealed, _)) => Frame::Request { id: 1, sealed }.encode(),
                Err(_) => continue,
            },
        };
        now = Moment(now.0 + u64::from(*act) * 100);
        let mut batch = Batch::new();
        let mut overlay = Overlay::new(&store, &mut batch);
        let _ = server.on_frame(link, &frame, now, &mut overlay, &mut rng);
        server.cut(&mut overlay, now).expect("the store reads");
        if act & 8 != 0 {
            let later = Moment(now.0 + 86_400_000 * u64::from(act >> 4));
            server.tick(later, &mut overlay);
            now = later;
        }
        store.commit(batch).expect("within the limits");
        for (_, frame) in server.take_outputs() {
            assert!(Frame::decode(&frame).is_ok());
        }
        assert!(server.stats().bytes <= 64 * 1024);
        if act & 0x80 != 0 {
            let before = server.stats();
            server = load(&store, &mut rng);
            assert_eq!(server.stats().position, before.position);
            assert_eq!(server.stats().bytes, before.bytes);
        }
    }
});
