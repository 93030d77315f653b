//! Taking back what was lent to the clipboard.

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
    match clipboard.get_text().map(zeroize::Zeroizing::new) {
        Ok(there) if there.as_str() != text => Cleared::Replaced,
        Err(arboard::Error::ContentNotAvailable) => Cleared::Replaced,
        Ok(_) if clipboard.clear().is_ok() => Cleared::Gone,
        Ok(_) | Err(_) => Cleared::Unseen,
    }
}
