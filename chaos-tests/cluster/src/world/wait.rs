//! Waiting for facts about a world that, once true, stay true while nobody interferes.
//! It must never wait without an end, nor without looking whether a process died meanwhile.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use proto_wire::registry::v1 as wire;

use super::{PATIENCE, World};
use crate::process::Process;
use crate::web;

/// Between two looks.
const POLL: Duration = Duration::from_millis(50);

impl World {
    /// Waits until a majority agrees on a leader that is up, and gives its place in `members`.
    ///
    /// # Errors
    /// Nobody leads in time; with the ends of all logs.
    pub async fn leader(&mut self) -> Result<usize> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            self.check_alive()?;
            if let Some(at) = self.led_by().await {
                return Ok(at);
            }
            tokio::time::sleep(POLL).await;
        }
        let tails = self.members.iter().filter_map(|member| member.process.as_ref());
        bail!("nobody leads: {}", tails.map(Process::tail).collect::<Vec<_>>().join("\n---\n"))
    }

    /// Waits until a member is ready.
    ///
    /// # Errors
    /// It is not in time; with the end of its log.
    pub async fn member_ready(&mut self, at: usize) -> Result<()> {
        let url = format!("{}/readyz", self.members[at].url);
        let until = Instant::now() + PATIENCE;
        while !matches!(web::get_by(self.connector()?, &url).await, Ok(answer) if answer.status == 200)
        {
            self.check_alive()?;
            if Instant::now() > until {
                let tail = self.members[at].process.as_ref().map(Process::tail).unwrap_or_default();
                bail!("member {} is not ready: {tail}", self.members[at].id);
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Waits until a gateway is ready.
    ///
    /// # Errors
    /// It does not become ready; with the end of its log.
    pub async fn gateway_ready(&mut self, at: usize) -> Result<()> {
        let url = format!("{}/readyz", self.gateways[at].url);
        let until = Instant::now() + PATIENCE;
        while !matches!(web::get_by(self.connector()?, &url).await, Ok(answer) if answer.status == 200)
        {
            self.check_alive()?;
            if Instant::now() > until {
                let tail =
                    self.gateways[at].process.as_ref().map(Process::tail).unwrap_or_default();
                bail!("gateway {} does not become ready: {tail}", self.gateways[at].name);
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Whom the live members name as leader, if that one is up and says so itself.
    async fn led_by(&self) -> Option<usize> {
        for member in self.members.iter().filter(|member| member.process.is_some()) {
            let operator = self.operator_at(&member.url).await.ok()?;
            let status = operator.directory.clone().status(wire::StatusRequest::default()).await;
            if let Ok(status) = status
                && status.into_inner().leader == member.id
            {
                return self.members.iter().position(|other| other.id == member.id);
            }
        }
        None
    }

    /// Waits until a node is in the state `joined`, `lost` or `draining`.
    ///
    /// # Errors
    /// It is not in time.
    pub async fn node_in_state(&mut self, name: &str, state: &str) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            self.check_alive()?;
            if let Ok(operator) = self.operator().await {
                let request =
                    wire::ListRequest { after: String::new(), limit: 100, consistency: 1 };
                if let Ok(nodes) = operator.fleet.clone().list_nodes(request).await
                    && nodes
                        .into_inner()
                        .nodes
                        .iter()
                        .any(|node| node.id == name && node.state == state)
                {
                    return Ok(());
                }
            }
            tokio::time::sleep(POLL).await;
        }
        let logs = self.nodes.iter().filter_map(|node| node.process.as_ref()).map(Process::tail);
        bail!("node {name} is not {state} in time: {}", logs.collect::<Vec<_>>().join("\n---\n"))
    }
}
