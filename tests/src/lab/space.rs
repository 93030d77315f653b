//! One network namespace: made, entered, set up and removed.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::Missing;

const SPACES: &str = "/run/netns";

/// A namespace that is removed when it is dropped.
pub(super) struct Space {
    name: String,
    handle: Handle,
}

/// What a thread needs to enter a namespace.
#[derive(Clone)]
pub(super) struct Handle(Arc<File>);

impl Handle {
    /// Moves the calling thread, and nothing else, into the namespace.
    pub(super) fn enter(&self) -> io::Result<()> {
        // SAFETY: setns takes a descriptor, which is open as long as `self`, and a flag.
        let entered = unsafe { libc::setns(self.0.as_raw_fd(), libc::CLONE_NEWNET) };
        if entered == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

/// Says what this machine lacks for namespaces, if anything.
pub(super) fn check() -> Result<(), Missing> {
    // SAFETY: geteuid only returns a number.
    if unsafe { libc::geteuid() } != 0 {
        return Err(Missing::new("network namespaces need root"));
    }
    if !Path::new("/dev/net/tun").exists() {
        return Err(Missing::new("there is no /dev/net/tun for TAP devices"));
    }
    match Command::new("ip").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Missing::new("the program `ip` (package iproute2) is not installed")),
    }
}

/// Removes what laboratories of processes that were killed have left behind.
pub(super) fn reap() {
    let Ok(entries) = fs::read_dir(SPACES) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix("md").and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if owner.is_some_and(|owner| !Path::new(&format!("/proc/{owner}")).exists()) {
            remove(&name);
        }
    }
}

fn remove(name: &str) {
    kill_all(name);
    let _ = Command::new("ip").args(["netns", "del", name]).stderr(Stdio::null()).status();
}

fn kill_all(name: &str) {
    let Ok(listed) = Command::new("ip").args(["netns", "pids", name]).output() else { return };
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    for pid in String::from_utf8_lossy(&listed.stdout).lines().filter_map(|line| line.parse::<i32>().ok()) {
        if pid > 1 && pid != own {
            // SAFETY: kill takes two numbers; the process lives in a namespace that this process made.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
    }
}

impl Space {
    pub(super) fn create(name: &str) -> Result<Self, Missing> {
        let made = Command::new("ip").args(["netns", "add", name]).output();
        match made {
            Ok(output) if output.status.success() => {}
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                return Err(Missing::new(format!("network namespaces cannot be made here: {why}")));
            }
            Err(error) => return Err(Missing::new(format!("`ip` cannot be run: {error}"))),
        }
        let file = match File::open(PathBuf::from(SPACES).join(name)) {
            Ok(file) => file,
            Err(error) => {
                remove(name);
                return Err(Missing::new(format!("a network namespace cannot be opened: {error}")));
            }
        };
        let space = Self { name: name.to_owned(), handle: Handle(Arc::new(file)) };
        // What users' machines have by default; this kernel may prefer another. Not having it is no harm.
        let _ = space.write_setting("net/ipv4/tcp_congestion_control", "cubic");
        Ok(space)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Runs `ip` commands inside, in one process.
    pub(super) fn ip(&self, commands: &[&str]) -> Result<(), Missing> {
        self.ip_of_family(false, commands)
    }

    /// The same, for commands that do not show by themselves whether they mean IPv6.
    pub(super) fn ip_of_family(&self, six: bool, commands: &[&str]) -> Result<(), Missing> {
        let failed = |why: &str| Missing::new(format!("`ip` cannot set up a namespace: {why}"));
        let mut child = Command::new("ip")
            .args(six.then_some("-6"))
            .args(["-n", &self.name, "-batch", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed(&error.to_string()))?;
        let mut input = child.stdin.take().expect("it was asked for");
        let written = input.write_all((commands.join("\n") + "\n").as_bytes());
        drop(input);
        let output = child.wait_with_output().map_err(|error| failed(&error.to_string()))?;
        if written.is_err() || !output.status.success() {
            return Err(failed(String::from_utf8_lossy(&output.stderr).trim()));
        }
        Ok(())
    }

    /// Writes a kernel setting of this namespace, by its path under `/proc/sys`.
    pub(super) fn write_setting(&self, path: &str, value: &str) -> Result<(), Missing> {
        let (path, value) = (Path::new("/proc/sys").join(path), value.to_owned());
        let shown = path.display().to_string();
        self.inside(move || fs::write(path, value))
            .map_err(|error| Missing::new(format!("{shown} cannot be written: {error}")))
    }

    /// Calls `work` on a thread of its own inside the namespace.
    pub(super) fn inside<T: Send>(&self, work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                self.handle.enter()?;
                work()
            });
            thread.join().expect("what is done inside does not panic")
        })
    }

    /// Ends every process inside.
    pub(super) fn kill_all(&self) {
        kill_all(&self.name);
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        remove(&self.name);
    }
}
