//! The data directory: the machine key from which every key of the relay grows, and what it last said of itself.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crypto::{Secret32, SignSecret, X25519Secret};
use zeroize::Zeroizing;

/// The file of the machine key. A copy of it is all that a relay needs to come back under its name.
const KEY_FILE: &str = "machine.key";
/// The file of the descriptor as it was last handed out.
const DESCRIPTOR_FILE: &str = "descriptor";
/// The directory of the sealed store.
const STORE_DIR: &str = "mail";
/// First word of the key file.
const KEY_HEAD: &str = "madang-relay-machine-key-1";
/// Longest file of this directory that is read here, in bytes.
const FILE_BYTES_MAX: u64 = 8 * 1024;

/// The data directory of one relay, with its key.
pub struct Machine {
    dir: PathBuf,
    seed: Secret32,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// There is no machine key.
    #[error("{path}: there is no machine key here; make one with `madang-relay init`, or check that the disk is mounted", path = .0.display())]
    Missing(PathBuf),
    /// There is one already.
    #[error("{path}: a relay lives here already; nothing was changed", path = .0.display())]
    Exists(PathBuf),
    /// The key file is no key file.
    #[error("{path}: is no machine key; put back the copy you kept, or start a new relay in another directory", path = .0.display())]
    Damaged(PathBuf),
    /// Others could read the key.
    #[error("{path}: others may read the machine key; run `chmod 600` on it, and think about whether it was read", path = .0.display())]
    Open(PathBuf),
    /// The system refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Machine {
    /// Makes a data directory, for the owner alone, with a fresh machine key.
    ///
    /// # Errors
    /// [`MachineError::Exists`] if there is a key; [`MachineError::Io`] if the system refuses.
    pub fn create(dir: &Path, rng: &mut dyn crypto::CryptoRng) -> Result<Self, MachineError> {
        if dir.join(KEY_FILE).exists() {
            return Err(MachineError::Exists(dir.into()));
        }
        let refused = |source| MachineError::Io { path: dir.into(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(refused)?;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(refused)?;
        let seed = Secret32::random(rng);
        let text = Zeroizing::new(format!("{KEY_HEAD} {}\n", &*hex(seed.as_bytes())));
        write_new(&dir.join(KEY_FILE), text.as_bytes())?;
        Ok(Self { dir: dir.into(), seed })
    }

    /// Opens a data directory.
    ///
    /// # Errors
    /// [`MachineError`]; nothing is changed.
    pub fn open(dir: &Path) -> Result<Self, MachineError> {
        let path = dir.join(KEY_FILE);
        let refused = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => MachineError::Missing(dir.into()),
            _ => MachineError::Io { path: path.clone(), source },
        };
        let meta = fs::metadata(&path).map_err(refused)?;
        if meta.permissions().mode() & 0o077 != 0 {
            return Err(MachineError::Open(path));
        }
        if meta.len() > FILE_BYTES_MAX {
            return Err(MachineError::Damaged(path));
        }
        let text = Zeroizing::new(fs::read_to_string(&path).map_err(refused)?);
        let seed = text.trim_end().strip_prefix(KEY_HEAD).and_then(|rest| unhex(rest.strip_prefix(' ')?));
        match seed {
            Some(seed) => Ok(Self { dir: dir.into(), seed }),
            None => Err(MachineError::Damaged(path)),
        }
    }

    /// The key that signs the descriptor and the list.
    pub fn sign_key(&self) -> SignSecret {
        SignSecret::from_seed(crypto::derive("M1/relay-sign/1", &self.seed, &[]))
    }

    /// The key to which requests are sealed.
    pub fn request_key(&self) -> X25519Secret {
        X25519Secret::from_bytes(*crypto::derive("M1/relay-request/1", &self.seed, &[]).as_bytes())
    }

    /// The identity on the wires.
    pub fn transport_seed(&self) -> net::IdentitySeed {
        net::IdentitySeed::new(*crypto::derive("M1/relay-transport/1", &self.seed, &[]).as_bytes())
    }

    /// The secret that opens the sealed store.
    pub fn store_seed(&self) -> Secret32 {
        crypto::derive("M1/relay-store/1", &self.seed, &[])
    }

    /// Where the sealed store lies.
    pub fn store_dir(&self) -> PathBuf {
        self.dir.join(STORE_DIR)
    }

    /// Returns the descriptor's text as it was last written down, if there is one.
    ///
    /// # Errors
    /// [`MachineError::Io`] if the file is there and cannot be read.
    pub fn descriptor_text(&self) -> Result<Option<String>, MachineError> {
        let path = self.dir.join(DESCRIPTOR_FILE);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(MachineError::Io { path, source }),
        }
    }

