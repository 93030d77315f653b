//! The operator's file: what it may say, what each word means, and what is wrong with it.

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use proto::mailbox::server::Quotas;
use serde::{Deserialize, Deserializer, de};

use crate::units::{Size, Span};

/// Longest configuration file that is read, in bytes. The commented one that `init` writes has about 3 KiB.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// Most addresses to listen on, and most to announce: a descriptor carries eight, two for each socket.
const SOCKETS_MAX: usize = 4;

/// Longest time to live a relay may grant, in days of its own running time.
const KEEP_DAYS_MAX: u64 = 60;

/// The least room that a relay can be given: one envelope of the largest class and its books.
const ROOM_BYTES_MIN: u64 = 1 << 20;

/// What the file says, checked. Every key has a default but `data`, which `init` writes.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigFile {
    /// The data directory; a relative path is meant from the folder of the file.
    pub data: PathBuf,
    /// Where the relay listens and what it tells others.
    #[serde(default)]
    pub network: NetworkPart,
    /// How much it keeps, and for how long.
    #[serde(default)]
    pub keep: KeepPart,
    /// What it writes down about itself.
    #[serde(default)]
    pub log: LogPart,
}

/// The `[network]` part.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkPart {
    /// Sockets to listen on.
    pub listen: Vec<Socket>,
    /// Ways to speak on each socket.
    pub transports: Vec<Transport>,
    /// Sockets under which others reach this relay; empty means: those of the machine's own interfaces.
    pub announce: Vec<Socket>,
    /// Most connections at one time.
    pub connections: Connections,
}

/// The `[keep]` part.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeepPart {
    /// Bytes of mail in all.
    pub room: Size,
    /// Longest time to live that is granted, in running time.
    pub longest: Span,
}

/// The `[log]` part.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogPart {
    /// How much is told.
    pub level: Level,
    /// For people or for machines.
    pub format: Format,
    /// Whether addresses of those who connect may stand in the log.
    pub addresses: bool,
    /// How often the counters are told; zero means never.
    pub counters: Span,
}

/// An IP literal and a port, as in `0.0.0.0:4470` or `[::]:4470`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Socket(pub SocketAddr);

/// How a connection is carried.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TCP with Noise: the usual way, about 25 kB of memory for an idle connection.
    Tcp,
    /// QUIC over UDP: a key exchange that resists quantum computers, about 70 kB for an idle connection.
    Quic,
}

/// How many connections at one time, 1 to 100 000.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Connections(pub u32);

/// How much the log tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing at all.
    Off,
    /// Only what stops the relay.
    Error,
    /// Also what an operator should look at.
    Warn,
    /// Also start, stop and counters.
    Info,
    /// Also each connection's coming and going, without saying whose.
    Debug,
}

/// Who reads the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// People.
    Text,
    /// Machines: one JSON object a line.
    Json,
}

/// Why a configuration cannot be used. Each sentence names the file, where known the line, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there.
    #[error("{path}: there is no such file; write one with `madang-relay init --config {path}`", path = .0.display())]
    Missing(PathBuf),
    /// The file is there and cannot be read.
    #[error("{path}: cannot be read: {source}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file holds bytes that are no text.
    #[error("{path}: is no text, so it is no configuration of a relay; put back a copy, or write a new one with `madang-relay init`", path = .0.display())]
    NoText(PathBuf),
    /// The file is no configuration.
    #[error("{path}: is larger than 256 KiB, so it is no configuration of a relay", path = .0.display())]
    TooLarge(PathBuf),
    /// A line is wrong.
    #[error("{path}, line {line}: {what}", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from one.
        line: usize,
        /// What is wrong and what would be right.
        what: String,
    },
    /// The file as a whole is wrong.
    #[error("{path}: {what}", path = path.display())]
    Whole {
        /// The file.
        path: PathBuf,
        /// What is wrong and what would be right.
        what: String,
    },
}

