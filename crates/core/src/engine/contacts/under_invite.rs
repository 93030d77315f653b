//! What lies under an invite: the inviter's bundle and the invitee's answer, as they are read.

use crypto::identity::{DeviceCert, DeviceList};
use crypto::prekey::{Bundle, BundleKind};
use crypto::seal;
use minicbor::{Decode, Encode};
use proto::id::Tag;
use proto::invite::Invite;

use crate::conversation::decode_whole;
use crate::pair::inner;

/// The suite of an answer (protocol, chapter 10): the only one there is.
pub(super) const SUITE: u8 = 1;

/// The plaintext of the bundle's slot.
#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct BundleBody {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(super) cert: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(super) list: Vec<u8>,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(super) bundle: Vec<u8>,
}

/// The plaintext of an answer.
#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct InitBody {
    #[n(0)]
    pub(super) suite: u8,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(super) cert: Vec<u8>,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(super) list: Vec<u8>,
    #[cbor(n(3), with = "minicbor::bytes")]
    pub(super) init: Vec<u8>,
    #[cbor(n(4), with = "minicbor::bytes")]
    pub(super) first: Vec<u8>,
}

pub(super) fn bundle_hash(body: &BundleBody) -> [u8; 32] {
    crypto::hash("M1/inv/bundle/1", &[&body.bundle, &body.cert, &body.list])
}

pub(in crate::engine) fn read_bundle(
    invite: &Invite,
    tag: &Tag,
    blob: &[u8],
) -> Option<(DeviceCert, DeviceList, Bundle)> {
    let bytes = seal::open_stranger(blob, &tag.0, &invite.secret.seal_key()).ok()?;
    let body: BundleBody = decode_whole(bytes.strip_prefix(&[inner::BUNDLE])?)?;
    if bundle_hash(&body) != invite.bundle_hash {
        return None;
    }
    let (cert, list) = read_identity(&body.cert, &body.list)?;
    let bundle = Bundle::parse(&body.bundle, &cert).ok()?;
    (cert.account_id() == invite.account && bundle.kind() == BundleKind::Invite)
        .then_some((cert, list, bundle))
}

pub(super) fn read_init(bytes: &[u8]) -> Option<(DeviceCert, DeviceList, InitBody)> {
    let body: InitBody = decode_whole(bytes.strip_prefix(&[inner::INIT])?)?;
    let (cert, list) = read_identity(&body.cert, &body.list)?;
    (body.suite == SUITE).then_some((cert, list, body))
}

fn read_identity(cert: &[u8], list: &[u8]) -> Option<(DeviceCert, DeviceList)> {
    let (cert, list) = (DeviceCert::parse(cert).ok()?, DeviceList::parse(list).ok()?);
    (list.account_id() == cert.account_id() && list.contains(&cert)).then_some((cert, list))
}

/// For the thief of the tests: what an answer to an invite holds, with the key it wants to be answered to.
#[cfg(test)]
pub(in crate::engine) fn read_answer(bytes: &[u8]) -> Option<(DeviceCert, Vec<u8>, Vec<u8>)> {
    read_init(bytes).map(|(cert, _, body)| (cert, body.init, body.first))
}
