//! What an operator types: `init`, `run`, `check-config`, `show`, and how each ends.

use std::{
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::{CommandFactory, Parser, Subcommand};

use crate::{
    Machine, MachineError, Relay, RelayError, Settings,
    config::{self, ConfigError, ConfigFile, Format, Level, Socket},
};

/// How long a stop may take before the process ends without waiting further. Nothing acknowledged depends on it.
const STOP_WAIT: Duration = Duration::from_secs(4);

/// Keeps mail for people who are away, and cannot read it.
///
/// Exit codes: 0 done · 1 stopped by a fault of disk or network · 2 not understood · 3 the configuration is wrong ·
/// 4 another relay runs on the directory · 5 there is no usable machine key,
/// or no address to announce yet (`show`) · 6 cannot listen
#[derive(Debug, Parser)]
#[command(name = "madang-relay", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a new relay: a commented configuration, a data directory and a machine key
    Init {
        /// The configuration file to write
        #[arg(long, default_value = "relay.toml", value_name = "FILE")]
        config: PathBuf,
        /// The data directory to make; a relative path is meant from the folder of the configuration
        #[arg(long, default_value = "data", value_name = "DIR")]
        data: PathBuf,
        /// A socket to listen on, such as 0.0.0.0:4470; may be repeated [default: port 4470 of every address, IPv4 and IPv6]
        #[arg(long, value_name = "IP:PORT")]
        listen: Vec<Socket>,
        /// A socket under which others reach this relay, if it is not one of the machine's own; may be repeated
        #[arg(long, value_name = "IP:PORT")]
        announce: Vec<Socket>,
    },
    /// Serve until SIGTERM or SIGINT
    Run {
        /// The configuration file
        #[arg(long, default_value = "relay.toml", value_name = "FILE")]
        config: PathBuf,
    },
    /// Read the configuration and the machine key, and say what is wrong with them; changes nothing
    CheckConfig {
        /// The configuration file
        #[arg(long, default_value = "relay.toml", value_name = "FILE")]
        config: PathBuf,
    },
    /// Show the descriptor, to be handed to those who may use this relay; works while the relay runs
    Show {
        /// The configuration file
        #[arg(long, default_value = "relay.toml", value_name = "FILE")]
        config: PathBuf,
        /// Write one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one page for each command into a directory
    Man {
        /// Write a page for each command into this directory
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

/// Why a command ended.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The relay cannot start or had to stop.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// A file that `init` would write is there already.
    #[error("{path}: exists already; nothing was changed", path = .0.display())]
    Exists(PathBuf),
    /// There is no descriptor yet.
    #[error(
        "no address is known yet: name one under `network.announce`, or start the relay once so that it sees its own"
    )]
    NoDescriptor,
    /// The system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl CommandError {
    /// The exit code of a process that ends this way.
    pub fn exit(&self) -> u8 {
        match self {
            Self::Config(_) => 3,
            Self::Relay(RelayError::Busy(_)) => 4,
            Self::Relay(RelayError::Machine(_)) | Self::NoDescriptor => 5,
            Self::Relay(RelayError::Network(_) | RelayError::Deaf) => 6,
            Self::Relay(_) | Self::Exists(_) | Self::Io { .. } => 1,
        }
    }
}

/// Does what the command line says. The whole program but for its first line.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match obey(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "madang-relay: {error}");
            ExitCode::from(error.exit())
        }
    }
}

fn obey(command: Command) -> Result<(), CommandError> {
    match command {
        Command::Init { config, data, listen, announce } => init(&config, &data, listen, &announce),
        Command::Run { config } => run(&ConfigFile::load(&config)?),
        Command::CheckConfig { config } => check(&config),
        Command::Show { config, json } => show(&ConfigFile::load(&config)?, json),
        Command::Completions { shell } => {
            let mut page = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "madang-relay", &mut page);
            say(&page)
        }
        Command::Man { dir } => man(dir.as_deref()),
    }
}

fn init(path: &Path, data: &Path, listen: Vec<Socket>, announce: &[Socket]) -> Result<(), CommandError> {
    if path.exists() {
        return Err(CommandError::Exists(path.into()));
    }
    let listen = if listen.is_empty() { config::default_listen() } else { listen };
    let text = config::commented(data, &listen, announce);
    // Read what is about to be written, so that a wrong address is told before anything is made.
    let mut file = ConfigFile::parse(path, &text)?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .map_err(|source| CommandError::Io { what: format!("{}", folder.display()), source })?;
    file.data = folder.join(data);
    write_new(path, &text)?;
    if let Err(error) = Relay::init(&file.data) {
        // All or nothing: the configuration was made here, a moment ago.
        let _ = std::fs::remove_file(path);
        return Err(error.into());
    }
    let next = format!(
        "Made a relay: {} and {}\nRun it:      madang-relay run --config {}\nHand it out: madang-relay show --config {}\n",
        path.display(),
        file.data.display(),
        path.display(),
        path.display()
    );
    say(next.as_bytes())
}

