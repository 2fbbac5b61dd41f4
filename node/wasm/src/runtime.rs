//! The runtime: one engine, its worker threads, and the artifacts that are ready.
//!
//! Decides who compiles and who runs, and when one more is refused. Must never compile one artifact
//! twice at the same time, and must never queue a run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use node_core::Outcome;
use proto_types::Digest;
use tokio::sync::{OnceCell, Semaphore};
use tokio_util::task::AbortOnDropHandle;
use wasmtime::component::Linker;
use wasmtime::{Engine, Error};

use crate::cache::Cache;
use crate::host::{self, State};
use crate::prepare::{self, Kind, PrepareError, Prepared};
use crate::{Config, Input, Io, Limits, engine, reserve, run};

/// Why the runtime cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The host functions do not fit the engine.
    #[error("the WASM engine cannot be set up")]
    Engine(#[from] Error),
    /// The host grants no address space for even one slot.
    #[error(
        "the host grants no address space for one agent of {memory_mib} MiB: lower the node's \
         setting `memory`, or raise the host's limit (`ulimit -v`)"
    )]
    AddressSpace {
        /// What one instance may have.
        memory_mib: u64,
        /// What the host said.
        #[source]
        source: Error,
    },
    /// A thread or the cache folder cannot be had.
    #[error("the WASM runtime cannot have its {what}")]
    Io {
        /// What it needs.
        what: &'static str,
        /// What the machine said.
        #[source]
        source: std::io::Error,
    },
}

/// Runs hosted agents. Dropping it ends every run.
pub struct Runtime {
    pub(crate) config: Config,
    shared: Arc<Shared>,
    slots: Arc<Semaphore>,
    compiles: Arc<Semaphore>,
    ready: Mutex<Ready>,
    /// Taken only when the runtime is dropped.
    workers: Option<tokio::runtime::Runtime>,
}

/// What worker threads need.
struct Shared {
    engine: Engine,
    linker: Linker<State>,
    cache: Cache,
}

/// The artifacts in memory. A cell is filled once; whoever comes meanwhile waits for it.
#[derive(Default)]
struct Ready {
    cells: BTreeMap<Digest, (u64, Cell)>,
    uses: u64,
}

type Cell = Arc<OnceCell<Arc<Prepared>>>;

impl Runtime {
    /// Starts the threads and opens the cache. Where the host grants less than the configuration asks for, there are
    /// fewer [`Runtime::slots`].
    ///
    /// # Errors
    /// What is missing.
    pub fn new(config: Config) -> Result<Arc<Self>, StartError> {
        let io = |what| move |source| StartError::Io { what, source };
        let (engine, slots) = reserve::engine(&config)?;
        let config = Config { slots, ..config };
        let linker = host::linker(&engine)?;
        let cache = Cache::open(&config.cache_dir, &engine).map_err(io("cache folder"))?;
        engine::start_ticker(&engine).map_err(io("epoch thread"))?;
        let workers = workers(config.workers).map_err(io("worker threads"))?;
        Ok(Arc::new(Self {
            slots: Arc::new(Semaphore::new(config.slots as usize)),
            compiles: Arc::new(Semaphore::new(config.compiles_max.max(1))),
            shared: Arc::new(Shared { engine, linker, cache }),
            ready: Mutex::default(),
            workers: Some(workers),
            config,
        }))
    }

    /// Instances that may live at the same time: as many as were asked for, or as the host grants.
    #[must_use]
    pub fn slots(&self) -> u32 {
        self.config.slots
    }

    /// Makes an artifact ready: from memory, from the code on disk, or by compiling its bytes.
    ///
    /// Idempotent; cancel safe, except that a compilation that has begun goes on to its end.
    ///
    /// # Errors
    /// Why it cannot be run here.
    pub async fn prepare(
        &self,
        digest: &Digest,
        bytes: Bytes,
        declared: Option<Kind>,
    ) -> Result<Arc<Prepared>, PrepareError> {
        let (found, bytes_max) = (bytes.len(), self.config.artifact_bytes_max);
        if found > bytes_max {
            return Err(PrepareError::TooLarge { bytes: found, bytes_max });
        }
        let prepared = self.obtain(*digest, Some(bytes)).await?;
        match declared {
            Some(expected) if expected != prepared.kind() => {
                Err(PrepareError::WrongKind { expected, found: prepared.kind() })
            }
            _ => Ok(prepared),
        }
    }

