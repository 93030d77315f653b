//! The rows against a plain map, and walks through rows that are being divided.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use proto::store::Direction::{self, Ascending, Descending};

use super::rows::RUN_MAX;
use super::*;

/// Few names, of which some share a bucket and some begin with the byte of another kind of key.
fn names() -> impl Strategy<Value = Blind> {
    (0..6_u8).prop_map(|n| {
        let mut name = [[1, 0, 0], [1, 0, 0x7f], [1, 0, 0x80], [0, 0, 0], [2, 2, 2], [0xff, 0xff, 0xff]]
            [usize::from(n)]
        .iter()
        .copied()
        .chain([n; 13])
        .collect::<Vec<_>>();
        name.truncate(16);
        name.try_into().expect("sixteen bytes")
    })
}

/// Dense orders, orders far apart as messages have them, and the ends.
fn orders() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0..200_u64,
        4 => (0..200_u64, 0..3_u64).prop_map(|(depth, low)| (depth << 24) | low),
        1 => Just(0),
        1 => Just(u64::MAX),
        1 => any::<u64>(),
    ]
}

fn entries() -> impl Strategy<Value = Entry> {
    prop_oneof![
        5 => (0..300_u64, any::<u32>(), 0..5_000_u32)
            .prop_map(|(segment, at, bytes)| Entry::Place { segment, at, bytes }),
        1 => any::<u32>().prop_map(Entry::Number),
        3 => Just(Entry::Gone),
    ]
}

fn changes() -> impl Strategy<Value = Changes> {
    prop::collection::btree_map(
        (names(), orders()).prop_map(|(name, order)| Spot { name, order }),
        entries(),
        0..150,
    )
}

fn opened(folder: &Path) -> Index {
    Index::open(folder).unwrap_or_else(|why| panic!("an index opens: {why:?}")).0
}

fn applied(index: &Index, changes: &Changes) -> LiveChanges {
    index.apply(changes, &State::default()).unwrap_or_else(|Trouble| panic!("changes are taken"))
}

fn walked(
    index: &Index,
    name: &Blind,
    orders: RangeInclusive<u64>,
    direction: Direction,
) -> Vec<(u64, Entry)> {
    let found: Result<Vec<_>, Trouble> = index.range(name, &orders, direction).collect();
    found.unwrap_or_else(|Trouble| panic!("rows can be read"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::index::tests::cases()))]

    #[test]
    fn the_rows_say_what_a_plain_map_says(
        batches in prop::collection::vec(changes(), 1..6),
        bounds in prop::collection::vec((names(), orders(), orders()), 6),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let index = opened(folder.path());
        let mut model = BTreeMap::new();
        let mut live: i64 = 0;
        for changes in &batches {
            for (spot, entry) in changes {
                match entry {
                    Entry::Gone => model.remove(spot),
                    entry => model.insert(*spot, *entry),
                };
            }
            live += applied(&index, changes).values().sum::<i64>();
            for spot in batches.iter().flat_map(|changes| changes.keys()) {
                let found = index.get(spot).unwrap_or_else(|Trouble| panic!("a row can be read"));
                prop_assert_eq!(found, model.get(spot).copied());
            }
        }
        for (name, one, other) in bounds {
            let orders = one.min(other)..=one.max(other);
            let (low, high) = (Spot { name, order: *orders.start() }, Spot { name, order: *orders.end() });
            let mut wanted: Vec<_> = model.range(low..=high).map(|(spot, entry)| (spot.order, *entry)).collect();
            prop_assert_eq!(&walked(&index, &name, orders.clone(), Ascending), &wanted);
            wanted.reverse();
            prop_assert_eq!(&walked(&index, &name, orders, Descending), &wanted);
        }
        let bytes = |entry: &Entry| if let Entry::Place { bytes, .. } = entry { i64::from(*bytes) } else { 0 };
        prop_assert_eq!(live, model.values().map(bytes).sum::<i64>());
        let numbers = |(spot, entry): (&Spot, &Entry)| match entry {
            Entry::Number(number) if spot.order == 0 => Some((spot.name, *number)),
            _ => None,
        };
        let wanted: BTreeSet<_> = model.iter().filter_map(numbers).collect();
        let found = index.numbers().unwrap_or_else(|Trouble| panic!("rows can be read"));
        prop_assert_eq!(found.iter().copied().collect::<BTreeSet<_>>(), wanted);
        // And none of them is empty.
        for row in index.db.as_ref().expect("it is open").iter() {
            let (key, value) = row.expect("rows can be read");
            prop_assert!(!value.is_empty(), "an empty row: {:?}", key);
        }
    }
}

