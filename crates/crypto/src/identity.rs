//! Who someone is: an account, its devices, and the list that says which devices count.
//!
//! A signed object is its CBOR body followed by 64 bytes of signature; the signature stands over label and body
//! as received, never over a re-encoding.

use std::fmt;

use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    cbor::{Malformed, Reader, Writer},
    hash::{Hash32, framed, hash},
    key::{KeyError, Secret, SignPublic, SignSecret, Signature, X25519Public, X25519Secret},
};

/// The most bytes that a device certificate may have.
pub const DEVICE_CERT_BYTES_MAX: usize = 512;

/// The most bytes that a device list may have.
pub const DEVICE_LIST_BYTES_MAX: usize = 2_048;

/// The most devices of one account.
pub const DEVICES_MAX: usize = 6;

/// The most certificates that a device list can call back.
pub const REVOKED_MAX: usize = 48;

/// Why a certificate, a list or a kept identity is refused.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum IdentityError {
    /// Not in the form that this version reads, or longer than allowed.
    #[error("this is no certificate or list that this version reads; ask for it again, or update Madang")]
    Malformed,
    /// A key in it is not sound.
    #[error("a key in it is refused: {0}")]
    Key(#[from] KeyError),
    /// The account did not sign it.
    #[error("the account did not sign this; do not trust its sender")]
    Signature,
}

impl From<Malformed> for IdentityError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// The name of an account: the hash of its key. Prints as its kind only.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AccountId([u8; 32]);

impl AccountId {
    /// Takes 32 bytes as they are; whether anyone owns this name, a certificate shows.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn of(account: &SignPublic) -> Self {
        Self(hash("M1/acct/1", &[&account.typed()]))
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountId")
    }
}

/// The name of a device: the first 16 bytes of its certificate's hash. Prints as its kind only.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DeviceId([u8; 16]);

impl DeviceId {
    /// Takes 16 bytes as they are.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    fn of(cert_hash: &Hash32) -> Self {
        Self(cert_hash.first_chunk().copied().expect("32 bytes begin with 16"))
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceId")
    }
}

/// A device as its account vouches for it. Holding one means that the signature was checked.
#[derive(Clone, Eq, PartialEq)]
pub struct DeviceCert {
    bytes: Vec<u8>,
    hash: Hash32,
    account_id: AccountId,
    account_key: SignPublic,
    device_index: u8,
    sign_key: SignPublic,
    dh_key: X25519Public,
    capabilities: u32,
    issued: u32,
}

impl DeviceCert {
    /// Reads a certificate, up to [`DEVICE_CERT_BYTES_MAX`], and checks every key and the signature.
    ///
    /// # Errors
    /// [`IdentityError`] says what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, IdentityError> {
        let (body, signature) = split_signed(bytes, DEVICE_CERT_BYTES_MAX)?;
        let mut reader = Reader::array(body, 7)?;
        version(&mut reader)?;
        let account_key = SignPublic::from_typed(reader.bytes()?)?;
        let device_index = reader.u8()?;
        let sign_key = SignPublic::from_typed(reader.bytes()?)?;
        let dh_key = X25519Public::from_typed(reader.bytes()?)?;
        let capabilities = reader.u32()?;
        let issued = reader.u32()?;
        reader.end()?;
        if usize::from(device_index) >= DEVICE_INDEX_END {
            return Err(IdentityError::Malformed);
        }
        account_key.verify(&framed(LABEL_CERT, &[body]), &signature).map_err(|_| IdentityError::Signature)?;
        Ok(Self {
            bytes: bytes.to_vec(),
            hash: hash(LABEL_CERT_HASH, &[bytes]),
            account_id: AccountId::of(&account_key),
            account_key,
            device_index,
            sign_key,
            dh_key,
            capabilities,
            issued,
        })
    }

    /// The certificate as it was received.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its hash, by which lists, bundles and handshakes name it.
    pub const fn hash(&self) -> Hash32 {
        self.hash
    }

    /// The device's name.
    pub fn device_id(&self) -> DeviceId {
        DeviceId::of(&self.hash)
    }

    /// The name of the device whose certificate these bytes are, for bytes that [`DeviceCert::parse`] took before:
    /// nothing is checked again.
    pub fn device_id_in(bytes: &[u8]) -> DeviceId {
        DeviceId::of(&hash(LABEL_CERT_HASH, &[bytes]))
    }

    /// The account that signed it.
    pub const fn account_id(&self) -> AccountId {
        self.account_id
    }

    /// The device's number within its account.
    pub const fn device_index(&self) -> u8 {
        self.device_index
    }

    /// The key that signs this device's bundles.
    pub const fn sign_key(&self) -> &SignPublic {
        &self.sign_key
    }

    /// The device's long-term key in handshakes.
    pub const fn dh_key(&self) -> &X25519Public {
        &self.dh_key
    }

    /// What the device can do; unknown bits mean nothing.
    pub const fn capabilities(&self) -> u32 {
        self.capabilities
    }

    /// How many certificates the account had signed before.
    pub const fn issued(&self) -> u32 {
        self.issued
    }
}

