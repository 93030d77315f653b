//! Looking into a folder, to choose a file. A list of our own: it works on every desktop, and no service keeps a
//! list of what was opened.

use std::path::{Path, PathBuf};

/// Entries of one folder that are listed; beyond it, typing the path is quicker anyway.
const ENTRIES_MAX: usize = 2_000;

/// A folder as the chooser shows it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Folder {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What is in it: folders first, each by name. Hidden ones are left out.
    pub(crate) entries: Vec<Entry>,
    /// There is more than is listed.
    pub(crate) more: bool,
}

/// One thing in a folder.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Entry {
    /// A file, not a folder.
    pub(crate) file: bool,
    /// Its name as it is on the disk.
    pub(crate) name: std::ffi::OsString,
}

/// Lists `path`, or the folder that it lies in if it is no folder.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn list(path: &Path) -> std::io::Result<Folder> {
    let path = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("/")) };
    let path = path.canonicalize()?;
    let mut folder = Folder { path, ..Folder::default() };
    for entry in std::fs::read_dir(&folder.path)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if folder.entries.len() == ENTRIES_MAX {
            folder.more = true;
            break;
        }
        let Ok(about) = std::fs::metadata(entry.path()) else { continue };
        if about.is_dir() || about.is_file() {
            folder.entries.push(Entry { file: about.is_file(), name });
        }
    }
    folder.entries.sort();
    Ok(folder)
}

/// Where a person's own files lie.
pub(crate) fn home() -> PathBuf {
    directories::UserDirs::new().map_or_else(|| PathBuf::from("/"), |dirs| dirs.home_dir().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_first_and_hidden_things_stay_hidden() {
        let place = tempfile::tempdir().expect("a folder");
        for folder in ["b", "a", ".hidden"] {
            std::fs::create_dir(place.path().join(folder)).expect("room");
        }
        std::fs::write(place.path().join("0.png"), b"").expect("room");
        let names = |path: &Path| -> Vec<String> {
            let listed = list(path).expect("readable");
            listed.entries.iter().map(|e| e.name.to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names(place.path()), ["a", "b", "0.png"]);
        assert_eq!(names(&place.path().join("0.png")), ["a", "b", "0.png"]);
        assert!(list(&place.path().join("absent/deep")).is_err());
    }
}