fn write_new(path: &Path, text: &str) -> Result<(), CommandError> {
    let write = || {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AlreadyExists => CommandError::Exists(path.into()),
        _ => CommandError::Io { what: path.display().to_string(), source },
    })
}

fn check(path: &Path) -> Result<(), CommandError> {
    let file = ConfigFile::load(path)?;
    Machine::open(&file.data).map_err(RelayError::from)?;
    let settings = Settings::from_file(&file);
    let mut text = format!("{}: fine\ndata      {}\n", path.display(), file.data.display());
    for (word, addresses) in [("listen", &settings.listen), ("announce", &settings.announce)] {
        for address in addresses {
            text += &format!("{word:<9} {}\n", address.as_str());
        }
    }
    text += &format!("room      {}\n", file.keep.room);
    if let Some(warning) = too_few_files(&settings, net::raise_file_limit()) {
        text += &format!("{warning}\n");
    }
    say(text.as_bytes())
}

/// What to say if a relay may not open as many files as its connections need.
fn too_few_files(settings: &Settings, limit: Option<u64>) -> Option<String> {
    let (needed, connections) = (settings.files(), settings.connections);
    let limit = limit.filter(|limit| *limit < needed)?;
    Some(format!(
        "warning   {connections} connections need up to {needed} open files, and a process started from here may open \
         {limit}: raise that (LimitNOFILE in the unit, ulimit -n in a shell), or lower `network.connections`"
    ))
}

fn show(file: &ConfigFile, json: bool) -> Result<(), CommandError> {
    let machine = Machine::open(&file.data).map_err(RelayError::from)?;
    let settings = Settings::from_file(file);
    let shown = crate::descriptor::present(&machine, &settings)
        .map_err(RelayError::from)?
        .ok_or(CommandError::NoDescriptor)?;
    let (text, id) = (shown.to_text(), crate::descriptor::id_text(&shown));
    let facts = shown.facts();
    if json {
        let addresses: Vec<&str> = facts.addresses.iter().map(|address| address.as_str()).collect();
        let object = serde_json::json!({
            "descriptor": text,
            "relay_id": id,
            "addresses": addresses,
            "longest_days": facts.ttl_days_max,
            "sequence": facts.sequence,
        });
        return say(format!("{object}\n").as_bytes());
    }
    let mut page = format!("{text}\n\n");
    // Capitals make a smaller code, and mean the same.
    let code = qrcode::QrCode::with_error_correction_level(text.to_ascii_uppercase(), qrcode::EcLevel::L);
    if let Ok(code) = code {
        page += &picture(&code);
        page += "\n\n";
    }
    page += &format!("relay     {id}\n");
    for address in &facts.addresses {
        page += &format!("address   {address}\n");
    }
    page += &format!("keeps     mail for up to {} days of running time\n", facts.ttl_days_max);
    say(page.as_bytes())
}

/// Draws light modules as blocks: most terminals write light on dark.
fn picture(code: &qrcode::QrCode) -> String {
    use qrcode::render::unicode::Dense1x2;
    code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build()
}

fn run(file: &ConfigFile) -> Result<(), CommandError> {
    log_as(file);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("madang-net")
        .enable_all()
        .build()
        .map_err(|source| CommandError::Io { what: "the runtime cannot start".into(), source })?;
    let settings = Settings::from_file(file);
    if let Some(warning) = too_few_files(&settings, net::raise_file_limit()) {
        tracing::warn!("{warning}");
    }
    let result = runtime.block_on(serve(settings));
    runtime.shutdown_timeout(Duration::from_millis(200));
    Ok(result?)
}

