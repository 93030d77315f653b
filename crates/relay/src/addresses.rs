//! Under which addresses a relay says that it can be reached.

use std::{collections::BTreeSet, time::Instant};

use proto::{id::Address, limits::DESCRIPTOR_ADDRESSES_MAX};

/// What the operator announces, or else what the network finds out.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    announced: Vec<Address>,
    seen: BTreeSet<Address>,
    /// How many will be seen in all; unknown where all interfaces are listened at.
    expected: Option<usize>,
    settles_at: Option<Instant>,
}

impl Addresses {
    /// Begins with the operator's own list; if it is empty, the addresses that are listened at are taken.
    pub(crate) fn new(announced: Vec<Address>, listen: &[Address]) -> Self {
        let settles_at = (!announced.is_empty()).then(Instant::now);
        let everywhere =
            |a: &Address| ["/ip4/0.0.0.0/", "/ip6/::/"].iter().any(|any| a.as_str().starts_with(any));
        let expected = (!listen.iter().any(everywhere)).then_some(listen.len());
        Self { announced, seen: BTreeSet::new(), expected, settles_at }
    }

    /// Notes that an address is listened at, or no longer.
    pub(crate) fn note(&mut self, address: Address, here: bool, settles_at: Instant) {
        let changed = if here { self.seen.insert(address) } else { self.seen.remove(&address) };
        if changed && self.announced.is_empty() {
            let complete = self.expected.is_some_and(|expected| self.seen.len() >= expected);
            self.settles_at = Some(if complete { Instant::now() } else { settles_at });
        }
    }

    /// When the list should be looked at again.
    pub(crate) fn settles_at(&self) -> Option<Instant> {
        self.settles_at
    }

    /// The list has been looked at.
    pub(crate) fn settled(&mut self) {
        self.settles_at = None;
    }

    /// The addresses for the descriptor, the most useful first.
    pub(crate) fn announced(&self) -> Vec<Address> {
        if !self.announced.is_empty() {
            return self.announced.clone();
        }
        choose(&self.seen)
    }

    /// The addresses that are listened at.
    pub(crate) fn seen(&self) -> impl Iterator<Item = &Address> {
        self.seen.iter()
    }
}

/// Leaves out what others cannot dial, unless nothing else is there, and puts TCP over IPv4 first.
fn choose(seen: &BTreeSet<Address>) -> Vec<Address> {
    let mut dialable: Vec<Address> = seen.iter().filter(|a| !only_local(a.as_str())).cloned().collect();
    if dialable.is_empty() {
        dialable = seen.iter().cloned().collect();
    }
    dialable.sort_by_key(|address| {
        let text = address.as_str();
        (text.contains("/udp/"), text.starts_with("/ip6/"), text.to_owned())
    });
    dialable.truncate(DESCRIPTOR_ADDRESSES_MAX);
    dialable
}

/// Loopback, and IPv6 addresses that mean nothing without an interface.
fn only_local(text: &str) -> bool {
    ["/ip4/127.", "/ip6/::1/", "/ip6/fe8", "/ip6/fe9", "/ip6/fea", "/ip6/feb"]
        .iter()
        .any(|p| text.starts_with(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).expect(text)
    }

    #[test]
    fn what_the_operator_announces_is_the_last_word() {
        let mut addresses = Addresses::new(vec![address("/ip4/203.0.113.7/tcp/4470")], &[]);
        assert!(addresses.settles_at().is_some());
        addresses.settled();
        addresses.note(address("/ip4/10.0.0.2/tcp/4470"), true, Instant::now());
        assert_eq!(addresses.settles_at(), None);
        assert_eq!(addresses.announced(), [address("/ip4/203.0.113.7/tcp/4470")]);
    }

    #[test]
    fn loopback_is_announced_only_where_there_is_nothing_else() {
        let mut addresses = Addresses::new(Vec::new(), &[address("/ip4/0.0.0.0/tcp/1")]);
        addresses.note(address("/ip4/127.0.0.1/tcp/1"), true, Instant::now());
        assert_eq!(addresses.announced(), [address("/ip4/127.0.0.1/tcp/1")]);
        for text in [
            "/ip6/fe80::1/tcp/1",
            "/ip4/10.0.0.2/udp/1/quic-v1",
            "/ip6/2001:db8::2/tcp/1",
            "/ip4/10.0.0.2/tcp/1",
        ] {
            addresses.note(address(text), true, Instant::now());
        }
        let told: Vec<String> = addresses.announced().iter().map(|a| a.as_str().to_owned()).collect();
        assert_eq!(told, ["/ip4/10.0.0.2/tcp/1", "/ip6/2001:db8::2/tcp/1", "/ip4/10.0.0.2/udp/1/quic-v1"]);
    }
}
