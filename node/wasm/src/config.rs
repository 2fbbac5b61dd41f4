//! How much of the machine the WASM tier may use.
//!
//! Decides the defaults. Must never be read from the environment here: the role's configuration
//! fills it.

use std::path::PathBuf;

/// Bounds of one [`crate::Runtime`]. Each is a promise to the operator, so none is optional.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where compiled code and the secret key that authenticates it are kept. Only the node's own
    /// user may write there.
    pub cache_dir: PathBuf,
    /// Instances that may live at the same time; one more is refused, never queued.
    pub slots: u32,
    /// Linear memory that one instance may have at most, in bytes, whatever its task asks.
    pub memory_bytes_max: u64,
    /// Threads that run guests. Guests never run on the caller's threads.
    pub workers: usize,
    /// Compilations at the same time; more wait.
    pub compiles_max: usize,
    /// Size of an artifact, in bytes, above which it is refused before it is compiled.
    pub artifact_bytes_max: usize,
    /// Compiled artifacts kept in memory; the one unused for longest makes room.
    pub prepared_max: usize,
}

impl Config {
    /// The defaults for a machine with so many cores.
    ///
    /// Compiling leaves one core free, because compile bursts starve a host; 64 slots of at most
    /// 256 MiB reserve address space only, since the pool commits what is touched.
    #[must_use]
    pub fn new(cache_dir: PathBuf, cores: usize) -> Self {
        let cores = cores.max(1);
        Self {
            cache_dir,
            slots: 64,
            memory_bytes_max: 256 << 20,
            workers: cores,
            compiles_max: cores.saturating_sub(1).max(1),
            artifact_bytes_max: 64 << 20,
            prepared_max: 64,
        }
    }
}
