//! How a command fails: one sentence for people, one word and one number for scripts.

use std::fmt;

use serde::Serialize;

/// What kind of thing went wrong; each kind has its own exit code.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Anything without a kind of its own; exit code 1.
    Other,
    /// The command was not understood; exit code 2.
    Usage,
    /// The passphrase does not open the profile; exit code 3.
    WrongPassphrase,
    /// Another process holds the profile; exit code 4.
    Busy,
    /// What was named is not there; exit code 5.
    NotFound,
    /// It did not happen in the time that was given; exit code 6.
    TimedOut,
    /// The profile is locked; exit code 7, told by `listen` only.
    Locked,
    /// Nobody reads the output any more; exit code 141, as of a program that its pipe has ended. It is told nobody.
    Unread,
}

impl Kind {
    /// The exit code of a process that fails this way.
    pub fn exit(self) -> u8 {
        match self {
            Self::Other => 1,
            Self::Usage => 2,
            Self::WrongPassphrase => 3,
            Self::Busy => 4,
            Self::NotFound => 5,
            Self::TimedOut => 6,
            Self::Locked => 7,
            Self::Unread => 141,
        }
    }
}

/// A failed command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// What kind.
    pub kind: Kind,
    /// What is wrong and what to do, in one sentence.
    pub say: String,
}

impl Failure {
    /// Makes a failure of a kind.
    pub fn new(kind: Kind, say: impl Into<String>) -> Self {
        Self { kind, say: say.into() }
    }

    /// The command cannot be understood as it was given.
    pub fn usage(say: impl Into<String>) -> Self {
        Self::new(Kind::Usage, say)
    }

    /// Something that was named does not exist.
    pub fn not_found(say: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, say)
    }

    /// Anything else.
    pub fn other(say: impl Into<String>) -> Self {
        Self::new(Kind::Other, say)
    }

    /// Returns the object that stands under `error` in JSON.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "kind": self.kind, "exit": self.kind.exit(), "say": self.say })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.say)
    }
}

impl std::error::Error for Failure {}

/// Output that cannot be written ends the command; a reader that closed its end is no mistake of ours.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::BrokenPipe => Kind::Unread,
            _ => Kind::Other,
        };
        Self::new(kind, format!("the output cannot be written: {error}"))
    }
}
