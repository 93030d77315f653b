//! A line between two namespaces: a TAP device at each end and a pump between them.
//!
//! The kernels of small machines lack `netem`, so delay, jitter and loss are made here. What weather a line
//! has is decided frame by frame from a seed; only the moment at which frames arrive varies between runs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Missing;
use super::space::Space;

const TUNSETIFF: libc::c_ulong = 0x4004_54ca;
const TUNSETCARRIER: libc::c_ulong = 0x4004_54e2;

/// The longest Ethernet frame of an MTU of 1500, with room for a tag.
const FRAME_BYTES_MAX: usize = 1522;

/// Frames on their way in one cable. Beyond it they are lost, as in any switch.
const FRAMES_MAX: usize = 8192;

/// How a line treats frames, in each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Weather {
    /// How long a frame takes at least.
    pub delay: Duration,
    /// How much longer it may take, by chance. Frames may overtake each other.
    pub jitter: Duration,
    /// The share of frames that vanish, from 0 to 1. At 1 the line is silent, though it looks plugged.
    pub loss: f64,
}

impl Weather {
    /// No delay, no loss.
    pub const FAIR: Self = Self { delay: Duration::ZERO, jitter: Duration::ZERO, loss: 0.0 };
}

/// A line between two namespaces.
pub struct Cable {
    pump: Arc<Pump>,
    threads: Vec<JoinHandle<()>>,
}

struct Pump {
    ends: [File; 2],
    /// Readable when the pump shall stop.
    stop: File,
    state: Mutex<State>,
    due: Condvar,
}

struct State {
    weather: Weather,
    chance: u64,
    under_way: BinaryHeap<Reverse<Travelling>>,
    count: u64,
    pulled: bool,
    stopped: bool,
}

/// A frame on its way: when it is due, its number, the end it goes to, its bytes.
type Travelling = (Instant, u64, usize, Vec<u8>);

impl Cable {
    /// Lays a cable between two devices, which it makes.
    pub(super) fn lay(one: (&Space, &str), other: (&Space, &str), seed: u64) -> Result<Self, Missing> {
        let tap = |(space, device): (&Space, &str)| {
            space
                .inside(|| open_tap(device))
                .map_err(|error| Missing::new(format!("a TAP device cannot be made: {error}")))
        };
        let ends = [tap(one)?, tap(other)?];
        let stop = event().map_err(|error| Missing::new(format!("no event descriptor: {error}")))?;
        let state = State {
            weather: Weather::FAIR,
            chance: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            under_way: BinaryHeap::new(),
            count: 0,
            pulled: false,
            stopped: false,
        };
        let pump = Arc::new(Pump { ends, stop, state: Mutex::new(state), due: Condvar::new() });
        let works: [fn(&Pump); 3] = [|pump| pump.carry(0), |pump| pump.carry(1), Pump::deliver];
        let threads = works
            .into_iter()
            .map(|work| {
                let pump = Arc::clone(&pump);
                std::thread::spawn(move || work(&pump))
            })
            .collect();
        Ok(Self { pump, threads })
    }

    /// Changes the weather for all frames that come from now on.
    pub fn set(&self, weather: Weather) {
        self.pump.lock().weather = weather;
    }

    /// Pulls the cable: both devices lose their carrier, and frames under way are gone.
    pub fn pull(&self) {
        // The kernel takes a moment to notice that the carrier is gone; the line is dead at once.
        let mut state = self.pump.lock();
        state.pulled = true;
        state.under_way.clear();
        drop(state);
        self.pump.set_carrier(false);
    }

    /// Plugs the cable in again.
    pub fn plug(&self) {
        self.pump.lock().pulled = false;
        self.pump.set_carrier(true);
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.pump.lock().stopped = true;
        self.pump.due.notify_all();
        let _ = (&self.pump.stop).write_all(&1_u64.to_ne_bytes());
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Pump {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads frames at one end and sends them on their way, until the pump stops.
    fn carry(&self, from: usize) {
        let to = 1 - from;
        let mut buffer = [0; FRAME_BYTES_MAX];
        while self.wait(from) {
            let Ok(length) = (&self.ends[from]).read(&mut buffer) else { continue };
            let frame = &buffer[..length];
            let mut state = self.lock();
            let weather = state.weather;
            if state.pulled || state.roll() < weather.loss || state.under_way.len() >= FRAMES_MAX {
                continue;
            }
            if weather.delay.is_zero() && weather.jitter.is_zero() && state.under_way.is_empty() {
                drop(state);
                // A device without carrier takes no frames; they are lost, as they should be.
                let _ = (&self.ends[to]).write(frame);
                continue;
            }
            let due = Instant::now() + weather.delay + weather.jitter.mul_f64(state.roll());
            state.count += 1;
            let number = state.count;
            state.under_way.push(Reverse((due, number, to, frame.to_vec())));
            self.due.notify_one();
        }
    }

    /// Hands over frames when they are due, until the pump stops.
    fn deliver(&self) {
        let mut state = self.lock();
        while !state.stopped {
            let now = Instant::now();
            let next = state.under_way.peek().map(|Reverse((due, ..))| *due);
            match next {
                None => state = self.due.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(due) if due > now => {
                    let waited = self.due.wait_timeout(state, due - now);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                Some(_) => {
                    let Some(Reverse((_, _, to, frame))) = state.under_way.pop() else { continue };
                    drop(state);
                    let _ = (&self.ends[to]).write(&frame);
                    state = self.lock();
                }
            }
        }
    }

    /// Waits for a frame; false when the pump stops.
    fn wait(&self, end: usize) -> bool {
        let watch = |file: &File| libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let mut watched = [watch(&self.ends[end]), watch(&self.stop)];
        // SAFETY: poll reads and writes the two entries it is given; both descriptors are open.
        unsafe { libc::poll(watched.as_mut_ptr(), 2, -1) };
        watched[1].revents == 0
    }

    fn set_carrier(&self, on: bool) {
        let carrier = libc::c_uint::from(on);
        for end in &self.ends {
            // SAFETY: TUNSETCARRIER reads one unsigned int; the descriptor is an open TAP device.
            let set = unsafe { libc::ioctl(end.as_raw_fd(), TUNSETCARRIER, &raw const carrier) };
            assert_eq!(set, 0, "a TAP device has a carrier: {}", io::Error::last_os_error());
        }
    }
}

impl State {
    /// The next number from 0 to 1 of this cable's chance (xorshift).
    fn roll(&mut self) -> f64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        (self.chance >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn event() -> io::Result<File> {
    // SAFETY: eventfd returns a new descriptor or -1; a new descriptor has no other owner.
    unsafe {
        let fd = libc::eventfd(0, libc::EFD_CLOEXEC);
        if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(File::from(OwnedFd::from_raw_fd(fd))) }
    }
}

/// Makes a TAP device in the namespace of the calling thread.
fn open_tap(device: &str) -> io::Result<File> {
    let file = File::options().read(true).write(true).open("/dev/net/tun")?;
    // SAFETY: all-zero bytes are a valid ifreq; the name is shorter than its field, so a zero ends it.
    // TUNSETIFF reads and writes the ifreq, which lives through the call.
    let made = unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        assert!(device.len() < request.ifr_name.len(), "a device name has at most 15 bytes");
        for (to, from) in request.ifr_name.iter_mut().zip(device.bytes()) {
            *to = from as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI) as libc::c_short;
        libc::ioctl(file.as_raw_fd(), TUNSETIFF, &raw mut request)
    };
    if made == 0 { Ok(file) } else { Err(io::Error::last_os_error()) }
}
