//! The memory of a member, for its metrics: what the process holds that is not a file's, whoever asked the system for it.

use deploy_service::telemetry;
use registry_raft::Memory;

use crate::member::Member;

use super::{Figure, float};

/// Where Linux says it (proc_pid_status(5)).
const STATUS: &str = "/proc/self/status";

/// A figure for each holder whose part is known. What the process holds beyond the parts is held by the code itself, and by
/// what the allocator keeps of memory that was given back.
pub(super) fn figures(member: &Member) -> Vec<Figure> {
    let status = std::fs::read_to_string(STATUS).ok();
    let own = status.and_then(|status| own_bytes(&status));
    let own = own.map(|own| ("memory_own_bytes", "Memory of this process that is no file's.", own));
    let databases = match member.registry.memory() {
        Ok(memory) => of_databases(memory).to_vec(),
        Err(error) => {
            let error = telemetry::chain(&error);
            tracing::warn!(error, "the databases do not say what they hold in memory");
            Vec::new()
        }
    };
    let all = own.into_iter().chain(databases);
    all.map(|(name, help, bytes)| (name, help, float(bytes))).collect()
}

fn of_databases(memory: Memory) -> [(&'static str, &'static str, u64); 5] {
    let Memory { log, state, block_cache_bytes } = memory;
    [
        ("log_memory_tables_bytes", "Log entries in memory.", log.memory_tables_bytes),
        ("log_table_readers_bytes", "Kept of the log's open files.", log.table_readers_bytes),
        ("state_memory_tables_bytes", "Newest writes in memory.", state.memory_tables_bytes),
        ("state_table_readers_bytes", "Kept of the state's open files.", state.table_readers_bytes),
        ("block_cache_bytes", "Blocks of log and state in the cache.", block_cache_bytes),
    ]
}

/// What `RssAnon` says, in bytes.
fn own_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib.saturating_mul(1_024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_own_memory_is_read_from_the_systems_words() {
        let status = "VmRSS:\t   60000 kB\nRssAnon:\t   41216 kB\nRssFile:\t   18784 kB\n";
        assert_eq!(own_bytes(status), Some(41_216 * 1_024));
        for other in ["", "RssAnon:\n", "RssAnon:\t12 MB\n", "RssAnon:\t-1 kB\n"] {
            assert_eq!(own_bytes(other), None, "{other:?}");
        }
    }
}
