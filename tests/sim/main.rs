//! The whole client in a simulated world: stories, properties from seeds, and a thousand people at once.

mod erase;
mod first_contact;
mod generations;
mod hidden;
mod properties;
mod restored;
mod roads;
mod thousand;
mod trouble;

use madang_tests::world::{WHILE, Who, World};

/// Two friends who read their mail at one relay, and are on no common network.
fn friends(seed: u64) -> (World, Who, Who, Who) {
    let mut world = World::new(seed);
    let (alice, bob, relay) = (world.person("alice"), world.person("bob"), world.relay());
    world.use_relay(alice, relay);
    world.use_relay(bob, relay);
    world.pass(WHILE);
    world.befriend(alice, bob);
    world.pass(WHILE);
    (world, alice, bob, relay)
}
