//! Writes one small, valid example of everything that is fuzzed, so that the search begins inside the formats.

use std::fs;
use std::path::Path;

use crypto::handshake::{PeerKeys, Psk, initiate};
use crypto::identity::{AccountId, Identity};
use crypto::invite::InviteSecret;
use crypto::key::{Secret32, SignSecret, X25519Secret};
use crypto::prekey::{BundleKind, BundleSecret, OfferSecret};
use crypto::renewal::{Rekey, Repair, RepairSecret};
use crypto::request::seal_request;
use crypto::seal::{Class, seal_contact};
use crypto::slot::{Chain, Slot};
use crypto::vault::{Cost, KeyFile};
use madang_core::backup::{Kept, Writer};
use proto::descriptor::{RelayDescriptor, RelayFacts};
use proto::envelope::{Blob, Envelope};
use proto::frame::{Frame, Push};
use proto::id::{Address, PeerName, Prefix, RelayId, Tag};
use proto::invite::Invite;
use proto::mailbox::client::Cursor;
use proto::mailbox::list::{Batch, Entries, Head, chain_next, chain_start};
use proto::mailbox::request::{DeleteOutcome, FollowMode, ListPart, PutOutcome, Reply, Request};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use zeroize::Zeroizing;

fn main() {
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    let sign = SignSecret::from_seed(Secret32::new([1; 32]));
    let request_key = X25519Secret::from_bytes([2; 32]);
    let mut chain = Chain::new(&Secret32::new([3; 32]));
    let slot = chain.next();
    let envelope = Envelope::seal_into(&slot, blob(), 30, 0);
    write("envelope", "c0", &envelope.encode());

    let frames = frames(&sign);
    for (name, frame) in &frames {
        write("frame", name, &frame.encode());
    }
    let parts: Vec<Vec<u8>> = frames.iter().map(|(_, frame)| frame.encode()).collect();
    for part in &parts {
        write("link", &format!("{}", part.len()), &script(0, &[part]));
        write("client", &format!("{}", part.len()), &script(0, &[part]));
    }

    let requests = requests(&slot, &envelope);
    for (name, request) in &requests {
        write("request", name, &request.encode());
    }
    let asked: Vec<Vec<u8>> = requests.iter().map(|(_, request)| request.encode()).collect();
    let asked: Vec<&[u8]> = asked.iter().map(Vec::as_slice).collect();
    write("mailbox", "each", &script(0x0a, &asked));
    write("mailbox", "crashes", &script(0x92, &asked));
    for (name, reply) in replies(&sign) {
        write("reply", name, &reply.encode());
        write("client", name, &script(1, &[&reply.encode()]));
    }
    write("cursor", "start", &Cursor::default().encode());

    let facts = RelayFacts {
        sign_key: sign.public(),
        request_key: request_key.public(),
        peer: PeerName::new(&[3; 38]).expect("a name"),
        addresses: vec![Address::parse("/ip4/192.0.2.1/tcp/4001").expect("an address")],
        ttl_days_max: 30,
        sequence: 1,
    };
    let descriptor = RelayDescriptor::sign(facts, &sign);
    write("descriptor", "bytes", descriptor.bytes());
    write("descriptor", "text", descriptor.to_text().as_bytes());

    let invite = Invite {
        secret: InviteSecret::from_bytes(&[4; 32]).expect("32 bytes"),
        account: AccountId::new([5; 32]),
        bundle_tag: Tag([6; 32]),
        bundle_hash: [7; 32],
        relays: vec![(RelayId([8; 16]), Address::parse("/ip6/::1/tcp/9").expect("an address"))],
        expiry_days: 30,
        flags: 0,
    };
    write("invite", "bytes", &invite.encode());
    write("invite", "text", invite.to_text().as_bytes());
    write("picture", "text", invite.to_text().as_bytes());
    for (name, bytes) in pictures(&invite.to_text().to_ascii_uppercase()) {
        write("picture", name, &bytes);
    }
    for (number, line) in COMMANDS.iter().enumerate() {
        write("command", &number.to_string(), line.as_bytes());
    }
    for (number, text) in TYPED.iter().enumerate() {
        write("typed", &number.to_string(), text.as_bytes());
    }

    let (ari, bora) = (Identity::create(rng), Identity::create(rng));
    write("identity", "cert", ari.cert().bytes());
    write("identity", "list", ari.list().bytes());
    write("identity", "kept", &ari.to_bytes());
    let owner = Identity::create(&mut ChaCha20Rng::seed_from_u64(1));
    let (secret, bundle) = BundleSecret::generate(BundleKind::Invite, 1, &owner, 30, rng);
    write("bundle", "bundle", bundle.bytes());
    write("bundle", "secret", &secret.to_bytes());
    let (secret, offer) = OfferSecret::generate(1, rng);
    write("bundle", "offer", offer.bytes());
    write("bundle", "offer-secret", &secret.to_bytes());

    let (_, bundle) = BundleSecret::generate(BundleKind::Invite, 1, &bora, 30, rng);
    let peer = PeerKeys { cert: bora.cert(), bundle: &bundle };
    let (init, _, mut session) = initiate(&ari, peer, &Psk::None, b"", rng).expect("sound keys");
    write("init", "init", &init.encode());
    let (_, offer) = OfferSecret::generate(1, rng);
    let resume = Secret32::new([8; 32]);
    let (rekey, _) =
        Rekey::begin(&ari, bora.cert(), &offer, &[7; 32], &resume, b"word", rng).expect("sound keys");
    write("renewal", "rekey", &rekey.encode());
    let (_, bundle) = BundleSecret::generate(BundleKind::Repair, 1, &bora, 30, rng);
    let peer = PeerKeys { cert: bora.cert(), bundle: &bundle };
    let secret = RepairSecret::new(Secret32::new([6; 32]));
    let (repair, _) = Repair::begin(&ari, peer, &secret, b"word", rng).expect("sound keys");
    write("renewal", "repair", &repair.encode());
    write("ratchet", "kept", &session.to_bytes());
    write("ratchet", "first", &session.encrypt(b"hello"));

    let sealed =
        seal_contact(Class::C0, &[2; 32], &Secret32::new([9; 32]), &request_key.public(), b"hi", rng);
    write("seal", "contact", &sealed.expect("fits"));
    let (sealed, _) = seal_request(&request_key.public(), b"hi", rng).expect("fits");
    write("seal", "request", &sealed);
    let (file, _) = KeyFile::create(b"words", Cost::for_tests(), rng).expect("memory");
    // The filler is random: its beginning is enough.
    write("key_file", "begin", &file.bytes()[..128]);
    write("content", "empty", &[0x82, 0, 0x40]);
    for (name, values) in [("empty", &[][..]), ("two", &[&b"a"[..], b"bc"]), ("long", &[&[7; 9_000][..]])] {
        write("backup", name, &backup(values));
    }
    // Sizes of pieces, then a short frame, a ping, a long frame, an end within a frame, and 4 GiB announced.
    let stream =
        [&[1; 8][..], &[0, 0, 0, 2, 7, 7], &[0, 0, 0, 0, 2], &[0, 0, 0x20, 0], &[3; 0x2000]].concat();
    write("wire", "frames", &stream);
    write("wire", "cut", &[&stream[..], &[0, 0, 1, 0, 9]].concat());
    write("wire", "long", &[&stream[..20], &[0xff; 4]].concat());
    write("relay_config", "least", b"data = \"x\"\n");
    write("relay_config", "most", RELAY_CONFIG.as_bytes());
    let body: [&[u8]; 7] = [
        &[&[1][..], &[7; 16], &[0; 8], &[0; 4], &[0, 0, 0, 2, 5, 5]].concat(),
        &[&[2][..], &[7; 16], &[0; 8]].concat(),
        &[&[3][..], &[1; 16], &[0, 0, 0, 2]].concat(),
        &[4, 0, 0, 0, 3, 0, 0, 0, 1, 9],
        &[&[5][..], &[0; 8]].concat(),
        &[6, 0, 0, 0, 1],
        &[&[7, 1, 0, 0, 0, 1][..], &[0; 8], &[0; 4], &[0; 8], &[5; 16]].concat(),
    ];
    write("log_record", "each", &body.concat());
    for table in 0..34 {
        write("records", &format!("{table}"), &[table, 1, 0x82, 0x00, 0x40]);
    }
}

