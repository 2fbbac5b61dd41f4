//! A whole platform: registry, gateway, nodes, an agent, and a peer that may call it.
//! It decides their names; it must never do what an operator could not.

use anyhow::Result;

use super::World;
use crate::peer::Peer;

/// The handle of the agent.
pub const AGENT: &str = "text-stats";

impl World {
    /// Starts a registry of `count` members, the gateway `g1` and these nodes, deploys the text agent as [`AGENT`] and
    /// enrols a peer.
    ///
    /// # Errors
    /// A part does not come up, or the registry refuses the agent or the peer.
    pub async fn platform(count: u64, nodes: &[&str]) -> Result<(Self, Peer)> {
        let mut world = Self::registry(count).await?;
        let peer = Peer::new("https://a.example")?;
        peer.enrol(&world.operator().await?).await?;
        world.deploy_text_agent(AGENT)?;
        // A gateway that is ready knows peers and agents of before; of later ones it hears a moment later.
        world.add_gateway("g1").await?;
        for node in nodes {
            world.add_node(node).await?;
        }
        Ok((world, peer))
    }
}
