//! Strangers on real sockets: what they can find out about a node by knocking.

use std::time::{Duration, Instant};

use crypto::X25519Public;
use madang_tests::lab::{Lab, Missing, Place};
use madang_tests::stories;
use madang_tests::story::Story;
use net::IdentitySeed;
use net::raw::{Raw, RawStream};
use proto::envelope::Blob;
use proto::frame::{Frame, Push};
use proto::id::{Address, PeerName, Prefix};
use serde_json::{Value, json};

use crate::conversation::cast::{Person, acquaint_at};

pub(crate) const STORIES: &[Story] = stories![a_prober_cannot_tell_a_contacts_node_from_any_other];

/// The protocol of links to relays, and of those between devices.
const BOX: &str = "/madang/box/1";
const DIRECT: &str = "/madang/direct/1";

/// How long a prober listens before it takes silence for the answer: twice as long as a node bears with a stranger.
const SILENCE: Duration = Duration::from_secs(20);

/// A node that strangers know by its address and by what transports call it.
#[derive(Clone)]
pub(crate) struct Aim {
    pub(crate) at: Address,
    pub(crate) name: PeerName,
    /// The key that requests are sealed to, if it is a relay.
    pub(crate) key: Option<X25519Public>,
}

impl Aim {
    /// A person's running node, by TCP. It runs before it hears on every address of its host; so it is asked until it does.
    pub(crate) fn at_person(person: &mut Person<'_>, ip: &str) -> Self {
        let here = |whoami: &Value| -> Option<String> {
            let texts = whoami["addresses"].as_array().expect("a list").iter().filter_map(Value::as_str);
            texts.map(str::to_owned).find(|text| text.contains("/tcp/") && text.contains(ip))
        };
        let whoami =
            person.until("to listen by TCP", &json!({ "do": "whoami" }), |whoami| here(whoami).is_some());
        let name = whoami["transport_names"][0].as_str().expect("the name for direct links");
        let name = data_encoding::HEXLOWER.decode(name.as_bytes()).expect("hexadecimal digits");
        Self {
            at: Address::parse(&here(&whoami).expect("as it was waited for")).expect("an address"),
            name: PeerName::new(&name).expect("a name"),
            key: None,
        }
    }

    fn protocol(&self) -> &'static str {
        if self.key.is_some() { BOX } else { DIRECT }
    }

    /// A link of a stranger, if it is taken. Of the names that grow from `number` one above the node's is used, so that
    /// the node chooses the connection and the stranger may speak.
    pub(crate) async fn link(&self, number: u32) -> Option<(Raw, RawStream)> {
        let seed = |n: u32| crypto::hash("test/stranger", &[&number.to_be_bytes(), &n.to_be_bytes()]);
        let above = |seed: &[u8; 32]| IdentitySeed::new(*seed).peer_name() > self.name;
        let seed = (0..1_000).map(seed).find(above)?;
        let raw = Raw::connect(seed, &self.at).await?;
        let mut stream = raw.link(self.protocol()).await?;
        let mut chosen = [0; 5];
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut chosen));
        (read.await == Ok(true)).then_some((raw, stream))
    }
}

/// A frame with its length before it, as it crosses a link.
pub(crate) fn framed(frame: &[u8]) -> Vec<u8> {
    let length = u32::try_from(frame.len()).expect("a short frame");
    [&length.to_be_bytes()[..], frame].concat()
}

/// What a prober says, frame by frame.
fn probes() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let nonce = Frame::Nonce([9; 32]).encode();
    let hello = |size: usize| Frame::Hello(vec![[7; 16]; size]).encode();
    let blob = Blob::parse(vec![3; 1_024]).expect("a class");
    let push = Frame::Push(Push { number: 1, acked: 0, prefix: Prefix([5; 8]), blob }).encode();
    vec![
        ("nothing", vec![]),
        ("a nonce", vec![nonce.clone()]),
        ("a small hello", vec![nonce.clone(), hello(16)]),
        ("a large hello", vec![nonce.clone(), hello(1_024)]),
        ("two hellos", vec![nonce.clone(), hello(16), hello(16)]),
        ("a hello of no such size", vec![nonce.clone(), hello(17)]),
        ("a hello without a nonce", vec![hello(16)]),
        ("a push", vec![nonce.clone(), push]),
        ("a request for a descriptor", vec![Frame::Describe.encode()]),
        ("an acknowledgement", vec![nonce.clone(), Frame::Ack { upto: 1 }.encode()]),
        ("rubbish", vec![vec![0xff; 100]]),
        ("an empty array", vec![vec![0x80]]),
    ]
}

