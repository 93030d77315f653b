//! A relay as a process of its own.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
};

use tokio::io::{AsyncBufReadExt, BufReader};

pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// The relay's program, started in a folder.
pub(crate) fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_madang-relay"));
    command.args(args).current_dir(dir).env_remove("SSLKEYLOGFILE").stdin(Stdio::null());
    command
}

/// A relay that was made in a folder, on a port that the system chooses at each start.
pub(crate) struct Daemon {
    dir: PathBuf,
}

impl Daemon {
    pub(crate) fn init(dir: &Path) -> Self {
        let out = command(dir, &["init", "--listen", "127.0.0.1:0"]).output().expect("ran");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let daemon = Self { dir: dir.into() };
        daemon.configure("transports = [\"tcp\", \"quic\"]", "transports = [\"tcp\"]");
        daemon
    }

    /// Replaces words in the configuration.
    pub(crate) fn configure(&self, old: &str, new: &str) {
        let path = self.dir.join("relay.toml");
        let text = std::fs::read_to_string(&path).expect("there");
        assert!(text.contains(old), "the configuration says {old}");
        std::fs::write(&path, text.replace(old, new)).expect("written");
    }

    /// Starts it and waits until it serves.
    pub(crate) async fn run(&self) -> Running {
        let mut command = tokio::process::Command::from(command(&self.dir, &["run"]));
        let mut child = command.stderr(Stdio::piped()).kill_on_drop(true).spawn().expect("started");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let (serving, served) = tokio::sync::oneshot::channel();
        let kept = Arc::clone(&log);
        let reader = tokio::spawn(async move {
            let mut serving = Some(serving);
            while let Ok(Some(line)) = lines.next_line().await {
                kept.lock().expect("whole").push_str(&format!("{line}\n"));
                if line.contains("serving") {
                    serving.take().map(|serving| serving.send(()));
                }
            }
        });
        let running = Running { child, log, reader };
        if served.await.is_err() {
            panic!("the relay did not start:\n{}", running.log());
        }
        running
    }

    fn shown(&self) -> serde_json::Value {
        let out = command(&self.dir, &["show", "--json"]).output().expect("ran");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).expect("JSON")
    }

    pub(crate) fn descriptor(&self) -> String {
        self.shown()["descriptor"].as_str().expect("text").into()
    }

    pub(crate) fn addresses(&self) -> Vec<String> {
        let shown = self.shown();
        let list = shown["addresses"].as_array().expect("a list");
        list.iter().map(|address| address.as_str().expect("text").into()).collect()
    }
}

pub(crate) struct Running {
    child: tokio::process::Child,
    log: Arc<Mutex<String>>,
    reader: tokio::task::JoinHandle<()>,
}

impl Running {
    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.start_kill();
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs").to_string();
        // The shell has it built in; a bare machine has no program of this name.
        let kill = format!("kill -s {name} {id}");
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("ran").success());
    }

    /// Waits for the end of the process and of its log.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let status = self.child.wait().await.expect("waited");
        let _ = (&mut self.reader).await;
        status
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("whole").clone()
    }
}
