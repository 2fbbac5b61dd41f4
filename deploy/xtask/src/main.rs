//! `cargo xtask tidy`: the rules of this repository that neither rustc nor clippy can see. It passes or fails, and must never
//! change a file: a person who is told `file:line` mends faster, and understands more, than one whose code was rewritten.

mod tidy;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};

const USAGE: &str = "\
usage: cargo xtask tidy         check the rules; one line per fault, exit code 1 if there is one
       cargo xtask exceptions   print what the list of exceptions would have to hold";

fn main() -> ExitCode {
    let command = std::env::args().nth(1).unwrap_or_default();
    match run(&command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(command: &str) -> anyhow::Result<ExitCode> {
    let root = root()?;
    match command {
        "tidy" => {
            let faults = tidy::run(&root)?;
            faults.iter().for_each(|fault| eprintln!("{fault}"));
            if faults.is_empty() {
                return Ok(ExitCode::SUCCESS);
            }
            eprintln!("tidy: {} faults", faults.len());
            Ok(ExitCode::FAILURE)
        }
        "exceptions" => {
            tidy::exceptions(&root)?.iter().for_each(|line| println!("{line}"));
            Ok(ExitCode::SUCCESS)
        }
        _ => bail!("{USAGE}"),
    }
}

/// The repository that the current folder is in.
fn root() -> anyhow::Result<PathBuf> {
    let here = std::env::current_dir().context("the current folder is gone")?;
    let is_root = |folder: &&Path| folder.join("deploy/xtask/exceptions.txt").is_file();
    let root = here.ancestors().find(is_root);
    root.map(Path::to_path_buf).context("run this inside the repository")
}
