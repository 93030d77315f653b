//! A linker who has the disks of two relays, opened with the relays' own keys, and wants to know which envelopes
//! belong to one conversation.
//!
//! It is asked as in a game: here is an envelope of a conversation on one disk; of two on the other disk, which is of
//! the same conversation? One of two is right, so chance is a half. It learns on one half of the questions, with the
//! answers, whatever it can learn: from order and distance, classes, days, the bits of tags and blobs. On the other half
//! it is judged. That it *would* see a leak is shown by leaks planted on the same disks.
//!
//! People write here when chance says so. Who writes in bursts is seen in a relay's order, as the threat model says, and
//! as one of the controls shows.

use std::collections::BTreeMap;

use madang_tests::world::{WHILE, Who, World};
use proto::envelope::Envelope;
use proto::tables::{BOX_BLOB, BOX_ENTRY, OUTBOX};
use proto::wire::Reader;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Conversations, and messages in each direction of each.
const CONVERSATIONS: usize = 40;
const MESSAGES: usize = 20;
/// Questions on which the linker is judged; it learns on as many others.
const JUDGED: usize = CONVERSATIONS * MESSAGES / 2;

/// What chance stays below, but for once in thirty thousand linkers: four standard deviations above a half.
fn chance_at_most() -> f64 {
    0.5 + 4.0 * 0.5 / (JUDGED as f64).sqrt()
}

/// What one relay's disk says of one envelope.
#[derive(Clone)]
struct Deposit {
    position: u64,
    /// Its place among all, from 0 to 1.
    order: f64,
    class: u64,
    last_day: u64,
    tag: [u8; 32],
    blob: Vec<u8>,
    /// The class of the one before it, and of the one after.
    beside: [u64; 2],
}

/// Everything that lies on a relay's disk, in its order.
fn disk(world: &World, relay: Who) -> Vec<Deposit> {
    let mut blobs = BTreeMap::new();
    let mut found: Vec<Deposit> = Vec::new();
    for ((table, _, position), value) in world.relay_at(relay).store().iter() {
        if *table == BOX_BLOB.id {
            blobs.insert(*position, value.to_vec());
        }
        if *table == BOX_ENTRY.id {
            let mut reader = Reader::new(value);
            reader.array_of(4).expect("nothing here is over yet");
            let (_state, class) = (reader.u8().expect("a state"), reader.u64().expect("a class"));
            let last_day = reader.u64().expect("a day");
            let tag = reader.fixed().expect("a tag");
            reader.finish().expect("no signature, no sender, no time: nothing more is kept");
            let (order, blob, beside) = (0.0, Vec::new(), [0; 2]);
            found.push(Deposit { position: *position, order, class, last_day, tag, blob, beside });
        }
    }
    let classes: Vec<u64> = found.iter().map(|deposit| deposit.class).collect();
    let count = found.len();
    for (at, deposit) in found.iter_mut().enumerate() {
        deposit.order = at as f64 / count as f64;
        deposit.blob = blobs.remove(&deposit.position).unwrap_or_default();
        deposit.beside = [at.wrapping_sub(1), at + 1].map(|at| classes.get(at).copied().unwrap_or(9));
    }
    found
}

/// The tags of what a person has left and not heard of, in the order of writing: the truth, which the linker has not.
fn tags_left_by(world: &World, who: Who) -> Vec<[u8; 32]> {
    let outbox = world.node(who).store().iter().filter(|((table, ..), _)| *table == OUTBOX.id);
    let tag = |(_, value): (_, &[u8])| {
        let mut reader = Reader::new(value);
        reader.array(8).expect("a record");
        reader.u32().expect("a party");
        let envelope = reader.bytes(70_000).expect("an envelope");
        Envelope::decode(envelope).expect("an envelope").tag.0
    };
    outbox.map(tag).collect()
}

/// How people write.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Habit {
    /// Each next message is anybody's.
    Mixed,
    /// One says all they have to say, then the next.
    InBursts,
}

/// Messages of each conversation on both disks, as the linker would like to know them.
struct Disks {
    /// For each conversation, what its first person left at the second's relay.
    there: Vec<Vec<Deposit>>,
    /// What its second person left at the first's relay.
    here: Vec<Vec<Deposit>>,
}

fn below(rng: &mut ChaCha20Rng, bound: usize) -> usize {
    (rng.next_u64() % bound as u64) as usize
}

