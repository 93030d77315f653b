//! Each main screen looks as it was accepted.

use std::{collections::BTreeSet, fs, path::PathBuf, sync::OnceLock};

use madang_golden::{PIXELS_MAX, Picture, SIZES, VARIANTS, differing, here, marked, paint, painted};

/// Both languages, by day and by night.
const ALL: [&str; 4] = VARIANTS;
const SMALL: [u32; 2] = SIZES[0];
const LARGE: [u32; 2] = SIZES[1];
const NARROW: [u32; 2] = SIZES[2];

macro_rules! screens {
    ($($test:ident: $size:expr, $screen:literal, $variants:expr;)*) => {
        /// What is painted: a size, and screens with their language and theme.
        fn shown() -> Vec<([u32; 2], String)> {
            let mut all = Vec::new();
            $(all.extend($variants.iter().map(|variant| ($size, format!("{}-{variant}", $screen))));)*
            all
        }
        $(#[test] fn $test() { $variants.iter().for_each(|variant| looks_as_accepted($size, $screen, variant)); })*
    };
}

screens! {
    the_first_screen: SMALL, "welcome", ALL;
    the_lock: SMALL, "unlock", ALL;
    a_conversation: SMALL, "chat", ALL;
    a_delivery_trail: SMALL, "trail", ALL;
    an_invite_that_is_shown: SMALL, "add", ALL;
    an_invite_that_is_taken: SMALL, "take", ALL;
    a_safety_number: SMALL, "verify", ALL;
    the_network: SMALL, "network", ALL;
    the_settings: SMALL, "settings", ALL;
    people: SMALL, "people", ["ko-dark", "en-light"];
    messages_that_disappear: SMALL, "fading", ["ko-light", "en-dark"];
    the_palette: SMALL, "palette", ["ko-light", "en-dark"];
    what_is_asked_before_all_is_destroyed: SMALL, "wipe", ["ko-dark", "en-light"];
    a_conversation_on_a_large_screen: LARGE, "chat", ["ko-light", "en-dark"];
    a_conversation_in_a_narrow_window: NARROW, "chat", ["ko-dark", "en-light"];
    the_chats_in_a_narrow_window: NARROW, "list", ["ko-light", "en-dark"];
    the_first_screen_in_a_narrow_window: NARROW, "welcome", ["ko-light"];
    the_settings_in_a_narrow_window: NARROW, "settings", ["en-dark"];
}

#[test]
fn no_accepted_picture_is_left_over() {
    let wanted: BTreeSet<PathBuf> = shown().iter().map(|(size, name)| accepted(*size, name)).collect();
    for folder in fs::read_dir(here().join("accepted")).expect("a folder") {
        for file in fs::read_dir(folder.expect("read").path()).expect("a folder") {
            let path = file.expect("read").path();
            assert!(wanted.contains(&path), "{} belongs to no test; remove it", path.display());
        }
    }
}

fn accepted([width, height]: [u32; 2], name: &str) -> PathBuf {
    here().join(format!("accepted/{width}x{height}/{name}.png"))
}

fn looks_as_accepted(size: [u32; 2], screen: &str, variant: &str) {
    static PAINTED: OnceLock<Result<(), String>> = OnceLock::new();
    if let Err(told) = PAINTED.get_or_init(paint_all) {
        panic!("nothing was painted: {told}");
    }
    let name = format!("{screen}-{variant}");
    let folder = painted().join(format!("{}x{}", size[0], size[1]));
    let now = Picture::read(&folder.join(format!("{name}.png"))).expect("painted");
    let path = accepted(size, &name);
    let differing = match Picture::read(&path) {
        Ok(accepted) => differing(&accepted, &now),
        Err(_) => differing(&Picture { width: 0, height: 0, rgb: Vec::new() }, &now),
    };
    if differing.len() <= PIXELS_MAX {
        return;
    }
    if std::env::var_os("MADANG_ACCEPT").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        return now.pack(&path).expect("written");
    }
    let diff = folder.join(format!("{name}.diff.png"));
    marked(&now, &differing).write(&diff).expect("written");
    let (count, at) = (differing.len(), differing[0]);
    panic!(
        "{name} is another picture: {count} pixels, the first at {at:?}; see {} and docs/developing.md",
        diff.display()
    );
}

/// Paints everything, one size after the other.
fn paint_all() -> Result<(), String> {
    let _ = fs::remove_dir_all(painted());
    SIZES.into_iter().try_for_each(|size| {
        let screens: Vec<String> =
            shown().into_iter().filter(|(s, _)| *s == size).map(|(_, name)| name).collect();
        paint(&painted(), size, &screens)
    })
}
