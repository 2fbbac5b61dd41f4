//! Voluntary context switches: how often threads gave up a core because they had to wait.
//! It must never count what a thread did before the first of two looks. What it did is lost if it ends between them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

/// The count of each thread, by its number, at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Switches(BTreeMap<u32, u64>);

impl Switches {
    /// Adds the threads that a process has now.
    ///
    /// # Errors
    /// There is no such process, or the system does not count.
    pub(crate) fn look(&mut self, pid: u32) -> Result<()> {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
        for thread in threads.with_context(|| format!("no process {pid}"))?.flatten() {
            let number = thread.file_name().to_str().and_then(|name| name.parse().ok());
            // A thread may end while it is looked at.
            let status = std::fs::read_to_string(thread.path().join("status"));
            let (Some(number), Ok(status)) = (number, status) else { continue };
            let count = voluntary(&status).context("/proc does not count context switches")?;
            self.0.insert(number, count);
        }
        Ok(())
    }

    /// How many there were since an earlier look, of all threads together.
    pub(crate) fn since(&self, before: &Self) -> u64 {
        let before = |thread: &u32| before.0.get(thread).copied().unwrap_or(0);
        self.0.iter().map(|(thread, count)| count.saturating_sub(before(thread))).sum()
    }
}

/// The line of `proc_pid_status(5)`.
fn voluntary(status: &str) -> Option<u64> {
    let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
    count.trim().parse().ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn voluntary_switches_are_told_from_the_others() {
        let status = "Threads:\t2\nvoluntary_ctxt_switches:\t72\nnonvoluntary_ctxt_switches:\t5\n";
        assert_eq!(voluntary(status), Some(72));
        assert_eq!(voluntary("nonvoluntary_ctxt_switches:\t5\n"), None);
        assert_eq!(voluntary("voluntary_ctxt_switches:\tmany\n"), None);
    }

    #[test]
    fn a_thread_that_begins_counts_and_one_that_ended_is_left_out() {
        let look = |threads: &[(u32, u64)]| Switches(threads.iter().copied().collect());
        let (before, after) = (look(&[(1, 100), (2, 50)]), look(&[(1, 107), (3, 4)]));
        assert_eq!(after.since(&before), 11);
        assert_eq!(after.since(&after), 0);
        // The number of a thread that ended is given to a later one.
        assert_eq!(look(&[(2, 3)]).since(&before), 0);
    }

    #[test]
    fn a_thread_that_sleeps_gives_up_its_core() {
        let look = || {
            let mut switches = Switches::default();
            switches.look(std::process::id()).map(|()| switches)
        };
        let before = look().unwrap();
        for _ in 0..10 {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        assert!(look().unwrap().since(&before) >= 10);
        assert!(Switches::default().look(u32::MAX).is_err());
    }
}
