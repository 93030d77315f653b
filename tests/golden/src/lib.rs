//! Pictures of the main screens: painted by the gallery of the app as the product paints itself, and compared with the
//! pictures in `accepted`, with a tolerance that lets the noise of smoothed edges pass and nothing else.
//!
//! `xvfb-run -a cargo test --manifest-path tests/golden/Cargo.toml` leaves in `.ci-artifacts/golden` every picture that
//! was painted, and a `.diff.png` of each that is another. Look at them; if the change is wanted, the same command with
//! `MADANG_ACCEPT=1` takes them into `accepted`, to be committed with the change.

use std::path::PathBuf;

mod gallery;
mod picture;
mod sheet;
mod tolerance;

pub use gallery::{paint, painted, screens};
pub use picture::Picture;
pub use sheet::{halved, sheet};
pub use tolerance::{PIXELS_MAX, differing, marked};

/// Languages and themes of the gallery, as the names of pictures end.
pub const VARIANTS: [&str; 4] = ["ko-light", "ko-dark", "en-light", "en-dark"];
/// Sizes at which screens are looked at: a modest laptop, a large screen, half a screen.
pub const SIZES: [[u32; 2]; 3] = [[1366, 768], [1920, 1080], [700, 768]];

/// The folder of this crate, as cargo tells a test that runs: what was compiled may come from another clone.
pub fn here() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}
