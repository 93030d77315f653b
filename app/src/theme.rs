//! Every token of the look: colours, spacing, radii, type and motion. Views use tokens, never literals.

use std::sync::Arc;

use egui::{
    Color32, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, Shadow, Stroke, TextStyle,
    Vec2, Visuals,
};

/// Steps of empty space, in points.
pub(crate) mod space {
    /// Between two lines that are one label.
    pub(crate) const HAIR: f32 = 1.0;
    /// Between rows that touch, and a head and its state.
    pub(crate) const XXS: f32 = 2.0;
    /// Between a sign and its word.
    pub(crate) const XS: f32 = 4.0;
    /// Between things that belong together.
    pub(crate) const S: f32 = 8.0;
    /// Between lines of a form.
    pub(crate) const M: f32 = 12.0;
    /// The inner edge of a panel.
    pub(crate) const L: f32 = 16.0;
    /// Between sections.
    pub(crate) const XL: f32 = 24.0;
    /// Around a page.
    pub(crate) const XXL: f32 = 32.0;
}

/// Roundness of corners, in points.
pub(crate) mod radius {
    /// Thin bars.
    pub(crate) const XS: u8 = 2;
    /// Fields and buttons.
    pub(crate) const S: u8 = 6;
    /// Cards and rows.
    pub(crate) const M: u8 = 10;
    /// Bubbles.
    pub(crate) const L: u8 = 14;
    /// Half circles at both ends, whatever the height.
    pub(crate) const PILL: u8 = u8::MAX;
}

/// Widths of lines, in points.
pub(crate) mod stroke {
    /// Lines that divide, and outlines.
    pub(crate) const HAIR: f32 = 1.0;
    /// The outline of what is chosen.
    pub(crate) const EDGE: f32 = 1.5;
    /// The ring of the focus, the caret, what is found.
    pub(crate) const RING: f32 = 2.0;
}

/// Room inside fields, in points.
pub(crate) mod inset {
    use egui::Margin;

    /// A field of a form.
    pub(crate) const FIELD: Margin = Margin::symmetric(10, 9);
    /// A field with the sign of a search at its left.
    pub(crate) const SEARCH: Margin = Margin { left: 32, right: 8, top: 7, bottom: 7 };
    /// The field in which messages are written.
    pub(crate) const COMPOSER: Margin = Margin::symmetric(12, 9);
}

/// Sizes of type, in points.
pub(crate) mod size {
    /// Labels of time and counts.
    pub(crate) const TINY: f32 = 12.0;
    /// Hints.
    pub(crate) const SMALL: f32 = 13.5;
    /// What is read.
    pub(crate) const BODY: f32 = 15.0;
    /// Signs in menus, rows and notes, and heads of panels.
    pub(crate) const TITLE: f32 = 18.0;
    /// Signs that are pressed.
    pub(crate) const SIGN: f32 = 20.0;
    /// Heads of pages.
    pub(crate) const LARGE: f32 = 22.0;
    /// The name of the product.
    pub(crate) const HUGE: f32 = 28.0;
}

