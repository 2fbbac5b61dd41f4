//! Links between our own documents lead somewhere.
//!
//! It follows paths only: what is on the web is not ours to keep, and the check works offline.

use super::{Fault, tree::Tree};

pub(super) fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, text) in tree.with_suffix(".md") {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (line, target) in links(text) {
            let file = target.split('#').next().unwrap_or(target);
            let found = resolve(folder, file).is_some_and(|file| tree.holds(&file));
            if !file.is_empty() && !found {
                faults.push(Fault::new(path, line, format!("the link to `{target}` is dead")));
            }
        }
    }
    faults
}

/// Targets of `](target)` outside code, without those on the web.
fn links(text: &str) -> Vec<(usize, &str)> {
    let (mut fenced, mut found) = (false, Vec::new());
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Every second piece between backticks is code.
        for piece in line.split('`').step_by(2) {
            let starts = piece.match_indices("](").map(|(at, mark)| &piece[at + mark.len()..]);
            let targets = starts.filter_map(|rest| rest.split([')', ' ']).next());
            found.extend(targets.filter(|target| !is_web(target)).map(|target| (number, target)));
        }
    }
    found
}

fn is_web(target: &str) -> bool {
    target.contains("://") || target.starts_with("mailto:")
}

/// The path from the repository, or nothing when it leaves it.
fn resolve(folder: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(text: &str) -> usize {
        check(&Tree::of(&[("docs/a.md", text), ("docs/b/c.md", ""), ("README.md", "")])).len()
    }

    #[test]
    fn a_link_to_nothing_or_out_of_the_repository_is_a_fault() {
        assert_eq!(check_text("see [x](missing.md)"), 1);
        assert_eq!(check_text("see `y` [x](b/d.md#part) and [z](b/c.md)"), 1);
        assert_eq!(check_text("[x](../../README.md)"), 1);
    }

    #[test]
    fn files_folders_anchors_code_and_the_web_pass() {
        for text in [
            "[x](b/c.md#part) [y](../README.md \"title\") [z](b/) [w](#here)",
            "[x](https://example.org/a) [y](mailto:a@example.org)",
            "`[x](gone.md)`\n```text\n[x](gone.md)\n```\n",
        ] {
            assert_eq!(check_text(text), 0, "{text}");
        }
    }
}
