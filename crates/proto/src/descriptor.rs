//! A relay's description of itself, signed: its keys, where it is reached, and for how long it keeps.

use std::fmt;

use crypto::hash::hash;
use crypto::key::{SignPublic, SignSecret, Signature, X25519Public};
use thiserror::Error;

use crate::id::{Address, PeerName, RelayId};
use crate::limits;
use crate::text::{self, TextError};
use crate::wire::{Reader, WireError, Writer};

/// What a relay says of itself. It can be had from bytes only if the relay has signed it.
#[derive(Clone, Eq, PartialEq)]
pub struct RelayDescriptor {
    facts: RelayFacts,
    bytes: Vec<u8>,
}

/// The facts of a descriptor.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RelayFacts {
    /// The key that signs this descriptor and the relay's list.
    pub sign_key: SignPublic,
    /// The key that requests are sealed to.
    pub request_key: X25519Public,
    /// The relay's network identity.
    pub peer: PeerName,
    /// Where it can be dialled: at most eight addresses.
    pub addresses: Vec<Address>,
    /// The longest time it keeps an envelope, in days of its uptime.
    pub ttl_days_max: u8,
    /// Grows with each new descriptor; the highest is the valid one.
    pub sequence: u64,
}

impl RelayFacts {
    /// The relay's name.
    #[must_use]
    pub fn id(&self) -> RelayId {
        relay_id(&self.sign_key, &self.request_key)
    }
}

impl RelayDescriptor {
    /// Signs the facts. Addresses beyond the eighth are left out.
    ///
    /// # Panics
    /// Never for a `key` that belongs to `facts.sign_key`; the caller holds both.
    #[must_use]
    pub fn sign(mut facts: RelayFacts, key: &SignSecret) -> Self {
        facts.addresses.truncate(limits::DESCRIPTOR_ADDRESSES_MAX);
        facts.sign_key = key.public();
        let body = encode_body(&facts);
        let signature = key.sign(&signed_bytes(&body));
        let mut writer = Writer::with_capacity(body.len() + 80);
        writer.array(2).bytes(&body).bytes(signature.as_bytes());
        let bytes = writer.finish();
        Self { facts, bytes }
    }

    /// Reads a descriptor and checks the relay's signature.
    ///
    /// # Errors
    /// Any [`DescriptorError`] but that of text.
    pub fn parse(bytes: &[u8]) -> Result<Self, DescriptorError> {
        if bytes.len() > limits::DESCRIPTOR_BYTES_MAX {
            return Err(DescriptorError::Form(WireError::TooLarge));
        }
        let mut reader = Reader::new(bytes);
        reader.array_of(2)?;
        let body = reader.bytes(limits::DESCRIPTOR_BYTES_MAX)?;
        let signature = reader.fixed::<64>()?;
        reader.finish()?;
        let facts = decode_body(body)?;
        let signature = Signature::from_bytes(&signature).map_err(|_| WireError::Malformed)?;
        facts.sign_key.verify(&signed_bytes(body), &signature).map_err(|_| DescriptorError::Signature)?;
        let bytes = bytes.to_vec();
        Ok(Self { facts, bytes })
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// Any [`DescriptorError`].
    pub fn parse_text(text: &str) -> Result<Self, DescriptorError> {
        let bytes = text::decode(TEXT_NAME, text, limits::DESCRIPTOR_BYTES_MAX)?;
        Self::parse(&bytes)
    }

    /// The text form, to hand out or to show as a QR code.
    #[must_use]
    pub fn to_text(&self) -> String {
        text::encode(TEXT_NAME, &self.bytes)
    }

    /// The signed bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it says.
    #[must_use]
    pub fn facts(&self) -> &RelayFacts {
        &self.facts
    }

    /// The relay's name.
    #[must_use]
    pub fn id(&self) -> RelayId {
        self.facts.id()
    }
}

impl fmt::Debug for RelayDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelayDescriptor")
    }
}

/// The name of the relay with these keys.
#[must_use]
pub fn relay_id(sign_key: &SignPublic, request_key: &X25519Public) -> RelayId {
    let whole = hash(LABEL_ID, &[sign_key.as_bytes(), request_key.as_bytes()]);
    let mut id = [0; 16];
    id.copy_from_slice(&whole[..16]);
    RelayId(id)
}

/// Why something is no relay's descriptor.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum DescriptorError {
    /// The text is damaged.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The bytes are not a descriptor.
    #[error("this is no relay's descriptor ({0}); ask the relay's operator for it again")]
    Form(#[from] WireError),
    /// It is of a version that this program does not know.
    #[error("this descriptor is of version {0}; a newer Madang can read it")]
    OtherVersion(u8),
    /// A key in it is not acceptable.
    #[error("the descriptor holds a key that is not safe to use; do not use this relay")]
    Key,
    /// The relay has not signed it.
    #[error("the descriptor was not signed by this relay; ask its operator for it again")]
    Signature,
}

const TEXT_NAME: &str = "madang-relay:";
const LABEL_ID: &str = "M1/relay/1";
const LABEL_SIGN: &str = "M1/relay/descriptor/1";
const VERSION: u8 = 1;

fn signed_bytes(body: &[u8]) -> Vec<u8> {
    [LABEL_SIGN.as_bytes(), &hash(LABEL_SIGN, &[body])].concat()
}