    /// Writes the descriptor's text down, whole or not at all.
    ///
    /// # Errors
    /// [`MachineError::Io`] if the system refuses; the old one stays.
    pub fn keep_descriptor(&self, text: &str) -> Result<(), MachineError> {
        let path = self.dir.join(DESCRIPTOR_FILE);
        let fresh = self.dir.join("descriptor.new");
        let refused = |source| MachineError::Io { path: path.clone(), source };
        let mut file = fs::File::create(&fresh).map_err(refused)?;
        file.write_all(format!("{text}\n").as_bytes()).map_err(refused)?;
        file.sync_all().map_err(refused)?;
        fs::rename(&fresh, &path).map_err(refused)?;
        fs::File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(refused)
    }
}

/// Writes a secret file that did not exist, readable by its owner only, and makes it durable.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), MachineError> {
    let refused = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => MachineError::Exists(path.into()),
        _ => MachineError::Io { path: path.into(), source },
    };
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(refused)?;
    file.write_all(bytes).map_err(refused)?;
    file.sync_all().map_err(refused)?;
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(refused)
}

fn hex(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn unhex(text: &str) -> Option<Secret32> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = Zeroizing::new([0; 32]);
    for (byte, pair) in bytes.iter_mut().zip(0..) {
        *byte = u8::from_str_radix(&text[2 * pair..2 * pair + 2], 16).ok()?;
    }
    Some(Secret32::new(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(dir: &Path) -> Result<Machine, MachineError> {
        Machine::create(dir, &mut rand::rng())
    }

    #[test]
    fn a_machine_comes_back_with_the_same_keys() {
        let dir = tempfile::tempdir().expect("a folder");
        let data = dir.path().join("data");
        let made = create(&data).expect("made");
        let opened = Machine::open(&data).expect("opened");
        assert_eq!(made.sign_key().public(), opened.sign_key().public());
        assert_eq!(made.request_key().public(), opened.request_key().public());
        assert_eq!(made.transport_seed().peer_name(), opened.transport_seed().peer_name());
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&data), mode(&data.join(KEY_FILE))), (0o700, 0o600));
    }

    #[test]
    fn a_second_relay_in_the_same_directory_is_refused_and_changes_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        create(dir.path()).expect("made");
        let before = fs::read(dir.path().join(KEY_FILE)).expect("there");
        assert!(matches!(create(dir.path()), Err(MachineError::Exists(_))));
        assert_eq!(fs::read(dir.path().join(KEY_FILE)).expect("there"), before);
    }

    #[test]
    fn a_key_that_is_missing_damaged_or_open_to_others_is_told_apart() {
        let dir = tempfile::tempdir().expect("a folder");
        assert!(matches!(Machine::open(dir.path()), Err(MachineError::Missing(_))));
        create(dir.path()).expect("made");
        let key = dir.path().join(KEY_FILE);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).expect("changed");
        assert!(matches!(Machine::open(dir.path()), Err(MachineError::Open(_))));
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("changed");
        for wrong in ["", "madang-relay-machine-key-1 00", "madang-relay-machine-key-2 ", "\u{e9}"] {
            fs::write(&key, wrong).expect("written");
            assert!(matches!(Machine::open(dir.path()), Err(MachineError::Damaged(_))), "{wrong:?}");
        }
    }

    #[test]
    fn the_descriptor_is_replaced_as_a_whole() {
        let dir = tempfile::tempdir().expect("a folder");
        let machine = create(dir.path()).expect("made");
        assert_eq!(machine.descriptor_text().expect("readable"), None);
        for text in ["madang-relay:one", "madang-relay:two"] {
            machine.keep_descriptor(text).expect("kept");
            assert_eq!(machine.descriptor_text().expect("readable").as_deref(), Some(text));
        }
    }
}
