//! The only room that knows both worlds: commands of the window in, events of the node out, each wakes the other.
//! The window's end never waits; everything slow happens on the worker. What the rest of the app needs of the other
//! rooms, it is handed here; `.ci/import-law` finds whoever names them beside this one.

mod cast;
mod failure;
#[cfg(feature = "gallery")]
pub(crate) mod invented;
mod paths;
mod safe;
mod session;
mod taken;
#[cfg(test)]
mod tests;
mod watch;

use std::{sync::Arc, thread::JoinHandle, time::Duration};

pub(crate) use madang_cli::{practice, zone};
use madang_core::{Config, Node};
pub(crate) use madang_core::{lock, raise_file_limit, scrub_environment};
use tokio::sync::mpsc;

pub(crate) use self::paths::Paths;
use self::{cast::Cast, failure::failure, safe::Traces, session::Session, watch::Watch};
use crate::{
    action::Command,
    app::World,
    desktop::{
        clipboard::{self, Opener},
        notices::Notices,
    },
    i18n::T,
    model::{Ending, Notice, Prefs, Stage, Task, Update},
};

/// Updates waiting for the window; beyond it the worker waits, never the window.
const UPDATES: usize = 1024;
/// How long tasks of the network may take to end with the worker.
const END_WAIT: Duration = Duration::from_secs(2);

/// What lies outside of the process; tests put something else in its place.
struct Outside {
    /// Ends the process: the profile has been destroyed.
    end: Box<dyn Fn() + Send>,
    /// The desktop's clipboard.
    clipboard: Opener,
}

/// The window's end.
pub(crate) struct Bridge {
    /// Without a bound, so that nothing a person asks is ever dropped, however long the worker is at something. What
    /// others send reaches the window by way of the worker only, so they cannot fill it.
    commands: Option<mpsc::UnboundedSender<Command>>,
    updates: mpsc::Receiver<Update>,
    worker: Option<JoinHandle<()>>,
    tell: Tell,
    wipe: std::sync::mpsc::Sender<()>,
    traces: Traces,
}

impl Bridge {
    /// Starts the worker. `wake` is called after each update.
    pub(crate) fn start(paths: Paths, wake: impl Fn() + Send + Sync + 'static) -> std::io::Result<Bridge> {
        let outside =
            Outside { end: Box::new(safe::end_now), clipboard: Arc::new(clipboard::of_the_desktop) };
        Bridge::within(outside, paths, wake)
    }

    fn within(
        outside: Outside,
        paths: Paths,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> std::io::Result<Bridge> {
        let (commands, inbox) = mpsc::unbounded_channel();
        let (outbox, updates) = mpsc::channel(UPDATES);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let tell = Tell { outbox, wake: Arc::new(wake) };
        let own = tell.clone();
        let traces = Traces::default();
        let wipe = safe::wait_to_wipe(paths.profile.clone(), tell.clone(), traces.clone(), outside.end)?;
        let left = traces.clone();
        let last_word = LastWord(tell.clone());
        let worker = std::thread::Builder::new().name("bridge".into()).spawn(move || {
            let _last_word = last_word;
            runtime.block_on(Worker::run(paths, tell, outside.clipboard, left, inbox));
            runtime.shutdown_timeout(END_WAIT);
        })?;
        Ok(Bridge { commands: Some(commands), updates, worker: Some(worker), tell: own, wipe, traces })
    }
}

impl Bridge {
    /// Tells the window to come up whenever `calls` says so.
    pub(crate) fn raised_by(&mut self, calls: std::sync::mpsc::Receiver<()>) -> std::io::Result<()> {
        let tell = self.tell.clone();
        let wait = move || {
            for () in calls {
                tell.say_blocking(Update::Raise);
            }
        };
        std::thread::Builder::new().name("raise".into()).spawn(wait).map(drop)
    }
}

impl World for Bridge {
    fn tell(&mut self, command: Command) {
        if matches!(command, Command::Wipe) {
            // Past the queue: whatever the worker is at, this waits for nothing.
            let _ = self.wipe.send(());
            return;
        }
        if matches!(command, Command::Lock) {
            self.traces.backups.ask();
        }
        if let Some(commands) = &self.commands
            && commands.send(command).is_err()
        {
            tracing::error!("the worker has ended");
        }
    }

