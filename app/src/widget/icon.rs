//! Icons: letters of one icon font, so that they scale and take the colour of text.

use egui::{Color32, RichText};

use crate::theme;

macro_rules! icons {
    ($($name:ident = $code:literal,)*) => {
        /// A sign of the icon font.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[allow(missing_docs)]
        pub(crate) enum Icon { $($name,)* }

        impl Icon {
            /// All signs, for the test that none is a box.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Icon] = &[$(Icon::$name),*];

            /// Its place in the font.
            pub(crate) fn letter(self) -> char { match self { $(Icon::$name => $code,)* } }
        }
    };
}

icons! {
    Chats = '\u{e17e}',
    UserPlus = '\u{e4d0}',
    Users = '\u{e4d6}',
    Network = '\u{e408}',
    Gear = '\u{e270}',
    Lock = '\u{e2fa}',
    Search = '\u{e30c}',
    Cross = '\u{e4f6}',
    Check = '\u{e182}',
    Checks = '\u{e53a}',
    Clock = '\u{e19a}',
    Send = '\u{e396}',
    Back = '\u{e058}',
    Reply = '\u{e024}',
    Copy = '\u{e1ca}',
    More = '\u{e208}',
    Verified = '\u{e606}',
    Warning = '\u{e4e0}',
    Trash = '\u{e4a6}',
    Plugs = '\u{eb56}',
    PlugsOn = '\u{eb5a}',
    Relay = '\u{e2a0}',
    Down = '\u{e03e}',
    Up = '\u{e13c}',
    Below = '\u{e136}',
    Plus = '\u{e3d4}',
    Minus = '\u{e32a}',
    Eye = '\u{e220}',
    EyeShut = '\u{e224}',
    Info = '\u{e2ce}',
    Path = '\u{e39c}',
    Plane = '\u{e398}',
    Hourglass = '\u{e2b8}',
    Timer = '\u{e492}',
    Folder = '\u{e24a}',
    File = '\u{e23a}',
    Image = '\u{e2ca}',
    Qr = '\u{e3e6}',
    Over = '\u{e08e}',
    Leave = '\u{e42a}',
    Keyboard = '\u{e2d8}',
    Scroll = '\u{eb7a}',
    Person = '\u{e4c4}',
}

impl Icon {
    /// The sign as text of `points` in `colour`.
    pub(crate) fn text(self, points: f32, colour: Color32) -> RichText {
        RichText::new(self.letter()).font(egui::FontId::new(points, theme::icon_family())).color(colour)
    }

    /// Shows the sign beside words that say the same: it decorates, and screen readers pass it over.
    pub(crate) fn show(self, ui: &mut egui::Ui, points: f32, colour: Color32) {
        let font = egui::FontId::new(points, theme::icon_family());
        let galley = ui.painter().layout_no_wrap(self.letter().to_string(), font, colour);
        let (rect, _) = ui.allocate_exact_size(galley.size(), egui::Sense::hover());
        ui.painter().galley(rect.min, galley, colour);
    }

    /// The sign and a word in one line.
    pub(crate) fn beside(self, word: &str, points: f32, colour: Color32) -> egui::text::LayoutJob {
        let part = |size: f32, family: egui::FontFamily| egui::TextFormat {
            font_id: egui::FontId::new(size, family),
            color: colour,
            valign: egui::Align::Center,
            ..Default::default()
        };
        let mut job = egui::text::LayoutJob::default();
        job.append(&self.letter().to_string(), 0.0, part(points * 1.25, theme::icon_family()));
        job.append(word, theme::space::XS, part(points, egui::FontFamily::Proportional));
        job
    }

    /// Paints the sign centred at `at`.
    pub(crate) fn paint(self, painter: &egui::Painter, at: egui::Pos2, points: f32, colour: Color32) {
        painter.text(
            at,
            egui::Align2::CENTER_CENTER,
            self.letter(),
            egui::FontId::new(points, theme::icon_family()),
            colour,
        );
    }
}