    /// The same without the bytes, so that they need not be fetched again.
    ///
    /// # Errors
    /// [`PrepareError::Absent`] when neither memory nor disk has it.
    pub async fn prepared(&self, digest: &Digest) -> Result<Arc<Prepared>, PrepareError> {
        self.obtain(*digest, None).await
    }

    /// The digests of the artifacts in memory, for heartbeats.
    #[must_use]
    pub fn cached(&self) -> Vec<Digest> {
        let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let filled = ready.cells.iter().filter(|(_, (_, cell))| cell.initialized());
        filled.map(|(digest, _)| *digest).collect()
    }

    /// Runs an artifact once. Dropping the future kills the run within an epoch.
    ///
    /// More runs than slots end at once as a fault that may be tried again.
    pub async fn run(
        &self,
        prepared: Arc<Prepared>,
        input: impl Into<Input>,
        limits: Limits,
        io: Io,
    ) -> Outcome {
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            return fault(format!("all {} slots are taken", self.config.slots), false);
        };
        let memory_bytes = limits.memory_bytes.min(self.config.memory_bytes_max);
        let limits = Limits { memory_bytes, ..limits };
        let (engine, input) = (self.shared.engine.clone(), input.into());
        let guest = async move {
            let outcome = run::drive(engine, &prepared, input, limits, io).await;
            drop(slot);
            outcome
        };
        match AbortOnDropHandle::new(self.workers().spawn(guest)).await {
            Ok(outcome) => outcome,
            Err(error) => fault(error.to_string(), true),
        }
    }

    async fn obtain(
        &self,
        digest: Digest,
        bytes: Option<Bytes>,
    ) -> Result<Arc<Prepared>, PrepareError> {
        let cell = self.cell(digest);
        let prepared = cell.get_or_try_init(|| self.make(digest, bytes)).await?;
        Ok(Arc::clone(prepared))
    }

    /// Loads or compiles on a thread of the workers, and links.
    async fn make(
        &self,
        digest: Digest,
        bytes: Option<Bytes>,
    ) -> Result<Arc<Prepared>, PrepareError> {
        let permit = Arc::clone(&self.compiles).acquire_owned().await;
        let permit = permit.expect("Runtime never closes its semaphores");
        let shared = Arc::clone(&self.shared);
        let work = move || {
            // Held by the work and not by the caller, who may give up while it still goes on.
            let _permit = permit;
            let Shared { engine, linker, cache } = &*shared;
            let component = match (cache.load(engine, &digest), bytes) {
                (Some(component), _) => component,
                (None, Some(bytes)) => prepare::compile(engine, cache, &digest, &bytes)?,
                (None, None) => return Err(PrepareError::Absent),
            };
            Prepared::link(digest, &component, linker).map(Arc::new)
        };
        self.workers().spawn_blocking(work).await.map_err(PrepareError::Compiler)?
    }

    /// The cell of an artifact, the one unused for longest making room.
    fn cell(&self, digest: Digest) -> Cell {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.uses += 1;
        let now = ready.uses;
        let (used, cell) = ready.cells.entry(digest).or_default();
        *used = now;
        let cell = Arc::clone(cell);
        if ready.cells.len() > self.config.prepared_max.max(1) {
            let oldest = ready.cells.iter().min_by_key(|(_, (used, _))| *used);
            if let Some(oldest) = oldest.map(|(digest, _)| *digest) {
                ready.cells.remove(&oldest);
            }
        }
        cell
    }

    fn workers(&self) -> &tokio::runtime::Runtime {
        self.workers.as_ref().expect("the workers are taken by drop alone")
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // A plain drop would block, which tokio forbids inside of async code.
        if let Some(workers) = self.workers.take() {
            workers.shutdown_background();
        }
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").field("config", &self.config).finish_non_exhaustive()
    }
}

fn workers(threads: usize) -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads.max(1))
        .thread_name("wasm-worker")
        // A busy guest is polled again and again, 10 ms each time; by default a worker would look
        // at timers only after 61 such polls, and at newly spawned runs after some tens.
        .event_interval(1)
        .global_queue_interval(1)
        .enable_all()
        .build()
}

fn fault(reason: String, side_effects: bool) -> Outcome {
    Outcome::Fault { retryable: true, side_effects, reason }
}
