//! `agent deploy|get|list|remove`; what is attached, searched and called is beside. It must never upload what no node can
//! run.

mod attach;
mod call;
mod interface;
mod search;
mod server_card;

use std::fmt::Display;
use std::path::Path;

use bytes::Bytes;
use proto_types::Digest;
use proto_wire::registry::v1 as wire;
use proto_wire::{to_json, to_json_without};
use registry_api::render::directory::ATTACHED;
use serde_json::Value;

use crate::args::{AgentVerb, DeployArgs, Format};
use crate::client::{Directory, Profile};
use crate::failure::Failure;
use crate::output::Output;

use super::{document, pages};

/// The registry takes chunks up to this size.
const CHUNK_BYTES: usize = 256 << 10;
/// The registry's own bound, told before anything is sent.
const ARTIFACT_BYTES_MAX: usize = 64 << 20;

/// What every WebAssembly binary begins with (WebAssembly core specification, section 5.5.16).
const WASM: &[u8] = b"\0asm";

pub(crate) async fn run(profile: &Profile, verb: AgentVerb, format: Format) -> Result<(), Failure> {
    let output = match verb {
        AgentVerb::Deploy(args) => deploy(profile, args).await?,
        AgentVerb::Attach(args) => attach::run(profile, args).await?,
        AgentVerb::Get { handle } => get(profile, handle).await?,
        AgentVerb::Remove { handle } => remove(profile, handle).await?,
        AgentVerb::List => list(&mut profile.directory()?).await?,
        AgentVerb::Search(args) => return search::run(profile, args, format).await,
        AgentVerb::Call(args) => return call::run(profile, args, format).await,
    };
    Ok(output.print(format)?)
}

async fn deploy(profile: &Profile, args: DeployArgs) -> Result<Output, Failure> {
    let artifact = artifact(&args.artifact)?;
    let card = document(&args.card)?.into();
    let mut directory = profile.directory()?;
    let info = upload(&mut directory, artifact).await?;
    let limits = limits(&args);
    let request = wire::PutAgentRequest {
        handle: args.handle,
        artifact: info.digest,
        kind: args.kind.to_string(),
        limits: Some(limits),
        isolation: vec!["wasm-proc".to_owned()],
        card,
        visibility: args.visibility,
    };
    let agent = directory.put_agent(request).await?.into_inner();
    if !agent.unplaceable.is_empty() {
        eprintln!("warning: no node can run it now: {}", agent.unplaceable);
    }
    Ok(Output::one(json(&agent)))
}

