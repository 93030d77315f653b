//! What a node is told when it starts.

use proto::id::Address;

/// How a node behaves. [`Config::default`] is right for a person's device.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the profile calls itself; used when it is created.
    pub name: String,
    /// Where direct links are taken; nowhere if empty.
    pub listen: Vec<Address>,
    /// Whether the node looks for others on the local network. Everybody on that network then sees that Madang
    /// runs here.
    pub discovery: bool,
    /// Whether relays are dialled. Without them the node shows itself to none, and mail waits on both sides.
    pub relays: bool,
    /// What a guess at the passphrase costs, by default what fits this machine; used when the profile is created or restored, and for its backups.
    pub cost: crypto::vault::Cost,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: String::new(),
            listen: net::any_addresses(0),
            discovery: true,
            relays: true,
            cost: store::fitting_cost(),
        }
    }
}
