//! Whether the laboratory is what it says: otherwise no story told in it means anything.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use madang_tests::lab::{Host, Lab, Lan, Missing, Place, Weather};
use madang_tests::stories;
use madang_tests::story::Story;

pub(crate) const STORIES: &[Story] = stories![
    every_host_reaches_every_other_by_ipv4_and_ipv6,
    a_slow_line_delays_and_a_lossy_one_loses,
    a_cut_parts_two_networks_and_heals,
    a_pulled_cable_carries_nothing_until_it_is_plugged,
    processes_run_on_their_host_and_end_with_the_laboratory,
];

const LONG: Duration = Duration::from_secs(20);

/// A socket on a host.
fn socket(host: &Host, at: SocketAddr) -> UdpSocket {
    let socket = host.run(async move { UdpSocket::bind(at) }).expect("a socket on the host");
    socket.set_nonblocking(false).expect("it may block");
    socket
}

/// How many of `count` packets arrive, and when the first did after it was sent.
fn packets(from: &UdpSocket, to: &UdpSocket, count: u32, wait: Duration) -> (u32, Option<Duration>) {
    let address = to.local_addr().expect("a bound socket");
    let begun = Instant::now();
    for _ in 0..count {
        from.send_to(b"packet", address).expect("a packet can be sent");
    }
    to.set_read_timeout(Some(wait)).expect("a timeout");
    let (mut arrived, mut first) = (0, None);
    let mut buffer = [0; 16];
    while arrived < count && to.recv(&mut buffer).is_ok() {
        arrived += 1;
        first.get_or_insert_with(|| begun.elapsed());
    }
    (arrived, first)
}

/// Whether a packet arrives within a long time, sending again each time it might have been lost on the way.
fn reaches(from: &UdpSocket, to: &UdpSocket) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < LONG {
        if packets(from, to, 1, Duration::from_millis(200)).0 == 1 {
            return true;
        }
    }
    false
}

fn every_host_reaches_every_other_by_ipv4_and_ipv6() -> Result<(), Missing> {
    let lab = Lab::new()?;
    let address = |place, six: bool| {
        let host = lab.host(place);
        if six { SocketAddr::new(host.ip6().into(), 0) } else { SocketAddr::new(host.ip().into(), 0) }
    };
    for six in [false, true] {
        for from in Place::ALL {
            for to in Place::ALL {
                let (sender, receiver) =
                    (socket(lab.host(from), address(from, six)), socket(lab.host(to), address(to, six)));
                assert!(reaches(&sender, &receiver), "{from:?} to {to:?}, IPv6: {six}");
            }
        }
    }
    Ok(())
}

fn pair(lab: &Lab, from: Place, to: Place) -> (UdpSocket, UdpSocket) {
    let at = |place| socket(lab.host(place), SocketAddr::new(lab.host(place).ip().into(), 0));
    let (sender, receiver) = (at(from), at(to));
    assert!(reaches(&sender, &receiver));
    (sender, receiver)
}

fn a_slow_line_delays_and_a_lossy_one_loses() -> Result<(), Missing> {
    let lab = Lab::new()?;
    let (a, b) = pair(&lab, Place::A1, Place::B1);
    lab.uplink(Lan::A).set(Weather { delay: Duration::from_millis(200), ..Weather::FAIR });
    let (arrived, first) = packets(&a, &b, 5, LONG);
    assert_eq!(arrived, 5);
    assert!(first.is_some_and(|first| first >= Duration::from_millis(200)), "{first:?}");
    lab.uplink(Lan::A).set(Weather { loss: 0.3, ..Weather::FAIR });
    // In small lots, so that no socket is too full to take what arrived.
    let arrived: u32 = (0..40).map(|_| packets(&a, &b, 25, Duration::from_millis(100)).0).sum();
    assert!((500..900).contains(&arrived), "{arrived} of 1000 arrived where 700 should");
    Ok(())
}

fn a_cut_parts_two_networks_and_heals() -> Result<(), Missing> {
    let lab = Lab::new()?;
    let (a, b) = pair(&lab, Place::A1, Place::B1);
    let (near, neighbour) = pair(&lab, Place::A1, Place::A2);
    let (to_relay, relay) = pair(&lab, Place::A1, Place::Relay);
    lab.cut(Lan::A, Lan::B);
    assert_eq!(packets(&a, &b, 20, Duration::from_millis(300)).0, 0);
    assert!(reaches(&near, &neighbour) && reaches(&to_relay, &relay));
    lab.heal(Lan::A, Lan::B);
    assert!(reaches(&a, &b));
    Ok(())
}

fn a_pulled_cable_carries_nothing_until_it_is_plugged() -> Result<(), Missing> {
    let lab = Lab::new()?;
    let (a, b) = pair(&lab, Place::A1, Place::B1);
    lab.host(Place::A1).cable().pull();
    let address = b.local_addr().expect("a bound socket");
    let _ = a.send_to(b"packet", address);
    b.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
    assert!(b.recv(&mut [0; 16]).is_err());
    lab.host(Place::A1).cable().plug();
    let begun = Instant::now();
    let came = loop {
        let _ = a.send_to(b"packet", address);
        if b.recv(&mut [0; 16]).is_ok() {
            break true;
        }
        if begun.elapsed() > LONG {
            break false;
        }
    };
    assert!(came);
    Ok(())
}

fn processes_run_on_their_host_and_end_with_the_laboratory() -> Result<(), Missing> {
    let lab = Lab::new()?;
    let host = lab.host(Place::B2);
    let shown = host.command("ip").args(["-4", "-o", "addr", "show", "eth0"]).output().expect("ip runs");
    assert!(String::from_utf8_lossy(&shown.stdout).contains(&host.ip().to_string()));
    let mut child = host.command("sleep").arg("1000").spawn().expect("sleep runs");
    drop(lab);
    let status = child.wait().expect("a child ends");
    assert!(!status.success(), "it was ended, not finished");
    Ok(())
}
