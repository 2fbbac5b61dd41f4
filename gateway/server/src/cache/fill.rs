//! Copies peers and agents from a member: all of them at first, then one by one.
//!
//! Decides how a message of the registry becomes a peer or an agent. Must never let one entry that
//! cannot be read stop the others: it is left out and logged; nor keep, of what was known before, what the lists do
//! not have.

use std::sync::atomic::Ordering;

use gateway_core::{Key, Peer};
use proto_types::manifest::KeyUse;
use proto_types::peer::PeerStatus;
use proto_types::visibility::Scope;
use proto_types::{Handle, Kid, Namespace, Origin, PublicKey, Revision, WallMs, json};
use proto_wire::registry::v1 as wire;
use serde_json::Value;
use tonic::{Code, Status};

use super::Follower;
use crate::agents::Deployed;
use crate::registry::Member;

/// The largest page that the registry serves.
const PAGE: u32 = 1_000;
/// A million peers and a million agents, far above what the registry is measured with.
const PAGES_MAX: usize = 1_000;

pub(super) fn page(after: &str, limit: u32, consistency: wire::Consistency) -> wire::ListRequest {
    wire::ListRequest { after: after.to_owned(), limit, consistency: consistency.into() }
}

impl Follower {
    /// Copies everything in the place of what was known; returns the revision from which changes must be
    /// followed. It is that of the first page: what changes while later pages are read comes again, which is
    /// harmless.
    pub(super) async fn fill(&self, member: &Member<'_>) -> Result<u64, Status> {
        self.unconfirm();
        let (peers, start) = self.all_peers(member).await?;
        let epoch = self.registry_epoch();
        // Before the agents: none is known without whom it is for.
        self.fill_admissions(member, wire::Consistency::Strong).await?;
        let agents = self.all_agents(member).await?;
        if self.registry_epoch() != epoch {
            return Err(Status::aborted("the registry was restored while its lists were read"));
        }
        self.cache.peers.store(self.cache.peers.load().replaced(peers).into());
        self.cache.agents.store(self.cache.agents.load().replaced(agents).into());
        self.cache.epoch.store(epoch, Ordering::Release);
        Ok(start)
    }

    fn registry_epoch(&self) -> u64 {
        self.cache.registry.epoch()
    }

    /// All peers, and the revision of the first page.
    async fn all_peers(&self, member: &Member<'_>) -> Result<(Vec<Peer>, u64), Status> {
        let (mut peers, mut after, mut start) = (Vec::new(), String::new(), None);
        for _ in 0..PAGES_MAX {
            let (list, revision) =
                member.peers(page(&after, PAGE, wire::Consistency::Strong)).await?;
            start.get_or_insert(revision);
            peers.extend(list.peers.iter().filter_map(read_peer));
            if list.next.is_empty() {
                break;
            }
            after = list.next;
        }
        Ok((peers, start.unwrap_or(0)))
    }

    async fn all_agents(&self, member: &Member<'_>) -> Result<Vec<Deployed>, Status> {
        let (mut agents, mut after) = (Vec::new(), String::new());
        for _ in 0..PAGES_MAX {
            let (list, _) = member.agents(page(&after, PAGE, wire::Consistency::Strong)).await?;
            agents.extend(list.agents.iter().filter_map(read_agent));
            if list.next.is_empty() {
                break;
            }
            after = list.next;
        }
        Ok(agents)
    }

    /// One peer has changed. The member that said so has applied the change, so a stale read of it
    /// is fresh enough.
    pub(super) async fn take_peer(
        &self,
        member: &Member<'_>,
        change: &wire::Change,
    ) -> Result<(), Status> {
        let message = wire::GetPeerRequest { origin: change.id.clone(), consistency: 0 };
        let peer = match member.peer(message).await {
            Ok(peer) => read_peer(&peer),
            Err(status) if status.code() == Code::NotFound => None,
            Err(status) => return Err(status),
        };
        let mut peers = (**self.cache.peers.load()).clone();
        match peer {
            Some(peer) => peers.put(peer),
            None => {
                if let Ok(origin) = Origin::parse(&change.id) {
                    peers.remove(&origin);
                }
            }
        }
        self.cache.peers.store(peers.into());
        Ok(())
    }

