//! What the relay says about itself: made anew only when something in it has changed.

use proto::{
    descriptor::{RelayDescriptor, RelayFacts},
    id::Address,
    limits::TTL_DAYS_MAX,
    mailbox::server::RelayKeys,
};

use crate::{
    Settings,
    machine::{Machine, MachineError},
};

/// The keys that the mailbox needs.
pub(crate) fn keys(machine: &Machine) -> RelayKeys {
    RelayKeys {
        sign: machine.sign_key(),
        request: machine.request_key(),
        peer: machine.transport_seed().peer_name(),
    }
}

/// Returns the number that a descriptor with these addresses has: that of the last one if it says the same, else
/// the next.
pub(crate) fn sequence(machine: &Machine, addresses: &[Address], ttl_days: u8) -> Result<u64, MachineError> {
    // A descriptor of other keys, or one that cannot be read, does not count.
    let last = last(machine)?;
    Ok(match last.as_ref().map(RelayDescriptor::facts) {
        None => 1,
        Some(facts) if facts.addresses == addresses && facts.ttl_days_max == granted(ttl_days) => {
            facts.sequence
        }
        Some(facts) => facts.sequence + 1,
    })
}

/// Returns the descriptor as it is now: the announced addresses go before those of the last run.
/// Returns nothing if no address is known.
pub(crate) fn present(
    machine: &Machine,
    settings: &Settings,
) -> Result<Option<RelayDescriptor>, MachineError> {
    let addresses = match settings.announce.is_empty() {
        false => settings.announce.clone(),
        true => last(machine)?.map(|last| last.facts().addresses.clone()).unwrap_or_default(),
    };
    if addresses.is_empty() {
        return Ok(None);
    }
    let key = machine.sign_key();
    let facts = RelayFacts {
        sign_key: key.public(),
        request_key: machine.request_key().public(),
        peer: machine.transport_seed().peer_name(),
        sequence: sequence(machine, &addresses, settings.quotas.ttl_days)?,
        addresses,
        ttl_days_max: granted(settings.quotas.ttl_days),
    };
    Ok(Some(RelayDescriptor::sign(facts, &key)))
}

fn granted(ttl_days: u8) -> u8 {
    ttl_days.clamp(1, TTL_DAYS_MAX)
}

fn last(machine: &Machine) -> Result<Option<RelayDescriptor>, MachineError> {
    let text = machine.descriptor_text()?;
    let read = text.and_then(|text| RelayDescriptor::parse_text(&text).ok());
    Ok(read.filter(|read| read.facts().sign_key == machine.sign_key().public()))
}

/// Lower-case hexadecimal digits of a relay's id.
pub(crate) fn id_text(descriptor: &RelayDescriptor) -> String {
    descriptor.id().0.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_renumbered_only_when_it_says_something_new() {
        let dir = tempfile::tempdir().expect("a folder");
        let machine = Machine::create(dir.path(), &mut rand::rng()).expect("made");
        let mut settings = Settings::loopback(dir.path());
        assert!(present(&machine, &settings).expect("readable").is_none(), "no address is known");
        settings.announce = vec![Address::parse("/ip4/203.0.113.7/tcp/4470").expect("an address")];
        let first = present(&machine, &settings).expect("readable").expect("announced");
        assert_eq!(first.facts().sequence, 1);
        machine.keep_descriptor(&first.to_text()).expect("kept");
        assert_eq!(present(&machine, &settings).expect("readable").as_ref(), Some(&first));
        settings.announce[0] = Address::parse("/ip4/203.0.113.8/tcp/4470").expect("an address");
        let moved = present(&machine, &settings).expect("readable").expect("announced");
        assert_eq!((moved.facts().sequence, moved.id()), (2, first.id()));
    }
}
