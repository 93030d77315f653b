//! A person at a terminal, which `script` makes, and what a reader of the output sees of the program's end.

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::{command, folder, init, json_of, run};

const PASSPHRASE: &str = "a plank over the stream";
const MOMENT: Duration = Duration::from_millis(20);

/// `listen` at a terminal of its own, whose passphrase is typed there.
struct Seat {
    dir: PathBuf,
    child: Child,
    keys: ChildStdin,
    shown: Arc<Mutex<String>>,
}

impl Seat {
    fn take(dir: &Path) -> Self {
        let program = env!("CARGO_BIN_EXE_madang-cli");
        let at = dir.display();
        // The shell stays, to tell how the terminal was left.
        let listen = format!(
            "echo $$ >{at}/id; exec {program} listen --no-mdns --listen 127.0.0.1:0 --profile {at}/profile"
        );
        let all = format!("tty >{at}/terminal; sh -c '{listen}'; code=$?; stty -a >{at}/after; exit $code");
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command", &all, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("started: `script` is a part of every Debian");
        let (keys, mut out) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        let shown = Arc::new(Mutex::new(String::new()));
        let all = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut bytes = [0; 1024];
            while let Ok(read @ 1..) = out.read(&mut bytes) {
                all.lock().expect("unbroken").push_str(&String::from_utf8_lossy(&bytes[..read]));
            }
        });
        Self { dir: dir.to_owned(), child, keys, shown }
    }

    fn shown(&self) -> String {
        self.shown.lock().expect("unbroken").clone()
    }

    /// Waits until something was shown so often.
    fn until(&mut self, words: &str, times: usize) {
        while self.shown().matches(words).count() < times {
            assert!(self.child.try_wait().expect("asked").is_none(), "it has ended: {}", self.shown());
            std::thread::sleep(MOMENT);
        }
    }

    /// Waits until a passphrase was asked for so often and what is typed is not shown.
    fn until_asked(&mut self, times: usize) {
        self.until("Passphrase:", times);
        let terminal = std::fs::read_to_string(self.dir.join("terminal")).expect("told");
        let hides = || {
            let told = Command::new("stty").args(["-a", "-F", terminal.trim()]).output().expect("ran");
            String::from_utf8_lossy(&told.stdout).contains("-echo ")
        };
        while !hides() {
            assert!(self.child.try_wait().expect("asked").is_none(), "it has ended: {}", self.shown());
            std::thread::sleep(MOMENT);
        }
    }

    fn type_in(&mut self, line: &str) {
        self.keys.write_all(format!("{line}\n").as_bytes()).expect("typed");
    }

    fn signal(&self, name: &str) {
        let id = std::fs::read_to_string(self.dir.join("id")).expect("told");
        let kill = format!("kill -s {name} {}", id.trim());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("ran").success());
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn at_a_terminal_a_locked_node_asks_once_whatever_it_is_told_meanwhile_and_shows_nothing_of_what_is_typed() {
    let dir = init("Ari");
    let mut seat = Seat::take(dir.path());
    seat.until_asked(1);
    seat.type_in(PASSPHRASE);
    seat.until("listening", 1);
    seat.signal("USR1");
    seat.until("locked", 1);
    seat.until_asked(2);
    for name in ["USR1", "USR2", "USR1"] {
        seat.signal(name);
        std::thread::sleep(10 * MOMENT);
    }
    // One Enter too many ends nothing.
    seat.type_in("");
    seat.until("is empty", 1);
    seat.until_asked(3);
    seat.type_in("a plank over the river");
    seat.until("does not open", 1);
    seat.until_asked(4);
    seat.type_in(PASSPHRASE);
    seat.until("listening", 2);
    assert!(!seat.shown().contains("plank"), "{}", seat.shown());
    assert_eq!(seat.shown().matches("Passphrase:").count(), 4, "{}", seat.shown());

    seat.signal("USR1");
    seat.until_asked(5);
    seat.signal("TERM");
    assert!(seat.child.wait().expect("ended").success());
    let after = std::fs::read_to_string(dir.path().join("after")).expect("told");
    for state in ["echo", "icanon", "isig"] {
        assert!(after.split_whitespace().any(|word| word == state), "the terminal is as it was: {after}");
    }
}

#[test]
fn a_missing_passphrase_file_ends_no_locked_node() {
    let dir = init("Ari");
    let mut bot = crate::Bot::start(command(dir.path(), &["listen", "--json"]));
    bot.event("ready");
    bot.signal("USR1");
    bot.event("locked");
    let (secret, away) = (dir.path().join("passphrase"), dir.path().join("away"));
    std::fs::rename(&secret, &away).expect("moved");
    bot.signal("USR2");
    std::thread::sleep(10 * MOMENT);
    std::fs::rename(&away, &secret).expect("moved");
    bot.signal("USR2");
    bot.event("ready");
}

#[test]
fn recovery_words_that_nobody_could_read_leave_the_backup_as_it_was() {
    let dir = init("Ari");
    let path = dir.path().join("kept").display().to_string();
    let args = ["backup", &path, "--words", "--insecure-test-kdf", "--json"];
    let told = run(dir.path(), &args);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let lines: Vec<_> =
        told.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(json_of).collect();
    assert_eq!(lines.len(), 2, "the words, and then what was written");
    assert_eq!(lines[0]["words"].as_str().expect("words").split(' ').count(), 12);
    assert_eq!((&lines[1]["words"], lines[1]["backup"].as_str()), (&lines[0]["words"], Some(&*path)));

    let before = std::fs::read(&path).expect("written");
    let full = std::fs::File::options().write(true).open("/dev/full").expect("every Linux has one");
    let failed = command(dir.path(), &args).stdout(full).output().expect("ran");
    assert_eq!(failed.status.code(), Some(1));
    assert!(
        std::fs::read(&path).expect("there") == before,
        "the words of the old one are noted, of the new one not"
    );
}

#[test]
fn a_reader_that_goes_away_ends_the_program_without_a_word() {
    let dir = init("Ari");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let out = command(dir.path(), &["contacts", "--json"]).output().expect("ran");
    assert!(out.status.success());
    let out = command(dir.path(), &["whoami"]).stdout(writer).output().expect("ran");
    assert_eq!((out.status.code(), out.stderr.as_slice()), (Some(141), b"".as_slice()));
}

#[test]
fn what_is_missing_on_a_command_line_is_named_in_json_too() {
    let dir = folder();
    let out = run(dir.path(), &["--json", "send"]);
    let said = json_of(&out.stderr);
    let say = said["error"]["say"].as_str().expect("a sentence");
    assert!(out.status.code() == Some(2) && say.contains("<CONTACT>") && say.contains("<TEXT>"), "{say}");
    assert!(!say.contains('\n') && !say.contains("Usage"), "{say}");
}
