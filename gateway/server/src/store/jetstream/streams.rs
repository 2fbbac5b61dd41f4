//! The three streams of a fleet, and the consumer of a target.
//!
//! Decides their names, bounds and times. Must never make anything whose name does not begin with what the operator has chosen.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};

use super::message::target_key;

pub(super) const DAY: Duration = Duration::from_secs(86_400);

/// How long a dead letter is kept, as in the registry.
pub(super) const DEAD_KEPT: Duration = Duration::from_secs(7 * 86_400);

/// Waiting envelopes of one target, as in the registry.
const QUEUE_MAX: i64 = 20_000;

/// Dead letters of all targets. Arbitrary.
const DEAD_MAX: i64 = 100_000;

/// What the operator has chosen.
#[derive(Clone, Debug)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// The stream of envelopes that wait.
    pub(super) fn waiting(&self) -> String {
        format!("{}-envelopes", self.prefix)
    }

    /// The stream of what has become of them.
    pub(super) fn records(&self) -> String {
        format!("{}-attempts", self.prefix)
    }

    /// The stream of dead letters.
    pub(super) fn dead(&self) -> String {
        format!("{}-dead", self.prefix)
    }

    /// Where the envelopes of a target wait.
    pub(super) fn waiting_of(&self, target: &str) -> String {
        format!("{}.envelope.{}", self.prefix, target_key(target))
    }

    /// What has become of the envelope that is this message of its stream.
    pub(super) fn record_of(&self, sequence: u64) -> String {
        format!("{}.attempt.{sequence}", self.prefix)
    }

    /// A dead letter of a target; `*` is any.
    pub(super) fn dead_of(&self, target: Option<&str>, key: &str) -> String {
        let target = target.map_or_else(|| "*".to_owned(), target_key);
        format!("{}.dead.{target}.{key}", self.prefix)
    }

    /// The consumer of a target.
    pub(super) fn consumer(target: &str) -> String {
        format!("t-{}", target_key(target))
    }

    /// What is published to acknowledge a message, or to put it off, from any connection. Of its numbers the server reads the two
    /// sequences: which message, and that the consumer has delivered it.
    pub(super) fn acknowledgement(&self, target: &str, sequence: u64, delivered: u64) -> String {
        let (stream, consumer) = (self.waiting(), Self::consumer(target));
        format!("$JS.ACK.{stream}.{consumer}.1.{sequence}.{delivered}.0.0")
    }
}

/// What differs from fleet to fleet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) replicas: usize,
    /// How long an envelope is good.
    pub(super) ttl: Duration,
    /// How long a lease lasts.
    pub(super) lease: Duration,
}

impl Times {
    /// One that is replayed has a day, and what is past its time is found there by who looks for the next.
    fn kept(&self) -> Duration {
        self.ttl.saturating_add(DAY)
    }

    /// Envelopes that wait: what is acknowledged leaves it. An id is known for as long as an envelope is good.
    pub(super) fn waiting(&self, names: &Names) -> Config {
        Config {
            name: names.waiting(),
            subjects: vec![format!("{}.envelope.*", names.prefix)],
            retention: RetentionPolicy::WorkQueue,
            max_messages: -1,
            max_messages_per_subject: QUEUE_MAX,
            discard: DiscardPolicy::New,
            discard_new_per_subject: true,
            max_age: self.kept(),
            duplicate_window: self.ttl,
            ..self.stream()
        }
    }

    /// The last word about each envelope of which there is one.
    pub(super) fn records(&self, names: &Names) -> Config {
        Config {
            name: names.records(),
            subjects: vec![format!("{}.attempt.*", names.prefix)],
            max_messages: -1,
            max_messages_per_subject: 1,
            max_age: self.kept(),
            ..self.stream()
        }
    }

    /// Dead letters: the newest of each envelope.
    pub(super) fn dead(&self, names: &Names) -> Config {
        Config {
            name: names.dead(),
            subjects: vec![format!("{}.dead.*.*", names.prefix)],
            max_messages: DEAD_MAX,
            max_messages_per_subject: 1,
            discard: DiscardPolicy::New,
            max_age: DEAD_KEPT,
            ..self.stream()
        }
    }

    fn stream(&self) -> Config {
        Config {
            max_bytes: -1,
            max_consumers: -1,
            storage: StorageType::File,
            num_replicas: self.replicas,
            duplicate_window: Duration::from_secs(120),
            ..Config::default()
        }
    }

    /// The consumer of a target: a message is one holder's until it is acknowledged, put off, or a lease has passed. One that is
    /// put off counts as delivered, so that the whole queue may be.
    pub(super) fn consumer(&self, names: &Names, target: &str) -> pull::Config {
        pull::Config {
            durable_name: Some(Names::consumer(target)),
            filter_subject: names.waiting_of(target),
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.lease,
            max_deliver: -1,
            max_ack_pending: QUEUE_MAX,
            // Longer than any message lives: with a consumer its count of deliveries would go.
            inactive_threshold: self.kept().saturating_add(DAY),
            ..pull::Config::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_named_as_the_operator_has_chosen_and_no_target_is_in_two_queues() {
        let names = Names::new("fleet1");
        for name in [names.waiting(), names.records(), names.dead()] {
            assert!(name.starts_with("fleet1-"), "{name}");
        }
        let (one, other) = (names.waiting_of("urn:agent:b"), names.waiting_of("https://b.example"));
        assert!(one.starts_with("fleet1.envelope.") && one != other, "{one} {other}");
        let subject = names.acknowledgement("urn:agent:b", 7, 9);
        assert!(subject.starts_with("$JS.ACK.fleet1-envelopes.t-"), "{subject}");
        assert!(subject.ends_with(".1.7.9.0.0"), "{subject}");
        assert_eq!(subject.split('.').count(), 9);
    }
}
