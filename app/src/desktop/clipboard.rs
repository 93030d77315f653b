//! Looking for something on the clipboard, and taking back what was lent to it. Each may take as long as the
//! clipboard's owner needs to answer: up to four seconds for each kind that is asked for under X11, without end elsewhere.

use std::{path::PathBuf, sync::Arc};

use zeroize::Zeroizing;

use super::picture::{self, Fault};

/// A picture on the clipboard: four bytes a pixel, row after row.
pub(crate) struct Picture {
    /// In pixels.
    pub(crate) width: usize,
    /// In pixels.
    pub(crate) height: usize,
    /// Red, green, blue, and how much it covers.
    pub(crate) rgba: Vec<u8>,
}

/// Whoever lends what was copied: asked for one kind after the other, and only for what is needed.
pub(crate) trait Lender {
    /// The text, if there is one.
    fn text(&mut self) -> Option<Zeroizing<String>>;
    /// The picture, if there is one.
    fn picture(&mut self) -> Option<Picture>;
    /// The first file, if files were copied.
    fn file(&mut self) -> Option<PathBuf>;
}

/// Opens the clipboard, if there is one that a program may look at.
pub(crate) type Opener = Arc<dyn Fn() -> Option<Box<dyn Lender>> + Send + Sync>;

/// The desktop's clipboard, if it lets a program look.
pub(crate) fn of_the_desktop() -> Option<Box<dyn Lender>> {
    Some(Box::new(arboard::Clipboard::new().ok()?))
}

impl Lender for arboard::Clipboard {
    fn text(&mut self) -> Option<Zeroizing<String>> {
        self.get_text().ok().map(Zeroizing::new)
    }

    /// Comes decoded, a PNG by a decoder that takes at most 512 MiB.
    fn picture(&mut self) -> Option<Picture> {
        let arboard::ImageData { width, height, bytes } = self.get_image().ok()?;
        Some(Picture { width, height, rgba: bytes.into_owned() })
    }

    fn file(&mut self) -> Option<PathBuf> {
        self.get().file_list().ok()?.into_iter().next()
    }
}

/// Returns the first text on the clipboard that begins with one of `heads`: as text, in a picture, in a copied file.
///
/// # Errors
/// [`Fault`], of what came closest.
pub(crate) fn find(clipboard: &mut dyn Lender, heads: &[&str]) -> Result<String, Fault> {
    let said = clipboard.text().and_then(|text| picture::read_text(&text, heads).ok());
    if let Some(said) = said {
        return Ok(said);
    }
    if let Some(Picture { width, height, rgba }) = clipboard.picture() {
        let rgb = |at: usize| rgba.get(at * 4..at * 4 + 3).map_or([0; 3], |p| [p[0], p[1], p[2]]);
        return picture::read_pixels(width, height, rgb, heads);
    }
    clipboard.file().map_or(Err(Fault::Nothing), |path| picture::read_file(&path, heads))
}

/// What became of a text that was to leave the clipboard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cleared {
    /// It was still there and is gone.
    Gone,
    /// Something else lies there, and stays.
    Replaced,
    /// The desktop does not let a program look.
    Unseen,
}

/// Empties the clipboard if `text` is what lies there. May take as long as the clipboard's owner needs to answer.
pub(crate) fn clear_if(text: &str) -> Cleared {
    let Ok(mut clipboard) = arboard::Clipboard::new() else { return Cleared::Unseen };
    match clipboard.get_text().map(Zeroizing::new) {
        Ok(there) if there.as_str() != text => Cleared::Replaced,
        Err(arboard::Error::ContentNotAvailable) => Cleared::Replaced,
        Ok(_) if clipboard.clear().is_ok() => Cleared::Gone,
        Ok(_) | Err(_) => Cleared::Unseen,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Lends what a story laid on it.
    #[derive(Clone, Default)]
    pub(crate) struct Laid {
        pub(crate) text: Option<String>,
        pub(crate) grey: Option<image::GrayImage>,
        pub(crate) file: Option<PathBuf>,
    }

    impl Lender for Laid {
        fn text(&mut self) -> Option<Zeroizing<String>> {
            self.text.clone().map(Zeroizing::new)
        }

        fn picture(&mut self) -> Option<Picture> {
            let grey = self.grey.as_ref()?;
            Some(Picture {
                width: grey.width() as usize,
                height: grey.height() as usize,
                rgba: grey.as_raw().iter().flat_map(|light| [*light, *light, *light, 255]).collect(),
            })
        }

        fn file(&mut self) -> Option<PathBuf> {
            self.file.clone()
        }
    }

    const HEADS: &[&str] = &["madang:"];

    fn invite(fill: &str) -> String {
        format!("madang:{}", fill.repeat(60))
    }

    #[test]
    fn what_fits_is_found_as_text_in_a_picture_and_in_a_copied_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("invite.txt");
        std::fs::write(&path, invite("file")).expect("written");
        let shot = picture::tests::screenshot(&invite("shot"), 3, 60);
        // What a file manager copies is the file, and its path as text.
        let file = Laid { text: Some(path.display().to_string()), file: Some(path), ..Laid::default() };
        let text = Laid { text: Some(format!("take this: {} !", invite("text"))), ..Laid::default() };
        let shown = Laid { grey: Some(shot.clone()), ..Laid::default() };
        for (mut laid, said) in [(file, "file"), (text.clone(), "text"), (shown, "shot")] {
            assert_eq!(find(&mut laid, HEADS), Ok(invite(said)));
        }
        let mut both = Laid { grey: Some(shot), ..text };
        assert_eq!(find(&mut both, HEADS), Ok(invite("text")), "the text is looked at first");
    }

    #[test]
    fn what_does_not_fit_is_refused_as_what_it_is() {
        let text = Laid { text: Some("hello".into()), ..Laid::default() };
        let late = Laid { text: Some("x ".repeat(100_000) + &invite("late")), ..Laid::default() };
        let blank = Laid { grey: Some(image::GrayImage::new(64, 64)), ..Laid::default() };
        let gone = Laid { file: Some("/nowhere/at/all".into()), ..Laid::default() };
        for (mut laid, fault) in [
            (Laid::default(), Fault::Nothing),
            (text, Fault::Nothing),
            (late, Fault::Nothing),
            (blank, Fault::Nothing),
            (gone, Fault::Unreadable),
        ] {
            assert_eq!(find(&mut laid, HEADS), Err(fault));
        }
        /// A picture whose sides are a lie: more pixels than anything that is looked at.
        struct Huge;
        impl Lender for Huge {
            fn text(&mut self) -> Option<Zeroizing<String>> {
                None
            }
            fn picture(&mut self) -> Option<Picture> {
                Some(Picture { width: 1 << 20, height: 1 << 20, rgba: vec![0; 64] })
            }
            fn file(&mut self) -> Option<PathBuf> {
                None
            }
        }
        assert_eq!(find(&mut Huge, HEADS), Err(Fault::TooLarge));
    }
}