impl ConfigFile {
    /// Reads and checks a file. A relative `data` becomes a path from the file's folder.
    ///
    /// # Errors
    /// [`ConfigError`], whose text names the line and key. Nothing is changed.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::NotFound => ConfigError::Missing(path.into()),
            std::io::ErrorKind::InvalidData => ConfigError::NoText(path.into()),
            _ => ConfigError::Unreadable { path: path.into(), source },
        };
        if std::fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
            return Err(ConfigError::TooLarge(path.into()));
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let mut file = Self::parse(path, &text)?;
        if file.data.is_relative() {
            file.data = path.parent().unwrap_or(Path::new("")).join(&file.data);
        }
        Ok(file)
    }

    /// Reads and checks a text; `path` only stands in error sentences.
    ///
    /// # Errors
    /// [`ConfigError::Line`] or [`ConfigError::Whole`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let file: Self = toml::from_str(text).map_err(|error| at_line(path, text, &error))?;
        file.check().map_err(|what| ConfigError::Whole { path: path.into(), what })?;
        Ok(file)
    }

    fn check(&self) -> Result<(), String> {
        let NetworkPart { listen, transports, announce, .. } = &self.network;
        if listen.is_empty() {
            return Err("`network.listen` is empty; name a socket such as \"0.0.0.0:4470\"".into());
        }
        if transports.is_empty() {
            return Err("`network.transports` is empty; name \"tcp\", \"quic\" or both".into());
        }
        for (key, sockets) in [("listen", listen), ("announce", announce)] {
            if sockets.len() > SOCKETS_MAX {
                return Err(format!("`network.{key}` has {} entries; at most 4 fit", sockets.len()));
            }
        }
        if let Some(Socket(wrong)) = announce.iter().find(|s| s.0.ip().is_unspecified() || s.0.port() == 0) {
            return Err(format!(
                "`network.announce` has {wrong}, which nobody can dial; name the address and port others use"
            ));
        }
        if self.keep.room.0 < ROOM_BYTES_MIN {
            return Err(format!("`keep.room` is {}; a relay needs at least 1 MiB", self.keep.room));
        }
        let days = self.keep.longest.0.as_secs() / 86_400;
        if self.keep.longest.0 != Duration::from_secs(days * 86_400) || !(1..=KEEP_DAYS_MAX).contains(&days) {
            return Err("`keep.longest` must be whole days, from \"1 day\" to \"60 days\"".into());
        }
        Ok(())
    }
}

/// The commented file that `init` writes. It parses to exactly the values given.
pub fn commented(data: &Path, listen: &[Socket], announce: &[Socket]) -> String {
    let list = |sockets: &[Socket]| {
        let quoted: Vec<String> = sockets.iter().map(|s| format!("\"{}\"", s.0)).collect();
        format!("[{}]", quoted.join(", "))
    };
    let data = toml::Value::String(data.display().to_string());
    TEMPLATE
        .replace("{data}", &data.to_string())
        .replace("{listen}", &list(listen))
        .replace("{announce}", &list(announce))
}

/// Every key with its default and its meaning.
const TEMPLATE: &str = r#"# Configuration of a Madang relay. Check a change with `madang-relay check-config`;
# it takes effect when the relay is started again.

# Directory of the machine key and of the mail, which is sealed under that key.
# A relative path is meant from the folder of this file. Only the relay's own user may enter it.
# Who loses the directory loses the relay's name: keep a copy of `machine.key` in a safe place.
data = {data}

[network]
# Sockets to listen on: IP literals with a port, at most four. Names are never looked up.
listen = {listen}

# How connections are carried, on each socket: "tcp" (Noise over TCP) and "quic" (QUIC over UDP).
transports = ["tcp", "quic"]

# Sockets under which others reach this relay, for its descriptor: name the public address here when the
# relay stands behind a router that forwards the port. Empty: the addresses of this machine's interfaces.
announce = {announce}