/// Fixed measures of the layout, in points.
pub(crate) mod measure {
    /// Width of the rail at the left edge.
    pub(crate) const RAIL: f32 = 76.0;
    /// Height of the rail when it lies at the foot.
    pub(crate) const RAIL_FOOT: f32 = 60.0;
    /// Narrowest list column.
    pub(crate) const LIST_MIN: f32 = 280.0;
    /// List column at first start.
    pub(crate) const LIST: f32 = 310.0;
    /// Widest list column.
    pub(crate) const LIST_MAX: f32 = 340.0;
    /// Below this width one column is shown.
    pub(crate) const NARROW: f32 = 720.0;
    /// Height of the bar over a list or a conversation.
    pub(crate) const BAR: f32 = 60.0;
    /// Height of one row in the list of chats.
    pub(crate) const ROW: f32 = 68.0;
    /// Least height of anything one can press.
    pub(crate) const TOUCH: f32 = 34.0;
    /// Widest column of running text, about 68 characters.
    pub(crate) const READING: f32 = 560.0;
    /// Widest column of a conversation: on a large screen both sides stay under one look.
    pub(crate) const TALK: f32 = 1000.0;
    /// Width of a form.
    pub(crate) const FORM: f32 = 400.0;
    /// Width of the side panel with details.
    pub(crate) const DETAILS: f32 = 320.0;
    /// Avatar in lists.
    pub(crate) const AVATAR: f32 = 44.0;
    /// Avatar in bars.
    pub(crate) const AVATAR_SMALL: f32 = 36.0;
    /// Avatar on a page of its own.
    pub(crate) const AVATAR_LARGE: f32 = 84.0;
    /// Widest side of a QR picture.
    pub(crate) const QR: f32 = 296.0;
    /// Widest side of a QR picture of few letters.
    pub(crate) const QR_SMALL: f32 = 198.0;
    /// Line height as a factor of the size of type.
    pub(crate) const LEADING: f32 = 1.45;
    /// Width of the palette.
    pub(crate) const PALETTE: f32 = 520.0;
    /// Tallest list in a sheet that lies over a page.
    pub(crate) const SHEET_LIST: f32 = 360.0;
    /// Width of a menu.
    pub(crate) const MENU: f32 = 190.0;
    /// Height from which the first screen moves down from the window's edge.
    pub(crate) const WELCOME: f32 = 620.0;
    /// Height of the lock screen's form with its head and the choice of language.
    pub(crate) const UNLOCK: f32 = 360.0;
    /// Content this wide shows details beside it instead of over it.
    pub(crate) const BESIDE: f32 = 760.0;
    /// Height of a field of one line.
    pub(crate) const FIELD: f32 = 36.0;
    /// From the edges of a field to the ends of its caret.
    pub(crate) const CARET: f32 = 9.0;
    /// From the left edge of a search to the middle of its sign.
    pub(crate) const SEARCH_SIGN: f32 = 18.0;
    /// Narrowest column of words, and of a search.
    pub(crate) const WORDS_MIN: f32 = 80.0;
    /// Room for "12 of 345" beside a search.
    pub(crate) const HITS: f32 = 68.0;
    /// Height of the bars that show a strength.
    pub(crate) const METER: f32 = 4.0;

    /// From the middle of a row to the middle of each of its two lines.
    pub(crate) const ROW_LINE: f32 = 11.0;
    /// Room of a sign before a line of a row.
    pub(crate) const ROW_SIGN: f32 = 20.0;
    /// Height of a count in a row.
    pub(crate) const COUNT: f32 = 20.0;
    /// Height of a count at the corner of a sign.
    pub(crate) const BADGE: f32 = 18.0;
    /// From the left edge of an entry to the middle of its sign.
    pub(crate) const ENTRY_SIGN: f32 = 20.0;
    /// From the left edge of an entry to its words.
    pub(crate) const ENTRY_WORDS: f32 = 40.0;

    /// What lies behind the sign of a section in the rail.
    pub(crate) const RAIL_PILL: egui::Vec2 = egui::vec2(48.0, 30.0);
    /// From the middle of a section up to its sign.
    pub(crate) const RAIL_SIGN: f32 = 9.0;
    /// From the middle of a section down to its word.
    pub(crate) const RAIL_WORD: f32 = 17.0;
    /// From the upper right of a section's sign to the middle of its count.
    pub(crate) const RAIL_BADGE: egui::Vec2 = egui::vec2(-10.0, 7.0);

    /// Height of a day line or the line of new messages.
    pub(crate) const DAY: f32 = 40.0;
    /// Height of the quote in a bubble.
    pub(crate) const QUOTE: f32 = 42.0;
    /// Narrowest quote.
    pub(crate) const QUOTE_MIN: f32 = 120.0;
    /// Width of the bar at the left of a quote.
    pub(crate) const QUOTE_BAR: f32 = 3.0;
    /// Between bubbles of two sides, or of one side after a while.
    pub(crate) const TURN: f32 = 10.0;
    /// Side of the sign of a delivery.
    pub(crate) const SIGN: f32 = 18.0;
    /// Side of the sign before the time of a message that disappears, and of a sign in a row.
    pub(crate) const SIGN_SMALL: f32 = 14.0;
    /// Side of the round button beside a bubble.
    pub(crate) const MORE: f32 = 30.0;
    /// By how much the small letters at the foot of a bubble stand lower than its words.
    pub(crate) const FOOT_LOWER: f32 = 1.0;

    /// Side of the round sign of a step in a trail.
    pub(crate) const STEP_SIGN: f32 = 28.0;
    /// Height of a step in a trail.
    pub(crate) const STEP: f32 = 44.0;

    /// Width of the scroll bar of a conversation.
    pub(crate) const SCROLL: f32 = 8.0;
    /// Shortest thumb of a scroll bar.
    pub(crate) const THUMB: f32 = 28.0;
    /// What rounding to whole pixels may add or take.
    pub(crate) const ROUNDING: f32 = 1.0;
}

