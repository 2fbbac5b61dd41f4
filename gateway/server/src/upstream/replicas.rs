//! What is known of the replicas of the agents that were called, and what is in flight to each.
//!
//! Decides nothing but whose counts are whose: `gateway_core::upstream` has the rules, and `proto_types::share` those of how
//! many calls may be open. Must never hold a lock while something is awaited, nor forget to count the end of what it has
//! counted the beginning of, nor queue a call: who is refused comes back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use deploy_service::{Place, Pool};
use gateway_core::upstream::{Choice, Ended, ReplicaTag, Replicas, RetryBudget};
use proto_types::upstream::{Upstream, UpstreamBinding, UpstreamUrl, UpstreamUrls};
use proto_types::{Class, Full, Handle, Shares, TaskOwner};

use super::UpstreamError;
use crate::clock;
use crate::refusals::Paced;
use crate::secrets::draw;

/// Calls of one agent that may be open at once (Envoy: `max_requests`).
const OPEN_MAX: u64 = 1_024;

/// The agents that were called and are still there.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<BTreeMap<Handle, Agent>>);

/// What is known of one agent; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Agent {
    handle: Handle,
    /// Its open calls, by who calls.
    open: Pool<TaskOwner>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    binding: UpstreamBinding,
    urls: UpstreamUrls,
    replicas: Replicas,
    budget: RetryBudget,
    /// Of its failures, by why.
    lines: Paced,
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
    _place: Place<TaskOwner>,
}

impl Known {
    /// What is known of the agent, with the replicas that it has now.
    pub(super) fn of(&self, handle: &Handle, upstream: &Upstream) -> Agent {
        let mut known = self.lock();
        if let Some(agent) = known.get(handle) {
            agent.update(upstream);
            return agent.clone();
        }
        let agent = Agent::new(handle, upstream);
        known.insert(handle.clone(), agent.clone());
        agent
    }

