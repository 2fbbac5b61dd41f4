//! What of a task's artifacts a stream has told already. It must never hold the artifacts themselves.

use std::collections::BTreeMap;

use proto_types::Digest;
use proto_types::a2a::{Artifact, Part};

/// Artifacts of one task that are kept track of; the outcome brings the others. Arbitrary.
const TOLD_MAX: usize = 1_024;

/// What was told of each artifact: a digest over its parts so far.
#[derive(Default)]
pub(super) struct ToldArtifacts(BTreeMap<String, Digest>);

impl ToldArtifacts {
    /// Of a task that was told whole.
    pub(super) fn all(artifacts: &[Artifact]) -> Self {
        let mut told = Self::default();
        artifacts.iter().for_each(|artifact| told.note(artifact, false));
        told
    }

    /// Takes notice of an artifact that is told, or of more of it.
    pub(super) fn note(&mut self, artifact: &Artifact, append: bool) {
        let before = self.0.get(&artifact.artifact_id).copied();
        if before.is_none() && self.0.len() >= TOLD_MAX {
            return;
        }
        let now = digest(before.filter(|_| append), &artifact.parts);
        self.0.insert(artifact.artifact_id.clone(), now);
    }

    /// Whether all of an artifact was told, and nothing else under its id.
    pub(super) fn is_told(&self, artifact: &Artifact) -> bool {
        self.0.get(&artifact.artifact_id) == Some(&digest(None, &artifact.parts))
    }
}

/// A digest over the parts told so far, one after the other: the same whether they came in one
/// chunk or in many.
fn digest(before: Option<Digest>, parts: &[Part]) -> Digest {
    let start = before.unwrap_or(Digest([0; 32]));
    parts.iter().fold(start, |sum, part| {
        // The same part prints the same, and numbers that no canonical form holds are told apart.
        let part = serde_json::to_vec(part).expect("a part has string keys only");
        Digest::of_parts(&[sum.as_bytes(), &part])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(texts: &[&str]) -> Artifact {
        Artifact {
            artifact_id: "a".to_owned(),
            name: None,
            description: None,
            parts: texts.iter().map(|text| Part::text(*text)).collect(),
            metadata: None,
            extensions: Vec::new(),
        }
    }

    #[test]
    fn what_was_told_with_its_task_is_told_and_what_replaces_it_is_not() {
        let told = ToldArtifacts::all(&[artifact(&["x"])]);
        assert!(told.is_told(&artifact(&["x"])));
        assert!(!told.is_told(&artifact(&["y"])));
    }

    #[test]
    fn an_artifact_is_told_in_chunks_or_as_a_whole_and_no_other_is() {
        let mut told = ToldArtifacts::default();
        assert!(!told.is_told(&artifact(&["x"])));
        told.note(&artifact(&["x"]), false);
        told.note(&artifact(&["y", "z"]), true);
        assert!(told.is_told(&artifact(&["x", "y", "z"])));
        for other in [&["x", "y"][..], &["xy", "z"], &["x"]] {
            assert!(!told.is_told(&artifact(other)), "{other:?}");
        }
        told.note(&artifact(&["x"]), false);
        assert!(told.is_told(&artifact(&["x"])), "it began anew");
    }
}