    fn take(&mut self) -> Option<Update> {
        self.updates.try_recv().ok()
    }
}

impl Drop for Bridge {
    /// Ends the worker, which closes the profile. Happens when the window is gone already.
    fn drop(&mut self) {
        self.commands = None;
        self.traces.backups.ask();
        self.updates.close();
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

/// The worker's way to the window.
#[derive(Clone)]
pub(crate) struct Tell {
    outbox: mpsc::Sender<Update>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Tell {
    /// Hands an update over; waits while the window is behind, and does nothing once it is gone.
    pub(crate) async fn say(&self, update: Update) {
        if self.outbox.send(update).await.is_ok() {
            (self.wake)();
        }
    }

    /// The same from a thread of its own.
    fn say_blocking(&self, update: Update) {
        if self.outbox.blocking_send(update).is_ok() {
            (self.wake)();
        }
    }

    async fn done(&self, task: Task) {
        self.say(Update::Done(task)).await;
    }
}

/// Tells the window that nothing is open any more where the worker has died of a defect: it would wait for ever, over
/// buttons that do nothing.
struct LastWord(Tell);

impl Drop for LastWord {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.say_blocking(Update::Stage(Stage::Locked));
        }
    }
}

struct Worker {
    paths: Paths,
    tell: Tell,
    open: Option<Open>,
    notices: Notices,
    /// Contacts are told when their messages have been seen.
    tell_read: bool,
    /// The settings could not be kept, and that was said.
    unkept: bool,
    clipboard: Opener,
    traces: Traces,
    /// Somebody looks at the roads.
    watch: Watch,
}

/// An open profile, with the cast of a practice if it is one.
struct Open {
    session: Session,
    cast: Option<Cast>,
}

/// Why the worker goes on.
enum Woken {
    Command(Option<Command>),
    Event(Option<madang_core::Event>),
    Watch,
}

impl Worker {
    async fn run(
        paths: Paths,
        tell: Tell,
        clipboard: Opener,
        traces: Traces,
        mut inbox: mpsc::UnboundedReceiver<Command>,
    ) {
        let tell_read = paths.prefs().unwrap_or_default().tell_read;
        let notices = Notices::start();
        let watch = Watch::default();
        let mut worker =
            Worker { paths, tell, open: None, notices, tell_read, unkept: false, clipboard, traces, watch };
        worker.closed().await;
        worker.serve(&mut inbox).await;
        worker.close().await;
    }