/// The pattern on an avatar: arcs on rings, as parts of its radius or side and in radians.
pub(crate) mod pattern {
    /// Radius of the outermost ring.
    pub(crate) const OUTERMOST: f32 = 0.9;
    /// From one ring to the next.
    pub(crate) const APART: f32 = 0.2;
    /// The shortest arc.
    pub(crate) const SHORTEST: f32 = 1.2;
    /// By how much arcs differ.
    pub(crate) const LONGER: f32 = 0.7;
    /// Width of an arc.
    pub(crate) const WIDTH: f32 = 0.06;
    /// Size of the letter.
    pub(crate) const LETTER: f32 = 0.42;
}

/// How much is seen of a colour that lets others through.
pub(crate) mod opacity {
    /// Behind a quote in a bubble.
    pub(crate) const QUOTE: f32 = 0.7;
    /// The thumb of a scroll bar.
    pub(crate) const THUMB: f32 = 0.5;
    /// What cannot be pressed now.
    pub(crate) const DISABLED: f32 = 0.55;
    /// What cannot be pressed now, and says so by its shape.
    pub(crate) const WHOLE: f32 = 1.0;
}

/// How long things move.
pub(crate) mod motion {
    /// Seconds of a change of state.
    pub(crate) const SHORT: f32 = 0.14;
}

/// The colours of one theme. Names say the use, not the hue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Palette {
    /// Behind conversations and pages.
    pub(crate) page: Color32,
    /// Behind the list column.
    pub(crate) surface: Color32,
    /// Behind the rail.
    pub(crate) rail: Color32,
    /// Cards, fields and menus.
    pub(crate) raised: Color32,
    /// Bubbles of the other side, quiet buttons.
    pub(crate) quiet: Color32,
    /// A quiet thing under the pointer.
    pub(crate) quiet_hover: Color32,
    /// Lines that only divide.
    pub(crate) line: Color32,
    /// Outlines that say "here one can write".
    pub(crate) outline: Color32,
    /// Text.
    pub(crate) ink: Color32,
    /// Text of less weight; still 4.5 : 1.
    pub(crate) weak: Color32,
    /// Actions and the own side.
    pub(crate) jade: Color32,
    /// An action under the pointer.
    pub(crate) jade_hover: Color32,
    /// Text on `jade`.
    pub(crate) on_jade: Color32,
    /// Jade as text.
    pub(crate) jade_ink: Color32,
    /// The own bubble, the chosen row.
    pub(crate) jade_soft: Color32,
    /// Warnings as text.
    pub(crate) persimmon: Color32,
    /// Behind a warning.
    pub(crate) persimmon_soft: Color32,
    /// Links and roads as text.
    pub(crate) indigo: Color32,
    /// Behind a hint.
    pub(crate) indigo_soft: Color32,
    /// What destroys, as text.
    pub(crate) danger: Color32,
    /// Behind a dialog.
    pub(crate) veil: Color32,
}

/// Warm paper by day.
pub(crate) const LIGHT: Palette = Palette {
    page: Color32::from_rgb(0xFB, 0xF9, 0xF5),
    surface: Color32::from_rgb(0xF4, 0xF0, 0xE9),
    rail: Color32::from_rgb(0xEC, 0xE6, 0xDC),
    raised: Color32::from_rgb(0xFF, 0xFF, 0xFF),
    quiet: Color32::from_rgb(0xED, 0xE8, 0xDF),
    quiet_hover: Color32::from_rgb(0xE3, 0xDC, 0xD0),
    line: Color32::from_rgb(0xDF, 0xD8, 0xCB),
    outline: Color32::from_rgb(0x8E, 0x86, 0x79),
    ink: Color32::from_rgb(0x24, 0x21, 0x1C),
    weak: Color32::from_rgb(0x62, 0x5C, 0x52),
    jade: Color32::from_rgb(0x1B, 0x6B, 0x57),
    jade_hover: Color32::from_rgb(0x15, 0x58, 0x47),
    on_jade: Color32::from_rgb(0xFF, 0xFF, 0xFF),
    jade_ink: Color32::from_rgb(0x19, 0x63, 0x50),
    jade_soft: Color32::from_rgb(0xD5, 0xE9, 0xE0),
    persimmon: Color32::from_rgb(0xA2, 0x3F, 0x1A),
    persimmon_soft: Color32::from_rgb(0xF9, 0xE6, 0xDB),
    indigo: Color32::from_rgb(0x3B, 0x4A, 0x92),
    indigo_soft: Color32::from_rgb(0xE4, 0xE7, 0xF4),
    danger: Color32::from_rgb(0xAE, 0x25, 0x1E),
    veil: Color32::from_rgba_premultiplied(0x0C, 0x0B, 0x09, 0x60),
};