/// The order in which conversations get their next message.
fn turns(habit: Habit, rng: &mut ChaCha20Rng) -> Vec<usize> {
    let mut conversations: Vec<usize> = (0..CONVERSATIONS).collect();
    shuffle(&mut conversations, rng);
    let mut turns: Vec<usize> = conversations.iter().flat_map(|who| vec![*who; MESSAGES]).collect();
    if habit == Habit::Mixed {
        shuffle(&mut turns, rng);
    }
    turns
}

fn shuffle<T>(items: &mut [T], rng: &mut ChaCha20Rng) {
    for at in (1..items.len()).rev() {
        items.swap(at, below(rng, at + 1));
    }
}

/// Lets people talk over two relays and takes the disks: at the second relay lies what the first of each two wrote, at
/// the first what the second answered, with receipts between. Nothing is taken back yet.
fn two_disks(seed: u64, habit: Habit) -> Disks {
    let mut world = World::new(seed);
    let mut rng = ChaCha20Rng::seed_from_u64(seed ^ 0x6c69_6e6b);
    let relays = [world.relay(), world.relay()];
    let couples: Vec<(Who, Who)> = (0..CONVERSATIONS)
        .map(|n| (world.person(&format!("one {n}")), world.person(&format!("other {n}"))))
        .collect();
    for (one, other) in &couples {
        world.use_relay(*one, relays[0]);
        world.use_relay(*other, relays[1]);
    }
    world.pass(WHILE);
    for (one, other) in &couples {
        world.befriend(*one, *other);
    }
    world.pass(WHILE * 30);
    let (ones, others): (Vec<Who>, Vec<Who>) = couples.iter().copied().unzip();
    others.iter().for_each(|who| world.off(*who));
    let mut say = |world: &mut World, from: &[Who], to: &[Who]| {
        for conversation in turns(habit, &mut rng) {
            let length = [20, 400, 1_500, 5_000][below(&mut rng, 4)];
            let text = "가나 ab".chars().cycle().take(length / 2).collect::<String>();
            world.write(from[conversation], to[conversation], &text);
            world.pass(std::time::Duration::from_millis(200 + below(&mut rng, 2_000) as u64));
        }
        world.pass(WHILE * 5);
    };
    say(&mut world, &ones, &others);
    let from_ones: Vec<_> = ones.iter().map(|who| tags_left_by(&world, *who)).collect();
    ones.iter().for_each(|who| world.off(*who));
    let mut coming = others.clone();
    shuffle(&mut coming, &mut ChaCha20Rng::seed_from_u64(seed));
    coming.iter().for_each(|who| world.on(*who));
    world.pass(WHILE);
    say(&mut world, &others, &ones);
    let from_others: Vec<_> = others.iter().map(|who| tags_left_by(&world, *who)).collect();
    let pick = |side: u64, tags: Vec<Vec<[u8; 32]>>| {
        let all: BTreeMap<[u8; 32], Deposit> =
            disk(&world, relays[side as usize]).into_iter().map(|deposit| (deposit.tag, deposit)).collect();
        // Drawn anew for each side: one and the same shuffle of both would pair first with first, last with last, and
        // plant what the linker is to look for.
        let mut choice = ChaCha20Rng::seed_from_u64(seed ^ 0x6173_6b65 ^ side);
        let find = |tags: Vec<[u8; 32]>| -> Vec<Deposit> {
            // Receipts that travel by themselves are envelopes like all others. Which of them is asked about says nothing.
            let mut found: Vec<Deposit> = tags.iter().filter_map(|tag| all.get(tag).cloned()).collect();
            shuffle(&mut found, &mut choice);
            assert!(found.len() >= MESSAGES, "{} envelopes of a conversation lie on the disk", found.len());
            found
        };
        tags.into_iter().map(find).collect()
    };
    Disks { there: pick(1, from_ones), here: pick(0, from_others) }
}

