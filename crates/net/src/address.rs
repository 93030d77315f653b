//! Addresses and names between text, the ids of `proto` and the transport.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use proto::id::{Address, PeerName};
use thiserror::Error;

use crate::Target;

/// Addresses of one target that are tried.
pub(crate) const ADDRESSES_MAX: usize = 16;

/// What a person typed as an address: where to dial, and who must answer if that was said.
pub type TypedTarget = Target;

/// Why typed text is no address.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum AddressError {
    /// It is a name. Names are never resolved.
    #[error(
        "write the IP address itself, such as 192.0.2.7:4001 or [2001:db8::7]:4001; names are not looked up"
    )]
    Name,
    /// The port is missing, zero or too large.
    #[error("a port from 1 to 65535 is missing; write it like 192.0.2.7:4001 or [2001:db8::7]:4001")]
    Port,
    /// It is neither `host:port` nor a multiaddress that can be dialled.
    #[error(
        "this is no address; write it like 192.0.2.7:4001, [2001:db8::7]:4001 or /ip4/192.0.2.7/tcp/4001"
    )]
    Malformed,
}

/// Reads an address as people type it.
///
/// `192.0.2.7:4001` and `[2001:db8::7]:4001` give two candidates, TCP and QUIC at that port. A multiaddress
/// such as `/ip4/192.0.2.7/tcp/4001` gives one; `/p2p/NAME` at its end says who must answer.
///
/// # Errors
/// [`AddressError`], whose text says how to write it.
///
/// ```
/// # use madang_net as net;
/// let target = net::parse_typed("[::1]:4001").unwrap();
/// assert_eq!(target.addresses[0].as_str(), "/ip6/::1/tcp/4001");
/// assert_eq!(target.addresses[1].as_str(), "/ip6/::1/udp/4001/quic-v1");
/// ```
pub fn parse_typed(text: &str) -> Result<TypedTarget, AddressError> {
    let text = text.trim();
    if text.starts_with('/') {
        return parse_multiaddress(text);
    }
    if text.parse::<IpAddr>().is_ok() || text.strip_prefix('[').is_some_and(|rest| rest.ends_with(']')) {
        return Err(AddressError::Port);
    }
    match text.parse::<SocketAddr>() {
        Ok(at) if at.port() == 0 => Err(AddressError::Port),
        Ok(at) => Ok(Target { peer: None, addresses: candidates(at.ip(), at.port()) }),
        Err(_) => Err(explain(text)),
    }
}

/// All addresses of this host at one port, for TCP and QUIC, IPv4 and IPv6. Port 0 lets the system choose,
/// for each on its own.
#[must_use]
pub fn any_addresses(port: u16) -> Vec<Address> {
    let mut addresses = candidates(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
    addresses.extend(candidates(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port));
    addresses
}

/// The transport's form of an address: an IP address, TCP or QUIC, nothing before and nothing behind.
pub(crate) fn to_multiaddr(address: &Address) -> Option<Multiaddr> {
    let (multiaddr, peer) = split(address.as_str().parse().ok()?)?;
    peer.is_none().then_some(multiaddr)
}

/// The text form of a transport's address, without a name at its end; `None` if others cannot use it.
pub(crate) fn from_multiaddr(multiaddr: &Multiaddr) -> Option<Address> {
    let (multiaddr, _) = split(multiaddr.clone())?;
    Address::parse(&multiaddr.to_string()).ok()
}

/// Whether an address is for QUIC.
pub(crate) fn is_quic(multiaddr: &Multiaddr) -> bool {
    multiaddr.iter().any(|part| matches!(part, Protocol::QuicV1))
}

/// The socket of a TCP address.
pub(crate) fn tcp_socket(multiaddr: &Multiaddr) -> Option<SocketAddr> {
    let port = multiaddr.iter().find_map(|part| match part {
        Protocol::Tcp(port) => Some(port),
        _ => None,
    });
    Some(SocketAddr::new(ip_of(multiaddr)?, port?))
}

/// The socket of a QUIC address.
pub(crate) fn quic_socket(multiaddr: &Multiaddr) -> Option<SocketAddr> {
    let port = multiaddr.iter().find_map(|part| match part {
        Protocol::Udp(port) => Some(port),
        _ => None,
    });
    Some(SocketAddr::new(ip_of(multiaddr)?, port?))
}

/// The IP address in a transport's address.
pub(crate) fn ip_of(multiaddr: &Multiaddr) -> Option<IpAddr> {
    multiaddr.iter().find_map(|part| match part {
        Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
        Protocol::Ip6(ip) => Some(IpAddr::V6(ip)),
        _ => None,
    })
}

/// Where a connection comes from, for counting: its IPv4 address, or the first 64 bits of its IPv6 address. A household
/// gets so many, and its hosts choose the other 64 as they like. Loopback stays as it is.
pub(crate) fn neighbourhood_of(multiaddr: &Multiaddr) -> Option<IpAddr> {
    Some(match ip_of(multiaddr)?.to_canonical() {
        IpAddr::V6(ip) if !ip.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)))
        }
        ip => ip,
    })
}

/// Whether only hosts on the same wire can use an address, and only by naming the wire.
pub(crate) fn is_link_local(multiaddr: &Multiaddr) -> bool {
    matches!(ip_of(multiaddr), Some(IpAddr::V6(ip)) if ip.is_unicast_link_local())
}

