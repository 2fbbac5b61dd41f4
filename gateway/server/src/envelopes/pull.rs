//! A long poll of a local subscriber.
//!
//! Decides what it may ask for. Must never lease more than it asks for, nor hold up a gateway that stops.

use std::time::Duration;

use axum::response::Response;
use deploy_service::units;
use gateway_core::Failure;
use gateway_core::params::{Faults, fault};
use http::StatusCode;
use proto_types::Class;
use proto_wire::registry::v1 as wire;
use serde_json::{Value, json};

use super::{is_target, show};
use crate::gateway::Gateway;
use crate::store::EnvelopeStore as _;
use crate::{query, reply};

/// What a subscriber asks for.
#[derive(Debug, PartialEq)]
pub(crate) struct Pull {
    pub(super) target: String,
    max: u32,
    wait: Duration,
}

/// What the registry leases in one call.
const PULL_MAX: u32 = 100;
/// Half a minute below the timeout of common proxies; the registry waits as long.
const WAIT_MAX: Duration = Duration::from_secs(60);

impl Pull {
    /// Reads the query: `target` where the path names none, `max` (10), `wait` (`0s`).
    pub(crate) fn read(target: Option<String>, query: &str) -> Result<Self, Failure> {
        let mut found = Faults::new();
        let (mut target, mut max, mut wait) = (target, 10, Duration::ZERO);
        for (name, value) in query::pairs(query) {
            match name.as_str() {
                "target" if target.is_none() => target = Some(value),
                "max" => match value.parse() {
                    Ok(count) if (1..=PULL_MAX).contains(&count) => max = count,
                    _ => found.push(fault("/max", "a number from 1 to 100")),
                },
                "wait" => match value.parse::<units::Duration>() {
                    Ok(span) if span.std() <= WAIT_MAX => wait = span.std(),
                    _ => found.push(fault("/wait", "a time such as 30s, of at most 60s")),
                },
                _ => found.push(fault("", "one each of target, max and wait")),
            }
        }
        let target = target.filter(|target| is_target(target)).unwrap_or_else(|| {
            found.push(fault("/target", "an origin or a handle"));
            String::new()
        });
        if found.is_empty() {
            Ok(Self { target, max, wait })
        } else {
            Err(Failure::Argument(found))
        }
    }

    /// What is leased, by who waits so long for the first one.
    pub(super) fn message(&self, gateway: &Gateway, wait: Duration) -> wire::LeaseEnvelopesRequest {
        let lease_ms = gateway.live.load().bounds.envelope_lease.std().as_millis();
        wire::LeaseEnvelopesRequest {
            target: self.target.clone(),
            max: self.max,
            ttl_ms: u64::try_from(lease_ms).unwrap_or(u64::MAX),
            wait_ms: u64::try_from(wait.min(WAIT_MAX).as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Leases envelopes, waiting for the first one.
    pub(crate) async fn answer(self, gateway: &Gateway) -> Result<Response, Failure> {
        let _place = gateway.pools.polls.place(Class::Ordinary, self.target.clone())?;
        let message = self.message(gateway, self.wait);
        let leased = tokio::select! {
            leased = gateway.envelopes.lease(message) => leased.map_err(|error| error.failure())?,
            // A subscriber must not hold the drain; it asks the next gateway.
            () = gateway.shutdown.triggered() => Vec::new(),
        };
        let shown: Vec<Value> = leased.iter().map(show).collect();
        Ok(reply::json(StatusCode::OK, &json!({"envelopes": shown})))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_pull_reads_its_query() {
        let pull = Pull::read(None, "target=https%3A%2F%2Fb.example&max=7&wait=30s").unwrap();
        let wait = Duration::from_secs(30);
        assert_eq!(pull, Pull { target: "https://b.example".to_owned(), max: 7, wait });
        let pull = Pull::read(Some("urn:a:b".to_owned()), "").unwrap();
        assert_eq!((pull.target.as_str(), pull.max, pull.wait), ("urn:a:b", 10, Duration::ZERO));
    }

    #[test]
    fn each_fault_of_a_query_is_named() {
        for (query, place) in [
            ("max=0", "max"),
            ("max=101", "max"),
            ("max=x", "max"),
            ("wait=61s", "wait"),
            ("wait=30", "wait"),
            ("wait=-1s", "wait"),
            ("limit=1", ""),
            ("target=urn:c", ""),
        ] {
            let refused = Pull::read(Some("urn:a:b".to_owned()), query);
            let Err(Failure::Argument(found)) = refused else { panic!("{query}") };
            assert_eq!(found[0].field(), place, "{query}");
        }
        for query in ["", "target=", "target=a%20b", "target=a%0ab"] {
            assert!(Pull::read(None, query).is_err(), "{query}");
        }
    }
}
