//! Where results go: lines for people, or one JSON object a line for scripts.

use std::io::Write;

use qrcode::render::unicode::Dense1x2;

use crate::{
    ask::Answer,
    failure::{Failure, Kind},
    view::Row,
};

/// Standard output in one of two forms. Each thing that is told leaves at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Print {
    /// Whether JSON is written.
    pub(crate) json: bool,
}

impl Print {
    /// Writes an answer.
    ///
    /// # Errors
    /// [`Failure`] if the output cannot be written.
    pub(crate) fn answer(self, answer: &Answer) -> Result<(), Failure> {
        for row in answer.rows() {
            self.row(row)?;
        }
        if let Answer::Many(rows, true) = answer
            && let Some(Row::Message { place, .. }) = rows.first()
        {
            match self.json {
                true => self.json(&serde_json::json!({ "more": true, "before": place }))?,
                false => self.line(&format!("(older messages: --before {place})"))?,
            }
        }
        Ok(())
    }

    /// Writes one row.
    ///
    /// # Errors
    /// As [`Print::answer`].
    pub(crate) fn row(self, row: &Row) -> Result<(), Failure> {
        match self.json {
            true => self.json(&row.to_json()),
            false => self.line(&row.to_string()),
        }
    }

    /// Writes one JSON object.
    ///
    /// # Errors
    /// As [`Print::answer`].
    pub(crate) fn json(self, object: &serde_json::Value) -> Result<(), Failure> {
        self.line(&object.to_string())
    }

    /// Writes one line.
    ///
    /// # Errors
    /// As [`Print::answer`].
    pub(crate) fn line(self, line: &str) -> Result<(), Failure> {
        self.bytes(format!("{line}\n").as_bytes())
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    /// As [`Print::answer`].
    pub(crate) fn bytes(self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).map_err(Failure::from)
    }

    /// Draws text as a QR code; too long a text is left out.
    ///
    /// # Errors
    /// As [`Print::answer`].
    pub(crate) fn picture(self, text: &str) -> Result<(), Failure> {
        if self.json {
            return Ok(());
        }
        match qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::L) {
            // Light modules as blocks: most terminals write light on dark.
            Ok(code) => self.line(
                &code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build(),
            ),
            Err(_) => Ok(()),
        }
    }

    /// Tells on standard error what was found while the profile was opened.
    pub(crate) fn notice(self, notice: &madang_core::Notice) {
        let (word, say) = crate::view::notice(notice);
        let text = match self.json {
            true => serde_json::json!({ "notice": word, "say": say }).to_string(),
            false => format!("madang-cli: {say}"),
        };
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// Tells of a failure on standard error, but that the output's reader has gone: nobody made a mistake.
    pub(crate) fn failure(self, failure: &Failure) {
        if failure.kind == Kind::Unread {
            return;
        }
        let text = match self.json {
            true => serde_json::json!({ "error": failure.to_json() }).to_string(),
            false => format!("madang-cli: {failure}"),
        };
        let _ = writeln!(std::io::stderr(), "{text}");
    }
}
