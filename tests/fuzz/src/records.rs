//! Any bytes as one record of an opened profile, or of a relay's books: it opens, or it says that it is damaged.
//!
//! Such bytes have passed a seal, so they come from another version or from a flaw. The first byte says which table,
//! the second which order.
#![no_main]

use std::sync::LazyLock;

use crypto::key::{Secret32, SignSecret, X25519Secret};
use libfuzzer_sys::fuzz_target;
use madang_core::engine::{Answer, Command, Engine, Input, Now, Output, Ticket};
use proto::id::{Moment, PeerName};
use proto::mailbox::server::{Quotas, RelayKeys, Server};
use proto::store::{Batch, LeafRule, MemoryStore, Overlay, Store, Table};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// Tables of the router, of the client and of a relay's mailbox.
const TABLES: [std::ops::RangeInclusive<u8>; 3] = [0..=1, 32..=61, 96..=98];

/// A profile with an open invite, and with a contact whose conversation is the first.
static PROFILE: LazyLock<MemoryStore> = LazyLock::new(|| {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let invite = || Command::Invite { expiry_days: 30 };
    let mut friend = profile(&mut rng);
    let Some(Answer::Invite(text)) = ask(&mut friend, invite(), &mut rng) else { panic!("no invite") };
    let mut store = profile(&mut rng);
    ask(&mut store, Command::Accept { text, name: None }, &mut rng);
    ask(&mut store, invite(), &mut rng);
    store
});

fn profile(rng: &mut ChaCha20Rng) -> MemoryStore {
    let mut store = MemoryStore::new();
    let mut batch = Batch::new();
    Engine::create("fuzz", &mut Overlay::new(&store, &mut batch), rng);
    store.commit(batch).expect("a new profile is small");
    store
}

/// One turn of a profile.
fn ask(store: &mut MemoryStore, command: Command, rng: &mut ChaCha20Rng) -> Option<Answer> {
    let now = Now { moment: Moment(0), label_ms: None };
    let mut batch = Batch::new();
    let mut overlay = Overlay::new(store, &mut batch);
    let mut engine = Engine::load(now, &overlay).expect("it was just written");
    engine.handle(Input::Command(Ticket(1), command), now, &mut overlay, rng).expect("the store works");
    engine.settle(now, &mut overlay, rng).expect("the store works");
    store.commit(batch).expect("a turn is small");
    engine.take_outputs().into_iter().find_map(|output| match output {
        Output::Answer(_, answer) => answer.ok(),
        _ => None,
    })
}

fuzz_target!(|bytes: &[u8]| {
    let Some(([table, order], value)) = bytes.split_first_chunk::<2>() else { return };
    if value.len() > 16 * 1024 {
        return;
    }
    let ids: Vec<u8> = TABLES.into_iter().flatten().collect();
    let table = Table { id: ids[usize::from(*table) % ids.len()], name: "fuzzed", leaf: LeafRule::Shared };
    let mut store = PROFILE.reopen();
    // Records of a pair and of a conversation stand under its number.
    for name in [&b""[..], &[0, 0, 0, 1]] {
        let mut batch = Batch::new();
        Overlay::new(&store, &mut batch).put(&table, name, u64::from(*order), value.to_vec());
        store.commit(batch).expect("within the limits");
    }
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    if table.id >= 96 {
        let keys = RelayKeys {
            sign: SignSecret::from_seed(Secret32::new([1; 32])),
            request: X25519Secret::from_bytes([2; 32]),
            peer: PeerName::new(&[3; 38]).expect("a name"),
        };
        let _ = Server::load(keys, Quotas::default(), &store, &mut rng);
        return;
    }
    let now = Now { moment: Moment(0), label_ms: None };
    let mut batch = Batch::new();
    let mut overlay = Overlay::new(&store, &mut batch);
    // What opens must be able to take a turn, or say that it is damaged.
    if let Ok(mut engine) = Engine::load(now, &overlay) {
        let _ = engine.handle(Input::Command(Ticket(2), Command::Contacts), now, &mut overlay, &mut rng);
        let _ = engine.settle(now, &mut overlay, &mut rng);
    }
});
