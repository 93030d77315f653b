//! The gallery of the app: built from the workspace, with what its tests have built already, and started on a display.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::here;

/// How the names of variables begin in which cargo describes the crate that runs.
const OF_THIS_CRATE: [&str; 3] = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_CRATE_"];

/// Where painted pictures lie.
pub fn painted() -> PathBuf {
    here().join("../../.ci-artifacts/golden")
}

/// Paints screens of one size into `folder/WIDTHxHEIGHT`; a screen is called `chat-ko-light`.
///
/// # Errors
/// What the compiler or the gallery said, for example that there is no display.
pub fn paint(folder: &Path, size: [u32; 2], screens: &[String]) -> Result<(), String> {
    let [width, height] = size;
    let folder = folder.join(format!("{width}x{height}"));
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut gallery = Command::new(built()?);
    gallery.arg("--into").arg(folder).args([width, height].map(|side| side.to_string())).args(screens);
    // One pixel a point, no graphics card, no Wayland.
    gallery
        .env("WINIT_X11_SCALE_FACTOR", "1")
        .env("LIBGL_ALWAYS_SOFTWARE", "1")
        .env_remove("WAYLAND_DISPLAY");
    success(&mut gallery).map(drop)
}

/// What all screens of the gallery are called, without language and theme.
///
/// # Errors
/// What the compiler or the gallery said.
pub fn screens() -> Result<Vec<String>, String> {
    let told = success(Command::new(built()?).arg("--screens"))?;
    Ok(String::from_utf8_lossy(&told.stdout).lines().map(str::to_owned).collect())
}

/// Builds the gallery and says where it is.
fn built() -> Result<PathBuf, String> {
    let cargo = || {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(here().join("../.."));
        // What cargo tells of this crate would look like a change to build scripts that ask for it, and half of the
        // dependencies would be compiled again, each time that one or the other builds.
        for (name, _) in std::env::vars_os() {
            if OF_THIS_CRATE.iter().any(|head| name.to_string_lossy().starts_with(head)) {
                cargo.env_remove(name);
            }
        }
        cargo
    };
    success(
        cargo()
            .args(["build", "--locked", "--quiet", "--workspace", "--example", "gallery"])
            .args(["--features", "madang/gallery"]),
    )?;
    let told = success(cargo().args(["metadata", "--locked", "--no-deps", "--format-version", "1"]))?;
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let target = told.split_once("\"target_directory\":\"").and_then(|(_, rest)| rest.split_once('"'));
    let (target, _) = target.ok_or("cargo does not tell where it builds")?;
    Ok(Path::new(target).join("debug/examples/gallery"))
}

fn success(command: &mut Command) -> Result<Output, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    Err(format!("{program}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
}