async fn serve(settings: Settings) -> Result<(), RelayError> {
    // Signals are heard from here on, so that a stop during the start is a stop too.
    let mut told = Signals::new();
    let started = tokio::select! {
        biased;
        () = told.stop() => return Ok(()),
        started = Relay::start(settings) => started,
    };
    let mut relay = started?;
    tracing::info!("serving; `madang-relay show` prints the descriptor");
    notify("READY=1");
    tokio::select! {
        () = relay.stopped() => {}
        () = told.stop() => tracing::info!("stopping"),
    }
    notify("STOPPING=1");
    match tokio::time::timeout(STOP_WAIT, relay.shutdown()).await {
        Ok(result) => result,
        Err(_) => {
            tracing::warn!("the disk is slow; leaving what was not acknowledged");
            Ok(())
        }
    }
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let hear = |kind| signal(kind).expect("SIGTERM and SIGINT can always be listened for");
        Self { terminate: hear(SignalKind::terminate()), interrupt: hear(SignalKind::interrupt()) }
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Tells systemd how far we are, if it asked to be told.
fn notify(state: &str) {
    use std::os::{linux::net::SocketAddrExt, unix::ffi::OsStrExt, unix::net};
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let address = match path.as_bytes().strip_prefix(b"@") {
        Some(name) => net::SocketAddr::from_abstract_name(name),
        None => net::SocketAddr::from_pathname(&path),
    };
    if let (Ok(address), Ok(socket)) = (address, net::UnixDatagram::unbound()) {
        let _ = socket.send_to_addr(state.as_bytes(), &address);
    }
}

/// Begins the log on standard error. Only our own words stand in it: the libraries below name addresses and peers.
fn log_as(file: &ConfigFile) {
    use tracing_subscriber::{EnvFilter, fmt};
    let level = file.log.level.name();
    let filter = match file.log.level {
        Level::Off => "off".to_owned(),
        _ => format!("off,madang_relay={level}"),
    };
    let filter = EnvFilter::builder().parse_lossy(filter);
    let log = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let _ = match file.log.format {
        Format::Text => log.with_ansi(std::io::stderr().is_terminal()).try_init(),
        Format::Json => log.json().flatten_event(true).try_init(),
    };
}

fn man(dir: Option<&Path>) -> Result<(), CommandError> {
    let io = |what: &Path| {
        let what = what.display().to_string();
        move |source| CommandError::Io { what, source }
    };
    match dir {
        Some(dir) => {
            std::fs::create_dir_all(dir).map_err(io(dir))?;
            clap_mangen::generate_to(Cli::command(), dir).map_err(io(dir))
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(io(Path::new("the page")))?;
            say(&page)
        }
    }
}

/// Writes to standard output. A reader that closed its end has read enough.
fn say(bytes: &[u8]) -> Result<(), CommandError> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => {
            result.map_err(|source| CommandError::Io { what: "the output cannot be written".into(), source })
        }
    }
}

impl From<MachineError> for CommandError {
    fn from(error: MachineError) -> Self {
        Self::Relay(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn who_allows_more_connections_than_files_is_told_so() {
        let text = config::commented(Path::new("data"), &config::default_listen(), &[]);
        let files = |connections: &str| {
            let text = text.replace("connections = 2000", connections);
            Settings::from_file(&ConfigFile::parse(Path::new("relay.toml"), &text).expect("fine"))
        };
        assert_eq!(too_few_files(&files("connections = 2000"), Some(16_384)), None);
        let many = files("connections = 100000");
        assert_eq!(many.quotas.followers, 100_000, "each of them may follow the list");
        let warning = too_few_files(&many, Some(16_384)).expect("they are too many");
        assert!(warning.contains("LimitNOFILE") && warning.contains("150256"), "{warning}");
        assert_eq!(too_few_files(&many, None), None, "there is no limit");
    }

    #[test]
    fn init_makes_all_or_tells_why_not() {
        let dir = tempfile::tempdir().expect("a folder");
        let config = dir.path().join("relay.toml");
        let wrong: Vec<Socket> = vec!["0.0.0.0:4470".parse().expect("a socket")];
        init(&config, Path::new("data"), Vec::new(), &wrong).expect_err("nobody can dial it");
        assert_eq!(std::fs::read_dir(dir.path()).expect("readable").count(), 0, "nothing was made");
        init(&config, Path::new("data"), Vec::new(), &[]).expect("made");
        check(&config).expect("fine");
        let again = init(&config, Path::new("other"), Vec::new(), &[]).expect_err("there is one");
        assert!(again.to_string().contains("exists already"), "{again}");
        assert!(!dir.path().join("other").exists());
        let taken = init(&dir.path().join("second.toml"), Path::new("data"), Vec::new(), &[])
            .expect_err("one lives there");
        assert!(taken.to_string().contains("a relay lives here already"), "{taken}");
        assert!(!dir.path().join("second.toml").exists(), "nothing was made");
    }
}
