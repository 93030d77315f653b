//! What a log would hold if somebody printed a key: its kind, and nothing of it.

use crypto::{
    SignSecret, X25519Secret,
    backup::{BackupSecret, Opener, Sealer},
    identity::Identity,
    prekey::{BundleKind, OfferSecret},
    ratchet::Session,
    renewal::{Rekey, Repair, RepairSecret},
    request::{open_request, seal_request},
    safety::safety_number,
    tree::Node,
    vault::{BlockSealer, Cost, KeyFile},
};

use crate::common::{Pair, rng};

#[test]
fn what_is_printed_is_its_kind_and_nothing_else() {
    let mut pair = Pair::new(BundleKind::Repair);
    let (init, made, session, first) = pair.begin();
    let (offer_secret, offer) = OfferSecret::generate(1, &mut pair.rng);
    let resume = made.resume.clone();
    let cert = pair.bora.cert().clone();
    let (rekey, _): (Rekey, _) =
        Rekey::begin(&pair.ari, &cert, &offer, &[0; 32], &resume, b"", &mut pair.rng).expect("sound");
    let repair = RepairSecret::new(resume.clone());
    let peer = crypto::handshake::PeerKeys { cert: &cert, bundle: &pair.bundle };
    let (repair_word, _): (Repair, _) =
        Repair::begin(&pair.ari, peer, &repair, b"", &mut pair.rng).expect("sound");
    let relay = X25519Secret::generate(&mut rng(70));
    let (sealed, pending) = seal_request(&relay.public(), b"x", &mut rng(71)).expect("fits");
    let (_, reply) = open_request(&relay, &sealed).expect("ours");
    let (key_file, vault) =
        KeyFile::create(b"words", Cost::for_tests(), &mut rng(72)).expect("little memory");
    let sign = SignSecret::generate(&mut rng(73));
    let words = BackupSecret::typed("a plank over the stream").expect("a passphrase");
    let (head, sealer) = Sealer::new(&words, Cost::for_tests(), &mut rng(78)).expect("little memory");
    let opener = Opener::new(&head, &words).expect("little memory");
    let node = Node::random(&mut rng(79));
    let number = safety_number(&pair.ari.account_id(), &pair.bora.account_id());
    let me: &Identity = &pair.ari;
    let session: &Session = &session;

    let printed = [
        ("Init", format!("{init:?}")),
        ("Message", format!("{first:?}")),
        ("Session", format!("{session:?}")),
        ("Rekey", format!("{rekey:?}")),
        ("Repair", format!("{repair_word:?}")),
        ("Offer", format!("{offer:?}")),
        ("OfferSecret", format!("{offer_secret:?}")),
        ("Bundle", format!("{:?}", pair.bundle)),
        ("BundleSecret", format!("{:?}", pair.secret)),
        ("Identity", format!("{me:?}")),
        ("DeviceId", format!("{:?}", me.cert().device_id())),
        ("AccountId", format!("{:?}", me.account_id())),
        ("DeviceCert", format!("{:?}", me.cert())),
        ("DeviceList", format!("{:?}", me.list())),
        ("X25519Secret", format!("{relay:?}")),
        ("X25519Public", format!("{:?}", relay.public())),
        ("SignSecret", format!("{sign:?}")),
        ("SignPublic", format!("{:?}", sign.public())),
        ("Signature", format!("{:?}", sign.sign(b"x"))),
        ("PendingReply", format!("{pending:?}")),
        ("ReplySealer", format!("{reply:?}")),
        ("KeyFile", format!("{key_file:?}")),
        ("Vault", format!("{vault:?}")),
        ("NameKey", format!("{:?}", vault.name_key())),
        ("SafetyNumber", format!("{number:?}")),
        ("BackupSecret", format!("{words:?}")),
        ("Sealer", format!("{sealer:?}")),
        ("Opener", format!("{opener:?}")),
        ("Node", format!("{node:?}")),
        ("BlockSealer", format!("{:?}", BlockSealer::new(&resume))),
    ];
    for (kind, text) in printed {
        assert_eq!(text, kind);
    }
}

#[test]
fn different_secrets_are_not_equal() {
    let (one, other) = (X25519Secret::generate(&mut rng(74)), X25519Secret::generate(&mut rng(75)));
    assert!(one == one.clone() && one != other);
    let (one, other) = (SignSecret::generate(&mut rng(76)), SignSecret::generate(&mut rng(77)));
    assert!(one == one.clone() && one != other);
}
