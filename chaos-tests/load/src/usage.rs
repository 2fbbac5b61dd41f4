//! What the processes of each role have used: CPU time, voluntary context switches and memory.
//! It decides what a sum over the servers is. It must never count the generator among them.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::cores;
use crate::switches::Switches;

/// Whose CPU time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// All members.
    Registry,
    /// The gateway.
    Gateway,
    /// The node, guests included.
    Node,
    /// The load generator: no server.
    Generator,
}

/// What was used up to a moment, in the order of [`Role`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample([(Duration, Switches); 4]);

/// What was used between samples, in the order of [`Role`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used([(Duration, u64); 4]);

impl Role {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Registry, Self::Gateway, Self::Node, Self::Generator];
    /// Those that serve.
    pub(crate) const SERVERS: [Self; 3] = [Self::Registry, Self::Gateway, Self::Node];

    /// Its name in the output.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Gateway => "gateway",
            Self::Node => "node",
            Self::Generator => "load generator",
        }
    }
}

impl Sample {
    /// Looks at these processes, by role.
    ///
    /// # Errors
    /// One of them has ended.
    pub(crate) fn of(processes: &[Vec<u32>; 4]) -> Result<Self> {
        let mut sample = Self::default();
        for ((cpu, switches), pids) in sample.0.iter_mut().zip(processes) {
            for pid in pids {
                *cpu += cores::used(*pid)?;
                switches.look(*pid)?;
            }
        }
        Ok(sample)
    }
}

impl Used {
    /// CPU time of one role, in seconds.
    pub(crate) fn of(&self, role: Role) -> f64 {
        self.0[role as usize].0.as_secs_f64()
    }

    /// CPU time of all servers, in seconds.
    pub(crate) fn servers(&self) -> f64 {
        Role::SERVERS.into_iter().map(|role| self.of(role)).sum()
    }

    /// Context switches of one role, those of threads that have ended left out.
    pub(crate) fn switches(&self, role: Role) -> f64 {
        self.0[role as usize].1 as f64
    }

    /// Adds what was used from `before` to `after`.
    pub(crate) fn add_between(&mut self, before: &Sample, after: &Sample) {
        for (place, (cpu, switches)) in self.0.iter_mut().enumerate() {
            let (before, after) = (&before.0[place], &after.0[place]);
            *cpu += after.0.saturating_sub(before.0);
            *switches += after.1.since(&before.1);
        }
    }
}

/// Resident memory of a process, in bytes.
///
/// # Errors
/// There is no such process.
pub(crate) fn resident(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
    let status = status.with_context(|| format!("no process {pid}"))?;
    Ok(resident_kib(&status).context("no VmRSS in /proc")? << 10)
}

/// The line of `proc_pid_status(5)`.
fn resident_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_resident_is_told_from_what_was_at_the_most() {
        let status = "VmHWM:\t    9000 kB\nVmRSS:\t    1234 kB\nRssAnon:\t     800 kB\n";
        assert_eq!(resident_kib(status), Some(1_234));
        assert_eq!(resident_kib("VmHWM:\t    9000 kB\n"), None);
        assert!(resident(std::process::id()).unwrap() > 0);
        assert!(resident(u32::MAX).is_err());
    }

    #[test]
    fn what_one_role_uses_is_no_others() {
        let own = || Sample::of(&[vec![], vec![std::process::id()], vec![], vec![]]).unwrap();
        let before = own();
        std::thread::sleep(Duration::from_millis(1));
        let mut used = Used::default();
        used.add_between(&before, &own());
        assert!(used.switches(Role::Gateway) >= 1.0);
        assert_eq!(used.switches(Role::Registry) + used.switches(Role::Generator), 0.0);
        assert!(Sample::of(&[vec![u32::MAX], vec![], vec![], vec![]]).is_err());
    }

    #[test]
    fn the_generators_time_is_not_the_servers() {
        let seconds = |seconds| (Duration::from_secs(seconds), 0);
        let used = Used([seconds(1), seconds(2), seconds(4), seconds(8)]);
        assert_eq!(used.servers(), 7.0);
        assert_eq!(used.of(Role::Generator), 8.0);
    }
}
