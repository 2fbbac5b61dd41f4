//! The binary from outside, as far as it needs no other process but itself. That there is such a test has cargo build the
//! binary whenever it builds tests: those of `chaos-tests/cluster` run it, and must not find an older one.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod backup;
mod member;
mod members;
mod start;

use std::path::Path;
use std::process::{Command, Output};

fn ecumene(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ecumene")).current_dir(folder).args(args).output().unwrap()
}

#[test]
fn a_printed_example_lacks_nothing_but_the_files_that_it_names() {
    let folder = tempfile::tempdir().unwrap();
    for role in ["registry", "gateway", "node"] {
        let example = ecumene(folder.path(), &["config", "example", role]);
        assert!(example.status.success(), "{role}");
        std::fs::write(folder.path().join("role.toml"), example.stdout).unwrap();
        let checked = ecumene(folder.path(), &["config", "check", role, "role.toml"]);
        let said = String::from_utf8(checked.stdout).unwrap();
        assert_eq!(checked.status.code(), Some(2), "{role}: {said}");
        assert!(said.lines().all(|line| line.contains("secrets/")), "{role}: {said}");
    }
}

#[test]
fn a_checked_file_without_a_fault_ends_with_0_and_one_with_faults_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let good = "id = 'n1'\nregistry = ['http://127.0.0.1:1']\nstate_dir = 'state'\njoin_token_file = 'join'\n";
    start::secret(folder.path(), "join", "join-token-unused");
    std::fs::write(folder.path().join("node.toml"), good).unwrap();
    let check = ["config", "check", "node", "node.toml"];
    assert_eq!(ecumene(folder.path(), &check).status.code(), Some(0));
    std::fs::write(folder.path().join("node.toml"), format!("{good}slot = 3\n")).unwrap();
    let checked = ecumene(folder.path(), &check);
    assert_eq!(checked.status.code(), Some(2));
    assert!(String::from_utf8(checked.stdout).unwrap().contains("`slot` is unknown; `slots`"));
    assert!(String::from_utf8(checked.stderr).unwrap().contains("node.toml: 1 fault"));
}
