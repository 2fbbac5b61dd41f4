//! One run of one guest, from a fresh instance to an outcome.
//!
//! Decides what each way of ending means. Must never let an internal text of the host reach the
//! caller as the agent's, and must never outlive its wall deadline.

use std::time::{Duration, Instant};

use bytes::Bytes;
use node_core::{Content, LimitKind, Message, Outcome, Part};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout_at;
use wasmtime::{Engine, Error, PoolConcurrencyLimitError, Store, Trap, UpdateDeadline};
use wasmtime_wasi::I32Exit;
use wasmtime_wasi::p2::bindings::CommandPre;

use crate::bindings::AgentPre;
use crate::convert::{self, BadOutput};
use crate::host::{Input, Io, SinkClosed, State, Streams};
use crate::limits::{LimitHit, Limits};
use crate::prepare::{Entry, Prepared};
use crate::{ArtifactChunk, Event};

/// Bytes that a host call may make the host allocate beyond the run's whole output, for names and
/// structure. Without a bound, a list of many strings that share one buffer multiplies it.
const HOSTCALL_SLACK_BYTES: u64 = 1 << 20;

/// The artifact that carries what a WASI command wrote.
const STDOUT: &str = "stdout";

/// Runs a guest to its end, or ends it.
pub(crate) async fn drive(
    engine: Engine,
    prepared: &Prepared,
    input: Input,
    limits: Limits,
    io: Io,
) -> Outcome {
    let wall_at = tokio::time::Instant::now() + Duration::from_millis(limits.wall_ms);
    let cancel = io.cancel.clone();
    let mut guest = Box::pin(guest(&engine, prepared, input, limits, io));
    tokio::select! {
        biased;
        outcome = &mut guest => outcome,
        () = cancelled(cancel) => {
            let grace = Duration::from_millis(limits.cancel_grace_ms);
            let until = wall_at.min(tokio::time::Instant::now() + grace);
            timeout_at(until, guest).await.unwrap_or(Outcome::Cancelled)
        }
        () = tokio::time::sleep_until(wall_at) => Outcome::Limit { limit: LimitKind::Wall },
    }
}

/// Waits for the cancel; for ever when the caller has dropped the switch.
#[expect(clippy::disallowed_methods, reason = "the guard ends with the condition")]
async fn cancelled(mut cancel: watch::Receiver<bool>) {
    let is_cancelled = cancel.wait_for(|cancelled| *cancelled).await.is_ok();
    if !is_cancelled {
        std::future::pending::<()>().await;
    }
}

async fn guest(
    engine: &Engine,
    prepared: &Prepared,
    Input { message, history }: Input,
    limits: Limits,
    io: Io,
) -> Outcome {
    let stdin = match &prepared.entry {
        Entry::Agent(_) => Bytes::new(),
        Entry::Command(_) => match serde_json::to_vec(&message) {
            Ok(json) => json.into(),
            Err(error) => return fault(false, &error),
        },
    };
    let events = io.events.clone();
    let (state, streams) = State::new(io, &limits, stdin, history);
    let mut store = match store(engine, state, &limits) {
        Ok(store) => store,
        Err(error) => return fault(false, &error),
    };
    let ended = match &prepared.entry {
        Entry::Agent(pre) => call_agent(&mut store, pre, &message).await,
        Entry::Command(pre) => call_command(&mut store, pre, &streams, &events).await,
    };
    match ended.unwrap_or_else(|error| blame(&error, &streams)) {
        fault @ Outcome::Fault { .. } => fault,
        // What a guest returns once it knows of the cancel is how it stopped, not what it found. One
        // that came to its end without knowing has done its work, and that stands.
        _ if store.data().cancel_seen => Outcome::Cancelled,
        outcome => outcome,
    }
}

fn store(engine: &Engine, state: State, limits: &Limits) -> Result<Store<State>, Error> {
    let wall_end = Instant::now() + Duration::from_millis(limits.wall_ms);
    let mut store = Store::try_new(engine, state)?;
    store.limiter(|state| &mut state.meter);
    store.set_fuel(limits.fuel)?;
    let hostcall_bytes = limits.output_bytes.saturating_add(HOSTCALL_SLACK_BYTES);
    store.set_hostcall_fuel(usize::try_from(hostcall_bytes).unwrap_or(usize::MAX));
    store.set_epoch_deadline(1);
    // The wall deadline is looked at here as well as by the timer outside, which is only heard when
    // a thread is free to hear it.
    store.epoch_deadline_callback(move |_| {
        if Instant::now() >= wall_end {
            return Err(LimitHit(LimitKind::Wall).into());
        }
        Ok(UpdateDeadline::Yield(1))
    });
    Ok(store)
}