/// Lacquer by night.
pub(crate) const DARK: Palette = Palette {
    page: Color32::from_rgb(0x1B, 0x1A, 0x18),
    surface: Color32::from_rgb(0x22, 0x21, 0x1F),
    rail: Color32::from_rgb(0x16, 0x15, 0x13),
    raised: Color32::from_rgb(0x2C, 0x2A, 0x28),
    quiet: Color32::from_rgb(0x39, 0x36, 0x33),
    quiet_hover: Color32::from_rgb(0x48, 0x44, 0x40),
    line: Color32::from_rgb(0x38, 0x35, 0x31),
    outline: Color32::from_rgb(0x86, 0x7F, 0x75),
    ink: Color32::from_rgb(0xEC, 0xE7, 0xDF),
    weak: Color32::from_rgb(0xB9, 0xB2, 0xA8),
    jade: Color32::from_rgb(0x5C, 0xC0, 0xA2),
    jade_hover: Color32::from_rgb(0x76, 0xD0, 0xB5),
    on_jade: Color32::from_rgb(0x0C, 0x20, 0x19),
    jade_ink: Color32::from_rgb(0x74, 0xCD, 0xB2),
    jade_soft: Color32::from_rgb(0x22, 0x47, 0x3C),
    persimmon: Color32::from_rgb(0xF2, 0x9D, 0x75),
    persimmon_soft: Color32::from_rgb(0x45, 0x2A, 0x1E),
    indigo: Color32::from_rgb(0xAC, 0xB7, 0xF3),
    indigo_soft: Color32::from_rgb(0x2A, 0x2F, 0x4A),
    danger: Color32::from_rgb(0xF9, 0x9A, 0x92),
    veil: Color32::from_rgba_premultiplied(0x00, 0x00, 0x00, 0x90),
};

/// Muted hues for avatars, each readable under white letters.
pub(crate) const AVATARS: [Color32; 8] = [
    Color32::from_rgb(0x2A, 0x6F, 0x5E),
    Color32::from_rgb(0x45, 0x54, 0x98),
    Color32::from_rgb(0x9C, 0x4A, 0x2B),
    Color32::from_rgb(0x7A, 0x4B, 0x82),
    Color32::from_rgb(0x5F, 0x66, 0x2E),
    Color32::from_rgb(0x2C, 0x6A, 0x86),
    Color32::from_rgb(0x8C, 0x45, 0x5A),
    Color32::from_rgb(0x6B, 0x5B, 0x42),
];

/// The pattern on an avatar.
pub(crate) const AVATAR_MARK: Color32 = Color32::from_rgba_premultiplied(26, 26, 26, 26);
/// The letter on an avatar.
pub(crate) const AVATAR_INK: Color32 = Color32::WHITE;
/// A QR picture is black on white in both themes, or cameras do not read it.
pub(crate) const QR_INK: Color32 = Color32::BLACK;
/// The paper of a QR picture.
pub(crate) const QR_PAPER: Color32 = Color32::WHITE;
/// No colour at all.
pub(crate) const CLEAR: Color32 = Color32::TRANSPARENT;

/// The colours that are in force in this frame.
pub(crate) fn palette(dark: bool) -> &'static Palette {
    if dark { &DARK } else { &LIGHT }
}

/// The family of heavier letters.
pub(crate) fn strong_family() -> FontFamily {
    FontFamily::Name("strong".into())
}

/// The family that holds the icons.
pub(crate) fn icon_family() -> FontFamily {
    FontFamily::Name("icons".into())
}

/// Ordinary letters of `points`.
pub(crate) fn regular(points: f32) -> FontId {
    FontId::new(points, FontFamily::Proportional)
}

/// Heavier letters of `points`.
pub(crate) fn strong(points: f32) -> FontId {
    FontId::new(points, strong_family())
}