    /// One agent has changed.
    pub(super) async fn take_agent(
        &self,
        member: &Member<'_>,
        change: &wire::Change,
    ) -> Result<(), Status> {
        let message = wire::GetAgentRequest { handle: change.id.clone(), consistency: 0 };
        let agent = match member.agent(message).await {
            Ok(agent) => read_agent(&agent),
            Err(status) if status.code() == Code::NotFound => None,
            Err(status) => return Err(status),
        };
        let mut agents = (**self.cache.agents.load()).clone();
        match agent {
            Some(agent) => agents.put(agent),
            None => {
                if let Ok(handle) = Handle::parse(&change.id) {
                    agents.remove(&handle);
                }
            }
        }
        self.cache.agents.store(agents.into());
        Ok(())
    }
}

fn read_peer(peer: &wire::Peer) -> Option<Peer> {
    let origin = Origin::parse(&peer.origin).ok();
    let signs = |key: &&wire::Key| key.usage.is_empty() || key.usage == KeyUse::Signing.as_str();
    let signing = peer.keys.iter().filter(signs);
    let key = |key: &wire::Key| {
        Some(Key {
            kid: Kid::parse(&key.kid).ok()?,
            public_key: PublicKey::from_hex(&key.public_key_hex).ok()?,
            not_before: WallMs(key.not_before_ms),
            not_after: match key.not_after_ms {
                0 => WallMs(u64::MAX),
                ends => WallMs(ends),
            },
        })
    };
    let keys: Option<Vec<_>> = signing.map(key).collect();
    match (origin, keys) {
        (Some(origin), Some(keys)) => {
            let active = peer.status == PeerStatus::Active.as_str();
            let mut read = Peer::new(origin, active, keys, Revision(peer.revision));
            read.token_life_s_max = peer.token_life_s_max.into();
            Some(read)
        }
        _ => {
            tracing::error!(origin = peer.origin, "the registry holds a peer that cannot be read");
            None
        }
    }
}

/// One whose audience is not understood is left out like one that cannot be read.
fn read_agent(agent: &wire::Agent) -> Option<Deployed> {
    let read = || {
        let Ok(Value::Object(words)) = json::parse_lossless(&agent.card) else { return None };
        let scope = Scope {
            visibility: agent.visibility.parse().ok()?,
            namespace: Namespace::parse(&agent.namespace).ok()?,
            owner: None,
        };
        let (handle, revision) = (Handle::parse(&agent.handle).ok()?, Revision(agent.revision));
        let changed_at = (agent.changed_at_ms > 0).then_some(WallMs(agent.changed_at_ms));
        Some(Deployed { handle, revision, changed_at, scope, words })
    };
    let deployed = read();
    if deployed.is_none() {
        tracing::error!(handle = agent.handle, "the registry holds an agent that cannot be read");
    }
    deployed
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::SecretKey;

    use super::*;

    #[test]
    fn a_key_for_es256_is_no_key_for_tokens_and_hides_none() {
        let own = SecretKey::from_seed(&[1; 32]).public();
        // The key of RFC 7515, appendix A.3.
        let x = "7fcdce2770f6c45d4183cbee6fdb4b7b580733357be9ef13bacf6e3c7bd15445";
        let y = "c7f144cd1bbd9b7e872cdfedb9eeb9f4b3695d6ea90b24ad8a4623288588e5ad";
        let key = |kid: &str, public_key_hex, usage: &str| wire::Key {
            kid: kid.into(),
            public_key_hex,
            usage: usage.into(),
            ..wire::Key::default()
        };
        let peer = wire::Peer {
            origin: "https://a.example".into(),
            status: "active".into(),
            keys: vec![key("es", format!("04{x}{y}"), "card"), key("k1", own.to_hex(), "signing")],
            ..wire::Peer::default()
        };
        let read = read_peer(&peer).unwrap();
        let keys: Vec<_> = read.keys_for(None, WallMs(1)).collect();
        assert_eq!(keys, [&own]);
    }
}
