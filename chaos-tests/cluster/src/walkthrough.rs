//! A page of the documentation, followed as a reader would: its commands in order, its files under their names.
//!
//! It decides what of a page is run: every block marked `sh`, unless the line above says `<!-- not run: why -->`; and
//! what is a file: a block with a name behind its language. It must never run something else than what the page says,
//! nor pass over a command in silence.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::process::binary;
use crate::{python, world};

/// Longer than any page takes on a busy machine.
const PATIENCE_S: u32 = 400;

/// What a line of commands begins with.
const PROGRAMS: [&str; 4] = ["ecumene ", "curl ", "cargo ", "npm "];

/// A piece of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Commands, and the line at which they stand.
    Commands(usize, String),
    /// A file: its name and what is in it.
    File(String, String),
}

/// Reads a page.
///
/// # Errors
/// A command outside a block, a block that does not end, or one that is not run without a reason.
pub fn pieces(text: &str) -> Result<Vec<Piece>> {
    let (mut found, mut above) = (Vec::new(), "");
    let mut lines = (1..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        let bare = line.trim_start();
        let Some(kind) = bare.strip_prefix("```") else {
            let begins = |word: &&str| bare.starts_with(*word);
            let is_command = line.starts_with("    ") && PROGRAMS.iter().any(begins);
            ensure!(!is_command, "line {number}: a command stands in a block marked `sh`");
            above = if bare.is_empty() { above } else { bare };
            continue;
        };
        let inside = lines.by_ref().map(|(_, line)| line);
        let block = block(inside, line.len() - bare.len());
        let block = block.with_context(|| format!("line {number}: no end"))?;
        let reason = above.strip_prefix("<!-- not run:");
        ensure!(reason.is_none_or(|why| why.len() > "  -->".len()), "line {number}: why not?");
        match kind.trim().split_once(' ') {
            Some((_, name)) => found.push(Piece::File(name.to_owned(), block)),
            None if kind == "sh" && reason.is_none() => found.push(Piece::Commands(number, block)),
            None => {}
        }
        above = "";
    }
    Ok(found)
}

/// The lines of a block without their indentation, if it ends.
fn block<'a>(lines: impl Iterator<Item = &'a str>, indent: usize) -> Option<String> {
    let mut block = String::new();
    for line in lines {
        if line.trim() == "```" {
            return Some(block);
        }
        block.push_str(line.get(indent..).unwrap_or_default());
        block.push('\n');
    }
    None
}

/// A reader in a fresh folder, with what the pages have them install.
#[derive(Debug)]
pub struct Reader {
    folder: tempfile::TempDir,
    /// Where what the reader compiles is kept, if it is not thrown away with the folder.
    target: Option<PathBuf>,
}

impl Reader {
    /// A folder with `docs/quickstart` and, in `bin`, the binary.
    ///
    /// # Errors
    /// The binary is not built.
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("ecumene-reader-").tempdir()?;
        let quickstart = folder.path().join("docs/quickstart");
        std::fs::create_dir_all(&quickstart)?;
        for entry in std::fs::read_dir(documents().join("quickstart"))? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                std::fs::copy(entry.path(), quickstart.join(entry.file_name()))?;
            }
        }
        std::fs::create_dir(folder.path().join("bin"))?;
        std::os::unix::fs::symlink(binary()?, folder.path().join("bin/ecumene"))?;
        Ok(Self { folder, target: None })
    }

    /// Gives the contract of guests, and what `make guests` has compiled of the crates that guests need.
    ///
    /// # Errors
    /// `make guests` was not run.
    pub fn with_guests(mut self) -> Result<Self> {
        let contract = self.folder.path().join("proto/wit");
        std::fs::create_dir_all(&contract)?;
        let source = documents().join("../proto/wit/agent.wit");
        std::fs::copy(source, contract.join("agent.wit"))?;
        self.target = world::guests()?.ancestors().nth(2).map(Path::to_owned);
        Ok(self)
    }

    /// Installs the SDKs as the quickstart says; the network that it needs is not there.
    ///
    /// # Errors
    /// `make venv` was not run.
    pub fn install_sdks(&self) -> Result<()> {
        let quickstart = self.folder.path().join("docs/quickstart");
        let python = python::of("ECUMENE_PYTHON", "venv-1.3.0")?;
        let environment = python.ancestors().nth(2).context("a virtual environment")?;
        std::os::unix::fs::symlink(environment, quickstart.join("venv"))?;
        std::os::unix::fs::symlink(node_modules()?, quickstart.join("node_modules"))?;
        Ok(())
    }

    /// Does what a page says, after `before`; what was printed.
    ///
    /// # Errors
    /// A command failed; with what was printed last, and the line of the page.
    pub fn follow(&self, page: &str, before: &str) -> Result<String> {
        let text = std::fs::read_to_string(documents().join(page)).context(page.to_owned())?;
        let script = script(page, before, &pieces(&text).context(page.to_owned())?)?;
        let path = self.folder.path().join("page.sh");
        std::fs::write(&path, script)?;
        let searched = std::env::var("PATH").unwrap_or_default();
        let mut reads = Command::new("timeout");
        reads
            .args([&PATIENCE_S.to_string(), "bash"])
            .arg(&path)
            .current_dir(self.folder.path())
            .env("PATH", format!("{}/bin:{searched}", self.folder.path().display()))
            .env("ECUMENE_GUESTS", world::guests()?)
            // There is no network; what guests need is in cargo's own store since `make guests`.
            .env("CARGO_NET_OFFLINE", "true")
            .env_remove("CARGO_TARGET_DIR");
        if let Some(target) = &self.target {
            reads.env("CARGO_TARGET_DIR", target);
        }
        let output = reads.output()?;
        let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.push_str(&String::from_utf8_lossy(&output.stderr));
        if !output.status.success() {
            let lines: Vec<&str> = said.lines().collect();
            let last = lines[lines.len().saturating_sub(60)..].join("\n");
            bail!("{page}: {}\n{last}", output.status);
        }
        Ok(said)
    }
}

