//! A world on loopback or on hosts of its own: registry members, gateways and nodes with their files, each a real process.
//! It decides ports, folders and timings; it must never share a folder between two members.

mod certificates;
mod clocks;
mod command;
mod faults;
mod files;
mod network;
mod part;
mod platform;
mod wait;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use proto_wire::registry::v1 as wire;
use tempfile::TempDir;

use crate::clients::Operator;
use crate::hosts::Hosts;
use crate::process::Process;

use self::clocks::Clocks;
pub use self::command::guests;
pub use self::part::{Member, Part};
pub use self::platform::AGENT;

/// How long anything may take to come up on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that one test or demo runs.
pub struct World {
    folder: TempDir,
    /// Whether everything is in TLS, with certificates of the command line.
    certified: bool,
    /// The members' network, if they are on hosts of their own.
    hosts: Option<Hosts>,
    /// The clocks of its processes, if they are not the machine's.
    clocks: Option<Clocks>,
    /// The registry's members, in order of their numbers.
    pub members: Vec<Member>,
    /// Gateways, in order of their start.
    pub gateways: Vec<Part>,
    /// Nodes, in order of their start.
    pub nodes: Vec<Part>,
}

impl World {
    /// Starts a registry of `count` members and waits until one leads and all are ready.
    ///
    /// # Errors
    /// A member does not come up; with the end of its log.
    pub async fn registry(count: u64) -> Result<Self> {
        Self::prepared(count)?.started().await
    }

    /// As [`World::registry`], everything in TLS.
    ///
    /// # Errors
    /// As [`World::registry`].
    pub async fn certified(count: u64) -> Result<Self> {
        Self::laid_out(count, true, None)?.started().await
    }

    /// Starts all members of a prepared registry, and waits until one leads and all are ready.
    ///
    /// # Errors
    /// A member does not come up; with the end of its log.
    pub async fn started(mut self) -> Result<Self> {
        for at in 0..self.members.len() {
            self.start_member(at)?;
        }
        self.leader().await?;
        for at in 0..self.members.len() {
            // A member that has heard nothing yet holds nothing, and does not vote.
            self.member_ready(at).await?;
        }
        Ok(self)
    }

