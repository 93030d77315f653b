//! Two people with keys, and the means to write objects that their owners would never write.

#[path = "../common/framed.rs"]
mod framed;

use crypto::{
    SignSecret,
    handshake::{Established, Init, PeerKeys, Psk, initiate, respond},
    identity::Identity,
    invite::InviteSecret,
    key::Secret,
    prekey::{Bundle, BundleKind, BundleSecret},
    ratchet::{Message, Session},
};
use minicbor::Decoder;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

pub(crate) use self::framed::framed;

pub(crate) fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

/// Ari begins, Bora left the bundle.
pub(crate) struct Pair {
    pub(crate) ari: Identity,
    pub(crate) bora: Identity,
    pub(crate) invite: InviteSecret,
    pub(crate) secret: BundleSecret,
    pub(crate) bundle: Bundle,
    pub(crate) rng: ChaCha20Rng,
}

impl Pair {
    pub(crate) fn new(kind: BundleKind) -> Self {
        let mut rng = rng(40);
        let (ari, bora) = (Identity::create(&mut rng), Identity::create(&mut rng));
        let invite = InviteSecret::random(&mut rng);
        let (secret, bundle) = BundleSecret::generate(kind, 7, &bora, 30, &mut rng);
        Self { ari, bora, invite, secret, bundle, rng }
    }

    pub(crate) fn psk(&self) -> Psk {
        Psk::Invite(self.invite.psk())
    }

    pub(crate) fn begin(&mut self) -> (Init, Established, Session, Message) {
        let psk = self.psk();
        let peer = PeerKeys { cert: self.bora.cert(), bundle: &self.bundle };
        let (init, made, mut session) =
            initiate(&self.ari, peer, &psk, b"", &mut self.rng).expect("sound keys");
        let first = Message::parse(&session.encrypt(b"first")).expect("our own message");
        (init, made, session, first)
    }

    pub(crate) fn sessions() -> (Session, Session) {
        let mut pair = Self::new(BundleKind::Invite);
        let (init, _, session, first) = pair.begin();
        let (_, other, _) =
            respond(&pair.bora, &pair.secret, pair.ari.cert(), &init, &first, &pair.psk(), b"")
                .expect("the same secrets");
        (session, other)
    }
}

/// The account's and the device's signing keys, read out of what an identity writes down.
pub(crate) fn signing_keys(identity: &Identity) -> (SignSecret, SignSecret) {
    let bytes = identity.to_bytes();
    let mut decoder = Decoder::new(&bytes);
    decoder.array().expect("an array");
    decoder.u8().expect("the version");
    let mut next = || {
        let seed = decoder.bytes().expect("a seed");
        SignSecret::from_seed(Secret::from_slice(seed).expect("32 bytes"))
    };
    (next(), next())
}

/// A body with a sound signature of `key` behind it.
pub(crate) fn signed(key: &SignSecret, label: &str, body: Vec<u8>) -> Vec<u8> {
    let signature = key.sign(&framed(label, &[&body]));
    [body.as_slice(), signature.as_bytes()].concat()
}

pub(crate) fn typed(kind: u8, key: &[u8]) -> Vec<u8> {
    [&[kind], key].concat()
}

/// The twelve encodings that make an X25519 secret all zero, as libsodium and cr.yp.to list them.
pub(crate) fn small_order_points() -> [[u8; 32]; 12] {
    let little = |low: u8, middle: u8, high: u8| {
        let mut bytes = [middle; 32];
        bytes[0] = low;
        bytes[31] = high;
        bytes
    };
    let order_8_a = [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda,
        0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ];
    let order_8_b = [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04,
        0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ];
    let high_bit = |mut bytes: [u8; 32]| {
        bytes[31] |= 0x80;
        bytes
    };
    [
        little(0, 0, 0),
        little(1, 0, 0),
        order_8_a,
        order_8_b,
        little(0xec, 0xff, 0x7f), // p - 1
        little(0xed, 0xff, 0x7f), // p
        little(0xee, 0xff, 0x7f), // p + 1
        high_bit(order_8_a),
        high_bit(order_8_b),
        little(0xec, 0xff, 0xff), // p - 1 with the ignored bit set
        little(0xed, 0xff, 0xff), // p with the ignored bit set
        little(0xee, 0xff, 0xff), // p + 1 with the ignored bit set
    ]
}
