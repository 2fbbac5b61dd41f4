//! `agent deploy|list|search|call`.

mod search;

use bytes::Bytes;
use http::Method;
use proto_types::Digest;
use proto_wire::registry::v1 as wire;
use serde_json::{Value, json};

use crate::args::{AgentVerb, CallArgs, DeployArgs, Format, Kind};
use crate::client::{Directory, Profile};
use crate::failure::Failure;
use crate::http_call::{Call, events, fetch, open};
use crate::output::Output;

use super::{document, pages, token};

/// The registry takes chunks up to this size.
const CHUNK_BYTES: usize = 256 << 10;
/// The registry's own bound, told before anything is sent.
const ARTIFACT_BYTES_MAX: usize = 64 << 20;

pub(crate) async fn run(profile: &Profile, verb: AgentVerb, format: Format) -> Result<(), Failure> {
    let output = match verb {
        AgentVerb::Deploy(args) => deploy(profile, args).await?,
        AgentVerb::List => list(&mut profile.directory().await?).await?,
        AgentVerb::Search(args) => return search::run(profile, args, format).await,
        AgentVerb::Call(args) if args.stream => return stream(profile, args).await,
        AgentVerb::Call(args) => Output::one(call(profile, args).await?),
    };
    Ok(output.print(format)?)
}

async fn deploy(profile: &Profile, args: DeployArgs) -> Result<Output, Failure> {
    let path = args.artifact.display();
    let artifact = std::fs::read(&args.artifact)
        .map_err(|error| Failure::usage(format!("{path}: {error}")))?;
    if artifact.len() > ARTIFACT_BYTES_MAX {
        return Err(Failure::usage(format!("{path} is larger than 64 MiB")));
    }
    let card = document(&args.card)?.into();
    let mut directory = profile.directory().await?;
    let info = upload(&mut directory, artifact).await?;
    let kind = match args.kind {
        Kind::Component => "component",
        Kind::Command => "command",
    };
    let limits = limits(&args);
    let request = wire::PutAgentRequest {
        handle: args.handle,
        artifact: info.digest,
        kind: kind.to_owned(),
        limits: Some(limits),
        isolation: vec!["wasm-proc".to_owned()],
        card,
        visibility: args.visibility,
    };
    Ok(Output::one(json(&directory.put_agent(request).await?.into_inner())))
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

/// Every hosted agent.
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
            agent.artifact.clone(),
            agent.revision.to_string(),
        ]
    };
    Ok(Output {
        heads: &["handle", "kind", "artifact", "revision"],
        rows: agents.iter().map(row).collect(),
        json: agents.iter().map(json).collect(),
    })
}

fn json(agent: &wire::Agent) -> Value {
    let limits = agent.limits.unwrap_or_default();
    json!({
        "handle": agent.handle,
        "kind": agent.kind,
        "artifact": agent.artifact,
        "artifactBytes": agent.artifact_bytes,
        "isolation": agent.isolation,
        "limits": {
            "fuel": limits.fuel,
            "memoryBytes": limits.memory_bytes,
            "wallMs": limits.wall_ms,
            "outputBytes": limits.output_bytes,
        },
        "visibility": agent.visibility,
        "revision": agent.revision,
    })
}

async fn call(profile: &Profile, args: CallArgs) -> Result<Value, Failure> {
    let token = token::mint(profile, &args.token).await?;
    let answer = fetch(profile, request(profile, &args, &token, "SendMessage")?).await?;
    let answer: Value = serde_json::from_slice(&answer).map_err(Failure::internal)?;
    result(answer)
}

async fn stream(profile: &Profile, args: CallArgs) -> Result<(), Failure> {
    let token = token::mint(profile, &args.token).await?;
    let response = open(profile, request(profile, &args, &token, "SendStreamingMessage")?).await?;
    if !response.status().is_success() {
        return Err(Failure::http(response.status(), b"the gateway did not open a stream"));
    }
    events(response, |data| {
        let event: Value = serde_json::from_str(data).map_err(Failure::internal)?;
        println!("{}", result(event)?);
        Ok(())
    })
    .await
}

fn request<'a>(
    profile: &Profile,
    args: &CallArgs,
    token: &'a str,
    method: &str,
) -> Result<Call<'a>, Failure> {
    let text = if args.text == "-" {
        String::from_utf8(document(std::path::Path::new("-"))?).map_err(Failure::internal)?
    } else {
        args.text.clone()
    };
    let message = json!({
        "messageId": uuid::Uuid::now_v7().to_string(),
        "role": "ROLE_USER",
        "parts": [{ "text": text }],
    });
    let rpc =
        json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": { "message": message } });
    let url = format!("{}/agents/{}", profile.gateway(), args.handle);
    Ok(Call { method: Method::POST, url, bearer: Some(token), body: rpc.to_string().into_bytes() })
}

/// The result of a JSON-RPC answer, or its error.
fn result(mut answer: Value) -> Result<Value, Failure> {
    if let Some(error) = answer.get("error") {
        return Err(Failure::internal(format!("the agent's gateway answered {error}")));
    }
    Ok(answer.get_mut("result").map(Value::take).unwrap_or_default())
}