/// One shell does everything, so that variables and folders stay.
fn script(page: &str, before: &str, pieces: &[Piece]) -> Result<String> {
    let mut script = format!("exec 2>&1\nset -eu -o pipefail\n{before}\n");
    for piece in pieces {
        match piece {
            Piece::Commands(line, commands) => {
                write!(script, "echo '+ {page}:{line}'\n{commands}")?;
            }
            Piece::File(name, text) => {
                write!(script, "cat > '{name}' <<'END-OF-{name}'\n{text}END-OF-{name}\n")?;
            }
        }
    }
    Ok(script)
}

/// Every page of a folder below `docs`, in the order of their names.
///
/// # Errors
/// It cannot be read.
pub fn pages(folder: &str) -> Result<Vec<String>> {
    let mut pages = Vec::new();
    for entry in std::fs::read_dir(documents().join(folder))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".md") {
            pages.push(Path::new(folder).join(name).display().to_string());
        }
    }
    pages.sort();
    Ok(pages)
}

fn documents() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

/// Where `make clients` leaves the JavaScript SDK.
pub(crate) fn node_modules() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("ECUMENE_NODE_MODULES") {
        return Ok(folder.into());
    }
    let package = std::fs::read_to_string(documents().join("quickstart/package.json"))?;
    let package: serde_json::Value = serde_json::from_str(&package)?;
    let version = package["dependencies"]["@a2a-js/sdk"].as_str().context("the SDK's version")?;
    let home = std::env::var_os("HOME").context("HOME is not set")?;
    let folder = format!(".cache/ecumene/js-{version}/node_modules");
    let folder = PathBuf::from(home).join(folder);
    if folder.is_dir() {
        Ok(folder)
    } else {
        bail!("the JavaScript SDK is missing: run `make clients`")
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn commands_and_named_files_are_taken_in_order_and_other_blocks_left_out() {
        let page = "# A\n\n```sh\none\n```\n\n1. then\n\n   ```toml a.toml\n   x = 1\n   ```\n\n```json\n{}\n```\n\n<!-- not run: it needs a second machine -->\n```sh\ntwo\n```\n```sh\nthree\n```\n";
        let commands = |line, text: &str| Piece::Commands(line, text.to_owned());
        let file = Piece::File("a.toml".to_owned(), "x = 1\n".to_owned());
        assert_eq!(pieces(page).unwrap(), [commands(3, "one\n"), file, commands(21, "three\n")]);
    }

    #[test]
    fn a_command_that_would_be_passed_over_in_silence_is_a_fault() {
        for page in ["    ecumene doctor\n", "```sh\nx\n", "<!-- not run: -->\n```sh\nx\n```\n"] {
            assert!(pieces(page).is_err(), "{page}");
        }
    }
}