fn encode_body(facts: &RelayFacts) -> Vec<u8> {
    let mut writer = Writer::with_capacity(512);
    writer
        .array(7)
        .uint(VERSION)
        .bytes(facts.sign_key.as_bytes())
        .bytes(facts.request_key.as_bytes())
        .bytes(facts.peer.as_bytes())
        .array(facts.addresses.len());
    for address in &facts.addresses {
        writer.text(address.as_str());
    }
    writer.uint(facts.ttl_days_max).uint(facts.sequence);
    writer.finish()
}

fn decode_body(body: &[u8]) -> Result<RelayFacts, DescriptorError> {
    let mut reader = Reader::new(body);
    let items = reader.array(64)?;
    match reader.u8()? {
        VERSION if items == 7 => {}
        VERSION => return Err(DescriptorError::Form(WireError::Malformed)),
        other => return Err(DescriptorError::OtherVersion(other)),
    }
    let sign_key = reader.fixed::<32>()?;
    let request_key = reader.fixed::<32>()?;
    let peer = reader.bytes(limits::PEER_NAME_BYTES_MAX)?;
    let peer = PeerName::new(peer).map_err(|_| WireError::Malformed)?;
    let count = reader.array(limits::DESCRIPTOR_ADDRESSES_MAX)?;
    let addresses = (0..count)
        .map(|_| {
            let text = reader.text(limits::ADDRESS_BYTES_MAX)?;
            Address::parse(text).map_err(|_| WireError::Malformed)
        })
        .collect::<Result<_, _>>()?;
    let ttl_days_max = reader.u8()?;
    let sequence = reader.u64()?;
    reader.finish()?;
    if !(1..=limits::TTL_DAYS_MAX).contains(&ttl_days_max) {
        return Err(DescriptorError::Form(WireError::Malformed));
    }
    Ok(RelayFacts {
        sign_key: SignPublic::from_bytes(&sign_key).map_err(|_| DescriptorError::Key)?,
        request_key: X25519Public::from_bytes(&request_key).map_err(|_| DescriptorError::Key)?,
        peer,
        addresses,
        ttl_days_max,
        sequence,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto::key::{Secret32, X25519Secret};

    fn key() -> SignSecret {
        SignSecret::from_seed(Secret32::new([7; 32]))
    }

    fn facts() -> RelayFacts {
        RelayFacts {
            sign_key: key().public(),
            request_key: X25519Secret::from_bytes([8; 32]).public(),
            peer: PeerName::new(&[9; 38]).expect("a name"),
            addresses: vec![
                Address::parse("/ip4/192.0.2.7/tcp/4001").expect("an address"),
                Address::parse("/ip6/2001:db8::7/udp/4001/quic-v1").expect("an address"),
            ],
            ttl_days_max: 30,
            sequence: 3,
        }
    }

    #[test]
    fn a_descriptor_is_read_from_bytes_and_from_text() {
        let signed = RelayDescriptor::sign(facts(), &key());
        assert_eq!(RelayDescriptor::parse(signed.bytes()), Ok(signed.clone()));
        let text = signed.to_text();
        assert!(text.starts_with("madang-relay:"));
        assert_eq!(RelayDescriptor::parse_text(&text), Ok(signed.clone()));
        assert_eq!(signed.facts(), &facts());
    }

    #[test]
    fn the_largest_descriptor_fits() {
        let long = format!("/ip6/{}", "1".repeat(limits::ADDRESS_BYTES_MAX - 5));
        let facts = RelayFacts {
            addresses: vec![Address::parse(&long).expect("an address"); 9],
            peer: PeerName::new(&[1; 64]).expect("a name"),
            sequence: u64::MAX,
            ..facts()
        };
        let signed = RelayDescriptor::sign(facts, &key());
        assert_eq!(signed.facts().addresses.len(), 8);
        assert_eq!(RelayDescriptor::parse(signed.bytes()), Ok(signed.clone()));
    }

    #[test]
    fn no_bit_of_a_descriptor_can_be_changed() {
        let signed = RelayDescriptor::sign(facts(), &key());
        for bit in 0..signed.bytes().len() * 8 {
            let mut bytes = signed.bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(RelayDescriptor::parse(&bytes).is_err(), "bit {bit}");
        }
    }

    /// The twelve, as the attacks of `crypto` derive them.
    fn small_order_points() -> impl Iterator<Item = [u8; 32]> {
        let lines = include_str!("../../../tests/vectors/small-order-x25519.txt").lines();
        let byte = |line: &str, at: usize| u8::from_str_radix(&line[2 * at..2 * at + 2], 16).expect("hex");
        lines.map(move |line| std::array::from_fn(|at| byte(line, at)))
    }

    #[test]
    fn a_request_key_of_small_order_is_refused_even_when_signed() {
        let body = encode_body(&facts());
        let good = facts().request_key;
        let at = body.windows(32).position(|window| window == good.as_bytes()).expect("the key stands there");
        let parse = |point: &[u8; 32]| {
            let mut body = body.clone();
            body[at..at + 32].copy_from_slice(point);
            let signature = key().sign(&signed_bytes(&body));
            let mut writer = Writer::with_capacity(512);
            writer.array(2).bytes(&body).bytes(signature.as_bytes());
            RelayDescriptor::parse(&writer.finish())
        };
        assert!(parse(good.as_bytes()).is_ok());
        for point in small_order_points() {
            assert_eq!(parse(&point), Err(DescriptorError::Key), "{point:?}");
        }
    }
}
