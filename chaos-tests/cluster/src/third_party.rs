//! Programs of others that know the registry, or a gateway, only by what it publishes.
//! It decides how they are started; it must never help one to an answer.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// Runs one of `clients/*.py`; each line that it prints is one step.
///
/// # Errors
/// `make venv` was not run, or the client failed; with what it said.
pub fn client(script: &str, arguments: &[&str]) -> Result<Vec<Value>> {
    let output = finished(
        Command::new(python()?)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg(clients().join(script))
            .args(arguments),
    )?;
    let lines = String::from_utf8(output.stdout)?;
    lines.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

/// Lets schemathesis look for answers that the contract does not describe; in whose name is in the
/// token, if there is one. Reports are left in `out`.
///
/// # Errors
/// It found one; with its words.
pub fn schemathesis(url: &str, token: Option<&str>, out: &Path) -> Result<()> {
    let mut command = look("schemathesis.toml", &contract(), (url, out))?;
    if let Some(token) = token {
        command.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    finished(&mut command).map(drop)
}

/// The same of a gateway. Each call is made with a token of its own, from a file with one on each line; what only operators
/// ask, with theirs.
///
/// # Errors
/// It found one; with its words.
pub fn schemathesis_of_gateway(url: &str, tokens: &Path, operator: &str, out: &Path) -> Result<()> {
    let mut command = look("schemathesis-gateway.toml", &gateway_contract(), (url, out))?;
    command
        .env("SCHEMATHESIS_HOOKS", clients().join("gateway_tokens.py"))
        .env("ECUMENE_TOKENS", tokens)
        .env("ECUMENE_OPERATOR", operator)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    finished(&mut command).map(drop)
}

/// A run of schemathesis with one of our configurations.
fn look(config: &str, contract: &Path, (url, out): (&str, &Path)) -> Result<Command> {
    let mut command = Command::new(python()?.with_file_name("st"));
    command
        .current_dir(out)
        .arg("--config-file")
        .arg(clients().join(config))
        .arg("run")
        .arg(contract)
        .args(["--url", url]);
    Ok(command)
}

/// The published contract.
#[must_use]
pub fn contract() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi/registry-v1.json")
}

/// That of the gateway.
#[must_use]
pub fn gateway_contract() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi/gateway-v1.yaml")
}

/// The folder of the proto files.
#[must_use]
pub fn protos() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto")
}

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

fn python() -> Result<PathBuf> {
    crate::python::of("ECUMENE_CLIENTS_PYTHON", "clients-4.32.5")
}

fn finished(command: &mut Command) -> Result<Output> {
    let output = command.output().context("it cannot be started")?;
    if !output.status.success() {
        let (out, err) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        bail!("{:?} failed:\n{out}\n{err}", command.get_program());
    }
    Ok(output)
}
