//! Artifacts by their digest, and the agents that name them.

use proto_types::Digest;
use proto_wire::registry::v1 as wire;

use crate::world::{OPERATOR, World, by, code};

pub(crate) const ARTIFACT: &[u8] = b"\0asm a component";

/// Puts an artifact in chunks.
pub(crate) async fn put(
    world: &World,
    token: &str,
    chunks: &[&[u8]],
) -> Result<wire::ArtifactInfo, tonic::Status> {
    let chunks: Vec<_> =
        chunks.iter().map(|chunk| wire::ArtifactChunk { bytes: chunk.to_vec().into() }).collect();
    let request = by(token, futures_util::stream::iter(chunks));
    world.directory().put_artifact(request).await.map(tonic::Response::into_inner)
}

pub(crate) fn agent(handle: &str, artifact: &Digest) -> wire::PutAgentRequest {
    wire::PutAgentRequest {
        handle: handle.to_owned(),
        artifact: artifact.to_string(),
        kind: "component".to_owned(),
        limits: Some(wire::Limits {
            fuel: 1_000_000,
            memory_bytes: 1 << 20,
            wall_ms: 1_000,
            output_bytes: 1 << 16,
        }),
        isolation: vec!["wasm-proc".to_owned()],
        card: b"{\"name\":\"text\"}".to_vec().into(),
        visibility: String::new(),
    }
}

/// Deploys an agent that runs `ARTIFACT`.
pub(crate) async fn deploy(world: &World, handle: &str) {
    put(world, OPERATOR, &[ARTIFACT]).await.unwrap();
    let request = by(OPERATOR, agent(handle, &Digest::of(ARTIFACT)));
    world.directory().put_agent(request).await.unwrap();
}

#[tokio::test]
async fn an_artifact_is_read_back_whole_by_operators_and_nodes() {
    let world = World::start().await;
    let large: Vec<u8> = (0..3_000_000_u32).map(|at| at.to_le_bytes()[1]).collect();
    let chunks: Vec<&[u8]> = large.chunks(1 << 20).collect();
    let info = put(&world, OPERATOR, &chunks).await.unwrap();
    assert_eq!((info.digest.clone(), info.bytes), (Digest::of(&large).to_string(), 3_000_000));
    let node = world.node("n1").await;
    for token in [OPERATOR, node.as_str()] {
        let request = by(token, wire::GetArtifactRequest { digest: info.digest.clone() });
        let mut chunks = world.directory().get_artifact(request).await.unwrap().into_inner();
        let mut read = Vec::new();
        while let Some(chunk) = chunks.message().await.unwrap() {
            read.extend_from_slice(&chunk.bytes);
        }
        assert!(read == large);
    }
    world.stop().await;
}

#[tokio::test]
async fn a_chunk_or_an_artifact_that_is_too_large_is_refused() {
    let world = World::start().await;
    let chunk = vec![0; (1 << 20) + 1];
    let refused = put(&world, OPERATOR, &[&chunk]).await.unwrap_err();
    assert_eq!(code(&refused), "body-too-large");
    let whole: Vec<&[u8]> = std::iter::repeat_n(&chunk[..1 << 20], 65).collect();
    let refused = put(&world, OPERATOR, &whole).await.unwrap_err();
    assert_eq!(code(&refused), "body-too-large");
    world.stop().await;
}

#[tokio::test]
async fn an_agent_is_deployed_only_with_an_artifact_that_is_webassembly() {
    let world = World::start().await;
    let key: &[u8] = b"{\"kty\":\"OKP\"}";
    put(&world, OPERATOR, &[key]).await.unwrap();
    let request = by(OPERATOR, agent("urn:a:1", &Digest::of(key)));
    let refused = world.directory().put_agent(request).await.unwrap_err();
    assert_eq!(code(&refused), "invalid-argument");
    assert!(refused.message().contains("WebAssembly"), "{}", refused.message());
    world.stop().await;
}

#[tokio::test]
async fn an_agent_is_deployed_only_with_an_artifact_that_is_there() {
    let world = World::start().await;
    let absent = by(OPERATOR, agent("text", &Digest::of(b"absent")));
    let refused = world.directory().put_agent(absent).await.unwrap_err();
    assert_eq!(code(&refused), "not-found");
    deploy(&world, "text").await;
    let request = wire::GetAgentRequest { handle: "text".to_owned(), consistency: 0 };
    let agent = world.directory().get_agent(request).await.unwrap().into_inner();
    assert_eq!(agent.artifact, Digest::of(ARTIFACT).to_string());
    assert_eq!(agent.artifact_bytes, ARTIFACT.len() as u64);
    assert_eq!(agent.card[..], *b"{\"name\":\"text\"}");
    let request = wire::ListRequest::default();
    let listed = world.directory().list_agents(request).await.unwrap().into_inner();
    assert_eq!(listed.agents, [agent]);
    world.stop().await;
}
