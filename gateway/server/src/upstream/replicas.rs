//! What is known of the replicas of the agents that were called, and what is in flight to each.
//!
//! Decides nothing but whose counts are whose: `gateway_core::upstream` has the rules. Must never hold a lock while
//! something is awaited, nor forget to count the end of what it has counted the beginning of.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use gateway_core::upstream::{Choice, Ended, ReplicaTag, Replicas, RetryBudget};
use proto_types::Handle;
use proto_types::upstream::{Upstream, UpstreamUrl, UpstreamUrls};

use super::UpstreamError;
use crate::clock;

/// The agents that were called and are still there.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<BTreeMap<Handle, Agent>>);

/// What is known of one agent; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Agent(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    urls: UpstreamUrls,
    replicas: Replicas,
    budget: RetryBudget,
}

/// A request that is under way, until this is dropped. It says nothing for or against its replica before it is told how it
/// ended: a caller may leave at any time.
#[derive(Debug)]
pub(super) struct InFlight {
    agent: Agent,
    choice: Choice,
    since: Instant,
    latency_us: Option<u64>,
    ended: Ended,
}

impl Known {
    /// What is known of the agent, with the replicas that it has now.
    pub(super) fn of(&self, handle: &Handle, upstream: &Upstream) -> Agent {
        let mut known = self.lock();
        if let Some(agent) = known.get(handle) {
            agent.update(upstream);
            return agent.clone();
        }
        let agent = Agent::new(upstream);
        known.insert(handle.clone(), agent.clone());
        agent
    }

    /// Forgets the agents that are gone, and the replicas that are.
    pub(super) fn follow(&self, upstream: impl Fn(&Handle) -> Option<Arc<Upstream>>) {
        self.lock().retain(|handle, agent| match upstream(handle) {
            Some(upstream) => {
                agent.update(&upstream);
                true
            }
            None => false,
        });
    }

    /// The replicas to probe now.
    pub(super) fn to_probe(&self) -> Vec<(Agent, UpstreamUrl)> {
        let agents: Vec<Agent> = self.lock().values().cloned().collect();
        let now = clock::mono();
        let mut due = Vec::new();
        for agent in agents {
            let urls = agent.lock().replicas.to_probe(now);
            due.extend(urls.into_iter().map(|url| (agent.clone(), url)));
        }
        due
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Handle, Agent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Agent {
    fn new(upstream: &Upstream) -> Self {
        let urls = upstream.urls.clone();
        let (replicas, budget) = (Replicas::new(&urls), RetryBudget::default());
        Self(Arc::new(Mutex::new(State { urls, replicas, budget })))
    }

    fn update(&self, upstream: &Upstream) {
        let mut state = self.lock();
        if state.urls != upstream.urls {
            state.replicas.update(&upstream.urls);
            state.urls = upstream.urls.clone();
        }
    }

    /// The replica that a new request goes to.
    pub(super) fn choose(&self, prefer: Option<ReplicaTag>) -> Result<InFlight, UpstreamError> {
        let mut state = self.lock();
        state.budget.deposit();
        let chosen = state.replicas.choose(clock::mono(), draw(), prefer, None);
        drop(state);
        chosen.map(|choice| self.in_flight(choice)).map_err(|_| UpstreamError::Overloaded)
    }

    /// Another replica for a request that has failed at this one, if so many may be sent again.
    pub(super) fn choose_again(
        &self,
        prefer: Option<ReplicaTag>,
        failed: ReplicaTag,
    ) -> Option<InFlight> {
        let (mut state, now) = (self.lock(), clock::mono());
        if !state.budget.try_withdraw(now) {
            return None;
        }
        let chosen = state.replicas.choose(now, draw(), prefer, Some(failed)).ok();
        drop(state);
        chosen.map(|choice| self.in_flight(choice))
    }

    /// Takes over what a probe has found.
    pub(super) fn probed(&self, url: &UpstreamUrl, is_alive: bool) {
        self.lock().replicas.probed(url, clock::mono(), is_alive);
    }

    fn in_flight(&self, choice: Choice) -> InFlight {
        let (agent, since) = (self.clone(), Instant::now());
        InFlight { agent, choice, since, latency_us: None, ended: Ended::Dropped }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What decides between replicas that are as good as each other.
fn draw() -> u64 {
    getrandom::u64().expect("the system's random source answers once a process runs")
}

impl InFlight {
    /// Which replica it is sent to.
    pub(super) fn tag(&self) -> ReplicaTag {
        self.choice.tag
    }

    /// Where that is.
    pub(super) fn url(&self) -> &UpstreamUrl {
        &self.choice.url
    }

    /// How long it is under way.
    pub(super) fn elapsed(&self) -> std::time::Duration {
        self.since.elapsed()
    }

    /// The head of an answer is there; `is_well` if it is the agent's own, and not for want of one.
    pub(super) fn answered(&mut self, is_well: bool) {
        self.latency_us = Some(self.elapsed_us());
        self.ended = if is_well { Ended::Ok } else { Ended::Failed };
    }

    /// The replica is at fault.
    pub(super) fn failed(&mut self) {
        self.ended = Ended::Failed;
    }

    fn elapsed_us(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let latency_us = self.latency_us.unwrap_or_else(|| self.elapsed_us());
        let mut state = self.agent.lock();
        state.replicas.ended(&self.choice, clock::mono(), self.ended, latency_us);
    }
}
