//! The identifiers of this floor: each names one thing, and none of them names a person.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::limits;

/// A point on a clock that only goes forward, in milliseconds since the process chose its zero.
///
/// It measures intervals. It is no calendar: no decision rests on a wall clock.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Moment(pub u64);

impl Moment {
    /// The moment `wait` later; stays at the end of time instead of wrapping.
    #[must_use]
    pub fn plus(self, wait: Duration) -> Self {
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(wait_ms))
    }

    /// The time gone by since `earlier`; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// The public key of a slot: the name under which a relay keeps one envelope.
///
/// It prints as its kind only, because a tag in a log is a link between log and mailbox.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Tag(pub [u8; 32]);

impl Tag {
    /// The first eight bytes, as they stand in a relay's list.
    #[must_use]
    pub fn prefix(&self) -> Prefix {
        let mut prefix = [0; 8];
        prefix.copy_from_slice(&self.0[..8]);
        Prefix(prefix)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Tag {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag")
    }
}

/// The first eight bytes of a tag. Different tags may share one; who opens the blob finds out.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Prefix(pub [u8; 8]);

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prefix")
    }
}

/// The name of one envelope: the hash of its tag and blob, the same on every road.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EnvelopeId(pub [u8; 32]);

impl fmt::Debug for EnvelopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnvelopeId")
    }
}

/// An open connection. Given out by the driver; says nothing about who is at the other end.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LinkId(pub u64);

/// A counterpart, by a number that only this device knows. The floor above knows who it is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Party(pub u32);

/// A relay's name: a hash of its two keys.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RelayId(pub [u8; 16]);

impl fmt::Debug for RelayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelayId")
    }
}

/// The name of a network identity as the transport knows it: at most 64 bytes, opaque here.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PeerName(Vec<u8>);

impl PeerName {
    /// Takes the transport's bytes.
    ///
    /// # Errors
    /// [`IdError::PeerNameLength`] if there are none or more than [`limits::PEER_NAME_BYTES_MAX`].
    pub fn new(bytes: &[u8]) -> Result<Self, IdError> {
        if bytes.is_empty() || bytes.len() > limits::PEER_NAME_BYTES_MAX {
            return Err(IdError::PeerNameLength);
        }
        Ok(Self(bytes.to_vec()))
    }

    /// The transport's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerName")
    }
}

/// A place to dial, as text such as `/ip4/192.0.2.7/tcp/4001`: at most 128 bytes.
///
/// It begins with `/ip4/` or `/ip6/` (names are never resolved) and holds printable ASCII only.
/// It prints as its kind; [`Address::as_str`] gives the text.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Address(String);

impl Address {
    /// Takes an address from text.
    ///
    /// # Errors
    /// [`IdError::Address`] if it is too long, empty, not printable ASCII or not an IP address.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        let ip = text.starts_with("/ip4/") || text.starts_with("/ip6/");
        if !printable || !ip || text.len() > limits::ADDRESS_BYTES_MAX {
            return Err(IdError::Address);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why bytes or text are no identifier.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum IdError {
    /// A peer name has 1 to 64 bytes.
    #[error("a peer name has 1 to 64 bytes; this is no peer name")]
    PeerNameLength,
    /// An address starts with `/ip4/` or `/ip6/`.
    #[error("this is no address; write it like /ip4/192.0.2.7/tcp/4001, at most 128 characters")]
    Address,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_never_wraps() {
        let late = Moment(u64::MAX - 1);
        assert_eq!(late.plus(Duration::MAX), Moment(u64::MAX));
        assert_eq!(Moment(3).since(Moment(9)), Duration::ZERO);
        assert_eq!(Moment(3).plus(Duration::from_millis(4)).since(Moment(3)), Duration::from_millis(4));
    }

    #[test]
    fn what_could_point_at_someone_prints_as_its_kind() {
        let peer = PeerName::new(&[7; 38]).expect("38 bytes are a name");
        let address = Address::parse("/ip4/192.0.2.7/tcp/1").expect("an address");
        let shown = format!(
            "{:?} {:?} {:?} {:?} {:?}",
            Tag([1; 32]),
            Tag([1; 32]).prefix(),
            RelayId([2; 16]),
            peer,
            address
        );
        assert_eq!(shown, "Tag Prefix RelayId PeerName Address");
    }

    #[test]
    fn an_address_is_an_ip_address_of_bounded_length() {
        assert!(Address::parse("/ip6/::1/udp/9/quic-v1").is_ok());
        for bad in ["", "/dns/example.org/tcp/1", "/ip4/1.2.3.4/tcp/1 ", "/ip4/\n"] {
            assert_eq!(Address::parse(bad), Err(IdError::Address), "{bad:?}");
        }
        let long = format!("/ip4/{}", "1".repeat(limits::ADDRESS_BYTES_MAX));
        assert_eq!(Address::parse(&long), Err(IdError::Address));
    }

    #[test]
    fn a_peer_name_is_bounded() {
        assert_eq!(PeerName::new(&[]), Err(IdError::PeerNameLength));
        assert_eq!(PeerName::new(&[0; 65]), Err(IdError::PeerNameLength));
        assert!(PeerName::new(&[0; 64]).is_ok());
    }
}