    /// The files of a registry of `count` members, none of which is started.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn prepared(count: u64) -> Result<Self> {
        Self::laid_out(count, false, None)
    }

    fn laid_out(count: u64, certified: bool, hosts: Option<Hosts>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("ecumene-world-").tempdir()?;
        let (members, gateways, nodes) = (Vec::new(), Vec::new(), Vec::new());
        let mut world = Self { folder, certified, hosts, clocks: None, members, gateways, nodes };
        if certified {
            world.make_authority()?;
        }
        for name in ["cluster", "operator", "signing", "gateway-key", "fleet"] {
            world.secret(name, &files::hex_of_random(32))?;
        }
        let urls: Vec<String> =
            (1..=count).map(|id| world.member_url(id)).collect::<Result<_>>()?;
        for (id, url) in (1_u64..).zip(&urls) {
            world.certify("registry", &id.to_string())?;
            let config = world.file(&format!("r{id}.toml"), &world.member_toml(id, &urls))?;
            world.members.push(Member::down(id, url.clone(), config));
        }
        Ok(world)
    }

    /// Starts an empty member that joins with a token, and waits until it is ready. It has no vote.
    ///
    /// # Errors
    /// It does not become ready; with the end of its log.
    pub async fn join_member(&mut self, id: u64) -> Result<usize> {
        let join = self.invite("registry").await?;
        self.secret(&format!("r{id}-join"), &join)?;
        self.certify("registry", &id.to_string())?;
        let url = self.member_url(id)?;
        let config = self.file(&format!("r{id}.toml"), &self.joining_toml(id, &url))?;
        self.members.push(Member::down(id, url, config));
        let at = self.members.len() - 1;
        self.start_member(at)?;
        self.member_ready(at).await?;
        Ok(at)
    }

    /// Starts a gateway with its own join token, and waits until it is ready.
    ///
    /// # Errors
    /// It does not come up; with the end of its log.
    pub async fn add_gateway(&mut self, name: &str) -> Result<()> {
        let join = self.invite("gateway").await?;
        self.secret(&format!("{name}-join"), &join)?;
        self.certify("gateway", name)?;
        let url = format!("{}://127.0.0.1:{}", self.scheme(), free_port()?);
        let config = self.file(&format!("{name}.toml"), &self.gateway_toml(name, &url))?;
        self.gateways.push(Part::down(name, url, config));
        self.start_gateway(self.gateways.len() - 1).await
    }

    /// Starts a node with its own join token, and waits until it has joined.
    ///
    /// # Errors
    /// It does not come up; with the end of its log.
    pub async fn add_node(&mut self, name: &str) -> Result<()> {
        let join = self.invite("node").await?;
        self.secret(&format!("{name}-join"), &join)?;
        self.certify("node", name)?;
        let config = self.file(&format!("{name}.toml"), &self.node_toml(name))?;
        self.nodes.push(Part::down(name, String::new(), config));
        self.start_node(self.nodes.len() - 1)?;
        self.node_in_state(name, "joined").await
    }

    /// Starts a member that is down.
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn start_member(&mut self, at: usize) -> Result<()> {
        let member = &self.members[at];
        let (name, config) = (format!("r{}", member.id), member.config.clone());
        let launcher = [self.host_of(member.id), member.launcher.clone()].concat();
        self.members[at].process = Some(self.role_on(&launcher, "registry", &name, &config)?);
        Ok(())
    }

    /// Starts a gateway that is down and waits until it is ready.
    ///
    /// # Errors
    /// It does not become ready; with the end of its log.
    pub async fn start_gateway(&mut self, at: usize) -> Result<()> {
        let (name, config) = (self.gateways[at].name.clone(), self.gateways[at].config.clone());
        self.gateways[at].process = Some(self.role("gateway", &name, &config)?);
        self.gateway_ready(at).await
    }

    /// Starts a node that is down.
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn start_node(&mut self, at: usize) -> Result<()> {
        let (name, config) = (self.nodes[at].name.clone(), self.nodes[at].config.clone());
        self.nodes[at].process = Some(self.role("node", &name, &config)?);
        Ok(())
    }

    /// The operator's clients, at the first member that is up.
    ///
    /// # Errors
    /// None is.
    pub async fn operator(&self) -> Result<Operator> {
        let mut failed = anyhow::anyhow!("no member is up");
        for member in self.members.iter().filter(|member| member.process.is_some()) {
            match self.operator_at(&member.url).await {
                Ok(operator) => return Ok(operator),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// The operator's clients at one member.
    ///
    /// # Errors
    /// It does not take a connection.
    pub async fn operator_at(&self, url: &str) -> Result<Operator> {
        Operator::connect_by(self.connector()?, url, &self.operator_token()?).await
    }

    /// The operator's token.
    ///
    /// # Errors
    /// Its file is gone.
    pub fn operator_token(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.path("operator"))?.trim_end().to_owned())
    }

    /// A path in the world's folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Fails if any process has ended by itself.
    ///
    /// # Errors
    /// One has; with the end of its log.
    pub fn check_alive(&mut self) -> Result<()> {
        let members = self.members.iter_mut().map(|member| &mut member.process);
        let parts = self.gateways.iter_mut().chain(&mut self.nodes).map(|part| &mut part.process);
        members.chain(parts).flatten().try_for_each(Process::check_alive)
    }

    /// Stops everything in good order: gateways, nodes, members.
    ///
    /// # Errors
    /// A process does not stop in time or not cleanly.
    pub fn stop(mut self) -> Result<()> {
        let parts =
            self.gateways.drain(..).chain(self.nodes.drain(..)).filter_map(|part| part.process);
        let members = self.members.drain(..).filter_map(|member| member.process);
        parts.chain(members).try_for_each(|process| process.stop(PATIENCE))
    }

    async fn invite(&self, role: &str) -> Result<String> {
        let operator = self.operator().await?;
        let request = wire::IssueJoinTokenRequest { role: role.to_owned(), ttl_seconds: 600 };
        let issued = operator.directory.clone().issue_join_token(request).await;
        Ok(issued.context("no join token")?.into_inner().token)
    }

    fn role(&self, role: &str, name: &str, config: &Path) -> Result<Process> {
        self.role_on(&[], role, name, config)
    }

    fn role_on(&self, on: &[String], role: &str, name: &str, config: &Path) -> Result<Process> {
        let config = config.to_str().context("a path that is not UTF-8")?;
        let log = self.path(&format!("{name}.log"));
        let clock = self.clocks.as_ref().map(|clocks| clocks.by(name)).transpose()?;
        let on = [on, clock.unwrap_or_default().as_slice()].concat();
        Process::start_on(&on, name, &[role, "run", "--config", config], &log)
    }
}

/// A port that was free a moment ago. Another program may take it; then the process fails to listen, and says so.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
