//! For tests, behind the feature `thief`: somebody who has copied one end of a session and listens to both.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Message, Session, begin, compact, step};
use crate::key::{Secret32, X25519Public, X25519Secret};

/// X25519 secrets found by their public halves: what somebody knows who can break the curve.
#[derive(Debug, Default)]
pub struct Broken(BTreeMap<X25519Public, X25519Secret>);

impl Broken {
    /// Takes note of a secret.
    pub fn learn(&mut self, secret: X25519Secret) {
        self.0.insert(secret.public(), secret);
    }

    /// The secret behind a public half, if it is known.
    pub fn secret_of(&self, public: &X25519Public) -> Option<&X25519Secret> {
        self.0.get(public)
    }
}

/// Reads what either side says in a session from the moment of the copy on, as far as keys lead.
///
/// Without [`Broken`] keys that is the other side's next chain; with them, everything.
pub struct Eavesdropper {
    /// The root that the newest exchange has given.
    root: Secret32,
    /// The newest ratchet key of either side: the next exchange is one with it.
    newest: X25519Public,
    /// The secret behind it, if it was copied.
    copied: Option<X25519Secret>,
    /// Each reads the chains that it knows.
    readers: Vec<Session>,
}

impl Eavesdropper {
    /// Copies one end of a session.
    ///
    /// # Panics
    /// If vodozemac keeps sessions in another shape than the one that is pinned.
    pub fn new(session: &Session) -> Self {
        let kept = session.to_bytes();
        let copy = Session::from_bytes(&kept).expect("just written");
        let Some(state) = session.inner.active_sending_state() else {
            let Kept { sending_ratchet } = compact::read(&kept).expect("the pinned shape");
            let newest = X25519Public::from_bytes(&sending_ratchet.ratchet_key).expect("checked on entry");
            let root = Secret32::new(sending_ratchet.root_key.key);
            return Self { root, newest, copied: None, readers: vec![copy] };
        };
        let own = X25519Secret::from_bytes(*state.ratchet_key);
        let chain = Chain {
            ratchet_key: *own.public().as_bytes(),
            hkdf_ratchet: Link { key: *state.chain_key, index: state.chain_index },
            skipped_message_keys: List { inner: Vec::new() },
        };
        let readers = vec![copy, reader_of(chain, *state.root_key)];
        Self { root: Secret32::new(*state.root_key), newest: own.public(), copied: Some(own), readers }
    }

    /// Reads a message of either side, if that can be done.
    pub fn read(&mut self, bytes: &[u8], broken: &Broken) -> Option<Vec<u8>> {
        let message = Message::parse(bytes).ok()?;
        let key = message.header().ratchet_key;
        match self.readers.iter_mut().find(|reader| reader.next_index(&key).is_some()) {
            Some(reader) => reader.decrypt_parsed(&message).ok(),
            None => self.follow(&message, broken),
        }
    }

    /// Takes the step that a new ratchet key stands for.
    fn follow(&mut self, message: &Message, broken: &Broken) -> Option<Vec<u8>> {
        let secret = self.copied.as_ref().or_else(|| broken.secret_of(&self.newest))?;
        let inner = begin(self.root.as_bytes(), &[0; 32], &secret.to_bytes());
        let mut reader = Session { inner, chains: Vec::new() };
        let plain = reader.decrypt_parsed(message).ok()?;
        let newest = message.header().ratchet_key;
        self.root = step(&self.root, &secret.diffie_hellman(&newest).ok()?).0;
        self.readers.push(reader);
        (self.newest, self.copied) = (newest, None);
        Some(plain)
    }
}

impl std::fmt::Debug for Eavesdropper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Eavesdropper")
    }
}

/// What is read of a session that has yet to answer.
#[derive(Deserialize)]
struct Kept {
    sending_ratchet: Waiting,
}

#[derive(Deserialize, Serialize)]
struct Waiting {
    #[serde(rename = "type", default, skip_deserializing)]
    kind: Inactive,
    root_key: Root,
    ratchet_key: [u8; 32],
}

#[derive(Default, Serialize)]
#[serde(rename_all = "snake_case")]
enum Inactive {
    #[default]
    Inactive,
}

#[derive(Deserialize, Serialize)]
struct Root {
    key: [u8; 32],
}

/// A session as vodozemac keeps it, with a single chain.
#[derive(Serialize)]
struct Whole {
    session_keys: Names,
    sending_ratchet: Waiting,
    receiving_chains: List<Chain>,
    config: Config,
}

#[derive(Serialize)]
struct Names {
    identity_key: [u8; 32],
    base_key: [u8; 32],
    one_time_key: [u8; 32],
}

#[derive(Serialize)]
struct List<T> {
    inner: Vec<T>,
}

#[derive(Serialize)]
struct Chain {
    ratchet_key: [u8; 32],
    hkdf_ratchet: Link,
    skipped_message_keys: List<()>,
}

#[derive(Serialize)]
struct Link {
    key: [u8; 32],
    index: u64,
}

#[derive(Serialize)]
struct Config {
    version: Version,
}

#[derive(Serialize)]
enum Version {
    V1,
}

/// What reads a chain that somebody sends on, from where it stands: the other side, as it would be.
fn reader_of(chain: Chain, root: [u8; 32]) -> Session {
    let unused = compact::UNUSED_KEY;
    let whole = Whole {
        session_keys: Names { identity_key: unused, base_key: unused, one_time_key: unused },
        sending_ratchet: Waiting {
            kind: Inactive::Inactive,
            root_key: Root { key: root },
            ratchet_key: chain.ratchet_key,
        },
        receiving_chains: List { inner: vec![chain] },
        config: Config { version: Version::V1 },
    };
    let kept = compact::write(&whole).expect("the pinned shape");
    Session::from_bytes(&kept).expect("just written")
}