/// How the target cuts it, then the inside of a backup without most of the zeros that fill its last chunk.
fn backup(values: &[&[u8]]) -> Vec<u8> {
    let mut writer = Writer::default();
    for (order, value) in values.iter().enumerate() {
        let value = Zeroizing::new(value.to_vec());
        writer.put(Kept { table: 46, name: vec![0, 0, 0, 1], order: order as u64, value });
    }
    let mut bytes = vec![1];
    writer.finish().for_each(|chunk| bytes.extend_from_slice(&chunk));
    let end = bytes.iter().rposition(|byte| *byte != 0).expect("it begins with a one") + 1;
    // A number of records may be zero, and the last length is.
    bytes.truncate(end + 8);
    bytes
}

fn blob() -> Blob {
    Blob::parse(vec![7; 1_024]).expect("a class")
}

fn list() -> (Entries, Head, [u8; 32]) {
    let sign = SignSecret::from_seed(Secret32::new([1; 32]));
    let start = chain_start(&[5; 16]);
    let mut entries = Entries::default();
    entries.push(&Prefix([2; 8]), Class::C0);
    entries.push(&Prefix([3; 8]), Class::C1);
    let chain = chain_next(&start, &Prefix([2; 8]), Class::C0);
    let chain = chain_next(&chain, &Prefix([3; 8]), Class::C1);
    (entries, Head::sign(&[5; 16], 2, &chain, &sign), start)
}

