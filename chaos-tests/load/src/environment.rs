//! What the benchmarks are run against: members, a gateway, a peer, and a node with a hosted agent or agents that are attached.
//! It decides how large the environment is, and what a completed call is. It must never be measured
//! before a call has gone through once.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use chaos_cluster::peer::{self, Peer};
use chaos_cluster::process::Process;
use chaos_cluster::world::{PATIENCE, Part};
use chaos_cluster::{World, documents};
use http::StatusCode;
use proto_wire::registry::v1 as wire;
use serde_json::json;

use crate::baseline::upstream;
use crate::bounds::GUEST_MEMORY_BYTES;
use crate::usage::Sample;

/// The hosted agent.
pub(crate) const AGENT: &str = "text-stats";
/// The attached ones, all at one server: one caller has at most 512 calls of an agent open.
pub(crate) const ATTACHED: [&str; 4] = ["far-1", "far-2", "far-3", "far-4"];
/// As many as hold a majority when one is gone.
pub(crate) const MEMBERS: u64 = 3;
/// The registry takes chunks up to 1 MiB.
const CHUNK_BYTES: usize = 256 << 10;

/// Everything that runs.
pub(crate) struct Environment {
    /// The processes.
    pub(crate) world: World,
    /// Who calls.
    pub(crate) peer: Peer,
    /// Tasks that the node takes at once: a host may grant fewer than it was told.
    slots: u32,
}

impl Environment {
    /// Starts so many members; a gateway and a node too if anything is to be called, and makes one call.
    ///
    /// # Errors
    /// A process does not come up, or the call never goes through.
    pub(crate) async fn set(members: u64, calls: bool) -> Result<Self> {
        let mut world = World::registry(members).await?;
        if calls {
            world.add_gateway("g1").await?;
            world.add_node("n1").await?;
        }
        let peer = enrolled(&world).await?;
        let slots = slots(&world).await?;
        let environment = Self { world, peer, slots };
        if calls {
            environment.deploy().await?;
            environment.first_call(AGENT, is_completed).await?;
        }
        Ok(environment)
    }

    /// Starts so many members and a gateway, attaches agents to the server at a base URL, and calls each of them.
    ///
    /// # Errors
    /// A process does not come up, or a call never goes through.
    pub(crate) async fn attached(members: u64, base: &str) -> Result<Self> {
        let mut world = World::registry(members).await?;
        let peer = enrolled(&world).await?;
        for handle in ATTACHED {
            attach(&world, handle, &format!("{base}/{handle}")).await?;
        }
        world.add_gateway("g1").await?;
        let environment = Self { world, peer, slots: 0 };
        for handle in ATTACHED {
            let is_answer = |status, body: &[u8]| {
                StatusCode::from_u16(status).is_ok_and(|status| upstream::is_answer(status, body))
            };
            environment.first_call(handle, is_answer).await?;
        }
        Ok(environment)
    }

    /// The gateway's base URL.
    pub(crate) fn gateway(&self) -> &str {
        &self.world.gateways[0].url
    }

    /// What runs, in words.
    pub(crate) fn words(&self) -> String {
        let World { members, gateways, nodes, .. } = &self.world;
        let mut words = format!("registry members: {}", members.len());
        if !gateways.is_empty() {
            words += &format!(", gateways: {}", gateways.len());
        }
        if !nodes.is_empty() {
            words += &format!(", nodes: {} with {} slots", nodes.len(), self.slots);
        }
        words + ", on loopback"
    }

    /// The leader's base URL.
    ///
    /// # Errors
    /// Nobody leads.
    pub(crate) async fn leader(&mut self) -> Result<String> {
        let at = self.world.leader().await?;
        Ok(self.world.members[at].url.clone())
    }

    /// What all processes have used so far.
    ///
    /// # Errors
    /// A process has ended.
    pub(crate) fn sample(&self) -> Result<Sample> {
        let World { members, gateways, nodes, .. } = &self.world;
        let members = members.iter().filter_map(|member| member.process.as_ref());
        let parts = |parts: &[Part]| {
            parts.iter().filter_map(|part| part.process.as_ref()).map(Process::id).collect()
        };
        Sample::of(&[
            members.map(Process::id).collect(),
            parts(gateways),
            parts(nodes),
            vec![std::process::id()],
        ])
    }

