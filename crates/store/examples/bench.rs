//! The part `store` of `tests/bench`, built without the rest of the house: it prints one JSON object.

extern crate madang_store as store;

#[path = "../../../tests/bench/store.rs"]
mod bench;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).skip_while(|word| word == "store").collect();
    bench::main(&args);
}
