//! Real power cuts, as far as software can: ext4 on a loop device, whose image is copied as the device has it.
//!
//! All mounts are in a namespace of our own: whoever made one of theirs while a copy was mounted would hold that copy.
//!
//! This needs root and loop devices. Where it cannot have them it says `ignored` with the reason, and fails under
//! `MADANG_MUST_RUN=1`. It has its own `main`, since the standard harness cannot ignore a test while it runs.

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crypto::vault::Cost;
use madang_store::{Options, SealedStore};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

const NAME: &str = "power_cuts_on_a_real_file_system_lose_nothing_acknowledged";
const WORKER: &str = "MADANG_STORE_WORKER";
const IMAGE_BYTES: u64 = 192 << 20;

fn main() -> ExitCode {
    if let Some(folder) = std::env::var_os(WORKER) {
        common::work_forever(&PathBuf::from(folder));
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--list") {
        println!("{NAME}: test\n\n1 test, 0 benchmarks");
        return ExitCode::SUCCESS;
    }
    let filters: Vec<_> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    if !filters.is_empty() && !filters.iter().any(|filter| NAME.contains(filter.as_str())) {
        println!("\nrunning 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored\n");
        return ExitCode::SUCCESS;
    }
    println!("\nrunning 1 test");
    let rounds = std::env::var("MADANG_PLUG_ROUNDS").map_or(6, |rounds| rounds.parse().expect("a number"));
    match Bench::set_up() {
        Err(reason) if std::env::var("MADANG_MUST_RUN").is_ok_and(|must| must == "1") => {
            println!("test {NAME} ... FAILED: it must run here, but {reason}");
            ExitCode::FAILURE
        }
        Err(reason) => {
            println!("test {NAME} ... ignored, {reason}");
            println!("\ntest result: ok. 0 passed; 0 failed; 1 ignored\n");
            ExitCode::SUCCESS
        }
        Ok(bench) => {
            let rng = &mut common::rng(11);
            for round in 0..rounds {
                bench.cut_once(round, rng);
            }
            println!("test {NAME} ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored\n");
            ExitCode::SUCCESS
        }
    }
}

/// A folder with an image, its copy, and a place to mount each.
struct Bench {
    folder: tempfile::TempDir,
    /// This program, as it was called before the mounts became our own: of a program of another namespace the kernel
    /// tells the whole path, which leads nowhere in a chroot.
    program: PathBuf,
}

impl Bench {
    /// Makes the places and tries a mount. The error says what is missing.
    fn set_up() -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        mount_for_ourselves()?;
        let bench = Self { folder: common::folder(), program };
        for mount in ["live", "found"] {
            fs::create_dir(bench.path(mount)).map_err(|error| error.to_string())?;
        }
        bench.new_image()?;
        bench.mount("live.img", "live")?;
        bench.unmount("live")?;
        Ok(bench)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes an empty file system in a file that is new: a loop device that somebody still holds keeps the old one, and
    /// what is mounted again from the same file is what it had before.
    fn new_image(&self) -> Result<(), String> {
        let _ = fs::remove_file(self.path("live.img"));
        let image = fs::File::create(self.path("live.img")).map_err(|error| error.to_string())?;
        image.set_len(IMAGE_BYTES).map_err(|error| error.to_string())?;
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(self.path("live.img")))
    }

    fn mount(&self, image: &str, mount: &str) -> Result<(), String> {
        run(Command::new("mount").args(["-o", "loop,noatime"]).arg(self.path(image)).arg(self.path(mount)))
    }

    fn unmount(&self, mount: &str) -> Result<(), String> {
        let try_once = || run(Command::new("umount").arg(self.path(mount)));
        // Closing threads may hold the mount a moment longer; on a busy machine the moment is long.
        for _ in 0..300 {
            if try_once().is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        try_once()
    }

    /// Three cuts on one growing store: a worker is stopped, and the store is found as the device had it.
    fn cut_once(&self, round: u32, rng: &mut ChaCha8Rng) {
        self.new_image().expect("it worked at the start");
        self.mount("live.img", "live").expect("it worked at the start");
        let profile = self.path("live").join("profile");
        drop(
            SealedStore::create(&profile, common::PASSPHRASE, Cost::for_tests(), Options::default(), rng)
                .expect("a new store"),
        );
        let mut kept = None;
        for cut in 0..3 {
            let acknowledged = self.stop_and_copy(&profile, rng).max(kept);
            self.unmount("live").expect("nobody is in it");
            fs::rename(self.path("found.img"), self.path("live.img")).expect("both are here");
            self.mount("live.img", "live").expect("the journal is replayed");
            let (store, report) = SealedStore::open(&profile, common::PASSPHRASE, Options::default())
                .expect("it opens after a power cut");
            assert!(!report.is_loss(), "round {round} cut {cut}: {report:?}");
            kept = common::check_numbered(&store, acknowledged);
            println!("round {round} cut {cut}: acknowledged {acknowledged:?}, found {kept:?}, {report:?}");
        }
        self.unmount("live").expect("nobody is in it");
    }

    /// Runs a worker for a while, stops it, copies the image as the device has it, and then kills the worker.
    fn stop_and_copy(&self, profile: &Path, rng: &mut ChaCha8Rng) -> Option<u64> {
        let mut child = Command::new(&self.program)
            .env(WORKER, profile)
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program runs");
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let last = Arc::new(AtomicI64::new(-1));
        let heard = Arc::clone(&last);
        let listener = std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if let Some(number) = line.strip_prefix("ACK ").and_then(|number| number.parse().ok()) {
                    heard.store(number, Ordering::SeqCst);
                }
            }
        });
        std::thread::sleep(Duration::from_millis(rng.random_range(200..2_000)));
        signal(child.id(), libc::SIGSTOP);
        // Every thread must really stand still: a sync in flight would make the copy a mixture of two instants.
        while !all_stopped(child.id()) {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(50));
        let acknowledged = last.load(Ordering::SeqCst);
        fs::copy(self.path("live.img"), self.path("found.img")).expect("there is room for a copy");
        child.kill().expect("it can be killed");
        child.wait().expect("it is our child");
        listener.join().expect("the listener does not panic");
        u64::try_from(acknowledged).ok()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        for mount in ["live", "found"] {
            let _ = run(Command::new("umount").arg("-l").arg(self.path(mount)));
        }
    }
}

/// From now on this process sees mounts that nobody else sees, and what it mounts is seen by nobody else.
fn mount_for_ourselves() -> Result<(), String> {
    // SAFETY: it takes no pointer, and this process has one thread yet.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } != 0 {
        return Err(format!("no mounts of our own ({})", std::io::Error::last_os_error()));
    }
    run(Command::new("mount").args(["--make-rprivate", "/"]))
}

fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name} cannot be run ({error})"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{name} failed ({})", String::from_utf8_lossy(&output.stderr).trim()))
}

fn signal(process: u32, signal: i32) {
    // SAFETY: a signal to our own child, which has not been waited for.
    unsafe { libc::kill(process as i32, signal) };
}

fn all_stopped(process: u32) -> bool {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("it is our child");
    tasks.flatten().all(|task| {
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with(['T', 't']))
    })
}
