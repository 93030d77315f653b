//! Where a passphrase comes from: the terminal, an open file descriptor or a file, never an argument.

use std::{
    fs::File,
    io::{BufRead, IsTerminal, Read},
    mem::MaybeUninit,
    os::fd::AsRawFd,
    path::Path,
};

use zeroize::Zeroizing;

use crate::{
    args::{BackupSecret, Common, DuressSet, Passphrase},
    failure::Failure,
};

/// Longest passphrase, in bytes of UTF-8.
const PASSPHRASE_BYTES_MAX: u64 = 4_096;

/// Reads the passphrase of a profile that exists.
///
/// # Errors
/// [`Failure`] if it cannot be read or is empty.
pub(crate) fn existing(common: &Common) -> Result<Zeroizing<Vec<u8>>, Failure> {
    match given(common.passphrase_fd, common.passphrase_file.as_deref())? {
        Some(passphrase) => Ok(passphrase),
        None => prompt("Passphrase: ", ""),
    }
}

/// Asks at the terminal until something is typed that can be the passphrase of a profile. `tell` hears what cannot.
///
/// # Errors
/// [`Failure`] if there is no terminal, or it cannot be read.
pub(crate) fn typed(tell: impl Fn(&Failure)) -> Result<Zeroizing<Vec<u8>>, Failure> {
    loop {
        match checked(type_in("Passphrase: ", "")?, "the terminal") {
            Err(failure) => tell(&failure),
            passphrase => return passphrase,
        }
    }
}

/// The terminal as it was before a passphrase was asked for. When this is dropped it is so again, whoever still waits
/// there for a key.
pub(crate) struct Terminal(Option<(File, libc::termios)>);

impl Terminal {
    /// Remembers how the terminal is, if there is one.
    pub(crate) fn remember() -> Self {
        let of = |terminal: &File| {
            let mut state = MaybeUninit::uninit();
            // SAFETY: the descriptor is open, and `state` has room for what is written there.
            let got = unsafe { libc::tcgetattr(terminal.as_raw_fd(), state.as_mut_ptr()) };
            // SAFETY: it was written if the call says so.
            (got == 0).then(|| unsafe { state.assume_init() })
        };
        let terminal = File::options().read(true).write(true).open("/dev/tty").ok();
        Self(terminal.and_then(|terminal| of(&terminal).map(|state| (terminal, state))))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some((terminal, state)) = &self.0 {
            // SAFETY: the descriptor is open, and `state` is what was read from it.
            unsafe { libc::tcsetattr(terminal.as_raw_fd(), libc::TCSANOW, state) };
        }
    }
}

/// Whether the terminal is where a passphrase would come from.
pub(crate) fn is_typed(common: &Common) -> bool {
    common.passphrase_fd.is_none() && common.passphrase_file.is_none()
}

/// Reads the passphrase of a new profile; at the terminal it is asked for twice.
///
/// # Errors
/// [`Failure`] if it cannot be read, is empty, or was typed differently the second time.
pub(crate) fn new(common: &Common) -> Result<Zeroizing<Vec<u8>>, Failure> {
    match given(common.passphrase_fd, common.passphrase_file.as_deref())? {
        Some(passphrase) => Ok(passphrase),
        None => twice(""),
    }
}

/// Reads the passphrase that takes the place of another.
///
/// # Errors
/// As [`new`].
pub(crate) fn changed(args: &Passphrase) -> Result<Zeroizing<Vec<u8>>, Failure> {
    match given(args.new_passphrase_fd, args.new_passphrase_file.as_deref())? {
        Some(passphrase) => Ok(passphrase),
        None => twice("new-"),
    }
}

/// Reads the passphrase or words of a backup that is to be restored.
///
/// # Errors
/// As [`existing`]; [`Failure`] for recovery words that cannot be right.
pub(crate) fn of_backup(args: &BackupSecret) -> Result<madang_core::BackupSecret, Failure> {
    let given = given(args.backup_passphrase_fd, args.backup_passphrase_file.as_deref())?;
    as_backup_secret(match given {
        Some(secret) => secret,
        None => prompt("Passphrase or recovery words of the backup: ", "backup-")?,
    })
}

/// Reads the passphrase of a backup that is to be made; at the terminal it is asked for twice.
///
/// # Errors
/// As [`new`]; [`Failure`] for recovery words that cannot be right.
pub(crate) fn of_new_backup(args: &BackupSecret) -> Result<madang_core::BackupSecret, Failure> {
    let given = given(args.backup_passphrase_fd, args.backup_passphrase_file.as_deref())?;
    as_backup_secret(match given {
        Some(secret) => secret,
        None => twice("backup-")?,
    })
}

fn as_backup_secret(typed: Zeroizing<Vec<u8>>) -> Result<madang_core::BackupSecret, Failure> {
    let text =
        std::str::from_utf8(&typed).map_err(|_| Failure::usage("the backup's passphrase is not UTF-8"))?;
    madang_core::BackupSecret::typed(text).map_err(|error| Failure::usage(error.to_string()))
}

