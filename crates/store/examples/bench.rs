//! The program `bench-store` of `tests/bench`, built without the rest of the house: it prints one JSON object.

extern crate madang_store as store;

#[path = "../../../tests/bench/store.rs"]
mod bench;

fn main() {
    bench::main();
}
