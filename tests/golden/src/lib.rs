//! Pictures of the main screens: painted by the gallery of the app as the product paints itself, and compared with the
//! pictures in `accepted`, with a tolerance that lets the noise of smoothed edges pass and nothing else.
//!
//! `xvfb-run -a cargo test --manifest-path tests/golden/Cargo.toml` leaves in `.ci-artifacts/golden` every picture that
//! was painted, and a `.diff.png` of each that is another. Look at them; if the change is wanted, the same command with
//! `MADANG_ACCEPT=1` takes them into `accepted`, to be committed with the change.

mod gallery;
mod picture;
mod tolerance;

pub use gallery::{paint, painted};
pub use picture::Picture;
pub use tolerance::{PIXELS_MAX, differing, marked};

use std::path::PathBuf;

/// The folder of this crate, as cargo tells a test that runs: what was compiled may come from another clone.
pub fn here() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}
