//! The wasmtime engine and its epoch ticker.
//!
//! Decides which WASM features guests get, how the pool is cut, and what makes a busy guest yield.
//! Must never allow what breaks a limit: no shared memories (the limiter does not see them), no
//! second 64-bit address space, no on-demand allocation outside the pool.

use std::time::Duration;

use wasmtime::{
    Engine, Error, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    WasmBacktraceDetails,
};

use crate::Config;
use crate::reserve::Share;

/// How often a busy guest lets others run and looks at its deadlines. 10 ms is the time slice of
/// most schedulers, and a hundred wake-ups a second cost nothing measurable.
pub(crate) const EPOCH: Duration = Duration::from_millis(10);

/// Core instances, memories and tables that one component may have. Components made by
/// wit-component have 4 or 5 instances and 1 memory; those of componentize-py, the largest known,
/// have some 30 instances that share one memory and one table.
pub(crate) const INSTANCES_MAX: u32 = 64;
/// See [`INSTANCES_MAX`].
pub(crate) const MEMORIES_MAX: u32 = 4;
/// See [`INSTANCES_MAX`].
pub(crate) const TABLES_MAX: u32 = 8;
/// Elements of one table. Large C# and Python guests have a little more than 10,000 functions.
pub(crate) const TABLE_ELEMENTS_MAX: usize = 20_000;

/// WebAssembly counts memory in pages of this size.
const PAGE_BYTES: u64 = 64 << 10;

/// Native stack of guest code: deep enough for recursive parsers; wasmtime's own default.
const STACK_BYTES: usize = 512 << 10;

/// Makes an engine that compiles and runs everything on this node, with this much of the host.
pub(crate) fn build(config: &Config, share: Share) -> Result<Engine, Error> {
    let mut wasm = wasmtime::Config::new();
    if share.is_tight {
        wasm.memory_reservation(memory_bytes(config));
    }
    wasm.consume_fuel(true)
        .epoch_interruption(true)
        .wasm_component_model(true)
        .wasm_memory64(false)
        .shared_memory(false)
        .max_wasm_stack(STACK_BYTES)
        // The host functions run on the same stack as the guest that calls them.
        .async_stack_size(STACK_BYTES + (1 << 20))
        // Names and lines in a trap are worth having; source files are never read.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .cranelift_opt_level(OptLevel::Speed)
        // Our own bound counts compilations; rayon would give each of them every core.
        .parallel_compilation(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(config, share.slots)));
    Engine::new(&wasm)
}

/// The largest memory of an instance, in whole pages.
fn memory_bytes(config: &Config) -> u64 {
    config.memory_bytes_max.next_multiple_of(PAGE_BYTES)
}

fn pool(config: &Config, slots: u32) -> PoolingAllocationConfig {
    let memory_bytes = usize::try_from(memory_bytes(config)).unwrap_or(usize::MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_stacks(slots)
        .total_core_instances(slots.saturating_mul(INSTANCES_MAX))
        // Almost every component has one memory and at most two tables, so half the greatest need
        // is plenty; a run that finds the pool empty ends as a fault that may be tried again.
        .total_memories(slots.saturating_mul(MEMORIES_MAX / 2))
        .total_tables(slots.saturating_mul(TABLES_MAX / 2))
        .max_core_instances_per_component(INSTANCES_MAX)
        .max_memories_per_component(MEMORIES_MAX)
        .max_tables_per_component(TABLES_MAX)
        .max_memories_per_module(MEMORIES_MAX)
        .max_tables_per_module(TABLES_MAX)
        .table_elements(TABLE_ELEMENTS_MAX)
        .max_memory_size(memory_bytes);
    pool
}

/// Starts the thread that moves the epoch on until the engine is gone.
///
/// A thread and not a task: when every worker is inside a guest, no task would run, and it is the
/// epoch that gets the workers out again.
pub(crate) fn start_ticker(engine: &Engine) -> std::io::Result<()> {
    let weak = engine.weak();
    let tick = move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(EPOCH);
        }
    };
    std::thread::Builder::new().name("wasm-epoch".to_owned()).spawn(tick).map(drop)
}
