//! A laboratory of real hosts on one machine: network namespaces, two LANs, a relay's network and a router.
//!
//! ```text
//!   a1  a2           b1  b2          relay
//!    └─┬─┘            └─┬─┘            │
//!    LAN a            LAN b          LAN r
//! 10.81.1.0/24     10.81.2.0/24   10.81.3.0/24        and fd81:0:0:1::/64, 2, 3
//!      └────────────── router ─────────┘
//! ```
//!
//! Hosts end in `.11`, `.12` (the relay in `.11`), the router in `.1`. Every line is a [`Cable`] that can be
//! slow, lossy, silent or pulled. Switches are bridges in namespaces of their own: nothing is changed outside
//! the laboratory, and several run beside each other. All of it, with every process in it, goes with the `Lab`.

mod cable;
mod space;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;

pub use cable::{Cable, Weather};
use space::Space;

/// What a story needs and this machine does not have.
#[derive(Clone, Debug)]
pub struct Missing {
    reason: String,
}

impl Missing {
    /// Says what is missing, in a few words.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// A network of the laboratory.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Lan {
    /// The LAN of a1 and a2.
    A,
    /// The LAN of b1 and b2.
    B,
    /// The network of the relay.
    Relay,
}

impl Lan {
    const ALL: [Self; 3] = [Self::A, Self::B, Self::Relay];

    fn number(self) -> u8 {
        match self {
            Self::A => 1,
            Self::B => 2,
            Self::Relay => 3,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
            Self::Relay => "r",
        }
    }

    fn prefix(self) -> String {
        format!("10.81.{}.0/24", self.number())
    }

    fn prefix6(self) -> String {
        format!("fd81:0:0:{}::/64", self.number())
    }
}

/// A host of the laboratory.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Place {
    /// First host of LAN a.
    A1,
    /// Second host of LAN a.
    A2,
    /// First host of LAN b.
    B1,
    /// Second host of LAN b.
    B2,
    /// The host of the relay.
    Relay,
}

impl Place {
    /// All hosts.
    pub const ALL: [Self; 5] = [Self::A1, Self::A2, Self::B1, Self::B2, Self::Relay];

    fn lan(self) -> Lan {
        match self {
            Self::A1 | Self::A2 => Lan::A,
            Self::B1 | Self::B2 => Lan::B,
            Self::Relay => Lan::Relay,
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::A1 | Self::B1 | Self::Relay => 11,
            Self::A2 | Self::B2 => 12,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::A1 => "a1",
            Self::A2 => "a2",
            Self::B1 => "b1",
            Self::B2 => "b2",
            Self::Relay => "relay",
        }
    }
}

/// The laboratory. Dropping it ends every process in it and leaves nothing behind.
pub struct Lab {
    // Fields are dropped in this order: what runs, then the lines, then the namespaces.
    hosts: Vec<Host>,
    uplinks: Vec<Cable>,
    router: Space,
    switches: Vec<Space>,
}

/// One host.
pub struct Host {
    place: Place,
    runtime: OnceLock<Runtime>,
    cable: Cable,
    space: Space,
}

/// A runtime that ends in bounded time.
struct Runtime(Option<tokio::runtime::Runtime>);

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_timeout(Duration::from_secs(2));
        }
    }
}

