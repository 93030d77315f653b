//! A desk: one host with a display, a session bus, an input method if wanted, and the app with a person at its keys.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use madang_tests::lab::{Cable, Host, Missing};
use madang_tests::program::program;

/// How long a thing may take on a busy machine before the story fails.
const LONG: Duration = Duration::from_secs(150);
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(60);
/// Programs without which no window can be opened, typed into or read.
const PROGRAMS: [&str; 8] =
    ["Xvfb", "openbox", "xdotool", "xclip", "dbus-daemon", "dbus-send", "ibus-daemon", "ibus"];
/// Debian's own Python: only it finds Debian's bindings.
const PYTHON: &str = "/usr/bin/python3";
/// Programs of these packages that lie in no folder for programs.
const ACCESS: &str = "/usr/libexec/at-spi-bus-launcher";
const HANGUL: &str = "/usr/libexec/ibus-engine-hangul";
/// Keeps the input method's settings in memory; without a keeper the engine for Hangul does not start.
const MEMORY: &str = "/usr/libexec/ibus-memconf";
/// The screen; as large as many that are in use.
const SCREEN: &str = "1366x768x24";

/// Says what this machine lacks for a desk, if anything.
pub(crate) fn check() -> Result<(), Missing> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let there = |name: &str| std::env::split_paths(&paths).any(|folder| folder.join(name).exists());
    let files = [PYTHON, ACCESS, HANGUL, MEMORY];
    let all = PROGRAMS.iter().map(|name| (name, there(name)));
    let all = all.chain(files.iter().map(|path| (path, Path::new(path).exists())));
    if let Some((name, _)) = { all }.find(|(_, there)| !there) {
        return Err(Missing::new(format!("there is no `{name}`")));
    }
    match Command::new(PYTHON).args(["-c", "import gi"]).stderr(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Missing::new("python3-gi is not installed")),
    }
}

/// A process that ends with the desk.
struct Helper(Child);

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A desk with a person at it.
pub(crate) struct Desk<'lab> {
    pub(crate) name: &'static str,
    host: &'lab Host,
    home: tempfile::TempDir,
    display: String,
    bus: String,
    /// Asks for the accessibility tree, and its answers.
    pub(super) tree: Option<(ChildStdin, BufReader<ChildStdout>)>,
    app: Option<Helper>,
    helpers: Vec<Helper>,
    shots: usize,
}

impl<'lab> Desk<'lab> {
    /// Sets the desk up; the app does not run yet.
    pub(crate) fn new(host: &'lab Host, name: &'static str) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let run = home.path().join(".run");
        fs::create_dir(&run).expect("made");
        fs::set_permissions(&run, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("set");
        let mut me = Self {
            name,
            host,
            home,
            display: String::new(),
            bus: String::new(),
            tree: None,
            app: None,
            helpers: Vec::new(),
            shots: 0,
        };
        let kept = run.to_string_lossy().into_owned();
        let screen = ["-displayfd", "1", "-screen", "0", SCREEN, "-noreset", "-fbdir", &kept];
        me.display = format!(":{}", me.first_line("Xvfb", &screen));
        me.bus = me.first_line("dbus-daemon", &["--session", "--nofork", "--nopidfile", "--print-address=1"]);
        me.helper("openbox", &["--sm-disable"]);
        me.helper(ACCESS, &["--launch-immediately"]);
        me.show_notices();
        me.listen_to_tree();
        me
    }

    /// Starts an input method that can compose Hangul; the key between Korean and English is `Hangul`.
    pub(crate) fn with_hangul(mut self) -> Self {
        self.helper("ibus-daemon", &["--xim", "--panel", "disable", "--config", MEMORY]);
        self.until("the input method", |me| {
            let said =
                |args: &[&str]| me.command("timeout").args(["5", "ibus", "engine"]).args(args).output();
            said(&["hangul"]).is_ok_and(|output| output.status.success())
                && said(&[]).is_ok_and(|output| output.stdout.starts_with(b"hangul"))
        });
        self
    }

