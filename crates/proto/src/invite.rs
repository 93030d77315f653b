//! An invite: what one person hands to another so that they can meet, as text or QR code.

use std::fmt;

use crypto::hash::Hash32;
use crypto::identity::AccountId;
use crypto::invite::InviteSecret;
use thiserror::Error;

use crate::id::{Address, RelayId, Tag};
use crate::limits;
use crate::text::{self, TextError};
use crate::wire::{Reader, WireError, Writer};

/// Everything an invite says. Who reads it can answer it, so it prints as its kind only.
#[derive(Clone, Eq, PartialEq)]
pub struct Invite {
    /// The secret that the meeting hangs on; see `crypto::invite`.
    pub secret: InviteSecret,
    /// The account of who invites.
    pub account: AccountId,
    /// The slot in which bundle, certificate and device list wait. Only who invites can write there.
    pub bundle_tag: Tag,
    /// The hash of bundle, certificate and device list.
    pub bundle_hash: Hash32,
    /// Relays where the slots lie: at most three, each by name and one address.
    pub relays: Vec<(RelayId, Address)>,
    /// For how many days it is meant to be open. Who invites decides by its own count of days.
    pub expiry_days: u16,
    /// Room for later; unknown bits are left alone.
    pub flags: u8,
}

impl Invite {
    /// The text form: `madang:` and 250 to 500 characters.
    #[must_use]
    pub fn to_text(&self) -> String {
        text::encode(TEXT_NAME, &self.encode())
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// Any [`InviteError`]; its text says what is wrong and what to do.
    pub fn parse(text: &str) -> Result<Self, InviteError> {
        Self::decode(&text::decode(TEXT_NAME, text, limits::INVITE_BYTES_MAX)?)
    }

    /// The bytes inside the text. Relays beyond the third are left out.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let relays = &self.relays[..self.relays.len().min(limits::INVITE_RELAYS_MAX)];
        let mut writer = Writer::with_capacity(256);
        writer
            .array(8)
            .uint(VERSION)
            .bytes(self.secret.as_bytes())
            .bytes(self.account.as_bytes())
            .bytes(self.bundle_tag.as_bytes())
            .bytes(&self.bundle_hash)
            .array(relays.len() * 2);
        for (relay, address) in relays {
            writer.bytes(&relay.0).text(address.as_str());
        }
        writer.uint(self.expiry_days).uint(self.flags);
        writer.finish()
    }

    /// Reads the bytes inside the text.
    ///
    /// # Errors
    /// [`InviteError::OtherVersion`] or [`InviteError::Form`].
    pub fn decode(bytes: &[u8]) -> Result<Self, InviteError> {
        let mut reader = Reader::new(bytes);
        let items = reader.array(64)?;
        match reader.u8()? {
            VERSION if items == 8 => {}
            VERSION => return Err(InviteError::Form(WireError::Malformed)),
            other => return Err(InviteError::OtherVersion(other)),
        }
        let secret = reader.fixed::<32>()?;
        let secret = InviteSecret::from_bytes(&secret).map_err(|_| WireError::Malformed)?;
        let account = AccountId::new(reader.fixed()?);
        let bundle_tag = Tag(reader.fixed()?);
        let bundle_hash = reader.fixed()?;
        let items = reader.array(limits::INVITE_RELAYS_MAX * 2)?;
        if items % 2 != 0 {
            return Err(InviteError::Form(WireError::Malformed));
        }
        let relays = (0..items / 2)
            .map(|_| {
                let relay = RelayId(reader.fixed()?);
                let address = reader.text(limits::ADDRESS_BYTES_MAX)?;
                let address = Address::parse(address).map_err(|_| WireError::Malformed)?;
                Ok((relay, address))
            })
            .collect::<Result<_, WireError>>()?;
        let expiry_days = reader.u16()?;
        let flags = reader.u8()?;
        reader.finish()?;
        Ok(Self { secret, account, bundle_tag, bundle_hash, relays, expiry_days, flags })
    }
}

impl fmt::Debug for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Invite")
    }
}

/// Why text is no invite.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum InviteError {
    /// The text is damaged.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The text is whole, but what it says is no invite.
    #[error("this text is whole but is no invite ({0}); ask for a new one")]
    Form(#[from] WireError),
    /// It is of a version that this program does not know.
    #[error("this invite is of version {0}; a newer Madang can read it")]
    OtherVersion(u8),
}

const TEXT_NAME: &str = "madang:";
const VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn invite(relays: usize) -> Invite {
        let address = Address::parse("/ip4/203.0.113.77/tcp/40001").expect("an address");
        Invite {
            secret: InviteSecret::from_bytes(&[1; 32]).expect("32 bytes"),
            account: AccountId::new([2; 32]),
            bundle_tag: Tag([3; 32]),
            bundle_hash: [4; 32],
            relays: vec![(RelayId([5; 16]), address); relays],
            expiry_days: 30,
            flags: 0,
        }
    }

    #[test]
    fn an_invite_is_read_as_it_was_written() {
        for relays in 0..=3 {
            let invite = invite(relays);
            assert_eq!(Invite::parse(&invite.to_text()), Ok(invite));
        }
        assert!(invite(1).to_text().len() <= 400);
    }

    #[test]
    fn text_of_another_kind_or_cut_short_says_so() {
        let text = invite(1).to_text();
        let cut = Invite::parse(&text[..text.len() - 9]);
        assert_eq!(cut, Err(InviteError::Text(TextError::CutShort)));
        let other = Invite::parse("madang-relay:aaaa");
        assert!(matches!(other, Err(InviteError::Text(TextError::OtherKind("madang:")))));
        assert!(Invite::parse("").is_err());
    }

    #[test]
    fn a_later_version_is_named() {
        let mut bytes = invite(0).encode();
        bytes[1] = 2;
        let text = text::encode(TEXT_NAME, &bytes);
        assert_eq!(Invite::parse(&text), Err(InviteError::OtherVersion(2)));
    }

    #[test]
    fn an_invite_prints_nothing_of_itself() {
        assert_eq!(format!("{:?}", invite(1)), "Invite");
    }
}