impl Lab {
    /// Builds the laboratory; takes about half a second.
    ///
    /// # Errors
    /// [`Missing`] if this machine does not allow it: no root, no namespaces, no TAP devices, no `ip`.
    pub fn new() -> Result<Self, Missing> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        space::check()?;
        space::reap();
        let prefix = format!("md{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let space = |name: &str| Space::create(&format!("{prefix}-{name}"));

        let router = space("router")?;
        router.write_setting("net/ipv4/ip_forward", "1")?;
        router.write_setting("net/ipv6/conf/all/forwarding", "1")?;
        let mut switches = Vec::new();
        let mut uplinks = Vec::new();
        for lan in Lan::ALL {
            let switch = space(&format!("sw-{}", lan.name()))?;
            switch.ip(&["link add br0 type bridge mcast_snooping 0 forward_delay 0", "link set br0 up"])?;
            let port = format!("lan-{}", lan.name());
            let cable = Cable::lay((&router, &port), (&switch, "uplink"), u64::from(lan.number()))?;
            switch.ip(&["link set uplink master br0", "link set uplink up"])?;
            let number = lan.number();
            router.ip(&[
                &format!("addr add 10.81.{number}.1/24 dev {port}"),
                &format!("addr add fd81:0:0:{number}::1/64 dev {port} nodad"),
                &format!("link set {port} up"),
            ])?;
            switches.push(switch);
            uplinks.push(cable);
        }
        let mut hosts = Vec::new();
        for (switch_port, place) in Place::ALL.into_iter().enumerate() {
            let host = space(place.name())?;
            let switch = &switches[usize::from(place.lan().number()) - 1];
            let port = format!("p{switch_port}");
            let cable = Cable::lay((&host, "eth0"), (switch, &port), 100 + switch_port as u64)?;
            switch.ip(&[&format!("link set {port} master br0"), &format!("link set {port} up")])?;
            let (lan, number) = (place.lan().number(), place.number());
            host.ip(&[
                "link set lo up",
                &format!("addr add 10.81.{lan}.{number}/24 dev eth0"),
                &format!("addr add fd81:0:0:{lan}::{number}/64 dev eth0 nodad"),
                "link set eth0 up",
                &format!("route add default via 10.81.{lan}.1"),
                &format!("route add ::/0 via fd81:0:0:{lan}::1"),
            ])?;
            hosts.push(Host { place, runtime: OnceLock::new(), cable, space: host });
        }
        Ok(Self { hosts, uplinks, router, switches })
    }

    /// A host.
    #[must_use]
    pub fn host(&self, place: Place) -> &Host {
        self.hosts.iter().find(|host| host.place == place).expect("every place has a host")
    }

    /// The line between a network and the router.
    #[must_use]
    pub fn uplink(&self, lan: Lan) -> &Cable {
        &self.uplinks[usize::from(lan.number()) - 1]
    }

    /// Cuts two networks off from each other; both still reach the third. Packets vanish without a word.
    pub fn cut(&self, one: Lan, other: Lan) {
        self.blackhole("add", one, other);
    }

    /// Takes back a [`Lab::cut`].
    pub fn heal(&self, one: Lan, other: Lan) {
        self.blackhole("del", one, other);
    }

    fn blackhole(&self, verb: &str, one: Lan, other: Lan) {
        for (from, to) in [(one, other), (other, one)] {
            let rule = |from: String, to: String| format!("rule {verb} from {from} to {to} blackhole");
            let rules =
                [(false, rule(from.prefix(), to.prefix())), (true, rule(from.prefix6(), to.prefix6()))];
            for (six, rule) in rules {
                self.router.ip_of_family(six, &[&rule]).expect("the router takes rules");
            }
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for space in self.hosts.iter().map(|host| &host.space).chain([&self.router]).chain(&self.switches) {
            space.kill_all();
        }
    }
}

impl Host {
    /// Its IPv4 address.
    #[must_use]
    pub fn ip(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 81, self.place.lan().number(), self.place.number())
    }

    /// Its IPv6 address.
    #[must_use]
    pub fn ip6(&self) -> Ipv6Addr {
        let number = u16::from_str_radix(&self.place.number().to_string(), 16).expect("two decimal digits");
        Ipv6Addr::new(0xfd81, 0, 0, u16::from(self.place.lan().number()), 0, 0, 0, number)
    }

    /// A command that runs a program on this host. Its process id is the program's own.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", self.space.name()]).arg(program);
        command
    }

    /// Runs a future on this host and waits for it. All calls share one runtime, in which tasks live on.
    ///
    /// # Panics
    /// If the future panics.
    pub fn run<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> T {
        let Runtime(runtime) = self.runtime.get_or_init(|| {
            let handle = self.space.handle();
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .on_thread_start(move || handle.enter().expect("the namespace can be entered"))
                .build();
            Runtime(Some(runtime.expect("a runtime can be built")))
        });
        let (done, outcome) = mpsc::channel();
        runtime.as_ref().expect("it is taken only when dropped").spawn(async move {
            let _ = done.send(future.await);
        });
        outcome.recv().expect("what runs on the host does not panic")
    }

    /// The line between the host and its switch.
    #[must_use]
    pub fn cable(&self) -> &Cable {
        &self.cable
    }
}