/// One question: an envelope, and two of which the first is of the same conversation. The linker sees them shuffled.
type Question<'a> = (&'a Deposit, [&'a Deposit; 2]);

/// As many questions as there are messages, each envelope asked about once.
fn questions<'a>(left: &'a [Vec<Deposit>], right: &'a [Vec<Deposit>], shift: usize) -> Vec<Question<'a>> {
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let mut all = Vec::new();
    for number in 0..MESSAGES {
        for (conversation, asked) in left.iter().enumerate() {
            let other = (conversation + 1 + below(&mut rng, CONVERSATIONS - 1)) % CONVERSATIONS;
            let at = (number + shift) % MESSAGES;
            all.push((&asked[number], [&right[conversation][at], &right[other][at]]));
        }
    }
    shuffle(&mut all, &mut rng);
    all
}

/// Whatever can be compared of two envelopes; the linker finds out what of it tells something.
fn features(a: &Deposit, b: &Deposit) -> Vec<f64> {
    let same = |x: u64, y: u64| f64::from(u8::from(x == y));
    let bits =
        |x: &[u8], y: &[u8]| x.iter().zip(y).map(|(x, y)| f64::from((x ^ y).count_ones())).sum::<f64>();
    let equal = |x: &[u8], y: &[u8]| x.iter().zip(y).filter(|(x, y)| x == y).count() as f64;
    let sum =
        |bytes: &[u8]| bytes.iter().map(|byte| f64::from(*byte)).sum::<f64>() / bytes.len().max(1) as f64;
    let ends = |d: &Deposit| d.blob[d.blob.len() - 64..].to_vec();
    let order = (a.order - b.order).abs();
    vec![
        order,
        order.sqrt(),
        f64::from(u8::from(order < 0.03)),
        same(a.position % 2, b.position % 2),
        same(a.class, b.class),
        a.class.abs_diff(b.class) as f64,
        same(a.beside[0], b.beside[0]),
        same(a.beside[1], b.beside[1]),
        same(a.last_day, b.last_day),
        bits(&a.tag, &b.tag),
        equal(&a.tag, &b.tag),
        f64::from(a.tag[0].abs_diff(b.tag[0])),
        f64::from(u8::from(a.tag < b.tag)),
        bits(&a.blob[..64], &b.blob[..64]),
        bits(&a.blob[..1_024], &b.blob[..1_024]),
        equal(&a.blob[..1_024], &b.blob[..1_024]),
        bits(&ends(a), &ends(b)),
        (sum(&a.blob[..1_024]) - sum(&b.blob[..1_024])).abs(),
        bits(&a.tag, &b.blob[..32]),
        bits(&a.blob[..32], &b.tag),
    ]
}

/// For each bit of tag and blob, whether it is the same in both: a leak may sit in a single one.
fn bits_agree(a: &Deposit, b: &Deposit) -> Vec<bool> {
    let bytes = |d: &Deposit| d.tag.iter().chain(&d.blob[..1_024]).copied().collect::<Vec<u8>>();
    let (a, b) = (bytes(a), bytes(b));
    a.iter().zip(&b).flat_map(|(x, y)| (0..8).map(move |bit| (x ^ y) >> bit & 1 == 0)).collect()
}

/// How often the first of two, which is the right one, is chosen by a score. A tie is half a hit.
fn hits<'a>(asked: &[Question<'a>], score: impl Fn(&'a Deposit, &'a Deposit) -> f64) -> f64 {
    let judge = |(left, [right, wrong]): &Question<'a>| {
        let (right, wrong) = (score(left, right), score(left, wrong));
        if right == wrong { 0.5 } else { f64::from(u8::from(right > wrong)) }
    };
    asked.iter().map(judge).sum::<f64>() / asked.len() as f64
}

