//! The folder of a profile: it is filled under another name, beside, and gets its own at the end. So a profile is there
//! whole, with its owner, or not at all.

use std::fs::{self, DirEntry, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use proto::store::StoreError;
use store::disk::{Disk as _, RealDisk};
use store::{OpenError, Wiped};

/// What the name of a folder ends in while a new profile is made in it.
pub(super) const MAKING: &str = ".making";
/// What the name of a folder ends in while a profile is restored into it.
pub(super) const RESTORING: &str = ".restoring";

/// The file by which a process holds a profile.
const LOCK_NAME: &str = "lock";
/// What a wipe leaves as empty folders.
const KEY_NAMES: [&str; 3] = ["key", "key.new", "key.old"];
/// The folders of a store.
const STORE_FOLDERS: [&str; 4] = ["index", "index-damaged", "index-former", "1"];

/// Lets `fill` make a profile in a folder whose name ends in `ending`, and gives it the name of `folder`. That must be
/// absent or empty, or hold nothing but what a wipe has left.
///
/// # Errors
/// [`OpenError::AlreadyThere`] if something else is there, [`OpenError::Busy`] if a process holds what is left, or is
/// filling the same folder; what the disk reports, or what `fill` does. Then nothing is left of it.
pub(super) fn make<E: From<OpenError>>(
    folder: &Path,
    ending: &str,
    fill: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    let folder = real(folder);
    clear(&folder)?;
    let growing = beside(&folder, ending);
    discard(&growing)?;
    let made = fill(&growing).and_then(|()| {
        let put = || -> io::Result<()> {
            // An empty folder gives way to the full one.
            fs::rename(&growing, &folder)?;
            RealDisk::new(folder_of(&folder)).sync_names()
        };
        Ok(put().map_err(OpenError::from)?)
    });
    if made.is_err() {
        let _ = discard(&growing);
    }
    made
}

/// Destroys the keys of the profile in `folder`, then deletes what it can of the rest. It needs no passphrase and works
/// while the profile is open, being made or being restored, in this process or another one.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] if there is no profile; any other error says that the keys may still be there.
pub fn wipe(folder: &Path) -> io::Result<Wiped> {
    let folder = real(folder);
    // What is growing first: it takes the profile's name when it is complete, not the other way round.
    let places = [beside(&folder, MAKING), beside(&folder, RESTORING), folder];
    let wiped = places.map(|place| store::wipe(&place));
    let is_none = |wiped: &io::Result<Wiped>| {
        wiped.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    };
    if wiped.iter().all(is_none) {
        return Err(io::ErrorKind::NotFound.into());
    }
    wiped.into_iter().filter(|wiped| !is_none(wiped)).try_fold(Wiped { is_empty: true }, |all, wiped| {
        Ok(Wiped { is_empty: all.is_empty & wiped?.is_empty })
    })
}

/// The folder of a path.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The folder itself, where it is there: a link cannot give way to a folder.
fn real(folder: &Path) -> PathBuf {
    fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned())
}

/// A name beside another, for what is not complete yet.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

/// Makes sure that `folder` is absent or empty. What a wipe has left is taken away: empty names, and what it could not
/// delete of a store whose key file they stand for.
fn clear(folder: &Path) -> Result<(), OpenError> {
    let Some(entries) = entries(folder)? else { return Ok(()) };
    if folder_of(folder).metadata()?.dev() != folder.metadata()?.dev() {
        // No folder can take the place of one in which a disk begins.
        return Err(OpenError::Store(StoreError::Io(io::ErrorKind::CrossesDevices)));
    }
    if entries.is_empty() {
        return Ok(());
    }
    let is_wiped = is_empty_folder(&folder.join(KEY_NAMES[0]));
    let is_left = |entry: &DirEntry| {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        match () {
            () if name == LOCK_NAME => path.is_file(),
            () if KEY_NAMES.contains(&&*name) => is_empty_folder(&path),
            () => is_wiped && is_of_a_store(&name),
        }
    };
    if !entries.iter().all(is_left) {
        return Err(OpenError::AlreadyThere);
    }
    let _held = hold(folder)?;
    remove(&entries)?;
    Ok(())
}

/// Removes what an earlier try has left, and nothing else: only what a store makes may lie there.
fn discard(growing: &Path) -> Result<(), OpenError> {
    let Some(entries) = entries(growing)? else { return Ok(()) };
    let is_ours = |entry: &DirEntry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // A kill leaves a store at any stage of its making, the first of which is its lock.
        name == LOCK_NAME || KEY_NAMES.contains(&&*name) || is_of_a_store(&name)
    };
    if !entries.iter().all(is_ours) {
        return Err(OpenError::AlreadyThere);
    }
    let _held = hold(growing)?;
    remove(&entries)?;
    Ok(fs::remove_dir(growing)?)
}

/// What lies in a folder, its lock last; nothing if there is no folder.
fn entries(folder: &Path) -> Result<Option<Vec<DirEntry>>, OpenError> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Err(OpenError::AlreadyThere),
        found => {
            let mut found = found?.collect::<io::Result<Vec<_>>>()?;
            found.sort_by_key(|entry| entry.file_name() == LOCK_NAME);
            Ok(Some(found))
        }
    }
}

