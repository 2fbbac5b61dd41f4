//! What a gateway counts.
//!
//! Decides the names. Must never make a label of what a caller sends: every label is a word of our
//! own code, so that their number is bounded (attack case 34).

mod figures;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use deploy_service::metrics::{Durations, Figure};
use proto_types::Code;

pub(crate) use self::figures::{answer, export};

/// Outcomes that are counted from the start, so that a rate exists before the first of them.
const PREREGISTERED: [&str; 6] = [
    "ok",
    "token_replayed",
    "token_signature",
    "peer_limited",
    "address_limited",
    Code::RegistryUnavailable.as_str(),
];

/// How requests to the servers of attached agents ended. Whose they were is no label: agents are many, and come and go.
#[derive(Debug)]
pub(crate) struct UpstreamOutcomes(Vec<(&'static str, AtomicU64)>);

impl UpstreamOutcomes {
    /// Of these outcomes and no others.
    pub(crate) fn new(outcomes: &[&'static str]) -> Self {
        Self(outcomes.iter().map(|outcome| (*outcome, AtomicU64::new(0))).collect())
    }

    /// Counts one request.
    pub(crate) fn count(&self, outcome: &'static str) {
        if let Some((_, count)) = self.0.iter().find(|(known, _)| *known == outcome) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn figures(&self) -> impl Iterator<Item = Figure> + '_ {
        let (name, help) = ("upstream_requests_total", "Upstream requests, by outcome.");
        self.0.iter().map(move |(outcome, count)| {
            Figure::count(name, help, count).of(&[("outcome", *outcome)])
        })
    }
}

/// How requests ended, by route and by outcome, and how long they took.
#[derive(Debug)]
pub(crate) struct Metrics {
    outcomes: RwLock<BTreeMap<(&'static str, &'static str), AtomicU64>>,
    pub(crate) durations: Durations,
    upstreams: Arc<UpstreamOutcomes>,
}

impl Metrics {
    pub(crate) fn new(upstreams: Arc<UpstreamOutcomes>) -> Self {
        let outcome = |code| (("call", code), AtomicU64::new(0));
        let outcomes = RwLock::new(PREREGISTERED.map(outcome).into());
        Self { outcomes, durations: Durations::default(), upstreams }
    }

    /// Counts one request. The read lock is shared; it is taken for writing once an outcome.
    pub(crate) fn count(&self, route: &'static str, outcome: &'static str) {
        let key = (route, outcome);
        let counters = self.outcomes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(counter) = counters.get(&key) {
            counter.fetch_add(1, Ordering::Relaxed);
            return;
        }
        drop(counters);
        let mut counters = self.outcomes.write().unwrap_or_else(PoisonError::into_inner);
        counters.entry(key).or_default().fetch_add(1, Ordering::Relaxed);
    }

    /// The counts.
    fn figures(&self) -> Vec<Figure> {
        let (name, help) = ("requests_total", "Requests, by route and by how they ended.");
        let counters = self.outcomes.read().unwrap_or_else(PoisonError::into_inner);
        let requests = counters.iter().map(|((route, outcome), count)| {
            Figure::count(name, help, count).of(&[("route", *route), ("outcome", *outcome)])
        });
        requests.chain(self.upstreams.figures()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_counted_by_route() {
        let upstreams = Arc::new(UpstreamOutcomes::new(&["answered", "timeout"]));
        let metrics = Metrics::new(Arc::clone(&upstreams));
        upstreams.count("timeout");
        metrics.count("call", "ok");
        metrics.count("publish", "rate-limited");
        metrics.count("publish", "rate-limited");
        let figures = metrics.figures();
        let value = |name, labels: &[(&str, &str)]| {
            let is_it = |figure: &&Figure| figure.name == name && figure.labels == labels;
            figures.iter().find(is_it).map(|figure| figure.value)
        };
        for (route, outcome, count) in
            [("call", "ok", 1.0), ("call", "token_replayed", 0.0), ("publish", "rate-limited", 2.0)]
        {
            let labels = [("route", route), ("outcome", outcome)];
            assert_eq!(value("requests_total", &labels), Some(count), "{route} {outcome}");
        }
        assert_eq!(value("upstream_requests_total", &[("outcome", "answered")]), Some(0.0));
        assert_eq!(value("upstream_requests_total", &[("outcome", "timeout")]), Some(1.0));
    }
}