# Most connections at one time. An idle one costs about 25 kB of memory over TCP, 70 kB over QUIC.
connections = 2000

[keep]
# Room for mail. Beyond fifteen sixteenths of it new mail is refused, but for the smallest blobs (receipts);
# what the relay has accepted it keeps to its end.
# Under one tag lies one envelope of 1, 4, 16 or 60 KiB: that is fixed. Units: B, KiB, MiB, GiB, TiB.
room = "20 GiB"

# The longest time to live that is granted, in whole days of this relay's running time: days on which it is
# switched off do not count, and no clock is asked. From "1 day" to "60 days".
longest = "30 days"

[log]
# How much is told: "off", "error", "warn", "info" or "debug".
level = "info"

# "text" for people, "json" for machines (one object a line). The log goes to standard error.
format = "text"

# Whether addresses of those who connect may stand in the log. Leave it off: a log that does not exist
# cannot be taken away. Tags and contents are never logged, whatever this says.
addresses = false

# How often the counters are told (connections, mail kept, refused, ...; no identities). "0 s": never.
counters = "10 min"
"#;

impl Default for NetworkPart {
    fn default() -> Self {
        Self {
            listen: default_listen(),
            transports: vec![Transport::Tcp, Transport::Quic],
            announce: Vec::new(),
            connections: Connections(2_000),
        }
    }
}

/// Every interface, IPv4 and IPv6, port 4470.
pub fn default_listen() -> Vec<Socket> {
    let any = |ip: &str| Socket(SocketAddr::new(ip.parse().expect("an IP literal"), 4_470));
    vec![any("0.0.0.0"), any("::")]
}

impl KeepPart {
    /// Returns the mailbox's quotas.
    pub fn quotas(&self) -> Quotas {
        let days = self.longest.0.as_secs() / 86_400;
        Quotas { bytes: self.room.0, ttl_days: u8::try_from(days).unwrap_or(u8::MAX), ..Quotas::default() }
    }
}

impl Default for KeepPart {
    fn default() -> Self {
        Self { room: Size(20 << 30), longest: Span(Duration::from_secs(30 * 86_400)) }
    }
}

impl Default for LogPart {
    fn default() -> Self {
        Self {
            level: Level::Info,
            format: Format::Text,
            addresses: false,
            counters: Span(Duration::from_secs(600)),
        }
    }
}

impl Level {
    /// The word in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Socket {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(socket) = text.parse() {
            return Ok(Self(socket));
        }
        let why = match text.parse::<std::net::IpAddr>() {
            Ok(std::net::IpAddr::V4(_)) => "has no port",
            Ok(std::net::IpAddr::V6(_)) => "needs brackets around the IPv6 address, then a port",
            Err(_) => "is no IP address with a port (names are never looked up)",
        };
        Err(format!("`{text}` {why}; write \"203.0.113.7:4470\" or \"[2001:db8::7]:4470\""))
    }
}

impl<'de> Deserialize<'de> for Socket {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Connections {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match i64::deserialize(from)? {
            number @ 1..=100_000 => Ok(Self(number as u32)),
            number => Err(de::Error::custom(format!("`{number}` is out of bounds; write 1 to 100000"))),
        }
    }
}

