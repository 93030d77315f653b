//! Every token of the look: colours, spacing, radii, type and motion. Views use tokens, never literals.

use std::sync::Arc;

use egui::{
    Color32, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, Shadow, Stroke, TextStyle,
    Vec2, Visuals,
};

/// Steps of empty space, in points.
pub(crate) mod space {
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
    /// Fields and buttons.
    pub(crate) const S: u8 = 6;
    /// Cards and rows.
    pub(crate) const M: u8 = 10;
    /// Bubbles.
    pub(crate) const L: u8 = 14;
}

/// Sizes of type, in points.
pub(crate) mod size {
    /// Labels of time and counts.
    pub(crate) const TINY: f32 = 12.0;
    /// Hints.
    pub(crate) const SMALL: f32 = 13.5;
    /// What is read.
    pub(crate) const BODY: f32 = 15.0;
    /// Heads of panels.
    pub(crate) const TITLE: f32 = 18.0;
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
    v.window_stroke = Stroke::new(1.0, c.line);
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
    v.selection.stroke = Stroke::new(1.5, c.jade);
    v.ime_composition.active_underline_stroke = Stroke::new(1.5, c.jade);
    v.text_cursor.stroke = Stroke::new(2.0, c.jade);
    v.text_cursor.blink = false;
    let shadow = Shadow {
        offset: [0, 6],
        blur: 24,
        spread: 0,
        color: Color32::from_black_alpha(if dark { 110 } else { 36 }),
    };
    v.window_shadow = shadow;
    v.popup_shadow = shadow;
    v.disabled_alpha = 0.55;
    let w = &mut v.widgets;
    w.noninteractive.bg_fill = c.raised;
    w.noninteractive.weak_bg_fill = c.surface;
    w.noninteractive.bg_stroke = Stroke::new(1.0, c.line);
    w.noninteractive.fg_stroke = Stroke::new(1.0, c.ink);
    w.noninteractive.corner_radius = round;
    w.inactive.bg_fill = c.quiet;
    w.inactive.weak_bg_fill = c.quiet;
    w.inactive.bg_stroke = Stroke::new(1.0, c.outline);
    w.inactive.fg_stroke = Stroke::new(1.5, c.ink);
    w.inactive.corner_radius = round;
    w.hovered.bg_fill = c.quiet_hover;
    w.hovered.weak_bg_fill = c.quiet_hover;
    w.hovered.bg_stroke = Stroke::new(1.0, c.ink);
    w.hovered.fg_stroke = Stroke::new(1.5, c.ink);
    w.hovered.corner_radius = round;
    w.hovered.expansion = 0.0;
    w.active.bg_fill = c.quiet_hover;
    w.active.weak_bg_fill = c.quiet_hover;
    w.active.bg_stroke = Stroke::new(2.0, c.jade);
    w.active.fg_stroke = Stroke::new(1.5, c.ink);
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
