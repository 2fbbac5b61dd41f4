//! The official A2A SDKs as clients of ours, in processes of their own.
//! It decides where they are; it must never stand in for an SDK when that is missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::walkthrough::node_modules;

/// One of the official SDKs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sdk {
    /// `a2a-sdk`.
    Python,
    /// `@a2a-js/sdk`.
    JavaScript,
}

/// Calls an agent with the Python SDK, as the quickstart does; each line is one `StreamResponse` that the SDK gave out.
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
    let key = key.to_str().context("a path that is not UTF-8")?;
    lines_of(Command::new(python()?).arg(script).args([base, key, issuer, text, mode]))
}

/// Calls an agent in every way that is served, over one binding in one version, as its card says; each line is one step.
///
/// # Errors
/// `make venv` or `make clients` was not run, or the SDK failed; with what it said.
pub fn calls(
    sdk: Sdk,
    agent: &str,
    (key, issuer): (&Path, &str),
    (binding, version): (&str, &str),
) -> Result<Vec<Value>> {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
    let mut command = match sdk {
        Sdk::Python => {
            let mut command = Command::new(python()?);
            command.arg(clients.join("a2a_calls.py"));
            command
        }
        Sdk::JavaScript => {
            let mut command = Command::new("node");
            command.arg(clients.join("a2a_calls.mjs")).arg(node_modules()?);
            command
        }
    };
    let key = key.to_str().context("a path that is not UTF-8")?;
    lines_of(command.args([agent, key, issuer, binding, version]))
}

/// What a program prints, each line of it JSON.
fn lines_of(command: &mut Command) -> Result<Vec<Value>> {
    let output = command.output().context("the SDK cannot be started")?;
    if !output.status.success() {
        bail!("the SDK failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let lines = String::from_utf8(output.stdout)?;
    lines.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

fn python() -> Result<PathBuf> {
    crate::python::of("ECUMENE_PYTHON", "venv-1.3.0")
}
