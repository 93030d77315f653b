//! Small draws from the randomness that is passed in.

use crypto::CryptoRng;

/// A number below `bound`, each as likely as the others; zero if `bound` is zero.
pub(crate) fn below(bound: u64, rng: &mut dyn CryptoRng) -> u64 {
    if bound == 0 {
        return 0;
    }
    // Numbers beyond the last whole multiple would favour the small ones.
    let unfair = u64::MAX - u64::MAX % bound;
    loop {
        let drawn = rng.next_u64();
        if drawn < unfair {
            return drawn % bound;
        }
    }
}

/// Puts the items into an order that says nothing of the order they had.
pub(crate) fn shuffle<T>(items: &mut [T], rng: &mut dyn CryptoRng) {
    for last in (1..items.len()).rev() {
        let other = below(last as u64 + 1, rng) as usize;
        items.swap(last, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    #[test]
    fn a_shuffle_loses_nothing_and_reaches_every_place() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut firsts = [0; 4];
        for _ in 0..400 {
            let mut items = [0, 1, 2, 3];
            shuffle(&mut items, &mut rng);
            firsts[items[0]] += 1;
            items.sort_unstable();
            assert_eq!(items, [0, 1, 2, 3]);
        }
        assert!(firsts.iter().all(|count| *count > 40), "{firsts:?}");
        assert_eq!(below(0, &mut rng), 0);
    }
}