    async fn serve(&mut self, inbox: &mut mpsc::UnboundedReceiver<Command>) {
        loop {
            let woken = match &mut self.open {
                None => Woken::Command(inbox.recv().await),
                Some(open) => tokio::select! {
                    biased;
                    command = inbox.recv() => Woken::Command(command),
                    event = open.session.next() => Woken::Event(event),
                    () = self.watch.due() => Woken::Watch,
                },
            };
            match woken {
                Woken::Command(Some(command)) => self.obey(command).await,
                Woken::Command(None) => break,
                Woken::Event(Some(event)) => {
                    if let Some(open) = &mut self.open {
                        open.session.take(event).await;
                    }
                }
                Woken::Event(None) => self.ended().await,
                Woken::Watch => {
                    if let Some(open) = &mut self.open {
                        open.session.look_again().await;
                    }
                }
            }
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Keep(prefs) => {
                self.tell_read = prefs.tell_read;
                if let Some(open) = &mut self.open {
                    open.session.tell_read = prefs.tell_read;
                }
                self.keep(&prefs).await;
            }
            Command::Take(number, source) => taken::take(&self.tell, number, source, &self.clipboard),
            Command::Watch(on) => self.watch.set(on),
            Command::ClearClipboard(text) => taken::clear_clipboard(&self.tell, text).await,
            Command::Notify { title, body } => {
                if self.open.is_some() {
                    self.notices.show(title, body);
                }
            }
            Command::HideNotices => self.notices.take_back(),
            Command::Create { name, passphrase } => {
                let config = Config { name, ..Config::default() };
                self.tell.say(Update::Began(Task::Create)).await;
                match Node::create(&self.paths.profile, passphrase.as_bytes(), config).await {
                    Ok((node, events)) => {
                        self.opened(Session::new(node, events, self.tell.clone()), None, Task::Create).await
                    }
                    Err(error) => {
                        self.tell.say(Update::Failed(Task::Create, failure(&error, T::FailCreate))).await
                    }
                }
            }
            Command::Unlock { passphrase } => {
                self.tell.say(Update::Began(Task::Unlock)).await;
                match Node::open(&self.paths.profile, passphrase.as_bytes(), Config::default()).await {
                    Ok((node, events)) => {
                        self.opened(Session::new(node, events, self.tell.clone()), None, Task::Unlock).await
                    }
                    Err(error) => {
                        self.tell.say(Update::Failed(Task::Unlock, failure(&error, T::FailOpen))).await
                    }
                }
            }
            Command::Restore { path, secret, passphrase } => {
                self.tell.say(Update::Began(Task::Restore)).await;
                match safe::restore(path, &secret, &self.paths.profile, &passphrase).await {
                    Ok((node, events)) => {
                        self.opened(Session::new(node, events, self.tell.clone()), None, Task::Restore).await
                    }
                    Err(failure) => self.tell.say(Update::Failed(Task::Restore, failure)).await,
                }
            }
            Command::Practice { name, korean } => {
                self.tell.say(Update::Began(Task::Create)).await;
                match Cast::gather(&name, korean).await {
                    Ok((cast, node, events)) => {
                        self.traces.practise_in(Some(cast.folder().to_owned()));
                        self.opened(Session::new(node, events, self.tell.clone()), Some(cast), Task::Create)
                            .await
                    }
                    Err(detail) => {
                        let failure = crate::model::Failure { sentence: T::NotOnThisComputer, detail };
                        self.tell.say(Update::Failed(Task::Create, failure)).await;
                    }
                }
            }
            Command::Lock => {
                self.close().await;
                self.closed().await;
            }
            other => {
                if let Some(open) = &mut self.open {
                    open.session.obey(other).await;
                }
            }
        }
    }

    /// Takes over a profile that was opened. The window hears of it once it has been told what is in there, so that
    /// it never says that there is nothing.
    async fn opened(&mut self, mut session: Session, cast: Option<Cast>, task: Task) {
        session.tell_read = self.tell_read;
        // Who has locked before has opened it again.
        self.traces.backups.reset();
        session.backups = self.traces.backups.clone();
        session.tell_all().await;
        self.tell.say(Update::Stage(if cast.is_some() { Stage::Practice } else { Stage::Open })).await;
        self.tell.done(task).await;
        if cast.is_none() {
            session.tell_desk().await;
        }
        self.open = Some(Open { session, cast });
    }

    /// The node ended by itself. The reason comes before the lock, which may be the last that this process hears.
    async fn ended(&mut self) {
        let why = self.open.as_ref().map_or(Ending::Other, |open| open.session.ending());
        self.close().await;
        self.tell.say(Update::Ended(why)).await;
        self.closed().await;
    }

    async fn close(&mut self) {
        self.notices.take_back();
        if let Some(Open { session, cast }) = self.open.take() {
            session.close().await;
            if let Some(cast) = cast {
                cast.leave().await;
                self.traces.practise_in(None);
            }
        }
    }

    async fn closed(&self) {
        let there = Node::is_in(&self.paths.profile);
        self.tell.say(Update::Stage(if there { Stage::Locked } else { Stage::Welcome })).await;
    }

    /// Keeps the settings. That it does not work is said once, until it has worked again.
    async fn keep(&mut self, prefs: &Prefs) {
        let (paths, prefs) = (self.paths.clone(), *prefs);
        let kept = tokio::task::spawn_blocking(move || paths.keep(&prefs)).await;
        let unkept = !matches!(kept, Ok(Ok(())));
        if unkept && !self.unkept {
            let notice = Notice { sentence: T::PrefsNotSaved, parts: Vec::new(), trouble: true };
            self.tell.say(Update::Notice(notice)).await;
        }
        self.unkept = unkept;
    }
}
