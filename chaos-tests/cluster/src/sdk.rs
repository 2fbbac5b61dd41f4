//! The official Python A2A SDK as a client of ours, in a process of its own.
//! It decides where Python is; it must never stand in for the SDK when that is missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// Calls an agent with the SDK, as the quickstart does; each line is one `StreamResponse` that the SDK gave out.
///
/// # Errors
/// `make venv` was not run, or the SDK failed; with what it said.
pub fn call(
    base: &str,
    key: &Path,
    issuer: &str,
    text: &str,
    streaming: bool,
) -> Result<Vec<Value>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/quickstart/call.py");
    let mode = if streaming { "stream" } else { "unary" };
    let output = Command::new(python()?)
        .arg(script)
        .args([base, key.to_str().context("a path that is not UTF-8")?, issuer, text, mode])
        .output()
        .context("Python cannot be started")?;
    if !output.status.success() {
        bail!("the SDK failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let lines = String::from_utf8(output.stdout)?;
    lines.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

fn python() -> Result<PathBuf> {
    crate::python::of("ECUMENE_PYTHON", "venv-1.3.0")
}
