//! What is no call: cards and documents, envelopes, federation, this process.
//!
//! Decides what each takes and is answered with. Must never decide with which codes it is refused: `refusals` does.

use gateway_core::path::Method;
use serde_json::Value;

use super::operation::{Access, LIMITS, Operation, events};
use super::parameters::{in_path, named};
use super::paths::Line;
use super::{A2A_JSON, JSON, YAML, reference, refusals};

/// What a document says beside its body.
const VERSION: &[&str] = &["ETag", "Cache-Control", "Last-Modified"];
const CONDITIONS: [&str; 2] = ["If-None-Match", "If-Match"];

fn id(base: &str, line: &Line) -> String {
    format!("{base}{}", line.suffix)
}

fn schema(name: &str) -> Value {
    reference("schemas", name)
}

/// A document with a version.
fn versioned(operation: Operation, contents: &[(&str, Value)]) -> Operation {
    operation.takes(named(CONDITIONS)).gives("200", "The document.", contents, VERSION).gives(
        "304",
        "The client has this version.",
        &[],
        VERSION,
    )
}

pub(super) fn card(line: &Line, about: &str) -> Operation {
    let operation = Operation::new(id("getCard", line), "cards", about, &refusals::CARD)
        .access(Access::Viewer)
        .takes(in_path(&line.path))
        .takes(named(["A2A-Version"]));
    let cards = ["AgentCard", "AgentCardV03", "RedactedCard"].map(schema);
    versioned(operation, &[(JSON, serde_json::json!({ "anyOf": cards }))])
}

pub(super) fn descriptor(line: &Line, about: &str) -> Operation {
    let id = id("getDescriptor", line);
    let operation = Operation::new(id, "cards", about, &refusals::VERSIONED);
    versioned(operation, &[(JSON, schema("Descriptor"))])
}

pub(super) fn contract(line: &Line, media: &str, name: &str) -> Operation {
    let about = match media {
        YAML => "This contract, in YAML 1.2.",
        _ => "This contract.",
    };
    let id = id("getContract", line);
    let operation = Operation::new(id, "contract", about, &refusals::VERSIONED);
    versioned(operation, &[(media, schema(name))])
}

pub(super) fn error_page(line: &Line) -> Operation {
    let about = "What a code means, why it comes, and what to do.";
    Operation::new(id("getErrorPage", line), "contract", about, &refusals::PLAIN)
        .takes(in_path(&line.path))
        .gives("200", "The page.", &[("text/plain", schema("Text"))], &["Cache-Control"])
}

pub(super) fn health(line: &Line) -> Operation {
    let about = "Whether the process lives.";
    Operation::new(id("getHealth", line), "process", about, &refusals::PLAIN).gives(
        "200",
        "It does.",
        &[(JSON, schema("Health"))],
        &[],
    )
}

pub(super) fn readiness(line: &Line) -> Operation {
    let (about, told) = ("Whether it should be sent work.", [(JSON, schema("Readiness"))]);
    Operation::new(id("getReadiness", line), "process", about, &refusals::PLAIN)
        .gives("200", "It should.", &told, &[])
        .gives("503", "It should not, and waits for these conditions.", &told, &[])
}

pub(super) fn metrics(line: &Line) -> Operation {
    let about = "Counters, gauges and a histogram: in the text format of Prometheus, or in OpenMetrics for who asks for it.";
    Operation::new(id("getMetrics", line), "process", about, &refusals::PLAIN).gives(
        "200",
        "The figures.",
        &[("text/plain", schema("Text")), ("application/openmetrics-text", schema("Text"))],
        &[],
    )
}

pub(super) fn publish(line: &Line) -> Operation {
    let about = "Takes an envelope of a peer. It is kept until a subscriber of its target has acknowledged it, or its time is over.";
    Operation::new(id("publishEnvelope", line), "envelopes", about, &refusals::PUBLISH)
        .access(Access::Peer)
        .takes(named(["traceparent", "Ecumene-Ordering-Key", "Ecumene-Hops"]))
        .body(&[JSON, A2A_JSON], &schema("Envelope"), true)
        .gives("202", "It is kept.", &[(JSON, schema("EnvelopeAccepted"))], LIMITS)
}

pub(super) fn pull(line: &Line) -> Operation {
    let about =
        "Leases envelopes to a local subscriber, and waits for the first one if it is asked to.";
    let operation = Operation::new(id("pullEnvelopes", line), "envelopes", about, &refusals::PULL)
        .access(Access::Local)
        .takes(in_path(&line.path))
        .takes(named(["max", "wait"]))
        .gives(
            "200",
            "Those that were leased; as events, one by one as they come, to who accepts events.",
            &[(JSON, schema("LeasedEnvelopes")), events(&["LeasedEnvelope"])],
            &[],
        );
    match line.path.contains('{') {
        true => operation,
        false => operation.takes(named(["target-query"])),
    }
}

