//! Each decision has a number of its own, and each direct dependency has its reason in one.
//!
//! It compares names in both directions, so that a reason leaves with its dependency, and it
//! bounds how many packages all of them may bring.

use super::{Fault, tree::Tree};

const FOLDER: &str = "docs/decisions/";
const DEPENDENCIES: &str = "docs/decisions/0002-dependencies.md";
/// Every package is code that somebody must trust; decision 2 says why so many.
const PACKAGES_MAX: usize = 650;

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = numbers(tree);
    faults.extend(packages(tree.text("Cargo.lock").unwrap_or_default()));
    let reasons = tree.text(DEPENDENCIES).unwrap_or_default();
    let manifest = tree.text("Cargo.toml").unwrap_or_default();
    faults.extend(dependencies(manifest, reasons));
    faults.extend(unused(tree, manifest));
    faults
}

fn numbers(tree: &Tree) -> Vec<Fault> {
    let files = tree.with_suffix(".md").filter_map(|(path, _)| {
        let name = path.strip_prefix(FOLDER)?;
        (!name.contains('/')).then_some((path, name))
    });
    let mut faults = Vec::new();
    let mut last = 0;
    for (path, name) in files {
        let number = name.split_once('-').and_then(|(number, _)| number.parse::<usize>().ok());
        let is_next =
            number.is_some_and(|number| number > last) && name.as_bytes().get(4) == Some(&b'-');
        if !is_next {
            let message = format!("a decision is `NNNN-title.md`, its number above {last:04}");
            faults.push(Fault::new(path, 1, message));
        }
        last = number.unwrap_or(last);
    }
    faults
}

fn packages(lock: &str) -> Option<Fault> {
    let count = lock.lines().filter(|line| *line == "[[package]]").count();
    let message = format!("{count} packages are locked, more than {PACKAGES_MAX}");
    (count > PACKAGES_MAX).then(|| Fault::new("Cargo.lock", 1, message))
}

fn dependencies(manifest: &str, reasons: &str) -> Vec<Fault> {
    let named = named(reasons);
    let direct = direct(manifest);
    let unnamed = direct.iter().filter(|(_, name)| !named.iter().any(|(_, known)| known == name));
    let mut faults: Vec<Fault> = unnamed
        .map(|(line, name)| {
            Fault::new("Cargo.toml", *line, format!("`{name}` has no reason in {DEPENDENCIES}"))
        })
        .collect();
    let gone = named.iter().filter(|(_, name)| !direct.iter().any(|(_, known)| known == name));
    faults.extend(gone.map(|(line, name)| {
        Fault::new(DEPENDENCIES, *line, format!("`{name}` is no direct dependency any more"))
    }));
    faults
}

/// A version that no crate takes is a reason that nobody has.
fn unused(tree: &Tree, manifest: &str) -> Vec<Fault> {
    let takes = |name: &str| {
        let inherited = [format!("{name}.workspace = true"), format!("{name} = {{ workspace")];
        let mut lines = tree.with_suffix("/Cargo.toml").flat_map(|(_, text)| text.lines());
        lines.any(|line| inherited.iter().any(|start| line.starts_with(&**start)))
    };
    let unused = direct(manifest).into_iter().filter(|(_, name)| !takes(name));
    unused
        .map(|(line, name)| Fault::new("Cargo.toml", line, format!("no crate uses `{name}`")))
        .collect()
}

/// Entries of `[workspace.dependencies]` that come from a registry.
fn direct(manifest: &str) -> Vec<(usize, &str)> {
    let lines = (1..).zip(manifest.lines());
    let section = lines.skip_while(|(_, line)| *line != "[workspace.dependencies]").skip(1);
    let section = section.take_while(|(_, line)| !line.starts_with('['));
    let entries = section.filter_map(|(number, line)| {
        let (name, value) = line.split_once('=')?;
        let ours = value.contains("path =") || name.starts_with('#');
        (!ours).then_some((number, name.trim()))
    });
    entries.collect()
}

/// First cells of table rows that are a name in backticks.
fn named(reasons: &str) -> Vec<(usize, &str)> {
    let rows = (1..).zip(reasons.lines());
    rows.filter_map(|(number, line)| Some((number, line.strip_prefix("| `")?.split_once('`')?.0)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_or_malformed_number_is_a_fault() {
        let check_names = |names: &[&str]| {
            let files: Vec<_> = names.iter().map(|name| format!("{FOLDER}{name}")).collect();
            let files: Vec<_> = files.iter().map(|path| (&**path, "")).collect();
            numbers(&Tree::of(&files)).len()
        };
        assert_eq!(check_names(&["0001-a.md", "0002-b.md"]), 0);
        assert_eq!(check_names(&["0001-a.md", "0003-b.md"]), 0);
        assert_eq!(check_names(&["0001-a.md", "0001-b.md"]), 1);
        assert_eq!(check_names(&["1-a.md"]), 1);
    }

    #[test]
    fn more_packages_than_the_bound_are_a_fault() {
        assert!(packages(&"[[package]]\n".repeat(PACKAGES_MAX)).is_none());
        assert!(packages(&"[[package]]\n".repeat(PACKAGES_MAX + 1)).is_some());
    }

    #[test]
    fn a_dependency_that_no_crate_takes_is_a_fault() {
        let manifest = "[workspace.dependencies]\na = \"1\"\nb = \"1\"\nbc = \"1\"\n";
        let crates = "a.workspace = true\nbc = { workspace = true }\n";
        let tree = Tree::of(&[("Cargo.toml", manifest), ("x/Cargo.toml", crates)]);
        let found: Vec<_> = unused(&tree, manifest).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["Cargo.toml:3: no crate uses `b`"]);
    }

    #[test]
    fn a_dependency_without_a_reason_and_a_reason_without_a_dependency_are_faults() {
        let manifest = "[workspace]\nx = 1\n[workspace.dependencies]\na = \"1\"\n# b = \"1\"\n\
                        own = { path = \"own\" }\nc = { version = \"1\" }\n[profile.dev]\nd = 1\n";
        assert!(dependencies(manifest, "| `a` | why |\n| `c` | why |\n").is_empty());
        let faults = dependencies(manifest, "| `a` | why |\n| `gone` | why |\n");
        let found: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("Cargo.toml:7: `c`"), "{found:?}");
        assert!(found[1].starts_with(&format!("{DEPENDENCIES}:2: `gone`")), "{found:?}");
    }
}
