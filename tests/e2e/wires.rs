//! Links between real hosts: discovery, bad lines, cuts and pulled cables.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use madang_tests::lab::{Host, Lab, Lan, Missing, Place, Weather};
use madang_tests::stories;
use madang_tests::story::Story;
use net::{Config, Down, Event, Events, IdentitySeed, Network, Target, any_addresses};
use proto::id::{Address, LinkId, PeerName};

pub(crate) const STORIES: &[Story] = stories![
    neighbours_find_each_other_and_nobody_beyond_the_router_is_found,
    a_link_holds_through_loss_and_delay,
    a_cut_is_noticed_and_after_it_heals_the_link_returns,
    a_pulled_cable_is_noticed_and_the_link_returns_when_it_is_plugged,
    a_ping_is_so_small_that_an_idle_link_costs_little_in_a_day,
];

const LONG: Duration = Duration::from_secs(120);
const PORT: u16 = 4001;

/// A network on a host of the laboratory.
struct Wire<'lab> {
    host: &'lab Host,
    network: Network,
    events: Arc<Mutex<Option<Events>>>,
}

impl<'lab> Wire<'lab> {
    fn start(lab: &'lab Lab, place: Place, seed: u8, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(IdentitySeed::new([seed; 32]), "/madang/test/1");
        config.listen = any_addresses(PORT);
        change(&mut config);
        let host = lab.host(place);
        let (network, events) = host.run(async move { Network::start(config) }).expect("a network starts");
        Self { host, network, events: Arc::new(Mutex::new(Some(events))) }
    }

    fn target(&self) -> Target {
        let ip = self.host.ip();
        let addresses = [format!("/ip4/{ip}/tcp/{PORT}"), format!("/ip4/{ip}/udp/{PORT}/quic-v1")];
        let addresses = addresses.iter().map(|text| Address::parse(text).expect("an address")).collect();
        Target { peer: Some(self.network.local()), addresses }
    }

    /// Waits for the first event that `pick` takes.
    fn wait<T: Send + 'static>(&self, pick: impl FnMut(Event) -> Option<T> + Send + 'static) -> T {
        self.within(LONG, pick).expect("it happens in time")
    }

    fn within<T: Send + 'static>(
        &self,
        time: Duration,
        mut pick: impl FnMut(Event) -> Option<T> + Send + 'static,
    ) -> Option<T> {
        let slot = Arc::clone(&self.events);
        let mut events = slot.lock().expect("one waits at a time").take().expect("one waits at a time");
        let (picked, events) = self.host.run(async move {
            let picked = tokio::time::timeout(time, async {
                loop {
                    if let Some(picked) = pick(events.recv().await.expect("the network runs")) {
                        return picked;
                    }
                }
            });
            let picked = picked.await.ok();
            (picked, events)
        });
        *slot.lock().expect("one waits at a time") = Some(events);
        picked
    }

    fn up(&self) -> (LinkId, PeerName) {
        self.wait(|event| match event {
            Event::LinkUp { link, peer, .. } => Some((link, peer)),
            _ => None,
        })
    }

    fn down(&self) -> Down {
        self.wait(|event| match event {
            Event::LinkDown { reason, .. } => Some(reason),
            _ => None,
        })
    }

    fn frame(&self) -> Vec<u8> {
        self.wait(|event| match event {
            Event::Frame { bytes, .. } => Some(bytes),
            Event::LinkDown { reason, .. } => panic!("the link went down: {reason}"),
            _ => None,
        })
    }
}

fn neighbours_find_each_other_and_nobody_beyond_the_router_is_found() -> Result<(), Missing> {
    let lab = Lab::new()?;
    let seen = |config: &mut Config| config.mdns = true;
    let a1 = Wire::start(&lab, Place::A1, 1, seen);
    let b1 = Wire::start(&lab, Place::B1, 2, seen);
    let a2 = Wire::start(&lab, Place::A2, 3, seen);
    // Only names are known; where the neighbour is comes from discovery alone.
    let unplaced = |wire: &Wire<'_>| Target { addresses: vec![], ..wire.target() };
    a1.network.keep(unplaced(&a2)).expect("it is taken");
    assert_eq!(a1.up().1, a2.network.local());
    assert_eq!(a2.up().1, a1.network.local());
    let found = b1.within(Duration::from_secs(3), |event| match event {
        Event::Discovered { .. } => Some(()),
        _ => None,
    });
    assert_eq!(found, None, "the router lets no discovery through");
    Ok(())
}

