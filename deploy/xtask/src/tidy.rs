//! All checks, run over one working tree.
//!
//! It decides which checks there are. A check takes what was read and returns faults; none reads
//! a file of its own accord beyond what its rule is about, and none stops at the first fault.

mod arrows;
mod budget;
mod decisions;
mod header;
mod links;
mod pages;
mod purity;
mod renamed;
mod source;
mod tree;
mod words;
mod workspace;

use std::{fmt, path::Path};

use self::{source::Source, tree::Tree, workspace::Crate};

/// A broken rule and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    path: String,
    line: usize,
    message: String,
}

impl Fault {
    fn new(path: impl Into<String>, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.into(), line, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Runs every check on the repository at `root`.
///
/// # Errors
/// The tree cannot be read or cargo does not answer; a broken rule is not an error.
pub(crate) fn run(root: &Path) -> anyhow::Result<Vec<Fault>> {
    let tree = Tree::read(root)?;
    let crates = workspace::crates(root)?;
    let (sources, mut faults) = parse(&tree);
    faults.extend(arrows::check(&crates));
    faults.extend(purity::check(&crates, &sources, &tree));
    faults.extend(sources.iter().flat_map(header::check));
    faults.extend(sources.iter().flat_map(words::check));
    faults.extend(sources.iter().flat_map(renamed::check));
    faults.extend(budget::check(&sources, tree.text(budget::EXCEPTIONS).unwrap_or_default()));
    faults.extend(links::check(&tree));
    faults.extend(decisions::check(&tree));
    faults.extend(pages::check(&tree));
    faults.sort();
    Ok(faults)
}

/// What the list of exceptions would have to hold for the tree as it is.
///
/// # Errors
/// The tree cannot be read.
pub(crate) fn exceptions(root: &Path) -> anyhow::Result<Vec<String>> {
    let tree = Tree::read(root)?;
    let (sources, _) = parse(&tree);
    Ok(budget::offenders(&sources).into_iter().map(|offender| offender.entry).collect())
}

fn parse(tree: &Tree) -> (Vec<Source>, Vec<Fault>) {
    let (mut sources, mut faults) = (Vec::new(), Vec::new());
    for (path, text) in tree.with_suffix(".rs") {
        match Source::parse(path, text) {
            Ok(source) => sources.push(source),
            Err(fault) => faults.push(fault),
        }
    }
    (sources, faults)
}
