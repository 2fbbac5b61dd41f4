//! What a guest can reach: its own streams, clocks, randomness, and the events of the contract.
//!
//! Decides the whole authority of a guest. Must never hand out a file, a directory, an environment
//! variable, an argument, a socket or the node's own standard streams.

use bytes::Bytes;
use node_core::{Message, Outcome};
use tokio::sync::{mpsc, watch};
use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime::{Engine, Error};
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::bindings::ecumene::agent::{events, types};
use crate::convert::BadOutput;
use crate::limits::{Limits, Meter};
use crate::stdio::Capped;
use crate::{Event, convert};

/// What is kept of the standard error of a guest: enough for a panic message and its place.
const STDERR_BYTES_MAX: u64 = 8 << 10;

/// Streams, pollables and other handles that a guest may hold: far more than any standard library
/// opens, and little enough to cost the node nothing.
const HANDLES_MAX: usize = 1_000;

/// Bytes of randomness in one call: the work of one host call must stay small, because nothing can
/// interrupt it.
const RANDOM_BYTES_MAX: u64 = 64 << 10;

/// How the caller and a run talk.
#[derive(Debug, Clone)]
pub struct Io {
    /// Where events go. When it is full the guest waits; when it is closed the run ends.
    pub events: mpsc::Sender<Event>,
    /// Becomes true when the caller wants the run cancelled.
    pub cancel: watch::Receiver<bool>,
}

/// What a run is about.
#[derive(Debug, Clone)]
pub struct Input {
    /// The message to be handled.
    pub message: Message,
    /// What was said in its task before, oldest first.
    pub history: Vec<Message>,
}

impl From<Message> for Input {
    fn from(message: Message) -> Self {
        Self { message, history: Vec::new() }
    }
}

/// Nobody takes the events of a run any more. It travels through the guest as a trap.
#[derive(Debug, thiserror::Error)]
#[error("nobody takes the events of this run any more")]
pub(crate) struct SinkClosed;

/// The state of one guest.
pub(crate) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    io: Io,
    pub(crate) meter: Meter,
    /// Whether the guest has asked for a cancel and seen that there is one.
    pub(crate) cancel_seen: bool,
    history: Vec<Message>,
    /// Whether the guest has emitted anything.
    emitted: bool,
    /// Whether it wants its answer to be a message.
    as_message: bool,
}

/// What the guest wrote to its standard streams.
pub(crate) struct Streams {
    pub(crate) stdout: Capped,
    pub(crate) stderr: Capped,
}

impl State {
    /// The state of a guest that reads `stdin`, and its streams.
    pub(crate) fn new(
        io: Io,
        limits: &Limits,
        stdin: Bytes,
        history: Vec<Message>,
    ) -> (Self, Streams) {
        let stdout = Capped::strict(limits.output_bytes);
        let stderr = Capped::lossy(STDERR_BYTES_MAX);
        let mut wasi = WasiCtx::builder();
        wasi.stdin(MemoryInputPipe::new(stdin))
            .stdout(stdout.clone())
            .stderr(stderr.clone())
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .max_random_size(RANDOM_BYTES_MAX);
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_MAX);
        let meter = Meter::new(limits);
        let (wasi, cancel_seen, emitted, as_message) = (wasi.build(), false, false, false);
        let state = Self { wasi, table, io, meter, cancel_seen, history, emitted, as_message };
        (state, Streams { stdout, stderr })
    }

    /// The outcome, or the message that the guest wants to answer with. Whoever has emitted something has a task.
    pub(crate) fn answered(&self, outcome: Outcome) -> Result<Outcome, BadOutput> {
        match outcome {
            Outcome::Completed { parts } if self.as_message && !self.emitted => {
                if parts.is_empty() {
                    return Err(BadOutput::invalid("the message", "it has no parts"));
                }
                Ok(Outcome::Message { parts })
            }
            outcome => Ok(outcome),
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl types::Host for State {}

impl events::Host for State {
    async fn emit(&mut self, event: types::Event) -> wasmtime::Result<()> {
        let event = convert::event(event, &mut self.meter)?;
        self.emitted = true;
        self.io.events.send(event).await.map_err(|_| SinkClosed)?;
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "copied in one statement")]
    async fn cancelled(&mut self) -> wasmtime::Result<bool> {
        self.cancel_seen = *self.io.cancel.borrow();
        Ok(self.cancel_seen)
    }

    async fn history(&mut self) -> wasmtime::Result<Vec<types::Message>> {
        Ok(self.history.iter().map(convert::message).collect())
    }

    async fn answer_as_message(&mut self) -> wasmtime::Result<()> {
        self.as_message = true;
        Ok(())
    }
}

/// Everything that any guest may import.
pub(crate) fn linker(engine: &Engine) -> Result<Linker<State>, Error> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    events::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    types::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    Ok(linker)
}