    pub(super) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.host.command(program);
        let home = self.home.path();
        command.env("HOME", home).env("XDG_RUNTIME_DIR", home.join(".run"));
        command.env("MADANG_HOME", home.join(".madang")).env("DISPLAY", &self.display);
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.bus).env("LC_ALL", "C.UTF-8");
        command.env("LIBGL_ALWAYS_SOFTWARE", "1").env("XMODIFIERS", "@im=ibus");
        for name in [
            "WAYLAND_DISPLAY",
            "XAUTHORITY",
            "SSLKEYLOGFILE",
            "XDG_CONFIG_HOME",
            "XDG_DATA_HOME",
            "NO_AT_BRIDGE",
        ] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// A program of ours in Python.
    fn script(&self, name: &str) -> Command {
        let mut command = self.command(PYTHON);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/window").join(name));
        command
    }

    fn helper(&mut self, program: &str, args: &[&str]) {
        let child = self.command(program).args(args).stdout(Stdio::null()).spawn().expect("started");
        self.helpers.push(Helper(child));
    }

    /// Starts a helper that tells where it can be reached in its first line.
    fn first_line(&mut self, program: &str, args: &[&str]) -> String {
        let mut child = self.command(program).args(args).stdout(Stdio::piped()).spawn().expect("started");
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        output.read_line(&mut line).expect("it tells");
        self.helpers.push(Helper(child));
        assert!(!line.trim().is_empty(), "{program} tells nothing");
        line.trim().to_owned()
    }

    fn show_notices(&mut self) {
        let shown = fs::File::create(self.home.path().join(".notices")).expect("a file");
        let child = self.script("notices.py").stdout(shown).spawn().expect("started");
        self.helpers.push(Helper(child));
        self.until("the desktop's notices", |me| !me.notices_file().is_empty());
    }

    fn notices_file(&self) -> String {
        fs::read_to_string(self.home.path().join(".notices")).expect("there")
    }

    /// What the desktop has been asked to show so far, as JSON.
    pub(crate) fn notices(&self) -> Vec<serde_json::Value> {
        let file = self.notices_file();
        let whole = file.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines = whole.lines().map(|line| serde_json::from_str(line).expect("JSON"));
        lines.filter(|line: &serde_json::Value| line["title"].is_string()).collect()
    }

    fn listen_to_tree(&mut self) {
        // What a screen reader does before it reads: programs show their trees only then.
        for property in ["IsEnabled", "ScreenReaderEnabled"] {
            self.until("the accessibility bus", |me| {
                let set = "org.freedesktop.DBus.Properties.Set";
                let args = ["--session", "--dest=org.a11y.Bus", "--print-reply", "/org/a11y/bus", set];
                let mut command = me.command("dbus-send");
                command.args(args).arg("string:org.a11y.Status").arg(format!("string:{property}"));
                command.arg("variant:boolean:true").output().is_ok_and(|o| o.status.success())
            });
        }
        let mut command = self.script("tree.py");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("started");
        let (input, output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        self.tree = Some((input, BufReader::new(output)));
        self.helpers.push(Helper(child));
    }

    fn madang(&self) -> Command {
        let log = fs::File::options().create(true).append(true).open(self.home.path().join(".log"));
        let mut command = self.command(program("madang", "madang"));
        command.stdout(Stdio::null()).stderr(log.expect("a log"));
        command
    }

    /// Starts the app and waits until its window has the keys.
    pub(crate) fn start(&mut self) {
        assert!(self.app.is_none(), "{} runs already", self.name);
        let child = self.madang().spawn().expect("started");
        self.app = Some(Helper(child));
        self.has_the_keys();
    }

    /// Waits until the app's window has nothing to do: its thread sleeps, and has not woken between two looks.
    pub(super) fn rests(&mut self) {
        let id = self.app.as_ref().expect("it runs").0.id();
        let mut before = String::new();
        self.until("rest", |_| {
            let status = fs::read_to_string(format!("/proc/{id}/task/{id}/status")).expect("it runs");
            let says = |head: &str| status.lines().filter(|line| line.contains(head)).collect::<String>();
            let now = says("ctxt_switches");
            let rests = now == before && says("State:").contains("sleeping");
            before = now;
            rests
        });
    }

    /// All that the app holds in memory.
    pub(crate) fn memory(&self) -> Vec<u8> {
        let id = self.app.as_ref().expect("it runs").0.id();
        crate::secrets::memory::of(id).expect("its memory can be read")
    }

    /// Starts the app once more, beside itself, and waits until that has ended.
    pub(crate) fn start_again(&mut self) {
        let mut second = Helper(self.madang().spawn().expect("started"));
        self.until("the end of the second start", |_| {
            second.0.try_wait().expect("waited").is_some_and(|status| status.success())
        });
    }

    /// Waits for a window that has the keys.
    pub(crate) fn has_the_keys(&mut self) {
        self.until("a window with the keys", |me| {
            let window = ["search", "--onlyvisible", "--class", "madang"];
            me.xdotool(&[&window[..], &["windowactivate", "--sync"]].concat()) && me.is_active()
        });
    }

    /// How many windows the app shows.
    pub(crate) fn windows(&self) -> usize {
        let mut command = self.command("timeout");
        command.args(["10", "xdotool", "search", "--onlyvisible", "--class", "madang"]);
        let said = command.output().expect("xdotool runs").stdout;
        said.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count()
    }

    /// Ends the app with SIGKILL.
    pub(crate) fn kill(&mut self) {
        drop(self.app.take().expect("it runs"));
    }

    pub(super) fn xdotool(&self, args: &[&str]) -> bool {
        let mut command = self.command("timeout");
        command.args(["20", "xdotool"]).args(args).stdout(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// The text on the clipboard, if there is one.
    pub(crate) fn clipboard(&self) -> Option<String> {
        let mut command = self.command("timeout");
        let output = command.args(["20", "xclip", "-o", "-selection", "clipboard"]).output().expect("ran");
        let text = String::from_utf8(output.stdout).expect("text");
        (output.status.success() && !text.is_empty()).then_some(text)
    }

    /// Waits for a fact. When it does not come, the story fails, with a picture and all that could be seen and read.
    pub(crate) fn until(&mut self, what: &str, mut fact: impl FnMut(&mut Self) -> bool) {
        let begun = Instant::now();
        while !fact(self) {
            if begun.elapsed() > LONG {
                self.gives_up(&format!("waits in vain for {what}"));
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    pub(super) fn gives_up(&mut self, why: &str) -> ! {
        let shot = self.shoot("stuck");
        let log = fs::read_to_string(self.home.path().join(".log")).unwrap_or_default();
        let tree = self.told();
        panic!("{} {why}; see {}; {log}\n{tree}", self.name, shot.display());
    }

    /// Takes a picture of the screen and keeps it for people to look at.
    pub(crate) fn shoot(&mut self, what: &str) -> PathBuf {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci-artifacts/window");
        fs::create_dir_all(&folder).expect("a folder");
        self.shots += 1;
        let path = folder.join(format!("{}-{:02}-{what}.png", self.name, self.shots));
        let screen = self.home.path().join(".run/Xvfb_screen0");
        let status = self.script("picture.py").arg(screen).arg(&path).status();
        assert!(status.is_ok_and(|s| s.success()), "the screen can be photographed");
        path
    }

    /// Takes a picture once the screen has changed from `before` and stands still.
    pub(crate) fn shoot_changed(&mut self, before: &Path, what: &str) -> PathBuf {
        let old = fs::read(before).expect("a picture");
        let mut last = old.clone();
        let path = self.shoot(what);
        self.until("a screen that stands still", |me| {
            me.shots -= 1;
            me.shoot(what);
            let now = fs::read(&path).expect("a picture");
            let still = now == last && now != old;
            last = now;
            std::thread::sleep(LOOK_AGAIN * 3);
            still
        });
        path
    }

    /// Puts a file where the person finds it first.
    pub(crate) fn is_handed(&self, file: &Path, name: &str) {
        fs::copy(file, self.home.path().join(name)).expect("handed over");
    }

    /// The line that leads to this desk.
    pub(crate) fn cable(&self) -> &Cable {
        self.host.cable()
    }
}
