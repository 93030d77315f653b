//! What the desktop lends the app: its files, its clipboard, its notices, and the promise that one window is open.
//! Nothing here is called by the window's thread.

pub(crate) mod clipboard;
pub(crate) mod folder;
pub(crate) mod instance;
pub(crate) mod notices;
pub(crate) mod picture;

/// Where things of this login may lie that are gone with it: a folder in memory, if the system gives one.
pub(crate) fn runtime_folder() -> Option<std::path::PathBuf> {
    let folder = std::path::PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR")?);
    instance::is_ours_alone(&folder).then_some(folder)
}
