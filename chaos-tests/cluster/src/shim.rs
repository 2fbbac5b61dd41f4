//! Small libraries in C that stand before the C library in one process.
//! It decides how they are built; what they change, each says itself.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// Builds a library of a source.
///
/// # Errors
/// There is no C compiler, or it refuses the source.
pub(crate) fn build(source: &Path, library: &Path) -> Result<()> {
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-o"])
        .args([library, source])
        .arg("-ldl")
        .output()
        .context("cc is not there; `make deps` installs it")?;
    ensure!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
