//! Who takes part: people and a relay, each a process of its own on a host of the laboratory.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use madang_tests::lab::{Host, Lab, Place};
use madang_tests::program::program;
use serde_json::{Value, json};

/// What opens each person's profile.
pub(crate) const PASSPHRASE: &str = "a plank over the stream";
/// How long a thing may take on a busy machine before the story fails.
pub(crate) const LONG: Duration = Duration::from_secs(120);

/// What a process has told so far, line by line.
#[derive(Default)]
struct Told {
    lines: Mutex<(Vec<Value>, bool)>,
    more: Condvar,
}

/// A running `madang-cli … listen --stdin --json`.
struct Running {
    child: Child,
    input: ChildStdin,
    told: Arc<Told>,
    reader: Option<std::thread::JoinHandle<()>>,
}

/// A person with a profile, whose node may run or not.
pub(crate) struct Person<'lab> {
    host: &'lab Host,
    dir: tempfile::TempDir,
    pub(crate) name: &'static str,
    running: Option<Running>,
    next: u64,
    /// Lines of runs that have ended, and where those of the last one begin.
    past: Vec<Value>,
    last_run: usize,
    /// Whether the node shows itself to its network, and looks for others there.
    discovers: bool,
}

impl<'lab> Person<'lab> {
    /// Makes a profile; nothing runs yet.
    pub(crate) fn new(lab: &'lab Lab, place: Place, name: &'static str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("passphrase"), format!("{PASSPHRASE}\n")).expect("written");
        let me = Self {
            host: lab.host(place),
            dir,
            name,
            running: None,
            next: 1,
            past: Vec::new(),
            last_run: 0,
            discovers: true,
        };
        let made = me.command(&["init", "--name", name, "--insecure-test-kdf"]).output().expect("ran");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        me
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.host.command(program("madang-cli", "madang-cli"));
        command.args(args).arg("--json").arg("--profile").arg(self.dir.path().join("profile"));
        command.arg("--passphrase-file").arg(self.dir.path().join("passphrase"));
        command.env_remove("SSLKEYLOGFILE").stdin(Stdio::null());
        command
    }

    /// Keeps the node from showing itself, and from looking for others, from its next start on.
    pub(crate) fn without_discovery(mut self) -> Self {
        self.discovers = false;
        self
    }

    /// Starts the node and waits until it runs.
    pub(crate) fn start(&mut self) {
        assert!(self.running.is_none(), "{} runs already", self.name);
        let mut child = self
            .command(if self.discovers {
                &["listen", "--stdin"]
            } else {
                &["listen", "--stdin", "--no-mdns"]
            })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("started");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let told = Arc::new(Told::default());
        let hears = Arc::clone(&told);
        let reader = std::thread::spawn(move || {
            // A line that was cut short by a kill was not told.
            for line in output.split(b'\n').map_while(Result::ok) {
                let Ok(value) = serde_json::from_slice(&line) else { break };
                hears.lines.lock().unwrap_or_else(PoisonError::into_inner).0.push(value);
                hears.more.notify_all();
            }
            hears.lines.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
            hears.more.notify_all();
        });
        self.running = Some(Running { child, input, told, reader: Some(reader) });
        self.event("the start", |line| line["event"] == "ready");
    }

    /// The process of the node.
    pub(crate) fn pid(&self) -> u32 {
        self.running.as_ref().expect("it runs").child.id()
    }

    /// Ends the node in good order.
    pub(crate) fn stop(&mut self) {
        self.ask(json!({ "do": "quit" }));
        self.end();
    }

    /// Ends the node with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.running.as_mut().expect("it runs").child.kill().expect("killed");
        self.end();
    }

    fn end(&mut self) {
        let Running { mut child, input, told, mut reader } = self.running.take().expect("it runs");
        drop(input);
        child.wait().expect("waited");
        reader.take().expect("it reads").join().expect("it read to the end");
        let mut lines = told.lines.lock().unwrap_or_else(PoisonError::into_inner);
        self.last_run = self.past.len();
        self.past.append(&mut lines.0);
    }

    /// All that this person's node has told, over all its runs.
    pub(crate) fn told(&self) -> Vec<Value> {
        let mut all = self.past.clone();
        if let Some(running) = &self.running {
            all.extend(running.told.lines.lock().unwrap_or_else(PoisonError::into_inner).0.iter().cloned());
        }
        all
    }

    /// The lines that fit, of the present run, or of the last one if none runs.
    pub(crate) fn told_since_start(&self, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
        let pick = |lines: &[Value]| lines.iter().filter(|line| fits(line)).cloned().collect();
        match &self.running {
            Some(running) => pick(&running.told.lines.lock().unwrap_or_else(PoisonError::into_inner).0),
            None => pick(&self.past[self.last_run..]),
        }
    }

    /// The first line of this run that fits, told already or soon; none if it does not come in time.
    pub(crate) fn within(&self, time: Duration, fits: impl Fn(&Value) -> bool) -> Option<Value> {
        let until = Instant::now() + time;
        let told = &self.running.as_ref().expect("it runs").told;
        let mut lines = told.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let mut from = 0;
        loop {
            if let Some(line) = lines.0[from..].iter().find(|line| fits(line)) {
                return Some(line.clone());
            }
            from = lines.0.len();
            let left = until.checked_duration_since(Instant::now())?;
            assert!(!lines.1, "the node of {} ended by itself", self.name);
            lines = told.more.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for a line of this run.
    pub(crate) fn event(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        self.within(LONG, fits).unwrap_or_else(|| panic!("{} waits in vain for {what}", self.name))
    }

    /// Gives a command and does not wait; returns the number that its answer bears.
    pub(crate) fn say(&mut self, mut command: Value) -> u64 {
        let id = self.next;
        self.next += 1;
        command["id"] = id.into();
        // A node that was just killed hears nothing: what it did not answer it did not promise.
        let _ = writeln!(self.running.as_mut().expect("it runs").input, "{command}");
        id
    }

    /// Asks, and returns the result.
    pub(crate) fn ask(&mut self, command: Value) -> Value {
        let id = self.say(command.clone());
        let answer = self.event("an answer", |line| line["answer"] == id);
        assert_eq!(answer["ok"], true, "{command}: {answer}");
        answer["result"].clone()
    }

    /// Asks until the answer fits.
    pub(crate) fn until(&mut self, what: &str, command: &Value, fits: impl Fn(&Value) -> bool) -> Value {
        self.until_within(LONG, command, fits).unwrap_or_else(|last| panic!("{}: {what}: {last}", self.name))
    }

    /// Asks until the answer fits, or for some time; then the last answer is the error.
    pub(crate) fn until_within(
        &mut self,
        time: Duration,
        command: &Value,
        fits: impl Fn(&Value) -> bool,
    ) -> Result<Value, Value> {
        let begun = Instant::now();
        loop {
            let answer = self.ask(command.clone());
            if fits(&answer) {
                return Ok(answer);
            }
            if begun.elapsed() > time {
                return Err(answer);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Lets a relay keep mail, and waits until it does.
    pub(crate) fn use_relay(&mut self, descriptor: &str) {
        self.ask(json!({ "do": "relay-add", "descriptor": descriptor }));
        self.relay_up();
    }

    /// Waits until this run has reached the relay.
    pub(crate) fn relay_up(&mut self) {
        self.until("the relay", &json!({ "do": "relay-list" }), |list| list[0]["up"] == true);
    }

    /// Waits until the link to the relay is given up.
    pub(crate) fn relay_down(&mut self) {
        self.until("the loss of the relay", &json!({ "do": "relay-list" }), |list| list[0]["up"] == false);
    }

    /// Writes a message and waits until it is kept; returns its id.
    pub(crate) fn send(&mut self, text: &str) -> String {
        let sent = self.ask(json!({ "do": "send", "contact": 1, "text": text }));
        sent["message"].as_str().expect("an id").to_owned()
    }

    /// The conversation with the first contact, oldest message first.
    pub(crate) fn history(&mut self) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let mut command = json!({ "do": "history", "contact": 1, "limit": 500 });
            if let Some(first) = all.first() {
                command["before"] = first["place"].clone();
            }
            let page = self.ask(command);
            let mut page = page.as_array().expect("a list").clone();
            let whole = page.len() < 500;
            page.append(&mut all);
            all = page;
            if whole {
                return all;
            }
        }
    }

    /// What others wrote, in order.
    pub(crate) fn received(&mut self) -> Vec<String> {
        texts(&self.history(), false)
    }

    /// Waits until as many messages of others are here.
    pub(crate) fn receives(&mut self, count: usize) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            assert!(begun.elapsed() < LONG, "{} has {} of {count}: {received:?}", self.name, received.len());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Checks that no event told of the same message twice.
    pub(crate) fn was_told_each_once(&self) {
        let mut seen = BTreeSet::new();
        for line in self.told().iter().filter(|line| line["event"] == "message") {
            assert!(seen.insert(line["message"].to_string()), "{} was shown twice: {line}", self.name);
        }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The profile's own folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.path().join("profile")
    }
}

/// The texts of messages, own ones or those of others.
pub(crate) fn texts(history: &[Value], mine: bool) -> Vec<String> {
    let ours = history.iter().filter(|message| message["mine"] == mine);
    ours.map(|message| message["text"].as_str().expect("a text").to_owned()).collect()
}

impl Drop for Person<'_> {
    fn drop(&mut self) {
        if let Some(running) = &mut self.running {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}

/// Bytes of memory that a process has resident.
pub(crate) fn rss(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("the kernel counts");
    let number = line.split_whitespace().nth(1).and_then(|word| word.parse::<u64>().ok());
    number.expect("a number of KiB") * 1024
}

/// A relay, always on its own host.
pub(crate) struct Keeper<'lab> {
    host: &'lab Host,
    dir: tempfile::TempDir,
    child: Option<Child>,
}

impl<'lab> Keeper<'lab> {
    /// Makes a relay and starts it.
    pub(crate) fn new(lab: &'lab Lab) -> Self {
        Self::with(lab, &[])
    }

    /// Makes a relay that is reached by IPv6 alone, and starts it.
    pub(crate) fn over_ipv6(lab: &'lab Lab) -> Self {
        let socket = format!("[{}]:4470", lab.host(Place::Relay).ip6());
        Self::at(lab, &socket, &[])
    }

    /// Makes a relay, changes its configuration (old text, new text), and starts it.
    pub(crate) fn with(lab: &'lab Lab, changes: &[(&str, &str)]) -> Self {
        let socket = format!("{}:4470", lab.host(Place::Relay).ip());
        Self::at(lab, &socket, changes)
    }

    fn at(lab: &'lab Lab, socket: &str, changes: &[(&str, &str)]) -> Self {
        let mut me =
            Self { host: lab.host(Place::Relay), dir: tempfile::tempdir().expect("a folder"), child: None };
        let made = me
            .command(&["init", "--listen", socket, "--announce", socket])
            .stdout(Stdio::null())
            .status()
            .expect("ran");
        assert!(made.success());
        me.configure("level = \"info\"", "level = \"debug\"");
        changes.iter().for_each(|(old, new)| me.configure(old, new));
        me.start();
        me
    }

    /// Changes its configuration, which it reads when it starts.
    pub(crate) fn configure(&self, old: &str, new: &str) {
        let path = self.dir.path().join("relay.toml");
        let text = std::fs::read_to_string(&path).expect("there");
        assert!(text.contains(old), "the configuration says {old}: {text}");
        std::fs::write(&path, text.replace(old, new)).expect("written");
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.host.command(program("madang-relay", "madang-relay"));
        command.args(args).current_dir(self.dir.path());
        command.env_remove("SSLKEYLOGFILE").stdin(Stdio::null());
        command
    }

    /// Where its log is written.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// Its data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Starts it. Those who want it find it when it serves.
    pub(crate) fn start(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.log()).expect("a log");
        self.child = Some(self.command(&["run"]).stderr(log).spawn().expect("started"));
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("killed");
        child.wait().expect("waited");
    }

    /// Bytes of memory that it has resident.
    pub(crate) fn rss(&self) -> u64 {
        rss(self.child.as_ref().expect("it runs").id())
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> String {
        format!("{}:4470", self.host.ip())
    }

    /// What it hands out.
    pub(crate) fn descriptor(&self) -> String {
        let shown = self.command(&["show", "--json"]).output().expect("ran");
        assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
        let shown: Value = serde_json::from_slice(&shown.stdout).expect("JSON");
        shown["descriptor"].as_str().expect("text").to_owned()
    }
}

impl Drop for Keeper<'_> {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Makes two running people contacts.
pub(crate) fn acquaint<'lab>(one: &mut Person<'lab>, other: &mut Person<'lab>) -> String {
    let invite = one.ask(json!({ "do": "invite" }))["invite"].as_str().expect("a text").to_owned();
    other.ask(json!({ "do": "accept", "invite": invite, "name": one.name }));
    for person in [one, other] {
        person.until("a live contact", &json!({ "do": "contacts" }), |list| list[0]["state"] == "live");
    }
    invite
}

/// The same for two who have no road but the address of the first. A link of strangers lasts ten seconds, and on a busy
/// machine the word may come later; so it is dialled again until they know each other.
pub(crate) fn acquaint_at<'lab>(one: &mut Person<'lab>, address: &str, other: &mut Person<'lab>) {
    let invite = one.ask(json!({ "do": "invite" }))["invite"].as_str().expect("a text").to_owned();
    other.ask(json!({ "do": "accept", "invite": invite, "name": one.name }));
    let live = |list: &Value| list[0]["state"] == "live";
    let begun = Instant::now();
    while {
        other.ask(json!({ "do": "dial", "address": address }));
        other.until_within(Duration::from_secs(15), &json!({ "do": "contacts" }), live).is_err()
    } {
        assert!(begun.elapsed() < LONG, "{} and {} do not meet", one.name, other.name);
    }
    one.until("a live contact", &json!({ "do": "contacts" }), live);
}
