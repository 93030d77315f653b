//! Where this user's things lie, and the settings that are kept there in the clear.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{desktop, model::Prefs};

/// Links that are followed from where the settings should lie to where they do, as many as the system itself follows.
const LINKS_MAX: usize = 40;

/// Where this user's things lie.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    pub(super) profile: PathBuf,
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

    /// The profile's folder.
    pub(crate) fn profile(&self) -> &Path {
        &self.profile
    }

    /// Where the sign lies that a window is open: gone with the login where the system has a place for that.
    pub(crate) fn runtime(&self) -> PathBuf {
        match (desktop::runtime_folder(), self.profile.parent()) {
            (Some(folder), _) => folder.join("madang"),
            (None, Some(home)) => home.join("runtime"),
            (None, None) => PathBuf::from("runtime"),
        }
    }

    /// Everything in one folder.
    #[cfg(any(test, feature = "gallery"))]
    pub(crate) fn at(home: &Path) -> Paths {
        Paths { profile: home.join("profile"), prefs: home.join("window.toml") }
    }

    /// The settings as they were kept, if they can be read.
    pub(crate) fn prefs(&self) -> Option<Prefs> {
        toml::from_str(&fs::read_to_string(&self.prefs).ok()?).ok()
    }

    /// Keeps the settings. Whoever is killed meanwhile, or loses power, finds the earlier ones or these. Where a link
    /// stands for the file, the link stays and what it leads to is replaced.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(super) fn keep(&self, prefs: &Prefs) -> io::Result<()> {
        let text = toml::to_string(prefs).map_err(io::Error::other)?;
        let file = behind_links(&self.prefs)?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let fresh = file.with_extension("new");
        // What a kill has left, or a link that would lead elsewhere.
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut written = File::create_new(&fresh)?;
        written.write_all(text.as_bytes())?;
        written.sync_all()?;
        fs::rename(&fresh, &file)?;
        File::open(folder)?.sync_all()
    }
}

/// The file to which a path leads, be it there already or not.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        let Ok(to) = fs::read_link(&path) else { return Ok(path) };
        path = path.parent().unwrap_or(Path::new("")).join(to);
    }
    Err(io::Error::other("links lead round"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn sized(percent: u16) -> Prefs {
        Prefs { text_percent: percent, ..Prefs::default() }
    }

    #[test]
    fn a_link_in_place_of_the_settings_stays_and_what_it_leads_to_is_replaced() {
        let (home, kept) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("another"));
        let (link, file) = (home.path().join("window.toml"), kept.path().join("of-all-machines"));
        let paths = Paths::at(home.path());
        symlink(&file, kept.path().join("hop")).expect("a link");
        symlink(kept.path().join("hop"), &link).expect("a link");
        for percent in [115, 150] {
            paths.keep(&sized(percent)).expect("kept");
            assert_eq!(paths.prefs(), Some(sized(percent)));
            assert!(link.is_symlink() && file.is_file() && !file.is_symlink());
        }
        assert!(!kept.path().join("of-all-machines.new").exists());
        symlink(home.path().join("round"), home.path().join("round")).expect("a link");
        fs::remove_file(&link).expect("removed");
        symlink(home.path().join("round"), &link).expect("a link");
        assert!(paths.keep(&sized(130)).is_err());
    }

    #[test]
    fn what_lies_in_the_way_of_the_fresh_file_is_not_written_through() {
        let home = tempfile::tempdir().expect("a folder");
        let other = home.path().join("other");
        fs::write(&other, "mine").expect("written");
        symlink(&other, home.path().join("window.new")).expect("a link");
        let paths = Paths::at(home.path());
        paths.keep(&sized(130)).expect("kept");
        assert_eq!(paths.prefs(), Some(sized(130)));
        assert_eq!(fs::read_to_string(&other).expect("there"), "mine");
    }
}
