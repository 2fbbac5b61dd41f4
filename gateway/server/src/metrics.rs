//! Counters, in the text format of Prometheus.
//!
//! Decides the names. Must never make a label of what a caller sends: every label is a word of our
//! own code, so that their number is bounded (attack case 34).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use proto_types::Code;

/// Outcomes that are counted from the start, so that a rate exists before the first of them.
const PREREGISTERED: [&str; 6] = [
    "ok",
    "token_replayed",
    "token_signature",
    "peer_limited",
    "address_limited",
    Code::RegistryUnavailable.as_str(),
];

/// One gauge or counter.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) help: &'static str,
    pub(crate) value: f64,
}

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

    fn write(&self, text: &mut String) {
        text.push_str(
            "# HELP ecumene_gateway_upstream_requests_total Upstream requests, by outcome.\n\
             # TYPE ecumene_gateway_upstream_requests_total counter\n",
        );
        for (outcome, count) in &self.0 {
            let count = count.load(Ordering::Relaxed);
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "ecumene_gateway_upstream_requests_total{{outcome=\"{outcome}\"}} {count}"
            );
        }
    }
}

/// How requests ended, by route and by outcome.
#[derive(Debug)]
pub(crate) struct Metrics {
    outcomes: RwLock<BTreeMap<(&'static str, &'static str), AtomicU64>>,
    upstreams: Arc<UpstreamOutcomes>,
}

impl Metrics {
    pub(crate) fn new(upstreams: Arc<UpstreamOutcomes>) -> Self {
        let outcome = |code| (("call", code), AtomicU64::new(0));
        Self { outcomes: RwLock::new(PREREGISTERED.map(outcome).into()), upstreams }
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

    /// The text, with more gauges and counters.
    pub(crate) fn text(&self, more: &[Figure]) -> String {
        let mut text = String::from(
            "# HELP ecumene_gateway_requests_total Requests, by route and by how they ended.\n\
             # TYPE ecumene_gateway_requests_total counter\n",
        );
        let counters = self.outcomes.read().unwrap_or_else(PoisonError::into_inner);
        for ((route, outcome), count) in &*counters {
            let count = count.load(Ordering::Relaxed);
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "ecumene_gateway_requests_total{{route=\"{route}\",outcome=\"{outcome}\"}} {count}"
            );
        }
        self.upstreams.write(&mut text);
        for Figure { name, kind, help, value } in more {
            let _ = writeln!(
                text,
                "# HELP ecumene_gateway_{name} {help}\n# TYPE ecumene_gateway_{name} {kind}\n\
                 ecumene_gateway_{name} {value}"
            );
        }
        text
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
        let peers = Figure { name: "peers", kind: "gauge", help: "Peers.", value: 3.0 };
        let text = metrics.text(&[peers]);
        assert!(text.contains("{route=\"call\",outcome=\"ok\"} 1\n"));
        assert!(text.contains("{route=\"call\",outcome=\"token_replayed\"} 0\n"));
        assert!(text.contains("{route=\"publish\",outcome=\"rate-limited\"} 2\n"));
        assert!(text.contains("upstream_requests_total{outcome=\"answered\"} 0\n"));
        assert!(text.contains("upstream_requests_total{outcome=\"timeout\"} 1\n"));
        assert!(text.ends_with(
            "# HELP ecumene_gateway_peers Peers.\n# TYPE ecumene_gateway_peers gauge\n\
             ecumene_gateway_peers 3\n"
        ));
    }
}