fn frames(sign: &SignSecret) -> Vec<(&'static str, Frame)> {
    let (entries, head, start) = list();
    let other = Head::sign(&[5; 16], 2, &start, sign);
    let batch = Batch { first: 0, start: Some(start), entries, blobs: vec![(0, blob())], head };
    let bare = Batch { start: None, blobs: Vec::new(), head: other, ..batch.clone() };
    vec![
        ("nonce", Frame::Nonce([1; 32])),
        ("hello", Frame::Hello(vec![[2; 16]; 16])),
        ("push", Frame::Push(Push { number: 1, acked: 0, prefix: Prefix([3; 8]), blob: blob() })),
        ("ack", Frame::Ack { upto: 1_000 }),
        ("credit", Frame::Credit { bytes: 1 << 20 }),
        ("describe", Frame::Describe),
        ("descriptor", Frame::Descriptor(vec![4; 64])),
        ("request", Frame::Request { id: 1, sealed: vec![5; 256] }),
        ("reply", Frame::Reply { id: 1, sealed: vec![6; 256] }),
        ("batch", Frame::Batch(batch)),
        ("batch-bare", Frame::Batch(bare)),
        ("busy", Frame::Busy { id: 1, after_ms: 100 }),
    ]
}

fn requests(slot: &Slot, envelope: &Envelope) -> Vec<(&'static str, Request)> {
    let tag = Tag(slot.tag());
    vec![
        ("put", Request::Put(vec![envelope.clone()])),
        ("list", Request::List { list: None, from: 0 }),
        ("get", Request::Get { list: [5; 16], positions: vec![0, 1], bytes_max: 61_440 }),
        ("follow", Request::Follow { list: None, from: 0, mode: FollowMode::Blobs, credit: 1 << 19 }),
        ("delete", Request::Delete(vec![(tag, slot.sign_delete())])),
        ("unfollow", Request::Unfollow),
    ]
}

