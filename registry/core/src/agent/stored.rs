//! An agent as it is written. The bytes of a hosted one are those of before agents were attached, and must stay so: an
//! attached one has `upstream` in the place of what says how to run it.

use proto_types::{Digest, Handle, IsolationSet, Namespace, Revision, Upstream, WallMs};
use serde::{Deserialize, Serialize};

use crate::visibility::Visibility;

use super::entry::{AgentEntry, AgentKind, Backend, Hosted, Limits};

#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    handle: Handle,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<AgentKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limits: Option<Limits>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    isolation: Option<IsolationSet>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upstream: Option<Upstream>,
    card: Digest,
    #[serde(default)]
    visibility: Visibility,
    #[serde(default)]
    namespace: Namespace,
    #[serde(default)]
    bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "crate::codec::is_default")]
    changed_at: WallMs,
    revision: Revision,
}

/// Neither all that is needed to run it, nor an upstream, or both.
#[derive(Debug, thiserror::Error)]
#[error("an agent is either hosted or attached")]
pub(super) struct Neither;

impl TryFrom<Stored> for AgentEntry {
    type Error = Neither;

    fn try_from(stored: Stored) -> Result<Self, Neither> {
        let Stored { artifact, artifact_bytes, kind, limits, isolation, upstream, .. } = stored;
        let hosted = (artifact, artifact_bytes, kind, limits, isolation);
        let backend = match (hosted, upstream) {
            (
                (Some(artifact), Some(artifact_bytes), Some(kind), Some(limits), Some(isolation)),
                None,
            ) => Backend::Hosted(Hosted { artifact, artifact_bytes, kind, limits, isolation }),
            ((None, None, None, None, None), Some(upstream)) => Backend::Attached(upstream),
            _ => return Err(Neither),
        };
        let Stored { handle, card, visibility, namespace, bytes, changed_at, revision, .. } =
            stored;
        Ok(Self { handle, backend, card, visibility, namespace, bytes, changed_at, revision })
    }
}

impl From<AgentEntry> for Stored {
    fn from(agent: AgentEntry) -> Self {
        let (hosted, upstream) = match agent.backend {
            Backend::Hosted(hosted) => (Some(hosted), None),
            Backend::Attached(upstream) => (None, Some(upstream)),
        };
        Self {
            handle: agent.handle,
            artifact: hosted.as_ref().map(|hosted| hosted.artifact),
            artifact_bytes: hosted.as_ref().map(|hosted| hosted.artifact_bytes),
            kind: hosted.as_ref().map(|hosted| hosted.kind),
            limits: hosted.as_ref().map(|hosted| hosted.limits),
            isolation: hosted.map(|hosted| hosted.isolation),
            upstream,
            card: agent.card,
            visibility: agent.visibility,
            namespace: agent.namespace,
            bytes: agent.bytes,
            changed_at: agent.changed_at,
            revision: agent.revision,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn hosted() -> Stored {
        Stored {
            handle: "urn:agent:0001".parse().unwrap(),
            artifact: Some(Digest::of(b"artifact")),
            artifact_bytes: Some(8),
            kind: Some(AgentKind::Component),
            limits: Some(Limits { fuel: 1, memory_bytes: 1, wall_ms: 1, output_bytes: 1 }),
            isolation: Some(IsolationSet::new(&["wasm-proc"]).unwrap()),
            upstream: None,
            card: Digest::of(b"card"),
            visibility: Visibility::Public,
            namespace: Namespace::default(),
            bytes: None,
            changed_at: WallMs(0),
            revision: Revision(1),
        }
    }

    fn upstream() -> Option<Upstream> {
        Upstream::parse(&["http://a.example"], "JSONRPC", "1.0", "").ok()
    }

    fn attached() -> Stored {
        let (artifact, artifact_bytes, kind, limits) = (None, None, None, None);
        let (isolation, upstream) = (None, upstream());
        Stored { artifact, artifact_bytes, kind, limits, isolation, upstream, ..hosted() }
    }

    fn read(stored: &Stored) -> Option<AgentEntry> {
        rmp_serde::from_slice(&rmp_serde::to_vec_named(stored).unwrap()).ok()
    }

    #[test]
    fn an_agent_is_read_as_hosted_or_as_attached_and_never_as_a_part_of_either() {
        assert!(read(&hosted()).is_some_and(|agent| agent.hosted().is_some()));
        assert!(read(&attached()).is_some_and(|agent| agent.upstream() == upstream().as_ref()));
        for wrong in [
            Stored { upstream: upstream(), ..hosted() },
            Stored { limits: None, ..hosted() },
            Stored { upstream: None, ..attached() },
            Stored { kind: Some(AgentKind::Command), ..attached() },
        ] {
            assert_eq!(read(&wrong), None);
        }
    }
}
