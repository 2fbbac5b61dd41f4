//! The text files of a working tree, read once.
//!
//! It decides what belongs to the project: not build output, not hidden folders, not links. It
//! reads the tree rather than git's index, so that a fault shows before it is committed.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Context;

/// Text by path; paths are relative and use `/`.
#[derive(Debug, Default)]
pub(super) struct Tree {
    texts: BTreeMap<String, String>,
    others: Vec<String>,
}

/// What the checks read; other files are known by name only.
const READ: &[&str] = &[".rs", ".md", ".toml", ".lock", ".txt"];
/// Folders that no rule is about.
const SKIPPED: &[&str] = &["target", "node_modules"];

impl Tree {
    pub(super) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut tree = Self::default();
        tree.add(root, "").with_context(|| format!("cannot read {}", root.display()))?;
        Ok(tree)
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let own = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Self { texts: files.iter().map(own).collect(), others: Vec::new() }
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    pub(super) fn with_suffix(&self, suffix: &str) -> impl Iterator<Item = (&str, &str)> {
        let texts = self.texts.iter().filter(move |(path, _)| path.ends_with(suffix));
        texts.map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Whether a file, or a folder with a file in it, is there.
    pub(super) fn holds(&self, path: &str) -> bool {
        let below = format!("{}/", path.trim_end_matches('/'));
        let mut all = self.texts.keys().chain(&self.others);
        path.is_empty() || all.any(|known| known == path || known.starts_with(&below))
    }

    fn add(&mut self, folder: &Path, prefix: &str) -> anyhow::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            let kind = entry.file_type()?;
            if kind.is_dir() {
                let hidden = name.starts_with('.') && !matches!(&*name, ".ci" | ".config");
                if !hidden && !SKIPPED.contains(&&*name) {
                    self.add(&entry.path(), &format!("{path}/"))?;
                }
            } else if kind.is_file() && READ.iter().any(|suffix| name.ends_with(suffix)) {
                let text = fs::read_to_string(entry.path()).with_context(|| path.clone())?;
                self.texts.insert(path, text);
            } else {
                self.others.push(path);
            }
        }
        Ok(())
    }
}
