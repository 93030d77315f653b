//! The only file that knows both worlds: commands of the window in, events of the node out, each wakes the other. Until the node is asked, nothing here waits on the window's thread.

use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread::JoinHandle,
};

use crate::{
    action::Command,
    app::World,
    i18n::T,
    model::{Failure, Prefs, Stage, Task, Update},
};

/// Commands waiting for the worker; a person makes fewer in a minute.
const COMMANDS: usize = 64;
/// Updates waiting for the window; beyond it the worker waits, never the window.
const UPDATES: usize = 1024;

/// Where this user's things lie.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    profile: PathBuf,
    prefs: PathBuf,
}

impl Paths {
    /// The usual folders, or `MADANG_HOME` for everything.
    pub(crate) fn of_this_user() -> Paths {
        let home = std::env::var_os("MADANG_HOME").map(PathBuf::from);
        let dirs = directories::ProjectDirs::from("", "", "madang");
        let (data, config) = match (home, dirs) {
            (Some(home), _) => (home.clone(), home),
            (None, Some(dirs)) => (dirs.data_dir().to_owned(), dirs.config_dir().to_owned()),
            (None, None) => (PathBuf::from("madang"), PathBuf::from("madang")),
        };
        Paths { profile: data.join("profile"), prefs: config.join("window.toml") }
    }

    /// The settings as they were kept, if they can be read.
    pub(crate) fn prefs(&self) -> Option<Prefs> {
        toml::from_str(&std::fs::read_to_string(&self.prefs).ok()?).ok()
    }
}

/// The window's end.
pub(crate) struct Bridge {
    commands: Option<SyncSender<Command>>,
    updates: Receiver<Update>,
    worker: Option<JoinHandle<()>>,
}

impl Bridge {
    /// Starts the worker. `wake` is called after each update.
    pub(crate) fn start(paths: Paths, wake: impl Fn() + Send + 'static) -> std::io::Result<Bridge> {
        let (commands, inbox) = sync_channel(COMMANDS);
        let (outbox, updates) = sync_channel(UPDATES);
        let worker = std::thread::Builder::new().name("bridge".into()).spawn(move || {
            let tell = move |update| {
                let _ = outbox.send(update);
                wake();
            };
            run(&paths, &inbox, tell);
        })?;
        Ok(Bridge { commands: Some(commands), updates, worker: Some(worker) })
    }
}

impl World for Bridge {
    fn tell(&mut self, command: Command) {
        if let Some(commands) = &self.commands
            && let Err(TrySendError::Full(command)) = commands.try_send(command)
        {
            tracing::warn!(?command, "the worker is far behind; a command was dropped");
        }
    }

    fn take(&mut self) -> Option<Update> {
        self.updates.try_recv().ok()
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(worker) = self.worker.take() {
            while !worker.is_finished() {
                let _ = self.updates.recv_timeout(std::time::Duration::from_millis(20));
            }
            let _ = worker.join();
        }
    }
}

fn run(paths: &Paths, inbox: &Receiver<Command>, tell: impl Fn(Update)) {
    tell(Update::Stage(if paths.profile.exists() { Stage::Locked } else { Stage::Welcome }));
    while let Ok(command) = inbox.recv() {
        if let Command::Keep(prefs) = command {
            keep(paths, &prefs, &tell);
        } else {
            tell(Update::Failed(Task::Other, Failure { sentence: T::FailOther, detail: String::new() }));
        }
    }
}

fn keep(paths: &Paths, prefs: &Prefs, tell: &impl Fn(Update)) {
    let kept = toml::to_string(prefs).map_err(std::io::Error::other).and_then(|text| {
        if let Some(folder) = paths.prefs.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&paths.prefs, text)
    });
    if let Err(error) = kept {
        tell(Update::Notice(crate::model::Notice { sentence: T::PrefsNotSaved, parts: vec![error.to_string()], trouble: true }));
    }
}

/// The practice conversation on standard output.
pub(crate) fn practice_in_terminal(_korean: bool) -> std::io::Result<()> {
    Err(std::io::Error::other("not joined yet"))
}