async fn call_agent(
    store: &mut Store<State>,
    pre: &AgentPre<State>,
    message: &Message,
) -> Result<Outcome, Error> {
    let agent = pre.instantiate_async(&mut *store).await?;
    let returned = agent.call_handle(&mut *store, &convert::message(message)).await?;
    let state = store.data_mut();
    let outcome = convert::outcome(returned, &mut state.meter)?;
    Ok(state.answered(outcome)?)
}

async fn call_command(
    store: &mut Store<State>,
    pre: &CommandPre<State>,
    streams: &Streams,
    events: &mpsc::Sender<Event>,
) -> Result<Outcome, Error> {
    let command = pre.instantiate_async(&mut *store).await?;
    match command.wasi_cli_run().call_run(&mut *store).await {
        Ok(Ok(())) => {}
        Ok(Err(())) => return Ok(exit_failure(1, streams)),
        Err(error) => match error.downcast_ref::<I32Exit>() {
            Some(I32Exit(0)) => {}
            Some(I32Exit(status)) => return Ok(exit_failure(*status, streams)),
            None => return Err(error),
        },
    }
    if let Some(chunk) = stdout_artifact(streams) {
        events.send(Event::Artifact(chunk)).await.map_err(|_| SinkClosed)?;
    }
    Ok(Outcome::Completed { parts: Vec::new() })
}

/// What a command wrote, as text if it is text; nothing if it wrote nothing.
fn stdout_artifact(streams: &Streams) -> Option<ArtifactChunk> {
    let written = streams.stdout.take();
    if written.is_empty() {
        return None;
    }
    let part = match String::from_utf8(written) {
        Ok(text) => Part::text(text),
        Err(error) => Part {
            media_type: Some("application/octet-stream".to_owned()),
            ..Part::new(Content::Raw(error.into_bytes()))
        },
    };
    Some(ArtifactChunk {
        artifact_id: STDOUT.to_owned(),
        name: Some(STDOUT.to_owned()),
        description: None,
        parts: vec![part],
        append: false,
        last_chunk: true,
    })
}

fn exit_failure(status: i32, streams: &Streams) -> Outcome {
    failed("exit-status", &format!("the program ended with exit status {status}"), streams)
}

/// A failure of the agent's own, with what it wrote to standard error.
fn failed(code: &str, what: &str, streams: &Streams) -> Outcome {
    let stderr = streams.stderr.take();
    let stderr = String::from_utf8_lossy(&stderr);
    let message = match stderr.trim() {
        "" => what.to_owned(),
        written => format!("{what}; it wrote: {written}"),
    };
    Outcome::Failed { code: code.to_owned(), message }
}

fn fault(side_effects: bool, error: &dyn std::fmt::Display) -> Outcome {
    Outcome::Fault { retryable: true, side_effects, reason: error.to_string() }
}

/// Whose fault it is that the guest did not return.
fn blame(error: &Error, streams: &Streams) -> Outcome {
    let limit = |limit| Outcome::Limit { limit };
    if let Some(LimitHit(kind)) = error.downcast_ref() {
        return limit(*kind);
    }
    match error.downcast_ref() {
        Some(BadOutput::Limit(LimitHit(kind))) => return limit(*kind),
        Some(bad @ BadOutput::Invalid { .. }) => {
            return failed(
                "bad-output",
                &format!("the agent gave what cannot be told: {bad}"),
                streams,
            );
        }
        None => {}
    }
    match error.downcast_ref() {
        Some(Trap::OutOfFuel) => return limit(LimitKind::Cpu),
        Some(trap) => return failed("trap", &trap.to_string(), streams),
        None => {}
    }
    if let Some(I32Exit(status)) = error.downcast_ref() {
        return exit_failure(*status, streams);
    }
    if error.is::<SinkClosed>() {
        return fault(true, &SinkClosed);
    }
    if let Some(full) = error.downcast_ref::<PoolConcurrencyLimitError>() {
        return fault(false, full);
    }
    let cause = error.root_cause().to_string();
    // wasmtime gives this error no type of its own; a test holds the text.
    if cause.contains("fuel allocated for hostcalls has been exhausted") {
        return limit(LimitKind::Output);
    }
    tracing::info!(error = ?error, "a guest broke the contract");
    failed("broken-contract", "the agent called or returned something that is not valid", streams)
}
