//! All words stand in `i18n`, and all colours, radii, margins, widths and distances in `theme`: read off the sources.

use std::{fs, path::Path};

#[test]
fn words_stand_in_i18n() {
    for (file, line) in lines() {
        for literal in line.split('"').skip(1).step_by(2) {
            let bare: String = literal
                .split('{')
                .map(|part| part.split_once('}').map_or(part, |(_, after)| after))
                .collect();
            let words = bare.split(' ').filter(|w| w.len() > 2 && w.chars().all(char::is_alphabetic)).count();
            let diagnostics = literal.contains('=') || literal.starts_with("madang");
            assert!(words < 2 || diagnostics, "{file}: a sentence outside i18n: {literal:?}");
            assert!(!literal.chars().any(|c| ('가'..='힣').contains(&c)), "{file}: {literal:?}");
        }
    }
}

#[test]
fn tokens_stand_in_theme() {
    let found: Vec<String> = lines()
        .into_iter()
        .filter_map(|(file, line)| token(&line).map(|what| format!("{file}: {what}: {}", line.trim())))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_token_outside_theme_is_seen() {
    for (line, what) in [
        ("let ink = Color32::from_gray(3);", "a colour"),
        ("painter.rect_filled(rect, 0.0, egui::Color32::WHITE);", "a colour"),
        ("let round = CornerRadius::same(17);", "a radius or margin"),
        ("    .margin(egui::Margin::symmetric(10, 8))", "a radius or margin"),
        ("Margin { left: side as i8, right: 4, ..Margin::ZERO }", "a radius or margin"),
        ("ui.add_space(12.0);", "a distance"),
        ("let at = rect.left_center() + Vec2::new(18.0, 0.0);", "a distance"),
        ("let edge = Stroke::new(1.0, cx.c.line);", "a distance"),
        ("ui.spacing_mut().item_spacing.y = 2.0;", "a distance"),
        ("const SIDE: f32 = 1_000.0;", "a distance"),
    ] {
        assert_eq!(token(line), Some(what), "{line}");
    }
    for line in [
        "let ground: Color32 = cx.c.page;",
        "CornerRadius::same(radius::M)",
        "Margin { left: side as i8, right: 0, top: 0, bottom: 0 }",
        "let at = rect.center() - size / 2.0 + egui::vec2(0.0, height * 0.28);",
        "let part = ((at - top) / height).clamp(0.0, 1.0);",
        "let module = side.floor().max(1.0);",
        "const NOTICE_S: f64 = 6.0;",
        "for row in 0..rows.len() {",
        "let two = [\"1.5\", model.me.0.1];",
    ] {
        assert_eq!(token(line), None, "{line}");
    }
}

/// The lines of code of all views, widgets and the app's screens, without comments and tests: each with its file.
fn lines() -> Vec<(String, String)> {
    // As cargo tells it: what was compiled may come from another clone.
    let root = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    let root = Path::new(&root).join("src");
    let (mut open, mut files) = (["view", "widget", "app"].map(|room| root.join(room)).to_vec(), Vec::new());
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { open.push(path) } else { files.push(path) }
        }
    }
    files.push(root.join("app.rs"));
    files.retain(|file| file.extension().is_some_and(|end| end == "rs") && !file.ends_with("tests.rs"));
    files.sort();
    assert!(files.len() > 35, "{files:?}");
    let mut lines = Vec::new();
    for file in files {
        let source = fs::read_to_string(&file).expect("a source");
        let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let file = file.strip_prefix(&root).expect("within").display().to_string();
        let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.extend(code.map(|line| (file.clone(), line.to_owned())));
    }
    lines
}

/// What of the look a line decides by itself. A part of something (`* 0.8`, `/ 2.0`, `clamp(0.0, 1.0)`) is none, and
/// what is counted in `f64` is time: points are `f32`.
fn token(line: &str) -> Option<&'static str> {
    let code: String = line.split('"').step_by(2).collect();
    if code.contains("Color32::") {
        return Some("a colour");
    }
    for made in ["CornerRadius::same(", "Margin::same(", "Margin::symmetric(", "Margin {"] {
        let rest = code.split_once(made).map_or("", |(_, rest)| rest);
        if numbers(rest).iter().any(|(_, number)| number != "0") {
            return Some("a radius or margin");
        }
    }
    if code.contains("f64") {
        return None;
    }
    let code =
        [".max(1.0)", ".min(1.0)", "(0.0, 1.0)"].iter().fold(code, |code, whole| code.replace(whole, ""));
    let is_distance = |(before, number): &(String, String)| {
        number.contains('.') && number != "0.0" && !before.trim_end().ends_with(['*', '/'])
    };
    numbers(&code).iter().any(is_distance).then_some("a distance")
}

/// The numbers of a line, each with what stands before it.
fn numbers(code: &str) -> Vec<(String, String)> {
    let mut numbers = Vec::new();
    let mut before = String::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let is_new = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
        let long = if first.is_ascii_digit() && is_new {
            let digits = |text: &str| text.bytes().take_while(|b| b.is_ascii_digit() || *b == b'_').count();
            let whole = digits(rest);
            let part = rest[whole..].strip_prefix('.').map_or(0, digits);
            let number = &rest[..if part > 0 { whole + 1 + part } else { whole }];
            numbers.push((before.clone(), number.to_owned()));
            number.len()
        } else {
            first.len_utf8()
        };
        before.push_str(&rest[..long]);
        rest = &rest[long..];
    }
    numbers
}
