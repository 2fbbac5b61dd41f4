//! An error page that the code names is there to be read.
//!
//! It looks for `docs/errors/CODE` in sources. A code that is put together at run time is not
//! seen here.

use super::{Fault, tree::Tree};

const FOLDER: &str = "docs/errors/";

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, text) in tree.with_suffix(".rs") {
        // This file and its kind speak of the folder in their own tests.
        if path.starts_with("deploy/xtask/") {
            continue;
        }
        for (number, line) in (1..).zip(text.lines()) {
            let missing = codes(line).filter(|code| !tree.holds(&format!("{FOLDER}{code}.md")));
            faults.extend(missing.map(|code| {
                Fault::new(path, number, format!("`{code}` has no page {FOLDER}{code}.md"))
            }));
        }
    }
    faults
}

fn codes(line: &str) -> impl Iterator<Item = &str> {
    let is_code = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    line.match_indices(FOLDER).filter_map(move |(at, _)| {
        let rest = &line[at + FOLDER.len()..];
        let end = rest.find(|c| !is_code(c)).unwrap_or(rest.len());
        (end > 0).then_some(&rest[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_page_that_is_missing_is_a_fault() {
        let source =
            "\"docs/errors/a-b\", \"docs/errors/gone\", \"docs/errors/{code}\" docs/errors/.";
        let tree = Tree::of(&[("x/src/lib.rs", source), ("docs/errors/a-b.md", "")]);
        let found: Vec<_> = check(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["x/src/lib.rs:1: `gone` has no page docs/errors/gone.md"]);
    }
}
