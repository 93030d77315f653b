//! Where the programs of this workspace are, freshly built.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// The path of a program, built from the present sources into the target directory of this test.
///
/// # Panics
/// If it cannot be built.
#[must_use]
pub fn program(package: &str, name: &str) -> PathBuf {
    static BUILT: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = built.get(name) {
        return path.clone();
    }
    // This runs from <target>/<profile>/deps/<test>.
    let me = std::env::current_exe().expect("a running program has a path");
    let profile = me.ancestors().nth(2).expect("tests lie in <target>/<profile>/deps").to_path_buf();
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Where cargo found the package, not where it was compiled: clones share one target directory.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    build.current_dir(here).args(["build", "--quiet", "--package", package, "--bin", name]);
    // What cargo tells a test of its package would make build scripts believe that something has changed.
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|head| name.to_string_lossy().starts_with(head)) {
            build.env_remove(name);
        }
    }
    build.arg("--target-dir").arg(profile.parent().expect("a profile lies in the target directory"));
    if profile.ends_with("release") {
        build.arg("--release");
    }
    let status = build.status().expect("cargo can be run");
    assert!(status.success(), "{name} cannot be built");
    let path = profile.join(name);
    built.insert(name.to_owned(), path.clone());
    path
}
