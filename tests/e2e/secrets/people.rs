//! Profiles on this machine, and their nodes as processes that are driven line by line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use madang_tests::program::program;
use serde_json::{Value, json};

/// The passphrase of every profile here.
pub(crate) const PASSPHRASE: &str = "a plank over the stream";

/// How long a thing may take on a busy machine before the story fails.
pub(crate) const LONG: Duration = Duration::from_secs(120);

/// A profile in a folder of its own.
pub(crate) struct Profile {
    dir: tempfile::TempDir,
    pub(crate) passphrase: String,
}

impl Profile {
    /// Makes a profile.
    pub(crate) fn new(name: &str) -> Self {
        let me = Self { dir: tempfile::tempdir().expect("a folder"), passphrase: PASSPHRASE.into() };
        me.run(&["init", "--name", name, "--insecure-test-kdf"]);
        me
    }

    /// A place where no profile is yet.
    pub(crate) fn absent() -> Self {
        Self { dir: tempfile::tempdir().expect("a folder"), passphrase: PASSPHRASE.into() }
    }

    /// Where it lies.
    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.path().join("profile")
    }

    /// A file beside the profile.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file_with(&self, name: &str, passphrase: &str) -> PathBuf {
        let path = self.beside(name);
        std::fs::write(&path, format!("{passphrase}\n")).expect("written");
        path
    }

    /// The terminal's program on this profile.
    pub(crate) fn command(&self, passphrase: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program("madang-cli", "madang-cli"));
        command.args(args).arg("--profile").arg(self.folder());
        command.arg("--passphrase-file").arg(self.file_with("passphrase", passphrase));
        command.args(["--json", "--listen", "127.0.0.1:0", "--no-mdns"]);
        command.env_remove("SSLKEYLOGFILE").stdin(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Runs a command that must succeed, and returns its lines.
    pub(crate) fn lines(&self, args: &[&str]) -> Vec<Value> {
        let out = self.command(&self.passphrase, args).output().expect("ran");
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        let text = String::from_utf8(out.stdout).expect("text");
        text.lines().map(|line| serde_json::from_str(line).expect("one JSON object a line")).collect()
    }

    /// Runs a command that must succeed, and returns its first line.
    pub(crate) fn run(&self, args: &[&str]) -> Value {
        self.lines(args).into_iter().next().unwrap_or_default()
    }

    /// Whether this passphrase opens it. Anything but an opened profile and a wrong passphrase is a failure.
    pub(crate) fn opens_with(&self, passphrase: &str) -> bool {
        let out = self.command(passphrase, &["contacts"]).output().expect("ran");
        match out.status.code() {
            Some(0) => true,
            Some(3) => false,
            other => panic!("exit {other:?}: {}", String::from_utf8_lossy(&out.stderr)),
        }
    }

    /// Begins to change the passphrase.
    pub(crate) fn change(&self, to: &str) -> Child {
        let new = self.file_with("new", to).display().to_string();
        let mut command = self.command(&self.passphrase, &["passphrase", "--new-passphrase-file", &new]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started")
    }

    /// Starts the node.
    pub(crate) fn listen(&self) -> Runs {
        let mut command = self.command(&self.passphrase, &["listen", "--stdin"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("started");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (told, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let Ok(value) = serde_json::from_str(&line) else { return };
                if told.send(value).is_err() {
                    return;
                }
            }
        });
        let mut runs = Runs { child, input, lines, kept: Vec::new(), next: 1 };
        runs.wait("ready", |_| true);
        runs
    }
}

/// A running node.
pub(crate) struct Runs {
    child: Child,
    input: ChildStdin,
    lines: Receiver<Value>,
    kept: Vec<Value>,
    next: u64,
}

impl Runs {
    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes a command whose answer nobody waits for.
    pub(crate) fn tell(&mut self, command: Value) {
        writeln!(self.input, "{command}").expect("written");
    }

    /// Kills the process, which can do nothing about it.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("waited");
    }

    /// Waits until the process has ended.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let begun = std::time::Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("waited") {
                return status;
            }
            assert!(begun.elapsed() < LONG, "the process goes on");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How many lines that fit were told until now, or since it ended.
    pub(crate) fn count(&mut self, fits: impl Fn(&Value) -> bool) -> usize {
        self.kept.extend(self.lines.try_iter());
        self.kept.iter().filter(|line| fits(line)).count()
    }

    /// The first line that fits, told already or soon. Lines before it are kept.
    fn find(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.kept.iter().position(&fits) {
            return self.kept.remove(at);
        }
        loop {
            let line = self.lines.recv_timeout(LONG).unwrap_or_else(|_| panic!("waited in vain for {what}"));
            if fits(&line) {
                return line;
            }
            self.kept.push(line);
        }
    }

    /// Waits for an event.
    pub(crate) fn wait(&mut self, word: &str, fits: impl Fn(&Value) -> bool) -> Value {
        self.find(word, |line| line["event"] == word && fits(line))
    }

    fn answer(&mut self, mut command: Value) -> Value {
        let id = json!(self.next);
        self.next += 1;
        command["id"] = id.clone();
        writeln!(self.input, "{command}").expect("written");
        self.find("an answer", |line| line.get("answer") == Some(&id))
    }

    /// Asks, and returns the result.
    pub(crate) fn ask(&mut self, command: Value) -> Value {
        let mut answer = self.answer(command);
        assert_eq!(answer["ok"], true, "{answer}");
        answer["result"].take()
    }

    /// Asks what must fail, and returns the error.
    pub(crate) fn ask_to_fail(&mut self, command: Value) -> Value {
        let mut answer = self.answer(command);
        assert_eq!(answer["ok"], false, "{answer}");
        answer["error"].take()
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where a node takes direct links, once it does.
pub(crate) fn address_of(runs: &mut Runs) -> Value {
    loop {
        let mut whoami = runs.ask(json!({ "do": "whoami" }));
        if whoami["addresses"].as_array().is_some_and(|addresses| !addresses.is_empty()) {
            return whoami["addresses"][0].take();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Starts two nodes that know each other and share a direct link.
pub(crate) fn two_who_talk(ari: &Profile, bora: &Profile) -> (Runs, Runs) {
    let (mut a, mut b) = (ari.listen(), bora.listen());
    let address = address_of(&mut a);
    let invite = a.ask(json!({ "do": "invite" }));
    b.ask(json!({ "do": "accept", "invite": invite["invite"] }));
    b.ask(json!({ "do": "dial", "address": address }));
    a.wait("contact-live", |_| true);
    b.wait("contact-live", |_| true);
    // Names come a moment later.
    for (runs, name) in [(&mut a, "Bora"), (&mut b, "Ari")] {
        let begun = std::time::Instant::now();
        while runs.ask(json!({ "do": "contacts" }))[0]["name"] != name {
            assert!(begun.elapsed() < LONG, "waited in vain for a name");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    (a, b)
}
