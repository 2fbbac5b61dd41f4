//! The Pythons of `make venv`.
//! It decides where they are; it must never stand in for one that is missing.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

/// The Python that a variable names, or that of a folder in the cache.
pub(crate) fn of(variable: &str, folder: &str) -> Result<PathBuf> {
    if let Some(python) = std::env::var_os(variable) {
        return Ok(python.into());
    }
    let home = std::env::var_os("HOME").context("HOME is not set")?;
    let python = PathBuf::from(home).join(".cache/ecumene").join(folder).join("bin/python");
    if python.exists() { Ok(python) } else { bail!("{folder} is not installed: run `make venv`") }
}