/// Sends numbered frames both ways and checks that all arrive in order.
fn talk(one: (&Wire<'_>, LinkId), other: (&Wire<'_>, LinkId), rounds: u8) {
    for number in 0..rounds {
        for ((from, link), (to, _)) in [(one, other), (other, one)] {
            from.network.send(link, vec![number; 400]).expect("a frame is taken");
            assert_eq!(to.frame(), vec![number; 400]);
        }
    }
}

fn a_link_holds_through_loss_and_delay() -> Result<(), Missing> {
    let lab = Lab::new()?;
    let (a, b) = (Wire::start(&lab, Place::A1, 1, |_| {}), Wire::start(&lab, Place::B1, 2, |_| {}));
    a.network.keep(b.target()).expect("it is taken");
    let (at_a, at_b) = (a.up().0, b.up().0);
    let bad = Weather { delay: Duration::from_millis(50), jitter: Duration::from_millis(20), loss: 0.05 };
    lab.uplink(Lan::A).set(bad);
    talk((&a, at_a), (&b, at_b), 10);
    Ok(())
}

/// Gives up a silent link soon, so that the story is short.
fn impatient(config: &mut Config) {
    config.patience.answer_within = Duration::from_secs(1);
    config.patience.pong_within = Duration::from_secs(2);
}

fn a_cut_is_noticed_and_after_it_heals_the_link_returns() -> Result<(), Missing> {
    let lab = Lab::new()?;
    let (a, b) = (Wire::start(&lab, Place::A1, 1, impatient), Wire::start(&lab, Place::B1, 2, impatient));
    a.network.keep(b.target()).expect("it is taken");
    let (at_a, at_b) = (a.up().0, b.up().0);
    lab.cut(Lan::A, Lan::B);
    a.network.send(at_a, b"into the void".to_vec()).expect("a frame is taken");
    b.network.send(at_b, b"into the void".to_vec()).expect("a frame is taken");
    assert_eq!(a.down(), Down::Silent);
    assert_eq!(b.down(), Down::Silent);
    lab.heal(Lan::A, Lan::B);
    let (at_a, at_b) = (a.up().0, b.up().0);
    talk((&a, at_a), (&b, at_b), 3);
    Ok(())
}

fn a_pulled_cable_is_noticed_and_the_link_returns_when_it_is_plugged() -> Result<(), Missing> {
    let lab = Lab::new()?;
    let (a, b) = (Wire::start(&lab, Place::A1, 1, impatient), Wire::start(&lab, Place::A2, 2, impatient));
    a.network.keep(b.target()).expect("it is taken");
    let (at_a, _) = (a.up(), b.up());
    lab.host(Place::A1).cable().pull();
    a.network.send(at_a.0, b"into the void".to_vec()).expect("a frame is taken");
    assert_eq!(a.down(), Down::Silent);
    lab.host(Place::A1).cable().plug();
    let (at_a, at_b) = (a.up().0, b.up().0);
    talk((&a, at_a), (&b, at_b), 3);
    Ok(())
}

/// All bytes that have crossed a host's line, headers included.
fn bytes_on_the_line(host: &Host) -> u64 {
    host.run(async {
        let table = std::fs::read_to_string("/proc/thread-self/net/dev").expect("the kernel counts");
        let line = table.lines().find(|line| line.trim_start().starts_with("eth0:")).expect("it has a line");
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        numbers[0] + numbers[8]
    })
}

fn a_ping_is_so_small_that_an_idle_link_costs_little_in_a_day() -> Result<(), Missing> {
    const PINGS_A_DAY: u64 = 24 * 60 / 4;
    const BYTES_A_DAY_MAX: u64 = 500_000;
    let lab = Lab::new()?;
    let hasty = |config: &mut Config| config.patience.ping_after = Duration::from_millis(500);
    let (a, b) = (Wire::start(&lab, Place::A1, 1, hasty), Wire::start(&lab, Place::Relay, 2, |_| {}));
    a.network.keep(b.target()).expect("it is taken");
    let _ = (a.up(), b.up());
    let before = bytes_on_the_line(lab.host(Place::A1));
    std::thread::sleep(Duration::from_secs(10));
    let crossed = bytes_on_the_line(lab.host(Place::A1)) - before;
    // About twenty pings went out. Ten are counted, for a busy machine: each is then dearer than it is.
    let a_day = crossed / 10 * PINGS_A_DAY;
    println!("{crossed} bytes in about twenty pings, at most {a_day} a day");
    assert!(crossed > 10 * 50, "pings went out: {crossed} bytes");
    assert!(a_day <= BYTES_A_DAY_MAX, "{a_day} bytes a day");
    Ok(())
}