impl fmt::Debug for DeviceCert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceCert")
    }
}

/// The devices that count, as their account says. Holding one means that the signature was checked.
#[derive(Clone, Eq, PartialEq)]
pub struct DeviceList {
    bytes: Vec<u8>,
    account_id: AccountId,
    epoch: u32,
    devices: Vec<Hash32>,
    revoked: Vec<Hash32>,
}

/// What a second list of one account means beside the one that is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Succession {
    /// The same list.
    Same,
    /// A later one: take it.
    Newer,
    /// An earlier one: keep what is known.
    Older,
    /// Two lists under one epoch: the account says different things to different people. Tell the person.
    Equivocation,
    /// Of another account: it says nothing here.
    Foreign,
}

impl DeviceList {
    /// Reads a list, up to [`DEVICE_LIST_BYTES_MAX`], and checks its signature.
    ///
    /// # Errors
    /// [`IdentityError`] says what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, IdentityError> {
        let (body, signature) = split_signed(bytes, DEVICE_LIST_BYTES_MAX)?;
        let mut reader = Reader::array(body, 5)?;
        version(&mut reader)?;
        let account_key = SignPublic::from_typed(reader.bytes()?)?;
        let epoch = reader.u32()?;
        let devices = hashes(&mut reader, DEVICES_MAX)?;
        let revoked = hashes(&mut reader, REVOKED_MAX)?;
        reader.end()?;
        if devices.iter().any(|device| revoked.contains(device)) {
            return Err(IdentityError::Malformed);
        }
        account_key.verify(&framed(LABEL_LIST, &[body]), &signature).map_err(|_| IdentityError::Signature)?;
        let account_id = AccountId::of(&account_key);
        Ok(Self { bytes: bytes.to_vec(), account_id, epoch, devices, revoked })
    }

    /// The list as it was received.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Only grows: the highest list counts.
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Whether this device counts: the same account, listed, not called back.
    pub fn contains(&self, cert: &DeviceCert) -> bool {
        cert.account_id == self.account_id && self.devices.contains(&cert.hash)
    }

    /// Whether this device was called back.
    pub fn revokes(&self, cert: &DeviceCert) -> bool {
        cert.account_id == self.account_id && self.revoked.contains(&cert.hash)
    }

    /// Whether a device is called back here that was not in `before`.
    pub fn calls_back_more_than(&self, before: &Self) -> bool {
        self.revoked.iter().any(|device| !before.revoked.contains(device))
    }

    /// The account that signed it.
    pub const fn account_id(&self) -> AccountId {
        self.account_id
    }

    /// What `next` means to someone who knows this list.
    pub fn judge(&self, next: &Self) -> Succession {
        if next.account_id != self.account_id {
            Succession::Foreign
        } else if next.bytes == self.bytes {
            Succession::Same
        } else {
            match next.epoch.cmp(&self.epoch) {
                std::cmp::Ordering::Greater => Succession::Newer,
                std::cmp::Ordering::Less => Succession::Older,
                std::cmp::Ordering::Equal => Succession::Equivocation,
            }
        }
    }
}

impl fmt::Debug for DeviceList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceList")
    }
}

/// Everything secret that makes this device this device of this account.
#[derive(Clone, Eq, PartialEq)]
pub struct Identity {
    account: SignSecret,
    sign: SignSecret,
    dh: X25519Secret,
    cert: DeviceCert,
    list: DeviceList,
}

impl Identity {
    /// Draws a new account with this device as its first.
    pub fn create(rng: &mut dyn CryptoRng) -> Self {
        let account = SignSecret::generate(rng);
        let sign = SignSecret::generate(rng);
        let dh = X25519Secret::generate(rng);
        let cert = issue_cert(&account, 0, &sign.public(), &dh.public(), 0, 0);
        let list = issue_list(&account, 1, &[cert.hash], &[]);
        Self { account, sign, dh, cert, list }
    }

    /// The account's name.
    pub const fn account_id(&self) -> AccountId {
        self.cert.account_id
    }

    /// This device's certificate.
    pub const fn cert(&self) -> &DeviceCert {
        &self.cert
    }

    /// The account's devices.
    pub const fn list(&self) -> &DeviceList {
        &self.list
    }

    /// Signs the account's next list, which calls a device back. Returns false if the list is full of such already.
    ///
    /// A device that calls itself back still opens its own profile; others close their conversations with it.
    pub fn revoke(&mut self, device: Hash32) -> bool {
        let devices: Vec<Hash32> = self.list.devices.iter().filter(|d| **d != device).copied().collect();
        let mut revoked = self.list.revoked.clone();
        if let Err(at) = revoked.binary_search(&device) {
            revoked.insert(at, device);
        }
        let Some(epoch) = self.list.epoch.checked_add(1).filter(|_| revoked.len() <= REVOKED_MAX) else {
            return false;
        };
        self.list = issue_list(&self.account, epoch, &devices, &revoked);
        true
    }