fn replies(sign: &SignSecret) -> Vec<(&'static str, Reply)> {
    let (entries, head, start) = list();
    let begin = Head::sign(&[5; 16], 0, &start, sign);
    let part = ListPart { first: 0, start, entries, head: head.clone(), end: 2 };
    let every = vec![PutOutcome::Stored, PutOutcome::Full, PutOutcome::Pay { difficulty: 8 }];
    vec![
        ("put", Reply::Put(every)),
        ("list", Reply::List(part)),
        ("got", Reply::Got(vec![(0, Some(blob())), (1, None)])),
        ("deleted", Reply::Deleted(vec![DeleteOutcome::Done, DeleteOutcome::Kept])),
        ("following", Reply::Following { list: [5; 16], first: 0, start, head }),
        ("following-empty", Reply::Following { list: [5; 16], first: 0, start, head: begin }),
        ("unfollowed", Reply::Unfollowed),
        ("other-list", Reply::OtherList([6; 16])),
        ("not-understood", Reply::NotUnderstood),
    ]
}

/// Parts as the stateful targets read them: what to do, a length, so many bytes.
fn script(act: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.push(act);
        bytes.extend_from_slice(&u16::try_from(part.len()).expect("a short part").to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// A QR code as PNG, as JPEG and as bare pixels.
fn pictures(text: &str) -> [(&'static str, Vec<u8>); 3] {
    let code = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::L).expect("it fits");
    let (width, dark) = (code.width(), code.into_colors());
    let side = u32::try_from(2 * (width + 8)).expect("small");
    let picture = image::GrayImage::from_fn(side, side, |x, y| {
        let (x, y) = (x as usize / 2, y as usize / 2);
        let inside = (4..width + 4).contains(&x) && (4..width + 4).contains(&y);
        let black = inside && dark[(y - 4) * width + x - 4] == qrcode::Color::Dark;
        image::Luma([if black { 0 } else { 255 }])
    });
    let file = |format| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).expect("memory has room");
        bytes.into_inner()
    };
    let side = u8::try_from(side).expect("a code of an invite is small");
    let bare = [&[0, side][..], picture.as_raw()].concat();
    [("png", file(image::ImageFormat::Png)), ("jpeg", file(image::ImageFormat::Jpeg)), ("bare", bare)]
}

const COMMANDS: [&str; 8] = [
    r#"{"id":1,"do":"whoami"}"#,
    r#"{"id":"x","do":"send","contact":"bora","text":"hi","reply_to":null}"#,
    r#"{"do":"history","contact":3,"limit":50,"before":7}"#,
    r#"{"do":"verify","contact":"2","compare":"01234 56789","verified":true}"#,
    r#"{"do":"accept","invite":"madang:AE","name":"\uD558"}"#,
    r#"{"do":"disappear","contact":1,"after":"4w"}"#,
    r#"{"do":"unlock","passphrase":"a"}"#,
    r#"{"do":"dial","address":"192.0.2.7:4001"}"#,
];

const TYPED: [&str; 5] = [
    "192.0.2.7:4001",
    "[2001:db8::7]:4001",
    "/ip4/192.0.2.7/tcp/4001",
    "/ip6/::1/udp/9/quic-v1/p2p/12D3KooWGatU64DnEbTP9qqe8pDxu5t3c8h3cBBeSjjFhhz2MrdV",
    "relay.example.org:4001",
];

fn write(target: &str, name: &str, bytes: &[u8]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder).expect("a folder can be made");
    fs::write(folder.join(format!("seed-{name}")), bytes).expect("a file can be written");
}

const RELAY_CONFIG: &str = r#"data = "mail"
[network]
listen = ["0.0.0.0:4470", "[::]:4470"]
transports = ["tcp", "quic"]
announce = ["203.0.113.7:4470"]
connections = 2000
[keep]
room = "20 GiB"
longest = "30 days"
[log]
level = "info"
format = "text"
addresses = false
counters = "10 min"
"#;