/// Turns a complaint of the TOML reader into our sentence with file and line.
fn at_line(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let what = error.message().trim_end().replace('\n', "; ").replace("unknown field", "unknown key");
    match error.span() {
        Some(span) if !what.starts_with("missing field") => {
            let line = 1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count();
            ConfigError::Line { path: path.into(), line, what }
        }
        _ => ConfigError::Whole { path: path.into(), what },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ConfigFile, ConfigError> {
        ConfigFile::parse(Path::new("relay.toml"), text)
    }

    fn said(text: &str) -> String {
        parse(text).expect_err(text).to_string()
    }

    #[test]
    fn the_commented_file_says_exactly_the_defaults() {
        let written = commented(Path::new("data"), &default_listen(), &[]);
        let bare = parse("data = \"data\"").expect("all but data has a default");
        assert_eq!(parse(&written).expect("our own file"), bare);
    }

    #[test]
    fn the_commented_file_carries_what_init_was_told() {
        let announce: Vec<Socket> =
            ["203.0.113.7:4470", "[2001:db8::7]:4471"].map(|s| s.parse().expect(s)).into();
        let written = commented(Path::new("a \"b\" \\ c"), &announce, &announce);
        let read = parse(&written).expect("our own file");
        assert_eq!(read.data, Path::new("a \"b\" \\ c"));
        assert_eq!((read.network.listen, read.network.announce), (announce.clone(), announce));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        assert_eq!(
            said("data = \"x\"\n[network]\nlisten = [\"0.0.0.0:1\"]\nlisen = []\n"),
            "relay.toml, line 4: unknown key `lisen`, expected one of `listen`, `transports`, `announce`, `connections`"
        );
        assert!(said("data = \"x\"\n[kep]\n").starts_with("relay.toml, line 2: unknown key `kep`"));
    }

    #[test]
    fn a_wrong_unit_is_named_with_its_line() {
        assert_eq!(
            said("data = \"x\"\n[keep]\nroom = \"20 GX\"\n"),
            "relay.toml, line 3: `20 GX` has an unknown unit `GX`; the units are B, KiB, MiB, GiB and TiB"
        );
        assert_eq!(
            said("data = \"x\"\n[keep]\nroom = 20\n"),
            "relay.toml, line 3: `20` has no unit; write it like \"20 GiB\""
        );
        assert_eq!(
            said("data = \"x\"\n[log]\ncounters = \"10 fortnights\"\n"),
            "relay.toml, line 3: `10 fortnights` has an unknown unit `fortnights`; the units are s, min, hours, days and weeks"
        );
    }

    #[test]
    fn a_wrong_socket_says_what_would_be_right() {
        let listen = |socket: &str| said(&format!("data = \"x\"\n\n[network]\nlisten = [\"{socket}\"]\n"));
        assert!(listen("10.0.0.1").contains("line 4: `10.0.0.1` has no port; write"));
        assert!(listen("::1:4470").contains("needs brackets around the IPv6 address"));
        assert!(listen("relay.example:4470").contains("names are never looked up"));
    }

    #[test]
    fn values_that_cannot_work_are_refused_with_their_key() {
        for (text, key) in [
            ("[network]\nlisten = []", "network.listen"),
            ("[network]\ntransports = []", "network.transports"),
            ("[network]\nannounce = [\"0.0.0.0:4470\"]", "network.announce"),
            ("[keep]\nroom = \"3 KiB\"", "keep.room"),
            ("[keep]\nlongest = \"61 days\"", "keep.longest"),
            ("[keep]\nlongest = \"36 hours\"", "keep.longest"),
        ] {
            let said = said(&format!("data = \"x\"\n{text}"));
            assert!(said.starts_with(&format!("relay.toml: `{key}`")), "{said}");
        }
        assert!(said("data = \"x\"\n[network]\nconnections = 0").contains("line 3: `0` is out of bounds"));
        assert!(
            said("data = \"x\"\n[network]\ntransports = [\"smoke\"]").contains("line 3: unknown variant")
        );
    }

    #[test]
    fn a_file_that_is_not_there_says_how_to_get_one() {
        let error = ConfigFile::load(Path::new("/nowhere/relay.toml")).expect_err("there is none");
        assert!(error.to_string().contains("madang-relay init --config /nowhere/relay.toml"));
    }

    #[test]
    fn a_relative_data_directory_is_meant_from_the_files_folder() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("relay.toml");
        std::fs::write(&path, "data = \"data\"").expect("written");
        assert_eq!(ConfigFile::load(&path).expect("fine").data, dir.path().join("data"));
    }
}