    /// Writes everything down: CBOR `[1, account seed, sign seed, dh secret, certificate, list]`.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Writer::array(6)
            .number(VERSION)
            .bytes(self.account.seed().as_bytes())
            .bytes(self.sign.seed().as_bytes())
            .bytes(self.dh.to_bytes().as_bytes())
            .bytes(&self.cert.bytes)
            .bytes(&self.list.bytes)
            .end()
    }

    /// Reads what [`Self::to_bytes`] wrote and checks that the parts belong together.
    ///
    /// # Errors
    /// [`IdentityError`] says what is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, IdentityError> {
        let mut reader = Reader::array(bytes, 6)?;
        version(&mut reader)?;
        let account = SignSecret::from_seed(Secret::new(*reader.exact()?));
        let sign = SignSecret::from_seed(Secret::new(*reader.exact()?));
        let dh = X25519Secret::from_bytes(*reader.exact()?);
        let cert = DeviceCert::parse(reader.bytes()?)?;
        let list = DeviceList::parse(reader.bytes()?)?;
        reader.end()?;
        let identity = Self { account, sign, dh, cert, list };
        if identity.is_whole() { Ok(identity) } else { Err(IdentityError::Malformed) }
    }

    pub(crate) const fn dh(&self) -> &X25519Secret {
        &self.dh
    }

    pub(crate) const fn sign(&self) -> &SignSecret {
        &self.sign
    }

    fn is_whole(&self) -> bool {
        self.cert.account_key == self.account.public()
            && self.cert.sign_key == self.sign.public()
            && self.cert.dh_key == self.dh.public()
            && (self.list.contains(&self.cert) || self.list.revokes(&self.cert))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

const VERSION: u8 = 1;
const DEVICE_INDEX_END: usize = 255;
const LABEL_CERT: &str = "M1/cert/1";
const LABEL_CERT_HASH: &str = "M1/cert-hash/1";
const LABEL_LIST: &str = "M1/list-devices/1";

pub(crate) fn issue_cert(
    account: &SignSecret,
    device_index: u8,
    sign: &SignPublic,
    dh: &X25519Public,
    capabilities: u32,
    issued: u32,
) -> DeviceCert {
    let body = Writer::array(7)
        .number(VERSION)
        .bytes(&account.public().typed())
        .number(device_index)
        .bytes(&sign.typed())
        .bytes(&dh.typed())
        .number(capabilities)
        .number(issued)
        .end();
    DeviceCert::parse(&signed(account, LABEL_CERT, &body)).expect("what was just signed is sound")
}

pub(crate) fn issue_list(
    account: &SignSecret,
    epoch: u32,
    devices: &[Hash32],
    revoked: &[Hash32],
) -> DeviceList {
    let mut body = Writer::array(5).number(VERSION).bytes(&account.public().typed()).number(epoch);
    for hashes in [devices, revoked] {
        body = body.list(hashes.len() as u64);
        for hash in hashes {
            body = body.bytes(hash);
        }
    }
    DeviceList::parse(&signed(account, LABEL_LIST, &body.end())).expect("what was just signed is sound")
}

/// The body and, behind it, the signature over label and body.
pub(crate) fn signed(key: &SignSecret, label: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len() + SIGNATURE_BYTES);
    bytes.extend_from_slice(body);
    bytes.extend_from_slice(key.sign(&framed(label, &[body])).as_bytes());
    bytes
}

/// Parts a signed object into body and signature, before anything in it is read.
pub(crate) fn split_signed(bytes: &[u8], max: usize) -> Result<(&[u8], Signature), Malformed> {
    let at = bytes.len().checked_sub(SIGNATURE_BYTES).ok_or(Malformed)?;
    if bytes.len() > max {
        return Err(Malformed);
    }
    let (body, signature) = bytes.split_at(at);
    Ok((body, Signature::from_bytes(signature).map_err(|_| Malformed)?))
}

const SIGNATURE_BYTES: usize = 64;

fn version(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    if reader.u8()? == VERSION { Ok(()) } else { Err(Malformed) }
}

fn hashes(reader: &mut Reader<'_>, max: usize) -> Result<Vec<Hash32>, Malformed> {
    let len = reader.list(max as u64)?;
    let hashes: Vec<Hash32> = (0..len).map(|_| reader.exact().copied()).collect::<Result<_, _>>()?;
    // Strictly rising: one set has one form, and nothing stands in it twice.
    if hashes.is_sorted_by(|one, next| one < next) { Ok(hashes) } else { Err(Malformed) }
}
