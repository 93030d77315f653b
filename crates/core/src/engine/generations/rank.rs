//! For tests: of two generations that rest on the same one, what was begun with the later offer wins.

use std::time::Duration;

use proto::id::Party;
use proto::router::Router;
use proto::store::{Batch, MemoryStore, Overlay, Store as _};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::super::duo::{Duo, Recorded, open};
use super::super::{Command, Engine, Now, Policy, Turn};
use crate::pair::{Generation, Pair};

/// What each of the two calls the other.
const OTHER: Party = Party(1);

/// Somebody with a copy of the first's device, who sends.
struct Thief {
    store: MemoryStore,
    engine: Engine,
    rng: ChaCha20Rng,
}

impl Thief {
    fn of(duo: &Duo, seed: u8) -> Self {
        let store = duo.sides[0].store.clone();
        Self { engine: open(&store, duo.now), store, rng: ChaCha20Rng::from_seed([!seed; 32]) }
    }

    /// One turn. What leaves in it is on record then, as if the owner had sent it.
    fn act(&mut self, duo: &mut Duo, act: impl FnOnce(&mut Engine, &mut Turn<'_, '_>)) {
        let now = Now { moment: duo.now, label_ms: None };
        let mut batch = Batch::new();
        let mut overlay = Overlay::new(&self.store, &mut batch);
        act(&mut self.engine, &mut Turn { now, overlay: &mut overlay, rng: &mut self.rng });
        let records = batch.iter().filter(|(key, ..)| key.0 == proto::tables::OUTBOX.id);
        for record in records.filter_map(|(.., record)| record) {
            let (envelope, _) = Router::envelope_of(record).expect("one of the outbox");
            let blob = envelope.blob.bytes().to_vec();
            duo.recorded.push(Recorded { from: 0, prefix: envelope.tag.prefix(), blob });
        }
        self.store.commit(batch).expect("memory takes all");
    }

    fn sending(&self) -> &Generation {
        self.engine.pairs[&OTHER].sending()
    }

    /// Says a word in the generation that the thief has begun.
    fn speak(&mut self, duo: &mut Duo) {
        let pair = self.engine.pairs.get_mut(&OTHER).expect("they have met");
        let word = pair.first_word();
        let (_, envelope, _) = pair.seal(&word, &mut self.rng);
        duo.recorded.push(Recorded {
            from: 0,
            prefix: envelope.tag.prefix(),
            blob: envelope.blob.bytes().to_vec(),
        });
    }
}

fn pair(duo: &Duo, at: usize) -> &Pair {
    &duo.sides[at].engine.pairs[&OTHER]
}

/// One begins the next generation on the present one.
fn begin(duo: &mut Duo, at: usize) {
    let base = pair(duo, at).sending().number;
    duo.act(at, |engine, turn| engine.rekey(OTHER, base, turn).expect("memory works"));
}

/// All that one has sent since `start` comes to the other.
fn bring(duo: &mut Duo, from: usize, start: usize) {
    for number in start..duo.recorded.len() {
        if duo.recorded[number].from == from {
            duo.deliver(number);
        }
    }
}

#[test]
fn what_the_owner_begins_with_the_next_offer_displaces_what_a_thief_began_with_the_one_before() {
    let (mut stories, mut by_name) = (0, 0);
    for seed in 0..48 {
        let mut duo = Duo::new(Policy::default());
        duo.rng = ChaCha20Rng::from_seed([seed; 32]);
        duo.write(0, "hello");
        duo.write(1, "hello");
        duo.mute(0);
        duo.mute(1);
        let mut thief = Thief::of(&duo, seed);
        // All three begin the next generation, the thief and the owner with the same offer, and the thief comes first.
        begin(&mut duo, 1);
        let start = duo.recorded.len();
        let base = thief.sending().number;
        thief.act(&mut duo, |engine, turn| engine.rekey(OTHER, base, turn).expect("memory works"));
        bring(&mut duo, 0, start);
        assert!(pair(&duo, 1).generations().any(|taken| taken.sid == thief.sending().sid), "it is taken up");
        if pair(&duo, 1).sending().is_heard() {
            // The contact sends in it from now on, and the owner hears nothing more.
            continue;
        }
        // The place that the thief has used is lost to the owner, who uses the next one.
        let conversation = duo.conversation();
        duo.ask(0, Command::Send { conversation, text: "lost".into(), reply_to: None });
        let start = duo.recorded.len();
        begin(&mut duo, 0);
        bring(&mut duo, 0, start);
        // The owner's is refused, so the next offer goes out in what both know.
        duo.pass(Duration::from_secs(5));
        let answered = duo.recorded.len();
        bring(&mut duo, 1, start);
        duo.pass(Duration::from_secs(5));
        bring(&mut duo, 0, answered);
        let owners = pair(&duo, 0).sending();
        let (sid, offer) = (owners.sid, owners.offer);
        assert!(offer > thief.sending().offer, "begun anew with the next offer");
        assert_eq!(pair(&duo, 1).sending().sid, sid);
        thief.speak(&mut duo);
        duo.deliver(duo.recorded.len() - 1);
        assert_eq!(pair(&duo, 1).sending().sid, sid, "the thief's is not sent on again");
        stories += 1;
        by_name += u32::from(thief.sending().sid < sid);
    }
    assert!(stories > 8 && by_name > 0, "{stories} stories; in {by_name} the thief's has the smaller name");
}