/// How much later or earlier one node may hang up than another on a busy machine. What a stranger is borne with is
/// twice as long, so hanging up at once and hanging up at the end are told apart.
const LATER: Duration = Duration::from_secs(5);

/// All that a node says to a prober: the lengths of its frames, whether it hangs up, and after how long.
async fn answers(aim: &Aim, number: u32, frames: &[Vec<u8>]) -> (Vec<u32>, bool, Duration) {
    // On a busy machine a connection may come too late to be taken; then the prober tries again.
    let mut tries = 0;
    let (began, (_raw, mut stream)) = loop {
        let began = Instant::now();
        if let Some(linked) = aim.link(number).await {
            break (began, linked);
        }
        tries += 1;
        assert!(tries < 5, "strangers may connect");
    };
    for frame in frames {
        if !stream.write(&framed(frame)).await {
            break;
        }
    }
    let mut lengths = Vec::new();
    loop {
        let mut head = [0; 4];
        match tokio::time::timeout(SILENCE, stream.read(&mut head)).await {
            Err(_) => return (lengths, false, began.elapsed()),
            Ok(false) => return (lengths, true, began.elapsed()),
            Ok(true) => {}
        }
        let length = u32::from_be_bytes(head);
        // A control word has length zero and one byte.
        let mut body = vec![0; length.max(1) as usize];
        if !stream.read(&mut body).await {
            return (lengths, true, began.elapsed());
        }
        lengths.push(length);
    }
}

fn a_prober_cannot_tell_a_contacts_node_from_any_other() -> Result<(), Missing> {
    let lab = Lab::new()?;
    // Bora and Cora are neighbours, equally far from the prober. Bora has a contact, who is online; Cora knows nobody.
    let mut ari = Person::new(&lab, Place::B1, "Ari");
    let mut bora = Person::new(&lab, Place::A1, "Bora");
    let mut cora = Person::new(&lab, Place::A2, "Cora");
    [&mut ari, &mut bora, &mut cora].into_iter().for_each(Person::start);
    let ip = |place| lab.host(place).ip().to_string();
    let aims = [Aim::at_person(&mut bora, &ip(Place::A1)), Aim::at_person(&mut cora, &ip(Place::A2))];
    acquaint_at(&mut bora, aims[0].at.as_str(), &mut ari);
    ari.send("hello");
    bora.receives(1);
    let heard = aims.map(|aim| {
        lab.host(Place::B2).run(async move {
            // All at once, each on a link of its own.
            let asked = probes().into_iter().zip(0..).map(|((what, frames), number)| {
                let aim = aim.clone();
                (what, tokio::spawn(async move { answers(&aim, number, &frames).await }))
            });
            let asked: Vec<_> = asked.collect();
            let mut heard = Vec::new();
            for (what, answer) in asked {
                heard.push((what, answer.await.expect("a probe goes on to its end")));
            }
            heard
        })
    });
    let [of_bora, of_cora] = &heard;
    for (bora, cora) in of_bora.iter().zip(of_cora) {
        println!(
            "{:>26}: frames of {:?} bytes, {} after {:.1} and {:.1} s",
            bora.0,
            bora.1.0,
            ["silence", "hangs up"][usize::from(bora.1.1)],
            bora.1.2.as_secs_f64(),
            cora.1.2.as_secs_f64()
        );
        let ((lengths, closed, at), (like, closes, then)) = (&bora.1, &cora.1);
        assert_eq!((lengths, closed), (like, closes), "Bora's node answers {} as Cora's does", bora.0);
        assert!(at.abs_diff(*then) < LATER, "and hangs up on {} at the same time", bora.0);
    }
    // And it is no silence of the dead: a hello is answered with one, and in the end all are hung up on.
    assert!(of_bora.iter().any(|(_, (lengths, ..))| lengths.len() > 1), "{of_bora:?}");
    assert!(of_bora.iter().all(|(_, (_, closed, _))| *closed), "{of_bora:?}");
    Ok(())
}