/// Reads the passphrase of a decoy.
///
/// # Errors
/// As [`new`].
pub(crate) fn of_decoy(args: &DuressSet) -> Result<Zeroizing<Vec<u8>>, Failure> {
    match given(args.duress_passphrase_fd, args.duress_passphrase_file.as_deref())? {
        Some(passphrase) => Ok(passphrase),
        None => twice("duress-"),
    }
}

/// Asks twice for a passphrase whose options begin with `which`.
fn twice(which: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let first = prompt("New passphrase: ", which)?;
    let second = prompt("The same again: ", which)?;
    if *first != *second {
        return Err(Failure::usage("the two passphrases differ; nothing was changed, try again"));
    }
    Ok(first)
}

fn given(fd: Option<u32>, file: Option<&Path>) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    match (fd, file) {
        // The buffer of standard input is shared, so that commands may follow the passphrase there.
        (Some(0), _) => line(&mut std::io::stdin().lock(), "file descriptor 0").map(Some),
        (Some(number), _) => {
            let path = format!("/dev/fd/{number}");
            open(Path::new(&path), &format!("file descriptor {number}")).map(Some)
        }
        (None, Some(path)) => open(path, &path.display().to_string()).map(Some),
        (None, None) => Ok(None),
    }
}

fn open(path: &Path, name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let file = File::open(path)
        .map_err(|error| Failure::usage(format!("the passphrase cannot be read from {name}: {error}")))?;
    // A buffer of one byte: what follows the line is left for others, and no copy of the secret stays behind.
    line(&mut std::io::BufReader::with_capacity(1, file), name)
}

/// Reads one line of bounded length, without its end.
fn line(from: &mut dyn BufRead, name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(PASSPHRASE_BYTES_MAX as usize + 2));
    from.take(PASSPHRASE_BYTES_MAX + 2)
        .read_until(b'\n', &mut bytes)
        .map_err(|error| Failure::usage(format!("the passphrase cannot be read from {name}: {error}")))?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    checked(bytes, name)
}

/// Asks at the terminal for the passphrase whose options begin with `which`.
fn prompt(words: &str, which: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    checked(type_in(words, which)?, "the terminal")
}

fn type_in(words: &str, which: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if !std::io::stdin().is_terminal() && File::open("/dev/tty").is_err() {
        return Err(no_terminal(which));
    }
    let typed = rpassword::prompt_password(words).map_err(|error| {
        Failure::usage(format!("the passphrase cannot be read from the terminal: {error}"))
    })?;
    Ok(Zeroizing::new(typed.into_bytes()))
}

fn no_terminal(which: &str) -> Failure {
    let what = match which.trim_end_matches('-') {
        "" => "passphrase".to_owned(),
        which => format!("{which} passphrase"),
    };
    Failure::usage(format!(
        "there is no terminal to ask for the {what}; give it with --{which}passphrase-fd or --{which}passphrase-file"
    ))
}

fn checked(bytes: Zeroizing<Vec<u8>>, name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if bytes.is_empty() {
        return Err(Failure::usage(format!("the passphrase from {name} is empty; a profile needs one")));
    }
    if bytes.len() as u64 > PASSPHRASE_BYTES_MAX {
        return Err(Failure::usage(format!("the passphrase from {name} is longer than 4096 bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<Vec<u8>, Failure> {
        line(&mut std::io::BufReader::with_capacity(1, text), "a test").map(|bytes| bytes.to_vec())
    }

    #[test]
    fn a_passphrase_is_the_first_line_without_its_end() {
        for text in ["a b\n", "a b", "a b\r\n", "a b\nmore\n"] {
            assert_eq!(read(text.as_bytes()), Ok(b"a b".to_vec()));
        }
    }

    #[test]
    fn what_follows_the_line_is_left_for_others() {
        let mut reader = std::io::BufReader::with_capacity(1, &b"secret\nrest"[..]);
        line(&mut reader, "a test").expect("a line");
        let mut rest = String::new();
        reader.read_to_string(&mut rest).expect("readable");
        assert_eq!(rest, "rest");
    }

    #[test]
    fn an_empty_or_endless_passphrase_is_refused() {
        assert!(read(b"\n").expect_err("empty").say.contains("empty"));
        assert!(read(&[b'x'; 4_097]).expect_err("long").say.contains("4096"));
        assert_eq!(read(&[b'x'; 4_096]).map(|bytes| bytes.len()), Ok(4_096));
    }

    #[test]
    fn who_has_no_terminal_is_told_the_option_of_the_passphrase_that_is_missing() {
        for (which, what) in [("", "the passphrase;"), ("duress-", "the duress passphrase;")] {
            let say = no_terminal(which).say;
            assert!(say.contains(what) && say.contains(&format!(" --{which}passphrase-file")), "{say}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let common = Common { passphrase_file: Some("/nowhere/secret".into()), ..Common::default() };
        assert!(existing(&common).expect_err("none").say.contains("/nowhere/secret"));
    }
}
