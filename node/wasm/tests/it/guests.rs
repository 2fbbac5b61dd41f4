//! Builds the agents that are written in Rust, as `make` does, into a target folder of their own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// Cargo locks the folder, so tests in many processes wait for the first that builds.
static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("guests");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", &target)
        .args(["build", "--quiet", "--release", "--target", "wasm32-wasip2"])
        .args(["-p", "node-textkit", "--lib", "--examples"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "is the target wasm32-wasip2 there (make deps)? {said}");
    target.join("wasm32-wasip2/release")
});

/// The agent `textkit`.
pub(crate) fn textkit() -> Vec<u8> {
    std::fs::read(BUILT.join("node_textkit.wasm")).unwrap()
}

/// A WASI command among its examples.
pub(crate) fn example(name: &str) -> Vec<u8> {
    std::fs::read(BUILT.join("examples").join(format!("{name}.wasm"))).unwrap()
}