    /// Whether a failure of an agent is a line of the log, and then how many of its kind were held back before it.
    pub(super) fn line(&self, handle: &Handle, why: &'static str) -> Option<u64> {
        let agent = self.lock().get(handle).cloned();
        // One that is gone is called no more.
        agent.map_or(Some(0), |agent| agent.line(why))
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

    /// The replicas to probe now, and how they are called.
    pub(super) fn to_probe(&self) -> Vec<(Agent, UpstreamBinding, UpstreamUrl)> {
        let agents: Vec<Agent> = self.lock().values().cloned().collect();
        let now = clock::mono();
        let mut due = Vec::new();
        for agent in agents {
            let mut state = agent.lock();
            let (binding, urls) = (state.binding, state.replicas.to_probe(now));
            drop(state);
            due.extend(urls.into_iter().map(|url| (agent.clone(), binding, url)));
        }
        due
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Handle, Agent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Agent {
    fn new(handle: &Handle, upstream: &Upstream) -> Self {
        let urls = upstream.urls.clone();
        let (replicas, budget) = (Replicas::new(&urls), RetryBudget::default());
        let (binding, lines) = (upstream.binding, Paced::default());
        let state = State { binding, urls, replicas, budget, lines };
        // Only callers from outside and this gateway's operator call: there is nobody to keep places for.
        let open = Pool::new(Shares::new(OPEN_MAX).without_reserve());
        Self { handle: handle.clone(), open, state: Arc::new(Mutex::new(state)) }
    }

    fn update(&self, upstream: &Upstream) {
        let mut state = self.lock();
        state.binding = upstream.binding;
        if state.urls != upstream.urls {
            state.replicas.update(&upstream.urls);
            state.urls = upstream.urls.clone();
        }
    }

    /// The replica that a new request of this caller goes to.
    pub(super) fn choose(
        &self,
        caller: &TaskOwner,
        prefer: Option<ReplicaTag>,
    ) -> Result<InFlight, UpstreamError> {
        let place = self.place(caller).map_err(|full| match full {
            Full::Share => UpstreamError::NoRoom(full),
            Full::Pool => UpstreamError::Overloaded,
        })?;
        let mut state = self.lock();
        state.budget.deposit();
        let chosen = state.replicas.choose(clock::mono(), draw(), prefer, None);
        drop(state);
        chosen.map(|choice| self.in_flight(choice, place)).ok_or(UpstreamError::Unreachable)
    }

    /// Another replica for a request that has failed at this one, if there is one and so many may be sent again.
    pub(super) fn choose_again(
        &self,
        caller: &TaskOwner,
        prefer: Option<ReplicaTag>,
        failed: ReplicaTag,
    ) -> Option<InFlight> {
        let place = self.place(caller).ok()?;
        let (mut state, now) = (self.lock(), clock::mono());
        let chosen = state.replicas.choose(now, draw(), prefer, Some(failed));
        let is_paid = chosen.is_some() && state.budget.try_withdraw(now);
        drop(state);
        // One that is not paid for ends here.
        chosen.map(|choice| self.in_flight(choice, place)).filter(|_| is_paid)
    }

    fn place(&self, caller: &TaskOwner) -> Result<Place<TaskOwner>, Full> {
        self.open.place(Class::Ordinary, caller.clone())
    }

    fn line(&self, why: &'static str) -> Option<u64> {
        self.lock().lines.line(why, clock::mono())
    }

    /// Takes over what a probe has found.
    pub(super) fn probed(&self, url: &UpstreamUrl, is_alive: bool) {
        self.lock().replicas.probed(url, clock::mono(), is_alive);
    }

    fn in_flight(&self, choice: Choice, place: Place<TaskOwner>) -> InFlight {
        let (agent, since, ended) = (self.clone(), Instant::now(), Ended::Dropped);
        InFlight { agent, choice, since, latency_us: None, ended, _place: place }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InFlight {
    /// How many calls of the agent are open.
    pub(super) fn open(&self) -> u64 {
        self.agent.open.taken()
    }

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

    /// Why there is no whole answer, which the operator is told: each reason once a second.
    pub(super) fn fault(&self, why: UpstreamError, error: &str) -> UpstreamError {
        if let Some(unsaid) = self.agent.line(why.word()) {
            let (agent, url) = (&self.agent.handle, self.url());
            tracing::warn!(%agent, %url, error, unsaid, "a call of an agent or peer fails");
        }
        why
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn upstream(urls: &[&str]) -> Upstream {
        Upstream::parse(urls, "JSONRPC", "1.0", "").unwrap()
    }

    fn agent(upstream: &Upstream) -> Agent {
        Agent::new(&Handle::parse("far").unwrap(), upstream)
    }

    fn peer(name: &str) -> TaskOwner {
        TaskOwner::parse(&format!("https://{name}.example")).unwrap()
    }

    #[test]
    fn one_callers_open_calls_leave_room_for_anothers_until_they_end() {
        let agent = agent(&upstream(&["http://a.example/"]));
        let (greedy, other) = (peer("a"), peer("b"));
        let held: Vec<_> = (0..OPEN_MAX).map_while(|_| agent.choose(&greedy, None).ok()).collect();
        assert_eq!(held.len(), 512);
        let refused = agent.choose(&greedy, None).unwrap_err();
        assert_eq!(refused, UpstreamError::NoRoom(Full::Share));
        assert!(agent.choose(&other, None).is_ok());
        // A call ends, also at a replica that is gone.
        agent.update(&upstream(&["http://b.example/"]));
        drop(held);
        assert_eq!(agent.open.taken(), 0);
        assert!(agent.choose(&greedy, None).is_ok());
    }

    #[test]
    fn so_many_calls_of_all_callers_are_open_and_no_more() {
        let agent = agent(&upstream(&["http://a.example/"]));
        let open = |at: u64| agent.choose(&peer(&format!("c{at}")), None);
        let held: Vec<_> = (0..OPEN_MAX).map(|at| open(at).unwrap()).collect();
        assert_eq!(open(OPEN_MAX).unwrap_err(), UpstreamError::Overloaded);
        drop(held);
        assert!(open(OPEN_MAX).is_ok());
    }

    #[test]
    fn a_call_that_no_other_replica_can_take_costs_nothing_of_the_budget() {
        let (agent, caller) = (agent(&upstream(&["http://a.example/"])), peer("a"));
        let failed = agent.choose(&caller, None).unwrap().tag();
        let retried = |agent: &Agent| agent.choose_again(&caller, None, failed).is_some();
        assert!((0..1_000).all(|_| !retried(&agent)));
        agent.update(&upstream(&["http://a.example/", "http://b.example/"]));
        assert!(retried(&agent), "the budget was spent on nothing");
        let more = (0..1_000).filter(|_| retried(&agent)).count();
        assert!(more < 500, "{more}: a retry costs something");
    }

    #[test]
    fn an_agent_that_fails_again_and_again_is_one_line_for_each_reason() {
        let known = Known::default();
        let [far, near] = ["far", "near"].map(|handle| Handle::parse(handle).unwrap());
        let upstream = upstream(&["http://a.example/"]);
        let line = |handle, why| known.line(handle, why);
        known.of(&far, &upstream);
        known.of(&near, &upstream);
        assert_eq!(line(&far, "timeout"), Some(0));
        assert_eq!(line(&far, "timeout"), None);
        assert_eq!((line(&far, "broken"), line(&near, "timeout")), (Some(0), Some(0)));
    }
}