pub(super) fn acknowledge(line: &Line) -> Operation {
    let about = "Takes a leased envelope out of its queue. Without a target in the path, the body names it.";
    Operation::new(id("acknowledgeEnvelope", line), "envelopes", about, &refusals::ACKNOWLEDGE)
        .access(Access::Local)
        .takes(in_path(&line.path))
        .body(&[JSON, A2A_JSON], &schema("Acknowledgement"), true)
        .gives("200", "It is done.", &[(JSON, schema("Acknowledged"))], &[])
}

pub(super) fn dead_letters(line: &Line) -> Operation {
    let refusals = &refusals::DEAD_LETTERS;
    if line.read_as == Method::Get {
        let about = "Dead letters that are in JetStream: a page without their documents, or one by its source and id.";
        return Operation::new(id("listDeadLetters", line), "envelopes", about, refusals)
            .access(Access::Operator)
            .takes(named(["dead-target", "dead-limit", "cursor", "source", "dead-id"]))
            .gives("200", "What there is.", &[(JSON, schema("DeadLetters"))], &[]);
    }
    let about = "Puts a dead letter that is in JetStream back into its queue, or forgets it.";
    Operation::new(id("endDeadLetter", line), "envelopes", about, refusals)
        .access(Access::Operator)
        .body(&[JSON, A2A_JSON], &schema("DeadLetterOrder"), true)
        .gives("200", "It is done.", &[(JSON, schema("DeadLetterDone"))], &[])
}

pub(super) fn proxy(line: &Line) -> Operation {
    let about = "Calls a peer as this instance, with a token of its own. The answer is the peer's.";
    let (answer, stream) =
        ((JSON, serde_json::json!({ "type": "object" })), events(&["JsonRpcAnswer"]));
    Operation::new(id("callPeer", line), "federation", about, &refusals::PROXY)
        .access(Access::Operator)
        .takes(named(["A2A-Version", "A2A-Extensions", "traceparent"]))
        .body(&[JSON, A2A_JSON], &schema("PeerCall"), true)
        .gives("200", "What the peer answers.", &[answer.clone(), stream], &[])
        .gives("default", "What the peer answers, with its own status.", &[answer], &[])
}

pub(super) fn federation_status(line: &Line) -> Operation {
    let about = "How this instance federates.";
    let id = id("getFederationStatus", line);
    Operation::new(id, "federation", about, &refusals::FEDERATION)
        .access(Access::Local)
        .takes(named(["probe"]))
        .gives("200", "The status.", &[(JSON, schema("FederationStatus"))], &[])
}

pub(super) fn federation_directory(line: &Line) -> Operation {
    let about = "The peers that an operator may call.";
    let id = id("getFederationDirectory", line);
    Operation::new(id, "federation", about, &refusals::FEDERATION).access(Access::Local).gives(
        "200",
        "The peers.",
        &[(JSON, schema("FederationDirectory"))],
        &[],
    )
}

pub(super) fn a2a_status(line: &Line) -> Operation {
    let about = "How A2A is spoken here, as a dashboard of Pilox reads it.";
    Operation::new(id("getA2aStatus", line), "federation", about, &refusals::FEDERATION)
        .access(Access::Local)
        .gives("200", "The status.", &[(JSON, schema("A2aStatus"))], &[])
}

pub(super) fn mesh_agents(line: &Line) -> Operation {
    let about = "The agents that whoever looks may see, as Pilox lists them.";
    Operation::new(id("listMeshAgents", line), "federation", about, &refusals::CARD)
        .access(Access::CallerOrLocal)
        .takes(named(["q", "visibility", "limit"]))
        .gives("200", "The agents.", &[(JSON, schema("MeshAgents"))], &[])
}

pub(super) fn mesh_peers(line: &Line) -> Operation {
    let about = "How peers answer, as Pilox lists it.";
    Operation::new(id("listMeshPeers", line), "federation", about, &refusals::FEDERATION)
        .access(Access::Operator)
        .takes(named(["probe"]))
        .gives("200", "The peers.", &[(JSON, schema("MeshPeers"))], &[])
}

pub(super) fn jwks(line: &Line) -> Operation {
    let about = "The keys by which what this instance signs is verified (RFC 7517).";
    Operation::new(id("getJwks", line), "cards", about, &refusals::VERSIONED).gives(
        "200",
        "The keys.",
        &[(JSON, schema("Jwks"))],
        &[],
    )
}
