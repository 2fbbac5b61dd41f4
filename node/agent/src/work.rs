//! The runtime as this node uses it: how much it offers, and one task from artifact to outcome. It must never run what was
//! not prepared from verified bytes.

use std::sync::Arc;

use deploy_service::Shutdown;
use node_core::{Capacity, Message, Outcome};
use node_wasm::{Config as WasmConfig, Input, Io, Kind, Limits, Prepared, Runtime};
use proto_types::outcome::OUTCOME_BYTES_MAX;
use proto_types::schema::Invalid;
use proto_types::{AgentKind, Digest};
use proto_wire::registry::v1 as wire;

use crate::Error;
use crate::artifacts::Artifacts;
use crate::config::Checked;

/// A cancelled guest may tidy up for this long; node-core's lease margin is four times as much.
const CANCEL_GRACE_MS: u64 = 500;

/// Starts the WebAssembly runtime.
pub(crate) fn runtime(config: &Checked) -> Result<Arc<Runtime>, Error> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut wasm = WasmConfig::new(config.state_dir.join("wasm"), cores);
    wasm.slots = config.slots;
    wasm.memory_bytes_max = wasm.memory_bytes_max.min(config.memory_bytes);
    let runtime = Runtime::new(wasm)
        .map_err(|error| Error::Runtime(deploy_service::telemetry::chain(&error)))?;
    let (asked, granted) = (config.slots, runtime.slots());
    if granted < asked {
        tracing::warn!(asked, granted, "the host grants address space for fewer slots (ulimit -v)");
    }
    Ok(runtime)
}

/// What the node offers: slots and memory by its operator's word, speed by measurement.
pub(crate) async fn measure(
    runtime: &Arc<Runtime>,
    config: &Checked,
) -> Result<wire::Capacity, Error> {
    let measured = runtime.measure().await;
    let measured =
        measured.map_err(|error| Error::Runtime(deploy_service::telemetry::chain(&error)))?;
    Ok(wire::Capacity {
        slots: config.slots.min(measured.slots),
        memory_bytes: config.memory_bytes,
        runs_per_second: measured.runs_per_second,
        isolation: vec![measured.class.to_string()],
    })
}

/// The same as capacities, out of which tasks reserve.
pub(crate) fn offered_capacities(offer: &wire::Capacity) -> Vec<Capacity> {
    let classes = offer.isolation.iter().filter_map(|class| class.parse().ok());
    let capacity = |class| Capacity {
        class,
        slots: offer.slots,
        memory_bytes: offer.memory_bytes,
        runs_per_second: offer.runs_per_second,
    };
    classes.map(capacity).collect()
}

/// What a task's agent is made of, read once from its assignment.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) artifact: Digest,
    pub(crate) kind: Kind,
    pub(crate) limits: Limits,
}

impl Plan {
    /// Reads it; `Err` says what the registry got wrong.
    pub(crate) fn read(agent: &wire::Agent) -> Result<Self, String> {
        let artifact =
            Digest::parse(&agent.artifact).map_err(|error| format!("artifact: {error}"))?;
        let kind = match agent.kind.parse::<AgentKind>() {
            Ok(AgentKind::Component) => Kind::Agent,
            Ok(AgentKind::Command) => Kind::Command,
            Err(_) => return Err(format!("kind {} is not known to this node", agent.kind)),
        };
        let bounds = agent.limits.ok_or("the agent has no limits")?;
        let limits = Limits {
            fuel: bounds.fuel,
            memory_bytes: bounds.memory_bytes,
            wall_ms: bounds.wall_ms,
            // An agent may have been deployed before the registry refused more.
            output_bytes: bounds.output_bytes.min(OUTCOME_BYTES_MAX as u64),
            cancel_grace_ms: CANCEL_GRACE_MS,
            ..Limits::default()
        };
        Ok(Self { artifact, kind, limits })
    }
}

/// Fetches, verifies and compiles the artifact, or finds it ready.
pub(crate) async fn prepare(
    runtime: &Runtime,
    artifacts: &Artifacts,
    plan: &Plan,
) -> Result<Arc<Prepared>, Outcome> {
    if let Ok(prepared) = runtime.prepared(&plan.artifact).await
        && prepared.kind() == plan.kind
    {
        return Ok(prepared);
    }
    let bytes = artifacts.bytes(&plan.artifact).await;
    let bytes =
        bytes.map_err(|reason| Outcome::Fault { retryable: true, side_effects: false, reason })?;
    let prepared = runtime.prepare(&plan.artifact, bytes.into(), Some(plan.kind)).await;
    prepared.map_err(|error| error.outcome())
}

/// One run: what, with what, and how it is heard and ended.
pub(crate) struct Run {
    pub(crate) prepared: Arc<Prepared>,
    /// The A2A message (JSON).
    pub(crate) input: bytes::Bytes,
    /// The messages (JSON) before it in its task.
    pub(crate) history: Vec<bytes::Bytes>,
    pub(crate) limits: Limits,
    pub(crate) io: Io,
    /// Ends the guest wherever it is.
    pub(crate) stop: Shutdown,
}

/// Runs a message through the agent.
pub(crate) async fn run(runtime: Arc<Runtime>, run: Run) -> Outcome {
    let input = match read(&run.input, &run.history) {
        Ok(input) => input,
        Err(error) => {
            let message = deploy_service::telemetry::chain(&error);
            return Outcome::Failed { code: "bad-input".to_owned(), message };
        }
    };
    tokio::select! {
        outcome = runtime.run(run.prepared, input, run.limits, run.io) => outcome,
        // The lease is gone: the run's future is dropped, which ends the guest wherever it is.
        () = run.stop.triggered() => Outcome::Cancelled,
    }
}

/// Reads what is said as the registry did when it took it.
fn read(input: &[u8], history: &[bytes::Bytes]) -> Result<Input, Invalid> {
    let history = history.iter().map(|message| Message::parse(message));
    Ok(Input { message: Message::parse(input)?, history: history.collect::<Result<_, _>>()? })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::json::DEPTH_MAX;

    use super::*;

    #[test]
    fn messages_of_the_greatest_depth_are_read() {
        // The message and its metadata are two levels.
        let arrays = DEPTH_MAX - 2;
        let deep = format!("{}{}", "[".repeat(arrays), "]".repeat(arrays));
        let message = format!(
            r#"{{"messageId":"m","role":"ROLE_USER","parts":[{{"text":"x"}}],"metadata":{{"n":{deep}}}}}"#
        );
        let input = read(message.as_bytes(), &[bytes::Bytes::from(message.clone())]).unwrap();
        assert!(serde_json::to_string(&input.message).unwrap().contains(&deep));
        assert_eq!(input.history, [input.message]);
    }
}
