//! What the benchmarks are run against: three members, a gateway, a node, a peer and a hosted agent.
//! It decides how large the environment is, and what a completed call is. It must never be measured
//! before a call has gone through once.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use chaos_cluster::peer::{self, Peer};
use chaos_cluster::process::Process;
use chaos_cluster::world::PATIENCE;
use chaos_cluster::{World, documents};
use proto_wire::registry::v1 as wire;

use crate::cores;

/// The hosted agent.
pub(crate) const AGENT: &str = "text-stats";
/// As many as hold a majority when one is gone.
const MEMBERS: u64 = 3;
/// The registry takes chunks up to 1 MiB.
const CHUNK_BYTES: usize = 256 << 10;

/// Everything that runs.
pub(crate) struct Environment {
    /// The processes.
    pub(crate) world: World,
    /// Who calls.
    pub(crate) peer: Peer,
}

/// Whose CPU time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// All members.
    Registry,
    /// The gateway.
    Gateway,
    /// The node, guests included.
    Node,
    /// The load generator: no server.
    Generator,
}

/// CPU time by role, in the order of [`Role`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used([Duration; 4]);

impl Role {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Registry, Self::Gateway, Self::Node, Self::Generator];

    /// Its name in the output.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Gateway => "gateway",
            Self::Node => "node",
            Self::Generator => "load generator",
        }
    }
}

impl Used {
    /// What one role used, in seconds.
    pub(crate) fn of(&self, role: Role) -> f64 {
        self.0[role as usize].as_secs_f64()
    }

    /// What all servers used, in seconds.
    pub(crate) fn servers(&self) -> f64 {
        Role::ALL
            .into_iter()
            .filter(|role| *role != Role::Generator)
            .map(|role| self.of(role))
            .sum()
    }

    /// Adds what was used from `before` to `after`.
    pub(crate) fn add_between(&mut self, before: &Self, after: &Self) {
        for (place, sum) in self.0.iter_mut().enumerate() {
            *sum += after.0[place].saturating_sub(before.0[place]);
        }
    }
}

impl Environment {
    /// Starts the members; a gateway and a node too if anything is to be called, and makes one call.
    ///
    /// # Errors
    /// A process does not come up, or the call never goes through.
    pub(crate) async fn set(calls: bool) -> Result<Self> {
        let mut world = World::registry(MEMBERS).await?;
        if calls {
            world.add_gateway("g1").await?;
            world.add_node("n1").await?;
        }
        let peer = Peer::new("https://load.example")?;
        peer.enrol(&world.operator().await?).await?;
        let environment = Self { world, peer };
        if calls {
            environment.deploy().await?;
            environment.first_call().await?;
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
        let (members, gateways, nodes) = (members.len(), gateways.len(), nodes.len());
        format!("{members} registry members, {gateways} gateways and {nodes} nodes on loopback")
    }

    /// The leader's base URL.
    ///
    /// # Errors
    /// Nobody leads.
    pub(crate) async fn leader(&mut self) -> Result<String> {
        let at = self.world.leader().await?;
        Ok(self.world.members[at].url.clone())
    }

    /// CPU time so far.
    ///
    /// # Errors
    /// A process has ended.
    pub(crate) fn used(&self) -> Result<Used> {
        let world = &self.world;
        let sum = |processes: Vec<&Option<Process>>| {
            let pids = processes.into_iter().flatten().map(Process::id);
            pids.map(cores::used).sum::<Result<Duration>>()
        };
        Ok(Used([
            sum(world.members.iter().map(|member| &member.process).collect())?,
            sum(world.gateways.iter().map(|part| &part.process).collect())?,
            sum(world.nodes.iter().map(|part| &part.process).collect())?,
            cores::used(std::process::id())?,
        ]))
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
                memory_bytes: 64 << 20,
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

    /// The gateway hears of the peer and the agent a moment later, and the node compiles the
    /// component.
    async fn first_call(&self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            let answer = self
                .peer
                .rpc(self.gateway(), AGENT, "SendMessage", peer::message("One call.", None))
                .await?;
            if is_completed(answer.status, &answer.body) {
                return Ok(());
            }
            if Instant::now() > until {
                bail!(
                    "no call goes through: {} {}",
                    answer.status,
                    String::from_utf8_lossy(&answer.body)
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
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
