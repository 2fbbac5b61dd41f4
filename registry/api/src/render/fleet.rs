//! Nodes, tasks, verdicts and envelopes as protobuf messages. The digest of a credential is never shown.

use proto_types::{Origin, PushConfig};
use proto_wire::registry::v1 as wire;
use registry_core::change::{Lease, Spent};
use registry_core::entry::{
    Capacity, EnvelopeEntry, FailedAttempt, NodeEntry, ReplyTo, TaskEntry, TaskState,
};
use registry_core::rank::Unplaced;

/// A node.
#[must_use]
pub fn node(entry: &NodeEntry) -> wire::Node {
    wire::Node {
        id: entry.id.to_string(),
        capacity: Some(capacity(&entry.capacity)),
        state: entry.state.to_string(),
        revision: entry.revision.0,
    }
}

fn capacity(capacity: &Capacity) -> wire::Capacity {
    wire::Capacity {
        slots: capacity.slots.get(),
        memory_bytes: capacity.memory_bytes,
        runs_per_second: capacity.runs_per_second,
        isolation: capacity.isolation.classes().to_vec(),
    }
}

/// A task with its bodies, but for what was said in earlier turns.
#[must_use]
pub fn task(entry: &TaskEntry, input: Vec<u8>, outcome: Vec<u8>) -> wire::Task {
    let (node, reason) = match &entry.state {
        TaskState::Pending => (String::new(), String::new()),
        TaskState::Assigned { node } => (node.to_string(), String::new()),
        TaskState::Ended { reason, .. } => (String::new(), reason.clone().unwrap_or_default()),
    };
    wire::Task {
        id: entry.id.to_string(),
        context: entry.context.to_string(),
        agent: entry.agent.to_string(),
        owner: entry.owner.to_string(),
        state: entry.state.word().to_owned(),
        node,
        epoch: entry.epoch.0,
        attempts: entry.attempts,
        cancel_requested: entry.cancel_requested,
        submitted_at_ms: entry.submitted_at.0,
        changed_at_ms: entry.changed_at.0,
        reason,
        input: input.into(),
        outcome: outcome.into(),
        revision: entry.revision.0,
        deadline_ms: entry.deadline.0,
        turns: Vec::new(),
        gateway: entry.gateway.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

/// A task that waits for a node, with why it has none.
#[must_use]
pub fn waiting(task: wire::Task, why: Unplaced) -> wire::Task {
    wire::Task { reason: format!("it waits for a node: {why}"), ..task }
}

/// Where the events of a task go; for the node that runs it.
#[must_use]
pub fn reply_to(reply_to: &ReplyTo) -> wire::ReplyTo {
    wire::ReplyTo {
        gateway: reply_to.gateway.to_string(),
        endpoint: reply_to.endpoint.to_string(),
        secret: reply_to.secret.to_string(),
    }
}

/// Where the changes of a task are pushed to, with what is secret in it; for gateways.
#[must_use]
pub fn push_config(config: &PushConfig) -> wire::PushConfig {
    let shown = config.authentication.as_ref();
    let credentials = shown.and_then(|shown| shown.credentials.clone());
    wire::PushConfig {
        id: config.id.to_string(),
        url: config.url.as_str().to_owned(),
        token: config.token.clone().map(String::from).unwrap_or_default(),
        scheme: shown.map(|shown| shown.scheme.as_str().to_owned()).unwrap_or_default(),
        credentials: credentials.map(String::from).unwrap_or_default(),
        version: config.version.to_string(),
    }
}

/// Verdicts in the order of the batch.
#[must_use]
pub fn verdicts(spent: &[Spent]) -> wire::SpendTokensReply {
    let verdict = |spent: &Spent| match spent {
        Spent::Fresh => wire::Verdict::Fresh,
        Spent::Replayed => wire::Verdict::Replayed,
        Spent::OutOfHorizon => wire::Verdict::OutOfHorizon,
    };
    wire::SpendTokensReply { verdicts: spent.iter().map(|one| verdict(one).into()).collect() }
}

/// A leased envelope with its document.
#[must_use]
pub fn leased(lease: &Lease, document: Vec<u8>) -> wire::LeasedEnvelope {
    let envelope = &lease.envelope;
    wire::LeasedEnvelope {
        id: envelope.id.to_string(),
        source: envelope.source.to_string(),
        target: envelope.target.to_string(),
        correlation: envelope.correlation.to_string(),
        document: document.into(),
        traceparent: envelope.traceparent.clone().map(String::from).unwrap_or_default(),
        epoch: lease.epoch.0,
        leased_until_ms: lease.until.0,
        deliveries: envelope.deliveries,
        accepted_at_ms: envelope.accepted_at.0,
        failures: envelope.failures,
        ordering_key: envelope.ordering_key.clone().map(String::from).unwrap_or_default(),
        hops: envelope.hops.iter().map(Origin::to_string).collect(),
    }
}

/// A dead letter, with its document if that is to be shown; `None` of an envelope that is none.
#[must_use]
pub fn dead_letter(entry: &EnvelopeEntry, document: Vec<u8>) -> Option<wire::DeadLetter> {
    let dead = entry.dead?;
    Some(wire::DeadLetter {
        id: entry.id.to_string(),
        source: entry.source.to_string(),
        target: entry.target.to_string(),
        correlation: entry.correlation.to_string(),
        document: document.into(),
        traceparent: entry.traceparent.clone().map(String::from).unwrap_or_default(),
        accepted_at_ms: entry.accepted_at.0,
        expires_at_ms: entry.expires_at.0,
        deliveries: entry.deliveries,
        failures: entry.failures,
        attempts: entry.attempts.iter().map(failed_attempt).collect(),
        cause: dead.cause.to_string(),
        dead_at_ms: dead.at.0,
        kept_until_ms: dead.until.0,
    })
}

fn failed_attempt(attempt: &FailedAttempt) -> wire::FailedAttempt {
    let reason = attempt.reason.to_string();
    wire::FailedAttempt { at_ms: attempt.at.0, epoch: attempt.epoch.0, reason }
}
