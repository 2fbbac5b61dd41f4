//! The official A2A SDKs as clients of ours and as servers behind us, in processes of their own.
//! It decides where they are; it must never stand in for an SDK when that is missing.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

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
    let key = key.to_str().context("a path that is not UTF-8")?;
    lines_of(script(sdk, "a2a_calls")?.args([agent, key, issuer, binding, version]))
}

/// A server on loopback, which has an agent in each form in which one can be attached. It ends with this.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// The agents' URLs, by binding and version.
    agents: BTreeMap<String, String>,
}

impl Server {
    /// Starts it on a free port, and waits until it listens.
    ///
    /// # Errors
    /// `make venv` or `make clients` was not run, or the server ended before it listened.
    pub fn start(sdk: Sdk) -> Result<Self> {
        let mut command = script(sdk, "a2a_server")?;
        let child = command.arg("0").stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let child = child.context("the SDK cannot be started")?;
        let mut server = Self { child, agents: BTreeMap::new() };
        let said = server.child.stdout.as_mut().context("its output is not ours")?;
        let mut line = String::new();
        BufReader::new(said).read_line(&mut line)?;
        server.agents = serde_json::from_str(&line).context("the SDK does not listen")?;
        Ok(server)
    }

    /// The URL of its agent that is reached over this binding, in this version.
    ///
    /// # Errors
    /// It has none.
    pub fn agent(&self, binding: &str, version: &str) -> Result<&str> {
        let url = self.agents.get(&format!("{binding} {version}"));
        url.map(String::as_str).with_context(|| format!("no agent speaks {binding} {version}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already; then both calls fail, and that is as wished.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One of `clients`, in the language of this SDK.
fn script(sdk: Sdk, name: &str) -> Result<Command> {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
    let (program, kind) = match sdk {
        Sdk::Python => (python()?, "py"),
        Sdk::JavaScript => (PathBuf::from("node"), "mjs"),
    };
    let mut command = Command::new(program);
    command.arg(clients.join(format!("{name}.{kind}")));
    if sdk == Sdk::JavaScript {
        command.arg(node_modules()?);
    }
    Ok(command)
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