    async fn deploy(&self) -> Result<()> {
        let path = component()?;
        let component = std::fs::read(&path)
            .with_context(|| format!("{} is not built: run `make guests`", path.display()))?;
        let component = Bytes::from(component);
        let starts = (0..component.len()).step_by(CHUNK_BYTES);
        let chunk = |start: usize| component.slice(start..component.len().min(start + CHUNK_BYTES));
        let chunks: Vec<_> =
            starts.map(|start| wire::ArtifactChunk { bytes: chunk(start) }).collect();
        let mut directory = self.world.operator().await?.directory;
        let artifact = directory.put_artifact(tokio_stream::iter(chunks)).await?.into_inner();
        let request = wire::PutAgentRequest {
            handle: AGENT.to_owned(),
            artifact: artifact.digest,
            kind: "component".to_owned(),
            limits: Some(wire::Limits {
                fuel: 20_000_000_000,
                memory_bytes: GUEST_MEMORY_BYTES,
                wall_ms: 60_000,
                output_bytes: 512 << 10,
            }),
            isolation: vec!["wasm-proc".to_owned()],
            card: documents::text_agent().to_string().into(),
            visibility: String::new(),
        };
        directory.put_agent(request).await.context("the agent is not deployed")?;
        Ok(())
    }

    /// The gateway hears of the peer and the agent a moment later, and the node of a hosted one compiles the component.
    async fn first_call(&self, agent: &str, is_good: fn(u16, &[u8]) -> bool) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            let answer = self
                .peer
                .rpc(self.gateway(), agent, "SendMessage", peer::message("One call.", None))
                .await?;
            if is_good(answer.status, &answer.body) {
                return Ok(());
            }
            if Instant::now() > until {
                bail!(
                    "no call of {agent} goes through: {} {}",
                    answer.status,
                    String::from_utf8_lossy(&answer.body)
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Who calls, known to the registry.
async fn enrolled(world: &World) -> Result<Peer> {
    let peer = Peer::new("https://load.example")?;
    peer.enrol(&world.operator().await?).await?;
    Ok(peer)
}

/// Attaches an agent of this handle to the server at a URL.
async fn attach(world: &World, handle: &str, url: &str) -> Result<()> {
    let mut card = documents::text_agent();
    card["supportedInterfaces"] =
        json!([{ "url": url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0" }]);
    card["capabilities"] = json!({ "streaming": true });
    card["defaultInputModes"] = json!(["text/plain"]);
    card["defaultOutputModes"] = json!(["text/plain"]);
    let upstream = wire::Upstream {
        urls: vec![url.to_owned()],
        binding: "JSONRPC".to_owned(),
        version: "1.0".to_owned(),
        tenant: String::new(),
    };
    let request = wire::AttachAgentRequest {
        handle: handle.to_owned(),
        upstream: Some(upstream),
        card: card.to_string().into(),
        visibility: String::new(),
    };
    let mut directory = world.operator().await?.directory;
    directory.attach_agent(request).await.context("the agent is not attached")?;
    Ok(())
}

/// What the nodes offer together.
async fn slots(world: &World) -> Result<u32> {
    let request = wire::ListRequest { after: String::new(), limit: 100, consistency: 1 };
    let mut fleet = world.operator().await?.fleet;
    let nodes = fleet.list_nodes(request).await.context("the nodes are not listed")?;
    let offers = nodes.into_inner().nodes.into_iter().filter_map(|node| node.capacity);
    Ok(offers.map(|capacity| capacity.slots).sum())
}

/// Whether an A2A answer is a completed task: JSON-RPC answers 200 to errors too.
pub(crate) fn is_completed(status: u16, body: &[u8]) -> bool {
    status == 200
        && std::str::from_utf8(body).is_ok_and(|text| text.contains("\"TASK_STATE_COMPLETED\""))
}

/// The component: in the folder that make names, or beside this program's own.
fn component() -> Result<PathBuf> {
    let folder = match std::env::var_os("ECUMENE_GUESTS") {
        Some(folder) => PathBuf::from(folder),
        None => {
            let own = std::env::current_exe()?;
            let target = own.ancestors().nth(2).context("this program is in no target folder")?;
            target.join("guests/wasm32-wasip2/release")
        }
    };
    Ok(folder.join("node_textkit.wasm"))
}