/// Learns a weight for every feature: logistic regression over the difference between the right and the wrong one.
fn learn(asked: &[Question<'_>]) -> Vec<f64> {
    let differences: Vec<Vec<f64>> = asked
        .iter()
        .map(|(left, [right, wrong])| {
            features(left, right).iter().zip(features(left, wrong)).map(|(r, w)| r - w).collect()
        })
        .collect();
    let width = differences[0].len();
    let scale: Vec<f64> = (0..width)
        .map(|f| (differences.iter().map(|d| d[f] * d[f]).sum::<f64>() / asked.len() as f64).sqrt().max(1e-9))
        .collect();
    let mut weights = vec![0.0; width];
    for _ in 0..200 {
        let mut slope = vec![0.0; width];
        for difference in &differences {
            let score: f64 = (0..width).map(|f| weights[f] * difference[f] / scale[f]).sum();
            let miss = 1.0 / (1.0 + score.exp());
            (0..width).for_each(|f| slope[f] += miss * difference[f] / scale[f]);
        }
        (0..width).for_each(|f| weights[f] += slope[f] / asked.len() as f64 - 0.002 * weights[f]);
    }
    weights.iter().zip(&scale).map(|(weight, scale)| weight / scale).collect()
}

/// What the linker makes of it: for each of its ways how often it is right on what it has not seen.
fn link(asked: &[Question<'_>]) -> BTreeMap<String, f64> {
    let (known, judged) = asked.split_at(asked.len() - JUDGED);
    let mut ways = BTreeMap::new();
    let weights = learn(known);
    let all = |a: &Deposit, b: &Deposit| features(a, b).iter().zip(&weights).map(|(f, w)| f * w).sum::<f64>();
    ways.insert("all features together".to_owned(), hits(judged, all));
    for number in 0..weights.len() {
        let one = |a: &Deposit, b: &Deposit| features(a, b)[number];
        let sign = if hits(known, one) < 0.5 { -1.0 } else { 1.0 };
        ways.insert(format!("feature {number}"), hits(judged, |a, b| sign * one(a, b)));
    }
    let mut agreement: Vec<i32> = Vec::new();
    for (left, [right, wrong]) in known {
        let (right, wrong) = (bits_agree(left, right), bits_agree(left, wrong));
        agreement.resize(right.len(), 0);
        for (sum, (right, wrong)) in agreement.iter_mut().zip(right.into_iter().zip(wrong)) {
            *sum += i32::from(right) - i32::from(wrong);
        }
    }
    let best = (0..agreement.len()).max_by_key(|bit| agreement[*bit].abs()).expect("there are bits");
    let sign = f64::from(agreement[best].signum());
    let one_bit = |a: &Deposit, b: &Deposit| sign * f64::from(u8::from(bits_agree(a, b)[best]));
    ways.insert("the most telling bit".to_owned(), hits(judged, one_bit));
    ways
}

fn best(ways: &BTreeMap<String, f64>) -> (&str, f64) {
    let best = ways.iter().max_by(|a, b| a.1.total_cmp(b.1)).expect("there are ways");
    (best.0, *best.1)
}

#[test]
fn a_linker_with_two_relays_disks_does_no_better_than_chance_and_sees_planted_leaks() {
    let disks = two_disks(2_026, Habit::Mixed);
    let across = link(&questions(&disks.here, &disks.there, 0));
    let within = link(&questions(&disks.there, &disks.there, 1));
    let bound = chance_at_most();
    println!("{JUDGED} questions each; chance stays below {bound:.3}");
    for (what, ways) in [("across two disks", &across), ("on one disk", &within)] {
        let (way, right) = best(ways);
        println!("{what}: of {} ways the best is right {right:.3} of the time, by {way}", ways.len());
        assert!(right < bound, "{what}: right {right:.3} of the time by {way}");
    }
    // The same linker on the same disks, with a leak of one bit in each blob.
    let plant = |sides: &[Vec<Deposit>]| -> Vec<Vec<Deposit>> {
        let mut sides = sides.to_vec();
        for (conversation, deposits) in sides.iter_mut().enumerate() {
            for deposit in deposits {
                deposit.blob[577] = deposit.blob[577] & !4 | ((conversation as u8 & 1) << 2);
            }
        }
        sides
    };
    let (here, there) = (plant(&disks.here), plant(&disks.there));
    let found = best(&link(&questions(&here, &there, 0))).1;
    assert!(found > bound, "a planted bit is found: {found:.3}");
    // And with each conversation's own favourite size.
    let sized = |sides: &[Vec<Deposit>]| -> Vec<Vec<Deposit>> {
        let mut sides = sides.to_vec();
        for (conversation, deposits) in sides.iter_mut().enumerate() {
            deposits.iter_mut().step_by(2).for_each(|deposit| deposit.class = conversation as u64 % 4);
        }
        sides
    };
    let found = best(&link(&questions(&sized(&disks.here), &sized(&disks.there), 0))).1;
    assert!(found > bound, "a habit of sizes is found: {found:.3}");
}

#[test]
fn the_order_on_a_relays_disk_shows_who_writes_in_bursts_as_the_threat_model_says() {
    let disks = two_disks(2_027, Habit::InBursts);
    let ways = link(&questions(&disks.there, &disks.there, 1));
    let (way, right) = best(&ways);
    println!("bursts on one disk: right {right:.3} of the time, by {way}");
    assert!(right > 0.9, "what is known to leak is seen: {right:.3}");
}