/// Installs the shipped fonts and both styles. Called once, before the first frame.
pub(crate) fn install(ctx: &egui::Context) {
    ctx.set_fonts(fonts());
    // Where the system says nothing of light or dark.
    ctx.options_mut(|options| options.fallback_theme = egui::Theme::Light);
    for theme in [egui::Theme::Light, egui::Theme::Dark] {
        let dark = theme == egui::Theme::Dark;
        ctx.style_mut_of(theme, |style| dress(style, palette(dark), dark));
    }
}

/// Pretendard for reading, its heavier cut for heads, Phosphor for icons; egui's own fonts and the system's stand behind them.
pub(crate) fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let shipped: [(&str, &'static [u8]); 3] = [
        ("pretendard", include_bytes!("../assets/fonts/Pretendard-Regular.otf")),
        ("pretendard-semibold", include_bytes!("../assets/fonts/Pretendard-SemiBold.otf")),
        ("phosphor", include_bytes!("../assets/icons/Phosphor-subset.ttf")),
    ];
    for (name, bytes) in shipped {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    }
    let fallback = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let behind =
        |first: &str| std::iter::once(first.to_owned()).chain(fallback.iter().cloned()).collect::<Vec<_>>();
    fonts.families.insert(FontFamily::Proportional, behind("pretendard"));
    fonts.families.insert(strong_family(), behind("pretendard-semibold"));
    fonts.families.insert(icon_family(), behind("phosphor"));
    if let Some(mono) = fonts.families.get_mut(&FontFamily::Monospace) {
        mono.push("pretendard".to_owned());
    }
    fonts
}

fn dress(style: &mut egui::Style, colours: &Palette, dark: bool) {
    style.text_styles = [
        (TextStyle::Small, regular(size::TINY)),
        (TextStyle::Body, regular(size::BODY)),
        (TextStyle::Button, regular(size::BODY)),
        (TextStyle::Heading, strong(size::LARGE)),
        (TextStyle::Monospace, FontId::new(size::SMALL, FontFamily::Monospace)),
    ]
    .into();
    style.spacing.item_spacing = Vec2::splat(space::S);
    style.spacing.button_padding = Vec2::new(space::M, 6.0);
    style.spacing.interact_size = Vec2::new(measure::TOUCH, measure::TOUCH);
    style.spacing.menu_margin = Margin::same(space::S as i8);
    style.spacing.window_margin = Margin::same(space::XL as i8);
    style.spacing.icon_width = 20.0;
    style.spacing.icon_width_inner = 12.0;
    style.spacing.icon_spacing = space::S;
    style.spacing.scroll = egui::style::ScrollStyle::thin();
    style.animation_time = motion::SHORT;
    style.interaction.selectable_labels = false;
    style.visuals = visuals(colours, dark);
}

fn visuals(c: &Palette, dark: bool) -> Visuals {
    let mut v = if dark { Visuals::dark() } else { Visuals::light() };
    let round = CornerRadius::same(radius::S);
    v.override_text_color = None;
    v.weak_text_color = Some(c.weak);
    v.panel_fill = c.page;
    v.window_fill = c.raised;
    v.window_stroke = Stroke::new(stroke::HAIR, c.line);
    v.window_corner_radius = CornerRadius::same(radius::L);
    v.menu_corner_radius = CornerRadius::same(radius::M);
    v.extreme_bg_color = c.raised;
    v.text_edit_bg_color = Some(c.raised);
    v.faint_bg_color = c.surface;
    v.code_bg_color = c.quiet;
    v.hyperlink_color = c.indigo;
    v.warn_fg_color = c.persimmon;
    v.error_fg_color = c.danger;
    v.selection.bg_fill = if dark { c.jade_soft } else { Color32::from_rgb(0xB4, 0xDB, 0xCB) };
    v.selection.stroke = Stroke::new(stroke::EDGE, c.jade);
    v.ime_composition.active_underline_stroke = Stroke::new(stroke::EDGE, c.jade);
    v.text_cursor.stroke = Stroke::new(stroke::RING, c.jade);
    v.text_cursor.blink = false;
    let shadow = Shadow {
        offset: [0, 6],
        blur: 24,
        spread: 0,
        color: Color32::from_black_alpha(if dark { 110 } else { 36 }),
    };
    v.window_shadow = shadow;
    v.popup_shadow = shadow;
    v.disabled_alpha = opacity::DISABLED;
    let w = &mut v.widgets;
    w.noninteractive.bg_fill = c.raised;
    w.noninteractive.weak_bg_fill = c.surface;
    w.noninteractive.bg_stroke = Stroke::new(stroke::HAIR, c.line);
    w.noninteractive.fg_stroke = Stroke::new(stroke::HAIR, c.ink);
    w.noninteractive.corner_radius = round;
    w.inactive.bg_fill = c.quiet;
    w.inactive.weak_bg_fill = c.quiet;
    w.inactive.bg_stroke = Stroke::new(stroke::HAIR, c.outline);
    w.inactive.fg_stroke = Stroke::new(stroke::EDGE, c.ink);
    w.inactive.corner_radius = round;
    w.hovered.bg_fill = c.quiet_hover;
    w.hovered.weak_bg_fill = c.quiet_hover;
    w.hovered.bg_stroke = Stroke::new(stroke::HAIR, c.ink);
    w.hovered.fg_stroke = Stroke::new(stroke::EDGE, c.ink);
    w.hovered.corner_radius = round;
    w.hovered.expansion = 0.0;
    w.active.bg_fill = c.quiet_hover;
    w.active.weak_bg_fill = c.quiet_hover;
    w.active.bg_stroke = Stroke::new(stroke::RING, c.jade);
    w.active.fg_stroke = Stroke::new(stroke::EDGE, c.ink);
    w.active.corner_radius = round;
    w.active.expansion = 0.0;
    w.open = w.hovered;
    v
}