/// The bytes of a WebAssembly module or component.
fn artifact(path: &Path) -> Result<Vec<u8>, Failure> {
    let wrong = |why: &dyn Display| Failure::usage(format!("--artifact {}: {why}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| wrong(&error))?;
    if bytes.len() > ARTIFACT_BYTES_MAX {
        return Err(wrong(&"it is larger than 64 MiB"));
    }
    if !bytes.starts_with(WASM) {
        return Err(wrong(&"it is not a WebAssembly module or component"));
    }
    Ok(bytes)
}

/// What a run may use, in the units of the wire.
fn limits(args: &DeployArgs) -> wire::Limits {
    wire::Limits {
        fuel: args.fuel,
        memory_bytes: args.memory_mib << 20,
        wall_ms: args.wall_seconds * 1_000,
        output_bytes: args.output_kib << 10,
    }
}

/// Sends the artifact in chunks; the digest that comes back must be ours.
async fn upload(
    directory: &mut Directory,
    artifact: Vec<u8>,
) -> Result<wire::ArtifactInfo, Failure> {
    let digest = Digest::of(&artifact).to_string();
    let artifact = Bytes::from(artifact);
    let starts = (0..artifact.len()).step_by(CHUNK_BYTES);
    let chunk = |start: usize| artifact.slice(start..artifact.len().min(start + CHUNK_BYTES));
    let chunks: Vec<_> = starts.map(|start| wire::ArtifactChunk { bytes: chunk(start) }).collect();
    let info = directory.put_artifact(tokio_stream::iter(chunks)).await?.into_inner();
    if info.digest == digest {
        Ok(info)
    } else {
        Err(Failure::internal(format!("sent {digest}, the registry stored {}", info.digest)))
    }
}

async fn get(profile: &Profile, handle: String) -> Result<Output, Failure> {
    let request = wire::GetAgentRequest { handle, consistency: 0 };
    let agent = profile.directory()?.get_agent(request).await?.into_inner();
    Ok(Output::one(json(&agent)))
}

async fn remove(profile: &Profile, handle: String) -> Result<Output, Failure> {
    let request = wire::RemoveAgentRequest { handle };
    let done = profile.directory()?.remove_agent(request).await?.into_inner();
    Ok(Output::one(to_json(&done)))
}

/// Every agent.
pub(super) async fn all(directory: &mut Directory) -> Result<Vec<wire::Agent>, Failure> {
    let agents = pages::all(async |asked| {
        let page = directory.list_agents(asked).await?.into_inner();
        Ok((page.agents, page.next))
    });
    agents.await
}

async fn list(directory: &mut Directory) -> Result<Output, Failure> {
    let agents = all(directory).await?;
    let row = |agent: &wire::Agent| {
        vec![
            agent.handle.clone(),
            agent.kind.clone(),
            backend(agent),
            agent.revision.to_string(),
            agent.unplaceable.clone(),
        ]
    };
    Ok(Output {
        heads: &["handle", "kind", "backend", "revision", "unplaceable"],
        rows: agents.iter().map(row).collect(),
        json: agents.iter().map(json).collect(),
    })
}

/// What runs: an artifact, or a server at these URLs.
fn backend(agent: &wire::Agent) -> String {
    match &agent.upstream {
        Some(upstream) => upstream.urls.join(" "),
        None => agent.artifact.clone(),
    }
}

/// An agent of either kind with what that kind has.
fn json(agent: &wire::Agent) -> Value {
    let left_out =
        ["card", "namespace", "redacted", "changedAtMs", "unplaceable", "liveness", "upstream"];
    let of_hosted = ["artifact", "artifactBytes", "isolation", "limits"];
    let is_attached = agent.kind == ATTACHED;
    let of_hosted = if is_attached { &of_hosted[..] } else { &[] };
    let mut json = to_json_without(agent, &[&left_out[..], of_hosted].concat());
    if let Some(upstream) = &agent.upstream {
        json["upstream"] = to_json(upstream);
    } else if !is_attached {
        json["limits"] = to_json(&agent.limits.unwrap_or_default());
    }
    if !agent.unplaceable.is_empty() {
        json["unplaceable"] = agent.unplaceable.as_str().into();
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_shown_with_its_limits_also_where_there_are_none() {
        let (handle, isolation) = ("h".to_owned(), vec!["wasm-proc".to_owned()]);
        let agent = wire::Agent { handle, isolation, changed_at_ms: 7, ..Default::default() };
        assert_eq!(
            json(&agent).to_string(),
            r#"{"artifact":"","artifactBytes":0,"handle":"h","isolation":["wasm-proc"],"kind":"","limits":{"fuel":0,"memoryBytes":0,"outputBytes":0,"wallMs":0},"revision":0,"visibility":""}"#
        );
        let limits = Some(wire::Limits { fuel: 1, ..Default::default() });
        assert_eq!(json(&wire::Agent { limits, ..agent })["limits"]["fuel"], 1);
    }

    #[test]
    fn an_agent_that_no_node_can_run_is_shown_with_the_reason() {
        let unplaceable = "no node that could run the agent is joined".to_owned();
        let agent = wire::Agent { unplaceable: unplaceable.clone(), ..Default::default() };
        assert_eq!(json(&agent)["unplaceable"], unplaceable);
    }

    #[test]
    fn an_attached_agent_is_shown_with_its_upstream_and_nothing_of_a_hosted_one() {
        let upstream = wire::Upstream {
            urls: vec!["http://127.0.0.1:1".to_owned(), "http://127.0.0.1:2".to_owned()],
            binding: "JSONRPC".to_owned(),
            version: "0.3".to_owned(),
            ..Default::default()
        };
        let (handle, kind) = ("h".to_owned(), ATTACHED.to_owned());
        let agent = wire::Agent { handle, kind, upstream: Some(upstream), ..Default::default() };
        assert_eq!(
            json(&agent),
            serde_json::json!({"handle":"h","kind":"attached","revision":0,"upstream":{"binding":"JSONRPC","tenant":"","urls":["http://127.0.0.1:1","http://127.0.0.1:2"],"version":"0.3"},"visibility":""})
        );
        assert_eq!(backend(&agent), "http://127.0.0.1:1 http://127.0.0.1:2");
        let hidden = wire::Agent { upstream: None, ..agent };
        assert_eq!(
            json(&hidden).to_string(),
            r#"{"handle":"h","kind":"attached","revision":0,"visibility":""}"#,
            "who may not know where it runs"
        );
    }
}
