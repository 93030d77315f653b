//! Floods against real processes, whose memory is measured before, while it goes on, and after. Two people talk all
//! the while, and must not notice.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crypto::key::Secret32;
use crypto::request::seal_request;
use crypto::seal::Class;
use crypto::slot::Chain;
use madang_tests::lab::{Host, Lab, Missing, Place};
use madang_tests::stories;
use madang_tests::story::Story;
use proto::descriptor::RelayDescriptor;
use proto::envelope::{Blob, Envelope};
use proto::frame::Frame;
use proto::id::Address;
use proto::mailbox::request::{FollowMode, Request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::conversation::cast::{Keeper, Person, acquaint, rss};
use crate::strangers::{Aim, framed};

pub(crate) const STORIES: &[Story] = stories![
    floods_take_bounded_memory_of_a_relay_and_lose_nothing_of_those_who_talk_over_it,
    floods_take_bounded_memory_of_a_persons_node_and_its_conversation_goes_on,
];

/// What a flood may add to a relay's resident memory: the outbox for followers (32 MiB), events that wait (each a frame
/// of at most 66 KiB) and the queues of the few links that are let in.
const RELAY_GROWTH_MAX: u64 = 96 << 20;
/// The same for a person's node, whose limits are smaller.
const NODE_GROWTH_MAX: u64 = 64 << 20;
/// How long each flood goes on.
const FLOOD: Duration = Duration::from_secs(3);
/// Connections of one flood that are open at once.
const CROWD: usize = 300;

/// A flood from one host: what it does until its time is over.
type Flood = (&'static str, fn(&Host, Aim));

fn over(begun: Instant) -> bool {
    begun.elapsed() > FLOOD
}

fn socket(address: &Address) -> SocketAddr {
    let parts: Vec<&str> = address.as_str().split('/').collect();
    format!("{}:{}", parts[2], parts[4]).parse().expect("an IPv4 address and a port")
}

/// Connections that say nothing, or rubbish, as many as can be opened.
fn handshakes(host: &Host, aim: Aim) {
    host.run(async move {
        let begun = Instant::now();
        let mut crowd = Vec::new();
        let mut opened = 0_u64;
        while !over(begun) {
            let connect = tokio::net::TcpStream::connect(socket(&aim.at));
            let Ok(Ok(mut stream)) = tokio::time::timeout(Duration::from_millis(200), connect).await else {
                continue;
            };
            opened += 1;
            let rubbish: &[u8] = [&b"\x13/multistream/1.0.0\n"[..], &[0xff; 3_000], b""][opened as usize % 3];
            let _ = stream.write_all(rubbish).await;
            if crowd.len() == CROWD {
                crowd.remove(0);
            }
            crowd.push(stream);
        }
        assert!(opened > 50, "only {opened} connections were opened");
        // Those that were let in wait in vain; what was refused is closed.
        let mut byte = [0];
        for stream in &mut crowd {
            let _ = tokio::time::timeout(Duration::from_millis(1), stream.read(&mut byte)).await;
        }
    });
}

/// Links that announce frames of 4 GiB, or a large one of which no more comes.
fn heads(host: &Host, aim: Aim) {
    host.run(async move {
        let begun = Instant::now();
        let (mut number, mut announced, mut kept) = (0, 0, Vec::new());
        while !over(begun) {
            number += 1;
            let Some((raw, mut stream)) = aim.link(number).await else { continue };
            let head = if number % 2 == 0 { [0xff; 4] } else { [0, 0, 0xff, 0xff] };
            announced += u32::from(stream.write(&head).await);
            kept.push((raw, stream));
            if kept.len() > 50 {
                kept.remove(0);
            }
        }
        assert!(announced > 5, "only {announced} heads were sent");
    });
}

/// One link that sends without end and reads nothing.
fn frames(host: &Host, aim: Aim) {
    host.run(async move {
        let begun = Instant::now();
        let (mut number, mut sent) = (1_000, 0_u64);
        let request = |id: u32| match &aim.key {
            Some(key) => {
                let all = Request::List { list: None, from: 0 };
                let (sealed, _) = seal_request(key, &all.encode(), &mut rand::rng()).expect("it fits");
                Frame::Request { id, sealed }.encode()
            }
            None => Frame::Hello(vec![[7; 16]; 1_024]).encode(),
        };
        while !over(begun) {
            number += 1;
            let Some((_raw, mut stream)) = aim.link(number).await else { continue };
            let lot: Vec<u8> = (0..64).flat_map(|id| framed(&request(id))).collect();
            while !over(begun) {
                let write = tokio::time::timeout(Duration::from_millis(500), stream.write(&lot));
                if write.await != Ok(true) {
                    break;
                }
                sent += lot.len() as u64;
            }
        }
        assert!(sent > 100_000, "only {sent} bytes were sent");
    });
}

/// Followers with all the credit there is who read nothing, while the mailbox is filled.
fn mailbox(host: &Host, aim: Aim) {
    let key = aim.key.expect("a mailbox is a relay's");
    host.run(async move {
        let begun = Instant::now();
        let mut stalled = Vec::new();
        let sealed = |id: u32, request: &Request| {
            let (sealed, _) = seal_request(&key, &request.encode(), &mut rand::rng()).expect("it fits");
            framed(&Frame::Request { id, sealed }.encode())
        };
        for number in 0..20 {
            let Some((raw, mut stream)) = aim.link(2_000 + number).await else { continue };
            let follow = Request::Follow { list: None, from: 0, mode: FollowMode::Blobs, credit: 1 << 19 };
            stream.write(&sealed(1, &follow)).await;
            stalled.push((raw, stream));
        }
        assert!(!stalled.is_empty(), "some may follow");
        let mut chain = Chain::new(&Secret32::new(rand::random()));
        let (mut number, mut put) = (3_000, 0);
        // On a busy machine it takes longer until so many are left.
        while !over(begun) || put <= 100 {
            assert!(begun.elapsed() < Duration::from_secs(60), "only {put} envelopes were left");
            number += 1;
            let Some((_raw, mut stream)) = aim.link(number).await else { continue };
            for id in 0..200 {
                let class = if put < 60 { Class::C3 } else { Class::C0 };
                let blob = Blob::parse(vec![put as u8; class.bytes()]).expect("a class");
                let envelope = Envelope::seal_into(&chain.next(), blob, 30, 0);
                let frame = sealed(id, &Request::Put(vec![envelope]));
                let write = stream.write(&frame);
                let is_enough = over(begun) && put > 100;
                if is_enough || tokio::time::timeout(Duration::from_millis(500), write).await != Ok(true) {
                    break;
                }
                put += 1;
            }
        }
    });
}

/// Two people who talk through floods, and the process whose memory is watched.
struct Weather<'a, 'lab> {
    lab: &'lab Lab,
    aim: Aim,
    ari: &'a mut Person<'lab>,
    bora: &'a mut Person<'lab>,
    /// Messages that Bora has, or is to have.
    said: usize,
    before: u64,
    growth_max: u64,
}

impl<'a, 'lab> Weather<'a, 'lab> {
    fn new(
        lab: &'lab Lab,
        aim: Aim,
        (ari, bora): (&'a mut Person<'lab>, &'a mut Person<'lab>),
        before: u64,
        growth_max: u64,
    ) -> Self {
        let said = bora.received().len();
        Self { lab, aim, ari, bora, said, before, growth_max }
    }

    /// Lets a flood go on while Ari writes, and checks the memory of the process.
    fn pass(&mut self, (what, flood): Flood, rss: impl Fn() -> u64) {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let mut highest = 0;
        std::thread::scope(|scope| {
            let (host, aim) = (self.lab.host(Place::A2), self.aim.clone());
            let attack = scope.spawn(move || flood(host, aim));
            while !attack.is_finished() {
                self.ari.send(&format!("through {what}, {}", self.said));
                self.said += 1;
                for _ in 0..5 {
                    highest = highest.max(rss());
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
            attack.join().expect("the flood goes on to its end");
        });
        let (before, after) = (mib(self.before), mib(rss()));
        println!("{what:>10}: {before:.1} MiB before all, {:.1} at most, {after:.1} after", mib(highest));
        assert!(highest <= self.before + self.growth_max, "{what}: {:.1} MiB at most", mib(highest));
    }

    /// Waits until Bora has all that was written, each once.
    fn arrives(&mut self, what: &str) {
        assert_eq!(self.bora.receives(self.said).len(), self.said, "{what}: the conversation goes on");
        self.bora.was_told_each_once();
    }
}

fn floods_take_bounded_memory_of_a_relay_and_lose_nothing_of_those_who_talk_over_it() -> Result<(), Missing> {
    let lab = Lab::new()?;
    let mut keeper = Keeper::with(&lab, &[("room = \"20 GiB\"", "room = \"4 MiB\"")]);
    let descriptor = keeper.descriptor();
    let (mut ari, mut bora) = (Person::new(&lab, Place::A1, "Ari"), Person::new(&lab, Place::B1, "Bora"));
    ari.start();
    bora.start();
    ari.use_relay(&descriptor);
    bora.use_relay(&descriptor);
    acquaint(&mut ari, &mut bora);
    let facts = RelayDescriptor::parse_text(&descriptor).expect("a descriptor").facts().clone();
    let at =
        facts.addresses.iter().find(|a| a.as_str().contains("/tcp/")).expect("it listens by TCP").clone();
    let aim = Aim { at, name: facts.peer.clone(), key: Some(facts.request_key) };
    let people = (&mut ari, &mut bora);
    let mut weather = Weather::new(&lab, aim, people, keeper.rss(), RELAY_GROWTH_MAX);
    for flood in [("handshakes", handshakes as fn(&Host, Aim)), ("heads", heads), ("frames", frames)] {
        weather.pass(flood, || keeper.rss());
        weather.arrives(flood.0);
    }
    // Who fills the mailbox keeps new mail out, and nothing that is there. What waits goes when there is room.
    weather.pass(("mailbox", mailbox), || keeper.rss());
    keeper.kill();
    keeper.configure("room = \"4 MiB\"", "room = \"1 GiB\"");
    keeper.start();
    weather.arrives("mailbox");
    Ok(())
}

fn floods_take_bounded_memory_of_a_persons_node_and_its_conversation_goes_on() -> Result<(), Missing> {
    let lab = Lab::new()?;
    let (mut ari, mut bora) = (Person::new(&lab, Place::A1, "Ari"), Person::new(&lab, Place::B1, "Bora"));
    let keeper = Keeper::new(&lab);
    ari.start();
    bora.start();
    let descriptor = keeper.descriptor();
    ari.use_relay(&descriptor);
    bora.use_relay(&descriptor);
    acquaint(&mut ari, &mut bora);
    let aim = Aim::at_person(&mut bora, &lab.host(Place::B1).ip().to_string());
    let pid = bora.pid();
    let mut weather = Weather::new(&lab, aim, (&mut ari, &mut bora), rss(pid), NODE_GROWTH_MAX);
    for flood in [("handshakes", handshakes as fn(&Host, Aim)), ("heads", heads), ("frames", frames)] {
        weather.pass(flood, || rss(pid));
        weather.arrives(flood.0);
    }
    Ok(())
}
