//! `task get|cancel`, with the operator's eyes.

use proto_wire::registry::v1 as wire;
use serde_json::{Value, json};

use crate::args::TaskVerb;
use crate::client::Profile;
use crate::failure::Failure;
use crate::output::Output;

pub(crate) async fn run(profile: &Profile, verb: TaskVerb) -> Result<Output, Failure> {
    let mut fleet = profile.fleet()?;
    let owner = String::new();
    let task = match verb {
        TaskVerb::Get { id } => {
            fleet.get_task(wire::GetTaskRequest { id, owner, consistency: 1 }).await?.into_inner()
        }
        TaskVerb::Cancel { id } => {
            fleet.cancel_task(wire::CancelTaskRequest { id, owner }).await?.into_inner()
        }
    };
    Ok(Output::one(json!({
        "id": task.id,
        "context": task.context,
        "agent": task.agent,
        "owner": task.owner,
        "state": task.state,
        "node": task.node,
        "epoch": task.epoch,
        "attempts": task.attempts,
        "reason": task.reason,
        "submittedAtMs": task.submitted_at_ms,
        "changedAtMs": task.changed_at_ms,
        "turns": task.turns.iter().map(turn).collect::<Vec<_>>(),
        "input": body(&task.input),
        "outcome": body(&task.outcome),
    })))
}

/// What was said before the newest message.
fn turn(turn: &wire::Turn) -> Value {
    json!({ "input": body(&turn.input), "outcome": body(&turn.outcome) })
}

/// A stored body as JSON, or null.
fn body(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or(Value::Null)
}