/// Each case opens a database of its own.
pub(crate) fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").map_or(24, |cases| cases.parse().expect("a number"))
}

#[test]
fn a_long_conversation_fills_its_rows_wherever_its_messages_stand() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = opened(folder.path());
    // Depths far apart as messages stand, in two conversations that grow by turns; then a third from its end backwards.
    let at = |name: u8, depth: u64| Spot { name: [name; 16], order: (depth << 24) | (depth % 7) };
    let place = |n: u64| Entry::Place { segment: 1, at: n as u32, bytes: 500 };
    for part in 0..20_u64 {
        let some =
            (part * 100..part * 100 + 100).flat_map(|n| [(at(5, n + 1), place(n)), (at(6, n + 1), place(n))]);
        applied(&index, &some.collect());
        applied(&index, &(0..100).map(|n| (at(7, 2_000 - part * 100 - n), place(n))).collect());
    }
    let rows = index.db.as_ref().expect("it is open").len() - 1;
    assert!(
        rows <= 2 * (2_000_usize.div_ceil(RUN_MAX)) + 2 * 2_000 / RUN_MAX,
        "{rows} rows for 6000 messages"
    );
    for name in [5, 6, 7] {
        assert_eq!(walked(&index, &[name; 16], 0..=u64::MAX, Descending).len(), 2_000);
    }
}

#[test]
fn a_walk_through_rows_that_are_being_divided_meets_each_record_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = opened(folder.path());
    let name = [9; 16];
    let spot = |order| Spot { name, order };
    let place = Entry::Place { segment: 1, at: 1, bytes: 1 };
    // These stay. Between them more and more comes, of which half goes again, so their rows are divided on and on; below
    // them rows come and go.
    let stays: Vec<u64> = (100..400).map(|n| n * 1_000).collect();
    applied(&index, &stays.iter().map(|order| (spot(*order), place)).collect());
    let done = AtomicBool::new(false);
    let walks = std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..60_u64 {
                let places = || (100..400_u64).map(|n| n * 1_000);
                let staying = places().map(|place| place + 1 + round);
                let going: Vec<u64> = places()
                    .map(|place| place + 999 - round)
                    .chain((0..40).map(|n| 50_000 - round * 50 - n))
                    .collect();
                let coming = staying.chain(going.iter().copied());
                applied(&index, &coming.map(|order| (spot(order), place)).collect());
                applied(&index, &going.into_iter().map(|order| (spot(order), Entry::Gone)).collect());
            }
            done.store(true, Ordering::SeqCst);
        });
        let mut walks = 0;
        while !done.load(Ordering::SeqCst) {
            for direction in [Ascending, Descending] {
                let mut seen: Vec<u64> = walked(&index, &name, 0..=u64::MAX, direction)
                    .into_iter()
                    .map(|(order, _)| order)
                    .collect();
                if direction == Descending {
                    seen.reverse();
                }
                assert!(seen.is_sorted_by(|one, other| one < other), "an order was met twice");
                seen.retain(|order| order % 1_000 == 0 && *order >= 100_000);
                let missed: Vec<_> = stays.iter().filter(|order| !seen.contains(order)).collect();
                assert!(missed.is_empty(), "{direction:?} missed {missed:?}");
            }
            walks += 1;
        }
        walks
    });
    assert!(walks > 0);
}
