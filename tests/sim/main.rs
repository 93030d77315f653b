//! The whole client in a simulated world: stories, properties from seeds, and a thousand people at once.

mod called_back;
mod erase;
mod fade;
mod first_contact;
mod generations;
mod health;
mod hidden;
mod linker;
mod power;
mod properties;
mod residue;
mod restored;
mod roads;
mod thousand;
mod trouble;