fn remove(entries: &[DirEntry]) -> io::Result<()> {
    entries.iter().try_for_each(|entry| match entry.file_type()?.is_dir() {
        true => fs::remove_dir_all(entry.path()),
        false => fs::remove_file(entry.path()),
    })
}

/// Makes sure that no process holds what lies in a folder, as long as what it returns is there.
fn hold(folder: &Path) -> Result<Option<File>, OpenError> {
    let file = match File::options().write(true).open(folder.join(LOCK_NAME)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::Busy),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

fn is_of_a_store(name: &str) -> bool {
    STORE_FOLDERS.contains(&name) || name.ends_with(".log") || name.ends_with(".log-unreadable")
}

fn is_empty_folder(path: &Path) -> bool {
    path.is_dir() && fs::read_dir(path).is_ok_and(|mut names| names.next().is_none())
}

#[cfg(test)]
mod tests {
    use store::{Options, SealedStore};

    use super::*;

    fn store_in(place: &Path) -> SealedStore {
        let cost = crypto::vault::Cost::for_tests();
        SealedStore::create(place, b"lamp", cost, Options::default(), &mut rand::rng()).expect("a store")
    }

    fn fill(place: &Path) -> Result<(), OpenError> {
        store_in(place).close().map_err(OpenError::from)
    }

    #[test]
    fn a_wipe_reaches_what_is_being_made_or_restored() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("profile");
        for there in [vec![MAKING], vec![RESTORING], vec![""], vec![MAKING, RESTORING, ""]] {
            for ending in &there {
                drop(store_in(&beside(&folder, ending)));
            }
            assert!(wipe(&folder).expect("a wipe").is_empty);
            for ending in ["", MAKING, RESTORING] {
                assert!(!SealedStore::is_in(&beside(&folder, ending)), "{there:?}");
            }
        }
        let none = wipe(&folder).expect_err("nothing is there");
        assert_eq!(none.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_profile_takes_the_place_of_what_a_wipe_of_an_open_one_has_left() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("profile");
        let open = store_in(&folder);
        assert!(!wipe(&folder).expect("a wipe").is_empty, "its names stay while it is open");
        // What it could not delete because somebody was writing there.
        fs::create_dir_all(folder.join("index").join("heap")).expect("made");
        fs::write(folder.join("0000000000000001.log"), "noise").expect("written");
        assert_eq!(make(&folder, MAKING, fill), Err(OpenError::Busy), "it is still open");
        drop(open);
        make(&folder, MAKING, fill).expect("room was made");
        let opened = SealedStore::open(&folder, b"lamp", Options::default());
        assert!(opened.expect("it opens").1.rebuilt.is_none());
        assert_eq!(make(&folder, RESTORING, fill), Err(OpenError::AlreadyThere));
    }

    #[test]
    fn what_is_not_left_by_a_wipe_is_in_the_way_and_stays() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("profile");
        let lies = |paths: &[&str]| {
            for path in paths {
                let path = folder.join(path);
                fs::create_dir_all(folder_of(&path)).expect("a folder");
                fs::write(&path, "mine").expect("written");
            }
            let made = make(&folder, MAKING, fill);
            assert!(paths.iter().all(|path| folder.join(path).exists()), "{paths:?}");
            fs::remove_dir_all(&folder).expect("removed");
            made
        };
        for theirs in [["key/mine"].as_slice(), &["key"], &["lock", "letter"], &["0000000000000001.log"]] {
            assert_eq!(lies(theirs), Err(OpenError::AlreadyThere), "{theirs:?}");
        }
        fs::create_dir_all(folder.join("key")).expect("made");
        assert_eq!(lies(&["letter"]), Err(OpenError::AlreadyThere), "also beside what a wipe has left");
        fs::write(&folder, "a file").expect("written");
        assert_eq!(make(&folder, MAKING, fill), Err(OpenError::AlreadyThere));
    }

    #[test]
    fn a_link_to_a_folder_stays_one() {
        let home = tempfile::tempdir().expect("a folder");
        let (link, folder) = (home.path().join("link"), home.path().join("profile"));
        fs::create_dir(&folder).expect("made");
        std::os::unix::fs::symlink(&folder, &link).expect("a link");
        make(&link, MAKING, fill).expect("made");
        assert!(link.is_symlink() && SealedStore::is_in(&folder));
        assert!(wipe(&link).expect("a wipe").is_empty);
    }

    #[test]
    fn what_could_not_be_made_leaves_nothing_and_what_a_kill_has_left_is_no_hindrance() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("profile");
        let failed = make(&folder, MAKING, |growing| {
            fill(growing)?;
            Err(OpenError::Store(StoreError::Full))
        });
        assert_eq!(failed, Err(OpenError::Store(StoreError::Full)));
        assert_eq!(fs::read_dir(home.path()).expect("the folder").count(), 0);
        let growing = beside(&folder, MAKING);
        let under_way = store_in(&growing);
        assert_eq!(make(&folder, MAKING, fill), Err(OpenError::Busy), "another process makes it just now");
        assert!(SealedStore::is_in(&growing), "and is not disturbed");
        drop(under_way);
        make(&folder, MAKING, fill).expect("once more");
        assert!(SealedStore::is_in(&folder) && !growing.exists());
    }
}
