//! The attack on a hidden profile that `docs/hidden-profiles.md` describes: what one image tells an examiner who can
//! read the visible profile.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Blocks of the ring.
const RING_BLOCKS: u64 = 16_384;
/// How many people of each kind are drawn.
const PEOPLE: usize = 1_000;
/// Days that the program was used before the image was taken.
const DAYS: u64 = 60;
/// Commits of the visible profile for each minute of use, whoever is open.
const COMMITS_A_MINUTE: u64 = 2;

/// Who uses the machine.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Has one profile.
    Plain,
    /// Has a hidden one, and writes in the visible one as if there were no other.
    Diligent,
    /// Has a hidden one, and lets the visible one lie.
    Careless,
}

/// What the image shows to who can read the visible profile.
struct Image {
    minutes_of_use: u64,
    messages: u64,
    ring_head: u64,
}

fn uniform(rng: &mut dyn Rng, from: u64, to: u64) -> u64 {
    from + rng.next_u64() % (to - from + 1)
}

/// One person's sixty days.
fn live(kind: Kind, rng: &mut dyn Rng) -> Image {
    // How long somebody uses the program is their habit, whatever they use in it. A tenth hardly writes at all.
    let habit = uniform(rng, 5, 120);
    let talkative = if uniform(rng, 0, 9) == 0 { 1 } else { uniform(rng, 5, 60) };
    let share = uniform(rng, 50, 95);
    let (mut minutes_of_use, mut messages, mut head) = (0, 0, 0);
    for _ in 0..DAYS {
        let minutes = habit * uniform(rng, 50, 150) / 100;
        let visible = if kind == Kind::Careless { minutes * (100 - share) / 100 } else { minutes };
        let said = visible * talkative * uniform(rng, 50, 150) / 10_000;
        minutes_of_use += minutes;
        messages += said;
        // A message of the hidden profile takes the place of noise in a block that is written anyway.
        head = (head + minutes * COMMITS_A_MINUTE + said) % RING_BLOCKS;
    }
    Image { minutes_of_use, messages, ring_head: head }
}

/// Messages for a thousand minutes of use: what the examiner goes by.
fn ratio(image: &Image) -> u64 {
    image.messages * 1_000 / image.minutes_of_use.max(1)
}

/// How often a guess by a threshold is right, both ways of guessing tried.
fn hits(threshold: u64, feature: impl Fn(&Image) -> u64, plain: &[Image], hiding: &[Image]) -> f64 {
    let below = |images: &[Image]| images.iter().filter(|image| feature(image) < threshold).count();
    let right = below(hiding) + plain.len() - below(plain);
    let all = plain.len() + hiding.len();
    right.max(all - right) as f64 / all as f64
}

/// The examiner learns a threshold from people whose secrets are known, and is judged by others.
fn examiner(feature: impl Fn(&Image) -> u64 + Copy, kinds: &[Kind], seed: u64) -> f64 {
    let rng = &mut ChaCha20Rng::seed_from_u64(seed);
    let mut draw = |kinds: &[Kind]| -> Vec<Image> {
        (0..PEOPLE).map(|number| live(kinds[number % kinds.len()], rng)).collect()
    };
    let (plain, hiding) = (draw(&[Kind::Plain]), draw(kinds));
    let mut values: Vec<u64> = plain.iter().chain(&hiding).map(feature).collect();
    values.sort_unstable();
    let best = values
        .iter()
        .copied()
        .max_by(|a, b| hits(*a, feature, &plain, &hiding).total_cmp(&hits(*b, feature, &plain, &hiding)));
    hits(best.unwrap_or_default(), feature, &draw(&[Kind::Plain]), &draw(kinds))
}

/// The design's claim is at most 0.51. It does not hold, so nothing of it is shipped.
#[test]
fn the_ring_of_a_hidden_profile_tells_nothing_and_the_visible_profile_gives_it_away() {
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    for kind in [Kind::Plain, Kind::Diligent, Kind::Careless] {
        let image = live(kind, rng);
        let of_visible = image.minutes_of_use * COMMITS_A_MINUTE + image.messages;
        assert_eq!(
            image.ring_head,
            of_visible % RING_BLOCKS,
            "the ring's head follows from the visible profile"
        );
    }
    let by_ratio = examiner(ratio, &[Kind::Diligent, Kind::Careless], 3);
    let of_careless = examiner(ratio, &[Kind::Careless], 4);
    let of_diligent = examiner(ratio, &[Kind::Diligent], 5);
    println!(
        "right guesses by the ratio: half of them diligent {by_ratio:.3}, all careless {of_careless:.3}, all diligent {of_diligent:.3}"
    );
    assert!(by_ratio > 0.6 && of_careless > 0.7, "the attack succeeds");
    assert!(of_diligent < 0.56, "who uses both alike is not told apart");
}
