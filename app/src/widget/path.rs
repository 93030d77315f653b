//! A path that is typed, or chosen and shown.

use std::path::{Path, PathBuf};

/// The text of a path. Names that are no text are shown as well as that goes, and stay what they are on the disk.
#[derive(Default)]
pub(crate) struct PathText {
    /// As it stands in its field.
    pub(crate) text: String,
    chosen: Option<PathBuf>,
}

impl PathText {
    /// Longest path that can be typed, in characters.
    pub(crate) const CHARS_MAX: usize = 1024;

    /// Shows a path that was chosen.
    pub(crate) fn set(&mut self, path: &Path) {
        self.text = path.to_string_lossy().into_owned();
        self.chosen = Some(path.to_owned());
    }

    /// The path that is meant: of the one that was chosen, as much as still stands at the text's beginning.
    pub(crate) fn path(&self) -> PathBuf {
        let kept = self.chosen.iter().flat_map(|chosen| chosen.ancestors()).find_map(|known| {
            match self.text.strip_prefix(&*known.to_string_lossy())? {
                "" => Some(known.to_owned()),
                rest => Some(known.join(rest.strip_prefix('/')?.trim_start_matches('/').trim_end())),
            }
        });
        kept.unwrap_or_else(|| PathBuf::from(self.text.trim()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    fn path(bytes: &[u8]) -> PathBuf {
        std::ffi::OsString::from_vec(bytes.to_vec()).into()
    }

    #[test]
    fn a_name_that_is_no_text_stays_what_it_is_also_where_something_is_typed_behind_it() {
        let chosen = path(b"/media/\xC0\xFF/kept \xE9");
        let mut said = PathText::default();
        said.set(&chosen);
        assert_eq!(said.path(), chosen);
        let folder = chosen.parent().expect("a folder").to_string_lossy().into_owned();
        for (text, meant) in [
            (format!("{folder}/new"), path(b"/media/\xC0\xFF/new")),
            (format!("{folder}//new "), path(b"/media/\xC0\xFF/new")),
            (folder, path(b"/media/\xC0\xFF")),
            ("/media/other".to_owned(), path(b"/media/other")),
            ("/media/kept\u{FFFD}".to_owned(), path("/media/kept\u{FFFD}".as_bytes())),
            (" /elsewhere ".to_owned(), path(b"/elsewhere")),
        ] {
            said.text = text;
            assert_eq!(said.path(), meant);
        }
    }

    #[test]
    fn a_path_that_is_typed_is_that_path() {
        let said = PathText { text: " /media/usb/madang.backup ".to_owned(), chosen: None };
        assert_eq!(said.path(), path(b"/media/usb/madang.backup"));
    }
}