#[cfg(test)]
mod tests {
    use super::*;

    fn light_of(channel: u8) -> f64 {
        let value = f64::from(channel) / 255.0;
        if value <= 0.039_28 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    }

    fn contrast(a: Color32, b: Color32) -> f64 {
        let light =
            |c: Color32| 0.2126 * light_of(c.r()) + 0.7152 * light_of(c.g()) + 0.0722 * light_of(c.b());
        let (x, y) = (light(a).max(light(b)), light(a).min(light(b)));
        (x + 0.05) / (y + 0.05)
    }

    #[test]
    fn text_reaches_four_and_a_half_to_one_in_both_themes() {
        for (name, c) in [("light", LIGHT), ("dark", DARK)] {
            let grounds = [c.page, c.surface, c.rail, c.raised, c.quiet, c.quiet_hover, c.jade_soft];
            for ground in grounds {
                for ink in [c.ink, c.weak] {
                    assert!(
                        contrast(ink, ground) >= 4.5,
                        "{name}: {ink:?} on {ground:?} is {:.2}",
                        contrast(ink, ground)
                    );
                }
            }
            for ground in [c.page, c.surface, c.raised] {
                for ink in [c.jade_ink, c.persimmon, c.indigo, c.danger] {
                    assert!(
                        contrast(ink, ground) >= 4.5,
                        "{name}: {ink:?} on {ground:?} is {:.2}",
                        contrast(ink, ground)
                    );
                }
                assert!(contrast(c.outline, ground) >= 3.0, "{name}: outline on {ground:?}");
            }
            for (ink, ground) in [
                (c.on_jade, c.jade),
                (c.on_jade, c.jade_hover),
                (c.persimmon, c.persimmon_soft),
                (c.indigo, c.indigo_soft),
                (c.ink, c.persimmon_soft),
                (c.ink, c.indigo_soft),
                // Signs and drafts in a row that is chosen or under the pointer; buttons that destroy.
                (c.jade_ink, c.jade_soft),
                (c.jade_ink, c.quiet),
                (c.jade_ink, c.quiet_hover),
                (c.jade_ink, c.rail),
                (c.persimmon, c.jade_soft),
                (c.persimmon, c.quiet_hover),
                (c.danger, c.quiet),
                (c.danger, c.quiet_hover),
            ] {
                assert!(
                    contrast(ink, ground) >= 4.5,
                    "{name}: {ink:?} on {ground:?} is {:.2}",
                    contrast(ink, ground)
                );
            }
        }
    }

    #[test]
    fn the_ring_of_the_focus_is_seen_on_every_ground() {
        for (name, c) in [("light", LIGHT), ("dark", DARK)] {
            for ground in [c.page, c.surface, c.rail, c.raised, c.quiet, c.quiet_hover, c.jade_soft] {
                assert!(contrast(c.jade, ground) >= 3.0, "{name}: {:.2}", contrast(c.jade, ground));
            }
        }
    }

    #[test]
    fn a_letter_reads_on_every_avatar() {
        for ground in AVATARS {
            assert!(contrast(AVATAR_INK, ground) >= 4.5, "{ground:?} is {:.2}", contrast(AVATAR_INK, ground));
        }
    }
}
