//! Copies peers, agents and policies from a member: all of them at first, then one by one.
//!
//! Decides from which state each page may be. Must never keep, of what was known before, what the lists do not have; nor take
//! a page that is older than the first one: a peer that was revoked in between would be let in, and no change tells it again.

use std::sync::atomic::Ordering;

use gateway_core::Peers;
use proto_types::{Handle, Origin};
use proto_wire::registry::v1 as wire;
use tonic::{Code, Status};

use super::Follower;
use super::read::{read_agent, read_peer, read_peers};
use crate::agents::Deployed;
use crate::clock;
use crate::registry::Member;

/// The largest page that the registry serves.
const PAGE: u32 = 1_000;
/// Four million peers and as many agents, far above what the registry is measured with.
const PAGES_MAX: usize = 4_000;

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
        self.fill_policies(member, wire::Consistency::Strong).await?;
        let agents = all_agents(member, start).await?;
        if self.registry_epoch() != epoch {
            return Err(Status::aborted("the registry was restored while its lists were read"));
        }
        self.cache.peers.store(peers.into());
        self.cache.agents.store(self.cache.agents.load().replaced(agents).into());
        self.cache.epoch.store(epoch, Ordering::Release);
        self.cut_off_all();
        self.cache.has_applied(start);
        Ok(start)
    }

    fn registry_epoch(&self) -> u64 {
        self.cache.registry.epoch()
    }

    /// All peers, and the revision of the first page, which a majority has confirmed. Later pages need not be confirmed, a
    /// thousand times over for a million peers, but must not be older.
    async fn all_peers(&self, member: &Member<'_>) -> Result<(Peers, u64), Status> {
        let before = self.cache.peers.load_full();
        let first = page("", PAGE, wire::Consistency::Strong);
        let (mut list, start) = member.peers(first).await?;
        let mut peers = Peers::default();
        for _ in 1..PAGES_MAX {
            peers.add_page(&before, read_peers(&list));
            if list.next.is_empty() {
                return Ok((peers, start));
            }
            let next = page(&list.next, PAGE, wire::Consistency::Stale);
            list = not_before(start, member.peers(next).await?)?;
        }
        peers.add_page(&before, read_peers(&list));
        tracing::error!(peers = peers.len(), "the registry has more peers than are read");
        Ok((peers, start))
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
        let named = Origin::parse(&change.id).ok();
        match (peer, &named) {
            (Some(peer), _) => peers.put(peer),
            (None, Some(origin)) => peers.remove(origin),
            (None, None) => {}
        }
        self.cache.peers.store(peers.into());
        if let Some(origin) = &named {
            self.cut_off(origin);
        }
        Ok(())
    }

    /// If a peer may not act any more, its calls that last find that out at once.
    fn cut_off(&self, origin: &Origin) {
        if self.cache.peers.load().find(origin).is_some_and(|peer| peer.active) {
            self.waiting.cut_offs.end(origin);
        } else {
            self.waiting.cut_offs.begin(origin, clock::mono());
            self.waiting.wake(origin.as_str());
        }
    }

    /// The same for all peers that have calls here: which of them have changed is not told.
    fn cut_off_all(&self) {
        let callers = self.waiting.callers();
        let peers = callers.iter().filter_map(|caller| Origin::parse(caller.as_str()).ok());
        peers.for_each(|origin| self.cut_off(&origin));
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

/// All agents, as they were at this revision or later.
async fn all_agents(member: &Member<'_>, start: u64) -> Result<Vec<Deployed>, Status> {
    let (mut agents, mut after) = (Vec::new(), String::new());
    for _ in 0..PAGES_MAX {
        let next = page(&after, PAGE, wire::Consistency::Stale);
        let list = not_before(start, member.agents(next).await?)?;
        agents.extend(list.agents.iter().filter_map(read_agent));
        if list.next.is_empty() {
            return Ok(agents);
        }
        after = list.next;
    }
    tracing::error!(agents = agents.len(), "the registry has more agents than are read");
    Ok(agents)
}

/// A page of this revision or a newer one. A member that has failed meanwhile may come back with an older state.
fn not_before<T>(start: u64, (page, revision): (T, u64)) -> Result<T, Status> {
    match revision < start {
        true => Err(Status::unavailable("the member has gone back to an earlier state")),
        false => Ok(page),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_older_than_the_first_is_not_taken() {
        for (revision, is_taken) in [(6, false), (7, true), (8, true), (0, false)] {
            assert_eq!(not_before(7, ((), revision)).is_ok(), is_taken, "{revision}");
        }
    }
}
