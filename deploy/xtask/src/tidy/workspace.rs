//! The crates of the workspace and which of ours each imports, as `cargo metadata` says, so that no rule depends on how a
//! manifest is laid out.

use std::{path::Path, process::Command};

use anyhow::{Context, ensure};
use serde::Deserialize;

/// A workspace crate.
#[derive(Debug, Default)]
pub(super) struct Crate {
    pub(super) name: String,
    /// Its folder, relative to the repository.
    pub(super) folder: String,
    /// The crates of ours that it is built with; those of its tests are not among them.
    pub(super) imports: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    path: Option<String>,
}

pub(super) fn crates(root: &Path) -> anyhow::Result<Vec<Crate>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let answer = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .context("cargo cannot be run")?;
    ensure!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    read(root, &answer.stdout)
}

fn read(root: &Path, metadata: &[u8]) -> anyhow::Result<Vec<Crate>> {
    let metadata: Metadata = serde_json::from_slice(metadata)?;
    let mut crates = Vec::new();
    for package in metadata.packages {
        let folder = Path::new(&package.manifest_path).parent().unwrap_or(root);
        let folder = folder.strip_prefix(root).unwrap_or(folder).to_string_lossy().into_owned();
        let ours = |d: &Dependency| d.path.is_some() && d.kind.as_deref() != Some("dev");
        let imports = package.dependencies.into_iter().filter(ours).map(|d| d.name).collect();
        crates.push(Crate { name: package.name, folder, imports });
    }
    Ok(crates)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn build_imports_count_and_test_imports_do_not() {
        let metadata = br#"{"packages": [{"name": "a", "manifest_path": "/r/x/a/Cargo.toml",
            "dependencies": [
                {"name": "b", "kind": null, "path": "/r/b"},
                {"name": "c", "kind": "build", "path": "/r/c"},
                {"name": "d", "kind": "dev", "path": "/r/d"},
                {"name": "serde", "kind": null}]}]}"#;
        let crates = read(Path::new("/r"), metadata).unwrap();
        assert_eq!(crates[0].folder, "x/a");
        assert_eq!(crates[0].imports, ["b", "c"]);
    }
}
