//! Which cores the servers and the load generator have, and what processes used of them.
//! It decides the split: one core for the generator, the others for the servers, which inherit
//! theirs. It must never count the generator's time as a server's.

use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::bounds::LIFTED;

/// `utime` and `stime` are in these (proc_pid_stat(5)); Linux shows user space 100 a second on
/// every architecture.
const TICK: Duration = Duration::from_millis(10);

/// Starts this program again as `measure`, on the servers' cores, which the processes that it
/// starts inherit. (Affinity and environment of a running process cannot be changed without unsafe
/// code.)
///
/// # Errors
/// It cannot be started.
pub(crate) fn start_measuring(shared: bool) -> Result<ExitCode> {
    let own = std::env::current_exe()?;
    let servers = split().filter(|_| !shared).map(|split| split.servers);
    let mut command = match servers {
        Some(servers) => {
            let mut command = Command::new("taskset");
            command.args(["--cpu-list", &servers]).arg(own);
            command
        }
        None => Command::new(own),
    };
    let status = command.arg("measure").args(std::env::args_os().skip(1)).envs(LIFTED).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Moves this process, with all its threads, to the generator's core; what it starts before stays
/// where it is. The answer says who is where.
pub(crate) fn leave_servers_alone(shared: bool) -> String {
    let moved = split().filter(|_| !shared).filter(|split| taskset(&split.generator));
    match moved {
        Some(split) => {
            format!("servers on cores {}, load generator on {}", split.servers, split.generator)
        }
        None => "servers and load generator share all cores".to_owned(),
    }
}

/// Moves this process back to the servers' cores, which the servers that it starts next inherit.
///
/// # Errors
/// The system refuses: they would be measured on the generator's core.
pub(crate) fn join_servers(shared: bool) -> Result<()> {
    let Some(split) = split().filter(|_| !shared) else { return Ok(()) };
    ensure!(taskset(&split.servers), "no way back to the servers' cores {}", split.servers);
    Ok(())
}

/// Core lists as taskset reads them.
struct Split {
    servers: String,
    generator: String,
}

/// The split, if there are two cores or more, and taskset. It counts the machine's cores, not those
/// of this process, so that it comes out the same before and after.
fn split() -> Option<Split> {
    let cores = std::fs::read_to_string("/proc/cpuinfo")
        .ok()?
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let quiet =
        |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    let there =
        quiet(Command::new("taskset").arg("--version")).is_ok_and(|status| status.success());
    let last = cores.checked_sub(1).filter(|last| *last > 0 && there)?;
    let servers = if last == 1 { "0".to_owned() } else { format!("0-{}", last - 1) };
    Some(Split { servers, generator: last.to_string() })
}

fn taskset(cores: &str) -> bool {
    let own = std::process::id().to_string();
    let mut command = Command::new("taskset");
    command.args(["--all-tasks", "--cpu-list", "--pid", cores, &own]);
    command.stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// User and system time of a process: all its threads, ended ones too, without its children.
///
/// # Errors
/// There is no such process.
pub(crate) fn used(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("no process {pid}"))?;
    let ticks = ticks(&stat).with_context(|| format!("/proc/{pid}/stat cannot be read"))?;
    Ok(TICK * ticks)
}

/// Fields 14 and 15. The second one, the program's name, may hold blanks and brackets.
fn ticks(stat: &str) -> Option<u32> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u32>().ok();
    next()?.checked_add(next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_read_behind_any_program_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 3 4 20 0 9 0 100 1 1";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(ticks("7 (a"), None);
    }

    #[test]
    fn this_process_uses_time() {
        assert!(used(std::process::id()).is_ok());
        assert!(used(u32::MAX).is_err());
    }
}