/// The name of a transport identity.
pub(crate) fn name_of(peer: &PeerId) -> PeerName {
    PeerName::new(&peer.to_bytes()).expect("a PeerId has at most 42 bytes")
}

/// The transport identity of a name.
pub(crate) fn peer_of(name: &PeerName) -> Option<PeerId> {
    PeerId::from_bytes(name.as_bytes()).ok()
}

fn candidates(ip: IpAddr, port: u16) -> Vec<Address> {
    let family = if ip.is_ipv4() { "ip4" } else { "ip6" };
    [format!("/{family}/{ip}/tcp/{port}"), format!("/{family}/{ip}/udp/{port}/quic-v1")]
        .iter()
        .map(|text| Address::parse(text).expect("an IP address and a port make a short address"))
        .collect()
}

fn parse_multiaddress(text: &str) -> Result<TypedTarget, AddressError> {
    if ["/dns", "/dnsaddr"].iter().any(|prefix| text.starts_with(prefix)) {
        return Err(AddressError::Name);
    }
    let multiaddr: Multiaddr = text.parse().map_err(|_| AddressError::Malformed)?;
    let (multiaddr, peer) = split(multiaddr).ok_or(AddressError::Malformed)?;
    if multiaddr.iter().any(|part| matches!(part, Protocol::Tcp(0) | Protocol::Udp(0))) {
        return Err(AddressError::Port);
    }
    let address = Address::parse(&multiaddr.to_string()).map_err(|_| AddressError::Malformed)?;
    Ok(Target { peer: peer.as_ref().map(name_of), addresses: vec![address] })
}

/// Splits `/ip…/tcp/…[/p2p/…]` or `/ip…/udp/…/quic-v1[/p2p/…]` into the place and the name; `None` for any
/// other form.
fn split(multiaddr: Multiaddr) -> Option<(Multiaddr, Option<PeerId>)> {
    let parts: Vec<Protocol<'_>> = multiaddr.iter().collect();
    let (place, peer) = match parts.as_slice() {
        [place @ .., Protocol::P2p(peer)] => (place, Some(*peer)),
        place => (place, None),
    };
    let known = matches!(
        place,
        [Protocol::Ip4(_) | Protocol::Ip6(_), Protocol::Tcp(_)]
            | [Protocol::Ip4(_) | Protocol::Ip6(_), Protocol::Udp(_), Protocol::QuicV1]
    );
    known.then(|| (place.iter().cloned().collect(), peer))
}

/// Says what is wrong with text that is no `host:port`.
fn explain(text: &str) -> AddressError {
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let looks_like_name = |host: &str| {
        host.bytes().any(|byte| byte.is_ascii_alphabetic())
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    if host.parse::<IpAddr>().is_ok() {
        AddressError::Port
    } else if looks_like_name(host) && port.parse::<u16>().is_ok() || looks_like_name(text) {
        AddressError::Name
    } else {
        AddressError::Malformed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(target: &TypedTarget) -> Vec<&str> {
        target.addresses.iter().map(Address::as_str).collect()
    }

    #[test]
    fn a_typed_address_becomes_tcp_and_quic() {
        let target = parse_typed(" 192.0.2.7:4001 ").unwrap();
        assert_eq!(texts(&target), ["/ip4/192.0.2.7/tcp/4001", "/ip4/192.0.2.7/udp/4001/quic-v1"]);
        assert_eq!(target.peer, None);
        let target = parse_typed("[2001:db8::7]:1").unwrap();
        assert_eq!(texts(&target), ["/ip6/2001:db8::7/tcp/1", "/ip6/2001:db8::7/udp/1/quic-v1"]);
    }

    #[test]
    fn a_multiaddress_may_name_who_must_answer() {
        let peer = crate::IdentitySeed::new([7; 32]).peer_name();
        let name = peer_of(&peer).unwrap();
        let target = parse_typed(&format!("/ip4/192.0.2.7/tcp/4001/p2p/{name}")).unwrap();
        assert_eq!(texts(&target), ["/ip4/192.0.2.7/tcp/4001"]);
        assert_eq!(target.peer, Some(peer));
    }

    #[test]
    fn a_wrong_address_says_how_to_write_it() {
        use AddressError::{Malformed, Name, Port};
        for (text, error) in [
            ("relay.example.org:4001", Name),
            ("localhost", Name),
            ("/dns4/example.org/tcp/4001", Name),
            ("192.0.2.7", Port),
            ("192.0.2.7:", Port),
            ("192.0.2.7:0", Port),
            ("192.0.2.7:70000", Port),
            ("[::1]", Port),
            ("::1", Port),
            ("/ip4/192.0.2.7/tcp/0", Port),
            ("", Malformed),
            ("192.0.2:4001", Malformed),
            ("/ip4/192.0.2.7", Malformed),
            ("/ip4/192.0.2.7/udp/1", Malformed),
            ("/ip4/192.0.2.7/tcp/1/ws", Malformed),
            ("http://192.0.2.7:80/", Malformed),
            ("주소", Malformed),
        ] {
            assert_eq!(parse_typed(text).unwrap_err(), error, "{text:?}");
        }
    }
}
